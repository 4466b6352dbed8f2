/* spot.c: where a value of a nest is kept. */
#include "function/nest.h"

#include <string.h>

/* How many turns before the latest: which of a site's variables. */
static int64_t turns_back(const wg_nest_node *site, const wg_use *use) {
    for (uint32_t m = 0; m < WG_NEST_DEPTH; m++) {
        if (site->window[m] > 1 && use->first[m] < 0) {
            return -use->first[m];
        }
    }
    return 0;
}

wg_spot wg_nest_spot(const wg_nest *nest, const wg_use *use) {
    const wg_nest_node *site = &nest->node[use->site];
    wg_spot spot = {.back = -1, .base = site->cell};
    if (site->cell < 0) {
        spot.back = turns_back(site, use);
        return spot;
    }
    for (uint32_t m = 0; m < WG_NEST_DEPTH; m++) {
        if (site->all[m]) {
            spot.base += (use->first[m] + site->halo[m]) * site->step[m];
        } else if (site->step[m] != 0) {
            /* counters reach back less than a window: one more keeps the mask's side positive */
            spot.step[m] = site->step[m];
            spot.mask[m] = site->window[m] - 1;
            spot.first[m] = use->first[m] + site->window[m];
        }
        for (uint32_t l = 0; l < WG_NEST_DEPTH; l++) {
            spot.stride[l] += site->all[m] ? use->per[l][m] * site->step[m] : 0;
            spot.per[m][l] = use->per[l][m];
        }
    }
    return spot;
}

/* The site as its own user. */
static wg_use own_use(const wg_nest *nest, uint32_t i) {
    uint32_t loop[WG_NEST_DEPTH];
    wg_use use = {.site = i};
    const uint32_t depth = wg_nest_loops(nest, i, loop);
    for (uint32_t l = 0; l < depth; l++) {
        use.per[l][l] = 1;
    }
    return use;
}

wg_spot wg_nest_own_spot(const wg_nest *nest, uint32_t i) {
    const wg_use own = own_use(nest, i);
    return wg_nest_spot(nest, &own);
}

bool wg_nest_at_hand(const wg_nest *nest, uint32_t user, const wg_use *use) {
    const wg_use own = own_use(nest, use->site);
    return nest->node[user].parent == nest->node[use->site].parent &&
           memcmp(own.per, use->per, sizeof own.per) == 0 &&
           memcmp(own.first, use->first, sizeof own.first) == 0;
}
