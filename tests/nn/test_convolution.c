/* test_convolution.c: convolutional layers: what they make, and what they refuse. What they compute
 * is in test_modules.c. */
#include "layer_test.h"

TestSuite(convolution, .init = start, .fini = stop);

static wg_var image(int64_t channels, int64_t height, int64_t width) {
    return waves(WG_F32, 4, (int64_t[]){2, channels, height, width});
}

static void expect_var(wg_var y, int rank, const int64_t *shape) {
    cr_assert_eq(wg_tape_status(tape), WG_OK, "%s", wg_tape_message(tape));
    cr_assert_eq(wg_rank(y), rank);
    for (int i = 0; i < rank; i++) {
        cr_assert_eq(wg_size(y, i), shape[i], "axis %d is %lld", i, (long long)wg_size(y, i));
    }
}

/* A number behind the first that is not given repeats the one before, but padding. */
Test(convolution, options_repeat) {
    const wg_net net = wg_net_train(store, tape, 0);
    wg_conv_options o = {.kernel = {3}, .stride = {2}, .padding = {1, 1}};
    expect_var(wg_conv2d(net, "a", image(3, 9, 7), 4, o), 4, (int64_t[]){2, 4, 5, 4});
    expect_shape("a.weight", 4, (int64_t[]){4, 3, 3, 3});
    expect_shape("a.bias", 1, (int64_t[]){4});
    o = (wg_conv_options){.kernel = {3}, .dilation = {2}, .padding = {2}};
    expect_var(wg_conv2d(net, "b", image(3, 9, 7), 4, o), 4, (int64_t[]){2, 4, 9, 3});
    o = (wg_conv_options){.kernel = {1, 7}, .padding = {0, 3}, .groups = 2};
    expect_var(wg_conv2d(net, "c", image(4, 9, 7), 6, o), 4, (int64_t[]){2, 6, 9, 7});
    expect_shape("c.weight", 4, (int64_t[]){6, 2, 1, 7});
    o = (wg_conv_options){.kernel = {2}, .stride = {2}, .groups = 2};
    expect_var(wg_conv_transpose2d(net, "d", image(4, 3, 5), 6, o), 4, (int64_t[]){2, 6, 6, 10});
    expect_shape("d.weight", 4, (int64_t[]){4, 3, 2, 2});
    expect_shape("d.bias", 1, (int64_t[]){6});
}

/* The verb and the layer read one struct in one way. */
Test(convolution, the_verb_repeats_too) {
    const wg_var weight = waves(WG_F32, 4, (int64_t[]){2, 3, 3, 2});
    const wg_var y = wg_conv(image(3, 9, 8), weight, 0, (wg_conv_options){.stride = {2}});
    expect_var(y, 4, (int64_t[]){2, 2, 4, 4});
    const wg_var z =
        wg_conv(image(3, 9, 8), weight, 0, (wg_conv_options){.stride = {2, 1}, .dilation = {3}});
    expect_var(z, 4, (int64_t[]){2, 2, 2, 5});
}

Test(convolution, without_bias) {
    const wg_net net = wg_net_train(store, tape, 0);
    const wg_conv_layer_options o = {
        .out = 2, .conv = {.kernel = {1}}, .no_bias = true, .weight = wg_init_constant(2)};
    double y[8];
    const wg_var x = wg_full(tape, WG_F64, 3, (int64_t[]){1, 3, 4}, 1);
    cr_assert_eq(wg_read(wg_conv1d_with(net, "a", x, o), WG_F64, y, 8), WG_OK);
    cr_assert_eq(y[7], 6);
    cr_assert_eq(wg_store_count(store), 1);
}

Test(convolution, shared_by_name) {
    const wg_net net = wg_net_train(store, tape, 0);
    const wg_conv_options o = {.kernel = {3}};
    const wg_var x = waves(WG_F64, 3, (int64_t[]){1, 2, 8});
    double apart = 0;
    for (int k = 0; k < 2; k++) {
        const wg_var y = wg_conv1d(net, "c", k == 0 ? x : wg_exp(x), 2, o);
        cr_assert_eq(wg_backward_keep(wg_sum(wg_square(y))), WG_OK);
        apart += gradient("c.weight", 3);
        wg_zero_gradients(store);
    }
    const wg_var both = wg_add(wg_square(wg_conv1d(net, "c", x, 2, o)),
                               wg_square(wg_conv1d(net, "c", wg_exp(x), 2, o)));
    cr_assert_eq(wg_backward(wg_sum(both)), WG_OK);
    cr_assert_float_eq(gradient("c.weight", 3), apart, 1e-12 * fabs(apart));
    cr_assert_eq(wg_store_count(store), 2);
}

#define REFUSES(status, text, call)                                                                \
    (void)(call);                                                                                  \
    expect_error(status, text)

#define OPTIONS(...) ((wg_conv_options){__VA_ARGS__})

/* Nothing is made where the call fails, whoever finds the fault. */
Test(convolution, refuses_shapes) {
    const wg_net net = wg_net_train(store, tape, 0);
    REFUSES(WG_ERROR_SHAPE, "conv2d c: x [3, 8] is not [batch, channels, height, width]",
            wg_conv2d(net, "c", waves(WG_F32, 2, (int64_t[]){3, 8}), 4, OPTIONS(.kernel = {3})));
    REFUSES(WG_ERROR_SHAPE, "conv1d c: x [2, 3, 9, 7] is not [batch, channels, length]",
            wg_conv1d(net, "c", image(3, 9, 7), 4, OPTIONS(.kernel = {3})));
    REFUSES(WG_ERROR_SHAPE, "in conv2d c",
            wg_conv2d(net, "c", image(3, 2, 7), 4, OPTIONS(.kernel = {3})));
    REFUSES(WG_ERROR_DTYPE, "conv2d c: x [1, 1, 1, 1] is i64",
            wg_conv2d(net, "c", wg_full(tape, WG_I64, 4, (int64_t[]){1, 1, 1, 1}, 1), 4,
                      OPTIONS(.kernel = {1})));
    cr_assert_eq(wg_store_count(store), 0);
}

Test(convolution, refuses_options) {
    const wg_net net = wg_net_train(store, tape, 0);
    REFUSES(WG_ERROR_ARGUMENT, "conv2d c: 0 channels",
            wg_conv2d(net, "c", image(3, 9, 7), 0, OPTIONS(.kernel = {3})));
    REFUSES(WG_ERROR_ARGUMENT, "by a kernel of 0",
            wg_conv2d(net, "c", image(3, 9, 7), 4, OPTIONS(.stride = {2})));
    REFUSES(WG_ERROR_ARGUMENT,
            "3 channels of x and 4 of the result cannot be divided into 2 groups",
            wg_conv2d(net, "c", image(3, 9, 7), 4, OPTIONS(.kernel = {3}, .groups = 2)));
    REFUSES(WG_ERROR_ARGUMENT, "into -1 groups",
            wg_conv2d(net, "c", image(3, 9, 7), 4, OPTIONS(.kernel = {3}, .groups = -1)));
    REFUSES(WG_ERROR_ARGUMENT, "in conv2d c",
            wg_conv2d(net, "c", image(3, 9, 7), 4, OPTIONS(.kernel = {3}, .padding = {-1})));
    REFUSES(WG_ERROR_ARGUMENT, "padding 'same' needs stride 1",
            wg_conv2d(net, "c", image(3, 9, 7), 4,
                      OPTIONS(.kernel = {3}, .stride = {2}, .padding_mode = WG_PADDING_SAME)));
    REFUSES(WG_ERROR_ARGUMENT, "in conv_transpose2d c",
            wg_conv_transpose2d(net, "c", image(3, 9, 7), 4,
                                OPTIONS(.kernel = {3}, .output_padding = {1, 1})));
    REFUSES(WG_ERROR_LIMIT, "conv3d c: the weight would be",
            wg_conv3d(net, "c", waves(WG_F32, 5, (int64_t[]){1, 1, 2, 2, 2}), 4,
                      OPTIONS(.kernel = {INT64_MAX / 2})));
    REFUSES(WG_ERROR_ARGUMENT, "conv: 4 spatial axes",
            wg_conv_layer_at(net, "c", image(3, 9, 7), 4, 4, WG_HERE, OPTIONS(.kernel = {3})));
    cr_assert_eq(wg_store_count(store), 0);
}

/* Messages name the scope, and of a long name the end. */
Test(convolution, is_named_in_full) {
    wg_net net = wg_scope(wg_net_train(store, tape, 0), "encoder");
    REFUSES(WG_ERROR_ARGUMENT, "conv2d encoder.c: 0 channels",
            wg_conv2d(net, "c", image(3, 9, 7), 0, OPTIONS(.kernel = {3})));
    REFUSES(WG_ERROR_SHAPE, ", in conv2d encoder.c",
            wg_conv2d(net, "c", image(3, 2, 7), 4, OPTIONS(.kernel = {3})));
    for (int i = 0; i < 7; i++) {
        net = wg_scope(net, "a-long-name-%d", i);
    }
    REFUSES(WG_ERROR_ARGUMENT, "a-long-name-5.a-long-name-6.c: 0 channels",
            wg_conv2d(net, "c", image(3, 9, 7), 0, OPTIONS(.kernel = {3})));
    REFUSES(WG_ERROR_SHAPE, "a-long-name-5.a-long-name-6.c",
            wg_conv2d(net, "c", image(3, 2, 7), 4, OPTIONS(.kernel = {3})));
}

/* Another call under the name that would need another weight. */
Test(convolution, refuses_other_sizes) {
    const wg_net net = wg_net_train(store, tape, 0);
    (void)wg_conv2d(net, "c", image(3, 9, 7), 4, OPTIONS(.kernel = {3}));
    REFUSES(WG_ERROR_SHAPE,
            "conv2d c: x has the shape [2, 2, 9, 7], c.weight would be [4, 2, 3, 3] but is "
            "[4, 3, 3, 3]",
            wg_conv2d(net, "c", image(2, 9, 7), 4, OPTIONS(.kernel = {3})));
    REFUSES(WG_ERROR_SHAPE, "c.weight would be [4, 3, 5, 5]",
            wg_conv2d(net, "c", image(3, 9, 7), 4, OPTIONS(.kernel = {5})));
}
