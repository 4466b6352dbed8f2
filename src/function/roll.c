/* roll.c: finds the loops of a recorded program again.
 *
 * Level by level: where the same window of steps comes again soon, the stretch between is tried as
 * a body, and rolled up if at least WG_LEAST_TURNS turns of it follow one another with all operands
 * affine in the turn. Loops then count as steps of the next level. */
#include "function/draft.h"
#include "function/nest.h"

#include <string.h>

#define WG_LEAST_TURNS 8
#define WG_LEAST_ENTRIES 16
/* How many places with the same window are tried. */
#define WG_TRIES 12

typedef struct wg_entry {
    uint16_t code, rule;
    uint8_t kind[WG_REFS];
    uint32_t at[WG_REFS];
} wg_entry;

/* A step (loop is WG_NO_NODE) or a loop; `base` is its first entry. */
typedef struct wg_item {
    uint32_t base, size; /* entries in all */
    uint32_t loop, depth;
    uint64_t sign; /* equal items have equal ones */
} wg_item;

typedef struct wg_rolled {
    uint32_t count, width;
    uint32_t first_item, items;  /* in wg_roller.kept */
    uint32_t first_leaf, leaves; /* in wg_roller.leaf: entries of the first turn, from the base */
    uint32_t first_stride;       /* in wg_roller.stride: WG_REFS for each leaf */
} wg_rolled;

typedef struct wg_roller {
    wg_entry *entry;
    uint32_t entries;
    wg_item *item, *other; /* of this level and of the next */
    uint32_t items;
    uint32_t *next_same, *table;
    uint64_t *window;
    wg_rolled *loop;
    uint32_t loops, loop_capacity;
    wg_item *kept;
    uint32_t kepts, kept_capacity;
    uint32_t *leaf;
    uint32_t leaves, leaf_capacity;
    int64_t *stride;
    uint32_t strides, stride_capacity;
    bool failed;
} wg_roller;

static bool grow(wg_roller *r, void **array, uint32_t *capacity, uint32_t need, size_t size) {
    if (need <= *capacity) {
        return true;
    }
    const uint32_t grown = need < 1024 ? 2048 : 2 * need;
    void *memory = wg_realloc(*array, grown * size);
    if (memory == NULL) {
        r->failed = true;
        return false;
    }
    *array = memory;
    *capacity = grown;
    return true;
}

static uint64_t mix(uint64_t h, uint64_t value) {
    h = (h ^ value) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

static uint64_t sign_of_entry(const wg_entry *e) {
    uint64_t h = mix(e->code, e->rule);
    for (int k = 0; k < WG_REFS; k++) {
        h = mix(h, e->kind[k]);
    }
    return h;
}

/* ---- Entries --------------------------------------------------------------------------------- */

/* Where each term's value or number is to be found. */
static void refer(const wg_program *p, wg_entry *e, int k, uint32_t term, const uint32_t *place) {
    const wg_term *t = &p->term[term];
    e->kind[k] = t->code == WG_TERM_INPUT      ? WG_REF_INPUT
                 : t->code == WG_TERM_CONSTANT ? WG_REF_NUMBER
                                               : WG_REF_VALUE;
    e->at[k] = t->code == WG_TERM_INPUT ? t->at[0] : place[term];
}

static void list_numbers(const wg_program *p, const wg_drafts *drafts, wg_nest *nest,
                         uint32_t *place) {
    for (uint32_t i = 0; i < drafts->count; i++) {
        const wg_draft *d = &drafts->draft[i];
        const uint32_t at[WG_REFS] = {d->at[0], d->at[1], d->at[2], d->constant};
        for (int k = 0; k < WG_REFS; k++) {
            if (at[k] != WG_NEVER && p->term[at[k]].code == WG_TERM_CONSTANT &&
                place[at[k]] == WG_NEVER) {
                place[at[k]] = nest->numbers;
                nest->number[nest->numbers++] = wg_term_number(&p->term[at[k]]);
            }
        }
    }
    for (uint32_t i = 0; i < p->count; i++) {
        if (p->term[i].code == WG_TERM_CONSTANT && place[i] == WG_NEVER) {
            place[i] = nest->numbers;
            nest->number[nest->numbers++] = wg_term_number(&p->term[i]);
        }
    }
}

static void store(wg_roller *r, const wg_program *p, const wg_drafts *drafts, uint32_t term,
                  const uint32_t *place) {
    for (uint32_t k = drafts->first_store[term]; k != 0; k = drafts->next_store[k - 1]) {
        wg_entry *e = &r->entry[r->entries++];
        memset(e, 0, sizeof *e);
        e->code = WG_STEP_STORE;
        refer(p, e, 0, term, place);
        e->kind[1] = WG_REF_OUTPUT;
        e->at[1] = k - 1;
    }
}

static void list_entries(wg_roller *r, const wg_program *p, const wg_drafts *drafts,
                         uint32_t *place) {
    for (uint32_t i = 0; i < drafts->count; i++) {
        const wg_draft *d = &drafts->draft[i];
        const uint32_t at[WG_REFS] = {d->at[0], d->at[1], d->at[2], d->constant};
        wg_entry *e = &r->entry[r->entries];
        memset(e, 0, sizeof *e);
        e->code = d->code;
        e->rule = d->code == WG_STEP_RULE ? d->rule : 0;
        for (int k = 0; k < WG_REFS; k++) {
            if (at[k] != WG_NEVER) {
                refer(p, e, k, at[k], place);
            }
        }
        place[d->out] = r->entries++;
        store(r, p, drafts, d->out, place);
    }
    for (uint32_t k = 0; k < p->outputs; k++) { /* inputs and constants, in order of the outputs */
        const uint32_t term = p->output[k];
        if (!wg_term_is_rule(&p->term[term])) {
            wg_entry *e = &r->entry[r->entries++];
            memset(e, 0, sizeof *e);
            e->code = WG_STEP_STORE;
            refer(p, e, 0, term, place);
            e->kind[1] = WG_REF_OUTPUT;
            e->at[1] = k;
        }
    }
}

/* ---- Comparing items ------------------------------------------------------------------------- */

static const uint32_t only_leaf = 0;

static uint32_t leaves_of(const wg_roller *r, const wg_item *item, const uint32_t **offset) {
    if (item->loop == WG_NO_NODE) {
        *offset = &only_leaf;
        return 1;
    }
    *offset = r->leaf + r->loop[item->loop].first_leaf;
    return r->loop[item->loop].leaves;
}

/* Whether two loops are the same but for where they stand and what they start from. */
static bool same_shape(const wg_roller *r, const wg_item *a, const wg_item *c) {
    if (a->sign != c->sign || a->size != c->size ||
        (a->loop == WG_NO_NODE) != (c->loop == WG_NO_NODE)) {
        return false;
    }
    if (a->loop == WG_NO_NODE || a->loop == c->loop) {
        return true;
    }
    const wg_rolled *x = &r->loop[a->loop], *y = &r->loop[c->loop];
    if (x->count != y->count || x->width != y->width || x->leaves != y->leaves ||
        x->items != y->items ||
        memcmp(r->leaf + x->first_leaf, r->leaf + y->first_leaf, x->leaves * sizeof *r->leaf) !=
            0 ||
        memcmp(r->stride + x->first_stride, r->stride + y->first_stride,
               (size_t)x->leaves * WG_REFS * sizeof *r->stride) != 0) {
        return false;
    }
    for (uint32_t k = 0; k < x->items; k++) { /* at most WG_NEST_DEPTH deep */
        if (!same_shape(r, &r->kept[x->first_item + k], &r->kept[y->first_item + k])) {
            return false;
        }
    }
    return true;
}

/* Checks item c as turn `turn` of item a: operands moved by turn · stride; the first turn sets the
 * strides. Returns how many strides there are, or 0 where it does not fit. */
static uint32_t fits(const wg_roller *r, const wg_item *a, const wg_item *c, int64_t turn,
                     int64_t *stride) {
    const uint32_t *offset;
    if (!same_shape(r, a, c)) {
        return 0;
    }
    const uint32_t leaves = leaves_of(r, a, &offset);
    for (uint32_t i = 0; i < leaves; i++) {
        const wg_entry *x = &r->entry[a->base + offset[i]], *y = &r->entry[c->base + offset[i]];
        if (x->code != y->code || x->rule != y->rule ||
            memcmp(x->kind, y->kind, sizeof x->kind) != 0) {
            return 0;
        }
        for (int k = 0; k < WG_REFS; k++) {
            const int64_t moved = (int64_t)y->at[k] - (int64_t)x->at[k];
            if (turn == 1) {
                stride[i * WG_REFS + (uint32_t)k] = moved;
            } else if (moved != turn * stride[i * WG_REFS + (uint32_t)k]) {
                return 0;
            }
        }
    }
    return leaves * WG_REFS;
}

/* How many turns of the body [i, i + period) follow one another; strides go behind r->strides. */
static uint32_t turns_of(wg_roller *r, uint32_t i, uint32_t period) {
    uint32_t leaves = 0, turn = 1;
    for (uint32_t k = 0; k < period; k++) {
        const uint32_t *offset;
        leaves += leaves_of(r, &r->item[i + k], &offset);
    }
    if (!grow(r, (void **)&r->stride, &r->stride_capacity, r->strides + leaves * WG_REFS,
              sizeof *r->stride)) {
        return 0;
    }
    const uint32_t width = r->item[i + period].base - r->item[i].base;
    for (;; turn++) {
        const uint64_t first = i + (uint64_t)turn * period;
        int64_t *stride = r->stride + r->strides;
        if (first + period > r->items ||
            r->item[first].base - r->item[i].base != (uint64_t)turn * width) {
            return turn;
        }
        for (uint32_t k = 0; k < period; k++) {
            const uint32_t used = fits(r, &r->item[i + k], &r->item[first + k], turn, stride);
            if (used == 0) {
                return turn;
            }
            stride += used;
        }
    }
}

/* ---- Rolling --------------------------------------------------------------------------------- */

static bool roll(wg_roller *r, uint32_t i, uint32_t period, uint32_t turns, wg_item *out) {
    const wg_item *body = &r->item[i];
    uint32_t leaves = 0, depth = 0;
    uint64_t sign = mix(turns, period);
    for (uint32_t k = 0; k < period; k++) {
        const uint32_t *offset;
        leaves += leaves_of(r, &body[k], &offset);
        depth = body[k].depth > depth ? body[k].depth : depth;
        sign = mix(sign, body[k].sign);
    }
    if (!grow(r, (void **)&r->loop, &r->loop_capacity, r->loops + 1, sizeof *r->loop) ||
        !grow(r, (void **)&r->kept, &r->kept_capacity, r->kepts + period, sizeof *r->kept) ||
        !grow(r, (void **)&r->leaf, &r->leaf_capacity, r->leaves + leaves, sizeof *r->leaf)) {
        return false;
    }
    wg_rolled *loop = &r->loop[r->loops];
    *loop = (wg_rolled){.count = turns,
                        .width = body[period].base - body[0].base,
                        .first_item = r->kepts,
                        .items = period,
                        .first_leaf = r->leaves,
                        .leaves = leaves,
                        .first_stride = r->strides};
    for (uint32_t k = 0; k < period; k++) {
        const uint32_t *offset, n = leaves_of(r, &body[k], &offset);
        r->kept[r->kepts++] = body[k];
        for (uint32_t j = 0; j < n; j++) {
            r->leaf[r->leaves++] = body[k].base - body[0].base + offset[j];
        }
    }
    for (uint32_t k = 0; k < leaves * WG_REFS; k++) {
        sign = mix(sign, (uint64_t)r->stride[r->strides + k]);
    }
    r->strides += leaves * WG_REFS;
    *out = (wg_item){body[0].base, turns * loop->width, r->loops++, depth + 1, sign};
    return true;
}

/* next_same[i]: the next item from which the same window begins. */
static void find_same(wg_roller *r, uint32_t window) {
    uint32_t size = 1024;
    while (size < 2 * r->items && size < (uint32_t)1 << 31) {
        size *= 2;
    }
    memset(r->table, 0xff, (size_t)size * sizeof *r->table);
    for (uint32_t i = r->items; i-- > 0;) {
        uint64_t h = 0;
        for (uint32_t k = 0; k < window && i + k < r->items; k++) {
            h = mix(h, r->item[i + k].sign);
        }
        r->window[i] = h;
        uint32_t at = (uint32_t)(h >> 20) & (size - 1);
        while (r->table[at] != WG_NO_NODE && r->window[r->table[at]] != h) {
            at = (at + 1) & (size - 1);
        }
        r->next_same[i] = r->table[at];
        r->table[at] = i;
    }
}

/* One level; whether it found a loop. */
static bool roll_level(wg_roller *r, uint32_t window) {
    uint32_t count = 0, i = 0;
    bool found = false;
    find_same(r, window);
    while (i < r->items && !r->failed) {
        uint32_t tries = 0, same = r->next_same[i];
        bool rolled = false;
        while (same != WG_NO_NODE && tries++ < WG_TRIES && !rolled && !r->failed) {
            const uint32_t period = same - i;
            const bool possible = i + (uint64_t)WG_LEAST_TURNS * period <= r->items;
            const uint32_t turns = possible ? turns_of(r, i, period) : 0;
            uint32_t depth = 0;
            for (uint32_t k = 0; k < period && turns >= WG_LEAST_TURNS; k++) {
                depth = r->item[i + k].depth > depth ? r->item[i + k].depth : depth;
            }
            if (turns >= WG_LEAST_TURNS && depth < WG_NEST_DEPTH &&
                (uint64_t)turns * period >= WG_LEAST_ENTRIES) {
                rolled = roll(r, i, period, turns, &r->other[count]);
                i += rolled ? turns * period : 0;
            }
            same = r->next_same[same];
        }
        if (!rolled) {
            r->other[count] = r->item[i++];
        }
        count++;
        found = found || rolled;
    }
    wg_item *swap = r->item;
    r->item = r->other;
    r->other = swap;
    r->items = count;
    return found;
}

static void roll_all(wg_roller *r) {
    for (uint32_t i = 0; i < r->entries; i++) {
        r->item[i] = (wg_item){i, 1, WG_NO_NODE, 0, sign_of_entry(&r->entry[i])};
    }
    r->items = r->entries;
    /* an item behind the last, whose base ends the last turn */
    for (int level = 0; level < 2 * WG_NEST_DEPTH && !r->failed; level++) {
        r->item[r->items] = (wg_item){r->entries, 0, WG_NO_NODE, 0, 0};
        if (!roll_level(r, level == 0 ? 4 : 2)) {
            break;
        }
    }
}

/* ---- To nodes -------------------------------------------------------------------------------- */

typedef struct wg_around {
    uint32_t loop[WG_NEST_DEPTH], node[WG_NEST_DEPTH], leaf[WG_NEST_DEPTH];
    uint32_t depth;
} wg_around;

static void fill_site(const wg_roller *r, wg_nest_node *node, const wg_entry *e,
                      wg_around *around) {
    node->code = e->code;
    node->rule = e->rule;
    for (int k = 0; k < WG_REFS; k++) {
        node->ref[k].kind = (wg_ref_kind)e->kind[k];
        node->ref[k].base = e->at[k];
        for (uint32_t l = 0; l < around->depth; l++) {
            const wg_rolled *loop = &r->loop[around->loop[l]];
            node->ref[k].stride[l] =
                r->stride[loop->first_stride + around->leaf[l] * WG_REFS + (uint32_t)k];
        }
    }
    for (uint32_t l = 0; l < around->depth; l++) {
        around->leaf[l]++;
    }
}

/* Nodes of the items, chained; the first of them. As deep as loops nest. */
static uint32_t add_nodes(const wg_roller *r, wg_nest *nest, const wg_item *item, uint32_t count,
                          wg_around *around) {
    uint32_t first = WG_NO_NODE, before = WG_NO_NODE;
    for (uint32_t i = 0; i < count && !nest->failed; i++) {
        const uint32_t at = wg_nest_add(nest);
        if (at == WG_NO_NODE) {
            return WG_NO_NODE;
        }
        nest->node[at].base = item[i].base;
        nest->node[at].parent = around->depth != 0 ? around->node[around->depth - 1] : WG_NO_NODE;
        if (item[i].loop == WG_NO_NODE) {
            fill_site(r, &nest->node[at], &r->entry[item[i].base], around);
        } else {
            const wg_rolled *loop = &r->loop[item[i].loop];
            const uint32_t depth = around->depth++;
            around->loop[depth] = item[i].loop;
            around->node[depth] = at;
            around->leaf[depth] = 0;
            nest->node[at].is_loop = true;
            nest->node[at].count = loop->count;
            nest->node[at].width = loop->width;
            const uint32_t child =
                add_nodes(r, nest, r->kept + loop->first_item, loop->items, around);
            nest->node[at].first_child = child;
            around->depth--;
        }
        if (before == WG_NO_NODE) {
            first = at;
        } else {
            nest->node[before].next = at;
        }
        before = at;
    }
    return first;
}

/* ---- The whole ------------------------------------------------------------------------------- */

static bool allocate(wg_roller *r, size_t entries, size_t table) {
    r->entry = wg_alloc(entries * sizeof *r->entry);
    r->item = wg_alloc(entries * sizeof *r->item);
    r->other = wg_alloc(entries * sizeof *r->other);
    r->next_same = wg_alloc(entries * sizeof *r->next_same);
    r->window = wg_alloc(entries * sizeof *r->window);
    r->table = wg_alloc(table * sizeof *r->table);
    return r->entry != NULL && r->item != NULL && r->other != NULL && r->next_same != NULL &&
           r->window != NULL && r->table != NULL;
}

static void release(wg_roller *r) {
    wg_free(r->entry);
    wg_free(r->item);
    wg_free(r->other);
    wg_free(r->next_same);
    wg_free(r->window);
    wg_free(r->table);
    wg_free(r->loop);
    wg_free(r->kept);
    wg_free(r->leaf);
    wg_free(r->stride);
}

static bool fill(wg_roller *r, const wg_program *p, bool relaxed, wg_nest *nest) {
    wg_drafts drafts;
    bool ready = wg_drafts_begin(&drafts, p, relaxed);
    const size_t entries = (size_t)drafts.count + p->outputs + 2;
    size_t table = 1024;
    while (table < 2 * entries) {
        table *= 2;
    }
    uint32_t *place = wg_alloc(((size_t)p->count + 1) * sizeof *place);
    nest->number = wg_alloc(((size_t)p->count + 1) * sizeof *nest->number);
    ready = ready && place != NULL && nest->number != NULL && allocate(r, entries, table);
    if (ready) {
        memset(place, 0xff, (size_t)p->count * sizeof *place);
        list_numbers(p, &drafts, nest, place);
        list_entries(r, p, &drafts, place);
    }
    wg_free(place);
    wg_drafts_end(&drafts);
    return ready;
}

uint32_t wg_nest_add(wg_nest *nest) {
    if (nest->nodes == nest->capacity) {
        const uint32_t capacity = nest->capacity < 64 ? 64 : 2 * nest->capacity;
        wg_nest_node *grown = wg_realloc(nest->node, (size_t)capacity * sizeof *grown);
        if (grown == NULL) {
            nest->failed = true;
            return WG_NO_NODE;
        }
        nest->node = grown;
        nest->capacity = capacity;
    }
    wg_nest_node *node = &nest->node[nest->nodes];
    memset(node, 0, sizeof *node);
    node->parent = node->next = node->first_child = WG_NO_NODE;
    node->cell = -1;
    return nest->nodes++;
}

uint32_t wg_nest_loops(const wg_nest *nest, uint32_t i, uint32_t *loop) {
    uint32_t depth = 0;
    for (uint32_t up = nest->node[i].parent; up != WG_NO_NODE; up = nest->node[up].parent) {
        depth++;
    }
    uint32_t at = depth;
    for (uint32_t up = nest->node[i].parent; up != WG_NO_NODE; up = nest->node[up].parent) {
        loop[--at] = up;
    }
    return depth;
}

void wg_nest_free(wg_nest *nest) {
    if (nest != NULL) {
        wg_free(nest->node);
        wg_free(nest->number);
        wg_free(nest);
    }
}

wg_nest *wg_nest_new(const wg_program *program, bool relaxed, uint32_t most, const char *name) {
    wg_roller r = {0};
    wg_nest *nest = wg_calloc(1, sizeof *nest);
    wg_status status = nest != NULL && fill(&r, program, relaxed, nest) ? WG_OK : WG_ERROR_MEMORY;
    if (status == WG_OK) {
        wg_around around = {.depth = 0};
        roll_all(&r);
        nest->ids = r.entries;
        uint64_t sites = r.kepts;
        sites += r.items;
        status = r.failed ? WG_ERROR_MEMORY : sites > most ? WG_ERROR_LIMIT : WG_OK;
        if (status == WG_OK) {
            nest->first = add_nodes(&r, nest, r.item, r.items, &around);
            status = nest->failed ? WG_ERROR_MEMORY : WG_OK;
        } else if (status == WG_ERROR_LIMIT) {
            (void)wg_fail(status,
                          "%s: %llu statements remain once its loops are found, more than %u", name,
                          (unsigned long long)sites, most);
        }
    }
    release(&r);
    if (status == WG_ERROR_MEMORY) {
        (void)wg_fail(status, "%s: no memory to find loops in %u terms", name, program->count);
    }
    if (status != WG_OK || !wg_nest_place(nest, name)) {
        wg_nest_free(nest);
        return NULL;
    }
    return nest;
}
