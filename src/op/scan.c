/* scan.c: cumsum, cumprod, logcumsumexp, and the linear recurrence that their derivatives run on.
 */
#include "kernel/scan.h"

#include <float.h>
#include <math.h>

#include "op/axes.h"
#include "op/define.h"
#include "op/samples.h"

typedef struct scan_state {
    int axis;
    bool reverse; /* from the last element on */
} scan_state;

static int axis_of(const wg_call *call) {
    const scan_state *state = wg_call_state(call);
    return state->axis < 0 ? state->axis + wg_operand_shape(call, 0).rank : state->axis;
}

static bool is_reverse(const wg_call *call) {
    const scan_state *state = wg_call_state(call);
    return state->reverse;
}

static wg_planes planes_of(const wg_call *call) {
    const wg_view *x = wg_call_operand(call, 0);
    const int axis = axis_of(call);
    const wg_planes planes = {x->dtype, wg_sizes_product(x->shape, 0, axis), x->shape[axis],
                              wg_sizes_product(x->shape, axis + 1, x->rank)};
    return planes;
}

static wg_status scan_shape(wg_call *call) {
    const scan_state *state = wg_call_state(call);
    const wg_view *x = wg_call_operand(call, 0);
    if (wg_call_axis(call, 0, state->axis) < 0) {
        return WG_ERROR_ARGUMENT;
    }
    for (int i = 1; i < wg_call_count(call); i++) {
        const wg_view *y = wg_call_operand(call, i);
        if (!wg_shape_equal(x->rank, x->shape, y->rank, y->shape)) {
            return wg_call_fail(call, WG_ERROR_SHAPE, "the shapes differ: %s and %s",
                                wg_call_shape(call, 0), wg_call_shape(call, i));
        }
    }
    return wg_call_result(call, x->dtype, x->rank, x->shape);
}

static wg_status run_scan(wg_call *call, wg_scan kind) {
    const wg_planes planes = planes_of(call);
    wg_kernel_scan(kind, &planes, is_reverse(call), wg_call_operand(call, 0)->data,
                   wg_call_out(call)->data);
    return WG_OK;
}

/* The neighbour before each element, in the order of the scan (after each, with `back`); `first`
 * where there is none. */
static wg_var shifted(wg_var x, int axis, bool reverse, bool back, double first) {
    const wg_view view = wg_view_of(x);
    const bool down = reverse == back; /* elements move to higher places */
    int64_t shape[WG_MAX_RANK];
    for (int i = 0; i < view.rank; i++) {
        shape[i] = view.shape[i];
    }
    if (wg_view_count(&view) == 0) {
        return x;
    }
    shape[axis] = 1;
    const wg_var edge = wg_full(x.tape, view.dtype, view.rank, shape, first);
    const wg_var rest =
        down ? wg_slice(x, axis, 0, view.shape[axis] - 1, 1) : wg_slice(x, axis, 1, WG_END, 1);
    const wg_var both[2] = {down ? edge : rest, down ? rest : edge};
    return wg_concat(2, both, axis);
}

/* The samples of a scan: one operand drawn from [low, high). */
#define SCAN_SAMPLES(low, high)                                                                    \
    {WG_OPERANDS(WG_FLOATS(low, high, 5)), WG_STATE(scan_state, 0, false)},                        \
        {WG_OPERANDS(WG_FLOATS(low, high, 3, 4)), WG_STATE(scan_state, -1, true)},                 \
        {WG_OPERANDS(WG_FLOATS(low, high, 2, 3, 4)), WG_STATE(scan_state, 1, false)},              \
        {WG_OPERANDS(WG_FLOATS(low, high, 9, 2)), WG_STATE(scan_state, 1, false)},                 \
        {WG_OPERANDS(WG_FLOATS(low, high, 3, 1, 2)), WG_STATE(scan_state, 1, true)}, {             \
        WG_OPERANDS(WG_FLOATS(low, high, 2, 0)), WG_STATE(scan_state, 1, false)                    \
    }

#define SCAN(label, kind)                                                                          \
    static wg_status label##_shape(wg_call *call) {                                                \
        return scan_shape(call);                                                                   \
    }                                                                                              \
    static wg_status label##_forward(wg_call *call) {                                              \
        return run_scan(call, kind);                                                               \
    }                                                                                              \
    static wg_var label##_by(wg_var x, int axis, bool reverse, const char *site) {                 \
        extern const wg_op wg_op_##label;                                                          \
        const scan_state state = {axis, reverse};                                                  \
        return wg_apply(&wg_op_##label, 1, &x, &state, sizeof state, site);                        \
    }                                                                                              \
    wg_var wg_##label##_at(wg_var x, int axis, const char *site) {                                 \
        return label##_by(x, axis, false, site);                                                   \
    }

/* ---- linear_scan: s[k] = a[k] s[k - 1] + b[k] ---------------------------------------------- */

static wg_var linear_scan(wg_var a, wg_var b, int axis, bool reverse, const char *site) {
    extern const wg_op wg_op_linear_scan;
    const wg_var operands[2] = {a, b};
    const scan_state state = {axis, reverse};
    return wg_apply(&wg_op_linear_scan, 2, operands, &state, sizeof state, site);
}

static wg_status linear_scan_shape(wg_call *call) {
    return scan_shape(call);
}

static wg_status linear_scan_forward(wg_call *call) {
    const wg_planes planes = planes_of(call);
    wg_kernel_linear_scan(&planes, is_reverse(call), wg_call_operand(call, 0)->data,
                          wg_call_operand(call, 1)->data, wg_call_out(call)->data);
    return WG_OK;
}

/* The adjoint of s[k] is g[k] and, through s[k + 1], a[k + 1] times the next: the same recurrence
 * from the other end. */
static void linear_scan_chain(wg_call *call, wg_var g) {
    const int axis = axis_of(call);
    const bool reverse = is_reverse(call);
    const wg_var ahead = shifted(wg_operand(call, 0), axis, reverse, true, 0);
    const wg_var adjoint = linear_scan(ahead, g, axis, !reverse, WG_HERE);
    if (wg_wants(call, 0)) {
        wg_give(call, 0, wg_mul(adjoint, shifted(wg_result(call), axis, reverse, false, 0)));
    }
    wg_give(call, 1, adjoint);
}

WG_SAMPLES(
    linear_scan,
    {WG_OPERANDS(WG_FLOATS(-1, 1, 5), WG_FLOATS(-1, 1, 5)), WG_STATE(scan_state, 0, false)},
    {WG_OPERANDS(WG_FLOATS(-1, 1, 3, 4), WG_FLOATS(-1, 1, 3, 4)), WG_STATE(scan_state, -1, true)},
    {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3, 2), WG_FLOATS(-1, 1, 2, 3, 2)),
     WG_STATE(scan_state, 1, false)},
    {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 1), WG_FLOATS(-1, 1, 2, 1)), WG_STATE(scan_state, 1, false)},
    {WG_OPERANDS(WG_FLOATS(-1, 1, 0, 2), WG_FLOATS(-1, 1, 0, 2)), WG_STATE(scan_state, 0, true)})
WG_DEFINE_OP(linear_scan, linear_scan_forward, linear_scan_chain,
             WG_READS_OPERAND(0) | WG_READS_RESULT, WG_OP_FLOATS | WG_OP_CONTIGUOUS)

wg_var wg_linear_scan_at(wg_var a, wg_var b, int axis, const char *site) {
    return linear_scan(a, b, axis, false, site);
}

/* ---- cumsum -------------------------------------------------------------------------------- */

SCAN(cumsum, WG_SCAN_SUM)

static void cumsum_chain(wg_call *call, wg_var g) {
    wg_give(call, 0, cumsum_by(g, axis_of(call), !is_reverse(call), WG_HERE));
}

WG_SAMPLES(cumsum, SCAN_SAMPLES(-1, 1))
WG_DEFINE_OP(cumsum, cumsum_forward, cumsum_chain, 0, WG_OP_FLOATS | WG_OP_CONTIGUOUS)

/* ---- cumprod ------------------------------------------------------------------------------- */

SCAN(cumprod, WG_SCAN_PROD)

/* x[i] is in y[k] for k >= i, between the product of all before it and that of those after it up to
 * k. Without division, so that zeros are no trap. */
static void cumprod_chain(wg_call *call, wg_var g) {
    const int axis = axis_of(call);
    const bool reverse = is_reverse(call);
    const wg_var before = shifted(wg_result(call), axis, reverse, false, 1);
    const wg_var ahead = shifted(wg_operand(call, 0), axis, reverse, true, 0);
    wg_give(call, 0, wg_mul(before, linear_scan(ahead, g, axis, !reverse, WG_HERE)));
}

WG_SAMPLES(cumprod, SCAN_SAMPLES(-1.5, 1.5))
WG_DEFINE_OP(cumprod, cumprod_forward, cumprod_chain, WG_READS_OPERAND(0) | WG_READS_RESULT,
             WG_OP_FLOATS | WG_OP_CONTIGUOUS)

/* ---- logcumsumexp -------------------------------------------------------------------------- */

SCAN(logcumsumexp, WG_SCAN_LOGSUMEXP)

/* exp(x[i]) Σ over k >= i of g[k] exp(-y[k]), scaled by exp(y[i]), so that all powers are 1 at
 * most. */
static void logcumsumexp_chain(wg_call *call, wg_var g) {
    const int axis = axis_of(call);
    const bool reverse = is_reverse(call);
    const wg_var x = wg_operand(call, 0);
    const double least = wg_view_of(x).dtype == WG_F32 ? -(double)FLT_MAX : -DBL_MAX;
    const wg_var y = wg_max(wg_result(call), least); /* -infinity - -infinity would be NaN */
    const wg_var fall = wg_exp(wg_sub(y, shifted(y, axis, reverse, true, (double)INFINITY)));
    const wg_var sum = linear_scan(fall, g, axis, !reverse, WG_HERE);
    wg_give(call, 0, wg_mul(wg_exp(wg_sub(x, y)), sum));
}

WG_SAMPLES(logcumsumexp, SCAN_SAMPLES(-2, 2))
WG_DEFINE_OP(logcumsumexp, logcumsumexp_forward, logcumsumexp_chain,
             WG_READS_OPERAND(0) | WG_READS_RESULT, WG_OP_FLOATS | WG_OP_CONTIGUOUS)
