/* split.c: rows shared out to training, validation, test, and folds. */
#include "base/base.h"
#include "wengert/data.h"
#include "wengert/random.h"

#include <math.h>
#include <stdlib.h>

wg_status wg_split(int64_t count, int64_t test_count, uint64_t seed, int64_t *train,
                   int64_t *test) {
    if (count < 0 || test_count < 0 || test_count > count) {
        return wg_fail(WG_ERROR_ARGUMENT, "split: %lld test rows of %lld", (long long)test_count,
                       (long long)count);
    }
    wg_key key = wg_key_name(wg_key_new(seed), "split");
    int64_t wanted = test_count;
    for (int64_t row = 0; row < count; row++) {
        uint64_t draw = wg_random_below(key, (uint64_t)row, (uint64_t)(count - row));
        if (draw < (uint64_t)wanted) {
            *test++ = row;
            wanted--;
        } else {
            *train++ = row;
        }
    }
    return WG_OK;
}

/* ---- Parts ----------------------------------------------------------------------------------- */

/* A row, its label, and its place in a random order. */
typedef struct ranked {
    int64_t label;
    int64_t place;
    int64_t row;
} ranked;

static int by_label_then_place(const void *left, const void *right) {
    const ranked *a = left, *b = right;
    if (a->label != b->label) {
        return a->label < b->label ? -1 : 1;
    }
    return a->place < b->place ? -1 : a->place > b->place ? 1 : 0;
}

static int64_t label_of(const wg_array *labels, int64_t row) {
    if (labels == NULL) {
        return 0;
    }
    return labels->dtype == WG_U8 ? ((const uint8_t *)labels->data)[row]
                                  : ((const int64_t *)labels->data)[row];
}

static wg_status check_parts(int64_t count, int parts, const double *weights,
                             wg_split_options options) {
    double sum = 0;
    for (int p = 0; p < parts && weights != NULL; p++) {
        if (!(weights[p] >= 0) || isinf(weights[p])) {
            return wg_fail(WG_ERROR_ARGUMENT, "split: the weight of part %d is %g", p, weights[p]);
        }
        sum += weights[p];
    }
    if (count < 0 || parts < 1 || weights == NULL || !(sum > 0) || isinf(sum)) {
        return wg_fail(WG_ERROR_ARGUMENT, "split: %lld rows to %d parts that weigh %g",
                       (long long)count, parts, sum);
    }
    const wg_array *labels = options.labels;
    if (labels != NULL && labels->dtype != WG_I64 && labels->dtype != WG_U8) {
        return wg_fail(WG_ERROR_DTYPE, "split: labels are %s", wg_dtype_name(labels->dtype));
    }
    if (labels != NULL && (labels->rank != 1 || labels->shape[0] != count)) {
        return wg_fail(WG_ERROR_SHAPE, "split: %lld labels of rank %d for %lld rows",
                       (long long)wg_array_count(labels), labels->rank, (long long)count);
    }
    return WG_OK;
}

/* The rows in random order, label after label. NULL without memory. */
static ranked *rank_rows(int64_t count, wg_split_options options) {
    const wg_key key = wg_key_name(wg_key_new(options.seed), "split_parts");
    ranked *rows = wg_calloc((size_t)count + 1, sizeof *rows);
    int64_t *order = wg_calloc((size_t)count + 1, sizeof *order);
    if (rows == NULL || order == NULL) {
        wg_free(rows);
        wg_free(order);
        return NULL;
    }
    wg_random_permutation(key, count, order);
    for (int64_t i = 0; i < count; i++) {
        rows[i] = (ranked){label_of(options.labels, order[i]), i, order[i]};
    }
    wg_free(order);
    if (options.labels != NULL) {
        qsort(rows, (size_t)count, sizeof *rows, by_label_then_place);
    }
    return rows;
}

/* How rows are shared out. */
typedef struct shares {
    int parts;
    const double *weights;
    double sum;    /* of the weights */
    double margin; /* 1 / (2n - 2) for n parts that weigh anything */
} shares;

/* Who gets row number `rows` (from 1) so that no part is ever a whole row ahead or behind, whatever
 * stretch of the rows one label takes: of those that may have one more, the one that must have it
 * first (R. Tijdeman, "The chairman assignment problem", 1980, section 2). */
static int next_part(const shares *s, const int64_t *given, int64_t rows) {
    int best = -1, fullest = -1;
    double first = 0, most = 0;
    for (int p = 0; p < s->parts; p++) {
        const double share = s->weights[p] / s->sum;
        const double behind = (double)rows * share - (double)given[p];
        const double deadline = (1 - s->margin - behind) / share;
        if (share > 0 && (fullest < 0 || behind > most)) {
            fullest = p; /* where rounding leaves nobody */
            most = behind;
        }
        if (share > 0 && behind >= s->margin && (best < 0 || deadline < first)) {
            best = p;
            first = deadline;
        }
    }
    return best < 0 ? fullest : best;
}

/* Gives every row a part, in part_of[count]; counts them in given[parts]. */
static void share_out(int64_t count, int parts, const double *weights, const ranked *rows,
                      int *part_of, int64_t *given) {
    shares s = {.parts = parts, .weights = weights};
    int weighty = 0;
    for (int p = 0; p < parts; p++) {
        s.sum += weights[p];
        weighty += weights[p] > 0 ? 1 : 0;
    }
    s.margin = weighty > 1 ? 1.0 / (2.0 * weighty - 2.0) : 0;
    for (int64_t i = 0; i < count; i++) {
        const int part = next_part(&s, given, i + 1);
        part_of[rows[i].row] = part;
        given[part]++;
    }
}

/* The rows of each part as an array, ascending. */
static wg_status list_rows(int64_t count, int parts, const int *part_of, const int64_t *given,
                           wg_array **out) {
    for (int p = 0; p < parts; p++) {
        wg_status status = wg_array_new(WG_I64, 1, &given[p], &out[p]);
        for (int before = 0; status != WG_OK && before < p; before++) {
            wg_array_free(out[before]);
            out[before] = NULL;
        }
        if (status != WG_OK) {
            return status;
        }
        int64_t *to = out[p]->data;
        for (int64_t row = 0; row < count; row++) {
            if (part_of[row] == p) {
                *to++ = row;
            }
        }
    }
    return WG_OK;
}

/* Gives every row a part, in a new *part_of[count], and counts them in a new *given[parts]. */
static wg_status assign(int64_t count, int parts, const double *weights, wg_split_options options,
                        int **part_of, int64_t **given) {
    *part_of = NULL;
    *given = NULL;
    wg_status status = check_parts(count, parts, weights, options);
    if (status != WG_OK) {
        return status;
    }
    ranked *rows = count >= INT64_MAX / (int64_t)sizeof *rows ? NULL : rank_rows(count, options);
    int *made = wg_calloc((size_t)count + 1, sizeof *made);
    int64_t *counts = wg_calloc((size_t)parts, sizeof *counts);
    if (rows == NULL || made == NULL || counts == NULL) {
        wg_free(made);
        wg_free(counts);
        wg_free(rows);
        return wg_fail(WG_ERROR_MEMORY, "split: no memory for %lld rows", (long long)count);
    }
    share_out(count, parts, weights, rows, made, counts);
    wg_free(rows);
    *part_of = made;
    *given = counts;
    return WG_OK;
}

wg_status wg_split_parts(int64_t count, int parts, const double *weights, wg_split_options options,
                         wg_array **out) {
    int *part_of = NULL;
    int64_t *given = NULL;
    for (int p = 0; p < parts; p++) {
        out[p] = NULL;
    }
    wg_status status = assign(count, parts, weights, options, &part_of, &given);
    if (status == WG_OK) {
        status = list_rows(count, parts, part_of, given, out);
    }
    wg_free(part_of);
    wg_free(given);
    return status;
}

wg_status wg_split_folds(int64_t count, int folds, int fold, wg_split_options options,
                         wg_array **train, wg_array **test) {
    wg_array *parts[2] = {NULL, NULL};
    int *part_of = NULL;
    int64_t *given = NULL;
    *train = *test = NULL;
    if (folds < 2 || fold < 0 || fold >= folds) {
        return wg_fail(WG_ERROR_ARGUMENT, "split_folds: fold %d of %d", fold, folds);
    }
    double *weights = wg_calloc((size_t)folds, sizeof *weights);
    if (weights == NULL) {
        return wg_fail(WG_ERROR_MEMORY, "split_folds: no memory for %d folds", folds);
    }
    for (int i = 0; i < folds; i++) {
        weights[i] = 1;
    }
    wg_status status = assign(count, folds, weights, options, &part_of, &given);
    if (status == WG_OK) {
        for (int64_t row = 0; row < count; row++) {
            part_of[row] = part_of[row] == fold ? 1 : 0;
        }
        const int64_t sizes[2] = {count - given[fold], given[fold]};
        status = list_rows(count, 2, part_of, sizes, parts);
        *train = parts[0];
        *test = parts[1];
    }
    wg_free(weights);
    wg_free(part_of);
    wg_free(given);
    return status;
}
