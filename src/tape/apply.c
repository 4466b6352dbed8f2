/* apply.c: one run of an array operation: checks, promotion, shape, storage, forward, record. */
#include "tape/tape.h"

#include "kernel/copy.h"

#include <math.h>
#include <string.h>

/* ---- What shape and forward may ask -------------------------------------------------------- */

const wg_op *wg_call_op(const wg_call *call) {
    return call->op;
}

int wg_call_count(const wg_call *call) {
    return call->count;
}

const wg_view *wg_call_operand(const wg_call *call, int i) {
    return &call->views[i];
}

const void *wg_call_state(const wg_call *call) {
    return call->state;
}

wg_view *wg_call_out(wg_call *call) {
    return &call->out;
}

wg_status wg_call_fail(wg_call *call, wg_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    status = wg_tape_fail_v(call->tape, status, call->op->name, call->site, format, arguments);
    va_end(arguments);
    return status;
}

const char *wg_call_shape(wg_call *call, int i) {
    char *text = call->text[call->text_next++ % WG_COUNT_OF(call->text)];
    wg_view view = wg_operand_shape(call, i);
    return wg_shape_text(view.rank, view.shape, text, sizeof call->text[0]);
}

wg_status wg_call_result(wg_call *call, wg_dtype dtype, int rank, const int64_t *shape) {
    size_t size = wg_dtype_size(dtype);
    if (rank < 0 || rank > WG_MAX_RANK) {
        return wg_call_fail(call, WG_ERROR_LIMIT, "a result of %d axes, more than %d", rank,
                            WG_MAX_RANK);
    }
    if (wg_shape_count(rank, shape, size) < 0) {
        char text[192];
        return wg_call_fail(call, WG_ERROR_LIMIT, "the result's shape %s is too large",
                            wg_shape_text(rank, shape, text, sizeof text));
    }
    wg_view_set_contiguous(&call->out, dtype, rank, shape);
    call->out.data = NULL;
    call->view_of = -1;
    call->has_result = true;
    return WG_OK;
}

wg_status wg_call_view(wg_call *call, int i, int64_t offset, int rank, const int64_t *shape,
                       const int64_t *stride) {
    const wg_view *from = &call->views[i];
    if (rank < 0 || rank > WG_MAX_RANK) {
        return wg_call_fail(call, WG_ERROR_LIMIT, "a result of %d axes, more than %d", rank,
                            WG_MAX_RANK);
    }
    if (wg_shape_count(rank, shape, wg_dtype_size(from->dtype)) < 0) {
        char text[192];
        return wg_call_fail(call, WG_ERROR_LIMIT, "the result's shape %s is too large",
                            wg_shape_text(rank, shape, text, sizeof text));
    }
    call->out.dtype = from->dtype;
    call->out.rank = rank;
    for (int axis = 0; axis < rank; axis++) {
        call->out.shape[axis] = shape[axis];
        call->out.stride[axis] = stride[axis];
    }
    call->out.data = from->data == NULL || wg_view_count(&call->out) == 0
                         ? from->data
                         : (char *)from->data + offset * (int64_t)wg_dtype_size(from->dtype);
    call->view_of = i;
    call->has_result = true;
    return WG_OK;
}

/* All shapes where they are few, else the two that clash. */
static wg_status fail_to_broadcast(wg_call *call, int a, int b) {
    if (call->count == 2) {
        return wg_call_fail(call, WG_ERROR_SHAPE, "%s and %s do not broadcast",
                            wg_call_shape(call, 0), wg_call_shape(call, 1));
    }
    if (call->count == 3) {
        return wg_call_fail(call, WG_ERROR_SHAPE, "%s, %s and %s do not broadcast",
                            wg_call_shape(call, 0), wg_call_shape(call, 1), wg_call_shape(call, 2));
    }
    return wg_call_fail(call, WG_ERROR_SHAPE, "operand %d %s and operand %d %s do not broadcast", a,
                        wg_call_shape(call, a), b, wg_call_shape(call, b));
}

wg_status wg_call_broadcast(wg_call *call) {
    int64_t shape[WG_MAX_RANK];
    int rank = 0;
    for (int i = 0; i < call->count; i++) {
        rank = call->views[i].rank > rank ? call->views[i].rank : rank;
    }
    for (int axis = 0; axis < rank; axis++) {
        int64_t size = 1;
        int setter = 0; /* whose size it is */
        for (int i = 0; i < call->count; i++) {
            int own = axis - (rank - call->views[i].rank);
            int64_t here = own < 0 ? 1 : call->views[i].shape[own];
            if (here != 1 && size != 1 && here != size) {
                return fail_to_broadcast(call, setter, i);
            }
            setter = here != 1 ? i : setter;
            size = here != 1 ? here : size;
        }
        shape[axis] = size;
    }
    return wg_call_result(call, call->views[0].dtype, rank, shape);
}

void *wg_call_scratch(wg_call *call, size_t bytes) {
    wg_block *block = wg_pool_take(&call->tape->pool, bytes);
    if (block == NULL) {
        wg_call_fail(call, WG_ERROR_MEMORY, "no memory for %zu bytes of scratch", bytes);
        return NULL;
    }
    block->next = call->scratch;
    call->scratch = block;
    return wg_block_data(block);
}

static bool wants_gradient(const wg_tape *tape, wg_var x) {
    if (x.tape == NULL) {
        return false;
    }
    if (wg_var_is_array(x)) {
        return (wg_node_of(x)->flags & WG_NODE_WANTS) != 0;
    }
    return tape->lane.opcode[x.as.slot.index] != WG_CODE_CONSTANT;
}

bool wg_call_will_sweep(const wg_call *call) {
    bool wanted = false;
    for (int i = 0; i < call->count && !wanted; i++) {
        wanted = wants_gradient(call->tape, call->operands[i]);
    }
    return wanted && wg_tape_records(call->tape) && call->op->chain != NULL;
}

void *wg_call_save(wg_call *call, wg_dtype dtype, int rank, const int64_t *shape) {
    const size_t size = wg_dtype_size(dtype);
    const int64_t count = rank < 0 || rank > WG_MAX_RANK ? -1 : wg_shape_count(rank, shape, size);
    if (count < 0 || call->saved != NULL) {
        wg_call_fail(call, WG_ERROR_STATE, "it saves twice, or what has no shape");
        return NULL;
    }
    call->saved = wg_pool_take(&call->tape->pool, sizeof(wg_saved_record) + (size_t)count * size);
    if (call->saved == NULL) {
        wg_call_fail(call, WG_ERROR_MEMORY, "no memory for what its chain rule needs");
        return NULL;
    }
    wg_saved_record *record = wg_block_data(call->saved);
    wg_view_set_contiguous(&record->view, dtype, rank, shape);
    record->view.data = record + 1;
    return record->view.data;
}

/* ---- Running one --------------------------------------------------------------------------- */

/* Where numbers and scalars stand while an operation sees them as arrays. */
typedef union wg_cell {
    double f64;
    float f32;
} wg_cell;

static wg_dtype common_float(const wg_call *call) {
    bool f32 = false, f64 = false, all_bf16 = (call->op->flags & WG_OP_BF16) != 0;
    for (int i = 0; i < call->count; i++) {
        if (wg_var_is_array(call->operands[i])) {
            wg_dtype dtype = wg_node_of(call->operands[i])->view.dtype;
            f32 = f32 || dtype == WG_F32 || dtype == WG_BF16;
            f64 = f64 || dtype == WG_F64;
            all_bf16 = all_bf16 && dtype == WG_BF16;
        } else {
            all_bf16 = false;
        }
    }
    if (all_bf16) {
        return WG_BF16;
    }
    return f32 && !f64 ? WG_F32 : WG_F64;
}

/* Operations that do not say that they take bf16 get f32 instead. */
static bool widen(wg_call *call, wg_var *changed) {
    if ((call->op->flags & WG_OP_BF16) != 0) {
        return true;
    }
    bool any = false;
    for (int i = 0; i < call->count && !any; i++) {
        any = wg_var_is_array(call->operands[i]) &&
              wg_node_of(call->operands[i])->view.dtype == WG_BF16;
    }
    for (int i = 0; i < call->count && any; i++) {
        changed[i] = call->operands[i];
        if (wg_var_is_array(changed[i]) && wg_node_of(changed[i])->view.dtype == WG_BF16) {
            changed[i] = wg_cast_at(changed[i], WG_F32, call->site);
        }
    }
    call->operands = any ? changed : call->operands;
    return call->tape->status == WG_OK;
}

/* Casts arrays of other dtypes (recorded, so gradients come back as they went); `changed` has room
 * for all. */
static bool promote(wg_call *call, wg_dtype dtype, wg_var *changed) {
    for (int i = 0; i < call->count; i++) {
        changed[i] = call->operands[i];
        if (wg_var_is_array(changed[i]) && wg_node_of(changed[i])->view.dtype != dtype) {
            changed[i] = wg_cast_at(changed[i], dtype, call->site);
        }
    }
    call->operands = changed;
    return call->tape->status == WG_OK;
}

static void view_operands(wg_call *call, wg_cell *cells, wg_dtype dtype) {
    for (int i = 0; i < call->count; i++) {
        wg_var x = call->operands[i];
        if (wg_var_is_array(x)) {
            call->views[i] = wg_node_of(x)->view;
            continue;
        }
        double value = x.tape == NULL ? x.as.number : call->tape->lane.value[x.as.slot.index];
        if (dtype == WG_F32) {
            cells[i].f32 = (float)value;
        } else {
            cells[i].f64 = value;
        }
        call->views[i].dtype = dtype;
        call->views[i].rank = 0;
        call->views[i].data = &cells[i];
    }
}

/* Storage of the result: fresh, or the viewed operand's. */
static bool give_storage(wg_call *call) {
    wg_tape *tape = call->tape;
    bool viewed = call->view_of >= 0;
    if (viewed && wg_var_is_array(call->operands[call->view_of])) {
        call->out_block = wg_block_share(wg_node_of(call->operands[call->view_of])->block);
        return true;
    }
    size_t size = wg_dtype_size(call->out.dtype);
    size_t bytes = viewed ? size : (size_t)wg_view_count(&call->out) * size;
    call->out_block = wg_pool_take(&tape->pool, bytes);
    if (call->out_block == NULL) {
        wg_call_fail(call, WG_ERROR_MEMORY, "no memory for %zu bytes", bytes);
        return false;
    }
    if (viewed) { /* of a number or a scalar, whose cell goes away */
        memcpy(wg_block_data(call->out_block), call->views[call->view_of].data, size);
    }
    call->out.data = wg_block_data(call->out_block);
    return true;
}

static bool make_contiguous(wg_call *call) {
    for (int i = 0; i < call->count; i++) {
        wg_view *view = &call->views[i];
        if (!wg_view_is_contiguous(view)) {
            wg_view copy;
            wg_view_set_contiguous(&copy, view->dtype, view->rank, view->shape);
            copy.data =
                wg_call_scratch(call, (size_t)wg_view_count(view) * wg_dtype_size(view->dtype));
            if (copy.data == NULL) {
                return false;
            }
            wg_kernel_copy(view, &copy);
            *view = copy;
        }
    }
    return true;
}

/* Chain rules may pass through infinities; what they give in the end is looked at (wg_give). */
static bool tape_looks(const wg_tape *tape) {
    return tape->anomaly && !tape->sweeping;
}

static bool run(wg_call *call) {
    const wg_op *op = call->op;
    if (op->shape == NULL) {
        wg_call_fail(call, WG_ERROR_STATE, "it has no shape rule");
        return false;
    }
    if (op->shape(call) != WG_OK || call->tape->status != WG_OK) {
        wg_call_fail(call, WG_ERROR_SHAPE, "its shape rule refused the operands");
        return false;
    }
    if (!call->has_result) {
        wg_call_fail(call, WG_ERROR_STATE, "its shape rule set no result");
        return false;
    }
    if (op->forward == NULL && call->view_of < 0) {
        wg_call_fail(call, WG_ERROR_STATE, "it has no forward function, and its result is no view");
        return false;
    }
    if (!give_storage(call)) {
        return false;
    }
    if (op->forward == NULL || call->view_of >= 0) {
        return true;
    }
    if ((op->flags & WG_OP_CONTIGUOUS) != 0 && !make_contiguous(call)) {
        return false;
    }
    if (op->forward(call) != WG_OK || call->tape->status != WG_OK) {
        wg_call_fail(call, WG_ERROR_STATE, "its forward function failed");
        return false;
    }
    if (WG_UNLIKELY(tape_looks(call->tape))) {
        wg_anomaly_result(call);
    }
    return call->tape->status == WG_OK;
}

/* Copies operands and state onto the tape, so that the chain rule finds them. */
static bool record(wg_call *call, wg_node *node, size_t state_bytes) {
    wg_tape *tape = call->tape;
    size_t bytes = (size_t)call->count * sizeof(wg_var);
    node->operands = wg_arena_take(&tape->arena, &tape->pool, bytes);
    void *state = state_bytes != 0 ? wg_arena_take(&tape->arena, &tape->pool, state_bytes) : NULL;
    if (node->operands == NULL || (state_bytes != 0 && state == NULL)) {
        wg_call_fail(call, WG_ERROR_MEMORY, "no memory to record it");
        return false;
    }
    memcpy(node->operands, call->operands, bytes);
    if (state_bytes != 0) {
        memcpy(state, call->state, state_bytes);
    }
    node->state = state;
    node->op = call->op;
    node->count = call->count;
    bool is_float = wg_dtype_is_float(call->out.dtype);
    for (int i = 0; i < call->count && call->op->chain != NULL && is_float; i++) {
        node->flags |= wants_gradient(tape, call->operands[i]) ? WG_NODE_WANTS : 0;
    }
    return true;
}

static wg_var finish(wg_call *call, size_t state_bytes) {
    wg_tape *tape = call->tape;
    wg_node *node = wg_node_push(tape, call->op->name, call->site);
    if (node == NULL) {
        return wg_poison(tape);
    }
    if (wg_tape_records(tape) && !record(call, node, state_bytes)) {
        tape->node_count--;
        return wg_poison(tape);
    }
    node->view = call->out;
    node->block = call->out_block;
    call->out_block = NULL;
    if (call->saved != NULL && (node->flags & WG_NODE_WANTS) != 0) {
        node->saved = call->saved;
        node->flags |= WG_NODE_SAVED;
        call->saved = NULL;
    }
    return wg_node_handle(tape, tape->node_count - 1);
}

static void drop_scratch(wg_call *call) {
    while (call->scratch != NULL) {
        wg_block *next = call->scratch->next;
        wg_pool_drop(&call->tape->pool, call->scratch);
        call->scratch = next;
    }
}

/* From checked operands to the recorded result; `views`, `cells` and `changed` have room for all.
 */
static wg_var run_checked(wg_call *call, wg_view *views, wg_cell *cells, wg_var *changed,
                          size_t state_bytes) {
    call->views = views;
    wg_dtype dtype = WG_F64;
    if ((call->op->flags & WG_OP_FLOATS) != 0) {
        dtype = common_float(call);
        if (!promote(call, dtype, changed)) {
            return wg_poison(call->tape);
        }
    } else if (!widen(call, changed)) {
        return wg_poison(call->tape);
    }
    view_operands(call, cells, dtype);
    wg_var result = run(call) ? finish(call, state_bytes) : wg_poison(call->tape);
    wg_pool_drop(&call->tape->pool, call->out_block);
    wg_pool_drop(&call->tape->pool, call->saved);
    drop_scratch(call);
    return result;
}

static wg_var run_call(wg_call *call, wg_view *views, wg_cell *cells, wg_var *changed,
                       size_t state_bytes) {
    wg_watch *watch = call->tape->watch;
    if (WG_LIKELY(watch == NULL)) {
        return run_checked(call, views, cells, changed, state_bytes);
    }
    watch->begin(watch, WG_WATCHED_FORWARD, call->op);
    const wg_var result = run_checked(call, views, cells, changed, state_bytes);
    const bool good = call->tape->status == WG_OK;
    watch->end(watch, good ? call : NULL, good ? &call->out : NULL);
    return result;
}

/* Calls of more operands than fit on the stack keep their tables in a block. */
static wg_var run_large(wg_call *call, size_t state_bytes) {
    size_t n = (size_t)call->count, one = sizeof(wg_view) + sizeof(wg_cell) + sizeof(wg_var);
    wg_block *block = wg_pool_take(&call->tape->pool, n * one);
    if (block == NULL) {
        wg_call_fail(call, WG_ERROR_MEMORY, "no memory for its %d operands", call->count);
        return wg_poison(call->tape);
    }
    wg_view *views = wg_block_data(block);
    wg_var *changed = (wg_var *)(void *)(views + n);
    wg_var result = run_call(call, views, (wg_cell *)(void *)(changed + n), changed, state_bytes);
    wg_pool_drop(&call->tape->pool, block);
    return result;
}

wg_var wg_apply(const wg_op *op, int count, const wg_var *operands, const void *state,
                size_t state_bytes, const char *site) {
    wg_tape *tape = NULL;
    for (int i = 0; i < count && tape == NULL; i++) {
        tape = operands[i].tape;
    }
    if (tape == NULL) {
        (void)wg_fail(WG_ERROR_ARGUMENT, "%s: no operand is on a tape (%s)", op->name,
                      site != NULL ? site : "no call site");
        return wg_number((double)NAN);
    }
    if (tape->status != WG_OK) {
        return wg_poison(tape);
    }
    for (int i = 0; i < count; i++) {
        if (wg_var_refused(tape, operands[i], i, op->name, site)) {
            return wg_poison(tape);
        }
    }
    wg_call call;
    call.tape = tape;
    call.op = op;
    call.site = site;
    call.count = count;
    call.operands = operands;
    call.state = state;
    call.out_block = NULL;
    call.view_of = -1;
    call.has_result = false;
    call.scratch = NULL;
    call.saved = NULL;
    call.node = NULL;
    call.finite = false;
    call.placed = 0;
    call.text_next = 0;
    if (count > WG_INLINE_OPERANDS) {
        return run_large(&call, state_bytes);
    }
    wg_view views[WG_INLINE_OPERANDS];
    wg_cell cells[WG_INLINE_OPERANDS];
    wg_var changed[WG_INLINE_OPERANDS];
    return run_call(&call, views, cells, changed, state_bytes);
}
