/* Tapes when memory runs out, and tapes that need no more of it. */
#include "allocation.h"
#include "wengert/array.h"
#include "wengert/elementwise.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

/* ---- A graph of everything ------------------------------------------------------------------- */

enum {
    WIDTH = 300,
    SCALARS = 600
};

/* Scalars, arrays, elements, scopes, both sweeps. False where the tape failed. */
static bool run_everything(wg_tape *tape, double *result) {
    static double data[WIDTH], gradient[WIDTH];
    wg_view view = {.dtype = WG_F64, .rank = 1, .shape = {WIDTH}, .stride = {1}, .data = data};
    for (int i = 0; i < WIDTH; i++) {
        data[i] = sin(i);
        gradient[i] = 0;
    }
    wg_var x = wg_scalar(tape, 0.3), s = x, p = wg_borrow(tape, &view, gradient);
    for (int i = 0; i < SCALARS; i++) {
        s = wg_add(wg_mul(wg_sin(s), 0.5 + i), wg_clamp(x, 0, 1));
        s = wg_div(s, 1 + i);
    }
    wg_scope_mark mark = wg_scope_begin(tape);
    wg_var kept[2] = {wg_exp(p), wg_exp(s)};
    (void)wg_scope_end(tape, mark, kept, 2);
    wg_var many[40];
    for (int i = 0; i < 40; i++) {
        many[i] = wg_mul(s, wg_at(p, i));
    }
    wg_var v = wg_stack(tape, 40, many);
    wg_var narrow = wg_cast(wg_slice(p, 0, 0, 40, 1), WG_F32);
    wg_var y = wg_sum(wg_mul(wg_square(v), narrow));
    for (int i = 0; i < 8; i++) {
        y = wg_add(y, wg_at(wg_tanh(wg_mul(p, s)), i));
    }
    y = wg_add(y, wg_sum(wg_mul(kept[0], kept[1])));
    wg_var xs[2] = {x, p}, g[2];
    (void)wg_grad(y, xs, 2, g);
    wg_no_grad_begin(tape);
    (void)wg_sum(wg_exp(p));
    wg_no_grad_end(tape);
    (void)wg_backward_keep(wg_add(wg_mul(y, g[0]), wg_sum(wg_square(g[1]))));
    (void)wg_backward(y);
    *result = wg_adjoint(x) + gradient[3];
    return wg_tape_status(tape) == WG_OK;
}

/* Every request refused in turn, alone or with all behind it. */
static void refuse_each(void (*refuse)(long)) {
    double want, got;
    wg_test_allow();
    wg_tape *tape = wg_tape_new();
    cr_assert(run_everything(tape, &want), "%s", wg_tape_message(tape));
    wg_tape_free(tape);
    cr_assert_eq(wg_test_blocks(), 0, "%ld blocks leaked", wg_test_blocks());
    long all = wg_test_requests(), failures = 0;
    for (long granted = 0; granted < all; granted++) {
        refuse(granted);
        tape = wg_tape_new();
        if (tape == NULL) {
            cr_assert_eq(wg_test_blocks(), 0);
            failures++;
            continue;
        }
        if (!run_everything(tape, &got)) {
            failures++;
            cr_assert_eq(wg_tape_status(tape), WG_ERROR_MEMORY, "request %ld: %s", granted,
                         wg_tape_message(tape));
            cr_assert_not_null(strstr(wg_tape_message(tape), "memory"), "%s",
                               wg_tape_message(tape));
            cr_assert(isnan(got) || wg_tape_status(tape) != WG_OK);
        }
        wg_test_allow();
        wg_tape_reset(tape);
        cr_assert_eq(wg_tape_usage_of(tape).bytes_held, 0, "request %ld: storage is lost", granted);
        cr_assert(run_everything(tape, &got), "request %ld: %s", granted, wg_tape_message(tape));
        cr_assert_eq(got, want, "request %ld: %g, not %g", granted, got, want);
        wg_test_allow();
        long before = wg_test_blocks();
        wg_tape_free(tape);
        cr_assert_lt(wg_test_blocks(), before);
    }
    cr_assert_gt(failures, 20, "%ld of %ld", failures, all);
}

Test(tape_allocation, every_single_refusal_is_an_error_and_passes) {
    refuse_each(wg_test_refuse_one);
}

Test(tape_allocation, every_lasting_refusal_is_an_error_and_passes) {
    refuse_each(wg_test_refuse_after);
}

Test(tape_allocation, nothing_leaks_after_a_refusal) {
    double got;
    for (long granted = 0; granted < 200; granted++) {
        wg_test_refuse_after(granted);
        wg_tape *tape = wg_tape_new();
        bool done = tape != NULL && run_everything(tape, &got);
        wg_tape_free(tape);
        cr_assert_eq(wg_test_blocks(), 0, "request %ld: %ld blocks", granted, wg_test_blocks());
        if (done) {
            break;
        }
    }
}

/* ---- The steady state --------------------------------------------------------------------------
 */

typedef wg_var (*step)(wg_tape *tape, double *weights, double *gradient);

static void expect_steady(step run) {
    static double weights[WIDTH], gradient[WIDTH];
    for (int i = 0; i < WIDTH; i++) {
        weights[i] = 0.1 * sin(i);
    }
    wg_tape *tape = wg_tape_new();
    uint64_t allocations = 0;
    for (int k = 0; k < 99; k++) {
        if (k == 1) {
            wg_test_allow();
            allocations = wg_tape_usage_of(tape).allocations;
        }
        memset(gradient, 0, sizeof gradient);
        wg_var loss = run(tape, weights, gradient);
        cr_assert_eq(wg_backward(loss), WG_OK, "%s", wg_tape_message(tape));
        for (int i = 0; i < WIDTH; i++) {
            weights[i] -= 1e-3 * gradient[i];
        }
        wg_tape_reset(tape);
    }
    cr_expect_eq(wg_test_requests(), 0, "%ld requests in 98 steps", wg_test_requests());
    cr_expect_eq(wg_tape_usage_of(tape).allocations, allocations);
    wg_tape_free(tape);
}

static wg_var parameters(wg_tape *tape, double *weights, double *gradient) {
    wg_view view = {.dtype = WG_F64, .rank = 1, .shape = {WIDTH}, .stride = {1}, .data = weights};
    return wg_borrow(tape, &view, gradient);
}

static wg_var scalar_step(wg_tape *tape, double *weights, double *gradient) {
    (void)gradient;
    wg_var x[50], y = wg_number(0);
    for (int i = 0; i < 50; i++) {
        x[i] = wg_scalar(tape, weights[i]);
    }
    for (int i = 0; i < 5000; i++) {
        y = wg_add(wg_mul(wg_sin(y), x[i % 50]), wg_pow(x[(i + 1) % 50], 3 + i % 90));
    }
    return y;
}

static wg_var array_step(wg_tape *tape, double *weights, double *gradient) {
    wg_var p = parameters(tape, weights, gradient);
    wg_var w = wg_reshape(p, WG_SHAPE(20, 15)), h = wg_full(tape, WG_F64, WG_SHAPE(8, 20), 0.5);
    for (int i = 0; i < 4; i++) {
        wg_var z = wg_relu(wg_matmul(h, w)); /* [8, 15] */
        h = wg_tanh(wg_matmul(z, wg_transpose(w)));
    }
    wg_scope_mark mark = wg_scope_begin(tape);
    (void)wg_value(wg_mean(h));
    (void)wg_scope_end(tape, mark, NULL, 0);
    return wg_mean(wg_square(wg_softmax(h, -1)));
}

static wg_var mixed_step(wg_tape *tape, double *weights, double *gradient) {
    wg_var p = parameters(tape, weights, gradient), y = wg_scalar(tape, 1);
    for (int i = 0; i < 30; i++) {
        wg_var v = wg_stack(tape, 3, ((wg_var[]){y, wg_at(p, i), wg_number(2)}));
        y = wg_add(wg_at(wg_sin(v), 0), wg_mul(wg_sum(v), 0.01));
    }
    return y;
}

/* A penalty on the gradient: a recorded sweep in every step. */
static wg_var second_order_step(wg_tape *tape, double *weights, double *gradient) {
    wg_var p = parameters(tape, weights, gradient), y = mixed_step(tape, weights, gradient), g;
    y = wg_add(y, wg_sum(wg_exp(wg_mul(p, wg_at(p, 3)))));
    (void)wg_grad(y, &p, 1, &g);
    return wg_add(y, wg_sum(wg_square(g)));
}

Test(tape_allocation, steps_of_scalars_ask_for_no_memory) {
    expect_steady(scalar_step);
}

Test(tape_allocation, steps_of_arrays_ask_for_no_memory) {
    expect_steady(array_step);
}

Test(tape_allocation, steps_of_both_ask_for_no_memory) {
    expect_steady(mixed_step);
}

Test(tape_allocation, steps_of_second_order_ask_for_no_memory) {
    expect_steady(second_order_step);
}
