/* pool.h: pooling, interpolation and windows over the last axes of an array.
 *
 * The last n axes are the space (1d: [..., L], 2d: [..., H, W], 3d: [..., D, H, W]); all axes
 * before them count as so many planes, so that PyTorch's [N, C, H, W] and [C, H, W] are both fine.
 * Operands are f32 or f64. */
#ifndef WENGERT_POOL_H
#define WENGERT_POOL_H

#include "wengert/array.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Pooling -------------------------------------------------------------------------------- */

/* Windows over the last n axes, one number an axis. The result has floor((in + 2 padding -
 * dilation (kernel - 1) - 1) / stride) + 1 windows an axis. */
typedef struct wg_pool_options {
    int64_t kernel[3];    /* required, except that a 0 behind the first repeats the one before */
    int64_t stride[3];    /* 0: the kernel */
    int64_t padding[3];   /* at most half the kernel, at both ends; -infinity to max, 0 to avg */
    int64_t dilation[3];  /* 0: 1; for max alone */
    bool ceil_mode;       /* round up, unless the last window would begin in the padding behind */
    bool exclude_padding; /* avg: divide by the elements of the array alone (PyTorch:
                             count_include_pad = False) */
    int64_t divisor;      /* avg: divide by this instead; 0: by the window's size */
} wg_pool_options;

/* The greatest of each window; its gradient goes to the first of equals, in C order. NaN wins. */
WG_API wg_var wg_max_pool_at(wg_var x, int n, wg_pool_options options, const char *site);
#define wg_max_pool1d(x, ...) wg_max_pool_at(x, 1, __VA_ARGS__, WG_HERE)
#define wg_max_pool2d(x, ...) wg_max_pool_at(x, 2, __VA_ARGS__, WG_HERE)
#define wg_max_pool3d(x, ...) wg_max_pool_at(x, 3, __VA_ARGS__, WG_HERE)
/* The mean of each window. */
WG_API wg_var wg_avg_pool_at(wg_var x, int n, wg_pool_options options, const char *site);
#define wg_avg_pool1d(x, ...) wg_avg_pool_at(x, 1, __VA_ARGS__, WG_HERE)
#define wg_avg_pool2d(x, ...) wg_avg_pool_at(x, 2, __VA_ARGS__, WG_HERE)
#define wg_avg_pool3d(x, ...) wg_avg_pool_at(x, 3, __VA_ARGS__, WG_HERE)
/* The p-norm of each window, without absolute values inside: (sum of x^p)^(1/p), of 0 where the
 * sum is negative. No padding. */
WG_API wg_var wg_lp_pool_at(wg_var x, int n, double p, wg_pool_options options, const char *site);
#define wg_lp_pool1d(x, p, ...) wg_lp_pool_at(x, 1, p, __VA_ARGS__, WG_HERE)
#define wg_lp_pool2d(x, p, ...) wg_lp_pool_at(x, 2, p, __VA_ARGS__, WG_HERE)

/* Results of the given sizes: window o of an axis is [floor(o in / out), ceil((o + 1) in / out)).
 * `sizes`: n of them, as WG_SHAPE(7, 7); a 0 keeps the axis. */
WG_API wg_var wg_adaptive_avg_pool_at(wg_var x, int n, const int64_t *sizes, const char *site);
#define wg_adaptive_avg_pool(x, ...) wg_adaptive_avg_pool_at(x, __VA_ARGS__, WG_HERE)
WG_API wg_var wg_adaptive_max_pool_at(wg_var x, int n, const int64_t *sizes, const char *site);
#define wg_adaptive_max_pool(x, ...) wg_adaptive_max_pool_at(x, __VA_ARGS__, WG_HERE)
/* One result for each plane of the last n axes, which stay with size 1. */
WG_API wg_var wg_global_avg_pool_at(wg_var x, int n, const char *site);
#define wg_global_avg_pool(x, n) wg_global_avg_pool_at(x, n, WG_HERE)
WG_API wg_var wg_global_max_pool_at(wg_var x, int n, const char *site);
#define wg_global_max_pool(x, n) wg_global_max_pool_at(x, n, WG_HERE)

/* ---- Interpolation -------------------------------------------------------------------------- */

typedef enum wg_interpolation {
    WG_INTERPOLATE_NEAREST, /* element floor(o in / out) (PyTorch's "nearest") */
    WG_INTERPOLATE_LINEAR,  /* bilinear, trilinear for more axes */
    WG_INTERPOLATE_CUBIC,   /* R. Keys, 1981, with a = -3/4 (bicubic) */
    WG_INTERPOLATE_AREA     /* adaptive average pooling */
} wg_interpolation;

/* Either sizes or scales, one an axis. With scales the size is floor(in scale), and results are
 * 1 / scale apart. */
typedef struct wg_interpolate_options {
    wg_interpolation mode;
    int64_t size[3];
    double scale[3];
    bool align_corners; /* first and last elements are first and last results (linear, cubic) */
} wg_interpolate_options;
WG_API wg_var wg_interpolate_at(wg_var x, int n, wg_interpolate_options options, const char *site);
#define wg_interpolate1d(x, ...) wg_interpolate_at(x, 1, __VA_ARGS__, WG_HERE)
#define wg_interpolate2d(x, ...) wg_interpolate_at(x, 2, __VA_ARGS__, WG_HERE)
#define wg_interpolate3d(x, ...) wg_interpolate_at(x, 3, __VA_ARGS__, WG_HERE)

/* ---- Windows -------------------------------------------------------------------------------- */

/* Windows of `size` elements, `step` apart, along an axis: a view in which the axis counts windows,
 * floor((n - size) / step) + 1 of them, and a new last axis their elements (PyTorch's
 * Tensor.unfold). Its gradient adds up where windows overlap. */
WG_API wg_var wg_unfold_at(wg_var x, int axis, int64_t size, int64_t step, const char *site);
#define wg_unfold(x, axis, size, step) wg_unfold_at(x, axis, size, step, WG_HERE)

typedef struct wg_unfold_options {
    int64_t kernel[2];   /* required; a second 0 repeats the first */
    int64_t stride[2];   /* 0: 1 */
    int64_t padding[2];  /* zeros, at both ends */
    int64_t dilation[2]; /* 0: 1 */
} wg_unfold_options;
/* The blocks of images as columns (im2col; PyTorch's F.unfold): [..., C, H, W] becomes
 * [..., C kernel0 kernel1, blocks]. */
WG_API wg_var wg_unfold2d_at(wg_var x, wg_unfold_options options, const char *site);
#define wg_unfold2d(x, ...) wg_unfold2d_at(x, __VA_ARGS__, WG_HERE)
/* Its transpose (col2im; PyTorch's F.fold): columns added up into images [..., C, height, width].
 */
WG_API wg_var wg_fold2d_at(wg_var x, int64_t height, int64_t width, wg_unfold_options options,
                           const char *site);
#define wg_fold2d(x, height, width, ...) wg_fold2d_at(x, height, width, __VA_ARGS__, WG_HERE)

/* [..., C r², H, W] becomes [..., C, H r, W r], and back (W. Shi et al., 2016). */
WG_API wg_var wg_pixel_shuffle_at(wg_var x, int64_t r, const char *site);
#define wg_pixel_shuffle(x, r) wg_pixel_shuffle_at(x, r, WG_HERE)
WG_API wg_var wg_pixel_unshuffle_at(wg_var x, int64_t r, const char *site);
#define wg_pixel_unshuffle(x, r) wg_pixel_unshuffle_at(x, r, WG_HERE)

#ifdef __cplusplus
}
#endif

#endif
