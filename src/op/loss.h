/* loss.h (internal): what losses share. */
#ifndef WG_SRC_OP_LOSS_H
#define WG_SRC_OP_LOSS_H

#include "op/define.h"
#include "tape/tape.h"
#include "wengert/loss.h"

/* The tape of the first operand that is on one, or NULL. */
static inline wg_tape *wg_tape_of(int n, const wg_var *xs) {
    for (int i = 0; i < n; i++) {
        if (xs[i].tape != NULL) {
            return xs[i].tape;
        }
    }
    return NULL;
}

static inline wg_axes wg_one_axis(int axis, bool keep) {
    const wg_axes axes = {.count = 1, .keep = keep, .axis = {axis}};
    return axes;
}

/* Element 0 of a float view as a double. */
double wg_loss_number(const wg_view *view);
/* The call's result out of losses [0, rows): each (NONE), or their sum over `divisor`. */
void wg_loss_result(wg_call *call, wg_loss_reduction reduction, double *losses, int64_t rows,
                    double divisor);
/* An array of losses reduced, in verbs. */
wg_var wg_loss_reduce(wg_var losses, wg_loss_reduction reduction, const char *name,
                      const char *site);
/* True, and a failure on the tape, unless the reduction is MEAN, SUM or NONE. */
bool wg_loss_refuses(wg_call *call, wg_loss_reduction reduction);

#endif
