/* test_sequence_threads.c: recurrent layers and transformers give the same bits with 1, 2 and 5
 * threads: outputs and gradients of arrays that are large enough to be shared. */
#include "layer_test.h"

#if defined(_OPENMP)
#include <omp.h>
#endif

enum {
    BATCH = 18,
    LENGTH = 70,
    WIDTH = 32
};

static wg_var network(wg_net net, bool blocks) {
    int64_t length[BATCH];
    for (int i = 0; i < BATCH; i++) {
        length[i] = i * 17 % (LENGTH + 1);
    }
    wg_var x = wg_normal(net.tape, wg_key_new(3), 0, 1, WG_F32, WG_SHAPE(BATCH, LENGTH, WIDTH));
    const wg_rnn_options o = {.hidden = WIDTH / 2,
                              .layers = 2,
                              .bidirectional = true,
                              .batch_first = true,
                              .dropout = 0.1,
                              .lengths = wg_constant(net.tape, WG_I64, WG_SHAPE(BATCH), length)};
    const wg_transformer_options t = {.heads = 4,
                                      .key_heads = 2,
                                      .dropout = 0.1,
                                      .activation = (wg_gelu),
                                      .norm_first = true,
                                      .causal = true,
                                      .rotary = blocks};
    const wg_var a = wg_lstm_with(net, "lstm", x, o).sequence;
    const wg_var b = wg_gru_with(net, "gru", x, o).sequence;
    const wg_var c = wg_rnn_with(net, "rnn", x, o).sequence;
    x = wg_transformer_encoder(net, "encoder", wg_add(a, b), 1, t);
    return wg_mean(wg_square(wg_transformer_decoder(net, "decoder", c, x, 1, t)));
}

/* The results and all gradients, one behind the other. */
static double *run(int threads, int64_t *count) {
#if defined(_OPENMP)
    omp_set_num_threads(threads);
#endif
    (void)threads;
    start();
    double *all = calloc(200000, sizeof *all);
    *count = 0;
    for (int blocks = 0; blocks < 2; blocks++) {
        const wg_var y = network(wg_net_train(store, tape, 5), blocks != 0);
        all[(*count)++] = wg_value(y);
        cr_assert_eq(wg_backward(y), WG_OK, "%s", wg_tape_message(tape));
        wg_tape_reset(tape);
    }
    for (int64_t i = 0; i < wg_store_count(store); i++) {
        wg_parameter_view p;
        cr_assert_eq(wg_store_at(store, i, &p), WG_OK);
        for (int64_t k = 0; k < wg_view_count(&p.value); k++) {
            cr_assert_lt(*count, 200000);
            all[(*count)++] = gradient(p.name, k);
        }
    }
    stop();
    return all;
}

Test(sequence_threads, same_bits) {
    const int threads[] = {2, 5};
    int64_t n, m;
    double *want = run(1, &n);
    for (int t = 0; t < 2; t++) {
        double *have = run(threads[t], &m);
        cr_assert_eq(n, m);
        for (int64_t i = 0; i < n; i++) {
            cr_assert(memcmp(&have[i], &want[i], sizeof *have) == 0,
                      "number %lld is %.17g with %d threads, %.17g with one", (long long)i, have[i],
                      threads[t], want[i]);
        }
        free(have);
    }
    free(want);
}
