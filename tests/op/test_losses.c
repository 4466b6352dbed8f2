/* Losses with options: errors, edges, and what must hold whatever the numbers. (Values and
 * gradients against PyTorch are in tests/golden.) */
#include "arrays.h"

#include "wengert/loss.h"

static wg_var labels_of(wg_tape *tape, int n, const int64_t *values) {
    return wg_constant(tape, WG_I64, WG_SHAPE(n), values);
}

Test(losses, cross_entropy_without_a_reduction_sums_to_its_mean) {
    wg_tape *tape = wg_tape_new();
    for (int dtype = WG_F32; dtype <= (int)WG_F64; dtype++) {
        wg_var x = ramp(tape, (wg_dtype)dtype, WG_SHAPE(3, 5));
        wg_var y = labels_of(tape, 3, (int64_t[]){4, 0, 2});
        wg_cross_entropy_options o = {.reduction = WG_LOSS_NONE, .label_smoothing = 0.2};
        wg_var each = wg_cross_entropy_with(x, y, o);
        expect_shape(each, WG_SHAPE(3));
        o.reduction = WG_LOSS_SUM;
        const double sum = wg_value(wg_cross_entropy_with(x, y, o));
        o.reduction = WG_LOSS_MEAN;
        expect_close(wg_value(wg_sum(each)), sum, 1e-6, 0);
        expect_close(wg_value(wg_cross_entropy_with(x, y, o)), sum / 3, 1e-6, 0);
        wg_tape_reset(tape);
    }
    wg_tape_free(tape);
}

Test(losses, cross_entropy_gradients_agree_by_every_way) {
    /* From what forward saved (adjoint 1 and others, one row and many), and in verbs. */
    const int64_t y[] = {4, 0, 2};
    for (int r = WG_LOSS_MEAN; r <= (int)WG_LOSS_NONE; r++) {
        for (int k = 0; k < 2; k++) {
            wg_tape *tape = wg_tape_new();
            const wg_cross_entropy_options o = {.reduction = (wg_loss_reduction)r,
                                                .label_smoothing = 0.1,
                                                .ignore = true,
                                                .ignore_index = 0};
            wg_var x = ramp(tape, WG_F64, WG_SHAPE(3, 5)), gradient;
            wg_var loss = wg_cross_entropy_with(x, labels_of(tape, 3, y), o);
            wg_var total = k == 0 ? wg_sum(loss) : wg_sum(wg_mul(-3, loss));
            double values[MOST];
            cr_assert_eq(wg_grad(total, &x, 1, &gradient), WG_OK, "%s", wg_tape_message(tape));
            const int64_t count = read_all(gradient, values);
            cr_assert_eq(wg_backward(total), WG_OK, "%s", wg_tape_message(tape));
            expect_adjoint(x, values, 1e-14);
            for (int64_t i = 5; i < 10; i++) {
                cr_assert_eq(values[i], 0, "an ignored row has no gradient");
            }
            double row = 0;
            for (int64_t i = 0; i < count; i++) {
                row += values[i];
            }
            expect_close(row, 0, 1e-14, 0); /* softmax less what the labels count */
            wg_tape_free(tape);
        }
    }
}

Test(losses, an_ignored_label_may_be_out_of_range) {
    wg_tape *tape = wg_tape_new();
    wg_var x = ramp(tape, WG_F64, WG_SHAPE(2, 3));
    const wg_cross_entropy_options o = {.ignore = true, .ignore_index = -100};
    wg_var one = wg_cross_entropy_with(x, labels_of(tape, 2, (int64_t[]){-100, 1}), o);
    wg_var same = wg_cross_entropy(wg_slice(x, 0, 1, 2, 1), labels_of(tape, 1, (int64_t[]){1}));
    expect_close(wg_value(one), wg_value(same), 1e-15, 0);
    cr_assert(
        isnan(wg_value(wg_cross_entropy_with(x, labels_of(tape, 2, (int64_t[]){-100, -100}), o))));
    wg_cross_entropy_with(x, labels_of(tape, 2, (int64_t[]){-100, 3}), o);
    expect_failure(tape, WG_ERROR_ARGUMENT,
                   "cross_entropy: label 3 (element 1) is out of range for 3 classes");
    wg_tape_free(tape);
}

Test(losses, nll_of_log_softmax_is_cross_entropy) {
    wg_tape *tape = wg_tape_new();
    wg_var x = ramp(tape, WG_F64, WG_SHAPE(2, 4, 3)), gradient[2];
    wg_var y = wg_constant(tape, WG_U8, WG_SHAPE(2, 3), (uint8_t[]){3, 0, 1, 2, 2, 0});
    wg_var w = wg_constant(tape, WG_F32, WG_SHAPE(4), (float[]){1, 2, 0.5f, 3});
    const wg_cross_entropy_options o = {.weight = w, .axis = 1};
    wg_var a = wg_cross_entropy_with(x, y, o), b = wg_nll_with(wg_log_softmax(x, 1), y, o);
    double values[MOST];
    expect_close(wg_value(a), wg_value(b), 1e-14, 0);
    cr_assert_eq(wg_grad(a, &x, 1, &gradient[0]), WG_OK);
    cr_assert_eq(wg_grad(b, &x, 1, &gradient[1]), WG_OK);
    read_all(gradient[0], values);
    expect_values(gradient[1], values, 1e-14);
    wg_tape_free(tape);
}

Test(losses, errors_of_classes) {
    wg_tape *tape = wg_tape_new();
    const int64_t y[] = {0, 1};
    wg_cross_entropy_with(ramp(tape, WG_F64, WG_SHAPE(2, 3)), labels_of(tape, 2, y),
                          (wg_cross_entropy_options){.label_smoothing = 1.5});
    expect_failure(tape, WG_ERROR_ARGUMENT, "cross_entropy: label_smoothing is 1.5");
    wg_cross_entropy_with(ramp(tape, WG_F64, WG_SHAPE(2, 3)), labels_of(tape, 2, y),
                          (wg_cross_entropy_options){.axis = 2});
    expect_failure(tape, WG_ERROR_ARGUMENT, "cross_entropy: there is no axis 2");
    wg_cross_entropy_with(ramp(tape, WG_F64, WG_SHAPE(2, 3)), ramp(tape, WG_F64, WG_SHAPE(2, 3)),
                          (wg_cross_entropy_options){.ignore = true});
    expect_failure(tape, WG_ERROR_ARGUMENT, "ignore_index is for integer labels");
    wg_cross_entropy_with(
        ramp(tape, WG_F64, WG_SHAPE(2, 3)), labels_of(tape, 2, y),
        (wg_cross_entropy_options){.weight = wg_full(tape, WG_F64, WG_SHAPE(2), 1)});
    expect_failure(tape, WG_ERROR_SHAPE, "class weights [2] do not belong to logits [2, 3]");
    wg_cross_entropy_with(ramp(tape, WG_F64, WG_SHAPE(2, 3)), labels_of(tape, 2, y),
                          (wg_cross_entropy_options){.weight = ramp(tape, WG_F64, WG_SHAPE(3))});
    expect_failure(tape, WG_ERROR_ARGUMENT, "the class weights want a gradient");
    wg_cross_entropy_with(ramp(tape, WG_F64, WG_SHAPE(2, 3)), labels_of(tape, 2, y),
                          (wg_cross_entropy_options){.reduction = WG_LOSS_BATCHMEAN});
    expect_failure(tape, WG_ERROR_ARGUMENT, "there is no reduction 3 here");
    wg_nll_with(ramp(tape, WG_F64, WG_SHAPE(2, 3)), labels_of(tape, 2, y),
                (wg_cross_entropy_options){.label_smoothing = 0.1});
    expect_failure(tape, WG_ERROR_ARGUMENT, "nll: label_smoothing needs logits");
    wg_nll(ramp(tape, WG_F64, WG_SHAPE(2, 3)), ramp(tape, WG_F64, WG_SHAPE(2)));
    expect_failure(tape, WG_ERROR_DTYPE, "labels i64 or u8, not f64 and f64");
    wg_multi_margin_with(ramp(tape, WG_F64, WG_SHAPE(2, 3)), labels_of(tape, 2, y),
                         (wg_multi_margin_options){.p = 3});
    expect_failure(tape, WG_ERROR_ARGUMENT, "multi_margin: p is 3");
    wg_tape_free(tape);
}

Test(losses, pairs_of_many_elements) {
    /* More than a block, in both types, against sums in long double. */
    enum {
        N = 40001
    };
    static float x[N], t[N];
    wg_tape *tape = wg_tape_new();
    long double squares = 0, sizes = 0, logits = 0;
    for (int i = 0; i < N; i++) {
        x[i] = (float)(i % 97) / 16 - 3;
        t[i] = (float)(i % 31) / 31;
        const long double d = (long double)x[i] - (long double)t[i], v = (long double)x[i];
        squares += d * d;
        sizes += fabsl(d);
        logits += fmaxl(v, 0) - v * (long double)t[i] + log1pl(expl(-fabsl(v)));
    }
    for (int k = 0; k < 2; k++) {
        wg_var a = wg_constant(tape, WG_F32, WG_SHAPE(N), x);
        wg_var b = wg_constant(tape, WG_F32, WG_SHAPE(N), t);
        a = k == 0 ? a : wg_cast(a, WG_F64);
        const double tolerance = k == 0 ? 3e-7 : 1e-13;
        expect_close(wg_value(wg_mse(a, b)), (double)(squares / N), tolerance, 0);
        expect_close(wg_value(wg_l1(a, b)), (double)(sizes / N), tolerance, 1);
        expect_close(wg_value(wg_bce_with_logits(a, b)), (double)(logits / N), tolerance, 2);
    }
    wg_tape_free(tape);
}

Test(losses, pairs_at_the_ends) {
    wg_tape *tape = wg_tape_new();
    wg_var x = wg_variable(tape, WG_F64, WG_SHAPE(3), (double[]){0, 1, 0.5}), gradient;
    wg_var t = wg_constant(tape, WG_F64, WG_SHAPE(3), (double[]){1, 1, 0.5});
    /* Logarithms are cut off at -100, and the derivative is finite. */
    expect_close(wg_value(wg_bce(x, t)), (100 + log(2)) / 3, 1e-15, 0);
    cr_assert_eq(wg_grad(wg_sum(wg_bce_with(x, t, (wg_bce_options){.reduction = WG_LOSS_SUM})), &x,
                         1, &gradient),
                 WG_OK);
    expect_values(gradient, (double[]){-1e12, 0, 0}, 1e-12);
    /* No overflow from logits. */
    wg_var z = wg_variable(tape, WG_F32, WG_SHAPE(2), (float[]){-1e30f, 1e30f});
    expect_close(wg_value(wg_bce_with_logits(z, wg_full(tape, WG_F32, WG_SHAPE(2), 0))),
                 (double)1e30f / 2, 1e-6, 0);
    wg_var bad = wg_constant(tape, WG_F64, WG_SHAPE(2), (double[]){NAN, 1});
    cr_assert(isnan(wg_value(wg_mse(bad, 0))) && isnan(wg_value(wg_l1(bad, 0))) &&
              isnan(wg_value(wg_huber(bad, 0))) && isnan(wg_value(wg_smooth_l1(bad, 0))));
    cr_assert(isnan(wg_value(wg_mse(ramp(tape, WG_F64, WG_SHAPE(0)), 0))));
    /* One array as both operands. */
    wg_var both = ramp(tape, WG_F64, WG_SHAPE(4));
    wg_var loss = wg_mse(both, both);
    cr_assert_eq(wg_backward(loss), WG_OK);
    expect_adjoint(both, (double[]){0, 0, 0, 0}, 0);
    wg_tape_free(tape);
}

Test(losses, errors_of_pairs) {
    wg_tape *tape = wg_tape_new();
    wg_l1(ramp(tape, WG_F64, WG_SHAPE(3, 1)), ramp(tape, WG_F64, WG_SHAPE(3)));
    expect_failure(tape, WG_ERROR_SHAPE, "l1: [3, 1] and [3] are not one shape");
    wg_huber_with(ramp(tape, WG_F64, WG_SHAPE(3)), 0, 0, WG_LOSS_MEAN);
    expect_failure(tape, WG_ERROR_ARGUMENT, "huber: delta is 0");
    wg_smooth_l1_with(ramp(tape, WG_F64, WG_SHAPE(3)), 0, -1, WG_LOSS_MEAN);
    expect_failure(tape, WG_ERROR_ARGUMENT, "smooth_l1: beta is -1");
    wg_bce_with(ramp(tape, WG_F64, WG_SHAPE(3)), 0, (wg_bce_options){.pos_weight = wg_number(2)});
    expect_failure(tape, WG_ERROR_ARGUMENT, "bce: pos_weight is for wg_bce_with_logits_with");
    wg_kl_div(ramp(tape, WG_F64, WG_SHAPE(3)), ramp(tape, WG_F64, WG_SHAPE(2, 3)));
    expect_failure(tape, WG_ERROR_SHAPE, "kl_div: [3] and [2, 3] are not one shape");
    wg_hinge_embedding_with(ramp(tape, WG_F64, WG_SHAPE(3)), 1, 1, WG_LOSS_BATCHMEAN);
    expect_failure(tape, WG_ERROR_ARGUMENT, "hinge_embedding: there is no reduction 3 here");
    wg_triplet_margin_with(ramp(tape, WG_F64, WG_SHAPE(3)), ramp(tape, WG_F64, WG_SHAPE(3)),
                           ramp(tape, WG_F64, WG_SHAPE(3)), (wg_triplet_margin_options){.p = -1});
    expect_failure(tape, WG_ERROR_ARGUMENT, "triplet_margin: p is -1");
    wg_cosine_embedding(ramp(tape, WG_F64, WG_SHAPE(2, 3)), ramp(tape, WG_F64, WG_SHAPE(2, 3)),
                        ramp(tape, WG_F64, WG_SHAPE(3)));
    expect_failure(tape, WG_ERROR_SHAPE, "cosine_embedding: [2] and [3] are not one shape");
    wg_tape_free(tape);
}

Test(losses, kl_div_of_a_distribution_to_itself_is_zero) {
    wg_tape *tape = wg_tape_new();
    wg_var t = wg_softmax(ramp(tape, WG_F64, WG_SHAPE(2, 3)), 1);
    const wg_kl_div_options o = {.reduction = WG_LOSS_BATCHMEAN};
    expect_close(wg_value(wg_kl_div_with(wg_log(t), t, o)), 0, 1e-15, 0);
    wg_var zero = wg_constant(tape, WG_F64, WG_SHAPE(2), (double[]){0, 1});
    expect_close(wg_value(wg_kl_div(wg_full(tape, WG_F64, WG_SHAPE(2), -3), zero)), 1.5, 1e-15, 0);
    wg_tape_free(tape);
}

Test(losses, cosine_of_parallel_vectors_is_one) {
    wg_tape *tape = wg_tape_new();
    wg_var a = ramp(tape, WG_F64, WG_SHAPE(2, 3));
    expect_values(wg_cosine_similarity(a, wg_mul(2, a), 1), (double[]){1, 1}, 1e-15);
    wg_var zero = wg_full(tape, WG_F64, WG_SHAPE(2, 3), 0);
    expect_values(wg_cosine_similarity(a, zero, -1), (double[]){0, 0}, 0);
    wg_tape_free(tape);
}
