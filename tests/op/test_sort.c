/* sort, argsort, topk, median, quantile, running extremes, against loops. */
#include "arrays.h"

#include "wengert.h"

/* a before b among neighbours: NaN is greatest. */
static bool before(double a, double b, bool descending) {
    if (descending) {
        return (isnan(a) && !isnan(b)) || a > b;
    }
    return (isnan(b) && !isnan(a)) || a < b;
}

/* Insertion, which keeps the order of equals. */
static void naive_order(int64_t n, int64_t step, const double *x, bool descending, int64_t *to) {
    for (int64_t i = 0; i < n; i++) {
        int64_t k = i;
        for (; k > 0 && before(x[i * step], x[to[k - 1] * step], descending); k--) {
            to[k] = to[k - 1];
        }
        to[k] = i;
    }
}

/* Values with many equals, infinities, zeros of both signs and, for `wild`, NaN. */
static double wild_value(int64_t i, bool wild) {
    static const double odd[] = {0, -0.0, INFINITY, -INFINITY, NAN};
    const int64_t k = i * 7919 % 101;
    return wild && k % 9 == 0 ? odd[k / 9 % 5] : (double)(k % 23) - 11.25;
}

static void check_lines(wg_dtype dtype, int64_t outer, int64_t n, int64_t inner, bool descending) {
    static double x[MOST], values[MOST], places[MOST];
    static int64_t order[MOST];
    const bool floats = dtype == WG_F32 || dtype == WG_F64;
    wg_tape *tape = wg_tape_new();
    for (int64_t i = 0; i < outer * n * inner; i++) {
        x[i] = floats ? wild_value(i, true) : (double)(i * 7919 % 101);
    }
    const int64_t shape[] = {outer, n, inner};
    const wg_var from = wg_cast(wg_constant(tape, WG_F64, 3, shape, x), dtype);
    const int64_t most = n / 10 + 1;
    const wg_selection s = wg_sort(from, 1, descending), t = wg_topk(from, most, 1, descending);
    cr_assert_eq(wg_view_of(s.values).dtype, dtype);
    cr_assert_eq(wg_view_of(s.indices).dtype, WG_I64);
    read_all(s.values, values);
    read_all(s.indices, places);
    static double top[MOST];
    read_all(t.indices, top);
    for (int64_t o = 0; o < outer; o++) {
        for (int64_t i = 0; i < inner; i++) {
            const double *line = x + o * n * inner + i;
            naive_order(n, inner, line, descending, order);
            for (int64_t k = 0; k < n; k++) {
                const int64_t at = (o * n + k) * inner + i;
                cr_assert_eq((int64_t)places[at], order[k], "%lld of %lld", (long long)k,
                             (long long)n);
                expect_close(values[at], line[order[k] * inner], 0, at);
                if (k < most) {
                    cr_assert_eq((int64_t)top[(o * most + k) * inner + i], order[k]);
                }
            }
        }
    }
    wg_tape_free(tape);
}

Test(sort, every_dtype_and_length_against_insertion) {
    const int64_t lengths[] = {1, 2, 31, 32, 33, 100, 700};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        for (int dtype = WG_F32; dtype <= WG_U8; dtype++) {
            for (int down = 0; down < 2; down++) {
                check_lines((wg_dtype)dtype, 2, lengths[i], 1, down != 0);
                check_lines((wg_dtype)dtype, 1, lengths[i], 3, down != 0);
            }
        }
    }
}

Test(sort, the_order_of_large_whole_numbers) {
    wg_tape *tape = wg_tape_new();
    const int64_t v[] = {INT64_MAX, 0, INT64_MIN, -1, INT64_MAX - 1, 1};
    wg_var x = wg_constant(tape, WG_I64, WG_SHAPE(6), v);
    expect_values(wg_argsort(x, 0, false), (double[]){2, 3, 1, 5, 4, 0}, 0);
    expect_values(wg_argsort(x, 0, true), (double[]){0, 4, 5, 1, 3, 2}, 0);
    wg_tape_free(tape);
}

Test(sort, the_gradient_goes_to_what_was_taken) {
    wg_tape *tape = wg_tape_new();
    wg_var x = wg_variable(tape, WG_F64, WG_SHAPE(2, 4), (double[]){3, 1, 2, 3, 5, 5, 5, 0});
    const wg_var w = wg_constant(tape, WG_F64, WG_SHAPE(4), (double[]){1, 2, 3, 4});
    cr_assert_eq(wg_backward(wg_sum(wg_mul(wg_sort(x, 1, false).values, w))), WG_OK);
    expect_adjoint(x, (double[]){3, 1, 2, 4, 2, 3, 4, 1}, 0);
    wg_tape_reset(tape);
    x = wg_variable(tape, WG_F64, WG_SHAPE(2, 4), (double[]){3, 1, 2, 3, 5, 5, 5, 0});
    cr_assert_eq(wg_backward(wg_sum(wg_max_along(x, 1).values)), WG_OK);
    expect_adjoint(x, (double[]){1, 0, 0, 0, 1, 0, 0, 0}, 0);
    wg_tape_reset(tape);
    x = wg_variable(tape, WG_F64, WG_SHAPE(2, 4), (double[]){3, 1, 2, 3, 5, 5, 5, 0});
    cr_assert_eq(wg_backward(wg_sum(wg_topk(x, 2, 1, false).values)), WG_OK);
    expect_adjoint(x, (double[]){0, 1, 1, 0, 1, 0, 0, 1}, 0);
    wg_tape_free(tape);
}

Test(sort, keeps_or_drops_the_axis) {
    wg_tape *tape = wg_tape_new();
    wg_var x = ramp(tape, WG_F32, WG_SHAPE(2, 3, 4));
    expect_shape(wg_max_along(x, 1).values, WG_SHAPE(2, 4));
    expect_shape(wg_max_along(x, -1).indices, WG_SHAPE(2, 3));
    expect_shape(wg_min_along_at(x, 1, true, WG_HERE).values, WG_SHAPE(2, 1, 4));
    expect_shape(wg_median(x, 0).values, WG_SHAPE(3, 4));
    expect_shape(wg_quantile(x, 0.25, 2), WG_SHAPE(2, 3));
    expect_shape(wg_topk(x, 0, 1, true).values, WG_SHAPE(2, 0, 4));
    expect_shape(wg_cummax(x, 1).indices, WG_SHAPE(2, 3, 4));
    wg_tape_free(tape);
}

Test(sort, quantiles_of_known_values) {
    wg_tape *tape = wg_tape_new();
    wg_var x = wg_variable(tape, WG_F64, WG_SHAPE(4), (double[]){4, 1, 3, 2});
    expect_values(wg_quantile(x, 0.5, 0), (double[]){2.5}, 0);
    expect_values(wg_quantile(x, 0.1, 0), (double[]){1.3}, 1e-15);
    expect_values(wg_median(x, 0).values, (double[]){2}, 0);
    cr_assert_eq(wg_backward(wg_quantile(x, 0.75, 0)), WG_OK);
    expect_adjoint(x, (double[]){0.25, 0, 0.75, 0}, 1e-15);
    x = wg_constant(tape, WG_F64, WG_SHAPE(3), (double[]){1, INFINITY, -INFINITY});
    expect_values(wg_quantile(x, 0.5, 0), (double[]){1}, 0);
    wg_tape_free(tape);
}

Test(sort, of_nothing_and_wrong_arguments) {
    wg_tape *tape = wg_tape_new();
    wg_var none = ramp(tape, WG_F32, WG_SHAPE(2, 0, 3));
    expect_shape(wg_sort(none, 1, false).values, WG_SHAPE(2, 0, 3));
    expect_shape(wg_sort(none, 0, true).indices, WG_SHAPE(2, 0, 3));
    expect_shape(wg_max_along(none, 0).values, WG_SHAPE(0, 3));
    wg_median(none, 1);
    expect_failure(tape, WG_ERROR_SHAPE, "median: no elements to choose from, of shape [2, 0, 3]");
    wg_max_along(ramp(tape, WG_F32, WG_SHAPE(2, 0)), 1);
    expect_failure(tape, WG_ERROR_SHAPE, "argmax: no elements to choose from, of shape [2, 0]");
    wg_topk(ramp(tape, WG_F32, WG_SHAPE(2, 3)), 4, 1, true);
    expect_failure(tape, WG_ERROR_ARGUMENT, "topk: k is 4 of an axis of 3 elements: [2, 3]");
    wg_topk(ramp(tape, WG_F32, WG_SHAPE(2, 3)), -1, 1, true);
    expect_failure(tape, WG_ERROR_ARGUMENT, "topk: k is -1");
    wg_sort(ramp(tape, WG_F32, WG_SHAPE(2, 3)), 2, false);
    expect_failure(tape, WG_ERROR_ARGUMENT, "argsort: there is no axis 2 in the shape [2, 3]");
    wg_quantile(ramp(tape, WG_F32, WG_SHAPE(2, 3)), 1.5, 1);
    expect_failure(tape, WG_ERROR_ARGUMENT, "quantile: q = 1.5 of 3 elements");
    wg_quantile(ramp(tape, WG_F32, WG_SHAPE(2, 3)), (double)NAN, 1);
    expect_failure(tape, WG_ERROR_ARGUMENT, "quantile: q = ");
    wg_quantile(ramp(tape, WG_F32, WG_SHAPE(2, 0)), 0.5, 1);
    expect_failure(tape, WG_ERROR_SHAPE, "quantile: q = 0.5 of 0 elements");
    wg_tape_free(tape);
}
