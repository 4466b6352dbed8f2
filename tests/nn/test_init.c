/* test_init.c: initializers: their statistics, their limits. */
#include "wengert/nn.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

static double element(const wg_view *view, int64_t i) {
    return view->dtype == WG_F32 ? (double)((float *)view->data)[i] : ((double *)view->data)[i];
}

/* Makes one parameter in a store of its own and hands it to `look`. */
static void with_parameter(wg_dtype dtype, int rank, const int64_t *shape, wg_initializer init,
                           void (*look)(const wg_view *value, const void *with), const void *with) {
    wg_store *store = wg_store_new(11);
    wg_tape *tape = wg_tape_new();
    wg_parameter_view view;
    wg_parameter(wg_net_train(store, tape, 0), "w", dtype, rank, shape, init);
    cr_assert_eq(wg_tape_status(tape), WG_OK, "%s", wg_tape_message(tape));
    cr_assert_eq(wg_store_find(store, "w", &view), WG_OK);
    look(&view.value, with);
    wg_tape_free(tape);
    wg_store_free(store);
}

struct expected {
    wg_initializer init;
    wg_dtype dtype;
    double mean, variance, bound; /* all within the bound, some in its last tenth */
};

static void check_statistics(const wg_view *value, const void *with) {
    const struct expected *e = with;
    const int64_t n = wg_view_count(value);
    double mean = 0, variance = 0, most = 0;
    for (int64_t i = 0; i < n; i++) {
        mean += element(value, i) / (double)n;
    }
    for (int64_t i = 0; i < n; i++) {
        const double off = element(value, i) - mean;
        variance += off * off / (double)n;
        most = fmax(most, fabs(element(value, i)));
    }
    const double spread = sqrt(e->variance / (double)n);
    cr_assert_float_eq(mean, e->mean, 4 * spread + 1e-12, "mean %g, not %g", mean, e->mean);
    cr_assert_float_eq(variance, e->variance, 0.03 * e->variance + 1e-12, "variance %g, not %g",
                       variance, e->variance);
    if (e->bound > 0) {
        cr_assert(most <= e->bound * (1 + 1e-7) && most > 0.9 * e->bound, "%g in ±%g", most,
                  e->bound);
    }
}

/* A weight [100, 20, 3, 2] has fan in 120 and fan out 600. */
ParameterizedTestParameters(init, statistics) {
    static struct expected cases[] = {
        {{WG_INIT_DEFAULT, 0, 0}, WG_F32, 0, 1 / (3 * 120.0), 0.0912871},
        {{WG_INIT_CONSTANT, 0.25, 0}, WG_F32, 0.25, 0, 0.25},
        {{WG_INIT_CONSTANT, 0.1, 0}, WG_F64, 0.1, 0, 0.1},
        {{WG_INIT_UNIFORM, -1, 3}, WG_F64, 1, 16 / 12.0, 3},
        {{WG_INIT_NORMAL, 2, 0.5}, WG_F32, 2, 0.25, 0},
        {{WG_INIT_GLOROT_UNIFORM, 1, 0}, WG_F32, 0, 2 / 720.0, 0.0912871},
        {{WG_INIT_GLOROT_NORMAL, 2, 0}, WG_F64, 0, 4 * 2 / 720.0, 0},
        {{WG_INIT_HE_UNIFORM, 1.41421356237, 0}, WG_F32, 0, 2 / 120.0, 0.2236068},
        {{WG_INIT_HE_NORMAL, 1.41421356237, 0}, WG_F32, 0, 2 / 120.0, 0},
    };
    return cr_make_param_array(struct expected, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct expected *e, init, statistics) {
    with_parameter(e->dtype, 4, (int64_t[]){100, 20, 3, 2}, e->init, check_statistics, e);
}

static void check_zero(const wg_view *value, const void *with) {
    (void)with;
    for (int64_t i = 0; i < wg_view_count(value); i++) {
        cr_assert_eq(element(value, i), 0);
    }
}

Test(init, default_of_vectors_is_zero) {
    with_parameter(WG_F32, 1, (int64_t[]){100}, (wg_initializer){WG_INIT_DEFAULT, 0, 0}, check_zero,
                   NULL);
    with_parameter(WG_F64, 0, NULL, (wg_initializer){WG_INIT_DEFAULT, 0, 0}, check_zero, NULL);
    with_parameter(WG_F64, 2, (int64_t[]){0, 3}, wg_init_orthogonal(1), check_zero, NULL);
    with_parameter(WG_F64, 2, (int64_t[]){3, 0}, wg_init_he_normal(1), check_zero, NULL);
}

/* W·Wᵀ (or Wᵀ·W, for a tall one) = gain²·I. */
static void check_orthogonal(const wg_view *value, const void *with) {
    const double gain = *(const double *)with;
    const int64_t rows = value->shape[0], columns = wg_view_count(value) / rows;
    const int64_t k = rows < columns ? rows : columns, n = rows < columns ? columns : rows;
    const int64_t across = rows <= columns ? columns : 1, along = rows <= columns ? 1 : columns;
    const double tolerance = value->dtype == WG_F32 ? 1e-6 : 1e-14;
    for (int64_t i = 0; i < k; i++) {
        for (int64_t j = 0; j <= i; j++) {
            double dot = 0;
            for (int64_t c = 0; c < n; c++) {
                dot +=
                    element(value, i * across + c * along) * element(value, j * across + c * along);
            }
            cr_assert_float_eq(dot, i == j ? gain * gain : 0, tolerance * gain * gain,
                               "%d, %d: %.17g", (int)i, (int)j, dot);
        }
    }
}

struct matrix {
    wg_dtype dtype;
    int rank;
    int64_t shape[3];
    double gain;
};

ParameterizedTestParameters(init, orthogonal) {
    static struct matrix cases[] = {
        {WG_F64, 2, {50, 50, 0}, 1}, {WG_F64, 2, {20, 70, 0}, 2}, {WG_F32, 2, {70, 20, 0}, 0.5},
        {WG_F32, 3, {30, 4, 9}, 1},  {WG_F64, 2, {1, 1, 0}, 3},   {WG_F64, 2, {300, 300, 0}, 1},
    };
    return cr_make_param_array(struct matrix, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct matrix *m, init, orthogonal) {
    with_parameter(m->dtype, m->rank, m->shape, wg_init_orthogonal(m->gain), check_orthogonal,
                   &m->gain);
}

/* Uniform over the orthogonal matrices: a diagonal element is as often above 0 as below. */
Test(init, orthogonal_has_no_sign) {
    wg_tape *tape = wg_tape_new();
    int above = 0;
    for (uint64_t seed = 0; seed < 400; seed++) {
        wg_store *store = wg_store_new(seed);
        double w[9];
        wg_var x = wg_parameter(wg_net_train(store, tape, 0), "w", WG_F64, 2, (int64_t[]){3, 3},
                                wg_init_orthogonal(1));
        cr_assert_eq(wg_read(x, WG_F64, w, 9), WG_OK);
        above += w[8] > 0;
        wg_tape_reset(tape);
        wg_store_free(store);
    }
    cr_assert(above > 150 && above < 250, "%d of 400", above);
    wg_tape_free(tape);
}

struct refusal {
    wg_initializer init;
    int rank;
    char text[32];
};

ParameterizedTestParameters(init, refuses) {
    static struct refusal cases[] = {
        {{WG_INIT_GLOROT_NORMAL, 1, 0}, 1, "glorot_normal needs 2 axes"},
        {{WG_INIT_ORTHOGONAL, 1, 0}, 1, "orthogonal needs 2 axes"},
        {{WG_INIT_UNIFORM, 1, 0}, 2, "uniform"},
        {{WG_INIT_UNIFORM, 0, INFINITY}, 2, "uniform"},
        {{WG_INIT_NORMAL, 0, -1}, 2, "normal"},
        {{WG_INIT_HE_UNIFORM, NAN, 0}, 2, "he_uniform"},
        {{(wg_initializer_kind)77, 0, 0}, 2, "77"},
    };
    return cr_make_param_array(struct refusal, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct refusal *r, init, refuses) {
    wg_store *store = wg_store_new(1);
    wg_tape *tape = wg_tape_new();
    wg_parameter(wg_net_train(store, tape, 0), "w", WG_F32, r->rank, (int64_t[]){3, 4}, r->init);
    cr_assert_eq(wg_tape_status(tape), WG_ERROR_ARGUMENT);
    cr_assert_not_null(strstr(wg_tape_message(tape), r->text), "%s", wg_tape_message(tape));
    cr_assert_eq(wg_store_count(store), 0);
    wg_tape_free(tape);
    wg_store_free(store);
}
