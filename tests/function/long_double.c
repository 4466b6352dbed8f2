/* long_double.c: random programs in long double with one tangent, the values and derivatives of
 * every rule written apart from the library's table. */
#include "random_program.h"

#include <math.h>
#include <stdlib.h>

typedef long double real;

#define PI 3.14159265358979323846264338327950288L
#define LN2 0.693147180559945309417232121458176568L
#define LN10 2.30258509299404568401799145468436421L

/* The n-th derivative of digamma, n ≥ 0, x > 0: the recurrence up to 40, then the asymptotic series
 * (Abramowitz and Stegun 6.3.18, 6.4.11), whose terms fall below 1e-20 there. */
static real polygamma(int n, real x) {
    static const real bernoulli[] = {1 / 6.0L,  -1 / 30.0L,     1 / 42.0L, -1 / 30.0L,
                                     5 / 66.0L, -691 / 2730.0L, 7 / 6.0L,  -3617 / 510.0L};
    const real sign = n % 2 == 0 ? -1 : 1, factorial = tgammal((real)n + 1);
    real sum = 0;
    for (; x < 40; x += 1) {
        sum += factorial * powl(x, -(real)(n + 1));
    }
    sum += n == 0 ? -logl(x) : tgammal((real)n) * powl(x, -(real)n);
    sum += factorial / 2 * powl(x, -(real)(n + 1));
    for (int k = 1; k <= 8; k++) {
        sum += bernoulli[k - 1] * tgammal((real)(2 * k + n)) / tgammal((real)(2 * k + 1)) *
               powl(x, -(real)(2 * k + n));
    }
    return sign * sum;
}

static real sigmoid(real x) {
    return 1 / (1 + expl(-x));
}

static real bell(real x) { /* the derivative of erf */
    return 2 / sqrtl(PI) * expl(-x * x);
}

static real normal(real x) { /* the distribution function */
    return erfcl(-x / sqrtl(2)) / 2;
}

#define SELU 1.05070098735548049341933498529L
#define SELU_ALPHA 1.67326324235437728481704299167L

static real gelu_angle(real x) {
    return sqrtl(8 / PI) * (x + 0.044715L * x * x * x);
}

static real tanh_softplus(real x) {
    return tanhl(log1pl(expl(x)));
}

static real tanh_softplus_slope(real x) {
    return sigmoid(x) / powl(coshl(log1pl(expl(x))), 2);
}

/* By Newton's method; what rounds to 1 would not come to an end. */
static real erfinv(real x) {
    real y = x;
    for (int k = 0; k < 60; k++) {
        y -= (x > 0.5L ? (1 - x) - erfcl(y) : erfl(y) - x) / bell(y);
    }
    return y;
}

/* j_n(z) / z^n of z = pi x by its power series, whose terms stay small for the arguments here. */
static real sinc_order(int n, real x) {
    real term = 1, sum = 0;
    for (int k = 1; k <= n; k++) {
        term /= 2 * k + 1;
    }
    for (int k = 0; k < 100; k++) {
        sum += term;
        term *= -PI * PI * x * x / (2 * (k + 1) * (2 * (n + k) + 3));
    }
    return sum;
}

static real half_or(bool one, bool equal) {
    return equal ? 0.5L : one ? 1 : 0;
}

/* Name, value, derivatives to x, y, z. */
#define FORMULAS(X)                                                                                \
    X(add, x + y, 1, 1, 0)                                                                         \
    X(sub, x - y, 1, -1, 0)                                                                        \
    X(mul, x *y, y, x, 0)                                                                          \
    X(div, x / y, 1 / y, -x / (y * y), 0)                                                          \
    X(neg, -x, -1, 0, 0)                                                                           \
    X(square, x *x, 2 * x, 0, 0)                                                                   \
    X(sqrt, sqrtl(x), 1 / (2 * sqrtl(x)), 0, 0)                                                    \
    X(cbrt, cbrtl(x), cbrtl(x) / (3 * x), 0, 0)                                                    \
    X(exp, expl(x), expl(x), 0, 0)                                                                 \
    X(expm1, expm1l(x), expl(x), 0, 0)                                                             \
    X(exp2, exp2l(x), LN2 *exp2l(x), 0, 0)                                                         \
    X(log, logl(x), 1 / x, 0, 0)                                                                   \
    X(log1p, log1pl(x), 1 / (1 + x), 0, 0)                                                         \
    X(log2, log2l(x), 1 / (x * LN2), 0, 0)                                                         \
    X(log10, log10l(x), 1 / (x * LN10), 0, 0)                                                      \
    X(sin, sinl(x), cosl(x), 0, 0)                                                                 \
    X(cos, cosl(x), -sinl(x), 0, 0)                                                                \
    X(tan, tanl(x), 1 / (cosl(x) * cosl(x)), 0, 0)                                                 \
    X(asin, asinl(x), 1 / sqrtl((1 - x) * (1 + x)), 0, 0)                                          \
    X(acos, acosl(x), -1 / sqrtl((1 - x) * (1 + x)), 0, 0)                                         \
    X(atan, atanl(x), 1 / (1 + x * x), 0, 0)                                                       \
    X(sinh, sinhl(x), coshl(x), 0, 0)                                                              \
    X(cosh, coshl(x), sinhl(x), 0, 0)                                                              \
    X(tanh, tanhl(x), 1 / (coshl(x) * coshl(x)), 0, 0)                                             \
    X(asinh, asinhl(x), 1 / sqrtl(1 + x * x), 0, 0)                                                \
    X(acosh, acoshl(x), 1 / sqrtl((x - 1) * (x + 1)), 0, 0)                                        \
    X(atanh, atanhl(x), 1 / ((1 - x) * (1 + x)), 0, 0)                                             \
    X(erf, erfl(x), bell(x), 0, 0)                                                                 \
    X(erfc, erfcl(x), -bell(x), 0, 0)                                                              \
    X(lgamma, lgammal(x), polygamma(0, x), 0, 0)                                                   \
    X(digamma, polygamma(0, x), polygamma(1, x), 0, 0)                                             \
    X(abs, fabsl(x), x > 0 ? 1 : -1, 0, 0)                                                         \
    X(sign, x > 0 ? 1 : -1, 0, 0, 0)                                                               \
    X(heaviside, x > 0 ? 1 : 0, 0, 0, 0)                                                           \
    X(floor, floorl(x), 0, 0, 0)                                                                   \
    X(ceil, ceill(x), 0, 0, 0)                                                                     \
    X(round, rintl(x), 0, 0, 0)                                                                    \
    X(sigmoid, sigmoid(x), sigmoid(x) * sigmoid(-x), 0, 0)                                         \
    X(softplus, log1pl(expl(x)), sigmoid(x), 0, 0)                                                 \
    X(relu, x > 0 ? x : 0, x > 0 ? 1 : 0, 0, 0)                                                    \
    X(logsigmoid, -log1pl(expl(-x)), sigmoid(-x), 0, 0)                                            \
    X(silu, x *sigmoid(x), sigmoid(x) + x * sigmoid(x) * sigmoid(-x), 0, 0)                        \
    X(tanh_softplus, tanh_softplus(x), tanh_softplus_slope(x), 0, 0)                               \
    X(mish, x *tanh_softplus(x), tanh_softplus(x) + x * tanh_softplus_slope(x), 0, 0)              \
    X(gelu, x *normal(x), normal(x) + x * expl(-x * x / 2) / sqrtl(2 * PI), 0, 0)                  \
    X(gelu_tanh, x *sigmoid(gelu_angle(x)),                                                        \
      sigmoid(gelu_angle(x)) *                                                                     \
          (1 + x * sigmoid(-gelu_angle(x)) * sqrtl(8 / PI) * (1 + 3 * 0.044715L * x * x)),         \
      0, 0)                                                                                        \
    X(selu, SELU *(x > 0 ? x : SELU_ALPHA * expm1l(x)), SELU *(x > 0 ? 1 : SELU_ALPHA * expl(x)),  \
      0, 0)                                                                                        \
    X(hardsigmoid, x / 6 + 0.5L, 1 / 6.0L, 0, 0)                                                   \
    X(hardswish, x *(x / 6 + 0.5L), x / 3 + 0.5L, 0, 0)                                            \
    X(softsign, x / (1 + fabsl(x)), powl(1 + fabsl(x), -2), 0, 0)                                  \
    X(reciprocal, 1 / x, -1 / (x * x), 0, 0)                                                       \
    X(rsqrt, 1 / sqrtl(x), -1 / (2 * x * sqrtl(x)), 0, 0)                                          \
    X(trunc, truncl(x), 0, 0, 0)                                                                   \
    X(frac, x - truncl(x), 1, 0, 0)                                                                \
    X(logit, logl(x) - log1pl(-x), 1 / (x * (1 - x)), 0, 0)                                        \
    X(sinc, sinc_order(0, x), -PI *PI *x *sinc_order(1, x), 0, 0)                                  \
    X(erfinv, erfinv(x), 1 / bell(erfinv(x)), 0, 0)                                                \
    X(isnan, x != x, 0, 0, 0)                                                                      \
    X(isinf, isinf(x) != 0, 0, 0, 0)                                                               \
    X(isfinite, isfinite(x) != 0, 0, 0, 0)                                                         \
    X(logical_not, x == 0, 0, 0, 0)                                                                \
    X(leaky_relu, x > 0 ? x : x * y, x > 0 ? 1 : y, x > 0 ? 0 : x, 0)                              \
    X(elu, x > 0 ? x : y * expm1l(x), x > 0 ? 1 : y * expl(x), x > 0 ? 0 : expm1l(x), 0)           \
    X(celu, x > 0 ? x : y * expm1l(x / y), x > 0 ? 1 : expl(x / y),                                \
      x > 0 ? 0 : expm1l(x / y) - x / y * expl(x / y), 0)                                          \
    X(softshrink, copysignl(fmaxl(fabsl(x) - y, 0), x), fabsl(x) > y,                              \
      fabsl(x) > y ? -copysignl(1, x) : 0, 0)                                                      \
    X(hardshrink, fabsl(x) > y ? x : 0, fabsl(x) > y, 0, 0)                                        \
    X(fmod, fmodl(x, y), 1, -truncl(x / y), 0)                                                     \
    X(remainder, x - y * floorl(x / y), 1, -floorl(x / y), 0)                                      \
    X(xlogy, x *logl(y), logl(y), x / y, 0)                                                        \
    X(gap, x - y, 1, -1, 0)                                                                        \
    X(logaddexp, fmaxl(x, y) + log1pl(expl(-fabsl(x - y))), sigmoid(x - y), sigmoid(y - x), 0)     \
    X(logical_and, x != 0 && y != 0, 0, 0, 0)                                                      \
    X(logical_or, x != 0 || y != 0, 0, 0, 0)                                                       \
    X(logical_xor, (x != 0) != (y != 0), 0, 0, 0)                                                  \
    X(sinc_order, sinc_order((int)x, y), 0, -PI *PI *y *sinc_order((int)x + 1, y), 0)              \
    X(hardtanh,                                                                                    \
      x > z   ? z                                                                                  \
      : x < y ? (y > z ? z : y)                                                                    \
              : x,                                                                                 \
      x > y && x < z, x <= y && y < z, x >= z || (x <= y && y >= z))                               \
    X(threshold, x > y ? x : z, x > y, 0, x <= y)                                                  \
    X(lerp, x + z * (y - x), 1 - z, z, y - x)                                                      \
    X(pow, powl(x, y), y == 0 ? 0 : y * powl(x, y - 1), x > 0 ? powl(x, y) * logl(x) : 0, 0)       \
    X(azmul, x *y, y, x, 0)                                                                        \
    X(atan2, atan2l(x, y), y / (x * x + y * y), -x / (x * x + y * y), 0)                           \
    X(hypot, sqrtl(x *x + y * y), x / sqrtl(x * x + y * y), y / sqrtl(x * x + y * y), 0)           \
    X(max, x > y ? x : y, half_or(x > y, x == y), half_or(y > x, x == y), 0)                       \
    X(min, x < y ? x : y, half_or(x < y, x == y), half_or(y < x, x == y), 0)                       \
    X(lt, x < y, 0, 0, 0)                                                                          \
    X(le, x <= y, 0, 0, 0)                                                                         \
    X(gt, x > y, 0, 0, 0)                                                                          \
    X(ge, x >= y, 0, 0, 0)                                                                         \
    X(eq, x == y, 0, 0, 0)                                                                         \
    X(ne, x != y, 0, 0, 0)                                                                         \
    X(polygamma, polygamma((int)x, y), 0, polygamma((int)x + 1, y), 0)                             \
    X(fma, x *y + z, y, x, 1)                                                                      \
    X(where, x != 0 ? y : z, 0, x != 0, x == 0)                                                    \
    X(clamp,                                                                                       \
      x > z   ? z                                                                                  \
      : x < y ? (y > z ? z : y)                                                                    \
              : x,                                                                                 \
      x >= y && x <= z, x < y && y <= z, x > z || (x < y && y > z))

typedef void (*formula)(const real *in, real *value, real *partial);

#define DEFINE(name, of, dx, dy, dz)                                                               \
    static void formula_##name(const real *in, real *value, real *partial) {                       \
        const real x = in[0], y = in[1], z = in[2];                                                \
        (void)x, (void)y, (void)z;                                                                 \
        *value = of;                                                                               \
        partial[0] = dx;                                                                           \
        partial[1] = dy;                                                                           \
        partial[2] = dz;                                                                           \
    }
FORMULAS(DEFINE)

#define ROW(name, ...) [WG_RULE_##name] = formula_##name,
static const formula formulas[WG_RULE_COUNT] = {FORMULAS(ROW)};

void random_program_reference(const random_program *program, const double *x, const double *v,
                              long double *y, long double *dy) {
    const int count = program->inputs + program->operations;
    real(*node)[2] = malloc((size_t)count * sizeof *node); /* value, tangent */
    for (int i = 0; i < program->inputs; i++) {
        node[i][0] = x[i];
        node[i][1] = v[i];
    }
    for (int i = 0; i < program->operations; i++) {
        const random_operation *op = &program->operation[i];
        real in[3] = {0, 0, 0}, tangent[3] = {0, 0, 0}, partial[3];
        const int arity = wg_rule_infos[op->rule].arity;
        for (int k = 0; k < arity; k++) {
            const bool is_node = op->in[k].from == RANDOM_NODE;
            in[k] = is_node ? node[op->in[k].at][0] : (real)op->in[k].number;
            tangent[k] = is_node ? node[op->in[k].at][1] : 0;
        }
        real *to = node[program->inputs + i];
        formulas[op->rule](in, &to[0], partial);
        to[1] = 0;
        for (int k = 0; k < arity; k++) {
            to[1] += tangent[k] == 0 ? 0 : tangent[k] * partial[k];
        }
    }
    for (int k = 0; k < program->outputs; k++) {
        const random_operand *out = &program->output[k];
        y[k] = out->from == RANDOM_NODE ? node[out->at][0] : (real)out->number;
        dy[k] = out->from == RANDOM_NODE ? node[out->at][1] : 0;
    }
    free(node);
}
