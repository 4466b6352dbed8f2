/* keep.c: moves before loops, and how many turns of each value are kept. */
#include "function/nest.h"

#include <string.h>

/* ---- Moves ----------------------------------------------------------------------------------- */

/* Loops inside loop l around a move, with the turns of the user's that have no moves of their own,
 * which come later; the innermost's node. */
static uint32_t add_loops(wg_nest *nest, const uint32_t *around, uint32_t depth, uint32_t l,
                          const wg_use *use, uint32_t *outermost) {
    uint32_t parent = nest->node[around[l]].parent;
    *outermost = WG_NO_NODE;
    for (uint32_t k = l + 1; k < depth; k++) {
        const uint32_t at = wg_nest_add(nest);
        if (at == WG_NO_NODE) {
            return WG_NO_NODE;
        }
        nest->node[at].is_loop = nest->node[at].is_move = true;
        nest->node[at].of = around[k];
        nest->node[at].parent = parent;
        nest->node[at].count = nest->node[around[k]].count - use->early[k] - use->late[k];
        if (*outermost == WG_NO_NODE) {
            *outermost = at;
        } else {
            nest->node[parent].first_child = at;
        }
        parent = at;
    }
    return parent;
}

/* Takes counter l, at the value `turn`, out of an affine map. */
static void fix_counter(int64_t *base, int64_t *stride, uint32_t l, int64_t turn) {
    *base += stride[l] * turn;
    memmove(stride + l, stride + l + 1, (WG_NEST_DEPTH - 1 - l) * sizeof *stride);
    stride[WG_NEST_DEPTH - 1] = 0;
}

/* The ids that are made before loop l of those around `user`. */
static wg_ref made_before(const wg_nest *nest, uint32_t user, const uint32_t *around, uint32_t l,
                          int64_t turn) {
    wg_ref made = {.kind = WG_REF_NONE, .base = nest->node[around[l]].base};
    if (nest->node[around[l]].is_move) { /* which is before another */
        made = nest->node[user].ref[2];
        fix_counter(&made.base, made.stride, l, turn);
        return made;
    }
    for (uint32_t m = 0; m < l; m++) {
        made.stride[m] = nest->node[around[m]].width;
    }
    return made;
}

/* Before loop l: what operand k of `user` names in turn `turn`, to where its site would put it. */
static void add_move(wg_nest *nest, uint32_t user, int k, uint32_t l, int64_t turn, bool late) {
    uint32_t around[WG_NEST_DEPTH], outermost;
    const uint32_t depth = wg_nest_loops(nest, user, around);
    const wg_use use = nest->node[user].use[k];
    const uint32_t parent = add_loops(nest, around, depth, l, &use, &outermost);
    const uint32_t at = nest->failed ? WG_NO_NODE : wg_nest_add(nest);
    if (at == WG_NO_NODE) {
        return;
    }
    const bool again = nest->node[around[l]].is_move;
    wg_nest_node *move = &nest->node[at];
    move->is_move = true;
    move->code = WG_STEP_FILL;
    move->parent = parent;
    move->base = -1;
    move->of = again ? nest->node[user].of : around[l];
    move->late = again ? nest->node[user].late : late;
    move->ref[2] = made_before(nest, user, around, l, turn);
    move->ref[0] = nest->node[user].ref[k];
    wg_use *to = &move->use[1];
    *to = use;
    for (uint32_t c = l + 1; c < depth; c++) { /* from the first turn that is moved */
        move->ref[0].base += move->ref[0].stride[c] * use.early[c];
        for (uint32_t m = 0; m < WG_NEST_DEPTH; m++) {
            to->first[m] += use.per[c][m] * use.early[c];
        }
    }
    fix_counter(&move->ref[0].base, move->ref[0].stride, l, turn);
    memset(to->early, 0, sizeof to->early);
    memset(to->late, 0, sizeof to->late);
    for (uint32_t m = 0; m < WG_NEST_DEPTH; m++) {
        int64_t column[WG_NEST_DEPTH];
        for (uint32_t c = 0; c < WG_NEST_DEPTH; c++) {
            column[c] = to->per[c][m];
        }
        fix_counter(&to->first[m], column, l, turn);
        for (uint32_t c = 0; c < WG_NEST_DEPTH; c++) {
            to->per[c][m] = column[c];
        }
    }
    if (outermost == WG_NO_NODE) {
        outermost = at;
    } else {
        nest->node[parent].first_child = at;
    }
    uint32_t *link = wg_nest_link(nest, around[l]);
    nest->node[outermost].next = around[l];
    *link = outermost;
}

void wg_nest_add_moves(wg_nest *nest, uint32_t from) {
    const uint32_t nodes = nest->nodes;
    for (uint32_t i = from; i < nodes && !nest->failed; i++) {
        for (int k = 0; k < 3 && !nest->node[i].is_loop; k++) {
            if (nest->node[i].ref[k].kind != WG_REF_VALUE) {
                continue;
            }
            uint32_t around[WG_NEST_DEPTH];
            const uint32_t depth = wg_nest_loops(nest, i, around);
            for (uint32_t l = 0; l < depth; l++) {
                const wg_use use = nest->node[i].use[k];
                const int64_t count = nest->node[around[l]].count;
                for (int64_t turn = 0; turn < use.early[l] && !nest->failed; turn++) {
                    add_move(nest, i, k, l, turn, false);
                }
                for (int64_t turn = count - use.late[l]; turn < count && !nest->failed; turn++) {
                    add_move(nest, i, k, l, turn, true);
                }
            }
        }
    }
}

/* ---- What is kept ---------------------------------------------------------------------------- */

/* Turns below the first and behind the last that a use names. */
static void demand_range(const wg_nest *nest, wg_nest_node *site, const wg_use *use, uint32_t m,
                         int64_t count, const uint32_t *loop, uint32_t depth) {
    int64_t low = use->first[m], high = use->first[m];
    for (uint32_t l = 0; l < depth; l++) {
        const int64_t reach = use->per[l][m] * (nest->node[loop[l]].count - 1);
        low += reach < 0 ? reach : 0;
        high += reach > 0 ? reach : 0;
    }
    site->halo[m] = -low > site->halo[m] ? -low : site->halo[m];
    site->top[m] = high - (count - 1) > site->top[m] ? high - (count - 1) : site->top[m];
}

/* One operand's demands on the site it names; `user` is the move's own node where it is one. */
static void demand(wg_nest *nest, uint32_t user, const wg_use *use) {
    uint32_t loop[WG_NEST_DEPTH], made[WG_NEST_DEPTH];
    const uint32_t depth = wg_nest_loops(nest, user, loop);
    wg_nest_node *site = &nest->node[use->site];
    const uint32_t dims = wg_nest_loops(nest, use->site, made);
    bool together = true, rest = false; /* in the same turns so far; all of the rest is needed */
    for (uint32_t m = 0; m < dims; m++) {
        together = together && m < depth && loop[m] == made[m];
        bool own = together, fixed = true;
        for (uint32_t l = 0; l < depth; l++) {
            own = own && use->per[l][m] == (l == m ? 1 : 0);
            fixed = fixed && use->per[l][m] == 0;
        }
        const int64_t count = nest->node[made[m]].count;
        if (!rest && own && use->first[m] <= 0) {
            const int64_t back = -use->first[m];
            site->window[m] = back + 1 > site->window[m] ? back + 1 : site->window[m];
            rest = back > 0;
        } else if (rest || !fixed || use->first[m] != count - 1 || together) {
            site->all[m] = true;
            rest = true;
        }
        demand_range(nest, site, use, m, count, loop, depth);
    }
}

static void demand_all(wg_nest *nest) {
    for (uint32_t i = 0; i < nest->nodes; i++) {
        for (uint32_t m = 0; m < WG_NEST_DEPTH; m++) {
            nest->node[i].window[m] = 1;
        }
    }
    for (uint32_t i = 0; i < nest->nodes; i++) {
        for (int k = 0; k < 3 && !nest->node[i].is_loop; k++) {
            if (nest->node[i].ref[k].kind == WG_REF_VALUE) {
                demand(nest, i, &nest->node[i].use[k]);
            }
        }
    }
}

static void give_cells(wg_nest *nest, uint32_t i) {
    uint32_t loop[WG_NEST_DEPTH];
    wg_nest_node *site = &nest->node[i];
    const uint32_t dims = wg_nest_loops(nest, i, loop);
    bool full = false;
    int windows = 0;
    for (uint32_t m = 0; m < dims; m++) {
        full = full || site->all[m];
        windows += site->window[m] > 1 ? 1 : 0;
        site->all[m] = site->all[m] || full || site->window[m] >= nest->node[loop[m]].count;
        full = full || site->window[m] > 1; /* a turn that is kept is kept whole */
    }
    int64_t cells = 1;
    for (uint32_t m = dims; m-- > 0;) {
        if (site->all[m]) {
            site->window[m] = nest->node[loop[m]].count + site->halo[m] + site->top[m];
        } else { /* so that a turn's place is a mask */
            site->halo[m] = 0;
            while ((site->window[m] & (site->window[m] - 1)) != 0) {
                site->window[m]++;
            }
        }
        site->step[m] = site->window[m] > 1 ? cells : 0;
        cells *= site->window[m];
    }
    bool variables = windows <= 1;
    for (uint32_t m = 0; m < dims; m++) {
        variables = variables && !site->all[m];
    }
    if (!variables) {
        site->cell = nest->cells;
        nest->cells += (cells + 7) & ~(int64_t)7;
    }
}

void wg_nest_keep(wg_nest *nest) {
    demand_all(nest);
    for (uint32_t i = 0; i < nest->nodes; i++) {
        const wg_nest_node *node = &nest->node[i];
        if (!node->is_loop && !node->is_move && node->code != WG_STEP_STORE) {
            give_cells(nest, i);
        }
    }
}
