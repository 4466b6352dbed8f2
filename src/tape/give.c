/* give.c: what a chain rule sees of its call, and how a gradient reaches an operand. */
#include "tape/tape.h"

#include "kernel/copy.h"

#include <string.h>

wg_view wg_operand_shape(const wg_call *call, int i) {
    if (call->views != NULL) {
        return call->views[i];
    }
    wg_view view = wg_view_of(call->operands[i]);
    view.data = NULL;
    return view;
}

bool wg_call_records(const wg_call *call) {
    return call->tape->recorded != NULL;
}

bool wg_wants(const wg_call *call, int i) {
    wg_var x = call->operands[i];
    if (x.tape == NULL) {
        return false;
    }
    if (call->tape->recorded != NULL) {
        return wg_grad_wants(call->tape, x);
    }
    return wg_var_is_array(x) ? (wg_node_of(x)->flags & WG_NODE_WANTS) != 0
                              : call->tape->lane.opcode[x.as.slot.index] != WG_CODE_CONSTANT;
}

wg_var wg_operand(wg_call *call, int i) {
    if (i < 30 && (call->op->reads & WG_READS_OPERAND(i)) == 0) {
        wg_call_fail(call, WG_ERROR_STATE,
                     "its chain rule reads operand %d, which its `reads` does not name", i);
        return wg_poison(call->tape);
    }
    return call->operands[i];
}

wg_var wg_result(wg_call *call) {
    if ((call->op->reads & WG_READS_RESULT) == 0) {
        wg_call_fail(call, WG_ERROR_STATE,
                     "its chain rule reads the result, which its `reads` does not name");
        return wg_poison(call->tape);
    }
    return wg_node_handle(call->tape, call->node_index);
}

wg_var wg_saved(wg_call *call) {
    wg_block *block = call->node->saved;
    if (block == NULL) {
        wg_call_fail(call, WG_ERROR_STATE, "its chain rule reads what its forward did not save");
        return wg_poison(call->tape);
    }
    const wg_saved_record *record = wg_block_data(block);
    return wg_node_wrap(call->tape, &record->view, block);
}

void wg_run_chain(wg_tape *tape, uint64_t index, wg_var g) {
    wg_node *node = wg_node_at(tape, index);
    wg_call call;
    memset(&call, 0, offsetof(wg_call, text));
    call.text_next = 0;
    call.tape = tape;
    call.op = node->op;
    call.site = node->site;
    call.count = node->count;
    call.operands = node->operands;
    call.state = node->state;
    call.node = node;
    call.node_index = index;
    call.finite = tape->anomaly && wg_var_is_finite(g);
    wg_watch *watch = tape->watch;
    if (WG_UNLIKELY(watch != NULL)) {
        watch->begin(watch, WG_WATCHED_BACKWARD, call.op);
    }
    node->op->chain(&call, g);
    if (WG_UNLIKELY(watch != NULL)) {
        watch->end(watch, &call, &node->view);
    }
    for (int i = 0; WG_UNLIKELY(call.placed != 0) && i < call.count && i < 64; i++) {
        if ((call.placed >> i & 1) != 0) {
            wg_anomaly_placed(&call, i);
        }
    }
}

void wg_give(wg_call *call, int i, wg_var gradient) {
    if (!wg_wants(call, i) || call->tape->status != WG_OK) {
        return;
    }
    if (WG_UNLIKELY(call->finite)) {
        wg_anomaly_given(call, i, gradient);
    }
    if (call->tape->recorded != NULL) {
        wg_give_recorded(call->tape, call->operands[i], gradient);
    } else {
        wg_give_plain(call->tape, call->operands[i], gradient);
    }
}

static bool same_shape(const wg_view *a, const wg_view *b) {
    return wg_shape_equal(a->rank, a->shape, b->rank, b->shape);
}

/* Whether `to` is what `from` was before it was broadcast. */
static bool sums_to(const wg_view *from, const wg_view *to) {
    bool fits = from->rank >= to->rank;
    for (int axis = 0; axis < to->rank && fits; axis++) {
        fits = to->shape[axis] == 1 || to->shape[axis] == from->shape[axis + from->rank - to->rank];
    }
    return fits;
}

wg_var wg_seed_like(wg_tape *tape, wg_var y, wg_var seed, const char *name) {
    const wg_view like = wg_view_of(y), from = wg_view_of(seed);
    if (!wg_var_is_array(seed) || same_shape(&from, &like) || wg_view_count(&from) == 1) {
        return seed;
    }
    if (!sums_to(&like, &from)) {
        char text[192], other[192];
        wg_tape_fail(tape, WG_ERROR_SHAPE, name, NULL,
                     "a seed of shape %s for a result of shape %s",
                     wg_shape_text(from.rank, from.shape, text, sizeof text),
                     wg_shape_text(like.rank, like.shape, other, sizeof other));
        return wg_poison(tape);
    }
    return wg_broadcast_to_at(seed, like.rank, like.shape, NULL);
}

/* A gradient on its way: a view and whoever owns its storage (a reference of our own). */
typedef struct wg_parcel {
    wg_view view;
    wg_block *block;
} wg_parcel;

static bool new_parcel(wg_tape *tape, wg_parcel *parcel, wg_dtype dtype, const wg_view *shape) {
    wg_view_set_contiguous(&parcel->view, dtype, shape->rank, shape->shape);
    size_t bytes = (size_t)wg_view_count(&parcel->view) * wg_dtype_size(dtype);
    parcel->block = wg_pool_take(&tape->pool, bytes);
    if (parcel->block == NULL) {
        wg_tape_fail(tape, WG_ERROR_MEMORY, "backward", NULL,
                     "no memory for a gradient of %zu bytes", bytes);
        return false;
    }
    parcel->view.data = wg_block_data(parcel->block);
    return true;
}

/* Sums over broadcast axes, then converts to the operand's dtype: `parcel` becomes of `like`'s
 * shape and dtype. */
static bool fit(wg_tape *tape, wg_parcel *parcel, const wg_view *like) {
    if (!same_shape(&parcel->view, like)) {
        wg_parcel summed;
        bool is_float = parcel->view.dtype == WG_F32 || parcel->view.dtype == WG_F64;
        if (!is_float || !sums_to(&parcel->view, like) ||
            !new_parcel(tape, &summed, parcel->view.dtype, like)) {
            char text[192], other[192];
            wg_tape_fail(tape, WG_ERROR_SHAPE, "backward", NULL,
                         "a chain rule gave a gradient of shape %s to an operand of shape %s",
                         wg_shape_text(parcel->view.rank, parcel->view.shape, text, sizeof text),
                         wg_shape_text(like->rank, like->shape, other, sizeof other));
            return false;
        }
        wg_kernel_sum_to(&parcel->view, &summed.view);
        wg_pool_drop(&tape->pool, parcel->block);
        *parcel = summed;
    }
    if (parcel->view.dtype != like->dtype) {
        wg_parcel cast;
        if (!new_parcel(tape, &cast, like->dtype, like)) {
            return false;
        }
        wg_kernel_copy(&parcel->view, &cast.view);
        wg_pool_drop(&tape->pool, parcel->block);
        *parcel = cast;
    }
    return true;
}

/* A gradient smaller than its operand (a number, a [1] for an [n]) stands for all of the elements.
 */
static bool spread(wg_parcel *parcel, const wg_view *like) {
    const wg_view from = parcel->view;
    int64_t count = wg_view_count(&from);
    if (count != 1 || same_shape(&from, like)) {
        return from.rank >= like->rank;
    }
    parcel->view = *like;
    parcel->view.dtype = from.dtype;
    parcel->view.data = from.data;
    memset(parcel->view.stride, 0, sizeof parcel->view.stride);
    return true;
}

/* Adds into an adjoint that nothing else shares, or makes it so first. */
static bool own_adjoint(wg_tape *tape, const wg_node *node, wg_adjoint_record *record) {
    wg_parcel held = {node->view, record->block};
    held.view.dtype = wg_adjoint_dtype(node->view.dtype);
    memcpy(held.view.stride, record->stride, sizeof held.view.stride);
    held.view.data = record->data;
    if (record->block != NULL && record->block->refs == 1 && wg_view_is_contiguous(&held.view)) {
        return true;
    }
    wg_parcel own;
    if (!new_parcel(tape, &own, held.view.dtype, &node->view)) {
        return false;
    }
    wg_kernel_copy(&held.view, &own.view);
    wg_pool_drop(&tape->pool, record->block);
    record->block = own.block;
    record->data = own.view.data;
    memcpy(record->stride, own.view.stride, sizeof record->stride);
    return true;
}

static void add_to_node(wg_tape *tape, wg_node *node, wg_parcel *parcel) {
    const wg_dtype dtype = wg_adjoint_dtype(node->view.dtype);
    if (node->sink != NULL) {
        wg_view sink;
        wg_view_set_contiguous(&sink, dtype, node->view.rank, node->view.shape);
        sink.data = node->sink->gradient;
        if (wg_sink_settle(node->sink, dtype)) {
            wg_kernel_copy(&parcel->view, &sink);
        } else {
            wg_kernel_add_into(&parcel->view, &sink);
        }
        return;
    }
    wg_adjoint_record *record = wg_node_adjoint(node);
    if (record != NULL) {
        if (own_adjoint(tape, node, record)) {
            wg_view to;
            wg_view_set_contiguous(&to, dtype, node->view.rank, node->view.shape);
            to.data = record->data;
            wg_kernel_add_into(&parcel->view, &to);
        }
        return;
    }
    if (parcel->block == NULL && !tape->seeding) { /* borrowed memory may change before: copy */
        wg_parcel own;
        if (!new_parcel(tape, &own, dtype, &node->view)) {
            return;
        }
        wg_kernel_copy(&parcel->view, &own.view);
        *parcel = own;
    }
    node->adjoint = wg_pool_take(&tape->pool, sizeof *record);
    if (node->adjoint == NULL) {
        wg_tape_fail(tape, WG_ERROR_MEMORY, "backward", NULL, "no memory for an adjoint");
        return;
    }
    record = wg_node_adjoint(node);
    record->block = wg_block_share(parcel->block);
    record->data = parcel->view.data;
    memcpy(record->stride, parcel->view.stride, sizeof record->stride);
}

/* Where operand i's gradient is written, or with *accumulate added. */
static void *place_of(wg_call *call, int i, wg_dtype dtype, bool *accumulate) {
    wg_tape *tape = call->tape;
    wg_node *node = wg_node_of(call->operands[i]);
    if (node == NULL || wg_adjoint_dtype(node->view.dtype) != dtype || !wg_wants(call, i) ||
        tape->status != WG_OK || tape->recorded != NULL) {
        return NULL;
    }
    if (node->sink != NULL) {
        *accumulate = !wg_sink_settle(node->sink, dtype);
        return node->sink->gradient;
    }
    *accumulate = node->adjoint != NULL;
    if (node->adjoint == NULL) {
        wg_parcel fresh;
        if (!new_parcel(tape, &fresh, dtype, &node->view)) {
            return NULL;
        }
        add_to_node(tape, node, &fresh);
        wg_pool_drop(&tape->pool, fresh.block);
    }
    wg_adjoint_record *record = wg_node_adjoint(node);
    return record != NULL && own_adjoint(tape, node, record) ? record->data : NULL;
}

void *wg_give_place(wg_call *call, int i, wg_dtype dtype, bool *accumulate) {
    void *place = place_of(call, i, dtype, accumulate);
    if (WG_UNLIKELY(call->finite) && place != NULL && i < 64) {
        wg_view view = wg_node_of(call->operands[i])->view;
        wg_view_set_contiguous(&view, wg_adjoint_dtype(view.dtype), view.rank, view.shape);
        view.data = place;
        int64_t index;
        double value;
        const bool was_finite = !*accumulate || wg_view_is_finite(&view, &index, &value);
        call->placed |= was_finite ? (uint64_t)1 << i : 0;
    }
    return place;
}

void *wg_give_into(wg_call *call, int i, wg_dtype dtype) {
    bool accumulate = false;
    void *place = wg_give_place(call, i, dtype, &accumulate);
    if (place != NULL && !accumulate) {
        memset(place, 0, (size_t)wg_count(call->operands[i]) * wg_dtype_size(dtype));
    }
    return place;
}

bool wg_give_outer(wg_call *call, int i, wg_dtype dtype, int64_t rows, int64_t columns,
                   const void *column, const void *row) {
    const wg_node *node = wg_node_of(call->operands[i]);
    if (node == NULL || node->sink == NULL || !node->sink->fresh || node->view.dtype != dtype ||
        !wg_wants(call, i) || call->tape->recorded != NULL || call->tape->anomaly) {
        return false;
    }
    wg_outer *outer = node->sink->outer;
    if (outer == NULL || outer->rows != rows || outer->columns != columns) {
        return false;
    }
    size_t size = wg_dtype_size(dtype);
    memcpy(outer->column, column, (size_t)rows * size);
    memcpy(outer->row, row, (size_t)columns * size);
    outer->pending = true;
    node->sink->fresh = false;
    return true;
}

void wg_give_plain(wg_tape *tape, wg_var operand, wg_var gradient) {
    wg_view like = wg_view_of(operand);
    double number = gradient.tape == NULL ? gradient.as.number : 0;
    wg_parcel parcel = {.view = {.dtype = WG_F64, .rank = 0, .data = &number}, .block = NULL};
    wg_node *given = wg_node_of(gradient);
    if (given != NULL) {
        parcel.view = given->view;
        parcel.block = wg_block_share(given->block);
    } else if (gradient.tape != NULL) {
        if (wg_var_refused(tape, gradient, 0, "backward", NULL)) {
            return;
        }
        number = tape->lane.value[gradient.as.slot.index];
    } else if (!wg_var_is_array(operand)) {
        tape->lane.adjoint[operand.as.slot.index] += number;
        return;
    }
    if (wg_var_is_array(operand)) {
        like.dtype = wg_adjoint_dtype(like.dtype);
        (void)spread(&parcel, &like);
        if (fit(tape, &parcel, &like)) {
            add_to_node(tape, wg_node_of(operand), &parcel);
        }
    } else {
        like.dtype = WG_F64;
        if (fit(tape, &parcel, &like)) {
            tape->lane.adjoint[operand.as.slot.index] += *(const double *)parcel.view.data;
        }
    }
    wg_pool_drop(&tape->pool, parcel.block);
}

void wg_sweep_at(wg_tape *tape, uint32_t index, uint32_t offset, double g) {
    wg_node *node = wg_node_at(tape, index);
    if ((node->flags & WG_NODE_WANTS) == 0) {
        return;
    }
    void *to = node->sink != NULL ? wg_sink_memory(node) : NULL;
    if (to == NULL) {
        if (node->adjoint == NULL) {
            wg_give_plain(tape, wg_node_handle(tape, index), wg_number(0));
        }
        wg_adjoint_record *record = wg_node_adjoint(node);
        if (record == NULL || !own_adjoint(tape, node, record)) {
            return;
        }
        to = record->data;
    }
    if (wg_adjoint_dtype(node->view.dtype) == WG_F32) {
        ((float *)to)[offset] += (float)g;
    } else {
        ((double *)to)[offset] += g;
    }
}
