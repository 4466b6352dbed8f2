/* test_anomaly.c: the first NaN or infinity that comes out of finite numbers. */
#include "../op/arrays.h"
#include "wengert/nn.h"
#include "wengert/transform.h"

#include <stdio.h>

static wg_tape *tape;

static void set_up(void) {
    tape = wg_tape_new();
    wg_tape_detect_anomaly(tape, true);
}

static void tear_down(void) {
    wg_tape_free(tape);
}

TestSuite(anomaly, .init = set_up, .fini = tear_down);

#define OK(call) cr_assert_eq(call, WG_OK, "%s", wg_tape_message(tape))

/* The failure, with the line it happened in. */
static void expect_anomaly(const char *text, int line) {
    char site[64];
    snprintf(site, sizeof site, "test_anomaly.c:%d)", line);
    cr_assert_neq(strstr(wg_tape_message(tape), site), NULL, "\"%s\" lacks \"%s\"",
                  wg_tape_message(tape), site);
    expect_failure(tape, WG_ERROR_ANOMALY, text);
}

/* ---- Forward ------------------------------------------------------------------------------------
 */

Test(anomaly, an_array_operation) {
    wg_var x = ramp(tape, WG_F64, WG_SHAPE(3, 4)), zero = wg_mul(x, 0);
    wg_var y = wg_log(wg_add(zero, 1));
    OK(wg_tape_status(tape));
    y = wg_log(zero);
    const int line = __LINE__ - 1;
    cr_assert(isnan(wg_value(y)));
    expect_anomaly("anomaly: log of [3, 4] made -inf at element 0 (", line);
    x = ramp(tape, WG_F64, WG_SHAPE(3, 4));
    wg_var v = wg_variable(tape, WG_F64, WG_SHAPE(4), (const double[]){1, 2, 0, 3});
    y = wg_div(x, v);
    const int second = __LINE__ - 1;
    expect_anomaly("anomaly: div of [3, 4] and [4] made inf at element 2 (", second);
    v = wg_variable(tape, WG_F32, WG_SHAPE(4), (const float[]){1, 2, -3, 3});
    y = wg_sqrt(wg_slice(v, 0, WG_END, WG_END, -1));
    const int third = __LINE__ - 1;
    expect_anomaly("anomaly: sqrt of [4] made NaN at element 1 (", third);
    v = wg_variable(tape, WG_F32, WG_SHAPE(2), (const float[]){1e30f, 1});
    y = wg_square(v);
    const int fourth = __LINE__ - 1;
    expect_anomaly("anomaly: square of [2] made inf at element 0 (", fourth);
}

Test(anomaly, what_was_not_finite_before_passes) {
    wg_var x = wg_variable(tape, WG_F64, WG_SHAPE(3), (const double[]){1, INFINITY, NAN});
    wg_var y = wg_sum(wg_exp(wg_mul(x, 2)));
    OK(wg_tape_status(tape));
    cr_assert(isnan(wg_value(y)));
    wg_var m = wg_where(wg_gt(ramp(tape, WG_F64, WG_SHAPE(4)), 0), ramp(tape, WG_F64, WG_SHAPE(4)),
                        -INFINITY);
    (void)wg_exp(m);
    OK(wg_tape_status(tape));
    OK(wg_backward(wg_sum(m)));
}

Test(anomaly, scalars) {
    wg_var x = wg_scalar(tape, 0), y;
    y = wg_div(wg_add(x, 1), x);
    const int line = __LINE__ - 1;
    expect_anomaly("anomaly: div of 1 and 0 made inf (", line);
    x = wg_scalar(tape, -2);
    y = wg_log(x);
    const int second = __LINE__ - 1;
    expect_anomaly("anomaly: log of -2 made NaN (", second);
    x = wg_scalar(tape, 1e200);
    y = wg_mul(x, 1e200);
    const int third = __LINE__ - 1;
    expect_anomaly("anomaly: mul of 1e+200 and 1e+200 made inf (", third);
    x = wg_scalar(tape, 1e200);
    y = wg_mul(x, x);
    const int fourth = __LINE__ - 1;
    expect_anomaly("anomaly: square of 1e+200 made inf (", fourth);
    x = wg_scalar(tape, INFINITY);
    y = wg_exp(wg_mul(x, 2));
    OK(wg_tape_status(tape));
    wg_no_grad_begin(tape);
    y = wg_log(wg_scalar(tape, 0));
    OK(wg_tape_status(tape)); /* numbers are on no tape */
    (void)y;
}

/* The same expression in all ways of recording gives the same values. */
Test(anomaly, values_and_gradients_stay_what_they_are) {
    double value[2], slope[2];
    for (int k = 0; k < 2; k++) {
        wg_tape_reset(tape);
        wg_tape_detect_anomaly(tape, k == 1);
        wg_var x = wg_scalar(tape, 0.7), y = x;
        for (int i = 0; i < 1000; i++) {
            y = wg_add(wg_mul(wg_sin(y), wg_sub(2, y)), wg_div(x, wg_add(3, y)));
            y = wg_mul(y, wg_pow(x, 1.5));
        }
        wg_var a = wg_stack(tape, 2, ((wg_var[]){x, y}));
        y = wg_add(wg_sum(wg_exp(a)), wg_at(a, 1));
        value[k] = wg_value(y);
        OK(wg_backward(y));
        slope[k] = wg_adjoint(x);
    }
    cr_assert_eq(value[0], value[1]);
    cr_assert_eq(slope[0], slope[1]);
}

/* ---- Backward -----------------------------------------------------------------------------------
 */

Test(anomaly, a_chain_rule_of_an_array) {
    for (int recorded = 0; recorded < 2; recorded++) {
        wg_var x = wg_variable(tape, WG_F64, WG_SHAPE(4), (const double[]){1, 4, 0, 9}), g;
        wg_var y = wg_sqrt(x);
        const int line = __LINE__ - 1;
        y = wg_sum(wg_mul(y, 3));
        OK(wg_tape_status(tape));
        (void)(recorded ? wg_grad(y, &x, 1, &g) : wg_backward(y));
        expect_anomaly("anomaly: the chain rule of sqrt (of [4]) made inf at element 2, for "
                       "operand 0 (",
                       line);
    }
}

Test(anomaly, a_chain_rule_of_a_scalar) {
    for (int recorded = 0; recorded < 2; recorded++) {
        wg_var x = wg_scalar(tape, 0), g;
        wg_var y = wg_mul(x, 2);
        y = wg_sqrt(y);
        const int line = __LINE__ - 1;
        y = wg_mul(y, 3);
        OK(wg_tape_status(tape));
        (void)(recorded ? wg_grad(y, &x, 1, &g) : wg_backward(y));
        expect_anomaly("anomaly: the chain rule of sqrt (of 0) made inf, for operand 0 (", line);
        x = wg_scalar(tape, 1e-300);
        y = wg_mul(wg_div(1e-100, x), 1);
        const int second = __LINE__ - 1;
        OK(wg_tape_status(tape));
        (void)(recorded ? wg_grad(y, &x, 1, &g) : wg_backward(y));
        expect_anomaly("anomaly: the chain rule of div (of 1e-300) made -inf, for operand 0 (",
                       second);
    }
}

Test(anomaly, strong_zeros_are_none) {
    wg_var x = wg_variable(tape, WG_F64, WG_SHAPE(2), (const double[]){0, 4});
    wg_var y = wg_sum(wg_where(wg_gt(x, 0), wg_sqrt(x), 0)), g;
    OK(wg_grad(y, &x, 1, &g));
    expect_values(g, (const double[]){0, 0.25}, 0);
    OK(wg_backward(y));
    expect_adjoint(x, (const double[]){0, 0.25}, 0);
}

static wg_var explodes(wg_var g, void *context) {
    (void)context;
    return wg_mul(g, INFINITY);
}

Test(anomaly, hooks_and_gradients_that_were_not_finite) {
    wg_var x = ramp(tape, WG_F64, WG_SHAPE(2));
    wg_var y = wg_hook(wg_exp(x), explodes, NULL);
    const int line = __LINE__ - 1;
    (void)wg_backward(wg_sum(y));
    expect_anomaly("anomaly: the chain rule of hook (of [2]) made inf at element 0", line);
    x = ramp(tape, WG_F64, WG_SHAPE(2));
    OK(wg_backward_from(wg_exp(x), wg_number(NAN))); /* a seed of one's own */
}

/* A layer's fused paths step back, so that what they give is seen. */
Test(anomaly, layers) {
    wg_store *store = wg_store_new(1);
    for (int k = 0; k < 2; k++) {
        wg_net net = wg_net_train(store, tape, 1);
        wg_var x =
            wg_constant(tape, WG_F32, WG_SHAPE(1, 3), (const float[]){1, 2, 3e38f * (float)k});
        wg_var h = wg_linear(net, "a", x, 4);
        const int line = __LINE__ - 1;
        OK(wg_tape_status(tape));
        (void)wg_backward_from(h, wg_number(10));
        if (k == 0) {
            OK(wg_tape_status(tape));
        } else {
            expect_anomaly("anomaly: the chain rule of affine", line);
        }
        wg_tape_reset(tape);
    }
    wg_store_free(store);
}

/* ---- The mode -----------------------------------------------------------------------------------
 */

static void roots(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    (void)on, (void)context;
    ys[0] = wg_sqrt(xs[0]);
}

Test(anomaly, within_a_checkpoint) {
    wg_var x = wg_variable(tape, WG_F64, WG_SHAPE(2), (const double[]){0, 1}), y;
    OK(wg_checkpoint(tape, roots, NULL, &x, 1, &y, 1));
    (void)wg_backward(wg_sum(y));
    expect_failure(tape, WG_ERROR_ANOMALY, "anomaly: the chain rule of sqrt (of [2]) made inf");
}

Test(anomaly, it_lasts_until_it_is_ended) {
    wg_tape_reset(tape);
    (void)wg_log(wg_scalar(tape, 0));
    expect_failure(tape, WG_ERROR_ANOMALY, "anomaly: log of 0");
    wg_tape_detect_anomaly(tape, false);
    wg_var x = wg_scalar(tape, 0), y = wg_sqrt(x);
    (void)wg_log(wg_mul(ramp(tape, WG_F64, WG_SHAPE(2)), 0));
    OK(wg_backward(y));
    cr_assert(isinf(wg_adjoint(x)));
    wg_tape_detect_anomaly(tape, true); /* what was recorded before is swept with it too */
    wg_zero_adjoints(tape);
    (void)wg_backward(wg_mul(y, 2));
    expect_failure(tape, WG_ERROR_ANOMALY, "anomaly: the chain rule of sqrt (of 0) made inf");
}
