/* test_level1.c: vectors against plain loops, with any number of threads to the same bits. */
#include "kernel/level1.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>
#if defined(_OPENMP)
#include <omp.h>
#endif

enum {
    MOST = 400009 /* which threads share, in pieces that do not come out even */
};
static const int64_t sizes[] = {0, 1, 15, 16, 17, 1000, 70001, MOST};

static void use_threads(int count) {
#if defined(_OPENMP)
    omp_set_num_threads(count);
#else
    (void)count;
#endif
}

static double get(wg_dtype dtype, const void *data, int64_t i) {
    return dtype == WG_F32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
}

static void fill(wg_dtype dtype, void *data, double shift) {
    for (int64_t i = 0; i < MOST; i++) {
        const double value = sin((double)i + shift);
        if (dtype == WG_F32) {
            ((float *)data)[i] = (float)value;
        } else {
            ((double *)data)[i] = value;
        }
    }
}

static double x[MOST], y[MOST], z[MOST]; /* room for either dtype */

static void check_sums(wg_dtype dtype, int64_t n) {
    double dot = 0, abs = 0, most = 0;
    for (int64_t i = 0; i < n; i++) {
        dot += get(dtype, x, i) * get(dtype, y, i);
        abs += fabs(get(dtype, x, i));
        most = fmax(most, fabs(get(dtype, x, i)));
    }
    use_threads(1);
    const double one[] = {wg_kernel_dot(dtype, n, x, y), wg_kernel_sum_abs(dtype, n, x)};
    use_threads(3);
    cr_assert_eq(wg_kernel_dot(dtype, n, x, y), one[0]);
    cr_assert_eq(wg_kernel_sum_abs(dtype, n, x), one[1]);
    cr_assert_float_eq(one[0], dot, 1e-9 * (1 + fabs(dot)));
    cr_assert_float_eq(one[1], abs, 1e-9 * (1 + abs));
    cr_assert_eq(wg_kernel_greatest(dtype, n, x), most);
}

Test(level1, sums) {
    for (int dtype = 0; dtype < 2; dtype++) {
        fill((wg_dtype)dtype, x, 0);
        fill((wg_dtype)dtype, y, 0.5);
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
            check_sums((wg_dtype)dtype, sizes[s]);
        }
    }
}

Test(level1, the_greatest_is_nan_where_one_is) {
    for (int64_t at = 0; at < 40; at += 13) {
        fill(WG_F64, x, 0);
        x[at] = NAN;
        cr_assert(isnan(wg_kernel_greatest(WG_F64, 40, x)));
        cr_assert(isnan(wg_kernel_greatest(WG_F64, MOST, x)));
    }
}

static double axpby(double a, double b) {
    return 0.25 * a - 0.5 * b;
}
static double lerp(double a, double b) {
    return b + 0.25 * (a - b);
}
static double clamp(double a, double b) {
    (void)a;
    return fmax(fmin(b, 0.5), -0.5);
}

static void check_update(wg_dtype dtype, int64_t n, double (*expected)(double a, double b)) {
    const double tolerance = dtype == WG_F32 ? 2e-7 : 1e-15;
    use_threads(n % 2 == 0 ? 1 : 3);
    fill(dtype, y, 0.5);
    memcpy(z, y, sizeof z);
    if (expected == axpby) {
        wg_kernel_axpby(dtype, n, 0.25, x, -0.5, y);
    } else if (expected == lerp) {
        wg_kernel_lerp(dtype, n, 0.25, x, y);
    } else {
        wg_kernel_clamp(dtype, n, 0.5, y);
    }
    for (int64_t i = 0; i < n; i++) {
        cr_assert_float_eq(get(dtype, y, i), expected(get(dtype, x, i), get(dtype, z, i)),
                           tolerance);
    }
    cr_assert(n == MOST || get(dtype, y, n) == get(dtype, z, n), "it went beyond the end");
}

Test(level1, updates) {
    for (int dtype = 0; dtype < 2; dtype++) {
        fill((wg_dtype)dtype, x, 0);
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
            check_update((wg_dtype)dtype, sizes[s], axpby);
            check_update((wg_dtype)dtype, sizes[s], lerp);
            check_update((wg_dtype)dtype, sizes[s], clamp);
        }
    }
}
