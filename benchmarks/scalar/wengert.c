/* wengert.c: Wengert as a contender, recording anew for each gradient. A user's program would look
 * like this: the functions in the library's verbs, a tape that is reset for each gradient. */
#include "recorded.h"

#include <stdlib.h>
#include <wengert.h>

#define FN(name) wengert_##name
#include "verbs.h"

#include "functions.h"

typedef struct wengert_state {
    const scalar_function *function;
    wg_tape *tape;
    wg_var *x;
    double *gradient;
    double value;
} wengert_state;

wg_var scalar_wengert_evaluate(int index, const wg_var *x) {
    switch (index) {
#define EVALUATE(name, inputs, operations, primal, adept)                                          \
    case SCALAR_##name:                                                                            \
        return wengert_##name(x);
        SCALAR_FUNCTIONS(EVALUATE)
    default:
        return wg_number(0);
    }
}

static void teardown(void *state) {
    wengert_state *s = state;
    wg_tape_free(s->tape);
    free(s->x);
    free(s->gradient);
    free(s);
}

static void *setup(const void *argument) {
    wengert_state *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->function = argument;
    s->tape = wg_tape_new();
    s->x = calloc(s->function->inputs, sizeof *s->x);
    s->gradient = calloc(s->function->inputs, sizeof *s->gradient);
    if (s->tape && s->x && s->gradient)
        return s;
    teardown(s);
    return NULL;
}

static wg_var record(wengert_state *s) {
    wg_tape_reset(s->tape);
    for (size_t i = 0; i < s->function->inputs; i++)
        s->x[i] = wg_scalar(s->tape, s->function->x[i]);
    wg_var y = scalar_wengert_evaluate(s->function->index, s->x);
    s->value = wg_value(y);
    return y;
}

static void sweep(wengert_state *s, wg_var y) {
    if (wg_backward(y) != WG_OK) {
        fprintf(stderr, "wengert: %s: %s\n", s->function->name, wg_tape_message(s->tape));
        exit(2);
    }
    for (size_t i = 0; i < s->function->inputs; i++)
        s->gradient[i] = wg_adjoint(s->x[i]);
}

static void run(void *state) {
    wengert_state *s = state;
    sweep(s, record(s));
}

static void run_record(void *state) {
    record(state);
}

/* The shortest of `count` sweeps, times count: a clock read for each would else catch all that
 * interrupts. */
static double timed_sweep(void *state, long count) {
    double shortest = 1e9;
    for (long i = 0; i < count; i++) {
        wg_var y = record(state);
        const double start = bench_clock();
        sweep(state, y);
        const double took = bench_clock() - start;
        shortest = took < shortest ? took : shortest;
    }
    return shortest * (double)count;
}

static void result(void *state, double *out) {
    const wengert_state *s = state;
    for (size_t i = 0; i < s->function->inputs; i++)
        out[i] = s->gradient[i];
    out[s->function->inputs] = s->value;
}

const bench_contender scalar_wengert[] = {
    {.name = "Wengert", .setup = setup, .run = run, .result = result, .teardown = teardown},
    {.name = "  of this: recording", .setup = setup, .run = run_record, .teardown = teardown},
    {.name = "  of this: sweep", .setup = setup, .timed = timed_sweep, .teardown = teardown},
};
const int scalar_wengert_count = 3;
