/* check.h: gradients against finite differences: of an operation, of a user's function. */
#ifndef WENGERT_CHECK_H
#define WENGERT_CHECK_H

#include "wengert/array.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wg_check_report {
    int64_t compared;  /* how many numbers were compared */
    double worst;      /* the greatest error relative to max(1, |expected|) */
    char message[384]; /* where the worst stands: sample, variant, operand, element, both numbers */
} wg_check_report;

/* Tries an operation on all of its samples: contiguous, with strided and reversed operands, with
 * tape scalars for rank 0, in f32 against f64. Compares the gradient of wg_backward, the gradient
 * of wg_grad, and the gradient of the gradient with five-point finite differences in f64. Integer
 * results are run alone. ERROR_CHECK where an error exceeds the sample's tolerance (the report and
 * wg_last_message say where); the tape's status where a run failed. `report` may be NULL. */
WG_API wg_status wg_check_op(const wg_op *op, wg_check_report *report);

/* A user's function of n inputs: scalars where an input's rank is 0, else arrays. The result has
 * one element. */
typedef wg_var (*wg_check_function)(wg_tape *tape, const wg_var *xs, int n, void *context);

typedef struct wg_check_options {
    double step;      /* of the differences, relative to max(1, |x|); 0 means 1e-3 */
    double tolerance; /* 0 means 1e-6 */
    bool second;      /* compare the gradient of a random direction's derivative too */
} wg_check_options;

/* Compares the tape's gradient of `function` at the given point with five-point finite differences.
 * Inputs are f64 (contiguous or not). ERROR_CHECK where they differ by more than the tolerance:
 * report->message names the worst element. */
WG_API wg_status wg_check_gradient(wg_check_function function, void *context, int n,
                                   const wg_view *inputs, wg_check_options options,
                                   wg_check_report *report);

#ifdef __cplusplus
}
#endif

#endif
