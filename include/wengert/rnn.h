/* rnn.h: recurrent layers, with the parameters of PyTorch's RNN, LSTM and GRU. */
#ifndef WENGERT_RNN_H
#define WENGERT_RNN_H

#include "wengert/nn.h"
#include "wengert/recurrent.h"

#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wg_rnn_options {
    int64_t hidden;     /* required: units of one direction, >= 1 */
    int layers;         /* 0 means 1; at most 64 */
    bool bidirectional; /* a second run from the end to the beginning; results side by side */
    bool batch_first;   /* x and the sequence are [batch, steps, ...], not [steps, batch, ...] */
    bool no_bias;
    bool relu;      /* wg_rnn alone: max(0, ...) instead of tanh */
    double dropout; /* in training, of what goes from one layer to the next; 0 <= dropout < 1.
                       Called twice in a step under one name it leaves out the same */
    /* States at the start, [layers · directions, batch, hidden] (for each layer forward, then
     * backward); a number stands for an array of it. c is the LSTM's alone. */
    wg_var h, c;
    /* i64 [batch]: how long each sequence is, 0 to steps; a number: all have the steps of x. What
     * stands behind its end counts for nothing (be it NaN): results there are zero, the states at
     * the end are those at the sequence's own end, and the backward run begins there; as PyTorch's
     * pack_padded_sequence and pad_packed_sequence. A sequence of length 0 ends as it started. */
    wg_var lengths;
    wg_initializer weight, bias; /* default U(±1/√hidden), PyTorch's */
} wg_rnn_options;

/* Layers over x [steps, batch, inputs] (f32 or f64). The sequence is [steps, batch, directions ·
 * hidden], of the last layer; h and c at the end are [layers · directions, batch, hidden].
 *
 * Parameters, of x's dtype: name.weight_ih_l0 [gates · hidden, inputs], name.weight_hh_l0
 * [gates · hidden, hidden], name.bias_ih_l0 and name.bias_hh_l0 [gates · hidden]; ..._l1 and so on
 * have directions · hidden inputs; ..._l0_reverse is the backward run. The gates' order and
 * formulas are those of recurrent.h.
 *
 * On the tape: SHAPE and DTYPE where x, h, c or lengths do not fit; ARGUMENT for options out of
 * range and lengths outside 0 to steps; LIMIT for more than 64 layers. */
WG_API wg_lstm_output wg_lstm_with_at(wg_net net, const char *name, wg_var x, const char *site,
                                      wg_rnn_options options);
WG_API wg_gru_output wg_gru_with_at(wg_net net, const char *name, wg_var x, const char *site,
                                    wg_rnn_options options);
WG_API wg_rnn_output wg_rnn_with_at(wg_net net, const char *name, wg_var x, const char *site,
                                    wg_rnn_options options);
#define wg_lstm_with(net, name, x, ...) wg_lstm_with_at(net, name, x, WG_HERE, __VA_ARGS__)
#define wg_gru_with(net, name, x, ...) wg_gru_with_at(net, name, x, WG_HERE, __VA_ARGS__)
#define wg_rnn_with(net, name, x, ...) wg_rnn_with_at(net, name, x, WG_HERE, __VA_ARGS__)

/* One layer, one direction, from zero. */
static inline wg_rnn_options wg_rnn_usual(int64_t hidden) {
    wg_rnn_options options;
    memset(&options, 0, sizeof options);
    options.hidden = hidden;
    return options;
}
#define wg_lstm(net, name, x, hidden) wg_lstm_with_at(net, name, x, WG_HERE, wg_rnn_usual(hidden))
#define wg_gru(net, name, x, hidden) wg_gru_with_at(net, name, x, WG_HERE, wg_rnn_usual(hidden))
#define wg_rnn(net, name, x, hidden) wg_rnn_with_at(net, name, x, WG_HERE, wg_rnn_usual(hidden))

#ifdef __cplusplus
}
#endif

#endif
