/* Files when memory runs out, and when the system refuses. */
#define _POSIX_C_SOURCE 200809L

#include "../io/bytes.h"
#include "../io/training.h"
#include "allocation.h"
#include "io/npz.h"
#include "syscalls.h"
#include "wengert.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

TestSuite(io_allocation, .fini = test_path_remove);

static float data[20000];

static void make_views(wg_named_view views[2]) {
    views[0] = (wg_named_view){"plain", wg_view_new(WG_F32, 1, (int64_t[]){20000}, data)};
    views[1] = (wg_named_view){"turned", wg_view_new(WG_F32, 2, (int64_t[]){100, 200}, data)};
    views[1].view.stride[0] = 1, views[1].view.stride[1] = 100;
}

/* Grants 0, 1, 2 ... requests until `work` succeeds; nothing may leak on the way. */
static void survive(wg_status (*work)(void)) {
    wg_status status = WG_ERROR_MEMORY;
    long granted = 0;
    for (; granted < 200 && status != WG_OK; granted++) {
        wg_test_refuse_after(granted);
        status = work();
        cr_assert(status == WG_OK || status == WG_ERROR_MEMORY, "%s", wg_last_message());
        cr_assert_eq(wg_test_blocks(), 0, "%ld blocks leaked", wg_test_blocks());
    }
    wg_test_allow();
    cr_assert_eq(status, WG_OK);
    cr_assert(granted > 1, "the work asks for no memory");
}

static char path[512];

static wg_status save_safetensors(void) {
    wg_named_view views[2];
    const wg_metadata metadata = {"k", "v"};
    make_views(views);
    return wg_safetensors_save(path, 2, views, 1, &metadata);
}

static wg_status save_npz(void) {
    wg_named_view views[2];
    make_views(views);
    return wg_npz_save(path, 2, views);
}

static wg_status save_npy(void) {
    wg_named_view views[2];
    make_views(views);
    return wg_write_npy(path, &views[1].view);
}

static wg_status read_safetensors(void) {
    wg_safetensors *file = NULL;
    wg_array *array = NULL;
    wg_status status = wg_safetensors_open(WG_IO_DATA "/dtypes.safetensors", &file);
    status = status == WG_OK ? wg_safetensors_read(file, "f16", &array) : status;
    wg_array_free(array);
    wg_safetensors_close(file);
    return status;
}

static wg_status read_npz(const char *name) {
    wg_npz *npz = NULL;
    wg_array *array = NULL;
    wg_status status = wg_npz_open(name, &npz);
    status = status == WG_OK ? wg_npz_read(npz, "weight", &array) : status;
    wg_array_free(array);
    wg_npz_close(npz);
    return status;
}

static wg_status read_stored(void) {
    return read_npz(WG_IO_DATA "/stored.npz");
}

#if defined(WG_HAVE_ZLIB)
static wg_status read_compressed(void) {
    return read_npz(WG_IO_DATA "/compressed.npz");
}
#endif

static wg_status read_npy(void) {
    wg_array *array = NULL;
    const wg_status status = wg_read_npy(WG_IO_DATA "/fortran.npy", &array);
    wg_array_free(array);
    return status;
}

static wg_status map_npy(void) {
    wg_mapped *mapped = NULL;
    const wg_status status = wg_map_npy(WG_IO_DATA "/f4-little.npy", &mapped);
    wg_mapped_free(mapped);
    return status;
}

Test(io_allocation, writers) {
    (void)strcpy(path, test_path("x"));
    survive(save_safetensors);
    survive(save_npz);
    survive(save_npy);
    cr_assert_eq(test_path_files(), 1);
}

Test(io_allocation, readers) {
    survive(read_safetensors);
    survive(read_stored);
#if defined(WG_HAVE_ZLIB)
    survive(read_compressed);
#endif
    survive(read_npy);
    survive(map_npy);
}

/* Not a parameter more or less after a load that failed. */
static wg_status load_store(void) {
    wg_store *store = wg_store_new(1);
    if (store == NULL) {
        return WG_ERROR_MEMORY;
    }
    wg_status status = wg_store_load(store, path, (wg_load_options){.strict = false});
    cr_assert_eq(wg_store_count(store), status == WG_OK ? 40 : 0);
    status = status == WG_OK ? wg_store_save(store, path, "") : status;
    wg_store_free(store);
    return status;
}

Test(io_allocation, stores) {
    wg_named_view views[40];
    char names[40][16];
    (void)strcpy(path, test_path("x"));
    for (int i = 0; i < 40; i++) { /* more than a store has room for at first */
        (void)snprintf(names[i], sizeof names[i], "p%d", i);
        views[i] = (wg_named_view){names[i], wg_view_new(WG_F32, 1, (int64_t[]){i}, data)};
    }
    cr_assert_eq(wg_safetensors_save(path, 40, views, 0, NULL), WG_OK);
    survive(load_store);
}

/* ---- Checkpoints ----------------------------------------------------------------------------- */

static void steps(small_run *run, int count) {
    for (int i = 0; i < count; i++) {
        cr_assert_eq(small_run_step(run), WG_OK, "%s", wg_last_message());
    }
}

static wg_status save_checkpoint(const small_run *run, long granted, bool once) {
    once ? wg_test_refuse_one(granted) : wg_test_refuse_after(granted);
    const wg_status status = wg_checkpoint_keep(path, 5, 1, &run->training);
    const long blocks = wg_test_blocks();
    wg_test_allow();
    cr_assert(status == WG_OK || status == WG_ERROR_MEMORY, "%s", wg_last_message());
    cr_assert_eq(blocks, 0, "%ld blocks leaked", blocks);
    return status;
}

static wg_status load_checkpoint(small_run *run, long granted) {
    const uint32_t before = small_run_sum(run);
    const int64_t count = wg_store_count(run->store);
    wg_test_refuse_after(granted);
    const wg_status status = wg_checkpoint_resume(path, &run->training, NULL);
    const long blocks = wg_test_blocks();
    wg_test_allow();
    cr_assert(status == WG_OK || status == WG_ERROR_MEMORY, "%s", wg_last_message());
    if (status != WG_OK) {
        cr_assert_eq(blocks, 0, "%ld blocks leaked", blocks);
        cr_assert_eq(wg_store_count(run->store), count);
        cr_assert_eq(small_run_sum(run), before);
    }
    return status;
}

/* A load that ran out of memory has changed nothing. */
Test(io_allocation, checkpoints) {
    small_run run, other;
    (void)strcpy(path, test_path("run"));
    small_run_new(&run, 1, 0);
    small_run_new(&other, 2, 0);
    steps(&run, 5);
    (void)small_run_sum(&run);
    for (int once = 0; once < 2; once++) {
        long granted = 0;
        while (save_checkpoint(&run, granted, once == 1) != WG_OK) {
            granted++;
        }
        cr_assert(once == 1 || granted > 20, "%ld", granted);
    }
    steps(&other, 2); /* the third layer is made by loading */
    long granted = 0;
    while (load_checkpoint(&other, granted) != WG_OK) {
        granted++;
    }
    cr_assert(granted > 20, "%ld", granted);
    steps(&run, 2);
    steps(&other, 2);
    cr_assert_eq(small_run_sum(&other), small_run_sum(&run));
    small_run_free(&run);
    small_run_free(&other);
}

/* ---- The system ------------------------------------------------------------------------------ */

static void expect_file(const unsigned char *wanted, size_t wanted_size) {
    size_t size = 0;
    unsigned char *bytes = file_bytes(path, &size);
    cr_assert_eq(size, wanted_size);
    cr_assert_eq(memcmp(bytes, wanted, size), 0);
    free(bytes);
}

/* Charts, graphs, traces and C files: texts of their own folders, written like all others. */
static struct {
    wg_plot *plot;
    wg_tape *tape;
    wg_profile *profile;
    wg_function *fn;
} texts;

static void square(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    y[0] = wg_mul(x[0], x[0]);
}

static void make_texts(void) {
    cr_assert_eq(wg_plot_new((wg_plot_options){.title = "<t>"}, &texts.plot), WG_OK);
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(wg_plot_point(texts.plot, "s", i, i % 7), WG_OK);
    }
    texts.tape = wg_tape_new();
    cr_assert_eq(wg_profile_new((wg_profile_options){.max_events = 1000}, &texts.profile), WG_OK);
    cr_assert_eq(wg_profile_start(texts.profile, texts.tape), WG_OK);
    wg_var sum = wg_scalar(texts.tape, 1);
    for (int i = 0; i < 50; i++) {
        sum = wg_add(sum, wg_sum(wg_full(texts.tape, WG_F32, WG_SHAPE(3), i)));
    }
    cr_assert_eq(wg_profile_stop(texts.profile), WG_OK);
    texts.fn = wg_function_record(square, NULL, 1, 1, (double[]){3}, wg_function_defaults());
    cr_assert_not_null(texts.fn);
}

static void free_texts(void) {
    wg_plot_free(texts.plot);
    wg_profile_free(texts.profile);
    wg_tape_free(texts.tape);
    wg_function_free(texts.fn);
}

static wg_status save_plot(void) {
    return wg_plot_write(texts.plot, path);
}

static wg_status save_dot(void) {
    return wg_write_dot(texts.tape, path, (wg_dot_options){.names = NULL});
}

static wg_status save_trace(void) {
    return wg_profile_write_trace(texts.profile, path);
}

static wg_status save_c(void) {
    return wg_function_write_c(texts.fn, path, "square");
}

/* Whatever call fails, the old file stands, or the new one; and nothing else is left. */
static void survive_calls(wg_status (*save)(void), int reason) {
    const wg_view old = wg_view_new(WG_F32, 1, (int64_t[]){3}, data);
    size_t old_size = 0, new_size = 0;
    cr_assert_eq(wg_write_npy(path, &old), WG_OK);
    unsigned char *old_bytes = file_bytes(path, &old_size);
    cr_assert_eq(save(), WG_OK);
    unsigned char *new_bytes = file_bytes(path, &new_size);
    wg_status status = WG_ERROR_FILE;
    long granted = 0;
    for (; granted < 100 && status != WG_OK; granted++) {
        cr_assert_eq(wg_write_npy(path, &old), WG_OK);
        wg_test_refuse_call(granted, reason);
        status = save();
        wg_test_refuse_call(-1, 0);
        if (status == WG_OK || strstr(wg_last_message(), "written, but its folder") != NULL) {
            expect_file(new_bytes, new_size);
        } else {
            cr_assert_not_null(strstr(wg_last_message(), strerror(reason)), "%s",
                               wg_last_message());
            expect_file(old_bytes, old_size);
        }
        cr_assert_eq(test_path_files(), 1, "call %ld left a file", granted);
    }
    cr_assert_eq(status, WG_OK);
    cr_assert(granted >= 9, "%ld: open, write, fchmod, fsync, close, rename, open, fsync", granted);
    free(old_bytes);
    free(new_bytes);
}

static small_run saved_run;

static wg_status save_run(void) {
    return wg_checkpoint_save(path, &saved_run.training);
}

Test(io_allocation, texts) {
    (void)strcpy(path, test_path("x"));
    make_texts();
    survive(save_plot);
    survive(save_dot);
    survive(save_trace);
    survive_calls(save_plot, ENOSPC);
    survive_calls(save_dot, EIO);
    survive_calls(save_trace, ENOSPC);
    survive_calls(save_c, EDQUOT);
    free_texts();
}

/* What is renamed is on the disk before, and its folder after. */
Test(io_allocation, files_reach_the_disk_before_they_count) {
    static const char *const fresh = "open write fsync close rename open fsync close ";
    static const char *const again = "open write fchmod fsync close rename open fsync close ";
    wg_status (*const save[])(void) = {save_npy, save_npz, save_safetensors};
    (void)strcpy(path, test_path("x"));
    for (size_t i = 0; i < sizeof save / sizeof *save; i++) {
        for (int old = 0; old < 2; old++) {
            wg_test_refuse_call(-1, 0);
            cr_assert_eq(save[i](), WG_OK);
            cr_assert_str_eq(wg_test_call_names(), old == 1 ? again : fresh);
        }
        cr_assert_eq(remove(path), 0);
    }
}

Test(io_allocation, every_call_of_the_system_may_fail) {
    for (size_t i = 0; i < 20000; i++) {
        data[i] = (float)i;
    }
    (void)strcpy(path, test_path("x"));
    survive_calls(save_npy, ENOSPC);
    survive_calls(save_npz, EIO);
    survive_calls(save_safetensors, EDQUOT);
    small_run_new(&saved_run, 1, 0);
    steps(&saved_run, 1);
    survive_calls(save_run, ENOSPC);
    small_run_free(&saved_run);
}

Test(io_allocation, short_and_interrupted_writes_are_gone_on_with) {
    (void)strcpy(path, test_path("x"));
    cr_assert_eq(save_npz(), WG_OK);
    size_t size = 0;
    unsigned char *bytes = file_bytes(path, &size);
    wg_test_short_writes(777);
    cr_assert_eq(save_npz(), WG_OK, "%s", wg_last_message());
    wg_test_short_writes(0);
    expect_file(bytes, size);
    free(bytes);
}
