/* reduce.h (internal): what the reductions share. Their state is a wg_axes. */
#ifndef WG_SRC_OP_REDUCE_H
#define WG_SRC_OP_REDUCE_H

#include "kernel/reduce.h"
#include "kernel/softmax.h"
#include "wengert/array.h"

/* The shape rule: the operand's shape without the folded axes, or with size 1 there. */
wg_status wg_reduce_shape(wg_call *call, bool may_be_empty);

/* Folds the operand into the result; `divide`: by the number of elements of each fold. */
wg_status wg_reduce_forward(wg_call *call, wg_reduction kind, bool divide);

/* In a chain: the operand's shape with size 1 where it is folded. Returns how many elements each
 * fold has. */
int64_t wg_reduce_kept(const wg_call *call, int64_t *shape);

/* In a chain: g of each fold for all of its elements. */
wg_var wg_reduce_spread(wg_call *call, wg_var g);

/* A shape as [outer, n, inner], of which n is folded; false where the folded axes do not lie side
 * by side (planes is then [results, n, 1], in the order of the kept axes). */
bool wg_reduce_planes(const wg_view *x, const wg_axes *axes, wg_planes *planes);

/* In forward: operand 0's elements in that form, copied where they lie otherwise; NULL and a
 * failure where there is no memory. */
const void *wg_reduce_operand(wg_call *call, wg_planes *planes);

/* In a chain, whose operation has a derivative of planes that is an operation itself: operand 0
 * reshaped to planes, and g (or another array of the result's shape) to [outer, 1, inner]. False
 * where that is not possible without a copy. */
typedef struct wg_reduce_folded {
    wg_planes planes;
    wg_var x, g;
} wg_reduce_folded;
bool wg_reduce_fold(wg_call *call, wg_var g, wg_reduce_folded *folded);
/* The derivative, of planes, in operand 0's shape. */
wg_var wg_reduce_unfold(wg_call *call, wg_var y);

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
