/* test_compile.c: functions compiled into this process compute what the executor computes, and the
 * cache of what was compiled. */
#if defined(__unix__) && !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif

#include "function/function.h"
#include "random_loops.h"
#include "random_program.h"
#include "wengert/compile.h"
#include "with_compiler.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static wg_compile_options into(const char *cache) {
    wg_compile_options options = wg_compile_defaults();
    options.cache = cache;
    return options;
}

/* ---- Results --------------------------------------------------------------------------------- */

enum {
    MOST_POINTS = 700, /* more than one thread takes */
    MOST_WIDTH = 64
};

static double x[MOST_POINTS * MOST_WIDTH], w[MOST_POINTS * MOST_WIDTH];
static double y[MOST_POINTS * MOST_WIDTH], d[MOST_POINTS * MOST_WIDTH];
static double want_y[MOST_POINTS * MOST_WIDTH], want_d[MOST_POINTS * MOST_WIDTH];

static wg_function *record(uint64_t seed, bool arithmetic, bool relaxed) {
    random_loops loops = random_loops_of(seed, arithmetic);
    wg_function_options options = wg_function_defaults();
    options.relaxed = relaxed;
    wg_function *fn =
        wg_function_record(random_loops_play, &loops, loops.inputs, loops.outputs, NULL, options);
    cr_assert_not_null(fn, "%s", wg_last_message());
    return fn;
}

static void derive(const wg_function *fn, int points, double *to_y, double *to_d) {
    const wg_status status = wg_function_outputs(fn) == 1
                                 ? wg_function_gradient(fn, points, x, to_y, to_d)
                                 : wg_function_vjp(fn, points, x, w, to_y, to_d);
    cr_assert_eq(status, WG_OK, "%s", wg_last_message());
}

static void compare(const double *got, const double *want, int length, bool exact, uint64_t seed,
                    const char *what) {
    double size = 1;
    for (int i = 0; i < length; i++) {
        size = fmax(size, fabs(want[i]));
    }
    for (int i = 0; i < length; i++) {
        const bool both_nan = got[i] != got[i] && want[i] != want[i];
        const bool same = memcmp(&got[i], &want[i], sizeof *got) == 0;
        cr_assert(same || both_nan || (!exact && !(fabs(got[i] - want[i]) > 1e-9 * size)),
                  "seed %llu: %s[%d] is %.17g, not %.17g", (unsigned long long)seed, what, i,
                  got[i], want[i]);
    }
}

/* The executor's results are those of a function that is not compiled. */
static void try_points(const wg_function *fn, const wg_function *plain, int points, bool exact,
                       uint64_t seed) {
    const int n = wg_function_inputs(fn), m = wg_function_outputs(fn);
    memset(y, 0xff, sizeof y);
    memset(d, 0xff, sizeof d);
    derive(fn, points, y, d);
    derive(plain, points, want_y, want_d);
    compare(y, want_y, points * m, exact, seed, "y");
    compare(d, want_d, points * n, exact, seed, "derivative");
    cr_assert_neq(y[points * m], y[points * m], "written behind the end"); /* NaN, still */
    cr_assert_neq(d[points * n], d[points * n], "written behind the end");
    memset(d, 0xff, sizeof d);
    derive(fn, points, NULL, d);
    compare(d, want_d, points * n, exact, seed, "derivative alone");
    memset(y, 0xff, sizeof y);
    cr_assert_eq(wg_function_value(fn, points, x, y), WG_OK);
    cr_assert_eq(wg_function_value(plain, points, x, want_y), WG_OK);
    compare(y, want_y, points * m, exact, seed, "value");
}

static void try_seed(uint64_t seed, bool exact, const wg_compile_options *options) {
    static const int counts[] = {0, 1, 7, 8, 9, 16, 100, MOST_POINTS - 1};
    const bool relaxed = !exact && seed % 2 == 1;
    wg_function *fn = record(seed, exact, relaxed), *plain = record(seed, exact, relaxed);
    uint64_t state = seed + 99;
    for (int i = 0; i < (int)WG_COUNT_OF(x); i++) {
        x[i] = random_between(&state, -1.5, 1.5);
        w[i] = random_between(&state, -2, 2);
    }
    cr_assert_not(wg_function_is_compiled(fn));
    cr_assert_eq(wg_function_compile(fn, *options), WG_OK, "seed %llu: %s",
                 (unsigned long long)seed, wg_last_message());
    cr_assert(wg_function_is_compiled(fn));
    cr_assert_eq(wg_function_compile(fn, *options), WG_OK); /* nothing happens */
    for (size_t k = 0; k < WG_COUNT_OF(counts); k++) {
        try_points(fn, plain, counts[k], exact, seed);
    }
    /* jobs are cut by points, not by threads */
    const int n = wg_function_inputs(fn);
    derive(fn, 640, NULL, want_d);
    derive(fn, 64, NULL, d);
    cr_assert_eq(memcmp(d, want_d, (size_t)(64 * n) * sizeof *d), 0);
    wg_function_free(fn);
    wg_function_free(plain);
}

enum {
    SEEDS_A_ROW = 14,
    ROWS = 4
};

ParameterizedTestParameters(compile, agrees_on_random_loops) {
    static int rows[ROWS];
    for (int i = 0; i < ROWS; i++) {
        rows[i] = i;
    }
    return cr_make_param_array(int, rows, ROWS);
}

/* Even rows are strict and of arithmetic, and agree bit for bit. The first two use the flags that
 * are used where none are given. */
ParameterizedTest(int *row, compile, agrees_on_random_loops) {
    need_loading();
    char *folder = folder_new();
    wg_compile_options options = into(folder);
    options.flags = *row < 2 ? NULL : "-O1 -ffp-contract=off";
    int tried = 0;
    for (uint64_t seed = (uint64_t)(9000 + 200 * *row); tried < (*row < 2 ? 6 : SEEDS_A_ROW);
         seed++) {
        wg_function *fn = record(seed, *row % 2 == 0, false);
        const bool small = fn->value->count < 1200; /* so that compilers are quick */
        wg_function_free(fn);
        if (small) {
            try_seed(seed, *row % 2 == 0, &options);
            tried++;
        }
    }
    folder_remove(folder);
}

/* All rules on lanes. */
Test(compile, agrees_on_random_programs) {
    need_loading();
    char *folder = folder_new();
    wg_compile_options options = into(folder);
    options.flags = "-O0 -ffp-contract=off";
    for (uint64_t seed = 300000; seed < 300030; seed++) {
        random_program *program = random_program_new(seed, RANDOM_SMOOTH, false, 80);
        random_playing playing = {.program = program};
        wg_function *fn[2];
        for (int k = 0; k < 2; k++) {
            fn[k] = wg_function_record(random_program_play, &playing, program->inputs,
                                       program->outputs, NULL, wg_function_defaults());
            cr_assert_not_null(fn[k], "%s", wg_last_message());
        }
        for (int p = 0; p < 20; p++) {
            random_program_point(program, (uint64_t)p, x + p * program->inputs);
        }
        for (int i = 0; i < 20 * program->outputs; i++) {
            w[i] = 1 - 0.125 * (i % 5);
        }
        cr_assert_eq(wg_function_compile(fn[0], options), WG_OK, "seed %llu: %s",
                     (unsigned long long)seed, wg_last_message());
        try_points(fn[0], fn[1], 1, false, seed);
        try_points(fn[0], fn[1], 20, false, seed);
        wg_function_free(fn[0]);
        wg_function_free(fn[1]);
        random_program_free(program);
    }
    folder_remove(folder);
}

/* Inputs that are outputs stand in other arrays. */
static void as_they_are(const wg_var *in, wg_var *out, void *context) {
    (void)context;
    for (int i = 0; i < 24; i++) {
        out[i] = in[i];
    }
}

Test(compile, returns_inputs_as_they_are) {
    need_loading();
    char *folder = folder_new();
    wg_function *fn = wg_function_record(as_they_are, NULL, 24, 24, NULL, wg_function_defaults());
    cr_assert_eq(wg_function_compile(fn, into(folder)), WG_OK, "%s", wg_last_message());
    for (int i = 0; i < 24 * 9; i++) {
        x[i] = i;
        w[i] = -i;
    }
    derive(fn, 9, y, d);
    for (int i = 0; i < 24 * 9; i++) {
        cr_expect_eq(y[i], x[i], "%d", i);
        cr_expect_eq(d[i], w[i], "%d", i);
    }
    wg_function_free(fn);
    folder_remove(folder);
}

/* ---- Refusals -------------------------------------------------------------------------------- */

/* After each of them the function runs as before. */
static void refuse(wg_compile_options options, wg_status status, const char *word) {
    wg_function *fn = record(9001, true, false);
    cr_expect_eq(wg_function_compile(fn, options), status, "%s", wg_last_message());
    cr_expect_not_null(strstr(wg_last_message(), word), "'%s' lacks '%s'", wg_last_message(), word);
    cr_expect_not(wg_function_is_compiled(fn));
    derive(fn, 3, y, d);
    wg_function_free(fn);
}

Test(compile, says_why_it_fails) {
    need_loading();
    char *folder = folder_new(), path[4200];
    wg_compile_options options = into(folder);
    cr_expect_eq(wg_function_compile(NULL, options), WG_ERROR_ARGUMENT);
    cr_expect_not(wg_function_is_compiled(NULL));
    options.compiler = "no-such-cc";
    refuse(options, WG_ERROR_STATE, "no-such-cc");
    options.compiler = "false";
    refuse(options, WG_ERROR_STATE, "false");
    options.compiler = "";
    refuse(options, WG_ERROR_STATE, "''");
    options.compiler = NULL;
    options.flags = "-fno-such-flag-at-all";
    refuse(options, WG_ERROR_STATE, "no-such-flag-at-all");
    options.flags = "-O0 -fsyntax-only"; /* well, but no code */
    refuse(options, WG_ERROR_STATE, "cc");
    char *long_flags = calloc(9000, 1);
    memset(long_flags, ' ', 8000);
    options.flags = long_flags;
    refuse(options, WG_ERROR_ARGUMENT, "characters");
    for (int i = 0; i < 400; i++) {
        memcpy(long_flags + 4 * i, "-O0 ", 4);
    }
    long_flags[1600] = '\0';
    refuse(options, WG_ERROR_ARGUMENT, "flags");
    free(long_flags);
    options.flags = NULL;
    cr_expect_eq(folder_count(folder, ""), 0, "files were left");
    (void)snprintf(path, sizeof path, "%s/file", folder);
    file_write(path, "", 0);
    options.cache = path;
    refuse(options, WG_ERROR_FILE, path);
    folder_remove(folder);
}

/* Neither the compiler nor the flags pass through a shell. */
Test(compile, runs_no_shell) {
    need_loading();
    char *folder = folder_new(), text[4200];
    wg_compile_options options = into(folder);
    (void)snprintf(text, sizeof text, "-O0 ;touch %s/harm; $(touch %s/harm) `touch %s/harm`",
                   folder, folder, folder);
    options.flags = text;
    refuse(options, WG_ERROR_STATE, "cc");
    options.flags = NULL;
    (void)snprintf(text, sizeof text, "cc; touch %s/harm", folder);
    options.compiler = text;
    refuse(options, WG_ERROR_STATE, "does not run");
    cr_expect_eq(folder_count(folder, "harm"), 0);
    folder_remove(folder);
}

/* What others may write to could hold anybody's code. */
Test(compile, keeps_to_folders_of_its_own) {
    need_loading();
    char *folder = folder_new();
    cr_assert_eq(shell("chmod 777 %s", folder), 0);
    refuse(into(folder), WG_ERROR_FILE, "nobody else");
    cr_assert_eq(shell("chmod 770 %s", folder), 0);
    refuse(into(folder), WG_ERROR_FILE, "nobody else");
    cr_expect_eq(folder_count(folder, ""), 0);
    folder_remove(folder);
}

Test(compile, looks_for_a_cache_folder) {
    need_loading();
    char *folder = folder_new(), path[4200];
    wg_compile_options options = wg_compile_defaults();
    options.flags = "-O0";
    cr_assert_eq(unsetenv("XDG_CACHE_HOME"), 0);
    cr_assert_eq(unsetenv("HOME"), 0);
    refuse(options, WG_ERROR_STATE, "XDG_CACHE_HOME");
    static const char *const variables[] = {"HOME", "XDG_CACHE_HOME"};
    static const char *const below[] = {".cache/wengert", "wengert"};
    for (int k = 0; k < 2; k++) {
        wg_function *fn = record(9001, true, false);
        cr_assert_eq(setenv(variables[k], folder, 1), 0);
        cr_expect_eq(wg_function_compile(fn, options), WG_OK, "%s", wg_last_message());
        (void)snprintf(path, sizeof path, "%s/%s", folder, below[k]);
        cr_expect_eq(folder_count(path, ".so"), 1, "%s", path);
        wg_function_free(fn);
    }
    folder_remove(folder);
}

/* Sites that remain are counted once loops are unrolled that have no place, too. */
static void tangle(const wg_var *in, wg_var *out, void *context) {
    uint64_t state = 3;
    (void)context;
    wg_var t[64];
    for (int i = 0; i < 64; i++) {
        t[i] = in[i % 3];
    }
    for (int i = 0; i < 20000; i++) {
        t[random_below(&state, 64)] =
            wg_add(t[random_below(&state, 64)],
                   wg_mul(t[random_below(&state, 64)], random_below(&state, 1000)));
    }
    out[0] = wg_number(0);
    for (int i = 0; i < 64; i++) {
        out[0] = wg_add(out[0], t[i]);
    }
}

Test(compile, refuses_what_would_take_minutes) {
    need_loading();
    char *folder = folder_new();
    wg_function *fn = wg_function_record(tangle, NULL, 3, 1, NULL, wg_function_defaults());
    cr_assert_not_null(fn, "%s", wg_last_message());
    cr_expect_eq(wg_function_compile(fn, into(folder)), WG_ERROR_LIMIT);
    cr_expect_not_null(strstr(wg_last_message(), "4000"), "%s", wg_last_message());
    wg_function_free(fn);
    folder_remove(folder);
}
