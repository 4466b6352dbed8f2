/* map.c: a recorded function as an elementwise operation: its checks, its forward pass, and the
 * code that a function keeps for it. */
#include "function/map.h"
#include "tape/tape.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- What a function keeps ------------------------------------------------------------------- */

typedef struct wg_map_part {
    wg_map_wanted wanted;
    wg_code *code;
    struct wg_map_part *next;
} wg_map_part;

struct wg_map_cache {
    _Atomic(wg_map_part *) first;
    uint32_t inputs;
    _Atomic(wg_function *) derivative[]; /* by operand */
};

void wg_map_cache_free(wg_map_cache *cache) {
    if (cache == NULL) {
        return;
    }
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

static wg_code *gradient_code(const wg_function *fn, wg_map_wanted wanted) {
    const wg_program *vjp = wg_function_program(fn, WG_MODE_vjp);
    const uint32_t n = fn->value->inputs;
    uint32_t *which = vjp != NULL ? wg_calloc((size_t)n + 1, sizeof *which) : NULL;
    if (which == NULL) {
        return NULL;
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (n > WG_MAP_BITS || (wanted >> i & 1) != 0) {
            which[count++] = 1 + i;
        }
    }
    wg_program *part = wg_program_pick(vjp, count, which, fn->relaxed, "map");
    wg_code *code = part != NULL ? code_one_each(part, fn->relaxed) : NULL;
    wg_program_free(part);
    wg_free(which);
    return code;
}

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

bool wg_map_moves(const wg_program *vjp, uint32_t i) {
    const wg_term *term = &vjp->term[vjp->output[1 + i]];
    return term->code != WG_TERM_CONSTANT || wg_term_number(term) != 0;
}

const wg_function *wg_map_derivative(const wg_function *fn, uint32_t i) {
    wg_map_cache *cache = cache_of(fn);
    wg_function *derivative = cache != NULL ? atomic_load(&cache->derivative[i]) : NULL;
    if (cache == NULL || derivative != NULL) {
        return derivative;
    }
    const wg_program *vjp = wg_function_program(fn, WG_MODE_vjp);
    const uint32_t which = 1 + i;
    wg_program *program = vjp != NULL ? wg_program_pick(vjp, 1, &which, fn->relaxed, "map") : NULL;
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

/* ---- The operation --------------------------------------------------------------------------- */

static wg_status map_shape(wg_call *call) {
    return wg_call_broadcast(call);
}

static wg_status map_forward(wg_call *call) {
    const wg_map_state *state = wg_call_state(call);
    const wg_view *out = wg_call_out(call);
    const wg_code *code = wg_map_code(state->fn, WG_MAP_VALUE);
    const int count = wg_call_count(call);
    wg_map_in *in = wg_call_scratch(call, (size_t)count * sizeof *in);
    if (code == NULL || in == NULL) {
        return wg_call_fail(call, WG_ERROR_MEMORY, "no memory for the code of %d operands", count);
    }
    for (int i = 0; i < count; i++) {
        in[i] = wg_map_in_of(wg_call_operand(call, i), out);
    }
    wg_map_out to = {.how = WG_MAP_STORE, .to = out->data};
    wg_map_run run = {code, out->dtype, wg_view_count(out), count, 1, in, &to, .lanes = 0};
    void *memory = run.count > 0 ? wg_call_scratch(call, wg_map_plan(&run)) : NULL;
    if (memory == NULL) {
        return run.count > 0 ? WG_ERROR_MEMORY : WG_OK;
    }
    wg_map_run_all(&run, memory);
    return WG_OK;
}

static bool map_samples(int index, wg_sample *sample) {
    (void)index, (void)sample;
    return false; /* they take a function, which a table cannot hold: the tests bring their own */
}

const wg_op wg_op_map = {.name = "map",
                         .shape = map_shape,
                         .forward = map_forward,
                         .chain = wg_map_chain,
                         .samples = map_samples,
                         .reads = WG_READS_OPERANDS,
                         .flags = WG_OP_FLOATS};

/* ---- Among numbers and scalars --------------------------------------------------------------- */

static wg_var verb(uint32_t rule, wg_var x, wg_var y, wg_var z, const char *site) {
    switch (rule) {
#define WG_VERB_OF_U(name, ...)                                                                    \
    case WG_RULE_##name:                                                                           \
        return wg_##name##_at(x, site);
#define WG_VERB_OF_B(name, ...)                                                                    \
    case WG_RULE_##name:                                                                           \
        return wg_##name##_at(x, y, site);
#define WG_VERB_OF_T(name, ...)                                                                    \
    case WG_RULE_##name:                                                                           \
        return wg_##name##_at(x, y, z, site);
        WG_RULES_ARITHMETIC(WG_VERB_OF_B)
        WG_RULES_UNARY(WG_VERB_OF_U)
        WG_RULES_BINARY(WG_VERB_OF_B)
        WG_RULES_TERNARY(WG_VERB_OF_T)
    default:
        return wg_number((double)NAN);
    }
}

/* The function's terms, one by one; term[] has room for all. */
static wg_var map_scalars(const wg_function *fn, const wg_var *operands, wg_var *var,
                          const char *site) {
    const wg_program *p = fn->value;
    for (uint32_t i = 0; i < p->count; i++) {
        const wg_term *term = &p->term[i];
        if (term->code == WG_TERM_INPUT) {
            var[i] = operands[term->at[0]];
        } else if (term->code == WG_TERM_CONSTANT) {
            var[i] = wg_number(wg_term_number(term));
        } else {
            var[i] = verb(term->code, var[term->at[0]], var[term->at[1]], var[term->at[2]], site);
        }
    }
    return var[p->output[0]];
}

static wg_var map_without_arrays(wg_tape *tape, const wg_function *fn, const wg_var *operands,
                                 const char *site) {
    const size_t bytes = (size_t)fn->value->count * sizeof(wg_var);
    if (tape != NULL) {
        wg_block *block = wg_pool_take(&tape->pool, bytes);
        if (block == NULL) {
            wg_tape_fail(tape, WG_ERROR_MEMORY, "map", site, "no memory for %u operations",
                         fn->value->count);
            return wg_poison(tape);
        }
        const wg_var y = map_scalars(fn, operands, wg_block_data(block), site);
        wg_pool_drop(&tape->pool, block);
        return tape->status == WG_OK ? y : wg_poison(tape);
    }
    wg_var *memory = wg_alloc(bytes);
    if (memory == NULL) {
        (void)wg_fail(WG_ERROR_MEMORY, "map: no memory for %u operations", fn->value->count);
        return wg_number((double)NAN);
    }
    const wg_var y = map_scalars(fn, operands, memory, site);
    wg_free(memory);
    return y;
}

/* ---- The verb -------------------------------------------------------------------------------- */

/* "[3, 4], a number, []": as many as the text has room for. */
static void operands_text(int count, const wg_var *operands, char *text, size_t bytes) {
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < count && used + 1 < bytes; i++) {
        char shape[192] = "a number";
        if (operands[i].tape != NULL) {
            const wg_view view = wg_view_of(operands[i]);
            (void)wg_shape_text(view.rank, view.shape, shape, sizeof shape);
        }
        const int more = snprintf(text + used, bytes - used, "%s%s", i > 0 ? ", " : "", shape);
        used += more > 0 ? (size_t)more : 0;
    }
}

/* Why fn cannot take these operands; noted on the tape, or for wg_last_message without one. */
static bool refused(wg_tape *tape, const wg_function *fn, int count, const wg_var *operands,
                    const char *site) {
    char message[320], shapes[192];
    if (fn == NULL) {
        (void)snprintf(message, sizeof message, "the function is NULL");
    } else if (fn->value->outputs != 1) {
        (void)snprintf(message, sizeof message,
                       "the function has %u outputs; one is what a map needs", fn->value->outputs);
    } else if (count < 0 || (uint32_t)count != fn->value->inputs) {
        operands_text(count, operands, shapes, sizeof shapes);
        (void)snprintf(message, sizeof message,
                       "the function has %u inputs, and here are %d operands: %s",
                       fn->value->inputs, count, shapes);
    } else {
        return false;
    }
    if (tape != NULL) {
        wg_tape_fail(tape, WG_ERROR_ARGUMENT, "map", site, "%s", message);
    } else {
        (void)wg_fail(WG_ERROR_ARGUMENT, "map: %s (%s)", message,
                      site != NULL ? site : "no call site");
    }
    return true;
}

wg_var wg_map_at(const wg_function *fn, int count, const wg_var *operands, const char *site) {
    wg_tape *tape = NULL;
    bool arrays = false;
    for (int i = 0; i < count; i++) {
        tape = tape != NULL ? tape : operands[i].tape;
        arrays = arrays || wg_var_is_array(operands[i]);
    }
    if (tape != NULL && tape->status != WG_OK) {
        return wg_poison(tape);
    }
    for (int i = 0; i < count && tape != NULL; i++) {
        if (wg_var_refused(tape, operands[i], i, "map", site)) {
            return wg_poison(tape);
        }
    }
    if (refused(tape, fn, count, operands, site)) {
        return tape != NULL ? wg_poison(tape) : wg_number((double)NAN);
    }
    if (!arrays) {
        return map_without_arrays(tape, fn, operands, site);
    }
    const wg_map_state state = {fn};
    return wg_apply(&wg_op_map, count, operands, &state, sizeof state, site);
}
