/* sum, mean, prod, amax, amin over axes, and argmax, against loops over indices. */
#include "arrays.h"

/* Folds x (contiguous [a, b, c]) over the axes in `bits` with the rule of `kind`. */
static int64_t naive(char kind, const double *x, const int64_t *shape, unsigned bits, double *out) {
    int64_t counts[MOST] = {0}, results = 0;
    for (int64_t i = 0; i < shape[0]; i++) {
        for (int64_t j = 0; j < shape[1]; j++) {
            for (int64_t k = 0; k < shape[2]; k++) {
                const int64_t index[3] = {i, j, k};
                int64_t at = 0;
                for (int axis = 0; axis < 3; axis++) {
                    at = (bits >> axis & 1) != 0 ? at : at * shape[axis] + index[axis];
                }
                const double v = *x++;
                if (counts[at]++ == 0) {
                    out[at] = v;
                } else if (kind == '+') {
                    out[at] += v;
                } else if (kind == '*') {
                    out[at] *= v;
                } else if (kind == '>' ? v > out[at] : v < out[at]) {
                    out[at] = v;
                }
                results = at + 1 > results ? at + 1 : results;
            }
        }
    }
    return results;
}

static wg_axes axes_of(unsigned bits) {
    wg_axes axes = {0};
    for (int i = 0; i < 3; i++) {
        if ((bits >> i & 1) != 0) {
            axes.axis[axes.count++] = i % 2 == 0 ? i : i - 3;
        }
    }
    return axes;
}

static void check_all_axes(wg_dtype dtype, const int64_t *shape, bool transposed) {
    for (unsigned bits = 1; bits < 8; bits++) {
        wg_tape *tape = wg_tape_new();
        double from[MOST], want[MOST];
        wg_var x = ramp(tape, dtype, 3, shape);
        if (transposed) { /* the same values, laid out otherwise */
            x = wg_transpose(wg_contiguous(wg_transpose(x)));
            x = wg_permute(wg_contiguous(wg_permute(x, 3, ((int[]){2, 0, 1}))), 3,
                           ((int[]){1, 2, 0}));
        }
        const double tolerance = dtype == WG_F32 ? 1e-6 : 1e-14;
        read_all(x, from);
        const int64_t count = naive('+', from, shape, bits, want);
        expect_values(wg_sum_over(x, axes_of(bits)), want, tolerance);
        for (int64_t i = 0; i < count; i++) {
            want[i] = want[i] * (double)count / (double)(shape[0] * shape[1] * shape[2]);
        }
        expect_values(wg_mean_over(x, axes_of(bits)), want, tolerance);
        naive('*', from, shape, bits, want);
        if (shape[0] * shape[1] * shape[2] < 100) {
            expect_values(wg_prod_over(x, axes_of(bits)), want, tolerance);
        }
        naive('>', from, shape, bits, want);
        expect_values(wg_amax_over(x, axes_of(bits)), want, 0);
        naive('<', from, shape, bits, want);
        expect_values(wg_amin_over(x, axes_of(bits)), want, 0);
        wg_tape_free(tape);
    }
}

Test(reduce, every_set_of_axes_of_every_layout) {
    const int64_t shapes[][3] = {{2, 3, 4},   {1, 5, 1},   {3, 1, 7},
                                 {19, 3, 33}, {2, 2, 600}, {5, 300, 2}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        for (int variant = 0; variant < 4; variant++) {
            check_all_axes(variant % 2 == 0 ? WG_F32 : WG_F64, shapes[i], variant / 2 != 0);
        }
    }
}

Test(reduce, keep_leaves_axes_of_size_1) {
    wg_tape *tape = wg_tape_new();
    wg_var x = ramp(tape, WG_F64, WG_SHAPE(2, 3, 4));
    expect_shape(wg_sum_over(x, WG_AXES_KEEP(-2)), WG_SHAPE(2, 1, 4));
    expect_shape(wg_sum_over(x, WG_AXES(0, 2)), WG_SHAPE(3));
    expect_shape(wg_sum_over(x, wg_all_axes(true)), WG_SHAPE(1, 1, 1));
    expect_shape(wg_argmax_at(x, 1, true, WG_HERE), WG_SHAPE(2, 1, 4));
    cr_assert_eq(wg_rank(wg_sum(x)), 0);
    wg_tape_free(tape);
}

Test(reduce, of_nothing) {
    wg_tape *tape = wg_tape_new();
    wg_var x = ramp(tape, WG_F32, WG_SHAPE(2, 0));
    expect_values(wg_sum_over(x, WG_AXES(1)), (double[]){0, 0}, 0);
    expect_values(wg_prod_over(x, WG_AXES(1)), (double[]){1, 1}, 0);
    expect_values(wg_mean_over(x, WG_AXES(1)), (double[]){NAN, NAN}, 0);
    expect_shape(wg_amax_over(x, WG_AXES(0)), WG_SHAPE(0));
    expect_values(wg_sum(wg_scalar(tape, 4)), (double[]){4}, 0);
    wg_amax_over(x, WG_AXES(1));
    expect_failure(tape, WG_ERROR_SHAPE, "amax: no elements to choose from, of shape [2, 0]");
    wg_argmax(ramp(tape, WG_F32, WG_SHAPE(2, 0)), 1);
    expect_failure(tape, WG_ERROR_SHAPE, "argmax: no elements to choose from");
    wg_sum_over(ramp(tape, WG_F32, WG_SHAPE(2, 3)), WG_AXES(2));
    expect_failure(tape, WG_ERROR_ARGUMENT, "sum: there is no axis 2 in the shape [2, 3]");
    wg_mean_over(ramp(tape, WG_F32, WG_SHAPE(2, 3)), WG_AXES(1, -1));
    expect_failure(tape, WG_ERROR_ARGUMENT, "axis -1 of the shape [2, 3] is named twice");
    wg_tape_free(tape);
}

Test(reduce, nan_and_infinity) {
    wg_tape *tape = wg_tape_new();
    const double v[] = {1, NAN, 3, INFINITY, 2, -INFINITY, INFINITY, 1, 1};
    wg_var x = wg_constant(tape, WG_F64, WG_SHAPE(3, 3), v);
    expect_values(wg_amax_over(x, WG_AXES(1)), (double[]){NAN, INFINITY, INFINITY}, 0);
    expect_values(wg_amin_over(x, WG_AXES(0)), (double[]){1, NAN, -INFINITY}, 0);
    expect_values(wg_sum_over(x, WG_AXES(1)), (double[]){NAN, NAN, INFINITY}, 0);
    expect_values(wg_argmax(x, 1), (double[]){1, 0, 0}, 0);
    wg_tape_free(tape);
}

Test(reduce, integers_are_summed_as_f64) {
    wg_tape *tape = wg_tape_new();
    const uint8_t bytes[] = {200, 100, 3};
    wg_var x = wg_constant(tape, WG_U8, WG_SHAPE(3), bytes);
    cr_assert_eq(wg_view_of(wg_sum(x)).dtype, WG_F64);
    expect_values(wg_sum(x), (double[]){303}, 0);
    expect_values(wg_argmax(x, 0), (double[]){0}, 0);
    wg_tape_free(tape);
}

/* 0.1 in f32, 2^22 times: a running f32 sum is off in the second digit. */
Test(reduce, large_sums_are_accurate) {
    wg_tape *tape = wg_tape_new();
    const double n = 4194304;
    wg_var x = wg_full(tape, WG_F32, WG_SHAPE(4194304), (double)0.1f);
    cr_assert_float_eq(wg_value(wg_sum(x)) / (n * (double)0.1f), 1, 1e-7);
    wg_var columns = wg_full(tape, WG_F32, WG_SHAPE(1048576, 4), (double)0.1f);
    expect_values(wg_mean_over(columns, WG_AXES(0)), (double[]){0.1f, 0.1f, 0.1f, 0.1f}, 1e-7);
    wg_var f64 = wg_full(tape, WG_F64, WG_SHAPE(2097152), 0.1);
    cr_assert_float_eq(wg_value(wg_sum(f64)), 209715.2, 1e-9);
    wg_tape_free(tape);
}

Test(reduce, equal_maxima_share_the_gradient) {
    wg_tape *tape = wg_tape_new();
    wg_var x = wg_variable(tape, WG_F64, WG_SHAPE(2, 3), (double[]){1, 3, 3, 2, 2, 2});
    cr_assert_eq(wg_backward(wg_sum(wg_mul(wg_amax_over(x, WG_AXES(1)), 6))), WG_OK);
    expect_adjoint(x, (double[]){0, 3, 3, 2, 2, 2}, 1e-15);
    wg_tape_free(tape);
}

/* One zero: only its own derivative is not zero. Two: none is, but the second derivative is. */
Test(reduce, prod_with_zeros) {
    wg_tape *tape = wg_tape_new();
    wg_var x = wg_variable(tape, WG_F64, WG_SHAPE(2, 5), (double[]){2, 0, 3, 1, 5, 0, 2, 3, 0, 7});
    wg_var g, h;
    wg_var y = wg_sum(wg_prod_over(x, WG_AXES(1)));
    cr_assert_eq(wg_grad(y, &x, 1, &g), WG_OK, "%s", wg_tape_message(tape));
    expect_values(g, (double[]){0, 30, 0, 0, 0, 0, 0, 0, 0, 0}, 0);
    wg_var weights =
        wg_constant(tape, WG_F64, WG_SHAPE(2, 5), (double[]){0, 1, 0, 0, 0, 1, 0, 0, 0, 0});
    cr_assert_eq(wg_grad(wg_sum(wg_mul(g, weights)), &x, 1, &h), WG_OK);
    expect_values(h, (double[]){15, 0, 10, 30, 6, 0, 0, 0, 42, 0}, 0);
    wg_tape_free(tape);
}
