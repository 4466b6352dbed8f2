/* index.h: reshaping and indexing. */
#ifndef WENGERT_INDEX_H
#define WENGERT_INDEX_H

#include "wengert/array.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Axes ---------------------------------------------------------------------------------- */

/* An axis counts from the last where it is negative; ARGUMENT where there is none such. All of
 * these are views where reshape and permute are. */

/* Without an axis of size 1 (SHAPE for another size); without all of them. */
WG_API wg_var wg_squeeze_at(wg_var x, int axis, const char *site);
WG_API wg_var wg_squeeze_all_at(wg_var x, const char *site);
/* With a new axis of size 1, which becomes axis `axis` of the result. */
WG_API wg_var wg_unsqueeze_at(wg_var x, int axis, const char *site);
/* Axis `from` moved to place `to`, the others in their order; two axes exchanged. */
WG_API wg_var wg_movedim_at(wg_var x, int from, int to, const char *site);
WG_API wg_var wg_swapaxes_at(wg_var x, int a, int b, const char *site);
/* Axes first to last (included) as one. */
WG_API wg_var wg_flatten_at(wg_var x, int first, int last, const char *site);

/* ---- Parts --------------------------------------------------------------------------------- */

/* One index along an axis, which goes away; negative ones count from the end. A view. The
 * gradients of many slices or selections of one array cost no more than the array. */
WG_API wg_var wg_select_at(wg_var x, int64_t index, int axis, const char *site);
/* `length` elements from `start` on along an axis: a view. ARGUMENT where there are fewer. */
WG_API wg_var wg_narrow_at(wg_var x, int axis, int64_t start, int64_t length, const char *site);
/* out[0 .. n) = x cut along an axis into pieces of the given sizes, which add up to its size:
 * views.
 */
WG_API void wg_split_sizes_at(wg_var x, int axis, int n, const int64_t *sizes, wg_var *out,
                              const char *site);
/* x cut into at most n pieces of ceil(size / n), the last one smaller: views in out[n]. Returns how
 * many there are, as PyTorch's chunk: 5 into 4 makes 2, 2, 1. */
WG_API int wg_chunk_at(wg_var x, int axis, int n, wg_var *out, const char *site);
/* n arrays of one shape beside each other along a new axis, which becomes axis `axis`
 * (torch.stack). dtypes promote. */
WG_API wg_var wg_stack_arrays_at(int n, const wg_var *xs, int axis, const char *site);

/* ---- Order and repetition ------------------------------------------------------------------ */

/* Reversed along some axes: a view. */
WG_API wg_var wg_flip_at(wg_var x, wg_axes axes, const char *site);
/* Elements moved on by `shift` along an axis; what falls out at one end comes in at the other. */
WG_API wg_var wg_roll_at(wg_var x, int64_t shift, int axis, const char *site);
/* NumPy's tile: counts[i] copies of x along each axis; counts and shape are aligned at the right.
 */
WG_API wg_var wg_tile_at(wg_var x, int rank, const int64_t *counts, const char *site);
/* Each element `count` times along an axis: NumPy's repeat, PyTorch's repeat_interleave. */
WG_API wg_var wg_repeat_at(wg_var x, int64_t count, int axis, const char *site);
/* out[i] = vector xs[i] along axis i of an array of all their sizes (indexing "ij"): views. */
WG_API void wg_meshgrid_at(int n, const wg_var *xs, wg_var *out, const char *site);

typedef enum wg_pad_mode {
    WG_PAD_CONSTANT,
    WG_PAD_REFLECT, /* mirrored at the last element, which is not repeated */
    WG_PAD_EDGE,    /* the last element again (PyTorch's replicate) */
    WG_PAD_CIRCULAR /* from the other end */
} wg_pad_mode;

typedef struct wg_pad_options {
    wg_pad_mode mode;
    double value; /* of WG_PAD_CONSTANT */
} wg_pad_options;

/* widths[k] = {before, behind} elements added to the k-th of the last `count` axes; negative ones
 * are cut off. SHAPE where a mode finds too few elements: reflect needs more than a width, circular
 * as many, edge one. */
WG_API wg_var wg_pad_at(wg_var x, int count, const int64_t (*widths)[2], wg_pad_options options,
                        const char *site);

/* ---- Matrices ------------------------------------------------------------------------------ */

/* Of the last two axes: the elements [i, j] with j <= i + k (tril), j >= i + k (triu), else 0. */
WG_API wg_var wg_tril_at(wg_var x, int64_t k, const char *site);
WG_API wg_var wg_triu_at(wg_var x, int64_t k, const char *site);
/* The elements [i, i + offset] of two axes, as a last axis: a view. */
WG_API wg_var wg_diagonal_at(wg_var x, int64_t offset, int axis1, int axis2, const char *site);
/* A vector as the diagonal of a matrix of zeros; the diagonal of a matrix (a view). */
WG_API wg_var wg_diag_at(wg_var x, int64_t offset, const char *site);
/* The sum of the diagonal of the last two axes. */
WG_API wg_var wg_trace_at(wg_var x, const char *site);

/* ---- Elements by number -------------------------------------------------------------------- */

/* Indices are i64 or u8; negative ones count from the end, as in NumPy. ARGUMENT for one out of
 * range. */

/* NumPy's take_along_axis, PyTorch's take_along_dim and gather: r[i, k, j] = x[i, indices[i, k, j],
 * j] for axis 1. x (any dtype) and indices have one rank and broadcast but along `axis`, where the
 * result has the indices' size. */
WG_API wg_var wg_take_along_at(wg_var x, wg_var indices, int axis, const char *site);
/* The transpose: x with src added at the indices, r[i, indices[i, k, j], j] += src[i, k, j];
 * elements that meet are added in C order. indices and src broadcast to one shape, which is x's but
 * along `axis`. src (or a plain number) is converted to x's dtype. */
WG_API wg_var wg_scatter_add_at(wg_var x, wg_var indices, wg_var src, int axis, const char *site);
/* The same with src in place of what was there; of equal indices the last in C order wins, and the
 * others get no gradient. */
WG_API wg_var wg_scatter_at(wg_var x, wg_var indices, wg_var src, int axis, const char *site);

/* The slices of x at a vector of indices along an axis: x[:, indices, :] for axis 1. */
WG_API wg_var wg_index_select_at(wg_var x, wg_var indices, int axis, const char *site);
/* x with src added there: x[:, indices[i], :] += src[:, i, :]. */
WG_API wg_var wg_index_add_at(wg_var x, wg_var indices, wg_var src, int axis, const char *site);

/* ---- Masks --------------------------------------------------------------------------------- */

/* The indices of the elements that are not zero (NaN is not), in C order: i64 [n, rank]. */
WG_API wg_var wg_nonzero_at(wg_var x, const char *site);
/* The elements of x where the mask (any dtype; both broadcast) is not zero, in C order: [n]. */
WG_API wg_var wg_masked_select_at(wg_var x, wg_var mask, const char *site);
/* wg_where(mask, value, x). */
WG_API wg_var wg_masked_fill_at(wg_var x, wg_var mask, wg_var value, const char *site);
/* labels.shape + [classes], 1 at each label (i64 or u8) and 0 elsewhere. ARGUMENT for a label out
 * of range. */
WG_API wg_var wg_one_hot_at(wg_var labels, int64_t classes, wg_dtype dtype, const char *site);

/* ---- Constants ----------------------------------------------------------------------------- */

/* start, start + step, … before stop; `count` numbers from start to stop, both included. Integers
 * are cut towards zero. ARGUMENT for a step of 0, LIMIT for a negative count. */
WG_API wg_var wg_arange(wg_tape *tape, wg_dtype dtype, double start, double stop, double step);
WG_API wg_var wg_linspace(wg_tape *tape, wg_dtype dtype, double start, double stop, int64_t count);
/* Ones at [i, i + offset], else zeros. */
WG_API wg_var wg_eye(wg_tape *tape, wg_dtype dtype, int64_t rows, int64_t columns, int64_t offset);
/* In x's shape and dtype. */
WG_API wg_var wg_full_like_at(wg_var x, double value, const char *site);

#define wg_squeeze(x, axis) wg_squeeze_at(x, axis, WG_HERE)
#define wg_squeeze_all(x) wg_squeeze_all_at(x, WG_HERE)
#define wg_unsqueeze(x, axis) wg_unsqueeze_at(x, axis, WG_HERE)
#define wg_movedim(x, from, to) wg_movedim_at(x, from, to, WG_HERE)
#define wg_swapaxes(x, a, b) wg_swapaxes_at(x, a, b, WG_HERE)
#define wg_flatten(x, first, last) wg_flatten_at(x, first, last, WG_HERE)
#define wg_select(x, index, axis) wg_select_at(x, index, axis, WG_HERE)
#define wg_narrow(x, axis, start, length) wg_narrow_at(x, axis, start, length, WG_HERE)
#define wg_split_sizes(x, axis, n, ...) wg_split_sizes_at(x, axis, n, __VA_ARGS__, WG_HERE)
#define wg_chunk(x, axis, n, out) wg_chunk_at(x, axis, n, out, WG_HERE)
#define wg_stack_arrays(n, ...) wg_stack_arrays_at(n, __VA_ARGS__, WG_HERE)
#define wg_flip(x, ...) wg_flip_at(x, __VA_ARGS__, WG_HERE)
#define wg_roll(x, shift, axis) wg_roll_at(x, shift, axis, WG_HERE)
#define wg_tile(x, ...) wg_tile_at(x, __VA_ARGS__, WG_HERE)
#define wg_repeat(x, count, axis) wg_repeat_at(x, count, axis, WG_HERE)
#define wg_meshgrid(n, ...) wg_meshgrid_at(n, __VA_ARGS__, WG_HERE)
#define wg_pad(x, count, ...) wg_pad_at(x, count, __VA_ARGS__, WG_HERE)
#define wg_tril(x, k) wg_tril_at(x, k, WG_HERE)
#define wg_triu(x, k) wg_triu_at(x, k, WG_HERE)
#define wg_diagonal(x, offset, axis1, axis2) wg_diagonal_at(x, offset, axis1, axis2, WG_HERE)
#define wg_diag(x, offset) wg_diag_at(x, offset, WG_HERE)
#define wg_trace(x) wg_trace_at(x, WG_HERE)
#define wg_gather(x, indices, axis) wg_take_along_at(x, indices, axis, WG_HERE)
#define wg_index_select(x, indices, axis) wg_index_select_at(x, indices, axis, WG_HERE)
#define wg_index_add(x, indices, src, axis) wg_index_add_at(x, indices, wg_lift(src), axis, WG_HERE)
#define wg_nonzero(x) wg_nonzero_at(x, WG_HERE)
#define wg_masked_select(x, mask) wg_masked_select_at(x, mask, WG_HERE)
#define wg_masked_fill(x, mask, value) wg_masked_fill_at(x, mask, wg_lift(value), WG_HERE)
#define wg_one_hot(labels, classes, dtype) wg_one_hot_at(labels, classes, dtype, WG_HERE)
#define wg_zeros(tape, dtype, ...) wg_full(tape, dtype, __VA_ARGS__, 0)
#define wg_ones(tape, dtype, ...) wg_full(tape, dtype, __VA_ARGS__, 1)
#define wg_full_like(x, value) wg_full_like_at(x, value, WG_HERE)
#define wg_zeros_like(x) wg_full_like_at(x, 0, WG_HERE)
#define wg_ones_like(x) wg_full_like_at(x, 1, WG_HERE)
#define wg_take_along(x, indices, axis) wg_take_along_at(x, indices, axis, WG_HERE)
#define wg_scatter_add(x, indices, src, axis)                                                      \
    wg_scatter_add_at(x, indices, wg_lift(src), axis, WG_HERE)
#define wg_scatter(x, indices, src, axis) wg_scatter_at(x, indices, wg_lift(src), axis, WG_HERE)

#ifdef __cplusplus
}
#endif

#endif
