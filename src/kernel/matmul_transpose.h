/* matmul_transpose.h (internal): 4 x 4 and 8 x 8 transposes for packing, with GNU vector
 * extensions. The larger one is for functions whose target has vectors of 32 bytes. */
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

typedef float wg_float8 __attribute__((vector_size(32)));

/* Rows i of a and b: their first and second pairs, in both halves. */
#define WG_PAIRS_LOW(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13)
#define WG_PAIRS_HIGH(a, b) __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15)
#define WG_QUADS_LOW(a, b) __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13)
#define WG_QUADS_HIGH(a, b) __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15)
#define WG_HALVES_LOW(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11)
#define WG_HALVES_HIGH(a, b) __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15)

static inline __attribute__((always_inline)) void
wg_transpose8_f32(const float *from, int64_t from_row, float *to, int64_t to_row) {
    wg_float8 r[8], p[8], q[8];
    for (int i = 0; i < 8; i++) {
        memcpy(&r[i], from + i * from_row, sizeof r[i]);
    }
    for (int i = 0; i < 8; i += 2) {
        p[i] = WG_PAIRS_LOW(r[i], r[i + 1]);
        p[i + 1] = WG_PAIRS_HIGH(r[i], r[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        q[i] = WG_QUADS_LOW(p[i], p[i + 2]);
        q[i + 1] = WG_QUADS_HIGH(p[i], p[i + 2]);
        q[i + 2] = WG_QUADS_LOW(p[i + 1], p[i + 3]);
        q[i + 3] = WG_QUADS_HIGH(p[i + 1], p[i + 3]);
    }
    for (int i = 0; i < 4; i++) {
        r[i] = WG_HALVES_LOW(q[i], q[i + 4]);
        r[i + 4] = WG_HALVES_HIGH(q[i], q[i + 4]);
    }
    for (int i = 0; i < 8; i++) {
        memcpy(to + i * to_row, &r[i], sizeof r[i]);
    }
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
