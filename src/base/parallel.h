/* parallel.h (internal): loops whose turns threads may share. */
#ifndef WG_SRC_PARALLEL_H
#define WG_SRC_PARALLEL_H

#include <stdbool.h>
#include <stdint.h>

/* Calls body(context, job) for every job in [0, jobs), in any order, and returns behind the last.
 *
 * Threads take part where `share` says that the work pays them; else, and within another parallel
 * region, this is a plain loop that costs a call a job. What a job is must follow from the shape of
 * the data and never from the number of threads, so that neither do the results; jobs write to
 * disjoint places.
 *
 * The start of a team costs some microseconds on an idle machine and far more on a busy one.
 * Arithmetic that waits for memory should bring WG_SHARE_MEMORY elements, functions that cost
 * nanoseconds an element (exp, lgamma) WG_SHARE_COMPUTE. */
void wg_parallel(int64_t jobs, bool share, void (*body)(void *context, int64_t job), void *context);

#define WG_SHARE_MEMORY ((int64_t)1 << 18)
#define WG_SHARE_COMPUTE ((int64_t)1 << 15)

/* How many threads wg_parallel has here and now; 1 within a parallel region. */
int wg_parallel_threads(void);

#endif
