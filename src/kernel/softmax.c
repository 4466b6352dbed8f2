#include "kernel/softmax.h"

#include "kernel/elementwise.h"

#include <math.h>

#define LANES 16
#define STRIP 256
/* Elements from which threads pay. */
#define SHARED_FROM 16384

#define T float
#define TYPE 0
#include "kernel/softmax_planes.h"
#define T double
#define TYPE 1
#include "kernel/softmax_planes.h"

typedef void (*strip)(int64_t n, int64_t row, int64_t w, const void *x, const void *g, void *to,
                      int64_t at);

static void over_planes(const wg_planes *p, strip work, const void *x, const void *g, void *to) {
    const int64_t strips = (p->inner + STRIP - 1) / STRIP, all = p->outer * strips;
    if (p->n == 0) {
        return;
    }
#ifdef _OPENMP
#pragma omp parallel for schedule(static) if (p->outer * p->n * p->inner >= SHARED_FROM)
#endif
    for (int64_t i = 0; i < all; i++) {
        const int64_t first = i % strips * STRIP;
        work(p->n, p->inner, p->inner - first < STRIP ? p->inner - first : STRIP, x, g, to,
             i / strips * p->n * p->inner + first);
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
