/* test_residual.c: bilinear layers, bags of rows, and what goes around a block: what they make and
 * refuse. What they compute is in test_modules.c. */
#include "layer_test.h"

TestSuite(residual, .init = start, .fini = stop);

Test(residual, adds_what_has_one_shape) {
    const wg_net net = wg_net_train(store, tape, 0);
    const wg_var x = waves(WG_F64, 2, (int64_t[]){2, 3});
    double in[6], out[6];
    cr_assert_eq(wg_read(x, WG_F64, in, 6), WG_OK);
    cr_assert_eq(wg_read(wg_residual(net, "skip", x, wg_square(x)), WG_F64, out, 6), WG_OK);
    for (int i = 0; i < 6; i++) {
        cr_assert_eq(out[i], in[i] + in[i] * in[i]);
    }
    cr_assert_eq(wg_store_count(store), 0);
}

/* Sizes that no kernel of one element reaches at a distance are an error, before anything is made.
 */
Test(residual, projects_or_refuses) {
    const wg_net net = wg_net_train(store, tape, 0);
    const wg_var x = waves(WG_F32, 4, (int64_t[]){2, 3, 9, 8});
    wg_residual(net, "skip", x, waves(WG_F32, 4, (int64_t[]){2, 5, 3, 8}));
    cr_assert_eq(wg_tape_status(tape), WG_OK, "%s", wg_tape_message(tape));
    expect_shape("skip.weight", 4, (int64_t[]){5, 3, 1, 1});
    wg_residual(net, "row", waves(WG_F32, 3, (int64_t[]){2, 4, 3}),
                waves(WG_F32, 3, (int64_t[]){2, 4, 7}));
    expect_shape("row.weight", 2, (int64_t[]){7, 3});
    wg_residual(net, "time", waves(WG_F32, 3, (int64_t[]){2, 4, 6}),
                waves(WG_F32, 3, (int64_t[]){2, 8, 3}));
    expect_shape("time.weight", 3, (int64_t[]){8, 4, 1});
    cr_assert_eq(wg_store_count(store), 3);
    wg_residual(net, "none", x, waves(WG_F32, 4, (int64_t[]){2, 3, 7, 8}));
    expect_error(WG_ERROR_SHAPE,
                 "residual none: x [2, 3, 9, 8] cannot be projected to the shape [2, 3, 7, 8]");
    wg_residual(net, "none", waves(WG_F32, 2, (int64_t[]){2, 3}),
                waves(WG_F32, 2, (int64_t[]){3, 3}));
    expect_error(WG_ERROR_SHAPE, "residual none: x [2, 3] cannot");
    wg_residual(net, "none", waves(WG_F32, 4, (int64_t[]){2, 3, 2, 2}),
                waves(WG_F32, 3, (int64_t[]){2, 3, 2}));
    expect_error(WG_ERROR_SHAPE, "residual none");
    wg_residual(net, "none", waves(WG_F32, 2, (int64_t[]){2, 3}),
                waves(WG_F64, 2, (int64_t[]){2, 5}));
    expect_error(WG_ERROR_DTYPE, "residual none: x is f32, y f64");
    wg_residual(net, "none", waves(WG_F32, 1, (int64_t[]){3}), wg_number(1));
    expect_error(WG_ERROR_DTYPE, "residual none: x is f32, y no array");
    wg_residual(net, "skip", waves(WG_F32, 4, (int64_t[]){2, 4, 9, 8}),
                waves(WG_F32, 4, (int64_t[]){2, 5, 9, 8}));
    expect_error(WG_ERROR_SHAPE, "skip.weight would be [5, 4, 1, 1] but is [5, 3, 1, 1]");
    cr_assert_eq(wg_store_count(store), 3);
}

Test(residual, bilinear_refuses) {
    const wg_net net = wg_net_train(store, tape, 0);
    const wg_var x = waves(WG_F32, 2, (int64_t[]){2, 3});
    wg_bilinear(net, "b", x, waves(WG_F32, 2, (int64_t[]){3, 4}), 5);
    expect_error(WG_ERROR_SHAPE, "bilinear b: x f32 [2, 3] and z f32 [3, 4] do not go together");
    wg_bilinear(net, "b", waves(WG_F32, 2, (int64_t[]){2, 3}), waves(WG_F64, 2, (int64_t[]){2, 4}),
                5);
    expect_error(WG_ERROR_SHAPE, "z f64 [2, 4]");
    wg_bilinear(net, "b", waves(WG_F32, 2, (int64_t[]){2, 3}), waves(WG_F32, 2, (int64_t[]){2, 4}),
                0);
    expect_error(WG_ERROR_ARGUMENT, "bilinear b: 0 outputs");
    wg_bilinear(net, "b", waves(WG_F32, 2, (int64_t[]){2, 3}), wg_number(1), 5);
    expect_error(WG_ERROR_SHAPE, "bilinear b");
    cr_assert_eq(wg_store_count(store), 0);
}

static wg_var bags(void) {
    return wg_constant(tape, WG_I64, 2, (int64_t[]){2, 2}, (int64_t[]){0, 1, 1, 1});
}

Test(residual, bags_refuse) {
    const wg_net net = wg_net_train(store, tape, 0);
    wg_embedding_bag_options o = {.table = {.count = 3, .width = 2}};
    wg_embedding_bag(net, "bag", wg_full(tape, WG_I64, 0, NULL, 0), o);
    expect_error(WG_ERROR_SHAPE, "embedding_bag bag: the indices have no axis of bags");
    o.mode = (wg_bag_mode)3;
    wg_embedding_bag(net, "bag", bags(), o);
    expect_error(WG_ERROR_ARGUMENT, "embedding_bag bag: there is no mode 3");
    o.mode = WG_BAG_MEAN;
    o.weights = waves(WG_F32, 2, (int64_t[]){2, 2});
    wg_embedding_bag(net, "bag", bags(), o);
    expect_error(WG_ERROR_ARGUMENT, "embedding_bag bag: weights are for sums alone");
    o.mode = WG_BAG_SUM;
    o.weights = waves(WG_F32, 1, (int64_t[]){2});
    wg_embedding_bag(net, "bag", bags(), o);
    expect_error(WG_ERROR_SHAPE, "the weights [2] are not of the indices' shape [2, 2]");
    o.weights = wg_zeros(tape, WG_I64, WG_SHAPE(2, 2));
    wg_embedding_bag(net, "bag", bags(), o);
    expect_error(WG_ERROR_DTYPE, "embedding_bag bag: the weights are i64, the table is f32");
    cr_assert_eq(wg_store_count(store), 0);
}

/* Bags without a row, and of padding alone, are zero in each mode, and so are their gradients. */
Test(residual, empty_bags_are_zero) {
    const wg_net net = wg_net_train(store, tape, 0);
    for (int mode = 0; mode < 3; mode++) {
        wg_embedding_bag_options o = {
            .table = {.count = 3, .width = 2, .padded = true, .padding_index = 1},
            .mode = (wg_bag_mode)mode};
        double y[4];
        wg_var out = wg_embedding_bag(net, "bag", bags(), o);
        cr_assert_eq(wg_read(out, WG_F64, y, 4), WG_OK, "%s", wg_tape_message(tape));
        cr_assert(y[0] != 0 && y[2] == 0 && y[3] == 0, "mode %d: %g %g %g", mode, y[0], y[2], y[3]);
        cr_assert_eq(wg_backward(wg_sum(out)), WG_OK);
        for (int i = 0; i < 6; i++) {
            cr_assert_eq(gradient("bag.weight", i), i / 2 == 0 ? 1 : 0, "mode %d, %d: %g", mode, i,
                         gradient("bag.weight", i));
        }
        wg_zero_gradients(store);
        wg_tape_reset(tape);
        o.table.padded = false;
        out = wg_embedding_bag(net, "bag", wg_full(tape, WG_I64, 2, (int64_t[]){2, 0}, 0), o);
        cr_assert_eq(wg_read(out, WG_F64, y, 4), WG_OK, "%s", wg_tape_message(tape));
        cr_assert(y[0] == 0 && y[3] == 0);
        wg_tape_reset(tape);
    }
}
