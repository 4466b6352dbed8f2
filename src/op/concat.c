/* concat.c: arrays one behind the other, along an axis that they have or a new one. */
#include "kernel/copy.h"
#include "op/axes.h"
#include "op/define.h"
#include "op/samples.h"
#include "wengert/index.h"

typedef struct concat_state {
    int axis;
} concat_state;

/* f64 wins, then f32, then i64; an integer beside f32 becomes f32. */
static wg_dtype promoted(wg_dtype a, wg_dtype b) {
    static const wg_dtype order[] = {WG_U8, WG_I64, WG_F32, WG_F64};
    for (int i = (int)WG_COUNT_OF(order) - 1; i > 0; i--) {
        if (a == order[i] || b == order[i]) {
            return order[i];
        }
    }
    return WG_U8;
}

static wg_status concat_shape(wg_call *call) {
    const concat_state *state = wg_call_state(call);
    wg_view out = *wg_call_operand(call, 0);
    const int axis = wg_call_axis(call, 0, state->axis);
    if (axis < 0) {
        return WG_ERROR_ARGUMENT;
    }
    for (int i = 1; i < wg_call_count(call); i++) {
        const wg_view *x = wg_call_operand(call, i);
        bool fits = x->rank == out.rank;
        for (int k = 0; k < x->rank && fits; k++) {
            fits = k == axis || x->shape[k] == out.shape[k];
        }
        if (!fits) {
            return wg_call_fail(call, WG_ERROR_SHAPE,
                                "array %d is %s and the first is %s; only axis %d may differ", i,
                                wg_call_shape(call, i), wg_call_shape(call, 0), axis);
        }
        if (x->shape[axis] > INT64_MAX - out.shape[axis]) { /* broadcast views may be that large */
            return wg_call_fail(call, WG_ERROR_LIMIT, "too many elements along axis %d", axis);
        }
        out.shape[axis] += x->shape[axis];
        out.dtype = promoted(out.dtype, x->dtype);
    }
    return wg_call_result(call, out.dtype, out.rank, out.shape);
}

static wg_status concat_forward(wg_call *call) {
    const concat_state *state = wg_call_state(call);
    wg_view to = *wg_call_out(call);
    const int axis = state->axis < 0 ? state->axis + to.rank : state->axis;
    const int64_t bytes = to.stride[axis] * (int64_t)wg_dtype_size(to.dtype);
    for (int i = 0; i < wg_call_count(call); i++) {
        const wg_view *x = wg_call_operand(call, i);
        to.shape[axis] = x->shape[axis];
        wg_kernel_copy(x, &to);
        to.data = (char *)to.data + bytes * x->shape[axis];
    }
    return WG_OK;
}

static void concat_chain(wg_call *call, wg_var g) {
    const concat_state *state = wg_call_state(call);
    int64_t first = 0;
    for (int i = 0; i < wg_call_count(call); i++) {
        const wg_view x = wg_operand_shape(call, i);
        const int axis = state->axis < 0 ? state->axis + x.rank : state->axis;
        if (wg_wants(call, i)) {
            wg_give(call, i, wg_slice(g, axis, first, first + x.shape[axis], 1));
        }
        first += x.shape[axis];
    }
}

WG_SAMPLES(concat,
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2), WG_FLOATS(-1, 1, 3)), WG_STATE(concat_state, 0)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3, 2), WG_FLOATS(-1, 1, 2, 1, 2),
                        WG_FLOATS(-1, 1, 2, 2, 2)),
            WG_STATE(concat_state, -2)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 2)), WG_STATE(concat_state, 1)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 0), WG_FLOATS(-1, 1, 2, 2)), WG_STATE(concat_state, 1)})
WG_DEFINE_OP(concat, concat_forward, concat_chain, 0, 0)

wg_var wg_concat_at(int n, const wg_var *xs, int axis, const char *site) {
    const concat_state state = {axis};
    return wg_apply(&wg_op_concat, n, xs, &state, sizeof state, site);
}

/* ---- stack_arrays -------------------------------------------------------------------------- */

static wg_status stack_arrays_shape(wg_call *call) {
    const concat_state *state = wg_call_state(call);
    const wg_view *first = wg_call_operand(call, 0);
    const int axis = state->axis < 0 ? state->axis + first->rank + 1 : state->axis;
    int64_t shape[WG_MAX_RANK + 1];
    wg_dtype dtype = first->dtype;
    if (axis < 0 || axis > first->rank) {
        return wg_call_fail(call, WG_ERROR_ARGUMENT, "no new axis %d goes into the shape %s",
                            state->axis, wg_call_shape(call, 0));
    }
    for (int i = 1; i < wg_call_count(call); i++) {
        const wg_view *x = wg_call_operand(call, i);
        if (!wg_shape_equal(x->rank, x->shape, first->rank, first->shape)) {
            return wg_call_fail(call, WG_ERROR_SHAPE, "array %d is %s and the first is %s", i,
                                wg_call_shape(call, i), wg_call_shape(call, 0));
        }
        dtype = promoted(dtype, x->dtype);
    }
    for (int i = 0; i <= first->rank; i++) {
        shape[i] = i == axis ? wg_call_count(call) : first->shape[i - (i > axis ? 1 : 0)];
    }
    return wg_call_result(call, dtype, first->rank + 1, shape);
}

static int new_axis(const wg_call *call) {
    const concat_state *state = wg_call_state(call);
    return state->axis < 0 ? state->axis + wg_operand_shape(call, 0).rank + 1 : state->axis;
}

static wg_status stack_arrays_forward(wg_call *call) {
    wg_view to = *wg_call_out(call);
    const int axis = new_axis(call);
    const int64_t bytes = to.stride[axis] * (int64_t)wg_dtype_size(to.dtype);
    to.rank--;
    for (int i = axis; i < to.rank; i++) {
        to.shape[i] = to.shape[i + 1];
        to.stride[i] = to.stride[i + 1];
    }
    for (int i = 0; i < wg_call_count(call); i++) {
        wg_kernel_copy(wg_call_operand(call, i), &to);
        to.data = (char *)to.data + bytes;
    }
    return WG_OK;
}

static void stack_arrays_chain(wg_call *call, wg_var g) {
    for (int i = 0; i < wg_call_count(call); i++) {
        if (wg_wants(call, i)) {
            wg_give(call, i, wg_select(g, i, new_axis(call)));
        }
    }
}

WG_SAMPLES(stack_arrays,
           {WG_OPERANDS(WG_FLOATS(-1, 1, 3), WG_FLOATS(-1, 1, 3)), WG_STATE(concat_state, 0)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3), WG_FLOATS(-1, 1, 2, 3), WG_FLOATS(-1, 1, 2, 3)),
            WG_STATE(concat_state, -1)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3)), WG_STATE(concat_state, 1)},
           {WG_OPERANDS(WG_FLOAT(-1, 1), WG_FLOAT(-1, 1)), WG_STATE(concat_state, 0)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 0, 2), WG_FLOATS(-1, 1, 0, 2)), WG_STATE(concat_state, 1)})
WG_DEFINE_OP(stack_arrays, stack_arrays_forward, stack_arrays_chain, 0, 0)

wg_var wg_stack_arrays_at(int n, const wg_var *xs, int axis, const char *site) {
    const concat_state state = {axis};
    return wg_apply(&wg_op_stack_arrays, n, xs, &state, sizeof state, site);
}
