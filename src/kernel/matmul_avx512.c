/* matmul_avx512.c: the inner loops for x86-64 with AVX-512F. */
#include "kernel/matmul_parts.h"

#if defined(WG_MATMUL_X86)
#include "kernel/matmul_transpose.h"

#include <immintrin.h>

#define MM_TARGET __attribute__((target("avx512f,avx2,fma")))
#define MM_EACH_ROW(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13)
#define MM_ROWS 14
#define MM_EACH_DOT(X) X(0) X(1) X(2) X(3) X(4) X(5)
#define MM_DOTS 6
#define MM_PITCH 16

/* Four vectors to four sums: interleave and add until each 128 bits hold a part of all four. */
static inline MM_TARGET __m128 sums_f32(__m512 v0, __m512 v1, __m512 v2, __m512 v3) {
    const __m512 s01 = _mm512_add_ps(_mm512_unpacklo_ps(v0, v1), _mm512_unpackhi_ps(v0, v1));
    const __m512 s23 = _mm512_add_ps(_mm512_unpacklo_ps(v2, v3), _mm512_unpackhi_ps(v2, v3));
    const __m512d d01 = _mm512_castps_pd(s01), d23 = _mm512_castps_pd(s23);
    const __m512 s = _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(d01, d23)),
                                   _mm512_castpd_ps(_mm512_unpackhi_pd(d01, d23)));
    const __m512 half = _mm512_add_ps(s, _mm512_shuffle_f32x4(s, s, 0x4e));
    return _mm_add_ps(_mm512_castps512_ps128(half), _mm512_extractf32x4_ps(half, 1));
}

static inline MM_TARGET void put_sums_f32(float *to, const float *start, __m512 v0, __m512 v1,
                                          __m512 v2, __m512 v3) {
    const __m128 s = sums_f32(v0, v1, v2, v3);
    _mm_storeu_ps(to, start != NULL ? _mm_add_ps(_mm_loadu_ps(start), s) : s);
}

static inline MM_TARGET float sum_f32(__m512 v) {
    return _mm_cvtss_f32(sums_f32(v, v, v, v));
}

static inline MM_TARGET __m256d sums_f64(__m512d v0, __m512d v1, __m512d v2, __m512d v3) {
    const __m512d s01 = _mm512_add_pd(_mm512_unpacklo_pd(v0, v1), _mm512_unpackhi_pd(v0, v1));
    const __m512d s23 = _mm512_add_pd(_mm512_unpacklo_pd(v2, v3), _mm512_unpackhi_pd(v2, v3));
    const __m512d t01 = _mm512_add_pd(s01, _mm512_shuffle_f64x2(s01, s01, 0x4e));
    const __m512d t23 = _mm512_add_pd(s23, _mm512_shuffle_f64x2(s23, s23, 0x4e));
    const __m256d h01 = _mm512_castpd512_pd256(t01), h23 = _mm512_castpd512_pd256(t23);
    return _mm256_add_pd(_mm256_permute2f128_pd(h01, h23, 0x20),
                         _mm256_permute2f128_pd(h01, h23, 0x31));
}

static inline MM_TARGET void put_sums_f64(double *to, const double *start, __m512d v0, __m512d v1,
                                          __m512d v2, __m512d v3) {
    const __m256d s = sums_f64(v0, v1, v2, v3);
    _mm256_storeu_pd(to, start != NULL ? _mm256_add_pd(_mm256_loadu_pd(start), s) : s);
}

static inline MM_TARGET double sum_f64(__m512d v) {
    return _mm256_cvtsd_f64(sums_f64(v, v, v, v));
}

#define MM_T float
#define MM_SUFFIX f32
#define MM_TABLE wg_matmul_avx512_f32
#define MM_V __m512
#define MM_LANES 16
#define MM_LOAD _mm512_loadu_ps
#define MM_STORE _mm512_storeu_ps
#define MM_SPLAT(x) _mm512_set1_ps(x)
#define MM_ADD _mm512_add_ps
#define MM_FMA _mm512_fmadd_ps
#define MM_SUM sum_f32
#define MM_PUT_SUMS put_sums_f32
#define MM_MASK_T __mmask16
#define MM_MASK(count) ((__mmask16)((1u << (count)) - 1u))
#define MM_LOAD_PART _mm512_maskz_loadu_ps
#define MM_STORE_PART(mask, to, value) _mm512_mask_storeu_ps(to, mask, value)
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
#undef MM_MASK_T
#undef MM_MASK
#undef MM_LOAD_PART
#undef MM_STORE_PART
#undef MM_TRANSPOSE4
#undef MM_TRANSPOSE8

#define MM_T double
#define MM_SUFFIX f64
#define MM_TABLE wg_matmul_avx512_f64
#define MM_V __m512d
#define MM_LANES 8
#define MM_LOAD _mm512_loadu_pd
#define MM_STORE _mm512_storeu_pd
#define MM_SPLAT(x) _mm512_set1_pd(x)
#define MM_ADD _mm512_add_pd
#define MM_FMA _mm512_fmadd_pd
#define MM_SUM sum_f64
#define MM_PUT_SUMS put_sums_f64
#define MM_MASK_T __mmask8
#define MM_MASK(count) ((__mmask8)((1u << (count)) - 1u))
#define MM_LOAD_PART _mm512_maskz_loadu_pd
#define MM_STORE_PART(mask, to, value) _mm512_mask_storeu_pd(to, mask, value)
#if defined(WG_TRANSPOSE4)
#define MM_TRANSPOSE4 wg_transpose4_f64
#endif
#include "kernel/matmul_tile.h"
#endif

typedef int wg_matmul_avx512_not_empty; /* ISO C wants a declaration on other processors too */
