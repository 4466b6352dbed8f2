/* linalg_triangular.c: triangles of matrices, triangular systems, and Cholesky's factor. */
#include "kernel/factor.h"
#include "op/axes.h"
#include "op/define.h"
#include "op/linalg.h"
#include "op/samples.h"

#include <string.h>

/* ---- triangle ------------------------------------------------------------------------------ */

typedef struct triangle_state {
    bool upper;
    double diagonal;
} triangle_state;

static wg_status triangle_shape(wg_call *call) {
    wg_matrices x;
    const wg_status status = wg_call_matrices(call, 0, false, &x);
    return status == WG_OK ? wg_call_result_matrices(call, x.m, x.n) : status;
}

#define TRIANGLE_ROW(type)                                                                         \
    {                                                                                              \
        const type *from = (const type *)x->data + row * s.n;                                      \
        type *to = (type *)wg_call_out(call)->data + row * s.n;                                    \
        for (int64_t j = 0; j < s.n; j++) {                                                        \
            to[j] = i == j                           ? (type)state->diagonal * from[j]             \
                    : (state->upper ? j > i : j < i) ? from[j]                                     \
                                                     : 0;                                          \
        }                                                                                          \
    }

static wg_status triangle_forward(wg_call *call) {
    const triangle_state *state = wg_call_state(call);
    const wg_view *x = wg_call_operand(call, 0);
    const wg_matrices s = wg_matrices_of(x);
    for (int64_t row = 0; row < s.count * s.m; row++) {
        const int64_t i = row % s.m;
        if (x->dtype == WG_F32) {
            TRIANGLE_ROW(float)
        } else {
            TRIANGLE_ROW(double)
        }
    }
    return WG_OK;
}

static void triangle_chain(wg_call *call, wg_var g) {
    const triangle_state *state = wg_call_state(call);
    wg_give(call, 0, wg_triangle_of(g, state->upper, state->diagonal));
}

WG_SAMPLES(triangle, {WG_OPERANDS(WG_FLOATS(-1, 1, 3, 4)), WG_STATE(triangle_state, false, 0.5)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3, 3)), WG_STATE(triangle_state, true, 1)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 0, 2)), WG_STATE(triangle_state, true, 0)})
WG_DEFINE_OP(triangle, triangle_forward, triangle_chain, 0, WG_OP_FLOATS | WG_OP_CONTIGUOUS)

wg_var wg_triangle_of(wg_var x, bool upper, double diagonal) {
    const triangle_state state = {upper, diagonal};
    return wg_apply(&wg_op_triangle, 1, &x, &state, sizeof state, WG_HERE);
}

/* ---- solve_triangular ---------------------------------------------------------------------- */

typedef struct solve_state {
    bool upper, unit;
} solve_state;

static wg_status solve_triangular_shape(wg_call *call) {
    wg_matrices a, b;
    int64_t shape[WG_MAX_RANK];
    int rank;
    wg_status status = wg_call_matrices(call, 0, true, &a);
    status = status == WG_OK ? wg_call_matrices(call, 1, false, &b) : status;
    if (status == WG_OK && a.n != b.m) {
        return wg_call_fail(call, WG_ERROR_SHAPE, "a %s and b %s differ in rows",
                            wg_call_shape(call, 0), wg_call_shape(call, 1));
    }
    status = status == WG_OK ? wg_call_leading(call, 0, 2, 1, 2, &rank, shape) : status;
    if (status != WG_OK) {
        return status;
    }
    shape[rank] = b.m;
    shape[rank + 1] = b.n;
    return wg_call_result(call, wg_call_operand(call, 0)->dtype, rank + 2, shape);
}

/* What the loops over matrices of this file look at. */
typedef struct task {
    const solve_state *state;
    wg_view a; /* stretched */
    const wg_view *out;
    int64_t n, k;
} task;

static bool zero_at(const wg_view *a, int64_t offset) {
    return a->dtype == WG_F32 ? ((const float *)a->data)[offset] == 0
                              : ((const double *)a->data)[offset] == 0;
}

static int64_t solve_one(void *context, int64_t index, void *work) {
    const task *t = context;
    const int64_t row = t->a.stride[t->a.rank - 2], column = t->a.stride[t->a.rank - 1];
    const int64_t at = wg_matrices_offset(&t->a, index);
    for (int64_t i = 0; i < t->n && !t->state->unit; i++) {
        if (zero_at(&t->a, at + i * (row + column))) {
            return i + 1;
        }
    }
    const void *a = wg_matrix_at(t->a.data, t->a.dtype, at, 1);
    void *b = wg_matrix_at(t->out->data, t->a.dtype, index, t->n * t->k);
    return WG_FLOAT_CALL(t->a.dtype, wg_kernel_solve_triangular, t->state->upper, t->state->unit,
                         t->n, t->k, a, row, column, b, t->k, work)
               ? 0
               : WG_FACTOR_MEMORY;
}

static wg_status solve_triangular_forward(wg_call *call) {
    const wg_view *out = wg_call_out(call);
    const wg_matrices b = wg_matrices_of(out);
    task t = {wg_call_state(call), {0}, out, b.m, b.n};
    int64_t index, pivot;
    if (wg_view_count(out) == 0) {
        return WG_OK;
    }
    t.a = wg_matrices_stretch(wg_call_operand(call, 0), out->rank - 2, out->shape);
    wg_call_copy_stretched(call, 1);
    const wg_status status =
        wg_call_each_matrix(call, b.count, wg_kernel_solve_work(b.m, b.n),
                            (double)b.m * (double)b.m * (double)b.n, solve_one, &t, &index, &pivot);
    return status == WG_ERROR_ARGUMENT ? wg_call_singular(call, 0, index, pivot) : status;
}

static wg_var solve_triangular(wg_var a, wg_var b, bool upper, bool unit, const char *site) {
    extern const wg_op wg_op_solve_triangular;
    const wg_var operands[2] = {a, b};
    const solve_state state = {upper, unit};
    return wg_apply(&wg_op_solve_triangular, 2, operands, &state, sizeof state, site);
}

/* X = A⁻¹ B: gB = A⁻ᵀ g and gA = -gB Xᵀ, of which the triangle counts (Giles 2008, 2.2.4
 * and 2.3.1).
 */
static void solve_triangular_chain(wg_call *call, wg_var g) {
    const solve_state *state = wg_call_state(call);
    const wg_var gb =
        solve_triangular(wg_transpose(wg_operand(call, 0)), g, !state->upper, state->unit, WG_HERE);
    wg_give(call, 1, gb);
    if (wg_wants(call, 0)) {
        const wg_var ga = wg_matmul(gb, wg_transpose(wg_result(call)));
        wg_give(call, 0, wg_triangle_of(wg_neg(ga), state->upper, state->unit ? 0 : 1));
    }
}

WG_SAMPLES(solve_triangular,
           {WG_OPERANDS(WG_FLOATS(0.5, 1.5, 3, 3), WG_FLOATS(-1, 1, 3, 2)),
            WG_STATE(solve_state, false, false)},
           {WG_OPERANDS(WG_FLOATS(0.5, 1.5, 2, 3, 3), WG_FLOATS(-1, 1, 3, 2)),
            WG_STATE(solve_state, true, false)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 3, 3), WG_FLOATS(-1, 1, 2, 3, 1)),
            WG_STATE(solve_state, true, true)},
           {WG_OPERANDS(WG_FLOATS(1, 2, 1, 1), WG_FLOATS(-1, 1, 2, 1, 1, 3)),
            WG_STATE(solve_state, false, false)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 0, 2, 2), WG_FLOATS(-1, 1, 1, 2, 3)),
            WG_STATE(solve_state, true, true)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 0, 0), WG_FLOATS(-1, 1, 0, 3)),
            WG_STATE(solve_state, false, false)})
WG_DEFINE_OP(solve_triangular, solve_triangular_forward, solve_triangular_chain,
             WG_READS_OPERAND(0) | WG_READS_RESULT, WG_OP_FLOATS)

wg_var wg_solve_columns(wg_var a, wg_var b, bool upper, bool unit, const char *site) {
    if (wg_rank(b) != 1) {
        return solve_triangular(a, b, upper, unit, site);
    }
    return wg_without_axis(solve_triangular(a, wg_with_axes(b, 1, site), upper, unit, site), site);
}

wg_var wg_solve_triangular_at(wg_var a, wg_var b, wg_triangular how, const char *site) {
    if (how.transpose != how.right) { /* X A = B is Aᵀ Xᵀ = Bᵀ */
        a = wg_transpose_at(a, site);
    }
    const bool upper = how.upper != (how.transpose != how.right);
    if (!how.right || wg_rank(b) == 1) {
        return wg_solve_columns(a, b, upper, how.unit, site);
    }
    return wg_transpose_at(solve_triangular(a, wg_transpose_at(b, site), upper, how.unit, site),
                           site);
}

/* ---- cholesky ------------------------------------------------------------------------------ */

static wg_status cholesky_shape(wg_call *call) {
    wg_matrices a;
    const wg_status status = wg_call_matrices(call, 0, true, &a);
    return status == WG_OK ? wg_call_result_matrices(call, a.n, a.n) : status;
}

#define SYMMETRIC_PART(type)                                                                       \
    {                                                                                              \
        const type *a = from;                                                                      \
        type *s = to;                                                                              \
        for (int64_t i = 0; i < n; i++) {                                                          \
            for (int64_t j = 0; j <= i; j++) {                                                     \
                s[i * n + j] = s[j * n + i] = a[i * n + j] / 2 + a[j * n + i] / 2;                 \
            }                                                                                      \
        }                                                                                          \
    }

void wg_symmetric_part(wg_dtype dtype, int64_t n, const void *from, void *to) {
    if (dtype == WG_F32) {
        SYMMETRIC_PART(float)
    } else {
        SYMMETRIC_PART(double)
    }
}

static int64_t cholesky_one(void *context, int64_t index, void *work) {
    const task *t = context;
    const int64_t n = t->n, size = (int64_t)wg_dtype_size(t->a.dtype);
    char *l = wg_matrix_at(t->out->data, t->a.dtype, index, n * n);
    wg_symmetric_part(t->a.dtype, n, wg_matrix_at(t->a.data, t->a.dtype, index, n * n), l);
    const int64_t order = WG_FLOAT_CALL(t->a.dtype, wg_kernel_cholesky, n, (void *)l, n, work);
    for (int64_t i = 0; i + 1 < n; i++) {
        memset(l + (i * n + i + 1) * size, 0, (size_t)((n - 1 - i) * size));
    }
    return order;
}

static wg_status cholesky_forward(wg_call *call) {
    const wg_matrices a = wg_matrices_of(wg_call_out(call));
    task t = {NULL, *wg_call_operand(call, 0), wg_call_out(call), a.n, a.n};
    int64_t index, order;
    const wg_status status = wg_call_each_matrix(call, a.count, wg_kernel_cholesky_work(a.n),
                                                 (double)a.n * (double)a.n * (double)(a.n + 4) / 3,
                                                 cholesky_one, &t, &index, &order);
    return status != WG_ERROR_ARGUMENT
               ? status
               : wg_call_fail(call, WG_ERROR_ARGUMENT,
                              "matrix %lld of %s is not positive definite (leading minor of order "
                              "%lld)",
                              (long long)index, wg_call_shape(call, 0), (long long)order);
}

/* gA = L⁻ᵀ sym(Φ(Lᵀ g)) L⁻¹, Φ the lower triangle with half the diagonal (I. Murray,
 * "Differentiation of the Cholesky decomposition", 2016, eq. 10). */
static void cholesky_chain(wg_call *call, wg_var g) {
    const wg_var l = wg_result(call), upper = wg_transpose(l);
    const wg_var p = wg_triangle_of(wg_matmul(upper, g), false, 0.5);
    const wg_var middle = wg_mul(0.5, wg_add(p, wg_transpose(p)));
    const wg_var left = solve_triangular(upper, middle, true, false, WG_HERE);
    wg_give(call, 0, solve_triangular(upper, wg_transpose(left), true, false, WG_HERE));
}

WG_SAMPLES(cholesky, {WG_OPERANDS(WG_FLOATS(-1, 1, 3, 3)), .prepare = wg_prepare_positive},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 4, 4)), .prepare = wg_prepare_positive},
           {WG_OPERANDS(WG_FLOATS(1, 2, 1, 1)), .prepare = wg_prepare_positive},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 0, 0))}, {WG_OPERANDS(WG_FLOATS(-1, 1, 0, 2, 2))})
WG_DEFINE_OP(cholesky, cholesky_forward, cholesky_chain, WG_READS_RESULT,
             WG_OP_FLOATS | WG_OP_CONTIGUOUS)

wg_var wg_cholesky_at(wg_var a, const char *site) {
    return wg_apply(&wg_op_cholesky, 1, &a, NULL, 0, site);
}

wg_var wg_cholesky_solve_at(wg_var b, wg_var l, const char *site) {
    const wg_var half = wg_solve_columns(l, b, false, false, site);
    return wg_solve_columns(wg_transpose_at(l, site), half, true, false, site);
}
