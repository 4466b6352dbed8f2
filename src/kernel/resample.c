/* resample.c: linear resampling of the last axes, one axis after the other within each plane, so
 * that what lies between stays in the cache.
 *
 * Each result of an axis is a sum of neighbours with weights (taps). Axes that shrink go first to
 * last, axes that grow last to first, so that the pass along neighbours, which vectors serve least,
 * has the fewest elements. */
#include "kernel/windows.h"

#include "base/base.h"
#include "base/parallel.h"

#include <math.h>
#include <string.h>

#define GROUPS 64 /* of planes; each has scratch of its own */
#define WIDE 16   /* taps from which sums are taken in double */
#define STRIP 256

/* The taps of one axis: result o is the sum of weight[o * most + k] * x[first[o] + k], k <
 * count[o].
 */
typedef struct taps {
    int64_t in, out, most;
    int64_t *first, *count;
    double *weight;
} taps;

/* ---- Taps ---------------------------------------------------------------------------------- */

static int64_t most_taps(const wg_resample_axis *a) {
    switch (a->kind) {
    case WG_RESAMPLE_POOL:
        return a->kernel < a->in ? a->kernel : a->in;
    case WG_RESAMPLE_AREA:
        return a->in / a->out + 2 < a->in ? a->in / a->out + 2 : a->in;
    case WG_RESAMPLE_LINEAR:
        return 2;
    case WG_RESAMPLE_CUBIC:
        return 4;
    default:
        return 1;
    }
}

static void pool_taps(const wg_resample_axis *a, int64_t o, int64_t *first, int64_t *stop,
                      double *weight) {
    int64_t from = o * a->stride - a->padding, to = from + a->kernel;
    to = to < a->in + a->padding ? to : a->in + a->padding;
    const int64_t padded = to - from;
    *first = from < 0 ? 0 : from;
    *stop = to < a->in ? to : a->in;
    *weight = a->sums ? 1 : 1 / (double)(a->exclude_padding ? *stop - *first : padded);
}

/* Where result o lies between the elements. */
static double position(const wg_resample_axis *a, int64_t o) {
    const double in = (double)a->in, out = (double)a->out;
    if (a->align_corners) {
        return a->out > 1 ? (double)o * ((in - 1) / (out - 1)) : 0;
    }
    const double step = a->step > 0 ? a->step : in / out;
    return a->kind == WG_RESAMPLE_NEAREST ? (double)o * step : ((double)o + 0.5) * step - 0.5;
}

/* R. Keys, "Cubic Convolution Interpolation for Digital Image Processing" (1981), a = -3/4: the
 * weight of an element `x` away. */
static double cubic(double x) {
    const double a = -0.75;
    x = fabs(x);
    return x <= 1  ? ((a + 2) * x - (a + 3)) * x * x + 1
           : x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
                   : 0;
}

static int64_t within(int64_t i, int64_t n) {
    return i < 0 ? 0 : i >= n ? n - 1 : i;
}

/* Taps beyond the edges fall on the edge. */
static void interpolation_taps(const wg_resample_axis *a, int64_t o, taps *t) {
    double *weight = t->weight + o * t->most, x = position(a, o);
    if (a->kind == WG_RESAMPLE_LINEAR) {
        x = x < 0 ? 0 : x;
    }
    const int64_t at = (int64_t)floor(x);
    if (a->kind == WG_RESAMPLE_NEAREST) {
        t->first[o] = within(at, a->in);
        t->count[o] = 1;
        weight[0] = 1;
        return;
    }
    const bool is_cubic = a->kind == WG_RESAMPLE_CUBIC;
    const int64_t low = is_cubic ? at - 1 : at, high = is_cubic ? at + 2 : at + 1;
    t->first[o] = within(low, a->in);
    t->count[o] = within(high, a->in) - t->first[o] + 1;
    for (int64_t i = low; i <= high; i++) {
        const double away = fabs(x - (double)i);
        weight[within(i, a->in) - t->first[o]] += is_cubic ? cubic(away) : 1 - away;
    }
}

static void fill_taps(const wg_resample_axis *a, taps *t) {
    memset(t->weight, 0, (size_t)(t->out * t->most) * sizeof *t->weight);
    for (int64_t o = 0; o < t->out; o++) {
        double weight = 1;
        int64_t stop = 0;
        if (a->kind == WG_RESAMPLE_POOL) {
            pool_taps(a, o, &t->first[o], &stop, &weight);
        } else if (a->kind == WG_RESAMPLE_AREA) {
            t->first[o] = o * a->in / a->out;
            stop = ((o + 1) * a->in + a->out - 1) / a->out;
            weight = 1 / (double)(stop - t->first[o]);
        } else {
            interpolation_taps(a, o, t);
            stop = t->first[o] + t->count[o];
        }
        t->count[o] = stop > t->first[o] ? stop - t->first[o] : 0;
        for (int64_t k = 0; k < t->count[o]; k++) {
            const bool even = a->kind == WG_RESAMPLE_POOL || a->kind == WG_RESAMPLE_AREA;
            double *at = &t->weight[o * t->most + k];
            *at = (even ? weight : *at) * a->factor;
        }
    }
}

/* ---- One axis ------------------------------------------------------------------------------ */

/* Rows of `b` neighbours: row o of `to` is a weighted sum of rows of x. ACC is what sums are taken
 * in. */
#define ROWS(type, acc, name)                                                                      \
    static void rows_##name(const taps *t, int64_t o, int64_t b, const type *restrict x,           \
                            type *restrict to) {                                                   \
        const double *w = t->weight + o * t->most;                                                 \
        x += t->first[o] * b;                                                                      \
        for (int64_t from = 0; from < b; from += STRIP) {                                          \
            const int64_t n = b - from < STRIP ? b - from : STRIP;                                 \
            acc sum[STRIP];                                                                        \
            for (int64_t j = 0; j < n; j++) {                                                      \
                sum[j] = 0;                                                                        \
            }                                                                                      \
            for (int64_t k = 0; k < t->count[o]; k++) {                                            \
                const acc weight = (acc)w[k];                                                      \
                const type *row = x + k * b + from;                                                \
                for (int64_t j = 0; j < n; j++) {                                                  \
                    sum[j] += weight * (acc)row[j];                                                \
                }                                                                                  \
            }                                                                                      \
            for (int64_t j = 0; j < n; j++) {                                                      \
                to[from + j] = (type)sum[j];                                                       \
            }                                                                                      \
        }                                                                                          \
    }
ROWS(float, float, float)
ROWS(float, double, wide_float)
ROWS(double, double, double)
#define rows_wide_double rows_double

#define AXIS(type)                                                                                 \
    static void axis_##type(const taps *t, int64_t a, int64_t b, const void *from, void *out) {    \
        const type *restrict x = from;                                                             \
        type *restrict to = out;                                                                   \
        for (int64_t i = 0; i < a; i++, x += t->in * b) {                                          \
            for (int64_t o = 0; o < t->out; o++, to += b) {                                        \
                if (b > 1) {                                                                       \
                    (t->most < WIDE ? rows_##type : rows_wide_##type)(t, o, b, x, to);             \
                    continue;                                                                      \
                }                                                                                  \
                const double *w = t->weight + o * t->most;                                         \
                const type *at = x + t->first[o];                                                  \
                double sum = 0;                                                                    \
                for (int64_t k = 0; k < t->count[o]; k++) {                                        \
                    sum += w[k] * (double)at[k];                                                   \
                }                                                                                  \
                *to = (type)sum;                                                                   \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    static void back_##type(const taps *t, int64_t a, int64_t b, const void *from, void *out) {    \
        const type *restrict g = from;                                                             \
        type *restrict to = out;                                                                   \
        memset(to, 0, (size_t)(a * t->in * b) * sizeof *to);                                       \
        for (int64_t i = 0; i < a; i++, to += t->in * b) {                                         \
            for (int64_t o = 0; o < t->out; o++, g += b) {                                         \
                const double *w = t->weight + o * t->most;                                         \
                type *restrict at = to + t->first[o] * b;                                          \
                for (int64_t k = 0; k < t->count[o]; k++, at += b) {                               \
                    const type weight = (type)w[k];                                                \
                    for (int64_t j = 0; j < b; j++) {                                              \
                        at[j] += weight * g[j];                                                    \
                    }                                                                              \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }
AXIS(float)
AXIS(double)

/* ---- Planes -------------------------------------------------------------------------------- */

typedef struct resampling {
    const wg_resample *r;
    taps taps[WG_WINDOW_AXES];
    int order[WG_WINDOW_AXES], passes; /* axes that change, in the order of the forward direction */
    int64_t size, in, out, largest;    /* bytes of an element; elements of planes */
    bool back;
    wg_dtype dtype;
    const char *x;
    char *to, *between; /* two planes of the largest size a group */
} resampling;

static void plan(resampling *all, const wg_resample *r, wg_dtype dtype) {
    memset(all, 0, sizeof *all);
    all->r = r;
    all->dtype = dtype;
    all->size = (int64_t)wg_dtype_size(dtype);
    all->in = all->out = 1;
    for (int i = 0; i < WG_WINDOW_AXES; i++) {
        all->in *= r->axis[i].in;
        all->out *= r->axis[i].out;
    }
    const bool grows = all->out > all->in;
    for (int i = 0; i < WG_WINDOW_AXES; i++) {
        const int axis = grows ? WG_WINDOW_AXES - 1 - i : i;
        if (r->axis[axis].kind != WG_RESAMPLE_NONE) {
            all->order[all->passes++] = axis;
        }
    }
    /* What lies between two passes is at most this large. */
    all->largest = 1;
    for (int i = 0; i < WG_WINDOW_AXES; i++) {
        const wg_resample_axis *a = &r->axis[i];
        all->largest *= a->in > a->out ? a->in : a->out;
    }
}

static int64_t groups_of(const wg_resample *r) {
    return r->planes < GROUPS ? r->planes : GROUPS;
}

static size_t table_bytes(const wg_resample_axis *a) {
    return (size_t)a->out * (2 * sizeof(int64_t) + (size_t)most_taps(a) * sizeof(double));
}

size_t wg_kernel_resample_bytes(const wg_resample *r, wg_dtype dtype) {
    resampling all;
    plan(&all, r, dtype);
    size_t bytes = 64;
    for (int i = 0; i < all.passes; i++) {
        bytes += table_bytes(&r->axis[all.order[i]]);
    }
    const int64_t planes = all.passes > 1 ? 2 * groups_of(r) * all.largest : 0;
    return bytes + (size_t)(planes * all.size);
}

static void lay_out(resampling *all, void *scratch) {
    char *at = scratch;
    for (int i = 0; i < all->passes; i++) {
        const wg_resample_axis *a = &all->r->axis[all->order[i]];
        taps *t = &all->taps[all->order[i]];
        t->in = a->in;
        t->out = a->out;
        t->most = most_taps(a);
        t->first = (int64_t *)(void *)at;
        t->count = t->first + a->out;
        t->weight = (double *)(void *)(t->count + a->out);
        at += table_bytes(a);
        fill_taps(a, t);
    }
    all->between = at;
}

static void do_plane(const resampling *all, int64_t plane, char *const spare[2]) {
    int64_t sizes[WG_WINDOW_AXES];
    const char *from = all->x + plane * (all->back ? all->out : all->in) * all->size;
    char *const end = all->to + plane * (all->back ? all->in : all->out) * all->size;
    for (int i = 0; i < WG_WINDOW_AXES; i++) {
        sizes[i] = all->back ? all->r->axis[i].out : all->r->axis[i].in;
    }
    for (int i = 0; i < all->passes; i++) {
        const int axis = all->order[all->back ? all->passes - 1 - i : i];
        char *to = i + 1 == all->passes ? end : spare[i % 2];
        int64_t a = 1, b = 1;
        for (int k = 0; k < WG_WINDOW_AXES; k++) {
            a *= k < axis ? sizes[k] : 1;
            b *= k > axis ? sizes[k] : 1;
        }
        if (all->back) {
            (all->dtype == WG_F32 ? back_float : back_double)(&all->taps[axis], a, b, from, to);
        } else {
            (all->dtype == WG_F32 ? axis_float : axis_double)(&all->taps[axis], a, b, from, to);
        }
        sizes[axis] = all->back ? all->r->axis[axis].in : all->r->axis[axis].out;
        from = to;
    }
    if (all->passes == 0) {
        memcpy(end, from, (size_t)(all->in * all->size));
    }
}

static void do_group(void *context, int64_t group) {
    const resampling *all = context;
    const int64_t groups = groups_of(all->r), planes = all->r->planes;
    char *const first = all->between + 2 * group * all->largest * all->size;
    char *const spare[2] = {first, first + all->largest * all->size};
    for (int64_t i = planes * group / groups; i < planes * (group + 1) / groups; i++) {
        do_plane(all, i, spare);
    }
}

static void run(const wg_resample *r, wg_dtype dtype, bool back, const void *x, void *to,
                void *scratch) {
    resampling all;
    plan(&all, r, dtype);
    lay_out(&all, scratch);
    all.back = back;
    all.x = x;
    all.to = to;
    wg_parallel(groups_of(r), r->planes * (all.in + all.out) >= WG_SHARE_MEMORY, do_group, &all);
}

void wg_kernel_resample(const wg_resample *r, wg_dtype dtype, const void *x, void *to,
                        void *scratch) {
    run(r, dtype, false, x, to, scratch);
}

void wg_kernel_resample_transpose(const wg_resample *r, wg_dtype dtype, const void *g, void *to,
                                  void *scratch) {
    run(r, dtype, true, g, to, scratch);
}
