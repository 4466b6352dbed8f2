/* adaptive.c: RMSProp, Adagrad and Adadelta, which scale each weight's step, and Lion. */
#include "optim/optimizer.h"

#include <math.h>

/* ---- RMSProp --------------------------------------------------------------------------------- */

wg_rmsprop_options wg_rmsprop_defaults(void) {
    return (wg_rmsprop_options){.lr = 1e-2, .alpha = 0.99, .epsilon = 1e-8};
}

static void run_rmsprop(const wg_optimizer *optimizer, const wg_stretch *s) {
    const wg_rmsprop_options *o = &optimizer->options.rmsprop;
    const wg_step_numbers numbers = {.lr = s->lr,
                                     .decay = s->decay,
                                     .momentum = o->momentum,
                                     .beta2 = o->alpha,
                                     .epsilon = o->epsilon};
    wg_kernel_step(WG_STEP_rmsprop, s->dtype, s->count, &numbers, s->gradient, s->weight, s->slot);
}

/* By whether there is a momentum, and whether it is centered. */
static const wg_rule rmsprop[2][2] = {
    {{.name = "rmsprop", .slot = {"square_avg"}, .run = run_rmsprop},
     {.name = "rmsprop", .slot = {"square_avg", NULL, "grad_avg"}, .run = run_rmsprop}},
    {{.name = "rmsprop",
      .slot = {"square_avg", "momentum_buffer"},
      .run = run_rmsprop,
      .momentum = WG_MOMENTUM(rmsprop.momentum)},
     {.name = "rmsprop",
      .slot = {"square_avg", "momentum_buffer", "grad_avg"},
      .run = run_rmsprop,
      .momentum = WG_MOMENTUM(rmsprop.momentum)}}};

wg_optimizer *wg_rmsprop(wg_store *store, wg_rmsprop_options o) {
    if (!WG_OPTIONS_FIT("rmsprop", o.lr, {"alpha", o.alpha, 0, 1},
                        {"epsilon", o.epsilon, 0, INFINITY}, {"momentum", o.momentum, 0, INFINITY},
                        {"decay", o.decay, 0, INFINITY}) ||
        !wg_epsilon_fits("rmsprop", o.epsilon)) {
        return NULL;
    }
    wg_optimizer *optimizer =
        wg_optimizer_new(&rmsprop[o.momentum > 0][o.centered], store, o.lr, o.decay);
    if (optimizer != NULL) {
        optimizer->options.rmsprop = o;
    }
    return optimizer;
}

/* ---- Adagrad --------------------------------------------------------------------------------- */

wg_adagrad_options wg_adagrad_defaults(void) {
    return (wg_adagrad_options){.lr = 1e-2, .epsilon = 1e-10};
}

static void run_adagrad(const wg_optimizer *optimizer, const wg_stretch *s) {
    const wg_adagrad_options *o = &optimizer->options.adagrad;
    const wg_step_numbers numbers = {.lr = s->lr / (1 + (double)(s->age - 1) * o->lr_decay),
                                     .decay = s->decay,
                                     .epsilon = o->epsilon};
    wg_kernel_step(WG_STEP_adagrad, s->dtype, s->count, &numbers, s->gradient, s->weight, s->slot);
}

static const wg_rule adagrad = {.name = "adagrad", .slot = {"sum"}, .run = run_adagrad};

wg_optimizer *wg_adagrad(wg_store *store, wg_adagrad_options o) {
    if (!WG_OPTIONS_FIT("adagrad", o.lr, {"lr_decay", o.lr_decay, 0, INFINITY},
                        {"decay", o.decay, 0, INFINITY}, {"initial", o.initial, 0, INFINITY},
                        {"epsilon", o.epsilon, 0, INFINITY}) ||
        !wg_epsilon_fits("adagrad", o.epsilon)) {
        return NULL;
    }
    wg_optimizer *optimizer = wg_optimizer_new(&adagrad, store, o.lr, o.decay);
    if (optimizer != NULL) {
        optimizer->options.adagrad = o;
        optimizer->first = o.initial;
    }
    return optimizer;
}

/* ---- Adadelta -------------------------------------------------------------------------------- */

wg_adadelta_options wg_adadelta_defaults(void) {
    return (wg_adadelta_options){.lr = 1, .rho = 0.9, .epsilon = 1e-6};
}

static void run_adadelta(const wg_optimizer *optimizer, const wg_stretch *s) {
    const wg_adadelta_options *o = &optimizer->options.adadelta;
    const wg_step_numbers numbers = {
        .lr = s->lr, .decay = s->decay, .beta2 = o->rho, .epsilon = o->epsilon};
    wg_kernel_step(WG_STEP_adadelta, s->dtype, s->count, &numbers, s->gradient, s->weight, s->slot);
}

static const wg_rule adadelta = {
    .name = "adadelta", .slot = {"square_avg", "acc_delta"}, .run = run_adadelta};

wg_optimizer *wg_adadelta(wg_store *store, wg_adadelta_options o) {
    if (!WG_OPTIONS_FIT("adadelta", o.lr, {"rho", o.rho, 0, 1}, {"epsilon", o.epsilon, 0, INFINITY},
                        {"decay", o.decay, 0, INFINITY}) ||
        !wg_epsilon_fits("adadelta", o.epsilon)) {
        return NULL;
    }
    wg_optimizer *optimizer = wg_optimizer_new(&adadelta, store, o.lr, o.decay);
    if (optimizer != NULL) {
        optimizer->options.adadelta = o;
    }
    return optimizer;
}

/* ---- Lion ------------------------------------------------------------------------------------ */

wg_lion_options wg_lion_defaults(void) {
    return (wg_lion_options){.lr = 1e-4, .beta1 = 0.9, .beta2 = 0.99};
}

static void run_lion(const wg_optimizer *optimizer, const wg_stretch *s) {
    const wg_lion_options *o = &optimizer->options.lion;
    const wg_step_numbers numbers = {
        .lr = s->lr, .shrink = 1 - s->lr * s->decay, .beta1 = o->beta1, .beta2 = o->beta2};
    wg_kernel_step(WG_STEP_lion, s->dtype, s->count, &numbers, s->gradient, s->weight, s->slot);
}

static const wg_rule lion = {
    .name = "lion", .slot = {"exp_avg"}, .run = run_lion, .momentum = WG_MOMENTUM(lion.beta1)};

wg_optimizer *wg_lion(wg_store *store, wg_lion_options o) {
    if (!WG_OPTIONS_FIT("lion", o.lr, {"beta1", o.beta1, 0, 1}, {"beta2", o.beta2, 0, 1},
                        {"decay", o.decay, 0, INFINITY})) {
        return NULL;
    }
    wg_optimizer *optimizer = wg_optimizer_new(&lion, store, o.lr, o.decay);
    if (optimizer != NULL) {
        optimizer->options.lion = o;
    }
    return optimizer;
}
