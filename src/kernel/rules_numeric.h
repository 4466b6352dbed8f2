/* rules_numeric.h (internal): rows of rules.h, more of the numerical vocabulary: quotients and
 * remainders, logarithms of odds and of sums, what NumPy asks of a number. */
#ifndef WG_SRC_KERNEL_RULES_NUMERIC_H
#define WG_SRC_KERNEL_RULES_NUMERIC_H

#define WG_MINUS_PI_SQUARE (-9.86960440108935861883449099988)
#define WG_HALF_SQRT_PI 0.886226925452758013649083741671

/* logit: log1p keeps its digits around 1/2; + 0 makes of -0 a 0. */
#define WG_RULES_NUMERIC_UNARY(U)                                                                  \
    U(reciprocal, 1 / x, R_NEG(R_U(square, r)), 0.3, 2)                                            \
    U(rsqrt, 1 / F(sqrt)(x), R_MUL(R_NUM(-0.5), R_MUL(r, R_U(square, r))), 0.3, 3)                 \
    U(trunc, F(trunc)(x), R_NUM(0), 0.2, 0.8)                                                      \
    U(frac, x - F(trunc)(x), R_NUM(1), 0.2, 0.8)                                                   \
    U(logit, (x < N(0.5) ? -1 : 1) * F(log1p)(F(fabs)(2 * x - 1) / (x < N(0.5) ? x + 0 : 1 - x)),  \
      R_DIV(R_NUM(1), R_MUL(x, R_SUB(R_NUM(1), x))), 0.1, 0.9)                                     \
    U(sinc,                                                                                        \
      x == 0 ? 1                                                                                   \
             : F(sin)(x * N(3.14159265358979323846264338328)) /                                    \
                   (x * N(3.14159265358979323846264338328)),                                       \
      R_MUL(R_MUL(R_NUM(WG_MINUS_PI_SQUARE), x), R_B(sinc_order, R_NUM(1), x)), -1.5, 1.3)         \
    U(erfinv, (T)wg_math_erfinv(x), R_MUL(R_NUM(WG_HALF_SQRT_PI), R_U(exp, R_U(square, r))), -0.8, \
      0.8)                                                                                         \
    U(isnan, x != x ? 1 : 0, R_NUM(0), 0.2, 2)                                                     \
    U(isinf, x == x && x - x != 0 ? 1 : 0, R_NUM(0), 0.2, 2)                                       \
    U(isfinite, x - x == 0 ? 1 : 0, R_NUM(0), 0.2, 2)                                              \
    U(logical_not, x == 0 ? 1 : 0, R_NUM(0), 0.2, 2)

/* The multiple of y that fmod and remainder take away is what the result says it is: x / y may be
 * rounded up to a whole number. */
#define WG_RULES_NUMERIC_BINARY(B)                                                                 \
    B(fmod, F(fmod)(x, y), R_NUM(1), R_U(round, R_DIV(R_SUB(r, x), y)), 2.2, 2.6, 0.9, 1.05)       \
    B(remainder,                                                                                   \
      V(fmod, x, y) != 0 && (V(fmod, x, y) < 0) != (y < 0) ? V(fmod, x, y) + y : V(fmod, x, y),    \
      R_NUM(1), R_U(round, R_DIV(R_SUB(r, x), y)), -2.6, -2.2, 0.9, 1.05)                          \
    B(xlogy,                                                                                       \
      y != y   ? y                                                                                 \
      : x == 0 ? 0                                                                                 \
               : x * F(log)(y),                                                                    \
      R_T(where, R_MUL(R_B(eq, x, R_NUM(0)), R_B(le, y, R_NUM(0))), R_NUM(0), R_U(log, y)),        \
      R_T(where, R_B(max, R_B(ne, x, R_NUM(0)), R_B(ne, y, R_NUM(0))), R_DIV(x, y), R_NUM(0)),     \
      0.3, 2, 0.3, 2)                                                                              \
    B(gap, x == y ? 0 : x - y, R_NUM(1), R_NUM(-1), -2, 2, -2, 2)                                  \
    B(logaddexp, V(max, x, y) + F(log1p)(F(exp)(-F(fabs)(V(gap, x, y)))),                          \
      R_U(sigmoid, R_B(gap, x, y)), R_U(sigmoid, R_B(gap, y, x)), -2, 2, -2, 2)                    \
    B(logical_and, x != 0 && y != 0 ? 1 : 0, R_NUM(0), R_NUM(0), 0.2, 2, 0.2, 2)                   \
    B(logical_or, x != 0 || y != 0 ? 1 : 0, R_NUM(0), R_NUM(0), 0.2, 2, 0.2, 2)                    \
    B(logical_xor, (x != 0) != (y != 0) ? 1 : 0, R_NUM(0), R_NUM(0), 0.2, 2, 0.2, 2)               \
    B(sinc_order, (T)wg_math_sinc_order(x, y), R_NUM(0),                                           \
      R_MUL(R_MUL(R_NUM(WG_MINUS_PI_SQUARE), y), R_B(sinc_order, R_ADD(x, R_NUM(1)), y)), 1, 1,    \
      -1.5, 1.3)

#define WG_RULES_NUMERIC_TERNARY(T3)                                                               \
    T3(lerp, z < N(0.5) ? x + z * (y - x) : y - (y - x) * (1 - z), R_SUB(R_NUM(1), z), z,          \
       R_SUB(y, x), -2, 2, -2, 2, -2, 2)

#endif
