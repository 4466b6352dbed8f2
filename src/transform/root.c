/* root.c: roots: the user's solver, or Newton's method. */
#include "transform/implicit.h"

#include <math.h>
#include <string.h>

/* x while it is being found: its elements, and what it is like. */
typedef struct wg_search {
    wg_tape *tape;
    const wg_equation *equation;
    wg_var like; /* a constant of x's shape and dtype */
    const wg_var *thetas;
    const char *site;
    int64_t n;
    double *x, *f, *step, *trial; /* n each */
} wg_search;

static wg_var fail(wg_tape *tape, wg_status status, const char *name, const char *site,
                   const char *text) {
    wg_tape_fail(tape, status, name, site, "%s", text);
    return wg_poison(tape);
}

/* Traces take all of x and θ in one table. */
static wg_block *table_of(const wg_search *s, const double *x) {
    const int n = s->equation->closure.n;
    wg_block *block = wg_pool_take(&s->tape->pool, (size_t)n * sizeof(wg_var));
    if (block == NULL) {
        (void)fail(s->tape, WG_ERROR_MEMORY, s->equation->name, s->site, "no memory for x");
        return NULL;
    }
    wg_var *const xs = wg_block_data(block);
    xs[0] = wg_equation_constant(s->tape, s->like, x);
    for (int i = 1; i < n; i++) {
        xs[i] = s->thetas[i - 1];
    }
    return block;
}

/* f = F(x); and, if `step` is asked for, J⁻¹F. */
static bool evaluate(const wg_search *s, const double *x, double *f, double *step) {
    wg_tape *tape = s->tape;
    const wg_scope_mark mark = wg_scope_begin(tape);
    if (tape->status != WG_OK) {
        return false;
    }
    wg_block *block = table_of(s, x);
    wg_trace trace;
    wg_var r;
    if (block != NULL) {
        if (wg_equation_begin(s->equation, &trace, tape, wg_block_data(block), WG_INPUTS_CONSTANT,
                              WG_TRACE_SCOPED | WG_TRACE_FIRST_WANTS, s->site, &r) &&
            wg_equation_read(tape, r, f, s->n) && step != NULL) {
            (void)wg_equation_solve(s->equation, &trace, r, false, f, step);
        }
        (void)wg_trace_end(&trace, NULL, 0);
    }
    wg_pool_drop(&tape->pool, block);
    return wg_scope_end(tape, mark, NULL, 0) == WG_OK;
}

/* x - c·step for c = 1, ½, ¼ … until F is smaller there; the last where it never is. */
static bool move(const wg_search *s, double before, double *after) {
    double c = 1;
    for (int halving = 0; halving < 12; halving++, c /= 2) {
        for (int64_t i = 0; i < s->n; i++) {
            s->trial[i] = s->x[i] - c * s->step[i];
        }
        if (!evaluate(s, s->trial, s->f, NULL)) {
            return false;
        }
        *after = wg_largest(s->n, s->f);
        if (*after < before) {
            break;
        }
    }
    memcpy(s->x, s->trial, (size_t)s->n * sizeof *s->x);
    return true;
}

static bool newton(const wg_search *s, double tolerance, int iterations) {
    if (!evaluate(s, s->x, s->f, NULL)) {
        return false;
    }
    double residual = wg_largest(s->n, s->f);
    int k = 0;
    for (; k < iterations && residual > tolerance; k++) {
        if (!evaluate(s, s->x, s->f, s->step) || !move(s, residual, &residual)) {
            return false;
        }
    }
    if (!(residual <= tolerance)) {
        wg_tape_fail(s->tape, WG_ERROR_CONVERGENCE, s->equation->name, s->site,
                     "Newton's method leaves a residual of %.3g after %d iterations, more than "
                     "%.3g",
                     residual, k, tolerance);
    }
    return s->tape->status == WG_OK;
}

/* The user's solver, of which only the last x stays. */
static bool find(const wg_search *s, wg_root_finder finder, void *context) {
    wg_tape *tape = s->tape;
    const wg_equation *e = s->equation;
    const wg_scope_mark mark = wg_scope_begin(tape);
    if (tape->status != WG_OK) {
        return false;
    }
    wg_no_grad_begin(tape);
    wg_var x = e->is_scalar ? wg_number(s->x[0]) : wg_equation_constant(tape, s->like, s->x);
    const wg_status status =
        tape->status == WG_OK ? finder(tape, &x, s->thetas, context) : tape->status;
    if (status != WG_OK && tape->status == WG_OK) {
        wg_tape_fail(tape, status, e->name, s->site, "the solver failed: %s", wg_last_message());
    }
    if (tape->status == WG_OK && !wg_var_refused(tape, x, 0, e->name, s->site)) {
        const wg_view have = wg_view_of(x), want = wg_view_of(s->like);
        if (!wg_shape_equal(have.rank, have.shape, want.rank, want.shape)) {
            char text[192], other[192];
            wg_tape_fail(tape, WG_ERROR_SHAPE, e->name, s->site,
                         "the solver makes x of shape %s, not %s",
                         wg_shape_text(have.rank, have.shape, text, sizeof text),
                         wg_shape_text(want.rank, want.shape, other, sizeof other));
        } else {
            (void)wg_equation_read(tape, x, s->x, s->n);
        }
    }
    wg_no_grad_end(tape);
    return wg_scope_end(tape, mark, NULL, 0) == WG_OK;
}

/* ---- The verb -----------------------------------------------------------------------------------
 */

bool wg_system_defaults(wg_linear_system *system, bool is_f32) {
    const bool good = system->tolerance >= 0 && system->iterations >= 0 && system->restart >= 0 &&
                      (int)system->solver >= 0 && system->solver <= WG_SOLVER_CG;
    system->tolerance = system->tolerance > 0 ? system->tolerance : is_f32 ? 1e-6 : 1e-12;
    return good;
}

bool wg_equation_checks(wg_tape *tape, const wg_equation *equation, wg_var x0, const wg_var *thetas,
                        bool good_options, const char *site) {
    const int n = equation->closure.n - 1;
    if (tape->status != WG_OK || wg_var_refused(tape, x0, 0, equation->name, site)) {
        return false;
    }
    for (int i = 0; i < n; i++) {
        if (wg_var_refused(tape, thetas[i], 1 + i, equation->name, site)) {
            return false;
        }
    }
    const wg_dtype dtype = wg_view_of(x0).dtype;
    const char *wrong = equation->closure.function == NULL   ? "the function is NULL"
                        : n < 0                              ? "a negative number of variables"
                        : !good_options                      ? "an option is negative, or unknown"
                        : dtype != WG_F32 && dtype != WG_F64 ? "x is no array of f32 or f64"
                                                             : NULL;
    if (wrong != NULL) {
        wg_tape_fail(tape, WG_ERROR_ARGUMENT, equation->name, site, "%s", wrong);
    }
    return wrong == NULL;
}

wg_var wg_root_at(wg_tape *tape, wg_array_function residual, void *context, wg_var x0,
                  const wg_var *thetas, int n, wg_root_options options, const char *site) {
    wg_equation equation;
    memset(&equation, 0, sizeof equation);
    equation.closure = (wg_closure){residual, context, n + 1, 1};
    equation.name = "root";
    equation.is_scalar = !wg_is_array(x0);
    equation.system = options.system;
    const bool is_f32 = wg_view_of(x0).dtype == WG_F32;
    const bool good = wg_system_defaults(&equation.system, is_f32) && options.tolerance >= 0 &&
                      options.iterations >= 0;
    if (!wg_equation_checks(tape, &equation, x0, thetas, good, site)) {
        return wg_poison(tape);
    }
    const double tolerance = options.tolerance > 0 ? options.tolerance : is_f32 ? 1e-5 : 1e-10;
    const int64_t count = wg_count(x0);
    wg_block *block = wg_pool_take(&tape->pool, 4 * (size_t)count * sizeof(double));
    if (block == NULL) {
        return fail(tape, WG_ERROR_MEMORY, "root", site, "no memory for x");
    }
    double *const numbers = wg_block_data(block);
    wg_search s = {.tape = tape,
                   .equation = &equation,
                   .like = x0,
                   .thetas = thetas,
                   .site = site,
                   .n = count,
                   .x = numbers,
                   .f = numbers + count,
                   .step = numbers + 2 * count,
                   .trial = numbers + 3 * count};
    wg_var x = wg_poison(tape);
    if (wg_equation_read(tape, x0, s.x, count) &&
        (options.finder != NULL
             ? find(&s, options.finder, context)
             : newton(&s, tolerance, options.iterations > 0 ? options.iterations : 50))) {
        x = wg_equation_constant(tape, x0, s.x);
    }
    wg_pool_drop(&tape->pool, block);
    return tape->status == WG_OK
               ? wg_equation_record(tape, &equation, x, thetas,
                                    options.finder != NULL ? tolerance : -1, "the solver", site)
               : wg_poison(tape);
}
