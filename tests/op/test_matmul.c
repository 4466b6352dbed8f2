/* matmul: stacks, broadcasts, vectors and strides against three loops. */
#include "arrays.h"

typedef struct form {
    int rank;
    int64_t shape[4];
} form;

static int64_t size_of(const form *f, int from_last) {
    return from_last <= f->rank ? f->shape[f->rank - from_last] : 1;
}

/* x as an array of the form, whose storage is transposed or has gaps. */
static wg_var laid_out(wg_tape *tape, wg_dtype dtype, const form *f, int layout) {
    wg_var x = ramp(tape, dtype, f->rank, f->shape);
    if (layout == 1) {
        return wg_transpose(wg_contiguous(wg_transpose(x)));
    }
    if (layout == 2) {
        wg_var twice[2] = {wg_reshape(x, WG_SHAPE(-1, 1)), wg_reshape(x, WG_SHAPE(-1, 1))};
        wg_var gaps = wg_slice(wg_concat(2, twice, 1), 1, 0, 1, 1);
        return wg_reshape(gaps, f->rank, f->shape);
    }
    return x;
}

static void check_product(wg_dtype dtype, form a, form b, int layout) {
    wg_tape *tape = wg_tape_new();
    double x[MOST], y[MOST], want[MOST];
    wg_var va = laid_out(tape, dtype, &a, layout), vb = laid_out(tape, dtype, &b, layout);
    read_all(va, x);
    read_all(vb, y);
    const int64_t m = a.rank > 1 ? size_of(&a, 2) : 1, k = size_of(&a, 1);
    const int64_t n = b.rank > 1 ? size_of(&b, 1) : 1;
    /* Up to two leading axes. */
    int64_t batch[2], sa[2], sb[2];
    for (int i = 0; i < 2; i++) {
        sa[i] = a.rank >= 2 ? size_of(&a, 4 - i) : 1;
        sb[i] = b.rank >= 2 ? size_of(&b, 4 - i) : 1;
        batch[i] = sa[i] == 1 ? sb[i] : sa[i];
    }
    int64_t at = 0;
    for (int64_t p = 0; p < batch[0]; p++) {
        for (int64_t q = 0; q < batch[1]; q++) {
            const double *pa = x + ((sa[0] == 1 ? 0 : p) * sa[1] + (sa[1] == 1 ? 0 : q)) * m * k;
            const double *pb = y + ((sb[0] == 1 ? 0 : p) * sb[1] + (sb[1] == 1 ? 0 : q)) * k * n;
            for (int64_t i = 0; i < m; i++) {
                for (int64_t j = 0; j < n; j++) {
                    double sum = 0;
                    for (int64_t l = 0; l < k; l++) {
                        sum += pa[i * k + l] * pb[l * n + j];
                    }
                    want[at++] = sum;
                }
            }
        }
    }
    wg_var product = wg_matmul(va, vb);
    cr_assert_eq(wg_tape_status(tape), WG_OK, "%s", wg_tape_message(tape));
    cr_assert_eq(wg_count(product), at);
    expect_values(product, want, dtype == WG_F32 ? 1e-4 : 1e-12);
    wg_tape_free(tape);
}

Test(matmul, forms_and_layouts) {
    const form pairs[][2] = {
        {{2, {3, 4}}, {2, {4, 5}}},
        {{1, {4}}, {1, {4}}},
        {{1, {4}}, {2, {4, 3}}},
        {{2, {3, 4}}, {1, {4}}},
        {{3, {2, 3, 4}}, {2, {4, 5}}},
        {{2, {3, 4}}, {3, {2, 4, 5}}},
        {{3, {2, 3, 4}}, {3, {2, 4, 5}}},
        {{4, {2, 1, 3, 4}}, {3, {3, 4, 2}}},
        {{4, {2, 3, 2, 4}}, {4, {1, 3, 4, 2}}},
        {{4, {2, 3, 2, 4}}, {4, {2, 1, 4, 2}}},
        {{1, {4}}, {4, {2, 3, 4, 2}}},
        {{4, {2, 3, 1, 4}}, {1, {4}}},
        {{2, {1, 1}}, {2, {1, 1}}},
        {{2, {40, 30}}, {2, {30, 50}}},
        {{3, {3, 1, 4}}, {2, {4, 5}}},
        {{2, {0, 3}}, {2, {3, 2}}},
        {{2, {2, 0}}, {2, {0, 3}}},
        {{3, {0, 2, 3}}, {2, {3, 2}}},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        for (int layout = 0; layout < 3; layout++) {
            check_product(WG_F64, pairs[i][0], pairs[i][1], layout);
            check_product(WG_F32, pairs[i][0], pairs[i][1], layout);
        }
    }
}

Test(matmul, result_shapes) {
    wg_tape *tape = wg_tape_new();
    wg_var v = ramp(tape, WG_F64, WG_SHAPE(3));
    expect_shape(wg_matmul(v, v), 0, NULL);
    expect_shape(wg_matmul(v, ramp(tape, WG_F64, WG_SHAPE(2, 3, 4))), WG_SHAPE(2, 4));
    expect_shape(wg_matmul(ramp(tape, WG_F64, WG_SHAPE(2, 4, 3)), v), WG_SHAPE(2, 4));
    expect_shape(wg_matmul(ramp(tape, WG_F64, WG_SHAPE(2, 1, 1, 1, 1, 1, 5, 3)), v),
                 WG_SHAPE(2, 1, 1, 1, 1, 1, 5));
    wg_tape_free(tape);
}

Test(matmul, dtypes_promote) {
    wg_tape *tape = wg_tape_new();
    wg_var a = ramp(tape, WG_F32, WG_SHAPE(2, 2)), b = ramp(tape, WG_F64, WG_SHAPE(2, 2));
    cr_assert_eq(wg_view_of(wg_matmul(a, a)).dtype, WG_F32);
    cr_assert_eq(wg_view_of(wg_matmul(a, b)).dtype, WG_F64);
    cr_assert_eq(wg_view_of(wg_matmul(wg_cast(a, WG_U8), a)).dtype, WG_F32);
    cr_assert_eq(wg_backward(wg_sum(wg_matmul(a, b))), WG_OK, "%s", wg_tape_message(tape));
    wg_tape_free(tape);
}

Test(matmul, errors) {
    wg_tape *tape = wg_tape_new();
    wg_matmul(ramp(tape, WG_F32, WG_SHAPE(4, 7)), ramp(tape, WG_F32, WG_SHAPE(8, 2)));
    expect_failure(tape, WG_ERROR_SHAPE,
                   "matmul: inner sizes differ: left is [4, 7], right is [8, 2] (");
    wg_matmul(ramp(tape, WG_F32, WG_SHAPE(2, 1, 2)), ramp(tape, WG_F32, WG_SHAPE(3, 2, 2)));
    expect_failure(tape, WG_ERROR_SHAPE, "leading axes do not broadcast: left is [2, 1, 2]");
    wg_matmul(wg_scalar(tape, 1), ramp(tape, WG_F32, WG_SHAPE(2)));
    expect_failure(tape, WG_ERROR_SHAPE, "left is [], right is [2]");
    wg_tape_free(tape);
}
