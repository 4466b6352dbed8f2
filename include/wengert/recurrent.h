/* recurrent.h: recurrent cells over whole sequences; as layers with parameters: rnn.h. */
#ifndef WENGERT_RECURRENT_H
#define WENGERT_RECURRENT_H

#include "wengert/array.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Weights as PyTorch lays them out: w_ih [gates · hidden, inputs], w_hh [gates · hidden, hidden],
 * biases [gates · hidden]; a bias left out (or a number) counts as that number. Gates: i, f, g, o
 * of the LSTM; r, z, n of the GRU. */
typedef struct wg_recurrent_weights {
    wg_var w_ih, w_hh, b_ih, b_hh;
} wg_recurrent_weights;

/* h and c, [batch, hidden]; numbers stand for arrays of that number, so {0} is the usual start. */
typedef struct wg_lstm_state {
    wg_var h, c;
} wg_lstm_state;

typedef struct wg_lstm_output {
    wg_var sequence; /* h of every step, [steps, batch, hidden] */
    wg_var h, c;     /* of the last step, [batch, hidden] */
} wg_lstm_output;

typedef struct wg_rnn_output {
    wg_var sequence, h;
} wg_rnn_output;
typedef wg_rnn_output wg_gru_output;

/* An LSTM over x [steps, batch, inputs], f32 or f64, as one operation:
 *
 *     i, f, g, o = σ, σ, tanh, σ of (W_ih x + b_ih + W_hh h + b_hh),  c = f c + i g,  h = o tanh(c)
 *
 * (S. Hochreiter, J. Schmidhuber, "Long short-term memory", 1997; F. Gers et al., "Learning to
 * forget", 2000). The input's part is one product over all steps, and so is the gradient of w_hh;
 * threads take rows of the batch. Five numbers a unit and step are kept for the backward sweep.
 * Errors: SHAPE. */
WG_API wg_lstm_output wg_lstm_sequence_at(wg_var x, wg_recurrent_weights weights,
                                          wg_lstm_state start, const char *site);

/* A GRU likewise (K. Cho et al., "Learning phrase representations using RNN encoder-decoder",
 * 2014, in PyTorch's form): r, z = σ(W_ih x + b_ih + W_hh h + b_hh),
 * n = tanh(W_in x + b_in + r (W_hn h + b_hn)), h = (1 - z) n + z h. */
WG_API wg_gru_output wg_gru_sequence_at(wg_var x, wg_recurrent_weights weights, wg_var h0,
                                        const char *site);

/* Plain cells likewise (J. L. Elman, "Finding structure in time", 1990): h = tanh(W_ih x + b_ih +
 * W_hh h + b_hh), or max(0, ...) with `relu`. */
WG_API wg_rnn_output wg_rnn_sequence_at(wg_var x, wg_recurrent_weights weights, wg_var h0,
                                        bool relu, const char *site);

#define wg_lstm_sequence(x, weights, ...) wg_lstm_sequence_at(x, weights, __VA_ARGS__, WG_HERE)
#define wg_gru_sequence(x, weights, h0) wg_gru_sequence_at(x, weights, wg_lift(h0), WG_HERE)
#define wg_rnn_sequence(x, weights, h0, relu)                                                      \
    wg_rnn_sequence_at(x, weights, wg_lift(h0), relu, WG_HERE)

#ifdef __cplusplus
}
#endif

#endif
