/* peel.c: takes a turn off a loop, as steps of its own. */
#include "function/nest.h"

#include <string.h>

/* Moves everything in the loop's subtree on by `turns` of the loop, which is the l-th around. */
static void advance(wg_nest *nest, uint32_t first, uint32_t l, int64_t turns, int64_t width) {
    for (uint32_t i = first; i != WG_NO_NODE; i = nest->node[i].next) {
        wg_nest_node *node = &nest->node[i];
        node->base += turns * width;
        for (int k = 0; k < WG_REFS; k++) {
            node->ref[k].base += turns * node->ref[k].stride[l];
        }
        if (node->is_loop) { /* at most WG_NEST_DEPTH deep */
            advance(nest, node->first_child, l, turns, width);
        }
    }
}

/* A copy of the list, without the loop that is the l-th around; the first of it. *last: the last.
 */
static uint32_t copy_list(wg_nest *nest, uint32_t first, uint32_t parent, uint32_t l,
                          uint32_t *last) {
    uint32_t copied = WG_NO_NODE;
    *last = WG_NO_NODE;
    for (uint32_t i = first; i != WG_NO_NODE && !nest->failed; i = nest->node[i].next) {
        const uint32_t at = wg_nest_add(nest);
        if (at == WG_NO_NODE) {
            return WG_NO_NODE;
        }
        wg_nest_node *node = &nest->node[at];
        *node = nest->node[i];
        node->parent = parent;
        node->next = WG_NO_NODE;
        for (int k = 0; k < WG_REFS; k++) {
            int64_t *stride = node->ref[k].stride;
            memmove(stride + l, stride + l + 1, (WG_NEST_DEPTH - 1 - l) * sizeof *stride);
            stride[WG_NEST_DEPTH - 1] = 0;
        }
        if (node->is_loop) {
            uint32_t unused;
            const uint32_t child = copy_list(nest, nest->node[i].first_child, at, l, &unused);
            nest->node[at].first_child = child;
        }
        if (*last == WG_NO_NODE) {
            copied = at;
        } else {
            nest->node[*last].next = at;
        }
        *last = at;
    }
    return copied;
}

static void peel(wg_nest *nest, uint32_t loop, bool first) {
    uint32_t around[WG_NEST_DEPTH], last;
    const uint32_t l = wg_nest_loops(nest, loop, around), parent = nest->node[loop].parent;
    const int64_t width = nest->node[loop].width, turns = nest->node[loop].count;
    const uint32_t copied = copy_list(nest, nest->node[loop].first_child, parent, l, &last);
    if (copied == WG_NO_NODE || nest->failed) {
        return;
    }
    wg_nest_node *node = &nest->node[loop];
    if (first) {
        advance(nest, node->first_child, l, 1, width);
        node->base += width;
        nest->node[last].next = loop;
        uint32_t *link = wg_nest_link(nest, loop);
        *link = copied;
    } else {
        /* the copies lost the stride; take it from the originals, which are in the same order */
        nest->node[last].next = node->next;
        node->next = copied;
    }
    node->count = turns - 1;
}

void wg_nest_peel_first(wg_nest *nest, uint32_t loop) {
    peel(nest, loop, true);
}

/* The last turn's copy starts where the loop's other turns have led. */
void wg_nest_peel_last(wg_nest *nest, uint32_t loop) {
    uint32_t around[WG_NEST_DEPTH];
    const uint32_t l = wg_nest_loops(nest, loop, around), child = nest->node[loop].first_child;
    const int64_t turns = nest->node[loop].count - 1, width = nest->node[loop].width;
    advance(nest, child, l, turns, width);
    peel(nest, loop, false);
    advance(nest, child, l, -turns, width);
}
