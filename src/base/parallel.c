/* parallel.c: the one place that starts threads. */
#include "base/parallel.h"

#if defined(WG_HAVE_OPENMP) && defined(_OPENMP)
#include <omp.h>

/* Turns that a thread takes at a time: few enough that one which is held up (the machine may be
 * busy with other work) does not keep the others waiting. */
#define SHARES_OF_A_THREAD 32

int wg_parallel_threads(void) {
    return omp_in_parallel() ? 1 : omp_get_max_threads();
}

/* A function of its own: `if (share)` on the pragma would make a team of one, with its memory and
 * its system calls. All threads of the pool take part, since libgomp ends those it leaves out. */
static void run_shared(int64_t jobs, int threads, void (*body)(void *context, int64_t job),
                       void *context) {
    const int64_t shares = (int64_t)threads * SHARES_OF_A_THREAD;
    const int64_t some = (jobs + shares - 1) / shares;
#pragma omp parallel for schedule(dynamic, some)
    for (int64_t job = 0; job < jobs; job++) {
        body(context, job);
    }
}

void wg_parallel(int64_t jobs, bool share, void (*body)(void *context, int64_t job),
                 void *context) {
    const int threads = share && jobs > 1 ? wg_parallel_threads() : 1;
    if (threads > 1) {
        run_shared(jobs, threads, body, context);
        return;
    }
    for (int64_t job = 0; job < jobs; job++) {
        body(context, job);
    }
}
#else
int wg_parallel_threads(void) {
    return 1;
}

void wg_parallel(int64_t jobs, bool share, void (*body)(void *context, int64_t job),
                 void *context) {
    (void)share;
    for (int64_t job = 0; job < jobs; job++) {
        body(context, job);
    }
}
#endif
