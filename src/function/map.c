/* map.c: a recorded function as an elementwise operation: its checks and its forward pass. */
#include "function/map.h"
#include "tape/tape.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

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

#define WG_MAP_OP(read)                                                                            \
    {                                                                                              \
        .name = "map", .shape = map_shape, .forward = map_forward, .chain = wg_map_chain,          \
        .samples = map_samples, .reads = read, .flags = WG_OP_FLOATS                               \
    }
static const wg_op ops[2] = {WG_MAP_OP(WG_READS_OPERANDS),
                             WG_MAP_OP(WG_READS_OPERANDS | WG_READS_RESULT)};

const wg_op *wg_map_op(const wg_function *fn) {
    const wg_map_gradient *gradient = wg_map_gradient_of(fn);
    return gradient != NULL ? &ops[gradient->by_result ? 1 : 0] : NULL;
}

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
    const wg_op *op = wg_map_op(fn);
    if (op == NULL) {
        wg_tape_fail(tape, WG_ERROR_MEMORY, "map", site, "no memory for the derivative");
        return wg_poison(tape);
    }
    const wg_map_state state = {fn};
    return wg_apply(op, count, operands, &state, sizeof state, site);
}
