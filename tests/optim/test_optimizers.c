/* test_optimizers.c: what stands around the rules: failed tapes, learning rates, options out of
 * range, groups. */
#include "rules.h"

#include "wengert/elementwise.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

/* ---- What stands around them --------------------------------------------------------------- */

/* One training step of a linear layer; `broken` puts an error on the tape. */
static wg_status train(wg_store *store, wg_optimizer *optimizer, wg_tape *tape, bool broken) {
    wg_net net = wg_net_train(store, tape, wg_steps(optimizer));
    wg_var x = wg_full(tape, WG_F64, 2, (int64_t[]){4, 3}, 0.5);
    wg_var loss = wg_sum(wg_square(wg_linear(net, "fc", x, 2)));
    (void)wg_backward(loss);
    if (broken) {
        wg_linear(net, "fc", x, 3);
    }
    const wg_status status = wg_step(optimizer, tape);
    wg_tape_reset(tape);
    return status;
}

Test(optimizers, a_failed_tape_changes_nothing) {
    wg_store *store = wg_store_new(1);
    wg_tape *tape = wg_tape_new();
    wg_optimizer *optimizer = wg_adam(store, wg_adam_defaults());
    cr_assert_eq(train(store, optimizer, tape, false), WG_OK);
    double before[6];
    memcpy(before, find_parameter(store, "fc.weight").value.data, sizeof before);
    cr_assert_eq(train(store, optimizer, tape, true), WG_ERROR_SHAPE);
    cr_assert_not_null(strstr(wg_last_message(), "linear fc"), "%s", wg_last_message());
    cr_assert_eq(wg_steps(optimizer), 1);
    cr_assert_arr_eq(find_parameter(store, "fc.weight").value.data, before, sizeof before);
    wg_zero_gradients(store);
    cr_assert_eq(train(store, optimizer, tape, false), WG_OK);
    cr_assert_eq(wg_steps(optimizer), 2);
    cr_assert_arr_neq(find_parameter(store, "fc.weight").value.data, before, sizeof before);
    wg_optimizer_free(optimizer);
    wg_tape_free(tape);
    wg_store_free(store);
}

static double loss_of(wg_store *store, wg_tape *tape) {
    wg_var x = wg_full(tape, WG_F64, 2, (int64_t[]){4, 3}, 0.5);
    wg_var y = wg_linear(wg_net_eval(store, tape), "fc", x, 2);
    const double loss = wg_value(wg_sum(wg_square(y)));
    wg_tape_reset(tape);
    return loss;
}

/* Σ (x·wᵀ + b)² falls. */
Test(optimizers, descend) {
    for (int i = 0; i < RULES; i++) {
        wg_store *store = wg_store_new(3);
        wg_tape *tape = wg_tape_new();
        wg_optimizer *optimizer = make_rule(&rules[i], store);
        wg_set_lr(optimizer, wg_lr(optimizer) / 5);
        const double before = loss_of(store, tape);
        for (int t = 0; t < 300; t++) {
            cr_assert_eq(train(store, optimizer, tape, false), WG_OK, "%s", wg_last_message());
        }
        const double after = loss_of(store, tape);
        cr_assert(after < 0.5 * before, "%s: %g, %g before", rules[i].name, after, before);
        wg_optimizer_free(optimizer);
        wg_tape_free(tape);
        wg_store_free(store);
    }
}

/* A parameter that no sweep reached has the gradient 0, whatever its memory held. */
Test(optimizers, unreached_parameters_have_no_gradient) {
    wg_store *store = wg_store_new(1);
    wg_optimizer *optimizer = wg_sgd(store, (wg_sgd_options){.lr = 1});
    make_parameter(store, "a", WG_F32, 1, (int64_t[]){5});
    wg_parameter_view view = find_parameter(store, "a");
    for (int i = 0; i < 5; i++) {
        ((float *)view.gradient)[i] = 1e6f;
    }
    wg_zero_gradients(store);
    const float before = ((float *)view.value.data)[4];
    cr_assert_eq(wg_step(optimizer, NULL), WG_OK);
    cr_assert_eq(((float *)find_parameter(store, "a").value.data)[4], before);
    wg_optimizer_free(optimizer);
    wg_store_free(store);
}

Test(optimizers, learning_rates) {
    wg_store *store = wg_store_new(1);
    wg_optimizer *optimizer = wg_adamw(store, wg_adamw_defaults());
    cr_assert_eq(wg_lr(optimizer), 1e-3);
    cr_assert_eq(wg_steps(optimizer), 0);
    cr_assert_eq(wg_step(optimizer, NULL), WG_OK); /* of nothing */
    wg_set_lr(optimizer, 0.5);
    cr_assert_eq(wg_set_lr(optimizer, -1), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_set_lr(optimizer, NAN), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_lr(optimizer), 0.5);
    wg_set_lr(optimizer, 0);
    cr_assert_eq(wg_lr(optimizer), 0);
    wg_optimizer_free(optimizer);
    wg_optimizer_free(NULL);
    cr_assert_eq(wg_steps(NULL), 0);
    cr_assert(isnan(wg_lr(NULL)));
    cr_assert_eq(wg_set_lr(NULL, 1), WG_ERROR_ARGUMENT);
    wg_store_free(store);
}

static void expect_refusal(wg_optimizer *optimizer, const char *text) {
    cr_assert_null(optimizer);
    cr_assert_not_null(strstr(wg_last_message(), text), "%s", wg_last_message());
}

/* A test of `kind` with `member` set to a value that it refuses, naming it. */
#define REFUSED(kind, member, value)                                                               \
    do {                                                                                           \
        wg_##kind##_options o = wg_##kind##_defaults();                                            \
        o.member = value;                                                                          \
        expect_refusal(wg_##kind(store, o), #kind ": ");                                           \
    } while (0)

Test(optimizers, refuse) {
    wg_store *store = wg_store_new(1);
    expect_refusal(wg_sgd(store, (wg_sgd_options){.lr = 0}), "sgd: lr");
    expect_refusal(wg_sgd(store, (wg_sgd_options){.lr = INFINITY}), "sgd: lr");
    expect_refusal(wg_sgd(store, (wg_sgd_options){.lr = 1, .momentum = -1}), "sgd: momentum");
    expect_refusal(wg_sgd(store, (wg_sgd_options){.lr = 1, .decay = NAN}), "sgd: decay");
    expect_refusal(wg_sgd(store, (wg_sgd_options){.lr = 1, .dampening = 1}), "sgd: dampening");
    expect_refusal(wg_sgd(store, (wg_sgd_options){.lr = 1, .nesterov = true}), "Nesterov");
    expect_refusal(
        wg_sgd(store,
               (wg_sgd_options){.lr = 1, .momentum = 0.9, .dampening = 0.1, .nesterov = true}),
        "Nesterov");
    REFUSED(adam, lr, NAN);
    REFUSED(adam, beta1, 1);
    REFUSED(adamw, beta2, -0.1);
    REFUSED(adamw, epsilon, -1);
    REFUSED(adamw, epsilon, 0);
    REFUSED(adamw, decay, -1);
    REFUSED(nadam, momentum_decay, -1);
    REFUSED(nadam, epsilon, 0);
    REFUSED(radam, amsgrad, true);
    REFUSED(adamax, beta2, 1);
    REFUSED(rmsprop, alpha, 1);
    REFUSED(rmsprop, momentum, INFINITY);
    REFUSED(adagrad, lr_decay, -1);
    REFUSED(adagrad, initial, NAN);
    REFUSED(adadelta, rho, -0.1);
    REFUSED(lion, beta2, 1);
    REFUSED(lamb, decay, -1);
    REFUSED(lamb, amsgrad, true);
    REFUSED(muon, iterations, 0);
    REFUSED(muon, momentum, 1);
    REFUSED(muon, adamw.lr, 0);
    wg_store_free(store);
}

static void expect_bad_group(wg_optimizer *optimizer, const char *pattern, wg_group_options group,
                             const char *text) {
    cr_assert_eq(wg_optimizer_group(optimizer, pattern, group), WG_ERROR_ARGUMENT);
    cr_assert_not_null(strstr(wg_last_message(), text), "%s", wg_last_message());
}

Test(optimizers, refuse_groups_out_of_range) {
    wg_store *store = wg_store_new(1);
    wg_optimizer *optimizer = wg_sgd(store, (wg_sgd_options){.lr = 1, .decay = 0.5});
    wg_group_options group = wg_group_defaults(optimizer);
    cr_assert_eq(group.decay, 0.5);
    expect_bad_group(optimizer, NULL, group, "NULL");
    expect_bad_group(optimizer, "*", (wg_group_options){.lr = -1}, "lr");
    expect_bad_group(optimizer, "*", (wg_group_options){.lr = 1, .decay = NAN}, "decay");
    expect_bad_group(optimizer, "*", (wg_group_options){.lr = 1, .adamw = true}, "muon");
    cr_assert_eq(wg_optimizer_group(NULL, "*", group), WG_ERROR_ARGUMENT);
    wg_optimizer_free(optimizer);
    optimizer = wg_lbfgs(store, (wg_lbfgs_options){.lr = 1});
    expect_bad_group(optimizer, "*", group, "lbfgs");
    wg_optimizer_free(optimizer);
    wg_store_free(store);
}

/* One step of SGD at lr 1 on gradients of 1. */
static void step_on_ones(wg_store *store, wg_optimizer *optimizer, const char *name) {
    wg_parameter_view view = find_parameter(store, name);
    for (int i = 0; i < 4; i++) {
        ((double *)view.gradient)[i] = 1;
    }
    cr_assert_eq(wg_step(optimizer, NULL), WG_OK);
}

Test(optimizers, the_last_group_that_matches_holds) {
    wg_store *store = wg_store_new(1);
    wg_optimizer *optimizer = wg_sgd(store, (wg_sgd_options){.lr = 1});
    wg_group_options none = wg_group_defaults(optimizer), half = none;
    none.lr = 0;
    half.lr = 0.5;
    const char *name = "encoder.fc.bias";
    cr_assert_eq(wg_optimizer_group(optimizer, "*.bias", none), WG_OK);
    cr_assert_eq(wg_optimizer_group(optimizer, "encoder.*", half), WG_OK);
    make_parameter(store, name, WG_F64, 2, (int64_t[]){2, 2});
    const double before = ((double *)find_parameter(store, name).value.data)[3];
    step_on_ones(store, optimizer, name);
    cr_assert_eq(((double *)find_parameter(store, name).value.data)[3], before - 0.5);
    cr_assert_eq(wg_optimizer_group(optimizer, "*.bias", none), WG_OK);
    step_on_ones(store, optimizer, name);
    cr_assert_eq(((double *)find_parameter(store, name).value.data)[3], before - 0.5);
    wg_optimizer_free(optimizer);
    wg_store_free(store);
}

/* Muon's groups may send a matrix to AdamW, which then begins anew. */
Test(optimizers, muon_leaves_matrices_to_adamw) {
    wg_store *store = wg_store_new(1), *other = wg_store_new(1);
    wg_muon_options o = wg_muon_defaults();
    o.lr = 0.02;
    o.adamw.lr = 0.5;
    wg_optimizer *muon = wg_muon(store, o), *adamw = wg_adamw(other, o.adamw);
    make_parameter(store, "w", WG_F64, 2, (int64_t[]){2, 2});
    make_parameter(other, "w", WG_F64, 2, (int64_t[]){2, 2});
    step_on_ones(store, muon, "w");
    wg_parameter_view w = find_parameter(store, "w"), v = find_parameter(other, "w");
    memcpy(v.value.data, w.value.data, 4 * sizeof(double));
    wg_group_options group = wg_group_defaults(muon);
    group.adamw = true;
    group.decay = o.adamw.decay;
    cr_assert_eq(wg_optimizer_group(muon, "w", group), WG_OK);
    for (int i = 0; i < 3; i++) {
        step_on_ones(store, muon, "w");
        step_on_ones(other, adamw, "w");
    }
    for (int i = 0; i < 4; i++) {
        cr_assert_float_eq(((double *)w.value.data)[i], ((double *)v.value.data)[i], 1e-14);
    }
    wg_optimizer_free(muon);
    wg_optimizer_free(adamw);
    wg_store_free(store);
    wg_store_free(other);
}
