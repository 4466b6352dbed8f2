/* softmax.c: the softmax family's baseline loops, the choice among instruction sets, and the strips
 * that threads share. */
#include "kernel/softmax.h"

#define WG_SOFTMAX_TABLE wg_softmax_baseline
#include "kernel/softmax_isa.h"

#include "base/parallel.h"

/* A row of this many elements is cut into chunks that threads share. */
#define CHUNKED_FROM 65536
#define MOST_CHUNKS 64

#if defined(__x86_64__) && defined(__GNUC__)
extern const wg_softmax_loops wg_softmax_avx2[2], wg_softmax_avx512[2];
#endif

const wg_softmax_loops *wg_kernel_softmax_loops(void) {
#if defined(__x86_64__) && defined(__GNUC__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw")) {
        return wg_softmax_avx512;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        return wg_softmax_avx2;
    }
#endif
    return wg_softmax_baseline;
}

typedef struct strips {
    const wg_planes *planes;
    wg_softmax_strip work;
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

static const wg_softmax_loops *loops_of(const wg_planes *planes) {
    return &wg_kernel_softmax_loops()[planes->dtype == WG_F32 ? 0 : 1];
}

static void over_planes(const wg_planes *p, wg_softmax_strip work, const void *x, const void *g,
                        void *to) {
    strips s = {p, work, x, g, to, (p->inner + STRIP - 1) / STRIP};
    if (p->n > 0) {
        wg_parallel(p->outer * s.count, p->outer * p->n * p->inner >= WG_SHARE_COMPUTE, do_strip,
                    &s);
    }
}

void wg_kernel_softmax(const wg_planes *planes, const void *x, void *to) {
    over_planes(planes, loops_of(planes)->softmax, x, NULL, to);
}

void wg_kernel_log_softmax(const wg_planes *planes, const void *x, void *to) {
    over_planes(planes, loops_of(planes)->log_softmax, x, NULL, to);
}

void wg_kernel_softmax_chain(const wg_planes *planes, const void *y, const void *g, void *to) {
    over_planes(planes, loops_of(planes)->softmax_chain, y, g, to);
}

void wg_kernel_log_softmax_chain(const wg_planes *planes, const void *y, const void *g, void *to) {
    over_planes(planes, loops_of(planes)->log_softmax_chain, y, g, to);
}

typedef struct chunks {
    wg_dtype dtype;
    int64_t n, count;
    const char *x;
    double part[MOST_CHUNKS];
} chunks;

static void log_sum_exp_chunk(void *context, int64_t i) {
    chunks *c = context;
    const int64_t low = c->n * i / c->count, n = c->n * (i + 1) / c->count - low;
    const void *x = c->x + low * (int64_t)wg_dtype_size(c->dtype);
    c->part[i] = wg_kernel_softmax_loops()[c->dtype == WG_F32 ? 0 : 1].log_sum_exp_row(n, x);
}

double wg_kernel_log_sum_exp(wg_dtype dtype, int64_t n, const void *x) {
    chunks c;
    const int64_t most = n / (CHUNKED_FROM / 2);
    c.dtype = dtype;
    c.n = n;
    c.count = n < CHUNKED_FROM ? 1 : most < MOST_CHUNKS ? most : MOST_CHUNKS;
    c.x = x;
    wg_parallel(c.count, c.count > 1, log_sum_exp_chunk, &c);
    return c.count == 1 ? c.part[0] : wg_kernel_softmax_loops()[1].log_sum_exp_row(c.count, c.part);
}

void wg_kernel_logsumexp(const wg_planes *planes, const void *x, void *to) {
    const int64_t results = planes->outer * planes->inner;
    for (int64_t i = 0; i < results && planes->n == 0; i++) {
        if (planes->dtype == WG_F32) {
            ((float *)to)[i] = -INFINITY;
        } else {
            ((double *)to)[i] = -(double)INFINITY;
        }
    }
    over_planes(planes, loops_of(planes)->log_sum_exp, x, NULL, to);
}

void wg_kernel_exp_share(const wg_planes *planes, const void *x, const void *r, const void *g,
                         void *to) {
    const void *const both[2] = {r, g};
    over_planes(planes, loops_of(planes)->exp_share, x, both, to);
}
