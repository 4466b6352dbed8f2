/* optimizer.h (internal): optimizer steps over flat buffers of f32 or f64. Each is one pass over
 * the memory, and no result depends on the number of threads or on the instruction set. */
#ifndef WG_SRC_KERNEL_OPTIMIZER_H
#define WG_SRC_KERNEL_OPTIMIZER_H

#include "wengert/base.h"

#include <stdbool.h>

/* The steps, one element at a time: weight w, gradient g, slots a, b, c in the rule's order.
 * First g += decay·w and w *= shrink (only where `decay` and `shrink` are named here).
 *
 *   sgd       w −= lr·(g + decay·w)
 *   momentum  g += decay·w; a = momentum·a + take·g; w −= lr·(own·g + carried·a)
 *   adam      g += decay·w; a += (1 − beta1)·(g − a); b = beta2·b + (1 − beta2)·g²;
 *             w = shrink·w − lr·a/(root·√b + epsilon)
 *   unadapted a and b as adam; w = shrink·w − lr·a
 *   amsgrad   the same as adam with c = max(c, b) below the root
 *   nadam     a and b as adam; w −= (own·g + carried·a)/(root·√b + epsilon)
 *   adamax    a as adam; b = max(beta2·b, |g| + epsilon); w −= lr·a/b
 *   rmsprop   g += decay·w; a = beta2·a + (1 − beta2)·g²; q = a, or where there is a slot c:
 *             c += (1 − beta2)·(g − c), q = a − c²; u = g/(√q + epsilon), or where there is a
 *             slot b: b = momentum·b + u, u = b; w −= lr·u
 *   adagrad   g += decay·w; a += g²; w −= lr·g/(√a + epsilon)
 *   adadelta  g += decay·w; a = beta2·a + (1 − beta2)·g²; u = √(b + epsilon)/√(a + epsilon)·g;
 *             b = beta2·b + (1 − beta2)·u²; w −= lr·u
 *   lion      w = shrink·w − lr·sign(beta1·a + (1 − beta1)·g); a = beta2·a + (1 − beta2)·g
 *   muon      a += (1 − momentum)·(g − a); w = shrink·w − lr·b */
#define WG_STEP_LOOPS(X, suffix)                                                                   \
    X(sgd, suffix)                                                                                 \
    X(momentum, suffix)                                                                            \
    X(adam, suffix)                                                                                \
    X(unadapted, suffix)                                                                           \
    X(amsgrad, suffix)                                                                             \
    X(nadam, suffix)                                                                               \
    X(adamax, suffix)                                                                              \
    X(rmsprop, suffix)                                                                             \
    X(adagrad, suffix)                                                                             \
    X(adadelta, suffix)                                                                            \
    X(lion, suffix)                                                                                \
    X(muon, suffix)

#define WG_STEP_ENUM(name, suffix) WG_STEP_##name,
typedef enum wg_step_loop {
    WG_STEP_LOOPS(WG_STEP_ENUM, ) WG_STEP_LOOP_COUNT
} wg_step_loop;
#undef WG_STEP_ENUM

/* What the formulas above name; what one does not name is not read. */
typedef struct wg_step_numbers {
    double lr, decay, shrink;
    double momentum, take, own, carried;
    double beta1, beta2, root, epsilon;
} wg_step_numbers;

enum {
    WG_STEP_SLOTS = 3
};

/* One step over n elements. */
void wg_kernel_step(wg_step_loop loop, wg_dtype dtype, int64_t n, const wg_step_numbers *numbers,
                    const void *gradient, void *weight, void *const slot[WG_STEP_SLOTS]);
/* The loop sgd of the gradient column [rows] · row [columns], to the same bits; columns > 0. */
void wg_kernel_sgd_outer(wg_dtype dtype, int64_t rows, int64_t columns,
                         const wg_step_numbers *numbers, const void *column, const void *row,
                         void *weight);
/* LAMB on one parameter: slots a and b as in adam, but of the plain g;
 * u = carried·a/(root·√b + epsilon) + decay·w; w −= lr·r·u, with r = ‖w‖/‖u‖, and 1 where either
 * norm is 0. */
void wg_kernel_lamb(wg_dtype dtype, int64_t n, const wg_step_numbers *numbers, const void *gradient,
                    void *weight, void *const slot[WG_STEP_SLOTS]);

#endif
