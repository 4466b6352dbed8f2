/* freeze.c: parameters that are not to be trained, by name. */
#include "base/glob.h"
#include "nn/store.h"

bool wg_store_freezes(const wg_store *store, const char *name) {
    const wg_freezing *freezing = wg_globs_find(store->freezing, name);
    return freezing != NULL && freezing->frozen;
}

static wg_status set(const char *verb, wg_store *store, const char *pattern, bool frozen) {
    if (pattern == NULL) {
        return wg_fail(WG_ERROR_ARGUMENT, "%s: the pattern is NULL", verb);
    }
    wg_freezing *freezing = wg_globs_add(&store->freezing, sizeof *freezing, pattern);
    if (freezing == NULL) {
        return wg_fail(WG_ERROR_MEMORY, "%s: no memory for the pattern \"%.200s\"", verb, pattern);
    }
    freezing->frozen = frozen;
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
