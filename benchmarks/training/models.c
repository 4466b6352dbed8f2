/* models.c: the networks, as a user writes them. torch_worker.py has the same in PyTorch, with the
 * same names of parameters. */
#include "models.h"

wg_var model_xor(wg_net net, wg_var x, wg_var t) {
    x = wg_tanh(wg_linear(net, "fc1", x, 8));
    return wg_bce_with_logits(wg_linear(net, "fc2", x, 1), t);
}

wg_var model_mlp(wg_net net, wg_var x, wg_var t) {
    x = wg_relu(wg_linear(net, "fc1", x, 128));
    return wg_cross_entropy(wg_linear(net, "fc2", x, 10), t);
}

wg_var model_big_mlp(wg_net net, wg_var x, wg_var t) {
    x = wg_relu(wg_linear(net, "fc1", x, 1024));
    x = wg_relu(wg_linear(net, "fc2", x, 1024));
    return wg_cross_entropy(wg_linear(net, "fc3", x, 10), t);
}

/* ---- Images ---------------------------------------------------------------------------------- */

static wg_var pool(wg_var x) {
    return wg_max_pool2d(x, (wg_pool_options){.kernel = {2}});
}

/* LeNet-5 in today's form: Y. LeCun et al., "Gradient-based learning applied to document
 * recognition", 1998, with relu and the maximum. */
wg_var model_lenet(wg_net net, wg_var x, wg_var t) {
    const wg_conv_options same = {.kernel = {5}, .padding = {2, 2}}, valid = {.kernel = {5}};
    x = pool(wg_relu(wg_conv2d(net, "conv1", x, 6, same)));
    x = pool(wg_relu(wg_conv2d(net, "conv2", x, 16, valid)));
    x = wg_relu(wg_linear(net, "fc1", wg_flatten(x, 1, 3), 120));
    x = wg_relu(wg_linear(net, "fc2", x, 84));
    return wg_cross_entropy(wg_linear(net, "fc3", x, 10), t);
}

wg_var model_cnn(wg_net net, wg_var x, wg_var t) {
    x = wg_relu(wg_conv2d(net, "conv1", x, 32, (wg_conv_options){.kernel = {3}}));
    x = pool(wg_relu(wg_conv2d(net, "conv2", x, 64, (wg_conv_options){.kernel = {3}})));
    x = wg_relu(wg_linear(net, "fc1", wg_flatten(x, 1, 3), 128));
    return wg_cross_entropy(wg_linear(net, "fc2", x, 10), t);
}

/* ---- Text ------------------------------------------------------------------------------------ */

enum {
    VOCABULARY = 65,
    WIDTH = 128,
    HEADS = 4
};

/* x [steps, batch] */
wg_var model_char_lstm(wg_net net, wg_var x, wg_var t) {
    x = wg_embedding(net, "embed", x, VOCABULARY, WIDTH);
    x = wg_lstm(net, "lstm", x, WIDTH).sequence;
    return wg_cross_entropy(wg_linear(net, "out", x, VOCABULARY), t);
}

static wg_var linear(wg_net net, const char *name, wg_var x, int64_t out) {
    return wg_linear_with(net, name, x,
                          (wg_linear_options){.out = out,
                                              .weight = wg_init_normal(0, 0.02),
                                              .bias = wg_init_constant(0)});
}

static wg_var attention(wg_net net, wg_var x) {
    const int64_t batch = wg_size(x, 0), length = wg_size(x, 1);
    net = wg_scope(net, "attn");
    const wg_var qkv = wg_reshape(linear(net, "c_attn", x, 3 * WIDTH),
                                  WG_SHAPE(batch, length, 3, HEADS, WIDTH / HEADS));
    wg_var each[3]; /* [batch, HEADS, length, WIDTH / HEADS] */
    for (int i = 0; i < 3; i++)
        each[i] = wg_swapaxes(wg_select(qkv, i, 2), 1, 2);
    wg_var y = wg_attention(each[0], each[1], each[2], (wg_attention_options){.causal = true});
    y = wg_reshape(wg_swapaxes(y, 1, 2), WG_SHAPE(batch, length, WIDTH));
    return linear(net, "c_proj", y, WIDTH);
}

static wg_var block(wg_net net, wg_var x) {
    const wg_net mlp = wg_scope(net, "mlp");
    x = wg_add(x, attention(net, wg_layer_norm_layer(net, "ln_1", x)));
    wg_var h = wg_gelu_tanh(linear(mlp, "c_fc", wg_layer_norm_layer(net, "ln_2", x), 4 * WIDTH));
    return wg_add(x, linear(mlp, "c_proj", h, WIDTH));
}

static wg_var table(wg_net net, const char *name, int64_t rows) {
    return wg_parameter(wg_scope(net, "%s", name), "weight", WG_F32, WG_SHAPE(rows, WIDTH),
                        wg_init_normal(0, 0.02));
}

/* GPT-2's blocks (A. Radford et al., 2019): x [batch, length], output weights tied to the table. */
wg_var model_gpt(wg_net net, wg_var x, wg_var t) {
    const wg_var tokens = table(net, "wte", VOCABULARY);
    x = wg_add(wg_embed(tokens, x), table(net, "wpe", wg_size(x, 1)));
    for (int i = 0; i < 4; i++)
        x = block(wg_scope(net, "h.%d", i), x);
    x = wg_layer_norm_layer(net, "ln_f", x);
    return wg_cross_entropy(wg_matmul(x, wg_transpose(tokens)), t);
}
