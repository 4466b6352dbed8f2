#include "kernel/copy.h"
#include "kernel/walk.h"

static inline int64_t whole_of(double x) {
    if (x != x) {
        return 0;
    }
    return x >= 0x1p63 ? INT64_MAX : x < -0x1p63 ? INT64_MIN : (int64_t)x;
}

static inline uint8_t byte_of(double x) {
    return x >= 255 ? 255 : x > 0 ? (uint8_t)x : 0;
}

#define TO_F32(x) (float)(x)
#define TO_F64(x) (double)(x)
#define TO_I64(x)                                                                                  \
    _Generic(x, float                                                                              \
             : whole_of((double)(x)), double                                                       \
             : whole_of((double)(x)), default                                                      \
             : (int64_t)(x))
#define TO_U8(x)                                                                                   \
    _Generic(x, float : byte_of((double)(x)), double : byte_of((double)(x)), default : (uint8_t)(x))

/* One row; b's dtype is TO. The dense cases stand apart so that the compiler makes vectors of them.
 */
#define COPY_ROW(FROM, from_type, TO, to_type)                                                     \
    static void copy_##FROM##_##TO(int64_t n, char *a, int64_t a_step, char *b, int64_t b_step) {  \
        const from_type *restrict x = (const void *)a;                                             \
        to_type *restrict y = (void *)b;                                                           \
        const int64_t s = a_step / (int64_t)sizeof *x, t = b_step / (int64_t)sizeof *y;            \
        if (s == 1 && t == 1) {                                                                    \
            for (int64_t i = 0; i < n; i++) {                                                      \
                y[i] = TO_##TO(x[i]);                                                              \
            }                                                                                      \
        } else if (s == 0 && t == 1) {                                                             \
            const to_type value = TO_##TO(*x);                                                     \
            for (int64_t i = 0; i < n; i++) {                                                      \
                y[i] = value;                                                                      \
            }                                                                                      \
        } else {                                                                                   \
            for (int64_t i = 0; i < n; i++) {                                                      \
                y[i * t] = TO_##TO(x[i * s]);                                                      \
            }                                                                                      \
        }                                                                                          \
    }

#define COPY_ROWS(FROM, from_type)                                                                 \
    COPY_ROW(FROM, from_type, F32, float)                                                          \
    COPY_ROW(FROM, from_type, F64, double)                                                         \
    COPY_ROW(FROM, from_type, I64, int64_t)                                                        \
    COPY_ROW(FROM, from_type, U8, uint8_t)
COPY_ROWS(F32, float)
COPY_ROWS(F64, double)
COPY_ROWS(I64, int64_t)
COPY_ROWS(U8, uint8_t)

/* In the order of wg_dtype. */
#define COPIES(FROM)                                                                               \
    { copy_##FROM##_F32, copy_##FROM##_F64, copy_##FROM##_I64, copy_##FROM##_U8 }
static const wg_walk_row copy_row[4][4] = {COPIES(F32), COPIES(F64), COPIES(I64), COPIES(U8)};

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
