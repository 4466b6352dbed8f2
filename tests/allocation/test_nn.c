/* Networks and optimizers when memory runs out, and when none should be asked for. */
#include "allocation.h"
#include "wengert/elementwise.h"
#include "wengert/optim.h"

#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

static wg_var network(wg_store *store, wg_tape *tape, uint64_t step, int layers) {
    wg_net net = wg_net_train(store, tape, step);
    wg_var x = wg_full(tape, WG_F32, 2, (int64_t[]){4, 6}, 0.5);
    for (int i = 0; i < layers; i++) {
        wg_linear_options options = {.out = 6, .weight = wg_init_orthogonal(1)};
        wg_net inner = wg_scope(net, "block%d", i);
        wg_buffer(inner, "seen", WG_I64, 0, NULL, 0);
        x = wg_dropout(inner, wg_relu(wg_linear_with(inner, "fc", x, options)), 0.1);
    }
    return wg_sum(wg_square(x));
}

static wg_status train(wg_store *store, wg_tape *tape, wg_optimizer *optimizer, int layers) {
    wg_status status = wg_backward(network(store, tape, wg_steps(optimizer), layers));
    if (status == WG_OK) {
        status = isnan(wg_clip_norm(store, 1)) ? WG_ERROR_MEMORY : WG_OK;
    }
    if (status == WG_OK) {
        status = wg_step(optimizer, tape);
    }
    wg_tape_reset(tape);
    return status;
}

/* From nothing to a trained step and a layer more. */
static wg_status everything(void) {
    wg_status status = WG_ERROR_MEMORY;
    wg_store *store = wg_store_new(3);
    wg_tape *tape = wg_tape_new();
    wg_optimizer *optimizer = store != NULL ? wg_adam(store, wg_adam_defaults()) : NULL;
    if (tape != NULL && optimizer != NULL) {
        status = wg_freeze(store, "block0.fc.bias");
        status = status == WG_OK ? train(store, tape, optimizer, 2) : status;
        status = status == WG_OK ? train(store, tape, optimizer, 3) : status;
    }
    wg_optimizer_free(optimizer);
    wg_tape_free(tape);
    wg_store_free(store);
    return status;
}

Test(nn_allocation, survives_every_refusal) {
    cr_assert_eq(everything(), WG_OK); /* what other libraries set up once is set up now */
    for (int once = 0; once < 2; once++) {
        wg_status status = WG_ERROR_MEMORY;
        long granted = 0;
        for (; granted < 1000 && status != WG_OK; granted++) {
            once ? wg_test_refuse_one(granted) : wg_test_refuse_after(granted);
            status = everything();
            cr_assert(status == WG_OK || status == WG_ERROR_MEMORY, "%d", (int)status);
            cr_assert_eq(wg_test_blocks(), 0, "%ld blocks leaked", wg_test_blocks());
        }
        wg_test_allow();
        cr_assert_eq(status, WG_OK);
        cr_assert(granted > 20, "%ld", granted);
    }
}

/* Tables that grow to many names: a refusal loses nothing, and the next try succeeds. */
Test(nn_allocation, names_survive) {
    wg_store *store = wg_store_new(3);
    wg_tape *tape = wg_tape_new();
    wg_net net = wg_net_train(store, tape, 0);
    for (int i = 0; i < 2000; i++) {
        for (long granted = 0;; granted++) {
            wg_test_refuse_after(granted);
            wg_parameter(wg_scope(net, "%d", i), "w", WG_F32, 0, NULL, wg_init_constant(i));
            const wg_status status = wg_tape_status(tape);
            wg_test_allow();
            wg_tape_reset(tape);
            const int64_t made = wg_store_count(store) - i; /* or the tape found no memory */
            cr_assert(made == 1 || (made == 0 && status != WG_OK));
            if (status == WG_OK) {
                break;
            }
            cr_assert_eq(status, WG_ERROR_MEMORY);
            cr_assert(granted < 100);
        }
    }
    wg_parameter_view view;
    cr_assert_eq(wg_store_find(store, "1999.w", &view), WG_OK);
    cr_assert_eq(*(float *)view.value.data, 1999);
    wg_tape_free(tape);
    wg_store_free(store);
}

/* A step without memory for its buffers and state changes neither weights nor gradients. */
Test(nn_allocation, a_refused_step_changes_nothing) {
    wg_store *store = wg_store_new(3);
    wg_tape *tape = wg_tape_new();
    wg_optimizer *optimizer = wg_adam(store, wg_adam_defaults());
    cr_assert_eq(wg_backward(network(store, tape, 0, 1)), WG_OK);
    double norm = NAN;
    for (long granted = 0;; granted++) {
        wg_test_refuse_after(granted);
        const wg_status status = wg_step(optimizer, tape);
        wg_test_allow();
        if (status == WG_OK) {
            cr_assert(granted >= 3);
            break;
        }
        cr_assert_eq(status, WG_ERROR_MEMORY);
        cr_assert_eq(wg_steps(optimizer), 0);
        cr_assert(isnan(norm) || norm == wg_gradient_norm(store));
        norm = wg_gradient_norm(store);
        cr_assert(norm > 0);
    }
    cr_assert_eq(wg_steps(optimizer), 1);
    wg_optimizer_free(optimizer);
    wg_tape_free(tape);
    wg_store_free(store);
}

Test(nn_allocation, steady_state) {
    wg_store *store = wg_store_new(3);
    wg_tape *tape = wg_tape_new();
    wg_optimizer *optimizer = wg_adam(store, wg_adam_defaults());
    cr_assert_eq(train(store, tape, optimizer, 3), WG_OK);
    wg_test_allow();
    for (int i = 2; i <= 100; i++) {
        cr_assert_eq(train(store, tape, optimizer, 3), WG_OK);
    }
    cr_assert_eq(wg_test_requests(), 0, "%ld requests", wg_test_requests());
    wg_optimizer_free(optimizer);
    wg_tape_free(tape);
    wg_store_free(store);
}
