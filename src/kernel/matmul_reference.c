/* matmul_reference.c: the matrix product as its definition reads. */
#include "kernel/matmul.h"

#define REFERENCE(suffix, type)                                                                    \
    void wg_kernel_matmul_reference_##suffix(                                                      \
        int64_t m, int64_t n, int64_t k, const type *a, int64_t a_row, int64_t a_column,           \
        const type *b, int64_t b_row, int64_t b_column, type *c, int64_t c_row, bool accumulate) { \
        for (int64_t i = 0; i < m; i++) {                                                          \
            for (int64_t j = 0; j < n; j++) {                                                      \
                double sum = accumulate ? (double)c[i * c_row + j] : 0.0;                          \
                for (int64_t p = 0; p < k; p++) {                                                  \
                    sum +=                                                                         \
                        (double)a[i * a_row + p * a_column] * (double)b[p * b_row + j * b_column]; \
                }                                                                                  \
                c[i * c_row + j] = (type)sum;                                                      \
            }                                                                                      \
        }                                                                                          \
    }

REFERENCE(f32, float)
REFERENCE(f64, double)
