/* colour_symmetric.c: star and acyclic colourings of Hessians, and how their entries follow from
 * Hessian-vector products.
 *
 * Gebremedhin, Tarafdar, Manne and Pothen, "New acyclic and star coloring algorithms with
 * application to computing Hessians", SIAM J. Sci. Comput. 29(3), 2007. What they keep for every
 * edge (its two-coloured star or tree) is kept here for every vertex and colour beside it: the
 * edges of a vertex to one colour are in one star or tree, and a vertex with a million neighbours
 * has few colours among them. */
#include "function/colour.h"

#include <string.h>

/* ---- Kin: the neighbours of one vertex that have one colour ---------------------------------- */

#define WG_NO_KIN UINT32_MAX

typedef struct wg_kin {
    uint32_t vertex;
    int32_t colour;
    uint32_t count;
    uint32_t all;  /* the neighbours' numbers, xor: where there is one, which */
    uint32_t next; /* of the same vertex */
    uint32_t tree; /* of a disjoint-set forest: the two-coloured tree these edges are in */
} wg_kin;

typedef struct wg_kindred {
    wg_kin *kin;
    uint32_t count;
    uint32_t *first; /* by vertex */
    uint32_t *table; /* open addressing by vertex and colour: kin + 1 */
    uint64_t mask;
} wg_kindred;

static void free_kindred(wg_kindred *k) {
    wg_free(k->kin);
    wg_free(k->first);
    wg_free(k->table);
}

/* Room for all that a pattern can need: one of each entry. */
static bool begin_kindred(wg_kindred *k, const wg_pattern *p) {
    memset(k, 0, sizeof *k);
    uint64_t room = 16;
    while (room < 2 * (uint64_t)p->count) {
        room *= 2;
    }
    k->mask = room - 1;
    k->kin = wg_alloc(((size_t)p->count + 1) * sizeof *k->kin);
    k->first = wg_alloc(((size_t)p->rows + 1) * sizeof *k->first);
    k->table = wg_alloc((size_t)room * sizeof *k->table);
    return k->kin != NULL && k->first != NULL && k->table != NULL;
}

static void clear_kindred(wg_kindred *k, const wg_pattern *p) {
    k->count = 0;
    memset(k->first, 0xff, ((size_t)p->rows + 1) * sizeof *k->first);
    memset(k->table, 0, (size_t)(k->mask + 1) * sizeof *k->table);
}

static uint32_t *place_of(const wg_kindred *k, uint32_t vertex, int32_t colour) {
    uint64_t h = ((uint64_t)vertex << 32 | (uint32_t)colour) * 0x9e3779b97f4a7c15u;
    h = (h ^ h >> 32) & k->mask;
    while (k->table[h] != 0 &&
           (k->kin[k->table[h] - 1].vertex != vertex || k->kin[k->table[h] - 1].colour != colour)) {
        h = (h + 1) & k->mask;
    }
    return &k->table[h];
}

static uint32_t count_of(const wg_kindred *k, uint32_t vertex, int32_t colour) {
    const uint32_t at = *place_of(k, vertex, colour);
    return at != 0 ? k->kin[at - 1].count : 0;
}

/* One more neighbour of `vertex`. */
static uint32_t add_kin(wg_kindred *k, uint32_t vertex, int32_t colour, uint32_t neighbour) {
    uint32_t *place = place_of(k, vertex, colour);
    if (*place == 0) {
        k->kin[k->count] = (wg_kin){vertex, colour, 0, 0, k->first[vertex], k->count};
        k->first[vertex] = k->count;
        *place = ++k->count;
    }
    wg_kin *kin = &k->kin[*place - 1];
    kin->count++;
    kin->all ^= neighbour;
    return *place - 1;
}

/* With path halving. */
static uint32_t tree_of(wg_kindred *k, uint32_t i) {
    while (k->kin[i].tree != i) {
        k->kin[i].tree = k->kin[k->kin[i].tree].tree;
        i = k->kin[i].tree;
    }
    return i;
}

/* ---- Greedy colouring ------------------------------------------------------------------------ */

/* What colouring one vertex reads and writes, by colour or by tree; v + 1 marks what is said of v.
 */
typedef struct wg_greedy {
    const wg_pattern *p;
    wg_colouring *c;
    wg_kindred kindred;
    int64_t *forbidden;     /* by colour */
    int64_t *seen;          /* by colour (star) or tree (acyclic) */
    uint32_t *seen_from;    /* the neighbour it was seen from */
    int64_t *all_forbidden; /* by vertex: its neighbours' colours are forbidden already */
} wg_greedy;

static void forbid_all_beside(wg_greedy *g, int64_t v, uint32_t w) {
    const wg_kindred *k = &g->kindred;
    if (g->all_forbidden[w] != v + 1) {
        g->all_forbidden[w] = v + 1;
        for (uint32_t i = k->first[w]; i != WG_NO_KIN; i = k->kin[i].next) {
            g->forbidden[k->kin[i].colour] = v + 1;
        }
    }
}

/* No path v–w–x–y or w'–v–w–x may come to have two colours. */
static void forbid_star(wg_greedy *g, int64_t v, uint32_t w) {
    const wg_kindred *k = &g->kindred;
    const int32_t colour = g->c->colour[w];
    if (g->seen[colour] == v + 1) { /* v is between two of that colour */
        forbid_all_beside(g, v, g->seen_from[colour]);
        forbid_all_beside(g, v, w);
        return;
    }
    g->seen[colour] = v + 1;
    g->seen_from[colour] = w;
    for (uint32_t i = k->first[w]; i != WG_NO_KIN; i = k->kin[i].next) {
        if (k->kin[i].count == 1 && count_of(k, k->kin[i].all, colour) > 1) {
            g->forbidden[k->kin[i].colour] = v + 1; /* x is the middle of a star */
        }
    }
}

/* No two neighbours may be in one two-coloured tree that v would join. */
static void forbid_acyclic(wg_greedy *g, int64_t v, uint32_t w) {
    wg_kindred *k = &g->kindred;
    for (uint32_t i = k->first[w]; i != WG_NO_KIN; i = k->kin[i].next) {
        const uint32_t tree = tree_of(k, i);
        if (g->seen[tree] == v + 1 && g->seen_from[tree] != w) {
            g->forbidden[k->kin[i].colour] = v + 1;
        }
        g->seen[tree] = v + 1;
        g->seen_from[tree] = w;
    }
}

static void colour_vertex(wg_greedy *g, int64_t v, bool acyclic) {
    const wg_pattern *p = g->p;
    wg_kindred *k = &g->kindred;
    for (int64_t e = p->row_start[v]; e < p->row_start[v + 1]; e++) {
        const uint32_t w = (uint32_t)p->column[e];
        if (g->c->colour[w] >= 0) { /* never v itself */
            g->forbidden[g->c->colour[w]] = v + 1;
            (acyclic ? forbid_acyclic : forbid_star)(g, v, w);
        }
    }
    const int32_t colour = wg_least_allowed(g->forbidden, v, &g->c->colours);
    for (int64_t e = p->row_start[v]; e < p->row_start[v + 1]; e++) {
        const uint32_t w = (uint32_t)p->column[e];
        if (g->c->colour[w] >= 0) {
            const uint32_t a = add_kin(k, w, colour, (uint32_t)v);
            const uint32_t b = add_kin(k, (uint32_t)v, g->c->colour[w], w);
            k->kin[tree_of(k, a)].tree = tree_of(k, b);
        }
    }
    g->c->colour[v] = colour;
}

static bool begin_greedy(wg_greedy *g, const wg_pattern *p) {
    memset(g, 0, sizeof *g);
    const size_t most = (size_t)(p->count > p->rows ? p->count : p->rows) + 2;
    g->p = p;
    g->forbidden = wg_alloc(((size_t)p->rows + 2) * sizeof *g->forbidden);
    g->seen = wg_alloc(most * sizeof *g->seen);
    g->seen_from = wg_alloc(most * sizeof *g->seen_from);
    g->all_forbidden = wg_alloc(((size_t)p->rows + 2) * sizeof *g->all_forbidden);
    return begin_kindred(&g->kindred, p) && g->forbidden != NULL && g->seen != NULL &&
           g->seen_from != NULL && g->all_forbidden != NULL;
}

static void end_greedy(wg_greedy *g) {
    free_kindred(&g->kindred);
    wg_free(g->forbidden);
    wg_free(g->seen);
    wg_free(g->seen_from);
    wg_free(g->all_forbidden);
}

static void colour_all(wg_greedy *g, wg_colouring *c, const int64_t *order, bool acyclic) {
    const wg_pattern *p = g->p;
    const size_t most = (size_t)(p->count > p->rows ? p->count : p->rows) + 2;
    clear_kindred(&g->kindred, p);
    memset(g->forbidden, 0, ((size_t)p->rows + 2) * sizeof *g->forbidden);
    memset(g->seen, 0, most * sizeof *g->seen);
    memset(g->all_forbidden, 0, ((size_t)p->rows + 2) * sizeof *g->all_forbidden);
    g->c = c;
    for (int64_t k = 0; k < p->rows; k++) {
        if (p->row_start[order[k] + 1] > p->row_start[order[k]]) {
            colour_vertex(g, order[k], acyclic);
        }
    }
}

wg_status wg_colour_symmetric(const wg_pattern *p, bool acyclic, wg_colouring *out) {
    wg_greedy g;
    bool ready = begin_greedy(&g, p);
    int64_t *order = wg_alloc(((size_t)p->rows + 1) * sizeof *order);
    ready = ready && order != NULL;
    memset(out, 0, sizeof *out);
    for (int which = 0; which < WG_ORDERS && ready && wg_order_pays(which, p); which++) {
        wg_colouring c = {0};
        ready = wg_fill_order(which, p, p, order) && wg_begin_colouring(&c, p->rows);
        if (ready) {
            colour_all(&g, &c, order, acyclic);
            wg_keep_fewer(out, &c);
        }
    }
    wg_free(order);
    end_greedy(&g);
    if (!ready) {
        wg_colouring_free(out);
        return wg_colours_no_memory(p);
    }
    return WG_OK;
}

/* ---- Recovery -------------------------------------------------------------------------------- */

void wg_recovery_free(wg_recovery *r) {
    wg_free(r->colour);
    wg_free(r->index);
    wg_free(r->less);
    memset(r, 0, sizeof *r);
}

static bool push_pair(wg_recovery *r, int64_t *room, int64_t e, int64_t f) {
    if (r->pairs == *room) {
        const int64_t more = *room < 256 ? 256 : *room * 2;
        int64_t *grown = wg_realloc(r->less, 2 * (size_t)more * sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        r->less = grown;
        *room = more;
    }
    r->less[2 * r->pairs] = e;
    r->less[2 * r->pairs++ + 1] = f;
    return true;
}

/* The entry between `leaf` and its one neighbour of this colour that is left: element `leaf` of the
 * colour's product, less the entries of its other neighbours of the colour, known by now. */
static bool recover_edge(const wg_pattern *p, const wg_colouring *c, const wg_kin *kin,
                         wg_recovery *r, int64_t *room) {
    const int64_t leaf = kin->vertex, other = kin->all;
    const int64_t e[2] = {wg_pattern_find(p, leaf, other), wg_pattern_find(p, other, leaf)};
    for (int half = 0; half < 2; half++) {
        r->colour[e[half]] = kin->colour;
        r->index[e[half]] = (uint32_t)leaf;
        for (int64_t f = p->row_start[leaf]; f < p->row_start[leaf + 1]; f++) {
            if (c->colour[p->column[f]] == kin->colour && p->column[f] != other &&
                !push_pair(r, room, e[half], f)) {
                return false;
            }
        }
    }
    return true;
}

/* Two-coloured trees from their leaves inwards. In a star every edge has a leaf at once, and
 * nothing is subtracted. */
static bool peel(const wg_pattern *p, const wg_colouring *c, wg_kindred *k, uint32_t *queue,
                 wg_recovery *r) {
    uint32_t last = 0;
    int64_t room = 0;
    for (uint32_t i = 0; i < k->count; i++) {
        if (k->kin[i].count == 1) {
            queue[last++] = i;
        }
    }
    for (uint32_t next = 0; next < last; next++) {
        wg_kin *kin = &k->kin[queue[next]];
        if (kin->count == 0) { /* taken from the other end */
            continue;
        }
        if (!recover_edge(p, c, kin, r, &room)) {
            return false;
        }
        const uint32_t beyond = *place_of(k, kin->all, c->colour[kin->vertex]) - 1;
        kin->count = 0;
        k->kin[beyond].all ^= kin->vertex;
        if (--k->kin[beyond].count == 1) {
            queue[last++] = beyond;
        }
    }
    return true;
}

wg_status wg_recover_symmetric(const wg_pattern *p, const wg_colouring *c, wg_recovery *out) {
    wg_kindred k;
    memset(out, 0, sizeof *out);
    bool ready = begin_kindred(&k, p);
    uint32_t *queue = wg_alloc(((size_t)p->count + 1) * sizeof *queue);
    out->colour = wg_calloc((size_t)p->count + 1, sizeof *out->colour);
    out->index = wg_calloc((size_t)p->count + 1, sizeof *out->index);
    if (ready && queue != NULL && out->colour != NULL && out->index != NULL) {
        clear_kindred(&k, p);
        for (int64_t e = 0; e < p->count; e++) {
            const uint32_t v = (uint32_t)p->row[e], w = (uint32_t)p->column[e];
            if (v == w) {
                out->colour[e] = c->colour[v];
                out->index[e] = v;
            } else {
                (void)add_kin(&k, v, c->colour[w], w);
            }
        }
        ready = peel(p, c, &k, queue, out);
    } else {
        ready = false;
    }
    free_kindred(&k);
    wg_free(queue);
    if (!ready) {
        wg_recovery_free(out);
        return wg_colours_no_memory(p);
    }
    return WG_OK;
}
