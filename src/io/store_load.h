/* store_load.h (internal): a store filled from a file in two steps: one that may fail and changes
 * nothing, and one that cannot fail. */
#ifndef WG_SRC_IO_STORE_LOAD_H
#define WG_SRC_IO_STORE_LOAD_H

#include "io/safetensors.h"
#include "nn/store.h"

typedef struct wg_filling {
    const wg_safetensors_entry *entry;
    wg_param *param;
    bool made; /* by this plan */
} wg_filling;

typedef struct wg_load_plan {
    wg_store *store;
    const wg_safetensors *file;
    wg_filling *filling;
    int64_t count;
    wg_load_report report;
} wg_load_plan;

/* Holds the store against the file, and makes what the store lacks: that is in the store already,
 * its values not set. On failure the store is as before, and there is nothing to end. Errors: those
 * of wg_store_load. */
wg_status wg_load_plan_new(wg_store *store, const wg_safetensors *file,
                           const wg_load_options *options, wg_load_plan *plan);
/* Fills everything. */
void wg_load_plan_fill(wg_load_plan *plan);
/* Takes everything back. */
void wg_load_plan_drop(wg_load_plan *plan);

#endif
