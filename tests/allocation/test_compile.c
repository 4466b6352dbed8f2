/* Functions as C, and compiled, when memory runs out: each request refused in turn. */
#include "../function/with_compiler.h"
#include "allocation.h"
#include "function/function.h"
#include "function/nest.h"
#include "wengert/compile.h"
#include "wengert/elementwise.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum {
    N = 6,
    POINTS = 11
};

/* Loops in loops, values carried over turns, and stretches without loops. */
static void body(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    wg_var a[20];
    for (int i = 0; i < 20; i++) {
        a[i] = wg_mul(x[i % N], 1 + i);
    }
    for (int t = 0; t < 12; t++) {
        for (int i = 1; i < 19; i++) {
            a[i] = wg_add(wg_mul(a[i - 1], 0.25), wg_mul(a[i], wg_sin(a[i + 1])));
        }
    }
    y[0] = wg_number(0);
    for (int i = 0; i < 20; i++) {
        y[0] = wg_add(y[0], wg_square(a[i]));
    }
}

static wg_function *record(void) {
    wg_function *fn = wg_function_record(body, NULL, N, 1, NULL, wg_function_defaults());
    cr_assert_not_null(fn, "%s", wg_last_message());
    /* derived at first use, which is not what is tried here */
    cr_assert_not_null(wg_function_program(fn, WG_MODE_gradient));
    return fn;
}

Test(compile_allocation, nests_fail_clean) {
    wg_function *fn = record();
    const wg_program *program = wg_function_program(fn, WG_MODE_gradient);
    const uint32_t in[] = {0}, out[] = {0, 1};
    const wg_ports ports = {1, 2, in, out};
    wg_nest *nest = NULL;
    long granted = 0;
    for (; nest == NULL; granted++) {
        wg_test_refuse_after(granted);
        nest = wg_nest_new(program, &ports, false, 10000, "nest");
        if (nest == NULL) {
            const long left = wg_test_blocks();
            wg_test_allow();
            cr_assert_eq(left, 0, "request %ld leaks", granted);
            cr_assert_eq(wg_last_status(), WG_ERROR_MEMORY, "%s", wg_last_message());
        }
    }
    wg_test_allow();
    cr_expect_gt(granted, 10);
    wg_nest_free(nest);
    wg_function_free(fn);
}

Test(compile_allocation, writing_c_fails_clean) {
    char *folder = folder_new(), path[4200];
    wg_function *fn = record();
    (void)snprintf(path, sizeof path, "%s/f.c", folder);
    wg_status status = WG_ERROR_MEMORY;
    for (long granted = 0; status != WG_OK; granted++) {
        wg_test_refuse_after(granted);
        status = wg_function_write_c(fn, path, "f");
        const long left = wg_test_blocks();
        wg_test_allow();
        /* a stream's memory is the C library's */
        cr_assert(status == WG_OK || status == WG_ERROR_MEMORY || status == WG_ERROR_FILE, "%s",
                  wg_last_message());
        cr_assert_eq(left, 0, "request %ld leaks", granted);
    }
    wg_function_free(fn);
    folder_remove(folder);
}

#if defined(WG_HAVE_DL)
/* What the loader and the process starter ask for themselves may be refused, too: then any error is
 * right, and the function runs as before. */
Test(compile_allocation, compiling_fails_clean) {
    need_compiler();
    char *folder = folder_new();
    double x[POINTS * N], y[POINTS], d[POINTS * N], want_y[POINTS], want_d[POINTS * N];
    wg_compile_options options = wg_compile_defaults();
    options.flags = "-O0 -ffp-contract=off";
    options.cache = folder;
    wg_function *plain = record(), *first = record();
    for (int i = 0; i < POINTS * N; i++) {
        x[i] = 0.125 * (i % 7);
    }
    cr_assert_eq(wg_function_gradient(plain, POINTS, x, want_y, want_d), WG_OK);
    cr_assert_eq(wg_function_compile(first, options), WG_OK, "%s", wg_last_message());
    wg_function_free(first);
    bool compiled = false;
    for (long granted = 0; !compiled; granted++) {
        wg_function *fn = record();
        wg_test_refuse_after(granted);
        compiled = wg_function_compile(fn, options) == WG_OK;
        wg_test_allow();
        cr_assert_eq(compiled, wg_function_is_compiled(fn));
        cr_assert_eq(wg_function_gradient(fn, POINTS, x, y, d), WG_OK);
        for (int i = 0; i < POINTS * N; i++) {
            cr_assert_float_eq(d[i], want_d[i], 1e-9 * (1 + want_d[i] * want_d[i]));
        }
        wg_function_free(fn);
    }
    wg_function_free(plain);
    folder_remove(folder);
}

Test(compile_allocation, running_compiled_code_fails_clean) {
    need_compiler();
    char *folder = folder_new();
    double x[POINTS * N] = {0}, d[POINTS * N];
    wg_compile_options options = wg_compile_defaults();
    options.flags = "-O0";
    options.cache = folder;
    wg_function *fn = record();
    cr_assert_eq(wg_function_compile(fn, options), WG_OK, "%s", wg_last_message());
    wg_status status = WG_ERROR_MEMORY;
    long granted = 0;
    for (; status != WG_OK; granted++) {
        wg_test_refuse_after(granted);
        status = wg_function_gradient(fn, POINTS, x, NULL, d);
        wg_test_allow();
        cr_assert(status == WG_OK || status == WG_ERROR_MEMORY);
    }
    cr_expect_gt(granted, 1, "it asked for nothing");
    wg_function_free(fn);
    folder_remove(folder);
}
#endif
