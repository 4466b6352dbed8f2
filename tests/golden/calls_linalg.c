/* calls_linalg.c: vectors are compared by what does not depend on their signs (cases_linalg.py). */
#include "golden.h"

GOLDEN_BINARY(solve)
GOLDEN_BINARY(lstsq)
GOLDEN_UNARY(inverse)
GOLDEN_UNARY(det)
GOLDEN_UNARY(matrix_exp)

static void run_cholesky_symmetric(const golden_case *c, const wg_var *in, wg_var *out) {
    (void)c;
    out[0] = wg_cholesky(in[0]);
}

/* x xᵀ + 1. */
static wg_var positive(wg_var x) {
    const wg_var square = wg_matmul(x, wg_transpose(x));
    const wg_view view = wg_view_of(square);
    const int64_t n = view.shape[view.rank - 1];
    double unit[256] = {0};
    for (int64_t i = 0; i < n; i++) {
        unit[i * (n + 1)] = 1;
    }
    const wg_var one = wg_constant(x.tape, WG_F64, WG_SHAPE(n, n), unit);
    return wg_add(square, wg_cast(one, view.dtype));
}

static void run_cholesky(const golden_case *c, const wg_var *in, wg_var *out) {
    (void)c;
    out[0] = wg_cholesky(positive(in[0]));
}

static void run_cholesky_solve(const golden_case *c, const wg_var *in, wg_var *out) {
    (void)c;
    out[0] = wg_cholesky_solve(in[1], wg_cholesky(positive(in[0])));
}

static void run_solve_triangular(const golden_case *c, const wg_var *in, wg_var *out) {
    const wg_triangular how = {.upper = golden_integer(c, "upper", 0) != 0,
                               .transpose = golden_integer(c, "transpose", 0) != 0,
                               .unit = golden_integer(c, "unit", 0) != 0,
                               .right = golden_integer(c, "right", 0) != 0};
    out[0] = wg_solve_triangular(in[0], in[1], how);
}

static void run_slogdet(const golden_case *c, const wg_var *in, wg_var *out) {
    (void)c;
    const wg_slogdet_result both = wg_slogdet(in[0]);
    out[0] = both.sign;
    out[1] = both.logabsdet;
}

static void run_logdet(const golden_case *c, const wg_var *in, wg_var *out) {
    (void)c;
    out[0] = wg_logdet(positive(in[0]));
}

static void run_matrix_power(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_matrix_power(in[0], golden_integer(c, "n", 0));
}

static void run_pinv(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = c->inputs == 1 ? wg_pinv(in[0]) : wg_pinv_at(wg_matmul(in[0], in[1]), 1e-4, WG_HERE);
}

/* x [..., n] as rows [..., 1, n]. */
static wg_var as_row(wg_var x) {
    wg_view view = wg_view_of(x);
    view.shape[view.rank] = view.shape[view.rank - 1];
    view.shape[view.rank - 1] = 1;
    return wg_reshape(x, view.rank + 1, view.shape);
}

static void run_qr(const golden_case *c, const wg_var *in, wg_var *out) {
    (void)c;
    const wg_qr_result f = wg_qr(in[0]);
    out[0] = f.q;
    out[1] = f.r;
}

static void run_eigh(const golden_case *c, const wg_var *in, wg_var *out) {
    (void)c;
    const wg_eigh_result f = wg_eigh(wg_add(in[0], wg_transpose(in[0])));
    out[0] = f.values;
    out[1] = wg_square(f.vectors);
    out[2] = wg_matmul(wg_mul(f.vectors, as_row(wg_sin(f.values))), wg_transpose(f.vectors));
}

static void run_svd(const golden_case *c, const wg_var *in, wg_var *out) {
    (void)c;
    const wg_svd_result f = wg_svd(in[0]);
    out[0] = f.s;
    out[1] = wg_square(f.u);
    out[2] = wg_matmul(wg_mul(f.u, as_row(wg_exp(wg_neg(f.s)))), f.vh);
}

static void run_matrix_norm(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_matrix_norm(in[0], (wg_matrix_norms)golden_integer(c, "which", 0));
}

static void run_cond(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_cond(in[0], (wg_matrix_norms)golden_integer(c, "which", 0));
}

const golden_call golden_calls_linalg[] = {
    {"cholesky", run_cholesky, GOLDEN_ARRAY, 4, 8},
    {"cholesky_symmetric", run_cholesky_symmetric, GOLDEN_ARRAY, 4, 8},
    {"cholesky_solve", run_cholesky_solve, GOLDEN_ARRAY, 8, 12},
    {"solve", run_solve, GOLDEN_ARRAY, 8, 12},
    {"solve_triangular", run_solve_triangular, GOLDEN_ARRAY, 4, 8},
    {"lstsq", run_lstsq, GOLDEN_ARRAY, 16, 48},
    {"inverse", run_inverse, GOLDEN_ARRAY, 4, 8},
    {"pinv", run_pinv, GOLDEN_ARRAY, 16, 48},
    {"det", run_det, GOLDEN_ARRAY, 4, 8},
    {"slogdet", run_slogdet, GOLDEN_ARRAY, 4, 8},
    {"logdet", run_logdet, GOLDEN_ARRAY, 4, 8},
    {"qr", run_qr, GOLDEN_ARRAY, 8, 12},
    {"eigh", run_eigh, GOLDEN_ARRAY, 96, 64},
    {"svd", run_svd, GOLDEN_ARRAY, 32, 64},
    {"matrix_power", run_matrix_power, GOLDEN_ARRAY, 8, 16},
    {"matrix_exp", run_matrix_exp, GOLDEN_ARRAY, 48, 80},
    {"matrix_norm", run_matrix_norm, GOLDEN_ARRAY, 12, 24},
    {"cond", run_cond, GOLDEN_ARRAY, 12, 32},
    {0},
};
