/* freeze.c: parameters that are not to be trained, by name. */
#include "base/glob.h"
#include "nn/store.h"

#include <string.h>

bool wg_store_freezes(const wg_store *store, const char *name) {
    for (const wg_freezing *f = store->freezing; f != NULL; f = f->next) {
        if (wg_glob(f->pattern, name)) {
            return f->frozen;
        }
    }
    return false;
}

/* Forgets an earlier word about the same pattern, so that a loop over it takes no memory. */
static void forget(wg_store *store, const char *pattern) {
    for (wg_freezing **at = &store->freezing; *at != NULL; at = &(*at)->next) {
        if (strcmp((*at)->pattern, pattern) == 0) {
            wg_freezing *old = *at;
            *at = old->next;
            wg_free(old);
            return;
        }
    }
}

static wg_status set(const char *verb, wg_store *store, const char *pattern, bool frozen) {
    if (pattern == NULL) {
        return wg_fail(WG_ERROR_ARGUMENT, "%s: the pattern is NULL", verb);
    }
    const size_t bytes = strlen(pattern) + 1;
    wg_freezing *freezing = wg_calloc(1, sizeof *freezing + bytes);
    if (freezing == NULL) {
        return wg_fail(WG_ERROR_MEMORY, "%s: no memory for the pattern \"%.200s\"", verb, pattern);
    }
    memcpy(freezing->pattern, pattern, bytes);
    forget(store, pattern);
    freezing->frozen = frozen;
    freezing->next = store->freezing;
    store->freezing = freezing;
    for (int64_t i = 0; i < store->count; i++) {
        wg_param *param = store->sorted[i];
        if (param->frozen != frozen && wg_glob(pattern, param->named.text)) {
            param->frozen = frozen;
            param->sink.fresh = true; /* a gradient from before counts as zero */
            if (param->sink.outer != NULL) {
                param->sink.outer->pending = false;
            }
        }
    }
    return WG_OK;
}

wg_status wg_freeze(wg_store *store, const char *pattern) {
    return set("freeze", store, pattern, true);
}

wg_status wg_unfreeze(wg_store *store, const char *pattern) {
    return set("unfreeze", store, pattern, false);
}
