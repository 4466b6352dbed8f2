#include "golden.h"

static int axis_of(const golden_case *c) {
    return golden_integer(c, "axis", 0);
}

static void run_take_along(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_take_along(in[0], in[1], axis_of(c));
}

static void run_scatter_add(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_scatter_add(in[0], in[1], in[2], axis_of(c));
}

static void run_scatter(const golden_case *c, const wg_var *in, wg_var *out) {
    const wg_var value = wg_number(golden_number(c, "value", 0));
    out[0] = wg_scatter(in[0], in[1], c->inputs > 2 ? in[2] : value, axis_of(c));
}

/* What only moves elements is exact; sums of a few differ by their order. */
const golden_call golden_calls_index[] = {
    {"take_along", run_take_along, GOLDEN_ARRAY, 0, 1},
    {"scatter_add", run_scatter_add, GOLDEN_ARRAY, 1, 0},
    {"scatter", run_scatter, GOLDEN_ARRAY, 0, 0},
    {0},
};
