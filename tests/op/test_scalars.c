/* test_scalars.c: every elementwise rule on scalars of a tape: value, first and second derivative,
 * beside plain numbers, with equal operands, and without a tape. */
#include "../function/random_program.h"
#include "op/rules.h"
#include "wengert.h"
#include "wengert/check.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>

/* ---- What the values must be: long double, written apart from the table ---------------------- */

typedef long double real;

static real polygamma_of(int n, real y) { /* sums (k + y)^-(n+1), and Euler and Maclaurin's rest */
    real sum = 0, sign = n % 2 == 0 ? -1 : 1, factorial = tgammal((real)n + 1);
    const int terms = 2000;
    for (int k = 0; k < terms; k++) {
        sum += powl((real)k + y, -(real)(n + 1));
    }
    real m = (real)terms + y;
    sum += powl(m, -(real)n) / n + 0.5L * powl(m, -(real)(n + 1)) +
           (real)(n + 1) / 12 * powl(m, -(real)(n + 2));
    return sign * factorial * sum;
}

static real digamma_of(real x) {
    real shift = 0;
    for (; x < 2000; x += 1) {
        shift -= 1 / x;
    }
    real square = x * x;
    return shift + logl(x) - 0.5L / x - 1 / (12 * square) + 1 / (120 * square * square);
}

#define PI 3.14159265358979323846264338327950288L

static real erfinv_of(real x) { /* by halves */
    real low = -6, high = 6;
    for (int k = 0; k < 100; k++) {
        const real middle = (low + high) / 2;
        *(erfl(middle) < x ? &low : &high) = middle;
    }
    return low;
}

#define EXPECT_U(X)                                                                                \
    X(neg, -x)                                                                                     \
    X(square, x *x)                                                                                \
    X(sqrt, sqrtl(x))                                                                              \
    X(cbrt, cbrtl(x))                                                                              \
    X(exp, expl(x))                                                                                \
    X(expm1, expm1l(x))                                                                            \
    X(exp2, exp2l(x))                                                                              \
    X(log, logl(x))                                                                                \
    X(log1p, log1pl(x))                                                                            \
    X(log2, log2l(x))                                                                              \
    X(log10, log10l(x))                                                                            \
    X(sin, sinl(x))                                                                                \
    X(cos, cosl(x))                                                                                \
    X(tan, tanl(x))                                                                                \
    X(asin, asinl(x))                                                                              \
    X(acos, acosl(x))                                                                              \
    X(atan, atanl(x))                                                                              \
    X(sinh, sinhl(x))                                                                              \
    X(cosh, coshl(x))                                                                              \
    X(tanh, tanhl(x))                                                                              \
    X(asinh, asinhl(x))                                                                            \
    X(acosh, acoshl(x))                                                                            \
    X(atanh, atanhl(x))                                                                            \
    X(erf, erfl(x))                                                                                \
    X(erfc, erfcl(x))                                                                              \
    X(lgamma, lgammal(x))                                                                          \
    X(digamma, digamma_of(x))                                                                      \
    X(abs, fabsl(x))                                                                               \
    X(sign, x > 0 ? 1 : x < 0 ? -1 : 0)                                                            \
    X(heaviside, x > 0 ? 1 : 0)                                                                    \
    X(floor, floorl(x))                                                                            \
    X(ceil, ceill(x))                                                                              \
    X(round, rintl(x))                                                                             \
    X(sigmoid, 1 / (1 + expl(-x)))                                                                 \
    X(softplus, log1pl(expl(x)))                                                                   \
    X(relu, fmaxl(x, 0))                                                                           \
    X(logsigmoid, -log1pl(expl(-x)))                                                               \
    X(silu, x / (1 + expl(-x)))                                                                    \
    X(tanh_softplus, tanhl(log1pl(expl(x))))                                                       \
    X(mish, x *tanhl(log1pl(expl(x))))                                                             \
    X(gelu, x *erfcl(-x *sqrtl(0.5L)) / 2)                                                         \
    X(gelu_tanh, x / 2 * (1 + tanhl(sqrtl(2 / PI) * (x + 0.044715L * x * x * x))))                 \
    X(selu, 1.05070098735548049341933498529L *                                                     \
                (x > 0 ? x : 1.67326324235437728481704299167L * expm1l(x)))                        \
    X(hardsigmoid, fminl(fmaxl(x / 6 + 0.5L, 0), 1))                                               \
    X(hardswish, x *fminl(fmaxl(x / 6 + 0.5L, 0), 1))                                              \
    X(softsign, x / (1 + fabsl(x)))                                                                \
    X(reciprocal, 1 / x)                                                                           \
    X(rsqrt, 1 / sqrtl(x))                                                                         \
    X(trunc, truncl(x))                                                                            \
    X(frac, x - truncl(x))                                                                         \
    X(logit, logl(x) - log1pl(-x))                                                                 \
    X(sinc, sinl(PI *x) / (PI * x))                                                                \
    X(erfinv, erfinv_of(x))                                                                        \
    X(isnan, 0)                                                                                    \
    X(isinf, 0)                                                                                    \
    X(isfinite, 1)                                                                                 \
    X(logical_not, 0)                                                                              \
    X(add, x + y)                                                                                  \
    X(sub, x - y)                                                                                  \
    X(mul, x *y)                                                                                   \
    X(div, x / y)                                                                                  \
    X(azmul, x *y)                                                                                 \
    X(pow, powl(x, y))                                                                             \
    X(atan2, atan2l(x, y))                                                                         \
    X(hypot, hypotl(x, y))                                                                         \
    X(max, fmaxl(x, y))                                                                            \
    X(min, fminl(x, y))                                                                            \
    X(lt, x < y)                                                                                   \
    X(le, x <= y)                                                                                  \
    X(gt, x > y)                                                                                   \
    X(ge, x >= y)                                                                                  \
    X(eq, x == y)                                                                                  \
    X(ne, x != y)                                                                                  \
    X(leaky_relu, x > 0 ? x : x * y)                                                               \
    X(elu, x > 0 ? x : y * expm1l(x))                                                              \
    X(celu, x > 0 ? x : y * expm1l(x / y))                                                         \
    X(softshrink, copysignl(fmaxl(fabsl(x) - y, 0), x))                                            \
    X(hardshrink, fabsl(x) > y ? x : 0)                                                            \
    X(fmod, fmodl(x, y))                                                                           \
    X(remainder, x - y * floorl(x / y))                                                            \
    X(xlogy, x *logl(y))                                                                           \
    X(gap, x - y)                                                                                  \
    X(logaddexp, logl(expl(x) + expl(y)))                                                          \
    X(logical_and, 1)                                                                              \
    X(logical_or, 1)                                                                               \
    X(logical_xor, 0)                                                                              \
    X(sinc_order, (sinl(PI * y) / (PI * y) - cosl(PI * y)) / (PI * PI * y * y))                    \
    X(hardtanh, fminl(fmaxl(x, y), z))                                                             \
    X(threshold, x > y ? x : z)                                                                    \
    X(lerp, x + z * (y - x))                                                                       \
    X(polygamma, polygamma_of((int)x, y))                                                          \
    X(fma, x *y + z)                                                                               \
    X(where, x != 0 ? y : z)                                                                       \
    X(clamp, fminl(fmaxl(x, y), z))

#define EXPECT(name, text)                                                                         \
    static real expect_##name(real x, real y, real z) {                                            \
        (void)x, (void)y, (void)z;                                                                 \
        return text;                                                                               \
    }
EXPECT_U(EXPECT)

/* A rule that is missing above does not compile. */
#define EXPECT_POINTER(name, ...) expect_##name,
static real (*const expected[WG_RULE_COUNT])(real, real, real) = {
    WG_RULES_ARITHMETIC(EXPECT_POINTER) WG_RULES_UNARY(EXPECT_POINTER)
        WG_RULES_BINARY(EXPECT_POINTER) WG_RULES_TERNARY(EXPECT_POINTER)};

/* Point number k of a rule, within the table's ranges. */
#define POINTS 7
static void point(int rule, int k, double *x) {
    const wg_rule_info *info = &wg_rule_infos[rule];
    for (int i = 0; i < 3; i++) {
        double share = ((double)((k * (3 + 2 * i) + i) % POINTS) + 0.5) / POINTS;
        x[i] = info->low[i] + share * (info->high[i] - info->low[i]);
    }
}

static bool fixed(int rule, int i) {
    return wg_rule_infos[rule].low[i] == wg_rule_infos[rule].high[i];
}

/* Row indices alone: Criterion 2.4.1 moves parameters to another address. */
static struct criterion_test_params rules(void) {
    static int rows[WG_RULE_COUNT];
    for (int i = 0; i < WG_RULE_COUNT; i++) {
        rows[i] = i;
    }
    return cr_make_param_array(int, rows, WG_RULE_COUNT);
}

/* ---- Values ---------------------------------------------------------------------------------- */

ParameterizedTestParameters(scalars, values_and_numbers_alone) {
    return rules();
}

ParameterizedTest(int *row, scalars, values_and_numbers_alone) {
    const wg_rule_info *info = &wg_rule_infos[*row];
    wg_tape *tape = wg_tape_new();
    for (int k = 0; k < POINTS; k++) {
        double x[3];
        point(*row, k, x);
        double want = (double)expected[*row](x[0], x[1], x[2]);
        for (int numbers = 0; numbers < 1 << info->arity; numbers++) {
            wg_var in[3];
            for (int i = 0; i < info->arity; i++) {
                in[i] = (numbers >> i & 1) != 0 ? wg_number(x[i]) : wg_scalar(tape, x[i]);
            }
            wg_var got = random_verb(*row, in);
            cr_assert_float_eq(wg_value(got), want, 4e-15 * fmax(1, fabs(want)),
                               "%s(%g, %g, %g): %.17g, not %.17g", info->name, x[0], x[1], x[2],
                               wg_value(got), want);
            cr_assert_eq(got.tape == NULL, numbers == (1 << info->arity) - 1,
                         "%s: a number only among numbers", info->name);
        }
    }
    cr_assert_eq(wg_tape_status(tape), WG_OK, "%s", wg_tape_message(tape));
    wg_tape_free(tape);
}

/* ---- Derivatives against five-point differences -----------------------------------------------
 */

typedef struct plan {
    int rule;
    int numbers; /* bit i: operand i is a plain number */
    bool same;   /* all operands are xs[0] */
    bool again;  /* record once before, so that the plain operands are already known to the tape */
    double x[3];
} plan;

static wg_var planned(wg_tape *tape, const wg_var *xs, int n, void *context) {
    (void)tape, (void)n;
    const plan *p = context;
    wg_var in[3];
    int next = 0;
    for (int i = 0; i < wg_rule_infos[p->rule].arity; i++) {
        bool number = (p->numbers >> i & 1) != 0;
        in[i] = p->same ? xs[0] : number ? wg_number(p->x[i]) : xs[next++];
    }
    if (p->again) {
        (void)random_verb(p->rule, in);
    }
    return random_verb(p->rule, in);
}

static void check(const plan *p) {
    wg_view inputs[3];
    double x[3];
    int n = 0;
    for (int i = 0; i < wg_rule_infos[p->rule].arity; i++) {
        if ((p->numbers >> i & 1) == 0 && (n == 0 || !p->same)) {
            x[n] = p->x[i];
            inputs[n] = (wg_view){.dtype = WG_F64, .data = &x[n]};
            n++;
        }
    }
    wg_check_report report;
    wg_check_options options = {.second = true, .tolerance = 1e-7};
    wg_status status = wg_check_gradient(planned, (void *)p, n, inputs, options, &report);
    cr_assert_eq(status, WG_OK, "%s with numbers %d at (%g, %g, %g): %s",
                 wg_rule_infos[p->rule].name, p->numbers, p->x[0], p->x[1], p->x[2],
                 wg_last_message());
    cr_assert_geq(report.compared, n);
}

ParameterizedTestParameters(scalars, derivatives_beside_numbers) {
    return rules();
}

ParameterizedTest(int *row, scalars, derivatives_beside_numbers) {
    int arity = wg_rule_infos[*row].arity;
    for (int k = 0; k < POINTS; k++) {
        for (int numbers = 0; numbers < (1 << arity) - 1; numbers++) {
            plan p = {.rule = *row, .numbers = numbers, .again = k % 2 == 0};
            point(*row, k, p.x);
            for (int i = 0; i < arity; i++) {
                p.numbers |= fixed(*row, i) ? 1 << i : 0;
            }
            if (p.numbers != (1 << arity) - 1) {
                check(&p);
            }
        }
    }
}

ParameterizedTestParameters(scalars, equal_operands) {
    return rules();
}

ParameterizedTest(int *row, scalars, equal_operands) {
    const bool kinks = *row == WG_RULE_fmod || *row == WG_RULE_remainder ||
                       *row == WG_RULE_hardtanh || *row == WG_RULE_threshold ||
                       *row == WG_RULE_softshrink || *row == WG_RULE_hardshrink;
    if (kinks || fixed(*row, 0) || wg_rule_infos[*row].arity == 1) {
        return; /* an order is a whole number; one operand cannot be equal */
    }
    plan p = {.rule = *row, .same = true, .x = {0.7, 0.7, 0.7}};
    check(&p);
}

/* ---- The inline forms -------------------------------------------------------------------------
 */

#define INLINE_FORMS(X)                                                                            \
    X(wg_add(x, 1.5), x + 1.5, 1)                                                                  \
    X(wg_add(1.5, x), x + 1.5, 1)                                                                  \
    X(wg_sub(x, 1.5), x - 1.5, 1)                                                                  \
    X(wg_sub(1.5, x), 1.5 - x, -1)                                                                 \
    X(wg_mul(x, 1.5), x * 1.5, 1.5)                                                                \
    X(wg_mul(1.5, x), x * 1.5, 1.5)                                                                \
    X(wg_div(x, 1.5), x / 1.5, 1 / 1.5)                                                            \
    X(wg_div(1.5, x), 1.5 / x, -1.5 / (x * x))                                                     \
    X(wg_pow(x, 3), x *x *x, 3 * x * x)                                                            \
    X(wg_pow(x, 2), x *x, 2 * x)                                                                   \
    X(wg_pow(x, 1), x, 1)                                                                          \
    X(wg_pow(x, 0), 1, 0)                                                                          \
    X(wg_pow(x, -1), 1 / x, -1 / (x * x))                                                          \
    X(wg_pow(2, x), pow(2, x), pow(2, x) * log(2))                                                 \
    X(wg_mul(x, x), x *x, 2 * x)                                                                   \
    X(wg_add(x, x), 2 * x, 2)                                                                      \
    X(wg_sub(x, x), 0, 0)                                                                          \
    X(wg_div(x, x), 1, 0)                                                                          \
    X(wg_add(x, 0.0), x, 1)                                                                        \
    X(wg_sub(x, 0.0), x, 1)                                                                        \
    X(wg_sub(0.0, x), -x, -1)                                                                      \
    X(wg_mul(x, -0.0), -0.0 * x, 0)                                                                \
    X(wg_add(x, 3), x + 3, 1) /* an int */                                                         \
    X(wg_mul(2.5f, x), 2.5 * x, 2.5)

/* Twice each: the first time the number is new to the tape, the second time it is found. */
#define INLINE_CHECK(form, value_text, slope_text)                                                 \
    for (int time = 0; time < 2; time++) {                                                         \
        double at = 1.25, value, slope;                                                            \
        wg_zero_adjoints(tape);                                                                    \
        wg_var leaf = wg_scalar(tape, at), y;                                                      \
        {                                                                                          \
            const wg_var x = leaf;                                                                 \
            y = form;                                                                              \
        }                                                                                          \
        {                                                                                          \
            const double x = at;                                                                   \
            value = value_text;                                                                    \
            slope = slope_text;                                                                    \
            (void)x;                                                                               \
        }                                                                                          \
        cr_expect_float_eq(wg_value(y), value, 1e-15, "%s", #form);                                \
        cr_assert_eq(wg_backward(y), WG_OK);                                                       \
        cr_expect_float_eq(wg_adjoint(leaf), slope, 2e-15, "%s: %g", #form, wg_adjoint(leaf));     \
    }

Test(scalars, inline_forms) {
    wg_tape *tape = wg_tape_new();
    INLINE_FORMS(INLINE_CHECK)
    wg_tape_reset(tape); /* the numbers of the old life must be forgotten */
    INLINE_FORMS(INLINE_CHECK)
    cr_assert_eq(wg_tape_status(tape), WG_OK, "%s", wg_tape_message(tape));
    wg_tape_free(tape);
}

Test(scalars, more_numbers_than_the_tape_remembers) {
    wg_tape *tape = wg_tape_new();
    wg_var x = wg_scalar(tape, 1), y = wg_mul(x, 0);
    double sum = 0;
    for (int round = 0; round < 3; round++) {
        for (int k = 0; k < 1000; k++) {
            double c = (double)k * 0.37 - 100;
            y = wg_add(y, wg_mul(x, c));
            sum += c;
        }
    }
    cr_assert_eq(wg_backward(y), WG_OK);
    cr_assert_float_eq(wg_adjoint(x), sum, 1e-8);
    cr_assert_float_eq(wg_value(y), sum, 1e-8);
    wg_tape_free(tape);
}

/* Scalars from before a scope take the slow way; what they give must be the same. */
ParameterizedTestParameters(scalars, operands_of_an_older_segment) {
    return rules();
}

ParameterizedTest(int *row, scalars, operands_of_an_older_segment) {
    wg_tape *tape = wg_tape_new();
    double x[3];
    point(*row, 3, x);
    wg_var in[3], old[3];
    for (int i = 0; i < 3; i++) {
        old[i] = wg_scalar(tape, x[i]);
    }
    wg_scope_mark mark = wg_scope_begin(tape);
    (void)wg_sin(old[0]);
    cr_assert_eq(wg_scope_end(tape, mark, NULL, 0), WG_OK);
    for (int i = 0; i < 3; i++) {
        in[i] = wg_scalar(tape, x[i]);
    }
    cr_assert_eq(wg_backward(wg_mul(random_verb(*row, old), 3)), WG_OK, "%s",
                 wg_tape_message(tape));
    cr_assert_eq(wg_backward(wg_mul(random_verb(*row, in), 3)), WG_OK);
    for (int i = 0; i < wg_rule_infos[*row].arity; i++) {
        cr_assert_eq(wg_adjoint(old[i]), wg_adjoint(in[i]), "%s", wg_rule_infos[*row].name);
    }
    wg_tape_free(tape);
}
