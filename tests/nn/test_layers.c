/* test_layers.c: the linear layer and dropout. */
#include "wengert/elementwise.h"
#include "wengert/nn.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static wg_store *store;
static wg_tape *tape;

static void start(void) {
    store = wg_store_new(3);
    tape = wg_tape_new();
}

static void stop(void) {
    wg_tape_free(tape);
    wg_store_free(store);
}

TestSuite(layers, .init = start, .fini = stop);

static const double *values(const char *name) {
    wg_parameter_view view;
    cr_assert_eq(wg_store_find(store, name, &view), WG_OK, "%s", wg_last_message());
    return view.value.data;
}

static const double *gradient(const char *name) {
    wg_parameter_view view;
    cr_assert_eq(wg_store_find(store, name, &view), WG_OK, "%s", wg_last_message());
    return view.gradient;
}

static void expect_error(wg_status status, const char *text) {
    cr_assert_eq(wg_tape_status(tape), status, "%s", wg_tape_message(tape));
    cr_assert_not_null(strstr(wg_tape_message(tape), text), "%s", wg_tape_message(tape));
    wg_tape_reset(tape);
}

/* y and the gradients of Σ y², by hand. x is [2, 2, 3]. */
Test(layers, linear) {
    double x[12], y[20], w_gradient[15] = {0}, b_gradient[5] = {0};
    for (int i = 0; i < 12; i++) {
        x[i] = sin(i);
    }
    wg_net net = wg_scope(wg_net_train(store, tape, 0), "net");
    wg_var in = wg_variable(tape, WG_F64, 3, (int64_t[]){2, 2, 3}, x);
    wg_var out = wg_linear(net, "fc", in, 5);
    cr_assert_eq(wg_rank(out), 3);
    cr_assert_eq(wg_read(out, WG_F64, y, 20), WG_OK, "%s", wg_tape_message(tape));
    cr_assert_eq(wg_backward(wg_sum(wg_square(out))), WG_OK);
    const double *w = values("net.fc.weight"), *b = values("net.fc.bias");
    for (int r = 0; r < 4; r++) {
        for (int o = 0; o < 5; o++) {
            double sum = b[o];
            for (int i = 0; i < 3; i++) {
                sum += x[r * 3 + i] * w[o * 3 + i];
            }
            cr_assert_float_eq(y[r * 5 + o], sum, 1e-14);
            b_gradient[o] += 2 * sum;
            for (int i = 0; i < 3; i++) {
                w_gradient[o * 3 + i] += 2 * sum * x[r * 3 + i];
            }
        }
    }
    for (int i = 0; i < 15; i++) {
        cr_assert(fabs(w[i]) <= 1 / sqrt(3.0));
        cr_assert_float_eq(gradient("net.fc.weight")[i], w_gradient[i], 1e-13);
        cr_assert_float_eq(gradient("net.fc.bias")[i % 5], b_gradient[i % 5], 1e-13);
    }
}

Test(layers, linear_options) {
    wg_net net = wg_net_train(store, tape, 0);
    wg_var x = wg_full(tape, WG_F32, 1, (int64_t[]){4}, 1);
    wg_linear_options options = {.out = 2, .no_bias = true, .weight = wg_init_constant(3)};
    float y[2];
    cr_assert_eq(wg_read(wg_linear_with(net, "a", x, options), WG_F32, y, 2), WG_OK);
    cr_assert_eq(y[1], 12);
    options =
        (wg_linear_options){.out = 2, .weight = wg_init_orthogonal(1), .bias = wg_init_constant(0)};
    wg_linear_with(net, "b", x, options);
    options.bias = wg_init_orthogonal(1);
    wg_linear_with(net, "c", x, options);
    expect_error(WG_ERROR_ARGUMENT, "c.bias");
    cr_assert_eq(wg_store_count(store), 3); /* a.weight, b.bias, b.weight */
}

Test(layers, linear_refuses) {
    wg_net net = wg_net_train(store, tape, 0);
    wg_linear(net, "fc1", wg_full(tape, WG_F32, 2, (int64_t[]){32, 784}, 1), 128);
    cr_assert_eq(wg_tape_status(tape), WG_OK);
    wg_linear(net, "fc1", wg_full(tape, WG_F32, 2, (int64_t[]){32, 785}, 1), 128);
    expect_error(WG_ERROR_SHAPE,
                 "linear fc1: x has the shape [32, 785], fc1.weight would be [128, 785] but is "
                 "[128, 784]");
    wg_linear(net, "fc1", wg_full(tape, WG_F32, 2, (int64_t[]){32, 784}, 1), 64);
    expect_error(WG_ERROR_SHAPE, "fc1.weight would be [64, 784] but is [128, 784]");
    wg_linear(net, "fc1", wg_full(tape, WG_F64, 2, (int64_t[]){32, 784}, 1), 128);
    expect_error(WG_ERROR_DTYPE, "linear fc1: x is f64, fc1.weight is f32");
    wg_linear(net, "fc2", wg_full(tape, WG_I64, 2, (int64_t[]){32, 784}, 1), 128);
    expect_error(WG_ERROR_DTYPE, "linear fc2: x [32, 784] is i64");
    wg_linear(net, "fc2", wg_full(tape, WG_F32, 0, NULL, 1), 128);
    expect_error(WG_ERROR_SHAPE, "linear fc2: x [] has fewer than 1 axes");
    wg_linear(net, "fc2", wg_number(1), 128);
    expect_error(WG_ERROR_SHAPE, "linear fc2: x [] has fewer than 1 axes");
    wg_linear(net, "fc2", wg_full(tape, WG_F32, 1, (int64_t[]){4}, 1), 0);
    expect_error(WG_ERROR_ARGUMENT, "linear fc2: 0 outputs");
    wg_linear(net, "", wg_full(tape, WG_F32, 1, (int64_t[]){4}, 1), 2);
    expect_error(WG_ERROR_ARGUMENT, "empty name");
    wg_var stale = wg_full(tape, WG_F32, 1, (int64_t[]){4}, 1);
    wg_tape_reset(tape);
    wg_linear(net, "fc2", stale, 2);
    expect_error(WG_ERROR_HANDLE, "linear fc2");
    cr_assert_eq(wg_store_count(store), 2);
}

#define ELEMENTS 40001

static void mask(wg_net net, double p, wg_dtype dtype, double *out) {
    wg_var ones = wg_full(net.tape, dtype, 1, (int64_t[]){ELEMENTS}, 1);
    cr_assert_eq(wg_read(wg_dropout(net, ones, p), WG_F64, out, ELEMENTS), WG_OK);
}

Test(layers, dropout) {
    static double first[ELEMENTS], again[ELEMENTS], other[ELEMENTS];
    wg_net net = wg_scope(wg_net_train(store, tape, 5), "drop");
    mask(net, 0.25, WG_F64, first);
    int kept = 0;
    for (int i = 0; i < ELEMENTS; i++) {
        cr_assert(first[i] == 0 || first[i] == 1 / 0.75);
        kept += first[i] > 0;
    }
    cr_assert_float_eq(kept, 0.75 * ELEMENTS, 4 * sqrt(0.75 * 0.25 * ELEMENTS));
    wg_tape_reset(tape);
    mask(net, 0.25, WG_F64, again);
    cr_assert_arr_eq(first, again, sizeof first);
    mask(net, 0.25, WG_F32, again);
    for (int i = 0; i < ELEMENTS; i++) {
        cr_assert_eq(again[i] > 0, first[i] > 0);
    }
    mask(wg_scope(net, "inner"), 0.25, WG_F64, other);
    cr_assert_arr_neq(first, other, sizeof first);
    net.step++;
    mask(net, 0.25, WG_F64, other);
    cr_assert_arr_neq(first, other, sizeof first);
}

/* The gradient goes where the value went. */
Test(layers, dropout_gradient) {
    double x[64], y[64], dx[64];
    for (int i = 0; i < 64; i++) {
        x[i] = i + 1;
    }
    wg_var in = wg_variable(tape, WG_F64, 2, (int64_t[]){8, 8}, x);
    wg_var out = wg_dropout(wg_net_train(store, tape, 0), in, 0.5);
    cr_assert_eq(wg_read(out, WG_F64, y, 64), WG_OK);
    cr_assert_eq(wg_backward(wg_sum(out)), WG_OK);
    cr_assert_eq(wg_read_adjoint(in, WG_F64, dx, 64), WG_OK);
    for (int i = 0; i < 64; i++) {
        cr_assert_eq(dx[i] * x[i], y[i]);
    }
}

Test(layers, dropout_does_nothing) {
    wg_var x = wg_full(tape, WG_F64, 1, (int64_t[]){4}, 1);
    cr_assert_eq(wg_dropout(wg_net_eval(store, tape), x, 0.5).as.bits, x.as.bits);
    cr_assert_eq(wg_dropout(wg_net_train(store, tape, 0), x, 0).as.bits, x.as.bits);
}

Test(layers, dropout_refuses) {
    static const double wrong[] = {-0.1, 1, 2, NAN};
    wg_net net = wg_scope(wg_net_train(store, tape, 0), "drop");
    for (int i = 0; i < 4; i++) {
        wg_dropout(net, wg_full(tape, WG_F64, 1, (int64_t[]){4}, 1), wrong[i]);
        expect_error(WG_ERROR_ARGUMENT, "\"drop\"");
    }
    wg_dropout(net, wg_full(tape, WG_I64, 1, (int64_t[]){4}, 1), 0.5);
    expect_error(WG_ERROR_DTYPE, "\"drop\"");
    wg_dropout(net, wg_number(1), 0.5);
    expect_error(WG_ERROR_DTYPE, "\"drop\"");
}
