/* implicit.h (internal): what roots, fixed points and their derivatives share. */
#ifndef WG_SRC_TRANSFORM_IMPLICIT_H
#define WG_SRC_TRANSFORM_IMPLICIT_H

#include "transform/linear.h"
#include "transform/trace.h"

/* An equation F(x, θ) = 0, as the operations keep it. */
typedef struct wg_equation {
    wg_closure closure; /* n: x and the θ; m: 1 */
    const char *name;   /* of the verb */
    bool is_fixed;      /* F is x - f(x, θ) */
    bool is_scalar;     /* the function gets x as a scalar */
    bool transposed;    /* of a linear system: with the transposed Jacobian */
    int captured;
    wg_linear_system system; /* without zeros that mean defaults */
} wg_equation;

/* F at the trace's inputs, in *r: of as many elements as x. */
bool wg_equation_residual(const wg_equation *equation, wg_trace *trace, wg_var *r);
/* Begins a trace at xs = {x, θ…}, and runs F. */
bool wg_equation_begin(const wg_equation *equation, wg_trace *trace, wg_tape *tape,
                       const wg_var *xs, wg_inputs inputs, unsigned flags, const char *site,
                       wg_var *r);
/* z = J⁻¹b or J⁻ᵀb with J = ∂F/∂x in a trace that has run F, all of x's count of elements. False,
 * and the tape has failed, where that cannot be. */
bool wg_equation_solve(const wg_equation *equation, wg_trace *trace, wg_var r, bool transposed,
                       const double *b, double *z);
/* J⁻¹b or J⁻ᵀb (equation->transposed) at xs, as a variable; captures as the equation says. */
wg_var wg_equation_solution(wg_tape *tape, const wg_equation *equation, wg_var b, const wg_var *xs,
                            const wg_var *captures, const char *site);
/* Of the constant `x` that solves the equation: the variable. Checks the residual against the
 * tolerance where that is not negative. */
wg_var wg_equation_record(wg_tape *tape, wg_equation *equation, wg_var x, const wg_var *thetas,
                          double tolerance, const char *how, const char *site);

/* Puts defaults for zeros; false where an option is negative or unknown. */
bool wg_system_defaults(wg_linear_system *system, bool is_f32);
/* Whether the arguments of a verb are in order; fails on the tape where not. */
bool wg_equation_checks(wg_tape *tape, const wg_equation *equation, wg_var x0, const wg_var *thetas,
                        bool good_options, const char *site);

/* Elements of a living variable, as doubles. */
bool wg_equation_read(wg_tape *tape, wg_var x, double *out, int64_t count);
/* A constant of x's shape and dtype (of rank 0 for a scalar) with these elements. */
wg_var wg_equation_constant(wg_tape *tape, wg_var like, const double *values);
/* The largest magnitude; NaN where one is. */
double wg_largest(int64_t n, const double *values);

#endif
