/* adam.h (internal): Adam's options and numbers, which several rules have. */
#ifndef WG_SRC_OPTIM_ADAM_H
#define WG_SRC_OPTIM_ADAM_H

#include "optim/optimizer.h"

#include <math.h>

/* Whether the options are in range; else false and a message. */
bool wg_adam_fits(const char *name, const wg_adam_options *options, bool may_amsgrad);

/* The numbers of the loop adam for a stretch; with `decoupled` decay shrinks the weights. The
 * corrections for moments that began at zero (Kingma & Ba, section 3) go into `lr` and `root`. */
static inline wg_step_numbers wg_adam_numbers(const wg_adam_options *o, const wg_stretch *s,
                                              double lr, double decay, bool decoupled) {
    const double age = (double)s->age;
    return (wg_step_numbers){.lr = lr / (1 - pow(o->beta1, age)),
                             .decay = decoupled ? 0 : decay,
                             .shrink = decoupled ? 1 - lr * decay : 1,
                             .beta1 = o->beta1,
                             .beta2 = o->beta2,
                             .root = 1 / sqrt(1 - pow(o->beta2, age)),
                             .epsilon = o->epsilon};
}

#endif
