/* flip.c: the elements in reverse order along some axes: a view. */
#include "op/axes.h"
#include "op/define.h"
#include "op/samples.h"
#include "wengert/index.h"

static wg_status flip_shape(wg_call *call) {
    wg_view x = *wg_call_operand(call, 0);
    unsigned bits = 0;
    if (!wg_call_axes(call, wg_call_state(call), &bits)) {
        return WG_ERROR_ARGUMENT;
    }
    int64_t offset = 0;
    for (int i = 0; i < x.rank; i++) {
        if ((bits >> i & 1) != 0) {
            offset += x.shape[i] > 0 ? (x.shape[i] - 1) * x.stride[i] : 0;
            x.stride[i] = -x.stride[i];
        }
    }
    return wg_call_view(call, 0, offset, x.rank, x.shape, x.stride);
}

static void flip_chain(wg_call *call, wg_var g) {
    const wg_axes *axes = wg_call_state(call);
    wg_give(call, 0, wg_flip(g, *axes));
}

WG_SAMPLES(flip, {WG_OPERANDS(WG_FLOATS(-1, 1, 4)), WG_STATE(wg_axes, 0)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3, 4)), WG_STATE(wg_axes, 2, false, {0, -1})},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3)), WG_STATE(wg_axes, 1, false, {1})},
           {WG_OPERANDS(WG_FLOAT(-1, 1)), WG_STATE(wg_axes, 0)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 0)), WG_STATE(wg_axes, 0)})
WG_DEFINE_OP(flip, NULL, flip_chain, 0, WG_OP_BF16)

wg_var wg_flip_at(wg_var x, wg_axes axes, const char *site) {
    return wg_apply(&wg_op_flip, 1, &x, &axes, sizeof axes, site);
}
