/* labels.c: what losses of integer labels share: checks, and what the kernels need. */
#include "op/labels.h"

#include "kernel/gather.h"
#include "op/axes.h"
#include "tape/tape.h"

/* How many rows an array with the classes last has. */
int64_t wg_label_rows(const wg_view *x) {
    return wg_sizes_product(x->shape, 0, x->rank - 1);
}

bool wg_same_sizes(const wg_view *a, const wg_view *b, int rank) {
    for (int i = 0; i < rank; i++) {
        if (a->shape[i] != b->shape[i]) {
            return false;
        }
    }
    return true;
}

bool wg_loss_reduces(const wg_label_state *state) {
    return state->reduction != WG_LOSS_NONE;
}

/* ---- Labels -------------------------------------------------------------------------------- */

/* Operands: x [..., classes], labels, weight (of rank 0: none). */
wg_status wg_check_labels(wg_call *call) {
    const wg_view *x = wg_call_operand(call, 0), *labels = wg_call_operand(call, 1);
    const wg_view *weight = wg_call_operand(call, 2);
    const wg_label_state *state = wg_call_state(call);
    if (!wg_dtype_is_float(x->dtype) || wg_dtype_is_float(labels->dtype)) {
        return wg_call_fail(call, WG_ERROR_DTYPE,
                            "logits are f32 or f64 and labels i64 or u8, not %s and %s",
                            wg_dtype_name(x->dtype), wg_dtype_name(labels->dtype));
    }
    if (x->rank != labels->rank + 1 || !wg_same_sizes(x, labels, labels->rank)) {
        return wg_call_fail(call, WG_ERROR_SHAPE, "labels %s do not belong to logits %s",
                            wg_call_shape(call, 1), wg_call_shape(call, 0));
    }
    if (weight->rank != 0 && (weight->rank != 1 || weight->shape[0] != x->shape[x->rank - 1])) {
        return wg_call_fail(call, WG_ERROR_SHAPE, "class weights %s do not belong to logits %s",
                            wg_call_shape(call, 2), wg_call_shape(call, 0));
    }
    if (weight->rank != 0 && weight->dtype != x->dtype) {
        return wg_call_fail(call, WG_ERROR_DTYPE, "class weights are %s and logits %s",
                            wg_dtype_name(weight->dtype), wg_dtype_name(x->dtype));
    }
    return wg_loss_refuses(call, state->reduction) ? WG_ERROR_ARGUMENT : WG_OK;
}

/* The first label that is neither a class nor ignored, or -1. */
static int64_t label_outside(const wg_view *labels, int64_t classes, const wg_label_state *state) {
    int64_t at = wg_kernel_index_outside(labels, classes);
    if (at < 0 || !state->ignore) {
        return at;
    }
    for (const int64_t count = wg_view_count(labels); at < count; at++) {
        const int64_t label = wg_index_at(labels, at);
        if ((label < 0 || label >= classes) && label != state->ignore_index) {
            return at;
        }
    }
    return -1;
}

/* What the kernels need of labels, for `rows` rows of `classes` values of the type. */
wg_cross_entropy wg_label_case_of(const wg_label_state *state, wg_dtype dtype, int64_t rows,
                                  int64_t classes, const wg_view *labels, const wg_view *weight) {
    wg_cross_entropy loss = {.dtype = dtype,
                             .rows = rows,
                             .classes = classes,
                             .labels = labels,
                             .weight = weight->rank == 0 ? NULL : weight->data,
                             .smoothing = state->smoothing,
                             .ignore = state->ignore,
                             .ignore_index = state->ignore_index,
                             .divisor = 1};
    if (state->reduction == WG_LOSS_MEAN) {
        loss.divisor = (double)rows;
        if (loss.weight != NULL || loss.ignore) {
            loss.divisor = 0;
            for (int64_t i = 0; i < rows; i++) {
                loss.divisor += wg_kernel_label_weight(&loss, i);
            }
        }
    }
    return loss;
}

wg_status wg_label_case(wg_call *call, int64_t classes, wg_cross_entropy *loss) {
    const wg_view *x = wg_call_operand(call, 0), *labels = wg_call_operand(call, 1);
    const wg_label_state *state = wg_call_state(call);
    const int64_t at = label_outside(labels, classes, state);
    if (at >= 0) {
        return wg_call_fail(call, WG_ERROR_ARGUMENT,
                            "label %lld (element %lld) is out of range for %lld classes",
                            (long long)wg_index_at(labels, at), (long long)at, (long long)classes);
    }
    *loss = wg_label_case_of(state, x->dtype, wg_view_count(labels), classes, labels,
                             wg_call_operand(call, 2));
    loss->x = x->data;
    return WG_OK;
}

double wg_float_at(const wg_view *view, int64_t i) {
    return view->dtype == WG_F32 ? (double)((const float *)view->data)[i]
                                 : ((const double *)view->data)[i];
}
