/* check.c: differences, comparisons, and the check of a user's function. */
#include "inspect/check.h"

#include "kernel/copy.h"
#include "tape/tape.h"
#include "wengert/random.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

bool wg_difference(wg_flat_function function, void *context, double *x, int64_t i, double step,
                   double *derivative) {
    static const double at[] = {-2, -1, 1, 2}, weight[] = {1, -8, 8, -1};
    double kept = x[i], h = step * fmax(1, fabs(kept)), sum = 0;
    for (int k = 0; k < 4; k++) {
        double value;
        x[i] = kept + at[k] * h;
        bool ran = function(context, x, &value);
        x[i] = kept;
        if (!ran) {
            return false;
        }
        sum += weight[k] * value;
    }
    *derivative = sum / (12 * h);
    return true;
}

void wg_compare(wg_check_report *report, double expected, double got, const char *where, ...) {
    report->compared++;
    if (expected == got || (expected != expected && got != got)) {
        return;
    }
    double error = fabs(expected - got) / fmax(1, fabs(expected));
    if (error != error) {
        error = INFINITY;
    }
    if (error > report->worst) {
        report->worst = error;
        va_list arguments;
        va_start(arguments, where);
        int used = vsnprintf(report->message, sizeof report->message, where, arguments);
        va_end(arguments);
        if (used > 0 && (size_t)used < sizeof report->message) {
            (void)snprintf(report->message + used, sizeof report->message - (size_t)used,
                           ": expected %.12g, got %.12g (error %.3g)", expected, got, error);
        }
    }
}

/* ---- A user's function ---------------------------------------------------------------------- */

typedef struct wg_user_check {
    wg_check_function function;
    void *context;
    int n;
    const wg_view *inputs;
    wg_tape *tape;
    wg_var *xs, *gradients;
    double *x, *direction; /* all inputs one behind the other */
    bool second;
} wg_user_check;

/* Puts x on the tape and runs the function. */
static wg_var run_user(wg_user_check *check, const double *x) {
    wg_tape_reset(check->tape);
    for (int i = 0; i < check->n; i++) {
        const wg_view *input = &check->inputs[i];
        check->xs[i] = input->rank == 0
                           ? wg_scalar(check->tape, *x)
                           : wg_variable(check->tape, WG_F64, input->rank, input->shape, x);
        x += wg_view_count(input);
    }
    return check->function(check->tape, check->xs, check->n, check->context);
}

/* The derivative along `direction`, as a variable. */
static wg_var along(wg_user_check *check, wg_var y) {
    if (wg_grad(y, check->xs, check->n, check->gradients) != WG_OK) {
        return wg_poison(check->tape);
    }
    wg_var sum = wg_scalar(check->tape, 0);
    const double *v = check->direction;
    for (int i = 0; i < check->n; i++) {
        const wg_view *input = &check->inputs[i];
        wg_var part = check->gradients[i];
        if (input->rank == 0) {
            part = wg_mul(part, *v);
        } else {
            wg_var weights = wg_constant(check->tape, WG_F64, input->rank, input->shape, v);
            part = wg_at(wg_sum(wg_mul(part, weights)), 0);
        }
        sum = wg_add(sum, part);
        v += wg_view_count(input);
    }
    return sum;
}

static bool user_value(void *context, const double *x, double *value) {
    wg_user_check *check = context;
    wg_var y = run_user(check, x);
    if (check->second) {
        y = along(check, y);
    }
    *value = wg_value(y);
    return wg_tape_status(check->tape) == WG_OK;
}

static wg_status tape_failed(const wg_tape *tape, const char *name) {
    return wg_fail(tape->status, "%s: %s", name, tape->message);
}

/* One pass over all elements: the tape's gradient of the (derived) function against differences. */
static wg_status compare_user(wg_user_check *check, double step, double *gradient,
                              wg_check_report *report) {
    wg_var y = run_user(check, check->x);
    if (check->second) {
        y = along(check, y);
    }
    (void)wg_backward(y);
    double *to = gradient;
    for (int i = 0; i < check->n; i++) {
        int64_t count = wg_view_count(&check->inputs[i]);
        (void)wg_read_adjoint(check->xs[i], WG_F64, to, count);
        to += count;
    }
    if (wg_tape_status(check->tape) != WG_OK) {
        return tape_failed(check->tape, "check_gradient");
    }
    int64_t at = 0;
    for (int i = 0; i < check->n; i++) {
        for (int64_t k = 0; k < wg_view_count(&check->inputs[i]); k++, at++) {
            double expected;
            if (!wg_difference(user_value, check, check->x, at, step, &expected)) {
                return tape_failed(check->tape, "check_gradient");
            }
            wg_compare(report, expected, gradient[at], "%s derivative by input %d, element %lld",
                       check->second ? "second" : "first", i, (long long)k);
        }
    }
    return WG_OK;
}

wg_status wg_check_gradient(wg_check_function function, void *context, int n, const wg_view *inputs,
                            wg_check_options options, wg_check_report *report) {
    wg_check_report own;
    report = report != NULL ? report : &own;
    memset(report, 0, sizeof *report);
    double step = options.step > 0 ? options.step : 1e-3;
    double tolerance = options.tolerance > 0 ? options.tolerance : 1e-6;
    size_t total = 0;
    for (int i = 0; i < n; i++) {
        total += (size_t)wg_view_count(&inputs[i]);
    }
    wg_user_check check = {function, context, n, inputs, .tape = wg_tape_new()};
    check.xs = wg_calloc(2 * (size_t)n + 1, sizeof *check.xs);
    check.x = wg_calloc(3 * total + 1, sizeof *check.x);
    wg_status status = WG_OK;
    if (check.tape == NULL || check.xs == NULL || check.x == NULL) {
        status = wg_fail(WG_ERROR_MEMORY, "check_gradient: no memory for %zu elements", total);
    } else {
        check.gradients = check.xs + n;
        check.direction = check.x + total;
        double *to = check.x;
        for (int i = 0; i < n; i++) {
            wg_view flat;
            wg_view_set_contiguous(&flat, WG_F64, inputs[i].rank, inputs[i].shape);
            flat.data = to;
            wg_kernel_copy(&inputs[i], &flat);
            to += wg_view_count(&flat);
        }
        wg_random_uniform(wg_key_new(1), 0, total, -1, 1, check.direction);
        status = compare_user(&check, step, check.x + 2 * total, report);
        check.second = true;
        if (status == WG_OK && options.second) {
            status = compare_user(&check, step, check.x + 2 * total, report);
        }
    }
    wg_tape_free(check.tape);
    wg_free(check.xs);
    wg_free(check.x);
    if (status == WG_OK && report->worst > tolerance) {
        status = wg_fail(WG_ERROR_CHECK, "check_gradient: %s", report->message);
    }
    return status;
}
