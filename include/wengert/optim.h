/* optim.h: optimizers over a store's flat buffers.
 *
 * State (momentum, moments, Adam's count of steps) belongs to each parameter: one that is made
 * after steps were taken begins with none, and the others keep theirs. A parameter that no sweep
 * reached has the gradient 0: momentum and decay still move it. */
#ifndef WENGERT_OPTIM_H
#define WENGERT_OPTIM_H

#include "wengert/nn.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wg_optimizer wg_optimizer;

/* v = momentum·v + (g + decay·w); w −= lr·v, or with Nesterov w −= lr·(g + decay·w + momentum·v):
 * PyTorch's SGD (the first step's v is g + decay·w). */
typedef struct wg_sgd_options {
    double lr;              /* required, > 0 */
    double momentum, decay; /* >= 0 */
    bool nesterov;          /* needs a momentum */
} wg_sgd_options;
WG_API wg_optimizer *wg_sgd(wg_store *store, wg_sgd_options options);

/* D. Kingma, J. Ba, "Adam: a method for stochastic optimization", 2015, algorithm 1, as PyTorch
 * computes it. Adam adds decay·w to the gradient; AdamW shrinks w by 1 − lr·decay instead (I.
 * Loshchilov, F. Hutter, "Decoupled weight decay regularization", 2019). */
typedef struct wg_adam_options {
    double lr;             /* > 0 */
    double beta1, beta2;   /* in [0, 1) */
    double epsilon, decay; /* >= 0 */
} wg_adam_options;
typedef wg_adam_options wg_adamw_options;
/* lr 1e-3, betas 0.9 and 0.999, epsilon 1e-8, decay 0. */
WG_API wg_adam_options wg_adam_defaults(void);
/* The same with decay 0.01. */
WG_API wg_adamw_options wg_adamw_defaults(void);
WG_API wg_optimizer *wg_adam(wg_store *store, wg_adam_options options);
WG_API wg_optimizer *wg_adamw(wg_store *store, wg_adamw_options options);

/* The constructors return NULL where an option is out of range or memory ran out (wg_last_message
 * says which). The store must outlive the optimizer's last step. NULL is allowed here. */
WG_API void wg_optimizer_free(wg_optimizer *optimizer);
/* For schedules: lr >= 0 and finite; else ARGUMENT, and nothing changes. */
WG_API wg_status wg_set_lr(wg_optimizer *optimizer, double lr);
WG_API double wg_lr(const wg_optimizer *optimizer);
/* Steps taken. */
WG_API uint64_t wg_steps(const wg_optimizer *optimizer);

/* One step from the store's gradients, which are zero afterwards. After a failure on `tape` (the
 * one that was swept; NULL for none) it changes no parameter, sets the gradients (which may be a
 * part of the truth) to zero, and returns the tape's status; so too, but for the gradients, where
 * memory runs out (MEMORY; only the first step, and one after new parameters, asks for any). Reset
 * the tape afterwards: it borrowed the values of before. */
WG_API wg_status wg_step(wg_optimizer *optimizer, wg_tape *tape);

/* ---- Loss scaling --------------------------------------------------------------------------- */

/* Keeps small gradients from becoming zero where they pass through a narrow type: the loss is
 * multiplied by `scale` before the sweep, the gradients divided by it before the step
 * (P. Micikevicius et al., "Mixed precision training", 2018, section 3.2; the rule for `scale` is
 * PyTorch's GradScaler's). Where a gradient is not finite the step is left out and the scale
 * multiplied by `backoff`; after `interval` good steps in a row it is multiplied by `growth`. A
 * plain struct of the caller's. */
typedef struct wg_loss_scale {
    double scale;           /* > 0; powers of two change no bits */
    double growth, backoff; /* > 1, and in (0, 1) */
    int interval;           /* >= 1 */
    int good;               /* steps since the scale changed */
} wg_loss_scale;

/* 65536, growth 2, backoff 0.5, every 2000 steps. */
WG_API wg_loss_scale wg_loss_scale_defaults(void);

/* As wg_step after a sweep from wg_mul(loss, scale->scale), and adapts the scale. *taken (may be
 * NULL) says whether the step was taken; one that is left out sets the gradients to zero and is no
 * failure. Errors: as wg_step; ARGUMENT where a number of `scale` is out of range. */
WG_API wg_status wg_step_scaled(wg_optimizer *optimizer, wg_tape *tape, wg_loss_scale *scale,
                                bool *taken);

#ifdef __cplusplus
}
#endif

#endif
