/* transformer.c: encoder and decoder layers, and stacks of them. */
#include "wengert/transformer.h"
#include "nn/multi_head.h"
#include "wengert/elementwise.h"
#include "wengert/layers.h"

/* One layer's call. */
typedef struct block {
    wg_net net; /* in the layer's scope */
    const wg_transformer_options *options;
    int64_t width;
    const char *site;
} block;

/* ---- Parts ---------------------------------------------------------------------------------- */

static wg_var normed(const block *b, const char *name, wg_var x) {
    const wg_layer_norm_layer_options o = {.eps = b->options->eps, .no_bias = b->options->no_bias};
    return wg_layer_norm_layer_with_at(b->net, name, x, b->site, o);
}

static wg_var dropped(const block *b, const char *name, wg_var x) {
    const double p = b->options->dropout;
    return p == 0 || !b->net.training ? x
                                      : wg_dropout_at(wg_scope(b->net, "%s", name), x, p, b->site);
}

static wg_var self_attention(const block *b, wg_var x) {
    const wg_transformer_options *o = b->options;
    const wg_multi_head_options attention = {.heads = o->heads,
                                             .key_heads = o->key_heads,
                                             .causal = o->causal,
                                             .no_bias = o->no_bias,
                                             .dropout = o->dropout,
                                             .key_mask = o->key_mask,
                                             .mask = o->mask,
                                             .rotary = o->rotary,
                                             .turn = o->turn,
                                             .cache = o->cache,
                                             .weight = o->weight,
                                             .bias = o->bias};
    return wg_multi_head_attention_at(b->net, "self_attn", x, x, x, b->site, attention);
}

static wg_var memory_attention(const block *b, wg_var x, wg_var memory) {
    const wg_transformer_options *o = b->options;
    const wg_multi_head_options attention = {.heads = o->heads,
                                             .no_bias = o->no_bias,
                                             .dropout = o->dropout,
                                             .key_mask = o->memory_key_mask,
                                             .mask = o->memory_mask,
                                             .cache = o->cache,
                                             .keep = true,
                                             .weight = o->weight,
                                             .bias = o->bias};
    return wg_multi_head_attention_at(b->net, "multihead_attn", x, memory, memory, b->site,
                                      attention);
}

static wg_var feed_forward(const block *b, wg_var x) {
    const wg_transformer_options *o = b->options;
    wg_linear_options linear = {.out = o->feed_forward == 0 ? 4 * b->width : o->feed_forward,
                                .no_bias = o->no_bias,
                                .weight = o->weight,
                                .bias = o->bias};
    wg_var y = wg_linear_with_at(b->net, "linear1", x, b->site, linear);
    y = o->activation == NULL ? wg_relu_at(y, b->site) : o->activation(y);
    linear.out = b->width;
    return wg_linear_with_at(b->net, "linear2", dropped(b, "dropout", y), b->site, linear);
}

/* ---- Layers --------------------------------------------------------------------------------- */

static wg_net inside(wg_net net, const char *name) {
    return name == NULL ? net : wg_scope(net, "%s", name);
}

/* x + part(x), with the norm before or behind it; `part` is attention, attention to the memory, or
 * the two products, each with the next norm and dropout. */
typedef enum part {
    SELF,
    MEMORY,
    FEED_FORWARD
} part;

static wg_var added(const block *b, part which, int index, wg_var x, wg_var memory) {
    static const char *const norms[] = {"norm1", "norm2", "norm3"};
    static const char *const drops[] = {"dropout1", "dropout2", "dropout3"};
    const bool first = b->options->norm_first;
    const wg_var in = first ? normed(b, norms[index], x) : x;
    const wg_var y = which == SELF     ? self_attention(b, in)
                     : which == MEMORY ? memory_attention(b, in, memory)
                                       : feed_forward(b, in);
    const wg_var sum = (wg_add)(x, dropped(b, drops[index], y));
    return first ? sum : normed(b, norms[index], sum);
}

static wg_var layer_of(wg_net net, const char *name, wg_var x, const wg_var *memory,
                       const char *site, const wg_transformer_options *options) {
    wg_layer layer;
    const char *kind = memory != NULL ? "decoder_layer" : "encoder_layer";
    if (!wg_layer_begin(&layer, net, kind, name, site) || !wg_layer_input(&layer, x, 3)) {
        return wg_poison(net.tape);
    }
    const int64_t width = layer.input.shape[layer.input.rank - 1];
    if (!wg_heads_allowed(&layer, width, options->heads, options->key_heads, options->dropout)) {
        return wg_poison(net.tape);
    }
    if (options->feed_forward < 0 || !(options->eps >= 0)) {
        return wg_layer_fail(&layer, WG_ERROR_ARGUMENT, "feed_forward %lld, eps %g",
                             (long long)options->feed_forward, options->eps);
    }
    const block b = {inside(net, name), options, width, site};
    int index = 0;
    x = added(&b, SELF, index++, x, x);
    if (memory != NULL) {
        x = added(&b, MEMORY, index++, x, *memory);
    }
    return wg_layer_end(&layer, added(&b, FEED_FORWARD, index, x, x));
}

wg_var wg_transformer_encoder_layer_at(wg_net net, const char *name, wg_var x, const char *site,
                                       wg_transformer_options options) {
    return layer_of(net, name, x, NULL, site, &options);
}

wg_var wg_transformer_decoder_layer_at(wg_net net, const char *name, wg_var x, wg_var memory,
                                       const char *site, wg_transformer_options options) {
    return layer_of(net, name, x, &memory, site, &options);
}

/* ---- Stacks --------------------------------------------------------------------------------- */

static wg_var stack(wg_net net, const char *name, wg_var x, const wg_var *memory, int count,
                    const char *site, const wg_transformer_options *options) {
    wg_layer layer;
    const char *kind = memory != NULL ? "decoder" : "encoder";
    if (!wg_layer_begin(&layer, net, kind, name, site) || !wg_layer_input(&layer, x, 3)) {
        return wg_poison(net.tape);
    }
    if (count < 0) {
        return wg_layer_fail(&layer, WG_ERROR_ARGUMENT, "%d layers are asked for", count);
    }
    const wg_net own = inside(net, name);
    for (int i = 0; i < count && net.tape->status == WG_OK; i++) {
        x = layer_of(wg_scope(own, "layers.%d", i), NULL, x, memory, site, options);
    }
    const block b = {own, options, 0, site};
    return wg_layer_end(&layer, options->final_norm ? normed(&b, "norm", x) : x);
}

wg_var wg_transformer_encoder_at(wg_net net, const char *name, wg_var x, int count,
                                 const char *site, wg_transformer_options options) {
    return stack(net, name, x, NULL, count, site, &options);
}

wg_var wg_transformer_decoder_at(wg_net net, const char *name, wg_var x, wg_var memory, int count,
                                 const char *site, wg_transformer_options options) {
    return stack(net, name, x, &memory, count, site, &options);
}
