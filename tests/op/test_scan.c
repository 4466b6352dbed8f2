/* cumsum, cumprod, logcumsumexp, linear_scan along any axis, against loops. */
#include "arrays.h"

#include "wengert.h"

typedef wg_var (*verb)(wg_var x, int axis, const char *site);

/* One line folded from the front, n elements `step` apart. */
static void naive_line(char kind, int64_t n, int64_t step, const double *x, double *to) {
    double fold = kind == '*' ? 1 : kind == 'e' ? -INFINITY : 0;
    for (int64_t k = 0; k < n; k++) {
        const double v = x[k * step], high = fmax(fold, v), low = fmin(fold, v);
        fold = kind == '*'   ? fold * v
               : kind == '+' ? fold + v
               : low == high ? high + log(2)
                             : high + log1p(exp(low - high));
        to[k * step] = fold;
    }
}

static void naive(char kind, const int64_t *shape, int axis, const double *x, double *to) {
    int64_t outer = 1, inner = 1;
    for (int i = 0; i < 3; i++) {
        *(i < axis ? &outer : &inner) *= i == axis ? 1 : shape[i];
    }
    for (int64_t o = 0; o < outer; o++) {
        for (int64_t i = 0; i < inner; i++) {
            const int64_t at = o * shape[axis] * inner + i;
            naive_line(kind, shape[axis], inner, x + at, to + at);
        }
    }
}

static void check_all(wg_dtype dtype, const int64_t *shape, bool transposed) {
    static const struct {
        char kind;
        verb run;
    } verbs[] = {{'+', wg_cumsum_at}, {'*', wg_cumprod_at}, {'e', wg_logcumsumexp_at}};
    static double from[MOST], want[MOST];
    for (int axis = 0; axis < 3; axis++) {
        wg_tape *tape = wg_tape_new();
        wg_var x = wg_mul(wg_cos(ramp(tape, dtype, 3, shape)), 1.5);
        if (transposed) {
            x = wg_transpose(wg_contiguous(wg_transpose(x)));
        }
        read_all(x, from);
        for (int i = 0; i < 3; i++) {
            naive(verbs[i].kind, shape, axis, from, want);
            expect_values(verbs[i].run(x, axis - 3, WG_HERE), want, dtype == WG_F32 ? 1e-6 : 1e-12);
        }
        wg_tape_free(tape);
    }
}

Test(scan, every_axis_of_every_layout) {
    const int64_t shapes[][3] = {{2, 3, 4},   {1, 5, 1},   {3, 1, 7},
                                 {19, 3, 33}, {2, 2, 600}, {5, 300, 2}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        for (int variant = 0; variant < 4; variant++) {
            check_all(variant % 2 == 0 ? WG_F32 : WG_F64, shapes[i], variant / 2 != 0);
        }
    }
}

/* One zero, two zeros; and the second derivative, which PyTorch's golden cases do not have. */
Test(scan, cumprod_with_zeros) {
    wg_tape *tape = wg_tape_new();
    wg_var x = wg_variable(tape, WG_F64, WG_SHAPE(5), (double[]){2, 0, 3, 0, 5}), g, h;
    const wg_var y = wg_sum(wg_cumprod(x, 0));
    cr_assert_eq(wg_grad(y, &x, 1, &g), WG_OK, "%s", wg_tape_message(tape));
    /* y = a + ab + abc + abcd + abcde; dy/db = a + ac */
    expect_values(g, (double[]){1, 8, 0, 0, 0}, 0);
    const wg_var weights = wg_constant(tape, WG_F64, WG_SHAPE(5), (double[]){0, 1, 0, 0, 0});
    cr_assert_eq(wg_grad(wg_sum(wg_mul(g, weights)), &x, 1, &h), WG_OK);
    /* of a + ac + acd + acde */
    expect_values(h, (double[]){4, 0, 2, 36, 0}, 0);
    wg_tape_free(tape);
}

Test(scan, linear_scan_is_its_recurrence) {
    wg_tape *tape = wg_tape_new();
    wg_var a = wg_variable(tape, WG_F64, WG_SHAPE(2, 4), (double[]){9, 2, 0, -1, 9, 1, 1, 1});
    wg_var b = wg_variable(tape, WG_F64, WG_SHAPE(2, 4), (double[]){1, 3, 5, 7, 1, 2, 3, 4});
    expect_values(wg_linear_scan(a, b, 1), (double[]){1, 5, 5, 2, 1, 3, 6, 10}, 0);
    cr_assert_eq(wg_backward(wg_sum(wg_linear_scan(a, b, 1))), WG_OK);
    expect_adjoint(b, (double[]){3, 1, 0, 1, 4, 3, 2, 1}, 0);
    expect_adjoint(a, (double[]){0, 1, 0, 5, 0, 3, 6, 6}, 0);
    wg_linear_scan(ramp(tape, WG_F64, WG_SHAPE(2, 3)), ramp(tape, WG_F64, WG_SHAPE(3)), 0);
    expect_failure(tape, WG_ERROR_SHAPE, "linear_scan: the shapes differ: [2, 3] and [3]");
    wg_tape_free(tape);
}

/* The gradient of ⟨w, scan x⟩ by x is the transposed scan of w. */
Test(scan, cumsum_and_its_transpose) {
    wg_tape *tape = wg_tape_new();
    wg_var x = ramp(tape, WG_F64, WG_SHAPE(3, 50)), g;
    wg_var w = wg_cos(ramp(tape, WG_F64, WG_SHAPE(3, 50)));
    const wg_var y = wg_sum(wg_mul(wg_cumsum(x, 1), w));
    cr_assert_eq(wg_grad(y, &x, 1, &g), WG_OK);
    cr_assert_float_eq(wg_value(wg_sum(wg_mul(g, x))), wg_value(y), 1e-10);
    wg_tape_free(tape);
}

Test(scan, logcumsumexp_of_extremes) {
    wg_tape *tape = wg_tape_new();
    const double v[] = {-INFINITY, -INFINITY, 1000, -1000, 1001, -INFINITY};
    wg_var x = wg_variable(tape, WG_F64, WG_SHAPE(6), v);
    const double last = 1001 + log1p(exp(-1));
    expect_values(wg_logcumsumexp(x, 0), (double[]){-INFINITY, -INFINITY, 1000, 1000, last, last},
                  1e-15);
    cr_assert_eq(wg_backward(wg_at(wg_logcumsumexp(x, 0), 5)), WG_OK);
    const double share = 1 / (1 + exp(-1));
    expect_adjoint(x, (double[]){0, 0, 1 - share, 0, share, 0}, 1e-12);
    const double infinite[] = {1, INFINITY, 2, NAN, 3};
    x = wg_constant(tape, WG_F64, WG_SHAPE(5), infinite);
    expect_values(wg_logcumsumexp(x, 0), (double[]){1, INFINITY, INFINITY, NAN, NAN}, 0);
    wg_tape_free(tape);
}

Test(scan, of_nothing_of_integers_and_of_no_axis) {
    wg_tape *tape = wg_tape_new();
    wg_var none = ramp(tape, WG_F64, WG_SHAPE(2, 0, 3));
    expect_shape(wg_cumsum(none, 1), WG_SHAPE(2, 0, 3));
    expect_shape(wg_cumprod(none, 0), WG_SHAPE(2, 0, 3));
    cr_assert_eq(wg_backward(wg_sum(wg_cumprod(none, 1))), WG_OK, "%s", wg_tape_message(tape));
    const uint8_t bytes[] = {200, 100, 3};
    wg_var whole = wg_constant(tape, WG_U8, WG_SHAPE(3), bytes);
    expect_values(wg_cumsum(whole, 0), (double[]){200, 300, 303}, 0);
    cr_assert_eq(wg_view_of(wg_cumsum(whole, 0)).dtype, WG_F64);
    wg_var eight = ramp(tape, WG_F64, WG_SHAPE(1, 2, 1, 1, 2, 1, 1, 2));
    expect_shape(wg_cumsum(eight, 4), WG_SHAPE(1, 2, 1, 1, 2, 1, 1, 2));
    wg_cumsum(ramp(tape, WG_F64, WG_SHAPE(2, 3)), 2);
    expect_failure(tape, WG_ERROR_ARGUMENT, "cumsum: there is no axis 2 in the shape [2, 3]");
    wg_cumprod(wg_sum(ramp(tape, WG_F64, WG_SHAPE(2))), 0);
    expect_failure(tape, WG_ERROR_ARGUMENT, "cumprod: there is no axis 0 in the shape []");
    wg_tape_free(tape);
}

/* Sums in double: a running f32 sum of a million tenths is off in the fourth digit. */
Test(scan, long_f32_scans_are_accurate) {
    wg_tape *tape = wg_tape_new();
    wg_var x = wg_full(tape, WG_F32, WG_SHAPE(1048576), (double)0.1f);
    const double last = wg_value(wg_at(wg_cumsum(x, 0), 1048575));
    cr_assert_float_eq(last / (1048576 * (double)0.1f), 1, 1e-7);
    wg_tape_free(tape);
}
