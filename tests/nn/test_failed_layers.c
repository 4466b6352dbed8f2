/* test_failed_layers.c: a layer that fails names itself, and has made no parameter. */
#include "layer_test.h"

TestSuite(failed_layers, .init = start, .fini = stop);

static const wg_initializer bad = {.kind = WG_INIT_UNIFORM, .a = 1, .b = 0};

static wg_var array(int rank) {
    return wg_zeros(tape, WG_F32, rank, (int64_t[]){2, 4, 4, 4});
}

static void linear(wg_net net) {
    (void)wg_linear_with(net, "a", array(2), (wg_linear_options){.out = 3, .bias = bad});
}
static void bilinear(wg_net net) {
    const wg_bilinear_options o = {.out = 3, .bias = bad};
    (void)wg_bilinear_with(net, "a", array(2), array(2), o);
}
static void conv(wg_net net) {
    const wg_conv_layer_options o = {.out = 3, .conv = {.kernel = {3}}, .bias = bad};
    (void)wg_conv2d_with(net, "a", array(4), o);
}
static void batch_norm(wg_net net) {
    (void)wg_batch_norm_layer_with(net, "a", array(2), (wg_batch_norm_layer_options){.bias = bad});
}
static void instance_norm(wg_net net) {
    const wg_instance_norm_layer_options o = {.affine = true, .bias = bad};
    (void)wg_instance_norm_layer_with(net, "a", array(3), o);
}
static void layer_norm(wg_net net) {
    (void)wg_layer_norm_layer_with(net, "a", array(2), (wg_layer_norm_layer_options){.bias = bad});
}
static void group_norm(wg_net net) {
    const wg_group_norm_layer_options o = {.groups = 2, .bias = bad};
    (void)wg_group_norm_layer_with(net, "a", array(2), o);
}
static void lstm(wg_net net) {
    (void)wg_lstm_with(net, "a", array(3), (wg_rnn_options){.hidden = 3, .bias = bad});
}
static void gru(wg_net net) {
    (void)wg_gru_with(net, "a", array(3), (wg_rnn_options){.hidden = 3, .bias = bad});
}
static void attention_weight(wg_net net) {
    const wg_var x = array(3);
    const wg_multi_head_options o = {.heads = 2, .weight = bad};
    (void)wg_multi_head_attention(net, "a", x, x, x, o);
}
static void attention_bias(wg_net net) {
    const wg_var x = array(3);
    const wg_multi_head_options o = {.heads = 2, .bias = bad};
    (void)wg_multi_head_attention(net, "a", x, x, x, o);
}
static void attention_base(wg_net net) {
    const wg_var x = array(3);
    const wg_multi_head_options o = {.heads = 2, .rotary = true, .turn = {.base = -1}};
    (void)wg_multi_head_attention(net, "a", x, x, x, o);
}

static const struct {
    void (*call)(wg_net net);
    const char *label;
} calls[] = {
    {linear, "linear a"},
    {bilinear, "bilinear a"},
    {conv, "conv2d a"},
    {batch_norm, "batch_norm a"},
    {instance_norm, "instance_norm a"},
    {layer_norm, "layer_norm a"},
    {group_norm, "group_norm a"},
    {lstm, "lstm a"},
    {gru, "gru a"},
    {attention_weight, "multi_head_attention a"},
    {attention_bias, "multi_head_attention a"},
    {attention_base, "multi_head_attention a"},
};

Test(failed_layers, make_nothing_and_say_where) {
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        calls[i].call(wg_net_train(store, tape, 0));
        expect_error(WG_ERROR_ARGUMENT, calls[i].label);
        cr_assert_eq(wg_store_count(store), 0, "call %d has made parameters", (int)i);
    }
}
