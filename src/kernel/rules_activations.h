/* rules_activations.h (internal): rows of rules.h, the functions that networks are made of.
 *
 * What grows without bound in one place and falls to zero in another (silu, mish, gelu) takes its
 * factor from a clamped x: beyond the clamp the other factor is 0 or 1 exactly, so that infinity
 * gives the limit and not infinity times zero, in derivatives of every order. */
#ifndef WG_SRC_KERNEL_RULES_ACTIVATIONS_H
#define WG_SRC_KERNEL_RULES_ACTIVATIONS_H

/* G. Klambauer, T. Unterthiner, A. Mayr, S. Hochreiter, "Self-Normalizing Neural Networks", 2017:
 * lambda, and lambda times alpha. */
#define WG_SELU_SCALE 1.05070098735548049341933498529
#define WG_SELU_BOTTOM 1.75809934084737679977606797
/* Of gelu_tanh: 2 sqrt(2 / pi), and 0.044715 times that. */
#define WG_GELU_LINEAR 1.59576912160573071175978423974
#define WG_GELU_CUBIC 0.0713548162726002587713387522801

#define WG_SATURATED R_T(clamp, x, R_NUM(-800), R_NUM(800))
#define WG_SATURATED_40 R_T(clamp, x, R_NUM(-40), R_NUM(40))
#define WG_GELU_ANGLE                                                                              \
    R_MUL(WG_SATURATED_40,                                                                         \
          R_ADD(R_NUM(WG_GELU_LINEAR), R_MUL(R_NUM(WG_GELU_CUBIC), R_U(square, WG_SATURATED_40))))

#define WG_RULES_ACTIVATIONS_UNARY(U)                                                              \
    U(logsigmoid, (x < 0 ? x : 0) - F(log1p)(F(exp)(-F(fabs)(x))), R_U(sigmoid, R_NEG(x)), -3, 3)  \
    U(silu, (x < -800 ? -800 : x) * V(sigmoid, x),                                                 \
      R_MUL(R_U(sigmoid, x), R_ADD(R_NUM(1), R_MUL(WG_SATURATED, R_U(sigmoid, R_NEG(x))))), -3, 3) \
    U(tanh_softplus,                                                                               \
      (x < 0 ? F(exp)(-F(fabs)(x)) * (2 + F(exp)(-F(fabs)(x))) : 1 + 2 * F(exp)(-F(fabs)(x))) /    \
          ((x < 0 ? F(exp)(-F(fabs)(x)) * (2 + F(exp)(-F(fabs)(x)))                                \
                  : 1 + 2 * F(exp)(-F(fabs)(x))) +                                                 \
           2 * (x < 0 ? 1 : F(exp)(-F(fabs)(x)) * F(exp)(-F(fabs)(x)))),                           \
      R_MUL(R_ONE_MINUS_SQUARE(r), R_U(sigmoid, x)), -3, 3)                                        \
    U(mish, (x < -800 ? -800 : x) * V(tanh_softplus, x),                                           \
      R_ADD(                                                                                       \
          R_U(tanh_softplus, x),                                                                   \
          R_MUL(WG_SATURATED, R_MUL(R_ONE_MINUS_SQUARE(R_U(tanh_softplus, x)), R_U(sigmoid, x)))), \
      -3, 3)                                                                                       \
    U(gelu, N(0.5) * (x < -40 ? -40 : x) * F(erfc)(x * N(-0.707106781186547524400844362105)),      \
      R_ADD(R_MUL(R_NUM(0.5), R_U(erfc, R_MUL(R_NUM(-WG_SQRT_HALF), x))),                          \
            R_MUL(R_MUL(R_NUM(WG_ONE_OVER_SQRT_TWO_PI), WG_SATURATED_40),                          \
                  R_U(exp, R_MUL(R_NUM(-0.5), R_U(square, WG_SATURATED_40))))),                    \
      -3, 3)                                                                                       \
    U(gelu_tanh,                                                                                   \
      (x < -40 ? -40 : x) * V(sigmoid, x * (N(1.59576912160573071175978423974) +                   \
                                            N(0.0713548162726002587713387522801) * x * x)),        \
      R_MUL(R_U(sigmoid, WG_GELU_ANGLE),                                                           \
            R_ADD(R_NUM(1),                                                                        \
                  R_MUL(R_MUL(WG_SATURATED_40, R_U(sigmoid, R_NEG(WG_GELU_ANGLE))),                \
                        R_ADD(R_NUM(WG_GELU_LINEAR),                                               \
                              R_MUL(R_NUM(3 * WG_GELU_CUBIC), R_U(square, WG_SATURATED_40)))))),   \
      -3, 3)                                                                                       \
    U(selu,                                                                                        \
      x > 0 ? N(1.05070098735548049341933498529) * x                                               \
            : N(1.75809934084737679977606797) * F(expm1)(x),                                       \
      R_T(where, R_B(gt, x, R_NUM(0)), R_NUM(WG_SELU_SCALE),                                       \
          R_MUL(R_NUM(WG_SELU_BOTTOM), R_U(exp, x))),                                              \
      0.2, 2)                                                                                      \
    U(hardsigmoid,                                                                                 \
      x <= -3  ? 0                                                                                 \
      : x >= 3 ? 1                                                                                 \
               : (x + 3) / 6,                                                                      \
      R_MUL(R_NUM(1.0 / 6), R_MUL(R_B(gt, x, R_NUM(-3)), R_B(lt, x, R_NUM(3)))), -2, 2)            \
    U(hardswish,                                                                                   \
      x <= -3  ? 0                                                                                 \
      : x >= 3 ? x                                                                                 \
               : x * (x + 3) / 6,                                                                  \
      R_T(where, R_B(lt, x, R_NUM(-3)), R_NUM(0),                                                  \
          R_T(where, R_B(le, x, R_NUM(3)), R_ADD(R_DIV(x, R_NUM(3)), R_NUM(0.5)), R_NUM(1))),      \
      -2, 2)                                                                                       \
    U(softsign, F(fabs)(x) > N(3e38) ? (x > 0 ? 1 : -1) : x / (1 + F(fabs)(x)),                    \
      R_U(square, R_DIV(R_NUM(1), R_ADD(R_NUM(1), R_U(abs, x)))), 0.2, 2)

#define WG_RULES_ACTIVATIONS_BINARY(B)                                                             \
    B(leaky_relu, x > 0 ? x : x * y, R_T(where, R_B(gt, x, R_NUM(0)), R_NUM(1), y),                \
      R_T(where, R_B(gt, x, R_NUM(0)), R_NUM(0), x), -2, -0.2, -1, 1)                              \
    B(elu, x > 0 ? x : y * F(expm1)(x),                                                            \
      R_T(where, R_B(gt, x, R_NUM(0)), R_NUM(1), R_MUL(y, R_U(exp, x))),                           \
      R_T(where, R_B(gt, x, R_NUM(0)), R_NUM(0), R_U(expm1, x)), -2, -0.2, 0.5, 2)                 \
    B(celu, x > 0 ? x : y * F(expm1)(x / y),                                                       \
      R_T(where, R_B(gt, x, R_NUM(0)), R_NUM(1), R_U(exp, R_DIV(x, y))),                           \
      R_T(where, R_B(gt, x, R_NUM(0)), R_NUM(0),                                                   \
          R_SUB(R_U(expm1, R_DIV(x, y)), R_MUL(R_DIV(x, y), R_U(exp, R_DIV(x, y))))),              \
      -2, -0.2, 0.5, 2)                                                                            \
    B(softshrink,                                                                                  \
      x > y    ? x - y                                                                             \
      : x < -y ? x + y                                                                             \
               : x * 0,                                                                            \
      R_B(gt, R_U(abs, x), y), R_NEG(R_MUL(R_U(sign, x), R_B(gt, R_U(abs, x), y))), 0.6, 2, 0.1,   \
      0.5)                                                                                         \
    B(hardshrink, F(fabs)(x) <= y ? 0 : x, R_SUB(R_NUM(1), R_B(le, R_U(abs, x), y)), R_NUM(0),     \
      0.6, 2, 0.1, 0.5)

#define WG_RULES_ACTIVATIONS_TERNARY(T3)                                                           \
    T3(hardtanh,                                                                                   \
       x > z   ? z                                                                                 \
       : x < y ? (y > z ? z : y)                                                                   \
               : x,                                                                                \
       R_MUL(R_B(gt, x, y), R_B(lt, x, z)), R_MUL(R_B(le, x, y), R_B(lt, y, z)),                   \
       R_B(max, R_B(ge, x, z), R_MUL(R_B(le, x, y), R_B(ge, y, z))), -0.8, 0.8, -2, -1, 1, 2)      \
    T3(threshold, x <= y ? z : x, R_SUB(R_NUM(1), R_B(le, x, y)), R_NUM(0), R_B(le, x, y), -0.8,   \
       0.8, 1, 2, -2, 2)

#endif
