/* test_linalg.c: linear algebra from first principles: inverses, residuals, orthonormal vectors;
 * and what is refused. Derivatives: tests/op/test_check.c and tests/golden/calls_linalg.c. */
#include "op/arrays.h"
#include "wengert/check.h"
#include "wengert/linalg.h"
#include "wengert/random.h"

#include <criterion/parameterized.h>
#include <float.h>
#include <stdlib.h>
#if defined(_OPENMP)
#include <omp.h>
#endif

/* A stack of random matrices [..., m, n] with elements in [-1, 1). */
static wg_var matrices(wg_tape *tape, wg_dtype dtype, int rank, const int64_t *shape) {
    static uint64_t number;
    double values[MOST];
    int64_t count = 1;
    for (int i = 0; i < rank; i++) {
        count *= shape[i];
    }
    cr_assert_leq(count, MOST);
    wg_random_uniform(wg_key_fold(wg_key_new(5), number++), 0, (size_t)count, -1, 1, values);
    const wg_var x = wg_variable(tape, WG_F64, rank, shape, values);
    return dtype == WG_F64 ? x : wg_cast(x, dtype);
}

static wg_var unit(wg_tape *tape, wg_dtype dtype, int64_t n) {
    double values[MOST] = {0};
    for (int64_t i = 0; i < n; i++) {
        values[i * (n + 1)] = 1;
    }
    return wg_cast(wg_constant(tape, WG_F64, WG_SHAPE(n, n), values), dtype);
}

/* Every element of a - b is at most `limit`. */
static void expect_near(wg_var a, wg_var b, double limit, const char *what) {
    double have[MOST];
    const wg_var difference = wg_sub(a, b);
    const int64_t count = read_all(difference, have);
    for (int64_t i = 0; i < count; i++) {
        cr_assert(fabs(have[i]) <= limit, "%s: element %lld is off by %g, more than %g", what,
                  (long long)i, have[i], limit);
    }
}

typedef struct size_case {
    int rank;
    int64_t shape[4];
    wg_dtype dtype;
} size_case;

/* Orders around what blocks and vectors divide; stacks; none. */
static const size_case sizes[] = {
    {2, {1, 1}, WG_F64},       {2, {2, 2}, WG_F32},     {3, {3, 5, 5}, WG_F64},
    {2, {8, 8}, WG_F32},       {3, {2, 9, 9}, WG_F64},  {2, {17, 17}, WG_F32},
    {2, {33, 33}, WG_F64},     {2, {40, 40}, WG_F32},   {2, {64, 64}, WG_F64},
    {4, {2, 1, 3, 3}, WG_F32}, {2, {0, 0}, WG_F64},     {3, {0, 3, 3}, WG_F64},
    {3, {2, 0, 0}, WG_F32},    {3, {60, 8, 8}, WG_F64},
};

static const size_case oblong[] = {
    {2, {5, 3}, WG_F64},    {2, {3, 5}, WG_F64},   {3, {2, 7, 1}, WG_F32}, {3, {2, 1, 7}, WG_F64},
    {2, {40, 33}, WG_F64},  {2, {20, 45}, WG_F32}, {2, {4, 0}, WG_F64},    {2, {0, 4}, WG_F64},
    {3, {0, 4, 2}, WG_F64}, {2, {64, 40}, WG_F64},
};

#define ROWS(table)                                                                                \
    static int rows[sizeof table / sizeof table[0]];                                               \
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {                                  \
        rows[i] = (int)i;                                                                          \
    }                                                                                              \
    return cr_make_param_array(int, rows, sizeof table / sizeof table[0]);

static double limit_of(const size_case *c) {
    const double n = (double)(c->shape[c->rank - 1] + c->shape[c->rank - 2] + 2);
    return 8 * n * (c->dtype == WG_F32 ? FLT_EPSILON : DBL_EPSILON);
}

/* Random matrices with n added to the other diagonal: well-conditioned, with pivots to exchange. */
static wg_var regular(wg_tape *tape, const size_case *c) {
    const wg_var x = matrices(tape, c->dtype, c->rank, c->shape);
    const int64_t n = c->shape[c->rank - 1];
    const wg_var other = wg_slice(unit(tape, c->dtype, n), -1, WG_END, WG_END, -1);
    return wg_add(x, wg_mul((double)n, other));
}

/* x [..., n] as [..., 1, n]. */
static wg_var as_row(wg_var x) {
    wg_view view = wg_view_of(x);
    view.shape[view.rank] = view.shape[view.rank - 1];
    view.shape[view.rank - 1] = 1;
    return wg_reshape(x, view.rank + 1, view.shape);
}

ParameterizedTestParameters(linalg, square_matrices){ROWS(sizes)}

ParameterizedTest(int *row, linalg, square_matrices) {
    const size_case *c = &sizes[*row];
    const int64_t n = c->shape[c->rank - 1];
    wg_tape *tape = wg_tape_new();
    const double limit = limit_of(c), more = limit * (double)(n + 1);
    const wg_var a = regular(tape, c), one = unit(tape, c->dtype, n);
    expect_near(wg_matmul(a, wg_inverse(a)), one, limit, "A A⁻¹");
    const wg_var b = matrices(tape, c->dtype, c->rank, c->shape);
    expect_near(wg_matmul(a, wg_solve(a, b)), b, limit, "A X");
    const wg_var p = wg_add(wg_matmul(b, wg_transpose(b)), wg_mul(2.0, one));
    const wg_var l = wg_cholesky(p);
    expect_near(wg_matmul(l, wg_transpose(l)), p, more, "L Lᵀ");
    expect_near(wg_matmul(p, wg_cholesky_solve(b, l)), b, more, "P X");
    if (n < 10) { /* within f32's range */
        const wg_slogdet_result d = wg_slogdet(a);
        const wg_var det = wg_det(a), scale = wg_add(1.0, wg_abs(det));
        expect_near(wg_div(wg_mul(d.sign, wg_exp(d.logabsdet)), scale), wg_div(det, scale), more,
                    "sign exp log |A|");
    }
    const wg_var s = wg_add(b, wg_transpose(b));
    const wg_eigh_result e = wg_eigh(s);
    expect_near(wg_matmul(e.vectors, wg_transpose(e.vectors)), one, limit, "V Vᵀ");
    expect_near(wg_matmul(s, e.vectors), wg_mul(e.vectors, as_row(e.values)), more, "S V");
    wg_tape_free(tape);
}

static void check_shapes(const size_case *c, wg_qr_result f, wg_svd_result g) {
    int64_t shape[WG_MAX_RANK];
    const int64_t m = c->shape[c->rank - 2], n = c->shape[c->rank - 1], k = m < n ? m : n;
    memcpy(shape, c->shape, sizeof c->shape);
    shape[c->rank - 1] = k;
    expect_shape(f.q, c->rank, shape);
    expect_shape(g.u, c->rank, shape);
    shape[c->rank - 2] = k;
    expect_shape(g.s, c->rank - 1, shape);
    shape[c->rank - 1] = n;
    expect_shape(f.r, c->rank, shape);
    expect_shape(g.vh, c->rank, shape);
}

ParameterizedTestParameters(linalg, oblong_matrices){ROWS(oblong)}

ParameterizedTest(int *row, linalg, oblong_matrices) {
    const size_case *c = &oblong[*row];
    const int64_t m = c->shape[c->rank - 2], n = c->shape[c->rank - 1], k = m < n ? m : n;
    wg_tape *tape = wg_tape_new();
    const double limit = limit_of(c);
    const wg_var a = matrices(tape, c->dtype, c->rank, c->shape), one = unit(tape, c->dtype, k);
    const wg_qr_result f = wg_qr(a);
    const wg_svd_result g = wg_svd(a);
    check_shapes(c, f, g);
    expect_near(wg_matmul(wg_transpose(f.q), f.q), one, limit, "Qᵀ Q");
    expect_near(wg_matmul(f.q, f.r), a, limit, "Q R");
    expect_near(wg_matmul(wg_transpose(g.u), g.u), one, limit, "Uᵀ U");
    expect_near(wg_matmul(g.vh, wg_transpose(g.vh)), one, limit, "Vh Vhᵀ");
    expect_near(wg_matmul(wg_mul(g.u, as_row(g.s)), g.vh), a, 4 * limit, "U S Vh");
    const wg_var p = wg_pinv(a);
    expect_near(wg_matmul(wg_matmul(a, p), a), a, 64 * limit, "A A⁺ A");
    if (k > 0) {
        const wg_var b = wg_sum_over(a, WG_AXES_KEEP(-1)); /* A times ones */
        expect_near(wg_matmul(a, wg_lstsq(a, b)), b, 64 * limit, "A x");
        expect_near(wg_lstsq(a, b), wg_matmul(p, b), 256 * limit, "x");
    }
    wg_tape_free(tape);
}

static wg_var values_of(wg_tape *tape, int64_t m, int64_t n, const double *values) {
    return wg_variable(tape, WG_F64, WG_SHAPE(m, n), values);
}
#define MATRIX(tape, m, n, ...) values_of(tape, m, n, (const double[]){__VA_ARGS__})

/* Of triangles the other half is not read, nor the diagonal where it is said to be 1. */
Test(linalg, triangular_systems) {
    wg_tape *tape = wg_tape_new();
    const wg_var low = MATRIX(tape, 2, 2, 2, NAN, 3, 4);
    const wg_var b = wg_variable(tape, WG_F64, WG_SHAPE(2), (const double[]){2, 11});
    const wg_var x = wg_solve_triangular(low, b, (wg_triangular){0});
    expect_values(x, (const double[]){1, 2}, 0);
    expect_values(wg_solve_triangular(low, b, (wg_triangular){.transpose = true}),
                  (const double[]){-3.125, 2.75}, 1e-15);
    expect_values(wg_solve_triangular(low, b, (wg_triangular){.right = true}),
                  (const double[]){-3.125, 2.75}, 1e-15);
    const wg_var high = MATRIX(tape, 2, 2, NAN, 3, NAN, NAN);
    expect_values(wg_solve_triangular(high, b, (wg_triangular){.upper = true, .unit = true}),
                  (const double[]){-31, 11}, 0);
    cr_assert_eq(wg_backward(wg_sum(x)), WG_OK, "%s", wg_tape_message(tape));
    const double gb = 0.5 - 3 * 0.25 / 2;
    expect_adjoint(b, (const double[]){gb, 0.25}, 1e-15);
    expect_adjoint(low, (const double[]){-gb, 0, -0.25, -0.5}, 1e-15);
    wg_tape_free(tape);
}

/* Fixed numbers: signs and order are as documented. */
Test(linalg, signs_and_order_of_vectors) {
    wg_tape *tape = wg_tape_new();
    const double h = sqrt(0.5);
    const wg_eigh_result e = wg_eigh(MATRIX(tape, 2, 2, 1, -2, -2, 1));
    expect_values(e.values, (const double[]){-1, 3}, 1e-15);
    const wg_var product = wg_matmul(wg_transpose(e.vectors), e.vectors);
    expect_values(product, (const double[]){1, 0, 0, 1}, 1e-15);
    const wg_svd_result f = wg_svd(MATRIX(tape, 3, 2, 0, 3, 0, 0, -5, 0));
    expect_values(f.s, (const double[]){5, 3}, 1e-15);
    expect_values(f.vh, (const double[]){1, 0, 0, 1}, 1e-15);
    expect_values(f.u, (const double[]){0, 1, 0, 0, -1, 0}, 1e-15);
    const wg_qr_result q = wg_qr(MATRIX(tape, 2, 2, -1, 1, -1, 2));
    expect_values(q.r, (const double[]){2 * h, -3 * h, 0, h}, 1e-15);
    expect_values(q.q, (const double[]){-h, -h, -h, h}, 1e-15);
    wg_tape_free(tape);
}

/* Cofactors by hand, of a matrix of rank 2; of rank 1 they are 0. */
Test(linalg, the_determinant_of_a_singular_matrix_has_a_gradient) {
    wg_tape *tape = wg_tape_new();
    const wg_var a = MATRIX(tape, 3, 3, 1, 2, 3, 2, 4, 6, 1, 0, 1);
    const wg_var det = wg_det(a);
    expect_close(wg_value(det), 0, 0, 0);
    cr_assert_eq(wg_backward(det), WG_OK, "%s", wg_tape_message(tape));
    expect_adjoint(a, (const double[]){4, 4, -4, -2, -2, 2, 0, 0, 0}, 1e-14);
    wg_tape_reset(tape);
    const wg_var b = MATRIX(tape, 3, 3, 1, 2, 3, 2, 4, 6, 3, 6, 9);
    cr_assert_eq(wg_backward(wg_det(b)), WG_OK, "%s", wg_tape_message(tape));
    expect_adjoint(b, (const double[]){0, 0, 0, 0, 0, 0, 0, 0, 0}, 1e-13);
    wg_tape_reset(tape);
    const wg_slogdet_result s = wg_slogdet(MATRIX(tape, 2, 2, 1, 2, 2, 4));
    expect_close(wg_value(s.sign), 0, 0, 0);
    expect_close(wg_value(s.logabsdet), -INFINITY, 0, 0);
    expect_close(wg_value(wg_logdet(MATRIX(tape, 2, 2, 0, 1, 1, 0))), NAN, 0, 0);
    cr_assert_eq(wg_backward(s.logabsdet), WG_ERROR_ARGUMENT);
    expect_failure(tape, WG_ERROR_ARGUMENT, "matrix 0 of [2, 2] is singular (pivot 2 is zero)");
    wg_tape_free(tape);
}

/* Functions of a matrix with equal values have a gradient: trace of A² by the eigenvectors, 2 A. */
Test(linalg, equal_values_do_no_harm) {
    wg_tape *tape = wg_tape_new();
    const wg_var a = MATRIX(tape, 3, 3, 2, 0, 0, 0, 2, 0, 0, 0, 5);
    const wg_eigh_result e = wg_eigh(a);
    const wg_var scaled = wg_mul(e.vectors, as_row(wg_square(e.values)));
    const wg_var square = wg_matmul(scaled, wg_transpose(e.vectors));
    expect_values(square, (const double[]){4, 0, 0, 0, 4, 0, 0, 0, 25}, 1e-14);
    const wg_var trace = wg_sum(wg_mul(square, unit(tape, WG_F64, 3)));
    cr_assert_eq(wg_backward(trace), WG_OK, "%s", wg_tape_message(tape));
    expect_adjoint(a, (const double[]){4, 0, 0, 0, 4, 0, 0, 0, 10}, 1e-14);
    wg_tape_reset(tape);
    const wg_var b = MATRIX(tape, 3, 2, 1, 0, 0, 1, 0, 0);
    const wg_svd_result f = wg_svd(b);
    const wg_var same = wg_matmul(wg_mul(f.u, as_row(f.s)), f.vh);
    cr_assert_eq(wg_backward(wg_sum(wg_square(same))), WG_OK, "%s", wg_tape_message(tape));
    expect_adjoint(b, (const double[]){2, 0, 0, 2, 0, 0}, 1e-14);
    wg_tape_free(tape);
}

Test(linalg, the_pseudo_inverse_drops_small_values) {
    wg_tape *tape = wg_tape_new();
    const wg_var a = MATRIX(tape, 2, 2, 4, 0, 0, 1e-3);
    expect_values(wg_pinv_at(a, 1e-2, NULL), (const double[]){0.25, 0, 0, 0}, 1e-15);
    expect_values(wg_pinv(a), (const double[]){0.25, 0, 0, 1000}, 1e-12);
    const wg_var zero = wg_variable(tape, WG_F64, WG_SHAPE(2, 3), NULL);
    expect_values(wg_pinv(zero), (const double[]){0, 0, 0, 0, 0, 0}, 0);
    wg_tape_free(tape);
}

Test(linalg, powers_exponentials_and_norms) {
    wg_tape *tape = wg_tape_new();
    const wg_var a = MATRIX(tape, 2, 2, 1, 1, 1, 0); /* Fibonacci */
    expect_values(wg_matrix_power(a, 10), (const double[]){89, 55, 55, 34}, 0);
    expect_values(wg_matrix_power(a, 0), (const double[]){1, 0, 0, 1}, 0);
    expect_values(wg_matrix_power(a, -2), (const double[]){1, -1, -1, 2}, 1e-14);
    const wg_var turn = MATRIX(tape, 2, 2, 0, -30, 30, 0);
    expect_values(wg_matrix_exp(turn), (const double[]){cos(30), -sin(30), sin(30), cos(30)},
                  1e-12);
    const wg_var b = MATRIX(tape, 2, 2, 3, -4, 0, 0);
    expect_close(wg_value(wg_matrix_norm(b, WG_NORM_FROBENIUS)), 5, 0, 0);
    expect_close(wg_value(wg_matrix_norm(b, WG_NORM_1)), 4, 0, 0);
    expect_close(wg_value(wg_matrix_norm(b, WG_NORM_INF)), 7, 0, 0);
    expect_close(wg_value(wg_matrix_norm(b, WG_NORM_2)), 5, 1e-15, 0);
    expect_close(wg_value(wg_cond(MATRIX(tape, 2, 2, 4, 0, 0, -2), WG_NORM_2)), 2, 1e-15, 0);
    const wg_var zero = wg_variable(tape, WG_F64, WG_SHAPE(2, 2), NULL);
    const wg_var norm = wg_matrix_norm(zero, WG_NORM_FROBENIUS);
    cr_assert_eq(wg_backward(norm), WG_OK, "%s", wg_tape_message(tape));
    expect_adjoint(zero, (const double[]){0, 0, 0, 0}, 0);
    wg_tape_free(tape);
}

/* ---- Refusals ------------------------------------------------------------------------------ */

Test(linalg, singular_matrices_are_named) {
    wg_tape *tape = wg_tape_new();
    const double two[] = {2, 1, 1, 2, 1, 2, 2, 4, 1, 0, 0, 1};
    wg_var a = wg_variable(tape, WG_F64, WG_SHAPE(3, 2, 2), two);
    (void)wg_cholesky(a);
    expect_failure(tape, WG_ERROR_ARGUMENT,
                   "cholesky: matrix 1 of [3, 2, 2] is not positive definite (leading minor of "
                   "order 2) (");
    a = wg_variable(tape, WG_F64, WG_SHAPE(3, 2, 2), two);
    (void)wg_inverse(a);
    expect_failure(tape, WG_ERROR_ARGUMENT,
                   "inverse: matrix 1 of [3, 2, 2] is singular (pivot 2 is zero)");
    a = wg_variable(tape, WG_F64, WG_SHAPE(3, 2, 2), two);
    (void)wg_solve(a, wg_slice(a, -1, 0, 1, 1));
    expect_failure(tape, WG_ERROR_ARGUMENT,
                   "solve: matrix 1 of [3, 2, 2] is singular (pivot 2 is zero)");
    a = wg_variable(tape, WG_F64, WG_SHAPE(3, 2, 2), two);
    (void)wg_solve_triangular(wg_mul(a, unit(tape, WG_F64, 2)), wg_sub(a, a), (wg_triangular){0});
    cr_assert_eq(wg_tape_status(tape), WG_OK, "%s", wg_tape_message(tape));
    (void)wg_solve_triangular(wg_sub(a, a), a, (wg_triangular){.upper = true});
    expect_failure(tape, WG_ERROR_ARGUMENT,
                   "solve_triangular: matrix 0 of [3, 2, 2] is singular (pivot 1 is zero)");
    a = wg_variable(tape, WG_F64, WG_SHAPE(2, 2), NULL);
    (void)wg_lstsq(a, a);
    expect_failure(tape, WG_ERROR_ARGUMENT, "is singular (pivot 1 is zero)");
    a = MATRIX(tape, 2, 2, 1, 0, 0, NAN);
    (void)wg_cholesky(a);
    expect_failure(tape, WG_ERROR_ARGUMENT, "(leading minor of order 2)");
    wg_tape_free(tape);
}

Test(linalg, a_late_pivot_of_a_large_matrix_is_named) {
    wg_tape *tape = wg_tape_new();
    double values[60 * 60] = {0};
    for (int i = 0; i < 60; i++) {
        values[61 * i] = i == 45 ? -1 : 1;
    }
    (void)wg_cholesky(values_of(tape, 60, 60, values));
    expect_failure(tape, WG_ERROR_ARGUMENT, "(leading minor of order 46)");
    values[61 * 45] = 0;
    (void)wg_inverse(values_of(tape, 60, 60, values));
    expect_failure(tape, WG_ERROR_ARGUMENT, "(pivot 46 is zero)");
    wg_tape_free(tape);
}

Test(linalg, shapes_that_do_not_fit_are_refused) {
    wg_tape *tape = wg_tape_new();
#define REFUSED(call, text)                                                                        \
    {                                                                                              \
        const wg_var a = ramp(tape, WG_F64, WG_SHAPE(2, 3)), v = ramp(tape, WG_F64, WG_SHAPE(3));  \
        const wg_var s = ramp(tape, WG_F64, WG_SHAPE(4, 3, 3));                                    \
        (void)a, (void)v, (void)s;                                                                 \
        (void)call;                                                                                \
        expect_failure(tape, WG_ERROR_SHAPE, text);                                                \
    }
    REFUSED(wg_cholesky(a), "cholesky: it takes square matrices [..., n, n], not [2, 3]")
    REFUSED(wg_inverse(v), "inverse: it takes matrices [..., n, n], not [3]")
    REFUSED(wg_det(a), "det: it takes square matrices")
    REFUSED(wg_slogdet(a).sign, "slogdet: it takes square matrices")
    REFUSED(wg_eigh(a).values, "eigh: it takes square matrices")
    REFUSED(wg_svd(v).s, "svd: it takes matrices [..., m, n], not [3]")
    REFUSED(wg_qr(v).r, "qr: it takes matrices [..., m, n], not [3]")
    REFUSED(wg_pinv(v), "pinv: it takes matrices")
    REFUSED(wg_solve(a, v), "solve: it takes square matrices")
    REFUSED(wg_solve(s, a), "solve: a [4, 3, 3] and b [2, 3] differ in rows")
    REFUSED(wg_solve(s, wg_concat(2, ((wg_var[]){s, s}), 0)),
            "solve: leading axes do not broadcast: [4, 3, 3] and [8, 3, 3]")
    REFUSED(wg_solve_triangular(s, a, (wg_triangular){0}), "differ in rows")
    REFUSED(wg_solve_triangular(a, a, (wg_triangular){0}), "solve_triangular: it takes square")
    REFUSED(wg_lstsq(a, v), "lstsq: a [2, 3] and b [3] differ in rows")
    REFUSED(wg_lstsq(v, v), "lstsq: it takes matrices")
    REFUSED(wg_matrix_power(a, 2), "matrix_power: it takes square matrices")
    REFUSED(wg_matrix_exp(a), "matrix_exp: it takes square matrices")
    REFUSED(wg_matrix_norm(v, WG_NORM_2), "matrix_norm: it takes matrices")
    REFUSED(wg_cond(a, WG_NORM_1), "cond: it takes square matrices")
    const wg_var big = MATRIX(tape, 1, 1, INFINITY);
    (void)wg_matrix_exp(big);
    expect_failure(tape, WG_ERROR_ARGUMENT, "matrix_exp: the norm of a matrix is not finite");
    wg_tape_free(tape);
}

/* ---- Numbers out of the ordinary --------------------------------------------------------------
 */

/* NaN and infinity end, and stay within their matrix. */
Test(linalg, nan_and_infinity_end_and_stay_within_their_matrix) {
    wg_tape *tape = wg_tape_new();
    for (int kind = 0; kind < 2; kind++) {
        double values[2 * 40 * 40];
        for (int i = 0; i < 2 * 40 * 40; i++) {
            values[i] = sin(i * i + 1.0) + (i % 41 == 0 ? 9 : 0);
        }
        values[40 * 40 + 77] = kind == 0 ? NAN : INFINITY;
        const wg_var a = wg_variable(tape, WG_F64, WG_SHAPE(2, 40, 40), values);
        const wg_var all[] = {wg_inverse(a), wg_eigh(a).vectors, wg_svd(a).u, wg_qr(a).q,
                              wg_pinv(a)};
        for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
            double have[2 * 40 * 40];
            (void)read_all(all[i], have);
            int nans = 0;
            for (int k = 0; k < 40 * 40; k++) {
                cr_assert(isfinite(have[k]), "result %zu, element %d", i, k);
                nans += isfinite(have[40 * 40 + k]) ? 0 : 1;
            }
            cr_assert_gt(nans, 0, "result %zu has no trace of it", i);
        }
        wg_tape_reset(tape);
    }
    wg_tape_free(tape);
}

/* Squares of these overflow, or vanish. */
Test(linalg, very_large_and_very_small_numbers) {
    static const double scales[] = {1e300, 1e-300};
    wg_tape *tape = wg_tape_new();
    for (int i = 0; i < 2; i++) {
        const double h = scales[i];
        const wg_var a = MATRIX(tape, 2, 2, 3 * h, 1 * h, 1 * h, 3 * h);
        const wg_var by = wg_div(1.0, h);
        expect_values(wg_mul(wg_eigvalsh(a), by), (const double[]){2, 4}, 1e-14);
        expect_values(wg_mul(wg_svdvals(a), by), (const double[]){4, 2}, 1e-14);
        const wg_qr_result f = wg_qr(a);
        expect_values(wg_mul(wg_matmul(f.q, f.r), by), (const double[]){3, 1, 1, 3}, 1e-14);
    }
    wg_tape_free(tape);
}

/* Matrices on which iterations are slow: equal values, zeros, graded and defective ones. */
Test(linalg, iterations_converge_on_awkward_matrices) {
    enum {
        N = 30
    };
    wg_tape *tape = wg_tape_new();
    for (int kind = 0; kind < 6; kind++) {
        double values[N * N] = {0};
        for (int i = 0; i < N; i++) {
            for (int k = 0; k < N; k++) {
                const int to = abs(i - k);
                values[i * N + k] = kind == 0   ? 1
                                    : kind == 1 ? pow(10, -i - k)
                                    : kind == 2 ? (to == 1)
                                    : kind == 3 ? 1.0 / (i + k + 1)
                                    : kind == 4 ? (to == 0 ? abs(i - N / 2) : to == 1)
                                                : (k == i + 1);
            }
        }
        const wg_var a = values_of(tape, N, N, values);
        const wg_svd_result f = wg_svd(a);
        expect_near(wg_matmul(wg_mul(f.u, as_row(f.s)), f.vh), a, 1e-12, "U S Vh");
        expect_near(wg_matmul(wg_transpose(f.u), f.u), unit(tape, WG_F64, N), 1e-13, "Uᵀ U");
        if (kind < 5) {
            const wg_eigh_result e = wg_eigh(a);
            expect_near(wg_matmul(a, e.vectors), wg_mul(e.vectors, as_row(e.values)), 1e-12, "A V");
        }
    }
    wg_tape_free(tape);
}

/* An operand may be both sides; integers count as f64; views are as good as copies. */
Test(linalg, operands_of_every_kind) {
    wg_tape *tape = wg_tape_new();
    const wg_var a = wg_constant(tape, WG_I64, WG_SHAPE(2, 2), (const int64_t[]){0, 2, 1, 1});
    expect_values(wg_solve(a, a), (const double[]){1, 0, 0, 1}, 0);
    const wg_var b = MATRIX(tape, 2, 2, 0, 2, 1, 1);
    expect_values(wg_solve(b, b), (const double[]){1, 0, 0, 1}, 0);
    cr_assert_eq(wg_backward(wg_sum(wg_square(wg_solve(b, b)))), WG_OK);
    expect_adjoint(b, (const double[]){0, 0, 0, 0}, 1e-15);
    const wg_var c = MATRIX(tape, 2, 2, 0, 2, 1, 1);
    expect_values(wg_inverse(wg_transpose(c)), (const double[]){-0.5, 0.5, 1, 0}, 0);
    wg_tape_free(tape);
}

Test(linalg, eight_axes) {
    wg_tape *tape = wg_tape_new();
    const wg_var a = wg_reshape(MATRIX(tape, 2, 2, 0, 2, 1, 1), WG_SHAPE(1, 1, 1, 1, 1, 1, 2, 2));
    expect_values(wg_inverse(a), (const double[]){-0.5, 1, 0.5, 0}, 0);
    expect_values(wg_det(a), (const double[]){-2}, 0);
    cr_assert_eq(wg_backward(wg_sum(wg_add(wg_det(a), wg_sum(wg_svdvals(a))))), WG_OK, "%s",
                 wg_tape_message(tape));
    wg_tape_free(tape);
}

#if defined(_OPENMP)
/* Everything of one stack: bytes of the results and of the gradient. */
static void everything(int threads, int64_t count, int64_t n, wg_dtype dtype, double *out) {
    wg_tape *tape = wg_tape_new();
    double *values = malloc((size_t)(count * n * n) * sizeof *values);
    omp_set_num_threads(threads);
    wg_random_uniform(wg_key_new(8), 0, (size_t)(count * n * n), -1, 1, values);
    const wg_var x = wg_variable(tape, WG_F64, WG_SHAPE(count, n, n), values);
    const wg_var a = wg_cast(x, dtype);
    const wg_var p = wg_add(wg_matmul(a, wg_transpose(a)), 0.0);
    const wg_svd_result f = wg_svd(a);
    const wg_eigh_result e = wg_eigh(a);
    const wg_qr_result q = wg_qr(a);
    const wg_var parts[] = {wg_solve(a, p),
                            f.u,
                            f.vh,
                            e.vectors,
                            q.q,
                            q.r,
                            wg_inverse(a),
                            wg_cholesky(wg_add(p, unit(tape, dtype, n)))};
    wg_var sum = wg_sum(e.values);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        cr_assert_eq(wg_read(parts[i], WG_F64, out, count * n * n), WG_OK, "%s",
                     wg_tape_message(tape));
        out += count * n * n;
        sum = wg_add(sum, wg_mean(wg_square(parts[i])));
    }
    cr_assert_eq(wg_backward(sum), WG_OK, "%s", wg_tape_message(tape));
    cr_assert_eq(wg_read_adjoint(x, WG_F64, out, count * n * n), WG_OK);
    omp_set_num_threads(omp_get_num_procs());
    free(values);
    wg_tape_free(tape);
}

Test(linalg, threads_change_no_bit) {
    static const int64_t stacks[][2] = {{1, 60}, {3, 50}, {200, 6}, {2, 60}};
    static const int threads[] = {2, 5};
    for (size_t i = 0; i < 2 * sizeof stacks / sizeof stacks[0]; i++) {
        const int64_t count = stacks[i / 2][0], n = stacks[i / 2][1];
        const wg_dtype dtype = i % 2 == 0 ? WG_F64 : WG_F32;
        const size_t bytes = (size_t)(9 * count * n * n) * sizeof(double);
        double *one = malloc(bytes), *other = malloc(bytes);
        everything(1, count, n, dtype, one);
        for (int k = 0; k < 2; k++) {
            everything(threads[k], count, n, dtype, other);
            cr_assert_eq(memcmp(one, other, bytes), 0, "stack %zu, %d threads", i, threads[k]);
        }
        free(one);
        free(other);
    }
}
#endif

/* ---- Derivatives that no single operation shows -------------------------------------------- */

/* |A⁻¹ b|² + log |A Aᵀ|, by wg_lstsq, wg_solve, wg_logdet and a wide matrix's QR. */
static wg_var composed(wg_tape *tape, const wg_var *xs, int n, void *context) {
    (void)tape, (void)n, (void)context;
    const wg_var a = xs[0], b = xs[1], wide = xs[2];
    const wg_var x = wg_solve(a, b), y = wg_lstsq(wide, x);
    const wg_qr_result f = wg_qr(wide);
    return wg_add(wg_add(wg_sum(wg_square(y)), wg_logdet(wg_matmul(a, wg_transpose(a)))),
                  wg_add(wg_sum(wg_sin(f.r)), wg_sum(wg_matrix_exp(wg_mul(0.3, a)))));
}

Test(linalg, compositions_have_second_derivatives) {
    double a[9] = {0.2, 0.1, 2, 0.3, 3, -0.2, 2, 0.7, -0.1}, b[3] = {1, -2, 0.5};
    double wide[12] = {2, 0.1, 0.4, 1, -0.3, 3, 0.2, 0.6, 0.5, -0.1, 2.5, -1};
    const wg_view inputs[3] = {wg_view_new(WG_F64, WG_SHAPE(3, 3), a),
                               wg_view_new(WG_F64, WG_SHAPE(3), b),
                               wg_view_new(WG_F64, WG_SHAPE(3, 4), wide)};
    wg_check_report report;
    cr_assert_eq(
        wg_check_gradient(composed, NULL, 3, inputs, (wg_check_options){.second = true}, &report),
        WG_OK, "%s", wg_last_message());
}
