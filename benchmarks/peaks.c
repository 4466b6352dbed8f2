/* peaks.c: see peaks.h. */
#include "peaks.h"

#include "harness.h"

#include <stdlib.h>
#include <string.h>

#define ROUNDS 300000
#define SUMS                                                                                       \
    12 /* independent chains: more than a fused multiply-add takes cycles, times two units */

#if defined(__GNUC__) && defined(__x86_64__)
#include <immintrin.h>

/* OPERATIONS a round of SUMS vectors. */
#define PEAK(name, features, vector, splat, fma, lanes, store)                                     \
    __attribute__((target(features))) static double name(void) {                                   \
        vector sum[SUMS], half = splat(0.5F);                                                      \
        float out[lanes], all = 0;                                                                 \
        for (int i = 0; i < SUMS; i++)                                                             \
            sum[i] = splat((float)i);                                                              \
        const double start = bench_clock();                                                        \
        for (int n = 0; n < ROUNDS; n++)                                                           \
            _Pragma("GCC unroll 12") for (int i = 0; i < SUMS; i++) sum[i] =                       \
                fma(sum[i], half, half);                                                           \
        const double seconds = bench_clock() - start;                                              \
        for (int i = 0; i < SUMS; i++) {                                                           \
            store(out, sum[i]);                                                                    \
            all += out[0];                                                                         \
        }                                                                                          \
        return all > 0 ? (double)ROUNDS * SUMS * 2 * (lanes) / seconds : 0;                        \
    }
PEAK(with_avx512, "avx512f", __m512, _mm512_set1_ps, _mm512_fmadd_ps, 16, _mm512_storeu_ps)
PEAK(with_avx2, "avx2,fma", __m256, _mm256_set1_ps, _mm256_fmadd_ps, 8, _mm256_storeu_ps)

static double one_run(void) {
    return __builtin_cpu_supports("avx512f") ? with_avx512()
           : __builtin_cpu_supports("fma")   ? with_avx2()
                                             : 0;
}
#else
static double one_run(void) {
    return 0;
}
#endif

double bench_peak_flops(int threads) {
    double best = 0;
    for (int i = 0; i < 20; i++) {
        double all = 0;
#pragma omp parallel for num_threads(threads) reduction(+ : all)
        for (int k = 0; k < threads; k++)
            all += one_run();
        best = all > best ? all : best;
    }
    return best;
}

double bench_peak_bytes(int threads) {
    const size_t part = (size_t)64 << 20, bytes = part * (size_t)threads;
    char *from = malloc(bytes), *to = malloc(bytes);
    double best = 0;
    for (int i = 0; from && to && i < 6; i++) {
        const double start = bench_clock();
#pragma omp parallel for num_threads(threads)
        for (int k = 0; k < threads; k++) {
            if (i == 0)
                memset(from + part * (size_t)k, 1, part);
            memcpy(to + part * (size_t)k, from + part * (size_t)k, part);
        }
        const double speed = 2.0 * (double)bytes / (bench_clock() - start);
        best = i > 0 && speed > best ? speed : best;
    }
    free(from);
    free(to);
    return best;
}
