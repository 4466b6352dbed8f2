/* loss.h (internal): losses as one pass over contiguous rows of `classes` logits, f32 or f64. */
#ifndef WG_SRC_KERNEL_LOSS_H
#define WG_SRC_KERNEL_LOSS_H

#include "wengert/op.h"

/* losses[i] = log(sum of exp(x[i])) - x[i][labels[i]]; labels as in gather.h. */
void wg_kernel_cross_entropy(wg_dtype dtype, int64_t classes, const void *x, const wg_view *labels,
                             double *losses);
/* losses[i] = sum over the classes of p (log(sum of exp(x[i])) - x); no share where p = 0. */
void wg_kernel_soft_cross_entropy(wg_dtype dtype, int64_t rows, int64_t classes, const void *x,
                                  const void *p, double *losses);
/* to[i] = (softmax(x[i]) - one at labels[i]) * factor. */
void wg_kernel_cross_entropy_chain(wg_dtype dtype, int64_t classes, const void *x,
                                   const wg_view *labels, double factor, void *to);
/* The sum of (a - b)² over two views of one shape and dtype, any strides. */
double wg_kernel_squared_distance(const wg_view *a, const wg_view *b);

#endif
