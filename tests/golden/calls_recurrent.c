#include "golden.h"

static void run_lstm(const golden_case *c, const wg_var *in, wg_var *out) {
    (void)c;
    const wg_lstm_output y =
        wg_lstm_sequence(in[0], ((wg_recurrent_weights){in[3], in[4], in[5], in[6]}),
                         ((wg_lstm_state){in[1], in[2]}));
    out[0] = y.sequence;
    out[1] = y.h;
    out[2] = y.c;
}

static void run_gru(const golden_case *c, const wg_var *in, wg_var *out) {
    (void)c;
    const wg_gru_output y =
        wg_gru_sequence(in[0], ((wg_recurrent_weights){in[2], in[3], in[4], in[5]}), in[1]);
    out[0] = y.sequence;
    out[1] = y.h;
}

static void run_rnn(const golden_case *c, const wg_var *in, wg_var *out) {
    const wg_rnn_output y =
        wg_rnn_sequence(in[0], ((wg_recurrent_weights){in[2], in[3], in[4], in[5]}), in[1],
                        golden_integer(c, "relu", 0) != 0);
    out[0] = y.sequence;
    out[1] = y.h;
}

/* Without biases, from zero. */
static void run_lstm_plain(const golden_case *c, const wg_var *in, wg_var *out) {
    (void)c;
    const wg_lstm_output y = wg_lstm_sequence(
        in[0], ((wg_recurrent_weights){.w_ih = in[1], .w_hh = in[2]}), ((wg_lstm_state){0}));
    out[0] = y.sequence;
    out[1] = y.h;
    out[2] = y.c;
}

static void run_gru_plain(const golden_case *c, const wg_var *in, wg_var *out) {
    (void)c;
    const wg_gru_output y =
        wg_gru_sequence(in[0], ((wg_recurrent_weights){.w_ih = in[1], .w_hh = in[2]}), 0);
    out[0] = y.sequence;
    out[1] = y.h;
}

const golden_call golden_calls_recurrent[] = {
    {"lstm_sequence", run_lstm, GOLDEN_ARRAY, 8, 32},
    {"gru_sequence", run_gru, GOLDEN_ARRAY, 8, 32},
    {"rnn_sequence", run_rnn, GOLDEN_ARRAY, 8, 32},
    {"lstm_plain", run_lstm_plain, GOLDEN_ARRAY, 8, 32},
    {"gru_plain", run_gru_plain, GOLDEN_ARRAY, 8, 32},
    {0},
};
