/* derived.c: functions made of functions: derivatives that can be derived again. */
#include "function/function.h"

#include <stdint.h>

/* Outputs [first, …) of `program` as a function; term input[i] of the builder is its input i. Ends
 * the builder. NULL and wg_last_message on failure. */
static wg_function *finish(wg_builder *b, const wg_program *program, const uint32_t *input,
                           uint32_t first, const char *name) {
    const uint32_t outputs = program->outputs - first;
    const bool relaxed = b->relaxed;
    uint32_t *map = wg_calloc((size_t)program->count + 1, sizeof *map);
    uint32_t *output = wg_calloc((size_t)outputs + 1, sizeof *output);
    if (map == NULL || output == NULL) {
        b->status = WG_ERROR_MEMORY;
    }
    if (b->status == WG_OK) {
        wg_build_copy(b, program, input, map);
        for (uint32_t k = 0; k < outputs; k++) {
            output[k] = map[program->output[first + k]];
        }
    }
    wg_program *value = wg_build_finish(b, outputs, output, name);
    wg_free(map);
    wg_free(output);
    const wg_function_report report = {0};
    return value == NULL ? NULL : wg_function_make(value, NULL, NULL, relaxed, &report);
}

static const wg_function *publish(_Atomic(wg_function *) *place, wg_function *fresh) {
    wg_function *other = NULL;
    if (fresh == NULL || atomic_compare_exchange_strong(place, &other, fresh)) {
        return fresh;
    }
    wg_function_free(fresh); /* another thread was first */
    return other;
}

static uint32_t *new_inputs(wg_builder *b, uint32_t count) {
    uint32_t *input = wg_calloc((size_t)count + 1, sizeof *input);
    if (input == NULL) {
        b->status = WG_ERROR_MEMORY;
    }
    return input;
}

const wg_function *wg_function_derived(const wg_function *fn) {
    wg_function *own = (wg_function *)(uintptr_t)fn; /* the caches alone change */
    const wg_function *known = atomic_load(&own->derived);
    const wg_program *vjp = known == NULL ? wg_function_program(fn, WG_MODE_vjp) : NULL;
    if (vjp == NULL) {
        return known;
    }
    wg_builder b;
    wg_build_begin(&b, vjp->inputs, fn->relaxed);
    uint32_t *input = new_inputs(&b, vjp->inputs);
    for (uint32_t i = 0; i < vjp->inputs && input != NULL; i++) {
        input[i] = i;
    }
    wg_function *fresh = finish(&b, vjp, input, fn->value->outputs, "function_derived");
    wg_free(input);
    return publish(&own->derived, fresh);
}

const wg_function *wg_function_tangent_step(const wg_function *fn, bool counted) {
    wg_function *own = (wg_function *)(uintptr_t)fn;
    _Atomic(wg_function *) *place = &own->tangent_step[counted ? 1 : 0];
    const wg_function *known = atomic_load(place);
    const wg_program *jvp = known == NULL ? wg_function_program(fn, WG_MODE_jvp) : NULL;
    if (jvp == NULL) {
        return known;
    }
    const uint32_t n = fn->value->outputs, inputs = fn->value->inputs;
    const uint32_t index = counted ? 1 : 0, p = inputs - n - index;
    wg_builder b;
    wg_build_begin(&b, 2 * (n + p) + index, fn->relaxed);
    uint32_t *input = new_inputs(&b, 2 * inputs);
    for (uint32_t i = 0; i < n + p && input != NULL; i++) {
        const uint32_t at = i < n ? i : n + i; /* behind the state's tangents */
        input[i] = at;
        input[inputs + i] = at + (i < n ? n : p);
    }
    if (counted && input != NULL) {
        input[inputs - 1] = 2 * (n + p);
        input[2 * inputs - 1] = wg_build_constant(&b, 0);
    }
    wg_function *fresh = finish(&b, jvp, input, 0, "function_tangent_step");
    wg_free(input);
    return publish(place, fresh);
}
