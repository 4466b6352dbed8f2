/* test_normalization.c: normalising layers: when the running statistics change, and when not. What
 * they compute is in test_modules.c. */
#include "layer_test.h"

TestSuite(normalization, .init = start, .fini = stop);

static wg_var input(void) {
    return waves(WG_F64, 3, (int64_t[]){4, 2, 3});
}

/* Statistics as they stand. */
typedef struct statistics {
    double mean, variance, seen;
} statistics;

static statistics now(void) {
    return (statistics){value("bn.running_mean", 1), value("bn.running_var", 1),
                        value("bn.num_batches_tracked", 0)};
}

static void expect_same(statistics a, statistics b) {
    cr_assert_eq(a.mean, b.mean);
    cr_assert_eq(a.variance, b.variance);
    cr_assert_eq(a.seen, b.seen);
}

Test(normalization, evaluation_changes_no_statistics) {
    wg_batch_norm_layer(wg_net_eval(store, tape), "bn", input());
    expect_same(now(), (statistics){0, 1, 0});
    wg_batch_norm_layer(wg_net_train(store, tape, 0), "bn", input());
    const statistics trained = now();
    cr_assert(trained.mean != 0 && trained.variance != 1 && trained.seen == 1);
    wg_batch_norm_layer(wg_net_eval(store, tape), "bn", input());
    expect_same(now(), trained);
}

Test(normalization, training_without_gradients_tracks) {
    wg_no_grad_begin(tape);
    wg_batch_norm_layer(wg_net_train(store, tape, 0), "bn", input());
    wg_no_grad_end(tape);
    cr_assert_eq(now().seen, 1);
}

/* Buffers are no parameters: no optimizer, norm or flat buffer sees them. */
Test(normalization, statistics_are_buffers) {
    const wg_var y = wg_batch_norm_layer(wg_net_train(store, tape, 0), "bn", input());
    cr_assert_eq(wg_backward(wg_sum(wg_square(y))), WG_OK);
    cr_assert_eq(wg_store_elements(store), 4);
    cr_assert(find("bn.running_mean").buffer && find("bn.num_batches_tracked").buffer);
    cr_assert_null(find("bn.running_var").gradient);
    const statistics before = now();
    wg_optimizer *optimizer = wg_adam(store, wg_adam_defaults());
    cr_assert_eq(wg_step(optimizer, tape), WG_OK);
    expect_same(now(), before);
    wg_optimizer_free(optimizer);
}

/* ---- Functions that run again ---------------------------------------------------------------- */

static void block(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    (void)on;
    const wg_net *net = context;
    ys[0] = wg_tanh(wg_batch_norm_layer(*net, "bn", xs[0]));
}

static void outer(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    const wg_var x = wg_mul(xs[0], 2);
    wg_checkpoint(on, block, context, &x, 1, ys, 1);
}

/* The gradient of the weight with and without a checkpoint; the statistics are equal too. */
static void compare_checkpoint(wg_array_function function, int times) {
    wg_store *plain_store = store;
    double plain[2];
    statistics want;
    for (int checkpointed = 0; checkpointed < 2; checkpointed++) {
        wg_net net = wg_net_train(store, tape, 0);
        wg_var x = input(), y;
        if (checkpointed) {
            cr_assert_eq(wg_checkpoint(tape, function, &net, &x, 1, &y, 1), WG_OK);
        } else {
            function(tape, &x, &y, &net);
        }
        const statistics forward = now();
        const wg_var loss = wg_sum(wg_square(y));
        for (int i = 1; i < times; i++) {
            cr_assert_eq(wg_backward_keep(loss), WG_OK, "%s", wg_tape_message(tape));
        }
        cr_assert_eq(wg_backward(loss), WG_OK, "%s", wg_tape_message(tape));
        expect_same(now(), forward);
        cr_assert_eq(now().seen, 1);
        if (checkpointed) {
            expect_same(now(), want);
            cr_assert_float_eq(gradient("bn.weight", 0), plain[0], 1e-14);
            cr_assert_float_eq(gradient("bn.weight", 1), plain[1], 1e-14);
        } else {
            want = now();
            plain[0] = gradient("bn.weight", 0);
            plain[1] = gradient("bn.weight", 1);
            wg_tape_reset(tape);
            store = wg_store_new(3);
        }
    }
    wg_store_free(plain_store);
}

Test(normalization, a_checkpoint_tracks_once) {
    compare_checkpoint(block, 1);
}

Test(normalization, a_checkpoint_swept_twice_tracks_once) {
    compare_checkpoint(block, 3);
}

Test(normalization, nested_checkpoints_track_once) {
    compare_checkpoint(outer, 1);
}

Test(normalization, gradients_of_gradients_track_once) {
    wg_net net = wg_net_train(store, tape, 0);
    const wg_var x = input();
    wg_var y, first, second;
    cr_assert_eq(wg_checkpoint(tape, outer, &net, &x, 1, &y, 1), WG_OK);
    const statistics forward = now();
    cr_assert_eq(wg_grad(wg_sum(wg_square(y)), &x, 1, &first), WG_OK, "%s", wg_tape_message(tape));
    cr_assert_eq(wg_grad(wg_sum(wg_square(first)), &x, 1, &second), WG_OK, "%s",
                 wg_tape_message(tape));
    expect_same(now(), forward);
    /* and afterwards training goes on as ever */
    wg_batch_norm_layer(net, "bn", x);
    cr_assert_eq(now().seen, 2);
}

/* A second run that breaks off leaves no mark behind: the next forward pass tracks. */
static void breaks_off(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    static int runs;
    block(on, xs, ys, context);
    if (runs++ > 0) {
        ys[0] = wg_add(ys[0], wg_full(on, WG_F64, 1, (int64_t[]){7}, 1));
    }
}

Test(normalization, a_failed_second_run_is_forgotten) {
    wg_net net = wg_net_train(store, tape, 0);
    const wg_var x = input();
    wg_var y;
    cr_assert_eq(wg_checkpoint(tape, breaks_off, &net, &x, 1, &y, 1), WG_OK);
    cr_assert_neq(wg_backward(wg_sum(y)), WG_OK);
    wg_tape_reset(tape);
    cr_assert_eq(now().seen, 1);
    wg_batch_norm_layer(net, "bn", input());
    cr_assert_eq(now().seen, 2);
}

/* ---- What leaves them as they were ------------------------------------------------------------
 */

Test(normalization, failures_change_no_statistics) {
    const wg_net net = wg_net_train(store, tape, 0);
    wg_batch_norm_layer(net, "bn", input());
    const statistics before = now();
    wg_tape_reset(tape);
    wg_batch_norm_layer(net, "bn", waves(WG_F64, 2, (int64_t[]){1, 2}));
    expect_error(WG_ERROR_SHAPE, "batch_norm bn: x [1, 2] has a single value a channel");
    wg_batch_norm_layer(net, "bn", waves(WG_F64, 2, (int64_t[]){4, 3}));
    expect_error(WG_ERROR_SHAPE, "batch_norm bn: x has the shape [4, 3], bn.weight would be [3]");
    wg_batch_norm_layer(net, "bn", waves(WG_F32, 2, (int64_t[]){4, 2}));
    expect_error(WG_ERROR_DTYPE, "batch_norm bn: x is f32, bn.weight is f64");
    wg_batch_norm_layer(net, "bn", waves(WG_F64, 1, (int64_t[]){4}));
    expect_error(WG_ERROR_SHAPE, "batch_norm bn: x [4] has fewer than 2 axes");
    wg_batch_norm_layer_with(net, "bn", input(), (wg_batch_norm_layer_options){.momentum = 1.5});
    expect_error(WG_ERROR_ARGUMENT, "batch_norm bn: momentum is 1.5");
    wg_batch_norm_layer_with(net, "bn", input(), (wg_batch_norm_layer_options){.eps = NAN});
    expect_error(WG_ERROR_ARGUMENT, "batch_norm bn: momentum is 0, eps nan");
    /* an infinity that is looked for stops the step before the statistics have seen it */
    wg_tape_detect_anomaly(tape, true);
    double *weight = find("bn.weight").value.data;
    weight[0] = DBL_MAX;
    wg_batch_norm_layer(net, "bn", input());
    cr_assert_neq(wg_tape_status(tape), WG_OK);
    cr_assert_not_null(strstr(wg_tape_message(tape), "in batch_norm bn"), "%s",
                       wg_tape_message(tape));
    expect_same(now(), before);
    cr_assert_eq(wg_store_count(store), 5);
}

/* A failed layer makes no parameter. */
Test(normalization, failures_make_nothing) {
    const wg_net net = wg_net_train(store, tape, 0);
    wg_batch_norm_layer(net, "bn", waves(WG_F64, 2, (int64_t[]){1, 2}));
    expect_error(WG_ERROR_SHAPE, "single value");
    wg_group_norm_layer(net, "gn", input(), 3);
    expect_error(WG_ERROR_ARGUMENT, "group_norm gn: 2 channels cannot be divided into 3 groups");
    wg_group_norm_layer(net, "gn", input(), 0);
    expect_error(WG_ERROR_ARGUMENT, "into 0 groups");
    wg_layer_norm_layer_with(net, "ln", input(), (wg_layer_norm_layer_options){.axes = 4});
    expect_error(WG_ERROR_ARGUMENT, "layer_norm ln: the last 4 axes of x [4, 2, 3]");
    wg_layer_norm_layer_with(net, "ln", input(), (wg_layer_norm_layer_options){.axes = -1});
    expect_error(WG_ERROR_ARGUMENT, "layer_norm ln: the last -1 axes");
    wg_rms_norm_layer_with(net, "rms", input(), (wg_rms_norm_layer_options){.eps = -1});
    expect_error(WG_ERROR_ARGUMENT, "rms_norm rms: eps is -1");
    wg_instance_norm_layer(net, "in", waves(WG_F64, 2, (int64_t[]){4, 2}));
    expect_error(WG_ERROR_SHAPE, "instance_norm in: x [4, 2] has fewer than 3 axes");
    wg_instance_norm_layer(net, "in", waves(WG_F64, 3, (int64_t[]){4, 2, 1}));
    expect_error(WG_ERROR_SHAPE, "instance_norm in: x [4, 2, 1] has a single value a channel");
    wg_layer_norm_layer(net, "ln", wg_full(tape, WG_I64, 1, (int64_t[]){4}, 1));
    expect_error(WG_ERROR_DTYPE, "layer_norm ln: x [4] is i64");
    cr_assert_eq(wg_store_count(store), 0);
}

Test(normalization, a_parameter_is_no_buffer) {
    const wg_net net = wg_net_train(store, tape, 0);
    wg_parameter(net, "bn.running_var", WG_F64, 1, (int64_t[]){2}, wg_init_constant(1));
    wg_batch_norm_layer(net, "bn", input());
    expect_error(WG_ERROR_STATE, "bn.running_var is a parameter, asked for as a buffer");
}

/* wg_freeze holds the statistics, too: a fixed encoder does not drift. */
Test(normalization, frozen_statistics_stay) {
    const wg_net net = wg_net_train(store, tape, 0);
    double by_batch[24], frozen[24];
    cr_assert_eq(wg_read(wg_batch_norm_layer(net, "bn", input()), WG_F64, by_batch, 24), WG_OK);
    const statistics before = now();
    cr_assert_eq(wg_freeze(store, "bn.*"), WG_OK);
    cr_assert_eq(wg_read(wg_batch_norm_layer(net, "bn", input()), WG_F64, frozen, 24), WG_OK);
    expect_same(now(), before);
    cr_assert_arr_eq(by_batch, frozen, sizeof frozen);
    cr_assert_eq(wg_unfreeze(store, "*.running_*"), WG_OK);
    wg_batch_norm_layer(net, "bn", input());
    cr_assert_eq(now().seen, 2);
}

/* Twice under one name: one layer, which has seen two batches, and gets both gradients. */
Test(normalization, shared_by_name) {
    const wg_net net = wg_net_train(store, tape, 0);
    const wg_var x = input(), z = wg_mul(x, wg_cos(x));
    const wg_var a = wg_sum(wg_square(wg_batch_norm_layer(net, "bn", x)));
    const wg_var b = wg_sum(wg_exp(wg_batch_norm_layer(net, "bn", z)));
    cr_assert_eq(now().seen, 2);
    cr_assert_eq(wg_store_count(store), 5);
    double sum[2] = {0, 0};
    cr_assert_eq(wg_backward_keep(a), WG_OK);
    sum[0] = gradient("bn.weight", 0);
    wg_zero_gradients(store);
    cr_assert_eq(wg_backward_keep(b), WG_OK);
    sum[1] = gradient("bn.weight", 0);
    wg_zero_gradients(store);
    cr_assert_eq(wg_backward(wg_add(a, b)), WG_OK);
    cr_assert_float_eq(gradient("bn.weight", 0), sum[0] + sum[1], 1e-13);
}

/* An empty batch is no batch. */
Test(normalization, empty_batches_are_not_seen) {
    const wg_net net = wg_net_train(store, tape, 0);
    wg_batch_norm_layer(net, "bn", wg_full(tape, WG_F64, 2, (int64_t[]){0, 2}, 1));
    cr_assert_eq(wg_tape_status(tape), WG_OK, "%s", wg_tape_message(tape));
    expect_same(now(), (statistics){0, 1, 0});
    wg_instance_norm_layer_options o = {.affine = true, .statistics = true};
    wg_instance_norm_layer_with(net, "in", wg_full(tape, WG_F64, 3, (int64_t[]){0, 2, 3}, 1), o);
    cr_assert_eq(wg_tape_status(tape), WG_OK, "%s", wg_tape_message(tape));
    cr_assert_eq(value("in.running_var", 1), 1);
}

Test(normalization, begins_with_one_and_zero) {
    const wg_net net = wg_net_train(store, tape, 0);
    wg_batch_norm_layer(net, "bn", input());
    wg_layer_norm_layer(net, "ln", input());
    wg_group_norm_layer(net, "gn", input(), 2);
    wg_rms_norm_layer(net, "rms", input());
    wg_layer_norm_layer_with(
        net, "given", input(),
        (wg_layer_norm_layer_options){.axes = 2, .no_bias = true, .weight = wg_init_constant(3)});
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(value("bn.weight", i), 1);
        cr_assert_eq(value("bn.bias", i), 0);
        cr_assert_eq(value("ln.weight", i), 1);
        cr_assert_eq(value("ln.bias", i), 0);
        cr_assert_eq(value("gn.weight", i), 1);
        cr_assert_eq(value("gn.bias", i), 0);
        cr_assert_eq(value("rms.weight", i), 1);
        cr_assert_eq(value("given.weight", i), 3);
    }
    expect_shape("ln.weight", 1, (int64_t[]){3});
    expect_shape("given.weight", 2, (int64_t[]){2, 3});
    cr_assert_eq(wg_store_count(store), 5 + 2 + 2 + 1 + 1);
}
