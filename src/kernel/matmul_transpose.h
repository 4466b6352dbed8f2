/* matmul_transpose.h (internal): 4 x 4 transposes for packing, with GNU vector extensions. */
#ifndef WG_SRC_KERNEL_MATMUL_TRANSPOSE_H
#define WG_SRC_KERNEL_MATMUL_TRANSPOSE_H

#include <stdint.h>
#include <string.h>

#if defined(__GNUC__) && defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define WG_TRANSPOSE4 1

typedef float wg_float4 __attribute__((vector_size(16)));
typedef double wg_double2 __attribute__((vector_size(16)));

static inline __attribute__((always_inline)) void
wg_transpose4_f32(const float *from, int64_t from_row, float *to, int64_t to_row) {
    wg_float4 r0, r1, r2, r3;
    memcpy(&r0, from, sizeof r0);
    memcpy(&r1, from + from_row, sizeof r1);
    memcpy(&r2, from + 2 * from_row, sizeof r2);
    memcpy(&r3, from + 3 * from_row, sizeof r3);
    const wg_float4 low01 = __builtin_shufflevector(r0, r1, 0, 4, 1, 5);
    const wg_float4 low23 = __builtin_shufflevector(r2, r3, 0, 4, 1, 5);
    const wg_float4 high01 = __builtin_shufflevector(r0, r1, 2, 6, 3, 7);
    const wg_float4 high23 = __builtin_shufflevector(r2, r3, 2, 6, 3, 7);
    r0 = __builtin_shufflevector(low01, low23, 0, 1, 4, 5);
    r1 = __builtin_shufflevector(low01, low23, 2, 3, 6, 7);
    r2 = __builtin_shufflevector(high01, high23, 0, 1, 4, 5);
    r3 = __builtin_shufflevector(high01, high23, 2, 3, 6, 7);
    memcpy(to, &r0, sizeof r0);
    memcpy(to + to_row, &r1, sizeof r1);
    memcpy(to + 2 * to_row, &r2, sizeof r2);
    memcpy(to + 3 * to_row, &r3, sizeof r3);
}

static inline __attribute__((always_inline)) void
wg_transpose2_f64(const double *from, int64_t from_row, double *to, int64_t to_row) {
    wg_double2 r0, r1;
    memcpy(&r0, from, sizeof r0);
    memcpy(&r1, from + from_row, sizeof r1);
    const wg_double2 low = __builtin_shufflevector(r0, r1, 0, 2);
    const wg_double2 high = __builtin_shufflevector(r0, r1, 1, 3);
    memcpy(to, &low, sizeof low);
    memcpy(to + to_row, &high, sizeof high);
}

static inline __attribute__((always_inline)) void
wg_transpose4_f64(const double *from, int64_t from_row, double *to, int64_t to_row) {
    wg_transpose2_f64(from, from_row, to, to_row);
    wg_transpose2_f64(from + 2, from_row, to + 2 * to_row, to_row);
    wg_transpose2_f64(from + 2 * from_row, from_row, to + 2, to_row);
    wg_transpose2_f64(from + 2 * from_row + 2, from_row, to + 2 * to_row + 2, to_row);
}
#endif
#endif

#endif
