/* test_sample.c: tokens drawn from logits. */
#include "arrays.h"

#include "wengert.h"

#include <criterion/criterion.h>

enum {
    MANY = 20000
};

/* How often each of five classes is drawn, in a share of MANY. */
static void shares(wg_dtype dtype, wg_sample_options o, double out[5]) {
    static int64_t drawn[MANY];
    wg_tape *tape = wg_tape_new();
    const double p[5] = {0.1, 0.4, 0.05, 0.25, 0.2};
    double logits[5];
    for (int i = 0; i < 5; i++) {
        logits[i] = log(p[i]) + 3;
        out[i] = 0;
    }
    const wg_var row = wg_cast(wg_constant(tape, WG_F64, WG_SHAPE(5), logits), dtype);
    const wg_var rows = wg_broadcast_to(row, WG_SHAPE(MANY / 10, 10, 5));
    const wg_var y = wg_sample_logits(rows, wg_key_new(4), o);
    cr_assert_eq(wg_rank(y), 2);
    cr_assert_eq(wg_read(y, WG_I64, drawn, MANY), WG_OK, "%s", wg_tape_message(tape));
    for (int i = 0; i < MANY; i++) {
        cr_assert(drawn[i] >= 0 && drawn[i] < 5);
        out[drawn[i]] += 1. / MANY;
    }
    wg_tape_free(tape);
}

Test(sample, has_the_shares_it_should) {
    static const struct {
        wg_sample_options options;
        double share[5];
    } cases[] = {
        {{1, 0, 0}, {0.1, 0.4, 0.05, 0.25, 0.2}},
        {{1, 5, 1}, {0.1, 0.4, 0.05, 0.25, 0.2}},
        {{0, 3, 0.5}, {0, 1, 0, 0, 0}},
        {{1, 1, 0}, {0, 1, 0, 0, 0}},
        {{1, 2, 0}, {0, 0.4 / 0.65, 0, 0.25 / 0.65, 0}},
        {{1, 0, 0.6}, {0, 0.4 / 0.65, 0, 0.25 / 0.65, 0}},
        {{1, 0, 0.1}, {0, 1, 0, 0, 0}},
        {{1, 3, 0.7}, {0, 0.4 / 0.65, 0, 0.25 / 0.65, 0}}, /* of 0.85, not of 1 */
        {{0.5, 0, 0}, {0.01 / 0.275, 0.16 / 0.275, 0.0025 / 0.275, 0.0625 / 0.275, 0.04 / 0.275}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double have[5];
        shares(i % 2 == 0 ? WG_F64 : WG_F32, cases[i].options, have);
        for (int k = 0; k < 5; k++) {
            const double p = cases[i].share[k];
            cr_assert_float_eq(have[k], p, 4 * sqrt(p * (1 - p) / MANY) + 1e-9,
                               "case %d, class %d: %g", (int)i, k, have[k]);
        }
    }
}

Test(sample, the_first_of_equals) {
    wg_tape *tape = wg_tape_new();
    const double logits[2][4] = {{1, 3, 3, 2}, {-INFINITY, -INFINITY, -1000, -2000}};
    const wg_var x = wg_constant(tape, WG_F64, WG_SHAPE(2, 4), logits);
    for (int how = 0; how < 3; how++) {
        static const wg_sample_options options[3] = {{0, 0, 0}, {2, 1, 0}, {1, 0, 0.01}};
        int64_t y[2];
        cr_assert_eq(wg_read(wg_sample_logits(x, wg_key_new(7), options[how]), WG_I64, y, 2),
                     WG_OK);
        cr_assert(y[0] == 1 && y[1] == 2);
    }
    wg_tape_free(tape);
}

Test(sample, a_row_draws_by_its_number_and_the_key) {
    wg_tape *tape = wg_tape_new();
    int64_t all[50], some[20], other[50];
    const wg_var x = wg_zeros(tape, WG_F32, WG_SHAPE(50, 100));
    const wg_sample_options o = {.temperature = 1};
    cr_assert_eq(wg_read(wg_sample_logits(x, wg_key_new(7), o), WG_I64, all, 50), WG_OK);
    const wg_var first = wg_narrow(x, 0, 0, 20);
    cr_assert_eq(wg_read(wg_sample_logits(first, wg_key_new(7), o), WG_I64, some, 20), WG_OK);
    cr_assert_eq(wg_read(wg_sample_logits(x, wg_key_new(8), o), WG_I64, other, 50), WG_OK);
    cr_assert_arr_eq(all, some, sizeof some);
    cr_assert_arr_neq(all, other, sizeof all);
    wg_tape_free(tape);
}

Test(sample, refuses) {
    wg_tape *tape = wg_tape_new();
    const wg_key key = wg_key_new(1);
    static const wg_sample_options wrong[] = {{-1, 0, 0}, {NAN, 0, 0},   {INFINITY, 0, 0},
                                              {1, -1, 0}, {1, 0, 1.125}, {1, 0, NAN}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        wg_sample_logits(wg_zeros(tape, WG_F64, WG_SHAPE(3)), key, wrong[i]);
        expect_failure(tape, WG_ERROR_ARGUMENT, "sample_logits: temperature ");
    }
    const wg_sample_options o = {.temperature = 1};
    wg_sample_logits(wg_zeros(tape, WG_F64, WG_SHAPE(3, 0)), key, o);
    expect_failure(tape, WG_ERROR_SHAPE, "sample_logits: the logits [3, 0] have no classes");
    static const double bad[] = {NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 3; i++) {
        wg_sample_logits(wg_full(tape, WG_F64, WG_SHAPE(2, 3), bad[i]), key, o);
        expect_failure(tape, WG_ERROR_ARGUMENT, "the logits of row 0 are no distribution");
    }
    wg_tape_free(tape);
}
