/* norm.h (internal): what the normalising operations share. Their operands are x, weight and bias,
 * the latter two of rank 0 where one number serves all. */
#ifndef WG_SRC_OP_NORM_H
#define WG_SRC_OP_NORM_H

#include "kernel/norm.h"
#include "wengert/norm.h"

/* How x looks to the chain rule in verbs. */
typedef struct wg_norm_form {
    int64_t shape[4];        /* of x */
    wg_axes together;        /* what is normalised together; keeps them */
    int64_t weight_shape[4]; /* of weight and bias, to broadcast against x */
    wg_axes shared;          /* the axes that share a weight */
    bool centred;
    double eps;
} wg_norm_form;

/* Gives all three operands their part of g, in verbs. */
void wg_norm_rule(wg_call *call, wg_var g, const wg_norm_form *form);

/* In forward: `count` weights (operand i) one behind the other; NULL, and *ok false, where memory
 * ran out, and NULL where both weight and bias are the numbers 1 and 0. */
const void *wg_norm_weights(wg_call *call, int i, int64_t count, bool *ok);

/* In a chain: true where the fused kernel can run, with *x and *w as it wants them. */
bool wg_norm_fused(wg_call *call, wg_var g, int64_t count, wg_var *x, wg_var *w);

/* Where the three gradients go. */
wg_norm_places wg_norm_places_of(wg_call *call, wg_dtype dtype);

/* The weight and the bias are of `rank`, `shape`, or of rank 0; else a failure. */
wg_status wg_norm_check(wg_call *call, int rank, const int64_t *shape);

#endif
