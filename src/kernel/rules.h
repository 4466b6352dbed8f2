/* rules.h: every elementwise operation, said once: its name, its value, its derivatives, and the
 * range in which tests try it.
 *
 *   U(name, value, dx, low, high)                                       one operand x, result r
 *   B(name, value, dx, dy, low, high, low, high)                        operands x, y
 *   T(name, value, dx, dy, dz, low, high, low, high, low, high)         operands x, y, z
 *
 * `value` is C in the element type: F(sin) is sin or sinf, in loops over arrays a version made for
 * vectors (vector_math.h), N(0.5) a literal, V(max, x, y) the value of a row further up. A
 * derivative is written in the vocabulary R_…, which the includer defines: as C arithmetic (the
 * sweep of scalars, the fused kernels) or as verbs on handles (a sweep that records itself). One
 * text serves both, so that the first and the second derivative cannot disagree.
 *
 * Everywhere a zero adjoint contributes zero, whatever the derivative (azmul; "strong zero"): what
 * is not used receives no NaN from it. At kinks the choice is PyTorch's, documented at the public
 * verb. */
#ifndef WG_SRC_KERNEL_RULES_H
#define WG_SRC_KERNEL_RULES_H

#include "kernel/rules_activations.h"
#include "kernel/rules_numeric.h"

#define WG_LN2 0.693147180559945309417232121458
#define WG_LN10 2.302585092994045684017991454684
#define WG_TWO_OVER_SQRT_PI 1.128379167095512573896158903122
#define WG_ONE_OVER_SQRT_TWO_PI 0.398942280401432677939946059934
#define WG_SQRT_HALF 0.707106781186547524400844362105

/* The four whose opcodes the public header knows. */
#define WG_RULES_ARITHMETIC(B)                                                                     \
    B(add, x + y, R_NUM(1), R_NUM(1), -2, 2, -2, 2)                                                \
    B(sub, x - y, R_NUM(1), R_NUM(-1), -2, 2, -2, 2)                                               \
    B(mul, x *y, y, x, -2, 2, -2, 2)                                                               \
    B(div, x / y, R_DIV(R_NUM(1), y), R_NEG(R_DIV(r, y)), -2, 2, 0.5, 2)

#define WG_RULES_BASIC_UNARY(U)                                                                    \
    U(neg, -x, R_NUM(-1), -2, 2)                                                                   \
    U(square, x *x, R_MUL(R_NUM(2), x), -2, 2)                                                     \
    U(sqrt, F(sqrt)(x), R_DIV(R_NUM(0.5), r), 0.2, 3)                                              \
    U(cbrt, F(cbrt)(x), R_DIV(R_NUM(1), R_MUL(R_NUM(3), R_U(square, r))), 0.2, 3)                  \
    U(exp, F(exp)(x), r, -2, 2)                                                                    \
    U(expm1, F(expm1)(x), R_U(exp, x), -2, 2)                                                      \
    U(exp2, F(exp2)(x), R_MUL(r, R_NUM(WG_LN2)), -2, 2)                                            \
    U(log, F(log)(x), R_DIV(R_NUM(1), x), 0.2, 3)                                                  \
    U(log1p, F(log1p)(x), R_DIV(R_NUM(1), R_ADD(R_NUM(1), x)), -0.5, 2)                            \
    U(log2, F(log2)(x), R_DIV(R_NUM(1 / WG_LN2), x), 0.2, 3)                                       \
    U(log10, F(log10)(x), R_DIV(R_NUM(1 / WG_LN10), x), 0.2, 3)                                    \
    U(sin, F(sin)(x), R_U(cos, x), -3, 3)                                                          \
    U(cos, F(cos)(x), R_NEG(R_U(sin, x)), -3, 3)                                                   \
    U(tan, F(tan)(x), R_ADD(R_NUM(1), R_U(square, r)), -1, 1)                                      \
    U(asin, F(asin)(x), R_DIV(R_NUM(1), R_U(sqrt, R_ONE_MINUS_SQUARE(x))), -0.8, 0.8)              \
    U(acos, F(acos)(x), R_DIV(R_NUM(-1), R_U(sqrt, R_ONE_MINUS_SQUARE(x))), -0.8, 0.8)             \
    U(atan, F(atan)(x), R_DIV(R_NUM(1), R_ADD(R_NUM(1), R_U(square, x))), -2, 2)                   \
    U(sinh, F(sinh)(x), R_U(cosh, x), -2, 2)                                                       \
    U(cosh, F(cosh)(x), R_U(sinh, x), -2, 2)                                                       \
    U(tanh, F(tanh)(x), R_ONE_MINUS_SQUARE(r), -2, 2)                                              \
    U(asinh, F(asinh)(x), R_DIV(R_NUM(1), R_B(hypot, R_NUM(1), x)), -2, 2)                         \
    U(acosh, F(acosh)(x),                                                                          \
      R_DIV(R_NUM(1), R_MUL(R_U(sqrt, R_SUB(x, R_NUM(1))), R_U(sqrt, R_ADD(x, R_NUM(1))))), 1.3,   \
      3)                                                                                           \
    U(atanh, F(atanh)(x), R_DIV(R_NUM(1), R_ONE_MINUS_SQUARE(x)), -0.8, 0.8)                       \
    U(erf, F(erf)(x), R_MUL(R_NUM(WG_TWO_OVER_SQRT_PI), R_U(exp, R_NEG(R_U(square, x)))), -2, 2)   \
    U(erfc, F(erfc)(x), R_MUL(R_NUM(-WG_TWO_OVER_SQRT_PI), R_U(exp, R_NEG(R_U(square, x)))), -2,   \
      2)                                                                                           \
    U(lgamma, (T)wg_math_lgamma(x), R_U(digamma, x), 0.3, 4)                                       \
    U(digamma, (T)wg_math_polygamma(0, x), R_B(polygamma, R_NUM(1), x), 0.3, 4)                    \
    U(abs, F(fabs)(x), R_U(sign, x), 0.2, 2)                                                       \
    U(sign, x > 0 ? 1 : x < 0 ? -1 : x, R_NUM(0), 0.2, 2)                                          \
    U(heaviside, x > 0 ? 1 : x <= 0 ? 0 : x, R_NUM(0), 0.2, 2)                                     \
    U(floor, F(floor)(x), R_NUM(0), 0.2, 0.8)                                                      \
    U(ceil, F(ceil)(x), R_NUM(0), 0.2, 0.8)                                                        \
    U(round, F(rint)(x), R_NUM(0), 0.6, 1.4)                                                       \
    /* The divisor first: what is computed in any case serves the choice behind it, and x and -x.  \
     */                                                                                            \
    U(sigmoid, 1 / (1 + F(exp)(-F(fabs)(x))) * (x >= 0 ? 1 : F(exp)(-F(fabs)(x))),                 \
      R_MUL(r, R_SUB(R_NUM(1), r)), -3, 3)                                                         \
    U(softplus, (x > 0 ? x : 0) + F(log1p)(F(exp)(-F(fabs)(x))), R_U(sigmoid, x), -3, 3)           \
    U(relu, x <= 0 ? 0 : x, R_U(heaviside, r), 0.2, 2)

#define WG_RULES_UNARY(U)                                                                          \
    WG_RULES_BASIC_UNARY(U) WG_RULES_ACTIVATIONS_UNARY(U) WG_RULES_NUMERIC_UNARY(U)

#define WG_RULES_POWER(B)                                                                          \
    B(pow, F(pow)(x, y), R_B(azmul, y, R_B(pow, x, R_SUB(y, R_NUM(1)))),                           \
      R_T(where, R_MUL(R_B(eq, x, R_NUM(0)), R_B(ge, y, R_NUM(0))), R_NUM(0),                      \
          R_MUL(r, R_U(log, x))),                                                                  \
      0.3, 3, -2, 2)

#define WG_RULES_BASIC_BINARY(B)                                                                   \
    B(azmul, x == 0 ? 0 : x * y, y, x, 0.5, 2, -2, 2)                                              \
    B(atan2, F(atan2)(x, y),                                                                       \
      R_T(where, R_B(hypot, x, y), R_DIV(R_DIV(y, R_B(hypot, x, y)), R_B(hypot, x, y)), R_NUM(0)), \
      R_T(where, R_B(hypot, x, y), R_DIV(R_DIV(R_NEG(x), R_B(hypot, x, y)), R_B(hypot, x, y)),     \
          R_NUM(0)),                                                                               \
      0.3, 2, -2, 2)                                                                               \
    B(hypot, F(hypot)(x, y), R_T(where, r, R_DIV(x, r), R_NUM(0)),                                 \
      R_T(where, r, R_DIV(y, r), R_NUM(0)), 0.3, 2, -2, 2)                                         \
    B(max, x > y || x != x ? x : y,                                                                \
      R_SUB(R_SUB(R_NUM(1), R_B(lt, x, y)), R_MUL(R_NUM(0.5), R_B(eq, x, y))),                     \
      R_SUB(R_SUB(R_NUM(1), R_B(gt, x, y)), R_MUL(R_NUM(0.5), R_B(eq, x, y))), -2, 0.8, 1, 2)      \
    B(min, x < y || x != x ? x : y,                                                                \
      R_SUB(R_SUB(R_NUM(1), R_B(gt, x, y)), R_MUL(R_NUM(0.5), R_B(eq, x, y))),                     \
      R_SUB(R_SUB(R_NUM(1), R_B(lt, x, y)), R_MUL(R_NUM(0.5), R_B(eq, x, y))), -2, 0.8, 1, 2)      \
    B(lt, x < y ? 1 : 0, R_NUM(0), R_NUM(0), -2, 0.8, 1, 2)                                        \
    B(le, x <= y ? 1 : 0, R_NUM(0), R_NUM(0), -2, 0.8, 1, 2)                                       \
    B(gt, x > y ? 1 : 0, R_NUM(0), R_NUM(0), -2, 0.8, 1, 2)                                        \
    B(ge, x >= y ? 1 : 0, R_NUM(0), R_NUM(0), -2, 0.8, 1, 2)                                       \
    B(eq, x == y ? 1 : 0, R_NUM(0), R_NUM(0), -2, 0.8, 1, 2)                                       \
    B(ne, x != y ? 1 : 0, R_NUM(0), R_NUM(0), -2, 0.8, 1, 2)                                       \
    B(polygamma, (T)wg_math_polygamma(x, y), R_NUM(0), R_B(polygamma, R_ADD(x, R_NUM(1)), y), 1,   \
      1, 0.5, 4)

#define WG_RULES_OTHER_BINARY(B)                                                                   \
    WG_RULES_BASIC_BINARY(B) WG_RULES_ACTIVATIONS_BINARY(B) WG_RULES_NUMERIC_BINARY(B)

/* pow alone has verbs of its own for plain exponents. */
#define WG_RULES_BINARY(B) WG_RULES_POWER(B) WG_RULES_OTHER_BINARY(B)

/* Rules that choose rather than scale: where their derivative is zero it is so even against an
 * infinite or NaN adjoint, as PyTorch's masks make it. (azmul serves the second derivatives.) */
/* clang-format off */
#define WG_RULES_THAT_PICK(P)                                                                      \
    P(sign) P(heaviside) P(floor) P(ceil) P(round) P(trunc) P(relu) P(azmul) P(max) P(min)         \
    P(lt) P(le) P(gt) P(ge) P(eq) P(ne) P(where) P(clamp) P(hardtanh) P(hardsigmoid)               \
    P(hardswish) P(softshrink) P(hardshrink) P(threshold) P(isnan) P(isinf) P(isfinite)            \
    P(logical_not) P(logical_and) P(logical_or) P(logical_xor)

/* Rules that cost little beside the way to memory and back, those above aside; and rules whose
 * derivatives cost much, because they call functions. */
#define WG_RULES_CHEAP(P)                                                                          \
    P(add) P(sub) P(mul) P(div) P(neg) P(square) P(sqrt) P(abs) P(fma) P(reciprocal) P(rsqrt)      \
    P(frac) P(softsign) P(leaky_relu) P(gap) P(lerp)
#define WG_RULES_COSTLY_PARTIALS(P)                                                                \
    P(sin) P(cos) P(asin) P(acos) P(atan) P(sinh) P(cosh) P(erf) P(erfc) P(lgamma) P(digamma)      \
    P(pow) P(polygamma) P(logsigmoid) P(silu) P(tanh_softplus) P(mish) P(gelu) P(gelu_tanh)        \
    P(selu) P(elu) P(celu) P(softplus) P(sinc) P(sinc_order) P(erfinv) P(xlogy) P(logaddexp)
/* clang-format on */

#define WG_RULES_BASIC_TERNARY(T3)                                                                 \
    T3(fma, F(fma)(x, y, z), y, x, R_NUM(1), -2, 2, -2, 2, -2, 2)                                  \
    T3(where, x != 0 ? y : z, R_NUM(0), R_B(ne, x, R_NUM(0)), R_B(eq, x, R_NUM(0)), 1, 1, -2, 2,   \
       -2, 2)                                                                                      \
    T3(clamp,                                                                                      \
       x > z   ? z                                                                                 \
       : x < y ? (y > z ? z : y)                                                                   \
               : x,                                                                                \
       R_MUL(R_B(ge, x, y), R_B(le, x, z)), R_MUL(R_B(lt, x, y), R_B(le, y, z)),                   \
       R_B(max, R_B(gt, x, z), R_MUL(R_B(lt, x, y), R_B(gt, y, z))), -0.8, 0.8, -2, -1, 1, 2)

#define WG_RULES_TERNARY(T3)                                                                       \
    WG_RULES_BASIC_TERNARY(T3) WG_RULES_ACTIVATIONS_TERNARY(T3) WG_RULES_NUMERIC_TERNARY(T3)

#endif
