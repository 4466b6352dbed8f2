#include "kernel/reduce.h"

#define SHARED_FROM 131072

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
WG_DTYPES(ARGMAX)

void wg_kernel_argmax(wg_dtype dtype, int64_t outer, int64_t n, int64_t inner, const void *from,
                      int64_t *to) {
#define ARGMAX_ENTRY(DTYPE, type, text) argmax_##DTYPE,
    static int64_t (*const argmax[])(int64_t, int64_t, const void *) = {WG_DTYPES(ARGMAX_ENTRY)};
#undef ARGMAX_ENTRY
    const int64_t size = (int64_t)wg_dtype_size(dtype);
#ifdef _OPENMP
#pragma omp parallel for schedule(static) if (outer * n * inner >= SHARED_FROM)
#endif
    for (int64_t o = 0; o < outer; o++) {
        const char *plane = (const char *)from + o * n * inner * size;
        for (int64_t i = 0; i < inner; i++) {
            to[o * inner + i] = argmax[dtype](n, inner, plane + i * size);
        }
    }
}
