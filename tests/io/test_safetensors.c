/* test_safetensors.c: safetensors files: what is written is read back, and laid out as others do.
 */
#include "bytes.h"
#include "wengert/array.h"
#include "wengert/safetensors.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

TestSuite(safetensors, .fini = test_path_remove);

static float f32[6] = {1, 2, 3, 4, 5, -0.0f};
static double f64[2] = {1e300, NAN};
static int64_t i64[1] = {INT64_MIN};
static uint8_t u8[3] = {0, 7, 255};
static wg_bf16 bf16[2] = {{0x3f80}, {0x7fc0}};

/* One of each dtype, in no order, a transposed one and an empty one among them. */
static void make_views(wg_named_view views[7]) {
    views[0] = (wg_named_view){"u8", wg_view_new(WG_U8, 1, (int64_t[]){3}, u8)};
    views[1] = (wg_named_view){"b.f32", wg_view_new(WG_F32, 2, (int64_t[]){2, 3}, f32)};
    views[2] = (wg_named_view){"a.f32", views[1].view};
    views[2].view.shape[0] = 3, views[2].view.shape[1] = 2;
    views[2].view.stride[0] = 1, views[2].view.stride[1] = 3;
    views[3] = (wg_named_view){"bf16", wg_view_new(WG_BF16, 1, (int64_t[]){2}, bf16)};
    views[4] = (wg_named_view){"f64", wg_view_new(WG_F64, 1, (int64_t[]){2}, f64)};
    views[5] = (wg_named_view){"i64", wg_view_new(WG_I64, 0, NULL, i64)};
    views[6] = (wg_named_view){"empty", wg_view_new(WG_F32, 2, (int64_t[]){0, 4}, NULL)};
}

Test(safetensors, the_bytes_are_those_of_the_reference_implementation) {
    wg_named_view views[7];
    const wg_metadata metadata = {"format", "a\"b\n"};
    make_views(views);
    const char *path = test_path("x");
    cr_assert_eq(wg_safetensors_save(path, 7, views, 1, &metadata), WG_OK, "%s", wg_last_message());
    size_t size = 0;
    unsigned char *bytes = file_bytes(path, &size);
    static const char header[] =
        "{\"__metadata__\":{\"format\":\"a\\\"b\\u000a\"},"
        "\"i64\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]},"
        "\"f64\":{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[8,24]},"
        "\"a.f32\":{\"dtype\":\"F32\",\"shape\":[3,2],\"data_offsets\":[24,48]},"
        "\"b.f32\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[48,72]},"
        "\"empty\":{\"dtype\":\"F32\",\"shape\":[0,4],\"data_offsets\":[72,72]},"
        "\"bf16\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[72,76]},"
        "\"u8\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[76,79]}}";
    const size_t padded = (sizeof header - 1 + 7) / 8 * 8;
    cr_assert_eq(bytes[0] + 256 * bytes[1], (int)padded);
    cr_assert_arr_eq(bytes + 8, header, sizeof header - 1);
    for (size_t i = sizeof header - 1; i < padded; i++) {
        cr_assert_eq(bytes[8 + i], ' ');
    }
    cr_assert_eq(size, 8 + padded + 79);
    const float transposed[6] = {1, 4, 2, 5, 3, -0.0f};
    cr_assert_arr_eq(bytes + 8 + padded + 24, transposed, sizeof transposed);
    cr_assert_arr_eq(bytes + 8 + padded + 48, f32, sizeof f32);
    cr_assert_arr_eq(bytes + 8 + padded + 76, u8, 3);
    free(bytes);
    cr_assert_eq(test_path_files(), 1);
}

Test(safetensors, what_was_saved_is_there_without_a_copy) {
    wg_named_view views[7];
    wg_safetensors *file = NULL;
    make_views(views);
    const char *path = test_path("x");
    cr_assert_eq(wg_safetensors_save(path, 7, views, 0, NULL), WG_OK);
    cr_assert_eq(wg_safetensors_open(path, &file), WG_OK, "%s", wg_last_message());
    cr_assert_eq(wg_safetensors_count(file), 7);
    static const char *const order[] = {"a.f32", "b.f32", "bf16", "empty", "f64", "i64", "u8"};
    for (int i = 0; i < 7; i++) {
        wg_tensor at, found;
        cr_assert_eq(wg_safetensors_at(file, i, &at), WG_OK);
        cr_assert_str_eq(at.name, order[i]);
        cr_assert_eq(wg_safetensors_find(file, order[i], &found), WG_OK);
        cr_assert(found.view.data == at.view.data && found.view.data != NULL);
        cr_assert_eq((uintptr_t)at.view.data % wg_dtype_size(at.view.dtype), 0);
    }
    wg_tensor tensor;
    cr_assert_eq(wg_safetensors_find(file, "b.f32", &tensor), WG_OK);
    cr_assert(tensor.view.rank == 2 && tensor.view.shape[0] == 2 && tensor.bytes == 24);
    cr_assert_str_eq(tensor.stored, "F32");
    cr_assert_arr_eq(tensor.view.data, f32, sizeof f32);
    cr_assert_eq(wg_safetensors_find(file, "i64", &tensor), WG_OK);
    cr_assert(tensor.view.rank == 0 && *(int64_t *)tensor.view.data == INT64_MIN);
    expect_refused(wg_safetensors_find(file, "c", &tensor), WG_ERROR_ARGUMENT, "\"c\"");
    expect_refused(wg_safetensors_find(file, NULL, &tensor), WG_ERROR_ARGUMENT, "\"\"");
    expect_refused(wg_safetensors_at(file, 7, &tensor), WG_ERROR_ARGUMENT, "7");
    expect_refused(wg_safetensors_at(file, -1, &tensor), WG_ERROR_ARGUMENT, "-1");
    wg_safetensors_close(file);
    wg_safetensors_close(NULL);
}

Test(safetensors, tensors_become_constants_on_a_tape) {
    size_t size = 0;
    /* The second begins where no f64 can. */
    unsigned char *bytes =
        safetensors_bytes("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                          "\"b\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[4,12]},"
                          "\"c\":{\"dtype\":\"C64\",\"shape\":[],\"data_offsets\":[12,20]}}   ",
                          20, &size);
    wg_safetensors *file = NULL;
    cr_assert_eq(wg_safetensors_from_bytes(bytes, size, &file), WG_OK, "%s", wg_last_message());
    wg_tape *tape = wg_tape_new();
    float a = 0;
    double b = 0;
    cr_assert_eq(wg_read(wg_safetensors_constant(file, tape, "a"), WG_F32, &a, 1), WG_OK);
    cr_assert_eq(wg_read(wg_safetensors_constant(file, tape, "b"), WG_F64, &b, 1), WG_OK);
    cr_assert_arr_eq(&a, bytes + size - 20, 4);
    cr_assert_arr_eq(&b, bytes + size - 16, 8);
    wg_tensor tensor;
    cr_assert_eq(wg_safetensors_find(file, "b", &tensor), WG_OK);
    cr_assert_eq(tensor.offset, size - 16);
    (void)wg_safetensors_constant(file, tape, "c");
    cr_assert_eq(wg_tape_status(tape), WG_ERROR_DTYPE);
    cr_assert_not_null(strstr(wg_tape_message(tape), "\"c\" is C64"), "%s", wg_tape_message(tape));
    wg_tape_reset(tape);
    (void)wg_safetensors_constant(file, tape, "d");
    cr_assert_eq(wg_tape_status(tape), WG_ERROR_ARGUMENT);
    wg_tape_free(tape);
    wg_safetensors_close(file);
    free(bytes);
}

Test(safetensors, what_no_dtype_holds_is_listed_and_not_read) {
    size_t size = 0;
    unsigned char *bytes =
        safetensors_bytes("{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[3],\"data_offsets\":[0,3]},"
                          "\"b\":{\"dtype\":\"BOOL\",\"shape\":[2],\"data_offsets\":[3,5]},"
                          "\"u\":{\"dtype\":\"U64\",\"shape\":[1],\"data_offsets\":[5,13]}}",
                          13, &size);
    bytes[size - 1] = 0x80;
    wg_safetensors *file = NULL;
    wg_array *array = NULL;
    wg_tensor tensor;
    cr_assert_eq(wg_safetensors_from_bytes(bytes, size, &file), WG_OK, "%s", wg_last_message());
    cr_assert_eq(wg_safetensors_find(file, "a", &tensor), WG_OK);
    cr_assert_str_eq(tensor.stored, "F8_E4M3");
    cr_assert_null(tensor.view.data);
    expect_refused(wg_safetensors_read(file, "a", &array), WG_ERROR_DTYPE, "\"a\" is F8_E4M3");
    char text[80];
    (void)snprintf(text, sizeof text, "byte %zu: element 0 of \"b\" is a BOOL", size - 10);
    expect_refused(wg_safetensors_read(file, "b", &array), WG_ERROR_FORMAT, text);
    (void)snprintf(text, sizeof text, "byte %zu: element 0 of \"u\" is above 2^63", size - 8);
    expect_refused(wg_safetensors_read(file, "u", &array), WG_ERROR_FORMAT, text);
    cr_assert_null(array);
    expect_refused(wg_safetensors_read(file, "x", &array), WG_ERROR_ARGUMENT, "\"x\"");
    wg_safetensors_close(file);
    free(bytes);
}

Test(safetensors, what_cannot_be_written_is_refused) {
    wg_named_view views[2] = {{"a", wg_view_new(WG_F32, 2, (int64_t[]){2, 3}, f32)},
                              {"a", wg_view_new(WG_F32, 1, (int64_t[]){6}, f32)}};
    const char *path = test_path("x");
    expect_refused(wg_safetensors_save(path, 2, views, 0, NULL), WG_ERROR_ARGUMENT,
                   "the name \"a\" comes twice");
    views[1].name = "__metadata__";
    expect_refused(wg_safetensors_save(path, 2, views, 0, NULL), WG_ERROR_ARGUMENT,
                   "cannot be called __metadata__");
    views[1].name = "b\xc0";
    expect_refused(wg_safetensors_save(path, 2, views, 0, NULL), WG_ERROR_ARGUMENT,
                   "not UTF-8 from its byte 1 on");
    views[1].name = NULL;
    expect_refused(wg_safetensors_save(path, 2, views, 0, NULL), WG_ERROR_ARGUMENT, "NULL");
    views[1].name = "b";
    views[1].view.data = NULL;
    expect_refused(wg_safetensors_save(path, 2, views, 0, NULL), WG_ERROR_ARGUMENT,
                   "\"b\" has no data");
    views[1].view.shape[0] = -1;
    expect_refused(wg_safetensors_save(path, 2, views, 0, NULL), WG_ERROR_ARGUMENT, "out of range");
    const wg_metadata metadata[2] = {{"k", "1"}, {"k", "2"}};
    expect_refused(wg_safetensors_save(path, 1, views, 2, metadata), WG_ERROR_ARGUMENT,
                   "\"k\" comes twice");
    expect_refused(wg_safetensors_save(NULL, 1, views, 0, NULL), WG_ERROR_ARGUMENT, "NULL");
    expect_refused(wg_safetensors_save("/no/such/folder/x", 1, views, 0, NULL), WG_ERROR_FILE,
                   "/no/such/folder/x");
    expect_refused(wg_safetensors_save("/dev/full", 1, views, 0, NULL), WG_ERROR_FILE, "/dev/full");
    cr_assert_eq(test_path_files(), 0);
}

Test(safetensors, a_file_of_nothing) {
    wg_safetensors *file = NULL;
    const char *path = test_path("x");
    cr_assert_eq(wg_safetensors_save(path, 0, NULL, 0, NULL), WG_OK);
    cr_assert_eq(wg_safetensors_open(path, &file), WG_OK, "%s", wg_last_message());
    cr_assert_eq(wg_safetensors_count(file), 0);
    wg_tensor tensor;
    cr_assert_eq(wg_safetensors_find(file, "a", &tensor), WG_ERROR_ARGUMENT);
    cr_assert_null(wg_safetensors_metadata(file, "a"));
    wg_safetensors_close(file);
    expect_refused(wg_safetensors_open(test_path("y"), &file), WG_ERROR_FILE, "y: ");
    expect_refused(wg_safetensors_open(NULL, &file), WG_ERROR_ARGUMENT, "NULL");
    cr_assert_null(file);
}

Test(safetensors, metadata_by_key_and_number) {
    const wg_metadata metadata[2] = {{"z", "1"}, {"a", "\xc3\xbc"}};
    wg_safetensors *file = NULL;
    const char *path = test_path("x"), *key = NULL, *text = NULL;
    cr_assert_eq(wg_safetensors_save(path, 0, NULL, 2, metadata), WG_OK);
    cr_assert_eq(wg_safetensors_open(path, &file), WG_OK, "%s", wg_last_message());
    cr_assert_str_eq(wg_safetensors_metadata(file, "z"), "1");
    cr_assert_str_eq(wg_safetensors_metadata(file, "a"), "\xc3\xbc");
    cr_assert_null(wg_safetensors_metadata(file, "b"));
    cr_assert(wg_safetensors_metadata_at(file, 1, &key, &text));
    cr_assert_str_eq(key, "z");
    cr_assert_not(wg_safetensors_metadata_at(file, 2, &key, &text));
    wg_safetensors_close(file);
}
