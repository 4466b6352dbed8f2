/* pad.c: elements added at the ends of axes: of one value, or from within. */
#include "op/define.h"

#include "kernel/copy.h"
#include "op/samples.h"
#include "op/verb.h"
#include "tape/tape.h"
#include "wengert/index.h"

#include <string.h>

/* ---- pad: with one value ------------------------------------------------------------------- */

typedef struct pad_state {
    double value;
    int64_t before[WG_MAX_RANK], after[WG_MAX_RANK]; /* of each axis; not negative */
} pad_state;

static wg_status pad_shape(wg_call *call) {
    const pad_state *state = wg_call_state(call);
    wg_view x = *wg_call_operand(call, 0);
    for (int i = 0; i < x.rank; i++) {
        if (state->before[i] > INT64_MAX - x.shape[i] ||
            state->after[i] > INT64_MAX - x.shape[i] - state->before[i]) {
            return wg_call_fail(call, WG_ERROR_LIMIT, "too many elements along axis %d", i);
        }
        x.shape[i] += state->before[i] + state->after[i];
    }
    return wg_call_result(call, x.dtype, x.rank, x.shape);
}

static wg_status pad_forward(wg_call *call) {
    const pad_state *state = wg_call_state(call);
    const wg_view *x = wg_call_operand(call, 0);
    wg_view to = *wg_call_out(call);
    double value = state->value;
    wg_view fill = {.dtype = WG_F64, .rank = to.rank, .data = &value};
    memcpy(fill.shape, to.shape, sizeof fill.shape);
    wg_kernel_copy(&fill, &to);
    if (wg_view_count(x) > 0) {
        int64_t offset = 0;
        for (int i = 0; i < to.rank; i++) {
            offset += state->before[i] * to.stride[i];
            to.shape[i] = x->shape[i];
        }
        to.data = (char *)to.data + offset * (int64_t)wg_dtype_size(to.dtype);
        wg_kernel_copy(x, &to);
    }
    return WG_OK;
}

static void pad_chain(wg_call *call, wg_var g) {
    const pad_state *state = wg_call_state(call);
    const wg_view x = wg_operand_shape(call, 0);
    for (int i = 0; i < x.rank; i++) {
        if (state->before[i] != 0 || state->after[i] != 0) {
            g = wg_slice(g, i, state->before[i], state->before[i] + x.shape[i], 1);
        }
    }
    wg_give(call, 0, g);
}

WG_SAMPLES(pad, {WG_OPERANDS(WG_FLOATS(-1, 1, 3)), WG_STATE(pad_state, 0.5, {1}, {2})},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3, 4)), WG_STATE(pad_state, 0, {0, 1, 0}, {1, 0, 2})},
           {WG_OPERANDS(WG_FLOAT(-1, 1)), WG_STATE(pad_state, 0, {0}, {0})},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 0, 2)), WG_STATE(pad_state, 1, {1, 0}, {1, 0})})
WG_DEFINE_OP(pad, pad_forward, pad_chain, 0, 0)

/* ---- the verb ------------------------------------------------------------------------------ */

/* Which element of an axis of `size` stands at place i before or behind it. */
static int64_t source(wg_pad_mode mode, int64_t i, int64_t size) {
    switch (mode) {
    case WG_PAD_REFLECT:
        return i < 0 ? -i : i >= size ? 2 * (size - 1) - i : i;
    case WG_PAD_CIRCULAR:
        return i < 0 ? i + size : i >= size ? i - size : i;
    default:
        return i < 0 ? 0 : i >= size ? size - 1 : i;
    }
}

/* One axis padded from within. */
static wg_var from_within(wg_var x, int axis, wg_pad_mode mode, int64_t before, int64_t after,
                          const char *site) {
    const int64_t size = wg_view_of(x).shape[axis];
    const int64_t most = mode == WG_PAD_REFLECT    ? size - 1
                         : mode == WG_PAD_CIRCULAR ? size
                         : size > 0                ? INT64_MAX / 4
                                                   : 0;
    if (before > most || after > most) {
        return wg_verb_fails(x, WG_ERROR_SHAPE, "pad", site,
                             "has too few elements along axis %d for %lld before and %lld behind",
                             axis, (long long)before, (long long)after);
    }
    const int64_t count = before + size + after;
    const wg_var indices = wg_constant(x.tape, WG_I64, 1, &count, NULL);
    int64_t *to = wg_view_of(indices).data;
    for (int64_t i = 0; i < count && x.tape->status == WG_OK; i++) {
        to[i] = source(mode, i - before, size);
    }
    return wg_index_select_at(x, indices, axis, site);
}

/* How many elements a width cuts off. */
static int64_t removed(int64_t width) {
    return width >= 0 ? 0 : width < -INT64_MAX ? INT64_MAX : -width;
}

wg_var wg_pad_at(wg_var x, int count, const int64_t (*widths)[2], wg_pad_options options,
                 const char *site) {
    if (!wg_verb_takes(x, "pad", site)) {
        return wg_verb_nothing(x);
    }
    const int rank = wg_rank(x);
    pad_state state;
    memset(&state, 0, sizeof state);
    state.value = options.value;
    if (count < 0 || count > rank) {
        return wg_verb_fails(x, WG_ERROR_ARGUMENT, "pad", site, "has no %d axes", count);
    }
    if (options.mode > WG_PAD_CIRCULAR) {
        return wg_verb_fails(x, WG_ERROR_ARGUMENT, "pad", site, "is to be padded by mode %d",
                             (int)options.mode);
    }
    for (int k = 0; k < count; k++) {
        const int axis = rank - count + k;
        const int64_t size = wg_view_of(x).shape[axis];
        const int64_t low = removed(widths[k][0]), cut = removed(widths[k][1]);
        state.before[axis] = widths[k][0] < 0 ? 0 : widths[k][0];
        state.after[axis] = widths[k][1] < 0 ? 0 : widths[k][1];
        if (low > size || cut > size - low) {
            return wg_verb_fails(x, WG_ERROR_SHAPE, "pad", site,
                                 "has too few elements along axis %d to cut %lld and %lld", axis,
                                 (long long)low, (long long)cut);
        }
        x = low + cut > 0 ? wg_slice_at(x, axis, low, size - cut, 1, site) : x;
        if (options.mode != WG_PAD_CONSTANT && state.before[axis] + state.after[axis] > 0) {
            x = from_within(x, axis, options.mode, state.before[axis], state.after[axis], site);
        }
        if (x.tape->status != WG_OK) {
            return wg_poison(x.tape);
        }
    }
    return options.mode == WG_PAD_CONSTANT ? wg_apply(&wg_op_pad, 1, &x, &state, sizeof state, site)
                                           : x;
}
