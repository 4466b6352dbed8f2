/* pairs.h (internal): a table from pairs of tokens to numbers. */
#ifndef WG_SRC_PAIRS_H
#define WG_SRC_PAIRS_H

#include "base/base.h"

#define WG_NO_PAIR UINT32_MAX

typedef struct wg_pair_slot {
    uint32_t left, right;
    uint32_t value; /* WG_NO_PAIR where the slot is free */
} wg_pair_slot;

/* Open addressing; a power of two, at most half full. All zeros is an empty table. */
typedef struct wg_pairs {
    wg_pair_slot *slots;
    size_t room;
    size_t used;
} wg_pairs;

/* The number kept for the pair, or WG_NO_PAIR. */
uint32_t wg_pairs_find(const wg_pairs *pairs, uint32_t left, uint32_t right);

/* Adds a pair that is not there. False where memory ran out, and then nothing has changed. */
bool wg_pairs_add(wg_pairs *pairs, uint32_t left, uint32_t right, uint32_t value);

void wg_pairs_clear(wg_pairs *pairs);

#endif
