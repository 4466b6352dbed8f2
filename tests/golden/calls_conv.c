#include "golden.h"

static wg_conv_options options_of(const golden_case *c) {
    wg_conv_options o = {.groups = golden_integer(c, "groups", 1),
                         .padding_mode = (wg_padding)golden_integer(c, "padding_mode", 0)};
    golden_integers(c, "stride", o.stride);
    golden_integers(c, "padding", o.padding);
    golden_integers(c, "dilation", o.dilation);
    golden_integers(c, "output_padding", o.output_padding);
    return o;
}

static void run_conv(const golden_case *c, const wg_var *in, wg_var *out) {
    const wg_var bias = c->inputs > 2 ? in[2] : wg_number(0);
    out[0] = wg_conv(in[0], in[1], bias, options_of(c));
}

static void run_conv_transpose(const golden_case *c, const wg_var *in, wg_var *out) {
    const wg_var bias = c->inputs > 2 ? in[2] : wg_number(0);
    out[0] = wg_conv_transpose(in[0], in[1], bias, options_of(c));
}

const golden_call golden_calls_conv[] = {
    {"conv", run_conv, GOLDEN_ARRAY, 2, 2},
    {"conv_transpose", run_conv_transpose, GOLDEN_ARRAY, 2, 2},
    {0},
};
