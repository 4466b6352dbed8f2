/* flat.c: the flat buffers, and what is done to all gradients at once. */
#include "kernel/level1.h"
#include "nn/store.h"

#include <math.h>
#include <string.h>

/* Elements a parameter takes in the flat buffer of a dtype. */
static int64_t padded(const wg_param *param, wg_dtype dtype) {
    if (param->buffer || param->value.dtype != dtype) {
        return 0;
    }
    const int64_t line = WG_PARAM_ALIGNMENT / (int64_t)wg_dtype_size(param->value.dtype);
    return (param->count + line - 1) / line * line;
}

static void retire(wg_store *store, wg_storage *storage) {
    if (storage != NULL) {
        storage->next = store->retired;
        store->retired = storage;
    }
}

/* Copies one parameter to its place in new buffers, and lets go of the old ones. */
static void move(wg_store *store, wg_param *param, int64_t offset, char *values, char *gradients) {
    const size_t size = wg_dtype_size(param->value.dtype);
    const size_t start = (size_t)offset * size, bytes = (size_t)param->count * size;
    memcpy(values + start, param->value.data, bytes);
    if (!param->sink.fresh && !wg_param_is_outer(param)) {
        memcpy(gradients + start, param->sink.gradient, bytes);
    }
    if (param->own != NULL) {
        retire(store, param->own);
        wg_free(param->sink.gradient);
        param->own = NULL;
    }
    param->offset = offset;
    param->value.data = values + start;
    param->sink.gradient = gradients + start;
}

static wg_status pack(wg_store *store, wg_dtype dtype, const char *name) {
    wg_flat *flat = &store->flat[dtype];
    int64_t count = 0;
    for (int64_t i = 0; i < store->count; i++) {
        count += padded(store->sorted[i], dtype);
    }
    /* A line more: the last parameter may be empty, and the whole too. */
    const size_t bytes = (size_t)count * wg_dtype_size(dtype) + WG_PARAM_ALIGNMENT;
    wg_storage *storage = wg_storage_new(bytes);
    char *gradients = wg_alloc(bytes);
    if (storage == NULL || gradients == NULL) {
        wg_free(storage);
        wg_free(gradients);
        return wg_fail(WG_ERROR_MEMORY, "%s: no memory for %lld parameters of %s and gradients",
                       name, (long long)count, wg_dtype_name(dtype));
    }
    memset(wg_storage_data(storage), 0, bytes);
    memset(gradients, 0, bytes);
    int64_t offset = 0;
    for (int64_t i = 0; i < store->count; i++) {
        wg_param *param = store->sorted[i];
        if (!param->buffer && param->value.dtype == dtype) {
            move(store, param, offset, wg_storage_data(storage), gradients);
            offset += padded(param, dtype);
        }
    }
    retire(store, flat->storage);
    wg_free(flat->gradient);
    *flat = (wg_flat){storage, gradients, count, flat->generation + 1, false};
    return WG_OK;
}

wg_status wg_store_pack(wg_store *store, const char *name) {
    wg_status status = WG_OK;
    for (size_t dtype = 0; dtype < WG_COUNT_OF(store->flat) && status == WG_OK; dtype++) {
        if (store->flat[dtype].stale) {
            status = pack(store, (wg_dtype)dtype, name);
        }
    }
    return status;
}

void wg_store_settle(wg_store *store) {
    for (int64_t i = 0; i < store->count; i++) {
        if (!store->sorted[i]->buffer) {
            (void)wg_param_gradient(store->sorted[i]);
        }
    }
}

static double norm(wg_store *store, const char *name) {
    if (wg_store_pack(store, name) != WG_OK) {
        return NAN;
    }
    wg_store_settle(store);
    double sum = 0;
    for (size_t dtype = 0; dtype < WG_COUNT_OF(store->flat); dtype++) {
        const wg_flat *flat = &store->flat[dtype];
        sum += wg_kernel_dot((wg_dtype)dtype, flat->count, flat->gradient, flat->gradient);
    }
    return sqrt(sum);
}

double wg_gradient_norm(wg_store *store) {
    return norm(store, "gradient_norm");
}

void wg_store_scale_gradients(wg_store *store, double factor) {
    for (size_t dtype = 0; dtype < WG_COUNT_OF(store->flat); dtype++) {
        const wg_flat *flat = &store->flat[dtype];
        wg_kernel_scale((wg_dtype)dtype, flat->count, factor, flat->gradient);
    }
}

double wg_clip_norm(wg_store *store, double most) {
    const double before = norm(store, "clip_norm");
    const double factor = most / (before + 1e-6); /* PyTorch's guard against a norm of 0 */
    if (isfinite(before) && most >= 0 && factor < 1) {
        wg_store_scale_gradients(store, factor);
    }
    return before;
}

wg_status wg_clip_value(wg_store *store, double most) {
    if (!(most >= 0)) {
        return wg_fail(WG_ERROR_ARGUMENT, "clip_value: %g is not a number from 0 on", most);
    }
    const wg_status status = wg_store_pack(store, "clip_value");
    if (status != WG_OK) {
        return status;
    }
    wg_store_settle(store);
    for (size_t dtype = 0; dtype < WG_COUNT_OF(store->flat); dtype++) {
        const wg_flat *flat = &store->flat[dtype];
        wg_kernel_clamp((wg_dtype)dtype, flat->count, most, flat->gradient);
    }
    return WG_OK;
}

wg_status wg_scale_gradients(wg_store *store, double factor) {
    if (!isfinite(factor)) {
        return wg_fail(WG_ERROR_ARGUMENT, "scale_gradients: %g is not finite", factor);
    }
    const wg_status status = wg_store_pack(store, "scale_gradients");
    if (status == WG_OK) {
        wg_store_settle(store);
        wg_store_scale_gradients(store, factor);
    }
    return status;
}

void wg_zero_gradients(wg_store *store) {
    for (int64_t i = 0; i < store->count; i++) {
        wg_sink *sink = &store->sorted[i]->sink;
        sink->fresh = true;
        if (sink->outer != NULL) {
            sink->outer->pending = false;
        }
    }
}
