/* level1.h (internal): vectors of f32 or f64 (BLAS level 1): sums and combinations. Each is one
 * pass over the memory, and no result depends on the number of threads or on the instruction set.
 * Sums are of f64. */
#ifndef WG_SRC_KERNEL_LEVEL1_H
#define WG_SRC_KERNEL_LEVEL1_H

#include "wengert/base.h"

/* Σ x·y; x and y may be one. */
double wg_kernel_dot(wg_dtype dtype, int64_t n, const void *x, const void *y);
/* Σ |x|. */
double wg_kernel_sum_abs(wg_dtype dtype, int64_t n, const void *x);
/* The greatest |x|; 0 for none, NaN where there is one. */
double wg_kernel_greatest(wg_dtype dtype, int64_t n, const void *x);
/* y = a·x + b·y. */
void wg_kernel_axpby(wg_dtype dtype, int64_t n, double a, const void *x, double b, void *y);
/* x = a·x. */
void wg_kernel_scale(wg_dtype dtype, int64_t n, double a, void *x);
/* y += a·(x − y). */
void wg_kernel_lerp(wg_dtype dtype, int64_t n, double a, const void *x, void *y);
/* x into [−most, most]; a NaN stays. */
void wg_kernel_clamp(wg_dtype dtype, int64_t n, double most, void *x);

#endif
