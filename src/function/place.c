/* place.c: which value each operand of a nest names.
 *
 * An operand must name values of one site, turn by turn. In the first and last turns of a loop it
 * may name others (the turn before the first, the cell behind the last: what stands around a loop
 * has another shape than its turns). If these are there before the loop begins, moves put them
 * where the site's own would be; else the turns are peeled off and become steps of their own. */
#include "function/nest.h"

#include <string.h>

/* How many turns a value may be carried, and how often loops are peeled. */
#define WG_MOST_BACK 4
#define WG_MOST_ROUNDS 12

/* Nodes by id: the top level and each loop's children, in order. */
typedef struct wg_index {
    uint32_t *kid;              /* nodes, level by level */
    uint32_t *first_kid, *kids; /* by node; the top level stands at [nodes] */
} wg_index;

typedef struct wg_placer {
    wg_nest *nest;
    wg_index index;
    uint8_t *peel; /* by node: 1 first turn, 2 last */
    bool peeled;
    const char *trouble;
} wg_placer;

/* ---- From ids to sites ----------------------------------------------------------------------- */

static void index_end(wg_index *index) {
    wg_free(index->kid);
    wg_free(index->first_kid);
    wg_free(index->kids);
    memset(index, 0, sizeof *index);
}

static bool index_begin(wg_placer *p) {
    const wg_nest *nest = p->nest;
    wg_index *index = &p->index;
    const size_t nodes = (size_t)nest->nodes + 1;
    index_end(index);
    index->kid = wg_alloc(nodes * sizeof *index->kid);
    index->first_kid = wg_calloc(nodes, sizeof *index->first_kid);
    index->kids = wg_calloc(nodes, sizeof *index->kids);
    if (index->kid == NULL || index->first_kid == NULL || index->kids == NULL) {
        return false;
    }
    uint32_t count = 0;
    for (uint32_t i = nest->nodes + 1; i-- > 0;) {
        if (i != nest->nodes && (!nest->node[i].is_loop || nest->node[i].is_move)) {
            continue;
        }
        index->first_kid[i] = count;
        uint32_t kid = i == nest->nodes ? nest->first : nest->node[i].first_child;
        for (; kid != WG_NO_NODE; kid = nest->node[kid].next) {
            if (!nest->node[kid].is_move) { /* moves make no values of their own */
                index->kid[count++] = kid;
            }
        }
        index->kids[i] = count - index->first_kid[i];
    }
    return true;
}

/* The site and turn that made value `id`. */
static uint32_t decode(const wg_placer *p, int64_t id, int64_t *turn) {
    const wg_nest *nest = p->nest;
    uint32_t list = nest->nodes, depth = 0;
    if (id < 0 || id >= nest->ids) {
        return WG_NO_NODE;
    }
    for (;;) {
        const uint32_t *kid = p->index.kid + p->index.first_kid[list];
        uint32_t low = 0, high = p->index.kids[list];
        while (high - low > 1) {
            const uint32_t middle = low + (high - low) / 2;
            if (nest->node[kid[middle]].base <= id) {
                low = middle;
            } else {
                high = middle;
            }
        }
        const wg_nest_node *node = &nest->node[kid[low]];
        if (!node->is_loop) {
            return kid[low];
        }
        turn[depth] = (id - node->base) / node->width;
        id -= turn[depth++] * node->width;
        list = kid[low];
    }
}

static int64_t id_at(const wg_ref *ref, const int64_t *counter, uint32_t depth) {
    int64_t id = ref->base;
    for (uint32_t l = 0; l < depth; l++) {
        id += ref->stride[l] * counter[l];
    }
    return id;
}

/* ---- What an operand names ------------------------------------------------------------------- */

typedef struct wg_look {
    uint32_t depth, loop[WG_NEST_DEPTH];     /* around the user */
    uint32_t made, made_loop[WG_NEST_DEPTH]; /* around the site */
    int64_t count[WG_NEST_DEPTH], middle[WG_NEST_DEPTH];
} wg_look;

static void want_peel(wg_placer *p, uint32_t loop, uint8_t which) {
    while (p->nest->node[loop].is_move) {
        loop = p->nest->node[loop].of;
    }
    p->peel[loop] |= which;
    p->peeled = true;
}

static void look_at(const wg_nest *nest, uint32_t user, wg_look *look) {
    memset(look, 0, sizeof *look);
    look->depth = wg_nest_loops(nest, user, look->loop);
    for (uint32_t l = 0; l < look->depth; l++) {
        look->count[l] = nest->node[look->loop[l]].count;
        look->middle[l] = look->count[l] / 2;
    }
}

/* Whether at `counter` the operand names what `use` says. */
static bool agrees(const wg_placer *p, const wg_ref *ref, const wg_use *use, const wg_look *look,
                   const int64_t *counter) {
    int64_t turn[WG_NEST_DEPTH];
    if (decode(p, id_at(ref, counter, look->depth), turn) != use->site) {
        return false;
    }
    for (uint32_t m = 0; m < look->made; m++) {
        int64_t expected = use->first[m];
        for (uint32_t l = 0; l < look->depth; l++) {
            expected += use->per[l][m] * counter[l];
        }
        if (turn[m] != expected) {
            return false;
        }
    }
    return true;
}

/* From the middle turn of each loop, and the one before. */
static bool follow_steps(wg_placer *p, const wg_ref *ref, wg_use *use, wg_look *look) {
    int64_t here[WG_NEST_DEPTH] = {0}, before[WG_NEST_DEPTH] = {0};
    memset(use, 0, sizeof *use);
    use->site = decode(p, id_at(ref, look->middle, look->depth), here);
    if (use->site == WG_NO_NODE) {
        p->trouble = "an operand names nothing";
        return false;
    }
    look->made = wg_nest_loops(p->nest, use->site, look->made_loop);
    memcpy(use->first, here, sizeof here);
    for (uint32_t l = 0; l < look->depth; l++) {
        if (look->count[l] < 2) {
            continue;
        }
        look->middle[l]--;
        const uint32_t site = decode(p, id_at(ref, look->middle, look->depth), before);
        look->middle[l]++;
        if (site != use->site) {
            want_peel(p, look->loop[l], look->count[l] > 3 ? 2 : 1);
            return false;
        }
        for (uint32_t m = 0; m < look->made; m++) {
            use->per[l][m] = here[m] - before[m];
            use->first[m] -= use->per[l][m] * look->middle[l];
        }
    }
    return true;
}

/* In that turn of loop l the operand is of a site outside of the loop, so that it is there before
 * the loop begins. */
static bool comes_from_outside(const wg_placer *p, const wg_ref *ref, const wg_look *look,
                               uint32_t l, int64_t turn) {
    int64_t counter[WG_NEST_DEPTH], unused[WG_NEST_DEPTH];
    uint32_t loop[WG_NEST_DEPTH];
    memcpy(counter, look->middle, sizeof counter);
    counter[l] = turn;
    const uint32_t site = decode(p, id_at(ref, counter, look->depth), unused);
    const uint32_t depth = site != WG_NO_NODE ? wg_nest_loops(p->nest, site, loop) : 0;
    for (uint32_t m = 0; m < depth; m++) {
        if (loop[m] == look->loop[l]) {
            return false;
        }
    }
    return site != WG_NO_NODE && p->nest->node[site].code != WG_STEP_STORE;
}

/* The turns of loop l, from its first and from its last, in which the operand names another. */
static bool find_ends(wg_placer *p, const wg_ref *ref, wg_use *use, const wg_look *look,
                      uint32_t l) {
    for (int end = 0; end < 2; end++) {
        int64_t counter[WG_NEST_DEPTH], away = 0;
        memcpy(counter, look->middle, sizeof counter);
        for (; away <= WG_MOST_BACK; away++) {
            counter[l] = end == 0 ? away : look->count[l] - 1 - away;
            if (agrees(p, ref, use, look, counter)) {
                break;
            }
            if (!comes_from_outside(p, ref, look, l, counter[l])) {
                away = WG_MOST_BACK;
            }
        }
        if (away > WG_MOST_BACK) {
            want_peel(p, look->loop[l], end == 0 ? 1 : 2);
            return false;
        }
        *(end == 0 ? &use->early[l] : &use->late[l]) = away;
    }
    return true;
}

/* All corners of what is left. */
static bool corners_agree(const wg_placer *p, const wg_ref *ref, const wg_use *use,
                          const wg_look *look) {
    for (uint32_t corner = 0; corner < 1u << look->depth; corner++) {
        int64_t counter[WG_NEST_DEPTH] = {0};
        for (uint32_t l = 0; l < look->depth; l++) {
            counter[l] = (corner >> l & 1) != 0 ? look->count[l] - 1 - use->late[l] : use->early[l];
        }
        if (!agrees(p, ref, use, look, counter)) {
            return false;
        }
    }
    return true;
}

/* Whether what a move takes is there when it runs, in all turns but those that have moves of their
 * own. */
static bool is_made(const wg_nest_node *move, const wg_look *look) {
    const wg_use *use = &move->use[0];
    for (uint32_t corner = 0; corner < 1u << look->depth; corner++) {
        int64_t counter[WG_NEST_DEPTH] = {0};
        for (uint32_t l = 0; l < look->depth; l++) {
            counter[l] = (corner >> l & 1) != 0 ? look->count[l] - 1 - use->late[l] : use->early[l];
        }
        if (id_at(&move->ref[0], counter, look->depth) >=
            id_at(&move->ref[2], counter, look->depth)) {
            return false;
        }
    }
    return true;
}

static void analyse(wg_placer *p, uint32_t user) {
    wg_nest_node *node = &p->nest->node[user];
    wg_look look;
    for (int k = 0; k < 3 && !node->is_loop; k++) {
        wg_use *use = &node->use[k];
        if (node->ref[k].kind != WG_REF_VALUE) {
            continue;
        }
        look_at(p->nest, user, &look);
        bool known = follow_steps(p, &node->ref[k], use, &look);
        for (uint32_t l = 0; l < look.depth && known; l++) {
            known = find_ends(p, &node->ref[k], use, &look, l);
        }
        if (!known) {
            return;
        }
        if (!corners_agree(p, &node->ref[k], use, &look)) {
            want_peel(p, look.loop[0], 1);
            return;
        }
        if (node->is_move && !is_made(node, &look)) {
            want_peel(p, node->of, node->late ? 2 : 1);
            return;
        }
    }
}

/* ---- Peeling --------------------------------------------------------------------------------- */

static bool peel_marked(wg_placer *p) {
    const uint32_t nodes = p->nest->nodes;
    for (uint32_t i = 0; i < nodes && !p->nest->failed; i++) {
        if ((p->peel[i] & 1) != 0 && p->nest->node[i].count > 1) {
            wg_nest_peel_first(p->nest, i);
        }
        if ((p->peel[i] & 2) != 0 && p->nest->node[i].count > 1 && !p->nest->failed) {
            wg_nest_peel_last(p->nest, i);
        }
    }
    if (p->nest->nodes > p->nest->most) {
        p->trouble = "its loops come apart";
    }
    return p->trouble == NULL && !p->nest->failed;
}

/* Peels until every operand names one site. */
static bool settle(wg_placer *p) {
    for (int round = 0; round < WG_MOST_ROUNDS; round++) {
        wg_free(p->peel);
        p->peel = wg_calloc((size_t)p->nest->nodes + 1, 1);
        p->peeled = false;
        if (p->peel == NULL || !index_begin(p)) {
            p->nest->failed = true;
            return false;
        }
        for (uint32_t i = 0; i < p->nest->nodes && p->trouble == NULL; i++) {
            analyse(p, i);
        }
        if (p->trouble != NULL || !p->peeled) {
            return p->trouble == NULL;
        }
        if (!peel_marked(p)) {
            return false;
        }
    }
    p->trouble = "its loops do not settle";
    return false;
}

/* The nest as it was before moves, in case one of them asks for more peeling. */
typedef struct wg_snapshot {
    wg_nest_node *node;
    uint32_t nodes, first;
} wg_snapshot;

static bool take(const wg_nest *nest, wg_snapshot *snapshot) {
    snapshot->node = wg_alloc(((size_t)nest->nodes + 1) * sizeof *snapshot->node);
    if (snapshot->node == NULL) {
        return false;
    }
    memcpy(snapshot->node, nest->node, nest->nodes * sizeof *snapshot->node);
    snapshot->nodes = nest->nodes;
    snapshot->first = nest->first;
    return true;
}

static void restore(wg_nest *nest, const wg_snapshot *snapshot) {
    memcpy(nest->node, snapshot->node, snapshot->nodes * sizeof *snapshot->node);
    nest->nodes = snapshot->nodes;
    nest->first = snapshot->first;
}

/* Moves, and moves for what these reach back to. True where all of them name one site; false
 * where one wants a loop peeled, which is then marked. */
static bool add_moves(wg_placer *p) {
    uint32_t from = 0;
    p->peeled = false;
    for (uint32_t level = 0; level <= WG_NEST_DEPTH; level++) {
        const uint32_t nodes = p->nest->nodes;
        wg_nest_add_moves(p->nest, from);
        if (p->nest->nodes > p->nest->most) {
            p->trouble = "it carries too much from turn to turn";
        }
        if (p->nest->failed || p->trouble != NULL || p->nest->nodes == nodes) {
            return !p->nest->failed && p->trouble == NULL;
        }
        uint8_t *peel = wg_realloc(p->peel, (size_t)p->nest->nodes + 1);
        if (peel == NULL || !index_begin(p)) {
            p->peel = peel != NULL ? peel : p->peel;
            p->nest->failed = true;
            return false;
        }
        p->peel = peel;
        memset(peel + nodes, 0, p->nest->nodes + 1 - nodes);
        for (uint32_t i = nodes; i < p->nest->nodes && p->trouble == NULL; i++) {
            analyse(p, i);
        }
        if (p->peeled || p->trouble != NULL) {
            return false;
        }
        from = nodes;
    }
    p->trouble = "its loops carry values too deep";
    return false;
}

static bool place(wg_placer *p) {
    for (int round = 0; round < WG_MOST_ROUNDS; round++) {
        wg_snapshot before = {0};
        if (!settle(p)) {
            return false;
        }
        if (!take(p->nest, &before)) {
            p->nest->failed = true;
            return false;
        }
        const bool placed = add_moves(p);
        if (!placed && !p->nest->failed && p->trouble == NULL) {
            bool any = false;
            restore(p->nest, &before);
            for (uint32_t i = 0; i < p->nest->nodes; i++) {
                any = any || p->peel[i] != 0;
            }
            p->trouble = any ? NULL : "what its loops begin with has no place";
            (void)(any && peel_marked(p));
        }
        wg_free(before.node);
        if (placed || p->nest->failed || p->trouble != NULL) {
            return placed;
        }
    }
    p->trouble = "its loops do not settle";
    return false;
}

bool wg_nest_place(wg_nest *nest, const char *name) {
    wg_placer p = {.nest = nest};
    const bool placed = place(&p);
    index_end(&p.index);
    wg_free(p.peel);
    if (nest->failed) {
        (void)wg_fail(WG_ERROR_MEMORY, "%s: no memory to place %u statements", name, nest->nodes);
    } else if (!placed) {
        (void)wg_fail(WG_ERROR_LIMIT, "%s: %s", name, p.trouble);
    } else {
        wg_nest_keep(nest);
    }
    return placed && !nest->failed;
}
