/* recurrent.h (internal): what LSTM, GRU and the plain cell share as operations. */
#ifndef WG_SRC_OP_RECURRENT_H
#define WG_SRC_OP_RECURRENT_H

#include "kernel/recurrent.h"
#include "wengert/recurrent.h"

/* Checks gates_in [steps, batch, gates hidden], h0 [batch, hidden] (and c0 where has_c), weight
 * [gates hidden, hidden]: operands 0, 1, (2,) and `weight`. */
wg_status wg_recurrent_check(wg_call *call, int64_t gates, bool has_c, int weight);

/* The sizes and the operands of a run; forward's transposed weight is made, and room for `kept`
 * numbers a unit and step. False, and the tape has failed, where there is no memory. */
bool wg_recurrent_start(wg_call *call, wg_recurrent *run, int64_t gates, int64_t kept, int weight);

/* An LSTM's states at all steps, [2, steps, batch, hidden]: h, then c. `start` comes back as
 * arrays. */
wg_var wg_lstm_states(wg_var x, wg_recurrent_weights weights, wg_lstm_state *start,
                      const char *site);

/* dL/dW of gates = h Wᵀ at every step, from the adjoint of the products [steps, batch, gates
 * hidden]; h: [steps, batch, hidden]. */
wg_var wg_recurrent_weight(wg_var adjoint, wg_var h, wg_var h0);

/* x · w_ihᵀ + bias for all steps; states that are numbers as arrays [batch, hidden]. The tape has
 * failed where the shapes do not fit. */
wg_var wg_recurrent_gates(const char *name, wg_var x, wg_var w_ih, wg_var bias, const char *site);
wg_var wg_recurrent_state(wg_var state, wg_var gates, wg_var w_hh);

/* Step t of [steps, …] without its first axis. */
wg_var wg_step_of(wg_var x, int64_t t);
/* Steps [batch, n], changed in place, as one array [steps, batch, n]. */
wg_var wg_steps_joined(int64_t steps, wg_var *each);
/* Columns [k n, (k + 1) n) of the last axis. */
wg_var wg_gate_of(wg_var x, int k, int64_t n);

#endif
