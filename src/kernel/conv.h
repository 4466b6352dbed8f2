/* conv.h (internal): convolution and its two gradients on contiguous buffers, f32 and f64.
 *
 *     y[n, g, o, u] = bias[g, o] + sum of w[g, o, c, t] x[n, g, c, u * stride + t * dilation - pad]
 *
 * over channels c and taps t, where u, t and the source index have three axes (depth, height,
 * width; unused ones have size 1) and x is zero outside. WG_CONV_FORWARD makes y of x and w,
 * WG_CONV_INPUT x's gradient of y's and w (the transposed convolution), WG_CONV_WEIGHT w's gradient
 * of x and y's. Layouts: x [batch, groups, in_channels, in...], y [batch, groups, out_channels,
 * out...], w [groups, out_channels, in_channels, kernel...].
 *
 * The order of each sum depends on the sizes and the instruction set, never on the number of
 * threads. */
#ifndef WG_SRC_KERNEL_CONV_H
#define WG_SRC_KERNEL_CONV_H

#include "kernel/matmul_parts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct wg_conv_sizes {
    int64_t batch, groups, in_channels, out_channels; /* channels of one group */
    int64_t in[3], out[3], kernel[3], stride[3], dilation[3];
    int64_t pad[3]; /* before the first element; may be negative */
} wg_conv_sizes;

typedef enum wg_conv_kind {
    WG_CONV_FORWARD, /* a = x, b = w, result y */
    WG_CONV_INPUT,   /* a = y's adjoint, b = w, result x's */
    WG_CONV_WEIGHT   /* a = x, b = y's adjoint, result w's */
} wg_conv_kind;

/* `bias` (one for each channel of the result) may be NULL, and is none of WG_CONV_WEIGHT's.
 * `workspace` holds wg_conv_workspace bytes, 64-byte aligned. False where memory ran out; the
 * result is then undefined. */
#define WG_CONV_KERNELS(suffix, T)                                                                 \
    size_t wg_conv_workspace_##suffix(wg_conv_kind kind, const wg_conv_sizes *sizes);              \
    bool wg_kernel_conv_##suffix(wg_conv_kind kind, const wg_conv_sizes *sizes, const T *a,        \
                                 const T *b, const T *bias, T *result, void *workspace);           \
    /* The same for one instruction set: for the tests. */                                         \
    size_t wg_conv_workspace_with_##suffix(const wg_matmul_parts_##suffix *parts,                  \
                                           wg_conv_kind kind, const wg_conv_sizes *sizes);         \
    bool wg_conv_with_##suffix(const wg_matmul_parts_##suffix *parts, wg_conv_kind kind,           \
                               const wg_conv_sizes *sizes, const T *a, const T *b, const T *bias,  \
                               T *result, void *workspace);                                        \
    /* The loops of the definition, summed in double: the oracle of the tests. */                  \
    void wg_conv_reference_##suffix(wg_conv_kind kind, const wg_conv_sizes *sizes, const T *a,     \
                                    const T *b, const T *bias, T *result);
WG_CONV_KERNELS(f32, float)
WG_CONV_KERNELS(f64, double)

#endif
