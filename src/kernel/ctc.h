/* ctc.h (internal): connectionist temporal classification: forward and backward variables, in
 * logarithms and double. */
#ifndef WG_SRC_KERNEL_CTC_H
#define WG_SRC_KERNEL_CTC_H

#include "wengert/op.h"

/* All contiguous; targets and lengths as in gather.h, checked before. A target with blanks around
 * all of its labels has 2 S + 1 states. */
typedef struct wg_ctc_case {
    wg_dtype dtype;
    int64_t frames, batch, classes, longest; /* T, N, C, S */
    const void *x;                           /* log-probabilities [T, N, C] */
    const wg_view *targets, *input_lengths, *target_lengths;
    int64_t blank;
    bool zero_infinity;
} wg_ctc_case;

static inline int64_t wg_ctc_states(const wg_ctc_case *c) {
    return 2 * c->longest + 1;
}

/* losses[n], and alpha [N, T, states], which the gradient needs. */
void wg_kernel_ctc(const wg_ctc_case *c, double *alpha, double *losses);
/* to [T, N, C] = -g[n] times the probability of each class in each frame, given the target; `beta`
 * is scratch [N, 2, states], `g` of the case's dtype, steps g_step. */
void wg_kernel_ctc_chain(const wg_ctc_case *c, const double *alpha, const void *g, int64_t g_step,
                         double *beta, void *to);
/* The label of state s of target n: every second one is blank. */
int64_t wg_ctc_label(const wg_ctc_case *c, int64_t n, int64_t s);

#endif
