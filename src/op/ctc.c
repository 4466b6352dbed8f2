/* ctc.c: connectionist temporal classification.
 *
 * The gradient is minus the probability of each class in each frame, given the target. Sweeps that
 * do not record themselves take it from the forward and backward variables; those that do go
 * through the frames in verbs, in probabilities that are normalised in each frame. */
#include "kernel/ctc.h"
#include "kernel/gather.h"
#include "op/axes.h"
#include "op/loss.h"
#include "op/samples.h"

#include <string.h>

typedef struct ctc_state {
    int64_t blank;
    bool zero_infinity;
} ctc_state;

static bool whole(const wg_view *view) {
    return view->dtype == WG_I64 || view->dtype == WG_U8;
}

static wg_status ctc_shape(wg_call *call) {
    const wg_view *x = wg_call_operand(call, 0), *targets = wg_call_operand(call, 1);
    const wg_view *in = wg_call_operand(call, 2), *out = wg_call_operand(call, 3);
    const ctc_state *state = wg_call_state(call);
    if ((x->dtype != WG_F32 && x->dtype != WG_F64) || !whole(targets) || !whole(in) ||
        !whole(out)) {
        return wg_call_fail(call, WG_ERROR_DTYPE,
                            "log-probabilities are f32 or f64, targets and lengths i64 or u8, not "
                            "%s, %s, %s and %s",
                            wg_dtype_name(x->dtype), wg_dtype_name(targets->dtype),
                            wg_dtype_name(in->dtype), wg_dtype_name(out->dtype));
    }
    if (x->rank != 3 || targets->rank != 2 || in->rank != 1 || out->rank != 1 ||
        targets->shape[0] != x->shape[1] || in->shape[0] != x->shape[1] ||
        out->shape[0] != x->shape[1]) {
        return wg_call_fail(call, WG_ERROR_SHAPE,
                            "%s, %s, %s and %s are not [frames, batch, classes], [batch, longest], "
                            "[batch] and [batch]",
                            wg_call_shape(call, 0), wg_call_shape(call, 1), wg_call_shape(call, 2),
                            wg_call_shape(call, 3));
    }
    if (state->blank < 0 || state->blank >= x->shape[2]) {
        return wg_call_fail(call, WG_ERROR_ARGUMENT, "the blank is %lld of %lld classes",
                            (long long)state->blank, (long long)x->shape[2]);
    }
    return wg_call_result(call, x->dtype, 1, &x->shape[1]);
}

static wg_ctc_case case_of(const ctc_state *state, const wg_view *x, const wg_view *targets,
                           const wg_view *in, const wg_view *out) {
    const wg_ctc_case c = {
        x->dtype, x->shape[0], x->shape[1], x->shape[2],  targets->shape[1],   x->data,
        targets,  in,          out,         state->blank, state->zero_infinity};
    return c;
}

/* Lengths within the arrays, labels that are classes and no blanks. */
static wg_status check_targets(wg_call *call, const wg_ctc_case *c) {
    for (int64_t n = 0; n < c->batch; n++) {
        const int64_t frames = wg_index_at(c->input_lengths, n);
        const int64_t length = wg_index_at(c->target_lengths, n);
        if (frames < 0 || frames > c->frames || length < 0 || length > c->longest) {
            return wg_call_fail(call, WG_ERROR_ARGUMENT,
                                "sequence %lld: %lld frames and %lld labels, of %lld and %lld",
                                (long long)n, (long long)frames, (long long)length,
                                (long long)c->frames, (long long)c->longest);
        }
        for (int64_t s = 0; s < length; s++) {
            const int64_t label = wg_index_at(c->targets, n * c->longest + s);
            if (label < 0 || label >= c->classes || label == c->blank) {
                return wg_call_fail(call, WG_ERROR_ARGUMENT,
                                    "label %lld of sequence %lld is %lld: the blank, or none of "
                                    "the %lld classes",
                                    (long long)s, (long long)n, (long long)label,
                                    (long long)c->classes);
            }
        }
    }
    return WG_OK;
}

static wg_status ctc_forward(wg_call *call) {
    const wg_ctc_case c =
        case_of(wg_call_state(call), wg_call_operand(call, 0), wg_call_operand(call, 1),
                wg_call_operand(call, 2), wg_call_operand(call, 3));
    const int64_t shape[3] = {c.batch, c.frames, wg_ctc_states(&c)};
    const wg_status status = check_targets(call, &c);
    if (status != WG_OK) {
        return status;
    }
    double *alpha =
        wg_call_will_sweep(call)
            ? wg_call_save(call, WG_F64, 3, shape)
            : wg_call_scratch(call, (size_t)(shape[0] * shape[1] * shape[2] + 1) * sizeof *alpha);
    double *losses = wg_call_scratch(call, (size_t)(c.batch + 1) * sizeof *losses);
    if (alpha == NULL || losses == NULL) {
        return WG_ERROR_MEMORY;
    }
    wg_kernel_ctc(&c, alpha, losses);
    wg_loss_result(call, WG_LOSS_NONE, losses, c.batch, 1);
    return WG_OK;
}

/* ---- The gradient from what forward saved --------------------------------------------------- */

static void chain_on_buffers(wg_call *call, wg_var g) {
    wg_var x[4];
    wg_view view[4];
    g = wg_contiguous(g);
    for (int i = 0; i < 4; i++) {
        x[i] = wg_contiguous(wg_operand(call, i));
        view[i] = wg_view_of(x[i]);
    }
    const wg_var saved = wg_saved(call);
    const wg_ctc_case c = case_of(wg_call_state(call), &view[0], &view[1], &view[2], &view[3]);
    const wg_var to = wg_constant(x[0].tape, view[0].dtype, 3, view[0].shape, NULL);
    const wg_var beta =
        wg_constant(x[0].tape, WG_F64, 3, ((int64_t[]){c.batch, 2, wg_ctc_states(&c)}), NULL);
    if (wg_tape_status(x[0].tape) == WG_OK && wg_count(to) > 0) {
        wg_kernel_ctc_chain(&c, wg_view_of(saved).data, wg_view_of(g).data, 1,
                            wg_view_of(beta).data, wg_view_of(to).data);
        wg_give(call, 0, to);
    }
}

/* ---- The gradient in verbs ------------------------------------------------------------------ */

/* Constants: which label each state has, [N, states, classes]; from which state to which a path may
 * go, [N, states, states]; where it begins and ends, [N, 1, states]; all 0 or 1. */
typedef struct ctc_graph {
    wg_ctc_case c;
    wg_tape *tape;
    wg_var labels, steps, first, last;
} ctc_graph;

static void set(wg_var x, int64_t at, double value) {
    const wg_view view = wg_view_of(x);
    if (view.dtype == WG_F32) {
        ((float *)view.data)[at] = (float)value;
    } else {
        ((double *)view.data)[at] = value;
    }
}

static bool may_go(const wg_ctc_case *c, int64_t n, int64_t from, int64_t to) {
    return to - from <= 1 || (to % 2 == 1 && wg_ctc_label(c, n, from) != wg_ctc_label(c, n, to));
}

static void fill_graph(ctc_graph *graph) {
    const wg_ctc_case *c = &graph->c;
    const int64_t states = wg_ctc_states(c);
    for (int64_t n = 0; n < c->batch; n++) {
        const int64_t used = 2 * wg_index_at(c->target_lengths, n) + 1;
        for (int64_t s = 0; s < used; s++) {
            set(graph->labels, (n * states + s) * c->classes + wg_ctc_label(c, n, s), 1);
            set(graph->first, n * states + s, s < 2);
            set(graph->last, n * states + s, s + 2 >= used);
            for (int64_t to = s; to <= s + 2 && to < used; to++) {
                set(graph->steps, (n * states + s) * states + to, may_go(c, n, s, to));
            }
        }
    }
}

static bool make_graph(ctc_graph *graph) {
    const wg_ctc_case *c = &graph->c;
    const int64_t n = c->batch, states = wg_ctc_states(c);
    graph->labels =
        wg_constant(graph->tape, c->dtype, 3, ((int64_t[]){n, states, c->classes}), NULL);
    graph->steps = wg_constant(graph->tape, c->dtype, 3, ((int64_t[]){n, states, states}), NULL);
    graph->first = wg_constant(graph->tape, c->dtype, 3, ((int64_t[]){n, 1, states}), NULL);
    graph->last = wg_constant(graph->tape, c->dtype, 3, ((int64_t[]){n, 1, states}), NULL);
    if (wg_tape_status(graph->tape) != WG_OK) {
        return false;
    }
    fill_graph(graph);
    return true;
}

/* [N, 1, 1]: 1 for sequences of more than `frames` frames. */
static wg_var longer(const ctc_graph *graph, int64_t frames) {
    const wg_ctc_case *c = &graph->c;
    const wg_var mask = wg_constant(graph->tape, c->dtype, 3, ((int64_t[]){c->batch, 1, 1}), NULL);
    for (int64_t n = 0; wg_tape_status(graph->tape) == WG_OK && n < c->batch; n++) {
        set(mask, n, wg_index_at(c->input_lengths, n) > frames);
    }
    return mask;
}

/* Divided by the sum of the states; what has no path left stays zero if infinities are to. */
static wg_var normalised(const ctc_graph *graph, wg_var a) {
    const wg_var sum = wg_sum_over(a, WG_AXES_KEEP(-1));
    return wg_div(a, graph->c.zero_infinity ? wg_where(wg_eq(sum, 0), 1, sum) : sum);
}

/* The probability of each state's label in frame t: [N, 1, states]. */
static wg_var frame(const ctc_graph *graph, wg_var x, int64_t t) {
    const wg_ctc_case *c = &graph->c;
    const wg_var row =
        wg_reshape(wg_slice(x, 0, t, t + 1, 1), 3, ((int64_t[]){c->batch, 1, c->classes}));
    return wg_matmul(wg_exp(row), wg_transpose(graph->labels));
}

/* Two passes: alpha goes into table[0, T), and from the last frame on what is given for each frame
 * into table, too. */
static void fill_table(const ctc_graph *graph, wg_var x, wg_var *table) {
    const int64_t frames = graph->c.frames;
    const wg_var back = wg_transpose(graph->steps);
    for (int64_t t = 0; t < frames; t++) {
        const wg_var from = t == 0 ? graph->first : wg_matmul(table[t - 1], graph->steps);
        const wg_var here = normalised(graph, wg_mul(from, frame(graph, x, t)));
        table[t] = t == 0 ? here : wg_where(longer(graph, t), here, table[t - 1]);
    }
    wg_var beta = graph->last;
    for (int64_t t = frames - 1; t >= 0; t--) {
        if (t < frames - 1) {
            const wg_var here = wg_matmul(wg_mul(beta, frame(graph, x, t + 1)), back);
            beta = wg_where(longer(graph, t + 1), normalised(graph, here), graph->last);
        }
        const wg_var share = normalised(graph, wg_mul(table[t], beta));
        const wg_var classes = wg_matmul(wg_where(longer(graph, t), share, 0), graph->labels);
        table[t] = wg_reshape(classes, 3, ((int64_t[]){1, graph->c.batch, graph->c.classes}));
    }
}

static void chain_in_verbs(wg_call *call, wg_var g) {
    const wg_var x = wg_operand(call, 0);
    const wg_view xv = wg_operand_shape(call, 0);
    wg_view view[3];
    for (int i = 0; i < 3; i++) {
        view[i] = wg_view_of(wg_contiguous(wg_operand(call, i + 1)));
    }
    ctc_graph graph = {.tape = x.tape};
    graph.c = case_of(wg_call_state(call), &xv, &view[0], &view[1], &view[2]);
    wg_var *table = wg_alloc((size_t)(graph.c.frames + 1) * sizeof *table);
    if (table == NULL) {
        wg_call_fail(call, WG_ERROR_MEMORY, "no memory for its frames");
        return;
    }
    if (graph.c.frames > 0 && graph.c.batch > 0 && make_graph(&graph)) {
        fill_table(&graph, x, table);
        const wg_var all = wg_concat((int)graph.c.frames, table, 0);
        const wg_var each = wg_reshape(g, 3, ((int64_t[]){1, graph.c.batch, 1}));
        wg_give(call, 0, wg_neg(wg_azmul(each, all)));
    }
    wg_free(table);
}

static void ctc_chain(wg_call *call, wg_var g) {
    if (wg_wants(call, 0)) {
        (wg_call_records(call) ? chain_in_verbs : chain_on_buffers)(call, g);
    }
}

#define WHOLES_FROM(from, to, ...)                                                                 \
    { .dtype = WG_I64, WG_SIZES(__VA_ARGS__), .low = from, .high = to, .fixed = true }

WG_SAMPLES(ctc,
           {WG_OPERANDS(WG_FLOATS(-3, -0.5, 5, 2, 4), WHOLES_FROM(1, 4, 2, 2), WHOLES_FROM(5, 6, 2),
                        WHOLES_FROM(1, 3, 2)),
            WG_STATE(ctc_state, 0, false)},
           {WG_OPERANDS(WG_FLOATS(-3, -0.5, 6, 3, 3), WHOLES_FROM(0, 2, 3, 2), WHOLES_FROM(4, 7, 3),
                        WHOLES_FROM(0, 3, 3)),
            WG_STATE(ctc_state, 2, true)},
           {WG_OPERANDS(WG_FLOATS(-3, -0.5, 2, 1, 2), WHOLES_FROM(1, 2, 1, 3), WHOLES_FROM(2, 3, 1),
                        WHOLES_FROM(3, 4, 1)),
            WG_STATE(ctc_state, 0, true)},
           {WG_OPERANDS(WG_FLOATS(-3, -0.5, 3, 0, 4), WHOLES_FROM(1, 4, 0, 2), WHOLES_FROM(3, 4, 0),
                        WHOLES_FROM(1, 3, 0)),
            WG_STATE(ctc_state, 0, false)})
WG_DEFINE_OP(ctc, ctc_forward, ctc_chain, WG_READS_OPERANDS, WG_OP_CONTIGUOUS)

wg_var wg_ctc_at(wg_var log_probabilities, wg_var targets, wg_var input_lengths,
                 wg_var target_lengths, wg_ctc_options options, const char *site) {
    const wg_var operands[4] = {log_probabilities, targets, input_lengths, target_lengths};
    ctc_state state;
    memset(&state, 0, sizeof state);
    state.blank = options.blank;
    state.zero_infinity = options.zero_infinity;
    wg_var losses = wg_apply(&wg_op_ctc, 4, operands, &state, sizeof state, site);
    if (options.reduction == WG_LOSS_MEAN && losses.tape != NULL) {
        const wg_var lengths = wg_cast_at(target_lengths, wg_view_of(losses).dtype, site);
        losses = wg_div_at(losses, wg_max_at(lengths, wg_number(1), site), site);
    }
    return wg_loss_reduce(losses, options.reduction, "ctc", site);
}
