/* test_sequence.c: recurrent and attention layers against PyTorch's modules
 * (tests/golden/cases_sequence.py): names and shapes of the state, outputs, gradients of inputs and
 * parameters, second derivatives. */
#include "../golden/golden.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Fills out[] from the module's inputs x[]; returns how many. */
typedef int run_module(const golden_case *c, wg_net net, const wg_var *x, wg_var *out);

static bool flag(const golden_case *c, const char *key) {
    return golden_integer(c, key, 0) != 0;
}

/* ---- Recurrent ------------------------------------------------------------------------------- */

static wg_rnn_options rnn_of(const golden_case *c, const wg_var *x, bool has_c) {
    wg_rnn_options o = {.hidden = golden_integer(c, "hidden", 0),
                        .layers = golden_integer(c, "layers", 0),
                        .bidirectional = flag(c, "bidirectional"),
                        .batch_first = flag(c, "batch_first"),
                        .no_bias = flag(c, "no_bias"),
                        .relu = flag(c, "relu")};
    x++;
    if (flag(c, "states")) {
        o.h = *x++;
        o.c = has_c ? *x++ : o.c;
    }
    if (flag(c, "lengths")) {
        o.lengths = *x;
    }
    return o;
}

static int run_lstm(const golden_case *c, wg_net net, const wg_var *x, wg_var *out) {
    const wg_lstm_output y = wg_lstm_with(net, "layer", x[0], rnn_of(c, x, true));
    out[0] = y.sequence;
    out[1] = y.h;
    out[2] = y.c;
    return 3;
}

static int run_gru(const golden_case *c, wg_net net, const wg_var *x, wg_var *out) {
    const wg_gru_output y = wg_gru_with(net, "layer", x[0], rnn_of(c, x, false));
    out[0] = y.sequence;
    out[1] = y.h;
    return 2;
}

static int run_rnn(const golden_case *c, wg_net net, const wg_var *x, wg_var *out) {
    const wg_rnn_output y = wg_rnn_with(net, "layer", x[0], rnn_of(c, x, false));
    out[0] = y.sequence;
    out[1] = y.h;
    return 2;
}

/* ---- Attention ------------------------------------------------------------------------------- */

static int run_multi_head(const golden_case *c, wg_net net, const wg_var *x, wg_var *out) {
    wg_multi_head_options o = {.heads = golden_integer(c, "heads", 0),
                               .causal = flag(c, "causal"),
                               .no_bias = flag(c, "no_bias")};
    const bool own = flag(c, "own");
    const wg_var *rest = x + (own ? 1 : 3);
    if (flag(c, "key_mask")) {
        o.key_mask = wg_cast(*rest++, WG_U8);
    }
    if (flag(c, "mask")) {
        o.mask = *rest;
    }
    out[0] = own ? wg_multi_head_attention(net, "layer", x[0], x[0], x[0], o)
                 : wg_multi_head_attention(net, "layer", x[0], x[1], x[2], o);
    return 1;
}

/* ---- Transformers ---------------------------------------------------------------------------- */

static wg_transformer_options transformer_of(const golden_case *c, const wg_var *masks) {
    wg_transformer_options o = {.heads = golden_integer(c, "heads", 0),
                                .feed_forward = golden_integer(c, "feed_forward", 0),
                                .activation = flag(c, "gelu") ? (wg_gelu) : NULL,
                                .norm_first = flag(c, "norm_first"),
                                .eps = golden_number(c, "eps", 0),
                                .causal = flag(c, "causal"),
                                .final_norm = flag(c, "final_norm")};
    if (flag(c, "key_mask")) {
        o.key_mask = wg_cast(*masks++, WG_U8);
    }
    if (flag(c, "memory_mask")) {
        o.memory_key_mask = wg_cast(*masks, WG_U8);
    }
    return o;
}

static int run_encoder(const golden_case *c, wg_net net, const wg_var *x, wg_var *out) {
    const wg_transformer_options o = transformer_of(c, x + 1);
    const int layers = golden_integer(c, "layers", 0);
    out[0] = layers == 0 ? wg_transformer_encoder_layer(net, "layer", x[0], o)
                         : wg_transformer_encoder(net, "layer", x[0], layers, o);
    return 1;
}

static int run_decoder(const golden_case *c, wg_net net, const wg_var *x, wg_var *out) {
    const wg_transformer_options o = transformer_of(c, x + 2);
    const int layers = golden_integer(c, "layers", 0);
    out[0] = layers == 0 ? wg_transformer_decoder_layer(net, "layer", x[0], x[1], o)
                         : wg_transformer_decoder(net, "layer", x[0], x[1], layers, o);
    return 1;
}

static const struct module {
    const char *op;
    run_module *run;
    double ulps; /* of the greatest element of each array */
} modules[] = {
    {"lstm", run_lstm, 32},       {"gru", run_gru, 32},
    {"rnn", run_rnn, 32},         {"multi_head", run_multi_head, 32},
    {"encoder", run_encoder, 64}, {"decoder", run_decoder, 256},
};

/* ---- The state ------------------------------------------------------------------------------- */

#define STATE "state:"

/* The name of parameter number `row`, with its input's index in *input; NULL behind the last. */
static const char *state_at(const golden_case *c, int row, int *input) {
    for (int i = 0; i < c->attributes; i++) {
        const golden_attribute *a = &c->attribute[i];
        if (strncmp(a->key, STATE, strlen(STATE)) == 0 && row-- == 0) {
            *input = (int)a->number[0];
            return a->key + strlen(STATE);
        }
    }
    return NULL;
}

/* The inputs of the module itself come first. */
static int inputs_of(const golden_case *c) {
    int input = c->inputs;
    return state_at(c, 0, &input) != NULL ? input : c->inputs;
}

static wg_parameter_view find(wg_store *store, const char *name) {
    char full[80];
    wg_parameter_view view;
    snprintf(full, sizeof full, "layer.%s", name);
    cr_assert_eq(wg_store_find(store, full, &view), WG_OK, "%s", wg_last_message());
    return view;
}

/* All names and shapes are PyTorch's; then its values are written. */
static void load_state(wg_store *store, const golden_case *c, wg_dtype dtype) {
    int count = 0, input;
    for (const char *name; (name = state_at(c, count, &input)) != NULL; count++) {
        const wg_view view = find(store, name).value;
        const golden_array *want = &c->in[input];
        bool same = view.dtype == dtype && view.rank == want->rank;
        for (int i = 0; i < want->rank && same; i++) {
            same = view.shape[i] == want->shape[i];
        }
        cr_assert(same, "%s: %s has another type or shape", c->name, name);
        for (int64_t i = 0; i < want->count; i++) {
            if (dtype == WG_F32) {
                ((float *)view.data)[i] = (float)want->values[i];
            } else {
                ((double *)view.data)[i] = want->values[i];
            }
        }
    }
    cr_assert_eq(wg_store_count(store), count, "%s: %lld parameters, not %d", c->name,
                 (long long)wg_store_count(store), count);
}

/* ---- One case -------------------------------------------------------------------------------- */

static void compare(const golden_case *c, const char *what, int which, const golden_array *want,
                    const double *have, wg_dtype dtype, double ulps) {
    double greatest = 0;
    for (int64_t i = 0; i < want->count; i++) {
        greatest = fmax(greatest, fabs(want->values[i]));
    }
    const double epsilon = dtype == WG_F32 ? FLT_EPSILON : DBL_EPSILON;
    /* What is zero but for rounding is measured by sizes of 1. */
    const double unit = epsilon * fmax(greatest, 0.01);
    for (int64_t i = 0; i < want->count; i++) {
        cr_assert_float_eq(have[i], want->values[i], ulps * unit,
                           "%s %s: %s %d, element %lld is %.17g, PyTorch has %.17g: %.3g ulps",
                           c->name, wg_dtype_name(dtype), what, which, (long long)i, have[i],
                           want->values[i], fabs(have[i] - want->values[i]) / unit);
    }
}

static wg_var put(wg_tape *tape, const golden_array *from, wg_dtype dtype, bool wants) {
    const wg_var all = wg_constant(tape, WG_F64, from->rank, from->shape, from->values);
    const wg_var cast = wg_cast(all, from->dtype == WG_I64 ? WG_I64 : dtype);
    const wg_view view = wg_view_of(cast);
    return wants ? wg_variable(tape, dtype, view.rank, view.shape, view.data) : cast;
}

static wg_var squares(int n, const wg_var *out) {
    wg_var total = wg_number(0);
    for (int i = 0; i < n; i++) {
        total = wg_add(total, wg_sum(wg_square(out[i])));
    }
    return total;
}

static void check_outputs(const golden_case *c, int n, const wg_var *out, wg_dtype dtype,
                          double ulps) {
    cr_assert_eq(n, c->outputs, "%s: %d outputs, not %d", c->name, n, c->outputs);
    for (int k = 0; k < n; k++) {
        const golden_array *want = &c->out[k];
        double *have = calloc((size_t)want->count + 1, sizeof *have);
        bool same = wg_rank(out[k]) == want->rank;
        for (int i = 0; i < want->rank && same; i++) {
            same = wg_size(out[k], i) == want->shape[i];
        }
        cr_assert(same, "%s: output %d has another shape", c->name, k);
        cr_assert_eq(wg_read(out[k], WG_F64, have, want->count), WG_OK, "%s: %s", c->name,
                     wg_last_message());
        compare(c, "output", k, want, have, dtype, ulps);
        free(have);
    }
}

static void check_gradients(wg_store *store, const golden_case *c, const wg_var *x, wg_dtype dtype,
                            double ulps) {
    int input;
    for (int i = 0; i < inputs_of(c); i++) {
        double *have = calloc((size_t)c->in[i].count + 1, sizeof *have);
        if (c->grad[i].given) {
            cr_assert_eq(wg_read_adjoint(x[i], WG_F64, have, c->in[i].count), WG_OK);
            compare(c, "gradient of input", i, &c->grad[i], have, dtype, ulps);
        }
        free(have);
    }
    const char *name;
    for (int row = 0; (name = state_at(c, row, &input)) != NULL; row++) {
        const wg_parameter_view view = find(store, name);
        double *have = calloc((size_t)c->in[input].count + 1, sizeof *have);
        for (int64_t i = 0; i < c->in[input].count; i++) {
            have[i] = dtype == WG_F32 ? (double)((float *)view.gradient)[i]
                                      : ((double *)view.gradient)[i];
        }
        compare(c, name, input, &c->grad[input], have, dtype, ulps);
        free(have);
    }
}

static void check_case(const golden_case *c, const struct module *module, wg_dtype dtype) {
    wg_store *store = wg_store_new(1);
    wg_tape *tape = wg_tape_new();
    wg_var x[GOLDEN_MOST_ARRAYS], out[GOLDEN_MOST_ARRAYS];
    for (int real = 0; real < 2; real++) {
        for (int i = 0; i < inputs_of(c); i++) {
            x[i] = put(tape, &c->in[i], dtype, c->grad[i].given);
        }
        int n = module->run(c, wg_net_train(store, tape, 0), x, out);
        cr_assert_eq(wg_tape_status(tape), WG_OK, "%s: %s", c->name, wg_tape_message(tape));
        if (!real) { /* the parameters are there now */
            load_state(store, c, dtype);
            wg_tape_reset(tape);
            continue;
        }
        if (flag(c, "second")) {
            cr_assert_eq(wg_grad(squares(n, out), x, 1, &out[n]), WG_OK, "%s: %s", c->name,
                         wg_tape_message(tape));
            n++;
        }
        check_outputs(c, n, out, dtype, module->ulps);
        wg_var total = wg_number(0);
        for (int k = 0; k < n; k++) {
            total = wg_add(total, wg_sum(wg_mul(put(tape, &c->seed[k], dtype, false), out[k])));
        }
        cr_assert_eq(wg_backward(total), WG_OK, "%s: %s", c->name, wg_tape_message(tape));
        check_gradients(store, c, x, dtype, module->ulps);
    }
    wg_tape_free(tape);
    wg_store_free(store);
}

ParameterizedTestParameters(sequence, as_pytorch) {
    static int rows[sizeof modules / sizeof *modules];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rows[i] = (int)i;
    }
    return cr_make_param_array(int, rows, sizeof rows / sizeof *rows);
}

ParameterizedTest(int *row, sequence, as_pytorch) {
    const struct module *module = &modules[*row];
    int count, found = 0;
    const golden_case *cases = golden_read("sequence", &count);
    for (int i = 0; i < count; i++) {
        if (strcmp(cases[i].op, module->op) == 0) {
            check_case(&cases[i], module, WG_F64);
            check_case(&cases[i], module, WG_F32);
            found++;
        }
    }
    cr_assert_gt(found, 0, "data/sequence.txt has no case of %s", module->op);
    golden_free(cases, count);
}
