/* rnn.c: layers of recurrent cells: parameters, directions, lengths. */
#include "wengert/rnn.h"
#include "nn/layer.h"
#include "op/recurrent.h"
#include "wengert/distribution.h"
#include "wengert/elementwise.h"
#include "wengert/index.h"

#include <stdio.h>

#define MOST_LAYERS 64

typedef wg_lstm_state states; /* of all steps; c of the LSTM alone */

/* A kind of cell, over [steps, batch, inputs]. */
typedef struct cell {
    const char *kind;
    int64_t gates;
    bool has_c;
    states (*run)(wg_var x, wg_recurrent_weights w, states start, bool relu, const char *site);
} cell;

/* One call. */
typedef struct pass {
    wg_layer layer;
    const cell *cell;
    wg_rnn_options options;
    int64_t steps, batch;
    int directions;
    /* Where sequences differ in length: 1 at steps before the end [steps, batch, 1]; as rows of
     * [steps · batch]: each sequence turned around within its length [steps, batch], and its last
     * step [batch]; 1 where a sequence has steps at all [batch, 1], a number where all have. */
    bool ragged;
    wg_var inside, turned, last, some;
} pass;

static states run_lstm(wg_var x, wg_recurrent_weights w, states start, bool relu,
                       const char *site) {
    (void)relu;
    const wg_var y = wg_lstm_states(x, w, &start, site);
    return (states){wg_step_of(y, 0), wg_step_of(y, 1)};
}

static states run_gru(wg_var x, wg_recurrent_weights w, states start, bool relu, const char *site) {
    (void)relu;
    return (states){.h = wg_gru_sequence_at(x, w, start.h, site).sequence};
}

static states run_rnn(wg_var x, wg_recurrent_weights w, states start, bool relu, const char *site) {
    return (states){.h = wg_rnn_sequence_at(x, w, start.h, relu, site).sequence};
}

static const cell lstm = {"lstm", 4, true, run_lstm};
static const cell gru = {"gru", 3, false, run_gru};
static const cell rnn = {"rnn", 1, false, run_rnn};

/* ---- What goes in --------------------------------------------------------------------------- */

static bool options_allowed(const pass *p) {
    const wg_rnn_options *o = &p->options;
    if (o->hidden < 1) {
        (void)wg_layer_fail(&p->layer, WG_ERROR_ARGUMENT, "%lld hidden units are asked for",
                            (long long)o->hidden);
    } else if (o->hidden > INT64_MAX / 8) { /* all gates together are counted, too */
        (void)wg_layer_fail(&p->layer, WG_ERROR_LIMIT, "%lld hidden units are too many",
                            (long long)o->hidden);
    } else if (o->layers < 1 || o->layers > MOST_LAYERS) {
        (void)wg_layer_fail(&p->layer, o->layers < 1 ? WG_ERROR_ARGUMENT : WG_ERROR_LIMIT,
                            "%d layers are asked for, of at most %d", o->layers, MOST_LAYERS);
    } else if (!(o->dropout >= 0 && o->dropout < 1)) {
        (void)wg_layer_fail(&p->layer, WG_ERROR_ARGUMENT, "dropout %g is not in [0, 1)",
                            o->dropout);
    }
    return p->layer.net.tape->status == WG_OK;
}

/* Whether h or c is a number or [layers · directions, batch, hidden]. */
static bool state_fits(const pass *p, wg_var state, const char *name) {
    const wg_layer *layer = &p->layer;
    if (wg_var_refused(layer->net.tape, state, 0, layer->kind, layer->site)) {
        return false;
    }
    if (!wg_is_array(state)) {
        return true;
    }
    const wg_view view = wg_view_of(state);
    const int64_t shape[3] = {(int64_t)p->options.layers * p->directions, p->batch,
                              p->options.hidden};
    char is[192], asked[192];
    if (!wg_shape_equal(view.rank, view.shape, 3, shape)) {
        (void)wg_layer_fail(layer, WG_ERROR_SHAPE, "%s is %s, not %s", name,
                            wg_shape_text(view.rank, view.shape, is, sizeof is),
                            wg_shape_text(3, shape, asked, sizeof asked));
        return false;
    }
    if (view.dtype != layer->dtype) {
        (void)wg_layer_fail(layer, WG_ERROR_DTYPE, "x is %s, %s is %s", wg_dtype_name(layer->dtype),
                            name, wg_dtype_name(view.dtype));
        return false;
    }
    return true;
}

/* The lengths; NULL where there are none, or a failure on the tape. */
static const int64_t *lengths_of(pass *p) {
    const wg_layer *layer = &p->layer;
    wg_var lengths = p->options.lengths;
    if (wg_var_refused(layer->net.tape, lengths, 0, layer->kind, layer->site) ||
        !wg_is_array(lengths)) {
        return NULL;
    }
    wg_view view = wg_view_of(lengths);
    if (view.dtype != WG_I64 || view.rank != 1 || view.shape[0] != p->batch) {
        char text[192];
        (void)wg_layer_fail(layer, view.dtype != WG_I64 ? WG_ERROR_DTYPE : WG_ERROR_SHAPE,
                            "lengths are %s %s, not i64 [%lld]", wg_dtype_name(view.dtype),
                            wg_shape_text(view.rank, view.shape, text, sizeof text),
                            (long long)p->batch);
        return NULL;
    }
    /* As an operation, so that a checkpoint sees that it is read, and keeps it. */
    lengths = wg_contiguous_at(wg_slice_at(lengths, 0, 0, WG_END, 1, layer->site), layer->site);
    if (layer->net.tape->status != WG_OK) {
        return NULL;
    }
    const int64_t *length = wg_view_of(lengths).data;
    for (int64_t b = 0; b < p->batch; b++) {
        if (length[b] < 0 || length[b] > p->steps) {
            (void)wg_layer_fail(layer, WG_ERROR_ARGUMENT,
                                "sequence %lld has the length %lld of %lld steps", (long long)b,
                                (long long)length[b], (long long)p->steps);
            return NULL;
        }
        p->ragged = p->ragged || length[b] < p->steps;
    }
    return length;
}

/* Masks and rows out of the lengths. */
static void set_rows(pass *p, const int64_t *length) {
    wg_tape *tape = p->layer.net.tape;
    const int64_t steps = p->steps, batch = p->batch;
    p->inside = wg_constant(tape, p->layer.dtype, WG_SHAPE(steps, batch, 1), NULL);
    p->turned = wg_constant(tape, WG_I64, WG_SHAPE(steps, batch), NULL);
    p->last = wg_constant(tape, WG_I64, WG_SHAPE(batch), NULL);
    p->some = wg_constant(tape, p->layer.dtype, WG_SHAPE(batch, 1), NULL);
    if (tape->status != WG_OK) {
        return;
    }
    void *inside = wg_view_of(p->inside).data, *some = wg_view_of(p->some).data;
    int64_t *turned = wg_view_of(p->turned).data, *last = wg_view_of(p->last).data;
    bool all = true;
    for (int64_t b = 0; b < batch; b++) {
        for (int64_t t = 0; t < steps; t++) {
            turned[t * batch + b] = (t < length[b] ? length[b] - 1 - t : t) * batch + b;
            if (t < length[b]) {
                wg_set_element(p->layer.dtype, inside, t * batch + b, 1);
            }
        }
        last[b] = (length[b] > 0 ? length[b] - 1 : 0) * batch + b;
        if (length[b] > 0) {
            wg_set_element(p->layer.dtype, some, b, 1);
        }
        all = all && length[b] > 0;
    }
    p->some = all ? wg_number(1) : p->some;
}

/* Whether everything that goes in will do. */
static bool takes(pass *p, wg_var x) {
    if (!wg_layer_input(&p->layer, x, 3)) {
        return false;
    }
    const wg_view *view = &p->layer.input;
    if (view->rank != 3) {
        char text[192];
        (void)wg_layer_fail(&p->layer, WG_ERROR_SHAPE, "x is %s, not [%s, inputs]",
                            wg_shape_text(view->rank, view->shape, text, sizeof text),
                            p->options.batch_first ? "batch, steps" : "steps, batch");
        return false;
    }
    p->steps = view->shape[p->options.batch_first ? 1 : 0];
    p->batch = view->shape[p->options.batch_first ? 0 : 1];
    p->directions = p->options.bidirectional ? 2 : 1;
    p->options.layers = p->options.layers == 0 ? 1 : p->options.layers;
    if (!options_allowed(p) || !state_fits(p, p->options.h, "h") ||
        (p->cell->has_c && !state_fits(p, p->options.c, "c"))) {
        return false;
    }
    const int64_t *length = lengths_of(p);
    if (p->ragged) {
        set_rows(p, length);
    }
    return p->layer.net.tape->status == WG_OK;
}

/* ---- One direction of a layer ---------------------------------------------------------------- */

static wg_var parameter(const pass *p, const char *what, int index, int rank,
                        const int64_t *shape) {
    char part[48];
    (void)snprintf(part, sizeof part, "%s_l%d%s", what, index / p->directions,
                   index % p->directions == 1 ? "_reverse" : "");
    const wg_initializer given = rank == 2 ? p->options.weight : p->options.bias;
    return wg_layer_parameter(&p->layer, part, rank, shape,
                              wg_init_or_fan_in(given, p->options.hidden));
}

static wg_recurrent_weights weights_of(const pass *p, int index, int64_t inputs) {
    const int64_t hidden = p->options.hidden, rows = p->cell->gates * hidden;
    if (!p->options.no_bias) {
        wg_layer_check(&p->layer, "bias_ih_l0", 1, &rows, p->options.bias);
    }
    wg_recurrent_weights w = {
        .w_ih = parameter(p, "weight_ih", index, 2, (int64_t[]){rows, inputs}),
        .w_hh = parameter(p, "weight_hh", index, 2, (int64_t[]){rows, hidden}),
        .b_ih = wg_number(0),
        .b_hh = wg_number(0)};
    if (!p->options.no_bias) {
        w.b_ih = parameter(p, "bias_ih", index, 1, &rows);
        w.b_hh = parameter(p, "bias_hh", index, 1, &rows);
    }
    return w;
}

/* State `index` at the start, as an array. */
static wg_var start_of(const pass *p, wg_var given, int index) {
    const wg_layer *layer = &p->layer;
    const int64_t shape[2] = {p->batch, p->options.hidden};
    if (wg_is_array(given)) {
        return wg_select_at(given, index, 0, layer->site);
    }
    return given.tape == NULL ? wg_full(layer->net.tape, layer->dtype, 2, shape, given.as.number)
                              : wg_broadcast_to_at(wg_cast_at(given, layer->dtype, layer->site), 2,
                                                   shape, layer->site);
}

/* Each sequence backwards; twice gives it back. */
static wg_var turned(const pass *p, wg_var x) {
    const char *site = p->layer.site;
    if (!p->ragged) {
        return wg_flip_at(x, WG_AXES(0), site);
    }
    const int64_t rows[2] = {p->steps * p->batch, wg_size(x, 2)};
    return wg_gather_rows_at(wg_reshape_at(x, 2, rows, site), p->turned, site);
}

/* The state after the last step. */
static wg_var end_of(const pass *p, wg_var all, wg_var start) {
    const char *site = p->layer.site;
    if (p->steps == 0) {
        return start;
    }
    if (!p->ragged) {
        return wg_step_of(all, p->steps - 1);
    }
    const int64_t rows[2] = {p->steps * p->batch, p->options.hidden};
    const wg_var end = wg_gather_rows_at(wg_reshape_at(all, 2, rows, site), p->last, site);
    return wg_is_array(p->some) ? wg_where_at(p->some, end, start, site) : end;
}

static wg_var run(const pass *p, int index, wg_var x, wg_var *h, wg_var *c) {
    const bool backward = index % p->directions == 1;
    const wg_recurrent_weights w = weights_of(p, index, wg_size(x, 2));
    states start = {start_of(p, p->options.h, index), wg_number(0)};
    if (p->cell->has_c) {
        start.c = start_of(p, p->options.c, index);
    }
    if (p->layer.net.tape->status != WG_OK) {
        return wg_poison(p->layer.net.tape);
    }
    const states y =
        p->cell->run(backward ? turned(p, x) : x, w, start, p->options.relu, p->layer.site);
    h[index] = end_of(p, y.h, start.h);
    c[index] = p->cell->has_c ? end_of(p, y.c, start.c) : wg_number(0);
    return backward ? turned(p, y.h) : y.h;
}

/* ---- All of them ----------------------------------------------------------------------------- */

static wg_var dropped(const pass *p, wg_var x, int layer) {
    const wg_net *net = &p->layer.net;
    wg_name name;
    if (!net->training || p->options.dropout == 0 ||
        !wg_param_name(net, p->layer.name, "dropout", &name)) {
        return x;
    }
    const wg_key key = wg_key_fold(wg_key_name(net->store->key, name.text), net->step);
    return wg_dropout_keyed_at(x, wg_key_fold(key, (uint64_t)layer), p->options.dropout,
                               p->layer.site);
}

/* The sequence where steps behind the end are zero. */
static wg_var cut(const pass *p, wg_var x) {
    return p->ragged ? wg_where_at(p->inside, x, wg_number(0), p->layer.site) : x;
}

static wg_lstm_output poisoned(wg_tape *tape) {
    const wg_var x = wg_poison(tape);
    return (wg_lstm_output){x, x, x};
}

static wg_lstm_output failed(const pass *p) {
    const wg_var x = wg_layer_end(&p->layer, wg_poison(p->layer.net.tape));
    return (wg_lstm_output){x, x, x};
}

static wg_lstm_output all_layers(wg_net net, const char *name, wg_var x, const cell *kind,
                                 wg_rnn_options options, const char *site) {
    pass p = {.cell = kind, .options = options};
    wg_var h[2 * MOST_LAYERS], c[2 * MOST_LAYERS];
    if (!wg_layer_begin(&p.layer, net, kind->kind, name, site)) {
        return poisoned(net.tape);
    }
    if (!takes(&p, x)) {
        return failed(&p);
    }
    static const int swapped[3] = {1, 0, 2};
    wg_var y = cut(&p, options.batch_first ? wg_permute_at(x, 3, swapped, site) : x);
    for (int layer = 0; layer < p.options.layers && net.tape->status == WG_OK; layer++) {
        wg_var side[2];
        y = layer > 0 ? dropped(&p, y, layer - 1) : y;
        for (int d = 0; d < p.directions; d++) {
            side[d] = run(&p, layer * p.directions + d, y, h, c);
        }
        y = cut(&p, p.directions == 2 ? wg_concat_at(2, side, 2, site) : side[0]);
    }
    if (net.tape->status != WG_OK) {
        return failed(&p);
    }
    const int64_t count = (int64_t)p.options.layers * p.directions;
    wg_lstm_output out = {.sequence = y, .h = wg_steps_joined(count, h), .c = wg_number(0)};
    out.c = kind->has_c ? wg_steps_joined(count, c) : out.c;
    out.sequence = options.batch_first ? wg_permute_at(y, 3, swapped, site) : y;
    (void)wg_layer_end(&p.layer, out.sequence);
    return out;
}

wg_lstm_output wg_lstm_with_at(wg_net net, const char *name, wg_var x, const char *site,
                               wg_rnn_options options) {
    return all_layers(net, name, x, &lstm, options, site);
}

wg_gru_output wg_gru_with_at(wg_net net, const char *name, wg_var x, const char *site,
                             wg_rnn_options options) {
    const wg_lstm_output out = all_layers(net, name, x, &gru, options, site);
    return (wg_gru_output){out.sequence, out.h};
}

wg_rnn_output wg_rnn_with_at(wg_net net, const char *name, wg_var x, const char *site,
                             wg_rnn_options options) {
    const wg_lstm_output out = all_layers(net, name, x, &rnn, options, site);
    return (wg_rnn_output){out.sequence, out.h};
}
