/* grad.c: the sweep that records itself: gradients that are variables again. */
#include "tape/tape.h"

#include <string.h>

/* An element's share of an array's adjoint (from wg_at), waiting until the array's turn. */
typedef struct wg_pending {
    uint64_t next; /* the previous one of the same node, or NONE */
    int64_t offset;
    wg_var g;
} wg_pending;

#define NONE UINT64_MAX

/* Adjoints while they are being built. A plain 0 stands for "nothing yet". */
typedef struct wg_grad_sweep {
    uint64_t scalars,
        nodes; /* covered: what is recorded behind belongs to the sweep's own results */
    wg_var *scalar, *node;
    uint8_t *scalar_active, *node_active; /* depends on one of the xs */
    uint64_t *first_pending;              /* a node's list */
    wg_pending *pending;
    wg_block *pending_block; /* from the pool: a step after the first asks the system for nothing */
    uint64_t pending_count, pending_capacity;
} wg_grad_sweep;

static bool is_nothing(wg_var g) {
    return g.tape == NULL && g.as.number == 0;
}

bool wg_grad_wants(const wg_tape *tape, wg_var x) {
    const wg_grad_sweep *sweep = tape->recorded;
    if (x.tape == NULL) {
        return false;
    }
    uint64_t index = x.as.slot.index;
    return wg_var_is_array(x) ? index < sweep->nodes && sweep->node_active[index] != 0
                              : index < sweep->scalars && sweep->scalar_active[index] != 0;
}

/* g in the operand's shape and dtype, as verbs. */
static wg_var fit(wg_var operand, wg_var g) {
    if (!wg_var_is_array(operand)) {
        return wg_var_is_array(g) ? wg_at_at(wg_sum_to(g, 0, NULL), 0, NULL) : g;
    }
    wg_view like = wg_view_of(operand);
    like.dtype = wg_adjoint_dtype(like.dtype);
    if (!wg_var_is_array(g)) {
        wg_var zero = wg_full(operand.tape, like.dtype, like.rank, like.shape, 0);
        return (wg_add)(zero, g);
    }
    wg_view view = wg_view_of(g);
    if (!wg_shape_equal(view.rank, view.shape, like.rank, like.shape)) {
        int64_t count = wg_view_count(&view);
        g = count == 1 && wg_view_count(&like) != 1
                ? wg_broadcast_to_at(wg_reshape_at(g, 0, NULL, NULL), like.rank, like.shape, NULL)
                : wg_sum_to(g, like.rank, like.shape);
    }
    return view.dtype != like.dtype ? wg_cast_at(g, like.dtype, NULL) : g;
}

void wg_give_recorded(wg_tape *tape, wg_var operand, wg_var g) {
    wg_grad_sweep *sweep = tape->recorded;
    if (!wg_grad_wants(tape, operand) || is_nothing(g)) {
        return;
    }
    wg_var *to = wg_var_is_array(operand) ? &sweep->node[operand.as.slot.index]
                                          : &sweep->scalar[operand.as.slot.index];
    g = fit(operand, g);
    *to = is_nothing(*to) ? g : (wg_add)(*to, g);
}

static bool pending_room(wg_tape *tape, wg_grad_sweep *sweep) {
    if (sweep->pending_count < sweep->pending_capacity) {
        return true;
    }
    uint64_t capacity = sweep->pending_capacity == 0 ? 64 : 2 * sweep->pending_capacity;
    wg_block *grown = wg_pool_take(&tape->pool, (size_t)capacity * sizeof *sweep->pending);
    if (grown == NULL) {
        wg_tape_fail(tape, WG_ERROR_MEMORY, "grad", NULL, "no memory for an element's adjoint");
        return false;
    }
    if (sweep->pending_count != 0) {
        memcpy(wg_block_data(grown), sweep->pending,
               (size_t)sweep->pending_count * sizeof *sweep->pending);
    }
    wg_pool_drop(&tape->pool, sweep->pending_block);
    sweep->pending_block = grown;
    sweep->pending = wg_block_data(grown);
    sweep->pending_capacity = capacity;
    return true;
}

/* The adjoint of element `offset` of node `index` is g; waits for the node's turn. */
static void give_element(wg_tape *tape, uint32_t index, uint32_t offset, wg_var g) {
    wg_grad_sweep *sweep = tape->recorded;
    if (sweep->node_active[index] == 0) {
        return;
    }
    if (!pending_room(tape, sweep)) {
        return;
    }
    sweep->pending[sweep->pending_count] = (wg_pending){sweep->first_pending[index], offset, g};
    sweep->first_pending[index] = sweep->pending_count++;
}

/* Puts the waiting elements of node `index` into its adjoint. */
static void settle_elements(wg_tape *tape, uint64_t index) {
    wg_grad_sweep *sweep = tape->recorded;
    uint64_t n = 0;
    for (uint64_t i = sweep->first_pending[index]; i != NONE; i = sweep->pending[i].next) {
        n++;
    }
    if (n == 0) {
        return;
    }
    wg_block *memory = wg_pool_take(&tape->pool, (size_t)n * (sizeof(wg_var) + sizeof(int64_t)));
    if (memory == NULL) {
        wg_tape_fail(tape, WG_ERROR_MEMORY, "grad", NULL, "no memory for the elements' adjoints");
        return;
    }
    wg_var *scalars = wg_block_data(memory);
    int64_t *offsets = (int64_t *)(void *)(scalars + n);
    uint64_t k = 0;
    for (uint64_t i = sweep->first_pending[index]; i != NONE; i = sweep->pending[i].next) {
        scalars[k] = sweep->pending[i].g;
        offsets[k++] = sweep->pending[i].offset;
    }
    wg_view like = wg_node_at(tape, index)->view;
    wg_give_recorded(tape, wg_node_handle(tape, index),
                     wg_place(tape, &like, (int)n, scalars, offsets));
    wg_pool_drop(&tape->pool, memory);
}

static void mark_scalar(wg_grad_sweep *sweep, const wg_tape *tape, uint64_t i) {
    uint32_t operands[3];
    if (sweep->scalar_active[i] != 0) {
        return;
    }
    if (tape->lane.opcode[i] == WG_CODE_AT) {
        uint32_t node = tape->lane.operand[i].a;
        sweep->scalar_active[i] = sweep->node_active[node];
        return;
    }
    for (int k = wg_rules_operands(tape, i, operands); k-- > 0;) {
        sweep->scalar_active[i] |= sweep->scalar_active[operands[k]];
    }
}

static void mark_node(wg_grad_sweep *sweep, const wg_tape *tape, uint64_t i) {
    const wg_node *node = wg_node_at(tape, i);
    bool is_float = wg_dtype_is_float(node->view.dtype);
    if (node->op == NULL || node->op->chain == NULL || !is_float) {
        return;
    }
    for (int k = 0; k < node->count; k++) {
        wg_var x = node->operands[k];
        if (x.tape != NULL) {
            sweep->node_active[i] |= wg_var_is_array(x) ? sweep->node_active[x.as.slot.index]
                                                        : sweep->scalar_active[x.as.slot.index];
        }
    }
}

/* What depends on the xs, oldest first: nothing else need be swept. */
static void mark_active(wg_tape *tape, wg_grad_sweep *sweep, const wg_var *xs, int n) {
    for (int i = 0; i < n; i++) {
        uint64_t index = xs[i].as.slot.index;
        if (xs[i].tape != NULL && wg_var_is_array(xs[i]) && index < sweep->nodes) {
            sweep->node_active[index] = 1;
        } else if (xs[i].tape != NULL && !wg_var_is_array(xs[i]) && index < sweep->scalars) {
            sweep->scalar_active[index] = 1;
        }
    }
    uint64_t next = 0;
    for (uint64_t i = 0; i <= sweep->nodes; i++) {
        uint64_t until = i < sweep->nodes ? wg_node_at(tape, i)->scalars : sweep->scalars;
        for (; next < until && next < sweep->scalars; next++) {
            mark_scalar(sweep, tape, next);
        }
        if (i < sweep->nodes) {
            mark_node(sweep, tape, i);
        }
    }
}

static void sweep_scalars(wg_tape *tape, uint64_t from, uint64_t to) {
    wg_grad_sweep *sweep = tape->recorded;
    for (uint64_t i = to; i-- > from && tape->status == WG_OK;) {
        wg_var g = sweep->scalar[i];
        if (sweep->scalar_active[i] == 0 || is_nothing(g)) {
            continue;
        }
        if (tape->lane.opcode[i] == WG_CODE_AT) {
            wg_operands at = tape->lane.operand[i];
            give_element(tape, at.a, at.b, g);
        } else {
            wg_rules_chain(tape, i, g);
        }
    }
}

static void sweep_node(wg_tape *tape, uint64_t index) {
    wg_grad_sweep *sweep = tape->recorded;
    settle_elements(tape, index);
    wg_node *node = wg_node_at(tape, index);
    wg_var g = sweep->node[index];
    if (sweep->node_active[index] == 0 || is_nothing(g) || node->op == NULL ||
        node->op->chain == NULL || tape->status != WG_OK) {
        return;
    }
    wg_run_chain(tape, index, g);
}

static void walk(wg_tape *tape) {
    wg_grad_sweep *sweep = tape->recorded;
    uint64_t upper = sweep->scalars;
    for (uint64_t i = sweep->nodes; i-- > 0 && tape->status == WG_OK;) {
        uint64_t before = wg_node_at(tape, i)->scalars;
        if (before < upper) {
            sweep_scalars(tape, before, upper);
            upper = before;
        }
        sweep_node(tape, i);
    }
    if (tape->status == WG_OK) {
        sweep_scalars(tape, 0, upper);
    }
}

static wg_var result_for(wg_tape *tape, wg_var x) {
    const wg_grad_sweep *sweep = tape->recorded;
    uint64_t index = x.as.slot.index;
    if (x.tape == NULL) {
        return wg_number(0);
    }
    if (!wg_var_is_array(x)) {
        return index < sweep->scalars ? sweep->scalar[index] : wg_number(0);
    }
    wg_view view = wg_view_of(x);
    if (index < sweep->nodes && !is_nothing(sweep->node[index])) {
        return sweep->node[index];
    }
    wg_dtype dtype = wg_dtype_is_float(view.dtype) ? wg_adjoint_dtype(view.dtype) : WG_F64;
    return wg_full(tape, dtype, view.rank, view.shape, 0);
}

/* One block holds every table of the sweep. */
static wg_block *lay_out(wg_tape *tape, wg_grad_sweep *sweep) {
    size_t scalars = (size_t)sweep->scalars, nodes = (size_t)sweep->nodes;
    size_t bytes = (scalars + nodes) * (sizeof(wg_var) + 1) + nodes * sizeof(uint64_t);
    wg_block *block = wg_pool_take(&tape->pool, bytes);
    if (block == NULL) {
        wg_tape_fail(tape, WG_ERROR_MEMORY, "grad", NULL, "no memory for %zu bytes of adjoints",
                     bytes);
        return NULL;
    }
    memset(wg_block_data(block), 0, bytes);
    sweep->scalar = wg_block_data(block);
    sweep->node = sweep->scalar + scalars;
    sweep->first_pending = (uint64_t *)(void *)(sweep->node + nodes);
    sweep->scalar_active = (uint8_t *)(sweep->first_pending + nodes);
    sweep->node_active = sweep->scalar_active + scalars;
    for (size_t i = 0; i < nodes; i++) {
        sweep->first_pending[i] = NONE;
    }
    return block;
}

static wg_status run(wg_tape *tape, wg_var y, wg_var seed, const wg_var *xs, int n, wg_var *out) {
    wg_grad_sweep sweep = {.scalars = tape->lane.count, .nodes = tape->node_count};
    wg_block *block = lay_out(tape, &sweep);
    if (block == NULL) {
        return tape->status;
    }
    mark_active(tape, &sweep, xs, n);
    tape->recorded = &sweep;
    wg_give_recorded(tape, y, wg_seed_like(tape, y, seed, "grad"));
    walk(tape);
    for (int i = 0; i < n && tape->status == WG_OK; i++) {
        out[i] = result_for(tape, xs[i]);
    }
    tape->recorded = NULL;
    wg_pool_drop(&tape->pool, sweep.pending_block);
    wg_pool_drop(&tape->pool, block);
    return tape->status;
}

wg_status wg_grad_from(wg_var y, wg_var seed, const wg_var *xs, int n, wg_var *out) {
    wg_tape *tape = y.tape;
    for (int i = 0; i < n && tape == NULL; i++) {
        tape = xs[i].tape;
    }
    if (tape == NULL) {
        for (int i = 0; i < n; i++) {
            out[i] = wg_number(0);
        }
        return WG_OK;
    }
    bool refused = tape->status != WG_OK || wg_var_refused(tape, y, 0, "grad", NULL) ||
                   wg_var_refused(tape, seed, 1, "grad", NULL);
    for (int i = 0; i < n && !refused; i++) {
        refused = wg_var_refused(tape, xs[i], i, "grad: xs", NULL);
    }
    if (!refused && (tape->sweeping || tape->recorded != NULL)) {
        wg_tape_fail(tape, WG_ERROR_STATE, "grad", NULL, "called from within a chain rule");
        refused = true;
    }
    wg_status status = refused ? tape->status : run(tape, y, seed, xs, n, out);
    for (int i = 0; i < n && status != WG_OK; i++) {
        out[i] = wg_poison(tape);
    }
    return status;
}

wg_status wg_grad(wg_var y, const wg_var *xs, int n, wg_var *out) {
    wg_view view = wg_view_of(y);
    if (y.tape != NULL && y.tape->status == WG_OK && wg_node_of(y) != NULL &&
        wg_view_count(&view) != 1) {
        char text[192];
        wg_tape_fail(y.tape, WG_ERROR_SHAPE, "grad", NULL,
                     "a gradient starts from one element, this has the shape %s; reduce it, or use "
                     "wg_grad_from",
                     wg_shape_text(view.rank, view.shape, text, sizeof text));
    }
    return wg_grad_from(y, wg_number(1), xs, n, out);
}
