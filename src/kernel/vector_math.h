/* vector_math.h (internal): exp, log and their kin for loops over arrays, in f32 and f64.
 *
 * Without branches and calls, so that compilers make vectors of the loops (gcc needs
 * -fno-trapping-math for it: meson.build), and without fused operations: the bits are the same on
 * every machine. Infinities, NaN, zeros with their signs, overflow and denormal results are right.
 *
 * Largest errors in ulp, measured against libm in long double (tests/kernel/test_vector_math.c):
 *
 *          exp   expm1  log   log1p  tanh  erf   erfc  sigmoid  softplus
 *   f32    0.94  1.47   0.77  0.81   1.27  1.97  4.98  2.34     1.52
 *   f64    0.93  1.84   0.82  0.77   1.27  1.78  4.25  2.25     1.57
 *
 * exp: reduction by multiples of ln 2 in two parts (W. Cody, W. Waite, "Software Manual for the
 * Elementary Functions", 1980), for f32 with the polynomial of Cephes, for f64 with Taylor's, whose
 * rest is below 1e-17. log and log1p: FreeBSD's msun (e_log.c, s_log1p.c). tanh: Cephes (tanh.c,
 * tanhf.c). erfc: polynomials in (x - 3) / (x + 3) that interpolate erfc(x) exp(x^2) (1 + 2 x) at
 * Chebyshev's points (a form of M. Shepherd, J. Laframboise, "Chebyshev Approximation of
 * (1 + 2 x) exp(x^2) erfc x", Mathematics of Computation 36, 1981). */
#ifndef WG_SRC_KERNEL_VECTOR_MATH_H
#define WG_SRC_KERNEL_VECTOR_MATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

/* A call that stays a call keeps its loop from becoming vectors. */
#if defined(__GNUC__)
#define VM_INLINE static inline __attribute__((always_inline))
#else
#define VM_INLINE static inline
#endif

#define VM_T float
#define VM_BITS uint32_t
#define VM(name) wg_##name##_f32
#define VM_LIBM(name) name##f
#define VM_MANTISSA 23
#define VM_BIAS 127u
#define VM_SQRT_HALF 0x3f3504f3u /* bits of sqrt(1/2) */
#define VM_LEAST 0x1p-126f       /* the least normal number */
#define VM_LIFT 24               /* brings denormals among the normal numbers */
#define VM_EXP_LOW (-104.0f)     /* exp is zero below, */
#define VM_EXP_HIGH 89.0f        /* infinite above, */
#define VM_EXPM1_LOW (-18.0f)    /* and expm1 -1 */
#define VM_TANH_HIGH 10.0f       /* tanh is 1 above */
#define VM_ROUND 0x1.8p23f       /* x + this - this is x to the nearest whole number */
#define VM_WHOLE 0x1p23f         /* k | its bits is k + this */
#define VM_EXP_LN2_HIGH 0.693359375f
#define VM_EXP_LN2_LOW (-2.12194440e-4f)
#define VM_LOG_LN2_HIGH 6.9313812256e-01f
#define VM_LOG_LN2_LOW 9.0580006145e-06f
/* (exp(r) - 1 - r) / r^2 */
#define VM_EXP_POLYNOMIAL(r)                                                                       \
    (((((1.9875691500e-4f * r + 1.3981999507e-3f) * r + 8.3334519073e-3f) * r +                    \
       4.1665795894e-2f) *                                                                         \
          r +                                                                                      \
      1.6666665459e-1f) *                                                                          \
         r +                                                                                       \
     5.0000001201e-1f)
/* (log(1 + s) - log(1 - s) - 2 s) / s, of z = s^2 */
#define VM_LOG_POLYNOMIAL(z)                                                                       \
    (z * (0.66666662693f + z * (0.40000972152f + z * (0.28498786688f + z * 0.24279078841f))))
#define VM_TANH_P(z)                                                                               \
    ((((-5.70498872745e-3f * z + 2.06390887954e-2f) * z - 5.37397155531e-2f) * z +                 \
      1.33314422036e-1f) *                                                                         \
         z -                                                                                       \
     3.33332819422e-1f)
#define VM_TANH_Q(z) 1.0f
#define VM_ERFC_HIGH 10.1f /* erfc is zero above */
/* erfc(t) exp(t^2) (1 + 2 t) of q = (t - 3) / (t + 3) */
#define VM_ERFC_POLYNOMIAL(q)                                                                      \
    (1.25300806f +                                                                                 \
     (q) *                                                                                         \
         (-0.135621143f +                                                                          \
          (q) * (-0.0475622805f +                                                                  \
                 (q) * (0.129646576f +                                                             \
                        (q) * (-0.119272653f +                                                     \
                               (q) * (0.0682935098f +                                              \
                                      (q) * (-0.0237902342f +                                      \
                                             (q) * (0.00257943468f +                               \
                                                    (q) * (0.00199447459f +                        \
                                                           (q) * (-0.000798339142f +               \
                                                                  (q) * -0.000277326922f))))))))))
/* erf(x) / x - 1 of z = x^2 up to 0.65^2 */
#define VM_ERF_POLYNOMIAL(z)                                                                       \
    (0.128379167f +                                                                                \
     (z) * (-0.37612634f +                                                                         \
            (z) * (0.112836562f +                                                                  \
                   (z) * (-0.026852381f + (z) * (0.00516007689f + (z) * -0.000716019378f)))))
#include "kernel/vector_math_typed.h"

#define VM_T double
#define VM_BITS uint64_t
#define VM(name) wg_##name##_f64
#define VM_LIBM(name) name
#define VM_MANTISSA 52
#define VM_BIAS 1023u
#define VM_SQRT_HALF 0x3fe6a09e667f3bcdu
#define VM_LEAST 0x1p-1022
#define VM_LIFT 54
#define VM_EXP_LOW (-746.0)
#define VM_EXP_HIGH 710.0
#define VM_EXPM1_LOW (-40.0)
#define VM_TANH_HIGH 20.0
#define VM_ROUND 0x1.8p52
#define VM_WHOLE 0x1p52
#define VM_EXP_LN2_HIGH 6.93147180369123816490e-01
#define VM_EXP_LN2_LOW 1.90821492927058770002e-10
#define VM_LOG_LN2_HIGH VM_EXP_LN2_HIGH
#define VM_LOG_LN2_LOW VM_EXP_LN2_LOW
#define VM_EXP_POLYNOMIAL(r)                                                                       \
    (1.0 / 2 +                                                                                     \
     r * (1.0 / 6 + r * (1.0 / 24 +                                                                \
                         r * (1.0 / 120 +                                                          \
                              r * (1.0 / 720 +                                                     \
                                   r * (1.0 / 5040 +                                               \
                                        r * (1.0 / 40320 +                                         \
                                             r * (1.0 / 362880 +                                   \
                                                  r * (1.0 / 3628800 +                             \
                                                       r * (1.0 / 39916800 +                       \
                                                            r * (1.0 / 479001600 +                 \
                                                                 r * (1.0 / 6227020800))))))))))))
#define VM_LOG_POLYNOMIAL(z)                                                                       \
    (z * (6.666666666666735130e-01 +                                                               \
          z * (3.999999999940941908e-01 +                                                          \
               z * (2.857142874366239149e-01 +                                                     \
                    z * (2.222219843214978396e-01 +                                                \
                         z * (1.818357216161805012e-01 +                                           \
                              z * (1.531383769920937332e-01 + z * 1.479819860511658591e-01)))))))
#define VM_TANH_P(z)                                                                               \
    ((-9.64399179425052238628e-1 * z - 9.92877231001918586564e1) * z - 1.61468768441708447952e3)
#define VM_TANH_Q(z)                                                                               \
    (((z + 1.12811678491632931402e2) * z + 2.23548839060100448583e3) * z + 4.84406305325125486048e3)
#define VM_ERFC_HIGH 27.4 /* erfc is zero above */
/* erfc(t) exp(t^2) (1 + 2 t) of q = (t - 3) / (t + 3) */
#define VM_ERFC_POLYNOMIAL(q)                                                                                                         \
    (1.2530080582697296 +                                                                                                             \
     (q) *                                                                                                                            \
         (-0.13562110612458067 +                                                                                                      \
          (q) *                                                                                                                       \
              (-0.047562294353446779 +                                                                                                \
               (q) *                                                                                                                  \
                   (0.12964515870270423 +                                                                                             \
                    (q) *                                                                                                             \
                        (-0.11927366341550831 +                                                                                       \
                         (q) *                                                                                                        \
                             (0.068308027345848875 +                                                                                  \
                              (q) *                                                                                                   \
                                  (-0.023770514914621307 +                                                                            \
                                   (q) *                                                                                              \
                                       (0.0025293917875533331 +                                                                       \
                                        (q) *                                                                                         \
                                            (0.0018886903157384679 +                                                                  \
                                             (q) *                                                                                    \
                                                 (-0.00077983203148357437 +                                                           \
                                                  (q) *                                                                               \
                                                      (-0.00010515951067996811 +                                                      \
                                                       (q) *                                                                          \
                                                           (0.00012509811635125314 +                                                  \
                                                            (q) *                                                                     \
                                                                (4.9482134243545571e-6 +                                              \
                                                                 (q) *                                                                \
                                                                     (-2.0096509494073291e-5 +                                        \
                                                                      (q) *                                                           \
                                                                          (-7.2771063566330661e-7 +                                   \
                                                                           (q) *                                                      \
                                                                               (3.4637351925482757e-6 +                               \
                                                                                (q) *                                                 \
                                                                                    (3.491102141016241e-7 +                           \
                                                                                     (q) *                                            \
                                                                                         (-6.0465841073462384e-7 +                    \
                                                                                          (q) *                                       \
                                                                                              (-1.3113786835184809e-7 +               \
                                                                                               (q) *                                  \
                                                                                                   (9.1607396139453006e-8 +           \
                                                                                                    (q) *                             \
                                                                                                        (3.2861553413518607e-8 +      \
                                                                                                         (q) *                        \
                                                                                                             (-8.419997355767722e-9 + \
                                                                                                              (q) *                   \
                                                                                                                  -4.1768196660037724e-9))))))))))))))))))))))
/* erf(x) / x - 1 of z = x^2 up to 0.65^2 */
#define VM_ERF_POLYNOMIAL(z)                                                                       \
    (0.12837916709551257 +                                                                         \
     (z) *                                                                                         \
         (-0.3761263890318375 +                                                                    \
          (z) *                                                                                    \
              (0.11283791670954922 +                                                               \
               (z) *                                                                               \
                   (-0.026866170645055833 +                                                        \
                    (z) * (0.0052239776240112824 +                                                 \
                           (z) * (-0.00085483268649381732 +                                        \
                                  (z) * (0.0001205532202098794 +                                   \
                                         (z) * (-1.4925162650006644e-5 +                           \
                                                (z) * (1.6448125627377591e-6 +                     \
                                                       (z) * (-1.6114976987186542e-7 +             \
                                                              (z)*1.2220982889794601e-8))))))))))
#include "kernel/vector_math_typed.h"

/* ---- What F(name) of rules.h is in loops over arrays --------------------------------------- */

#define WG_F32_exp wg_exp_f32
#define WG_F32_expm1 wg_expm1_f32
#define WG_F32_log wg_log_f32
#define WG_F32_log1p wg_log1p_f32
#define WG_F32_tanh wg_tanh_f32
#define WG_F64_exp wg_exp_f64
#define WG_F64_expm1 wg_expm1_f64
#define WG_F64_log wg_log_f64
#define WG_F64_log1p wg_log1p_f64
#define WG_F64_tanh wg_tanh_f64
#define WG_F32_exp2 exp2f
#define WG_F64_exp2 exp2
#define WG_F32_log2 log2f
#define WG_F64_log2 log2
#define WG_F32_log10 log10f
#define WG_F64_log10 log10
#define WG_F32_sqrt sqrtf
#define WG_F64_sqrt sqrt
#define WG_F32_cbrt cbrtf
#define WG_F64_cbrt cbrt
#define WG_F32_sin sinf
#define WG_F64_sin sin
#define WG_F32_cos cosf
#define WG_F64_cos cos
#define WG_F32_tan tanf
#define WG_F64_tan tan
#define WG_F32_asin asinf
#define WG_F64_asin asin
#define WG_F32_acos acosf
#define WG_F64_acos acos
#define WG_F32_atan atanf
#define WG_F64_atan atan
#define WG_F32_sinh sinhf
#define WG_F64_sinh sinh
#define WG_F32_cosh coshf
#define WG_F64_cosh cosh
#define WG_F32_asinh asinhf
#define WG_F64_asinh asinh
#define WG_F32_acosh acoshf
#define WG_F64_acosh acosh
#define WG_F32_atanh atanhf
#define WG_F64_atanh atanh
#define WG_F32_erf wg_erf_f32
#define WG_F64_erf wg_erf_f64
#define WG_F32_erfc wg_erfc_f32
#define WG_F64_erfc wg_erfc_f64
#define WG_F32_fabs fabsf
#define WG_F64_fabs fabs
#define WG_F32_floor floorf
#define WG_F64_floor floor
#define WG_F32_ceil ceilf
#define WG_F64_ceil ceil
#define WG_F32_trunc truncf
#define WG_F64_trunc trunc
#define WG_F32_rint rintf
#define WG_F64_rint rint
#define WG_F32_pow powf
#define WG_F64_pow pow
#define WG_F32_atan2 atan2f
#define WG_F64_atan2 atan2
#define WG_F32_hypot hypotf
#define WG_F64_hypot hypot
#define WG_F32_fmod fmodf
#define WG_F64_fmod fmod
#define WG_F32_fma fmaf
#define WG_F64_fma fma

#endif
