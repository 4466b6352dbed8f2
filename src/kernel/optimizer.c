/* optimizer.c: see optimizer.h. The loops exist once an instruction set; the widest that the
 * machine has runs. */
#include "kernel/optimizer.h"

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

typedef struct loops {
    void (*sgd)(int64_t n, const wg_sgd_numbers *s, const void *g, void *w);
    void (*sgd_outer)(int64_t rows, int64_t columns, const wg_sgd_numbers *s, const void *column,
                      const void *row, void *w);
    void (*sgd_momentum)(int64_t n, const wg_sgd_numbers *s, const void *g, void *w, void *v);
    void (*adam)(int64_t n, const wg_adam_numbers *s, const void *g, void *w, void *m, void *v);
    void (*scale)(int64_t n, double factor, void *x);
    double (*sum_squares)(int64_t n, const void *x);
} loops;

#define LOOPS_OF(suffix)                                                                           \
    {                                                                                              \
        sgd_##suffix, sgd_outer_##suffix, sgd_momentum_##suffix, adam_##suffix, scale_##suffix,    \
            sum_squares_##suffix                                                                   \
    }

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

/* What the pieces of one call share. */
typedef struct pieces {
    const loops *run;
    int64_t n, piece, size; /* elements, of a piece, bytes an element */
    const void *numbers;
    const char *g;
    char *w, *m, *v;
    double factor, *sum;
} pieces;

/* Where piece i begins, in bytes; *some becomes its elements. */
static int64_t piece_at(const pieces *p, int64_t i, int64_t *some) {
    const int64_t first = i * p->piece;
    *some = p->n - first < p->piece ? p->n - first : p->piece;
    return first * p->size;
}

static void in_pieces(wg_dtype dtype, void (*body)(void *context, int64_t i), pieces *p) {
    p->run = loops_of(dtype);
    p->size = (int64_t)wg_dtype_size(dtype);
    wg_parallel((p->n + p->piece - 1) / p->piece, p->n >= WG_SHARE_MEMORY, body, p);
}

static void sgd_piece(void *context, int64_t i) {
    const pieces *p = context;
    int64_t n;
    const int64_t at = piece_at(p, i, &n);
    if (p->v == NULL) {
        p->run->sgd(n, p->numbers, p->g + at, p->w + at);
    } else {
        p->run->sgd_momentum(n, p->numbers, p->g + at, p->w + at, p->v + at);
    }
}

void wg_kernel_sgd(wg_dtype dtype, int64_t n, const wg_sgd_numbers *numbers, const void *gradient,
                   void *weight, void *velocity) {
    pieces p = {
        .n = n, .piece = PIECE, .numbers = numbers, .g = gradient, .w = weight, .v = velocity};
    in_pieces(dtype, sgd_piece, &p);
}

/* What the pieces of one outer product share. */
typedef struct outer {
    const loops *run;
    int64_t rows, columns, piece; /* rows of a piece */
    size_t size;
    const wg_sgd_numbers *numbers;
    const char *column, *row;
    char *w;
} outer;

static void outer_piece(void *context, int64_t i) {
    const outer *o = context;
    const int64_t first = i * o->piece;
    const int64_t rows = o->rows - first < o->piece ? o->rows - first : o->piece;
    o->run->sgd_outer(rows, o->columns, o->numbers, o->column + (size_t)first * o->size, o->row,
                      o->w + (size_t)(first * o->columns) * o->size);
}

void wg_kernel_sgd_outer(wg_dtype dtype, int64_t rows, int64_t columns,
                         const wg_sgd_numbers *numbers, const void *column, const void *row,
                         void *weight) {
    outer o = {.run = loops_of(dtype),
               .rows = rows,
               .columns = columns,
               .piece = columns < PIECE ? PIECE / columns : 1,
               .size = wg_dtype_size(dtype),
               .numbers = numbers,
               .column = column,
               .row = row,
               .w = weight};
    wg_parallel((rows + o.piece - 1) / o.piece, rows * columns >= WG_SHARE_MEMORY, outer_piece, &o);
}

static void adam_piece(void *context, int64_t i) {
    const pieces *p = context;
    int64_t n;
    const int64_t at = piece_at(p, i, &n);
    p->run->adam(n, p->numbers, p->g + at, p->w + at, p->m + at, p->v + at);
}

void wg_kernel_adam(wg_dtype dtype, int64_t n, const wg_adam_numbers *numbers, const void *gradient,
                    void *weight, void *mean, void *variance) {
    pieces p = {.n = n,
                .piece = PIECE,
                .numbers = numbers,
                .g = gradient,
                .w = weight,
                .m = mean,
                .v = variance};
    in_pieces(dtype, adam_piece, &p);
}

static void scale_piece(void *context, int64_t i) {
    const pieces *p = context;
    int64_t n;
    const int64_t at = piece_at(p, i, &n);
    p->run->scale(n, p->factor, p->w + at);
}

void wg_kernel_scale(wg_dtype dtype, int64_t n, double factor, void *x) {
    pieces p = {.n = n, .piece = PIECE, .w = x, .factor = factor};
    in_pieces(dtype, scale_piece, &p);
}

static void sum_squares_piece(void *context, int64_t i) {
    const pieces *p = context;
    int64_t n;
    const int64_t at = piece_at(p, i, &n);
    p->sum[i] = p->run->sum_squares(n, p->g + at);
}

double wg_kernel_sum_squares(wg_dtype dtype, int64_t n, const void *x) {
    double sum[MOST_PARTS] = {0}, total = 0;
    const int64_t least = (n + MOST_PARTS - 1) / MOST_PARTS;
    pieces p = {.n = n, .piece = least < PIECE ? PIECE : least, .g = x, .sum = sum};
    in_pieces(dtype, sum_squares_piece, &p);
    for (int64_t i = 0; i < MOST_PARTS; i++) {
        total += sum[i];
    }
    return total;
}
