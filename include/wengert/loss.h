/* loss.h: losses.
 *
 * Each has a plain form, the mean, and a form `_with` that takes options. Names, defaults and
 * formulas are PyTorch's (torch.nn.functional), but for what is said here. Operands are floats but
 * for labels; a gradient flows into targets, too, where they are floats and want one. Where an
 * options struct is taken, all zeros mean the usual default. */
#ifndef WENGERT_LOSS_H
#define WENGERT_LOSS_H

#include "wengert/array.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum wg_loss_reduction {
    WG_LOSS_MEAN, /* over all losses; NaN where there are none. Weighted means say so */
    WG_LOSS_SUM,
    WG_LOSS_NONE,     /* the losses themselves */
    WG_LOSS_BATCHMEAN /* kl_div alone: the sum over axis 0's size */
} wg_loss_reduction;

/* ---- Classes -------------------------------------------------------------------------------- */

/* Of wg_cross_entropy_with and wg_nll_with. */
typedef struct wg_cross_entropy_options {
    wg_loss_reduction reduction;
    double label_smoothing; /* in [0, 1]: labels count 1 - e, and all classes e / classes more */
    bool ignore;            /* rows whose label is ignore_index have no loss and no gradient, */
    int64_t ignore_index;   /* and do not count in the mean (PyTorch's default is -100) */
    wg_var weight;          /* of the classes, [classes]; a plain number: all 1. The mean is then
                               divided by the sum of the labels' weights, with probabilities by the
                               number of rows */
    int axis;               /* of the classes; 0 means the last (PyTorch's is 1; the first is
                               named -rank) */
} wg_cross_entropy_options;

/* -log softmax(logits)[label]: logits [..., classes]; labels either integers [...] (i64 or u8) or
 * probabilities of logits' shape. Without a reduction: [...]. ARGUMENT for a label out of range,
 * DTYPE and SHAPE for what does not fit. Weights get a gradient with probabilities; with labels
 * asking for one is an error. The gradient is computed with the value, in one pass. */
WG_API wg_var wg_cross_entropy_with_at(wg_var logits, wg_var labels,
                                       wg_cross_entropy_options options, const char *site);
#define wg_cross_entropy_with(logits, labels, ...)                                                 \
    wg_cross_entropy_with_at(logits, labels, __VA_ARGS__, WG_HERE)

/* -log_probabilities[label]: the same of what log_softmax gives, integer labels alone and without
 * smoothing. */
WG_API wg_var wg_nll_at(wg_var log_probabilities, wg_var labels, wg_cross_entropy_options options,
                        const char *site);
#define wg_nll(log_probabilities, labels)                                                          \
    wg_nll_at(log_probabilities, labels, wg_cross_entropy_defaults(), WG_HERE)
#define wg_nll_with(log_probabilities, labels, ...)                                                \
    wg_nll_at(log_probabilities, labels, __VA_ARGS__, WG_HERE)

/* The mean over the classes of max(0, margin - x[label] + x[class])^p, for all classes but the
 * label: scores [..., classes], labels [...]. */
typedef struct wg_multi_margin_options {
    double margin; /* 1 by wg_multi_margin_defaults() */
    int p;         /* 1 or 2; 0 means 1 */
    wg_loss_reduction reduction;
} wg_multi_margin_options;
WG_API wg_var wg_multi_margin_at(wg_var scores, wg_var labels, wg_multi_margin_options options,
                                 const char *site);
#define wg_multi_margin(scores, labels)                                                            \
    wg_multi_margin_at(scores, labels, wg_multi_margin_defaults(), WG_HERE)
#define wg_multi_margin_with(scores, labels, ...)                                                  \
    wg_multi_margin_at(scores, labels, __VA_ARGS__, WG_HERE)

/* ---- Pairs of elements ---------------------------------------------------------------------- */

/* Two arrays of one shape; either may have a single element instead. Other shapes that would
 * broadcast are an error: [n, 1] against [n] was hardly meant. */

/* (a - b)² */
WG_API wg_var wg_mse_with_at(wg_var a, wg_var b, wg_loss_reduction reduction, const char *site);
#define wg_mse_with(a, b, reduction) wg_mse_with_at(wg_lift(a), wg_lift(b), reduction, WG_HERE)
/* |a - b|; derivative 0 where they are equal */
WG_API wg_var wg_l1_at(wg_var a, wg_var b, wg_loss_reduction reduction, const char *site);
#define wg_l1(a, b) wg_l1_at(wg_lift(a), wg_lift(b), WG_LOSS_MEAN, WG_HERE)
#define wg_l1_with(a, b, reduction) wg_l1_at(wg_lift(a), wg_lift(b), reduction, WG_HERE)
/* ½ d² for |d| ≤ delta, else delta (|d| - ½ delta), d = a - b; delta > 0 (P. Huber, 1964) */
WG_API wg_var wg_huber_at(wg_var a, wg_var b, double delta, wg_loss_reduction reduction,
                          const char *site);
#define wg_huber(a, b) wg_huber_at(wg_lift(a), wg_lift(b), 1, WG_LOSS_MEAN, WG_HERE)
#define wg_huber_with(a, b, delta, reduction)                                                      \
    wg_huber_at(wg_lift(a), wg_lift(b), delta, reduction, WG_HERE)
/* ½ d² / beta for |d| < beta, else |d| - ½ beta; beta ≥ 0, 0 being l1 (R. Girshick, 2015) */
WG_API wg_var wg_smooth_l1_at(wg_var a, wg_var b, double beta, wg_loss_reduction reduction,
                              const char *site);
#define wg_smooth_l1(a, b) wg_smooth_l1_at(wg_lift(a), wg_lift(b), 1, WG_LOSS_MEAN, WG_HERE)
#define wg_smooth_l1_with(a, b, beta, reduction)                                                   \
    wg_smooth_l1_at(wg_lift(a), wg_lift(b), beta, reduction, WG_HERE)
/* log(1 + exp(-y x)), y = ±1 */
WG_API wg_var wg_soft_margin_at(wg_var x, wg_var y, wg_loss_reduction reduction, const char *site);
#define wg_soft_margin(x, y) wg_soft_margin_at(x, wg_lift(y), WG_LOSS_MEAN, WG_HERE)
#define wg_soft_margin_with(x, y, reduction) wg_soft_margin_at(x, wg_lift(y), reduction, WG_HERE)

/* Of wg_bce_with and wg_bce_with_logits_with. */
typedef struct wg_bce_options {
    wg_loss_reduction reduction;
    wg_var weight;     /* of each loss, broadcasting; a plain number: all 1 */
    wg_var pos_weight; /* of the term with t (with logits alone), broadcasting; a plain number: 1 */
} wg_bce_options;

/* -(t log x + (1 - t) log(1 - x)) of a probability x in [0, 1], logarithms cut off at -100; the
 * derivative is (x - t) / max(x (1 - x), 1e-12). */
WG_API wg_var wg_bce_at(wg_var x, wg_var t, wg_bce_options options, const char *site);
#define wg_bce(x, t) wg_bce_at(x, wg_lift(t), wg_bce_defaults(), WG_HERE)
#define wg_bce_with(x, t, ...) wg_bce_at(x, wg_lift(t), __VA_ARGS__, WG_HERE)
/* The same of x = sigmoid(logit), from the logit, without overflow. */
WG_API wg_var wg_bce_with_logits_at(wg_var logits, wg_var t, wg_bce_options options,
                                    const char *site);
#define wg_bce_with_logits(logits, t)                                                              \
    wg_bce_with_logits_at(logits, wg_lift(t), wg_bce_defaults(), WG_HERE)
#define wg_bce_with_logits_with(logits, t, ...)                                                    \
    wg_bce_with_logits_at(logits, wg_lift(t), __VA_ARGS__, WG_HERE)

/* t (log t - x), or exp(t) (t - x) where the target is a logarithm, too: x log-probabilities of
 * the model, t probabilities of the data. 0 where t = 0. The mean is over all elements, as
 * PyTorch's, which is not the divergence: WG_LOSS_BATCHMEAN is. */
typedef struct wg_kl_div_options {
    wg_loss_reduction reduction;
    bool log_target;
} wg_kl_div_options;
WG_API wg_var wg_kl_div_at(wg_var x, wg_var t, wg_kl_div_options options, const char *site);
#define wg_kl_div(x, t) wg_kl_div_at(x, t, wg_kl_div_defaults(), WG_HERE)
#define wg_kl_div_with(x, t, ...) wg_kl_div_at(x, t, __VA_ARGS__, WG_HERE)

/* x where y = 1, max(0, margin - x) where y = -1, the sum of both for any other y. */
WG_API wg_var wg_hinge_embedding_at(wg_var x, wg_var y, double margin, wg_loss_reduction reduction,
                                    const char *site);
#define wg_hinge_embedding(x, y) wg_hinge_embedding_at(x, wg_lift(y), 1, WG_LOSS_MEAN, WG_HERE)
#define wg_hinge_embedding_with(x, y, margin, reduction)                                           \
    wg_hinge_embedding_at(x, wg_lift(y), margin, reduction, WG_HERE)
/* max(0, margin - y (a - b)), y = ±1 */
WG_API wg_var wg_margin_ranking_at(wg_var a, wg_var b, wg_var y, double margin,
                                   wg_loss_reduction reduction, const char *site);
#define wg_margin_ranking(a, b, y) wg_margin_ranking_at(a, b, wg_lift(y), 0, WG_LOSS_MEAN, WG_HERE)
#define wg_margin_ranking_with(a, b, y, margin, reduction)                                         \
    wg_margin_ranking_at(a, b, wg_lift(y), margin, reduction, WG_HERE)

/* exp(x) - t x, the negative logarithm of Poisson's distribution for a count t and log-rate x. */
typedef struct wg_poisson_nll_options {
    wg_loss_reduction reduction;
    bool rate;  /* x is the rate itself: x - t log(x + eps) */
    bool full;  /* with Stirling's t log t - t + ½ log(2 π t) where t > 1 */
    double eps; /* 0 means 1e-8 */
} wg_poisson_nll_options;
WG_API wg_var wg_poisson_nll_at(wg_var x, wg_var t, wg_poisson_nll_options options,
                                const char *site);
#define wg_poisson_nll(x, t) wg_poisson_nll_at(x, t, wg_poisson_nll_defaults(), WG_HERE)
#define wg_poisson_nll_with(x, t, ...) wg_poisson_nll_at(x, t, __VA_ARGS__, WG_HERE)

/* ½ (log v + (x - t)² / v) of a variance v, at least eps (below it v gets no gradient). */
typedef struct wg_gaussian_nll_options {
    wg_loss_reduction reduction;
    bool full;  /* with ½ log(2 π) */
    double eps; /* 0 means 1e-6 */
} wg_gaussian_nll_options;
WG_API wg_var wg_gaussian_nll_at(wg_var x, wg_var t, wg_var variance,
                                 wg_gaussian_nll_options options, const char *site);
#define wg_gaussian_nll(x, t, variance)                                                            \
    wg_gaussian_nll_at(x, t, wg_lift(variance), wg_gaussian_nll_defaults(), WG_HERE)
#define wg_gaussian_nll_with(x, t, variance, ...)                                                  \
    wg_gaussian_nll_at(x, t, wg_lift(variance), __VA_ARGS__, WG_HERE)

/* ---- Pairs of vectors ----------------------------------------------------------------------- */

/* a·b / max(|a| |b|, eps) along `axis`, which goes away; a and b broadcast. eps 0 means 1e-8. */
WG_API wg_var wg_cosine_similarity_at(wg_var a, wg_var b, int axis, double eps, const char *site);
#define wg_cosine_similarity(a, b, axis) wg_cosine_similarity_at(a, b, axis, 0, WG_HERE)
/* 1 - cos(a, b) where y = 1, max(0, cos(a, b) - margin) where y = -1; vectors along the last axis,
 * y of the other axes. */
WG_API wg_var wg_cosine_embedding_at(wg_var a, wg_var b, wg_var y, double margin,
                                     wg_loss_reduction reduction, const char *site);
#define wg_cosine_embedding(a, b, y)                                                               \
    wg_cosine_embedding_at(a, b, wg_lift(y), 0, WG_LOSS_MEAN, WG_HERE)
#define wg_cosine_embedding_with(a, b, y, margin, reduction)                                       \
    wg_cosine_embedding_at(a, b, wg_lift(y), margin, reduction, WG_HERE)

/* max(0, |anchor - positive| - |anchor - negative| + margin) with p-norms along the last axis, eps
 * added to each difference. */
typedef struct wg_triplet_margin_options {
    double margin; /* 1 by wg_triplet_margin_defaults() */
    double p;      /* 0 means 2 */
    double eps;    /* 0 means 1e-6 */
    bool swap;     /* take |positive - negative| where it is smaller (V. Balntas et al., 2016) */
    wg_loss_reduction reduction;
} wg_triplet_margin_options;
WG_API wg_var wg_triplet_margin_at(wg_var anchor, wg_var positive, wg_var negative,
                                   wg_triplet_margin_options options, const char *site);
#define wg_triplet_margin(anchor, positive, negative)                                              \
    wg_triplet_margin_at(anchor, positive, negative, wg_triplet_margin_defaults(), WG_HERE)
#define wg_triplet_margin_with(anchor, positive, negative, ...)                                    \
    wg_triplet_margin_at(anchor, positive, negative, __VA_ARGS__, WG_HERE)

/* ---- Sequences ------------------------------------------------------------------------------ */

/* -log of the probability that a path through the frames reads as the target, blanks and repeats
 * left out (A. Graves et al., "Connectionist Temporal Classification", ICML 2006):
 * log_probabilities [T, N, classes] (log_softmax's), targets [N, S] (i64 or u8, padded with
 * anything), input_lengths [N] in [0, T] and target_lengths [N] in [0, S] (i64). The mean divides
 * each loss by its target's length (at least 1) first. Infinite where no path is long enough.
 *
 * The gradient is that of this very function (minus the probability of each class in each frame,
 * given the target). PyTorch's has exp(log_probabilities) added, which log_softmax's chain rule
 * cancels: behind log_softmax both give the same. Differentiable to any order: a sweep that records
 * itself goes through the frames in verbs, which takes O(T N S²). */
typedef struct wg_ctc_options {
    wg_loss_reduction reduction;
    int64_t blank;      /* the class that reads as nothing */
    bool zero_infinity; /* infinite losses, and their gradients, are zero */
} wg_ctc_options;
WG_API wg_var wg_ctc_at(wg_var log_probabilities, wg_var targets, wg_var input_lengths,
                        wg_var target_lengths, wg_ctc_options options, const char *site);
#define wg_ctc(log_probabilities, targets, input_lengths, target_lengths)                          \
    wg_ctc_at(log_probabilities, targets, input_lengths, target_lengths, wg_ctc_defaults(), WG_HERE)
#define wg_ctc_with(log_probabilities, targets, input_lengths, target_lengths, ...)                \
    wg_ctc_at(log_probabilities, targets, input_lengths, target_lengths, __VA_ARGS__, WG_HERE)

/* ---- Defaults ------------------------------------------------------------------------------- */

#define WG_LOSS_DEFAULTS(name, ...)                                                                \
    static inline wg_##name##_options wg_##name##_defaults(void) {                                 \
        wg_##name##_options options;                                                               \
        memset(&options, 0, sizeof options);                                                       \
        __VA_ARGS__;                                                                               \
        return options;                                                                            \
    }
WG_LOSS_DEFAULTS(cross_entropy, )
WG_LOSS_DEFAULTS(multi_margin, options.margin = 1)
WG_LOSS_DEFAULTS(bce, )
WG_LOSS_DEFAULTS(kl_div, )
WG_LOSS_DEFAULTS(poisson_nll, )
WG_LOSS_DEFAULTS(gaussian_nll, )
WG_LOSS_DEFAULTS(triplet_margin, options.margin = 1)
WG_LOSS_DEFAULTS(ctc, )
#undef WG_LOSS_DEFAULTS

#ifdef __cplusplus
}
#endif

#endif
