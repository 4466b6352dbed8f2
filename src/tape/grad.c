/* grad.c: the sweep that records itself: gradients that are variables again. */
#include "tape/tape.h"

#include <stdio.h>
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
    wg_point base, end;    /* covered: from the first of the xs to the last of the ys */
    wg_point floor;        /* chain rules run from here on */
    wg_var *scalar, *node; /* these tables and the next begin at `base` */
    uint8_t *scalar_active, *node_active; /* depends on one of the xs */
    uint64_t *first_pending;              /* a node's list */
    wg_pending *pending;
    wg_block *pending_block; /* from the pool: a step after the first asks the system for nothing */
    uint64_t pending_count, pending_capacity;
} wg_grad_sweep;

static bool is_nothing(wg_var g) {
    return g.tape == NULL && g.as.number == 0;
}

/* Where x's entry stands in the tables; NULL, or false, for what is not covered. */
static wg_var *adjoint_of(const wg_grad_sweep *sweep, wg_var x) {
    const uint64_t index = x.as.slot.index;
    if (wg_var_is_array(x)) {
        return index >= sweep->base.nodes && index < sweep->end.nodes
                   ? &sweep->node[index - sweep->base.nodes]
                   : NULL;
    }
    return x.tape != NULL && index >= sweep->base.scalars && index < sweep->end.scalars
               ? &sweep->scalar[index - sweep->base.scalars]
               : NULL;
}

static bool is_active_node(const wg_grad_sweep *sweep, uint64_t index) {
    return index >= sweep->base.nodes && index < sweep->end.nodes &&
           sweep->node_active[index - sweep->base.nodes] != 0;
}

static bool is_active_scalar(const wg_grad_sweep *sweep, uint64_t index) {
    return index >= sweep->base.scalars && index < sweep->end.scalars &&
           sweep->scalar_active[index - sweep->base.scalars] != 0;
}

bool wg_grad_wants(const wg_tape *tape, wg_var x) {
    if (x.tape == NULL) {
        return false;
    }
    return wg_var_is_array(x) ? is_active_node(tape->recorded, x.as.slot.index)
                              : is_active_scalar(tape->recorded, x.as.slot.index);
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
    if (!wg_grad_wants(tape, operand) || is_nothing(g)) {
        return;
    }
    wg_var *to = adjoint_of(tape->recorded, operand);
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
    if (!is_active_node(sweep, index) || !pending_room(tape, sweep)) {
        return;
    }
    uint64_t *first = &sweep->first_pending[index - sweep->base.nodes];
    sweep->pending[sweep->pending_count] = (wg_pending){*first, offset, g};
    *first = sweep->pending_count++;
}

/* Puts the waiting elements of node `index` into its adjoint. */
static void settle_elements(wg_tape *tape, uint64_t index) {
    wg_grad_sweep *sweep = tape->recorded;
    uint64_t n = 0;
    const uint64_t first = sweep->first_pending[index - sweep->base.nodes];
    for (uint64_t i = first; i != NONE; i = sweep->pending[i].next) {
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
    for (uint64_t i = first; i != NONE; i = sweep->pending[i].next) {
        scalars[k] = sweep->pending[i].g;
        offsets[k++] = sweep->pending[i].offset;
    }
    wg_view like = wg_node_at(tape, index)->view;
    wg_give_recorded(tape, wg_node_handle(tape, index),
                     wg_place(tape, &like, (int)n, scalars, offsets));
    wg_pool_drop(&tape->pool, memory);
}

static void mark_scalar(wg_grad_sweep *sweep, const wg_tape *tape, uint64_t i) {
    uint8_t *active = &sweep->scalar_active[i - sweep->base.scalars];
    uint32_t operands[3];
    if (*active != 0) {
        return;
    }
    if (tape->lane.opcode[i] == WG_CODE_AT) {
        *active = is_active_node(sweep, tape->lane.operand[i].a) ? 1 : 0;
        return;
    }
    for (int k = wg_rules_operands(tape, i, operands); k-- > 0;) {
        *active |= is_active_scalar(sweep, operands[k]) ? 1 : 0;
    }
}

static void mark_node(wg_grad_sweep *sweep, const wg_tape *tape, uint64_t i) {
    const wg_node *node = wg_node_at(tape, i);
    bool is_float = wg_dtype_is_float(node->view.dtype);
    if (node->op == NULL || node->op->chain == NULL || !is_float) {
        return;
    }
    for (int k = 0; k < node->count; k++) {
        sweep->node_active[i - sweep->base.nodes] |= wg_grad_wants(tape, node->operands[k]) ? 1 : 0;
    }
}

/* What depends on the xs, oldest first: nothing else need be swept. */
static void mark_active(wg_tape *tape, wg_grad_sweep *sweep, const wg_var *xs, int n) {
    for (int i = 0; i < n; i++) {
        const wg_var *adjoint = adjoint_of(sweep, xs[i]);
        if (adjoint != NULL && wg_var_is_array(xs[i])) {
            const wg_dtype dtype = wg_node_of(xs[i])->view.dtype;
            sweep->node_active[adjoint - sweep->node] = wg_dtype_is_float(dtype) ? 1 : 0;
        } else if (adjoint != NULL) {
            sweep->scalar_active[adjoint - sweep->scalar] = 1;
        }
    }
    uint64_t next = sweep->floor.scalars;
    for (uint64_t i = sweep->floor.nodes; i <= sweep->end.nodes; i++) {
        uint64_t until = i < sweep->end.nodes ? wg_node_at(tape, i)->scalars : sweep->end.scalars;
        for (; next < until && next < sweep->end.scalars; next++) {
            mark_scalar(sweep, tape, next);
        }
        if (i < sweep->end.nodes) {
            mark_node(sweep, tape, i);
        }
    }
}

static void sweep_scalars(wg_tape *tape, uint64_t from, uint64_t to) {
    wg_grad_sweep *sweep = tape->recorded;
    for (uint64_t i = to; i-- > from && tape->status == WG_OK;) {
        wg_var g = sweep->scalar[i - sweep->base.scalars];
        if (!is_active_scalar(sweep, i) || is_nothing(g)) {
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
    wg_var g = sweep->node[index - sweep->base.nodes];
    if (!is_active_node(sweep, index) || is_nothing(g) || node->op == NULL ||
        node->op->chain == NULL || tape->status != WG_OK) {
        return;
    }
    wg_run_chain(tape, index, g);
}

static void walk(wg_tape *tape) {
    wg_grad_sweep *sweep = tape->recorded;
    uint64_t upper = sweep->end.scalars;
    for (uint64_t i = sweep->end.nodes; i-- > sweep->floor.nodes && tape->status == WG_OK;) {
        uint64_t before = wg_node_at(tape, i)->scalars;
        if (before < upper) {
            sweep_scalars(tape, before, upper);
            upper = before;
        }
        sweep_node(tape, i);
    }
    if (tape->status == WG_OK) {
        sweep_scalars(tape, sweep->floor.scalars, upper);
    }
    for (uint64_t i = sweep->floor.nodes; i-- > sweep->base.nodes && tape->status == WG_OK;) {
        settle_elements(tape, i);
    }
}

static wg_var result_for(wg_tape *tape, wg_var x) {
    const wg_var *adjoint = adjoint_of(tape->recorded, x);
    if (!wg_var_is_array(x)) {
        return adjoint != NULL ? *adjoint : wg_number(0);
    }
    if (adjoint != NULL && !is_nothing(*adjoint)) {
        return *adjoint;
    }
    wg_view view = wg_view_of(x);
    wg_dtype dtype = wg_dtype_is_float(view.dtype) ? wg_adjoint_dtype(view.dtype) : WG_F64;
    return wg_full(tape, dtype, view.rank, view.shape, 0);
}

static wg_point later(wg_point a, wg_point b) {
    return (wg_point){a.nodes > b.nodes ? a.nodes : b.nodes,
                      a.scalars > b.scalars ? a.scalars : b.scalars};
}

static wg_point earlier(wg_point a, wg_point b) {
    return (wg_point){a.nodes < b.nodes ? a.nodes : b.nodes,
                      a.scalars < b.scalars ? a.scalars : b.scalars};
}

/* From the first of the xs to the last of the ys; what stands outside cannot take part. */
static wg_grad_sweep extent(const wg_tape *tape, const wg_pullback *p) {
    wg_grad_sweep sweep = {.base = {0, 0}};
    for (int j = 0; j < p->m; j++) {
        if (p->ys[j].tape != NULL) {
            sweep.end = later(sweep.end, wg_point_behind(tape, p->ys[j]));
        }
    }
    sweep.base = sweep.end;
    for (int i = 0; i < p->n; i++) {
        if (p->xs[i].tape != NULL) {
            sweep.base = earlier(sweep.base, wg_point_before(tape, p->xs[i]));
        }
    }
    sweep.floor = earlier(sweep.end, later(sweep.base, p->floor));
    return sweep;
}

/* One block holds every table of the sweep. */
static wg_block *lay_out(wg_tape *tape, wg_grad_sweep *sweep) {
    size_t scalars = (size_t)(sweep->end.scalars - sweep->base.scalars);
    size_t nodes = (size_t)(sweep->end.nodes - sweep->base.nodes);
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

static wg_status run(wg_tape *tape, const wg_pullback *p) {
    wg_grad_sweep sweep = extent(tape, p);
    wg_grad_sweep *const outer = tape->recorded;
    wg_block *block = lay_out(tape, &sweep);
    if (block == NULL) {
        return tape->status;
    }
    tape->recorded = &sweep;
    tape->sweeping = true;
    mark_active(tape, &sweep, p->xs, p->n);
    for (int j = 0; j < p->m; j++) {
        if (p->ys[j].tape != NULL) {
            wg_give_recorded(tape, p->ys[j], wg_seed_like(tape, p->ys[j], p->seeds[j], p->name));
        }
    }
    walk(tape);
    for (int i = 0; i < p->n && tape->status == WG_OK; i++) {
        p->out[i] = p->xs[i].tape != NULL ? result_for(tape, p->xs[i]) : wg_number(0);
    }
    tape->sweeping = false;
    tape->recorded = outer;
    wg_pool_drop(&tape->pool, sweep.pending_block);
    wg_pool_drop(&tape->pool, block);
    return tape->status;
}

static bool is_refused(wg_tape *tape, const wg_pullback *p) {
    char name[64];
    bool refused = tape->status != WG_OK;
    for (int j = 0; j < p->m && !refused; j++) {
        refused = wg_var_refused(tape, p->ys[j], j, p->name, NULL) ||
                  wg_var_refused(tape, p->seeds[j], p->m + j, p->name, NULL);
    }
    (void)snprintf(name, sizeof name, "%s: xs", p->name);
    for (int i = 0; i < p->n && !refused; i++) {
        refused = wg_var_refused(tape, p->xs[i], i, name, NULL);
    }
    if (!refused && tape->sweeping) {
        wg_tape_fail(tape, WG_ERROR_STATE, p->name, NULL, "called from within a chain rule");
        refused = true;
    }
    return refused;
}

wg_status wg_pull_back(wg_tape *tape, const wg_pullback *p) {
    const wg_status status = is_refused(tape, p) ? tape->status : run(tape, p);
    for (int i = 0; i < p->n && status != WG_OK; i++) {
        p->out[i] = wg_poison(tape);
    }
    return status;
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
    const wg_pullback pullback = {
        .m = 1, .ys = &y, .seeds = &seed, .n = n, .xs = xs, .out = out, .name = "grad"};
    return wg_pull_back(tape, &pullback);
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
