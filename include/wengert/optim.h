/* optim.h: optimizers over a store's flat buffers. */
#ifndef WENGERT_OPTIM_H
#define WENGERT_OPTIM_H

#include "wengert/nn.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wg_optimizer wg_optimizer;

/* v = momentum·v + (g + decay·w); w −= lr·v, or with Nesterov w −= lr·(g + decay·w + momentum·v):
 * PyTorch's SGD (the first step's v is g). */
typedef struct wg_sgd_options {
    double lr; /* required, > 0 */
    double momentum, decay;
    bool nesterov;
} wg_sgd_options;
WG_API wg_optimizer *wg_sgd(wg_store *store, wg_sgd_options options);

/* Kingma & Ba 2015, algorithm 1, as PyTorch computes it; decay is added to the gradient (Adam) or
 * shrinks the weights (AdamW: Loshchilov & Hutter 2019). */
typedef struct wg_adam_options {
    double lr, beta1, beta2, epsilon, decay;
} wg_adam_options;
typedef wg_adam_options wg_adamw_options;
/* lr 1e-3, betas 0.9 and 0.999, epsilon 1e-8, decay 0. */
WG_API wg_adam_options wg_adam_defaults(void);
/* The same with decay 0.01. */
WG_API wg_adamw_options wg_adamw_defaults(void);
WG_API wg_optimizer *wg_adam(wg_store *store, wg_adam_options options);
WG_API wg_optimizer *wg_adamw(wg_store *store, wg_adamw_options options);

/* The constructors return NULL where an option is out of range or memory ran out (wg_last_message
 * says which). */
WG_API void wg_optimizer_free(wg_optimizer *optimizer);
WG_API void wg_set_lr(wg_optimizer *optimizer, double lr);
WG_API double wg_lr(const wg_optimizer *optimizer);
/* Steps taken. */
WG_API uint64_t wg_steps(const wg_optimizer *optimizer);

/* One step from the store's gradients, which are zero afterwards. After a failure on `tape` (the
 * one that was swept) it changes nothing and returns the tape's status. Reset the tape afterwards:
 * it borrowed the old values. */
WG_API wg_status wg_step(wg_optimizer *optimizer, wg_tape *tape);

#ifdef __cplusplus
}
#endif

#endif
