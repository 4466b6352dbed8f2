#include "kernel/reduce.h"

#include "base/parallel.h"
#include "kernel/copy.h"
#include "kernel/folds.h"
#include "kernel/walk.h"

#include <math.h>

/* Elements that are folded into one number by lanes alone. */
#define STRETCH 4096
/* Columns folded side by side (whole rows are read faster than pieces of them), and rows of them
 * between two compensated additions. */
#define STRIP 1024
#define STRIP_ROWS 64
/* Few strips are cut into parts for threads to share, of this many results in all. */
#define MOST_STRIP_PARTS 16
#define MOST_SHARES 4096
/* A fold of this many elements is cut into chunks that threads share. */
#define CHUNKED_FROM 131072
#define MOST_CHUNKS 64

/* A running fold; `low` collects the rounding errors of a sum. */
typedef struct total {
    double value, low;
} total;

static inline void total_add(wg_reduction kind, total *t, double x) {
    switch (kind) {
    case WG_REDUCE_SUM:
    case WG_REDUCE_NORM:
    case WG_REDUCE_SIZES: {
        const double sum = t->value + x, back = sum - t->value;
        t->low += (t->value - (sum - back)) + (x - back);
        t->value = sum;
        break;
    }
    case WG_REDUCE_PROD:
        t->value *= x;
        break;
    case WG_REDUCE_MAX:
        t->value = WG_FOLD_MAX(t->value, x);
        break;
    case WG_REDUCE_MIN:
        t->value = WG_FOLD_MIN(t->value, x);
        break;
    case WG_REDUCTION_COUNT:
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
    const wg_folds *fold;
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
    p->fold = wg_kernel_folds(kind);
    p->type = from->dtype == WG_F64;
    wg_walk_start(&p->kept, &kept, &results, 0);
    wg_walk_start(&p->reduced, &reduced, &reduced, 0);
    p->results = wg_walk_count(&p->kept, p->kept.rank);
    p->count = wg_walk_count(&p->reduced, p->reduced.rank);
    p->divisor = divisor;
}

static void store(const plan *p, char *to, double value) {
    value = (p->kind == WG_REDUCE_NORM ? sqrt(value) : value) / p->divisor;
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

/* Folds the rows [low, high) of n <= STRIP results side by side, whose first begins at `from`, into
 * t. */
static void fold_columns(const plan *p, char *from, int64_t n, int64_t low, int64_t high,
                         total *t) {
    const int last = p->reduced.rank - 1;
    const int64_t inner = last < 0 ? 1 : p->reduced.shape[last];
    const int64_t row_step = last < 0 ? 0 : p->reduced.step[0][last];
    const int64_t step = p->kept.step[0][p->kept.rank - 1];
    int64_t first = low % inner, pending = 0;
    double part[STRIP];
    wg_walk walk = p->reduced;
    walk.data[0] = walk.data[1] = from;
    wg_cursor cursor;
    wg_cursor_start(&cursor, &walk, last < 0 ? 0 : last, low / inner);
    while (low < high) {
        int64_t rows = inner - first < high - low ? inner - first : high - low;
        rows = rows < STRIP_ROWS - pending ? rows : STRIP_ROWS - pending;
        for (int64_t j = 0; j < n && pending == 0; j++) {
            part[j] = p->fold->identity;
        }
        p->fold->columns[p->type](n, rows, cursor.at[0] + first * row_step, step, row_step, part);
        low += rows;
        first += rows;
        pending += rows;
        if (first == inner && low < high) {
            first = 0;
            wg_cursor_next(&cursor, &walk, last);
        }
        if (pending == STRIP_ROWS || low == high) {
            for (int64_t j = 0; j < n; j++) {
                total_add(p->kind, &t[j], part[j]);
            }
            pending = 0;
        }
    }
}

/* Results side by side. */
typedef struct strip {
    char *from, *to;
    int64_t n;
} strip;

/* Strip `number` of all, counted through. */
static strip strip_at(const plan *p, int64_t number) {
    const int last = p->kept.rank - 1;
    const int64_t n = p->kept.shape[last], strips = (n + STRIP - 1) / STRIP;
    const int64_t first = number % strips * STRIP;
    wg_cursor cursor;
    wg_cursor_start(&cursor, &p->kept, last, number / strips);
    const strip s = {cursor.at[0] + first * p->kept.step[0][last],
                     cursor.at[1] + first * p->kept.step[1][last],
                     n - first < STRIP ? n - first : STRIP};
    return s;
}

typedef struct strips {
    const plan *plan;
    int64_t parts, width;
    total *shares; /* `width` for each part of each strip */
} strips;

/* How many parts the rows of each strip are cut into, for threads to share: by the shape alone. */
static int64_t strip_parts(const plan *p, int64_t count, int64_t width) {
    const int64_t room = MOST_SHARES / (count * width), rows = p->count / (8 * STRIP_ROWS);
    const int64_t most = room < MOST_STRIP_PARTS ? room : MOST_STRIP_PARTS;
    const int64_t parts = rows < most ? rows : most;
    return parts < 1 || p->results * p->count < WG_SHARE_MEMORY ? 1 : parts;
}

static void fold_part(const strips *all, const strip *s, int64_t part, total *t) {
    const plan *p = all->plan;
    for (int64_t j = 0; j < s->n; j++) {
        t[j] = (total){p->fold->identity, 0};
    }
    fold_columns(p, s->from, s->n, p->count * part / all->parts, p->count * (part + 1) / all->parts,
                 t);
}

static void fold_share(void *context, int64_t i) {
    const strips *all = context;
    const strip s = strip_at(all->plan, i / all->parts);
    fold_part(all, &s, i % all->parts, all->shares + i * all->width);
}

/* Joins the parts' totals, which begin at t, in their order. */
static void finish_strip(const strips *all, const strip *s, total *t) {
    const plan *p = all->plan;
    const int64_t step = p->kept.step[1][p->kept.rank - 1];
    for (int64_t j = 0; j < s->n; j++) {
        for (int64_t part = 1; part < all->parts; part++) {
            const total more = t[part * all->width + j];
            total_add(p->kind, &t[j], more.value);
            t[j].low += more.low;
        }
        store(p, s->to + j * step, total_of(t[j]));
    }
}

/* A strip whose rows are not shared. */
static void reduce_strip(void *context, int64_t i) {
    const strips *all = context;
    const strip s = strip_at(all->plan, i);
    total t[STRIP];
    fold_part(all, &s, 0, t);
    finish_strip(all, &s, t);
}

static void reduce_by_columns(const plan *p) {
    const int last = p->kept.rank - 1;
    const int64_t n = p->kept.shape[last];
    const int64_t count = wg_walk_count(&p->kept, last) * ((n + STRIP - 1) / STRIP);
    total shares[MOST_SHARES];
    strips all = {p, 1, n < STRIP ? n : STRIP, shares};
    all.parts = strip_parts(p, count, all.width);
    if (all.parts == 1) {
        wg_parallel(count, p->results * p->count >= WG_SHARE_MEMORY, reduce_strip, &all);
        return;
    }
    wg_parallel(count * all.parts, true, fold_share, &all);
    for (int64_t i = 0; i < count; i++) {
        const strip s = strip_at(p, i);
        finish_strip(&all, &s, shares + i * all.parts * all.width);
    }
}

static int64_t innermost_step(const wg_walk *walk) {
    const int64_t step = walk->rank == 0 ? INT64_MAX : walk->step[0][walk->rank - 1];
    return step < 0 ? -step : step;
}

typedef struct pieces {
    const plan *plan;
    int64_t count;
} pieces;

static void reduce_piece(void *context, int64_t i) {
    const pieces *p = context;
    const int64_t results = p->plan->results;
    reduce_by_rows(p->plan, results * i / p->count, results * (i + 1) / p->count, false);
}

void wg_kernel_reduce(wg_reduction kind, const wg_view *from, const wg_view *to, double divisor) {
    plan p;
    plan_start(&p, kind, from, to, divisor);
    if (p.results == 0) {
        return;
    }
    if (p.count > 0 && p.kept.rank > 0 && innermost_step(&p.kept) < innermost_step(&p.reduced)) {
        reduce_by_columns(&p);
        return;
    }
    const bool shared = p.results * (p.count + 1) >= WG_SHARE_MEMORY;
    if (!shared || p.results < 16) {
        reduce_by_rows(&p, 0, p.results, shared);
        return;
    }
    pieces all = {&p, p.results < 256 ? p.results : 256};
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
