/* cast.c: the same values in other storage: another dtype, contiguous. */
#include "kernel/copy.h"
#include "op/define.h"
#include "op/samples.h"

typedef struct cast_state {
    wg_dtype dtype;
} cast_state;

static wg_status copy_forward(wg_call *call) {
    wg_kernel_copy(wg_call_operand(call, 0), wg_call_out(call));
    return WG_OK;
}

/* The sweep converts it to the operand's dtype. */
static void give_on(wg_call *call, wg_var g) {
    wg_give(call, 0, g);
}

static wg_status cast_shape(wg_call *call) {
    const cast_state *state = wg_call_state(call);
    const wg_view *x = wg_call_operand(call, 0);
    if (wg_dtype_size(state->dtype) == 0) {
        return wg_call_fail(call, WG_ERROR_ARGUMENT, "%d is no dtype", (int)state->dtype);
    }
    return wg_call_result(call, state->dtype, x->rank, x->shape);
}

/* To f64 alone: finite differences of an f64 function through f32 would see its rounding. */
WG_SAMPLES(cast, {WG_OPERANDS(WG_FLOATS(-1, 1, 3)), WG_STATE(cast_state, WG_F64)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 1, 3)), WG_STATE(cast_state, WG_F64)},
           {WG_OPERANDS(WG_WHOLES(WG_I64, 9, 2, 3)), WG_STATE(cast_state, WG_F64)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 0, 2)), WG_STATE(cast_state, WG_F64)})
WG_DEFINE_OP(cast, copy_forward, give_on, 0, WG_OP_BF16)

wg_var wg_cast_at(wg_var x, wg_dtype dtype, const char *site) {
    const cast_state state = {dtype};
    if (wg_is_array(x) && wg_view_of(x).dtype == dtype) {
        return x;
    }
    return wg_apply(&wg_op_cast, 1, &x, &state, sizeof state, site);
}

static wg_status contiguous_shape(wg_call *call) {
    const wg_view *x = wg_call_operand(call, 0);
    return wg_call_result(call, x->dtype, x->rank, x->shape);
}

WG_SAMPLES(contiguous, {WG_OPERANDS(WG_FLOATS(-1, 1, 4))}, {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3, 2))},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 0, 2))})
WG_DEFINE_OP(contiguous, copy_forward, give_on, 0, WG_OP_BF16)

wg_var wg_contiguous_at(wg_var x, const char *site) {
    const wg_view view = wg_view_of(x);
    if (wg_is_array(x) && wg_view_is_contiguous(&view)) {
        return x;
    }
    return wg_apply(&wg_op_contiguous, 1, &x, NULL, 0, site);
}
