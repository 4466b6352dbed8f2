/* sparse.h: sparse Jacobians and Hessians of recorded functions: which entries can be nonzero, and
 * their values at many points.
 *
 *     wg_sparse *sparse = wg_function_sparse_jacobian(fn, wg_sparse_defaults());
 *     const wg_pattern *pattern = wg_sparse_pattern(sparse);
 *     double *values = malloc((size_t)pattern->count * sizeof *values);
 *     wg_sparse_values(sparse, 1, x, NULL, values); // again and again, at any x
 *
 * A pattern follows from the program alone and holds at every point: an entry that is not in it is
 * zero everywhere. What the optimiser sees to be zero (sign, floor, comparisons, the condition of
 * where) makes no entry.
 *
 * Values come one of two ways. Compressed: columns (or rows) that share no row (column) get one
 * colour, and one product with a 0-1 vector gives all entries of a colour at once (Curtis, Powell
 * and Reid, "On the estimation of sparse Jacobian matrices", IMA J. Appl. Math. 13, 1974;
 * Gebremedhin, Manne and Pothen, "What color is your Jacobian?", SIAM Review 47(4), 2005); the
 * colours of a point are the lanes of one block. Or entry by entry: the derivative is written out
 * as a program whose outputs are the entries of the pattern, nothing else. */
#ifndef WENGERT_SPARSE_H
#define WENGERT_SPARSE_H

#include "wengert/function.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where a matrix [rows, columns] may be nonzero, in compressed sparse rows and as triplets: entries
 * [row_start[i], row_start[i + 1]) are those of row i, by rising column. Read only. */
typedef struct wg_pattern {
    int64_t rows, columns, count;
    int64_t *row_start; /* [rows + 1] */
    int64_t *column;    /* [count] */
    int64_t *row;       /* [count] */
} wg_pattern;

/* NULL is allowed. */
WG_API void wg_pattern_free(wg_pattern *pattern);

/* The pattern of ∂yₖ/∂xⱼ, [m, n], into *out (free it with wg_pattern_free; NULL on failure).
 * ARGUMENT, MEMORY. */
WG_API wg_status wg_function_jacobian_pattern(const wg_function *fn, wg_pattern **out);
/* The pattern of Σₖ wₖ ∂²yₖ/∂xᵢ∂xⱼ for any w, [n, n], symmetric, both halves. ARGUMENT, MEMORY,
 * LIMIT (the gradient has more than 2^31 terms). */
WG_API wg_status wg_function_hessian_pattern(const wg_function *fn, wg_pattern **out);

/* How values are made. Jacobians: AUTO, ENTRIES, COLUMNS, ROWS; Hessians: AUTO, ENTRIES, STAR,
 * ACYCLIC. */
typedef enum wg_sparse_method {
    WG_SPARSE_AUTO,    /* ENTRIES where that takes fewer operations, else compressed: the side of
                          fewer colours, or STAR */
    WG_SPARSE_ENTRIES, /* a program whose outputs are the entries */
    WG_SPARSE_COLUMNS, /* Jacobian-vector products, one for each colour of columns */
    WG_SPARSE_ROWS,    /* vector-Jacobian products, one for each colour of rows */
    WG_SPARSE_STAR,    /* Hessian-vector products; each entry is read from one of them */
    WG_SPARSE_ACYCLIC  /* fewer of them; entries follow by substitution, which adds rounding errors
                          along chains */
} wg_sparse_method;

typedef struct wg_sparse_options {
    wg_sparse_method method;
} wg_sparse_options;
/* AUTO. */
WG_API wg_sparse_options wg_sparse_defaults(void);

/* A Jacobian or Hessian made ready: pattern, colours, programs. It does not change: any number of
 * threads may use it at the same time. `fn` must outlive it. */
typedef struct wg_sparse wg_sparse;

/* NULL and wg_last_message on failure: ARGUMENT, MEMORY, LIMIT (a derived program of more than 2^31
 * terms). */
WG_API wg_sparse *wg_function_sparse_jacobian(const wg_function *fn, wg_sparse_options options);
WG_API wg_sparse *wg_function_sparse_hessian(const wg_function *fn, wg_sparse_options options);
/* NULL is allowed. */
WG_API void wg_sparse_free(wg_sparse *sparse);

/* The pattern, owned by `sparse`. */
WG_API const wg_pattern *wg_sparse_pattern(const wg_sparse *sparse);
/* The method in use: never AUTO. */
WG_API wg_sparse_method wg_sparse_method_of(const wg_sparse *sparse);
/* Products that one point takes; 0 where the method is ENTRIES. */
WG_API int64_t wg_sparse_colours(const wg_sparse *sparse);

/* values[p][e]: entry e of the pattern at point x[p]; x is [count, n], values [count,
 * pattern->count], both in C order. Of a Hessian w [count, m] holds the weights (NULL: all ones);
 * of a Jacobian w is NULL. ARGUMENT, MEMORY; values are then undefined. */
WG_API wg_status wg_sparse_values(const wg_sparse *sparse, int64_t count, const double *x,
                                  const double *w, double *values);

#ifdef __cplusplus
}
#endif

#endif
