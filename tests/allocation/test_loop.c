/* Calls and loops of recorded functions when memory runs out. */
#include "allocation.h"
#include "wengert/array.h"
#include "wengert/elementwise.h"
#include "wengert/loop.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static void body(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    y[0] = wg_mul(wg_sin(x[0]), wg_add(x[1], x[2]));
    y[1] = wg_sub(wg_mul(0.7, x[1]), wg_square(wg_mul(x[0], x[2])));
}

/* Calls, rows and a loop; gradients of both kinds, to the second order. */
static wg_status run(const wg_function *fn, wg_tape *tape, double *result) {
    wg_var s = wg_scalar(tape, 0.4), y[2], g;
    const wg_var x[3] = {s, wg_number(0.2), s};
    (void)wg_function_call(fn, x, y);
    wg_var rows = wg_function_apply(fn, wg_mul(wg_full(tape, WG_F64, WG_SHAPE(40, 3), 0.3), s));
    wg_var end =
        wg_checkpointed_loop(fn, 30, wg_stack(tape, 2, y), s, (wg_loop_options){.memory = 100});
    wg_var z = wg_add(wg_sum(rows), wg_sum(wg_square(end)));
    (void)wg_grad(z, &s, 1, &g);
    (void)wg_backward(wg_add(wg_square(g), z));
    *result = wg_adjoint(s);
    return wg_tape_status(tape);
}

static wg_status everything(double *result) {
    wg_function *fn = wg_function_record(body, NULL, 3, 2, NULL, wg_function_defaults());
    wg_tape *tape = fn != NULL ? wg_tape_new() : NULL;
    wg_status status = WG_ERROR_MEMORY;
    if (tape != NULL) {
        status = run(fn, tape, result);
        cr_assert(status == WG_OK || strstr(wg_tape_message(tape), "memory") != NULL, "%s",
                  wg_tape_message(tape));
    }
    wg_tape_free(tape);
    wg_function_free(fn);
    return status;
}

/* Every request refused in turn: an error or the right result, and nothing leaks. */
static void survive(void (*refuse)(long)) {
    double want = NAN;
    cr_assert_eq(everything(&want), WG_OK); /* what other libraries set up once is set up now */
    cr_assert(isfinite(want));
    wg_test_allow();
    cr_assert_eq(everything(&want), WG_OK);
    const long all = wg_test_requests();
    long failures = 0;
    for (long granted = 0; granted < all; granted++) {
        double got = NAN;
        refuse(granted);
        const wg_status status = everything(&got);
        cr_assert(status == WG_OK || status == WG_ERROR_MEMORY, "request %ld: %d", granted,
                  (int)status);
        cr_assert(status != WG_OK || got == want, "request %ld: %g, not %g", granted, got, want);
        failures += status != WG_OK ? 1 : 0;
        cr_assert_eq(wg_test_blocks(), 0, "request %ld: %ld blocks leaked", granted,
                     wg_test_blocks());
    }
    wg_test_allow();
    cr_assert_gt(failures, all / 2, "%ld of %ld", failures, all);
}

Test(loop_allocation, survives_every_single_refusal) {
    survive(wg_test_refuse_one);
}

Test(loop_allocation, survives_every_lasting_refusal) {
    survive(wg_test_refuse_after);
}

/* A function whose derivatives could not be made makes them when asked again. */
Test(loop_allocation, a_refusal_leaves_the_function_whole) {
    wg_function *fn = wg_function_record(body, NULL, 3, 2, NULL, wg_function_defaults());
    double want = NAN, got = NAN;
    cr_assert_eq(everything(&want), WG_OK);
    wg_status status = WG_ERROR_MEMORY;
    for (long granted = 0; granted < 5000 && status != WG_OK; granted++) {
        wg_tape *tape = wg_tape_new();
        wg_test_refuse_one(granted);
        status = run(fn, tape, &got);
        wg_test_allow();
        wg_tape_free(tape);
    }
    cr_assert_eq(status, WG_OK);
    cr_assert_eq(got, want);
    wg_function_free(fn);
}

/* Calls and loops find their memory on the tape, from the second time on. */
Test(loop_allocation, steps_ask_for_no_memory) {
    wg_function *fn = wg_function_record(body, NULL, 3, 2, NULL, wg_function_defaults());
    wg_tape *tape = wg_tape_new();
    for (int k = 0; k < 20; k++) {
        if (k == 1) {
            wg_test_allow();
        }
        wg_var x[3] = {wg_scalar(tape, 0.1 * k), wg_number(1), wg_scalar(tape, 0.5)}, y[2];
        cr_assert_eq(wg_function_call(fn, x, y), WG_OK);
        wg_var end = wg_checkpointed_loop(fn, 50, wg_stack(tape, 2, y), x[0],
                                          (wg_loop_options){.memory = 200});
        cr_assert_eq(wg_backward(wg_sum(end)), WG_OK, "%s", wg_tape_message(tape));
        wg_tape_reset(tape);
    }
    cr_assert_eq(wg_test_requests(), 0, "%ld requests in 19 steps", wg_test_requests());
    wg_tape_free(tape);
    wg_function_free(fn);
}
