/* equation.c: F(x, θ) in plain numbers: its values, and linear systems with its Jacobian. */
#include "transform/implicit.h"

#include "transform/derive.h"

#include <math.h>
#include <string.h>

double wg_largest(int64_t n, const double *values) {
    double largest = 0;
    for (int64_t i = 0; i < n; i++) {
        const double size = fabs(values[i]);
        largest = size <= largest ? largest : size; /* NaN wins … */
        if (isnan(largest)) {
            return largest; /* … and stays */
        }
    }
    return largest;
}

bool wg_equation_read(wg_tape *tape, wg_var x, double *out, int64_t count) {
    return tape->status == WG_OK && wg_read(x, WG_F64, out, count) == WG_OK;
}

wg_var wg_equation_constant(wg_tape *tape, wg_var like, const double *values) {
    const wg_view view = wg_view_of(like);
    const wg_dtype dtype = view.dtype == WG_F32 ? WG_F32 : WG_F64;
    const wg_var made = wg_constant(tape, dtype, view.rank, view.shape, NULL);
    const wg_view to = wg_view_of(made);
    for (int64_t i = 0; tape->status == WG_OK && i < wg_view_count(&to); i++) {
        if (dtype == WG_F32) {
            ((float *)to.data)[i] = (float)values[i];
        } else {
            ((double *)to.data)[i] = values[i];
        }
    }
    return made;
}

bool wg_equation_residual(const wg_equation *equation, wg_trace *trace, wg_var *r) {
    wg_tape *tape = trace->tape;
    if (!wg_trace_run(trace)) {
        return false;
    }
    const wg_var x = trace->inputs[0], f = trace->ys[0];
    const wg_view have = wg_view_of(f), want = wg_view_of(x);
    const bool fits = equation->is_fixed
                          ? wg_shape_equal(have.rank, have.shape, want.rank, want.shape) ||
                                (equation->is_scalar && wg_view_count(&have) == 1)
                          : wg_view_count(&have) == wg_view_count(&want);
    if (!fits || !wg_is_float_array(f)) {
        char text[192], other[192];
        wg_tape_fail(tape, WG_ERROR_SHAPE, equation->name, trace->site,
                     "the function makes %s of shape %s for x of shape %s",
                     wg_dtype_name(have.dtype),
                     wg_shape_text(have.rank, have.shape, text, sizeof text),
                     wg_shape_text(want.rank, want.shape, other, sizeof other));
        return false;
    }
    *r = equation->is_fixed ? wg_sub_at(x, f, trace->site) : f;
    return tape->status == WG_OK;
}

/* ---- Products with the Jacobian ----------------------------------------------------------------
 */

typedef struct wg_jacobian {
    wg_trace *trace;
    wg_var r;
    wg_var place, pulled; /* for J itself: Jᵀ·place, whose gradient by the place along v is J·v */
    bool transposed;
} wg_jacobian;

/* A seed of y's shape. */
static wg_var seed_of(wg_tape *tape, wg_var y, const double *v) {
    return wg_is_array(y) ? wg_equation_constant(tape, y, v) : wg_number(v[0]);
}

static bool multiply(void *context, const double *v, double *out) {
    wg_jacobian *j = context;
    wg_tape *tape = j->trace->tape;
    const wg_var y = j->transposed ? j->r : j->pulled;
    const wg_var x = j->transposed ? j->trace->inputs[0] : j->place;
    wg_var product = wg_number(0);
    const wg_scope_mark mark = wg_scope_begin(tape);
    if (tape->status != WG_OK) {
        return false;
    }
    wg_no_grad_begin(tape);
    const wg_var seed = seed_of(tape, y, v);
    if (tape->status == WG_OK && wg_derive_pull(j->trace, 1, &y, &seed, 1, &x, &product)) {
        (void)wg_equation_read(tape, product, out, wg_count(x));
    }
    wg_no_grad_end(tape);
    return wg_scope_end(tape, mark, NULL, 0) == WG_OK;
}

/* J itself needs the transpose recorded once. */
static bool prepare(wg_jacobian *j) {
    const wg_trace *trace = j->trace;
    if (j->transposed) {
        return true;
    }
    if (j->r.tape == NULL) { /* it does not depend on x */
        j->place = j->pulled = wg_number(0);
        return true;
    }
    wg_trace of_r = *trace;
    of_r.ys = &j->r;
    of_r.closure.n = 1;
    return wg_derive_transpose(&of_r, &j->place, &j->pulled);
}

/* ---- Systems -----------------------------------------------------------------------------------
 */

static bool no_memory(const wg_equation *equation, const wg_trace *trace, int64_t numbers) {
    wg_tape_fail(trace->tape, WG_ERROR_MEMORY, equation->name, trace->site,
                 "no memory for %lld numbers", (long long)numbers);
    return false;
}

static bool solve_dense(const wg_equation *equation, wg_jacobian *j, int64_t n, bool transposed,
                        const double *b, double *z) {
    wg_tape *tape = j->trace->tape;
    const size_t numbers = (size_t)(n * (n + 1)) + wg_dense_space(n);
    wg_block *block = wg_pool_take(&tape->pool, numbers * sizeof(double));
    if (block == NULL) {
        return no_memory(equation, j->trace, (int64_t)numbers);
    }
    double *const a = wg_block_data(block), *const unit = a + n * n, *const space = unit + n;
    bool good = true;
    j->transposed = true; /* rows of J */
    for (int64_t k = 0; k < n && good; k++) {
        memset(unit, 0, (size_t)n * sizeof *unit);
        unit[k] = 1;
        good = multiply(j, unit, a + k * n);
    }
    const int64_t bad = good ? wg_dense_factor(n, a, space) : 0;
    if (bad > 0) {
        wg_tape_fail(tape, WG_ERROR_ARGUMENT, equation->name, j->trace->site,
                     "the Jacobian %s is singular: pivot %lld of %lld is 0, but for rounding",
                     equation->is_fixed ? "of x - f(x) by x" : "of the residual by x",
                     (long long)bad, (long long)n);
    }
    if (good && bad == 0) {
        memcpy(z, b, (size_t)n * sizeof *z);
    }
    if (bad < 0 || (good && bad == 0 && !wg_dense_solve(n, a, space, transposed, z))) {
        (void)no_memory(equation, j->trace, (int64_t)numbers);
    }
    wg_pool_drop(&tape->pool, block);
    return good && tape->status == WG_OK;
}

static bool solve_by_products(const wg_equation *equation, wg_jacobian *j, int64_t n,
                              const double *b, double *z) {
    static const char *const names[] = {"", "", "GMRES", "BiCGStab",
                                        "the conjugate gradient method"};
    wg_tape *tape = j->trace->tape;
    wg_linear_system system = equation->system;
    system.solver = system.solver == WG_SOLVER_AUTO ? WG_SOLVER_GMRES : system.solver;
    const size_t space = wg_krylov_space(&system, n);
    wg_block *block = wg_pool_take(&tape->pool, space * sizeof(double));
    if (block == NULL) {
        return no_memory(equation, j->trace, (int64_t)space);
    }
    wg_solve_report report;
    const wg_product product = {multiply, j, n};
    const bool good = prepare(j);
    const wg_solved solved =
        good ? wg_krylov_solve(&system, &product, b, z, wg_block_data(block), &report)
             : WG_SOLVED_BROKE;
    if (solved == WG_SOLVED_NOT) {
        wg_tape_fail(tape, WG_ERROR_CONVERGENCE, equation->name, j->trace->site,
                     "%s leaves a relative residual of %.3g after %d steps, more than %.3g: the "
                     "Jacobian by x may be singular, or ill-conditioned",
                     names[system.solver], report.residual, report.iterations, system.tolerance);
    }
    wg_pool_drop(&tape->pool, block);
    return solved == WG_SOLVED;
}

bool wg_equation_solve(const wg_equation *equation, wg_trace *trace, wg_var r, bool transposed,
                       const double *b, double *z) {
    const int64_t n = wg_count(trace->inputs[0]);
    wg_jacobian j = {.trace = trace, .r = r, .transposed = transposed};
    const bool is_dense = equation->system.solver == WG_SOLVER_DENSE ||
                          (equation->system.solver == WG_SOLVER_AUTO && n <= 128);
    return is_dense ? solve_dense(equation, &j, n, transposed, b, z)
                    : solve_by_products(equation, &j, n, b, z);
}
