/* test_loss_scale.c: the scale grows, backs off, and changes no step. */
#include "wengert.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum {
    SIZE = 5
};

typedef struct model {
    wg_store *store;
    wg_tape *tape;
    wg_optimizer *optimizer;
} model;

static model new_model(void) {
    const model m = {wg_store_new(1), wg_tape_new(), NULL};
    const int64_t n = SIZE;
    wg_parameter(wg_net_train(m.store, m.tape, 0), "w", WG_F32, 1, &n,
                 (wg_initializer){WG_INIT_UNIFORM, -1, 1});
    wg_tape_reset(m.tape);
    return (model){m.store, m.tape, wg_sgd(m.store, (wg_sgd_options){.lr = 0.5})};
}

static void free_model(model *m) {
    wg_optimizer_free(m->optimizer);
    wg_tape_free(m->tape);
    wg_store_free(m->store);
}

/* Sweeps factor · sum(w²) · scale. */
static void sweep(model *m, double factor, double scale) {
    const int64_t n = SIZE;
    wg_tape_reset(m->tape);
    const wg_var w = wg_parameter(wg_net_train(m->store, m->tape, 0), "w", WG_F32, 1, &n,
                                  (wg_initializer){WG_INIT_UNIFORM, -1, 1});
    cr_assert_eq(wg_backward(wg_mul(wg_mul(factor, wg_sum(wg_square(w))), scale)), WG_OK);
}

static void read_weights(const model *m, float *out) {
    wg_parameter_view view;
    cr_assert_eq(wg_store_find(m->store, "w", &view), WG_OK);
    memcpy(out, view.value.data, SIZE * sizeof *out);
}

Test(loss_scale, a_power_of_two_changes_no_bit) {
    model plain = new_model(), scaled = new_model();
    wg_loss_scale scale = wg_loss_scale_defaults();
    for (int step = 0; step < 3; step++) {
        bool taken;
        sweep(&plain, 0.3, 1);
        cr_assert_eq(wg_step(plain.optimizer, plain.tape), WG_OK);
        sweep(&scaled, 0.3, scale.scale);
        cr_assert_eq(wg_step_scaled(scaled.optimizer, scaled.tape, &scale, &taken), WG_OK);
        cr_assert(taken);
    }
    float a[SIZE], b[SIZE];
    read_weights(&plain, a);
    read_weights(&scaled, b);
    cr_assert_arr_eq(a, b, sizeof a);
    free_model(&plain);
    free_model(&scaled);
}

Test(loss_scale, grows_and_backs_off) {
    model m = new_model();
    wg_loss_scale scale = {.scale = 4, .growth = 2, .backoff = 0.25, .interval = 2};
    float before[SIZE], after[SIZE];
    bool taken;
    for (int step = 0; step < 2; step++) {
        sweep(&m, 0.1, scale.scale);
        cr_assert_eq(wg_step_scaled(m.optimizer, m.tape, &scale, NULL), WG_OK);
    }
    cr_assert_eq(scale.scale, 8);
    read_weights(&m, before);
    sweep(&m, 1e38, 1e10);
    cr_assert_eq(wg_step_scaled(m.optimizer, m.tape, &scale, &taken), WG_OK);
    read_weights(&m, after);
    cr_assert(!taken && scale.scale == 2 && scale.good == 0);
    cr_assert_arr_eq(before, after, sizeof before);
    cr_assert_eq(wg_gradient_norm(m.store), 0);
    free_model(&m);
}

/* Gradients whose squares are not finite are finite themselves. */
Test(loss_scale, large_gradients_in_f64_are_no_overflow) {
    wg_store *store = wg_store_new(1);
    wg_tape *tape = wg_tape_new();
    wg_optimizer *optimizer = wg_sgd(store, (wg_sgd_options){.lr = 1e-160});
    wg_loss_scale scale = wg_loss_scale_defaults();
    const int64_t n = 1;
    for (int step = 0; step < 2; step++) {
        const wg_var w =
            wg_parameter(wg_net_train(store, tape, 0), "w", WG_F64, 1, &n, wg_init_constant(1));
        bool taken;
        cr_assert_eq(wg_backward(wg_sum(wg_mul(w, step == 0 ? 65536e160 : INFINITY))), WG_OK);
        cr_assert_eq(wg_step_scaled(optimizer, tape, &scale, &taken), WG_OK);
        cr_assert_eq(taken, step == 0);
        wg_tape_reset(tape);
    }
    cr_assert_eq(scale.scale, 32768);
    wg_parameter_view view;
    cr_assert_eq(wg_store_find(store, "w", &view), WG_OK);
    cr_assert_float_eq(*(double *)view.value.data, 0, 1e-15);
    wg_optimizer_free(optimizer);
    wg_tape_free(tape);
    wg_store_free(store);
}

Test(loss_scale, refuses_numbers_out_of_range) {
    model m = new_model();
    wg_loss_scale scale = wg_loss_scale_defaults();
    scale.backoff = 1.5;
    sweep(&m, 1, 1);
    cr_assert_eq(wg_step_scaled(m.optimizer, m.tape, &scale, NULL), WG_ERROR_ARGUMENT);
    cr_assert_not_null(strstr(wg_last_message(), "backoff"), "%s", wg_last_message());
    cr_assert_eq(wg_step_scaled(m.optimizer, m.tape, NULL, NULL), WG_ERROR_ARGUMENT);
    cr_assert_not_null(strstr(wg_last_message(), "step_scaled: the scale is NULL"));
    free_model(&m);
}
