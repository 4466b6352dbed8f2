/* Normalisation: layer, root mean square, group, instance and batch. */
#include "wengert/norm.h"

#include "arrays.h"

#include <stdio.h>
#include <stdlib.h>
#if defined(_OPENMP)
#include <omp.h>
#endif

/* Numbers without a pattern in [-2, 2), whose mean is `centre`. */
static wg_var rough(wg_tape *tape, wg_dtype dtype, int rank, const int64_t *shape, double centre) {
    int64_t count = 1;
    for (int i = 0; i < rank; i++) {
        count *= shape[i];
    }
    double *values = malloc(((size_t)count + 1) * sizeof *values);
    for (int64_t i = 0; i < count; i++) {
        values[i] = centre + 2 * sin(1.7 * (double)i * (double)(i % 31 + 1));
    }
    if (dtype == WG_F32) {
        for (int64_t i = 0; i < count; i++) {
            ((float *)values)[i] = (float)values[i];
        }
    }
    const wg_var x = wg_variable(tape, dtype, rank, shape, values);
    free(values);
    return x;
}

/* Which normalisation, and of what. */
typedef struct trial {
    const char *name;
    int rank;
    int64_t shape[4];
    int axes;
    int64_t groups;
} trial;

static const trial trials[] = {
    {"layer", 2, {3, 1}, 1, 0},          {"layer", 2, {5, 15}, 1, 0},
    {"layer", 2, {70, 17}, 1, 0},        {"layer", 2, {3, 1025}, 1, 0},
    {"layer", 2, {131, 31}, 1, 0},       {"layer", 3, {3, 7, 9}, 2, 0},
    {"layer", 2, {1, 2100}, 1, 0},       {"layer", 1, {33}, 1, 0},
    {"layer", 4, {2, 3, 2, 5}, 4, 0},    {"rms", 2, {21, 19}, 1, 0},
    {"rms", 3, {2, 3, 40}, 2, 0},        {"group", 3, {3, 6, 35}, 0, 2},
    {"group", 4, {2, 4, 5, 7}, 0, 1},    {"group", 2, {5, 6}, 0, 3},
    {"group", 3, {1, 3, 1100}, 0, 3},    {"instance", 3, {3, 4, 33}, 0, 0},
    {"instance", 4, {2, 3, 4, 5}, 0, 0}, {"batch", 2, {7, 5}, 0, 0},
    {"batch", 2, {30, 131}, 0, 0},       {"batch", 3, {3, 5, 19}, 0, 0},
    {"batch", 4, {4, 3, 5, 7}, 0, 0},    {"batch", 3, {1, 3, 1100}, 0, 0},
};

static bool is(const trial *t, const char *name) {
    return strcmp(t->name, name) == 0;
}

static wg_var normalised(const trial *t, wg_var x, wg_var w, wg_var b) {
    return is(t, "layer")      ? wg_layer_norm(x, t->axes, w, b, 1e-4)
           : is(t, "rms")      ? wg_rms_norm(x, t->axes, w, 1e-4)
           : is(t, "group")    ? wg_group_norm(x, t->groups, w, b, 1e-4)
           : is(t, "instance") ? wg_instance_norm(x, w, b, 1e-4)
                               : wg_batch_norm(x, w, b, (wg_batch_norm_options){.eps = 1e-4});
}

/* The same by its definition, in verbs. */
static wg_var defined(const trial *t, wg_var x, wg_var w, wg_var b) {
    const wg_view view = wg_view_of(x);
    const bool last = is(t, "layer") || is(t, "rms");
    const int64_t groups = is(t, "group") ? t->groups : view.shape[1];
    int64_t shape[3] = {1, 1, 1}, weight[3] = {1, 1, 1};
    wg_axes axes = WG_AXES_KEEP(2);
    if (last) {
        for (int i = 0; i < view.rank; i++) {
            shape[i < view.rank - t->axes ? 0 : 2] *= view.shape[i];
        }
        weight[2] = shape[2];
    } else {
        shape[0] = view.shape[0];
        shape[1] = is(t, "batch") ? view.shape[1] : groups;
        shape[2] = wg_count(x) / shape[0] / shape[1];
        axes = is(t, "batch") ? WG_AXES_KEEP(0, 2) : axes;
    }
    wg_var d = wg_reshape(x, 3, shape);
    d = is(t, "rms") ? d : wg_sub(d, wg_mean_over(d, axes));
    d = wg_div(d, wg_sqrt(wg_add(wg_mean_over(wg_square(d), axes), 1e-4)));
    if (!last) {
        shape[1] = view.shape[1];
        shape[2] = wg_count(x) / shape[0] / shape[1];
        weight[1] = shape[1];
        d = wg_reshape(d, 3, shape);
    }
    w = wg_is_array(w) && wg_rank(w) > 0 ? wg_reshape(w, 3, weight) : w;
    b = wg_is_array(b) && wg_rank(b) > 0 ? wg_reshape(b, 3, weight) : b;
    d = wg_mul(d, w);
    return wg_reshape(is(t, "rms") ? d : wg_add(d, b), view.rank, view.shape);
}

static int weight_shape(const trial *t, int64_t *shape) {
    const int rank = is(t, "layer") || is(t, "rms") ? t->axes : 1;
    for (int i = 0; i < rank; i++) {
        shape[i] = t->axes > 0 ? t->shape[t->rank - t->axes + i] : t->shape[1];
    }
    return rank;
}

static void expect_near(const double *have, const double *want, int64_t count, double tolerance,
                        const char *what) {
    double size = 1;
    for (int64_t i = 0; i < count; i++) {
        size = fmax(size, fabs(want[i]));
    }
    for (int64_t i = 0; i < count; i++) {
        cr_assert(fabs(have[i] - want[i]) <= tolerance * size, "%s, element %lld: %.17g, not %.17g",
                  what, (long long)i, have[i], want[i]);
    }
}

/* Value and gradients of sum(seed · f(x, w, b)) into out[0..3]; `recorded`: by wg_grad. */
static void run(const trial *t, wg_dtype dtype, wg_var (*f)(const trial *, wg_var, wg_var, wg_var),
                bool recorded, bool weighted, double out[4][MOST]) {
    wg_tape *tape = wg_tape_new();
    int64_t shape[4];
    const int rank = weight_shape(t, shape);
    wg_var x[3] = {rough(tape, dtype, t->rank, t->shape, 0.3)};
    x[1] = weighted ? rough(tape, dtype, rank, shape, 1) : wg_number(1);
    x[2] = weighted ? rough(tape, dtype, rank, shape, -1) : wg_number(0);
    const wg_var y = f(t, x[0], x[1], x[2]);
    read_all(y, out[0]);
    const wg_var seed = rough(tape, dtype, t->rank, t->shape, 0.1);
    const wg_var loss = wg_sum(wg_mul(y, seed));
    wg_var g[3];
    memset(out[3], 0, sizeof out[3]);
    if (recorded) {
        cr_assert_eq(wg_grad(loss, x, weighted ? 3 : 1, g), WG_OK, "%s", wg_tape_message(tape));
    } else {
        cr_assert_eq(wg_backward(loss), WG_OK, "%s", wg_tape_message(tape));
    }
    for (int i = 0; i < (weighted ? 3 : 1); i++) {
        const int64_t count = wg_count(x[i]);
        cr_assert_eq(recorded ? wg_read(g[i], WG_F64, out[i + 1], count)
                              : wg_read_adjoint(x[i], WG_F64, out[i + 1], count),
                     WG_OK);
    }
    wg_tape_free(tape);
}

Test(norm, agrees_with_its_definition_and_its_two_sweeps_with_each_other) {
    static double want[4][MOST], have[4][MOST], recorded[4][MOST];
    static const char *const names[4] = {"value", "dx", "dw", "db"};
    for (size_t i = 0; i < sizeof trials / sizeof *trials; i++) {
        for (int k = 0; k < 4; k++) {
            const wg_dtype dtype = k % 2 ? WG_F32 : WG_F64;
            const bool weighted = k < 2;
            const double tolerance = dtype == WG_F32 ? 3e-5 : 1e-12;
            int64_t shape[4], count[4] = {1, 1, 1, 1};
            const int rank = weight_shape(&trials[i], shape);
            for (int axis = 0; axis < trials[i].rank; axis++) {
                count[0] *= trials[i].shape[axis];
            }
            for (int axis = 0; axis < rank; axis++) {
                count[2] *= shape[axis];
            }
            count[1] = count[0];
            count[3] = count[2];
            run(&trials[i], WG_F64, defined, false, weighted, want);
            run(&trials[i], dtype, normalised, false, weighted, have);
            run(&trials[i], dtype, normalised, true, weighted, recorded);
            const int outputs = !weighted ? 2 : is(&trials[i], "rms") ? 3 : 4;
            for (int out = 0; out < outputs; out++) {
                char what[96];
                snprintf(what, sizeof what, "trial %d (%s), %s", (int)i, trials[i].name,
                         names[out]);
                expect_near(have[out], want[out], count[out], tolerance, what);
                expect_near(recorded[out], want[out], count[out], tolerance, what);
            }
        }
    }
}

Test(norm, is_exact_where_the_mean_dwarfs_the_deviation) {
    enum {
        N = 100
    };
    wg_tape *tape = wg_tape_new();
    float x[N];
    double want[N], mean = 0, variance = 0;
    for (int i = 0; i < N; i++) {
        x[i] = (float)(100000 + sin(i));
        mean += (double)x[i] / N;
    }
    for (int i = 0; i < N; i++) {
        variance += ((double)x[i] - mean) * ((double)x[i] - mean) / N;
    }
    for (int i = 0; i < N; i++) {
        want[i] = ((double)x[i] - mean) / sqrt(variance + 1e-5);
    }
    expect_values(wg_layer_norm(wg_constant(tape, WG_F32, WG_SHAPE(N), x), 1, 1, 0, 1e-5), want,
                  3e-7);
    expect_values(wg_batch_norm(wg_constant(tape, WG_F32, WG_SHAPE(N, 1), x), 1, 0,
                                (wg_batch_norm_options){0}),
                  want, 3e-7);
    wg_tape_free(tape);
}

Test(norm, a_row_without_adjoint_receives_zero_even_if_it_is_nan) {
    wg_tape *tape = wg_tape_new();
    for (int kind = 0; kind < 3; kind++) {
        double x[6][3] = {{1, 2, 4}, {NAN, 1, INFINITY}, {3, 1, 2},
                          {0, 1, 5}, {1, 1, 2},          {2, 7, 1}};
        wg_var leaf = wg_variable(tape, WG_F64, WG_SHAPE(6, 3), x);
        wg_var w = wg_variable(tape, WG_F64, WG_SHAPE(3), (double[]){1, 2, 3});
        wg_var y, in = kind == 2 ? wg_transpose(leaf) : leaf, rest;
        if (kind == 0) {
            y = wg_layer_norm(in, 1, w, 0, 1e-5);
            rest = wg_slice(y, 0, 2, WG_END, 1);
        } else if (kind == 1) {
            y = wg_group_norm(wg_reshape(in, WG_SHAPE(6, 3)), 1, w, 0, 1e-5);
            rest = wg_slice(y, 0, 2, WG_END, 1);
        } else {
            y = wg_batch_norm(in, 1, 0, (wg_batch_norm_options){0});
            rest = wg_slice(y, 1, 2, WG_END, 1);
        }
        cr_assert_eq(wg_backward(wg_sum(wg_square(rest))), WG_OK, "%s", wg_tape_message(tape));
        double g[18], dw[3] = {0};
        cr_assert_eq(wg_read_adjoint(leaf, WG_F64, g, 18), WG_OK);
        if (kind < 2) {
            cr_assert_eq(wg_read_adjoint(w, WG_F64, dw, 3), WG_OK);
        }
        for (int i = 0; i < 18; i++) {
            cr_assert(isfinite(g[i]), "kind %d, element %d", kind, i);
            cr_assert(i / 3 != 1 || g[i] == 0, "kind %d, element %d is %g", kind, i, g[i]);
        }
        cr_assert(isfinite(dw[0]) && isfinite(dw[1]) && isfinite(dw[2]), "kind %d", kind);
        wg_tape_reset(tape);
    }
    wg_tape_free(tape);
}

Test(norm, x_may_be_its_own_weight) {
    wg_tape *tape = wg_tape_new();
    double value[2], adjoint[2][5];
    for (int k = 0; k < 2; k++) {
        const wg_var x = ramp(tape, WG_F64, 1, (int64_t[]){5});
        const wg_var w = k == 0 ? x : wg_mul(x, 1); /* another array of the same values */
        const wg_var loss = wg_sum(wg_sin(wg_layer_norm(x, 1, w, w, 1e-5)));
        value[k] = wg_value(loss);
        cr_assert_eq(wg_backward(loss), WG_OK);
        cr_assert_eq(wg_read_adjoint(x, WG_F64, adjoint[k], 5), WG_OK);
        wg_tape_reset(tape);
    }
    cr_assert_float_eq(value[0], value[1], 1e-14);
    for (int i = 0; i < 5; i++) {
        cr_assert_float_eq(adjoint[0][i], adjoint[1][i], 1e-12);
    }
    wg_tape_free(tape);
}

static void use_threads(int count) {
#if defined(_OPENMP)
    omp_set_num_threads(count);
#else
    (void)count;
#endif
}

/* Value and all gradients of a large normalisation, one behind the other. */
static void all_bits(int which, int threads, float *out) {
    static const int64_t shapes[][3] = {
        {700, 1, 300}, {700, 1, 300}, {40, 16, 333}, {40, 16, 333}, {600, 350, 1}};
    wg_tape *tape = wg_tape_new();
    const int64_t *shape = shapes[which];
    use_threads(threads);
    const wg_var x = rough(tape, WG_F32, 3, shape, 0);
    const int64_t n = which < 2 ? shape[2] : shape[1];
    const wg_var w = rough(tape, WG_F32, 1, &n, 1), b = rough(tape, WG_F32, 1, &n, 0);
    const wg_var y = which == 0   ? wg_layer_norm(x, 1, w, b, 1e-5)
                     : which == 1 ? wg_rms_norm(x, 1, w, 1e-5)
                     : which == 2 ? wg_group_norm(x, 4, w, b, 1e-5)
                                  : wg_batch_norm(x, w, b, (wg_batch_norm_options){0});
    cr_assert_eq(wg_read(y, WG_F32, out, wg_count(x)), WG_OK);
    cr_assert_eq(wg_backward(wg_sum(wg_mul(y, rough(tape, WG_F32, 3, shape, 0.2)))), WG_OK);
    out += wg_count(x);
    cr_assert_eq(wg_read_adjoint(x, WG_F32, out, wg_count(x)), WG_OK);
    out += wg_count(x);
    cr_assert_eq(wg_read_adjoint(w, WG_F32, out, n), WG_OK);
    cr_assert_eq(wg_read_adjoint(b, WG_F32, out + n, n), WG_OK);
    use_threads(1);
    wg_tape_free(tape);
}

Test(norm, the_number_of_threads_changes_no_bit) {
    enum {
        N = 2 * 40 * 16 * 333 + 700
    };
    float *one = calloc(N, sizeof *one), *more = calloc(N, sizeof *more);
    for (int which = 0; which < 5; which++) {
        all_bits(which, 1, one);
        all_bits(which, 2, more);
        cr_assert_eq(memcmp(one, more, N * sizeof *one), 0, "two threads, %d", which);
        all_bits(which, 5, more);
        cr_assert_eq(memcmp(one, more, N * sizeof *one), 0, "five threads, %d", which);
    }
    free(one);
    free(more);
}

Test(batch_norm, brings_running_statistics_up_to_date) {
    wg_tape *tape = wg_tape_new();
    const double x[4][2] = {{1, 10}, {2, 10}, {4, 30}, {5, 30}};
    float mean[4] = {1, -1, 2, -1}; /* every second element */
    double variance[2] = {1, 3};
    const wg_view running_mean = {WG_F32, 1, {2}, {2}, mean};
    const wg_view running_variance = wg_view_new(WG_F64, 1, (int64_t[]){2}, variance);
    wg_batch_norm_options options = {.mean = &running_mean, .variance = &running_variance};
    (void)wg_batch_norm(wg_constant(tape, WG_F64, WG_SHAPE(4, 2), x), 1, 0, options);
    cr_assert_eq(wg_tape_status(tape), WG_OK, "%s", wg_tape_message(tape));
    cr_assert_float_eq(mean[0], 0.9 * 1 + 0.1 * 3, 1e-6);
    cr_assert_float_eq(mean[2], 0.9 * 2 + 0.1 * 20, 1e-6);
    cr_assert_eq(mean[1], -1);
    cr_assert_float_eq(variance[0], 0.9 * 1 + 0.1 * 10 / 3, 1e-12);
    cr_assert_float_eq(variance[1], 0.9 * 3 + 0.1 * 400 / 3, 1e-12);
    options.momentum = -1; /* the batch's own */
    (void)wg_batch_norm(wg_constant(tape, WG_F64, WG_SHAPE(4, 2), x), 1, 0, options);
    cr_assert_float_eq(mean[2], 20, 1e-6);
    cr_assert_float_eq(variance[0], 10.0 / 3, 1e-12);
    (void)wg_batch_norm(wg_constant(tape, WG_F64, WG_SHAPE(0, 2), NULL), 1, 0, options);
    cr_assert_float_eq(mean[2], 20, 1e-6, "an empty batch changes nothing");
    wg_tape_free(tape);
}

Test(batch_norm, with_given_statistics_has_gradients_for_all) {
    wg_tape *tape = wg_tape_new();
    const wg_var x = ramp(tape, WG_F64, 3, (int64_t[]){2, 3, 4});
    const wg_var mean = ramp(tape, WG_F64, 1, (int64_t[]){3});
    const wg_var variance = wg_variable(tape, WG_F64, WG_SHAPE(3), (double[]){1, 2, 3});
    const wg_var y = wg_batch_norm_given(x, mean, variance, 2, 0, 0);
    cr_assert_eq(wg_backward(wg_sum(y)), WG_OK);
    expect_adjoint(mean, (double[]){-8 * 2, -8 * 2 / sqrt(2), -8 * 2 / sqrt(3)}, 1e-14);
    (void)wg_batch_norm_given(x, mean, x, 1, 0, 0);
    expect_failure(tape, WG_ERROR_SHAPE, "batch_norm_given: the variance [2, 3, 4] is not [3]");
    wg_tape_free(tape);
}

Test(norm, refuses_what_does_not_fit) {
    wg_tape *tape = wg_tape_new();
#define X(...) ramp(tape, WG_F64, WG_SHAPE(__VA_ARGS__))
#define BATCH (wg_batch_norm_options){0}
    (void)wg_layer_norm(X(2, 3), 3, 1, 0, 0);
    expect_failure(tape, WG_ERROR_ARGUMENT, "layer_norm: the last 3 axes of x [2, 3] (");
    (void)wg_layer_norm(X(2, 3), 0, 1, 0, 0);
    expect_failure(tape, WG_ERROR_ARGUMENT, "layer_norm: the last 0 axes");
    (void)wg_layer_norm(X(2, 3), 1, X(2), 0, 0);
    expect_failure(tape, WG_ERROR_SHAPE,
                   "layer_norm: the weight [2] is not [3], as x [2, 3] wants it");
    (void)wg_rms_norm(X(2, 3), 2, X(3), 0);
    expect_failure(tape, WG_ERROR_SHAPE, "rms_norm: the weight [3] is not [2, 3]");
    (void)wg_group_norm(X(2, 3, 4), 2, 1, 0, 0);
    expect_failure(tape, WG_ERROR_ARGUMENT, "group_norm: 2 groups of the channels of x [2, 3, 4]");
    (void)wg_group_norm(X(2, 3, 4), 0, 1, 0, 0);
    expect_failure(tape, WG_ERROR_ARGUMENT, "groups of the channels");
    (void)wg_group_norm(X(3), 1, 1, 0, 0);
    expect_failure(tape, WG_ERROR_SHAPE, "group_norm: x [3] is not [N, C, ...]");
    (void)wg_instance_norm(X(2, 3, 4), 1, X(4), 0);
    expect_failure(tape, WG_ERROR_SHAPE, "the bias [4] is not [3]");
    (void)wg_batch_norm(X(1, 3), 1, 0, BATCH);
    expect_failure(tape, WG_ERROR_SHAPE, "batch_norm: x [1, 3] has a single value a channel");
    double two[2];
    const wg_view wrong = wg_view_new(WG_F64, 1, (int64_t[]){2}, two);
    (void)wg_batch_norm(X(4, 3), 1, 0, (wg_batch_norm_options){.mean = &wrong, .variance = &wrong});
    expect_failure(tape, WG_ERROR_ARGUMENT, "batch_norm: the running statistics are not [3]");
    (void)wg_batch_norm(X(4, 2), 1, 0, (wg_batch_norm_options){.mean = &wrong});
    expect_failure(tape, WG_ERROR_ARGUMENT, "batch_norm: the running statistics");
    (void)wg_normalize(X(2, 3), 2, 0);
    expect_failure(tape, WG_ERROR_ARGUMENT, "normalize: there is no axis 2 in the shape [2, 3]");
    (void)wg_normalize(wg_scalar(tape, 1), 0, 0);
    expect_failure(tape, WG_ERROR_SHAPE, "normalize: x [] has less than 1 axes");
    (void)wg_local_response_norm(X(2, 3), 0, 1, 1, 1);
    expect_failure(tape, WG_ERROR_ARGUMENT, "local_response_norm: a window of 0 channels");
    cr_assert(isnan(wg_normalize(wg_number(1), 0, 0).as.number));
    cr_assert(isnan(wg_softmin(wg_number(1), 0).as.number));
    wg_tape_free(tape);
}

Test(norm, of_integers_is_of_floats) {
    wg_tape *tape = wg_tape_new();
    const int64_t values[4] = {1, 3, 1, 3};
    const wg_var x = wg_constant(tape, WG_I64, WG_SHAPE(2, 2), values);
    expect_values(wg_layer_norm(x, 1, 1, 0, 0), (double[]){-1, 1, -1, 1}, 0);
    wg_tape_free(tape);
}

Test(normalize, has_length_one_or_stays_small) {
    wg_tape *tape = wg_tape_new();
    const wg_var x = wg_variable(tape, WG_F64, WG_SHAPE(3, 2), (double[]){3, 4, 0, 0, 1e-13, 0});
    const wg_var y = wg_normalize(x, 1, 1e-12);
    expect_values(y, (double[]){0.6, 0.8, 0, 0, 0.1, 0}, 1e-14);
    cr_assert_eq(wg_backward(wg_sum(y)), WG_OK);
    expect_adjoint(x, (double[]){4.0 / 125, -3.0 / 125, 1e12, 1e12, 1e12, 1e12}, 1e-12);
    wg_tape_free(tape);
}
