/* compiled.c: running compiled functions over points. */
#include "function/compiled.h"

#include "function/c_text.h"

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

/* Doubles that a job needs: the store, and for lanes the arguments beside it. */
static size_t store_size(const wg_points_run *run, bool lanes) {
    const int64_t one = run->compiled->work;
    return (size_t)(lanes ? WG_C_LANES * (one + 2 * (run->n + run->m)) : one);
}

static double *take_store(wg_compiled *compiled, size_t size) {
    wg_store_of *store = atomic_exchange(&compiled->spare, NULL);
    if (store != NULL && store->size >= size) {
        return (double *)(void *)((char *)store + 64);
    }
    wg_free(store);
    store = wg_alloc(64 + size * sizeof(double));
    if (store == NULL) {
        return NULL;
    }
    store->size = size;
    return (double *)(void *)((char *)store + 64);
}

static void give_store(wg_compiled *compiled, double *memory) {
    wg_free(atomic_exchange(&compiled->spare, (wg_store_of *)(void *)((char *)memory - 64)));
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

/* Rows of points to elements of lanes, and back, a stretch of the rows at a time, which stays in
 * the cache. */
#define WG_STRETCH 32

static void to_lanes(const double *rows, int64_t width, double *restrict lanes) {
    for (int64_t from = 0; from < width; from += WG_STRETCH) {
        const int64_t to = from + WG_STRETCH < width ? from + WG_STRETCH : width;
        for (int64_t i = from; i < to; i++) {
            for (int64_t l = 0; l < WG_C_LANES; l++) {
                lanes[i * WG_C_LANES + l] = rows[l * width + i];
            }
        }
    }
}

static void to_rows(const double *lanes, int64_t width, double *restrict rows) {
    for (int64_t from = 0; from < width; from += WG_STRETCH) {
        const int64_t to = from + WG_STRETCH < width ? from + WG_STRETCH : width;
        for (int64_t l = 0; l < WG_C_LANES; l++) {
            for (int64_t i = from; i < to; i++) {
                rows[l * width + i] = lanes[i * WG_C_LANES + l];
            }
        }
    }
}

/* Points [p, p + WG_C_LANES). */
static void run_lanes(const wg_points_run *run, int64_t p, double *store) {
    const wg_compiled *c = run->compiled;
    double *x = store + WG_C_LANES * c->work, *w = x + WG_C_LANES * run->n;
    double *g = w + WG_C_LANES * run->m, *y = g + WG_C_LANES * run->n;
    to_lanes(run->x + p * run->n, run->n, x);
    if (c->gradient_lanes != NULL) {
        c->gradient_lanes(x, y, g, store, c->rule);
    } else {
        to_lanes(run->w + p * run->m, run->m, w);
        c->vjp_lanes(x, w, y, g, store, c->rule);
    }
    to_rows(g, run->n, run->dydx + p * run->n);
    if (run->y != NULL) {
        to_rows(y, run->m, run->y + p * run->m);
    }
}

/* The last points, fewer than lanes, one by one. */
static void run_rest(const wg_points_run *run, int64_t p, int64_t end, double *y, double *store) {
    for (; p < end; p++) {
        run_point(run, p, run->y != NULL ? run->y + p * run->m : y, store);
    }
}

static void run_job(void *context, int64_t job) {
    wg_points_run *run = context;
    const int64_t first = job * WG_POINTS_A_JOB, after = first + WG_POINTS_A_JOB;
    const int64_t end = after < run->count ? after : run->count;
    const bool lanes = run->dydx != NULL && end - first >= WG_C_LANES;
    const size_t size = store_size(run, lanes);
    double few[8], *y = few, *store = size > 0 ? take_store(run->compiled, size) : NULL;
    int64_t p = first;
    if (run->y == NULL && run->m > (int64_t)WG_COUNT_OF(few)) {
        y = wg_alloc((size_t)run->m * sizeof *y);
    }
    if ((size > 0 && store == NULL) || y == NULL) {
        atomic_store(&run->failed, true);
    } else {
        for (; lanes && p + WG_C_LANES <= end; p += WG_C_LANES) {
            run_lanes(run, p, store);
        }
        run_rest(run, p, end, y, store);
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
