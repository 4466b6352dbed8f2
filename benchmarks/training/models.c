/* models.c: the networks, as a user writes them. torch_worker.py has the same in PyTorch, with the
 * same names of parameters. */
#include "models.h"

#include <math.h>

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

static wg_var conv(wg_net net, const char *name, wg_var x, int64_t out, int64_t kernel,
                   int64_t padding) {
    net = wg_scope(net, "%s", name);
    const int64_t in = wg_size(x, 1);
    const double reach = 1 / sqrt((double)(in * kernel * kernel));
    wg_var weight =
        wg_parameter(net, "weight", WG_F32, WG_SHAPE(out, in, kernel, kernel), (wg_initializer){0});
    wg_var bias = wg_parameter(net, "bias", WG_F32, WG_SHAPE(out), wg_init_uniform(-reach, reach));
    return wg_conv(x, weight, bias, (wg_conv_options){.padding = {padding, padding}});
}

static wg_var pool(wg_var x) {
    return wg_max_pool2d(x, (wg_pool_options){.kernel = {2}});
}

/* LeNet-5 in today's form: Y. LeCun et al., "Gradient-based learning applied to document
 * recognition", 1998, with relu and the maximum. */
wg_var model_lenet(wg_net net, wg_var x, wg_var t) {
    x = pool(wg_relu(conv(net, "conv1", x, 6, 5, 2)));
    x = pool(wg_relu(conv(net, "conv2", x, 16, 5, 0)));
    x = wg_relu(wg_linear(net, "fc1", wg_flatten(x, 1, 3), 120));
    x = wg_relu(wg_linear(net, "fc2", x, 84));
    return wg_cross_entropy(wg_linear(net, "fc3", x, 10), t);
}

wg_var model_cnn(wg_net net, wg_var x, wg_var t) {
    x = wg_relu(conv(net, "conv1", x, 32, 3, 0));
    x = pool(wg_relu(conv(net, "conv2", x, 64, 3, 0)));
    x = wg_relu(wg_linear(net, "fc1", wg_flatten(x, 1, 3), 128));
    return wg_cross_entropy(wg_linear(net, "fc2", x, 10), t);
}

/* ---- Text ------------------------------------------------------------------------------------ */

enum {
    VOCABULARY = 65,
    WIDTH = 128,
    HEADS = 4
};

static wg_var table(wg_net net, const char *name, int64_t rows, double deviation) {
    return wg_parameter(wg_scope(net, "%s", name), "weight", WG_F32, WG_SHAPE(rows, WIDTH),
                        wg_init_normal(0, deviation));
}

/* x [steps, batch] */
wg_var model_char_lstm(wg_net net, wg_var x, wg_var t) {
    const wg_initializer init = wg_init_uniform(-1 / sqrt(WIDTH), 1 / sqrt(WIDTH));
    const wg_net lstm = wg_scope(net, "lstm");
    const wg_recurrent_weights weights = {
        wg_parameter(lstm, "weight_ih_l0", WG_F32, WG_SHAPE(4 * WIDTH, WIDTH), init),
        wg_parameter(lstm, "weight_hh_l0", WG_F32, WG_SHAPE(4 * WIDTH, WIDTH), init),
        wg_parameter(lstm, "bias_ih_l0", WG_F32, WG_SHAPE(4 * WIDTH), init),
        wg_parameter(lstm, "bias_hh_l0", WG_F32, WG_SHAPE(4 * WIDTH), init)};
    x = wg_embed(table(net, "embed", VOCABULARY, 1), x);
    x = wg_lstm_sequence(x, weights, (wg_lstm_state){0}).sequence;
    return wg_cross_entropy(wg_linear(net, "out", x, VOCABULARY), t);
}

static wg_var layer_norm(wg_net net, const char *name, wg_var x) {
    net = wg_scope(net, "%s", name);
    wg_var weight = wg_parameter(net, "weight", WG_F32, WG_SHAPE(WIDTH), wg_init_constant(1));
    wg_var bias = wg_parameter(net, "bias", WG_F32, WG_SHAPE(WIDTH), wg_init_constant(0));
    return wg_layer_norm(x, 1, weight, bias, 1e-5);
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
    x = wg_add(x, attention(net, layer_norm(net, "ln_1", x)));
    wg_var h = wg_gelu_tanh(linear(mlp, "c_fc", layer_norm(net, "ln_2", x), 4 * WIDTH));
    return wg_add(x, linear(mlp, "c_proj", h, WIDTH));
}

/* GPT-2's blocks (A. Radford et al., 2019): x [batch, length], output weights tied to the table. */
wg_var model_gpt(wg_net net, wg_var x, wg_var t) {
    wg_var tokens = table(net, "wte", VOCABULARY, 0.02);
    x = wg_add(wg_embed(tokens, x), table(net, "wpe", wg_size(x, 1), 0.02));
    for (int i = 0; i < 4; i++)
        x = block(wg_scope(net, "h.%d", i), x);
    return wg_cross_entropy(wg_matmul(layer_norm(net, "ln_f", x), wg_transpose(tokens)), t);
}
