/* adolc.cpp: ADOL-C as a contender: recording anew for each gradient, and replaying one tape. */
#include "scalar.h"

#include <adolc/adolc.h>
#include <cmath>
#include <cstdio>
#include <vector>

#define NUM adouble
#define FN(name) adolc_##name
#include "plain.h"

#include "functions.h"

namespace {

struct State {
    const scalar_function *function;
    std::vector<adouble> *inputs;
    std::vector<double> gradient;
    double value;
    short tag;
    unsigned operations, locations, values, taylors;
};

adouble evaluate(int index, const adouble *x) {
    switch (index) {
#define EVALUATE(name, inputs, operations, primal, adept)                                          \
    case SCALAR_##name:                                                                            \
        return adolc_##name(x);
        SCALAR_FUNCTIONS(EVALUATE)
    default:
        return adouble(0);
    }
}

/* keep = 1: the values that the reverse sweep needs are kept while recording, so that no forward
 * pass follows. */
void record(State &s, int keep) {
    const size_t n = s.function->inputs;
    trace_on(s.tag, keep, s.operations, s.locations, s.values, s.taylors, 1);
    std::vector<adouble> &x = *s.inputs;
    for (size_t i = 0; i < n; i++)
        x[i] <<= s.function->x[i];
    {
        adouble y = evaluate(s.function->index, x.data());
        y >>= s.value;
    }
    trace_off();
}

void *setup(const scalar_function *function, int kind) {
    State *s = new State;
    s->function = function;
    s->inputs = new std::vector<adouble>(function->inputs);
    s->gradient.resize(function->inputs);
    s->tag = short(kind + 1);
    /* Room for the largest function, so that nothing goes to disk: an operation takes a byte of
     * code, up to four locations, and its result's old value. All functions ask for the same,
     * because ADOL-C hands the buffers of a removed tape to the next one, whatever sizes that asks
     * for. What is not written to costs nothing. */
    s->operations = s->values = s->taylors = 6000000;
    s->locations = 4 * s->operations;
    record(*s, 1);
    size_t counts[STAT_SIZE];
    tapestats(s->tag, counts);
    if (counts[OP_FILE_ACCESS] || counts[LOC_FILE_ACCESS] || counts[VAL_FILE_ACCESS])
        std::fprintf(stderr, "adolc: %s: the tape went to disk\n", function->name);
    return s;
}

void *setup_anew(const void *argument) {
    return setup(static_cast<const scalar_function *>(argument), 0);
}

void *setup_replay(const void *argument) {
    return setup(static_cast<const scalar_function *>(argument), 1);
}

void run_anew(void *state) {
    State &s = *static_cast<State *>(state);
    record(s, 1);
    double one = 1;
    reverse(s.tag, 1, int(s.function->inputs), 0, &one, s.gradient.data());
}

void run_replay(void *state) {
    State &s = *static_cast<State *>(state);
    /* what the driver gradient() does, keeping the value too */
    zos_forward(s.tag, 1, int(s.function->inputs), 1, s.function->x, &s.value);
    double one = 1;
    fos_reverse(s.tag, 1, int(s.function->inputs), &one, s.gradient.data());
}

void result(void *state, double *out) {
    const State &s = *static_cast<State *>(state);
    for (size_t i = 0; i < s.gradient.size(); i++)
        out[i] = s.gradient[i];
    out[s.gradient.size()] = s.value;
}

void teardown(void *state) {
    State *s = static_cast<State *>(state);
    delete s->inputs;
    removeTape(s->tag, ADOLC_REMOVE_COMPLETELY);
    delete s;
}

} // namespace

extern "C" {
extern const bench_contender scalar_adolc[] = {
    {"ADOL-C, recording anew", nullptr, setup_anew, run_anew, nullptr, result, 0, 0, teardown,
     true},
    {"ADOL-C, replaying its tape", nullptr, setup_replay, run_replay, nullptr, result, 0, 0,
     teardown, true},
};
extern const int scalar_adolc_count = 2;
const char *scalar_adolc_version(void) {
    return ADOLC_VERSION_TEXT;
}
}
