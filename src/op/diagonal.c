/* diagonal.c: the diagonal of two axes as a view, and its transpose: zeros with a diagonal filled.
 */
#include "op/define.h"

#include "kernel/copy.h"
#include "op/axes.h"
#include "op/samples.h"
#include "op/verb.h"
#include "tape/tape.h"
#include "wengert/index.h"

#include <string.h>

typedef struct diagonal_state {
    int64_t offset;
    int axis[2];
} diagonal_state;

/* How long diagonal `offset` of a [rows, columns] matrix is. */
static int64_t diagonal_length(int64_t rows, int64_t columns, int64_t offset) {
    const int64_t right = offset > 0 ? offset : 0, down = offset < 0 ? -(offset + 1) : -1;
    if (right >= columns || down >= rows - 1) {
        return 0;
    }
    const int64_t high = rows - (down + 1), wide = columns - right;
    return high < wide ? high : wide;
}

/* The diagonal of a view, its axis behind the others; returns the offset of its first element. */
static int64_t take_diagonal(wg_view *view, int first, int second, int64_t offset) {
    const int64_t length = diagonal_length(view->shape[first], view->shape[second], offset);
    const int64_t stride = view->stride[first] + view->stride[second];
    const int64_t from = length == 0  ? 0
                         : offset > 0 ? offset * view->stride[second]
                                      : -offset * view->stride[first];
    int rank = 0;
    for (int i = 0; i < view->rank; i++) {
        if (i != first && i != second) {
            view->shape[rank] = view->shape[i];
            view->stride[rank++] = view->stride[i];
        }
    }
    view->shape[rank] = length;
    view->stride[rank] = stride;
    view->rank = rank + 1;
    return from;
}

/* ---- undiagonal ---------------------------------------------------------------------------- */

typedef struct undiagonal_state {
    diagonal_state diagonal; /* axes counted from the first */
    int rank;
    int64_t shape[WG_MAX_RANK];
} undiagonal_state;

static wg_status undiagonal_shape(wg_call *call) {
    const undiagonal_state *state = wg_call_state(call);
    const wg_view *x = wg_call_operand(call, 0);
    wg_view to = {.rank = state->rank};
    memcpy(to.shape, state->shape, sizeof to.shape);
    (void)take_diagonal(&to, state->diagonal.axis[0], state->diagonal.axis[1],
                        state->diagonal.offset);
    if (!wg_shape_equal(x->rank, x->shape, to.rank, to.shape)) {
        return wg_call_fail(call, WG_ERROR_SHAPE, "%s is not the diagonal asked for",
                            wg_call_shape(call, 0));
    }
    return wg_call_result(call, x->dtype, state->rank, state->shape);
}

static wg_status undiagonal_forward(wg_call *call) {
    const undiagonal_state *state = wg_call_state(call);
    const diagonal_state *d = &state->diagonal;
    wg_view to = *wg_call_out(call);
    const size_t size = wg_dtype_size(to.dtype), bytes = (size_t)wg_view_count(&to) * size;
    if (bytes > 0) {
        memset(to.data, 0, bytes);
        to.data =
            (char *)to.data + (int64_t)size * take_diagonal(&to, d->axis[0], d->axis[1], d->offset);
        wg_kernel_copy(wg_call_operand(call, 0), &to);
    }
    return WG_OK;
}

static void undiagonal_chain(wg_call *call, wg_var g) {
    const undiagonal_state *state = wg_call_state(call);
    const diagonal_state *d = &state->diagonal;
    wg_give(call, 0, wg_diagonal(g, d->offset, d->axis[0], d->axis[1]));
}

WG_SAMPLES(undiagonal,
           {WG_OPERANDS(WG_FLOATS(-1, 1, 3)), WG_STATE(undiagonal_state, {0, {0, 1}}, 2, {3, 3})},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3)),
            WG_STATE(undiagonal_state, {-1, {2, 0}}, 3, {3, 2, 5})},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 0)), WG_STATE(undiagonal_state, {3, {0, 1}}, 2, {2, 3})})
WG_DEFINE_OP(undiagonal, undiagonal_forward, undiagonal_chain, 0, 0)

/* ---- diagonal ------------------------------------------------------------------------------ */

static wg_status diagonal_shape(wg_call *call) {
    const diagonal_state *state = wg_call_state(call);
    wg_view x = *wg_call_operand(call, 0);
    const int first = wg_call_axis(call, 0, state->axis[0]);
    const int second = first < 0 ? -1 : wg_call_axis(call, 0, state->axis[1]);
    if (second < 0) {
        return WG_ERROR_ARGUMENT;
    }
    if (first == second) {
        return wg_call_fail(call, WG_ERROR_ARGUMENT, "axis %d of the shape %s is named twice",
                            state->axis[1], wg_call_shape(call, 0));
    }
    const int64_t offset = take_diagonal(&x, first, second, state->offset);
    return wg_call_view(call, 0, offset, x.rank, x.shape, x.stride);
}

static void diagonal_chain(wg_call *call, wg_var g) {
    const diagonal_state *state = wg_call_state(call);
    const wg_view x = wg_operand_shape(call, 0), from = wg_view_of(g);
    undiagonal_state back = {.diagonal = *state, .rank = x.rank};
    memcpy(back.shape, x.shape, (size_t)x.rank * sizeof x.shape[0]);
    for (int i = 0; i < 2; i++) {
        back.diagonal.axis[i] += back.diagonal.axis[i] < 0 ? x.rank : 0;
    }
    void *place = wg_give_into(call, 0, from.dtype);
    if (place != NULL) {
        wg_view to = wg_view_new(from.dtype, x.rank, x.shape, place);
        to.data = (char *)to.data + (int64_t)wg_dtype_size(to.dtype) *
                                        take_diagonal(&to, back.diagonal.axis[0],
                                                      back.diagonal.axis[1], state->offset);
        wg_kernel_add_into(&from, &to);
        return;
    }
    wg_give(call, 0, wg_apply(&wg_op_undiagonal, 1, &g, &back, sizeof back, WG_HERE));
}

WG_SAMPLES(diagonal, {WG_OPERANDS(WG_FLOATS(-1, 1, 3, 4)), WG_STATE(diagonal_state, 0, {0, 1})},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 4, 2, 3)), WG_STATE(diagonal_state, 1, {-1, 0})},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 4, 3)), WG_STATE(diagonal_state, -2, {1, 2})},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3)), WG_STATE(diagonal_state, 7, {0, 1})},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 0, 3)), WG_STATE(diagonal_state, -1, {0, 1})})
WG_DEFINE_OP(diagonal, NULL, diagonal_chain, 0, WG_OP_BF16)

wg_var wg_diagonal_at(wg_var x, int64_t offset, int axis1, int axis2, const char *site) {
    diagonal_state state;
    memset(&state, 0, sizeof state);
    state.offset = offset;
    state.axis[0] = axis1;
    state.axis[1] = axis2;
    return wg_apply(&wg_op_diagonal, 1, &x, &state, sizeof state, site);
}

/* ---- diag, trace --------------------------------------------------------------------------- */

wg_var wg_diag_at(wg_var x, int64_t offset, const char *site) {
    if (!wg_verb_takes(x, "diag", site)) {
        return wg_verb_nothing(x);
    }
    const wg_view view = wg_view_of(x);
    if (view.rank == 2) {
        return wg_diagonal_at(x, offset, 0, 1, site);
    }
    if (view.rank != 1) {
        return wg_verb_fails(x, WG_ERROR_SHAPE, "diag", site, "is no vector and no matrix");
    }
    if (offset < -INT32_MAX || offset > INT32_MAX) {
        return wg_verb_fails(x, WG_ERROR_LIMIT, "diag", site, "is to lie too far off the diagonal");
    }
    undiagonal_state state;
    memset(&state, 0, sizeof state);
    state.diagonal.offset = offset;
    state.diagonal.axis[1] = 1;
    state.rank = 2;
    state.shape[0] = state.shape[1] = view.shape[0] + (offset < 0 ? -offset : offset);
    return wg_apply(&wg_op_undiagonal, 1, &x, &state, sizeof state, site);
}

wg_var wg_trace_at(wg_var x, const char *site) {
    if (!wg_verb_takes(x, "trace", site)) {
        return wg_verb_nothing(x);
    }
    if (wg_rank(x) < 2) {
        return wg_verb_fails(x, WG_ERROR_SHAPE, "trace", site, "is no matrix");
    }
    wg_axes last = {.count = 1, .axis = {-1}};
    return wg_sum_at(wg_diagonal_at(x, 0, -2, -1, site), last, site);
}
