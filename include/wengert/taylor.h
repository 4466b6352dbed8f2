/* taylor.h: recorded functions of power series: Taylor coefficients of any order, and of the
 * solutions of differential equations. */
#ifndef WENGERT_TAYLOR_H
#define WENGERT_TAYLOR_H

#include "wengert/function.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A series has order + 1 coefficients c₀ … c_order, the k-th that of tᵏ (the k-th derivative over
 * k!). Coefficients of one variable lie one behind the other: x is [count, n, order + 1]. */
typedef struct wg_taylor wg_taylor;

/* The series of the outputs, given those of the inputs. NULL on failure: ARGUMENT for an order out
 * of 0 … 100; STATE where a rule has no series (lgamma, digamma, polygamma: their derivatives never
 * close); MEMORY, LIMIT. The function may be freed before it.
 *
 * Arithmetic by the recurrences of power series, other rules by r′ = Σ ∂r/∂x·x′ with the rule's own
 * derivative (A. Griewank, A. Walther, "Evaluating Derivatives", 2nd ed., 2008, chapter 13): order²
 * operations for each of the function's. */
WG_API wg_taylor *wg_function_taylor(const wg_function *fn, int order);

/* The series of the solution of ẋ = f(x, p) from its start: the m outputs are the rates of the
 * first m inputs, the others stay as they are. */
WG_API wg_taylor *wg_function_taylor_solution(const wg_function *fn, int order);

/* NULL is allowed. */
WG_API void wg_taylor_free(wg_taylor *taylor);

/* At `count` points, f64. Of wg_function_taylor: x [count, n, order + 1], y [count, m, order + 1].
 * Of wg_function_taylor_solution: x [count, n] the start and the parameters, y [count, m, order +
 * 1]. */
WG_API wg_status wg_taylor_run(const wg_taylor *taylor, int64_t count, const double *x, double *y);

#ifdef __cplusplus
}
#endif

#endif
