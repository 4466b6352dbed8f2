/* matmul.h (internal): matrix products on strided buffers, f32 and f64.
 *
 * C = A B, or C = C + A B where `accumulate`. A is m x k, B is k x n, C is m x n. Element (i, j) of
 * A lies at a[i * a_row + j * a_column], and so for B; strides count elements and may be of any
 * sign or zero (transposes, steps, broadcasts). C has unit column stride and rows c_row apart, and
 * overlaps neither A nor B. Empty m or n: nothing is touched. k = 0: C becomes zero, or stays.
 *
 * Zeros are not skipped: 0 x infinity gives NaN. The order of each sum depends on the shape, the
 * strides and the instruction set, never on the number of threads.
 *
 * All return false where memory ran out; C is then undefined. Below a few megabytes of packing
 * the memory is kept and used again, so that training steps allocate nothing. */
#ifndef WG_SRC_KERNEL_MATMUL_H
#define WG_SRC_KERNEL_MATMUL_H

#include <stdbool.h>
#include <stdint.h>

bool wg_kernel_matmul_f32(int64_t m, int64_t n, int64_t k, const float *a, int64_t a_row,
                          int64_t a_column, const float *b, int64_t b_row, int64_t b_column,
                          float *c, int64_t c_row, bool accumulate);
bool wg_kernel_matmul_f64(int64_t m, int64_t n, int64_t k, const double *a, int64_t a_row,
                          int64_t a_column, const double *b, int64_t b_row, int64_t b_column,
                          double *c, int64_t c_row, bool accumulate);

/* C = start + A B: the rows of `start` lie start_row apart (0: one row, as a bias, for all). It is
 * C itself or does not overlap it. NULL: zeros. */
bool wg_kernel_matmul_from_f32(int64_t m, int64_t n, int64_t k, const float *a, int64_t a_row,
                               int64_t a_column, const float *b, int64_t b_row, int64_t b_column,
                               const float *start, int64_t start_row, float *c, int64_t c_row);
bool wg_kernel_matmul_from_f64(int64_t m, int64_t n, int64_t k, const double *a, int64_t a_row,
                               int64_t a_column, const double *b, int64_t b_row, int64_t b_column,
                               const double *start, int64_t start_row, double *c, int64_t c_row);

/* `count` products whose operands lie a_batch, b_batch and c_batch elements apart; threads share
 * the batch where that pays. a_batch or b_batch = 0 broadcasts. c_batch = 0 with `accumulate` sums
 * the products into one C (the gradient of a broadcast operand); otherwise the Cs are disjoint. */
bool wg_kernel_batch_matmul_f32(int64_t count, int64_t m, int64_t n, int64_t k, const float *a,
                                int64_t a_batch, int64_t a_row, int64_t a_column, const float *b,
                                int64_t b_batch, int64_t b_row, int64_t b_column, float *c,
                                int64_t c_batch, int64_t c_row, bool accumulate);
bool wg_kernel_batch_matmul_f64(int64_t count, int64_t m, int64_t n, int64_t k, const double *a,
                                int64_t a_batch, int64_t a_row, int64_t a_column, const double *b,
                                int64_t b_batch, int64_t b_row, int64_t b_column, double *c,
                                int64_t c_batch, int64_t c_row, bool accumulate);

/* The three loops of the definition, summed in double: the oracle of the tests. */
void wg_kernel_matmul_reference_f32(int64_t m, int64_t n, int64_t k, const float *a, int64_t a_row,
                                    int64_t a_column, const float *b, int64_t b_row,
                                    int64_t b_column, float *c, int64_t c_row, bool accumulate);
void wg_kernel_matmul_reference_f64(int64_t m, int64_t n, int64_t k, const double *a, int64_t a_row,
                                    int64_t a_column, const double *b, int64_t b_row,
                                    int64_t b_column, double *c, int64_t c_row, bool accumulate);

#endif
