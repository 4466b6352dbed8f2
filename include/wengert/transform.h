/* transform.h: derivatives of C functions of arrays, checkpoints, and what may be done to gradients
 * on their way.
 *
 *     static void f(wg_tape *tape, const wg_var *xs, wg_var *ys, void *context) {
 *         ys[0] = wg_matmul(xs[0], wg_tanh(xs[1]));
 *     }
 *     wg_var jacobian[2];
 *     (void)wg_jacobian(tape, f, NULL, xs, 2, 1, jacobian);   // dys[0]/dxs[0], dys[0]/dxs[1]
 *
 * These run any function of arrays and scalars, once for each call, on a tape. Functions that are
 * recorded once and run often are in function.h; their derivatives are called wg_function_… */
#ifndef WENGERT_TRANSFORM_H
#define WENGERT_TRANSFORM_H

#include "wengert/array.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A function of n variables (numbers, scalars, arrays) with m results. It fills ys with variables
 * of this tape or plain numbers; what fails in it stays on the tape, as ever. How many there are of
 * each, it knows. */
typedef void (*wg_array_function)(wg_tape *tape, const wg_var *xs, wg_var *ys, void *context);

/* ---- Derivatives of functions ----------------------------------------------------------------
 *
 * f runs at xs, and its derivatives with respect to each of them come out as variables of the same
 * tape, which can be differentiated again, to any order: by the xs, and by all else that f looks
 * at. The xs count as independent of each other, even where one was made of another; what f looks
 * at through its context counts as constant. An x may be a plain number or an array that wants no
 * gradient, too.
 *
 * Memory: all of it is recorded, f's inside and the sweeps, and stays until wg_backward, a scope's
 * end or wg_tape_reset. Between wg_no_grad_begin and wg_no_grad_end the derivatives come as plain
 * values (scalars as numbers), and everything else is given back before the call returns; so do
 * that, or open a scope (wg_scope_begin), where they are not to be differentiated further.
 *
 * f must not call wg_backward; wg_grad and the calls below it may. A derivative has its variable's
 * shape and dtype; one that is zero all over is a plain 0 for a scalar and zeros for an array, as
 * of wg_grad. All return the tape's status, and fill what they were to fill with poisoned handles
 * where they fail: HANDLE for a stale or foreign variable, SHAPE where a seed does not fit, MEMORY,
 * ARGUMENT where f is NULL, and whatever f's operations report. */

/* *y = f(xs), of one element; gradients[i] = dy/dxs[i]. */
WG_API wg_status wg_value_and_grad_at(wg_tape *tape, wg_array_function f, void *context,
                                      const wg_var *xs, int n, wg_var *y, wg_var *gradients,
                                      const char *site);
#define wg_value_and_grad(tape, f, context, xs, n, y, gradients)                                   \
    wg_value_and_grad_at(tape, f, context, xs, n, y, gradients, WG_HERE)

/* Vector-Jacobian products: ys[j] = f(xs)[j], and gradients[i] = Σ over j of
 * seeds[j]·dys[j]/dxs[i]. Seeds have their result's shape, or broadcast to it. */
WG_API wg_status wg_vjp_at(wg_tape *tape, wg_array_function f, void *context, const wg_var *xs,
                           int n, const wg_var *seeds, wg_var *ys, int m, wg_var *gradients,
                           const char *site);
#define wg_vjp(tape, f, context, xs, n, seeds, ys, m, gradients)                                   \
    wg_vjp_at(tape, f, context, xs, n, seeds, ys, m, gradients, WG_HERE)

/* Jacobian-vector products, forward mode: tangents[j] = Σ over i of dys[j]/dxs[i]·directions[i].
 * Computed as the transpose of the transpose: the vector-Jacobian product is linear in its seed,
 * and its own gradient by the seed is this. Directions have their variable's shape, or broadcast to
 * it. Costs about two sweeps, whatever n and m are. */
WG_API wg_status wg_jvp_at(wg_tape *tape, wg_array_function f, void *context, const wg_var *xs,
                           int n, const wg_var *directions, wg_var *ys, int m, wg_var *tangents,
                           const char *site);
#define wg_jvp(tape, f, context, xs, n, directions, ys, m, tangents)                               \
    wg_jvp_at(tape, f, context, xs, n, directions, ys, m, tangents, WG_HERE)

/* Hessian-vector products of an f with one result of one element: *y, gradients[i] = dy/dxs[i], and
 * products[i] = Σ over k of d²y/dxs[i]dxs[k]·directions[k]. Costs two sweeps. */
WG_API wg_status wg_hvp_at(wg_tape *tape, wg_array_function f, void *context, const wg_var *xs,
                           int n, const wg_var *directions, wg_var *y, wg_var *gradients,
                           wg_var *products, const char *site);
#define wg_hvp(tape, f, context, xs, n, directions, y, gradients, products)                        \
    wg_hvp_at(tape, f, context, xs, n, directions, y, gradients, products, WG_HERE)

/* Dense Jacobians of an f with m results: jacobians[j·n + i] = dys[j]/dxs[i], of the shape of ys[j]
 * followed by that of xs[i], in the dtype of xs[i] (scalars: f64; bf16: f32). By rows (a
 * vector-Jacobian product for each element of ys) or by columns (a Jacobian-vector product for each
 * of xs), whichever are fewer. ERROR_LIMIT where both shapes have more than 8 axes together. */
WG_API wg_status wg_jacobian_at(wg_tape *tape, wg_array_function f, void *context, const wg_var *xs,
                                int n, int m, wg_var *jacobians, const char *site);
#define wg_jacobian(tape, f, context, xs, n, m, jacobians)                                         \
    wg_jacobian_at(tape, f, context, xs, n, m, jacobians, WG_HERE)

/* The dense Hessian of an f with one result of one element: hessians[i·n + k] = d²y/dxs[i]dxs[k],
 * of the shape of xs[i] followed by that of xs[k]. A sweep for each element of the xs. */
WG_API wg_status wg_hessian_at(wg_tape *tape, wg_array_function f, void *context, const wg_var *xs,
                               int n, wg_var *hessians, const char *site);
#define wg_hessian(tape, f, context, xs, n, hessians)                                              \
    wg_hessian_at(tape, f, context, xs, n, hessians, WG_HERE)

/* ---- Checkpoints ------------------------------------------------------------------------------
 */

/* ys = f(xs), of which the tape keeps xs and ys alone: what f makes inside is given back at once,
 * and made again in the backward sweep, when it is needed, for the time of f's own sweep. So a
 * chain of k checkpoints, each of k layers, needs the memory of about 2k layers instead of k², for
 * one more forward run (A. Griewank, A. Walther, "Evaluating Derivatives", 2nd ed., SIAM 2008,
 * chapter 12; T. Chen, B. Xu, C. Zhang, C. Guestrin, "Training deep nets with sublinear memory
 * cost", arXiv 1604.06174, 2016). Checkpoints nest.
 *
 * f may look at other variables than xs, through its context: they become operands too, and get
 * their gradients; and so do parameters (wg_net) and arrays with gradient memory (wg_borrow) that
 * it fetches inside. wg_grad goes through a checkpoint to any order; where it records, what it
 * computes again stays on the tape.
 *
 * f must do the same when it runs again: its context has to outlive the sweep with what it points
 * to, and chance must be keyed (wg_dropout is). Other shapes, other values (told by a checksum), or
 * variables that it did not look at before are an error in the sweep (WG_ERROR_STATE). Arrays of
 * before whose values it takes out (wg_read, wg_value, wg_stop_gradient) need wg_keep. Running
 * statistics (wg_batch_norm_layer) follow the first run alone. f must not call wg_backward. Where
 * nothing is recorded, f just runs, and its inside is given back.
 *
 * A scalar result comes back as a scalar; several results, or a scalar, cost a copy. Returns the
 * tape's status; ys are poisoned where it fails. */
WG_API wg_status wg_checkpoint_at(wg_tape *tape, wg_array_function f, void *context,
                                  const wg_var *xs, int n, wg_var *ys, int m, const char *site);
#define wg_checkpoint(tape, f, context, xs, n, ys, m)                                              \
    wg_checkpoint_at(tape, f, context, xs, n, ys, m, WG_HERE)

/* ---- Gradients on their way -------------------------------------------------------------------
 */

/* x's value, through which no gradient flows: of an array a constant that shares its storage, of a
 * scalar a plain number (a look at it like wg_value's, for wg_function_record). */
WG_API wg_var wg_stop_gradient_at(wg_var x, const char *site);
#define wg_stop_gradient(x) wg_stop_gradient_at(wg_lift(x), WG_HERE)

/* What a hook is called with: the complete adjoint of its variable, of the variable's shape (a
 * scalar or a number for a scalar). It returns the adjoint that is to count instead, or the same.
 * In wg_backward the adjoint is a value alone; in wg_grad verbs on it are recorded, so that what
 * they do has derivatives. It must not sweep (wg_backward, wg_grad). */
typedef wg_var (*wg_hook_function)(wg_var gradient, void *context);

/* x itself, as a variable whose adjoint passes through `hook` before it reaches x: use the result
 * in x's place. The hook runs once for each sweep that reaches the variable, when everything made
 * of it has been swept, so in the reverse of the order in which variables were recorded; of hooks
 * on hooks the latest runs first. What is made of x directly goes by the hook. It is not called for
 * what wants no gradient. `context` must outlive the sweep. Tapes without hooks pay nothing.
 * Errors: ARGUMENT for NULL; in the sweep SHAPE for a gradient that is neither of the variable's
 * shape nor a number. */
WG_API wg_var wg_hook_at(wg_var x, wg_hook_function hook, void *context, const char *site);
#define wg_hook(x, hook, context) wg_hook_at(wg_lift(x), hook, context, WG_HERE)

/* x itself, whose adjoint is multiplied by `factor`: -1 reverses it (Y. Ganin, V. Lempitsky,
 * "Unsupervised domain adaptation by backpropagation", ICML 2015). A view. */
WG_API wg_var wg_scale_gradient_at(wg_var x, double factor, const char *site);
#define wg_scale_gradient(x, factor) wg_scale_gradient_at(wg_lift(x), factor, WG_HERE)

/* x itself, the elements of whose adjoint are cut to [low, high]. A view. ARGUMENT unless low ≤
 * high. */
WG_API wg_var wg_clip_gradient_at(wg_var x, double low, double high, const char *site);
#define wg_clip_gradient(x, low, high) wg_clip_gradient_at(wg_lift(x), low, high, WG_HERE)

/* x itself, whose adjoint is scaled down to the Euclidean norm `most` where it is longer. A view.
 * ARGUMENT unless most > 0. */
WG_API wg_var wg_clip_gradient_norm_at(wg_var x, double most, const char *site);
#define wg_clip_gradient_norm(x, most) wg_clip_gradient_norm_at(wg_lift(x), most, WG_HERE)

#ifdef __cplusplus
}
#endif

#endif
