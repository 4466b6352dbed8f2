/* normalization.c: normalising layers without statistics: layer, RMS, group. Those with running
 * statistics are in batch_norm.c. */
#include "nn/layer.h"
#include "wengert/layers.h"
#include "wengert/norm.h"

#include <float.h>

static bool is_eps(const wg_layer *layer, double eps) {
    if (eps >= 0 && eps <= DBL_MAX) {
        return true;
    }
    (void)wg_layer_fail(layer, WG_ERROR_ARGUMENT, "eps is %g", eps);
    return false;
}

/* Whether x has so many axes; *shape is then that of the last. */
static bool last_axes(const wg_layer *layer, int axes, const int64_t **shape) {
    const wg_view *x = &layer->input;
    char text[192];
    if (axes < 1 || axes > x->rank) {
        (void)wg_layer_fail(layer, WG_ERROR_ARGUMENT, "the last %d axes of x %s", axes,
                            wg_shape_text(x->rank, x->shape, text, sizeof text));
        return false;
    }
    *shape = x->shape + x->rank - axes;
    return true;
}

wg_var wg_layer_norm_layer_with_at(wg_net net, const char *name, wg_var x, const char *site,
                                   wg_layer_norm_layer_options o) {
    wg_layer layer;
    const int64_t *shape;
    const int axes = o.axes == 0 ? 1 : o.axes;
    if (!wg_layer_begin(&layer, net, "layer_norm", name, site) || !wg_layer_input(&layer, x, 1) ||
        !is_eps(&layer, o.eps) || !last_axes(&layer, axes, &shape)) {
        return wg_poison(net.tape);
    }
    const bool affected = !o.no_affine;
    if (affected && !o.no_bias) {
        wg_layer_check(&layer, "bias", axes, shape, o.bias);
    }
    const wg_var weight =
        wg_layer_parameter_or(&layer, "weight", affected, axes, shape, o.weight, 1);
    const wg_var bias =
        wg_layer_parameter_or(&layer, "bias", affected && !o.no_bias, axes, shape, o.bias, 0);
    const double eps = o.eps > 0 ? o.eps : 1e-5;
    return wg_layer_end(&layer, wg_layer_norm_at(x, axes, weight, bias, eps, site));
}

wg_var wg_layer_norm_layer_at(wg_net net, const char *name, wg_var x, const char *site) {
    return wg_layer_norm_layer_with_at(net, name, x, site, (wg_layer_norm_layer_options){0});
}

wg_var wg_rms_norm_layer_with_at(wg_net net, const char *name, wg_var x, const char *site,
                                 wg_rms_norm_layer_options o) {
    wg_layer layer;
    const int64_t *shape;
    const int axes = o.axes == 0 ? 1 : o.axes;
    if (!wg_layer_begin(&layer, net, "rms_norm", name, site) || !wg_layer_input(&layer, x, 1) ||
        !is_eps(&layer, o.eps) || !last_axes(&layer, axes, &shape)) {
        return wg_poison(net.tape);
    }
    const wg_var weight =
        wg_layer_parameter_or(&layer, "weight", !o.no_affine, axes, shape, o.weight, 1);
    const double usual = layer.dtype == WG_F32 ? (double)FLT_EPSILON : DBL_EPSILON;
    return wg_layer_end(&layer, wg_rms_norm_at(x, axes, weight, o.eps > 0 ? o.eps : usual, site));
}

wg_var wg_rms_norm_layer_at(wg_net net, const char *name, wg_var x, const char *site) {
    return wg_rms_norm_layer_with_at(net, name, x, site, (wg_rms_norm_layer_options){0});
}

wg_var wg_group_norm_layer_with_at(wg_net net, const char *name, wg_var x, const char *site,
                                   wg_group_norm_layer_options o) {
    wg_layer layer;
    if (!wg_layer_begin(&layer, net, "group_norm", name, site) || !wg_layer_input(&layer, x, 2) ||
        !is_eps(&layer, o.eps)) {
        return wg_poison(net.tape);
    }
    const int64_t channels = layer.input.shape[1];
    if (o.groups < 1 || channels % o.groups != 0) {
        return wg_layer_fail(&layer, WG_ERROR_ARGUMENT,
                             "%lld channels cannot be divided into %lld groups",
                             (long long)channels, (long long)o.groups);
    }
    if (!o.no_affine) {
        wg_layer_check(&layer, "bias", 1, &channels, o.bias);
    }
    const wg_var weight =
        wg_layer_parameter_or(&layer, "weight", !o.no_affine, 1, &channels, o.weight, 1);
    const wg_var bias =
        wg_layer_parameter_or(&layer, "bias", !o.no_affine, 1, &channels, o.bias, 0);
    const double eps = o.eps > 0 ? o.eps : 1e-5;
    return wg_layer_end(&layer, wg_group_norm_at(x, o.groups, weight, bias, eps, site));
}

wg_var wg_group_norm_layer_at(wg_net net, const char *name, wg_var x, int64_t groups,
                              const char *site) {
    return wg_group_norm_layer_with_at(net, name, x, site,
                                       (wg_group_norm_layer_options){.groups = groups});
}
