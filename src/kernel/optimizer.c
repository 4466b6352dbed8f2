/* optimizer.c: see optimizer.h. The loops exist once an instruction set; the widest that the
 * machine has runs. */
#include "kernel/optimizer.h"

#include <math.h>

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF /* the same bits on every machine */
#endif

#define LANES 16
/* Elements that a thread takes at a time, and from which threads share a buffer. */
#define PIECE 16384
#define SHARED_FROM 65536
/* A sum is cut into at most this many parts, whatever the threads. */
#define MOST_PARTS 64

typedef struct loops {
    void (*sgd)(int64_t n, const wg_sgd_numbers *s, const void *g, void *w);
    void (*sgd_momentum)(int64_t n, const wg_sgd_numbers *s, const void *g, void *w, void *v);
    void (*adam)(int64_t n, const wg_adam_numbers *s, const void *g, void *w, void *m, void *v);
    void (*scale)(int64_t n, double factor, void *x);
    double (*sum_squares)(int64_t n, const void *x);
} loops;

#define LOOPS_OF(suffix)                                                                           \
    { sgd_##suffix, sgd_momentum_##suffix, adam_##suffix, scale_##suffix, sum_squares_##suffix }

#define TARGET
#define T float
#define ROOT sqrtf
#define LOOP(name) name##_baseline_f32
#include "kernel/optimizer_loops.h"
#undef T
#undef ROOT
#undef LOOP
#define T double
#define ROOT sqrt
#define LOOP(name) name##_baseline_f64
#include "kernel/optimizer_loops.h"
#undef T
#undef ROOT
#undef LOOP
#undef TARGET
static const loops baseline[2] = {LOOPS_OF(baseline_f32), LOOPS_OF(baseline_f64)};

#if defined(__x86_64__) && defined(__GNUC__)
#define TARGET __attribute__((target("avx2")))
#define T float
#define ROOT sqrtf
#define LOOP(name) name##_avx2_f32
#include "kernel/optimizer_loops.h"
#undef T
#undef ROOT
#undef LOOP
#define T double
#define ROOT sqrt
#define LOOP(name) name##_avx2_f64
#include "kernel/optimizer_loops.h"
#undef T
#undef ROOT
#undef LOOP
#undef TARGET
static const loops avx2[2] = {LOOPS_OF(avx2_f32), LOOPS_OF(avx2_f64)};
#endif

static const loops *loops_of(wg_dtype dtype) {
#if defined(__x86_64__) && defined(__GNUC__)
    if (__builtin_cpu_supports("avx2")) {
        return &avx2[dtype == WG_F64];
    }
#endif
    return &baseline[dtype == WG_F64];
}

/* Runs `work` on all pieces of n elements; threads share large buffers. A piece begins `low` bytes
 * in and has `some` elements. */
#define IN_PIECES(dtype, work)                                                                     \
    do {                                                                                           \
        const int64_t size = (int64_t)wg_dtype_size(dtype);                                        \
        _Pragma("omp parallel for schedule(static) if (n >= SHARED_FROM)") for (int64_t first = 0; \
                                                                                first < n;         \
                                                                                first += PIECE) {  \
            const int64_t some = n - first < PIECE ? n - first : PIECE;                            \
            const int64_t low = first * size;                                                      \
            work;                                                                                  \
        }                                                                                          \
    } while (0)

void wg_kernel_sgd(wg_dtype dtype, int64_t n, const wg_sgd_numbers *numbers, const void *gradient,
                   void *weight, void *velocity) {
    const loops *run = loops_of(dtype);
    const char *g = gradient;
    char *w = weight, *v = velocity;
    if (v == NULL) {
        IN_PIECES(dtype, run->sgd(some, numbers, g + low, w + low));
    } else {
        IN_PIECES(dtype, run->sgd_momentum(some, numbers, g + low, w + low, v + low));
    }
}

void wg_kernel_adam(wg_dtype dtype, int64_t n, const wg_adam_numbers *numbers, const void *gradient,
                    void *weight, void *mean, void *variance) {
    const loops *run = loops_of(dtype);
    const char *g = gradient;
    char *w = weight, *m = mean, *v = variance;
    IN_PIECES(dtype, run->adam(some, numbers, g + low, w + low, m + low, v + low));
}

void wg_kernel_scale(wg_dtype dtype, int64_t n, double factor, void *x) {
    const loops *run = loops_of(dtype);
    char *values = x;
    IN_PIECES(dtype, run->scale(some, factor, values + low));
}

double wg_kernel_sum_squares(wg_dtype dtype, int64_t n, const void *x) {
    const loops *run = loops_of(dtype);
    const char *values = x;
    const int64_t size = (int64_t)wg_dtype_size(dtype);
    int64_t part = (n + MOST_PARTS - 1) / MOST_PARTS;
    part = part < PIECE ? PIECE : part;
    double sum[MOST_PARTS] = {0}, total = 0;
    const int64_t parts = (n + part - 1) / part;
#pragma omp parallel for schedule(static) if (n >= SHARED_FROM)
    for (int64_t i = 0; i < parts; i++) {
        const int64_t first = i * part, some = n - first < part ? n - first : part;
        sum[i] = run->sum_squares(some, values + first * size);
    }
    for (int64_t i = 0; i < parts; i++) {
        total += sum[i];
    }
    return total;
}
