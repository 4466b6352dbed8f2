/* map_code.c: what a function keeps for wg_map: its derivative as a program, code for the gradients
 * that were wanted, and the functions that sweeps over sweeps map. */
#include "function/map.h"

/* Programs of more terms than this gain little where the sweep reads their result. */
#define WG_MOST_TO_COMPARE 256

/* ---- What a function keeps ------------------------------------------------------------------- */

typedef struct wg_map_part {
    wg_map_wanted wanted;
    wg_code *code;
    struct wg_map_part *next;
} wg_map_part;

struct wg_map_cache {
    _Atomic(wg_map_part *) first;
    _Atomic(wg_map_gradient *) gradient;
    uint32_t inputs;
    _Atomic(wg_function *) derivative[]; /* by operand */
};

static void free_gradient(wg_map_gradient *gradient) {
    if (gradient != NULL) {
        wg_program_free(gradient->program);
        wg_free(gradient);
    }
}

void wg_map_cache_free(wg_map_cache *cache) {
    if (cache == NULL) {
        return;
    }
    free_gradient(atomic_load(&cache->gradient));
    wg_map_part *part = atomic_load(&cache->first);
    while (part != NULL) {
        wg_map_part *next = part->next;
        wg_code_free(part->code);
        wg_free(part);
        part = next;
    }
    for (uint32_t i = 0; i < cache->inputs; i++) { /* as deep as sweeps over sweeps went */
        wg_function_free(atomic_load(&cache->derivative[i]));
    }
    wg_free(cache);
}

/* The cache with room for a derivative each operand; NULL where memory ran out. */
static wg_map_cache *cache_of(const wg_function *fn) {
    wg_function *own = (wg_function *)(uintptr_t)fn; /* the caches alone change */
    wg_map_cache *cache = atomic_load(&own->map);
    if (cache == NULL) {
        const size_t n = fn->value->inputs;
        wg_map_cache *fresh = wg_calloc(1, sizeof *fresh + n * sizeof fresh->derivative[0]);
        if (fresh == NULL) {
            (void)wg_fail(WG_ERROR_MEMORY, "map: no memory for a function of %zu inputs", n);
            return NULL;
        }
        fresh->inputs = fn->value->inputs;
        if (atomic_compare_exchange_strong(&own->map, &cache, fresh)) {
            return fresh;
        }
        wg_free(fresh); /* another thread was first */
    }
    return cache;
}

/* ports[k] = k: one port each. */
static wg_code *code_one_each(const wg_program *program, bool relaxed) {
    const uint32_t most = program->inputs > program->outputs ? program->inputs : program->outputs;
    uint32_t *first = wg_calloc((size_t)most + 1, sizeof *first);
    wg_code *code = NULL;
    if (first != NULL) {
        for (uint32_t i = 0; i < most; i++) {
            first[i] = i;
        }
        const wg_ports ports = {program->inputs, program->outputs, first, first};
        code = wg_code_new(program, &ports, relaxed, "map");
    } else {
        (void)wg_fail(WG_ERROR_MEMORY, "map: no memory for %u operands", most);
    }
    wg_free(first);
    return code;
}

/* ---- The derivative -------------------------------------------------------------------------- */

/* The operands' derivatives times g out of the vector-Jacobian product's program, with the value y
 * computed anew, or read as input n + 1. */
static wg_program *gradient_program(const wg_program *vjp, uint32_t n, bool by_result,
                                    bool relaxed) {
    const uint32_t y = vjp->output[0];
    wg_builder b;
    wg_build_begin(&b, n + 1 + (by_result ? 1 : 0), relaxed);
    uint32_t *map = wg_calloc((size_t)vjp->count + 1, sizeof *map);
    uint32_t *output = wg_calloc((size_t)n + 1, sizeof *output);
    if (map == NULL || output == NULL) {
        b.status = WG_ERROR_MEMORY;
    }
    for (uint32_t i = 0; i < vjp->count && b.status == WG_OK; i++) {
        const wg_term *term = &vjp->term[i];
        if (by_result && i == y) {
            map[i] = n + 1;
        } else if (term->code == WG_TERM_INPUT) {
            map[i] = term->at[0];
        } else if (term->code == WG_TERM_CONSTANT) {
            map[i] = wg_build_constant(&b, wg_term_number(term));
        } else {
            map[i] = wg_build_rule(&b, (wg_rule_index)term->code, map[term->at[0]],
                                   map[term->at[1]], map[term->at[2]]);
        }
    }
    for (uint32_t i = 0; i < n && b.status == WG_OK; i++) {
        output[i] = map[vjp->output[1 + i]];
    }
    wg_program *program = wg_build_finish(&b, n, output, "map");
    wg_free(map);
    wg_free(output);
    return program;
}

/* Steps that call functions or divide; UINT32_MAX where memory ran out. */
static uint32_t cost_of(const wg_program *program, bool relaxed) {
    wg_code *code = program != NULL ? code_one_each(program, relaxed) : NULL;
    const uint32_t cost = code != NULL ? code->costly : UINT32_MAX;
    wg_code_free(code);
    return cost;
}

/* Whether reading the result spares the sweep a function call or a division, as in tanh, exp and
 * sigmoid. That one more array is read does not pay for less. */
static bool make_gradient(const wg_function *fn, wg_map_gradient *to) {
    const wg_program *vjp = wg_function_program(fn, WG_MODE_vjp);
    const uint32_t n = fn->value->inputs;
    if (vjp == NULL) {
        return false;
    }
    to->program = gradient_program(vjp, n, false, fn->relaxed);
    if (to->program == NULL || vjp->count > WG_MOST_TO_COMPARE ||
        !wg_term_is_rule(&vjp->term[vjp->output[0]])) {
        return to->program != NULL;
    }
    wg_program *other = gradient_program(vjp, n, true, fn->relaxed);
    const uint32_t here = cost_of(to->program, fn->relaxed), there = cost_of(other, fn->relaxed);
    if (there < here && here != UINT32_MAX) {
        wg_program_free(to->program);
        to->program = other;
        to->by_result = true;
        return true;
    }
    wg_program_free(other);
    return here != UINT32_MAX && there != UINT32_MAX;
}

const wg_map_gradient *wg_map_gradient_of(const wg_function *fn) {
    wg_map_cache *cache = cache_of(fn);
    wg_map_gradient *gradient = cache != NULL ? atomic_load(&cache->gradient) : NULL;
    if (cache == NULL || gradient != NULL) {
        return gradient;
    }
    wg_map_gradient *fresh = wg_calloc(1, sizeof *fresh);
    if (fresh == NULL || !make_gradient(fn, fresh)) {
        free_gradient(fresh);
        return NULL;
    }
    if (!atomic_compare_exchange_strong(&cache->gradient, &gradient, fresh)) {
        free_gradient(fresh); /* another thread was first */
        return gradient;
    }
    return fresh;
}

bool wg_map_moves(const wg_map_gradient *gradient, uint32_t i) {
    const wg_term *term = &gradient->program->term[gradient->program->output[i]];
    return term->code != WG_TERM_CONSTANT || wg_term_number(term) != 0;
}

static wg_code *gradient_code(const wg_function *fn, wg_map_wanted wanted) {
    const wg_map_gradient *gradient = wg_map_gradient_of(fn);
    const uint32_t n = fn->value->inputs;
    uint32_t *which = gradient != NULL ? wg_calloc((size_t)n + 1, sizeof *which) : NULL;
    if (which == NULL) {
        return NULL;
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (n > WG_MAP_BITS || (wanted >> i & 1) != 0) {
            which[count++] = i;
        }
    }
    wg_program *part = wg_program_pick(gradient->program, count, which, fn->relaxed, "map");
    wg_code *code = part != NULL ? code_one_each(part, fn->relaxed) : NULL;
    wg_program_free(part);
    wg_free(which);
    return code;
}

/* ---- At first use ---------------------------------------------------------------------------- */

const wg_code *wg_map_code(const wg_function *fn, wg_map_wanted wanted) {
    wg_map_cache *cache = cache_of(fn);
    if (cache == NULL) {
        return NULL;
    }
    for (const wg_map_part *part = atomic_load(&cache->first); part != NULL; part = part->next) {
        if (part->wanted == wanted) {
            return part->code;
        }
    }
    /* Two threads may both make it: the list then has it twice, which does no harm. */
    wg_map_part *fresh = wg_calloc(1, sizeof *fresh);
    wg_code *code = fresh == NULL            ? NULL
                    : wanted == WG_MAP_VALUE ? code_one_each(fn->value, fn->relaxed)
                                             : gradient_code(fn, wanted);
    if (code == NULL) {
        wg_free(fresh);
        return NULL;
    }
    fresh->wanted = wanted;
    fresh->code = code;
    fresh->next = atomic_load(&cache->first);
    while (!atomic_compare_exchange_weak(&cache->first, &fresh->next, fresh)) {
    }
    return code;
}

const wg_function *wg_map_derivative(const wg_function *fn, uint32_t i) {
    wg_map_cache *cache = cache_of(fn);
    wg_function *derivative = cache != NULL ? atomic_load(&cache->derivative[i]) : NULL;
    if (cache == NULL || derivative != NULL) {
        return derivative;
    }
    const wg_map_gradient *gradient = wg_map_gradient_of(fn);
    wg_program *program =
        gradient != NULL ? wg_program_pick(gradient->program, 1, &i, fn->relaxed, "map") : NULL;
    const wg_function_report report = {0};
    wg_function *fresh =
        program != NULL ? wg_function_make(program, NULL, NULL, fn->relaxed, &report) : NULL;
    if (fresh == NULL ||
        atomic_compare_exchange_strong(&cache->derivative[i], &derivative, fresh)) {
        return fresh;
    }
    wg_function_free(fresh);
    return derivative;
}
