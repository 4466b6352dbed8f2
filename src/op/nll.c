/* nll.c: the negative log-likelihood of labels: minus the log-probability at each label, and its
 * transpose; and multi_margin, which picks by it. */
#include "kernel/gather.h"
#include "op/axes.h"
#include "op/labels.h"
#include "op/samples.h"
#include "tape/tape.h"

#include <string.h>

/* ---- nll_chain ----------------------------------------------------------------------------- */

typedef struct nll_chain_state {
    wg_label_state loss;
    int64_t classes;
} nll_chain_state;

/* Operands: g (of rank 0, or of the labels' shape), labels, weight: -g weight / divisor at each
 * label, else 0. */
static wg_status nll_chain_shape(wg_call *call) {
    const nll_chain_state *state = wg_call_state(call);
    const wg_view *g = wg_call_operand(call, 0), *labels = wg_call_operand(call, 1);
    const bool fits = wg_loss_reduces(&state->loss)
                          ? g->rank == 0
                          : wg_shape_equal(g->rank, g->shape, labels->rank, labels->shape);
    int64_t shape[WG_MAX_RANK + 1] = {0};
    if (!fits || !wg_dtype_is_float(g->dtype) || wg_dtype_is_float(labels->dtype)) {
        return wg_call_fail(call, WG_ERROR_SHAPE, "the adjoint of a loss is %s",
                            wg_call_shape(call, 0));
    }
    memcpy(shape, labels->shape, sizeof labels->shape);
    shape[labels->rank] = state->classes;
    return wg_call_result(call, g->dtype, labels->rank + 1, shape);
}

static wg_status nll_chain_forward(wg_call *call) {
    const nll_chain_state *state = wg_call_state(call);
    const wg_view *g = wg_call_operand(call, 0), *labels = wg_call_operand(call, 1);
    const wg_view *out = wg_call_out(call);
    const bool reduced = wg_loss_reduces(&state->loss);
    wg_cross_entropy loss;
    const wg_status status = wg_label_case(call, state->classes, &loss);
    if (status != WG_OK || wg_view_count(out) == 0) {
        return status;
    }
    memset(out->data, 0, (size_t)wg_view_count(out) * wg_dtype_size(out->dtype));
    for (int64_t i = 0; i < loss.rows; i++) {
        const int64_t label = wg_index_at(labels, i);
        const double weight = wg_kernel_label_weight(&loss, i);
        if (loss.ignore && label == loss.ignore_index) {
            continue;
        }
        const double value = -wg_float_at(g, reduced ? 0 : i) * weight / loss.divisor;
        if (out->dtype == WG_F32) {
            ((float *)out->data)[i * state->classes + label] = (float)value;
        } else {
            ((double *)out->data)[i * state->classes + label] = value;
        }
    }
    return status;
}

static void nll_chain_rule(wg_call *call, wg_var h) {
    extern const wg_op wg_op_nll;
    const nll_chain_state *state = wg_call_state(call);
    const wg_var operands[3] = {h, wg_operand(call, 1), wg_operand(call, 2)};
    wg_give(call, 0, wg_apply(&wg_op_nll, 3, operands, &state->loss, sizeof state->loss, WG_HERE));
}

WG_SAMPLES(nll_chain,
           {WG_OPERANDS(WG_FLOAT(0.5, 2), WG_WHOLES(WG_I64, 4, 3), NO_WEIGHTS),
            WG_STATE(nll_chain_state, {WG_LOSS_MEAN, false, 0, 0}, 4)},
           {WG_OPERANDS(WG_FLOATS(0.5, 2, 2, 3), WG_WHOLES(WG_U8, 5, 2, 3), CLASS_WEIGHTS(5)),
            WG_STATE(nll_chain_state, {WG_LOSS_NONE, true, 3, 0}, 5)})
WG_DEFINE_OP(nll_chain, nll_chain_forward, nll_chain_rule,
             WG_READS_OPERAND(1) | WG_READS_OPERAND(2), WG_OP_CONTIGUOUS)

/* ---- nll ----------------------------------------------------------------------------------- */

static wg_status nll_shape(wg_call *call) {
    const wg_view *x = wg_call_operand(call, 0);
    const wg_status status = wg_check_labels(call);
    const int rank = wg_loss_reduces(wg_call_state(call)) ? 0 : x->rank - 1;
    return status == WG_OK ? wg_call_result(call, x->dtype, rank, x->shape) : status;
}

static wg_status nll_forward(wg_call *call) {
    const wg_view *x = wg_call_operand(call, 0), *labels = wg_call_operand(call, 1);
    const wg_label_state *state = wg_call_state(call);
    const int64_t classes = x->shape[x->rank - 1];
    wg_cross_entropy loss;
    const wg_status status = wg_label_case(call, classes, &loss);
    if (status != WG_OK) {
        return status;
    }
    double *losses = wg_call_scratch(call, (size_t)loss.rows * sizeof *losses);
    if (losses == NULL) {
        return WG_ERROR_MEMORY;
    }
    for (int64_t i = 0; i < loss.rows; i++) {
        const int64_t label = wg_index_at(labels, i);
        const bool ignored = loss.ignore && label == loss.ignore_index;
        losses[i] =
            ignored ? 0 : -wg_kernel_label_weight(&loss, i) * wg_float_at(x, i * classes + label);
    }
    wg_loss_result(call, state->reduction, losses, loss.rows, loss.divisor);
    return WG_OK;
}

static void nll_rule(wg_call *call, wg_var g) {
    const wg_view x = wg_operand_shape(call, 0);
    const wg_label_state *loss = wg_call_state(call);
    const nll_chain_state state = {*loss, x.shape[x.rank - 1]};
    const wg_var operands[3] = {g, wg_operand(call, 1), wg_operand(call, 2)};
    if (wg_wants(call, 0)) {
        wg_give(call, 0, wg_apply(&wg_op_nll_chain, 3, operands, &state, sizeof state, WG_HERE));
    }
}

WG_SAMPLES(nll,
           {WG_OPERANDS(WG_FLOATS(-2, 2, 3, 4), WG_WHOLES(WG_I64, 4, 3), NO_WEIGHTS),
            WG_STATE(wg_label_state, WG_LOSS_MEAN, false, 0, 0)},
           {WG_OPERANDS(WG_FLOATS(-2, 2, 2, 2, 3), WG_WHOLES(WG_U8, 3, 2, 2), CLASS_WEIGHTS(3)),
            WG_STATE(wg_label_state, WG_LOSS_NONE, false, 0, 0)},
           {WG_OPERANDS(WG_FLOATS(-2, 2, 6, 3), WG_WHOLES(WG_I64, 3, 6), CLASS_WEIGHTS(3)),
            WG_STATE(wg_label_state, WG_LOSS_MEAN, true, 2, 0)},
           {WG_OPERANDS(WG_FLOATS(-2, 2, 5), {.dtype = WG_I64, .high = 5, .fixed = true},
                        NO_WEIGHTS),
            WG_STATE(wg_label_state, WG_LOSS_SUM, false, 0, 0)})
WG_DEFINE_OP(nll, nll_forward, nll_rule, WG_READS_OPERAND(1) | WG_READS_OPERAND(2),
             WG_OP_CONTIGUOUS)

wg_var wg_nll_at(wg_var x, wg_var labels, wg_cross_entropy_options options, const char *site) {
    const wg_var both[2] = {x, labels};
    wg_tape *tape = wg_tape_of(2, both);
    if (tape != NULL && options.label_smoothing != 0) {
        wg_tape_fail(tape, WG_ERROR_ARGUMENT, "nll", site,
                     "label_smoothing needs logits (wg_cross_entropy_with)");
    }
    (void)wg_classes_last("nll", &x, &labels, options.axis, site);
    wg_label_state state;
    memset(&state, 0, sizeof state);
    state.reduction = options.reduction;
    state.ignore = options.ignore;
    state.ignore_index = options.ignore_index;
    const wg_var operands[3] = {x, labels, wg_class_weights("nll", options.weight, x, site)};
    return wg_apply(&wg_op_nll, 3, operands, &state, sizeof state, site);
}

/* ---- multi_margin -------------------------------------------------------------------------- */

wg_var wg_multi_margin_at(wg_var scores, wg_var labels, wg_multi_margin_options options,
                          const char *site) {
    const wg_view like = wg_view_of(scores);
    const wg_var both[2] = {scores, labels};
    wg_tape *tape = wg_tape_of(2, both);
    wg_cross_entropy_options pick = wg_cross_entropy_defaults();
    pick.reduction = WG_LOSS_NONE;
    const wg_var chosen = wg_nll_at(scores, labels, pick, site);
    if (tape == NULL || wg_tape_status(tape) != WG_OK) {
        return chosen;
    }
    if (options.p < 0 || options.p > 2) {
        wg_tape_fail(tape, WG_ERROR_ARGUMENT, "multi_margin", site, "p is %d, not 1 or 2",
                     options.p);
        return wg_poison(tape);
    }
    /* The label's own term is max(0, margin)^p, which is taken off again. */
    const double most = options.margin > 0 ? options.margin : 0;
    const double own = options.p == 2 ? most * most : most;
    const double classes = (double)like.shape[like.rank - 1];
    int64_t shape[WG_MAX_RANK];
    memcpy(shape, like.shape, sizeof shape);
    shape[like.rank - 1] = 1;
    const wg_var beside = wg_reshape_at(chosen, like.rank, shape, site);
    wg_var terms = wg_relu_at(
        wg_add_at(wg_add_at(scores, beside, site), wg_number(options.margin), site), site);
    terms = options.p == 2 ? wg_square_at(terms, site) : terms;
    const wg_var sums =
        wg_sub_at(wg_sum_at(terms, wg_one_axis(-1, false), site), wg_number(own), site);
    return wg_loss_reduce(wg_div_at(sums, wg_number(classes), site), options.reduction,
                          "multi_margin", site);
}
