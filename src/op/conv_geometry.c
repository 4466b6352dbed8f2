/* conv_geometry.c: the sizes of a convolution, out of operands and options, and what is wrong with
 * them. */
#include "op/conv.h"

#include "base/base.h"
#include "tape/tape.h"

#include <string.h>

#define MOST_OPTION INT32_MAX /* sizes and options up to here cannot overflow */

static int64_t or_one(int64_t x) {
    return x == 0 ? 1 : x;
}

/* Number i of an option; where it is 0, the one before (which stands by now), or 1. */
static int64_t or_before(const int64_t *values, int i) {
    return values[i] == 0 && i > 0 ? values[i - 1] : or_one(values[i]);
}

static bool refuse_axis(wg_call *call, const char *what, int64_t value, int axis) {
    wg_call_fail(call, WG_ERROR_ARGUMENT, "%s %lld of spatial axis %d is out of range", what,
                 (long long)value, axis);
    return false;
}

static bool check_options(wg_call *call, const wg_conv_options *o, int axes) {
    if (o->groups < 0 || o->groups > MOST_OPTION) {
        wg_call_fail(call, WG_ERROR_ARGUMENT, "%lld groups", (long long)o->groups);
        return false;
    }
    const struct {
        const char *name;
        const int64_t *value;
    } all[] = {{"kernel", o->kernel},
               {"stride", o->stride},
               {"padding", o->padding},
               {"dilation", o->dilation},
               {"output_padding", o->output_padding}};
    for (size_t k = 0; k < WG_COUNT_OF(all); k++) {
        for (int i = 0; i < 3; i++) {
            const int64_t value = all[k].value[i];
            if (value < 0 || value > MOST_OPTION) {
                return refuse_axis(call, all[k].name, value, i);
            }
            if (axes > 0 && i >= axes && value != 0) {
                wg_call_fail(call, WG_ERROR_ARGUMENT,
                             "%s %lld is for spatial axis %d, but there are %d", all[k].name,
                             (long long)value, i, axes);
                return false;
            }
        }
    }
    return true;
}

/* Ranks and channels. `out` and `in` are the channels of the weight's first two axes. */
static bool check_channels(wg_call *call, wg_conv_kind kind, const wg_conv_options *o,
                           wg_conv_sizes *s) {
    const wg_view x = wg_operand_shape(call, 0), b = wg_operand_shape(call, 1);
    const char *second = kind == WG_CONV_WEIGHT ? "adjoint" : "weight";
    if (x.rank < 3 || x.rank > 5 || b.rank != x.rank) {
        wg_call_fail(call, WG_ERROR_SHAPE,
                     "x %s and %s %s are not [batch, channels, size...] and [out, channels / "
                     "groups, kernel...] with 1 to 3 spatial axes",
                     wg_call_shape(call, 0), second, wg_call_shape(call, 1));
        return false;
    }
    s->batch = x.shape[0];
    s->groups = or_one(o->groups);
    const int64_t channels = x.shape[1], first = b.shape[0], next = b.shape[1], g = s->groups;
    bool fits;
    if (kind == WG_CONV_FORWARD) {
        fits = channels == next * g && first % g == 0;
        s->in_channels = next;
        s->out_channels = first / g;
    } else if (kind == WG_CONV_INPUT) {
        fits = channels == first && first % g == 0;
        s->in_channels = next;
        s->out_channels = first / g;
    } else {
        fits = first == s->batch && channels % g == 0 && next % g == 0;
        s->in_channels = channels / g;
        s->out_channels = next / g;
    }
    if (!fits) {
        wg_call_fail(call, WG_ERROR_SHAPE,
                     "the channels of x %s and %s %s do not fit in %lld group%s",
                     wg_call_shape(call, 0), second, wg_call_shape(call, 1), (long long)g,
                     g == 1 ? "" : "s");
    }
    return fits;
}

/* Bias: one for each channel of the result, or rank 0. */
static bool check_bias(wg_call *call, int64_t channels) {
    const wg_view bias = wg_operand_shape(call, 2);
    if (bias.rank != 0 && (bias.rank != 1 || bias.shape[0] != channels)) {
        wg_call_fail(call, WG_ERROR_SHAPE, "the bias is %s and should be [%lld]",
                     wg_call_shape(call, 2), (long long)channels);
        return false;
    }
    return true;
}

/* Zeros in front and behind an axis of the asked-for convolution, not `exact`. */
static bool pad_axis(wg_call *call, wg_conv_kind kind, wg_conv_state *state, int i, int64_t reach) {
    wg_conv_options *o = &state->options;
    if (o->padding_mode != WG_PADDING_GIVEN && o->padding[i] != 0) {
        wg_call_fail(call, WG_ERROR_ARGUMENT, "padding is given, and so is a mode of padding");
        return false;
    }
    if (o->padding_mode == WG_PADDING_SAME) {
        if (kind != WG_CONV_FORWARD || o->stride[i] != 1) {
            wg_call_fail(call, WG_ERROR_ARGUMENT,
                         kind == WG_CONV_FORWARD ? "padding 'same' needs stride 1"
                                                 : "there is no padding 'same'");
            return false;
        }
        o->padding[i] = (reach - 1) / 2;
        state->behind[i] = reach - 1 - o->padding[i];
        return true;
    }
    if (kind == WG_CONV_FORWARD && o->output_padding[i] != 0) {
        wg_call_fail(call, WG_ERROR_ARGUMENT, "output_padding is for the transposed convolution");
        return false;
    }
    if (o->output_padding[i] != 0 && o->output_padding[i] >= o->stride[i] &&
        o->output_padding[i] >= o->dilation[i]) {
        wg_call_fail(call, WG_ERROR_ARGUMENT,
                     "output_padding %lld must be less than stride %lld or dilation %lld",
                     (long long)o->output_padding[i], (long long)o->stride[i],
                     (long long)o->dilation[i]);
        return false;
    }
    /* What is added to the transposed result is not covered by any kernel: as if cut off. */
    state->behind[i] = o->padding[i] - o->output_padding[i];
    return true;
}

static bool refuse_kernel(wg_call *call, int64_t asked, int64_t kernel, int axis) {
    if (kernel < 1) {
        wg_call_fail(call, WG_ERROR_SHAPE, "the kernel of spatial axis %d has no taps", axis);
    } else {
        wg_call_fail(call, WG_ERROR_SHAPE,
                     "the kernel of spatial axis %d should have %lld taps, the weight is %s", axis,
                     (long long)asked, wg_call_shape(call, 1));
    }
    return false;
}

/* The size of the input where the operands do not say it. */
static int64_t transposed_size(const wg_conv_state *state, int64_t x, int64_t reach, int i) {
    return state->exact ? state->in[i]
                        : (x - 1) * state->options.stride[i] -
                              (state->options.padding[i] + state->behind[i]) + reach;
}

/* Inputs and outputs of an axis; `pads` zeros in all. */
static bool check_sizes(wg_call *call, wg_conv_kind kind, int64_t in, int64_t pads, int64_t reach,
                        int64_t x, int axis) {
    if (in > MOST_OPTION || x > MOST_OPTION) {
        wg_call_fail(call, WG_ERROR_LIMIT, "spatial axis %d: a size of 2^31 or more", axis);
    } else if (kind == WG_CONV_INPUT && x == 0) {
        wg_call_fail(call, WG_ERROR_SHAPE, "spatial axis %d: x has no elements", axis);
    } else if (kind == WG_CONV_INPUT && in < 1) {
        wg_call_fail(call, WG_ERROR_SHAPE, "spatial axis %d: the result would have %lld elements",
                     axis, (long long)in);
    } else if (in + pads < reach) {
        wg_call_fail(call, WG_ERROR_SHAPE,
                     "spatial axis %d: %lld elements and %lld zeros of padding are fewer than the "
                     "kernel spans, %lld",
                     axis, (long long)in, (long long)pads, (long long)reach);
    } else {
        return true;
    }
    return false;
}

/* Sizes of axis `at` (of three), spatial axis i of the operands. */
static bool axis_sizes(wg_call *call, wg_conv_kind kind, wg_conv_state *state, wg_conv_sizes *s,
                       int i, int at) {
    wg_conv_options *o = &state->options;
    const int64_t x = wg_operand_shape(call, 0).shape[2 + i];
    const int64_t b = wg_operand_shape(call, 1).shape[2 + i];
    const int64_t kernel = kind == WG_CONV_WEIGHT ? state->kernel[i] : b;
    o->stride[i] = or_before(o->stride, i);
    o->dilation[i] = or_before(o->dilation, i);
    if (kernel < 1 || kernel > MOST_OPTION || (o->kernel[i] != 0 && o->kernel[i] != kernel)) {
        return refuse_kernel(call, o->kernel[i], kernel, i);
    }
    const int64_t reach = (kernel - 1) * o->dilation[i] + 1;
    if (!state->exact && !pad_axis(call, kind, state, i, reach)) {
        return false;
    }
    const int64_t pads = o->padding[i] + state->behind[i];
    const int64_t in = kind == WG_CONV_INPUT ? transposed_size(state, x, reach, i) : x;
    if (!check_sizes(call, kind, in, pads, reach, x, i)) {
        return false;
    }
    const int64_t out = (in + pads - reach) / o->stride[i] + 1;
    if ((kind == WG_CONV_INPUT && out != x) || (kind == WG_CONV_WEIGHT && out != b)) {
        wg_call_fail(call, WG_ERROR_SHAPE, "spatial axis %d: the sizes of %s and %s do not fit", i,
                     wg_call_shape(call, 0), wg_call_shape(call, 1));
        return false;
    }
    s->in[at] = state->in[i] = in;
    s->out[at] = out;
    s->kernel[at] = state->kernel[i] = kernel;
    s->stride[at] = o->stride[i];
    s->dilation[at] = o->dilation[i];
    s->pad[at] = o->padding[i];
    return true;
}

bool wg_conv_geometry(wg_call *call, wg_conv_kind kind, wg_conv_sizes *s, int *axes,
                      wg_conv_state *state) {
    memcpy(state, wg_call_state(call), sizeof *state);
    *axes = wg_operand_shape(call, 0).rank - 2;
    if ((!state->exact && !check_options(call, &state->options, *axes)) ||
        !check_channels(call, kind, &state->options, s)) {
        return false;
    }
    for (int at = 0; at < 3; at++) {
        s->in[at] = s->out[at] = s->kernel[at] = s->stride[at] = s->dilation[at] = 1;
        s->pad[at] = 0;
    }
    for (int i = 0; i < *axes; i++) {
        if (!axis_sizes(call, kind, state, s, i, 3 - *axes + i)) {
            return false;
        }
    }
    state->exact = true;
    state->options.groups = s->groups;
    return kind == WG_CONV_WEIGHT ||
           check_bias(call,
                      s->groups * (kind == WG_CONV_FORWARD ? s->out_channels : s->in_channels));
}

bool wg_conv_accepts(wg_tape *tape, const wg_op *op, const wg_view *x, const wg_view *weight,
                     const wg_conv_options *options, const char *site) {
    wg_view views[3] = {*x, *weight, {.rank = 0}};
    wg_call call = {.tape = tape, .op = op, .site = site, .count = 3, .views = views};
    wg_conv_state state;
    memset(&state, 0, sizeof state);
    state.options = *options;
    call.state = &state;
    return tape->status == WG_OK && op->shape(&call) == WG_OK;
}
