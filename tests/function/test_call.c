/* Recorded functions as steps on a tape: of scalars, and of the rows of arrays. */
#include "function/function.h"
#include "wengert/array.h"
#include "wengert/check.h"
#include "wengert/elementwise.h"
#include "wengert/loop.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

/* Three inputs, two outputs, with a rule of each kind and a value used twice. */
static void mixed(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    wg_var a = wg_mul(wg_sin(x[0]), x[1]);
    y[0] = wg_add(wg_div(a, wg_add(2, wg_square(x[2]))), wg_exp(wg_mul(x[0], x[2])));
    y[1] = wg_sub(wg_tanh(a), wg_mul(wg_square(x[1]), x[2]));
}

static wg_function *record(wg_function_body body, int inputs, int outputs) {
    wg_function *fn = wg_function_record(body, NULL, inputs, outputs, NULL, wg_function_defaults());
    cr_assert_not_null(fn, "%s", wg_last_message());
    return fn;
}

static wg_var of_both(const wg_var *y) {
    return wg_add(wg_mul(y[0], wg_cos(y[1])), wg_mul(0.3, wg_square(y[1])));
}

static void expect_close(double got, double want, double tolerance) {
    cr_assert(fabs(got - want) <= tolerance * fmax(1, fabs(want)), "%.17g, not %.17g", got, want);
}

/* ---- Calls ------------------------------------------------------------------------------------
 */

Test(call, values_and_gradients_are_those_of_the_verbs) {
    wg_function *fn = record(mixed, 3, 2);
    for (int k = 0; k < 20; k++) {
        double value[2], gradient[2][2];
        for (int called = 0; called < 2; called++) {
            wg_tape *tape = wg_tape_new();
            wg_var a = wg_scalar(tape, sin(k)), b = wg_scalar(tape, 0.1 * k), y[2];
            wg_var x[3] = {wg_mul(a, b), b, wg_number(0.7)}; /* computed, a leaf, a number */
            if (called) {
                cr_assert_eq(wg_function_call(fn, x, y), WG_OK, "%s", wg_tape_message(tape));
            } else {
                mixed(x, y, NULL);
            }
            wg_var z = of_both(y);
            value[called] = wg_value(z);
            cr_assert_eq(wg_backward(z), WG_OK, "%s", wg_tape_message(tape));
            gradient[called][0] = wg_adjoint(a);
            gradient[called][1] = wg_adjoint(b);
            if (called) {
                cr_assert_eq(wg_tape_usage_of(tape).arrays, 1, "a call is one array operation");
            }
            wg_tape_free(tape);
        }
        expect_close(value[1], value[0], 1e-14);
        expect_close(gradient[1][0], gradient[0][0], 1e-13);
        expect_close(gradient[1][1], gradient[0][1], 1e-13);
    }
    wg_function_free(fn);
}

Test(call, one_scalar_may_be_several_inputs) {
    wg_function *fn = record(mixed, 3, 2);
    double gradient[2];
    for (int called = 0; called < 2; called++) {
        wg_tape *tape = wg_tape_new();
        wg_var a = wg_scalar(tape, 0.4), x[3] = {a, a, a}, y[2];
        called ? (void)wg_function_call(fn, x, y) : mixed(x, y, NULL);
        cr_assert_eq(wg_backward(of_both(y)), WG_OK);
        gradient[called] = wg_adjoint(a);
        wg_tape_free(tape);
    }
    expect_close(gradient[1], gradient[0], 1e-13);
    wg_function_free(fn);
}

Test(call, numbers_alone_need_no_tape_and_no_grad_gives_numbers) {
    wg_function *fn = record(mixed, 3, 2);
    wg_var x[3] = {wg_number(0.1), wg_number(0.2), wg_number(0.3)}, y[2], plain[2];
    mixed(x, plain, NULL);
    cr_assert_eq(wg_function_call(fn, x, y), WG_OK);
    cr_assert_null(y[0].tape);
    expect_close(y[0].as.number, plain[0].as.number, 1e-15);
    expect_close(y[1].as.number, plain[1].as.number, 1e-15);
    wg_tape *tape = wg_tape_new();
    x[0] = wg_scalar(tape, 0.1);
    wg_no_grad_begin(tape);
    cr_assert_eq(wg_function_call(fn, x, y), WG_OK);
    wg_no_grad_end(tape);
    cr_assert_null(y[1].tape);
    expect_close(y[1].as.number, plain[1].as.number, 1e-15);
    wg_tape_free(tape);
    wg_function_free(fn);
}

static void relax(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    y[0] = wg_add(wg_mul(0.9, x[0]), wg_mul(0.1, wg_sin(wg_mul(x[0], x[1]))));
    y[1] = wg_sub(x[1], wg_mul(1e-5, wg_square(x[0])));
}

Test(call, a_tape_of_100000_calls) {
    enum {
        CALLS = 100000
    };
    wg_function *fn = record(relax, 2, 2);
    double gradient[2][2];
    for (int called = 0; called < 2; called++) {
        wg_tape *tape = wg_tape_new();
        wg_var start[2] = {wg_scalar(tape, 1), wg_scalar(tape, 2)}, x[2] = {start[0], start[1]};
        for (int i = 0; i < CALLS; i++) {
            wg_var y[2];
            called ? (void)wg_function_call(fn, x, y) : relax(x, y, NULL);
            memcpy(x, y, sizeof x);
        }
        wg_var z = wg_add(wg_square(x[0]), wg_mul(3, x[1]));
        cr_assert_eq(wg_backward(z), WG_OK, "%s", wg_tape_message(tape));
        gradient[called][0] = wg_adjoint(start[0]);
        gradient[called][1] = wg_adjoint(start[1]);
        wg_tape_free(tape);
    }
    cr_assert_neq(gradient[0][1], 0);
    expect_close(gradient[1][0], gradient[0][0], 1e-10);
    expect_close(gradient[1][1], gradient[0][1], 1e-10);
    wg_function_free(fn);
}

static void cube(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    y[0] = wg_mul(wg_exp(x[0]), wg_mul(x[1], wg_square(x[1])));
}

/* d³/dx dy² (eˣ y³) = 6 eˣ y, by calls and by rows. */
Test(call, third_derivatives) {
    wg_function *fn = record(cube, 2, 1);
    const double at[2] = {0.3, 1.7};
    for (int rows = 0; rows < 2; rows++) {
        wg_tape *tape = wg_tape_new();
        wg_var x[2] = {wg_scalar(tape, at[0]), wg_scalar(tape, at[1])}, y, g;
        if (rows) {
            y = wg_at(wg_function_apply(fn, wg_stack(tape, 2, x)), 0);
        } else {
            (void)wg_function_call(fn, x, &y);
        }
        (void)wg_grad(y, &x[1], 1, &g);
        (void)wg_grad(g, &x[1], 1, &g);
        cr_assert_eq(wg_backward(g), WG_OK, "%s", wg_tape_message(tape));
        expect_close(wg_adjoint(x[0]), 6 * exp(at[0]) * at[1], 1e-13);
        expect_close(wg_adjoint(x[1]), 6 * exp(at[0]), 1e-13);
        wg_tape_free(tape);
    }
    wg_function_free(fn);
}

/* ---- Both as operations, against finite differences -------------------------------------------
 */

extern const wg_op wg_op_function_call, wg_op_function_apply;

static const wg_function *sampled; /* of this process: Criterion forks for every test */

static bool call_sample(int index, wg_sample *sample) {
    memset(sample, 0, sizeof *sample);
    sample->count = 3;
    for (int i = 0; i < 3; i++) {
        sample->operand[i] = (wg_sample_operand){.dtype = WG_F64, .low = -1, .high = 1};
    }
    sample->state = &sampled;
    sample->state_bytes = sizeof sampled;
    return index == 0;
}

static bool apply_sample(int index, wg_sample *sample) {
    static const wg_sample_operand operand[] = {
        {.dtype = WG_F64, .rank = 1, .shape = {3}, .low = -1, .high = 1},
        {.dtype = WG_F64, .rank = 2, .shape = {5, 3}, .low = -1, .high = 1},
        {.dtype = WG_F64, .rank = 3, .shape = {2, 2, 3}, .low = -1, .high = 1},
        {.dtype = WG_F64, .rank = 2, .shape = {0, 3}, .low = -1, .high = 1}};
    memset(sample, 0, sizeof *sample);
    sample->count = 1;
    sample->operand[0] = operand[index < 4 ? index : 0];
    sample->state = &sampled;
    sample->state_bytes = sizeof sampled;
    return index < 4;
}

static void check(const wg_op *op, bool (*samples)(int, wg_sample *)) {
    wg_function *fn = record(mixed, 3, 2);
    wg_op sampled_op = *op;
    wg_check_report report;
    sampled = fn;
    sampled_op.samples = samples;
    cr_assert_eq(wg_check_op(&sampled_op, &report), WG_OK, "%s", wg_last_message());
    cr_assert_gt(report.compared, 20);
    wg_function_free(fn);
}

Test(call, first_and_second_derivatives_hold_against_differences) {
    check(&wg_op_function_call, call_sample);
}

Test(apply, first_and_second_derivatives_hold_against_differences) {
    check(&wg_op_function_apply, apply_sample);
}

static wg_var user_function(wg_tape *tape, const wg_var *xs, int n, void *context) {
    (void)tape, (void)n;
    const wg_function *fn = context;
    wg_var y[2], rows = wg_function_apply(fn, wg_tanh(xs[3]));
    (void)wg_function_call(fn, xs, y);
    return wg_add(of_both(y), wg_sum(wg_square(wg_mul(rows, y[0]))));
}

Test(call, calls_and_rows_among_other_operations) {
    wg_function *fn = record(mixed, 3, 2);
    double x[3] = {0.3, -0.8, 0.5}, rows[4][3];
    for (int i = 0; i < 12; i++) {
        rows[i / 3][i % 3] = cos(i);
    }
    const wg_view inputs[4] = {
        wg_view_new(WG_F64, 0, NULL, &x[0]), wg_view_new(WG_F64, 0, NULL, &x[1]),
        wg_view_new(WG_F64, 0, NULL, &x[2]), wg_view_new(WG_F64, WG_SHAPE(4, 3), rows)};
    wg_check_report report;
    cr_assert_eq(wg_check_gradient(user_function, fn, 4, inputs, (wg_check_options){.second = true},
                                   &report),
                 WG_OK, "%s", report.message);
    wg_function_free(fn);
}

/* ---- Rows -------------------------------------------------------------------------------------
 */

Test(apply, many_rows_in_both_precisions) {
    enum {
        ROWS = 5000
    };
    static double x[ROWS][3], y[ROWS][2], g[ROWS][3], w[ROWS][2], want[ROWS][2], dx[ROWS][3];
    static float narrow[ROWS][3], y32[ROWS][2], g32[ROWS][3];
    for (int p = 0; p < 3 * ROWS; p++) {
        x[p / 3][p % 3] = sin(p);
        narrow[p / 3][p % 3] = (float)sin(p);
    }
    for (int p = 0; p < 2 * ROWS; p++) {
        w[p / 2][p % 2] = cos(p);
    }
    wg_function *fn = record(mixed, 3, 2);
    cr_assert_eq(wg_function_vjp(fn, ROWS, x[0], w[0], want[0], dx[0]), WG_OK);
    wg_tape *tape = wg_tape_new();
    wg_var a = wg_variable(tape, WG_F64, WG_SHAPE(ROWS, 3), x);
    wg_var b = wg_variable(tape, WG_F32, WG_SHAPE(ROWS, 3), narrow);
    wg_var weights = wg_constant(tape, WG_F64, WG_SHAPE(ROWS, 2), w);
    wg_var fa = wg_function_apply(fn, a), fb = wg_function_apply(fn, b);
    cr_assert_eq(wg_read(fa, WG_F64, y, 2 * ROWS), WG_OK, "%s", wg_tape_message(tape));
    cr_assert_eq(wg_read(fb, WG_F32, y32, 2 * ROWS), WG_OK);
    cr_assert_eq(wg_view_of(fb).dtype, WG_F32);
    wg_var z = wg_add(wg_sum(wg_mul(fa, weights)), wg_sum(wg_mul(fb, weights)));
    cr_assert_eq(wg_backward(z), WG_OK, "%s", wg_tape_message(tape));
    cr_assert_eq(wg_read_adjoint(a, WG_F64, g, 3 * ROWS), WG_OK);
    cr_assert_eq(wg_read_adjoint(b, WG_F32, g32, 3 * ROWS), WG_OK);
    for (int p = 0; p < 2 * ROWS; p++) {
        expect_close(y[p / 2][p % 2], want[p / 2][p % 2], 1e-14);
        expect_close((double)y32[p / 2][p % 2], want[p / 2][p % 2], 1e-5);
    }
    for (int p = 0; p < 3 * ROWS; p++) {
        expect_close(g[p / 3][p % 3], dx[p / 3][p % 3], 1e-14);
        expect_close((double)g32[p / 3][p % 3], dx[p / 3][p % 3], 1e-5);
    }
    wg_tape_free(tape);
    wg_function_free(fn);
}

Test(apply, transposed_rows_and_a_shared_gradient) {
    wg_function *fn = record(mixed, 3, 2);
    const double x[3][2] = {{0.1, 0.2}, {0.3, 0.4}, {0.5, 0.6}};
    wg_tape *tape = wg_tape_new();
    wg_var a = wg_variable(tape, WG_F64, WG_SHAPE(3, 2), x);
    wg_var y = wg_function_apply(fn, wg_transpose(a)); /* [2, 3] → [2, 2] */
    cr_assert_eq(wg_backward(wg_sum(y)), WG_OK, "%s", wg_tape_message(tape));
    double g[3][2], point[3], ones[2] = {1, 1}, dx[3];
    cr_assert_eq(wg_read_adjoint(a, WG_F64, g, 6), WG_OK);
    for (int row = 0; row < 2; row++) {
        for (int i = 0; i < 3; i++) {
            point[i] = x[i][row];
        }
        cr_assert_eq(wg_function_vjp(fn, 1, point, ones, NULL, dx), WG_OK);
        for (int i = 0; i < 3; i++) {
            expect_close(g[i][row], dx[i], 1e-14);
        }
    }
    wg_tape_free(tape);
    wg_function_free(fn);
}

/* ---- What does not fit ------------------------------------------------------------------------
 */

static void expect_message(wg_tape *tape, wg_status status, const char *part) {
    cr_assert_eq(wg_tape_status(tape), status, "%s", wg_tape_message(tape));
    cr_assert_not_null(strstr(wg_tape_message(tape), part), "%s", wg_tape_message(tape));
    cr_assert_not_null(strstr(wg_tape_message(tape), "test_call.c:"), "%s", wg_tape_message(tape));
    wg_tape_reset(tape);
}

Test(call, what_does_not_fit_says_so) {
    wg_function *fn = record(mixed, 3, 2);
    wg_tape *tape = wg_tape_new();
    wg_var v = wg_full(tape, WG_F64, WG_SHAPE(4, 2), 1), y[2];
    cr_assert_eq(wg_view_of(wg_function_apply(fn, v)).data, NULL);
    expect_message(tape, WG_ERROR_SHAPE, "[4, 2]");
    (void)wg_function_apply(fn, wg_scalar(tape, 1));
    expect_message(tape, WG_ERROR_SHAPE, "[..., 3]");
    (void)wg_function_apply(NULL, wg_scalar(tape, 1));
    expect_message(tape, WG_ERROR_ARGUMENT, "function is NULL");
    wg_var x[3] = {wg_scalar(tape, 1), wg_full(tape, WG_F64, WG_SHAPE(2), 1), wg_number(1)};
    cr_assert_eq(wg_function_call(fn, x, y), WG_ERROR_SHAPE);
    cr_assert(isnan(wg_value(y[0])) && isnan(wg_value(y[1])));
    expect_message(tape, WG_ERROR_SHAPE, "input 1 is an array of shape [2]");
    x[0] = x[1] = wg_scalar(tape, 1);
    cr_assert_eq(wg_function_call(NULL, x, y), WG_ERROR_ARGUMENT);
    cr_assert(isnan(wg_value(wg_add(y[0], 1))));
    expect_message(tape, WG_ERROR_ARGUMENT, "function is NULL");
    cr_assert_eq(wg_function_call(fn, x, y), WG_ERROR_HANDLE); /* of before the reset */
    cr_assert(isnan(wg_value(y[1])));
    expect_message(tape, WG_ERROR_HANDLE, "function_call");
    cr_assert_eq(wg_function_call(fn, NULL, y), WG_ERROR_ARGUMENT);
    cr_assert(isnan(wg_value(wg_function_apply(fn, wg_number(1)))));
    wg_tape_free(tape);
    wg_function_free(fn);
}

static const wg_function *inner;

static void calls_another(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    (void)wg_function_call(inner, x, y);
}

Test(call, within_a_record_it_says_that_it_cannot) {
    wg_function *fn = record(mixed, 3, 2);
    inner = fn;
    cr_assert_null(wg_function_record(calls_another, NULL, 3, 2, NULL, wg_function_defaults()));
    cr_assert_not_null(strstr(wg_last_message(), "function_call"), "%s", wg_last_message());
    wg_function_free(fn);
}

Test(call, a_derived_function_is_made_once) {
    wg_function *fn = record(mixed, 3, 2);
    const wg_function *derived = wg_function_derived(fn);
    cr_assert_not_null(derived);
    cr_assert_eq(derived, wg_function_derived(fn));
    cr_assert_eq(wg_function_inputs(derived), 5);
    cr_assert_eq(wg_function_outputs(derived), 3);
    const double x[5] = {0.1, 0.2, 0.3, 1, -2};
    double want[3], got[3];
    cr_assert_eq(wg_function_vjp(fn, 1, x, x + 3, NULL, want), WG_OK);
    cr_assert_eq(wg_function_value(derived, 1, x, got), WG_OK);
    for (int i = 0; i < 3; i++) {
        expect_close(got[i], want[i], 1e-15);
    }
    const wg_function *again = wg_function_derived(derived);
    cr_assert_not_null(again);
    cr_assert_eq(wg_function_outputs(again), 5);
    wg_function_free(fn);
}
