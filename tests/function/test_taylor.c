/* Series: known ones, those of every rule against derivatives, solutions of differential equations.
 */
#include "function/function.h"
#include "wengert.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

enum {
    ORDER = 12,
    WIDTH = ORDER + 1
};

static wg_function *record(wg_function_body body, void *context, int inputs, int outputs) {
    wg_function *fn =
        wg_function_record(body, context, inputs, outputs, NULL, wg_function_defaults());
    cr_assert_not_null(fn, "%s", wg_last_message());
    return fn;
}

static void several(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    y[0] = wg_exp(x[0]);
    y[1] = wg_sin(x[0]);
    y[2] = wg_div(1, wg_sub(1, x[0]));
    y[3] = wg_log1p(x[0]);
    y[4] = wg_pow(wg_add(1, x[0]), 2.5);
    y[5] = wg_square(wg_tanh(x[0]));
    y[6] = wg_number(7);
    y[7] = x[0];
}

Test(taylor, series_of_known_functions) {
    wg_function *fn = record(several, NULL, 1, 8);
    wg_taylor *taylor = wg_function_taylor(fn, ORDER);
    cr_assert_not_null(taylor, "%s", wg_last_message());
    wg_function_free(fn); /* not needed any more */
    double x[WIDTH] = {0, 1}, y[8][WIDTH], factorial = 1, binomial = 1;
    cr_assert_eq(wg_taylor_run(taylor, 1, x, y[0]), WG_OK);
    for (int k = 0; k <= ORDER; k++) {
        factorial *= k > 0 ? k : 1;
        cr_assert_float_eq(y[0][k], 1 / factorial, 1e-16);
        cr_assert_float_eq(y[1][k], k % 2 == 0 ? 0 : (k % 4 == 1 ? 1 : -1) / factorial, 1e-16);
        cr_assert_eq(y[2][k], 1);
        cr_assert_float_eq(y[3][k], k == 0 ? 0 : (k % 2 == 1 ? 1.0 : -1.0) / k, 1e-15);
        cr_assert_float_eq(y[4][k], binomial, 1e-14 * fmax(1, fabs(binomial)));
        binomial *= (2.5 - k) / (k + 1);
        cr_assert_eq(y[6][k], k == 0 ? 7 : 0);
        cr_assert_eq(y[7][k], x[k]);
    }
    /* tanh² x = x² - 2/3 x⁴ + 17/45 x⁶ - … */
    cr_assert_float_eq(y[5][2], 1, 1e-15);
    cr_assert_float_eq(y[5][4], -2.0 / 3, 1e-15);
    cr_assert_float_eq(y[5][6], 17.0 / 45, 1e-15);
    wg_taylor_free(taylor);
}

/* One rule of the table, its operands made of two inputs. */
static void one_rule(const wg_var *x, wg_var *y, void *context) {
    const wg_rule_info *info = &wg_rule_infos[*(const int *)context];
    wg_var in[3];
    for (int k = 0; k < 3; k++) {
        const double low = info->low[k], wide = info->high[k] - low;
        in[k] = wide == 0 ? wg_number(low)
                          : wg_add(low + 0.2 * wide, wg_mul(0.6 * wide, x[k == 1 ? 1 : 0]));
    }
    switch (info->arity) {
#define ONE(name, ...)                                                                             \
    case WG_RULE_##name:                                                                           \
        y[0] = (wg_##name)(in[0]);                                                                 \
        return;
#define TWO(name, ...)                                                                             \
    case WG_RULE_##name:                                                                           \
        y[0] = (wg_##name)(in[0], in[1]);                                                          \
        return;
#define THREE(name, ...)                                                                           \
    case WG_RULE_##name:                                                                           \
        y[0] = (wg_##name)(in[0], in[1], in[2]);                                                   \
        return;
    default:
        switch (info->index) {
            WG_RULES_ARITHMETIC(TWO)
            WG_RULES_UNARY(ONE) WG_RULES_BINARY(TWO) WG_RULES_TERNARY(THREE) default : return;
        }
    }
}

ParameterizedTestParameters(taylor, of_every_rule) {
    static int rows[WG_RULE_COUNT];
    for (int i = 0; i < WG_RULE_COUNT; i++) {
        rows[i] = i;
    }
    return cr_make_param_array(int, rows, WG_RULE_COUNT);
}

/* Along a line the first coefficient is the Jacobian-vector product, the second half of vᵀHv, and
 * the sum of the series is the function nearby. */
ParameterizedTest(int *row, taylor, of_every_rule) {
    wg_function *fn = record(one_rule, row, 2, 1);
    wg_taylor *taylor = wg_function_taylor(fn, ORDER);
    if (*row == WG_RULE_lgamma || *row == WG_RULE_digamma || *row == WG_RULE_polygamma ||
        *row == WG_RULE_sinc || *row == WG_RULE_sinc_order) {
        cr_assert_null(taylor);
        cr_assert_not_null(strstr(wg_last_message(), "never close"), "%s", wg_last_message());
        wg_function_free(fn);
        return;
    }
    cr_assert_not_null(taylor, "%s", wg_last_message());
    const double start[2] = {0.45, 0.55}, v[2] = {0.7, -0.4}, t = 0.05;
    double x[2][WIDTH] = {{start[0], v[0]}, {start[1], v[1]}}, y[WIDTH], sum = 0;
    double value, slope, hv[2], near;
    cr_assert_eq(wg_taylor_run(taylor, 1, x[0], y), WG_OK);
    cr_assert_eq(wg_function_jvp(fn, 1, start, v, &value, &slope), WG_OK);
    cr_assert_eq(wg_function_hvp(fn, 1, start, NULL, v, hv), WG_OK);
    const double bend = 0.5 * (v[0] * hv[0] + v[1] * hv[1]);
    cr_assert_eq(y[0], value);
    cr_assert_float_eq(y[1], slope, 1e-13 * fmax(1, fabs(slope)), "%g %g", y[1], slope);
    cr_assert_float_eq(y[2], bend, 1e-12 * fmax(1, fabs(bend)), "%g %g", y[2], bend);
    const double there[2] = {start[0] + t * v[0], start[1] + t * v[1]};
    cr_assert_eq(wg_function_value(fn, 1, there, &near), WG_OK);
    for (int k = ORDER; k >= 0; k--) {
        sum = sum * t + y[k];
    }
    cr_assert_float_eq(sum, near, 1e-12 * fmax(1, fabs(near)), "%.17g %.17g", sum, near);
    wg_taylor_free(taylor);
    wg_function_free(fn);
}

static void oscillator(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    y[0] = x[1];
    y[1] = wg_neg(wg_mul(x[2], x[0])); /* x[2]: a parameter */
}

Test(taylor, solutions_of_differential_equations) {
    wg_function *fn = record(oscillator, NULL, 3, 2);
    wg_taylor *taylor = wg_function_taylor_solution(fn, 20);
    cr_assert_not_null(taylor, "%s", wg_last_message());
    enum {
        COUNT = 40
    };
    static double x[COUNT][3], y[COUNT][2][21];
    for (int p = 0; p < COUNT; p++) {
        x[p][0] = 1 + 0.1 * p;
        x[p][1] = 0.5;
        x[p][2] = 0.3 + 0.1 * p;
    }
    cr_assert_eq(wg_taylor_run(taylor, COUNT, x[0], y[0][0]), WG_OK);
    for (int p = 0; p < COUNT; p++) {
        const double t = 0.4, w = sqrt(x[p][2]);
        double sum = 0;
        for (int k = 20; k >= 0; k--) {
            sum = sum * t + y[p][0][k];
        }
        const double exact = x[p][0] * cos(w * t) + x[p][1] / w * sin(w * t);
        cr_assert_float_eq(sum, exact, 1e-14 * fmax(1, fabs(exact)));
    }
    wg_taylor_free(taylor);
    cr_assert_null(wg_function_taylor(fn, -1));
    cr_assert_null(wg_function_taylor(fn, 101));
    cr_assert_eq(wg_taylor_run(NULL, 1, x[0], y[0][0]), WG_ERROR_ARGUMENT);
    wg_function_free(fn);
    fn = record(several, NULL, 1, 8);
    cr_assert_null(wg_function_taylor_solution(fn, 3)); /* eight rates of one input */
    wg_function_free(fn);
}
