/* function.h: recorded functions: a stretch of scalar tape, frozen into a program that is optimised
 * once and run at many points.
 *
 *     static void body(const wg_var *x, wg_var *y, void *context) {
 *         y[0] = wg_mul(wg_sin(x[0]), x[1]);
 *     }
 *     wg_function *fn = wg_function_record(body, NULL, 2, 1, NULL, wg_function_defaults());
 *     wg_function_gradient(fn, count, x, y, dydx);
 *
 * A function has `inputs` n and `outputs` m. Points are rows: x is [count, n], y [count, m]. All
 * arrays are contiguous in C order; results must not overlap what is read. Points are shared among
 * threads, and no result depends on their number; the last bits of sin, exp and their kin (and of
 * x·y + z in relaxed functions) may depend on whether a call has few points or many, and on the
 * processor. A function does not change once it is made: any number of threads may use it at the
 * same time.
 *
 * Derivatives are programs of their own, made when a call first asks for them (R. E. Wengert's
 * list, differentiated by source transformation: Griewank and Walther, "Evaluating Derivatives",
 * 2nd ed., chapters 3 and 6). Reverse modes (gradient, vjp, a Jacobian by rows) keep to the tape's
 * rule that a zero adjoint contributes zero, so a part that is not used contributes no NaN. Forward
 * modes (jvp, a Jacobian by columns, hvp and Hessian on top of the gradient) let tangents through
 * to where an infinite derivative meets a zero behind it, and can give NaN at singular points where
 * a reverse mode gives 0.
 *
 * Every call that returns a wg_status gives ERROR_ARGUMENT for a NULL that is not allowed, a
 * negative count, or a function that does not fit (a gradient of two outputs), ERROR_MEMORY where
 * memory ran out, and ERROR_LIMIT where a derived program has more than 2^31 terms; the results are
 * then undefined. wg_last_message says what happened. */
#ifndef WENGERT_FUNCTION_H
#define WENGERT_FUNCTION_H

#include "wengert/lift.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wg_function wg_function;

/* What is recorded: fills y [outputs] from x [inputs] with verbs. It may loop, call, and branch;
 * what it decides by wg_branch is remembered. An output that it leaves alone is NaN everywhere.
 * `context` is handed through. */
typedef void (*wg_function_body)(const wg_var *x, wg_var *y, void *context);

typedef struct wg_function_options {
    /* Off: values are those of the operations as recorded, bit for bit where the same functions
     * are used, and a zero adjoint contributes zero whatever the derivative. On: identities that
     * hold for real numbers but not always for floating-point ones are used (x − x = 0, 0·x = 0,
     * x·y + z rounded once, xⁿ by products), and derivatives count as finite: what hand-written
     * code assumes. Then √x² at 0 has the derivative 0·∞ = NaN, where off it is
     * 0, and products can overflow on the way (x⁻³ at 1e200). */
    bool relaxed;
} wg_function_options;
/* Not relaxed. */
WG_API wg_function_options wg_function_defaults(void);

/* ---- Making one ---------------------------------------------------------------------------- */

/* Runs `body` once, at the point at[0..inputs) (NULL: 0.5 everywhere), on a tape of its own, and
 * freezes what it recorded. The point matters only to branches and to what the body reads by
 * wg_value; a NaN or an infinity on the way does no harm. Free the function by wg_function_free.
 *
 * NULL on failure, with wg_last_message: ARGUMENT for no body, fewer than 0 inputs or fewer than 1
 * output; MEMORY; what failed on the tape; HANDLE where an output is no scalar or number (an array,
 * a variable of another tape); STATE where an output comes from something that is not recorded as
 * scalars (an element of a computed array); LIMIT for more than 2^31 terms. */
WG_API wg_function *wg_function_record(wg_function_body body, void *context, int inputs,
                                       int outputs, const double *at, wg_function_options options);

/* From variables that are on a tape already: y[0..outputs) as functions of x[0..inputs), which are
 * different scalars of one tape. Other variables, plain numbers and elements of leaf arrays are
 * frozen at their values. An x may be an intermediate: what it came from is left out then. Branches
 * count that were recorded behind the first x. The tape stays as it is. NULL on failure, as above;
 * HANDLE for stale or foreign variables. */
WG_API wg_function *wg_function_from(const wg_var *x, int inputs, const wg_var *y, int outputs,
                                     wg_function_options options);

/* NULL is allowed. What still refers to the function goes first: tapes on which it was called,
 * applied, looped or mapped (free or reset them), and wg_sparse made of it. */
WG_API void wg_function_free(wg_function *fn);

WG_API int wg_function_inputs(const wg_function *fn);
WG_API int wg_function_outputs(const wg_function *fn);

/* condition ≠ 0 as a C truth value, remembered on the tape: `if (wg_branch(wg_lt(x, 0)))` is a
 * branch that wg_function_recheck can check again at other points. A scalar or a number; NaN is
 * true, as in C; an array is an error on its tape (and false). */
WG_API bool wg_branch_at(wg_var condition, const char *site);
#define wg_branch(condition) wg_branch_at(wg_lift(condition), WG_HERE)

/* ---- Running it ---------------------------------------------------------------------------- */

/* y[p] = f(x[p]), as the record has it: where another branch would be taken, what it gives is that
 * of the branch recorded. */
WG_API wg_status wg_function_value(const wg_function *fn, int64_t count, const double *x,
                                   double *y);
/* Of a function of one output: its value y [count] (may be NULL) and dydx [count, n]. */
WG_API wg_status wg_function_gradient(const wg_function *fn, int64_t count, const double *x,
                                      double *y, double *dydx);
/* Σₖ w[p][k]·∂yₖ/∂x: the vector-Jacobian product; w [count, m], g [count, n]; y may be NULL. */
WG_API wg_status wg_function_vjp(const wg_function *fn, int64_t count, const double *x,
                                 const double *w, double *y, double *g);
/* Σⱼ v[p][j]·∂y/∂xⱼ: the Jacobian-vector product; v [count, n], dy [count, m]; y may be NULL. */
WG_API wg_status wg_function_jvp(const wg_function *fn, int64_t count, const double *x,
                                 const double *v, double *y, double *dy);
/* jacobian[p][k][j] = ∂yₖ/∂xⱼ, [count, m, n]; y may be NULL. By rows (reverse) or by columns
 * (forward), whichever are fewer. Dense: sparse.h gives the entries that can be nonzero alone. */
WG_API wg_status wg_function_jacobian(const wg_function *fn, int64_t count, const double *x,
                                      double *y, double *jacobian);
/* hessian[p][i][j] = Σₖ w[p][k]·∂²yₖ/∂xᵢ∂xⱼ, [count, n, n], symmetric; w NULL: all ones. */
WG_API wg_status wg_function_hessian(const wg_function *fn, int64_t count, const double *x,
                                     const double *w, double *hessian);
/* That Hessian times v [count, n]: hv [count, n]; w NULL: all ones. */
WG_API wg_status wg_function_hvp(const wg_function *fn, int64_t count, const double *x,
                                 const double *w, const double *v, double *hv);

/* The same in single precision: every operation, constants too. Compiled code (compile.h) is for
 * double precision alone. */
WG_API wg_status wg_function_value_f32(const wg_function *fn, int64_t count, const float *x,
                                       float *y);
WG_API wg_status wg_function_gradient_f32(const wg_function *fn, int64_t count, const float *x,
                                          float *y, float *dydx);
WG_API wg_status wg_function_vjp_f32(const wg_function *fn, int64_t count, const float *x,
                                     const float *w, float *y, float *g);
WG_API wg_status wg_function_jvp_f32(const wg_function *fn, int64_t count, const float *x,
                                     const float *v, float *y, float *dy);
WG_API wg_status wg_function_jacobian_f32(const wg_function *fn, int64_t count, const float *x,
                                          float *y, float *jacobian);
WG_API wg_status wg_function_hessian_f32(const wg_function *fn, int64_t count, const float *x,
                                         const float *w, float *hessian);
WG_API wg_status wg_function_hvp_f32(const wg_function *fn, int64_t count, const float *x,
                                     const float *w, const float *v, float *hv);

/* Whether the branches taken while recording would be taken at each point: holds[p] = 1 or 0 (may
 * be NULL). ERROR_STATE, with the number of points and the first of them in the message, where the
 * record does not hold for some; OK where it holds for all, or nothing steered it. What the body
 * decided by wg_value is not seen: wg_function_report says how often it looked. */
WG_API wg_status wg_function_recheck(const wg_function *fn, int64_t count, const double *x,
                                     uint8_t *holds);

/* ---- What became of it --------------------------------------------------------------------- */

/* All numbers are of one point. */
typedef struct wg_function_report {
    int64_t recorded;   /* operations that outputs and branches depend on, as on the tape */
    int64_t folded;     /* of these, computed once and for all: operands all constant */
    int64_t common;     /* said before */
    int64_t identities; /* x·1, −(−x), x/2 → x·½ and their kin */
    int64_t dead;       /* left over once others were simplified */
    int64_t operations; /* of the outputs, that remain; branches have a program of their own */
    int64_t fused;      /* of these, run together with another: x·y + z */
    int64_t slots;      /* values of one point that are alive at once */
    int64_t gradient_operations; /* of value and gradient (vector-Jacobian product) together */
    int64_t gradient_slots;
    int64_t branches;    /* decisions by wg_branch that steered the record */
    int64_t values_read; /* wg_value calls by the body: what it made of them cannot be checked */
} wg_function_report;

/* Fills *report; derives the gradient's program where no call has asked for it yet. */
WG_API wg_status wg_function_report_of(const wg_function *fn, wg_function_report *report);

#ifdef __cplusplus
}
#endif

#endif
