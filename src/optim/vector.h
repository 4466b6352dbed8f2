/* vector.h (internal): vectors as long as all parameters of a store: a part beside each flat
 * buffer. */
#ifndef WG_SRC_OPTIM_VECTOR_H
#define WG_SRC_OPTIM_VECTOR_H

#include "kernel/level1.h"
#include "nn/store.h"

#include <math.h>
#include <string.h>

/* By dtype: f32, f64. Counts are elements. */
typedef struct wg_vector {
    void *part[2];
    int64_t count[2];
} wg_vector;

/* What lies beside the store's flat buffers. */
static inline wg_vector wg_vector_of(const wg_store *store, void *f32, void *f64) {
    return (wg_vector){{f32, f64}, {store->flat[WG_F32].count, store->flat[WG_F64].count}};
}

static inline double wg_vector_dot(wg_vector x, wg_vector y) {
    return wg_kernel_dot(WG_F32, x.count[0], x.part[0], y.part[0]) +
           wg_kernel_dot(WG_F64, x.count[1], x.part[1], y.part[1]);
}

/* Σ |x|. */
static inline double wg_vector_sum_abs(wg_vector x) {
    return wg_kernel_sum_abs(WG_F32, x.count[0], x.part[0]) +
           wg_kernel_sum_abs(WG_F64, x.count[1], x.part[1]);
}

/* The greatest |x|, or NaN. */
static inline double wg_vector_greatest(wg_vector x) {
    const double a = wg_kernel_greatest(WG_F32, x.count[0], x.part[0]);
    const double b = wg_kernel_greatest(WG_F64, x.count[1], x.part[1]);
    return a <= b || isnan(b) ? b : a;
}

/* y += a·x. */
static inline void wg_vector_add(double a, wg_vector x, wg_vector y) {
    wg_kernel_axpby(WG_F32, x.count[0], a, x.part[0], 1, y.part[0]);
    wg_kernel_axpby(WG_F64, x.count[1], a, x.part[1], 1, y.part[1]);
}

static inline void wg_vector_scale(double a, wg_vector x) {
    wg_kernel_scale(WG_F32, x.count[0], a, x.part[0]);
    wg_kernel_scale(WG_F64, x.count[1], a, x.part[1]);
}

static inline void wg_vector_copy(wg_vector from, wg_vector to) {
    for (int d = 0; d < 2; d++) {
        if (from.count[d] > 0) {
            memcpy(to.part[d], from.part[d], (size_t)from.count[d] * wg_dtype_size((wg_dtype)d));
        }
    }
}

#endif
