/* hand.c: the code of by_hand.c as contenders, and the table of the functions. */
#include "scalar.h"

#include <stdlib.h>
#include <string.h>

typedef struct hand_state {
    const scalar_function *function;
    double *out; /* gradient, then the value */
    volatile double sink;
} hand_state;

static void teardown(void *state) {
    hand_state *s = state;
    free(s->out);
    free(s);
}

static void *setup(const void *argument) {
    hand_state *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->function = argument;
    s->out = calloc(s->function->inputs + 1, sizeof *s->out);
    if (s->out)
        return s;
    teardown(s);
    return NULL;
}

static void run_primal(void *state) {
    hand_state *s = state;
    s->sink = primal_of(s->function->index, s->function->x);
}

static void run_gradient(void *state) {
    hand_state *s = state;
    s->out[s->function->inputs] = gradient_by_hand(s->function->index, s->function->x, s->out);
}

static void result(void *state, double *out) {
    const hand_state *s = state;
    const size_t n = s->function->inputs;
    memcpy(out, s->out, (n + 1) * sizeof *out);
    if (s->function->second)
        out[2 * n + 1] = gradient_by_hand(s->function->index, s->function->second, out + n + 1);
}

const bench_contender scalar_primal = {
    .name = "plain primal", .setup = setup, .run = run_primal, .teardown = teardown};
const bench_contender scalar_by_hand = {.name = "gradient by hand",
                                        .setup = setup,
                                        .run = run_gradient,
                                        .result = result,
                                        .teardown = teardown};

const scalar_function scalar_functions[SCALAR_COUNT] = {
#define FUNCTION(key, count, work, primal_ms, adept_ms)                                            \
    {.name = #key,                                                                                 \
     .index = SCALAR_##key,                                                                        \
     .inputs = count,                                                                              \
     .operations = work,                                                                           \
     .anchor_primal = primal_ms,                                                                   \
     .anchor_adept = adept_ms},
    SCALAR_FUNCTIONS(FUNCTION)
#undef FUNCTION
};
