/* test_hooks.c: what may be done to gradients on their way. */
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

TestSuite(hooks, .init = set_up, .fini = tear_down);

#define OK(call) cr_assert_eq(call, WG_OK, "%s", wg_tape_message(tape))

/* ---- stop_gradient -----------------------------------------------------------------------------
 */

Test(hooks, nothing_flows_through_a_stop) {
    wg_var x = ramp(tape, WG_F64, WG_SHAPE(2, 3)), s = wg_scalar(tape, 3), g[2];
    wg_var stopped = wg_stop_gradient(x), number = wg_stop_gradient(s);
    cr_assert_eq(wg_view_of(stopped).data, wg_view_of(x).data); /* without a copy */
    cr_assert_null(number.tape);
    cr_assert_eq(wg_value(number), 3);
    wg_var y = wg_sum(wg_mul(wg_mul(x, stopped), wg_mul(s, number)));
    const wg_var xs[2] = {x, s};
    OK(wg_grad(y, xs, 2, g));
    double v[6], want[6], sum = 0;
    read_all(x, v);
    for (int i = 0; i < 6; i++) {
        want[i] = 9 * v[i];
        sum += 3 * v[i] * v[i];
    }
    expect_values(g[0], want, 1e-14);
    expect_close(wg_value(g[1]), sum, 1e-14, 0);
    OK(wg_backward(y));
    expect_adjoint(x, want, 1e-14);
    cr_assert_eq(wg_value(wg_stop_gradient(2.5)), 2.5);
}

Test(hooks, a_stop_outlives_the_sweep_of_what_it_shares) {
    wg_var x = ramp(tape, WG_F64, WG_SHAPE(5)), h = wg_exp(x), stopped = wg_stop_gradient(h);
    double before[5];
    read_all(h, before);
    OK(wg_backward(wg_sum(wg_square(h)))); /* gives h back */
    expect_values(stopped, before, 0);
}

/* ---- Hooks -------------------------------------------------------------------------------------
 */

typedef struct seen {
    int calls;
    double first, order[4];
} seen;

static wg_var look(wg_var g, void *context) {
    seen *s = context;
    double values[MOST];
    cr_assert_eq(wg_read(g, WG_F64, values, wg_count(g)), WG_OK);
    s->first = values[0];
    s->calls++;
    return g;
}

Test(hooks, a_hook_sees_the_complete_adjoint) {
    seen s = {0};
    wg_var x = ramp(tape, WG_F64, WG_SHAPE(3)), h = wg_hook(wg_mul(x, 2), look, &s), g;
    wg_var y = wg_add(wg_sum(wg_mul(h, 5)), wg_sum(wg_mul(h, 7)));
    OK(wg_grad(y, &x, 1, &g));
    cr_assert_eq(s.calls, 1);
    expect_close(s.first, 12, 0, 0);
    expect_values(g, (const double[]){24, 24, 24}, 0);
    OK(wg_backward(y));
    cr_assert_eq(s.calls, 2);
    expect_close(s.first, 12, 0, 0);
    expect_adjoint(x, (const double[]){24, 24, 24}, 0);
}

Test(hooks, scalars_have_hooks) {
    seen s = {0};
    wg_var x = wg_scalar(tape, 3), h = wg_hook(x, look, &s), g;
    cr_assert_not(wg_is_array(h));
    cr_assert_eq(wg_value(h), 3);
    wg_var y = wg_add(wg_square(h), wg_mul(h, x));
    OK(wg_grad(y, &x, 1, &g));
    cr_assert_eq(s.calls, 1);
    expect_close(s.first, 2 * 3 + 3, 0, 0);
    expect_close(wg_value(g), 12, 0, 0);
    OK(wg_backward(y));
    cr_assert_eq(s.calls, 2);
    expect_close(wg_adjoint(x), 12, 0, 0);
}

static wg_var note(wg_var g, void *context) {
    seen *s = ((seen **)context)[0];
    s->order[s->calls++] = *((double **)context)[1];
    return wg_mul(g, *((double **)context)[1]);
}

Test(hooks, the_latest_runs_first) {
    seen s = {0};
    double names[3] = {2, 3, 5};
    void *contexts[3][2] = {{&s, &names[0]}, {&s, &names[1]}, {&s, &names[2]}};
    wg_var x = ramp(tape, WG_F64, WG_SHAPE(2)), h = wg_hook(x, note, contexts[0]);
    h = wg_hook(h, note, contexts[1]);
    wg_var other = wg_hook(wg_exp(h), note, contexts[2]);
    OK(wg_backward(wg_sum(wg_mul(other, 0))));
    cr_assert_eq(s.calls, 3);
    cr_assert_eq(s.order[0], 5);
    cr_assert_eq(s.order[1], 3);
    cr_assert_eq(s.order[2], 2);
}

Test(hooks, what_is_not_reached_is_not_called) {
    seen s = {0};
    wg_var x = ramp(tape, WG_F64, WG_SHAPE(2)), c = wg_full(tape, WG_F64, WG_SHAPE(2), 1), g;
    wg_var unused = wg_hook(x, look, &s), constant = wg_hook(c, look, &s);
    (void)unused;
    OK(wg_backward(wg_sum(wg_mul(x, constant))));
    wg_var y = wg_sum(wg_mul(wg_hook(wg_exp(x), look, &s), c));
    wg_var other = ramp(tape, WG_F64, WG_SHAPE(2));
    OK(wg_grad(y, &other, 1, &g));
    cr_assert_eq(s.calls, 0);
    cr_assert_eq(wg_value(wg_hook(2.5, look, &s)), 2.5);
}

/* g·g: what a hook does is differentiated in turn. */
static wg_var squares(wg_var g, void *context) {
    (void)context;
    return wg_square(g);
}

static wg_var penalty(wg_tape *on, const wg_var *xs, int n, void *context) {
    (void)on, (void)context;
    wg_var y = wg_sum(wg_pow(wg_hook(xs[0], squares, NULL), 3)), g[2];
    y = wg_add(y, wg_pow(wg_hook(xs[1], squares, NULL), 3));
    (void)wg_grad(y, xs, n, g);
    return wg_add(wg_at(wg_sum(g[0]), 0), wg_mul(g[1], xs[1]));
}

Test(hooks, hooks_are_differentiated) {
    const double values[4] = {0.5, -0.8, 1.2, 0.9};
    const wg_view inputs[2] = {wg_view_new(WG_F64, WG_SHAPE(3), (void *)values),
                               wg_view_new(WG_F64, 0, NULL, (void *)(values + 3))};
    cr_assert_eq(wg_check_gradient(penalty, NULL, 2, inputs, (wg_check_options){0}, NULL),
                 WG_ERROR_CHECK); /* the hook falsifies the last sweep, too; but by wg_grad: */
    wg_var x = wg_variable(tape, WG_F64, WG_SHAPE(3), values), y, g, second;
    y = wg_sum(wg_pow(wg_hook(x, squares, NULL), 3));
    OK(wg_grad(y, &x, 1, &g)); /* (3x²)² */
    OK(wg_grad(wg_sum(g), &x, 1, &second));
    double want[3];
    for (int i = 0; i < 3; i++) {
        const double slope = 36 * pow(values[i], 3);
        want[i] = slope * slope; /* 36x³, and through the hook once more */
    }
    expect_values(second, want, 1e-12);
}

static wg_var number(wg_var g, void *context) {
    (void)g, (void)context;
    return wg_number(4);
}

static wg_var wrong_shape(wg_var g, void *context) {
    (void)context;
    return wg_full(g.tape, WG_F64, WG_SHAPE(7), 1);
}

static wg_var stale(wg_var g, void *context) {
    (void)g;
    return *(const wg_var *)context;
}

static wg_var sweeps(wg_var g, void *context) {
    const wg_var *x = context;
    wg_var out;
    (void)wg_grad(x[1], x, 1, &out);
    return g;
}

static wg_var sweeps_back(wg_var g, void *context) {
    (void)wg_backward(((const wg_var *)context)[1]);
    return g;
}

Test(hooks, what_hooks_return) {
    wg_var x = ramp(tape, WG_F64, WG_SHAPE(3));
    OK(wg_backward(wg_sum(wg_hook(wg_exp(x), number, NULL))));
    double v[3], want[3];
    read_all(x, v);
    for (int i = 0; i < 3; i++) {
        want[i] = 4 * exp(v[i]);
    }
    expect_adjoint(x, want, 1e-14);
    (void)wg_backward(wg_sum(wg_hook(x, wrong_shape, NULL)));
    expect_failure(tape, WG_ERROR_SHAPE,
                   "hook: it returned a gradient of shape [7] for a variable of shape [3]");
    wg_var old = x;
    x = ramp(tape, WG_F64, WG_SHAPE(3));
    (void)wg_backward(wg_sum(wg_hook(x, stale, &old)));
    expect_failure(tape, WG_ERROR_HANDLE, "hook: its result: operand 0 is stale");
    x = ramp(tape, WG_F64, WG_SHAPE(3));
    wg_var both[2] = {x, wg_sum(wg_exp(x))};
    (void)wg_backward(wg_sum(wg_hook(x, sweeps, both)));
    expect_failure(tape, WG_ERROR_STATE, "grad: called from within a chain rule");
    x = ramp(tape, WG_F64, WG_SHAPE(3));
    both[0] = x, both[1] = wg_sum(wg_exp(x));
    wg_var g;
    (void)wg_grad(wg_sum(wg_hook(x, sweeps_back, both)), &x, 1, &g);
    expect_failure(tape, WG_ERROR_STATE, "backward: called from within a chain rule");
    x = ramp(tape, WG_F64, WG_SHAPE(3));
    (void)wg_hook(x, NULL, NULL);
    expect_failure(tape, WG_ERROR_ARGUMENT, "hook: the hook is NULL");
    (void)wg_hook(x, number, NULL);
    expect_failure(tape, WG_ERROR_HANDLE, "hook: operand 0 is stale");
}

/* ---- Conveniences ------------------------------------------------------------------------------
 */

Test(hooks, gradients_reversed_and_clipped) {
    wg_var x = ramp(tape, WG_F64, WG_SHAPE(3)), s = wg_scalar(tape, 2), g[2];
    const wg_var weights = wg_constant(tape, WG_F64, WG_SHAPE(3), (const double[]){3, -4, 0.5});
    const wg_var xs[2] = {x, s};
    wg_var y = wg_sum(wg_mul(wg_scale_gradient(x, -2), weights));
    y = wg_add(y, wg_mul(wg_scale_gradient(s, -1), 5));
    OK(wg_grad(y, xs, 2, g));
    expect_values(g[0], (const double[]){-6, 8, -1}, 0);
    expect_close(wg_value(g[1]), -5, 0, 0);
    OK(wg_backward(y));
    expect_adjoint(x, (const double[]){-6, 8, -1}, 0);
    wg_zero_adjoints(tape);
    OK(wg_backward(wg_sum(wg_mul(wg_clip_gradient(x, -1, 2), weights))));
    expect_adjoint(x, (const double[]){2, -1, 0.5}, 0);
    wg_zero_adjoints(tape);
    const double norm = sqrt(25.25);
    OK(wg_backward(wg_sum(wg_mul(wg_clip_gradient_norm(x, 1), weights))));
    expect_adjoint(x, (const double[]){3 / norm, -4 / norm, 0.5 / norm}, 1e-15);
    wg_zero_adjoints(tape);
    OK(wg_backward(wg_sum(wg_mul(wg_clip_gradient_norm(x, 6), weights))));
    expect_adjoint(x, (const double[]){3, -4, 0.5}, 0);
    wg_zero_adjoints(tape);
    OK(wg_backward(wg_sum(wg_mul(wg_clip_gradient_norm(x, 6), 0))));
    expect_adjoint(x, (const double[]){0, 0, 0}, 0);
    wg_var scalar = wg_clip_gradient_norm(s, 1);
    cr_assert_not(wg_is_array(scalar));
    OK(wg_backward(wg_mul(scalar, -7)));
    expect_close(wg_adjoint(s), -1, 1e-15, 0);
    cr_assert_eq(wg_value(wg_clip_gradient(3, 0, 1)), 3);
    (void)wg_clip_gradient(x, 1, 0);
    expect_failure(tape, WG_ERROR_ARGUMENT, "clip_gradient: no number is in [1, 0]");
    x = ramp(tape, WG_F64, WG_SHAPE(3));
    (void)wg_clip_gradient_norm(x, 0);
    expect_failure(tape, WG_ERROR_ARGUMENT, "clip_gradient_norm: the greatest norm is 0");
}
