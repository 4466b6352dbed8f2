/* test_elementwise.c: arrays give what scalars give, special values too, and the derivatives at
 * kinks and poles. Choices that could be made otherwise are PyTorch's; where they are, the test's
 * name ends in "as_pytorch". */
#include "op/rules.h"
#include "traps.h"
#include "wengert.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>

/* ---- Arrays against scalars, over all combinations of special values --------------------------
 */

static const double special[] = {0.0, -0.0,     1,         -1,  0.5,    2,     -2.5,
                                 3,   INFINITY, -INFINITY, NAN, 1e-300, 1e300, -1e-200};
#define SPECIALS ((int)(sizeof special / sizeof special[0]))
#define COMBINATIONS (SPECIALS * SPECIALS * SPECIALS)

static struct criterion_test_params rules(void) {
    static int rows[WG_RULE_COUNT];
    for (int i = 0; i < WG_RULE_COUNT; i++) {
        rows[i] = i;
    }
    return cr_make_param_array(int, rows, WG_RULE_COUNT);
}

#define POINTER_U(name, ...) {.one = wg_##name},
#define POINTER_B(name, ...) {.two = wg_##name},
#define POINTER_T(name, ...) {.three = wg_##name},
static const struct {
    wg_var (*one)(wg_var);
    wg_var (*two)(wg_var, wg_var);
    wg_var (*three)(wg_var, wg_var, wg_var);
} verbs[WG_RULE_COUNT] = {WG_RULES_ARITHMETIC(POINTER_B) WG_RULES_UNARY(POINTER_U)
                              WG_RULES_BINARY(POINTER_B) WG_RULES_TERNARY(POINTER_T)};

static wg_var call(int rule, const wg_var *in) {
    return verbs[rule].one != NULL   ? verbs[rule].one(in[0])
           : verbs[rule].two != NULL ? verbs[rule].two(in[0], in[1])
                                     : verbs[rule].three(in[0], in[1], in[2]);
}

/* Values and derivatives of one rule over all combinations: [0] is the value, [1 + i] to operand i.
 */
static double scalar_out[4][COMBINATIONS], array_out[4][COMBINATIONS], graph_out[4][COMBINATIONS];
static double points[3][COMBINATIONS];

static int spread_points(int arity) {
    int count = arity == 1 ? SPECIALS : arity == 2 ? SPECIALS * SPECIALS : COMBINATIONS;
    for (int k = 0; k < count; k++) {
        int rest = k;
        for (int i = 0; i < arity; i++) {
            points[i][k] = special[rest % SPECIALS];
            rest /= SPECIALS;
        }
    }
    return count;
}

static void by_scalars(wg_tape *tape, int rule, int arity, int count) {
    for (int k = 0; k < count; k++) {
        wg_tape_reset(tape);
        wg_var in[3], slope[3];
        for (int i = 0; i < arity; i++) {
            in[i] = wg_scalar(tape, points[i][k]);
        }
        wg_var y = call(rule, in);
        scalar_out[0][k] = wg_value(y);
        cr_assert_eq(wg_backward(y), WG_OK);
        for (int i = 0; i < arity; i++) {
            scalar_out[1 + i][k] = wg_adjoint(in[i]);
        }
        cr_assert_eq(wg_grad(y, in, arity, slope), WG_OK);
        for (int i = 0; i < arity; i++) {
            graph_out[1 + i][k] = wg_value(slope[i]);
        }
    }
}

static void by_arrays(wg_tape *tape, int rule, int arity, int count) {
    wg_tape_reset(tape);
    wg_var in[3];
    for (int i = 0; i < arity; i++) {
        in[i] = wg_variable(tape, WG_F64, WG_SHAPE(count), points[i]);
    }
    wg_var y = call(rule, in);
    cr_assert_eq(wg_read(y, WG_F64, array_out[0], count), WG_OK);
    cr_assert_eq(wg_backward_from(y, wg_number(1)), WG_OK, "%s", wg_tape_message(tape));
    for (int i = 0; i < arity; i++) {
        cr_assert_eq(wg_read_adjoint(in[i], WG_F64, array_out[1 + i], count), WG_OK);
    }
}

static void assert_same(int rule, int arity, int count, double (*a)[COMBINATIONS],
                        double (*b)[COMBINATIONS], int first, const char *what) {
    for (int out = first; out <= arity; out++) {
        for (int k = 0; k < count; k++) {
            cr_assert(same(a[out][k], b[out][k], 1e-13),
                      "%s %s %d at (%g, %g, %g): %.17g and %.17g", what, wg_rule_infos[rule].name,
                      out, points[0][k], points[1][k], points[2][k], a[out][k], b[out][k]);
        }
    }
}

ParameterizedTestParameters(elementwise, arrays_scalars_and_graphs_agree) {
    return rules();
}

ParameterizedTest(int *row, elementwise, arrays_scalars_and_graphs_agree) {
    wg_tape *tape = wg_tape_new();
    int arity = wg_rule_infos[*row].arity, count = spread_points(arity);
    by_scalars(tape, *row, arity, count);
    by_arrays(tape, *row, arity, count);
    assert_same(*row, arity, count, scalar_out, array_out, 0, "scalars and arrays");
    assert_same(*row, arity, count, scalar_out, graph_out, 1, "backward and grad");
    wg_tape_free(tape);
}

/* ---- Traps ----------------------------------------------------------------------------------
 */

TRAP(pow_xy, wg_pow(x[0], x[1]))
TRAP(pow_number_0, wg_pow(x[0], 0))
TRAP(pow_number_half, wg_pow(x[0], 0.5))
TRAP(pow_number_1, wg_pow(x[0], 1))
TRAP(pow_number_2, wg_pow(x[0], 2))
TRAP(number_pow_x, wg_pow(0, x[0]))

Test(traps, pow_of_zero_as_pytorch) {
    EXPECT2(pow_xy, 0, 0, 1, 0, 0);
    EXPECT2(pow_xy, 0, 0.5, 0, INFINITY, 0);
    EXPECT2(pow_xy, 0, 1, 0, 1, 0);
    EXPECT2(pow_xy, 0, 2, 0, 0, 0);
    EXPECT2(pow_xy, 0, -1, INFINITY, -INFINITY, -INFINITY);
    EXPECT1(pow_number_0, 0, 1, 0);
    EXPECT1(pow_number_half, 0, 0, INFINITY);
    EXPECT1(pow_number_1, 0, 0, 1);
    EXPECT1(pow_number_2, 0, 0, 0);
    EXPECT1(number_pow_x, 0, 1, 0);
    EXPECT1(number_pow_x, 2, 0, 0);
}

Test(traps, pow_of_a_negative_base_as_pytorch) {
    EXPECT2(pow_xy, -2, 3, -8, 12, NAN);
    EXPECT2(pow_xy, -2, 0, 1, 0, NAN);
}

TRAP(sqrt_x, wg_sqrt(x[0]))
TRAP(abs_x, wg_abs(x[0]))
TRAP(relu_x, wg_relu(x[0]))
TRAP(hypot_xy, wg_hypot(x[0], x[1]))
TRAP(atan2_xy, wg_atan2(x[0], x[1]))

Test(traps, kinks_and_poles_at_zero_as_pytorch) {
    EXPECT1(sqrt_x, 0, 0, INFINITY);
    EXPECT1(abs_x, 0, 0, 0);
    EXPECT1(abs_x, -0.0, 0, 0);
    EXPECT1(relu_x, 0, 0, 0);
    EXPECT1(relu_x, -1, 0, 0);
    EXPECT2(atan2_xy, 0, 0, 0, 0, 0);
    EXPECT2(hypot_xy, 0, 0, 0, 0, 0);
    EXPECT2(hypot_xy, 0, -2, 2, 0, -1);
    EXPECT2(hypot_xy, 3e38 / 4, -4e38 / 4, 5e38 / 4, 0.6, -0.8);
}

TRAP(max_xy, wg_max(x[0], x[1]))
TRAP(min_xy, wg_min(x[0], x[1]))

Test(traps, ties_of_max_and_min_share_as_pytorch) {
    EXPECT2(max_xy, 2, 2, 2, 0.5, 0.5);
    EXPECT2(min_xy, 2, 2, 2, 0.5, 0.5);
    EXPECT2(max_xy, 3, 2, 3, 1, 0);
    EXPECT2(max_xy, 2, 3, 3, 0, 1);
    EXPECT2(min_xy, 3, 2, 2, 0, 1);
    EXPECT2(min_xy, -INFINITY, 2, -INFINITY, 1, 0);
    EXPECT2(max_xy, INFINITY, INFINITY, INFINITY, 0.5, 0.5);
}

TRAP(value_max, wg_add(wg_mul(0, wg_max(x[0], x[1])), 1))

Test(traps, nan_wins_in_max_and_min) {
    EXPECT2(value_max, 2, NAN, NAN, 0, 0);
    wg_var n = wg_number(NAN), two = wg_number(2);
    cr_assert(isnan(wg_value(wg_max(n, two))) && isnan(wg_value(wg_max(two, n))));
    cr_assert(isnan(wg_value(wg_min(n, two))) && isnan(wg_value(wg_min(two, n))));
}

TRAP(clamp_xyz, wg_clamp(x[0], x[1], x[2]))

Test(traps, clamp_at_its_bounds_as_pytorch) {
    EXPECT3(clamp_xyz, 0.5, 0, 1, 0.5, 1, 0, 0);
    EXPECT3(clamp_xyz, 0, 0, 1, 0, 1, 0, 0);
    EXPECT3(clamp_xyz, 1, 0, 1, 1, 1, 0, 0);
    EXPECT3(clamp_xyz, -1, 0, 1, 0, 0, 1, 0);
    EXPECT3(clamp_xyz, 2, 0, 1, 1, 0, 0, 1);
    EXPECT3(clamp_xyz, NAN, 0, 1, NAN, 0, 0, 0);
}

/* torch.clamp: "if min is greater than max, all elements become max"; one slope of 1 in all. */
Test(traps, clamp_with_crossed_bounds_as_pytorch) {
    EXPECT3(clamp_xyz, 1, 2, 0, 0, 0, 0, 1);
    EXPECT3(clamp_xyz, -1, 2, 0, 0, 0, 0, 1);
    EXPECT3(clamp_xyz, 3, 2, 0, 0, 0, 0, 1);
}

/* ---- where ------------------------------------------------------------------------------------
 */

TRAP(log_masked, wg_where(wg_gt(x[0], 0), wg_log(x[0]), 0))
TRAP(log_or_square, wg_where(wg_gt(x[0], 0), wg_log(x[0]), wg_square(x[0])))
TRAP(square_or_sqrt, wg_where(wg_lt(x[0], 0), wg_square(x[0]), wg_sqrt(x[0])))
TRAP(nan_not_taken, wg_where(1, x[0], wg_mul(x[1], NAN)))
TRAP(inf_not_taken, wg_where(0, wg_div(x[1], 0), x[0]))
TRAP(both_branches_x, wg_where(wg_ge(x[0], 1), x[0], x[0]))
TRAP(zero_over_zero, wg_where(wg_eq(x[0], 0), 1, wg_div(wg_sin(x[0]), x[0])))

/* The derivative is clean even without the "double where" that PyTorch needs here. */
Test(traps, where_keeps_nan_and_infinity_of_the_other_branch_out) {
    EXPECT1(log_masked, 0, 0, 0);
    EXPECT1(log_masked, -1, 0, 0);
    EXPECT1(log_masked, 2, log(2), 0.5);
    EXPECT1(log_or_square, -3, 9, -6);
    EXPECT1(square_or_sqrt, -3, 9, -6);
    EXPECT2(nan_not_taken, 3, 5, 3, 1, 0);
    EXPECT2(inf_not_taken, 3, 5, 3, 1, 0);
    EXPECT1(both_branches_x, 1, 1, 1);
    EXPECT1(zero_over_zero, 0, 1, 0);
}

TRAP(sqrt_of_where, wg_sqrt(wg_where(wg_gt(x[0], 0), x[0], 0)))
TRAP(sqrt_of_relu, wg_sqrt(wg_relu(x[0])))
TRAP(sqrt_of_max, wg_sqrt(wg_max(x[0], 0)))
TRAP(sqrt_of_min, wg_sqrt(wg_min(x[0], 0)))
TRAP(sqrt_of_clamp, wg_sqrt(wg_clamp(x[0], 0, 1)))
TRAP(sqrt_of_comparison, wg_sqrt(wg_gt(x[0], 0)))
TRAP(sqrt_of_floor, wg_sqrt(wg_floor(x[0])))

/* An infinite adjoint from behind does not reach what was not picked (torch masks, not multiplies).
 */
Test(traps, an_infinite_adjoint_stops_at_what_was_not_picked_as_pytorch) {
    EXPECT1(sqrt_of_where, -1, 0, 0);
    EXPECT1(sqrt_of_where, 0, 0, 0);
    EXPECT1(sqrt_of_where, 4, 2, 0.25);
    EXPECT1(sqrt_of_relu, 0, 0, 0);
    EXPECT1(sqrt_of_relu, -1, 0, 0);
    EXPECT1(sqrt_of_max, -1, 0, 0);
    EXPECT1(sqrt_of_min, 1, 0, 0);
    EXPECT1(sqrt_of_clamp, -1, 0, 0);
    EXPECT1(sqrt_of_comparison, -1, 0, 0);
    EXPECT1(sqrt_of_floor, 0.5, 0, 0);
}

TRAP(second_of_where, (wg_grad(wg_sum(wg_where(wg_gt(x[0], 0), wg_log(x[0]), wg_square(x[0]))), x,
                               1, (wg_var *)x + 1),
                       x[1]))

/* The same in the second derivative, by a plain sweep over a recorded one. */
Test(traps, where_is_clean_in_the_second_derivative) {
    wg_tape *tape = wg_tape_new();
    for (int k = 0; k < 2; k++) {
        wg_tape_reset(tape);
        wg_var x = wg_scalar(tape, k == 0 ? 0 : -1), slope, curvature;
        wg_var y = wg_where(wg_gt(x, 0), wg_log(x), wg_square(x));
        cr_assert_eq(wg_grad(y, &x, 1, &slope), WG_OK);
        cr_assert_eq(wg_grad(slope, &x, 1, &curvature), WG_OK);
        cr_expect_eq(wg_value(curvature), 2, "%g", wg_value(curvature));
        cr_assert_eq(wg_backward(slope), WG_OK);
        cr_expect_eq(wg_adjoint(x), 2, "%g", wg_adjoint(x));
    }
    double data[3] = {-1, 0, 2}, want[3] = {2, 2, -0.25}, got[3];
    wg_var pair[2] = {wg_variable(tape, WG_F64, WG_SHAPE(3), data)};
    wg_var slope = second_of_where(pair);
    cr_assert_eq(wg_backward_from(slope, wg_number(1)), WG_OK, "%s", wg_tape_message(tape));
    wg_read_adjoint(pair[0], WG_F64, got, 3);
    for (int i = 0; i < 3; i++) {
        cr_expect_eq(got[i], want[i], "%g, not %g", got[i], want[i]);
    }
    wg_tape_free(tape);
}

/* The zero adjoint of what is not taken stays absolute in rules whose own derivative is NaN or
 * infinite, in sweeps that record too. */
Test(traps, a_recorded_zero_adjoint_is_absolute) {
    wg_tape *tape = wg_tape_new();
    const double data[2] = {-1, 0};
    wg_var x[3] = {wg_scalar(tape, -1), wg_scalar(tape, 0),
                   wg_variable(tape, WG_F64, WG_SHAPE(2), data)};
    for (int i = 0; i < 3; i++) {
        const wg_var danger[] = {wg_relu(wg_log(x[i])), wg_azmul(wg_log(x[i]), wg_log(x[i]))};
        for (int k = 0; k < 2; k++) {
            wg_var y = wg_sum(wg_where(wg_gt(x[i], 0), danger[k], wg_square(x[i]))), slope;
            cr_assert_eq(wg_grad(y, &x[i], 1, &slope), WG_OK, "%s", wg_tape_message(tape));
            const double want = i == 1 ? 0 : -2; /* the array's two, summed, are -2 + 0 */
            cr_expect_eq(wg_value(wg_sum(slope)), want, "%d, %d: %g", i, k,
                         wg_value(wg_sum(slope)));
        }
    }
    wg_tape_free(tape);
}

/* ---- NaN, infinity, absolute zero --------------------------------------------------------------
 */

TRAP(times_infinity, wg_mul(x[0], INFINITY))
TRAP(azmul_xy, wg_azmul(x[0], x[1]))
TRAP(exp_of_x, wg_exp(x[0]))
TRAP(softplus_x, wg_softplus(x[0]))
TRAP(sigmoid_x, wg_sigmoid(x[0]))
TRAP(unused, wg_add(wg_mul(0, wg_log(x[0])), x[1]))

Test(traps, nan_and_infinity_propagate) {
    EXPECT1(times_infinity, 0, NAN, INFINITY);
    EXPECT1(exp_of_x, 800, INFINITY, INFINITY);
    EXPECT1(exp_of_x, -800, exp(-800), exp(-800));
    EXPECT1(exp_of_x, NAN, NAN, NAN);
    EXPECT1(softplus_x, 800, 800, 1);
    EXPECT1(softplus_x, -800, 0, 0);
    EXPECT1(sigmoid_x, 800, 1, 0);
    EXPECT1(sigmoid_x, -800, 0, 0);
    EXPECT1(sigmoid_x, NAN, NAN, NAN);
}

Test(traps, a_zero_adjoint_is_absolute) {
    EXPECT2(azmul_xy, 0, INFINITY, 0, INFINITY, 0);
    EXPECT2(azmul_xy, 0, NAN, 0, NAN, 0);
    EXPECT2(unused, -1, 5, NAN, 0, 1);
    EXPECT2(unused, 0, 5, NAN, 0, 1);
}
