/* products.h (internal): two arrays with labelled axes, multiplied as one batched matmul. */
#ifndef WG_SRC_OP_PRODUCTS_H
#define WG_SRC_OP_PRODUCTS_H

#include "op/einsum.h"

/* An array, and the label of each of its axes. No label twice. */
typedef struct wg_labelled {
    wg_var x;
    wg_einsum_term term;
} wg_labelled;

/* The product of both, summed over the labels that both have and `kept` lacks; what only one has
 * must be kept. Sizes of labels in `size`. Axes: shared ones, a's, b's. A failure where the result
 * has more than 8 axes: on the tape, in the name of `name`. */
wg_labelled wg_multiply_labelled(const wg_labelled *a, const wg_labelled *b, uint64_t kept,
                                 const int64_t *size, const char *name, const char *site);

/* The array with its axes in the order of `to`, whose labels are its own. */
wg_var wg_order_labelled(const wg_labelled *a, const wg_einsum_term *to, const char *site);

/* Notes the failure on the first tape among the operands, and returns a poisoned handle; NaN, with
 * wg_last_message, where there is none. */
wg_var wg_products_fail(int n, const wg_var *operands, wg_status status, const char *name,
                        const char *site, const char *format, ...) WG_PRINTF(6, 7);

/* True, and a failure on the tape, where an operand cannot be used; *tape is theirs or NULL. */
bool wg_products_refused(int n, const wg_var *operands, const char *name, const char *site,
                         wg_tape **tape);

#endif
