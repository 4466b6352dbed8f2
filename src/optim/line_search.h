/* line_search.h (internal): a step length along a descent direction. */
#ifndef WG_SRC_OPTIM_LINE_SEARCH_H
#define WG_SRC_OPTIM_LINE_SEARCH_H

#include "wengert/base.h"

/* A point x + t·d: the loss, its slope along d, and in which of the caller's buffers (0, 1, 2, or
 * for the start -1) its gradient is. */
typedef struct wg_trial {
    double t, loss, slope;
    int gradient;
} wg_trial;

/* Fills loss, slope and the gradient buffer for t. */
typedef wg_status (*wg_along)(void *context, wg_trial *point);

/* From `start` (t = 0) a point that meets the strong Wolfe conditions, or after 25 evaluations the
 * lowest of the bracket, in *out, which may be the start. `t` is the first trial, `size` the
 * greatest component of d. Counts in *evaluations. Nocedal and Wright, algorithms 3.5 and 3.6, in
 * PyTorch's version; a point whose loss or slope is not finite counts as infinitely high. */
wg_status wg_line_search(wg_along along, void *context, const wg_trial *start, double t,
                         double size, double tolerance, wg_trial *out, int64_t *evaluations);

#endif
