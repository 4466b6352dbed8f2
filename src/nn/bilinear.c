/* bilinear.c: the bilinear layer. */
#include "nn/layer.h"
#include "wengert/einsum.h"
#include "wengert/elementwise.h"
#include "wengert/layers.h"

/* Whether the second input goes with the first. */
static bool takes(const wg_layer *layer, wg_var second) {
    if (wg_var_refused(layer->net.tape, second, 1, "bilinear", layer->site)) {
        return false;
    }
    const wg_view *x = &layer->input, z = wg_view_of(second);
    char first[192], other[192];
    bool fits = wg_is_array(second) && z.dtype == x->dtype && z.rank == x->rank;
    for (int i = 0; i < x->rank - 1 && fits; i++) {
        fits = z.shape[i] == x->shape[i];
    }
    if (!fits) {
        (void)wg_layer_fail(
            layer, WG_ERROR_SHAPE, "x %s %s and z %s %s do not go together",
            wg_dtype_name(x->dtype), wg_shape_text(x->rank, x->shape, first, sizeof first),
            wg_dtype_name(z.dtype), wg_shape_text(z.rank, z.shape, other, sizeof other));
    }
    return fits;
}

wg_var wg_bilinear_with_at(wg_net net, const char *name, wg_var x, wg_var z, const char *site,
                           wg_bilinear_options options) {
    wg_layer layer;
    if (!wg_layer_begin(&layer, net, "bilinear", name, site) || !wg_layer_input(&layer, x, 1) ||
        !takes(&layer, z)) {
        return wg_poison(net.tape);
    }
    if (options.out < 1) {
        return wg_layer_fail(&layer, WG_ERROR_ARGUMENT, "%lld outputs are asked for",
                             (long long)options.out);
    }
    const int64_t in = wg_size(x, -1);
    if (!options.no_bias) {
        wg_layer_check(&layer, "bias", 1, &options.out, options.bias);
    }
    const wg_var weight =
        wg_layer_parameter(&layer, "weight", 3, (int64_t[]){options.out, in, wg_size(z, -1)},
                           wg_init_or_fan_in(options.weight, in));
    const wg_var bias = options.no_bias ? wg_number(0)
                                        : wg_layer_parameter(&layer, "bias", 1, &options.out,
                                                             wg_init_or_fan_in(options.bias, in));
    const wg_var product = wg_einsum_at("...i,oij,...j->...o", 3, (wg_var[]){x, weight, z}, site);
    return wg_layer_end(&layer, options.no_bias ? product : wg_add_at(product, bias, site));
}

wg_var wg_bilinear_at(wg_net net, const char *name, wg_var x, wg_var z, int64_t out,
                      const char *site) {
    return wg_bilinear_with_at(net, name, x, z, site, (wg_bilinear_options){.out = out});
}
