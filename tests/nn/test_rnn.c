/* test_rnn.c: recurrent layers where PyTorch has no say: sequences of length 0, NaN behind their
 * ends, dropout between layers, what is refused. */
#include "wengert.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

enum {
    STEPS = 5,
    BATCH = 4,
    INPUTS = 3,
    HIDDEN = 2,
    ROWS = 4 /* layers times directions */
};

static wg_store *store;
static wg_tape *tape;

static void start(void) {
    store = wg_store_new(3);
    tape = wg_tape_new();
}

static void stop(void) {
    wg_tape_free(tape);
    wg_store_free(store);
}

TestSuite(rnn, .init = start, .fini = stop);

typedef enum kind {
    LSTM,
    GRU,
    RNN
} kind;

static wg_lstm_output run(kind which, wg_net net, wg_var x, wg_rnn_options o) {
    if (which == LSTM) {
        return wg_lstm_with(net, "layer", x, o);
    }
    const wg_rnn_output y =
        which == GRU ? wg_gru_with(net, "layer", x, o) : wg_rnn_with(net, "layer", x, o);
    return (wg_lstm_output){y.sequence, y.h, y.h};
}

static void random_values(const char *name, size_t n, double *out) {
    wg_random_uniform(wg_key_name(wg_key_new(1), name), 0, n, -1, 1, out);
}

static void read(wg_var x, double *out, int64_t count) {
    cr_assert_eq(wg_read(x, WG_F64, out, count), WG_OK, "%s %s", wg_last_message(),
                 wg_tape_message(tape));
}

static void expect_equal(const double *have, const double *want, int64_t n, const char *what) {
    for (int64_t i = 0; i < n; i++) {
        cr_assert_float_eq(have[i], want[i], 1e-13, "%s: element %lld is %.17g, not %.17g", what,
                           (long long)i, have[i], want[i]);
    }
}

static wg_var weighted(wg_lstm_output y) {
    return wg_add(wg_sum(wg_square(y.sequence)), wg_add(wg_sum(wg_exp(y.h)), wg_sum(wg_sin(y.c))));
}

/* All gradients of the parameters, one behind the other. */
static int64_t gradients(double *out) {
    int64_t at = 0;
    for (int64_t i = 0; i < wg_store_count(store); i++) {
        wg_parameter_view view;
        cr_assert_eq(wg_store_at(store, i, &view), WG_OK);
        memcpy(out + at, view.gradient, (size_t)wg_view_count(&view.value) * sizeof *out);
        at += wg_view_count(&view.value);
    }
    return at;
}

static const int64_t lengths[BATCH] = {3, 5, 0, 1};

/* The batch at once, with NaN behind each end. */
static void run_batch(kind which, const double *x, const double *h, double *sequence, double *end,
                      double *dx, double *dh, double *dw) {
    double values[STEPS * BATCH * INPUTS];
    for (int t = 0; t < STEPS; t++) {
        for (int b = 0; b < BATCH; b++) {
            for (int i = 0; i < INPUTS; i++) {
                const int at = (t * BATCH + b) * INPUTS + i;
                values[at] = t < lengths[b] ? x[at] : NAN;
            }
        }
    }
    const wg_var in = wg_variable(tape, WG_F64, WG_SHAPE(STEPS, BATCH, INPUTS), values);
    const wg_var from = wg_variable(tape, WG_F64, WG_SHAPE(ROWS, BATCH, HIDDEN), h);
    const wg_rnn_options o = {.hidden = HIDDEN,
                              .layers = 2,
                              .bidirectional = true,
                              .h = from,
                              .c = from,
                              .lengths = wg_constant(tape, WG_I64, WG_SHAPE(BATCH), lengths)};
    wg_zero_gradients(store);
    const wg_lstm_output y = run(which, wg_net_train(store, tape, 0), in, o);
    read(y.sequence, sequence, STEPS * BATCH * 2 * HIDDEN);
    read(y.h, end, ROWS * BATCH * HIDDEN);
    cr_assert_eq(wg_backward(weighted(y)), WG_OK, "%s", wg_tape_message(tape));
    cr_assert_eq(wg_read_adjoint(in, WG_F64, dx, STEPS * BATCH * INPUTS), WG_OK);
    cr_assert_eq(wg_read_adjoint(from, WG_F64, dh, ROWS * BATCH * HIDDEN), WG_OK);
    (void)gradients(dw);
    wg_tape_reset(tape);
}

/* Column b of [rows, BATCH, n]. */
static void column(const double *from, int b, int64_t rows, int64_t n, double *to) {
    for (int64_t i = 0; i < rows; i++) {
        memcpy(to + i * n, from + (i * BATCH + b) * n, (size_t)n * sizeof *to);
    }
}

static void put_column(double *to, int b, int64_t rows, int64_t n, const double *from) {
    for (int64_t i = 0; i < rows; i++) {
        memcpy(to + (i * BATCH + b) * n, from + i * n, (size_t)n * sizeof *to);
    }
}

/* One sequence after the other, each as long as it is. */
static void run_alone(kind which, const double *x, const double *h, double *sequence, double *end,
                      double *dx, double *dh, double *dw) {
    memset(sequence, 0, STEPS * BATCH * 2 * HIDDEN * sizeof *sequence);
    memset(dx, 0, STEPS * BATCH * INPUTS * sizeof *dx);
    wg_zero_gradients(store);
    for (int b = 0; b < BATCH; b++) {
        const int64_t n = lengths[b];
        double own[STEPS * INPUTS], state[ROWS * HIDDEN], out[STEPS * 2 * HIDDEN];
        column(x, b, n, INPUTS, own);
        column(h, b, ROWS, HIDDEN, state);
        const wg_var in = wg_variable(tape, WG_F64, WG_SHAPE(n, 1, INPUTS), own);
        const wg_var from = wg_variable(tape, WG_F64, WG_SHAPE(ROWS, 1, HIDDEN), state);
        const wg_rnn_options o = {
            .hidden = HIDDEN, .layers = 2, .bidirectional = true, .h = from, .c = from};
        const wg_lstm_output y = run(which, wg_net_train(store, tape, 0), in, o);
        read(y.sequence, out, n * 2 * HIDDEN);
        put_column(sequence, b, n, 2 * HIDDEN, out);
        read(y.h, state, ROWS * HIDDEN);
        put_column(end, b, ROWS, HIDDEN, state);
        cr_assert_eq(wg_backward(weighted(y)), WG_OK, "%s", wg_tape_message(tape));
        cr_assert_eq(wg_read_adjoint(in, WG_F64, own, n * INPUTS), WG_OK);
        cr_assert_eq(wg_read_adjoint(from, WG_F64, state, ROWS * HIDDEN), WG_OK);
        put_column(dx, b, n, INPUTS, own);
        put_column(dh, b, ROWS, HIDDEN, state);
        wg_tape_reset(tape);
    }
    (void)gradients(dw);
}

ParameterizedTestParameters(rnn, a_batch_of_lengths_is_each_sequence_alone) {
    static int rows[] = {LSTM, GRU, RNN};
    return cr_make_param_array(int, rows, 3);
}

ParameterizedTest(int *row, rnn, a_batch_of_lengths_is_each_sequence_alone) {
    double x[STEPS * BATCH * INPUTS], h[ROWS * BATCH * HIDDEN];
    double y[2][STEPS * BATCH * 2 * HIDDEN], end[2][ROWS * BATCH * HIDDEN];
    double dx[2][STEPS * BATCH * INPUTS], dh[2][ROWS * BATCH * HIDDEN], dw[2][1000] = {{0}};
    random_values("x", sizeof x / sizeof *x, x);
    random_values("h", sizeof h / sizeof *h, h);
    run_batch((kind)*row, x, h, y[0], end[0], dx[0], dh[0], dw[0]);
    run_alone((kind)*row, x, h, y[1], end[1], dx[1], dh[1], dw[1]);
    expect_equal(y[0], y[1], STEPS * BATCH * 2 * HIDDEN, "sequence");
    expect_equal(end[0], end[1], ROWS * BATCH * HIDDEN, "state");
    expect_equal(dx[0], dx[1], STEPS * BATCH * INPUTS, "gradient of x");
    expect_equal(dh[0], dh[1], ROWS * BATCH * HIDDEN, "gradient of the state");
    expect_equal(dw[0], dw[1], 1000, "gradient of the parameters");
    for (int i = 0; i < ROWS; i++) { /* what has length 0 ends as it started */
        cr_assert_eq(end[0][(i * BATCH + 2) * HIDDEN], h[(i * BATCH + 2) * HIDDEN]);
    }
}

Test(rnn, nothing_in_nothing_out) {
    const wg_net net = wg_net_train(store, tape, 0);
    double h[2 * HIDDEN];
    const wg_rnn_options o = {.hidden = HIDDEN, .h = wg_number(0.5)};
    wg_lstm_output y = wg_lstm_with(net, "a", wg_zeros(tape, WG_F64, WG_SHAPE(0, 2, 3)), o);
    cr_assert_eq(wg_size(y.sequence, 0), 0);
    cr_assert_eq(wg_size(y.sequence, 2), HIDDEN);
    read(y.h, h, 2 * HIDDEN);
    cr_assert_eq(h[3], 0.5);
    cr_assert_eq(wg_backward(wg_sum(y.sequence)), WG_OK, "%s", wg_tape_message(tape));
    wg_tape_reset(tape);
    y = wg_lstm(net, "a", wg_zeros(tape, WG_F64, WG_SHAPE(4, 0, 3)), HIDDEN);
    cr_assert_eq(wg_count(y.sequence), 0);
    cr_assert_eq(wg_size(y.h, 0), 1);
    cr_assert_eq(wg_backward(wg_sum(y.sequence)), WG_OK, "%s", wg_tape_message(tape));
}

/* A state that is a scalar on the tape stands for all of its elements, and gets their gradient. */
Test(rnn, a_scalar_state_has_a_gradient) {
    const wg_net net = wg_net_train(store, tape, 0);
    const wg_var s = wg_scalar(tape, 0.25);
    const wg_rnn_options o = {.hidden = HIDDEN, .h = s};
    const wg_var x = wg_zeros(tape, WG_F32, WG_SHAPE(0, 3, 1));
    cr_assert_eq(wg_backward(wg_sum(wg_gru_with(net, "a", x, o).h)), WG_OK);
    cr_assert_eq(wg_adjoint(s), 3 * HIDDEN);
}

Test(rnn, dropout_is_between_the_layers) {
    double y[3][24], values[4 * 2 * INPUTS];
    random_values("x", 24, values);
    const wg_rnn_options o = {.hidden = 3, .layers = 2, .dropout = 0.5};
    for (int i = 0; i < 3; i++) {
        wg_net net = wg_net_train(store, tape, i < 2 ? 7 : 8);
        const wg_var x = wg_constant(tape, WG_F64, WG_SHAPE(4, 2, INPUTS), values);
        read(wg_lstm_with(net, "a", x, o).sequence, y[i], 24);
        wg_tape_reset(tape);
    }
    cr_assert_arr_eq(y[0], y[1], sizeof y[0]);
    cr_assert_arr_neq(y[0], y[2], sizeof y[0]);
    const wg_rnn_options plain = {.hidden = 3, .layers = 2};
    for (int i = 0; i < 2; i++) {
        const wg_var x = wg_constant(tape, WG_F64, WG_SHAPE(4, 2, INPUTS), values);
        read(wg_lstm_with(wg_net_eval(store, tape), "a", x, i == 0 ? o : plain).sequence, y[i], 24);
    }
    cr_assert_arr_eq(y[0], y[1], sizeof y[0]);
}

static void expect_error(wg_status status, const char *text) {
    cr_assert_eq(wg_tape_status(tape), status, "%s", wg_tape_message(tape));
    cr_assert_not_null(strstr(wg_tape_message(tape), text), "%s", wg_tape_message(tape));
    wg_tape_reset(tape);
}

static wg_var input(void) {
    return wg_zeros(tape, WG_F32, WG_SHAPE(4, 2, 3));
}

static wg_var whole(int64_t n, const int64_t *values) {
    return wg_constant(tape, WG_I64, 1, &n, values);
}

Test(rnn, refuses) {
    const wg_net net = wg_net_train(store, tape, 0);
    wg_lstm(net, "a", wg_zeros(tape, WG_F32, WG_SHAPE(4, 3)), 2);
    expect_error(WG_ERROR_SHAPE, "lstm a: x [4, 3] has fewer than 3 axes");
    wg_gru(net, "a", wg_zeros(tape, WG_F32, WG_SHAPE(4, 3, 2, 1)), 2);
    expect_error(WG_ERROR_SHAPE, "gru a: x is [4, 3, 2, 1], not [steps, batch, inputs]");
    wg_rnn(net, "a", wg_zeros(tape, WG_I64, WG_SHAPE(4, 3, 2)), 2);
    expect_error(WG_ERROR_DTYPE, "rnn a: x [4, 3, 2] is i64");
    wg_lstm(net, "a", input(), 0);
    expect_error(WG_ERROR_ARGUMENT, "lstm a: 0 hidden units");
    wg_lstm_with(net, "a", wg_zeros(tape, WG_F32, WG_SHAPE(2, 0, 4)),
                 (wg_rnn_options){.hidden = INT64_MAX / 2 + 1});
    expect_error(WG_ERROR_LIMIT, "lstm a: 4611686018427387904 hidden units are too many");
    wg_lstm_with(net, "a", input(), (wg_rnn_options){.hidden = 2, .layers = -1});
    expect_error(WG_ERROR_ARGUMENT, "-1 layers");
    wg_lstm_with(net, "a", input(), (wg_rnn_options){.hidden = 2, .layers = 65});
    expect_error(WG_ERROR_LIMIT, "65 layers are asked for, of at most 64");
    wg_lstm_with(net, "a", input(), (wg_rnn_options){.hidden = 2, .dropout = 1});
    expect_error(WG_ERROR_ARGUMENT, "dropout 1 is not in [0, 1)");
    wg_lstm_with(net, "a", input(), (wg_rnn_options){.hidden = 2, .c = input()});
    expect_error(WG_ERROR_SHAPE, "lstm a: c is [4, 2, 3], not [1, 2, 2]");
    wg_var h = wg_zeros(tape, WG_F64, WG_SHAPE(1, 2, 2));
    wg_gru_with(net, "a", input(), (wg_rnn_options){.hidden = 2, .h = h});
    expect_error(WG_ERROR_DTYPE, "gru a: x is f32, h is f64");
    wg_var n = whole(3, (int64_t[]){1, 2, 3});
    wg_lstm_with(net, "a", input(), (wg_rnn_options){.hidden = 2, .lengths = n});
    expect_error(WG_ERROR_SHAPE, "lstm a: lengths are i64 [3], not i64 [2]");
    n = whole(2, (int64_t[]){4, 5});
    wg_lstm_with(net, "a", input(), (wg_rnn_options){.hidden = 2, .lengths = n});
    expect_error(WG_ERROR_ARGUMENT, "sequence 1 has the length 5 of 4 steps");
    n = whole(2, (int64_t[]){-1, 2});
    wg_lstm_with(net, "a", input(), (wg_rnn_options){.hidden = 2, .lengths = n});
    expect_error(WG_ERROR_ARGUMENT, "sequence 0 has the length -1");
    n = wg_zeros(tape, WG_F32, WG_SHAPE(2));
    wg_lstm_with(net, "a", input(), (wg_rnn_options){.hidden = 2, .lengths = n});
    expect_error(WG_ERROR_DTYPE, "lengths are f32 [2]");
    cr_assert_eq(wg_store_count(store), 0);
    wg_lstm(net, "a", input(), 2);
    wg_lstm(net, "a", wg_zeros(tape, WG_F32, WG_SHAPE(4, 2, 5)), 2);
    expect_error(WG_ERROR_SHAPE, "lstm a: x has the shape [4, 2, 5], a.weight_ih_l0 would be "
                                 "[8, 5] but is [8, 3]");
}
