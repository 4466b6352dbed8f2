/* sweep.c: the reverse sweep over a program.
 *
 * Strict programs are swept as the tape is, operation by operation. Relaxed ones are swept by
 * statement: a tree of terms that nothing else uses has one value and few leaves, so its
 * derivatives to the leaves are multiplied out first (J. Bischof's "preaccumulation"; as Adept and
 * CoDiPack do with C++ expressions), where that costs less or leaves less to be kept. Kept slopes
 * are made right behind the statement, so that what is inside it need not live until the sweep
 * comes back. Signs are kept apart from slopes and go into the sums, so that like statements are
 * swept by like terms, whatever came before (loops are found again by that: roll.c). */
#include "function/sweep.h"
#include "function/sparse.h"

#include <math.h>
#include <string.h>

/* Statements are cut off at this size. */
#define WG_MOST_LEAVES 8
#define WG_MOST_INNER 64

static bool is_truth(const wg_builder *b, uint32_t term) {
    const uint32_t code = b->term[term].code;
    return code == WG_RULE_lt || code == WG_RULE_le || code == WG_RULE_gt || code == WG_RULE_ge ||
           code == WG_RULE_eq || code == WG_RULE_ne;
}

uint32_t wg_build_times(wg_builder *b, uint32_t g, uint32_t partial, wg_rule_index rule) {
    const wg_term *term = &b->term[partial];
    /* A finite number makes zero of zero by itself; nobody sees the sign of an adjoint's zero. */
    if (b->status == WG_OK && term->code == WG_TERM_CONSTANT && isfinite(wg_term_number(term))) {
        return wg_build_rule(b, WG_RULE_mul, g, partial, 0);
    }
    if (!wg_rule_picks(rule)) {
        return wg_build_rule(b, WG_RULE_azmul, g, partial, 0);
    }
    /* The zero of the derivative is absolute, and where that need not be finite g's zero too. */
    const uint32_t product = wg_build_rule(b, WG_RULE_azmul, partial, g, 0);
    return b->status != WG_OK || b->relaxed || wg_rule_is_bounded(rule) || is_truth(b, partial)
               ? product
               : wg_build_rule(b, WG_RULE_where, g, product, wg_build_constant(b, 0));
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
    if (wg_partial_is_zero(rule, k)) {
        return SLOPE_ZERO;
    }
    if (wg_rule_infos[rule].reads[k] == 0) {
        return SLOPE_NUMBER;
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

/* A sum that goes into a sum as it is begins a statement of its own: nothing is to be multiplied
 * out there, and long sums would be cut where it depends on their length. */
static bool is_inner(const wg_sweep *s, uint32_t i, wg_slope_kind kind) {
    const uint32_t code = s->p->term[i].code;
    const bool running = kind == SLOPE_UNIT && (code == WG_RULE_add || code == WG_RULE_sub);
    return wg_term_is_rule(&s->p->term[i]) && s->uses[i] == 1 && s->active[i] != 0 && !running;
}

/* One walk over a statement, which multiplies out where there is a builder and counts where not. */
typedef struct wg_statement {
    wg_slope slope[WG_MOST_LEAVES];
    wg_slope_kind kind[WG_MOST_LEAVES];
    uint32_t leaves;
    uint32_t inner[WG_MOST_INNER], inners; /* without the root */
    int plain, apart;                      /* products, operation by operation and multiplied out */
    int varying;                           /* derivatives that a plain sweep reads */
    int signs;                             /* derivatives that are -1 */
    bool too_large;
} wg_statement;

static void reach_leaf(wg_sweep *s, wg_statement *t, wg_slope slope, wg_slope_kind kind) {
    uint32_t at = 0;
    t->plain++; /* the sum it goes into */
    while (at < t->leaves && t->slope[at].leaf != slope.leaf) {
        at++;
    }
    if (at == WG_MOST_LEAVES) {
        t->too_large = true;
        return;
    }
    if (at == t->leaves) {
        t->slope[t->leaves] = slope;
        t->kind[t->leaves++] = kind;
        return;
    }
    wg_slope *to = &t->slope[at];
    t->apart += t->kind[at] == SLOPE_VARIES || kind == SLOPE_VARIES ? 1 : 0;
    t->kind[at] = t->kind[at] == SLOPE_VARIES || kind == SLOPE_VARIES ? SLOPE_VARIES : SLOPE_NUMBER;
    if (s->b == NULL) {
        return;
    }
    if (to->minus == slope.minus) {
        to->term = wg_build_sum(s->b, to->term, slope.term);
    } else if (to->minus) {
        to->term = wg_build_rule(s->b, WG_RULE_sub, slope.term, to->term, 0);
        to->minus = false;
    } else {
        to->term = wg_build_rule(s->b, WG_RULE_sub, to->term, slope.term, 0);
    }
}

/* Whether the derivative is -1, which goes into the sign. */
static bool turns_sign(const wg_term *term, int k) {
    return term->code == WG_RULE_neg || (term->code == WG_RULE_sub && k == 1);
}

/* seed · d term / d operand k but for its sign. */
static uint32_t follow(wg_sweep *s, uint32_t i, int k, uint32_t seed) {
    const wg_term *term = &s->p->term[i];
    const wg_rule_index rule = (wg_rule_index)term->code;
    if (rule == WG_RULE_add || rule == WG_RULE_sub || rule == WG_RULE_neg) {
        return seed;
    }
    const uint32_t x = s->map[term->at[0]], y = s->map[term->at[1]], z = s->map[term->at[2]];
    const uint32_t partial = wg_build_partial(s->b, rule, k, x, y, z, s->map[i]);
    return wg_build_times(s->b, seed, partial, rule);
}

/* Where a walk has still to go. */
typedef struct wg_branch_of_statement {
    wg_slope at; /* leaf: the term */
    wg_slope_kind kind;
} wg_branch_of_statement;

static void walk(wg_sweep *s, uint32_t root, wg_statement *t) {
    wg_branch_of_statement stack[2 * WG_MOST_INNER + 3];
    uint32_t top = 1;
    memset(t, 0, sizeof *t);
    stack[0].at = (wg_slope){root, s->b != NULL ? wg_build_constant(s->b, 1) : 0, false};
    stack[0].kind = SLOPE_UNIT;
    while (top > 0 && !t->too_large) {
        const wg_branch_of_statement from = stack[--top];
        const wg_term *term = &s->p->term[from.at.leaf];
        const int arity = wg_term_arity(term);
        for (int k = 0; k < arity && !t->too_large; k++) {
            wg_branch_of_statement next = {.at = {.leaf = term->at[k]}};
            const wg_slope_kind own = kind_of(s->p, term, k);
            if (s->active[next.at.leaf] == 0 || own == SLOPE_ZERO) {
                continue;
            }
            next.kind = product_of(from.kind, own);
            t->plain += own != SLOPE_UNIT ? 1 : 0;
            t->varying += own == SLOPE_VARIES ? 1 : 0;
            t->apart +=
                next.kind == SLOPE_VARIES && from.kind != SLOPE_UNIT && own != SLOPE_UNIT ? 1 : 0;
            t->signs += turns_sign(term, k) ? 1 : 0;
            next.at.minus = from.at.minus != turns_sign(term, k);
            next.at.term = s->b != NULL ? follow(s, from.at.leaf, k, from.at.term) : 0;
            if (!is_inner(s, next.at.leaf, next.kind)) {
                reach_leaf(s, t, next.at, next.kind);
            } else if (t->inners == WG_MOST_INNER) {
                t->too_large = true;
            } else {
                t->inner[t->inners++] = next.at.leaf;
                stack[top++] = next;
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
        return WG_SWEEP_PLAIN;
    }
    if (kept < t->varying && apart <= t->plain + t->plain / 4 + 1) {
        return WG_SWEEP_EARLY;
    }
    return apart < t->plain || (apart == t->plain && t->signs > 0) ? WG_SWEEP_LATE : WG_SWEEP_PLAIN;
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
        s->slope[s->slopes++] = t->slope[k];
    }
    s->slope[s->slopes++] = (wg_slope){WG_NO_TERM, 0, false}; /* the end of the root's list */
}

/* Newest first, so that a statement is planned before those it might swallow. */
static void plan_statements(wg_sweep *s) {
    wg_statement t;
    wg_builder *b = s->b;
    s->b = NULL; /* count, do not build */
    for (uint32_t i = s->p->count; i-- > s->p->inputs;) {
        if (!wg_term_is_rule(&s->p->term[i]) || s->active[i] == 0 ||
            s->plan[i] == WG_SWEEP_INSIDE) {
            continue;
        }
        walk(s, i, &t);
        s->plan[i] = plan_for(&t);
        for (uint32_t k = 0; k < t.inners && s->plan[i] != WG_SWEEP_PLAIN; k++) {
            s->plan[t.inner[k]] = WG_SWEEP_INSIDE;
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
        if (s->plan[i] == WG_SWEEP_EARLY) {
            walk(s, i, &t);
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

/* g times the derivative of a rule of the terms at[…], which is term r, to operand `which`. */
static uint32_t contribution(wg_builder *b, wg_rule_index rule, const uint32_t *at, uint32_t r,
                             int which, uint32_t g) {
    if (rule == WG_RULE_div && b->relaxed) { /* one division serves both operands */
        const uint32_t scaled = wg_build_rule(b, WG_RULE_div, g, at[1], 0);
        return which == 0 ? scaled
                          : wg_build_times(b, scaled, wg_build_rule(b, WG_RULE_neg, r, 0, 0), rule);
    }
    const uint32_t partial = wg_build_partial(b, rule, which, at[0], at[1], at[2], r);
    return wg_build_is_number(b, partial, 0) ? WG_NO_TERM : wg_build_times(b, g, partial, rule);
}

uint32_t wg_build_contribution(wg_builder *b, uint32_t index, int which, uint32_t g) {
    const wg_term term = b->term[index]; /* by value: building moves the list */
    return contribution(b, (wg_rule_index)term.code, term.at, index, which, g);
}

/* g to the operands of one term. */
static void give_plain(wg_sweep *s, uint32_t i, uint32_t g) {
    const wg_term *term = &s->p->term[i];
    const uint32_t at[3] = {s->map[term->at[0]], s->map[term->at[1]], s->map[term->at[2]]};
    const int arity = wg_term_arity(term);
    for (int k = 0; k < arity; k++) {
        if (s->active[term->at[k]] != 0) {
            give(s, term->at[k],
                 contribution(s->b, (wg_rule_index)term->code, at, s->map[i], k, g));
        }
    }
}

static void give_slope(wg_sweep *s, const wg_slope *slope, uint32_t g) {
    const uint32_t part = wg_build_rule(s->b, WG_RULE_azmul, g, slope->term, 0);
    const uint32_t before = s->adjoint[slope->leaf];
    if (!slope->minus) {
        give(s, slope->leaf, part);
    } else {
        s->adjoint[slope->leaf] = before == WG_NO_TERM
                                      ? wg_build_rule(s->b, WG_RULE_neg, part, 0, 0)
                                      : wg_build_rule(s->b, WG_RULE_sub, before, part, 0);
    }
}

void wg_sweep_back(wg_sweep *s, uint32_t top) {
    for (uint32_t i = top; i-- > 0 && s->b->status == WG_OK;) {
        const uint32_t g = s->adjoint[i];
        if (g == WG_NO_TERM || s->active[i] == 0 || !wg_term_is_rule(&s->p->term[i])) {
            continue;
        }
        if (s->plan[i] == WG_SWEEP_EARLY) {
            for (const wg_slope *k = &s->slope[s->first_slope[i]]; k->leaf != WG_NO_TERM; k++) {
                give_slope(s, k, g);
            }
        } else if (s->plan[i] == WG_SWEEP_LATE) {
            wg_statement t;
            walk(s, i, &t);
            for (uint32_t k = 0; k < t.leaves; k++) {
                give_slope(s, &t.slope[k], g);
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
