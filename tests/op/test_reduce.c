/* sum, mean, prod, amax, amin over axes, and argmax, against loops over indices. */
#include "arrays.h"

#include "wengert.h"

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

/* ---- argmin, any, all, count_nonzero -------------------------------------------------------- */

Test(reduce, where_extremes_stand) {
    static double v[MOST];
    for (int inner = 1; inner <= 301; inner += 300) { /* rows; columns side by side */
        wg_tape *tape = wg_tape_new();
        const int64_t n = MOST / inner, shape[] = {n, inner};
        double least[301], greatest[301];
        for (int64_t i = 0; i < n * inner; i++) {
            v[i] = (double)(i * 7919 % 1009);
        }
        for (int64_t j = 0; j < inner; j++) {
            least[j] = greatest[j] = 0;
            for (int64_t i = 1; i < n; i++) {
                const double x = v[i * inner + j];
                least[j] = x < v[(int64_t)least[j] * inner + j] ? (double)i : least[j];
                greatest[j] = x > v[(int64_t)greatest[j] * inner + j] ? (double)i : greatest[j];
            }
        }
        for (int dtype = WG_F32; dtype <= WG_I64; dtype++) {
            wg_var x = wg_cast(wg_constant(tape, WG_F64, 2, shape, v), (wg_dtype)dtype);
            expect_values(wg_argmin(x, 0), least, 0);
            expect_values(wg_argmax(x, 0), greatest, 0);
        }
        v[(n - 2) * inner] = v[(n - 1) * inner] = NAN; /* the first NaN wins both */
        least[0] = greatest[0] = (double)(n - 2);
        wg_var x = wg_constant(tape, WG_F64, 2, shape, v);
        expect_values(wg_argmin(x, 0), least, 0);
        expect_values(wg_argmax(wg_cast(x, WG_F32), 0), greatest, 0);
        wg_tape_free(tape);
    }
}

Test(reduce, whether_and_how_many) {
    wg_tape *tape = wg_tape_new();
    wg_var x = wg_constant(tape, WG_F32, WG_SHAPE(3, 2), (float[]){0, -0.0f, NAN, 1, 2, 0});
    cr_assert_eq(wg_view_of(wg_any(x)).dtype, WG_U8);
    cr_assert_eq(wg_view_of(wg_count_nonzero(x)).dtype, WG_I64);
    expect_values(wg_any_over(x, WG_AXES(1)), (double[]){0, 1, 1}, 0);
    expect_values(wg_all_over(x, WG_AXES(1)), (double[]){0, 1, 0}, 0);
    expect_values(wg_count_nonzero_over(x, WG_AXES(0)), (double[]){2, 1}, 0);
    expect_values(wg_count_nonzero(wg_transpose(x)), (double[]){3}, 0);
    wg_var cube = wg_constant(tape, WG_U8, WG_SHAPE(2, 2, 2), (uint8_t[]){1, 0, 1, 1, 1, 0, 0, 0});
    expect_values(wg_count_nonzero_over(cube, WG_AXES(0, 2)), (double[]){2, 2}, 0);
    expect_values(wg_all_over(cube, WG_AXES(0, 1)), (double[]){0, 0}, 0);
    wg_var none = ramp(tape, WG_F64, WG_SHAPE(2, 0));
    expect_values(wg_any_over(none, WG_AXES(1)), (double[]){0, 0}, 0);
    expect_values(wg_all_over(none, WG_AXES(1)), (double[]){1, 1}, 0);
    expect_values(wg_count_nonzero(none), (double[]){0}, 0);
    expect_shape(wg_any_over(none, WG_AXES(0)), WG_SHAPE(0));
    wg_any_over(ramp(tape, WG_F64, WG_SHAPE(2)), WG_AXES(1));
    expect_failure(tape, WG_ERROR_ARGUMENT, "any: there is no axis 1 in the shape [2]");
    wg_tape_free(tape);
}

/* ---- logsumexp ------------------------------------------------------------------------------ */

Test(reduce, logsumexp_of_infinities) {
    wg_tape *tape = wg_tape_new();
    const double v[] = {-INFINITY, -INFINITY, 1, -INFINITY, INFINITY, INFINITY, NAN, 0};
    for (int dtype = WG_F32; dtype <= WG_F64; dtype++) {
        wg_var x = wg_cast(wg_constant(tape, WG_F64, WG_SHAPE(4, 2), v), (wg_dtype)dtype);
        const double want[] = {-INFINITY, 1, INFINITY, NAN};
        expect_values(wg_logsumexp_over(x, WG_AXES(1)), want, 0);
        expect_values(wg_logsumexp_over(wg_contiguous(wg_transpose(x)), WG_AXES(0)), want, 0);
    }
    wg_var x = wg_variable(tape, WG_F64, WG_SHAPE(2, 2), v), g;
    cr_assert_eq(wg_grad(wg_at(wg_logsumexp_over(x, WG_AXES(1)), 0), &x, 1, &g), WG_OK);
    expect_values(g, (double[]){0, 0, 0, 0}, 0);
    cr_assert_eq(wg_backward(wg_at(wg_logsumexp_over(x, WG_AXES(1)), 1)), WG_OK);
    expect_adjoint(x, (double[]){0, 0, 1, 0}, 0);
    wg_var none = ramp(tape, WG_F64, WG_SHAPE(2, 0));
    expect_values(wg_logsumexp_over(none, WG_AXES(1)), (double[]){-INFINITY, -INFINITY}, 0);
    wg_tape_free(tape);
}

/* As far apart as exp is not, and more than one chunk of a row. */
Test(reduce, logsumexp_neither_overflows_nor_forgets) {
    wg_tape *tape = wg_tape_new();
    wg_var x = wg_constant(tape, WG_F32, WG_SHAPE(4), (float[]){1e30f, -1e30f, 1e30f, 0});
    expect_values(wg_logsumexp(x), (double[]){(double)1e30f}, 1e-7);
    wg_var much = wg_full(tape, WG_F32, WG_SHAPE(200000), 500);
    cr_assert_float_eq(wg_value(wg_logsumexp(much)), 500 + log(200000), 1e-4);
    wg_tape_free(tape);
}

/* ---- variance, std -------------------------------------------------------------------------- */

static double naive_variance(const double *x, int64_t n, int64_t step, double correction) {
    long double mean = 0, sum = 0;
    for (int64_t i = 0; i < n; i++) {
        mean += (long double)x[i * step] / (long double)n;
    }
    for (int64_t i = 0; i < n; i++) {
        const long double d = (long double)x[i * step] - mean;
        sum += d * d;
    }
    return (double)(sum / ((long double)n - (long double)correction));
}

/* A mean a million times the deviation: one-pass formulae lose all digits. */
Test(reduce, variance_beside_a_large_mean) {
    static double v[MOST];
    const int64_t shapes[][2] = {{1, 4096}, {3, 1300}, {1300, 3}, {100, 40}};
    for (size_t k = 0; k < sizeof shapes / sizeof shapes[0]; k++) {
        wg_tape *tape = wg_tape_new();
        const int64_t rows = shapes[k][0], columns = shapes[k][1];
        double by_rows[1300], by_columns[4096];
        for (int64_t i = 0; i < rows * columns; i++) {
            v[i] = 1e6 + (double)(i * 7919 % 64) / 64;
        }
        for (int64_t i = 0; i < rows; i++) {
            by_rows[i] = naive_variance(v + i * columns, columns, 1, 1);
        }
        for (int64_t j = 0; j < columns; j++) {
            by_columns[j] = naive_variance(v + j, rows, columns, 0.5);
        }
        wg_var x = wg_constant(tape, WG_F64, 2, shapes[k], v);
        expect_values(wg_variance_over(x, WG_AXES(1), 1), by_rows, 1e-10);
        expect_values(wg_variance_over(x, WG_AXES(0), 0.5), by_columns, 1e-10);
        wg_tape_free(tape);
    }
}

Test(reduce, variance_where_little_is_left) {
    wg_tape *tape = wg_tape_new();
    wg_var x = wg_variable(tape, WG_F64, WG_SHAPE(2, 1), (double[]){3, 4});
    expect_values(wg_variance_over(x, WG_AXES(1), 1), (double[]){NAN, NAN}, 0);
    expect_values(wg_variance_over(x, WG_AXES(1), 0), (double[]){0, 0}, 0);
    expect_values(wg_variance_over(x, WG_AXES(0), 3), (double[]){INFINITY}, 0);
    expect_values(wg_variance(ramp(tape, WG_F64, WG_SHAPE(0))), (double[]){NAN}, 0);
    expect_values(wg_std(wg_constant(tape, WG_U8, WG_SHAPE(2), (uint8_t[]){0, 2})),
                  (double[]){sqrt(2)}, 1e-15);
    cr_assert(isnan(wg_value(wg_variance(wg_number(3)))));
    cr_assert_eq(wg_value(wg_variance_at(wg_number(3), WG_ALL_AXES, 0, WG_HERE)), 0);
    wg_tape_free(tape);
}

/* No derivative at equal elements, in the second derivative either. */
Test(reduce, std_of_equal_elements) {
    wg_tape *tape = wg_tape_new();
    wg_var x = wg_variable(tape, WG_F64, WG_SHAPE(3), (double[]){2, 2, 2}), g, h;
    cr_assert_eq(wg_grad(wg_std(x), &x, 1, &g), WG_OK);
    expect_values(g, (double[]){0, 0, 0}, 0);
    cr_assert_eq(wg_grad(wg_sum(g), &x, 1, &h), WG_OK);
    expect_values(h, (double[]){0, 0, 0}, 0);
    wg_tape_free(tape);
}

/* ---- norm ----------------------------------------------------------------------------------- */

Test(reduce, norms_of_known_vectors) {
    wg_tape *tape = wg_tape_new();
    wg_var x = wg_variable(tape, WG_F64, WG_SHAPE(2, 2), (double[]){3, -4, 0, 0});
    const double p[] = {2, 1, INFINITY, -INFINITY, 0, 3, -1};
    const double want[] = {5, 7, 4, 3, 2, cbrt(27 + 64), 1 / (1.0 / 3 + 1.0 / 4)};
    for (size_t i = 0; i < sizeof p / sizeof p[0]; i++) {
        expect_values(wg_norm_over(x, p[i], WG_AXES(1)), (double[]){want[i], 0}, 1e-15);
    }
    cr_assert_eq(wg_value(wg_norm(wg_number(-3), 2)), 3);
    wg_var large = wg_constant(tape, WG_F32, WG_SHAPE(2), (float[]){3e30f, 4e30f});
    expect_values(wg_norm(large, 2), (double[]){5e30}, 1e-7);
    wg_norm(x, (double)NAN);
    expect_failure(tape, WG_ERROR_ARGUMENT, "norm: p is NaN");
    wg_norm(ramp(tape, WG_F64, WG_SHAPE(0)), (double)INFINITY);
    expect_failure(tape, WG_ERROR_SHAPE, "amax: no elements");
    wg_tape_free(tape);
}

Test(reduce, norms_have_no_gradient_at_the_zero_vector) {
    const double p[] = {2, 1, 0, 3, 0.5, 1.5, INFINITY};
    for (size_t i = 0; i < sizeof p / sizeof p[0]; i++) {
        wg_tape *tape = wg_tape_new();
        wg_var x = wg_variable(tape, WG_F64, WG_SHAPE(3), (double[]){0, 0, 0}), g, h;
        cr_assert_eq(wg_grad(wg_norm(x, p[i]), &x, 1, &g), WG_OK, "%s", wg_tape_message(tape));
        expect_values(g, (double[]){0, 0, 0}, 0);
        cr_assert_eq(wg_grad(wg_sum(g), &x, 1, &h), WG_OK, "%s", wg_tape_message(tape));
        expect_values(h, (double[]){0, 0, 0}, 0);
        wg_tape_free(tape);
    }
}

/* General p with a zero beside others: its power's derivative is infinite for p < 1. */
Test(reduce, general_norms_step_over_zeros) {
    wg_tape *tape = wg_tape_new();
    wg_var x = wg_variable(tape, WG_F64, WG_SHAPE(3), (double[]){0, 4, -9});
    cr_assert_eq(wg_backward(wg_norm(x, 0.5)), WG_OK);
    expect_adjoint(x, (double[]){0, 2.5, -5.0 / 3}, 1e-14);
    wg_tape_free(tape);
}

/* ---- Threads -------------------------------------------------------------------------------- */

/* Few columns and many rows: the rows are shared, and the parts joined in their order. */
Test(reduce, tall_columns) {
    wg_tape *tape = wg_tape_new();
    for (int64_t columns = 1; columns <= 2100; columns = columns * 7 + 3) {
        const int64_t rows = 600000 / columns;
        wg_var x = wg_full(tape, WG_F32, WG_SHAPE(rows, columns), 0.25);
        double values[2500];
        cr_assert_eq(wg_read(wg_sum_over(x, WG_AXES(0)), WG_F64, values, columns), WG_OK);
        for (int64_t j = 0; j < columns; j++) {
            cr_assert_float_eq(values[j], 0.25 * (double)rows, 0);
        }
        wg_tape_reset(tape);
    }
    wg_tape_free(tape);
}
