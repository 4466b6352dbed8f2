/* test_activations.c: activations and the numerical vocabulary where it is hard: kinks, infinities,
 * cancellation, second and higher derivatives, operands that are not contiguous. */
#include "arrays.h"
#include "traps.h"

#define PI 3.14159265358979323846

/* ---- Kinks ----------------------------------------------------------------------------------- */

TRAP(elu_xy, wg_elu(x[0], x[1]))
TRAP(celu_xy, wg_celu(x[0], x[1]))
TRAP(selu_x, wg_selu(x[0]))
TRAP(leaky_xy, wg_leaky_relu(x[0], x[1]))
TRAP(prelu_xy, wg_prelu(x[0], x[1]))
TRAP(hardtanh_xyz, wg_hardtanh(x[0], x[1], x[2]))
TRAP(threshold_xyz, wg_threshold(x[0], x[1], x[2]))
TRAP(hardsigmoid_x, wg_hardsigmoid(x[0]))
TRAP(hardswish_x, wg_hardswish(x[0]))
TRAP(relu6_x, wg_relu6(x[0]))
TRAP(softshrink_xy, wg_softshrink(x[0], x[1]))
TRAP(hardshrink_xy, wg_hardshrink(x[0], x[1]))

Test(activations, kinks_as_pytorch) {
    EXPECT2(elu_xy, 0, 0.5, 0, 0.5, 0);
    EXPECT2(celu_xy, 0, 0.5, 0, 1, 0);
    EXPECT1(selu_x, 0, 0, 1.7580993408473767);
    EXPECT2(leaky_xy, 0, 0.5, 0, 0.5, 0);
    EXPECT2(prelu_xy, -2, 0.5, -1, 0.5, -2);
    EXPECT3(hardtanh_xyz, 1, -1, 1, 1, 0, 0, 1);
    EXPECT3(hardtanh_xyz, -1, -1, 1, -1, 0, 1, 0);
    EXPECT3(hardtanh_xyz, 1, 1, 1, 1, 0, 0, 1);
    EXPECT3(hardtanh_xyz, 0, 2, -2, -2, 0, 0, 1);
    EXPECT3(threshold_xyz, 2, 2, 7, 7, 0, 0, 1);
    EXPECT3(threshold_xyz, 3, 2, 7, 3, 1, 0, 0);
    EXPECT1(hardsigmoid_x, -3, 0, 0);
    EXPECT1(hardsigmoid_x, 3, 1, 0);
    EXPECT1(hardswish_x, -3, 0, -0.5);
    EXPECT1(hardswish_x, 3, 3, 1.5);
    EXPECT1(relu6_x, 0, 0, 0);
    EXPECT1(relu6_x, 6, 6, 0);
    EXPECT2(softshrink_xy, 0.5, 0.5, 0, 0, 0);
    EXPECT2(softshrink_xy, -2, 0.5, -1.5, 1, 1);
    EXPECT2(hardshrink_xy, -0.5, 0.5, 0, 0, 0);
}

TRAP(sqrt_of_hardtanh, wg_sqrt(wg_hardtanh(x[0], 0, 1)))
TRAP(sqrt_of_threshold, wg_sqrt(wg_threshold(x[0], 0, 0)))
TRAP(sqrt_of_hardswish, wg_sqrt(wg_hardswish(x[0])))

Test(activations, an_infinite_adjoint_stops_at_what_is_cut_off) {
    EXPECT1(sqrt_of_hardtanh, -1, 0, 0);
    EXPECT1(sqrt_of_threshold, -1, 0, 0);
    EXPECT1(sqrt_of_hardswish, -4, 0, 0);
}

/* ---- Infinities ------------------------------------------------------------------------------ */

TRAP(silu_x, wg_silu(x[0]))
TRAP(mish_x, wg_mish(x[0]))
TRAP(gelu_x, wg_gelu(x[0]))
TRAP(gelu_tanh_x, wg_gelu_tanh(x[0]))
TRAP(softsign_x, wg_softsign(x[0]))
TRAP(logsigmoid_x, wg_logsigmoid(x[0]))

Test(activations, infinities_give_limits) {
    static const struct {
        const char *name;
        trap f;
    } gates[] = {{"silu", silu_x},           {"mish", mish_x},           {"gelu", gelu_x},
                 {"gelu_tanh", gelu_tanh_x}, {"hardswish", hardswish_x}, {"elu", selu_x}};
    for (size_t i = 0; i < 5; i++) {
        expect_point(gates[i].name, gates[i].f, 1, AT(INFINITY), INFINITY, AT(1));
        expect_point(gates[i].name, gates[i].f, 1, AT(-INFINITY), 0, AT(0));
        expect_point(gates[i].name, gates[i].f, 1, AT(1e30), 1e30, AT(1));
        expect_point(gates[i].name, gates[i].f, 1, AT(-1e30), 0, AT(0));
    }
    EXPECT1(selu_x, -INFINITY, -1.7580993408473767, 0);
    EXPECT1(softsign_x, INFINITY, 1, 0);
    EXPECT1(softsign_x, -INFINITY, -1, 0);
    EXPECT1(logsigmoid_x, INFINITY, 0, 0);
    EXPECT1(logsigmoid_x, -INFINITY, -INFINITY, 1);
    EXPECT2(elu_xy, 1000, 1, 1000, 1, 0);
    EXPECT2(celu_xy, 1000, 1, 1000, 1, 0);
}

/* f'' on scalars, by a plain sweep over a recorded one. */
static double second(trap f, double at) {
    wg_tape *tape = wg_tape_new();
    const wg_var x = wg_scalar(tape, at);
    wg_var slope;
    cr_assert_eq(wg_grad(f(&x), &x, 1, &slope), WG_OK, "%s", wg_tape_message(tape));
    cr_assert_eq(slope.tape == NULL ? WG_OK : wg_backward(slope), WG_OK, "%s",
                 wg_tape_message(tape));
    const double bend = slope.tape == NULL ? 0 : wg_adjoint(x);
    wg_tape_free(tape);
    return bend;
}

Test(activations, second_derivatives_vanish_far_out) {
    static const trap gates[] = {silu_x, mish_x, gelu_x, gelu_tanh_x, hardswish_x, softsign_x};
    static const double far[] = {INFINITY, -INFINITY, 1e300, -1e300, 1000, -1000};
    for (size_t i = 0; i < sizeof gates / sizeof *gates; i++) {
        for (size_t k = 0; k < sizeof far / sizeof *far; k++) {
            const double bend = second(gates[i], far[k]);
            cr_expect(fabs(bend) < 1e-8, "gate %zu at %g: %g", i, far[k], bend);
        }
    }
}

static wg_var elu_1(const wg_var *x) {
    return wg_elu(x[0], 2);
}

/* torch.autograd.functional: at 0 the left side's. */
Test(activations, second_derivatives_at_kinks_as_pytorch) {
    cr_expect_eq(second(elu_1, 0), 2);
    cr_expect_eq(second(elu_1, 1), 0);
    cr_expect_float_eq(second(selu_x, 0), 1.7580993408473767, 1e-15);
    cr_expect_float_eq(second(hardswish_x, 1), 1 / 3.0, 1e-16);
}

/* ---- Logarithms ------------------------------------------------------------------------------ */

TRAP(logaddexp_xy, wg_logaddexp(x[0], x[1]))
TRAP(xlogy_xy, wg_xlogy(x[0], x[1]))
TRAP(logit_x, wg_logit(x[0]))

Test(activations, logaddexp_at_infinity) {
    EXPECT2(logaddexp_xy, -INFINITY, -INFINITY, -INFINITY, 0.5, 0.5);
    EXPECT2(logaddexp_xy, INFINITY, INFINITY, INFINITY, 0.5, 0.5);
    EXPECT2(logaddexp_xy, INFINITY, -INFINITY, INFINITY, 1, 0);
    EXPECT2(logaddexp_xy, -INFINITY, 1, 1, 0, 1);
    EXPECT2(logaddexp_xy, 1000, 999, 1000 + log1p(exp(-1)), 1 / (1 + exp(-1)), 1 / (1 + exp(1)));
}

Test(activations, xlogy_at_zero) {
    EXPECT2(xlogy_xy, 0, 0, 0, 0, 0);
    EXPECT2(xlogy_xy, 0, -1, 0, 0, 0);
    EXPECT2(xlogy_xy, 0, 2, 0, log(2), 0);
    EXPECT2(xlogy_xy, 0, INFINITY, 0, INFINITY, 0);
    EXPECT2(xlogy_xy, 2, 0, -INFINITY, -INFINITY, INFINITY);
    wg_tape *tape = wg_tape_new(); /* d2/dxdy = 1/y at x = 0, too */
    wg_var in[2] = {wg_scalar(tape, 0), wg_scalar(tape, 4)}, slope[2];
    cr_assert_eq(wg_grad(wg_xlogy(in[0], in[1]), in, 2, slope), WG_OK);
    cr_assert_eq(wg_backward(slope[1]), WG_OK);
    cr_expect_eq(wg_adjoint(in[0]), 0.25);
    wg_tape_free(tape);
}

Test(activations, logit_near_its_ends_and_its_zero) {
    EXPECT1(logit_x, 0, -INFINITY, INFINITY);
    EXPECT1(logit_x, -0.0, -INFINITY, -INFINITY);
    EXPECT1(logit_x, 1, INFINITY, INFINITY);
    EXPECT1(logit_x, 0.5, 0, 4);
    EXPECT1(logit_x, 1e-30, log(1e-30), 1e30);
    EXPECT1(logit_x, 0.5 + 0x1p-20, 0x1p-18 * (1 + 0x1p-38 / 3), 4 / (1 - 0x1p-38));
    cr_expect(isnan(wg_value(wg_logit(-1))) && isnan(wg_value(wg_logit(2))));
}

/* ---- Remainders ------------------------------------------------------------------------------ */

TRAP(fmod_xy, wg_fmod(x[0], x[1]))
TRAP(remainder_xy, wg_remainder(x[0], x[1]))

Test(activations, remainders_have_their_signs) {
    EXPECT2(fmod_xy, -5, 3, -2, 1, 1);
    EXPECT2(fmod_xy, 5, -3, 2, 1, 1);
    EXPECT2(remainder_xy, -5, 3, 1, 1, 2);
    EXPECT2(remainder_xy, 5, -3, -1, 1, 2);
    EXPECT2(remainder_xy, -5, -3, -2, 1, -1);
    EXPECT2(remainder_xy, 6, 3, 0, 1, -2);
    EXPECT2(fmod_xy, 5, INFINITY, 5, 1, 0);
    /* 1 / 0.1 is 10 after rounding, though 0.1 fits only nine times. */
    wg_tape *tape = wg_tape_new();
    wg_var in[2] = {wg_scalar(tape, 1), wg_scalar(tape, 0.1)};
    const wg_var rest = wg_fmod(in[0], in[1]);
    cr_expect_eq(wg_value(rest), fmod(1, 0.1));
    cr_assert_eq(wg_backward(rest), WG_OK);
    cr_expect_eq(wg_adjoint(in[1]), -9);
    wg_tape_free(tape);
}

/* ---- sinc ------------------------------------------------------------------------------------ */

/* The derivatives 0 to 4 of sinc, each recorded. */
static void sinc_derivatives(double at, double *out) {
    wg_tape *tape = wg_tape_new();
    const wg_var x = wg_scalar(tape, at);
    wg_var f = wg_sinc(x);
    for (int k = 0; k < 5; k++) {
        out[k] = wg_value(f);
        cr_assert_eq(wg_grad(f, &x, 1, &f), WG_OK, "%s", wg_tape_message(tape));
    }
    wg_tape_free(tape);
}

Test(activations, sinc_has_all_its_derivatives_near_zero) {
    static const double points[] = {0, 1e-300, 1e-9, -1e-4, 0.01, 0.1};
    for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
        double have[5];
        const double x = points[i], z = PI * x, p2 = PI * PI;
        sinc_derivatives(x, have);
        /* Its power series, 1 - z^2 / 6 + z^4 / 120 - ..., differentiated. */
        const double want[5] = {
            1 - z * z / 6 + pow(z, 4) / 120 - pow(z, 6) / 5040 + pow(z, 8) / 362880,
            -p2 * x / 3 * (1 - z * z / 10 + pow(z, 4) / 280 - pow(z, 6) / 15120),
            -p2 / 3 * (1 - 3 * z * z / 10 + pow(z, 4) / 56 - pow(z, 6) / 2160),
            p2 * p2 * x / 5 * (1 - 5 * z * z / 42 + 7 * pow(z, 4) / 1512),
            p2 * p2 / 5 * (1 - 15 * z * z / 42 + 35 * pow(z, 4) / 1512)};
        for (int k = 0; k < 5; k++) {
            const double allowed = k < 3 ? 1e-9 : 1e-4;
            cr_expect(fabs(have[k] - want[k]) <= allowed * fabs(want[k]),
                      "derivative %d at %g: %.17g, not %.17g", k, x, have[k], want[k]);
        }
    }
}

/* An adjoint that is zero here and not beside it has derivatives: the strong zero keeps them. */
Test(activations, a_zero_adjoint_does_not_end_higher_derivatives) {
    wg_tape *tape = wg_tape_new();
    const wg_var x = wg_scalar(tape, 0), one = wg_scalar(tape, 1);
    const double start[] = {0, 1};
    const wg_var pair = wg_variable(tape, WG_F64, WG_SHAPE(2), start);
    wg_var f = wg_mul(wg_mul(x, x), wg_mul(x, x)), g = wg_square(wg_square(pair)),
           h = wg_square(wg_square(wg_sub(wg_relu(one), 1)));
    for (int k = 0; k < 4; k++) {
        cr_assert_eq(wg_grad(f, &x, 1, &f), WG_OK);
        cr_assert_eq(wg_grad(wg_sum(g), &pair, 1, &g), WG_OK);
        cr_assert_eq(wg_grad(h, &one, 1, &h), WG_OK);
    }
    cr_expect_eq(wg_value(f), 24);
    cr_expect_eq(wg_value(h), 24);
    expect_values(g, AT(24, 24), 0);
    wg_tape_free(tape);
}

/* By the differential equation z f'' + 2 f' + z f = 0, far from zero as well. */
Test(activations, sinc_solves_its_differential_equation) {
    for (double x = -20.3; x < 20; x += 0.37) {
        double f[5];
        sinc_derivatives(x, f);
        const double rest = x * f[2] + 2 * f[1] + PI * PI * x * f[0];
        cr_expect(fabs(rest) < 1e-12, "at %g: %g", x, rest);
        const double next = x * f[3] + 3 * f[2] + PI * PI * (x * f[1] + f[0]);
        cr_expect(fabs(next) < 1e-11, "at %g: %g", x, next);
    }
}

/* ---- erfinv ---------------------------------------------------------------------------------- */

Test(activations, erfinv_is_the_inverse_of_erf) {
    for (double y = -5.5; y < 5.5; y += 0.03) {
        const double x = erf(y), back = wg_value(wg_erfinv(x));
        /* What the rounding of x alone makes of y. */
        const double unavoidable = 1.2e-16 * fmax(fabs(x), 1e-300) * sqrt(PI) / 2 * exp(y * y);
        cr_expect(fabs(back - y) <= unavoidable + 4e-16 * fabs(y), "%.17g came back as %.17g", y,
                  back);
    }
    cr_expect_eq(wg_value(wg_erfinv(1)), INFINITY);
    cr_expect_eq(wg_value(wg_erfinv(-1)), -INFINITY);
    cr_expect_eq(wg_value(wg_erfinv(1e-200)), 1e-200 * sqrt(PI) / 2);
}

/* ---- Questions, interpolation ---------------------------------------------------------------- */

Test(activations, questions_about_numbers) {
    wg_tape *tape = wg_tape_new();
    const double values[] = {NAN, INFINITY, -INFINITY, 0, -0.0, 1e308, 5e-324};
    const wg_var x = wg_variable(tape, WG_F64, WG_SHAPE(7), values);
    expect_values(wg_isnan(x), AT(1, 0, 0, 0, 0, 0, 0), 0);
    expect_values(wg_isinf(x), AT(0, 1, 1, 0, 0, 0, 0), 0);
    expect_values(wg_isfinite(x), AT(0, 0, 0, 1, 1, 1, 1), 0);
    expect_values(wg_logical_not(x), AT(0, 0, 0, 1, 1, 0, 0), 0);
    expect_values(wg_logical_and(x, 1), AT(1, 1, 1, 0, 0, 1, 1), 0);
    expect_values(wg_logical_or(x, 0), AT(1, 1, 1, 0, 0, 1, 1), 0);
    expect_values(wg_logical_xor(x, 1), AT(0, 0, 0, 1, 1, 0, 0), 0);
    wg_tape_free(tape);
}

Test(activations, lerp_meets_its_ends) {
    cr_expect_eq(wg_value(wg_lerp(0.1, 0.3, 0)), 0.1);
    cr_expect_eq(wg_value(wg_lerp(0.1, 0.3, 1)), 0.3);
    cr_expect_eq(wg_value(wg_lerp(1e20, 1, 1)), 1);
    cr_expect_eq(wg_value(wg_lerp(2, 4, 1.5)), 5);
}

/* ---- prelu ----------------------------------------------------------------------------------- */

Test(activations, prelu_wants_a_weight_for_each_channel) {
    wg_tape *tape = wg_tape_new();
    const wg_var x = ramp(tape, WG_F32, WG_SHAPE(2, 3, 4)), four = ramp(tape, WG_F32, WG_SHAPE(4));
    (void)wg_prelu(x, four);
    expect_failure(tape, WG_ERROR_SHAPE,
                   "prelu: a weight for 4 channels, but axis 1 of x has size 3 (");
    wg_tape_free(tape);
}

/* ---- Operands that are not contiguous -------------------------------------------------------- */

enum {
    ROWS = 67,
    COLUMNS = 301
};

/* x, or a copy of it in one piece. */
static wg_var dense(wg_tape *tape, wg_var x, wg_dtype dtype) {
    static double values[ROWS * COLUMNS];
    const wg_var wide = wg_broadcast_to(x, WG_SHAPE(ROWS, COLUMNS));
    cr_assert_eq(wg_read(wide, WG_F64, values, ROWS * COLUMNS), WG_OK, "%s", wg_last_message());
    return wg_cast(wg_variable(tape, WG_F64, WG_SHAPE(ROWS, COLUMNS), values), dtype);
}

static wg_var wave(wg_tape *tape, wg_dtype dtype, int64_t rows, int64_t columns) {
    static double values[ROWS * COLUMNS];
    for (int64_t i = 0; i < rows * columns; i++) {
        values[i] = 3 * sin(0.7 * (double)i + (double)rows);
    }
    return wg_cast(wg_variable(tape, WG_F64, WG_SHAPE(rows, columns), values), dtype);
}

static void expect_same_bits(wg_var a, wg_var b) {
    static double have[ROWS * COLUMNS], want[ROWS * COLUMNS];
    cr_assert_eq(wg_read(a, WG_F64, have, ROWS * COLUMNS), WG_OK, "%s", wg_last_message());
    cr_assert_eq(wg_read(b, WG_F64, want, ROWS * COLUMNS), WG_OK, "%s", wg_last_message());
    cr_expect_eq(memcmp(have, want, sizeof have), 0);
}

/* Broadcast along rows, along columns, to all, transposed: the same bits as dense. */
Test(activations, every_layout_gives_the_same_bits) {
    wg_tape *tape = wg_tape_new();
    for (int wide = 0; wide < 2; wide++) {
        const wg_dtype dtype = wide != 0 ? WG_F64 : WG_F32;
        wg_tape_reset(tape);
        const wg_var x = wave(tape, dtype, ROWS, COLUMNS);
        const wg_var layouts[] = {wave(tape, dtype, 1, COLUMNS), wave(tape, dtype, ROWS, 1),
                                  wave(tape, dtype, 1, 1),
                                  wg_transpose(wave(tape, dtype, COLUMNS, ROWS))};
        for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
            const wg_var y = layouts[i], copy = dense(tape, y, dtype);
            expect_same_bits(wg_elu(x, y), wg_elu(x, copy));
            expect_same_bits(wg_elu(y, x), wg_elu(copy, x));
            expect_same_bits(
                wg_lerp(x, y, 0.3),
                wg_lerp(x, copy, dense(tape, wg_full(tape, dtype, WG_SHAPE(1, 1), 0.3), dtype)));
            expect_same_bits(wg_hardtanh(y, x, y), wg_hardtanh(copy, x, copy));
            wg_var leaf[4] = {x, y, x, copy};
            wg_var first = wg_logaddexp(leaf[0], leaf[1]), again = wg_logaddexp(leaf[2], leaf[3]);
            wg_var slope[2], want[2];
            cr_assert_eq(wg_grad_from(first, x, leaf, 1, slope), WG_OK);
            cr_assert_eq(wg_grad_from(again, x, leaf, 1, want), WG_OK);
            expect_same_bits(slope[0], want[0]);
        }
        cr_assert_eq(wg_tape_status(tape), WG_OK, "%s", wg_tape_message(tape));
    }
    wg_tape_free(tape);
}
