/* batch_norm.c: normalising layers that keep running statistics: batch and instance norm. */
#include "nn/layer.h"
#include "wengert/elementwise.h"
#include "wengert/layers.h"
#include "wengert/norm.h"

#include <float.h>

/* What both layers are given, checked. */
typedef struct wg_statistics {
    double momentum, eps;
    wg_param *mean, *variance, *seen;
    bool fixed; /* frozen: training leaves them as they are */
} wg_statistics;

/* Of x [N, C, ...], a channel's elements, over the batch or in one instance. */
static int64_t elements(const wg_layer *layer, bool over_batch) {
    int64_t count = over_batch ? layer->input.shape[0] : 1;
    for (int i = 2; i < layer->input.rank; i++) {
        count *= layer->input.shape[i];
    }
    return count;
}

/* Options in range, and no single value whose variance is asked for; else a failure. */
static bool allowed(const wg_layer *layer, double momentum, double eps, bool normalises,
                    bool over_batch) {
    char text[192];
    if (!(momentum >= 0 && momentum <= 1) || !(eps >= 0 && eps <= DBL_MAX)) {
        (void)wg_layer_fail(layer, WG_ERROR_ARGUMENT, "momentum is %g, eps %g", momentum, eps);
        return false;
    }
    if (normalises && elements(layer, over_batch) == 1) {
        const wg_view *x = &layer->input;
        (void)wg_layer_fail(layer, WG_ERROR_SHAPE, "x %s has a single value a channel",
                            wg_shape_text(x->rank, x->shape, text, sizeof text));
        return false;
    }
    return true;
}

/* Finds or makes the buffers; false and a failure. */
static bool find(const wg_layer *layer, wg_statistics *s) {
    const int64_t *channels = &layer->input.shape[1];
    s->mean = wg_layer_buffer(layer, "running_mean", layer->dtype, 1, channels, 0);
    s->variance = wg_layer_buffer(layer, "running_var", layer->dtype, 1, channels, 1);
    s->seen = wg_layer_buffer(layer, "num_batches_tracked", WG_I64, 0, NULL, 0);
    if (s->mean == NULL || s->variance == NULL || s->seen == NULL) {
        return false;
    }
    s->fixed = s->mean->frozen || s->variance->frozen;
    return true;
}

/* By the running statistics. */
static wg_var normalise_by(const wg_layer *layer, const wg_statistics *s, wg_var x, wg_var weight,
                           wg_var bias) {
    wg_tape *tape = layer->net.tape;
    return wg_batch_norm_given_at(x, wg_param_borrow(tape, s->mean),
                                  wg_param_borrow(tape, s->variance), weight, bias, s->eps,
                                  layer->site);
}

/* ---- Batch norm ------------------------------------------------------------------------------ */

/* By those of the batch, which the running ones follow. */
static wg_var normalise_and_track(const wg_layer *layer, const wg_statistics *s, bool cumulative,
                                  wg_var x, wg_var weight, wg_var bias) {
    wg_tape *tape = layer->net.tape;
    int64_t *seen = s->seen->value.data;
    wg_batch_norm_options options = {.momentum = s->momentum, .eps = s->eps};
    if (!s->fixed) {
        options.mean = &s->mean->value;
        options.variance = &s->variance->value;
        options.momentum = cumulative ? 1 / ((double)*seen + 1) : s->momentum;
    }
    const wg_var y = wg_batch_norm_at(x, weight, bias, layer->site, options);
    if (tape->status == WG_OK && tape->repeats == 0 && !s->fixed &&
        wg_view_count(&layer->input) > 0) {
        ++*seen;
    }
    return y;
}

wg_var wg_batch_norm_layer_with_at(wg_net net, const char *name, wg_var x, const char *site,
                                   wg_batch_norm_layer_options o) {
    wg_layer layer;
    if (!wg_layer_begin(&layer, net, "batch_norm", name, site) || !wg_layer_input(&layer, x, 2) ||
        !allowed(&layer, o.momentum, o.eps, net.training || o.no_statistics, true)) {
        return wg_poison(net.tape);
    }
    const int64_t *channels = &layer.input.shape[1];
    wg_statistics s = {.momentum = o.momentum > 0 ? o.momentum : 0.1,
                       .eps = o.eps > 0 ? o.eps : 1e-5};
    if (!o.no_affine) {
        wg_layer_check(&layer, "bias", 1, channels, o.bias);
    }
    const wg_var weight =
        wg_layer_parameter_or(&layer, "weight", !o.no_affine, 1, channels, o.weight, 1);
    const wg_var bias = wg_layer_parameter_or(&layer, "bias", !o.no_affine, 1, channels, o.bias, 0);
    if (o.no_statistics) {
        const wg_batch_norm_options options = {.eps = s.eps};
        return wg_layer_end(&layer, wg_batch_norm_at(x, weight, bias, site, options));
    }
    if (!find(&layer, &s)) {
        return wg_layer_end(&layer, wg_poison(net.tape));
    }
    return wg_layer_end(&layer, net.training
                                    ? normalise_and_track(&layer, &s, o.cumulative, x, weight, bias)
                                    : normalise_by(&layer, &s, x, weight, bias));
}

wg_var wg_batch_norm_layer_at(wg_net net, const char *name, wg_var x, const char *site) {
    return wg_batch_norm_layer_with_at(net, name, x, site, (wg_batch_norm_layer_options){0});
}

/* ---- Instance norm --------------------------------------------------------------------------- */

/* running = (1 - momentum)·running + momentum·mean over the batch of now[n, c] */
static void follow(wg_view *running, const double *now, int64_t batch, double momentum) {
    const int64_t channels = running->shape[0];
    for (int64_t c = 0; c < channels; c++) {
        double sum = 0;
        for (int64_t n = 0; n < batch; n++) {
            sum += now[n * channels + c];
        }
        const double before = wg_view_element(running, c);
        wg_set_element(running->dtype, running->data, c,
                       (1 - momentum) * before + momentum * (sum / (double)batch));
    }
}

/* Instance norm is batch norm of x as [1, N·C, ...], which hands out each instance's statistics. */
static wg_var instances_and_track(const wg_layer *layer, wg_statistics *s, wg_var x, wg_var weight,
                                  wg_var bias) {
    wg_tape *tape = layer->net.tape;
    const wg_view *view = &layer->input;
    const int64_t batch = view->shape[0], channels = view->shape[1], all = batch * channels;
    int64_t shape[WG_MAX_RANK] = {1, all}, one[WG_MAX_RANK] = {channels, 1, 1, 1, 1, 1, 1};
    for (int i = 2; i < view->rank; i++) {
        shape[i] = view->shape[i];
    }
    wg_block *block = wg_pool_take(&tape->pool, 2 * (size_t)all * sizeof(double) + 1);
    if (block == NULL) {
        return wg_layer_fail(layer, WG_ERROR_MEMORY, "no memory for %lld statistics",
                             (long long)all);
    }
    wg_view mean, variance;
    wg_view_set_contiguous(&mean, WG_F64, 1, &all);
    variance = mean;
    mean.data = wg_block_data(block);
    variance.data = (double *)mean.data + all;
    const wg_batch_norm_options options = {
        .mean = &mean, .variance = &variance, .momentum = -1, .eps = s->eps};
    for (int64_t i = 0; i < 2 * all; i++) {
        ((double *)mean.data)[i] = 0;
    }
    wg_var y = wg_reshape_at(x, view->rank, shape, layer->site);
    y = wg_batch_norm_at(y, wg_number(1), wg_number(0), layer->site, options);
    y = wg_reshape_at(y, view->rank, view->shape, layer->site);
    if (wg_is_array(weight)) {
        y = wg_fma_at(y, wg_reshape_at(weight, view->rank - 1, one, layer->site),
                      wg_reshape_at(bias, view->rank - 1, one, layer->site), layer->site);
    }
    if (tape->status == WG_OK && tape->repeats == 0 && !s->fixed && wg_view_count(view) > 0) {
        follow(&s->mean->value, mean.data, batch, s->momentum);
        follow(&s->variance->value, variance.data, batch, s->momentum);
    }
    wg_pool_drop(&tape->pool, block);
    return y;
}

wg_var wg_instance_norm_layer_with_at(wg_net net, const char *name, wg_var x, const char *site,
                                      wg_instance_norm_layer_options o) {
    wg_layer layer;
    if (!wg_layer_begin(&layer, net, "instance_norm", name, site) ||
        !wg_layer_input(&layer, x, 3) ||
        !allowed(&layer, o.momentum, o.eps, net.training || !o.statistics, false)) {
        return wg_poison(net.tape);
    }
    const int64_t *channels = &layer.input.shape[1];
    wg_statistics s = {.momentum = o.momentum > 0 ? o.momentum : 0.1,
                       .eps = o.eps > 0 ? o.eps : 1e-5};
    if (o.affine) {
        wg_layer_check(&layer, "bias", 1, channels, o.bias);
    }
    const wg_var weight =
        wg_layer_parameter_or(&layer, "weight", o.affine, 1, channels, o.weight, 1);
    const wg_var bias = wg_layer_parameter_or(&layer, "bias", o.affine, 1, channels, o.bias, 0);
    if (!o.statistics) {
        return wg_layer_end(&layer, wg_instance_norm_at(x, weight, bias, s.eps, site));
    }
    if (!find(&layer, &s)) {
        return wg_layer_end(&layer, wg_poison(net.tape));
    }
    return wg_layer_end(&layer, net.training ? instances_and_track(&layer, &s, x, weight, bias)
                                             : normalise_by(&layer, &s, x, weight, bias));
}

wg_var wg_instance_norm_layer_at(wg_net net, const char *name, wg_var x, const char *site) {
    return wg_instance_norm_layer_with_at(net, name, x, site, (wg_instance_norm_layer_options){0});
}
