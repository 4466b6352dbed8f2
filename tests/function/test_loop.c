/* Checkpointed loops: gradients through many steps. */
#include "wengert.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>
#include <sys/resource.h>

/* ---- Lorenz, 1963, by Runge and Kutta ---------------------------------------------------------
 */

static void lorenz(const wg_var *s, const wg_var *p, wg_var *d) {
    d[0] = wg_mul(p[0], wg_sub(s[1], s[0]));
    d[1] = wg_sub(wg_mul(s[0], wg_sub(p[1], s[2])), s[1]);
    d[2] = wg_sub(wg_mul(s[0], s[1]), wg_mul(p[2], s[2]));
}

/* Inputs: state, parameters; context: the time step. */
static void lorenz_step(const wg_var *x, wg_var *y, void *context) {
    const double h = *(const double *)context;
    wg_var k[4][3], at[3];
    memcpy(at, x, sizeof at);
    for (int stage = 0; stage < 4; stage++) {
        lorenz(at, x + 3, k[stage]);
        for (int i = 0; i < 3 && stage < 3; i++) {
            at[i] = wg_add(x[i], wg_mul(stage < 2 ? h / 2 : h, k[stage][i]));
        }
    }
    for (int i = 0; i < 3; i++) {
        wg_var sum = wg_add(wg_add(k[0][i], k[3][i]), wg_mul(2, wg_add(k[1][i], k[2][i])));
        y[i] = wg_add(x[i], wg_mul(h / 6, sum));
    }
}

static wg_function *record(wg_function_body body, void *context, int inputs, int outputs) {
    wg_function *fn =
        wg_function_record(body, context, inputs, outputs, NULL, wg_function_defaults());
    cr_assert_not_null(fn, "%s", wg_last_message());
    return fn;
}

static const double start[3] = {1, 1.5, 20}, chaotic[3] = {10, 28, 8.0 / 3},
                    contracting[3] = {10, 20, 8.0 / 3};

static wg_var measure(wg_var a, wg_var b, wg_var c) {
    return wg_add(wg_mul(a, b), wg_add(wg_square(c), a));
}

/* Value, then the gradient with respect to state and parameters. */
typedef struct outcome {
    double number[7];
} outcome;

static outcome by_loop(const wg_function *step, int64_t steps, const double *parameters,
                       size_t memory, wg_tape_usage *usage) {
    outcome got;
    wg_tape *tape = wg_tape_new();
    wg_var s = wg_variable(tape, WG_F64, WG_SHAPE(3), start);
    wg_var p = wg_variable(tape, WG_F64, WG_SHAPE(3), parameters);
    wg_var end = wg_checkpointed_loop(step, steps, s, p, (wg_loop_options){.memory = memory});
    wg_var y = measure(wg_at(end, 0), wg_at(end, 1), wg_at(end, 2));
    got.number[0] = wg_value(y);
    cr_assert_eq(wg_backward(y), WG_OK, "%s", wg_tape_message(tape));
    cr_assert_eq(wg_read_adjoint(s, WG_F64, got.number + 1, 3), WG_OK);
    cr_assert_eq(wg_read_adjoint(p, WG_F64, got.number + 4, 3), WG_OK);
    if (usage != NULL) {
        *usage = wg_tape_usage_of(tape);
    }
    wg_tape_free(tape);
    return got;
}

static outcome by_verbs(double h, int64_t steps, const double *parameters) {
    outcome got;
    wg_tape *tape = wg_tape_new();
    wg_var leaf[6], x[6];
    for (int i = 0; i < 6; i++) {
        leaf[i] = x[i] = wg_scalar(tape, i < 3 ? start[i] : parameters[i - 3]);
    }
    for (int64_t t = 0; t < steps; t++) {
        wg_var y[3];
        lorenz_step(x, y, &h);
        memcpy(x, y, sizeof y);
    }
    wg_var y = measure(x[0], x[1], x[2]);
    got.number[0] = wg_value(y);
    cr_assert_eq(wg_backward(y), WG_OK, "%s", wg_tape_message(tape));
    for (int i = 0; i < 6; i++) {
        got.number[1 + i] = wg_adjoint(leaf[i]);
    }
    wg_tape_free(tape);
    return got;
}

static void expect_same(const outcome *got, const outcome *want, double tolerance) {
    double largest = 0;
    for (int i = 1; i < 7; i++) {
        largest = fmax(largest, fabs(want->number[i]));
    }
    cr_assert_gt(largest, 1e-3);
    for (int i = 0; i < 7; i++) {
        const double scale = i == 0 ? fabs(want->number[0]) : largest;
        cr_assert(fabs(got->number[i] - want->number[i]) <= tolerance * scale,
                  "number %d: %.17g, not %.17g", i, got->number[i], want->number[i]);
    }
}

static void expect_bits(const outcome *got, const outcome *want) {
    for (int i = 0; i < 7; i++) {
        cr_assert_eq(memcmp(&got->number[i], &want->number[i], sizeof(double)), 0,
                     "number %d: %.17g, not %.17g", i, got->number[i], want->number[i]);
    }
}

Test(loop, lorenz_agrees_with_the_plain_tape) {
    double h = 1e-3;
    wg_function *step = record(lorenz_step, &h, 6, 3);
    const outcome loop = by_loop(step, 2000, chaotic, 0, NULL);
    const outcome plain = by_verbs(h, 2000, chaotic);
    expect_same(&loop, &plain, 1e-9);
    const outcome long_loop = by_loop(step, 20000, contracting, 4000, NULL);
    const outcome long_plain = by_verbs(h, 20000, contracting);
    expect_same(&long_loop, &long_plain, 1e-9);
    wg_function_free(step);
}

Test(loop, no_budget_changes_a_bit) {
    double h = 1e-2;
    wg_function *step = record(lorenz_step, &h, 6, 3);
    for (int64_t steps = 1; steps <= 301; steps += 50) {
        const outcome full = by_loop(step, steps, chaotic, 0, NULL);
        const outcome plain = by_verbs(h, steps, chaotic);
        expect_same(&full, &plain, 1e-9);
        for (size_t memory = 1; memory < 12000; memory += memory < 400 ? 30 : 1111) {
            const outcome got = by_loop(step, steps, chaotic, memory, NULL);
            expect_bits(&got, &full);
        }
    }
    wg_function_free(step);
}

static long peak_kilobytes(void) {
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

Test(loop, a_million_steps_within_64_megabytes) {
    double h = 1e-4;
    wg_function *step = record(lorenz_step, &h, 6, 3);
    const size_t budget[] = {(size_t)48 << 20, 0, (size_t)64 << 10};
    outcome got[3];
    for (int k = 0; k < 3; k++) {
        const long before = peak_kilobytes();
        wg_tape_usage usage;
        got[k] = by_loop(step, 1000000, chaotic, budget[k], &usage);
        const long grown = peak_kilobytes() - before;
        cr_log_info("budget %zu: tape %llu bytes, process %ld kB more", budget[k],
                    (unsigned long long)usage.bytes_system, grown);
        cr_assert_leq(usage.bytes_system, (uint64_t)64 << 20);
        cr_assert_leq(grown, 64L << 10);
        cr_assert(isfinite(got[k].number[1]));
        expect_bits(&got[k], &got[0]);
    }
    cr_assert_gt(fabs(got[0].number[1]), 1e10); /* chaos: errors at the start grow like this */
    wg_function_free(step);
}

/* ---- Steps of other forms ---------------------------------------------------------------------
 */

/* State of two, one parameter, counted. */
static void counted_step(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    wg_var a = wg_sin(wg_add(wg_mul(x[0], x[2]), wg_mul(0.1, x[3])));
    y[0] = wg_add(wg_mul(0.9, a), wg_mul(0.2, x[1]));
    y[1] = wg_sub(wg_mul(x[1], wg_cos(x[0])), wg_div(x[2], wg_add(1, x[3])));
}

static void free_step(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    y[0] = wg_sub(wg_mul(1.5, x[0]), wg_mul(0.4, wg_square(x[1])));
    y[1] = wg_add(wg_mul(0.8, wg_sin(x[1])), wg_mul(0.1, x[0]));
}

typedef struct setting {
    const wg_function *counted, *free;
    int steps;
    size_t memory;
} setting;

/* Other operations before, between and after; xs: [2] and a scalar. */
static wg_var loops_composed(wg_tape *tape, const wg_var *xs, int n, void *context) {
    (void)tape, (void)n;
    const setting *set = context;
    wg_loop_options options = {.memory = set->memory, .counted = true};
    wg_var first =
        wg_checkpointed_loop(set->counted, set->steps, wg_tanh(xs[0]), wg_exp(xs[1]), options);
    options.counted = false;
    wg_var second = wg_checkpointed_loop(set->free, set->steps, wg_mul(first, 0.5), 0, options);
    return wg_add(wg_sum(wg_square(second)), wg_mul(wg_at(first, 1), xs[1]));
}

/* The same in verbs. */
static wg_var verbs_composed(wg_tape *tape, const wg_var *xs, int n, void *context) {
    (void)tape, (void)n;
    const setting *set = context;
    wg_var x[4] = {wg_tanh(wg_at(xs[0], 0)), wg_tanh(wg_at(xs[0], 1)), wg_exp(xs[1])}, y[2];
    for (int t = 0; t < set->steps; t++) {
        x[3] = wg_number(t);
        counted_step(x, y, NULL);
        memcpy(x, y, sizeof y);
    }
    wg_var first = x[1];
    x[0] = wg_mul(x[0], 0.5);
    x[1] = wg_mul(x[1], 0.5);
    for (int t = 0; t < set->steps; t++) {
        free_step(x, y, NULL);
        memcpy(x, y, sizeof y);
    }
    return wg_add(wg_add(wg_square(x[0]), wg_square(x[1])), wg_mul(first, xs[1]));
}

static setting settings(int steps, size_t memory) {
    return (setting){record(counted_step, NULL, 4, 2), record(free_step, NULL, 2, 2), steps,
                     memory};
}

static void free_settings(const setting *set) {
    wg_function_free((wg_function *)(uintptr_t)set->counted);
    wg_function_free((wg_function *)(uintptr_t)set->free);
}

Test(loop, first_and_second_derivatives_hold_against_differences) {
    double state[2] = {0.3, -0.6}, parameter = 0.2;
    const wg_view inputs[2] = {wg_view_new(WG_F64, WG_SHAPE(2), state),
                               wg_view_new(WG_F64, 0, NULL, &parameter)};
    for (int steps = 0; steps < 9; steps += 2) {
        setting set = settings(steps, 100);
        wg_check_report report;
        cr_assert_eq(wg_check_gradient(loops_composed, &set, 2, inputs,
                                       (wg_check_options){.second = true}, &report),
                     WG_OK, "%d steps: %s", steps, report.message);
        free_settings(&set);
    }
}

/* Derivatives of order 0 to 4 along x = xs[0][0] of a function; then, by a plain sweep, the last
 * one's derivative with respect to the scalar. */
static void derivatives(wg_check_function function, setting *set, double *got) {
    wg_tape *tape = wg_tape_new();
    wg_var x = wg_scalar(tape, 0.3), p = wg_scalar(tape, 0.2);
    wg_var xs[2] = {wg_stack(tape, 2, ((wg_var[]){x, wg_number(-0.6)})), p};
    wg_var y = function(tape, xs, 2, set);
    for (int order = 0; order < 4; order++) {
        got[order] = wg_value(y);
        cr_assert_eq(wg_grad(y, &x, 1, &y), WG_OK, "%s", wg_tape_message(tape));
    }
    got[4] = wg_value(y);
    cr_assert_eq(wg_backward(y), WG_OK, "%s", wg_tape_message(tape));
    got[5] = wg_adjoint(p);
    wg_tape_free(tape);
}

Test(loop, derivatives_of_any_order_are_those_of_the_verbs) {
    setting set = settings(12, 50);
    double got[6], want[6];
    derivatives(loops_composed, &set, got);
    derivatives(verbs_composed, &set, want);
    for (int i = 0; i < 6; i++) {
        cr_assert_neq(want[i], 0);
        cr_assert(fabs(got[i] - want[i]) <= 1e-9 * fmax(1, fabs(want[i])), "%d: %.17g, not %.17g",
                  i, got[i], want[i]);
    }
    free_settings(&set);
}

/* A gradient of a long loop that could be derived again costs no more than one that could not. */
Test(loop, a_recorded_gradient_of_a_long_loop) {
    double h = 1e-3;
    wg_function *step = record(lorenz_step, &h, 6, 3);
    wg_tape *tape = wg_tape_new();
    wg_var s = wg_variable(tape, WG_F64, WG_SHAPE(3), start);
    wg_var p = wg_variable(tape, WG_F64, WG_SHAPE(3), contracting);
    wg_var end =
        wg_checkpointed_loop(step, 20000, s, p, (wg_loop_options){.memory = (size_t)1 << 14});
    wg_var xs[2] = {s, p}, g[2];
    cr_assert_eq(wg_grad(measure(wg_at(end, 0), wg_at(end, 1), wg_at(end, 2)), xs, 2, g), WG_OK,
                 "%s", wg_tape_message(tape));
    outcome got, want = by_loop(step, 20000, contracting, 0, NULL);
    got.number[0] = want.number[0];
    cr_assert_eq(wg_read(g[0], WG_F64, got.number + 1, 3), WG_OK);
    cr_assert_eq(wg_read(g[1], WG_F64, got.number + 4, 3), WG_OK);
    expect_bits(&got, &want);
    cr_assert_lt(wg_tape_usage_of(tape).bytes_system, (uint64_t)1 << 20);
    cr_assert_eq(wg_backward(wg_sum(g[1])), WG_OK, "%s", wg_tape_message(tape));
    wg_tape_free(tape);
    wg_function_free(step);
}

Test(loop, two_sweeps_accumulate) {
    setting set = settings(30, 60);
    wg_tape *tape = wg_tape_new();
    wg_var xs[2] = {wg_variable(tape, WG_F64, WG_SHAPE(2), ((double[]){0.3, -0.6})),
                    wg_scalar(tape, 0.2)};
    wg_var y = loops_composed(tape, xs, 2, &set);
    cr_assert_eq(wg_backward_keep(y), WG_OK, "%s", wg_tape_message(tape));
    const double once = wg_adjoint(xs[1]);
    cr_assert_eq(wg_backward(y), WG_OK, "%s", wg_tape_message(tape));
    cr_assert_eq(wg_adjoint(xs[1]), 2 * once);
    cr_assert_neq(once, 0);
    wg_tape_free(tape);
    free_settings(&set);
}

/* ---- The ends ---------------------------------------------------------------------------------
 */

Test(loop, no_steps_are_the_identity) {
    setting set = settings(0, 0);
    const double state[2] = {0.3, -0.6};
    wg_tape *tape = wg_tape_new();
    wg_var s = wg_variable(tape, WG_F64, WG_SHAPE(2), state), p = wg_scalar(tape, 2);
    wg_var end = wg_checkpointed_loop(set.counted, 0, s, p, (wg_loop_options){.counted = true});
    cr_assert_eq(wg_value(wg_at(end, 1)), -0.6);
    cr_assert_eq(wg_backward(wg_at(end, 1)), WG_OK, "%s", wg_tape_message(tape));
    double g[2];
    cr_assert_eq(wg_read_adjoint(s, WG_F64, g, 2), WG_OK);
    cr_assert(g[0] == 0 && g[1] == 1 && wg_adjoint(p) == 0);
    wg_tape_free(tape);
    free_settings(&set);
}

Test(loop, constants_and_no_grad_keep_no_history) {
    setting set = settings(0, 0);
    wg_tape *tape = wg_tape_new();
    wg_var s = wg_constant(tape, WG_F64, WG_SHAPE(2), ((double[]){0.3, -0.6}));
    wg_var end = wg_checkpointed_loop(set.free, 100, s, 0, (wg_loop_options){0});
    const double last = wg_value(wg_at(end, 0));
    cr_assert_eq(wg_backward_from(end, wg_number(1)), WG_ERROR_STATE); /* nothing wants one */
    wg_tape_reset(tape);
    s = wg_variable(tape, WG_F64, WG_SHAPE(2), ((double[]){0.3, -0.6}));
    wg_no_grad_begin(tape);
    end = wg_checkpointed_loop(set.free, 100, s, 0, (wg_loop_options){0});
    wg_no_grad_end(tape);
    cr_assert_eq(wg_value(wg_at(end, 0)), last);
    cr_assert(isfinite(last));
    wg_tape_free(tape);
    free_settings(&set);
}

Test(loop, states_that_are_not_numbers_are_no_error) {
    setting set = settings(0, 0);
    wg_tape *tape = wg_tape_new();
    wg_var s = wg_variable(tape, WG_F64, WG_SHAPE(2), ((double[]){NAN, INFINITY}));
    wg_var end = wg_checkpointed_loop(set.free, 50, s, 0, (wg_loop_options){.memory = 100});
    cr_assert(isnan(wg_value(wg_at(end, 0))));
    cr_assert_eq(wg_backward(wg_sum(end)), WG_OK, "%s", wg_tape_message(tape));
    double g[2];
    cr_assert_eq(wg_read_adjoint(s, WG_F64, g, 2), WG_OK);
    cr_assert(isnan(g[0]) || isnan(g[1]));
    wg_tape_free(tape);
    free_settings(&set);
}

static void expect_message(wg_tape *tape, wg_status status, const char *part) {
    cr_assert_eq(wg_tape_status(tape), status, "%s", wg_tape_message(tape));
    cr_assert_not_null(strstr(wg_tape_message(tape), part), "%s", wg_tape_message(tape));
    cr_assert_not_null(strstr(wg_tape_message(tape), "test_loop.c:"), "%s", wg_tape_message(tape));
    wg_tape_reset(tape);
}

Test(loop, what_does_not_fit_says_so) {
    double h = 1;
    wg_function *step = record(lorenz_step, &h, 6, 3);
    wg_function *takes_four = record(counted_step, NULL, 4, 2),
                *takes_two = record(free_step, NULL, 2, 2);
    const wg_loop_options plain = {0}, counted = {.counted = true};
    wg_tape *tape = wg_tape_new();
#define VECTOR(size) wg_full(tape, WG_F64, WG_SHAPE(size), 1)
    (void)wg_checkpointed_loop(step, 5, VECTOR(4), VECTOR(3), plain);
    expect_message(tape, WG_ERROR_SHAPE, "state's elements of shape [4]");
    (void)wg_checkpointed_loop(step, 5, VECTOR(3), VECTOR(2), plain);
    expect_message(tape, WG_ERROR_SHAPE, "parameters of shape [2] do not fit a step of 6 inputs");
    (void)wg_checkpointed_loop(step, 5, VECTOR(3), VECTOR(3), counted);
    expect_message(tape, WG_ERROR_SHAPE, "(the last one its number)");
    (void)wg_checkpointed_loop(step, 5, VECTOR(3), 1, plain);
    expect_message(tape, WG_ERROR_SHAPE, "it takes [3]");
    (void)wg_checkpointed_loop(step, 5, wg_scalar(tape, 1), VECTOR(3), plain);
    expect_message(tape, WG_ERROR_SHAPE, "shape []");
    (void)wg_checkpointed_loop(takes_two, 5, VECTOR(2), 0, counted);
    expect_message(tape, WG_ERROR_SHAPE, "a step of 2 inputs and 2 outputs");
    (void)wg_checkpointed_loop(takes_two, 5, VECTOR(2), wg_scalar(tape, 1), plain);
    expect_message(tape, WG_ERROR_SHAPE, "it takes [0]");
    (void)wg_checkpointed_loop(step, 5, wg_full(tape, WG_F32, WG_SHAPE(3), 1), VECTOR(3), plain);
    expect_message(tape, WG_ERROR_DTYPE, "f32");
    (void)wg_checkpointed_loop(step, -1, VECTOR(3), VECTOR(3), plain);
    expect_message(tape, WG_ERROR_ARGUMENT, "-1 steps");
    (void)wg_checkpointed_loop(step, INT64_MAX, VECTOR(3), VECTOR(3), plain);
    expect_message(tape, WG_ERROR_LIMIT, "steps");
    (void)wg_checkpointed_loop(NULL, 5, VECTOR(3), VECTOR(3), plain);
    expect_message(tape, WG_ERROR_ARGUMENT, "NULL");
    cr_assert(
        isnan(wg_value(wg_checkpointed_loop(takes_four, 5, wg_number(1), wg_number(1), counted))));
    wg_tape_free(tape);
    wg_function_free(step);
    wg_function_free(takes_four);
    wg_function_free(takes_two);
}
