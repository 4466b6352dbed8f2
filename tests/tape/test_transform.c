/* test_transform.c: derivatives of C functions of arrays. */
#include "../op/arrays.h"
#include "wengert/check.h"
#include "wengert/transform.h"

static wg_tape *tape;

static void set_up(void) {
    tape = wg_tape_new();
}

static void tear_down(void) {
    wg_tape_free(tape);
}

TestSuite(transform, .init = set_up, .fini = tear_down);

#define OK(call) cr_assert_eq(call, WG_OK, "%s", wg_tape_message(tape))

/* ys[0] = A·tanh(B), [2, 4]; ys[1] = s·ΣA, a scalar; of A [2, 3], B [3, 4] and a scalar s. */
static void mixed(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    (void)on, (void)context;
    ys[0] = wg_matmul(xs[0], wg_tanh(xs[1]));
    ys[1] = wg_mul(wg_sin(xs[2]), wg_at(wg_sum(wg_square(xs[0])), 0));
}

static void make_mixed(wg_var *xs) {
    xs[0] = ramp(tape, WG_F64, WG_SHAPE(2, 3));
    xs[1] = wg_mul(0.3, ramp(tape, WG_F64, WG_SHAPE(3, 4)));
    xs[2] = wg_scalar(tape, 0.7);
}

static void cubes(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    (void)on, (void)context;
    ys[0] = wg_sum(wg_pow(xs[0], 3));
}

static double dot(wg_var a, wg_var b) {
    double x[MOST], y[MOST], sum = 0;
    const int64_t count = read_all(a, x);
    cr_assert_eq(read_all(b, y), count);
    for (int64_t i = 0; i < count; i++) {
        sum += x[i] * y[i];
    }
    return sum;
}

/* ---- Products ----------------------------------------------------------------------------------
 */

Test(transform, value_and_grad_is_that_of_grad) {
    wg_var x = ramp(tape, WG_F64, WG_SHAPE(5)), y, g, want;
    OK(wg_value_and_grad(tape, cubes, NULL, &x, 1, &y, &g));
    wg_var direct = wg_sum(wg_pow(x, 3));
    OK(wg_grad(direct, &x, 1, &want));
    double values[MOST];
    read_all(want, values);
    expect_values(g, values, 1e-15);
    expect_close(wg_value(y), wg_value(direct), 1e-15, 0);
    /* The results lead back to x. */
    OK(wg_backward(wg_add(y, wg_sum(g))));
    read_all(x, values);
    double adjoint[5];
    OK(wg_read_adjoint(x, WG_F64, adjoint, 5));
    for (int i = 0; i < 5; i++) {
        expect_close(adjoint[i], 3 * values[i] * values[i] + 6 * values[i], 1e-13, i);
    }
}

/* <seed, J·direction> both ways. */
Test(transform, forward_and_reverse_are_transposes) {
    wg_var xs[3], ys[2], again[2], gradients[3], tangents[2];
    make_mixed(xs);
    const wg_var seeds[2] = {ramp(tape, WG_F64, WG_SHAPE(2, 4)), wg_number(-1.5)};
    const wg_var directions[3] = {wg_sin(ramp(tape, WG_F64, WG_SHAPE(2, 3))),
                                  ramp(tape, WG_F64, WG_SHAPE(3, 4)), wg_number(0.4)};
    OK(wg_vjp(tape, mixed, NULL, xs, 3, seeds, ys, 2, gradients));
    OK(wg_jvp(tape, mixed, NULL, xs, 3, directions, again, 2, tangents));
    double left = dot(seeds[0], tangents[0]) - 1.5 * wg_value(tangents[1]);
    double right = dot(gradients[0], directions[0]) + dot(gradients[1], directions[1]) +
                   0.4 * wg_value(gradients[2]);
    expect_close(left, right, 1e-13, 0);
    expect_shape(tangents[0], WG_SHAPE(2, 4));
    cr_assert_not(wg_is_array(tangents[1]));
    cr_assert_not(wg_is_array(gradients[2]));
    double value[MOST];
    read_all(ys[0], value);
    expect_values(again[0], value, 0);
}

Test(transform, forward_mode_agrees_with_differences) {
    wg_var xs[3], ys[2], tangents[2];
    make_mixed(xs);
    wg_var directions[3] = {wg_cos(xs[0]), wg_sin(xs[1]), wg_number(2)};
    OK(wg_jvp(tape, mixed, NULL, xs, 3, directions, ys, 2, tangents));
    double want[2][8], have[8];
    const double h = 1e-5;
    for (int side = 0; side < 2; side++) {
        const double step = side == 0 ? h : -h;
        wg_var moved[3], at[2];
        for (int i = 0; i < 3; i++) {
            moved[i] = wg_add(xs[i], wg_mul(step, directions[i]));
        }
        mixed(tape, moved, at, NULL);
        OK(wg_read(at[0], WG_F64, want[side], 8));
    }
    OK(wg_read(tangents[0], WG_F64, have, 8));
    for (int i = 0; i < 8; i++) {
        expect_close(have[i], (want[0][i] - want[1][i]) / (2 * h), 1e-8, i);
    }
}

/* Adjoints that cancel to 0 must not lose a tangent: relu's rule drops what a zero brings. */
static void cancels(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    (void)on, (void)context;
    ys[0] = wg_relu(xs[0]);
    ys[1] = wg_neg(ys[0]);
}

Test(transform, forward_mode_through_kinks) {
    const double values[3] = {-1, 2, 3};
    wg_var x = wg_variable(tape, WG_F64, WG_SHAPE(3), values), ys[2], tangents[2];
    const wg_var one = wg_number(1);
    OK(wg_jvp(tape, cancels, NULL, &x, 1, &one, ys, 2, tangents));
    expect_values(tangents[0], (const double[]){0, 1, 1}, 0);
    expect_values(tangents[1], (const double[]){0, -1, -1}, 0);
}

/* x1²·x2 + exp(x1·x3) of an array of three and a scalar beside it. */
static void quartic(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    (void)on, (void)context;
    wg_var a = wg_at(xs[0], 0), b = wg_at(xs[0], 1);
    ys[0] = wg_add(wg_mul(wg_square(a), b), wg_exp(wg_mul(a, xs[1])));
}

Test(transform, products_with_the_hessian) {
    const double at[2] = {0.5, 2}, s = 0.3;
    wg_var xs[2] = {wg_variable(tape, WG_F64, WG_SHAPE(2), at), wg_scalar(tape, s)}, y, g[2], p[2];
    const double v[2] = {1, -2}, w = 3;
    const wg_var directions[2] = {wg_constant(tape, WG_F64, WG_SHAPE(2), v), wg_number(w)};
    OK(wg_hvp(tape, quartic, NULL, xs, 2, directions, &y, g, p));
    const double a = at[0], b = at[1], e = exp(a * s);
    expect_close(wg_value(y), a * a * b + e, 1e-15, 0);
    expect_values(g[0], (const double[]){2 * a * b + s * e, a * a}, 1e-14);
    expect_close(wg_value(g[1]), a * e, 1e-14, 0);
    const double h00 = 2 * b + s * s * e, h01 = 2 * a, h02 = e + a * s * e, h22 = a * a * e;
    expect_values(p[0], (const double[]){h00 * v[0] + h01 * v[1] + h02 * w, h01 * v[0]}, 1e-14);
    expect_close(wg_value(p[1]), h02 * v[0] + h22 * w, 1e-14, 0);
}

/* ---- Matrices ----------------------------------------------------------------------------------
 */

static void linear(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    (void)on;
    ys[0] = wg_matmul(*(const wg_var *)context, xs[0]);
}

static void expect_jacobian_of_a_matrix(int64_t rows, int64_t columns) {
    const int64_t shape[2] = {rows, columns};
    wg_var matrix = ramp(tape, WG_F64, 2, shape);
    wg_var x = ramp(tape, WG_F64, 1, &columns), jacobian;
    OK(wg_jacobian(tape, linear, &matrix, &x, 1, 1, &jacobian));
    double want[MOST];
    read_all(matrix, want);
    expect_shape(jacobian, 2, shape);
    expect_values(jacobian, want, 1e-15);
}

Test(transform, jacobians_of_matrices) {
    expect_jacobian_of_a_matrix(3, 7); /* by rows */
    expect_jacobian_of_a_matrix(7, 3); /* by columns */
    expect_jacobian_of_a_matrix(1, 1);
    expect_jacobian_of_a_matrix(0, 3);
    expect_jacobian_of_a_matrix(4, 0);
}

/* Of several results by several variables, both ways, against vector-Jacobian products. */
static void expect_mixed_jacobian(const wg_var *jacobians, const wg_var *xs) {
    expect_shape(jacobians[0], WG_SHAPE(2, 4, 2, 3));
    expect_shape(jacobians[1], WG_SHAPE(2, 4, 3, 4));
    expect_shape(jacobians[2], WG_SHAPE(2, 4));
    expect_shape(jacobians[3], WG_SHAPE(2, 3));
    expect_shape(jacobians[4], WG_SHAPE(3, 4));
    cr_assert_not(wg_is_array(jacobians[5]));
    double have[2][MOST], want[MOST];
    read_all(jacobians[0], have[0]);
    read_all(jacobians[1], have[1]);
    for (int k = 0; k < 8; k++) {
        double unit[8] = {0};
        unit[k] = 1;
        const wg_var seeds[2] = {wg_constant(tape, WG_F64, WG_SHAPE(2, 4), unit), wg_number(0)};
        wg_var ys[2], gradients[3];
        OK(wg_vjp(tape, mixed, NULL, xs, 3, seeds, ys, 2, gradients));
        for (int i = 0; i < 2; i++) {
            const int64_t count = read_all(gradients[i], want);
            for (int64_t e = 0; e < count; e++) {
                expect_close(have[i][k * count + e], want[e], 1e-14, e);
            }
        }
    }
    double a[6], sum = 0;
    read_all(xs[0], a);
    for (int i = 0; i < 6; i++) {
        sum += a[i] * a[i];
    }
    expect_close(wg_value(jacobians[5]), cos(0.7) * sum, 1e-14, 0);
}

Test(transform, jacobians_of_several_by_several) {
    wg_var xs[3], jacobians[6];
    make_mixed(xs);
    OK(wg_jacobian(tape, mixed, NULL, xs, 3, 2, jacobians));
    expect_mixed_jacobian(jacobians, xs);
    wg_no_grad_begin(tape);
    OK(wg_jacobian(tape, mixed, NULL, xs, 3, 2, jacobians));
    wg_no_grad_end(tape);
    expect_mixed_jacobian(jacobians, xs);
}

/* More results than variables: [5] and a scalar of a scalar and a [2]. */
static void tall(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    (void)on, (void)context;
    ys[0] = wg_mul(xs[0], wg_sum(wg_square(xs[1])));
    ys[0] = wg_mul(wg_broadcast_to(ys[0], WG_SHAPE(5)), wg_full(on, WG_F64, WG_SHAPE(5), 2));
    ys[1] = wg_mul(xs[0], wg_at(xs[1], 1));
    ys[2] = wg_number(3);
}

Test(transform, jacobians_by_columns) {
    const double at[2] = {3, 4};
    for (int values = 0; values < 2; values++) {
        wg_var xs[2] = {wg_scalar(tape, 2), wg_variable(tape, WG_F64, WG_SHAPE(2), at)}, j[6];
        if (values == 1) {
            wg_no_grad_begin(tape);
        }
        OK(wg_jacobian(tape, tall, NULL, xs, 2, 3, j));
        if (values == 1) {
            wg_no_grad_end(tape);
        }
        expect_shape(j[0], WG_SHAPE(5));
        expect_shape(j[1], WG_SHAPE(5, 2));
        expect_values(j[0], (const double[]){50, 50, 50, 50, 50}, 1e-14);
        expect_values(j[1], (const double[]){24, 32, 24, 32, 24, 32, 24, 32, 24, 32}, 1e-14);
        expect_close(wg_value(j[2]), 4, 1e-15, 0);
        expect_values(j[3], (const double[]){0, 2}, 1e-15);
        expect_close(wg_value(j[4]), 0, 0, 0);
        expect_values(j[5], (const double[]){0, 0}, 0);
    }
}

Test(transform, hessians) {
    const double at[2] = {0.5, 2}, s = 0.3;
    const double a = at[0], b = at[1], e = exp(a * s);
    for (int values = 0; values < 2; values++) {
        wg_var xs[2] = {wg_variable(tape, WG_F64, WG_SHAPE(2), at), wg_number(s)}, h[4];
        if (values == 1) {
            wg_no_grad_begin(tape);
        }
        OK(wg_hessian(tape, quartic, NULL, xs, 2, h));
        if (values == 1) {
            wg_no_grad_end(tape);
        }
        expect_shape(h[0], WG_SHAPE(2, 2));
        expect_values(h[0], (const double[]){2 * b + s * s * e, 2 * a, 2 * a, 0}, 1e-14);
        expect_values(h[1], (const double[]){e + a * s * e, 0}, 1e-14);
        expect_values(h[2], (const double[]){e + a * s * e, 0}, 1e-14);
        expect_close(wg_value(h[3]), a * a * e, 1e-14, 0);
    }
}

Test(transform, f32_stays_f32) {
    wg_var x = wg_variable(tape, WG_F32, WG_SHAPE(4), (const float[]){1, 2, 3, 4}), j, h, y, g;
    wg_var matrix = wg_cast(ramp(tape, WG_F64, WG_SHAPE(6, 4)), WG_F32);
    OK(wg_jacobian(tape, linear, &matrix, &x, 1, 1, &j));
    cr_assert_eq(wg_view_of(j).dtype, WG_F32);
    OK(wg_hessian(tape, cubes, NULL, &x, 1, &h));
    cr_assert_eq(wg_view_of(h).dtype, WG_F32);
    OK(wg_value_and_grad(tape, cubes, NULL, &x, 1, &y, &g));
    cr_assert_eq(wg_view_of(g).dtype, WG_F32);
}

/* ---- Derivatives of derivatives ----------------------------------------------------------------
 */

/* Everything squared and summed, so that differences see it. */
static wg_var of_all(wg_tape *on, const wg_var *xs, int n, void *context) {
    const int which = *(const int *)context;
    wg_var ys[2], out[6];
    const wg_var seeds[2] = {wg_sin(wg_matmul(xs[0], xs[1])), xs[2]};
    const wg_var *const directions = xs;
    int count = 0;
    cr_assert_eq(n, 3);
    if (which == 0) {
        (void)wg_vjp(on, mixed, NULL, xs, 3, seeds, ys, 2, out);
        count = 3;
    } else if (which == 1) {
        (void)wg_jvp(on, mixed, NULL, xs, 3, directions, ys, 2, out);
        count = 2;
    } else {
        (void)wg_jacobian(on, mixed, NULL, xs, 3, 2, out);
        count = 6;
    }
    wg_var total = wg_number(0);
    for (int i = 0; i < count; i++) {
        wg_var part = wg_is_array(out[i]) ? wg_at(wg_sum(wg_square(out[i])), 0) : wg_square(out[i]);
        total = wg_add(total, part);
    }
    return wg_mul(0.01, total);
}

Test(transform, all_can_be_differentiated_again) {
    const double values[12] = {0.3, -0.2, 0.5, 0.1, 0.7, -0.4, 0.2, -0.6, 0.8, 0.15, -0.35, 0.45};
    const wg_view inputs[3] = {wg_view_new(WG_F64, WG_SHAPE(2, 3), (void *)values),
                               wg_view_new(WG_F64, WG_SHAPE(3, 4), (void *)values),
                               wg_view_new(WG_F64, 0, NULL, (void *)values)};
    for (int which = 0; which < 3; which++) {
        wg_check_report report;
        cr_assert_eq(wg_check_gradient(of_all, &which, 3, inputs,
                                       (wg_check_options){.second = true}, &report),
                     WG_OK, "%d: %s", which, wg_last_message());
    }
}

static wg_var of_hessian(wg_tape *on, const wg_var *xs, int n, void *context) {
    wg_var h[4], p[2], g[2], y;
    (void)context;
    (void)wg_hessian(on, quartic, NULL, xs, n, h);
    (void)wg_hvp(on, quartic, NULL, xs, n, xs, &y, g, p);
    return wg_add(wg_add(wg_at(wg_sum(wg_square(h[0])), 0), wg_mul(h[3], y)),
                  wg_mul(wg_at(wg_sum(wg_mul(h[1], p[0])), 0), p[1]));
}

Test(transform, hessians_can_be_differentiated_again) {
    const double values[3] = {0.5, 2, 0.3};
    const wg_view inputs[2] = {wg_view_new(WG_F64, WG_SHAPE(2), (void *)values),
                               wg_view_new(WG_F64, 0, NULL, (void *)(values + 2))};
    cr_assert_eq(wg_check_gradient(of_hessian, NULL, 2, inputs,
                                   (wg_check_options){.second = true, .tolerance = 1e-5}, NULL),
                 WG_OK, "%s", wg_last_message());
}

/* ---- What counts as a variable -----------------------------------------------------------------
 */

static void product(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    (void)on;
    ys[0] = wg_mul(wg_sum(wg_mul(xs[0], xs[1])), *(const wg_var *)context);
}

Test(transform, variables_are_independent_and_captures_constant) {
    wg_var x = ramp(tape, WG_F64, WG_SHAPE(3)), c = wg_scalar(tape, 2), y, g[2];
    const wg_var xs[2] = {x, wg_mul(2, x)}; /* made of the other */
    OK(wg_value_and_grad(tape, product, &c, xs, 2, &y, g));
    double values[3], want[3];
    read_all(x, values);
    for (int i = 0; i < 3; i++) {
        want[i] = 2 * 2 * values[i]; /* c·x1 alone */
    }
    expect_values(g[0], want, 1e-14);
    /* But the results depend on what was captured. */
    OK(wg_backward(wg_sum(g[0])));
    double sum = 0;
    for (int i = 0; i < 3; i++) {
        sum += 2 * values[i];
    }
    expect_close(wg_adjoint(c), sum, 1e-14, 0);
}

Test(transform, plain_numbers_and_constants_have_derivatives) {
    wg_var c = wg_number(1), y, g[2];
    const wg_var xs[2] = {wg_constant(tape, WG_F64, WG_SHAPE(2), (const double[]){3, 4}),
                          wg_number(5)};
    OK(wg_value_and_grad(tape, product, &c, xs, 2, &y, g));
    expect_values(g[0], (const double[]){5, 5}, 0);
    expect_close(wg_value(g[1]), 7, 0, 0);
}

static void of_integers(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    (void)on, (void)context;
    ys[0] = wg_sum(wg_mul(xs[0], wg_cast(xs[1], WG_F64)));
}

Test(transform, integers_have_zero_gradients) {
    const wg_var xs[2] = {ramp(tape, WG_F64, WG_SHAPE(3)),
                          wg_constant(tape, WG_I64, WG_SHAPE(3), (const int64_t[]){1, 2, 3})};
    wg_var y, g[2];
    OK(wg_value_and_grad(tape, of_integers, NULL, xs, 2, &y, g));
    expect_values(g[0], (const double[]){1, 2, 3}, 0);
    expect_values(g[1], (const double[]){0, 0, 0}, 0);
}

/* ---- Memory ------------------------------------------------------------------------------------
 */

Test(transform, without_recording_all_but_results_goes_back) {
    wg_var x = ramp(tape, WG_F64, WG_SHAPE(64)), h;
    wg_no_grad_begin(tape);
    const wg_tape_usage before = wg_tape_usage_of(tape);
    OK(wg_hessian(tape, cubes, NULL, &x, 1, &h));
    const wg_tape_usage after = wg_tape_usage_of(tape);
    wg_no_grad_end(tape);
    cr_assert_eq(after.scalars, before.scalars);
    cr_assert_leq(after.arrays, before.arrays + 1);
    cr_assert_leq(after.bytes_held, before.bytes_held + 64 * 64 * 8);
    expect_shape(h, WG_SHAPE(64, 64));
    OK(wg_tape_status(tape));
    wg_var y = wg_sum(wg_mul(h, x)); /* h is a constant now */
    OK(wg_backward(y));
}

/* ---- Errors ------------------------------------------------------------------------------------
 */

static void sweeps(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    (void)on, (void)context;
    ys[0] = wg_sum(wg_square(xs[0]));
    (void)wg_backward(ys[0]);
}

static void identity(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    (void)on, (void)context;
    ys[0] = xs[0];
}

Test(transform, errors) {
    const int64_t three = 3;
    wg_var y, g, out[1];
#define X ramp(tape, WG_F64, 1, &three)
    wg_var x = X;
    cr_assert_eq(wg_value_and_grad(tape, NULL, NULL, &x, 1, &y, &g), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_value(y) == wg_value(y), 0);
    expect_failure(tape, WG_ERROR_ARGUMENT, "value_and_grad: the function is NULL");
    x = X;
    (void)wg_value_and_grad(tape, identity, NULL, &x, 1, &y, &g);
    expect_failure(tape, WG_ERROR_SHAPE, "value_and_grad: the function's result is of shape [3]");
    x = X;
    (void)wg_hessian(tape, identity, NULL, &x, 1, out);
    expect_failure(tape, WG_ERROR_SHAPE, "hessian: the function's result is of shape [3]");
    (void)wg_hessian(tape, identity, NULL, &x, 1, out);
    expect_failure(tape, WG_ERROR_HANDLE, "hessian: operand 0 is stale");
    x = X;
    const wg_var seed = wg_full(tape, WG_F64, WG_SHAPE(2), 1);
    (void)wg_vjp(tape, identity, NULL, &x, 1, &seed, &y, 1, &g);
    expect_failure(tape, WG_ERROR_SHAPE, "vjp: a seed of shape [2] for a result of shape [3]");
    x = X;
    (void)wg_value_and_grad(tape, sweeps, NULL, &x, 1, &y, &g);
    expect_failure(tape, WG_ERROR_STATE, "backward: called from within a function");
    wg_var deep = ramp(tape, WG_F64, WG_SHAPE(1, 1, 1, 1, 2));
    (void)wg_jacobian(tape, identity, NULL, &deep, 1, 1, out);
    expect_failure(tape, WG_ERROR_LIMIT, "jacobian: a result of shape [1, 1, 1, 1, 2]");
    x = X;
    wg_no_grad_begin(tape);
    (void)wg_jacobian(tape, NULL, NULL, &x, 1, 1, out);
    expect_failure(tape, WG_ERROR_ARGUMENT, "jacobian: the function is NULL");
    x = X;
    (void)wg_value_and_grad(tape, cubes, NULL, &x, 1, &y, &g); /* and all is well again */
    OK(wg_backward(wg_sum(g)));
}

/* A transform of a transform. */
static void inner(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    wg_var y;
    (void)context;
    (void)wg_value_and_grad(on, cubes, NULL, xs, 1, &y, ys);
}

Test(transform, transforms_nest) {
    wg_var x = ramp(tape, WG_F64, WG_SHAPE(3)), j;
    OK(wg_jacobian(tape, inner, NULL, &x, 1, 1, &j));
    double v[3];
    read_all(x, v);
    expect_values(j, (const double[]){6 * v[0], 0, 0, 0, 6 * v[1], 0, 0, 0, 6 * v[2]}, 1e-14);
    wg_no_grad_begin(tape);
    OK(wg_jacobian(tape, inner, NULL, &x, 1, 1, &j));
    wg_no_grad_end(tape);
    expect_values(j, (const double[]){6 * v[0], 0, 0, 0, 6 * v[1], 0, 0, 0, 6 * v[2]}, 1e-14);
}
