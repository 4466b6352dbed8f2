/* gru.c: a GRU over a sequence as one operation. */
#include "op/define.h"
#include "op/recurrent.h"
#include "op/samples.h"
#include "tape/tape.h"

enum {
    GATES_IN,
    H0,
    WEIGHT,
    BIAS
};

static wg_status gru_shape(wg_call *call) {
    const wg_view *in = wg_call_operand(call, GATES_IN), *w = wg_call_operand(call, WEIGHT);
    const wg_view *bias = wg_call_operand(call, BIAS);
    const wg_status status = wg_recurrent_check(call, 3, false, WEIGHT);
    if (status == WG_OK && (bias->rank != 1 || bias->shape[0] != w->shape[0])) {
        return wg_call_fail(call, WG_ERROR_SHAPE, "the bias beside h is %s, not [%lld]",
                            wg_call_shape(call, BIAS), (long long)w->shape[0]);
    }
    return status == WG_OK
               ? wg_call_result(call, in->dtype, 3,
                                (const int64_t[]){in->shape[0], in->shape[1], w->shape[1]})
               : status;
}

static wg_status gru_forward(wg_call *call) {
    wg_recurrent run;
    if (wg_view_count(wg_call_out(call)) == 0) {
        return WG_OK;
    }
    if (!wg_recurrent_start(call, &run, 3, WG_GRU_KEPT, WEIGHT)) {
        return WG_ERROR_MEMORY;
    }
    run.bias = wg_call_operand(call, BIAS)->data;
    return wg_kernel_gru(&run)
               ? WG_OK
               : wg_call_fail(call, WG_ERROR_MEMORY, "no memory to pack the matrices");
}

/* Gives the weight and the bias beside h theirs, from the adjoint of W h + b. */
static void give_parts(wg_call *call, wg_var part, wg_var h, wg_var h0) {
    if (wg_wants(call, WEIGHT)) {
        wg_give(call, WEIGHT, wg_recurrent_weight(part, h, h0));
    }
    if (wg_wants(call, BIAS)) {
        wg_give(call, BIAS, wg_sum_over(part, WG_AXES(0, 1)));
    }
}

static void chain_on_buffers(wg_call *call, wg_var g) {
    const wg_view in = wg_operand_shape(call, GATES_IN), state = wg_operand_shape(call, H0);
    const wg_var h0 = wg_contiguous(wg_operand(call, H0)), y = wg_result(call);
    const wg_var weight = wg_contiguous(wg_operand(call, WEIGHT));
    const wg_var kept = wg_saved(call), adjoint = wg_contiguous(g);
    const wg_var d = wg_constant(call->tape, in.dtype, 3, in.shape, NULL);
    const wg_var part = wg_constant(call->tape, in.dtype, 3, in.shape, NULL);
    const wg_var dh = wg_constant(call->tape, in.dtype, 2, state.shape, NULL);
    if (wg_tape_status(call->tape) != WG_OK) {
        return;
    }
    const wg_view k = wg_view_of(kept);
    const wg_recurrent run = {.dtype = in.dtype,
                              .steps = in.shape[0],
                              .batch = in.shape[1],
                              .hidden = state.shape[1],
                              .h0 = wg_view_of(h0).data,
                              .weight = wg_view_of(weight).data,
                              .h = wg_view_of(y).data,
                              .kept = k.data,
                              .kept_step = k.shape[1] * k.shape[2],
                              .h_adjoint = wg_view_of(adjoint).data,
                              .in_adjoint = wg_view_of(d).data,
                              .part_adjoint = wg_view_of(part).data,
                              .h0_adjoint = wg_view_of(dh).data};
    if (!wg_kernel_gru_chain(&run)) {
        wg_call_fail(call, WG_ERROR_MEMORY, "no memory to pack the matrices of a gradient");
        return;
    }
    give_parts(call, part, y, h0);
    wg_give(call, GATES_IN, d);
    wg_give(call, H0, dh);
}

/* One step backward in verbs: dh becomes that of the step before; *part the adjoint of W h + b. */
static wg_var step_chain(wg_var in, wg_var beside, wg_var before, wg_var weight, wg_var *dh,
                         wg_var *part) {
    const int64_t n = wg_size(weight, 1);
    const wg_var r = wg_sigmoid(wg_add(wg_gate_of(in, 0, n), wg_gate_of(beside, 0, n)));
    const wg_var z = wg_sigmoid(wg_add(wg_gate_of(in, 1, n), wg_gate_of(beside, 1, n)));
    const wg_var product = wg_gate_of(beside, 2, n);
    const wg_var candidate = wg_tanh(wg_add(wg_gate_of(in, 2, n), wg_mul(r, product)));
    const wg_var dn = wg_mul(wg_mul(*dh, wg_sub(1, z)), wg_sub(1, wg_square(candidate)));
    const wg_var dr = wg_mul(wg_mul(dn, product), wg_mul(r, wg_sub(1, r)));
    const wg_var dz = wg_mul(wg_mul(*dh, wg_sub(before, candidate)), wg_mul(z, wg_sub(1, z)));
    const wg_var inside[3] = {dr, dz, dn}, outside[3] = {dr, dz, wg_mul(dn, r)};
    *part = wg_concat(3, outside, -1);
    *dh = wg_add(wg_mul(*dh, z), wg_matmul(*part, weight));
    return wg_concat(3, inside, -1);
}

static void gru_chain(wg_call *call, wg_var g) {
    const wg_view in = wg_operand_shape(call, GATES_IN), all = wg_view_of(g);
    const int64_t steps = in.shape[0];
    if (wg_view_count(&all) == 0) {
        return;
    }
    if (!wg_call_records(call)) {
        chain_on_buffers(call, g);
        return;
    }
    const wg_var h = wg_result(call), h0 = wg_operand(call, H0), x = wg_operand(call, GATES_IN);
    const wg_var weight = wg_operand(call, WEIGHT), bias = wg_operand(call, BIAS);
    wg_var dh = wg_number(0);
    wg_var *each = wg_alloc(2 * (size_t)steps * sizeof *each); /* inside tanh and σ; beside h */
    if (each == NULL) {
        wg_call_fail(call, WG_ERROR_MEMORY, "no memory for %lld steps", (long long)steps);
        return;
    }
    for (int64_t t = steps - 1; t >= 0; t--) {
        const wg_var before = t > 0 ? wg_step_of(h, t - 1) : h0;
        const wg_var beside = wg_add(wg_matmul(before, wg_transpose(weight)), bias);
        dh = wg_add(wg_step_of(g, t), dh);
        each[t] = step_chain(wg_step_of(x, t), beside, before, weight, &dh, &each[steps + t]);
    }
    const wg_var d = wg_steps_joined(steps, each), parts = wg_steps_joined(steps, each + steps);
    wg_free(each);
    wg_give(call, GATES_IN, d);
    wg_give(call, H0, dh);
    give_parts(call, parts, h, h0);
}

WG_SAMPLES(gru,
           {WG_OPERANDS(WG_FLOATS(-1, 1, 3, 2, 6), WG_FLOATS(-1, 1, 2, 2), WG_FLOATS(-1, 1, 6, 2),
                        WG_FLOATS(-1, 1, 6))},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 1, 3, 3), WG_FLOATS(-1, 1, 3, 1), WG_FLOATS(-1, 1, 3, 1),
                        WG_FLOATS(-1, 1, 3))},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 0, 6), WG_FLOATS(-1, 1, 0, 2), WG_FLOATS(-1, 1, 6, 2),
                        WG_FLOATS(-1, 1, 6))})
WG_DEFINE_OP(gru, gru_forward, gru_chain, WG_READS_OPERANDS | WG_READS_RESULT,
             WG_OP_FLOATS | WG_OP_CONTIGUOUS)

wg_gru_output wg_gru_sequence_at(wg_var x, wg_recurrent_weights w, wg_var h0, const char *site) {
    const wg_var gates = wg_recurrent_gates("gru_sequence", x, w.w_ih, w.b_ih, site);
    const wg_view shape = wg_view_of(gates);
    wg_var bias = w.b_hh;
    if (bias.tape == NULL && gates.tape != NULL && shape.rank == 3) {
        bias = wg_full(gates.tape, shape.dtype, 1, &shape.shape[2], bias.as.number);
    }
    const wg_var operands[4] = {gates, wg_recurrent_state(h0, gates, w.w_hh), w.w_hh, bias};
    const wg_var y = wg_apply(&wg_op_gru, 4, operands, NULL, 0, site);
    const int64_t steps = wg_size(y, 0);
    return (wg_gru_output){y, steps == 0 ? operands[H0] : wg_step_of(y, steps - 1)};
}
