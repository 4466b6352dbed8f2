/* test_large.c: long chains on a small stack, and many tapes side by side. */
#include "wengert/array.h"
#include "wengert/elementwise.h"

#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

#define OK(tape, call) cr_assert_eq(call, WG_OK, "%s", wg_tape_message(tape))

/* Runs a function in a thread whose stack has 8 MB, whatever the shell says. */
static void on_small_stack(void *(*run)(void *), void *argument) {
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    cr_assert_eq(pthread_attr_setstacksize(&attributes, (size_t)8 << 20), 0);
    cr_assert_eq(pthread_create(&thread, &attributes, run, argument), 0);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    pthread_attr_destroy(&attributes);
}

/* Results go back through this; assertions are made in the main thread. */
typedef struct outcome {
    wg_status status;
    double value, slope;
    uint64_t scalars, arrays, system;
} outcome;

static void close_up(wg_tape *tape, wg_var x, wg_var y, outcome *out) {
    out->value = wg_value(y);
    out->status = wg_backward(y);
    wg_tape_usage usage = wg_tape_usage_of(tape);
    out->scalars = usage.scalars;
    out->arrays = usage.arrays;
    out->system = usage.bytes_system;
    out->slope = wg_adjoint(x);
    wg_tape_free(tape);
}

/* y ← a y + x, three operations a step: slope 1 + a + a² + … */
static void *scalar_chain(void *argument) {
    wg_tape *tape = wg_tape_new();
    wg_var x = wg_scalar(tape, 1), y = wg_mul(x, 1);
    for (int i = 0; i < 3333333; i++) {
        y = wg_add(wg_sub(wg_mul(y, 0.5), x), wg_mul(x, 2));
    }
    close_up(tape, x, y, argument);
    return NULL;
}

Test(large, ten_million_scalar_operations) {
    outcome out;
    on_small_stack(scalar_chain, &out);
    cr_assert_eq(out.status, WG_OK);
    cr_expect_geq(out.scalars, 10000000);
    cr_expect_float_eq(out.value, 2, 1e-15);
    cr_expect_float_eq(out.slope, 2, 1e-15);
    cr_expect_lt(out.system, (uint64_t)1 << 30);
}

static void *array_chain(void *argument) {
    wg_tape *tape = wg_tape_new();
    wg_var x = wg_variable(tape, WG_F64, WG_SHAPE(1), (const double[]){1}), y = x;
    for (int i = 0; i < 500000; i++) {
        y = wg_add(wg_mul(y, 0.5), x);
    }
    close_up(tape, x, y, argument);
    return NULL;
}

Test(large, a_million_array_operations) {
    outcome out;
    on_small_stack(array_chain, &out);
    cr_assert_eq(out.status, WG_OK);
    cr_expect_geq(out.arrays, 1000000);
    cr_expect_float_eq(out.value, 2, 1e-15);
    cr_expect_float_eq(out.slope, 2, 1e-15);
    cr_expect_lt(out.system, (uint64_t)2 << 30);
}

/* Leaves, elements and arrays in turn: no step of a sweep may go over all of the others' leaves. */
static void *interleaved(void *argument) {
    wg_tape *tape = wg_tape_new();
    wg_var x = wg_scalar(tape, 1), y = x;
    for (int i = 0; i < 500000; i++) {
        wg_var noise = wg_scalar(tape, 0.5), v = wg_stack(tape, 2, ((wg_var[]){y, noise}));
        y = wg_add(wg_mul(wg_at(v, 0), wg_at(v, 1)), x);
    }
    close_up(tape, x, y, argument);
    return NULL;
}

Test(large, leaves_elements_and_arrays_in_turn) {
    outcome out;
    on_small_stack(interleaved, &out);
    cr_assert_eq(out.status, WG_OK);
    cr_expect_float_eq(out.value, 2, 1e-15);
    cr_expect_float_eq(out.slope, 2, 1e-15);
}

static void *differentiated(void *argument) {
    wg_tape *tape = wg_tape_new();
    wg_var x = wg_scalar(tape, 1), y = x, g;
    for (int i = 0; i < 200000; i++) {
        y = wg_sin(wg_mul(y, x));
    }
    outcome *out = argument;
    out->status = wg_grad(y, &x, 1, &g);
    if (out->status == WG_OK) {
        close_up(tape, x, g, out);
    }
    return NULL;
}

Test(large, a_long_chain_differentiated_twice) {
    outcome out;
    on_small_stack(differentiated, &out);
    cr_assert_eq(out.status, WG_OK);
    cr_expect(isfinite(out.value) && isfinite(out.slope));
}

/* ---- Threads ----------------------------------------------------------------------------------
 */

enum {
    THREADS = 8,
    N = 1000,
    STEPS = 5
};

static double shared_weights[N];

/* A few steps of gradient descent on data of its own, over weights that all threads read. */
static void *train(void *argument) {
    double *out = argument; /* N results */
    double weights[N], gradient[N];
    memcpy(weights, shared_weights, sizeof weights);
    wg_tape *tape = wg_tape_new();
    const wg_view all = {
        .dtype = WG_F64, .rank = 1, .shape = {N}, .stride = {1}, .data = shared_weights};
    for (int step = 0; step < STEPS; step++) {
        wg_view view = all;
        view.data = weights;
        memset(gradient, 0, sizeof gradient);
        wg_var w = wg_borrow(tape, &view, gradient), common = wg_borrow(tape, &all, NULL);
        wg_var y = wg_sum(wg_square(wg_sub(wg_tanh(w), wg_mul(0.5, wg_sin(common)))));
        wg_var s = wg_scalar(tape, 0.1);
        for (int i = 0; i < 200; i++) {
            s = wg_add(s, wg_mul(wg_at(w, i), wg_sin(s)));
        }
        if (wg_backward(wg_add(y, s)) != WG_OK) {
            weights[0] = NAN;
        }
        for (int i = 0; i < N; i++) {
            weights[i] -= 0.01 * gradient[i];
        }
        wg_tape_reset(tape);
    }
    wg_tape_free(tape);
    memcpy(out, weights, sizeof weights);
    return NULL;
}

Test(large, eight_threads_give_the_bits_of_one) {
    static double alone[N], together[THREADS][N];
    for (int i = 0; i < N; i++) {
        shared_weights[i] = sin(i);
    }
    train(alone);
    cr_assert_not(isnan(alone[0]));
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, train, together[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    for (int i = 0; i < THREADS; i++) {
        cr_expect_eq(memcmp(alone, together[i], sizeof alone), 0, "thread %d", i);
    }
}
