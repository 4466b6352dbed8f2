#include "golden.h"

static void run_softmax(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_softmax(in[0], golden_integer(c, "axis", 0));
}

static void run_log_softmax(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_log_softmax(in[0], golden_integer(c, "axis", 0));
}

const golden_call golden_calls_softmax[] = {
    {"softmax", run_softmax, GOLDEN_ARRAY, 4, 8},
    {"log_softmax", run_log_softmax, GOLDEN_ARRAY, 4, 8},
    {0},
};
