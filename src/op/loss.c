/* loss.c: losses of pairs of elements in one pass, and how losses are reduced. */
#include "op/loss.h"

#include "kernel/loss.h"
#include "op/axes.h"
#include "op/samples.h"

#include <string.h>

/* ---- Reductions ---------------------------------------------------------------------------- */

double wg_loss_number(const wg_view *view) {
    return view->dtype == WG_F32 ? (double)*(const float *)view->data : *(const double *)view->data;
}

static void set_number(const wg_view *view, int64_t i, double value) {
    if (view->dtype == WG_F32) {
        ((float *)view->data)[i] = (float)value;
    } else {
        ((double *)view->data)[i] = value;
    }
}

void wg_loss_result(wg_call *call, wg_loss_reduction reduction, double *losses, int64_t rows,
                    double divisor) {
    const wg_view *out = wg_call_out(call);
    double sum = 0;
    for (int64_t i = 0; i < rows; i++) {
        sum += losses[i];
        if (reduction == WG_LOSS_NONE) {
            set_number(out, i, losses[i]);
        }
    }
    if (reduction != WG_LOSS_NONE) {
        set_number(out, 0, reduction == WG_LOSS_MEAN ? sum / divisor : sum);
    }
}

bool wg_loss_refuses(wg_call *call, wg_loss_reduction reduction) {
    if (reduction == WG_LOSS_MEAN || reduction == WG_LOSS_SUM || reduction == WG_LOSS_NONE) {
        return false;
    }
    wg_call_fail(call, WG_ERROR_ARGUMENT, "there is no reduction %d here", (int)reduction);
    return true;
}

wg_var wg_loss_reduce(wg_var losses, wg_loss_reduction reduction, const char *name,
                      const char *site) {
    switch (reduction) {
    case WG_LOSS_MEAN:
        return wg_mean_at(losses, WG_ALL_AXES, site);
    case WG_LOSS_SUM:
        return wg_sum_at(losses, WG_ALL_AXES, site);
    case WG_LOSS_NONE:
        return losses;
    default:
        break;
    }
    if (losses.tape != NULL) {
        wg_tape_fail(losses.tape, WG_ERROR_ARGUMENT, name, site, "there is no reduction %d here",
                     (int)reduction);
    }
    return losses.tape != NULL ? wg_poison(losses.tape) : losses;
}

/* ---- Pairs --------------------------------------------------------------------------------- */

typedef struct pair_state {
    wg_loss_reduction reduction;
    double c; /* delta, beta */
} pair_state;

/* The shape of both: that of the one with more than one element, or of higher rank. */
static wg_view common_shape(const wg_call *call) {
    const wg_view a = wg_operand_shape(call, 0), b = wg_operand_shape(call, 1);
    const int64_t na = wg_view_count(&a), nb = wg_view_count(&b);
    return na != nb ? (na == 1 ? b : a) : (a.rank >= b.rank ? a : b);
}

static wg_status pair_shape(wg_call *call) {
    const wg_view *a = wg_call_operand(call, 0), *b = wg_call_operand(call, 1);
    const pair_state *state = wg_call_state(call);
    const bool same = wg_shape_equal(a->rank, a->shape, b->rank, b->shape);
    /* [n, 1] against [n] would broadcast to [n, n]: a loss that is wrong and says nothing. */
    if (!same && wg_view_count(a) != 1 && wg_view_count(b) != 1) {
        return wg_call_fail(call, WG_ERROR_SHAPE, "%s and %s are not one shape (wg_reshape)",
                            wg_call_shape(call, 0), wg_call_shape(call, 1));
    }
    if (wg_loss_refuses(call, state->reduction)) {
        return WG_ERROR_ARGUMENT;
    }
    const wg_status status = wg_call_broadcast(call);
    return status == WG_OK && state->reduction != WG_LOSS_NONE
               ? wg_call_result(call, a->dtype, 0, NULL)
               : status;
}

static wg_pairs pairs_of(wg_pair_loss kind, const pair_state *state, const wg_view *shape,
                         const wg_view *x, const wg_view *t) {
    const int64_t count = wg_view_count(shape);
    const wg_pairs pairs = {.kind = kind,
                            .dtype = x->dtype,
                            .count = count,
                            .x = x->data,
                            .t = t->data,
                            .x_step = count > 1 && wg_view_count(x) == 1 ? 0 : 1,
                            .t_step = count > 1 && wg_view_count(t) == 1 ? 0 : 1,
                            .c = state->c};
    return pairs;
}

static wg_status pair_forward(wg_call *call, wg_pair_loss kind) {
    const pair_state *state = wg_call_state(call);
    const wg_view shape = common_shape(call);
    const wg_pairs pairs =
        pairs_of(kind, state, &shape, wg_call_operand(call, 0), wg_call_operand(call, 1));
    wg_view *out = wg_call_out(call);
    if (state->reduction == WG_LOSS_NONE) {
        wg_kernel_pair_values(&pairs, out->data);
        return WG_OK;
    }
    const int64_t blocks = wg_pair_blocks(pairs.count);
    double *partial = wg_call_scratch(call, (size_t)(blocks + 1) * sizeof *partial);
    if (partial == NULL) {
        return WG_ERROR_MEMORY;
    }
    const double sum = wg_kernel_pair_sum(&pairs, partial);
    set_number(out, 0, state->reduction == WG_LOSS_MEAN ? sum / (double)pairs.count : sum);
    return WG_OK;
}

/* ---- Slopes in verbs ----------------------------------------------------------------------- */

/* Of the first operand, and of the second: for a loss of x - t the first's negative. */
typedef wg_var slope_rule(wg_var x, wg_var t, double c);

static wg_var mse_slope(wg_var x, wg_var t, double c) {
    (void)c;
    return wg_mul(2, wg_sub(x, t));
}

static wg_var l1_slope(wg_var x, wg_var t, double c) {
    (void)c;
    return wg_sign(wg_sub(x, t));
}

static wg_var huber_slope(wg_var x, wg_var t, double c) {
    return wg_clamp(wg_sub(x, t), -c, c);
}

static wg_var smooth_l1_slope(wg_var x, wg_var t, double c) {
    return wg_clamp(wg_div(wg_sub(x, t), c), -1, 1);
}

static wg_var bce_slope(wg_var x, wg_var t, double c) {
    (void)c;
    return wg_div(wg_sub(x, t), wg_max(wg_mul(x, wg_sub(1, x)), 1e-12));
}

static wg_var bce_target_slope(wg_var x, wg_var t, double c) {
    (void)c, (void)t;
    return wg_sub(wg_max(wg_log(wg_sub(1, x)), -100), wg_max(wg_log(x), -100));
}

static wg_var bce_with_logits_slope(wg_var x, wg_var t, double c) {
    (void)c;
    return wg_sub(wg_sigmoid(x), t);
}

static wg_var bce_with_logits_target_slope(wg_var x, wg_var t, double c) {
    (void)c, (void)t;
    return wg_neg(x);
}

static wg_var soft_margin_slope(wg_var x, wg_var t, double c) {
    (void)c;
    return wg_neg(wg_mul(t, wg_sigmoid(wg_neg(wg_mul(x, t)))));
}

static wg_var soft_margin_target_slope(wg_var x, wg_var t, double c) {
    return soft_margin_slope(t, x, c);
}

/* ---- Their chain rule ---------------------------------------------------------------------- */

/* Elements side by side, or one for all: how far from each to the next. */
static bool step_of(wg_var x, wg_dtype dtype, int64_t count, int64_t *step) {
    const wg_view view = wg_view_of(x);
    bool spread = wg_view_count(&view) == 1;
    if (!wg_is_array(x) || view.dtype != dtype || count == 0) {
        return false;
    }
    for (int i = 0; i < view.rank && !spread; i++) {
        spread = view.stride[i] != 0 && view.shape[i] != 1 ? false : i + 1 == view.rank;
        if (view.stride[i] != 0 && view.shape[i] != 1) {
            break;
        }
    }
    *step = spread ? 0 : 1;
    return spread || (wg_view_is_contiguous(&view) && wg_view_count(&view) == count);
}

/* Writes `factor` g slope straight into operand i's adjoint; false where it does not lie in
 * memory as the kernel wants it, or has something in it. */
static bool give_slopes(wg_call *call, int i, wg_pair_loss kind, wg_var g, double factor) {
    const wg_var x = wg_operand(call, 0), t = wg_operand(call, 1);
    const wg_view like = common_shape(call), own = wg_operand_shape(call, i), gv = wg_view_of(g);
    const int64_t count = wg_view_count(&like);
    int64_t x_step, t_step, g_step;
    bool accumulate;
    if (wg_call_records(call) || wg_view_count(&own) != count ||
        !step_of(x, gv.dtype, count, &x_step) || !step_of(t, gv.dtype, count, &t_step) ||
        !step_of(g, gv.dtype, count, &g_step)) {
        return false;
    }
    const wg_view xv = wg_view_of(x), tv = wg_view_of(t);
    wg_pairs pairs = pairs_of(kind, wg_call_state(call), &like, &xv, &tv);
    pairs.x_step = x_step;
    pairs.t_step = t_step;
    void *place = wg_give_place(call, i, gv.dtype, &accumulate);
    if (place == NULL || !accumulate) {
        if (place != NULL) {
            wg_kernel_pair_slopes(&pairs, gv.data, g_step, factor, place);
        }
        return place != NULL;
    }
    return false;
}

static void pair_chain(wg_call *call, wg_var g, wg_pair_loss kind, slope_rule *slope,
                       slope_rule *target_slope) {
    const pair_state *state = wg_call_state(call);
    const wg_view like = common_shape(call);
    const double factor = state->reduction == WG_LOSS_MEAN ? 1 / (double)wg_view_count(&like) : 1;
    for (int i = 0; i < 2; i++) {
        const bool fused = i == 0 || target_slope == NULL;
        if (!wg_wants(call, i) ||
            (fused && give_slopes(call, i, kind, g, i == 0 ? factor : -factor))) {
            continue;
        }
        const wg_var x = wg_operand(call, 0), t = wg_operand(call, 1);
        wg_var part = (fused ? slope : target_slope)(x, t, state->c);
        part = fused && i == 1 ? wg_neg(part) : part;
        wg_give(call, i, wg_azmul(wg_mul(g, factor), part));
    }
}

#define PAIR_LOSS(label, target_slope, samples)                                                    \
    static wg_status label##_shape(wg_call *call) {                                                \
        return pair_shape(call);                                                                   \
    }                                                                                              \
    static wg_status label##_forward(wg_call *call) {                                              \
        return pair_forward(call, WG_PAIR_##label);                                                \
    }                                                                                              \
    static void label##_chain(wg_call *call, wg_var g) {                                           \
        pair_chain(call, g, WG_PAIR_##label, label##_slope, target_slope);                         \
    }                                                                                              \
    samples(label) WG_DEFINE_OP(label, label##_forward, label##_chain, WG_READS_OPERANDS,          \
                                WG_OP_FLOATS | WG_OP_CONTIGUOUS)

/* Operands in ranges of their own, so that no difference meets a kink. */
#define SAMPLES_OF(label, low, high, t_low, t_high, c)                                             \
    WG_SAMPLES(label,                                                                              \
               {WG_OPERANDS(WG_FLOATS(low, high, 5), WG_FLOATS(t_low, t_high, 5)),                 \
                WG_STATE(pair_state, WG_LOSS_MEAN, c)},                                            \
               {WG_OPERANDS(WG_FLOATS(low, high, 3, 4), WG_FLOATS(t_low, t_high, 3, 4)),           \
                WG_STATE(pair_state, WG_LOSS_NONE, c)},                                            \
               {WG_OPERANDS(WG_FLOATS(low, high, 2, 1, 3), WG_FLOATS(t_low, t_high, 1)),           \
                WG_STATE(pair_state, WG_LOSS_SUM, c)},                                             \
               {WG_OPERANDS(WG_FLOATS(low, high, 2, 2), WG_FLOAT(t_low, t_high)),                  \
                WG_STATE(pair_state, WG_LOSS_MEAN, c)},                                            \
               {WG_OPERANDS(WG_FLOAT(low, high), WG_FLOATS(t_low, t_high, 2, 2)),                  \
                WG_STATE(pair_state, WG_LOSS_NONE, c)})
#define MSE_SAMPLES(label) SAMPLES_OF(label, -1, 1, -1, 1, 0)
#define L1_SAMPLES(label) SAMPLES_OF(label, -1, 0.8, 1, 2, 0)
#define HUBER_SAMPLES(label) SAMPLES_OF(label, -0.6, 0.2, 0.3, 0.6, 1.5)
#define BCE_SAMPLES(label) SAMPLES_OF(label, 0.2, 0.8, 0, 1, 0)
#define LOGIT_SAMPLES(label) SAMPLES_OF(label, 0.1, 2, 0, 1, 0)

PAIR_LOSS(mse, NULL, MSE_SAMPLES)
PAIR_LOSS(l1, NULL, L1_SAMPLES)
PAIR_LOSS(huber, NULL, HUBER_SAMPLES)
PAIR_LOSS(smooth_l1, NULL, HUBER_SAMPLES)
PAIR_LOSS(bce, bce_target_slope, BCE_SAMPLES)
PAIR_LOSS(bce_with_logits, bce_with_logits_target_slope, LOGIT_SAMPLES)
PAIR_LOSS(soft_margin, soft_margin_target_slope, LOGIT_SAMPLES)

/* ---- Verbs --------------------------------------------------------------------------------- */

static wg_var pair(const wg_op *op, wg_var x, wg_var t, wg_loss_reduction reduction, double c,
                   const char *site) {
    const wg_var operands[2] = {x, t};
    pair_state state;
    memset(&state, 0, sizeof state);
    state.reduction = reduction;
    state.c = c;
    return wg_apply(op, 2, operands, &state, sizeof state, site);
}

/* A failure on the tape unless `fits`. */
static void check_parameter(const char *name, const char *what, double value, bool fits, wg_var x,
                            wg_var t, const char *site) {
    const wg_var both[2] = {x, t};
    wg_tape *tape = wg_tape_of(2, both);
    if (!fits && tape != NULL) {
        wg_tape_fail(tape, WG_ERROR_ARGUMENT, name, site, "%s is %g", what, value);
    }
}

wg_var wg_mse_at(wg_var a, wg_var b, const char *site) {
    return pair(&wg_op_mse, a, b, WG_LOSS_MEAN, 0, site);
}

wg_var wg_mse_with_at(wg_var a, wg_var b, wg_loss_reduction reduction, const char *site) {
    return pair(&wg_op_mse, a, b, reduction, 0, site);
}

wg_var wg_l1_at(wg_var a, wg_var b, wg_loss_reduction reduction, const char *site) {
    return pair(&wg_op_l1, a, b, reduction, 0, site);
}

wg_var wg_huber_at(wg_var a, wg_var b, double delta, wg_loss_reduction reduction,
                   const char *site) {
    check_parameter("huber", "delta", delta, delta > 0, a, b, site);
    return pair(&wg_op_huber, a, b, reduction, delta, site);
}

wg_var wg_smooth_l1_at(wg_var a, wg_var b, double beta, wg_loss_reduction reduction,
                       const char *site) {
    check_parameter("smooth_l1", "beta", beta, beta >= 0, a, b, site);
    return beta == 0 ? wg_l1_at(a, b, reduction, site)
                     : pair(&wg_op_smooth_l1, a, b, reduction, beta, site);
}

wg_var wg_soft_margin_at(wg_var x, wg_var y, wg_loss_reduction reduction, const char *site) {
    return pair(&wg_op_soft_margin, x, y, reduction, 0, site);
}

static wg_var weighed(wg_var losses, const wg_bce_options *options, const char *name,
                      const char *site) {
    return wg_loss_reduce(wg_mul_at(losses, options->weight, site), options->reduction, name, site);
}

/* A wg_var of zeros (a plain 0) stands for a weight that was not given. */
static bool given(wg_var weight) {
    return weight.tape != NULL || weight.as.number != 0;
}

wg_var wg_bce_at(wg_var x, wg_var t, wg_bce_options options, const char *site) {
    check_parameter("bce", "pos_weight is for wg_bce_with_logits_with: it",
                    options.pos_weight.as.number, !given(options.pos_weight), x, t, site);
    return given(options.weight)
               ? weighed(pair(&wg_op_bce, x, t, WG_LOSS_NONE, 0, site), &options, "bce", site)
               : pair(&wg_op_bce, x, t, options.reduction, 0, site);
}

/* (1 - t) x + (1 + (pos - 1) t) softplus(-x) */
static wg_var with_pos_weight(wg_var x, wg_var t, wg_var pos, const char *site) {
    const wg_var one = wg_number(1);
    const wg_var factor = wg_add_at(one, wg_mul_at(wg_sub_at(pos, one, site), t, site), site);
    return wg_add_at(wg_mul_at(wg_sub_at(one, t, site), x, site),
                     wg_mul_at(factor, wg_softplus_at(wg_neg_at(x, site), site), site), site);
}

wg_var wg_bce_with_logits_at(wg_var x, wg_var t, wg_bce_options options, const char *site) {
    wg_var losses;
    if (!given(options.weight) && !given(options.pos_weight)) {
        return pair(&wg_op_bce_with_logits, x, t, options.reduction, 0, site);
    }
    losses = given(options.pos_weight) ? with_pos_weight(x, t, options.pos_weight, site)
                                       : pair(&wg_op_bce_with_logits, x, t, WG_LOSS_NONE, 0, site);
    options.weight = given(options.weight) ? options.weight : wg_number(1);
    return weighed(losses, &options, "bce_with_logits", site);
}
