#include "kernel/copy.h"
#include "kernel/walk.h"
#include "wengert/precision.h"

#include <string.h>

static inline int64_t whole_of(double x) {
    if (x != x) {
        return 0;
    }
    return x >= 0x1p63 ? INT64_MAX : x < -0x1p63 ? INT64_MIN : (int64_t)x;
}

static inline uint8_t byte_of(double x) {
    return x >= 255 ? 255 : x > 0 ? (uint8_t)x : 0;
}

#define PLAIN(x) (x)
#define TO_F32(x) (float)(x)
#define TO_F64(x) (double)(x)
#define TO_BF16(x) wg_bf16_from_f32((float)(x))
#define TO_I64(x)                                                                                  \
    _Generic(x, float                                                                              \
             : whole_of((double)(x)), double                                                       \
             : whole_of((double)(x)), default                                                      \
             : (int64_t)(x))
#define TO_U8(x)                                                                                   \
    _Generic(x, float : byte_of((double)(x)), double : byte_of((double)(x)), default : (uint8_t)(x))

/* One row; b's dtype is TO. The dense cases stand apart so that the compiler makes vectors of them.
 */
#define COPY_ROW(FROM, from_type, TO, to_type, VALUE)                                              \
    static void copy_##FROM##_##TO(int64_t n, char *a, int64_t a_step, char *b, int64_t b_step) {  \
        const from_type *restrict x = (const void *)a;                                             \
        to_type *restrict y = (void *)b;                                                           \
        const int64_t s = a_step / (int64_t)sizeof *x, t = b_step / (int64_t)sizeof *y;            \
        if (s == 1 && t == 1) {                                                                    \
            for (int64_t i = 0; i < n; i++) {                                                      \
                y[i] = TO_##TO(VALUE(x[i]));                                                       \
            }                                                                                      \
        } else if (s == 0 && t == 1) {                                                             \
            const to_type value = TO_##TO(VALUE(*x));                                              \
            for (int64_t i = 0; i < n; i++) {                                                      \
                y[i] = value;                                                                      \
            }                                                                                      \
        } else {                                                                                   \
            for (int64_t i = 0; i < n; i++) {                                                      \
                y[i * t] = TO_##TO(VALUE(x[i * s]));                                               \
            }                                                                                      \
        }                                                                                          \
    }

#define COPY_ROWS(FROM, from_type, VALUE)                                                          \
    COPY_ROW(FROM, from_type, F32, float, VALUE)                                                   \
    COPY_ROW(FROM, from_type, F64, double, VALUE)                                                  \
    COPY_ROW(FROM, from_type, I64, int64_t, VALUE)                                                 \
    COPY_ROW(FROM, from_type, U8, uint8_t, VALUE)
COPY_ROWS(F32, float, PLAIN)
COPY_ROWS(F64, double, PLAIN)
COPY_ROWS(I64, int64_t, PLAIN)
COPY_ROWS(U8, uint8_t, PLAIN)
COPY_ROWS(BF16, wg_bf16, wg_bf16_to_f32)
COPY_ROW(F32, float, BF16, wg_bf16, PLAIN)
COPY_ROW(F64, double, BF16, wg_bf16, PLAIN)
COPY_ROW(I64, int64_t, BF16, wg_bf16, PLAIN)
COPY_ROW(U8, uint8_t, BF16, wg_bf16, PLAIN)

/* The same bits, a NaN's too. */
static void copy_BF16_BF16(int64_t n, char *a, int64_t a_step, char *b, int64_t b_step) {
    for (int64_t i = 0; i < n; i++) {
        memcpy(b + i * b_step, a + i * a_step, sizeof(wg_bf16));
    }
}

/* In the order of wg_dtype. */
#define COPIES(FROM)                                                                               \
    {                                                                                              \
        copy_##FROM##_F32, copy_##FROM##_F64, copy_##FROM##_I64, copy_##FROM##_U8,                 \
            copy_##FROM##_BF16                                                                     \
    }
static const wg_walk_row copy_row[5][5] = {COPIES(F32), COPIES(F64), COPIES(I64), COPIES(U8),
                                           COPIES(BF16)};

void wg_kernel_copy(const wg_view *from, const wg_view *to) {
    wg_walk walk;
    wg_walk_start(&walk, from, to, 1);
    wg_walk_rows(&walk, copy_row[from->dtype][to->dtype]);
}

#define ADD_ROW(type)                                                                              \
    static void add_##type(int64_t n, char *a, int64_t a_step, char *b, int64_t b_step) {          \
        const type *restrict x = (const void *)a;                                                  \
        type *restrict y = (void *)b;                                                              \
        const int64_t s = a_step / (int64_t)sizeof *x, t = b_step / (int64_t)sizeof *y;            \
        if (s == 1 && t == 1) {                                                                    \
            for (int64_t i = 0; i < n; i++) {                                                      \
                y[i] += x[i];                                                                      \
            }                                                                                      \
        } else {                                                                                   \
            for (int64_t i = 0; i < n; i++) {                                                      \
                y[i * t] += x[i * s];                                                              \
            }                                                                                      \
        }                                                                                          \
    }
ADD_ROW(float)
ADD_ROW(double)

void wg_kernel_add_into(const wg_view *from, const wg_view *to) {
    wg_walk walk;
    wg_walk_start(&walk, from, to, 1);
    wg_walk_rows(&walk, to->dtype == WG_F32 ? add_float : add_double);
}
