/* Random arrays: what they are distributed as (fixed keys, so that each test either always passes
 * or never), what they depend on, and the gradients through them. */
#include "arrays.h"
#include "wengert/distribution.h"
#include "wengert/index.h"
#include "wengert/nn.h"

#include <stdlib.h>

#define MANY 100000

static double sample[MANY];

static int by_size(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y ? 1 : 0;
}

/* Reads MANY elements, in order, and gives their Kolmogorov-Smirnov distance from `cdf` times
 * sqrt(MANY): above 1.95 once in a thousand keys. */
static double distance(wg_var x, double (*cdf)(double)) {
    double worst = 0;
    cr_assert_eq(wg_read(x, WG_F64, sample, MANY), WG_OK, "%s", wg_tape_message(x.tape));
    qsort(sample, MANY, sizeof sample[0], by_size);
    for (int i = 0; i < MANY; i++) {
        const double f = cdf(sample[i]);
        worst = fmax(worst, fmax(fabs(f - (double)i / MANY), fabs((i + 1.0) / MANY - f)));
    }
    return worst * sqrt(MANY);
}

static double uniform_cdf(double x) {
    return (x + 2) / 5;
}
static double normal_cdf(double x) {
    return 0.5 * erfc((1 - x) / (2 * sqrt(2.0)));
}
static double exponential_cdf(double x) {
    return -expm1(-x / 3);
}
static double gumbel_cdf(double x) {
    return exp(-exp(-(x - 1) / 2));
}
static double laplace_cdf(double x) {
    return x < 1 ? 0.5 * exp((x - 1) / 2) : 1 - 0.5 * exp(-(x - 1) / 2);
}

static const wg_dtype floats[] = {WG_F32, WG_F64};

Test(distribution, each_has_its_distribution_function) {
    wg_tape *tape = wg_tape_new();
    for (int d = 0; d < 2; d++) {
        const wg_key key = wg_key_new(17 + (uint64_t)d);
        const wg_dtype t = floats[d];
        cr_assert_lt(distance(wg_uniform(tape, key, -2, 3, t, WG_SHAPE(MANY)), uniform_cdf), 1.95);
        cr_assert(sample[0] >= -2 && sample[MANY - 1] < 3);
        cr_assert_lt(distance(wg_normal(tape, key, 1, 2, t, WG_SHAPE(MANY)), normal_cdf), 1.95);
        cr_assert_lt(distance(wg_exponential(tape, key, 3, t, WG_SHAPE(MANY)), exponential_cdf),
                     1.95);
        cr_assert_lt(distance(wg_gumbel(tape, key, 1, 2, t, WG_SHAPE(MANY)), gumbel_cdf), 1.95);
        cr_assert_lt(distance(wg_laplace(tape, key, 1, 2, t, WG_SHAPE(MANY)), laplace_cdf), 1.95);
        wg_tape_reset(tape);
    }
    wg_tape_free(tape);
}

/* Mean 0, variance 1, kurtosis 3, and no correlation of neighbours: at distances within a block of
 * random bits, within a group, and of whole groups. */
Test(distribution, normal_moments) {
    wg_tape *tape = wg_tape_new();
    for (int d = 0; d < 2; d++) {
        wg_var x = wg_normal(tape, wg_key_new(3), 0, 1, floats[d], WG_SHAPE(MANY));
        double sum = 0, square = 0, fourth = 0;
        cr_assert_eq(wg_read(x, WG_F64, sample, MANY), WG_OK);
        for (int i = 0; i < MANY; i++) {
            sum += sample[i];
            square += sample[i] * sample[i];
            fourth += pow(sample[i], 4);
        }
        cr_assert_float_eq(sum / MANY, 0, 4 / sqrt(MANY));
        cr_assert_float_eq(square / MANY, 1, 4 * sqrt(2.0 / MANY));
        cr_assert_float_eq(fourth / MANY, 3, 4 * sqrt(96.0 / MANY));
        static const int apart[] = {1, 2, 63, 64, 65, 128, 192, 256, 4096};
        for (size_t k = 0; k < 9; k++) {
            double product = 0;
            for (int i = 0; i + apart[k] < MANY; i++) {
                product += sample[i] * sample[i + apart[k]];
            }
            cr_assert_float_eq(product / MANY, 0, 4 / sqrt(MANY), "apart by %d", apart[k]);
        }
    }
    wg_tape_free(tape);
}

/* A short array is the start of a long one, and rows do not matter. */
Test(distribution, elements_depend_on_key_and_place_alone) {
    wg_tape *tape = wg_tape_new();
    double longer[1000], part[1000];
    for (int d = 0; d < 2; d++) {
        const wg_key key = wg_key_new(5);
        wg_var x = wg_normal(tape, key, 0, 1, floats[d], WG_SHAPE(1000));
        cr_assert_eq(wg_read(x, WG_F64, longer, 1000), WG_OK);
        static const int64_t sizes[] = {1, 2, 63, 127, 128, 129, 255, 257, 999};
        for (size_t k = 0; k < 9; k++) {
            x = wg_normal(tape, key, 0, 1, floats[d], WG_SHAPE(1, sizes[k]));
            cr_assert_eq(wg_read(x, WG_F64, part, sizes[k]), WG_OK);
            cr_assert_arr_eq(part, longer, (size_t)sizes[k] * sizeof part[0]);
        }
        x = wg_normal(tape, wg_key_fold(key, 1), 0, 1, floats[d], WG_SHAPE(1000));
        cr_assert_eq(wg_read(x, WG_F64, part, 1000), WG_OK);
        cr_assert_arr_neq(part, longer, sizeof part);
    }
    wg_tape_free(tape);
}

/* x = location + scale z: dx/dlocation = 1, dx/dscale = z. */
Test(distribution, gradients_flow_into_the_parameters) {
    wg_tape *tape = wg_tape_new();
    const wg_key key = wg_key_new(9);
    wg_var mean = wg_variable(tape, WG_F64, WG_SHAPE(3), (double[]){1, 2, 3});
    wg_var scale = wg_variable(tape, WG_F64, WG_SHAPE(2, 1), (double[]){0.5, 2});
    double z[6], x[6];
    wg_var draws[2] = {wg_normal(tape, key, mean, scale, WG_F64, WG_SHAPE(2, 3)),
                       wg_laplace(tape, key, mean, scale, WG_F64, WG_SHAPE(2, 3))};
    wg_var standard[2] = {wg_normal(tape, key, 0, 1, WG_F64, WG_SHAPE(2, 3)),
                          wg_laplace(tape, key, 0, 1, WG_F64, WG_SHAPE(2, 3))};
    for (int k = 0; k < 2; k++) {
        read_all(standard[k], z);
        read_all(draws[k], x);
        for (int i = 0; i < 6; i++) {
            expect_close(x[i], 1 + i % 3 + (i < 3 ? 0.5 : 2) * z[i], 1e-14, i);
        }
        wg_zero_adjoints(tape);
        cr_assert_eq(wg_backward_keep(wg_sum(draws[k])), WG_OK);
        expect_adjoint(mean, (double[]){2, 2, 2}, 0);
        expect_adjoint(scale, (double[]){z[0] + z[1] + z[2], z[3] + z[4] + z[5]}, 1e-14);
    }
    wg_var high = wg_scalar(tape, 4);
    wg_var u = wg_uniform(tape, key, 1, high, WG_F64, WG_SHAPE(6));
    read_all(u, x);
    cr_assert_eq(wg_backward(wg_sum(u)), WG_OK);
    double sum = 0;
    for (int i = 0; i < 6; i++) {
        sum += (x[i] - 1) / 3;
    }
    cr_assert_float_eq(wg_adjoint(high), sum, 1e-14);
    wg_tape_free(tape);
}

Test(distribution, bernoulli_of_numbers_and_arrays) {
    wg_tape *tape = wg_tape_new();
    static const wg_dtype dtypes[] = {WG_F32, WG_F64, WG_I64, WG_U8};
    for (int d = 0; d < 4; d++) {
        wg_var x = wg_bernoulli(tape, wg_key_new(1), 0.3, dtypes[d], WG_SHAPE(MANY));
        cr_assert_eq(wg_view_of(x).dtype, dtypes[d]);
        cr_assert_eq(wg_read(x, WG_F64, sample, MANY), WG_OK);
        double sum = 0;
        for (int i = 0; i < MANY; i++) {
            cr_assert(sample[i] == 0 || sample[i] == 1);
            sum += sample[i];
        }
        cr_assert_float_eq(sum / MANY, 0.3, 4 * sqrt(0.21 / MANY));
        wg_tape_reset(tape);
    }
    expect_values(wg_bernoulli(tape, wg_key_new(1), 0, WG_U8, WG_SHAPE(3)), (double[]){0, 0, 0}, 0);
    expect_values(wg_bernoulli(tape, wg_key_new(1), 1, WG_F32, WG_SHAPE(3)), (double[]){1, 1, 1},
                  0);
    wg_var p = wg_variable(tape, WG_F64, WG_SHAPE(2), (double[]){0, 1});
    wg_var y = wg_bernoulli(tape, wg_key_new(2), p, WG_U8, WG_SHAPE(2, 2));
    expect_values(y, (double[]){0, 1, 0, 1}, 0);
    cr_assert_eq(wg_view_of(y).dtype, WG_U8);
    wg_tape_free(tape);
}

Test(distribution, whole_numbers) {
    wg_tape *tape = wg_tape_new();
    int64_t x[1000];
    int count[7] = {0};
    cr_assert_eq(wg_read(wg_randint(tape, wg_key_new(4), -3, 4, WG_SHAPE(1000)), WG_I64, x, 1000),
                 WG_OK);
    for (int i = 0; i < 1000; i++) {
        cr_assert(x[i] >= -3 && x[i] < 4);
        count[x[i] + 3]++;
    }
    for (int i = 0; i < 7; i++) {
        cr_assert_float_eq(count[i], 1000 / 7.0, 4 * sqrt(1000 / 7.0));
    }
    cr_assert_eq(
        wg_read(wg_randint(tape, wg_key_new(4), INT64_MIN, INT64_MAX, WG_SHAPE(9)), WG_I64, x, 9),
        WG_OK);
    bool seen[50] = {false};
    cr_assert_eq(wg_read(wg_permutation(tape, wg_key_new(4), 50), WG_I64, x, 50), WG_OK);
    for (int i = 0; i < 50; i++) {
        cr_assert(!seen[x[i]]);
        seen[x[i]] = true;
    }
    wg_tape_free(tape);
}

Test(distribution, categorical_has_the_probabilities_of_the_softmax) {
    wg_tape *tape = wg_tape_new();
    static int64_t x[2][MANY / 2];
    wg_var logits = wg_constant(tape, WG_F64, WG_SHAPE(2, 4),
                                (double[]){0, log(2), -INFINITY, log(5), 1000, 1000, 0, 1000});
    cr_assert_eq(wg_read(wg_categorical(logits, wg_key_new(8), MANY / 2), WG_I64, x[0], MANY),
                 WG_OK);
    static const double want[2][4] = {{1 / 8., 2 / 8., 0, 5 / 8.}, {1 / 3., 1 / 3., 0, 1 / 3.}};
    for (int row = 0; row < 2; row++) {
        double count[4] = {0};
        for (int i = 0; i < MANY / 2; i++) {
            cr_assert(x[row][i] >= 0 && x[row][i] < 4);
            count[x[row][i]]++;
        }
        for (int c = 0; c < 4; c++) {
            const double p = want[row][c];
            cr_assert_float_eq(count[c] / (MANY / 2.), p, 4 * sqrt(p * (1 - p) / (MANY / 2.)));
        }
    }
    wg_tape_free(tape);
}

Test(distribution, gumbel_softmax) {
    wg_tape *tape = wg_tape_new();
    double logits[3] = {0.5, -1, 2}, soft[3], hard[3], g_soft[3], g_hard[3];
    for (int h = 0; h < 2; h++) {
        wg_tape_reset(tape);
        wg_var x = wg_variable(tape, WG_F64, WG_SHAPE(3), logits);
        wg_var y = wg_gumbel_softmax(x, wg_key_new(2), 0.7, h == 1, -1);
        read_all(y, h == 1 ? hard : soft);
        wg_var weights = wg_constant(tape, WG_F64, WG_SHAPE(3), (double[]){1, -2, 5});
        cr_assert_eq(wg_backward(wg_sum(wg_mul(y, weights))), WG_OK);
        cr_assert_eq(wg_read_adjoint(x, WG_F64, h == 1 ? g_hard : g_soft, 3), WG_OK);
    }
    double sum = 0;
    for (int i = 0; i < 3; i++) {
        sum += hard[i];
        cr_assert(fabs(hard[i]) < 1e-15 || fabs(hard[i] - 1) < 1e-15);
        cr_assert_eq(g_hard[i], g_soft[i]);
    }
    cr_assert_float_eq(sum, 1, 1e-15);
    /* How often a class is the greatest is its probability. */
    wg_tape_reset(tape);
    wg_var many = wg_constant(tape, WG_F64, WG_SHAPE(1, 3), logits);
    wg_var y =
        wg_gumbel_softmax(wg_broadcast_to(many, WG_SHAPE(20000, 3)), wg_key_new(6), 1, true, 1);
    wg_var frequency = wg_mean_over(y, WG_AXES(0)), p = wg_softmax(many, 1);
    double have[3], want[3];
    read_all(frequency, have);
    read_all(p, want);
    for (int i = 0; i < 3; i++) {
        cr_assert_float_eq(have[i], want[i], 4 * sqrt(want[i] * (1 - want[i]) / 20000));
    }
    wg_tape_free(tape);
}

Test(distribution, dropout_and_its_gradient_choose_alike) {
    wg_tape *tape = wg_tape_new();
    double y[1000], g[1000], other[1000];
    for (int d = 0; d < 2; d++) {
        wg_var x = wg_cast(wg_variable(tape, WG_F64, WG_SHAPE(10, 100), NULL), floats[d]);
        x = wg_add(x, 3);
        wg_var out = wg_dropout_keyed(x, wg_key_new(7), 0.25);
        read_all(out, d == 0 ? y : other);
        cr_assert_eq(wg_backward_keep(wg_sum(out)), WG_OK);
        cr_assert_eq(wg_read_adjoint(x, WG_F64, g, 1000), WG_OK);
        for (int i = 0; i < 1000; i++) {
            cr_assert_eq(g[i] > 0, (d == 0 ? y : other)[i] > 0);
            cr_assert_float_eq(3 * g[i], (d == 0 ? y : other)[i], 1e-6);
        }
    }
    for (int i = 0; i < 1000; i++) {
        cr_assert_eq(y[i] > 0, other[i] > 0);
    }
    wg_tape_free(tape);
}

Test(distribution, dropout_of_channels_and_alpha_dropout) {
    wg_tape *tape = wg_tape_new();
    double y[600];
    wg_var x = wg_ones(tape, WG_F32, WG_SHAPE(5, 40, 3));
    read_all(wg_dropout_channels_keyed(x, wg_key_new(7), 0.5), y);
    int kept = 0;
    for (int i = 0; i < 600; i += 3) {
        cr_assert(y[i] == 0 || y[i] == 2);
        cr_assert(y[i] == y[i + 1] && y[i] == y[i + 2]);
        kept += y[i] > 0;
    }
    cr_assert(kept > 60 && kept < 140);
    wg_var z = wg_normal(tape, wg_key_new(1), 0, 1, WG_F64, WG_SHAPE(MANY));
    wg_var a = wg_alpha_dropout_keyed(z, wg_key_new(2), 0.2);
    cr_assert_float_eq(wg_value(wg_mean(a)), 0, 4 / sqrt(MANY));
    cr_assert_float_eq(wg_value(wg_mean(wg_square(a))), 1, 0.02);
    wg_tape_free(tape);
}

Test(distribution, errors) {
    wg_tape *tape = wg_tape_new();
    const wg_key key = wg_key_new(1);
    wg_uniform(tape, key, 2, 1, WG_F64, WG_SHAPE(2));
    expect_failure(tape, WG_ERROR_ARGUMENT, "uniform: from 2 to 1 (");
    wg_uniform(tape, key, NAN, 1, WG_F64, WG_SHAPE(2));
    expect_failure(tape, WG_ERROR_ARGUMENT, "uniform: from nan to 1");
    wg_normal(tape, key, 0, -1, WG_F64, WG_SHAPE(2));
    expect_failure(tape, WG_ERROR_ARGUMENT, "normal: the scale -1 is negative or NaN");
    wg_normal(tape, key, 0, 1, WG_I64, WG_SHAPE(2));
    expect_failure(tape, WG_ERROR_DTYPE, "normal: it draws f32 or f64, not i64");
    wg_exponential(tape, key, 1, WG_F64, WG_SHAPE(-2));
    expect_failure(tape, WG_ERROR_LIMIT, "[-2]");
    wg_bernoulli(tape, key, 1.5, WG_F64, WG_SHAPE(2));
    expect_failure(tape, WG_ERROR_ARGUMENT, "bernoulli: p = 1.5 is not in [0, 1]");
    wg_randint(tape, key, 2, 2, WG_SHAPE(2));
    expect_failure(tape, WG_ERROR_ARGUMENT, "randint: from 2 to below 2");
    wg_permutation(tape, key, -1);
    expect_failure(tape, WG_ERROR_LIMIT, "[-1]");
    wg_categorical(wg_full(tape, WG_F64, WG_SHAPE(2, 0), 0), key, 1);
    expect_failure(tape, WG_ERROR_SHAPE, "categorical: the logits [2, 0] have no classes");
    wg_categorical(wg_full(tape, WG_F64, WG_SHAPE(2, 3), NAN), key, 1);
    expect_failure(tape, WG_ERROR_ARGUMENT, "the logits of row 0 are no distribution");
    wg_categorical(wg_full(tape, WG_F64, WG_SHAPE(2, 3), -INFINITY), key, 1);
    expect_failure(tape, WG_ERROR_ARGUMENT, "the logits of row 0 are no distribution");
    wg_categorical(wg_full(tape, WG_F64, WG_SHAPE(3), 0), key, -1);
    expect_failure(tape, WG_ERROR_ARGUMENT, "categorical: -1 samples");
    wg_gumbel_softmax(wg_full(tape, WG_F64, WG_SHAPE(3), 0), key, 0, false, 0);
    expect_failure(tape, WG_ERROR_ARGUMENT, "gumbel_softmax: x [3] at the temperature 0");
    wg_gumbel_softmax(wg_full(tape, WG_F64, WG_SHAPE(3), 0), key, 1, false, 1);
    expect_failure(tape, WG_ERROR_ARGUMENT, "gumbel_softmax: there is no axis 1");
    wg_dropout_keyed(wg_full(tape, WG_F64, WG_SHAPE(3), 0), key, 1);
    expect_failure(tape, WG_ERROR_ARGUMENT, "dropout: x [3] by p = 1, which is not in [0, 1)");
    wg_dropout_channels_keyed(wg_full(tape, WG_F64, WG_SHAPE(3), 0), key, 0.5);
    expect_failure(tape, WG_ERROR_SHAPE, "is no array [batch, channels, ...]");
    wg_alpha_dropout_keyed(wg_full(tape, WG_I64, WG_SHAPE(3), 0), key, 0.5);
    expect_failure(tape, WG_ERROR_DTYPE, "alpha_dropout: x [3] is i64");
    wg_tape_free(tape);
}

Test(distribution, nothing_and_rank_0) {
    wg_tape *tape = wg_tape_new();
    const wg_key key = wg_key_new(1);
    expect_shape(wg_normal(tape, key, 0, 1, WG_F32, WG_SHAPE(2, 0)), WG_SHAPE(2, 0));
    expect_shape(wg_normal(tape, key, 0, 1, WG_F32, 0, NULL), 0, NULL);
    expect_shape(wg_randint(tape, key, 0, 5, WG_SHAPE(0)), WG_SHAPE(0));
    expect_shape(wg_permutation(tape, key, 0), WG_SHAPE(0));
    expect_shape(wg_categorical(wg_full(tape, WG_F32, WG_SHAPE(0, 3), 0), key, 4), WG_SHAPE(0, 4));
    expect_shape(wg_categorical(wg_full(tape, WG_F32, WG_SHAPE(3), 0), key, 0), WG_SHAPE(0));
    expect_shape(wg_dropout_keyed(wg_full(tape, WG_F32, WG_SHAPE(0, 3), 0), key, 0.5),
                 WG_SHAPE(0, 3));
    expect_values(wg_uniform(tape, key, 2, 2, WG_F64, WG_SHAPE(2)), (double[]){2, 2}, 0);
    wg_tape_free(tape);
}
