/* lstm.c: an LSTM over a sequence as one operation. */
#include "op/define.h"
#include "op/recurrent.h"
#include "op/samples.h"
#include "tape/tape.h"

enum {
    GATES_IN,
    H0,
    C0,
    WEIGHT
};

static wg_status lstm_shape(wg_call *call) {
    const wg_view *in = wg_call_operand(call, GATES_IN), *w = wg_call_operand(call, WEIGHT);
    const wg_status status = wg_recurrent_check(call, 4, true, WEIGHT);
    return status == WG_OK
               ? wg_call_result(call, in->dtype, 4,
                                (const int64_t[]){2, in->shape[0], in->shape[1], w->shape[1]})
               : status;
}

/* The second plane of [2, steps, batch, hidden]. */
static void *second_plane(const wg_view *view) {
    const int64_t count = wg_view_count(view) / 2;
    return (char *)view->data + count * (int64_t)wg_dtype_size(view->dtype);
}

static wg_status lstm_forward(wg_call *call) {
    wg_recurrent run;
    if (wg_view_count(wg_call_out(call)) == 0) {
        return WG_OK;
    }
    if (!wg_recurrent_start(call, &run, 4, WG_LSTM_KEPT, WEIGHT)) {
        return WG_ERROR_MEMORY;
    }
    run.c0 = wg_call_operand(call, C0)->data;
    run.c = second_plane(wg_call_out(call));
    return wg_kernel_lstm(&run)
               ? WG_OK
               : wg_call_fail(call, WG_ERROR_MEMORY, "no memory to pack the matrices");
}

/* All steps backward on buffers; the weight's gradient is one product over all of them. */
static void chain_on_buffers(wg_call *call, wg_var g) {
    const wg_view in = wg_operand_shape(call, GATES_IN), state = wg_operand_shape(call, H0);
    const wg_var h0 = wg_contiguous(wg_operand(call, H0)), c0 = wg_contiguous(wg_operand(call, C0));
    const wg_var weight = wg_contiguous(wg_operand(call, WEIGHT)), y = wg_result(call);
    const wg_var kept = wg_saved(call), adjoint = wg_contiguous(g);
    const wg_var d = wg_constant(call->tape, in.dtype, 3, in.shape, NULL);
    const wg_var dh = wg_constant(call->tape, in.dtype, 2, state.shape, NULL);
    const wg_var dc = wg_constant(call->tape, in.dtype, 2, state.shape, NULL);
    if (wg_tape_status(call->tape) != WG_OK) {
        return;
    }
    const wg_view yv = wg_view_of(y), gv = wg_view_of(adjoint), k = wg_view_of(kept);
    const wg_recurrent run = {.dtype = in.dtype,
                              .steps = in.shape[0],
                              .batch = in.shape[1],
                              .hidden = state.shape[1],
                              .h0 = wg_view_of(h0).data,
                              .c0 = wg_view_of(c0).data,
                              .weight = wg_view_of(weight).data,
                              .h = yv.data,
                              .c = second_plane(&yv),
                              .kept = k.data,
                              .kept_step = k.shape[1] * k.shape[2],
                              .h_adjoint = gv.data,
                              .c_adjoint = second_plane(&gv),
                              .in_adjoint = wg_view_of(d).data,
                              .h0_adjoint = wg_view_of(dh).data,
                              .c0_adjoint = wg_view_of(dc).data};
    if (!wg_kernel_lstm_chain(&run)) {
        wg_call_fail(call, WG_ERROR_MEMORY, "no memory to pack the matrices of a gradient");
        return;
    }
    if (wg_wants(call, WEIGHT)) {
        wg_give(call, WEIGHT, wg_recurrent_weight(d, wg_step_of(y, 0), h0));
    }
    wg_give(call, GATES_IN, d);
    wg_give(call, H0, dh);
    wg_give(call, C0, dc);
}

/* One step backward in verbs: dh and dc become those of the step before; returns the gates'
 * adjoint. */
static wg_var step_chain(wg_var gates, wg_var c, wg_var c_before, wg_var weight, wg_var *dh,
                         wg_var *dc) {
    const int64_t n = wg_size(weight, 1);
    const wg_var i = wg_sigmoid(wg_gate_of(gates, 0, n)), f = wg_sigmoid(wg_gate_of(gates, 1, n));
    const wg_var g = wg_tanh(wg_gate_of(gates, 2, n)), o = wg_sigmoid(wg_gate_of(gates, 3, n));
    const wg_var t = wg_tanh(c);
    const wg_var s = wg_add(*dc, wg_mul(wg_mul(*dh, o), wg_sub(1, wg_square(t))));
    const wg_var parts[4] = {
        wg_mul(wg_mul(s, g), wg_mul(i, wg_sub(1, i))),
        wg_mul(wg_mul(s, c_before), wg_mul(f, wg_sub(1, f))),
        wg_mul(wg_mul(s, i), wg_sub(1, wg_square(g))),
        wg_mul(wg_mul(*dh, t), wg_mul(o, wg_sub(1, o))),
    };
    const wg_var d = wg_concat(4, parts, -1);
    *dc = wg_mul(s, f);
    *dh = wg_matmul(d, weight);
    return d;
}

static void lstm_chain(wg_call *call, wg_var g) {
    const wg_view in = wg_operand_shape(call, GATES_IN);
    const int64_t steps = in.shape[0];
    const wg_view all = wg_view_of(g);
    if (wg_view_count(&all) == 0) {
        return;
    }
    if (!wg_call_records(call)) {
        chain_on_buffers(call, g);
        return;
    }
    const wg_var y = wg_result(call), h = wg_step_of(y, 0), c = wg_step_of(y, 1);
    const wg_var gh = wg_step_of(g, 0), gc = wg_step_of(g, 1);
    const wg_var h0 = wg_operand(call, H0), c0 = wg_operand(call, C0);
    const wg_var weight = wg_operand(call, WEIGHT), x = wg_operand(call, GATES_IN);
    wg_var dh = wg_number(0), dc = wg_number(0);
    wg_var *each = wg_alloc((size_t)steps * sizeof *each);
    if (each == NULL) {
        wg_call_fail(call, WG_ERROR_MEMORY, "no memory for %lld steps", (long long)steps);
        return;
    }
    for (int64_t t = steps - 1; t >= 0; t--) {
        const wg_var before = t > 0 ? wg_step_of(h, t - 1) : h0;
        const wg_var gates = wg_add(wg_step_of(x, t), wg_matmul(before, wg_transpose(weight)));
        dh = wg_add(wg_step_of(gh, t), dh);
        dc = wg_add(wg_step_of(gc, t), dc);
        each[t] = step_chain(gates, wg_step_of(c, t), t > 0 ? wg_step_of(c, t - 1) : c0, weight,
                             &dh, &dc);
    }
    const wg_var d = wg_steps_joined(steps, each);
    wg_free(each);
    wg_give(call, GATES_IN, d);
    wg_give(call, H0, dh);
    wg_give(call, C0, dc);
    if (wg_wants(call, WEIGHT)) {
        wg_give(call, WEIGHT, wg_recurrent_weight(d, h, h0));
    }
}

WG_SAMPLES(lstm,
           {WG_OPERANDS(WG_FLOATS(-1, 1, 3, 2, 8), WG_FLOATS(-1, 1, 2, 2), WG_FLOATS(-1, 1, 2, 2),
                        WG_FLOATS(-1, 1, 8, 2))},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 1, 3, 4), WG_FLOATS(-1, 1, 3, 1), WG_FLOATS(-1, 1, 3, 1),
                        WG_FLOATS(-1, 1, 4, 1))},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 0, 8), WG_FLOATS(-1, 1, 0, 2), WG_FLOATS(-1, 1, 0, 2),
                        WG_FLOATS(-1, 1, 8, 2))})
WG_DEFINE_OP(lstm, lstm_forward, lstm_chain, WG_READS_OPERANDS | WG_READS_RESULT,
             WG_OP_FLOATS | WG_OP_CONTIGUOUS)

wg_var wg_lstm_states(wg_var x, wg_recurrent_weights w, wg_lstm_state *start, const char *site) {
    const wg_var bias = (wg_add)(w.b_ih, w.b_hh);
    const wg_var gates = wg_recurrent_gates("lstm_sequence", x, w.w_ih, bias, site);
    start->h = wg_recurrent_state(start->h, gates, w.w_hh);
    start->c = wg_recurrent_state(start->c, gates, w.w_hh);
    const wg_var operands[4] = {gates, start->h, start->c, w.w_hh};
    return wg_apply(&wg_op_lstm, 4, operands, NULL, 0, site);
}

wg_lstm_output wg_lstm_sequence_at(wg_var x, wg_recurrent_weights weights, wg_lstm_state start,
                                   const char *site) {
    const wg_var y = wg_lstm_states(x, weights, &start, site);
    const int64_t steps = wg_size(y, 1);
    const wg_var h = wg_step_of(y, 0), c = wg_step_of(y, 1);
    if (steps == 0) {
        return (wg_lstm_output){h, start.h, start.c};
    }
    return (wg_lstm_output){h, wg_step_of(h, steps - 1), wg_step_of(c, steps - 1)};
}
