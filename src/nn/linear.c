/* linear.c: the fully connected layer. */
#include "nn/layer.h"

wg_var wg_linear_with_at(wg_net net, const char *name, wg_var x, const char *site,
                         wg_linear_options options) {
    wg_layer layer;
    if (!wg_layer_begin(&layer, net, "linear", name, site) || !wg_layer_input(&layer, x, 1)) {
        return wg_poison(net.tape);
    }
    if (options.out < 1) {
        return wg_layer_fail(&layer, WG_ERROR_ARGUMENT, "%lld outputs are asked for",
                             (long long)options.out);
    }
    const int64_t in = layer.input.shape[layer.input.rank - 1];
    if (!options.no_bias) {
        wg_layer_check(&layer, "bias", 1, &options.out, options.bias);
    }
    const wg_var weight = wg_layer_parameter(&layer, "weight", 2, (int64_t[]){options.out, in},
                                             wg_init_or_fan_in(options.weight, in));
    const wg_var bias = options.no_bias ? wg_number(0)
                                        : wg_layer_parameter(&layer, "bias", 1, &options.out,
                                                             wg_init_or_fan_in(options.bias, in));
    return wg_layer_end(&layer, wg_affine_at(x, weight, bias, site));
}
