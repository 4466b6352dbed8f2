/* norm_batch.c: batch normalisation, and normalisations composed of verbs. */
#include "kernel/norm.h"

#include <math.h>
#include <string.h>

#include "op/axes.h"
#include "op/define.h"
#include "op/norm.h"
#include "op/samples.h"
#include "tape/tape.h"

/* ---- batch_norm: statistics of the batch ----------------------------------------------------- */

typedef struct batch_state {
    double eps;
    bool tracks;
    wg_view mean, variance; /* the caller's, to be checked */
    double *spread;         /* where forward puts mean and variance of each channel, or NULL */
} batch_state;

static wg_batch_norm batch_of(const wg_call *call) {
    const wg_view x = wg_operand_shape(call, 0);
    const batch_state *state = wg_call_state(call);
    return (wg_batch_norm){x.dtype, x.shape[0], x.shape[1], wg_sizes_product(x.shape, 2, x.rank),
                           state->eps};
}

static bool fits(const wg_view *running, int64_t channels) {
    return running->rank == 1 && running->shape[0] == channels && running->data != NULL &&
           (running->dtype == WG_F32 || running->dtype == WG_F64);
}

static wg_status batch_norm_shape(wg_call *call) {
    const wg_view *x = wg_call_operand(call, 0);
    const batch_state *state = wg_call_state(call);
    if (x->rank < 2) {
        return wg_call_fail(call, WG_ERROR_SHAPE, "x %s is not [N, C, ...]",
                            wg_call_shape(call, 0));
    }
    if (x->shape[0] * wg_sizes_product(x->shape, 2, x->rank) == 1) {
        return wg_call_fail(call, WG_ERROR_SHAPE, "x %s has a single value a channel",
                            wg_call_shape(call, 0));
    }
    if (state->tracks && x->shape[1] > 0 &&
        !(fits(&state->mean, x->shape[1]) && fits(&state->variance, x->shape[1]))) {
        return wg_call_fail(call, WG_ERROR_ARGUMENT,
                            "the running statistics are not [%lld] of f32 or f64, as x %s wants "
                            "them",
                            (long long)x->shape[1], wg_call_shape(call, 0));
    }
    const wg_status status = wg_norm_check(call, 1, x->shape + 1);
    return status == WG_OK ? wg_call_result(call, x->dtype, x->rank, x->shape) : status;
}

static wg_status batch_norm_forward(wg_call *call) {
    const wg_batch_norm norm = batch_of(call);
    const batch_state *state = wg_call_state(call);
    const size_t one = WG_NORM_STATISTICS * sizeof(double), channels = (size_t)norm.channels;
    bool ok = true;
    const void *w = wg_norm_weights(call, 1, norm.channels, &ok);
    const void *b = wg_norm_weights(call, 2, norm.channels, &ok);
    double *kept = wg_call_will_sweep(call)
                       ? wg_call_save(call, WG_F64, WG_SHAPE(norm.channels, WG_NORM_STATISTICS))
                       : wg_call_scratch(call, channels * one);
    if (!ok || kept == NULL) {
        return WG_ERROR_MEMORY;
    }
    if (norm.batch * norm.inner == 0) {
        memset(kept, 0, channels * one);
        return WG_OK;
    }
    wg_kernel_batch_norm(&norm, wg_call_operand(call, 0)->data, w, b, wg_call_out(call)->data, kept,
                         state->spread);
    return WG_OK;
}

static void batch_norm_chain(wg_call *call, wg_var g) {
    wg_batch_norm norm = batch_of(call);
    wg_var x, w;
    norm.dtype = wg_view_of(g).dtype;
    if (wg_norm_fused(call, g, norm.channels, &x, &w)) {
        const wg_view gv = wg_view_of(g), xv = wg_view_of(x), kept = wg_view_of(wg_saved(call));
        const wg_norm_places to = wg_norm_places_of(call, gv.dtype);
        if (call->tape->status == WG_OK) {
            wg_kernel_batch_norm_chain(&norm, xv.data, gv.data,
                                       wg_is_array(w) ? wg_view_of(w).data : NULL, kept.data, &to);
        }
        return;
    }
    const wg_norm_form form = {.shape = {norm.batch, norm.channels, norm.inner, 1},
                               .together = WG_AXES_KEEP(0, 2),
                               .weight_shape = {1, norm.channels, 1, 1},
                               .shared = WG_AXES(0, 2, 3),
                               .centred = true,
                               .eps = norm.eps};
    wg_norm_rule(call, g, &form);
}

#define X(...) WG_FLOATS(-2, 2, __VA_ARGS__)
#define W(...) WG_FLOATS(0.5, 2, __VA_ARGS__)
#define BATCH WG_STATE(batch_state, .eps = 1e-3)
WG_SAMPLES(batch_norm, {WG_OPERANDS(X(5, 3), W(3), X(3)), BATCH},
           {WG_OPERANDS(X(2, 3, 4), W(3), X(3)), BATCH},
           {WG_OPERANDS(X(3, 2, 2, 2), W(2), X(2)), BATCH},
           {WG_OPERANDS(X(4, 2), WG_FLOAT(0.5, 2), WG_FLOAT(-1, 1)), BATCH},
           {WG_OPERANDS(X(0, 3), W(3), X(3)), BATCH}, {WG_OPERANDS(X(2, 0, 3), W(0), X(0)), BATCH})
WG_DEFINE_OP(batch_norm, batch_norm_forward, batch_norm_chain,
             WG_READS_OPERAND(0) | WG_READS_OPERAND(1), WG_OP_FLOATS | WG_OP_CONTIGUOUS)

static void track(const wg_view *running, int64_t i, double momentum, double now) {
    if (running->dtype == WG_F32) {
        float *at = (float *)running->data + i * running->stride[0];
        *at = (float)((1 - momentum) * (double)*at + momentum * now);
    } else {
        double *at = (double *)running->data + i * running->stride[0];
        *at = (1 - momentum) * *at + momentum * now;
    }
}

/* After all that may fail, so that a failure leaves the statistics as they were. */
static void track_all(const batch_state *state, const wg_view *x, double momentum) {
    const double n = (double)(x->shape[0] * wg_sizes_product(x->shape, 2, x->rank));
    for (int64_t i = 0; i < x->shape[1]; i++) {
        track(&state->mean, i, momentum, state->spread[2 * i]);
        track(&state->variance, i, momentum, state->spread[2 * i + 1] * (n / (n - 1)));
    }
}

wg_var wg_batch_norm_at(wg_var x, wg_var weight, wg_var bias, const char *site,
                        wg_batch_norm_options options) {
    const wg_var operands[3] = {x, weight, bias};
    const wg_view view = wg_view_of(x);
    const double momentum = options.momentum == 0    ? 0.1
                            : options.momentum == -1 ? 1
                                                     : options.momentum;
    wg_tape *tape = x.tape;
    wg_block *block = NULL;
    batch_state state;
    memset(&state, 0, sizeof state);
    state.eps = options.eps > 0 ? options.eps : 1e-5;
    state.tracks = options.mean != NULL || options.variance != NULL;
    state.mean = options.mean != NULL ? *options.mean : state.mean;
    state.variance = options.variance != NULL ? *options.variance : state.variance;
    if (state.tracks && tape != NULL && tape->status == WG_OK && tape->repeats == 0 &&
        view.rank >= 2 && wg_view_count(&view) > 0) {
        block = wg_pool_take(&tape->pool, (size_t)view.shape[1] * 2 * sizeof *state.spread);
        if (block == NULL) {
            wg_tape_fail(tape, WG_ERROR_MEMORY, "batch_norm", site,
                         "no memory for the statistics of %lld channels", (long long)view.shape[1]);
            return wg_poison(tape);
        }
        state.spread = wg_block_data(block);
    }
    const wg_var y = wg_apply(&wg_op_batch_norm, 3, operands, &state, sizeof state, site);
    if (block != NULL && tape->status == WG_OK) {
        track_all(&state, &view, momentum);
    }
    if (block != NULL) {
        wg_pool_drop(&tape->pool, block);
    }
    return y;
}

/* ---- Composed of verbs ----------------------------------------------------------------------- */

/* [C] as [C, 1, ...], to broadcast against x [N, C, ...]; a failure for another shape. */
static wg_var per_channel(wg_var v, const wg_view *x, wg_tape *tape, const char *what,
                          const char *site) {
    const wg_view view = wg_view_of(v);
    int64_t shape[WG_MAX_RANK] = {x->shape[1], 1, 1, 1, 1, 1, 1};
    char is[160], wants[160];
    if (view.rank == 0) {
        return v;
    }
    if (view.rank != 1 || view.shape[0] != x->shape[1]) {
        wg_tape_fail(tape, WG_ERROR_SHAPE, "batch_norm_given", site,
                     "the %s %s is not [%lld], as x %s wants it", what,
                     wg_shape_text(view.rank, view.shape, is, sizeof is), (long long)x->shape[1],
                     wg_shape_text(x->rank, x->shape, wants, sizeof wants));
        return wg_poison(tape);
    }
    return wg_reshape_at(v, x->rank - 1, shape, site);
}

/* False, and a failure on the tape where there is one, unless x is an array of at least `rank`
 * axes. */
static bool takes(const char *name, wg_var x, int rank, const char *site) {
    char text[160];
    if (x.tape == NULL) {
        (void)wg_fail(WG_ERROR_ARGUMENT, "%s: x is a number, not on a tape (%s)", name,
                      site != NULL ? site : "no call site");
        return false;
    }
    if (x.tape->status != WG_OK || wg_var_refused(x.tape, x, 0, name, site)) {
        return false;
    }
    const wg_view view = wg_view_of(x);
    if (view.rank < rank) {
        wg_tape_fail(x.tape, WG_ERROR_SHAPE, name, site, "x %s has less than %d axes",
                     wg_shape_text(view.rank, view.shape, text, sizeof text), rank);
        return false;
    }
    return true;
}

static wg_var refused(wg_var x) {
    return x.tape != NULL ? wg_poison(x.tape) : wg_number((double)NAN);
}

wg_var wg_batch_norm_given_at(wg_var x, wg_var mean, wg_var variance, wg_var weight, wg_var bias,
                              double eps, const char *site) {
    static const char *const names[4] = {"mean", "variance", "weight", "bias"};
    wg_var all[4] = {mean, variance, weight, bias};
    if (!takes("batch_norm_given", x, 2, site)) {
        return refused(x);
    }
    const wg_view view = wg_view_of(x);
    for (int i = 0; i < 4; i++) {
        if (all[i].tape != NULL &&
            wg_var_refused(x.tape, all[i], i + 1, "batch_norm_given", site)) {
            return wg_poison(x.tape);
        }
        all[i] = per_channel(all[i], &view, x.tape, names[i], site);
    }
    const wg_var root = wg_sqrt_at(wg_add_at(all[1], wg_number(eps), site), site);
    const wg_var factor = wg_div_at(all[2], root, site);
    const wg_var d = wg_sub_at(x, all[0], site); /* before the factor: the mean may be large */
    return wg_fma_at(d, factor, all[3], site);
}

wg_var wg_normalize_at(wg_var x, int axis, double eps, const char *site) {
    char text[160];
    if (!takes("normalize", x, 1, site)) {
        return refused(x);
    }
    const wg_view view = wg_view_of(x);
    if (axis < -view.rank || axis >= view.rank) {
        wg_tape_fail(x.tape, WG_ERROR_ARGUMENT, "normalize", site,
                     "there is no axis %d in the shape %s", axis,
                     wg_shape_text(view.rank, view.shape, text, sizeof text));
        return wg_poison(x.tape);
    }
    const wg_axes axes = {1, true, {axis, 0, 0, 0, 0, 0, 0, 0}};
    /* The square is cut off, not the root, whose derivative at zero is infinite. */
    const wg_var square = wg_sum_at(wg_square_at(x, site), axes, site);
    const wg_var norm = wg_sqrt_at(wg_max_at(square, wg_number(eps * eps), site), site);
    return wg_div_at(x, norm, site);
}

wg_var wg_local_response_norm_at(wg_var x, int size, double alpha, double beta, double k,
                                 const char *site) {
    if (!takes("local_response_norm", x, 2, site)) {
        return refused(x);
    }
    const wg_view view = wg_view_of(x);
    if (size < 1) {
        wg_tape_fail(x.tape, WG_ERROR_ARGUMENT, "local_response_norm", site,
                     "a window of %d channels", size);
        return wg_poison(x.tape);
    }
    /* `size` shifted copies of the squares, zeros at both ends. */
    const int64_t channels = view.shape[1], before = size / 2, behind = (size - 1) / 2;
    int64_t ends[WG_MAX_RANK];
    memcpy(ends, view.shape, sizeof ends);
    ends[1] = before;
    const wg_var zeros = wg_full(x.tape, view.dtype, view.rank, ends, 0);
    ends[1] = behind;
    const wg_var parts[3] = {zeros, wg_square_at(x, site),
                             wg_full(x.tape, view.dtype, view.rank, ends, 0)};
    const wg_var squares = wg_concat_at(3, parts, 1, site);
    wg_var sum = wg_slice_at(squares, 1, 0, channels, 1, site);
    for (int64_t i = 1; i < size; i++) {
        sum = wg_add_at(sum, wg_slice_at(squares, 1, i, i + channels, 1, site), site);
    }
    const wg_var base = wg_fma_at(sum, wg_number(alpha / size), wg_number(k), site);
    return wg_mul_at(x, wg_pow_at(base, wg_number(-beta), site), site);
}

wg_var wg_softmin_at(wg_var x, int axis, const char *site) {
    return x.tape == NULL ? refused(x) : wg_softmax_at(wg_neg_at(x, site), axis, site);
}
