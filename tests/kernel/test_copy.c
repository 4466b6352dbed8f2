/* Copies, additions and sums between strided arrays, against loops over indices. */
#include "kernel/copy.h"
#include "kernel/reduce.h"
#include "wengert/precision.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifdef _OPENMP
#include <omp.h>
#endif

static wg_view view_of(wg_dtype dtype, int rank, const int64_t *shape, const int *order,
                       void *data) {
    wg_view view = {.dtype = dtype, .rank = rank, .data = data};
    int64_t stride = 1;
    for (int i = rank - 1; i >= 0; i--) {
        view.shape[i] = shape[i];
        view.stride[order[i]] = stride;
        stride *= shape[order[i]];
    }
    return view;
}

static double get(const wg_view *view, const int64_t *index) {
    int64_t at = 0;
    for (int i = 0; i < view->rank; i++) {
        at += index[i] * view->stride[i];
    }
    switch (view->dtype) {
#define GET(name, type, text)                                                                      \
    case WG_##name:                                                                                \
        return (double)((const type *)view->data)[at];
        WG_COMPUTED_DTYPES(GET)
#undef GET
    case WG_BF16:
        return wg_bf16_to_f32(((const wg_bf16 *)view->data)[at]);
    }
    return NAN;
}

static bool next(const wg_view *view, int64_t *index) {
    for (int i = view->rank - 1; i >= 0; i--) {
        if (++index[i] < view->shape[i]) {
            return true;
        }
        index[i] = 0;
    }
    return false;
}

static void fill(wg_view *view, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        switch (view->dtype) {
#define FILL(name, type, text)                                                                     \
    case WG_##name:                                                                                \
        ((type *)view->data)[i] = (type)(i * 7 % 101);                                             \
        break;
            WG_COMPUTED_DTYPES(FILL)
#undef FILL
        case WG_BF16: /* (whole numbers below 256 are exact) */
            ((wg_bf16 *)view->data)[i] = wg_bf16_from_f32((float)(i * 7 % 101));
            break;
        }
    }
}

/* Copies between two orders of axes and compares every element; then adds, where the dtypes allow
 * it. */
static void check(wg_dtype a, wg_dtype b, const int64_t *shape, const int *order_a,
                  const int *order_b) {
    const int64_t count = shape[0] * shape[1] * shape[2];
    void *x = malloc((size_t)count * 8 + 8), *y = malloc((size_t)count * 8 + 8);
    wg_view from = view_of(a, 3, shape, order_a, x), to = view_of(b, 3, shape, order_b, y);
    fill(&from, count);
    wg_kernel_copy(&from, &to);
    int64_t index[3] = {0};
    do {
        cr_assert(count == 0 || get(&from, index) == get(&to, index));
    } while (next(&from, index));
    if (a == b && (a == WG_F32 || a == WG_F64)) {
        wg_kernel_add_into(&from, &to);
        do {
            cr_assert(count == 0 || 2 * get(&from, index) == get(&to, index));
        } while (next(&from, index));
    }
    free(x);
    free(y);
}

Test(copy, all_dtypes_and_orders) {
    const int64_t shapes[][3] = {{2, 3, 4}, {1, 1, 1}, {40, 1, 70}, {3, 0, 2}, {9, 33, 65}};
    const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {2, 1, 0}, {1, 0, 2}, {2, 0, 1}};
    for (int a = 0; a < 5; a++) {
        for (int b = 0; b < 5; b++) {
            for (int s = 0; s < 5; s++) {
                for (int o = 0; o < 25; o++) {
                    check((wg_dtype)a, (wg_dtype)b, shapes[s], orders[o / 5], orders[o % 5]);
                }
            }
        }
    }
}

Test(copy, large_enough_for_threads) {
    const int64_t shape[] = {7, 300, 200};
    check(WG_F32, WG_F32, shape, (int[]){0, 1, 2}, (int[]){2, 0, 1});
    check(WG_F64, WG_F32, shape, (int[]){0, 1, 2}, (int[]){0, 1, 2});
}

Test(copy, broadcast_and_reversed) {
    float x[3] = {1, 2, 3}, y[6];
    const wg_view from = {WG_F32, 2, {2, 3}, {0, -1}, x + 2}, to = {WG_F32, 2, {2, 3}, {3, 1}, y};
    wg_kernel_copy(&from, &to);
    const float want[] = {3, 2, 1, 3, 2, 1};
    cr_assert_arr_eq(y, want, sizeof want);
    wg_kernel_add_into(&from, &to);
    cr_assert_eq(y[3], 6);
    double sums[2] = {-1, -1};
    double z[6] = {1, 2, 3, 4, 5, 6};
    const wg_view whole = {WG_F64, 2, {2, 3}, {3, 1}, z};
    const wg_view rows = {WG_F64, 2, {2, 1}, {1, 1}, sums}, all = {WG_F64, 0, {0}, {0}, sums};
    wg_kernel_sum_to(&whole, &rows);
    cr_assert_eq(sums[0], 6);
    cr_assert_eq(sums[1], 15);
    wg_kernel_sum_to(&whole, &all);
    cr_assert_eq(sums[0], 21);
    const wg_view empty = {WG_F64, 2, {0, 3}, {3, 1}, NULL};
    double columns[3] = {9, 9, 9};
    const wg_view to_columns = {WG_F64, 1, {3}, {1}, columns};
    wg_kernel_sum_to(&empty, &to_columns);
    cr_assert_eq(columns[2], 0);
}

/* The bits of all reductions of a shape, with some number of threads. */
static void reduce_with(int threads, const wg_view *from, const wg_view *to) {
#ifdef _OPENMP
    omp_set_num_threads(threads);
#else
    (void)threads;
#endif
    wg_kernel_reduce(WG_REDUCE_SUM, from, to, 3);
}

Test(reduction, the_number_of_threads_changes_no_bit) {
    enum {
        N = 600000
    };
    float *x = malloc(N * sizeof *x);
    float one[1000], two[1000];
    for (int i = 0; i < N; i++) {
        x[i] = (float)sin(i);
    }
    const wg_view shapes[] = {{WG_F32, 2, {1, N}, {N, 1}, x},
                              {WG_F32, 2, {3, N / 3}, {N / 3, 1}, x},
                              {WG_F32, 2, {1000, N / 1000}, {N / 1000, 1}, x},
                              {WG_F32, 2, {1000, N / 1000}, {1, 1000}, x},
                              {WG_F32, 2, {2, N / 2}, {1, 2}, x}};
    for (int i = 0; i < 5; i++) {
        wg_view to = {WG_F32, 2, {shapes[i].shape[0], 1}, {1, 1}, one};
        reduce_with(1, &shapes[i], &to);
        to.data = two;
        reduce_with(3, &shapes[i], &to);
        cr_assert_arr_eq(one, two, (size_t)to.shape[0] * sizeof one[0]);
    }
    free(x);
}
