/* elementwise.h: the verbs that plain numbers, scalars and arrays share.
 *
 * Every operand may be a C number, a scalar on a tape, or an array; arrays broadcast as in NumPy.
 * Among numbers alone the result is a number; with an array it is an array; else a scalar on the
 * tape. An array result has the dtype of its array operands: f64 if one is, else f32 if one is,
 * else (integers alone) f64; plain numbers and scalars adapt to it. Shapes that do not broadcast:
 * WG_ERROR_SHAPE on the tape.
 *
 * A zero adjoint contributes zero whatever the derivative, so what a `where` does not take receives
 * no NaN. */
#ifndef WENGERT_ELEMENTWISE_H
#define WENGERT_ELEMENTWISE_H

#include "wengert/lift.h"

#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* wg_NAME is a function (call it through a pointer, or as (wg_NAME)(x)); the macro of the same name
 * behind it lifts plain numbers and passes the call site on. */
#define WG_VERB_1(name)                                                                            \
    WG_API wg_var wg_##name##_at(wg_var x, const char *site);                                      \
    WG_API wg_var wg_##name(wg_var x);
#define WG_VERB_2(name)                                                                            \
    WG_API wg_var wg_##name##_at(wg_var x, wg_var y, const char *site);                            \
    WG_API wg_var wg_##name(wg_var x, wg_var y);
#define WG_VERB_3(name)                                                                            \
    WG_API wg_var wg_##name##_at(wg_var x, wg_var y, wg_var z, const char *site);                  \
    WG_API wg_var wg_##name(wg_var x, wg_var y, wg_var z);

WG_VERB_1(neg)    /* -x */
WG_VERB_1(square) /* x² */
WG_VERB_1(sqrt)   /* √x; derivative ½/√x, infinite at 0 */
WG_VERB_1(cbrt)   /* the cube root, negative x too; derivative infinite at 0 */
WG_VERB_1(exp)    /* eˣ */
WG_VERB_1(expm1)  /* eˣ − 1, exact near 0 */
WG_VERB_1(exp2)   /* 2ˣ */
WG_VERB_1(log)    /* ln x */
WG_VERB_1(log1p)  /* ln(1 + x), exact near 0 */
WG_VERB_1(log2)   /* log₂ x */
WG_VERB_1(log10)  /* log₁₀ x */
WG_VERB_1(sin)    /* radians */
WG_VERB_1(cos)    /* radians */
WG_VERB_1(tan)    /* radians */
WG_VERB_1(asin)   /* in [−π/2, π/2] */
WG_VERB_1(acos)   /* in [0, π] */
WG_VERB_1(atan)   /* in (−π/2, π/2) */
WG_VERB_1(sinh)
WG_VERB_1(cosh)
WG_VERB_1(tanh)
WG_VERB_1(asinh)
WG_VERB_1(acosh)       /* x ≥ 1 */
WG_VERB_1(atanh)       /* |x| < 1 */
WG_VERB_1(erf)         /* 2/√π ∫₀ˣ exp(−t²) dt */
WG_VERB_1(erfc)        /* 1 − erf x, exact for large x */
WG_VERB_1(lgamma)      /* ln |Γ(x)|; derivative digamma */
WG_VERB_1(digamma)     /* ψ(x) = (ln Γ)′(x) */
WG_VERB_1(abs)         /* |x|; derivative 0 at 0 */
WG_VERB_1(sign)        /* −1, 0 or 1; derivative 0 */
WG_VERB_1(heaviside)   /* 1 for x > 0, else 0; derivative 0 */
WG_VERB_1(floor)       /* derivative 0 */
WG_VERB_1(ceil)        /* derivative 0 */
WG_VERB_1(round)       /* to the nearest, ties to even; derivative 0 */
WG_VERB_1(sigmoid)     /* 1/(1 + e⁻ˣ) */
WG_VERB_1(softplus)    /* ln(1 + eˣ) */
WG_VERB_1(relu)        /* max(x, 0); derivative 0 at 0 */
WG_VERB_1(reciprocal)  /* 1/x */
WG_VERB_1(rsqrt)       /* 1/√x */
WG_VERB_1(trunc)       /* towards 0; derivative 0 */
WG_VERB_1(frac)        /* x − trunc(x); derivative 1 */
WG_VERB_1(logit)       /* ln(x/(1 − x)): −∞ at 0, ∞ at 1, NaN beyond */
WG_VERB_1(sinc)        /* sin(πx)/(πx), 1 at 0 */
WG_VERB_1(erfinv)      /* the inverse of erf: ±∞ at ±1, NaN beyond */
WG_VERB_1(isnan)       /* 1 for NaN, else 0; derivative 0, like all questions */
WG_VERB_1(isinf)       /* 1 for ∞ and −∞ */
WG_VERB_1(isfinite)    /* 1 for all but NaN, ∞ and −∞ */
WG_VERB_1(logical_not) /* 1 where x = 0, else 0 */
WG_VERB_1(deg2rad)     /* x·π/180 */
WG_VERB_1(rad2deg)     /* x·180/π */

/* Activations. Where PyTorch would multiply infinity by zero (silu, mish, gelu, softsign, hardswish
 * of ±∞), these give the limit. Derivatives at kinks are PyTorch's. */
WG_VERB_1(silu)      /* x·sigmoid(x), "swish" */
WG_VERB_1(mish)      /* x·tanh(softplus(x)); D. Misra, "Mish", 2019 */
WG_VERB_1(gelu)      /* x·Φ(x), Φ the normal distribution's; D. Hendrycks, K. Gimpel, "Gaussian
                        Error Linear Units", 2016 */
WG_VERB_1(gelu_tanh) /* ½x(1 + tanh(√(2/π)(x + 0.044715x³))), gelu's approximation */
WG_VERB_1(selu) /* λx for x > 0, λα(eˣ − 1) else (G. Klambauer and others, "Self-Normalizing
                   Neural Networks", 2017); derivative λα at 0 */
WG_VERB_1(logsigmoid)  /* ln sigmoid(x) */
WG_VERB_1(softsign)    /* x/(1 + |x|) */
WG_VERB_1(hardsigmoid) /* x/6 + ½ within [0, 1]; derivative 0 at ±3 */
WG_VERB_1(hardswish)   /* x·hardsigmoid(x); derivative −½ at −3, 1½ at 3 */
WG_VERB_1(relu6)       /* x within [0, 6]; derivative 0 at 0 and 6 */
WG_VERB_1(tanhshrink)  /* x − tanh(x) */

WG_VERB_2(add)   /* x + y */
WG_VERB_2(sub)   /* x − y */
WG_VERB_2(mul)   /* x·y */
WG_VERB_2(div)   /* x / y */
WG_VERB_2(azmul) /* x·y with an absolute zero: 0 where x = 0, even against NaN or infinity (CppAD's
                    azmul) */
WG_VERB_2(pow) /* xʸ. At x = 0 derivatives are limits: 0 to x where y = 0 or y > 1, 0 to y where y ≥
                  0; to y of a negative x it is NaN */
WG_VERB_2(atan2) /* the angle of the point (y, x); first operand the ordinate. Derivatives 0 at the
                    origin */
WG_VERB_2(hypot) /* √(x² + y²) without overflow; derivatives 0 at the origin */
WG_VERB_2(max)   /* the greater; NaN wins; equal operands get half the gradient each */
WG_VERB_2(min)   /* the smaller; NaN wins; equal operands get half the gradient each */
WG_VERB_2(lt)    /* 1 where x < y, else 0; derivative 0, like all comparisons */
WG_VERB_2(le)    /* 1 where x ≤ y */
WG_VERB_2(gt)    /* 1 where x > y */
WG_VERB_2(ge)    /* 1 where x ≥ y */
WG_VERB_2(eq)    /* 1 where x = y */
WG_VERB_2(ne)    /* 1 where x ≠ y */
WG_VERB_2(polygamma) /* ψ⁽ⁿ⁾(y) with n = x a whole number ≥ 0 that gets no gradient */
WG_VERB_2(fmod)      /* the rest of x/y with the sign of x; derivative to y −trunc(x/y) */
WG_VERB_2(remainder) /* the rest of x/y with the sign of y, as Python's %; derivative to y −⌊x/y⌋ */
WG_VERB_2(xlogy)       /* x·ln y, 0 for x = 0 whatever y but NaN. At (0, 0) derivatives 0 */
WG_VERB_2(logaddexp)   /* ln(eˣ + eʸ) without overflow; equal infinities share the gradient */
WG_VERB_2(logical_and) /* 1 where both differ from 0, else 0; derivative 0 */
WG_VERB_2(logical_or)  /* 1 where one or both differ from 0 */
WG_VERB_2(logical_xor) /* 1 where one alone differs from 0 */
WG_VERB_2(leaky_relu)  /* x for x > 0, xy else: y is the slope (usually 0.01); derivative y at 0 */
WG_VERB_2(prelu) /* leaky_relu, but a y of shape [channels] belongs to axis 1 of an x of rank ≥ 2,
                    as in PyTorch; all others broadcast as usual */
WG_VERB_2(elu)   /* x for x > 0, y(eˣ − 1) else: y is alpha (usually 1); derivative y at 0 */
WG_VERB_2(celu)  /* x for x > 0, y(exp(x/y) − 1) else: y is alpha (usually 1), not 0 */
WG_VERB_2(softshrink) /* x towards 0 by y (usually ½), 0 within; derivative 0 at ±y */
WG_VERB_2(hardshrink) /* x for |x| > y, else 0 (y usually ½); derivative 0 at ±y */

WG_VERB_3(fma)   /* x·y + z, rounded once */
WG_VERB_3(where) /* y where x ≠ 0, else z; the branch not taken receives 0, whatever its value */
WG_VERB_3(clamp) /* x within [y, z]; y and z get the gradient where they bind; at a bound itself x
                    keeps it */
WG_VERB_3(hardtanh)  /* as clamp, but at a bound the bound has the gradient (usually −1, 1) */
WG_VERB_3(threshold) /* x for x > y, else z; y gets no gradient */
WG_VERB_3(lerp)      /* x + z(y − x), exactly x at z = 0 and y at z = 1 */

/* What derivatives are made of. */
WG_VERB_1(tanh_softplus) /* tanh(ln(1 + eˣ)) */
WG_VERB_2(gap)           /* x − y, 0 between equal infinities */
WG_VERB_2(sinc_order) /* jₙ(πy)/(πy)ⁿ, jₙ the spherical Bessel function of the whole order n = x ≥
                         0, which gets no gradient: sinc for n = 0 */

#undef WG_VERB_1
#undef WG_VERB_2
#undef WG_VERB_3

/* ---- The inline path of the four arithmetic verbs (not part of the stable ABI) -------------- */

#if defined(__GNUC__)
#define WG_EXPECT(x) __builtin_expect(!!(x), 1)
#else
#define WG_EXPECT(x) (x)
#endif

/* Two living scalars of one tape that may be recorded. Everything else goes the slow way. */
static inline bool wg_both_ready(const wg_lane *lane, wg_var a, wg_var b) {
    return ((a.as.bits >> 32 ^ lane->epoch) | (b.as.bits >> 32 ^ lane->epoch)) == 0 &&
           lane->count < lane->capacity;
}

/* The sweep loads both adjoints before it stores one, so equal operands need another opcode: x·x is
 * recorded as a square, and 0 here sends all others the slow way. */
#define WG_TWICE_add 0
#define WG_TWICE_sub 0
#define WG_TWICE_mul WG_CODE_square
#define WG_TWICE_div 0

static inline bool wg_one_ready(const wg_lane *lane, wg_var a) {
    return a.as.bits >> 32 == lane->epoch && lane->count < lane->capacity;
}

static inline uint32_t wg_index_of(wg_var x) {
    return (uint32_t)x.as.bits;
}

/* Puts a number among the constants; UINT32_MAX, and the tape has failed, where memory ran out. */
WG_API uint32_t wg_new_constant(wg_tape *tape, double number, const char *site);

/* Where a plain operand stands among the tape's constants: found where it was used lately, or put
 * there. */
static inline uint32_t wg_constant_at(wg_tape *tape, const wg_lane *lane, double number,
                                      const char *site) {
    uint64_t bits;
    unsigned way;
    memcpy(&bits, &number, sizeof bits);
    way = wg_constant_way(bits);
    if (WG_EXPECT(lane->cached_bits[way] == bits)) {
        return (uint32_t)lane->cached_index[way];
    }
    return wg_new_constant(tape, number, site);
}

/* What the slow way does: numbers, arrays, other operands, growth, errors. */
WG_API wg_var wg_add_slow(wg_var x, wg_var y, const char *site);
WG_API wg_var wg_sub_slow(wg_var x, wg_var y, const char *site);
WG_API wg_var wg_mul_slow(wg_var x, wg_var y, const char *site);
WG_API wg_var wg_div_slow(wg_var x, wg_var y, const char *site);

/* Forms by what the operands are: v a handle, n a plain number. */
#define WG_INLINE_VERB(name, symbol, code_right, right, code_left)                                 \
    static inline wg_var wg_##name##_vv(wg_var x, wg_var y, const char *site) {                    \
        if (WG_EXPECT(x.tape == y.tape && x.tape != NULL)) {                                       \
            wg_lane *lane = wg_lane_of(x.tape);                                                    \
            uint16_t code = x.as.bits == y.as.bits ? WG_TWICE_##name : WG_CODE_##name;             \
            if (WG_EXPECT(wg_both_ready(lane, x, y) && code != 0)) {                               \
                return wg_push_inline(                                                             \
                    x.tape, lane, code, wg_index_of(x), wg_index_of(y),                            \
                    lane->value[wg_index_of(x)] symbol lane->value[wg_index_of(y)]);               \
            }                                                                                      \
        }                                                                                          \
        return wg_##name##_slow(x, y, site);                                                       \
    }                                                                                              \
    static inline wg_var wg_##name##_vn(wg_var x, double y, const char *site) {                    \
        if (WG_EXPECT(x.tape != NULL && wg_one_ready(wg_lane_of(x.tape), x))) {                    \
            wg_lane *lane = wg_lane_of(x.tape);                                                    \
            uint32_t at = wg_constant_at(x.tape, lane, right y, site);                             \
            if (WG_EXPECT(at != UINT32_MAX)) {                                                     \
                return wg_push_inline(x.tape, lane, code_right, wg_index_of(x), at,                \
                                      lane->value[wg_index_of(x)] symbol y);                       \
            }                                                                                      \
        }                                                                                          \
        return wg_##name##_slow(x, wg_number(y), site);                                            \
    }                                                                                              \
    static inline wg_var wg_##name##_nv(double x, wg_var y, const char *site) {                    \
        if (WG_EXPECT(y.tape != NULL && wg_one_ready(wg_lane_of(y.tape), y))) {                    \
            wg_lane *lane = wg_lane_of(y.tape);                                                    \
            uint32_t at = wg_constant_at(y.tape, lane, x, site);                                   \
            if (WG_EXPECT(at != UINT32_MAX)) {                                                     \
                return wg_push_inline(y.tape, lane, code_left, wg_index_of(y), at,                 \
                                      x symbol lane->value[wg_index_of(y)]);                       \
            }                                                                                      \
        }                                                                                          \
        return wg_##name##_slow(wg_number(x), y, site);                                            \
    }                                                                                              \
    static inline wg_var wg_##name##_nn(double x, double y, const char *site) {                    \
        (void)site;                                                                                \
        return wg_number(x symbol y);                                                              \
    }

WG_INLINE_VERB(add, +, WG_CODE_ADD_NUMBER, +, WG_CODE_ADD_NUMBER)
WG_INLINE_VERB(sub, -, WG_CODE_ADD_NUMBER, -, WG_CODE_NUMBER_SUB)
WG_INLINE_VERB(mul, *, WG_CODE_MUL_NUMBER, +, WG_CODE_MUL_NUMBER)
WG_INLINE_VERB(div, /, WG_CODE_DIV_NUMBER, +, WG_CODE_NUMBER_DIV)
#undef WG_INLINE_VERB

#define WG_INLINE_UNARY(name, value_of)                                                            \
    static inline wg_var wg_##name##_inline(wg_var x, const char *site) {                          \
        if (x.tape != NULL && wg_one_ready(wg_lane_of(x.tape), x)) {                               \
            wg_lane *lane = wg_lane_of(x.tape);                                                    \
            double v = lane->value[wg_index_of(x)];                                                \
            return wg_push_inline(x.tape, lane, WG_CODE_##name, wg_index_of(x), 0, value_of);      \
        }                                                                                          \
        return wg_##name##_at(x, site);                                                            \
    }
WG_INLINE_UNARY(neg, -v)
WG_INLINE_UNARY(square, v *v)
#undef WG_INLINE_UNARY

#ifdef __cplusplus
}

#define WG_INLINE_OVERLOADS(name)                                                                  \
    static inline wg_var wg_##name##_any(wg_var x, wg_var y, const char *site) {                   \
        return wg_##name##_vv(x, y, site);                                                         \
    }                                                                                              \
    static inline wg_var wg_##name##_any(wg_var x, double y, const char *site) {                   \
        return wg_##name##_vn(x, y, site);                                                         \
    }                                                                                              \
    static inline wg_var wg_##name##_any(double x, wg_var y, const char *site) {                   \
        return wg_##name##_nv(x, y, site);                                                         \
    }                                                                                              \
    static inline wg_var wg_##name##_any(double x, double y, const char *site) {                   \
        return wg_##name##_nn(x, y, site);                                                         \
    }
WG_INLINE_OVERLOADS(add)
WG_INLINE_OVERLOADS(sub)
WG_INLINE_OVERLOADS(mul)
WG_INLINE_OVERLOADS(div)
#undef WG_INLINE_OVERLOADS
#endif

/* The form of an arithmetic verb for operands of these types. As wg_lift, it names each operand
 * once. */
#if defined(__cplusplus)
#define WG_ARITHMETIC(name, x, y) wg_##name##_any(x, y, WG_HERE)
#elif defined(__GNUC__)
#define WG_ARITHMETIC_AS(name, x, y, a, b)                                                         \
    __extension__({                                                                                \
        __auto_type a = (x);                                                                       \
        __auto_type b = (y);                                                                       \
        _Generic(a, wg_var                                                                         \
                 : _Generic(b, wg_var                                                              \
                            : wg_##name##_vv, default                                              \
                            : wg_##name##_vn),                                                     \
                   default                                                                         \
                 : _Generic(b, wg_var                                                              \
                            : wg_##name##_nv, default                                              \
                            : wg_##name##_nn))(a, b, WG_HERE);                                     \
    })
#define WG_ARITHMETIC_WITH(name, x, y, n)                                                          \
    WG_ARITHMETIC_AS(name, x, y, WG_JOIN(wg_left_, n), WG_JOIN(wg_right_, n))
#define WG_ARITHMETIC(name, x, y) WG_ARITHMETIC_WITH(name, x, y, __COUNTER__)
#else
#define WG_ARITHMETIC(name, x, y) wg_##name##_at(wg_lift(x), wg_lift(y), WG_HERE)
#endif

/* ---- The macros ----------------------------------------------------------------------------- */

#define wg_add(x, y) WG_ARITHMETIC(add, x, y)
#define wg_sub(x, y) WG_ARITHMETIC(sub, x, y)
#define wg_mul(x, y) WG_ARITHMETIC(mul, x, y)
#define wg_div(x, y) WG_ARITHMETIC(div, x, y)
#define wg_neg(x) wg_neg_inline(wg_lift(x), WG_HERE)
#define wg_square(x) wg_square_inline(wg_lift(x), WG_HERE)
#define wg_sqrt(x) wg_sqrt_at(wg_lift(x), WG_HERE)
#define wg_cbrt(x) wg_cbrt_at(wg_lift(x), WG_HERE)
#define wg_exp(x) wg_exp_at(wg_lift(x), WG_HERE)
#define wg_expm1(x) wg_expm1_at(wg_lift(x), WG_HERE)
#define wg_exp2(x) wg_exp2_at(wg_lift(x), WG_HERE)
#define wg_log(x) wg_log_at(wg_lift(x), WG_HERE)
#define wg_log1p(x) wg_log1p_at(wg_lift(x), WG_HERE)
#define wg_log2(x) wg_log2_at(wg_lift(x), WG_HERE)
#define wg_log10(x) wg_log10_at(wg_lift(x), WG_HERE)
#define wg_sin(x) wg_sin_at(wg_lift(x), WG_HERE)
#define wg_cos(x) wg_cos_at(wg_lift(x), WG_HERE)
#define wg_tan(x) wg_tan_at(wg_lift(x), WG_HERE)
#define wg_asin(x) wg_asin_at(wg_lift(x), WG_HERE)
#define wg_acos(x) wg_acos_at(wg_lift(x), WG_HERE)
#define wg_atan(x) wg_atan_at(wg_lift(x), WG_HERE)
#define wg_sinh(x) wg_sinh_at(wg_lift(x), WG_HERE)
#define wg_cosh(x) wg_cosh_at(wg_lift(x), WG_HERE)
#define wg_tanh(x) wg_tanh_at(wg_lift(x), WG_HERE)
#define wg_asinh(x) wg_asinh_at(wg_lift(x), WG_HERE)
#define wg_acosh(x) wg_acosh_at(wg_lift(x), WG_HERE)
#define wg_atanh(x) wg_atanh_at(wg_lift(x), WG_HERE)
#define wg_erf(x) wg_erf_at(wg_lift(x), WG_HERE)
#define wg_erfc(x) wg_erfc_at(wg_lift(x), WG_HERE)
#define wg_lgamma(x) wg_lgamma_at(wg_lift(x), WG_HERE)
#define wg_digamma(x) wg_digamma_at(wg_lift(x), WG_HERE)
#define wg_abs(x) wg_abs_at(wg_lift(x), WG_HERE)
#define wg_sign(x) wg_sign_at(wg_lift(x), WG_HERE)
#define wg_heaviside(x) wg_heaviside_at(wg_lift(x), WG_HERE)
#define wg_floor(x) wg_floor_at(wg_lift(x), WG_HERE)
#define wg_ceil(x) wg_ceil_at(wg_lift(x), WG_HERE)
#define wg_round(x) wg_round_at(wg_lift(x), WG_HERE)
#define wg_sigmoid(x) wg_sigmoid_at(wg_lift(x), WG_HERE)
#define wg_softplus(x) wg_softplus_at(wg_lift(x), WG_HERE)
#define wg_relu(x) wg_relu_at(wg_lift(x), WG_HERE)
#define wg_azmul(x, y) wg_azmul_at(wg_lift(x), wg_lift(y), WG_HERE)
#define wg_pow(x, y) wg_pow_at(wg_lift(x), wg_lift(y), WG_HERE)
#define wg_atan2(x, y) wg_atan2_at(wg_lift(x), wg_lift(y), WG_HERE)
#define wg_hypot(x, y) wg_hypot_at(wg_lift(x), wg_lift(y), WG_HERE)
#define wg_max(x, y) wg_max_at(wg_lift(x), wg_lift(y), WG_HERE)
#define wg_min(x, y) wg_min_at(wg_lift(x), wg_lift(y), WG_HERE)
#define wg_lt(x, y) wg_lt_at(wg_lift(x), wg_lift(y), WG_HERE)
#define wg_le(x, y) wg_le_at(wg_lift(x), wg_lift(y), WG_HERE)
#define wg_gt(x, y) wg_gt_at(wg_lift(x), wg_lift(y), WG_HERE)
#define wg_ge(x, y) wg_ge_at(wg_lift(x), wg_lift(y), WG_HERE)
#define wg_eq(x, y) wg_eq_at(wg_lift(x), wg_lift(y), WG_HERE)
#define wg_ne(x, y) wg_ne_at(wg_lift(x), wg_lift(y), WG_HERE)
#define wg_polygamma(x, y) wg_polygamma_at(wg_lift(x), wg_lift(y), WG_HERE)
#define wg_fma(x, y, z) wg_fma_at(wg_lift(x), wg_lift(y), wg_lift(z), WG_HERE)
#define wg_where(x, y, z) wg_where_at(wg_lift(x), wg_lift(y), wg_lift(z), WG_HERE)
#define wg_clamp(x, y, z) wg_clamp_at(wg_lift(x), wg_lift(y), wg_lift(z), WG_HERE)
#define wg_reciprocal(x) wg_reciprocal_at(wg_lift(x), WG_HERE)
#define wg_rsqrt(x) wg_rsqrt_at(wg_lift(x), WG_HERE)
#define wg_trunc(x) wg_trunc_at(wg_lift(x), WG_HERE)
#define wg_frac(x) wg_frac_at(wg_lift(x), WG_HERE)
#define wg_logit(x) wg_logit_at(wg_lift(x), WG_HERE)
#define wg_sinc(x) wg_sinc_at(wg_lift(x), WG_HERE)
#define wg_erfinv(x) wg_erfinv_at(wg_lift(x), WG_HERE)
#define wg_isnan(x) wg_isnan_at(wg_lift(x), WG_HERE)
#define wg_isinf(x) wg_isinf_at(wg_lift(x), WG_HERE)
#define wg_isfinite(x) wg_isfinite_at(wg_lift(x), WG_HERE)
#define wg_logical_not(x) wg_logical_not_at(wg_lift(x), WG_HERE)
#define wg_deg2rad(x) wg_deg2rad_at(wg_lift(x), WG_HERE)
#define wg_rad2deg(x) wg_rad2deg_at(wg_lift(x), WG_HERE)
#define wg_silu(x) wg_silu_at(wg_lift(x), WG_HERE)
#define wg_mish(x) wg_mish_at(wg_lift(x), WG_HERE)
#define wg_gelu(x) wg_gelu_at(wg_lift(x), WG_HERE)
#define wg_gelu_tanh(x) wg_gelu_tanh_at(wg_lift(x), WG_HERE)
#define wg_selu(x) wg_selu_at(wg_lift(x), WG_HERE)
#define wg_logsigmoid(x) wg_logsigmoid_at(wg_lift(x), WG_HERE)
#define wg_softsign(x) wg_softsign_at(wg_lift(x), WG_HERE)
#define wg_hardsigmoid(x) wg_hardsigmoid_at(wg_lift(x), WG_HERE)
#define wg_hardswish(x) wg_hardswish_at(wg_lift(x), WG_HERE)
#define wg_relu6(x) wg_relu6_at(wg_lift(x), WG_HERE)
#define wg_tanhshrink(x) wg_tanhshrink_at(wg_lift(x), WG_HERE)
#define wg_tanh_softplus(x) wg_tanh_softplus_at(wg_lift(x), WG_HERE)
#define wg_fmod(x, y) wg_fmod_at(wg_lift(x), wg_lift(y), WG_HERE)
#define wg_remainder(x, y) wg_remainder_at(wg_lift(x), wg_lift(y), WG_HERE)
#define wg_xlogy(x, y) wg_xlogy_at(wg_lift(x), wg_lift(y), WG_HERE)
#define wg_logaddexp(x, y) wg_logaddexp_at(wg_lift(x), wg_lift(y), WG_HERE)
#define wg_logical_and(x, y) wg_logical_and_at(wg_lift(x), wg_lift(y), WG_HERE)
#define wg_logical_or(x, y) wg_logical_or_at(wg_lift(x), wg_lift(y), WG_HERE)
#define wg_logical_xor(x, y) wg_logical_xor_at(wg_lift(x), wg_lift(y), WG_HERE)
#define wg_leaky_relu(x, y) wg_leaky_relu_at(wg_lift(x), wg_lift(y), WG_HERE)
#define wg_prelu(x, y) wg_prelu_at(wg_lift(x), wg_lift(y), WG_HERE)
#define wg_elu(x, y) wg_elu_at(wg_lift(x), wg_lift(y), WG_HERE)
#define wg_celu(x, y) wg_celu_at(wg_lift(x), wg_lift(y), WG_HERE)
#define wg_softshrink(x, y) wg_softshrink_at(wg_lift(x), wg_lift(y), WG_HERE)
#define wg_hardshrink(x, y) wg_hardshrink_at(wg_lift(x), wg_lift(y), WG_HERE)
#define wg_gap(x, y) wg_gap_at(wg_lift(x), wg_lift(y), WG_HERE)
#define wg_sinc_order(x, y) wg_sinc_order_at(wg_lift(x), wg_lift(y), WG_HERE)
#define wg_hardtanh(x, y, z) wg_hardtanh_at(wg_lift(x), wg_lift(y), wg_lift(z), WG_HERE)
#define wg_threshold(x, y, z) wg_threshold_at(wg_lift(x), wg_lift(y), wg_lift(z), WG_HERE)
#define wg_lerp(x, y, z) wg_lerp_at(wg_lift(x), wg_lift(y), wg_lift(z), WG_HERE)

#endif
