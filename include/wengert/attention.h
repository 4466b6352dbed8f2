/* attention.h: attention. */
#ifndef WENGERT_ATTENTION_H
#define WENGERT_ATTENTION_H

#include "wengert/array.h"
#include "wengert/random.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wg_attention_options {
    double scale;   /* 0 means 1/√D */
    bool causal;    /* query i sees keys 0 to i, also where L ≠ S (as PyTorch's is_causal) */
    int64_t offset; /* causal: keys 0 to i + offset, where the queries are not the first; >= 0 */
    /* q is [..., L, heads, D], k and v [..., S, heads, D], and the result [..., L, heads, Dv]: as
     * projections give and take them. */
    bool length_first;
    /* Broadcast against [..., heads, L, S]: u8, 1 where a key takes part; or f32 or f64, added to
     * the scaled products, minus infinity where it does not. A plain number: none. */
    wg_var mask;
    /* Of probabilities, 0 <= dropout < 1, as wg_dropout_keyed: what becomes of one depends on the
     * key, its place, and how many queries and keys there are. Drawn anew in the sweep. */
    double dropout;
    wg_key key;
} wg_attention_options;

/* softmax(scale·q kᵀ + mask)·v: q [..., L, D], k [..., S, D], v [..., S, Dv] give [..., L, Dv]. The
 * leading axes are equal, but the last of them may be a multiple of k's and v's: several heads of
 * queries then share a head of keys (J. Ainslie et al., "GQA", 2023). A query that sees no key has
 * zeros for its result (PyTorch: NaN); keys that no query sees receive zeros.
 *
 * Computed by blocks, forward and backward, in memory linear in L and S (T. Dao et al.,
 * "FlashAttention", 2022). A sweep that records itself (wg_grad), and a mask that wants a gradient,
 * need L·S elements a head. */
WG_API wg_var wg_attention_at(wg_var q, wg_var k, wg_var v, const char *site,
                              wg_attention_options options);
#define wg_attention(q, k, v, ...) wg_attention_at(q, k, v, WG_HERE, __VA_ARGS__)

/* Self-attention of qkv [..., L, heads + 2 key_heads, D], which holds the heads of q, then those of
 * k, then those of v, as one product makes them: [..., L, heads, D]. The same as wg_attention of
 * the three parts with length_first, without copies of them or of their gradients. key_heads >= 1.
 */
WG_API wg_var wg_attention_packed_at(wg_var qkv, int64_t key_heads, const char *site,
                                     wg_attention_options options);
#define wg_attention_packed(qkv, key_heads, ...)                                                   \
    wg_attention_packed_at(qkv, key_heads, WG_HERE, __VA_ARGS__)

#ifdef __cplusplus
}
#endif

#endif
