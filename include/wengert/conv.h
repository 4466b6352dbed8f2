/* conv.h: convolution. */
#ifndef WENGERT_CONV_H
#define WENGERT_CONV_H

#include "wengert/array.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Convolution --------------------------------------------------------------------------- */

/* How `padding` is meant. SAME adds dilation * (kernel - 1) zeros in all (an odd one behind), so
 * that the size stays; it needs stride 1. VALID adds none. */
typedef enum wg_padding {
    WG_PADDING_GIVEN,
    WG_PADDING_SAME,
    WG_PADDING_VALID
} wg_padding;

/* Options of convolutions, for up to three spatial axes in the operand's order; 0 is the usual
 * default, so {0} will do. */
typedef struct wg_conv_options {
    int64_t kernel[3];         /* the weight says it; where given it is checked */
    int64_t stride[3];         /* 1; a 0 behind the first repeats the one before */
    int64_t padding[3];        /* 0: zeros in front and behind, for each axis */
    int64_t dilation[3];       /* 1: from tap to tap; a 0 behind the first repeats as in stride */
    int64_t output_padding[3]; /* of wg_conv_transpose: 0 */
    int64_t groups;            /* 1; as many as channels: depthwise */
    wg_padding padding_mode;
} wg_conv_options;

/* Convolution (as everywhere in deep learning: cross-correlation) along 1, 2 or 3 axes:
 *
 *     y[n, o, u] = bias[o] + sum over c, t of weight[o, c, t] x[n, c, u stride + t dilation -
 * padding]
 *
 * x [batch, channels, size...], weight [out, channels / groups, kernel...], bias [out], or a number
 * (0: none). The result is [batch, out, floor((size + 2 padding - dilation (kernel - 1) - 1) /
 * stride) + 1 ...], f32 or f64, differentiable to any order. The sum of a group runs over its own
 * channels alone. The bits do not depend on the number of threads. */
WG_API wg_var wg_conv_at(wg_var x, wg_var weight, wg_var bias, wg_conv_options options,
                         const char *site);
/* The transposed convolution, the gradient of wg_conv with respect to its x: x [batch, channels,
 * size...], weight [channels, out / groups, kernel...], bias [out] or a number. The result is
 * [batch, out, (size - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1 ...];
 * output_padding must be less than stride or dilation. No WG_PADDING_SAME. */
WG_API wg_var wg_conv_transpose_at(wg_var x, wg_var weight, wg_var bias, wg_conv_options options,
                                   const char *site);

/* wg_conv(x, weight, bias, (wg_conv_options){.stride = {2, 2}, .padding = {1, 1}}) */
#define wg_conv(x, weight, bias, ...) wg_conv_at(x, weight, wg_lift(bias), __VA_ARGS__, WG_HERE)
#define wg_conv_transpose(x, weight, bias, ...)                                                    \
    wg_conv_transpose_at(x, weight, wg_lift(bias), __VA_ARGS__, WG_HERE)

#ifdef __cplusplus
}
#endif

#endif
