/* test_distributions.c: what parameters begin with: the distribution of every random initializer
 * (Kolmogorov and Smirnov's test), the shape of the others, and each layer's default. */
#include "layer_test.h"

#include <criterion/parameterized.h>

TestSuite(distributions, .init = start, .fini = stop);

/* ---- Distribution functions ------------------------------------------------------------------ */

typedef enum law {
    UNIFORM, /* between a and b */
    NORMAL,  /* mean a, deviation b */
    TRUNCATED
} law;

typedef struct distribution {
    law law;
    double a, b, low, high;
} distribution;

static double normal_below(double z) {
    return 0.5 * erfc(-z / sqrt(2));
}

static double below(const distribution *d, double x) {
    const double z = (x - d->a) / d->b;
    if (d->law == UNIFORM) {
        return fmin(fmax((x - d->a) / (d->b - d->a), 0), 1);
    }
    if (d->law == NORMAL) {
        return normal_below(z);
    }
    const double low = normal_below((d->low - d->a) / d->b);
    const double high = normal_below((d->high - d->a) / d->b);
    return (normal_below(z) - low) / (high - low);
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The greatest distance of the sample's distribution function from the exact one, times √n: more
 * than 1.95 in one of 1000 samples. Seeds are fixed, so what holds once holds always. */
static void expect_distribution(const char *name, const distribution *d) {
    const wg_parameter_view view = find(name);
    const int64_t n = wg_view_count(&view.value);
    double *sorted = calloc((size_t)n, sizeof *sorted), distance = 0;
    for (int64_t i = 0; i < n; i++) {
        sorted[i] = value(name, i);
    }
    qsort(sorted, (size_t)n, sizeof *sorted, ascending);
    for (int64_t i = 0; i < n; i++) {
        const double exact = below(d, sorted[i]);
        distance = fmax(distance,
                        fmax((double)(i + 1) / (double)n - exact, exact - (double)i / (double)n));
    }
    cr_assert_lt(distance * sqrt((double)n), 1.95, "%s: %g from its distribution", name,
                 distance * sqrt((double)n));
    if (d->law != NORMAL) {
        const double low = d->law == UNIFORM ? d->a : d->low;
        const double high = d->law == UNIFORM ? d->b : d->high;
        cr_assert(sorted[0] >= low * (1 + 1e-7) && sorted[n - 1] <= high * (1 + 1e-7) + 1e-7 &&
                      sorted[n - 1] - sorted[0] > 0.9 * (high - low),
                  "%s: [%g, %g] in [%g, %g]", name, sorted[0], sorted[n - 1], low, high);
    }
    free(sorted);
}

/* ---- Initializers ---------------------------------------------------------------------------- */

/* A weight [50, 20, 3, 2] has fan in 120 and fan out 300. */
static const struct random {
    wg_initializer init;
    distribution is;
} randoms[] = {
    {{WG_INIT_DEFAULT, 0, 0, 0, 0}, {UNIFORM, -0.09128709, 0.09128709, 0, 0}},
    {{WG_INIT_UNIFORM, -1, 3, 0, 0}, {UNIFORM, -1, 3, 0, 0}},
    {{WG_INIT_NORMAL, 2, 0.5, 0, 0}, {NORMAL, 2, 0.5, 0, 0}},
    {{WG_INIT_GLOROT_UNIFORM, 1, 0, 0, 0}, {UNIFORM, -0.11952286, 0.11952286, 0, 0}},
    {{WG_INIT_GLOROT_NORMAL, 2, 0, 0, 0}, {NORMAL, 0, 0.13801311, 0, 0}},
    {{WG_INIT_HE_UNIFORM, 1, WG_FAN_IN, 0, 0}, {UNIFORM, -0.15811388, 0.15811388, 0, 0}},
    {{WG_INIT_HE_UNIFORM, 1, WG_FAN_OUT, 0, 0}, {UNIFORM, -0.1, 0.1, 0, 0}},
    {{WG_INIT_HE_NORMAL, 2, WG_FAN_IN, 0, 0}, {NORMAL, 0, 0.18257419, 0, 0}},
    {{WG_INIT_HE_NORMAL, 3, WG_FAN_OUT, 0, 0}, {NORMAL, 0, 0.17320508, 0, 0}},
    {{WG_INIT_TRUNCATED_NORMAL, 0, 1, -2, 2}, {TRUNCATED, 0, 1, -2, 2}},
    {{WG_INIT_TRUNCATED_NORMAL, 0.5, 0.2, 0.4, 1.2}, {TRUNCATED, 0.5, 0.2, 0.4, 1.2}},
    {{WG_INIT_TRUNCATED_NORMAL, 0, 0.02, -2, 2}, {NORMAL, 0, 0.02, 0, 0}},
};

ParameterizedTestParameters(distributions, of_initializers) {
    static int rows[sizeof randoms / sizeof randoms[0]];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        rows[i] = (int)i;
    }
    return cr_make_param_array(int, rows, sizeof rows / sizeof rows[0]);
}

ParameterizedTest(int *row, distributions, of_initializers) {
    const wg_net net = wg_net_train(store, tape, 0);
    const int64_t shape[] = {50, 20, 3, 2};
    wg_parameter(net, "f32", WG_F32, 4, shape, randoms[*row].init);
    wg_parameter(net, "f64", WG_F64, 4, shape, randoms[*row].init);
    cr_assert_eq(wg_tape_status(tape), WG_OK, "%s", wg_tape_message(tape));
    expect_distribution("f32", &randoms[*row].is);
    expect_distribution("f64", &randoms[*row].is);
}

/* Far in a tail: of N(0, 1) in [a, b] the mean is (φ(a) − φ(b))/(Φ(b) − Φ(a)). */
Test(distributions, tails) {
    enum {
        COUNT = 4000
    };
    static const struct {
        double low, high, mean;
    } tails[] = {{9, 10, 9.10846}, {-10, -9, -9.10846}, {9, INFINITY, 9.10852}, {60, 61, 60.01666}};
    const wg_net net = wg_net_train(store, tape, 0);
    for (int i = 0; i < 4; i++) {
        const char name[] = {(char)('a' + i), 0};
        const wg_initializer init = wg_init_truncated_normal(0, 1, tails[i].low, tails[i].high);
        double sum = 0;
        wg_parameter(net, name, WG_F64, 1, (int64_t[]){COUNT}, init);
        cr_assert_eq(wg_tape_status(tape), WG_OK, "%s", wg_tape_message(tape));
        for (int k = 0; k < COUNT; k++) {
            const double x = value(name, k);
            cr_assert(x >= tails[i].low && x <= tails[i].high, "%s[%d] = %g", name, k, x);
            sum += x;
        }
        cr_assert_float_eq(sum / COUNT, tails[i].mean, 0.006, "%s: %g", name, sum / COUNT);
    }
    cr_assert_neq(value("a", 1), value("a", 2));
}

/* The same names draw the same numbers in every store of the seed; other names others. */
Test(distributions, are_keyed_by_name) {
    const wg_net net = wg_net_train(store, tape, 0);
    const int64_t shape[] = {600};
    const wg_initializer init = wg_init_truncated_normal(0, 1, -2, 2);
    wg_parameter(net, "a", WG_F64, 1, shape, init);
    wg_parameter(net, "b", WG_F64, 1, shape, init);
    wg_store *first = store;
    store = wg_store_new(3);
    wg_parameter(wg_net_train(store, tape, 0), "b", WG_F64, 1, shape, init);
    const double again = value("b", 599);
    wg_store_free(store);
    store = first;
    cr_assert_eq(value("b", 599), again);
    cr_assert_neq(value("a", 599), again);
}

Test(distributions, eye) {
    wg_parameter(wg_net_train(store, tape, 0), "w", WG_F32, 2, (int64_t[]){3, 5}, wg_init_eye());
    for (int i = 0; i < 15; i++) {
        cr_assert_eq(value("w", i), i / 5 == i % 5);
    }
}

/* A convolution with such a weight hands on its channels. */
Test(distributions, dirac) {
    const wg_net net = wg_net_train(store, tape, 0);
    const wg_conv_layer_options o = {
        .out = 6,
        .conv = {.kernel = {3, 5}, .padding_mode = WG_PADDING_SAME, .groups = 2},
        .no_bias = true,
        .weight = wg_init_dirac(2)};
    const wg_var x = waves(WG_F64, 4, (int64_t[]){1, 4, 4, 3});
    double in[48], out[72];
    cr_assert_eq(wg_read(x, WG_F64, in, 48), WG_OK);
    cr_assert_eq(wg_read(wg_conv2d_with(net, "c", x, o), WG_F64, out, 72), WG_OK, "%s",
                 wg_tape_message(tape));
    for (int i = 0; i < 72; i++) {
        const int channel = i / 12, group = channel / 3, which = channel % 3;
        const double want = which < 2 ? in[(2 * group + which) * 12 + i % 12] : 0;
        cr_assert_eq(out[i], want, "element %d", i);
    }
}

/* ⌈0.3·10⌉ zeros in each column, elsewhere in the column, and normal numbers between. */
Test(distributions, sparse) {
    enum {
        ROWS = 10,
        COLUMNS = 4000
    };
    double zeros_of_row[ROWS] = {0}, square = 0;
    wg_parameter(wg_net_train(store, tape, 0), "w", WG_F64, 2, (int64_t[]){ROWS, COLUMNS},
                 wg_init_sparse(0.25, 0.01));
    for (int c = 0; c < COLUMNS; c++) {
        int zeros = 0;
        for (int r = 0; r < ROWS; r++) {
            const double w = value("w", r * COLUMNS + c);
            zeros += w == 0;
            zeros_of_row[r] += w == 0;
            square += w * w;
        }
        cr_assert_eq(zeros, 3);
    }
    for (int r = 0; r < ROWS; r++) { /* binomial: 1200 ± 29 */
        cr_assert_float_eq(zeros_of_row[r], 1200, 120);
    }
    cr_assert_float_eq(square / (7.0 * COLUMNS), 1e-4, 4e-6);
}

Test(distributions, gains) {
    cr_assert_eq(wg_gain("linear", 0), 1);
    cr_assert_eq(wg_gain("conv_transpose3d", 0), 1);
    cr_assert_eq(wg_gain("sigmoid", 0), 1);
    cr_assert_eq(wg_gain("tanh", 0), 5.0 / 3);
    cr_assert_eq(wg_gain("relu", 0), sqrt(2));
    cr_assert_float_eq(wg_gain("leaky_relu", 0.01), 1.4141428569978354, 1e-15);
    cr_assert_eq(wg_gain("selu", 0), 0.75);
    cr_assert(isnan(wg_gain("gelu", 0)));
    cr_assert_not_null(strstr(wg_last_message(), "\"gelu\""));
    cr_assert(isnan(wg_gain(NULL, 0)));
    wg_parameter(wg_net_train(store, tape, 0), "w", WG_F32, 2, (int64_t[]){2, 2},
                 wg_init_he_normal(wg_gain("gelu", 0)));
    expect_error(WG_ERROR_ARGUMENT, "he_normal has an argument out of range");
}

/* ---- Refusals -------------------------------------------------------------------------------- */

static const struct refusal {
    wg_initializer init;
    int rank;
    const char *text;
} refusals[] = {
    {{WG_INIT_EYE, 0, 0, 0, 0}, 1, "eye needs 2 axes or more and at most 2, the shape is [6]"},
    {{WG_INIT_EYE, 0, 0, 0, 0}, 3, "eye needs 2 axes or more and at most 2"},
    {{WG_INIT_DIRAC, 1, 0, 0, 0}, 2, "dirac needs 3 axes or more and at most 5"},
    {{WG_INIT_DIRAC, 4, 0, 0, 0}, 3, "dirac has an argument out of range: 4"},
    {{WG_INIT_DIRAC, 0, 0, 0, 0}, 3, "dirac has an argument out of range"},
    {{WG_INIT_SPARSE, 1.5, 1, 0, 0}, 2, "sparse has an argument out of range"},
    {{WG_INIT_SPARSE, 0.5, -1, 0, 0}, 2, "sparse has an argument out of range"},
    {{WG_INIT_TRUNCATED_NORMAL, 0, 1, 2, -2}, 2, "truncated_normal has an argument"},
    {{WG_INIT_TRUNCATED_NORMAL, 0, 0, -2, 2}, 2, "truncated_normal has an argument"},
    {{WG_INIT_TRUNCATED_NORMAL, 0, 1, NAN, 2}, 2, "truncated_normal has an argument"},
    {{WG_INIT_HE_NORMAL, 1, 2, 0, 0}, 2, "he_normal has an argument"},
};

ParameterizedTestParameters(distributions, refuses) {
    static int rows[sizeof refusals / sizeof refusals[0]];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        rows[i] = (int)i;
    }
    return cr_make_param_array(int, rows, sizeof rows / sizeof rows[0]);
}

ParameterizedTest(int *row, distributions, refuses) {
    const struct refusal *r = &refusals[*row];
    wg_parameter(wg_net_train(store, tape, 0), "w", WG_F32, r->rank, (int64_t[]){6, 5, 3}, r->init);
    expect_error(WG_ERROR_ARGUMENT, r->text);
    cr_assert_eq(wg_store_count(store), 0);
}

/* ---- Layers ---------------------------------------------------------------------------------- */

/* Weight and bias are U(±1/√fan in). */
static void expect_fan_in(const char *layer, double fan_in) {
    const double bound = 1 / sqrt(fan_in);
    const distribution is = {UNIFORM, -bound, bound, 0, 0};
    char name[64];
    snprintf(name, sizeof name, "%s.weight", layer);
    expect_distribution(name, &is);
    snprintf(name, sizeof name, "%s.bias", layer);
    expect_distribution(name, &is);
}

Test(distributions, layers_begin_as_in_pytorch) {
    const wg_net net = wg_net_train(store, tape, 0);
    const wg_var image = waves(WG_F32, 4, (int64_t[]){1, 64, 4, 4});
    const wg_var row = waves(WG_F32, 2, (int64_t[]){1, 50});
    wg_linear(net, "linear", row, 400);
    expect_fan_in("linear", 50);
    wg_conv2d(net, "conv", image, 256, (wg_conv_options){.kernel = {3, 2}, .groups = 8});
    expect_fan_in("conv", 64 / 8 * 6);
    wg_conv_transpose2d(net, "up", image, 256, (wg_conv_options){.kernel = {3, 2}, .groups = 2});
    expect_fan_in("up", 256 / 2 * 6); /* PyTorch's fan in is that of the weight's second axis */
    wg_bilinear(net, "bilinear", row, waves(WG_F32, 2, (int64_t[]){1, 3}), 256);
    expect_fan_in("bilinear", 50);
    wg_prelu_layer(net, "slope", image, true);
    cr_assert_eq(value("slope.weight", 63), 0.25);
    wg_embedding(net, "table", wg_full(tape, WG_I64, 1, (int64_t[]){1}, 0), 100, 40);
    expect_distribution("table.weight", &(distribution){NORMAL, 0, 1, 0, 0});
    cr_assert_eq(wg_tape_status(tape), WG_OK, "%s", wg_tape_message(tape));
}
