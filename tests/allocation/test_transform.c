/* Transforms, checkpoints, hooks and implicit variables when memory runs out. */
#include "allocation.h"
#include "wengert/array.h"
#include "wengert/elementwise.h"
#include "wengert/implicit.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

/* Looks at an array of before, and has an array and a scalar to give. */
static void body(wg_tape *tape, const wg_var *xs, wg_var *ys, void *context) {
    (void)tape;
    ys[0] = wg_mul(wg_tanh(wg_mul(xs[0], *(const wg_var *)context)), xs[1]);
    ys[1] = wg_mul(wg_sin(xs[1]), wg_at(xs[0], 1));
}

static void checkpointed(wg_tape *tape, const wg_var *xs, wg_var *ys, void *context) {
    (void)wg_checkpoint(tape, body, context, xs, 2, ys, 2);
}

static void total(wg_tape *tape, const wg_var *xs, wg_var *ys, void *context) {
    wg_var parts[2];
    body(tape, xs, parts, context);
    ys[0] = wg_add(wg_sum(wg_square(parts[0])), parts[1]);
}

static wg_var look(wg_var g, void *context) {
    (void)context;
    return wg_mul(g, 2);
}

static wg_var sum_of(int n, const wg_var *vars) {
    wg_var sum = wg_number(0);
    for (int i = 0; i < n; i++) {
        sum = wg_add(sum, wg_is_array(vars[i]) ? wg_at(wg_sum(wg_square(vars[i])), 0) : vars[i]);
    }
    return sum;
}

static wg_var transforms(wg_tape *tape, const wg_var *xs, wg_var *captured) {
    wg_var ys[2], out[2], more[4], all[16];
    const wg_var seeds[2] = {wg_number(2), wg_number(3)};
    (void)wg_vjp(tape, body, captured, xs, 2, seeds, ys, 2, all);
    (void)wg_jvp(tape, checkpointed, captured, xs, 2, seeds, ys, 2, all + 2);
    (void)wg_hvp(tape, total, captured, xs, 2, seeds, ys, out, all + 4);
    (void)wg_jacobian(tape, checkpointed, captured, xs, 2, 2, all + 6);
    (void)wg_hessian(tape, total, captured, xs, 2, all + 10);
    (void)wg_value_and_grad(tape, total, captured, xs, 2, ys, all + 14);
    wg_no_grad_begin(tape);
    (void)wg_jacobian(tape, body, captured, xs, 2, 2, more);
    (void)wg_grad_from(all[14], wg_number(1), xs, 2, more);
    wg_no_grad_end(tape);
    return sum_of(16, all);
}

/* x·(2 + tanh x) - θ, and tanh(x)/2 + θ, of two elements. */
static void residual(wg_tape *tape, const wg_var *xs, wg_var *ys, void *context) {
    (void)tape, (void)context;
    ys[0] = wg_sub(wg_mul(xs[0], wg_add(2, wg_tanh(xs[0]))), xs[1]);
}

static void map(wg_tape *tape, const wg_var *xs, wg_var *ys, void *context) {
    (void)tape;
    ys[0] = wg_mul(wg_add(wg_mul(0.5, wg_tanh(xs[0])), xs[1]), *(const wg_var *)context);
}

static wg_var equations(wg_tape *tape, wg_var theta, wg_var *captured) {
    wg_var start = wg_full(tape, WG_F64, WG_SHAPE(2), 0.1), all[3], g;
    all[0] = wg_root(tape, residual, NULL, start, &theta, 1, (wg_root_options){0});
    all[1] = wg_fixed_point(
        tape, map, captured, start, &theta, 1,
        (wg_fixed_point_options){.anderson = 2, .system = {.solver = WG_SOLVER_GMRES}});
    all[2] = wg_root(tape, residual, NULL, 0.2, &theta, 1,
                     (wg_root_options){.system = {.solver = WG_SOLVER_BICGSTAB}});
    wg_var y = sum_of(3, all);
    (void)wg_grad(y, &theta, 1, &g);
    return wg_add(y, wg_square(g));
}

static wg_status run_equations(wg_tape *tape, double *result) {
    wg_var theta = wg_scalar(tape, 0.3), captured = wg_mul(theta, 2);
    (void)wg_backward(equations(tape, theta, &captured));
    *result = wg_adjoint(theta);
    return wg_tape_status(tape);
}

static wg_status run(wg_tape *tape, double *result) {
    const double values[3] = {0.3, -0.5, 0.8};
    const wg_var xs[2] = {wg_variable(tape, WG_F64, WG_SHAPE(3), values), wg_scalar(tape, 0.4)};
    wg_var captured = wg_exp(wg_variable(tape, WG_F64, WG_SHAPE(3), values)), ys[2], g[2];
    wg_var y = transforms(tape, xs, &captured);
    (void)wg_checkpoint(tape, checkpointed, &captured, xs, 2, ys, 2); /* one in another */
    ys[0] = wg_clip_gradient_norm(wg_hook(ys[0], look, NULL), 3);
    y = wg_add(y, sum_of(2, ys));
    (void)wg_grad(y, xs, 2, g);
    (void)wg_backward(wg_add(y, sum_of(2, g)));
    *result = wg_adjoint(xs[1]);
    return wg_tape_status(tape);
}

typedef wg_status (*runner)(wg_tape *tape, double *result);

static wg_status everything(runner go, bool anomaly, double *result) {
    wg_tape *tape = wg_tape_new();
    wg_status status = WG_ERROR_MEMORY;
    long held = 0; /* when the counts were set to 0 */
    if (tape != NULL) {
        wg_tape_detect_anomaly(tape, anomaly);
        status = go(tape, result);
        cr_assert(status == WG_OK || strstr(wg_tape_message(tape), "memory") != NULL, "%s",
                  wg_tape_message(tape));
        if (status != WG_OK) { /* after a failure the tape is whole again */
            double again = NAN;
            held = wg_test_blocks();
            wg_test_allow();
            wg_tape_reset(tape);
            cr_assert_eq(go(tape, &again), WG_OK, "%s", wg_tape_message(tape));
            cr_assert(isfinite(again));
        }
    }
    wg_tape_free(tape);
    cr_assert_eq(held + wg_test_blocks(), 0, "%ld blocks leaked", held + wg_test_blocks());
    return status;
}

/* Every request refused in turn: an error or the right result, and nothing leaks. */
static void survive(runner go, bool anomaly, void (*refuse)(long)) {
    double want = NAN;
    wg_test_allow();
    cr_assert_eq(everything(go, anomaly, &want), WG_OK);
    cr_assert(isfinite(want));
    const long all = wg_test_requests();
    long failures = 0;
    for (long granted = 0; granted < all; granted++) {
        double got = NAN;
        refuse(granted);
        const wg_status status = everything(go, anomaly, &got);
        cr_assert(status == WG_OK || status == WG_ERROR_MEMORY, "request %ld: %d", granted,
                  (int)status);
        cr_assert(status != WG_OK || got == want, "request %ld: %g, not %g", granted, got, want);
        failures += status != WG_OK ? 1 : 0;
    }
    wg_test_allow();
    cr_assert_gt(failures, all / 2, "%ld of %ld", failures, all);
}

Test(transform_allocation, survives_every_single_refusal) {
    survive(run, false, wg_test_refuse_one);
    survive(run, true, wg_test_refuse_one);
}

Test(transform_allocation, survives_every_lasting_refusal) {
    survive(run, false, wg_test_refuse_after);
}

Test(transform_allocation, equations_survive_every_refusal) {
    survive(run_equations, false, wg_test_refuse_one);
    survive(run_equations, false, wg_test_refuse_after);
}
