/* test_gradients.c: clipping by value, scaling, and steps from several micro-batches. */
#include "rules.h"

#include "wengert.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum {
    BATCH = 12,
    INPUTS = 5
};

/* Mean squared error of a small network on rows [first, end), f32 or f64. */
static wg_var loss_of(wg_store *store, wg_tape *tape, int first, int end) {
    double x[BATCH * INPUTS], y[BATCH];
    for (int i = 0; i < BATCH * INPUTS; i++) {
        x[i] = sin(3 * i);
    }
    for (int i = 0; i < BATCH; i++) {
        y[i] = cos(5 * i);
    }
    wg_net net = wg_net_train(store, tape, 0);
    const int64_t rows = end - first;
    wg_var h = wg_constant(tape, WG_F64, 2, (int64_t[]){rows, INPUTS}, x + first * INPUTS);
    h = wg_tanh(wg_linear(net, "a", h, 7));
    wg_var d = wg_sub(wg_linear(net, "b", h, 1),
                      wg_constant(tape, WG_F64, 2, (int64_t[]){rows, 1}, y + first));
    return wg_mean(wg_square(d));
}

/* One step from the rows, `at_once` a sweep, each with its share of the loss before the sweep or of
 * the gradients after it. */
static void train(wg_store *store, int at_once, bool scale_gradients) {
    wg_tape *tape = wg_tape_new();
    wg_optimizer *optimizer = wg_adam(store, wg_adam_defaults());
    wg_set_lr(optimizer, 0.1);
    for (int step = 0; step < 3; step++) {
        for (int first = 0; first < BATCH; first += at_once) {
            wg_var loss = loss_of(store, tape, first, first + at_once);
            loss = scale_gradients ? loss : wg_div(loss, (double)BATCH / at_once);
            cr_assert_eq(wg_backward(loss), WG_OK, "%s", wg_tape_message(tape));
            wg_tape_reset(tape);
        }
        if (scale_gradients) {
            cr_assert_eq(wg_scale_gradients(store, (double)at_once / BATCH), WG_OK);
        }
        cr_assert_eq(wg_step(optimizer, tape), WG_OK);
        wg_tape_reset(tape);
    }
    wg_optimizer_free(optimizer);
    wg_tape_free(tape);
}

/* Micro-batches of 4, 3 and 1 row (which leaves columns and rows pending) step as the whole does.
 */
Test(gradients, micro_batches_add_up_to_the_batch) {
    static const int at_once[] = {4, 3, 1};
    wg_store *whole = wg_store_new(1);
    train(whole, BATCH, false);
    for (int i = 0; i < 6; i++) {
        wg_store *parts = wg_store_new(1);
        train(parts, at_once[i % 3], i >= 3);
        for (int64_t p = 0; p < wg_store_count(whole); p++) {
            wg_parameter_view a, b;
            cr_assert_eq(wg_store_at(whole, p, &a), WG_OK);
            cr_assert_eq(wg_store_at(parts, p, &b), WG_OK);
            for (int64_t k = 0; k < wg_view_count(&a.value); k++) {
                cr_assert_float_eq(get_element(WG_F64, a.value.data, k),
                                   get_element(WG_F64, b.value.data, k), 1e-12, "%s[%d]", a.name,
                                   (int)k);
            }
        }
        wg_store_free(parts);
    }
    wg_store_free(whole);
}

static wg_store *with_gradients(wg_dtype dtype, int n) {
    wg_store *store = wg_store_new(1);
    make_parameter(store, "w", dtype, 1, (int64_t[]){n});
    wg_parameter_view view = find_parameter(store, "w");
    for (int k = 0; k < n; k++) {
        set_element(dtype, view.gradient, k, k % 7 - 3);
    }
    return store;
}

Test(gradients, are_clipped_and_scaled_element_by_element) {
    for (int dtype = 0; dtype < 2; dtype++) {
        enum {
            N = 33
        };
        wg_store *store = with_gradients((wg_dtype)dtype, N);
        cr_assert_eq(wg_clip_value(store, 2), WG_OK);
        wg_parameter_view view = find_parameter(store, "w");
        for (int k = 0; k < N; k++) {
            cr_assert_eq(get_element((wg_dtype)dtype, view.gradient, k),
                         fmin(fmax(k % 7 - 3, -2), 2));
        }
        set_element((wg_dtype)dtype, view.gradient, 5, NAN);
        cr_assert_eq(wg_clip_value(store, 1), WG_OK);
        cr_assert_eq(wg_scale_gradients(store, -0.5), WG_OK);
        cr_assert(isnan(get_element((wg_dtype)dtype, view.gradient, 5)));
        cr_assert_eq(get_element((wg_dtype)dtype, view.gradient, 6), -0.5);
        cr_assert_eq(get_element((wg_dtype)dtype, view.gradient, 0), 0.5);
        cr_assert_eq(wg_clip_value(store, 0), WG_OK);
        cr_assert_eq(get_element((wg_dtype)dtype, view.gradient, 6), 0);
        wg_store_free(store);
    }
}

Test(gradients, refuse_numbers_out_of_range) {
    wg_store *store = with_gradients(WG_F64, 7);
    cr_assert_eq(wg_clip_value(store, -1), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_clip_value(store, NAN), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_scale_gradients(store, INFINITY), WG_ERROR_ARGUMENT);
    cr_assert_not_null(strstr(wg_last_message(), "scale_gradients"));
    cr_assert_eq(get_element(WG_F64, find_parameter(store, "w").gradient, 0), -3);
    wg_store_free(store);
    store = wg_store_new(1);
    cr_assert_eq(wg_clip_value(store, 1), WG_OK);
    cr_assert_eq(wg_scale_gradients(store, 2), WG_OK);
    wg_store_free(store);
}
