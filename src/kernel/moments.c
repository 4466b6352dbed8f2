#include "kernel/moments.h"

#include "base/parallel.h"

#define LANES 32
/* Elements, and rows of columns, whose deviations are taken from their own mean. */
#define BLOCK 2048
#define ROWS 32
#define STRIP 256
/* A row of this many elements is cut into chunks that threads share. */
#define CHUNKED_FROM 131072
#define MOST_CHUNKS 64

/* How many elements, their mean, and the sum of their squared deviations from it. */
typedef struct moments {
    double count, mean, squares;
} moments;

/* Chan, Golub and LeVeque 1979 (Updating formulae and a pairwise algorithm), equation 2.1. */
static inline moments join(moments a, moments b) {
    if (a.count == 0) {
        return b;
    }
    const double count = a.count + b.count, away = b.mean - a.mean;
    const moments both = {count, a.mean + away * (b.count / count),
                          a.squares + b.squares + away * away * (a.count * b.count / count)};
    return both;
}

static inline double sum_of_lanes(double *lane) {
    for (int half = LANES / 2; half > 0; half /= 2) {
        for (int k = 0; k < half; k++) {
            lane[k] += lane[k + half];
        }
    }
    return lane[0];
}

#define WG_ISA_LOOPS "kernel/moments_typed.h"
#include "kernel/isa_loops.h"

typedef struct loops {
    moments (*row)(int64_t n, const void *x);
    void (*columns)(int64_t n, int64_t row, int64_t w, const void *x, moments *to);
    void (*centre_row)(int64_t n, const void *x, double mean, double factor, void *to);
    void (*centre_columns)(int64_t n, int64_t row, int64_t w, const void *x, const double *mean,
                           const double *factor, void *to);
} loops;

#define LOOPS_OF(isa)                                                                              \
    { row_##isa, columns_##isa, centre_row_##isa, centre_columns_##isa }
#define LOOPS(isa) {LOOPS_OF(isa##_f32), LOOPS_OF(isa##_f64)},
static const loops all_loops[][2] = {WG_ISAS(LOOPS)};

typedef struct centring {
    const loops *run;
    const wg_planes *planes;
    const char *x, *g;
    char *to;
    double number; /* the divisor, or the factor */
    int64_t strips, size;
} centring;

static double element(const centring *c, const char *from, int64_t i) {
    return c->planes->dtype == WG_F32 ? (double)((const float *)(const void *)from)[i]
                                      : ((const double *)(const void *)from)[i];
}

static void set_element(const centring *c, int64_t i, double value) {
    if (c->planes->dtype == WG_F32) {
        ((float *)(void *)c->to)[i] = (float)value;
    } else {
        ((double *)(void *)c->to)[i] = value;
    }
}

typedef struct chunks {
    const centring *all;
    const char *x;
    int64_t count;
    moments part[MOST_CHUNKS];
} chunks;

static void chunk_moments(void *context, int64_t i) {
    chunks *c = context;
    const int64_t n = c->all->planes->n, low = n * i / c->count;
    c->part[i] = c->all->run->row(n * (i + 1) / c->count - low, c->x + low * c->all->size);
}

/* Of one row; a long one by chunks, whose number depends on its length alone. */
static moments row_moments(const centring *all, const char *x) {
    const int64_t n = all->planes->n, most = n / (CHUNKED_FROM / 2);
    chunks c;
    if (n < CHUNKED_FROM) {
        return all->run->row(n, x);
    }
    c.all = all;
    c.x = x;
    c.count = most < MOST_CHUNKS ? most : MOST_CHUNKS;
    wg_parallel(c.count, true, chunk_moments, &c);
    for (int64_t i = 1; i < c.count; i++) {
        c.part[0] = join(c.part[0], c.part[i]);
    }
    return c.part[0];
}

/* The moments of strip i: of *w columns, the first of which is result *result. */
static const char *strip_moments(const centring *c, int64_t i, int64_t *w, int64_t *result,
                                 moments *to) {
    const wg_planes *p = c->planes;
    const int64_t plane = i / c->strips, first = i % c->strips * STRIP;
    const char *x = c->x + (plane * p->n * p->inner + first) * c->size;
    *w = p->inner - first < STRIP ? p->inner - first : STRIP;
    *result = plane * p->inner + first;
    if (p->inner == 1) {
        *to = row_moments(c, x);
    } else {
        c->run->columns(p->n, p->inner, *w, x, to);
    }
    return x;
}

static void variance_strip(void *context, int64_t i) {
    const centring *c = context;
    moments m[STRIP];
    int64_t w, result;
    (void)strip_moments(c, i, &w, &result, m);
    for (int64_t j = 0; j < w; j++) {
        set_element(c, result + j, m[j].squares / c->number);
    }
}

static void centre_strip(void *context, int64_t i) {
    const centring *c = context;
    moments m[STRIP];
    double mean[STRIP], factor[STRIP];
    int64_t w, result;
    const char *x = strip_moments(c, i, &w, &result, m);
    char *to = c->to + (x - c->x);
    for (int64_t j = 0; j < w; j++) {
        mean[j] = m[j].mean;
        factor[j] = element(c, c->g, result + j) * c->number;
    }
    if (c->planes->inner == 1) {
        c->run->centre_row(c->planes->n, x, mean[0], factor[0], to);
    } else {
        c->run->centre_columns(c->planes->n, c->planes->inner, w, x, mean, factor, to);
    }
}

static void over_strips(const wg_planes *planes, void (*body)(void *, int64_t), centring *c) {
    const int64_t results = planes->outer * planes->inner;
    c->run = &all_loops[wg_isa()][planes->dtype == WG_F64];
    c->planes = planes;
    c->size = (int64_t)wg_dtype_size(planes->dtype);
    c->strips = (planes->inner + STRIP - 1) / STRIP;
    /* One long row is shared inside. */
    wg_parallel(planes->outer * c->strips,
                results > 1 && results * planes->n >= WG_SHARE_MEMORY / 4, body, c);
}

void wg_kernel_variance(const wg_planes *planes, const void *x, double divisor, void *to) {
    centring c = {.x = x, .to = to, .number = divisor};
    over_strips(planes, variance_strip, &c);
}

void wg_kernel_centred(const wg_planes *planes, const void *x, const void *g, double factor,
                       void *to) {
    centring c = {.x = x, .g = g, .to = to, .number = factor};
    over_strips(planes, centre_strip, &c);
}
