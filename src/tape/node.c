/* node.c: array nodes: making them, naming them, reading them. */
#include "tape/tape.h"

#include "kernel/copy.h"
#include "kernel/matmul.h"

#include <math.h>
#include <string.h>

wg_view wg_view_new(wg_dtype dtype, int rank, const int64_t *shape, void *data) {
    wg_view view = {.dtype = dtype, .rank = rank, .data = data};
    if (rank >= 0 && rank <= WG_MAX_RANK) {
        wg_view_set_contiguous(&view, dtype, rank, shape);
    }
    return view;
}

int64_t wg_view_count(const wg_view *view) {
    int64_t count = wg_shape_count(view->rank, view->shape, 1); /* without overflow beside a 0 */
    return count > 0 ? count : 0;
}

bool wg_view_is_contiguous(const wg_view *view) {
    int64_t expected = 1;
    for (int axis = view->rank - 1; axis >= 0; axis--) {
        if (view->shape[axis] != 1 && view->stride[axis] != expected) {
            return wg_view_count(view) == 0;
        }
        expected *= view->shape[axis];
    }
    return true;
}

void wg_view_set_contiguous(wg_view *view, wg_dtype dtype, int rank, const int64_t *shape) {
    view->dtype = dtype;
    view->rank = rank;
    int64_t stride = 1;
    for (int axis = rank - 1; axis >= 0; axis--) {
        view->shape[axis] = shape[axis];
        view->stride[axis] = stride;
        stride *= shape[axis];
    }
}

double wg_view_element(const wg_view *view, int64_t index) {
    int64_t offset = 0;
    for (int axis = view->rank - 1; axis >= 0; axis--) {
        offset += index % view->shape[axis] * view->stride[axis];
        index /= view->shape[axis];
    }
    switch (view->dtype) {
#define WG_ELEMENT(name, type, text)                                                               \
    case WG_##name:                                                                                \
        return (double)((const type *)view->data)[offset];
        WG_COMPUTED_DTYPES(WG_ELEMENT)
    case WG_BF16:
        return (double)wg_bf16_to_f32(((const wg_bf16 *)view->data)[offset]);
#undef WG_ELEMENT
    }
    return 0;
}

void wg_set_element(wg_dtype dtype, void *data, int64_t i, double value) {
    switch (dtype) {
    case WG_F32:
        ((float *)data)[i] = (float)value;
        break;
    case WG_F64:
        ((double *)data)[i] = value;
        break;
    case WG_I64:
        ((int64_t *)data)[i] = (int64_t)value;
        break;
    case WG_U8:
        ((uint8_t *)data)[i] = (uint8_t)(int64_t)value;
        break;
    case WG_BF16:
        ((wg_bf16 *)data)[i] = wg_bf16_from_f32((float)value);
        break;
    }
}

wg_node *wg_node_of(wg_var x) {
    if (!wg_var_is_array(x) || x.as.slot.index >= x.tape->node_count) {
        return NULL;
    }
    wg_node *node = wg_node_at(x.tape, x.as.slot.index);
    return node->epoch == x.as.slot.epoch ? node : NULL;
}

wg_var wg_node_handle(const wg_tape *tape, uint64_t index) {
    wg_var var = {.tape = (wg_tape *)tape,
                  .as = {.slot = {(uint32_t)index, wg_node_at(tape, index)->epoch}}};
    return var;
}

wg_node *wg_node_push(wg_tape *tape, const char *name, const char *site) {
    if (tape->node_count >= WG_MOST_NODES) {
        wg_tape_fail(tape, WG_ERROR_LIMIT, name, site,
                     "the tape holds %llu arrays, the most it can",
                     (unsigned long long)tape->node_count);
        return NULL;
    }
    if (tape->node_count == tape->chunk_count * WG_NODES_A_CHUNK) {
        wg_node *chunk = NULL;
        if (wg_tape_grow(tape, (void **)&tape->node_chunk, &tape->chunk_capacity,
                         tape->chunk_count + 1, sizeof *tape->node_chunk)) {
            chunk = wg_alloc(WG_NODES_A_CHUNK * sizeof *chunk);
        }
        if (chunk == NULL) {
            wg_tape_fail(tape, WG_ERROR_MEMORY, name, site, "no memory for another array node");
            return NULL;
        }
        tape->pool.allocations++;
        tape->node_chunk[tape->chunk_count++] = chunk;
    }
    wg_node *node = wg_node_at(tape, tape->node_count++);
    node->view.data = NULL;
    node->view.rank = 0;
    node->block = NULL;
    node->adjoint = NULL;
    node->saved = NULL;
    node->op = NULL;
    node->operands = NULL;
    node->state = NULL;
    node->site = site;
    node->sink = NULL;
    node->scalars = tape->lane.count;
    node->epoch = tape->node_epoch | WG_ARRAY_BIT;
    node->count = 0;
    node->flags = 0;
    return node;
}

void wg_node_drop_adjoint(wg_tape *tape, wg_node *node) {
    wg_adjoint_record *record = wg_node_adjoint(node);
    if (record != NULL) {
        wg_pool_drop(&tape->pool, record->block);
        wg_pool_drop(&tape->pool, node->adjoint);
        node->adjoint = NULL;
    }
}

void wg_node_drop_storage(wg_tape *tape, wg_node *node) {
    wg_pool_drop(&tape->pool, node->block);
    node->block = NULL;
    node->view.data = NULL;
    node->flags |= WG_NODE_GONE;
}

void wg_node_drop_saved(wg_tape *tape, wg_node *node) {
    wg_pool_drop(&tape->pool, node->saved);
    node->saved = NULL;
}

void wg_nodes_cut(wg_tape *tape, uint64_t count) {
    if (tape->node_count == count) {
        return;
    }
    while (tape->node_count > count) {
        wg_node *node = wg_node_at(tape, tape->node_count - 1);
        wg_node_drop_adjoint(tape, node);
        wg_node_drop_saved(tape, node);
        wg_pool_drop(&tape->pool, node->block);
        tape->node_count--;
    }
    tape->node_epoch = wg_tape_epoch(tape);
}

wg_var wg_node_wrap(wg_tape *tape, const wg_view *view, wg_block *block) {
    wg_node *node = wg_node_push(tape, "array", NULL);
    if (node == NULL) {
        return wg_poison(tape);
    }
    node->view = *view;
    node->block = wg_block_share(block);
    return wg_node_handle(tape, tape->node_count - 1);
}

/* A leaf with storage of its own; *storage is where its elements go. */
static wg_node *new_leaf(wg_tape *tape, const char *name, wg_dtype dtype, int rank,
                         const int64_t *shape) {
    size_t size = wg_dtype_size(dtype);
    if (tape->status != WG_OK) {
        return NULL;
    }
    if (size == 0 || rank < 0 || rank > WG_MAX_RANK) {
        wg_tape_fail(tape, WG_ERROR_ARGUMENT, name, NULL, "dtype %d or rank %d is out of range",
                     (int)dtype, rank);
        return NULL;
    }
    int64_t count = wg_shape_count(rank, shape, size);
    if (count < 0) {
        char text[192];
        wg_tape_fail(tape, WG_ERROR_LIMIT, name, NULL,
                     "the shape %s has a negative size or too many bytes",
                     wg_shape_text(rank, shape, text, sizeof text));
        return NULL;
    }
    wg_node *node = wg_node_push(tape, name, NULL);
    if (node == NULL) {
        return NULL;
    }
    wg_view_set_contiguous(&node->view, dtype, rank, shape);
    node->block = wg_pool_take(&tape->pool, (size_t)count * size);
    if (node->block == NULL) {
        tape->node_count--;
        wg_tape_fail(tape, WG_ERROR_MEMORY, name, NULL, "no memory for %lld elements",
                     (long long)count);
        return NULL;
    }
    node->view.data = wg_block_data(node->block);
    node->flags = WG_NODE_LEAF | WG_NODE_KEPT;
    return node;
}

static wg_var copied_leaf(wg_tape *tape, const char *name, wg_dtype dtype, int rank,
                          const int64_t *shape, const void *data, uint32_t flags) {
    wg_node *node = new_leaf(tape, name, dtype, rank, shape);
    if (node == NULL) {
        return wg_poison(tape);
    }
    size_t bytes = (size_t)wg_view_count(&node->view) * wg_dtype_size(dtype);
    if (bytes != 0 && data != NULL) {
        memcpy(node->view.data, data, bytes);
    } else if (bytes != 0) {
        memset(node->view.data, 0, bytes);
    }
    node->flags |= wg_tape_records(tape) ? flags : 0;
    return wg_node_handle(tape, tape->node_count - 1);
}

wg_var wg_variable(wg_tape *tape, wg_dtype dtype, int rank, const int64_t *shape,
                   const void *data) {
    if (!wg_dtype_is_float(dtype)) {
        wg_tape_fail(tape, WG_ERROR_DTYPE, "variable", NULL,
                     "a gradient needs f32, f64 or bf16 elements, these are %s",
                     wg_dtype_name(dtype));
        return wg_poison(tape);
    }
    return copied_leaf(tape, "variable", dtype, rank, shape, data, WG_NODE_WANTS);
}

wg_var wg_constant(wg_tape *tape, wg_dtype dtype, int rank, const int64_t *shape,
                   const void *data) {
    return copied_leaf(tape, "constant", dtype, rank, shape, data, 0);
}

wg_var wg_borrow_sink(wg_tape *tape, const wg_view *view, wg_sink *sink) {
    if (tape->status != WG_OK) {
        return wg_poison(tape);
    }
    size_t size = wg_dtype_size(view->dtype);
    bool is_float = wg_dtype_is_float(view->dtype);
    if (size == 0 || view->rank < 0 || view->rank > WG_MAX_RANK ||
        wg_shape_count(view->rank, view->shape, size) < 0 || (sink != NULL && !is_float)) {
        wg_tape_fail(tape, WG_ERROR_ARGUMENT, "borrow", NULL,
                     "the view's dtype, rank or sizes are out of range");
        return wg_poison(tape);
    }
    wg_var var = wg_node_wrap(tape, view, NULL);
    wg_node *node = wg_node_of(var);
    if (node != NULL) {
        node->flags = WG_NODE_LEAF | WG_NODE_KEPT;
        node->sink = sink;
        node->flags |= sink != NULL && wg_tape_records(tape) ? WG_NODE_WANTS : 0;
    }
    return var;
}

wg_var wg_borrow(wg_tape *tape, const wg_view *view, void *gradient) {
    wg_sink *sink = NULL;
    if (gradient != NULL && tape->status == WG_OK) {
        sink = wg_arena_take(&tape->arena, &tape->pool, sizeof *sink);
        if (sink == NULL) {
            wg_tape_fail(tape, WG_ERROR_MEMORY, "borrow", NULL, "no memory for its record");
            return wg_poison(tape);
        }
        *sink = (wg_sink){gradient, NULL, false};
    }
    return wg_borrow_sink(tape, view, sink);
}

void wg_outer_piece(const wg_outer *outer, wg_dtype dtype, int64_t row, int64_t rows,
                    int64_t column, int64_t columns, void *out) {
    /* A product with an inner size of 1 packs nothing, so it cannot fail for want of memory. */
    if (dtype == WG_F32) {
        (void)wg_kernel_matmul_f32(rows, columns, 1, (const float *)outer->column + row, 1, 1,
                                   (const float *)outer->row + column, 1, 1, out, columns, false);
    } else {
        (void)wg_kernel_matmul_f64(rows, columns, 1, (const double *)outer->column + row, 1, 1,
                                   (const double *)outer->row + column, 1, 1, out, columns, false);
    }
}

bool wg_sink_settle(wg_sink *sink, wg_dtype dtype) {
    bool was_fresh = sink->fresh;
    sink->fresh = false;
    if (sink->outer != NULL && sink->outer->pending) {
        sink->outer->pending = false;
        wg_outer_piece(sink->outer, dtype, 0, sink->outer->rows, 0, sink->outer->columns,
                       sink->gradient);
        return false;
    }
    return was_fresh;
}

void *wg_sink_memory(const wg_node *node) {
    const wg_dtype dtype = wg_adjoint_dtype(node->view.dtype);
    if (wg_sink_settle(node->sink, dtype)) {
        memset(node->sink->gradient, 0, (size_t)wg_view_count(&node->view) * wg_dtype_size(dtype));
    }
    return node->sink->gradient;
}

wg_var wg_full(wg_tape *tape, wg_dtype dtype, int rank, const int64_t *shape, double value) {
    wg_node *node = new_leaf(tape, "full", dtype, rank, shape);
    if (node == NULL) {
        return wg_poison(tape);
    }
    wg_view one = {.dtype = WG_F64, .rank = rank, .data = &value};
    for (int axis = 0; axis < rank; axis++) {
        one.shape[axis] = shape[axis]; /* every stride 0: the same number everywhere */
    }
    wg_kernel_copy(&one, &node->view);
    return wg_node_handle(tape, tape->node_count - 1);
}

wg_view wg_view_of(wg_var x) {
    const wg_node *node = wg_node_of(x);
    if (node == NULL) {
        return (wg_view){.dtype = WG_F64, .rank = 0, .data = NULL};
    }
    return node->view;
}

int wg_rank(wg_var x) {
    return wg_view_of(x).rank;
}

int64_t wg_size(wg_var x, int axis) {
    wg_view view = wg_view_of(x);
    axis = axis < 0 ? axis + view.rank : axis;
    return axis >= 0 && axis < view.rank ? view.shape[axis] : 1;
}

int64_t wg_count(wg_var x) {
    wg_view view = wg_view_of(x);
    return wg_view_count(&view);
}

bool wg_is_array(wg_var x) {
    return wg_var_is_array(x);
}

bool wg_var_refused(wg_tape *tape, wg_var x, int position, const char *name, const char *site) {
    if (x.tape == NULL) {
        return false;
    }
    if (x.tape != tape) {
        wg_tape_fail(tape, WG_ERROR_HANDLE, name, site, "operand %d is of another tape", position);
        return true;
    }
    if (wg_var_is_array(x)) {
        const wg_node *node = wg_node_of(x);
        if (node != NULL && (node->flags & WG_NODE_GONE) == 0) {
            return false;
        }
        if (node != NULL) {
            char text[192];
            wg_tape_fail(tape, WG_ERROR_STATE, name, site,
                         "operand %d (%s %s) was given back by wg_backward; hold it with wg_keep, "
                         "or use wg_backward_keep",
                         position, node->op != NULL ? node->op->name : "array",
                         wg_shape_text(node->view.rank, node->view.shape, text, sizeof text));
            return true;
        }
    } else if (wg_lane_holds(tape, x.as.slot)) {
        return false;
    }
    wg_tape_fail(tape, WG_ERROR_HANDLE, name, site,
                 "operand %d is stale: its tape was reset or its scope has ended", position);
    return true;
}
