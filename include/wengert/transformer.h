/* transformer.h: attention with parameters, encoder and decoder layers, and a cache for generation.
 * Parameters are PyTorch's (MultiheadAttention, TransformerEncoderLayer, TransformerDecoderLayer,
 * of Debian's PyTorch 1.13). Arrays are [batch, length, width], PyTorch's batch_first=True, of f32
 * or f64. A. Vaswani et al., "Attention is all you need", 2017.
 *
 * A GPT is an encoder with .causal, .norm_first and .activation = (wg_gelu): A. Radford et al.,
 * "Language models are unsupervised multitask learners", 2019. */
#ifndef WENGERT_TRANSFORMER_H
#define WENGERT_TRANSFORMER_H

#include "wengert/attention.h"
#include "wengert/nn.h"
#include "wengert/position.h"

#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- A cache of keys and values ------------------------------------------------------------- */

/* The keys and values that the attention layers of a network have computed, by full name, for up to
 * `length` positions: with it a forward pass takes the positions that are new alone, and of the
 * others reads their keys and values. One cache serves all layers of a network, for one batch of
 * sequences that grow together, under wg_no_grad_begin. A layer that is called more than once in a
 * pass under one name (blocks that share parameters, as in ALBERT) needs a cache for each of these
 * calls: a cache knows its layers by name. Not for several threads at once. */
typedef struct wg_kv_cache wg_kv_cache;

/* NULL where memory ran out, or length < 1. A layer's memory, 2 · batch · length · key heads ·
 * depth numbers, is taken at its first use. */
WG_API wg_kv_cache *wg_kv_cache_new(int64_t length);
/* Not while handles of a tape that read it are in use. NULL is allowed. */
WG_API void wg_kv_cache_free(wg_kv_cache *cache);
/* How many positions it holds: the number of the next one. 0 for NULL. */
WG_API int64_t wg_kv_cache_length(const wg_kv_cache *cache);
/* Forgets all positions from `length` on, memory stays; 0 also forgets what was cached of a
 * decoder's memory, and lets another batch begin. After a failure on the tape cut it back to what
 * it held before. ARGUMENT where it holds fewer. */
WG_API wg_status wg_kv_cache_cut(wg_kv_cache *cache, int64_t length);

/* ---- Multi-head attention ------------------------------------------------------------------- */

typedef struct wg_multi_head_options {
    int64_t heads;     /* required, >= 1; divides the width of q */
    int64_t key_heads; /* 0 means heads; a divisor of heads: each serves several heads of queries
                          (J. Ainslie et al., "GQA", 2023) */
    bool causal;       /* a query sees the keys up to its own position */
    bool no_bias;
    double dropout; /* of probabilities, in training; 0 <= dropout < 1. A layer that is called twice
                       in a step under one name leaves out the same both times */
    wg_var key_mask; /* u8 [batch, keys]: 1 where a key takes part (PyTorch's key_padding_mask has
                        true where it does not). wg_length_mask makes one. A number: all
                        do. */
    wg_var mask;     /* attention.h: u8, 1 where a key takes part, or floats that are added;
                        broadcast against [batch, heads, queries, keys]. A number: none. */
    bool rotary;     /* turns queries and keys by their positions (position.h) */
    wg_rotary_options turn; /* how; its `first` counts on top of what the cache holds */
    wg_kv_cache *cache; /* NULL: none. Keys and values are appended to the cache, and attention sees
                           all that it holds (masks too cover these); causal counts positions on. */
    bool keep;          /* with a cache: k and v are the same at each call (a decoder's memory), so
                           that only the first projects them */
    wg_initializer weight, bias; /* default: see below */
} wg_multi_head_options;

/* Attention of `heads` heads of q [batch, queries, width], k [batch, keys, k width] and v [batch,
 * keys, v width], projected: [batch, queries, width]. Pass one handle three times for
 * self-attention, one product projects it then. A query that sees no key has zeros for the heads'
 * results (PyTorch: NaN).
 *
 * Parameters: name.in_proj_weight [3 width, width] (rows of q, k and v; with key_heads fewer of the
 * last two), or where k or v has another width q_proj_weight [width, width], k_proj_weight and
 * v_proj_weight [width, its width]; in_proj_bias [3 width]; out_proj.weight [width, width],
 * out_proj.bias [width]. At first Glorot's uniform, U(±1/√width) for out_proj.weight, biases 0.
 *
 * On the tape: SHAPE and DTYPE where operands do not fit; ARGUMENT for options out of range; with a
 * cache STATE where the tape records or the name has these positions already, LIMIT where its
 * length is exceeded, SHAPE for another batch, MEMORY. */
WG_API wg_var wg_multi_head_attention_at(wg_net net, const char *name, wg_var q, wg_var k, wg_var v,
                                         const char *site, wg_multi_head_options options);
#define wg_multi_head_attention(net, name, q, k, v, ...)                                           \
    wg_multi_head_attention_at(net, name, q, k, v, WG_HERE, __VA_ARGS__)

/* ---- Encoders and decoders ------------------------------------------------------------------ */

/* Zeros are PyTorch's defaults but for dropout (there 0.1) and feed_forward (there 2048). */
typedef struct wg_transformer_options {
    int64_t heads;        /* required, as in wg_multi_head_options */
    int64_t key_heads;    /* of self-attention */
    int64_t feed_forward; /* width between the two products; 0 means 4 times that of x */
    double dropout;       /* in training: of what each part adds, between the two products, and of
                             attention's probabilities */
    wg_var (*activation)(wg_var x); /* NULL means relu; (wg_gelu), (wg_gelu_tanh), your own */
    bool norm_first;       /* normalises what goes into each part, not what comes out of the sum */
    bool no_bias;          /* of products and norms */
    double eps;            /* of the norms; 0 means 1e-5 */
    bool causal;           /* in self-attention a position sees those up to its own */
    wg_var key_mask, mask; /* of self-attention, as in wg_multi_head_options */
    wg_var memory_key_mask, memory_mask; /* of a decoder's attention to the memory */
    bool rotary;                         /* of self-attention */
    wg_rotary_options turn;
    wg_kv_cache *cache; /* for generation: x has the new positions alone. Of a decoder's memory too
                           keys and values are computed once. */
    bool final_norm;    /* of the stacks below: another norm at the end */
    wg_initializer weight, bias; /* of all products; default as in wg_linear_with and
                                    wg_multi_head_attention */
} wg_transformer_options;

/* Self-attention and two products with the activation between them, each added to what went in, and
 * normalised: x [batch, length, width], the same shape comes out. Parameters: name.self_attn.* (as
 * wg_multi_head_attention), linear1.*, linear2.* (as wg_linear), norm1.* and norm2.* (weight and
 * bias [width], at first 1 and 0). Errors are those of the parts. */
WG_API wg_var wg_transformer_encoder_layer_at(wg_net net, const char *name, wg_var x,
                                              const char *site, wg_transformer_options options);
/* With attention to `memory` [batch, memory length, its width], an encoder's result, between the
 * two; parameters multihead_attn.* and norm3.* besides. */
WG_API wg_var wg_transformer_decoder_layer_at(wg_net net, const char *name, wg_var x, wg_var memory,
                                              const char *site, wg_transformer_options options);
/* `count` such layers in a row, name.layers.0 and so on, and with final_norm name.norm. `name`
 * NULL: in the net's scope itself. ARGUMENT for count < 0. */
WG_API wg_var wg_transformer_encoder_at(wg_net net, const char *name, wg_var x, int count,
                                        const char *site, wg_transformer_options options);
WG_API wg_var wg_transformer_decoder_at(wg_net net, const char *name, wg_var x, wg_var memory,
                                        int count, const char *site,
                                        wg_transformer_options options);
#define wg_transformer_encoder_layer(net, name, x, ...)                                            \
    wg_transformer_encoder_layer_at(net, name, x, WG_HERE, __VA_ARGS__)
#define wg_transformer_decoder_layer(net, name, x, memory, ...)                                    \
    wg_transformer_decoder_layer_at(net, name, x, memory, WG_HERE, __VA_ARGS__)
#define wg_transformer_encoder(net, name, x, count, ...)                                           \
    wg_transformer_encoder_at(net, name, x, count, WG_HERE, __VA_ARGS__)
#define wg_transformer_decoder(net, name, x, memory, count, ...)                                   \
    wg_transformer_decoder_at(net, name, x, memory, count, WG_HERE, __VA_ARGS__)

#ifdef __cplusplus
}
#endif

#endif
