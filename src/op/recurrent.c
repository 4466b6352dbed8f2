/* recurrent.c: what LSTM, GRU and the plain cell share. */
#include "op/recurrent.h"

#include "kernel/copy.h"
#include "op/define.h"
#include "tape/tape.h"

wg_status wg_recurrent_check(wg_call *call, int64_t gates, bool has_c, int weight) {
    const wg_view *in = wg_call_operand(call, 0), *h = wg_call_operand(call, 1);
    const wg_view *c = wg_call_operand(call, has_c ? 2 : 1), *w = wg_call_operand(call, weight);
    const bool ranks = in->rank == 3 && h->rank == 2 && c->rank == 2 && w->rank == 2;
    if (!ranks || h->shape[0] != in->shape[1] || c->shape[0] != in->shape[1] ||
        h->shape[1] != w->shape[1] || c->shape[1] != w->shape[1] ||
        w->shape[0] != gates * w->shape[1] || in->shape[2] != w->shape[0]) {
        return wg_call_fail(call, WG_ERROR_SHAPE,
                            "gates %s, state %s and w_hh %s are not [steps, batch, %lld h], "
                            "[batch, h] and [%lld h, h]",
                            wg_call_shape(call, 0), wg_call_shape(call, 1),
                            wg_call_shape(call, weight), (long long)gates, (long long)gates);
    }
    return WG_OK;
}

bool wg_recurrent_start(wg_call *call, wg_recurrent *run, int64_t gates, int64_t kept, int weight) {
    const wg_view *in = wg_call_operand(call, 0), *w = wg_call_operand(call, weight);
    const int64_t n = w->shape[1], shape[] = {in->shape[0], in->shape[1], kept * n};
    const size_t size = wg_dtype_size(in->dtype);
    *run = (wg_recurrent){.dtype = in->dtype,
                          .steps = in->shape[0],
                          .batch = in->shape[1],
                          .hidden = n,
                          .gates_in = in->data,
                          .h0 = wg_call_operand(call, 1)->data,
                          .weight = w->data,
                          .h = wg_call_out(call)->data};
    if (kept > 0) {
        const bool sweeps = wg_call_will_sweep(call);
        run->kept_step = sweeps ? shape[1] * shape[2] : 0;
        run->kept = sweeps ? wg_call_save(call, in->dtype, 3, shape)
                           : wg_call_scratch(call, (size_t)(shape[1] * shape[2]) * size);
    }
    wg_view turned = wg_view_new(in->dtype, 2, (const int64_t[]){n, gates * n},
                                 kept > 0 && run->kept == NULL
                                     ? NULL
                                     : wg_call_scratch(call, (size_t)(gates * n * n) * size));
    if (turned.data == NULL) {
        return false;
    }
    wg_view from = turned;
    from.data = w->data;
    from.stride[0] = 1;
    from.stride[1] = n;
    wg_kernel_copy(&from, &turned);
    run->turned = turned.data;
    return true;
}

/* Everything before the last axis as rows. */
static wg_var rows_of(wg_var x) {
    return wg_reshape(x, WG_SHAPE(-1, wg_size(x, -1)));
}

wg_var wg_recurrent_weight(wg_var adjoint, wg_var h, wg_var h0) {
    const int64_t steps = wg_size(adjoint, 0);
    if (steps == 0) {
        return wg_number(0);
    }
    const wg_var first = wg_matmul(wg_transpose(wg_step_of(adjoint, 0)), h0);
    if (steps == 1) {
        return first;
    }
    const wg_var later = rows_of(wg_slice(adjoint, 0, 1, WG_END, 1));
    const wg_var before = rows_of(wg_slice(h, 0, 0, steps - 1, 1));
    return wg_add(wg_matmul(wg_transpose(later), before), first);
}

wg_var wg_recurrent_gates(const char *name, wg_var x, wg_var w_ih, wg_var bias, const char *site) {
    if (x.tape != NULL && wg_tape_status(x.tape) == WG_OK && wg_rank(x) != 3) {
        const wg_view view = wg_view_of(x);
        char text[192];
        wg_tape_fail(x.tape, WG_ERROR_SHAPE, name, site, "x is %s, not [steps, batch, inputs]",
                     wg_shape_text(view.rank, view.shape, text, sizeof text));
    }
    return wg_affine_at(x, w_ih, bias, site);
}

wg_var wg_recurrent_state(wg_var state, wg_var gates, wg_var w_hh) {
    const wg_view view = wg_view_of(gates);
    if (state.tape != NULL || gates.tape == NULL || view.rank != 3) {
        return state;
    }
    return wg_full(gates.tape, view.dtype, WG_SHAPE(view.shape[1], wg_size(w_hh, -1)),
                   state.as.number);
}

wg_var wg_step_of(wg_var x, int64_t t) {
    wg_view view = wg_view_of(x);
    return wg_reshape(wg_slice(x, 0, t, t + 1, 1), view.rank - 1, view.shape + 1);
}

wg_var wg_gate_of(wg_var x, int k, int64_t n) {
    return wg_slice(x, -1, k * n, (k + 1) * n, 1);
}

wg_var wg_steps_joined(int64_t steps, wg_var *each) {
    for (int64_t t = 0; t < steps; t++) {
        const wg_view view = wg_view_of(each[t]);
        each[t] = wg_reshape(each[t], WG_SHAPE(1, view.shape[0], view.shape[1]));
    }
    return steps == 1 ? each[0] : wg_concat((int)steps, each, 0);
}
