/* linear.c: the fully connected layer. */
#include "nn/store.h"

#include <math.h>
#include <stdio.h>

/* Whether x can go through a layer of `out` outputs; else a failure on the tape. */
static bool input_fits(wg_tape *tape, const char *label, const char *site, const wg_view *x,
                       int64_t out) {
    char text[192];
    if (x->rank < 1) {
        wg_tape_fail(tape, WG_ERROR_SHAPE, label, site, "x has no axes, it takes [..., inputs]");
    } else if (x->dtype != WG_F32 && x->dtype != WG_F64) {
        wg_tape_fail(tape, WG_ERROR_DTYPE, label, site, "x %s is %s, it takes f32 or f64",
                     wg_shape_text(x->rank, x->shape, text, sizeof text), wg_dtype_name(x->dtype));
    } else if (out < 1) {
        wg_tape_fail(tape, WG_ERROR_ARGUMENT, label, site, "%lld outputs are asked for",
                     (long long)out);
    } else {
        return true;
    }
    return false;
}

/* Whether the weight, made by an earlier use, fits this one; else a failure on the tape. */
static bool weight_fits(wg_tape *tape, const char *label, const char *site, const wg_view *x,
                        int64_t out, const wg_param *weight) {
    const wg_view *w = &weight->value;
    const char *name = weight->named.text;
    char is[192], text[192];
    wg_shape_text(w->rank, w->shape, is, sizeof is);
    wg_shape_text(x->rank, x->shape, text, sizeof text);
    if (w->dtype != x->dtype) {
        wg_tape_fail(tape, WG_ERROR_DTYPE, label, site, "x is %s, the weight %s is %s",
                     wg_dtype_name(x->dtype), name, wg_dtype_name(w->dtype));
    } else if (w->rank != 2 || w->shape[1] != x->shape[x->rank - 1]) {
        wg_tape_fail(tape, WG_ERROR_SHAPE, label, site, "x has the shape %s, the weight %s is %s",
                     text, name, is);
    } else if (w->shape[0] != out) {
        wg_tape_fail(tape, WG_ERROR_SHAPE, label, site,
                     "%lld outputs are asked for, the weight %s is %s", (long long)out, name, is);
    } else {
        return true;
    }
    return false;
}

static wg_initializer initializer_or(wg_initializer given, int64_t inputs) {
    const double bound = inputs > 0 ? 1 / sqrt((double)inputs) : 0;
    return given.kind == WG_INIT_DEFAULT ? wg_init_uniform(-bound, bound) : given;
}

wg_var wg_linear_with_at(wg_net net, const char *name, wg_var x, const char *site,
                         wg_linear_options options) {
    wg_tape *tape = net.tape;
    const wg_var poison = wg_poison(tape);
    wg_name weight_name, bias_name;
    if (tape->status != WG_OK || !wg_param_name(&net, name, "weight", &weight_name) ||
        !wg_param_name(&net, name, "bias", &bias_name)) {
        return poison;
    }
    char label[64];
    (void)snprintf(label, sizeof label, "linear %.50s", name);
    const wg_view view = wg_view_of(x);
    if (wg_var_refused(tape, x, 0, label, site) ||
        !input_fits(tape, label, site, &view, options.out)) {
        return poison;
    }
    const int64_t in = view.shape[view.rank - 1];
    const wg_named *known = wg_names_find(&net.store->parameters, &weight_name);
    if (known != NULL && !weight_fits(tape, label, site, &view, options.out,
                                      (const wg_param *)(const void *)known)) {
        return poison;
    }
    wg_param *weight = wg_param_get(&net, &weight_name, view.dtype, 2, (int64_t[]){options.out, in},
                                    initializer_or(options.weight, in));
    wg_var bias = wg_number(0);
    if (weight != NULL && !options.no_bias) {
        wg_param *param = wg_param_get(&net, &bias_name, view.dtype, 1, &options.out,
                                       initializer_or(options.bias, in));
        bias = param != NULL ? wg_param_borrow(tape, param) : poison;
    }
    if (tape->status != WG_OK) {
        return poison;
    }
    return wg_affine_at(x, wg_param_borrow(tape, weight), bias, site);
}
