/* Exact programs: identities and steps that change no bit, whatever the operands. */
#include "function/function.h"
#include "wengert/elementwise.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static const double specials[] = {
    0.0, -0.0, 1, -1, 2, -0.5, 3, 1e-310, -1e300, (double)INFINITY, -(double)INFINITY, (double)NAN};

enum {
    SPECIALS = sizeof specials / sizeof specials[0],
    /* x, -x, |x|, x squared, y, -y, -(-x), and the numbers themselves */
    PLAIN = 7,
    FORMS = PLAIN + SPECIALS
};

static uint32_t built(wg_builder *b, int form) {
    switch (form) {
    case 0:
        return 0;
    case 1:
        return wg_build_rule(b, WG_RULE_neg, 0, 0, 0);
    case 2:
        return wg_build_rule(b, WG_RULE_abs, 0, 0, 0);
    case 3:
        return wg_build_rule(b, WG_RULE_square, 0, 0, 0);
    case 4:
        return 1;
    case 5:
        return wg_build_rule(b, WG_RULE_neg, 1, 0, 0);
    case 6:
        return wg_build_rule(b, WG_RULE_neg, built(b, 1), 0, 0);
    default:
        return wg_build_constant(b, specials[form - PLAIN]);
    }
}

static double plain(const double *x, int form) {
    const double of[PLAIN] = {x[0], -x[0], fabs(x[0]), x[0] * x[0], x[1], -x[1], x[0]};
    return form < PLAIN ? of[form] : specials[form - PLAIN];
}

static bool same_bits(double a, double b) {
    return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

/* A rule on every pair of forms (the third operand is x or -0), at every pair of numbers. */
static void expect_exact(wg_rule_index rule, int third) {
    static uint32_t output[FORMS * FORMS];
    static double y[FORMS * FORMS];
    wg_builder b;
    wg_build_begin(&b, 2, false);
    for (int i = 0; i < FORMS * FORMS; i++) {
        const uint32_t first = built(&b, i / FORMS), second = built(&b, i % FORMS);
        output[i] = wg_build_rule(&b, rule, first, second, built(&b, third));
    }
    wg_program *program = wg_build_finish(&b, FORMS * FORMS, output, "test");
    const wg_function_report report = {0};
    wg_function *fn = wg_function_make(program, NULL, NULL, false, &report);
    cr_assert_not_null(fn, "%s", wg_last_message());
    for (int k = 0; k < SPECIALS * SPECIALS; k++) {
        const double x[2] = {specials[k / SPECIALS], specials[k % SPECIALS]};
        cr_assert_eq(wg_function_value(fn, 1, x, y), WG_OK);
        for (int i = 0; i < FORMS * FORMS; i++) {
            const double a = plain(x, i / FORMS), c = plain(x, i % FORMS);
            const double want = wg_rule_infos[rule].value(a, c, plain(x, third));
            cr_assert(same_bits(y[i], want), "%s(%g, %g) of forms %d and %d is %g, not %g",
                      wg_rule_infos[rule].name, a, c, i / FORMS, i % FORMS, y[i], want);
        }
    }
    wg_function_free(fn);
}

Test(identities, no_identity_changes_a_bit) {
    for (int rule = 0; rule < WG_RULE_COUNT; rule++) {
        expect_exact((wg_rule_index)rule, 0);
        if (wg_rule_infos[rule].arity == 3) {
            expect_exact((wg_rule_index)rule, PLAIN + 1);
        }
    }
}

/* One a function: a product that is used twice is not taken into a sum. */
static void sum_of_product(const wg_var *x, wg_var *y, void *context) {
    const wg_var forms[] = {
        wg_add(wg_mul(x[0], x[1]), x[2]), wg_sub(wg_mul(x[0], x[1]), x[2]),
        wg_sub(x[2], wg_mul(x[0], x[1])), wg_add(wg_mul(x[0], 1.1), x[2]),
        wg_sub(wg_mul(x[0], 1.1), x[2]),  wg_add(wg_square(x[0]), x[2]),
    };
    y[0] = forms[*(const int *)context];
}

/* A compiler that may contract them would: it must not. */
Test(identities, products_in_sums_are_rounded_in_blocks_too) {
    enum {
        COUNT = 100
    };
    static double x[COUNT][3], y[COUNT];
    for (int p = 0; p < COUNT; p++) {
        x[p][0] = 1 + 0.01 * p;
        x[p][1] = 1.3 - 0.007 * p;
        x[p][2] = -x[p][0] * x[p][1];
    }
    for (int form = 0; form < 6; form++) {
        wg_function *fn =
            wg_function_record(sum_of_product, &form, 3, 1, NULL, wg_function_defaults());
        wg_function_report report;
        cr_assert_eq(wg_function_report_of(fn, &report), WG_OK);
        cr_assert_eq(report.fused, form < 5 ? 1 : 0); /* run as one step, rounded as two */
        cr_assert_eq(wg_function_value(fn, COUNT, x[0], y), WG_OK);
        for (int p = 0; p < COUNT; p++) {
            const volatile double xy = x[p][0] * x[p][1], xn = x[p][0] * 1.1;
            const volatile double xx = x[p][0] * x[p][0];
            const double z = x[p][2];
            const double want[6] = {xy + z, xy - z, z - xy, xn + z, xn - z, xx + z};
            cr_assert_eq(memcmp(&y[p], &want[form], sizeof y[p]), 0, "form %d, point %d: %g %g",
                         form, p, y[p], want[form]);
        }
        wg_function_free(fn);
    }
}

static void small_divisor(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    y[0] = wg_div(x[0], 0x1p-149);
    y[1] = wg_div(x[0], 0x1p140);
}

/* The reciprocal of a number that single precision holds may be one that it does not. */
Test(identities, divisions_by_powers_of_two_hold_in_single_precision) {
    wg_function *fn = wg_function_record(small_divisor, NULL, 1, 2, NULL, wg_function_defaults());
    const float x = 0x1p-100f;
    float y[2];
    cr_assert_eq(wg_function_value_f32(fn, 1, &x, y), WG_OK);
    cr_assert_eq(y[0], 0x1p49f, "%g", (double)y[0]);
    cr_assert_eq(y[1], 0, "%g", (double)y[1]);
    wg_function_free(fn);
}

/* ---- Statuses -------------------------------------------------------------------------------- */

/* A program of so many inputs that no derivative of it fits; its terms are never looked at. */
static wg_function *vast(void) {
    wg_program *program = wg_calloc(1, sizeof *program);
    const wg_function_report report = {0};
    program->inputs = program->count = WG_MOST_TERMS;
    program->outputs = 1;
    return wg_function_make(program, NULL, NULL, false, &report);
}

Test(identities, what_exceeds_a_limit_is_not_called_a_lack_of_memory) {
    wg_function *fn = vast();
    const double x = 0;
    double y = 0, *none = NULL;
    cr_assert_eq(wg_function_vjp(fn, 0, &x, &x, &y, &y), WG_ERROR_LIMIT, "%s", wg_last_message());
    cr_assert_eq(wg_function_jvp(fn, 0, &x, &x, &y, &y), WG_ERROR_LIMIT);
    cr_assert_eq(wg_function_hvp(fn, 0, &x, NULL, &x, &y), WG_ERROR_LIMIT);
    cr_assert_eq(wg_function_hessian(fn, 0, &x, NULL, none), WG_ERROR_LIMIT);
    cr_assert_eq(wg_function_jacobian(fn, 0, &x, &y, none), WG_ERROR_LIMIT);
    wg_function_free(fn);
}
