/* test_mapped.c: files as arrays. */
#include "files.h"
#include "wengert.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(mapped, .fini = test_file_remove);

static const unsigned char small[] = {0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255};

Test(mapped, idx_as_it_is_read) {
    wg_mapped *m = NULL;
    cr_assert_eq(wg_map_idx(test_file(small, sizeof small), &m), WG_OK);
    const wg_array *a = wg_mapped_array(m);
    cr_assert(a->dtype == WG_U8 && a->rank == 2 && a->shape[0] == 2 && a->shape[1] == 3);
    cr_assert_arr_eq(a->data, small + 12, 6);
    float out[3];
    cr_assert_eq(wg_copy_rows_f32(a, (int64_t[]){1}, 1, 2, 0, out), WG_OK);
    cr_assert(out[0] == 8 && out[2] == 510);
    wg_mapped_free(m);
    wg_mapped_free(NULL);
}

Test(mapped, idx_damaged) {
    wg_mapped *m = NULL;
    for (size_t size = 0; size < sizeof small; size++) {
        cr_assert_eq(wg_map_idx(test_file(small, size), &m), WG_ERROR_FORMAT);
        cr_assert_null(m);
    }
    const unsigned char floats[] = {0, 0, 0x0D, 1, 0, 0, 0, 1, 0xC0, 0x48, 0, 0};
    cr_assert_eq(wg_map_idx(test_file(floats, sizeof floats), &m), WG_ERROR_DTYPE);
    cr_assert_not_null(strstr(wg_last_message(), "byte 2"));
    cr_assert_eq(wg_map_idx(test_file(small, 3), &m), WG_ERROR_FORMAT);
    cr_assert_eq(strncmp(wg_last_message(), "map_idx: ", 9), 0, "%s", wg_last_message());
    cr_assert_eq(wg_map_idx("/no/such/file", &m), WG_ERROR_FILE);
    cr_assert_eq(wg_map_idx(NULL, &m), WG_ERROR_ARGUMENT);
    const unsigned char empty[] = {0, 0, 8, 2, 0, 0, 0, 0, 0, 0, 0, 3};
    cr_assert_eq(wg_map_idx(test_file(empty, sizeof empty), &m), WG_OK);
    cr_assert_eq(wg_array_count(wg_mapped_array(m)), 0);
    wg_mapped_free(m);
}

Test(mapped, raw_elements) {
    const float values[] = {7, 7, 1, 2, 3, 4, 5, 6};
    const char *path = test_file(values, sizeof values);
    wg_mapped *m = NULL;
    cr_assert_eq(wg_map_raw(path, WG_F32, 2, (int64_t[]){-1, 3}, 8, &m), WG_OK, "%s",
                 wg_last_message());
    const wg_array *a = wg_mapped_array(m);
    cr_assert(a->dtype == WG_F32 && a->rank == 2 && a->shape[0] == 2 && a->shape[1] == 3);
    cr_assert_arr_eq(a->data, values + 2, 6 * sizeof *values);
    wg_tape *tape = wg_tape_new();
    cr_assert_eq(wg_value(wg_at(wg_constant_of(tape, a), 5)), 6);
    wg_tape_free(tape);
    wg_mapped_free(m);
    cr_assert_eq(wg_map_raw(path, WG_F64, 1, (int64_t[]){4}, 0, &m), WG_OK);
    wg_mapped_free(m);
    cr_assert_eq(wg_map_raw(path, WG_F32, 2, (int64_t[]){-1, 3}, 32, &m), WG_OK);
    cr_assert_eq(wg_mapped_array(m)->shape[0], 0);
    wg_mapped_free(m);
}

Test(mapped, raw_refusals) {
    const char bytes[33] = {0};
    const char *path = test_file(bytes, sizeof bytes);
    static const struct {
        wg_dtype dtype;
        int rank;
        int64_t shape[2], offset;
        wg_status status;
    } rows[] = {
        {WG_F32, 1, {8}, 0, WG_ERROR_FORMAT},
        {WG_F32, 1, {-1}, 0, WG_ERROR_FORMAT},
        {WG_U8, 1, {34}, 0, WG_ERROR_FORMAT},
        {WG_U8, 1, {32}, 0, WG_ERROR_FORMAT},
        {WG_U8, 1, {1}, 34, WG_ERROR_FORMAT},
        {WG_F32, 1, {-1}, 2, WG_ERROR_ARGUMENT},
        {WG_U8, 1, {-1}, -1, WG_ERROR_ARGUMENT},
        {WG_U8, 2, {-1, -1}, 0, WG_ERROR_ARGUMENT},
        {WG_U8, 1, {-2}, 0, WG_ERROR_ARGUMENT},
        {WG_U8, 9, {1}, 0, WG_ERROR_ARGUMENT},
        {(wg_dtype)77, 1, {1}, 0, WG_ERROR_ARGUMENT},
        {WG_U8, 2, {-1, 0}, 0, WG_ERROR_FORMAT},
        {WG_U8, 2, {INT64_MAX, INT64_MAX}, 0, WG_ERROR_LIMIT},
        {WG_U8, 2, {-1, INT64_MAX}, 0, WG_ERROR_LIMIT},
    };
    wg_mapped *none = NULL;
    cr_assert_eq(wg_map_raw(path, WG_U8, 1, NULL, 0, &none), WG_ERROR_ARGUMENT);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        wg_mapped *m = NULL;
        cr_assert_eq(
            wg_map_raw(path, rows[i].dtype, rows[i].rank, rows[i].shape, rows[i].offset, &m),
            rows[i].status, "row %zu: %s", i, wg_last_message());
        cr_assert_null(m);
    }
}
