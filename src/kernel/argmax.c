#include "base/parallel.h"
#include "kernel/reduce.h"

/* x counts as greater than y: where it is, or is NaN and y is not. */
#define GREATER(x, y) ((x) > (y) || ((x) != (x) && (y) == (y)))

#define ARGMAX(DTYPE, type, text)                                                                  \
    static int64_t argmax_##DTYPE(int64_t n, int64_t step, const void *from) {                     \
        const type *x = from;                                                                      \
        int64_t best = 0;                                                                          \
        for (int64_t i = 1; i < n; i++) {                                                          \
            if (GREATER(x[i * step], x[best * step])) {                                            \
                best = i;                                                                          \
            }                                                                                      \
        }                                                                                          \
        return best;                                                                               \
    }
WG_COMPUTED_DTYPES(ARGMAX)

typedef struct argmaxing {
    int64_t (*row)(int64_t n, int64_t step, const void *from);
    int64_t n, inner, size;
    const char *from;
    int64_t *to;
} argmaxing;

static void argmax_plane(void *context, int64_t plane) {
    const argmaxing *a = context;
    const char *from = a->from + plane * a->n * a->inner * a->size;
    for (int64_t i = 0; i < a->inner; i++) {
        a->to[plane * a->inner + i] = a->row(a->n, a->inner, from + i * a->size);
    }
}

void wg_kernel_argmax(wg_dtype dtype, int64_t outer, int64_t n, int64_t inner, const void *from,
                      int64_t *to) {
#define ARGMAX_ENTRY(DTYPE, type, text) argmax_##DTYPE,
    static int64_t (*const argmax[])(int64_t, int64_t,
                                     const void *) = {WG_COMPUTED_DTYPES(ARGMAX_ENTRY)};
#undef ARGMAX_ENTRY
    argmaxing a = {argmax[dtype], n, inner, (int64_t)wg_dtype_size(dtype), from, to};
    wg_parallel(outer, outer * n * inner >= WG_SHARE_MEMORY, argmax_plane, &a);
}
