/* linalg_det.c: determinants, their cofactors, and their logarithms. */
#include "kernel/factor.h"
#include "kernel/matmul.h"
#include "op/axes.h"
#include "op/define.h"
#include "op/linalg.h"
#include "op/samples.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* Memory for the factors of operand 0. */
static void *scratch_factors(wg_call *call, const wg_matrices *s) {
    const size_t count = (size_t)(s->count * (s->n + 1) * s->n + 1);
    return wg_call_scratch(call, count * wg_dtype_size(wg_call_operand(call, 0)->dtype));
}

static double number_at(wg_dtype dtype, const void *data, int64_t at) {
    return dtype == WG_F32 ? (double)((const float *)data)[at] : ((const double *)data)[at];
}

static void set_number(const wg_view *view, int64_t at, double value) {
    if (view->dtype == WG_F32) {
        ((float *)view->data)[at] = (float)value;
    } else {
        ((double *)view->data)[at] = value;
    }
}

/* The sign of the permutation of packed factors, and in *logarithm, where asked for, the logarithm
 * of the product of U's diagonal without its sign, which the result then takes in; else the
 * product.
 */
static double determinant_of(wg_dtype dtype, int64_t n, const void *lu, double *logarithm) {
    double product = 1, sum = 0;
    for (int64_t i = 0; i < n; i++) {
        const double pivot = number_at(dtype, lu, i * (n + 1));
        const bool moved = number_at(dtype, lu, n * n + i) != (double)i;
        const double factor = logarithm == NULL ? pivot : pivot > 0 ? 1 : pivot < 0 ? -1 : pivot;
        product *= moved ? -factor : factor;
        sum += logarithm == NULL ? 0 : log(fabs(pivot));
    }
    if (logarithm != NULL) {
        *logarithm = sum;
    }
    return product;
}

static wg_status square_result(wg_call *call, int64_t m, int64_t n) {
    wg_matrices a;
    const wg_status status = wg_call_matrices(call, 0, true, &a);
    return status == WG_OK ? wg_call_result_matrices(call, m, n) : status;
}

/* ---- cofactor: |A| A⁻ᵀ, at any rank ------------------------------------------------------- */

static wg_status cofactor_shape(wg_call *call) {
    wg_matrices a;
    const wg_status status = wg_call_matrices(call, 0, true, &a);
    return status == WG_OK ? wg_call_result_matrices(call, a.n, a.n) : status;
}

typedef struct cofactor_task {
    wg_dtype dtype;
    int64_t n;
    const void *a, *out;
} cofactor_task;

#define CONDITION_LIMIT 1e4 /* epsilons between the pivots where the singular values take over */

/* In elements: a copy, packed factors, U, s, V, and what the kernels need. */
static int64_t cofactor_work(int64_t n) {
    const int64_t svd = wg_kernel_svd_work(n, n);
    const int64_t lu = wg_kernel_lu_work(n), solve = wg_kernel_solve_work(n, n);
    return 4 * n * n + 2 * n + (svd > lu ? svd > solve ? svd : solve : lu > solve ? lu : solve);
}

static int64_t cofactor_one(void *context, int64_t index, void *work);

static wg_status cofactor_forward(wg_call *call) {
    const wg_view *a = wg_call_operand(call, 0), *out = wg_call_out(call);
    const wg_matrices s = wg_matrices_of(a);
    cofactor_task t = {a->dtype, s.n, a->data, out->data};
    int64_t index, what;
    if (wg_view_count(out) == 0) {
        return WG_OK;
    }
    return wg_call_each_matrix(call, s.count, cofactor_work(s.n),
                               3 * (double)s.n * (double)s.n * (double)s.n + 500, cofactor_one, &t,
                               &index, &what);
}

/* C = |A| A⁻ᵀ: dC = tr(A⁻¹ dA) C - C dAᵀ A⁻ᵀ, whose adjoint of h is <h, C> A⁻ᵀ - C hᵀ A⁻ᵀ. */
static void cofactor_chain(wg_call *call, wg_var h) {
    const wg_var c = wg_result(call), r = wg_transpose(wg_inverse(wg_operand(call, 0)));
    const wg_var along = wg_sum_over(wg_mul(h, c), WG_AXES_KEEP(-2, -1));
    wg_give(call, 0, wg_sub(wg_mul(along, r), wg_matmul(wg_matmul(c, wg_transpose(h)), r)));
}

WG_SAMPLES(cofactor, {WG_OPERANDS(WG_FLOATS(-1, 1, 3, 3)), .prepare = wg_prepare_pivots},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 2, 2)), .prepare = wg_prepare_pivots},
           {WG_OPERANDS(WG_FLOATS(1, 2, 1, 1))}, {WG_OPERANDS(WG_FLOATS(1, 2, 0, 2, 2))})
WG_DEFINE_OP(cofactor, cofactor_forward, cofactor_chain, WG_READS_OPERANDS | WG_READS_RESULT,
             WG_OP_FLOATS | WG_OP_CONTIGUOUS)

static wg_var cofactor(wg_var a) {
    return wg_apply(&wg_op_cofactor, 1, &a, NULL, 0, WG_HERE);
}

/* c = u diag(p) vᵀ times the sign of |U| |V|, where p is the product of the other singular values.
 */
#define COFACTOR(T, suffix)                                                                        \
    static bool well_conditioned_##suffix(int64_t n, const T *lu) {                                \
        double least = INFINITY, most = 0;                                                         \
        for (int64_t i = 0; i < n; i++) {                                                          \
            least = fmin(least, fabs((double)lu[i * (n + 1)]));                                    \
            most = fmax(most, fabs((double)lu[i * (n + 1)]));                                      \
        }                                                                                          \
        return !(least <= CONDITION_LIMIT * (sizeof(T) == 4 ? FLT_EPSILON / 10 : DBL_EPSILON) *    \
                              most); /* NaN counts as such */                                      \
    }                                                                                              \
    static int64_t cofactor_##suffix(int64_t n, const T *a, T *c, T *work) {                       \
        const wg_dtype dtype = sizeof(T) == 4 ? WG_F32 : WG_F64;                                   \
        T *copy = work, *u = copy + n * (n + 1), *v = u + n * n, *s = v + n * n, *more = s + n;    \
        const size_t bytes = (size_t)(n * n) * sizeof(T);                                          \
        memcpy(copy, a, bytes);                                                                    \
        int64_t status = wg_kernel_lu_##suffix(n, copy, n, copy + n * n, more);                    \
        if (status < 0) {                                                                          \
            return status;                                                                         \
        }                                                                                          \
        if (status == 0 && well_conditioned_##suffix(n, copy)) {                                   \
            const double det = determinant_of(dtype, n, copy, NULL);                               \
            memset(c, 0, bytes);                                                                   \
            for (int64_t i = 0; i < n; i++) {                                                      \
                c[i * (n + 1)] = (T)det;                                                           \
            }                                                                                      \
            return wg_kernel_lu_solve_##suffix(true, n, n, copy, n, copy + n * n, c, n, more)      \
                       ? 0                                                                         \
                       : WG_FACTOR_MEMORY;                                                         \
        }                                                                                          \
        memcpy(copy, a, bytes);                                                                    \
        status = wg_kernel_svd_##suffix(n, n, copy, u, s, v, more);                                \
        if (status != 0) {                                                                         \
            return status;                                                                         \
        }                                                                                          \
        double sign = 1; /* |U| |V| = 1 or -1 */                                                   \
        for (int k = 0; k < 2; k++) {                                                              \
            memcpy(copy, k == 0 ? u : v, bytes);                                                   \
            status = wg_kernel_lu_##suffix(n, copy, n, copy + n * n, more);                        \
            if (status < 0) {                                                                      \
                return status;                                                                     \
            }                                                                                      \
            sign *= determinant_of(dtype, n, copy, NULL) < 0 ? -1 : 1;                             \
        }                                                                                          \
        for (int64_t j = 0; j < n; j++) {                                                          \
            double others = sign;                                                                  \
            for (int64_t i = 0; i < n; i++) {                                                      \
                others *= i == j ? 1 : (double)s[i];                                               \
            }                                                                                      \
            for (int64_t i = 0; i < n; i++) {                                                      \
                u[i * n + j] = (T)((double)u[i * n + j] * others);                                 \
            }                                                                                      \
        }                                                                                          \
        return wg_kernel_matmul_##suffix(n, n, n, u, n, 1, v, 1, n, c, n, false)                   \
                   ? 0                                                                             \
                   : WG_FACTOR_MEMORY;                                                             \
    }
COFACTOR(float, f32)
COFACTOR(double, f64)

static int64_t cofactor_one(void *context, int64_t index, void *work) {
    const cofactor_task *t = context;
    const void *a = wg_matrix_at(t->a, t->dtype, index, t->n * t->n);
    void *c = wg_matrix_at(t->out, t->dtype, index, t->n * t->n);
    return WG_FLOAT_CALL(t->dtype, cofactor, t->n, a, c, work);
}

/* ---- det ------------------------------------------------------------------------------------ */

static wg_status det_shape(wg_call *call) {
    return square_result(call, -1, -1);
}

static wg_status det_forward(wg_call *call) {
    const wg_view *a = wg_call_operand(call, 0), *out = wg_call_out(call);
    const wg_matrices s = wg_matrices_of(a);
    void *lu = scratch_factors(call, &s);
    const wg_status status = lu == NULL ? WG_ERROR_MEMORY : wg_call_lu(call, lu, true);
    for (int64_t i = 0; i < s.count && status == WG_OK; i++) {
        const void *own = wg_matrix_at(lu, a->dtype, i, (s.n + 1) * s.n);
        set_number(out, i, determinant_of(a->dtype, s.n, own, NULL));
    }
    return status;
}

/* gA = g cof(A) (Giles 2008, 2.2.5, without the inverse). */
static void det_chain(wg_call *call, wg_var g) {
    wg_give(call, 0, wg_mul(wg_with_axes(g, 2, WG_HERE), cofactor(wg_operand(call, 0))));
}

WG_SAMPLES(det, {WG_OPERANDS(WG_FLOATS(-1, 1, 3, 3)), .prepare = wg_prepare_pivots},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 4, 4)), .prepare = wg_prepare_pivots},
           {WG_OPERANDS(WG_FLOATS(1, 2, 1, 1))}, {WG_OPERANDS(WG_FLOATS(1, 2, 2, 0, 0))},
           {WG_OPERANDS(WG_FLOATS(1, 2, 0, 2, 2))})
WG_DEFINE_OP(det, det_forward, det_chain, WG_READS_OPERANDS, WG_OP_FLOATS | WG_OP_CONTIGUOUS)

wg_var wg_det_at(wg_var a, const char *site) {
    return wg_apply(&wg_op_det, 1, &a, NULL, 0, site);
}

/* ---- slogdet: [..., 2], sign and logarithm --------------------------------------------------- */

static wg_status slogdet_shape(wg_call *call) {
    return square_result(call, 2, -1);
}

static wg_status slogdet_forward(wg_call *call) {
    const wg_view *a = wg_call_operand(call, 0), *out = wg_call_out(call);
    const wg_matrices s = wg_matrices_of(a);
    wg_view packed = *a;
    packed.shape[a->rank - 2]++;
    void *lu = wg_call_will_sweep(call) ? wg_call_save(call, a->dtype, a->rank, packed.shape)
                                        : scratch_factors(call, &s);
    const wg_status status = lu == NULL ? WG_ERROR_MEMORY : wg_call_lu(call, lu, true);
    for (int64_t i = 0; i < s.count && status == WG_OK; i++) {
        const void *own = wg_matrix_at(lu, a->dtype, i, (s.n + 1) * s.n);
        double logarithm;
        set_number(out, 2 * i, determinant_of(a->dtype, s.n, own, &logarithm));
        set_number(out, 2 * i + 1, logarithm);
    }
    return status;
}

/* gA = g A⁻ᵀ (Giles 2008, 2.2.5). */
static void slogdet_chain(wg_call *call, wg_var g) {
    const wg_view a = wg_operand_shape(call, 0);
    const wg_var own = wg_with_axes(wg_slice(g, -1, 1, 2, 1), 1, WG_HERE);
    const wg_var unit = wg_unit_matrix(g.tape, a.dtype, a.shape[a.rank - 1]);
    wg_give(call, 0, wg_mul(own, wg_lu_solve(wg_operand(call, 0), wg_saved(call), unit, true)));
}

WG_SAMPLES(slogdet, {WG_OPERANDS(WG_FLOATS(-1, 1, 3, 3)), .prepare = wg_prepare_pivots},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 4, 4)), .prepare = wg_prepare_pivots},
           {WG_OPERANDS(WG_FLOATS(1, 2, 1, 1))}, {WG_OPERANDS(WG_FLOATS(1, 2, 2, 0, 0))},
           {WG_OPERANDS(WG_FLOATS(1, 2, 0, 2, 2))})
WG_DEFINE_OP(slogdet, slogdet_forward, slogdet_chain, WG_READS_OPERANDS,
             WG_OP_FLOATS | WG_OP_CONTIGUOUS)

wg_slogdet_result wg_slogdet_at(wg_var a, const char *site) {
    const wg_var both = wg_apply(&wg_op_slogdet, 1, &a, NULL, 0, site);
    const wg_slogdet_result result = {wg_without_axis(wg_slice_at(both, -1, 0, 1, 1, site), site),
                                      wg_without_axis(wg_slice_at(both, -1, 1, 2, 1, site), site)};
    return result;
}

wg_var wg_logdet_at(wg_var a, const char *site) {
    const wg_slogdet_result both = wg_slogdet_at(a, site);
    return wg_where(wg_lt(both.sign, 0.0), (double)NAN, both.logabsdet);
}
