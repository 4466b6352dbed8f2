/* shape.c: the same elements under another shape: reshape, permute, transpose, broadcast_to. */
#include "kernel/copy.h"
#include "op/axes.h"
#include "op/define.h"
#include "op/samples.h"

#include <string.h>

typedef struct shape_state {
    int rank; /* as given; out of range is found by the shape rules */
    int64_t shape[WG_MAX_RANK];
} shape_state;

static shape_state state_of(int rank, const int64_t *shape) {
    shape_state state = {.rank = rank};
    for (int i = 0; i < rank && i < WG_MAX_RANK; i++) {
        state.shape[i] = shape[i];
    }
    return state;
}

static wg_status check_rank(wg_call *call, int rank) {
    return rank >= 0 && rank <= WG_MAX_RANK
               ? WG_OK
               : wg_call_fail(call, WG_ERROR_ARGUMENT, "%d axes asked for; an array has 0 to %d",
                              rank, WG_MAX_RANK);
}

/* Gives g back in operand 0's shape. */
static void chain_reshape(wg_call *call, wg_var g) {
    const wg_view shape = wg_operand_shape(call, 0);
    wg_give(call, 0, wg_reshape(g, shape.rank, shape.shape));
}

/* ---- reshape ------------------------------------------------------------------------------- */

/* Fills in a -1 and checks that the counts agree. */
static wg_status reshape_sizes(wg_call *call, const shape_state *state, int64_t *shape) {
    const int64_t count = wg_view_count(wg_call_operand(call, 0));
    int open = -1, opens = 0;
    for (int i = 0; i < state->rank; i++) {
        shape[i] = state->shape[i];
        if (shape[i] == -1) {
            open = i;
            opens++;
            shape[i] = 1;
        }
    }
    const int64_t known = wg_shape_count(state->rank, shape, 1);
    if (opens == 1 && known > 0 && count % known == 0) {
        shape[open] = count / known;
    }
    if (opens > 1 || (opens == 1 && known == 0) || known < 0 ||
        wg_shape_count(state->rank, shape, 1) != count) {
        char text[192];
        return wg_call_fail(call, WG_ERROR_SHAPE, "%s cannot become %s", wg_call_shape(call, 0),
                            wg_shape_text(state->rank, state->shape, text, sizeof text));
    }
    return WG_OK;
}

/* The operand's axes with evenly spaced neighbours merged and those of size 1 left out; how many
 * remain. */
static int merged_axes(const wg_view *from, int64_t *shape, int64_t *stride) {
    int rank = 0;
    for (int i = 0; i < from->rank; i++) {
        if (from->shape[i] == 1) {
            continue;
        }
        if (rank > 0 && stride[rank - 1] == from->stride[i] * from->shape[i]) {
            shape[rank - 1] *= from->shape[i];
            stride[rank - 1] = from->stride[i];
        } else {
            shape[rank] = from->shape[i];
            stride[rank++] = from->stride[i];
        }
    }
    return rank;
}

/* Strides under which the new shape is a view of `from`: each new axis must fit into what is left
 * of one merged axis. False where only a copy will do. */
static bool reshape_strides(const wg_view *from, int rank, const int64_t *shape, int64_t *stride) {
    int64_t merged[WG_MAX_RANK], steps[WG_MAX_RANK], left = 1, step = 1;
    const bool empty = wg_view_count(from) == 0;
    int group = empty ? 0 : merged_axes(from, merged, steps);
    for (int i = rank - 1; i >= 0; i--) {
        if (left == 1 && shape[i] != 1 && group > 0) {
            left = merged[--group];
            step = steps[group];
        }
        if (!empty && left % shape[i] != 0) {
            return false;
        }
        stride[i] = step;
        step *= shape[i];
        left = empty ? 1 : left / shape[i];
    }
    return true;
}

static wg_status reshape_shape(wg_call *call) {
    const shape_state *state = wg_call_state(call);
    const wg_view *x = wg_call_operand(call, 0);
    int64_t shape[WG_MAX_RANK], stride[WG_MAX_RANK];
    wg_status status = check_rank(call, state->rank);
    if (status == WG_OK) {
        status = reshape_sizes(call, state, shape);
    }
    if (status != WG_OK) {
        return status;
    }
    return reshape_strides(x, state->rank, shape, stride)
               ? wg_call_view(call, 0, 0, state->rank, shape, stride)
               : wg_call_result(call, x->dtype, state->rank, shape);
}

static wg_status reshape_forward(wg_call *call) {
    const wg_view *x = wg_call_operand(call, 0);
    wg_view to = *x; /* the result, seen in the operand's shape */
    int64_t step = 1;
    to.data = wg_call_out(call)->data;
    for (int i = to.rank - 1; i >= 0; i--) {
        to.stride[i] = step;
        step *= to.shape[i];
    }
    wg_kernel_copy(x, &to);
    return WG_OK;
}

WG_SAMPLES(reshape, {WG_OPERANDS(WG_FLOATS(-1, 1, 6)), WG_STATE(shape_state, 2, {2, 3})},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3, 4)), WG_STATE(shape_state, 3, {4, -1, 2})},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 1, 3, 1)), WG_STATE(shape_state, 1, {-1})},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 1)), WG_STATE(shape_state, 0, {0})},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 0)), WG_STATE(shape_state, 3, {0, 3, 1})})
WG_DEFINE_OP(reshape, reshape_forward, chain_reshape, 0, WG_OP_BF16)

wg_var wg_reshape_at(wg_var x, int rank, const int64_t *shape, const char *site) {
    const shape_state state = state_of(rank, shape);
    return wg_apply(&wg_op_reshape, 1, &x, &state, sizeof state, site);
}

/* ---- permute, transpose -------------------------------------------------------------------- */

typedef struct permute_state {
    int rank;
    int axis[WG_MAX_RANK];
} permute_state;

static wg_status permute_shape(wg_call *call) {
    const permute_state *state = wg_call_state(call);
    const wg_view *x = wg_call_operand(call, 0);
    int64_t shape[WG_MAX_RANK], stride[WG_MAX_RANK];
    unsigned seen = 0;
    if (state->rank != x->rank) {
        return wg_call_fail(call, WG_ERROR_ARGUMENT, "%d axes named, of shape %s", state->rank,
                            wg_call_shape(call, 0));
    }
    for (int i = 0; i < x->rank; i++) {
        const int axis = wg_call_axis(call, 0, state->axis[i]);
        if (axis < 0) {
            return WG_ERROR_ARGUMENT;
        }
        if ((seen >> axis & 1) != 0) {
            return wg_call_fail(call, WG_ERROR_ARGUMENT, "axis %d of the shape %s is named twice",
                                state->axis[i], wg_call_shape(call, 0));
        }
        seen |= 1u << axis;
        shape[i] = x->shape[axis];
        stride[i] = x->stride[axis];
    }
    return wg_call_view(call, 0, 0, x->rank, shape, stride);
}

static void permute_chain(wg_call *call, wg_var g) {
    const permute_state *state = wg_call_state(call);
    int back[WG_MAX_RANK] = {0};
    for (int i = 0; i < state->rank; i++) {
        back[state->axis[i] < 0 ? state->axis[i] + state->rank : state->axis[i]] = i;
    }
    wg_give(call, 0, wg_permute(g, state->rank, back));
}

WG_SAMPLES(permute, {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3, 4)), WG_STATE(permute_state, 3, {1, 2, 0})},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 1, 3, 2)), WG_STATE(permute_state, 4, {-1, 0, 2, 1})},
           {WG_OPERANDS(WG_FLOAT(-1, 1)), WG_STATE(permute_state, 0, {0})},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 0, 3)), WG_STATE(permute_state, 2, {1, 0})})
WG_DEFINE_OP(permute, NULL, permute_chain, 0, WG_OP_BF16)

wg_var wg_permute_at(wg_var x, int rank, const int *axes, const char *site) {
    permute_state state = {.rank = rank};
    for (int i = 0; i < rank && i < WG_MAX_RANK; i++) {
        state.axis[i] = axes[i];
    }
    return wg_apply(&wg_op_permute, 1, &x, &state, sizeof state, site);
}

static wg_status transpose_shape(wg_call *call) {
    wg_view x = *wg_call_operand(call, 0);
    if (x.rank >= 2) {
        const int last = x.rank - 1;
        const int64_t size = x.shape[last], stride = x.stride[last];
        x.shape[last] = x.shape[last - 1];
        x.stride[last] = x.stride[last - 1];
        x.shape[last - 1] = size;
        x.stride[last - 1] = stride;
    }
    return wg_call_view(call, 0, 0, x.rank, x.shape, x.stride);
}

static void transpose_chain(wg_call *call, wg_var g) {
    wg_give(call, 0, wg_transpose(g));
}

WG_SAMPLES(transpose, {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3))},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3, 1))}, {WG_OPERANDS(WG_FLOATS(-1, 1, 3))},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 0))})
WG_DEFINE_OP(transpose, NULL, transpose_chain, 0, WG_OP_BF16)

wg_var wg_transpose_at(wg_var x, const char *site) {
    return wg_apply(&wg_op_transpose, 1, &x, NULL, 0, site);
}

/* ---- broadcast_to -------------------------------------------------------------------------- */

static wg_status broadcast_to_shape(wg_call *call) {
    const shape_state *state = wg_call_state(call);
    const wg_view *x = wg_call_operand(call, 0);
    int64_t shape[WG_MAX_RANK], stride[WG_MAX_RANK];
    const wg_status status = check_rank(call, state->rank);
    if (status != WG_OK) {
        return status;
    }
    bool fits = state->rank >= x->rank;
    for (int i = 0; i < state->rank && fits; i++) {
        const int own = i - (state->rank - x->rank);
        const int64_t size = own < 0 ? 1 : x->shape[own];
        shape[i] = state->shape[i] == -1 ? size : state->shape[i];
        stride[i] = size == 1 ? 0 : x->stride[own];
        fits = shape[i] >= 0 && (size == 1 || size == shape[i]);
    }
    if (!fits) {
        char text[192];
        return wg_call_fail(call, WG_ERROR_SHAPE, "%s does not broadcast to %s",
                            wg_call_shape(call, 0),
                            wg_shape_text(state->rank, state->shape, text, sizeof text));
    }
    return wg_call_view(call, 0, 0, state->rank, shape, stride);
}

/* The sweep sums over what was broadcast. */
static void broadcast_to_chain(wg_call *call, wg_var g) {
    wg_give(call, 0, g);
}

WG_SAMPLES(broadcast_to, {WG_OPERANDS(WG_FLOATS(-1, 1, 3)), WG_STATE(shape_state, 2, {2, 3})},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 1, 3)), WG_STATE(shape_state, 4, {2, -1, 4, 3})},
           {WG_OPERANDS(WG_FLOAT(-1, 1)), WG_STATE(shape_state, 2, {3, 2})},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 1, 2)), WG_STATE(shape_state, 2, {0, 2})})
WG_DEFINE_OP(broadcast_to, NULL, broadcast_to_chain, 0, WG_OP_BF16)

wg_var wg_broadcast_to_at(wg_var x, int rank, const int64_t *shape, const char *site) {
    const shape_state state = state_of(rank, shape);
    return wg_apply(&wg_op_broadcast_to, 1, &x, &state, sizeof state, site);
}
