/* norm_rule.c: the chain rule of normalisation in verbs, and what its fused forms need. */
#include "op/define.h"
#include "op/norm.h"
#include "tape/tape.h"

/* t summed to the shape of operand i: over the axes that share a weight. */
static void give_weight(wg_call *call, int i, wg_var t, const wg_norm_form *form) {
    const wg_view shape = wg_operand_shape(call, i);
    wg_give(call, i,
            shape.rank == 0 ? t
                            : wg_reshape(wg_sum_over(t, form->shared), shape.rank, shape.shape));
}

void wg_norm_rule(wg_call *call, wg_var g, const wg_norm_form *form) {
    const wg_view view = wg_operand_shape(call, 0), weights = wg_operand_shape(call, 1);
    g = wg_reshape(g, 4, form->shape);
    if (wg_wants(call, 0) || wg_wants(call, 1)) {
        const wg_var x = wg_reshape(wg_operand(call, 0), 4, form->shape);
        const wg_var w = weights.rank == 0 ? wg_operand(call, 1)
                                           : wg_reshape(wg_operand(call, 1), 4, form->weight_shape);
        const wg_var d = form->centred ? wg_sub(x, wg_mean_over(x, form->together)) : x;
        const wg_var variance = wg_mean_over(wg_square(d), form->together);
        const wg_var r = wg_div(1.0, wg_sqrt(wg_add(variance, form->eps)));
        const wg_var xhat = wg_mul(d, r), part = wg_mul(g, w);
        const wg_var slope = wg_mean_over(wg_azmul(part, xhat), form->together);
        wg_var dx = wg_sub(part, wg_azmul(slope, xhat));
        if (form->centred) {
            dx = wg_sub(dx, wg_mean_over(part, form->together));
        }
        wg_give(call, 0, wg_reshape(wg_azmul(dx, r), view.rank, view.shape));
        if (wg_wants(call, 1)) {
            give_weight(call, 1, wg_azmul(g, xhat), form);
        }
    }
    if (wg_wants(call, 2)) {
        give_weight(call, 2, g, form);
    }
}

static double number_of(const wg_view *view) {
    return view->dtype == WG_F32 ? (double)*(const float *)view->data : *(const double *)view->data;
}

const void *wg_norm_weights(wg_call *call, int i, int64_t count, bool *ok) {
    const wg_view *w = wg_call_operand(call, 1), *b = wg_call_operand(call, 2);
    const wg_view *view = i == 1 ? w : b;
    if (view->rank > 0) {
        return view->data;
    }
    const double number = number_of(view);
    if (w->rank == 0 && b->rank == 0 && number_of(w) == 1 && number_of(b) == 0) {
        return NULL;
    }
    void *all = wg_call_scratch(call, (size_t)count * wg_dtype_size(view->dtype));
    *ok = *ok && all != NULL;
    for (int64_t k = 0; k < count && all != NULL; k++) {
        if (view->dtype == WG_F32) {
            ((float *)all)[k] = (float)number;
        } else {
            ((double *)all)[k] = number;
        }
    }
    return all;
}

/* x as contiguous memory of a dtype. */
static bool is_plain(wg_var x, wg_dtype dtype) {
    const wg_view view = wg_view_of(x);
    return wg_is_array(x) && view.dtype == dtype && wg_view_is_contiguous(&view);
}

bool wg_norm_fused(wg_call *call, wg_var g, int64_t count, wg_var *x, wg_var *w) {
    const wg_dtype dtype = wg_view_of(g).dtype;
    const bool one_wants = (wg_operand_shape(call, 1).rank == 0 && wg_wants(call, 1)) ||
                           (wg_operand_shape(call, 2).rank == 0 && wg_wants(call, 2));
    if (wg_call_records(call) || !is_plain(g, dtype) || one_wants) {
        return false;
    }
    *x = wg_contiguous_at(wg_operand(call, 0), NULL);
    *w = wg_operand(call, 1);
    if (!wg_is_array(*w) || wg_view_of(*w).rank == 0) {
        const bool is_one = w->tape == NULL && w->as.number == 1;
        *w = is_one ? wg_number(1)
                    : wg_contiguous_at(wg_mul(wg_full(call->tape, dtype, 1, &count, 1), *w), NULL);
    }
    *w = wg_is_array(*w) ? wg_contiguous_at(*w, NULL) : *w;
    return call->tape->status == WG_OK && is_plain(*x, dtype) &&
           (!wg_is_array(*w) || is_plain(*w, dtype));
}

wg_norm_places wg_norm_places_of(wg_call *call, wg_dtype dtype) {
    wg_norm_places to = {NULL, NULL, NULL, false, false, false};
    to.dx = wg_give_place(call, 0, dtype, &to.add_x);
    to.dw = wg_give_place(call, 1, dtype, &to.add_w);
    to.db = wg_give_place(call, 2, dtype, &to.add_b);
    return to;
}

wg_status wg_norm_check(wg_call *call, int rank, const int64_t *shape) {
    for (int i = 1; i < 3; i++) {
        const wg_view *w = wg_call_operand(call, i);
        if (w->rank != 0 && !wg_shape_equal(w->rank, w->shape, rank, shape)) {
            char text[160];
            return wg_call_fail(call, WG_ERROR_SHAPE, "the %s %s is not %s, as x %s wants it",
                                i == 1 ? "weight" : "bias", wg_call_shape(call, i),
                                wg_shape_text(rank, shape, text, sizeof text),
                                wg_call_shape(call, 0));
        }
    }
    return WG_OK;
}
