/* factor.h (internal): factorizations of one matrix, f32 and f64: triangular systems, Cholesky, LU,
 * QR, symmetric eigenproblems, singular values.
 *
 * Matrices lie row by row with unit column stride, `row` elements from one row to the next; where
 * no `row` is given they are contiguous. The large part of the arithmetic is matrix products
 * (matmul.h), so bits depend on shapes and the instruction set, never on the number of threads.
 * `work` is scratch of as many elements as the function's _work says. NaN and infinity go through
 * as numbers do: every loop is bounded. */
#ifndef WG_SRC_KERNEL_FACTOR_H
#define WG_SRC_KERNEL_FACTOR_H

#include <stdbool.h>
#include <stdint.h>

/* What functions that return int64_t say beside 0: done. Positive numbers are counted from 1. */
#define WG_FACTOR_MEMORY (-1)  /* a product found no memory */
#define WG_FACTOR_ENDLESS (-2) /* an iteration did not converge */

#define WG_FACTOR_FUNCTIONS(T, suffix)                                                               \
    /* The lower triangle of A becomes L with A = L Lᵀ; what lies above is scratch. The order of   \
     * the first leading minor that is not positive, NaN included. */                                \
    int64_t wg_kernel_cholesky_##suffix(int64_t n, T *a, int64_t row, T *work);                      \
    /* P A = L U in place, L with a unit diagonal, by partial pivoting: step j exchanged rows j      \
     * and pivots[j] (whole numbers). The number of the first pivot that is 0; the factors are       \
     * whole all the same. */                                                                        \
    int64_t wg_kernel_lu_##suffix(int64_t n, T *a, int64_t row, T *pivots, T *work);                 \
    /* B (n x k) becomes A⁻¹ B of a triangular A with any strides; `unit`: its diagonal is not    \
     * read and counts as 1. False where a product found no memory. */                               \
    bool wg_kernel_solve_triangular_##suffix(bool upper, bool unit, int64_t n, int64_t k,            \
                                             const T *a, int64_t a_row, int64_t a_column, T *b,      \
                                             int64_t b_row, T *work);                                \
    /* B becomes A⁻¹ B, or A⁻ᵀ B, of an A that wg_kernel_lu has factored. */                  \
    bool wg_kernel_lu_solve_##suffix(bool transposed, int64_t n, int64_t k, const T *lu,             \
                                     int64_t row, const T *pivots, T *b, int64_t b_row, T *work);    \
    /* A (m x n, m >= n, destroyed) = Q R by Householder reflections in blocks: q m x n with         \
     * orthonormal columns, r n x n upper triangular, its diagonal not negative. */                  \
    bool wg_kernel_qr_##suffix(int64_t m, int64_t n, T *a, T *q, T *r, T *work);                     \
    /* Symmetric A (destroyed) = V diag(values) Vᵀ: values ascending, vectors as columns, of each  \
     * of which the first component of greatest size is positive. */                                 \
    int64_t wg_kernel_eigh_##suffix(int64_t n, T *a, T *values, T *vectors, T *work);                \
    /* A (m x n, m >= n, destroyed) = U diag(s) Vᵀ: u m x n, s descending, v n x n with columns of \
     * which the first component of greatest size is positive. */                                    \
    int64_t wg_kernel_svd_##suffix(int64_t m, int64_t n, T *a, T *u, T *s, T *v, T *work);

WG_FACTOR_FUNCTIONS(float, f32)
WG_FACTOR_FUNCTIONS(double, f64)

/* Elements of `work`; for triangular and LU solutions with k columns. */
int64_t wg_kernel_cholesky_work(int64_t n);
int64_t wg_kernel_lu_work(int64_t n);
int64_t wg_kernel_solve_work(int64_t n, int64_t k);
int64_t wg_kernel_qr_work(int64_t m, int64_t n);
int64_t wg_kernel_eigh_work(int64_t n);
int64_t wg_kernel_svd_work(int64_t m, int64_t n);

#endif
