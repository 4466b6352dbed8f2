/* triangle.h (internal): half a matrix. */
#ifndef WG_SRC_KERNEL_TRIANGLE_H
#define WG_SRC_KERNEL_TRIANGLE_H

#include "wengert/op.h"

/* to[m, i, j] = from[m, i, j] where j <= i + k (or j >= i + k for `upper`), else 0; both
 * contiguous, elements of `size` bytes. */
void wg_kernel_triangle(size_t size, int64_t matrices, int64_t rows, int64_t columns, int64_t k,
                        bool upper, const void *from, void *to);

#endif
