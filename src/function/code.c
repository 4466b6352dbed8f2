/* code.c: from terms to steps: products fused with the sum that takes them, slots given out and
 * taken back, inputs loaded at first use and results stored as soon as they are there. */
#include "function/code.h"

#include <string.h>

#define NEVER UINT32_MAX
/* An input or a constant whose next use is this many steps away gives its slot back: to load it
 * again costs no more than to keep a cache line that long. */
#define WG_FAR 256

/* A step before slots are given out: its operands are terms. */
typedef struct wg_draft {
    uint16_t code, rule;
    uint32_t out;      /* a term */
    uint32_t at[3];    /* terms; NEVER where there is none */
    uint32_t constant; /* of _N forms, else NEVER */
    uint32_t next[3];  /* the step that uses the operand next */
} wg_draft;

typedef struct wg_coder {
    const wg_program *program;
    const wg_ports *ports;
    bool relaxed;
    wg_draft *draft;
    uint32_t drafts;
    uint32_t *uses;        /* by term; then the step of the next use */
    uint8_t *absorbed;     /* products that live in a sum */
    uint32_t *slot;        /* by term; NEVER where it has none */
    uint32_t *first_store; /* by term: output + 1 */
    uint32_t *next_store;  /* by output */
    uint32_t *free_slot, free_slots;
    wg_code *code;
    uint32_t capacity;
    bool failed;
} wg_coder;

static const wg_term *term_at(const wg_coder *coder, uint32_t i) {
    return &coder->program->term[i];
}

static bool is_constant(const wg_coder *coder, uint32_t i) {
    return term_at(coder, i)->code == WG_TERM_CONSTANT;
}

/* ---- Which step a term becomes --------------------------------------------------------------- */

/* A product that nothing else uses. */
static bool can_absorb(const wg_coder *coder, uint32_t i, wg_rule_index rule) {
    return term_at(coder, i)->code == (uint32_t)rule && coder->uses[i] == 1 &&
           coder->first_store[i] == 0;
}

static void set(wg_draft *draft, int code, uint32_t a, uint32_t b, uint32_t c) {
    draft->code = (uint16_t)code;
    draft->at[0] = a;
    draft->at[1] = b;
    draft->at[2] = c;
}

/* a·b taken into the sum with c: `with` and `with_number` are the forms. */
static void absorb(wg_coder *coder, wg_draft *draft, uint32_t product, uint32_t c, int with,
                   int with_number) {
    const wg_term *term = term_at(coder, product);
    const bool left = is_constant(coder, term->at[0]), right = is_constant(coder, term->at[1]);
    coder->absorbed[product] = 1;
    if ((left || right) && with_number >= 0) {
        set(draft, with_number, term->at[left ? 1 : 0], c, NEVER);
        draft->constant = term->at[left ? 0 : 1];
    } else {
        set(draft, with, term->at[0], term->at[1], c);
    }
}

static bool draft_sum(wg_coder *coder, const wg_term *term, wg_draft *draft) {
    const uint32_t x = term->at[0], y = term->at[1];
    const bool once = coder->relaxed;
    if (term->code == WG_RULE_add) {
        for (int k = 0; k < 2; k++) {
            if (can_absorb(coder, k == 0 ? y : x, WG_RULE_mul)) {
                absorb(coder, draft, k == 0 ? y : x, k == 0 ? x : y,
                       once ? WG_STEP_FUSED_ADD : WG_STEP_MUL_ADD,
                       once ? WG_STEP_FUSED_N_ADD : WG_STEP_MUL_N_ADD);
                return true;
            }
            if (can_absorb(coder, k == 0 ? y : x, WG_RULE_azmul)) {
                absorb(coder, draft, k == 0 ? y : x, k == 0 ? x : y, WG_STEP_AZMUL_ADD, -1);
                return true;
            }
        }
        if (is_constant(coder, x) || is_constant(coder, y)) {
            set(draft, WG_STEP_ADD_N, is_constant(coder, x) ? y : x, NEVER, NEVER);
            draft->constant = is_constant(coder, x) ? x : y;
            return true;
        }
        return false;
    }
    if (can_absorb(coder, y, WG_RULE_mul)) {
        absorb(coder, draft, y, x, once ? WG_STEP_SUB_FUSED : WG_STEP_SUB_MUL, -1);
        return true;
    }
    if (can_absorb(coder, x, WG_RULE_mul)) {
        absorb(coder, draft, x, y, once ? WG_STEP_FUSED_SUB : WG_STEP_MUL_SUB,
               once ? WG_STEP_FUSED_N_SUB : WG_STEP_MUL_N_SUB);
        return true;
    }
    if (is_constant(coder, x)) {
        set(draft, WG_STEP_N_SUB, y, NEVER, NEVER);
        draft->constant = x;
        return true;
    }
    return false;
}

static bool draft_product(const wg_coder *coder, const wg_term *term, wg_draft *draft) {
    const uint32_t x = term->at[0], y = term->at[1];
    const bool left = is_constant(coder, x);
    if (!left && (!is_constant(coder, y) || term->code == WG_RULE_div)) {
        return false;
    }
    set(draft, term->code == WG_RULE_mul ? WG_STEP_MUL_N : WG_STEP_N_DIV, left ? y : x, NEVER,
        NEVER);
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

static void draft_term(wg_coder *coder, uint32_t i, wg_draft *draft) {
    const wg_term *term = term_at(coder, i);
    const int arity = wg_term_arity(term);
    draft->rule = (uint16_t)term->code;
    draft->out = i;
    draft->constant = NEVER;
    if ((term->code == WG_RULE_add || term->code == WG_RULE_sub) && draft_sum(coder, term, draft)) {
        return;
    }
    if ((term->code == WG_RULE_mul || term->code == WG_RULE_div) &&
        draft_product(coder, term, draft)) {
        return;
    }
    set(draft, step_of_rule(term->code), term->at[0],
        term->code == WG_RULE_square ? term->at[0]
        : arity > 1                  ? term->at[1]
                                     : NEVER,
        arity > 2 ? term->at[2] : NEVER);
}

/* Newest first, so that a sum is seen before the products it may take. */
static void draft_all(wg_coder *coder) {
    const wg_program *p = coder->program;
    for (uint32_t i = p->inputs; i < p->count; i++) {
        const int arity = wg_term_arity(&p->term[i]);
        for (int k = 0; k < arity; k++) {
            coder->uses[p->term[i].at[k]]++;
        }
    }
    uint32_t to = p->count;
    for (uint32_t i = p->count; i-- > p->inputs;) {
        if (wg_term_is_rule(&p->term[i]) && coder->absorbed[i] == 0) {
            draft_term(coder, i, &coder->draft[--to]);
        }
    }
    coder->drafts = p->count - to;
    memmove(coder->draft, coder->draft + to, (size_t)coder->drafts * sizeof *coder->draft);
    memset(coder->uses, 0xff, (size_t)p->count * sizeof *coder->uses);
    for (uint32_t i = coder->drafts; i-- > 0;) {
        for (int k = 0; k < 3; k++) {
            const uint32_t at = coder->draft[i].at[k];
            coder->draft[i].next[k] = at != NEVER ? coder->uses[at] : NEVER;
        }
        for (int k = 0; k < 3; k++) {
            if (coder->draft[i].at[k] != NEVER) {
                coder->uses[coder->draft[i].at[k]] = i;
            }
        }
    }
}

/* ---- Slots and steps ------------------------------------------------------------------------- */

static void emit(wg_coder *coder, wg_step step) {
    wg_code *code = coder->code;
    if (code->steps == coder->capacity) {
        const uint32_t capacity = coder->capacity < 64 ? 64 : coder->capacity * 2;
        wg_step *grown = capacity > coder->capacity /* else 2^32 steps */
                             ? wg_realloc(code->step, (size_t)capacity * sizeof *grown)
                             : NULL;
        if (grown == NULL) {
            coder->failed = true;
            return;
        }
        code->step = grown;
        coder->capacity = capacity;
    }
    code->step[code->steps++] = step;
}

/* Kept by term, so that equal constants are one; the term list knows no two that are equal. */
static uint32_t constant_of(wg_coder *coder, uint32_t term) {
    if (coder->slot[term] == NEVER) {
        coder->slot[term] = coder->code->constants;
        coder->code->constant[coder->code->constants++] = wg_term_number(term_at(coder, term));
    }
    return coder->slot[term];
}

static uint32_t take_slot(wg_coder *coder) {
    return coder->free_slots != 0 ? coder->free_slot[--coder->free_slots] : coder->code->slots++;
}

static void give_slot(wg_coder *coder, uint32_t slot) {
    coder->free_slot[coder->free_slots++] = slot;
}

/* The port of input or output i, and its place there. */
static uint32_t port_of(const uint32_t *first, uint32_t ports, uint32_t i, uint32_t *index) {
    uint32_t low = 0, high = ports;
    while (high - low > 1) {
        const uint32_t middle = low + (high - low) / 2;
        if (first[middle] <= i) {
            low = middle;
        } else {
            high = middle;
        }
    }
    *index = i - first[low];
    return low;
}

/* Slots of constants that stand in one (the others are operands of _N forms): behind the terms. */
static uint32_t *slot_of(wg_coder *coder, uint32_t term) {
    return is_constant(coder, term) ? &coder->slot[coder->program->count + term]
                                    : &coder->slot[term];
}

static uint32_t operand_slot(wg_coder *coder, uint32_t term) {
    uint32_t *slot = slot_of(coder, term);
    if (*slot == NEVER) {
        wg_step step = {.code = WG_STEP_FILL};
        step.out = *slot = take_slot(coder);
        if (is_constant(coder, term)) {
            step.c = constant_of(coder, term);
        } else {
            step.code = WG_STEP_LOAD;
            step.b = port_of(coder->ports->in_first, coder->ports->ins, term_at(coder, term)->at[0],
                             &step.a);
        }
        emit(coder, step);
    }
    return *slot;
}

static void store(wg_coder *coder, uint32_t term) {
    for (uint32_t k = coder->first_store[term]; k != 0; k = coder->next_store[k - 1]) {
        wg_step step = {.code = WG_STEP_STORE, .c = *slot_of(coder, term)};
        step.b = port_of(coder->ports->out_first, coder->ports->outs, k - 1, &step.a);
        emit(coder, step);
    }
}

/* Gives back the slots of operands that this was the last use of. */
static void release(wg_coder *coder, const wg_draft *draft, uint32_t position) {
    for (int k = 0; k < 3; k++) {
        const uint32_t at = draft->at[k];
        bool again = false;
        for (int other = 0; other < k; other++) {
            again = again || draft->at[other] == at;
        }
        if (at == NEVER || again) {
            continue;
        }
        const bool by_far = !wg_term_is_rule(term_at(coder, at)) && draft->next[k] != NEVER &&
                            draft->next[k] - position > WG_FAR;
        if (draft->next[k] == NEVER || by_far) {
            give_slot(coder, *slot_of(coder, at));
            *slot_of(coder, at) = NEVER;
        }
    }
}

static void emit_draft(wg_coder *coder, uint32_t position) {
    const wg_draft *draft = &coder->draft[position];
    uint32_t slot[3] = {0, 0, 0};
    for (int k = 0; k < 3; k++) {
        slot[k] = draft->at[k] != NEVER ? operand_slot(coder, draft->at[k]) : 0;
    }
    wg_step step = {.code = draft->code, .rule = draft->rule, 0, slot[0], slot[1], slot[2]};
    if (draft->constant != NEVER) {
        step.c = constant_of(coder, draft->constant);
    }
    step.out = take_slot(coder); /* before operands go: a step never writes over what it reads */
    coder->slot[draft->out] = step.out;
    emit(coder, step);
    store(coder, draft->out);
    release(coder, draft, position);
    if (coder->uses[draft->out] == NEVER) {
        give_slot(coder, step.out);
    }
    coder->code->costly += draft->code == WG_STEP_RULE || draft->code == WG_STEP_DIV ? 1 : 0;
}

static void emit_all(wg_coder *coder) {
    const wg_program *p = coder->program;
    for (uint32_t i = 0; i < coder->drafts && !coder->failed; i++) {
        emit_draft(coder, i);
    }
    /* Outputs that are inputs or constants. */
    for (uint32_t i = 0; i < p->count && !coder->failed; i++) {
        if (coder->first_store[i] != 0 && !wg_term_is_rule(&p->term[i])) {
            (void)operand_slot(coder, i);
            store(coder, i);
            give_slot(coder, *slot_of(coder, i));
            *slot_of(coder, i) = NEVER;
        }
    }
    coder->code->fused = (uint32_t)wg_program_operations(p) - coder->drafts;
}

void wg_code_free(wg_code *code) {
    if (code != NULL) {
        wg_free(code->step);
        wg_free(code->constant);
        wg_free(code);
    }
}

static bool lay_out(wg_coder *coder) {
    const wg_program *p = coder->program;
    const size_t count = (size_t)p->count + 1;
    coder->code = wg_calloc(1, sizeof *coder->code);
    coder->draft = wg_alloc(count * sizeof *coder->draft);
    coder->uses = wg_calloc(count, sizeof *coder->uses);
    coder->absorbed = wg_calloc(count, 1);
    coder->slot = wg_alloc(2 * count * sizeof *coder->slot);
    coder->first_store = wg_calloc(count, sizeof *coder->first_store);
    coder->next_store = wg_calloc((size_t)p->outputs + 1, sizeof *coder->next_store);
    coder->free_slot = wg_calloc(2 * count, sizeof *coder->free_slot);
    if (coder->code == NULL || coder->draft == NULL || coder->uses == NULL ||
        coder->absorbed == NULL || coder->slot == NULL || coder->first_store == NULL ||
        coder->next_store == NULL || coder->free_slot == NULL) {
        return false;
    }
    memset(coder->slot, 0xff, 2 * count * sizeof *coder->slot);
    for (uint32_t k = p->outputs; k-- > 0;) {
        coder->next_store[k] = coder->first_store[p->output[k]];
        coder->first_store[p->output[k]] = k + 1;
    }
    coder->code->constant = wg_calloc(count, sizeof *coder->code->constant);
    return coder->code->constant != NULL;
}

wg_code *wg_code_new(const wg_program *program, const wg_ports *ports, bool relaxed,
                     const char *name) {
    wg_coder coder = {.program = program, .ports = ports, .relaxed = relaxed};
    if (lay_out(&coder)) {
        draft_all(&coder);
        emit_all(&coder);
    } else {
        coder.failed = true;
    }
    wg_free(coder.draft);
    wg_free(coder.uses);
    wg_free(coder.absorbed);
    wg_free(coder.slot);
    wg_free(coder.first_store);
    wg_free(coder.next_store);
    wg_free(coder.free_slot);
    if (coder.failed) {
        wg_code_free(coder.code);
        (void)wg_fail(WG_ERROR_MEMORY, "%s: no memory for the code of %u terms", name,
                      program->count);
        return NULL;
    }
    return coder.code;
}
