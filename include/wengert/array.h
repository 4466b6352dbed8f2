/* array.h: arrays on a tape, and the verbs that only arrays have. Elementwise verbs are in
 * elementwise.h. */
#ifndef WENGERT_ARRAY_H
#define WENGERT_ARRAY_H

#include "wengert/lift.h"
#include "wengert/op.h"

#ifdef __cplusplus
extern "C" {
#endif

/* `rank, shape` of the calls below: WG_SHAPE(32, 784); rank 0 is written `0, NULL`. C only. */
#define WG_SHAPE(...)                                                                              \
    (int)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[]) {           \
        __VA_ARGS__                                                                                \
    }

/* Which axes a reduction runs over, negative ones counted from the last; count 0 means all. `keep`
 * leaves reduced axes in place with size 1. */
typedef struct wg_axes {
    int count;
    bool keep;
    int axis[WG_MAX_RANK];
} wg_axes;

/* WG_AXES(0, 2) and WG_AXES_KEEP(-1) as wg_axes values. C only. */
#define WG_AXES(...)                                                                               \
    ((wg_axes){.count = (int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int)), .axis = {__VA_ARGS__}})
#define WG_AXES_KEEP(...)                                                                          \
    ((wg_axes){.count = (int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int)),                         \
               .keep = true,                                                                       \
               .axis = {__VA_ARGS__}})

/* ---- Making and reading -------------------------------------------------------------------- */

/* An array leaf that wants a gradient (f32 or f64), copied from `data` (C order, of that very
 * dtype: nothing can check it); zeros where data is NULL. */
WG_API wg_var wg_variable(wg_tape *tape, wg_dtype dtype, int rank, const int64_t *shape,
                          const void *data);
/* An array of any dtype that wants none, copied. */
WG_API wg_var wg_constant(wg_tape *tape, wg_dtype dtype, int rank, const int64_t *shape,
                          const void *data);
/* An array without a copy: the caller's memory, strides and all, which must outlive the tape's
 * reset. `gradient`: memory of as many elements of the same dtype, contiguous, to which sweeps add;
 * NULL for a constant. */
WG_API wg_var wg_borrow(wg_tape *tape, const wg_view *view, void *gradient);
/* Every element `value`. No gradient. */
WG_API wg_var wg_full(wg_tape *tape, wg_dtype dtype, int rank, const int64_t *shape, double value);

/* Shape, strides and storage of an array; rank 0 for scalars and numbers (data then NULL). */
WG_API wg_view wg_view_of(wg_var x);
WG_API int wg_rank(wg_var x);
WG_API int64_t wg_size(wg_var x, int axis);
WG_API int64_t wg_count(wg_var x);
WG_API bool wg_is_array(wg_var x);

/* Copies x's elements in C order, converted to `dtype`, to out[0..count). Errors: SHAPE where count
 * is not x's, HANDLE, STATE where the storage was given back by wg_backward (see wg_keep). */
WG_API wg_status wg_read(wg_var x, wg_dtype dtype, void *out, int64_t count);
/* The same of x's adjoint after a sweep; zeros where x was not reached. */
WG_API wg_status wg_read_adjoint(wg_var x, wg_dtype dtype, void *out, int64_t count);

/* ---- Between scalars and arrays ------------------------------------------------------------ */

/* wg_stack(tape, n, scalars): an array [n] of n scalars, numbers or arrays of rank 0: f64, but f32
 * beside f32 arrays. Numbers alone (as under wg_no_grad) make a constant. */
WG_API wg_var wg_stack_at(wg_tape *tape, int n, const wg_var *scalars, const char *site);
#define wg_stack(tape, n, ...) wg_stack_at(tape, n, __VA_ARGS__, WG_HERE)
/* One element of an array as a scalar; `index` counts in C order. */
WG_API wg_var wg_at_at(wg_var x, int64_t index, const char *site);
#define wg_at(x, index) wg_at_at(x, index, WG_HERE)

/* ---- Shape --------------------------------------------------------------------------------- */

/* All of these are views where strides allow it (reshape copies if not). In a reshape one size may
 * be -1: the rest; in broadcast_to -1 keeps a size. */
WG_API wg_var wg_reshape_at(wg_var x, int rank, const int64_t *shape, const char *site);
WG_API wg_var wg_permute_at(wg_var x, int rank, const int *axes, const char *site);
WG_API wg_var wg_transpose_at(wg_var x,
                              const char *site); /* the last two axes; rank < 2 is left as it is */
WG_API wg_var wg_broadcast_to_at(wg_var x, int rank, const int64_t *shape, const char *site);
/* NumPy's x[…, start:stop:step, …] on one axis: negative start and stop count from the end, out of
 * range is cut; step may be negative but not 0. WG_END stands for an omitted bound. */
#define WG_END INT64_MIN
WG_API wg_var wg_slice_at(wg_var x, int axis, int64_t start, int64_t stop, int64_t step,
                          const char *site);
/* The n arrays one behind the other along `axis`; other sizes equal. dtypes promote. */
WG_API wg_var wg_concat_at(int n, const wg_var *xs, int axis, const char *site);
/* The same values with another dtype; floats become integers towards zero, cut to the range, NaN 0.
 * A gradient flows between float dtypes. */
WG_API wg_var wg_cast_at(wg_var x, wg_dtype dtype, const char *site);
/* x itself where contiguous, else a contiguous copy. */
WG_API wg_var wg_contiguous_at(wg_var x, const char *site);

/* ---- Reductions (floats; integers are summed as f64; a plain number is left as it is) -------- */

/* An empty sum is 0, an empty prod 1, an empty mean NaN; an empty amax or amin is an error. amax
 * and amin share the gradient evenly among equal maxima (PyTorch's amax). NaN wins. prod's gradient
 * is right with zeros in it. Sums run in double, their rounding errors collected, in an order that
 * no number of threads changes. */
WG_API wg_var wg_sum_at(wg_var x, wg_axes axes, const char *site);
WG_API wg_var wg_mean_at(wg_var x, wg_axes axes, const char *site);
WG_API wg_var wg_prod_at(wg_var x, wg_axes axes, const char *site);
WG_API wg_var wg_amax_at(wg_var x, wg_axes axes, const char *site);
WG_API wg_var wg_amin_at(wg_var x, wg_axes axes, const char *site);
/* i64 indices of the first greatest element along `axis` (NaN counts as greatest). No gradient. */
WG_API wg_var wg_argmax_at(wg_var x, int axis, bool keep, const char *site);

/* ---- Linear algebra and networks ------------------------------------------------------------ */

/* NumPy's matmul: [m, k] · [k, n]; leading axes broadcast; a vector is a row on the left and a
 * column on the right, and its axis goes away. */
WG_API wg_var wg_matmul_at(wg_var a, wg_var b, const char *site);
/* A fully connected layer in one step: x [..., in] · weightᵀ + bias, weight [out, in], bias [out]:
 * [..., out]. */
WG_API wg_var wg_affine_at(wg_var x, wg_var weight, wg_var bias, const char *site);
/* Along `axis`; finite for any finite input. */
WG_API wg_var wg_softmax_at(wg_var x, int axis, const char *site);
WG_API wg_var wg_log_softmax_at(wg_var x, int axis, const char *site);
/* Mean over all rows of -log softmax(logits)[label]: logits [..., classes]; labels either integers
 * [...] (i64 or u8) or probabilities of logits' shape. ARGUMENT for a label out of range. */
WG_API wg_var wg_cross_entropy_at(wg_var logits, wg_var labels, const char *site);
/* mean((a - b)²) over all elements of two arrays of one shape; either may have a single element
 * instead. */
WG_API wg_var wg_mse_at(wg_var a, wg_var b, const char *site);
/* Rows of `table` (axis 0) by integer `indices` of any shape: result indices.shape +
 * table.shape[1:]. Rows asked for twice receive both gradients. ARGUMENT for an index out of range.
 */
WG_API wg_var wg_gather_rows_at(wg_var table, wg_var indices, const char *site);

#define WG_ALL_AXES wg_all_axes(false)
static inline wg_axes wg_all_axes(bool keep) {
    wg_axes axes = {0, keep, {0, 0, 0, 0, 0, 0, 0, 0}};
    return axes;
}

#define wg_reshape(x, ...) wg_reshape_at(x, __VA_ARGS__, WG_HERE)
#define wg_permute(x, rank, ...) wg_permute_at(x, rank, __VA_ARGS__, WG_HERE)
#define wg_transpose(x) wg_transpose_at(x, WG_HERE)
#define wg_broadcast_to(x, ...) wg_broadcast_to_at(wg_lift(x), __VA_ARGS__, WG_HERE)
#define wg_slice(x, axis, start, stop, step) wg_slice_at(x, axis, start, stop, step, WG_HERE)
#define wg_concat(n, ...) wg_concat_at(n, __VA_ARGS__, WG_HERE)
#define wg_cast(x, dtype) wg_cast_at(x, dtype, WG_HERE)
#define wg_contiguous(x) wg_contiguous_at(x, WG_HERE)
#define wg_sum(x) wg_sum_at(x, WG_ALL_AXES, WG_HERE)
#define wg_mean(x) wg_mean_at(x, WG_ALL_AXES, WG_HERE)
#define wg_prod(x) wg_prod_at(x, WG_ALL_AXES, WG_HERE)
#define wg_amax(x) wg_amax_at(x, WG_ALL_AXES, WG_HERE)
#define wg_amin(x) wg_amin_at(x, WG_ALL_AXES, WG_HERE)
#define wg_sum_over(x, ...) wg_sum_at(x, __VA_ARGS__, WG_HERE)
#define wg_mean_over(x, ...) wg_mean_at(x, __VA_ARGS__, WG_HERE)
#define wg_prod_over(x, ...) wg_prod_at(x, __VA_ARGS__, WG_HERE)
#define wg_amax_over(x, ...) wg_amax_at(x, __VA_ARGS__, WG_HERE)
#define wg_amin_over(x, ...) wg_amin_at(x, __VA_ARGS__, WG_HERE)
#define wg_argmax(x, axis) wg_argmax_at(x, axis, false, WG_HERE)
#define wg_matmul(a, b) wg_matmul_at(a, b, WG_HERE)
#define wg_affine(x, weight, bias) wg_affine_at(x, weight, bias, WG_HERE)
#define wg_softmax(x, axis) wg_softmax_at(x, axis, WG_HERE)
#define wg_log_softmax(x, axis) wg_log_softmax_at(x, axis, WG_HERE)
#define wg_cross_entropy(logits, labels) wg_cross_entropy_at(logits, labels, WG_HERE)
#define wg_mse(a, b) wg_mse_at(wg_lift(a), wg_lift(b), WG_HERE)
#define wg_gather_rows(table, indices) wg_gather_rows_at(table, indices, WG_HERE)

#ifdef __cplusplus
}
#endif

#endif
