/* kv_cache.h (internal): where attention layers keep keys and values. */
#ifndef WG_SRC_NN_KV_CACHE_H
#define WG_SRC_NN_KV_CACHE_H

#include "nn/layer.h"
#include "wengert/transformer.h"

/* What one layer keeps: k and v, [batch, room, heads, depth] each. */
typedef struct wg_kv_entry {
    wg_named named;
    struct wg_kv_entry *next;
    wg_dtype dtype;
    int64_t batch, room, heads, depth;
    int64_t held; /* positions that are filled */
    bool whole;   /* they are not the cache's positions, but those of something kept */
    void *k, *v;  /* one block of memory, which begins with k */
} wg_kv_entry;

/* The layer's entry with room for keys (and values) of that shape, [batch, length, heads, depth],
 * behind those that are there, and in *start how many these are. Nothing is held yet. NULL, and a
 * failure on the tape, where it does not fit. */
wg_kv_entry *wg_kv_open(const wg_layer *layer, wg_kv_cache *cache, wg_dtype dtype,
                        const int64_t shape[4], int64_t *start);
/* The same for what is kept whole. *filled says whether it is there already. */
wg_kv_entry *wg_kv_open_whole(const wg_layer *layer, wg_kv_cache *cache, wg_dtype dtype,
                              const int64_t shape[4], bool *filled);
/* Writes k and v behind the first `start` positions, and makes of them all that is held then.
 * `cache` NULL: they are kept whole, and its length is as before. */
void wg_kv_put(const wg_layer *layer, wg_kv_cache *cache, wg_kv_entry *entry, int64_t start,
               wg_var *k, wg_var *v);
/* Constants on the tape over what is held. */
void wg_kv_get(const wg_layer *layer, const wg_kv_entry *entry, wg_var *k, wg_var *v);

#endif
