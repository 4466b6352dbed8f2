/* test_idx.c: IDX files: every type, and every way to damage one. */
#include "files.h"
#include "wengert/data.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(idx, .fini = test_file_remove);

/* u8 [2, 3] */
static const unsigned char small[] = {0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255};

static wg_status read_bytes(const unsigned char *bytes, size_t size, wg_array **out) {
    return wg_read_idx(test_file(bytes, size), out);
}

static void expect_offset(size_t offset) {
    char text[32];
    (void)snprintf(text, sizeof text, ": byte %zu: ", offset);
    cr_assert_not_null(strstr(wg_last_message(), text), "want '%s' in: %s", text,
                       wg_last_message());
}

Test(idx, u8) {
    wg_array *a = NULL;
    cr_assert_eq(read_bytes(small, sizeof small, &a), WG_OK);
    cr_assert(a->dtype == WG_U8 && a->rank == 2 && a->shape[0] == 2 && a->shape[1] == 3);
    cr_assert_arr_eq(a->data, small + 12, 6);
    wg_array_free(a);
}

Test(idx, signed_integers_become_i64) {
    static const struct {
        unsigned char bytes[16];
        size_t size;
        int64_t first, second;
    } rows[] = {
        {{0, 0, 9, 1, 0, 0, 0, 2, 0x80, 0x7F}, 10, -128, 127},
        {{0, 0, 0x0B, 1, 0, 0, 0, 2, 0x80, 0, 0x01, 0x02}, 12, -32768, 258},
        {{0, 0, 0x0C, 1, 0, 0, 0, 2, 0xFF, 0xFF, 0xFF, 0xFE, 0x7F, 0xFF, 0xFF, 0xFF},
         16,
         -2,
         2147483647},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        wg_array *a = NULL;
        cr_assert_eq(read_bytes(rows[i].bytes, rows[i].size, &a), WG_OK);
        cr_assert(a->dtype == WG_I64 && a->rank == 1 && a->shape[0] == 2);
        cr_assert_eq(((int64_t *)a->data)[0], rows[i].first);
        cr_assert_eq(((int64_t *)a->data)[1], rows[i].second);
        wg_array_free(a);
    }
}

Test(idx, floats_are_big_endian) {
    static const unsigned char f32[] = {0, 0, 0x0D, 1, 0, 0, 0, 1, 0xC0, 0x48, 0, 0};
    static const unsigned char f64[] = {0, 0, 0x0E, 0, 0x3F, 0xF8, 0, 0, 0, 0, 0, 0};
    wg_array *a = NULL;
    cr_assert_eq(read_bytes(f32, sizeof f32, &a), WG_OK);
    cr_assert(a->dtype == WG_F32 && *(float *)a->data == -3.125f);
    wg_array_free(a);
    cr_assert_eq(read_bytes(f64, sizeof f64, &a), WG_OK);
    cr_assert(a->dtype == WG_F64 && a->rank == 0 && *(double *)a->data == 1.5);
    wg_array_free(a);
}

Test(idx, empty_axis) {
    static const unsigned char bytes[] = {0, 0, 8, 2, 0, 0, 0, 0, 0, 0, 0, 3};
    wg_array *a = NULL;
    cr_assert_eq(read_bytes(bytes, sizeof bytes, &a), WG_OK);
    cr_assert_eq(wg_array_count(a), 0);
    wg_array_free(a);
}

Test(idx, truncated_at_every_byte) {
    for (size_t size = 0; size < sizeof small; size++) {
        wg_array *a = NULL;
        cr_assert_eq(read_bytes(small, size, &a), WG_ERROR_FORMAT, "%zu bytes", size);
        cr_assert_null(a);
        expect_offset(size);
    }
}

Test(idx, trailing_byte) {
    unsigned char bytes[sizeof small + 1] = {0};
    memcpy(bytes, small, sizeof small);
    wg_array *a = NULL;
    cr_assert_eq(read_bytes(bytes, sizeof bytes, &a), WG_ERROR_FORMAT);
    expect_offset(sizeof small);
}

/* Every value of every header byte: an error that says where, or an array that fits the file. */
Test(idx, damaged_header) {
    for (size_t at = 0; at < 12; at++) {
        for (unsigned value = 0; value < 256; value++) {
            unsigned char bytes[sizeof small];
            memcpy(bytes, small, sizeof small);
            bytes[at] = (unsigned char)value;
            wg_array *a = NULL;
            wg_status status = read_bytes(bytes, sizeof bytes, &a);
            if (value == small[at] || (at == 2 && value == 9)) { /* i8 has u8's size */
                cr_assert_eq(status, WG_OK, "byte %zu is %u", at, value);
                cr_assert_eq(wg_array_count(a), 6);
            } else {
                cr_assert_neq(status, WG_OK, "byte %zu is %u", at, value);
                cr_assert_not_null(strstr(wg_last_message(), ": byte "));
                cr_assert_null(a);
            }
            wg_array_free(a);
        }
    }
}

Test(idx, damage_says_where) {
    static const struct {
        unsigned char bytes[4];
        size_t offset;
    } rows[] = {{{1, 0, 8, 1}, 0}, {{0, 1, 8, 1}, 1}, {{0, 0, 7, 1}, 2}, {{0, 0, 8, 9}, 3}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        wg_array *a = NULL;
        cr_assert_eq(read_bytes(rows[i].bytes, 4, &a), WG_ERROR_FORMAT);
        expect_offset(rows[i].offset);
    }
}

Test(idx, sizes_that_overflow) {
    unsigned char bytes[4 + 32] = {0, 0, 8, 8};
    memset(bytes + 4, 0xFF, 32);
    wg_array *a = NULL;
    cr_assert_eq(read_bytes(bytes, sizeof bytes, &a), WG_ERROR_LIMIT);
    expect_offset(4);
}

Test(idx, gzip_is_named) {
    static const unsigned char bytes[] = {0x1F, 0x8B, 8, 0, 0, 0};
    wg_array *a = NULL;
    cr_assert_eq(read_bytes(bytes, sizeof bytes, &a), WG_ERROR_FORMAT);
    cr_assert_not_null(strstr(wg_last_message(), "gzip"));
}

Test(idx, files_that_are_not_there) {
    wg_array *a = NULL;
    cr_assert_eq(wg_read_idx("/no/such/file", &a), WG_ERROR_FILE);
    cr_assert_not_null(strstr(wg_last_message(), "/no/such/file"));
    cr_assert_eq(wg_read_idx("/", &a), WG_ERROR_FILE);
    cr_assert_eq(wg_read_idx(NULL, &a), WG_ERROR_ARGUMENT);
    cr_assert_null(a);
}

Test(idx, round_trip) {
    static const wg_dtype dtypes[] = {WG_F32, WG_F64, WG_I64, WG_U8};
    for (size_t d = 0; d < 4; d++) {
        wg_array *a = NULL, *b = NULL;
        cr_assert_eq(wg_array_new(dtypes[d], 3, (int64_t[]){7, 11, 13}, &a), WG_OK);
        for (int64_t i = 0; i < 1001; i++) {
            switch (dtypes[d]) {
            case WG_F32:
                ((float *)a->data)[i] = 1.0f / (float)(i - 500);
                break;
            case WG_F64:
                ((double *)a->data)[i] = 1.0 / (double)(i - 500);
                break;
            case WG_I64:
                ((int64_t *)a->data)[i] = (i - 500) * 4000000;
                break;
            case WG_U8:
                ((uint8_t *)a->data)[i] = (uint8_t)i;
                break;
            case WG_BF16: /* the format has none */
                break;
            }
        }
        const char *path = test_file("", 0);
        cr_assert_eq(wg_write_idx(path, a), WG_OK);
        cr_assert_eq(wg_read_idx(path, &b), WG_OK, "%s", wg_last_message());
        cr_assert(b->dtype == a->dtype && b->rank == 3 && b->shape[2] == 13);
        cr_assert_arr_eq(a->data, b->data, 1001 * wg_dtype_size(a->dtype));
        wg_array_free(a);
        wg_array_free(b);
    }
}

Test(idx, write_refuses) {
    wg_array *a = NULL;
    cr_assert_eq(wg_array_new(WG_I64, 1, (int64_t[]){1}, &a), WG_OK);
    ((int64_t *)a->data)[0] = INT64_C(1) << 31;
    cr_assert_eq(wg_write_idx(test_file("", 0), a), WG_ERROR_ARGUMENT);
    ((int64_t *)a->data)[0] = 0;
    cr_assert_eq(wg_write_idx("/no/such/folder/file", a), WG_ERROR_FILE);
    cr_assert_eq(wg_write_idx(NULL, a), WG_ERROR_ARGUMENT);
    wg_array half = {.dtype = WG_BF16, .rank = 1};
    cr_assert_eq(wg_write_idx("x", &half), WG_ERROR_DTYPE);
    cr_assert_not_null(strstr(wg_last_message(), "the format has no bf16"));
    cr_assert_eq(wg_write_idx("/", a), WG_ERROR_FILE);
    wg_array_free(a);
}
