/* reduce.h (internal): what the reductions share. Their state is a wg_axes. */
#ifndef WG_SRC_OP_REDUCE_H
#define WG_SRC_OP_REDUCE_H

#include "kernel/reduce.h"
#include "wengert/array.h"

/* The shape rule: the operand's shape without the folded axes, or with size 1 there. */
wg_status wg_reduce_shape(wg_call *call, bool may_be_empty);

/* Folds the operand into the result; `divide`: by the number of elements of each fold. */
wg_status wg_reduce_forward(wg_call *call, wg_reduction kind, bool divide);

/* In a chain: the operand's shape with size 1 where it is folded. Returns how many elements each
 * fold has. */
int64_t wg_reduce_kept(const wg_call *call, int64_t *shape);

#define WG_REDUCE_SAMPLES                                                                          \
    {WG_OPERANDS(WG_FLOATS(-1, 1, 5)), WG_STATE(wg_axes, 0)},                                      \
        {WG_OPERANDS(WG_FLOATS(-1, 1, 3, 4)), WG_STATE(wg_axes, .count = 1, .axis = {0})},         \
        {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3, 4)),                                                   \
         WG_STATE(wg_axes, .count = 2, .keep = true, .axis = {-1, 0})},                            \
        {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 1, 3, 2)), WG_STATE(wg_axes, .count = 1, .axis = {2})}, { \
        WG_OPERANDS(WG_FLOAT(-1, 1)), WG_STATE(wg_axes, 0)                                         \
    }
/* Nothing to fold in each result, and no result. */
#define WG_REDUCE_EMPTY_SAMPLES                                                                    \
    {WG_OPERANDS(WG_FLOATS(-1, 1, 0, 2)), WG_STATE(wg_axes, .count = 1, .axis = {1})}, {           \
        WG_OPERANDS(WG_FLOATS(-1, 1, 0, 2)), WG_STATE(wg_axes, .count = 1, .axis = {0})            \
    }
#define WG_REDUCE_SOME_SAMPLES                                                                     \
    { WG_OPERANDS(WG_FLOATS(-1, 1, 0, 2)), WG_STATE(wg_axes, .count = 1, .axis = {1}) }

#endif
