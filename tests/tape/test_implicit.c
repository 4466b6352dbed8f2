/* test_implicit.c: variables defined by an equation, against closed forms and differences. */
#include "../op/arrays.h"
#include "wengert/check.h"
#include "wengert/implicit.h"
#include "wengert/nn.h"

static wg_tape *tape;

static void set_up(void) {
    tape = wg_tape_new();
}

static void tear_down(void) {
    wg_tape_free(tape);
}

TestSuite(implicit, .init = set_up, .fini = tear_down);

#define OK(call) cr_assert_eq(call, WG_OK, "%s", wg_tape_message(tape))

/* Each solver of linear systems, by name. */
static const wg_linear_solver solvers[] = {WG_SOLVER_AUTO, WG_SOLVER_DENSE, WG_SOLVER_GMRES,
                                           WG_SOLVER_BICGSTAB, WG_SOLVER_CG};
#define SOLVERS 5

/* ---- Kepler's equation --------------------------------------------------------------------------
 */

/* E - e·sin E - M */
static void kepler(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    (void)on, (void)context;
    ys[0] = wg_sub(wg_sub(xs[0], wg_mul(xs[1], wg_sin(xs[0]))), xs[2]);
}

Test(implicit, keplers_equation_and_its_derivatives) {
    const double e = 0.4;
    wg_var thetas[2] = {wg_scalar(tape, e), wg_scalar(tape, 1.2)}, g[2], gg[2];
    wg_var x = wg_root(tape, kepler, NULL, 1.2, thetas, 2, (wg_root_options){0});
    cr_assert_not(wg_is_array(x));
    const double E = wg_value(x), d = 1 - e * cos(E);
    expect_close(E - e * sin(E), 1.2, 1e-12, 0);
    OK(wg_grad(x, thetas, 2, g));
    expect_close(wg_value(g[0]), sin(E) / d, 1e-12, 0);
    expect_close(wg_value(g[1]), 1 / d, 1e-12, 0);
    OK(wg_grad(g[1], thetas, 2, gg));
    const double m_m = -e * sin(E) / (d * d * d);
    const double m_e = (cos(E) - e * sin(E) * sin(E) / d) / (d * d);
    expect_close(wg_value(gg[0]), m_e, 1e-11, 0);
    expect_close(wg_value(gg[1]), m_m, 1e-11, 0);
    wg_var third[2];
    OK(wg_grad(gg[1], thetas, 2, third)); /* d/dM of -e sin E/d³ */
    expect_close(wg_value(third[1]),
                 (-e * cos(E) / (d * d * d) + 3 * e * e * sin(E) * sin(E) / (d * d * d * d)) / d,
                 1e-10, 0);
    OK(wg_backward(wg_add(x, g[0])));
    expect_close(wg_adjoint(thetas[1]), 1 / d + m_e, 1e-11, 0);
}

/* Several at once, from M, by the user's own iteration. */
static wg_status own_newton(wg_tape *on, wg_var *x, const wg_var *thetas, void *context) {
    double E[4], e, M[4];
    (void)context;
    if (wg_read(*x, WG_F64, E, 4) != WG_OK || wg_read(thetas[0], WG_F64, &e, 1) != WG_OK ||
        wg_read(thetas[1], WG_F64, M, 4) != WG_OK) {
        return wg_tape_status(on);
    }
    for (int k = 0; k < 30; k++) {
        for (int i = 0; i < 4; i++) {
            E[i] -= (E[i] - e * sin(E[i]) - M[i]) / (1 - e * cos(E[i]));
        }
    }
    *x = wg_constant(on, WG_F64, WG_SHAPE(2, 2), E);
    return WG_OK;
}

static wg_var of_orbits(wg_tape *on, const wg_var *xs, int n, void *context) {
    (void)n;
    wg_root_options options = {.finder = own_newton};
    options.system.solver = *(const wg_linear_solver *)context;
    return wg_sum(wg_sin(wg_root(on, kepler, NULL, xs[1], xs, 2, options)));
}

Test(implicit, a_solver_of_ones_own_and_every_linear_solver) {
    const double values[5] = {0.3, 0.5, 1.5, 2.5, -1};
    const wg_view inputs[2] = {wg_view_new(WG_F64, 0, NULL, (void *)values),
                               wg_view_new(WG_F64, WG_SHAPE(2, 2), (void *)(values + 1))};
    for (int k = 0; k < SOLVERS; k++) {
        cr_assert_eq(wg_check_gradient(of_orbits, (void *)&solvers[k], 2, inputs,
                                       (wg_check_options){.second = true}, NULL),
                     WG_OK, "solver %d: %s", k, wg_last_message());
    }
}

/* ---- A steady state -----------------------------------------------------------------------------
 */

/* Two species: a - x·y² - x = 0, x·y² + c·x - b·y = 0; not symmetric. */
static void reactions(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    (void)context;
    wg_var x = wg_at(xs[0], 0), y = wg_at(xs[0], 1);
    wg_var rate = wg_mul(x, wg_square(y));
    ys[0] = wg_stack(on, 2,
                     ((wg_var[]){wg_sub(wg_sub(xs[1], rate), x),
                                 wg_sub(wg_add(rate, wg_mul(0.1, x)), wg_mul(xs[2], y))}));
}

static wg_var of_reactions(wg_tape *on, const wg_var *xs, int n, void *context) {
    wg_root_options options = {.tolerance = 1e-13};
    options.system.solver = *(const wg_linear_solver *)context;
    (void)n;
    wg_var start = wg_constant(on, WG_F64, WG_SHAPE(2), (const double[]){0.6, 0.4});
    wg_var x = wg_root(on, reactions, NULL, start, xs, 2, options);
    return wg_add(wg_square(wg_at(x, 0)), wg_mul(wg_at(x, 1), xs[0]));
}

Test(implicit, a_steady_state_of_scalars) {
    const double values[2] = {0.8, 0.9};
    const wg_view inputs[2] = {wg_view_new(WG_F64, 0, NULL, (void *)values),
                               wg_view_new(WG_F64, 0, NULL, (void *)(values + 1))};
    for (int k = 0; k < SOLVERS - 1; k++) { /* conjugate gradients need symmetry */
        cr_assert_eq(wg_check_gradient(of_reactions, (void *)&solvers[k], 2, inputs,
                                       (wg_check_options){.second = true}, NULL),
                     WG_OK, "solver %d: %s", k, wg_last_message());
    }
}

/* ---- Ridge regression as a minimum --------------------------------------------------------------
 */

static void ridge_objective(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    (void)on, (void)context;
    wg_var rest = wg_sub(wg_matmul(xs[2], xs[0]), xs[3]);
    ys[0] = wg_add(wg_sum(wg_square(rest)), wg_mul(xs[1], wg_sum(wg_square(xs[0]))));
}

/* Its gradient by the weights: a transform within an equation. */
static void ridge_slope(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    wg_var y, g[4];
    (void)context;
    (void)wg_value_and_grad(on, ridge_objective, NULL, xs, 4, &y, g);
    ys[0] = g[0];
}

typedef struct ridge {
    wg_linear_solver solver;
    bool f32;
} ridge;

static wg_var of_ridge(wg_tape *on, const wg_var *xs, int n, void *context) {
    const ridge *r = context;
    (void)n;
    wg_root_options options = {.system = {.solver = r->solver}};
    wg_var start = wg_full(on, WG_F64, WG_SHAPE(3), 0);
    wg_var w = wg_root(on, ridge_slope, NULL, start, xs, 3, options);
    return wg_sum(wg_mul(w, wg_constant(on, WG_F64, WG_SHAPE(3), (const double[]){1, -2, 3})));
}

static void fill(double *values, int count, double scale) {
    for (int i = 0; i < count; i++) {
        values[i] = scale * sin(1.7 * i + 0.3 * i * i);
    }
}

Test(implicit, ridge_regression_as_a_minimum) {
    double values[1 + 15 + 5];
    fill(values, 21, 1);
    values[0] = 0.7;
    const wg_view inputs[3] = {wg_view_new(WG_F64, 0, NULL, values),
                               wg_view_new(WG_F64, WG_SHAPE(5, 3), values + 1),
                               wg_view_new(WG_F64, WG_SHAPE(5), values + 16)};
    for (int k = 0; k < SOLVERS; k++) {
        ridge r = {solvers[k], false};
        cr_assert_eq(
            wg_check_gradient(of_ridge, &r, 3, inputs, (wg_check_options){.second = true}, NULL),
            WG_OK, "solver %d: %s", k, wg_last_message());
    }
}

/* w = (XᵀX + λ)⁻¹Xᵀy with one column: dw/dλ = -w/(XᵀX + λ). */
Test(implicit, ridge_regression_in_closed_form) {
    const double X[4] = {1, 2, -1, 0.5}, y[4] = {2, 3, 0, 1};
    double xx = 0, xy = 0;
    for (int i = 0; i < 4; i++) {
        xx += X[i] * X[i];
        xy += X[i] * y[i];
    }
    wg_var thetas[3] = {wg_scalar(tape, 0.5), wg_constant(tape, WG_F64, WG_SHAPE(4, 1), X),
                        wg_variable(tape, WG_F64, WG_SHAPE(4), y)};
    wg_var start = wg_full(tape, WG_F64, WG_SHAPE(1), 0), g[3];
    wg_var w = wg_root(tape, ridge_slope, NULL, start, thetas, 3, (wg_root_options){0});
    expect_values(w, (const double[]){xy / (xx + 0.5)}, 1e-13);
    OK(wg_grad(w, thetas, 3, g)); /* constants have gradients here, too */
    expect_close(wg_value(g[0]), -xy / ((xx + 0.5) * (xx + 0.5)), 1e-12, 0);
    double by_y[4], by_x[4];
    for (int i = 0; i < 4; i++) {
        by_y[i] = X[i] / (xx + 0.5);
        by_x[i] = y[i] / (xx + 0.5) - 2 * X[i] * xy / ((xx + 0.5) * (xx + 0.5));
    }
    expect_values(g[2], by_y, 1e-12);
    expect_values(g[1], by_x, 1e-12);
}

/* ---- Fixed points -------------------------------------------------------------------------------
 */

/* tanh(W·x + u): a deep equilibrium layer. */
static void layer(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    (void)on, (void)context;
    ys[0] = wg_tanh(wg_add(wg_matmul(xs[1], xs[0]), xs[2]));
}

typedef struct deep {
    wg_fixed_point_options options;
    int unrolled;
} deep;

static wg_var of_layer(wg_tape *on, const wg_var *xs, int n, void *context) {
    const deep *d = context;
    (void)n;
    wg_var x = wg_full(on, WG_F64, WG_SHAPE(4), 0);
    if (d->unrolled > 0) {
        for (int i = 0; i < d->unrolled; i++) {
            const wg_var now[3] = {x, xs[0], xs[1]};
            layer(on, now, &x, NULL);
        }
    } else {
        x = wg_fixed_point(on, layer, NULL, x, xs, 2, d->options);
    }
    return wg_sum(wg_mul(wg_square(x),
                         wg_constant(on, WG_F64, WG_SHAPE(4), (const double[]){1, 2, -1, 0.5})));
}

Test(implicit, an_equilibrium_is_the_layer_unrolled_for_ever) {
    double values[16 + 4];
    fill(values, 20, 0.4);
    const wg_var xs[2] = {wg_variable(tape, WG_F64, WG_SHAPE(4, 4), values),
                          wg_variable(tape, WG_F64, WG_SHAPE(4), values + 16)};
    deep unrolled = {.unrolled = 200};
    wg_var y = of_layer(tape, xs, 2, &unrolled), want[2];
    double w[16], u[4];
    OK(wg_grad(y, xs, 2, want));
    OK(wg_read(want[0], WG_F64, w, 16));
    OK(wg_read(want[1], WG_F64, u, 4));
    const int depths[] = {0, 1, 3, 20};
    for (int k = 0; k < 4; k++) {
        for (int s = 0; s < SOLVERS - 1; s++) {
            deep d = {.options = {.anderson = depths[k],
                                  .tolerance = 1e-13,
                                  .system = {.solver = solvers[s]}}};
            wg_var g[2], z = of_layer(tape, xs, 2, &d);
            expect_close(wg_value(z), wg_value(y), 1e-12, 0);
            OK(wg_grad(z, xs, 2, g));
            expect_values(g[0], w, 1e-11);
            expect_values(g[1], u, 1e-11);
        }
    }
}

Test(implicit, an_equilibrium_to_the_second_order) {
    double values[16 + 4];
    fill(values, 20, 0.4);
    const wg_view inputs[2] = {wg_view_new(WG_F64, WG_SHAPE(4, 4), values),
                               wg_view_new(WG_F64, WG_SHAPE(4), values + 16)};
    for (int s = 0; s < SOLVERS - 1; s++) {
        deep d = {.options = {.anderson = 3, .tolerance = 1e-14, .system = {.solver = solvers[s]}}};
        cr_assert_eq(
            wg_check_gradient(of_layer, &d, 2, inputs, (wg_check_options){.second = true}, NULL),
            WG_OK, "solver %d: %s", s, wg_last_message());
    }
}

static void cosine(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    ++*(int *)context;
    (void)on;
    ys[0] = wg_cos(wg_mul(xs[0], xs[1]));
}

Test(implicit, anderson_takes_fewer_steps) {
    int plain = 0, mixed = 0;
    wg_var a = wg_scalar(tape, 1), g;
    wg_var x = wg_fixed_point(tape, cosine, &plain, 0.5, &a, 1, (wg_fixed_point_options){0});
    wg_var y =
        wg_fixed_point(tape, cosine, &mixed, 0.5, &a, 1, (wg_fixed_point_options){.anderson = 2});
    expect_close(wg_value(x), 0.7390851332151607, 1e-9, 0);
    expect_close(wg_value(y), 0.7390851332151607, 1e-9, 0);
    cr_assert_gt(plain, 50);
    cr_assert_lt(mixed, 12);
    cr_assert_not(wg_is_array(y));
    OK(wg_grad(y, &a, 1, &g)); /* x' = -x·sin(x)/(1 + sin x) */
    const double s = sin(0.7390851332151607);
    expect_close(wg_value(g), -0.7390851332151607 * s / (1 + s), 1e-9, 0);
    int damped = 0;
    (void)wg_fixed_point(tape, cosine, &damped, 0.5, &a, 1,
                         (wg_fixed_point_options){.damping = 0.6});
    cr_assert_lt(damped, 30);
}

/* ---- What a function looks at besides -----------------------------------------------------------
 */

typedef struct network {
    wg_net net;
    wg_var input;
} network;

static void block(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    const network *n = context;
    (void)on;
    ys[0] = wg_tanh(wg_add(wg_mul(0.3, wg_linear(n->net, "state", xs[0], 3)), n->input));
}

/* The gradient of every parameter, and of a variable that is captured: as unrolled. */
static void gradients_of_block(bool implicit, float *gradient, double *input) {
    wg_store *store = wg_store_new(3);
    network context = {wg_net_train(store, tape, 1), wg_number(0)};
    wg_var leaf = wg_variable(tape, WG_F32, WG_SHAPE(2, 3),
                              (const float[]){0.1f, -0.2f, 0.3f, 0.4f, -0.5f, 0.6f});
    context.input = wg_mul(leaf, 2);
    wg_var x = wg_full(tape, WG_F32, WG_SHAPE(2, 3), 0);
    if (implicit) {
        x = wg_fixed_point(tape, block, &context, x, NULL, 0,
                           (wg_fixed_point_options){.tolerance = 1e-6});
    } else {
        for (int i = 0; i < 60; i++) {
            block(tape, &x, &x, &context);
        }
    }
    OK(wg_backward(wg_sum(wg_square(x))));
    OK(wg_read_adjoint(leaf, WG_F64, input, 6));
    for (int64_t i = 0; i < wg_store_count(store); i++) {
        wg_parameter_view parameter;
        cr_assert_eq(wg_store_at(store, i, &parameter), WG_OK);
        memcpy(gradient, parameter.gradient, (size_t)wg_view_count(&parameter.value) * 4);
        gradient += wg_view_count(&parameter.value);
    }
    wg_tape_reset(tape);
    wg_store_free(store);
}

Test(implicit, parameters_and_captured_variables_have_gradients) {
    float gradient[2][12];
    double input[2][6];
    gradients_of_block(false, gradient[0], input[0]);
    gradients_of_block(true, gradient[1], input[1]);
    for (int i = 0; i < 12; i++) {
        expect_close(gradient[1][i], gradient[0][i], 1e-4, i);
        cr_assert_neq(gradient[0][i], 0);
    }
    for (int i = 0; i < 6; i++) {
        expect_close(input[1][i], input[0][i], 1e-4, i);
    }
}

/* ---- Larger systems, memory, scopes -------------------------------------------------------------
 */

/* -u'' + θ·sinh u = 1 on 300 points. */
static void poisson(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    wg_var u = xs[0], zero = wg_full(on, WG_F64, WG_SHAPE(1), 0);
    const int64_t n = wg_count(u);
    (void)context;
    wg_var left = wg_concat(2, ((wg_var[]){zero, wg_slice(u, 0, 0, n - 1, 1)}), 0);
    wg_var right = wg_concat(2, ((wg_var[]){wg_slice(u, 0, 1, n, 1), zero}), 0);
    wg_var bend = wg_sub(wg_mul(2, u), wg_add(left, right));
    ys[0] = wg_sub(wg_add(bend, wg_mul(xs[1], (wg_sinh)(u))), 0.01);
}

Test(implicit, three_hundred_unknowns_by_products_alone) {
    const wg_linear_solver by_products[] = {WG_SOLVER_AUTO, WG_SOLVER_BICGSTAB, WG_SOLVER_CG};
    double slope[3];
    for (int k = 0; k < 3; k++) {
        wg_tape_reset(tape);
        wg_var theta = wg_scalar(tape, 0.05), start = wg_full(tape, WG_F64, WG_SHAPE(300), 0), g;
        wg_var u = wg_root(tape, poisson, NULL, start, &theta, 1,
                           (wg_root_options){.system = {.solver = by_products[k]}});
        wg_var middle = wg_at(u, 150);
        OK(wg_grad(middle, &theta, 1, &g));
        slope[k] = wg_value(g);
        OK(wg_backward(middle));
        expect_close(wg_adjoint(theta), slope[k], 1e-9, 0);
    }
    expect_close(slope[1], slope[0], 1e-8, 0);
    expect_close(slope[2], slope[0], 1e-8, 0);
    double value[2]; /* and differences agree */
    for (int side = 0; side < 2; side++) {
        wg_var theta = wg_number(0.05 + (side == 0 ? -1e-5 : 1e-5));
        wg_var start = wg_full(tape, WG_F64, WG_SHAPE(300), 0);
        wg_no_grad_begin(tape);
        value[side] = wg_value(wg_at(
            wg_root(tape, poisson, NULL, start, &theta, 1, (wg_root_options){.tolerance = 1e-13}),
            150));
        wg_no_grad_end(tape);
    }
    expect_close(slope[0], (value[1] - value[0]) / 2e-5, 1e-6, 0);
}

Test(implicit, what_the_solver_does_is_given_back) {
    wg_var theta = wg_scalar(tape, 0.05), start = wg_full(tape, WG_F64, WG_SHAPE(300), 0);
    const wg_tape_usage before = wg_tape_usage_of(tape);
    wg_var u = wg_root(tape, poisson, NULL, start, &theta, 1, (wg_root_options){0});
    const wg_tape_usage after = wg_tape_usage_of(tape);
    cr_assert_leq(after.arrays, before.arrays + 3);
    cr_assert_leq(after.scalars, before.scalars + 1);
    cr_assert_leq(after.bytes_held, before.bytes_held + 300 * 8 + 1024);
    wg_no_grad_begin(tape);
    wg_var x = wg_root(tape, kepler, NULL, 1, ((wg_var[]){wg_number(0.1), wg_number(1)}), 2,
                       (wg_root_options){0});
    wg_no_grad_end(tape);
    cr_assert_null(x.tape);
    OK(wg_backward(wg_sum(u)));
}

/* ---- f32, forward mode, nesting -----------------------------------------------------------------
 */

Test(implicit, f32_stays_f32) {
    wg_var thetas[2] = {
        wg_variable(tape, WG_F32, WG_SHAPE(2, 2), (const float[]){0.1f, 0.2f, 0, 0.3f}),
        wg_variable(tape, WG_F32, WG_SHAPE(2), (const float[]){1, -1})};
    wg_var start = wg_full(tape, WG_F32, WG_SHAPE(2), 0);
    wg_var x = wg_fixed_point(tape, layer, NULL, start, thetas, 2, (wg_fixed_point_options){0});
    cr_assert_eq(wg_view_of(x).dtype, WG_F32);
    OK(wg_backward(wg_sum(wg_keep(x))));
    double u[2];
    OK(wg_read_adjoint(thetas[1], WG_F64, u, 2));
    double v[2];
    OK(wg_read(x, WG_F64, v, 2));
    const double a = 1 - v[0] * v[0], b = 1 - v[1] * v[1];
    /* (1 - DW)ᵀλ = D·1 with D = diag(a, b), W = [0.1 0.2; 0 0.3] */
    expect_close(u[0], a / (1 - 0.1 * a), 1e-5, 0);
    expect_close(u[1], b * (1 + 0.2 * a / (1 - 0.1 * a)) / (1 - 0.3 * b), 1e-5, 1);
}

static void orbit(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    (void)context;
    ys[0] = wg_root(on, kepler, NULL, xs[1], xs, 2, (wg_root_options){0});
}

Test(implicit, within_transforms_and_checkpoints) {
    const wg_var xs[2] = {wg_scalar(tape, 0.4), wg_scalar(tape, 1.2)};
    const wg_var directions[2] = {wg_number(1), wg_number(2)};
    wg_var y, tangent, h[4], g[2];
    OK(wg_jvp(tape, orbit, NULL, xs, 2, directions, &y, 1, &tangent));
    const double E = wg_value(y), d = 1 - 0.4 * cos(E);
    expect_close(wg_value(tangent), (sin(E) + 2) / d, 1e-11, 0);
    OK(wg_hessian(tape, orbit, NULL, xs, 2, h));
    expect_close(wg_value(h[3]), -0.4 * sin(E) / (d * d * d), 1e-10, 0);
    expect_close(wg_value(h[1]), wg_value(h[2]), 1e-10, 0);
    wg_no_grad_begin(tape);
    OK(wg_hessian(tape, orbit, NULL, xs, 2, h));
    wg_no_grad_end(tape);
    expect_close(wg_value(h[3]), -0.4 * sin(E) / (d * d * d), 1e-10, 0);
    OK(wg_checkpoint(tape, orbit, NULL, xs, 2, &y, 1));
    OK(wg_grad(y, xs, 2, g));
    expect_close(wg_value(g[1]), 1 / d, 1e-11, 0);
    OK(wg_backward(wg_mul(y, g[1])));
    expect_close(wg_adjoint(xs[1]), 1 / (d * d) - E * 0.4 * sin(E) / (d * d * d), 1e-10, 0);
}

/* ---- Errors -------------------------------------------------------------------------------------
 */

static void above_zero(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    (void)on, (void)context;
    ys[0] = wg_add(wg_square(xs[0]), xs[1]);
}

static void doubles(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    (void)on, (void)context;
    ys[0] = wg_add(wg_mul(2, xs[0]), xs[1]);
}

static void flat(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    (void)on, (void)context;
    ys[0] = wg_mul(wg_sum(xs[0]), wg_mul(xs[1], wg_full(on, WG_F64, WG_SHAPE(3), 1)));
}

static void wrong_size(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    (void)xs, (void)context;
    ys[0] = wg_full(on, WG_F64, WG_SHAPE(5), 0);
}

static wg_status gives_up(wg_tape *on, wg_var *x, const wg_var *thetas, void *context) {
    (void)on, (void)x, (void)thetas, (void)context;
    return WG_ERROR_CONVERGENCE;
}

static wg_status stays(wg_tape *on, wg_var *x, const wg_var *thetas, void *context) {
    (void)on, (void)x, (void)thetas, (void)context;
    return WG_OK;
}

static wg_status reshapes(wg_tape *on, wg_var *x, const wg_var *thetas, void *context) {
    (void)thetas, (void)context;
    *x = wg_full(on, WG_F64, WG_SHAPE(2), 0);
    return WG_OK;
}

Test(implicit, what_does_not_converge_is_an_error) {
    wg_var theta = wg_scalar(tape, 1);
    wg_var x = wg_root(tape, above_zero, NULL, 3, &theta, 1, (wg_root_options){.iterations = 9});
    cr_assert(isnan(wg_value(x)));
    expect_failure(tape, WG_ERROR_CONVERGENCE, "root: Newton's method leaves a residual of 1");
    theta = wg_scalar(tape, 1);
    (void)wg_root(tape, above_zero, NULL, 3, &theta, 1, (wg_root_options){.finder = stays});
    expect_failure(tape, WG_ERROR_CONVERGENCE,
                   "root: the solver leaves a residual of 10, more than 1e-10 (");
    theta = wg_scalar(tape, 1);
    (void)wg_root(tape, above_zero, NULL, 3, &theta, 1, (wg_root_options){.finder = gives_up});
    expect_failure(tape, WG_ERROR_CONVERGENCE, "root: the solver failed");
    theta = wg_scalar(tape, 1);
    (void)wg_root(tape, above_zero, NULL, 3, &theta, 1, (wg_root_options){.finder = reshapes});
    expect_failure(tape, WG_ERROR_SHAPE, "root: the solver makes x of shape [2], not []");
    theta = wg_scalar(tape, 1);
    (void)wg_fixed_point(tape, doubles, NULL, 0, &theta, 1,
                         (wg_fixed_point_options){.iterations = 10});
    expect_failure(tape, WG_ERROR_CONVERGENCE, "fixed_point: x still moves by");
    theta = wg_scalar(tape, 1);
    (void)wg_fixed_point(tape, doubles, NULL, 0, &theta, 1, (wg_fixed_point_options){0});
    expect_failure(tape, WG_ERROR_CONVERGENCE, "fixed_point: x still moves by");
}

Test(implicit, singular_jacobians_are_errors) {
    for (int k = 0; k < 4; k++) {
        wg_var theta = wg_scalar(tape, 1), start = wg_full(tape, WG_F64, WG_SHAPE(3), 0);
        wg_var x = wg_root(tape, flat, NULL, start, &theta, 1,
                           (wg_root_options){.system = {.solver = solvers[k]}});
        OK(wg_tape_status(tape)); /* x = 0 is a root */
        (void)wg_backward(
            wg_sum(wg_mul(x, wg_constant(tape, WG_F64, WG_SHAPE(3), (const double[]){1, 2, 3}))));
        if (k < 2) {
            expect_failure(tape, WG_ERROR_ARGUMENT,
                           "root: the Jacobian of the residual by x is "
                           "singular: pivot 2 of 3 is 0");
        } else {
            expect_failure(tape, WG_ERROR_CONVERGENCE, "leaves a relative residual of");
        }
    }
}

Test(implicit, wrong_arguments) {
    wg_var theta = wg_scalar(tape, 1), start = wg_full(tape, WG_F64, WG_SHAPE(3), 0);
    (void)wg_root(tape, NULL, NULL, start, &theta, 1, (wg_root_options){0});
    expect_failure(tape, WG_ERROR_ARGUMENT, "root: the function is NULL");
    (void)wg_root(tape, flat, NULL, start, &theta, 1, (wg_root_options){0});
    expect_failure(tape, WG_ERROR_HANDLE, "root: operand 0 is stale");
    theta = wg_scalar(tape, 1), start = wg_full(tape, WG_F64, WG_SHAPE(3), 0);
    (void)wg_root(tape, flat, NULL, start, &theta, 1, (wg_root_options){.tolerance = -1});
    expect_failure(tape, WG_ERROR_ARGUMENT, "root: an option is negative");
    theta = wg_scalar(tape, 1), start = wg_full(tape, WG_F64, WG_SHAPE(3), 0);
    (void)wg_fixed_point(tape, flat, NULL, start, &theta, 1,
                         (wg_fixed_point_options){.anderson = 21});
    expect_failure(tape, WG_ERROR_ARGUMENT, "fixed_point: an option is negative");
    theta = wg_scalar(tape, 1), start = wg_full(tape, WG_F64, WG_SHAPE(3), 0);
    (void)wg_root(tape, wrong_size, NULL, start, &theta, 1, (wg_root_options){0});
    expect_failure(tape, WG_ERROR_SHAPE,
                   "root: the function makes f64 of shape [5] for x of shape [3]");
    theta = wg_scalar(tape, 1), start = wg_full(tape, WG_F64, WG_SHAPE(3), 0);
    (void)wg_fixed_point(tape, wrong_size, NULL, start, &theta, 1, (wg_fixed_point_options){0});
    expect_failure(tape, WG_ERROR_SHAPE, "fixed_point: the function makes f64 of shape [5]");
    theta = wg_scalar(tape, 1);
    const wg_var whole = wg_constant(tape, WG_I64, WG_SHAPE(1), (const int64_t[]){1});
    (void)wg_root(tape, flat, NULL, whole, &theta, 1, (wg_root_options){0});
    expect_failure(tape, WG_ERROR_ARGUMENT, "root: x is no array of f32 or f64");
    start = wg_full(tape, WG_F64, WG_SHAPE(0), 0);
    wg_var x = wg_root(tape, doubles, NULL, start, &start, 1, (wg_root_options){0});
    expect_shape(x, WG_SHAPE(0)); /* nothing is found at once */
}
