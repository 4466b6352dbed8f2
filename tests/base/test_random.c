/* test_random.c: the generator against its published vectors, and the distributions against what
 * they promise. Seeds are fixed: a bound that holds once holds always. */
#include "wengert/random.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MANY 200000

/* Random123 1.14, tests/kat_vectors: the "philox4x32 10" lines whose upper counter words are 0,
 * which the public counter reaches; the others are tested where the counter is built (below). */
Test(random, philox_known_answer) {
    uint32_t out[4];
    wg_random_bits((wg_key){{0, 0}}, 0, out);
    const uint32_t expected[4] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
    cr_assert_arr_eq(out, expected, sizeof out);
}

/* Ten rounds written out from the paper, over all 128 bits of the counter: checked against the
 * three published vectors, then the library against it. */
static void reference(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
    uint32_t c[4], k[2] = {key[0], key[1]};
    memcpy(c, counter, sizeof c);
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)c[0] * 0xD2511F53u, p1 = (uint64_t)c[2] * 0xCD9E8D57u;
        uint32_t next[4] = {(uint32_t)(p1 >> 32) ^ c[1] ^ k[0], (uint32_t)p1,
                            (uint32_t)(p0 >> 32) ^ c[3] ^ k[1], (uint32_t)p0};
        memcpy(c, next, sizeof c);
        k[0] += 0x9E3779B9u;
        k[1] += 0xBB67AE85u;
    }
    memcpy(out, c, sizeof c);
}

Test(random, reference_matches_published_vectors) {
    static const uint32_t rows[3][10] = {
        {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
        {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d,
         0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
        {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09,
         0x94fdcceb, 0x5001e420, 0x24126ea1},
    };
    for (int i = 0; i < 3; i++) {
        uint32_t out[4];
        reference(rows[i], rows[i] + 4, out);
        cr_assert_arr_eq(out, rows[i] + 6, sizeof out, "vector %d", i);
    }
}

Test(random, bits_match_reference) {
    for (uint32_t i = 0; i < 1000; i++) {
        uint64_t counter = 0x9E3779B97F4A7C15u * (i + 1);
        uint32_t key[2] = {i * 0x85EBCA6Bu, ~i};
        uint32_t words[4] = {(uint32_t)counter, (uint32_t)(counter >> 32), 0, 0};
        uint32_t expected[4], out[4];
        reference(words, key, expected);
        wg_random_bits((wg_key){{key[0], key[1]}}, counter, out);
        cr_assert_arr_eq(out, expected, sizeof out);
    }
}

static bool same_key(wg_key a, wg_key b) {
    return a.word[0] == b.word[0] && a.word[1] == b.word[1];
}

Test(random, keys_differ) {
    wg_key key = wg_key_new(7);
    cr_assert(same_key(key, wg_key_new(7)));
    cr_assert(!same_key(key, wg_key_new(8)));
    cr_assert(!same_key(wg_key_new(1), wg_key_new((uint64_t)1 << 32)));
    cr_assert(!same_key(wg_key_fold(key, 0), key));
    cr_assert(!same_key(wg_key_fold(key, 0), wg_key_fold(key, 1)));
    static const char *const names[] = {
        "",         "a",         "b",        "ab",        "fc1.weight",
        "fc1.bias", "fc1.weigh", "12345678", "123456781", "1234567",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        cr_assert(same_key(wg_key_name(key, names[i]), wg_key_name(key, names[i])));
        cr_assert(!same_key(wg_key_name(key, names[i]), key));
        for (size_t k = 0; k < i; k++) {
            cr_assert(!same_key(wg_key_name(key, names[i]), wg_key_name(key, names[k])), "%s %s",
                      names[i], names[k]);
        }
    }
    cr_assert(same_key(wg_key_name(key, NULL), wg_key_name(key, "")));
}

/* An element depends on its index alone, wherever the draw starts and ends. */
Test(random, elements_do_not_depend_on_neighbours) {
    wg_key key = wg_key_new(3);
    double uniform[64], normal[64], part[64];
    float uniform_f32[64], normal_f32[64], part_f32[64];
    wg_random_uniform(key, 100, 64, -1.0, 1.0, uniform);
    wg_random_normal(key, 100, 64, 2.0, 3.0, normal);
    wg_random_uniform_f32(key, 100, 64, -1.0f, 1.0f, uniform_f32);
    wg_random_normal_f32(key, 100, 64, 2.0f, 3.0f, normal_f32);
    for (size_t first = 0; first < 64; first++) {
        size_t n = (64 - first) < 5 ? 64 - first : 5;
        wg_random_uniform(key, 100 + first, n, -1.0, 1.0, part);
        cr_assert_arr_eq(part, uniform + first, n * sizeof *part);
        wg_random_normal(key, 100 + first, n, 2.0, 3.0, part);
        cr_assert_arr_eq(part, normal + first, n * sizeof *part);
        wg_random_uniform_f32(key, 100 + first, n, -1.0f, 1.0f, part_f32);
        cr_assert_arr_eq(part_f32, uniform_f32 + first, n * sizeof *part_f32);
        wg_random_normal_f32(key, 100 + first, n, 2.0f, 3.0f, part_f32);
        cr_assert_arr_eq(part_f32, normal_f32 + first, n * sizeof *part_f32);
    }
}

/* Mean and variance within five standard errors; 100 bins within chi-square's bounds for 99 degrees
 * of freedom (99 +- 5 sqrt(198)). */
Test(random, uniform_is_uniform) {
    double *x = malloc(MANY * sizeof *x);
    wg_random_uniform(wg_key_new(11), 0, MANY, 0.0, 1.0, x);
    double sum = 0.0, square = 0.0, serial = 0.0, chi = 0.0;
    int bins[100] = {0};
    for (int i = 0; i < MANY; i++) {
        cr_assert(x[i] >= 0.0 && x[i] < 1.0);
        sum += x[i];
        square += (x[i] - 0.5) * (x[i] - 0.5);
        serial += i > 0 ? (x[i] - 0.5) * (x[i - 1] - 0.5) : 0.0;
        bins[(int)(100.0 * x[i])]++;
    }
    for (int i = 0; i < 100; i++) {
        double gap = bins[i] - MANY / 100.0;
        chi += gap * gap / (MANY / 100.0);
    }
    cr_assert_float_eq(sum / MANY, 0.5, 5.0 * 0.2887 / sqrt(MANY));
    cr_assert_float_eq(square / MANY, 1.0 / 12.0, 5.0 * 0.0745 / sqrt(MANY));
    cr_assert_float_eq(serial / MANY, 0.0, 5.0 * 0.0833 / sqrt(MANY));
    cr_assert(chi > 29.0 && chi < 169.0, "chi-square %g", chi);
    free(x);
}

Test(random, normal_is_normal) {
    double *x = malloc(MANY * sizeof *x);
    wg_random_normal(wg_key_new(12), 0, MANY, 0.0, 1.0, x);
    double moment[5] = {0.0}, serial = 0.0;
    int inside = 0;
    for (int i = 0; i < MANY; i++) {
        cr_assert(isfinite(x[i]) && fabs(x[i]) < 8.6);
        for (int power = 1; power <= 4; power++) {
            moment[power] += pow(x[i], power) / MANY;
        }
        serial += i > 0 ? x[i] * x[i - 1] / MANY : 0.0;
        inside += fabs(x[i]) < 1.0 ? 1 : 0;
    }
    cr_assert_float_eq(moment[1], 0.0, 5.0 / sqrt(MANY));
    cr_assert_float_eq(moment[2], 1.0, 5.0 * sqrt(2.0 / MANY));
    cr_assert_float_eq(moment[3], 0.0, 5.0 * sqrt(15.0 / MANY));
    cr_assert_float_eq(moment[4], 3.0, 5.0 * sqrt(96.0 / MANY));
    cr_assert_float_eq(serial, 0.0, 5.0 / sqrt(MANY));
    cr_assert_float_eq((double)inside / MANY, 0.682689, 5.0 * 0.4655 / sqrt(MANY));
    free(x);
}

Test(random, normal_scales) {
    double standard[9], scaled[9];
    float narrow[9];
    wg_random_normal(wg_key_new(5), 40, 9, 0.0, 1.0, standard);
    wg_random_normal(wg_key_new(5), 40, 9, 10.0, 0.5, scaled);
    wg_random_normal_f32(wg_key_new(5), 40, 9, 10.0f, 0.5f, narrow);
    for (int i = 0; i < 9; i++) {
        cr_assert(scaled[i] == 10.0 + 0.5 * standard[i]);
        cr_assert(narrow[i] == (float)scaled[i]);
    }
}

/* f32 has 24 bits: one draw in 2^25 would round up to `high`. A range one step wide meets it often.
 */
Test(random, uniform_stays_below_high) {
    float x[1000];
    double y[1000];
    float high = nextafterf(1.0f, 2.0f);
    wg_random_uniform_f32(wg_key_new(1), 0, 1000, 1.0f, high, x);
    wg_random_uniform(wg_key_new(1), 0, 1000, 1.0, nextafter(1.0, 2.0), y);
    for (int i = 0; i < 1000; i++) {
        cr_assert(x[i] == 1.0f);
        cr_assert(y[i] == 1.0);
    }
    wg_random_uniform(wg_key_new(1), 0, 1000, -1.7e308, 1.7e308, y);
    for (int i = 0; i < 1000; i++) {
        cr_assert(y[i] >= -1.7e308 && y[i] < 1.7e308);
    }
    wg_random_uniform(wg_key_new(1), 0, 3, 4.0, 4.0, y);
    cr_assert(y[0] == 4.0 && y[1] == 4.0 && y[2] == 4.0);
}

Test(random, below_is_fair) {
    wg_key key = wg_key_new(21);
    int bins[7] = {0};
    for (uint64_t i = 0; i < 70000; i++) {
        uint64_t draw = wg_random_below(key, i, 7);
        cr_assert(draw < 7);
        bins[draw]++;
    }
    double chi = 0.0;
    for (int i = 0; i < 7; i++) {
        chi += (bins[i] - 10000.0) * (bins[i] - 10000.0) / 10000.0;
    }
    cr_assert(chi < 6.0 + 5.0 * sqrt(12.0), "chi-square %g", chi);
    cr_assert_eq(wg_random_below(key, 1, 0), 0);
    cr_assert_eq(wg_random_below(key, 1, 1), 0);
    /* Three quarters of 2^64: without rejection the lower third would be drawn twice as often. */
    uint64_t bound = (uint64_t)3 << 62;
    int lower = 0;
    for (uint64_t i = 0; i < 30000; i++) {
        uint64_t draw = wg_random_below(key, i, bound);
        cr_assert(draw < bound);
        lower += draw < (uint64_t)1 << 62 ? 1 : 0;
    }
    cr_assert_float_eq(lower / 30000.0, 1.0 / 3.0, 5.0 * 0.4714 / sqrt(30000.0));
}

Test(random, permutation_is_fair) {
    int64_t order[1000];
    bool seen[1000] = {false};
    wg_random_permutation(wg_key_new(31), 1000, order);
    int fixed = 0;
    for (int i = 0; i < 1000; i++) {
        cr_assert(order[i] >= 0 && order[i] < 1000 && !seen[order[i]]);
        seen[order[i]] = true;
        fixed += order[i] == i ? 1 : 0;
    }
    cr_assert(fixed < 10);
    int counts[6] = {0}; /* all orders of three */
    for (uint64_t seed = 0; seed < 12000; seed++) {
        wg_random_permutation(wg_key_new(seed), 3, order);
        counts[2 * order[0] + (order[1] > order[2] ? 1 : 0)]++;
    }
    double chi = 0.0;
    for (int i = 0; i < 6; i++) {
        chi += (counts[i] - 2000.0) * (counts[i] - 2000.0) / 2000.0;
    }
    cr_assert(chi < 5.0 + 5.0 * sqrt(10.0), "chi-square %g", chi);
    order[0] = 77;
    wg_random_permutation(wg_key_new(1), 0, order);
    wg_random_permutation(wg_key_new(1), -5, order);
    cr_assert_eq(order[0], 77);
}

/* The numbers are part of the contract: a run reproduces under a later version. */
Test(random, numbers_stay) {
    double u[2];
    wg_random_uniform(wg_key_name(wg_key_new(2024), "fc1.weight"), 0, 2, 0.0, 1.0, u);
    cr_expect(u[0] == 0x1.f85c2701f9a05p-1 && u[1] == 0x1.460ea6dd70ef6p-2, "%.17g %.17g", u[0],
              u[1]);
    cr_expect_eq(wg_random_below(wg_key_new(2024), 5, 1000), 92, "%d",
                 (int)wg_random_below(wg_key_new(2024), 5, 1000));
}
