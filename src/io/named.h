/* named.h (internal): a growing list of arrays under names that are made up. */
#ifndef WG_SRC_IO_NAMED_H
#define WG_SRC_IO_NAMED_H

#include "nn/store.h"
#include "wengert/safetensors.h"

typedef struct wg_named_list {
    const char *verb; /* what messages start with */
    wg_named_view *view;
    int64_t count, capacity;
} wg_named_list;

/* Adds a view under a name; its data must stay. MEMORY. */
wg_status wg_named_add(wg_named_list *list, const wg_view *view, const char *format, ...)
    WG_PRINTF(3, 4);
/* Adds everything in a store. MEMORY. */
wg_status wg_named_store(wg_named_list *list, const wg_store *store, const char *prefix);
void wg_named_free(wg_named_list *list);

#endif
