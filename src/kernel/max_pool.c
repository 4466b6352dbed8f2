/* max_pool.c: the greatest of windows, and what belongs to it. */
#define WG_MAX_POOL_TABLE wg_max_pool_baseline
#include "kernel/max_pool_isa.h"

#include "base/parallel.h"
#include "kernel/windows.h"

#include <math.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
extern const wg_max_pool_loops wg_max_pool_avx2[2], wg_max_pool_avx512[2];
#endif

static const wg_max_pool_loops *loops_of(wg_dtype dtype) {
    const int type = dtype == WG_F32 ? 0 : 1;
#if defined(__x86_64__) && defined(__GNUC__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw")) {
        return &wg_max_pool_avx512[type];
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        return &wg_max_pool_avx2[type];
    }
#endif
    return &wg_max_pool_baseline[type];
}

typedef struct pooling {
    const wg_windows *p;
    const wg_max_pool_loops *loops;
    wg_dtype dtype, place_dtype;
    int64_t size, in, out; /* of an element; elements of a plane */
    const char *x;
    char *to;
    const char *place;
    char *place_to;
} pooling;

static pooling pooling_of(const wg_windows *p, wg_dtype dtype, const void *x, void *to,
                          wg_dtype place_dtype, const void *place) {
    pooling all = {.p = p,
                   .loops = loops_of(dtype),
                   .dtype = dtype,
                   .place_dtype = place_dtype,
                   .size = (int64_t)wg_dtype_size(dtype),
                   .in = 1,
                   .out = 1,
                   .x = x,
                   .to = to,
                   .place = place};
    for (int i = 0; i < WG_WINDOW_AXES; i++) {
        all.in *= p->axis[i].in;
        all.out *= p->axis[i].out;
    }
    return all;
}

static void run(pooling *all, void (*plane)(void *context, int64_t plane)) {
    const int64_t more = all->in > all->out ? all->in : all->out;
    if (all->out > 0) {
        wg_parallel(all->p->planes, all->p->planes * more >= WG_SHARE_MEMORY, plane, all);
    }
}

/* Windows 2x2, 2 apart, none of which reaches beyond the edges. */
static bool is_two_by_two(const wg_windows *p) {
    bool plain = p->axis[0].in == 1 && p->axis[0].kernel == 1 && p->axis[0].out == 1;
    for (int i = 1; i < WG_WINDOW_AXES; i++) {
        const wg_window_axis *a = &p->axis[i];
        plain = plain && !a->adaptive && a->kernel == 2 && a->stride == 2 && a->padding == 0 &&
                a->dilation == 1 && 2 * a->out <= a->in;
    }
    return plain;
}

/* ---- Forward ------------------------------------------------------------------------------- */

/* The places [*low, *high) of window o that lie within the array. */
static void places_within(const wg_window_axis *a, int64_t o, int64_t *low, int64_t *high) {
    const int64_t first = wg_window_first(a, o), length = wg_window_length(a, o);
    *low = first < 0 ? (-first + a->dilation - 1) / a->dilation : 0;
    *high = first >= a->in ? 0 : (a->in - first + a->dilation - 1) / a->dilation;
    *high = *high > length ? length : *high;
}

/* The windows [*from, *to) of [0, out) in which place k lies within the array. */
static void windows_with(const wg_window_axis *a, int64_t k, int64_t *from, int64_t *to) {
    const int64_t offset = k * a->dilation - a->padding; /* of window 0 */
    const int64_t last = a->in - 1 - offset;
    *from = offset < 0 ? (-offset + a->stride - 1) / a->stride : 0;
    *to = last < 0 ? 0 : last / a->stride + 1;
    *to = *to > a->out ? a->out : *to;
}

typedef struct row_of_windows {
    int64_t first, count;         /* windows of the last axis */
    double best[WG_WINDOW_STRIP]; /* of either type */
    int32_t place[WG_WINDOW_STRIP];
} row_of_windows;

/* One row of the array, whose places begin with `here`, for all windows of the strip. */
static void take_row(const pooling *all, const char *x, int32_t here, row_of_windows *row) {
    const wg_window_axis *a = &all->p->axis[2];
    char *best = (char *)row->best;
    const int64_t size = all->size;
    for (int64_t j = 0; a->adaptive && j < row->count; j++) {
        const int64_t o = row->first + j, first = wg_window_first(a, o);
        for (int64_t k = 0; k < wg_window_length(a, o); k++) {
            all->loops->update(1, x + (first + k) * size, 1, here + (int32_t)k, best + j * size,
                               &row->place[j]);
        }
    }
    for (int64_t k = 0; !a->adaptive && k < a->kernel; k++) {
        int64_t from, to;
        windows_with(a, k, &from, &to);
        from = from > row->first ? from : row->first;
        to = to < row->first + row->count ? to : row->first + row->count;
        if (from < to) {
            all->loops->update(to - from, x + (wg_window_first(a, from) + k * a->dilation) * size,
                               a->stride, here + (int32_t)k, best + (from - row->first) * size,
                               &row->place[from - row->first]);
        }
    }
}

static void put_row(const pooling *all, int64_t at, const row_of_windows *row) {
    memcpy(all->to + at * all->size, row->best, (size_t)(row->count * all->size));
    for (int64_t j = 0; all->place_to != NULL && j < row->count; j++) {
        if (all->place_dtype == WG_U8) {
            ((uint8_t *)all->place_to)[at + j] = (uint8_t)row->place[j];
        } else {
            ((int64_t *)(void *)all->place_to)[at + j] = row->place[j];
        }
    }
}

static void max_strip(const pooling *all, int64_t plane, int64_t o0, int64_t o1,
                      row_of_windows *row) {
    const wg_window_axis *a = all->p->axis;
    int64_t low[2], high[2];
    places_within(&a[0], o0, &low[0], &high[0]);
    places_within(&a[1], o1, &low[1], &high[1]);
    memset(row->best, 0, sizeof row->best);
    for (int64_t j = 0; j < row->count; j++) {
        row->place[j] = -1;
    }
    for (int64_t k0 = low[0]; k0 < high[0]; k0++) {
        for (int64_t k1 = low[1]; k1 < high[1]; k1++) {
            const int64_t i0 = wg_window_first(&a[0], o0) + k0 * a[0].dilation;
            const int64_t i1 = wg_window_first(&a[1], o1) + k1 * a[1].dilation;
            const int64_t line = (plane * a[0].in + i0) * a[1].in + i1;
            take_row(all, all->x + line * a[2].in * all->size,
                     (int32_t)((k0 * a[1].kernel + k1) * a[2].kernel), row);
        }
    }
    put_row(all, ((plane * a[0].out + o0) * a[1].out + o1) * a[2].out + row->first, row);
}

static void max_plane(void *context, int64_t plane) {
    const pooling *all = context;
    const wg_window_axis *a = all->p->axis;
    row_of_windows row;
    for (int64_t o0 = 0; o0 < a[0].out; o0++) {
        for (int64_t o1 = 0; o1 < a[1].out; o1++) {
            for (row.first = 0; row.first < a[2].out; row.first += WG_WINDOW_STRIP) {
                const int64_t rest = a[2].out - row.first;
                row.count = rest < WG_WINDOW_STRIP ? rest : WG_WINDOW_STRIP;
                max_strip(all, plane, o0, o1, &row);
            }
        }
    }
}

static void max_two_by_two(void *context, int64_t plane) {
    const pooling *all = context;
    const wg_window_axis *a = all->p->axis;
    const int64_t line = a[2].in * all->size;
    for (int64_t o = 0; o < a[1].out; o++) {
        const char *x = all->x + plane * all->in * all->size + 2 * o * line;
        const int64_t at = plane * all->out + o * a[2].out;
        all->loops->two_by_two(a[2].out, x, x + line, all->to + at * all->size,
                               all->place_to == NULL ? NULL : (uint8_t *)all->place_to + at);
    }
}

void wg_kernel_max_pool(const wg_windows *p, wg_dtype dtype, const void *x, void *to,
                        wg_dtype place_dtype, void *place) {
    pooling all = pooling_of(p, dtype, x, to, place_dtype, NULL);
    all.place_to = place;
    run(&all,
        is_two_by_two(p) && (place == NULL || place_dtype == WG_U8) ? max_two_by_two : max_plane);
}

/* ---- Places -------------------------------------------------------------------------------- */

static int64_t place_at(const pooling *all, int64_t i) {
    return all->place_dtype == WG_U8 ? ((const uint8_t *)all->place)[i]
                                     : ((const int64_t *)(const void *)all->place)[i];
}

/* Where place `k` lies behind the first of its window. */
static int64_t offset_of(const wg_window_axis *a, int64_t k) {
    const int64_t k2 = k % a[2].kernel, k1 = k / a[2].kernel % a[1].kernel;
    const int64_t k0 = k / a[2].kernel / a[1].kernel;
    return (k0 * a[0].dilation * a[1].in + k1 * a[1].dilation) * a[2].in + k2 * a[2].dilation;
}

static bool lies_within(const wg_window_axis *a, int64_t o, int64_t k) {
    const int64_t at = wg_window_first(a, o) + k * a->dilation;
    return at >= 0 && at < a->in && k < wg_window_length(a, o);
}

int64_t wg_kernel_place_outside(const wg_windows *p, wg_dtype place_dtype, const void *place) {
    const pooling all = pooling_of(p, WG_F32, NULL, NULL, place_dtype, place);
    const wg_window_axis *a = p->axis;
    for (int64_t i = 0; i < p->planes * all.out; i++) {
        const int64_t k = place_at(&all, i), o = i % all.out;
        if (k < 0 || k >= wg_window_places(p) ||
            !lies_within(&a[2], o % a[2].out, k % a[2].kernel) ||
            !lies_within(&a[1], o / a[2].out % a[1].out, k / a[2].kernel % a[1].kernel) ||
            !lies_within(&a[0], o / a[2].out / a[1].out, k / a[2].kernel / a[1].kernel)) {
            return i;
        }
    }
    return -1;
}

/* Calls move(element of the input, window) for all windows of a plane. */
#define EACH_WINDOW(move)                                                                          \
    const wg_window_axis *a = all->p->axis;                                                        \
    int64_t offset[256], at = plane * all->out;                                                    \
    const bool listed = all->place_dtype == WG_U8;                                                 \
    for (int64_t k = 0; listed && k < wg_window_places(all->p); k++) {                             \
        offset[k] = offset_of(a, k);                                                               \
    }                                                                                              \
    for (int64_t o0 = 0; o0 < a[0].out; o0++) {                                                    \
        for (int64_t o1 = 0; o1 < a[1].out; o1++) {                                                \
            const int64_t line =                                                                   \
                (wg_window_first(&a[0], o0) * a[1].in + wg_window_first(&a[1], o1)) * a[2].in;     \
            for (int64_t o2 = 0; o2 < a[2].out; o2++, at++) {                                      \
                const int64_t k = place_at(all, at);                                               \
                const int64_t i = plane * all->in + line + wg_window_first(&a[2], o2) +            \
                                  (listed ? offset[k] : offset_of(a, k));                          \
                move;                                                                              \
            }                                                                                      \
        }                                                                                          \
    }

#define MOVES(type)                                                                                \
    static void unpool_##type(void *context, int64_t plane) {                                      \
        const pooling *all = context;                                                              \
        const type *restrict x = (const void *)all->x;                                             \
        type *restrict to = (void *)all->to;                                                       \
        memset(to + plane * all->in, 0, (size_t)(all->in * all->size));                            \
        EACH_WINDOW(to[i] += x[at])                                                                \
    }                                                                                              \
    static void pick_##type(void *context, int64_t plane) {                                        \
        const pooling *all = context;                                                              \
        const type *restrict x = (const void *)all->x;                                             \
        type *restrict to = (void *)all->to;                                                       \
        EACH_WINDOW(to[at] = x[i])                                                                 \
    }
MOVES(float)
MOVES(double)

static void unpool_two_by_two(void *context, int64_t plane) {
    const pooling *all = context;
    const wg_window_axis *a = all->p->axis;
    const int64_t line = a[2].in * all->size, rest = line - 2 * a[2].out * all->size;
    char *to = all->to + plane * all->in * all->size;
    for (int64_t o = 0; o < a[1].out; o++, to += 2 * line) {
        const int64_t at = plane * all->out + o * a[2].out;
        all->loops->back_two_by_two(a[2].out, all->x + at * all->size,
                                    (const uint8_t *)all->place + at, to, to + line);
        if (rest > 0) {
            memset(to + line - rest, 0, (size_t)rest);
            memset(to + 2 * line - rest, 0, (size_t)rest);
        }
    }
    if (2 * a[1].out < a[1].in) {
        memset(to, 0, (size_t)((a[1].in - 2 * a[1].out) * line));
    }
}

void wg_kernel_max_unpool(const wg_windows *p, wg_dtype dtype, const void *g, wg_dtype place_dtype,
                          const void *place, void *to) {
    pooling all = pooling_of(p, dtype, g, to, place_dtype, place);
    if (all.out == 0 && all.in > 0) {
        memset(to, 0, (size_t)(p->planes * all.in * all.size));
    }
    if (is_two_by_two(p) && place_dtype == WG_U8) {
        run(&all, unpool_two_by_two);
    } else {
        run(&all, dtype == WG_F32 ? unpool_float : unpool_double);
    }
}

void wg_kernel_pool_pick(const wg_windows *p, wg_dtype dtype, const void *x, wg_dtype place_dtype,
                         const void *place, void *to) {
    pooling all = pooling_of(p, dtype, x, to, place_dtype, place);
    run(&all, dtype == WG_F32 ? pick_float : pick_double);
}
