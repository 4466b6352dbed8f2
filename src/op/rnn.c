/* rnn.c: plain recurrent cells over a sequence as one operation. */
#include "op/define.h"
#include "op/recurrent.h"
#include "op/samples.h"
#include "tape/tape.h"

#include <string.h>

enum {
    GATES_IN,
    H0,
    WEIGHT
};

typedef struct rnn_state {
    bool relu;
} rnn_state;

static bool is_relu(const wg_call *call) {
    const rnn_state *state = wg_call_state(call);
    return state->relu;
}

static wg_status rnn_shape(wg_call *call) {
    const wg_view *in = wg_call_operand(call, GATES_IN);
    const wg_status status = wg_recurrent_check(call, 1, false, WEIGHT);
    return status == WG_OK ? wg_call_result(call, in->dtype, 3, in->shape) : status;
}

static wg_status rnn_forward(wg_call *call) {
    wg_recurrent run;
    if (wg_view_count(wg_call_out(call)) == 0) {
        return WG_OK;
    }
    if (!wg_recurrent_start(call, &run, 1, 0, WEIGHT)) {
        return WG_ERROR_MEMORY;
    }
    run.relu = is_relu(call);
    return wg_kernel_rnn(&run)
               ? WG_OK
               : wg_call_fail(call, WG_ERROR_MEMORY, "no memory to pack the matrices");
}

static void chain_on_buffers(wg_call *call, wg_var g) {
    const wg_view in = wg_operand_shape(call, GATES_IN), state = wg_operand_shape(call, H0);
    const wg_var h0 = wg_contiguous(wg_operand(call, H0)), y = wg_result(call);
    const wg_var weight = wg_contiguous(wg_operand(call, WEIGHT)), adjoint = wg_contiguous(g);
    const wg_var d = wg_constant(call->tape, in.dtype, 3, in.shape, NULL);
    const wg_var dh = wg_constant(call->tape, in.dtype, 2, state.shape, NULL);
    if (wg_tape_status(call->tape) != WG_OK) {
        return;
    }
    const wg_recurrent run = {.dtype = in.dtype,
                              .steps = in.shape[0],
                              .batch = in.shape[1],
                              .hidden = state.shape[1],
                              .relu = is_relu(call),
                              .h0 = wg_view_of(h0).data,
                              .weight = wg_view_of(weight).data,
                              .h = wg_view_of(y).data,
                              .h_adjoint = wg_view_of(adjoint).data,
                              .in_adjoint = wg_view_of(d).data,
                              .h0_adjoint = wg_view_of(dh).data};
    if (!wg_kernel_rnn_chain(&run)) {
        wg_call_fail(call, WG_ERROR_MEMORY, "no memory to pack the matrices of a gradient");
        return;
    }
    if (wg_wants(call, WEIGHT)) {
        wg_give(call, WEIGHT, wg_recurrent_weight(d, y, h0));
    }
    wg_give(call, GATES_IN, d);
    wg_give(call, H0, dh);
}

static void rnn_chain(wg_call *call, wg_var g) {
    const wg_view in = wg_operand_shape(call, GATES_IN), all = wg_view_of(g);
    const int64_t steps = in.shape[0];
    if (wg_view_count(&all) == 0) {
        return;
    }
    if (!wg_call_records(call)) {
        chain_on_buffers(call, g);
        return;
    }
    const wg_var h = wg_result(call), weight = wg_operand(call, WEIGHT);
    wg_var dh = wg_number(0);
    wg_var *each = wg_alloc((size_t)steps * sizeof *each);
    if (each == NULL) {
        wg_call_fail(call, WG_ERROR_MEMORY, "no memory for %lld steps", (long long)steps);
        return;
    }
    for (int64_t t = steps - 1; t >= 0; t--) {
        const wg_var here = wg_step_of(h, t);
        const wg_var slope = is_relu(call) ? wg_gt(here, 0) : wg_sub(1, wg_square(here));
        each[t] = wg_mul(wg_add(wg_step_of(g, t), dh), slope);
        dh = wg_matmul(each[t], weight);
    }
    const wg_var d = wg_steps_joined(steps, each);
    wg_free(each);
    wg_give(call, GATES_IN, d);
    wg_give(call, H0, dh);
    if (wg_wants(call, WEIGHT)) {
        wg_give(call, WEIGHT, wg_recurrent_weight(d, h, wg_operand(call, H0)));
    }
}

#define TANH WG_STATE(rnn_state, false)
#define RELU WG_STATE(rnn_state, true)
WG_SAMPLES(
    rnn,
    {WG_OPERANDS(WG_FLOATS(-1, 1, 3, 2, 2), WG_FLOATS(-1, 1, 2, 2), WG_FLOATS(-1, 1, 2, 2)), TANH},
    {WG_OPERANDS(WG_FLOATS(-1, 1, 1, 3, 1), WG_FLOATS(-1, 1, 3, 1), WG_FLOATS(-1, 1, 1, 1)), TANH},
    /* Not near the kink. */
    {WG_OPERANDS(WG_FLOATS(1, 2, 3, 2, 2), WG_FLOATS(0, 1, 2, 2), WG_FLOATS(0, 0.5, 2, 2)), RELU},
    {WG_OPERANDS(WG_FLOATS(-3, -2, 2, 2, 2), WG_FLOATS(0, 1, 2, 2), WG_FLOATS(0, 0.5, 2, 2)), RELU},
    {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 0, 2), WG_FLOATS(-1, 1, 0, 2), WG_FLOATS(-1, 1, 2, 2)), TANH})
WG_DEFINE_OP(rnn, rnn_forward, rnn_chain, WG_READS_OPERANDS | WG_READS_RESULT,
             WG_OP_FLOATS | WG_OP_CONTIGUOUS)

wg_rnn_output wg_rnn_sequence_at(wg_var x, wg_recurrent_weights w, wg_var h0, bool relu,
                                 const char *site) {
    const wg_var bias = (wg_add)(w.b_ih, w.b_hh);
    const wg_var gates = wg_recurrent_gates("rnn_sequence", x, w.w_ih, bias, site);
    const wg_var operands[3] = {gates, wg_recurrent_state(h0, gates, w.w_hh), w.w_hh};
    rnn_state state;
    memset(&state, 0, sizeof state);
    state.relu = relu;
    const wg_var y = wg_apply(&wg_op_rnn, 3, operands, &state, sizeof state, site);
    const int64_t steps = wg_size(y, 0);
    return (wg_rnn_output){y, steps == 0 ? operands[H0] : wg_step_of(y, steps - 1)};
}
