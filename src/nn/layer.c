/* layer.c: what all layers share. */
#include "nn/layer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

bool wg_layer_begin(wg_layer *layer, wg_net net, const char *kind, const char *name,
                    const char *site) {
    if (net.tape->status != WG_OK) {
        return false;
    }
    *layer = (wg_layer){.net = net, .kind = kind, .name = name, .site = site};
    if (net.tape->watch != NULL) {
        const char *scope = net.scope != NULL ? net.scope->named.text : "";
        net.tape->watch->enter(net.tape->watch, kind, scope, name);
    }
    return true;
}

/* "conv2d block1.stem"; of a long name the end. Made for a failure alone: layers are called often.
 */
#define LABEL_BYTES 64
static const char *label_of(const wg_layer *layer, char text[LABEL_BYTES]) {
    const char *scope = layer->net.scope != NULL ? layer->net.scope->named.text : "";
    const char *name = layer->name != NULL ? layer->name : "";
    char full[2 * WG_NAME_BYTES];
    const int length = snprintf(full, sizeof full, "%.255s%s%.255s", scope,
                                scope[0] != '\0' && name[0] != '\0' ? "." : "", name);
    const int most = LABEL_BYTES - 22;
    (void)snprintf(text, LABEL_BYTES, "%.20s%s%.42s", layer->kind, length > 0 ? " " : "",
                   full + (length > most ? length - most : 0));
    return text;
}

wg_var wg_layer_fail(const wg_layer *layer, wg_status status, const char *format, ...) {
    char label[LABEL_BYTES];
    va_list arguments;
    va_start(arguments, format);
    (void)wg_tape_fail_v(layer->net.tape, status, label_of(layer, label), layer->site, format,
                         arguments);
    va_end(arguments);
    return wg_poison(layer->net.tape);
}

bool wg_layer_input(wg_layer *layer, wg_var x, int rank) {
    wg_tape *tape = layer->net.tape;
    char label[LABEL_BYTES], text[192];
    if ((x.tape != tape || wg_node_of(x) == NULL) &&
        wg_var_refused(tape, x, 0, label_of(layer, label), layer->site)) {
        return false;
    }
    layer->input = wg_view_of(x);
    const wg_view *view = &layer->input;
    if (view->rank < rank) {
        (void)wg_layer_fail(layer, WG_ERROR_SHAPE, "x %s has fewer than %d axes",
                            wg_shape_text(view->rank, view->shape, text, sizeof text), rank);
        return false;
    }
    if (!wg_is_array(x) || (view->dtype != WG_F32 && view->dtype != WG_F64)) {
        (void)wg_layer_fail(layer, WG_ERROR_DTYPE, "x %s is %s, it takes an array of f32 or f64",
                            wg_shape_text(view->rank, view->shape, text, sizeof text),
                            wg_is_array(x) ? wg_dtype_name(view->dtype) : "no array");
        return false;
    }
    layer->dtype = view->dtype;
    return true;
}

/* Whether what has the name fits; what it is not the store itself says. */
static bool fits(const wg_layer *layer, const wg_name *name, wg_dtype dtype, int rank,
                 const int64_t *shape) {
    const wg_param *known = (void *)wg_names_find(&layer->net.store->parameters, name);
    if (known == NULL || (known->value.dtype == dtype &&
                          wg_shape_equal(known->value.rank, known->value.shape, rank, shape))) {
        return true;
    }
    char is[192], asked[192], input[192];
    wg_shape_text(layer->input.rank, layer->input.shape, input, sizeof input);
    wg_shape_text(known->value.rank, known->value.shape, is, sizeof is);
    wg_shape_text(rank, shape, asked, sizeof asked);
    if (known->value.dtype != dtype) {
        (void)wg_layer_fail(layer, WG_ERROR_DTYPE, "x is %s, %s is %s", wg_dtype_name(dtype),
                            known->named.text, wg_dtype_name(known->value.dtype));
    } else {
        (void)wg_layer_fail(layer, WG_ERROR_SHAPE, "x has the shape %s, %s would be %s but is %s",
                            input, known->named.text, asked, is);
    }
    return false;
}

wg_param *wg_layer_param(const wg_layer *layer, const char *part, int rank, const int64_t *shape,
                         wg_initializer initializer, bool *made) {
    wg_name name;
    if (layer->net.tape->status != WG_OK || !wg_param_name(&layer->net, layer->name, part, &name) ||
        !fits(layer, &name, layer->dtype, rank, shape)) {
        return NULL;
    }
    const int64_t before = layer->net.store->count;
    wg_param *param = wg_param_get(&layer->net, &name, layer->dtype, rank, shape, initializer);
    *made = layer->net.store->count > before;
    return param;
}

wg_var wg_layer_parameter(const wg_layer *layer, const char *part, int rank, const int64_t *shape,
                          wg_initializer initializer) {
    wg_tape *tape = layer->net.tape;
    bool made;
    wg_param *param = wg_layer_param(layer, part, rank, shape, initializer, &made);
    return param != NULL ? wg_param_borrow(tape, param) : wg_poison(tape);
}

void wg_layer_check(const wg_layer *layer, const char *part, int rank, const int64_t *shape,
                    wg_initializer given) {
    wg_name name;
    if (given.kind != WG_INIT_DEFAULT && layer->net.tape->status == WG_OK &&
        wg_param_name(&layer->net, layer->name, part, &name) &&
        wg_names_find(&layer->net.store->parameters, &name) == NULL) {
        (void)wg_init_allowed(layer->net.tape, name.text, rank, shape, given);
    }
}

wg_var wg_layer_parameter_or(const wg_layer *layer, const char *part, bool given, int rank,
                             const int64_t *shape, wg_initializer initializer, double usual) {
    return given ? wg_layer_parameter(layer, part, rank, shape,
                                      wg_init_or(initializer, wg_init_constant(usual)))
                 : wg_number(usual);
}

wg_param *wg_layer_buffer(const wg_layer *layer, const char *part, wg_dtype dtype, int rank,
                          const int64_t *shape, double value) {
    wg_name name;
    if (layer->net.tape->status != WG_OK || !wg_param_name(&layer->net, layer->name, part, &name) ||
        !fits(layer, &name, dtype, rank, shape)) {
        return NULL;
    }
    return wg_buffer_get(&layer->net, &name, dtype, rank, shape, value);
}

/* Says in which layer a verb has failed, unless the layer itself has spoken. */
static void blame(const wg_layer *layer) {
    wg_tape *tape = layer->net.tape;
    char label[LABEL_BYTES];
    const size_t length = strlen(label_of(layer, label)), used = strlen(tape->message);
    if (strncmp(tape->message, label, length) != 0) {
        (void)snprintf(tape->message + used, sizeof tape->message - used, ", in %s", label);
        (void)wg_fail(tape->status, "%s", tape->message);
    }
}

wg_var wg_layer_end(const wg_layer *layer, wg_var y) {
    wg_watch *watch = layer->net.tape->watch;
    if (layer->net.tape->status != WG_OK) {
        blame(layer);
    }
    if (watch != NULL) {
        watch->leave(watch, y);
    }
    return y;
}

wg_initializer wg_init_or_fan_in(wg_initializer given, int64_t fan_in) {
    const double bound = fan_in > 0 ? 1 / sqrt((double)fan_in) : 0;
    return wg_init_or(given, wg_init_uniform(-bound, bound));
}
