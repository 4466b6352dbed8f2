/* test_write_c.c: functions as C files: they compile without a word, need nothing but libm, and
 * compute what the executor computes, on random programs and random loops. */
#include "function/c_file.h"
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
#if defined(WG_HAVE_DL)
#include <dlfcn.h>
#endif

#define STRICTLY "-std=c11 -Wall -Wextra -Wpedantic -Wconversion -Werror"

/* ---- Many functions in one object -------------------------------------------------------------
 */

/* A subject: how it is recorded, and which of its outputs are compared. */
typedef struct one {
    wg_function *fn;
    bool exact;
} one;

/* Rules that have their own functions in each file get their file's names. */
static void add_file(FILE *out, const wg_c_file *file, int index) {
    for (const char *at = file->text.bytes; *at != '\0';) {
        static const char *const own[] = {
            "rule_",    "special_pi",       "special_lowest", "digamma_series", "bernoulli",
            "digamma(", "polygamma_series", "sinc_order(",    "erfinv("};
        size_t length = 1;
        const bool begins = at == file->text.bytes || strchr(" (*-\n!", at[-1]) != NULL;
        for (size_t i = 0; i < WG_COUNT_OF(own) && begins; i++) {
            if (strncmp(at, own[i], strlen(own[i])) == 0) {
                fprintf(out, "o%d_", index);
                length = strlen(own[i]);
            }
        }
        if (begins && strncmp(at, "polygamma(", 10) == 0) {
            fprintf(out, "o%d_", index);
        }
        fwrite(at, 1, length, out);
        at += length;
    }
}

#if defined(WG_HAVE_DL)
static void *library_of(const char *folder, const one *of, int count, const char *flags) {
    char source[4200], object[4200];
    (void)snprintf(source, sizeof source, "%s/all.c", folder);
    (void)snprintf(object, sizeof object, "%s/all.so", folder);
    FILE *out = fopen(source, "wb");
    cr_assert_not_null(out);
    for (int i = 0; i < count; i++) {
        char name[32];
        wg_c_file file;
        (void)snprintf(name, sizeof name, "f%d", i);
        cr_assert(wg_c_file_make(of[i].fn, name, "test", 100000, false, &file), "%d: %s", i,
                  wg_last_message());
        add_file(out, &file, i);
        wg_c_file_end(&file);
    }
    (void)fclose(out);
    cr_assert_eq(shell("cc -shared -fPIC %s -o %s %s -lm", flags, object, source), 0);
    void *library = dlopen(object, RTLD_NOW | RTLD_LOCAL);
    cr_assert_not_null(library, "%s", dlerror());
    return library;
}

typedef void (*value_call)(const double *x, double *y, double *work);
typedef void (*gradient_call)(const double *x, double *y, double *d, double *work);
typedef void (*vjp_call)(const double *x, const double *w, double *y, double *g, double *work);

static void *named(void *library, int index, const char *mode) {
    char name[64];
    (void)snprintf(name, sizeof name, "f%d_%s", index, mode);
    void *found = dlsym(library, name);
    cr_assert_not_null(found, "%s", name);
    return found;
}

static void compare(const double *got, const double *want, int length, bool exact, int index,
                    const char *what) {
    double size = 1;
    for (int i = 0; i < length; i++) {
        size = fmax(size, fabs(want[i]));
    }
    for (int i = 0; i < length; i++) {
        const bool both_nan = got[i] != got[i] && want[i] != want[i];
        const bool same = memcmp(&got[i], &want[i], sizeof *got) == 0;
        cr_assert(same || both_nan || (!exact && !(fabs(got[i] - want[i]) > 1e-9 * size)),
                  "function %d: %s[%d] is %.17g, not %.17g", index, what, i, got[i], want[i]);
    }
}

/* One point of one function, by C and by the executor. */
static void try_one(void *library, const one *of, int index) {
    enum {
        MOST = 64
    };
    const int n = wg_function_inputs(of->fn), m = wg_function_outputs(of->fn);
    double x[MOST], w[MOST], y[MOST], d[MOST], right_y[MOST], right_d[MOST];
    uint64_t state = (uint64_t)index + 5;
    double *work = calloc(1000000, sizeof *work);
    for (int i = 0; i < n; i++) {
        x[i] = random_between(&state, -1.5, 1.5);
    }
    for (int k = 0; k < m; k++) {
        w[k] = random_between(&state, -2, 2);
    }
    value_call value;
    gradient_call gradient;
    vjp_call vjp;
    void *found = named(library, index, "value");
    memcpy(&value, &found, sizeof found);
    value(x, y, work);
    cr_assert_eq(wg_function_value(of->fn, 1, x, right_y), WG_OK);
    compare(y, right_y, m, of->exact, index, "y");
    found = named(library, index, m == 1 ? "gradient" : "vjp");
    if (m == 1) {
        memcpy(&gradient, &found, sizeof found);
        gradient(x, y, d, work);
        cr_assert_eq(wg_function_gradient(of->fn, 1, x, right_y, right_d), WG_OK);
    } else {
        memcpy(&vjp, &found, sizeof found);
        vjp(x, w, y, d, work);
        cr_assert_eq(wg_function_vjp(of->fn, 1, x, w, right_y, right_d), WG_OK);
    }
    compare(y, right_y, m, of->exact, index, "y beside it");
    compare(d, right_d, n, of->exact, index, "derivative");
    free(work);
}

static void try_all(one *of, int count, const char *flags) {
    char *folder = folder_new();
    void *library = library_of(folder, of, count, flags);
    for (int i = 0; i < count; i++) {
        try_one(library, &of[i], i);
        wg_function_free(of[i].fn);
    }
    (void)dlclose(library);
    folder_remove(folder);
}

enum {
    SEEDS_A_ROW = 60,
    ROWS = 6
};

ParameterizedTestParameters(write_c, agrees_on_random_loops) {
    static int rows[ROWS];
    for (int i = 0; i < ROWS; i++) {
        rows[i] = i;
    }
    return cr_make_param_array(int, rows, ROWS);
}

/* Even rows are strict and of arithmetic, and agree bit for bit; others to rounding. */
ParameterizedTest(int *row, write_c, agrees_on_random_loops) {
    need_loading();
    one of[SEEDS_A_ROW];
    const bool exact = *row % 2 == 0;
    for (int i = 0; i < SEEDS_A_ROW; i++) {
        random_loops loops = random_loops_of((uint64_t)(5000 + *row * SEEDS_A_ROW + i), exact);
        wg_function_options options = wg_function_defaults();
        options.relaxed = !exact && i % 2 == 1;
        of[i] = (one){wg_function_record(random_loops_play, &loops, loops.inputs, loops.outputs,
                                         NULL, options),
                      exact};
        cr_assert_not_null(of[i].fn, "%s", wg_last_message());
    }
    try_all(of, SEEDS_A_ROW, exact ? "-O1 -ffp-contract=off" : "-O1");
}

/* All rules; strict functions use the same functions of libm, and agree bit for bit. */
Test(write_c, agrees_on_random_programs) {
    need_loading();
    enum {
        COUNT = 200
    };
    static one of[COUNT];
    for (int i = 0; i < COUNT; i++) {
        random_program *program =
            random_program_new((uint64_t)(100000 + i), RANDOM_SMOOTH, false, 1 + i % 60);
        wg_function_options options = wg_function_defaults();
        options.relaxed = i % 3 == 2;
        random_playing playing = {.program = program};
        of[i] = (one){wg_function_record(random_program_play, &playing, program->inputs,
                                         program->outputs, NULL, options),
                      false};
        cr_assert_not_null(of[i].fn, "%s", wg_last_message());
        random_program_free(program);
    }
    try_all(of, COUNT, "-O0 -ffp-contract=off");
}

/* Infinities, NaN, zeros of both signs, denormals: as constants of the functions. */
Test(write_c, agrees_on_wild_programs) {
    need_loading();
    enum {
        COUNT = 200
    };
    static one of[COUNT];
    for (int i = 0; i < COUNT; i++) {
        random_program *program =
            random_program_new((uint64_t)(200000 + i), RANDOM_WILD, true, 1 + i % 30);
        random_playing playing = {.program = program};
        of[i] = (one){wg_function_record(random_program_play, &playing, program->inputs,
                                         program->outputs, NULL, wg_function_defaults()),
                      false};
        cr_assert_not_null(of[i].fn, "%s", wg_last_message());
        random_program_free(program);
    }
    try_all(of, COUNT, "-O0 -ffp-contract=off");
}
#endif

/* ---- Files ----------------------------------------------------------------------------------- */

/* Every rule once, and every kind of step; constants that are hard to write. */
static void all_rules(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    wg_var sum = wg_number(0);
    for (int rule = 0; rule < WG_RULE_COUNT; rule++) {
        const wg_rule_info *info = &wg_rule_infos[rule];
        wg_var in[3];
        for (int k = 0; k < 3; k++) {
            const double middle = (info->low[k] + info->high[k]) / 2;
            in[k] = (rule == WG_RULE_polygamma || rule == WG_RULE_sinc_order) && k == 0
                        ? wg_number(1)
                        : wg_add(wg_mul(x[k], 0.01), middle);
        }
        sum = wg_add(sum, random_verb(rule, in));
    }
    y[0] = sum;
    static const double odd[] = {INFINITY, -INFINITY, NAN,  5e-324, -1e-310,          0.0,
                                 -0.0,     0.1,       -7.0, 1e22,   0x1p-1074 * 12345};
    for (int k = 0; k < (int)WG_COUNT_OF(odd); k++) {
        y[1 + k] = wg_sub(wg_mul(x[0], x[1]), odd[k]);
        y[12 + k] = wg_number(odd[k]);
    }
}

static wg_function *record_all(int outputs) {
    wg_function *fn = wg_function_record(all_rules, NULL, 3, outputs, NULL, wg_function_defaults());
    cr_assert_not_null(fn, "%s", wg_last_message());
    return fn;
}

static void write_main(const char *path, const double *x, int outputs) {
    FILE *out = fopen(path, "wb");
    cr_assert_not_null(out);
    fprintf(out,
            "#include <stdio.h>\n#include \"model.c\"\nint main(void) {\n"
            "    const double x[3] = {%.17g, %.17g, %.17g};\n"
            "    double w[%d], y[%d], g[3], work[model_work + 1];\n"
            "    for (int i = 0; i < model_outputs; i++) {\n        w[i] = i == 0;\n    }\n"
            "    model_value(x, y, work);\n"
            "    for (int i = 0; i < model_outputs; i++) {\n        printf(\"%%a\\n\", y[i]);\n"
            "    }\n    model_vjp(x, w, y, g, work);\n"
            "    for (int i = 0; i < model_inputs; i++) {\n        printf(\"%%a\\n\", g[i]);\n"
            "    }\n    return 0;\n}\n",
            x[0], x[1], x[2], outputs, outputs);
    (void)fclose(out);
}

static void compare_output(const char *path, const double *want, int count) {
    FILE *in = fopen(path, "rb");
    cr_assert_not_null(in);
    for (int i = 0; i < count; i++) {
        char line[128];
        cr_assert_not_null(fgets(line, sizeof line, in));
        const double is = strtod(line, NULL);
        cr_assert((is != is && want[i] != want[i]) ||
                      (is == want[i] && !signbit(is) == !signbit(want[i])) ||
                      fabs(is - want[i]) <= 1e-13 * fabs(want[i]),
                  "line %d is %.17g, not %.17g", i, is, want[i]);
    }
    (void)fclose(in);
}

ParameterizedTestParameters(write_c, makes_files_that_stand_alone) {
    static int rows[] = {0, 1};
    return cr_make_param_array(int, rows, 2);
}

ParameterizedTest(int *row, write_c, makes_files_that_stand_alone) {
    static const char *const compilers[] = {"gcc", "clang"};
    const char *compiler = compilers[*row];
    enum {
        OUTPUTS = 23
    };
    if (!compiler_runs(compiler)) {
        cr_skip_test("no %s runs here", compiler);
    }
    const double x[3] = {0.3, -0.2, 0.15};
    double want[OUTPUTS + 3], w[OUTPUTS] = {1};
    char *folder = folder_new(), path[4200];
    wg_function *fn = record_all(OUTPUTS);
    (void)snprintf(path, sizeof path, "%s/model.c", folder);
    cr_assert_eq(wg_function_write_c(fn, path, "model"), WG_OK, "%s", wg_last_message());
    cr_assert_eq(wg_function_vjp(fn, 1, x, w, want, want + OUTPUTS), WG_OK);
    size_t length;
    char *text = file_read(path, &length);
    cr_assert_not_null(text);
    cr_assert_null(strstr(text, "wengert/"));
    cr_assert_null(strstr(text, "#include \""));
    cr_assert_null(strstr(text, "wg_"));
    free(text);
    cr_assert_eq(shell("%s " STRICTLY " -c -o %s/model.o %s", compiler, folder, path), 0);
    (void)snprintf(path, sizeof path, "%s/main.c", folder);
    write_main(path, x, OUTPUTS);
    cr_assert_eq(shell("%s -std=c11 -ffp-contract=off -o %s/main %s -lm && %s/main > %s/out",
                       compiler, folder, path, folder, folder),
                 0);
    (void)snprintf(path, sizeof path, "%s/out", folder);
    compare_output(path, want, OUTPUTS + 3);
    wg_function_free(fn);
    folder_remove(folder);
}

/* No two steps alike: nothing to roll up. */
static void tangle(const wg_var *x, wg_var *y, void *context) {
    uint64_t state = 3;
    wg_var t[64];
    for (int i = 0; i < 64; i++) {
        t[i] = x[i % 3];
    }
    for (int i = 0; i < *(int *)context; i++) {
        t[random_below(&state, 64)] =
            wg_add(t[random_below(&state, 64)],
                   wg_mul(t[random_below(&state, 64)], random_below(&state, 1000)));
    }
    y[0] = wg_number(0);
    for (int i = 0; i < 64; i++) {
        y[0] = wg_add(y[0], t[i]);
    }
}

Test(write_c, refuses_names_and_paths) {
    int steps = 10;
    wg_function *fn = wg_function_record(tangle, &steps, 3, 1, NULL, wg_function_defaults());
    cr_assert_not_null(fn, "%s", wg_last_message());
    static const char *const bad[] = {NULL, "", "1st", "a-b", "a b", "a;b", "\xc3\xa9", "a\n"};
    char *folder = folder_new(), path[4200];
    (void)snprintf(path, sizeof path, "%s/model.c", folder);
    for (size_t i = 0; i < WG_COUNT_OF(bad); i++) {
        cr_expect_eq(wg_function_write_c(fn, path, bad[i]), WG_ERROR_ARGUMENT);
        cr_expect_not_null(strstr(wg_last_message(), "identifier"));
    }
    char longest[202];
    memset(longest, 'a', sizeof longest);
    longest[201] = '\0';
    cr_expect_eq(wg_function_write_c(fn, path, longest), WG_ERROR_ARGUMENT);
    longest[200] = '\0';
    cr_expect_eq(wg_function_write_c(fn, path, longest), WG_OK, "%s", wg_last_message());
    cr_expect_eq(wg_function_write_c(NULL, path, "f"), WG_ERROR_ARGUMENT);
    cr_expect_eq(wg_function_write_c(fn, NULL, "f"), WG_ERROR_ARGUMENT);
    (void)snprintf(path, sizeof path, "%s/no/such/folder.c", folder);
    cr_expect_eq(wg_function_write_c(fn, path, "f"), WG_ERROR_FILE);
    cr_expect_not_null(strstr(wg_last_message(), "folder.c"), "%s", wg_last_message());
    wg_function_free(fn);
    folder_remove(folder);
}

Test(write_c, refuses_what_is_too_long) {
    int steps = 60000;
    char *folder = folder_new(), path[4200];
    (void)snprintf(path, sizeof path, "%s/model.c", folder);
    wg_function *fn = wg_function_record(tangle, &steps, 3, 1, NULL, wg_function_defaults());
    cr_assert_not_null(fn, "%s", wg_last_message());
    cr_expect_eq(wg_function_write_c(fn, path, "f"), WG_ERROR_LIMIT);
    cr_expect_not_null(strstr(wg_last_message(), "20000"), "%s", wg_last_message());
    cr_expect_eq(folder_count(folder, ""), 0, "a file was left");
    wg_function_free(fn);
    folder_remove(folder);
}
