/* Plain arrays when memory runs out. */
#include "allocation.h"
#include "base/base.h"

#include <criterion/criterion.h>

Test(base_allocation, array_new_survives_every_refusal) {
    const int64_t shape[] = {3, 5};
    wg_array *array = NULL;
    long granted = 0;
    for (; granted < 10; granted++) {
        wg_test_refuse_after(granted);
        wg_status status = wg_array_new(WG_F64, 2, shape, &array);
        if (status == WG_OK) {
            break;
        }
        cr_assert_eq(status, WG_ERROR_MEMORY);
        cr_assert_null(array);
        cr_assert_eq(wg_test_blocks(), 0, "%ld blocks leaked", wg_test_blocks());
    }
    cr_assert_eq(granted, 2, "the header and the data are two requests, not %ld", granted);
    wg_array_free(array);
    cr_assert_eq(wg_test_blocks(), 0);
}

Test(base_allocation, an_empty_array_has_a_header_alone) {
    const int64_t shape[] = {3, 0};
    wg_array *array = NULL;
    wg_test_refuse_after(1);
    cr_assert_eq(wg_array_new(WG_F32, 2, shape, &array), WG_OK);
    cr_assert_null(array->data);
    wg_array_free(array);
    cr_assert_eq(wg_test_blocks(), 0);
}

Test(base_allocation, a_refusal_can_be_single) {
    wg_test_refuse_one(1);
    void *first = wg_alloc(1);
    void *second = wg_calloc(1, 1);
    void *third = wg_realloc(NULL, 1);
    cr_assert_not_null(first);
    cr_assert_null(second);
    cr_assert_not_null(third);
    cr_assert_eq(wg_test_requests(), 3);
    cr_assert_eq(wg_test_blocks(), 2);
    wg_free(first);
    wg_free(third);
    cr_assert_eq(wg_test_blocks(), 0);
}
