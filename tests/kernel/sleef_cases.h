/* sleef_cases.h: the functions of src/kernel/sleef.h as the tests try them: their rows, points to
 * try, and one way to run a loop in either type. */
#ifndef WG_TESTS_SLEEF_CASES_H
#define WG_TESTS_SLEEF_CASES_H

#include "kernel/elementwise.h"
#include "kernel/sleef.h"
#include "random_points.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLES 60000

/* ---- Functions, types, instruction sets ---------------------------------------------------- */

typedef enum set {
    SET_sse2,
    SET_avx2,
    SET_avx512f,
    SET_COUNT
} set;

extern const wg_rule_loops wg_loops_baseline[WG_RULE_COUNT];
#if defined(__x86_64__) && defined(__GNUC__)
extern const wg_rule_loops wg_loops_avx2[WG_RULE_COUNT];
extern const wg_rule_loops wg_loops_avx512[WG_RULE_COUNT];
#endif

/* NULL where the machine lacks the instruction set. */
static const wg_rule_loops *loops_of(set which) {
#if defined(__x86_64__) && defined(__GNUC__)
    if (which == SET_avx512f) {
        return wg_kernel_rule_loops() == wg_loops_avx512 ? wg_loops_avx512 : NULL;
    }
    if (which == SET_avx2) {
        return wg_kernel_rule_loops() != wg_loops_baseline ? wg_loops_avx2 : NULL;
    }
#endif
    return which == SET_sse2 ? wg_loops_baseline : NULL;
}

/* name, dense range, largest errors in ulp in f32 and f64 */
#define UNARY(U)                                                                                   \
    U(sin, -40, 40, 1, 1)                                                                          \
    U(cos, -40, 40, 1, 1)                                                                          \
    U(tan, -40, 40, 1.01, 1.01)                                                                    \
    U(asin, -1.1, 1.1, 1, 1)                                                                       \
    U(acos, -1.1, 1.1, 1, 1)                                                                       \
    U(atan, -30, 30, 1, 1)                                                                         \
    U(sinh, -90, 90, 2, 2)                                                                         \
    U(cosh, -90, 90, 2, 2)                                                                         \
    U(asinh, -30, 30, 1.1, 1.1)                                                                    \
    U(acosh, 0.9, 30, 1.1, 1.1)                                                                    \
    U(atanh, -1.1, 1.1, 1.01, 1.01)                                                                \
    U(exp2, -160, 140, 1, 1)                                                                       \
    U(log2, -0.1, 10, 1, 1)                                                                        \
    U(log10, -0.1, 10, 1, 1)                                                                       \
    U(cbrt, -50, 50, 1, 1)                                                                         \
    U(erf, -7, 7, 1.2, 1)                                                                          \
    U(erfc, -7, 28, 1.5, 1.5)
#define BINARY(B)                                                                                  \
    B(pow, 0, 20, 1, 1)                                                                            \
    B(atan2, -5, 5, 1.8, 1.8)                                                                      \
    B(hypot, -5, 5, 1, 1)

typedef long double (*exact_function)(long double, long double);
#define EXACT_U(name, ...)                                                                         \
    static long double exact_##name(long double x, long double y) {                                \
        (void)y;                                                                                   \
        return name##l(x);                                                                         \
    }
#define EXACT_B(name, ...)                                                                         \
    static long double exact_##name(long double x, long double y) {                                \
        return name##l(x, y);                                                                      \
    }
UNARY(EXACT_U)
BINARY(EXACT_B)

typedef struct function {
    const char *name;
    int rule, arity;
    exact_function exact;
    double low, high, bound[2];
    set from[2]; /* the least instruction set whose loop is SLEEF's, in f32 and f64 */
} function;

#define FROM_F32(accuracy, f32, f64) SET_##f32
#define FROM_F64(accuracy, f32, f64) SET_##f64
#define COLUMN(macro, row) COLUMN_(macro, row)
#define COLUMN_(macro, row) macro row
#define ROW(name, arity, low, high, bound_f32, bound_f64)                                          \
    {#name,                                                                                        \
     WG_RULE_##name,                                                                               \
     arity,                                                                                        \
     exact_##name,                                                                                 \
     low,                                                                                          \
     high,                                                                                         \
     {bound_f32, bound_f64},                                                                       \
     {COLUMN(FROM_F32, WG_SLEEF_##name), COLUMN(FROM_F64, WG_SLEEF_##name)}},
#define ROW_U(name, ...) ROW(name, 1, __VA_ARGS__)
#define ROW_B(name, ...) ROW(name, 2, __VA_ARGS__)
static const function functions[] = {UNARY(ROW_U) BINARY(ROW_B)};
#define FUNCTIONS (sizeof functions / sizeof *functions)

static const char *const type_names[] = {"f32", "f64"};
static const char *const set_names[] = {"SSE2", "AVX2", "AVX-512"};

static bool is_sleef(const function *f, int type, set which) {
#ifdef WG_SLEEF_LOOPS
    return loops_of(which) != NULL && which >= f->from[type];
#else
    (void)f, (void)type, (void)which;
    return false;
#endif
}

/* ---- Points -------------------------------------------------------------------------------- */

static double next_point(const function *f, int type) {
    switch (next_bits() % 6) {
    case 0:
    case 1:
        return next_in(f->low, f->high);
    case 2: /* small of all sizes */
        return next_scaled(-(int)(next_bits() % (type == 1 ? 1074 : 149)));
    case 3: /* where many functions have a zero or a pole */
        return next_scaled(1) * (next_bits() % 2 == 0 ? 1 : next_in(0.999, 1.001));
    case 4:
        return next_scaled((int)(next_bits() % 64));
    default: { /* all exponents, infinities, NaN */
        const uint64_t bits = next_bits();
        const uint32_t low = (uint32_t)bits;
        double x;
        float y;
        memcpy(&x, &bits, sizeof x);
        memcpy(&y, &low, sizeof y);
        return type == 1 ? x : (double)y;
    }
    }
}

/* The second operand: of any size, like the first, and for pow such that the result is in range. */
static double next_partner(const function *f, int type, double x) {
    switch (next_bits() % 4) {
    case 0:
        return x * next_in(0.5, 2);
    case 1:
        return f->rule == WG_RULE_pow ? floor(next_in(-30, 30)) : next_in(f->low, f->high);
    case 2:
        return f->rule == WG_RULE_pow ? next_in(-750, 715) / log(fabs(x)) : next_in(-1, 1);
    default:
        return next_point(f, type);
    }
}

static double rounded(int type, double x) {
    return type == 0 ? (double)(float)x : x;
}

static inline void fill(const function *f, int type, size_t n, double *x, double *y) {
    for (size_t i = 0; i < n; i++) {
        x[i] = rounded(type, next_point(f, type));
        y[i] = rounded(type, next_partner(f, type, x[i]));
    }
}

/* ---- Running a loop ------------------------------------------------------------------------ */

#define MOST 3 /* stride */

/* out[i] of the loop whose inputs stand `stride` apart, with NaN between them; numbers of the type,
 * held as doubles. */
static void run(wg_loop loop, int type, size_t n, ptrdiff_t stride, int count,
                const double *const *inputs, double *out) {
    static double memory[WG_LOOP_INPUTS][SAMPLES * MOST + MOST], result[SAMPLES];
    const void *in[WG_LOOP_INPUTS];
    ptrdiff_t strides[WG_LOOP_INPUTS];
    for (int k = 0; k < count; k++) {
        float *f32 = (float *)memory[k];
        for (size_t i = 0; i < n; i++) {
            for (ptrdiff_t gap = 0; gap < stride; gap++) {
                const size_t place = i * (size_t)stride + (size_t)gap;
                const double x = gap == 0 ? inputs[k][i] : (double)NAN;
                if (type == 0) {
                    f32[place] = (float)x;
                } else {
                    memory[k][place] = x;
                }
            }
        }
        in[k] = memory[k];
        strides[k] = stride;
    }
    loop(n, in, strides, result);
    for (size_t i = 0; i < n; i++) {
        out[i] = type == 0 ? (double)((float *)result)[i] : result[i];
    }
}

static bool same(double a, double b) {
    return (a != a && b != b) || (a == b && signbit(a) == signbit(b));
}

/* ---- Errors -------------------------------------------------------------------------------- */

/* The error in units of the last place; infinite for a wrong NaN, infinity or sign of zero. */
static double ulps(int type, long double want, long double got) {
    const int digits = type == 0 ? FLT_MANT_DIG : DBL_MANT_DIG;
    const int least = (type == 0 ? FLT_MIN_EXP : DBL_MIN_EXP) - 1;
    const long double most = type == 0 ? FLT_MAX : DBL_MAX;
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
    if (want == 0) {
        return same(0, (double)fabsl(got)) && signbit(want) == signbit(got) ? 0 : (double)INFINITY;
    }
    const int exponent = ilogbl(want);
    return (double)(fabsl(got - want) /
                    ldexpl(1, (exponent < least ? least : exponent) - digits + 1));
}

#endif
