/* test_bf16.c: bf16 as storage, in products, and where operations do not take it. */
#include "arrays.h"

#include "wengert.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static float bits_of(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

Test(bf16, rounds_to_the_nearest_and_ties_to_even) {
    cr_assert_eq(wg_bf16_from_f32(1.0f).bits, 0x3f80);
    cr_assert_eq(wg_bf16_from_f32(bits_of(0x3f808000)).bits, 0x3f80); /* a tie, down to even */
    cr_assert_eq(wg_bf16_from_f32(bits_of(0x3f818000)).bits, 0x3f82); /* a tie, up to even */
    cr_assert_eq(wg_bf16_from_f32(bits_of(0x3f808001)).bits, 0x3f81);
    cr_assert_eq(wg_bf16_from_f32(INFINITY).bits, 0x7f80);
    cr_assert_eq(wg_bf16_from_f32(3.4e38f).bits, 0x7f80); /* beyond the greatest */
    cr_assert(isnan(wg_bf16_to_f32(wg_bf16_from_f32(bits_of(0x7f800001)))));
    for (uint32_t bits = 0; bits < 0x10000; bits++) { /* there and back */
        const wg_bf16 x = {(uint16_t)bits};
        const float value = wg_bf16_to_f32(x);
        cr_assert(isnan(value) || wg_bf16_from_f32(value).bits == bits);
    }
}

/* What a bf16 holds of x. */
static double narrow(double x) {
    return (double)wg_bf16_to_f32(wg_bf16_from_f32((float)x));
}

Test(bf16, casts_and_views_keep_it) {
    wg_tape *tape = wg_tape_new();
    const wg_var x = ramp(tape, WG_F32, WG_SHAPE(3, 4));
    const wg_var y = wg_slice(wg_transpose(wg_cast(x, WG_BF16)), 0, 1, 3, 1);
    cr_assert_eq(wg_view_of(y).dtype, WG_BF16);
    double have[MOST];
    (void)read_all(wg_contiguous(y), have);
    for (int i = 0; i < 6; i++) {
        cr_assert_eq(have[i], narrow((double)(float)ramp_value(i % 3 * 4 + 1 + i / 3)));
    }
    cr_assert_eq(wg_view_of(wg_exp(y)).dtype, WG_F32);
    cr_assert_eq(wg_view_of(wg_sum(y)).dtype, WG_F32);
    cr_assert_eq(wg_view_of(wg_mul(y, wg_cast(y, WG_F64))).dtype, WG_F64);
    cr_assert_eq(wg_tape_status(tape), WG_OK, "%s", wg_tape_message(tape));
    wg_tape_free(tape);
}

/* A sum of many small parts, which bf16 alone would lose. */
Test(bf16, gradients_are_summed_in_f32) {
    wg_tape *tape = wg_tape_new();
    const wg_bf16 one = wg_bf16_from_f32(1);
    const wg_var x = wg_variable(tape, WG_BF16, WG_SHAPE(1), &one);
    wg_var total = wg_number(0);
    for (int i = 0; i < 1000; i++) {
        total = wg_add(total, wg_mul(x, 1.001));
    }
    cr_assert_eq(wg_backward(wg_sum(total)), WG_OK, "%s", wg_tape_message(tape));
    double g;
    cr_assert_eq(wg_read_adjoint(x, WG_F64, &g, 1), WG_OK);
    cr_assert(fabs(g - 1001) < 0.01, "%g", g);
    wg_tape_free(tape);
}

/* Products of bf16 against those of the same numbers in f64: values, both gradients. */
static void check_product(int64_t batch, int64_t m, int64_t n, int64_t k) {
    wg_tape *tape = wg_tape_new();
    wg_var x[2], y[2], g[2][2];
    for (int wide = 0; wide < 2; wide++) {
        const int64_t left[] = {batch, m, k}, right[] = {k, n};
        const wg_key key = wg_key_new(5);
        static double values[2][1 << 16];
        wg_random_uniform(wg_key_fold(key, 0), 0, (size_t)(batch * m * k), -1, 1, values[0]);
        wg_random_uniform(wg_key_fold(key, 1), 0, (size_t)(k * n), -1, 1, values[1]);
        for (int64_t i = 0; i < batch * m * k; i++) {
            values[0][i] = narrow(values[0][i]);
        }
        for (int64_t i = 0; i < k * n; i++) {
            values[1][i] = narrow(values[1][i]);
        }
        x[0] = wg_variable(tape, WG_F64, 3, left, values[0]);
        x[1] = wg_variable(tape, WG_F64, 2, right, values[1]);
        const wg_dtype dtype = wide ? WG_F64 : WG_BF16;
        y[wide] = wg_matmul(wg_cast(x[0], dtype), wg_cast(x[1], dtype));
        (void)wg_grad(wg_sum(wg_mul(y[wide], 0.5)), x, 2, g[wide]); /* (0.5 is exact in bf16) */
    }
    cr_assert_eq(wg_view_of(y[0]).dtype, WG_F32);
    cr_assert_eq(wg_tape_status(tape), WG_OK, "%s", wg_tape_message(tape));
    const wg_var have[] = {y[0], g[0][0], g[0][1]}, want[] = {y[1], g[1][0], g[1][1]};
    const double terms[] = {(double)k, (double)n, (double)(m * batch)};
    for (int i = 0; i < 3; i++) {
        const wg_var error = wg_amax(wg_abs(wg_sub(wg_cast(have[i], WG_F64), want[i])));
        cr_assert(wg_value(error) <= 1e-6 * terms[i], "[%lld, %lld, %lld] x [%lld, %lld]: %g in %d",
                  (long long)batch, (long long)m, (long long)k, (long long)k, (long long)n,
                  wg_value(error), i);
    }
    wg_tape_free(tape);
}

Test(bf16, products_accumulate_in_f32) {
    check_product(1, 1, 1, 1);
    check_product(1, 14, 32, 2);
    check_product(2, 15, 33, 3);
    check_product(1, 29, 17, 1031);
    check_product(3, 5, 70, 64);
    check_product(1, 1, 100, 513);
    check_product(1, 130, 140, 7);
}

Test(bf16, products_with_other_types_and_of_nothing) {
    wg_tape *tape = wg_tape_new();
    const wg_var x = wg_cast(ramp(tape, WG_F32, WG_SHAPE(2, 3)), WG_BF16);
    cr_assert_eq(wg_view_of(wg_matmul(x, ramp(tape, WG_F32, WG_SHAPE(3, 2)))).dtype, WG_F32);
    cr_assert_eq(wg_view_of(wg_matmul(x, ramp(tape, WG_F64, WG_SHAPE(3, 2)))).dtype, WG_F64);
    const wg_var none = wg_constant(tape, WG_BF16, WG_SHAPE(3, 0), NULL);
    const wg_var sum = wg_matmul(none, wg_constant(tape, WG_BF16, WG_SHAPE(0, 2), NULL));
    expect_values(sum, (const double[6]){0}, 0);
    cr_assert_eq(wg_tape_status(tape), WG_OK, "%s", wg_tape_message(tape));
    wg_tape_free(tape);
}
