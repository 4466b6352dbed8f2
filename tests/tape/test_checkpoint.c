/* test_checkpoint.c: functions whose inside is made again in the sweep. */
#include "../op/arrays.h"
#include "wengert/check.h"
#include "wengert/nn.h"
#include "wengert/precision.h"
#include "wengert/transform.h"

static wg_tape *tape;

static void set_up(void) {
    tape = wg_tape_new();
}

static void tear_down(void) {
    wg_tape_free(tape);
}

TestSuite(checkpoint, .init = set_up, .fini = tear_down);

#define OK(call) cr_assert_eq(call, WG_OK, "%s", wg_tape_message(tape))

/* ---- Values and gradients ----------------------------------------------------------------------
 */

/* Four layers of tanh. */
static void layers(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    (void)on, (void)context;
    ys[0] = xs[0];
    for (int i = 0; i < 4; i++) {
        ys[0] = wg_tanh(wg_matmul(ys[0], xs[1]));
    }
}

typedef void (*runner)(wg_tape *, wg_array_function, void *, const wg_var *, int, wg_var *, int);

static void directly(wg_tape *on, wg_array_function f, void *context, const wg_var *xs, int n,
                     wg_var *ys, int m) {
    (void)n, (void)m;
    f(on, xs, ys, context);
}

static void by_checkpoint(wg_tape *on, wg_array_function f, void *context, const wg_var *xs, int n,
                          wg_var *ys, int m) {
    (void)wg_checkpoint(on, f, context, xs, n, ys, m);
}

static void gradients_of_layers(runner run, double *value, double *dx, double *dw) {
    wg_var xs[2] = {ramp(tape, WG_F64, WG_SHAPE(3, 5)),
                    wg_mul(0.2, ramp(tape, WG_F64, WG_SHAPE(5, 5)))};
    wg_var w = wg_variable(tape, WG_F64, WG_SHAPE(5, 5), NULL), y;
    xs[1] = wg_add(xs[1], w);
    run(tape, layers, NULL, xs, 2, &y, 1);
    run(tape, layers, NULL, (const wg_var[]){y, xs[1]}, 2, &y, 1);
    wg_var loss = wg_sum(wg_square(y));
    *value = wg_value(loss);
    OK(wg_backward(loss));
    OK(wg_read_adjoint(xs[0], WG_F64, dx, 15));
    OK(wg_read_adjoint(w, WG_F64, dw, 25));
}

Test(checkpoint, gradients_are_bit_for_bit_those_without) {
    double value[2], dx[2][15], dw[2][25];
    gradients_of_layers(directly, &value[0], dx[0], dw[0]);
    wg_tape_reset(tape);
    gradients_of_layers(by_checkpoint, &value[1], dx[1], dw[1]);
    cr_assert_eq(value[0], value[1]);
    cr_assert_arr_eq(dx[0], dx[1], sizeof dx[0]);
    for (int i = 0; i < 25; i++) { /* sums in another order */
        expect_close(dw[1][i], dw[0][i], 1e-14, i);
    }
}

/* Scalars, numbers and arrays in; an array, a scalar, a number, integers and an input out. */
static void several(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    (void)on, (void)context;
    wg_var h = wg_mul(wg_sin(xs[0]), xs[1]);
    ys[0] = wg_mul(wg_tanh(h), xs[2]);
    ys[1] = wg_mul(wg_at(h, 1), xs[1]);
    ys[2] = wg_number(7);
    ys[3] = wg_argmax(xs[0], 0);
    ys[4] = xs[0];
    ys[5] = wg_exp(xs[1]);
}

static wg_var total_of(const wg_var *ys) {
    wg_var total = wg_at(wg_sum(wg_square(ys[0])), 0);
    total = wg_add(total, wg_mul(ys[1], ys[2]));
    total = wg_add(total, wg_at(wg_sum(wg_mul(ys[4], ys[0])), 0));
    return wg_add(total, wg_square(ys[5]));
}

static wg_var of_several(wg_tape *on, const wg_var *xs, int n, void *context) {
    const runner run = *(const runner *)context;
    wg_var ys[6];
    const wg_var with[3] = {xs[0], xs[1], wg_number(0.5)};
    (void)n;
    run(on, several, NULL, with, 3, ys, 6);
    return total_of(ys);
}

Test(checkpoint, several_results_of_all_kinds) {
    const double values[5] = {0.3, -0.2, 0.5, 1.1, 0.7};
    const wg_view inputs[2] = {wg_view_new(WG_F64, WG_SHAPE(4), (void *)values),
                               wg_view_new(WG_F64, 0, NULL, (void *)(values + 4))};
    static const runner runners[2] = {directly, by_checkpoint};
    double want[2] = {0, 0};
    for (int k = 0; k < 2; k++) {
        cr_assert_eq(wg_check_gradient(of_several, (void *)&runners[k], 2, inputs,
                                       (wg_check_options){.second = true}, NULL),
                     WG_OK, "%d: %s", k, wg_last_message());
        const wg_var xs[2] = {wg_variable(tape, WG_F64, WG_SHAPE(4), values),
                              wg_scalar(tape, values[4])};
        want[k] = wg_value(of_several(tape, xs, 2, (void *)&runners[k]));
    }
    cr_assert_eq(want[0], want[1]);
    wg_var ys[6];
    const wg_var xs[3] = {wg_variable(tape, WG_F64, WG_SHAPE(4), values), wg_scalar(tape, 1),
                          wg_number(0.5)};
    OK(wg_checkpoint(tape, several, NULL, xs, 3, ys, 6));
    cr_assert_not(wg_is_array(ys[1]));
    cr_assert_null(ys[2].tape);
    cr_assert_eq(wg_view_of(ys[3]).dtype, WG_I64);
    cr_assert_eq(wg_value(ys[3]), 3);
}

/* Results of both float dtypes are packed as the wider. */
static void both_widths(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    (void)on, (void)context;
    ys[0] = wg_square(xs[0]);
    ys[1] = wg_cast(wg_sin(xs[0]), WG_F32);
}

Test(checkpoint, results_of_two_dtypes) {
    wg_var x = ramp(tape, WG_F64, WG_SHAPE(2, 3)), ys[2];
    OK(wg_checkpoint(tape, both_widths, NULL, &x, 1, ys, 2));
    cr_assert_eq(wg_view_of(ys[0]).dtype, WG_F64);
    cr_assert_eq(wg_view_of(ys[1]).dtype, WG_F32);
    expect_shape(ys[1], WG_SHAPE(2, 3));
    double values[6], want[6];
    read_all(x, values);
    for (int i = 0; i < 6; i++) {
        want[i] = 2 * values[i] + cos(values[i]);
    }
    OK(wg_backward(wg_add(wg_sum(ys[0]), wg_sum(ys[1]))));
    expect_adjoint(x, want, 1e-6);
}

/* ---- To the second order -----------------------------------------------------------------------
 */

static wg_var of_layers(wg_tape *on, const wg_var *xs, int n, void *context) {
    wg_var y;
    (void)context;
    (void)wg_checkpoint(on, layers, NULL, xs, n, &y, 1);
    return wg_sum(wg_square(y));
}

Test(checkpoint, differences_to_the_second_order) {
    double values[9 + 6];
    for (int i = 0; i < 15; i++) {
        values[i] = 0.1 * ramp_value(i);
    }
    const wg_view inputs[2] = {wg_view_new(WG_F64, WG_SHAPE(2, 3), values),
                               wg_view_new(WG_F64, WG_SHAPE(3, 3), values + 6)};
    cr_assert_eq(
        wg_check_gradient(of_layers, NULL, 2, inputs, (wg_check_options){.second = true}, NULL),
        WG_OK, "%s", wg_last_message());
}

Test(checkpoint, gradients_as_values_give_the_inside_back) {
    wg_var xs[2] = {ramp(tape, WG_F64, WG_SHAPE(2, 3)),
                    wg_mul(0.2, ramp(tape, WG_F64, WG_SHAPE(3, 3)))};
    wg_var y, direct, g[2], want[2];
    layers(tape, xs, &direct, NULL);
    OK(wg_grad_from(direct, wg_number(1), xs, 2, want));
    OK(wg_checkpoint(tape, layers, NULL, xs, 2, &y, 1));
    wg_no_grad_begin(tape);
    const wg_tape_usage before = wg_tape_usage_of(tape);
    OK(wg_grad_from(y, wg_number(1), xs, 2, g));
    const wg_tape_usage after = wg_tape_usage_of(tape);
    wg_no_grad_end(tape);
    cr_assert_leq(after.arrays, before.arrays + 4);
    for (int i = 0; i < 2; i++) {
        double values[9];
        read_all(want[i], values);
        expect_values(g[i], values, 1e-14);
    }
}

/* wg_grad finds gradients by constants, too. */
Test(checkpoint, gradients_by_constants) {
    const double one[4] = {1, 2, 3, 4};
    wg_var xs[2] = {wg_constant(tape, WG_F64, WG_SHAPE(2, 2), one),
                    wg_constant(tape, WG_F64, WG_SHAPE(2, 2), one)};
    wg_var y, direct, g[2], want[2];
    layers(tape, xs, &direct, NULL);
    OK(wg_grad_from(direct, wg_number(1), xs, 2, want));
    OK(wg_checkpoint(tape, layers, NULL, xs, 2, &y, 1));
    OK(wg_grad_from(y, wg_number(1), xs, 2, g));
    for (int i = 0; i < 2; i++) {
        double values[4];
        read_all(want[i], values);
        expect_values(g[i], values, 1e-14);
    }
}

/* ---- What f looks at besides -------------------------------------------------------------------
 */

typedef struct captured {
    wg_var array, scalar, constant;
} captured;

static void looks(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    const captured *c = context;
    (void)on;
    ys[0] = wg_mul(wg_tanh(wg_mul(xs[0], c->array)), c->scalar);
    ys[0] = wg_mul(wg_add(ys[0], wg_at(c->array, 0)), c->constant);
}

static wg_var of_looks(wg_tape *on, const wg_var *xs, int n, void *context) {
    const runner run = *(const runner *)context;
    const double weights[3] = {1, -2, 0.5};
    /* Made of x, and of one another. */
    static captured c; /* lives as long as any sweep */
    c.array = wg_sin(xs[0]);
    c.scalar = wg_mul(xs[1], xs[1]);
    c.constant = wg_constant(on, WG_F64, WG_SHAPE(3), weights);
    wg_var y;
    (void)n;
    run(on, looks, &c, xs, 1, &y, 1);
    wg_var total = wg_add(wg_at(wg_sum(wg_square(y)), 0), wg_at(wg_sum(c.array), 0));
    if (run == directly) {
        return total;
    }
    wg_var g[2];
    (void)wg_grad(total, xs, 2, g);
    return wg_add(wg_at(wg_sum(wg_square(g[0])), 0), wg_mul(g[1], g[1]));
}

static wg_var of_looks_directly(wg_tape *on, const wg_var *xs, int n, void *context) {
    static const runner plain = directly;
    (void)context;
    wg_var g[2], total = of_looks(on, xs, n, (void *)&plain);
    (void)wg_grad(total, xs, 2, g);
    return wg_add(wg_at(wg_sum(wg_square(g[0])), 0), wg_mul(g[1], g[1]));
}

Test(checkpoint, captured_variables_have_gradients_in_grad) {
    static const runner run = by_checkpoint;
    const double values[4] = {0.4, -0.7, 1.2, 0.8};
    const wg_view inputs[2] = {wg_view_new(WG_F64, WG_SHAPE(3), (void *)values),
                               wg_view_new(WG_F64, 0, NULL, (void *)(values + 3))};
    const wg_var xs[2] = {wg_variable(tape, WG_F64, WG_SHAPE(3), values), wg_scalar(tape, 0.8)};
    expect_close(wg_value(of_looks(tape, xs, 2, (void *)&run)),
                 wg_value(of_looks_directly(tape, xs, 2, NULL)), 1e-13, 0);
    cr_assert_eq(wg_check_gradient(of_looks, (void *)&run, 2, inputs, (wg_check_options){0}, NULL),
                 WG_OK, "%s", wg_last_message());
}

Test(checkpoint, captured_variables_have_gradients_in_backward) {
    const double values[3] = {0.4, -0.7, 1.2};
    double adjoint[2][3], scalar[2];
    for (int k = 0; k < 2; k++) {
        wg_tape_reset(tape);
        wg_var x = wg_variable(tape, WG_F64, WG_SHAPE(3), values), s = wg_scalar(tape, 0.8), y;
        captured c = {wg_sin(x), wg_mul(s, s), wg_full(tape, WG_F64, WG_SHAPE(3), 2)};
        (k == 0 ? directly : by_checkpoint)(tape, looks, &c, &x, 1, &y, 1);
        OK(wg_backward(wg_sum(wg_square(y))));
        OK(wg_read_adjoint(x, WG_F64, adjoint[k], 3));
        scalar[k] = wg_adjoint(s);
    }
    for (int i = 0; i < 3; i++) {
        expect_close(adjoint[1][i], adjoint[0][i], 1e-14, i);
    }
    expect_close(scalar[1], scalar[0], 1e-14, 0);
}

/* Nothing but the inside wants a gradient. */
static void borrows(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    wg_view view = wg_view_new(WG_F64, WG_SHAPE(3), ((double **)context)[0]);
    ys[0] = wg_square(wg_mul(xs[0], wg_borrow(on, &view, ((double **)context)[1])));
}

Test(checkpoint, borrowed_gradients_are_added_to) {
    double weights[3] = {1, 2, 3}, gradient[3] = {100, 0, 0}, *both[2] = {weights, gradient};
    wg_var x = wg_constant(tape, WG_F64, WG_SHAPE(3), (const double[]){1, -1, 2}), y;
    OK(wg_checkpoint(tape, borrows, both, &x, 1, &y, 1));
    OK(wg_backward(wg_sum(y)));
    expect_close(gradient[0], 102, 0, 0);
    expect_close(gradient[1], 4, 0, 1);
    expect_close(gradient[2], 24, 0, 2);
}

typedef struct block_of_net {
    wg_net net;
    int number;
} block_of_net;

static void residual(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    const block_of_net *b = context;
    (void)on;
    const wg_net scope = wg_scope(b->net, "block%d", b->number);
    wg_var h = wg_relu(wg_linear(scope, "up", xs[0], 8));
    h = wg_dropout(scope, h, 0.3);
    ys[0] = wg_add(xs[0], wg_linear(scope, "down", h, 4));
}

static void gradients_of_net(bool checkpointed, double *value, double *penalty, double *gradient) {
    wg_store *store = wg_store_new(5);
    block_of_net blocks[3];
    float x[12];
    for (int i = 0; i < 12; i++) {
        x[i] = (float)ramp_value(i);
    }
    wg_var h = wg_variable(tape, WG_F32, WG_SHAPE(3, 4), x), input = h, g;
    for (int i = 0; i < 3; i++) {
        blocks[i] = (block_of_net){wg_net_train(store, tape, 1), i};
        (checkpointed ? by_checkpoint : directly)(tape, residual, &blocks[i], &h, 1, &h, 1);
    }
    wg_var loss = wg_sum(wg_square(h));
    *value = wg_value(loss);
    OK(wg_grad(loss, &input, 1, &g)); /* a penalty on the gradient reaches the parameters */
    wg_var sum = wg_sum(wg_square(g));
    *penalty = wg_value(sum);
    OK(wg_backward(wg_add(loss, wg_mul(0.01, sum))));
    for (int64_t i = 0; i < wg_store_count(store); i++) {
        wg_parameter_view parameter;
        cr_assert_eq(wg_store_at(store, i, &parameter), WG_OK);
        for (int64_t k = 0; k < wg_view_count(&parameter.value); k++) {
            *gradient++ = ((const float *)parameter.gradient)[k];
        }
    }
    wg_tape_reset(tape);
    wg_store_free(store);
}

Test(checkpoint, parameters_have_gradients) {
    double value[2], penalty[2], gradient[2][3 * (32 + 8 + 32 + 4)];
    gradients_of_net(false, &value[0], &penalty[0], gradient[0]);
    gradients_of_net(true, &value[1], &penalty[1], gradient[1]);
    cr_assert_eq(value[0], value[1]);
    expect_close(penalty[1], penalty[0], 1e-6, 0);
    double largest = 0;
    for (size_t i = 0; i < sizeof gradient[0] / sizeof gradient[0][0]; i++) {
        expect_close(gradient[1][i], gradient[0][i], 1e-4, (int64_t)i);
        largest = fmax(largest, fabs(gradient[0][i]));
    }
    cr_assert_gt(largest, 1);
}

/* ---- Memory ------------------------------------------------------------------------------------
 */

static void many_layers(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    (void)on, (void)context;
    ys[0] = xs[0];
    for (int i = 0; i < 16; i++) {
        ys[0] = wg_sin(ys[0]);
    }
}

/* 16 checkpoints inside a checkpoint, when nested. */
static void chain_of_chains(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    ys[0] = xs[0];
    for (int i = 0; i < 16; i++) {
        (void)wg_checkpoint(on, many_layers, context, ys, 1, ys, 1);
    }
}

static uint64_t peak_of(int kind, double *gradient) {
    wg_tape *own = wg_tape_new();
    wg_var x = wg_full(own, WG_F64, WG_SHAPE(1000), 0.5);
    x = wg_add(x, wg_variable(own, WG_F64, WG_SHAPE(1000), NULL));
    wg_var y = x;
    for (int i = 0; i < (kind == 2 ? 4 : 64); i++) {
        if (kind == 0) {
            many_layers(own, &y, &y, NULL);
        } else {
            (void)wg_checkpoint(own, kind == 1 ? many_layers : chain_of_chains, NULL, &y, 1, &y, 1);
        }
    }
    wg_keep(x);
    cr_assert_eq(wg_backward(wg_sum(y)), WG_OK, "%s", wg_tape_message(own));
    cr_assert_eq(wg_read_adjoint(x, WG_F64, gradient, 1000), WG_OK, "%s", wg_last_message());
    const wg_tape_usage usage = wg_tape_usage_of(own);
    wg_tape_free(own);
    return usage.bytes_peak / 8000;
}

Test(checkpoint, a_deep_chain_needs_little_memory) {
    static double gradient[3][1000];
    const uint64_t plain = peak_of(0, gradient[0]), flat = peak_of(1, gradient[1]),
                   nested = peak_of(2, gradient[2]);
    cr_assert_gt(plain, 1024);         /* a layer is an array of 1000 */
    cr_assert_lt(flat, 64 + 40);       /* 64 results and an inside of 16 */
    cr_assert_lt(nested, 4 + 16 + 40); /* 4, then 16, then 16 */
    cr_assert_arr_eq(gradient[0], gradient[1], sizeof gradient[0]);
    cr_assert_arr_eq(gradient[0], gradient[2], sizeof gradient[0]);
}

Test(checkpoint, forward_leaves_its_results_alone) {
    wg_var x = ramp(tape, WG_F64, WG_SHAPE(1000)), y;
    const wg_tape_usage before = wg_tape_usage_of(tape);
    OK(wg_checkpoint(tape, many_layers, NULL, &x, 1, &y, 1));
    wg_tape_usage after = wg_tape_usage_of(tape);
    cr_assert_leq(after.bytes_held, before.bytes_held + 8192);
    OK(wg_backward(wg_sum(y)));
    after = wg_tape_usage_of(tape);
    cr_assert_leq(after.bytes_held, before.bytes_held + 3 * 8192); /* x, y and x's adjoint stay */
    wg_no_grad_begin(tape);
    const wg_tape_usage inference = wg_tape_usage_of(tape);
    OK(wg_checkpoint(tape, many_layers, NULL, &x, 1, &y, 1));
    wg_no_grad_end(tape);
    cr_assert_leq(wg_tape_usage_of(tape).arrays, inference.arrays + 1);
}

static void scalars(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    (void)on, (void)context;
    ys[0] = xs[0];
    for (int i = 0; i < 1000; i++) {
        ys[0] = wg_mul(wg_sin(ys[0]), 1.5);
    }
}

Test(checkpoint, scalars_are_given_back_too) {
    wg_var x = wg_scalar(tape, 0.3), direct, y = x;
    scalars(tape, &x, &direct, NULL);
    OK(wg_backward(direct));
    const double want = wg_adjoint(x);
    wg_zero_adjoints(tape);
    const uint64_t before = wg_tape_usage_of(tape).scalars;
    OK(wg_checkpoint(tape, scalars, NULL, &x, 1, &y, 1));
    cr_assert_leq(wg_tape_usage_of(tape).scalars, before + 2);
    wg_var z = wg_mul(y, 2); /* and scalars go on behind it */
    OK(wg_backward(z));
    expect_close(wg_adjoint(x), 2 * want, 1e-14, 0);
}

Test(checkpoint, sweeps_that_keep) {
    wg_var x = wg_scalar(tape, 0.3), y, z;
    OK(wg_checkpoint(tape, scalars, NULL, &x, 1, &y, 1));
    z = wg_square(y);
    OK(wg_backward_keep(z));
    const double once = wg_adjoint(x);
    expect_close(wg_adjoint(y), 2 * wg_value(y), 1e-14, 0);
    OK(wg_backward_keep(z));
    expect_close(wg_adjoint(x), 2 * once, 1e-14, 0);
    expect_close(wg_adjoint(y), 2 * wg_value(y), 1e-14, 0);
}

/* ---- Transforms inside, and around -------------------------------------------------------------
 */

static void cubes(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    (void)on, (void)context;
    ys[0] = wg_sum(wg_pow(xs[0], 3));
}

static void slope(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    wg_var y;
    (void)context;
    (void)wg_value_and_grad(on, cubes, NULL, xs, 1, &y, ys);
}

Test(checkpoint, gradients_inside) {
    wg_var x = ramp(tape, WG_F64, WG_SHAPE(4)), y, g;
    double v[4], want[4];
    read_all(x, v);
    for (int i = 0; i < 4; i++) {
        want[i] = 6 * v[i];
    }
    OK(wg_checkpoint(tape, slope, NULL, &x, 1, &y, 1));
    OK(wg_grad_from(y, wg_number(1), &x, 1, &g));
    expect_values(g, want, 1e-14);
    OK(wg_backward(wg_sum(y)));
    expect_adjoint(x, want, 1e-14);
}

static void checkpointed_layers(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    (void)wg_checkpoint(on, layers, context, xs, 2, ys, 1);
}

Test(checkpoint, forward_mode_goes_through) {
    wg_var xs[2] = {ramp(tape, WG_F64, WG_SHAPE(2, 3)),
                    wg_mul(0.2, ramp(tape, WG_F64, WG_SHAPE(3, 3)))};
    const wg_var directions[2] = {wg_number(1), wg_number(0.5)};
    wg_var y[2], t[2];
    OK(wg_jvp(tape, layers, NULL, xs, 2, directions, &y[0], 1, &t[0]));
    OK(wg_jvp(tape, checkpointed_layers, NULL, xs, 2, directions, &y[1], 1, &t[1]));
    double want[6];
    read_all(t[0], want);
    expect_values(t[1], want, 1e-14);
}

/* ---- Errors ------------------------------------------------------------------------------------
 */

static void counts(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    (void)on;
    ys[0] = wg_mul(xs[0], ++*(int *)context);
}

static void grows(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    (void)on;
    ys[0] = wg_slice(xs[0], 0, 0, 1 + (*(int *)context)++, 1);
}

static void switches(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    wg_var *others = context;
    (void)on;
    ys[0] = wg_mul(xs[0], others[0]);
    others[0] = others[1];
}

static void fails(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    int *calls = context;
    ys[0] = xs[0];
    if ((*calls)-- == 0) {
        ys[0] = wg_matmul(xs[0], wg_full(on, WG_F64, WG_SHAPE(9), 1));
    }
}

static void sweeps(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    (void)on, (void)context;
    ys[0] = wg_sum(wg_square(xs[0]));
    (void)wg_backward(ys[0]);
}

Test(checkpoint, what_comes_out_otherwise_is_an_error) {
    int count = 0;
    wg_var x = ramp(tape, WG_F64, WG_SHAPE(3)), y, g;
    OK(wg_checkpoint(tape, counts, &count, &x, 1, &y, 1));
    (void)wg_backward(wg_sum(y));
    expect_failure(tape, WG_ERROR_STATE, "checkpoint: the function gave other values");
    x = ramp(tape, WG_F64, WG_SHAPE(3));
    count = 0;
    OK(wg_checkpoint(tape, grows, &count, &x, 1, &y, 1));
    (void)wg_grad(wg_sum(y), &x, 1, &g);
    expect_failure(tape, WG_ERROR_STATE, "checkpoint: the function gave results of other shapes");
    x = ramp(tape, WG_F64, WG_SHAPE(3));
    wg_var others[2] = {wg_mul(x, 2), wg_mul(x, 2)};
    OK(wg_checkpoint(tape, switches, others, &x, 1, &y, 1));
    (void)wg_backward(wg_sum(y));
    expect_failure(tape, WG_ERROR_STATE, "operations on other variables");
    x = ramp(tape, WG_F64, WG_SHAPE(3)); /* and all is well again */
    OK(wg_checkpoint(tape, cubes, NULL, &x, 1, &y, 1));
    OK(wg_backward(y));
}

Test(checkpoint, errors) {
    int calls = 0;
    wg_var x = ramp(tape, WG_F64, WG_SHAPE(3)), y;
    (void)wg_checkpoint(tape, fails, &calls, &x, 1, &y, 1);
    cr_assert(isnan(wg_value(y)));
    expect_failure(tape, WG_ERROR_SHAPE, "matmul: ");
    x = ramp(tape, WG_F64, WG_SHAPE(3));
    calls = 1;
    OK(wg_checkpoint(tape, fails, &calls, &x, 1, &y, 1));
    (void)wg_backward(wg_sum(y));
    expect_failure(tape, WG_ERROR_SHAPE, "matmul: ");
    x = ramp(tape, WG_F64, WG_SHAPE(3));
    (void)wg_checkpoint(tape, sweeps, NULL, &x, 1, &y, 1);
    expect_failure(tape, WG_ERROR_STATE, "backward: called from within a function");
    (void)wg_checkpoint(tape, cubes, NULL, &x, 1, &y, 1);
    expect_failure(tape, WG_ERROR_HANDLE, "checkpoint: operand 0 is stale");
    x = ramp(tape, WG_F64, WG_SHAPE(3));
    (void)wg_checkpoint(tape, NULL, NULL, &x, 1, &y, 1);
    expect_failure(tape, WG_ERROR_ARGUMENT, "checkpoint: the function is NULL");
    x = ramp(tape, WG_F64, WG_SHAPE(3));
    wg_var h = wg_exp(x);
    OK(wg_checkpoint(tape, cubes, NULL, &h, 1, &y, 1));
    OK(wg_backward(y));
    (void)wg_backward(y);
    expect_failure(tape, WG_ERROR_STATE, "an earlier wg_backward gave back the exp it needs");
}

static void nothing(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    (void)on, (void)xs, (void)ys, (void)context;
}

Test(checkpoint, no_results_and_empty_ones) {
    wg_var x = ramp(tape, WG_F64, WG_SHAPE(0)), y;
    OK(wg_checkpoint(tape, many_layers, NULL, &x, 1, &y, 1));
    expect_shape(y, WG_SHAPE(0));
    OK(wg_backward(wg_sum(y)));
    OK(wg_checkpoint(tape, nothing, NULL, &x, 1, &y, 0));
}

/* What is outside, and what comes and goes, may be bf16: the second run sees what the first saw. */
static void of_bf16(wg_tape *on, const wg_var *xs, wg_var *ys, void *context) {
    (void)on;
    ys[0] = wg_matmul(xs[0], *(const wg_var *)context);
    ys[1] = wg_transpose(xs[0]);
}

Test(checkpoint, arrays_of_bf16) {
    wg_tape *own = wg_tape_new();
    wg_bf16 values[4];
    for (int i = 0; i < 4; i++) {
        values[i] = wg_bf16_from_f32(0.5f + (float)i);
    }
    wg_var outside = wg_constant(own, WG_BF16, WG_SHAPE(2, 2), values), y[2];
    const wg_var x = wg_variable(own, WG_BF16, WG_SHAPE(2, 2), values);
    cr_assert_eq(wg_checkpoint(own, of_bf16, &outside, &x, 1, y, 2), WG_OK, "%s",
                 wg_tape_message(own));
    cr_assert_eq(wg_view_of(y[1]).dtype, WG_BF16);
    cr_assert_eq(wg_backward(wg_add(wg_sum(y[0]), wg_sum(y[1]))), WG_OK, "%s",
                 wg_tape_message(own));
    float g[4];
    cr_assert_eq(wg_read_adjoint(x, WG_F32, g, 4), WG_OK);
    cr_assert_float_eq(g[0], 1 + 0.5f + 1.5f, 1e-6);
    wg_tape_free(own);
}
