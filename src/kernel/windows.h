/* windows.h (internal): the greatest of windows, and linear resampling (averages, interpolation) of
 * the last axes of contiguous arrays, f32 or f64. */
#ifndef WG_SRC_KERNEL_WINDOWS_H
#define WG_SRC_KERNEL_WINDOWS_H

#include "wengert/op.h"

#define WG_WINDOW_AXES 3

/* ---- Greatest of windows -------------------------------------------------------------------- */

/* Window o begins at o * stride - padding and has `kernel` places, `dilation` apart; or, adaptive,
 * it is [floor(o in / out), ceil((o + 1) in / out)), at most `kernel` long. */
typedef struct wg_window_axis {
    int64_t in, out, kernel, stride, padding, dilation;
    bool adaptive;
} wg_window_axis;

/* `planes` of three axes, the first of which may have size 1. The place of an element in its
 * window is (k0 * kernel1 + k1) * kernel2 + k2. */
typedef struct wg_windows {
    int64_t planes;
    wg_window_axis axis[WG_WINDOW_AXES];
} wg_windows;

static inline int64_t wg_window_places(const wg_windows *p) {
    return p->axis[0].kernel * p->axis[1].kernel * p->axis[2].kernel;
}
static inline int64_t wg_window_first(const wg_window_axis *a, int64_t o) {
    return a->adaptive ? o * a->in / a->out : o * a->stride - a->padding;
}
/* How many places an adaptive window has. */
static inline int64_t wg_window_length(const wg_window_axis *a, int64_t o) {
    return a->adaptive ? ((o + 1) * a->in + a->out - 1) / a->out - o * a->in / a->out : a->kernel;
}

/* to = the greatest of each window (NaN wins), and place (u8 or i64; NULL: not wanted) where the
 * first of them stands. Every window has at least one element. */
void wg_kernel_max_pool(const wg_windows *p, wg_dtype dtype, const void *x, void *to,
                        wg_dtype place_dtype, void *place);
/* to [in] = 0, then to[place of each window] += g [out]. */
void wg_kernel_max_unpool(const wg_windows *p, wg_dtype dtype, const void *g, wg_dtype place_dtype,
                          const void *place, void *to);
/* to [out] = x[place of each window]. */
void wg_kernel_pool_pick(const wg_windows *p, wg_dtype dtype, const void *x, wg_dtype place_dtype,
                         const void *place, void *to);
/* The first window whose place is none, or -1. */
int64_t wg_kernel_place_outside(const wg_windows *p, wg_dtype place_dtype, const void *place);

/* ---- Linear resampling ---------------------------------------------------------------------- */

typedef enum wg_resampling {
    WG_RESAMPLE_NONE, /* in = out: as it is */
    WG_RESAMPLE_POOL, /* means of windows; padding counts as zeros, or not at all */
    WG_RESAMPLE_AREA, /* means of adaptive windows */
    WG_RESAMPLE_NEAREST,
    WG_RESAMPLE_LINEAR,
    WG_RESAMPLE_CUBIC
} wg_resampling;

typedef struct wg_resample_axis {
    wg_resampling kind;
    int64_t in, out;
    int64_t kernel, stride, padding; /* of a pool */
    bool exclude_padding, align_corners;
    double step;   /* of interpolation: from one result to the next, in elements; 0: in / out */
    double factor; /* all weights are multiplied by it */
    bool sums;     /* of a pool: no division */
} wg_resample_axis;

typedef struct wg_resample {
    int64_t planes;
    wg_resample_axis axis[WG_WINDOW_AXES];
} wg_resample;

/* Bytes of scratch for either of: */
size_t wg_kernel_resample_bytes(const wg_resample *r, wg_dtype dtype);
/* to [planes, out...] = a weighted sum of x [planes, in...], axis by axis. */
void wg_kernel_resample(const wg_resample *r, wg_dtype dtype, const void *x, void *to,
                        void *scratch);
/* Its transpose: to [planes, in...] from g [planes, out...]. */
void wg_kernel_resample_transpose(const wg_resample *r, wg_dtype dtype, const void *g, void *to,
                                  void *scratch);

#endif
