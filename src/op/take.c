/* take.c: elements by number along one axis, and the transposes: elements added, and elements
 * replaced. */
#include "kernel/take.h"

#include "kernel/copy.h"
#include "op/axes.h"
#include "op/define.h"
#include "op/samples.h"
#include "op/verb.h"
#include "tape/tape.h"
#include "wengert/index.h"

#include <string.h>

typedef struct along_state {
    int axis;
} along_state;

static int axis_of(const wg_call *call) {
    const along_state *state = wg_call_state(call);
    return state->axis < 0 ? state->axis + wg_operand_shape(call, 0).rank : state->axis;
}

/* Axis of operand 0, whose rank the indices share; -1 and a failure where not so. */
static int checked_axis(wg_call *call) {
    const along_state *state = wg_call_state(call);
    const wg_view *x = wg_call_operand(call, 0), *indices = wg_call_operand(call, 1);
    if (indices->dtype != WG_I64 && indices->dtype != WG_U8) {
        (void)wg_call_fail(call, WG_ERROR_DTYPE, "the indices are %s, not i64 or u8",
                           wg_dtype_name(indices->dtype));
        return -1;
    }
    const int axis = wg_call_axis(call, 0, state->axis);
    if (axis >= 0 && indices->rank != x->rank) {
        (void)wg_call_fail(call, WG_ERROR_SHAPE, "indices %s for an array %s: the ranks differ",
                           wg_call_shape(call, 1), wg_call_shape(call, 0));
        return -1;
    }
    return axis;
}

static wg_status check_range(wg_call *call, const wg_view *indices, int axis, int64_t size) {
    int64_t value = 0;
    const int64_t at = wg_kernel_index_wrong(indices, size, &value);
    return at < 0 ? WG_OK
                  : wg_call_fail(call, WG_ERROR_ARGUMENT,
                                 "index %lld (element %lld) is out of range for axis %d of size "
                                 "%lld",
                                 (long long)value, (long long)at, axis, (long long)size);
}

/* The view stretched to `like`'s shape, where it has size 1 or no axes. */
static wg_view stretched(const wg_view *view, int rank, const int64_t *shape) {
    wg_view to = *view;
    to.rank = rank;
    for (int i = 0; i < rank; i++) {
        const int own = i - (rank - view->rank);
        to.stride[i] = own < 0 || view->shape[own] != shape[i] ? 0 : view->stride[own];
        to.shape[i] = shape[i];
    }
    return to;
}

/* ---- scatter_add, scatter ------------------------------------------------------------------- */

/* The shape of the places written to: x's, but along the axis that of indices and src. */
static bool places(wg_call *call, int axis, int64_t *shape) {
    const wg_view x = wg_operand_shape(call, 0), indices = wg_operand_shape(call, 1),
                  src = wg_operand_shape(call, 2);
    bool fits = src.rank == 0 || src.rank == x.rank;
    for (int i = 0; i < x.rank && fits; i++) {
        const int64_t from = src.rank == 0 ? 1 : src.shape[i];
        shape[i] = i != axis ? x.shape[i] : indices.shape[i] != 1 ? indices.shape[i] : from;
        fits = (indices.shape[i] == 1 || indices.shape[i] == shape[i]) &&
               (from == 1 || from == shape[i]);
    }
    return fits;
}

static wg_status write_shape(wg_call *call) {
    const wg_view *x = wg_call_operand(call, 0), *src = wg_call_operand(call, 2);
    const int axis = checked_axis(call);
    int64_t shape[WG_MAX_RANK];
    if (axis < 0) {
        return WG_ERROR_ARGUMENT;
    }
    if (x->dtype != src->dtype) {
        return wg_call_fail(call, WG_ERROR_DTYPE, "%s cannot go into %s", wg_dtype_name(src->dtype),
                            wg_dtype_name(x->dtype));
    }
    if (!places(call, axis, shape)) {
        return wg_call_fail(
            call, WG_ERROR_SHAPE, "%s at indices %s does not fit into %s along axis %d",
            wg_call_shape(call, 2), wg_call_shape(call, 1), wg_call_shape(call, 0), axis);
    }
    return wg_call_result(call, x->dtype, x->rank, x->shape);
}

static wg_status write_forward(wg_call *call, wg_along_kind kind) {
    const wg_view *x = wg_call_operand(call, 0);
    wg_view *out = wg_call_out(call);
    const int axis = axis_of(call);
    int64_t shape[WG_MAX_RANK];
    (void)places(call, axis, shape);
    const wg_view indices = stretched(wg_call_operand(call, 1), out->rank, shape);
    const wg_view src = stretched(wg_call_operand(call, 2), out->rank, shape);
    const wg_status status = check_range(call, wg_call_operand(call, 1), axis, out->shape[axis]);
    if (status == WG_OK) {
        wg_kernel_copy(x, out);
        wg_kernel_along(kind, out, &indices, &src, axis);
    }
    return status;
}

/* The indices, as many along the axis as there are places. */
static wg_var all_indices(wg_call *call, int axis) {
    const wg_var indices = wg_operand(call, 1);
    wg_view view = wg_operand_shape(call, 1);
    int64_t shape[WG_MAX_RANK];
    (void)places(call, axis, shape);
    if (view.shape[axis] == shape[axis]) {
        return indices;
    }
    view.shape[axis] = shape[axis];
    return wg_broadcast_to(indices, view.rank, view.shape);
}

static wg_status scatter_add_shape(wg_call *call) {
    return write_shape(call);
}

static wg_status scatter_add_forward(wg_call *call) {
    return write_forward(call, WG_ALONG_ADD);
}

static void scatter_add_chain(wg_call *call, wg_var g) {
    const int axis = axis_of(call);
    wg_give(call, 0, g);
    if (wg_wants(call, 2)) {
        wg_give(call, 2, wg_take_along(g, all_indices(call, axis), axis));
    }
}

#define WRITE_SAMPLES(label)                                                                       \
    WG_SAMPLES(                                                                                    \
        label,                                                                                     \
        {WG_OPERANDS(WG_FLOATS(-1, 1, 5), WG_WHOLES(WG_I64, 5, 3), WG_FLOATS(-1, 1, 3)),           \
         WG_STATE(along_state, 0)},                                                                \
        {WG_OPERANDS(WG_FLOATS(-1, 1, 3, 4), WG_WHOLES(WG_U8, 3, 5, 4), WG_FLOATS(-1, 1, 5, 4)),   \
         WG_STATE(along_state, 0)},                                                                \
        {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3, 2), WG_WHOLES(WG_I64, 3, 1, 4, 1),                     \
                     WG_FLOATS(-1, 1, 2, 4, 1)),                                                   \
         WG_STATE(along_state, -2)},                                                               \
        {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3), WG_WHOLES(WG_I64, 3, 2, 1), WG_FLOATS(-1, 1, 1, 4)),  \
         WG_STATE(along_state, 1)},                                                                \
        {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3), WG_WHOLES(WG_I64, 3, 2, 0), WG_FLOATS(-1, 1, 2, 0)),  \
         WG_STATE(along_state, 1)})
WRITE_SAMPLES(scatter_add)
WG_DEFINE_OP(scatter_add, scatter_add_forward, scatter_add_chain, WG_READS_OPERAND(1), 0)

static wg_status scatter_shape(wg_call *call) {
    return write_shape(call);
}

static wg_status scatter_forward(wg_call *call) {
    return write_forward(call, WG_ALONG_PUT);
}

/* 0, 1, 2, … along the axis. */
static wg_var count_along(wg_call *call, int rank, int axis, int64_t count) {
    int64_t shape[WG_MAX_RANK];
    for (int i = 0; i < rank; i++) {
        shape[i] = i == axis ? count : 1;
    }
    const wg_var counts = wg_constant(call->tape, WG_I64, rank, shape, NULL);
    int64_t *to = wg_view_of(counts).data;
    for (int64_t i = 0; i < count && call->tape->status == WG_OK; i++) {
        to[i] = i;
    }
    return counts;
}

/* Where indices are equal only the last one's element went into the result: each place remembers
 * who was last. */
static void scatter_chain(wg_call *call, wg_var g) {
    const int axis = axis_of(call);
    const wg_view x = wg_operand_shape(call, 0);
    const wg_var indices = all_indices(call, axis);
    if (wg_wants(call, 0)) {
        wg_give(call, 0, wg_scatter(g, indices, 0.0, axis));
    }
    if (wg_wants(call, 2)) {
        const wg_var nobody =
            wg_broadcast_to(wg_full(call->tape, WG_I64, 0, NULL, 0), x.rank, x.shape);
        const wg_var who = count_along(call, x.rank, axis, wg_size(indices, axis));
        const wg_var last = wg_take_along(wg_scatter(nobody, indices, who, axis), indices, axis);
        wg_give(call, 2, wg_where(wg_eq(last, who), wg_take_along(g, indices, axis), 0.0));
    }
}

WRITE_SAMPLES(scatter)
WG_DEFINE_OP(scatter, scatter_forward, scatter_chain, WG_READS_OPERAND(1), 0)

/* Runs a writing operation with src in x's dtype. */
static wg_var write_at(const wg_op *op, wg_var x, wg_var indices, wg_var src, int axis,
                       const char *site) {
    const along_state state = {axis};
    if (wg_is_array(x)) {
        const wg_dtype dtype = wg_view_of(x).dtype;
        if (src.tape == NULL) {
            src = wg_full(x.tape, dtype, 0, NULL, src.as.number);
        } else if (!wg_is_array(src) || wg_view_of(src).dtype != dtype) {
            src = wg_cast_at(src, dtype, site);
        }
    }
    const wg_var operands[3] = {x, indices, src};
    return wg_apply(op, 3, operands, &state, sizeof state, site);
}

wg_var wg_scatter_add_at(wg_var x, wg_var indices, wg_var src, int axis, const char *site) {
    return write_at(&wg_op_scatter_add, x, indices, src, axis, site);
}

wg_var wg_scatter_at(wg_var x, wg_var indices, wg_var src, int axis, const char *site) {
    return write_at(&wg_op_scatter, x, indices, src, axis, site);
}

/* ---- take_along ---------------------------------------------------------------------------- */

/* What x and the indices broadcast to, with the size of `along` on the axis. */
static bool common(const wg_view *x, const wg_view *indices, int axis, int64_t along,
                   int64_t *shape) {
    bool fits = true;
    for (int i = 0; i < x->rank; i++) {
        const int64_t a = x->shape[i], b = indices->shape[i];
        shape[i] = i == axis ? along : a == 1 ? b : a;
        fits = fits && (i == axis || b == 1 || b == shape[i]);
    }
    return fits;
}

static wg_status take_along_shape(wg_call *call) {
    const wg_view *x = wg_call_operand(call, 0), *indices = wg_call_operand(call, 1);
    const int axis = checked_axis(call);
    int64_t shape[WG_MAX_RANK];
    if (axis < 0) {
        return WG_ERROR_ARGUMENT;
    }
    if (!common(x, indices, axis, indices->shape[axis], shape)) {
        return wg_call_fail(call, WG_ERROR_SHAPE, "%s and indices %s do not broadcast off axis %d",
                            wg_call_shape(call, 0), wg_call_shape(call, 1), axis);
    }
    return wg_call_result(call, x->dtype, x->rank, shape);
}

static wg_status take_along_forward(wg_call *call) {
    const wg_view *x = wg_call_operand(call, 0), *out = wg_call_out(call);
    const int axis = axis_of(call);
    int64_t shape[WG_MAX_RANK];
    (void)common(x, wg_call_operand(call, 1), axis, x->shape[axis], shape);
    const wg_view whole = stretched(x, out->rank, shape);
    const wg_view indices = stretched(wg_call_operand(call, 1), out->rank, out->shape);
    const wg_status status = check_range(call, wg_call_operand(call, 1), axis, x->shape[axis]);
    if (status == WG_OK) {
        wg_kernel_along(WG_ALONG_TAKE, &whole, &indices, out, axis);
    }
    return status;
}

static void take_along_chain(wg_call *call, wg_var g) {
    const wg_view x = wg_operand_shape(call, 0), part = wg_view_of(g);
    const int axis = axis_of(call);
    int64_t shape[WG_MAX_RANK];
    const wg_view own = wg_operand_shape(call, 1);
    (void)common(&x, &own, axis, x.shape[axis], shape);
    const wg_var indices = wg_operand(call, 1);
    /* Threads may not share places that broadcasting joined. */
    const bool joined = memcmp(shape, x.shape, (size_t)x.rank * sizeof shape[0]) != 0;
    void *place = joined ? NULL : wg_give_into(call, 0, part.dtype);
    if (place != NULL) {
        const wg_view whole = wg_view_new(part.dtype, x.rank, x.shape, place);
        const wg_view from = wg_view_of(indices);
        const wg_view at = stretched(&from, part.rank, part.shape);
        wg_kernel_along(WG_ALONG_ADD, &whole, &at, &part, axis);
        return;
    }
    const wg_var zero = wg_full(call->tape, part.dtype, 0, NULL, 0);
    wg_give(call, 0, wg_scatter_add(wg_broadcast_to(zero, x.rank, shape), indices, g, axis));
}

WG_SAMPLES(take_along,
           {WG_OPERANDS(WG_FLOATS(-1, 1, 5), WG_WHOLES(WG_I64, 5, 7)), WG_STATE(along_state, 0)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 3, 4), WG_WHOLES(WG_U8, 4, 3, 2)),
            WG_STATE(along_state, -1)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3, 4), WG_WHOLES(WG_I64, 3, 2, 5, 4)),
            WG_STATE(along_state, 1)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 1, 3, 4), WG_WHOLES(WG_I64, 3, 2, 2, 1)),
            WG_STATE(along_state, 1)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 3, 2), WG_WHOLES(WG_I64, 3, 0, 2)),
            WG_STATE(along_state, 0)})
WG_DEFINE_OP(take_along, take_along_forward, take_along_chain, WG_READS_OPERAND(1), 0)

wg_var wg_take_along_at(wg_var x, wg_var indices, int axis, const char *site) {
    const along_state state = {axis};
    const wg_var operands[2] = {x, indices};
    return wg_apply(&wg_op_take_along, 2, operands, &state, sizeof state, site);
}

/* ---- index_select, index_add --------------------------------------------------------------- */

/* A vector of indices, laid along an axis of x; poisoned where it is none. */
static wg_var laid_along(wg_var x, wg_var indices, int axis, const char *name, const char *site) {
    if (!wg_verb_takes(x, name, site) || wg_var_refused(x.tape, indices, 1, name, site)) {
        return wg_verb_nothing(x);
    }
    const wg_view view = wg_view_of(indices);
    int64_t shape[WG_MAX_RANK];
    axis = wg_verb_axis(x, axis, name, site);
    if (axis < 0) {
        return wg_poison(x.tape);
    }
    if (!wg_is_array(indices) || view.rank != 1) {
        char text[192];
        wg_tape_fail(x.tape, WG_ERROR_SHAPE, name, site, "the indices %s are no vector",
                     wg_shape_text(view.rank, view.shape, text, sizeof text));
        return wg_poison(x.tape);
    }
    const int rank = wg_rank(x);
    for (int i = 0; i < rank; i++) {
        shape[i] = i == axis ? view.shape[0] : 1;
    }
    return wg_reshape_at(indices, rank, shape, site);
}

wg_var wg_index_select_at(wg_var x, wg_var indices, int axis, const char *site) {
    return wg_take_along_at(x, laid_along(x, indices, axis, "index_select", site), axis, site);
}

wg_var wg_index_add_at(wg_var x, wg_var indices, wg_var src, int axis, const char *site) {
    return wg_scatter_add_at(x, laid_along(x, indices, axis, "index_add", site), src, axis, site);
}
