/* average.h: a moving average of a network's weights, to be evaluated in their place. */
#ifndef WENGERT_AVERAGE_H
#define WENGERT_AVERAGE_H

#include "wengert/nn.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The average of each parameter begins at its value at the first update that sees it. After k
 * updates before this one it goes to it by (1 − decay)·(w − average), or where `decay` is 0 by
 * (w − average)/(k + 1), which makes it the mean of all (P. Izmailov et al., "Averaging weights
 * leads to wider optima and better generalization", 2018, algorithm 1): PyTorch's AveragedModel
 * with an exponential avg_fn, or the usual one. */
typedef struct wg_average_options {
    double decay; /* in [0, 1) */
    bool warm_up; /* of an exponential average: decay is at most (1 + k)/(10 + k), so that the first
                     weights do not weigh long */
    bool buffers; /* average buffers, too; those of i64 are copied */
} wg_average_options;

typedef struct wg_average wg_average;

/* NULL where `decay` is out of range or memory ran out (wg_last_message). */
WG_API wg_average *wg_average_new(wg_store *store, wg_average_options options);
/* The store keeps what it has: the averages, where they are swapped in. It must be there still.
 * NULL is allowed. */
WG_API void wg_average_free(wg_average *average);
/* Takes the weights as they are now into account: after a step, or after an epoch. Errors: STATE
 * while the averages are swapped in, MEMORY (asked for at the first update, and where parameters
 * have come); nothing has changed then. */
WG_API wg_status wg_average_update(wg_average *average);
/* Exchanges weights and averages, for evaluation; once more, and all is as before, to the bit. What
 * no update has seen stays. Takes no memory. Call it between steps, with tapes reset: they read
 * the weights where they lie. */
WG_API void wg_average_swap(wg_average *average);
/* Whether the averages are in the place of the weights. */
WG_API bool wg_average_is_swapped(const wg_average *average);
/* Updates so far. */
WG_API uint64_t wg_average_updates(const wg_average *average);

#ifdef __cplusplus
}
#endif

#endif
