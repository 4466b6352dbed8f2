/* Recurrent layers, transformers and generation when memory runs out, and when none should be asked
 * for. */
#include "allocation.h"
#include "wengert.h"

#include <criterion/criterion.h>

#include <math.h>

static wg_var lstm_part(wg_net net, wg_var x) {
    const wg_rnn_options o = {
        .hidden = 3,
        .layers = 2,
        .bidirectional = true,
        .dropout = 0.1,
        .batch_first = true,
        .lengths = wg_constant(net.tape, WG_I64, WG_SHAPE(2), (const int64_t[]){4, 2})};
    return wg_sum(wg_square(wg_lstm_with(net, "lstm", x, o).sequence));
}

static wg_var network(wg_store *store, wg_tape *tape, uint64_t step) {
    const wg_net net = wg_net_train(store, tape, step);
    const wg_var x = wg_full(tape, WG_F32, WG_SHAPE(2, 4, 6), 0.5);
    const wg_transformer_options o = {.heads = 2,
                                      .activation = (wg_gelu),
                                      .norm_first = true,
                                      .dropout = 0.1,
                                      .causal = true,
                                      .rotary = step == 1};
    wg_var memory = wg_transformer_encoder(net, "encoder", wg_gru(net, "gru", x, 4).sequence, 2, o);
    wg_var y =
        wg_transformer_decoder(net, "decoder", wg_rnn(net, "rnn", x, 4).sequence, memory, 1, o);
    const wg_transformer_options plain = {.heads = 2, .causal = true, .final_norm = true};
    y = wg_transformer_encoder(net, "last", y, 1, plain);
    return wg_add(wg_sum(wg_square(y)), lstm_part(net, x));
}

static wg_status train(wg_store *store, wg_tape *tape, wg_optimizer *optimizer) {
    wg_status status = wg_backward(network(store, tape, (uint64_t)wg_steps(optimizer)));
    if (status == WG_OK) {
        status = wg_step(optimizer, tape);
    }
    wg_tape_reset(tape);
    return status;
}

/* Three tokens of a decoder. */
static wg_status generate(wg_store *store, wg_tape *tape, wg_kv_cache *cache) {
    wg_status status = WG_OK;
    for (int i = 0; i < 3 && status == WG_OK; i++) {
        wg_no_grad_begin(tape);
        const wg_net net = wg_net_eval(store, tape);
        const wg_transformer_options o = {
            .heads = 2, .causal = true, .cache = cache, .final_norm = true};
        const wg_var x = wg_sinusoidal(tape, WG_F32, wg_kv_cache_length(cache), 1, 4);
        const wg_var memory = wg_full(tape, WG_F32, WG_SHAPE(1, 3, 4), 0.25);
        const wg_var y =
            wg_transformer_decoder(net, "decoder", wg_reshape(x, WG_SHAPE(1, 1, 4)), memory, 1, o);
        const wg_sample_options likely = {.temperature = 1, .top_k = 2};
        (void)wg_sample_logits(y, wg_key_new((uint64_t)i), likely);
        status = wg_tape_status(tape);
        wg_no_grad_end(tape);
        wg_tape_reset(tape);
    }
    return status;
}

/* From nothing to two trained steps and a little text. */
static wg_status everything(void) {
    wg_status status = WG_ERROR_MEMORY;
    wg_store *store = wg_store_new(3);
    wg_tape *tape = wg_tape_new();
    wg_kv_cache *cache = wg_kv_cache_new(4);
    wg_optimizer *optimizer = store != NULL ? wg_adam(store, wg_adam_defaults()) : NULL;
    if (tape != NULL && optimizer != NULL && cache != NULL) {
        status = train(store, tape, optimizer);
        status = status == WG_OK ? train(store, tape, optimizer) : status;
        status = status == WG_OK ? generate(store, tape, cache) : status;
    }
    wg_kv_cache_free(cache);
    wg_optimizer_free(optimizer);
    wg_tape_free(tape);
    wg_store_free(store);
    return status;
}

Test(sequence_allocation, survives_every_refusal) {
    cr_assert_eq(everything(), WG_OK);
    for (int once = 0; once < 2; once++) {
        wg_status status = WG_ERROR_MEMORY;
        long granted = 0;
        for (; granted < 3000 && status != WG_OK; granted++) {
            once ? wg_test_refuse_one(granted) : wg_test_refuse_after(granted);
            status = everything();
            cr_assert(status == WG_OK || status == WG_ERROR_MEMORY, "%d", (int)status);
            cr_assert_eq(wg_test_blocks(), 0, "%ld blocks leaked", wg_test_blocks());
        }
        wg_test_allow();
        cr_assert_eq(status, WG_OK);
        cr_assert(granted > 100, "%ld", granted);
    }
}

Test(sequence_allocation, steady_state) {
    wg_store *store = wg_store_new(3);
    wg_tape *tape = wg_tape_new();
    wg_optimizer *optimizer = wg_adam(store, wg_adam_defaults());
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(train(store, tape, optimizer), WG_OK);
    }
    wg_test_allow();
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(train(store, tape, optimizer), WG_OK);
    }
    cr_assert_eq(wg_test_requests(), 0, "%ld requests", wg_test_requests());
    wg_optimizer_free(optimizer);
    wg_tape_free(tape);
    wg_store_free(store);
}

Test(sequence_allocation, generation_in_steady_state) {
    wg_store *store = wg_store_new(3);
    wg_tape *tape = wg_tape_new();
    wg_kv_cache *cache = wg_kv_cache_new(4);
    cr_assert_eq(generate(store, tape, cache), WG_OK, "%s", wg_tape_message(tape));
    wg_test_allow();
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(wg_kv_cache_cut(cache, 0), WG_OK);
        cr_assert_eq(generate(store, tape, cache), WG_OK);
    }
    cr_assert_eq(wg_test_requests(), 0, "%ld requests", wg_test_requests());
    wg_kv_cache_free(cache);
    wg_tape_free(tape);
    wg_store_free(store);
}
