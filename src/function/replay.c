/* replay.c: runs a nest on names of values, which proves what its places and loops are worth.
 *
 * A value's name is the entry of the listing that makes it. Cells and variables hold names; a step
 * is right if it is the listing's next, reads the numbers, elements and values that it has there,
 * and finds each of these where the nest says it is. Whatever passes computes what was recorded:
 * finding loops and places may be clever, and this need not be. */
#include "function/listing.h"

#include <string.h>

#define WG_NOBODY ((int64_t)-1)

/* Of a node: its operands' spots, and its own. */
typedef struct wg_replayed {
    wg_spot read[3], own;
    bool at_hand[3];
    int64_t first_variable; /* in wg_replay.variable; `back` turns before is so many behind */
} wg_replayed;

typedef struct wg_replay {
    const wg_nest *nest;
    const wg_listing *listing;
    wg_replayed *of;
    int64_t *variable, *cell;
    int64_t counter[WG_NEST_DEPTH];
    uint32_t next; /* entry */
} wg_replay;

static int64_t at(const wg_replay *r, int64_t base, const int64_t *stride) {
    for (uint32_t l = 0; l < WG_NEST_DEPTH; l++) {
        base += stride[l] * r->counter[l];
    }
    return base;
}

/* What holds a value of `site`; NULL where that is nowhere. */
static int64_t *holder(const wg_replay *r, uint32_t site, const wg_spot *spot) {
    const wg_nest_node *node = &r->nest->node[site];
    if (spot->back >= 0) {
        int64_t most = 1;
        for (uint32_t m = 0; m < WG_NEST_DEPTH; m++) {
            most = node->window[m] > most ? node->window[m] : most;
        }
        return spot->back < most ? &r->variable[r->of[site].first_variable + spot->back] : NULL;
    }
    int64_t cell = at(r, spot->base, spot->stride);
    for (uint32_t m = 0; m < WG_NEST_DEPTH; m++) {
        if (spot->step[m] != 0) {
            const int64_t turn = at(r, spot->first[m], spot->per[m]);
            cell += spot->step[m] * (turn & spot->mask[m]);
            if (turn < 0) {
                return NULL;
            }
        }
    }
    return cell >= 0 && cell < r->nest->cells ? &r->cell[cell] : NULL;
}

/* Whether operand k is at hand; a value's name goes to *name. */
static bool reads(const wg_replay *r, uint32_t i, int k, int64_t *name) {
    const wg_nest_node *node = &r->nest->node[i];
    *name = at(r, node->ref[k].base, node->ref[k].stride);
    if (node->ref[k].kind != WG_REF_VALUE) {
        return true;
    }
    const uint32_t site = node->use[k].site;
    const int64_t *held = r->of[i].at_hand[k] ? &r->variable[r->of[site].first_variable]
                                              : holder(r, site, &r->of[i].read[k]);
    return held != NULL && *held == *name;
}

static bool replay_step(wg_replay *r, uint32_t i) {
    const wg_nest_node *node = &r->nest->node[i];
    const wg_entry *e = &r->listing->entry[r->next];
    if (r->next >= r->listing->entries || node->code != e->code || node->rule != e->rule) {
        return false;
    }
    for (int k = 0; k < WG_REFS; k++) {
        int64_t name = WG_NOBODY;
        if ((int)node->ref[k].kind != e->kind[k] || node->ref[k].array != e->array[k] ||
            !reads(r, i, k, &name) || name != (int64_t)e->at[k]) {
            return false;
        }
    }
    if (node->code != WG_STEP_STORE) {
        int64_t *own = holder(r, i, &r->of[i].own);
        if (own == NULL) {
            return false;
        }
        *own = r->next;
        r->variable[r->of[i].first_variable] = r->next;
    }
    r->next++;
    return true;
}

static bool replay_move(wg_replay *r, uint32_t i) {
    const wg_nest_node *node = &r->nest->node[i];
    int64_t name = WG_NOBODY;
    int64_t *to = holder(r, node->use[1].site, &r->of[i].own);
    if (to == NULL || !reads(r, i, 0, &name)) {
        return false;
    }
    *to = name;
    return true;
}

/* At a turn's end variables of turns before move one back. */
static void rotate(wg_replay *r, uint32_t loop, uint32_t depth) {
    for (uint32_t i = r->nest->node[loop].first_child; i != WG_NO_NODE; i = r->nest->node[i].next) {
        const wg_nest_node *site = &r->nest->node[i];
        if (!site->is_loop && !site->is_move && site->cell < 0) {
            int64_t *variable = &r->variable[r->of[i].first_variable];
            for (int64_t back = site->window[depth] - 1; back > 0; back--) {
                variable[back] = variable[back - 1];
            }
        }
    }
}

/* As deep as loops nest. */
static bool replay(wg_replay *r, uint32_t first, uint32_t depth) {
    bool right = true;
    for (uint32_t i = first; i != WG_NO_NODE && right; i = r->nest->node[i].next) {
        const wg_nest_node *node = &r->nest->node[i];
        if (!node->is_loop) {
            right = node->is_move ? replay_move(r, i) : replay_step(r, i);
            continue;
        }
        right = depth < WG_NEST_DEPTH;
        for (int64_t turn = 0; turn < node->count && right; turn++) {
            r->counter[depth] = turn;
            right = replay(r, node->first_child, depth + 1);
            if (!node->is_move) {
                rotate(r, i, depth);
            }
        }
        if (depth < WG_NEST_DEPTH) {
            r->counter[depth] = 0;
        }
    }
    return right;
}

/* Spots of node i; how many variables it needs. */
static int64_t prepare(wg_replay *r, uint32_t i, int64_t variables) {
    const wg_nest_node *node = &r->nest->node[i];
    wg_replayed *of = &r->of[i];
    if (node->is_loop) {
        return 0;
    }
    for (int k = 0; k < 3; k++) {
        if (node->ref[k].kind == WG_REF_VALUE) {
            of->at_hand[k] = wg_nest_at_hand(r->nest, i, &node->use[k]);
            of->read[k] = wg_nest_spot(r->nest, &node->use[k]);
        }
    }
    of->own = node->is_move ? wg_nest_spot(r->nest, &node->use[1]) : wg_nest_own_spot(r->nest, i);
    of->first_variable = variables;
    int64_t most = 1;
    for (uint32_t m = 0; m < WG_NEST_DEPTH && node->cell < 0; m++) {
        most = node->window[m] > most ? node->window[m] : most;
    }
    return most;
}

bool wg_nest_agrees(const wg_nest *nest, const wg_listing *listing, bool *failed) {
    wg_replay r = {.nest = nest, .listing = listing};
    const size_t cells = (size_t)nest->cells + 1;
    size_t variables = 1;
    bool right = false;
    r.of = wg_calloc((size_t)nest->nodes + 1, sizeof *r.of);
    for (uint32_t i = 0; i < nest->nodes && r.of != NULL; i++) {
        variables += (size_t)prepare(&r, i, (int64_t)variables);
    }
    r.variable = wg_alloc(variables * sizeof *r.variable);
    r.cell = wg_alloc(cells * sizeof *r.cell);
    *failed = r.of == NULL || r.variable == NULL || r.cell == NULL;
    if (!*failed) {
        memset(r.variable, 0xff, variables * sizeof *r.variable); /* WG_NOBODY */
        memset(r.cell, 0xff, cells * sizeof *r.cell);
        right = replay(&r, nest->first, 0) && r.next == listing->entries;
    }
    wg_free(r.of);
    wg_free(r.variable);
    wg_free(r.cell);
    return right;
}
