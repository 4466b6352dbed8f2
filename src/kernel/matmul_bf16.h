/* matmul_bf16.h (internal): products of bf16 matrices, accumulated in f32. */
#ifndef WG_SRC_KERNEL_MATMUL_BF16_H
#define WG_SRC_KERNEL_MATMUL_BF16_H

#include "wengert/base.h"

#include <stdbool.h>

/* Bytes of scratch that wg_kernel_matmul_bf16 needs for this shape. */
size_t wg_kernel_matmul_bf16_scratch(int64_t m, int64_t n, int64_t k);

/* C = A B in f32: strides count elements, of A and B any, of C's columns 1. By the processor's bf16
 * instructions where there are such (pairs of products are rounded together, denormals count as
 * zero), else in f32. False where memory ran out. The order of the sums depends on the shape alone.
 */
bool wg_kernel_matmul_bf16(int64_t m, int64_t n, int64_t k, const wg_bf16 *a, int64_t a_row,
                           int64_t a_column, const wg_bf16 *b, int64_t b_row, int64_t b_column,
                           float *c, int64_t c_row, void *scratch);

#endif
