/* Optimizers, averages and the range test when memory runs out: nothing has changed then. */
#include "../optim/rules.h"
#include "allocation.h"

#include "optim/optimizer.h"
#include "wengert/average.h"
#include "wengert/lr_range.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum {
    COUNT = 12,
    PARTS = 2
};
static const char *const names[PARTS] = {"a", "b"};
static const wg_dtype dtypes[PARTS] = {WG_F64, WG_F32};

static wg_store *new_store(void) {
    wg_store *store = wg_store_new(1);
    for (int p = 0; p < PARTS; p++) {
        make_parameter(store, names[p], dtypes[p], 2, (int64_t[]){4, 3});
    }
    return store;
}

static void push(wg_store *store) {
    for (int p = 0; p < PARTS; p++) {
        wg_parameter_view view = find_parameter(store, names[p]);
        for (int k = 0; k < COUNT; k++) {
            set_element(dtypes[p], view.gradient, k, sin(k + p));
        }
    }
}

/* Values, and where asked for gradients, as doubles. */
static void read_all(wg_store *store, bool gradients, double *out) {
    for (int p = 0, i = 0; p < PARTS; p++) {
        wg_parameter_view view = find_parameter(store, names[p]);
        for (int k = 0; k < COUNT; k++, i++) {
            out[i] = get_element(dtypes[p], gradients ? view.gradient : view.value.data, k);
        }
    }
}

/* Of every rule: the first step, refused at each request in turn, changes nothing; the same step
 * later gives the same bits; and steps after it ask for nothing. */
Test(optim_allocation, refused_steps_change_nothing) {
    for (int i = 0; i < RULES; i++) {
        wg_store *store = new_store(), *other = new_store();
        wg_optimizer *optimizer = make_rule(&rules[i], store), *o = make_rule(&rules[i], other);
        double before[2][PARTS * COUNT], after[2][PARTS * COUNT];
        push(store);
        push(other);
        read_all(store, false, before[0]);
        read_all(store, true, before[1]);
        wg_status status = WG_ERROR_MEMORY;
        for (long granted = 0; status != WG_OK && granted < 100; granted++) {
            wg_test_refuse_one(granted);
            status = wg_step(optimizer, NULL);
            wg_test_allow();
            if (status != WG_OK) {
                cr_assert_eq(status, WG_ERROR_MEMORY);
                read_all(store, false, after[0]);
                read_all(store, true, after[1]);
                cr_assert_arr_eq(before, after, sizeof before, "%s, %ld", rules[i].name, granted);
                cr_assert_eq(wg_steps(optimizer), 0);
            }
        }
        cr_assert_eq(wg_step(o, NULL), WG_OK);
        read_all(store, false, before[0]);
        read_all(other, false, after[0]);
        cr_assert_arr_eq(before[0], after[0], sizeof before[0], "%s", rules[i].name);
        push(store);
        wg_test_allow();
        cr_assert_eq(wg_step(optimizer, NULL), WG_OK);
        cr_assert_eq(wg_test_requests(), 0, "%s: %ld requests", rules[i].name, wg_test_requests());
        wg_optimizer_free(optimizer);
        wg_optimizer_free(o);
        wg_store_free(store);
        wg_store_free(other);
    }
}

Test(optim_allocation, constructors_say_that_there_is_no_memory) {
    wg_store *store = new_store();
    for (int i = 0; i < RULES; i++) {
        wg_optimizer *optimizer = NULL;
        for (long granted = 0; optimizer == NULL && granted < 10; granted++) {
            wg_test_refuse_one(granted);
            optimizer = rules[i].make(store);
            if (optimizer == NULL) {
                cr_assert_not_null(strstr(wg_last_message(), "memory"));
                cr_assert_eq(wg_test_blocks(), 0);
            }
            wg_test_allow();
        }
        wg_test_refuse_after(0);
        cr_assert_eq(wg_optimizer_group(optimizer, "a", wg_group_defaults(optimizer)),
                     WG_ERROR_MEMORY);
        wg_test_allow();
        wg_optimizer_free(optimizer);
    }
    wg_store_free(store);
}

/* Σ (w − 1)⁴. */
static wg_status bowl(void *context, double *loss) {
    wg_store *store = context;
    *loss = 0;
    for (int p = 0; p < PARTS; p++) {
        wg_parameter_view view;
        if (wg_store_find(store, names[p], &view) != WG_OK) {
            return WG_ERROR_MEMORY;
        }
        for (int k = 0; k < COUNT; k++) {
            const double d = get_element(dtypes[p], view.value.data, k) - 1;
            *loss += d * d * d * d;
            set_element(dtypes[p], view.gradient, k, 4 * d * d * d);
        }
    }
    return WG_OK;
}

Test(optim_allocation, lbfgs_comes_back_from_every_refusal) {
    const wg_lbfgs_options options = {.iterations = 3, .history = 4};
    wg_optimizer *optimizer = NULL;
    wg_store *store = new_store();
    for (long granted = 0; optimizer == NULL; granted++) {
        wg_test_refuse_one(granted);
        optimizer = wg_lbfgs(store, options);
        cr_assert(optimizer != NULL || wg_test_blocks() == 0);
        wg_test_allow();
    }
    double before[PARTS * COUNT], after[PARTS * COUNT], loss;
    for (int step = 0; step < 4; step++) {
        read_all(store, false, before);
        wg_status status = WG_ERROR_MEMORY;
        for (long granted = 0; status != WG_OK && granted < 200; granted++) {
            wg_test_refuse_one(granted);
            status = wg_lbfgs_step(optimizer, bowl, store, &loss);
            wg_test_allow();
            if (status != WG_OK) {
                read_all(store, false, after);
                cr_assert_arr_eq(before, after, sizeof before, "step %d, %ld", step, granted);
            }
        }
        cr_assert_eq(status, WG_OK);
    }
    for (int i = 0; i < 2; i++) { /* the history fills up */
        cr_assert_eq(wg_lbfgs_step(optimizer, bowl, store, &loss), WG_OK);
    }
    wg_test_allow();
    cr_assert_eq(wg_lbfgs_step(optimizer, bowl, store, &loss), WG_OK);
    cr_assert_eq(wg_test_requests(), 0, "%ld requests", wg_test_requests());
    wg_optimizer_free(optimizer);
    wg_store_free(store);
}

Test(optim_allocation, restoring_comes_back_from_every_refusal) {
    static const double data[COUNT];
    wg_store *store = new_store();
    wg_optimizer *optimizer = wg_adam(store, wg_adam_defaults());
    push(store);
    cr_assert_eq(wg_step(optimizer, NULL), WG_OK);
    wg_status status = WG_ERROR_MEMORY;
    for (long granted = 0; status != WG_OK && granted < 100; granted++) {
        wg_test_refuse_one(granted);
        wg_restore *restore = wg_restore_new(optimizer);
        status = restore != NULL ? wg_restore_birth(restore, "a", 1) : WG_ERROR_MEMORY;
        if (status == WG_OK) {
            status = wg_restore_slot(restore, "a", 0, WG_F64, COUNT, data);
        }
        if (status == WG_OK) {
            status = wg_restore_slot(restore, "c", 1, WG_F32, 3, data);
        }
        wg_restore_free(restore);
        cr_assert_eq(wg_test_blocks(), 0, "%ld", granted);
        wg_test_allow();
    }
    cr_assert_eq(status, WG_OK);
    wg_optimizer_free(optimizer);
    wg_store_free(store);
}

/* What a file brought waits until a step has room for it. */
Test(optim_allocation, restored_state_waits_for_memory) {
    double data[COUNT], moved[2];
    for (int k = 0; k < COUNT; k++) {
        data[k] = 5 + k;
    }
    for (int refuse = 0; refuse < 2; refuse++) {
        wg_store *store = new_store();
        wg_optimizer *optimizer = wg_adam(store, wg_adam_defaults());
        wg_restore *restore = wg_restore_new(optimizer);
        cr_assert_eq(wg_restore_slot(restore, "a", 0, WG_F64, COUNT, data), WG_OK);
        wg_restore_commit(optimizer, restore, 3, 0.1);
        wg_status status = WG_ERROR_MEMORY;
        for (long granted = 0; status != WG_OK && granted < 100; granted++) {
            refuse ? wg_test_refuse_one(granted) : wg_test_allow();
            status = wg_step(optimizer, NULL);
            wg_test_allow();
        }
        cr_assert_eq(status, WG_OK);
        moved[refuse] = get_element(WG_F64, find_parameter(store, "a").value.data, 0);
        wg_optimizer_free(optimizer);
        wg_store_free(store);
    }
    cr_assert_eq(moved[0], moved[1]);
}

Test(optim_allocation, averages_come_back_from_every_refusal) {
    wg_store *store = new_store();
    wg_test_refuse_after(0);
    cr_assert_null(wg_average_new(store, (wg_average_options){.decay = 0.5}));
    wg_test_allow();
    wg_average *average = wg_average_new(store, (wg_average_options){.decay = 0.5});
    for (int round = 0; round < 2; round++) {
        wg_status status = WG_ERROR_MEMORY;
        for (long granted = 0; status != WG_OK && granted < 20; granted++) {
            wg_test_refuse_one(granted);
            status = wg_average_update(average);
            cr_assert(status == WG_OK || wg_test_blocks() == 0);
            wg_test_allow();
            cr_assert_eq(wg_average_updates(average), (uint64_t)(round + (status == WG_OK)));
        }
        make_parameter(store, "aa", WG_F64, 1, (int64_t[]){3});
    }
    wg_test_allow();
    cr_assert_eq(wg_average_update(average), WG_OK);
    wg_average_swap(average);
    wg_average_swap(average);
    cr_assert_eq(wg_test_requests(), 0);
    wg_average_free(average);
    wg_store_free(store);
}

typedef struct task {
    wg_store *store;
    wg_optimizer *optimizer;
} task;

static wg_status step(void *context, double *loss) {
    const task *t = context;
    const wg_status status = bowl(t->store, loss);
    return status == WG_OK ? wg_step(t->optimizer, NULL) : status;
}

Test(optim_allocation, the_range_test_comes_back_from_every_refusal) {
    wg_store *store = new_store();
    task t = {store, wg_adam(store, wg_adam_defaults())};
    double before[PARTS * COUNT], after[PARTS * COUNT];
    wg_lr_range found;
    read_all(store, false, before);
    wg_status status = WG_ERROR_MEMORY;
    for (long granted = 0; status != WG_OK && granted < 300; granted++) {
        wg_test_refuse_one(granted);
        status =
            wg_lr_range_test(t.optimizer, step, &t, (wg_lr_range_options){.steps = 20}, &found);
        wg_test_allow();
        read_all(store, false, after);
        cr_assert_arr_eq(before, after, sizeof before, "%ld", granted);
        cr_assert(wg_steps(t.optimizer) == 0 && wg_lr(t.optimizer) == 1e-3);
    }
    cr_assert_eq(status, WG_OK);
    wg_optimizer_free(t.optimizer);
    wg_store_free(store);
}

/* Clipping and scaling ask for memory where parameters wait to be packed. */
Test(optim_allocation, clipping_comes_back_from_a_refusal) {
    wg_store *store = wg_store_new(1);
    make_parameter(store, "a", WG_F32, 1, (int64_t[]){3});
    wg_test_refuse_after(0);
    cr_assert_eq(wg_clip_value(store, 1), WG_ERROR_MEMORY);
    cr_assert_eq(wg_scale_gradients(store, 1), WG_ERROR_MEMORY);
    wg_test_allow();
    cr_assert_eq(wg_clip_value(store, 1), WG_OK);
    wg_store_free(store);
}
