/* embedding.c: tables whose rows stand for whole numbers. */
#include "nn/layer.h"
#include "wengert/embed.h"
#include "wengert/layers.h"

#include <string.h>

/* Whether the indices and the options will do; *row is the padding's, or -1. */
static bool takes(const wg_layer *layer, wg_var indices, const wg_embedding_options *o,
                  int64_t *row) {
    const wg_dtype dtype = layer->input.dtype;
    if (!wg_is_array(indices) || (dtype != WG_I64 && dtype != WG_U8)) {
        (void)wg_layer_fail(layer, WG_ERROR_DTYPE,
                            "the indices are %s, it takes an array of i64 "
                            "or u8",
                            wg_is_array(indices) ? wg_dtype_name(dtype) : "no array");
        return false;
    }
    if (o->count < 1 || o->width < 1) {
        (void)wg_layer_fail(layer, WG_ERROR_ARGUMENT, "a table [%lld, %lld] is asked for",
                            (long long)o->count, (long long)o->width);
        return false;
    }
    *row = !o->padded ? -1 : o->padding_index < 0 ? o->padding_index + o->count : o->padding_index;
    if (o->padded && (*row < 0 || *row >= o->count)) {
        (void)wg_layer_fail(layer, WG_ERROR_ARGUMENT,
                            "padding index %lld is out of range for %lld rows",
                            (long long)o->padding_index, (long long)o->count);
        return false;
    }
    return true;
}

/* The table, made with zeros in the padding's row. */
static wg_var table_of(const wg_layer *layer, const wg_embedding_options *o, int64_t row) {
    bool made;
    wg_param *table = wg_layer_param(layer, "weight", 2, (int64_t[]){o->count, o->width},
                                     wg_init_or(o->weight, wg_init_normal(0, 1)), &made);
    if (table == NULL) {
        return wg_poison(layer->net.tape);
    }
    if (made && row >= 0) {
        const size_t bytes = (size_t)o->width * wg_dtype_size(layer->dtype);
        memset((char *)table->value.data + (size_t)row * bytes, 0, bytes);
    }
    return wg_param_borrow(layer->net.tape, table);
}

wg_var wg_embedding_with_at(wg_net net, const char *name, wg_var indices, const char *site,
                            wg_embedding_options options) {
    wg_layer layer;
    int64_t row;
    if (!wg_layer_begin(&layer, net, "embedding", name, site)) {
        return wg_poison(net.tape);
    }
    if (wg_var_refused(net.tape, indices, 0, "embedding", site)) {
        return wg_layer_end(&layer, wg_poison(net.tape));
    }
    layer.input = wg_view_of(indices);
    layer.dtype = options.dtype;
    if (!takes(&layer, indices, &options, &row)) {
        return wg_poison(net.tape);
    }
    const wg_var table = table_of(&layer, &options, row);
    return wg_layer_end(&layer, row >= 0 ? wg_embed_padded_at(table, indices, row, site)
                                         : wg_gather_rows_at(table, indices, site));
}

wg_var wg_embedding_at(wg_net net, const char *name, wg_var indices, int64_t count, int64_t width,
                       const char *site) {
    return wg_embedding_with_at(net, name, indices, site,
                                (wg_embedding_options){.count = count, .width = width});
}
