/* harness.c: see harness.h. POSIX for the clock; nothing else beyond C11. */
#define _POSIX_C_SOURCE 200809L

#include "harness.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#if defined(__unix__)
#include <sys/utsname.h>
#endif

enum {
    MAX_SAMPLES = 1001,
    MAX_CONTENDERS = 24
};

struct bench_harness {
    const char *filter, *json_path;
    bool quick, wrong;
    int repeats;        /* samples of each contender; 0: until the time is up */
    double sample_time; /* seconds a sample lasts at least */
    double case_time;   /* seconds a contender is sampled for at least */
    char *json;         /* the file's text as it grows */
    bool first_case, first_record;
    char *rivals, *records; /* JSON members gathered aside */
};

/* ---- JSON ---------------------------------------------------------------------------------- */

static void out_of_memory(void) {
    fprintf(stderr, "benchmark: out of memory\n");
    exit(2);
}

static void text_add(char **text, const char *format, ...) {
    va_list list, again;
    va_start(list, format);
    va_copy(again, list);
    const int more = vsnprintf(NULL, 0, format, list);
    va_end(list);
    const size_t old = *text ? strlen(*text) : 0;
    char *grown = more < 0 ? NULL : realloc(*text, old + (size_t)more + 1);
    if (!grown)
        out_of_memory();
    vsnprintf(grown + old, (size_t)more + 1, format, again);
    va_end(again);
    *text = grown;
}

static void text_string(char **text, const char *value) {
    text_add(text, "\"");
    for (const unsigned char *c = (const unsigned char *)value; *c; c++) {
        if (*c == '"' || *c == '\\')
            text_add(text, "\\%c", *c);
        else if (*c < 0x20)
            text_add(text, "\\u%04x", *c);
        else
            text_add(text, "%c", *c);
    }
    text_add(text, "\"");
}

static void text_number(char **text, double value) {
    if (isfinite(value))
        text_add(text, "%.9g", value);
    else
        text_add(text, "null");
}

/* ---- The heading --------------------------------------------------------------------------- */

static const char *compiler_name(void) {
#if defined(__clang__)
    return "clang " __clang_version__;
#elif defined(__GNUC__)
    return "gcc " __VERSION__;
#else
    return "unknown compiler";
#endif
}

static void heading(bench_harness *harness, const char *title, const char *build) {
    char cpu[256], system[256] = "unknown system", cores[32] = "";
    bench_cpu_name(cpu, sizeof cpu);
#if defined(__unix__)
    struct utsname name;
    if (uname(&name) == 0)
        snprintf(system, sizeof system, "%.60s %.80s %.60s", name.sysname, name.release,
                 name.machine);
    snprintf(cores, sizeof cores, "%d", bench_cores());
#endif
    printf("%s\n  machine   %s, %s cores, %s\n  compiler  %s, %s\n", title, cpu, cores, system,
           compiler_name(), build);
    const double load = bench_load();
    if (load >= 0)
        printf("  load      %.2f as this began%s\n", load,
               load > 0.5 ? ": others work here, figures are unsteady" : "");
    text_add(&harness->json, "{\n  \"title\": ");
    text_string(&harness->json, title);
    text_add(&harness->json, ",\n  \"machine\": {\"cpu\": ");
    text_string(&harness->json, cpu);
    text_add(&harness->json, ", \"cores\": %s, \"system\": ", *cores ? cores : "0");
    text_string(&harness->json, system);
    text_add(&harness->json, ", \"load\": ");
    text_number(&harness->json, load);
    text_add(&harness->json, "},\n  \"compiler\": ");
    text_string(&harness->json, compiler_name());
    text_add(&harness->json, ",\n  \"flags\": ");
    text_string(&harness->json, build);
    text_add(&harness->json, ",\n  \"quick\": %s,\n  \"cases\": [",
             harness->quick ? "true" : "false");
}

void bench_rival(bench_harness *harness, const char *name, const char *version) {
    printf("  against   %s %s\n", name, version);
    text_add(&harness->rivals, harness->rivals ? ", " : "");
    text_string(&harness->rivals, name);
    text_add(&harness->rivals, ": ");
    text_string(&harness->rivals, version);
}

static void usage(const char *program) {
    printf("usage: %s [--quick] [--filter TEXT] [--repeats N] [--json FILE]\n"
           "  --quick         short samples: a look, not a measurement\n"
           "  --filter TEXT   only the cases whose name contains TEXT\n"
           "  --repeats N     N samples of each contender, however long they take\n"
           "  --json FILE     also write the figures as JSON\n",
           program);
}

bench_harness *bench_begin(const char *title, const char *build, int argc, char **argv, int *code) {
    bench_harness *harness = calloc(1, sizeof *harness);
    if (!harness)
        out_of_memory();
    harness->first_case = harness->first_record = true;
    *code = 0;
    for (int i = 1; i < argc; i++) {
        const bool more = i + 1 < argc;
        if (strcmp(argv[i], "--quick") == 0) {
            harness->quick = true;
        } else if (strcmp(argv[i], "--filter") == 0 && more) {
            harness->filter = argv[++i];
        } else if (strcmp(argv[i], "--json") == 0 && more) {
            harness->json_path = argv[++i];
        } else if (strcmp(argv[i], "--repeats") == 0 && more && atoi(argv[i + 1]) > 0) {
            harness->repeats = atoi(argv[++i]);
            if (harness->repeats > MAX_SAMPLES)
                harness->repeats = MAX_SAMPLES;
        } else {
            usage(argv[0]);
            *code = strcmp(argv[i], "--help") == 0 ? 0 : 2;
            free(harness);
            return NULL;
        }
    }
    harness->sample_time =
        harness->quick ? 0.002 : 0.005; /* short: likely to fall between others' work */
    harness->case_time = harness->quick ? 0.02 : 0.6;
    setvbuf(stdout, NULL, _IOLBF, 0);
    heading(harness, title, build);
    return harness;
}

bool bench_quick(const bench_harness *harness) {
    return harness->quick;
}

bool bench_wanted(const bench_harness *harness, const char *name) {
    return !harness->filter || strstr(name, harness->filter) != NULL;
}

/* ---- A case -------------------------------------------------------------------------------- */

static double sample(const bench_case *work, int index, void *state, long count) {
    const bench_contender *contender = &work->contenders[index];
    if (contender->timed)
        return contender->timed(state, count);
    const double start = work->one_thread ? bench_thread_clock() : bench_clock();
    for (long i = 0; i < count; i++)
        contender->run(state);
    return (work->one_thread ? bench_thread_clock() : bench_clock()) - start;
}

static double units(const bench_contender *contender, long count) {
    return (double)count * (double)(contender->units > 0 ? contender->units : 1);
}

/* The largest difference relative to the largest element; infinite where either holds a NaN. */
static double difference(const double *a, const double *b, size_t count) {
    double largest = 0, apart = 0;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(a[i]) || !isfinite(b[i]))
            return INFINITY;
        largest = fmax(largest, fabs(b[i]));
        apart = fmax(apart, fabs(a[i] - b[i]));
    }
    return largest > 0 ? apart / largest : apart;
}

static int by_size(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The largest difference in any group of `point` numbers, before its `split` and from there on. */
static double difference_by_points(const bench_case *work, const double *a, const double *b,
                                   size_t count) {
    const size_t point = work->point > 0 ? work->point : count;
    double largest = 0;
    for (size_t at = 0; at < count; at += point) {
        const size_t here = count - at < point ? count - at : point;
        const size_t split = work->split < here ? work->split : 0;
        largest = fmax(largest, fmax(difference(a + at, b + at, split),
                                     difference(a + at + split, b + at + split, here - split)));
    }
    return largest;
}

static void compare(bench_harness *harness, const bench_case *work, void **state,
                    bench_figures *figures) {
    double *reference = calloc(work->results + 1, sizeof *reference);
    double *result = calloc(work->results + 1, sizeof *result);
    if (!reference || !result)
        out_of_memory();
    const bool referee =
        figures[work->reference].present && work->contenders[work->reference].result;
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < work->count; i++) {
            const bench_contender *contender = &work->contenders[i];
            if (!figures[i].present || (pass == 0) != (i == work->reference))
                continue;
            sample(work, i, state[i], 1);
            if (!contender->result || !referee)
                continue;
            const size_t count = contender->results ? contender->results : work->results;
            contender->result(state[i], i == work->reference ? reference : result);
            if (i == work->reference)
                continue;
            figures[i].error = difference_by_points(work, result, reference, count);
            if (!(figures[i].error <= work->tolerance))
                figures[i].wrong = harness->wrong = true;
        }
    free(reference);
    free(result);
}

static void measure(const bench_harness *harness, const bench_case *work, void **state,
                    bench_figures *figures) {
    long count[MAX_CONTENDERS] = {0};
    double *samples[MAX_CONTENDERS] = {0};
    double slowest = 0;
    for (int i = 0; i < work->count; i++) {
        if (!figures[i].present || figures[i].wrong)
            continue;
        samples[i] = calloc(MAX_SAMPLES, sizeof(double));
        if (!samples[i])
            out_of_memory();
        count[i] = 1; /* warm-up and calibration in one: grow until a sample lasts long enough */
        double took = sample(work, i, state[i], 1);
        while ((took = sample(work, i, state[i], count[i])) < harness->sample_time)
            count[i] = took <= 0
                           ? 2 * count[i] + 1
                           : (long)fmin(10.0 * (double)count[i],
                                        1.1 * (double)count[i] * harness->sample_time / took) +
                                 1;
        slowest = fmax(slowest, took);
    }
    int rounds = harness->repeats;
    if (rounds == 0)
        rounds = (int)fmin(MAX_SAMPLES, fmax(harness->quick ? 3 : 15,
                                             ceil(harness->case_time / fmax(slowest, 1e-6))));
    for (int round = 0; round < rounds; round++)
        for (int i = 0; i < work->count; i++)
            if (samples[i])
                samples[i][round] =
                    sample(work, i, state[i], count[i]) / units(&work->contenders[i], count[i]);
    for (int i = 0; i < work->count; i++) {
        if (!samples[i])
            continue;
        qsort(samples[i], (size_t)rounds, sizeof(double), by_size);
        figures[i].minimum = samples[i][0];
        figures[i].median = rounds % 2
                                ? samples[i][rounds / 2]
                                : 0.5 * (samples[i][rounds / 2 - 1] + samples[i][rounds / 2]);
        figures[i].samples = rounds;
        free(samples[i]);
    }
}

static void print_time(double seconds) {
    if (seconds < 1e-3)
        printf(" %9.3f µs", 1e6 * seconds);
    else
        printf(" %9.3f ms", 1e3 * seconds);
}

static void print_case(const bench_case *work, const bench_figures *figures) {
    const double base = figures[work->base].minimum;
    printf("\n%s", work->name);
    if (work->note)
        printf(": %s", work->note);
    printf("\n  %-34s %12s %12s", "", "minimum", "median");
    if (work->operations > 0)
        printf(" %8s", "ns/op");
    printf("  × %s\n", work->contenders[work->base].name);
    for (int i = 0; i < work->count; i++) {
        printf("  %-34s", work->contenders[i].name);
        if (!figures[i].present) {
            printf(" not available\n");
            continue;
        }
        if (figures[i].wrong) {
            printf(" WRONG: differs from %s by %.1e (tolerance %.1e)\n",
                   work->contenders[work->reference].name, figures[i].error, work->tolerance);
            continue;
        }
        print_time(figures[i].minimum);
        print_time(figures[i].median);
        if (work->operations > 0)
            printf(" %8.2f", 1e9 * figures[i].minimum / work->operations);
        if (base > 0)
            printf("  %.3g", figures[i].minimum / base);
        printf("\n");
    }
}

static void write_case(bench_harness *harness, const bench_case *work,
                       const bench_figures *figures) {
    char **json = &harness->json;
    text_add(json, "%s\n    {\"name\": ", harness->first_case ? "" : ",");
    harness->first_case = false;
    text_string(json, work->name);
    text_add(json, ", \"operations\": ");
    text_number(json, work->operations);
    text_add(json, ", \"tolerance\": ");
    text_number(json, work->tolerance);
    text_add(json, ", \"base\": ");
    text_string(json, work->contenders[work->base].name);
    text_add(json, ", \"contenders\": [");
    for (int i = 0; i < work->count; i++) {
        text_add(json, "%s\n      {\"name\": ", i ? "," : "");
        text_string(json, work->contenders[i].name);
        if (!figures[i].present) {
            text_add(json, ", \"available\": false}");
            continue;
        }
        text_add(json, ", \"wrong\": %s, \"error\": ", figures[i].wrong ? "true" : "false");
        text_number(json, figures[i].error);
        if (!figures[i].wrong) {
            text_add(json, ", \"median_s\": ");
            text_number(json, figures[i].median);
            text_add(json, ", \"minimum_s\": ");
            text_number(json, figures[i].minimum);
            text_add(json, ", \"samples\": %d", figures[i].samples);
            if (figures[work->base].minimum > 0) {
                text_add(json, ", \"ratio\": ");
                text_number(json, figures[i].minimum / figures[work->base].minimum);
            }
        }
        text_add(json, "}");
    }
    text_add(json, "]}");
}

bool bench_case_run(bench_harness *harness, const bench_case *work, bench_figures *figures) {
    memset(figures, 0, (size_t)work->count * sizeof *figures);
    if (!bench_wanted(harness, work->name))
        return false;
    void *state[MAX_CONTENDERS] = {0};
    if (work->count > MAX_CONTENDERS) {
        fprintf(stderr, "benchmark: %s has more than %d contenders\n", work->name, MAX_CONTENDERS);
        exit(2);
    }
    for (int i = 0; i < work->count; i++) {
        state[i] = work->contenders[i].setup(work->contenders[i].argument);
        figures[i].present = state[i] != NULL;
        if (!state[i] && !work->contenders[i].optional) {
            fprintf(stderr, "benchmark: %s: cannot set up %s\n", work->name,
                    work->contenders[i].name);
            harness->wrong = true;
        }
    }
    compare(harness, work, state, figures);
    measure(harness, work, state, figures);
    for (int i = 0; i < work->count; i++)
        if (state[i] && work->contenders[i].teardown)
            work->contenders[i].teardown(state[i]);
    print_case(work, figures);
    write_case(harness, work, figures);
    return true;
}

/* ---- What several programs share ------------------------------------------------------------- */

void *bench_absent(const void *argument) {
    (void)argument;
    return NULL;
}

double bench_ratio(const bench_figures *a, const bench_figures *b) {
    return a->minimum > 0 && b->minimum > 0 ? a->minimum / b->minimum : 0;
}

void bench_print_ratio(double value, const char *verdict) {
    if (value > 0)
        printf(" %7.2f%-5s", value, verdict);
    else
        printf(" %7s%-5s", "-", "");
}

/* ---- The end --------------------------------------------------------------------------------- */

void bench_record(bench_harness *harness, const char *case_name, const char *key, double value) {
    text_add(&harness->records, "%s\n    {\"case\": ", harness->first_record ? "" : ",");
    harness->first_record = false;
    text_string(&harness->records, case_name);
    text_add(&harness->records, ", \"key\": ");
    text_string(&harness->records, key);
    text_add(&harness->records, ", \"value\": ");
    text_number(&harness->records, value);
    text_add(&harness->records, "}");
}

int bench_end(bench_harness *harness) {
    text_add(&harness->json, "\n  ],\n  \"rivals\": {%s},\n  \"records\": [%s\n  ]\n}\n",
             harness->rivals ? harness->rivals : "", harness->records ? harness->records : "");
    int code = harness->wrong ? 1 : 0;
    if (harness->json_path) {
        FILE *file = fopen(harness->json_path, "w");
        if (!file || fputs(harness->json, file) == EOF || fclose(file) != 0) {
            fprintf(stderr, "benchmark: cannot write %s\n", harness->json_path);
            code = 2;
        }
    }
    free(harness->json);
    free(harness->rivals);
    free(harness->records);
    free(harness);
    return code;
}
