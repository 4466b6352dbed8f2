/* rows.c: what is measured: one row for each operation, in C and in Python. */
#include "operations.h"

#define X1(name, expression)                                                                       \
    static wg_var name(wg_tape *tape, const wg_var *x) {                                           \
        (void)tape;                                                                                \
        return expression;                                                                         \
    }

#define M (1 << 20)
#define MB (4.0 * M) /* bytes of M floats */

#define FLOAT(low, high, ...)                                                                      \
    {                                                                                              \
        OP_FLOAT, low, high, {                                                                     \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define CONSTANT(low, high, ...)                                                                   \
    {                                                                                              \
        OP_CONSTANT, low, high, {                                                                  \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define WHOLE(high, ...)                                                                           \
    {                                                                                              \
        OP_WHOLE, 0, high, {                                                                       \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }

X1(add, wg_add(x[0], x[1]))
X1(mul, wg_mul(x[0], x[1]))
X1(exp_, wg_exp(x[0]))
X1(tanh_, wg_tanh(x[0]))
X1(sigmoid, wg_sigmoid(x[0]))
X1(relu, wg_relu(x[0]))
X1(chain, wg_sum(wg_tanh(wg_add(wg_mul(x[0], x[1]), x[2]))))
X1(sum_all, wg_sum(x[0]))
X1(sum_rows, wg_sum_over(x[0], WG_AXES(1)))
X1(sum_columns, wg_sum_over(x[0], WG_AXES(0)))
X1(amax, wg_amax_over(x[0], WG_AXES(1)))
X1(softmax, wg_softmax(x[0], 1))
X1(log_softmax, wg_log_softmax(x[0], 1))
X1(cross_entropy, wg_cross_entropy(x[0], x[1]))
X1(matmul, wg_matmul(x[0], x[1]))
X1(affine, wg_affine(x[0], x[1], x[2]))
X1(transposed, wg_contiguous(wg_transpose(x[0])))
X1(layer_norm, wg_layer_norm(x[0], 1, x[1], x[2], 1e-5))
X1(group_norm, wg_group_norm(x[0], 32, x[1], x[2], 1e-5))
X1(batch_norm, wg_batch_norm(x[0], x[1], x[2], (wg_batch_norm_options){0}))
X1(attention, wg_attention(x[0], x[1], x[2], (wg_attention_options){0}))
X1(causal_attention, wg_attention(x[0], x[1], x[2], (wg_attention_options){.causal = true}))
X1(rows_gathered, wg_gather_rows(x[0], x[1]))

X1(gelu, wg_gelu(x[0]))
X1(silu, wg_silu(x[0]))
X1(variance, wg_variance_over(x[0], WG_AXES(1), 1))
X1(logsumexp, wg_logsumexp_over(x[0], WG_AXES(1)))
X1(cumsum, wg_cumsum(x[0], 1))
X1(sorted, wg_sort(x[0], 1, false).values)
X1(top, wg_topk(x[0], 10, 1, true).values)
X1(mse, wg_mse(x[0], x[1]))
X1(bce, wg_bce_with_logits(x[0], x[1]))
X1(conv, wg_conv(x[0], x[1], 0, (wg_conv_options){.padding = {1, 1}}))
X1(conv_1x1, wg_conv(x[0], x[1], 0, (wg_conv_options){0}))
X1(conv_strided, wg_conv(x[0], x[1], 0, (wg_conv_options){.stride = {2, 2}, .padding = {3, 3}}))
X1(conv_depthwise, wg_conv(x[0], x[1], 0, (wg_conv_options){.padding = {1, 1}, .groups = 64}))
X1(max_pool, wg_max_pool2d(x[0], (wg_pool_options){.kernel = {2}}))
X1(avg_pool, wg_avg_pool2d(x[0], (wg_pool_options){.kernel = {2}}))
X1(bilinear, wg_interpolate2d(x[0], (wg_interpolate_options){.mode = WG_INTERPOLATE_LINEAR,
                                                             .size = {112, 112}}))
/* 512 times the identity, which makes a matrix of such numbers well-conditioned. */
static wg_var shift(wg_tape *tape) {
    return wg_mul(512, wg_eye(tape, WG_F32, 512, 512, 0));
}
X1(cholesky, wg_cholesky(wg_add(wg_matmul(x[0], wg_transpose(x[0])), shift(tape))))
X1(solve, wg_solve(wg_add(x[0], shift(tape)), x[1]))
X1(joined, wg_concat(2, x, 1))

#define CAUSAL(length, scale)                                                                      \
    "def f(x0, x1, x2, m=torch.full((" #length ", " #length "), float('-inf')).triu(1)):\\n"       \
    "    return torch.softmax(x0 @ x1.mT * " #scale " + m, -1) @ x2"
X1(lstm,
   wg_lstm_sequence(x[0], ((wg_recurrent_weights){x[1], x[2], x[3], x[4]}), ((wg_lstm_state){0}))
       .sequence)
X1(gru, wg_gru_sequence(x[0], ((wg_recurrent_weights){x[1], x[2], x[3], x[4]}), 0).sequence)

#define ROW(title, function, python) .name = title, .own = function, .torch = python
#define IN(...) .input = {__VA_ARGS__}
#define BYTES(forward, both, least) .bytes = {forward, both}, .bar = least
#define FLOPS(forward, least) .flops = forward, .bar = least

const op_row op_rows[] = {
    /* elementwise */
    {ROW("add 1M", add, "x0 + x1"), IN(FLOAT(-1, 1, M), FLOAT(-1, 1, M)), BYTES(3 * MB, 6 * MB, 2)},
    {ROW("mul 1M", mul, "x0 * x1"), IN(FLOAT(-1, 1, M), FLOAT(-1, 1, M)), BYTES(3 * MB, 8 * MB, 2)},
    {ROW("exp 1M", exp_, "torch.exp(x0)"), IN(FLOAT(-2, 2, M)), BYTES(2 * MB, 5 * MB, 2)},
    {ROW("tanh 1M", tanh_, "torch.tanh(x0)"), IN(FLOAT(-2, 2, M)), BYTES(2 * MB, 5 * MB, 2)},
    {ROW("sigmoid 1M", sigmoid, "torch.sigmoid(x0)"), IN(FLOAT(-2, 2, M)),
     BYTES(2 * MB, 5 * MB, 2)},
    {ROW("relu 1M", relu, "torch.relu(x0)"), IN(FLOAT(-2, 2, M)), BYTES(2 * MB, 5 * MB, 2)},
    {ROW("gelu 1M", gelu, "F.gelu(x0)"), IN(FLOAT(-2, 2, M)), BYTES(2 * MB, 5 * MB, 2)},
    {ROW("silu 1M", silu, "F.silu(x0)"), IN(FLOAT(-2, 2, M)), BYTES(2 * MB, 5 * MB, 2)},
    {ROW("sum tanh(x w + b) 1M", chain, "torch.tanh(x0 * x1 + x2).sum()"),
     IN(FLOAT(-2, 2, M), FLOAT(-1, 1, M), FLOAT(-1, 1, M)), BYTES(3 * MB, 8 * MB, 2)},
    /* reductions */
    {ROW("sum 1M", sum_all, "x0.sum()"), IN(FLOAT(-1, 2, M)), BYTES(MB, 2 * MB, 1)},
    {ROW("sum 4096x1000 over rows", sum_rows, "x0.sum(1)"), IN(FLOAT(-1, 2, 4096, 1000)),
     BYTES(16.4e6, 32.8e6, 1)},
    {ROW("sum 4096x1000 over columns", sum_columns, "x0.sum(0)"), IN(FLOAT(-1, 2, 4096, 1000)),
     BYTES(16.4e6, 32.8e6, 1)},
    {ROW("amax 4096x1000 over rows", amax, "x0.amax(1)"), IN(FLOAT(-1, 2, 4096, 1000)),
     BYTES(16.4e6, 49.2e6, 1)},
    {ROW("var 4096x1000 over rows", variance, "x0.var(1)"), IN(FLOAT(-1, 2, 4096, 1000)),
     BYTES(16.4e6, 49.2e6, 1)},
    {ROW("logsumexp 4096x1000 over rows", logsumexp, "x0.logsumexp(1)"),
     IN(FLOAT(-1, 2, 4096, 1000)), BYTES(16.4e6, 49.2e6, 1)},
    {ROW("cumsum 4096x1000", cumsum, "x0.cumsum(1)"), IN(FLOAT(-1, 2, 4096, 1000)),
     BYTES(32.8e6, 65.6e6, 1)},
    {ROW("sort 1024x1000", sorted, "x0.sort(1)[0]"), IN(FLOAT(-1, 2, 1024, 1000)),
     BYTES(8.2e6, 20.5e6, 1)},
    {ROW("top 10 of 4096x1000", top, "x0.topk(10, 1)[0]"), IN(FLOAT(-1, 2, 4096, 1000)),
     BYTES(16.4e6, 32.8e6, 1)},
    /* softmax and losses */
    {ROW("softmax 4096x1000", softmax, "torch.softmax(x0, 1)"), IN(FLOAT(-2, 2, 4096, 1000)),
     BYTES(32.8e6, 82e6, 2)},
    {ROW("log_softmax 4096x1000", log_softmax, "torch.log_softmax(x0, 1)"),
     IN(FLOAT(-2, 2, 4096, 1000)), BYTES(32.8e6, 82e6, 2)},
    {ROW("cross_entropy 4096x1000", cross_entropy, "F.cross_entropy(x0, x1)"),
     IN(FLOAT(-2, 2, 4096, 1000), WHOLE(1000, 4096)), BYTES(16.4e6, 49.2e6, 2)},
    /* normalisation */
    {ROW("mse 4096x1000", mse, "F.mse_loss(x0, x1)"),
     IN(FLOAT(-1, 1, 4096, 1000), FLOAT(-1, 1, 4096, 1000)), BYTES(32.8e6, 98.4e6, 1)},
    {ROW("bce_with_logits 4096x1000", bce, "F.binary_cross_entropy_with_logits(x0, x1)"),
     IN(FLOAT(-2, 2, 4096, 1000), CONSTANT(0, 1, 4096, 1000)), BYTES(32.8e6, 82e6, 1)},
    {ROW("layer_norm 4096x768", layer_norm, "F.layer_norm(x0, (768,), x1, x2)"),
     IN(FLOAT(-2, 2, 4096, 768), FLOAT(0.5, 2, 768), FLOAT(-1, 1, 768)), BYTES(25.2e6, 62.9e6, 2)},
    {ROW("group_norm 32x64x28x28", group_norm, "F.group_norm(x0, 32, x1, x2)"),
     IN(FLOAT(-2, 2, 32, 64, 28, 28), FLOAT(0.5, 2, 64), FLOAT(-1, 1, 64)),
     BYTES(12.8e6, 32.1e6, 1)},
    {ROW("batch_norm 32x64x28x28", batch_norm, "F.batch_norm(x0, None, None, x1, x2, True)"),
     IN(FLOAT(-2, 2, 32, 64, 28, 28), FLOAT(0.5, 2, 64), FLOAT(-1, 1, 64)),
     BYTES(12.8e6, 32.1e6, 1)},
    {ROW("batch_norm 1024x512", batch_norm, "F.batch_norm(x0, None, None, x1, x2, True)"),
     IN(FLOAT(-2, 2, 1024, 512), FLOAT(0.5, 2, 512), FLOAT(-1, 1, 512)), BYTES(4.2e6, 10.5e6, 1)},
    /* products */
    {ROW("matmul 1024 cubed", matmul, "x0 @ x1"),
     IN(FLOAT(-1, 1, 1024, 1024), FLOAT(-1, 1, 1024, 1024)), FLOPS(2.0 * 1024 * 1024 * 1024, 1)},
    {ROW("matmul 32x128 cubed", matmul, "x0 @ x1"),
     IN(FLOAT(-1, 1, 32, 128, 128), FLOAT(-1, 1, 32, 128, 128)),
     FLOPS(2.0 * 32 * 128 * 128 * 128, 1)},
    {ROW("matmul 64 cubed", matmul, "x0 @ x1"), IN(FLOAT(-1, 1, 64, 64), FLOAT(-1, 1, 64, 64)),
     FLOPS(2.0 * 64 * 64 * 64, 1)},
    {ROW("linear 256x1024 to 1024", affine, "F.linear(x0, x1, x2)"),
     IN(FLOAT(-1, 1, 256, 1024), FLOAT(-1, 1, 1024, 1024), FLOAT(-1, 1, 1024)),
     FLOPS(2.0 * 256 * 1024 * 1024, 1)},
    /* attention; where it is causal half of the flops count */
    {ROW("attention 8x8x512x64", attention, "torch.softmax(x0 @ x1.mT * 0.125, -1) @ x2"),
     IN(FLOAT(-1, 1, 8, 8, 512, 64), FLOAT(-1, 1, 8, 8, 512, 64), FLOAT(-1, 1, 8, 8, 512, 64)),
     FLOPS(4.0 * 64 * 512 * 512 * 64, 2)},
    {ROW("causal attention 4x12x1024x64", causal_attention, CAUSAL(1024, 0.125)),
     IN(FLOAT(-1, 1, 4, 12, 1024, 64), FLOAT(-1, 1, 4, 12, 1024, 64),
        FLOAT(-1, 1, 4, 12, 1024, 64)),
     FLOPS(2.0 * 48 * 1024 * 1024 * 64, 2)},
    {ROW("causal attention 12x4x64x32", causal_attention, CAUSAL(64, 0.17677669529663687)),
     IN(FLOAT(-1, 1, 12, 4, 64, 32), FLOAT(-1, 1, 12, 4, 64, 32), FLOAT(-1, 1, 12, 4, 64, 32)),
     FLOPS(2.0 * 48 * 64 * 64 * 32, 2)},
    /* recurrent layers */
    {ROW("LSTM 64 steps, batch 32, 128 to 128", lstm,
         "torch._VF.lstm(x0, (torch.zeros(1, 32, 128), torch.zeros(1, 32, 128)), "
         "(x1, x2, x3, x4), True, 1, 0.0, False, False, False)[0]"),
     IN(FLOAT(-1, 1, 64, 32, 128), FLOAT(-0.1, 0.1, 512, 128), FLOAT(-0.1, 0.1, 512, 128),
        FLOAT(-0.1, 0.1, 512), FLOAT(-0.1, 0.1, 512)),
     FLOPS(2.0 * 64 * 32 * 512 * 256, 1)},
    {ROW("GRU 64 steps, batch 32, 128 to 128", gru,
         "torch._VF.gru(x0, torch.zeros(1, 32, 128), (x1, x2, x3, x4), "
         "True, 1, 0.0, False, False, False)[0]"),
     IN(FLOAT(-1, 1, 64, 32, 128), FLOAT(-0.1, 0.1, 384, 128), FLOAT(-0.1, 0.1, 384, 128),
        FLOAT(-0.1, 0.1, 384), FLOAT(-0.1, 0.1, 384)),
     FLOPS(2.0 * 64 * 32 * 384 * 256, 1)},
    /* convolution and pooling */
    {ROW("conv 32x64x56x56, 3x3, 64", conv, "F.conv2d(x0, x1, padding=1)"),
     IN(FLOAT(-1, 1, 32, 64, 56, 56), FLOAT(-0.1, 0.1, 64, 64, 3, 3)),
     FLOPS(2.0 * 32 * 64 * 56 * 56 * 64 * 9, 1)},
    {ROW("conv 32x256x14x14, 1x1, 256", conv_1x1, "F.conv2d(x0, x1)"),
     IN(FLOAT(-1, 1, 32, 256, 14, 14), FLOAT(-0.1, 0.1, 256, 256, 1, 1)),
     FLOPS(2.0 * 32 * 256 * 14 * 14 * 256, 1)},
    {ROW("conv 8x3x224x224, 7x7/2, 64", conv_strided, "F.conv2d(x0, x1, stride=2, padding=3)"),
     IN(FLOAT(-1, 1, 8, 3, 224, 224), FLOAT(-0.1, 0.1, 64, 3, 7, 7)),
     FLOPS(2.0 * 8 * 3 * 112 * 112 * 64 * 49, 1)},
    {ROW("conv 32x64x56x56, 3x3 depthwise", conv_depthwise,
         "F.conv2d(x0, x1, padding=1, groups=64)"),
     IN(FLOAT(-1, 1, 32, 64, 56, 56), FLOAT(-0.1, 0.1, 64, 1, 3, 3)), BYTES(51e6, 128e6, 1)},
    {ROW("max pool 32x64x56x56, 2x2", max_pool, "F.max_pool2d(x0, 2)"),
     IN(FLOAT(-1, 1, 32, 64, 56, 56)), BYTES(32e6, 64e6, 1)},
    {ROW("average pool 32x64x56x56, 2x2", avg_pool, "F.avg_pool2d(x0, 2)"),
     IN(FLOAT(-1, 1, 32, 64, 56, 56)), BYTES(32e6, 64e6, 1)},
    {ROW("bilinear 16x32x56x56 to 112x112", bilinear,
         "F.interpolate(x0, size=(112, 112), mode='bilinear')"),
     IN(FLOAT(-1, 1, 16, 32, 56, 56)), BYTES(32e6, 64e6, 1)},
    /* linear algebra */
    {ROW("Cholesky of x x' + 512 I, 512x512", cholesky,
         "torch.linalg.cholesky(x0 @ x0.mT + 512 * torch.eye(512))"),
     IN(FLOAT(-1, 1, 512, 512)), FLOPS(2.33 * 512 * 512 * 512, 1)},
    {ROW("solve 512x512, 32 columns", solve, "torch.linalg.solve(x0 + 512 * torch.eye(512), x1)"),
     IN(FLOAT(-1, 1, 512, 512), FLOAT(-1, 1, 512, 32)), FLOPS(0.8 * 512 * 512 * 512, 1)},
    /* moving data */
    {ROW("transpose copy 2048x2048", transposed, "x0.t().contiguous()"),
     IN(FLOAT(-1, 1, 2048, 2048)), BYTES(33.6e6, 67.1e6, 1)},
    {ROW("embedding 30000x512, 4096 rows", rows_gathered, "F.embedding(x1, x0)"),
     IN(FLOAT(-1, 1, 30000, 512), WHOLE(30000, 4096)), BYTES(16.8e6, 94.8e6, 1)},
    {ROW("concat 2 of 4096x512", joined, "torch.cat((x0, x1), 1)"),
     IN(FLOAT(-1, 1, 4096, 512), FLOAT(-1, 1, 4096, 512)), BYTES(33.6e6, 67.1e6, 1)},
};
const int op_row_count = sizeof op_rows / sizeof *op_rows;
