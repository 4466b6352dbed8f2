/* softmax.c: the softmax family's baseline loops, the choice among instruction sets, and the strips
 * that threads share. */
#include "kernel/softmax.h"

#define WG_SOFTMAX_TABLE wg_softmax_baseline
#include "kernel/softmax_isa.h"

#include "base/parallel.h"

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
