/* test_scopes.c: scopes give memory back and keep what they are told to; no_grad records nothing.
 */
#include "wengert/array.h"
#include "wengert/elementwise.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static wg_tape *tape;

static void set_up(void) {
    tape = wg_tape_new();
}

static void tear_down(void) {
    wg_tape_free(tape);
}

TestSuite(scopes, .init = set_up, .fini = tear_down);
TestSuite(no_grad, .init = set_up, .fini = tear_down);

#define OK(call) cr_assert_eq(call, WG_OK, "%s", wg_tape_message(tape))

static wg_var pair(double a, double b) {
    return wg_variable(tape, WG_F64, WG_SHAPE(2), (const double[]){a, b});
}

static uint64_t held(void) {
    return wg_tape_usage_of(tape).bytes_held;
}

Test(scopes, keep_scalars_and_arrays_as_constants) {
    wg_var x = wg_scalar(tape, 2), v = pair(1, 2);
    wg_tape_usage before = wg_tape_usage_of(tape);
    wg_scope_mark mark = wg_scope_begin(tape);
    wg_var keep[] = {wg_exp(x), wg_mul(v, x), wg_number(5), x, v, wg_slice(wg_exp(v), 0, 1, 2, 1)};
    wg_var again = keep[1];
    OK(wg_scope_end(tape, mark, keep, 6));
    wg_tape_usage after = wg_tape_usage_of(tape);
    cr_expect_eq(after.scalars, before.scalars + 1);
    cr_expect_eq(after.arrays, before.arrays + 2);
    cr_expect_float_eq(wg_value(keep[0]), exp(2), 1e-15);
    cr_expect_eq(wg_value(wg_at(keep[1], 1)), 4);
    cr_expect_eq(wg_value(keep[2]), 5);
    cr_expect_float_eq(wg_value(keep[5]), exp(2), 1e-15);
    cr_expect(memcmp(&keep[3], &x, sizeof x) == 0 && memcmp(&keep[4], &v, sizeof v) == 0,
              "what stood before the scope stays as it is");
    wg_var y = wg_add(wg_mul(keep[0], x), wg_sum(wg_mul(keep[1], keep[4])));
    OK(wg_backward(y));
    cr_expect_float_eq(wg_adjoint(x), exp(2), 1e-14, "no gradient flows through the scope");
    double got[2];
    OK(wg_read_adjoint(v, WG_F64, got, 2));
    cr_expect_eq(got[1], 4);
    (void)wg_sin(again);
    cr_expect_eq(wg_tape_status(tape), WG_ERROR_HANDLE, "the handle from before is stale");
}

Test(scopes, one_result_kept_twice) {
    wg_scope_mark mark = wg_scope_begin(tape);
    wg_var a = wg_exp(pair(1, 2)), s = wg_exp(wg_scalar(tape, 1)), keep[] = {a, a, s, s};
    OK(wg_scope_end(tape, mark, keep, 4));
    cr_expect_eq(wg_value(wg_sum(wg_sub(keep[0], keep[1]))), 0);
    cr_expect_eq(wg_value(wg_sub(keep[2], keep[3])), 0);
}

Test(scopes, memory_returns) {
    wg_var v = wg_variable(tape, WG_F64, WG_SHAPE(1000), NULL);
    uint64_t before = held(), scalars = wg_tape_usage_of(tape).scalars;
    for (int round = 0; round < 50; round++) {
        wg_scope_mark mark = wg_scope_begin(tape);
        wg_var y = v, s = wg_scalar(tape, 1);
        for (int i = 0; i < 20; i++) {
            y = wg_mul(wg_sin(y), s);
            s = wg_add(s, wg_at(y, i));
        }
        OK(wg_backward(wg_sum(wg_mul(y, s))));
        OK(wg_scope_end(tape, mark, NULL, 0));
        wg_zero_adjoints(tape);
        cr_assert_eq(held(), before, "%llu bytes", (unsigned long long)(held() - before));
        cr_assert_eq(wg_tape_usage_of(tape).scalars, scalars);
    }
}

Test(scopes, nest) {
    uint64_t before = held();
    wg_scope_mark outer = wg_scope_begin(tape);
    wg_var a = wg_exp(pair(0, 1)), s = wg_scalar(tape, 3);
    wg_scope_mark inner = wg_scope_begin(tape);
    wg_var b = wg_mul(a, s), t = wg_mul(s, 2), keep[2] = {b, t};
    OK(wg_scope_end(tape, inner, keep, 2));
    wg_var c = wg_add(keep[0], wg_mul(a, keep[1])); /* 3a + 6a */
    OK(wg_scope_end(tape, outer, &c, 1));
    cr_expect_float_eq(wg_value(wg_at(c, 1)), 9 * exp(1), 1e-14);
    cr_expect_eq(held(), before + 64, "the kept pair alone");
    (void)wg_sin(keep[0]);
    cr_expect_eq(wg_tape_status(tape), WG_ERROR_HANDLE);
}

Test(scopes, the_wrong_order_is_an_error) {
    wg_scope_mark outer = wg_scope_begin(tape);
    wg_scope_mark inner = wg_scope_begin(tape);
    cr_expect_eq(wg_scope_end(tape, outer, NULL, 0), WG_ERROR_STATE);
    cr_expect_not_null(strstr(wg_tape_message(tape), "scope_end: scope 0 is not the innermost"));
    wg_tape_reset(tape);
    cr_expect_eq(wg_scope_end(tape, inner, NULL, 0), WG_ERROR_STATE, "a reset closes all scopes");
    wg_tape_reset(tape);
    outer = wg_scope_begin(tape);
    OK(wg_scope_end(tape, outer, NULL, 0));
    cr_expect_eq(wg_scope_end(tape, outer, NULL, 0), WG_ERROR_STATE, "closed twice");
}

Test(scopes, inside_training) {
    double want[2] = {0, 0};
    for (int with = 0; with < 2; with++) {
        wg_tape_reset(tape);
        wg_var w = wg_scalar(tape, 0.5), v = pair(1, 2), y = wg_mul(v, w);
        double monitor = 0;
        if (with != 0) { /* looks at the state of things, and leaves no trace */
            wg_scope_mark mark = wg_scope_begin(tape);
            wg_var norm = wg_sqrt(wg_sum(wg_square(y)));
            monitor = wg_value(norm);
            OK(wg_scope_end(tape, mark, &norm, 1));
            cr_expect_eq(wg_value(norm), monitor);
        }
        y = wg_sum(wg_exp(wg_mul(y, w)));
        wg_var penalty = wg_square(w), loss = wg_add(wg_at(y, 0), penalty), g;
        OK(wg_grad(loss, &w, 1, &g));
        OK(wg_backward(wg_add(loss, wg_mul(0.1, g))));
        want[with] = wg_adjoint(w);
    }
    cr_expect_eq(want[0], want[1]);
    cr_expect_neq(want[0], 0);
}

Test(scopes, arithmetic_of_old_scalars_behind_a_cut) {
    wg_var x = wg_scalar(tape, 3), y = wg_scalar(tape, 4);
    for (int cut = 0; cut < 100; cut++) {
        wg_scope_mark mark = wg_scope_begin(tape);
        wg_var k = wg_mul(x, y);
        OK(wg_scope_end(tape, mark, &k, 1));
        cr_assert_eq(wg_value(k), 12);
    }
    wg_var z = wg_add(wg_mul(x, x), wg_div(y, wg_sub(wg_mul(2, x), wg_sub(x, x))));
    OK(wg_backward(z));
    cr_expect_float_eq(wg_adjoint(x), 6 - 4 / 18.0, 1e-14);
    cr_expect_float_eq(wg_adjoint(y), 1 / 6.0, 1e-15);
}

/* ---- Inference --------------------------------------------------------------------------------
 */

enum {
    WIDTH = 10000,
    LAYERS = 16
};

static wg_var layer(wg_var x) {
    return wg_tanh(wg_add(wg_mul(x, 1.01), wg_square(wg_sin(x))));
}

/* The marks are made beforehand, so that each layer's end lies before the layer's input too. */
Test(scopes, inference_needs_no_more_than_its_widest_layer) {
    wg_var x = wg_full(tape, WG_F64, WG_SHAPE(WIDTH), 0.3), plain = x;
    wg_scope_mark mark[LAYERS];
    wg_no_grad_begin(tape);
    wg_scope_mark reference = wg_scope_begin(tape);
    for (int i = 0; i < LAYERS; i++) {
        plain = layer(plain);
    }
    double want = wg_value(wg_at(plain, 7));
    uint64_t all = held();
    OK(wg_scope_end(tape, reference, NULL, 0));
    uint64_t before = held();
    for (int i = 0; i < LAYERS; i++) {
        mark[i] = wg_scope_begin(tape);
    }
    for (int i = LAYERS; i-- > 0;) {
        x = layer(x);
        cr_assert_leq(held(), before + 7 * WIDTH * sizeof(double), "layer %d: %llu bytes", i,
                      (unsigned long long)(held() - before));
        OK(wg_scope_end(tape, mark[i], &x, 1));
        cr_assert_leq(held(), before + 2 * WIDTH * sizeof(double));
    }
    wg_no_grad_end(tape);
    cr_expect_eq(wg_value(wg_at(x, 7)), want);
    cr_expect_gt(all, before + LAYERS * 4 * WIDTH * sizeof(double));
}

/* ---- no_grad ----------------------------------------------------------------------------------
 */

Test(scopes, next_runs_layers_in_the_memory_of_the_widest) {
    enum {
        WIDTH = 1000,
        LAYERS = 50
    };
    wg_var x = wg_full(tape, WG_F64, WG_SHAPE(WIDTH), 1);
    uint64_t before = wg_tape_usage_of(tape).bytes_held;
    wg_scope_mark mark = wg_scope_begin(tape);
    for (int i = 0; i < LAYERS; i++) {
        x = wg_mul(wg_add(x, 1), 0.5);
        cr_assert_eq(wg_scope_next(tape, mark, &x, 1), WG_OK);
        cr_assert_leq(wg_tape_usage_of(tape).bytes_held, before + 2 * 8192);
    }
    cr_assert_leq(wg_tape_usage_of(tape).bytes_peak, before + 4 * 8192);
    cr_assert_eq(wg_scope_end(tape, mark, &x, 1), WG_OK);
    cr_assert_eq(wg_value(wg_at(x, WIDTH - 1)), 1);
}

Test(no_grad, records_nothing) {
    wg_var x = wg_scalar(tape, 2), v = pair(1, 2);
    (void)wg_mul(x, 2.0);
    wg_tape_usage before = wg_tape_usage_of(tape);
    wg_no_grad_begin(tape);
    wg_var y = wg_scalar(tape, 3);
    wg_var all[] = {wg_mul(x, 2.0), wg_add(x, y),    wg_mul(x, x), wg_sin(x),
                    wg_pow(x, 3),   wg_fma(x, y, x), wg_at(v, 1),  wg_sub(x, y)};
    const double want[] = {4, 5, 4, sin(2), 8, 8, 2, -1};
    for (int i = 0; i < 8; i++) {
        cr_expect_null(all[i].tape, "result %d is a number", i);
        cr_expect_eq(wg_value(all[i]), want[i], "result %d: %g", i, wg_value(all[i]));
    }
    wg_var w = wg_mul(wg_exp(v), x);
    wg_no_grad_end(tape);
    cr_expect_eq(wg_tape_usage_of(tape).scalars, before.scalars);
    cr_expect_float_eq(wg_value(wg_at(w, 0)), 2 * exp(1), 1e-14);
    OK(wg_backward(wg_add(wg_sum(w), wg_sum(wg_square(v)))));
    double got[2];
    OK(wg_read_adjoint(v, WG_F64, got, 2));
    cr_expect_eq(got[1], 4, "nothing through what was not recorded");
    cr_expect_eq(wg_adjoint(x), 0);
}

Test(no_grad, nests_and_ends) {
    wg_var x = wg_scalar(tape, 2);
    wg_no_grad_begin(tape);
    wg_no_grad_begin(tape);
    wg_no_grad_end(tape);
    cr_expect_null(wg_sin(x).tape, "still off");
    wg_no_grad_end(tape);
    cr_expect_not_null(wg_sin(x).tape);
    wg_no_grad_end(tape);
    cr_expect_not_null(wg_sin(x).tape, "one end too many changes nothing");
    wg_no_grad_begin(tape);
    wg_tape_reset(tape);
    cr_expect_not_null(wg_sin(wg_scalar(tape, 1)).tape, "a reset switches recording on");
}

Test(no_grad, a_sweep_can_run_inside) {
    wg_var x = wg_scalar(tape, 2), v = pair(1, 2), y = wg_mul(wg_sum(wg_square(v)), wg_exp(x));
    wg_no_grad_begin(tape);
    OK(wg_backward(y));
    cr_expect_null(wg_sin(x).tape, "and leaves recording off");
    wg_no_grad_end(tape);
    cr_expect_float_eq(wg_adjoint(x), 5 * exp(2), 1e-13);
    cr_expect_not_null(wg_sin(x).tape);
}

Test(no_grad, leaves_made_inside_want_no_gradient) {
    wg_no_grad_begin(tape);
    wg_var v = pair(1, 2);
    wg_no_grad_end(tape);
    cr_expect_eq(wg_backward(wg_sum(wg_square(v))), WG_ERROR_STATE);
    cr_expect_not_null(strstr(wg_tape_message(tape), "wants a gradient"));
}

Test(no_grad, errors_are_kept_too) {
    wg_no_grad_begin(tape);
    (void)wg_add(pair(1, 2), wg_full(tape, WG_F64, WG_SHAPE(3), 1));
    cr_expect_eq(wg_tape_status(tape), WG_ERROR_SHAPE);
    wg_no_grad_end(tape);
    cr_expect_eq(wg_tape_status(tape), WG_ERROR_SHAPE);
    cr_expect(isnan(wg_value(wg_sin(wg_scalar(tape, 1)))));
}
