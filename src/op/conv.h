/* conv.h (internal): the sizes of a convolution, out of operands and options. */
#ifndef WG_SRC_OP_CONV_H
#define WG_SRC_OP_CONV_H

#include "kernel/conv.h"
#include "wengert/conv.h"

/* What was asked for; or, in a chain rule, all that the first convolution came to (`exact`). */
typedef struct wg_conv_state {
    wg_conv_options options; /* groups, stride, dilation; padding in front where exact */
    bool exact;
    int64_t behind[3];        /* zeros behind; negative ones cut off */
    int64_t in[3], kernel[3]; /* what the operands do not say: wg_conv_transpose's result and
                                 conv_weight's */
} wg_conv_state;

/* The sizes of call's operation; false, and the call has failed, where operands or options do not
 * fit. *axes is the number of spatial axes, the last of the sizes' three; `state` becomes exact. */
bool wg_conv_geometry(wg_call *call, wg_conv_kind kind, wg_conv_sizes *sizes, int *axes,
                      wg_conv_state *state);

extern const wg_op wg_op_conv, wg_op_conv_transpose;
/* Whether the operation takes operands of these shapes (and a bias that fits); else a failure on
 * the tape: so that a layer makes its parameters only where it will succeed. */
bool wg_conv_accepts(wg_tape *tape, const wg_op *op, const wg_view *x, const wg_view *weight,
                     const wg_conv_options *options, const char *site);

#endif
