/* reshape, permute, transpose, broadcast_to, slice, concat, cast, contiguous. */
#include "arrays.h"

static bool is_view_of(wg_var y, wg_var x) {
    return wg_view_of(y).data == wg_view_of(x).data;
}

Test(shape, reshape_is_a_view_where_strides_allow_it) {
    wg_tape *tape = wg_tape_new();
    wg_var x = ramp(tape, WG_F64, WG_SHAPE(2, 3, 4));
    double values[MOST];
    read_all(x, values);
    wg_var y = wg_reshape(x, WG_SHAPE(4, -1));
    expect_shape(y, WG_SHAPE(4, 6));
    expect_values(y, values, 0);
    cr_assert(is_view_of(y, x));
    /* Two axes of a transposed array that stay together can be merged, and split. */
    wg_var t = wg_permute(x, 3, ((int[]){2, 0, 1}));
    wg_var merged = wg_reshape(t, WG_SHAPE(4, 1, 6));
    cr_assert(is_view_of(merged, x));
    expect_shape(merged, WG_SHAPE(4, 1, 6));
    cr_assert(is_view_of(wg_reshape(t, WG_SHAPE(2, 2, 3, 2)), x));
    /* Across them only a copy will do. */
    wg_var copied = wg_reshape(t, WG_SHAPE(24));
    cr_assert_not(is_view_of(copied, x));
    double want[24], have[MOST];
    for (int i = 0; i < 24; i++) {
        want[i] = values[i % 6 * 4 + i / 6];
    }
    expect_values(copied, want, 0);
    read_all(merged, have);
    cr_assert_arr_eq(have, want, sizeof want);
    wg_tape_free(tape);
}

Test(shape, reshape_of_rank_0_and_8_and_of_nothing) {
    wg_tape *tape = wg_tape_new();
    wg_var one = wg_reshape(wg_scalar(tape, 3), WG_SHAPE(1, 1, 1, 1, 1, 1, 1, 1));
    expect_shape(one, WG_SHAPE(1, 1, 1, 1, 1, 1, 1, 1));
    expect_values(wg_reshape(one, 0, NULL), (double[]){3}, 0);
    wg_var eight = ramp(tape, WG_F32, WG_SHAPE(2, 1, 2, 1, 2, 1, 2, 3));
    expect_shape(wg_reshape(eight, WG_SHAPE(-1)), WG_SHAPE(48));
    wg_var none = ramp(tape, WG_F32, WG_SHAPE(2, 0, 3));
    expect_shape(wg_reshape(none, WG_SHAPE(0, 5)), WG_SHAPE(0, 5));
    expect_shape(wg_reshape(none, WG_SHAPE(7, -1)), WG_SHAPE(7, 0));
    wg_tape_free(tape);
}

Test(shape, reshape_errors) {
    wg_tape *tape = wg_tape_new();
    wg_reshape(ramp(tape, WG_F64, WG_SHAPE(2, 3)), WG_SHAPE(4, -1));
    expect_failure(tape, WG_ERROR_SHAPE, "reshape: [2, 3] cannot become [4, -1] (");
    wg_reshape(ramp(tape, WG_F64, WG_SHAPE(2, 3)), WG_SHAPE(-1, -1));
    expect_failure(tape, WG_ERROR_SHAPE, "[-1, -1]");
    wg_reshape(ramp(tape, WG_F64, WG_SHAPE(0)), WG_SHAPE(0, -1));
    expect_failure(tape, WG_ERROR_SHAPE, "[0] cannot become [0, -1]");
    wg_reshape(ramp(tape, WG_F64, WG_SHAPE(6)), WG_SHAPE(-2, -3));
    expect_failure(tape, WG_ERROR_SHAPE, "[-2, -3]");
    wg_reshape(ramp(tape, WG_F64, WG_SHAPE(6)), WG_SHAPE(INT64_MAX, INT64_MAX));
    expect_failure(tape, WG_ERROR_SHAPE, "[6] cannot become");
    wg_reshape(ramp(tape, WG_F64, WG_SHAPE(1)), WG_SHAPE(1, 1, 1, 1, 1, 1, 1, 1, 1));
    expect_failure(tape, WG_ERROR_ARGUMENT, "9 axes");
    wg_tape_free(tape);
}

Test(shape, permute_and_transpose) {
    wg_tape *tape = wg_tape_new();
    wg_var x = ramp(tape, WG_F64, WG_SHAPE(2, 3, 4));
    double from[MOST], have[MOST];
    read_all(x, from);
    wg_var y = wg_permute(x, 3, ((int[]){-1, 0, 1}));
    expect_shape(y, WG_SHAPE(4, 2, 3));
    read_all(y, have);
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 6; j++) {
            cr_assert_eq(have[i * 6 + j], from[j * 4 + i]);
        }
    }
    expect_shape(wg_transpose(x), WG_SHAPE(2, 4, 3));
    expect_values(wg_transpose(wg_transpose(x)), from, 0);
    expect_shape(wg_transpose(ramp(tape, WG_F64, WG_SHAPE(5))), WG_SHAPE(5));
    wg_permute(x, 2, ((int[]){0, 1}));
    expect_failure(tape, WG_ERROR_ARGUMENT, "permute: 2 axes named, of shape [2, 3, 4]");
    wg_permute(ramp(tape, WG_F64, WG_SHAPE(2, 3)), 2, ((int[]){1, -1}));
    expect_failure(tape, WG_ERROR_ARGUMENT, "named twice");
    wg_permute(ramp(tape, WG_F64, WG_SHAPE(2, 3)), 2, ((int[]){1, 2}));
    expect_failure(tape, WG_ERROR_ARGUMENT, "no axis 2 in the shape [2, 3]");
    wg_tape_free(tape);
}

Test(shape, broadcast_to) {
    wg_tape *tape = wg_tape_new();
    wg_var x = ramp(tape, WG_F32, WG_SHAPE(2, 1));
    wg_var y = wg_broadcast_to(x, WG_SHAPE(3, -1, 2));
    expect_shape(y, WG_SHAPE(3, 2, 2));
    double v[MOST];
    read_all(x, v);
    expect_values(
        y, (double[]){v[0], v[0], v[1], v[1], v[0], v[0], v[1], v[1], v[0], v[0], v[1], v[1]}, 0);
    expect_values(wg_broadcast_to(wg_scalar(tape, 2), WG_SHAPE(3)), (double[]){2, 2, 2}, 0);
    wg_broadcast_to(x, WG_SHAPE(3, 2));
    expect_failure(tape, WG_ERROR_SHAPE, "broadcast_to: [2, 1] does not broadcast to [3, 2]");
    wg_broadcast_to(ramp(tape, WG_F32, WG_SHAPE(2, 1)), WG_SHAPE(2));
    expect_failure(tape, WG_ERROR_SHAPE, "does not broadcast to [2]");
    wg_tape_free(tape);
}

/* All bounds and steps against Python's rule. */
Test(shape, slice_takes_what_python_takes) {
    wg_tape *tape = wg_tape_new();
    const int64_t bounds[] = {WG_END, -9, -5, -4, -1, 0, 1, 3, 4, 5, 9, INT64_MAX};
    const int64_t steps[] = {1, 2, 3, 7, -1, -2, -7, INT64_MAX, INT64_MIN};
    double from[MOST], have[MOST];
    for (size_t a = 0; a < 12; a++) {
        for (size_t b = 0; b < 12; b++) {
            for (size_t s = 0; s < 9; s++) {
                wg_tape_reset(tape);
                wg_var x = ramp(tape, WG_F64, WG_SHAPE(5));
                read_all(x, from);
                const int64_t step = steps[s], low = step > 0 ? 0 : -1, high = step > 0 ? 5 : 4;
                int64_t start = bounds[a], stop = bounds[b];
                wg_var y = wg_slice(x, 0, start, stop, step);
                start = start == WG_END ? (step > 0 ? low : high) : start < 0 ? start + 5 : start;
                stop = stop == WG_END ? (step > 0 ? high : low) : stop < 0 ? stop + 5 : stop;
                start = start < low && bounds[a] != WG_END ? low : start > high ? high : start;
                stop = stop < low ? low : stop > high ? high : stop;
                int64_t n = 0, i = start;
                read_all(y, have);
                while (step > 0 ? i < stop : i > stop) {
                    cr_assert_lt(n, wg_count(y));
                    cr_assert_eq(have[n], from[i], "%zu %zu %zu", a, b, s);
                    n++;
                    if (step > 5 || step < -5) {
                        break;
                    }
                    i += step;
                }
                cr_assert_eq(wg_count(y), n, "%zu %zu %zu", a, b, s);
            }
        }
    }
    wg_tape_free(tape);
}

Test(shape, slice_gradient_and_errors) {
    wg_tape *tape = wg_tape_new();
    wg_var x = ramp(tape, WG_F64, WG_SHAPE(2, 4));
    wg_var y = wg_sum(wg_mul(wg_slice(x, -1, WG_END, WG_END, -2), 3));
    cr_assert_eq(wg_backward(y), WG_OK);
    expect_adjoint(x, (double[]){0, 3, 0, 3, 0, 3, 0, 3}, 0);
    wg_slice(x, 0, 0, 1, 0);
    expect_failure(tape, WG_ERROR_ARGUMENT, "slice: the step is 0");
    wg_slice(ramp(tape, WG_F64, WG_SHAPE(2, 4)), 2, 0, 1, 1);
    expect_failure(tape, WG_ERROR_ARGUMENT, "slice: there is no axis 2 in the shape [2, 4]");
    wg_slice(wg_scalar(tape, 1), 0, 0, 1, 1);
    expect_failure(tape, WG_ERROR_ARGUMENT, "shape []");
    wg_tape_free(tape);
}

Test(shape, concat) {
    wg_tape *tape = wg_tape_new();
    wg_var x = ramp(tape, WG_F32, WG_SHAPE(2, 2)), y = ramp(tape, WG_F64, WG_SHAPE(2, 1));
    wg_var xs[3] = {x, y, wg_transpose(x)};
    double a[MOST], b[MOST];
    read_all(x, a);
    read_all(y, b);
    wg_var z = wg_concat(3, xs, -1);
    expect_shape(z, WG_SHAPE(2, 5));
    cr_assert_eq(wg_view_of(z).dtype, WG_F64);
    expect_values(z, (double[]){a[0], a[1], b[0], a[0], a[2], a[2], a[3], b[1], a[1], a[3]}, 0);
    wg_var ints[2] = {wg_cast(x, WG_U8), wg_cast(x, WG_I64)};
    cr_assert_eq(wg_view_of(wg_concat(2, ints, 0)).dtype, WG_I64);
    wg_var many[100];
    for (int i = 0; i < 100; i++) {
        many[i] = y;
    }
    wg_var all = wg_concat(100, many, 0);
    expect_shape(all, WG_SHAPE(200, 1));
    cr_assert_eq(wg_backward_keep(wg_sum(all)), WG_OK);
    expect_adjoint(y, (double[]){100, 100}, 0);
    wg_concat(2, xs, 0);
    expect_failure(tape, WG_ERROR_SHAPE,
                   "concat: array 1 is [2, 1] and the first is [2, 2]; only axis 0 may differ");
    wg_tape_free(tape);
}

Test(shape, cast_between_all_dtypes) {
    wg_tape *tape = wg_tape_new();
    const double from[] = {0, 1.9, -1.9, 300, NAN, 1e30, -INFINITY, 255};
    wg_var x = wg_constant(tape, WG_F64, WG_SHAPE(8), from);
    expect_values(wg_cast(x, WG_I64), (double[]){0, 1, -1, 300, 0, 0x1p63, -0x1p63, 255}, 0);
    expect_values(wg_cast(x, WG_U8), (double[]){0, 1, 0, 255, 0, 255, 0, 255}, 0);
    expect_values(wg_cast(wg_cast(wg_cast(x, WG_U8), WG_F32), WG_F64),
                  (double[]){0, 1, 0, 255, 0, 255, 0, 255}, 0);
    expect_values(wg_cast(x, WG_F32), from, 1e-7);
    wg_cast(x, (wg_dtype)9);
    expect_failure(tape, WG_ERROR_ARGUMENT, "cast: 9 is no dtype");
    wg_tape_free(tape);
}

Test(shape, contiguous) {
    wg_tape *tape = wg_tape_new();
    wg_var x = ramp(tape, WG_F32, WG_SHAPE(3, 4));
    cr_assert(is_view_of(wg_contiguous(x), x));
    wg_var t = wg_transpose(x), c = wg_contiguous(t);
    wg_view view = wg_view_of(c);
    double values[MOST];
    cr_assert(wg_view_is_contiguous(&view));
    read_all(t, values);
    expect_values(c, values, 0);
    wg_tape_free(tape);
}

Test(shape, plain_numbers_are_on_no_tape) {
    cr_assert(isnan(wg_value(wg_reshape(wg_number(2), WG_SHAPE(1)))));
    cr_assert_not_null(strstr(wg_last_message(), "reshape: no operand is on a tape"));
}
