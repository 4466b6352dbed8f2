/* optim.h: optimizers over a store's flat buffers.
 *
 * State (momentum, moments, the count of steps in bias corrections) belongs to each parameter: one
 * that is made after steps were taken begins with none, and the others keep theirs. A parameter
 * that no sweep reached has the gradient 0: momentum and decay still move it; a frozen one
 * (wg_freeze) is left as it is, state and all. Defaults are PyTorch's; `decay` is its
 * weight_decay. A step's bits depend neither on the number of threads nor on the instruction set
 * (but for Muon's matrix products, which depend on the latter). */
#ifndef WENGERT_OPTIM_H
#define WENGERT_OPTIM_H

#include "wengert/nn.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wg_optimizer wg_optimizer;

/* ---- Rules -----------------------------------------------------------------------------------
 *
 * w is a weight, g its gradient, t the number of its steps, this one counted. Where no other
 * decay is named, g + decay·w stands for g. The constructors return NULL where an option is out of
 * range or memory ran out (wg_last_message says which). */

/* v = momentum·v + (1 − dampening)·g, v = g at the first step; w −= lr·v, or with Nesterov
 * w −= lr·(g + momentum·v): PyTorch's SGD. */
typedef struct wg_sgd_options {
    double lr;              /* required, > 0 */
    double momentum, decay; /* >= 0 */
    bool nesterov;          /* needs a momentum, and no dampening */
    double dampening;       /* in [0, 1) */
} wg_sgd_options;
WG_API wg_optimizer *wg_sgd(wg_store *store, wg_sgd_options options);

/* m = beta1·m + (1 − beta1)·g, v = beta2·v + (1 − beta2)·g²; m̂ = m/(1 − beta1^t),
 * v̂ = v/(1 − beta2^t); w −= lr·m̂/(√v̂ + epsilon): D. Kingma, J. Ba, "Adam: a method for stochastic
 * optimization", 2015, algorithm 1. AdamW shrinks w by 1 − lr·decay instead of adding decay·w to g
 * (I. Loshchilov, F. Hutter, "Decoupled weight decay regularization", 2019). With `amsgrad` the
 * greatest v so far stands in place of v (S. Reddi, S. Kale, S. Kumar, "On the convergence of Adam
 * and beyond", 2018). */
typedef struct wg_adam_options {
    double lr;           /* > 0 */
    double beta1, beta2; /* in [0, 1) */
    double epsilon;      /* > 0 */
    double decay;        /* >= 0 */
    bool amsgrad;
} wg_adam_options;
typedef wg_adam_options wg_adamw_options;
/* lr 1e-3, betas 0.9 and 0.999, epsilon 1e-8, decay 0. */
WG_API wg_adam_options wg_adam_defaults(void);
/* The same with decay 0.01. */
WG_API wg_adamw_options wg_adamw_defaults(void);
WG_API wg_optimizer *wg_adam(wg_store *store, wg_adam_options options);
WG_API wg_optimizer *wg_adamw(wg_store *store, wg_adamw_options options);

/* Adam with Nesterov's momentum: with mu_t = beta1·(1 − 0.96^(t·momentum_decay)/2),
 * w −= lr·((1 − mu_t)/(1 − Π mu)·g + mu_{t+1}/(1 − Π mu·mu_{t+1})·m)/(√v̂ + epsilon): T. Dozat,
 * "Incorporating Nesterov momentum into Adam", 2016. (PyTorch 1.13 multiplies mu_t in twice unless
 * it runs with foreach; later ones, and this, do not.) */
typedef struct wg_nadam_options {
    double lr;                             /* > 0 */
    double beta1, beta2;                   /* in [0, 1) */
    double epsilon, decay, momentum_decay; /* > 0, >= 0, >= 0 */
} wg_nadam_options;
/* lr 2e-3, betas 0.9 and 0.999, epsilon 1e-8, decay 0, momentum_decay 4e-3. */
WG_API wg_nadam_options wg_nadam_defaults(void);
WG_API wg_optimizer *wg_nadam(wg_store *store, wg_nadam_options options);

/* Adam whose step is corrected for the variance of v, and which goes along m̂ alone while there is
 * too little to tell it: L. Liu et al., "On the variance of the adaptive learning rate and beyond",
 * 2020, algorithm 2. `amsgrad` must be false. */
typedef wg_adam_options wg_radam_options;
/* lr 1e-3, betas 0.9 and 0.999, epsilon 1e-8, decay 0. */
WG_API wg_radam_options wg_radam_defaults(void);
WG_API wg_optimizer *wg_radam(wg_store *store, wg_radam_options options);

/* u = max(beta2·u, |g| + epsilon); w −= lr·m̂/u: Kingma, Ba 2015, algorithm 2. `amsgrad` must be
 * false. */
typedef wg_adam_options wg_adamax_options;
/* lr 2e-3, betas 0.9 and 0.999, epsilon 1e-8, decay 0. */
WG_API wg_adamax_options wg_adamax_defaults(void);
WG_API wg_optimizer *wg_adamax(wg_store *store, wg_adamax_options options);

/* v = alpha·v + (1 − alpha)·g²; u = g/(√v + epsilon), where `centered` with the variance
 * v − (mean of g)² in place of v; w −= lr·u, or with a momentum b = momentum·b + u, w −= lr·b:
 * G. Hinton, "Neural networks for machine learning", lecture 6, 2012; centered: A. Graves,
 * "Generating sequences with recurrent neural networks", 2013, section 4.2. */
typedef struct wg_rmsprop_options {
    double lr;              /* > 0 */
    double alpha;           /* in [0, 1) */
    double epsilon;         /* > 0 */
    double momentum, decay; /* >= 0 */
    bool centered;
} wg_rmsprop_options;
/* lr 1e-2, alpha 0.99, epsilon 1e-8, all else 0. */
WG_API wg_rmsprop_options wg_rmsprop_defaults(void);
WG_API wg_optimizer *wg_rmsprop(wg_store *store, wg_rmsprop_options options);

/* s += g²; w −= lr/(1 + (t − 1)·lr_decay)·g/(√s + epsilon): J. Duchi, E. Hazan, Y. Singer,
 * "Adaptive subgradient methods", 2011. */
typedef struct wg_adagrad_options {
    double lr;              /* > 0 */
    double lr_decay, decay; /* >= 0 */
    double initial;         /* s before the first step; >= 0 */
    double epsilon;         /* > 0 */
} wg_adagrad_options;
/* lr 1e-2, epsilon 1e-10, all else 0. */
WG_API wg_adagrad_options wg_adagrad_defaults(void);
WG_API wg_optimizer *wg_adagrad(wg_store *store, wg_adagrad_options options);

/* v = rho·v + (1 − rho)·g²; u = √(d + epsilon)/√(v + epsilon)·g; d = rho·d + (1 − rho)·u²;
 * w −= lr·u: M. Zeiler, "ADADELTA: an adaptive learning rate method", 2012, algorithm 1. */
typedef struct wg_adadelta_options {
    double lr;      /* > 0 */
    double rho;     /* in [0, 1) */
    double epsilon; /* > 0 */
    double decay;   /* >= 0 */
} wg_adadelta_options;
/* lr 1, rho 0.9, epsilon 1e-6, decay 0. */
WG_API wg_adadelta_options wg_adadelta_defaults(void);
WG_API wg_optimizer *wg_adadelta(wg_store *store, wg_adadelta_options options);

/* w −= lr·(sign(beta1·m + (1 − beta1)·g) + decay·w); m = beta2·m + (1 − beta2)·g: X. Chen et al.,
 * "Symbolic discovery of optimization algorithms", 2023, algorithm 2. */
typedef struct wg_lion_options {
    double lr;           /* > 0 */
    double beta1, beta2; /* in [0, 1) */
    double decay;        /* >= 0 */
} wg_lion_options;
/* lr 1e-4, betas 0.9 and 0.99, decay 0. */
WG_API wg_lion_options wg_lion_defaults(void);
WG_API wg_optimizer *wg_lion(wg_store *store, wg_lion_options options);

/* u = m̂/(√v̂ + epsilon) + decay·w; w −= lr·‖w‖/‖u‖·u with the norms of each parameter (a ratio of
 * 1 where one of them is 0): Y. You et al., "Large batch optimization for deep learning: training
 * BERT in 76 minutes", 2020, algorithm 2 with φ(z) = z. `amsgrad` must be false. */
typedef wg_adam_options wg_lamb_options;
/* lr 1e-3, betas 0.9 and 0.999, epsilon 1e-6, decay 0.01. */
WG_API wg_lamb_options wg_lamb_defaults(void);
WG_API wg_optimizer *wg_lamb(wg_store *store, wg_lamb_options options);

/* For the matrices among the parameters, [out, …] with all axes but the first as one, of two axes
 * or more: m = momentum·m + (1 − momentum)·g; u = m, or with Nesterov (1 − momentum)·g +
 * momentum·m; u is made nearly orthogonal by `iterations` turns of Newton and Schulz
 * X ← a·X + (b·XXᵀ + c·(XXᵀ)²)·X with (a, b, c) = (3.4445, −4.7750, 2.0315) from u/(‖u‖ + epsilon);
 * w −= lr·(scale·u + decay·w) with the scale √max(1, rows/columns), or where `match_rms` is set
 * 0.2·√max(rows, columns), for learning rates like AdamW's: K. Jordan et al., "Muon: an optimizer
 * for hidden layers", 2024; J. Liu et al., "Muon is scalable for LLM training", 2025, eq. 4.
 * PyTorch's Muon (2.9), but computed in the parameters' own dtype, not in bf16.
 *
 * All other parameters, and the groups marked `adamw` (embeddings and the last layer, says the
 * paper), are stepped by AdamW with the options `adamw`, of which `lr` follows wg_set_lr in
 * proportion. */
typedef struct wg_muon_options {
    double lr;       /* > 0 */
    double momentum; /* in [0, 1) */
    double decay;    /* >= 0; groups may have their own */
    double epsilon;  /* > 0 */
    int iterations;  /* 1 … 100 */
    bool no_nesterov, match_rms;
    wg_adamw_options adamw; /* `amsgrad` must be false */
} wg_muon_options;
/* lr 1e-3, momentum 0.95, decay 0.1, epsilon 1e-7, 5 iterations; AdamW's defaults. */
WG_API wg_muon_options wg_muon_defaults(void);
WG_API wg_optimizer *wg_muon(wg_store *store, wg_muon_options options);

/* NULL is allowed. The store must outlive the optimizer's last step. */
WG_API void wg_optimizer_free(wg_optimizer *optimizer);

/* ---- Steps --------------------------------------------------------------------------------- */

/* For schedules (schedule.h): lr >= 0 and finite; else ARGUMENT, and nothing changes. */
WG_API wg_status wg_set_lr(wg_optimizer *optimizer, double lr);
/* NaN for NULL. */
WG_API double wg_lr(const wg_optimizer *optimizer);
/* The momentum of SGD, RMSProp and Muon, the beta1 of Lion, Adam and its kin but NAdam, from the
 * next step on (for wg_schedule_one_cycle_momentum). Errors: ARGUMENT unless 0 <= momentum < 1, and
 * for a rule that has none or was made without. */
WG_API wg_status wg_set_momentum(wg_optimizer *optimizer, double momentum);
/* Steps taken; 0 for NULL. */
WG_API uint64_t wg_steps(const wg_optimizer *optimizer);

/* One step from the store's gradients, which are zero afterwards. After a failure on `tape` (the
 * one that was swept; NULL for none) it changes no parameter, sets the gradients (which may be a
 * part of the truth) to zero, and returns the tape's status; so too, but for the gradients, where
 * memory runs out (MEMORY; only the first step, and one after new parameters, asks for any; Muon's
 * products may). Reset the tape afterwards: it borrowed the values of before. STATE for L-BFGS.
 *
 * Sweeps add up: to step from several micro-batches, sweep each before the one step, from its
 * loss divided by their number where losses are means (or from losses as they are, and then
 * wg_scale_gradients). */
WG_API wg_status wg_step(wg_optimizer *optimizer, wg_tape *tape);

/* ---- Groups -------------------------------------------------------------------------------- */

typedef struct wg_group_options {
    double lr;    /* >= 0; a factor of the optimizer's, so that schedules hold for all */
    double decay; /* >= 0; in place of the optimizer's */
    bool adamw;   /* by AdamW, in Muon */
} wg_group_options;
/* lr 1 and the decay of the optimizer (of Muon: that of the matrices). */
WG_API wg_group_options wg_group_defaults(const wg_optimizer *optimizer);
/* Parameters whose full name matches `pattern` ('*' any characters, '?' one) go by `options` from
 * the next step on. Holds for parameters that are made later, too; of several calls that match a
 * name the last holds. Decay on weights alone, say:
 *
 *     wg_group_options none = wg_group_defaults(optimizer);
 *     none.decay = 0;
 *     wg_optimizer_group(optimizer, "*.bias", none);
 *
 * Errors: ARGUMENT for a number out of range, a NULL pattern, `adamw` in another rule, L-BFGS
 * (which steps all as one); MEMORY. Nothing has changed then. */
WG_API wg_status wg_optimizer_group(wg_optimizer *optimizer, const char *pattern,
                                    wg_group_options options);

/* ---- L-BFGS -------------------------------------------------------------------------------- */

/* Limited-memory BFGS (D. Liu, J. Nocedal, "On the limited memory BFGS method for large scale
 * optimization", 1989) with a line search for the strong Wolfe conditions by cubic interpolation
 * (J. Nocedal, S. Wright, "Numerical optimization", 2006, algorithms 3.5 and 3.6; c1 1e-4, c2 0.9,
 * at most 25 evaluations): PyTorch's LBFGS. For losses without noise. It keeps two buffers of the
 * parameters' size and two more for each pair of its history. */
typedef struct wg_lbfgs_options {
    double lr;                 /* default 1: the first trial of each line search */
    int iterations;            /* of a step; default 20 */
    int evaluations;           /* of a step, about; default 5/4 of the iterations */
    int history;               /* pairs; default 100 */
    double gradient_tolerance; /* of its greatest component; default 1e-7 */
    double change_tolerance;   /* of loss and parameters; default 1e-9 */
    bool no_line_search;       /* steps of lr, as PyTorch's default; else strong Wolfe */
} wg_lbfgs_options;
WG_API wg_optimizer *wg_lbfgs(wg_store *store, wg_lbfgs_options options);

/* Computes the loss where the parameters are and adds its gradients to the store's, which are zero
 * before: record, wg_backward, read the loss, wg_tape_reset. Anything but WG_OK ends the step. */
typedef wg_status (*wg_closure)(void *context, double *loss);

/* Iterates from where the parameters are; *loss (NULL allowed) is that of before, as in PyTorch.
 * The gradients are zero afterwards. Where the gradient is within the tolerance already, or the
 * network has no parameters, nothing moves. The line search turns back from a loss that is not
 * finite and keeps the best point it found; with no_line_search the step ends there, at that loss.
 * Errors: what the closure returned, MEMORY, STATE for another rule or a closure that made
 * parameters (or was the first to ask for loaded ones) once the step had begun to move; the
 * parameters are then as before, and where the step had begun to move the history is empty.
 * Parameters that came or were frozen since the last step begin the history anew, too. */
WG_API wg_status wg_lbfgs_step(wg_optimizer *optimizer, wg_closure closure, void *context,
                               double *loss);

/* ---- Loss scaling --------------------------------------------------------------------------- */

/* Keeps small gradients from becoming zero where they pass through a narrow type: the loss is
 * multiplied by `scale` before the sweep, the gradients divided by it before the step
 * (P. Micikevicius et al., "Mixed precision training", 2018, section 3.2; the rule for `scale` is
 * PyTorch's GradScaler's). Where a gradient is not finite the step is left out and the scale
 * multiplied by `backoff`; after `interval` good steps in a row it is multiplied by `growth`. A
 * plain struct of the caller's. */
typedef struct wg_loss_scale {
    double scale;           /* > 0; powers of two change no bits */
    double growth, backoff; /* >= 1, and in (0, 1) */
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
