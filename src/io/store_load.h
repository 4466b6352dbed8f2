/* store_load.h (internal): a store filled from a file in two steps: one that may fail and changes
 * nothing, and one that cannot fail. */
#ifndef WG_SRC_IO_STORE_LOAD_H
#define WG_SRC_IO_STORE_LOAD_H

#include "io/safetensors.h"
#include "nn/store.h"

typedef struct wg_filling {
    const wg_safetensors_entry *entry;
    wg_param *param;
    bool made;              /* by this plan */
    bool parameter, buffer; /* what filling makes of a parameter whose kind is open */
} wg_filling;

/* What a file may say of a tensor besides the steps that it took no part in (>= 0, and then it is a
 * parameter). */
enum {
    WG_BORN_BUFFER = -1,
    WG_BORN_OPEN = -2 /* no network has asked for it yet */
};

typedef struct wg_load_plan {
    wg_store *store;
    const wg_safetensors *file;
    wg_filling *filling;
    int64_t count;
    int64_t first; /* tensor with the prefix */
    wg_load_report report;
} wg_load_plan;

/* Holds the store against the file, and makes what the store lacks: that is in the store already,
 * its values not set. On failure the store is as before, and there is nothing to end. Errors: those
 * of wg_store_load. */
wg_status wg_load_plan_new(wg_store *store, const wg_safetensors *file,
                           const wg_load_options *options, wg_load_plan *plan);
/* For a file that says which of its tensors (those with the prefix, in order) are parameters: they
 * get their gradients, and filling makes them what they are. ARGUMENT where the store has the other
 * kind, DTYPE for a parameter that cannot be one, MEMORY; then wg_load_plan_drop. */
wg_status wg_load_plan_decide(wg_load_plan *plan, const int64_t *births);
/* Fills everything. */
void wg_load_plan_fill(wg_load_plan *plan);
/* Takes everything back. */
void wg_load_plan_drop(wg_load_plan *plan);

#endif
