#include "kernel/gather.h"

#include <string.h>

/* Elements from which threads pay, and the columns that one of them takes at a time. */
#define SHARED_FROM 65536
#define STRIP 256

int64_t wg_kernel_index_outside(const wg_view *indices, int64_t limit) {
    const int64_t count = wg_view_count(indices);
    for (int64_t i = 0; i < count; i++) {
        const int64_t index = wg_index_at(indices, i);
        if (index < 0 || index >= limit) {
            return i;
        }
    }
    return -1;
}

void wg_kernel_gather_rows(const wg_view *indices, size_t row_bytes, const void *table, void *to) {
    const int64_t count = wg_view_count(indices);
    if (row_bytes == 0) {
        return;
    }
#ifdef _OPENMP
#pragma omp parallel for schedule(static) if ((size_t)count * row_bytes >= 4 * SHARED_FROM)
#endif
    for (int64_t i = 0; i < count; i++) {
        memcpy((char *)to + (size_t)i * row_bytes,
               (const char *)table + (size_t)wg_index_at(indices, i) * row_bytes, row_bytes);
    }
}

#define SCATTER(type)                                                                              \
    static void scatter_##type(const wg_view *indices, int64_t width, int64_t low, int64_t high,   \
                               const void *rows, void *to) {                                       \
        const int64_t count = wg_view_count(indices);                                              \
        for (int64_t i = 0; i < count; i++) {                                                      \
            const type *restrict x = (const type *)rows + i * width;                               \
            type *restrict y = (type *)to + wg_index_at(indices, i) * width;                       \
            for (int64_t j = low; j < high; j++) {                                                 \
                y[j] += x[j];                                                                      \
            }                                                                                      \
        }                                                                                          \
    }
SCATTER(float)
SCATTER(double)

void wg_kernel_scatter_add_rows(wg_dtype dtype, const wg_view *indices, int64_t width,
                                const void *rows, void *to) {
    /* Threads share columns, never rows: two equal indices may not meet. */
#ifdef _OPENMP
#pragma omp parallel for schedule(static) if (wg_view_count(indices) * width >= SHARED_FROM)
#endif
    for (int64_t low = 0; low < width; low += STRIP) {
        const int64_t high = width - low < STRIP ? width : low + STRIP;
        (dtype == WG_F32 ? scatter_float : scatter_double)(indices, width, low, high, rows, to);
    }
}
