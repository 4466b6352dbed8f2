/* harness.h: what every benchmark plugs into. A case is one piece of work; its contenders do it
 * each in its own way. Contenders are first compared by their results, then timed in turns (A B C A
 * B C …) within one run, so that a ratio between two of them was measured side by side. */
#ifndef WG_BENCHMARKS_HARNESS_H
#define WG_BENCHMARKS_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bench_contender {
    const char *name;
    const void *argument;                     /* handed to setup */
    void *(*setup)(const void *argument);     /* NULL result: this contender cannot take part */
    void (*run)(void *state);                 /* one unit of work; the harness holds the clock */
    double (*timed)(void *state, long count); /* instead of run: `count` units, returns seconds */
    void (*result)(void *state,
                   double *out);   /* after a unit: its result. NULL: nothing to compare */
    size_t results;                /* numbers that `result` writes; 0: as the case says */
    long units;                    /* of work in one call of `run` or count of `timed`; 0: one */
    void (*teardown)(void *state); /* may be NULL */
    bool optional;                 /* may be absent without a failure */
} bench_contender;

typedef struct bench_case {
    const char *name;
    const char *note;  /* a line under the name; may be NULL */
    double operations; /* a unit's elementary operations, for the nanoseconds column; 0: none */
    size_t results;    /* numbers in a result vector; 0: nothing to compare */
    size_t split; /* results from here on are compared apart from those before (a value behind its
                     gradient); 0: all are compared together */
    size_t point; /* results come in groups of this many, and each is compared by itself (and
                     `split` within it); 0: they are one */
    double tolerance; /* largest |a - b| / max |b| that counts as equal */
    int reference;    /* the contender whose result is right */
    int base;         /* the contender that ratios are named against */
    bool one_thread;  /* `run` is timed by the thread's own clock, which stands still while others
                         run */
    const bench_contender *contenders;
    int count;
} bench_case;

typedef struct bench_figures {
    bool present, wrong;
    double median, minimum; /* seconds a unit */
    double error;           /* against the reference's result, relative to its largest element */
    int samples;
} bench_figures;

typedef struct bench_harness bench_harness;

/* Reads --quick, --filter TEXT, --json FILE, --repeats N, --help; prints the machine's heading.
 * `title` names the program; `build` says how contenders were compiled. NULL: the program should
 * end with *code. */
bench_harness *bench_begin(const char *title, const char *build, int argc, char **argv, int *code);

/* A line more in the heading: a rival and its version. */
void bench_rival(bench_harness *harness, const char *name, const char *version);

bool bench_quick(const bench_harness *harness);

/* Whether --filter lets this case through. */
bool bench_wanted(const bench_harness *harness, const char *name);

/* Compares, then times a case, and prints its table. figures[i] belongs to contender i; false where
 * the filter left the case out. */
bool bench_case_run(bench_harness *harness, const bench_case *work, bench_figures *figures);

/* A named number for the JSON file that belongs to the program as a whole (a verdict, a ratio). */
void bench_record(bench_harness *harness, const char *case_name, const char *key, double value);

/* Writes the JSON file; the exit status: 0, or 1 where a result was WRONG. */
int bench_end(bench_harness *harness);

/* Seconds on a steady clock. */
double bench_clock(void);
/* Those that the calling thread had a core for: it stands still while others run. */
double bench_thread_clock(void);

/* ---- What several programs share ------------------------------------------------------------- */

/* In the place of a contender that this build does not have. */
void *bench_absent(const void *argument);
#define BENCH_MISSING(missing)                                                                     \
    { .name = missing, .setup = bench_absent, .optional = true }

/* a's time over b's, minimum over minimum; 0 where either was not timed. */
double bench_ratio(const bench_figures *a, const bench_figures *b);

/* A column of a summary: the ratio, or "-" for 0, and a verdict of up to five characters. */
void bench_print_ratio(double value, const char *verdict);

/* Keeps freed memory with the process: contenders that allocate anew for each unit would else pay
 * for fresh pages each time. */
void bench_keep_memory(void);

/* How many threads Wengert's pool has from here on; without a pool there is one. */
void bench_threads(int count);

/* Numbers in [0, 1) that are the same on every machine. */
double bench_random(unsigned long long *seed);

/* The machine's processor and its cores. */
void bench_cpu_name(char *out, size_t bytes);
int bench_cores(void);

/* How many programs wanted a core in the last minute; -1: unknown. */
double bench_load(void);

#ifdef __cplusplus
}
#endif

#endif
