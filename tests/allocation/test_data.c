/* Readers, batches, charts and progress when memory runs out. */
#include "allocation.h"
#include "base/base.h"
#include "base/number.h"
#include "wengert/data.h"
#include "wengert/plot.h"
#include "wengert/progress.h"

#include <criterion/criterion.h>
#include <string.h>

/* Grants 0, 1, 2 ... requests until `work` succeeds; nothing may leak on the way. */
static void survive(wg_status (*work)(void)) {
    wg_status status = WG_ERROR_MEMORY;
    long granted = 0;
    for (; granted < 100 && status != WG_OK; granted++) {
        wg_test_refuse_after(granted);
        status = work();
        cr_assert(status == WG_OK || status == WG_ERROR_MEMORY, "%s", wg_last_message());
        cr_assert_eq(wg_test_blocks(), 0, "%ld blocks leaked", wg_test_blocks());
    }
    wg_test_allow();
    cr_assert_eq(status, WG_OK);
    cr_assert(granted > 1, "the work asks for no memory");
}

static wg_status read_csv(void) {
    wg_array *all = NULL, *images = NULL, *labels = NULL;
    wg_status status = wg_read_csv(WG_EXAMPLE_DATA "/digits.csv", NULL, &all);
    if (status == WG_OK) {
        status = wg_columns(all, 0, 64, WG_F32, 1.0, 0.0, &images);
    }
    if (status == WG_OK) {
        status = wg_column(all, 64, WG_I64, &labels);
    }
    wg_array_free(all);
    wg_array_free(images);
    wg_array_free(labels);
    return status;
}

Test(data_allocation, csv) {
    survive(read_csv);
}

/* A number of any length takes no memory: none could be told from what is no number. */
Test(data_allocation, numbers) {
    char text[4000];
    double value = 0;
    memset(text, '3', sizeof text);
    text[1] = '.';
    wg_test_refuse_after(0);
    const bool number = wg_number_parse(text, sizeof text, &value);
    const long requests = wg_test_requests();
    wg_test_allow();
    cr_assert(number && value == 10.0 / 3 && requests == 0);
}

static const char idx_path[] = "wengert-allocation-test.idx";

static wg_status read_idx(void) {
    wg_array *array = NULL;
    wg_status status = wg_read_idx(idx_path, &array);
    wg_array_free(array);
    return status;
}

static const wg_array *array_to_write;

static wg_status write_idx(void) {
    return wg_write_idx(idx_path, array_to_write);
}

Test(data_allocation, idx) {
    wg_array *array = NULL;
    cr_assert_eq(wg_array_new(WG_F64, 1, (int64_t[]){40000}, &array), WG_OK);
    array_to_write = array;
    survive(write_idx);
    wg_array_free(array);
    survive(read_idx);
    (void)remove(idx_path);
}

static wg_status make_batches(void) {
    wg_batches *batches = NULL;
    wg_batch_options options = {.shuffle = true};
    wg_status status = wg_batches_new(100, 8, options, &batches);
    wg_batches_free(batches);
    return status;
}

Test(data_allocation, batches) {
    survive(make_batches);
    wg_batches *batches = NULL;
    wg_batch_options options = {.shuffle = true};
    cr_assert_eq(wg_batches_new(100, 8, options, &batches), WG_OK);
    wg_test_allow();
    const int64_t *rows;
    int64_t n;
    for (uint64_t epoch = 0; epoch < 5; epoch++) {
        wg_batches_epoch(batches, epoch);
        while (wg_batches_next(batches, &rows, &n)) {
        }
    }
    cr_assert_eq(wg_test_requests(), 0);
    wg_batches_free(batches);
}

static wg_status draw_plot(void) {
    wg_plot *plot = NULL;
    wg_plot_options options = {.title = "t", .x_label = "x", .y_label = "y"};
    wg_status status = wg_plot_new(options, &plot);
    for (int i = 0; i < 200 && status == WG_OK; i++) {
        char name[] = {(char)('a' + i % 10), '\0'};
        status = wg_plot_point(plot, name, i, i);
    }
    wg_plot_free(plot);
    return status;
}

Test(data_allocation, plot) {
    survive(draw_plot);
}

Test(data_allocation, progress_without_memory) {
    wg_test_refuse_after(0);
    wg_progress *progress = wg_progress_new(stderr, "title", 3);
    wg_test_allow();
    cr_assert_null(progress);
    wg_progress_update(progress, 1, "x");
    wg_progress_free(progress);
}
