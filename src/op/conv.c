/* conv.c: convolution, its transpose, and its gradient with respect to the weight: the chain rule
 * of each is made of the other two. */
#include "op/conv.h"

#include "op/define.h"
#include "op/samples.h"

#include <string.h>

extern const wg_op wg_op_conv_weight;

/* What the result is: batch and channels, or the weight's channels; and the sizes of an axis. */
static wg_status shape_of(wg_call *call, wg_conv_kind kind) {
    wg_conv_sizes s;
    wg_conv_state state;
    int axes = 0;
    if (!wg_conv_geometry(call, kind, &s, &axes, &state)) {
        return WG_ERROR_SHAPE;
    }
    const int64_t *size = kind == WG_CONV_FORWARD ? s.out : kind == WG_CONV_INPUT ? s.in : s.kernel;
    int64_t shape[5] = {s.batch, s.groups * s.out_channels};
    if (kind == WG_CONV_INPUT) {
        shape[1] = s.groups * s.in_channels;
    } else if (kind == WG_CONV_WEIGHT) {
        shape[0] = s.groups * s.out_channels;
        shape[1] = s.in_channels;
    }
    memcpy(shape + 2, size + 3 - axes, (size_t)axes * sizeof size[0]);
    return wg_call_result(call, wg_call_operand(call, 0)->dtype, axes + 2, shape);
}

/* The bias as an array, one for each channel; *fits is false where memory ran out. NULL: none. */
static const void *bias_of(wg_call *call, int64_t channels, bool *fits) {
    const wg_view *bias = wg_call_operand(call, 2);
    if (bias->rank == 1) {
        return bias->data;
    }
    const bool narrow = bias->dtype == WG_F32;
    const double value = narrow ? (double)*(const float *)bias->data : *(const double *)bias->data;
    if (value == 0) {
        return NULL;
    }
    void *all = wg_call_scratch(call, (size_t)channels * wg_dtype_size(bias->dtype) + 1);
    *fits = all != NULL;
    for (int64_t i = 0; i < channels && *fits; i++) {
        if (narrow) {
            ((float *)all)[i] = (float)value;
        } else {
            ((double *)all)[i] = value;
        }
    }
    return all;
}

static wg_status run(wg_call *call, wg_conv_kind kind) {
    wg_conv_sizes s;
    wg_conv_state state;
    int axes = 0;
    const wg_view *a = wg_call_operand(call, 0), *b = wg_call_operand(call, 1);
    const wg_view *out = wg_call_out(call);
    if (!wg_conv_geometry(call, kind, &s, &axes, &state)) {
        return WG_ERROR_SHAPE;
    }
    if (wg_view_count(out) == 0) {
        return WG_OK;
    }
    bool fits = true;
    const void *bias = kind == WG_CONV_WEIGHT ? NULL : bias_of(call, out->shape[1], &fits);
    const bool narrow = out->dtype == WG_F32;
    const size_t bytes = narrow ? wg_conv_workspace_f32(kind, &s) : wg_conv_workspace_f64(kind, &s);
    void *workspace = wg_call_scratch(call, bytes);
    if (!fits || workspace == NULL ||
        !(narrow ? wg_kernel_conv_f32(kind, &s, a->data, b->data, bias, out->data, workspace)
                 : wg_kernel_conv_f64(kind, &s, a->data, b->data, bias, out->data, workspace))) {
        return wg_call_fail(call, WG_ERROR_MEMORY, "no memory to lay out the operands");
    }
    return WG_OK;
}

/* The verbs, with the sizes of a convolution that was made before. */
static wg_var apply(const wg_op *op, wg_var a, wg_var b, const wg_conv_state *state) {
    const wg_var operands[3] = {a, b, wg_number(0)};
    return wg_apply(op, op == &wg_op_conv_weight ? 2 : 3, operands, state, sizeof *state, WG_HERE);
}

static void give_bias(wg_call *call, wg_var g) {
    if (!wg_wants(call, 2)) {
        return;
    }
    if (wg_operand_shape(call, 2).rank == 0) {
        wg_give(call, 2, g); /* the sweep sums over everything */
        return;
    }
    wg_axes axes = {.count = wg_rank(g) - 1};
    for (int i = 1; i < axes.count; i++) {
        axes.axis[i] = i + 1;
    }
    wg_give(call, 2, wg_sum_over(g, axes));
}

/* ---- the three ----------------------------------------------------------------------------- */

static wg_status conv_shape(wg_call *call) {
    return shape_of(call, WG_CONV_FORWARD);
}

static wg_status conv_forward(wg_call *call) {
    return run(call, WG_CONV_FORWARD);
}

static void conv_chain(wg_call *call, wg_var g) {
    wg_conv_sizes s;
    wg_conv_state state;
    int axes = 0;
    if (!wg_conv_geometry(call, WG_CONV_FORWARD, &s, &axes, &state)) {
        return;
    }
    if (wg_wants(call, 0)) {
        wg_give(call, 0, apply(&wg_op_conv_transpose, g, wg_operand(call, 1), &state));
    }
    if (wg_wants(call, 1)) {
        wg_give(call, 1, apply(&wg_op_conv_weight, wg_operand(call, 0), g, &state));
    }
    give_bias(call, g);
}

static wg_status conv_transpose_shape(wg_call *call) {
    return shape_of(call, WG_CONV_INPUT);
}

static wg_status conv_transpose_forward(wg_call *call) {
    return run(call, WG_CONV_INPUT);
}

static void conv_transpose_chain(wg_call *call, wg_var g) {
    wg_conv_sizes s;
    wg_conv_state state;
    int axes = 0;
    if (!wg_conv_geometry(call, WG_CONV_INPUT, &s, &axes, &state)) {
        return;
    }
    if (wg_wants(call, 0)) {
        wg_give(call, 0, apply(&wg_op_conv, g, wg_operand(call, 1), &state));
    }
    if (wg_wants(call, 1)) {
        wg_give(call, 1, apply(&wg_op_conv_weight, g, wg_operand(call, 0), &state));
    }
    give_bias(call, g);
}

static wg_status conv_weight_shape(wg_call *call) {
    return shape_of(call, WG_CONV_WEIGHT);
}

static wg_status conv_weight_forward(wg_call *call) {
    return run(call, WG_CONV_WEIGHT);
}

static void conv_weight_chain(wg_call *call, wg_var g) {
    wg_conv_sizes s;
    wg_conv_state state;
    int axes = 0;
    if (!wg_conv_geometry(call, WG_CONV_WEIGHT, &s, &axes, &state)) {
        return;
    }
    if (wg_wants(call, 0)) {
        wg_give(call, 0, apply(&wg_op_conv_transpose, wg_operand(call, 1), g, &state));
    }
    if (wg_wants(call, 1)) {
        wg_give(call, 1, apply(&wg_op_conv, wg_operand(call, 0), g, &state));
    }
}

/* ---- samples ------------------------------------------------------------------------------- */

#define ASKED(...) WG_STATE(wg_conv_state, .options = {__VA_ARGS__})

WG_SAMPLES(
    conv,
    {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 2, 5), WG_FLOATS(-1, 1, 3, 2, 3), WG_FLOATS(-1, 1, 3)),
     ASKED(.groups = 1)},
    {WG_OPERANDS(WG_FLOATS(-1, 1, 1, 2, 4, 5), WG_FLOATS(-1, 1, 3, 2, 3, 2), WG_FLOAT(-1, 1)),
     ASKED(.stride = {2, 1}, .padding = {1, 1}, .dilation = {1, 2})},
    {WG_OPERANDS(WG_FLOATS(-1, 1, 1, 4, 3, 5), WG_FLOATS(-1, 1, 4, 1, 3, 3), WG_FLOATS(-1, 1, 4)),
     ASKED(.groups = 4, .padding_mode = WG_PADDING_SAME)},
    {WG_OPERANDS(WG_FLOATS(-1, 1, 1, 2, 3, 4, 3), WG_FLOATS(-1, 1, 2, 1, 2, 3, 2),
                 WG_FLOATS(-1, 1, 2)),
     ASKED(.groups = 2, .stride = {2, 2, 1}, .padding = {1, 0, 1})},
    {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 1, 1), WG_FLOATS(-1, 1, 1, 1, 1), WG_FLOAT(-1, 1)),
     ASKED(.groups = 1)},
    {WG_OPERANDS(WG_FLOATS(-1, 1, 0, 2, 4), WG_FLOATS(-1, 1, 3, 2, 2), WG_FLOATS(-1, 1, 3)),
     ASKED(.groups = 1)})
WG_DEFINE_OP(conv, conv_forward, conv_chain, WG_READS_OPERAND(0) | WG_READS_OPERAND(1),
             WG_OP_FLOATS | WG_OP_CONTIGUOUS)

WG_SAMPLES(conv_transpose,
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 2, 4), WG_FLOATS(-1, 1, 2, 3, 3), WG_FLOATS(-1, 1, 3)),
            ASKED(.stride = {3}, .padding = {1}, .output_padding = {2})},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 1, 4, 3, 2), WG_FLOATS(-1, 1, 4, 1, 2, 3),
                        WG_FLOAT(-1, 1)),
            ASKED(.groups = 2, .stride = {1, 2}, .dilation = {3, 1}, .output_padding = {2, 1})},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 1, 1, 2, 2, 3), WG_FLOATS(-1, 1, 1, 2, 2, 1, 2),
                        WG_FLOATS(-1, 1, 2)),
            ASKED(.stride = {2, 3, 1}, .padding = {1})},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 0, 2, 4), WG_FLOATS(-1, 1, 2, 3, 2), WG_FLOATS(-1, 1, 3)),
            ASKED(.groups = 1)})
WG_DEFINE_OP(conv_transpose, conv_transpose_forward, conv_transpose_chain,
             WG_READS_OPERAND(0) | WG_READS_OPERAND(1), WG_OP_FLOATS | WG_OP_CONTIGUOUS)

#define EXACT(taps, ...)                                                                           \
    WG_STATE(wg_conv_state, .exact = true, .kernel = taps, .options = {__VA_ARGS__})
#define TAPS(...)                                                                                  \
    { __VA_ARGS__ }

WG_SAMPLES(conv_weight,
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 2, 5), WG_FLOATS(-1, 1, 2, 3, 3)),
            EXACT(TAPS(3), .stride = {1}, .dilation = {1})},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 4, 4, 5), WG_FLOATS(-1, 1, 2, 2, 2, 2)),
            EXACT(TAPS(3, 2), .groups = 2, .stride = {1, 2}, .dilation = {1, 2})},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 0, 2, 4), WG_FLOATS(-1, 1, 0, 1, 3)),
            EXACT(TAPS(2), .stride = {1}, .dilation = {1})})
WG_DEFINE_OP(conv_weight, conv_weight_forward, conv_weight_chain, WG_READS_OPERANDS,
             WG_OP_FLOATS | WG_OP_CONTIGUOUS)

/* ---- verbs --------------------------------------------------------------------------------- */

static wg_var asked(const wg_op *op, wg_var x, wg_var weight, wg_var bias,
                    const wg_conv_options *options, const char *site) {
    const wg_var operands[3] = {x, weight, bias};
    wg_conv_state state;
    memset(&state, 0, sizeof state);
    state.options = *options;
    return wg_apply(op, 3, operands, &state, sizeof state, site);
}

wg_var wg_conv_at(wg_var x, wg_var weight, wg_var bias, wg_conv_options options, const char *site) {
    return asked(&wg_op_conv, x, weight, bias, &options, site);
}

wg_var wg_conv_transpose_at(wg_var x, wg_var weight, wg_var bias, wg_conv_options options,
                            const char *site) {
    return asked(&wg_op_conv_transpose, x, weight, bias, &options, site);
}
