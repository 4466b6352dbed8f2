/* Statuses, dtypes, shapes, plain arrays, memory. */
#include "base/base.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

Test(base, version_is_the_headers_and_the_projects) {
    char text[64];
    snprintf(text, sizeof text, "%d.%d.%d", WG_VERSION_MAJOR, WG_VERSION_MINOR, WG_VERSION_PATCH);
    cr_assert_str_eq(wg_version(), text);
    cr_assert_str_eq(wg_version(), WG_TEST_VERSION);
}

Test(base, every_status_has_a_text_of_its_own) {
    cr_assert_eq((int)WG_OK, 0);
    for (int a = WG_OK; a <= (int)WG_ERROR_CONVERGENCE; a++) {
        cr_assert_gt(strlen(wg_status_text((wg_status)a)), 0);
        for (int b = WG_OK; b < a; b++) {
            cr_assert_str_neq(wg_status_text((wg_status)a), wg_status_text((wg_status)b));
        }
    }
    cr_assert_str_eq(wg_status_text((wg_status)1000), "no status of Wengert's");
    cr_assert_str_eq(wg_status_text((wg_status)-1), "no status of Wengert's");
}

Test(base, dtype_sizes_and_names) {
    cr_assert_eq(wg_dtype_size(WG_F32), 4);
    cr_assert_eq(wg_dtype_size(WG_F64), 8);
    cr_assert_eq(wg_dtype_size(WG_I64), 8);
    cr_assert_eq(wg_dtype_size(WG_U8), 1);
    cr_assert_eq(wg_dtype_size(WG_BF16), 2);
    cr_assert_eq(wg_dtype_size((wg_dtype)5), 0);
    cr_assert_eq(wg_dtype_size((wg_dtype)-1), 0);
    cr_assert_str_eq(wg_dtype_name(WG_F32), "f32");
    cr_assert_str_eq(wg_dtype_name(WG_U8), "u8");
    cr_assert_str_eq(wg_dtype_name((wg_dtype)99), "no dtype");
}

Test(base, shape_count) {
    const int64_t matrix[] = {32, 784};
    cr_assert_eq(wg_shape_count(2, matrix, 4), 32 * 784);
    cr_assert_eq(wg_shape_count(0, NULL, 8), 1);
    cr_assert_eq(wg_shape_count(2, (const int64_t[]){5, -1}, 1), -1);
    cr_assert_eq(wg_shape_count(2, (const int64_t[]){0, -1}, 1), -1, "negative beside empty");
    cr_assert_eq(wg_shape_count(3, (const int64_t[]){1000, 0, 1000}, 8), 0);
}

Test(base, shape_count_finds_overflow) {
    cr_assert_eq(wg_shape_count(1, (const int64_t[]){INT64_MAX}, 1), INT64_MAX);
    cr_assert_eq(wg_shape_count(1, (const int64_t[]){INT64_MAX}, 2), -1);
    cr_assert_eq(wg_shape_count(1, (const int64_t[]){INT64_MAX / 8}, 8), INT64_MAX / 8);
    cr_assert_eq(wg_shape_count(1, (const int64_t[]){INT64_MAX / 8 + 1}, 8), -1);
    cr_assert_eq(wg_shape_count(2, (const int64_t[]){INT64_C(1) << 32, INT64_C(1) << 31}, 1), -1);
    cr_assert_eq(wg_shape_count(3, (const int64_t[]){INT64_MAX, 0, 2}, 1), -1, "its strides would");
    cr_assert_eq(wg_shape_count(2, (const int64_t[]){INT64_C(1) << 31, INT64_C(1) << 31}, 1),
                 INT64_C(1) << 62);
}

Test(base, shape_text) {
    char text[64];
    cr_assert_str_eq(wg_shape_text(2, (const int64_t[]){32, 784}, text, sizeof text), "[32, 784]");
    cr_assert_str_eq(wg_shape_text(0, NULL, text, sizeof text), "[]");
    char small[6];
    memset(small, 'x', sizeof small);
    cr_assert_str_eq(wg_shape_text(2, (const int64_t[]){32, 784}, small, sizeof small), "[32, ");
}

Test(base, array_new) {
    wg_array *array = NULL;
    const int64_t shape[] = {2, 3};
    cr_assert_eq(wg_array_new(WG_I64, 2, shape, &array), WG_OK);
    cr_assert_eq(array->dtype, WG_I64);
    cr_assert_eq(array->rank, 2);
    cr_assert_eq(array->shape[1], 3);
    cr_assert_eq(wg_array_count(array), 6);
    cr_assert_eq((uintptr_t)array->data % 64, 0);
    for (int i = 0; i < 6; i++) {
        cr_assert_eq(((const int64_t *)array->data)[i], 0);
    }
    wg_array_free(array);
    wg_array_free(NULL);
}

Test(base, array_new_of_rank_0_and_of_no_elements) {
    wg_array *array = NULL;
    cr_assert_eq(wg_array_new(WG_U8, 0, NULL, &array), WG_OK);
    cr_assert_eq(wg_array_count(array), 1);
    cr_assert_not_null(array->data);
    wg_array_free(array);
    cr_assert_eq(wg_array_new(WG_F32, 1, (const int64_t[]){0}, &array), WG_OK);
    cr_assert_eq(wg_array_count(array), 0);
    cr_assert_null(array->data);
    wg_array_free(array);
}

static void check_array_error(wg_dtype dtype, int rank, const int64_t *shape, wg_status expected) {
    wg_array *array = (wg_array *)1;
    cr_assert_eq(wg_array_new(dtype, rank, shape, &array), expected, "rank %d: %s", rank,
                 wg_last_message());
    cr_assert_null(array);
    cr_assert_eq(strncmp(wg_last_message(), "array: ", 7), 0, "%s", wg_last_message());
}

Test(base, array_new_errors) {
    const int64_t shape[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    check_array_error(WG_F32, 9, shape, WG_ERROR_ARGUMENT);
    check_array_error(WG_F32, -1, shape, WG_ERROR_ARGUMENT);
    check_array_error((wg_dtype)7, 1, shape, WG_ERROR_ARGUMENT);
    check_array_error(WG_F64, 1, (const int64_t[]){INT64_MAX / 4}, WG_ERROR_LIMIT);
    cr_assert_not_null(strstr(wg_last_message(), "[2305843009213693951]"));
}

/* The header promises ARGUMENT for a size out of range, LIMIT for bytes that overflow. */
Test(base, array_new_negative_size) {
    wg_array *array = NULL;
    cr_assert_neq(wg_array_new(WG_F64, 2, (const int64_t[]){2, -3}, &array), WG_OK);
    cr_assert_null(array);
    cr_assert_not_null(strstr(wg_last_message(), "[2, -3]"));
}

Test(base, no_block_of_no_bytes_or_of_too_many) {
    cr_assert_null(wg_alloc(0));
    cr_assert_null(wg_alloc(SIZE_MAX));
    cr_assert_null(wg_alloc(SIZE_MAX - 63));
    char *memory = wg_alloc(1);
    cr_assert_not_null(memory);
    cr_assert_eq((uintptr_t)memory % 64, 0);
    wg_free(memory);
    wg_free(NULL);
}

Test(base, strdup_copies) {
    char source[] = "fc1.weight";
    char *copy = wg_strdup(source);
    cr_assert_neq(copy, source);
    cr_assert_str_eq(copy, source);
    wg_free(copy);
}

static void *message_of_a_thread(void *unused) {
    static _Thread_local char before[64];
    (void)unused;
    snprintf(before, sizeof before, "%s", wg_last_message());
    (void)wg_fail(WG_ERROR_FILE, "said by %s", "the thread");
    return before[0] == '\0' ? "empty" : "inherited";
}

Test(base, each_thread_has_its_message) {
    cr_assert_str_eq(wg_last_message(), "");
    cr_assert_eq(wg_fail(WG_ERROR_STATE, "said by %d", 1), WG_ERROR_STATE);
    pthread_t thread;
    void *result = NULL;
    cr_assert_eq(pthread_create(&thread, NULL, message_of_a_thread, NULL), 0);
    cr_assert_eq(pthread_join(thread, &result), 0);
    cr_assert_str_eq((const char *)result, "empty");
    cr_assert_str_eq(wg_last_message(), "said by 1");
}

Test(base, a_long_message_is_cut) {
    char text[2000];
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    cr_assert_eq(wg_fail(WG_ERROR_FILE, "%s", text), WG_ERROR_FILE);
    cr_assert_eq(strlen(wg_last_message()), 511);
}

Test(base, clock_does_not_run_back) {
    double before = wg_clock();
    cr_assert_gt(before, 0.0);
    cr_assert_geq(wg_clock(), before);
}
