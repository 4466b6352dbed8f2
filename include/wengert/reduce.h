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

/* ---- Running folds along an axis: of x's shape
 * --------------------------------------------------- */

/* Σ of all elements up to each one, and their product (whose gradient is right with zeros in it, to
 * any order). f32 is accumulated in f64. */
WG_API wg_var wg_cumsum_at(wg_var x, int axis, const char *site);
WG_API wg_var wg_cumprod_at(wg_var x, int axis, const char *site);
/* ln Σ eˣ of all elements up to each one, without overflow. */
WG_API wg_var wg_logcumsumexp_at(wg_var x, int axis, const char *site);
/* The linear recurrence s[k] = a[k]·s[k − 1] + b[k] along `axis`, from s[−1] = 0: discounted sums,
 * exponential averages, diagonal state-space models. a and b have one shape. */
WG_API wg_var wg_linear_scan_at(wg_var a, wg_var b, int axis, const char *site);

#define wg_cumsum(x, axis) wg_cumsum_at(x, axis, WG_HERE)
#define wg_cumprod(x, axis) wg_cumprod_at(x, axis, WG_HERE)
#define wg_logcumsumexp(x, axis) wg_logcumsumexp_at(x, axis, WG_HERE)
#define wg_linear_scan(a, b, axis) wg_linear_scan_at(a, b, axis, WG_HERE)

/* ---- Order
 * ---------------------------------------------------------------------------------------- */

/* Values, and where along the axis they stood (i64). The gradient goes to the elements that were
 * taken, one each. NaN counts as greatest, as in NumPy and PyTorch; what is equal keeps its order,
 * so that every result is the same wherever it is computed. Any dtype. */
typedef struct wg_selection {
    wg_var values, indices;
} wg_selection;

/* All elements along `axis`, the least or (`descending`) the greatest first. Stable. */
WG_API wg_selection wg_sort_at(wg_var x, int axis, bool descending, const char *site);
WG_API wg_var wg_argsort_at(wg_var x, int axis, bool descending, const char *site);
/* The k greatest (or least) along `axis`, the greatest (least) first. ARGUMENT where there are
 * fewer. */
WG_API wg_selection wg_topk_at(wg_var x, int64_t k, int axis, bool largest, const char *site);
/* The first greatest and the first least along `axis` (PyTorch's max(dim); wg_amax shares its
 * gradient). An empty axis: SHAPE. NaN wins both. */
WG_API wg_selection wg_max_along_at(wg_var x, int axis, bool keep, const char *site);
WG_API wg_selection wg_min_along_at(wg_var x, int axis, bool keep, const char *site);
/* The lower median (PyTorch's): an element of x. NaN wins. */
WG_API wg_selection wg_median_at(wg_var x, int axis, bool keep, const char *site);
/* The value below which the part q of [0, 1] lies, on a line between the two nearest elements
 * (NumPy's "linear"); wg_quantile(x, 0.5, axis) is NumPy's median. NaN wins. */
WG_API wg_var wg_quantile_at(wg_var x, double q, int axis, bool keep, const char *site);
/* The greatest (least) of all elements up to each one; of equals the last. NaN wins. */
WG_API wg_selection wg_cummax_at(wg_var x, int axis, const char *site);
WG_API wg_selection wg_cummin_at(wg_var x, int axis, const char *site);

#define wg_sort(x, axis, descending) wg_sort_at(x, axis, descending, WG_HERE)
#define wg_argsort(x, axis, descending) wg_argsort_at(x, axis, descending, WG_HERE)
#define wg_topk(x, k, axis, largest) wg_topk_at(x, k, axis, largest, WG_HERE)
#define wg_max_along(x, axis) wg_max_along_at(x, axis, false, WG_HERE)
#define wg_min_along(x, axis) wg_min_along_at(x, axis, false, WG_HERE)
#define wg_median(x, axis) wg_median_at(x, axis, false, WG_HERE)
#define wg_quantile(x, q, axis) wg_quantile_at(x, q, axis, false, WG_HERE)
#define wg_cummax(x, axis) wg_cummax_at(x, axis, WG_HERE)
#define wg_cummin(x, axis) wg_cummin_at(x, axis, WG_HERE)

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
