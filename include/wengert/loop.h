/* loop.h: recorded functions as steps on a tape: called, applied to rows, repeated in a loop.
 *
 * A step is one entry of the tape, whatever the function holds: the tape keeps what went in, and
 * the backward sweep computes the rest again.
 *
 *     wg_var y[2];
 *     (void)wg_function_call(fn, x, y);                     // scalars x[n] to scalars y[2]
 *     wg_var rows = wg_function_apply(fn, points);          // [..., n] to [..., m]
 *     wg_var end = wg_checkpointed_loop(rk4, 1000000, state, parameters, (wg_loop_options){0});
 *
 * All of it can be differentiated to any order. The tape keeps a pointer to the function, and its
 * sweeps run it: free or reset the tape first, then the function. Branches are followed as they
 * were recorded (wg_function_recheck). Derivatives are reverse ones, but for those of a loop beyond
 * the first, which run tangents forward and can give NaN at singular points (function.h). Failures
 * stay on the tape. */
#ifndef WENGERT_LOOP_H
#define WENGERT_LOOP_H

#include "wengert/function.h"

#ifdef __cplusplus
extern "C" {
#endif

/* y[0..m) = fn(x[0..n)): x are numbers and scalars of one tape (arrays without axes count as
 * such); y become scalars of it, or numbers where no x is on a tape or nothing is recorded. In f64.
 * Within a body that is being recorded (wg_function_record) it cannot be used: y are elements of an
 * array. Errors: ARGUMENT for a NULL, SHAPE for an array, MEMORY; y are poisoned then (NaN where
 * there is no tape). Returns the tape's status. */
WG_API wg_status wg_function_call_at(const wg_function *fn, const wg_var *x, wg_var *y,
                                     const char *site);
#define wg_function_call(fn, x, y) wg_function_call_at(fn, x, y, WG_HERE)

/* fn of every row of x [..., n], f32 or f64: [..., m] of the same dtype (integers become f64). Rows
 * run in blocks, shared among threads; no result depends on their number. Errors: SHAPE for another
 * last axis, ARGUMENT for a NULL or where x is on no tape, MEMORY. The result is poisoned then. */
WG_API wg_var wg_function_apply_at(const wg_function *fn, wg_var x, const char *site);
#define wg_function_apply(fn, x) wg_function_apply_at(fn, x, WG_HERE)

typedef struct wg_loop_options {
    size_t memory; /* bytes that a backward sweep may spend on states; 0 means 16 MiB (2^24) */
    bool counted;  /* the step's last input is the step's number: 0, 1, 2 … */
} wg_loop_options;

/* step(…step(step(state))…), `steps` times: the state [n], f64, after the last step.
 *
 * `step` maps n + p inputs, the state and then the parameters (then the step's number, if counted),
 * to n outputs, the next state. parameters: [p], f64; a number or a scalar where p is 1; a number,
 * which counts for nothing, where p is 0. `steps` 0 gives the state as it is.
 *
 * The tape keeps the start alone. A backward sweep runs the loop again and keeps as many states as
 * options.memory has room for, at least one beside the start. Where that is too few for all, it
 * repeats steps, by the schedule that repeats the fewest: A. Griewank, A. Walther, "Algorithm 799:
 * revolve", ACM Transactions on Mathematical Software 26(1), 2000. With room for c states, the
 * start counted, N steps of which each runs forward at most r times need (c + r choose c) ≥ N, so
 * that 1000 states serve 500,000 steps for two forward runs. Results do not depend on the memory,
 * bit for bit.
 *
 * Second and higher derivatives are loops of the same kind, over the step and its tangent. As of
 * any array, the result's elements are to be read before wg_backward, or wg_keep(result) holds
 * them.
 *
 * Errors: ARGUMENT for a NULL, a negative number of steps, or operands that are on no tape, LIMIT
 * for more than 2^40, SHAPE where step, state and parameters do not fit, DTYPE for anything but
 * f64, MEMORY (in the sweep too). */
WG_API wg_var wg_checkpointed_loop_at(const wg_function *step, int64_t steps, wg_var state,
                                      wg_var parameters, wg_loop_options options, const char *site);
/* The options come last: a compound literal may stand there. */
#define wg_checkpointed_loop(step, steps, state, parameters, ...)                                  \
    wg_checkpointed_loop_at(step, steps, state, wg_lift(parameters), __VA_ARGS__, WG_HERE)

#ifdef __cplusplus
}
#endif

#endif
