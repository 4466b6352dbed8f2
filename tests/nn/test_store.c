/* test_store.c: parameters by name: what they are made of, and what is done to all of them. */
#include "wengert/elementwise.h"
#include "wengert/nn.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const wg_initializer uniform = {WG_INIT_UNIFORM, -1, 1};

static wg_store *store;
static wg_tape *tape;

static void start(void) {
    store = wg_store_new(7);
    tape = wg_tape_new();
}

static void stop(void) {
    wg_tape_free(tape);
    wg_store_free(store);
}

TestSuite(store, .init = start, .fini = stop);

static wg_parameter_view find(wg_store *in, const char *name) {
    wg_parameter_view view;
    cr_assert_eq(wg_store_find(in, name, &view), WG_OK, "%s", wg_last_message());
    return view;
}

Test(store, empty) {
    wg_parameter_view view;
    cr_assert_eq(wg_store_count(store), 0);
    cr_assert_eq(wg_store_elements(store), 0);
    cr_assert_eq(wg_gradient_norm(store), 0);
    cr_assert_eq(wg_clip_norm(store, 1), 0);
    wg_zero_gradients(store);
    cr_assert_eq(wg_store_at(store, 0, &view), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_store_find(store, "fc1.weight", &view), WG_ERROR_ARGUMENT);
    cr_assert_not_null(strstr(wg_last_message(), "fc1.weight"));
    cr_assert_eq(wg_store_find(store, "", &view), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_store_find(store, NULL, &view), WG_ERROR_ARGUMENT);
    wg_store_free(NULL);
}

Test(store, names_nest_and_sort) {
    wg_net net = wg_net_train(store, tape, 0);
    wg_net deep = wg_scope(wg_scope(net, "encoder.%d", 0), "%s", "attention");
    wg_parameter(deep, "q", WG_F32, 2, (int64_t[]){3, 2}, uniform);
    wg_parameter(net, "z", WG_F64, 0, NULL, uniform);
    wg_parameter(net, "a", WG_F32, 1, (int64_t[]){5}, uniform);
    cr_assert_eq(wg_tape_status(tape), WG_OK, "%s", wg_tape_message(tape));
    static const char *const names[] = {"a", "encoder.0.attention.q", "z"};
    cr_assert_eq(wg_store_count(store), 3);
    cr_assert_eq(wg_store_elements(store), 5 + 6 + 1);
    for (int64_t i = 0; i < 3; i++) {
        wg_parameter_view view;
        cr_assert_eq(wg_store_at(store, i, &view), WG_OK);
        cr_assert_str_eq(view.name, names[i]);
        cr_assert_eq((uintptr_t)view.value.data % 64, 0);
        cr_assert_eq((uintptr_t)view.gradient % 64, 0);
        cr_assert(wg_view_is_contiguous(&view.value));
    }
}

/* f32 and f64, in two orders and beside other parameters: the bits are the same. */
Test(store, values_depend_on_seed_and_name_alone) {
    wg_store *other = wg_store_new(7), *foreign = wg_store_new(8);
    static const int64_t shape[] = {4, 9};
    wg_net nets[] = {wg_net_train(store, tape, 0), wg_net_train(other, tape, 3),
                     wg_net_train(foreign, tape, 0)};
    wg_parameter(nets[0], "one", WG_F32, 2, shape, wg_init_normal(0, 1));
    wg_parameter(nets[0], "two", WG_F64, 2, shape, wg_init_orthogonal(1));
    wg_parameter(nets[1], "between", WG_F32, 2, shape, uniform);
    wg_parameter(nets[1], "two", WG_F64, 2, shape, wg_init_orthogonal(1));
    wg_parameter(nets[1], "one", WG_F32, 2, shape, wg_init_normal(0, 1));
    wg_parameter(nets[1], "three", WG_F32, 2, shape, wg_init_normal(0, 1));
    wg_parameter(nets[2], "one", WG_F32, 2, shape, wg_init_normal(0, 1));
    const void *one = find(store, "one").value.data, *two = find(store, "two").value.data;
    cr_assert_arr_eq(one, find(other, "one").value.data, 36 * sizeof(float));
    cr_assert_arr_eq(two, find(other, "two").value.data, 36 * sizeof(double));
    cr_assert_arr_neq(one, find(other, "three").value.data, 36 * sizeof(float));
    cr_assert_arr_neq(one, find(foreign, "one").value.data, 36 * sizeof(float));
    wg_tape_reset(tape);
    wg_store_free(other);
    wg_store_free(foreign);
}

Test(store, many_names) {
    wg_net net = wg_net_train(store, tape, 0);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 3000; i++) {
            wg_parameter(wg_scope(net, "%d", i * 7919 % 3000), "w", WG_F32, 0, NULL, uniform);
        }
    }
    cr_assert_eq(wg_tape_status(tape), WG_OK);
    cr_assert_eq(wg_store_count(store), 3000);
    wg_parameter_view before, view;
    cr_assert_eq(wg_store_at(store, 0, &before), WG_OK);
    for (int64_t i = 1; i < 3000; i++, before = view) {
        cr_assert_eq(wg_store_at(store, i, &view), WG_OK);
        cr_assert(strcmp(before.name, view.name) < 0);
        cr_assert_eq((char *)view.value.data - (char *)before.value.data, 64);
    }
    cr_assert_eq(find(store, "2999.w").value.rank, 0);
}

static void expect_error(wg_status status, const char *text) {
    cr_assert_eq(wg_tape_status(tape), status, "%s", wg_tape_message(tape));
    cr_assert_not_null(strstr(wg_tape_message(tape), text), "%s", wg_tape_message(tape));
    wg_tape_reset(tape);
}

Test(store, refuses) {
    static const int64_t shape[] = {3, 4}, negative[] = {3, -1};
    static const int64_t huge[] = {INT64_MAX / 2, 1};
    wg_net net = wg_scope(wg_net_train(store, tape, 0), "net");
    wg_parameter(net, "w", WG_F32, 2, shape, uniform);
    wg_parameter(net, "w", WG_F32, 1, shape, uniform);
    expect_error(WG_ERROR_SHAPE, "net.w is f32 [3, 4], asked for as f32 [3]");
    wg_parameter(net, "w", WG_F64, 2, shape, uniform);
    expect_error(WG_ERROR_SHAPE, "asked for as f64 [3, 4]");
    wg_parameter(net, "w", WG_F64, 99, shape, uniform);
    expect_error(WG_ERROR_ARGUMENT, "net.w: rank 99");
    wg_parameter(net, "v", WG_F64, 99, shape, uniform);
    expect_error(WG_ERROR_ARGUMENT, "net.v");
    wg_parameter(net, "v", WG_I64, 2, shape, uniform);
    expect_error(WG_ERROR_DTYPE, "net.v is to be i64");
    wg_parameter(net, "v", WG_F32, 2, negative, uniform);
    expect_error(WG_ERROR_LIMIT, "[3, -1]");
    wg_parameter(net, "v", WG_F32, 2, huge, uniform);
    expect_error(WG_ERROR_LIMIT, "net.v");
    wg_parameter(net, "", WG_F32, 2, shape, uniform);
    expect_error(WG_ERROR_ARGUMENT, "\"net\"");
    wg_parameter(net, NULL, WG_F32, 2, shape, uniform);
    expect_error(WG_ERROR_ARGUMENT, "\"net\"");
    cr_assert_eq(wg_store_count(store), 1);
    wg_scope(net, "%s", "");
    expect_error(WG_ERROR_ARGUMENT, "scope");
}

Test(store, names_have_a_longest) {
    char longest[256], over[257];
    memset(longest, 'n', 255);
    longest[255] = '\0';
    memset(over, 'n', 256);
    over[256] = '\0';
    wg_net net = wg_net_train(store, tape, 0);
    wg_parameter(net, longest, WG_F32, 0, NULL, uniform);
    wg_net inner = wg_scope(net, "%s", longest);
    cr_assert_eq(wg_tape_status(tape), WG_OK);
    cr_assert_eq(find(store, longest).value.rank, 0);
    wg_parameter(inner, "w", WG_F32, 0, NULL, uniform);
    expect_error(WG_ERROR_LIMIT, "more than 255");
    wg_parameter(net, over, WG_F32, 0, NULL, uniform);
    expect_error(WG_ERROR_LIMIT, "more than 255");
    wg_scope(net, "%s", over);
    expect_error(WG_ERROR_LIMIT, "more than 255");
    wg_scope(inner, "x");
    expect_error(WG_ERROR_LIMIT, "more than 255");
    cr_assert_eq(wg_store_count(store), 1);
}

/* Σ (a·x)² + 3a with a used twice: the gradient is the sum, and survives being packed. */
Test(store, gradients_add_up) {
    wg_net net = wg_net_train(store, tape, 0);
    static const int64_t shape[] = {3};
    for (int sweep = 1; sweep <= 3; sweep++) {
        wg_var a = wg_parameter(net, "a", WG_F64, 1, shape, wg_init_constant(2));
        wg_var again = wg_parameter(net, "a", WG_F64, 1, shape, wg_init_constant(2));
        cr_assert_eq(wg_backward(wg_sum(wg_add(wg_square(a), wg_mul(3, again)))), WG_OK);
        wg_tape_reset(tape);
        if (sweep == 2) { /* packs */
            cr_assert_float_eq(wg_gradient_norm(store), 14 * sqrt(3.0), 1e-12);
        }
    }
    const double *gradient = find(store, "a").gradient;
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(gradient[i], 21);
    }
    wg_zero_gradients(store);
    cr_assert_eq(wg_gradient_norm(store), 0);
    gradient = find(store, "a").gradient;
    cr_assert_eq(gradient[2], 0);
}

/* Inside no-grad a parameter is a value alone. */
Test(store, no_gradient_without_recording) {
    wg_net net = wg_net_eval(store, tape);
    static const int64_t shape[] = {3};
    wg_no_grad_begin(tape);
    wg_var a = wg_parameter(net, "a", WG_F64, 1, shape, wg_init_constant(2));
    cr_assert_eq(wg_value(wg_sum(wg_square(a))), 12);
    wg_no_grad_end(tape);
    cr_assert_eq(wg_gradient_norm(store), 0);
}

/* A handle from before the packing reads on, and its sweep reaches the gradient's new place. */
Test(store, packing_leaves_tapes_alone) {
    wg_net net = wg_net_train(store, tape, 0);
    static const int64_t shape[] = {1000};
    wg_var a = wg_parameter(net, "a", WG_F32, 1, shape, wg_init_constant(2));
    wg_var y = wg_sum(wg_square(a));
    cr_assert_eq(wg_gradient_norm(store), 0);
    wg_parameter(net, "0", WG_F32, 1, shape, uniform);
    cr_assert_eq(wg_gradient_norm(store), 0);
    cr_assert_eq(wg_backward(y), WG_OK);
    double read[1000];
    cr_assert_eq(wg_read(a, WG_F64, read, 1000), WG_OK);
    cr_assert_eq(read[999], 2);
    cr_assert_float_eq(wg_gradient_norm(store), 4 * sqrt(1000.0), 1e-9);
}

Test(store, norm_and_clip) {
    wg_net net = wg_net_train(store, tape, 0);
    static const int64_t shapes[] = {1, 17, 100003, 0, 5};
    double sum = 0;
    for (int i = 0; i < 10; i++) {
        char name[] = {(char)('a' + i), '\0'};
        wg_parameter(net, name, i % 2 ? WG_F64 : WG_F32, 1, &shapes[i / 2], uniform);
        wg_parameter_view view = find(store, name);
        for (int64_t k = 0; k < shapes[i / 2]; k++) {
            const double value = sin((double)(k + i));
            if (i % 2) {
                ((double *)view.gradient)[k] = value;
            } else {
                ((float *)view.gradient)[k] = (float)value;
            }
            sum += value * value;
        }
    }
    cr_assert_eq(wg_tape_status(tape), WG_OK);
    const double before = wg_gradient_norm(store);
    cr_assert_float_eq(before, sqrt(sum), 1e-7 * sqrt(sum));
    cr_assert_eq(wg_clip_norm(store, before + 1), before);
    cr_assert_eq(wg_gradient_norm(store), before);
    cr_assert_eq(wg_clip_norm(store, 2), before);
    cr_assert_float_eq(wg_gradient_norm(store), 2, 1e-6);
    const double *gradient = find(store, "d").gradient;
    cr_assert_float_eq(gradient[1], sin(4.0) * 2 / (before + 1e-6), 1e-15);
    const double now = wg_gradient_norm(store), second = gradient[1];
    ((double *)find(store, "d").gradient)[0] = INFINITY;
    cr_assert(isinf(wg_clip_norm(store, 1)));
    cr_assert_eq(((double *)find(store, "d").gradient)[1], second);
    ((double *)find(store, "d").gradient)[0] = NAN;
    cr_assert(isnan(wg_clip_norm(store, 1)));
    cr_assert_eq(((double *)find(store, "d").gradient)[1], second);
    cr_assert(now > 0);
}

/* ---- Buffers and frozen parameters ----------------------------------------------------------- */

Test(store, buffers_are_not_trained) {
    wg_net net = wg_scope(wg_net_train(store, tape, 0), "bn");
    static const int64_t shape[] = {3};
    wg_var mean = wg_buffer(net, "running_mean", WG_F32, 1, shape, 0.5);
    wg_buffer(net, "num_batches_tracked", WG_I64, 0, NULL, 7);
    wg_var w = wg_parameter(net, "weight", WG_F32, 1, shape, wg_init_constant(2));
    cr_assert_eq(wg_backward(wg_sum(wg_mul(mean, w))), WG_OK, "%s", wg_tape_message(tape));
    cr_assert_eq(wg_store_count(store), 3);
    cr_assert_eq(wg_store_elements(store), 3);
    const wg_parameter_view view = find(store, "bn.running_mean");
    cr_assert(view.buffer && view.gradient == NULL && ((float *)view.value.data)[2] == 0.5f);
    cr_assert_eq(*(int64_t *)find(store, "bn.num_batches_tracked").value.data, 7);
    cr_assert_float_eq(wg_gradient_norm(store), 0.5 * sqrt(3.0), 1e-12);
    cr_assert_eq(find(store, "bn.running_mean").value.data, view.value.data, "it has moved");
    wg_tape_reset(tape);
    wg_parameter(net, "running_mean", WG_F32, 1, shape, uniform);
    expect_error(WG_ERROR_STATE, "bn.running_mean is a buffer, asked for as a parameter");
    wg_buffer(net, "weight", WG_F32, 1, shape, 0);
    expect_error(WG_ERROR_STATE, "bn.weight is a parameter, asked for as a buffer");
    wg_buffer(net, "other", WG_I64, 1, shape, NAN);
    expect_error(WG_ERROR_ARGUMENT, "bn.other: there is no i64 nan");
    wg_buffer(net, "other", WG_I64, 1, shape, 0x1p63);
    expect_error(WG_ERROR_ARGUMENT, "bn.other: there is no i64 9.2");
    wg_buffer(net, "other", WG_U8, 1, shape, 0);
    expect_error(WG_ERROR_DTYPE, "bn.other is to be u8");
}

static bool frozen(const char *name) {
    return find(store, name).frozen;
}

Test(store, freezes_by_pattern) {
    static const int64_t shape[] = {2};
    cr_assert_eq(wg_freeze(store, "encoder.*"), WG_OK);
    wg_net net = wg_net_train(store, tape, 0);
    wg_var a = wg_parameter(wg_scope(net, "encoder"), "a", WG_F64, 1, shape, wg_init_constant(2));
    wg_var b = wg_parameter(net, "b", WG_F64, 1, shape, wg_init_constant(3));
    cr_assert_eq(wg_backward(wg_sum(wg_mul(a, b))), WG_OK);
    cr_assert(frozen("encoder.a") && !frozen("b"));
    cr_assert_eq(((double *)find(store, "encoder.a").gradient)[0], 0);
    cr_assert_eq(((double *)find(store, "b").gradient)[1], 2);
    cr_assert_eq(wg_unfreeze(store, "*.a"), WG_OK);
    cr_assert_eq(wg_freeze(store, "b"), WG_OK);
    cr_assert(!frozen("encoder.a") && frozen("b"));
    cr_assert_eq(((double *)find(store, "b").gradient)[1], 0, "it counts as zero from now on");
    wg_tape_reset(tape);
    wg_parameter(wg_scope(net, "encoder"), "c", WG_F64, 1, shape, uniform);
    wg_parameter(wg_scope(net, "encoder"), "x.a", WG_F64, 1, shape, uniform);
    cr_assert(frozen("encoder.c") && !frozen("encoder.x.a"), "the last that matches holds");
    cr_assert_eq(wg_freeze(store, NULL), WG_ERROR_ARGUMENT);
    for (int i = 0; i < 1000; i++) {
        cr_assert_eq(i % 2 ? wg_freeze(store, "*") : wg_unfreeze(store, "*"), WG_OK);
    }
    cr_assert(frozen("encoder.x.a"));
}

/* To say again what holds already is no reason to lose a gradient. */
Test(store, freezing_keeps_the_gradients_of_what_does_not_change) {
    static const int64_t vector[] = {2}, matrix[] = {3, 2};
    wg_net net = wg_net_train(store, tape, 0);
    wg_var x = wg_full(tape, WG_F64, 2, (int64_t[]){1, 2}, 1);
    wg_var v = wg_parameter(net, "v", WG_F64, 1, vector, wg_init_constant(2));
    wg_var m = wg_parameter(net, "m", WG_F64, 2, matrix, wg_init_constant(1)); /* of one row */
    cr_assert_eq(wg_backward(wg_add(wg_sum(v), wg_sum(wg_affine(x, m, wg_number(0))))), WG_OK);
    cr_assert_eq(wg_freeze(store, "nothing*"), WG_OK);
    cr_assert_eq(wg_unfreeze(store, "*"), WG_OK);
    cr_assert_eq(((double *)find(store, "v").gradient)[1], 1);
    cr_assert_eq(((double *)find(store, "m").gradient)[5], 1);
    cr_assert_eq(wg_freeze(store, "v"), WG_OK);
    cr_assert_eq(((double *)find(store, "v").gradient)[1], 0);
    cr_assert_eq(((double *)find(store, "m").gradient)[5], 1);
}
