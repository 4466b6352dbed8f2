/* factor_parts.h (internal): the innermost loops of factorizations, compiled once for each
 * instruction set (factor_loops.h) and chosen at run time. */
#ifndef WG_SRC_KERNEL_FACTOR_PARTS_H
#define WG_SRC_KERNEL_FACTOR_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WG_FACTOR_BLOCK                                                                            \
    32                     /* order to which Cholesky and triangular systems go without products   \
                            */
#define WG_FACTOR_PANEL 8  /* columns that LU takes without products */
#define WG_FACTOR_CHUNK 32 /* columns that a train of rotations passes at a time */

/* The tables' entries; matrices are as in factor.h. */
#define WG_FACTOR_PARTS(T, suffix)                                                                       \
    typedef struct wg_factor_parts_##suffix {                                                            \
        /* As wg_kernel_cholesky, n <= WG_FACTOR_BLOCK. */                                               \
        int64_t (*cholesky)(int64_t n, T *a, int64_t row);                                               \
        /* As wg_kernel_lu of m x n, n <= WG_FACTOR_PANEL; pivots are row numbers from `first`. */       \
        int64_t (*lu)(int64_t m, int64_t n, T *a, int64_t row, T *pivots, int64_t first);                \
        /* As wg_kernel_solve_triangular, by substitution. */                                            \
        void (*solve)(bool upper, bool unit, int64_t n, int64_t k, const T *a, int64_t a_row,            \
                      int64_t a_column, T *b, int64_t b_row);                                            \
        /* w = vᵀ A, then A -= tau v wᵀ; A m x n, the elements of v v_step apart. */                 \
        void (*reflect)(int64_t m, int64_t n, const T *v, int64_t v_step, T tau, T *a,                   \
                        int64_t row, T *w);                                                              \
        /* The sum of x y. */                                                                            \
        T (*dot)(int64_t n, const T *x, const T *y);                                                     \
        /* A -= p qᵀ + r sᵀ (nothing where p is NULL), then y = A x, or y = Aᵀ x, in one pass over \
         * A, m x n. */                                                                                  \
        void (*update_product)(int64_t m, int64_t n, T *a, int64_t row, const T *p, const T *q,          \
                               const T *r, const T *s, const T *x, T *y);                                \
        void (*update_transposed)(int64_t m, int64_t n, T *a, int64_t row, const T *p, const T *q,       \
                                  const T *r, const T *s, const T *x, T *y);                             \
        /* `count` plane rotations of rows, of z[0] and z[step], then of z[step] and z[2 step]…:       \
         * (p, q) becomes (c p + s q, c q - s p), (c, s) pairs in cs. `columns` elements a row. */       \
        void (*rotate)(int64_t count, const T *cs, T *z, int64_t step, int64_t columns);                 \
    } wg_factor_parts_##suffix;                                                                          \
    extern const wg_factor_parts_##suffix wg_factor_baseline_##suffix, wg_factor_avx2_##suffix,          \
        wg_factor_avx512_##suffix;                                                                       \
    /* The best for this machine; and number `index`, NULL where this machine does not have it. */       \
    const wg_factor_parts_##suffix *wg_factor_parts_of_##suffix(void);                                   \
    const wg_factor_parts_##suffix *wg_factor_parts_at_##suffix(int index);

WG_FACTOR_PARTS(float, f32)
WG_FACTOR_PARTS(double, f64)

#endif
