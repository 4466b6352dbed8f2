#include "kernel/gather.h"

#include "base/parallel.h"

#include <string.h>

/* What a thread takes at a time: bytes of gathered rows, and columns to be added to. */
#define PIECE_BYTES 65536
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

typedef struct gathering {
    const wg_view *indices;
    int64_t count, rows; /* all, and of a piece */
    size_t row_bytes;
    const char *table;
    char *to;
} gathering;

static void gather_piece(void *context, int64_t piece) {
    const gathering *g = context;
    const int64_t low = piece * g->rows, high = low + g->rows < g->count ? low + g->rows : g->count;
    for (int64_t i = low; i < high; i++) {
        memcpy(g->to + (size_t)i * g->row_bytes,
               g->table + (size_t)wg_index_at(g->indices, i) * g->row_bytes, g->row_bytes);
    }
}

void wg_kernel_gather_rows(const wg_view *indices, size_t row_bytes, const void *table, void *to) {
    const int64_t count = wg_view_count(indices);
    if (row_bytes == 0) {
        return;
    }
    const int64_t rows = row_bytes < PIECE_BYTES ? (int64_t)(PIECE_BYTES / row_bytes) : 1;
    gathering g = {indices, count, rows, row_bytes, table, to};
    wg_parallel((count + rows - 1) / rows,
                (size_t)count * row_bytes >= sizeof(float) * (size_t)WG_SHARE_MEMORY, gather_piece,
                &g);
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

typedef struct scattering {
    wg_dtype dtype;
    const wg_view *indices;
    int64_t width;
    const void *rows;
    void *to;
} scattering;

static void scatter_strip(void *context, int64_t strip) {
    const scattering *s = context;
    const int64_t low = strip * STRIP, high = s->width - low < STRIP ? s->width : low + STRIP;
    (s->dtype == WG_F32 ? scatter_float : scatter_double)(s->indices, s->width, low, high, s->rows,
                                                          s->to);
}

void wg_kernel_scatter_add_rows(wg_dtype dtype, const wg_view *indices, int64_t width,
                                const void *rows, void *to) {
    /* Threads share columns, never rows: two equal indices may not meet. */
    scattering s = {dtype, indices, width, rows, to};
    wg_parallel((width + STRIP - 1) / STRIP, wg_view_count(indices) * width >= WG_SHARE_MEMORY,
                scatter_strip, &s);
}
