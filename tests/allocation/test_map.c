/* Maps when memory runs out: what a function keeps for them, and what a sweep needs. */
#include "allocation.h"
#include "wengert/array.h"
#include "wengert/elementwise.h"
#include "wengert/map.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum {
    ROWS = 300,
    COLUMNS = 3
};

static void body(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    y[0] = wg_mul(wg_sin(wg_mul(x[0], x[1])), wg_sigmoid(wg_add(x[2], x[0])));
}

/* A function, its map, both kinds of sweep, gradients of gradients. */
static bool run(double *result) {
    static double data[ROWS * COLUMNS];
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        data[i] = sin(i);
    }
    wg_function *fn = wg_function_record(body, NULL, 3, 1, NULL, wg_function_defaults());
    wg_tape *tape = fn != NULL ? wg_tape_new() : NULL;
    if (tape == NULL) {
        wg_function_free(fn);
        return false;
    }
    const int64_t shape[] = {ROWS, COLUMNS};
    const wg_var x = wg_variable(tape, WG_F64, 2, shape, data);
    const wg_var row = wg_variable(tape, WG_F64, 1, shape + 1, data);
    const wg_var s = wg_scalar(tape, 0.4), xs[3] = {x, row, s};
    wg_var g[3];
    const wg_var y = wg_sum(wg_map(fn, x, row, s));
    (void)wg_grad(y, xs, 3, g);
    (void)wg_backward(wg_add(wg_mul(y, wg_map(fn, s, 1, 2)), wg_sum(wg_mul(g[0], g[1]))));
    *result = wg_adjoint(s) + wg_value(wg_map(fn, 1, 2, 3));
    const bool worked = wg_tape_status(tape) == WG_OK && !isnan(*result);
    if (!worked) {
        const wg_status status = wg_tape_status(tape);
        cr_assert(status == WG_ERROR_MEMORY || status == WG_OK, "%s", wg_tape_message(tape));
    }
    wg_tape_free(tape);
    wg_function_free(fn);
    return worked;
}

static void refuse_each(void (*refuse)(long)) {
    double want = 0, got = 0;
    wg_test_allow();
    cr_assert(run(&want), "%s", wg_last_message());
    cr_assert_eq(wg_test_blocks(), 0, "%ld blocks leaked", wg_test_blocks());
    const long all = wg_test_requests();
    for (long granted = 0; granted < all; granted++) {
        refuse(granted);
        if (run(&got)) {
            cr_assert_eq(got, want, "request %ld: %g, not %g", granted, got, want);
        } else {
            cr_assert_not_null(strstr(wg_last_message(), "memory"), "request %ld: %s", granted,
                               wg_last_message());
        }
        cr_assert_eq(wg_test_blocks(), 0, "request %ld: %ld blocks leaked", granted,
                     wg_test_blocks());
    }
    cr_assert_gt(all, 60);
}

Test(map_allocation, every_single_refusal_is_an_error_and_leaks_nothing) {
    refuse_each(wg_test_refuse_one);
}

Test(map_allocation, every_lasting_refusal_is_an_error_and_leaks_nothing) {
    refuse_each(wg_test_refuse_after);
}
