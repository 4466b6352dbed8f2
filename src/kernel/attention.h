/* attention.h (internal): scaled dot-product attention by blocks of queries and keys, so that no
 * matrix of scores is ever whole: T. Dao, D. Fu, S. Ermon, A. Rudra, C. Ré, "FlashAttention", 2022;
 * M. Rabe, C. Staats, "Self-attention Does Not Need O(n²) Memory", 2021. f32 or f64. */
#ifndef WG_SRC_KERNEL_ATTENTION_H
#define WG_SRC_KERNEL_ATTENTION_H

#include "wengert/op.h"

/* q [heads, queries, depth], k [heads / group, keys, depth], v [heads / group, keys, width]. */
typedef struct wg_attention {
    wg_dtype dtype;
    int64_t heads, group, queries, keys, depth, width;
    double scale;
    bool causal;      /* query i sees keys 0 to i + offset */
    int64_t offset;   /* >= 0 */
    const void *mask; /* added to the scaled products, of q's type; NULL for none */
    /* Of the mask, over the axes of which `heads` is the product; 0 where it is broadcast. */
    int lead;
    int64_t lead_shape[WG_MAX_RANK], lead_stride[WG_MAX_RANK], mask_row, mask_column;
} wg_attention;

/* q, k, v or g: the numbers of a row lie side by side, rows and heads where the strides (in
 * elements, of the axes of which `heads` is the product) say: heads are mostly cut out of wider
 * rows, and a copy of each would cost more than the products with it. */
typedef struct wg_attention_rows {
    const void *data;
    int64_t row, stride[WG_MAX_RANK];
} wg_attention_rows;
wg_attention_rows wg_attention_rows_of(const wg_view *x);

/* What is kept of each query: the greatest score (in units of log 2) and one over the sum of the
 * exponentials: 0 and 0 where the mask lets nothing through. */
#define WG_ATTENTION_KEPT 2

/* Bytes of scratch for the two functions below. */
size_t wg_attention_forward_scratch(const wg_attention *a);
size_t wg_attention_chain_scratch(const wg_attention *a);

/* out [heads, queries, width] = softmax(scale q kᵀ + mask) v; rows that see no key are zero. `kept`
 * [heads, queries, WG_ATTENTION_KEPT], of q's type. False where memory ran out. */
bool wg_kernel_attention(const wg_attention *a, const wg_attention_rows *q,
                         const wg_attention_rows *k, const wg_attention_rows *v, void *out,
                         void *kept, void *scratch);

/* Where gradients go: NULL where none is wanted; added to what is there where `add` says so. */
typedef struct wg_attention_places {
    void *q, *k, *v;
    bool add_q, add_k, add_v;
} wg_attention_places;

bool wg_kernel_attention_chain(const wg_attention *a, const wg_attention_rows *q,
                               const wg_attention_rows *k, const wg_attention_rows *v,
                               const void *out, const void *kept, const wg_attention_rows *g,
                               const wg_attention_places *to, void *scratch);

#endif
