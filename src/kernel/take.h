/* take.h (internal): elements by number along one axis: read, written and added to. An index from
 * the end is negative. */
#ifndef WG_SRC_KERNEL_TAKE_H
#define WG_SRC_KERNEL_TAKE_H

#include "wengert/op.h"

typedef enum wg_along_kind {
    WG_ALONG_TAKE, /* part = whole[index] */
    WG_ALONG_PUT,  /* whole[index] = part; the last of equal indices stays */
    WG_ALONG_ADD   /* whole[index] += part, in the order of the indices */
} wg_along_kind;

/* The three have one rank; indices (i64 or u8, all in range) and part have one shape, and whole
 * differs from it along `axis` alone. Any strides; what is written overlaps nothing. whole and part
 * have one dtype. Threads share what no two indices can meet in. */
void wg_kernel_along(wg_along_kind kind, const wg_view *whole, const wg_view *indices,
                     const wg_view *part, int axis);

/* The position in C order of the first index outside [-size, size), or -1; then *value is the
 * index. Any strides. */
int64_t wg_kernel_index_wrong(const wg_view *indices, int64_t size, int64_t *value);

#endif
