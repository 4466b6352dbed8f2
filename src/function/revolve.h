/* revolve.h (internal): in which order a loop is run again while it is reversed, so that the fewest
 * steps are repeated with the checkpoints there are: A. Griewank, A. Walther, "Algorithm 799:
 * revolve", ACM TOMS 26(1), 2000.
 *
 * N steps reversed with c checkpoints take r N − (c + r choose c + 1) steps forward, where r is the
 * smallest number with (c + r choose c) ≥ N. A step's own reversal computes what it needs from the
 * state before it, which is not counted. */
#ifndef WG_SRC_FUNCTION_REVOLVE_H
#define WG_SRC_FUNCTION_REVOLVE_H

#include <stdint.h>

/* Below these the schedule's products fit 64 bits. */
#define WG_MOST_STEPS ((int64_t)1 << 40)
#define WG_MOST_CHECKPOINTS (((int64_t)1 << 31) - 1)

/* What to do next, with the number that wg_revolve_next sets. */
typedef enum wg_revolve_action {
    WG_REVOLVE_ADVANCE, /* run on, from the state at hand to the one before step `number` */
    WG_REVOLVE_STORE,   /* the state at hand becomes checkpoint `number` */
    WG_REVOLVE_RESTORE, /* checkpoint `number` is at hand again */
    WG_REVOLVE_REVERSE, /* the state before step `number` is at hand: reverse it */
    WG_REVOLVE_DONE
} wg_revolve_action;

typedef struct wg_revolve {
    int64_t *held; /* the steps that checkpoints stand before, the start first: the caller's */
    int64_t live, checkpoints;
    int64_t at;  /* the step whose state is at hand; -1 where none is */
    int64_t end; /* steps [0, end) are still to be reversed */
} wg_revolve;

/* The start is at hand, and is checkpoint 0. `held` has room for `checkpoints` ≥ 1. */
void wg_revolve_begin(wg_revolve *revolve, int64_t steps, int64_t checkpoints, int64_t *held);
wg_revolve_action wg_revolve_next(wg_revolve *revolve, int64_t *number);

#endif
