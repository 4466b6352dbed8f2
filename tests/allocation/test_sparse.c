/* Sparse derivatives when memory runs out. */
#include "allocation.h"
#include "wengert/elementwise.h"
#include "wengert/sparse.h"

#include <criterion/criterion.h>
#include <string.h>

enum {
    WIDTH = 12,
    POINTS = 3,
    ENTRIES = WIDTH * WIDTH
};

/* A loop: its acyclic colouring leaves entries to substitution. */
static void ring(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    for (int i = 0; i < WIDTH; i++) {
        y[i] = wg_mul(wg_sin(x[i]), wg_exp(x[(i + 1) % WIDTH]));
    }
}

/* One way of making and using it; false, without a trace, where memory ran out. */
static bool run(const wg_function *fn, bool hessian, wg_sparse_method method, double *values) {
    double x[POINTS * WIDTH];
    for (int i = 0; i < POINTS * WIDTH; i++) {
        x[i] = 0.1 + 0.01 * i;
    }
    wg_sparse *sparse = hessian ? wg_function_sparse_hessian(fn, (wg_sparse_options){method})
                                : wg_function_sparse_jacobian(fn, (wg_sparse_options){method});
    const bool done = sparse != NULL && wg_sparse_values(sparse, POINTS, x, NULL, values) == WG_OK;
    if (!done) {
        cr_assert_not_null(strstr(wg_last_message(), "memory"), "%s", wg_last_message());
    }
    wg_sparse_free(sparse);
    return done;
}

/* Every request refused in turn, alone or with all behind it. The function and its programs stay in
 * order: the same call works behind a refusal, and nothing is left when the function goes. */
static void refuse_each(bool hessian, wg_sparse_method method, void (*refuse)(long)) {
    static double want[POINTS * ENTRIES], got[POINTS * ENTRIES];
    long failures = 0, all = 0;
    for (long granted = -1; granted < all; granted++) {
        wg_test_allow();
        wg_function *fn =
            wg_function_record(ring, NULL, WIDTH, WIDTH, NULL, wg_function_defaults());
        cr_assert_not_null(fn, "%s", wg_last_message());
        long blocks = wg_test_blocks();
        if (granted < 0) {
            wg_test_refuse_after(1000000);
            cr_assert(run(fn, hessian, method, want), "%s", wg_last_message());
            all = wg_test_requests();
        } else {
            refuse(granted);
            failures += run(fn, hessian, method, got) ? 0 : 1;
        }
        blocks += wg_test_blocks();
        wg_test_allow();
        cr_assert(run(fn, hessian, method, got), "request %ld: %s", granted, wg_last_message());
        cr_assert_eq(memcmp(got, want, sizeof got), 0, "request %ld", granted);
        wg_function_free(fn);
        blocks += wg_test_blocks();
        cr_assert_eq(blocks, 0, "request %ld: %ld blocks leaked", granted, blocks);
    }
    cr_assert_gt(failures, 10, "%ld of %ld", failures, all);
}

Test(sparse_allocation, jacobians_survive_every_refusal) {
    for (int method = WG_SPARSE_AUTO; method <= WG_SPARSE_ROWS; method++) {
        refuse_each(false, (wg_sparse_method)method, wg_test_refuse_one);
        refuse_each(false, (wg_sparse_method)method, wg_test_refuse_after);
    }
}

Test(sparse_allocation, hessians_survive_every_refusal) {
    static const wg_sparse_method methods[] = {WG_SPARSE_AUTO, WG_SPARSE_STAR, WG_SPARSE_ACYCLIC};
    for (int k = 0; k < 3; k++) {
        refuse_each(true, methods[k], wg_test_refuse_one);
        refuse_each(true, methods[k], wg_test_refuse_after);
    }
}
