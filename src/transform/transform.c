/* transform.c: derivatives of C functions of arrays: products with vectors. */
#include "transform/derive.h"

#include "wengert/random.h"

#include <string.h>

static void poison(wg_tape *tape, wg_var *vars, int n) {
    for (int i = 0; i < n; i++) {
        vars[i] = wg_poison(tape);
    }
}

/* Results live in one table while a scoped trace ends; then they go to their places. */
typedef struct wg_results {
    wg_block *block;
    wg_var *all;
    int count;
} wg_results;

static wg_var *results_of(wg_results *results, wg_trace *trace, int count) {
    wg_tape *tape = trace->tape;
    results->count = 0;
    results->block = wg_pool_take(&tape->pool, (size_t)(count > 0 ? count : 0) * sizeof(wg_var));
    if (results->block == NULL) {
        wg_tape_fail(tape, WG_ERROR_MEMORY, trace->name, trace->site, "no memory for %d results",
                     count);
        return NULL;
    }
    results->count = count;
    results->all = wg_block_data(results->block);
    poison(tape, results->all, count);
    return results->all;
}

/* A part of the results, and where the caller wants it. */
typedef struct wg_part {
    wg_var *to;
    int n;
} wg_part;

/* Ends the trace, and puts the results, part by part, to their places. */
static wg_status finish(wg_trace *trace, wg_results *results, int parts, const wg_part *part) {
    wg_tape *tape = trace->tape;
    const wg_status status = wg_trace_end(trace, results->all, results->count);
    int at = 0;
    for (int k = 0; k < parts; k++) {
        for (int i = 0; i < part[k].n; i++) {
            part[k].to[i] = status == WG_OK ? results->all[at + i] : wg_poison(tape);
        }
        at += part[k].n;
    }
    wg_pool_drop(&tape->pool, results->block);
    return status;
}

bool wg_derive_begin(wg_trace *trace, wg_tape *tape, wg_closure closure, const wg_var *xs,
                     const char *name, const char *site) {
    const bool values = !wg_tape_records(tape);
    return wg_trace_begin(trace, tape, closure, xs, values ? WG_INPUTS_LEAVES : WG_INPUTS_PASS,
                          values ? WG_TRACE_SCOPED : 0, name, site) &&
           wg_trace_run(trace);
}

/* The last sweep of a transform need not record itself where values alone are wanted. */
static void last_sweep(const wg_trace *trace) {
    if (trace->is_scoped) {
        wg_trace_values(trace);
    }
}

bool wg_derive_pull(const wg_trace *trace, int m, const wg_var *ys, const wg_var *seeds, int n,
                    const wg_var *xs, wg_var *out) {
    const wg_pullback pullback = {.m = m,
                                  .ys = ys,
                                  .seeds = seeds,
                                  .n = n,
                                  .xs = xs,
                                  .out = out,
                                  .floor = trace->floor,
                                  .name = trace->name};
    return wg_pull_back(trace->tape, &pullback) == WG_OK;
}

bool wg_derive_one_element(const wg_trace *trace) {
    const wg_view view = wg_view_of(trace->ys[0]);
    if (wg_view_count(&view) == 1) {
        return true;
    }
    char text[192];
    wg_tape_fail(trace->tape, WG_ERROR_SHAPE, trace->name, trace->site,
                 "the function's result is of shape %s, not one element",
                 wg_shape_text(view.rank, view.shape, text, sizeof text));
    return false;
}

/* ---- Reverse ----------------------------------------------------------------------------------
 */

wg_status wg_value_and_grad_at(wg_tape *tape, wg_array_function f, void *context, const wg_var *xs,
                               int n, wg_var *y, wg_var *gradients, const char *site) {
    wg_trace trace;
    wg_results results = {NULL, NULL, 0};
    const wg_var one = wg_number(1);
    const wg_closure closure = {f, context, n, 1};
    if (wg_derive_begin(&trace, tape, closure, xs, "value_and_grad", site) &&
        wg_derive_one_element(&trace) && results_of(&results, &trace, 1 + n) != NULL) {
        results.all[0] = trace.ys[0];
        last_sweep(&trace);
        (void)wg_derive_pull(&trace, 1, trace.ys, &one, n, trace.inputs, results.all + 1);
    }
    return finish(&trace, &results, 2, (wg_part[]){{y, 1}, {gradients, n}});
}

wg_status wg_vjp_at(wg_tape *tape, wg_array_function f, void *context, const wg_var *xs, int n,
                    const wg_var *seeds, wg_var *ys, int m, wg_var *gradients, const char *site) {
    wg_trace trace;
    wg_results results = {NULL, NULL, 0};
    const wg_closure closure = {f, context, n, m};
    if (wg_derive_begin(&trace, tape, closure, xs, "vjp", site) &&
        results_of(&results, &trace, m + n) != NULL) {
        memcpy(results.all, trace.ys, (size_t)m * sizeof *ys);
        last_sweep(&trace);
        (void)wg_derive_pull(&trace, m, trace.ys, seeds, n, trace.inputs, results.all + m);
    }
    return finish(&trace, &results, 2, (wg_part[]){{ys, m}, {gradients, n}});
}

/* ---- Forward, as the transpose of the transpose ------------------------------------------------
 */

/* Somewhere to take the transpose at: it is linear, so any place will do, but where an adjoint
 * happens to be 0 a chain rule may leave its part out; by chance none is. */
static wg_var place_like(const wg_trace *trace, wg_var y, int j) {
    const wg_view view = wg_view_of(y);
    if (!wg_var_is_array(y)) {
        return wg_scalar(trace->tape, 1 + 0.6180339887498949 / (1 + j));
    }
    const wg_dtype dtype = wg_adjoint_dtype(view.dtype);
    const wg_var u = wg_variable(trace->tape, dtype, view.rank, view.shape, NULL);
    const wg_view to = wg_view_of(u);
    const wg_key key = wg_key_fold(wg_key_new(1), (uint64_t)j);
    const size_t count = trace->tape->status == WG_OK ? (size_t)wg_view_count(&to) : 0;
    if (to.dtype == WG_F32) {
        wg_random_uniform_f32(key, 0, count, 1, 2, to.data);
    } else {
        wg_random_uniform(key, 0, count, 1, 2, to.data);
    }
    return u;
}

bool wg_derive_transpose(const wg_trace *trace, wg_var *places, wg_var *pulled) {
    wg_tape *tape = trace->tape;
    for (int j = 0; j < trace->closure.m; j++) {
        const wg_var y = trace->ys[j];
        places[j] = y.tape != NULL && wg_is_float_array(y) ? place_like(trace, y, j) : wg_number(0);
    }
    return tape->status == WG_OK && wg_derive_pull(trace, trace->closure.m, trace->ys, places,
                                                   trace->closure.n, trace->inputs, pulled);
}

wg_status wg_jvp_at(wg_tape *tape, wg_array_function f, void *context, const wg_var *xs, int n,
                    const wg_var *directions, wg_var *ys, int m, wg_var *tangents,
                    const char *site) {
    wg_trace trace;
    wg_results results = {NULL, NULL, 0};
    const wg_closure closure = {f, context, n, m};
    if (wg_derive_begin(&trace, tape, closure, xs, "jvp", site) &&
        results_of(&results, &trace, 3 * m + n) != NULL) {
        wg_var *const places = results.all + 2 * m, *const pulled = places + m;
        memcpy(results.all, trace.ys, (size_t)m * sizeof *ys);
        if (wg_derive_transpose(&trace, places, pulled)) {
            last_sweep(&trace);
            (void)wg_derive_pull(&trace, n, pulled, directions, m, places, results.all + m);
        }
        results.count = 2 * m;
    }
    return finish(&trace, &results, 2, (wg_part[]){{ys, m}, {tangents, m}});
}

wg_status wg_hvp_at(wg_tape *tape, wg_array_function f, void *context, const wg_var *xs, int n,
                    const wg_var *directions, wg_var *y, wg_var *gradients, wg_var *products,
                    const char *site) {
    wg_trace trace;
    wg_results results = {NULL, NULL, 0};
    const wg_var one = wg_number(1);
    const wg_closure closure = {f, context, n, 1};
    if (wg_derive_begin(&trace, tape, closure, xs, "hvp", site) && wg_derive_one_element(&trace) &&
        results_of(&results, &trace, 1 + 2 * n) != NULL) {
        wg_var *const first = results.all + 1;
        results.all[0] = trace.ys[0];
        if (wg_derive_pull(&trace, 1, trace.ys, &one, n, trace.inputs, first)) {
            last_sweep(&trace);
            (void)wg_derive_pull(&trace, n, first, directions, n, trace.inputs, first + n);
        }
    }
    return finish(&trace, &results, 3, (wg_part[]){{y, 1}, {gradients, n}, {products, n}});
}
