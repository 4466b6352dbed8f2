/* average.c: moving averages of weights. */
#include "optim/average.h"

#include "kernel/level1.h"

#include <math.h>
#include <string.h>

wg_average *wg_average_new(wg_store *store, wg_average_options options) {
    if (!(options.decay >= 0 && options.decay < 1)) {
        (void)wg_fail(WG_ERROR_ARGUMENT, "average: decay is %g, not in [0, 1)", options.decay);
        return NULL;
    }
    wg_average *average = wg_calloc(1, sizeof *average);
    if (average == NULL) {
        (void)wg_fail(WG_ERROR_MEMORY, "average: no memory");
        return NULL;
    }
    average->store = store;
    average->options = options;
    return average;
}

void wg_average_free(wg_average *average) {
    if (average == NULL) {
        return;
    }
    for (int64_t i = 0; i < average->count; i++) {
        wg_free(average->entries[i].mean);
    }
    wg_free(average->entries);
    wg_free(average);
}

static size_t bytes_of(const wg_param *param) {
    return (size_t)param->count * wg_dtype_size(param->value.dtype);
}

/* What a file brought and no network has asked for yet goes by `also`. */
static bool is_averaged(const wg_average *average, const wg_param *param, const wg_param *also) {
    return !param->buffer || average->options.buffers || param == also;
}

/* Frees the means that `entries` has and the average has not. */
static void free_new(const wg_average *average, wg_averaged *entries, int64_t count) {
    for (int64_t i = 0, known = 0; i < count; i++) {
        if (known < average->count && average->entries[known].param == entries[i].param) {
            known++;
        } else {
            wg_free(entries[i].mean);
        }
    }
    wg_free(entries);
}

/* Entries for all that are to be averaged, in the store's order, the new ones' `updates` 0. */
static wg_status follow(wg_average *average, const wg_param *also) {
    const wg_store *store = average->store;
    int64_t wanted = 0, known = 0;
    for (int64_t i = 0; i < store->count; i++) {
        wg_param *param = store->sorted[i];
        const bool is_known = known < average->count && average->entries[known].param == param;
        known += is_known;
        wanted += is_known || is_averaged(average, param, also);
    }
    if (wanted == average->count) {
        return WG_OK;
    }
    wg_averaged *entries = wg_calloc((size_t)wanted, sizeof *entries);
    bool whole = entries != NULL;
    int64_t count = 0;
    known = 0;
    for (int64_t i = 0; i < store->count && whole; i++) {
        wg_param *param = store->sorted[i];
        if (known < average->count && average->entries[known].param == param) {
            entries[count++] = average->entries[known++];
        } else if (is_averaged(average, param, also)) {
            void *mean = wg_alloc(bytes_of(param) + 1); /* nothing, too, has an address */
            entries[count++] = (wg_averaged){param, mean, 0};
            whole = mean != NULL;
        }
    }
    if (!whole) {
        free_new(average, entries, count);
        return wg_fail(WG_ERROR_MEMORY, "average_update: no memory for %lld parameters",
                       (long long)wanted);
    }
    wg_free(average->entries);
    average->entries = entries;
    average->count = count;
    return WG_OK;
}

static void update(const wg_average *average, wg_averaged *entry) {
    const wg_average_options *o = &average->options;
    const wg_param *param = entry->param;
    const double k = (double)entry->updates++;
    if (k == 0 || param->value.dtype == WG_I64) {
        memcpy(entry->mean, param->value.data, bytes_of(param));
        return;
    }
    const double decay = o->warm_up ? fmin(o->decay, (1 + k) / (10 + k)) : o->decay;
    wg_kernel_lerp(param->value.dtype, param->count, o->decay > 0 ? 1 - decay : 1 / (k + 1),
                   param->value.data, entry->mean);
}

static wg_status refuse_swapped(const wg_average *average, const char *verb) {
    return average->swapped ? wg_fail(WG_ERROR_STATE, "%s: the averages are swapped in", verb)
                            : WG_OK;
}

wg_status wg_average_update(wg_average *average) {
    if (average == NULL) {
        return WG_ERROR_ARGUMENT; /* wg_last_message still says why there is none */
    }
    wg_status status = refuse_swapped(average, "average_update");
    status = status == WG_OK ? follow(average, NULL) : status;
    for (int64_t i = 0; i < average->count && status == WG_OK; i++) {
        update(average, &average->entries[i]);
    }
    average->updates += status == WG_OK;
    return status;
}

static void exchange(char *a, char *b, size_t bytes) {
    char room[4096];
    for (size_t at = 0, some; at < bytes; at += some) {
        some = bytes - at < sizeof room ? bytes - at : sizeof room;
        memcpy(room, a + at, some);
        memcpy(a + at, b + at, some);
        memcpy(b + at, room, some);
    }
}

void wg_average_swap(wg_average *average) {
    if (average == NULL) {
        return;
    }
    for (int64_t i = 0; i < average->count; i++) {
        const wg_averaged *entry = &average->entries[i];
        if (entry->updates == 0) {
            continue;
        }
        exchange(entry->param->value.data, entry->mean, bytes_of(entry->param));
    }
    average->swapped = !average->swapped;
}

bool wg_average_is_swapped(const wg_average *average) {
    return average != NULL && average->swapped;
}

uint64_t wg_average_updates(const wg_average *average) {
    return average != NULL ? average->updates : 0;
}

wg_status wg_average_put(wg_average *average, wg_param *param, uint64_t updates, const void *mean) {
    wg_status status = refuse_swapped(average, "average");
    status = status == WG_OK ? follow(average, param) : status;
    for (int64_t i = 0; i < average->count && status == WG_OK; i++) {
        if (average->entries[i].param == param) {
            memcpy(average->entries[i].mean, mean, bytes_of(param));
            average->entries[i].updates = updates;
        }
    }
    average->updates = status == WG_OK && updates > average->updates ? updates : average->updates;
    return status;
}
