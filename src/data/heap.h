/* heap.h (internal): pairs that wait, the least on top. */
#ifndef WG_SRC_HEAP_H
#define WG_SRC_HEAP_H

#include "base/base.h"

/* Compared by `first`, among equals by `second`. */
typedef struct wg_heap_entry {
    int64_t first;
    uint64_t second;
} wg_heap_entry;

/* A binary heap in an array that has room for one more. */
void wg_heap_push(wg_heap_entry *heap, size_t *count, wg_heap_entry added);

/* Takes the least out; there must be one. */
wg_heap_entry wg_heap_pop(wg_heap_entry *heap, size_t *count);

#endif
