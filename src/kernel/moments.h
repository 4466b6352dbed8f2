/* moments.h (internal): variances over the middle axis of [outer, n, inner], contiguous, f32 or
 * f64, in one pass over the memory. The order of sums depends on the shape alone. */
#ifndef WG_SRC_KERNEL_MOMENTS_H
#define WG_SRC_KERNEL_MOMENTS_H

#include "kernel/softmax.h"

/* to[o, i] = sum of (x[o, k, i] - mean)² / divisor. */
void wg_kernel_variance(const wg_planes *planes, const void *x, double divisor, void *to);

/* to[o, k, i] = (x[o, k, i] - mean of x[o, :, i]) g[o, i] factor. */
void wg_kernel_centred(const wg_planes *planes, const void *x, const void *g, double factor,
                       void *to);

#endif
