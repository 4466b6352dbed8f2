/* wg_parallel: every job once, shared or not, also from within a shared loop. */
#include "base/parallel.h"

#include <criterion/criterion.h>
#include <stdatomic.h>

#define JOBS 10007

static void count_job(void *context, int64_t job) {
    atomic_fetch_add((atomic_int *)context + job, 1);
}

Test(parallel, does_every_job_once) {
    static atomic_int counts[JOBS];
    const int64_t sizes[] = {0, 1, 2, 3, 63, JOBS};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (int share = 0; share < 2; share++) {
            for (int64_t job = 0; job < JOBS; job++) {
                atomic_store(&counts[job], 0);
            }
            wg_parallel(sizes[i], share != 0, count_job, counts);
            for (int64_t job = 0; job < JOBS; job++) {
                cr_assert(atomic_load(&counts[job]) == (job < sizes[i] ? 1 : 0));
            }
        }
    }
}

/* A plain loop keeps the order, which is how the test knows one. */
static void follow(void *context, int64_t job) {
    int64_t *next = context;
    cr_assert(*next == job);
    ++*next;
}

Test(parallel, is_a_plain_loop_unless_shared) {
    int64_t next = 0;
    wg_parallel(1000, false, follow, &next);
    cr_assert(next == 1000);
}

static void nest(void *context, int64_t job) {
    int64_t next = 0;
    wg_parallel(100, true, follow, &next); /* one thread has it all */
    ((int64_t *)context)[job] = next;
}

Test(parallel, does_not_share_within_a_shared_loop) {
    int64_t done[64] = {0};
    if (wg_parallel_threads() == 1) {
        return; /* nothing is shared, and nest would be called outside of a shared loop */
    }
    wg_parallel(64, true, nest, done);
    for (int i = 0; i < 64; i++) {
        cr_assert(done[i] == 100);
    }
}
