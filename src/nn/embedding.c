/* embedding.c: tables whose rows stand for whole numbers. */
#include "kernel/gather.h"
#include "nn/layer.h"
#include "wengert/elementwise.h"
#include "wengert/embed.h"
#include "wengert/layers.h"

#include <math.h>
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

/* Whether all indices are of rows, so that no table is made for those that are not. */
static bool are_rows(const wg_layer *layer, wg_var indices, int64_t rows) {
    const wg_view view = wg_view_of(wg_contiguous_at(indices, layer->site));
    if (layer->net.tape->status != WG_OK) {
        return false;
    }
    const int64_t at = wg_kernel_index_outside(&view, rows);
    if (at >= 0) {
        (void)wg_layer_fail(layer, WG_ERROR_ARGUMENT,
                            "index %lld (element %lld) is out of range for %lld rows",
                            (long long)wg_index_at(&view, at), (long long)at, (long long)rows);
    }
    return at < 0;
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

/* Begins a layer of indices, and finds the table; false and a failure. */
static bool begin(wg_layer *layer, wg_net net, const char *kind, const char *name, wg_var indices,
                  const char *site, const wg_embedding_options *o, int64_t *row) {
    if (!wg_layer_begin(layer, net, kind, name, site) ||
        wg_var_refused(net.tape, indices, 0, kind, site)) {
        return false;
    }
    layer->input = wg_view_of(indices);
    layer->dtype = o->dtype;
    return takes(layer, indices, o, row) && are_rows(layer, indices, o->count);
}

wg_var wg_embedding_with_at(wg_net net, const char *name, wg_var indices, const char *site,
                            wg_embedding_options options) {
    wg_layer layer;
    int64_t row;
    if (!begin(&layer, net, "embedding", name, indices, site, &options, &row)) {
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

/* ---- Bags ------------------------------------------------------------------------------------ */

/* Whether bags, mode and weights will do. */
static bool takes_bags(const wg_layer *layer, const wg_embedding_bag_options *o) {
    const wg_view *indices = &layer->input, weights = wg_view_of(o->weights);
    const bool weighted = o->weights.tape != NULL;
    char is[192], wants[192];
    if (indices->rank < 1) {
        (void)wg_layer_fail(layer, WG_ERROR_SHAPE, "the indices have no axis of bags");
    } else if (o->mode < WG_BAG_MEAN || o->mode > WG_BAG_MAX) {
        (void)wg_layer_fail(layer, WG_ERROR_ARGUMENT, "there is no mode %d", (int)o->mode);
    } else if (weighted && o->mode != WG_BAG_SUM) {
        (void)wg_layer_fail(layer, WG_ERROR_ARGUMENT, "weights are for sums alone");
    } else if (weighted && wg_is_array(o->weights) && weights.dtype != layer->dtype) {
        (void)wg_layer_fail(layer, WG_ERROR_DTYPE, "the weights are %s, the table is %s",
                            wg_dtype_name(weights.dtype), wg_dtype_name(layer->dtype));
    } else if (weighted &&
               !wg_shape_equal(weights.rank, weights.shape, indices->rank, indices->shape)) {
        (void)wg_layer_fail(layer, WG_ERROR_SHAPE,
                            "the weights %s are not of the indices' shape %s",
                            wg_shape_text(weights.rank, weights.shape, is, sizeof is),
                            wg_shape_text(indices->rank, indices->shape, wants, sizeof wants));
    } else {
        return true;
    }
    return false;
}

/* [..., length] as [..., length, 1], to broadcast against rows. */
static wg_var beside_rows(const wg_layer *layer, wg_var x) {
    int64_t shape[WG_MAX_RANK + 1];
    memcpy(shape, layer->input.shape, sizeof layer->input.shape);
    shape[layer->input.rank] = 1;
    return wg_reshape_at(x, layer->input.rank + 1, shape, layer->site);
}

/* Rows [..., length, width] to one a bag. `counts` is 1 for a row that counts and 0 for padding;
 * the number 1 where all do. */
static wg_var reduce(const wg_layer *layer, wg_var rows, wg_var counts, wg_bag_mode mode) {
    const char *site = layer->site;
    const wg_axes bag = {.count = 1, .axis = {layer->input.rank - 1}};
    const wg_axes bag_kept = {.count = 1, .keep = true, .axis = {layer->input.rank - 1}};
    const wg_var none = wg_number(0);
    const bool padded = counts.tape != NULL, empty = layer->input.shape[bag.axis[0]] == 0;
    if (mode == WG_BAG_MAX && !empty) {
        if (!padded) {
            return wg_amax_at(rows, bag, site);
        }
        const wg_var most =
            wg_amax_at(wg_where_at(counts, rows, wg_number(-INFINITY), site), bag_kept, site);
        const wg_var any = wg_amax_at(counts, bag_kept, site);
        return wg_sum_at(wg_where_at(any, most, none, site), bag,
                         site); /* of one: drops the axis */
    }
    const wg_var sum = wg_sum_at(padded ? wg_where_at(counts, rows, none, site) : rows, bag, site);
    if (mode != WG_BAG_MEAN || empty) {
        return sum;
    }
    const wg_var length = padded ? wg_max_at(wg_sum_at(counts, bag, site), wg_number(1), site)
                                 : wg_number((double)layer->input.shape[bag.axis[0]]);
    return wg_div_at(sum, length, site);
}

wg_var wg_embedding_bag_at(wg_net net, const char *name, wg_var indices, const char *site,
                           wg_embedding_bag_options options) {
    wg_layer layer;
    int64_t row;
    if (!begin(&layer, net, "embedding_bag", name, indices, site, &options.table, &row) ||
        !takes_bags(&layer, &options)) {
        return wg_poison(net.tape);
    }
    wg_var rows = wg_gather_rows_at(table_of(&layer, &options.table, row), indices, site);
    wg_var counts = wg_number(1);
    if (row >= 0) {
        counts = wg_ne_at(wg_cast_at(indices, WG_F64, site), wg_number((double)row), site);
        counts = beside_rows(&layer, wg_cast_at(counts, layer.dtype, site));
    }
    if (options.weights.tape != NULL) {
        rows = wg_mul_at(rows, beside_rows(&layer, options.weights), site);
    }
    return wg_layer_end(&layer, reduce(&layer, rows, counts, options.mode));
}
