/* layer.h (internal): what all layers share: messages, checks of what goes in, and
 * parameters by name.
 *
 *     wg_layer layer;
 *     if (!wg_layer_begin(&layer, net, "linear", name, site) || !wg_layer_input(&layer, x, 1)) {
 *         return wg_poison(net.tape);
 *     }
 *     wg_var weight = wg_layer_parameter(&layer, "weight", 2, (int64_t[]){out, in}, initializer);
 *     return wg_layer_end(&layer, wg_affine_at(x, weight, bias, site));
 */
#ifndef WG_SRC_NN_LAYER_H
#define WG_SRC_NN_LAYER_H

#include "nn/store.h"

/* One call of a layer. */
typedef struct wg_layer {
    wg_net net;
    const char *kind, *name, *site;
    wg_dtype dtype; /* of its parameters: that of the input */
    wg_view input;
} wg_layer;

/* False where the tape has failed. `name` NULL: parameters stand in the net's scope itself. */
bool wg_layer_begin(wg_layer *layer, wg_net net, const char *kind, const char *name,
                    const char *site);
/* Whether x is a living array of f32 or f64 with `rank` axes or more; else a failure on the tape.
 * Its dtype becomes the layer's. */
bool wg_layer_input(wg_layer *layer, wg_var x, int rank);
/* A failure on the tape that begins with kind and name ("conv2d stem: ..."); returns a poisoned
 * handle. */
wg_var wg_layer_fail(const wg_layer *layer, wg_status status, const char *format, ...)
    WG_PRINTF(3, 4);
/* The parameter name.part on the tape, made at first use; else a failure that names the layer, its
 * input and both shapes. */
wg_var wg_layer_parameter(const wg_layer *layer, const char *part, int rank, const int64_t *shape,
                          wg_initializer initializer);
/* A failure on the tape where the parameter is yet to be made and cannot begin with what was given.
 * Called before a parameter in front of it is made, which then is not. */
void wg_layer_check(const wg_layer *layer, const char *part, int rank, const int64_t *shape,
                    wg_initializer given);
/* The parameter, `usual` throughout at first; where it is not to be `given`, that number. */
wg_var wg_layer_parameter_or(const wg_layer *layer, const char *part, bool given, int rank,
                             const int64_t *shape, wg_initializer initializer, double usual);
/* The same of a buffer's memory; NULL and a failure on the tape. */
wg_param *wg_layer_buffer(const wg_layer *layer, const char *part, wg_dtype dtype, int rank,
                          const int64_t *shape, double value);
/* The same before it is on the tape, and whether it has been made just now; NULL and a failure. */
wg_param *wg_layer_param(const wg_layer *layer, const char *part, int rank, const int64_t *shape,
                         wg_initializer initializer, bool *made);
/* Ends the call; returns y. Where a verb inside has failed, its message gets "in KIND NAME". */
wg_var wg_layer_end(const wg_layer *layer, wg_var y);

/* `given`, or where that is the default U(±1/√fan_in), which most layers of PyTorch begin with. */
wg_initializer wg_init_or_fan_in(wg_initializer given, int64_t fan_in);
/* `given`, or where that is the default `usual`. */
static inline wg_initializer wg_init_or(wg_initializer given, wg_initializer usual) {
    return given.kind == WG_INIT_DEFAULT ? usual : given;
}

#endif
