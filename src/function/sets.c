/* sets.c: sets of inputs, shared between the terms that depend on the same. */
#include "function/sets.h"

#include <stdlib.h>
#include <string.h>

/* Unions of at most this many members altogether are written down as they come. Longer ones are
 * kept as "the union of these two", and only the outputs' are ever listed: the running sum of a
 * million terms would else be a million lists of up to a million. */
#define WG_LISTED_MEMBERS ((uint64_t)1 << 27)
#define WG_LEAST_LISTED 64

void wg_sets_free(wg_sets *s) {
    wg_free(s->pool);
    wg_free(s->set);
    wg_free(s->seen_set);
    wg_free(s->seen_input);
    wg_free(s->stack);
}

/* Room for `more` members behind the pool's. */
static bool pool_room(wg_sets *s, uint64_t more) {
    if (s->pooled + more <= s->pool_room) {
        return true;
    }
    const uint64_t room = s->pool_room + s->pool_room / 2 + more + 1024;
    uint32_t *grown = wg_realloc(s->pool, (size_t)room * sizeof *grown);
    if (grown == NULL) {
        s->failed = true;
        return false;
    }
    s->pool = grown;
    s->pool_room = room;
    return true;
}

static uint32_t put_set(wg_sets *s, uint64_t at, uint32_t size) {
    if (s->count == s->room) {
        const uint64_t room = (uint64_t)s->room * 2 + 64;
        wg_set *grown = room < UINT32_MAX ? wg_realloc(s->set, (size_t)room * sizeof *grown) : NULL;
        if (grown == NULL) {
            s->failed = true;
            return 0;
        }
        s->set = grown;
        s->room = (uint32_t)room;
    }
    s->set[s->count] = (wg_set){at, size};
    return s->count++;
}

void wg_sets_begin(wg_sets *s, uint32_t n, uint32_t terms) {
    memset(s, 0, sizeof *s);
    s->inputs = n;
    const uint64_t longest = WG_LISTED_MEMBERS / ((uint64_t)terms + 1);
    s->longest = longest < WG_LEAST_LISTED ? WG_LEAST_LISTED : (uint32_t)longest;
    (void)put_set(s, 0, 0);
    for (uint32_t j = 0; j < n && !s->failed && pool_room(s, 1); j++) {
        s->pool[s->pooled] = j;
        (void)put_set(s, s->pooled++, 1);
    }
}

/* Members of both into the pool's free end; their number. */
static uint32_t merge_sets(wg_sets *s, wg_set a, wg_set b) {
    const uint32_t *p = s->pool + a.at, *q = s->pool + b.at;
    const uint32_t *const p_end = p + a.size, *const q_end = q + b.size;
    uint32_t *to = s->pool + s->pooled;
    while (p < p_end && q < q_end) {
        const uint32_t i = *p, j = *q;
        *to++ = i < j ? i : j;
        p += i <= j ? 1 : 0;
        q += j <= i ? 1 : 0;
    }
    while (p < p_end) {
        *to++ = *p++;
    }
    while (q < q_end) {
        *to++ = *q++;
    }
    return (uint32_t)(to - (s->pool + s->pooled));
}

uint32_t wg_sets_unite(wg_sets *s, uint32_t a, uint32_t b) {
    if (a == b || b == 0 || s->failed) {
        return a;
    }
    if (a == 0) {
        return b;
    }
    const wg_set p = s->set[a], q = s->set[b];
    if (p.size <= s->longest && q.size <= s->longest) { /* a lazy one's size is never so small */
        if (!pool_room(s, (uint64_t)p.size + q.size)) {
            return 0;
        }
        const uint32_t size = merge_sets(s, p, q);
        if (size == p.size || size == q.size) {
            return size == p.size ? a : b;
        }
        if (size <= s->longest) {
            const uint32_t fresh = put_set(s, s->pooled, size);
            s->pooled += size;
            return fresh;
        }
    }
    if ((p.size == WG_LAZY && (p.at >> 32 == b || (uint32_t)p.at == b))) {
        return a;
    }
    s->lazy++;
    return put_set(s, (uint64_t)a << 32 | b, WG_LAZY);
}

void wg_sets_close(wg_sets *s) {
    s->seen_set = wg_calloc((size_t)s->count + 1, sizeof *s->seen_set);
    s->seen_input = wg_calloc((size_t)s->inputs + 1, sizeof *s->seen_input);
    s->stack = wg_calloc((size_t)s->count + 1, sizeof *s->stack);
    s->failed = s->failed || s->seen_set == NULL || s->seen_input == NULL || s->stack == NULL;
}

static int compare_inputs(const void *a, const void *b) {
    const uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    return i < j ? -1 : i > j ? 1 : 0;
}

/* Appends what is new of a listed set. */
static bool collect(wg_sets *s, wg_set from) {
    if (!pool_room(s, from.size)) {
        return false;
    }
    for (uint32_t k = 0; k < from.size; k++) {
        const uint32_t j = s->pool[from.at + k];
        if (s->seen_input[j] != s->walk) {
            s->seen_input[j] = s->walk;
            s->pool[s->pooled++] = j;
        }
    }
    return true;
}

void wg_sets_list(wg_sets *s, uint32_t root) {
    const uint32_t n = s->inputs;
    const uint64_t start = s->pooled;
    uint32_t top = 0;
    s->walk++;
    s->stack[top++] = root;
    s->seen_set[root] = s->walk;
    while (top > 0) {
        const wg_set set = s->set[s->stack[--top]];
        if (set.size != WG_LAZY) {
            if (!collect(s, set)) {
                return;
            }
            continue;
        }
        const uint32_t part[2] = {(uint32_t)(set.at >> 32), (uint32_t)set.at};
        for (int k = 0; k < 2; k++) {
            if (s->seen_set[part[k]] != s->walk) {
                s->seen_set[part[k]] = s->walk;
                s->stack[top++] = part[k];
            }
        }
    }
    const uint32_t size = (uint32_t)(s->pooled - start);
    if (size > n / 16) { /* reading all marks costs less than to sort */
        s->pooled = start;
        for (uint32_t j = 0; j < n; j++) {
            if (s->seen_input[j] == s->walk) {
                s->pool[s->pooled++] = j;
            }
        }
    } else {
        qsort(s->pool + start, size, sizeof *s->pool, compare_inputs);
    }
    s->set[root] = (wg_set){start, size};
}
