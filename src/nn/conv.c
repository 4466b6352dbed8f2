/* conv.c: convolutional layers. */
#include "op/conv.h"

#include "nn/layer.h"
#include "wengert/layers.h"

#include <string.h>

/* One of the two kinds of layers. */
typedef struct wg_conv_form {
    const char *names[3]; /* by the number of axes */
    const wg_op *op;
    bool transposed;
    wg_var (*verb)(wg_var x, wg_var weight, wg_var bias, wg_conv_options options, const char *site);
} wg_conv_form;

static const wg_conv_form forward_form = {
    {"conv1d", "conv2d", "conv3d"}, &wg_op_conv, false, wg_conv_at};
static const wg_conv_form transposed_form = {
    {"conv_transpose1d", "conv_transpose2d", "conv_transpose3d"},
    &wg_op_conv_transpose,
    true,
    wg_conv_transpose_at};

static bool takes(const wg_layer *layer, int axes) {
    static const char *const space[3] = {"length", "height, width", "depth, height, width"};
    char text[192];
    const wg_view *x = &layer->input;
    if (x->rank != axes + 2) {
        (void)wg_layer_fail(layer, WG_ERROR_SHAPE, "x %s is not [batch, channels, %s]",
                            wg_shape_text(x->rank, x->shape, text, sizeof text), space[axes - 1]);
        return false;
    }
    return true;
}

/* The weight's shape, of x and options whose kernel is completed; false and a failure. */
static bool weight_of(const wg_layer *layer, const wg_conv_form *form, int axes,
                      wg_conv_layer_options *o, wg_view *weight) {
    const int64_t groups = o->conv.groups == 0 ? 1 : o->conv.groups;
    const int64_t in = layer->input.shape[1];
    if (o->out < 1 || o->conv.kernel[0] < 1) {
        (void)wg_layer_fail(layer, WG_ERROR_ARGUMENT,
                            "%lld channels by a kernel of %lld are asked for", (long long)o->out,
                            (long long)o->conv.kernel[0]);
        return false;
    }
    if (groups < 1 || in % groups != 0 || o->out % groups != 0) {
        (void)wg_layer_fail(layer, WG_ERROR_ARGUMENT,
                            "%lld channels of x and %lld of the result cannot be divided into %lld "
                            "groups",
                            (long long)in, (long long)o->out, (long long)groups);
        return false;
    }
    int64_t shape[5] = {o->out, in / groups};
    if (form->transposed) {
        shape[0] = in;
        shape[1] = o->out / groups;
    }
    for (int i = 0; i < axes; i++) {
        int64_t *kernel = o->conv.kernel;
        kernel[i] = kernel[i] == 0 ? kernel[i - 1] : kernel[i]; /* the first is not 0 */
        shape[2 + i] = kernel[i];
    }
    if (wg_shape_count(axes + 2, shape, wg_dtype_size(layer->dtype)) < 0) {
        char text[192];
        (void)wg_layer_fail(layer, WG_ERROR_LIMIT, "the weight would be %s",
                            wg_shape_text(axes + 2, shape, text, sizeof text));
        return false;
    }
    wg_view_set_contiguous(weight, layer->dtype, axes + 2, shape);
    return wg_conv_accepts(layer->net.tape, form->op, &layer->input, weight, &o->conv, layer->site);
}

static wg_var convolve(const wg_conv_form *form, wg_net net, const char *name, wg_var x, int axes,
                       const char *site, wg_conv_layer_options *o) {
    wg_layer layer;
    wg_view weight;
    if (axes < 1 || axes > 3) {
        wg_tape_fail(net.tape, WG_ERROR_ARGUMENT, "conv", site, "%d spatial axes", axes);
        return wg_poison(net.tape);
    }
    if (!wg_layer_begin(&layer, net, form->names[axes - 1], name, site) ||
        !wg_layer_input(&layer, x, 2) || !takes(&layer, axes)) {
        return wg_poison(net.tape);
    }
    if (!weight_of(&layer, form, axes, o, &weight)) {
        return wg_layer_end(&layer, wg_poison(net.tape));
    }
    int64_t fan_in = weight.shape[1];
    for (int i = 0; i < axes; i++) {
        fan_in *= weight.shape[2 + i];
    }
    if (!o->no_bias) {
        wg_layer_check(&layer, "bias", 1, &o->out, o->bias);
    }
    const wg_var w = wg_layer_parameter(&layer, "weight", weight.rank, weight.shape,
                                        wg_init_or_fan_in(o->weight, fan_in));
    const wg_var b = o->no_bias ? wg_number(0)
                                : wg_layer_parameter(&layer, "bias", 1, &o->out,
                                                     wg_init_or_fan_in(o->bias, fan_in));
    return wg_layer_end(&layer, form->verb(x, w, b, o->conv, site));
}

wg_var wg_conv_layer_with_at(wg_net net, const char *name, wg_var x, int axes, const char *site,
                             wg_conv_layer_options options) {
    return convolve(&forward_form, net, name, x, axes, site, &options);
}

wg_var wg_conv_layer_at(wg_net net, const char *name, wg_var x, int axes, int64_t out,
                        const char *site, wg_conv_options options) {
    return wg_conv_layer_with_at(net, name, x, axes, site,
                                 (wg_conv_layer_options){.out = out, .conv = options});
}

wg_var wg_conv_transpose_layer_with_at(wg_net net, const char *name, wg_var x, int axes,
                                       const char *site, wg_conv_layer_options options) {
    return convolve(&transposed_form, net, name, x, axes, site, &options);
}

wg_var wg_conv_transpose_layer_at(wg_net net, const char *name, wg_var x, int axes, int64_t out,
                                  const char *site, wg_conv_options options) {
    return wg_conv_transpose_layer_with_at(net, name, x, axes, site,
                                           (wg_conv_layer_options){.out = out, .conv = options});
}
