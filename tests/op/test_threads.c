/* test_threads.c: the same bits with 1, 2 and 5 threads, for arrays large enough to be shared. */
#include "wengert.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdlib.h>
#include <string.h>

#if defined(_OPENMP)
#include <omp.h>
#endif

#define INPUTS 4

typedef struct input {
    wg_dtype dtype; /* F64: a float, run as f32 too; else whole numbers */
    double low, high;
    int64_t shape[5]; /* ends at the first 0 */
} input;

typedef struct thread_case {
    const char *name;
    wg_var (*run)(const wg_var *x);
    input in[INPUTS];
} thread_case;

#define RUN(label, expression)                                                                     \
    static wg_var run_##label(const wg_var *x) {                                                   \
        return expression;                                                                         \
    }
#define FLOATS(low, high, ...)                                                                     \
    {                                                                                              \
        WG_F64, low, high, {                                                                       \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define WHOLES(high, ...)                                                                          \
    {                                                                                              \
        WG_I64, 0, high, {                                                                         \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }

RUN(elementwise, wg_mul(wg_tanh(x[0]), wg_exp(x[1])))
RUN(broadcast, wg_mul(x[0], x[1]))
RUN(sum, wg_sum(x[0]))
RUN(sum_rows, wg_sum_over(wg_exp(x[0]), WG_AXES(1)))
RUN(sum_columns, wg_sum_over(wg_exp(x[0]), WG_AXES(0)))
RUN(amax, wg_amax_over(x[0], WG_AXES(1)))
RUN(prod, wg_prod_over(x[0], WG_AXES(0)))
RUN(softmax, wg_softmax(x[0], 1))
RUN(softmax_columns, wg_softmax(x[0], 0))
RUN(log_softmax, wg_log_softmax(x[0], 1))
RUN(cross_entropy, wg_cross_entropy(x[0], x[1]))
RUN(mse, wg_mse(x[0], x[1]))
RUN(matmul, wg_matmul(x[0], x[1]))
RUN(matmul_bf16, wg_matmul(wg_cast(x[0], WG_BF16), wg_cast(x[1], WG_BF16)))
RUN(affine, wg_affine(x[0], x[1], x[2]))
RUN(transposed, wg_contiguous(wg_transpose(x[0])))
RUN(gather_rows, wg_gather_rows(x[0], x[1]))
RUN(lstm, wg_lstm_sequence(x[0], ((wg_recurrent_weights){.w_ih = x[1], .w_hh = x[2]}),
                           ((wg_lstm_state){0}))
              .sequence)
RUN(gru, wg_gru_sequence(x[0], ((wg_recurrent_weights){.w_ih = x[1], .w_hh = x[2]}), 0).sequence)
RUN(rnn,
    wg_rnn_sequence(x[0], ((wg_recurrent_weights){.w_ih = x[1], .w_hh = x[2]}), 0, false).sequence)
RUN(rotary, wg_rotary(x[0], 1, (wg_rotary_options){.first = 3}))
RUN(take_along, wg_take_along(x[0], x[1], 0))
RUN(scatter_add, wg_scatter_add(x[0], x[1], x[2], 0))
RUN(logsumexp, wg_logsumexp_over(x[0], WG_AXES(1)))
RUN(variance, wg_variance_over(x[0], WG_AXES(0), 1))
RUN(norm, wg_norm_over(x[0], 3, WG_AXES(1)))
RUN(cumsum, wg_cumsum(x[0], 1))
RUN(cumprod, wg_cumprod(x[0], 0))
RUN(sorted, wg_sort(x[0], 1, false).values)
RUN(topk, wg_topk(x[0], 7, 1, true).values)
RUN(gelu, wg_mul(wg_gelu(x[0]), wg_silu(x[0])))
RUN(einsum, wg_einsum("bij,bjk,kl->bil", x[0], x[1], x[2]))
RUN(conv, wg_conv(x[0], x[1], x[2], (wg_conv_options){.padding = {1, 1}}))
RUN(conv_strided,
    wg_conv(x[0], x[1], 0, (wg_conv_options){.stride = {2, 2}, .padding = {1, 1}, .groups = 2}))
RUN(conv_transpose, wg_conv_transpose(x[0], x[1], 0, (wg_conv_options){.stride = {2, 2}}))
RUN(max_pool, wg_max_pool2d(x[0], (wg_pool_options){.kernel = {3}, .stride = {2}}))
RUN(avg_pool, wg_avg_pool2d(x[0], (wg_pool_options){.kernel = {2}}))
RUN(interpolate, wg_interpolate2d(x[0], (wg_interpolate_options){.mode = WG_INTERPOLATE_LINEAR,
                                                                 .size = {50, 30}}))
RUN(layer_norm, wg_layer_norm(x[0], 1, x[1], x[2], 1e-5))
RUN(group_norm, wg_group_norm(x[0], 4, x[1], x[2], 1e-5))
RUN(batch_norm, wg_batch_norm(x[0], x[1], x[2], (wg_batch_norm_options){0}))
RUN(attention, wg_attention(x[0], x[1], x[2], (wg_attention_options){.causal = true}))
RUN(attention_later,
    wg_attention(x[0], x[1], x[2],
                 (wg_attention_options){.causal = true, .offset = 70, .length_first = true}))
RUN(bce, wg_bce_with_logits(x[0], x[1]))
RUN(dropout, wg_dropout_keyed(x[0], wg_key_new(5), 0.3))
RUN(cholesky,
    wg_cholesky(wg_add(wg_matmul(x[0], wg_transpose(x[0])),
                       wg_cast(wg_eye(x[0].tape, WG_F64, 70, 70, 0), wg_view_of(x[0]).dtype))))
RUN(solve, wg_solve(x[0], x[1]))
RUN(inverse, wg_inverse(x[0]))
RUN(qr, wg_qr(x[0]).r)
RUN(singular, wg_svdvals(x[0]))
RUN(concat, wg_concat(2, x, 1))

static const thread_case cases[] = {
    {"elementwise", run_elementwise, {FLOATS(-1, 1, 700, 500), FLOATS(-1, 1, 700, 500)}},
    {"broadcast", run_broadcast, {FLOATS(-1, 1, 700, 1, 50), FLOATS(-1, 1, 20, 1)}},
    {"sum", run_sum, {FLOATS(-1, 1, 1000003)}},
    {"sum over rows", run_sum_rows, {FLOATS(-1, 1, 1001, 503)}},
    {"sum over columns", run_sum_columns, {FLOATS(-1, 1, 1001, 503)}},
    {"amax", run_amax, {FLOATS(-1, 1, 1001, 503)}},
    {"prod", run_prod, {FLOATS(0.9, 1.1, 1001, 303)}},
    {"softmax", run_softmax, {FLOATS(-3, 3, 1001, 303)}},
    {"softmax over columns", run_softmax_columns, {FLOATS(-3, 3, 303, 1001)}},
    {"log_softmax", run_log_softmax, {FLOATS(-3, 3, 1001, 303)}},
    {"cross_entropy", run_cross_entropy, {FLOATS(-3, 3, 1001, 303), WHOLES(303, 1001)}},
    {"mse", run_mse, {FLOATS(-1, 1, 1001, 503), FLOATS(-1, 1, 1001, 503)}},
    {"matmul", run_matmul, {FLOATS(-1, 1, 2, 201, 307), FLOATS(-1, 1, 307, 199)}},
    {"matmul in bf16", run_matmul_bf16, {FLOATS(-1, 1, 2, 201, 307), FLOATS(-1, 1, 307, 299)}},
    {"affine", run_affine, {FLOATS(-1, 1, 203, 301), FLOATS(-1, 1, 199, 301), FLOATS(-1, 1, 199)}},
    {"transposed", run_transposed, {FLOATS(-1, 1, 701, 503)}},
    {"gather_rows", run_gather_rows, {FLOATS(-1, 1, 1001, 64), WHOLES(1001, 8001)}},
    {"lstm",
     run_lstm,
     {FLOATS(-1, 1, 9, 83, 31), FLOATS(-0.5, 0.5, 164, 31), FLOATS(-0.5, 0.5, 164, 41)}},
    {"gru",
     run_gru,
     {FLOATS(-1, 1, 9, 83, 31), FLOATS(-0.5, 0.5, 123, 31), FLOATS(-0.5, 0.5, 123, 41)}},
    {"rnn",
     run_rnn,
     {FLOATS(-1, 1, 9, 83, 31), FLOATS(-0.5, 0.5, 71, 31), FLOATS(-0.5, 0.5, 71, 71)}},
    {"rotary", run_rotary, {FLOATS(-1, 1, 7, 301, 3, 64)}},
    {"take_along", run_take_along, {FLOATS(-1, 1, 301, 403), WHOLES(301, 700, 403)}},
    {"scatter_add",
     run_scatter_add,
     {FLOATS(-1, 1, 31, 403), WHOLES(31, 700, 403), FLOATS(-1, 1, 700, 403)}},
    {"logsumexp", run_logsumexp, {FLOATS(-3, 3, 1001, 303)}},
    {"variance", run_variance, {FLOATS(-3, 3, 1001, 303)}},
    {"norm", run_norm, {FLOATS(0.1, 3, 1001, 303)}},
    {"cumsum", run_cumsum, {FLOATS(-1, 1, 1001, 303)}},
    {"cumprod", run_cumprod, {FLOATS(0.9, 1.1, 203, 1003)}},
    {"sort", run_sorted, {FLOATS(-1, 1, 501, 603)}},
    {"topk", run_topk, {FLOATS(-1, 1, 1001, 303)}},
    {"gelu and silu", run_gelu, {FLOATS(-3, 3, 701, 503)}},
    {"einsum",
     run_einsum,
     {FLOATS(-1, 1, 7, 51, 63), FLOATS(-1, 1, 7, 63, 71), FLOATS(-1, 1, 71, 41)}},
    {"conv",
     run_conv,
     {FLOATS(-1, 1, 5, 17, 29, 31), FLOATS(-0.3, 0.3, 19, 17, 3, 3), FLOATS(-1, 1, 19)}},
    {"conv, strides and groups",
     run_conv_strided,
     {FLOATS(-1, 1, 3, 16, 41, 43), FLOATS(-0.3, 0.3, 34, 8, 5, 5)}},
    {"conv_transpose",
     run_conv_transpose,
     {FLOATS(-1, 1, 5, 17, 19, 21), FLOATS(-0.3, 0.3, 17, 13, 3, 3)}},
    {"max_pool", run_max_pool, {FLOATS(-1, 1, 7, 13, 61, 63)}},
    {"avg_pool", run_avg_pool, {FLOATS(-1, 1, 7, 13, 61, 63)}},
    {"interpolate", run_interpolate, {FLOATS(-1, 1, 9, 17, 31, 47)}},
    {"layer_norm",
     run_layer_norm,
     {FLOATS(-1, 1, 1003, 301), FLOATS(-1, 1, 301), FLOATS(-1, 1, 301)}},
    {"group_norm",
     run_group_norm,
     {FLOATS(-1, 1, 33, 12, 29, 31), FLOATS(-1, 1, 12), FLOATS(-1, 1, 12)}},
    {"batch_norm",
     run_batch_norm,
     {FLOATS(-1, 1, 33, 12, 29, 31), FLOATS(-1, 1, 12), FLOATS(-1, 1, 12)}},
    {"attention",
     run_attention,
     {FLOATS(-1, 1, 2, 3, 131, 33), FLOATS(-1, 1, 2, 3, 131, 33), FLOATS(-1, 1, 2, 3, 131, 17)}},
    {"attention of later positions",
     run_attention_later,
     {FLOATS(-1, 1, 2, 131, 3, 33), FLOATS(-1, 1, 2, 201, 3, 33), FLOATS(-1, 1, 2, 201, 3, 17)}},
    {"bce_with_logits", run_bce, {FLOATS(-3, 3, 1001, 303), FLOATS(0, 1, 1001, 303)}},
    {"dropout", run_dropout, {FLOATS(-1, 1, 1001, 503)}},
    {"cholesky", run_cholesky, {FLOATS(-1, 1, 6, 70, 70)}},
    {"solve", run_solve, {FLOATS(-1, 1, 3, 131, 131), FLOATS(-1, 1, 3, 131, 9)}},
    {"inverse", run_inverse, {FLOATS(-1, 1, 5, 61, 61)}},
    {"qr", run_qr, {FLOATS(-1, 1, 3, 90, 61)}},
    {"svdvals", run_singular, {FLOATS(-1, 1, 3, 40, 31)}},
    {"concat", run_concat, {FLOATS(-1, 1, 701, 301), FLOATS(-1, 1, 701, 203)}},
};

static int rank_of(const input *in) {
    int rank = 0;
    while (rank < 5 && in->shape[rank] != 0) {
        rank++;
    }
    return rank;
}

static wg_var put(wg_tape *tape, const input *in, int number, wg_dtype type) {
    const int rank = rank_of(in);
    const wg_var x = wg_constant(tape, WG_F64, rank, in->shape, NULL);
    const wg_view view = wg_view_of(x);
    double *values = view.data;
    const int64_t count = wg_view_count(&view);
    wg_random_uniform(wg_key_new((uint64_t)number), 0, (size_t)count, in->low, in->high, values);
    if (in->dtype != WG_F64) {
        return wg_cast(x, in->dtype);
    }
    const wg_var y = wg_cast(x, type);
    const wg_view cast = wg_view_of(y);
    return wg_variable(tape, type, rank, in->shape, cast.data);
}

/* Value and gradients, one behind the other; their bytes in *bytes. */
static double *run_once(const thread_case *c, wg_dtype type, int threads, size_t *count) {
#if defined(_OPENMP)
    omp_set_num_threads(threads);
#else
    (void)threads;
#endif
    wg_tape *tape = wg_tape_new();
    wg_var x[INPUTS];
    int n = 0;
    for (; n < INPUTS && rank_of(&c->in[n]) > 0; n++) {
        x[n] = put(tape, &c->in[n], n, type);
    }
    const wg_var y = c->run(x);
    size_t total = (size_t)wg_count(y), at = total;
    for (int i = 0; i < n; i++) {
        total += (size_t)wg_count(x[i]);
    }
    double *all = calloc(total, sizeof *all);
    cr_assert_eq(wg_read(y, WG_F64, all, (int64_t)at), WG_OK, "%s: %s", c->name,
                 wg_tape_message(tape));
    cr_assert_eq(wg_backward(wg_sum(wg_square(y))), WG_OK, "%s: %s", c->name,
                 wg_tape_message(tape));
    for (int i = 0; i < n; i++) {
        if (c->in[i].dtype == WG_F64) {
            (void)wg_read_adjoint(x[i], WG_F64, all + at, wg_count(x[i]));
        }
        at += (size_t)wg_count(x[i]);
    }
    wg_tape_free(tape);
    *count = total;
    return all;
}

/* Row indices alone: Criterion 2.4.1 moves parameters to another address. */
ParameterizedTestParameters(threads, same_bits) {
    static int rows[sizeof cases / sizeof *cases];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rows[i] = (int)i;
    }
    return cr_make_param_array(int, rows, sizeof rows / sizeof *rows);
}

ParameterizedTest(int *row, threads, same_bits) {
    const thread_case *c = &cases[*row];
    const wg_dtype types[] = {WG_F32, WG_F64};
    const int counts[] = {2, 5};
    for (int t = 0; t < 2; t++) {
        size_t n, m;
        double *want = run_once(c, types[t], 1, &n);
        for (int k = 0; k < 2; k++) {
            double *have = run_once(c, types[t], counts[k], &m);
            cr_assert_eq(n, m);
            for (size_t i = 0; i < n; i++) {
                cr_assert(memcmp(&have[i], &want[i], sizeof *have) == 0,
                          "%s, %s: number %zu is %.17g with %d threads, %.17g with one", c->name,
                          wg_dtype_name(types[t]), i, have[i], counts[k], want[i]);
            }
            free(have);
        }
        free(want);
    }
}
