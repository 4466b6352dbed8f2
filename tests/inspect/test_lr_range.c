/* test_lr_range.c: the range test finds a rate that works, and leaves everything as it was. */
#if !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif

#include "wengert.h"

#include "../base/comma.h"
#include "optim/optimizer.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct task {
    wg_store *store;
    wg_tape *tape;
    wg_optimizer *optimizer;
    uint64_t count;
    uint64_t fail_at, grow_at; /* steps; 0 for never */
} task;

/* A step of logistic regression on a few rows; counts in a buffer. */
static wg_status step(void *context, double *loss) {
    task *t = context;
    float x[8 * 4], y[8 * 3];
    for (int i = 0; i < 8 * 4; i++) {
        x[i] = (float)sin(0.5 * i);
    }
    for (int i = 0; i < 8 * 3; i++) {
        y[i] = (float)cos(i);
    }
    if (++t->count == t->fail_at) {
        return WG_ERROR_FILE;
    }
    wg_net net = wg_net_train(t->store, t->tape, wg_steps(t->optimizer));
    wg_buffer(net, "steps", WG_I64, 0, NULL, 0);
    wg_var h = wg_constant(t->tape, WG_F32, 2, (int64_t[]){8, 4}, x);
    h = wg_linear(net, "a", wg_tanh(wg_linear(net, "b", h, 6)), 3);
    if (t->count == t->grow_at) {
        h = wg_linear(net, "aa", h, 3);
    }
    wg_var error = wg_sub(h, wg_constant(t->tape, WG_F32, 2, (int64_t[]){8, 3}, y));
    wg_var mean = wg_mean(wg_square(error));
    *loss = wg_value(mean);
    wg_status status = wg_backward(mean);
    status = status == WG_OK ? wg_step(t->optimizer, t->tape) : status;
    wg_tape_reset(t->tape);
    wg_parameter_view steps;
    if (wg_store_find(t->store, "steps", &steps) == WG_OK) {
        ++*(int64_t *)steps.value.data;
    }
    return status;
}

static task new_task(void) {
    task t = {.store = wg_store_new(5), .tape = wg_tape_new()};
    wg_adam_options o = wg_adam_defaults();
    o.lr = 0.0125;
    t.optimizer = wg_adam(t.store, o);
    return t;
}

static void free_task(task *t) {
    wg_optimizer_free(t->optimizer);
    wg_tape_free(t->tape);
    wg_store_free(t->store);
}

/* Every value after some more steps: equal only where values, state and steps are. */
static void go_on(task *t, float *out) {
    double loss;
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(step(t, &loss), WG_OK);
    }
    const char *names[] = {"a.weight", "a.bias", "b.weight", "b.bias"};
    for (int p = 0, k = 0; p < 4; p++) {
        wg_parameter_view view;
        cr_assert_eq(wg_store_find(t->store, names[p], &view), WG_OK);
        memcpy(out + k, view.value.data, (size_t)wg_view_count(&view.value) * sizeof *out);
        k += (int)wg_view_count(&view.value);
    }
}

enum {
    ALL = 6 * 3 + 3 + 4 * 6 + 6
};

Test(lr_range, finds_a_rate_and_leaves_no_trace) {
    char path[] = "/tmp/wengert-range-XXXXXX";
    const int made = mkstemp(path);
    cr_assert(made >= 0);
    close(made);
    task t = new_task(), other = new_task();
    double loss;
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(step(&t, &loss), WG_OK);
        cr_assert_eq(step(&other, &loss), WG_OK);
    }
    wg_lr_range found;
    cr_assert_eq(wg_lr_range_test(t.optimizer, step, &t,
                                  (wg_lr_range_options){.high = 1000, .plot = path}, &found),
                 WG_OK, "%s", wg_last_message());
    cr_assert(found.suggested > 1e-5 && found.suggested < 1, "%g", found.suggested);
    cr_assert(found.lowest > found.suggested / 10 && found.lowest < 10, "%g", found.lowest);
    cr_assert(found.last < 1000 && found.steps < 100, "%g, %d", found.last, found.steps);
    cr_assert(wg_lr(t.optimizer) == 0.0125 && wg_steps(t.optimizer) == 4);
    wg_parameter_view steps;
    cr_assert_eq(wg_store_find(t.store, "steps", &steps), WG_OK);
    cr_assert_eq(*(int64_t *)steps.value.data, 4);
    float a[ALL], b[ALL];
    go_on(&t, a);
    go_on(&other, b);
    cr_assert_arr_eq(a, b, sizeof a);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file);
    char head[16] = "";
    cr_assert_not_null(fgets(head, sizeof head, file));
    fclose(file);
    cr_assert_eq(unlink(path), 0);
    free_task(&t);
    free_task(&other);
}

Test(lr_range, failures_leave_no_trace) {
    task t = new_task(), other = new_task();
    double loss;
    wg_lr_range found;
    const wg_lr_range_options o = {.low = 0.1};
    cr_assert_eq(wg_lr_range_test(t.optimizer, step, &t, o, &found), WG_ERROR_STATE);
    cr_assert_not_null(strstr(wg_last_message(), "empty"));
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(step(&t, &loss), WG_OK);
        cr_assert_eq(step(&other, &loss), WG_OK);
    }
    t.fail_at = t.count + 5;
    cr_assert_eq(wg_lr_range_test(t.optimizer, step, &t, o, &found), WG_ERROR_FILE);
    t.grow_at = t.count + 3;
    cr_assert_eq(wg_lr_range_test(t.optimizer, step, &t, o, &found), WG_ERROR_STATE);
    cr_assert_not_null(strstr(wg_last_message(), "made parameters"));
    cr_assert(wg_lr(t.optimizer) == 0.0125 && wg_steps(t.optimizer) == 2);
    float a[ALL], b[ALL];
    go_on(&t, a);
    go_on(&other, b);
    cr_assert_arr_eq(a, b, sizeof a);
    free_task(&t);
    free_task(&other);
}

Test(lr_range, the_title_has_a_point) {
    test_comma_locale();
    char path[] = "/tmp/wengert-range-XXXXXX";
    const int made = mkstemp(path);
    cr_assert(made >= 0);
    task t = new_task();
    double loss;
    wg_lr_range found;
    cr_assert_eq(step(&t, &loss), WG_OK);
    cr_assert_eq(wg_lr_range_test(t.optimizer, step, &t,
                                  (wg_lr_range_options){.high = 1000, .plot = path}, &found),
                 WG_OK, "%s", wg_last_message());
    close(made);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file);
    char line[256] = "", *title = NULL;
    while (title == NULL && fgets(line, sizeof line, file) != NULL) {
        title = strstr(line, "<title>");
    }
    fclose(file);
    cr_assert_not_null(title);
    cr_assert(strstr(title, "suggested 0.") != NULL && strchr(title, ',') == NULL, "%s", title);
    cr_assert_eq(unlink(path), 0);
    free_task(&t);
}

/* A run that has just been taken up, its optimizer's state still waiting, is kept to the bit, too;
 * what a plain file brought is refused. */
Test(lr_range, after_loading) {
    char path[] = "/tmp/wengert-range-XXXXXX";
    const int made = mkstemp(path);
    cr_assert(made >= 0);
    close(made);
    task t = new_task(), other = new_task();
    double loss;
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(step(&t, &loss), WG_OK);
    }
    const wg_training run = {.store = t.store, .optimizer = t.optimizer};
    const wg_training again = {.store = other.store, .optimizer = other.optimizer};
    cr_assert_eq(wg_checkpoint_save(path, &run), WG_OK, "%s", wg_last_message());
    cr_assert_eq(wg_checkpoint_load(path, &again), WG_OK, "%s", wg_last_message());
    wg_lr_range found;
    const wg_lr_range_options o = {.low = 1e-3, .steps = 10};
    cr_assert_eq(wg_lr_range_test(other.optimizer, step, &other, o, &found), WG_OK, "%s",
                 wg_last_message());
    float a[ALL], b[ALL];
    go_on(&t, a);
    go_on(&other, b);
    cr_assert_arr_eq(a, b, sizeof a);
    free_task(&other);
    other = new_task();
    cr_assert_eq(wg_store_load(other.store, path, (wg_load_options){.prefix = "model."}), WG_OK);
    cr_assert_eq(wg_lr_range_test(other.optimizer, step, &other, o, &found), WG_ERROR_STATE);
    cr_assert_not_null(strstr(wg_last_message(), "has not been used"));
    cr_assert_eq(unlink(path), 0);
    free_task(&t);
    free_task(&other);
}

Test(lr_range, refuses) {
    task t = new_task();
    double loss;
    wg_lr_range found;
    cr_assert_eq(step(&t, &loss), WG_OK);
    static const wg_lr_range_options wrong[] = {
        {.low = -1}, {.low = 2, .high = 1}, {.high = INFINITY}, {.steps = 1}, {.blow_up = NAN}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cr_assert_eq(wg_lr_range_test(t.optimizer, step, &t, wrong[i], &found), WG_ERROR_ARGUMENT);
    }
    const wg_lr_range_options o = {.plot = "no/such/folder/chart.svg", .steps = 5};
    cr_assert_eq(wg_lr_range_test(t.optimizer, NULL, &t, o, &found), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_lr_range_test(NULL, step, &t, o, &found), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_lr_range_test(t.optimizer, step, &t, o, &found), WG_ERROR_FILE);
    cr_assert_eq(found.steps, 5);
    wg_optimizer *lbfgs = wg_lbfgs(t.store, (wg_lbfgs_options){.lr = 1});
    cr_assert_eq(wg_lr_range_test(lbfgs, step, &t, o, &found), WG_ERROR_STATE);
    wg_optimizer_free(lbfgs);
    free_task(&t);
}
