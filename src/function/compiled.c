/* compiled.c: running compiled functions over points. */
#include "function/compiled.h"

#include "base/parallel.h"

#include <string.h>

/* Points that one job takes, and how many pay for threads. */
#define WG_POINTS_A_JOB 64
#define WG_POINTS_TO_SHARE 512

typedef struct wg_points_run {
    wg_compiled *compiled;
    int64_t count, n, m;
    const double *x, *w;
    double *y, *dydx;
    atomic_bool failed;
} wg_points_run;

static double *take_store(wg_compiled *compiled) {
    double *store = atomic_exchange(&compiled->spare, NULL);
    return store != NULL ? store : wg_alloc((size_t)compiled->work * sizeof *store);
}

static void give_store(wg_compiled *compiled, double *store) {
    wg_free(atomic_exchange(&compiled->spare, store));
}

static void run_point(const wg_points_run *run, int64_t p, double *y, double *store) {
    const wg_compiled *c = run->compiled;
    const double *x = run->x + p * run->n;
    if (run->dydx == NULL) {
        c->value(x, y, store);
    } else if (c->gradient != NULL) {
        c->gradient(x, y, run->dydx + p * run->n, store);
    } else {
        c->vjp(x, run->w + p * run->m, y, run->dydx + p * run->n, store);
    }
}

static void run_job(void *context, int64_t job) {
    wg_points_run *run = context;
    double few[8], *y = few;
    double *store = run->compiled->work > 0 ? take_store(run->compiled) : NULL;
    if (run->y == NULL && run->m > (int64_t)WG_COUNT_OF(few)) {
        y = wg_alloc((size_t)run->m * sizeof *y);
    }
    if ((run->compiled->work > 0 && store == NULL) || y == NULL) {
        atomic_store(&run->failed, true);
    } else {
        const int64_t end = (job + 1) * WG_POINTS_A_JOB;
        for (int64_t p = job * WG_POINTS_A_JOB; p < run->count && p < end; p++) {
            run_point(run, p, run->y != NULL ? run->y + p * run->m : y, store);
        }
    }
    if (y != few) {
        wg_free(y);
    }
    if (store != NULL) {
        give_store(run->compiled, store);
    }
}

wg_status wg_compiled_run(wg_compiled *compiled, int64_t count, int64_t n, int64_t m,
                          const double *x, const double *w, double *y, double *dydx,
                          const char *name) {
    wg_points_run run = {compiled, count, n, m, x, w, y, dydx, false};
    wg_parallel((count + WG_POINTS_A_JOB - 1) / WG_POINTS_A_JOB, count >= WG_POINTS_TO_SHARE,
                run_job, &run);
    return atomic_load(&run.failed) ? wg_fail(WG_ERROR_MEMORY, "%s: no memory for %lld values",
                                              name, (long long)compiled->work)
                                    : WG_OK;
}
