/* The functions of vector_math.h against libm in long double: dense samples, special values, and
 * the same bits from every instruction set. */
#include "kernel/elementwise.h"
#include "kernel/vector_math.h"
#include "random_points.h"

#include <criterion/criterion.h>
#include <float.h>
#include <stdio.h>
#include <stdlib.h>

#define SAMPLES 400000

/* A value near zero, to either side, of any size below 1. */
static double next_small(int least_exponent) {
    return next_scaled(-(int)(next_bits() % (uint64_t)least_exponent));
}

static long double sigmoidl(long double x) {
    return 1 / (1 + expl(-x));
}

static long double softplusl(long double x) {
    return (x > 0 ? x : 0) + log1pl(expl(-fabsl(x)));
}

/* The error in units of the last place of T; nothing where both overflow or are NaN. */
static double ulps(long double want, long double got, int digits, int least, long double most) {
    if (want != want || got != got) {
        return want != want && got != got ? 0 : (double)INFINITY;
    }
    if (fabsl(want) > most || isinf(got)) {
        /* Between the greatest number and infinity either is right. */
        return (want > 0) == (got > 0) && fabsl(want) >= most * (1 - ldexpl(1, -digits)) &&
                       fabsl(got) >= most
                   ? 0
                   : (double)INFINITY;
    }
    const int exponent = want == 0 ? least : ilogbl(want);
    return (double)(fabsl(got - want) /
                    ldexpl(1, (exponent < least ? least : exponent) - digits + 1));
}

typedef struct function {
    const char *name;
    int rule;
    long double (*exact)(long double);
    double low, high; /* dense */
    double bound[2];  /* in ulp, f32 and f64 */
} function;

static const function functions[] = {
    {"exp", WG_RULE_exp, expl, -110, 92, {1.0, 1.0}},
    {"expm1", WG_RULE_expm1, expm1l, -20, 92, {2, 2}},
    {"log", WG_RULE_log, logl, -0.5, 10, {1.0, 1.0}},
    {"log1p", WG_RULE_log1p, log1pl, -1.1, 10, {2, 2}},
    {"tanh", WG_RULE_tanh, tanhl, -12, 12, {2, 2}},
    {"sigmoid", WG_RULE_sigmoid, sigmoidl, -100, 100, {2.5, 2.5}},
    {"softplus", WG_RULE_softplus, softplusl, -100, 100, {2, 2}},
};

static double sample(const function *f, int i, int is_f64) {
    switch (i % 4) {
    case 0:
        return next_in(f->low, f->high);
    case 1:
        return next_in(-1, 2);
    case 2:
        return next_small(is_f64 ? 1000 : 120);
    default: { /* all exponents */
        const uint64_t bits = next_bits();
        const uint32_t low = (uint32_t)bits;
        double x;
        float y;
        memcpy(&x, &bits, sizeof x);
        memcpy(&y, &low, sizeof y);
        return is_f64 ? x : (double)y;
    }
    }
}

#define WORST(T, TYPE, MANTISSA, LEAST, MOST)                                                      \
    static double worst_##T(const function *f) {                                                   \
        static T x[SAMPLES], y[SAMPLES];                                                           \
        const void *in[1] = {x};                                                                   \
        const ptrdiff_t stride[1] = {1};                                                           \
        double worst = 0;                                                                          \
        for (int i = 0; i < SAMPLES; i++) {                                                        \
            x[i] = (T)sample(f, i, TYPE);                                                          \
        }                                                                                          \
        wg_kernel_rule_loops()[f->rule].value[TYPE](SAMPLES, in, stride, y);                       \
        for (int i = 0; i < SAMPLES; i++) {                                                        \
            const double error = ulps(f->exact((long double)x[i]), (long double)y[i], MANTISSA,    \
                                      LEAST, (long double)MOST);                                   \
            worst = error > worst ? error : worst;                                                 \
            cr_assert(error <= f->bound[TYPE], "%s(%.17g) = %.17g is %.2f ulp off (%s)", f->name,  \
                      (double)x[i], (double)y[i], error, #T);                                      \
        }                                                                                          \
        return worst;                                                                              \
    }
WORST(float, 0, FLT_MANT_DIG, FLT_MIN_EXP - 1, FLT_MAX)
WORST(double, 1, DBL_MANT_DIG, DBL_MIN_EXP - 1, DBL_MAX)

Test(vector_math, is_close_to_exact_everywhere) {
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        const double f32 = worst_float(&functions[i]), f64 = worst_double(&functions[i]);
        if (getenv("WG_SHOW_ULPS") != NULL) {
            fprintf(stderr, "%-9s f32 %.3f  f64 %.3f ulp\n", functions[i].name, f32, f64);
        }
    }
}

/* ---- Special values ------------------------------------------------------------------------ */

static double value_of(int rule, int type, double x) {
    const float x32 = (float)x;
    float y32 = 0;
    double y64 = 0;
    const void *in[1] = {type == 0 ? (const void *)&x32 : &x};
    const ptrdiff_t stride[1] = {1};
    wg_kernel_rule_loops()[rule].value[type](1, in, stride, type == 0 ? (void *)&y32 : &y64);
    return type == 0 ? (double)y32 : y64;
}

static void expect(const char *name, int rule, double x, double y) {
    for (int type = 0; type < 2; type++) {
        const double got = value_of(rule, type, x);
        const bool same = y != y ? got != got : got == y && signbit(got) == signbit(y);
        cr_expect(same, "%s(%g) in f%d is %g, not %g", name, x, type == 0 ? 32 : 64, got, y);
    }
}
#define EXPECT(name, x, y) expect(#name, WG_RULE_##name, x, y)

Test(vector_math, keeps_special_values) {
    EXPECT(exp, INFINITY, INFINITY);
    EXPECT(exp, -INFINITY, 0);
    EXPECT(exp, 1000, INFINITY);
    EXPECT(exp, -1000, 0);
    EXPECT(exp, 0, 1);
    EXPECT(exp, -0.0, 1);
    EXPECT(exp, NAN, NAN);
    EXPECT(expm1, INFINITY, INFINITY);
    EXPECT(expm1, -INFINITY, -1);
    EXPECT(expm1, 1000, INFINITY);
    EXPECT(expm1, 0, 0);
    EXPECT(expm1, -0.0, -0.0);
    EXPECT(expm1, NAN, NAN);
    EXPECT(log, INFINITY, INFINITY);
    EXPECT(log, 0, -INFINITY);
    EXPECT(log, -0.0, -INFINITY);
    EXPECT(log, -1, NAN);
    EXPECT(log, -INFINITY, NAN);
    EXPECT(log, 1, 0);
    EXPECT(log, NAN, NAN);
    EXPECT(log1p, INFINITY, INFINITY);
    EXPECT(log1p, -1, -INFINITY);
    EXPECT(log1p, -2, NAN);
    EXPECT(log1p, -INFINITY, NAN);
    EXPECT(log1p, 0, 0);
    EXPECT(log1p, -0.0, -0.0);
    EXPECT(log1p, NAN, NAN);
    EXPECT(tanh, INFINITY, 1);
    EXPECT(tanh, -INFINITY, -1);
    EXPECT(tanh, 0, 0);
    EXPECT(tanh, -0.0, -0.0);
    EXPECT(tanh, NAN, NAN);
    EXPECT(sigmoid, INFINITY, 1);
    EXPECT(sigmoid, -INFINITY, 0);
    EXPECT(sigmoid, 0, 0.5);
    EXPECT(sigmoid, NAN, NAN);
    EXPECT(softplus, INFINITY, INFINITY);
    EXPECT(softplus, -INFINITY, 0);
    EXPECT(softplus, NAN, NAN);
}

Test(vector_math, does_not_lose_denormals) {
    cr_assert(wg_exp_f32(-103.0f) == 0x1p-149f);
    cr_assert(wg_exp_f64(-745.0) == 0x1p-1074);
    cr_assert(wg_log_f32(0x1p-149f) == logf(0x1p-149f));
    cr_assert(fabs(wg_log_f64(0x1p-1074) + 1074 * WG_LN2) < 1e-12);
    cr_assert(wg_log1p_f64(0x1p-1074) == 0x1p-1074);
    cr_assert(wg_tanh_f32(0x1p-149f) == 0x1p-149f);
}

/* ---- Instruction sets ---------------------------------------------------------------------- */

extern const wg_rule_loops wg_loops_baseline[WG_RULE_COUNT];

Test(vector_math, gives_the_same_bits_on_every_machine) {
    static double x[4099], wide[4099], narrow[4099]; /* not a whole number of vectors */
    const void *in[1] = {x};
    const ptrdiff_t stride[1] = {1};
    for (size_t f = 0; f < sizeof functions / sizeof *functions; f++) {
        for (int type = 0; type < 2; type++) {
            const size_t n = sizeof x / sizeof *x, size = type == 0 ? sizeof(float) : sizeof *x;
            for (size_t i = 0; i < n; i++) {
                const double value = next_in(functions[f].low, functions[f].high);
                if (type == 0) {
                    ((float *)x)[i] = (float)value;
                } else {
                    x[i] = value;
                }
            }
            wg_kernel_rule_loops()[functions[f].rule].value[type](n, in, stride, wide);
            wg_loops_baseline[functions[f].rule].value[type](n, in, stride, narrow);
            for (size_t i = 0; i < n; i++) {
                const char *a = (const char *)wide + i * size, *b = (const char *)narrow + i * size;
                const bool nan = type == 0 ? isnan(((float *)wide)[i]) : isnan(wide[i]);
                cr_assert(nan || memcmp(a, b, size) == 0, "%s in f%d", functions[f].name,
                          type == 0 ? 32 : 64);
            }
        }
    }
}
