/* linalg.h (internal): what the operations of linear algebra share: stacks of matrices, and a loop
 * over them. */
#ifndef WG_SRC_OP_LINALG_H
#define WG_SRC_OP_LINALG_H

#include "base/base.h"
#include "wengert/array.h"
#include "wengert/linalg.h"

/* The last two axes of an operand as rows and columns, those before as a count of matrices. */
typedef struct wg_matrices {
    int64_t count, m, n;
} wg_matrices;

wg_matrices wg_matrices_of(const wg_view *view);

/* Operand i as matrices; a failure on the tape where it has fewer than two axes, or, where
 * `square`, rows and columns differ. */
wg_status wg_call_matrices(wg_call *call, int i, bool square, wg_matrices *matrices);

/* The result is operand 0's leading axes and two more (one where n < 0, none where m < 0). */
wg_status wg_call_result_matrices(wg_call *call, int64_t m, int64_t n);

/* Leading axes of operands i and j, which have `i_axes` and `j_axes` axes of their own behind them,
 * broadcast into shape[0..*rank); a failure on the tape where they do not fit. */
wg_status wg_call_leading(wg_call *call, int i, int i_axes, int j, int j_axes, int *rank,
                          int64_t *shape);

/* `flops` of one matrix that pay a second thread, in sum. */
#define WG_LINALG_SHARE 4e5

/* One matrix of a stack: returns 0, or a positive number that the caller makes a message of, or one
 * of factor.h's negative ones. `work` is this job's own, 64-byte aligned. */
typedef int64_t (*wg_each_matrix)(void *context, int64_t index, void *work);

/* Runs `body` for each of `count` matrices, a thread at a time where one matrix alone has work for
 * all. `work` counts elements of the result's dtype that one needs; `flops` is what it costs.
 * Returns WG_OK, or the failure noted on the tape; but for a positive return *index and *what say
 * which matrix (the first) and what it returned, and the status is ARGUMENT with nothing noted. */
wg_status wg_call_each_matrix(wg_call *call, int64_t count, int64_t work, double flops,
                              wg_each_matrix body, void *context, int64_t *index, int64_t *what);

/* Notes "matrix 3 of [5, 4, 4] is singular (pivot 2 is zero)" of operand i. */
wg_status wg_call_singular(wg_call *call, int i, int64_t index, int64_t pivot);

/* dtype's matrices in memory, one behind the other. */
static inline void *wg_matrix_at(const void *data, wg_dtype dtype, int64_t index, int64_t size) {
    return (char *)(uintptr_t)data + (size_t)(index * size) * wg_dtype_size(dtype);
}

/* x stretched to leading axes shape[0..rank), its own last two behind them; and how many elements
 * behind the first its matrix number `index` begins. */
wg_view wg_matrices_stretch(const wg_view *x, int rank, const int64_t *shape);
int64_t wg_matrices_offset(const wg_view *stretched, int64_t index);

/* Copies operand i, stretched, into the result, in place of whose values it will be worked on. */
void wg_call_copy_stretched(wg_call *call, int i);

/* A kernel of factor.h in the dtype; pointers are void. */
#define WG_FLOAT_CALL(dtype, name, ...)                                                            \
    ((dtype) == WG_F32 ? name##_f32(__VA_ARGS__) : name##_f64(__VA_ARGS__))

/* The unit matrix of order n as a constant. */
wg_var wg_unit_matrix(wg_tape *tape, wg_dtype dtype, int64_t n);

/* x's lower (or upper) triangle, its diagonal times `diagonal`, the rest 0. */
wg_var wg_triangle_of(wg_var x, bool upper, double diagonal);

/* x with `count` axes of size 1 behind the last, and without its last, of size 1. */
wg_var wg_with_axes(wg_var x, int count, const char *site);
wg_var wg_without_axis(wg_var x, const char *site);

/* The triangular solution of b, a vector where it has one axis. */
wg_var wg_solve_columns(wg_var a, wg_var b, bool upper, bool unit, const char *site);

/* to = (from + fromᵀ) / 2, n x n. */
void wg_symmetric_part(wg_dtype dtype, int64_t n, const void *from, void *to);

/* Solutions with an A that is factored: see linalg_lu.c. */
wg_var wg_lu_solve(wg_var a, wg_var lu, wg_var b, bool transposed);

/* Factors operand 0's matrices (contiguous) into `lu`, [.., n + 1, n]: L and U, and the pivots in
 * the row below. Singular ones are a failure unless `singular` is allowed. */
wg_status wg_call_lu(wg_call *call, void *lu, bool singular);

/* 1/x, or 0 where |x| <= limit, and its derivative so too. */
wg_var wg_safe_reciprocal(wg_var x, wg_var limit);

/* n epsilons: what counts as zero beside the greatest value of a matrix of order n. */
double wg_rank_epsilon(wg_dtype dtype, int64_t n);

/* Hooks of samples (wg_sample.prepare). */
void wg_prepare_positive(int operand, const wg_sample_operand *what, double *x);
void wg_prepare_pivots(int operand, const wg_sample_operand *what, double *x);
void wg_prepare_spread(int operand, const wg_sample_operand *what, double *x);

#endif
