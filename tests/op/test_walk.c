/* test_walk.c: what holds for every operation of the list, whatever it computes: aliased and
 * overlapping operands, NaN and infinity, wrong shapes and dtypes. (Gradients are in test_check.c,
 * refused memory in tests/allocation/test_operations.c.) */
#include "walk.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Row indices alone: Criterion 2.4.1 moves parameters to another address. */
static struct criterion_test_params all_operations(void) {
    static int rows[1024];
    int count;
    (void)wg_op_list(&count);
    cr_assert_leq(count, 1024);
    for (int i = 0; i < count; i++) {
        rows[i] = i;
    }
    return cr_make_param_array(int, rows, (size_t)count);
}

/* Runs `test` on every sample of operation number `row`, each with a fresh tape. */
static void each_sample(int row, void (*test)(wg_tape *tape, walk_sample *sample)) {
    int count;
    const wg_op *op = wg_op_list(&count)[row];
    walk_sample sample;
    for (int index = 0; walk_take(op, index, &sample); index++) {
        wg_tape *tape = wg_tape_new();
        test(tape, &sample);
        wg_tape_free(tape);
        walk_free(&sample);
    }
}

static void put_all(wg_tape *tape, const walk_sample *s, wg_dtype type, wg_var *x) {
    for (int i = 0; i < s->sample.count; i++) {
        x[i] = walk_operand(tape, s, i, type);
    }
}

static int64_t read_new(wg_var x, double **values) {
    const int64_t count = wg_count(x);
    *values = malloc(((size_t)count + 1) * sizeof **values);
    cr_assert_eq(wg_read(x, WG_F64, *values, count), WG_OK, "%s", wg_last_message());
    return count;
}

/* Sweeps from the weighted result; false where nothing wants a gradient, or where the chain rule
 * refuses the numbers (the logarithm of a determinant at a singular matrix). */
static bool sweep(wg_tape *tape, const walk_sample *s, wg_var y) {
    const wg_var total = walk_weighted(tape, y);
    bool wanted = false;
    for (int i = 0; i < s->sample.count; i++) {
        wanted = wanted || walk_is_free(s, i);
    }
    if (!wanted || s->op->chain == NULL || total.tape == NULL) {
        return false;
    }
    const wg_status status = wg_backward(total);
    cr_assert(status == WG_OK || status == WG_ERROR_ARGUMENT, "%s, sample %d: %s", s->op->name,
              s->index, wg_tape_message(tape));
    return status == WG_OK;
}

static void read_adjoint(wg_var x, double *to, int64_t count) {
    cr_assert_eq(wg_read_adjoint(x, WG_F64, to, count), WG_OK, "%s", wg_last_message());
}

static void expect_near(const walk_sample *s, const char *what, int64_t i, double have,
                        double want) {
    const bool same = isnan(want) ? isnan(have) != 0
                                  : have == want || fabs(have - want) <= 1e-11 * (1 + fabs(want));
    cr_assert(same, "%s, sample %d, %s: element %lld is %.17g, not %.17g", s->op->name, s->index,
              what, (long long)i, have, want);
}

/* ---- The same array twice: op(x, x) against op(x, copy of x) --------------------------------- */

/* Two free operands of one shape, or false. */
static bool find_pair(const walk_sample *s, int *a, int *b) {
    for (*a = 0; *a < s->sample.count; ++*a) {
        for (*b = *a + 1; *b < s->sample.count; ++*b) {
            const wg_sample_operand *x = &s->sample.operand[*a], *y = &s->sample.operand[*b];
            if (walk_is_free(s, *a) && walk_is_free(s, *b) && x->rank == y->rank &&
                memcmp(x->shape, y->shape, (size_t)x->rank * sizeof x->shape[0]) == 0) {
                return true;
            }
        }
    }
    return false;
}

static void alias(wg_tape *tape, walk_sample *s) {
    int a, b;
    if (!find_pair(s, &a, &b)) {
        return;
    }
    const size_t n = (size_t)s->count[a];
    double *value, *again, *ga = malloc((n + 1) * sizeof *ga), *gb = malloc((n + 1) * sizeof *gb);
    wg_var x[WG_MAX_SAMPLE_OPERANDS];
    memcpy(s->values[b], s->values[a], n * sizeof *ga);
    put_all(tape, s, WG_F64, x);
    wg_var y = walk_apply(s, x);
    if (wg_tape_status(tape) == WG_OK) { /* (an operation may refuse such operands) */
        const int64_t count = read_new(y, &value);
        const bool swept = sweep(tape, s, y);
        read_adjoint(x[a], ga, s->count[a]);
        read_adjoint(x[b], gb, s->count[b]);
        wg_tape_reset(tape);
        put_all(tape, s, WG_F64, x);
        x[b] = x[a];
        y = walk_apply(s, x);
        cr_assert_eq(wg_tape_status(tape), WG_OK, "%s", wg_tape_message(tape));
        cr_assert_eq(read_new(y, &again), count);
        for (int64_t i = 0; i < count; i++) {
            expect_near(s, "value of aliased operands", i, again[i], value[i]);
        }
        for (size_t i = 0; i < n && swept; i++) {
            ga[i] += gb[i];
        }
        if (swept && sweep(tape, s, y)) {
            read_adjoint(x[a], gb, s->count[a]);
            for (size_t i = 0; i < n; i++) {
                expect_near(s, "gradient of aliased operands", (int64_t)i, gb[i], ga[i]);
            }
        }
        free(value);
        free(again);
    }
    free(ga);
    free(gb);
}

ParameterizedTestParameters(walk, aliased_operands) {
    return all_operations();
}
ParameterizedTest(int *row, walk, aliased_operands) {
    each_sample(*row, alias);
}

/* ---- Views whose elements overlap: rows that are all the same memory ---------------------------
 */

/* The first rows of every float operand with an axis take the place of the others. */
static void repeat_rows(walk_sample *s) {
    for (int i = 0; i < s->sample.count; i++) {
        const wg_sample_operand *operand = &s->sample.operand[i];
        if (operand->dtype == WG_F64 && operand->rank > 0 && s->count[i] > 0) {
            const int64_t row = s->count[i] / operand->shape[0];
            for (int64_t k = row; k < s->count[i]; k++) {
                s->values[i][k] = s->values[i][k - row];
            }
        }
    }
}

/* Operand i as a broadcast of its first row; *base is the leaf. */
static wg_var overlapping(wg_tape *tape, const walk_sample *s, int i, wg_var *base) {
    const wg_sample_operand *operand = &s->sample.operand[i];
    if (operand->dtype != WG_F64 || operand->rank == 0 || s->count[i] == 0) {
        return *base = walk_operand(tape, s, i, WG_F64);
    }
    int64_t shape[WG_MAX_RANK];
    memcpy(shape, operand->shape, sizeof shape);
    shape[0] = 1;
    *base = walk_is_free(s, i) ? wg_variable(tape, WG_F64, operand->rank, shape, s->values[i])
                               : wg_constant(tape, WG_F64, operand->rank, shape, s->values[i]);
    return wg_broadcast_to(*base, operand->rank, operand->shape);
}

static void expect_row_sums(const walk_sample *s, int i, const double *full, wg_var base) {
    const int64_t rows = wg_count(base);
    double *have = malloc(((size_t)rows + 1) * sizeof *have);
    read_adjoint(base, have, rows);
    for (int64_t k = 0; k < rows; k++) {
        double want = 0;
        for (int64_t at = k; at < s->count[i]; at += rows) {
            want += full[at];
        }
        expect_near(s, "gradient through overlapping rows", k, have[k], want);
    }
    free(have);
}

static void overlap(wg_tape *tape, walk_sample *s) {
    wg_var x[WG_MAX_SAMPLE_OPERANDS], base[WG_MAX_SAMPLE_OPERANDS];
    double *full[WG_MAX_SAMPLE_OPERANDS], *value, *again;
    repeat_rows(s);
    put_all(tape, s, WG_F64, x);
    wg_var y = walk_apply(s, x);
    if (wg_tape_status(tape) != WG_OK) { /* a matrix of equal rows is singular */
        return;
    }
    const int64_t count = read_new(y, &value);
    const bool swept = sweep(tape, s, y);
    for (int i = 0; i < s->sample.count; i++) {
        full[i] = calloc((size_t)s->count[i] + 1, sizeof *full[i]);
        if (walk_is_free(s, i) && wg_tape_status(tape) == WG_OK) {
            read_adjoint(x[i], full[i], s->count[i]);
        }
    }
    wg_tape_reset(tape);
    for (int i = 0; i < s->sample.count; i++) {
        x[i] = overlapping(tape, s, i, &base[i]);
    }
    y = walk_apply(s, x);
    cr_assert_eq(wg_tape_status(tape), WG_OK, "%s: %s", s->op->name, wg_tape_message(tape));
    cr_assert_eq(read_new(y, &again), count);
    for (int64_t i = 0; i < count; i++) {
        expect_near(s, "value of overlapping rows", i, again[i], value[i]);
    }
    const bool swept_again = swept && sweep(tape, s, y);
    for (int i = 0; i < s->sample.count; i++) {
        if (swept_again && walk_is_free(s, i)) {
            expect_row_sums(s, i, full[i], base[i]);
        }
        free(full[i]);
    }
    free(value);
    free(again);
}

ParameterizedTestParameters(walk, overlapping_operands) {
    return all_operations();
}
ParameterizedTest(int *row, walk, overlapping_operands) {
    each_sample(*row, overlap);
}

/* ---- NaN, infinity, huge and tiny values: nothing hangs, f32 and f64 agree on what is finite ----
 */

/* Runs the sample with element `at` of operand i replaced; what became of the result's elements. */
static int64_t classify(wg_tape *tape, walk_sample *s, wg_dtype type, int i, double special,
                        double **to) {
    wg_var x[WG_MAX_SAMPLE_OPERANDS];
    const double kept = s->values[i][0];
    int64_t count = -1;
    s->values[i][0] = special;
    wg_tape_reset(tape);
    put_all(tape, s, type, x);
    const wg_var y = walk_apply(s, x);
    if (wg_tape_status(tape) == WG_OK) {
        count = read_new(y, to);
        (void)sweep(tape, s, y);
    }
    s->values[i][0] = kept;
    return count;
}

static void special(wg_tape *tape, walk_sample *s) {
    const double specials[] = {(double)NAN, (double)INFINITY, -(double)INFINITY, 1e30, -1e30,
                               1e-30};
    for (int i = 0; i < s->sample.count; i++) {
        if (s->sample.operand[i].dtype != WG_F64 || s->count[i] == 0) {
            continue;
        }
        for (size_t k = 0; k < sizeof specials / sizeof *specials; k++) {
            double *wide = NULL, *narrow = NULL;
            const int64_t count = classify(tape, s, WG_F64, i, specials[k], &wide);
            const wg_status status = wg_tape_status(tape);
            const int64_t same = classify(tape, s, WG_F32, i, specials[k], &narrow);
            if (k < 3) { /* (1e30 overflows in f32 where it does not in f64) */
                cr_assert_eq(count < 0, same < 0, "%s, sample %d, %g in operand %d: f64 %s, f32 %s",
                             s->op->name, s->index, specials[k], i, wg_status_text(status),
                             wg_tape_message(tape));
            }
            for (int64_t e = 0; e < count && same == count && k < 3; e++) {
                cr_assert(
                    isnan(wide[e]) == isnan(narrow[e]) && isinf(wide[e]) == isinf(narrow[e]),
                    "%s, sample %d, %g in operand %d: element %lld is %g in f64 and %g in f32",
                    s->op->name, s->index, specials[k], i, (long long)e, wide[e], narrow[e]);
            }
            free(wide);
            free(narrow);
        }
    }
}

ParameterizedTestParameters(walk, special_values) {
    return all_operations();
}
ParameterizedTest(int *row, walk, special_values) {
    each_sample(*row, special);
}

/* ---- Wrong shapes and dtypes: a result, or an error that begins with the operation's name
 * -------- */

static void expect_result_or_name(wg_tape *tape, const walk_sample *s, const char *what, int i) {
    if (wg_tape_status(tape) == WG_OK) {
        return;
    }
    const char *message = wg_tape_message(tape);
    /* (an operand of another dtype is converted by a cast, which may be what refuses it) */
    const bool named =
        strncmp(message, s->op->name, strlen(s->op->name)) == 0 || strncmp(message, "cast", 4) == 0;
    cr_assert(named, "%s, sample %d, %s of operand %d: \"%s\" does not name it", s->op->name,
              s->index, what, i, message);
    cr_assert_neq(wg_tape_status(tape), WG_ERROR_MEMORY, "%s", message);
}

static void wrong(wg_tape *tape, walk_sample *s) {
    static const char *const kinds[] = {"another size", "another rank", "another dtype"};
    for (int i = 0; i < s->sample.count; i++) {
        for (int kind = 0; kind < 3; kind++) {
            wg_var x[WG_MAX_SAMPLE_OPERANDS];
            wg_sample_operand operand = s->sample.operand[i];
            wg_tape_reset(tape);
            put_all(tape, s, WG_F64, x);
            if (kind == 0 && operand.rank > 0) {
                operand.shape[operand.rank - 1] += 1;
            } else if (kind == 1 && operand.rank < WG_MAX_RANK) {
                operand.shape[operand.rank++] = 2;
            }
            const bool whole = operand.dtype != WG_F64;
            x[i] = kind == 2 ? wg_constant(tape, whole ? WG_F64 : WG_I64, operand.rank,
                                           operand.shape, NULL)
                             : wg_constant(tape, operand.dtype, operand.rank, operand.shape, NULL);
            (void)walk_apply(s, x);
            expect_result_or_name(tape, s, kinds[kind], i);
        }
    }
}

ParameterizedTestParameters(walk, wrong_operands) {
    return all_operations();
}
ParameterizedTest(int *row, walk, wrong_operands) {
    each_sample(*row, wrong);
}

/* ---- Rank 8, and rank 0: as the same numbers in one row -----------------------------------------
 */

#define EIGHT 24
static const int64_t eight[WG_MAX_RANK] = {1, 2, 1, 3, 1, 2, 1, 2};

/* Values of an elementwise operation's operands under `rank` and `shape`; its result in out. */
static void run_shaped(wg_tape *tape, const walk_sample *s, int rank, const int64_t *shape,
                       double *out) {
    wg_var x[WG_MAX_SAMPLE_OPERANDS];
    double values[EIGHT];
    int64_t count = 1;
    wg_tape_reset(tape);
    for (int k = 0; k < rank; k++) {
        count *= shape[k];
    }
    for (int i = 0; i < s->sample.count; i++) {
        for (int k = 0; k < EIGHT; k++) {
            const double low = s->sample.operand[i].low, high = s->sample.operand[i].high;
            values[k] = low + (high - low) * (k + 0.5) / EIGHT;
        }
        x[i] = wg_variable(tape, WG_F64, rank, shape, values);
    }
    const wg_var y = walk_apply(s, x);
    cr_assert_eq(wg_read(y, WG_F64, out, count), WG_OK, "%s: %s", s->op->name,
                 wg_tape_message(tape));
    cr_assert_eq(wg_rank(y), rank);
}

static void shaped(wg_tape *tape, walk_sample *s) {
    const int64_t flat = EIGHT, one = 1;
    double want[EIGHT], have[EIGHT];
    if (s->index > 0 || s->op->shape != wg_op_list(&(int){0})[0]->shape) {
        return; /* not elementwise */
    }
    run_shaped(tape, s, 1, &flat, want);
    run_shaped(tape, s, WG_MAX_RANK, eight, have);
    for (int i = 0; i < EIGHT; i++) {
        expect_near(s, "rank 8", i, have[i], want[i]);
    }
    run_shaped(tape, s, 1, &one, want);
    run_shaped(tape, s, 0, NULL, have);
    expect_near(s, "rank 0", 0, have[0], want[0]);
}

ParameterizedTestParameters(walk, rank_eight) {
    return all_operations();
}
ParameterizedTest(int *row, walk, rank_eight) {
    each_sample(*row, shaped);
}
