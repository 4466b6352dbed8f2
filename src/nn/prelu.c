/* prelu.c: the one activation with a parameter. */
#include "nn/layer.h"
#include "wengert/elementwise.h"
#include "wengert/layers.h"

wg_var wg_prelu_layer_at(wg_net net, const char *name, wg_var x, bool by_channel,
                         const char *site) {
    wg_layer layer;
    if (!wg_layer_begin(&layer, net, "prelu", name, site) ||
        !wg_layer_input(&layer, x, by_channel ? 2 : 0)) {
        return wg_poison(net.tape);
    }
    const int64_t count = by_channel ? layer.input.shape[1] : 1;
    const wg_var slope = wg_layer_parameter(&layer, "weight", 1, &count, wg_init_constant(0.25));
    return wg_layer_end(&layer, wg_prelu_at(x, slope, site));
}
