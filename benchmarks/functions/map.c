/* map.c: a chain of ten arithmetic operations over 10 million floats through wg_map, against the
 * time that its operands take through memory. */
#include "map.h"

#include "recorded_function.h"

#include <stdlib.h>
#include <string.h>
#include <wengert.h>

#define FN(name) wengert_##name
#include "../scalar/verbs.h"

#include "map_chain.h"

enum {
    EVERY = 1009, /* each such element is compared */
    COMPARED = (MAP_COUNT + EVERY - 1) / EVERY,
    THREADS = 2
};

typedef struct map_use {
    map_arrays *arrays;
    wg_function *fn;
    wg_tape *tape;
    int threads;
} map_use;

enum {
    STREAM, /* on one thread, on two */
    BY_HAND = STREAM + THREADS,
    WENGERT, /* on one thread, on two */
    ROLES = WENGERT + THREADS
};

/* Takes the results away, so that the next contender cannot pass with them. */
static void result(void *state, double *out) {
    const map_arrays *arrays = ((const map_use *)state)->arrays;
    for (size_t i = 0; i < COMPARED; i++) {
        out[i] = (double)arrays->y[i * EVERY];
        out[COMPARED + i] = (double)arrays->dx[i * EVERY];
    }
    memset(arrays->y, 0, MAP_COUNT * sizeof *arrays->y);
    memset(arrays->dx, 0, MAP_COUNT * sizeof *arrays->dx); /* sweeps add to it */
}

static void *setup(const void *argument) {
    const map_use *use = argument;
    return use->threads <= bench_cores() ? (void *)(uintptr_t)use : NULL;
}

/* One thread by its own clock, two by the wall's. */
static double timed(void (*run)(const map_use *use), const map_use *use, long count) {
    double (*const clock)(void) = use->threads > 1 ? bench_clock : bench_thread_clock;
    bench_threads(use->threads);
    const double start = clock();
    for (long i = 0; i < count; i++)
        run(use);
    const double took = clock() - start;
    bench_threads(1);
    return took;
}

static void run_stream(const map_use *use) {
    map_stream(use->arrays, use->threads > 1);
}

static double timed_stream(void *state, long count) {
    return timed(run_stream, state, count);
}

static void run_by_hand(const map_use *use) {
    map_by_hand(use->arrays);
}

static double timed_by_hand(void *state, long count) {
    return timed(run_by_hand, state, count);
}

/* ---- Wengert --------------------------------------------------------------------------------- */

static void body(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    y[0] = wengert_chain(x[0]);
}

static wg_var borrow(wg_tape *tape, float *data, float *gradient) {
    const wg_view view = {
        .dtype = WG_F32, .rank = 1, .shape = {MAP_COUNT}, .stride = {1}, .data = data};
    return wg_borrow(tape, &view, gradient);
}

/* As a user's step: the arrays are borrowed, y and what the sweep needs come from the tape's pool.
 */
static wg_var map_once(const map_use *use) {
    wg_tape_reset(use->tape);
    wg_var x = borrow(use->tape, use->arrays->x, use->arrays->dx);
    wg_var y = wg_keep(wg_map(use->fn, x));
    if (wg_backward_from(y, borrow(use->tape, use->arrays->g, NULL)) != WG_OK) {
        fprintf(stderr, "functions: map: %s\n", wg_tape_message(use->tape));
        exit(2);
    }
    return y;
}

static void run_wengert(const map_use *use) {
    (void)map_once(use);
}

static double timed_wengert(void *state, long count) {
    return timed(run_wengert, state, count);
}

/* Over again from zero: the gradient of the timed run has been added to what was there. */
static void result_wengert(void *state, double *out) {
    const map_use *use = state;
    memset(use->arrays->dx, 0, MAP_COUNT * sizeof *use->arrays->dx);
    if (wg_read(map_once(use), WG_F32, use->arrays->y, MAP_COUNT) == WG_OK)
        result(state, out);
    else
        memset(out, 0xff, 2 * COMPARED * sizeof *out); /* NaN */
}

static bool wengert_ready(map_use *use) {
    wg_function_options options = wg_function_defaults();
    options.relaxed = true;
    use->fn = wg_function_record(body, NULL, 1, 1, NULL, options);
    use->tape = wg_tape_new();
    return use->fn != NULL && use->tape != NULL;
}

static bench_contender wengert(const char *name, const map_use *use) {
    return (bench_contender){.name = name,
                             .argument = use,
                             .setup = setup,
                             .timed = timed_wengert,
                             .result = result_wengert,
                             .optional = true};
}

/* ---- The case -------------------------------------------------------------------------------- */

static bench_contender plain(const char *name, const map_use *use,
                             double (*run)(void *state, long count)) {
    return (bench_contender){
        .name = name, .argument = use, .setup = setup, .timed = run, .optional = true};
}

static void run_case(bench_harness *harness, map_use *uses, bench_figures *figures) {
    bench_contender contenders[ROLES] = {
        [STREAM] = plain("streaming the arrays, 1 thread", &uses[0], timed_stream),
        [STREAM + 1] = plain("streaming the arrays, 2 threads", &uses[1], timed_stream),
        [BY_HAND] = plain("by hand, 1 thread", &uses[0], timed_by_hand),
        [WENGERT] = wengert("wg_map, 1 thread", &uses[0]),
        [WENGERT + 1] = wengert("wg_map, 2 threads", &uses[1]),
    };
    contenders[BY_HAND].result = result;
    const bench_case work = {.name = "map",
                             .note = "ten operations on 10 million floats, forward and backward",
                             .results = 2 * COMPARED,
                             .split = COMPARED,
                             .tolerance = 1e-5,
                             .reference = BY_HAND,
                             .base = STREAM,
                             .contenders = contenders,
                             .count = ROLES};
    bench_case_run(harness, &work, figures);
}

map_summary map_run(bench_harness *harness) {
    map_summary sum = {{0}};
    if (!bench_wanted(harness, "map"))
        return sum;
    const size_t bytes = MAP_COUNT * sizeof(float);
    map_arrays arrays = {malloc(bytes), malloc(bytes), malloc(bytes), malloc(bytes)};
    map_use uses[THREADS] = {{.arrays = &arrays, .threads = 1}};
    if (arrays.x && arrays.g && arrays.y && arrays.dx && wengert_ready(&uses[0])) {
        unsigned long long seed = 20240604;
        for (size_t i = 0; i < MAP_COUNT; i++) {
            arrays.x[i] = (float)(4 * bench_random(&seed) - 2);
            arrays.g[i] = (float)(2 * bench_random(&seed) - 1);
        }
        memset(arrays.y, 0, bytes);
        memset(arrays.dx, 0, bytes);
        uses[1] = uses[0];
        uses[1].threads = THREADS;
        bench_figures figures[ROLES];
        run_case(harness, uses, figures);
        for (int k = 0; k < THREADS; k++)
            sum.over_stream[k] = bench_ratio(&figures[WENGERT + k], &figures[STREAM + k]);
        bench_record(harness, "map", "over_stream_one_thread", sum.over_stream[0]);
        bench_record(harness, "map", "over_stream_two_threads", sum.over_stream[1]);
    } else {
        fprintf(stderr, "functions: map: no memory, or %s\n", wg_last_message());
    }
    wg_tape_free(uses[0].tape);
    wg_function_free(uses[0].fn);
    free(arrays.x);
    free(arrays.g);
    free(arrays.y);
    free(arrays.dx);
    return sum;
}
