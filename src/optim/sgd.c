/* sgd.c: stochastic gradient descent with momentum. */
#include "kernel/optimizer.h"
#include "optim/optimizer.h"

#include <math.h>

static wg_sgd_numbers numbers_of(const wg_optimizer *optimizer) {
    const wg_sgd_options *o = &optimizer->options.sgd;
    return (wg_sgd_numbers){.lr = optimizer->lr,
                            .momentum = o->momentum,
                            .decay = o->decay,
                            .own = o->nesterov ? 1 : 0,
                            .carried = o->nesterov ? o->momentum : 1};
}

static void run_outer(const wg_optimizer *optimizer, const wg_outer *outer, const wg_stretch *s) {
    const wg_sgd_numbers numbers = numbers_of(optimizer);
    wg_kernel_sgd_outer(s->dtype, outer->rows, outer->columns, &numbers, outer->column, outer->row,
                        s->weight);
}

static void run(const wg_optimizer *optimizer, const wg_stretch *s) {
    const wg_sgd_numbers numbers = numbers_of(optimizer);
    wg_kernel_sgd(s->dtype, s->count, &numbers, s->gradient, s->weight, s->moment[0]);
}

wg_optimizer *wg_sgd(wg_store *store, wg_sgd_options options) {
    if (!wg_lr_fits("sgd", options.lr) ||
        !wg_option_fits("sgd", "momentum", options.momentum, 0, INFINITY) ||
        !wg_option_fits("sgd", "decay", options.decay, 0, INFINITY)) {
        return NULL;
    }
    if (options.nesterov && options.momentum == 0) {
        (void)wg_fail(WG_ERROR_ARGUMENT, "sgd: Nesterov needs a momentum above 0");
        return NULL;
    }
    wg_optimizer *optimizer =
        wg_optimizer_new("sgd", store, options.momentum > 0 ? 1 : 0, options.lr, run);
    if (optimizer != NULL) {
        optimizer->options.sgd = options;
        optimizer->run_outer = options.momentum > 0 ? NULL : run_outer;
    }
    return optimizer;
}
