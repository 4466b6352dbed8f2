/* softmax, log_softmax, cross_entropy, mse, gather_rows. */
#include "arrays.h"

static void naive_softmax(const double *x, int64_t outer, int64_t n, int64_t inner, bool logarithm,
                          double *out) {
    for (int64_t o = 0; o < outer; o++) {
        for (int64_t i = 0; i < inner; i++) {
            const int64_t first = o * n * inner + i;
            double max = -INFINITY, sum = 0;
            for (int64_t k = 0; k < n; k++) {
                max = fmax(max, x[first + k * inner]);
            }
            for (int64_t k = 0; k < n; k++) {
                sum += exp(x[first + k * inner] - max);
            }
            for (int64_t k = 0; k < n; k++) {
                const double shifted = x[first + k * inner] - max;
                out[first + k * inner] = logarithm ? shifted - log(sum) : exp(shifted) / sum;
            }
        }
    }
}

Test(softmax, every_axis_of_every_dtype) {
    const int64_t shapes[][3] = {{2, 3, 4}, {3, 1, 5}, {1, 2, 300}, {2, 600, 1}, {2, 3, 0}};
    for (size_t s = 0; s < 5; s++) {
        for (int axis = 0; axis < 3; axis++) {
            for (int dtype = WG_F32; dtype <= (int)WG_F64; dtype++) {
                wg_tape *tape = wg_tape_new();
                wg_var x = ramp(tape, (wg_dtype)dtype, 3, shapes[s]);
                double from[MOST], want[MOST];
                const double tolerance = dtype == WG_F32 ? 2e-6 : 1e-14;
                int64_t outer = 1, inner = 1;
                for (int i = 0; i < 3; i++) {
                    outer *= i < axis ? shapes[s][i] : 1;
                    inner *= i > axis ? shapes[s][i] : 1;
                }
                read_all(x, from);
                naive_softmax(from, outer, shapes[s][axis], inner, false, want);
                expect_values(wg_softmax(x, axis), want, tolerance);
                naive_softmax(from, outer, shapes[s][axis], inner, true, want);
                expect_values(wg_log_softmax(x, axis - 3), want, tolerance);
                wg_tape_free(tape);
            }
        }
    }
}

Test(softmax, finite_for_any_finite_input) {
    wg_tape *tape = wg_tape_new();
    wg_var x = wg_constant(tape, WG_F64, WG_SHAPE(3), (double[]){1e308, -1e308, 1e308});
    expect_values(wg_softmax(x, 0), (double[]){0.5, 0, 0.5}, 0);
    wg_var y = wg_constant(tape, WG_F32, WG_SHAPE(2), (float[]){-3e38f, -INFINITY});
    expect_values(wg_softmax(y, 0), (double[]){1, 0}, 0);
    expect_values(wg_log_softmax(y, 0), (double[]){0, -INFINITY}, 0);
    wg_var z = wg_constant(tape, WG_F32, WG_SHAPE(2), (float[]){1, NAN});
    expect_values(wg_softmax(z, 0), (double[]){NAN, NAN}, 0);
    wg_softmax(z, 1);
    expect_failure(tape, WG_ERROR_ARGUMENT, "softmax: there is no axis 1 in the shape [2]");
    wg_tape_free(tape);
}

Test(loss, cross_entropy_of_labels_and_of_probabilities_agree) {
    wg_tape *tape = wg_tape_new();
    wg_var x = ramp(tape, WG_F64, WG_SHAPE(3, 4)), gradient[2];
    wg_var labels = wg_constant(tape, WG_I64, WG_SHAPE(3), (int64_t[]){3, 0, 2});
    wg_var p =
        wg_constant(tape, WG_F64, WG_SHAPE(3, 4), (double[]){0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0});
    double logs[MOST], values[MOST];
    read_all(wg_log_softmax(x, 1), logs);
    const double want = -(logs[3] + logs[4] + logs[10]) / 3;
    wg_var a = wg_cross_entropy(x, labels), b = wg_cross_entropy(x, p);
    expect_close(wg_value(a), want, 1e-14, 0);
    expect_close(wg_value(b), want, 1e-14, 0);
    cr_assert_eq(wg_grad(a, &x, 1, &gradient[0]), WG_OK);
    cr_assert_eq(wg_grad(b, &x, 1, &gradient[1]), WG_OK);
    read_all(gradient[0], values);
    expect_values(gradient[1], values, 1e-14);
    expect_close(values[3], (exp(logs[3]) - 1) / 3, 1e-14, 3);
    wg_tape_free(tape);
}

Test(loss, cross_entropy_errors) {
    wg_tape *tape = wg_tape_new();
    wg_cross_entropy(ramp(tape, WG_F32, WG_SHAPE(2, 3)),
                     wg_constant(tape, WG_I64, WG_SHAPE(2), (int64_t[]){2, 3}));
    expect_failure(tape, WG_ERROR_ARGUMENT,
                   "cross_entropy: label 3 (element 1) is out of range for 3 classes");
    wg_cross_entropy(ramp(tape, WG_F32, WG_SHAPE(2, 3)),
                     wg_constant(tape, WG_U8, WG_SHAPE(3), (uint8_t[]){0, 1, 2}));
    expect_failure(tape, WG_ERROR_SHAPE, "labels [3] do not belong to logits [2, 3]");
    wg_cross_entropy(ramp(tape, WG_F32, WG_SHAPE(2, 3)), ramp(tape, WG_F32, WG_SHAPE(2)));
    expect_failure(tape, WG_ERROR_SHAPE, "probabilities [2] do not belong to logits [2, 3]");
    wg_cross_entropy(wg_constant(tape, WG_I64, WG_SHAPE(1, 2), (int64_t[]){2, 3}),
                     wg_constant(tape, WG_I64, WG_SHAPE(1), (int64_t[]){1}));
    expect_failure(tape, WG_ERROR_DTYPE, "not i64 and i64");
    wg_var none = wg_constant(tape, WG_I64, WG_SHAPE(0), NULL);
    cr_assert(isnan(wg_value(wg_cross_entropy(ramp(tape, WG_F32, WG_SHAPE(0, 3)), none))));
    wg_tape_free(tape);
}

Test(loss, mse) {
    wg_tape *tape = wg_tape_new();
    wg_var a = ramp(tape, WG_F32, WG_SHAPE(40, 60)), b = ramp(tape, WG_F64, WG_SHAPE(40, 60));
    double x[MOST], y[MOST], sum = 0;
    read_all(a, x);
    read_all(b, y);
    for (int i = 0; i < 2400; i++) {
        sum += (x[i] - y[i]) * (x[i] - y[i]);
    }
    expect_close(wg_value(wg_mse(a, b)), sum / 2400, 1e-13, 0);
    expect_close(wg_value(wg_mse(wg_transpose(a), 1)), wg_value(wg_mse(1, a)), 1e-6, 0);
    wg_mse(a, ramp(tape, WG_F64, WG_SHAPE(60))); /* would broadcast, but was hardly meant */
    expect_failure(tape, WG_ERROR_SHAPE, "mse: [40, 60] and [60] are not one shape");
    wg_tape_free(tape);
}

Test(gather, rows_and_their_gradients) {
    wg_tape *tape = wg_tape_new();
    wg_var table = ramp(tape, WG_F64, WG_SHAPE(3, 2));
    wg_var indices = wg_constant(tape, WG_U8, WG_SHAPE(2, 2), (uint8_t[]){2, 0, 2, 2});
    double t[MOST];
    read_all(table, t);
    wg_var y = wg_gather_rows(table, indices);
    expect_shape(y, WG_SHAPE(2, 2, 2));
    expect_values(y, (double[]){t[4], t[5], t[0], t[1], t[4], t[5], t[4], t[5]}, 0);
    cr_assert_eq(wg_backward(wg_sum(y)), WG_OK);
    expect_adjoint(table, (double[]){1, 1, 0, 0, 3, 3}, 0);
    expect_shape(wg_gather_rows(wg_transpose(table), wg_cast(wg_scalar(tape, 1), WG_I64)),
                 WG_SHAPE(3));
    wg_gather_rows(table, wg_constant(tape, WG_I64, WG_SHAPE(2), (int64_t[]){0, -1}));
    expect_failure(tape, WG_ERROR_ARGUMENT,
                   "gather_rows: index -1 (element 1) is out of range for 3 rows");
    wg_gather_rows(ramp(tape, WG_F64, WG_SHAPE(3, 2)), ramp(tape, WG_F64, WG_SHAPE(2)));
    expect_failure(tape, WG_ERROR_DTYPE, "the indices are f64");
    wg_gather_rows(wg_scalar(tape, 1), wg_constant(tape, WG_I64, WG_SHAPE(1), NULL));
    expect_failure(tape, WG_ERROR_SHAPE, "the table has no rows");
    wg_tape_free(tape);
}
