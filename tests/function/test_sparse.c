/* Sparse derivatives: patterns that are known, values against dense ones. */
#include "function/sparse.h"
#include "wengert/elementwise.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static wg_function *record_at(wg_function_body body, void *context, int inputs, int outputs) {
    wg_function *fn =
        wg_function_record(body, context, inputs, outputs, NULL, wg_function_defaults());
    cr_assert_not_null(fn, "%s", wg_last_message());
    return fn;
}

static bool has(const wg_pattern *p, int64_t i, int64_t j) {
    for (int64_t e = p->row_start[i]; e < p->row_start[i + 1]; e++) {
        if (p->column[e] == j) {
            return true;
        }
    }
    return false;
}

static void expect_well_formed(const wg_pattern *p) {
    cr_assert_eq(p->row_start[0], 0);
    cr_assert_eq(p->row_start[p->rows], p->count);
    for (int64_t i = 0; i < p->rows; i++) {
        for (int64_t e = p->row_start[i]; e < p->row_start[i + 1]; e++) {
            cr_assert_eq(p->row[e], i);
            cr_assert(p->column[e] >= 0 && p->column[e] < p->columns);
            cr_assert(e == p->row_start[i] || p->column[e - 1] < p->column[e]);
        }
    }
}

/* ---- Values against dense ones --------------------------------------------------------------- */

static const wg_sparse_method jacobian_methods[] = {WG_SPARSE_AUTO, WG_SPARSE_ENTRIES,
                                                    WG_SPARSE_COLUMNS, WG_SPARSE_ROWS};
static const wg_sparse_method hessian_methods[] = {WG_SPARSE_AUTO, WG_SPARSE_ENTRIES,
                                                   WG_SPARSE_STAR, WG_SPARSE_ACYCLIC};

static void expect_same(const wg_pattern *p, const double *dense, const double *values,
                        double tolerance) {
    double scale = 1;
    for (int64_t k = 0; k < p->rows * p->columns; k++) {
        scale = fmax(scale, fabs(dense[k]));
    }
    for (int64_t i = 0; i < p->rows; i++) {
        for (int64_t j = 0; j < p->columns; j++) {
            if (!has(p, i, j)) {
                cr_assert_eq(dense[i * p->columns + j], 0, "(%d, %d) is %g", (int)i, (int)j,
                             dense[i * p->columns + j]);
            }
        }
    }
    for (int64_t e = 0; e < p->count; e++) {
        const double want = dense[p->row[e] * p->columns + p->column[e]];
        cr_assert_float_eq(values[e], want, tolerance * scale, "(%d, %d): %.17g, not %.17g",
                           (int)p->row[e], (int)p->column[e], values[e], want);
    }
}

static double *points(int64_t count, int64_t n, uint64_t seed) {
    double *x = malloc((size_t)(count * n + 1) * sizeof *x);
    for (int64_t i = 0; i < count * n; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        x[i] = 0.2 + 0.7 * (double)(seed >> 40) / (double)(1 << 24);
    }
    return x;
}

/* Every method, at one point, at a few, and at more than a block of them. */
static void expect_jacobian(const wg_function *fn) {
    const int64_t n = wg_function_inputs(fn), m = wg_function_outputs(fn), most = 37;
    double *x = points(most, n, 1), *dense = malloc((size_t)(most * m * n) * sizeof *dense);
    cr_assert_eq(wg_function_jacobian(fn, most, x, NULL, dense), WG_OK);
    for (size_t k = 0; k < WG_COUNT_OF(jacobian_methods); k++) {
        wg_sparse_options options = wg_sparse_defaults();
        options.method = jacobian_methods[k];
        wg_sparse *sparse = wg_function_sparse_jacobian(fn, options);
        cr_assert_not_null(sparse, "%s", wg_last_message());
        const wg_pattern *p = wg_sparse_pattern(sparse);
        expect_well_formed(p);
        double *values = malloc((size_t)(most * p->count + 1) * sizeof *values);
        for (int64_t count = 1; count <= most; count += 6) {
            memset(values, 0xff, (size_t)(most * p->count) * sizeof *values);
            const int64_t first = most - count; /* other points in every call */
            cr_assert_eq(wg_sparse_values(sparse, count, x + first * n, NULL, values), WG_OK);
            for (int64_t i = 0; i < count; i++) {
                expect_same(p, dense + (first + i) * m * n, values + i * p->count, 1e-12);
            }
        }
        free(values);
        wg_sparse_free(sparse);
    }
    free(x);
    free(dense);
}

static void expect_hessian(const wg_function *fn, double tolerance) {
    const int64_t n = wg_function_inputs(fn), m = wg_function_outputs(fn), most = 37;
    double *x = points(most, n, 2), *w = points(most, m, 3);
    double *dense = malloc((size_t)(2 * most * n * n) * sizeof *dense);
    cr_assert_eq(wg_function_hessian(fn, most, x, w, dense), WG_OK);
    cr_assert_eq(wg_function_hessian(fn, most, x, NULL, dense + most * n * n), WG_OK);
    for (size_t k = 0; k < WG_COUNT_OF(hessian_methods); k++) {
        wg_sparse_options options = wg_sparse_defaults();
        options.method = hessian_methods[k];
        wg_sparse *sparse = wg_function_sparse_hessian(fn, options);
        cr_assert_not_null(sparse, "%s", wg_last_message());
        const wg_pattern *p = wg_sparse_pattern(sparse);
        expect_well_formed(p);
        double *values = malloc((size_t)(most * p->count + 1) * sizeof *values);
        for (int64_t count = 1; count <= most; count += 12) {
            for (int64_t weighted = 0; weighted < 2; weighted++) {
                const double *want = dense + (weighted != 0 ? 0 : most * n * n);
                cr_assert_eq(wg_sparse_values(sparse, count, x, weighted != 0 ? w : NULL, values),
                             WG_OK);
                for (int64_t i = 0; i < count; i++) {
                    expect_same(p, want + i * n * n, values + i * p->count, tolerance);
                }
            }
        }
        free(values);
        wg_sparse_free(sparse);
    }
    free(x);
    free(w);
    free(dense);
}

/* ---- Patterns that are known ----------------------------------------------------------------- */

enum {
    WIDTH = 20
};

static void diagonal(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    for (int i = 0; i < WIDTH; i++) {
        y[i] = wg_mul(wg_exp(x[i]), 1 + i);
    }
}

Test(sparse, a_diagonal_takes_one_product) {
    wg_function *fn = record_at(diagonal, NULL, WIDTH, WIDTH);
    wg_pattern *p;
    cr_assert_eq(wg_function_jacobian_pattern(fn, &p), WG_OK);
    cr_assert_eq(p->count, WIDTH);
    for (int64_t e = 0; e < WIDTH; e++) {
        cr_assert_eq(p->column[e], e);
    }
    wg_pattern_free(p);
    for (int side = 0; side < 2; side++) {
        wg_sparse *sparse = wg_function_sparse_jacobian(
            fn, (wg_sparse_options){side != 0 ? WG_SPARSE_ROWS : WG_SPARSE_COLUMNS});
        cr_assert_eq(wg_sparse_colours(sparse), 1);
        wg_sparse_free(sparse);
    }
    expect_jacobian(fn);
    expect_hessian(fn, 1e-12);
    wg_function_free(fn);
}

/* Σ 100 (xᵢ₊₁ − xᵢ²)² + (1 − xᵢ)² */
static void rosenbrock(const wg_var *x, wg_var *y, void *context) {
    const int n = *(const int *)context;
    wg_var sum = wg_number(0);
    for (int i = 0; i + 1 < n; i++) {
        sum = wg_add(sum, wg_add(wg_mul(wg_square(wg_sub(x[i + 1], wg_square(x[i]))), 100),
                                 wg_square(wg_sub(1, x[i]))));
    }
    y[0] = sum;
}

static int64_t colours_of_hessian(const wg_function *fn, wg_sparse_method method) {
    wg_sparse *sparse = wg_function_sparse_hessian(fn, (wg_sparse_options){method});
    cr_assert_not_null(sparse, "%s", wg_last_message());
    cr_assert_eq(wg_sparse_method_of(sparse), method);
    const int64_t colours = wg_sparse_colours(sparse);
    wg_sparse_free(sparse);
    return colours;
}

Test(sparse, the_hessian_of_a_chain_is_tridiagonal) {
    int n = WIDTH;
    wg_function *fn = record_at(rosenbrock, &n, n, 1);
    wg_pattern *p;
    cr_assert_eq(wg_function_hessian_pattern(fn, &p), WG_OK);
    cr_assert_eq(p->count, 3 * n - 2);
    for (int64_t e = 0; e < p->count; e++) {
        cr_assert_leq(llabs(p->row[e] - p->column[e]), 1);
    }
    wg_pattern_free(p);
    cr_assert_leq(colours_of_hessian(fn, WG_SPARSE_STAR), 3);
    cr_assert_eq(colours_of_hessian(fn, WG_SPARSE_ACYCLIC), 2);
    expect_hessian(fn, 1e-12);
    wg_function_free(fn);
}

static void arrow(const wg_var *x, wg_var *y, void *context) {
    const int n = *(const int *)context;
    wg_var sum = wg_sin(x[n - 1]);
    for (int i = 0; i + 1 < n; i++) {
        sum = wg_add(sum, wg_mul(wg_exp(x[i]), x[n - 1]));
    }
    y[0] = sum;
}

Test(sparse, the_hessian_of_an_arrow_takes_two_products) {
    int n = WIDTH;
    wg_function *fn = record_at(arrow, &n, n, 1);
    wg_pattern *p;
    cr_assert_eq(wg_function_hessian_pattern(fn, &p), WG_OK);
    cr_assert_eq(p->count, 3 * n - 2);
    cr_assert_eq(p->row_start[n] - p->row_start[n - 1], n);
    wg_pattern_free(p);
    cr_assert_eq(colours_of_hessian(fn, WG_SPARSE_STAR), 2);
    cr_assert_eq(colours_of_hessian(fn, WG_SPARSE_ACYCLIC), 2);
    expect_hessian(fn, 1e-12);
    wg_function_free(fn);
}

/* A diagonal with one full row, or one full column. */
static void one_full(const wg_var *x, wg_var *y, void *context) {
    const bool row = context != NULL;
    wg_var sum = wg_number(0);
    for (int i = 0; i < WIDTH; i++) {
        y[i] = row || i == 0 ? wg_sin(x[i]) : wg_mul(wg_sin(x[i]), x[0]);
        sum = wg_add(sum, wg_exp(x[i]));
    }
    y[WIDTH - 1] = row ? sum : y[WIDTH - 1];
}

Test(sparse, a_jacobian_is_coloured_on_its_better_side) {
    int row = 1;
    for (int which = 0; which < 2; which++) {
        wg_function *fn = record_at(one_full, which != 0 ? &row : NULL, WIDTH, WIDTH);
        wg_sparse *columns =
            wg_function_sparse_jacobian(fn, (wg_sparse_options){WG_SPARSE_COLUMNS});
        wg_sparse *rows = wg_function_sparse_jacobian(fn, (wg_sparse_options){WG_SPARSE_ROWS});
        cr_assert_eq(wg_sparse_pattern(rows)->count, 2 * WIDTH - 1);
        cr_assert_eq(wg_sparse_colours(columns), which != 0 ? WIDTH : 2);
        cr_assert_eq(wg_sparse_colours(rows), which != 0 ? 2 : WIDTH);
        wg_sparse_free(columns);
        wg_sparse_free(rows);
        expect_jacobian(fn);
        wg_function_free(fn);
    }
}

/* −Δu + u³ on a square grid, zero outside. */
static void laplacian(const wg_var *x, wg_var *y, void *context) {
    const int side = *(const int *)context;
    for (int i = 0; i < side; i++) {
        for (int j = 0; j < side; j++) {
            const wg_var u = x[i * side + j];
            wg_var r = wg_add(wg_mul(u, 4), wg_mul(u, wg_square(u)));
            r = i > 0 ? wg_sub(r, x[(i - 1) * side + j]) : r;
            r = i < side - 1 ? wg_sub(r, x[(i + 1) * side + j]) : r;
            r = j > 0 ? wg_sub(r, x[i * side + j - 1]) : r;
            r = j < side - 1 ? wg_sub(r, x[i * side + j + 1]) : r;
            y[i * side + j] = r;
        }
    }
}

Test(sparse, a_grid_has_five_points) {
    int side = 9;
    wg_function *fn = record_at(laplacian, &side, side * side, side * side);
    wg_pattern *p;
    cr_assert_eq(wg_function_jacobian_pattern(fn, &p), WG_OK);
    cr_assert_eq(p->count, 5 * side * side - 4 * side);
    for (int64_t e = 0; e < p->count; e++) {
        const int64_t down = p->row[e] / side - p->column[e] / side,
                      right = p->row[e] % side - p->column[e] % side;
        cr_assert_leq(llabs(down) + llabs(right), 1);
    }
    wg_pattern_free(p);
    wg_sparse *sparse = wg_function_sparse_jacobian(fn, (wg_sparse_options){WG_SPARSE_COLUMNS});
    cr_assert_leq(wg_sparse_colours(sparse), 8);
    wg_sparse_free(sparse);
    expect_jacobian(fn);
    wg_function_free(fn);
}

/* The reprojection residual of bundle adjustment: camera (rotation vector, translation, focal
 * length, two distortions) and point, as in Agarwal et al., "Bundle Adjustment in the Large". */
static void reprojection(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    const wg_var *r = x, *t = x + 3, *point = x + 9;
    wg_var theta = wg_sqrt(wg_add(wg_add(wg_square(r[0]), wg_square(r[1])), wg_square(r[2])));
    wg_var c = wg_cos(theta), s = wg_sin(theta), k[3], p[3], dot = wg_number(0);
    for (int i = 0; i < 3; i++) {
        k[i] = wg_div(r[i], theta);
        dot = wg_add(dot, wg_mul(k[i], point[i]));
    }
    for (int i = 0; i < 3; i++) {
        const int j = (i + 1) % 3, l = (i + 2) % 3;
        wg_var cross = wg_sub(wg_mul(k[j], point[l]), wg_mul(k[l], point[j]));
        p[i] = wg_add(wg_add(wg_mul(point[i], c), wg_mul(cross, s)),
                      wg_add(wg_mul(wg_mul(k[i], dot), wg_sub(1, c)), t[i]));
    }
    wg_var u = wg_neg(wg_div(p[0], p[2])), v = wg_neg(wg_div(p[1], p[2]));
    wg_var rr = wg_add(wg_square(u), wg_square(v));
    wg_var scale = wg_mul(x[6], wg_add(1, wg_mul(rr, wg_add(x[7], wg_mul(x[8], rr)))));
    y[0] = wg_mul(scale, u);
    y[1] = wg_mul(scale, v);
}

/* Cameras and points share residuals: camera k sees points k, k + 1 and k + 2. */
enum {
    CAMERAS = 3,
    SCENE = CAMERAS + 2
};

static void bundle(const wg_var *x, wg_var *y, void *context) {
    for (int k = 0; k < CAMERAS; k++) {
        for (int seen = 0; seen < 3; seen++) {
            wg_var parameters[12];
            memcpy(parameters, x + k * 9, 9 * sizeof *x);
            memcpy(parameters + 9, x + CAMERAS * 9 + (k + seen) * 3, 3 * sizeof *x);
            reprojection(parameters, y + (k * 3 + seen) * 2, context);
        }
    }
}

Test(sparse, bundle_adjustment_by_residual_and_by_scene) {
    wg_function *fn = record_at(reprojection, NULL, 12, 2);
    wg_sparse *sparse = wg_function_sparse_jacobian(fn, wg_sparse_defaults());
    cr_assert_eq(wg_sparse_method_of(sparse), WG_SPARSE_ENTRIES);
    cr_assert_eq(wg_sparse_colours(sparse), 0);
    wg_sparse_free(sparse);
    expect_jacobian(fn);
    expect_hessian(fn, 1e-11);
    wg_function_free(fn);
    fn = record_at(bundle, NULL, CAMERAS * 9 + SCENE * 3, CAMERAS * 3 * 2);
    wg_pattern *p;
    cr_assert_eq(wg_function_jacobian_pattern(fn, &p), WG_OK);
    cr_assert_leq(p->count, CAMERAS * 3 * 2 * 12);
    cr_assert(has(p, 0, 0) && !has(p, 0, 9) && has(p, 6, 9) && has(p, 17, CAMERAS * 9 + 12));
    wg_pattern_free(p);
    expect_jacobian(fn);
    expect_hessian(fn, 1e-11);
    wg_function_free(fn);
}

/* ---- What makes no entry, and what is odd ---------------------------------------------------- */

static void flat(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    y[0] = wg_mul(wg_sign(x[0]), x[1]);
    y[1] = wg_where(wg_lt(x[0], x[1]), x[2], wg_floor(x[3]));
    y[2] = wg_add(wg_round(x[0]), wg_heaviside(x[1]));
    y[3] = wg_max(x[2], x[3]);
}

Test(sparse, derivatives_that_are_zero_make_no_entry) {
    wg_function *fn = record_at(flat, NULL, 4, 4);
    wg_pattern *p;
    cr_assert_eq(wg_function_jacobian_pattern(fn, &p), WG_OK);
    const int64_t start[] = {0, 1, 2, 2, 4}, column[] = {1, 2, 2, 3};
    cr_assert_eq(memcmp(p->row_start, start, sizeof start), 0);
    cr_assert_eq(memcmp(p->column, column, sizeof column), 0);
    wg_pattern_free(p);
    cr_assert_eq(wg_function_hessian_pattern(fn, &p), WG_OK);
    cr_assert_eq(p->count, 0);
    wg_pattern_free(p);
    expect_jacobian(fn);
    expect_hessian(fn, 1e-12);
    wg_function_free(fn);
}

Test(sparse, every_rule_knows_which_of_its_derivatives_are_zero) {
    for (int rule = 0; rule < WG_RULE_COUNT; rule++) {
        for (int k = 0; k < wg_rule_infos[rule].arity; k++) {
            wg_builder b;
            wg_build_begin(&b, 3, false);
            const uint32_t r = wg_build_rule(&b, (wg_rule_index)rule, 0, 1, 2);
            const uint32_t partial = wg_build_partial(&b, (wg_rule_index)rule, k, 0, 1, 2, r);
            cr_assert_eq(wg_build_is_number(&b, partial, 0),
                         wg_partial_is_zero((wg_rule_index)rule, k), "%s, operand %d",
                         wg_rule_infos[rule].name, k);
            wg_build_abandon(&b);
        }
    }
}

/* Inputs 1 and 3 are not used; an output that is an input, twice the same, constants. */
static void odd(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    y[0] = x[2];
    y[1] = wg_mul(x[0], x[2]);
    y[2] = y[1];
    y[3] = wg_number(7);
    y[4] = x[2];
    y[5] = wg_sub(wg_exp(x[4]), x[0]);
}

static void constants(const wg_var *x, wg_var *y, void *context) {
    (void)x, (void)context;
    y[0] = wg_number(1);
    y[1] = wg_number(2);
}

Test(sparse, empty_lines_constants_and_outputs_that_are_inputs) {
    wg_function *fn = record_at(odd, NULL, 5, 6);
    wg_pattern *p;
    cr_assert_eq(wg_function_jacobian_pattern(fn, &p), WG_OK);
    const int64_t start[] = {0, 1, 3, 5, 5, 6, 8}, column[] = {2, 0, 2, 0, 2, 2, 0, 4};
    cr_assert_eq(memcmp(p->row_start, start, sizeof start), 0);
    cr_assert_eq(memcmp(p->column, column, sizeof column), 0);
    wg_pattern_free(p);
    expect_jacobian(fn);
    expect_hessian(fn, 1e-12);
    wg_function_free(fn);
    fn = record_at(constants, NULL, 3, 2);
    expect_jacobian(fn);
    expect_hessian(fn, 1e-12);
    wg_function_free(fn);
}

Test(sparse, what_does_not_fit_is_refused) {
    wg_function *fn = record_at(odd, NULL, 5, 6);
    wg_pattern *p = NULL;
    double x[5] = {0}, values[8];
    cr_assert_eq(wg_function_jacobian_pattern(NULL, &p), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_function_hessian_pattern(fn, NULL), WG_ERROR_ARGUMENT);
    cr_assert_null(wg_function_sparse_jacobian(NULL, wg_sparse_defaults()));
    cr_assert_null(wg_function_sparse_jacobian(fn, (wg_sparse_options){WG_SPARSE_STAR}));
    cr_assert_not_null(strstr(wg_last_message(), "method 4"), "%s", wg_last_message());
    cr_assert_null(wg_function_sparse_hessian(fn, (wg_sparse_options){WG_SPARSE_ROWS}));
    wg_sparse *sparse = wg_function_sparse_jacobian(fn, wg_sparse_defaults());
    cr_assert_eq(wg_sparse_values(NULL, 1, x, NULL, values), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_sparse_values(sparse, -1, x, NULL, values), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_sparse_values(sparse, 1, NULL, NULL, values), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_sparse_values(sparse, 1, x, x, values), WG_ERROR_ARGUMENT);
    cr_assert_not_null(strstr(wg_last_message(), "weights"), "%s", wg_last_message());
    cr_assert_eq(wg_sparse_values(sparse, 0, NULL, NULL, NULL), WG_OK);
    wg_sparse_free(sparse);
    wg_sparse_free(NULL);
    wg_pattern_free(NULL);
    wg_function_free(fn);
}

/* ---- Random programs ------------------------------------------------------------------------- */

typedef struct wg_random_body {
    uint64_t state;
    int inputs, outputs, terms;
} wg_random_body;

static int draw(wg_random_body *r, int below) {
    r->state = r->state * 6364136223846793005u + 1442695040888963407u;
    return (int)((r->state >> 33) % (uint64_t)below);
}

/* Terms of nearby operands, tame enough that second derivatives stay moderate. */
static void random_terms(const wg_var *x, wg_var *y, void *context) {
    wg_random_body *r = context;
    wg_var term[256];
    memcpy(term, x, (size_t)r->inputs * sizeof *x);
    int count = r->inputs;
    for (; count < r->terms; count++) {
        const wg_var a = term[draw(r, count)], b = term[draw(r, count)];
        switch (draw(r, 11)) {
        case 0:
            term[count] = wg_sin(a);
            break;
        case 1:
            term[count] = wg_tanh(a);
            break;
        case 2:
            term[count] = wg_div(a, wg_add(wg_square(b), 1));
            break;
        case 3:
        case 4:
            term[count] = wg_mul(wg_sin(a), b);
            break;
        case 5:
            term[count] = wg_max(a, b);
            break;
        case 6:
            term[count] = wg_where(wg_lt(a, b), wg_cos(b), a);
            break;
        case 7:
            term[count] = wg_atan2(a, wg_add(wg_square(b), 0.5));
            break;
        case 8:
            term[count] = wg_add(wg_floor(a), b);
            break;
        default:
            term[count] = wg_sub(wg_mul(a, 0.5), b);
            break;
        }
    }
    for (int k = 0; k < r->outputs; k++) {
        y[k] = k % 5 == 4 ? x[draw(r, r->inputs)] : term[draw(r, count)];
    }
}

Test(sparse, random_programs_agree_with_dense_derivatives) {
    for (uint64_t seed = 1; seed <= 24; seed++) {
        wg_random_body r = {seed, 4 + (int)seed % 9, 1 + (int)seed % 13, 30 + 3 * (int)seed};
        wg_function_options options = wg_function_defaults();
        options.relaxed = seed % 3 == 0;
        wg_function *fn = wg_function_record(random_terms, &r, r.inputs, r.outputs, NULL, options);
        cr_assert_not_null(fn, "seed %d: %s", (int)seed, wg_last_message());
        expect_jacobian(fn);
        expect_hessian(fn, 1e-11);
        wg_function_free(fn);
    }
}

/* ---- Size ------------------------------------------------------------------------------------ */

Test(sparse, large_problems_take_no_square_of_memory_or_time) {
    int n = 50000, side = 100;
    wg_function *fn = record_at(rosenbrock, &n, n, 1);
    wg_pattern *p;
    cr_assert_eq(wg_function_jacobian_pattern(fn, &p), WG_OK);
    cr_assert_eq(p->count, n);
    wg_pattern_free(p);
    cr_assert_eq(wg_function_hessian_pattern(fn, &p), WG_OK);
    cr_assert_eq(p->count, 3 * n - 2);
    wg_pattern_free(p);
    cr_assert_leq(colours_of_hessian(fn, WG_SPARSE_STAR), 3);
    wg_function_free(fn);
    fn = record_at(arrow, &n, n, 1);
    cr_assert_eq(colours_of_hessian(fn, WG_SPARSE_STAR), 2);
    wg_function_free(fn);
    fn = record_at(laplacian, &side, side * side, side * side);
    wg_sparse *sparse = wg_function_sparse_jacobian(fn, (wg_sparse_options){WG_SPARSE_COLUMNS});
    cr_assert_not_null(sparse, "%s", wg_last_message());
    cr_assert_leq(wg_sparse_colours(sparse), 8);
    wg_sparse_free(sparse);
    wg_function_free(fn);
}

/* Prefix sums: longer lists than are written down while they are propagated. */
typedef struct wg_prefixes {
    int inputs, outputs, terms;
} wg_prefixes;

static void prefixes(const wg_var *x, wg_var *y, void *context) {
    const wg_prefixes *of = context;
    const int every = of->terms / (of->outputs - 2);
    wg_var sum = wg_number(0);
    for (int i = 0; i < of->terms; i++) {
        sum = wg_add(wg_mul(wg_sin(sum), 0.5), x[i % (of->inputs - 1)]);
        if (i % every == every - 1) {
            y[i / every] = sum;
        }
    }
    y[of->outputs - 2] = wg_exp(x[of->inputs - 1]);
    y[of->outputs - 1] = wg_add(y[0], x[of->inputs - 1]);
}

/* Few outputs: their sets are listed one by one; many: bits are passed. */
Test(sparse, long_rows_are_complete) {
    for (int outputs = 8; outputs <= 122; outputs += 114) {
        wg_prefixes of = {5000, outputs, 60000};
        wg_function *fn = record_at(prefixes, &of, of.inputs, outputs);
        wg_pattern *p;
        cr_assert_eq(wg_function_jacobian_pattern(fn, &p), WG_OK);
        expect_well_formed(p);
        const int64_t every = of.terms / (outputs - 2), all = of.inputs - 1;
        for (int64_t k = 0; k < outputs - 2; k++) {
            const int64_t seen = (k + 1) * every < all ? (k + 1) * every : all;
            cr_assert_eq(p->row_start[k + 1] - p->row_start[k], seen);
            cr_assert_eq(p->column[p->row_start[k + 1] - 1], seen - 1);
        }
        cr_assert_eq(p->column[p->row_start[outputs - 2]], all);
        cr_assert_eq(p->count - p->row_start[outputs - 1], (every < all ? every : all) + 1);
        wg_pattern_free(p);
        wg_function_free(fn);
    }
}

/* y_i = sin x_i, and behind them the sum of exponentials. */
static void fan(const wg_var *x, wg_var *y, void *context) {
    const int n = *(const int *)context;
    wg_var sum = wg_number(0);
    for (int i = 0; i < n; i++) {
        y[i] = wg_sin(x[i]);
        sum = wg_add(sum, wg_exp(x[i]));
    }
    y[n] = sum;
}

Test(sparse, more_colours_than_a_buffer_holds) {
    int n = 3000;
    wg_function *fn = record_at(fan, &n, n, n + 1);
    wg_sparse *sparse = wg_function_sparse_jacobian(fn, (wg_sparse_options){WG_SPARSE_COLUMNS});
    cr_assert_eq(wg_sparse_colours(sparse), n);
    const wg_pattern *p = wg_sparse_pattern(sparse);
    cr_assert_eq(p->count, 2 * n);
    double *x = points(1, n, 4), *values = malloc((size_t)p->count * sizeof *values);
    cr_assert_eq(wg_sparse_values(sparse, 1, x, NULL, values), WG_OK);
    for (int i = 0; i < n; i++) {
        cr_assert_float_eq(values[i], cos(x[i]), 1e-14);
        cr_assert_float_eq(values[n + i], exp(x[i]), 1e-14);
    }
    wg_sparse_free(sparse);
    wg_sparse *chosen = wg_function_sparse_jacobian(fn, wg_sparse_defaults());
    cr_assert_eq(wg_sparse_method_of(chosen), WG_SPARSE_ENTRIES);
    wg_sparse_free(chosen);
    wg_function_free(fn);
    free(x);
    free(values);
}
