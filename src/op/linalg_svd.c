/* linalg_svd.c: singular values and vectors, and the pseudo-inverse. */
#include "kernel/factor.h"
#include "kernel/matmul.h"
#include "op/axes.h"
#include "op/define.h"
#include "op/linalg.h"
#include "op/samples.h"
#include "tape/tape.h"

#include <string.h>

/* ---- svd: U [m, n] above s [1, n] above V [n, n], m >= n --------------------------------------
 */

static wg_status tall_shape(wg_call *call, wg_matrices *a) {
    const wg_status status = wg_call_matrices(call, 0, false, a);
    if (status == WG_OK && a->m < a->n) {
        return wg_call_fail(call, WG_ERROR_SHAPE, "%s has fewer rows than columns",
                            wg_call_shape(call, 0));
    }
    return status;
}

static wg_status svd_shape(wg_call *call) {
    wg_matrices a;
    const wg_status status = tall_shape(call, &a);
    return status == WG_OK ? wg_call_result_matrices(call, a.m + 1 + a.n, a.n) : status;
}

typedef struct svd_task {
    wg_dtype dtype;
    int64_t m, n;
    const void *from, *to;
    double rcond;
} svd_task;

static int64_t svd_one(void *context, int64_t index, void *work) {
    const svd_task *t = context;
    const int64_t count = t->m * t->n;
    void *u = wg_matrix_at(t->to, t->dtype, index, count + t->n + t->n * t->n);
    void *s = wg_matrix_at(u, t->dtype, count, 1), *v = wg_matrix_at(s, t->dtype, t->n, 1);
    memcpy(work, wg_matrix_at(t->from, t->dtype, index, count),
           (size_t)count * wg_dtype_size(t->dtype));
    return WG_FLOAT_CALL(t->dtype, wg_kernel_svd, t->m, t->n, work, u, s, v,
                         wg_matrix_at(work, t->dtype, count, 1));
}

static wg_status each_svd(wg_call *call, wg_each_matrix body, int64_t more, double rcond) {
    const wg_view *a = wg_call_operand(call, 0), *out = wg_call_out(call);
    const wg_matrices s = wg_matrices_of(a);
    svd_task t = {a->dtype, s.m, s.n, a->data, out->data, rcond};
    int64_t index, what;
    if (wg_view_count(out) == 0) {
        return WG_OK;
    }
    return wg_call_each_matrix(call, s.count, s.m * s.n + wg_kernel_svd_work(s.m, s.n) + more,
                               18 * (double)s.m * (double)s.n * (double)s.n + 1000, body, &t,
                               &index, &what);
}

static wg_status svd_forward(wg_call *call) {
    return each_svd(call, svd_one, 0, 0);
}

/* X - Xᵀ. */
static wg_var skew(wg_var x) {
    return wg_sub(x, wg_transpose(x));
}

/* gA = U (E ∘ skew(Uᵀ gU) S + S E ∘ skew(Vᵀ gV) + diag(gs)) Vᵀ + (1 - U Uᵀ) gU S⁻¹ Vᵀ, E_ij =
 * 1/(s_j² - s_i²) or 0 for equal values (Seeger et al. 2017, section 3.5; J. Townsend,
 * "Differentiating the singular value decomposition", 2016). */
static void svd_chain(wg_call *call, wg_var g) {
    const wg_view a = wg_operand_shape(call, 0);
    const int64_t m = a.shape[a.rank - 2], n = a.shape[a.rank - 1];
    const wg_var all = wg_result(call);
    const wg_var u = wg_slice(all, -2, 0, m, 1), s = wg_slice(all, -2, m, m + 1, 1);
    const wg_var v = wg_slice(all, -2, m + 1, WG_END, 1), vt = wg_transpose(v);
    const wg_var gu = wg_slice(g, -2, 0, m, 1), gs = wg_slice(g, -2, m, m + 1, 1);
    const wg_var gv = wg_slice(g, -2, m + 1, WG_END, 1), ut = wg_transpose(u);
    if (wg_count(s) == 0) {
        wg_give(call, 0, wg_mul(0.0, u));
        return;
    }
    const wg_var most = wg_amax_over(s, WG_AXES_KEEP(-2, -1));
    const wg_var limit = wg_mul(wg_rank_epsilon(a.dtype, n), most);
    const wg_var down = wg_transpose(s);
    /* 1/((s_j - s_i)(s_j + s_i)): the sum does not cancel, and decides nothing. */
    const wg_var apart = wg_safe_reciprocal(wg_sub(s, down), limit);
    const wg_var e = wg_mul(apart, wg_safe_reciprocal(wg_add(s, down), limit));
    const wg_var left = wg_mul(wg_azmul(skew(wg_matmul(ut, gu)), e), s);
    const wg_var right = wg_mul(down, wg_azmul(skew(wg_matmul(vt, gv)), e));
    const wg_var unit = wg_unit_matrix(g.tape, a.dtype, n);
    const wg_var middle = wg_add(wg_add(left, right), wg_mul(unit, gs));
    wg_var ga = wg_matmul(wg_matmul(u, middle), vt);
    if (m > n) {
        const wg_var out = wg_sub(gu, wg_matmul(u, wg_matmul(ut, gu)));
        ga = wg_add(ga, wg_matmul(wg_azmul(out, wg_safe_reciprocal(s, limit)), vt));
    }
    wg_give(call, 0, ga);
}

WG_SAMPLES(svd, {WG_OPERANDS(WG_FLOATS(-1, 1, 3, 3)), .prepare = wg_prepare_spread},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 4, 2)), .prepare = wg_prepare_spread},
           {WG_OPERANDS(WG_FLOATS(1, 2, 1, 1))}, {WG_OPERANDS(WG_FLOATS(0.5, 1, 5, 1))},
           {WG_OPERANDS(WG_FLOATS(1, 2, 0, 2, 2))}, {WG_OPERANDS(WG_FLOATS(1, 2, 2, 3, 0))})
WG_DEFINE_OP(svd, svd_forward, svd_chain, WG_READS_RESULT, WG_OP_FLOATS | WG_OP_CONTIGUOUS)

/* x with its axis before the last, of size 1, taken out. */
static wg_var row_of(wg_var x, const char *site) {
    const wg_view view = wg_view_of(x);
    int64_t shape[WG_MAX_RANK] = {0};
    int rank = 0;
    for (int i = 0; i < view.rank; i++) {
        if (i != view.rank - 2) {
            shape[rank++] = view.shape[i];
        }
    }
    return wg_reshape_at(x, rank, shape, site);
}

/* Whether x has at least two axes, and more columns than rows. */
static bool is_wide(wg_var x) {
    const wg_view view = wg_view_of(x);
    return view.rank >= 2 && view.shape[view.rank - 2] < view.shape[view.rank - 1];
}

wg_svd_result wg_svd_at(wg_var a, const char *site) {
    const bool wide = is_wide(a); /* Aᵀ = V s Uᵀ */
    const wg_var tall = wide ? wg_transpose_at(a, site) : a;
    const wg_var all = wg_apply(&wg_op_svd, 1, &tall, NULL, 0, site);
    const int64_t m = wg_rank(tall) >= 2 ? wg_size(tall, wg_rank(tall) - 2) : 0;
    const wg_var u = wg_slice_at(all, -2, 0, m, 1, site);
    const wg_var v = wg_slice_at(all, -2, m + 1, WG_END, 1, site);
    const wg_svd_result result = {wide ? v : u,
                                  row_of(wg_slice_at(all, -2, m, m + 1, 1, site), site),
                                  wg_transpose_at(wide ? u : v, site)};
    return result;
}

wg_var wg_svdvals_at(wg_var a, const char *site) {
    return wg_svd_at(a, site).s;
}

/* ---- pinv: [n, m] of [m, n], m >= n ------------------------------------------------------------
 */

typedef struct pinv_state {
    double rcond;
} pinv_state;

static wg_status pinv_shape(wg_call *call) {
    wg_matrices a;
    const wg_status status = tall_shape(call, &a);
    return status == WG_OK ? wg_call_result_matrices(call, a.n, a.m) : status;
}

/* V diag(1/s) Uᵀ over the singular values that count. */
#define PINV(T, suffix)                                                                            \
    static int64_t pinv_##suffix(const svd_task *t, const T *a, T *to, T *work) {                  \
        const int64_t m = t->m, n = t->n;                                                          \
        T *copy = work, *u = copy + m * n, *v = u + m * n, *s = v + n * n;                         \
        memcpy(copy, a, (size_t)(m * n) * sizeof(T));                                              \
        const int64_t status = wg_kernel_svd_##suffix(m, n, copy, u, s, v, s + n);                 \
        for (int64_t i = 0; i < n && status == 0; i++) {                                           \
            for (int64_t j = 0; j < n; j++) {                                                      \
                const T value = s[j];                                                              \
                v[i * n + j] = value <= (T)t->rcond * s[0] ? 0 : v[i * n + j] / value;             \
            }                                                                                      \
        }                                                                                          \
        return status != 0 ? status                                                                \
               : wg_kernel_matmul_##suffix(n, m, n, v, n, 1, u, 1, n, to, m, false)                \
                   ? 0                                                                             \
                   : WG_FACTOR_MEMORY;                                                             \
    }
PINV(float, f32)
PINV(double, f64)

static int64_t pinv_one(void *context, int64_t index, void *work) {
    const svd_task *t = context;
    const void *a = wg_matrix_at(t->from, t->dtype, index, t->m * t->n);
    void *to = wg_matrix_at(t->to, t->dtype, index, t->m * t->n);
    return WG_FLOAT_CALL(t->dtype, pinv, t, a, to, work);
}

static wg_status pinv_forward(wg_call *call) {
    const pinv_state *state = wg_call_state(call);
    const wg_view *a = wg_call_operand(call, 0);
    const wg_matrices s = wg_matrices_of(a);
    const double rcond = state->rcond > 0 ? state->rcond : wg_rank_epsilon(a->dtype, s.m);
    return each_svd(call, pinv_one, s.m * s.n + s.n * s.n + s.n, rcond);
}

/* gA = -Pᵀ g Pᵀ + (1 - A P) gᵀ P Pᵀ + Pᵀ P gᵀ (1 - P A): the adjoint of Golub & Pereyra 1973, eq.
 * 4.12. */
static void pinv_chain(wg_call *call, wg_var g) {
    const wg_var a = wg_operand(call, 0), p = wg_result(call);
    const wg_var pt = wg_transpose(p), gt = wg_transpose(g);
    const wg_var left = wg_matmul(wg_matmul(gt, p), pt), right = wg_matmul(pt, wg_matmul(p, gt));
    const wg_var outside = wg_sub(left, wg_matmul(a, wg_matmul(p, left)));
    const wg_var inside = wg_sub(right, wg_matmul(wg_matmul(right, p), a));
    const wg_var through = wg_matmul(wg_matmul(pt, g), pt);
    wg_give(call, 0, wg_sub(wg_add(outside, inside), through));
}

WG_SAMPLES(pinv,
           {WG_OPERANDS(WG_FLOATS(-1, 1, 3, 3)), WG_STATE(pinv_state, 0),
            .prepare = wg_prepare_spread},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 4, 2)), WG_STATE(pinv_state, 1e-3),
            .prepare = wg_prepare_spread},
           {WG_OPERANDS(WG_FLOATS(1, 2, 1, 1)), WG_STATE(pinv_state, 0)},
           {WG_OPERANDS(WG_FLOATS(1, 2, 2, 3, 0)), WG_STATE(pinv_state, 0)},
           {WG_OPERANDS(WG_FLOATS(1, 2, 0, 2, 2)), WG_STATE(pinv_state, 0)})
WG_DEFINE_OP(pinv, pinv_forward, pinv_chain, WG_READS_OPERANDS | WG_READS_RESULT,
             WG_OP_FLOATS | WG_OP_CONTIGUOUS)

wg_var wg_pinv_at(wg_var a, double rcond, const char *site) {
    const pinv_state state = {rcond};
    const bool wide = is_wide(a);
    const wg_var tall = wide ? wg_transpose_at(a, site) : a;
    const wg_var p = wg_apply(&wg_op_pinv, 1, &tall, &state, sizeof state, site);
    return wide ? wg_transpose_at(p, site) : p;
}
