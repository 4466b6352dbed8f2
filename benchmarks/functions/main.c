/* main.c: the nine functions recorded once and run many times: replayed, in batches, compiled. */
#include "recorded_function.h"

#include <stdlib.h>

enum {
    POINTS = 1024,
    QUICK_POINTS = 128
};

/* ADOL-C's contender is the second of its file. */
enum {
    PRIMAL,
    BY_HAND,
    FRESH,
    REPLAY,
    REPLAY_STRICT,
    BATCHED,
    BATCHED_STRICT,
    BATCHED_THREADS,
    COMPILED,
    COMPILED_BATCHED,
    ADOLC,
    ROLES
};

/* Bound by arithmetic: here a batch has to beat the gradient by hand. */
static const bool judged[SCALAR_COUNT] = {
    [SCALAR_mlp_sum] = true, [SCALAR_logdet] = true,    [SCALAR_toon] = true,
    [SCALAR_lorenz] = true,  [SCALAR_vanderpol] = true, [SCALAR_black_scholes] = true};

typedef struct summary {
    bool present;
    const char *name;
    int64_t count;
    double hand;        /* seconds */
    double over[ROLES]; /* the gradient by hand */
    double adolc;       /* over the replay */
    recording_cost cost[KINDS];
    double compile;
    char refusal[256];
} summary;

static const char *verdict(bool good) {
    return good ? " hit" : " MISS";
}

static void print_summary(const summary *rows) {
    printf(
        "\nGradients over the gradient by hand, time a point, minimum over minimum. Bars: batched "
        "at most 0.5 where\nthe function is bound by arithmetic (the others are shown, not "
        "judged), compiled at most 1.5; ADOL-C's\nreplay at least 2 × slower than Wengert's. "
        "Strict: options.relaxed off.\n\n"
        "%-14s %9s %7s %7s %7s %7s %12s %7s %7s %12s %8s %12s\n",
        "", "hand µs", "primal", "fresh", "replay", "strict", "batched", "strict", "threads",
        "compiled", "batched", "ADOL-C/W");
    for (int i = 0; i < SCALAR_COUNT; i++) {
        const summary *r = &rows[i];
        if (!r->present)
            continue;
        const double *over = r->over;
        printf("%-14s %9.3f %7.2f %7.2f %7.2f %7.2f", r->name, 1e6 * r->hand, over[PRIMAL],
               over[FRESH], over[REPLAY], over[REPLAY_STRICT]);
        bench_print_ratio(over[BATCHED], judged[i] ? verdict(over[BATCHED] <= 0.5) : "");
        printf(" %7.2f %7.2f", over[BATCHED_STRICT], over[BATCHED_THREADS]);
        bench_print_ratio(over[COMPILED], verdict(over[COMPILED] <= 1.5));
        if (over[COMPILED_BATCHED] > 0)
            printf(" %8.2f", over[COMPILED_BATCHED]);
        else
            printf(" %8s", "-");
        bench_print_ratio(r->adolc, verdict(r->adolc >= 2));
        printf("\n");
    }
}

static void print_cost(const summary *r, recording_kind kind) {
    const recording_cost *cost = &r->cost[kind];
    const wg_function_report *report = &cost->report;
    printf("%-14s %-8s %9.1f %9.1f %9.1f", kind == STRICT ? r->name : "",
           kind == STRICT ? "strict" : "relaxed", 1e3 * cost->record, 1e3 * cost->derive,
           1e3 * cost->code);
    printf(" %10lld %10lld %10lld %8lld %8lld", (long long)report->recorded,
           (long long)report->operations, (long long)report->gradient_operations,
           (long long)report->slots, (long long)report->gradient_slots);
    if (kind == STRICT)
        printf("\n");
    else if (r->compile > 0)
        printf(" %10.1f\n", 1e3 * r->compile);
    else
        printf(" %10s\n", "-");
}

static void print_costs(const summary *rows) {
    printf(
        "\nOnce a function, in ms: recording (with the optimiser), deriving the gradient, coding "
        "it, compiling it;\noperations as recorded, as they remain, of value and gradient "
        "together; values of a point alive at once.\n\n"
        "%-14s %-8s %9s %9s %9s %10s %10s %10s %8s %8s %10s\n",
        "", "", "record", "derive", "code", "recorded", "remain", "gradient", "slots", "gradient",
        "compile");
    for (int i = 0; i < SCALAR_COUNT; i++)
        for (int kind = 0; kind < KINDS && rows[i].present; kind++)
            print_cost(&rows[i], (recording_kind)kind);
    for (int i = 0; i < SCALAR_COUNT; i++)
        if (*rows[i].refusal)
            printf("%s is not compiled: %s\n", rows[i].name, rows[i].refusal);
}

static void write_records(bench_harness *harness, const summary *r) {
    static const char *const keys[ROLES] = {
        [PRIMAL] = "primal_over_hand",
        [FRESH] = "fresh_over_hand",
        [REPLAY] = "replay_over_hand",
        [REPLAY_STRICT] = "replay_strict_over_hand",
        [BATCHED] = "batched_over_hand",
        [BATCHED_STRICT] = "batched_strict_over_hand",
        [BATCHED_THREADS] = "batched_threads_over_hand",
        [COMPILED] = "compiled_over_hand",
        [COMPILED_BATCHED] = "compiled_batched_over_hand",
    };
    for (int k = 0; k < ROLES; k++)
        if (keys[k])
            bench_record(harness, r->name, keys[k], r->over[k]);
    const recording_cost *cost = &r->cost[RELAXED];
    bench_record(harness, r->name, "adolc_over_replay", r->adolc);
    bench_record(harness, r->name, "points", (double)r->count);
    bench_record(harness, r->name, "record_ms", 1e3 * cost->record);
    bench_record(harness, r->name, "derive_ms", 1e3 * cost->derive);
    bench_record(harness, r->name, "code_ms", 1e3 * cost->code);
    bench_record(harness, r->name, "compile_ms", 1e3 * r->compile);
    bench_record(harness, r->name, "recorded", (double)cost->report.recorded);
    bench_record(harness, r->name, "operations", (double)cost->report.operations);
    bench_record(harness, r->name, "gradient_operations", (double)cost->report.gradient_operations);
    bench_record(harness, r->name, "gradient_slots", (double)cost->report.gradient_slots);
}

static void sum_up(summary *r, const recorded_function *recorded, const bench_figures *figures) {
    r->present = true;
    r->name = recorded->function.name;
    r->count = recorded->count;
    r->hand = figures[BY_HAND].minimum;
    for (int k = 0; k < ROLES; k++)
        r->over[k] = bench_ratio(&figures[k], &figures[BY_HAND]);
    r->adolc = bench_ratio(&figures[ADOLC], &figures[REPLAY]);
    for (int kind = 0; kind < KINDS; kind++)
        r->cost[kind] = recorded->cost[kind];
    r->compile = recorded->compile_seconds;
    snprintf(r->refusal, sizeof r->refusal, "%s", recorded->refusal);
}

static void run_function(bench_harness *harness, const recorded_function *recorded, summary *row) {
    const int64_t many = recorded->count;
    const int cores = bench_cores();
    wg_function *const *fn = recorded->fn;
    const recorded_use uses[ROLES] = {
        [REPLAY] = {recorded, fn[RELAXED], 1, 1},
        [REPLAY_STRICT] = {recorded, fn[STRICT], 1, 1},
        [BATCHED] = {recorded, fn[RELAXED], many, 1},
        [BATCHED_STRICT] = {recorded, fn[STRICT], many, 1},
        [BATCHED_THREADS] = {recorded, cores > 1 ? fn[RELAXED] : NULL, many, cores},
        [COMPILED] = {recorded, recorded->compiled, 1, 1},
        [COMPILED_BATCHED] = {recorded, recorded->compiled, many, 1},
    };
    static const char *const names[ROLES] = {
        [REPLAY] = "Wengert, replay",
        [REPLAY_STRICT] = "Wengert, replay, strict",
        [BATCHED] = "Wengert, batched",
        [BATCHED_STRICT] = "Wengert, batched, strict",
        [BATCHED_THREADS] = "Wengert, batched, all threads",
        [COMPILED] = "Wengert, compiled",
        [COMPILED_BATCHED] = "Wengert, compiled, batched",
    };
    bench_contender contenders[ROLES] = {[PRIMAL] = scalar_primal,
                                         [BY_HAND] = scalar_by_hand,
                                         [FRESH] = scalar_wengert[0],
                                         [ADOLC] = BENCH_MISSING("ADOL-C, replaying its tape")};
#ifdef WG_BENCH_ADOLC
    contenders[ADOLC] = scalar_adolc[1];
#endif
    const size_t results = recorded->function.inputs + 1;
    for (int k = 0; k < ROLES; k++) {
        if (names[k]) {
            contenders[k] = recorded_contender(names[k], &uses[k]);
        } else {
            contenders[k].argument = &recorded->function;
            contenders[k].results = k == BY_HAND ? 2 * results : results;
        }
    }
    contenders[FRESH].name = "Wengert, fresh tape";
    char note[64];
    snprintf(note, sizeof note, "time a point; batches of %lld points", (long long)many);
    const bench_case work = {.name = recorded->function.name,
                             .note = note,
                             .operations = recorded->function.operations,
                             .results = 2 * results,
                             .point = results,
                             .split = results - 1,
                             .tolerance = 1e-8,
                             .reference = BY_HAND,
                             .base = BY_HAND,
                             .one_thread = true,
                             .contenders = contenders,
                             .count = ROLES};
    bench_figures figures[ROLES];
    bench_case_run(harness, &work, figures);
    sum_up(row, recorded, figures);
    write_records(harness, row);
}

static void print_others(const bundle_summary *bundle, const map_summary *map) {
    if (bundle->relaxed > 0) {
        printf("\nbundle, over the Jacobian by hand (bar 0.5): batched");
        bench_print_ratio(bundle->relaxed, verdict(bundle->relaxed <= 0.5));
        printf(" strict %.2f, all threads %.2f, compiled %.2f, ADOL-C %.2f\n", bundle->strict,
               bundle->threads, bundle->compiled, bundle->adolc);
    }
    for (int k = 0; k < 2; k++)
        if (map->over_stream[k] > 0) {
            printf("\nmap, forward and backward over streaming the same arrays (bar 1.3), %d "
                   "thread%s:",
                   k + 1, k ? "s" : "");
            bench_print_ratio(map->over_stream[k], verdict(map->over_stream[k] <= 1.3));
            printf("\n");
        }
}

int main(int argc, char **argv) {
    bench_keep_memory();
    int code;
    bench_harness *harness = bench_begin("Recorded functions: nine gradients, float64",
                                         WG_BENCH_FLAGS, argc, argv, &code);
    if (!harness)
        return code;
#ifdef WG_BENCH_ADOLC
    bench_rival(harness, "ADOL-C", scalar_adolc_version());
#endif
    bench_threads(1);
    /* Before the nine: ADOL-C gives a tape the buffers of the one before, and walks all of them. */
    const bundle_summary bundle = bundle_run(harness);
    const map_summary map = map_run(harness);
    static summary rows[SCALAR_COUNT];
    bool any = false;
    for (int i = 0; i < SCALAR_COUNT; i++) {
        recorded_function recorded;
        if (!bench_wanted(harness, scalar_functions[i].name))
            continue;
        if (!recorded_make(&recorded, i, bench_quick(harness) ? QUICK_POINTS : POINTS))
            return 2;
        run_function(harness, &recorded, &rows[i]);
        any = true;
        recorded_free(&recorded);
    }
    if (any) {
        print_summary(rows);
        print_costs(rows);
    }
    print_others(&bundle, &map);
    return bench_end(harness);
}
