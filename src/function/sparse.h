/* sparse.h (internal): patterns, colourings and written-out entries of sparse derivatives. */
#ifndef WG_SRC_FUNCTION_SPARSE_H
#define WG_SRC_FUNCTION_SPARSE_H

#include "function/function.h"
#include "wengert/sparse.h"

/* ---- Patterns (pattern.c) -------------------------------------------------------------------- */

/* Whether the rule's derivative to operand `which` is 0 everywhere. */
bool wg_partial_is_zero(wg_rule_index rule, int which);

/* Room for a pattern, row_start all 0; NULL (without a message) where memory ran out. */
wg_pattern *wg_pattern_new(int64_t rows, int64_t columns, int64_t count);
wg_pattern *wg_pattern_transpose(const wg_pattern *p);
/* The entry (row, column), which must be there. */
int64_t wg_pattern_find(const wg_pattern *p, int64_t row, int64_t column);

/* Of outputs [first, p->outputs) by inputs [0, n). */
wg_pattern *wg_program_pattern(const wg_program *p, uint32_t first, uint32_t n, const char *name);
/* The union with the transpose. */
wg_pattern *wg_pattern_symmetric(const wg_pattern *p);

/* ---- Colours (colour.c) ---------------------------------------------------------------------- */

/* colour[v] in [0, colours); −1 for columns without entries, which need none. */
typedef struct wg_colouring {
    int64_t colours;
    int32_t *colour;
} wg_colouring;

void wg_colouring_free(wg_colouring *c);
/* Columns of one colour share no row: a partial distance-2 colouring of the bipartite graph.
 * `transposed` is p's. MEMORY. */
wg_status wg_colour_columns(const wg_pattern *p, const wg_pattern *transposed, wg_colouring *out);
/* Colours of a symmetric pattern's graph. Star: no path of four vertices has two colours; acyclic:
 * no cycle has. MEMORY. */
wg_status wg_colour_symmetric(const wg_pattern *p, bool acyclic, wg_colouring *out);

/* How entries follow from compressed products: entry e is product[colour[e]][index[e]], less the
 * entries that `less` lists: pairs (e, f), in an order in which f is ready. */
typedef struct wg_recovery {
    int32_t *colour;
    uint32_t *index;
    int64_t pairs;
    int64_t *less;
} wg_recovery;

void wg_recovery_free(wg_recovery *r);
wg_status wg_recover_symmetric(const wg_pattern *p, const wg_colouring *c, wg_recovery *out);

/* ---- Entries written out (entries.c) ----------------------------------------------------------
 */

/* The part of the derivative that a pattern stands for: outputs [first, p->outputs) by inputs
 * [0, pattern->columns). Rows are written out in reverse, columns forward. Of a symmetric one the
 * upper half is the same terms as the lower. */
typedef struct wg_entries {
    const wg_program *p;
    uint32_t first;
    const wg_pattern *pattern;
    bool by_columns, symmetric;
} wg_entries;

/* Edges (a term and an operand it has a derivative to) that one product with the whole matrix
 * passes, and that all rows or columns pass one by one; counted no further than `most`. MEMORY. */
wg_status wg_entries_cost(const wg_entries *what, int64_t most, int64_t *once, int64_t *altogether);
/* A program of p's inputs whose outputs are the entries; NULL and wg_last_message on failure. */
wg_program *wg_derive_entries(const wg_entries *what, bool relaxed, const char *name);

/* ---- Made ready (sparse.c, sparse_values.c) ---------------------------------------------------
 */

struct wg_sparse {
    const wg_function *fn;
    wg_pattern *pattern;
    bool hessian;
    wg_sparse_method method;
    const wg_code *code; /* of the products, the function's; or of the entries, own */
    wg_code *own;
    wg_colouring colouring; /* of columns, or of rows where the method is ROWS */
    wg_recovery recovery;
    int64_t *by_colour;    /* entries, colour by colour */
    int64_t *colour_start; /* [colours + 1] */
};

#endif
