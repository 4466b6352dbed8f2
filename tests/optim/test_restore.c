/* test_restore.c: state taken out of one optimizer and put into another goes on to the same bits,
 * whether the parameters are there already or come later. */
#include "rules.h"

#include "optim/optimizer.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

enum {
    SIDE = 4,
    COUNT = SIDE * 3
};
static const char *const names[] = {"a", "b", "c"};

static wg_dtype dtype_of(int p) {
    return p == 1 ? WG_F32 : WG_F64;
}

static void make(wg_store *store, int p) {
    make_parameter(store, names[p], dtype_of(p), p == 2 ? 1 : 2,
                   p == 2 ? (int64_t[]){COUNT} : (int64_t[]){SIDE, 3});
}

static void push(wg_store *store, int step) {
    for (int p = 0; p < 3 && p < wg_store_count(store); p++) {
        wg_parameter_view view = find_parameter(store, names[p]);
        for (int k = 0; k < COUNT; k++) {
            set_element(dtype_of(p), view.gradient, k, sin(step + k + 0.3 * p));
        }
    }
}

/* Everything that a file would hold, from one optimizer into another. */
static void carry_over(wg_optimizer *from, wg_store *store, wg_optimizer *to) {
    cr_assert_eq(wg_optimizer_ready(from, "save"), WG_OK);
    cr_assert_str_eq(wg_optimizer_rule(from), wg_optimizer_rule(to));
    wg_restore *restore = wg_restore_new(to);
    cr_assert_not_null(restore);
    for (int64_t i = 0; i < wg_optimizer_scalars(from); i++) {
        cr_assert_eq(wg_restore_scalar(restore, wg_optimizer_scalar_name(from, i),
                                       wg_optimizer_scalar(from, i)),
                     WG_OK, "%s", wg_last_message());
    }
    for (int64_t i = 0; i < store->count; i++) {
        const wg_param *param = store->sorted[i];
        const char *name = param->named.text;
        cr_assert_eq(wg_restore_birth(restore, name, wg_optimizer_birth(from, param)), WG_OK);
        for (int64_t slot = 0; slot < wg_optimizer_slots(from); slot++) {
            const void *data = wg_optimizer_slot(from, slot, param);
            if (data != NULL) {
                cr_assert_not_null(wg_optimizer_slot_name(from, slot));
                cr_assert_eq(
                    wg_restore_slot(restore, name, slot, param->value.dtype, param->count, data),
                    WG_OK, "%s", wg_last_message());
            }
        }
    }
    wg_restore_commit(to, restore, wg_steps(from), wg_lr(from));
}

static void copy_values(wg_store *from, wg_store *to) {
    for (int p = 0; p < 3; p++) {
        wg_parameter_view a = find_parameter(from, names[p]), b = find_parameter(to, names[p]);
        memcpy(b.value.data, a.value.data, COUNT * wg_dtype_size(a.value.dtype));
    }
}

static void expect_equal(wg_store *store, wg_store *other, const char *what) {
    for (int p = 0; p < 3; p++) {
        wg_parameter_view a = find_parameter(store, names[p]), b = find_parameter(other, names[p]);
        cr_assert_arr_eq(a.value.data, b.value.data, COUNT * wg_dtype_size(a.value.dtype), "%s: %s",
                         what, names[p]);
    }
}

static int row[RULES];
ParameterizedTestParameters(restore, goes_on_to_the_same_bits) {
    for (int i = 0; i < RULES; i++) {
        row[i] = i;
    }
    return cr_make_param_array(int, row, RULES);
}

ParameterizedTest(int *i, restore, goes_on_to_the_same_bits) {
    for (int before = 0; before < 2; before++) { /* parameters come before the state, or after */
        wg_store *store = wg_store_new(1), *other = wg_store_new(2);
        wg_optimizer *a = make_rule(&rules[*i], store), *b = make_rule(&rules[*i], other);
        for (int step = 0; step < 6; step++) {
            if (step % 2 == 0) {
                make(store, step / 2);
            }
            push(store, step);
            cr_assert_eq(wg_step(a, NULL), WG_OK);
        }
        wg_set_lr(a, 0.03);
        for (int p = 0; p < 3 && before; p++) {
            make(other, p);
        }
        if (before) { /* state to be replaced */
            push(other, 77);
            cr_assert_eq(wg_step(b, NULL), WG_OK);
        }
        carry_over(a, store, b);
        for (int p = 0; p < 3 && !before; p++) {
            make(other, p);
        }
        copy_values(store, other);
        cr_assert(wg_steps(b) == 6 && wg_lr(b) == 0.03);
        for (int step = 6; step < 10; step++) {
            push(store, step);
            push(other, step);
            cr_assert_eq(wg_step(a, NULL), WG_OK);
            cr_assert_eq(wg_step(b, NULL), WG_OK, "%s", wg_last_message());
        }
        expect_equal(store, other, rules[*i].name);
        wg_optimizer_free(a);
        wg_optimizer_free(b);
        wg_store_free(store);
        wg_store_free(other);
    }
}

/* Σ (w − sin k)⁴ + w²/10. */
static wg_status bowl(void *context, double *loss) {
    wg_store *store = context;
    *loss = 0;
    for (int p = 0; p < 3; p++) {
        wg_parameter_view view = find_parameter(store, names[p]);
        for (int k = 0; k < COUNT; k++) {
            const double w = get_element(dtype_of(p), view.value.data, k), d = w - sin(k + p);
            *loss += d * d * d * d + 0.1 * w * w;
            set_element(dtype_of(p), view.gradient, k, 4 * d * d * d + 0.2 * w);
        }
    }
    return WG_OK;
}

Test(restore, lbfgs_goes_on_to_the_same_bits) {
    for (int steps = 1; steps < 6;
         steps++) { /* a history that is short, full, and wrapped around */
        const wg_lbfgs_options o = {.iterations = 2, .history = 4};
        wg_store *store = wg_store_new(1), *other = wg_store_new(2);
        wg_optimizer *a = wg_lbfgs(store, o), *b = wg_lbfgs(other, o);
        for (int p = 0; p < 3; p++) {
            make(store, p);
            make(other, p);
        }
        for (int i = 0; i < steps; i++) {
            cr_assert_eq(wg_lbfgs_step(a, bowl, store, NULL), WG_OK);
        }
        cr_assert_eq(wg_lbfgs_step(b, bowl, other, NULL), WG_OK);
        carry_over(a, store, b);
        copy_values(store, other);
        for (int i = 0; i < 4; i++) {
            cr_assert_eq(wg_lbfgs_step(a, bowl, store, NULL), WG_OK);
            cr_assert_eq(wg_lbfgs_step(b, bowl, other, NULL), WG_OK);
        }
        expect_equal(store, other, "lbfgs");
        for (int64_t i = 0; i < wg_optimizer_scalars(a); i++) {
            cr_assert_eq(wg_optimizer_scalar(a, i), wg_optimizer_scalar(b, i), "%s",
                         wg_optimizer_scalar_name(a, i));
        }
        wg_optimizer_free(a);
        wg_optimizer_free(b);
        wg_store_free(store);
        wg_store_free(other);
    }
}

/* What was restored and not asked for yet can be saved again. */
Test(restore, what_waits_can_be_read) {
    wg_store *store = wg_store_new(1);
    wg_optimizer *a = wg_adam(store, wg_adam_defaults()), *b = wg_adam(store, wg_adam_defaults());
    make(store, 0);
    push(store, 0);
    cr_assert_eq(wg_step(a, NULL), WG_OK);
    carry_over(a, store, b);
    const wg_param *param = store->sorted[0];
    cr_assert_str_eq(wg_optimizer_slot_name(b, 1), "exp_avg_sq");
    cr_assert_null(wg_optimizer_slot_name(b, 2));
    cr_assert_arr_eq(wg_optimizer_slot(b, 1, param), wg_optimizer_slot(a, 1, param),
                     COUNT * sizeof(double));
    cr_assert_null(wg_optimizer_slot(b, 2, param));
    wg_optimizer_free(a);
    wg_optimizer_free(b);
    wg_store_free(store);
}

Test(restore, refuses_what_does_not_fit) {
    static const double data[COUNT];
    wg_store *store = wg_store_new(1);
    wg_optimizer *adam = wg_adam(store, wg_adam_defaults());
    wg_optimizer *lbfgs = wg_lbfgs(store, (wg_lbfgs_options){.history = 4});
    make(store, 0);
    wg_restore *restore = wg_restore_new(adam);
    cr_assert_eq(wg_restore_slot(restore, "a", 2, WG_F64, COUNT, data), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_restore_slot(restore, "a", -1, WG_F64, COUNT, data), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_restore_slot(restore, "a", 0, WG_I64, COUNT, data), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_restore_slot(restore, "", 0, WG_F64, COUNT, data), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_restore_scalar(restore, "t", 1), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_restore_slot(restore, "a", 0, WG_F64, COUNT - 1, data), WG_OK);
    cr_assert_eq(wg_restore_slot(restore, "a", 1, WG_F64, COUNT, data), WG_ERROR_ARGUMENT);
    wg_restore_commit(adam, restore, 3, 0.1);
    cr_assert_eq(wg_step(adam, NULL), WG_ERROR_SHAPE);
    cr_assert_not_null(strstr(wg_last_message(), "step: a has 12 elements of f64"), "%s",
                       wg_last_message());
    restore = wg_restore_new(lbfgs);
    cr_assert_eq(wg_restore_scalar(restore, "history_count", 5), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_restore_scalar(restore, "history_first", 0.5), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_restore_scalar(restore, "n_iter", -1), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_restore_scalar(restore, "t", NAN), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_restore_scalar(restore, "history_count", 4), WG_OK);
    wg_restore_free(restore);
    wg_restore_free(NULL);
    wg_optimizer_free(adam);
    wg_optimizer_free(lbfgs);
    wg_store_free(store);
}
