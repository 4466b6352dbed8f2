#include "base/parallel.h"
#include "kernel/folds.h"
#include "kernel/reduce.h"

#define STRIP 256
/* Elements whose extreme is found before it is asked which of them it is. */
#define BLOCK 1024

#define WG_ISA_LOOPS "kernel/argmax_typed.h"
#include "kernel/isa_loops.h"

typedef void (*columns_loop)(int64_t n, int64_t row, int64_t w, const void *from, int64_t *to);

#define LOOPS(isa)                                                                                 \
    {{argmax_##isa##_f32, argmax_##isa##_f64}, {argmin_##isa##_f32, argmin_##isa##_f64}},
static const columns_loop columns_loops[][2][2] = {WG_ISAS(LOOPS)};

/* One after the other: integers, and axes longer than the counters of the loops. */
#define SCALAR(DTYPE, type, text)                                                                  \
    static int64_t scalar_##DTYPE(bool least, int64_t n, int64_t step, const void *from) {         \
        const type *x = from;                                                                      \
        int64_t best = 0;                                                                          \
        for (int64_t i = 1; i < n; i++) {                                                          \
            const type v = x[i * step], b = x[best * step];                                        \
            if ((least ? v < b : v > b) || (v != v && b == b)) {                                   \
                best = i;                                                                          \
            }                                                                                      \
        }                                                                                          \
        return best;                                                                               \
    }
WG_COMPUTED_DTYPES(SCALAR)

/* The first of n neighbours that equals `value`, NaN being equal to NaN; there is one. */
#define FIND(type)                                                                                 \
    static int64_t find_##type(double value, const void *from) {                                   \
        const type *x = from;                                                                      \
        int64_t i = 0;                                                                             \
        while (!((double)x[i] == value || (value != value && x[i] != x[i]))) {                     \
            i++;                                                                                   \
        }                                                                                          \
        return i;                                                                                  \
    }
FIND(float)
FIND(double)

typedef struct argmaxing {
    wg_dtype dtype;
    bool least;
    int64_t n, inner, size, strips; /* strips: of a plane */
    const char *from;
    int64_t *to;
} argmaxing;

/* Of n neighbours: the block of the extreme first. */
static int64_t argmax_row(const argmaxing *a, const char *from) {
    const bool f64 = a->dtype == WG_F64;
    const wg_folds *folds = wg_kernel_folds(a->least ? WG_REDUCE_MIN : WG_REDUCE_MAX);
    double best = 0;
    int64_t block = 0;
    for (int64_t i = 0; i < a->n && best == best; i += BLOCK) {
        const int64_t some = a->n - i < BLOCK ? a->n - i : BLOCK;
        const double v = folds->row[f64](some, from + i * a->size, a->size);
        if (i == 0 || v != v || (a->least ? v < best : v > best)) {
            best = v;
            block = i;
        }
    }
    from += block * a->size;
    return block + (f64 ? find_double(best, from) : find_float(best, from));
}

static void argmax_strip(void *context, int64_t i) {
#define SCALAR_ENTRY(DTYPE, type, text) scalar_##DTYPE,
    static int64_t (*const scalar[])(bool, int64_t, int64_t,
                                     const void *) = {WG_COMPUTED_DTYPES(SCALAR_ENTRY)};
#undef SCALAR_ENTRY
    const argmaxing *a = context;
    const int64_t plane = i / a->strips, first = i % a->strips * STRIP;
    const int64_t w = a->inner - first < STRIP ? a->inner - first : STRIP;
    const char *from = a->from + (plane * a->n * a->inner + first) * a->size;
    int64_t *to = a->to + plane * a->inner + first;
    const bool is_float = a->dtype == WG_F32 || a->dtype == WG_F64;
    if (is_float && a->inner == 1) {
        *to = argmax_row(a, from);
        return;
    }
    if (is_float && a->n <= INT32_MAX) {
        columns_loops[wg_isa()][a->least][a->dtype == WG_F64](a->n, a->inner, w, from, to);
        return;
    }
    for (int64_t j = 0; j < w; j++) {
        to[j] = scalar[a->dtype](a->least, a->n, a->inner, from + j * a->size);
    }
}

void wg_kernel_argmax(bool least, wg_dtype dtype, int64_t outer, int64_t n, int64_t inner,
                      const void *from, int64_t *to) {
    argmaxing a = {
        dtype, least, n, inner, (int64_t)wg_dtype_size(dtype), (inner + STRIP - 1) / STRIP,
        from,  to};
    wg_parallel(outer * a.strips, outer * n * inner >= WG_SHARE_MEMORY, argmax_strip, &a);
}
