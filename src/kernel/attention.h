/* attention.h (internal): scaled dot-product attention by blocks of queries and keys, so that no
 * matrix of scores is ever whole: T. Dao, D. Fu, S. Ermon, A. Rudra, C. Ré, "FlashAttention", 2022;
 * M. Rabe, C. Staats, "Self-attention Does Not Need O(n²) Memory", 2021. f32 or f64. */
#ifndef WG_SRC_KERNEL_ATTENTION_H
#define WG_SRC_KERNEL_ATTENTION_H

#include "wengert/op.h"
#include "wengert/random.h"

/* Where the rows of an array lie: strides over the axes of which `heads` is the product (of keys
 * and values, the last of these has one index for a whole group) and from row to row. The elements
 * of a row lie one behind the other. */
typedef struct wg_attention_rows {
    int64_t lead[WG_MAX_RANK], row;
} wg_attention_rows;

/* q [heads, queries, depth], k [heads / group, keys, depth], v [heads / group, keys, width]. */
typedef struct wg_attention {
    wg_dtype dtype;
    int64_t heads, group, queries, keys, depth, width;
    double scale;
    bool causal;    /* query i sees keys 0 to i + offset */
    int64_t offset; /* >= 0 */
    double dropout; /* of probabilities, as wg_attention_left says */
    wg_key key;
    const void *mask; /* added to the scaled products, of q's type; NULL for none */
    int lead;         /* how many axes make the heads */
    int64_t lead_shape[WG_MAX_RANK];
    wg_attention_rows q, k, v, out, g; /* g: of the result's gradient */
    /* Of the mask; 0 where it is broadcast. */
    int64_t lead_stride[WG_MAX_RANK], mask_row, mask_column;
} wg_attention;

/* What is kept of each query: the greatest score (in units of log 2) and one over the sum of the
 * exponentials: 0 and 0 where the mask lets nothing through. */
#define WG_ATTENTION_KEPT 2

/* Bytes of scratch for the two functions below. */
size_t wg_attention_forward_scratch(const wg_attention *a);
size_t wg_attention_chain_scratch(const wg_attention *a);

/* out [heads, queries, width], in rows as a->out says, = softmax(scale q kᵀ + mask) v; rows that
 * see no key are zero. `kept` [heads, queries, WG_ATTENTION_KEPT], of q's type. False where memory
 * ran out. */
bool wg_kernel_attention(const wg_attention *a, const void *q, const void *k, const void *v,
                         void *out, void *kept, void *scratch);

/* Where gradients go: NULL where none is wanted; added to what is there where `add` says so. */
typedef struct wg_attention_places {
    void *q, *k, *v;
    bool add_q, add_k, add_v;
    wg_attention_rows rows_q, rows_k, rows_v;
} wg_attention_places;

bool wg_kernel_attention_chain(const wg_attention *a, const void *q, const void *k, const void *v,
                               const void *out, const void *kept, const void *g,
                               const wg_attention_places *to, void *scratch);

/* What dropout leaves of the probabilities of queries from `query` on (a multiple of
 * WG_LEFT_QUERIES) with keys from `first` on (of WG_LEFT_KEYS): `to`, [WG_LEFT_QUERIES,
 * WG_LEFT_KEYS], is 0 or 1 / (1 - dropout). */
#define WG_LEFT_QUERIES 4
#define WG_LEFT_KEYS 64
void wg_attention_left(const wg_attention *a, int64_t head, int64_t query, int64_t first, void *to);

#endif
