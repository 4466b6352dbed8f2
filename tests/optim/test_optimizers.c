/* test_optimizers.c: steps against formulas in double and against PyTorch; what a step leaves
 * alone. */
#include "wengert/elementwise.h"
#include "wengert/optim.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "golden.h"

static const wg_initializer unit = {WG_INIT_UNIFORM, -1, 1};

static double element(wg_dtype dtype, const void *data, int64_t i) {
    return dtype == WG_F32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
}

static void set(wg_dtype dtype, void *data, int64_t i, double value) {
    if (dtype == WG_F32) {
        ((float *)data)[i] = (float)value;
    } else {
        ((double *)data)[i] = value;
    }
}

static wg_parameter_view find(wg_store *store, const char *name) {
    wg_parameter_view view;
    cr_assert_eq(wg_store_find(store, name, &view), WG_OK, "%s", wg_last_message());
    return view;
}

static void make(wg_store *store, const char *name, wg_dtype dtype, int64_t n) {
    wg_tape *tape = wg_tape_new();
    wg_parameter(wg_net_train(store, tape, 0), name, dtype, 1, &n, unit);
    cr_assert_eq(wg_tape_status(tape), WG_OK, "%s", wg_tape_message(tape));
    wg_tape_free(tape);
}

/* ---- The rules ----------------------------------------------------------------------------- */

/* Which optimizer, with all numbers that one may have. */
struct rule {
    char name[16];
    char kind; /* s: SGD, a: Adam, w: AdamW */
    bool nesterov;
    double lr, momentum, decay, beta1, beta2, epsilon;
};

/* The runs of tests/golden/optimizers.py. */
static struct rule rules[] = {
    {"sgd", 's', false, 0.05, 0, 0, 0, 0, 0},
    {"sgd_decay", 's', false, 0.05, 0, 0.1, 0, 0, 0},
    {"sgd_momentum", 's', false, 0.05, 0.9, 0, 0, 0, 0},
    {"sgd_nesterov", 's', true, 0.05, 0.9, 0.1, 0, 0, 0},
    {"adam", 'a', false, 0.05, 0, 0, 0.9, 0.999, 1e-8},
    {"adam_decay", 'a', false, 0.05, 0, 0.1, 0.8, 0.95, 1e-3},
    {"adamw", 'w', false, 0.05, 0, 0.1, 0.9, 0.999, 1e-8},
};

static wg_optimizer *optimizer_of(const struct rule *r, wg_store *store) {
    wg_sgd_options sgd = {r->lr, r->momentum, r->decay, r->nesterov};
    wg_adam_options adam = {r->lr, r->beta1, r->beta2, r->epsilon, r->decay};
    wg_optimizer *optimizer = r->kind == 's'   ? wg_sgd(store, sgd)
                              : r->kind == 'a' ? wg_adam(store, adam)
                                               : wg_adamw(store, adam);
    cr_assert_not_null(optimizer, "%s", wg_last_message());
    return optimizer;
}

/* One weight by the formulas in optim.h, straight on. */
typedef struct scalar {
    double w, v, m;
    int age;
} scalar;

static void step(const struct rule *r, scalar *s, double g) {
    s->age++;
    if (r->kind != 'w') {
        g += r->decay * s->w;
    } else {
        s->w -= r->lr * r->decay * s->w;
    }
    if (r->kind == 's') {
        s->v = s->age == 1 ? g : r->momentum * s->v + g;
        s->w -= r->lr * (r->nesterov ? g + r->momentum * s->v : s->v);
        return;
    }
    s->m = r->beta1 * s->m + (1 - r->beta1) * g;
    s->v = r->beta2 * s->v + (1 - r->beta2) * g * g;
    const double m = s->m / (1 - pow(r->beta1, s->age)), v = s->v / (1 - pow(r->beta2, s->age));
    s->w -= r->lr * m / (sqrt(v) + r->epsilon);
}

static double slope(int t, int64_t i, double w) {
    return sin(0.7 * t + (double)i) + 0.1 * w;
}

/* Sets the gradients of parameter `name` as before step t, and steps `s` along. */
static void push(const struct rule *r, wg_store *store, const char *name, int t, scalar *s) {
    wg_parameter_view view = find(store, name);
    for (int64_t i = 0; i < wg_view_count(&view.value); i++) {
        const double g = slope(t, i, s[i].w);
        set(view.value.dtype, view.gradient, i, g);
        step(r, &s[i], g);
    }
}

static void begin(wg_store *store, const char *name, scalar *s) {
    wg_parameter_view view = find(store, name);
    for (int64_t i = 0; i < wg_view_count(&view.value); i++) {
        s[i] = (scalar){.w = element(view.value.dtype, view.value.data, i)};
    }
}

static void compare(wg_store *store, const char *name, const scalar *s) {
    wg_parameter_view view = find(store, name);
    const double tolerance = view.value.dtype == WG_F32 ? 2e-5 : 1e-12;
    for (int64_t i = 0; i < wg_view_count(&view.value); i++) {
        const double w = element(view.value.dtype, view.value.data, i);
        cr_assert_float_eq(w, s[i].w, tolerance, "%s[%d]: %.17g, not %.17g", name, (int)i, w,
                           s[i].w);
        cr_assert_eq(element(view.value.dtype, view.gradient, i), 0);
    }
}

ParameterizedTestParameters(optimizers, follow_their_formulas) {
    return cr_make_param_array(struct rule, rules, sizeof rules / sizeof rules[0]);
}

/* Both dtypes, a size that fills no vector, and one that threads share. */
ParameterizedTest(struct rule *r, optimizers, follow_their_formulas) {
    static const char *const names[] = {"a", "b", "c", "d"};
    static const int64_t sizes[] = {3, 37, 5, 70001};
    static const wg_dtype dtypes[] = {WG_F32, WG_F64, WG_F64, WG_F32};
    static scalar scalars[4][70001];
    wg_store *store = wg_store_new(1);
    for (int p = 0; p < 4; p++) {
        make(store, names[p], dtypes[p], sizes[p]);
        begin(store, names[p], scalars[p]);
    }
    wg_optimizer *optimizer = optimizer_of(r, store);
    for (int t = 0; t < 50; t++) {
        for (int p = 0; p < 4; p++) {
            push(r, store, names[p], t, scalars[p]);
        }
        cr_assert_eq(wg_step(optimizer, NULL), WG_OK, "%s", wg_last_message());
    }
    cr_assert_eq(wg_steps(optimizer), 50);
    for (int p = 0; p < 4; p++) {
        compare(store, names[p], scalars[p]);
    }
    wg_optimizer_free(optimizer);
    wg_store_free(store);
}

ParameterizedTestParameters(optimizers, are_as_pytorch) {
    return cr_make_param_array(struct rule, rules, sizeof rules / sizeof rules[0]);
}

static void check_golden(const struct golden *run, int t, const double *w) {
    for (size_t row = 0; row < sizeof golden_steps / sizeof golden_steps[0]; row++) {
        for (int i = 0; i < 3 && golden_steps[row] == t; i++) {
            cr_assert_float_eq(w[i], run->weight[row][i], 1e-12, "%s, step %d: %.17g, not %.17g",
                               run->name, t, w[i], run->weight[row][i]);
        }
    }
}

ParameterizedTest(struct rule *r, optimizers, are_as_pytorch) {
    const struct golden *run = golden;
    while (strcmp(run->name, r->name) != 0) {
        run++;
    }
    wg_store *store = wg_store_new(1);
    make(store, "w", WG_F64, 3);
    wg_optimizer *optimizer = optimizer_of(r, store);
    memcpy(find(store, "w").value.data, (double[]){1, -2, 0.5}, 3 * sizeof(double));
    for (int t = 0; t < 50; t++) {
        wg_parameter_view w = find(store, "w");
        for (int i = 0; i < 3; i++) {
            ((double *)w.gradient)[i] = slope(t, i, ((double *)w.value.data)[i]);
        }
        cr_assert_eq(wg_step(optimizer, NULL), WG_OK);
        check_golden(run, t + 1, find(store, "w").value.data);
    }
    wg_optimizer_free(optimizer);
    wg_store_free(store);
}

ParameterizedTestParameters(optimizers, take_parameters_later) {
    return cr_make_param_array(struct rule, rules, sizeof rules / sizeof rules[0]);
}

/* Parameters come before, between and behind those known; each has its own age and state. */
ParameterizedTest(struct rule *r, optimizers, take_parameters_later) {
    static const char *const names[] = {"m", "c", "z", "a", "p"};
    static const int since[] = {0, 5, 5, 9, 12};
    static scalar scalars[5][21];
    wg_store *store = wg_store_new(1);
    wg_optimizer *optimizer = optimizer_of(r, store);
    for (int t = 0; t < 30; t++) {
        for (int p = 0; p < 5; p++) {
            if (t == since[p]) {
                make(store, names[p], p == 1 ? WG_F32 : WG_F64, 21);
                begin(store, names[p], scalars[p]);
            }
        }
        for (int p = 0; p < 5 && t >= since[p]; p++) {
            push(r, store, names[p], t, scalars[p]);
        }
        cr_assert_eq(wg_step(optimizer, NULL), WG_OK, "%s", wg_last_message());
    }
    for (int p = 0; p < 5; p++) {
        compare(store, names[p], scalars[p]);
    }
    wg_optimizer_free(optimizer);
    wg_store_free(store);
}

/* ---- What stands around them --------------------------------------------------------------- */

/* One training step of a linear layer; `broken` puts an error on the tape. */
static wg_status train(wg_store *store, wg_optimizer *optimizer, wg_tape *tape, bool broken) {
    wg_net net = wg_net_train(store, tape, wg_steps(optimizer));
    wg_var x = wg_full(tape, WG_F64, 2, (int64_t[]){4, 3}, 0.5);
    wg_var loss = wg_sum(wg_square(wg_linear(net, "fc", x, 2)));
    (void)wg_backward(loss);
    if (broken) {
        wg_linear(net, "fc", x, 3);
    }
    const wg_status status = wg_step(optimizer, tape);
    wg_tape_reset(tape);
    return status;
}

Test(optimizers, a_failed_tape_changes_nothing) {
    wg_store *store = wg_store_new(1);
    wg_tape *tape = wg_tape_new();
    wg_optimizer *optimizer = wg_adam(store, wg_adam_defaults());
    cr_assert_eq(train(store, optimizer, tape, false), WG_OK);
    double before[6];
    memcpy(before, find(store, "fc.weight").value.data, sizeof before);
    cr_assert_eq(train(store, optimizer, tape, true), WG_ERROR_SHAPE);
    cr_assert_not_null(strstr(wg_last_message(), "linear fc"), "%s", wg_last_message());
    cr_assert_eq(wg_steps(optimizer), 1);
    cr_assert_arr_eq(find(store, "fc.weight").value.data, before, sizeof before);
    wg_zero_gradients(store);
    cr_assert_eq(train(store, optimizer, tape, false), WG_OK);
    cr_assert_eq(wg_steps(optimizer), 2);
    cr_assert_arr_neq(find(store, "fc.weight").value.data, before, sizeof before);
    wg_optimizer_free(optimizer);
    wg_tape_free(tape);
    wg_store_free(store);
}

/* Σ (x·wᵀ + b)² falls to 0. */
Test(optimizers, descend) {
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        wg_store *store = wg_store_new(i);
        wg_tape *tape = wg_tape_new();
        wg_optimizer *optimizer = optimizer_of(&rules[i], store);
        wg_set_lr(optimizer, 0.02);
        for (int t = 0; t < 500; t++) {
            cr_assert_eq(train(store, optimizer, tape, false), WG_OK, "%s", wg_last_message());
        }
        wg_var x = wg_full(tape, WG_F64, 2, (int64_t[]){4, 3}, 0.5);
        wg_var y = wg_linear(wg_net_eval(store, tape), "fc", x, 2);
        const double loss = wg_value(wg_sum(wg_square(y)));
        cr_assert(loss < 1e-4, "%s: %g", rules[i].name, loss);
        wg_optimizer_free(optimizer);
        wg_tape_free(tape);
        wg_store_free(store);
    }
}

/* A parameter that no sweep reached has the gradient 0, whatever its memory held. */
Test(optimizers, unreached_parameters_have_no_gradient) {
    wg_store *store = wg_store_new(1);
    wg_optimizer *optimizer = wg_sgd(store, (wg_sgd_options){.lr = 1});
    make(store, "a", WG_F32, 5);
    wg_parameter_view view = find(store, "a");
    for (int i = 0; i < 5; i++) {
        ((float *)view.gradient)[i] = 1e6f;
    }
    wg_zero_gradients(store);
    const float before = ((float *)view.value.data)[4];
    cr_assert_eq(wg_step(optimizer, NULL), WG_OK);
    cr_assert_eq(((float *)find(store, "a").value.data)[4], before);
    wg_optimizer_free(optimizer);
    wg_store_free(store);
}

Test(optimizers, learning_rates) {
    wg_store *store = wg_store_new(1);
    wg_optimizer *optimizer = wg_adamw(store, wg_adamw_defaults());
    cr_assert_eq(wg_lr(optimizer), 1e-3);
    cr_assert_eq(wg_steps(optimizer), 0);
    cr_assert_eq(wg_step(optimizer, NULL), WG_OK); /* of nothing */
    wg_set_lr(optimizer, 0.5);
    cr_assert_eq(wg_set_lr(optimizer, -1), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_set_lr(optimizer, NAN), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_lr(optimizer), 0.5);
    wg_set_lr(optimizer, 0);
    cr_assert_eq(wg_lr(optimizer), 0);
    wg_optimizer_free(optimizer);
    wg_optimizer_free(NULL);
    wg_store_free(store);
}

static void expect_refusal(wg_optimizer *optimizer, const char *text) {
    cr_assert_null(optimizer);
    cr_assert_not_null(strstr(wg_last_message(), text), "%s", wg_last_message());
}

Test(optimizers, refuse) {
    wg_store *store = wg_store_new(1);
    wg_adam_options adam = wg_adam_defaults();
    expect_refusal(wg_sgd(store, (wg_sgd_options){.lr = 0}), "sgd: lr");
    expect_refusal(wg_sgd(store, (wg_sgd_options){.lr = INFINITY}), "sgd: lr");
    expect_refusal(wg_sgd(store, (wg_sgd_options){.lr = 1, .momentum = -1}), "sgd: momentum");
    expect_refusal(wg_sgd(store, (wg_sgd_options){.lr = 1, .decay = NAN}), "sgd: decay");
    expect_refusal(wg_sgd(store, (wg_sgd_options){.lr = 1, .nesterov = true}), "Nesterov");
    adam.lr = NAN;
    expect_refusal(wg_adam(store, adam), "adam: lr");
    adam = wg_adam_defaults();
    adam.beta1 = 1;
    expect_refusal(wg_adam(store, adam), "adam: beta1");
    adam = wg_adam_defaults();
    adam.beta2 = -0.1;
    expect_refusal(wg_adamw(store, adam), "adamw: beta2");
    adam = wg_adam_defaults();
    adam.epsilon = -1;
    expect_refusal(wg_adamw(store, adam), "adamw: epsilon");
    adam = wg_adam_defaults();
    adam.decay = -1;
    expect_refusal(wg_adamw(store, adam), "adamw: decay");
    wg_store_free(store);
}
