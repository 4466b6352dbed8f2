/* Pooling, windows and tables: edges and errors. (Values and gradients against PyTorch are in
 * tests/golden.) */
#include "arrays.h"

#include "wengert/embed.h"
#include "wengert/pool.h"
#include "wengert/random.h"

#define POOL(...) ((wg_pool_options){__VA_ARGS__})

/* The greatest of each window of a [planes, h, w] array, by the definition. */
static void naive_max(const double *x, int64_t planes, const int64_t *in, const int64_t *out,
                      const int64_t *kernel, const int64_t *stride, const int64_t *padding,
                      double *to, int64_t *from) {
    for (int64_t i = 0; i < planes * out[0] * out[1]; i++) {
        const int64_t plane = i / (out[0] * out[1]), o = i % (out[0] * out[1]);
        double best = -INFINITY;
        for (int64_t k = 0; k < kernel[0] * kernel[1]; k++) {
            const int64_t y = o / out[1] * stride[0] - padding[0] + k / kernel[1];
            const int64_t z = o % out[1] * stride[1] - padding[1] + k % kernel[1];
            const int64_t at = (plane * in[0] + y) * in[1] + z;
            if (y >= 0 && y < in[0] && z >= 0 && z < in[1] && x[at] > best) {
                best = x[at];
                from[i] = at;
            }
        }
        to[i] = best;
    }
}

Test(pool, every_path_of_max_pool) {
    /* Windows 2x2, others, wide rows of more than a strip, and more places than a byte holds. */
    static const struct {
        int64_t in[2], kernel[2], stride[2], padding[2];
    } rows[] = {{{4, 6}, {2, 2}, {2, 2}, {0, 0}},   {{5, 7}, {2, 2}, {2, 2}, {0, 0}},
                {{3, 600}, {2, 2}, {2, 2}, {0, 0}}, {{2, 600}, {2, 3}, {1, 2}, {1, 1}},
                {{7, 9}, {3, 3}, {2, 2}, {1, 1}},   {{18, 20}, {17, 17}, {1, 3}, {8, 8}},
                {{6, 6}, {2, 2}, {2, 2}, {1, 1}},   {{1, 300}, {1, 299}, {1, 1}, {0, 100}},
                {{40, 40}, {2, 2}, {1, 1}, {0, 0}}};
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        for (int dtype = WG_F32; dtype <= (int)WG_F64; dtype++) {
            wg_tape *tape = wg_tape_new();
            double x[MOST], want[MOST], slope[MOST] = {0};
            int64_t out[2], from[MOST];
            const int64_t count = 2 * rows[r].in[0] * rows[r].in[1];
            wg_random_uniform(wg_key_new((uint64_t)r), 0, (size_t)count, -1, 1, x);
            for (int i = 0; i < 2; i++) {
                out[i] = (rows[r].in[i] + 2 * rows[r].padding[i] - rows[r].kernel[i]) /
                             rows[r].stride[i] +
                         1;
            }
            for (int64_t i = 0; i < count; i++) {
                x[i] = (double)(float)x[i];
            }
            naive_max(x, 2, rows[r].in, out, rows[r].kernel, rows[r].stride, rows[r].padding, want,
                      from);
            wg_var leaf = wg_variable(tape, WG_F64, WG_SHAPE(2, rows[r].in[0], rows[r].in[1]), x);
            wg_var y = wg_max_pool2d(wg_cast(leaf, (wg_dtype)dtype),
                                     POOL(.kernel = {rows[r].kernel[0], rows[r].kernel[1]},
                                          .stride = {rows[r].stride[0], rows[r].stride[1]},
                                          .padding = {rows[r].padding[0], rows[r].padding[1]}));
            expect_shape(y, WG_SHAPE(2, out[0], out[1]));
            expect_values(y, want, 0);
            for (int64_t i = 0; i < 2 * out[0] * out[1]; i++) {
                slope[from[i]] += (double)(i % 8);
            }
            for (int64_t i = 0; i < 2 * out[0] * out[1]; i++) {
                want[i] = (double)(i % 8);
            }
            wg_var seed = wg_constant(tape, WG_F64, WG_SHAPE(2, out[0], out[1]), want);
            cr_assert_eq(wg_backward(wg_sum(wg_mul(seed, y))), WG_OK, "%s", wg_tape_message(tape));
            expect_adjoint(leaf, slope, 0);
            wg_tape_free(tape);
        }
    }
}

Test(pool, equals_go_to_the_first_and_nan_wins) {
    wg_tape *tape = wg_tape_new();
    wg_var x = wg_variable(tape, WG_F64, WG_SHAPE(2, 4), (double[]){1, 1, NAN, 2, 1, 1, 3, 0});
    wg_var y = wg_max_pool2d(x, POOL(.kernel = {2}));
    expect_values(y, (double[]){1, NAN}, 0);
    cr_assert_eq(wg_backward(wg_sum(wg_slice(y, 1, 0, 1, 1))), WG_OK);
    expect_adjoint(x, (double[]){1, 0, 0, 0, 0, 0, 0, 0}, 0);
    wg_tape_reset(tape);
    x = wg_variable(tape, WG_F32, WG_SHAPE(3), (float[]){-INFINITY, -INFINITY, -INFINITY});
    y = wg_max_pool1d(x, POOL(.kernel = {3}, .padding = {1}));
    expect_values(y, (double[]){-INFINITY}, 0);
    cr_assert_eq(wg_backward(wg_sum(y)), WG_OK);
    expect_adjoint(x, (double[]){1, 0, 0}, 0);
    wg_tape_free(tape);
}

/* The blocks that a row of windows 2x2 goes by, with equals and NaN in every place of them. */
Test(pool, rows_of_two_by_two_of_every_length) {
    for (int64_t n = 1; n <= 40; n++) {
        for (int dtype = WG_F32; dtype <= (int)WG_F64; dtype++) {
            wg_tape *tape = wg_tape_new();
            double x[4 * 40 + 2], want[40], slope[4 * 40 + 2] = {0};
            const int64_t wide = 2 * n + n % 2; /* every other one has a column in no window */
            wg_random_uniform(wg_key_new((uint64_t)n), 0, (size_t)(2 * wide), 0, 4, x);
            for (int64_t i = 0; i < 2 * wide; i++) {
                x[i] = x[i] > 3.7 ? NAN : floor(x[i]);
            }
            for (int64_t j = 0; j < n; j++) {
                const int64_t at[4] = {2 * j, 2 * j + 1, wide + 2 * j, wide + 2 * j + 1};
                int64_t best = at[0];
                for (int k = 1; k < 4; k++) { /* of several NaN the last wins, as in PyTorch */
                    best = x[at[k]] > x[best] || isnan(x[at[k]]) ? at[k] : best;
                }
                want[j] = x[best];
                slope[best] = 1;
            }
            wg_var leaf = wg_variable(tape, WG_F64, WG_SHAPE(2, wide), x);
            wg_var y = wg_max_pool2d(wg_cast(leaf, (wg_dtype)dtype), POOL(.kernel = {2}));
            expect_values(y, want, 0);
            cr_assert_eq(wg_backward(wg_sum(y)), WG_OK, "%s", wg_tape_message(tape));
            expect_adjoint(leaf, slope, 0);
            wg_tape_free(tape);
        }
    }
}

Test(pool, averages_of_a_constant) {
    wg_tape *tape = wg_tape_new();
    wg_var x = wg_full(tape, WG_F32, WG_SHAPE(2, 5, 6, 7), 3);
    double ones[MOST];
    for (int i = 0; i < MOST; i++) {
        ones[i] = 3;
    }
    wg_pool_options o = POOL(.kernel = {3, 2, 4}, .stride = {2}, .padding = {1, 1, 2},
                             .exclude_padding = true, .ceil_mode = true);
    expect_values(wg_avg_pool3d(x, o), ones, 2e-7);
    expect_values(wg_adaptive_avg_pool(x, WG_SHAPE(2, 4)), ones, 2e-7);
    expect_values(wg_global_avg_pool(x, 3), ones, 2e-7);
    expect_shape(wg_global_avg_pool(x, 3), WG_SHAPE(2, 1, 1, 1));
    expect_shape(wg_global_max_pool(x, 2), WG_SHAPE(2, 5, 1, 1));
    expect_values(wg_global_max_pool(x, 2), ones, 0);
    wg_tape_free(tape);
}

Test(pool, adaptive_windows_of_a_whole_factor_are_plain_ones) {
    wg_tape *tape = wg_tape_new();
    wg_var x = ramp(tape, WG_F64, WG_SHAPE(2, 6, 8));
    double values[MOST];
    read_all(wg_avg_pool2d(x, POOL(.kernel = {2, 4})), values);
    expect_values(wg_adaptive_avg_pool(x, WG_SHAPE(3, 2)), values, 1e-15);
    read_all(wg_max_pool2d(x, POOL(.kernel = {2, 4})), values);
    expect_values(wg_adaptive_max_pool(x, WG_SHAPE(3, 2)), values, 0);
    wg_tape_free(tape);
}

Test(pool, ranks_and_empty_arrays) {
    wg_tape *tape = wg_tape_new();
    const int64_t eight[] = {1, 2, 1, 1, 2, 1, 4, 4};
    wg_var x = ramp(tape, WG_F64, 8, eight);
    cr_assert_eq(wg_rank(wg_max_pool2d(x, POOL(.kernel = {2}))), 8);
    cr_assert_eq(wg_rank(wg_avg_pool2d(x, POOL(.kernel = {2}))), 8);
    wg_var none = wg_max_pool2d(ramp(tape, WG_F32, WG_SHAPE(0, 4, 4)), POOL(.kernel = {2}));
    expect_shape(none, WG_SHAPE(0, 2, 2));
    expect_shape(wg_avg_pool2d(ramp(tape, WG_F32, WG_SHAPE(0, 4, 4)), POOL(.kernel = {2})),
                 WG_SHAPE(0, 2, 2));
    wg_var alone = wg_max_pool1d(ramp(tape, WG_F32, WG_SHAPE(5)), POOL(.kernel = {2}));
    expect_shape(alone, WG_SHAPE(2));
    wg_tape_free(tape);
}

Test(pool, errors) {
    wg_tape *tape = wg_tape_new();
    wg_max_pool2d(ramp(tape, WG_F64, WG_SHAPE(4)), POOL(.kernel = {2}));
    expect_failure(tape, WG_ERROR_SHAPE, "max_pool: 2 axes of an array of shape [4]");
    wg_max_pool1d(wg_scalar(tape, 1), POOL(.kernel = {2}));
    expect_failure(tape, WG_ERROR_SHAPE, "max_pool: 1 axes of an array of shape []");
    wg_max_pool1d(ramp(tape, WG_F64, WG_SHAPE(4)), POOL(.stride = {2}));
    expect_failure(tape, WG_ERROR_ARGUMENT, "max_pool: axis 0: kernel 0, stride 2");
    wg_avg_pool1d(ramp(tape, WG_F64, WG_SHAPE(4)), POOL(.kernel = {3}, .padding = {2}));
    expect_failure(tape, WG_ERROR_ARGUMENT, "padding 2 (at most half the kernel)");
    wg_avg_pool1d(ramp(tape, WG_F64, WG_SHAPE(4)), POOL(.kernel = {2}, .dilation = {2}));
    expect_failure(tape, WG_ERROR_ARGUMENT, "avg_pool: dilation is for max_pool");
    wg_max_pool2d(ramp(tape, WG_F64, WG_SHAPE(4, 2)), POOL(.kernel = {3}));
    expect_failure(tape, WG_ERROR_SHAPE, "axis 1: no window of 3 fits into 2 elements");
    wg_adaptive_avg_pool(ramp(tape, WG_F64, WG_SHAPE(4)), WG_SHAPE(-1));
    expect_failure(tape, WG_ERROR_ARGUMENT, "adaptive_avg_pool: axis 0: -1 results");
    wg_adaptive_max_pool(ramp(tape, WG_F64, WG_SHAPE(2, 0)), WG_SHAPE(2));
    expect_failure(tape, WG_ERROR_ARGUMENT, "adaptive_max_pool: axis 0: 2 results of 0 elements");
    wg_lp_pool1d(ramp(tape, WG_F64, WG_SHAPE(4)), 0, POOL(.kernel = {2}));
    expect_failure(tape, WG_ERROR_ARGUMENT, "lp_pool: p is 0");
    wg_lp_pool1d(ramp(tape, WG_F64, WG_SHAPE(4)), 2, POOL(.kernel = {2}, .padding = {1}));
    expect_failure(tape, WG_ERROR_ARGUMENT, "lp_pool: it has neither padding nor divisor");
    wg_tape_free(tape);
}

/* ---- Windows ------------------------------------------------------------------------------- */

Test(unfold, is_a_view_and_its_gradient_counts) {
    wg_tape *tape = wg_tape_new();
    wg_var x = ramp(tape, WG_F64, WG_SHAPE(2, 6));
    wg_var y = wg_unfold(x, 1, 3, 2);
    expect_shape(y, WG_SHAPE(2, 2, 3));
    cr_assert_eq(wg_view_of(y).data, wg_view_of(x).data);
    cr_assert_eq(wg_backward(wg_sum(y)), WG_OK);
    expect_adjoint(x, (double[]){1, 1, 2, 1, 1, 0, 1, 1, 2, 1, 1, 0}, 0);
    wg_tape_reset(tape);
    wg_unfold(ramp(tape, WG_F64, WG_SHAPE(4)), 0, 5, 1);
    expect_failure(tape, WG_ERROR_ARGUMENT, "unfold: windows of 5, 1 apart, of 4 elements");
    wg_unfold(ramp(tape, WG_F64, WG_SHAPE(4)), 0, 2, 0);
    expect_failure(tape, WG_ERROR_ARGUMENT, "unfold: windows of 2, 0 apart");
    wg_unfold(ramp(tape, WG_F64, WG_SHAPE(4)), 1, 2, 1);
    expect_failure(tape, WG_ERROR_ARGUMENT, "unfold: there is no axis 1");
    wg_unfold(ramp(tape, WG_F64, 8, (int64_t[]){1, 1, 1, 1, 1, 1, 1, 2}), 7, 1, 1);
    expect_failure(tape, WG_ERROR_LIMIT, "no room for another axis");
    wg_tape_free(tape);
}

Test(unfold, fold_of_unfold_counts_the_blocks) {
    /* And ⟨unfold x, y⟩ = ⟨x, fold y⟩. */
    wg_tape *tape = wg_tape_new();
    const wg_unfold_options o = {.kernel = {2, 3}, .stride = {1, 2}, .padding = {1, 1}};
    wg_var x = ramp(tape, WG_F64, WG_SHAPE(2, 3, 5, 6));
    wg_var columns = wg_unfold2d(x, o);
    expect_shape(columns, WG_SHAPE(2, 18, 18));
    wg_var y = ramp(tape, WG_F64, WG_SHAPE(2, 18, 18));
    wg_var image = wg_fold2d(y, 5, 6, o);
    expect_shape(image, WG_SHAPE(2, 3, 5, 6));
    expect_close(wg_value(wg_sum(wg_mul(columns, y))), wg_value(wg_sum(wg_mul(x, image))), 1e-13,
                 0);
    wg_fold2d(y, 5, 7, o);
    expect_failure(tape, WG_ERROR_SHAPE, "fold2d: [2, 18, 18] is not");
    wg_unfold2d(ramp(tape, WG_F64, WG_SHAPE(5, 6)), o);
    expect_failure(tape, WG_ERROR_SHAPE, "unfold2d: [5, 6] is not [..., channels, 5, 6]");
    wg_unfold2d(ramp(tape, WG_F64, WG_SHAPE(1, 1, 1)), (wg_unfold_options){.kernel = {2}});
    expect_failure(tape, WG_ERROR_ARGUMENT, "unfold2d: axis 0 of size 1: kernel 2");
    wg_tape_free(tape);
}

Test(unfold, pixel_unshuffle_undoes_pixel_shuffle) {
    wg_tape *tape = wg_tape_new();
    wg_var x = ramp(tape, WG_F32, WG_SHAPE(2, 18, 2, 5));
    wg_var y = wg_pixel_shuffle(x, 3);
    double values[MOST];
    expect_shape(y, WG_SHAPE(2, 2, 6, 15));
    read_all(x, values);
    expect_values(wg_pixel_unshuffle(y, 3), values, 0);
    wg_pixel_shuffle(x, 4);
    expect_failure(tape, WG_ERROR_SHAPE, "pixel_shuffle: 18 channels do not divide by 4 squared");
    wg_pixel_unshuffle(ramp(tape, WG_F32, WG_SHAPE(1, 4, 5)), 2);
    expect_failure(tape, WG_ERROR_SHAPE, "pixel_unshuffle: 4 by 5 do not divide by 2");
    wg_tape_free(tape);
}

/* ---- Tables -------------------------------------------------------------------------------- */

Test(embed, the_padding_gets_no_gradient) {
    wg_tape *tape = wg_tape_new();
    wg_var table = ramp(tape, WG_F64, WG_SHAPE(3, 2)), gradient;
    wg_var indices = wg_constant(tape, WG_I64, WG_SHAPE(2, 2), (int64_t[]){2, 0, 1, 2});
    double values[MOST];
    read_all(wg_embed(table, indices), values);
    wg_var y = wg_embed_padded(table, indices, -1);
    expect_values(y, values, 0);
    const double want[] = {1, 1, 1, 1, 0, 0};
    cr_assert_eq(wg_grad(wg_sum(y), &table, 1, &gradient), WG_OK, "%s", wg_tape_message(tape));
    expect_values(gradient, want, 0);
    cr_assert_eq(wg_backward(wg_sum(y)), WG_OK, "%s", wg_tape_message(tape));
    expect_adjoint(table, want, 0);
    wg_tape_reset(tape);
    wg_embed_padded(ramp(tape, WG_F64, WG_SHAPE(3, 2)),
                    wg_constant(tape, WG_I64, WG_SHAPE(1), NULL), 3);
    expect_failure(tape, WG_ERROR_ARGUMENT, "embed_padded: padding index 3 is out of range");
    wg_tape_free(tape);
}
