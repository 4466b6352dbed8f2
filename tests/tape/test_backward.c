/* test_backward.c: what wg_backward and its kin leave behind: adjoints, storage, errors. */
#include "wengert/array.h"
#include "wengert/elementwise.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static wg_tape *tape;

static void set_up(void) {
    tape = wg_tape_new();
}

static void tear_down(void) {
    wg_tape_free(tape);
}

TestSuite(backward, .init = set_up, .fini = tear_down);

#define OK(call) cr_assert_eq(call, WG_OK, "%s", wg_tape_message(tape))

static void expect_failure(wg_status status, const char *part) {
    cr_expect_eq(wg_tape_status(tape), status, "%s", wg_tape_message(tape));
    cr_expect_not_null(strstr(wg_tape_message(tape), part), "%s", wg_tape_message(tape));
}

static wg_var vector(double a, double b, double c) {
    return wg_variable(tape, WG_F64, WG_SHAPE(3), (const double[]){a, b, c});
}

static void expect_adjoint(wg_var x, double a, double b, double c) {
    double got[3], want[3] = {a, b, c};
    OK(wg_read_adjoint(x, WG_F64, got, 3));
    for (int i = 0; i < 3; i++) {
        cr_expect_float_eq(got[i], want[i], 1e-14 * fmax(1, fabs(want[i])),
                           "element %d: %g, not %g", i, got[i], want[i]);
    }
}

Test(backward, leaves_accumulate_and_intermediates_do_not) {
    wg_var x = wg_scalar(tape, 3), s = wg_square(x), y = wg_mul(s, 5);
    OK(wg_backward_keep(y));
    cr_expect_eq(wg_adjoint(x), 30);
    cr_expect_eq(wg_adjoint(s), 5);
    OK(wg_backward_keep(y));
    cr_expect_eq(wg_adjoint(x), 60);
    cr_expect_eq(wg_adjoint(s), 5);
    cr_expect_eq(wg_adjoint(y), 1);
    OK(wg_backward(y));
    OK(wg_backward(y));
    cr_expect_eq(wg_adjoint(x), 120);
}

Test(backward, two_roots_accumulate_in_either_order) {
    for (int order = 0; order < 2; order++) {
        wg_tape_reset(tape);
        wg_var x = wg_scalar(tape, 2), a = wg_square(x), b = wg_mul(a, x);
        OK(wg_backward(order == 0 ? a : b));
        OK(wg_backward(order == 0 ? b : a));
        cr_expect_eq(wg_adjoint(x), 4 + 12);
    }
}

Test(backward, an_earlier_root_does_not_see_later_entries) {
    wg_var x = wg_scalar(tape, 2), a = wg_square(x), b = wg_exp(a), late = wg_scalar(tape, 1);
    OK(wg_backward_keep(b));
    OK(wg_backward_keep(a));
    cr_expect_eq(wg_adjoint(b), 0);
    cr_expect_eq(wg_adjoint(a), 1);
    cr_expect_eq(wg_adjoint(late), 0);
    cr_expect_float_eq(wg_adjoint(x), 4 * exp(4) + 4, 1e-11);
}

Test(backward, adjoints_of_spent_intermediates_are_an_error) {
    wg_var x = wg_scalar(tape, 2), a = wg_square(x);
    OK(wg_backward(wg_exp(a)));
    cr_expect(isnan(wg_adjoint(a)));
    cr_expect_not_null(strstr(wg_last_message(), "wg_backward_keep"), "%s", wg_last_message());
    cr_expect_eq(wg_tape_status(tape), WG_OK, "a question harms nothing");
}

Test(backward, spent_adjoints_leave_nothing_for_the_next_sweep) {
    wg_var x = wg_scalar(tape, 2), a = wg_square(x), y = wg_mul(a, 3);
    OK(wg_backward(y));
    OK(wg_backward_keep(a));
    cr_expect_eq(wg_adjoint(a), 1);
    cr_expect_eq(wg_adjoint(y), 0);
    cr_expect_eq(wg_adjoint(x), 12 + 4);
}

Test(backward, the_root_is_a_leaf) {
    wg_var x = wg_scalar(tape, 2), v = vector(1, 2, 3);
    wg_var one = wg_variable(tape, WG_F32, WG_SHAPE(1, 1), (const float[]){4});
    OK(wg_backward(x));
    OK(wg_backward(x));
    cr_expect_eq(wg_adjoint(x), 2);
    OK(wg_backward_from(v, wg_number(2)));
    expect_adjoint(v, 2, 2, 2);
    OK(wg_backward(one));
    cr_expect_eq(wg_adjoint(one), 1);
}

Test(backward, the_root_is_a_number_or_a_constant) {
    cr_expect_eq(wg_backward(wg_number(3)), WG_OK);
    cr_expect_eq(wg_backward_keep(wg_number(3)), WG_OK);
    cr_expect_eq(wg_adjoint(wg_number(3)), 0);
    wg_var c = wg_constant(tape, WG_F64, 0, NULL, (const double[]){2});
    cr_expect_eq(wg_backward(wg_square(c)), WG_ERROR_STATE);
    expect_failure(WG_ERROR_STATE, "wants a gradient");
}

/* Two losses that share only their input: sweeping one leaves the other's arrays alone. */
Test(backward, a_loss_of_its_own_is_left_alone) {
    wg_var v = vector(1, 2, 3);
    wg_var first = wg_sum(wg_exp(wg_sin(v))), second = wg_sum(wg_exp(wg_cos(v)));
    OK(wg_backward(first));
    OK(wg_backward(second));
    wg_tape_reset(tape);
    v = vector(1, 2, 3);
    wg_var other = wg_exp(wg_cos(v));
    OK(wg_backward(wg_sum(v)));
    cr_expect_float_eq(wg_value(wg_at(other, 0)), exp(cos(1)), 1e-15);
}

static void transposed_chain(wg_call *call, wg_var g) {
    wg_give(call, 0, wg_transpose(g));
}

Test(backward, a_gradient_of_a_wrong_shape_is_refused) {
    extern const wg_op wg_op_contiguous;
    wg_op op = wg_op_contiguous;
    op.chain = transposed_chain;
    wg_var x = wg_variable(tape, WG_F64, WG_SHAPE(3, 2), NULL);
    wg_var y = wg_apply(&op, 1, &x, NULL, 0, NULL);
    cr_expect_eq(wg_backward(wg_sum(y)), WG_ERROR_SHAPE);
    expect_failure(WG_ERROR_SHAPE, "[2, 3] to an operand of shape [3, 2]");
}

Test(backward, an_incomplete_operation_says_so) {
    wg_op op = {.name = "hollow"};
    wg_var x = vector(1, 2, 3);
    (void)wg_apply(&op, 1, &x, NULL, 0, NULL);
    expect_failure(WG_ERROR_STATE, "hollow: it has no shape rule");
}

/* One element in any rank: the seed is rank 0. */
Test(backward, a_root_of_one_element_has_any_rank) {
    for (int rank = 0; rank <= 3; rank++) {
        wg_tape_reset(tape);
        const int64_t shape[3] = {1, 1, 1};
        wg_var x = wg_variable(tape, WG_F64, rank, shape, (const double[]){3});
        wg_var y = wg_square(x), s = wg_scalar(tape, 2);
        OK(wg_backward_keep(y));
        OK(wg_backward_keep(wg_at(y, 0)));
        cr_expect_eq(wg_adjoint(x), 12);
        OK(wg_backward(wg_mul(y, s)));
        cr_expect_eq(wg_adjoint(s), 9);
        cr_expect_eq(wg_adjoint(x), 24);
    }
}

Test(backward, a_root_of_more_elements_is_a_clear_error) {
    wg_var y = wg_exp(vector(1, 2, 3));
    cr_expect_eq(wg_backward(y), WG_ERROR_SHAPE);
    expect_failure(WG_ERROR_SHAPE, "this has the shape [3]");
    wg_tape_reset(tape);
    y = wg_exp(wg_variable(tape, WG_F64, WG_SHAPE(0), NULL));
    cr_expect_eq(wg_backward(y), WG_ERROR_SHAPE);
}

Test(backward, arrays_twice) {
    wg_var x = vector(1, 2, 3), y = wg_sum(wg_square(wg_square(x)));
    OK(wg_backward_keep(y));
    expect_adjoint(x, 4, 32, 108);
    OK(wg_backward_keep(y));
    expect_adjoint(x, 8, 64, 216);
    OK(wg_backward(y));
    expect_adjoint(x, 12, 96, 324);
    cr_expect_eq(wg_backward(y), WG_ERROR_STATE);
    expect_failure(WG_ERROR_STATE,
                   "(square): an earlier wg_backward gave back the square it needs");
}

Test(backward, leaves_that_share_a_gradient_accumulate_apart) {
    wg_var a = vector(1, 2, 3), b = vector(4, 5, 6), c = vector(7, 8, 9);
    wg_var y = wg_sum(wg_add(wg_add(wg_add(a, b), a), c));
    OK(wg_backward_keep(y));
    OK(wg_backward_keep(wg_sum(wg_mul(a, 10))));
    OK(wg_backward_keep(y));
    expect_adjoint(a, 14, 14, 14);
    expect_adjoint(b, 2, 2, 2);
    expect_adjoint(c, 2, 2, 2);
}

Test(backward, a_value_given_back_is_a_clear_error) {
    wg_var x = vector(1, 2, 3), a = wg_exp(x), y = wg_sum(wg_square(a));
    double out[3];
    OK(wg_backward(y));
    cr_expect_eq(wg_value(y), wg_value(y), "the root is still there");
    cr_expect_eq(wg_read(a, WG_F64, out, 3), WG_ERROR_STATE);
    expect_failure(WG_ERROR_STATE, "(exp [3]) was given back by wg_backward");
    cr_expect_not_null(strstr(wg_last_message(), "wg_keep"));
    wg_tape_reset(tape);
    a = wg_exp(vector(1, 2, 3));
    OK(wg_backward(wg_sum(wg_square(a))));
    (void)wg_sin(a);
    expect_failure(WG_ERROR_STATE, "sin: operand 0 (exp [3]) was given back");
    cr_expect_not_null(strstr(wg_tape_message(tape), "test_backward.c:"));
}

Test(backward, keep_holds_value_and_adjoint) {
    wg_var x = vector(0, 1, 2), a = wg_keep(wg_exp(x)), b = wg_square(a);
    double out[3];
    OK(wg_backward(wg_sum(b)));
    OK(wg_read(a, WG_F64, out, 3));
    cr_expect_float_eq(out[1], exp(1), 1e-15);
    expect_adjoint(a, 2, 2 * exp(1), 2 * exp(2));
    expect_adjoint(x, 2, 2 * exp(2), 2 * exp(4));
    cr_expect_eq(wg_read_adjoint(b, WG_F64, out, 3), WG_ERROR_STATE, "b was not kept");
}

Test(backward, storage_goes_back_to_the_pool) {
    enum {
        N = 4096,
        LAYERS = 20
    };
    wg_var x = wg_variable(tape, WG_F64, WG_SHAPE(N), NULL), y = x;
    for (int i = 0; i < LAYERS; i++) {
        y = wg_sin(y);
    }
    uint64_t before = wg_tape_usage_of(tape).bytes_held;
    OK(wg_backward(wg_sum(y)));
    wg_tape_usage after = wg_tape_usage_of(tape);
    cr_expect_leq(after.bytes_held, 3 * N * sizeof(double), "leaf and its adjoint remain, not %llu",
                  (unsigned long long)after.bytes_held);
    cr_expect_leq(after.bytes_peak, before + 4 * N * sizeof(double));
}

Test(backward, from_broadcasts_the_seed) {
    wg_var x = vector(1, 2, 3), y = wg_square(x);
    OK(wg_backward_from(y, vector(1, 10, 100)));
    expect_adjoint(x, 2, 40, 600);
    wg_zero_adjoints(tape);
    OK(wg_backward_from(y, wg_scalar(tape, 2)));
    expect_adjoint(x, 4, 8, 12);
    wg_zero_adjoints(tape);
    wg_var wide = wg_mul(x, wg_full(tape, WG_F64, WG_SHAPE(2, 3), 1));
    uint64_t arrays = wg_tape_usage_of(tape).arrays + 1;
    OK(wg_backward_from(wide, vector(1, 10, 100)));
    expect_adjoint(x, 2, 20, 200);
    cr_expect_eq(wg_tape_usage_of(tape).arrays, arrays, "the sweep leaves no node behind");
    wg_zero_adjoints(tape);
    OK(wg_backward_from(wide, wg_full(tape, WG_F32, WG_SHAPE(2, 1), 3)));
    expect_adjoint(x, 6, 6, 6);
}

Test(backward, from_refuses_a_seed_that_does_not_fit) {
    wg_var big = wg_full(tape, WG_F64, WG_SHAPE(2, 3), 1);
    cr_expect_eq(wg_backward_from(wg_square(vector(1, 2, 3)), big), WG_ERROR_SHAPE);
    expect_failure(WG_ERROR_SHAPE, "a seed of shape [2, 3] for a result of shape [3]");
    wg_tape_reset(tape);
    wg_var s = wg_square(wg_scalar(tape, 2));
    cr_expect_eq(wg_backward_from(s, vector(1, 2, 3)), WG_ERROR_SHAPE);
    wg_tape_reset(tape);
    wg_var y = wg_square(vector(1, 2, 3)), out, x = vector(1, 2, 3);
    cr_expect_eq(wg_grad_from(y, wg_full(tape, WG_F64, WG_SHAPE(2), 1), &x, 1, &out),
                 WG_ERROR_SHAPE);
}

Test(backward, zero_adjoints_zeroes_leaves_of_both_kinds) {
    wg_var s = wg_scalar(tape, 2), v = vector(1, 2, 3), y = wg_sum(wg_mul(v, wg_square(s)));
    OK(wg_backward_keep(y));
    wg_zero_adjoints(tape);
    cr_expect_eq(wg_adjoint(s), 0);
    expect_adjoint(v, 0, 0, 0);
    OK(wg_backward_keep(y));
    cr_expect_eq(wg_adjoint(s), 24);
    expect_adjoint(v, 4, 4, 4);
}

Test(backward, zero_adjoints_zeroes_what_a_sweep_used_up) {
    wg_var s = wg_scalar(tape, 2), a = wg_square(s), v = wg_exp(wg_mul(vector(1, 2, 3), a));
    OK(wg_backward(wg_sum(v)));
    wg_zero_adjoints(tape);
    cr_expect_eq(wg_adjoint(a), 0);
    expect_adjoint(v, 0, 0, 0);
    OK(wg_backward_keep(wg_mul(a, 3)));
    cr_expect_eq(wg_adjoint(a), 3);
    cr_expect_eq(wg_adjoint(s), 12);
}

/* A leaf made where an older one stood starts from zero. */
Test(backward, a_new_leaf_in_an_old_place_starts_from_zero) {
    for (int keep = 0; keep < 4; keep++) {
        wg_var x = wg_scalar(tape, 2);
        wg_scope_mark mark = wg_scope_begin(tape);
        wg_var y = wg_mul(wg_scalar(tape, 5), x);
        OK((keep & 1) != 0 ? wg_backward_keep(y) : wg_backward(y));
        if ((keep & 2) != 0) {
            OK(wg_scope_end(tape, mark, NULL, 0));
        } else {
            wg_tape_reset(tape);
            x = wg_scalar(tape, 2);
        }
        wg_var fresh = wg_scalar(tape, 7);
        cr_expect_eq(wg_adjoint(fresh), 0);
        OK(wg_backward(wg_mul(fresh, x)));
        cr_expect_eq(wg_adjoint(fresh), 2);
        wg_tape_reset(tape);
    }
}

Test(backward, borrowed_memory_is_added_to) {
    double data[6] = {1, 2, 3, 4, 5, 6}, gradient[3] = {100, 100, 100};
    wg_view odd = {.dtype = WG_F64, .rank = 1, .shape = {3}, .stride = {2}, .data = data};
    wg_var p = wg_borrow(tape, &odd, gradient);
    wg_var y = wg_add(wg_sum(wg_square(p)), wg_mul(wg_at(p, 2), 1000));
    OK(wg_backward_keep(y));
    OK(wg_backward(y));
    cr_expect_eq(gradient[0], 100 + 4);
    cr_expect_eq(gradient[1], 100 + 12);
    cr_expect_eq(gradient[2], 100 + 2020);
    expect_adjoint(p, 104, 112, 2120);
}

/* Adjoints come as [n], [1, n] or less: each operand gets its own shape and dtype back. */
Test(backward, broadcast_operands_get_their_own_shape) {
    wg_var row = wg_variable(tape, WG_F32, WG_SHAPE(1, 3), (const float[]){1, 2, 3});
    wg_var column = wg_variable(tape, WG_F64, WG_SHAPE(2, 1), (const double[]){10, 20});
    wg_var s = wg_scalar(tape, 2), empty = wg_variable(tape, WG_F64, WG_SHAPE(0, 3), NULL);
    wg_var y = wg_sum(wg_mul(wg_mul(row, column), s));
    OK(wg_backward(wg_add(y, wg_sum(wg_mul(empty, row)))));
    double got[3];
    OK(wg_read_adjoint(row, WG_F64, got, 3));
    cr_expect_eq(got[2], 60);
    OK(wg_read_adjoint(column, WG_F64, got, 2));
    cr_expect_eq(got[1], 12);
    cr_expect_eq(wg_adjoint(s), 180);
    OK(wg_read_adjoint(empty, WG_F64, got, 0));
}

/* A borrowed seed is read where it lies; a leaf that is swept from keeps a copy. */
Test(backward, seeded_sweeps_use_up_as_plain_ones) {
    wg_tape *tape = wg_tape_new();
    double values[3] = {1, 2, 3}, weights[3] = {0.5, -1, 2}, g[3];
    const int64_t n = 3;
    const wg_view view = wg_view_new(WG_F64, 1, &n, weights);
    wg_var x = wg_variable(tape, WG_F64, 1, &n, values);
    const wg_var seed = wg_borrow(tape, &view, NULL), y = wg_square(wg_exp(x));
    cr_assert_eq(wg_backward_seeded(y, seed), WG_OK, "%s", wg_tape_message(tape));
    cr_assert_eq(wg_read_adjoint(x, WG_F64, g, n), WG_OK);
    for (int i = 0; i < n; i++) {
        cr_assert_float_eq(g[i], 2 * exp(2 * values[i]) * weights[i], 1e-9);
    }
    cr_assert_eq(wg_backward_seeded(y, seed), WG_ERROR_STATE); /* what it needs was given back */
    wg_tape_reset(tape);
    x = wg_variable(tape, WG_F64, 1, &n, values);
    cr_assert_eq(wg_backward_seeded(x, wg_borrow(tape, &view, NULL)), WG_OK);
    weights[0] = 7;
    cr_assert_eq(wg_read_adjoint(x, WG_F64, g, n), WG_OK);
    cr_assert_eq(g[0], 0.5);
    wg_tape_reset(tape); /* a number, and an intermediate that the sweep gives back */
    x = wg_variable(tape, WG_F64, 1, &n, values);
    cr_assert_eq(wg_backward_seeded(wg_add(x, 1), wg_number(2)), WG_OK);
    cr_assert_eq(wg_read_adjoint(x, WG_F64, g, n), WG_OK);
    cr_assert_eq(g[2], 2);
    const wg_var h = wg_add(x, 1);
    cr_assert_eq(wg_backward_seeded(wg_add(h, 1), h), WG_OK, "%s", wg_tape_message(tape));
    cr_assert_eq(wg_read_adjoint(x, WG_F64, g, n), WG_OK);
    cr_assert_eq(g[2], 2 + 4); /* leaves accumulate */
    wg_tape_free(tape);
}
