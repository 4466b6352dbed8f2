/* recurrent.h (internal): whole sequences of LSTM, GRU and plain cells, forward and backward, f32
 * and f64.
 *
 * All arrays are contiguous: a time step after the other, [steps, batch, …]. Threads take rows of
 * the batch through all steps, in blocks whose size no number of threads changes. */
#ifndef WG_SRC_KERNEL_RECURRENT_H
#define WG_SRC_KERNEL_RECURRENT_H

#include "wengert/op.h"

/* The input's part of the gates is G = 4 (LSTM: i, f, g, o), 3 (GRU: r, z, n) or 1 (plain) times
 * hidden wide. */
typedef struct wg_recurrent {
    wg_dtype dtype;
    int64_t steps, batch, hidden;
    const void *gates_in; /* [steps, batch, G hidden] */
    const void *h0, *c0;  /* [batch, hidden]; c0 of the LSTM alone */
    const void *weight;   /* [G hidden, hidden] */
    const void *turned;   /* the same transposed (forward) */
    const void *bias;     /* [G hidden] beside h, of the GRU alone; NULL: none */
    bool relu;            /* of the plain cell: max(0, ·) instead of tanh */
    void *h, *c;          /* [steps, batch, hidden], forward's results */
    /* What the chain needs of each step, `hidden` wide each: of the LSTM i, f, g, o, tanh(c), of
     * the GRU r, z, n, and n's part of h. Steps lie `kept_step` elements apart; 0: every step may
     * overwrite the one before. */
    void *kept;
    int64_t kept_step;
    /* Backward: adjoints of h and c, and what they become. */
    const void *h_adjoint, *c_adjoint; /* [steps, batch, hidden] */
    void *in_adjoint;                  /* of gates_in */
    void *part_adjoint; /* [steps, batch, 3 hidden], of the GRU's products with h, bias and all */
    void *h0_adjoint, *c0_adjoint;
} wg_recurrent;

#define WG_LSTM_KEPT 5
#define WG_GRU_KEPT 4

/* S. Hochreiter, J. Schmidhuber, "Long short-term memory" (1997), with forget gates as in PyTorch:
 * c = f c + i g, h = o tanh(c). False where memory to pack matrices ran out. */
bool wg_kernel_lstm(const wg_recurrent *run);
bool wg_kernel_lstm_chain(const wg_recurrent *run);

/* K. Cho et al., "Learning phrase representations using RNN encoder-decoder" (2014), as in PyTorch:
 * n = tanh(in + r (W h + b)), h = (1 - z) n + z h. */
bool wg_kernel_gru(const wg_recurrent *run);
bool wg_kernel_gru_chain(const wg_recurrent *run);

/* J. L. Elman, "Finding structure in time" (1990): h = tanh(in + W h). Nothing is kept: the chain
 * reads h. */
bool wg_kernel_rnn(const wg_recurrent *run);
bool wg_kernel_rnn_chain(const wg_recurrent *run);

#endif
