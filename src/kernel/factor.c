/* factor.c: triangular systems, Cholesky and LU, recursively: halves of matrices meet in matrix
 * products, which the fast kernel runs (E. Elmroth, F. Gustavson, I. Jonsson, B. Kågström,
 * "Recursive blocked algorithms and hybrid data structures for dense matrix library software", SIAM
 * Review 46, 2004). The depth is the logarithm of the order. */
#include "kernel/factor.h"

#include "kernel/factor_parts.h"
#include "kernel/matmul.h"

#define FT_TABLE_F32
#define FT_TABLE_F64
#define FT_FMA_F32
#define FT_FMA_F64

#define SYRK_BLOCK 64 /* order to which a symmetric update is done as a full square */

#if defined(__x86_64__) && defined(__GNUC__)
#define HAS_AVX2 (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
#define HAS_AVX512                                                                                 \
    (HAS_AVX2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&        \
     __builtin_cpu_supports("avx512dq"))
#define PARTS(suffix)                                                                              \
    const wg_factor_parts_##suffix *wg_factor_parts_of_##suffix(void) {                            \
        return HAS_AVX512 ? &wg_factor_avx512_##suffix                                             \
               : HAS_AVX2 ? &wg_factor_avx2_##suffix                                               \
                          : &wg_factor_baseline_##suffix;                                          \
    }                                                                                              \
    const wg_factor_parts_##suffix *wg_factor_parts_at_##suffix(int index) {                       \
        return index == 0                 ? &wg_factor_baseline_##suffix                           \
               : index == 1 && HAS_AVX2   ? &wg_factor_avx2_##suffix                               \
               : index == 2 && HAS_AVX512 ? &wg_factor_avx512_##suffix                             \
                                          : NULL;                                                  \
    }
#else
#define PARTS(suffix)                                                                              \
    const wg_factor_parts_##suffix *wg_factor_parts_of_##suffix(void) {                            \
        return &wg_factor_baseline_##suffix;                                                       \
    }                                                                                              \
    const wg_factor_parts_##suffix *wg_factor_parts_at_##suffix(int index) {                       \
        return index == 0 ? &wg_factor_baseline_##suffix : NULL;                                   \
    }
#endif
PARTS(f32)
PARTS(f64)

/* A half's product of n/2 x n/2, negated. */
int64_t wg_kernel_cholesky_work(int64_t n) {
    const int64_t half = (n + 1) / 2;
    return n > WG_FACTOR_BLOCK ? half * half : 0;
}

int64_t wg_kernel_lu_work(int64_t n) {
    const int64_t half = (n + 1) / 2;
    return n > WG_FACTOR_PANEL ? half * half : 0;
}

int64_t wg_kernel_solve_work(int64_t n, int64_t k) {
    const int64_t half = (n + 1) / 2;
    return n > WG_FACTOR_BLOCK ? half * (k < half ? k : half) : 0;
}

#define FT_FILE "kernel/factor_plan.h"
#include "kernel/factor_types.h"
