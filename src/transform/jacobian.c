/* jacobian.c: dense Jacobians and Hessians, row by row or column by column. */
#include "transform/derive.h"

#include <string.h>

/* A row of unit vectors: each is a window of zeros around the one 1 of this. */
static wg_var unit_source(wg_tape *tape, wg_dtype dtype, int64_t most) {
    const int64_t length = most > 0 ? 2 * most - 1 : 0;
    const wg_var source = wg_constant(tape, dtype, 1, &length, NULL);
    const wg_view view = wg_view_of(source);
    if (tape->status == WG_OK && length > 0 && dtype == WG_F32) {
        ((float *)view.data)[most - 1] = 1;
    } else if (tape->status == WG_OK && length > 0) {
        ((double *)view.data)[most - 1] = 1;
    }
    return source;
}

/* The unit vector along element k, of x's shape. */
static wg_var unit(wg_var source, wg_var x, int64_t k, const char *site) {
    if (!wg_is_array(x)) {
        return wg_number(1);
    }
    const wg_view view = wg_view_of(x);
    const int64_t count = wg_view_count(&view), middle = wg_count(source) / 2;
    return wg_reshape_at(wg_slice_at(source, 0, middle - k, middle - k + count, 1, site), view.rank,
                         view.shape, site);
}

/* The shape of a Jacobian: y's, then x's. */
static bool shape_of(const wg_trace *trace, wg_var y, wg_var x, int *rank, int64_t *shape) {
    const wg_view rows = wg_view_of(y), columns = wg_view_of(x);
    *rank = rows.rank + columns.rank;
    if (*rank > WG_MAX_RANK) {
        char text[192], other[192];
        wg_tape_fail(trace->tape, WG_ERROR_LIMIT, trace->name, trace->site,
                     "a result of shape %s by a variable of shape %s has more than %d axes",
                     wg_shape_text(rows.rank, rows.shape, text, sizeof text),
                     wg_shape_text(columns.rank, columns.shape, other, sizeof other), WG_MAX_RANK);
        return false;
    }
    memcpy(shape, rows.shape, (size_t)rows.rank * sizeof *shape);
    memcpy(shape + rows.rank, columns.shape, (size_t)columns.rank * sizeof *shape);
    return true;
}

/* `count` pieces, each of `like`'s shape, along a new axis in front of it or behind it, in the
 * given shape and dtype. Overwrites the pieces. */
static wg_var assemble(const wg_trace *trace, wg_var *pieces, int64_t count, wg_var like,
                       bool in_front, int rank, const int64_t *shape, wg_dtype dtype) {
    wg_tape *tape = trace->tape;
    wg_var whole;
    if (count == 0) {
        return wg_full(tape, dtype, rank, shape, 0);
    }
    if (!wg_is_array(like)) {
        if (rank == 0) {
            return pieces[0];
        }
        whole = wg_stack_at(tape, (int)count, pieces, trace->site);
    } else {
        const int64_t one[2] = {in_front ? 1 : wg_count(like), in_front ? wg_count(like) : 1};
        for (int64_t k = 0; k < count; k++) {
            pieces[k] = wg_reshape_at(pieces[k], 2, one, trace->site);
        }
        whole = count == 1 ? pieces[0]
                           : wg_concat_at((int)count, pieces, in_front ? 0 : 1, trace->site);
    }
    whole = wg_reshape_at(whole, rank, shape, trace->site);
    return wg_view_of(whole).dtype == dtype ? whole : wg_cast_at(whole, dtype, trace->site);
}

static wg_dtype dtype_of(wg_var x) {
    const wg_dtype dtype = wg_view_of(x).dtype;
    return wg_dtype_is_float(dtype) ? wg_adjoint_dtype(dtype) : WG_F64;
}

static int64_t count_all(const wg_var *vars, int n, int64_t *most) {
    int64_t total = 0;
    *most = 0;
    for (int i = 0; i < n; i++) {
        const int64_t count = wg_count(vars[i]);
        *most = count > *most ? count : *most;
        total += count;
    }
    return total;
}

static wg_block *table(const wg_trace *trace, int64_t count) {
    wg_block *block = wg_pool_take(&trace->tape->pool, (size_t)count * sizeof(wg_var));
    if (block == NULL) {
        wg_tape_fail(trace->tape, WG_ERROR_MEMORY, trace->name, trace->site,
                     "no memory for %lld variables", (long long)count);
    }
    return block;
}

/* out[i] = dy/dxs[i] along element k of y; what the sweep makes besides goes at once where values
 * alone are wanted. */
static void one_pull(const wg_trace *trace, wg_var source, wg_var y, int64_t k, int n,
                     const wg_var *xs, wg_var *out) {
    wg_tape *tape = trace->tape;
    const wg_scope_mark mark = trace->is_scoped ? wg_scope_begin(tape) : trace->mark;
    const wg_var seed = unit(source, y, k, trace->site);
    (void)wg_derive_pull(trace, 1, &y, &seed, n, xs, out);
    if (trace->is_scoped && tape->status == WG_OK) {
        (void)wg_scope_end(tape, mark, out, n);
    }
}

/* dy/dxs[i] for all i, a sweep for each element of y. */
static void by_rows(const wg_trace *trace, wg_var source, wg_var y, int n, const wg_var *xs,
                    wg_var *out) {
    wg_tape *tape = trace->tape;
    const int64_t count = wg_count(y);
    wg_block *block = table(trace, (count + 1) * n);
    if (block == NULL) {
        return;
    }
    wg_var *const pieces = wg_block_data(block), *const row = pieces + count * n;
    for (int64_t k = 0; k < count && tape->status == WG_OK; k++) {
        one_pull(trace, source, y, k, n, xs, row);
        for (int i = 0; i < n; i++) {
            pieces[i * count + k] = row[i];
        }
    }
    for (int i = 0; i < n && tape->status == WG_OK; i++) {
        int rank;
        int64_t shape[2 * WG_MAX_RANK];
        if (shape_of(trace, y, xs[i], &rank, shape)) {
            out[i] = assemble(trace, pieces + i * count, count, xs[i], true, rank, shape,
                              dtype_of(xs[i]));
        }
    }
    wg_pool_drop(&tape->pool, block);
}

/* dys[j]/dx for all j to out[j·step], a product for each element of x: of `pulled`, which is linear
 * in `places`, the gradient by them. */
static void by_columns(const wg_trace *trace, wg_var source, wg_var x, wg_var pulled,
                       const wg_var *places, wg_var *out, int step) {
    wg_tape *tape = trace->tape;
    const int64_t count = wg_count(x);
    const int m = trace->closure.m;
    wg_block *block = table(trace, (count + 1) * m);
    if (block == NULL) {
        return;
    }
    wg_var *const pieces = wg_block_data(block), *const column = pieces + count * m;
    for (int64_t k = 0; k < count && tape->status == WG_OK; k++) {
        one_pull(trace, source, pulled, k, m, places, column);
        for (int j = 0; j < m; j++) {
            pieces[j * count + k] = column[j];
        }
    }
    for (int j = 0; j < m && tape->status == WG_OK; j++) {
        const wg_var y = trace->ys[j];
        int rank;
        int64_t shape[2 * WG_MAX_RANK];
        if (!shape_of(trace, y, x, &rank, shape)) {
            break;
        }
        out[j * step] = places[j].tape != NULL ? assemble(trace, pieces + j * count, count, y,
                                                          false, rank, shape, dtype_of(x))
                        : rank == 0            ? wg_number(0)
                                               : wg_full(tape, dtype_of(x), rank, shape, 0);
    }
    wg_pool_drop(&tape->pool, block);
}

static wg_status finish(wg_trace *trace, wg_var *out, int count) {
    if (trace->tape->status != WG_OK) {
        for (int k = 0; k < count; k++) {
            out[k] = wg_poison(trace->tape);
        }
    }
    return wg_trace_end(trace, out, count);
}

/* Where nothing is to be recorded the sweeps that follow give values. */
static void values_from_here(const wg_trace *trace) {
    if (trace->is_scoped) {
        wg_trace_values(trace);
    }
}

wg_status wg_jacobian_at(wg_tape *tape, wg_array_function f, void *context, const wg_var *xs, int n,
                         int m, wg_var *jacobians, const char *site) {
    wg_trace trace;
    const wg_closure closure = {f, context, n, m};
    if (!wg_derive_begin(&trace, tape, closure, xs, "jacobian", site)) {
        return finish(&trace, jacobians, n > 0 && m > 0 ? n * m : 0);
    }
    int64_t most_rows, most_columns;
    const int64_t rows = count_all(trace.ys, m, &most_rows);
    const int64_t columns = count_all(trace.inputs, n, &most_columns);
    if (rows <= columns) {
        values_from_here(&trace);
        const wg_var source = unit_source(tape, WG_F64, most_rows);
        for (int j = 0; j < m && tape->status == WG_OK; j++) {
            by_rows(&trace, source, trace.ys[j], n, trace.inputs, jacobians + j * n);
        }
        return finish(&trace, jacobians, n * m);
    }
    wg_block *block = table(&trace, n + m);
    if (block != NULL) {
        wg_var *const places = wg_block_data(block), *const pulled = places + m;
        if (wg_derive_transpose(&trace, places, pulled)) {
            values_from_here(&trace);
        }
        const wg_var source = unit_source(tape, WG_F64, most_columns);
        for (int i = 0; i < n && tape->status == WG_OK; i++) {
            by_columns(&trace, source, trace.inputs[i], pulled[i], places, jacobians + i, n);
        }
    }
    wg_pool_drop(&tape->pool, block);
    return finish(&trace, jacobians, n * m);
}

wg_status wg_hessian_at(wg_tape *tape, wg_array_function f, void *context, const wg_var *xs, int n,
                        wg_var *hessians, const char *site) {
    wg_trace trace;
    const wg_closure closure = {f, context, n, 1};
    const wg_var one = wg_number(1);
    if (!wg_derive_begin(&trace, tape, closure, xs, "hessian", site) ||
        !wg_derive_one_element(&trace)) {
        return finish(&trace, hessians, n > 0 ? n * n : 0);
    }
    int64_t most;
    (void)count_all(trace.inputs, n, &most);
    wg_block *block = table(&trace, n);
    if (block != NULL) {
        wg_var *const gradients = wg_block_data(block);
        if (wg_derive_pull(&trace, 1, trace.ys, &one, n, trace.inputs, gradients)) {
            values_from_here(&trace);
        }
        const wg_var source = unit_source(tape, WG_F64, most);
        for (int i = 0; i < n && tape->status == WG_OK; i++) {
            by_rows(&trace, source, gradients[i], n, trace.inputs, hessians + i * n);
        }
    }
    wg_pool_drop(&tape->pool, block);
    return finish(&trace, hessians, n * n);
}
