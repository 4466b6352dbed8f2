/* softmax.h (internal): softmax and its logarithm over the middle axis of [outer, n, inner],
 * contiguous, f32 or f64; `from` and `to` are distinct. Sums are taken in double, in an order that
 * n alone decides. */
#ifndef WG_SRC_KERNEL_SOFTMAX_H
#define WG_SRC_KERNEL_SOFTMAX_H

#include "wengert/op.h"

typedef struct wg_planes {
    wg_dtype dtype;
    int64_t outer, n, inner;
} wg_planes;

/* exp(x - max) / sum of them; finite for finite x. */
void wg_kernel_softmax(const wg_planes *planes, const void *x, void *to);
/* x - max - log(sum of exp(x - max)). */
void wg_kernel_log_softmax(const wg_planes *planes, const void *x, void *to);

/* What a result's adjoint g becomes: y (g - sum of g y) for y = softmax(x), and
 * g - exp(y) (sum of g) for y = log_softmax(x). */
void wg_kernel_softmax_chain(const wg_planes *planes, const void *y, const void *g, void *to);
void wg_kernel_log_softmax_chain(const wg_planes *planes, const void *y, const void *g, void *to);

/* to = log(sum of exp(x)), [outer, inner]: -infinity where all of x is, or n is 0. */
void wg_kernel_logsumexp(const wg_planes *planes, const void *x, void *to);
/* What the adjoint g of r = logsumexp(x) becomes: g exp(x - r), 0 where r is -infinity; r and g are
 * [outer, inner]. */
void wg_kernel_exp_share(const wg_planes *planes, const void *x, const void *r, const void *g,
                         void *to);

/* log(sum of exp(x)) of n neighbours. */
double wg_kernel_log_sum_exp(wg_dtype dtype, int64_t n, const void *x);

#endif
