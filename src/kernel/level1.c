/* level1.c: see level1.h. The loops exist once an instruction set; the widest that the machine has
 * runs. */
#include "kernel/level1.h"

#include "base/base.h"
#include "base/parallel.h"

#include <math.h>

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF /* the same bits on every machine */
#endif

#define LANES 16
/* Elements that a thread takes at a time. */
#define PIECE 16384
/* A sum is cut into at most this many parts, whatever the threads. */
#define MOST_PARTS 64

typedef double fold_loop(int64_t n, const void *x, const void *y);
typedef void update_loop(int64_t n, double a, const void *x, double b, void *y);

typedef struct loops {
    fold_loop *dot, *sum_abs, *greatest;
    update_loop *axpby, *scale, *lerp, *clamp;
} loops;

#define LOOPS_OF(suffix)                                                                           \
    {                                                                                              \
        dot_##suffix, sum_abs_##suffix, greatest_##suffix, axpby_##suffix, scale_##suffix,         \
            lerp_##suffix, clamp_##suffix                                                          \
    }

#define TARGET
#define T float
#define ABS fabsf
#define LOOP(name) name##_baseline_f32
#include "kernel/level1_loops.h"
#undef T
#undef ABS
#undef LOOP
#define T double
#define ABS fabs
#define LOOP(name) name##_baseline_f64
#include "kernel/level1_loops.h"
#undef T
#undef ABS
#undef LOOP
#undef TARGET
static const loops baseline[2] = {LOOPS_OF(baseline_f32), LOOPS_OF(baseline_f64)};

#if defined(__x86_64__) && defined(__GNUC__)
#define TARGET __attribute__((target("avx2")))
#define T float
#define ABS fabsf
#define LOOP(name) name##_avx2_f32
#include "kernel/level1_loops.h"
#undef T
#undef ABS
#undef LOOP
#define T double
#define ABS fabs
#define LOOP(name) name##_avx2_f64
#include "kernel/level1_loops.h"
#undef T
#undef ABS
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

/* What the pieces of one call share. */
typedef struct pieces {
    fold_loop *fold;
    update_loop *update;
    int64_t n, piece;
    size_t size; /* bytes an element */
    double a, b;
    const char *x;
    char *y;
    double *part;
} pieces;

/* Where piece i begins, in bytes; *some becomes its elements. */
static size_t piece_at(const pieces *p, int64_t i, int64_t *some) {
    const int64_t first = i * p->piece;
    *some = p->n - first < p->piece ? p->n - first : p->piece;
    return (size_t)first * p->size;
}

static void fold_piece(void *context, int64_t i) {
    const pieces *p = context;
    int64_t n;
    const size_t at = piece_at(p, i, &n);
    p->part[i] = p->fold(n, p->x + at, p->y != NULL ? p->y + at : NULL);
}

static void update_piece(void *context, int64_t i) {
    const pieces *p = context;
    int64_t n;
    const size_t at = piece_at(p, i, &n);
    p->update(n, p->a, p->x != NULL ? p->x + at : NULL, p->b, p->y + at);
}

/* The number of parts, whose folds are in `part`. */
static int64_t parts_of(fold_loop *fold, wg_dtype dtype, int64_t n, const void *x, const void *y,
                        double *part) {
    const int64_t least = (n + MOST_PARTS - 1) / MOST_PARTS;
    pieces p = {.fold = fold,
                .n = n,
                .piece = least < PIECE ? PIECE : least,
                .size = wg_dtype_size(dtype),
                .x = x,
                .y = (char *)y, /* which a fold only reads */
                .part = part};
    const int64_t count = (n + p.piece - 1) / p.piece;
    wg_parallel(count, n >= WG_SHARE_MEMORY, fold_piece, &p);
    return count;
}

static double sum(fold_loop *fold, wg_dtype dtype, int64_t n, const void *x, const void *y) {
    double part[MOST_PARTS], total = 0;
    const int64_t count = parts_of(fold, dtype, n, x, y, part);
    for (int64_t i = 0; i < count; i++) {
        total += part[i];
    }
    return total;
}

double wg_kernel_dot(wg_dtype dtype, int64_t n, const void *x, const void *y) {
    return sum(loops_of(dtype)->dot, dtype, n, x, y);
}

double wg_kernel_sum_abs(wg_dtype dtype, int64_t n, const void *x) {
    return sum(loops_of(dtype)->sum_abs, dtype, n, x, NULL);
}

double wg_kernel_greatest(wg_dtype dtype, int64_t n, const void *x) {
    double part[MOST_PARTS], most = 0;
    const int64_t count = parts_of(loops_of(dtype)->greatest, dtype, n, x, NULL, part);
    for (int64_t i = 0; i < count; i++) {
        most = part[i] <= most || isnan(most) ? most : part[i];
    }
    return most;
}

static void in_pieces(update_loop *update, wg_dtype dtype, int64_t n, double a, const void *x,
                      double b, void *y) {
    pieces p = {.update = update,
                .n = n,
                .piece = PIECE,
                .size = wg_dtype_size(dtype),
                .a = a,
                .b = b,
                .x = x,
                .y = y};
    wg_parallel((n + PIECE - 1) / PIECE, n >= WG_SHARE_MEMORY, update_piece, &p);
}

void wg_kernel_axpby(wg_dtype dtype, int64_t n, double a, const void *x, double b, void *y) {
    in_pieces(loops_of(dtype)->axpby, dtype, n, a, x, b, y);
}

void wg_kernel_scale(wg_dtype dtype, int64_t n, double a, void *x) {
    in_pieces(loops_of(dtype)->scale, dtype, n, a, NULL, 0, x);
}

void wg_kernel_lerp(wg_dtype dtype, int64_t n, double a, const void *x, void *y) {
    in_pieces(loops_of(dtype)->lerp, dtype, n, a, x, 0, y);
}

void wg_kernel_clamp(wg_dtype dtype, int64_t n, double most, void *x) {
    in_pieces(loops_of(dtype)->clamp, dtype, n, most, NULL, 0, x);
}
