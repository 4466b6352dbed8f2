/* optimizer.c: see optimizer.h. The loops exist once an instruction set; the widest that the
 * machine has runs. */
#include "kernel/optimizer.h"

#include "base/parallel.h"

#include <float.h>
#include <math.h>

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF /* the same bits on every machine */
#endif

#define LANES 16
/* Elements that a thread takes at a time. */
#define PIECE 16384
/* A sum is cut into at most this many parts, whatever the threads. */
#define MOST_PARTS 64

typedef void step_loop(int64_t n, const wg_step_numbers *s, const void *g, void *w,
                       void *const *slot);

typedef struct loops {
    step_loop *step[WG_STEP_LOOP_COUNT];
    void (*sgd_outer)(int64_t rows, int64_t columns, const wg_step_numbers *s, const void *column,
                      const void *row, void *w);
    void (*lamb_moments)(int64_t n, const wg_step_numbers *s, const void *g, const void *w,
                         void *const *slot, double *sums);
    step_loop *lamb_move;
} loops;

#define STEP_OF(name, suffix) name##_##suffix,
#define LOOPS_OF(suffix)                                                                           \
    {                                                                                              \
        {WG_STEP_LOOPS(STEP_OF, suffix)}, sgd_outer_##suffix, lamb_moments_##suffix,               \
            lamb_move_##suffix                                                                     \
    }

#define TARGET
#define T float
#define ROOT sqrtf
#define ABS fabsf
#define LOOP(name) name##_baseline_f32
#include "kernel/optimizer_loops.h"
#undef T
#undef ROOT
#undef ABS
#undef LOOP
#define T double
#define ROOT sqrt
#define ABS fabs
#define LOOP(name) name##_baseline_f64
#include "kernel/optimizer_loops.h"
#undef T
#undef ROOT
#undef ABS
#undef LOOP
#undef TARGET
static const loops baseline[2] = {LOOPS_OF(baseline_f32), LOOPS_OF(baseline_f64)};

#if defined(__x86_64__) && defined(__GNUC__)
#define TARGET __attribute__((target("avx2")))
#define T float
#define ROOT sqrtf
#define ABS fabsf
#define LOOP(name) name##_avx2_f32
#include "kernel/optimizer_loops.h"
#undef T
#undef ROOT
#undef ABS
#undef LOOP
#define T double
#define ROOT sqrt
#define ABS fabs
#define LOOP(name) name##_avx2_f64
#include "kernel/optimizer_loops.h"
#undef T
#undef ROOT
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
    const loops *run;
    step_loop *step;
    int64_t n, piece, size; /* elements, of a piece, bytes an element */
    const wg_step_numbers *numbers;
    const char *g;
    char *w, *slot[WG_STEP_SLOTS];
    double *sum;
} pieces;

/* Where piece i begins, in bytes; *some becomes its elements. */
static int64_t piece_at(const pieces *p, int64_t i, int64_t *some) {
    const int64_t first = i * p->piece;
    *some = p->n - first < p->piece ? p->n - first : p->piece;
    return first * p->size;
}

static void slots_at(const pieces *p, int64_t at, void *slot[WG_STEP_SLOTS]) {
    for (int k = 0; k < WG_STEP_SLOTS; k++) {
        slot[k] = p->slot[k] != NULL ? p->slot[k] + at : NULL;
    }
}

static void in_pieces(wg_dtype dtype, void (*body)(void *context, int64_t i), pieces *p) {
    p->run = loops_of(dtype);
    p->size = (int64_t)wg_dtype_size(dtype);
    wg_parallel((p->n + p->piece - 1) / p->piece, p->n >= WG_SHARE_MEMORY, body, p);
}

/* Pieces for sums: at most MOST_PARTS, whatever the threads. */
static int64_t part_of(int64_t n) {
    const int64_t least = (n + MOST_PARTS - 1) / MOST_PARTS;
    return least < PIECE ? PIECE : least;
}

static void step_piece(void *context, int64_t i) {
    const pieces *p = context;
    int64_t n;
    const int64_t at = piece_at(p, i, &n);
    void *slot[WG_STEP_SLOTS];
    slots_at(p, at, slot);
    p->step(n, p->numbers, p->g + at, p->w + at, slot);
}

/* The numbers as the dtype has them: an epsilon above 0 stays so. */
static wg_step_numbers numbers_in(wg_dtype dtype, const wg_step_numbers *numbers) {
    wg_step_numbers own = *numbers;
    own.epsilon = dtype == WG_F32 ? fmax(own.epsilon, (double)FLT_MIN) : own.epsilon;
    return own;
}

void wg_kernel_step(wg_step_loop loop, wg_dtype dtype, int64_t n, const wg_step_numbers *numbers,
                    const void *gradient, void *weight, void *const slot[WG_STEP_SLOTS]) {
    const wg_step_numbers own = numbers_in(dtype, numbers);
    pieces p = {.step = loops_of(dtype)->step[loop],
                .n = n,
                .piece = PIECE,
                .numbers = &own,
                .g = gradient,
                .w = weight,
                .slot = {slot[0], slot[1], slot[2]}};
    in_pieces(dtype, step_piece, &p);
}

/* What the pieces of one outer product share. */
typedef struct outer {
    const loops *run;
    int64_t rows, columns, piece; /* rows of a piece */
    size_t size;
    const wg_step_numbers *numbers;
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
                         const wg_step_numbers *numbers, const void *column, const void *row,
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

static void lamb_piece(void *context, int64_t i) {
    const pieces *p = context;
    int64_t n;
    const int64_t at = piece_at(p, i, &n);
    void *slot[WG_STEP_SLOTS];
    slots_at(p, at, slot);
    p->run->lamb_moments(n, p->numbers, p->g + at, p->w + at, slot, p->sum + 2 * i);
}

void wg_kernel_lamb(wg_dtype dtype, int64_t n, const wg_step_numbers *numbers, const void *gradient,
                    void *weight, void *const slot[WG_STEP_SLOTS]) {
    double sum[2 * MOST_PARTS] = {0}, squares = 0, updates = 0;
    wg_step_numbers scaled = numbers_in(dtype, numbers);
    pieces p = {.step = loops_of(dtype)->lamb_move,
                .n = n,
                .piece = part_of(n),
                .numbers = &scaled,
                .g = gradient,
                .w = weight,
                .slot = {slot[0], slot[1], slot[2]},
                .sum = sum};
    in_pieces(dtype, lamb_piece, &p);
    for (int i = 0; i < MOST_PARTS; i++) {
        squares += sum[2 * i];
        updates += sum[2 * i + 1];
    }
    if (squares != 0 && updates != 0) {
        scaled.lr *= sqrt(squares) / sqrt(updates);
    }
    in_pieces(dtype, step_piece, &p);
}
