#include "kernel/reduce.h"

#include "base/parallel.h"
#include "kernel/copy.h"
#include "kernel/walk.h"

#include <math.h>

#define LANES 16
/* Elements that are folded into one number by lanes alone. */
#define STRETCH 1024
/* Columns folded side by side, and rows of them between two compensated additions. */
#define STRIP 256
#define STRIP_ROWS 64
/* A fold of this many elements is cut into chunks that threads share. */
#define CHUNKED_FROM 131072
#define MOST_CHUNKS 64

/* ---- Folding rows and columns -------------------------------------------------------------- */

#define FOLD_SUM(a, x) ((a) + (x))
#define FOLD_PROD(a, x) ((a) * (x))
#define FOLD_MAX(a, x) ((((x) > (a)) | ((x) != (x))) != 0 ? (x) : (a))
#define FOLD_MIN(a, x) ((((x) < (a)) | ((x) != (x))) != 0 ? (x) : (a))

/* What a lane is: sums and products of floats are taken in double. */
#define LANE_SUM(type) double
#define LANE_PROD(type) double
#define LANE_MAX(type) type
#define LANE_MIN(type) type

/* row: n elements into one. columns: acc[j] = fold(acc[j], x[j]) for j < n, n <= STRIP. */
#define FOLDS(KIND, type, identity)                                                                \
    static double row_##KIND##_##type(int64_t n, const char *from, int64_t step) {                 \
        const type *x = (const void *)from;                                                        \
        const int64_t s = step / (int64_t)sizeof *x;                                               \
        LANE_##KIND(type) lane[LANES];                                                             \
        int64_t i = 0;                                                                             \
        for (int k = 0; k < LANES; k++) {                                                          \
            lane[k] = (LANE_##KIND(type))(identity);                                               \
        }                                                                                          \
        for (; s == 1 && i + LANES <= n; i += LANES) {                                             \
            for (int k = 0; k < LANES; k++) {                                                      \
                lane[k] = FOLD_##KIND(lane[k], (LANE_##KIND(type))x[i + k]);                       \
            }                                                                                      \
        }                                                                                          \
        for (; i < n; i++) {                                                                       \
            lane[i % LANES] = FOLD_##KIND(lane[i % LANES], (LANE_##KIND(type))x[i * s]);           \
        }                                                                                          \
        for (int half = LANES / 2; half > 0; half /= 2) {                                          \
            for (int k = 0; k < half; k++) {                                                       \
                lane[k] = FOLD_##KIND(lane[k], lane[k + half]);                                    \
            }                                                                                      \
        }                                                                                          \
        return (double)lane[0];                                                                    \
    }                                                                                              \
    static void columns_##KIND##_##type(int64_t n, const char *from, int64_t step, double *acc) {  \
        const type *x = (const void *)from;                                                        \
        const int64_t s = step / (int64_t)sizeof *x;                                               \
        if (s == 1) {                                                                              \
            for (int64_t j = 0; j < n; j++) {                                                      \
                acc[j] = FOLD_##KIND(acc[j], (double)x[j]);                                        \
            }                                                                                      \
        } else {                                                                                   \
            for (int64_t j = 0; j < n; j++) {                                                      \
                acc[j] = FOLD_##KIND(acc[j], (double)x[j * s]);                                    \
            }                                                                                      \
        }                                                                                          \
    }

#define KINDS(X)                                                                                   \
    X(SUM, 0.0)                                                                                    \
    X(PROD, 1.0)                                                                                   \
    X(MAX, -(double)INFINITY)                                                                      \
    X(MIN, (double)INFINITY)

#define FOLDS_OF(KIND, identity) FOLDS(KIND, float, identity) FOLDS(KIND, double, identity)
KINDS(FOLDS_OF)

typedef struct folding {
    double identity;
    double (*row[2])(int64_t n, const char *x, int64_t step); /* f32, f64 */
    void (*columns[2])(int64_t n, const char *x, int64_t step, double *acc);
} folding;

#define FOLDING(KIND, value)                                                                       \
    {value,                                                                                        \
     {row_##KIND##_float, row_##KIND##_double},                                                    \
     {columns_##KIND##_float, columns_##KIND##_double}},
static const folding foldings[] = {KINDS(FOLDING)};

/* A running fold; `low` collects the rounding errors of a sum. */
typedef struct total {
    double value, low;
} total;

static inline void total_add(wg_reduction kind, total *t, double x) {
    switch (kind) {
    case WG_REDUCE_SUM: {
        const double sum = t->value + x, back = sum - t->value;
        t->low += (t->value - (sum - back)) + (x - back);
        t->value = sum;
        break;
    }
    case WG_REDUCE_PROD:
        t->value *= x;
        break;
    case WG_REDUCE_MAX:
        t->value = FOLD_MAX(t->value, x);
        break;
    case WG_REDUCE_MIN:
        t->value = FOLD_MIN(t->value, x);
        break;
    }
}

/* Beside an infinite sum the errors are NaN and say nothing. */
static inline double total_of(total t) {
    return t.low == t.low ? t.value + t.low : t.value;
}

/* ---- One reduction ------------------------------------------------------------------------- */

typedef struct plan {
    wg_reduction kind;
    const folding *fold;
    int type; /* 0: f32, 1: f64 */
    wg_walk kept, reduced;
    int64_t results, count; /* how many results, and of how many elements each */
    double divisor;
} plan;

/* One walk over the axes that stay, beside the results, and one over those that are folded. */
static void plan_start(plan *p, wg_reduction kind, const wg_view *from, const wg_view *to,
                       double divisor) {
    wg_view kept = *from, reduced = *from, results = *to;
    for (int i = 0; i < from->rank; i++) {
        if (to->shape[i] == 1) {
            kept.shape[i] = 1;
        } else {
            reduced.shape[i] = 1;
        }
    }
    p->kind = kind;
    p->fold = &foldings[kind];
    p->type = from->dtype == WG_F64;
    wg_walk_start(&p->kept, &kept, &results, 0);
    wg_walk_start(&p->reduced, &reduced, &reduced, 0);
    p->results = wg_walk_count(&p->kept, p->kept.rank);
    p->count = wg_walk_count(&p->reduced, p->reduced.rank);
    p->divisor = divisor;
}

static void store(const plan *p, char *to, double value) {
    value /= p->divisor;
    if (p->type == 0) {
        *(float *)(void *)to = (float)value;
    } else {
        *(double *)(void *)to = value;
    }
}

/* Folds n elements of a row into t. */
static void fold_row(const plan *p, total *t, int64_t n, const char *from, int64_t step) {
    for (int64_t i = 0; i < n; i += STRETCH) {
        const int64_t some = n - i < STRETCH ? n - i : STRETCH;
        total_add(p->kind, t, p->fold->row[p->type](some, from + i * step, step));
    }
}

/* Folds the elements [low, high) of one result, counted through, which begin at `from`. */
static total fold_range(const plan *p, char *from, int64_t low, int64_t high) {
    total t = {p->fold->identity, 0};
    const int last = p->reduced.rank - 1;
    if (last <= 0 || low == high) {
        const int64_t step = last == 0 ? p->reduced.step[0][0] : 0;
        fold_row(p, &t, high - low, from + low * step, step);
        return t;
    }
    wg_walk walk = p->reduced;
    walk.data[0] = walk.data[1] = from;
    const int64_t n = walk.shape[last], step = walk.step[0][last];
    int64_t first = low % n;
    wg_cursor cursor;
    wg_cursor_start(&cursor, &walk, last, low / n);
    while (low < high) {
        const int64_t some = n - first < high - low ? n - first : high - low;
        fold_row(p, &t, some, cursor.at[0] + first * step, step);
        low += some;
        first = 0;
        wg_cursor_next(&cursor, &walk, last);
    }
    return t;
}

typedef struct chunks {
    const plan *plan;
    char *from;
    int64_t count;
    total part[MOST_CHUNKS];
} chunks;

static void fold_chunk(void *context, int64_t i) {
    chunks *c = context;
    const int64_t all = c->plan->count, some = all / c->count;
    c->part[i] = fold_range(c->plan, c->from, some * i, i + 1 == c->count ? all : some * (i + 1));
}

/* One result; large ones by chunks, whose number depends on the count alone. */
static double fold_all(const plan *p, char *from, bool shared) {
    if (p->count < CHUNKED_FROM) {
        return total_of(fold_range(p, from, 0, p->count));
    }
    const int64_t most = p->count / (CHUNKED_FROM / 2);
    total all = {p->fold->identity, 0};
    chunks c;
    c.plan = p;
    c.from = from;
    c.count = most < MOST_CHUNKS ? most : MOST_CHUNKS;
    wg_parallel(c.count, shared, fold_chunk, &c);
    for (int64_t i = 0; i < c.count; i++) {
        total_add(p->kind, &all, c.part[i].value);
        all.low += c.part[i].low;
    }
    return total_of(all);
}

/* The results [low, high), each by rows. */
static void reduce_by_rows(const plan *p, int64_t low, int64_t high, bool shared) {
    wg_cursor cursor;
    wg_cursor_start(&cursor, &p->kept, p->kept.rank, low);
    for (int64_t i = low; i < high; i++) {
        store(p, cursor.at[1], fold_all(p, cursor.at[0], shared));
        wg_cursor_next(&cursor, &p->kept, p->kept.rank);
    }
}

/* Up to STRIP results side by side along the innermost axis that stays. */
static void reduce_strip(const plan *p, char *from, char *to, int64_t n) {
    const int last = p->kept.rank - 1;
    double part[STRIP];
    total t[STRIP];
    wg_walk walk = p->reduced;
    walk.data[0] = walk.data[1] = from;
    wg_cursor cursor;
    wg_cursor_start(&cursor, &walk, walk.rank, 0);
    for (int64_t j = 0; j < n; j++) {
        t[j] = (total){p->fold->identity, 0};
    }
    for (int64_t row = 0; row < p->count; row += STRIP_ROWS) {
        const int64_t rows = p->count - row < STRIP_ROWS ? p->count - row : STRIP_ROWS;
        for (int64_t j = 0; j < n; j++) {
            part[j] = p->fold->identity;
        }
        for (int64_t i = 0; i < rows; i++) {
            p->fold->columns[p->type](n, cursor.at[0], p->kept.step[0][last], part);
            wg_cursor_next(&cursor, &walk, walk.rank);
        }
        for (int64_t j = 0; j < n; j++) {
            total_add(p->kind, &t[j], part[j]);
        }
    }
    for (int64_t j = 0; j < n; j++) {
        store(p, to + j * p->kept.step[1][last], total_of(t[j]));
    }
}

/* Strip number `strip` of all, counted through. */
static void reduce_by_strip(const plan *p, int64_t strip) {
    const int last = p->kept.rank - 1;
    const int64_t n = p->kept.shape[last], strips = (n + STRIP - 1) / STRIP;
    const int64_t first = strip % strips * STRIP;
    wg_cursor cursor;
    wg_cursor_start(&cursor, &p->kept, last, strip / strips);
    reduce_strip(p, cursor.at[0] + first * p->kept.step[0][last],
                 cursor.at[1] + first * p->kept.step[1][last],
                 n - first < STRIP ? n - first : STRIP);
}

static void reduce_units(const plan *p, bool by_columns, int64_t low, int64_t high, bool shared) {
    if (!by_columns) {
        reduce_by_rows(p, low, high, shared);
        return;
    }
    for (int64_t i = low; i < high; i++) {
        reduce_by_strip(p, i);
    }
}

static int64_t innermost_step(const wg_walk *walk) {
    const int64_t step = walk->rank == 0 ? INT64_MAX : walk->step[0][walk->rank - 1];
    return step < 0 ? -step : step;
}

typedef struct pieces {
    const plan *plan;
    bool by_columns;
    int64_t units, count;
} pieces;

static void reduce_piece(void *context, int64_t i) {
    const pieces *p = context;
    reduce_units(p->plan, p->by_columns, p->units * i / p->count, p->units * (i + 1) / p->count,
                 false);
}

void wg_kernel_reduce(wg_reduction kind, const wg_view *from, const wg_view *to, double divisor) {
    plan p;
    plan_start(&p, kind, from, to, divisor);
    if (p.results == 0) {
        return;
    }
    const bool by_columns = p.count > 0 && innermost_step(&p.kept) < innermost_step(&p.reduced);
    const int last = p.kept.rank - 1;
    const int64_t units =
        by_columns ? wg_walk_count(&p.kept, last) * ((p.kept.shape[last] + STRIP - 1) / STRIP)
                   : p.results;
    const bool shared = p.results * (p.count + 1) >= WG_SHARE_MEMORY;
    if (!shared || (!by_columns && units < 16)) {
        reduce_units(&p, by_columns, 0, units, shared);
        return;
    }
    pieces all = {&p, by_columns, units, units < 256 ? units : 256};
    wg_parallel(all.count, true, reduce_piece, &all);
}

void wg_kernel_sum_to(const wg_view *from, const wg_view *to) {
    wg_view aligned = *to;
    aligned.rank = from->rank;
    for (int i = 0; i < from->rank; i++) {
        const int own = i - (from->rank - to->rank);
        aligned.shape[i] = own < 0 ? 1 : to->shape[own];
        aligned.stride[i] = own < 0 ? 0 : to->stride[own];
    }
    wg_kernel_reduce(WG_REDUCE_SUM, from, &aligned, 1);
}
