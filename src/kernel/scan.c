#include "kernel/scan.h"

#include "base/parallel.h"

#include <math.h>

#define STRIP 512
/* Rows that go side by side. */
#define LINES 8

#define WG_ISA_LOOPS "kernel/scan_typed.h"
#include "kernel/isa_loops.h"

typedef void (*scan_loop)(int64_t n, int64_t step, int64_t w, int64_t beside, const void *a,
                          const void *b, void *to);

/* The greatest so far, and the sum of exp(x - it). */
#define LOGSUMEXP(name, type)                                                                      \
    static void name(int64_t n, int64_t step, int64_t w, int64_t beside, const void *from,         \
                     const void *none, void *result) {                                             \
        (void)none;                                                                                \
        for (int64_t j = 0; j < w; j++) {                                                          \
            const type *x = (const type *)from + j * beside;                                       \
            type *to = (type *)result + j * beside;                                                \
            double max = -(double)INFINITY, sum = 0;                                               \
            for (int64_t k = 0; k < n; k++) {                                                      \
                const double v = (double)x[k * step];                                              \
                if (v > max) {                                                                     \
                    sum = sum * exp(max - v) + 1;                                                  \
                    max = v;                                                                       \
                } else {                                                                           \
                    sum += v == max ? 1 : exp(v - max); /* infinities are equal too */             \
                }                                                                                  \
                to[k * step] = (type)(max + log(sum));                                             \
            }                                                                                      \
        }                                                                                          \
    }
LOGSUMEXP(scan_logsumexp_f32, float)
LOGSUMEXP(scan_logsumexp_f64, double)

#define LOOPS(isa)                                                                                 \
    {{scan_sum_##isa##_f32, scan_sum_##isa##_f64},                                                 \
     {scan_prod_##isa##_f32, scan_prod_##isa##_f64},                                               \
     {scan_logsumexp_f32, scan_logsumexp_f64},                                                     \
     {scan_linear_##isa##_f32, scan_linear_##isa##_f64}},
static const scan_loop loops[][WG_SCAN_LOGSUMEXP + 2][2] = {WG_ISAS(LOOPS)};

#define EXTREME(DTYPE, type, text)                                                                 \
    static void extreme_##DTYPE(bool least, int64_t n, int64_t step, const void *from,             \
                                int64_t *to) {                                                     \
        const type *x = from;                                                                      \
        int64_t best = 0;                                                                          \
        for (int64_t k = 0; k < n; k++) {                                                          \
            const type v = x[k * step], b = x[best * step];                                        \
            if (v != v || (b == b && (least ? v <= b : v >= b))) {                                 \
                best = k;                                                                          \
            }                                                                                      \
            to[k * step] = best;                                                                   \
        }                                                                                          \
    }
WG_COMPUTED_DTYPES(EXTREME)

typedef struct scanning {
    scan_loop run;
    const wg_planes *planes;
    const char *a, *b;
    char *to;
    int64_t strips, size;
    bool reverse, least;
} scanning;

/* Strip i: columns of a plane, or LINES rows. */
static void scan_strip(void *context, int64_t i) {
    const scanning *s = context;
    const wg_planes *p = s->planes;
    const bool rows = p->inner == 1;
    const int64_t all = rows ? p->outer : p->inner, width = rows ? LINES : STRIP;
    const int64_t first = i % s->strips * width, w = all - first < width ? all - first : width;
    int64_t at = rows ? first * p->n : i / s->strips * p->n * p->inner + first;
    at += s->reverse ? (p->n - 1) * p->inner : 0;
    s->run(p->n, s->reverse ? -p->inner : p->inner, w, rows ? p->n : 1, s->a + at * s->size,
           s->b == NULL ? NULL : s->b + at * s->size, s->to + at * s->size);
}

static void scan(scanning *s) {
    const wg_planes *p = s->planes;
    const bool rows = p->inner == 1;
    const int64_t all = rows ? p->outer : p->inner, width = rows ? LINES : STRIP;
    s->size = (int64_t)wg_dtype_size(p->dtype);
    s->strips = (all + width - 1) / width;
    if (p->n > 0) {
        wg_parallel((rows ? 1 : p->outer) * s->strips,
                    p->outer * p->n * p->inner >= WG_SHARE_MEMORY, scan_strip, s);
    }
}

void wg_kernel_scan(wg_scan kind, const wg_planes *planes, bool reverse, const void *from,
                    void *to) {
    scanning s = {.run = loops[wg_isa()][kind][planes->dtype == WG_F64],
                  .planes = planes,
                  .a = from,
                  .to = to,
                  .reverse = reverse};
    scan(&s);
}

void wg_kernel_linear_scan(const wg_planes *planes, bool reverse, const void *a, const void *b,
                           void *to) {
    scanning s = {.run = loops[wg_isa()][WG_SCAN_LOGSUMEXP + 1][planes->dtype == WG_F64],
                  .planes = planes,
                  .a = a,
                  .b = b,
                  .to = to,
                  .reverse = reverse};
    scan(&s);
}

static void extreme_plane(void *context, int64_t i) {
#define EXTREME_ENTRY(DTYPE, type, text) extreme_##DTYPE,
    static void (*const extreme[])(bool, int64_t, int64_t, const void *,
                                   int64_t *) = {WG_COMPUTED_DTYPES(EXTREME_ENTRY)};
#undef EXTREME_ENTRY
    const scanning *s = context;
    const wg_planes *p = s->planes;
    for (int64_t j = 0; j < p->inner; j++) {
        const int64_t at = i * p->n * p->inner + j;
        extreme[p->dtype](s->least, p->n, p->inner, s->a + at * s->size,
                          (int64_t *)(void *)s->to + at);
    }
}

void wg_kernel_scan_extreme(bool least, const wg_planes *planes, const void *from, int64_t *to) {
    scanning s = {.planes = planes,
                  .a = from,
                  .to = (char *)to,
                  .size = (int64_t)wg_dtype_size(planes->dtype),
                  .least = least};
    wg_parallel(planes->outer, planes->outer * planes->n * planes->inner >= WG_SHARE_MEMORY,
                extreme_plane, &s);
}
