/* test_position.c: waves and rotations by position. */
#include "arrays.h"

#include "wengert.h"

#include <criterion/criterion.h>

Test(position, waves_are_the_papers) {
    wg_tape *tape = wg_tape_new();
    double have[MOST];
    const wg_var p = wg_sinusoidal(tape, WG_F64, 3, 4, 5);
    expect_shape(p, WG_SHAPE(4, 5));
    read_all(p, have);
    for (int i = 0; i < 4; i++) {
        for (int k = 0; k < 5; k++) {
            const double angle = (3 + i) / pow(10000, (k - k % 2) / 5.);
            expect_close(have[i * 5 + k], k % 2 == 0 ? sin(angle) : cos(angle), 1e-15, k);
        }
    }
    cr_assert_eq(wg_count(wg_sinusoidal(tape, WG_F32, 0, 0, 4)), 0);
    wg_sinusoidal(tape, WG_F32, 0, -1, 4);
    expect_failure(tape, WG_ERROR_ARGUMENT, "sinusoidal: [-1, 4] of f32");
    wg_sinusoidal(tape, WG_I64, 0, 1, 4);
    expect_failure(tape, WG_ERROR_ARGUMENT, "sinusoidal: [1, 4] of i64");
    wg_tape_free(tape);
}

/* Turned by hand, in both pairings. x [2, 3, 2, 4], positions along axis 1. */
Test(position, pairs_are_turned) {
    wg_tape *tape = wg_tape_new();
    double x[MOST], have[MOST];
    for (int halves = 0; halves < 2; halves++) {
        const wg_var in = ramp(tape, WG_F64, WG_SHAPE(2, 3, 2, 4));
        const wg_rotary_options o = {.first = 5, .base = 100, .halves = halves == 1};
        read_all(in, x);
        read_all(wg_rotary(in, 1, o), have);
        for (int row = 0; row < 12; row++) {
            for (int j = 0; j < 2; j++) {
                const double angle = (5 + row / 2 % 3) * pow(100, -2 * j / 4.);
                const int a = row * 4 + (halves ? j : 2 * j), b = a + (halves ? 2 : 1);
                expect_close(have[a], x[a] * cos(angle) - x[b] * sin(angle), 1e-14, a);
                expect_close(have[b], x[a] * sin(angle) + x[b] * cos(angle), 1e-14, b);
            }
        }
    }
    wg_tape_free(tape);
}

/* Products depend on the distance alone. */
Test(position, products_see_the_distance) {
    wg_tape *tape = wg_tape_new();
    double near[MOST], far[MOST];
    for (int i = 0; i < 2; i++) {
        const wg_rotary_options o = {.first = i == 0 ? 0 : 1000};
        const wg_var q = wg_rotary(ramp(tape, WG_F64, WG_SHAPE(3, 8)), 0, o);
        const wg_var k = wg_rotary(wg_sin(ramp(tape, WG_F64, WG_SHAPE(3, 8))), -2, o);
        read_all(wg_matmul(q, wg_transpose(k)), i == 0 ? near : far);
    }
    for (int i = 0; i < 9; i++) {
        expect_close(far[i], near[i], 1e-12, i);
    }
    wg_tape_free(tape);
}

Test(position, masks_of_lengths) {
    wg_tape *tape = wg_tape_new();
    const int64_t lengths[3] = {2, 0, 5};
    const wg_var mask = wg_length_mask(wg_constant(tape, WG_I64, WG_SHAPE(3, 1), lengths), 4);
    expect_shape(mask, WG_SHAPE(3, 1, 4));
    cr_assert_eq(wg_view_of(mask).dtype, WG_U8);
    expect_values(mask, (double[]){1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1}, 0);
    cr_assert_eq(wg_count(wg_length_mask(wg_constant(tape, WG_I64, WG_SHAPE(3), lengths), 0)), 0);
    wg_tape_free(tape);
}

Test(position, refuses) {
    wg_tape *tape = wg_tape_new();
    wg_length_mask(ramp(tape, WG_F64, WG_SHAPE(3)), 4);
    expect_failure(tape, WG_ERROR_DTYPE, "length_mask: x [3] is no array of integers");
    wg_length_mask(wg_constant(tape, WG_I64, WG_SHAPE(3), NULL), -1);
    expect_failure(tape, WG_ERROR_LIMIT, "[-1]");
    wg_rotary(ramp(tape, WG_F64, WG_SHAPE(3, 5)), 0, (wg_rotary_options){0});
    expect_failure(tape, WG_ERROR_SHAPE, "rotary: x is [3, 5]: pairs of the last axis");
    wg_rotary(ramp(tape, WG_F64, WG_SHAPE(3, 4)), 1, (wg_rotary_options){0});
    expect_failure(tape, WG_ERROR_SHAPE, "along axis 1");
    wg_rotary(ramp(tape, WG_F64, WG_SHAPE(3, 4)), 2, (wg_rotary_options){0});
    expect_failure(tape, WG_ERROR_ARGUMENT, "rotary: there is no axis 2");
    wg_rotary(ramp(tape, WG_F64, WG_SHAPE(3, 4)), 0, (wg_rotary_options){.base = -1});
    expect_failure(tape, WG_ERROR_ARGUMENT, "rotary: the base is -1");
    wg_tape_free(tape);
}
