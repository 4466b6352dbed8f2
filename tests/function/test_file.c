/* Functions as bytes and files: what comes back is what went in; files appear whole or not at all.
 */
#define _DEFAULT_SOURCE /* mkdtemp */

#include "saved.h"

#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- The same in every mode ------------------------------------------------------------------ */

enum {
    POINTS = 9,
    MOST = 1 << 14
};

/* Results of a call on `a` and on `b`, NaN included. */
#define EXPECT_SAME(call, width)                                                                   \
    do {                                                                                           \
        const size_t all = (size_t)POINTS * (size_t)(width);                                       \
        static double one[MOST], other[MOST];                                                      \
        cr_assert_leq(all, MOST);                                                                  \
        memset(one, 0, sizeof one);                                                                \
        memset(other, 0, sizeof other);                                                            \
        for (int which = 0; which < 2; which++) {                                                  \
            const wg_function *fn = which == 0 ? a : b;                                            \
            double *to = which == 0 ? one : other;                                                 \
            cr_assert_eq(call, WG_OK, "%s", wg_last_message());                                    \
        }                                                                                          \
        cr_assert_eq(memcmp(one, other, all * sizeof *one), 0, #call);                             \
    } while (0)

static void expect_same(const wg_function *a, const wg_function *b) {
    const int n = wg_function_inputs(a), m = wg_function_outputs(a);
    static double x[MOST], w[MOST];
    cr_assert_eq(wg_function_inputs(b), n);
    cr_assert_eq(wg_function_outputs(b), m);
    for (int i = 0; i < MOST; i++) {
        x[i] = 0.75 + 0.5 * sin(i);
        w[i] = cos(i);
    }
    EXPECT_SAME(wg_function_value(fn, POINTS, x, to), m);
    EXPECT_SAME(wg_function_vjp(fn, POINTS, x, w, NULL, to), n);
    EXPECT_SAME(wg_function_jvp(fn, POINTS, x, w, NULL, to), m);
    EXPECT_SAME(wg_function_jacobian(fn, POINTS, x, NULL, to), m * n);
    EXPECT_SAME(wg_function_hessian(fn, POINTS, x, w, to), n * n);
    EXPECT_SAME(wg_function_hvp(fn, POINTS, x, w, w, to), n);
    if (m == 1) {
        EXPECT_SAME(wg_function_gradient(fn, POINTS, x, NULL, to), n);
    }
    uint8_t holds[2][POINTS];
    cr_assert_eq(wg_function_recheck(a, POINTS, x, holds[0]),
                 wg_function_recheck(b, POINTS, x, holds[1]));
    cr_assert_eq(memcmp(holds[0], holds[1], POINTS), 0);
    wg_function_report reports[2];
    cr_assert_eq(wg_function_report_of(a, &reports[0]), WG_OK);
    cr_assert_eq(wg_function_report_of(b, &reports[1]), WG_OK);
    cr_assert_eq(memcmp(&reports[0], &reports[1], sizeof reports[0]), 0);
}

/* Through bytes and back; frees the function. */
static void expect_survives(wg_function *fn) {
    size_t count = 0, again = 0;
    unsigned char *bytes = saved_bytes(fn, &count);
    wg_function *back = wg_function_from_bytes(bytes, count);
    cr_assert_not_null(back, "%s", wg_last_message());
    expect_same(fn, back);
    unsigned char *second = saved_bytes(back, &again);
    cr_assert_eq(again, count);
    cr_assert_eq(memcmp(bytes, second, count), 0);
    free(bytes);
    free(second);
    wg_function_free(back);
    wg_function_free(fn);
}

Test(function_file, branches_and_what_was_taken_come_back) {
    wg_function *fn = saved_function(false);
    wg_function_report report;
    cr_assert_eq(wg_function_report_of(fn, &report), WG_OK);
    cr_assert_eq(report.branches, 2);
    expect_survives(fn);
}

Test(function_file, relaxed_functions_come_back_relaxed) {
    wg_function *fn = saved_function(true);
    expect_survives(fn);
    fn = saved_function(true);
    size_t count = 0;
    unsigned char *bytes = saved_bytes(fn, &count);
    wg_function *back = wg_function_from_bytes(bytes, count);
    cr_assert(back->relaxed);
    free(bytes);
    wg_function_free(back);
    wg_function_free(fn);
}

static void constants(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    y[0] = wg_number(-0.0);
    y[1] = wg_number((double)NAN);
    y[2] = wg_number(-(double)INFINITY);
    y[3] = wg_number(4.9e-324);
    y[4] = x[2];
}

Test(function_file, constants_keep_every_bit) {
    expect_survives(wg_function_record(constants, NULL, 3, 5, NULL, wg_function_defaults()));
}

static void nothing_read(const wg_var *x, wg_var *y, void *context) {
    (void)x, (void)context;
    y[0] = wg_number(7);
}

Test(function_file, functions_without_inputs_come_back) {
    expect_survives(wg_function_record(nothing_read, NULL, 0, 1, NULL, wg_function_defaults()));
}

static void long_chain(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    y[0] = x[0];
    for (int i = 0; i < 3000; i++) {
        y[0] = wg_tanh(wg_add(wg_mul(y[0], x[i % 2]), 1e-3 * i));
    }
}

Test(function_file, long_functions_come_back) {
    expect_survives(wg_function_record(long_chain, NULL, 2, 1, NULL, wg_function_defaults()));
}

Test(function_file, every_rule_comes_back) {
    wg_builder b;
    uint32_t output[WG_RULE_COUNT];
    wg_build_begin(&b, 3, false);
    for (int rule = 0; rule < WG_RULE_COUNT; rule++) {
        /* The first operand is a whole number. */
        const bool order = rule == WG_RULE_polygamma || rule == WG_RULE_sinc_order;
        output[rule] =
            wg_build_rule(&b, (wg_rule_index)rule, order ? wg_build_constant(&b, 1) : 0, 1, 2);
    }
    wg_program *program = wg_build_finish(&b, WG_RULE_COUNT, output, "test");
    cr_assert_not_null(program, "%s", wg_last_message());
    cr_assert_eq(wg_program_operations(program), WG_RULE_COUNT);
    const wg_function_report report = {.recorded = 5, .values_read = INT64_MAX};
    expect_survives(wg_function_make(program, NULL, NULL, false, &report));
}

/* ---- Files ----------------------------------------------------------------------------------- */

static char folder[512], path[600];

static void make_folder(void) {
    const char *all = getenv("TMPDIR");
    (void)snprintf(folder, sizeof folder, "%s/wengert-function-XXXXXX", all == NULL ? "/tmp" : all);
    cr_assert_not_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/saved.wgf", folder);
}

static void remove_folder(void) {
    if (folder[0] != '\0') {
        (void)chmod(folder, 0700);
        (void)remove(path);
        (void)rmdir(folder);
    }
}

/* How many names are in the folder: what a failed write leaves behind would be one. */
static int names(void) {
    int count = 0;
    DIR *open = opendir(folder);
    cr_assert_not_null(open);
    for (struct dirent *entry = readdir(open); entry != NULL; entry = readdir(open)) {
        count += entry->d_name[0] != '.' ? 1 : 0;
    }
    (void)closedir(open);
    return count;
}

static void expect_refused(wg_status status, const char *text) {
    cr_assert_eq(status, WG_ERROR_FILE, "%d: %s", (int)status, wg_last_message());
    cr_assert_not_null(strstr(wg_last_message(), text), "%s", wg_last_message());
}

TestSuite(function_file_on_disk, .init = make_folder, .fini = remove_folder);

Test(function_file_on_disk, what_is_saved_is_loaded) {
    wg_function *fn = saved_function(false);
    for (int twice = 0; twice < 2; twice++) { /* the second time over the first */
        cr_assert_eq(wg_function_save(fn, path), WG_OK, "%s", wg_last_message());
        wg_function *back = wg_function_load(path);
        cr_assert_not_null(back, "%s", wg_last_message());
        expect_same(fn, back);
        wg_function_free(back);
        cr_assert_eq(names(), 1);
    }
    wg_function_free(fn);
}

Test(function_file_on_disk, an_existing_file_keeps_its_permissions) {
    wg_function *fn = saved_function(false);
    struct stat is;
    cr_assert_eq(wg_function_save(fn, path), WG_OK);
    cr_assert_eq(chmod(path, 0640), 0);
    cr_assert_eq(wg_function_save(fn, path), WG_OK);
    cr_assert_eq(stat(path, &is), 0);
    cr_assert_eq(is.st_mode & 0777, 0640);
    wg_function_free(fn);
}

Test(function_file_on_disk, missing_paths_and_folders_are_refused) {
    wg_function *fn = saved_function(false);
    char missing[700];
    (void)snprintf(missing, sizeof missing, "%s/none/saved.wgf", folder);
    cr_assert_null(wg_function_load(path));
    expect_refused(wg_last_status(), "saved.wgf: No such file");
    expect_refused(wg_function_save(fn, missing), "none/saved.wgf: No such file");
    expect_refused(wg_function_save(fn, folder), "Is a directory");
    expect_refused(wg_function_save(fn, "/dev/null"), "neither a file nor a new name");
    cr_assert_null(wg_function_load(folder));
    expect_refused(wg_last_status(), "Is a directory");
    cr_assert_eq(names(), 0);
    cr_assert_eq(wg_function_save(NULL, path), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_function_save(fn, NULL), WG_ERROR_ARGUMENT);
    cr_assert_null(wg_function_load(NULL));
    cr_assert_eq(wg_last_status(), WG_ERROR_ARGUMENT);
    wg_function_free(fn);
}

Test(function_file_on_disk, what_may_not_be_written_is_left_alone) {
    wg_function *fn = saved_function(false);
    cr_assert_eq(wg_function_save(fn, path), WG_OK);
    cr_assert_eq(chmod(path, 0400), 0);
    if (access(path, W_OK) != 0) { /* root may always write */
        expect_refused(wg_function_save(fn, path), "Permission denied");
        cr_assert_eq(chmod(path, 0600), 0);
        cr_assert_eq(chmod(folder, 0500), 0);
        expect_refused(wg_function_save(fn, path), "Permission denied");
    }
    wg_function_free(fn);
}

Test(function_file_on_disk, a_broken_off_write_leaves_the_old_file) {
    wg_function *small = wg_function_record(nothing_read, NULL, 0, 1, NULL, wg_function_defaults());
    wg_function *large = wg_function_record(long_chain, NULL, 2, 1, NULL, wg_function_defaults());
    cr_assert_eq(wg_function_save(small, path), WG_OK);
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    const rlim_t before = limit.rlim_cur;
    limit.rlim_cur = 4096;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    const wg_status status = wg_function_save(large, path);
    limit.rlim_cur = before;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    expect_refused(status, "File too large");
    cr_assert_eq(names(), 1);
    wg_function *back = wg_function_load(path);
    cr_assert_not_null(back, "%s", wg_last_message());
    expect_same(small, back);
    wg_function_free(back);
    wg_function_free(small);
    wg_function_free(large);
}

Test(function_file, null_arguments_are_refused) {
    wg_function *fn = saved_function(false);
    void *bytes = &fn;
    size_t count = 1;
    cr_assert_eq(wg_function_to_bytes(NULL, &bytes, &count), WG_ERROR_ARGUMENT);
    cr_assert(bytes == NULL && count == 0);
    cr_assert_eq(wg_function_to_bytes(fn, NULL, &count), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_function_to_bytes(fn, &bytes, NULL), WG_ERROR_ARGUMENT);
    cr_assert_null(wg_function_from_bytes(NULL, 0));
    cr_assert_eq(wg_last_status(), WG_ERROR_ARGUMENT);
    wg_function_bytes_free(NULL);
    wg_function_free(fn);
}
