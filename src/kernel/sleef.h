/* sleef.h (internal): the functions of SLEEF (https://sleef.org) that take the place of libm's in
 * loops over arrays (N. Shibata, F. Petrogalli, "SLEEF: A Portable Vectorized Library of C Standard
 * Mathematical Functions", IEEE TPDS 31, 2020).
 *
 * A row has the accuracy that SLEEF promises (u10 is 1.0 ulp), and the least instruction set in
 * which its function is faster than glibc's, in f32 and in f64 (measured on a Zen 4 with arguments
 * from N(0, 1), for acosh above 1). Taken are the deterministic functions, those with cinz (without
 * fused operations) and finz (with) in their names: the others choose their method by the whole
 * vector, so that the bits of an element would depend on its neighbours.
 *
 * Largest errors in ulp, measured against libm in long double (tests/kernel/test_sleef.c), over all
 * instruction sets; AVX2 and AVX-512 give the same bits:
 *
 *          sin    cos    tan    asin   acos   atan   sinh   cosh   asinh  acosh
 *   f32    0.91   0.94   0.94   0.78   0.68   0.96   1.88   1.88   1.00   0.88
 *   f64    0.81   0.77   1.00   0.88   0.73   0.82   1.43   1.08   1.00   0.99
 *
 *          atanh  exp2   log2   log10  cbrt   erf    erfc   pow    atan2  hypot
 *   f32    1.00   0.90   0.66   0.70   0.50   1.10   1.42   0.77   1.70   0.98
 *   f64    1.00   0.84   0.82   0.77   0.55   0.87   1.36   0.89   1.57   0.96
 *
 * Above 1 are only denormal results (erf, and atan2 with SSE2), erfc, and what libm gives:
 * sinh, cosh, asinh, acosh and pow overflow too early in SLEEF, so libm decides wherever a result
 * is infinite. With that, NaN, infinities and signed zeros are libm's for all arguments tried.
 *
 * libm keeps lgamma: below zero SLEEF's is 66 ulp off, and in f64 it is slower. */
#ifndef WG_SRC_KERNEL_SLEEF_H
#define WG_SRC_KERNEL_SLEEF_H

#define WG_SLEEF_sin (u10, sse2, sse2)
#define WG_SLEEF_cos (u10, sse2, sse2)
#define WG_SLEEF_tan (u10, sse2, sse2)
#define WG_SLEEF_asin (u10, sse2, sse2)
#define WG_SLEEF_acos (u10, sse2, sse2)
#define WG_SLEEF_atan (u10, sse2, avx2)
#define WG_SLEEF_sinh (u10, sse2, sse2)
#define WG_SLEEF_cosh (u10, sse2, avx2)
#define WG_SLEEF_asinh (u10, avx2, avx2)
#define WG_SLEEF_acosh (u10, avx2, avx2)
#define WG_SLEEF_atanh (u10, sse2, sse2)
#define WG_SLEEF_exp2 (u10, sse2, avx2)
#define WG_SLEEF_log2 (u10, avx2, avx2)
#define WG_SLEEF_log10 (u10, sse2, avx2)
#define WG_SLEEF_cbrt (u10, sse2, avx2)
#define WG_SLEEF_erf (u10, avx2, avx512f)
#define WG_SLEEF_erfc (u15, avx2, avx512f)
#define WG_SLEEF_pow (u10, avx2, avx2)
#define WG_SLEEF_atan2 (u10, sse2, sse2)
#define WG_SLEEF_hypot (u05, avx2, avx2)

/* The derivatives that call one of these. */
#define WG_CALLED_BY_dx_sin cos
#define WG_CALLED_BY_dx_cos sin
#define WG_CALLED_BY_dx_sinh cosh
#define WG_CALLED_BY_dx_cosh sinh
#define WG_CALLED_BY_dx_asinh hypot
#define WG_CALLED_BY_dx_pow pow
#define WG_CALLED_BY_dx_atan2 hypot
#define WG_CALLED_BY_dy_atan2 hypot

/* ---- WG_IF_SLEEF(name, yes, no): what the rows say of a rule in the type of WG_TYPED -------- */

#if defined(WG_HAVE_SLEEF) && defined(__x86_64__) && defined(__GNUC__)
#define WG_SLEEF_LOOPS 1

#include <immintrin.h>

#define WG_IF_SLEEF(name, yes, no) WG_IF_SLEEF_(name, yes, no)
#define WG_IF_SLEEF_(name, yes, no) WG_IF_ROW(WG_IS_ROW(WG_SLEEF_##name), WG_SLEEF_##name, yes, no)
/* 1 of a row, 0 of a name that stands for nothing. */
#define WG_IS_ROW(row) WG_SECOND(WG_ROW_PROBE row, 0, 0)
#define WG_ROW_PROBE(...) 0, 1
#define WG_SECOND(...) WG_SECOND_(__VA_ARGS__)
#define WG_SECOND_(first, second, ...) second

#define WG_IF_ROW(is_row, row, yes, no) WG_IF_ROW_(is_row, row, yes, no)
#define WG_IF_ROW_(is_row, row, yes, no) WG_IF_ROW_##is_row(row, yes, no)
#define WG_IF_ROW_0(row, yes, no) no
#define WG_IF_ROW_1(row, yes, no) WG_IF_FROM(WG_SLEEF_ISA, WG_TYPED(WG_SLEEF_FROM) row, yes, no)
#define WG_SLEEF_FROM_f32(accuracy, f32, f64) f32
#define WG_SLEEF_FROM_f64(accuracy, f32, f64) f64

#define WG_IF_FROM(isa, from, yes, no) WG_IF_FROM_(isa, from, yes, no)
#define WG_IF_FROM_(isa, from, yes, no) WG_IF_##isa##_FROM_##from(yes, no)
#define WG_IF_sse2_FROM_sse2(yes, no) yes
#define WG_IF_sse2_FROM_avx2(yes, no) no
#define WG_IF_sse2_FROM_avx512f(yes, no) no
#define WG_IF_avx2_FROM_sse2(yes, no) yes
#define WG_IF_avx2_FROM_avx2(yes, no) yes
#define WG_IF_avx2_FROM_avx512f(yes, no) no
#define WG_IF_avx512f_FROM_sse2(yes, no) yes
#define WG_IF_avx512f_FROM_avx2(yes, no) yes
#define WG_IF_avx512f_FROM_avx512f(yes, no) yes

/* ---- SLEEF's names for the type of WG_TYPED and the instruction set of WG_SLEEF_ISA --------- */

#define WG_SLEEF_VECTOR WG_SLEEF_OF(WG_TYPED(WG_SLEEF_TYPE), WG_SLEEF_ISA)
#define WG_SLEEF_FUNCTION(name)                                                                    \
    WG_SLEEF_NAMED(WG_SLEEF_OF(WG_TYPED(WG_SLEEF_NAME), WG_SLEEF_ISA), name,                       \
                   WG_SLEEF_ACCURACY WG_SLEEF_##name)
#define WG_SLEEF_OF(what, isa) WG_SLEEF_OF_(what, isa)
#define WG_SLEEF_OF_(what, isa) what##_##isa
#define WG_SLEEF_NAMED(form, name, accuracy) WG_SLEEF_NAMED_(form, name, accuracy)
#define WG_SLEEF_NAMED_(form, name, accuracy) form(name, accuracy)
#define WG_SLEEF_ACCURACY(accuracy, f32, f64) accuracy

#define WG_SLEEF_TYPE_f32_sse2 __m128
#define WG_SLEEF_TYPE_f64_sse2 __m128d
#define WG_SLEEF_TYPE_f32_avx2 __m256
#define WG_SLEEF_TYPE_f64_avx2 __m256d
#define WG_SLEEF_TYPE_f32_avx512f __m512
#define WG_SLEEF_TYPE_f64_avx512f __m512d
#define WG_SLEEF_NAME_f32_sse2(name, accuracy) Sleef_cinz_##name##f4_##accuracy##sse2
#define WG_SLEEF_NAME_f64_sse2(name, accuracy) Sleef_cinz_##name##d2_##accuracy##sse2
#define WG_SLEEF_NAME_f32_avx2(name, accuracy) Sleef_finz_##name##f8_##accuracy##avx2
#define WG_SLEEF_NAME_f64_avx2(name, accuracy) Sleef_finz_##name##d4_##accuracy##avx2
#define WG_SLEEF_NAME_f32_avx512f(name, accuracy) Sleef_finz_##name##f16_##accuracy##avx512f
#define WG_SLEEF_NAME_f64_avx512f(name, accuracy) Sleef_finz_##name##d8_##accuracy##avx512f

#else
#define WG_IF_SLEEF(name, yes, no) no
#endif
#endif
