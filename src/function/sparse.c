/* sparse.c: sparse Jacobians and Hessians made ready: by coloured products or entry by entry. */
#include "function/sparse.h"

#include <string.h>

wg_sparse_options wg_sparse_defaults(void) {
    return (wg_sparse_options){WG_SPARSE_AUTO};
}

void wg_sparse_free(wg_sparse *sparse) {
    if (sparse != NULL) {
        wg_pattern_free(sparse->pattern);
        wg_code_free(sparse->own);
        wg_colouring_free(&sparse->colouring);
        wg_recovery_free(&sparse->recovery);
        wg_free(sparse->by_colour);
        wg_free(sparse->colour_start);
        wg_free(sparse);
    }
}

const wg_pattern *wg_sparse_pattern(const wg_sparse *sparse) {
    return sparse->pattern;
}

wg_sparse_method wg_sparse_method_of(const wg_sparse *sparse) {
    return sparse->method;
}

int64_t wg_sparse_colours(const wg_sparse *sparse) {
    return sparse->colouring.colours;
}

static const char *name_of(const wg_sparse *s) {
    return s->hessian ? "function_sparse_hessian" : "function_sparse_jacobian";
}

/* ---- Entry by entry -------------------------------------------------------------------------- */

/* Programs of entries may have this many edges: their code takes some hundred bytes an edge. */
#define WG_MOST_ENTRY_EDGES ((int64_t)1 << 22)
/* Below this the program stays in the cache, and many points are what it is for: always written
 * out. */
#define WG_FEW_ENTRY_EDGES ((int64_t)1 << 14)
/* What passing an edge costs in a block of lanes, one for each colour, as a multiple of passing it
 * for a single number. */
#define WG_BLOCK_COSTS 4

/* What the entries are of: the Jacobian of the outputs, or of the gradient. NULL on failure. */
static bool describe(const wg_sparse *s, bool by_columns, wg_entries *what) {
    const wg_program *p = s->fn->value;
    *what = (wg_entries){p, 0, s->pattern, by_columns, false};
    if (s->hessian) {
        *what = (wg_entries){wg_function_program(s->fn, WG_MODE_vjp), p->outputs, s->pattern, true,
                             true};
    }
    return what->p != NULL;
}

static int64_t longest_row(const wg_pattern *p) {
    int64_t most = 0;
    for (int64_t i = 0; i < p->rows; i++) {
        const int64_t length = p->row_start[i + 1] - p->row_start[i];
        most = length > most ? length : most;
    }
    return most;
}

/* No coloring takes fewer products than this. */
static wg_status fewest_products(const wg_sparse *s, int64_t *fewest) {
    *fewest = longest_row(s->pattern);
    if (s->hessian) { /* an arrow takes two, whatever its longest row */
        *fewest = s->pattern->count == 0 ? 0 : 1;
        return WG_OK;
    }
    wg_pattern *t = wg_pattern_transpose(s->pattern);
    if (t == NULL) {
        return wg_fail(WG_ERROR_MEMORY, "%s: no memory for the pattern", name_of(s));
    }
    const int64_t longest = longest_row(t);
    *fewest = longest < *fewest ? longest : *fewest;
    wg_pattern_free(t);
    return WG_OK;
}

/* Whether the entries are to be written out, and which way. The products of all colours never pass
 * fewer edges than the entries altogether, but they pass them a block of lanes at a time. */
static wg_status choose_entries(const wg_sparse *s, bool forced, bool *entries, bool *by_columns) {
    int64_t fewest, once, least = INT64_MAX;
    const int64_t most = forced ? INT64_MAX - 1 : WG_MOST_ENTRY_EDGES;
    wg_status status = fewest_products(s, &fewest);
    *entries = forced;
    for (int side = s->hessian ? 1 : 0; side < 2 && status == WG_OK; side++) {
        wg_entries what;
        int64_t altogether;
        if (!describe(s, side == 1, &what)) {
            return WG_ERROR_MEMORY;
        }
        status = wg_entries_cost(&what, least < most ? least : most, &once, &altogether);
        if (status == WG_OK && altogether < least) {
            least = altogether;
            *by_columns = side == 1;
        }
    }
    if (status == WG_OK && !forced) {
        const int64_t blocks = (fewest + WG_LANES - 1) / WG_LANES;
        *entries = least <= WG_MOST_ENTRY_EDGES &&
                   (least <= WG_FEW_ENTRY_EDGES || least / WG_BLOCK_COSTS <= once * blocks);
    }
    return status;
}

static wg_status prepare_entries(wg_sparse *s, bool by_columns) {
    wg_entries what;
    if (!describe(s, by_columns, &what)) {
        return WG_ERROR_MEMORY;
    }
    wg_program *program = wg_derive_entries(&what, s->fn->relaxed, name_of(s));
    if (program == NULL) {
        return WG_ERROR_MEMORY;
    }
    const uint32_t in_first[2] = {0, s->fn->value->inputs}, out_first = 0;
    const wg_ports ports = {s->hessian ? 2 : 1, 1, in_first, &out_first};
    s->method = WG_SPARSE_ENTRIES;
    s->own = wg_code_new(program, &ports, s->fn->relaxed, name_of(s));
    s->code = s->own;
    wg_program_free(program);
    return s->own != NULL ? WG_OK : WG_ERROR_MEMORY;
}

/* ---- Colours --------------------------------------------------------------------------------- */

/* The side of fewer colours. A side whose longest line is no shorter than the colours the other one
 * takes is not tried: its lines may be as long as the matrix. */
static wg_status colour_jacobian(wg_sparse *s, wg_sparse_method method) {
    const wg_pattern *p = s->pattern;
    wg_pattern *t = wg_pattern_transpose(p);
    if (t == NULL) {
        return wg_fail(WG_ERROR_MEMORY, "%s: no memory for the pattern", name_of(s));
    }
    const bool either = method == WG_SPARSE_AUTO;
    const bool rows_first = method == WG_SPARSE_ROWS || (either && longest_row(t) < longest_row(p));
    s->method = rows_first ? WG_SPARSE_ROWS : WG_SPARSE_COLUMNS;
    const wg_pattern *first = rows_first ? t : p, *second = rows_first ? p : t;
    wg_status status = wg_colour_columns(first, second, &s->colouring);
    if (status == WG_OK && either && longest_row(second) < s->colouring.colours) {
        wg_colouring other;
        status = wg_colour_columns(second, first, &other);
        if (status == WG_OK && other.colours < s->colouring.colours) {
            wg_colouring_free(&s->colouring);
            s->colouring = other;
            s->method = rows_first ? WG_SPARSE_COLUMNS : WG_SPARSE_ROWS;
        } else {
            wg_colouring_free(&other);
        }
    }
    wg_pattern_free(t);
    return status;
}

/* Of a Jacobian, each entry is an element of its own colour's product. */
static wg_status recover_jacobian(wg_sparse *s) {
    const wg_pattern *p = s->pattern;
    const bool rows = s->method == WG_SPARSE_ROWS;
    s->recovery.colour = wg_alloc(((size_t)p->count + 1) * sizeof *s->recovery.colour);
    s->recovery.index = wg_alloc(((size_t)p->count + 1) * sizeof *s->recovery.index);
    if (s->recovery.colour == NULL || s->recovery.index == NULL) {
        return wg_fail(WG_ERROR_MEMORY, "%s: no memory for %lld entries", name_of(s),
                       (long long)p->count);
    }
    for (int64_t e = 0; e < p->count; e++) {
        s->recovery.colour[e] = s->colouring.colour[rows ? p->row[e] : p->column[e]];
        s->recovery.index[e] = (uint32_t)(rows ? p->column[e] : p->row[e]);
    }
    return WG_OK;
}

static wg_status sort_by_colour(wg_sparse *s) {
    const int64_t count = s->pattern->count, colours = s->colouring.colours;
    s->by_colour = wg_alloc(((size_t)count + 1) * sizeof *s->by_colour);
    s->colour_start = wg_calloc((size_t)colours + 2, sizeof *s->colour_start);
    if (s->by_colour == NULL || s->colour_start == NULL) {
        return wg_fail(WG_ERROR_MEMORY, "%s: no memory for %lld entries", name_of(s),
                       (long long)count);
    }
    for (int64_t e = 0; e < count; e++) {
        s->colour_start[s->recovery.colour[e]]++;
    }
    int64_t sum = 0;
    for (int64_t c = 0; c <= colours; c++) {
        sum += s->colour_start[c];
        s->colour_start[c] = sum;
    }
    for (int64_t e = count; e-- > 0;) {
        s->by_colour[--s->colour_start[s->recovery.colour[e]]] = e;
    }
    return WG_OK;
}

static wg_status prepare_colours(wg_sparse *s, wg_sparse_method method) {
    wg_status status;
    if (s->hessian) {
        s->method = method == WG_SPARSE_ACYCLIC ? method : WG_SPARSE_STAR;
        status = wg_colour_symmetric(s->pattern, method == WG_SPARSE_ACYCLIC, &s->colouring);
        status = status != WG_OK ? status
                                 : wg_recover_symmetric(s->pattern, &s->colouring, &s->recovery);
    } else {
        status = colour_jacobian(s, method);
        status = status != WG_OK ? status : recover_jacobian(s);
    }
    status = status != WG_OK ? status : sort_by_colour(s);
    if (status == WG_OK) {
        s->code = wg_function_code(s->fn, s->hessian                       ? WG_MODE_hvp
                                          : s->method == WG_SPARSE_COLUMNS ? WG_MODE_jvp
                                                                           : WG_MODE_vjp);
        status = s->code != NULL ? WG_OK : WG_ERROR_MEMORY;
    }
    return status;
}

/* ---- Preparation ----------------------------------------------------------------------------- */

static wg_status prepare(wg_sparse *s, wg_sparse_method method) {
    wg_status status = s->hessian ? wg_function_hessian_pattern(s->fn, &s->pattern)
                                  : wg_function_jacobian_pattern(s->fn, &s->pattern);
    bool entries = false, by_columns = false;
    if (status == WG_OK && (method == WG_SPARSE_AUTO || method == WG_SPARSE_ENTRIES)) {
        status = choose_entries(s, method == WG_SPARSE_ENTRIES, &entries, &by_columns);
    }
    return status != WG_OK ? status
           : entries       ? prepare_entries(s, by_columns)
                           : prepare_colours(s, method);
}

static wg_sparse *make(const wg_function *fn, wg_sparse_method method, bool hessian) {
    wg_sparse *s = fn != NULL ? wg_calloc(1, sizeof *s) : NULL;
    const char *const name = hessian ? "function_sparse_hessian" : "function_sparse_jacobian";
    const bool fits = method == WG_SPARSE_AUTO || method == WG_SPARSE_ENTRIES ||
                      (hessian ? method == WG_SPARSE_STAR || method == WG_SPARSE_ACYCLIC
                               : method == WG_SPARSE_COLUMNS || method == WG_SPARSE_ROWS);
    if (fn == NULL || !fits) {
        (void)wg_fail(WG_ERROR_ARGUMENT,
                      fn == NULL ? "%s: the function is NULL"
                                 : "%s: method %d is not one of its methods",
                      name, (int)method);
        wg_free(s);
        return NULL;
    }
    if (s == NULL) {
        (void)wg_fail(WG_ERROR_MEMORY, "%s: no memory", name);
        return NULL;
    }
    s->fn = fn;
    s->hessian = hessian;
    if (prepare(s, method) != WG_OK) {
        wg_sparse_free(s);
        return NULL;
    }
    return s;
}

wg_sparse *wg_function_sparse_jacobian(const wg_function *fn, wg_sparse_options options) {
    return make(fn, options.method, false);
}

wg_sparse *wg_function_sparse_hessian(const wg_function *fn, wg_sparse_options options) {
    return make(fn, options.method, true);
}
