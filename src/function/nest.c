/* nest.c: nests, their nodes, and how they are made: rolled up, placed, and checked. */
#include "function/listing.h"

#include <string.h>

uint32_t wg_nest_add(wg_nest *nest) {
    if (nest->nodes == nest->capacity) {
        const uint32_t capacity = nest->capacity < 64 ? 64 : 2 * nest->capacity;
        wg_nest_node *grown = wg_realloc(nest->node, (size_t)capacity * sizeof *grown);
        if (grown == NULL) {
            nest->failed = true;
            return WG_NO_NODE;
        }
        nest->node = grown;
        nest->capacity = capacity;
    }
    wg_nest_node *node = &nest->node[nest->nodes];
    memset(node, 0, sizeof *node);
    node->parent = node->next = node->first_child = WG_NO_NODE;
    node->cell = -1;
    return nest->nodes++;
}

uint32_t wg_nest_loops(const wg_nest *nest, uint32_t i, uint32_t *loop) {
    uint32_t depth = 0;
    for (uint32_t up = nest->node[i].parent; up != WG_NO_NODE; up = nest->node[up].parent) {
        depth++;
    }
    uint32_t at = depth;
    for (uint32_t up = nest->node[i].parent; up != WG_NO_NODE; up = nest->node[up].parent) {
        loop[--at] = up;
    }
    return depth;
}

uint32_t *wg_nest_link(wg_nest *nest, uint32_t i) {
    const uint32_t parent = nest->node[i].parent;
    uint32_t *link = parent == WG_NO_NODE ? &nest->first : &nest->node[parent].first_child;
    while (*link != i) {
        link = &nest->node[*link].next;
    }
    return link;
}

void wg_nest_free(wg_nest *nest) {
    if (nest != NULL) {
        wg_free(nest->node);
        wg_free(nest->owned);
        wg_free(nest);
    }
}

/* With its loops, or as one long list of steps. *tangled: the loops are there, but have no place.
 */
static wg_nest *new_nest(const wg_listing *listing, uint32_t most, bool loops, const char *name,
                         bool *tangled) {
    wg_nest *nest = wg_calloc(1, sizeof *nest);
    wg_status status = WG_ERROR_MEMORY;
    if (nest != NULL) {
        nest->most = most;
        nest->ids = listing->entries;
        nest->number = listing->number;
        nest->numbers = listing->numbers;
        status = wg_nest_roll(nest, listing, loops, name);
    }
    if (status == WG_ERROR_MEMORY) {
        (void)wg_fail(status, "%s: no memory to find loops in %u steps", name, listing->entries);
    }
    bool failed = false, placed = status == WG_OK && wg_nest_place(nest, name);
    if (placed && !wg_nest_agrees(nest, listing, &failed)) {
        placed = false;
        (void)wg_fail(failed ? WG_ERROR_MEMORY : WG_ERROR_LIMIT, "%s: %s", name,
                      failed ? "no memory to check loops" : "its loops have no place");
    }
    *tangled = status == WG_OK && !placed && wg_last_status() == WG_ERROR_LIMIT;
    if (!placed) {
        wg_nest_free(nest);
        return NULL;
    }
    return nest;
}

wg_nest *wg_nest_new(const wg_program *program, const wg_ports *ports, bool relaxed, uint32_t most,
                     const char *name) {
    bool tangled = false;
    wg_listing listing;
    wg_nest *nest = NULL;
    if (wg_listing_begin(&listing, program, ports, relaxed, name)) {
        nest = new_nest(&listing, most, true, name, &tangled);
        if (nest == NULL && tangled) {
            nest = new_nest(&listing, most, false, name, &tangled);
        }
    }
    if (nest != NULL) { /* only now, so that the first may fail */
        nest->owned = listing.number;
        listing.number = NULL;
    }
    wg_listing_end(&listing);
    return nest;
}
