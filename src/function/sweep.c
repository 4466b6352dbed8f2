/* sweep.c: the reverse sweep over a program.
 *
 * Strict programs are swept as the tape is, operation by operation. Relaxed ones are swept by
 * statement: a tree of terms that nothing else uses has one value and few leaves, so its
 * derivatives to the leaves are multiplied out first (J. Bischof's "preaccumulation"; as Adept and
 * CoDiPack do with C++ expressions), where that costs less or leaves less to be kept. Kept slopes
 * are made right behind the statement, so that what is inside it need not live until the sweep
 * comes back. */
#include "function/sweep.h"

#include <string.h>

/* Statements are cut off at this size. */
#define WG_MOST_LEAVES 8
#define WG_MOST_INNER 64

enum {
    PLAIN,  /* operation by operation */
    INSIDE, /* within a statement whose root does all */
    EARLY,  /* a root: slopes stand in the list */
    LATE    /* a root: slopes are made when the sweep comes by */
};

uint32_t wg_build_times(wg_builder *b, uint32_t g, uint32_t partial, wg_rule_index rule) {
    const bool picks = wg_rule_picks(rule);
    return wg_build_rule(b, WG_RULE_azmul, picks ? partial : g, picks ? g : partial, 0);
}

uint32_t wg_build_sum(wg_builder *b, uint32_t a, uint32_t c) {
    return a == WG_NO_TERM ? c : c == WG_NO_TERM ? a : wg_build_rule(b, WG_RULE_add, a, c, 0);
}

/* ---- What a derivative is, before it is built ------------------------------------------------ */

typedef enum wg_slope_kind {
    SLOPE_ZERO,
    SLOPE_UNIT,   /* 1 or -1 */
    SLOPE_NUMBER, /* another constant */
    SLOPE_VARIES
} wg_slope_kind;

static wg_slope_kind kind_of(const wg_program *p, const wg_term *term, int k) {
    const wg_rule_index rule = (wg_rule_index)term->code;
    if (rule == WG_RULE_add || rule == WG_RULE_sub || rule == WG_RULE_neg ||
        (rule == WG_RULE_fma && k == 2)) {
        return SLOPE_UNIT;
    }
    if (wg_rule_infos[rule].reads[k] == 0) {
        return SLOPE_ZERO;
    }
    const bool by_other =
        rule == WG_RULE_mul || rule == WG_RULE_azmul || (rule == WG_RULE_div && k == 0);
    return by_other && p->term[term->at[1 - k]].code == WG_TERM_CONSTANT ? SLOPE_NUMBER
                                                                         : SLOPE_VARIES;
}

static wg_slope_kind product_of(wg_slope_kind a, wg_slope_kind c) {
    return a == SLOPE_ZERO || c == SLOPE_ZERO       ? SLOPE_ZERO
           : a == SLOPE_VARIES || c == SLOPE_VARIES ? SLOPE_VARIES
           : a == SLOPE_UNIT                        ? c
           : c == SLOPE_UNIT                        ? a
                                                    : SLOPE_NUMBER;
}

/* ---- Statements ------------------------------------------------------------------------------ */

static bool is_inner(const wg_sweep *s, uint32_t i) {
    return wg_term_is_rule(&s->p->term[i]) && s->uses[i] == 1 && s->active[i] != 0;
}

/* One walk over a statement; with `build` it multiplies out, without it counts. */
typedef struct wg_statement {
    uint32_t leaf[WG_MOST_LEAVES], slope[WG_MOST_LEAVES];
    wg_slope_kind kind[WG_MOST_LEAVES];
    uint32_t leaves;
    uint32_t inner[WG_MOST_INNER], inners; /* without the root */
    int plain, apart;                      /* products, operation by operation and multiplied out */
    int varying;                           /* derivatives that a plain sweep reads */
    bool too_large;
} wg_statement;

static void reach_leaf(wg_sweep *s, wg_statement *t, uint32_t leaf, uint32_t slope,
                       wg_slope_kind kind) {
    uint32_t at = 0;
    t->plain++; /* the sum it goes into */
    while (at < t->leaves && t->leaf[at] != leaf) {
        at++;
    }
    if (at == WG_MOST_LEAVES) {
        t->too_large = true;
        return;
    }
    if (at == t->leaves) {
        t->leaf[t->leaves] = leaf;
        t->slope[t->leaves] = slope;
        t->kind[t->leaves++] = kind;
        return;
    }
    t->apart += t->kind[at] == SLOPE_VARIES || kind == SLOPE_VARIES ? 1 : 0;
    t->slope[at] = s->b != NULL ? wg_build_sum(s->b, t->slope[at], slope) : 0;
    t->kind[at] = t->kind[at] == SLOPE_VARIES || kind == SLOPE_VARIES ? SLOPE_VARIES : SLOPE_NUMBER;
}

/* seed · d term / d operand k, built or only judged. */
static uint32_t follow(wg_sweep *s, uint32_t i, int k, uint32_t seed, bool build) {
    const wg_term *term = &s->p->term[i];
    const wg_rule_index rule = (wg_rule_index)term->code;
    if (!build) {
        return 0;
    }
    const uint32_t x = s->map[term->at[0]], y = s->map[term->at[1]], z = s->map[term->at[2]];
    const uint32_t partial = wg_build_partial(s->b, rule, k, x, y, z, s->map[i]);
    return wg_build_times(s->b, seed, partial, rule);
}

static void walk(wg_sweep *s, uint32_t root, wg_statement *t, bool build) {
    struct {
        uint32_t term, seed;
        wg_slope_kind kind;
    } stack[2 * WG_MOST_INNER + 3];
    uint32_t top = 1;
    memset(t, 0, offsetof(wg_statement, inner));
    t->leaves = t->inners = 0;
    t->plain = t->apart = t->varying = 0;
    t->too_large = false;
    stack[0].term = root;
    stack[0].seed = build ? wg_build_constant(s->b, 1) : 0;
    stack[0].kind = SLOPE_UNIT;
    while (top > 0 && !t->too_large) {
        const uint32_t i = stack[--top].term, seed = stack[top].seed;
        const wg_slope_kind kind = stack[top].kind;
        const wg_term *term = &s->p->term[i];
        const int arity = wg_term_arity(term);
        for (int k = 0; k < arity && !t->too_large; k++) {
            const uint32_t at = term->at[k];
            const wg_slope_kind own = kind_of(s->p, term, k);
            if (s->active[at] == 0 || own == SLOPE_ZERO) {
                continue;
            }
            const wg_slope_kind both = product_of(kind, own);
            t->plain += own != SLOPE_UNIT ? 1 : 0;
            t->varying += own == SLOPE_VARIES ? 1 : 0;
            t->apart += both == SLOPE_VARIES && kind != SLOPE_UNIT && own != SLOPE_UNIT ? 1 : 0;
            const uint32_t next = follow(s, i, k, seed, build);
            if (!is_inner(s, at)) {
                reach_leaf(s, t, at, next, both);
            } else if (t->inners == WG_MOST_INNER) {
                t->too_large = true;
            } else {
                t->inner[t->inners++] = at;
                stack[top].term = at;
                stack[top].seed = next;
                stack[top++].kind = both;
            }
        }
    }
}

/* Whether to multiply out, and when. */
static uint8_t plan_for(const wg_statement *t) {
    int kept = 0, apart = t->apart;
    for (uint32_t k = 0; k < t->leaves; k++) {
        kept += t->kind[k] == SLOPE_VARIES ? 1 : 0;
        apart += t->kind[k] != SLOPE_UNIT ? 2 : 1;
    }
    if (t->too_large || t->inners == 0) {
        return PLAIN;
    }
    if (kept < t->varying && apart <= t->plain + t->plain / 4 + 1) {
        return EARLY;
    }
    return apart < t->plain ? LATE : PLAIN;
}

static void keep_slopes(wg_sweep *s, uint32_t root, const wg_statement *t) {
    if (s->slopes + t->leaves + 1 > s->slope_capacity) {
        const uint32_t capacity = 2 * s->slope_capacity + 1024;
        wg_slope *grown = wg_realloc(s->slope, (size_t)capacity * sizeof *grown);
        if (grown == NULL) {
            s->b->status = s->b->status == WG_OK ? WG_ERROR_MEMORY : s->b->status;
            return;
        }
        s->slope = grown;
        s->slope_capacity = capacity;
    }
    s->first_slope[root] = s->slopes;
    for (uint32_t k = 0; k < t->leaves; k++) {
        s->slope[s->slopes++] = (wg_slope){t->leaf[k], t->slope[k]};
    }
    s->slope[s->slopes++] = (wg_slope){WG_NO_TERM, 0}; /* the end of the root's list */
}

/* Newest first, so that a statement is planned before those it might swallow. */
static void plan_statements(wg_sweep *s) {
    wg_statement t;
    wg_builder *b = s->b;
    s->b = NULL; /* count, do not build */
    for (uint32_t i = s->p->count; i-- > s->p->inputs;) {
        if (!wg_term_is_rule(&s->p->term[i]) || s->active[i] == 0 || s->plan[i] == INSIDE) {
            continue;
        }
        walk(s, i, &t, false);
        s->plan[i] = plan_for(&t);
        for (uint32_t k = 0; k < t.inners && s->plan[i] != PLAIN; k++) {
            s->plan[t.inner[k]] = INSIDE;
        }
    }
    s->b = b;
}

/* ---- The sweep ------------------------------------------------------------------------------- */

static void analyse(wg_sweep *s, uint32_t n) {
    const wg_program *p = s->p;
    for (uint32_t i = 0; i < p->count; i++) {
        const int arity = wg_term_arity(&p->term[i]);
        s->active[i] = i < n ? 1 : 0;
        for (int k = 0; k < arity; k++) {
            s->active[i] |= s->active[p->term[i].at[k]];
            s->uses[p->term[i].at[k]]++;
        }
    }
    for (uint32_t k = 0; k < p->outputs; k++) {
        s->uses[p->output[k]] += 2; /* it has an adjoint of its own */
    }
}

void wg_sweep_begin(wg_sweep *s, wg_builder *b, const wg_program *p, const uint32_t *input,
                    uint32_t n, uint32_t *map) {
    const size_t count = (size_t)p->count + 1;
    memset(s, 0, sizeof *s);
    s->b = b;
    s->p = p;
    s->map = map;
    s->adjoint = wg_alloc(count * sizeof *s->adjoint);
    s->uses = wg_calloc(count, sizeof *s->uses);
    s->active = wg_calloc(count, 1);
    s->plan = wg_calloc(count, 1);
    s->first_slope = wg_calloc(count, sizeof *s->first_slope);
    if (s->adjoint == NULL || s->uses == NULL || s->active == NULL || s->plan == NULL ||
        s->first_slope == NULL) {
        b->status = b->status == WG_OK ? WG_ERROR_MEMORY : b->status;
    }
    if (b->status != WG_OK) {
        return;
    }
    analyse(s, n);
    if (b->relaxed) {
        plan_statements(s);
    }
    wg_sweep_clear(s);
    for (uint32_t i = 0; i < p->count && b->status == WG_OK; i++) {
        wg_statement t;
        map[i] = wg_build_again(b, &p->term[i], input, map);
        if (s->plan[i] == EARLY) {
            walk(s, i, &t, true);
            keep_slopes(s, i, &t);
        }
    }
}

void wg_sweep_clear(wg_sweep *s) {
    memset(s->adjoint, 0xff, (size_t)s->p->count * sizeof *s->adjoint);
}

static void give(wg_sweep *s, uint32_t to, uint32_t part) {
    s->adjoint[to] = wg_build_sum(s->b, s->adjoint[to], part);
}

/* g to the operands of one term. */
static void give_plain(wg_sweep *s, uint32_t i, uint32_t g) {
    const wg_term *term = &s->p->term[i];
    const wg_rule_index rule = (wg_rule_index)term->code;
    const int arity = wg_term_arity(term);
    wg_builder *b = s->b;
    for (int k = 0; k < arity; k++) {
        const uint32_t to = term->at[k];
        if (s->active[to] == 0) {
            continue;
        }
        const uint32_t x = s->map[term->at[0]], y = s->map[term->at[1]], z = s->map[term->at[2]];
        if (rule == WG_RULE_div) { /* one division serves both operands */
            const uint32_t scaled =
                b->relaxed ? wg_build_rule(b, WG_RULE_div, g, y, 0)
                           : wg_build_times(b, g, wg_build_partial(b, rule, 0, x, y, z, 0), rule);
            give(s, to,
                 k == 0 ? scaled
                        : wg_build_times(b, scaled, wg_build_rule(b, WG_RULE_neg, s->map[i], 0, 0),
                                         rule));
            continue;
        }
        const uint32_t partial = wg_build_partial(b, rule, k, x, y, z, s->map[i]);
        if (!wg_build_is_number(b, partial, 0)) {
            give(s, to, wg_build_times(b, g, partial, rule));
        }
    }
}

static void give_slopes(wg_sweep *s, const wg_slope *slope, uint32_t g) {
    for (; slope->leaf != WG_NO_TERM; slope++) {
        give(s, slope->leaf, wg_build_rule(s->b, WG_RULE_azmul, g, slope->term, 0));
    }
}

void wg_sweep_back(wg_sweep *s, uint32_t top) {
    for (uint32_t i = top; i-- > 0 && s->b->status == WG_OK;) {
        const uint32_t g = s->adjoint[i];
        if (g == WG_NO_TERM || s->active[i] == 0 || !wg_term_is_rule(&s->p->term[i])) {
            continue;
        }
        if (s->plan[i] == EARLY) {
            give_slopes(s, &s->slope[s->first_slope[i]], g);
        } else if (s->plan[i] == LATE) {
            wg_statement t;
            walk(s, i, &t, true);
            for (uint32_t k = 0; k < t.leaves; k++) {
                give(s, t.leaf[k], wg_build_rule(s->b, WG_RULE_azmul, g, t.slope[k], 0));
            }
        } else {
            give_plain(s, i, g);
        }
    }
}

void wg_sweep_end(wg_sweep *s) {
    wg_free(s->adjoint);
    wg_free(s->uses);
    wg_free(s->active);
    wg_free(s->plan);
    wg_free(s->first_slope);
    wg_free(s->slope);
}
