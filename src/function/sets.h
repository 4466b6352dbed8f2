/* sets.h (internal): sets of inputs, shared between the terms that depend on the same. */
#ifndef WG_SRC_FUNCTION_SETS_H
#define WG_SRC_FUNCTION_SETS_H

#include "base/base.h"

#define WG_LAZY UINT32_MAX

/* Members pool[at, at + size), sorted; or, where size is WG_LAZY, the union of two sets, whose
 * numbers are the halves of `at`. Set 0 is empty, set j + 1 is {j}. */
typedef struct wg_set {
    uint64_t at;
    uint32_t size;
} wg_set;

typedef struct wg_sets {
    uint32_t *pool;
    uint64_t pooled, pool_room;
    wg_set *set;
    uint32_t count, room, inputs;
    uint32_t longest; /* that is listed while propagating */
    uint32_t lazy;    /* sets that are not */
    bool failed;      /* memory ran out */
    /* Of the walk that lists a lazy set: */
    uint32_t *seen_set, *seen_input, *stack;
    uint32_t walk;
} wg_sets;

/* The empty set and those of each of n inputs. */
void wg_sets_begin(wg_sets *s, uint32_t n, uint32_t terms);
void wg_sets_free(wg_sets *s);
/* The union; a set that is there already where one holds the other. */
uint32_t wg_sets_unite(wg_sets *s, uint32_t a, uint32_t b);
/* Tables for wg_sets_list; behind the last union. */
void wg_sets_close(wg_sets *s);
/* Makes a lazy set a listed one, so that later walks stop there. */
void wg_sets_list(wg_sets *s, uint32_t root);

#endif
