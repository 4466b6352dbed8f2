/* test_outer.c: a weight gradient kept as column and row (a batch of one) gives the bits that the
 * multiplied one gives. */
#include "rules.h"

#include "wengert.h"

#include <criterion/criterion.h>
#include <string.h>

enum {
    INPUTS = 5000,
    OUTPUTS = 3,
    STEPS = 4
}; /* a row longer than the optimizer's piece */

static wg_var loss_of(wg_store *store, wg_tape *tape, int step, int uses) {
    static float x[INPUTS];
    for (int i = 0; i < INPUTS; i++) {
        x[i] = (float)((i * 7 + step * 13) % 11) / 11;
    }
    wg_net net = wg_net_train(store, tape, (uint64_t)step);
    wg_var loss = wg_constant(tape, WG_F32, 0, NULL, NULL);
    for (int use = 0; use < uses; use++) {
        wg_var h =
            wg_tanh(wg_linear(net, "a", wg_constant(tape, WG_F32, WG_SHAPE(1, INPUTS), x), 16));
        loss = wg_add(loss, wg_mean(wg_square(wg_linear(net, "b", h, OUTPUTS))));
    }
    return loss;
}

/* Trains; `look` reads gradients before each step, which multiplies what is pending. */
static void train(const rule *kind, bool look, int uses, float *weights, int64_t count) {
    wg_store *store = wg_store_new(3);
    wg_tape *tape = wg_tape_new();
    wg_optimizer *optimizer = make_rule(kind, store);
    for (int step = 0; step < STEPS; step++) {
        cr_assert_eq(wg_backward(loss_of(store, tape, step, uses)), WG_OK, "%s",
                     wg_tape_message(tape));
        if (look) {
            cr_assert_gt(wg_gradient_norm(store), 0);
        }
        cr_assert_eq(wg_step(optimizer, tape), WG_OK);
        wg_tape_reset(tape);
    }
    wg_parameter_view view;
    cr_assert_eq(wg_store_find(store, "a.weight", &view), WG_OK);
    cr_assert_eq(wg_view_count(&view.value), count);
    memcpy(weights, view.value.data, (size_t)count * sizeof *weights);
    wg_optimizer_free(optimizer);
    wg_tape_free(tape);
    wg_store_free(store);
}

Test(outer, every_rule_gives_the_same_bits) {
    enum {
        COUNT = 16 * INPUTS
    };
    static float kept[COUNT], multiplied[COUNT];
    for (const rule *kind = rules; kind < rules + RULES; kind++) {
        for (int uses = 1; uses <= 2;
             uses++) { /* the second use adds to what the first left pending */
            train(kind, false, uses, kept, COUNT);
            train(kind, true, uses, multiplied, COUNT);
            cr_assert_arr_eq(kept, multiplied, sizeof kept, "%s, %d uses", kind->name, uses);
        }
    }
}

Test(outer, a_pending_gradient_is_read_right) {
    wg_store *store = wg_store_new(3);
    wg_tape *tape = wg_tape_new();
    cr_assert_eq(wg_backward(loss_of(store, tape, 0, 1)), WG_OK);
    wg_parameter_view weight, bias;
    cr_assert_eq(wg_store_find(store, "a.weight", &weight), WG_OK);
    cr_assert_eq(wg_store_find(store, "a.bias", &bias), WG_OK);
    /* dL/dW = dL/db · x */
    for (int64_t k = 0; k < 16 * INPUTS; k += 997) {
        float x = (float)((k % INPUTS * 7) % 11) / 11;
        cr_assert_eq(((float *)weight.gradient)[k], ((float *)bias.gradient)[k / INPUTS] * x);
    }
    wg_zero_gradients(store);
    cr_assert_eq(wg_gradient_norm(store), 0);
    wg_tape_free(tape);
    wg_store_free(store);
}
