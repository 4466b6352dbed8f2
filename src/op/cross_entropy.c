/* cross_entropy.c: cross-entropy of logits.
 *
 * A forward that will be swept leaves the gradient behind (saved), because it has just computed the
 * exponentials: sweeps that do not record themselves take it as it is, or scale it. */
#include "kernel/gather.h"
#include "op/axes.h"
#include "op/labels.h"
#include "op/samples.h"
#include "op/softmax.h"
#include "tape/tape.h"

#include <string.h>

static wg_status loss_shape(wg_call *call, const wg_label_state *state, int rank) {
    const wg_view *x = wg_call_operand(call, 0);
    return wg_call_result(call, x->dtype, wg_loss_reduces(state) ? 0 : rank, x->shape);
}

/* Operand 0's gradient from what forward saved, which is the gradient for an adjoint of 1. */
static void give_saved(wg_call *call, wg_var g) {
    const wg_label_state *state = wg_call_state(call);
    const wg_view x = wg_operand_shape(call, 0), gv = wg_view_of(g);
    int64_t shape[WG_MAX_RANK];
    const double one = g.tape == NULL                    ? g.as.number
                       : gv.data == NULL || gv.rank != 0 ? 0
                                                         : wg_loss_number(&gv);
    if (one == 1) {
        wg_give(call, 0, wg_saved(call));
    } else if (wg_loss_reduces(state)) {
        wg_give(call, 0, wg_azmul(g, wg_saved(call)));
    } else {
        memcpy(shape, x.shape, sizeof shape);
        shape[x.rank - 1] = 1;
        wg_give(call, 0, wg_azmul(wg_reshape(g, x.rank, shape), wg_saved(call)));
    }
}

/* g with an axis of size 1 where the classes are, so that it broadcasts. */
static wg_var beside_classes(wg_var g, const wg_view *x, bool reduced) {
    int64_t shape[WG_MAX_RANK];
    if (reduced) {
        return g;
    }
    memcpy(shape, x->shape, sizeof shape);
    shape[x->rank - 1] = 1;
    return wg_reshape(g, x->rank, shape);
}

/* ---- cross_entropy_chain ------------------------------------------------------------------- */

/* Operands: logits, labels, weight, g. The gradient of cross_entropy. */
static wg_status cross_entropy_chain_shape(wg_call *call) {
    const wg_view *x = wg_call_operand(call, 0), *labels = wg_call_operand(call, 1);
    const wg_view *g = wg_call_operand(call, 3);
    const wg_status status = wg_check_labels(call);
    const bool fits = wg_loss_reduces(wg_call_state(call))
                          ? g->rank == 0
                          : wg_shape_equal(g->rank, g->shape, labels->rank, labels->shape);
    if (status == WG_OK && !fits) {
        return wg_call_fail(call, WG_ERROR_SHAPE, "the adjoint of a loss is %s",
                            wg_call_shape(call, 3));
    }
    return status == WG_OK ? wg_call_result(call, x->dtype, x->rank, x->shape) : status;
}

static wg_status cross_entropy_chain_forward(wg_call *call) {
    const wg_view *x = wg_call_operand(call, 0), *g = wg_call_operand(call, 3);
    const int64_t classes = x->shape[x->rank - 1];
    wg_cross_entropy loss;
    const wg_status status = wg_label_case(call, classes, &loss);
    if (status != WG_OK || loss.rows == 0) {
        return status;
    }
    double *losses = wg_call_scratch(call, (size_t)loss.rows * sizeof *losses);
    if (losses == NULL) {
        return WG_ERROR_MEMORY;
    }
    const wg_view *out = wg_call_out(call);
    if (g->rank == 0 && wg_loss_reduces(wg_call_state(call))) {
        loss.divisor /= wg_loss_number(g);
    }
    wg_kernel_cross_entropy(&loss, losses, out->data);
    for (int64_t i = 0; !wg_loss_reduces(wg_call_state(call)) && i < loss.rows; i++) {
        for (int64_t k = i * classes; k < (i + 1) * classes; k++) {
            if (out->dtype == WG_F32) {
                ((float *)out->data)[k] *= (float)wg_float_at(g, i);
            } else {
                ((double *)out->data)[k] *= wg_float_at(g, i);
            }
        }
    }
    return WG_OK;
}

static wg_var cross_entropy_chain(wg_call *call, wg_var logits, wg_var labels, wg_var weight,
                                  wg_var g) {
    extern const wg_op wg_op_cross_entropy_chain;
    const wg_var operands[4] = {logits, labels, weight, g};
    return wg_apply(&wg_op_cross_entropy_chain, 4, operands, wg_call_state(call),
                    sizeof(wg_label_state), WG_HERE);
}

/* What softmax counts in each row's gradient: (1 - e) w_y + e / classes * sum of w, divided by the
 * divisor; 0 where the label is ignored. A constant array [..., 1]. */
static wg_var softmax_shares(wg_call *call) {
    const wg_label_state *state = wg_call_state(call);
    const wg_var labels = wg_contiguous(wg_operand(call, 1));
    const wg_var weight = wg_contiguous(wg_operand(call, 2));
    const wg_view like = wg_operand_shape(call, 0), labels_view = wg_view_of(labels);
    wg_view weight_view = wg_view_of(weight), x = like;
    x.shape[x.rank - 1] = 1;
    weight_view.rank = wg_is_array(weight) ? weight_view.rank : 0;
    const wg_var shares = wg_constant(labels.tape, x.dtype, x.rank, x.shape, NULL);
    const wg_view out = wg_view_of(shares);
    if (wg_tape_status(labels.tape) != WG_OK || wg_view_count(&out) == 0) {
        return shares;
    }
    const int64_t classes = like.shape[like.rank - 1], rows = wg_view_count(&labels_view);
    const wg_cross_entropy loss =
        wg_label_case_of(state, x.dtype, rows, classes, &labels_view, &weight_view);
    double all = 0;
    for (int64_t k = 0; k < classes; k++) {
        all += loss.weight == NULL ? 1 : wg_float_at(&weight_view, k);
    }
    for (int64_t i = 0; i < rows; i++) {
        const bool ignored = loss.ignore && wg_index_at(&labels_view, i) == loss.ignore_index;
        const double share = (1 - loss.smoothing) * wg_kernel_label_weight(&loss, i) +
                             loss.smoothing / (double)classes * all;
        const double value = ignored ? 0 : share / loss.divisor;
        if (out.dtype == WG_F32) {
            ((float *)out.data)[i] = (float)value;
        } else {
            ((double *)out.data)[i] = value;
        }
    }
    return shares;
}

/* Linear in g; in the logits it is softmax, whose matrix is symmetric. */
static void cross_entropy_chain_rule(wg_call *call, wg_var h) {
    const wg_var x = wg_operand(call, 0), labels = wg_operand(call, 1);
    const wg_var weight = wg_operand(call, 2), g = wg_operand(call, 3);
    const wg_view like = wg_operand_shape(call, 0);
    const bool reduced = wg_loss_reduces(wg_call_state(call));
    if (wg_wants(call, 0)) {
        const wg_var through = wg_softmax_chain(wg_softmax(x, -1), h, -1);
        const wg_var scale = wg_mul(softmax_shares(call), beside_classes(g, &like, reduced));
        wg_give(call, 0, wg_mul(through, scale));
    }
    if (wg_wants(call, 3)) {
        const wg_view sizes = wg_operand_shape(call, 1);
        const wg_var ones =
            reduced ? wg_number(1) : wg_full(x.tape, like.dtype, sizes.rank, sizes.shape, 1);
        const wg_var parts = wg_mul(h, cross_entropy_chain(call, x, labels, weight, ones));
        wg_give(call, 3, reduced ? wg_sum(parts) : wg_sum_over(parts, WG_AXES(-1)));
    }
}

WG_SAMPLES(cross_entropy_chain,
           {WG_OPERANDS(WG_FLOATS(-2, 2, 3, 4), WG_WHOLES(WG_I64, 4, 3), NO_WEIGHTS,
                        WG_FLOAT(0.5, 2)),
            WG_STATE(wg_label_state, WG_LOSS_MEAN, false, 0, 0)},
           {WG_OPERANDS(WG_FLOATS(-2, 2, 2, 2, 3), WG_WHOLES(WG_U8, 3, 2, 2), CLASS_WEIGHTS(3),
                        WG_FLOATS(0.5, 2, 2, 2)),
            WG_STATE(wg_label_state, WG_LOSS_NONE, false, 0, 0.2)},
           {WG_OPERANDS(WG_FLOATS(-2, 2, 5, 3), WG_WHOLES(WG_I64, 3, 5), CLASS_WEIGHTS(3),
                        WG_FLOAT(0.5, 2)),
            WG_STATE(wg_label_state, WG_LOSS_MEAN, true, 1, 0.1)})
WG_DEFINE_OP(cross_entropy_chain, cross_entropy_chain_forward, cross_entropy_chain_rule,
             WG_READS_OPERANDS, WG_OP_CONTIGUOUS)

/* ---- cross_entropy ------------------------------------------------------------------------- */

static wg_status cross_entropy_shape(wg_call *call) {
    const wg_status status = wg_check_labels(call);
    return status == WG_OK ? loss_shape(call, wg_call_state(call), wg_call_operand(call, 1)->rank)
                           : status;
}

/* Where the gradient goes: memory that stays, or NULL where none is wanted. */
static wg_status gradient_place(wg_call *call, void **place) {
    const wg_view *x = wg_call_operand(call, 0);
    *place = NULL;
    if (wg_call_will_sweep(call)) {
        *place = wg_call_save(call, x->dtype, x->rank, x->shape);
        return *place == NULL ? WG_ERROR_MEMORY : WG_OK;
    }
    return WG_OK;
}

static wg_status cross_entropy_forward(wg_call *call) {
    const wg_view *x = wg_call_operand(call, 0);
    const wg_label_state *state = wg_call_state(call);
    wg_cross_entropy loss;
    void *gradient;
    wg_status status = wg_label_case(call, x->shape[x->rank - 1], &loss);
    status = status == WG_OK ? gradient_place(call, &gradient) : status;
    if (status != WG_OK) {
        return status;
    }
    double *losses = wg_call_scratch(call, (size_t)loss.rows * sizeof *losses);
    if (losses == NULL) {
        return WG_ERROR_MEMORY;
    }
    wg_kernel_cross_entropy(&loss, losses, gradient);
    wg_loss_result(call, state->reduction, losses, loss.rows, loss.divisor);
    return WG_OK;
}

static void cross_entropy_rule(wg_call *call, wg_var g) {
    if (!wg_wants(call, 0)) {
        return;
    }
    if (!wg_call_records(call)) {
        give_saved(call, g);
        return;
    }
    wg_give(call, 0,
            cross_entropy_chain(call, wg_operand(call, 0), wg_operand(call, 1), wg_operand(call, 2),
                                g));
}

#define CROSS_ENTROPY_SAMPLES                                                                      \
    {WG_OPERANDS(WG_FLOATS(-2, 2, 3, 4), WG_WHOLES(WG_I64, 4, 3), NO_WEIGHTS),                     \
     WG_STATE(wg_label_state, WG_LOSS_MEAN, false, 0, 0)},                                         \
        {WG_OPERANDS(WG_FLOATS(-2, 2, 2, 2, 3), WG_WHOLES(WG_U8, 3, 2, 2), CLASS_WEIGHTS(3)),      \
         WG_STATE(wg_label_state, WG_LOSS_NONE, false, 0, 0)},                                     \
        {WG_OPERANDS(WG_FLOATS(-2, 2, 6, 3), WG_WHOLES(WG_I64, 3, 6), CLASS_WEIGHTS(3)),           \
         WG_STATE(wg_label_state, WG_LOSS_MEAN, true, 2, 0)},                                      \
    {                                                                                              \
        WG_OPERANDS(WG_FLOATS(-2, 2, 1, 5), WG_WHOLES(WG_I64, 5, 1), NO_WEIGHTS),                  \
            WG_STATE(wg_label_state, WG_LOSS_SUM, true, -100, 0)                                   \
    }

WG_SAMPLES(cross_entropy, CROSS_ENTROPY_SAMPLES,
           {WG_OPERANDS(WG_FLOATS(-2, 2, 5, 3), WG_WHOLES(WG_I64, 3, 5), CLASS_WEIGHTS(3)),
            WG_STATE(wg_label_state, WG_LOSS_MEAN, true, 1, 0.3)},
           {WG_OPERANDS(WG_FLOATS(-2, 2, 2, 4), WG_WHOLES(WG_I64, 4, 2), NO_WEIGHTS),
            WG_STATE(wg_label_state, WG_LOSS_NONE, false, 0, 0.1)})
WG_DEFINE_OP(cross_entropy, cross_entropy_forward, cross_entropy_rule, WG_READS_OPERANDS,
             WG_OP_CONTIGUOUS)

/* ---- soft_cross_entropy: probabilities ----------------------------------------------------- */

static wg_status soft_cross_entropy_shape(wg_call *call) {
    const wg_view *x = wg_call_operand(call, 0), *p = wg_call_operand(call, 1);
    const wg_label_state *state = wg_call_state(call);
    if (x->rank == 0 || x->rank != p->rank || !wg_same_sizes(x, p, x->rank)) {
        return wg_call_fail(call, WG_ERROR_SHAPE, "probabilities %s do not belong to logits %s",
                            wg_call_shape(call, 1), wg_call_shape(call, 0));
    }
    return wg_loss_refuses(call, state->reduction) ? WG_ERROR_ARGUMENT
                                                   : loss_shape(call, state, x->rank - 1);
}

static wg_status soft_cross_entropy_forward(wg_call *call) {
    const wg_view *x = wg_call_operand(call, 0);
    const wg_label_state *state = wg_call_state(call);
    wg_cross_entropy loss = {.dtype = x->dtype,
                             .rows = wg_label_rows(x),
                             .classes = x->shape[x->rank - 1],
                             .x = x->data,
                             .divisor = 1};
    void *gradient;
    loss.divisor = state->reduction == WG_LOSS_MEAN ? (double)loss.rows : 1;
    double *losses = wg_call_scratch(call, (size_t)loss.rows * sizeof *losses);
    if (losses == NULL || gradient_place(call, &gradient) != WG_OK) {
        return WG_ERROR_MEMORY;
    }
    wg_kernel_soft_cross_entropy(&loss, wg_call_operand(call, 1)->data, losses, gradient);
    wg_loss_result(call, state->reduction, losses, loss.rows, loss.divisor);
    return WG_OK;
}

static void soft_cross_entropy_rule(wg_call *call, wg_var g) {
    const wg_var x = wg_operand(call, 0), p = wg_operand(call, 1);
    const wg_label_state *state = wg_call_state(call);
    const wg_view like = wg_operand_shape(call, 0);
    const double rows = state->reduction == WG_LOSS_MEAN ? (double)wg_label_rows(&like) : 1;
    const wg_var share = beside_classes(wg_div(g, rows), &like, wg_loss_reduces(state));
    if (wg_wants(call, 0) && !wg_call_records(call)) {
        give_saved(call, g);
    } else if (wg_wants(call, 0)) {
        const wg_var all = wg_sum_over(p, WG_AXES_KEEP(-1));
        wg_give(call, 0, wg_mul(share, wg_sub(wg_mul(wg_softmax(x, -1), all), p)));
    }
    if (wg_wants(call, 1)) {
        wg_give(call, 1, wg_neg(wg_mul(share, wg_log_softmax(x, -1))));
    }
}

WG_SAMPLES(soft_cross_entropy,
           {WG_OPERANDS(WG_FLOATS(-2, 2, 3, 4), WG_FLOATS(0, 1, 3, 4)),
            WG_STATE(wg_label_state, WG_LOSS_MEAN, false, 0, 0)},
           {WG_OPERANDS(WG_FLOATS(-2, 2, 2, 2, 3), WG_FLOATS(0, 1, 2, 2, 3)),
            WG_STATE(wg_label_state, WG_LOSS_NONE, false, 0, 0)},
           {WG_OPERANDS(WG_FLOATS(-2, 2, 5), WG_FLOATS(0, 1, 5)),
            WG_STATE(wg_label_state, WG_LOSS_SUM, false, 0, 0)})
WG_DEFINE_OP(soft_cross_entropy, soft_cross_entropy_forward, soft_cross_entropy_rule,
             WG_READS_OPERANDS, WG_OP_FLOATS | WG_OP_CONTIGUOUS)

/* ---- The verb ------------------------------------------------------------------------------ */

/* x with axis `axis` last; 0 means that it is. */
static wg_var axis_last(wg_var x, int axis, const char *site) {
    const int rank = wg_rank(x);
    int order[WG_MAX_RANK];
    axis += axis < 0 ? rank : 0;
    if (axis == rank - 1) {
        return x;
    }
    for (int i = 0; i < rank; i++) {
        order[i] = i < axis ? i : i + 1;
    }
    order[rank - 1] = axis;
    return wg_permute_at(x, rank, order, site);
}

bool wg_classes_last(const char *name, wg_var *x, wg_var *labels, int axis, const char *site) {
    const wg_view view = wg_view_of(*labels);
    const bool whole = wg_is_array(*labels) && !wg_dtype_is_float(view.dtype);
    const int rank = wg_rank(*x);
    if (axis == 0 || !wg_is_array(*x)) {
        return whole;
    }
    if (axis >= rank || axis < -rank) {
        char text[192];
        const wg_view logits = wg_view_of(*x);
        wg_tape_fail(x->tape, WG_ERROR_ARGUMENT, name, site, "there is no axis %d in the shape %s",
                     axis, wg_shape_text(rank, logits.shape, text, sizeof text));
        return whole;
    }
    *x = axis_last(*x, axis, site);
    if (!whole && wg_rank(*labels) == rank) {
        *labels = axis_last(*labels, axis, site);
    }
    return whole;
}

wg_var wg_class_weights(const char *name, wg_var weight, wg_var x, const char *site) {
    const wg_view like = wg_view_of(x), own = wg_view_of(weight);
    const wg_node *node = wg_node_of(weight);
    if (!wg_is_array(weight)) {
        return wg_number(1);
    }
    if (node != NULL && (node->flags & WG_NODE_WANTS) != 0) {
        wg_tape_fail(weight.tape, WG_ERROR_ARGUMENT, name, site,
                     "the class weights want a gradient, which labels do not give them");
    }
    const wg_dtype dtype = like.dtype == WG_BF16 ? WG_F32 : like.dtype; /* as logits will be */
    return wg_is_array(x) && wg_dtype_is_float(like.dtype) && own.dtype != dtype
               ? wg_cast_at(weight, dtype, site)
               : weight;
}

/* Probabilities as they count: smoothed, weighed. */
static wg_var counted(wg_var p, wg_var x, const wg_cross_entropy_options *options,
                      const char *site) {
    const double smoothing = options->label_smoothing;
    if (smoothing > 0 && wg_rank(x) > 0) {
        const double share = smoothing / (double)wg_size(x, -1);
        p = wg_add_at(wg_mul_at(p, wg_number(1 - smoothing), site), wg_number(share), site);
    }
    return wg_is_array(options->weight) ? wg_mul_at(p, options->weight, site) : p;
}

wg_var wg_cross_entropy_with_at(wg_var logits, wg_var labels, wg_cross_entropy_options options,
                                const char *site) {
    const wg_var both[2] = {logits, labels};
    wg_tape *tape = wg_tape_of(2, both);
    if (tape != NULL && !(options.label_smoothing >= 0 && options.label_smoothing <= 1)) {
        wg_tape_fail(tape, WG_ERROR_ARGUMENT, "cross_entropy", site,
                     "label_smoothing is %g, not in [0, 1]", options.label_smoothing);
    }
    const bool whole = wg_classes_last("cross_entropy", &logits, &labels, options.axis, site);
    if (tape != NULL && !whole && options.ignore) {
        wg_tape_fail(tape, WG_ERROR_ARGUMENT, "cross_entropy", site,
                     "ignore_index is for integer labels, not for probabilities");
    }
    wg_label_state state;
    memset(&state, 0, sizeof state);
    state.reduction = options.reduction;
    if (!whole) {
        const wg_var operands[2] = {logits, counted(labels, logits, &options, site)};
        return wg_apply(&wg_op_soft_cross_entropy, 2, operands, &state, sizeof state, site);
    }
    state.ignore = options.ignore;
    state.ignore_index = options.ignore_index;
    state.smoothing = options.label_smoothing;
    const wg_var operands[3] = {logits, labels,
                                wg_class_weights("cross_entropy", options.weight, logits, site)};
    return wg_apply(&wg_op_cross_entropy, 3, operands, &state, sizeof state, site);
}

wg_var wg_cross_entropy_at(wg_var logits, wg_var labels, const char *site) {
    return wg_cross_entropy_with_at(logits, labels, wg_cross_entropy_defaults(), site);
}
