/* matmul_baseline.c: the inner loops for every processor; 16-byte vectors where the compiler has
 * GNU vector extensions, else one number at a time. */
#include "kernel/matmul_parts.h"
#include "kernel/matmul_transpose.h"

#include <string.h>

#define MM_TARGET
#define MM_EACH_ROW(X) X(0) X(1) X(2) X(3) X(4) X(5)
#define MM_ROWS 6
#define MM_EACH_DOT(X) X(0) X(1) X(2)
#define MM_DOTS 3
#define MM_PITCH 8

#if defined(__GNUC__)
#define VECTOR(suffix, T, lanes, SUM)                                                              \
    typedef T vector_##suffix __attribute__((vector_size(16)));                                    \
    static inline __attribute__((always_inline)) vector_##suffix splat_##suffix(T x) {             \
        return x - (vector_##suffix){0};                                                           \
    }                                                                                              \
    static inline __attribute__((always_inline)) T sum_##suffix(vector_##suffix v) {               \
        return SUM;                                                                                \
    }
VECTOR(f32, float, 4, (v[0] + v[2]) + (v[1] + v[3]))
VECTOR(f64, double, 2, v[0] + v[1])
#define F32_LANES 4
#define F64_LANES 2
#else
#define VECTOR(suffix, T)                                                                          \
    typedef T vector_##suffix;                                                                     \
    static inline T splat_##suffix(T x) {                                                          \
        return x;                                                                                  \
    }                                                                                              \
    static inline T sum_##suffix(T v) {                                                            \
        return v;                                                                                  \
    }
VECTOR(f32, float)
VECTOR(f64, double)
#define F32_LANES 1
#define F64_LANES 1
#endif

#define VECTOR_MEMORY(suffix, T)                                                                   \
    static inline vector_##suffix load_##suffix(const T *from) {                                   \
        vector_##suffix v;                                                                         \
        memcpy(&v, from, sizeof v);                                                                \
        return v;                                                                                  \
    }                                                                                              \
    static inline void store_##suffix(T *to, vector_##suffix v) {                                  \
        memcpy(to, &v, sizeof v);                                                                  \
    }                                                                                              \
    static inline vector_##suffix load_part_##suffix(int64_t count, const T *from) {               \
        vector_##suffix v = splat_##suffix(0);                                                     \
        memcpy(&v, from, (size_t)count * sizeof(T));                                               \
        return v;                                                                                  \
    }                                                                                              \
    static inline void store_part_##suffix(int64_t count, T *to, vector_##suffix v) {              \
        memcpy(to, &v, (size_t)count * sizeof(T));                                                 \
    }                                                                                              \
    static inline void put_sums_##suffix(T *to, const T *start, vector_##suffix v0,                \
                                         vector_##suffix v1, vector_##suffix v2,                   \
                                         vector_##suffix v3) {                                     \
        to[0] = sum_##suffix(v0) + (start != NULL ? start[0] : 0);                                 \
        to[1] = sum_##suffix(v1) + (start != NULL ? start[1] : 0);                                 \
        to[2] = sum_##suffix(v2) + (start != NULL ? start[2] : 0);                                 \
        to[3] = sum_##suffix(v3) + (start != NULL ? start[3] : 0);                                 \
    }
VECTOR_MEMORY(f32, float)
VECTOR_MEMORY(f64, double)

#define MM_ADD(a, b) ((a) + (b))
#define MM_FMA(a, b, c) ((a) * (b) + (c))
#define MM_MASK_T int64_t
#define MM_MASK(count) (count)

#define MM_T float
#define MM_SUFFIX f32
#define MM_TABLE wg_matmul_baseline_f32
#define MM_V vector_f32
#define MM_LANES F32_LANES
#define MM_LOAD load_f32
#define MM_STORE store_f32
#define MM_SPLAT splat_f32
#define MM_SUM sum_f32
#define MM_PUT_SUMS put_sums_f32
#define MM_LOAD_PART load_part_f32
#define MM_STORE_PART store_part_f32
#if defined(WG_TRANSPOSE4)
#define MM_TRANSPOSE4 wg_transpose4_f32
#endif
#include "kernel/matmul_tile.h"
#undef MM_T
#undef MM_SUFFIX
#undef MM_TABLE
#undef MM_V
#undef MM_LANES
#undef MM_LOAD
#undef MM_STORE
#undef MM_SPLAT
#undef MM_SUM
#undef MM_PUT_SUMS
#undef MM_LOAD_PART
#undef MM_STORE_PART
#undef MM_TRANSPOSE4

#define MM_T double
#define MM_SUFFIX f64
#define MM_TABLE wg_matmul_baseline_f64
#define MM_V vector_f64
#define MM_LANES F64_LANES
#define MM_LOAD load_f64
#define MM_STORE store_f64
#define MM_SPLAT splat_f64
#define MM_SUM sum_f64
#define MM_PUT_SUMS put_sums_f64
#define MM_LOAD_PART load_part_f64
#define MM_STORE_PART store_part_f64
#if defined(WG_TRANSPOSE4)
#define MM_TRANSPOSE4 wg_transpose4_f64
#endif
#include "kernel/matmul_tile.h"
