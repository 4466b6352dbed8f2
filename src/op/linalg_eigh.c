/* linalg_eigh.c: eigenvalues and vectors of symmetric matrices. */
#include "kernel/factor.h"
#include "op/axes.h"
#include "op/define.h"
#include "op/linalg.h"
#include "op/samples.h"

#include <float.h>

/* ---- eigh: the values, [1, n], above the vectors, [n, n] --------------------------------------
 */

static wg_status eigh_shape(wg_call *call) {
    wg_matrices a;
    const wg_status status = wg_call_matrices(call, 0, true, &a);
    return status == WG_OK ? wg_call_result_matrices(call, a.n + 1, a.n) : status;
}

typedef struct eigh_task {
    wg_dtype dtype;
    int64_t n;
    const void *from, *to;
} eigh_task;

static int64_t eigh_one(void *context, int64_t index, void *work) {
    const eigh_task *t = context;
    const int64_t n = t->n;
    void *values = wg_matrix_at(t->to, t->dtype, index, (n + 1) * n);
    void *vectors = wg_matrix_at(values, t->dtype, n, 1);
    void *more = wg_matrix_at(work, t->dtype, n * n, 1);
    wg_symmetric_part(t->dtype, n, wg_matrix_at(t->from, t->dtype, index, n * n), work);
    return WG_FLOAT_CALL(t->dtype, wg_kernel_eigh, n, work, values, vectors, more);
}

static wg_status eigh_forward(wg_call *call) {
    const wg_view *a = wg_call_operand(call, 0), *out = wg_call_out(call);
    const wg_matrices s = wg_matrices_of(a);
    eigh_task t = {a->dtype, s.n, a->data, out->data};
    int64_t index, what;
    if (wg_view_count(out) == 0) {
        return WG_OK;
    }
    return wg_call_each_matrix(call, s.count, s.n * s.n + wg_kernel_eigh_work(s.n),
                               9 * (double)s.n * (double)s.n * (double)s.n + 1000, eigh_one, &t,
                               &index, &what);
}

wg_var wg_safe_reciprocal(wg_var x, wg_var limit) {
    const wg_var small = wg_le(wg_abs(x), limit);
    return wg_where(small, 0.0, wg_div(1.0, wg_where(small, 1.0, x)));
}

double wg_rank_epsilon(wg_dtype dtype, int64_t n) {
    return (double)n * (dtype == WG_F32 ? (double)FLT_EPSILON : DBL_EPSILON);
}

/* gA = V (diag(gw) + F ∘ Vᵀ gV) Vᵀ, made symmetric, F_ij = 1/(w_j - w_i) or 0 for equal values
 * (Giles 2008, 3.1; Seeger et al. 2017, eq. 9). */
static void eigh_chain(wg_call *call, wg_var g) {
    const wg_view a = wg_operand_shape(call, 0);
    const int64_t n = a.shape[a.rank - 1];
    const wg_var both = wg_result(call);
    const wg_var w = wg_slice(both, -2, 0, 1, 1), v = wg_slice(both, -2, 1, WG_END, 1);
    const wg_var gw = wg_slice(g, -2, 0, 1, 1), gv = wg_slice(g, -2, 1, WG_END, 1);
    const wg_var vt = wg_transpose(v);
    if (wg_count(w) == 0) {
        wg_give(call, 0, wg_mul(0.0, v));
        return;
    }
    const wg_var limit =
        wg_mul(wg_rank_epsilon(a.dtype, n), wg_amax_over(wg_abs(w), WG_AXES_KEEP(-2, -1)));
    const wg_var f = wg_safe_reciprocal(wg_sub(w, wg_transpose(w)), limit);
    const wg_var unit = wg_unit_matrix(g.tape, a.dtype, n);
    const wg_var middle = wg_add(wg_mul(unit, gw), wg_azmul(wg_matmul(vt, gv), f));
    const wg_var all = wg_matmul(wg_matmul(v, middle), vt);
    wg_give(call, 0, wg_mul(0.5, wg_add(all, wg_transpose(all))));
}

WG_SAMPLES(eigh, {WG_OPERANDS(WG_FLOATS(-1, 1, 3, 3)), .prepare = wg_prepare_spread},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 4, 4)), .prepare = wg_prepare_spread},
           {WG_OPERANDS(WG_FLOATS(1, 2, 1, 1))}, {WG_OPERANDS(WG_FLOATS(1, 2, 2, 0, 0))},
           {WG_OPERANDS(WG_FLOATS(1, 2, 0, 2, 2))})
WG_DEFINE_OP(eigh, eigh_forward, eigh_chain, WG_READS_RESULT, WG_OP_FLOATS | WG_OP_CONTIGUOUS)

wg_eigh_result wg_eigh_at(wg_var a, const char *site) {
    const wg_var both = wg_apply(&wg_op_eigh, 1, &a, NULL, 0, site);
    const wg_view view = wg_view_of(both);
    const wg_var top = wg_slice_at(both, -2, 0, 1, 1, site);
    int64_t shape[WG_MAX_RANK] = {0};
    int rank = 0;
    for (int i = 0; i < view.rank; i++) {
        if (i != view.rank - 2) {
            shape[rank++] = view.shape[i];
        }
    }
    const wg_eigh_result result = {wg_reshape_at(top, rank, shape, site),
                                   wg_slice_at(both, -2, 1, WG_END, 1, site)};
    return result;
}

wg_var wg_eigvalsh_at(wg_var a, const char *site) {
    return wg_eigh_at(a, site).values;
}
