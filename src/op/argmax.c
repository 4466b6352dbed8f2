/* argmax.c: where the greatest and the least element are. */
#include "kernel/reduce.h"
#include "op/axes.h"
#include "op/define.h"
#include "op/samples.h"

typedef struct argmax_state {
    int axis;
    bool keep;
} argmax_state;

static wg_status argmax_shape(wg_call *call) {
    const argmax_state *state = wg_call_state(call);
    const wg_view *x = wg_call_operand(call, 0);
    const int axis = wg_call_axis(call, 0, state->axis);
    int64_t shape[WG_MAX_RANK];
    int rank = 0;
    if (axis < 0) {
        return WG_ERROR_ARGUMENT;
    }
    if (x->shape[axis] == 0) {
        return wg_call_fail(call, WG_ERROR_SHAPE, "no elements to choose from, of shape %s",
                            wg_call_shape(call, 0));
    }
    for (int i = 0; i < x->rank; i++) {
        if (i != axis || state->keep) {
            shape[rank++] = i == axis ? 1 : x->shape[i];
        }
    }
    return wg_call_result(call, WG_I64, rank, shape);
}

static wg_status argmin_shape(wg_call *call) {
    return argmax_shape(call);
}

static wg_status find(wg_call *call, bool least) {
    const argmax_state *state = wg_call_state(call);
    const wg_view *x = wg_call_operand(call, 0);
    const int axis = state->axis < 0 ? state->axis + x->rank : state->axis;
    wg_kernel_argmax(least, x->dtype, wg_sizes_product(x->shape, 0, axis), x->shape[axis],
                     wg_sizes_product(x->shape, axis + 1, x->rank), x->data,
                     wg_call_out(call)->data);
    return WG_OK;
}

static wg_status argmax_forward(wg_call *call) {
    return find(call, false);
}

static wg_status argmin_forward(wg_call *call) {
    return find(call, true);
}

#define ARGMAX(label)                                                                              \
    WG_SAMPLES(label, {WG_OPERANDS(WG_FLOATS(-1, 1, 5)), WG_STATE(argmax_state, 0, false)},        \
               {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3, 4)), WG_STATE(argmax_state, -2, true)},         \
               {WG_OPERANDS(WG_WHOLES(WG_U8, 9, 3, 4)), WG_STATE(argmax_state, 1, false)})         \
    WG_DEFINE_OP(label, label##_forward, NULL, 0, WG_OP_CONTIGUOUS)                                \
    wg_var wg_##label##_at(wg_var x, int axis, bool keep, const char *site) {                      \
        const argmax_state state = {axis, keep};                                                   \
        return wg_apply(&wg_op_##label, 1, &x, &state, sizeof state, site);                        \
    }
ARGMAX(argmax)
ARGMAX(argmin)
