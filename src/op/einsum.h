/* einsum.h (internal): subscripts of einsum as sets of labels, and the order of its products. */
#ifndef WG_SRC_OP_EINSUM_H
#define WG_SRC_OP_EINSUM_H

#include "wengert/einsum.h"

/* Labels: A to Z, a to z (in the order of their characters), and up to eight axes of "...", the
 * last of which is the last label. */
#define WG_LABELS 60
#define WG_ELLIPSIS_END WG_LABELS

typedef struct wg_einsum_term {
    int rank;
    int label[WG_MAX_RANK]; /* of each axis */
} wg_einsum_term;

typedef struct wg_einsum_parsed {
    int count;
    wg_einsum_term term[WG_EINSUM_OPERANDS], out;
    int64_t size[WG_LABELS];
} wg_einsum_parsed;

/* Where subscripts and shapes do not fit, the status, and why in `message`. */
wg_status wg_einsum_parse(const char *subscripts, int count, const wg_view *shapes,
                          wg_einsum_parsed *to, char *message, size_t bytes);

static inline uint64_t wg_einsum_set(const wg_einsum_term *term) {
    uint64_t set = 0;
    for (int i = 0; i < term->rank; i++) {
        set |= (uint64_t)1 << term->label[i];
    }
    return set;
}

/* The labels that each operand has left when the products begin: without those that it alone has
 * and the result lacks, which are summed first, and without axes of size 1 that broadcast. */
void wg_einsum_sets(const wg_einsum_parsed *parsed, const wg_view *shapes, uint64_t *set);

/* The order in which the operands, whose sets of labels these are, are multiplied: plan->step. */
void wg_einsum_order(const wg_einsum_parsed *parsed, const uint64_t *set, wg_einsum_plan *plan);

#endif
