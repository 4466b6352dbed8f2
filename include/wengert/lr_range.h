/* lr_range.h: which learning rates suit a network and its data. */
#ifndef WENGERT_LR_RANGE_H
#define WENGERT_LR_RANGE_H

#include "wengert/optim.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The learning-rate range test (L. Smith, "Cyclical learning rates for training neural networks",
 * 2017, section 3.3): training steps at rates that grow from step to step by the same factor, until
 * the loss blows up. */
typedef struct wg_lr_range_options {
    double low, high; /* rates; 0 < low < high; default 1e-7 and 10 */
    int steps;        /* >= 2; default 100 */
    double blow_up;   /* ends where the smoothed loss is above the least by this many times the size
                         of the first; > 0; default 1 */
    const char *plot; /* where to write the chart, an SVG file; NULL for none */
} wg_lr_range_options;

typedef struct wg_lr_range {
    double suggested; /* where the loss falls most steeply over the rate's logarithm, by lines
                         through a fifth of the points; NaN where it never falls */
    double lowest;    /* where the smoothed loss is least; a tenth of it is another usual choice */
    double last;      /* the rate of the last step */
    int steps;        /* taken */
} wg_lr_range;

/* One training step at the optimizer's present rate: record a batch, sweep, wg_step, wg_tape_reset;
 * *loss is that of the batch. Anything but WG_OK ends the test. */
typedef wg_status (*wg_train_step)(void *context, double *loss);

/* Runs the test and leaves everything as before it: parameters, buffers, the optimizer's state,
 * steps and rate, to the bit (gradients are zero). A loss that is not finite ends the test, and is
 * no failure. Use the batches of training, or one: what differs from batch to batch blurs the
 * curve.
 *
 * The network must have been run once, so that its parameters are there: STATE where the store is
 * empty, has what wg_store_load brought and no network has asked for, or the step makes any (those
 * stay as the step left them), and for L-BFGS. After wg_checkpoint_load they are there. Other
 * errors:
 * ARGUMENT for an option out of range, what `step` returned, MEMORY; FILE for the chart, where *out
 * is set nevertheless. */
WG_API wg_status wg_lr_range_test(wg_optimizer *optimizer, wg_train_step step, void *context,
                                  wg_lr_range_options options, wg_lr_range *out);

#ifdef __cplusplus
}
#endif

#endif
