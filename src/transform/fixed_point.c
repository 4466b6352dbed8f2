/* fixed_point.c: fixed points by iteration, plain or with Anderson acceleration. */
#include "transform/implicit.h"

#include <math.h>
#include <string.h>

#define MOST_MIXED 20

/* The last steps: differences of x and of g = f(x) - x, `depth` of each, used in turn. */
typedef struct wg_mixing {
    int depth, count;
    int64_t n;
    double damping;
    double *dx, *dg;         /* depth · n */
    double *last_x, *last_g; /* n each */
    double *matrix, *side;   /* depth² and depth */
    double *space;           /* to solve with them */
} wg_mixing;

static size_t space_of(int depth, int64_t n) {
    const size_t d = (size_t)depth;
    return 2 * d * (size_t)n + 2 * (size_t)n + d * d + d + wg_dense_space(depth);
}

static void lay_out(wg_mixing *m, int depth, int64_t n, double damping, double *space) {
    *m = (wg_mixing){.depth = depth, .n = n, .damping = damping, .dx = space};
    m->dg = m->dx + depth * n;
    m->last_x = m->dg + depth * n;
    m->last_g = m->last_x + n;
    m->matrix = m->last_g + n;
    m->side = m->matrix + depth * depth;
    m->space = m->side + depth;
}

static double dot(int64_t n, const double *a, const double *b) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

/* Weights γ that make |g - ΔG·γ| least, into m->side; false where the equations are singular. A
 * little on the diagonal keeps steps that nearly repeat each other from spoiling them. */
static bool weights(const wg_mixing *m, int used, const double *g) {
    double trace = 0;
    for (int a = 0; a < used; a++) {
        for (int b = 0; b <= a; b++) {
            const double product = dot(m->n, m->dg + a * m->n, m->dg + b * m->n);
            m->matrix[a * used + b] = m->matrix[b * used + a] = product;
        }
        trace += m->matrix[a * used + a];
        m->side[a] = dot(m->n, m->dg + a * m->n, g);
    }
    for (int a = 0; a < used; a++) {
        m->matrix[a * used + a] += 1e-14 * trace;
    }
    return isfinite(trace) && wg_dense_factor(used, m->matrix, m->space) == 0 &&
           wg_dense_solve(used, m->matrix, m->space, false, m->side);
}

/* The next x, in place, of x and g = f(x) - x. */
static void mix(wg_mixing *m, double *x, const double *g) {
    const int64_t n = m->n;
    if (m->depth > 0 && m->count > 0) {
        const int64_t at = (m->count - 1) % m->depth * n;
        for (int64_t i = 0; i < n; i++) {
            m->dx[at + i] = x[i] - m->last_x[i];
            m->dg[at + i] = g[i] - m->last_g[i];
        }
    }
    const int used = m->count < m->depth ? m->count : m->depth;
    if (m->depth > 0) {
        memcpy(m->last_x, x, (size_t)n * sizeof *x);
        memcpy(m->last_g, g, (size_t)n * sizeof *g);
        m->count++;
    }
    const bool mixes = used > 0 && weights(m, used, g);
    for (int64_t i = 0; i < n; i++) {
        double next = x[i] + m->damping * g[i];
        for (int a = 0; a < used && mixes; a++) {
            next -= m->side[a] * (m->dx[a * n + i] + m->damping * m->dg[a * n + i]);
        }
        x[i] = next;
    }
}

/* ---- Iterating ----------------------------------------------------------------------------------
 */

/* g = f(x) - x. */
static bool evaluate(wg_tape *tape, const wg_equation *equation, wg_var like, const wg_var *thetas,
                     wg_var *xs, const double *x, double *g, const char *site) {
    const int64_t n = wg_count(like);
    const wg_scope_mark mark = wg_scope_begin(tape);
    if (tape->status != WG_OK) {
        return false;
    }
    xs[0] = wg_equation_constant(tape, like, x);
    for (int i = 1; i < equation->closure.n; i++) {
        xs[i] = thetas[i - 1];
    }
    wg_trace trace;
    const unsigned flags = WG_TRACE_SCOPED | (equation->is_scalar ? WG_TRACE_FIRST_SCALAR : 0);
    if (wg_trace_begin(&trace, tape, equation->closure, xs, WG_INPUTS_CONSTANT, flags,
                       equation->name, site)) {
        wg_var r;
        wg_trace_values(&trace);
        if (wg_equation_residual(equation, &trace, &r)) {
            (void)wg_equation_read(tape, r, g, n);
        }
    }
    (void)wg_trace_end(&trace, NULL, 0);
    for (int64_t i = 0; i < n && tape->status == WG_OK; i++) {
        g[i] = -g[i];
    }
    return wg_scope_end(tape, mark, NULL, 0) == WG_OK;
}

static bool iterate(wg_tape *tape, const wg_equation *equation, wg_var like, const wg_var *thetas,
                    const wg_fixed_point_options *options, double *x, double *space,
                    const char *site) {
    const int64_t n = wg_count(like);
    double *const g = space;
    wg_var *const xs = (wg_var *)(void *)(space + n);
    wg_mixing mixing;
    lay_out(&mixing, options->anderson, n, options->damping,
            (double *)(void *)(xs + equation->closure.n));
    for (int k = 0;; k++) {
        if (!evaluate(tape, equation, like, thetas, xs, x, g, site)) {
            return false;
        }
        const double move = wg_largest(n, g), size = wg_largest(n, x);
        const double allowed = options->tolerance * (size > 1 ? size : 1);
        if (move <= allowed) {
            return true;
        }
        if (k >= options->iterations || !isfinite(move)) {
            wg_tape_fail(tape, WG_ERROR_CONVERGENCE, equation->name, site,
                         "x still moves by %.3g after %d iterations, more than %.3g", move, k,
                         allowed);
            return false;
        }
        mix(&mixing, x, g);
    }
}

wg_var wg_fixed_point_at(wg_tape *tape, wg_array_function f, void *context, wg_var x0,
                         const wg_var *thetas, int n, wg_fixed_point_options options,
                         const char *site) {
    wg_equation equation;
    memset(&equation, 0, sizeof equation);
    equation.closure = (wg_closure){f, context, n + 1, 1};
    equation.name = "fixed_point";
    equation.is_fixed = true;
    equation.is_scalar = !wg_is_array(x0);
    equation.system = options.system;
    const bool is_f32 = wg_view_of(x0).dtype == WG_F32;
    const bool good = wg_system_defaults(&equation.system, is_f32) && options.tolerance >= 0 &&
                      options.iterations >= 0 && options.anderson >= 0 &&
                      options.anderson <= MOST_MIXED && options.damping >= 0;
    if (!wg_equation_checks(tape, &equation, x0, thetas, good, site)) {
        return wg_poison(tape);
    }
    options.tolerance = options.tolerance > 0 ? options.tolerance : is_f32 ? 1e-5 : 1e-10;
    options.iterations = options.iterations > 0 ? options.iterations : 1000;
    options.damping = options.damping > 0 ? options.damping : 1;
    const int64_t count = wg_count(x0);
    const size_t numbers = 2 * (size_t)count + space_of(options.anderson, count);
    wg_block *block =
        wg_pool_take(&tape->pool, numbers * sizeof(double) + (size_t)(n + 1) * sizeof(wg_var));
    wg_var x = wg_poison(tape);
    if (block == NULL) {
        wg_tape_fail(tape, WG_ERROR_MEMORY, "fixed_point", site, "no memory for x");
        return x;
    }
    double *const values = wg_block_data(block);
    if (wg_equation_read(tape, x0, values, count) &&
        iterate(tape, &equation, x0, thetas, &options, values, values + count, site)) {
        x = wg_equation_constant(tape, x0, values);
    }
    wg_pool_drop(&tape->pool, block);
    return tape->status == WG_OK ? wg_equation_record(tape, &equation, x, thetas, -1, "", site) : x;
}
