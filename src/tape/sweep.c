/* sweep.c: the backward sweep: one walk over scalars and arrays, newest first. */
#include "tape/tape.h"

#include <string.h>

/* What a sweep covers: [floor, end) of the tape, newest first. */
typedef struct wg_extent {
    wg_point floor, end;
} wg_extent;

/* Nodes recorded before scalar `index`: those with node->scalars <= index. */
static uint64_t nodes_before(const wg_tape *tape, uint64_t index) {
    uint64_t low = 0, high = tape->node_count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (wg_node_at(tape, middle)->scalars <= index) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

wg_point wg_point_before(const wg_tape *tape, wg_var x) {
    const uint64_t index = x.as.slot.index;
    return wg_var_is_array(x) ? (wg_point){index, wg_node_at(tape, index)->scalars}
                              : (wg_point){nodes_before(tape, index), index};
}

wg_point wg_point_behind(const wg_tape *tape, wg_var x) {
    wg_point point = wg_point_before(tape, x);
    point.nodes += wg_var_is_array(x) ? 1 : 0;
    point.scalars += wg_var_is_array(x) ? 0 : 1;
    return point;
}

/* Memory for the adjoints of the first `count` scalars: zero, but leaves keep those of an earlier
 * sweep. */
static bool prepare_scalars(wg_tape *tape, uint64_t count) {
    uint64_t before = tape->adjoint_capacity;
    if (!wg_tape_grow(tape, (void **)&tape->lane.adjoint, &tape->adjoint_capacity, count,
                      sizeof *tape->lane.adjoint)) {
        wg_tape_fail(tape, WG_ERROR_MEMORY, "backward", NULL, "no memory for %llu adjoints",
                     (unsigned long long)count);
        return false;
    }
    if (tape->adjoint_capacity > before) {
        memset(tape->lane.adjoint + before, 0,
               (size_t)(tape->adjoint_capacity - before) * sizeof *tape->lane.adjoint);
    }
    for (uint64_t i = 0; i < tape->lane.adjoint_count && tape->lane.adjoints_kept; i++) {
        tape->lane.adjoint[i] = tape->lane.opcode[i] == WG_CODE_LEAF ? tape->lane.adjoint[i] : 0;
    }
    tape->lane.adjoints_kept = 0;
    tape->lane.adjoint_count = count > tape->lane.adjoint_count ? count : tape->lane.adjoint_count;
    return true;
}

/* Adjoints that an earlier sweep left on intermediate (kept) arrays. */
static void clear_nodes(wg_tape *tape) {
    for (uint64_t i = 0; i < tape->node_count; i++) {
        wg_node *node = wg_node_at(tape, i);
        if ((node->flags & WG_NODE_LEAF) == 0) {
            wg_node_drop_adjoint(tape, node);
            node->flags &= ~(uint32_t)WG_NODE_SPENT;
        }
    }
}

static bool takes_part(const wg_node *node) {
    return node->op != NULL && node->op->chain != NULL && (node->flags & WG_NODE_WANTS) != 0;
}

/* Marks what y depends on, the rest of the tape keeps its storage. Through scalars nothing is
 * followed: where they take part, all that stands before y counts. */
static void mark_reached(wg_tape *tape, const wg_extent *extent, uint64_t root) {
    const uint64_t from = extent->floor.nodes, to = extent->end.nodes;
    bool all = root == UINT64_MAX;
    for (uint64_t i = from; i < to; i++) {
        wg_node_at(tape, i)->flags &= ~(uint32_t)(WG_NODE_REACHED | WG_NODE_NEEDED);
    }
    if (!all) {
        wg_node_at(tape, root)->flags |= WG_NODE_REACHED;
    }
    for (uint64_t i = to; i-- > from && !all;) {
        const wg_node *node = wg_node_at(tape, i);
        for (int k = 0; k < node->count && (node->flags & WG_NODE_REACHED) != 0; k++) {
            wg_node *operand = wg_node_of(node->operands[k]);
            all = all || (operand == NULL && node->operands[k].tape != NULL);
            if (operand != NULL) {
                operand->flags |= WG_NODE_REACHED;
            }
        }
    }
    for (uint64_t i = from; i < to && all; i++) {
        wg_node_at(tape, i)->flags |= WG_NODE_REACHED;
    }
}

/* Whether a sweep that keeps nothing may give the node's storage back. */
static bool may_go(const wg_node *node) {
    return takes_part(node) && (node->flags & WG_NODE_KEPT) == 0 &&
           (node->flags & WG_NODE_REACHED) != 0;
}

/* Storage that no chain rule will read goes back at once, before the sweep needs memory itself. */
static void drop_unread(wg_tape *tape, const wg_extent *extent, uint64_t root) {
    for (uint64_t i = extent->floor.nodes; i < extent->end.nodes; i++) {
        wg_node *node = wg_node_at(tape, i);
        if (!takes_part(node) || (node->flags & WG_NODE_REACHED) == 0) {
            continue;
        }
        node->flags |= (node->op->reads & WG_READS_RESULT) != 0 ? WG_NODE_NEEDED : 0;
        for (int k = 0; k < node->count; k++) {
            wg_node *operand = wg_node_of(node->operands[k]);
            if (operand != NULL && (k >= 30 || (node->op->reads & WG_READS_OPERAND(k)) != 0)) {
                operand->flags |= WG_NODE_NEEDED;
            }
        }
    }
    for (uint64_t i = extent->floor.nodes; i < extent->end.nodes; i++) {
        wg_node *node = wg_node_at(tape, i);
        if (may_go(node) && i != root && (node->flags & WG_NODE_NEEDED) == 0) {
            wg_node_drop_storage(tape, node);
        }
    }
}

/* Whether everything the chain rules read is still there; a sweep that gave storage back leaves
 * gaps. */
static bool all_there(wg_tape *tape, const wg_node *node, uint64_t index) {
    const wg_node *gone =
        (node->op->reads & WG_READS_RESULT) != 0 && (node->flags & WG_NODE_GONE) != 0 ? node : NULL;
    for (int k = 0; k < node->count && gone == NULL; k++) {
        const wg_node *operand = wg_node_of(node->operands[k]);
        if (operand != NULL && (operand->flags & WG_NODE_GONE) != 0 &&
            (k >= 30 || (node->op->reads & WG_READS_OPERAND(k)) != 0)) {
            gone = operand;
        }
    }
    if (gone == NULL && (node->flags & WG_NODE_SAVED) != 0 && node->saved == NULL) {
        gone = node;
    }
    if (gone == NULL) {
        return true;
    }
    wg_tape_fail(tape, WG_ERROR_STATE, "backward", NULL,
                 "array %llu (%s): an earlier wg_backward gave back the %s it needs; use "
                 "wg_backward_keep for all sweeps but the last",
                 (unsigned long long)index, node->op->name,
                 gone->op != NULL ? gone->op->name : "array");
    return false;
}

static void run_chain(wg_tape *tape, wg_node *node, uint64_t index, bool keep) {
    wg_adjoint_record *record = wg_node_adjoint(node);
    if (record == NULL || !takes_part(node) || !all_there(tape, node, index)) {
        return;
    }
    uint64_t nodes = tape->node_count;
    wg_view view = node->view;
    view.dtype = wg_adjoint_dtype(view.dtype);
    memcpy(view.stride, record->stride, sizeof view.stride);
    view.data = record->data;
    wg_var g = wg_node_wrap(tape, &view, record->block);
    if (!keep && (node->flags & WG_NODE_KEPT) == 0) {
        /* g alone holds it now, so that the rule may hand it on */
        wg_node_drop_adjoint(tape, node);
        node->flags |= WG_NODE_SPENT;
    }
    if (tape->status == WG_OK) {
        wg_run_chain(tape, index, g);
    }
    wg_nodes_cut(tape, nodes);
}

static void sweep_scalars(wg_tape *tape, uint64_t from, uint64_t to, bool keep) {
    wg_watch *watch = from < to ? tape->watch : NULL;
    if (WG_UNLIKELY(watch != NULL)) {
        watch->begin(watch, WG_WATCHED_SCALARS, NULL);
    }
    if (WG_UNLIKELY(tape->anomaly)) {
        wg_anomaly_sweep(tape, from, to, keep);
    } else {
        wg_rules_sweep(tape, from, to, keep);
    }
    if (WG_UNLIKELY(watch != NULL)) {
        watch->end(watch, NULL, NULL);
    }
}

static void walk(wg_tape *tape, const wg_extent *extent, uint64_t root, bool keep) {
    uint64_t upper = extent->end.scalars;
    for (uint64_t i = extent->end.nodes; i-- > extent->floor.nodes && tape->status == WG_OK;) {
        wg_node *node = wg_node_at(tape, i);
        if (node->scalars < upper) {
            sweep_scalars(tape, node->scalars, upper, keep);
            upper = node->scalars;
        }
        run_chain(tape, node, i, keep);
        if (!keep && may_go(node)) {
            wg_node_drop_saved(tape, node);
            if (i != root) {
                wg_node_drop_storage(tape, node);
            }
        }
    }
    if (tape->status == WG_OK) {
        sweep_scalars(tape, extent->floor.scalars, upper, keep);
    }
}

static wg_status sweep(wg_var y, wg_var seed, bool keep) {
    wg_tape *tape = y.tape;
    if (tape == NULL) {
        return WG_OK;
    }
    if (tape->status != WG_OK || wg_var_refused(tape, y, 0, "backward", NULL) ||
        wg_var_refused(tape, seed, 1, "backward", NULL)) {
        return tape->status;
    }
    if (tape->sweeping || tape->reruns > 0) {
        return wg_tape_fail(tape, WG_ERROR_STATE, "backward", NULL,
                            tape->sweeping ? "called from within a chain rule"
                                           : "called from within a function that is run again in "
                                             "the sweep, as a checkpoint is; wg_grad may be");
    }
    if (wg_var_is_array(y) && (wg_node_of(y)->flags & WG_NODE_WANTS) == 0) {
        return wg_tape_fail(tape, WG_ERROR_STATE, "backward", NULL,
                            "nothing that this array was made of wants a gradient: constants, or "
                            "recorded inside wg_no_grad");
    }
    const wg_extent extent = {.end = wg_point_behind(tape, y)};
    bool is_array = wg_var_is_array(y);
    uint64_t root = is_array ? y.as.slot.index : UINT64_MAX;
    clear_nodes(tape);
    if (!prepare_scalars(tape, extent.end.scalars)) {
        return tape->status;
    }
    wg_node *const given = wg_node_of(seed); /* may be an intermediate of this very sweep */
    const bool held = given != NULL && (given->flags & WG_NODE_KEPT) == 0;
    if (held) {
        given->flags |= WG_NODE_KEPT;
    }
    wg_watch *watch = tape->watch;
    if (watch != NULL) {
        watch->begin(watch, WG_WATCHED_SWEEP, NULL);
    }
    tape->sweeping = true;
    tape->leaf_cursor = tape->lane.leaf_head;
    wg_no_grad_begin(tape);
    if (!keep) {
        mark_reached(tape, &extent, root);
        drop_unread(tape, &extent, root);
    }
    uint64_t nodes = tape->node_count;
    seed = wg_seed_like(tape, y, seed, "backward");
    if (tape->status == WG_OK) {
        const wg_node *root_node = wg_node_of(y);
        tape->seeding = !keep && given != NULL && root_node != NULL &&
                        (root_node->flags & (WG_NODE_LEAF | WG_NODE_KEPT)) == 0;
        wg_give_plain(tape, y, seed);
        tape->seeding = false;
        walk(tape, &extent, root, keep);
    }
    if (held) {
        given->flags &= ~(uint32_t)WG_NODE_KEPT;
    }
    wg_nodes_cut(tape, nodes);
    wg_no_grad_end(tape);
    if (watch != NULL) {
        watch->end(watch, NULL, NULL);
    }
    tape->sweeping = false;
    tape->lane.adjoints_kept =
        keep || tape->status != WG_OK ? 1 : 0; /* a broken sweep leaves what it had */
    return tape->status;
}

wg_status wg_sweep_region(wg_tape *tape, wg_point floor, int m, const wg_var *ys,
                          const wg_var *seeds) {
    const wg_extent extent = {floor, wg_point_now(tape)};
    const uint64_t leaf_cursor = tape->leaf_cursor;
    const bool sweeping = tape->sweeping;
    if (tape->status != WG_OK || !prepare_scalars(tape, extent.end.scalars)) {
        return tape->status;
    }
    tape->sweeping = true;
    tape->leaf_cursor = tape->lane.leaf_head;
    wg_no_grad_begin(tape);
    mark_reached(tape, &extent, UINT64_MAX);
    drop_unread(tape, &extent, UINT64_MAX);
    for (int j = 0; j < m && tape->status == WG_OK; j++) {
        const wg_node *node = wg_node_of(ys[j]);
        if (ys[j].tape != NULL && (node == NULL || (node->flags & WG_NODE_WANTS) != 0)) {
            wg_give_plain(tape, ys[j], seeds[j]);
        }
    }
    walk(tape, &extent, UINT64_MAX, false);
    wg_nodes_cut(tape, extent.end.nodes);
    wg_no_grad_end(tape);
    tape->sweeping = sweeping;
    tape->leaf_cursor = leaf_cursor;
    tape->lane.adjoints_kept = tape->status != WG_OK ? 1 : 0;
    return tape->status;
}

static bool has_one_element(wg_var y) {
    if (y.tape == NULL || y.tape->status != WG_OK || !wg_var_is_array(y) || wg_node_of(y) == NULL ||
        wg_count(y) == 1) {
        return true;
    }
    wg_view view = wg_view_of(y);
    char text[192];
    wg_tape_fail(y.tape, WG_ERROR_SHAPE, "backward", NULL,
                 "a gradient starts from one element, this has the shape %s; reduce it (wg_sum, "
                 "wg_mean), or use wg_backward_from",
                 wg_shape_text(view.rank, view.shape, text, sizeof text));
    return false;
}

wg_status wg_backward(wg_var y) {
    return has_one_element(y) ? sweep(y, wg_number(1), false) : y.tape->status;
}

wg_status wg_backward_keep(wg_var y) {
    return has_one_element(y) ? sweep(y, wg_number(1), true) : y.tape->status;
}

wg_status wg_backward_seeded(wg_var y, wg_var seed) {
    return sweep(y, seed, false);
}

wg_status wg_backward_from(wg_var y, wg_var seed) {
    return sweep(y, seed, true);
}

void wg_zero_adjoints(wg_tape *tape) {
    wg_lane_clear_adjoints(tape, 0);
    tape->lane.adjoint_count = 0; /* what a sweep used up is zero now too */
    for (uint64_t i = 0; i < tape->node_count; i++) {
        wg_node *node = wg_node_at(tape, i);
        wg_node_drop_adjoint(tape, node);
        node->flags &= ~(uint32_t)WG_NODE_SPENT;
    }
}
