/* implicit.h: variables defined by an equation: roots and fixed points, and their derivatives.
 *
 * A solver may take any path to x with F(x, θ) = 0; the derivative of x by θ does not depend on it.
 * By the implicit function theorem it is -(∂F/∂x)⁻¹ ∂F/∂θ, so a backward sweep solves one linear
 * system with the transposed Jacobian, λ = (∂F/∂x)⁻ᵀ x̄, and gives θ̄ = -(∂F/∂θ)ᵀ λ (A. Griewank,
 * A. Walther, "Evaluating Derivatives", 2nd ed., SIAM 2008, chapter 15; M. Blondel et al.,
 * "Efficient and modular implicit differentiation", NeurIPS 2022). What the solver did is not
 * recorded.
 *
 *     static void kepler(wg_tape *tape, const wg_var *xs, wg_var *ys, void *context) {
 *         ys[0] = wg_sub(wg_sub(xs[0], wg_mul(xs[1], wg_sin(xs[0]))), xs[2]);  // E - e·sin E - M
 *     }
 *     wg_var thetas[2] = {e, m};
 *     wg_var E = wg_root(tape, kepler, NULL, m, thetas, 2, (wg_root_options){0});
 */
#ifndef WENGERT_IMPLICIT_H
#define WENGERT_IMPLICIT_H

#include "wengert/transform.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How the linear systems of a derivative are solved. */
typedef enum wg_linear_solver {
    WG_SOLVER_AUTO,  /* dense up to 128 unknowns, GMRES beyond */
    WG_SOLVER_DENSE, /* the Jacobian row by row, a sweep each; LU with partial pivoting */
    WG_SOLVER_GMRES, /* products alone. Y. Saad, M. Schultz, SIAM J. Sci. Stat. Comput. 7, 1986 */
    WG_SOLVER_BICGSTAB, /* the same in the memory of 8 vectors. H. van der Vorst, same journal 13,
                           1992 */
    WG_SOLVER_CG        /* for a symmetric positive definite Jacobian (of a minimum), the cheapest.
                           M. Hestenes, E. Stiefel, J. Res. NBS 49, 1952 */
} wg_linear_solver;

typedef struct wg_linear_system {
    wg_linear_solver solver;
    double tolerance; /* of GMRES, BiCGStab, CG: the residual's norm relative to the right side's; 0
                         means 1e-12 (f64) or 1e-6 (f32) */
    int iterations;   /* of theirs, at most; 0 means 1000 */
    int restart;      /* GMRES begins anew after so many; 0 means 50 */
} wg_linear_system;

/* A solver of the user's own: improves *x, a constant (a number where x0 is none on a tape, or a
 * scalar), in place, until F(*x, thetas) is small enough, by whatever means: verbs (nothing is
 * recorded, and all but the last *x is given back), or plain C (wg_read, then wg_constant).
 * Anything but WG_OK fails the tape with wg_last_message. */
typedef wg_status (*wg_root_finder)(wg_tape *tape, wg_var *x, const wg_var *thetas, void *context);

typedef struct wg_root_options {
    wg_root_finder finder; /* NULL: Newton's method, its step halved while |F| does not fall */
    double tolerance; /* the largest element of |F| allowed; 0 means 1e-10 (f64) or 1e-5 (f32) */
    int iterations;   /* of Newton's method, at most; 0 means 50 */
    wg_linear_system system;
} wg_root_options;

/* x with F(x, thetas) = 0, near x0, as a variable that depends on thetas (not on x0). x has x0's
 * shape and dtype: a scalar where x0 is a scalar or a number. `residual` is called with n + 1
 * variables, x and then thetas, and makes one result of as many elements as x has. What else it
 * looks at (variables through its context, parameters) receives gradients, too.
 *
 * To any order: a derivative is an operation of the same kind. The sweeps run `residual` again, so
 * its context must outlive them. F must be differentiable at x, with a regular ∂F/∂x.
 *
 * Errors on the tape: CONVERGENCE (with the residual that was reached) where F stays above the
 * tolerance, or where an iterative solver of the sweep does; ARGUMENT for a singular Jacobian (in
 * the sweep, and in Newton's method), for NULL and negative options, and where x0 is no float;
 * SHAPE. */
WG_API wg_var wg_root_at(wg_tape *tape, wg_array_function residual, void *context, wg_var x0,
                         const wg_var *thetas, int n, wg_root_options options, const char *site);
/* The options come last: a compound literal may stand there. */
#define wg_root(tape, residual, context, x0, thetas, n, ...)                                       \
    wg_root_at(tape, residual, context, wg_lift(x0), thetas, n, __VA_ARGS__, WG_HERE)

typedef struct wg_fixed_point_options {
    double tolerance; /* of the largest element of |f(x) - x|, times max(1, the largest of |x|); 0
                         means 1e-10 (f64) or 1e-5 (f32) */
    int iterations;   /* at most; 0 means 1000 */
    int anderson;   /* mixes the last so many steps (at most 20); 0: the plain iteration. H. Walker,
                       P. Ni, "Anderson acceleration for fixed-point iterations", SIAM J. Numer. Anal.
                       49, 2011, the unconstrained form */
    double damping; /* x + damping·(f(x) - x) instead of f(x); 0 means 1 */
    wg_linear_system system; /* with the matrix 1 - ∂f/∂x */
} wg_fixed_point_options;

/* x = f(x, thetas), by iterating from x0, as a variable that depends on thetas: a root of x - f(x,
 * thetas), and else as wg_root. f's result has x's shape. The memory that training needs does not
 * grow with the number of iterations (S. Bai, J. Kolter, V. Koltun, "Deep equilibrium models",
 * NeurIPS 2019). Errors as of wg_root: CONVERGENCE says how far x still moves. */
WG_API wg_var wg_fixed_point_at(wg_tape *tape, wg_array_function f, void *context, wg_var x0,
                                const wg_var *thetas, int n, wg_fixed_point_options options,
                                const char *site);
#define wg_fixed_point(tape, f, context, x0, thetas, n, ...)                                       \
    wg_fixed_point_at(tape, f, context, wg_lift(x0), thetas, n, __VA_ARGS__, WG_HERE)

#ifdef __cplusplus
}
#endif

#endif
