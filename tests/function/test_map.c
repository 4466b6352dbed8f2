/* Maps: recorded functions over arrays, beside the same functions in verbs. */
#include "function/map.h"
#include "wengert/array.h"
#include "wengert/check.h"
#include "wengert/map.h"

#include "../op/arrays.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#if defined(_OPENMP)
#include <omp.h>
#endif

/* ---- Functions of the tests ------------------------------------------------------------------ */

/* Written once for scalars and arrays alike. */
static wg_var swish(wg_var x, wg_var b) {
    return wg_mul(x, wg_sigmoid(wg_mul(b, x)));
}
static wg_var mixture(wg_var x, wg_var y, wg_var z) {
    const wg_var t = wg_sub(wg_mul(x, y), wg_div(z, wg_add(2, wg_square(x))));
    return wg_add(wg_mul(wg_sin(t), wg_exp(wg_mul(-0.25, y))), wg_max(t, wg_mul(0.5, z)));
}

static void swish_body(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    y[0] = swish(x[0], x[1]);
}
static void mixture_body(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    y[0] = mixture(x[0], x[1], x[2]);
}

static wg_function *record(wg_function_body body, int inputs, int outputs) {
    wg_function *fn = wg_function_record(body, NULL, inputs, outputs, NULL, wg_function_defaults());
    cr_assert_not_null(fn, "%s", wg_last_message());
    return fn;
}

/* Values of a [sizes] array that differ everywhere. */
static wg_var wavy(wg_tape *tape, wg_dtype dtype, int rank, const int64_t *shape, double phase) {
    double values[MOST];
    int64_t count = 1;
    for (int i = 0; i < rank; i++) {
        count *= shape[i];
    }
    cr_assert_leq(count, MOST);
    for (int64_t i = 0; i < count; i++) {
        values[i] = 1.5 * sin(phase + 0.7 * (double)i) + 0.1;
    }
    const wg_var x = wg_variable(tape, WG_F64, rank, shape, values);
    return dtype == WG_F64 ? x : wg_cast(x, dtype);
}

static void expect_same(wg_var have, wg_var want, double tolerance) {
    double values[MOST];
    const wg_view a = wg_view_of(have), b = wg_view_of(want);
    cr_assert_eq(wg_tape_status(want.tape), WG_OK, "%s", wg_tape_message(want.tape));
    cr_assert(wg_is_array(have) && wg_is_array(want));
    cr_assert_eq(a.dtype, b.dtype);
    expect_shape(have, b.rank, b.shape);
    (void)read_all(want, values);
    expect_values(have, values, tolerance);
}

/* Value, gradients by both kinds of sweep, and gradients of the gradients, of the map of `mixture`
 * and of the verbs, on one tape. */
static void compare(wg_tape *tape, const wg_function *fn, const wg_var x[3], const wg_var leaf[3],
                    double tolerance) {
    const wg_var both[2] = {wg_map(fn, x[0], x[1], x[2]), mixture(x[0], x[1], x[2])};
    wg_var first[2][3], second[2][3];
    expect_same(both[0], both[1], tolerance);
    for (int k = 0; k < 2; k++) {
        const wg_var y = wg_sum(wg_mul(both[k], both[k]));
        cr_assert_eq(wg_grad(y, leaf, 3, first[k]), WG_OK, "%s", wg_tape_message(tape));
        wg_var s = wg_number(0);
        for (int i = 0; i < 3; i++) {
            s = wg_add(s, wg_sum(wg_mul(wg_sin(first[k][i]), leaf[i])));
        }
        cr_assert_eq(wg_grad(s, leaf, 3, second[k]), WG_OK, "%s", wg_tape_message(tape));
    }
    for (int i = 0; i < 3; i++) {
        expect_same(first[0][i], first[1][i], 10 * tolerance);
        expect_same(second[0][i], second[1][i], 100 * tolerance);
    }
    for (int i = 0; i < 3; i++) { /* the fused sweep */
        double want[MOST];
        (void)read_all(first[1][i], want);
        if (i == 0) {
            cr_assert_eq(wg_backward_keep(wg_sum(wg_mul(both[0], both[0]))), WG_OK, "%s",
                         wg_tape_message(tape));
        }
        expect_adjoint(leaf[i], want, 10 * tolerance);
    }
}

/* ---- Shapes ---------------------------------------------------------------------------------- */

typedef struct shapes {
    int rank[3];
    int64_t shape[3][WG_MAX_RANK];
} shapes;

static const shapes all_shapes[] = {
    {{1, 1, 1}, {{5}, {5}, {5}}},
    {{1, 1, 1}, {{1000}, {1000}, {1000}}},
    {{2, 1, 2}, {{3, 1}, {4}, {3, 4}}},
    {{0, 2, 1}, {{0}, {2, 3}, {1}}},
    {{0, 0, 0}, {{0}, {0}, {0}}},
    {{1, 1, 1}, {{1}, {1}, {1}}},
    {{2, 1, 2}, {{2, 0}, {1}, {1, 1}}},
    {{3, 2, 1}, {{2, 3, 5}, {3, 1}, {5}}},
    {{2, 2, 2}, {{300, 7}, {300, 1}, {1, 7}}},
    {{2, 1, 0}, {{700, 2}, {2}, {0}}}, /* summed up by rows */
    {{8, 8, 1}, {{2, 1, 3, 1, 2, 1, 2, 2}, {1, 2, 3, 1, 1, 1, 2, 1}, {2}}},
};

Test(map, agrees_with_verbs_to_the_second_derivative_in_every_shape) {
    wg_function *fn = record(mixture_body, 3, 1);
    wg_tape *tape = wg_tape_new();
    for (size_t s = 0; s < sizeof all_shapes / sizeof all_shapes[0]; s++) {
        for (int type = 0; type < 2; type++) {
            wg_var x[3];
            for (int i = 0; i < 3; i++) {
                x[i] = wavy(tape, type == 0 ? WG_F64 : WG_F32, all_shapes[s].rank[i],
                            all_shapes[s].shape[i], i);
            }
            compare(tape, fn, x, x, type == 0 ? 1e-14 : 1e-5);
            wg_tape_reset(tape);
        }
    }
    wg_tape_free(tape);
    wg_function_free(fn);
}

Test(map, reads_strided_operands_where_they_stand) {
    wg_function *fn = record(mixture_body, 3, 1);
    wg_tape *tape = wg_tape_new();
    const wg_var leaf[3] = {wavy(tape, WG_F64, 2, (int64_t[]){40, 30}, 0),
                            wavy(tape, WG_F64, 2, (int64_t[]){30, 80}, 1),
                            wavy(tape, WG_F64, 1, (int64_t[]){40}, 2)};
    const wg_var x[3] = {
        wg_transpose(leaf[0]), wg_slice(leaf[1], 1, 79, -81, -2),
        wg_broadcast_to(wg_slice(leaf[2], 0, 39, -41, -1), 2, ((int64_t[]){30, 40}))};
    compare(tape, fn, x, leaf, 1e-13);
    wg_tape_free(tape);
    wg_function_free(fn);
}

Test(map, the_same_operand_twice_gets_both_gradients) {
    wg_function *fn = record(swish_body, 2, 1);
    wg_tape *tape = wg_tape_new();
    const wg_var x = wavy(tape, WG_F64, 1, (int64_t[]){900}, 0);
    wg_var first[2], second[2];
    for (int k = 0; k < 2; k++) {
        const wg_var y = wg_sum(k == 0 ? wg_map(fn, x, x) : swish(x, x));
        cr_assert_eq(wg_grad(y, &x, 1, &first[k]), WG_OK);
        cr_assert_eq(wg_grad(wg_sum(wg_square(first[k])), &x, 1, &second[k]), WG_OK);
    }
    expect_same(first[0], first[1], 1e-14);
    expect_same(second[0], second[1], 1e-13);
    double want[MOST], twice[MOST];
    (void)read_all(first[1], want);
    cr_assert_eq(wg_backward_keep(wg_sum(wg_map(fn, x, x))), WG_OK);
    expect_adjoint(x, want, 1e-14);
    for (int64_t i = 0; i < wg_count(x); i++) {
        twice[i] = 2 * want[i];
    }
    cr_assert_eq(wg_backward(wg_sum(wg_map(fn, x, x))), WG_OK); /* adds to what is there */
    expect_adjoint(x, twice, 1e-14);
    wg_tape_free(tape);
    wg_function_free(fn);
}

Test(map, integers_become_floats_and_get_no_gradient) {
    wg_function *fn = record(swish_body, 2, 1);
    wg_tape *tape = wg_tape_new();
    const int64_t shape[] = {3}, whole[] = {-1, 0, 2};
    const uint8_t bytes[] = {1, 2, 3};
    const float halves[] = {0.5f, 1.5f, 2.5f};
    const wg_var i64 = wg_constant(tape, WG_I64, 1, shape, whole);
    const wg_var u8 = wg_constant(tape, WG_U8, 1, shape, bytes);
    const wg_var f32 = wg_variable(tape, WG_F32, 1, shape, halves);
    expect_same(wg_map(fn, i64, u8), swish(wg_cast(i64, WG_F64), wg_cast(u8, WG_F64)), 1e-15);
    const wg_var y = wg_map(fn, f32, u8);
    cr_assert_eq(wg_view_of(y).dtype, WG_F32);
    wg_var want;
    cr_assert_eq(wg_grad(wg_sum(swish(f32, u8)), &f32, 1, &want), WG_OK);
    double values[MOST];
    (void)read_all(want, values);
    cr_assert_eq(wg_backward(wg_sum(y)), WG_OK, "%s", wg_tape_message(tape));
    expect_adjoint(f32, values, 1e-6);
    wg_tape_free(tape);
    wg_function_free(fn);
}

/* ---- Numbers and scalars --------------------------------------------------------------------- */

Test(map, numbers_give_a_number_and_scalars_a_scalar) {
    wg_function *fn = record(swish_body, 2, 1);
    wg_tape *tape = wg_tape_new();
    const wg_var number = wg_map(fn, 2, 0.5);
    cr_assert(number.tape == NULL);
    cr_assert_float_eq(wg_value(number), 2 / (1 + exp(-1)), 1e-15);
    const wg_var s = wg_scalar(tape, 2), y = wg_map(fn, s, wg_map(fn, 0.5, s));
    cr_assert(y.tape == tape && !wg_is_array(y));
    const wg_var z = swish(s, swish(wg_number(0.5), s));
    cr_assert_eq(wg_value(y), wg_value(z));
    wg_var dy, dz;
    cr_assert_eq(wg_grad(y, &s, 1, &dy), WG_OK);
    cr_assert_eq(wg_grad(z, &s, 1, &dz), WG_OK);
    cr_assert_float_eq(wg_value(dy), wg_value(dz), 1e-15);
    wg_tape_free(tape);
    wg_function_free(fn);
}

Test(map, numbers_and_scalars_stand_beside_arrays) {
    wg_function *fn = record(mixture_body, 3, 1);
    wg_tape *tape = wg_tape_new();
    const wg_var x = wavy(tape, WG_F32, 2, (int64_t[]){30, 20}, 0), s = wg_scalar(tape, 0.3);
    const wg_var xs[2] = {x, s};
    wg_var have[2], want[2];
    const wg_var y = wg_map(fn, x, s, 0.75), z = mixture(x, s, wg_number(0.75));
    expect_same(y, z, 1e-6);
    cr_assert_eq(wg_grad(wg_sum(y), xs, 2, have), WG_OK);
    cr_assert_eq(wg_grad(wg_sum(z), xs, 2, want), WG_OK);
    expect_same(have[0], want[0], 1e-5);
    cr_assert_float_eq(wg_value(have[1]), wg_value(want[1]), 1e-4);
    const double slope = wg_value(want[1]);
    cr_assert_eq(wg_backward(wg_sum(y)), WG_OK);
    cr_assert_float_eq(wg_adjoint(s), slope, 1e-4);
    wg_tape_free(tape);
    wg_function_free(fn);
}

/* ---- Special values -------------------------------------------------------------------------- */

static void guarded_body(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    y[0] = wg_where(wg_gt(x[0], 0), wg_log(x[0]), wg_mul(x[1], x[0]));
}

Test(map, what_where_does_not_take_receives_no_nan) {
    wg_function *fn = record(guarded_body, 2, 1);
    wg_tape *tape = wg_tape_new();
    const double x_values[] = {2, 0, -1, NAN, INFINITY}, w_values[] = {3, 4, 5, 6, 7};
    const int64_t shape[] = {5};
    const wg_var x = wg_variable(tape, WG_F64, 1, shape, x_values);
    const wg_var w = wg_variable(tape, WG_F64, 1, shape, w_values);
    const wg_var y = wg_map(fn, x, w);
    expect_values(y, (double[]){log(2), 0, -5, NAN, INFINITY}, 1e-15);
    cr_assert_eq(wg_backward(wg_sum(y)), WG_OK);
    expect_adjoint(x, (double[]){0.5, 4, 5, 6, 0}, 1e-15);
    expect_adjoint(w, (double[]){0, 0, -1, NAN, 0}, 1e-15);
    wg_tape_free(tape);
    wg_function_free(fn);
}

static void root_body(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    y[0] = wg_sqrt(x[0]);
}

Test(map, a_zero_adjoint_is_absolute) {
    wg_function *fn = record(root_body, 1, 1);
    wg_tape *tape = wg_tape_new();
    const double x_values[] = {0, 0, 4}, seed_values[] = {0, 1, 1};
    const int64_t shape[] = {3};
    const wg_var x = wg_variable(tape, WG_F64, 1, shape, x_values);
    const wg_var seed = wg_constant(tape, WG_F64, 1, shape, seed_values);
    cr_assert_eq(wg_backward_from(wg_map(fn, x), seed), WG_OK);
    expect_adjoint(x, (double[]){0, INFINITY, 0.25}, 1e-15);
    wg_tape_free(tape);
    wg_function_free(fn);
}

static void steps_body(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    y[0] = wg_add(wg_floor(x[0]), wg_mul(3, x[1]));
}

Test(map, derivatives_that_are_constant_or_zero) {
    wg_function *fn = record(steps_body, 2, 1);
    wg_tape *tape = wg_tape_new();
    const wg_var x = wavy(tape, WG_F64, 1, (int64_t[]){4}, 0);
    const wg_var z = wavy(tape, WG_F64, 1, (int64_t[]){1}, 0), xs[2] = {x, z};
    wg_var g[2];
    cr_assert_eq(wg_grad(wg_sum(wg_map(fn, x, z)), xs, 2, g), WG_OK, "%s", wg_tape_message(tape));
    expect_values(g[0], (double[]){0, 0, 0, 0}, 0);
    expect_values(g[1], (double[]){12}, 1e-15);
    cr_assert_eq(wg_backward(wg_sum(wg_map(fn, x, z))), WG_OK);
    expect_adjoint(z, (double[]){12}, 1e-15);
    wg_tape_free(tape);
    wg_function_free(fn);
}

/* ---- The check of all operations ------------------------------------------------------------- */

static wg_map_state checked_state;
static bool checked_samples(int index, wg_sample *sample) {
    if (index >= (int)(sizeof all_shapes / sizeof all_shapes[0])) {
        return false;
    }
    const shapes *s = &all_shapes[index];
    *sample = (wg_sample){.count = 3, .state = &checked_state, .state_bytes = sizeof checked_state};
    for (int i = 0; i < 3; i++) {
        sample->operand[i] =
            (wg_sample_operand){.dtype = WG_F64, .rank = s->rank[i], .low = 0.4, .high = 1.2};
        memcpy(sample->operand[i].shape, s->shape[i], sizeof s->shape[i]);
        if (s->rank[i] == 1 && s->shape[i][0] == 1000) {
            sample->operand[i].shape[0] = 9;
        }
        if (s->rank[i] == 2 && s->shape[i][0] >= 300) {
            sample->operand[i].shape[0] = 4;
        }
    }
    return true;
}

static void smooth_body(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    y[0] = wg_mul(wg_sin(wg_mul(x[0], x[1])), wg_exp(wg_div(x[2], x[0])));
}

static void bell_body(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    y[0] = wg_exp(wg_mul(x[2], wg_sub(wg_square(x[0]), x[1])));
}

static void check(wg_function_body body, uint32_t reads) {
    wg_function *fn = record(body, 3, 1);
    checked_state.fn = fn;
    wg_op op = *wg_map_op(fn);
    cr_assert_eq(op.reads, reads);
    op.samples = checked_samples;
    wg_check_report report;
    cr_assert_eq(wg_check_op(&op, &report), WG_OK, "%s", wg_last_message());
    cr_assert_gt(report.compared, 100);
    wg_function_free(fn);
}

Test(map, agrees_with_finite_differences) {
    check(smooth_body, WG_READS_OPERANDS);
}

Test(map, reads_its_result_where_that_spares_a_function) {
    check(bell_body, WG_READS_OPERANDS | WG_READS_RESULT);
}

/* ---- Many operands --------------------------------------------------------------------------- */

enum {
    MANY = 70 /* more than there are bits for what is wanted */
};
static void many_body(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    y[0] = wg_number(0);
    for (int i = 0; i < MANY; i++) {
        y[0] = wg_add(y[0], wg_mul(0.5 + i, wg_square(x[i])));
    }
}

Test(map, more_operands_than_a_word_has_bits) {
    wg_function *fn = record(many_body, MANY, 1);
    wg_tape *tape = wg_tape_new();
    wg_var x[MANY];
    for (int i = 0; i < MANY; i++) {
        const double values[3] = {i, 1, -i};
        x[i] = i % 2 == 0 ? wg_variable(tape, WG_F64, 1, (int64_t[]){3}, values)
                          : wg_constant(tape, WG_F64, 1, (int64_t[]){3}, values);
    }
    const wg_var y = wg_map_at(fn, MANY, x, WG_HERE);
    cr_assert_eq(wg_backward(wg_sum(y)), WG_OK, "%s", wg_tape_message(tape));
    for (int i = 0; i < MANY; i += 2) {
        expect_adjoint(x[i], (double[]){(1 + 2 * i) * i, 1 + 2 * i, -(1 + 2 * i) * i}, 1e-14);
    }
    wg_tape_free(tape);
    wg_function_free(fn);
}

Test(map, the_macro_takes_one_to_sixteen_operands) {
    wg_function *fn = record(many_body, MANY, 1);
    (void)wg_map(fn, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);
    cr_assert_not_null(strstr(wg_last_message(), "70 inputs, and here are 16 operands"), "%s",
                       wg_last_message());
    wg_function_free(fn);
}

/* ---- Threads and memory ---------------------------------------------------------------------- */

Test(map, threads_change_no_bit) {
#if defined(_OPENMP)
    enum {
        ROWS = 3000,
        COLUMNS = 101
    };
    static double data[ROWS * COLUMNS], got[2][2 * ROWS * COLUMNS + COLUMNS + 1];
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        data[i] = sin(i);
    }
    wg_function *fn = record(mixture_body, 3, 1);
    for (int threads = 1; threads <= 2; threads++) {
        omp_set_num_threads(threads);
        double *out = got[threads - 1];
        wg_tape *tape = wg_tape_new();
        const int64_t shape[] = {ROWS, COLUMNS};
        const wg_var x = wg_variable(tape, WG_F64, 2, shape, data);
        const wg_var row = wg_variable(tape, WG_F64, 1, shape + 1, data + 77);
        const wg_var s = wg_scalar(tape, 0.7), y = wg_map(fn, x, row, s);
        cr_assert_eq(wg_read(y, WG_F64, out, ROWS * COLUMNS), WG_OK);
        cr_assert_eq(wg_backward_from(y, wg_sin(x)), WG_OK, "%s", wg_tape_message(tape));
        out += ROWS * COLUMNS;
        cr_assert_eq(wg_read_adjoint(x, WG_F64, out, ROWS * COLUMNS), WG_OK);
        out += ROWS * COLUMNS;
        cr_assert_eq(wg_read_adjoint(row, WG_F64, out, COLUMNS), WG_OK);
        out[COLUMNS] = wg_adjoint(s);
        wg_tape_free(tape);
    }
    cr_assert_eq(memcmp(got[0], got[1], sizeof got[0]), 0);
    wg_function_free(fn);
#endif
}

Test(map, a_thousand_steps_allocate_nothing_after_the_first) {
    wg_function *fn = record(mixture_body, 3, 1);
    wg_tape *tape = wg_tape_new();
    wg_tape_usage first = {0};
    for (int step = 0; step < 1000; step++) {
        const wg_var x = wavy(tape, WG_F64, 2, (int64_t[]){30, 20}, step);
        const wg_var row = wavy(tape, WG_F64, 1, (int64_t[]){20}, step), s = wg_scalar(tape, step);
        const wg_var loss = wg_sum(wg_map(fn, x, row, s));
        wg_var g;
        cr_assert_eq(wg_grad(loss, &x, 1, &g), WG_OK);
        cr_assert_eq(wg_backward(wg_add(loss, wg_sum(wg_square(g)))), WG_OK, "%s",
                     wg_tape_message(tape));
        wg_tape_reset(tape);
        if (step == 0) {
            first = wg_tape_usage_of(tape);
        }
    }
    const wg_tape_usage last = wg_tape_usage_of(tape);
    cr_assert_eq(first.allocations, last.allocations);
    wg_tape_free(tape);
    wg_function_free(fn);
}

/* ---- What is refused ------------------------------------------------------------------------- */

static void two_outputs(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    y[0] = wg_sin(x[0]);
    y[1] = wg_cos(x[0]);
}

Test(map, errors_name_operands_shapes_and_the_call) {
    wg_function *fn = record(swish_body, 2, 1), *two = record(two_outputs, 1, 2);
    wg_tape *tape = wg_tape_new();
    const int64_t three[] = {3}, four[] = {2, 4};
    wg_var x = wavy(tape, WG_F64, 1, three, 0);
    (void)wg_map(fn, x);
    expect_failure(tape, WG_ERROR_ARGUMENT,
                   "the function has 2 inputs, and here are 1 operands: [3]");
    x = wavy(tape, WG_F64, 1, three, 0);
    (void)wg_map(fn, x, 1, x);
    cr_assert_not_null(strstr(wg_tape_message(tape), "[3], a number, [3]"), "%s",
                       wg_tape_message(tape));
    expect_failure(tape, WG_ERROR_ARGUMENT, "test_map.c:");
    x = wavy(tape, WG_F64, 1, three, 0);
    (void)wg_map(two, x);
    expect_failure(tape, WG_ERROR_ARGUMENT, "2 outputs");
    x = wavy(tape, WG_F64, 1, three, 0);
    (void)wg_map(fn, x, wavy(tape, WG_F64, 2, four, 0));
    cr_assert_not_null(strstr(wg_tape_message(tape), "test_map.c:"));
    expect_failure(tape, WG_ERROR_SHAPE, "[3] and [2, 4] do not broadcast");
    wg_function *fn_of_many = record(many_body, MANY, 1);
    wg_var many[MANY];
    for (int i = 0; i < MANY; i++) {
        many[i] = i == 3 || i == 50 ? wavy(tape, WG_F64, i == 3 ? 2 : 1, i == 3 ? four : three, 0)
                                    : wg_number(1);
    }
    (void)wg_map_at(fn_of_many, MANY, many, WG_HERE);
    expect_failure(tape, WG_ERROR_SHAPE, "operand 3 [2, 4] and operand 50 [3] do not broadcast");
    x = wavy(tape, WG_F64, 1, three, 0);
    (void)wg_map((const wg_function *)NULL, x);
    expect_failure(tape, WG_ERROR_ARGUMENT, "the function is NULL");
    cr_assert(isnan(wg_value(wg_map(fn, 1))));
    cr_assert_not_null(strstr(wg_last_message(), "map: the function has 2 inputs"));
    wg_tape_free(tape);
    wg_function_free(fn_of_many);
    wg_function_free(two);
    wg_function_free(fn);
}

static void forked_body(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    y[0] = wg_branch(wg_gt(x[0], 0)) ? wg_square(x[0]) : wg_neg(x[0]);
}

Test(map, branches_stay_as_they_were_recorded) {
    wg_function *fn = record(forked_body, 1, 1);
    wg_tape *tape = wg_tape_new();
    const double values[] = {-3, 2};
    const wg_var y = wg_map(fn, wg_variable(tape, WG_F64, 1, (int64_t[]){2}, values));
    expect_values(y, (double[]){9, 4}, 1e-15);
    wg_tape_free(tape);
    wg_function_free(fn);
}
