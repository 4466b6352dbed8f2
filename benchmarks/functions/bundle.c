/* bundle.c: the Jacobian of 100,000 reprojection errors: recorded once and run on all of them,
 * against one written by hand. */
#include "bundle.h"

#include "recorded_function.h"

#include <stdlib.h>
#include <string.h>

#define FN(name) wengert_##name
#include "../scalar/verbs.h"

#include "bundle_residual.h"

typedef struct bundle_data {
    double *x;
    double *residual, *jacobian; /* where contenders write, one after another */
} bundle_data;

typedef struct bundle_use {
    const bundle_data *data;
    const wg_function *fn;
    int threads;
} bundle_use;

enum {
    RESIDUAL,
    BY_HAND,
    RELAXED_ONE,
    STRICT_ONE,
    RELAXED_ALL,
    COMPILED,
    ADOLC,
    ROLES
};

/* ---- The observations ------------------------------------------------------------------------ */

/* In [-1, 1). */
static double between(unsigned long long *seed) {
    return 2 * bench_random(seed) - 1;
}

/* Cameras some 10 away from points that lie in [-1, 1)³, turned a little, and off by some pixels.
 */
static void observe(double *x) {
    unsigned long long seed = 20240603;
    for (int i = 0; i < BUNDLE_OBSERVATIONS; i++, x += BUNDLE_INPUTS) {
        for (int k = 0; k < 3; k++) {
            x[k] = 0.2 * between(&seed);
            x[3 + k] = between(&seed) - (k == 2 ? 10 : 0);
            x[11 + k] = between(&seed);
        }
        x[6] = 1000 + 200 * between(&seed);
        x[7] = 500 + 20 * between(&seed);
        x[8] = 400 + 20 * between(&seed);
        x[9] = 0.1 * between(&seed);
        x[10] = 0.01 * between(&seed);
        x[14] = 0.75 + 0.25 * between(&seed);
        x[15] = x[16] = 0;
        double residual[BUNDLE_OUTPUTS];
        bundle_residual(x, residual);
        for (int k = 0; k < BUNDLE_OUTPUTS; k++)
            x[15 + k] = residual[k] / x[14] + 3 * between(&seed);
    }
}

/* ---- By hand --------------------------------------------------------------------------------- */

static void *setup(const void *argument) {
    return (void *)(uintptr_t)argument;
}

static void run_residual(void *state) {
    const bundle_data *data = ((const bundle_use *)state)->data;
    for (long i = 0; i < BUNDLE_OBSERVATIONS; i++)
        bundle_residual(data->x + i * BUNDLE_INPUTS, data->residual + i * BUNDLE_OUTPUTS);
}

static void run_by_hand(void *state) {
    const bundle_data *data = ((const bundle_use *)state)->data;
    for (long i = 0; i < BUNDLE_OBSERVATIONS; i++)
        bundle_jacobian_by_hand(data->x + i * BUNDLE_INPUTS, data->residual + i * BUNDLE_OUTPUTS,
                                data->jacobian + i * BUNDLE_OUTPUTS * BUNDLE_WANTED);
}

void bundle_result(const double *residual, const double *jacobian, int columns, double *out) {
    memcpy(out, residual, BUNDLE_OUTPUTS * sizeof *out);
    for (int k = 0; k < BUNDLE_OUTPUTS; k++)
        memcpy(out + BUNDLE_OUTPUTS + k * BUNDLE_WANTED, jacobian + k * columns,
               BUNDLE_WANTED * sizeof *out);
}

/* Takes the results away, so that the next contender cannot pass with them. */
static void take(const bundle_data *data, int columns, double *out) {
    for (long i = 0; i < BUNDLE_OBSERVATIONS; i++, out += BUNDLE_RESULTS)
        bundle_result(data->residual + i * BUNDLE_OUTPUTS,
                      data->jacobian + i * BUNDLE_OUTPUTS * columns, columns, out);
    const size_t bytes = BUNDLE_OBSERVATIONS * sizeof(double) * BUNDLE_OUTPUTS;
    memset(data->residual, 0xff, bytes); /* NaN */
    memset(data->jacobian, 0xff, bytes * BUNDLE_INPUTS);
}

static void result_by_hand(void *state, double *out) {
    take(((const bundle_use *)state)->data, BUNDLE_WANTED, out);
}

/* ---- Wengert --------------------------------------------------------------------------------- */

static void body(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    wengert_bundle(x, y);
}

static wg_function *record(const bundle_data *data, bool relaxed) {
    wg_function_options options = wg_function_defaults();
    options.relaxed = relaxed;
    return wg_function_record(body, NULL, BUNDLE_INPUTS, BUNDLE_OUTPUTS, data->x, options);
}

static wg_function *compiled(const bundle_data *data) {
    wg_function *fn = record(data, true);
    if (fn != NULL && wg_function_compile(fn, wg_compile_defaults()) == WG_OK)
        return fn;
    fprintf(stderr, "functions: bundle is not compiled: %s\n", wg_last_message());
    wg_function_free(fn);
    return NULL;
}

static void *setup_wengert(const void *argument) {
    return ((const bundle_use *)argument)->fn ? setup(argument) : NULL;
}

static void run_wengert(void *state) {
    const bundle_use *use = state;
    if (wg_function_jacobian(use->fn, BUNDLE_OBSERVATIONS, use->data->x, use->data->residual,
                             use->data->jacobian) != WG_OK) {
        fprintf(stderr, "functions: bundle: %s\n", wg_last_message());
        exit(2);
    }
}

static double timed_threads(void *state, long count) {
    bench_threads(((const bundle_use *)state)->threads);
    const double start = bench_clock();
    for (long i = 0; i < count; i++)
        run_wengert(state);
    const double took = bench_clock() - start;
    bench_threads(1);
    return took;
}

static void result_wengert(void *state, double *out) {
    take(((const bundle_use *)state)->data, BUNDLE_INPUTS, out);
}

/* ---- The case -------------------------------------------------------------------------------- */

static bench_contender contender(const char *name, const bundle_use *use) {
    bench_contender made = {.name = name,
                            .argument = use,
                            .setup = setup_wengert,
                            .run = run_wengert,
                            .result = result_wengert,
                            .units = BUNDLE_OBSERVATIONS,
                            .optional = true};
    if (use->threads > 1)
        made.timed = timed_threads;
    return made;
}

static void run_case(bench_harness *harness, const bundle_data *data, bench_figures *figures) {
    wg_function *fns[] = {record(data, true), record(data, false), compiled(data)};
    const int cores = bench_cores();
    const bundle_use uses[ROLES] = {
        [BY_HAND] = {data, NULL, 1},      [RELAXED_ONE] = {data, fns[0], 1},
        [STRICT_ONE] = {data, fns[1], 1}, [RELAXED_ALL] = {data, cores > 1 ? fns[0] : NULL, cores},
        [COMPILED] = {data, fns[2], 1},
    };
    bench_contender contenders[ROLES] = {
        [RESIDUAL] = {.name = "plain residual",
                      .argument = &uses[BY_HAND],
                      .setup = setup,
                      .run = run_residual,
                      .units = BUNDLE_OBSERVATIONS},
        [BY_HAND] = {.name = "Jacobian by hand",
                     .argument = &uses[BY_HAND],
                     .setup = setup,
                     .run = run_by_hand,
                     .result = result_by_hand,
                     .units = BUNDLE_OBSERVATIONS},
        [RELAXED_ONE] = contender("Wengert, batched", &uses[RELAXED_ONE]),
        [STRICT_ONE] = contender("Wengert, batched, strict", &uses[STRICT_ONE]),
        [RELAXED_ALL] = contender("Wengert, batched, all threads", &uses[RELAXED_ALL]),
        [COMPILED] = contender("Wengert, compiled", &uses[COMPILED]),
        [ADOLC] = BENCH_MISSING("ADOL-C, one by one"),
    };
#ifdef WG_BENCH_ADOLC
    contenders[ADOLC] = bundle_adolc;
    contenders[ADOLC].argument = data->x;
#endif
    const bench_case work = {.name = "bundle",
                             .note = "residual and its Jacobian, time an observation",
                             .results = (size_t)BUNDLE_OBSERVATIONS * BUNDLE_RESULTS,
                             .point = BUNDLE_RESULTS,
                             .split = BUNDLE_OUTPUTS,
                             .tolerance = 1e-10,
                             .reference = BY_HAND,
                             .base = BY_HAND,
                             .one_thread = true,
                             .contenders = contenders,
                             .count = ROLES};
    bench_case_run(harness, &work, figures);
    for (size_t k = 0; k < sizeof fns / sizeof *fns; k++)
        wg_function_free(fns[k]);
}

bundle_summary bundle_run(bench_harness *harness) {
    bundle_summary sum = {0};
    if (!bench_wanted(harness, "bundle"))
        return sum;
    const size_t count = BUNDLE_OBSERVATIONS;
    bundle_data data = {.x = calloc(count * BUNDLE_INPUTS, sizeof(double)),
                        .residual = calloc(count * BUNDLE_OUTPUTS, sizeof(double)),
                        .jacobian = calloc(count * BUNDLE_OUTPUTS * BUNDLE_INPUTS, sizeof(double))};
    if (data.x && data.residual && data.jacobian) {
        bench_figures f[ROLES];
        observe(data.x);
        run_case(harness, &data, f);
        sum = (bundle_summary){.relaxed = bench_ratio(&f[RELAXED_ONE], &f[BY_HAND]),
                               .strict = bench_ratio(&f[STRICT_ONE], &f[BY_HAND]),
                               .threads = bench_ratio(&f[RELAXED_ALL], &f[BY_HAND]),
                               .compiled = bench_ratio(&f[COMPILED], &f[BY_HAND]),
                               .adolc = bench_ratio(&f[ADOLC], &f[BY_HAND])};
        bench_record(harness, "bundle", "batched_over_hand", sum.relaxed);
        bench_record(harness, "bundle", "batched_strict_over_hand", sum.strict);
        bench_record(harness, "bundle", "batched_threads_over_hand", sum.threads);
        bench_record(harness, "bundle", "compiled_over_hand", sum.compiled);
        bench_record(harness, "bundle", "adolc_over_hand", sum.adolc);
    } else {
        fprintf(stderr, "functions: bundle: out of memory\n");
    }
    free(data.x);
    free(data.residual);
    free(data.jacobian);
    return sum;
}
