/* gather.h (internal): rows by number. `indices` is contiguous, i64 or u8; every index lies in its
 * range. */
#ifndef WG_SRC_KERNEL_GATHER_H
#define WG_SRC_KERNEL_GATHER_H

#include "wengert/op.h"

static inline int64_t wg_index_at(const wg_view *indices, int64_t i) {
    return indices->dtype == WG_U8 ? (int64_t)((const uint8_t *)indices->data)[i]
                                   : ((const int64_t *)indices->data)[i];
}

/* The position of the first index outside [0, limit), or -1. */
int64_t wg_kernel_index_outside(const wg_view *indices, int64_t limit);

/* to[i] = table[indices[i]], rows of row_bytes. */
void wg_kernel_gather_rows(const wg_view *indices, size_t row_bytes, const void *table, void *to);

/* to[indices[i]] += rows[i], rows of `width` elements; what falls on one row is added in the order
 * of i. */
void wg_kernel_scatter_add_rows(wg_dtype dtype, const wg_view *indices, int64_t width,
                                const void *rows, void *to);

#endif
