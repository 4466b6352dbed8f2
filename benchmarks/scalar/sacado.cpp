/* sacado.cpp: Sacado's reverse mode (Rad) as a contender. */
#include "scalar.h"

#include <Sacado_trad.hpp>
#include <Trilinos_version.h>
#include <cmath>
#include <vector>

typedef Sacado::Rad::ADvar<double> Number;

/* Rad knows no erf; ADf1 is its door for a user's function of one variable. */
static inline Sacado::Rad::ADvari<double> &erf(const Sacado::Rad::ADvari<double> &d) {
    const double x = d.Val;
    return Sacado::Rad::ADf1(std::erf(x), 1.12837916709551257390 * std::exp(-x * x), d);
}

#define NUM Number
#define FN(name) sacado_##name
#include "plain.h"

#include "functions.h"

namespace {

struct State {
    const scalar_function *function;
    std::vector<Number> inputs;
    std::vector<double> gradient;
    double value;
};

Number evaluate(int index, const Number *x) {
    switch (index) {
#define EVALUATE(name, inputs, operations, primal, adept)                                          \
    case SCALAR_##name:                                                                            \
        return sacado_##name(x);
        SCALAR_FUNCTIONS(EVALUATE)
    default:
        return Number(0.0);
    }
}

void run(void *state) {
    State &s = *static_cast<State *>(state);
    const size_t n = s.function->inputs;
    for (size_t i = 0; i < n; i++)
        s.inputs[i] = s.function->x[i];
    Number y = evaluate(s.function->index, s.inputs.data());
    s.value = y.val();
    Number::Gradcomp();
    for (size_t i = 0; i < n; i++)
        s.gradient[i] = s.inputs[i].adj();
}

void *setup(const void *argument) {
    State *s = new State;
    s->function = static_cast<const scalar_function *>(argument);
    s->inputs.resize(s->function->inputs);
    s->gradient.resize(s->function->inputs);
    return s;
}

void result(void *state, double *out) {
    const State &s = *static_cast<State *>(state);
    for (size_t i = 0; i < s.gradient.size(); i++)
        out[i] = s.gradient[i];
    out[s.gradient.size()] = s.value;
}

void teardown(void *state) {
    delete static_cast<State *>(state);
}

} // namespace

extern "C" {
extern const bench_contender scalar_sacado[] = {
    {"Sacado Rad", nullptr, setup, run, nullptr, result, 0, 0, teardown, true},
};
extern const int scalar_sacado_count = 1;
const char *scalar_sacado_version(void) {
    return "(Trilinos " TRILINOS_VERSION_STRING ")";
}
}
