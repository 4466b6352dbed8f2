/* softmax_loops.h (internal): the softmax family's loops for one instruction set, as a table. */
#ifndef WG_SRC_KERNEL_SOFTMAX_LOOPS_H
#define WG_SRC_KERNEL_SOFTMAX_LOOPS_H

#include <stdint.h>

/* One strip of planes [n, row]: columns [at, at + w), or a row of neighbours where `row` is 1. */
typedef void (*wg_softmax_strip)(int64_t n, int64_t row, int64_t w, const void *x, const void *g,
                                 void *to, int64_t at);

typedef struct wg_softmax_loops {
    wg_softmax_strip softmax, log_softmax, softmax_chain, log_softmax_chain, log_sum_exp, exp_share;
    /* log(sum of exp(x)) of n neighbours, by one thread. */
    double (*log_sum_exp_row)(int64_t n, const void *x);
    /* log(sum of exp(x)), and *sum = the sum of exp(x - max); to = exp(x - max) unless it is NULL.
     */
    double (*exp_and_sum)(int64_t n, const void *x, void *to, double *sum);
    /* to = to * factor - share * less, less being all ones where it is NULL. */
    void (*scale_less)(int64_t n, double factor, double share, const void *less, void *to);
    /* The sum of a b, or of a where b is NULL. */
    double (*dot)(int64_t n, const void *a, const void *b);
    /* The sum of p (log_sum - x), where p = 0 contributes 0 whatever x. */
    double (*soft_loss)(int64_t n, double log_sum, const void *x, const void *p);
} wg_softmax_loops;

#define WG_SOFTMAX_STRIP 256 /* columns of a strip */

/* Of this machine: [0] for f32, [1] for f64. */
const wg_softmax_loops *wg_kernel_softmax_loops(void);

#endif
