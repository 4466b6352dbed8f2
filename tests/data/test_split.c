/* test_split.c: rows shared out: every row once, by the weights, label by label. */
#include "wengert.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum {
    ROWS = 1000,
    LABELS = 7
};

/* Marks the rows of an ascending list. */
static void mark(const wg_array *rows, int count, int *seen) {
    const int64_t *row = rows->data;
    cr_assert(rows->dtype == WG_I64 && rows->rank == 1);
    for (int64_t i = 0; i < rows->shape[0]; i++) {
        cr_assert(row[i] >= 0 && row[i] < count && (i == 0 || row[i] > row[i - 1]));
        seen[row[i]]++;
    }
}

Test(split, parts_by_weight) {
    static const struct {
        int count, parts;
        double weights[4];
        int64_t sizes[4];
    } rows[] = {
        {1000, 3, {0.8, 0.1, 0.1}, {800, 100, 100}},
        {1000, 3, {8, 1, 1}, {800, 100, 100}},
        {10, 2, {0, 1}, {0, 10}},
        {7, 1, {3}, {7}},
        {5, 4, {1, 1, 1, 1}, {2, 1, 1, 1}},
        {0, 2, {1, 1}, {0, 0}},
        {3, 2, {1e-300, 1}, {0, 3}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        wg_array *out[4];
        int seen[ROWS] = {0};
        const wg_split_options options = {.seed = i};
        cr_assert_eq(wg_split_parts(rows[i].count, rows[i].parts, rows[i].weights, options, out),
                     WG_OK);
        for (int p = 0; p < rows[i].parts; p++) {
            cr_assert_eq(out[p]->shape[0], rows[i].sizes[p], "row %zu, part %d: %d", i, p,
                         (int)out[p]->shape[0]);
            mark(out[p], rows[i].count, seen);
            wg_array_free(out[p]);
        }
        for (int row = 0; row < rows[i].count; row++) {
            cr_assert_eq(seen[row], 1);
        }
    }
}

static void expect_shares(int64_t count, int parts, const double *weights) {
    wg_array *out[60];
    double sum = 0;
    for (int p = 0; p < parts; p++) {
        sum += weights[p];
    }
    const wg_split_options options = {.seed = 1};
    cr_assert_eq(wg_split_parts(count, parts, weights, options, out), WG_OK);
    for (int p = 0; p < parts; p++) {
        const double share = weights[p] / sum * (double)count;
        cr_assert(fabs((double)out[p]->shape[0] - share) < 1, "%d of %d rows: %d for %g", p,
                  (int)count, (int)out[p]->shape[0], share);
        wg_array_free(out[p]);
    }
}

/* To within a row, above and below: whoever is furthest behind first is not enough for that. */
Test(split, many_uneven_parts) {
    const double few[] = {.157, .0001, .275, .275, .003, .003, .001, .275, .003, .003, .003, .003};
    for (int64_t count = 0; count < 500; count++) {
        expect_shares(count, 12, few);
    }
    for (uint64_t seed = 0; seed < 200; seed++) {
        const wg_key key = wg_key_new(seed);
        double weights[60];
        wg_random_uniform(key, 0, 60, 0, 1, weights);
        for (int p = 0; p < 60; p++) {
            weights[p] = pow(weights[p], 1 + (double)(seed % 7));
        }
        expect_shares((int64_t)wg_random_below(key, 1, 2000), 1 + (int)wg_random_below(key, 2, 60),
                      weights);
    }
}

/* Each label is a stretch of a sequence in which no part is ever a whole row off: so a label is
 * less than two off, with any weights. */
Test(split, labels_with_any_weights) {
    for (uint64_t seed = 0; seed < 300; seed++) {
        const wg_key key = wg_key_new(seed);
        const int parts = 1 + (int)wg_random_below(key, 0, 9);
        const int64_t count = (int64_t)wg_random_below(key, 1, 400);
        double weights[9], sum = 0;
        wg_random_uniform(key, 0, 9, 0, 1, weights);
        weights[wg_random_below(key, 2, 9)] *= 100;
        for (int p = 0; p < parts; p++) {
            sum += weights[p];
        }
        wg_array *labels = NULL, *out[9];
        cr_assert_eq(wg_array_new(WG_I64, 1, &count, &labels), WG_OK);
        int all[5] = {0};
        for (int64_t i = 0; i < count; i++) {
            const int64_t label = (int64_t)wg_random_below(key, 10 + (uint64_t)i, 5);
            ((int64_t *)labels->data)[i] = label;
            all[label]++;
        }
        const wg_split_options options = {.seed = seed, .labels = labels};
        cr_assert_eq(wg_split_parts(count, parts, weights, options, out), WG_OK);
        for (int p = 0; p < parts; p++) {
            int part[5] = {0};
            for (int64_t i = 0; i < out[p]->shape[0]; i++) {
                part[((int64_t *)labels->data)[((int64_t *)out[p]->data)[i]]]++;
            }
            cr_assert(fabs((double)out[p]->shape[0] - weights[p] / sum * (double)count) < 1);
            for (int label = 0; label < 5; label++) {
                cr_assert(fabs(part[label] - weights[p] / sum * all[label]) < 2,
                          "seed %d, part %d, label %d", (int)seed, p, label);
            }
            wg_array_free(out[p]);
        }
        wg_array_free(labels);
    }
}

static wg_array *labels_of(wg_dtype dtype, int64_t count) {
    wg_array *labels = NULL;
    cr_assert_eq(wg_array_new(dtype, 1, &count, &labels), WG_OK);
    for (int64_t i = 0; i < count; i++) {
        /* Of the last label there are three rows alone. */
        const int label = i % 300 == 299 ? LABELS - 1 : (int)(i * i % (LABELS - 1));
        if (dtype == WG_U8) {
            ((uint8_t *)labels->data)[i] = (uint8_t)label;
        } else {
            ((int64_t *)labels->data)[i] = label - 3;
        }
    }
    return labels;
}

static void count_labels(const wg_array *labels, const wg_array *rows, int counts[LABELS]) {
    memset(counts, 0, LABELS * sizeof *counts);
    for (int64_t i = 0; i < (rows == NULL ? labels->shape[0] : rows->shape[0]); i++) {
        const int64_t row = rows == NULL ? i : ((int64_t *)rows->data)[i];
        counts[labels->dtype == WG_U8 ? ((uint8_t *)labels->data)[row]
                                      : ((int64_t *)labels->data)[row] + 3]++;
    }
}

Test(split, labels_are_shared_out_like_the_whole) {
    static const double weights[] = {0.7, 0.2, 0.1};
    for (int d = 0; d < 2; d++) {
        wg_array *labels = labels_of(d == 0 ? WG_U8 : WG_I64, ROWS), *out[3];
        int all[LABELS], part[LABELS], seen[ROWS] = {0};
        count_labels(labels, NULL, all);
        cr_assert_eq(all[LABELS - 1], 3);
        wg_split_options options = {.seed = 4, .labels = labels};
        cr_assert_eq(wg_split_parts(ROWS, 3, weights, options, out), WG_OK);
        for (int p = 0; p < 3; p++) {
            cr_assert_eq(out[p]->shape[0], (int)(ROWS * weights[p] + 0.5));
            mark(out[p], ROWS, seen);
            count_labels(labels, out[p], part);
            for (int label = 0; label < LABELS; label++) {
                cr_assert(fabs(part[label] - weights[p] * all[label]) < 2, "label %d, part %d: %d",
                          label, p, part[label]);
            }
            wg_array_free(out[p]);
        }
        for (int row = 0; row < ROWS; row++) {
            cr_assert_eq(seen[row], 1);
        }
        wg_array_free(labels);
    }
}

Test(split, folds_take_turns) {
    wg_array *labels = labels_of(WG_I64, 103), *train, *test, *again, *rest;
    int tested[103] = {0}, all[LABELS], part[LABELS];
    count_labels(labels, NULL, all);
    for (int fold = 0; fold < 5; fold++) {
        int seen[103] = {0};
        const wg_split_options options = {.seed = 9, .labels = labels};
        cr_assert_eq(wg_split_folds(103, 5, fold, options, &train, &test), WG_OK);
        cr_assert(test->shape[0] == 20 || test->shape[0] == 21);
        mark(train, 103, seen);
        mark(test, 103, seen);
        mark(test, 103, tested);
        count_labels(labels, test, part);
        for (int label = 0; label < LABELS; label++) {
            cr_assert(fabs(part[label] - all[label] / 5.0) < 2);
        }
        cr_assert_eq(wg_split_folds(103, 5, fold, options, &rest, &again), WG_OK);
        cr_assert(again->shape[0] == test->shape[0] &&
                  memcmp(again->data, test->data, 8 * (size_t)test->shape[0]) == 0);
        wg_array_free(train);
        wg_array_free(test);
        wg_array_free(again);
        wg_array_free(rest);
        for (int row = 0; row < 103; row++) {
            cr_assert_eq(seen[row], 1);
        }
    }
    for (int row = 0; row < 103; row++) {
        cr_assert_eq(tested[row], 1);
    }
    wg_array_free(labels);
}

/* Every row is as likely as another to be drawn, and another seed draws others. */
Test(split, is_random) {
    const double weights[] = {1, 3};
    int drawn[40] = {0};
    for (uint64_t seed = 0; seed < 4000; seed++) {
        wg_array *out[2];
        cr_assert_eq(wg_split_parts(40, 2, weights, (wg_split_options){.seed = seed}, out), WG_OK);
        mark(out[0], 40, drawn);
        wg_array_free(out[0]);
        wg_array_free(out[1]);
    }
    for (int row = 0; row < 40; row++) {
        cr_assert(abs(drawn[row] - 1000) < 140, "row %d: %d", row, drawn[row]); /* 5 deviations */
    }
}

Test(split, refusals) {
    wg_array *out[2] = {NULL, NULL}, *labels = labels_of(WG_I64, 4), *wrong = NULL;
    const double negative[] = {-1, 2}, none[] = {0, 0}, nan[] = {(double)NAN, 1}, fine[] = {1, 1};
    const double huge[] = {(double)INFINITY, 1};
    const wg_split_options plain = {0}, labelled = {.labels = labels};
    cr_assert_eq(wg_split_parts(4, 2, negative, plain, out), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_split_parts(4, 2, none, plain, out), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_split_parts(4, 2, nan, plain, out), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_split_parts(4, 2, huge, plain, out), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_split_parts(4, 2, NULL, plain, out), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_split_parts(-1, 2, fine, plain, out), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_split_parts(INT64_MAX, 2, fine, plain, out), WG_ERROR_MEMORY);
    cr_assert_eq(wg_split_parts(5, 2, fine, labelled, out), WG_ERROR_SHAPE);
    cr_assert_eq(wg_array_new(WG_F32, 1, (int64_t[]){4}, &wrong), WG_OK);
    cr_assert_eq(wg_split_parts(4, 2, fine, (wg_split_options){.labels = wrong}, out),
                 WG_ERROR_DTYPE);
    cr_assert_eq(wg_split_folds(4, 1, 0, plain, &out[0], &out[1]), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_split_folds(4, 2, 2, plain, &out[0], &out[1]), WG_ERROR_ARGUMENT);
    cr_assert(out[0] == NULL && out[1] == NULL);
    wg_array_free(labels);
    wg_array_free(wrong);
}
