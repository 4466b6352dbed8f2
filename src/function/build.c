/* build.c: programs as they grow: equal terms become one, what nothing needs goes. */
#include "function/program.h"

#include <string.h>

void wg_program_free(wg_program *program) {
    if (program != NULL) {
        wg_free(program->term);
        wg_free(program->output);
        wg_free(program);
    }
}

double wg_term_number(const wg_term *term) {
    const uint64_t bits = (uint64_t)term->at[1] << 32 | term->at[0];
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

int64_t wg_program_operations(const wg_program *program) {
    int64_t count = 0;
    for (uint32_t i = program->inputs; i < program->count; i++) {
        count += wg_term_is_rule(&program->term[i]) ? 1 : 0;
    }
    return count;
}

static void fail(wg_builder *b, wg_status status) {
    b->status = b->status == WG_OK ? status : b->status;
}

static uint32_t hash_of(const wg_term *term) {
    uint64_t h = term->code * 0x9e3779b97f4a7c15u;
    for (int k = 0; k < 3; k++) {
        h = (h ^ term->at[k]) * 0xff51afd7ed558ccdu;
        h ^= h >> 32;
    }
    return (uint32_t)h;
}

static bool same(const wg_term *a, const wg_term *b) {
    return a->code == b->code && a->at[0] == b->at[0] && a->at[1] == b->at[1] &&
           a->at[2] == b->at[2];
}

/* Where the term stands in the table, or where it would go. */
static uint32_t *place_of(const wg_builder *b, const wg_term *term) {
    uint32_t i = hash_of(term) & b->table_mask;
    while (b->table[i] != 0 && !same(&b->term[b->table[i] - 1], term)) {
        i = (i + 1) & b->table_mask;
    }
    return &b->table[i];
}

/* Room for one more term and its entry; the table stays at most half full. */
static bool room(wg_builder *b) {
    if (b->count < b->capacity) {
        return true;
    }
    if (b->count >= WG_MOST_TERMS) {
        fail(b, WG_ERROR_LIMIT);
        return false;
    }
    const uint32_t capacity = b->capacity < 512 ? 512 : b->capacity * 2;
    wg_term *term = wg_realloc(b->term, (size_t)capacity * sizeof *term);
    b->term = term != NULL ? term : b->term;
    uint32_t *table = term != NULL ? wg_calloc(2 * (size_t)capacity, sizeof *table) : NULL;
    if (table == NULL) {
        fail(b, WG_ERROR_MEMORY);
        return false;
    }
    wg_free(b->table);
    b->table = table;
    b->table_mask = 2 * capacity - 1;
    b->capacity = capacity;
    for (uint32_t i = 0; i < b->count; i++) {
        *place_of(b, &b->term[i]) = i + 1;
    }
    return true;
}

/* The term, found or appended. */
static uint32_t put(wg_builder *b, wg_term term) {
    if (b->status != WG_OK || !room(b)) {
        return 0;
    }
    uint32_t *place = place_of(b, &term);
    if (*place != 0) {
        b->common += term.code < WG_RULE_COUNT ? 1 : 0;
        return *place - 1;
    }
    b->term[b->count] = term;
    *place = ++b->count;
    return b->count - 1;
}

void wg_build_begin(wg_builder *b, uint32_t inputs, bool relaxed) {
    memset(b, 0, sizeof *b);
    b->inputs = inputs;
    b->relaxed = relaxed;
    for (uint32_t i = 0; i < inputs; i++) {
        (void)put(b, (wg_term){WG_TERM_INPUT, {i, 0, 0}});
    }
}

uint32_t wg_build_constant(wg_builder *b, double number) {
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return put(b, (wg_term){WG_TERM_CONSTANT, {(uint32_t)bits, (uint32_t)(bits >> 32), 0}});
}

bool wg_build_is_number(const wg_builder *b, uint32_t term, double number) {
    return b->status == WG_OK && b->term[term].code == WG_TERM_CONSTANT &&
           wg_term_number(&b->term[term]) == number;
}

uint32_t wg_build_rule(wg_builder *b, wg_rule_index rule, uint32_t x, uint32_t y, uint32_t z) {
    const int arity = wg_rule_infos[rule].arity;
    uint32_t at[3] = {x, arity > 1 ? y : 0, arity > 2 ? z : 0};
    if (b->status != WG_OK) {
        return 0;
    }
    const uint32_t simpler = wg_simplify(b, rule, at);
    if (simpler != WG_NO_TERM || b->status != WG_OK) {
        return b->status == WG_OK ? simpler : 0;
    }
    /* Sums and products are the same either way round. */
    if ((rule == WG_RULE_add || rule == WG_RULE_mul) && at[0] > at[1]) {
        const uint32_t first = at[0];
        at[0] = at[1];
        at[1] = first;
    }
    return put(b, (wg_term){rule, {at[0], at[1], at[2]}});
}

uint32_t wg_build_again(wg_builder *b, const wg_term *term, const uint32_t *input,
                        const uint32_t *map) {
    if (wg_term_is_rule(term)) {
        return wg_build_rule(b, (wg_rule_index)term->code, map[term->at[0]], map[term->at[1]],
                             map[term->at[2]]);
    }
    return term->code == WG_TERM_INPUT ? input[term->at[0]] : put(b, *term);
}

void wg_build_copy(wg_builder *b, const wg_program *program, const uint32_t *input, uint32_t *map) {
    for (uint32_t i = 0; i < program->count && b->status == WG_OK; i++) {
        map[i] = wg_build_again(b, &program->term[i], input, map);
    }
}

void wg_build_abandon(wg_builder *b) {
    wg_free(b->term);
    wg_free(b->table);
    b->term = NULL;
    b->table = NULL;
}

/* needed[i] for all terms that the outputs are made of. */
static void mark(const wg_builder *b, uint32_t outputs, const uint32_t *output, uint8_t *needed) {
    for (uint32_t k = 0; k < outputs; k++) {
        needed[output[k]] = 1;
    }
    for (uint32_t i = b->count; i-- > b->inputs;) {
        const wg_term *term = &b->term[i];
        const int arity = needed[i] != 0 ? wg_term_arity(term) : 0;
        for (int k = 0; k < arity; k++) {
            needed[term->at[k]] = 1;
        }
    }
}

static bool keep_needed(wg_builder *b, wg_program *program, const uint8_t *needed, uint32_t *map) {
    uint32_t count = b->inputs;
    for (uint32_t i = b->inputs; i < b->count; i++) {
        count += needed[i];
    }
    program->term = wg_calloc((size_t)count + 1, sizeof *program->term);
    if (program->term == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < b->count; i++) {
        if (i >= b->inputs && needed[i] == 0) {
            b->dead += wg_term_is_rule(&b->term[i]) ? 1 : 0;
            continue;
        }
        wg_term term = b->term[i];
        const int arity = wg_term_arity(&term);
        for (int k = 0; k < arity; k++) {
            term.at[k] = map[term.at[k]];
        }
        map[i] = program->count;
        program->term[program->count++] = term;
    }
    return true;
}

wg_program *wg_build_finish(wg_builder *b, uint32_t outputs, const uint32_t *output,
                            const char *name) {
    wg_program *program = NULL;
    uint8_t *needed = NULL;
    uint32_t *map = NULL;
    if (b->status == WG_OK) {
        program = wg_calloc(1, sizeof *program);
        needed = wg_calloc((size_t)b->count + 1, 1);
        map = wg_calloc((size_t)b->count + 1, sizeof *map);
        bool ready = program != NULL && needed != NULL && map != NULL;
        if (ready) {
            program->inputs = b->inputs;
            program->outputs = outputs;
            program->output = wg_calloc((size_t)outputs + 1, sizeof *program->output);
            mark(b, outputs, output, needed);
            ready = program->output != NULL && keep_needed(b, program, needed, map);
        }
        for (uint32_t k = 0; k < outputs && ready; k++) {
            program->output[k] = map[output[k]];
        }
        if (!ready || !wg_program_schedule(program)) {
            fail(b, WG_ERROR_MEMORY);
        }
    }
    if (b->status != WG_OK) {
        wg_program_free(program);
        program = NULL;
        (void)wg_fail(b->status,
                      b->status == WG_ERROR_MEMORY ? "%s: no memory for a program of %u terms"
                                                   : "%s: the program has more than %u terms",
                      name, b->count);
    }
    wg_free(needed);
    wg_free(map);
    wg_build_abandon(b);
    return program;
}

wg_program *wg_program_pick(const wg_program *whole, uint32_t count, const uint32_t *which,
                            bool relaxed, const char *name) {
    wg_builder b;
    wg_build_begin(&b, whole->inputs, relaxed);
    uint32_t *map = wg_calloc((size_t)whole->count + 1, sizeof *map);
    uint32_t *output = wg_calloc((size_t)count + 1, sizeof *output);
    if (map == NULL || output == NULL) {
        b.status = WG_ERROR_MEMORY;
    }
    if (b.status == WG_OK) {
        for (uint32_t i = 0; i < whole->inputs; i++) {
            map[i] = i;
        }
        wg_build_copy(&b, whole, map, map);
        for (uint32_t k = 0; k < count; k++) {
            output[k] = map[whole->output[which[k]]];
        }
    }
    wg_program *part = wg_build_finish(&b, count, output, name);
    wg_free(map);
    wg_free(output);
    return part;
}
