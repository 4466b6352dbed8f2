/* linalg.h: dense linear algebra on stacks of matrices.
 *
 * All verbs take arrays of f32 or f64 whose last two axes are matrices; the axes before them are a
 * stack, and where there are two operands the stacks broadcast. Integers become f64. Derivatives
 * are right to any order. An empty matrix is legal where the definition is (its determinant is 1).
 *
 * A matrix that has no answer (singular, not positive definite) is an error, ARGUMENT, which names
 * the matrix by its number in the stack and the pivot: "cholesky: matrix 3 of [5, 4, 4] is not
 * positive definite (leading minor of order 2)". NaN and infinity are no error but in cholesky:
 * they go into the results of their matrix.
 *
 * "Symmetric" operands (cholesky, eigh) may be any square matrix X, which counts as (X + Xᵀ)/2; so
 * the gradient is symmetric, as PyTorch's. Results do not depend on the number of threads.
 *
 * Sources: M. Giles, "Collected matrix derivative results for forward and reverse mode algorithmic
 * differentiation", 2008; I. Murray, "Differentiation of the Cholesky decomposition", 2016; S.
 * Walter, L. Lehmann, "Algorithmic differentiation of linear algebra functions with application in
 * optimum experimental design", 2010 (QR); M. Seeger et al., "Auto-differentiating linear algebra",
 * 2017 (eigh, svd, QR); G. Golub, V. Pereyra, "The differentiation of pseudo-inverses", 1973. */
#ifndef WENGERT_LINALG_H
#define WENGERT_LINALG_H

#include "wengert/array.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Systems of equations ------------------------------------------------------------------- */

/* X with A X = B. A [..., n, n] of full rank, by LU with partial pivoting. B is [..., n, k], or a
 * vector [n] (one axis alone, as NumPy 2 has it), for which X is [..., n]. A sweep uses the factors
 * again, at any order. */
WG_API wg_var wg_solve_at(wg_var a, wg_var b, const char *site);

/* X with A X = B for a triangular A, of which the other triangle is not read and gets no gradient.
 * B as for wg_solve. Zero on the diagonal is an error. */
typedef struct wg_triangular {
    bool upper;     /* A is upper triangular, else lower */
    bool transpose; /* Aᵀ X = B */
    bool unit;      /* A's diagonal counts as 1 and is not read */
    bool right;     /* X A = B, with B [..., k, n] */
} wg_triangular;
WG_API wg_var wg_solve_triangular_at(wg_var a, wg_var b, wg_triangular how, const char *site);

/* X with L Lᵀ X = B, L from wg_cholesky; B as for wg_solve. The operands stand in PyTorch's order.
 */
WG_API wg_var wg_cholesky_solve_at(wg_var b, wg_var l, const char *site);

/* The X that minimizes |A X - B|, for A [..., m, n] of full rank, by QR; where m < n, the shortest
 * X with A X = B. B is [..., m, k] or a vector [m]. A rank that is not full is an error only where
 * a pivot is exactly zero; see wg_pinv for others. */
WG_API wg_var wg_lstsq_at(wg_var a, wg_var b, const char *site);

/* A⁻¹. */
WG_API wg_var wg_inverse_at(wg_var a, const char *site);

/* The pseudo-inverse (Moore, Penrose) [..., n, m] of A [..., m, n]; singular values up to rcond
 * times the greatest count as 0. rcond = 0 stands for max(m, n) epsilon. The derivative is that at
 * constant rank (Golub & Pereyra, eq. 4.12). */
WG_API wg_var wg_pinv_at(wg_var a, double rcond, const char *site);

/* ---- Determinants --------------------------------------------------------------------------- */

/* |A|, [...]. Of a singular matrix it is 0, and its gradient, the matrix of cofactors, is right
 * (from the singular values where A is singular or nearly so). Its second derivative needs an A of
 * full rank: an error says so otherwise. */
WG_API wg_var wg_det_at(wg_var a, const char *site);

/* Sign and logarithm of the absolute value of |A|, [...] each: 0 and -infinity for a singular A,
 * whose gradient is then an error. The sign has derivative 0. */
typedef struct wg_slogdet_result {
    wg_var sign, logabsdet;
} wg_slogdet_result;
WG_API wg_slogdet_result wg_slogdet_at(wg_var a, const char *site);

/* ln |A|: NaN where |A| < 0, -infinity where it is 0. */
WG_API wg_var wg_logdet_at(wg_var a, const char *site);

/* ---- Factorizations ------------------------------------------------------------------------- */

/* The lower triangular L with A = L Lᵀ and a positive diagonal, A symmetric positive definite. */
WG_API wg_var wg_cholesky_at(wg_var a, const char *site);

/* A [..., m, n] = Q R with k = min(m, n): q [..., m, k] has orthonormal columns, r [..., k, n] is
 * upper triangular, its diagonal not negative, which makes both unique at full rank (PyTorch's
 * signs may differ). The derivative needs the first k columns to be independent. */
typedef struct wg_qr_result {
    wg_var q, r;
} wg_qr_result;
WG_API wg_qr_result wg_qr_at(wg_var a, const char *site);

/* A = V diag(values) Vᵀ of a symmetric A: values [..., n] ascending; vectors [..., n, n] as
 * columns, of each of which the first component of greatest size is positive.
 *
 * Vectors of equal values are no function of A: only what does not depend on their choice has a
 * derivative. Pairs of values that differ by no more than n epsilon times the greatest contribute
 * nothing to the vectors' gradient, which is right for such functions (PyTorch gives infinity or
 * NaN). */
typedef struct wg_eigh_result {
    wg_var values, vectors;
} wg_eigh_result;
WG_API wg_eigh_result wg_eigh_at(wg_var a, const char *site);
WG_API wg_var wg_eigvalsh_at(wg_var a, const char *site);

/* A [..., m, n] = U diag(s) Vh with k = min(m, n): u [..., m, k], s [..., k] descending, vh [...,
 * k, n]; of each right vector (row of vh; where m < n of each left one, column of u) the first
 * component of greatest size is positive. Equal singular values, and zeros, are treated as wg_eigh
 * treats equal values. */
typedef struct wg_svd_result {
    wg_var u, s, vh;
} wg_svd_result;
WG_API wg_svd_result wg_svd_at(wg_var a, const char *site);
WG_API wg_var wg_svdvals_at(wg_var a, const char *site);

/* ---- Functions of matrices ------------------------------------------------------------------ */

/* Aⁿ of square matrices by repeated squaring; n = 0 gives the unit matrix, n < 0 powers of A⁻¹. */
WG_API wg_var wg_matrix_power_at(wg_var a, int64_t n, const char *site);

/* e^A by scaling and squaring of a Padé approximant of degree 13 (N. Higham, 2005); one scale, that
 * of the greatest 1-norm, serves the whole stack. ARGUMENT where an element is not finite. */
WG_API wg_var wg_matrix_exp_at(wg_var a, const char *site);

/* Norms of matrices [..., m, n]: [...]. */
typedef enum wg_matrix_norms {
    WG_NORM_FROBENIUS, /* √Σ a²; its gradient at 0 is 0 */
    WG_NORM_NUCLEAR,   /* Σ s */
    WG_NORM_2,         /* greatest singular value */
    WG_NORM_MINUS_2,   /* least singular value */
    WG_NORM_1,         /* greatest sum of a column's sizes */
    WG_NORM_MINUS_1,   /* least such sum */
    WG_NORM_INF,       /* greatest sum of a row's sizes */
    WG_NORM_MINUS_INF  /* least such sum */
} wg_matrix_norms;
WG_API wg_var wg_matrix_norm_at(wg_var a, wg_matrix_norms which, const char *site);

/* The condition number |A| |A⁻¹| in a norm; in the 2-norms the quotient of singular values, for any
 * m and n; in others A is square. */
WG_API wg_var wg_cond_at(wg_var a, wg_matrix_norms which, const char *site);

#define wg_solve(a, b) wg_solve_at(a, b, WG_HERE)
#define wg_solve_triangular(a, b, ...) wg_solve_triangular_at(a, b, __VA_ARGS__, WG_HERE)
#define wg_cholesky_solve(b, l) wg_cholesky_solve_at(b, l, WG_HERE)
#define wg_lstsq(a, b) wg_lstsq_at(a, b, WG_HERE)
#define wg_inverse(a) wg_inverse_at(a, WG_HERE)
#define wg_pinv(a) wg_pinv_at(a, 0, WG_HERE)
#define wg_det(a) wg_det_at(a, WG_HERE)
#define wg_slogdet(a) wg_slogdet_at(a, WG_HERE)
#define wg_logdet(a) wg_logdet_at(a, WG_HERE)
#define wg_cholesky(a) wg_cholesky_at(a, WG_HERE)
#define wg_qr(a) wg_qr_at(a, WG_HERE)
#define wg_eigh(a) wg_eigh_at(a, WG_HERE)
#define wg_eigvalsh(a) wg_eigvalsh_at(a, WG_HERE)
#define wg_svd(a) wg_svd_at(a, WG_HERE)
#define wg_svdvals(a) wg_svdvals_at(a, WG_HERE)
#define wg_matrix_power(a, n) wg_matrix_power_at(a, n, WG_HERE)
#define wg_matrix_exp(a) wg_matrix_exp_at(a, WG_HERE)
#define wg_matrix_norm(a, which) wg_matrix_norm_at(a, which, WG_HERE)
#define wg_cond(a, which) wg_cond_at(a, which, WG_HERE)

#ifdef __cplusplus
}
#endif

#endif
