/* bundle_adolc.cpp: the Jacobian by ADOL-C: one tape, driven by jacobian() for each observation. */
#include "bundle.h"

#include <adolc/adolc.h>
#include <cmath>
#include <vector>

#define NUM adouble
#define FN(name) adolc_##name
#include "../scalar/plain.h"

#include "bundle_residual.h"

namespace {

const short tag = 3;

struct State {
    const double *x;
    std::vector<double> residual, jacobian;
};

void *setup(const void *argument) {
    State *s = new State;
    s->x = static_cast<const double *>(argument);
    s->residual.resize(BUNDLE_ADOLC_OBSERVATIONS * BUNDLE_OUTPUTS);
    s->jacobian.resize(BUNDLE_ADOLC_OBSERVATIONS * BUNDLE_OUTPUTS * BUNDLE_INPUTS);
    trace_on(tag);
    {
        adouble x[BUNDLE_INPUTS], y[BUNDLE_OUTPUTS];
        double value;
        for (int i = 0; i < BUNDLE_INPUTS; i++)
            x[i] <<= s->x[i];
        adolc_bundle(x, y);
        for (int i = 0; i < BUNDLE_OUTPUTS; i++)
            y[i] >>= value;
    }
    trace_off();
    return s;
}

/* What the driver jacobian() does, keeping the residual too. */
void run(void *state) {
    State &s = *static_cast<State *>(state);
    double unit[2][BUNDLE_OUTPUTS] = {{1, 0}, {0, 1}};
    double *weights[BUNDLE_OUTPUTS] = {unit[0], unit[1]};
    for (int i = 0; i < BUNDLE_ADOLC_OBSERVATIONS; i++) {
        double *out = &s.jacobian[size_t(i) * BUNDLE_OUTPUTS * BUNDLE_INPUTS];
        double *rows[BUNDLE_OUTPUTS] = {out, out + BUNDLE_INPUTS};
        zos_forward(tag, BUNDLE_OUTPUTS, BUNDLE_INPUTS, 1, s.x + i * BUNDLE_INPUTS,
                    &s.residual[size_t(i) * BUNDLE_OUTPUTS]);
        fov_reverse(tag, BUNDLE_OUTPUTS, BUNDLE_INPUTS, BUNDLE_OUTPUTS, weights, rows);
    }
}

void result(void *state, double *out) {
    const State &s = *static_cast<State *>(state);
    for (int i = 0; i < BUNDLE_ADOLC_OBSERVATIONS; i++)
        bundle_result(&s.residual[size_t(i) * BUNDLE_OUTPUTS],
                      &s.jacobian[size_t(i) * BUNDLE_OUTPUTS * BUNDLE_INPUTS], BUNDLE_INPUTS,
                      out + i * BUNDLE_RESULTS);
}

void teardown(void *state) {
    removeTape(tag, ADOLC_REMOVE_COMPLETELY);
    delete static_cast<State *>(state);
}

} // namespace

extern "C" {
extern const bench_contender bundle_adolc = {"ADOL-C, one by one",
                                             nullptr,
                                             setup,
                                             run,
                                             nullptr,
                                             result,
                                             BUNDLE_ADOLC_OBSERVATIONS *BUNDLE_RESULTS,
                                             BUNDLE_ADOLC_OBSERVATIONS,
                                             teardown,
                                             true};
}
