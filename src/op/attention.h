/* attention.h (internal): attention as an operation, and its chain rule in verbs. */
#ifndef WG_SRC_OP_ATTENTION_H
#define WG_SRC_OP_ATTENTION_H

#include "kernel/attention.h"

/* Operands: q, k, v, and what is added to the scaled products; of rank 0 where nothing is (a number
 * for all keys alike changes no softmax). Where they are packed all three are in q's place. */
enum {
    Q,
    K,
    KEYS_V,
    MASK
};

typedef struct attention_state {
    double scale;
    bool causal;
    bool length_first; /* [..., L, heads, D], not [..., heads, L, D] */
    int64_t offset;
    double dropout;
    wg_key key;
    int64_t packed; /* heads of keys in [..., L, heads + 2 packed, D]; 0: not packed */
} attention_state;

/* The shape of q, k or v as [..., heads, L, D], however it lies. */
wg_view wg_attention_part(const wg_call *call, int which);
/* All sizes, from the shapes alone: not where anything lies. */
wg_attention wg_attention_sizes(const wg_call *call);

/* A mask of u8 or a float as something to add to scores of that dtype. */
wg_var wg_additive_mask(wg_var mask, wg_dtype dtype, const char *site);

/* The chain rule in verbs, for sweeps that record themselves and for masks that want a gradient:
 * with all probabilities in memory. */
void wg_attention_rule(wg_call *call, wg_var g);

#endif
