/* norm.c: layer, root-mean-square, group and instance normalisation. */
#include "kernel/norm.h"

#include "op/axes.h"
#include "op/define.h"
#include "op/norm.h"
#include "op/samples.h"
#include "tape/tape.h"

typedef struct norm_state {
    int64_t groups; /* of group_norm; 0: one a channel */
    int axes;       /* of layer_norm and rms_norm */
    double eps;
} norm_state;

/* ---- How x divides into rows ---------------------------------------------------------------- */

static wg_norm layer_of(const wg_call *call, bool centred) {
    const wg_view x = wg_operand_shape(call, 0);
    const norm_state *state = wg_call_state(call);
    const int first = x.rank - state->axes;
    return (wg_norm){x.dtype, wg_sizes_product(x.shape, 0, first),
                     1,       wg_sizes_product(x.shape, first, x.rank),
                     1,       state->eps,
                     centred};
}

static wg_norm groups_of(const wg_call *call) {
    const wg_view x = wg_operand_shape(call, 0);
    const norm_state *state = wg_call_state(call);
    const int64_t groups = state->groups > 0 ? state->groups : x.shape[1];
    return (wg_norm){x.dtype,
                     x.shape[0] * groups,
                     groups,
                     groups > 0 ? x.shape[1] / groups : 0,
                     wg_sizes_product(x.shape, 2, x.rank),
                     state->eps,
                     true};
}

/* ---- Forward and backward, whatever the rows ------------------------------------------------- */

static wg_status run_forward(wg_call *call, const wg_norm *norm) {
    bool ok = true;
    const int64_t count = norm->groups * norm->channels;
    const void *w = wg_norm_weights(call, 1, count, &ok), *b = wg_norm_weights(call, 2, count, &ok);
    double *kept = NULL;
    if (wg_call_will_sweep(call)) {
        kept = wg_call_save(call, WG_F64, WG_SHAPE(norm->rows, WG_NORM_STATISTICS));
        ok = ok && kept != NULL;
    }
    if (!ok) {
        return WG_ERROR_MEMORY;
    }
    wg_kernel_norm(norm, wg_call_operand(call, 0)->data, w, b, wg_call_out(call)->data, kept);
    return WG_OK;
}

static void chain_on_buffers(wg_call *call, wg_var g, const wg_norm *norm, wg_var x, wg_var w) {
    const wg_view gv = wg_view_of(g), xv = wg_view_of(x), kept = wg_view_of(wg_saved(call));
    wg_block *scratch = wg_pool_take(&call->tape->pool, wg_kernel_norm_scratch(norm));
    if (scratch == NULL) {
        wg_call_fail(call, WG_ERROR_MEMORY, "no memory for the sums of its gradients");
        return;
    }
    const wg_norm_places to = wg_norm_places_of(call, gv.dtype);
    if (call->tape->status == WG_OK) {
        wg_kernel_norm_chain(norm, xv.data, gv.data, wg_is_array(w) ? wg_view_of(w).data : NULL,
                             kept.data, &to, wg_block_data(scratch));
    }
    wg_pool_drop(&call->tape->pool, scratch);
}

static void run_chain(wg_call *call, wg_var g, wg_norm norm) {
    wg_var x, w;
    norm.dtype = wg_view_of(g).dtype;
    if (wg_norm_fused(call, g, norm.groups * norm.channels, &x, &w)) {
        chain_on_buffers(call, g, &norm, x, w);
        return;
    }
    const int64_t batch = norm.groups > 0 ? norm.rows / norm.groups : 0;
    const wg_norm_form form = {.shape = {batch, norm.groups, norm.channels, norm.inner},
                               .together = WG_AXES_KEEP(2, 3),
                               .weight_shape = {1, norm.groups, norm.channels, 1},
                               .shared = WG_AXES(0, 3),
                               .centred = norm.centred,
                               .eps = norm.eps};
    wg_norm_rule(call, g, &form);
}

/* ---- The operations -------------------------------------------------------------------------- */

static wg_status last_axes_shape(wg_call *call) {
    const wg_view *x = wg_call_operand(call, 0);
    const norm_state *state = wg_call_state(call);
    if (state->axes < 1 || state->axes > x->rank) {
        return wg_call_fail(call, WG_ERROR_ARGUMENT, "the last %d axes of x %s", state->axes,
                            wg_call_shape(call, 0));
    }
    const wg_status status = wg_norm_check(call, state->axes, x->shape + (x->rank - state->axes));
    return status == WG_OK ? wg_call_result(call, x->dtype, x->rank, x->shape) : status;
}

static wg_status group_norm_shape(wg_call *call) {
    const wg_view *x = wg_call_operand(call, 0);
    const norm_state *state = wg_call_state(call);
    if (x->rank < 2) {
        return wg_call_fail(call, WG_ERROR_SHAPE, "x %s is not [N, C, ...]",
                            wg_call_shape(call, 0));
    }
    if (state->groups < 0 || (state->groups > 0 && x->shape[1] % state->groups != 0)) {
        return wg_call_fail(call, WG_ERROR_ARGUMENT, "%lld groups of the channels of x %s",
                            (long long)state->groups, wg_call_shape(call, 0));
    }
    const wg_status status = wg_norm_check(call, 1, x->shape + 1);
    return status == WG_OK ? wg_call_result(call, x->dtype, x->rank, x->shape) : status;
}

/* NAME_forward, NAME_chain and the operation; `geometry` is the wg_norm of a call. */
#define NORM(label, geometry)                                                                      \
    static wg_status label##_forward(wg_call *call) {                                              \
        const wg_norm norm = geometry;                                                             \
        return run_forward(call, &norm);                                                           \
    }                                                                                              \
    static void label##_chain(wg_call *call, wg_var g) {                                           \
        run_chain(call, g, geometry);                                                              \
    }                                                                                              \
    WG_DEFINE_OP(label, label##_forward, label##_chain, WG_READS_OPERAND(0) | WG_READS_OPERAND(1), \
                 WG_OP_FLOATS | WG_OP_CONTIGUOUS)

#define X(...) WG_FLOATS(-2, 2, __VA_ARGS__)
#define W(...) WG_FLOATS(0.5, 2, __VA_ARGS__)
#define LAST(count) WG_STATE(norm_state, .axes = count, .eps = 1e-3)

WG_SAMPLES(layer_norm, {WG_OPERANDS(X(3, 5), W(5), X(5)), LAST(1)},
           {WG_OPERANDS(X(2, 3, 2), W(3, 2), X(3, 2)), LAST(2)},
           {WG_OPERANDS(X(19, 3), W(3), X(3)), LAST(1)},
           {WG_OPERANDS(X(4), WG_FLOAT(0.5, 2), WG_FLOAT(-1, 1)), LAST(1)},
           {WG_OPERANDS(X(2, 4), W(4), WG_FLOAT(-1, 1)), LAST(1)},
           {WG_OPERANDS(X(0, 4), W(4), X(4)), LAST(1)}, {WG_OPERANDS(X(2, 0), W(0), X(0)), LAST(1)})
#define layer_norm_shape last_axes_shape
NORM(layer_norm, layer_of(call, true))

WG_SAMPLES(rms_norm, {WG_OPERANDS(X(3, 5), W(5), WG_FLOAT(0, 1)), LAST(1)},
           {WG_OPERANDS(X(2, 3, 2), W(3, 2), X(3, 2)), LAST(2)},
           {WG_OPERANDS(X(4), WG_FLOAT(0.5, 2), WG_FLOAT(0, 1)), LAST(1)})
#define rms_norm_shape last_axes_shape
NORM(rms_norm, layer_of(call, false))

#define GROUPS(count) WG_STATE(norm_state, .groups = count, .eps = 1e-3)
WG_SAMPLES(group_norm, {WG_OPERANDS(X(2, 4, 3), W(4), X(4)), GROUPS(2)},
           {WG_OPERANDS(X(2, 3, 2, 2), W(3), X(3)), GROUPS(0)},
           {WG_OPERANDS(X(2, 4), W(4), X(4)), GROUPS(2)},
           {WG_OPERANDS(X(3, 2, 5), WG_FLOAT(0.5, 2), WG_FLOAT(-1, 1)), GROUPS(1)},
           {WG_OPERANDS(X(0, 4, 3), W(4), X(4)), GROUPS(2)},
           {WG_OPERANDS(X(2, 2, 0), W(2), X(2)), GROUPS(2)})
NORM(group_norm, groups_of(call))

static wg_var apply(const wg_op *op, wg_var x, wg_var weight, wg_var bias, norm_state state,
                    const char *site) {
    const wg_var operands[3] = {x, weight, bias};
    return wg_apply(op, 3, operands, &state, sizeof state, site);
}

wg_var wg_layer_norm_at(wg_var x, int axes, wg_var weight, wg_var bias, double eps,
                        const char *site) {
    return apply(&wg_op_layer_norm, x, weight, bias, (norm_state){.axes = axes, .eps = eps}, site);
}

wg_var wg_rms_norm_at(wg_var x, int axes, wg_var weight, double eps, const char *site) {
    return apply(&wg_op_rms_norm, x, weight, wg_number(0), (norm_state){.axes = axes, .eps = eps},
                 site);
}

wg_var wg_group_norm_at(wg_var x, int64_t groups, wg_var weight, wg_var bias, double eps,
                        const char *site) {
    /* 0 groups stands for one a channel within. */
    return apply(&wg_op_group_norm, x, weight, bias,
                 (norm_state){.groups = groups == 0 ? -1 : groups, .eps = eps}, site);
}

wg_var wg_instance_norm_at(wg_var x, wg_var weight, wg_var bias, double eps, const char *site) {
    return apply(&wg_op_group_norm, x, weight, bias, (norm_state){.groups = 0, .eps = eps}, site);
}
