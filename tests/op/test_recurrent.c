/* test_recurrent.c: LSTM and GRU over sequences: against steps in verbs, threads, wrong shapes. */
#include "arrays.h"

#include "wengert.h"

#include <criterion/criterion.h>
#include <string.h>

enum {
    STEPS = 4,
    BATCH = 37, /* more than a block of rows, and no multiple of it */
    IN = 3,
    HIDDEN = 5
};

static wg_var random_array(wg_tape *tape, wg_dtype dtype, const char *name, int rank,
                           const int64_t *shape) {
    double values[MOST];
    int64_t count = 1;
    for (int i = 0; i < rank; i++) {
        count *= shape[i];
    }
    cr_assert_leq(count, MOST);
    wg_random_uniform(wg_key_name(wg_key_new(3), name), 0, (size_t)count, -1, 1, values);
    const wg_var x = wg_constant(tape, WG_F64, rank, shape, values);
    const wg_var y = wg_cast(x, dtype);
    const wg_view view = wg_view_of(y);
    return wg_variable(tape, dtype, rank, shape, view.data);
}

static wg_recurrent_weights weights_of(wg_tape *tape, wg_dtype dtype, int64_t gates) {
    return (wg_recurrent_weights){
        random_array(tape, dtype, "w_ih", WG_SHAPE(gates * HIDDEN, IN)),
        random_array(tape, dtype, "w_hh", WG_SHAPE(gates * HIDDEN, HIDDEN)),
        random_array(tape, dtype, "b_ih", WG_SHAPE(gates * HIDDEN)),
        random_array(tape, dtype, "b_hh", WG_SHAPE(gates * HIDDEN))};
}

static wg_var step(wg_var x, int64_t t) {
    return wg_reshape(wg_slice(x, 0, t, t + 1, 1), WG_SHAPE(wg_size(x, 1), wg_size(x, 2)));
}

static wg_var gate(wg_var x, int k) {
    return wg_slice(x, 1, k * HIDDEN, (k + 1) * HIDDEN, 1);
}

/* The weighted sum of all outputs of an LSTM, one step after the other. */
static wg_var lstm_in_verbs(wg_var x, wg_recurrent_weights w, wg_var h, wg_var c) {
    wg_var total = wg_number(0);
    for (int t = 0; t < STEPS; t++) {
        const wg_var a =
            wg_add(wg_affine(step(x, t), w.w_ih, w.b_ih), wg_affine(h, w.w_hh, w.b_hh));
        c = wg_add(wg_mul(wg_sigmoid(gate(a, 1)), c),
                   wg_mul(wg_sigmoid(gate(a, 0)), wg_tanh(gate(a, 2))));
        h = wg_mul(wg_sigmoid(gate(a, 3)), wg_tanh(c));
        total = wg_add(total, wg_mul(1 + t, wg_sum(wg_square(h))));
    }
    return wg_add(total, wg_sum(wg_exp(c)));
}

static wg_var gru_in_verbs(wg_var x, wg_recurrent_weights w, wg_var h) {
    wg_var total = wg_number(0);
    for (int t = 0; t < STEPS; t++) {
        const wg_var a = wg_affine(step(x, t), w.w_ih, w.b_ih), b = wg_affine(h, w.w_hh, w.b_hh);
        const wg_var r = wg_sigmoid(wg_add(gate(a, 0), gate(b, 0)));
        const wg_var z = wg_sigmoid(wg_add(gate(a, 1), gate(b, 1)));
        const wg_var n = wg_tanh(wg_add(gate(a, 2), wg_mul(r, gate(b, 2))));
        h = wg_add(wg_mul(wg_sub(1, z), n), wg_mul(z, h));
        total = wg_add(total, wg_mul(1 + t, wg_sum(wg_square(h))));
    }
    return total;
}

static wg_var weighted(wg_var sequence) {
    wg_var total = wg_number(0);
    for (int t = 0; t < STEPS; t++) {
        total = wg_add(total, wg_mul(1 + t, wg_sum(wg_square(step(sequence, t)))));
    }
    return total;
}

/* Value and gradients of x, h0 (c0) and the weights: by the operation, or in verbs. */
static int64_t run(wg_tape *tape, bool lstm, bool verbs, double *out) {
    const wg_var x = random_array(tape, WG_F64, "x", WG_SHAPE(STEPS, BATCH, IN));
    const wg_var h = random_array(tape, WG_F64, "h", WG_SHAPE(BATCH, HIDDEN));
    const wg_var c = random_array(tape, WG_F64, "c", WG_SHAPE(BATCH, HIDDEN));
    const wg_recurrent_weights w = weights_of(tape, WG_F64, lstm ? 4 : 3);
    wg_var y;
    if (verbs) {
        y = lstm ? lstm_in_verbs(x, w, h, c) : gru_in_verbs(x, w, h);
    } else if (lstm) {
        const wg_lstm_output o = wg_lstm_sequence(x, w, ((wg_lstm_state){h, c}));
        y = wg_add(weighted(o.sequence), wg_sum(wg_exp(o.c)));
    } else {
        y = weighted(wg_gru_sequence(x, w, h).sequence);
    }
    const wg_var all[] = {x, w.w_ih, w.w_hh, w.b_ih, w.b_hh, h, c};
    int64_t at = 1;
    cr_assert_eq(wg_backward(y), WG_OK, "%s", wg_tape_message(tape));
    out[0] = wg_value(y);
    for (size_t i = 0; i < sizeof all / sizeof *all - (lstm ? 0 : 1); i++) {
        cr_assert_eq(wg_read_adjoint(all[i], WG_F64, out + at, wg_count(all[i])), WG_OK);
        at += wg_count(all[i]);
    }
    wg_tape_reset(tape);
    return at;
}

Test(recurrent, as_steps_in_verbs) {
    static double want[MOST], have[MOST];
    wg_tape *tape = wg_tape_new();
    for (int lstm = 0; lstm < 2; lstm++) {
        const int64_t count = run(tape, lstm != 0, true, want);
        cr_assert_eq(run(tape, lstm != 0, false, have), count);
        for (int64_t i = 0; i < count; i++) {
            expect_close(have[i], want[i], 1e-12, i);
        }
    }
    wg_tape_free(tape);
}

Test(recurrent, nothing_is_kept_without_a_sweep) {
    wg_tape *tape = wg_tape_new();
    const wg_var x = random_array(tape, WG_F64, "x", WG_SHAPE(STEPS, BATCH, IN));
    const wg_recurrent_weights w = weights_of(tape, WG_F64, 4);
    const wg_lstm_output recorded = wg_lstm_sequence(x, w, ((wg_lstm_state){0}));
    double want[MOST];
    (void)read_all(recorded.sequence, want);
    wg_no_grad_begin(tape);
    expect_values(wg_lstm_sequence(x, w, ((wg_lstm_state){0})).sequence, want, 0);
    wg_no_grad_end(tape);
    wg_tape_free(tape);
}

Test(recurrent, empty_sequences) {
    wg_tape *tape = wg_tape_new();
    const wg_recurrent_weights w = weights_of(tape, WG_F64, 4);
    const wg_var x = wg_variable(tape, WG_F64, WG_SHAPE(0, 2, IN), NULL);
    const wg_lstm_output y = wg_lstm_sequence(x, w, ((wg_lstm_state){wg_number(0.5)}));
    expect_shape(y.sequence, WG_SHAPE(0, 2, HIDDEN));
    expect_values(y.h, (const double[10]){.5, .5, .5, .5, .5, .5, .5, .5, .5, .5}, 0);
    wg_tape_free(tape);
}

Test(recurrent, wrong_shapes) {
    wg_tape *tape = wg_tape_new();
    wg_recurrent_weights w = weights_of(tape, WG_F64, 4);
    wg_var x = random_array(tape, WG_F64, "x", WG_SHAPE(STEPS, IN));
    (void)wg_lstm_sequence(x, w, ((wg_lstm_state){0}));
    expect_failure(tape, WG_ERROR_SHAPE, "lstm_sequence: x is [4, 3], not [steps, batch, inputs]");
    w = weights_of(tape, WG_F64, 3);
    x = random_array(tape, WG_F64, "x", WG_SHAPE(STEPS, BATCH, IN));
    (void)wg_lstm_sequence(x, w, ((wg_lstm_state){0}));
    expect_failure(tape, WG_ERROR_SHAPE, "[4 h, h]");
    w = weights_of(tape, WG_F64, 3);
    x = random_array(tape, WG_F64, "x", WG_SHAPE(STEPS, BATCH, IN));
    w.b_hh = random_array(tape, WG_F64, "b", WG_SHAPE(7));
    (void)wg_gru_sequence(x, w, 0);
    expect_failure(tape, WG_ERROR_SHAPE, "gru: the bias beside h is [7], not [15]");
    wg_tape_free(tape);
}
