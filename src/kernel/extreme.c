#include "kernel/reduce.h"

#include "kernel/copy.h"
#include "kernel/walk.h"

/* b = b equal to a ? 1 : 0, NaN being equal to NaN; and b = b / a. */
#define ROWS(type)                                                                                 \
    static void equal_##type(int64_t n, char *a, int64_t a_step, char *b, int64_t b_step) {        \
        for (int64_t i = 0; i < n; i++) {                                                          \
            const type x = *(const type *)(void *)(a + i * a_step);                                \
            type *y = (void *)(b + i * b_step);                                                    \
            *y = x == *y || (x != x && *y != *y) ? 1 : 0;                                          \
        }                                                                                          \
    }                                                                                              \
    static void divide_##type(int64_t n, char *a, int64_t a_step, char *b, int64_t b_step) {       \
        for (int64_t i = 0; i < n; i++) {                                                          \
            type *y = (void *)(b + i * b_step);                                                    \
            *y /= *(const type *)(void *)(a + i * a_step);                                         \
        }                                                                                          \
    }
ROWS(float)
ROWS(double)

/* `row` for each element of `to` beside the one of `kept` that stands for it. */
static void beside(const wg_view *kept, const wg_view *to, wg_walk_row row) {
    wg_view wide = *kept;
    wg_walk walk;
    for (int i = 0; i < to->rank; i++) {
        wide.shape[i] = to->shape[i];
        wide.stride[i] = kept->shape[i] == 1 ? 0 : kept->stride[i];
    }
    wg_walk_start(&walk, &wide, to, 1);
    wg_walk_rows(&walk, row);
}

void wg_kernel_extreme_shares(wg_reduction kind, const wg_view *from, const wg_view *kept,
                              const wg_view *to) {
    const bool f32 = from->dtype == WG_F32;
    wg_kernel_copy(from, to);
    wg_kernel_reduce(kind, from, kept, 1);
    beside(kept, to, f32 ? equal_float : equal_double);
    wg_kernel_reduce(WG_REDUCE_SUM, to, kept, 1);
    beside(kept, to, f32 ? divide_float : divide_double);
}
