/* optimizer.h (internal): optimizer steps, sums of squares and scaling over flat buffers of f32 or
 * f64. Each is one pass over the memory, and no result depends on the number of threads. */
#ifndef WG_SRC_KERNEL_OPTIMIZER_H
#define WG_SRC_KERNEL_OPTIMIZER_H

#include "wengert/base.h"

#include <stdbool.h>

/* g += decay·w; v = momentum·v + g; w −= lr·(own·g + carried·v). */
typedef struct wg_sgd_numbers {
    double lr, momentum, decay;
    double own, carried;
} wg_sgd_numbers;

/* g += decay·w; w *= shrink; m += (1 − beta1)·(g − m); v = beta2·v + (1 − beta2)·g²;
 * w −= step·m/(root·√v + epsilon). */
typedef struct wg_adam_numbers {
    double decay, shrink, beta1, beta2, step, root, epsilon;
} wg_adam_numbers;

/* `velocity` NULL: v is g. */
void wg_kernel_sgd(wg_dtype dtype, int64_t n, const wg_sgd_numbers *numbers, const void *gradient,
                   void *weight, void *velocity);
/* wg_kernel_sgd without velocity of the gradient column [rows] · row [columns], to the same bits;
 * columns > 0. */
void wg_kernel_sgd_outer(wg_dtype dtype, int64_t rows, int64_t columns,
                         const wg_sgd_numbers *numbers, const void *column, const void *row,
                         void *weight);
void wg_kernel_adam(wg_dtype dtype, int64_t n, const wg_adam_numbers *numbers, const void *gradient,
                    void *weight, void *mean, void *variance);
/* Σ x², summed in f64. */
double wg_kernel_sum_squares(wg_dtype dtype, int64_t n, const void *x);
void wg_kernel_scale(wg_dtype dtype, int64_t n, double factor, void *x);

#endif
