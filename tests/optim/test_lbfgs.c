/* test_lbfgs.c: L-BFGS goes where PyTorch's goes, and comes back from failures. */
#include "rules.h"

#include "wengert/elementwise.h"
#include "wengert/reduce.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <math.h>
#include <string.h>

enum {
    SIZE = 13
};

/* The chained function of Rosenbrock over parameters a [1], m [2, 3], t [3, 2]. */
typedef struct valley {
    wg_store *store;
    wg_dtype dtype;
    int calls, fail_at; /* the call that fails, counted from 1; 0 for none */
    bool grow, nan;     /* at that call makes a parameter, or returns NaN, instead */
} valley;

static const char *const names[] = {"a", "m", "t"};
static const int counts[] = {1, 6, 6};

static void read_all(const valley *v, double *w) {
    for (int p = 0, i = 0; p < 3; p++) {
        wg_parameter_view view = find_parameter(v->store, names[p]);
        for (int k = 0; k < counts[p]; k++, i++) {
            w[i] = get_element(v->dtype, view.value.data, k);
        }
    }
}

static void begin(valley *v) {
    static const int64_t shapes[3][2] = {{1}, {2, 3}, {3, 2}};
    for (int p = 0, i = 0; p < 3; p++) {
        make_parameter(v->store, names[p], v->dtype, p == 0 ? 1 : 2, shapes[p]);
        wg_parameter_view view = find_parameter(v->store, names[p]);
        for (int k = 0; k < counts[p]; k++, i++) {
            set_element(v->dtype, view.value.data, k, cos(2.0 * i + 1));
        }
    }
}

static wg_status descend(void *context, double *loss) {
    valley *v = context;
    double w[SIZE], g[SIZE] = {0};
    if (++v->calls == v->fail_at) {
        if (v->grow) {
            make_parameter(v->store, "b", v->dtype, 1, (int64_t[]){5});
            (void)find_parameter(v->store, "t"); /* packs */
        } else if (!v->nan) {
            return WG_ERROR_SHAPE;
        }
    }
    read_all(v, w);
    *loss = 0;
    for (int i = 0; i + 1 < SIZE; i++) {
        const double rise = w[i + 1] - w[i] * w[i], rest = 1 - w[i];
        *loss += 100 * rise * rise + rest * rest;
        g[i] += -400 * rise * w[i] - 2 * rest;
        g[i + 1] += 200 * rise;
    }
    for (int p = 0, i = 0; p < 3; p++) {
        wg_parameter_view view = find_parameter(v->store, names[p]);
        for (int k = 0; k < counts[p]; k++, i++) {
            set_element(v->dtype, view.gradient, k, view.frozen ? 0 : g[i]);
        }
    }
    *loss = v->nan && v->calls == v->fail_at ? NAN : *loss;
    return WG_OK;
}

static void follow(const char *name, wg_lbfgs_options options, double tolerance) {
    valley v = {.store = wg_store_new(1), .dtype = WG_F64};
    begin(&v);
    wg_optimizer *optimizer = wg_lbfgs(v.store, options);
    cr_assert_not_null(optimizer, "%s", wg_last_message());
    int found = 0;
    for (int step = 1; step <= 100; step++) {
        double loss, expected[SIZE + 1], w[SIZE];
        cr_assert_eq(wg_lbfgs_step(optimizer, descend, &v, &loss), WG_OK, "%s", wg_last_message());
        if (!golden_row(name, step, SIZE + 1, expected)) {
            continue;
        }
        read_all(&v, w);
        found++;
        cr_assert_float_eq(loss, expected[0], tolerance * fmax(1, expected[0]),
                           "%s, step %d: loss %.17g, not %.17g", name, step, loss, expected[0]);
        for (int i = 0; i < SIZE; i++) {
            cr_assert_float_eq(w[i], expected[i + 1], tolerance, "%s, step %d: %.17g, not %.17g",
                               name, step, w[i], expected[i + 1]);
        }
    }
    cr_assert_geq(found, 4);
    cr_assert_eq(wg_steps(optimizer), 100);
    wg_optimizer_free(optimizer);
    wg_store_free(v.store);
}

/* The last bits of sums differ, and the valley makes more of them. */
Test(lbfgs, goes_where_pytorch_goes) {
    follow("lbfgs", (wg_lbfgs_options){.lr = 1}, 1e-7);
    follow("lbfgs_short", (wg_lbfgs_options){.iterations = 2, .history = 5}, 1e-7);
    follow("lbfgs_fixed",
           (wg_lbfgs_options){.lr = 0.05, .iterations = 2, .history = 20, .no_line_search = true},
           1e-7);
}

Test(lbfgs, finds_the_minimum_in_f32_and_with_a_part_frozen) {
    valley v = {.store = wg_store_new(1), .dtype = WG_F32};
    begin(&v);
    double before[SIZE], w[SIZE], loss = 0;
    read_all(&v, before);
    wg_optimizer *optimizer = wg_lbfgs(v.store, (wg_lbfgs_options){.lr = 1});
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(wg_lbfgs_step(optimizer, descend, &v, &loss), WG_OK);
    }
    read_all(&v, before);
    cr_assert_eq(wg_freeze(v.store, "t"), WG_OK);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(wg_lbfgs_step(optimizer, descend, &v, &loss), WG_OK);
    }
    read_all(&v, w);
    cr_assert_arr_eq(w + 7, before + 7, 6 * sizeof *w);
    cr_assert_eq(wg_unfreeze(v.store, "t"), WG_OK);
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(wg_lbfgs_step(optimizer, descend, &v, &loss), WG_OK);
    }
    cr_assert(loss < 1e-6, "%g", loss);
    cr_assert_eq(wg_gradient_norm(v.store), 0);
    wg_optimizer_free(optimizer);
    wg_store_free(v.store);
}

/* Whatever call of the closure fails, the parameters are as before the step. */
Test(lbfgs, a_failure_changes_nothing) {
    for (int fail_at = 1; fail_at <= 12; fail_at++) {
        valley v = {.store = wg_store_new(1), .dtype = WG_F64};
        begin(&v);
        wg_optimizer *optimizer = wg_lbfgs(v.store, (wg_lbfgs_options){.iterations = 4});
        double before[SIZE], after[SIZE], loss;
        cr_assert_eq(wg_lbfgs_step(optimizer, descend, &v, &loss), WG_OK);
        read_all(&v, before);
        v.calls = 0;
        v.fail_at = fail_at;
        const wg_status status = wg_lbfgs_step(optimizer, descend, &v, &loss);
        if (v.calls < fail_at) {
            fail_at = 12; /* it took fewer */
            cr_assert_eq(status, WG_OK);
        } else {
            cr_assert_eq(status, WG_ERROR_SHAPE);
            read_all(&v, after);
            cr_assert_arr_eq(before, after, sizeof before, "call %d", fail_at);
            cr_assert_eq(wg_gradient_norm(v.store), 0);
            cr_assert_eq(wg_steps(optimizer), 1);
            cr_assert_eq(wg_lbfgs_step(optimizer, descend, &v, &loss), WG_OK);
        }
        wg_optimizer_free(optimizer);
        wg_store_free(v.store);
    }
}

Test(lbfgs, parameters_may_come_at_first_but_not_during_a_step) {
    valley v = {.store = wg_store_new(1), .dtype = WG_F64, .grow = true};
    begin(&v);
    wg_optimizer *optimizer = wg_lbfgs(v.store, (wg_lbfgs_options){.iterations = 4});
    double before[SIZE], after[SIZE], loss;
    cr_assert_eq(wg_lbfgs_step(optimizer, descend, &v, &loss), WG_OK);
    read_all(&v, before);
    v.fail_at = v.calls + 3;
    cr_assert_eq(wg_lbfgs_step(optimizer, descend, &v, &loss), WG_ERROR_STATE);
    cr_assert_not_null(strstr(wg_last_message(), "closure made parameters"));
    read_all(&v, after);
    cr_assert_arr_eq(before, after, sizeof before);
    cr_assert_eq(wg_lbfgs_step(optimizer, descend, &v, &loss), WG_OK);
    cr_assert_eq(wg_lbfgs_step(optimizer, descend, &v, &loss), WG_OK);
    wg_optimizer_free(optimizer);
    wg_store_free(v.store);
}

/* A line search that runs into NaN keeps to where the loss is a number. */
Test(lbfgs, avoids_nan) {
    for (int at = 1; at < 8; at++) {
        valley v = {.store = wg_store_new(1), .dtype = WG_F64, .nan = true, .fail_at = at};
        begin(&v);
        wg_optimizer *optimizer = wg_lbfgs(v.store, (wg_lbfgs_options){.lr = 1});
        double w[SIZE], loss;
        for (int i = 0; i < 30; i++) {
            cr_assert_eq(wg_lbfgs_step(optimizer, descend, &v, &loss), WG_OK);
        }
        read_all(&v, w);
        cr_assert(loss < 1e-6, "%d: %g", at, loss);
        wg_optimizer_free(optimizer);
        wg_store_free(v.store);
    }
}

Test(lbfgs, refuses) {
    wg_store *store = wg_store_new(1);
    valley v = {.store = store};
    cr_assert_null(wg_lbfgs(store, (wg_lbfgs_options){.lr = -1}));
    cr_assert_null(wg_lbfgs(store, (wg_lbfgs_options){.history = -1}));
    cr_assert_null(wg_lbfgs(store, (wg_lbfgs_options){.iterations = -1}));
    cr_assert_null(wg_lbfgs(store, (wg_lbfgs_options){.iterations = INT_MAX}));
    cr_assert_not_null(strstr(wg_last_message(), "iterations is 2.14748e+09"));
    cr_assert_null(wg_lbfgs(store, (wg_lbfgs_options){.evaluations = -1}));
    cr_assert_null(wg_lbfgs(store, (wg_lbfgs_options){.gradient_tolerance = NAN}));
    wg_optimizer *lbfgs = wg_lbfgs(store, (wg_lbfgs_options){.lr = 1});
    wg_optimizer *sgd = wg_sgd(store, (wg_sgd_options){.lr = 1});
    cr_assert_eq(wg_step(lbfgs, NULL), WG_ERROR_STATE);
    cr_assert_not_null(strstr(wg_last_message(), "wg_lbfgs_step"));
    cr_assert_eq(wg_lbfgs_step(sgd, descend, &v, NULL), WG_ERROR_STATE);
    cr_assert_eq(wg_lbfgs_step(lbfgs, NULL, NULL, NULL), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_lbfgs_step(NULL, descend, &v, NULL), WG_ERROR_ARGUMENT);
    wg_optimizer_free(lbfgs);
    wg_optimizer_free(sgd);
    wg_store_free(store);
}
