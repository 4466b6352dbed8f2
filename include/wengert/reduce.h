/* reduce.h: reductions, scans, sorting. */
#ifndef WENGERT_REDUCE_H
#define WENGERT_REDUCE_H

#include "wengert/array.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Axes are given as to wg_sum: wg_foo(x) folds all of x, wg_foo_over(x, WG_AXES(…)) some of it. A
 * plain number is an array of one element. Integers become f64 where the result is a float. */

/* ---- Where, whether, how many: no gradient --------------------------------------------------- */

/* i64 indices of the first least element along `axis` (NaN counts as least); wg_argmax is its twin.
 * An empty axis: SHAPE. */
WG_API wg_var wg_argmin_at(wg_var x, int axis, bool keep, const char *site);
/* Of any dtype; what differs from 0 is true, as NaN does. any and all are u8, 0 or 1 (of nothing
 * any is 0 and all 1), count_nonzero is i64. */
WG_API wg_var wg_any_at(wg_var x, wg_axes axes, const char *site);
WG_API wg_var wg_all_at(wg_var x, wg_axes axes, const char *site);
WG_API wg_var wg_count_nonzero_at(wg_var x, wg_axes axes, const char *site);

/* ---- Statistics and norms ---------------------------------------------------------------------
 */

/* ln Σ eˣ, without overflow. Where all of x is −∞, or there is none, −∞; the gradient there is 0.
 */
WG_API wg_var wg_logsumexp_at(wg_var x, wg_axes axes, const char *site);
/* Σ (x − mean)² / max(0, n − correction) of n elements: the macros' correction 1 makes it unbiased
 * (Bessel), 0 the mean square. NaN where nothing is left to divide by. Taken in one pass over the
 * memory, block by block (Chan, Golub & LeVeque 1979). */
WG_API wg_var wg_variance_at(wg_var x, wg_axes axes, double correction, const char *site);
/* Its root. Where the variance is 0 so is the gradient (PyTorch's choice). */
WG_API wg_var wg_std_at(wg_var x, wg_axes axes, double correction, const char *site);
/* (Σ |x|ᵖ)^(1/p) for any p, with the limits Σ |x|, max |x| (p = INFINITY) and min |x|
 * (p = −INFINITY); p = 0 counts what is not zero. The gradient is PyTorch's: 0 at the zero vector,
 * for p = 1 the sign, for p = ±INFINITY shared evenly among equals, for p = 0 none. Squares of f32
 * are summed in f64 and do not overflow. ARGUMENT where p is NaN. */
WG_API wg_var wg_norm_at(wg_var x, double p, wg_axes axes, const char *site);

#define wg_argmin(x, axis) wg_argmin_at(x, axis, false, WG_HERE)
#define wg_any(x) wg_any_at(x, WG_ALL_AXES, WG_HERE)
#define wg_all(x) wg_all_at(x, WG_ALL_AXES, WG_HERE)
#define wg_count_nonzero(x) wg_count_nonzero_at(x, WG_ALL_AXES, WG_HERE)
#define wg_logsumexp(x) wg_logsumexp_at(x, WG_ALL_AXES, WG_HERE)
#define wg_variance(x) wg_variance_at(x, WG_ALL_AXES, 1, WG_HERE)
#define wg_std(x) wg_std_at(x, WG_ALL_AXES, 1, WG_HERE)
#define wg_norm(x, p) wg_norm_at(x, p, WG_ALL_AXES, WG_HERE)
#define wg_any_over(x, ...) wg_any_at(x, __VA_ARGS__, WG_HERE)
#define wg_all_over(x, ...) wg_all_at(x, __VA_ARGS__, WG_HERE)
#define wg_count_nonzero_over(x, ...) wg_count_nonzero_at(x, __VA_ARGS__, WG_HERE)
#define wg_logsumexp_over(x, ...) wg_logsumexp_at(x, __VA_ARGS__, WG_HERE)
/* wg_variance_over(x, axes, correction), wg_norm_over(x, p, axes) */
#define wg_variance_over(x, ...) wg_variance_at(x, __VA_ARGS__, WG_HERE)
#define wg_std_over(x, ...) wg_std_at(x, __VA_ARGS__, WG_HERE)
#define wg_norm_over(x, p, ...) wg_norm_at(x, p, __VA_ARGS__, WG_HERE)

#ifdef __cplusplus
}
#endif

#endif
