/* adam.c: Adam and AdamW. */
#include "kernel/optimizer.h"
#include "optim/optimizer.h"

#include <math.h>

wg_adam_options wg_adam_defaults(void) {
    return (wg_adam_options){.lr = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .decay = 0};
}

wg_adamw_options wg_adamw_defaults(void) {
    wg_adamw_options options = wg_adam_defaults();
    options.decay = 0.01;
    return options;
}

/* The corrections for moments that began at zero (Kingma & Ba, section 3) go into `step` and
 * `root`. */
static void run(const wg_optimizer *optimizer, const wg_stretch *s) {
    const wg_adam_options *o = &optimizer->options.adam;
    const double lr = optimizer->lr, age = (double)s->age;
    const wg_adam_numbers numbers = {.decay = optimizer->decoupled ? 0 : o->decay,
                                     .shrink = optimizer->decoupled ? 1 - lr * o->decay : 1,
                                     .beta1 = o->beta1,
                                     .beta2 = o->beta2,
                                     .step = lr / (1 - pow(o->beta1, age)),
                                     .root = 1 / sqrt(1 - pow(o->beta2, age)),
                                     .epsilon = o->epsilon};
    wg_kernel_adam(s->dtype, s->count, &numbers, s->gradient, s->weight, s->moment[0],
                   s->moment[1]);
}

static wg_optimizer *new_adam(const char *name, wg_store *store, wg_adam_options options,
                              bool decoupled) {
    if (!wg_lr_fits(name, options.lr) || !wg_option_fits(name, "beta1", options.beta1, 0, 1) ||
        !wg_option_fits(name, "beta2", options.beta2, 0, 1) ||
        !wg_option_fits(name, "epsilon", options.epsilon, 0, INFINITY) ||
        !wg_option_fits(name, "decay", options.decay, 0, INFINITY)) {
        return NULL;
    }
    if (options.epsilon == 0) {
        (void)wg_fail(WG_ERROR_ARGUMENT,
                      "%s: epsilon is 0, which divides 0 by 0; begin with wg_%s_defaults()", name,
                      name);
        return NULL;
    }
    wg_optimizer *optimizer = wg_optimizer_new(name, store, 2, options.lr, run);
    if (optimizer != NULL) {
        optimizer->options.adam = options;
        optimizer->decoupled = decoupled;
    }
    return optimizer;
}

wg_optimizer *wg_adam(wg_store *store, wg_adam_options options) {
    return new_adam("adam", store, options, false);
}

wg_optimizer *wg_adamw(wg_store *store, wg_adamw_options options) {
    return new_adam("adamw", store, options, true);
}
