/* sgd.c: stochastic gradient descent with momentum. */
#include "optim/optimizer.h"

#include <math.h>

static wg_step_numbers numbers_of(const wg_optimizer *optimizer, const wg_stretch *s) {
    const wg_sgd_options *o = &optimizer->options.sgd;
    return (wg_step_numbers){.lr = s->lr,
                             .decay = s->decay,
                             .momentum = o->momentum,
                             .take = s->age == 1 ? 1 : 1 - o->dampening, /* as PyTorch begins */
                             .own = o->nesterov ? 1 : 0,
                             .carried = o->nesterov ? o->momentum : 1};
}

static void run_outer(const wg_optimizer *optimizer, const wg_outer *outer, const wg_stretch *s) {
    const wg_step_numbers numbers = numbers_of(optimizer, s);
    wg_kernel_sgd_outer(s->dtype, outer->rows, outer->columns, &numbers, outer->column, outer->row,
                        s->weight);
}

static void run(const wg_optimizer *optimizer, const wg_stretch *s) {
    const wg_step_numbers numbers = numbers_of(optimizer, s);
    wg_kernel_step(s->slot[0] != NULL ? WG_STEP_momentum : WG_STEP_sgd, s->dtype, s->count,
                   &numbers, s->gradient, s->weight, s->slot);
}

static const wg_rule plain = {.name = "sgd", .run = run, .run_outer = run_outer};
static const wg_rule momentum = {
    .name = "sgd", .slot = {"momentum_buffer"}, .run = run, .momentum = WG_MOMENTUM(sgd.momentum)};

wg_optimizer *wg_sgd(wg_store *store, wg_sgd_options options) {
    if (!WG_OPTIONS_FIT("sgd", options.lr, {"momentum", options.momentum, 0, INFINITY},
                        {"decay", options.decay, 0, INFINITY},
                        {"dampening", options.dampening, 0, 1})) {
        return NULL;
    }
    if (options.nesterov && (options.momentum == 0 || options.dampening != 0)) {
        (void)wg_fail(WG_ERROR_ARGUMENT,
                      "sgd: Nesterov needs a momentum above 0, and no dampening");
        return NULL;
    }
    wg_optimizer *optimizer = wg_optimizer_new(options.momentum > 0 ? &momentum : &plain, store,
                                               options.lr, options.decay);
    if (optimizer != NULL) {
        optimizer->options.sgd = options;
    }
    return optimizer;
}
