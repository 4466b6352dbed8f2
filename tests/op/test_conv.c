/* test_conv.c: convolution and its transpose as verbs. */
#include "arrays.h"

#include "wengert/conv.h"

#define OPTIONS(...) ((wg_conv_options){__VA_ARGS__})

static wg_var of(wg_tape *tape, int rank, const int64_t *shape) {
    return ramp(tape, WG_F64, rank, shape);
}

/* 1 to 3 axes with strides, dilations and groups: the transposed convolution is the adjoint. */
static const struct {
    int rank;
    int64_t x[5], weight[5];
    wg_conv_options options;
} pairs[] = {
    {3, {2, 3, 9}, {4, 3, 3}, {.padding = {1}}},
    {3, {1, 2, 13}, {3, 2, 4}, {.stride = {3}, .padding = {2}}},
    {4, {2, 4, 6, 7}, {6, 2, 3, 2}, {.groups = 2, .dilation = {2, 3}, .padding = {3, 1}}},
    {4, {1, 3, 9, 8}, {2, 3, 3, 3}, {.stride = {2, 2}, .padding = {1, 1}}},
    {5, {1, 2, 5, 4, 6}, {2, 1, 3, 2, 3}, {.groups = 2, .stride = {2, 1, 3}}},
};
#define PAIRS (sizeof pairs / sizeof pairs[0])

Test(convolution, transpose_is_the_adjoint) {
    for (size_t i = 0; i < PAIRS; i++) {
        wg_tape *tape = wg_tape_new();
        wg_conv_options options = pairs[i].options;
        const wg_var x = of(tape, pairs[i].rank, pairs[i].x);
        const wg_var w = of(tape, pairs[i].rank, pairs[i].weight);
        const wg_var y = wg_conv(x, w, 0, options);
        const wg_view shape = wg_view_of(y);
        const wg_var g = of(tape, shape.rank, shape.shape);
        /* what the stride leaves over behind the last kernel */
        for (int axis = 0; axis < pairs[i].rank - 2; axis++) {
            const int64_t dilation = options.dilation[axis] > 0 ? options.dilation[axis] : 1;
            const int64_t stride = options.stride[axis] > 0 ? options.stride[axis] : 1;
            const int64_t reach = dilation * (pairs[i].weight[2 + axis] - 1) + 1;
            options.output_padding[axis] =
                (pairs[i].x[2 + axis] + 2 * options.padding[axis] - reach) % stride;
        }
        const wg_var back = wg_conv_transpose(g, w, 0, options);
        expect_shape(back, pairs[i].rank, pairs[i].x);
        const double left = wg_value(wg_sum(wg_mul(y, g)));
        const double right = wg_value(wg_sum(wg_mul(x, back)));
        cr_assert_float_eq(left, right, 1e-10 * (1 + fabs(left)));
        wg_tape_free(tape);
    }
}

/* The derivative along x of the derivative along the weight: convolution is linear in both. */
Test(convolution, second_derivative_is_the_convolution_again) {
    for (size_t i = 0; i < PAIRS; i++) {
        wg_tape *tape = wg_tape_new();
        const wg_var x = of(tape, pairs[i].rank, pairs[i].x);
        const wg_var w = of(tape, pairs[i].rank, pairs[i].weight);
        const wg_var v = wg_mul(0.5, of(tape, pairs[i].rank, pairs[i].weight));
        const wg_var y = wg_conv(x, w, 0, pairs[i].options);
        const wg_view shape = wg_view_of(y);
        const wg_var h = of(tape, shape.rank, shape.shape);
        wg_var gw, gx;
        cr_assert_eq(wg_grad(wg_sum(wg_mul(y, h)), &w, 1, &gw), WG_OK);
        /* <gw, v> = <conv(x, v), h>: its gradient along x is conv_transpose(h, v) */
        cr_assert_eq(wg_grad(wg_sum(wg_mul(gw, v)), &x, 1, &gx), WG_OK);
        wg_var want;
        const wg_var other = wg_sum(wg_mul(wg_conv(x, v, 0, pairs[i].options), h));
        cr_assert_eq(wg_grad(other, &x, 1, &want), WG_OK);
        double values[MOST];
        read_all(want, values);
        expect_values(gx, values, 1e-12);
        wg_tape_free(tape);
    }
}

/* A kernel that is one in its middle: the identity, and with a stride, a slice. */
Test(convolution, of_an_impulse) {
    wg_tape *tape = wg_tape_new();
    const wg_var x = of(tape, WG_SHAPE(2, 1, 5, 6));
    const wg_var impulse =
        wg_constant(tape, WG_F64, WG_SHAPE(1, 1, 3, 3), (double[]){0, 0, 0, 0, 1, 0, 0, 0, 0});
    double values[MOST];
    read_all(x, values);
    expect_values(wg_conv(x, impulse, 0, OPTIONS(.padding = {1, 1})), values, 0);
    expect_values(wg_conv(x, impulse, 0, OPTIONS(.padding_mode = WG_PADDING_SAME)), values, 0);
    expect_values(wg_conv_transpose(x, impulse, 0, OPTIONS(.padding = {1, 1})), values, 0);
    read_all(wg_slice(wg_slice(x, 2, 0, WG_END, 2), 3, 0, WG_END, 3), values);
    expect_values(wg_conv(x, impulse, 0, OPTIONS(.stride = {2, 3}, .padding = {1, 1})), values, 0);
    wg_tape_free(tape);
}

Test(convolution, a_bias_of_channels_or_one_for_all) {
    wg_tape *tape = wg_tape_new();
    const wg_var x = of(tape, WG_SHAPE(2, 2, 4)), w = of(tape, WG_SHAPE(3, 2, 2));
    const wg_var plain = wg_conv(x, w, 0, OPTIONS(0));
    double values[MOST];
    const wg_var column = wg_constant(tape, WG_F64, WG_SHAPE(3, 1), (double[]){1, -2, 0.5});
    read_all(wg_add(plain, column), values);
    const wg_var bias = wg_variable(tape, WG_F64, WG_SHAPE(3), (double[]){1, -2, 0.5});
    expect_values(wg_conv(x, w, bias, OPTIONS(0)), values, 1e-14);
    read_all(wg_add(plain, 1.5), values);
    const wg_var scalar = wg_scalar(tape, 1.5);
    const wg_var y = wg_conv(x, w, scalar, OPTIONS(0));
    expect_values(y, values, 1e-14);
    expect_values(wg_conv(x, w, 1.5, OPTIONS(0)), values, 1e-14);
    const wg_var up = wg_conv_transpose(y, w, scalar, OPTIONS(0));
    cr_assert_eq(wg_backward(wg_add(wg_sum(y), wg_mul(0, wg_sum(up)))), WG_OK);
    cr_assert_float_eq(wg_adjoint(scalar), 2 * 3 * 3, 1e-12);
    wg_tape_free(tape);
}

Test(convolution, of_nothing) {
    wg_tape *tape = wg_tape_new();
    const wg_var none = of(tape, WG_SHAPE(0, 2, 5)), w = of(tape, WG_SHAPE(3, 2, 3));
    const wg_var bias = of(tape, WG_SHAPE(3));
    const wg_var y = wg_conv(none, w, bias, OPTIONS(0));
    expect_shape(y, WG_SHAPE(0, 3, 3));
    cr_assert_eq(wg_backward(wg_sum(y)), WG_OK, "%s", wg_tape_message(tape));
    expect_adjoint(w, (double[18]){0}, 0);
    expect_adjoint(bias, (double[3]){0}, 0);
    /* An image without pixels, but with padding; no channels. */
    const wg_var v = of(tape, WG_SHAPE(3, 2, 3));
    expect_values(wg_conv(of(tape, WG_SHAPE(1, 2, 0)), v, 7, OPTIONS(.padding = {2})),
                  (double[]){7, 7, 7, 7, 7, 7}, 0);
    expect_values(wg_conv(of(tape, WG_SHAPE(1, 0, 4)), of(tape, WG_SHAPE(1, 0, 3)), 2, OPTIONS(0)),
                  (double[]){2, 2}, 0);
    expect_shape(wg_conv_transpose(of(tape, WG_SHAPE(0, 2, 3)), of(tape, WG_SHAPE(2, 1, 3)), 0,
                                   OPTIONS(.stride = {2})),
                 WG_SHAPE(0, 1, 7));
    wg_tape_free(tape);
}

/* One pixel that is not finite spoils the outputs it reaches and no others. */
Test(convolution, not_a_number_stays_where_it_reaches) {
    wg_tape *tape = wg_tape_new();
    double pixels[2 * 36];
    for (int i = 0; i < 2 * 36; i++) {
        pixels[i] = i == 8 ? NAN : 1;
    }
    const wg_var x = wg_constant(tape, WG_F64, WG_SHAPE(2, 1, 6, 6), pixels);
    const wg_var w = wg_full(tape, WG_F64, WG_SHAPE(1, 1, 3, 3), 1);
    double have[MOST];
    read_all(wg_conv(x, w, 0, OPTIONS(.padding = {1, 1})), have);
    for (int i = 0; i < 2 * 36; i++) {
        const bool near = i < 36 && abs(i / 6 - 1) <= 1 && abs(i % 6 - 2) <= 1;
        cr_assert_eq(isnan(have[i]) != 0, near, "element %d is %g", i, have[i]);
    }
    wg_tape_free(tape);
}

Test(convolution, integers_and_mixed_dtypes) {
    wg_tape *tape = wg_tape_new();
    const wg_var x = wg_constant(tape, WG_I64, WG_SHAPE(1, 1, 3), (int64_t[]){1, 2, 3});
    const wg_var w = wg_constant(tape, WG_F32, WG_SHAPE(1, 1, 2), (float[]){1, -1});
    const wg_var y = wg_conv(x, w, 0, OPTIONS(0));
    cr_assert_eq(wg_view_of(y).dtype, WG_F32);
    expect_values(y, (double[]){-1, -1}, 0);
    const wg_var same = of(tape, WG_SHAPE(2, 2, 2));
    expect_shape(wg_conv(same, same, 0, OPTIONS(0)), WG_SHAPE(2, 2, 1));
    wg_tape_free(tape);
}

Test(convolution, what_does_not_fit) {
    wg_tape *tape = wg_tape_new();
#define REFUSES(status, text, verb, ...)                                                           \
    (void)verb(__VA_ARGS__);                                                                       \
    expect_failure(tape, status, text)
#define X of(tape, WG_SHAPE(2, 4, 5, 6))
#define W of(tape, WG_SHAPE(6, 4, 3, 3))
    REFUSES(WG_ERROR_SHAPE, "conv: x [4, 5] and weight [6, 4, 3, 3] are not [batch, channels",
            wg_conv, of(tape, WG_SHAPE(4, 5)), W, 0, OPTIONS(0));
    REFUSES(WG_ERROR_SHAPE, "x [2, 4, 5, 6] and weight [6, 4, 3] are not", wg_conv, X,
            of(tape, WG_SHAPE(6, 4, 3)), 0, OPTIONS(0));
    REFUSES(WG_ERROR_SHAPE, "[2, 1, 1, 1, 1, 1]", wg_conv, of(tape, WG_SHAPE(2, 1, 1, 1, 1, 1)),
            of(tape, WG_SHAPE(2, 1, 1, 1, 1, 1)), 0, OPTIONS(0));
    REFUSES(WG_ERROR_SHAPE,
            "conv: the channels of x [2, 4, 5, 6] and weight [6, 3, 3, 3] do not fit in 1 group",
            wg_conv, X, of(tape, WG_SHAPE(6, 3, 3, 3)), 0, OPTIONS(0));
    REFUSES(WG_ERROR_SHAPE, "do not fit in 4 groups", wg_conv, X, of(tape, WG_SHAPE(6, 1, 3, 3)), 0,
            OPTIONS(.groups = 4));
    REFUSES(WG_ERROR_SHAPE, "conv_transpose: the channels of x", wg_conv_transpose, X, W, 0,
            OPTIONS(0));
    REFUSES(WG_ERROR_ARGUMENT, "-1 groups", wg_conv, X, W, 0, OPTIONS(.groups = -1));
    REFUSES(WG_ERROR_SHAPE, "the bias is [4] and should be [6]", wg_conv, X, W,
            of(tape, WG_SHAPE(4)), OPTIONS(0));
    REFUSES(WG_ERROR_SHAPE, "the bias is [1, 6] and should be [6]", wg_conv, X, W,
            of(tape, WG_SHAPE(1, 6)), OPTIONS(0));
    REFUSES(WG_ERROR_ARGUMENT, "conv: stride -2 of spatial axis 0 is out of range", wg_conv, X, W,
            0, OPTIONS(.stride = {-2}));
    REFUSES(WG_ERROR_ARGUMENT, "dilation 4294967296 of spatial axis 1 is out of range", wg_conv, X,
            W, 0, OPTIONS(.dilation = {1, (int64_t)1 << 32}));
    REFUSES(WG_ERROR_ARGUMENT, "padding 1 is for spatial axis 2, but there are 2", wg_conv, X, W, 0,
            OPTIONS(.padding = {1, 1, 1}));
    REFUSES(WG_ERROR_SHAPE,
            "the kernel of spatial axis 1 should have 5 taps, the weight is [6, 4, 3, 3]", wg_conv,
            X, W, 0, OPTIONS(.kernel = {3, 5}));
    REFUSES(WG_ERROR_SHAPE,
            "spatial axis 0: 5 elements and 0 zeros of padding are fewer than the kernel spans, 7",
            wg_conv, X, W, 0, OPTIONS(.dilation = {3, 1}));
    REFUSES(WG_ERROR_SHAPE, "the kernel of spatial axis 0 has no taps", wg_conv, X,
            of(tape, WG_SHAPE(6, 4, 0, 3)), 0, OPTIONS(0));
    REFUSES(WG_ERROR_ARGUMENT, "padding 'same' needs stride 1", wg_conv, X, W, 0,
            OPTIONS(.stride = {2, 2}, .padding_mode = WG_PADDING_SAME));
    REFUSES(WG_ERROR_ARGUMENT, "padding is given, and so is a mode of padding", wg_conv, X, W, 0,
            OPTIONS(.padding = {1}, .padding_mode = WG_PADDING_VALID));
    REFUSES(WG_ERROR_ARGUMENT, "output_padding is for the transposed convolution", wg_conv, X, W, 0,
            OPTIONS(.output_padding = {1}));
#undef W
#define W of(tape, WG_SHAPE(4, 6, 3, 3))
    REFUSES(WG_ERROR_ARGUMENT, "conv_transpose: there is no padding 'same'", wg_conv_transpose, X,
            W, 0, OPTIONS(.padding_mode = WG_PADDING_SAME));
    REFUSES(WG_ERROR_ARGUMENT, "output_padding 2 must be less than stride 2 or dilation 1",
            wg_conv_transpose, X, W, 0, OPTIONS(.stride = {2, 2}, .output_padding = {2, 0}));
    REFUSES(WG_ERROR_SHAPE, "spatial axis 1: the result would have -2 elements", wg_conv_transpose,
            X, W, 0, OPTIONS(.padding = {0, 5}));
    REFUSES(WG_ERROR_SHAPE, "spatial axis 0: x has no elements", wg_conv_transpose,
            of(tape, WG_SHAPE(1, 4, 0, 2)), W, 0, OPTIONS(0));
    REFUSES(WG_ERROR_SHAPE, "are not [batch", wg_conv, wg_scalar(tape, 1), W, 0, OPTIONS(0));
    wg_tape_free(tape);
}
