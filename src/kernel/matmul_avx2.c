/* matmul_avx2.c: the inner loops for x86-64 with AVX2 and FMA. */
#include "kernel/matmul_parts.h"

#if defined(WG_MATMUL_X86)
#include "kernel/matmul_transpose.h"

#include <immintrin.h>

#define MM_TARGET __attribute__((target("avx2,fma")))
#define MM_EACH_ROW(X) X(0) X(1) X(2) X(3) X(4) X(5)
#define MM_ROWS 6
#define MM_EACH_DOT(X) X(0) X(1) X(2)
#define MM_DOTS 3
#define MM_PITCH 8

/* A window onto this gives the masks of the first 0 to 8 lanes. */
static const int32_t mask_window[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};

static inline MM_TARGET __m256i mask_f32(int64_t count) {
    return _mm256_loadu_si256((const __m256i *)(const void *)(mask_window + 8 - count));
}

static inline MM_TARGET __m256i mask_f64(int64_t count) {
    return _mm256_loadu_si256((const __m256i *)(const void *)(mask_window + 8 - 2 * count));
}

/* Four vectors to four sums: horizontal adds leave a part of all four in each 128 bits. */
static inline MM_TARGET __m128 sums_f32(__m256 v0, __m256 v1, __m256 v2, __m256 v3) {
    const __m256 s = _mm256_hadd_ps(_mm256_hadd_ps(v0, v1), _mm256_hadd_ps(v2, v3));
    return _mm_add_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1));
}

static inline MM_TARGET void put_sums_f32(float *to, const float *start, __m256 v0, __m256 v1,
                                          __m256 v2, __m256 v3) {
    const __m128 s = sums_f32(v0, v1, v2, v3);
    _mm_storeu_ps(to, start != NULL ? _mm_add_ps(_mm_loadu_ps(start), s) : s);
}

static inline MM_TARGET float sum_f32(__m256 v) {
    return _mm_cvtss_f32(sums_f32(v, v, v, v));
}

static inline MM_TARGET __m256d sums_f64(__m256d v0, __m256d v1, __m256d v2, __m256d v3) {
    const __m256d s01 = _mm256_hadd_pd(v0, v1), s23 = _mm256_hadd_pd(v2, v3);
    return _mm256_add_pd(_mm256_permute2f128_pd(s01, s23, 0x20),
                         _mm256_permute2f128_pd(s01, s23, 0x31));
}

static inline MM_TARGET void put_sums_f64(double *to, const double *start, __m256d v0, __m256d v1,
                                          __m256d v2, __m256d v3) {
    const __m256d s = sums_f64(v0, v1, v2, v3);
    _mm256_storeu_pd(to, start != NULL ? _mm256_add_pd(_mm256_loadu_pd(start), s) : s);
}

static inline MM_TARGET double sum_f64(__m256d v) {
    return _mm256_cvtsd_f64(sums_f64(v, v, v, v));
}

#define MM_T float
#define MM_SUFFIX f32
#define MM_TABLE wg_matmul_avx2_f32
#define MM_V __m256
#define MM_LANES 8
#define MM_LOAD _mm256_loadu_ps
#define MM_STORE _mm256_storeu_ps
#define MM_SPLAT(x) _mm256_set1_ps(x)
#define MM_ADD _mm256_add_ps
#define MM_FMA _mm256_fmadd_ps
#define MM_SUM sum_f32
#define MM_PUT_SUMS put_sums_f32
#define MM_MASK_T __m256i
#define MM_MASK mask_f32
#define MM_LOAD_PART(mask, from) _mm256_maskload_ps(from, mask)
#define MM_STORE_PART(mask, to, value) _mm256_maskstore_ps(to, mask, value)
#if defined(WG_TRANSPOSE4)
#define MM_TRANSPOSE4 wg_transpose4_f32
#define MM_TRANSPOSE8 wg_transpose8_f32
#endif
#include "kernel/matmul_tile.h"
#undef MM_T
#undef MM_SUFFIX
#undef MM_TABLE
#undef MM_V
#undef MM_LANES
#undef MM_LOAD
#undef MM_STORE
#undef MM_SPLAT
#undef MM_ADD
#undef MM_FMA
#undef MM_SUM
#undef MM_PUT_SUMS
#undef MM_MASK
#undef MM_LOAD_PART
#undef MM_STORE_PART
#undef MM_TRANSPOSE4
#undef MM_TRANSPOSE8

#define MM_T double
#define MM_SUFFIX f64
#define MM_TABLE wg_matmul_avx2_f64
#define MM_V __m256d
#define MM_LANES 4
#define MM_LOAD _mm256_loadu_pd
#define MM_STORE _mm256_storeu_pd
#define MM_SPLAT(x) _mm256_set1_pd(x)
#define MM_ADD _mm256_add_pd
#define MM_FMA _mm256_fmadd_pd
#define MM_SUM sum_f64
#define MM_PUT_SUMS put_sums_f64
#define MM_MASK mask_f64
#define MM_LOAD_PART(mask, from) _mm256_maskload_pd(from, mask)
#define MM_STORE_PART(mask, to, value) _mm256_maskstore_pd(to, mask, value)
#if defined(WG_TRANSPOSE4)
#define MM_TRANSPOSE4 wg_transpose4_f64
#endif
#include "kernel/matmul_tile.h"
#endif

typedef int wg_matmul_avx2_not_empty; /* ISO C wants a declaration on other processors too */
