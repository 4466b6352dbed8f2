/* linalg_qr.c: QR, and least squares by it. */
#include "kernel/factor.h"
#include "op/axes.h"
#include "op/define.h"
#include "op/linalg.h"
#include "op/samples.h"
#include "tape/tape.h"

#include <string.h>

/* ---- qr: Q [m, n] above R [n, n], m >= n ---------------------------------------------------- */

static wg_status qr_shape(wg_call *call) {
    wg_matrices a;
    const wg_status status = wg_call_matrices(call, 0, false, &a);
    if (status == WG_OK && a.m < a.n) {
        return wg_call_fail(call, WG_ERROR_SHAPE, "%s has fewer rows than columns",
                            wg_call_shape(call, 0));
    }
    return status == WG_OK ? wg_call_result_matrices(call, a.m + a.n, a.n) : status;
}

typedef struct qr_task {
    wg_dtype dtype;
    int64_t m, n;
    const void *from, *to;
} qr_task;

static int64_t qr_one(void *context, int64_t index, void *work) {
    const qr_task *t = context;
    const int64_t count = t->m * t->n;
    void *q = wg_matrix_at(t->to, t->dtype, index, (t->m + t->n) * t->n);
    void *r = wg_matrix_at(q, t->dtype, count, 1), *more = wg_matrix_at(work, t->dtype, count, 1);
    memcpy(work, wg_matrix_at(t->from, t->dtype, index, count),
           (size_t)count * wg_dtype_size(t->dtype));
    return WG_FLOAT_CALL(t->dtype, wg_kernel_qr, t->m, t->n, work, q, r, more) ? 0
                                                                               : WG_FACTOR_MEMORY;
}

static wg_status qr_forward(wg_call *call) {
    const wg_view *a = wg_call_operand(call, 0), *out = wg_call_out(call);
    const wg_matrices s = wg_matrices_of(a);
    qr_task t = {a->dtype, s.m, s.n, a->data, out->data};
    int64_t index, what;
    if (wg_view_count(out) == 0) {
        return WG_OK;
    }
    return wg_call_each_matrix(call, s.count, s.m * s.n + wg_kernel_qr_work(s.m, s.n),
                               4 * (double)s.m * (double)s.n * (double)s.n + 500, qr_one, &t,
                               &index, &what);
}

/* gA = (gQ + Q copyltu(M)) R⁻ᵀ, M = R gRᵀ - gQᵀ Q, where copyltu(M) is the symmetric matrix with
 * M's lower triangle (Seeger et al. 2017, eq. 7; Walter & Lehmann 2010). */
static void qr_chain(wg_call *call, wg_var g) {
    const wg_view a = wg_operand_shape(call, 0);
    const int64_t m = a.shape[a.rank - 2];
    const wg_var both = wg_result(call);
    const wg_var q = wg_slice(both, -2, 0, m, 1), r = wg_slice(both, -2, m, WG_END, 1);
    const wg_var gq = wg_slice(g, -2, 0, m, 1);
    /* R's lower triangle is zero whatever A is. */
    const wg_var gr = wg_triangle_of(wg_slice(g, -2, m, WG_END, 1), true, 1);
    const wg_var middle = wg_sub(wg_matmul(r, wg_transpose(gr)), wg_matmul(wg_transpose(gq), q));
    const wg_var low = wg_triangle_of(middle, false, 0.5);
    const wg_var sum = wg_add(gq, wg_matmul(q, wg_add(low, wg_transpose(low))));
    const wg_var x = wg_solve_columns(r, wg_transpose(sum), true, false, WG_HERE);
    wg_give(call, 0, wg_transpose(x));
}

WG_SAMPLES(qr, {WG_OPERANDS(WG_FLOATS(-1, 1, 3, 3)), .prepare = wg_prepare_spread},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 4, 2)), .prepare = wg_prepare_spread},
           {WG_OPERANDS(WG_FLOATS(1, 2, 1, 1))}, {WG_OPERANDS(WG_FLOATS(0.5, 1, 5, 1))},
           {WG_OPERANDS(WG_FLOATS(1, 2, 0, 2, 2))}, {WG_OPERANDS(WG_FLOATS(1, 2, 2, 3, 0))})
WG_DEFINE_OP(qr, qr_forward, qr_chain, WG_READS_RESULT, WG_OP_FLOATS | WG_OP_CONTIGUOUS)

/* A matrix [.., m, n], or a failure of `name` on the tape and a poisoned *x. */
static wg_matrices matrices_of(wg_var *x, const char *name, const char *site) {
    const wg_view view = wg_view_of(*x);
    wg_matrices none = {0, 0, 0};
    if (view.rank < 2) {
        char text[128];
        if (x->tape != NULL) {
            wg_tape_fail(x->tape, WG_ERROR_SHAPE, name, site,
                         "it takes matrices [..., m, n], not %s",
                         wg_shape_text(view.rank, view.shape, text, sizeof text));
            *x = wg_poison(x->tape);
        }
        return none;
    }
    return wg_matrices_of(&view);
}

wg_qr_result wg_qr_at(wg_var a, const char *site) {
    const wg_matrices s = matrices_of(&a, "qr", site);
    const wg_var left = s.m < s.n ? wg_slice_at(a, -1, 0, s.m, 1, site) : a;
    const wg_var both = wg_apply(&wg_op_qr, 1, &left, NULL, 0, site);
    const wg_qr_result tall = {wg_slice_at(both, -2, 0, s.m, 1, site),
                               wg_slice_at(both, -2, s.m, WG_END, 1, site)};
    if (s.m >= s.n) {
        return tall;
    }
    /* A = [B | C] with a square B = Q R: A = Q [R | Qᵀ C]. */
    const wg_var rest = wg_slice_at(a, -1, s.m, WG_END, 1, site);
    const wg_var parts[2] = {tall.r, wg_matmul_at(wg_transpose_at(tall.q, site), rest, site)};
    const wg_qr_result wide = {tall.q, wg_concat_at(2, parts, -1, site)};
    return wide;
}

wg_var wg_lstsq_at(wg_var a, wg_var b, const char *site) {
    const wg_matrices s = matrices_of(&a, "lstsq", site);
    const wg_view right = wg_view_of(b);
    const bool vector = right.rank == 1;
    if (a.tape != NULL && right.rank > 0 && s.m != right.shape[right.rank - (vector ? 1 : 2)] &&
        wg_tape_status(a.tape) == WG_OK) {
        char left_text[128], right_text[128];
        const wg_view left = wg_view_of(a);
        wg_tape_fail(a.tape, WG_ERROR_SHAPE, "lstsq", site, "a %s and b %s differ in rows",
                     wg_shape_text(left.rank, left.shape, left_text, sizeof left_text),
                     wg_shape_text(right.rank, right.shape, right_text, sizeof right_text));
        return wg_poison(a.tape);
    }
    b = vector ? wg_with_axes(b, 1, site) : b;
    const bool tall = s.m >= s.n;
    const wg_qr_result f = wg_qr_at(tall ? a : wg_transpose_at(a, site), site);
    const wg_var qt = wg_transpose_at(f.q, site), rt = wg_transpose_at(f.r, site);
    const wg_var x = tall ? wg_solve_columns(f.r, wg_matmul_at(qt, b, site), true, false, site)
                          : wg_matmul_at(f.q, wg_solve_columns(rt, b, false, false, site), site);
    return vector ? wg_without_axis(x, site) : x;
}
