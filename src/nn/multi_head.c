/* multi_head.c: attention of several heads, with the products before and behind it. */
#include "nn/kv_cache.h"
#include "wengert/distribution.h"
#include "wengert/elementwise.h"
#include "wengert/index.h"

#include <math.h>

/* One call. */
typedef struct heads {
    wg_layer layer;
    const wg_multi_head_options *options;
    int64_t batch, queries, keys;
    int64_t width, key_width, value_width;
    int64_t heads, key_heads, depth;
    bool causal;    /* and does it hide anything? */
    int64_t offset; /* positions before the first query */
    wg_var q, k, v; /* [batch, length, heads, depth] */
    wg_var
        packed; /* all three in one, where nothing touches them before attention; else a number */
} heads;

/* ---- What goes in --------------------------------------------------------------------------- */

static bool same(wg_var x, wg_var y) {
    return x.tape == y.tape && x.as.bits == y.as.bits;
}

static bool operands_fit(heads *h, wg_var q, wg_var k, wg_var v) {
    if (!wg_layer_input(&h->layer, k, 3)) {
        return false;
    }
    const wg_view kv = h->layer.input;
    if (!wg_layer_input(&h->layer, v, 3)) {
        return false;
    }
    const wg_view vv = h->layer.input;
    if (!wg_layer_input(&h->layer, q, 3)) {
        return false;
    }
    const wg_view qv = h->layer.input;
    if (qv.rank != 3 || kv.rank != 3 || vv.rank != 3 || qv.shape[0] != kv.shape[0] ||
        kv.shape[0] != vv.shape[0] || kv.shape[1] != vv.shape[1]) {
        char text[3][192];
        (void)wg_layer_fail(&h->layer, WG_ERROR_SHAPE,
                            "q %s, k %s and v %s are not [batch, queries, width], [batch, keys, "
                            "width] and [batch, keys, width]",
                            wg_shape_text(qv.rank, qv.shape, text[0], sizeof text[0]),
                            wg_shape_text(kv.rank, kv.shape, text[1], sizeof text[1]),
                            wg_shape_text(vv.rank, vv.shape, text[2], sizeof text[2]));
        return false;
    }
    if (qv.dtype != kv.dtype || kv.dtype != vv.dtype) {
        (void)wg_layer_fail(&h->layer, WG_ERROR_DTYPE, "q is %s, k %s and v %s",
                            wg_dtype_name(qv.dtype), wg_dtype_name(kv.dtype),
                            wg_dtype_name(vv.dtype));
        return false;
    }
    h->batch = qv.shape[0];
    h->queries = qv.shape[1];
    h->keys = kv.shape[1];
    h->width = qv.shape[2];
    h->key_width = kv.shape[2];
    h->value_width = vv.shape[2];
    return true;
}

static bool options_allowed(heads *h) {
    const wg_multi_head_options *o = h->options;
    h->heads = o->heads;
    h->key_heads = o->key_heads == 0 ? o->heads : o->key_heads;
    if (h->heads < 1 || h->key_heads < 1 || h->width < 1 || h->width % h->heads != 0 ||
        h->heads % h->key_heads != 0) {
        (void)wg_layer_fail(&h->layer, WG_ERROR_ARGUMENT,
                            "%lld heads (%lld of keys) do not divide a width of %lld",
                            (long long)o->heads, (long long)h->key_heads, (long long)h->width);
        return false;
    }
    if (!(o->dropout >= 0 && o->dropout < 1)) {
        (void)wg_layer_fail(&h->layer, WG_ERROR_ARGUMENT, "dropout %g is not in [0, 1)",
                            o->dropout);
        return false;
    }
    h->depth = h->width / h->heads;
    return true;
}

/* ---- Projections ----------------------------------------------------------------------------- */

/* x [batch, length, ...] · weightᵀ + bias as [batch, length, heads, depth]. */
static wg_var projected(const heads *h, wg_var x, wg_var weight, wg_var bias) {
    const wg_var y = wg_affine_at(x, weight, bias, h->layer.site);
    if (h->layer.net.tape->status != WG_OK) {
        return y;
    }
    const int64_t shape[4] = {h->batch, wg_size(x, 1), wg_size(weight, 0) / h->depth, h->depth};
    return wg_reshape_at(y, 4, shape, h->layer.site);
}

/* Rows [first, first + n) of a weight or a bias. */
static wg_var rows(const heads *h, wg_var x, int64_t first, int64_t n) {
    return wg_is_array(x) ? wg_narrow_at(x, 0, first, n, h->layer.site) : x;
}

/* Rows of the projections: of q, and of k (as many as of v). */
static int64_t query_rows(const heads *h) {
    return h->width;
}
static int64_t key_rows(const heads *h) {
    return h->key_heads * h->depth;
}

static bool drops(const heads *h) {
    return h->layer.net.training && h->options->dropout > 0;
}

/* q, k and v in one product; views of it. */
static void project_together(heads *h, wg_var x, wg_var weight, wg_var bias) {
    const char *site = h->layer.site;
    const wg_var all = projected(h, x, weight, bias);
    if (!h->options->rotary && h->options->cache == NULL && !drops(h)) {
        h->packed = all;
        return;
    }
    h->q = wg_narrow_at(all, 2, 0, h->heads, site);
    h->k = wg_narrow_at(all, 2, h->heads, h->key_heads, site);
    h->v = wg_narrow_at(all, 2, h->heads + h->key_heads, h->key_heads, site);
}

static void project_keys(heads *h, wg_var k, wg_var v, wg_var weight, wg_var bias) {
    const int64_t first = query_rows(h), n = key_rows(h);
    const char *site = h->layer.site;
    if (same(k, v)) {
        const wg_var both =
            projected(h, k, rows(h, weight, first, 2 * n), rows(h, bias, first, 2 * n));
        h->k = wg_narrow_at(both, 2, 0, h->key_heads, site);
        h->v = wg_narrow_at(both, 2, h->key_heads, h->key_heads, site);
        return;
    }
    h->k = projected(h, k, rows(h, weight, first, n), rows(h, bias, first, n));
    h->v = projected(h, v, rows(h, weight, first + n, n), rows(h, bias, first + n, n));
}

/* Fills h->q, h->k and h->v; the last two not where they are `there` already. */
static void project(heads *h, wg_var q, wg_var k, wg_var v, bool there) {
    const int64_t own = query_rows(h), n = key_rows(h), all = own + 2 * n;
    const wg_initializer glorot = wg_init_or(h->options->weight, wg_init_glorot_uniform(1));
    const wg_layer *layer = &h->layer;
    const wg_var bias = h->options->no_bias
                            ? wg_number(0)
                            : wg_layer_parameter(layer, "in_proj_bias", 1, &all,
                                                 wg_init_or(h->options->bias, wg_init_constant(0)));
    if (h->key_width == h->width && h->value_width == h->width) {
        const wg_var weight =
            wg_layer_parameter(layer, "in_proj_weight", 2, (int64_t[]){all, h->width}, glorot);
        if (same(q, k) && same(k, v)) {
            project_together(h, q, weight, bias);
            return;
        }
        h->q = projected(h, q, rows(h, weight, 0, own), rows(h, bias, 0, own));
        if (!there) {
            project_keys(h, k, v, weight, bias);
        }
        return;
    }
    const wg_var of_q =
        wg_layer_parameter(layer, "q_proj_weight", 2, (int64_t[]){own, h->width}, glorot);
    const wg_var of_k =
        wg_layer_parameter(layer, "k_proj_weight", 2, (int64_t[]){n, h->key_width}, glorot);
    const wg_var of_v =
        wg_layer_parameter(layer, "v_proj_weight", 2, (int64_t[]){n, h->value_width}, glorot);
    h->q = projected(h, q, of_q, rows(h, bias, 0, own));
    if (!there) {
        h->k = projected(h, k, of_k, rows(h, bias, own, n));
        h->v = projected(h, v, of_v, rows(h, bias, own + n, n));
    }
}

/* ---- Positions and cache ----------------------------------------------------------------------
 */

static wg_var turned(const heads *h, wg_var x) {
    wg_rotary_options turn = h->options->turn;
    turn.first += h->offset;
    return h->options->rotary ? wg_rotary_at(x, 1, h->layer.site, turn) : x;
}

static bool is_kept(const heads *h) {
    return h->options->cache != NULL && h->options->keep;
}

/* Projects, turns, and goes through the cache where there is one. */
static void prepare(heads *h, wg_var q, wg_var k, wg_var v) {
    const wg_layer *layer = &h->layer;
    bool filled = false;
    wg_kv_entry *entry = NULL;
    if (is_kept(h)) {
        const int64_t shape[4] = {h->batch, h->keys, h->key_heads, h->depth};
        entry = wg_kv_open_whole(layer, h->options->cache, layer->dtype, shape, &filled);
        if (entry == NULL) {
            return;
        }
    }
    project(h, q, k, v, filled);
    if (layer->net.tape->status != WG_OK || wg_is_array(h->packed)) {
        return;
    }
    int64_t start = 0;
    if (h->options->cache != NULL && entry == NULL) {
        const wg_view view = wg_view_of(h->k);
        entry = wg_kv_open(layer, h->options->cache, &view, &start);
        h->offset = start;
    }
    h->q = turned(h, h->q);
    if (filled) {
        wg_kv_get(layer, entry, &h->k, &h->v);
        return;
    }
    h->k = turned(h, h->k);
    if (entry != NULL) {
        wg_kv_put(layer, entry, start, &h->k, &h->v);
    }
    h->keys += start;
}

/* ---- Masks ------------------------------------------------------------------------------------
 */

/* A mask as something to add. */
static wg_var additive(const heads *h, wg_var mask) {
    const char *site = h->layer.site;
    if (wg_view_of(mask).dtype != WG_U8) {
        return mask;
    }
    return wg_where_at(wg_cast_at(mask, h->layer.dtype, site), wg_number(0),
                       wg_number(-(double)INFINITY), site);
}

/* Both masks as one; false, and a failure, where the mask of keys does not fit. */
static bool join_masks(const heads *h, wg_var *mask) {
    const wg_layer *layer = &h->layer;
    const wg_var of_keys = h->options->key_mask;
    *mask = h->options->mask;
    if (wg_var_refused(layer->net.tape, *mask, 0, layer->kind, layer->site) ||
        wg_var_refused(layer->net.tape, of_keys, 0, layer->kind, layer->site)) {
        return false;
    }
    if (!wg_is_array(of_keys)) {
        return true;
    }
    const wg_view view = wg_view_of(of_keys);
    if (view.dtype != WG_U8 || view.rank != 2 || view.shape[0] != h->batch ||
        view.shape[1] != h->keys) {
        char text[192];
        (void)wg_layer_fail(layer, view.dtype != WG_U8 ? WG_ERROR_DTYPE : WG_ERROR_SHAPE,
                            "the mask of keys is %s %s, not u8 [%lld, %lld]",
                            wg_dtype_name(view.dtype),
                            wg_shape_text(view.rank, view.shape, text, sizeof text),
                            (long long)h->batch, (long long)h->keys);
        return false;
    }
    const int64_t shape[4] = {h->batch, 1, 1, h->keys};
    const wg_var wide = wg_reshape_at(of_keys, 4, shape, layer->site);
    *mask = wg_is_array(*mask) ? (wg_add)(additive(h, *mask), additive(h, wide)) : wide;
    return layer->net.tape->status == WG_OK;
}

/* ---- Attention --------------------------------------------------------------------------------
 */

/* Probabilities that are dropped have to be there: [batch, key heads, group, queries, keys]. */
static wg_var with_dropout(const heads *h, wg_var mask) {
    const wg_net *net = &h->layer.net;
    const char *site = h->layer.site;
    const int64_t group = h->heads / h->key_heads,
                  own[4] = {h->batch, h->heads, h->queries, h->keys};
    wg_name name;
    if (!wg_param_name(net, h->layer.name, "dropout", &name)) {
        return wg_poison(net->tape);
    }
    const wg_var q = wg_reshape(wg_swapaxes_at(h->q, 1, 2, site),
                                WG_SHAPE(h->batch, h->key_heads, group, h->queries, h->depth));
    const wg_var k = wg_unsqueeze(wg_swapaxes_at(h->k, 1, 2, site), 2);
    const wg_var v = wg_unsqueeze(wg_swapaxes_at(h->v, 1, 2, site), 2);
    const double scale = 1 / sqrt((double)h->depth);
    wg_var s = wg_reshape(wg_mul(wg_matmul_at(q, wg_transpose(k), site), scale), 4, own);
    wg_var open = wg_number(1); /* where a key takes part */
    if (wg_is_array(mask)) {
        s = wg_add(s, additive(h, mask));
        open = wg_gt(additive(h, mask), -(double)INFINITY);
    }
    if (h->causal) {
        const wg_var ones = wg_ones(net->tape, h->layer.dtype, WG_SHAPE(h->queries, h->keys));
        open = wg_mul(open, wg_tril(ones, h->offset));
    }
    if (wg_is_array(open)) { /* finite, so that rows which see nothing are not NaN */
        s = wg_mul(wg_softmax(wg_where(open, s, -1e30), -1), open);
    } else {
        s = wg_softmax(s, -1);
    }
    const wg_key key = wg_key_fold(wg_key_name(net->store->key, name.text), net->step);
    s = wg_dropout_keyed_at(s, key, h->options->dropout, site);
    s = wg_reshape(s, WG_SHAPE(h->batch, h->key_heads, group, h->queries, h->keys));
    const wg_var y =
        wg_reshape(wg_matmul(s, v), WG_SHAPE(h->batch, h->heads, h->queries, h->depth));
    return wg_swapaxes_at(y, 1, 2, site);
}

static wg_var attended(const heads *h) {
    wg_var mask;
    if (!join_masks(h, &mask)) {
        return wg_poison(h->layer.net.tape);
    }
    if (drops(h)) {
        return with_dropout(h, mask);
    }
    const wg_attention_options options = {
        .causal = h->causal, .offset = h->offset, .length_first = true, .mask = mask};
    return wg_is_array(h->packed)
               ? wg_attention_packed_at(h->packed, h->key_heads, h->layer.site, options)
               : wg_attention_at(h->q, h->k, h->v, h->layer.site, options);
}

wg_var wg_multi_head_attention_at(wg_net net, const char *name, wg_var q, wg_var k, wg_var v,
                                  const char *site, wg_multi_head_options options) {
    heads h = {.options = &options, .causal = options.causal};
    if (!wg_layer_begin(&h.layer, net, "multi_head_attention", name, site) ||
        !operands_fit(&h, q, k, v) || !options_allowed(&h)) {
        return wg_poison(net.tape);
    }
    prepare(&h, q, k, v);
    if (net.tape->status != WG_OK) {
        return wg_poison(net.tape);
    }
    const int64_t shape[3] = {h.batch, h.queries, h.width};
    const wg_var joined = wg_reshape_at(attended(&h), 3, shape, site);
    const int64_t square[2] = {h.width, h.width};
    const wg_var weight = wg_layer_parameter(&h.layer, "out_proj.weight", 2, square,
                                             wg_init_or_fan_in(options.weight, h.width));
    const wg_var bias = options.no_bias
                            ? wg_number(0)
                            : wg_layer_parameter(&h.layer, "out_proj.bias", 1, &h.width,
                                                 wg_init_or(options.bias, wg_init_constant(0)));
    return wg_layer_end(&h.layer, wg_affine_at(joined, weight, bias, site));
}
