/* Interpolation: what holds whatever the numbers, and errors. (Values and gradients against PyTorch
 * are in tests/golden.) */
#include "arrays.h"

#include "wengert/pool.h"

#define BY(...) ((wg_interpolate_options){__VA_ARGS__})

Test(interpolate, a_constant_stays) {
    wg_tape *tape = wg_tape_new();
    for (int mode = WG_INTERPOLATE_NEAREST; mode <= (int)WG_INTERPOLATE_AREA; mode++) {
        for (int align = 0; align < 2; align++) {
            wg_var x = wg_full(tape, WG_F64, WG_SHAPE(2, 3, 4), 5);
            wg_var y = wg_interpolate2d(
                x, BY(.mode = (wg_interpolation)mode, .size = {7, 2}, .align_corners = align == 1));
            double want[28];
            for (int i = 0; i < 28; i++) {
                want[i] = 5;
            }
            expect_shape(y, WG_SHAPE(2, 7, 2));
            expect_values(y, want, 1e-15);
        }
    }
    wg_tape_free(tape);
}

Test(interpolate, a_line_stays_a_line) {
    wg_tape *tape = wg_tape_new();
    wg_var x = wg_constant(tape, WG_F64, WG_SHAPE(3), (double[]){1, 3, 5});
    wg_interpolate_options o =
        BY(.mode = WG_INTERPOLATE_LINEAR, .size = {5}, .align_corners = true);
    expect_values(wg_interpolate1d(x, o), (double[]){1, 2, 3, 4, 5}, 1e-15);
    o = BY(.mode = WG_INTERPOLATE_LINEAR, .scale = {2});
    expect_values(wg_interpolate1d(x, o), (double[]){1, 1.5, 2.5, 3.5, 4.5, 5}, 1e-15);
    o = BY(.mode = WG_INTERPOLATE_NEAREST, .size = {6});
    expect_values(wg_interpolate1d(x, o), (double[]){1, 1, 3, 3, 5, 5}, 0);
    wg_tape_free(tape);
}

Test(interpolate, the_same_size_changes_nothing) {
    wg_tape *tape = wg_tape_new();
    wg_var x = ramp(tape, WG_F32, WG_SHAPE(2, 3, 4));
    double values[MOST];
    read_all(x, values);
    for (int mode = WG_INTERPOLATE_NEAREST; mode <= (int)WG_INTERPOLATE_AREA; mode++) {
        expect_values(wg_interpolate2d(x, BY(.mode = (wg_interpolation)mode, .size = {3, 4})),
                      values, 0);
        expect_values(wg_interpolate2d(x, BY(.mode = (wg_interpolation)mode, .scale = {1, 1})),
                      values, 0);
    }
    wg_tape_free(tape);
}

Test(interpolate, gradients_are_the_transpose) {
    wg_tape *tape = wg_tape_new();
    for (int mode = WG_INTERPOLATE_NEAREST; mode <= (int)WG_INTERPOLATE_AREA; mode++) {
        wg_var x = ramp(tape, WG_F64, WG_SHAPE(300, 3, 4)), gradient;
        wg_var y = wg_interpolate2d(x, BY(.mode = (wg_interpolation)mode, .size = {2, 6}));
        wg_var total = wg_sum(wg_mul(y, ramp(tape, WG_F64, WG_SHAPE(300, 2, 6))));
        cr_assert_eq(wg_grad(total, &x, 1, &gradient), WG_OK, "%s", wg_tape_message(tape));
        expect_close(wg_value(wg_sum(wg_mul(gradient, x))), wg_value(total), 1e-13, mode);
        wg_tape_reset(tape);
    }
    wg_tape_free(tape);
}

Test(interpolate, errors) {
    wg_tape *tape = wg_tape_new();
    wg_interpolate1d(ramp(tape, WG_F64, WG_SHAPE(4)), BY(.mode = WG_INTERPOLATE_LINEAR));
    expect_failure(tape, WG_ERROR_ARGUMENT, "interpolate: axis 0 needs either a size or a scale");
    wg_interpolate1d(ramp(tape, WG_F64, WG_SHAPE(4)), BY(.size = {2}, .scale = {2}));
    expect_failure(tape, WG_ERROR_ARGUMENT, "axis 0 needs either a size or a scale, not 2 and 2");
    wg_interpolate1d(ramp(tape, WG_F64, WG_SHAPE(4)), BY(.scale = {0.1}));
    expect_failure(tape, WG_ERROR_ARGUMENT, "axis 0: nothing is left of 4 elements");
    wg_interpolate1d(ramp(tape, WG_F64, WG_SHAPE(0)), BY(.size = {3}));
    expect_failure(tape, WG_ERROR_ARGUMENT, "axis 0: 3 results of 0 elements");
    wg_interpolate2d(ramp(tape, WG_F64, WG_SHAPE(3)), BY(.size = {3, 3}));
    expect_failure(tape, WG_ERROR_SHAPE, "interpolate: 2 axes of an array of shape [3]");
    wg_interpolate1d(ramp(tape, WG_F64, WG_SHAPE(3)), BY(.mode = (wg_interpolation)9, .size = {3}));
    expect_failure(tape, WG_ERROR_ARGUMENT, "interpolate: there is no mode 9");
    wg_tape_free(tape);
}
