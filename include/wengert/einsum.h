/* einsum.h: sums of products over named axes, and other products of arrays. */
#ifndef WENGERT_EINSUM_H
#define WENGERT_EINSUM_H

#include "wengert/array.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- einsum ------------------------------------------------------------------------------------
 *
 * Einstein's summation over letters, as in NumPy: each operand's axes are named by letters (a to z,
 * A to Z), operands are separated by commas, and what is not named behind "->" is summed:
 *
 *     wg_einsum("ij,jk->ik", a, b)             a matrix product
 *     wg_einsum("bqhd,bkhd->bhqk", q, k)       attention's scores
 *     wg_einsum("ii->i", a)                    a diagonal; "ii" its sum
 *     wg_einsum("...ij,...j->...i", a, x)      over whatever axes stand before
 *
 * Without "->" the result has the axes of "..." and then the letters that stand once, in the order
 * of their characters (capitals first). A letter has one size wherever it stands; the axes of "..."
 * alone broadcast. "..." may be anywhere in an operand, and the result must have it where an
 * operand has axes for it. At most 8 axes an array, partial products among them, and
 * WG_EINSUM_OPERANDS operands; numbers and scalars have none ("": wg_einsum(",i->i", s, x)).
 *
 * Axes that a single operand has are summed first; then two operands at a time are multiplied, each
 * pair as one batched matmul (or one broadcast product where nothing is summed). Of up to 6
 * operands the order is the one with the fewest flops of all; of more it is found greedily: the
 * next pair is the one whose product takes the least memory more than its two operands (of equals,
 * the fewest flops). wg_einsum_path tells which.
 *
 * dtypes promote as in wg_matmul; of one operand whose axes are only moved or picked, any dtype, it
 * makes a view where strides allow it. Errors: SHAPE where a letter has two sizes or an operand
 * another number of axes, ARGUMENT for subscripts that do not make sense, LIMIT beyond the bounds.
 */
#define WG_EINSUM_OPERANDS 32
WG_API wg_var wg_einsum_at(const char *subscripts, int n, const wg_var *operands, const char *site);
/* wg_einsum(subscripts, a, b, …). C only; elsewhere call wg_einsum_at. */
#define wg_einsum(subscripts, ...)                                                                 \
    wg_einsum_at(subscripts, (int)(sizeof((const wg_var[]){__VA_ARGS__}) / sizeof(wg_var)),        \
                 (const wg_var[]){__VA_ARGS__}, WG_HERE)

/* One product of two: `left` and `right` are operands by number, or n + s for the result of step s.
 */
typedef struct wg_einsum_step {
    int left, right;
    double flops;    /* additions and multiplications */
    double elements; /* of the result */
} wg_einsum_step;

typedef struct wg_einsum_plan {
    int steps;
    wg_einsum_step step[WG_EINSUM_OPERANDS];
    double flops;       /* of all steps */
    double naive_flops; /* of one loop over all letters */
    int rank;           /* of the result */
    int64_t shape[WG_MAX_RANK];
} wg_einsum_plan;

/* How wg_einsum would go about operands of these shapes (wg_view_of; their data is not read).
 * Errors as there, in wg_last_message. */
WG_API wg_status wg_einsum_path(const char *subscripts, int n, const wg_view *shapes,
                                wg_einsum_plan *plan);

/* ---- Named products ------------------------------------------------------------------------- */

/* Σ aᵢ bᵢ of two vectors of one size: rank 0. */
WG_API wg_var wg_dot_at(wg_var a, wg_var b, const char *site);
/* aᵢ bⱼ of all elements of a and b, which are flattened: [count of a, count of b]. */
WG_API wg_var wg_outer_at(wg_var a, wg_var b, const char *site);
/* NumPy's inner: summed over the last axes of both: a.shape[:-1] + b.shape[:-1]; a plain product
 * where one has no axes. */
WG_API wg_var wg_inner_at(wg_var a, wg_var b, const char *site);
/* Kronecker's product: blocks of b, one for each element of a, along every axis; the lower rank
 * gets axes of size 1 in front. */
WG_API wg_var wg_kron_at(wg_var a, wg_var b, const char *site);
/* Summed over n axes of a and of b, pair by pair (negative ones counted from the last): what is
 * left of a's axes, then of b's. Axes NULL: the last n of a and the first n of b. */
WG_API wg_var wg_tensordot_at(wg_var a, wg_var b, int n, const int *a_axes, const int *b_axes,
                              const char *site);

#define wg_dot(a, b) wg_dot_at(a, b, WG_HERE)
#define wg_outer(a, b) wg_outer_at(a, b, WG_HERE)
#define wg_inner(a, b) wg_inner_at(a, b, WG_HERE)
#define wg_kron(a, b) wg_kron_at(a, b, WG_HERE)
#define wg_tensordot(a, b, n) wg_tensordot_at(a, b, n, NULL, NULL, WG_HERE)
#define wg_tensordot_over(a, b, ...) wg_tensordot_at(a, b, __VA_ARGS__, WG_HERE)

#ifdef __cplusplus
}
#endif

#endif
