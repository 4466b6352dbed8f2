/* test_matmul.c: the matrix product against its definition. */
#include "kernel/matmul.h"

#include "base/base.h"
#include "kernel/matmul_parts.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>
#if defined(_OPENMP)
#include <omp.h>
#endif

static void use_threads(int count) {
#if defined(_OPENMP)
    omp_set_num_threads(count);
#else
    (void)count;
#endif
}

static uint64_t next_random(uint64_t *state) {
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

/* How a rows x columns operand lies in memory: element (0, 0) at `start`, `count` elements in all.
 */
typedef struct layout {
    int64_t start, row, column, count;
} layout;

enum {
    LAYOUTS = 8
};

static layout layout_of(int kind, int64_t rows, int64_t columns) {
    const int64_t all = rows * columns;
    switch (kind) {
    case 0: /* row-major */
        return (layout){0, columns, 1, all};
    case 1: /* transposed */
        return (layout){0, 1, rows, all};
    case 2: /* steps */
        return (layout){0, 3 * columns + 1, 2, rows * (3 * columns + 1)};
    case 3: /* one row, broadcast */
        return (layout){0, 0, 1, columns};
    case 4: /* one column, broadcast */
        return (layout){0, 1, 0, rows};
    case 5: /* rows from the last to the first */
        return (layout){(rows - 1) * columns, -columns, 1, all};
    case 6: /* both axes backwards, transposed */
        return (layout){all - 1, -1, -rows, all};
    default: /* rows a power of two apart */
        return (layout){0, 2048, 1, (rows - 1) * 2048 + columns};
    }
}

#define PRODUCT_TESTS(suffix, T)                                                                   \
    /* Small integers: every order of the sum is exact, so equality is the test. */                \
    static T *integers_##suffix(int64_t count, uint64_t *state) {                                  \
        T *memory = wg_alloc((size_t)count * sizeof(T));                                           \
        cr_assert_not_null(memory);                                                                \
        for (int64_t i = 0; i < count; i++) {                                                      \
            memory[i] = (T)((int64_t)(next_random(state) % 9) - 4);                                \
        }                                                                                          \
        return memory;                                                                             \
    }                                                                                              \
    static T *reals_##suffix(int64_t count, uint64_t *state) {                                     \
        T *memory = integers_##suffix(count, state);                                               \
        for (int64_t i = 0; i < count; i++) {                                                      \
            memory[i] = (T)((double)next_random(state) / 2147483648.0 - 0.5);                      \
        }                                                                                          \
        return memory;                                                                             \
    }                                                                                              \
    static void check_##suffix(const wg_matmul_parts_##suffix *parts, int64_t m, int64_t n,        \
                               int64_t k, int a_kind, int b_kind, int start_kind,                  \
                               uint64_t *state) {                                                  \
        const layout la = layout_of(a_kind, m, k), lb = layout_of(b_kind, k, n);                   \
        const int64_t c_row = next_random(state) % 2 ? n : n + 3;                                  \
        T *a = integers_##suffix(la.count, state), *b = integers_##suffix(lb.count, state);        \
        T *c = integers_##suffix(m * c_row, state);                                                \
        T *expected = wg_alloc((size_t)(m * c_row) * sizeof(T));                                   \
        cr_assert_not_null(expected);                                                              \
        memcpy(expected, c, (size_t)(m * c_row) * sizeof(T));                                      \
        /* Added to: nothing, C itself, one row (a bias), an array of its own. */                  \
        const int64_t start_row = start_kind == 1 ? c_row : start_kind == 2 ? 0 : n + 1;           \
        T *own = integers_##suffix(m * (n + 1), state);                                            \
        const T *start = start_kind == 0 ? NULL : start_kind == 1 ? c : own;                       \
        for (int64_t i = 0; i < m * n && start_kind > 1; i++) {                                    \
            expected[i / n * c_row + i % n] = own[i / n * start_row + i % n];                      \
        }                                                                                          \
        wg_kernel_matmul_reference_##suffix(m, n, k, a + la.start, la.row, la.column,              \
                                            b + lb.start, lb.row, lb.column, expected, c_row,      \
                                            start_kind > 0);                                       \
        cr_assert(wg_matmul_with_##suffix(parts, m, n, k, a + la.start, la.row, la.column,         \
                                          b + lb.start, lb.row, lb.column, start, start_row, c,    \
                                          c_row));                                                 \
        for (int64_t i = 0; i < m * c_row; i++) {                                                  \
            cr_assert(c[i] == expected[i],                                                         \
                      "%d x %d x %d, layouts %d %d, added to %d, rows %d apart: [%d, %d] is %g "   \
                      "and should be %g",                                                          \
                      (int)m, (int)n, (int)k, a_kind, b_kind, start_kind, (int)c_row,              \
                      (int)(i / c_row), (int)(i % c_row), (double)c[i], (double)expected[i]);      \
        }                                                                                          \
        wg_free(a);                                                                                \
        wg_free(b);                                                                                \
        wg_free(c);                                                                                \
        wg_free(own);                                                                              \
        wg_free(expected);                                                                         \
    }                                                                                              \
    /* Every layout of A with every layout of B, at sizes around the edges of every tile. */       \
    static void sweep_##suffix(int index) {                                                        \
        static const int sizes[] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  13, 14, 15, 16, 17,        \
                                    23, 28, 29, 31, 32, 33, 47, 48, 49, 63, 64, 65, 70, 101};      \
        static const int depths[] = {1,  2,  3,  4,   5,   7,   8,   15,  16,  17,                 \
                                     63, 64, 65, 127, 192, 193, 256, 257, 300, 1030};              \
        const wg_matmul_parts_##suffix *parts = wg_matmul_parts_at_##suffix(index);                \
        uint64_t state = 1;                                                                        \
        for (int round = 0; parts != NULL && round < 20 * LAYOUTS * LAYOUTS; round++) {            \
            check_##suffix(parts, sizes[next_random(&state) % WG_COUNT_OF(sizes)],                 \
                           sizes[next_random(&state) % WG_COUNT_OF(sizes)],                        \
                           depths[next_random(&state) % WG_COUNT_OF(depths)], round % LAYOUTS,     \
                           round / LAYOUTS % LAYOUTS, (int)(next_random(&state) % 4), &state);     \
        }                                                                                          \
    }                                                                                              \
    Test(matmul, baseline_equals_the_definition_##suffix) {                                        \
        sweep_##suffix(0);                                                                         \
    }                                                                                              \
    Test(matmul, avx2_equals_the_definition_##suffix) {                                            \
        sweep_##suffix(1);                                                                         \
    }                                                                                              \
    Test(matmul, avx512_equals_the_definition_##suffix) {                                          \
        sweep_##suffix(2);                                                                         \
    }                                                                                              \
    Test(matmul, every_small_shape_##suffix) {                                                     \
        uint64_t state = 2;                                                                        \
        for (int index = 0; wg_matmul_parts_at_##suffix(index) != NULL; index++) {                 \
            for (int shape = 0; shape < 6 * 6 * 6 * 4; shape++) {                                  \
                check_##suffix(wg_matmul_parts_at_##suffix(index), shape % 6 + 1,                  \
                               shape / 6 % 6 + 1, shape / 36 % 6 + 1, shape / 216 % 2,             \
                               shape / 432, shape % 4, &state);                                    \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    /* Blocks of columns, of k, packed and in place, one thread and several. */                    \
    Test(matmul, large_shapes_##suffix) {                                                          \
        static const int shapes[][3] = {{40, 1500, 300}, {130, 700, 530}, {1, 3000, 700},          \
                                        {1, 5000, 40},   {2000, 1, 900},  {700, 900, 1},           \
                                        {3, 4100, 65},   {300, 20, 1100}};                         \
        uint64_t state = 3;                                                                        \
        for (int threads = 1; threads <= 5; threads += 2) {                                        \
            use_threads(threads);                                                                  \
            for (size_t i = 0; i < WG_COUNT_OF(shapes) * 4; i++) {                                 \
                const int *s = shapes[i / 4];                                                      \
                for (int index = 0; wg_matmul_parts_at_##suffix(index) != NULL; index++) {         \
                    check_##suffix(wg_matmul_parts_at_##suffix(index), s[0], s[1], s[2],           \
                                   (int)i % 2, (int)i / 2 % 2, (int)i % 3, &state);                \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    Test(matmul, bits_do_not_depend_on_threads_##suffix) {                                         \
        static const int shapes[][3] = {{64, 300, 784}, {301, 203, 307}, {1, 4099, 1024},          \
                                        {2500, 1, 999}, {1030, 2051, 1}, {15, 2000, 333}};         \
        uint64_t state = 4;                                                                        \
        for (size_t i = 0; i < WG_COUNT_OF(shapes) * 4; i++) {                                     \
            const int64_t m = shapes[i / 4][0], n = shapes[i / 4][1], k = shapes[i / 4][2];        \
            const layout la = layout_of((int)i % 2, m, k), lb = layout_of((int)i / 2 % 2, k, n);   \
            T *a = reals_##suffix(la.count, &state), *b = reals_##suffix(lb.count, &state);        \
            T *one = reals_##suffix(m * n, &state), *more = reals_##suffix(m * n, &state);         \
            use_threads(1);                                                                        \
            cr_assert(wg_kernel_matmul_##suffix(m, n, k, a, la.row, la.column, b, lb.row,          \
                                                lb.column, one, n, false));                        \
            for (int threads = 2; threads <= 5; threads += 3) {                                    \
                use_threads(threads);                                                              \
                cr_assert(wg_kernel_matmul_##suffix(m, n, k, a, la.row, la.column, b, lb.row,      \
                                                    lb.column, more, n, false));                   \
                cr_assert(memcmp(one, more, (size_t)(m * n) * sizeof(T)) == 0,                     \
                          "%d x %d x %d, %d threads", (int)m, (int)n, (int)k, threads);            \
            }                                                                                      \
            wg_free(a);                                                                            \
            wg_free(b);                                                                            \
            wg_free(one);                                                                          \
            wg_free(more);                                                                         \
        }                                                                                          \
    }                                                                                              \
    Test(matmul, rounding_stays_within_the_bound_##suffix) {                                       \
        enum {                                                                                     \
            M = 61,                                                                                \
            N = 75,                                                                                \
            K = 700                                                                                \
        };                                                                                         \
        uint64_t state = 5;                                                                        \
        T *a = reals_##suffix(M * K, &state), *b = reals_##suffix(K * N, &state);                  \
        T *c = reals_##suffix(M * N, &state);                                                      \
        const double unit = sizeof(T) == sizeof(float) ? 0x1p-24 : 0x1p-53;                        \
        for (int transposed = 0; transposed < 2; transposed++) {                                   \
            const int64_t row = transposed ? 1 : N, column = transposed ? K : 1;                   \
            cr_assert(wg_kernel_matmul_##suffix(M, N, K, a, K, 1, b, row, column, c, N, false));   \
            for (int i = 0; i < M * N; i++) {                                                      \
                long double sum = 0, size = 0;                                                     \
                for (int p = 0; p < K; p++) {                                                      \
                    const long double term =                                                       \
                        (long double)a[i / N * K + p] * b[p * row + i % N * column];               \
                    sum += term;                                                                   \
                    size += fabsl(term);                                                           \
                }                                                                                  \
                cr_assert(fabsl(c[i] - sum) <= K * unit * size);                                   \
            }                                                                                      \
        }                                                                                          \
        wg_free(a);                                                                                \
        wg_free(b);                                                                                \
        wg_free(c);                                                                                \
    }                                                                                              \
    Test(matmul, nan_and_infinity_pass_through_zeros_##suffix) {                                   \
        static const int shapes[][3] = {{1, 1, 1},    {2, 2, 2},     {1, 40, 9},   {40, 1, 9},     \
                                        {5, 40, 1},   {7, 9, 70},    {30, 33, 20}, {3, 3, 300},    \
                                        {1, 70, 300}, {50, 600, 300}};                             \
        for (size_t i = 0; i < WG_COUNT_OF(shapes) * 4; i++) {                                     \
            const int64_t m = shapes[i / 4][0], n = shapes[i / 4][1], k = shapes[i / 4][2];        \
            const layout la = layout_of((int)i % 2, m, k), lb = layout_of((int)i / 2 % 2, k, n);   \
            T *a = wg_calloc((size_t)(m * k), sizeof(T)),                                          \
              *b = wg_calloc((size_t)(k * n), sizeof(T));                                          \
            T *c = wg_calloc((size_t)(m * n), sizeof(T));                                          \
            cr_assert(a != NULL && b != NULL && c != NULL);                                        \
            b[(k - 1) * lb.row + (n - 1) * lb.column] = (T)INFINITY; /* 0 x infinity */            \
            a[(m - 1) * la.row] = (T)NAN;                                                          \
            cr_assert(wg_kernel_matmul_##suffix(m, n, k, a, la.row, la.column, b, lb.row,          \
                                                lb.column, c, n, false));                          \
            for (int64_t e = 0; e < m * n; e++) {                                                  \
                const bool hit = e / n == m - 1 || e % n == n - 1;                                 \
                cr_assert(hit ? isnan(c[e]) : c[e] == 0, "%d x %d x %d", (int)m, (int)n, (int)k);  \
            }                                                                                      \
            wg_free(a);                                                                            \
            wg_free(b);                                                                            \
            wg_free(c);                                                                            \
        }                                                                                          \
    }                                                                                              \
    Test(matmul, empty_##suffix) {                                                                 \
        T c[6] = {1, 2, 3, 4, 5, 6};                                                               \
        cr_assert(wg_kernel_matmul_##suffix(0, 3, 2, c, 2, 1, c, 3, 1, c, 3, false));              \
        cr_assert(wg_kernel_matmul_##suffix(2, 0, 2, c, 2, 1, c, 0, 1, c, 3, false));              \
        cr_assert(wg_kernel_matmul_##suffix(2, 2, 0, NULL, 0, 1, NULL, 2, 1, c, 3, true));         \
        cr_assert(                                                                                 \
            wg_kernel_batch_matmul_##suffix(0, 2, 2, 2, c, 4, 2, 1, c, 4, 2, 1, c, 4, 2, false));  \
        for (int i = 0; i < 6; i++) {                                                              \
            cr_assert(c[i] == (T)(i + 1));                                                         \
        }                                                                                          \
        cr_assert(wg_kernel_matmul_##suffix(2, 2, 0, NULL, 0, 1, NULL, 2, 1, c, 3, false));        \
        const T zeroed[6] = {0, 0, 3, 0, 0, 6};                                                    \
        for (int i = 0; i < 6; i++) {                                                              \
            cr_assert(c[i] == zeroed[i]);                                                          \
        }                                                                                          \
    }                                                                                              \
    /* Own operands, one of them shared, and all products summed into one C. */                    \
    Test(matmul, batch_##suffix) {                                                                 \
        static const int shapes[][3] = {{2, 3, 4}, {17, 33, 5}, {64, 64, 64}, {90, 100, 110}};     \
        uint64_t state = 6;                                                                        \
        for (int i = 0; i < 4 * 4 * 3 * 2; i++) {                                                  \
            const int *s = shapes[i / 4 % 4];                                                      \
            const int64_t m = s[0], n = s[1], k = s[2], count = i / 16 % 3 * 3 + 1;                \
            const bool shared_a = i % 4 == 1, shared_b = i % 4 == 2, summed = i % 4 == 3;          \
            const bool k_outside = summed && i / 48 == 1; /* the batch prolongs k */               \
            const int64_t a_row = k_outside ? 1 : k, a_column = k_outside ? m : 1;                 \
            const int64_t a_batch = shared_a ? 0 : m * k, b_batch = shared_b ? 0 : k * n;          \
            const int64_t c_batch = summed ? 0 : m * n;                                            \
            T *a = integers_##suffix(count * m * k, &state);                                       \
            T *b = integers_##suffix(count * k * n, &state);                                       \
            T *c = integers_##suffix(count * m * n, &state);                                       \
            T *expected = wg_alloc((size_t)(count * m * n) * sizeof(T));                           \
            cr_assert_not_null(expected);                                                          \
            memcpy(expected, c, (size_t)(count * m * n) * sizeof(T));                              \
            for (int64_t e = 0; e < count; e++) {                                                  \
                wg_kernel_matmul_reference_##suffix(m, n, k, a + e * a_batch, a_row, a_column,     \
                                                    b + e * b_batch, n, 1, expected + e * c_batch, \
                                                    n, summed);                                    \
            }                                                                                      \
            use_threads(i % 3 + 1);                                                                \
            cr_assert(wg_kernel_batch_matmul_##suffix(count, m, n, k, a, a_batch, a_row, a_column, \
                                                      b, b_batch, n, 1, c, c_batch, n, summed));   \
            cr_assert(memcmp(c, expected, (size_t)(count * m * n) * sizeof(T)) == 0,               \
                      "%d of %d x %d x %d, kind %d", (int)count, (int)m, (int)n, (int)k, i % 4);   \
            wg_free(a);                                                                            \
            wg_free(b);                                                                            \
            wg_free(c);                                                                            \
            wg_free(expected);                                                                     \
        }                                                                                          \
    }

PRODUCT_TESTS(f32, float)
PRODUCT_TESTS(f64, double)
