/* logsumexp.c: log of the sum of exponentials, with a derivative that is an operation of its own.
 */
#include <float.h>

#include "op/axes.h"
#include "op/define.h"
#include "op/reduce.h"
#include "op/samples.h"

/* ---- exp_share: g exp(x - r) --------------------------------------------------------------- */

/* Operands: x [outer, n, inner], r and g [outer, 1, inner]. */
static wg_status exp_share_shape(wg_call *call) {
    const wg_view *x = wg_call_operand(call, 0);
    for (int i = 1; i < 3; i++) {
        const wg_view *y = wg_call_operand(call, i);
        if (x->rank != 3 || y->rank != 3 || y->shape[0] != x->shape[0] || y->shape[1] != 1 ||
            y->shape[2] != x->shape[2]) {
            return wg_call_fail(call, WG_ERROR_SHAPE, "%s does not belong to %s",
                                wg_call_shape(call, i), wg_call_shape(call, 0));
        }
    }
    return wg_call_result(call, x->dtype, x->rank, x->shape);
}

static wg_status exp_share_forward(wg_call *call) {
    const wg_view *x = wg_call_operand(call, 0);
    const wg_planes planes = {x->dtype, x->shape[0], x->shape[1], x->shape[2]};
    wg_kernel_exp_share(&planes, x->data, wg_call_operand(call, 1)->data,
                        wg_call_operand(call, 2)->data, wg_call_out(call)->data);
    return WG_OK;
}

/* The lowest number stands for r = -infinity, so that -infinity - r is no NaN. */
static wg_var share_of(wg_var x, wg_var r) {
    const double least = wg_view_of(x).dtype == WG_F32 ? -(double)FLT_MAX : -DBL_MAX;
    return wg_exp(wg_sub(x, wg_max(r, least)));
}

static void exp_share_chain(wg_call *call, wg_var h) {
    const wg_var through = wg_mul(h, wg_result(call));
    wg_give(call, 0, through);
    if (wg_wants(call, 1)) {
        wg_give(call, 1, wg_neg(wg_sum_over(through, WG_AXES_KEEP(1))));
    }
    if (wg_wants(call, 2)) {
        const wg_var share = share_of(wg_operand(call, 0), wg_operand(call, 1));
        wg_give(call, 2, wg_sum_over(wg_mul(h, share), WG_AXES_KEEP(1)));
    }
}

WG_SAMPLES(
    exp_share,
    {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3, 1), WG_FLOATS(0, 1, 2, 1, 1), WG_FLOATS(-1, 1, 2, 1, 1))},
    {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3, 4), WG_FLOATS(0, 1, 2, 1, 4), WG_FLOATS(-1, 1, 2, 1, 4))},
    {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 0, 3), WG_FLOATS(0, 1, 2, 1, 3), WG_FLOATS(-1, 1, 2, 1, 3))})
WG_DEFINE_OP(exp_share, exp_share_forward, exp_share_chain, WG_READS_OPERANDS | WG_READS_RESULT,
             WG_OP_FLOATS | WG_OP_CONTIGUOUS)

/* ---- logsumexp ----------------------------------------------------------------------------- */

static wg_status logsumexp_shape(wg_call *call) {
    return wg_reduce_shape(call, true);
}

static wg_status logsumexp_forward(wg_call *call) {
    wg_planes planes;
    const void *x = wg_reduce_operand(call, &planes);
    if (x == NULL) {
        return WG_ERROR_MEMORY;
    }
    wg_kernel_logsumexp(&planes, x, wg_call_out(call)->data);
    return WG_OK;
}

static void logsumexp_chain(wg_call *call, wg_var g) {
    wg_reduce_folded folded;
    if (wg_reduce_fold(call, g, &folded)) {
        const wg_planes *p = &folded.planes;
        const wg_var operands[3] = {
            folded.x, wg_reshape(wg_result(call), WG_SHAPE(p->outer, 1, p->inner)), folded.g};
        wg_give(call, 0,
                wg_reduce_unfold(call, wg_apply(&wg_op_exp_share, 3, operands, NULL, 0, WG_HERE)));
        return;
    }
    const wg_var share = share_of(wg_operand(call, 0), wg_reduce_spread(call, wg_result(call)));
    wg_give(call, 0, wg_mul(wg_reduce_spread(call, g), share));
}

WG_SAMPLES(logsumexp, WG_REDUCE_SAMPLES, WG_REDUCE_SOME_SAMPLES,
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3, 4)), WG_STATE(wg_axes, .count = 1, .axis = {1})})
WG_DEFINE_OP(logsumexp, logsumexp_forward, logsumexp_chain, WG_READS_OPERAND(0) | WG_READS_RESULT,
             WG_OP_FLOATS)

wg_var wg_logsumexp_at(wg_var x, wg_axes axes, const char *site) {
    return x.tape == NULL ? x : wg_apply(&wg_op_logsumexp, 1, &x, &axes, sizeof axes, site);
}
