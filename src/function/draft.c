/* draft.c: which step a term becomes; products go into the sum that takes them. */
#include "function/draft.h"

#include <string.h>

typedef struct wg_drafter {
    const wg_program *program;
    bool relaxed;
    wg_drafts *drafts;
    uint32_t *uses;    /* by term */
    uint8_t *absorbed; /* products that live in a sum */
} wg_drafter;

static const wg_term *term_at(const wg_drafter *d, uint32_t i) {
    return &d->program->term[i];
}

static bool is_constant(const wg_drafter *d, uint32_t i) {
    return term_at(d, i)->code == WG_TERM_CONSTANT;
}

/* A product that nothing else uses. */
static bool can_absorb(const wg_drafter *d, uint32_t i, wg_rule_index rule) {
    return term_at(d, i)->code == (uint32_t)rule && d->uses[i] == 1 &&
           d->drafts->first_store[i] == 0;
}

static void set(wg_draft *draft, int code, uint32_t a, uint32_t b, uint32_t c) {
    draft->code = (uint16_t)code;
    draft->at[0] = a;
    draft->at[1] = b;
    draft->at[2] = c;
}

/* a·b taken into the sum with c: `with` and `with_number` are the forms. */
static void absorb(wg_drafter *d, wg_draft *draft, uint32_t product, uint32_t c, int with,
                   int with_number) {
    const wg_term *term = term_at(d, product);
    const bool left = is_constant(d, term->at[0]), right = is_constant(d, term->at[1]);
    d->absorbed[product] = 1;
    if ((left || right) && with_number >= 0) {
        set(draft, with_number, term->at[left ? 1 : 0], c, WG_NEVER);
        draft->constant = term->at[left ? 0 : 1];
    } else {
        set(draft, with, term->at[0], term->at[1], c);
    }
}

static bool draft_sum(wg_drafter *d, const wg_term *term, wg_draft *draft) {
    const uint32_t x = term->at[0], y = term->at[1];
    const bool once = d->relaxed;
    if (term->code == WG_RULE_add) {
        for (int k = 0; k < 2; k++) {
            if (can_absorb(d, k == 0 ? y : x, WG_RULE_mul)) {
                absorb(d, draft, k == 0 ? y : x, k == 0 ? x : y,
                       once ? WG_STEP_FUSED_ADD : WG_STEP_MUL_ADD,
                       once ? WG_STEP_FUSED_N_ADD : WG_STEP_MUL_N_ADD);
                return true;
            }
            if (can_absorb(d, k == 0 ? y : x, WG_RULE_azmul)) {
                absorb(d, draft, k == 0 ? y : x, k == 0 ? x : y, WG_STEP_AZMUL_ADD, -1);
                return true;
            }
        }
        if (is_constant(d, x) || is_constant(d, y)) {
            set(draft, WG_STEP_ADD_N, is_constant(d, x) ? y : x, WG_NEVER, WG_NEVER);
            draft->constant = is_constant(d, x) ? x : y;
            return true;
        }
        return false;
    }
    if (can_absorb(d, y, WG_RULE_mul)) {
        absorb(d, draft, y, x, once ? WG_STEP_SUB_FUSED : WG_STEP_SUB_MUL, -1);
        return true;
    }
    if (can_absorb(d, x, WG_RULE_mul)) {
        absorb(d, draft, x, y, once ? WG_STEP_FUSED_SUB : WG_STEP_MUL_SUB,
               once ? WG_STEP_FUSED_N_SUB : WG_STEP_MUL_N_SUB);
        return true;
    }
    if (is_constant(d, x)) {
        set(draft, WG_STEP_N_SUB, y, WG_NEVER, WG_NEVER);
        draft->constant = x;
        return true;
    }
    return false;
}

static bool draft_product(const wg_drafter *d, const wg_term *term, wg_draft *draft) {
    const uint32_t x = term->at[0], y = term->at[1];
    const bool left = is_constant(d, x);
    if (!left && (!is_constant(d, y) || term->code == WG_RULE_div)) {
        return false;
    }
    set(draft, term->code == WG_RULE_mul ? WG_STEP_MUL_N : WG_STEP_N_DIV, left ? y : x, WG_NEVER,
        WG_NEVER);
    draft->constant = left ? x : y;
    return true;
}

/* The rules that are steps as they are. */
static int step_of_rule(uint32_t rule) {
    switch (rule) {
#define WG_SAME(rule_name, step_name)                                                              \
    case WG_RULE_##rule_name:                                                                      \
        return WG_STEP_##step_name;
        WG_SAME(add, ADD)
        WG_SAME(sub, SUB)
        WG_SAME(mul, MUL)
        WG_SAME(square, MUL)
        WG_SAME(div, DIV)
        WG_SAME(neg, NEG)
        WG_SAME(azmul, AZMUL)
        WG_SAME(fma, FMA)
        WG_SAME(sqrt, SQRT)
        WG_SAME(abs, ABS)
        WG_SAME(max, MAX)
        WG_SAME(min, MIN)
        WG_SAME(where, WHERE)
        WG_SAME(lt, LT)
        WG_SAME(le, LE)
        WG_SAME(gt, GT)
        WG_SAME(ge, GE)
        WG_SAME(eq, EQ)
        WG_SAME(ne, NE)
#undef WG_SAME
    default:
        return WG_STEP_RULE;
    }
}

static void draft_term(wg_drafter *d, uint32_t i, wg_draft *draft) {
    const wg_term *term = term_at(d, i);
    const int arity = wg_term_arity(term);
    draft->rule = (uint16_t)term->code;
    draft->out = i;
    draft->constant = WG_NEVER;
    if ((term->code == WG_RULE_add || term->code == WG_RULE_sub) && draft_sum(d, term, draft)) {
        return;
    }
    if ((term->code == WG_RULE_mul || term->code == WG_RULE_div) && draft_product(d, term, draft)) {
        return;
    }
    set(draft, step_of_rule(term->code), term->at[0],
        term->code == WG_RULE_square ? term->at[0]
        : arity > 1                  ? term->at[1]
                                     : WG_NEVER,
        arity > 2 ? term->at[2] : WG_NEVER);
}

/* Newest first, so that a sum is seen before the products it may take. */
static void draft_all(wg_drafter *d) {
    const wg_program *p = d->program;
    for (uint32_t i = p->inputs; i < p->count; i++) {
        const int arity = wg_term_arity(&p->term[i]);
        for (int k = 0; k < arity; k++) {
            d->uses[p->term[i].at[k]]++;
        }
    }
    uint32_t to = p->count;
    for (uint32_t i = p->count; i-- > p->inputs;) {
        if (wg_term_is_rule(&p->term[i]) && d->absorbed[i] == 0) {
            draft_term(d, i, &d->drafts->draft[--to]);
        }
    }
    d->drafts->count = p->count - to;
    memmove(d->drafts->draft, d->drafts->draft + to,
            (size_t)d->drafts->count * sizeof *d->drafts->draft);
}

bool wg_drafts_begin(wg_drafts *drafts, const wg_program *program, bool relaxed) {
    const size_t count = (size_t)program->count + 1;
    wg_drafter d = {.program = program, .relaxed = relaxed, .drafts = drafts};
    drafts->draft = wg_alloc(count * sizeof *drafts->draft);
    drafts->first_store = wg_calloc(count, sizeof *drafts->first_store);
    drafts->next_store = wg_calloc((size_t)program->outputs + 1, sizeof *drafts->next_store);
    drafts->count = 0;
    d.uses = wg_calloc(count, sizeof *d.uses);
    d.absorbed = wg_calloc(count, 1);
    const bool ready = drafts->draft != NULL && drafts->first_store != NULL &&
                       drafts->next_store != NULL && d.uses != NULL && d.absorbed != NULL;
    for (uint32_t k = program->outputs; k-- > 0 && ready;) {
        drafts->next_store[k] = drafts->first_store[program->output[k]];
        drafts->first_store[program->output[k]] = k + 1;
    }
    if (ready) {
        draft_all(&d);
    }
    wg_free(d.uses);
    wg_free(d.absorbed);
    return ready;
}

void wg_drafts_end(wg_drafts *drafts) {
    wg_free(drafts->draft);
    wg_free(drafts->first_store);
    wg_free(drafts->next_store);
}
