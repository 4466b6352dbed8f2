/* loss.c: losses as one pass over the logits. */
#include "kernel/loss.h"

#include <string.h>

#include "kernel/gather.h"
#include "kernel/reduce.h"
#include "op/axes.h"
#include "op/define.h"
#include "op/samples.h"
#include "op/softmax.h"

/* How many rows operand 0 has. */
static int64_t rows_of(const wg_call *call) {
    const wg_view x = wg_operand_shape(call, 0);
    return wg_sizes_product(x.shape, 0, x.rank - 1);
}

static double number_of(const wg_view *view) {
    return view->dtype == WG_F32 ? (double)*(const float *)view->data : *(const double *)view->data;
}

static void set_number(const wg_view *view, double value) {
    if (view->dtype == WG_F32) {
        *(float *)view->data = (float)value;
    } else {
        *(double *)view->data = value;
    }
}

static bool is_float(const wg_view *view) {
    return view->dtype == WG_F32 || view->dtype == WG_F64;
}

static bool same_sizes(const wg_view *a, const wg_view *b, int rank) {
    for (int i = 0; i < rank; i++) {
        if (a->shape[i] != b->shape[i]) {
            return false;
        }
    }
    return true;
}

/* The result is the mean of losses[0..rows). */
static void set_mean(wg_call *call, double *losses, int64_t rows) {
    const wg_view from = {WG_F64, 1, {rows}, {1}, losses};
    double mean = 0;
    const wg_view to = {WG_F64, 1, {1}, {1}, &mean};
    if (rows == 1) {
        mean = losses[0];
    } else {
        wg_kernel_reduce(WG_REDUCE_SUM, &from, &to, (double)rows);
    }
    set_number(wg_call_out(call), mean);
}

/* ---- cross_entropy: integer labels --------------------------------------------------------- */

static wg_status check_labels(wg_call *call) {
    const wg_view *x = wg_call_operand(call, 0), *labels = wg_call_operand(call, 1);
    if (!is_float(x) || is_float(labels)) {
        return wg_call_fail(call, WG_ERROR_DTYPE,
                            "logits are f32 or f64 and labels i64 or u8, not %s and %s",
                            wg_dtype_name(x->dtype), wg_dtype_name(labels->dtype));
    }
    if (x->rank != labels->rank + 1 || !same_sizes(x, labels, labels->rank)) {
        return wg_call_fail(call, WG_ERROR_SHAPE, "labels %s do not belong to logits %s",
                            wg_call_shape(call, 1), wg_call_shape(call, 0));
    }
    return WG_OK;
}

static wg_status check_range(wg_call *call) {
    const wg_view *x = wg_call_operand(call, 0), *labels = wg_call_operand(call, 1);
    const int64_t classes = x->shape[x->rank - 1];
    const int64_t at = wg_kernel_index_outside(labels, classes);
    return at < 0 ? WG_OK
                  : wg_call_fail(call, WG_ERROR_ARGUMENT,
                                 "label %lld (element %lld) is out of range for %lld classes",
                                 (long long)wg_index_at(labels, at), (long long)at,
                                 (long long)classes);
}

/* Operands: logits, labels, g. (softmax - one at the label) g / rows. */
static wg_status cross_entropy_chain_shape(wg_call *call) {
    const wg_view *x = wg_call_operand(call, 0);
    const wg_status status = check_labels(call);
    if (status == WG_OK && wg_call_operand(call, 2)->rank != 0) {
        return wg_call_fail(call, WG_ERROR_SHAPE, "the adjoint of a loss is %s",
                            wg_call_shape(call, 2));
    }
    return status == WG_OK ? wg_call_result(call, x->dtype, x->rank, x->shape) : status;
}

static wg_status cross_entropy_chain_forward(wg_call *call) {
    const wg_view *x = wg_call_operand(call, 0);
    const wg_status status = check_range(call);
    if (status == WG_OK) {
        wg_kernel_cross_entropy_chain(
            x->dtype, x->shape[x->rank - 1], x->data, wg_call_operand(call, 1),
            number_of(wg_call_operand(call, 2)) / (double)rows_of(call), wg_call_out(call)->data);
    }
    return status;
}

static wg_var cross_entropy_chain(wg_var logits, wg_var labels, wg_var g);

/* Linear in g; in the logits it is softmax, whose matrix is symmetric. */
static void cross_entropy_chain_rule(wg_call *call, wg_var h) {
    const wg_var x = wg_operand(call, 0), labels = wg_operand(call, 1), g = wg_operand(call, 2);
    if (wg_wants(call, 0)) {
        const wg_var through = wg_softmax_chain(wg_softmax(x, -1), h, -1);
        wg_give(call, 0, wg_mul(through, wg_div(g, (double)rows_of(call))));
    }
    if (wg_wants(call, 2)) {
        wg_give(call, 2, wg_sum(wg_mul(h, cross_entropy_chain(x, labels, wg_number(1)))));
    }
}

WG_SAMPLES(cross_entropy_chain,
           {WG_OPERANDS(WG_FLOATS(-2, 2, 3, 4), WG_WHOLES(WG_I64, 4, 3), WG_FLOAT(0.5, 2))},
           {WG_OPERANDS(WG_FLOATS(-2, 2, 2, 2, 3), WG_WHOLES(WG_U8, 3, 2, 2), WG_FLOAT(0.5, 2))})
WG_DEFINE_OP(cross_entropy_chain, cross_entropy_chain_forward, cross_entropy_chain_rule,
             WG_READS_OPERANDS, WG_OP_CONTIGUOUS)

static wg_var cross_entropy_chain(wg_var logits, wg_var labels, wg_var g) {
    const wg_var operands[3] = {logits, labels, g};
    return wg_apply(&wg_op_cross_entropy_chain, 3, operands, NULL, 0, WG_HERE);
}

static wg_status cross_entropy_shape(wg_call *call) {
    const wg_status status = check_labels(call);
    return status == WG_OK ? wg_call_result(call, wg_call_operand(call, 0)->dtype, 0, NULL)
                           : status;
}

static wg_status cross_entropy_forward(wg_call *call) {
    const wg_view *x = wg_call_operand(call, 0);
    const int64_t rows = rows_of(call);
    const wg_status status = check_range(call);
    if (status != WG_OK) {
        return status;
    }
    double *losses = wg_call_scratch(call, (size_t)rows * sizeof *losses);
    if (losses == NULL) {
        return WG_ERROR_MEMORY;
    }
    wg_kernel_cross_entropy(x->dtype, x->shape[x->rank - 1], x->data, wg_call_operand(call, 1),
                            losses);
    set_mean(call, losses, rows);
    return WG_OK;
}

static void cross_entropy_rule(wg_call *call, wg_var g) {
    wg_give(call, 0, cross_entropy_chain(wg_operand(call, 0), wg_operand(call, 1), g));
}

WG_SAMPLES(cross_entropy, {WG_OPERANDS(WG_FLOATS(-2, 2, 3, 4), WG_WHOLES(WG_I64, 4, 3))},
           {WG_OPERANDS(WG_FLOATS(-2, 2, 2, 2, 3), WG_WHOLES(WG_U8, 3, 2, 2))},
           {WG_OPERANDS(WG_FLOATS(-2, 2, 1, 5), WG_WHOLES(WG_I64, 5, 1))})
WG_DEFINE_OP(cross_entropy, cross_entropy_forward, cross_entropy_rule, WG_READS_OPERANDS,
             WG_OP_CONTIGUOUS)

/* ---- soft_cross_entropy: probabilities ----------------------------------------------------- */

static wg_status soft_cross_entropy_shape(wg_call *call) {
    const wg_view *x = wg_call_operand(call, 0), *p = wg_call_operand(call, 1);
    if (x->rank == 0 || x->rank != p->rank || !same_sizes(x, p, x->rank)) {
        return wg_call_fail(call, WG_ERROR_SHAPE, "probabilities %s do not belong to logits %s",
                            wg_call_shape(call, 1), wg_call_shape(call, 0));
    }
    return wg_call_result(call, x->dtype, 0, NULL);
}

static wg_status soft_cross_entropy_forward(wg_call *call) {
    const wg_view *x = wg_call_operand(call, 0);
    const int64_t rows = rows_of(call);
    double *losses = wg_call_scratch(call, (size_t)rows * sizeof *losses);
    if (losses == NULL) {
        return WG_ERROR_MEMORY;
    }
    wg_kernel_soft_cross_entropy(x->dtype, rows, x->shape[x->rank - 1], x->data,
                                 wg_call_operand(call, 1)->data, losses);
    set_mean(call, losses, rows);
    return WG_OK;
}

static void soft_cross_entropy_rule(wg_call *call, wg_var g) {
    const wg_var x = wg_operand(call, 0), p = wg_operand(call, 1);
    const wg_var share = wg_div(g, (double)rows_of(call));
    if (wg_wants(call, 0)) {
        const wg_var all = wg_sum_over(p, WG_AXES_KEEP(-1));
        wg_give(call, 0, wg_mul(share, wg_sub(wg_mul(wg_softmax(x, -1), all), p)));
    }
    if (wg_wants(call, 1)) {
        wg_give(call, 1, wg_neg(wg_mul(share, wg_log_softmax(x, -1))));
    }
}

WG_SAMPLES(soft_cross_entropy, {WG_OPERANDS(WG_FLOATS(-2, 2, 3, 4), WG_FLOATS(0, 1, 3, 4))},
           {WG_OPERANDS(WG_FLOATS(-2, 2, 2, 2, 3), WG_FLOATS(0, 1, 2, 2, 3))},
           {WG_OPERANDS(WG_FLOATS(-2, 2, 5), WG_FLOATS(0, 1, 5))})
WG_DEFINE_OP(soft_cross_entropy, soft_cross_entropy_forward, soft_cross_entropy_rule,
             WG_READS_OPERANDS, WG_OP_FLOATS | WG_OP_CONTIGUOUS)

wg_var wg_cross_entropy_at(wg_var logits, wg_var labels, const char *site) {
    const wg_var operands[2] = {logits, labels};
    const wg_view view = wg_view_of(labels);
    const bool whole = wg_is_array(labels) && !is_float(&view);
    return wg_apply(whole ? &wg_op_cross_entropy : &wg_op_soft_cross_entropy, 2, operands, NULL, 0,
                    site);
}

/* ---- mse ----------------------------------------------------------------------------------- */

/* Both operands stretched to their common shape; how many elements that has. */
static int64_t stretched(const wg_call *call, wg_view *a, wg_view *b) {
    const wg_view views[2] = {wg_operand_shape(call, 0), wg_operand_shape(call, 1)};
    wg_view *const wide[2] = {a, b};
    const int rank = views[0].rank > views[1].rank ? views[0].rank : views[1].rank;
    int64_t count = 1;
    for (int k = 0; k < 2; k++) {
        *wide[k] = views[k];
        wide[k]->rank = rank;
    }
    for (int i = 0; i < rank; i++) {
        int64_t size[2], stride[2];
        for (int k = 0; k < 2; k++) {
            const int own = i - (rank - views[k].rank);
            size[k] = own < 0 ? 1 : views[k].shape[own];
            stride[k] = own < 0 || size[k] == 1 ? 0 : views[k].stride[own];
        }
        for (int k = 0; k < 2; k++) {
            wide[k]->shape[i] = size[0] == 1 ? size[1] : size[0];
            wide[k]->stride[i] = stride[k];
        }
        count *= a->shape[i];
    }
    return count;
}

static wg_status mse_shape(wg_call *call) {
    const wg_view *a = wg_call_operand(call, 0), *b = wg_call_operand(call, 1);
    const bool same = wg_shape_equal(a->rank, a->shape, b->rank, b->shape);
    /* [n, 1] against [n] would broadcast to [n, n]: a loss that is wrong and says nothing. */
    if (!same && wg_view_count(a) != 1 && wg_view_count(b) != 1) {
        return wg_call_fail(call, WG_ERROR_SHAPE, "%s and %s are not one shape (wg_reshape)",
                            wg_call_shape(call, 0), wg_call_shape(call, 1));
    }
    const wg_status status = wg_call_broadcast(call);
    return status == WG_OK ? wg_call_result(call, a->dtype, 0, NULL) : status;
}

static wg_status mse_forward(wg_call *call) {
    wg_view a, b;
    const int64_t count = stretched(call, &a, &b);
    const double sum = count == 0 ? 0 : wg_kernel_squared_distance(&a, &b);
    set_number(wg_call_out(call), sum / (double)count);
    return WG_OK;
}

static void mse_chain(wg_call *call, wg_var g) {
    wg_view a, b;
    const double factor = 2 / (double)stretched(call, &a, &b);
    const wg_var difference = wg_sub(wg_operand(call, 0), wg_operand(call, 1));
    const wg_var part = wg_mul(wg_mul(g, factor), difference);
    wg_give(call, 0, part);
    if (wg_wants(call, 1)) {
        wg_give(call, 1, wg_neg(part));
    }
}

WG_SAMPLES(mse, {WG_OPERANDS(WG_FLOATS(-1, 1, 5), WG_FLOATS(-1, 1, 5))},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 3, 4), WG_FLOATS(-1, 1, 3, 4))},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 1, 3), WG_FLOATS(-1, 1, 1))},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 2), WG_FLOAT(-1, 1))})
WG_DEFINE_OP(mse, mse_forward, mse_chain, WG_READS_OPERANDS, WG_OP_FLOATS)

wg_var wg_mse_at(wg_var a, wg_var b, const char *site) {
    const wg_var operands[2] = {a, b};
    return wg_apply(&wg_op_mse, 2, operands, NULL, 0, site);
}
