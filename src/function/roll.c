/* roll.c: finds the loops of a recorded program again.
 *
 * Level by level: where the same window of steps comes again soon, the stretch between is tried as
 * a body, and rolled up if at least WG_LEAST_TURNS turns of it follow one another with all operands
 * affine in the turn. Loops then count as steps of the next level. */
#include "function/listing.h"

#include <string.h>

#define WG_LEAST_TURNS 8
#define WG_LEAST_ENTRIES 8
/* How many places with the same window are tried. */
#define WG_TRIES 12
/* Comparisons a level may take for each entry, and how many bodies' lengths are remembered. */
#define WG_MOST_WORK 256
#define WG_FAILURES 1024

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

/* In bodies of `period` items, item `at` does not go on from turn to turn. */
typedef struct wg_failure {
    uint32_t period, at;
} wg_failure;

typedef struct wg_roller {
    const wg_entry *entry;
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
    wg_failure failure[WG_FAILURES]; /* of this level, by period */
    uint64_t work;                   /* comparisons that this level may still take */
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
        h = mix(h, (uint64_t)e->kind[k] << 8 | e->array[k]);
    }
    return h;
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
            memcmp(x->kind, y->kind, sizeof x->kind) != 0 ||
            memcmp(x->array, y->array, sizeof x->array) != 0) {
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

/* Item `at` as the k-th of a body, in turn `turn`; its strides go behind r->strides + before.
 * Returns how many there are, or 0 where it does not fit. */
static uint32_t fits_here(wg_roller *r, uint32_t at, uint32_t period, uint32_t turn,
                          uint32_t before) {
    const uint32_t *offset, need = leaves_of(r, &r->item[at], &offset) * WG_REFS;
    if (r->item[at].depth >= WG_NEST_DEPTH ||
        !grow(r, (void **)&r->stride, &r->stride_capacity, r->strides + before + need,
              sizeof *r->stride)) {
        return 0;
    }
    r->work -= need < r->work ? need : r->work;
    return fits(r, &r->item[at], &r->item[at + turn * period], turn,
                r->stride + r->strides + before);
}

/* Whether the body [i, i + period) has the least turns that count. Item by item, through all of
 * these turns: where one does not fit, no body of that length fits that it is in, and those that
 * begin behind i need not be tried. */
static bool begins(wg_roller *r, uint32_t i, uint32_t period) {
    wg_failure *known = &r->failure[period % WG_FAILURES];
    if (known->period == period && known->at >= i && known->at - i < period) {
        return false;
    }
    uint32_t before = 0, used = 0;
    for (uint32_t k = 0; k < period; k++, before += used) {
        for (uint32_t turn = 1; turn < WG_LEAST_TURNS; turn++) {
            used = fits_here(r, i + k, period, turn, before);
            if (used == 0) {
                *known = (wg_failure){period, i + k};
                return false;
            }
        }
    }
    return true;
}

/* How many turns of the body [i, i + period) follow one another, 0 for fewer than count; strides go
 * behind r->strides. */
static uint32_t turns_of(wg_roller *r, uint32_t i, uint32_t period) {
    if (!begins(r, i, period)) {
        return 0;
    }
    for (uint32_t turn = WG_LEAST_TURNS;; turn++) {
        if (i + ((uint64_t)turn + 1) * period > r->items) {
            return turn;
        }
        uint32_t before = 0;
        for (uint32_t k = 0; k < period; k++) {
            const uint32_t used = fits_here(r, i + k, period, turn, before);
            if (used == 0) {
                return turn;
            }
            before += used;
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

/* Bodies longer than this are taken as they begin. */
#define WG_MOST_SHIFT 64
#define WG_MOST_CARRIED 64

/* Values that the body at i, whose turns have just been counted, takes from the turn before. */
static uint32_t carried(const wg_roller *r, uint32_t i, uint32_t period) {
    uint32_t seen[WG_MOST_CARRIED];
    const uint32_t base = r->item[i].base, width = r->item[i + period].base - base;
    const int64_t *stride = r->stride + r->strides;
    uint32_t count = 0;
    for (uint32_t k = 0; k < period; k++) {
        const uint32_t *offset, leaves = leaves_of(r, &r->item[i + k], &offset);
        for (uint32_t j = 0; j < leaves; j++, stride += WG_REFS) {
            const wg_entry *e = &r->entry[r->item[i + k].base + offset[j]];
            for (int ref = 0; ref < WG_REFS && count < WG_MOST_CARRIED; ref++) {
                uint32_t at = 0;
                if (e->kind[ref] != WG_REF_VALUE || stride[ref] != width || e->at[ref] >= base) {
                    continue;
                }
                while (at < count && seen[at] != e->at[ref]) {
                    at++;
                }
                seen[at] = e->at[ref];
                count = at == count ? count + 1 : count;
            }
        }
    }
    return count;
}

/* A loop may be found in the middle of what its author wrote as a turn, and then carries values
 * from turn to turn that a later start would not: how many items later. */
static uint32_t best_shift(wg_roller *r, uint32_t i, uint32_t period, uint32_t turns) {
    uint32_t best = 0, least = period <= WG_MOST_SHIFT ? carried(r, i, period) : 0;
    for (uint32_t k = 1; k < period && least > 0 && !r->failed; k++) {
        const uint32_t later = turns_of(r, i + k, period);
        const uint32_t count = later != 0 && later + 1 >= turns ? carried(r, i + k, period) : least;
        if (count < least) {
            least = count;
            best = k;
        }
    }
    return best;
}

/* Rolls up what begins with item i, if anything does; how many items that were. *shift: the loop
 * is to begin so many items later. */
static uint32_t roll_here(wg_roller *r, uint32_t i, uint32_t most, wg_item *out, uint32_t *shift) {
    uint32_t tries = 0;
    for (uint32_t same = r->next_same[i];
         same != WG_NO_NODE && tries < WG_TRIES && !r->failed && r->work > 0; tries++) {
        const uint32_t period = same - i;
        if (period > most || i + (uint64_t)WG_LEAST_TURNS * period > r->items) {
            break; /* those behind are longer yet */
        }
        uint32_t turns = turns_of(r, i, period);
        *shift = turns != 0 ? best_shift(r, i, period, turns) : 0;
        if (*shift != 0) {
            return 0;
        }
        turns = turns != 0 ? turns_of(r, i, period) : 0; /* the strides of this start */
        if (turns != 0 && !r->failed && roll(r, i, period, turns, out)) {
            return turns * period;
        }
        same = r->next_same[same];
    }
    return 0;
}

/* One level: bodies of at most `most` items; whether it found a loop. */
static bool roll_level(wg_roller *r, uint32_t window, uint32_t most) {
    uint32_t count = 0, i = 0;
    bool found = false;
    find_same(r, window);
    memset(r->failure, 0, sizeof r->failure);
    r->work = WG_MOST_WORK * ((uint64_t)r->entries + 1024);
    while (i < r->items && !r->failed) {
        uint32_t shift = 0;
        const uint32_t rolled = roll_here(r, i, most, &r->other[count], &shift);
        for (uint32_t k = 0; k < shift; k++) {
            r->other[count++] = r->item[i++];
        }
        if (shift != 0) {
            continue;
        }
        if (rolled == 0) {
            r->other[count] = r->item[i++];
        }
        i += rolled;
        count++;
        found = found || rolled != 0;
    }
    wg_item *swap = r->item;
    r->item = r->other;
    r->other = swap;
    r->items = count;
    return found;
}

static void list_items(wg_roller *r) {
    for (uint32_t i = 0; i < r->entries; i++) {
        r->item[i] = (wg_item){i, 1, WG_NO_NODE, 0, sign_of_entry(&r->entry[i])};
    }
    r->items = r->entries;
}

static void roll_all(wg_roller *r) {
    /* Small bodies first, so that inner loops are found alike in every turn of outer ones. An item
     * behind the last ends the last turn. */
    for (uint32_t most = 8, level = 0; level < 32 && !r->failed; level++) {
        r->item[r->items] = (wg_item){r->entries, 0, WG_NO_NODE, 0, 0};
        const bool found = roll_level(r, level == 0 ? 4 : 2, most);
        if (!found && most > r->items) {
            break;
        }
        most = found ? most : most * 8;
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
        node->ref[k].array = e->array[k];
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
    for (uint32_t i = 0; i < count && !nest->failed && nest->nodes <= nest->most; i++) {
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

static bool allocate(wg_roller *r, const wg_listing *listing) {
    const size_t items = (size_t)listing->entries + 2;
    size_t table = 1024;
    while (table < 2 * items) {
        table *= 2;
    }
    r->entry = listing->entry;
    r->entries = listing->entries;
    r->item = wg_alloc(items * sizeof *r->item);
    r->other = wg_alloc(items * sizeof *r->other);
    r->next_same = wg_alloc(items * sizeof *r->next_same);
    r->window = wg_alloc(items * sizeof *r->window);
    r->table = wg_alloc(table * sizeof *r->table);
    return r->item != NULL && r->other != NULL && r->next_same != NULL && r->window != NULL &&
           r->table != NULL;
}

static void release(wg_roller *r) {
    wg_free(r->item);
    wg_free(r->other);
    wg_free(r->next_same);
    wg_free(r->window);
    wg_free(r->table);
    wg_free(r->loop);
    wg_free(r->kept);
    wg_free(r->leaf);
    wg_free(r->stride);
    wg_free(r);
}

wg_status wg_nest_roll(wg_nest *nest, const wg_listing *listing, bool loops, const char *name) {
    wg_roller *r = wg_calloc(1, sizeof *r);
    if (r == NULL) {
        return WG_ERROR_MEMORY;
    }
    bool found = allocate(r, listing);
    if (found) {
        wg_around around = {.depth = 0};
        list_items(r);
        if (loops) {
            roll_all(r);
        }
        if (!r->failed) {
            nest->first = add_nodes(r, nest, r->item, r->items, &around);
        }
        found = !r->failed && !nest->failed;
    }
    release(r);
    return !found ? WG_ERROR_MEMORY
           : nest->nodes > nest->most
               ? wg_fail(WG_ERROR_LIMIT, "%s: more than %u statements remain%s", name, nest->most,
                         loops ? " once its loops are found" : ", as its loops have no place")
               : WG_OK;
}
