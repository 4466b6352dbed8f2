/* test_grad.c: gradients that are variables again: higher orders, mixed graphs, both worlds. */
#include "wengert/array.h"
#include "wengert/check.h"
#include "wengert/elementwise.h"

#include <criterion/criterion.h>
#include <math.h>

static wg_tape *tape;

static void set_up(void) {
    tape = wg_tape_new();
}

static void tear_down(void) {
    wg_tape_free(tape);
}

TestSuite(grad, .init = set_up, .fini = tear_down);

#define OK(call) cr_assert_eq(call, WG_OK, "%s", wg_tape_message(tape))

static wg_var derivative(wg_var y, wg_var x) {
    wg_var out;
    OK(wg_grad(y, &x, 1, &out));
    return out;
}

static void expect_near(double got, double want) {
    cr_expect_float_eq(got, want, 1e-11 * fmax(1, fabs(want)), "%.17g, not %.17g", got, want);
}

/* ---- Higher orders ----------------------------------------------------------------------------
 */

Test(grad, orders_of_sine_and_of_a_power) {
    wg_var x = wg_scalar(tape, 1.3), s = wg_sin(x), p = wg_pow(x, 5);
    const double sine[] = {cos(1.3), -sin(1.3), -cos(1.3), sin(1.3), cos(1.3), -sin(1.3)};
    double factor = 1;
    for (int k = 0; k < 6; k++) {
        s = derivative(s, x);
        p = derivative(p, x);
        factor *= 5 - k;
        expect_near(wg_value(s), sine[k]);
        expect_near(wg_value(p), k < 5 ? factor * pow(1.3, 4 - k) : 0);
    }
}

Test(grad, orders_of_general_powers_and_quotients) {
    wg_var x = wg_scalar(tape, 0.7), y = wg_pow(x, x), q = wg_div(1, wg_mul(x, x));
    double l = log(0.7), v = pow(0.7, 0.7);
    y = derivative(y, x);
    expect_near(wg_value(y), v * (l + 1));
    y = derivative(y, x);
    expect_near(wg_value(y), v * ((l + 1) * (l + 1) + 1 / 0.7));
    double want = 1;
    for (int k = 0; k < 4; k++) {
        q = derivative(q, x);
        want *= -(2 + k);
        expect_near(wg_value(q), want * pow(0.7, -3 - k));
    }
}

Test(grad, orders_of_arrays) {
    const double data[3] = {0.3, -1.1, 2};
    wg_var x = wg_variable(tape, WG_F64, WG_SHAPE(3), data), y = wg_sin(x);
    for (int k = 0; k < 4; k++) {
        OK(wg_grad_from(y, wg_number(1), &x, 1, &y));
    }
    double got[3];
    OK(wg_read(y, WG_F64, got, 3));
    for (int i = 0; i < 3; i++) {
        expect_near(got[i], sin(data[i]));
    }
}

Test(grad, a_gradient_of_gradients_can_be_swept_backward) {
    wg_var x = wg_scalar(tape, 0.4), y = wg_scalar(tape, 0.9), xs[2] = {x, y}, g[2];
    OK(wg_grad(wg_mul(wg_exp(x), wg_sin(y)), xs, 2, g));
    wg_var penalty = wg_add(wg_square(g[0]), wg_square(g[1])); /* = e^2x */
    OK(wg_backward(penalty));
    expect_near(wg_adjoint(x), 2 * exp(0.8));
    expect_near(wg_adjoint(y), 0);
}

/* ---- Edges ------------------------------------------------------------------------------------
 */

Test(grad, independent_and_trivial) {
    wg_var x = wg_scalar(tape, 2), u = wg_scalar(tape, 3), late;
    wg_var v = wg_variable(tape, WG_F32, WG_SHAPE(2, 2), NULL), y = wg_square(x);
    late = wg_scalar(tape, 5);
    wg_var xs[] = {u, v, late, wg_number(7), x, x, y}, g[7];
    OK(wg_grad(y, xs, 7, g));
    cr_expect(g[0].tape == NULL && g[0].as.number == 0, "a plain zero for a scalar");
    cr_expect(wg_is_array(g[1]) && wg_rank(g[1]) == 2 && wg_view_of(g[1]).dtype == WG_F32);
    cr_expect_eq(wg_value(wg_sum(g[1])), 0);
    cr_expect_eq(wg_value(g[2]), 0);
    cr_expect_eq(wg_value(g[3]), 0);
    cr_expect_eq(wg_value(g[4]), 4);
    cr_expect_eq(wg_value(g[5]), 4, "the same variable twice");
    cr_expect_eq(wg_value(g[6]), 1, "with respect to the root");
    OK(wg_grad(wg_number(3), xs, 5, g));
    cr_expect_eq(wg_value(g[4]), 0, "a number depends on nothing");
    OK(wg_grad(y, NULL, 0, NULL));
}

Test(grad, with_respect_to_an_intermediate) {
    wg_var x = wg_scalar(tape, 2), a = wg_square(x), y = wg_mul(wg_exp(a), x);
    expect_near(wg_value(derivative(y, a)), exp(4) * 2);
    wg_var v = wg_stack(tape, 2, ((wg_var[]){x, a})), z = wg_sum(wg_square(v));
    wg_var g = derivative(z, v);
    cr_assert(wg_is_array(g));
    expect_near(wg_value(wg_at(g, 1)), 8);
    expect_near(wg_value(derivative(wg_at(g, 1), x)), 8); /* 2a = 2x², slope 4x */
}

Test(grad, cut_at_an_intermediate_and_beyond_it) {
    wg_var x = wg_scalar(tape, 2), a = wg_square(x), y = wg_mul(a, x), xs[2] = {a, x}, g[2];
    OK(wg_grad(y, xs, 2, g));
    expect_near(wg_value(g[0]), 2);
    expect_near(wg_value(g[1]), 12); /* through a and beside it */
}

Test(grad, inside_no_grad_the_results_are_plain) {
    wg_var x = wg_scalar(tape, 2), y = wg_mul(wg_exp(x), x), g;
    wg_var v = wg_variable(tape, WG_F64, WG_SHAPE(2), (const double[]){1, 2});
    wg_var z = wg_sum(wg_square(wg_exp(v))), h;
    uint64_t scalars = wg_tape_usage_of(tape).scalars;
    wg_no_grad_begin(tape);
    OK(wg_grad(y, &x, 1, &g));
    OK(wg_grad(z, &v, 1, &h));
    wg_no_grad_end(tape);
    cr_expect_null(g.tape);
    expect_near(wg_value(g), 3 * exp(2));
    expect_near(wg_value(wg_at(h, 1)), 2 * exp(4));
    cr_expect_eq(wg_tape_usage_of(tape).scalars, scalars);
    wg_var again;
    OK(wg_grad(wg_sum(h), &v, 1, &again));
    cr_expect_eq(wg_value(wg_at(again, 0)), 0, "no graph behind it");
}

Test(grad, leaves_the_adjoints_of_a_sweep_alone) {
    wg_var x = wg_scalar(tape, 2), y = wg_square(x);
    OK(wg_backward_keep(y));
    (void)derivative(y, x);
    cr_expect_eq(wg_adjoint(x), 4);
    OK(wg_backward(derivative(y, x)));
    cr_expect_eq(wg_adjoint(x), 6);
}

Test(grad, one_element_of_any_rank) {
    for (int rank = 0; rank <= 3; rank++) {
        const int64_t shape[3] = {1, 1, 1};
        wg_var x = wg_variable(tape, WG_F64, rank, shape, (const double[]){3});
        wg_var g = derivative(wg_mul(wg_square(x), x), x);
        cr_assert_eq(wg_rank(g), rank);
        expect_near(wg_value(g), 27);
        expect_near(wg_value(derivative(g, x)), 18);
        expect_near(wg_value(derivative(wg_at(g, 0), x)), 18);
    }
}

/* ---- Both worlds ------------------------------------------------------------------------------
 */

/* The same function of three scalars, once by scalars alone and once through arrays: each round
 * stacks, works on the array, takes elements out, and works on them. */
#define ROUNDS 4

static wg_var pure(wg_tape *t, const wg_var *xs, int n, void *context) {
    (void)t, (void)n, (void)context;
    wg_var a = xs[0], b = xs[1], c = xs[2];
    for (int round = 0; round < ROUNDS; round++) {
        wg_var p = wg_sin(a), q = wg_sin(b), r = wg_sin(wg_mul(a, c));
        wg_var sum = wg_add(wg_add(p, q), r);
        a = wg_add(wg_mul(p, b), 0.5);
        b = wg_mul(q, wg_exp(wg_mul(0.1, sum)));
        c = wg_sub(r, wg_mul(c, p));
    }
    return wg_add(wg_mul(a, b), wg_square(c));
}

static wg_var mixed(wg_tape *t, const wg_var *xs, int n, void *context) {
    (void)t, (void)n, (void)context;
    wg_var a = xs[0], b = xs[1], c = xs[2];
    for (int round = 0; round < ROUNDS; round++) {
        wg_var v = wg_sin(wg_stack(tape, 3, ((wg_var[]){a, b, wg_mul(a, c)})));
        wg_var sum = wg_sum(v), p = wg_at(v, 0);
        wg_var scaled = wg_mul(v, wg_stack(tape, 3, ((wg_var[]){b, wg_number(1), wg_number(0)})));
        a = wg_add(wg_at(scaled, 0), 0.5);
        b = wg_at(wg_mul(wg_at(v, 1), wg_exp(wg_mul(0.1, sum))), 0);
        c = wg_sub(wg_at(v, 2), wg_mul(c, p));
    }
    wg_var last = wg_stack(tape, 2, ((wg_var[]){wg_mul(a, b), wg_square(c)}));
    return wg_sum(last);
}

Test(grad, interleaved_graphs_agree_with_scalars_to_third_order) {
    const double at[3] = {0.4, -0.8, 1.1};
    double got[2][1 + 3 + 9 + 3];
    wg_check_function both[2] = {pure, mixed};
    for (int which = 0; which < 2; which++) {
        wg_tape_reset(tape);
        double *out = got[which];
        wg_var x[3], g[3], h[3], third[3];
        for (int i = 0; i < 3; i++) {
            x[i] = wg_scalar(tape, at[i]);
        }
        wg_var y = both[which](tape, x, 3, NULL);
        *out++ = wg_value(y);
        OK(wg_grad(y, x, 3, g));
        for (int i = 0; i < 3; i++) {
            *out++ = wg_value(g[i]);
            OK(wg_grad(g[i], x, 3, h));
            for (int k = 0; k < 3; k++) {
                *out++ = wg_value(h[k]);
            }
        }
        OK(wg_grad(h[0], x, 3, third));
        OK(wg_backward(h[0]));
        for (int k = 0; k < 3; k++) {
            *out++ = wg_value(third[k]);
            expect_near(wg_adjoint(x[k]), wg_value(third[k]));
        }
    }
    for (int i = 0; i < 16; i++) {
        expect_near(got[1][i], got[0][i]);
    }
}

Test(grad, interleaved_graphs_agree_with_differences) {
    double at[3] = {0.4, -0.8, 1.1};
    wg_view inputs[3];
    for (int i = 0; i < 3; i++) {
        inputs[i] = (wg_view){.dtype = WG_F64, .data = &at[i]};
    }
    wg_check_options options = {.second = true};
    cr_expect_eq(wg_check_gradient(mixed, NULL, 3, inputs, options, NULL), WG_OK, "%s",
                 wg_last_message());
}

/* f32 arrays between scalars, elements used twice, numbers among the stacked. */
static wg_var elements(wg_tape *t, const wg_var *xs, int n, void *context) {
    (void)t, (void)n, (void)context;
    wg_var v = xs[0], a = wg_at(v, 0), b = wg_at(v, 4), y = wg_mul(wg_mul(a, a), wg_at(v, 0));
    wg_var w = wg_stack(tape, 3, ((wg_var[]){b, wg_number(2), b}));
    return wg_add(wg_add(y, wg_at(wg_mul(w, w), 2)),
                  wg_sum(wg_mul(w, wg_slice(wg_reshape(v, WG_SHAPE(-1)), 0, 0, 3, 1))));
}

Test(grad, elements_used_more_than_once) {
    double data[6] = {0.5, -1, 2, 0.3, 1.7, -0.6};
    wg_view input = {.dtype = WG_F64, .rank = 2, .shape = {2, 3}, .stride = {3, 1}, .data = data};
    wg_check_options options = {.second = true};
    wg_check_report report;
    cr_expect_eq(wg_check_gradient(elements, NULL, 1, &input, options, &report), WG_OK, "%s",
                 wg_last_message());
    cr_expect_geq(report.compared, 12);
    wg_view turned = {.dtype = WG_F64, .rank = 2, .shape = {3, 2}, .stride = {1, 3}, .data = data};
    cr_expect_eq(wg_check_gradient(elements, NULL, 1, &turned, options, NULL), WG_OK, "%s",
                 wg_last_message());
}

Test(grad, backward_over_a_recorded_sweep_needs_what_a_sweep_gave_back) {
    wg_var x = wg_variable(tape, WG_F64, WG_SHAPE(2), (const double[]){1, 2});
    wg_var y = wg_sum(wg_square(wg_exp(x))), g;
    OK(wg_backward(y));
    cr_expect_eq(wg_grad(y, &x, 1, &g), WG_ERROR_STATE);
    cr_expect(isnan(wg_value(g)));
}
