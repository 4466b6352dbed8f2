/* Recording: what becomes of a body, what is refused, what steered it. */
#include "wengert.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static void waves(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    y[0] = wg_add(wg_mul(wg_sin(x[0]), wg_square(x[1])), wg_tanh(wg_div(x[0], x[1])));
}

static double plain_waves(const double *x) {
    return sin(x[0]) * x[1] * x[1] + tanh(x[0] / x[1]);
}

static wg_function *record(wg_function_body body, int inputs, int outputs, const double *at) {
    wg_function *fn = wg_function_record(body, NULL, inputs, outputs, at, wg_function_defaults());
    cr_assert_not_null(fn, "%s", wg_last_message());
    return fn;
}

Test(record, values_and_gradients_of_one_point_and_of_many) {
    wg_function *fn = record(waves, 2, 1, NULL);
    enum {
        COUNT = 1000
    };
    static double x[COUNT][2], y[COUNT], g[COUNT][2], alone[2], value;
    for (int p = 0; p < COUNT; p++) {
        x[p][0] = 0.01 * p - 3;
        x[p][1] = 1.5 + cos(p);
    }
    cr_assert_eq(wg_function_gradient(fn, COUNT, x[0], y, g[0]), WG_OK, "%s", wg_last_message());
    for (int p = 0; p < COUNT; p++) {
        cr_assert_float_eq(y[p], plain_waves(x[p]), 1e-14 * fmax(1, fabs(y[p])));
        cr_assert_eq(wg_function_gradient(fn, 1, x[p], &value, alone), WG_OK);
        for (int i = 0; i < 2; i++) {
            cr_assert_float_eq(alone[i], g[p][i], 1e-13 * fmax(1, fabs(g[p][i])));
        }
    }
    wg_function_free(fn);
}

static void says_twice(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    wg_var a = wg_mul(wg_exp(x[0]), 1), b = wg_exp(wg_neg(wg_neg(x[0])));
    wg_var unused = wg_log(x[0]);
    (void)unused;
    y[0] = wg_add(wg_mul(a, b), wg_mul(wg_sqrt(wg_sub(x[0], x[0])), 0));
    y[1] = wg_div(x[0], 4);
}

Test(record, the_optimiser_reports_what_it_did) {
    wg_function *fn = record(says_twice, 1, 2, NULL);
    wg_function_report report;
    cr_assert_eq(wg_function_report_of(fn, &report), WG_OK);
    cr_assert_geq(report.common, 1);
    cr_assert_geq(report.identities, 4); /* ·1, −−, e·e = e², /4 = ·¼ */
    cr_assert_lt(report.operations, report.recorded);
    double x = 0.3, y[2];
    cr_assert_eq(wg_function_value(fn, 1, &x, y), WG_OK);
    cr_assert_float_eq(y[0], exp(0.6), 1e-15);
    cr_assert_eq(y[1], 0.075);
    wg_function_free(fn);
}

static void two_sided(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    y[0] = wg_branch(wg_lt(x[0], 0)) ? wg_neg(x[0]) : wg_square(x[0]);
}

Test(record, branches_are_checked_again) {
    const double at = 1;
    wg_function *fn = record(two_sided, 1, 1, &at);
    const double x[] = {2, 0, -1, 3};
    uint8_t holds[4];
    cr_assert_eq(wg_function_recheck(fn, 4, x, holds), WG_ERROR_STATE);
    cr_assert_not_null(strstr(wg_last_message(), "1 of 4 points"), "%s", wg_last_message());
    cr_assert_not_null(strstr(wg_last_message(), "point 2"), "%s", wg_last_message());
    const uint8_t want[] = {1, 1, 0, 1};
    cr_assert_eq(memcmp(holds, want, 4), 0);
    cr_assert_eq(wg_function_recheck(fn, 2, x, NULL), WG_OK);
    wg_function_report report;
    cr_assert_eq(wg_function_report_of(fn, &report), WG_OK);
    cr_assert_eq(report.branches, 1);
    wg_function_free(fn);
}

static void steered_by_an_input(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    y[0] = wg_branch(x[0]) ? wg_mul(x[0], 3) : wg_number(0);
}

Test(record, an_input_that_steers_stays_an_input) {
    wg_function *fn = record(steered_by_an_input, 1, 1, NULL);
    const double x[] = {2, 0};
    double y[2];
    cr_assert_eq(wg_function_value(fn, 2, x, y), WG_OK);
    cr_assert_eq(y[0], 6);
    cr_assert_eq(wg_function_recheck(fn, 2, x, NULL), WG_ERROR_STATE);
    cr_assert_not_null(strstr(wg_last_message(), "point 1"), "%s", wg_last_message());
    wg_function_free(fn);
}

static void resets(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    wg_tape_reset(x[0].tape);
    y[0] = wg_number(1);
}

Test(record, a_body_that_resets_the_tape_is_refused) {
    cr_assert_null(wg_function_record(resets, NULL, 40, 1, NULL, wg_function_defaults()));
    cr_assert_not_null(strstr(wg_last_message(), "input 0"), "%s", wg_last_message());
}

Test(record, without_inputs_any_output_may_name_the_tape) {
    wg_tape *tape = wg_tape_new();
    const wg_var y[2] = {wg_number(1), wg_exp(wg_scalar(tape, 0))};
    wg_function *fn = wg_function_from(NULL, 0, y, 2, wg_function_defaults());
    cr_assert_not_null(fn, "%s", wg_last_message());
    wg_function_free(fn);
    wg_tape_free(tape);
}

static void peeks(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    y[0] = wg_value(x[0]) > 0 ? wg_exp(x[0]) : x[0];
}

Test(record, values_that_were_read_are_counted) {
    wg_function *fn = record(peeks, 1, 1, NULL);
    wg_function_report report;
    cr_assert_eq(wg_function_report_of(fn, &report), WG_OK);
    cr_assert_eq(report.values_read, 1);
    wg_function_free(fn);
}

static void by_arrays(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    wg_var v = wg_stack(x[0].tape, 2, x);
    y[0] = wg_at(wg_exp(v), 0);
}

static void fails(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    wg_var v = wg_stack(x[0].tape, 2, x);
    y[0] = wg_at(v, 7);
}

static void forgets(const wg_var *x, wg_var *y, void *context) {
    (void)x, (void)y, (void)context;
}

Test(record, what_cannot_be_recorded_says_so) {
    wg_function_options options = wg_function_defaults();
    cr_assert_null(wg_function_record(by_arrays, NULL, 2, 1, NULL, options));
    cr_assert_not_null(strstr(wg_last_message(), "exp"), "%s", wg_last_message());
    cr_assert_null(wg_function_record(fails, NULL, 2, 1, NULL, options));
    cr_assert_not_null(strstr(wg_last_message(), "element 7"), "%s", wg_last_message());
    cr_assert_null(wg_function_record(waves, NULL, 2, 0, NULL, options));
    wg_function *fn = wg_function_record(forgets, NULL, 1, 1, NULL, options);
    double x = 1, y = 0;
    cr_assert_eq(wg_function_value(fn, 1, &x, &y), WG_OK);
    cr_assert(isnan(y));
    cr_assert_eq(wg_function_gradient(fn, -1, &x, &y, &y), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_function_gradient(fn, 1, NULL, &y, &y), WG_ERROR_ARGUMENT);
    wg_function_free(fn);
}

Test(record, from_variables_on_a_tape) {
    wg_tape *tape = wg_tape_new();
    wg_var x[2] = {wg_scalar(tape, 2), wg_scalar(tape, 3)}, frozen = wg_scalar(tape, 10);
    wg_var middle = wg_mul(x[0], x[1]);
    wg_var y[2] = {wg_add(wg_mul(middle, middle), frozen), wg_number(7)};
    wg_function *fn = wg_function_from(x, 2, y, 2, wg_function_defaults());
    cr_assert_not_null(fn, "%s", wg_last_message());
    const double at[] = {1, 2};
    double got[2], jacobian[2][2];
    cr_assert_eq(wg_function_jacobian(fn, 1, at, got, jacobian[0]), WG_OK);
    cr_assert_eq(got[0], 14);
    cr_assert_eq(got[1], 7);
    cr_assert_eq(jacobian[0][0], 8);
    cr_assert_eq(jacobian[0][1], 4);
    cr_assert_eq(jacobian[1][0], 0);
    wg_function_free(fn);
    /* An intermediate may be an input: what it was made of does not count then. */
    fn = wg_function_from(&middle, 1, y, 1, wg_function_defaults());
    cr_assert_not_null(fn, "%s", wg_last_message());
    cr_assert_eq(wg_function_value(fn, 1, at, got), WG_OK);
    cr_assert_eq(got[0], 11);
    wg_function_free(fn);
    const wg_var same[2] = {x[0], x[0]};
    cr_assert_null(wg_function_from(same, 2, y, 1, wg_function_defaults()));
    wg_tape_reset(tape);
    cr_assert_null(wg_function_from(x, 2, y, 1, wg_function_defaults()));
    wg_tape_free(tape);
}

static void less_itself(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    y[0] = wg_sub(x[0], x[0]);
}

Test(record, a_difference_of_equals_is_plus_zero_for_either_zero) {
    wg_function *fn = record(less_itself, 1, 1, NULL);
    const double x = -0.0;
    double y = 1;
    cr_assert_eq(wg_function_value(fn, 1, &x, &y), WG_OK);
    cr_assert(y == 0 && !signbit(y), "%g", y);
    wg_function_report report;
    cr_assert_eq(wg_function_report_of(fn, &report), WG_OK);
    cr_assert_eq(report.operations, 1);
    wg_function_free(fn);
}
