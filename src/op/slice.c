/* slice.c: every step-th element along an axis, or one alone, and the transpose: zeros with such a
 * slice filled. */
#include "kernel/copy.h"
#include "op/axes.h"
#include "op/define.h"
#include "op/samples.h"
#include "tape/tape.h"
#include "wengert/index.h"

#include <string.h>

typedef struct slice_state {
    int axis;
    int64_t start, stop, step;
} slice_state;

/* The first index and the number of indices of start:stop:step among `size`. */
static void slice_bounds(const slice_state *s, int64_t size, int64_t *first, int64_t *count) {
    const bool up = s->step > 0;
    const int64_t low = up ? 0 : -1, high = up ? size : size - 1;
    int64_t bound[2] = {s->start, s->stop};
    for (int i = 0; i < 2; i++) {
        if (bound[i] == WG_END) {
            bound[i] = (i == 0) == up ? low : high;
        } else {
            bound[i] += bound[i] < 0 ? size : 0;
            bound[i] = bound[i] < low ? low : bound[i] > high ? high : bound[i];
        }
    }
    const int64_t way = bound[1] - bound[0];
    *first = bound[0];
    *count = (up ? way <= 0 : way >= 0) ? 0 : (way - (up ? 1 : -1)) / s->step + 1;
}

/* What lies at first, first + step, … along `axis` of a view; the offset of its first element. */
static int64_t narrow(wg_view *view, int axis, int64_t first, int64_t count, int64_t step) {
    const int64_t offset = count > 0 ? first * view->stride[axis] : 0;
    view->shape[axis] = count;
    view->stride[axis] *= count > 1 ? step : 1;
    return offset;
}

static wg_status slice_shape(wg_call *call) {
    const slice_state *state = wg_call_state(call);
    wg_view x = *wg_call_operand(call, 0);
    const int axis = wg_call_axis(call, 0, state->axis);
    if (axis < 0) {
        return WG_ERROR_ARGUMENT;
    }
    if (state->step == 0) {
        return wg_call_fail(call, WG_ERROR_ARGUMENT, "the step is 0");
    }
    int64_t first, count;
    slice_bounds(state, x.shape[axis], &first, &count);
    const int64_t offset = narrow(&x, axis, first, count, state->step);
    return wg_call_view(call, 0, offset, x.rank, x.shape, x.stride);
}

/* ---- unslice ------------------------------------------------------------------------------- */

/* The whole shape, and where the operand goes in it. */
typedef struct unslice_state {
    int rank, axis;
    int64_t shape[WG_MAX_RANK];
    int64_t first, step;
} unslice_state;

static wg_status unslice_shape(wg_call *call) {
    const unslice_state *state = wg_call_state(call);
    const wg_view *x = wg_call_operand(call, 0);
    bool fits = x->rank == state->rank;
    for (int i = 0; i < x->rank && fits; i++) {
        const int64_t last = state->first + (x->shape[i] - 1) * state->step;
        fits = i != state->axis ? x->shape[i] == state->shape[i]
                                : x->shape[i] == 0 || (last >= 0 && last < state->shape[i]);
    }
    if (!fits) {
        return wg_call_fail(call, WG_ERROR_SHAPE, "%s does not fit where it was sliced from",
                            wg_call_shape(call, 0));
    }
    return wg_call_result(call, wg_call_operand(call, 0)->dtype, state->rank, state->shape);
}

static wg_status unslice_forward(wg_call *call) {
    const unslice_state *state = wg_call_state(call);
    const wg_view *x = wg_call_operand(call, 0);
    wg_view to = *wg_call_out(call);
    const int64_t count = wg_view_count(&to), size = (int64_t)wg_dtype_size(to.dtype);
    if (count > 0 && wg_view_count(x) > 0) {
        if (count != wg_view_count(x)) {
            memset(to.data, 0, (size_t)(count * size));
        }
        to.data = (char *)to.data +
                  size * narrow(&to, state->axis, state->first, x->shape[state->axis], state->step);
        wg_kernel_copy(x, &to);
    } else if (count > 0) {
        memset(to.data, 0, (size_t)(count * size));
    }
    return WG_OK;
}

static void unslice_chain(wg_call *call, wg_var g) {
    const unslice_state *state = wg_call_state(call);
    const int64_t count = wg_operand_shape(call, 0).shape[state->axis];
    /* One step behind the last; before the first element there is no index. */
    const int64_t last = count > 0 ? state->first + (count - 1) * state->step : -1;
    const int64_t stop = count == 0 ? 0 : state->step > 0 ? last + 1 : last > 0 ? last - 1 : WG_END;
    wg_give(call, 0,
            wg_slice(g, state->axis, count == 0 ? 0 : state->first, stop,
                     count == 0 ? 1 : state->step));
}

WG_SAMPLES(unslice, {WG_OPERANDS(WG_FLOATS(-1, 1, 2)), WG_STATE(unslice_state, 1, 0, {5}, 1, 2)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3, 2)),
            WG_STATE(unslice_state, 3, 1, {2, 7, 2}, 6, -3)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 0)), WG_STATE(unslice_state, 2, 1, {2, 3}, 0, 1)})
WG_DEFINE_OP(unslice, unslice_forward, unslice_chain, 0, 0)

/* ---- slice --------------------------------------------------------------------------------- */

/* Gives g, a slice [first, first + step, …) of operand 0 along an axis. Outside of a recording
 * sweep it is added in place: many slices of one array cost no more than the array. */
static void give_slice(wg_call *call, wg_var g, const wg_view *x, int axis, int64_t first,
                       int64_t step) {
    const wg_view from = wg_view_of(g);
    void *place = wg_give_into(call, 0, from.dtype);
    if (place != NULL) {
        wg_view to = wg_view_new(from.dtype, x->rank, x->shape, place);
        to.data = (char *)to.data + (int64_t)wg_dtype_size(to.dtype) *
                                        narrow(&to, axis, first, from.shape[axis], step);
        wg_kernel_add_into(&from, &to);
        return;
    }
    unslice_state back = {.rank = x->rank, .axis = axis, .first = first, .step = step};
    memcpy(back.shape, x->shape, (size_t)x->rank * sizeof x->shape[0]);
    wg_give(call, 0, wg_apply(&wg_op_unslice, 1, &g, &back, sizeof back, WG_HERE));
}

static void slice_chain(wg_call *call, wg_var g) {
    const slice_state *state = wg_call_state(call);
    const wg_view x = wg_operand_shape(call, 0);
    const int axis = state->axis < 0 ? state->axis + x.rank : state->axis;
    int64_t first, count;
    slice_bounds(state, x.shape[axis], &first, &count);
    give_slice(call, g, &x, axis, first, state->step);
}

WG_SAMPLES(slice, {WG_OPERANDS(WG_FLOATS(-1, 1, 5)), WG_STATE(slice_state, 0, 1, -1, 1)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 7, 3)), WG_STATE(slice_state, 1, WG_END, WG_END, -2)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 4, 2)), WG_STATE(slice_state, -2, 3, WG_END, -3)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3)), WG_STATE(slice_state, 1, 2, 2, 1)})
WG_DEFINE_OP(slice, NULL, slice_chain, 0, WG_OP_BF16)

wg_var wg_slice_at(wg_var x, int axis, int64_t start, int64_t stop, int64_t step,
                   const char *site) {
    slice_state state;
    memset(&state, 0, sizeof state);
    state.axis = axis;
    state.start = start;
    state.stop = stop;
    state.step = step;
    return wg_apply(&wg_op_slice, 1, &x, &state, sizeof state, site);
}

/* ---- select -------------------------------------------------------------------------------- */

typedef struct select_state {
    int axis;
    int64_t index;
} select_state;

static wg_status select_shape(wg_call *call) {
    const select_state *state = wg_call_state(call);
    wg_view x = *wg_call_operand(call, 0);
    const int axis = wg_call_axis(call, 0, state->axis);
    if (axis < 0) {
        return WG_ERROR_ARGUMENT;
    }
    const int64_t size = x.shape[axis];
    if (state->index < -size || state->index >= size) {
        return wg_call_fail(call, WG_ERROR_ARGUMENT,
                            "index %lld is out of range for axis %d of the shape %s",
                            (long long)state->index, axis, wg_call_shape(call, 0));
    }
    const int64_t offset = x.stride[axis] * (state->index + (state->index < 0 ? size : 0));
    x.rank--;
    for (int i = axis; i < x.rank; i++) {
        x.shape[i] = x.shape[i + 1];
        x.stride[i] = x.stride[i + 1];
    }
    return wg_call_view(call, 0, offset, x.rank, x.shape, x.stride);
}

static void select_chain(wg_call *call, wg_var g) {
    const select_state *state = wg_call_state(call);
    const wg_view x = wg_operand_shape(call, 0);
    const int axis = state->axis < 0 ? state->axis + x.rank : state->axis;
    wg_view one = x;
    one.shape[axis] = 1;
    give_slice(call, wg_reshape(g, one.rank, one.shape), &x, axis,
               state->index + (state->index < 0 ? x.shape[axis] : 0), 1);
}

WG_SAMPLES(select, {WG_OPERANDS(WG_FLOATS(-1, 1, 5)), WG_STATE(select_state, 0, 1)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 7, 3)), WG_STATE(select_state, 1, -1)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3)), WG_STATE(select_state, -1, 0)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 0, 3)), WG_STATE(select_state, 1, 2)})
WG_DEFINE_OP(select, NULL, select_chain, 0, WG_OP_BF16)

wg_var wg_select_at(wg_var x, int64_t index, int axis, const char *site) {
    select_state state;
    memset(&state, 0, sizeof state);
    state.axis = axis;
    state.index = index;
    return wg_apply(&wg_op_select, 1, &x, &state, sizeof state, site);
}
