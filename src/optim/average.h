/* average.h (internal): an average's parts, as files see them. */
#ifndef WG_SRC_OPTIM_AVERAGE_H
#define WG_SRC_OPTIM_AVERAGE_H

#include "nn/store.h"
#include "wengert/average.h"

typedef struct wg_averaged {
    wg_param *param;
    void *mean; /* as many elements of its dtype; the weights, while swapped */
    uint64_t updates;
} wg_averaged;

struct wg_average {
    wg_store *store;
    wg_average_options options;
    wg_averaged *entries; /* in the order of the store's names */
    int64_t count;
    uint64_t updates;
    bool swapped;
};

/* Takes the average of a parameter of the store from a file: `mean` has its dtype and count.
 * Errors: MEMORY, with nothing changed; STATE while swapped. */
wg_status wg_average_put(wg_average *average, wg_param *param, uint64_t updates, const void *mean);

#endif
