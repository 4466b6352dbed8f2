/* schedule.h: learning rates as pure functions of the step, from 0 on: nothing to save, and a run
 * that is resumed goes on as if it had not stopped.
 *
 *     wg_set_lr(optimizer, wg_schedule_cosine(cosine, wg_steps(optimizer)));
 *
 * Each gives the values of PyTorch's scheduler of that name after `step` of its steps, and NaN
 * (which wg_set_lr refuses) where an option is out of range. `lr` is the rate at full height, > 0
 * and finite; a step may be what the caller likes, a batch or an epoch. */
#ifndef WENGERT_SCHEDULE_H
#define WENGERT_SCHEDULE_H

#include "wengert/base.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* lr·factor for the first `steps`, then lr (ConstantLR); lr alone where `steps` is 0. */
typedef struct wg_constant_schedule {
    double lr;
    double factor; /* in [0, 1] */
    uint64_t steps;
} wg_constant_schedule;
WG_API double wg_schedule_constant(wg_constant_schedule options, uint64_t step);

/* lr·(start + (end − start)·min(step, steps)/steps) (LinearLR). */
typedef struct wg_linear_schedule {
    double lr;
    double start, end; /* factors, >= 0 */
    uint64_t steps;    /* >= 1 */
} wg_linear_schedule;
WG_API double wg_schedule_linear(wg_linear_schedule options, uint64_t step);

/* lr·gamma^⌊step/every⌋ (StepLR). */
typedef struct wg_step_schedule {
    double lr;
    double gamma;   /* > 0; default 0.1 */
    uint64_t every; /* >= 1 */
} wg_step_schedule;
WG_API double wg_schedule_step(wg_step_schedule options, uint64_t step);

/* lr·gamma^(how many of the milestones are at `step` or before) (MultiStepLR); in any order. */
typedef struct wg_multistep_schedule {
    double lr;
    double gamma; /* > 0; default 0.1 */
    const uint64_t *milestones;
    int64_t count; /* of them; >= 0 */
} wg_multistep_schedule;
WG_API double wg_schedule_multistep(wg_multistep_schedule options, uint64_t step);

/* lr·gamma^step (ExponentialLR). */
typedef struct wg_exponential_schedule {
    double lr;
    double gamma; /* required, > 0 */
} wg_exponential_schedule;
WG_API double wg_schedule_exponential(wg_exponential_schedule options, uint64_t step);

/* lr·(1 − min(step, steps)/steps)^power (PolynomialLR). */
typedef struct wg_polynomial_schedule {
    double lr;
    double power;   /* > 0; default 1 */
    uint64_t steps; /* >= 1 */
} wg_polynomial_schedule;
WG_API double wg_schedule_polynomial(wg_polynomial_schedule options, uint64_t step);

/* least + (lr − least)·(1 + cos(π·step/steps))/2 (CosineAnnealingLR, which rises again behind
 * `steps`): I. Loshchilov, F. Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017,
 * eq. 5. With `restart` it begins anew at lr after `steps`, and each period is `growth` times as
 * long as the one before (CosineAnnealingWarmRestarts). */
typedef struct wg_cosine_schedule {
    double lr;
    double least;   /* >= 0 */
    uint64_t steps; /* >= 1; of the first period */
    bool restart;
    uint64_t growth; /* default 1 */
} wg_cosine_schedule;
WG_API double wg_schedule_cosine(wg_cosine_schedule options, uint64_t step);

/* From lr/divisor up to lr in rise·steps − 1 steps, then down to lr/divisor/final_divisor at step
 * `steps` − 1, where it stays, along half cosines or straight lines; with `three_phases` down to
 * lr/divisor first, as fast as up (OneCycleLR): L. Smith, N. Topin, "Super-convergence: very fast
 * training of neural networks using large learning rates", 2018. */
typedef struct wg_one_cycle_schedule {
    double lr;                     /* the highest */
    uint64_t steps;                /* >= 1 */
    double rise;                   /* in (0, 1]; default 0.3 */
    double divisor, final_divisor; /* > 0; default 25 and 1e4 */
    bool linear, three_phases;
    double least_momentum, momentum; /* in [0, 1); default 0.85 and 0.95 */
} wg_one_cycle_schedule;
WG_API double wg_schedule_one_cycle(wg_one_cycle_schedule options, uint64_t step);
/* The momentum that goes with it (wg_set_momentum), low where the rate is high. */
WG_API double wg_schedule_one_cycle_momentum(wg_one_cycle_schedule options, uint64_t step);

/* Warm-up before any other: lr, which is what that schedule gives at
 * wg_schedule_after(step, steps), times start + (1 − start)·min(step, steps)/steps (SequentialLR
 * of LinearLR and the other). P. Goyal et al., "Accurate, large minibatch SGD", 2017, section 2.2.
 *
 *     wg_schedule_warm_up(warm, step, wg_schedule_cosine(c, wg_schedule_after(step, warm.steps)))
 */
typedef struct wg_warm_up {
    uint64_t steps; /* 0: none */
    double start;   /* in [0, 1] */
} wg_warm_up;
WG_API double wg_schedule_warm_up(wg_warm_up warm_up, uint64_t step, double lr);
/* step − start, or 0 before it. */
WG_API uint64_t wg_schedule_after(uint64_t step, uint64_t start);

/* ---- Reduce on plateau ----------------------------------------------------------------------- */

/* Lowers the rate where a measure (a validation loss, say) gets no better: PyTorch's
 * ReduceLROnPlateau. A plain struct of the caller's, to be saved with a checkpoint if need be. */
typedef struct wg_plateau {
    bool greater;      /* the measure is to grow */
    double factor;     /* in (0, 1) */
    int64_t patience;  /* measures without progress that are let pass; >= 0 */
    double threshold;  /* what counts as progress: a share of the best, >= 0 … */
    bool absolute;     /* … or an amount */
    int64_t cooldown;  /* measures after a cut that are not counted; >= 0 */
    double least;      /* the rate goes no lower; >= 0 */
    double epsilon;    /* cuts by less are left out; >= 0 */
    double best;       /* so far */
    int64_t bad, rest; /* measures without progress in a row; of the cooldown that are left */
} wg_plateau;

/* Before any measure: factor 0.1, patience 10, threshold 1e-4 of the best, epsilon 1e-8, all else
 * 0. */
WG_API wg_plateau wg_plateau_defaults(bool greater);
/* The rate after one more measure (a NaN is no progress), from the rate now; NaN where an option is
 * out of range, and nothing changes then. */
WG_API double wg_plateau_next(wg_plateau *plateau, double measure, double lr);

#ifdef __cplusplus
}
#endif

#endif
