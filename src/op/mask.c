/* mask.c: elements by a mask: which ones, as numbers, and taken, and overwritten; one_hot. */
#include "op/define.h"

#include "op/axes.h"
#include "op/samples.h"
#include "op/verb.h"
#include "tape/tape.h"
#include "wengert/index.h"

#include <string.h>

/* ---- nonzero ------------------------------------------------------------------------------- */

typedef struct nonzero_state {
    bool flat; /* positions in C order, instead of an index for each axis */
} nonzero_state;

/* Calls for every element that is not zero, in C order, with its index along each axis. */
static int64_t find(const wg_view *x, bool flat, int64_t *out) {
    const int64_t count = wg_view_count(x);
    int64_t index[WG_MAX_RANK] = {0}, offset = 0, found = 0;
    for (int64_t i = 0; i < count; i++) {
        const bool set = x->dtype == WG_U8 ? ((const uint8_t *)x->data)[offset] != 0
                                           : ((const int64_t *)x->data)[offset] != 0;
        if (set && out != NULL && flat) {
            out[found] = i;
        } else if (set && out != NULL && x->rank > 0) {
            memcpy(out + found * x->rank, index, (size_t)x->rank * sizeof *index);
        }
        found += set ? 1 : 0;
        for (int axis = x->rank - 1; axis >= 0; axis--) {
            offset += x->stride[axis];
            if (++index[axis] < x->shape[axis]) {
                break;
            }
            offset -= x->stride[axis] * x->shape[axis];
            index[axis] = 0;
        }
    }
    return found;
}

static wg_status nonzero_shape(wg_call *call) {
    const nonzero_state *state = wg_call_state(call);
    const wg_view *x = wg_call_operand(call, 0);
    if (x->dtype != WG_I64 && x->dtype != WG_U8) {
        return wg_call_fail(call, WG_ERROR_DTYPE, "x is %s, not i64 or u8",
                            wg_dtype_name(x->dtype));
    }
    const int64_t shape[2] = {find(x, state->flat, NULL), x->rank};
    return wg_call_result(call, WG_I64, state->flat ? 1 : 2, shape);
}

static wg_status nonzero_forward(wg_call *call) {
    const nonzero_state *state = wg_call_state(call);
    (void)find(wg_call_operand(call, 0), state->flat, wg_call_out(call)->data);
    return WG_OK;
}

WG_SAMPLES(nonzero, {WG_OPERANDS(WG_WHOLES(WG_I64, 2, 7)), WG_STATE(nonzero_state, true)},
           {WG_OPERANDS(WG_WHOLES(WG_U8, 3, 2, 3, 2)), WG_STATE(nonzero_state, false)},
           {WG_OPERANDS(WG_WHOLES(WG_U8, 3, 0, 3)), WG_STATE(nonzero_state, false)})
WG_DEFINE_OP(nonzero, nonzero_forward, NULL, 0, 0)

/* A mask as u8 or i64; NaN is not zero. */
static wg_var whole_mask(wg_var x, const char *site) {
    const wg_dtype dtype = wg_view_of(x).dtype;
    return wg_is_array(x) && (dtype == WG_U8 || dtype == WG_I64)
               ? x
               : wg_cast_at(wg_ne_at(x, wg_number(0), site), WG_U8, site);
}

wg_var wg_nonzero_at(wg_var x, const char *site) {
    const nonzero_state state = {false};
    if (!wg_verb_takes(x, "nonzero", site)) {
        return wg_verb_nothing(x);
    }
    x = whole_mask(x, site);
    return wg_apply(&wg_op_nonzero, 1, &x, &state, sizeof state, site);
}

/* ---- masked_select, masked_fill ------------------------------------------------------------ */

/* What two arrays broadcast to. */
static bool joint_shape(const wg_view *a, const wg_view *b, wg_view *joint) {
    joint->rank = a->rank > b->rank ? a->rank : b->rank;
    bool fits = true;
    for (int i = 0; i < joint->rank; i++) {
        const int x = i - (joint->rank - a->rank), y = i - (joint->rank - b->rank);
        const int64_t s = x < 0 ? 1 : a->shape[x], t = y < 0 ? 1 : b->shape[y];
        fits = fits && (s == t || s == 1 || t == 1);
        joint->shape[i] = s == 1 ? t : s;
    }
    return fits;
}

wg_var wg_masked_select_at(wg_var x, wg_var mask, const char *site) {
    const nonzero_state state = {true};
    if (!wg_verb_takes(x, "masked_select", site) ||
        wg_var_refused(x.tape, mask, 1, "masked_select", site)) {
        return wg_verb_nothing(x);
    }
    const wg_view view = wg_view_of(x), over = wg_view_of(mask);
    wg_view joint;
    if (!joint_shape(&view, &over, &joint)) {
        char text[192];
        return wg_verb_fails(x, WG_ERROR_SHAPE, "masked_select", site,
                             "and the mask %s do not broadcast",
                             wg_shape_text(over.rank, over.shape, text, sizeof text));
    }
    if (mask.tape == NULL) {
        mask = wg_full(x.tape, WG_U8, 0, NULL, mask.as.number != 0);
    }
    mask = wg_broadcast_to_at(whole_mask(mask, site), joint.rank, joint.shape, site);
    const wg_var indices = wg_apply(&wg_op_nonzero, 1, &mask, &state, sizeof state, site);
    x = wg_broadcast_to_at(x, joint.rank, joint.shape, site);
    return wg_take_along_at(wg_reshape_at(x, 1, (const int64_t[]){-1}, site), indices, 0, site);
}

wg_var wg_masked_fill_at(wg_var x, wg_var mask, wg_var value, const char *site) {
    return wg_where_at(mask, value, x, site);
}

/* ---- one_hot ------------------------------------------------------------------------------- */

typedef struct one_hot_state {
    int64_t classes;
    wg_dtype dtype;
} one_hot_state;

static int64_t label_at(const wg_view *x, int64_t i) {
    return x->dtype == WG_U8 ? (int64_t)((const uint8_t *)x->data)[i]
                             : ((const int64_t *)x->data)[i];
}

static wg_status one_hot_shape(wg_call *call) {
    const one_hot_state *state = wg_call_state(call);
    const wg_view *x = wg_call_operand(call, 0);
    int64_t shape[WG_MAX_RANK + 1];
    if (x->dtype != WG_I64 && x->dtype != WG_U8) {
        return wg_call_fail(call, WG_ERROR_DTYPE, "the labels are %s, not i64 or u8",
                            wg_dtype_name(x->dtype));
    }
    if (state->classes < 0 || wg_dtype_size(state->dtype) == 0) {
        return wg_call_fail(call, WG_ERROR_ARGUMENT, "%lld classes of dtype %d",
                            (long long)state->classes, (int)state->dtype);
    }
    memcpy(shape, x->shape, (size_t)x->rank * sizeof shape[0]);
    shape[x->rank] = state->classes;
    return wg_call_result(call, state->dtype, x->rank + 1, shape);
}

static wg_status one_hot_forward(wg_call *call) {
    const one_hot_state *state = wg_call_state(call);
    const wg_view *x = wg_call_operand(call, 0), *out = wg_call_out(call);
    const int64_t count = wg_view_count(x), classes = state->classes;
    const size_t size = wg_dtype_size(out->dtype);
    for (int64_t i = 0; i < count; i++) {
        const int64_t label = label_at(x, i);
        if (label < 0 || label >= classes) {
            return wg_call_fail(call, WG_ERROR_ARGUMENT,
                                "label %lld (element %lld) is out of range for %lld classes",
                                (long long)label, (long long)i, (long long)classes);
        }
    }
    if (count > 0 && classes > 0) {
        memset(out->data, 0, (size_t)(count * classes) * size);
    }
    for (int64_t i = 0; i < count; i++) {
        const int64_t at = i * classes + label_at(x, i);
        wg_set_element(out->dtype, out->data, at, 1);
    }
    return WG_OK;
}

WG_SAMPLES(one_hot, {WG_OPERANDS(WG_WHOLES(WG_I64, 3, 5)), WG_STATE(one_hot_state, 3, WG_F32)},
           {WG_OPERANDS(WG_WHOLES(WG_U8, 4, 2, 3)), WG_STATE(one_hot_state, 5, WG_F64)},
           {WG_OPERANDS(WG_WHOLES(WG_I64, 3, 0)), WG_STATE(one_hot_state, 3, WG_U8)})
WG_DEFINE_OP(one_hot, one_hot_forward, NULL, 0, WG_OP_CONTIGUOUS)

wg_var wg_one_hot_at(wg_var labels, int64_t classes, wg_dtype dtype, const char *site) {
    one_hot_state state;
    memset(&state, 0, sizeof state);
    state.classes = classes;
    state.dtype = dtype;
    return wg_apply(&wg_op_one_hot, 1, &labels, &state, sizeof state, site);
}
