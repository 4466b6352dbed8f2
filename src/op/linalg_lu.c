/* linalg_lu.c: systems of equations, inverses and determinants by LU with partial pivoting. */
#include "kernel/copy.h"
#include "kernel/factor.h"
#include "op/axes.h"
#include "op/define.h"
#include "op/linalg.h"
#include "op/samples.h"

#include <math.h>
#include <string.h>

/* ---- Factors -------------------------------------------------------------------------------- */

/* Packed factors of one matrix: L and U, [n, n], and a row of pivots. */
static int64_t packed_size(int64_t n) {
    return (n + 1) * n;
}

typedef struct lu_task {
    wg_dtype dtype;
    int64_t n;
    const void *from;
    void *to;
    bool singular; /* allowed */
} lu_task;

static int64_t lu_one(void *context, int64_t index, void *work) {
    const lu_task *t = context;
    const int64_t n = t->n;
    void *lu = wg_matrix_at(t->to, t->dtype, index, packed_size(n));
    void *pivots = wg_matrix_at(lu, t->dtype, n, n);
    memcpy(lu, wg_matrix_at(t->from, t->dtype, index, n * n),
           (size_t)(n * n) * wg_dtype_size(t->dtype));
    const int64_t zero = WG_FLOAT_CALL(t->dtype, wg_kernel_lu, n, lu, n, pivots, work);
    return zero > 0 && t->singular ? 0 : zero;
}

wg_status wg_call_lu(wg_call *call, void *lu, bool singular) {
    const wg_view *a = wg_call_operand(call, 0);
    const wg_matrices s = wg_matrices_of(a);
    lu_task t = {a->dtype, s.n, a->data, lu, singular};
    int64_t index, pivot;
    if (s.n == 0) {
        return WG_OK;
    }
    const wg_status status = wg_call_each_matrix(
        call, s.count, wg_kernel_lu_work(s.n),
        (double)s.n * (double)s.n * (double)s.n * 2 / 3 + 200, lu_one, &t, &index, &pivot);
    return status == WG_ERROR_ARGUMENT ? wg_call_singular(call, 0, index, pivot) : status;
}

/* Memory for operand 0's factors: kept for the chain rule where one will run. */
static void *factors(wg_call *call) {
    const wg_view *a = wg_call_operand(call, 0);
    wg_view packed = *a;
    packed.shape[a->rank - 2]++;
    const int64_t count = wg_view_count(&packed);
    return wg_call_will_sweep(call)
               ? wg_call_save(call, a->dtype, packed.rank, packed.shape)
               : wg_call_scratch(call, (size_t)(count + 1) * wg_dtype_size(a->dtype));
}

/* ---- lu_solve: A⁻¹ B or A⁻ᵀ B of factors ---------------------------------------------------- */

/* Operands: A, for its gradient's sake alone; its factors, which count as constant; B. */
typedef struct lu_state {
    bool transposed;
} lu_state;

typedef struct solve_task {
    bool transposed;
    wg_view lu; /* stretched to the result's stack */
    const wg_view *out;
    int64_t n, k;
} solve_task;

static int64_t solve_one(void *context, int64_t index, void *work) {
    const solve_task *t = context;
    const int64_t n = t->n;
    const void *lu = wg_matrix_at(t->lu.data, t->lu.dtype, wg_matrices_offset(&t->lu, index), 1);
    void *b = wg_matrix_at(t->out->data, t->lu.dtype, index, n * t->k);
    return WG_FLOAT_CALL(t->lu.dtype, wg_kernel_lu_solve, t->transposed, n, t->k, lu, n,
                         wg_matrix_at(lu, t->lu.dtype, n, n), b, t->k, work)
               ? 0
               : WG_FACTOR_MEMORY;
}

/* Solves with factors (contiguous) in place of the right sides in the result. */
static wg_status solve_factored(wg_call *call, const wg_view *lu, bool transposed) {
    const wg_view *out = wg_call_out(call);
    const wg_matrices b = wg_matrices_of(out);
    solve_task t = {transposed, wg_matrices_stretch(lu, out->rank - 2, out->shape), out, b.m, b.n};
    int64_t index, what;
    if (wg_view_count(out) == 0) {
        return WG_OK;
    }
    return wg_call_each_matrix(call, b.count, wg_kernel_solve_work(b.m, b.n),
                               2 * (double)b.m * (double)b.m * (double)b.n + 200, solve_one, &t,
                               &index, &what);
}

/* The result of a right side `i` for matrices in operand 0. */
static wg_status solve_shape_of(wg_call *call, int i) {
    wg_matrices a, b;
    int64_t shape[WG_MAX_RANK];
    int rank;
    wg_status status = wg_call_matrices(call, 0, true, &a);
    status = status == WG_OK ? wg_call_matrices(call, i, false, &b) : status;
    if (status == WG_OK && a.n != b.m) {
        return wg_call_fail(call, WG_ERROR_SHAPE, "a %s and b %s differ in rows",
                            wg_call_shape(call, 0), wg_call_shape(call, i));
    }
    status = status == WG_OK ? wg_call_leading(call, 0, 2, i, 2, &rank, shape) : status;
    if (status != WG_OK) {
        return status;
    }
    shape[rank] = b.m;
    shape[rank + 1] = b.n;
    return wg_call_result(call, wg_call_operand(call, 0)->dtype, rank + 2, shape);
}

static wg_status lu_solve_shape(wg_call *call) {
    const wg_status status = solve_shape_of(call, 2);
    wg_view packed = *wg_call_operand(call, 0);
    const wg_view *lu = wg_call_operand(call, 1);
    if (status == WG_OK) {
        packed.shape[packed.rank - 2]++;
        if (!wg_shape_equal(packed.rank, packed.shape, lu->rank, lu->shape)) {
            return wg_call_fail(call, WG_ERROR_SHAPE, "factors %s do not belong to matrices %s",
                                wg_call_shape(call, 1), wg_call_shape(call, 0));
        }
    }
    return status;
}

static bool zero_at(wg_dtype dtype, const void *data, int64_t at) {
    return dtype == WG_F32 ? ((const float *)data)[at] == 0 : ((const double *)data)[at] == 0;
}

static wg_status lu_solve_forward(wg_call *call) {
    const lu_state *state = wg_call_state(call);
    const wg_view *lu = wg_call_operand(call, 1);
    const wg_matrices s = wg_matrices_of(lu);
    for (int64_t i = 0; i < s.count * s.n; i++) {
        const int64_t at = i / s.n * packed_size(s.n) + i % s.n * (s.n + 1);
        if (zero_at(lu->dtype, lu->data, at)) {
            return wg_call_singular(call, 0, i / s.n, i % s.n + 1);
        }
    }
    wg_call_copy_stretched(call, 2);
    return solve_factored(call, lu, state->transposed);
}

/* X = A⁻¹ B: gB = A⁻ᵀ g, gA = -gB Xᵀ; X = A⁻ᵀ B: gB = A⁻¹ g, gA = -X gBᵀ (Giles 2008, 2.3.1). */
static void solve_rule(wg_call *call, wg_var lu, int right, bool transposed, wg_var g) {
    const wg_var a = wg_operand(call, 0), x = wg_result(call);
    const wg_var gb = wg_lu_solve(a, lu, g, !transposed);
    wg_give(call, right, gb);
    if (wg_wants(call, 0)) {
        wg_give(
            call, 0,
            wg_neg(transposed ? wg_matmul(x, wg_transpose(gb)) : wg_matmul(gb, wg_transpose(x))));
    }
}

static void lu_solve_chain(wg_call *call, wg_var g) {
    const lu_state *state = wg_call_state(call);
    solve_rule(call, wg_operand(call, 1), 2, state->transposed, g);
}

/* A is not read forward, so that differences cannot see it; wg_op_solve's second derivative does.
 */
#define LU_FIXED(...)                                                                              \
    { .dtype = WG_F64, WG_SIZES(__VA_ARGS__), .low = 0.5, .high = 1, .fixed = true }

/* Pivots must be row numbers that are not before their own. */
static void prepare_factors(int operand, const wg_sample_operand *what, double *x) {
    const int64_t n = what->shape[what->rank - 1];
    const int64_t count = operand == 1 ? wg_sizes_product(what->shape, 0, what->rank - 2) : 0;
    for (int64_t c = 0; c < count; c++) {
        for (int64_t i = 0; i < n; i++) {
            x[c * packed_size(n) + n * n + i] = (double)(i + 1 < n ? i + 1 : i);
        }
    }
}

WG_SAMPLES(lu_solve,
           {WG_OPERANDS(LU_FIXED(3, 3), LU_FIXED(4, 3), WG_FLOATS(-1, 1, 3, 2)),
            WG_STATE(lu_state, false), .prepare = prepare_factors},
           {WG_OPERANDS(LU_FIXED(2, 2, 2), LU_FIXED(2, 3, 2), WG_FLOATS(-1, 1, 2, 3)),
            WG_STATE(lu_state, true), .prepare = prepare_factors})
WG_DEFINE_OP(lu_solve, lu_solve_forward, lu_solve_chain,
             WG_READS_OPERAND(0) | WG_READS_OPERAND(1) | WG_READS_RESULT,
             WG_OP_FLOATS | WG_OP_CONTIGUOUS)

wg_var wg_lu_solve(wg_var a, wg_var lu, wg_var b, bool transposed) {
    const wg_var operands[3] = {a, lu, b};
    const lu_state state = {transposed};
    return wg_apply(&wg_op_lu_solve, 3, operands, &state, sizeof state, WG_HERE);
}

/* ---- solve ---------------------------------------------------------------------------------- */

static wg_status solve_shape(wg_call *call) {
    return solve_shape_of(call, 1);
}

static wg_status solve_forward(wg_call *call) {
    wg_view lu = *wg_call_operand(call, 0);
    lu.data = factors(call);
    if (lu.data == NULL) {
        return WG_ERROR_MEMORY;
    }
    const wg_status status = wg_call_lu(call, lu.data, false);
    if (status != WG_OK) {
        return status;
    }
    lu.shape[lu.rank - 2]++;
    wg_call_copy_stretched(call, 1);
    const wg_view packed = wg_view_new(lu.dtype, lu.rank, lu.shape, lu.data);
    return solve_factored(call, &packed, false);
}

static void solve_chain(wg_call *call, wg_var g) {
    solve_rule(call, wg_saved(call), 1, false, g);
}

WG_SAMPLES(
    solve,
    {WG_OPERANDS(WG_FLOATS(-1, 1, 3, 3), WG_FLOATS(-1, 1, 3, 2)), .prepare = wg_prepare_pivots},
    {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 2, 2), WG_FLOATS(-1, 1, 2, 1)), .prepare = wg_prepare_pivots},
    {WG_OPERANDS(WG_FLOATS(-1, 1, 4, 4), WG_FLOATS(-1, 1, 2, 4, 1)), .prepare = wg_prepare_pivots},
    {WG_OPERANDS(WG_FLOATS(1, 2, 2, 1, 1, 1), WG_FLOATS(-1, 1, 1, 3, 1, 2))},
    {WG_OPERANDS(WG_FLOATS(1, 2, 0, 0), WG_FLOATS(-1, 1, 0, 2))},
    {WG_OPERANDS(WG_FLOATS(1, 2, 0, 2, 2), WG_FLOATS(-1, 1, 1, 2, 2))},
    {WG_OPERANDS(WG_FLOATS(1, 2, 1, 1), WG_FLOATS(-1, 1, 1, 0))})
WG_DEFINE_OP(solve, solve_forward, solve_chain, WG_READS_OPERAND(0) | WG_READS_RESULT,
             WG_OP_FLOATS | WG_OP_CONTIGUOUS)

wg_var wg_solve_at(wg_var a, wg_var b, const char *site) {
    const bool vector = wg_rank(b) == 1;
    const wg_var operands[2] = {a, vector ? wg_with_axes(b, 1, site) : b};
    const wg_var x = wg_apply(&wg_op_solve, 2, operands, NULL, 0, site);
    return vector ? wg_without_axis(x, site) : x;
}

/* ---- inverse -------------------------------------------------------------------------------- */

static wg_status inverse_shape(wg_call *call) {
    wg_matrices a;
    const wg_status status = wg_call_matrices(call, 0, true, &a);
    return status == WG_OK ? wg_call_result_matrices(call, a.n, a.n) : status;
}

static void set_unit(const wg_view *out) {
    const wg_matrices s = wg_matrices_of(out);
    memset(out->data, 0, (size_t)wg_view_count(out) * wg_dtype_size(out->dtype));
    for (int64_t i = 0; i < s.count * s.n; i++) {
        const int64_t at = i / s.n * s.n * s.n + i % s.n * (s.n + 1);
        if (out->dtype == WG_F32) {
            ((float *)out->data)[at] = 1;
        } else {
            ((double *)out->data)[at] = 1;
        }
    }
}

static wg_status inverse_forward(wg_call *call) {
    const wg_view *out = wg_call_out(call);
    const wg_matrices s = wg_matrices_of(out);
    if (wg_view_count(out) == 0) {
        return WG_OK;
    }
    void *lu =
        wg_call_scratch(call, (size_t)(s.count * packed_size(s.n)) * wg_dtype_size(out->dtype));
    const wg_status status = lu == NULL ? WG_ERROR_MEMORY : wg_call_lu(call, lu, false);
    if (status != WG_OK) {
        return status;
    }
    wg_view packed = *out;
    packed.shape[out->rank - 2]++;
    packed = wg_view_new(out->dtype, out->rank, packed.shape, lu);
    set_unit(out);
    return solve_factored(call, &packed, false);
}

/* gA = -Rᵀ g Rᵀ (Giles 2008, 2.2.3). */
static void inverse_chain(wg_call *call, wg_var g) {
    const wg_var r = wg_transpose(wg_result(call));
    wg_give(call, 0, wg_neg(wg_matmul(wg_matmul(r, g), r)));
}

WG_SAMPLES(inverse, {WG_OPERANDS(WG_FLOATS(-1, 1, 3, 3)), .prepare = wg_prepare_pivots},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 4, 4)), .prepare = wg_prepare_pivots},
           {WG_OPERANDS(WG_FLOATS(1, 2, 1, 1))}, {WG_OPERANDS(WG_FLOATS(1, 2, 2, 0, 0))},
           {WG_OPERANDS(WG_FLOATS(1, 2, 0, 2, 2))})
WG_DEFINE_OP(inverse, inverse_forward, inverse_chain, WG_READS_RESULT,
             WG_OP_FLOATS | WG_OP_CONTIGUOUS)

wg_var wg_inverse_at(wg_var a, const char *site) {
    return wg_apply(&wg_op_inverse, 1, &a, NULL, 0, site);
}
