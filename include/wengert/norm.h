/* norm.h: normalisation. f32 and f64; integers become floats as in every verb.
 *
 * `weight` and `bias` may be plain numbers: 1 and 0 for none. `eps` is added to the variance
 * (PyTorch has 1e-5 everywhere). Means and variances are exact to the last digits of the type
 * whatever the size of the mean. A row whose adjoint is zero throughout receives zero, even if it
 * holds NaN. */
#ifndef WENGERT_NORM_H
#define WENGERT_NORM_H

#include "wengert/array.h"

#ifdef __cplusplus
extern "C" {
#endif

/* (x − mean)/√(variance + eps)·weight + bias, mean and biased variance over the last `axes` axes of
 * x; weight and bias have the shape of these axes, or rank 0. J. Ba, J. Kiros, G. Hinton, "Layer
 * Normalization", 2016. ARGUMENT where x has not so many axes, or axes < 1. */
WG_API wg_var wg_layer_norm_at(wg_var x, int axes, wg_var weight, wg_var bias, double eps,
                               const char *site);
#define wg_layer_norm(x, axes, weight, bias, eps)                                                  \
    wg_layer_norm_at(x, axes, wg_lift(weight), wg_lift(bias), eps, WG_HERE)

/* x/√(mean of x² + eps)·weight, over the last `axes` axes. B. Zhang, R. Sennrich, "Root Mean Square
 * Layer Normalization", 2019. */
WG_API wg_var wg_rms_norm_at(wg_var x, int axes, wg_var weight, double eps, const char *site);
#define wg_rms_norm(x, axes, weight, eps) wg_rms_norm_at(x, axes, wg_lift(weight), eps, WG_HERE)

/* The same of x [N, C, ...] over each of `groups` groups of C / groups channels and all that
 * follows; weight and bias are [C] or of rank 0. Y. Wu, K. He, "Group Normalization", 2018.
 * ARGUMENT where `groups` does not divide C. */
WG_API wg_var wg_group_norm_at(wg_var x, int64_t groups, wg_var weight, wg_var bias, double eps,
                               const char *site);
#define wg_group_norm(x, groups, weight, bias, eps)                                                \
    wg_group_norm_at(x, groups, wg_lift(weight), wg_lift(bias), eps, WG_HERE)
/* The same with one channel a group. D. Ulyanov, A. Vedaldi, V. Lempitsky, 2016. */
WG_API wg_var wg_instance_norm_at(wg_var x, wg_var weight, wg_var bias, double eps,
                                  const char *site);
#define wg_instance_norm(x, weight, bias, eps)                                                     \
    wg_instance_norm_at(x, wg_lift(weight), wg_lift(bias), eps, WG_HERE)

/* Memory of running statistics, [C] of f32 or f64 each, which wg_batch_norm brings up to date as it
 * runs: statistic = (1 − momentum)·statistic + momentum·(that of the batch), with the unbiased
 * variance, as PyTorch does. It does so once, where the verb succeeds: not when a sweep runs the
 * function of a checkpoint again. */
typedef struct wg_batch_norm_options {
    const wg_view *mean, *variance; /* both or neither; any stride */
    double momentum;                /* 0 means 0.1; -1: the batch's own statistics replace them */
    double eps;                     /* 0 means 1e-5 */
} wg_batch_norm_options;

/* Training: x [N, C, ...] with the mean and the biased variance of each channel over all else;
 * weight and bias are [C] or of rank 0. S. Ioffe, C. Szegedy, "Batch Normalization", 2015. SHAPE
 * where a channel has a single value, ARGUMENT for statistics of another size or dtype. */
WG_API wg_var wg_batch_norm_at(wg_var x, wg_var weight, wg_var bias, const char *site,
                               wg_batch_norm_options options);
#define wg_batch_norm(x, weight, bias, ...)                                                        \
    wg_batch_norm_at(x, wg_lift(weight), wg_lift(bias), WG_HERE, __VA_ARGS__)

/* Evaluation: (x − mean)/√(variance + eps)·weight + bias with mean, variance, weight and bias [C]
 * or of rank 0, all of which receive gradients. */
WG_API wg_var wg_batch_norm_given_at(wg_var x, wg_var mean, wg_var variance, wg_var weight,
                                     wg_var bias, double eps, const char *site);
#define wg_batch_norm_given(x, mean, variance, weight, bias, eps)                                  \
    wg_batch_norm_given_at(x, wg_lift(mean), wg_lift(variance), wg_lift(weight), wg_lift(bias),    \
                           eps, WG_HERE)

/* x / max(‖x‖₂, eps) with the norm along `axis`; PyTorch's eps is 1e-12. */
WG_API wg_var wg_normalize_at(wg_var x, int axis, double eps, const char *site);
#define wg_normalize(x, axis, eps) wg_normalize_at(x, axis, eps, WG_HERE)

/* x / (k + alpha·m)^beta, m the mean of x² over `size` channels (axis 1) around each, those beyond
 * the ends counting as zero. A. Krizhevsky, I. Sutskever, G. Hinton, 2012 (there without the
 * division by size). PyTorch's alpha, beta, k are 1e-4, 0.75, 1. */
WG_API wg_var wg_local_response_norm_at(wg_var x, int size, double alpha, double beta, double k,
                                        const char *site);
#define wg_local_response_norm(x, size, alpha, beta, k)                                            \
    wg_local_response_norm_at(x, size, alpha, beta, k, WG_HERE)

/* softmax(−x) along `axis`. */
WG_API wg_var wg_softmin_at(wg_var x, int axis, const char *site);
#define wg_softmin(x, axis) wg_softmin_at(x, axis, WG_HERE)

#ifdef __cplusplus
}
#endif

#endif
