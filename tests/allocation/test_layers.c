/* Layers when memory runs out, and when none should be asked for. */
#include "allocation.h"
#include "wengert.h"

#include <criterion/criterion.h>
#include <string.h>

static wg_var images(wg_net net, wg_var x) {
    const wg_conv_options same = {.kernel = {3}, .padding = {1, 1}};
    wg_var y = wg_conv2d(net, "conv", x, 4, same);
    y = wg_relu(wg_batch_norm_layer(net, "bn", y));
    y = wg_conv_transpose2d(net, "up", y, 4, (wg_conv_options){.kernel = {2}, .stride = {2}});
    y = wg_group_norm_layer(net, "gn", y, 2);
    y = wg_residual(net, "skip", y, wg_avg_pool2d(y, (wg_pool_options){.kernel = {2}}));
    return wg_instance_norm_layer_with(
        net, "in", y, (wg_instance_norm_layer_options){.affine = true, .statistics = true});
}

static wg_var texts(wg_net net, wg_var indices) {
    const wg_embedding_options table = {.count = 5, .width = 6, .padded = true};
    wg_var y = wg_layer_norm_layer(net, "ln", wg_embedding_with(net, "tok", indices, table));
    y = wg_sum_over(wg_rms_norm_layer(net, "rms", y), WG_AXES(1));
    const wg_embedding_bag_options bag = {.table = table, .mode = WG_BAG_MAX};
    return wg_bilinear(net, "bilinear", y, wg_embedding_bag(net, "bag", indices, bag), 3);
}

/* A training step; the status of its sweep. */
static wg_status step(wg_store *store, wg_tape *tape) {
    const wg_net net = wg_net_train(store, tape, 0);
    const int64_t index[4] = {0, 3, 4, 4};
    const wg_var x = wg_full(tape, WG_F32, WG_SHAPE(2, 3, 4, 4), 0.5);
    const wg_var indices = wg_constant(tape, WG_I64, WG_SHAPE(2, 2), index);
    const wg_var loss = wg_add(wg_sum(wg_square(images(net, x))), wg_sum(texts(net, indices)));
    return wg_backward(loss);
}

static wg_status everything(void) {
    wg_status status = WG_ERROR_MEMORY;
    wg_store *store = wg_store_new(3);
    wg_tape *tape = wg_tape_new();
    if (store != NULL && tape != NULL) {
        status = step(store, tape);
    }
    wg_tape_free(tape);
    wg_store_free(store);
    return status;
}

Test(layers_allocation, survives_every_refusal) {
    cr_assert_eq(everything(), WG_OK, "%s", wg_last_message());
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

/* A forward pass that breaks off in a normalising layer has moved none of its statistics. */
Test(layers_allocation, a_refused_layer_moves_no_statistics) {
    wg_store *store = wg_store_new(3);
    long granted = 0;
    for (wg_status status = WG_ERROR_MEMORY; status != WG_OK; granted++) {
        wg_tape *tape = wg_tape_new(); /* anew: nothing is pooled yet */
        const wg_net net = wg_net_train(store, tape, 0);
        const wg_var x = wg_full(tape, WG_F32, WG_SHAPE(2000, 3, 2), 0.5);
        wg_test_refuse_after(granted);
        wg_batch_norm_layer(net, "bn", x);
        status = wg_tape_status(tape);
        wg_test_allow();
        wg_parameter_view mean, seen;
        if (wg_store_find(store, "bn.running_mean", &mean) == WG_OK &&
            wg_store_find(store, "bn.num_batches_tracked", &seen) == WG_OK) {
            const float want = status == WG_OK ? 0.05f : 0;
            cr_assert_float_eq(((float *)mean.value.data)[2], want, 1e-7, "after %ld", granted);
            cr_assert_eq(*(int64_t *)seen.value.data, status == WG_OK);
        }
        wg_tape_free(tape);
    }
    cr_assert(granted > 5, "%ld", granted);
    wg_store_free(store);
}

Test(layers_allocation, steady_state) {
    wg_store *store = wg_store_new(3);
    wg_tape *tape = wg_tape_new();
    for (int i = 0; i < 20; i++) {
        if (i == 2) {
            wg_test_allow();
        }
        cr_assert_eq(step(store, tape), WG_OK);
        wg_tape_reset(tape);
    }
    cr_assert_eq(wg_test_requests(), 0, "%ld requests", wg_test_requests());
    wg_tape_free(tape);
    wg_store_free(store);
}
