/* recorded_function.c: records a function both ways, with the clock running, and compiles it. */
#include "recorded_function.h"

#include "function/function.h"

#include <stdlib.h>
#include <string.h>

static void body(const wg_var *x, wg_var *y, void *context) {
    y[0] = scalar_wengert_evaluate(*(const int *)context, x);
}

static wg_function *record(const recorded_function *recorded, recording_kind kind) {
    int index = recorded->function.index;
    wg_function_options options = wg_function_defaults();
    options.relaxed = kind == RELAXED;
    wg_function *fn = wg_function_record(body, &index, (int)recorded->function.inputs, 1,
                                         recorded->points, options);
    if (fn == NULL)
        fprintf(stderr, "functions: %s: %s\n", recorded->function.name, wg_last_message());
    return fn;
}

/* A call would derive the program and its steps at first use; here one by one, for the clock. */
static bool record_timed(recorded_function *recorded, recording_kind kind) {
    recording_cost *cost = &recorded->cost[kind];
    const double start = bench_clock();
    wg_function *fn = recorded->fn[kind] = record(recorded, kind);
    cost->record = bench_clock() - start;
    if (fn == NULL)
        return false;
    const bool derived = wg_function_program(fn, WG_MODE_gradient) != NULL;
    cost->derive = bench_clock() - start - cost->record;
    const bool coded = derived && wg_function_code(fn, WG_MODE_gradient) != NULL;
    cost->code = bench_clock() - start - cost->record - cost->derive;
    if (coded && wg_function_report_of(fn, &cost->report) == WG_OK)
        return true;
    fprintf(stderr, "functions: %s: %s\n", recorded->function.name, wg_last_message());
    return false;
}

/* A function of its own, so that the others stay with the executor. */
static bool compile(recorded_function *recorded) {
    wg_function *fn = record(recorded, RELAXED);
    if (fn == NULL)
        return false;
    const double start = bench_clock();
    if (wg_function_compile(fn, wg_compile_defaults()) == WG_OK &&
        wg_function_gradient(fn, 1, recorded->points, recorded->y, recorded->dydx) == WG_OK) {
        recorded->compile_seconds = bench_clock() - start;
        recorded->compiled = fn;
        return true;
    }
    snprintf(recorded->refusal, sizeof recorded->refusal, "%s", wg_last_message());
    wg_function_free(fn);
    return true;
}

bool recorded_make(recorded_function *recorded, int index, int64_t count) {
    *recorded = (recorded_function){.function = scalar_functions[index], .count = count};
    const size_t n = recorded->function.inputs, points = (size_t)count;
    recorded->points = calloc(points * n, sizeof(double));
    recorded->y = calloc(points, sizeof(double));
    recorded->dydx = calloc(points * n, sizeof(double));
    if (!recorded->points || !recorded->y || !recorded->dydx) {
        fprintf(stderr, "functions: %s: out of memory\n", recorded->function.name);
        return false;
    }
    scalar_point(index, recorded->points);
    scalar_points_near(n, (long)count, recorded->points);
    recorded->function.x = recorded->points;
    recorded->function.second = recorded->points + (points - 1) * n;
    return record_timed(recorded, STRICT) && record_timed(recorded, RELAXED) && compile(recorded);
}

void recorded_free(recorded_function *recorded) {
    for (int kind = 0; kind < KINDS; kind++)
        wg_function_free(recorded->fn[kind]);
    wg_function_free(recorded->compiled);
    free(recorded->points);
    free(recorded->y);
    free(recorded->dydx);
}

/* ---- Contenders ------------------------------------------------------------------------------ */

static void *setup(const void *argument) {
    const recorded_use *use = argument;
    return use->fn ? (void *)(uintptr_t)use : NULL;
}

static void run(void *state) {
    const recorded_use *use = state;
    const recorded_function *recorded = use->recorded;
    if (wg_function_gradient(use->fn, use->count, recorded->points, recorded->y, recorded->dydx) !=
        WG_OK) {
        fprintf(stderr, "functions: %s: %s\n", recorded->function.name, wg_last_message());
        exit(2);
    }
}

/* By the wall's clock: the others read the one of the calling thread alone. */
static double timed_threads(void *state, long count) {
    const recorded_use *use = state;
    bench_threads(use->threads);
    const double start = bench_clock();
    for (long i = 0; i < count; i++)
        run(state);
    const double took = bench_clock() - start;
    bench_threads(1);
    return took;
}

/* Takes the first point's results away, so that the next contender cannot pass with them. */
static void take(const recorded_function *recorded, int64_t point, double *out) {
    const size_t n = recorded->function.inputs;
    double *gradient = recorded->dydx + (size_t)point * n;
    memcpy(out, gradient, n * sizeof *out);
    out[n] = recorded->y[point];
    memset(gradient, 0xff, n * sizeof *out); /* NaN */
    memset(&recorded->y[point], 0xff, sizeof *out);
}

static void result(void *state, double *out) {
    const recorded_use *use = state;
    take(use->recorded, 0, out);
    if (use->count > 1)
        take(use->recorded, use->count - 1, out + use->recorded->function.inputs + 1);
}

bench_contender recorded_contender(const char *name, const recorded_use *use) {
    bench_contender contender = {.name = name,
                                 .argument = use,
                                 .setup = setup,
                                 .run = run,
                                 .result = result,
                                 .results = (use->recorded->function.inputs + 1) *
                                            (use->count > 1 ? 2 : 1),
                                 .units = (long)use->count,
                                 .optional = true};
    if (use->threads > 1)
        contender.timed = timed_threads;
    return contender;
}
