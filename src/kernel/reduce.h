/* reduce.h (internal): folding axes of a strided array. The order in which elements are combined
 * depends on shape and strides alone, never on the number of threads. */
#ifndef WG_SRC_KERNEL_REDUCE_H
#define WG_SRC_KERNEL_REDUCE_H

#include "wengert/op.h"

/* Sums are accumulated in double; stretches of 4096 are added with their rounding errors. Among
 * extremes NaN wins. NORM is the root of the sum of x², SIZES the
 * sum of |x|. */
#define WG_REDUCTIONS(X) X(SUM) X(PROD) X(MAX) X(MIN) X(NORM) X(SIZES)

typedef enum wg_reduction {
#define WG_REDUCTION(KIND) WG_REDUCE_##KIND,
    WG_REDUCTIONS(WG_REDUCTION)
#undef WG_REDUCTION
    WG_REDUCTION_COUNT
} wg_reduction;

/* to = from folded along the axes along which `to`, of the same rank and float dtype, has size 1;
 * then divided by `divisor`. What is folded from nothing is 0, 1, -infinity or infinity before the
 * division. */
void wg_kernel_reduce(wg_reduction kind, const wg_view *from, const wg_view *to, double divisor);

/* to[o, i] = the first k with the greatest (least) from[o, k, i], NaN counting as greatest (least);
 * from: [outer, n, inner], n > 0, contiguous like `to`. */
void wg_kernel_argmax(bool least, wg_dtype dtype, int64_t outer, int64_t n, int64_t inner,
                      const void *from, int64_t *to);

/* to = 1/c where `from` equals the maximum (or minimum) of its fold, NaN being equal to NaN, and c
 * elements do; else 0. `kept` is scratch of the fold's shape, as `to` of wg_kernel_reduce; `to` has
 * from's shape. */
void wg_kernel_extreme_shares(wg_reduction kind, const wg_view *from, const wg_view *kept,
                              const wg_view *to);

#endif
