/* test_conv.c: convolution and its gradients against their definition. */
#include "kernel/conv.h"

#include "base/base.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
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

static int64_t draw(uint64_t *state, int64_t low, int64_t high) {
    return low + (int64_t)(next_random(state) % (uint64_t)(high - low + 1));
}

static int64_t volume_of(const int64_t *size) {
    return size[0] * size[1] * size[2];
}

/* An axis whose padding, stride and dilation leave at least one output. */
static void draw_axis(uint64_t *state, wg_conv_sizes *s, int i, int64_t most) {
    const int64_t kernel = draw(state, 1, 4);
    s->kernel[i] = kernel == 4 ? draw(state, 1, 7) : kernel;
    s->stride[i] = draw(state, 0, 2) == 0 ? draw(state, 1, 4) : 1;
    s->dilation[i] = draw(state, 0, 2) == 0 ? draw(state, 1, 3) : 1;
    const int64_t reach = (s->kernel[i] - 1) * s->dilation[i] + 1;
    s->in[i] = draw(state, 1, most);
    s->pad[i] = draw(state, -1, reach);
    int64_t behind = draw(state, -1, reach);
    while (s->in[i] + s->pad[i] + behind < reach) {
        behind++;
    }
    s->out[i] = (s->in[i] + s->pad[i] + behind - reach) / s->stride[i] + 1;
}

static wg_conv_sizes draw_sizes(uint64_t *state) {
    wg_conv_sizes s;
    const int axes = (int)draw(state, 1, 3);
    const bool large = draw(state, 0, 9) == 0;
    s.batch = draw(state, 1, 3);
    s.groups = draw(state, 0, 3) == 0 ? draw(state, 2, 5) : 1;
    s.in_channels = draw(state, 0, 2) == 0 ? 1 : draw(state, 1, large ? 40 : 9);
    s.out_channels = draw(state, 0, 2) == 0 ? 1 : draw(state, 1, large ? 40 : 9);
    for (int i = 0; i < 3; i++) {
        s.in[i] = s.out[i] = s.kernel[i] = s.stride[i] = s.dilation[i] = 1;
        s.pad[i] = 0;
        if (i >= 3 - axes) {
            draw_axis(state, &s, i, axes == 1 ? 300 : axes == 2 ? 24 : 7);
        }
    }
    return s;
}

/* Elements of x, w and y. */
typedef struct counts {
    int64_t x, w, y;
} counts;

static counts counts_of(const wg_conv_sizes *s) {
    const counts all = {s->batch * s->groups * s->in_channels * volume_of(s->in),
                        s->groups * s->in_channels * s->out_channels * volume_of(s->kernel),
                        s->batch * s->groups * s->out_channels * volume_of(s->out)};
    return all;
}

static void describe(const wg_conv_sizes *s, char *text, size_t size) {
    int at = snprintf(text, size, "batch %d, groups %d, channels %d -> %d", (int)s->batch,
                      (int)s->groups, (int)s->in_channels, (int)s->out_channels);
    for (int i = 0; i < 3; i++) {
        at += snprintf(text + at, size - (size_t)at,
                       "; %d -> %d, kernel %d, stride %d, dilation %d, pad %d", (int)s->in[i],
                       (int)s->out[i], (int)s->kernel[i], (int)s->stride[i], (int)s->dilation[i],
                       (int)s->pad[i]);
    }
}

/* Sizes that the random ones do not reach: many channels, wide rows, several blocks, long sums. */
static const wg_conv_sizes large_sizes[] = {
    {2, 1, 64, 64, {1, 20, 30}, {1, 20, 30}, {1, 3, 3}, {1, 1, 1}, {1, 1, 1}, {0, 1, 1}},
    {1, 1, 300, 30, {1, 9, 40}, {1, 9, 40}, {1, 3, 3}, {1, 1, 1}, {1, 1, 1}, {0, 1, 1}},
    {1, 1, 3, 20, {1, 90, 91}, {1, 45, 46}, {1, 7, 7}, {1, 2, 2}, {1, 1, 1}, {0, 3, 3}},
    {2, 1, 70, 33, {1, 28, 28}, {1, 14, 14}, {1, 1, 1}, {1, 2, 2}, {1, 1, 1}, {0, 0, 0}},
    {2, 40, 1, 1, {1, 30, 41}, {1, 30, 41}, {1, 3, 3}, {1, 1, 1}, {1, 1, 1}, {0, 1, 1}},
    {3, 1, 1, 6, {1, 28, 28}, {1, 28, 28}, {1, 5, 5}, {1, 1, 1}, {1, 1, 1}, {0, 2, 2}},
    {1, 1, 30, 20, {1, 1, 5000}, {1, 1, 5000}, {1, 1, 5}, {1, 1, 1}, {1, 1, 2}, {0, 0, 4}},
    {1, 1, 3, 5, {1, 1, 70000}, {1, 1, 35000}, {1, 1, 4}, {1, 1, 2}, {1, 1, 1}, {0, 0, 1}},
    {1, 1, 20, 17, {6, 12, 13}, {6, 12, 13}, {3, 3, 3}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}},
    {1, 1, 9, 17, {7, 12, 13}, {4, 6, 7}, {3, 3, 3}, {2, 2, 2}, {1, 1, 1}, {1, 1, 1}},
    {1, 2, 600, 16, {1, 7, 7}, {1, 7, 7}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}},
    {4, 1, 64, 32, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}},
};

#define CONV_TESTS(suffix, T)                                                                      \
    /* Small integers: every order of the sum is exact, so equality is the test. */                \
    static T *integers_##suffix(int64_t count, uint64_t *state) {                                  \
        T *memory = wg_alloc((size_t)(count + 1) * sizeof(T));                                     \
        cr_assert_not_null(memory);                                                                \
        for (int64_t i = 0; i < count; i++) {                                                      \
            memory[i] = (T)draw(state, -2, 2);                                                     \
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
    static void run_##suffix(int index, wg_conv_kind kind, const wg_conv_sizes *s, const T *a,     \
                             const T *b, const T *bias, T *result) {                               \
        const wg_matmul_parts_##suffix *parts = wg_matmul_parts_at_##suffix(index);                \
        void *workspace = wg_alloc(wg_conv_workspace_with_##suffix(parts, kind, s) + 64);          \
        cr_assert_not_null(workspace);                                                             \
        cr_assert(wg_conv_with_##suffix(parts, kind, s, a, b, bias, result, workspace));           \
        wg_free(workspace);                                                                        \
    }                                                                                              \
    static void check_##suffix(int index, const wg_conv_sizes *s, uint64_t *state) {               \
        const counts n = counts_of(s);                                                             \
        T *x = integers_##suffix(n.x, state), *w = integers_##suffix(n.w, state);                  \
        T *y = integers_##suffix(n.y, state);                                                      \
        T *bias = integers_##suffix(s->groups * (s->out_channels + s->in_channels), state);        \
        const int64_t most = n.x > n.y ? n.x : n.y, room = (most > n.w ? most : n.w) + 1;          \
        T *have = wg_alloc((size_t)room * sizeof(T)), *want = wg_alloc((size_t)room * sizeof(T));  \
        cr_assert(have != NULL && want != NULL);                                                   \
        for (int kind = 0; kind < 3; kind++) {                                                     \
            const T *a = kind == WG_CONV_INPUT ? y : x, *b = kind == WG_CONV_WEIGHT ? y : w;       \
            const int64_t count = kind == WG_CONV_FORWARD ? n.y                                    \
                                  : kind == WG_CONV_INPUT ? n.x                                    \
                                                          : n.w;                                   \
            const T *start = kind != WG_CONV_WEIGHT && draw(state, 0, 1) == 1 ? bias : NULL;       \
            have[count] = 77;                                                                      \
            run_##suffix(index, (wg_conv_kind)kind, s, a, b, start, have);                         \
            wg_conv_reference_##suffix((wg_conv_kind)kind, s, a, b, start, want);                  \
            cr_assert(have[count] == 77);                                                          \
            for (int64_t i = 0; i < count; i++) {                                                  \
                if (have[i] != want[i]) {                                                          \
                    char text[512];                                                                \
                    describe(s, text, sizeof text);                                                \
                    cr_assert(false, "kind %d, %s: [%d] is %g and should be %g", kind, text,       \
                              (int)i, (double)have[i], (double)want[i]);                           \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
        wg_free(x);                                                                                \
        wg_free(w);                                                                                \
        wg_free(y);                                                                                \
        wg_free(bias);                                                                             \
        wg_free(have);                                                                             \
        wg_free(want);                                                                             \
    }                                                                                              \
    static void sweep_##suffix(int index) {                                                        \
        uint64_t state = 11;                                                                       \
        for (int round = 0; wg_matmul_parts_at_##suffix(index) != NULL && round < 400; round++) {  \
            const wg_conv_sizes s = draw_sizes(&state);                                            \
            check_##suffix(index, &s, &state);                                                     \
        }                                                                                          \
    }                                                                                              \
    Test(conv, baseline_equals_the_definition_##suffix) {                                          \
        sweep_##suffix(0);                                                                         \
    }                                                                                              \
    Test(conv, avx2_equals_the_definition_##suffix) {                                              \
        sweep_##suffix(1);                                                                         \
    }                                                                                              \
    Test(conv, avx512_equals_the_definition_##suffix) {                                            \
        sweep_##suffix(2);                                                                         \
    }                                                                                              \
    Test(conv, large_sizes_##suffix) {                                                             \
        uint64_t state = 12;                                                                       \
        for (int index = 0; wg_matmul_parts_at_##suffix(index) != NULL; index++) {                 \
            for (size_t i = 0; i < WG_COUNT_OF(large_sizes); i++) {                                \
                use_threads((int)i % 3 + 1);                                                       \
                check_##suffix(index, &large_sizes[i], &state);                                    \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    Test(conv, bits_do_not_depend_on_threads_##suffix) {                                           \
        uint64_t state = 13;                                                                       \
        for (size_t i = 0; i < WG_COUNT_OF(large_sizes) * 3; i++) {                                \
            const wg_conv_sizes *s = &large_sizes[i / 3];                                          \
            const wg_conv_kind kind = (wg_conv_kind)(i % 3);                                       \
            const counts n = counts_of(s);                                                         \
            T *x = reals_##suffix(n.x, &state), *w = reals_##suffix(n.w, &state);                  \
            T *y = reals_##suffix(n.y, &state);                                                    \
            const T *a = kind == WG_CONV_INPUT ? y : x, *b = kind == WG_CONV_WEIGHT ? y : w;       \
            const int64_t count = kind == WG_CONV_FORWARD ? n.y                                    \
                                  : kind == WG_CONV_INPUT ? n.x                                    \
                                                          : n.w;                                   \
            T *one = reals_##suffix(count, &state), *more = reals_##suffix(count, &state);         \
            int best = 0;                                                                          \
            while (wg_matmul_parts_at_##suffix(best + 1) != NULL) {                                \
                best++;                                                                            \
            }                                                                                      \
            use_threads(1);                                                                        \
            run_##suffix(best, kind, s, a, b, NULL, one);                                          \
            for (int threads = 2; threads <= 5; threads += 3) {                                    \
                use_threads(threads);                                                              \
                run_##suffix(best, kind, s, a, b, NULL, more);                                     \
                cr_assert(memcmp(one, more, (size_t)count * sizeof(T)) == 0,                       \
                          "sizes %d, kind %d, %d threads", (int)i / 3, (int)kind, threads);        \
            }                                                                                      \
            wg_free(x);                                                                            \
            wg_free(w);                                                                            \
            wg_free(y);                                                                            \
            wg_free(one);                                                                          \
            wg_free(more);                                                                         \
        }                                                                                          \
    }                                                                                              \
    /* Against sums in double: errors grow with the root of their length, in units of the terms'   \
     * root mean square, 1/12. */                                                                  \
    Test(conv, rounding_stays_small_##suffix) {                                                    \
        uint64_t state = 14;                                                                       \
        const double unit = sizeof(T) == sizeof(float) ? 0x1p-24 : 0x1p-53;                        \
        for (int i = 0; i < 2 * 3; i++) {                                                          \
            const wg_conv_sizes *s = &large_sizes[i / 3];                                          \
            const wg_conv_kind kind = (wg_conv_kind)(i % 3);                                       \
            const counts n = counts_of(s);                                                         \
            T *x = reals_##suffix(n.x, &state), *w = reals_##suffix(n.w, &state);                  \
            T *y = reals_##suffix(n.y, &state);                                                    \
            const T *a = kind == WG_CONV_INPUT ? y : x, *b = kind == WG_CONV_WEIGHT ? y : w;       \
            const int64_t count = kind == WG_CONV_FORWARD ? n.y                                    \
                                  : kind == WG_CONV_INPUT ? n.x                                    \
                                                          : n.w;                                   \
            T *have = reals_##suffix(count, &state), *want = reals_##suffix(count, &state);        \
            run_##suffix(0, kind, s, a, b, NULL, have);                                            \
            wg_conv_reference_##suffix(kind, s, a, b, NULL, want);                                 \
            double worst = 0;                                                                      \
            for (int64_t j = 0; j < count; j++) {                                                  \
                worst = fmax(worst, fabs((double)have[j] - (double)want[j]));                      \
            }                                                                                      \
            const double terms = (double)(n.x / s->in[1]) * (double)s->in_channels;                \
            cr_assert_leq(worst, 12 * unit * sqrt(terms) / 12, "sizes %d, kind %d: %g", i / 3,     \
                          (int)kind, worst);                                                       \
            wg_free(x);                                                                            \
            wg_free(w);                                                                            \
            wg_free(y);                                                                            \
            wg_free(have);                                                                         \
            wg_free(want);                                                                         \
        }                                                                                          \
    }

CONV_TESTS(f32, float)
CONV_TESTS(f64, double)
