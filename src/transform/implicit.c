/* implicit.c: a variable that solves an equation, and the linear systems of its derivatives, as
 * operations.
 *
 * x with F(x, θ) = 0 gives θ̄ = -(∂F/∂θ)ᵀλ with λ = J⁻ᵀx̄, J = ∂F/∂x. λ is an operation of x, θ and
 * x̄: z = M⁻¹b, where M is J or its transpose. Of z, with w = M⁻ᵀz̄, which is again of that kind: b̄ =
 * w, and x and θ get the gradient of -wᵀMz, that is of -qᵀ(Jᵀp) with p = z, q = w for M = Jᵀ and p
 * = w, q = z for M = J; and Jᵀp is a vector-Jacobian product of F. So derivatives go to any order.
 */
#include "transform/implicit.h"

#include "op/define.h"
#include "transform/rerun.h"

#include <math.h>
#include <string.h>

bool wg_equation_begin(const wg_equation *equation, wg_trace *trace, wg_tape *tape,
                       const wg_var *xs, wg_inputs inputs, unsigned flags, const char *site,
                       wg_var *r) {
    flags |= equation->is_scalar ? WG_TRACE_FIRST_SCALAR : 0;
    return wg_trace_begin(trace, tape, equation->closure, xs, inputs, flags, equation->name,
                          site) &&
           wg_equation_residual(equation, trace, r);
}

/* ---- Chain rules -------------------------------------------------------------------------------
 */

/* A function to be swept: F itself, or the product Jᵀp. */
typedef struct wg_swept {
    const wg_equation *equation;
    const wg_var *p; /* NULL for F */
} wg_swept;

static bool run_swept(wg_call *call, wg_trace *trace, const void *context, wg_var *y) {
    const wg_swept *swept = context;
    wg_var r;
    if (!wg_equation_residual(swept->equation, trace, &r)) {
        return false;
    }
    if (swept->p == NULL) {
        *y = r;
        return true;
    }
    const wg_pullback pullback = {.m = 1,
                                  .ys = &r,
                                  .seeds = swept->p,
                                  .n = 1,
                                  .xs = trace->inputs,
                                  .out = y,
                                  .floor = trace->floor,
                                  .name = swept->equation->name};
    return wg_pull_back(call->tape, &pullback) == WG_OK;
}

/* Gives operands first, first + 1 … what seed·dy says. */
static void give(wg_call *call, const wg_equation *equation, const wg_var *xs, int first,
                 const wg_var *p, wg_var seed) {
    const wg_swept swept = {equation, p};
    const wg_rerun rerun = {.closure = equation->closure,
                            .xs = xs,
                            .first = first,
                            .captured = equation->captured,
                            .flags = (p != NULL ? WG_TRACE_FIRST_WANTS : 0u) |
                                     (equation->is_scalar ? WG_TRACE_FIRST_SCALAR : 0u),
                            .name = equation->name,
                            .run = run_swept,
                            .context = &swept};
    wg_rerun_chain(call, &rerun, seed);
}

/* Operands: the values, then the θ and what F captures. */
static void root_chain(wg_call *call, wg_var g) {
    wg_equation equation = *(const wg_equation *)wg_call_state(call);
    const size_t n = (size_t)equation.closure.n;
    wg_block *block = wg_pool_take(&call->tape->pool, n * sizeof(wg_var));
    if (block == NULL) {
        (void)wg_call_fail(call, WG_ERROR_MEMORY, "no memory for %zu variables", n);
        return;
    }
    wg_var *const xs = wg_block_data(block);
    memcpy(xs, call->operands, n * sizeof *xs);
    xs[0] = wg_result(call);
    equation.transposed = true;
    const wg_var lambda =
        wg_equation_solution(call->tape, &equation, g, xs, call->operands + n, call->site);
    if (call->tape->status == WG_OK) {
        give(call, &equation, xs, 0, NULL, wg_neg(lambda));
    }
    wg_pool_drop(&call->tape->pool, block);
}

/* Operands: the values, b, x, then the θ and what F captures. */
static void implicit_solve_chain(wg_call *call, wg_var g) {
    wg_equation equation = *(const wg_equation *)wg_call_state(call);
    const wg_var z = wg_result(call), *const xs = call->operands + 2;
    const bool of_transpose = equation.transposed;
    equation.transposed = !of_transpose;
    const wg_var w =
        wg_equation_solution(call->tape, &equation, g, xs, xs + equation.closure.n, call->site);
    if (call->tape->status == WG_OK) {
        wg_give(call, 1, w);
        give(call, &equation, xs, 2, of_transpose ? &z : &w, wg_neg(of_transpose ? w : z));
    }
}

/* Samples cannot hold a function; tests make theirs. */
static bool root_samples(int index, wg_sample *sample) {
    (void)index, (void)sample;
    return false;
}
static bool implicit_solve_samples(int index, wg_sample *sample) {
    (void)index, (void)sample;
    return false;
}

#define root_shape wg_rerun_shape
#define implicit_solve_shape wg_rerun_shape
#define READS (WG_READS_RESULT | (WG_READS_OPERANDS & ~WG_READS_OPERAND(0)))

WG_DEFINE_OP(root, NULL, root_chain, READS, WG_OP_BF16)
WG_DEFINE_OP(implicit_solve, NULL, implicit_solve_chain, READS & ~WG_READS_OPERAND(1), WG_OP_BF16)

/* ---- Recording them ----------------------------------------------------------------------------
 */

/* The values of a linear system's solution, as a constant. */
static wg_var solved(wg_tape *tape, const wg_equation *equation, wg_var b, const wg_var *xs,
                     const char *site) {
    wg_trace trace;
    wg_var r, z = wg_poison(tape);
    wg_block *block = NULL;
    if (wg_equation_begin(equation, &trace, tape, xs, WG_INPUTS_CONSTANT,
                          WG_TRACE_SCOPED | WG_TRACE_FIRST_WANTS | WG_TRACE_REPEAT, site, &r)) {
        const int64_t n = wg_count(xs[0]);
        block = wg_pool_take(&tape->pool, 2 * (size_t)n * sizeof(double));
        if (block == NULL) {
            wg_tape_fail(tape, WG_ERROR_MEMORY, equation->name, site, "no memory for %lld numbers",
                         (long long)(2 * n));
        }
        double *const right = block != NULL ? wg_block_data(block) : NULL;
        if (block != NULL && wg_equation_read(tape, b, right, n) &&
            wg_equation_solve(equation, &trace, r, equation->transposed, right, right + n)) {
            z = wg_equation_constant(tape, equation->transposed ? r : xs[0], right + n);
        }
    }
    (void)wg_trace_end(&trace, &z, 1);
    wg_pool_drop(&tape->pool, block);
    return tape->status == WG_OK ? z : wg_poison(tape);
}

wg_var wg_equation_solution(wg_tape *tape, const wg_equation *equation, wg_var b, const wg_var *xs,
                            const wg_var *captures, const char *site) {
    const wg_var z = solved(tape, equation, b, xs, site);
    if (tape->status != WG_OK || !wg_tape_records(tape)) {
        return z;
    }
    const size_t n = (size_t)equation->closure.n;
    wg_block *block = wg_pool_take(&tape->pool, (1 + n) * sizeof b);
    if (block == NULL) {
        wg_tape_fail(tape, WG_ERROR_MEMORY, equation->name, site, "no memory to record it");
        return wg_poison(tape);
    }
    wg_var *const operands = wg_block_data(block);
    operands[0] = b;
    memcpy(operands + 1, xs, n * sizeof b);
    const wg_trace trace = {.tape = tape, .name = equation->name, .site = site};
    const wg_captures found = {.vars = (wg_var *)(uintptr_t)captures, .count = equation->captured};
    const wg_var result = wg_rerun_record(&trace, &wg_op_implicit_solve, z, 1 + (int)n, operands,
                                          &found, equation, sizeof *equation);
    wg_pool_drop(&tape->pool, block);
    return result;
}

/* Whether F is small enough at x. */
static bool is_met(wg_tape *tape, const wg_equation *equation, wg_var r, double tolerance,
                   const char *how, const char *site) {
    const int64_t n = wg_count(r);
    wg_block *block = wg_pool_take(&tape->pool, (size_t)n * sizeof(double));
    if (block == NULL) {
        wg_tape_fail(tape, WG_ERROR_MEMORY, equation->name, site, "no memory for %lld numbers",
                     (long long)n);
        return false;
    }
    double *const values = wg_block_data(block);
    if (wg_equation_read(tape, r, values, n)) {
        const double largest = wg_largest(n, values);
        if (!(largest <= tolerance)) {
            wg_tape_fail(tape, WG_ERROR_CONVERGENCE, equation->name, site,
                         "%s leaves a residual of %.3g, more than %.3g", how, largest, tolerance);
        }
    }
    wg_pool_drop(&tape->pool, block);
    return tape->status == WG_OK;
}

wg_var wg_equation_record(wg_tape *tape, wg_equation *equation, wg_var x, const wg_var *thetas,
                          double tolerance, const char *how, const char *site) {
    const int n = equation->closure.n;
    wg_block *block = wg_pool_take(&tape->pool, (size_t)n * sizeof x);
    if (block == NULL || tape->status != WG_OK) {
        wg_tape_fail(tape, WG_ERROR_MEMORY, equation->name, site, "no memory for %d variables", n);
        wg_pool_drop(&tape->pool, block);
        return wg_poison(tape);
    }
    wg_var *const xs = wg_block_data(block);
    wg_captures captures = {.count = 0};
    wg_trace trace;
    wg_var r;
    xs[0] = x;
    for (int i = 1; i < n; i++) {
        xs[i] = thetas[i - 1];
    }
    if (wg_equation_begin(equation, &trace, tape, xs, WG_INPUTS_CONSTANT,
                          WG_TRACE_SCOPED | WG_TRACE_FIRST_WANTS, site, &r) &&
        (tolerance < 0 || is_met(tape, equation, r, tolerance, how, site))) {
        (void)wg_captures_find(&trace, &captures);
    }
    const wg_status status = wg_trace_end(&trace, NULL, 0);
    wg_var result = x;
    if (status == WG_OK && wg_tape_records(tape)) {
        equation->captured = captures.count;
        result = wg_rerun_record(&trace, &wg_op_root, x, n - 1, thetas, &captures, equation,
                                 sizeof *equation);
    }
    wg_pool_drop(&tape->pool, captures.block);
    wg_pool_drop(&tape->pool, block);
    if (tape->status != WG_OK) {
        return wg_poison(tape);
    }
    return equation->is_scalar ? wg_at_at(result, 0, site) : result;
}
