/* softmax.c: softmax and log_softmax, with derivatives that are operations of their own. */
#include "op/softmax.h"

#include "kernel/softmax.h"
#include "op/axes.h"
#include "op/define.h"
#include "op/samples.h"
#include "tape/tape.h"

typedef struct softmax_state {
    int axis;
} softmax_state;

static int axis_of(const wg_call *call) {
    const softmax_state *state = wg_call_state(call);
    return state->axis < 0 ? state->axis + wg_operand_shape(call, 0).rank : state->axis;
}

static wg_planes planes_of(const wg_call *call) {
    const wg_view *x = wg_call_operand(call, 0);
    const int axis = axis_of(call);
    const wg_planes planes = {x->dtype, wg_sizes_product(x->shape, 0, axis), x->shape[axis],
                              wg_sizes_product(x->shape, axis + 1, x->rank)};
    return planes;
}

static wg_status one_shape(wg_call *call) {
    const softmax_state *state = wg_call_state(call);
    const wg_view *x = wg_call_operand(call, 0);
    if (wg_call_axis(call, 0, state->axis) < 0) {
        return WG_ERROR_ARGUMENT;
    }
    return wg_call_result(call, x->dtype, x->rank, x->shape);
}

static wg_status two_shape(wg_call *call) {
    const wg_view *y = wg_call_operand(call, 0), *g = wg_call_operand(call, 1);
    bool same = y->rank == g->rank;
    for (int i = 0; i < y->rank && same; i++) {
        same = y->shape[i] == g->shape[i];
    }
    return same ? one_shape(call)
                : wg_call_fail(call, WG_ERROR_SHAPE, "the shapes differ: %s and %s",
                               wg_call_shape(call, 0), wg_call_shape(call, 1));
}

/* Whether an operand of a sweep lies in memory as the kernels want it. */
static bool plain(wg_var x, const wg_view *like) {
    const wg_view view = wg_view_of(x);
    return wg_is_array(x) && view.dtype == like->dtype && wg_view_is_contiguous(&view) &&
           wg_shape_equal(view.rank, view.shape, like->rank, like->shape);
}

/* Writes the gradient straight to where it belongs; false where a sweep records itself, or
 * something is there already. */
static bool chain_in_place(wg_call *call, wg_var g,
                           void (*kernel)(const wg_planes *planes, const void *y, const void *g,
                                          void *to)) {
    const wg_var y = wg_result(call);
    const wg_view like = wg_view_of(y), from = wg_view_of(g);
    bool accumulate = true;
    if (wg_call_records(call) || !plain(y, &like) || !plain(g, &like)) {
        return false;
    }
    void *place = wg_give_place(call, 0, like.dtype, &accumulate);
    if (place == NULL || accumulate) {
        return false;
    }
    const int axis = axis_of(call);
    const wg_planes planes = {like.dtype, wg_sizes_product(like.shape, 0, axis), like.shape[axis],
                              wg_sizes_product(like.shape, axis + 1, like.rank)};
    kernel(&planes, like.data, from.data, place);
    return true;
}

/* NAME_shape, NAME_forward and the verb of an operation with one operand x, and with two, y and g.
 */
#define SOFTMAX_ONE(label)                                                                         \
    static wg_status label##_shape(wg_call *call) {                                                \
        return one_shape(call);                                                                    \
    }                                                                                              \
    static wg_status label##_forward(wg_call *call) {                                              \
        const wg_planes planes = planes_of(call);                                                  \
        wg_kernel_##label(&planes, wg_call_operand(call, 0)->data, wg_call_out(call)->data);       \
        return WG_OK;                                                                              \
    }                                                                                              \
    static void label##_rule(wg_call *call, wg_var g) {                                            \
        if (!chain_in_place(call, g, wg_kernel_##label##_chain)) {                                 \
            wg_give(call, 0, wg_##label##_chain(wg_result(call), g, axis_of(call)));               \
        }                                                                                          \
    }                                                                                              \
    WG_SAMPLES(label, {WG_OPERANDS(WG_FLOATS(-2, 2, 5)), WG_STATE(softmax_state, 0)},              \
               {WG_OPERANDS(WG_FLOATS(-2, 2, 3, 4)), WG_STATE(softmax_state, -1)},                 \
               {WG_OPERANDS(WG_FLOATS(-2, 2, 2, 3, 4)), WG_STATE(softmax_state, 1)},               \
               {WG_OPERANDS(WG_FLOATS(-2, 2, 3, 1)), WG_STATE(softmax_state, 1)},                  \
               {WG_OPERANDS(WG_FLOATS(-2, 2, 0, 3)), WG_STATE(softmax_state, 1)})                  \
    WG_DEFINE_OP(label, label##_forward, label##_rule, WG_READS_RESULT,                            \
                 WG_OP_FLOATS | WG_OP_CONTIGUOUS)                                                  \
    wg_var wg_##label##_at(wg_var x, int axis, const char *site) {                                 \
        const softmax_state state = {axis};                                                        \
        return wg_apply(&wg_op_##label, 1, &x, &state, sizeof state, site);                        \
    }

#define SOFTMAX_TWO(label)                                                                         \
    static wg_status label##_shape(wg_call *call) {                                                \
        return two_shape(call);                                                                    \
    }                                                                                              \
    static wg_status label##_forward(wg_call *call) {                                              \
        const wg_planes planes = planes_of(call);                                                  \
        wg_kernel_##label(&planes, wg_call_operand(call, 0)->data, wg_call_operand(call, 1)->data, \
                          wg_call_out(call)->data);                                                \
        return WG_OK;                                                                              \
    }                                                                                              \
    WG_SAMPLES(                                                                                    \
        label,                                                                                     \
        {WG_OPERANDS(WG_FLOATS(-2, 2, 3, 4), WG_FLOATS(-1, 1, 3, 4)), WG_STATE(softmax_state, 1)}, \
        {WG_OPERANDS(WG_FLOATS(-2, 2, 2, 3, 2), WG_FLOATS(-1, 1, 2, 3, 2)),                        \
         WG_STATE(softmax_state, -2)})                                                             \
    WG_DEFINE_OP(label, label##_forward, label##_rule, WG_READS_OPERANDS,                          \
                 WG_OP_FLOATS | WG_OP_CONTIGUOUS)                                                  \
    wg_var wg_##label(wg_var y, wg_var g, int axis) {                                              \
        const wg_var operands[2] = {y, g};                                                         \
        const softmax_state state = {axis};                                                        \
        return wg_apply(&wg_op_##label, 2, operands, &state, sizeof state, WG_HERE);               \
    }

/* r = y (g - s), s = sum of g y: linear in g by a symmetric matrix. */
static void softmax_chain_rule(wg_call *call, wg_var h) {
    const int axis = axis_of(call);
    const wg_var y = wg_operand(call, 0), g = wg_operand(call, 1);
    if (wg_wants(call, 0)) {
        const wg_var s = wg_sum_over(wg_mul(g, y), WG_AXES_KEEP(axis));
        const wg_var t = wg_sum_over(wg_mul(h, y), WG_AXES_KEEP(axis));
        wg_give(call, 0, wg_sub(wg_mul(h, wg_sub(g, s)), wg_mul(g, t)));
    }
    if (wg_wants(call, 1)) {
        wg_give(call, 1, wg_softmax_chain(y, h, axis));
    }
}

/* r = g - exp(y) s, s = sum of g. */
static void log_softmax_chain_rule(wg_call *call, wg_var h) {
    const int axis = axis_of(call);
    const wg_var y = wg_operand(call, 0), g = wg_operand(call, 1);
    const wg_var weighed = wg_mul(h, wg_exp(y));
    if (wg_wants(call, 0)) {
        wg_give(call, 0, wg_neg(wg_mul(weighed, wg_sum_over(g, WG_AXES_KEEP(axis)))));
    }
    if (wg_wants(call, 1)) {
        wg_give(call, 1, wg_sub(h, wg_sum_over(weighed, WG_AXES_KEEP(axis))));
    }
}

SOFTMAX_TWO(softmax_chain)
SOFTMAX_TWO(log_softmax_chain)
SOFTMAX_ONE(softmax)
SOFTMAX_ONE(log_softmax)
