/* code.c: slots are given out and taken back, inputs loaded at first use, results stored as soon as
 * they are there. */
#include "function/draft.h"

#include <string.h>

/* An input or a constant whose next use is this many steps away gives its slot back: to load it
 * again costs no more than to keep a cache line that long. */
#define WG_FAR 256

typedef struct wg_coder {
    const wg_program *program;
    const wg_ports *ports;
    wg_drafts drafts;
    uint32_t (*next)[3]; /* by draft: the one that uses the operand next */
    uint32_t *first_use; /* by term */
    uint32_t *slot;      /* by term; WG_NEVER where it has none */
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

static void find_next_uses(wg_coder *coder) {
    memset(coder->first_use, 0xff, (size_t)coder->program->count * sizeof *coder->first_use);
    for (uint32_t i = coder->drafts.count; i-- > 0;) {
        const wg_draft *draft = &coder->drafts.draft[i];
        for (int k = 0; k < 3; k++) {
            coder->next[i][k] =
                draft->at[k] != WG_NEVER ? coder->first_use[draft->at[k]] : WG_NEVER;
        }
        for (int k = 0; k < 3; k++) {
            if (draft->at[k] != WG_NEVER) {
                coder->first_use[draft->at[k]] = i;
            }
        }
    }
}

/* ---- Slots and steps ------------------------------------------------------------------------- */

static void emit(wg_coder *coder, wg_instruction step) {
    wg_code *code = coder->code;
    if (code->steps == coder->capacity) {
        const uint32_t capacity = coder->capacity < 64 ? 64 : coder->capacity * 2;
        wg_instruction *grown = capacity > coder->capacity /* else 2^32 steps */
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
    if (coder->slot[term] == WG_NEVER) {
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
    if (*slot == WG_NEVER) {
        wg_instruction step = {.code = WG_STEP_FILL};
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
    for (uint32_t k = coder->drafts.first_store[term]; k != 0;
         k = coder->drafts.next_store[k - 1]) {
        wg_instruction step = {.code = WG_STEP_STORE, .c = *slot_of(coder, term)};
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
        if (at == WG_NEVER || again) {
            continue;
        }
        const bool by_far = !wg_term_is_rule(term_at(coder, at)) &&
                            coder->next[position][k] != WG_NEVER &&
                            coder->next[position][k] - position > WG_FAR;
        if (coder->next[position][k] == WG_NEVER || by_far) {
            give_slot(coder, *slot_of(coder, at));
            *slot_of(coder, at) = WG_NEVER;
        }
    }
}

static void emit_draft(wg_coder *coder, uint32_t position) {
    const wg_draft *draft = &coder->drafts.draft[position];
    uint32_t slot[3] = {0, 0, 0};
    for (int k = 0; k < 3; k++) {
        slot[k] = draft->at[k] != WG_NEVER ? operand_slot(coder, draft->at[k]) : 0;
    }
    wg_instruction step = {.code = draft->code, .rule = draft->rule, 0, slot[0], slot[1], slot[2]};
    if (draft->constant != WG_NEVER) {
        step.c = constant_of(coder, draft->constant);
    }
    step.out = take_slot(coder); /* before operands go: a step never writes over what it reads */
    coder->slot[draft->out] = step.out;
    emit(coder, step);
    store(coder, draft->out);
    release(coder, draft, position);
    if (coder->first_use[draft->out] == WG_NEVER) {
        give_slot(coder, step.out);
    }
    coder->code->costly += draft->code == WG_STEP_RULE || draft->code == WG_STEP_DIV ? 1 : 0;
}

static void emit_all(wg_coder *coder) {
    const wg_program *p = coder->program;
    for (uint32_t i = 0; i < coder->drafts.count && !coder->failed; i++) {
        emit_draft(coder, i);
    }
    /* Outputs that are inputs or constants. */
    for (uint32_t i = 0; i < p->count && !coder->failed; i++) {
        if (coder->drafts.first_store[i] != 0 && !wg_term_is_rule(&p->term[i])) {
            (void)operand_slot(coder, i);
            store(coder, i);
            give_slot(coder, *slot_of(coder, i));
            *slot_of(coder, i) = WG_NEVER;
        }
    }
    coder->code->fused = (uint32_t)wg_program_operations(p) - coder->drafts.count;
}

void wg_code_free(wg_code *code) {
    if (code != NULL) {
        wg_free(code->step);
        wg_free(code->constant);
        wg_free(code->point);
        wg_free(code->in_first);
        wg_free(code->out_first);
        wg_free(code);
    }
}

/* The ports' firsts, and the end behind them. */
static uint32_t *firsts(const uint32_t *first, uint32_t ports, uint32_t end) {
    uint32_t *copy = wg_calloc((size_t)ports + 1, sizeof *copy);
    for (uint32_t k = 0; k < ports && copy != NULL; k++) {
        copy[k] = first[k];
    }
    if (copy != NULL) {
        copy[ports] = end;
    }
    return copy;
}

static bool lay_out(wg_coder *coder, bool relaxed) {
    const wg_program *p = coder->program;
    const size_t count = (size_t)p->count + 1;
    if (!wg_drafts_begin(&coder->drafts, p, relaxed)) {
        return false;
    }
    coder->code = wg_calloc(1, sizeof *coder->code);
    coder->next = wg_alloc(((size_t)coder->drafts.count + 1) * sizeof *coder->next);
    coder->first_use = wg_alloc(count * sizeof *coder->first_use);
    coder->slot = wg_alloc(2 * count * sizeof *coder->slot);
    coder->free_slot = wg_alloc(2 * count * sizeof *coder->free_slot);
    if (coder->code == NULL || coder->next == NULL || coder->first_use == NULL ||
        coder->slot == NULL || coder->free_slot == NULL) {
        return false;
    }
    memset(coder->slot, 0xff, 2 * count * sizeof *coder->slot);
    coder->code->constant = wg_calloc(count, sizeof *coder->code->constant);
    coder->code->ins = coder->ports->ins;
    coder->code->outs = coder->ports->outs;
    coder->code->in_first = firsts(coder->ports->in_first, coder->ports->ins, p->inputs);
    coder->code->out_first = firsts(coder->ports->out_first, coder->ports->outs, p->outputs);
    return coder->code->constant != NULL && coder->code->in_first != NULL &&
           coder->code->out_first != NULL;
}

wg_code *wg_code_new(const wg_program *program, const wg_ports *ports, bool relaxed,
                     const char *name) {
    wg_coder coder = {.program = program, .ports = ports};
    if (lay_out(&coder, relaxed)) {
        find_next_uses(&coder);
        emit_all(&coder);
        coder.failed = coder.failed || !wg_point_begin(coder.code);
    } else {
        coder.failed = true;
    }
    wg_drafts_end(&coder.drafts);
    wg_free(coder.next);
    wg_free(coder.first_use);
    wg_free(coder.slot);
    wg_free(coder.free_slot);
    if (coder.failed) {
        wg_code_free(coder.code);
        (void)wg_fail(WG_ERROR_MEMORY, "%s: no memory for the code of %u terms", name,
                      program->count);
        return NULL;
    }
    return coder.code;
}
