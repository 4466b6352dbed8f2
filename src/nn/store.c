/* store.c: a store's life, and its parameters by name and number. */
#include "nn/store.h"

#include <string.h>

wg_store *wg_store_new(uint64_t seed) {
    wg_store *store = wg_calloc(1, sizeof *store);
    if (store != NULL) {
        store->key = wg_key_new(seed);
    }
    return store;
}

wg_storage *wg_storage_new(size_t bytes) {
    wg_storage *storage =
        bytes <= SIZE_MAX - WG_PARAM_ALIGNMENT ? wg_alloc(bytes + WG_PARAM_ALIGNMENT) : NULL;
    if (storage != NULL) {
        storage->next = NULL;
    }
    return storage;
}

void wg_param_free(wg_param *param) {
    if (param->own != NULL) {
        wg_free(param->own);
        wg_free(param->sink.gradient);
    }
    wg_free(param->sink.outer);
    wg_free(param->named.text);
    wg_free(param);
}

void wg_store_free(wg_store *store) {
    if (store == NULL) {
        return;
    }
    wg_names_clear(&store->parameters);
    wg_names_clear(&store->scopes);
    for (int64_t i = 0; i < store->count; i++) {
        wg_param_free(store->sorted[i]);
    }
    wg_free(store->sorted);
    wg_globs_free(&store->freezing);
    for (struct wg_net_scope *scope = store->first_scope, *next; scope != NULL; scope = next) {
        next = scope->next;
        wg_free(scope->named.text);
        wg_free(scope);
    }
    for (wg_storage *storage = store->retired, *next; storage != NULL; storage = next) {
        next = storage->next;
        wg_free(storage);
    }
    for (size_t i = 0; i < WG_COUNT_OF(store->flat); i++) {
        wg_free(store->flat[i].storage);
        wg_free(store->flat[i].gradient);
    }
    wg_free(store);
}

/* How many parameters come before `name`. */
static int64_t rank_of(const wg_store *store, const char *name) {
    int64_t low = 0, high = store->count;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (strcmp(store->sorted[middle]->named.text, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool wg_store_add(wg_store *store, wg_param *param) {
    if (store->count == store->capacity) {
        const int64_t capacity = store->capacity > 0 ? 2 * store->capacity : 32;
        wg_param **sorted = wg_realloc(store->sorted, (size_t)capacity * sizeof(wg_param *));
        if (sorted == NULL) {
            return false;
        }
        store->sorted = sorted;
        store->capacity = capacity;
    }
    if (!wg_names_add(&store->parameters, &param->named)) {
        return false;
    }
    const int64_t at = rank_of(store, param->named.text);
    memmove(store->sorted + at + 1, store->sorted + at,
            (size_t)(store->count - at) * sizeof(wg_param *));
    store->sorted[at] = param;
    store->count++;
    param->frozen = wg_store_freezes(store, param->named.text);
    if (!param->buffer) {
        store->flat[param->value.dtype].stale = true;
    }
    return true;
}

void wg_store_remove(wg_store *store, wg_param *param) {
    const int64_t at = rank_of(store, param->named.text);
    wg_names_remove(&store->parameters, &param->named);
    store->count--;
    memmove(store->sorted + at, store->sorted + at + 1,
            (size_t)(store->count - at) * sizeof(wg_param *));
    wg_param_free(param);
}

void *wg_param_gradient(wg_param *param) {
    if (wg_sink_settle(&param->sink, param->value.dtype)) {
        memset(param->sink.gradient, 0, (size_t)param->count * wg_dtype_size(param->value.dtype));
    }
    return param->sink.gradient;
}

int64_t wg_store_count(const wg_store *store) {
    return store->count;
}

int64_t wg_store_elements(const wg_store *store) {
    int64_t total = 0;
    for (int64_t i = 0; i < store->count; i++) {
        total +=
            store->sorted[i]->buffer && !store->sorted[i]->loaded ? 0 : store->sorted[i]->count;
    }
    return total;
}

/* Packed first: nothing but a new parameter then moves what the view points to. */
static wg_status view_of(wg_store *store, wg_param *param, const char *name,
                         wg_parameter_view *out) {
    const wg_status status = wg_store_pack(store, name);
    if (status == WG_OK) {
        *out = (wg_parameter_view){param->named.text, param->value,
                                   param->buffer ? NULL : wg_param_gradient(param), param->buffer,
                                   param->frozen};
    }
    return status;
}

wg_status wg_store_at(wg_store *store, int64_t index, wg_parameter_view *out) {
    if (index < 0 || index >= store->count) {
        return wg_fail(WG_ERROR_ARGUMENT,
                       "store_at: there is no parameter %lld, the store has %lld", (long long)index,
                       (long long)store->count);
    }
    return view_of(store, store->sorted[index], "store_at", out);
}

wg_param *wg_store_named(const wg_store *store, const char *name) {
    wg_name full;
    wg_name_start(&full, NULL);
    return wg_name_add(&full, name) ? (wg_param *)(void *)wg_names_find(&store->parameters, &full)
                                    : NULL;
}

wg_status wg_store_find(wg_store *store, const char *name, wg_parameter_view *out) {
    wg_param *found = wg_store_named(store, name);
    if (found == NULL) {
        return wg_fail(WG_ERROR_ARGUMENT, "store_find: there is no parameter \"%.*s\"",
                       WG_NAME_BYTES, name != NULL ? name : "");
    }
    return view_of(store, found, "store_find", out);
}
