/* loss.h (internal): losses as one pass over rows of logits, and over pairs of elements. */
#ifndef WG_SRC_KERNEL_LOSS_H
#define WG_SRC_KERNEL_LOSS_H

#include "wengert/op.h"

/* ---- Rows of logits ------------------------------------------------------------------------- */

/* Cross-entropy of contiguous rows of `classes` logits, f32 or f64. With label y, smoothing e and
 * weights w a row's loss is (1 - e) w_y (-log p_y) + e / classes * sum of w_c (-log p_c). */
typedef struct wg_cross_entropy {
    wg_dtype dtype;
    int64_t rows, classes;
    const void *x;
    const wg_view *labels; /* as in gather.h; not read for probabilities */
    const void *weight;    /* of the classes, of x's dtype; NULL: all 1 */
    double smoothing;
    bool ignore; /* rows with this label have no loss */
    int64_t ignore_index;
    double divisor; /* of gradients */
} wg_cross_entropy;

/* losses[i], and row i of the gradient, divided by `divisor`, unless `gradient` is NULL. */
void wg_kernel_cross_entropy(const wg_cross_entropy *loss, double *losses, void *gradient);
/* The same with probabilities: losses[i] = sum over the classes of p (log(sum of exp(x[i])) - x);
 * no share where p = 0. */
void wg_kernel_soft_cross_entropy(const wg_cross_entropy *loss, const void *p, double *losses,
                                  void *gradient);
/* The weight of row i's label; 0 where it is ignored. */
double wg_kernel_label_weight(const wg_cross_entropy *loss, int64_t row);

/* ---- Pairs ---------------------------------------------------------------------------------- */

/* Losses of an element x and its target t, with d = x - t and a parameter c: value and slope in x,
 * as C in the type T. */
#define WG_PAIR_LOSSES(X)                                                                          \
    X(mse, d *d, 2 * d)                                                                            \
    X(l1, F(fabs)(d), d > 0 ? 1 : d < 0 ? -1 : d)                                                  \
    X(huber, F(fabs)(d) <= c ? (T)0.5 * d * d : c * (F(fabs)(d) - (T)0.5 * c), CLAMP(d, -c, c))    \
    X(smooth_l1, F(fabs)(d) < c ? (T)0.5 * d * d / c : F(fabs)(d) - (T)0.5 * c,                    \
      CLAMP(d / c, -1, 1))                                                                         \
    X(bce, -(t * LEAST(F(log)(x)) + (1 - t) * LEAST(F(log)(1 - x))),                               \
      d / (x * (1 - x) < (T)1e-12 ? (T)1e-12 : x * (1 - x)))                                       \
    X(bce_with_logits, (x > 0 ? x : 0) - x * t + F(log1p)(F(exp)(-F(fabs)(x))), SIGMOID(x) - t)    \
    X(soft_margin, (-x * t > 0 ? -x * t : 0) + F(log1p)(F(exp)(-F(fabs)(x * t))),                  \
      -t * SIGMOID(-x * t))

typedef enum wg_pair_loss {
#define WG_PAIR_NAME(name, ...) WG_PAIR_##name,
    WG_PAIR_LOSSES(WG_PAIR_NAME)
#undef WG_PAIR_NAME
    WG_PAIR_COUNT
} wg_pair_loss;

/* `count` pairs, contiguous, where a step of 0 repeats one element. */
typedef struct wg_pairs {
    wg_pair_loss kind;
    wg_dtype dtype;
    int64_t count;
    const void *x, *t;
    int64_t x_step, t_step; /* 0 or 1 */
    double c;
} wg_pairs;

#define WG_PAIR_BLOCK 16384
static inline int64_t wg_pair_blocks(int64_t count) {
    return (count + WG_PAIR_BLOCK - 1) / WG_PAIR_BLOCK;
}

/* The sum of all values; `partial` has room for wg_pair_blocks. */
double wg_kernel_pair_sum(const wg_pairs *pairs, double *partial);
/* out[i] = value. */
void wg_kernel_pair_values(const wg_pairs *pairs, void *out);
/* out[i] = factor g[i g_step] slope; 0 where g is. */
void wg_kernel_pair_slopes(const wg_pairs *pairs, const void *g, int64_t g_step, double factor,
                           void *out);

#endif
