#include "kernel/softmax.h"

#include "base/parallel.h"
#include "kernel/elementwise.h"

#include <math.h>

#define LANES 16
#define STRIP 256

#define T float
#define TYPE 0
#include "kernel/softmax_planes.h"
#define T double
#define TYPE 1
#include "kernel/softmax_planes.h"

typedef void (*strip)(int64_t n, int64_t row, int64_t w, const void *x, const void *g, void *to,
                      int64_t at);

typedef struct strips {
    const wg_planes *planes;
    strip work;
    const void *x, *g;
    void *to;
    int64_t count; /* a plane */
} strips;

static void do_strip(void *context, int64_t i) {
    const strips *s = context;
    const int64_t n = s->planes->n, inner = s->planes->inner, first = i % s->count * STRIP;
    s->work(n, inner, inner - first < STRIP ? inner - first : STRIP, s->x, s->g, s->to,
            i / s->count * n * inner + first);
}

static void over_planes(const wg_planes *p, strip work, const void *x, const void *g, void *to) {
    strips s = {p, work, x, g, to, (p->inner + STRIP - 1) / STRIP};
    if (p->n > 0) {
        wg_parallel(p->outer * s.count, p->outer * p->n * p->inner >= WG_SHARE_COMPUTE, do_strip,
                    &s);
    }
}

void wg_kernel_softmax(const wg_planes *planes, const void *x, void *to) {
    over_planes(planes, planes->dtype == WG_F32 ? softmax_float : softmax_double, x, NULL, to);
}

void wg_kernel_log_softmax(const wg_planes *planes, const void *x, void *to) {
    over_planes(planes, planes->dtype == WG_F32 ? log_softmax_float : log_softmax_double, x, NULL,
                to);
}

void wg_kernel_softmax_chain(const wg_planes *planes, const void *y, const void *g, void *to) {
    over_planes(planes, planes->dtype == WG_F32 ? softmax_chain_float : softmax_chain_double, y, g,
                to);
}

void wg_kernel_log_softmax_chain(const wg_planes *planes, const void *y, const void *g, void *to) {
    over_planes(planes,
                planes->dtype == WG_F32 ? log_softmax_chain_float : log_softmax_chain_double, y, g,
                to);
}

void wg_kernel_softmax_row(wg_dtype dtype, int64_t n, const void *x, void *to) {
    if (dtype == WG_F32) {
        softmax_row_float(n, x, to);
    } else {
        softmax_row_double(n, x, to);
    }
}

double wg_kernel_log_sum_exp(wg_dtype dtype, int64_t n, const void *x) {
    if (dtype == WG_F32) {
        const float max = row_max_float(n, x);
        return (double)max + log(row_exp_sum_float(n, x, max, NULL));
    }
    const double max = row_max_double(n, x);
    return max + log(row_exp_sum_double(n, x, max, NULL));
}
