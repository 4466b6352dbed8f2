/* custom-op: an operation of your own, with its chain rule, in your own program.
 *
 * cumsum(x) adds up along the last axis: r[k] = x[0] + ... + x[k]. The library's operations are
 * structs of functions, and so is this one: the same checks, the same messages, derivatives of any
 * order. wg_check_op proves its chain rule, and finds out a wrong one; and a fit uses it: of how
 * hard it rained, from the levels of a rain gauge.
 *
 *     custom-op [--short] */
#include <wengert.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- The operation --------------------------------------------------------------------------- */

/* How an application differs from others: copied onto the tape, for the chain rule to find. */
typedef struct cumsum_state {
    bool backwards; /* from the end: r[k] = x[k] + ... + x[n - 1] */
} cumsum_state;

/* The shape rule: which operands will do, and what the result is. */
static wg_status cumsum_shape(wg_call *call) {
    const wg_view *x = wg_call_operand(call, 0);
    if (x->rank == 0) {
        return wg_call_fail(call, WG_ERROR_SHAPE, "a scalar has no axis to add up along");
    }
    return wg_call_result(call, x->dtype, x->rank, x->shape);
}

/* The numbers, row by row. WG_OP_CONTIGUOUS below: rows lie one behind the other. */
#define CUMSUM_ROWS(type)                                                                          \
    for (int64_t row = 0; row < rows; row++) {                                                     \
        const type *x = (const type *)from->data + row * n;                                        \
        type *r = (type *)to->data + row * n;                                                      \
        double sum = 0;                                                                            \
        for (int64_t i = 0; i < n; i++) {                                                          \
            int64_t k = backwards ? n - 1 - i : i;                                                 \
            r[k] = (type)(sum += (double)x[k]);                                                    \
        }                                                                                          \
    }

static wg_status cumsum_forward(wg_call *call) {
    const wg_view *from = wg_call_operand(call, 0), *to = wg_call_out(call);
    const bool backwards = ((const cumsum_state *)wg_call_state(call))->backwards;
    int64_t n = from->shape[from->rank - 1], rows = n > 0 ? wg_view_count(from) / n : 0;
    if (to->dtype == WG_F32) {
        CUMSUM_ROWS(float)
    } else {
        CUMSUM_ROWS(double)
    }
    return WG_OK;
}

static wg_var cumsum_from(wg_var x, bool backwards, const char *site);

/* The chain rule. x[k] stands in r[k] and all behind it, so that its adjoint is the sum of theirs:
 * the same operation the other way round. It is written with verbs, so it has a derivative too. */
static void cumsum_chain(wg_call *call, wg_var g) {
    const cumsum_state *state = wg_call_state(call);
    wg_give(call, 0, cumsum_from(g, !state->backwards, NULL));
}

/* Operands to try it with, for wg_check_op: a vector, a matrix from the end, an empty row. */
static bool cumsum_samples(int index, wg_sample *sample) {
    static const cumsum_state states[] = {{false}, {true}, {false}};
    static const wg_sample_operand operands[] = {
        {.dtype = WG_F64, .rank = 1, .shape = {5}, .low = -2, .high = 2},
        {.dtype = WG_F64, .rank = 2, .shape = {3, 4}, .low = -2, .high = 2},
        {.dtype = WG_F64, .rank = 2, .shape = {2, 0}, .low = -2, .high = 2}};
    if (index >= 3) {
        return false;
    }
    *sample = (wg_sample){.count = 1,
                          .operand = {operands[index]},
                          .state = &states[index],
                          .state_bytes = sizeof states[index]};
    return true;
}

static const wg_op cumsum_op = {
    .name = "cumsum",
    .shape = cumsum_shape,
    .forward = cumsum_forward,
    .chain = cumsum_chain,
    .samples = cumsum_samples,
    .reads = 0, /* the chain rule needs neither x nor r: the sweep may free both */
    .flags = WG_OP_FLOATS | WG_OP_CONTIGUOUS,
};

static wg_var cumsum_from(wg_var x, bool backwards, const char *site) {
    cumsum_state state = {backwards};
    return wg_apply(&cumsum_op, 1, &x, &state, sizeof state, site);
}

/* The verb. WG_HERE lets a message say where it was called. */
#define cumsum(x) cumsum_from(x, false, WG_HERE)

/* ---- Is the chain rule right? ---------------------------------------------------------------- */

static void wrong_chain(wg_call *call, wg_var g) {
    const cumsum_state *state = wg_call_state(call);
    wg_give(call, 0, cumsum_from(g, state->backwards, NULL)); /* forgets to turn round */
}

static bool check_rules(void) {
    wg_op wrong = cumsum_op;
    wrong.name = "wrong cumsum";
    wrong.chain = wrong_chain;
    wg_check_report right_report, wrong_report;
    wg_status right_status = wg_check_op(&cumsum_op, &right_report);
    wg_status wrong_status = wg_check_op(&wrong, &wrong_report);
    printf("wg_check_op of cumsum: %s, %lld numbers compared, worst error %.1e\n",
           wg_status_text(right_status), (long long)right_report.compared, right_report.worst);
    printf("wg_check_op of a wrong one: %s\n  %s\n\n", wg_status_text(wrong_status),
           wrong_report.message);
    return right_status == WG_OK && wrong_status == WG_ERROR_CHECK;
}

/* What a user sees who calls it wrongly. */
static bool show_message(wg_tape *tape) {
    wg_tape_reset(tape);
    (void)cumsum(wg_scalar(tape, 1));
    printf("Of a scalar: %s\n\n", wg_tape_message(tape));
    return wg_tape_status(tape) == WG_ERROR_SHAPE;
}

/* ---- A fit with it --------------------------------------------------------------------------- */

enum {
    READINGS = 48,
    MOST_STEPS = 20
};

/* The levels of a rain gauge in a shower that dies away: rate exp(a - b t), 0 <= t < 1. */
static wg_var levels(wg_var a, wg_var b, wg_var t) {
    wg_var rate = wg_exp(wg_sub(a, wg_mul(b, t)));
    return wg_mul(cumsum(rate), 1.0 / READINGS);
}

/* Newton's method on the mean square error of the logarithms: the second derivatives go through
 * cumsum too. */
static wg_status fit(wg_tape *tape, const double *times, const double *measured, double ab[2]) {
    double moved = HUGE_VAL;
    for (int step = 1; step <= MOST_STEPS && moved > 1e-12; step++) {
        wg_tape_reset(tape);
        wg_var t = wg_constant(tape, WG_F64, WG_SHAPE(READINGS), times);
        wg_var level = wg_constant(tape, WG_F64, WG_SHAPE(READINGS), measured);
        wg_var x[2] = {wg_scalar(tape, ab[0]), wg_scalar(tape, ab[1])}, g[2], h[2], last;
        wg_var loss = wg_mse(wg_log(levels(x[0], x[1], t)), wg_log(level));
        (void)wg_grad(loss, x, 2, g);
        (void)wg_grad(g[0], x, 2, h);
        if (wg_grad(g[1], &x[1], 1, &last) != WG_OK) { /* earlier failures are still there */
            return wg_tape_status(tape);
        }
        double ga = wg_value(g[0]), gb = wg_value(g[1]);
        double haa = wg_value(h[0]), hab = wg_value(h[1]), hbb = wg_value(last);
        double determinant = haa * hbb - hab * hab;
        double da = (hbb * ga - hab * gb) / determinant, db = (haa * gb - hab * ga) / determinant;
        ab[0] -= da;
        ab[1] -= db;
        moved = hypot(da, db);
        printf("  step %2d   loss %.2e   a %12.9f   b %12.9f\n", step, wg_value(loss), ab[0],
               ab[1]);
    }
    return WG_OK;
}

/* Measures a shower that is known, and fits it from nothing. */
static bool fit_shower(wg_tape *tape) {
    const double a = 1, b = 3;
    double times[READINGS], measured[READINGS], found[2] = {0, 0};
    for (int i = 0; i < READINGS; i++) {
        times[i] = (double)i / READINGS;
    }
    wg_tape_reset(tape);
    wg_var t = wg_constant(tape, WG_F64, WG_SHAPE(READINGS), times);
    (void)wg_read(levels(wg_number(a), wg_number(b), t), WG_F64, measured, READINGS);
    printf("Rain exp(a - b t) from the levels of its gauge, where a is %g and b is %g\n", a, b);
    if (fit(tape, times, measured, found) != WG_OK) {
        fprintf(stderr, "%s\n", wg_tape_message(tape));
        return false;
    }
    return fabs(found[0] - a) < 1e-9 && fabs(found[1] - b) < 1e-9;
}

int main(void) { /* --short changes nothing: it is over at once */
    wg_tape *tape = wg_tape_new();
    if (tape == NULL) {
        fprintf(stderr, "no memory for a tape\n");
        return 1;
    }
    bool held = check_rules() && show_message(tape) && fit_shower(tape);
    printf("%s\n", held ? "The operation, its first and its second derivative work."
                        : "FAILED: see the last lines.");
    wg_tape_free(tape);
    return held ? 0 : 1;
}
