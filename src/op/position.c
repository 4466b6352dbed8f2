/* position.c: positions as waves, and as rotations. */
#include "wengert/position.h"
#include "kernel/rotary.h"
#include "op/axes.h"
#include "op/define.h"
#include "op/samples.h"
#include "op/verb.h"
#include "tape/tape.h"
#include "wengert/index.h"

#include <math.h>
#include <string.h>

/* The angle's share of a position at pair j. */
static double frequency(double base, int64_t j, int64_t width) {
    return pow(base, -2 * (double)j / (double)width);
}

wg_var wg_sinusoidal(wg_tape *tape, wg_dtype dtype, int64_t first, int64_t length, int64_t width) {
    if (tape->status != WG_OK) {
        return wg_poison(tape);
    }
    if (length < 0 || width < 0 || (dtype != WG_F32 && dtype != WG_F64)) {
        wg_tape_fail(tape, WG_ERROR_ARGUMENT, "sinusoidal", NULL,
                     "[%lld, %lld] of %s is no array of floats", (long long)length,
                     (long long)width, wg_dtype_name(dtype));
        return wg_poison(tape);
    }
    const wg_var r = wg_constant(tape, dtype, WG_SHAPE(length, width), NULL);
    const wg_view to = wg_view_of(r);
    for (int64_t k = 0; k < width && tape->status == WG_OK; k++) {
        const double share = frequency(10000, k / 2, width);
        for (int64_t i = 0; i < length; i++) {
            const double angle = (double)(first + i) * share;
            wg_set_element(dtype, to.data, i * width + k, k % 2 == 0 ? sin(angle) : cos(angle));
        }
    }
    return r;
}

wg_var wg_length_mask_at(wg_var lengths, int64_t steps, const char *site) {
    if (!wg_verb_takes(lengths, "length_mask", site)) {
        return wg_verb_nothing(lengths);
    }
    const wg_view view = wg_view_of(lengths);
    if (!wg_is_array(lengths) || (view.dtype != WG_I64 && view.dtype != WG_U8)) {
        return wg_verb_fails(lengths, WG_ERROR_DTYPE, "length_mask", site,
                             "is no array of integers");
    }
    const wg_var ends = wg_unsqueeze_at(wg_cast_at(lengths, WG_F64, site), -1, site);
    const wg_var all = wg_constant(lengths.tape, WG_F64, WG_SHAPE(steps), NULL);
    const wg_view to = wg_view_of(all);
    for (int64_t i = 0; i < steps && lengths.tape->status == WG_OK; i++) {
        ((double *)to.data)[i] = (double)i;
    }
    return wg_cast_at(wg_lt_at(all, ends, site), WG_U8, site);
}

typedef struct rotary_state {
    wg_rotary_options options;
    int axis;
    bool back; /* by the negative angles: the chain rule */
} rotary_state;

static wg_status rotary_shape(wg_call *call) {
    const rotary_state *state = wg_call_state(call);
    const wg_view *x = wg_call_operand(call, 0);
    const int axis = wg_call_axis(call, 0, state->axis);
    if (axis < 0) {
        return WG_ERROR_ARGUMENT;
    }
    if (axis == x->rank - 1 || x->shape[x->rank - 1] % 2 != 0) {
        return wg_call_fail(call, WG_ERROR_SHAPE,
                            "x is %s: pairs of the last axis turn with the positions along axis %d",
                            wg_call_shape(call, 0), state->axis);
    }
    const double base = state->options.base;
    if (!(base >= 0 && isfinite(base))) {
        return wg_call_fail(call, WG_ERROR_ARGUMENT, "the base is %g", base);
    }
    return wg_call_result(call, x->dtype, x->rank, x->shape);
}

static wg_status rotary_forward(wg_call *call) {
    const rotary_state *state = wg_call_state(call);
    const wg_view *x = wg_call_operand(call, 0);
    const int axis = wg_call_axis(call, 0, state->axis);
    const int64_t width = x->shape[x->rank - 1], pairs = width / 2, length = x->shape[axis];
    const double base = state->options.base == 0 ? 10000 : state->options.base;
    if (wg_view_count(x) == 0) {
        return WG_OK;
    }
    double *angles = wg_call_scratch(call, (size_t)(2 * length * pairs) * sizeof *angles);
    if (angles == NULL) {
        return WG_ERROR_MEMORY;
    }
    for (int64_t j = 0; j < pairs; j++) {
        const double share = frequency(base, j, width);
        for (int64_t i = 0; i < length; i++) {
            const double angle = (double)(state->options.first + i) * share;
            angles[2 * (i * pairs + j)] = cos(angle);
            angles[2 * (i * pairs + j) + 1] = state->back ? -sin(angle) : sin(angle);
        }
    }
    const wg_rotary_run run = {.outer = wg_sizes_product(x->shape, 0, axis),
                               .length = length,
                               .inner = wg_sizes_product(x->shape, axis + 1, x->rank - 1),
                               .pairs = pairs,
                               .halves = state->options.halves,
                               .angles = angles};
    wg_kernel_rotary(x->dtype, &run, x->data, wg_call_out(call)->data);
    return WG_OK;
}

extern const wg_op wg_op_rotary;

static wg_var turn(wg_var x, const rotary_state *state, const char *site) {
    return wg_apply(&wg_op_rotary, 1, &x, state, sizeof *state, site);
}

static void rotary_chain(wg_call *call, wg_var g) {
    rotary_state state;
    memcpy(&state, wg_call_state(call), sizeof state);
    state.back = !state.back;
    wg_give(call, 0, turn(g, &state, call->site));
}

WG_SAMPLES(rotary, {WG_OPERANDS(WG_FLOATS(-1, 1, 3, 4)), WG_STATE(rotary_state, .axis = 0)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3, 2, 6)),
            WG_STATE(rotary_state, {5, 100, true}, .axis = -3)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3, 2)), WG_STATE(rotary_state, {2, 0, false}, 1, true)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 0, 4)), WG_STATE(rotary_state, .axis = 0)})
WG_DEFINE_OP(rotary, rotary_forward, rotary_chain, 0, WG_OP_FLOATS | WG_OP_CONTIGUOUS)

wg_var wg_rotary_at(wg_var x, int axis, const char *site, wg_rotary_options options) {
    rotary_state state;
    memset(&state, 0, sizeof state);
    state.options.first = options.first;
    state.options.base = options.base;
    state.options.halves = options.halves;
    state.axis = axis;
    return turn(x, &state, site);
}
