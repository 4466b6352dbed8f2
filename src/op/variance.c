/* variance.c: variances and standard deviations over any axes. */
#include "kernel/moments.h"

#include <string.h>

#include "op/axes.h"
#include "op/define.h"
#include "op/reduce.h"
#include "op/samples.h"

typedef struct variance_state {
    wg_axes axes; /* first: what the reductions share reads it */
    double correction;
} variance_state;

static double divisor_of(const wg_call *call, int64_t n) {
    const variance_state *state = wg_call_state(call);
    const double divisor = (double)n - state->correction;
    return divisor < 0 ? 0 : divisor;
}

/* ---- centred: (x - mean) g factor ---------------------------------------------------------- */

typedef struct centred_state {
    double factor;
} centred_state;

/* Operands: x [outer, n, inner], g [outer, 1, inner]. */
static wg_status centred_shape(wg_call *call) {
    const wg_view *x = wg_call_operand(call, 0), *g = wg_call_operand(call, 1);
    if (x->rank != 3 || g->rank != 3 || g->shape[0] != x->shape[0] || g->shape[1] != 1 ||
        g->shape[2] != x->shape[2]) {
        return wg_call_fail(call, WG_ERROR_SHAPE, "%s does not belong to %s",
                            wg_call_shape(call, 1), wg_call_shape(call, 0));
    }
    return wg_call_result(call, x->dtype, x->rank, x->shape);
}

static wg_status centred_forward(wg_call *call) {
    const centred_state *state = wg_call_state(call);
    const wg_view *x = wg_call_operand(call, 0);
    const wg_planes planes = {x->dtype, x->shape[0], x->shape[1], x->shape[2]};
    wg_kernel_centred(&planes, x->data, wg_call_operand(call, 1)->data, state->factor,
                      wg_call_out(call)->data);
    return WG_OK;
}

static wg_var centred(wg_var x, wg_var g, double factor) {
    extern const wg_op wg_op_centred;
    const wg_var operands[2] = {x, g};
    const centred_state state = {factor};
    return wg_apply(&wg_op_centred, 2, operands, &state, sizeof state, WG_HERE);
}

/* Taking the mean off is symmetric, and g is one number for all that shares a mean. */
static void centred_chain(wg_call *call, wg_var h) {
    const centred_state *state = wg_call_state(call);
    const wg_var g = wg_operand(call, 1);
    if (wg_wants(call, 0)) {
        wg_give(call, 0, centred(h, g, state->factor));
    }
    if (wg_wants(call, 1)) {
        const wg_view shape = wg_operand_shape(call, 1);
        const wg_var one = wg_full(g.tape, shape.dtype, shape.rank, shape.shape, 1);
        const wg_var x = centred(wg_operand(call, 0), one, state->factor);
        wg_give(call, 1, wg_sum_over(wg_mul(h, x), WG_AXES_KEEP(1)));
    }
}

WG_SAMPLES(centred,
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3, 1), WG_FLOATS(-1, 1, 2, 1, 1)),
            WG_STATE(centred_state, 0.7)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3, 4), WG_FLOATS(-1, 1, 2, 1, 4)),
            WG_STATE(centred_state, 2)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 0, 3), WG_FLOATS(-1, 1, 2, 1, 3)),
            WG_STATE(centred_state, 2)})
WG_DEFINE_OP(centred, centred_forward, centred_chain, WG_READS_OPERANDS,
             WG_OP_FLOATS | WG_OP_CONTIGUOUS)

/* ---- variance ------------------------------------------------------------------------------ */

static wg_status variance_shape(wg_call *call) {
    return wg_reduce_shape(call, true);
}

static wg_status variance_forward(wg_call *call) {
    wg_planes planes;
    const void *x = wg_reduce_operand(call, &planes);
    if (x == NULL) {
        return WG_ERROR_MEMORY;
    }
    wg_kernel_variance(&planes, x, divisor_of(call, planes.n), wg_call_out(call)->data);
    return WG_OK;
}

static void variance_chain(wg_call *call, wg_var g) {
    int64_t kept[WG_MAX_RANK];
    const double factor = 2 / divisor_of(call, wg_reduce_kept(call, kept));
    wg_reduce_folded folded;
    if (wg_reduce_fold(call, g, &folded)) {
        wg_give(call, 0, wg_reduce_unfold(call, centred(folded.x, folded.g, factor)));
        return;
    }
    const variance_state *state = wg_call_state(call);
    wg_axes axes = state->axes;
    axes.keep = true;
    const wg_var x = wg_operand(call, 0), mean = wg_mean_over(x, axes);
    wg_give(call, 0, wg_mul(wg_reduce_spread(call, wg_mul(g, factor)), wg_sub(x, mean)));
}

WG_SAMPLES(variance, {WG_OPERANDS(WG_FLOATS(-1, 1, 5)), WG_STATE(variance_state, {.count = 0}, 1)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 3, 4)),
            WG_STATE(variance_state, {.count = 1, .axis = {0}}, 0)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3, 4)),
            WG_STATE(variance_state, {.count = 2, .keep = true, .axis = {-1, 0}}, 1.5)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 1, 3, 2)),
            WG_STATE(variance_state, {.count = 1, .axis = {2}}, 1)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 0, 2)),
            WG_STATE(variance_state, {.count = 1, .axis = {1}}, 1)})
WG_DEFINE_OP(variance, variance_forward, variance_chain, WG_READS_OPERAND(0), WG_OP_FLOATS)

wg_var wg_variance_at(wg_var x, wg_axes axes, double correction, const char *site) {
    variance_state state;
    memset(&state, 0, sizeof state);
    state.axes = axes;
    state.correction = correction;
    if (x.tape == NULL) { /* of one plain number */
        return wg_number(0 / (correction < 1 ? 1 - correction : 0));
    }
    return wg_apply(&wg_op_variance, 1, &x, &state, sizeof state, site);
}

wg_var wg_std_at(wg_var x, wg_axes axes, double correction, const char *site) {
    const wg_var v = wg_variance_at(x, axes, correction, site);
    /* No derivative where all elements are equal: that of the root would be infinite. */
    return wg_where_at(v, wg_sqrt_at(v, site), wg_number(0), site);
}
