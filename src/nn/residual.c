/* residual.c: what goes around a block, projected where the block changes the shape. */
#include "nn/layer.h"
#include "wengert/elementwise.h"
#include "wengert/layers.h"

/* The strides that bring the sizes of x to those of y; false where there are none. */
static bool strides_of(const wg_view *x, const wg_view *y, int64_t *stride) {
    if (x->rank != y->rank || x->rank < 3 || x->rank > 5 || x->shape[0] != y->shape[0]) {
        return false;
    }
    for (int i = 2; i < x->rank; i++) {
        const int64_t from = x->shape[i], to = y->shape[i];
        if (from < 1 || to < 1) {
            return false;
        }
        stride[i - 2] = (from + to - 1) / to;
        if ((from - 1) / stride[i - 2] + 1 != to) {
            return false;
        }
    }
    return true;
}

static bool only_last_differs(const wg_view *x, const wg_view *y) {
    return x->rank == y->rank && x->rank > 0 &&
           wg_shape_equal(x->rank - 1, x->shape, y->rank - 1, y->shape);
}

wg_var wg_residual_at(wg_net net, const char *name, wg_var x, wg_var y, const char *site) {
    wg_layer layer;
    wg_conv_layer_options conv = {.no_bias = true, .conv = {.kernel = {1}}};
    if (!wg_layer_begin(&layer, net, "residual", name, site) || !wg_layer_input(&layer, x, 0) ||
        wg_var_refused(net.tape, y, 1, "residual", site)) {
        return wg_poison(net.tape);
    }
    const wg_view *from = &layer.input, to = wg_view_of(y);
    char is[192], wants[192];
    if (!wg_is_array(y) || to.dtype != from->dtype) {
        return wg_layer_fail(&layer, WG_ERROR_DTYPE, "x is %s, y %s", wg_dtype_name(from->dtype),
                             wg_is_array(y) ? wg_dtype_name(to.dtype) : "no array");
    }
    if (wg_shape_equal(from->rank, from->shape, to.rank, to.shape)) {
        return wg_layer_end(&layer, wg_add_at(x, y, site));
    }
    if (only_last_differs(from, &to)) {
        const wg_linear_options linear = {.out = to.shape[to.rank - 1], .no_bias = true};
        x = wg_linear_with_at(net, name, x, site, linear);
    } else if (strides_of(from, &to, conv.conv.stride)) {
        conv.out = to.shape[1];
        x = wg_conv_layer_with_at(net, name, x, from->rank - 2, site, conv);
    } else {
        return wg_layer_fail(&layer, WG_ERROR_SHAPE, "x %s cannot be projected to the shape %s",
                             wg_shape_text(from->rank, from->shape, is, sizeof is),
                             wg_shape_text(to.rank, to.shape, wants, sizeof wants));
    }
    return wg_layer_end(&layer, wg_add_at(x, y, site));
}
