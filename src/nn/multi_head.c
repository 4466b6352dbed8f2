/* multi_head.c: attention of several heads, with the products before and behind it. */
#include "nn/multi_head.h"
#include "nn/kv_cache.h"
#include "op/attention.h"
#include "wengert/elementwise.h"
#include "wengert/index.h"

#include <math.h>

/* One call. */
typedef struct pass {
    wg_layer layer;
    const wg_multi_head_options *options;
    int64_t batch, queries, keys;
    int64_t width, key_width, value_width;
    int64_t heads, key_heads, depth;
    bool causal;
    int64_t offset;     /* positions before the first query */
    wg_kv_entry *entry; /* of the cache; NULL without one */
    bool filled;        /* it holds keys and values that are the same each time */
    wg_var mask;        /* both masks as one; a number: none */
    wg_var q, k, v;     /* [batch, length, heads, depth] */
    wg_var packed;      /* or all three in one, where nothing touches them before attention */
} pass;

/* ---- What goes in --------------------------------------------------------------------------- */

static bool same(wg_var x, wg_var y) {
    return x.tape == y.tape && x.as.bits == y.as.bits;
}

static bool operands_fit(pass *h, wg_var q, wg_var k, wg_var v) {
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

bool wg_heads_allowed(const wg_layer *layer, int64_t width, int64_t heads, int64_t key_heads,
                      double dropout) {
    const int64_t shared = key_heads == 0 ? heads : key_heads;
    if (heads < 1 || shared < 1 || width < 1 || width % heads != 0 || heads % shared != 0) {
        (void)wg_layer_fail(layer, WG_ERROR_ARGUMENT,
                            "%lld heads (%lld of keys) do not divide a width of %lld",
                            (long long)heads, (long long)shared, (long long)width);
        return false;
    }
    if (!(dropout >= 0 && dropout < 1)) {
        (void)wg_layer_fail(layer, WG_ERROR_ARGUMENT, "dropout %g is not in [0, 1)", dropout);
        return false;
    }
    return true;
}

static bool options_allowed(pass *h) {
    const wg_multi_head_options *o = h->options;
    h->heads = o->heads;
    h->key_heads = o->key_heads == 0 ? o->heads : o->key_heads;
    if (!wg_heads_allowed(&h->layer, h->width, h->heads, o->key_heads, o->dropout)) {
        return false;
    }
    h->depth = h->width / h->heads;
    if (o->rotary && h->depth % 2 != 0) {
        (void)wg_layer_fail(&h->layer, WG_ERROR_ARGUMENT,
                            "rotary positions need heads of an even width, not %lld",
                            (long long)h->depth);
        return false;
    }
    if (o->rotary && !(o->turn.base >= 0 && isfinite(o->turn.base))) {
        (void)wg_layer_fail(&h->layer, WG_ERROR_ARGUMENT, "rotary positions by the base %g",
                            o->turn.base);
        return false;
    }
    return true;
}

/* ---- Projections ----------------------------------------------------------------------------- */

/* x [batch, length, ...] · weightᵀ + bias as [batch, length, heads, depth]. */
static wg_var projected(const pass *h, wg_var x, wg_var weight, wg_var bias) {
    const wg_var y = wg_affine_at(x, weight, bias, h->layer.site);
    if (h->layer.net.tape->status != WG_OK) {
        return y;
    }
    const int64_t shape[4] = {h->batch, wg_size(x, 1), wg_size(weight, 0) / h->depth, h->depth};
    return wg_reshape_at(y, 4, shape, h->layer.site);
}

/* Rows [first, first + n) of a weight or a bias. */
static wg_var rows(const pass *h, wg_var x, int64_t first, int64_t n) {
    return wg_is_array(x) ? wg_narrow_at(x, 0, first, n, h->layer.site) : x;
}

/* Rows of the projections: of q, and of k (as many as of v). */
static int64_t query_rows(const pass *h) {
    return h->width;
}
static int64_t key_rows(const pass *h) {
    return h->key_heads * h->depth;
}

/* q, k and v in one product; views of it. */
static void project_together(pass *h, wg_var x, wg_var weight, wg_var bias) {
    const char *site = h->layer.site;
    const wg_var all = projected(h, x, weight, bias);
    if (!h->options->rotary && h->options->cache == NULL) {
        h->packed = all;
        return;
    }
    h->q = wg_narrow_at(all, 2, 0, h->heads, site);
    h->k = wg_narrow_at(all, 2, h->heads, h->key_heads, site);
    h->v = wg_narrow_at(all, 2, h->heads + h->key_heads, h->key_heads, site);
}

static void project_keys(pass *h, wg_var k, wg_var v, wg_var weight, wg_var bias) {
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

/* Fills h->q, h->k and h->v, or h->packed; of a filled entry of the cache h->q alone. */
static void project(pass *h, wg_var q, wg_var k, wg_var v) {
    const int64_t own = query_rows(h), n = key_rows(h), all = own + 2 * n;
    const wg_initializer glorot = wg_init_or(h->options->weight, wg_init_glorot_uniform(1));
    const wg_layer *layer = &h->layer;
    wg_layer_check(layer, "out_proj.weight", 2, (int64_t[]){own, own}, h->options->weight);
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
        if (!h->filled) {
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
    if (!h->filled) {
        h->k = projected(h, k, of_k, rows(h, bias, own, n));
        h->v = projected(h, v, of_v, rows(h, bias, own + n, n));
    }
}

/* ---- Masks and cache ------------------------------------------------------------------------ */

/* Whether a mask broadcasts to [batch, heads, queries, keys]. */
static bool mask_fits(const pass *h, wg_var mask) {
    const int64_t full[4] = {h->batch, h->heads, h->queries, h->keys};
    if (!wg_is_array(mask)) {
        return true;
    }
    const wg_view view = wg_view_of(mask);
    bool fits = view.rank <= 4;
    for (int i = 1; i <= view.rank && fits; i++) {
        const int64_t size = view.shape[view.rank - i];
        fits = size == 1 || size == full[4 - i];
    }
    char text[192], wide[192];
    if (!fits || view.dtype == WG_I64 || view.dtype == WG_BF16) {
        (void)wg_layer_fail(&h->layer, fits ? WG_ERROR_DTYPE : WG_ERROR_SHAPE,
                            "the mask is %s %s, not u8, f32 or f64 that broadcasts to %s",
                            wg_dtype_name(view.dtype),
                            wg_shape_text(view.rank, view.shape, text, sizeof text),
                            wg_shape_text(4, full, wide, sizeof wide));
        return false;
    }
    return true;
}

static bool key_mask_fits(const pass *h, wg_var mask) {
    if (!wg_is_array(mask)) {
        return true;
    }
    const wg_view view = wg_view_of(mask);
    if (view.dtype != WG_U8 || view.rank != 2 || view.shape[0] != h->batch ||
        view.shape[1] != h->keys) {
        char text[192];
        (void)wg_layer_fail(&h->layer, view.dtype != WG_U8 ? WG_ERROR_DTYPE : WG_ERROR_SHAPE,
                            "the mask of keys is %s %s, not u8 [%lld, %lld]",
                            wg_dtype_name(view.dtype),
                            wg_shape_text(view.rank, view.shape, text, sizeof text),
                            (long long)h->batch, (long long)h->keys);
        return false;
    }
    return true;
}

/* Makes one mask of both; false, and a failure, where they do not fit. */
static bool join_masks(pass *h) {
    const wg_layer *layer = &h->layer;
    const wg_var of_keys = h->options->key_mask;
    h->mask = h->options->mask;
    if (wg_var_refused(layer->net.tape, h->mask, 0, layer->kind, layer->site) ||
        wg_var_refused(layer->net.tape, of_keys, 0, layer->kind, layer->site) ||
        !mask_fits(h, h->mask) || !key_mask_fits(h, of_keys)) {
        return false;
    }
    if (wg_is_array(of_keys)) {
        const int64_t shape[4] = {h->batch, 1, 1, h->keys};
        const wg_var wide = wg_reshape_at(of_keys, 4, shape, layer->site);
        h->mask = !wg_is_array(h->mask)
                      ? wide
                      : (wg_add)(wg_additive_mask(h->mask, layer->dtype, layer->site),
                                 wg_additive_mask(wide, layer->dtype, layer->site));
    }
    return layer->net.tape->status == WG_OK;
}

/* Finds the place in the cache, where there is one, and with it how many keys there are. */
static bool open_cache(pass *h) {
    wg_kv_cache *cache = h->options->cache;
    const int64_t shape[4] = {h->batch, h->keys, h->key_heads, h->depth};
    if (cache == NULL) {
        return true;
    }
    if (h->options->keep) {
        h->entry = wg_kv_open_whole(&h->layer, cache, h->layer.dtype, shape, &h->filled);
    } else {
        h->entry = wg_kv_open(&h->layer, cache, h->layer.dtype, shape, &h->offset);
        h->keys += h->offset;
    }
    return h->entry != NULL;
}

static wg_var turned(const pass *h, wg_var x) {
    wg_rotary_options turn = h->options->turn;
    turn.first += h->offset;
    return h->options->rotary ? wg_rotary_at(x, 1, h->layer.site, turn) : x;
}

/* Turns what was projected by its positions, and takes it through the cache. */
static void place(pass *h) {
    const wg_layer *layer = &h->layer;
    if (wg_is_array(h->packed)) {
        return;
    }
    h->q = turned(h, h->q);
    if (h->filled) {
        wg_kv_get(layer, h->entry, &h->k, &h->v);
        return;
    }
    h->k = turned(h, h->k);
    if (h->entry != NULL) {
        wg_kv_cache *cache = h->options->keep ? NULL : h->options->cache;
        wg_kv_put(layer, cache, h->entry, h->offset, &h->k, &h->v);
    }
}

/* ---- Attention ------------------------------------------------------------------------------ */

static wg_var attended(const pass *h) {
    const wg_net *net = &h->layer.net;
    wg_attention_options options = {
        .causal = h->causal, .offset = h->offset, .length_first = true, .mask = h->mask};
    wg_name name;
    if (net->training && h->options->dropout > 0 &&
        wg_param_name(net, h->layer.name, "dropout", &name)) {
        options.dropout = h->options->dropout;
        options.key = wg_key_fold(wg_key_name(net->store->key, name.text), net->step);
    }
    return wg_is_array(h->packed)
               ? wg_attention_packed_at(h->packed, h->key_heads, h->layer.site, options)
               : wg_attention_at(h->q, h->k, h->v, h->layer.site, options);
}

wg_var wg_multi_head_attention_at(wg_net net, const char *name, wg_var q, wg_var k, wg_var v,
                                  const char *site, wg_multi_head_options options) {
    pass h = {.options = &options, .causal = options.causal};
    if (!wg_layer_begin(&h.layer, net, "multi_head_attention", name, site)) {
        return wg_poison(net.tape);
    }
    if (!operands_fit(&h, q, k, v) || !options_allowed(&h) || !open_cache(&h) || !join_masks(&h)) {
        return wg_layer_end(&h.layer, wg_poison(net.tape));
    }
    project(&h, q, k, v);
    if (net.tape->status == WG_OK) {
        place(&h);
    }
    if (net.tape->status != WG_OK) {
        return wg_layer_end(&h.layer, wg_poison(net.tape));
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
