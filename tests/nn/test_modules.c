/* test_modules.c: layers against PyTorch's modules (tests/golden/cases_modules.py): names and
 * shapes of the state, output and gradients of a training step, buffers after three, evaluation. */
#include "../golden/golden.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef wg_var run_layer(const golden_case *c, wg_net net, const wg_var *x);

/* ---- The state ------------------------------------------------------------------------------- */

#define STATE "state:"

/* The name of state number `row`, with its input's index in *input; NULL behind the last. */
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

/* The inputs of the layer itself come first. */
static int inputs_of(const golden_case *c) {
    int input = c->inputs;
    return state_at(c, 0, &input) != NULL ? input : c->inputs;
}

/* ---- The layers ------------------------------------------------------------------------------ */

static bool flag(const golden_case *c, const char *key) {
    return golden_integer(c, key, 0) != 0;
}

static wg_var run_linear(const golden_case *c, wg_net net, const wg_var *x) {
    return wg_linear_with(
        net, "layer", x[0],
        (wg_linear_options){.out = golden_integer(c, "out", 0), .no_bias = flag(c, "no_bias")});
}

static wg_conv_layer_options conv_of(const golden_case *c) {
    wg_conv_layer_options o = {.out = golden_integer(c, "out", 0), .no_bias = flag(c, "no_bias")};
    o.conv.groups = golden_integer(c, "groups", 1);
    o.conv.padding_mode = flag(c, "same") ? WG_PADDING_SAME : WG_PADDING_GIVEN;
    golden_integers(c, "kernel", o.conv.kernel);
    golden_integers(c, "stride", o.conv.stride);
    golden_integers(c, "padding", o.conv.padding);
    golden_integers(c, "dilation", o.conv.dilation);
    golden_integers(c, "output_padding", o.conv.output_padding);
    return o;
}

#define RUN_CONV(name)                                                                             \
    static wg_var run_##name(const golden_case *c, wg_net net, const wg_var *x) {                  \
        return wg_##name##_with(net, "layer", x[0], conv_of(c));                                   \
    }
RUN_CONV(conv1d)
RUN_CONV(conv2d)
RUN_CONV(conv3d)
RUN_CONV(conv_transpose1d)
RUN_CONV(conv_transpose2d)
RUN_CONV(conv_transpose3d)

static wg_var run_batch_norm(const golden_case *c, wg_net net, const wg_var *x) {
    const wg_batch_norm_layer_options o = {.momentum = golden_number(c, "momentum", 0),
                                           .eps = golden_number(c, "eps", 0),
                                           .cumulative = flag(c, "cumulative"),
                                           .no_affine = flag(c, "no_affine"),
                                           .no_statistics = flag(c, "no_statistics")};
    return wg_batch_norm_layer_with(net, "layer", x[0], o);
}

static wg_var run_layer_norm(const golden_case *c, wg_net net, const wg_var *x) {
    const wg_layer_norm_layer_options o = {.axes = golden_integer(c, "axes", 0),
                                           .eps = golden_number(c, "eps", 0),
                                           .no_affine = flag(c, "no_affine")};
    return wg_layer_norm_layer_with(net, "layer", x[0], o);
}

static wg_var run_rms_norm(const golden_case *c, wg_net net, const wg_var *x) {
    const wg_rms_norm_layer_options o = {.axes = golden_integer(c, "axes", 0),
                                         .eps = golden_number(c, "eps", 0)};
    return wg_rms_norm_layer_with(net, "layer", x[0], o);
}

static wg_var run_group_norm(const golden_case *c, wg_net net, const wg_var *x) {
    const wg_group_norm_layer_options o = {.groups = golden_integer(c, "groups", 0),
                                           .no_affine = flag(c, "no_affine")};
    return wg_group_norm_layer_with(net, "layer", x[0], o);
}

static wg_var run_instance_norm(const golden_case *c, wg_net net, const wg_var *x) {
    const wg_instance_norm_layer_options o = {.affine = flag(c, "affine"),
                                              .statistics = flag(c, "statistics")};
    return wg_instance_norm_layer_with(net, "layer", x[0], o);
}

static wg_var run_embedding(const golden_case *c, wg_net net, const wg_var *x) {
    wg_parameter_view table;
    wg_embedding_options o = {.count = golden_integer(c, "count", 0),
                              .width = golden_integer(c, "width", 0),
                              .padding_index = golden_integer(c, "padding", 0)};
    o.padded = o.padding_index != 0;
    o.dtype = wg_store_find(net.store, "f64", &table) == WG_OK ? WG_F64 : WG_F32;
    return wg_embedding_with(net, "layer", x[0], o);
}

static wg_var run_embedding_bag(const golden_case *c, wg_net net, const wg_var *x) {
    wg_parameter_view table;
    wg_embedding_bag_options o = {.table = {.count = golden_integer(c, "count", 0),
                                            .width = golden_integer(c, "width", 0),
                                            .padding_index = golden_integer(c, "padding", 0)},
                                  .mode = (wg_bag_mode)golden_integer(c, "mode", 0)};
    o.table.padded = o.table.padding_index != 0;
    o.table.dtype = wg_store_find(net.store, "f64", &table) == WG_OK ? WG_F64 : WG_F32;
    if (inputs_of(c) > 1) {
        o.weights = x[1];
    }
    return wg_embedding_bag(net, "layer", x[0], o);
}

static wg_var run_bilinear(const golden_case *c, wg_net net, const wg_var *x) {
    const wg_bilinear_options o = {.out = golden_integer(c, "out", 0),
                                   .no_bias = flag(c, "no_bias")};
    return wg_bilinear_with(net, "layer", x[0], x[1], o);
}

static wg_var run_prelu(const golden_case *c, wg_net net, const wg_var *x) {
    return wg_prelu_layer(net, "layer", x[0], flag(c, "by_channel"));
}

static wg_var run_residual(const golden_case *c, wg_net net, const wg_var *x) {
    (void)c;
    return wg_residual(net, "layer", x[0], x[1]);
}

static const struct module {
    const char *op;
    run_layer *run;
    double ulps; /* of the greatest element of each array */
} modules[] = {
    {"linear", run_linear, 2},
    {"conv1d", run_conv1d, 2},
    {"conv2d", run_conv2d, 2},
    {"conv3d", run_conv3d, 2},
    {"conv_transpose1d", run_conv_transpose1d, 2},
    {"conv_transpose2d", run_conv_transpose2d, 2},
    {"conv_transpose3d", run_conv_transpose3d, 2},
    {"batch_norm", run_batch_norm, 8},
    {"layer_norm", run_layer_norm, 8},
    {"rms_norm", run_rms_norm, 8},
    {"group_norm", run_group_norm, 8},
    {"instance_norm", run_instance_norm, 8},
    {"embedding", run_embedding, 2},
    {"embedding_bag", run_embedding_bag, 2},
    {"bilinear", run_bilinear, 2},
    {"prelu", run_prelu, 2},
    {"residual", run_residual, 2},
};

/* ---- Its values ------------------------------------------------------------------------------ */

static wg_parameter_view find(wg_store *store, const char *name) {
    char full[64];
    wg_parameter_view view;
    snprintf(full, sizeof full, "layer.%s", name);
    cr_assert_eq(wg_store_find(store, full, &view), WG_OK, "%s", wg_last_message());
    return view;
}

static void write_state(wg_store *store, const golden_case *c, const char *name, int input) {
    const wg_parameter_view view = find(store, name);
    const golden_array *from = &c->in[input];
    for (int64_t i = 0; i < from->count; i++) {
        if (view.value.dtype == WG_F32) {
            ((float *)view.value.data)[i] = (float)from->values[i];
        } else if (view.value.dtype == WG_F64) {
            ((double *)view.value.data)[i] = from->values[i];
        } else {
            ((int64_t *)view.value.data)[i] = (int64_t)from->values[i];
        }
    }
}

/* All names, shapes and kinds are PyTorch's; then its values are written. */
static void load_state(wg_store *store, const golden_case *c, wg_dtype dtype) {
    int count = 0, input;
    for (const char *name; (name = state_at(c, count, &input)) != NULL; count++) {
        const wg_parameter_view view = find(store, name);
        const golden_array *want = &c->in[input];
        cr_assert_eq(view.value.dtype, want->dtype == WG_I64 ? WG_I64 : dtype, "%s: %s", c->name,
                     name);
        cr_assert_eq(view.value.rank, want->rank, "%s: %s", c->name, name);
        for (int i = 0; i < want->rank; i++) {
            cr_assert_eq(view.value.shape[i], want->shape[i], "%s: %s", c->name, name);
        }
        cr_assert_eq(view.buffer, !c->grad[input].given, "%s: %s", c->name, name);
        write_state(store, c, name, input);
    }
    cr_assert_eq(wg_store_count(store), count + (dtype == WG_F64 ? 1 : 0), "%s: %lld in the store",
                 c->name, (long long)wg_store_count(store));
}

/* ---- One case -------------------------------------------------------------------------------- */

static void compare(const golden_case *c, const char *what, const golden_array *want,
                    const double *have, wg_dtype dtype, double ulps) {
    double greatest = 0;
    for (int64_t i = 0; i < want->count; i++) {
        greatest = fmax(greatest, fabs(want->values[i]));
    }
    const double epsilon = dtype == WG_F32 ? FLT_EPSILON : DBL_EPSILON;
    for (int64_t i = 0; i < want->count; i++) {
        cr_assert_float_eq(have[i], want->values[i], ulps * epsilon * greatest,
                           "%s %s: %s, element %lld is %.17g, PyTorch has %.17g: %.3g ulps",
                           c->name, wg_dtype_name(dtype), what, (long long)i, have[i],
                           want->values[i], fabs(have[i] - want->values[i]) / epsilon / greatest);
    }
}

static void compare_var(const golden_case *c, const char *what, const golden_array *want, wg_var y,
                        wg_dtype dtype, double ulps) {
    double *have = calloc((size_t)want->count + 1, sizeof *have);
    cr_assert_eq(wg_rank(y), want->rank, "%s: %s has rank %d", c->name, what, wg_rank(y));
    cr_assert_eq(wg_read(y, WG_F64, have, want->count), WG_OK, "%s: %s", c->name,
                 wg_last_message());
    compare(c, what, want, have, dtype, ulps);
    free(have);
}

/* An input, `factor` times where it is a float. */
static wg_var put(wg_tape *tape, const golden_array *from, wg_dtype dtype, double factor) {
    const wg_var all = wg_constant(tape, WG_F64, from->rank, from->shape, from->values);
    const wg_var cast = wg_cast(wg_mul(all, from->dtype == WG_I64 ? 1 : factor),
                                from->dtype == WG_I64 ? WG_I64 : dtype);
    const wg_view view = wg_view_of(cast);
    return from->dtype == WG_I64 ? cast
                                 : wg_variable(tape, dtype, view.rank, view.shape, view.data);
}

static void check_gradients(wg_store *store, const golden_case *c, const wg_var *x, wg_dtype dtype,
                            double ulps) {
    int input;
    for (int i = 0; i < inputs_of(c); i++) {
        double *have = calloc((size_t)c->in[i].count + 1, sizeof *have);
        if (c->grad[i].given) {
            cr_assert_eq(wg_read_adjoint(x[i], WG_F64, have, c->in[i].count), WG_OK);
            compare(c, "gradient of the input", &c->grad[i], have, dtype, ulps);
        }
        free(have);
    }
    for (int k = 0; state_at(c, k, &input) != NULL; k++) {
        const char *name = state_at(c, k, &input);
        const wg_parameter_view view = find(store, name);
        double *have = calloc((size_t)c->in[input].count + 1, sizeof *have);
        for (int64_t i = 0; i < c->in[input].count && !view.buffer; i++) {
            have[i] = dtype == WG_F32 ? (double)((float *)view.gradient)[i]
                                      : ((double *)view.gradient)[i];
        }
        if (!view.buffer) {
            compare(c, name, &c->grad[input], have, dtype, ulps);
        }
        free(have);
    }
}

static wg_var forward(wg_net net, const golden_case *c, const struct module *m, wg_var *x,
                      wg_dtype dtype, double factor) {
    for (int i = 0; i < inputs_of(c); i++) {
        x[i] = put(net.tape, &c->in[i], dtype, factor);
    }
    const wg_var y = m->run(c, net, x);
    cr_assert_eq(wg_tape_status(net.tape), WG_OK, "%s: %s", c->name, wg_tape_message(net.tape));
    return y;
}

static void check_case(const golden_case *c, const struct module *m, wg_dtype dtype) {
    wg_store *store = wg_store_new(1);
    wg_tape *tape = wg_tape_new();
    wg_var x[GOLDEN_MOST_ARRAYS];
    int input, out = 2;
    const wg_net train = wg_net_train(store, tape, 0);
    if (dtype == WG_F64) { /* tells layers that take integers which dtype is asked for */
        wg_buffer(train, "f64", WG_F64, 0, NULL, 0);
    }
    (void)forward(train, c, m, x, dtype, 1); /* makes what it needs */
    wg_tape_reset(tape);
    load_state(store, c, dtype);

    const wg_var y = forward(train, c, m, x, dtype, 1);
    compare_var(c, "output", &c->out[0], y, dtype, m->ulps);
    cr_assert_eq(wg_backward(wg_sum(wg_mul(y, put(tape, &c->seed[0], dtype, 1)))), WG_OK, "%s",
                 wg_tape_message(tape));
    check_gradients(store, c, x, dtype, 2 * m->ulps);
    wg_tape_reset(tape);
    for (int step = 1; step < 3; step++) {
        (void)forward(train, c, m, x, dtype, step + 1);
    }
    wg_tape_reset(tape);
    compare_var(c, "evaluation", &c->out[1], forward(wg_net_eval(store, tape), c, m, x, dtype, 1),
                dtype, m->ulps);
    for (int k = 0; state_at(c, k, &input) != NULL; k++) {
        const wg_parameter_view view = find(store, state_at(c, k, &input));
        if (view.buffer) {
            compare_var(c, state_at(c, k, &input), &c->out[out++],
                        wg_borrow(tape, &view.value, NULL), dtype, m->ulps);
        }
    }
    cr_assert_eq(out, c->outputs, "%s: %d outputs", c->name, out);
    wg_tape_free(tape);
    wg_store_free(store);
}

ParameterizedTestParameters(modules, as_in_pytorch) {
    static int rows[sizeof modules / sizeof modules[0]];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        rows[i] = (int)i;
    }
    return cr_make_param_array(int, rows, sizeof rows / sizeof rows[0]);
}

ParameterizedTest(int *row, modules, as_in_pytorch) {
    const struct module *m = &modules[*row];
    int count, found = 0;
    const golden_case *cases = golden_read("modules", &count);
    for (int i = 0; i < count; i++) {
        if (strcmp(cases[i].op, m->op) == 0) {
            check_case(&cases[i], m, WG_F64);
            check_case(&cases[i], m, WG_F32);
            found++;
        }
    }
    cr_assert_gt(found, 0, "no case of %s", m->op);
    golden_free(cases, count);
}

Test(modules, every_case_has_a_layer) {
    int count;
    const golden_case *cases = golden_read("modules", &count);
    for (int i = 0; i < count; i++) {
        bool known = false;
        for (size_t k = 0; k < sizeof modules / sizeof modules[0]; k++) {
            known = known || strcmp(modules[k].op, cases[i].op) == 0;
        }
        cr_assert(known, "there is no layer for %s", cases[i].op);
    }
    golden_free(cases, count);
}
