/* Reshaping and indexing: errors, zero sizes, rank 0 and 8, views, and gradients that add up in
 * place. */
#include "arrays.h"
#include "wengert/index.h"

static wg_var whole(wg_tape *tape, int rank, const int64_t *shape, const int64_t *values) {
    return wg_constant(tape, WG_I64, rank, shape, values);
}

#define WHOLE(tape, ...)                                                                           \
    whole(tape, WG_SHAPE((int64_t)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t))),           \
          (int64_t[]){__VA_ARGS__})

static bool shares(wg_var y, wg_var x) {
    return wg_view_of(y).data == wg_view_of(x).data;
}

Test(index, taken_along_an_axis_with_negative_indices) {
    wg_tape *tape = wg_tape_new();
    wg_var x = wg_variable(tape, WG_F64, WG_SHAPE(4), (double[]){1, 2, 3, 4});
    wg_var y = wg_take_along(x, WHOLE(tape, -1, 0, -4, 3, 3), 0);
    expect_values(y, (double[]){4, 1, 1, 4, 4}, 0);
    cr_assert_eq(wg_backward(wg_sum(wg_mul(y, y))), WG_OK);
    expect_adjoint(x, (double[]){4, 0, 0, 24}, 0);
    wg_tape_free(tape);
}

Test(index, integers_are_taken_and_added_too) {
    wg_tape *tape = wg_tape_new();
    wg_var x = WHOLE(tape, 5, 6, 7);
    expect_values(wg_take_along(x, WHOLE(tape, 2, 0), 0), (double[]){7, 5}, 0);
    expect_values(wg_scatter_add(x, WHOLE(tape, 1, 1), 2, 0), (double[]){5, 10, 7}, 0);
    wg_var bytes = wg_constant(tape, WG_U8, WG_SHAPE(2), (uint8_t[]){250, 1});
    expect_values(wg_scatter_add(bytes, WHOLE(tape, 0, 0), 3, 0), (double[]){0, 1}, 0);
    expect_values(wg_take_along(bytes, wg_constant(tape, WG_U8, WG_SHAPE(1), (uint8_t[]){1}), 0),
                  (double[]){1}, 0);
    wg_tape_free(tape);
}

Test(index, of_equal_indices_the_last_wins_and_has_the_gradient) {
    wg_tape *tape = wg_tape_new();
    wg_var x = wg_variable(tape, WG_F64, WG_SHAPE(3), (double[]){1, 2, 3});
    wg_var src = wg_variable(tape, WG_F64, WG_SHAPE(4), (double[]){10, 20, 30, 40});
    wg_var y = wg_scatter(x, WHOLE(tape, 2, 0, 2, -1), src, 0);
    expect_values(y, (double[]){20, 2, 40}, 0);
    cr_assert_eq(wg_backward(wg_sum(y)), WG_OK);
    expect_adjoint(x, (double[]){0, 1, 0}, 0);
    expect_adjoint(src, (double[]){0, 1, 0, 1}, 0);
    wg_tape_free(tape);
}

/* <scatter_add(0, i, y), x> = <y, take_along(x, i)>. */
Test(index, taking_and_adding_are_transposes) {
    wg_tape *tape = wg_tape_new();
    wg_var x = ramp(tape, WG_F64, WG_SHAPE(3, 4, 5)), y = ramp(tape, WG_F64, WG_SHAPE(3, 6, 5));
    int64_t indices[90];
    for (int i = 0; i < 90; i++) {
        indices[i] = i * 7 % 8 - 4;
    }
    wg_var i = whole(tape, WG_SHAPE(3, 6, 5), indices);
    const double left = wg_value(wg_sum(wg_mul(wg_scatter_add(wg_zeros_like(x), i, y, 1), x)));
    const double right = wg_value(wg_sum(wg_mul(y, wg_take_along(x, i, 1))));
    cr_assert_float_eq(left, right, 1e-10);
    wg_tape_free(tape);
}

Test(index, errors_of_elements_by_number) {
    wg_tape *tape = wg_tape_new();
    wg_take_along(ramp(tape, WG_F64, WG_SHAPE(3)), WHOLE(tape, 0, 3), 0);
    expect_failure(tape, WG_ERROR_ARGUMENT,
                   "take_along: index 3 (element 1) is out of range for axis 0 of size 3 (");
    wg_take_along(ramp(tape, WG_F64, WG_SHAPE(3)), WHOLE(tape, -4), 0);
    expect_failure(tape, WG_ERROR_ARGUMENT, "index -4 (element 0)");
    wg_take_along(ramp(tape, WG_F64, WG_SHAPE(0)), WHOLE(tape, 0), 0);
    expect_failure(tape, WG_ERROR_ARGUMENT, "axis 0 of size 0");
    wg_take_along(ramp(tape, WG_F64, WG_SHAPE(2, 3)), WHOLE(tape, 0), 0);
    expect_failure(tape, WG_ERROR_SHAPE, "indices [1] for an array [2, 3]: the ranks differ");
    wg_take_along(ramp(tape, WG_F64, WG_SHAPE(2, 3)), whole(tape, WG_SHAPE(1, 2), NULL), 0);
    expect_failure(tape, WG_ERROR_SHAPE, "[2, 3] and indices [1, 2] do not broadcast off axis 0");
    wg_take_along(ramp(tape, WG_F64, WG_SHAPE(3)), ramp(tape, WG_F64, WG_SHAPE(3)), 0);
    expect_failure(tape, WG_ERROR_DTYPE, "the indices are f64, not i64 or u8");
    wg_take_along(ramp(tape, WG_F64, WG_SHAPE(3)), WHOLE(tape, 0), 1);
    expect_failure(tape, WG_ERROR_ARGUMENT, "there is no axis 1 in the shape [3]");
    wg_scatter_add(ramp(tape, WG_F64, WG_SHAPE(2, 3)), whole(tape, WG_SHAPE(2, 2), NULL),
                   ramp(tape, WG_F64, WG_SHAPE(2, 3)), 1);
    expect_failure(tape, WG_ERROR_SHAPE,
                   "scatter_add: [2, 3] at indices [2, 2] does not fit into [2, 3] along axis 1");
    wg_scatter(ramp(tape, WG_F64, WG_SHAPE(3)), WHOLE(tape, 7), 1, 0);
    expect_failure(tape, WG_ERROR_ARGUMENT, "scatter: index 7 (element 0)");
    wg_index_select(ramp(tape, WG_F64, WG_SHAPE(3)), whole(tape, WG_SHAPE(1, 1), NULL), 0);
    expect_failure(tape, WG_ERROR_SHAPE, "index_select: the indices [1, 1] are no vector");
    wg_index_add(ramp(tape, WG_F64, WG_SHAPE(3)), WHOLE(tape, 0), 1, 2);
    expect_failure(tape, WG_ERROR_ARGUMENT, "index_add: there is no axis 2 in the shape [3]");
    wg_tape_free(tape);
}

Test(index, errors_of_axes) {
    wg_tape *tape = wg_tape_new();
    const int64_t two_three[] = {2, 3};
    wg_squeeze(ramp(tape, WG_F64, 2, two_three), 1);
    expect_failure(tape, WG_ERROR_SHAPE, "squeeze: x [2, 3] has size 3 on axis 1 (");
    wg_squeeze(ramp(tape, WG_F64, 2, two_three), 2);
    expect_failure(tape, WG_ERROR_ARGUMENT, "squeeze: there is no axis 2 in the shape [2, 3]");
    wg_unsqueeze(ramp(tape, WG_F64, 2, two_three), -4);
    expect_failure(tape, WG_ERROR_ARGUMENT, "unsqueeze: x [2, 3] takes no new axis -4");
    wg_unsqueeze(ramp(tape, WG_F64, WG_SHAPE(1, 1, 1, 1, 1, 1, 1, 1)), 0);
    expect_failure(tape, WG_ERROR_LIMIT, "has 8 axes already");
    wg_movedim(ramp(tape, WG_F64, 2, two_three), 0, 2);
    expect_failure(tape, WG_ERROR_ARGUMENT, "movedim: there is no axis 2");
    wg_swapaxes(ramp(tape, WG_F64, 2, two_three), -3, 0);
    expect_failure(tape, WG_ERROR_ARGUMENT, "swapaxes: there is no axis -3");
    wg_flatten(ramp(tape, WG_F64, 2, two_three), 1, 0);
    expect_failure(tape, WG_ERROR_ARGUMENT, "flatten: x [2, 3] has axis 1 behind axis 0");
    wg_select(ramp(tape, WG_F64, 2, two_three), -4, 1);
    expect_failure(tape, WG_ERROR_ARGUMENT,
                   "select: index -4 is out of range for axis 1 of the shape [2, 3]");
    wg_narrow(ramp(tape, WG_F64, 2, two_three), 1, 2, 2);
    expect_failure(tape, WG_ERROR_ARGUMENT,
                   "narrow: x [2, 3] has no 2 elements from 2 on along axis 1");
    wg_var out[4];
    wg_split_sizes(ramp(tape, WG_F64, 2, two_three), 1, 2, ((int64_t[]){1, 1}), out);
    expect_failure(tape, WG_ERROR_SHAPE, "the 2 sizes do not add up to it");
    cr_assert_eq(out[1].tape, tape);
    wg_split_sizes(ramp(tape, WG_F64, 2, two_three), 1, 2, ((int64_t[]){INT64_MAX, INT64_MAX}),
                   out);
    expect_failure(tape, WG_ERROR_SHAPE, "do not add up");
    wg_chunk(ramp(tape, WG_F64, 2, two_three), 1, 0, out);
    expect_failure(tape, WG_ERROR_ARGUMENT, "chunk: x [2, 3] is to become 0 chunks");
    wg_var both[2] = {ramp(tape, WG_F64, 2, two_three), ramp(tape, WG_F64, WG_SHAPE(3, 2))};
    wg_stack_arrays(2, both, 0);
    expect_failure(tape, WG_ERROR_SHAPE, "stack_arrays: array 1 is [3, 2] and the first is [2, 3]");
    wg_var one = ramp(tape, WG_F64, 2, two_three);
    wg_stack_arrays(1, &one, 3);
    expect_failure(tape, WG_ERROR_ARGUMENT, "no new axis 3 goes into the shape [2, 3]");
    wg_flip(ramp(tape, WG_F64, 2, two_three), WG_AXES(1, -1));
    expect_failure(tape, WG_ERROR_ARGUMENT, "flip: axis -1 of the shape [2, 3] is named twice");
    wg_roll(ramp(tape, WG_F64, 2, two_three), 1, 2);
    expect_failure(tape, WG_ERROR_ARGUMENT, "roll: there is no axis 2");
    wg_tape_free(tape);
}

Test(index, errors_of_repetition_matrices_and_masks) {
    wg_tape *tape = wg_tape_new();
    const int64_t two_three[] = {2, 3};
    wg_tile(ramp(tape, WG_F64, 2, two_three), WG_SHAPE(2, -1));
    expect_failure(tape, WG_ERROR_ARGUMENT, "is to be repeated -1 times");
    wg_tile(ramp(tape, WG_F64, 2, two_three), WG_SHAPE(1, 1, 1, 1, 1, 1, 1, 1, 1));
    expect_failure(tape, WG_ERROR_ARGUMENT, "tile: x [2, 3] is to have 9 axes");
    wg_repeat(ramp(tape, WG_F64, 2, two_three), INT64_MAX, 1);
    expect_failure(tape, WG_ERROR_LIMIT, "repeat: x [2, 3] is too large");
    const int64_t widths[1][2] = {{3, 0}}, cut[1][2] = {{-2, -2}};
    wg_pad(ramp(tape, WG_F64, 2, two_three), 1, widths, (wg_pad_options){.mode = WG_PAD_REFLECT});
    expect_failure(tape, WG_ERROR_SHAPE,
                   "pad: x [2, 3] has too few elements along axis 1 for 3 before and 0 behind");
    wg_pad(ramp(tape, WG_F64, 2, two_three), 1, cut, (wg_pad_options){.value = 0});
    expect_failure(tape, WG_ERROR_SHAPE, "has too few elements along axis 1 to cut 2 and 2");
    const int64_t all[1][2] = {{INT64_MIN, INT64_MIN}};
    wg_pad(ramp(tape, WG_F64, 2, two_three), 1, all, (wg_pad_options){.value = 0});
    expect_failure(tape, WG_ERROR_SHAPE, "has too few elements along axis 1 to cut");
    wg_diag(ramp(tape, WG_F64, WG_SHAPE(3)), INT64_MIN);
    expect_failure(tape, WG_ERROR_LIMIT, "diag: x [3] is to lie too far off the diagonal");
    wg_pad(ramp(tape, WG_F64, WG_SHAPE(0)), 1, widths, (wg_pad_options){.mode = WG_PAD_EDGE});
    expect_failure(tape, WG_ERROR_SHAPE, "has too few elements along axis 0");
    wg_pad(ramp(tape, WG_F64, WG_SHAPE(1)), 2, widths, (wg_pad_options){.value = 0});
    expect_failure(tape, WG_ERROR_ARGUMENT, "pad: x [1] has no 2 axes");
    wg_tril(ramp(tape, WG_F64, WG_SHAPE(3)), 0);
    expect_failure(tape, WG_ERROR_SHAPE, "tril: x is [3], no matrix");
    wg_diagonal(ramp(tape, WG_F64, 2, two_three), 0, 1, -1);
    expect_failure(tape, WG_ERROR_ARGUMENT, "diagonal: axis -1 of the shape [2, 3] is named twice");
    wg_diag(ramp(tape, WG_F64, WG_SHAPE(1, 2, 3)), 0);
    expect_failure(tape, WG_ERROR_SHAPE, "diag: x [1, 2, 3] is no vector and no matrix");
    wg_trace(ramp(tape, WG_F64, WG_SHAPE(3)));
    expect_failure(tape, WG_ERROR_SHAPE, "trace: x [3] is no matrix");
    wg_masked_select(ramp(tape, WG_F64, 2, two_three), WHOLE(tape, 1, 0));
    expect_failure(tape, WG_ERROR_SHAPE,
                   "masked_select: x [2, 3] and the mask [2] do not broadcast");
    wg_one_hot(WHOLE(tape, 0, 4), 4, WG_F32);
    expect_failure(tape, WG_ERROR_ARGUMENT,
                   "one_hot: label 4 (element 1) is out of range for 4 classes");
    wg_one_hot(ramp(tape, WG_F64, 2, two_three), 4, WG_F32);
    expect_failure(tape, WG_ERROR_DTYPE, "the labels are f64");
    wg_one_hot(WHOLE(tape, 0), -1, WG_F32);
    expect_failure(tape, WG_ERROR_ARGUMENT, "-1 classes");
    wg_arange(tape, WG_F64, 0, 1, 0);
    expect_failure(tape, WG_ERROR_ARGUMENT, "arange: from 0 to 1 in steps of 0");
    wg_arange(tape, WG_F64, 0, INFINITY, 1);
    expect_failure(tape, WG_ERROR_ARGUMENT, "arange");
    wg_arange(tape, WG_F64, NAN, 1, 1);
    expect_failure(tape, WG_ERROR_ARGUMENT, "arange");
    wg_linspace(tape, WG_F64, 0, 1, -1);
    expect_failure(tape, WG_ERROR_LIMIT, "[-1]");
    wg_eye(tape, WG_F64, 2, -1, 0);
    expect_failure(tape, WG_ERROR_LIMIT, "[2, -1]");
    wg_tape_free(tape);
}

Test(index, views_share_memory) {
    wg_tape *tape = wg_tape_new();
    wg_var x = ramp(tape, WG_F32, WG_SHAPE(3, 1, 3));
    cr_assert(shares(wg_squeeze(x, 1), x));
    cr_assert(shares(wg_squeeze_all(x), x));
    cr_assert(shares(wg_unsqueeze(x, 0), x));
    cr_assert(shares(wg_movedim(x, 0, 2), x));
    cr_assert(shares(wg_swapaxes(x, 0, 2), x));
    cr_assert(shares(wg_flatten(x, 0, 1), x));
    cr_assert(shares(wg_select(x, 0, 0), x));
    cr_assert(shares(wg_narrow(x, 0, 0, 2), x));
    cr_assert(shares(wg_diagonal(x, 0, 0, 2), x));
    cr_assert(shares(wg_diag(wg_squeeze(x, 1), 0), x));
    cr_assert(shares(wg_flip(wg_flip(x, WG_ALL_AXES), WG_ALL_AXES), x));
    cr_assert(shares(wg_roll(x, 3, 0), x));
    wg_var out[3];
    cr_assert_eq(wg_chunk(x, 0, 3, out), 3);
    cr_assert(shares(out[0], x));
    wg_tape_free(tape);
}

Test(index, rank_0_rank_8_and_nothing) {
    wg_tape *tape = wg_tape_new();
    wg_var one = wg_scalar(tape, 3);
    expect_shape(wg_flatten(one, 0, -1), WG_SHAPE(1));
    expect_shape(wg_unsqueeze(one, 0), WG_SHAPE(1));
    expect_shape(wg_squeeze_all(wg_unsqueeze(one, -1)), 0, NULL);
    expect_shape(wg_tile(one, WG_SHAPE(2, 2)), WG_SHAPE(2, 2));
    expect_values(wg_masked_select(one, 1 > 0 ? wg_number(1) : one), (double[]){3}, 0);
    expect_shape(wg_nonzero(one), WG_SHAPE(1, 0));
    expect_values(wg_flip(one, WG_ALL_AXES), (double[]){3}, 0);
    wg_var eight = ramp(tape, WG_F64, WG_SHAPE(2, 1, 2, 1, 2, 1, 2, 3));
    expect_shape(
        wg_take_along(eight, wg_full(tape, WG_I64, WG_SHAPE(1, 1, 1, 1, 1, 1, 1, 5), -1), 7),
        WG_SHAPE(2, 1, 2, 1, 2, 1, 2, 5));
    expect_shape(wg_tile(eight, WG_SHAPE(2)), WG_SHAPE(2, 1, 2, 1, 2, 1, 2, 6));
    expect_shape(wg_repeat(eight, 2, 0), WG_SHAPE(4, 1, 2, 1, 2, 1, 2, 3));
    expect_shape(wg_diagonal(eight, 0, 0, 7), WG_SHAPE(1, 2, 1, 2, 1, 2, 2));
    wg_var none = ramp(tape, WG_F64, WG_SHAPE(2, 0, 3));
    expect_shape(wg_tile(none, WG_SHAPE(2, 2, 2)), WG_SHAPE(4, 0, 6));
    expect_shape(wg_roll(none, 1, 1), WG_SHAPE(2, 0, 3));
    expect_shape(wg_index_select(none, WHOLE(tape, 1, 1, -1), 0), WG_SHAPE(3, 0, 3));
    expect_shape(wg_tril(none, 0), WG_SHAPE(2, 0, 3));
    expect_shape(wg_diagonal(none, 1, 0, 2), WG_SHAPE(0, 2));
    expect_shape(wg_repeat(ramp(tape, WG_F64, WG_SHAPE(2)), 0, 0), WG_SHAPE(0));
    expect_shape(wg_masked_select(none, 1 > 0 ? wg_number(1) : none), WG_SHAPE(0));
    expect_shape(wg_diag(ramp(tape, WG_F64, WG_SHAPE(0)), -2), WG_SHAPE(2, 2));
    wg_tape_free(tape);
}

Test(index, constants_from_rules) {
    wg_tape *tape = wg_tape_new();
    expect_values(wg_arange(tape, WG_I64, 2, -3, -2), (double[]){2, 0, -2}, 0);
    expect_shape(wg_arange(tape, WG_F32, 2, 2, 1), WG_SHAPE(0));
    expect_values(wg_linspace(tape, WG_F64, -1, 1, 5), (double[]){-1, -0.5, 0, 0.5, 1}, 0);
    expect_values(wg_linspace(tape, WG_F64, 0.3, 1, 1), (double[]){0.3}, 0);
    expect_values(wg_eye(tape, WG_U8, 2, 3, 1), (double[]){0, 1, 0, 0, 0, 1}, 0);
    expect_values(wg_eye(tape, WG_F32, 2, 3, -1), (double[]){0, 0, 0, 1, 0, 0}, 0);
    expect_values(wg_eye(tape, WG_F32, 2, 2, INT64_MIN), (double[]){0, 0, 0, 0}, 0);
    expect_values(wg_eye(tape, WG_F32, 2, 2, INT64_MAX), (double[]){0, 0, 0, 0}, 0);
    wg_var x = ramp(tape, WG_F32, WG_SHAPE(2, 1));
    expect_values(wg_ones_like(x), (double[]){1, 1}, 0);
    cr_assert_eq(wg_view_of(wg_full_like(x, 0.5)).dtype, WG_F32);
    expect_values(wg_zeros(tape, WG_I64, WG_SHAPE(2)), (double[]){0, 0}, 0);
    expect_values(wg_tril(wg_ones(tape, WG_F64, WG_SHAPE(2, 2)), INT64_MIN), (double[]){0, 0, 0, 0},
                  0);
    expect_values(wg_triu(wg_ones(tape, WG_F64, WG_SHAPE(2, 2)), INT64_MIN), (double[]){1, 1, 1, 1},
                  0);
    expect_shape(wg_diagonal(wg_eye(tape, WG_F64, 2, 2, 0), INT64_MIN, 0, 1), WG_SHAPE(0));
    wg_tape_free(tape);
}

/* Masks: NaN is not zero; a float mask serves too. */
Test(index, masks_of_any_dtype) {
    wg_tape *tape = wg_tape_new();
    wg_var x = wg_variable(tape, WG_F64, WG_SHAPE(4), (double[]){1, 2, 3, 4});
    wg_var mask = wg_constant(tape, WG_F64, WG_SHAPE(4), (double[]){0, NAN, -0.0, 0.5});
    wg_var y = wg_masked_select(x, mask);
    expect_values(y, (double[]){2, 4}, 0);
    expect_values(wg_nonzero(mask), (double[]){1, 3}, 0);
    wg_var z = wg_masked_fill(x, wg_gt(x, 2.5), -INFINITY);
    expect_values(z, (double[]){1, 2, -INFINITY, -INFINITY}, 0);
    cr_assert_eq(wg_backward(wg_add(wg_sum(wg_square(y)), wg_sum(wg_exp(z)))), WG_OK);
    expect_adjoint(x, (double[]){exp(1), 4 + exp(2), 0, 8}, 1e-12);
    wg_tape_free(tape);
}

/* The gradients of many parts of one array, given in place and by a sweep that records itself. */
static wg_var many_parts(wg_var x) {
    wg_var total = wg_sum(wg_square(x));
    for (int i = 0; i < 4; i++) {
        wg_var one = wg_select(x, i, 0), two = wg_slice(x, 1, i % 3, WG_END, 2);
        total = wg_add(total, wg_mul(i + 1, wg_sum(wg_square(one))));
        total = wg_add(total, wg_sum(wg_exp(two)));
    }
    wg_var rows = wg_gather_rows(x, WHOLE(x.tape, 0, 2, 2, 3));
    total = wg_add(total, wg_sum(wg_square(rows)));
    total = wg_add(total, wg_sum(wg_square(wg_diagonal(x, 1, 0, 1))));
    return wg_add(total, wg_sum(wg_square(wg_index_select(x, WHOLE(x.tape, -1, 0), 1))));
}

Test(index, gradients_in_place_are_those_of_a_recording_sweep) {
    for (int kind = 0; kind < 3; kind++) {
        wg_tape *tape = wg_tape_new();
        double values[12], sink[12], want[12], have[12];
        for (int i = 0; i < 12; i++) {
            values[i] = ramp_value(i) / 4;
            sink[i] = 0.5;
        }
        const wg_view view = wg_view_new(WG_F64, WG_SHAPE(4, 3), values);
        wg_var x = kind == 0   ? wg_variable(tape, WG_F64, WG_SHAPE(4, 3), values)
                   : kind == 1 ? wg_borrow(tape, &view, sink)
                               : wg_mul(1, wg_variable(tape, WG_F64, WG_SHAPE(4, 3), values));
        (void)wg_keep(x);
        wg_var y = many_parts(x), g = x;
        cr_assert_eq(wg_grad(y, &x, 1, &g), WG_OK);
        cr_assert_eq(wg_read(g, WG_F64, want, 12), WG_OK);
        cr_assert_eq(wg_backward(y), WG_OK, "%s", wg_tape_message(tape));
        cr_assert_eq(wg_read_adjoint(x, WG_F64, have, 12), WG_OK);
        for (int i = 0; i < 12; i++) {
            expect_close(kind == 1 ? sink[i] - 0.5 : have[i], want[i], 1e-13, i);
        }
        wg_tape_free(tape);
    }
}

/* A gradient that is shared with another array is not written into. */
Test(index, a_shared_adjoint_is_left_alone) {
    wg_tape *tape = wg_tape_new();
    wg_var a = wg_variable(tape, WG_F64, WG_SHAPE(3), (double[]){1, 2, 3});
    wg_var b = wg_variable(tape, WG_F64, WG_SHAPE(3), (double[]){4, 5, 6});
    wg_var first = wg_sum(wg_select(a, 1, 0));
    wg_var y = wg_sum(wg_mul(wg_add(a, b), wg_add(a, b)));
    cr_assert_eq(wg_backward(wg_add(first, y)), WG_OK);
    expect_adjoint(a, (double[]){10, 15, 18}, 0);
    expect_adjoint(b, (double[]){10, 14, 18}, 0);
    wg_tape_free(tape);
}

/* bf16: views stay views, and the rest widens. */
Test(index, of_bf16) {
    wg_tape *tape = wg_tape_new();
    wg_var x = wg_variable(tape, WG_F32, WG_SHAPE(2, 2), (float[]){1, 2, 3, 4});
    wg_var b = wg_cast(x, WG_BF16);
    wg_var one = wg_select(b, 1, 0);
    cr_assert_eq(wg_view_of(one).dtype, WG_BF16);
    cr_assert_eq(wg_view_of(wg_flip(b, WG_ALL_AXES)).dtype, WG_BF16);
    cr_assert_eq(wg_view_of(wg_diagonal(b, 0, 0, 1)).dtype, WG_BF16);
    wg_var y = wg_scatter_add(b, whole(tape, WG_SHAPE(2, 1), (int64_t[]){1, 0}), 1, 1);
    expect_values(y, (double[]){1, 3, 4, 4}, 0);
    wg_var z = wg_add(wg_sum(wg_square(one)), wg_sum(wg_take_along(b, WHOLE(tape, 1), 0)));
    (void)z;
    expect_failure(tape, WG_ERROR_SHAPE, "the ranks differ");
    x = wg_variable(tape, WG_F32, WG_SHAPE(2, 2), (float[]){1, 2, 3, 4});
    b = wg_cast(x, WG_BF16);
    z = wg_add(wg_sum(wg_square(wg_select(b, 1, 0))),
               wg_sum(wg_diagonal(wg_flip(b, WG_AXES(0)), 0, 0, 1)));
    cr_assert_eq(wg_backward(wg_add(z, wg_sum(wg_index_select(b, WHOLE(tape, 0, 0), 1)))), WG_OK,
                 "%s", wg_tape_message(tape));
    expect_adjoint(x, (double[]){2, 1, 6 + 2 + 1, 8}, 0);
    expect_values(wg_arange(tape, WG_BF16, 0, 3, 1), (double[]){0, 1, 2}, 0);
    expect_values(wg_one_hot(WHOLE(tape, 1), 2, WG_BF16), (double[]){0, 1}, 0);
    wg_tape_free(tape);
}
