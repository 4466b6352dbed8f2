#include "golden.h"

#define GOLDEN_TERNARY(name)                                                                       \
    static void run_##name(const golden_case *c, const wg_var *in, wg_var *out) {                  \
        (void)c;                                                                                   \
        out[0] = wg_##name(in[0], in[1], in[2]);                                                   \
    }

/* Name, scale, ulps of values and gradients. ARRAY where terms of different signs cancel (the
 * gradients of operands that are broadcast are sums), or where PyTorch's own formula does not keep
 * the digits of small results. */
#define UNARY(X)                                                                                   \
    X(neg, ELEMENT, 0, 0)                                                                          \
    X(square, ELEMENT, 1, 1)                                                                       \
    X(sqrt, ELEMENT, 1, 2)                                                                         \
    X(cbrt, ELEMENT, 2, 4)                                                                         \
    X(exp, ELEMENT, 2, 3)                                                                          \
    X(expm1, ELEMENT, 2, 3)                                                                        \
    X(exp2, ELEMENT, 2, 3)                                                                         \
    X(log, ELEMENT, 2, 2)                                                                          \
    X(log1p, ELEMENT, 2, 2)                                                                        \
    X(log2, ELEMENT, 2, 2)                                                                         \
    X(log10, ELEMENT, 2, 2)                                                                        \
    X(sin, ELEMENT, 2, 2)                                                                          \
    X(cos, ELEMENT, 2, 2)                                                                          \
    X(tan, ELEMENT, 2, 4)                                                                          \
    X(asin, ELEMENT, 2, 4)                                                                         \
    X(acos, ELEMENT, 2, 4)                                                                         \
    X(atan, ELEMENT, 2, 2)                                                                         \
    X(sinh, ELEMENT, 2, 2)                                                                         \
    X(cosh, ELEMENT, 2, 2)                                                                         \
    X(tanh, ARRAY, 2, 2)                                                                           \
    X(asinh, ELEMENT, 2, 2)                                                                        \
    X(acosh, ELEMENT, 2, 4)                                                                        \
    X(atanh, ELEMENT, 2, 4)                                                                        \
    X(erf, ELEMENT, 2, 8)                                                                          \
    X(erfc, ELEMENT, 4, 8)                                                                         \
    X(lgamma, ARRAY, 2, 4)                                                                         \
    X(digamma, ARRAY, 4, 4)                                                                        \
    X(abs, ELEMENT, 0, 0)                                                                          \
    X(sign, ELEMENT, 0, 0)                                                                         \
    X(heaviside, ELEMENT, 0, 0)                                                                    \
    X(floor, ELEMENT, 0, 0)                                                                        \
    X(ceil, ELEMENT, 0, 0)                                                                         \
    X(round, ELEMENT, 0, 0)                                                                        \
    X(sigmoid, ARRAY, 2, 2)                                                                        \
    X(softplus, ELEMENT, 2, 4)                                                                     \
    X(relu, ELEMENT, 0, 0)                                                                         \
    X(logsigmoid, ELEMENT, 2, 4)                                                                   \
    X(silu, ARRAY, 2, 2)                                                                           \
    X(mish, ARRAY, 2, 4)                                                                           \
    X(gelu, ARRAY, 2, 2)                                                                           \
    X(gelu_tanh, ARRAY, 2, 2)                                                                      \
    X(selu, ELEMENT, 3, 3)                                                                         \
    X(hardsigmoid, ELEMENT, 1, 1)                                                                  \
    X(hardswish, ELEMENT, 2, 2)                                                                    \
    X(softsign, ELEMENT, 2, 4)                                                                     \
    X(relu6, ELEMENT, 0, 0)                                                                        \
    X(tanhshrink, ARRAY, 1, 2)                                                                     \
    X(reciprocal, ELEMENT, 1, 2)                                                                   \
    X(rsqrt, ELEMENT, 2, 4)                                                                        \
    X(trunc, ELEMENT, 0, 0)                                                                        \
    X(frac, ELEMENT, 0, 0)                                                                         \
    X(logit, ARRAY, 2, 2)                                                                          \
    X(sinc, ARRAY, 2, 16)                                                                          \
    X(erfinv, ELEMENT, 2, 6)                                                                       \
    X(isnan, ELEMENT, 0, 0)                                                                        \
    X(isinf, ELEMENT, 0, 0)                                                                        \
    X(isfinite, ELEMENT, 0, 0)                                                                     \
    X(logical_not, ELEMENT, 0, 0)                                                                  \
    X(deg2rad, ELEMENT, 1, 1)                                                                      \
    X(rad2deg, ELEMENT, 1, 1)

#define BINARY(X)                                                                                  \
    X(add, ARRAY, 1, 2)                                                                            \
    X(sub, ARRAY, 1, 2)                                                                            \
    X(mul, ARRAY, 1, 2)                                                                            \
    X(div, ARRAY, 1, 4)                                                                            \
    X(pow, ARRAY, 3, 6)                                                                            \
    X(atan2, ARRAY, 2, 4)                                                                          \
    X(hypot, ARRAY, 2, 4)                                                                          \
    X(max, ARRAY, 0, 2)                                                                            \
    X(min, ARRAY, 0, 2)                                                                            \
    X(lt, ELEMENT, 0, 0)                                                                           \
    X(le, ELEMENT, 0, 0)                                                                           \
    X(gt, ELEMENT, 0, 0)                                                                           \
    X(ge, ELEMENT, 0, 0)                                                                           \
    X(eq, ELEMENT, 0, 0)                                                                           \
    X(ne, ELEMENT, 0, 0)                                                                           \
    X(logical_and, ELEMENT, 0, 0)                                                                  \
    X(logical_or, ELEMENT, 0, 0)                                                                   \
    X(logical_xor, ELEMENT, 0, 0)                                                                  \
    X(fmod, ARRAY, 0, 4)                                                                           \
    X(remainder, ARRAY, 0, 4)                                                                      \
    X(xlogy, ARRAY, 2, 4)                                                                          \
    X(logaddexp, ARRAY, 2, 4)                                                                      \
    X(elu, ARRAY, 2, 2)                                                                            \
    X(celu, ARRAY, 2, 2)                                                                           \
    X(leaky_relu, ELEMENT, 1, 1)                                                                   \
    X(softshrink, ELEMENT, 1, 0)                                                                   \
    X(hardshrink, ELEMENT, 0, 0)                                                                   \
    X(prelu, ARRAY, 1, 2)                                                                          \
    X(polygamma, ARRAY, 4, 4)

#define TERNARY(X)                                                                                 \
    X(fma, ARRAY, 1, 2)                                                                            \
    X(where, ARRAY, 0, 2)                                                                          \
    X(clamp, ARRAY, 0, 2)                                                                          \
    X(hardtanh, ELEMENT, 0, 0)                                                                     \
    X(threshold, ELEMENT, 0, 0)                                                                    \
    X(lerp, ARRAY, 1, 4)

#define RUN_1(name, ...) GOLDEN_UNARY(name)
#define RUN_2(name, ...) GOLDEN_BINARY(name)
#define RUN_3(name, ...) GOLDEN_TERNARY(name)
UNARY(RUN_1)
BINARY(RUN_2)
TERNARY(RUN_3)

#define ROW(name, scale, value, gradient) {#name, run_##name, GOLDEN_##scale, value, gradient},
const golden_call golden_calls_elementwise[] = {UNARY(ROW) BINARY(ROW) TERNARY(ROW){0}};
