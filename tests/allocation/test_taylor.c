/* Series when memory runs out. */
#include "allocation.h"
#include "wengert/elementwise.h"
#include "wengert/taylor.h"

#include <criterion/criterion.h>
#include <string.h>

enum {
    ORDER = 6
};

static void pendulum(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    y[0] = x[1];
    y[1] = wg_neg(wg_sin(x[0]));
}

/* False, without a trace, where memory ran out. */
static bool run(const wg_function *fn, double *y) {
    const double x[2] = {0.5, 0.1};
    wg_taylor *taylor = wg_function_taylor_solution(fn, ORDER);
    const bool done = taylor != NULL && wg_taylor_run(taylor, 1, x, y) == WG_OK;
    if (!done) {
        cr_assert_not_null(strstr(wg_last_message(), "memory"), "%s", wg_last_message());
    }
    wg_taylor_free(taylor);
    return done;
}

static void refuse_each(void (*refuse)(long)) {
    double want[2 * (ORDER + 1)], got[2 * (ORDER + 1)];
    wg_function *fn = wg_function_record(pendulum, NULL, 2, 2, NULL, wg_function_defaults());
    wg_test_allow();
    cr_assert(run(fn, want));
    const long all = wg_test_requests();
    long failures = 0;
    for (long granted = 0; granted < all; granted++) {
        refuse(granted);
        failures += run(fn, got) ? 0 : 1;
        cr_assert_eq(wg_test_blocks(), 0, "request %ld", granted);
    }
    wg_test_allow();
    cr_assert(run(fn, got));
    cr_assert_eq(memcmp(got, want, sizeof got), 0);
    cr_assert_gt(failures, all / 2);
    wg_function_free(fn);
}

Test(taylor_allocation, survives_every_refusal) {
    refuse_each(wg_test_refuse_one);
    refuse_each(wg_test_refuse_after);
}
