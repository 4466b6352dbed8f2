#include "golden.h"

static void run_attention(const golden_case *c, const wg_var *in, wg_var *out) {
    const wg_attention_options options = {.scale = golden_number(c, "scale", 0)};
    out[0] = wg_attention(in[0], in[1], in[2], options);
}

static void run_causal(const golden_case *c, const wg_var *in, wg_var *out) {
    (void)c;
    out[0] = wg_attention(in[0], in[1], in[2], (wg_attention_options){.causal = true});
}

static void run_masked(const golden_case *c, const wg_var *in, wg_var *out) {
    const bool whole = wg_view_of(in[3]).dtype == WG_I64;
    out[0] = wg_attention(in[0], in[1], in[2],
                          (wg_attention_options){.causal = golden_integer(c, "causal", 0) != 0,
                                                 .mask = whole ? wg_cast(in[3], WG_U8) : in[3]});
}

const golden_call golden_calls_attention[] = {
    {"attention", run_attention, GOLDEN_ARRAY, 8, 16},
    {"causal", run_causal, GOLDEN_ARRAY, 8, 16},
    {"masked", run_masked, GOLDEN_ARRAY, 8, 16},
    {0},
};
