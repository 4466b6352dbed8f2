/* recorded_function.h: one of the nine functions as bench-functions knows it, and the contenders
 * that use it. */
#ifndef WG_BENCHMARKS_FUNCTIONS_RECORDED_FUNCTION_H
#define WG_BENCHMARKS_FUNCTIONS_RECORDED_FUNCTION_H

#include "../scalar/recorded.h"

#include <wengert/compile.h>
#include <wengert/map.h>

/* What it took, once, to have a gradient that can be run, and what came of it. */
typedef struct recording_cost {
    double record, derive,
        code; /* seconds: body and optimiser; the gradient's program; its steps */
    wg_function_report report;
} recording_cost;

typedef enum recording_kind {
    STRICT,
    RELAXED,
    KINDS
} recording_kind;

typedef struct recorded_function {
    scalar_function function; /* its point is points[0], its second one points[count - 1] */
    wg_function *fn[KINDS];
    recording_cost cost[KINDS];
    wg_function *compiled;  /* relaxed; NULL: not to be had, and why in `refusal` */
    double compile_seconds; /* and the first call, which may load what was compiled */
    char refusal[256];
    int64_t count;  /* points of a batch */
    double *points; /* [count, inputs] */
    double *y;      /* [count], and */
    double *dydx;   /* [count, inputs]: where batches write, one contender after another */
} recorded_function;

/* Records and compiles function `index`; false (and a message on stderr) where that fails. */
bool recorded_make(recorded_function *recorded, int index, int64_t count);
void recorded_free(recorded_function *recorded);

/* The argument of the contenders below. */
typedef struct recorded_use {
    const recorded_function *recorded;
    const wg_function *fn; /* NULL: the contender cannot take part */
    int64_t count;         /* of points: 1, or recorded->count */
    int threads;
} recorded_use;

/* The gradient of use->fn at use->count points, timed a point. */
bench_contender recorded_contender(const char *name, const recorded_use *use);

/* bundle.c, map.c: the cases beside the nine. */
typedef struct bundle_summary {
    double relaxed, strict, threads, compiled, adolc; /* over the Jacobian by hand; 0: not timed */
} bundle_summary;
bundle_summary bundle_run(bench_harness *harness);

typedef struct map_summary {
    double over_stream[2]; /* on one and on two threads; 0: not timed */
} map_summary;
map_summary map_run(bench_harness *harness);

#endif
