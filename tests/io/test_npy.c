/* test_npy.c: .npy files written, and every way to damage one. */
#include "bytes.h"
#include "io/npy.h"
#include "wengert/npy.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(npy, .fini = test_path_remove);

static float f32[6] = {1, 2, 3, 4, 5, 6};

Test(npy, the_bytes_are_numpys) {
    const wg_view view = wg_view_new(WG_F32, 2, (int64_t[]){2, 3}, f32);
    const char *path = test_path("x");
    cr_assert_eq(wg_write_npy(path, &view), WG_OK, "%s", wg_last_message());
    size_t size = 0;
    unsigned char *bytes = file_bytes(path, &size);
    static const char header[] = "\x93NUMPY\x01\x00v\x00"
                                 "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
    cr_assert_eq(size, 128 + 24);
    cr_assert_arr_eq(bytes, header, sizeof header - 1);
    cr_assert(bytes[126] == ' ' && bytes[127] == '\n');
    cr_assert_arr_eq(bytes + 128, f32, 24);
    free(bytes);
    cr_assert_eq(test_path_files(), 1);
}

Test(npy, every_dtype_and_rank_comes_back) {
    static double data[256];
    for (int i = 0; i < 256; i++) {
        data[i] = 0.5 + i;
    }
    for (int dtype = WG_F32; dtype <= WG_U8; dtype++) {
        for (int rank = 0; rank <= WG_MAX_RANK; rank++) {
            const int64_t shape[WG_MAX_RANK] = {2, 2, 2, 2, 2, 2, 2, 2};
            const wg_view view = wg_view_new((wg_dtype)dtype, rank, shape, data);
            wg_array *array = NULL;
            const char *path = test_path("x");
            cr_assert_eq(wg_write_npy(path, &view), WG_OK, "%s", wg_last_message());
            cr_assert_eq(wg_read_npy(path, &array), WG_OK, "%s", wg_last_message());
            cr_assert(array->dtype == (wg_dtype)dtype && array->rank == rank &&
                      wg_array_count(array) == (int64_t)1 << rank);
            cr_assert_arr_eq(array->data, data,
                             ((size_t)1 << rank) * wg_dtype_size((wg_dtype)dtype));
            wg_array_free(array);
        }
    }
}

/* strchr would find it: it ends every string. */
Test(npy, a_zero_is_no_byte_order) {
    const wg_view view = wg_view_new(WG_F32, 2, (int64_t[]){2, 3}, f32);
    const char *path = test_path("x");
    cr_assert_eq(wg_write_npy(path, &view), WG_OK, "%s", wg_last_message());
    size_t size = 0;
    unsigned char *bytes = file_bytes(path, &size);
    cr_assert_eq(bytes[21], '<');
    bytes[21] = 0;
    FILE *file = fopen(path, "wb");
    cr_assert(fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
    wg_array *array = NULL;
    expect_refused(wg_read_npy(path, &array), WG_ERROR_DTYPE, "byte 20: elements '");
    free(bytes);
}

Test(npy, strides_are_undone) {
    wg_view view = wg_view_new(WG_F32, 2, (int64_t[]){3, 2}, f32);
    view.stride[0] = 1, view.stride[1] = 3;
    wg_array *array = NULL;
    const char *path = test_path("x");
    cr_assert_eq(wg_write_npy(path, &view), WG_OK, "%s", wg_last_message());
    cr_assert_eq(wg_read_npy(path, &array), WG_OK, "%s", wg_last_message());
    cr_assert_arr_eq(array->data, ((float[]){1, 4, 2, 5, 3, 6}), 24);
    wg_array_free(array);
}

Test(npy, what_cannot_be_written_is_refused) {
    wg_view view = wg_view_new(WG_BF16, 1, (int64_t[]){2}, f32);
    const char *path = test_path("x");
    expect_refused(wg_write_npy(path, &view), WG_ERROR_DTYPE, "no bf16");
    view = wg_view_new(WG_F32, 1, (int64_t[]){2}, NULL);
    expect_refused(wg_write_npy(path, &view), WG_ERROR_ARGUMENT, "without data");
    expect_refused(wg_write_npy(path, NULL), WG_ERROR_ARGUMENT, "NULL");
    view.data = f32;
    expect_refused(wg_write_npy(NULL, &view), WG_ERROR_ARGUMENT, "NULL");
    expect_refused(wg_write_npy("/dev/full", &view), WG_ERROR_FILE, "/dev/full");
    cr_assert_eq(test_path_files(), 0);
}

Test(npy, plain_files_are_mapped) {
    wg_mapped *mapped = NULL;
    cr_assert_eq(wg_map_npy(WG_IO_DATA "/f8-little.npy", &mapped), WG_OK, "%s", wg_last_message());
    const wg_array *array = wg_mapped_array(mapped);
    cr_assert(array->dtype == WG_F64 && array->rank == 2 && array->shape[1] == 3);
    cr_assert_eq(((const double *)array->data)[5], 3);
    wg_mapped_free(mapped);
    static const char *const others[] = {"f8-big", "f2-little", "i4-little", "fortran", "b1-byte"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char path[512];
        (void)snprintf(path, sizeof path, "%s/%s.npy", WG_IO_DATA, others[i]);
        expect_refused(wg_map_npy(path, &mapped), WG_ERROR_DTYPE, "wg_read_npy reads them");
        cr_assert_null(mapped);
    }
    expect_refused(wg_map_npy(WG_IO_DATA "/stored.npz", &mapped), WG_ERROR_FORMAT, "byte 0: ");
}

/* ---- Damage ---------------------------------------------------------------------------------- */

/* Decodes version 1.0 with that dictionary and `data` bytes 0, 1, 2, … */
static wg_status decode(const char *dictionary, size_t data) {
    const size_t length = strlen(dictionary), size = 10 + length + data;
    unsigned char *bytes = malloc(size);
    cr_assert_not_null(bytes);
    memcpy(bytes, "\x93NUMPY\x01\x00", 8);
    bytes[8] = (unsigned char)length;
    bytes[9] = (unsigned char)(length >> 8);
    memcpy(bytes + 10, dictionary, length);
    for (size_t i = 0; i < data; i++) {
        bytes[10 + length + i] = (unsigned char)i;
    }
    wg_array *array = NULL;
    const wg_npy_source source = {"read_npy", "x", NULL, bytes, size};
    const wg_status status = wg_npy_decode(&source, &array);
    cr_assert_eq(array == NULL, status != WG_OK);
    wg_array_free(array);
    free(bytes);
    return status;
}

#define HEADER(descr, shape) "{'descr': '" descr "', 'fortran_order': False, 'shape': " shape "}"

static const struct {
    const char *dictionary;
    size_t data;
    wg_status status;
    const char *text;
} rows[] = {
    {"", 0, WG_ERROR_FORMAT, "byte 10: no { where the header must have one"},
    {"{", 0, WG_ERROR_FORMAT, "byte 11: no string"},
    {"{}", 0, WG_ERROR_FORMAT, "byte 10: the header has no 'descr'"},
    {"{'descr': '<f4'}", 0, WG_ERROR_FORMAT, "the header has no 'fortran_order'"},
    {"{'descr': '<f4', 'fortran_order': False}", 0, WG_ERROR_FORMAT, "the header has no 'shape'"},
    {"{'descr: 1", 0, WG_ERROR_FORMAT, "byte 12: a string that does not end"},
    {"{'descr' '<f4'", 0, WG_ERROR_FORMAT, "byte 19: no : where"},
    {"{'descr': '<f4', 'descr': '<f4'}", 0, WG_ERROR_FORMAT, "byte 27: twice the field 'descr'"},
    {"{'order': 1}", 0, WG_ERROR_FORMAT, "byte 11: the unknown field 'order'"},
    {"{'descr': '<f4' 'shape'", 0, WG_ERROR_FORMAT, "byte 26: no } where"},
    {HEADER("<f4", "()") " x", 4, WG_ERROR_FORMAT, "the header goes on behind its end"},
    {HEADER("<f3", "()"), 4, WG_ERROR_DTYPE, "byte 20: elements '<f3', which no dtype holds"},
    {HEADER("<c8", "()"), 8, WG_ERROR_DTYPE, "elements '<c8'"},
    {HEADER("<U5", "()"), 20, WG_ERROR_DTYPE, "elements '<U5'"},
    {HEADER("|O", "()"), 8, WG_ERROR_DTYPE, "elements '|O'"},
    {HEADER("f4", "()"), 4, WG_ERROR_DTYPE, "elements 'f4'"},
    {HEADER("<f16", "()"), 16, WG_ERROR_DTYPE, "elements '<f16'"},
    {HEADER("|f4", "()"), 4, WG_ERROR_FORMAT, "'|f4' has no byte order"},
    {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': ()}", 4, WG_ERROR_DTYPE,
     "byte 20: records"},
    {"{'descr': 4, ", 0, WG_ERROR_FORMAT, "byte 20: no string"},
    {"{'fortran_order': 0}", 0, WG_ERROR_FORMAT, "byte 28: neither True nor False"},
    {HEADER("<f4", "2"), 8, WG_ERROR_FORMAT, "no ( where"},
    {HEADER("<f4", "(2)"), 8, WG_ERROR_FORMAT, "a shape without a comma"},
    {HEADER("<f4", "(-1,)"), 8, WG_ERROR_FORMAT, "no size where the shape must have one"},
    {HEADER("<f4", "(2 3)"), 24, WG_ERROR_FORMAT, "no ) where"},
    {HEADER("<f4", "(9223372036854775808,)"), 8, WG_ERROR_LIMIT, "a size that overflows"},
    {HEADER("<f4", "(4294967296, 4294967296)"), 8, WG_ERROR_LIMIT, "overflows"},
    {HEADER("<f4", "(1,1,1,1,1,1,1,1,1)"), 4, WG_ERROR_LIMIT, "more than 8 axes"},
    {HEADER("<f4", "(2,)"), 7, WG_ERROR_FORMAT,
     "byte 72: the file ends here; the shape [2] needs 73 bytes"},
    {HEADER("<f4", "(2,)"), 9, WG_ERROR_FORMAT, "byte 73: 1 bytes left over after the shape [2]"},
    {HEADER("|b1", "(3,)"), 3, WG_ERROR_FORMAT, "byte 67: a bool that is neither 0 nor 1"},
    {HEADER("<u8", "()"), 8, WG_OK, ""},
    {HEADER(">u8", "(16,)"), 128, WG_OK, ""},
    {HEADER(">u8", "(33,)"), 264, WG_ERROR_FORMAT, "byte 194: an integer above 2^63 - 1"},
    {"{ \"shape\" : ( 1L , 2L ) ,\n'descr':'<i2','fortran_order':True } \n", 4, WG_OK, ""},
    {HEADER("<f8", "(0, 1000000000)"), 0, WG_OK, ""},
    {HEADER("<f8", "(3, 0, 9223372036854775807)"), 0, WG_ERROR_LIMIT, "overflows"},
};

Test(npy, each_damage_is_refused_at_its_byte) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const wg_status status = decode(rows[i].dictionary, rows[i].data);
        if (rows[i].status == WG_OK) {
            cr_assert_eq(status, WG_OK, "row %zu: %s", i, wg_last_message());
        } else {
            expect_refused(status, rows[i].status, rows[i].text);
        }
    }
}

static wg_status decode_bytes(const unsigned char *bytes, size_t size) {
    wg_array *array = NULL;
    const wg_npy_source source = {"read_npy", NULL, NULL, bytes, size};
    const wg_status status = wg_npy_decode(&source, &array);
    wg_array_free(array);
    return status;
}

Test(npy, every_truncation_and_version_is_refused) {
    size_t size = 0;
    unsigned char *bytes = file_bytes(WG_IO_DATA "/fortran.npy", &size);
    for (size_t count = 0; count < size; count++) {
        unsigned char *part = copy_of(bytes, count);
        char text[48];
        (void)snprintf(text, sizeof text, "byte %zu: the file ends", count);
        expect_refused(decode_bytes(part, count), WG_ERROR_FORMAT, text);
        free(part);
    }
    bytes[6] = 4;
    expect_refused(decode_bytes(bytes, size), WG_ERROR_FORMAT, "byte 6: version 4.0");
    bytes[6] = 1, bytes[7] = 1;
    expect_refused(decode_bytes(bytes, size), WG_ERROR_FORMAT, "byte 6: version 1.1");
    bytes[5] = 'X';
    expect_refused(decode_bytes(bytes, size), WG_ERROR_FORMAT, "byte 5: 0x58 where");
    free(bytes);
}

Test(npy, no_flipped_bit_does_harm) {
    size_t size = 0;
    unsigned char *bytes = file_bytes(WG_IO_DATA "/fortran.npy", &size);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        cr_assert(decode_bytes(bytes, size) == WG_OK || strstr(wg_last_message(), "byte ") != NULL);
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    free(bytes);
}
