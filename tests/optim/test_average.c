/* test_average.c: averages of weights by their formulas; swapped in and out; parameters and buffers
 * that come later. */
#include "rules.h"

#include "optim/average.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum {
    SIZE = 5
};

static void set_all(wg_store *store, const char *name, double base) {
    wg_parameter_view view = find_parameter(store, name);
    for (int k = 0; k < SIZE; k++) {
        if (view.value.dtype == WG_I64) {
            ((int64_t *)view.value.data)[k] = (int64_t)(100 * base) + k;
        } else {
            set_element(view.value.dtype, view.value.data, k, base + k);
        }
    }
}

static double first_of(wg_store *store, const char *name) {
    wg_parameter_view view = find_parameter(store, name);
    return view.value.dtype == WG_I64 ? (double)((int64_t *)view.value.data)[0]
                                      : get_element(view.value.dtype, view.value.data, 0);
}

static void make(wg_store *store, const char *name, wg_dtype dtype) {
    make_parameter(store, name, dtype, 1, (int64_t[]){SIZE});
}

static void make_buffer(wg_store *store, const char *name, wg_dtype dtype) {
    wg_tape *tape = wg_tape_new();
    wg_buffer(wg_net_train(store, tape, 0), name, dtype, 1, (int64_t[]){SIZE}, 0);
    cr_assert_eq(wg_tape_status(tape), WG_OK, "%s", wg_tape_message(tape));
    wg_tape_free(tape);
}

/* What the average of base(0), base(1) … is after `updates`. */
static double expected(wg_average_options o, int from, int updates) {
    double mean = 0;
    for (int k = 0; k < updates; k++) {
        const double w = sin(from + k);
        double share = o.decay > 0 ? 1 - o.decay : 1.0 / (k + 1);
        if (o.warm_up) {
            share = 1 - fmin(o.decay, (1.0 + k) / (10.0 + k));
        }
        mean = k == 0 ? w : mean + share * (w - mean);
    }
    return mean;
}

Test(average, follows_its_formula_and_new_parameters) {
    static const wg_average_options all[] = {{.decay = 0},
                                             {.decay = 0.9},
                                             {.decay = 0.9, .warm_up = true},
                                             {.decay = 0.99, .buffers = true}};
    for (int i = 0; i < 4; i++) {
        wg_store *store = wg_store_new(1);
        wg_average *average = wg_average_new(store, all[i]);
        make(store, "m", WG_F64);
        make(store, "n", WG_F32);
        make_buffer(store, "b", WG_F64);
        make_buffer(store, "count", WG_I64);
        for (int k = 0; k < 30; k++) {
            if (k == 10) {
                make(store, "a", WG_F64); /* before the others, by name */
                make(store, "z", WG_F64);
                set_all(store, "z", 7);
            }
            set_all(store, "m", sin(k));
            set_all(store, "n", sin(k));
            set_all(store, "b", sin(k));
            set_all(store, "count", k);
            if (k >= 10) {
                set_all(store, "a", sin(k));
            }
            cr_assert_eq(wg_average_update(average), WG_OK, "%s", wg_last_message());
        }
        cr_assert_eq(wg_average_updates(average), 30);
        make(store, "later", WG_F64);
        set_all(store, "later", 3);
        wg_average_swap(average);
        cr_assert(wg_average_is_swapped(average));
        cr_assert_eq(wg_average_update(average), WG_ERROR_STATE);
        cr_assert_float_eq(first_of(store, "m"), expected(all[i], 0, 30), 1e-14);
        cr_assert_float_eq(first_of(store, "n"), expected(all[i], 0, 30), 1e-6);
        cr_assert_float_eq(first_of(store, "a"), expected(all[i], 10, 20), 1e-14);
        cr_assert_eq(first_of(store, "z"), 7);
        cr_assert_eq(first_of(store, "later"), 3);
        cr_assert_float_eq(first_of(store, "b"), all[i].buffers ? expected(all[i], 0, 30) : sin(29),
                           1e-14);
        cr_assert_eq(first_of(store, "count"), 2900);
        wg_average_swap(average);
        cr_assert(!wg_average_is_swapped(average));
        cr_assert_eq(first_of(store, "m"), sin(29));
        cr_assert_eq(first_of(store, "n"), (float)sin(29));
        cr_assert_eq(wg_average_update(average), WG_OK);
        wg_average_free(average);
        wg_store_free(store);
    }
}

/* The means and counts of one go into another, and it goes on alike. */
Test(average, can_be_carried_over) {
    wg_store *store = wg_store_new(1);
    const wg_average_options o = {.decay = 0.5, .warm_up = true};
    wg_average *a = wg_average_new(store, o), *b = wg_average_new(store, o);
    make(store, "v", WG_F64);
    make(store, "w", WG_F64);
    for (int k = 0; k < 5; k++) {
        set_all(store, "w", sin(k));
        cr_assert_eq(wg_average_update(a), WG_OK);
    }
    cr_assert_eq(a->count, 2);
    cr_assert_eq(wg_average_put(b, a->entries[1].param, a->entries[1].updates, a->entries[1].mean),
                 WG_OK);
    cr_assert_eq(wg_average_updates(b), 5);
    const double v = first_of(store, "v");
    wg_average_swap(b); /* of v it has none yet */
    cr_assert_eq(first_of(store, "v"), v);
    wg_average_swap(b);
    cr_assert_eq(wg_average_update(a), WG_OK);
    cr_assert_eq(wg_average_update(b), WG_OK);
    cr_assert_arr_eq(a->entries[1].mean, b->entries[1].mean, SIZE * sizeof(double));
    wg_average_free(a);
    wg_average_free(b);
    wg_store_free(store);
}

Test(average, refuses_and_stands_empty_stores) {
    wg_store *store = wg_store_new(1);
    cr_assert_null(wg_average_new(store, (wg_average_options){.decay = 1}));
    cr_assert_not_null(strstr(wg_last_message(), "decay is 1"));
    cr_assert_null(wg_average_new(store, (wg_average_options){.decay = NAN}));
    cr_assert_eq(wg_average_update(NULL), WG_ERROR_ARGUMENT);
    wg_average_swap(NULL);
    wg_average_free(NULL);
    wg_average *average = wg_average_new(store, (wg_average_options){.decay = 0.5});
    cr_assert_eq(wg_average_update(average), WG_OK);
    wg_average_swap(average);
    wg_average_swap(average);
    wg_average_free(average);
    wg_store_free(store);
}
