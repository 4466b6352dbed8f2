/* adam.c: Adam and its kin. */
#include "optim/adam.h"

wg_adam_options wg_adam_defaults(void) {
    return (wg_adam_options){.lr = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
}

wg_adamw_options wg_adamw_defaults(void) {
    wg_adamw_options options = wg_adam_defaults();
    options.decay = 0.01;
    return options;
}

wg_radam_options wg_radam_defaults(void) {
    return wg_adam_defaults();
}

wg_adamax_options wg_adamax_defaults(void) {
    wg_adamax_options options = wg_adam_defaults();
    options.lr = 2e-3;
    return options;
}

wg_lamb_options wg_lamb_defaults(void) {
    wg_lamb_options options = wg_adamw_defaults();
    options.epsilon = 1e-6;
    return options;
}

wg_nadam_options wg_nadam_defaults(void) {
    return (wg_nadam_options){
        .lr = 2e-3, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .momentum_decay = 4e-3};
}

bool wg_adam_fits(const char *name, const wg_adam_options *o, bool may_amsgrad) {
    if (!WG_OPTIONS_FIT(name, o->lr, {"beta1", o->beta1, 0, 1}, {"beta2", o->beta2, 0, 1},
                        {"epsilon", o->epsilon, 0, INFINITY}, {"decay", o->decay, 0, INFINITY}) ||
        !wg_epsilon_fits(name, o->epsilon)) {
        return false;
    }
    if (o->amsgrad && !may_amsgrad) {
        (void)wg_fail(WG_ERROR_ARGUMENT, "%s: there is no amsgrad in this rule", name);
        return false;
    }
    return true;
}

/* ---- The rules ------------------------------------------------------------------------------- */

static void run_adam(const wg_optimizer *optimizer, const wg_stretch *s) {
    const wg_step_numbers numbers =
        wg_adam_numbers(&optimizer->options.adam, s, s->lr, s->decay, optimizer->decoupled);
    wg_kernel_step(s->slot[2] != NULL ? WG_STEP_amsgrad : WG_STEP_adam, s->dtype, s->count,
                   &numbers, s->gradient, s->weight, s->slot);
}

/* Liu et al., algorithm 2: the loop adam with its step rectified, or unadapted as long as the
 * variance cannot be told. */
static void run_radam(const wg_optimizer *optimizer, const wg_stretch *s) {
    const wg_adam_options *o = &optimizer->options.adam;
    wg_step_numbers numbers = wg_adam_numbers(o, s, s->lr, s->decay, false);
    const double age = (double)s->age, beta = pow(o->beta2, age);
    const double most = 2 / (1 - o->beta2) - 1, length = most - 2 * age * beta / (1 - beta);
    const bool rectified = length > 5;
    if (rectified) {
        numbers.lr *=
            sqrt((length - 4) * (length - 2) * most / ((most - 4) * (most - 2) * length)) *
            sqrt(1 - beta);
        numbers.root = 1; /* epsilon stands beside the root of the plain v */
    }
    wg_kernel_step(rectified ? WG_STEP_adam : WG_STEP_unadapted, s->dtype, s->count, &numbers,
                   s->gradient, s->weight, s->slot);
}

static void run_adamax(const wg_optimizer *optimizer, const wg_stretch *s) {
    const wg_step_numbers numbers =
        wg_adam_numbers(&optimizer->options.adam, s, s->lr, s->decay, false);
    wg_kernel_step(WG_STEP_adamax, s->dtype, s->count, &numbers, s->gradient, s->weight, s->slot);
}

static void run_lamb(const wg_optimizer *optimizer, const wg_stretch *s) {
    wg_step_numbers numbers = wg_adam_numbers(&optimizer->options.adam, s, 1, s->decay, false);
    numbers.carried = numbers.lr;
    numbers.lr = s->lr;
    wg_kernel_lamb(s->dtype, s->count, &numbers, s->gradient, s->weight, s->slot);
}

static double mu_of(const wg_nadam_options *o, double age) {
    return o->beta1 * (1 - 0.5 * pow(0.96, age * o->momentum_decay));
}

/* Π mu up to the stretch's age, from the member's memo or from the start: the same factors in the
 * same order. */
static double product_of(const wg_nadam_options *o, const wg_stretch *s) {
    wg_member *member = s->first;
    if (member->product_age > s->age) {
        member->product_age = 0;
        member->product = 1;
    }
    /* At 0 it stays. */
    while (member->product_age < s->age && member->product > 0) {
        member->product_age++;
        member->product *= mu_of(o, (double)member->product_age);
    }
    return member->product;
}

static void run_nadam(const wg_optimizer *optimizer, const wg_stretch *s) {
    const wg_nadam_options *o = &optimizer->options.nadam;
    const double age = (double)s->age, product = product_of(o, s);
    const double mu = mu_of(o, age), next = mu_of(o, age + 1);
    const wg_step_numbers numbers = {.decay = s->decay,
                                     .own = s->lr * (1 - mu) / (1 - product),
                                     .carried = s->lr * next / (1 - product * next),
                                     .beta1 = o->beta1,
                                     .beta2 = o->beta2,
                                     .root = 1 / sqrt(1 - pow(o->beta2, age)),
                                     .epsilon = o->epsilon};
    wg_kernel_step(WG_STEP_nadam, s->dtype, s->count, &numbers, s->gradient, s->weight, s->slot);
}

#define MOMENTS "exp_avg", "exp_avg_sq"
static const wg_rule adam = {
    .name = "adam", .slot = {MOMENTS}, .run = run_adam, .momentum = WG_MOMENTUM(adam.beta1)};
static const wg_rule adam_amsgrad = {.name = "adam",
                                     .slot = {MOMENTS, "max_exp_avg_sq"},
                                     .run = run_adam,
                                     .momentum = WG_MOMENTUM(adam.beta1)};
static const wg_rule adamw = {
    .name = "adamw", .slot = {MOMENTS}, .run = run_adam, .momentum = WG_MOMENTUM(adam.beta1)};
static const wg_rule adamw_amsgrad = {.name = "adamw",
                                      .slot = {MOMENTS, "max_exp_avg_sq"},
                                      .run = run_adam,
                                      .momentum = WG_MOMENTUM(adam.beta1)};
static const wg_rule nadam = {.name = "nadam", .slot = {MOMENTS}, .run = run_nadam};
static const wg_rule radam = {
    .name = "radam", .slot = {MOMENTS}, .run = run_radam, .momentum = WG_MOMENTUM(adam.beta1)};
static const wg_rule adamax = {.name = "adamax",
                               .slot = {"exp_avg", "exp_inf"},
                               .run = run_adamax,
                               .momentum = WG_MOMENTUM(adam.beta1)};
static const wg_rule lamb = {.name = "lamb",
                             .slot = {MOMENTS},
                             .run = run_lamb,
                             .momentum = WG_MOMENTUM(adam.beta1),
                             .single = true};

/* ---- Constructors ---------------------------------------------------------------------------- */

static wg_optimizer *new_adam(const wg_rule *rule, wg_store *store, const wg_adam_options *options,
                              bool may_amsgrad) {
    if (!wg_adam_fits(rule->name, options, may_amsgrad)) {
        return NULL;
    }
    wg_optimizer *optimizer = wg_optimizer_new(rule, store, options->lr, options->decay);
    if (optimizer != NULL) {
        optimizer->options.adam = *options;
    }
    return optimizer;
}

wg_optimizer *wg_adam(wg_store *store, wg_adam_options options) {
    return new_adam(options.amsgrad ? &adam_amsgrad : &adam, store, &options, true);
}

wg_optimizer *wg_adamw(wg_store *store, wg_adamw_options options) {
    wg_optimizer *optimizer =
        new_adam(options.amsgrad ? &adamw_amsgrad : &adamw, store, &options, true);
    if (optimizer != NULL) {
        optimizer->decoupled = true;
    }
    return optimizer;
}

wg_optimizer *wg_radam(wg_store *store, wg_radam_options options) {
    return new_adam(&radam, store, &options, false);
}

wg_optimizer *wg_adamax(wg_store *store, wg_adamax_options options) {
    return new_adam(&adamax, store, &options, false);
}

wg_optimizer *wg_lamb(wg_store *store, wg_lamb_options options) {
    return new_adam(&lamb, store, &options, false);
}

wg_optimizer *wg_nadam(wg_store *store, wg_nadam_options o) {
    if (!WG_OPTIONS_FIT("nadam", o.lr, {"beta1", o.beta1, 0, 1}, {"beta2", o.beta2, 0, 1},
                        {"epsilon", o.epsilon, 0, INFINITY}, {"decay", o.decay, 0, INFINITY},
                        {"momentum_decay", o.momentum_decay, 0, INFINITY}) ||
        !wg_epsilon_fits("nadam", o.epsilon)) {
        return NULL;
    }
    wg_optimizer *optimizer = wg_optimizer_new(&nadam, store, o.lr, o.decay);
    if (optimizer != NULL) {
        optimizer->options.nadam = o;
    }
    return optimizer;
}
