/* kv_cache.c: keys and values of attention layers, kept from one forward pass to the next. */
#include "nn/kv_cache.h"

#include "kernel/copy.h"

/* The first layer that appends leads: its positions are the cache's, and the others follow it, so
 * that a pass which broke off between two layers can be cut back. */
struct wg_kv_cache {
    int64_t length, held;
    wg_names names;
    wg_kv_entry *first;  /* of all entries, linked */
    wg_kv_entry *leader; /* NULL before the first layer appended */
};

wg_kv_cache *wg_kv_cache_new(int64_t length) {
    if (length < 1) {
        (void)wg_fail(WG_ERROR_ARGUMENT, "kv_cache_new: a length of %lld", (long long)length);
        return NULL;
    }
    wg_kv_cache *cache = wg_calloc(1, sizeof *cache);
    if (cache == NULL) {
        (void)wg_fail(WG_ERROR_MEMORY, "kv_cache_new: no memory");
        return NULL;
    }
    cache->length = length;
    return cache;
}

void wg_kv_cache_free(wg_kv_cache *cache) {
    if (cache == NULL) {
        return;
    }
    wg_names_clear(&cache->names);
    while (cache->first != NULL) {
        wg_kv_entry *entry = cache->first;
        cache->first = entry->next;
        wg_free(entry->k);
        wg_free(entry->named.text);
        wg_free(entry);
    }
    wg_free(cache);
}

int64_t wg_kv_cache_length(const wg_kv_cache *cache) {
    return cache != NULL ? cache->held : 0;
}

wg_status wg_kv_cache_cut(wg_kv_cache *cache, int64_t length) {
    if (cache == NULL) {
        return WG_ERROR_ARGUMENT; /* wg_last_message still says why there is none */
    }
    if (length < 0 || length > cache->held) {
        return wg_fail(WG_ERROR_ARGUMENT, "kv_cache_cut: to %lld of %lld positions",
                       (long long)length, (long long)cache->held);
    }
    cache->held = length;
    cache->leader = length == 0 ? NULL : cache->leader;
    for (wg_kv_entry *entry = cache->first; entry != NULL; entry = entry->next) {
        if (entry->held > length && (!entry->whole || length == 0)) {
            entry->held = length;
        }
    }
    return WG_OK;
}

static wg_kv_entry *entry_of(const wg_layer *layer, wg_kv_cache *cache) {
    wg_name name;
    if (!wg_param_name(&layer->net, layer->name, "kv", &name)) {
        return NULL;
    }
    wg_named *found = wg_names_find(&cache->names, &name);
    if (found != NULL) {
        return (wg_kv_entry *)(void *)found;
    }
    wg_kv_entry *entry = wg_calloc(1, sizeof *entry);
    if (entry == NULL || !wg_named_as(&entry->named, &name) ||
        !wg_names_add(&cache->names, &entry->named)) {
        if (entry != NULL) {
            wg_free(entry->named.text);
        }
        wg_free(entry);
        (void)wg_layer_fail(layer, WG_ERROR_MEMORY, "no memory for its place in the cache");
        return NULL;
    }
    entry->next = cache->first;
    cache->first = entry;
    return entry;
}

/* Whether the entry has memory for that shape, which it takes where it holds nothing. */
static bool has_room(const wg_layer *layer, wg_kv_entry *entry, wg_dtype dtype,
                     const int64_t shape[4], bool empty) {
    const int64_t is[4] = {entry->batch, entry->room, entry->heads, entry->depth};
    char text[192], asked[192];
    if (entry->dtype == dtype && wg_shape_equal(4, is, 4, shape) &&
        (entry->k != NULL || wg_shape_count(4, shape, 1) == 0)) {
        return true;
    }
    if (!empty) {
        (void)wg_layer_fail(layer, WG_ERROR_SHAPE, "the cache holds %s %s, asked for is %s %s",
                            wg_dtype_name(entry->dtype), wg_shape_text(4, is, text, sizeof text),
                            wg_dtype_name(dtype), wg_shape_text(4, shape, asked, sizeof asked));
        return false;
    }
    const int64_t size = (int64_t)wg_dtype_size(dtype), count = wg_shape_count(4, shape, 1);
    const bool possible = count >= 0 && count <= INT64_MAX / (2 * size);
    char *memory = possible && count > 0 ? wg_alloc((size_t)(2 * count * size)) : NULL;
    if (!possible || (memory == NULL && count > 0)) {
        (void)wg_layer_fail(layer, WG_ERROR_MEMORY, "no memory to cache keys and values %s",
                            wg_shape_text(4, shape, asked, sizeof asked));
        return false;
    }
    wg_free(entry->k);
    entry->k = memory;
    entry->v = memory != NULL ? memory + count * size : NULL;
    entry->dtype = dtype;
    entry->batch = shape[0];
    entry->room = shape[1];
    entry->heads = shape[2];
    entry->depth = shape[3];
    entry->held = 0;
    return true;
}

static bool records(const wg_layer *layer) {
    if (wg_tape_records(layer->net.tape)) {
        (void)wg_layer_fail(layer, WG_ERROR_STATE,
                            "the tape records; a cache needs wg_no_grad_begin");
        return true;
    }
    return false;
}

static bool leads(const wg_kv_cache *cache, const wg_kv_entry *entry) {
    return cache->leader == NULL || cache->leader == entry;
}

wg_kv_entry *wg_kv_open(const wg_layer *layer, wg_kv_cache *cache, wg_dtype dtype,
                        const int64_t shape[4], int64_t *start) {
    wg_kv_entry *entry = records(layer) ? NULL : entry_of(layer, cache);
    if (entry == NULL) {
        return NULL;
    }
    const int64_t length = shape[1];
    *start = cache->held - (leads(cache, entry) ? 0 : length);
    if (length > cache->length - *start) {
        (void)wg_layer_fail(layer, WG_ERROR_LIMIT,
                            "%lld positions are to follow %lld in a cache for %lld",
                            (long long)length, (long long)*start, (long long)cache->length);
        return NULL;
    }
    if (*start < 0 || *start > entry->held) {
        (void)wg_layer_fail(layer, WG_ERROR_STATE,
                            "the cache has %lld of the positions before these %lld, %s has %lld",
                            (long long)*start, (long long)length, entry->named.text,
                            (long long)entry->held);
        return NULL;
    }
    if (*start < entry->held && length > 0) {
        (void)wg_layer_fail(layer, WG_ERROR_STATE,
                            "%s has these %lld positions already: a layer that is called twice in "
                            "a pass needs a cache for each call",
                            entry->named.text, (long long)length);
        return NULL;
    }
    const int64_t whole[4] = {shape[0], cache->length, shape[2], shape[3]};
    return has_room(layer, entry, dtype, whole, *start == 0) ? entry : NULL;
}

wg_kv_entry *wg_kv_open_whole(const wg_layer *layer, wg_kv_cache *cache, wg_dtype dtype,
                              const int64_t shape[4], bool *filled) {
    wg_kv_entry *entry = records(layer) ? NULL : entry_of(layer, cache);
    if (entry == NULL || !has_room(layer, entry, dtype, shape, entry->held == 0)) {
        return NULL;
    }
    entry->whole = true;
    *filled = entry->held == shape[1];
    return entry;
}

static wg_view place(const wg_kv_entry *entry, void *memory, int64_t first, int64_t length) {
    const int64_t shape[4] = {entry->batch, entry->room, entry->heads, entry->depth};
    wg_view view = wg_view_new(entry->dtype, 4, shape, memory);
    if (memory != NULL) {
        view.data = (char *)memory + first * view.stride[1] * (int64_t)wg_dtype_size(entry->dtype);
    }
    view.shape[1] = length;
    return view;
}

void wg_kv_put(const wg_layer *layer, wg_kv_cache *cache, wg_kv_entry *entry, int64_t start,
               wg_var *k, wg_var *v) {
    if (layer->net.tape->status != WG_OK) {
        return;
    }
    const wg_view from_k = wg_view_of(*k), from_v = wg_view_of(*v);
    const int64_t length = from_k.shape[1];
    const wg_view to_k = place(entry, entry->k, start, length);
    const wg_view to_v = place(entry, entry->v, start, length);
    if (wg_view_count(&to_k) > 0) {
        wg_kernel_copy(&from_k, &to_k);
        wg_kernel_copy(&from_v, &to_v);
    }
    entry->held = start + length;
    if (cache != NULL && leads(cache, entry)) {
        cache->leader = entry;
        cache->held = entry->held;
    }
    wg_kv_get(layer, entry, k, v);
}

void wg_kv_get(const wg_layer *layer, const wg_kv_entry *entry, wg_var *k, wg_var *v) {
    const wg_view at_k = place(entry, entry->k, 0, entry->held);
    const wg_view at_v = place(entry, entry->v, 0, entry->held);
    *k = wg_borrow(layer->net.tape, &at_k, NULL);
    *v = wg_borrow(layer->net.tape, &at_v, NULL);
}
