/* test_batches.c: rows, columns, splits and mini-batches. */
#include "wengert.h"

#include <criterion/criterion.h>
#include <string.h>

/* Walks an epoch; returns the number of rows, kept in `order`. */
static int64_t walk(wg_batches *batches, uint64_t epoch, int64_t *order) {
    const int64_t *rows;
    int64_t n, count = 0, parts = 0;
    wg_batches_epoch(batches, epoch);
    while (wg_batches_next(batches, &rows, &n)) {
        memcpy(order + count, rows, (size_t)n * sizeof *rows);
        count += n;
        parts++;
    }
    cr_assert_eq(parts, wg_batches_count(batches));
    cr_assert(!wg_batches_next(batches, &rows, &n) && n == 0 && rows == NULL);
    return count;
}

Test(batches, in_order) {
    wg_batches *batches = NULL;
    int64_t order[10];
    cr_assert_eq(wg_batches_new(10, 4, (wg_batch_options){.shuffle = false}, &batches), WG_OK);
    cr_assert_eq(wg_batches_count(batches), 3);
    cr_assert_eq(walk(batches, 0, order), 10);
    for (int64_t i = 0; i < 10; i++) {
        cr_assert_eq(order[i], i);
    }
    wg_batches_free(batches);
}

Test(batches, drop_last) {
    wg_batches *batches = NULL;
    int64_t order[10];
    wg_batch_options options = {.drop_last = true};
    cr_assert_eq(wg_batches_new(10, 4, options, &batches), WG_OK);
    cr_assert_eq(walk(batches, 0, order), 8);
    wg_batches_free(batches);
    cr_assert_eq(wg_batches_new(3, 4, options, &batches), WG_OK);
    cr_assert_eq(walk(batches, 0, order), 0);
    wg_batches_free(batches);
    cr_assert_eq(wg_batches_new(8, 4, options, &batches), WG_OK);
    cr_assert_eq(walk(batches, 0, order), 8);
    wg_batches_free(batches);
}

/* Each epoch holds every row once, has an order of its own, and can be gone back to. */
Test(batches, shuffled) {
    wg_batches *batches = NULL, *other = NULL;
    int64_t first[100], second[100], again[100], foreign[100];
    wg_batch_options options = {.shuffle = true, .seed = 5};
    cr_assert_eq(wg_batches_new(100, 7, options, &batches), WG_OK);
    options.seed = 6;
    cr_assert_eq(wg_batches_new(100, 13, options, &other), WG_OK);
    cr_assert_eq(walk(batches, 0, first), 100);
    cr_assert_eq(walk(batches, 1, second), 100);
    cr_assert_eq(walk(batches, 0, again), 100);
    cr_assert_eq(walk(other, 0, foreign), 100);
    cr_assert_arr_eq(first, again, sizeof first);
    cr_assert_arr_neq(first, second, sizeof first);
    cr_assert_arr_neq(first, foreign, sizeof first);
    bool seen[100] = {false};
    for (int i = 0; i < 100; i++) {
        cr_assert(second[i] >= 0 && second[i] < 100 && !seen[second[i]]);
        seen[second[i]] = true;
    }
    wg_batches_free(batches);
    wg_batches_free(other);
}

/* A new walk stands at epoch 0, and the order does not depend on the size of the batches. */
Test(batches, starts_at_epoch_0) {
    wg_batches *small = NULL, *large = NULL;
    int64_t order[20], n;
    const int64_t *rows;
    wg_batch_options options = {.shuffle = true, .seed = 9};
    cr_assert_eq(wg_batches_new(20, 3, options, &small), WG_OK);
    cr_assert_eq(wg_batches_new(20, 20, options, &large), WG_OK);
    cr_assert(wg_batches_next(large, &rows, &n) && n == 20);
    cr_assert_eq(walk(small, 0, order), 20);
    cr_assert_arr_eq(order, rows, sizeof order);
    wg_batches_free(small);
    wg_batches_free(large);
}

Test(batches, refusals) {
    wg_batches *batches = NULL;
    int64_t order[1];
    wg_batch_options none = {.seed = 0};
    cr_assert_eq(wg_batches_new(-1, 4, none, &batches), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_batches_new(4, 0, none, &batches), WG_ERROR_ARGUMENT);
    cr_assert_null(batches);
    cr_assert_eq(wg_batches_new(INT64_MAX, 1, none, &batches), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_batches_new(0, 4, none, &batches), WG_OK);
    cr_assert_eq(walk(batches, 0, order), 0);
    wg_batches_free(batches);
    wg_batches_free(NULL);
}

/* u8 [4, 2, 3] counting up */
static wg_array *counting(void) {
    wg_array *a = NULL;
    cr_assert_eq(wg_array_new(WG_U8, 3, (int64_t[]){4, 2, 3}, &a), WG_OK);
    for (int i = 0; i < 24; i++) {
        ((uint8_t *)a->data)[i] = (uint8_t)i;
    }
    return a;
}

Test(rows, gather) {
    wg_array *a = counting();
    uint8_t bytes[18];
    float floats[18];
    const int64_t rows[] = {3, 0, 3};
    cr_assert_eq(wg_copy_rows(a, rows, 3, bytes), WG_OK);
    cr_assert_eq(wg_copy_rows_f32(a, rows, 3, 0.5, -1.0, floats), WG_OK);
    for (int i = 0; i < 18; i++) {
        int expected = (int)rows[i / 6] * 6 + i % 6;
        cr_assert_eq(bytes[i], expected);
        cr_assert(floats[i] == 0.5f * (float)expected - 1.0f);
    }
    cr_assert_eq(wg_copy_rows(a, NULL, 0, NULL), WG_OK);
    wg_array_free(a);
}

/* From f32 to f32, too, values are scaled and moved, one without the other. */
Test(rows, gather_as_f32_from_f32) {
    wg_array *a = NULL;
    float out[2];
    cr_assert_eq(wg_array_new(WG_F32, 1, (int64_t[]){2}, &a), WG_OK);
    ((float *)a->data)[0] = 3;
    ((float *)a->data)[1] = -5;
    const int64_t rows[] = {1, 0};
    cr_assert_eq(wg_copy_rows_f32(a, rows, 2, 1, 0.5, out), WG_OK);
    cr_assert(out[0] == -4.5f && out[1] == 3.5f);
    cr_assert_eq(wg_copy_rows_f32(a, rows, 2, 2, 0, out), WG_OK);
    cr_assert(out[0] == -10 && out[1] == 6);
    cr_assert_eq(wg_copy_rows_f32(a, rows, 2, 1, 0, out), WG_OK);
    cr_assert(out[0] == -5 && out[1] == 3);
    wg_array_free(a);
}

Test(rows, gather_checks_first) {
    wg_array *a = counting(), *scalar = NULL;
    uint8_t bytes[12] = {77};
    float floats[12] = {77.0f};
    const int64_t above[] = {0, 4}, negative[] = {0, -1};
    cr_assert_eq(wg_copy_rows(a, above, 2, bytes), WG_ERROR_ARGUMENT);
    cr_assert_not_null(strstr(wg_last_message(), "rows[1] is 4"));
    cr_assert_eq(wg_copy_rows_f32(a, negative, 2, 1.0, 0.0, floats), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_copy_rows(a, NULL, 2, bytes), WG_ERROR_ARGUMENT);
    cr_assert(bytes[0] == 77 && floats[0] == 77.0f);
    cr_assert_eq(wg_array_new(WG_F64, 0, NULL, &scalar), WG_OK);
    cr_assert_eq(wg_copy_rows(scalar, above, 1, bytes), WG_ERROR_SHAPE);
    wg_array_free(scalar);
    wg_array_free(a);
}

Test(rows, columns) {
    wg_array *a = NULL, *out = NULL;
    cr_assert_eq(wg_array_new(WG_F64, 2, (int64_t[]){3, 4}, &a), WG_OK);
    for (int i = 0; i < 12; i++) {
        ((double *)a->data)[i] = i;
    }
    cr_assert_eq(wg_columns(a, 1, 2, WG_F32, 0.25, 1.0, &out), WG_OK);
    cr_assert(out->dtype == WG_F32 && out->rank == 2 && out->shape[0] == 3 && out->shape[1] == 2);
    cr_assert(((float *)out->data)[2] == 0.25f * 5.0f + 1.0f);
    wg_array_free(out);
    cr_assert_eq(wg_column(a, 3, WG_I64, &out), WG_OK);
    cr_assert(out->rank == 1 && out->shape[0] == 3 && ((int64_t *)out->data)[2] == 11);
    wg_array_free(out);
    cr_assert_eq(wg_column(a, 4, WG_I64, &out), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_columns(a, 3, 2, WG_I64, 1.0, 0.0, &out), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_columns(a, -1, 2, WG_I64, 1.0, 0.0, &out), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_columns(a, 0, 4, WG_U8, 0.5, 0.0, &out), WG_ERROR_FORMAT);
    cr_assert_not_null(strstr(wg_last_message(), "row 0, column 1"));
    cr_assert_eq(wg_columns(a, 0, 4, WG_U8, -1.0, 0.0, &out), WG_ERROR_FORMAT);
    cr_assert_eq(wg_columns(a, 0, 4, WG_I64, 1e300, 0.0, &out), WG_ERROR_FORMAT);
    cr_assert_null(out);
    wg_array_free(a);
}

Test(rows, windows) {
    wg_array *text = NULL, *matrix = NULL;
    uint8_t out[6] = {77};
    cr_assert_eq(wg_array_new(WG_U8, 1, (int64_t[]){5}, &text), WG_OK);
    memcpy(text->data, "abcde", 5);
    const int64_t starts[] = {2, 0}, late[] = {0, 3}, negative[] = {-1, 0};
    cr_assert_eq(wg_copy_windows(text, starts, 2, 3, out), WG_OK);
    cr_assert(memcmp(out, "cdeabc", 6) == 0);
    cr_assert_eq(wg_copy_windows(text, late, 2, 3, out), WG_ERROR_ARGUMENT);
    cr_assert_not_null(strstr(wg_last_message(), "starts[1] = 3"));
    cr_assert_eq(wg_copy_windows(text, negative, 2, 3, out), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_copy_windows(text, starts, 1, 6, out), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_copy_windows(text, NULL, 0, 3, NULL), WG_OK);
    cr_assert(memcmp(out, "cdeabc", 6) == 0);
    cr_assert_eq(wg_array_new(WG_U8, 2, (int64_t[]){5, 1}, &matrix), WG_OK);
    cr_assert_eq(wg_copy_windows(matrix, starts, 1, 1, out), WG_ERROR_SHAPE);
    wg_array_free(matrix);
    wg_array_free(text);
}

Test(rows, split) {
    int64_t train[80], test[20], other[20], rest[80];
    cr_assert_eq(wg_split(100, 20, 3, train, test), WG_OK);
    bool seen[100] = {false};
    for (int i = 0; i < 100; i++) {
        int64_t row = i < 80 ? train[i] : test[i - 80];
        cr_assert(row >= 0 && row < 100 && !seen[row]);
        seen[row] = true;
        cr_assert(i == 0 || i == 80 || row > (i < 80 ? train[i - 1] : test[i - 81]));
    }
    cr_assert_eq(wg_split(100, 20, 4, rest, other), WG_OK);
    cr_assert_arr_neq(test, other, sizeof test);
    cr_assert_eq(wg_split(20, 20, 4, NULL, test), WG_OK);
    cr_assert_eq(wg_split(80, 0, 4, train, NULL), WG_OK);
    cr_assert_eq(wg_split(10, 11, 4, train, test), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_split(10, -1, 4, train, test), WG_ERROR_ARGUMENT);
}

Test(rows, go_onto_a_tape) {
    wg_array *table;
    cr_assert_eq(wg_array_new(WG_F32, WG_SHAPE(3, 2), &table), WG_OK);
    for (int i = 0; i < 6; i++) {
        ((float *)table->data)[i] = (float)i;
    }
    wg_tape *tape = wg_tape_new();
    float out[6];
    const int64_t rows[] = {2, 0}, wrong[] = {3};
    wg_var batch = wg_constant_rows(tape, table, rows, 2);
    cr_assert_eq(wg_read(batch, WG_F32, out, 4), WG_OK);
    cr_assert(out[0] == 4 && out[1] == 5 && out[2] == 0 && out[3] == 1);
    cr_assert_eq(wg_read(wg_constant_of(tape, table), WG_F32, out, 6), WG_OK);
    cr_assert_eq(out[5], 5);
    (void)wg_constant_rows(tape, table, wrong, 1);
    cr_assert_eq(wg_tape_status(tape), WG_ERROR_ARGUMENT);
    cr_assert_not_null(strstr(wg_tape_message(tape), "rows[0] is 3"), "%s", wg_tape_message(tape));
    wg_array *selected;
    cr_assert_eq(wg_select_rows(table, rows, 2, &selected), WG_OK);
    cr_assert(selected->shape[0] == 2 && ((float *)selected->data)[1] == 5);
    wg_array_free(selected);
    cr_assert_eq(wg_select_rows(table, wrong, 1, &selected), WG_ERROR_ARGUMENT);
    cr_assert_null(selected);
    wg_tape_free(tape);
    wg_array_free(table);
}
