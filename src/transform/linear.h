/* linear.h (internal): linear systems in plain numbers: a matrix, or what multiplies by one. */
#ifndef WG_SRC_TRANSFORM_LINEAR_H
#define WG_SRC_TRANSFORM_LINEAR_H

#include "wengert/implicit.h"

#include <stdbool.h>
#include <stdint.h>

/* out = A·v; false where that fails. */
typedef struct wg_product {
    bool (*apply)(void *context, const double *v, double *out);
    void *context;
    int64_t n;
} wg_product;

typedef enum wg_solved {
    WG_SOLVED,
    WG_SOLVED_NOT,  /* the tolerance was not met in time */
    WG_SOLVED_BROKE /* a product failed */
} wg_solved;

/* How a solver ended. */
typedef struct wg_solve_report {
    int iterations;
    double residual; /* relative */
} wg_solve_report;

/* Doubles of work space that a matrix of n rows needs; the same for both, and left alone between.
 */
size_t wg_dense_space(int64_t n);
/* Factors A [n, n] in place. 0 where all is well, the number of a pivot that is 0 but for rounding,
 * or -1 where there was no memory. */
int64_t wg_dense_factor(int64_t n, double *a, double *space);
/* x = A⁻¹x or A⁻ᵀx of a factored A; false where there was no memory. */
bool wg_dense_solve(int64_t n, const double *a, double *space, bool transposed, double *x);

/* Doubles of work space that a solver needs. */
size_t wg_krylov_space(const wg_linear_system *system, int64_t n);
/* x = A⁻¹b, from x = 0. */
wg_solved wg_krylov_solve(const wg_linear_system *system, const wg_product *product,
                          const double *b, double *x, double *space, wg_solve_report *report);

#endif
