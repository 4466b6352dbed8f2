/* call.c: a recorded function as one step on a tape: of scalars, and of the rows of an array. */
#include "function/call.h"

#include "tape/tape.h"
#include "wengert/loop.h"

#include <math.h>
#include <string.h>

/* What both operations keep. */
typedef struct wg_function_state {
    const wg_function *fn;
} wg_function_state;

static const wg_function *function_of(const wg_call *call) {
    const wg_function_state *state = wg_call_state(call);
    return state->fn;
}

static void fail_derived(wg_call *call) {
    (void)wg_call_fail(call, wg_last_status(), "%s", wg_last_message());
}

const wg_code *wg_call_code(wg_call *call, const wg_function *fn) {
    const wg_code *code = wg_function_code(fn, WG_MODE_value);
    if (code == NULL) {
        fail_derived(call);
    } else if (code->point == NULL) {
        (void)wg_call_fail(call, WG_ERROR_LIMIT, "a function of %zu values, too many for one step",
                           code->cells);
        return NULL;
    }
    return code;
}

const wg_function *wg_call_derived(wg_call *call, const wg_function *fn) {
    const wg_function *derived = wg_function_derived(fn);
    if (derived == NULL) {
        fail_derived(call);
    }
    return derived;
}

/* Samples cannot hold a function; tests make theirs. */
static bool function_call_samples(int index, wg_sample *sample) {
    (void)index, (void)sample;
    return false;
}

static bool function_apply_samples(int index, wg_sample *sample) {
    (void)index, (void)sample;
    return false;
}

/* ---- apply: rows ------------------------------------------------------------------------------
 */

static wg_status function_apply_shape(wg_call *call) {
    const wg_function *fn = function_of(call);
    const wg_view *x = wg_call_operand(call, 0);
    if (x->rank == 0 || x->shape[x->rank - 1] != wg_function_inputs(fn)) {
        return wg_call_fail(call, WG_ERROR_SHAPE,
                            "rows of %s do not fit a function of %d inputs: it takes [..., %d]",
                            wg_call_shape(call, 0), wg_function_inputs(fn), wg_function_inputs(fn));
    }
    int64_t shape[WG_MAX_RANK];
    memcpy(shape, x->shape, sizeof shape);
    shape[x->rank - 1] = wg_function_outputs(fn);
    return wg_call_result(call, x->dtype, x->rank, shape);
}

static wg_status function_apply_forward(wg_call *call) {
    const wg_function *fn = function_of(call);
    const wg_view *x = wg_call_operand(call, 0), *y = wg_call_out(call);
    const wg_code *code = wg_call_code(call, fn);
    if (code == NULL) {
        return WG_ERROR_MEMORY;
    }
    const wg_port in = {x->data, wg_function_inputs(fn), 1};
    const wg_port out = {y->data, wg_function_outputs(fn), 1};
    const int64_t rows = wg_view_count(y) / wg_function_outputs(fn);
    const wg_status status = wg_code_run(code, y->dtype, rows, &in, &out, "blocks");
    return status == WG_OK ? WG_OK : wg_call_fail(call, status, "%s", wg_last_message());
}

/* Σ g·∂y/∂x is a function of x and g, row by row, and so on to any order. */
static void function_apply_chain(wg_call *call, wg_var g) {
    const wg_function *derived = wg_call_derived(call, function_of(call));
    if (derived != NULL) {
        const wg_var pair[2] = {wg_operand(call, 0), g};
        wg_give(call, 0,
                wg_function_apply_at(derived, wg_concat_at(2, pair, -1, call->site), call->site));
    }
}

WG_DEFINE_OP(function_apply, function_apply_forward, function_apply_chain, WG_READS_OPERANDS,
             WG_OP_FLOATS | WG_OP_CONTIGUOUS)

wg_var wg_function_apply_at(const wg_function *fn, wg_var x, const char *site) {
    const wg_function_state state = {fn};
    if (fn == NULL && x.tape != NULL) {
        wg_tape_fail(x.tape, WG_ERROR_ARGUMENT, "function_apply", site, "the function is NULL");
        return wg_poison(x.tape);
    }
    return wg_apply(&wg_op_function_apply, 1, &x, &state, sizeof state, site);
}

/* ---- call: scalars ----------------------------------------------------------------------------
 */

static wg_status function_call_shape(wg_call *call) {
    for (int i = 0; i < wg_call_count(call); i++) {
        if (wg_call_operand(call, i)->rank != 0) {
            return wg_call_fail(call, WG_ERROR_SHAPE,
                                "input %d is an array of shape %s; a call takes scalars (wg_at, "
                                "wg_function_apply)",
                                i, wg_call_shape(call, i));
        }
    }
    return wg_call_result(call, WG_F64, 1, &(int64_t){wg_function_outputs(function_of(call))});
}

static void run_once(const wg_code *code, const double *x, double *y, double *slot) {
    const wg_port in = {(void *)(uintptr_t)x, 0, 1}, out = {y, 0, 1};
    wg_run_point(code, &in, &out, 0, slot);
}

static wg_status function_call_forward(wg_call *call) {
    const wg_code *code = wg_call_code(call, function_of(call));
    if (code == NULL) {
        return WG_ERROR_MEMORY;
    }
    const size_t n = (size_t)wg_call_count(call);
    double *x = wg_call_scratch(call, (n + code->cells) * sizeof *x);
    if (x == NULL) {
        return WG_ERROR_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        x[i] = wg_view_element(wg_call_operand(call, (int)i), 0);
    }
    run_once(code, x, wg_call_out(call)->data, x + n);
    return WG_OK;
}

/* Not wg_value, which counts as a look by the user. */
static double number_of(wg_var x) {
    if (x.tape == NULL) {
        return x.as.number;
    }
    return wg_var_is_array(x) ? wg_view_element(&wg_node_of(x)->view, 0)
                              : x.tape->lane.value[x.as.slot.index];
}

/* The chain rule in numbers: a point of the derived function. */
static void chain_of_numbers(wg_call *call, const wg_function *derived, wg_var g) {
    const wg_code *code = wg_call_code(call, derived);
    if (code == NULL) {
        return;
    }
    const size_t n = (size_t)wg_function_outputs(derived);
    const size_t both = (size_t)wg_function_inputs(derived);
    wg_block *block = wg_pool_take(&call->tape->pool, (both + n + code->cells) * sizeof(double));
    if (block == NULL) {
        (void)wg_call_fail(call, WG_ERROR_MEMORY, "no memory for %zu values", code->cells);
        return;
    }
    double *x = wg_block_data(block), *dx = x + both;
    const wg_view w = wg_view_of(g);
    for (size_t i = 0; i < both; i++) {
        x[i] = i < n ? number_of(wg_operand(call, (int)i)) : wg_view_element(&w, (int64_t)(i - n));
    }
    run_once(code, x, dx, dx + n);
    for (size_t i = 0; i < n; i++) {
        wg_give(call, (int)i, wg_number(dx[i]));
    }
    wg_pool_drop(&call->tape->pool, block);
}

static void function_call_chain(wg_call *call, wg_var g) {
    const wg_function *derived = wg_call_derived(call, function_of(call));
    if (derived == NULL) {
        return;
    }
    if (!wg_call_records(call)) {
        chain_of_numbers(call, derived, g);
        return;
    }
    const wg_var pair[2] = {wg_stack_at(call->tape, call->count, call->operands, call->site), g};
    const wg_var dx =
        wg_function_apply_at(derived, wg_concat_at(2, pair, 0, call->site), call->site);
    for (int i = 0; i < call->count; i++) {
        if (wg_wants(call, i)) {
            wg_give(call, i, wg_at_at(dx, i, call->site));
        }
    }
}

WG_DEFINE_OP(function_call, function_call_forward, function_call_chain, WG_READS_OPERANDS, 0)

static void set_all(wg_var *y, int count, wg_var value) {
    for (int k = 0; k < count; k++) {
        y[k] = value;
    }
}

/* Plain numbers: no tape takes part. */
static wg_status call_of_numbers(const wg_function *fn, const wg_var *x, wg_var *y) {
    const int n = wg_function_inputs(fn), m = wg_function_outputs(fn);
    double *memory = wg_alloc((size_t)(n + m) * sizeof *memory);
    wg_status status = WG_OK;
    if (memory == NULL) {
        status = wg_fail(WG_ERROR_MEMORY, "function_call: no memory for %d numbers", n + m);
    } else {
        for (int i = 0; i < n; i++) {
            memory[i] = x[i].as.number;
        }
        status = wg_function_value(fn, 1, memory, memory + n);
    }
    for (int k = 0; k < m; k++) {
        y[k] = wg_number(status == WG_OK ? memory[n + k] : (double)NAN);
    }
    wg_free(memory);
    return status;
}

/* A function that could not be made is NULL, and how many x and y there are is not known then. */
static wg_status refuse_null(const wg_function *fn, const wg_var *x, wg_var *y, const char *site) {
    const char *what = fn == NULL ? "the function" : x == NULL ? "x" : "y";
    wg_tape *tape = x != NULL ? x[0].tape : NULL;
    if (y != NULL) {
        y[0] = tape != NULL ? wg_poison(tape) : wg_number((double)NAN);
    }
    return tape != NULL
               ? wg_tape_fail(tape, WG_ERROR_ARGUMENT, "function_call", site, "%s is NULL", what)
               : wg_fail(WG_ERROR_ARGUMENT, "function_call: %s is NULL (%s)", what,
                         site != NULL ? site : "no call site");
}

wg_status wg_function_call_at(const wg_function *fn, const wg_var *x, wg_var *y, const char *site) {
    if (fn == NULL || x == NULL || y == NULL) {
        return refuse_null(fn, x, y, site);
    }
    const int n = wg_function_inputs(fn);
    wg_tape *tape = NULL;
    for (int i = 0; i < n && tape == NULL; i++) {
        tape = x[i].tape;
    }
    if (tape == NULL) {
        return call_of_numbers(fn, x, y);
    }
    const int m = wg_function_outputs(fn);
    const wg_function_state state = {fn};
    const wg_var all = wg_apply(&wg_op_function_call, n, x, &state, sizeof state, site);
    for (int k = 0; k < m && tape->status == WG_OK; k++) {
        y[k] = wg_at_at(all, k, site);
    }
    if (tape->status != WG_OK) {
        set_all(y, m, wg_poison(tape));
    }
    return tape->status;
}
