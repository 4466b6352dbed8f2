/* test_loader.c: batches in the background: the same rows and bits as without a thread, whatever
 * the timing. */
#define _POSIX_C_SOURCE 200809L

#include "files.h"
#include "wengert.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#if defined(__unix__)
#include <sys/wait.h>
#include <unistd.h>
#endif

TestSuite(loader, .fini = test_file_remove);

enum {
    ROWS = 101,
    BATCH = 8
};

/* Images u8 [101, 3, 4] and labels i64 [101]. */
typedef struct data {
    wg_array *images, *labels;
} data;

static data make_data(void) {
    data d;
    cr_assert_eq(wg_array_new(WG_U8, WG_SHAPE(ROWS, 3, 4), &d.images), WG_OK);
    cr_assert_eq(wg_array_new(WG_I64, WG_SHAPE(ROWS), &d.labels), WG_OK);
    for (int i = 0; i < ROWS * 12; i++) {
        ((uint8_t *)d.images->data)[i] = (uint8_t)(i * 7 % 256);
    }
    for (int i = 0; i < ROWS; i++) {
        ((int64_t *)d.labels->data)[i] = i * i % 10;
    }
    return d;
}

static void free_data(data d) {
    wg_array_free(d.images);
    wg_array_free(d.labels);
}

/* Adds noise that depends on the row alone, after a wait that depends on nothing. */
typedef struct noise {
    bool waits;
    int fails_at; /* index of a batch; -1: none */
    unsigned seed;
} noise;

static wg_status add_noise(const wg_batch *batch, void *context) {
    noise *n = context;
    if (n->waits) {
        n->seed = n->seed * 1103515245u + 12345u;
        const struct timespec wait = {.tv_nsec = (long)(n->seed >> 8) % 400000};
        (void)nanosleep(&wait, NULL);
    }
    if (batch->index == n->fails_at) {
        wg_array *none = NULL;
        return wg_read_idx("/no/such/noise", &none);
    }
    float *x = batch->fields[0]->data;
    for (int64_t i = 0; i < batch->n; i++) {
        double values[12];
        wg_random_normal(wg_key_fold(batch->key, (uint64_t)batch->rows[i]), 0, 12, 0, 1, values);
        for (int k = 0; k < 12; k++) {
            x[i * 12 + k] += (float)values[k];
        }
    }
    return WG_OK;
}

static wg_loader *open_loader(data d, int ahead, noise *n, wg_batch_options batches) {
    const wg_loader_field fields[] = {{.from = d.images, .scale = 1.0 / 255, .offset = -0.5},
                                      {.from = d.labels, .dtype = WG_I64}};
    wg_loader *loader = NULL;
    const wg_loader_options options = {.batch = BATCH,
                                       .batches = batches,
                                       .ahead = ahead,
                                       .transform = n == NULL ? NULL : add_noise,
                                       .context = n};
    cr_assert_eq(wg_loader_new(fields, 2, options, &loader), WG_OK, "%s", wg_last_message());
    return loader;
}

/* What a batch should be, from the functions that loaders stand on. */
static void expect_batch(data d, const wg_batch *b, uint64_t epoch, int64_t index,
                         const int64_t *rows, int64_t n) {
    float expected[BATCH * 12];
    cr_assert(b->epoch == epoch && b->index == index && b->n == n && b->field_count == 2);
    cr_assert_arr_eq(b->rows, rows, (size_t)n * sizeof *rows);
    cr_assert(b->fields[0]->dtype == WG_F32 && b->fields[0]->rank == 3 &&
              b->fields[0]->shape[0] == n && b->fields[0]->shape[2] == 4);
    cr_assert_eq(wg_copy_rows_f32(d.images, rows, n, 1.0 / 255, -0.5, expected), WG_OK);
    cr_assert_arr_eq(b->fields[0]->data, expected, (size_t)n * 12 * sizeof *expected);
    cr_assert(b->fields[1]->dtype == WG_I64 && b->fields[1]->shape[0] == n);
    for (int64_t i = 0; i < n; i++) {
        cr_assert_eq(((int64_t *)b->fields[1]->data)[i], ((int64_t *)d.labels->data)[rows[i]]);
    }
}

Test(loader, gives_what_batches_and_rows_give) {
    data d = make_data();
    for (int ahead = -1; ahead < 4; ahead++) {
        for (int kind = 0; kind < 4; kind++) {
            const wg_batch_options options = {
                .shuffle = kind & 1, .seed = 3, .drop_last = kind & 2};
            wg_loader *loader = open_loader(d, ahead, NULL, options);
            wg_batches *walk = NULL;
            cr_assert_eq(wg_batches_new(ROWS, BATCH, options, &walk), WG_OK);
            cr_assert_eq(wg_loader_count(loader), wg_batches_count(walk));
            const wg_batch *batch;
            for (uint64_t epoch = 0; epoch < 3; epoch++) {
                const int64_t *rows;
                int64_t n, index = 0;
                wg_batches_epoch(walk, epoch);
                while (wg_batches_next(walk, &rows, &n)) {
                    cr_assert_eq(wg_loader_next(loader, &batch), WG_OK);
                    expect_batch(d, batch, epoch, index++, rows, n);
                }
                cr_assert_eq(wg_loader_next(loader, &batch), WG_OK);
                cr_assert_null(batch);
            }
            wg_batches_free(walk);
            wg_loader_free(loader);
        }
    }
    free_data(d);
}

/* A sum of all that three epochs hand out, in order. */
static uint64_t digest(wg_loader *loader, bool waits) {
    uint64_t hash = 1;
    for (int epoch = 0; epoch < 3; epoch++) {
        const wg_batch *batch;
        while (wg_loader_next(loader, &batch) == WG_OK && batch != NULL) {
            if (waits) {
                const struct timespec wait = {.tv_nsec = (long)(hash % 300000)};
                (void)nanosleep(&wait, NULL);
            }
            const unsigned char *bytes = batch->fields[0]->data;
            for (int64_t i = 0; i < batch->n * 12 * 4; i++) {
                hash = (hash ^ bytes[i]) * UINT64_C(1099511628211);
            }
            hash = (hash ^ (uint64_t)batch->rows[0]) * UINT64_C(1099511628211);
        }
    }
    return hash;
}

Test(loader, timing_changes_nothing) {
    data d = make_data();
    const wg_batch_options options = {.shuffle = true, .seed = 8};
    noise plain = {.fails_at = -1};
    wg_loader *loader = open_loader(d, -1, &plain, options);
    const uint64_t expected = digest(loader, false);
    wg_loader_free(loader);
    for (int run = 0; run < 8; run++) {
        noise waits = {.waits = run % 4 != 0, .fails_at = -1, .seed = (unsigned)run};
        loader = open_loader(d, run % 4, &waits, options);
        cr_assert(digest(loader, run >= 4) == expected, "run %d", run);
        wg_loader_free(loader);
    }
    free_data(d);
}

Test(loader, seek_takes_a_run_up_again) {
    data d = make_data();
    const wg_batch_options options = {.shuffle = true, .seed = 8};
    noise n = {.fails_at = -1};
    wg_loader *all = open_loader(d, -1, &n, options), *again = open_loader(d, 2, &n, options);
    const wg_batch *wanted, *found;
    const int64_t count = wg_loader_count(all);
    for (uint64_t epoch = 0; epoch < 2; epoch++) {
        for (int64_t index = 0; index <= count; index++) {
            cr_assert_eq(wg_loader_next(all, &wanted), WG_OK);
            cr_assert_eq(wg_loader_seek(again, epoch, index), WG_OK);
            cr_assert_eq(wg_loader_next(again, &found), WG_OK);
            cr_assert_eq(wanted == NULL, found == NULL);
            if (wanted != NULL) {
                cr_assert(found->epoch == epoch && found->index == index && found->n == wanted->n);
                cr_assert_arr_eq(found->fields[0]->data, wanted->fields[0]->data,
                                 (size_t)found->n * 12 * sizeof(float));
            }
        }
    }
    cr_assert_eq(wg_loader_next(again, &found), WG_OK); /* behind the end of epoch 1 */
    cr_assert(found->epoch == 2 && found->index == 0);
    cr_assert_eq(wg_loader_seek(again, 0, -1), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_loader_seek(again, 0, count + 1), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_loader_next(again, &found), WG_OK); /* a seek refused changes nothing */
    cr_assert(found->epoch == 2 && found->index == 1);
    wg_loader_free(all);
    wg_loader_free(again);
    free_data(d);
}

/* An error comes out at its batch, with its message, and the next batch comes after it. */
Test(loader, errors_come_at_their_batch) {
    data d = make_data();
    for (int ahead = -1; ahead < 4; ahead++) {
        noise n = {.fails_at = 5};
        wg_loader *loader = open_loader(d, ahead, &n, (wg_batch_options){0});
        const wg_batch *batch;
        for (int64_t index = 0; index < 8; index++) {
            const wg_status status = wg_loader_next(loader, &batch);
            cr_assert_eq(status, index == 5 ? WG_ERROR_FILE : WG_OK);
            if (index == 5) {
                cr_assert_null(batch);
                cr_assert_not_null(strstr(wg_last_message(), "transform: read_idx: /no/such/noise"),
                                   "%s", wg_last_message());
            } else {
                cr_assert_eq(batch->index, index);
            }
        }
        wg_loader_free(loader);
    }
    const wg_loader_field half = {.from = d.labels, .dtype = WG_U8, .scale = 0.5};
    wg_loader *loader = NULL;
    const wg_batch *batch;
    cr_assert_eq(wg_loader_new(&half, 1, (wg_loader_options){.batch = 4}, &loader), WG_OK);
    cr_assert_eq(wg_loader_next(loader, &batch), WG_ERROR_FORMAT);
    cr_assert_not_null(strstr(wg_last_message(), "field 0, row 1: u8 cannot hold"), "%s",
                       wg_last_message());
    wg_loader_free(loader);
    free_data(d);
}

/* Freed before the first batch, within an epoch, while the thread waits or works. */
Test(loader, stops_at_any_time) {
    data d = make_data();
    for (int taken = 0; taken < 30; taken++) {
        noise n = {.waits = taken % 2 == 0, .fails_at = -1};
        wg_loader *loader = open_loader(d, taken % 5, &n, (wg_batch_options){.shuffle = true});
        const wg_batch *batch;
        for (int i = 0; i < taken; i++) {
            cr_assert_eq(wg_loader_next(loader, &batch), WG_OK);
        }
        wg_loader_free(loader);
    }
    wg_loader_free(NULL);
    free_data(d);
}

#if defined(__unix__)
/* 0 if all went well. A child that hangs is ended by the alarm. */
static int in_child(int (*work)(wg_loader *, uint64_t), wg_loader *loader, uint64_t expected) {
    const pid_t child = fork();
    if (child == 0) {
        (void)alarm(60);
        _exit(work(loader, expected));
    }
    int status = -1;
    cr_assert(child > 0 && waitpid(child, &status, 0) == child);
    return status;
}

static int goes_on(wg_loader *loader, uint64_t expected) {
    const bool right = digest(loader, false) == expected;
    wg_loader_free(loader);
    return right ? 0 : 1;
}

static int only_frees(wg_loader *loader, uint64_t expected) {
    (void)expected;
    wg_loader_free(loader);
    return 0;
}

/* The thread is not in the child, whatever it was doing; both hand out what comes next. */
Test(loader, goes_on_in_a_child) {
    data d = make_data();
    for (int taken = 0; taken < 32; taken++) {
        const wg_batch_options options = {.shuffle = true, .seed = 8};
        noise plain = {.fails_at = -1}, waits = {.waits = true, .fails_at = -1, .seed = 5};
        wg_loader *loader = open_loader(d, taken % 4, taken % 2 == 0 ? &plain : &waits, options);
        wg_loader *alone = open_loader(d, -1, &plain, options);
        const wg_batch *batch;
        for (int i = 0; i < taken; i++) {
            cr_assert_eq(wg_loader_next(loader, &batch), WG_OK);
            cr_assert_eq(wg_loader_next(alone, &batch), WG_OK);
        }
        const uint64_t expected = digest(alone, false);
        cr_assert_eq(in_child(only_frees, loader, 0), 0);
        cr_assert_eq(in_child(goes_on, loader, expected), 0, "child, after %d", taken);
        cr_assert_eq(goes_on(loader, expected), 0, "parent, after %d", taken);
        wg_loader_free(alone);
    }
    free_data(d);
}
#endif

Test(loader, some_rows) {
    data d = make_data();
    const double weights[] = {3, 1};
    wg_array *parts[2];
    cr_assert_eq(wg_split_parts(ROWS, 2, weights, (wg_split_options){.labels = d.labels}, parts),
                 WG_OK);
    const wg_loader_field field = {.from = d.labels, .dtype = WG_I64};
    wg_loader *loader = NULL;
    wg_loader_options options = {.batch = 4, .rows = parts[1], .batches = {.shuffle = true}};
    cr_assert_eq(wg_loader_new(&field, 1, options, &loader), WG_OK);
    int seen[ROWS] = {0};
    const wg_batch *batch;
    while (wg_loader_next(loader, &batch) == WG_OK && batch != NULL) {
        for (int64_t i = 0; i < batch->n; i++) {
            seen[batch->rows[i]]++;
            cr_assert_eq(((int64_t *)batch->fields[0]->data)[i],
                         ((int64_t *)d.labels->data)[batch->rows[i]]);
        }
    }
    for (int64_t i = 0; i < parts[1]->shape[0]; i++) {
        cr_assert_eq(seen[((int64_t *)parts[1]->data)[i]], 1);
    }
    wg_loader_free(loader);
    ((int64_t *)parts[1]->data)[2] = ROWS;
    cr_assert_eq(wg_loader_new(&field, 1, options, &loader), WG_ERROR_ARGUMENT);
    cr_assert_not_null(strstr(wg_last_message(), "rows[2] is 101"));
    parts[1]->dtype = WG_F64;
    cr_assert_eq(wg_loader_new(&field, 1, options, &loader), WG_ERROR_DTYPE);
    wg_array_free(parts[0]);
    wg_array_free(parts[1]);
    free_data(d);
}

/* A batch larger than the data takes no more memory than the data. */
Test(loader, one_batch_of_all) {
    data d = make_data();
    const wg_loader_field field = {.from = d.images};
    for (int drop_last = 0; drop_last < 2; drop_last++) {
        wg_loader *loader = NULL;
        const wg_loader_options options = {.batch = (int64_t)1 << 45,
                                           .batches = {.drop_last = drop_last == 1}};
        cr_assert_eq(wg_loader_new(&field, 1, options, &loader), WG_OK, "%s", wg_last_message());
        cr_assert_eq(wg_loader_count(loader), 1 - drop_last);
        const wg_batch *batch;
        cr_assert_eq(wg_loader_next(loader, &batch), WG_OK);
        cr_assert_eq(batch != NULL, drop_last == 0);
        cr_assert(batch == NULL || (batch->n == ROWS && batch->fields[0]->shape[0] == ROWS));
        wg_loader_free(loader);
    }
    free_data(d);
}

/* A text in stretches of 4, each with what follows one letter on. */
Test(loader, windows) {
    wg_array *text = NULL;
    cr_assert_eq(wg_array_new(WG_U8, WG_SHAPE(10), &text), WG_OK);
    memcpy(text->data, "abcdefghij", 10);
    const wg_loader_field fields[] = {
        {.from = text, .dtype = WG_I64, .window = 4, .stride = 3},
        {.from = text, .dtype = WG_I64, .window = 4, .stride = 3, .shift = 1}};
    wg_loader *loader = NULL;
    cr_assert_eq(wg_loader_new(fields, 2, (wg_loader_options){.batch = 8}, &loader), WG_OK);
    const wg_batch *batch;
    cr_assert_eq(wg_loader_next(loader, &batch), WG_OK);
    cr_assert(batch->n == 2 && batch->fields[1]->rank == 2 && batch->fields[1]->shape[1] == 4);
    for (int64_t i = 0; i < 8; i++) {
        const int64_t first = 'a' + i / 4 * 3 + i % 4;
        cr_assert_eq(((int64_t *)batch->fields[0]->data)[i], first);
        cr_assert_eq(((int64_t *)batch->fields[1]->data)[i], first + 1);
    }
    wg_loader_free(loader);
    /* Shorter than a window, or than its shift: no batch at all. */
    const wg_loader_field wide[] = {{.from = text, .window = 11},
                                    {.from = text, .window = 1, .shift = INT64_MAX},
                                    {.from = text, .window = 12, .shift = INT64_MAX}};
    for (int f = 0; f < 3; f++) {
        cr_assert_eq(wg_loader_new(&wide[f], 1, (wg_loader_options){.batch = 8}, &loader), WG_OK);
        for (int i = 0; i < 3; i++) {
            cr_assert_eq(wg_loader_next(loader, &batch), WG_OK);
            cr_assert_null(batch);
        }
        wg_loader_free(loader);
    }
    wg_array_free(text);
}

/* A field that the transform makes: the sum of each image. */
static wg_status sum_up(const wg_batch *batch, void *context) {
    (void)context;
    const float *x = batch->fields[0]->data;
    double *sums = batch->fields[1]->data;
    for (int64_t i = 0; i < batch->n * 12; i++) {
        sums[i / 12] += x[i];
    }
    return WG_OK;
}

Test(loader, fields_from_nowhere_and_mapped_files) {
    data d = make_data();
    const char *path = test_file("", 0);
    wg_mapped *mapped = NULL;
    cr_assert_eq(wg_write_idx(path, d.images), WG_OK);
    cr_assert_eq(wg_map_idx(path, &mapped), WG_OK);
    const wg_loader_field fields[] = {{.from = wg_mapped_array(mapped)},
                                      {.dtype = WG_F64, .row_rank = 1, .row_shape = {1}}};
    wg_loader *loader = NULL;
    const wg_loader_options options = {.batch = 10, .transform = sum_up};
    cr_assert_eq(wg_loader_new(fields, 2, options, &loader), WG_OK);
    const wg_batch *batch;
    while (wg_loader_next(loader, &batch) == WG_OK && batch != NULL) {
        cr_assert(batch->fields[1]->rank == 2 && batch->fields[1]->shape[1] == 1);
        for (int64_t i = 0; i < batch->n; i++) {
            double sum = 0;
            for (int k = 0; k < 12; k++) {
                sum += ((uint8_t *)d.images->data)[batch->rows[i] * 12 + k];
            }
            cr_assert_eq(((double *)batch->fields[1]->data)[i], sum);
        }
    }
    wg_loader_free(loader);
    wg_mapped_free(mapped);
    free_data(d);
}

Test(loader, refusals) {
    data d = make_data();
    wg_array *scalar = NULL, *other = NULL;
    wg_loader *loader = NULL;
    cr_assert_eq(wg_array_new(WG_F32, 0, NULL, &scalar), WG_OK);
    cr_assert_eq(wg_array_new(WG_F32, WG_SHAPE(7), &other), WG_OK);
    const wg_loader_options options = {.batch = 4};
    const struct {
        wg_loader_field fields[2];
        int count;
        wg_status status;
    } rows[] = {
        {{{.from = d.images}}, 0, WG_ERROR_ARGUMENT},
        {{{.from = scalar}}, 1, WG_ERROR_SHAPE},
        {{{.from = d.images}, {.from = other}}, 2, WG_ERROR_SHAPE},
        {{{.from = d.images, .dtype = (wg_dtype)99}}, 1, WG_ERROR_DTYPE},
        {{{.from = d.images, .window = 3}}, 1, WG_ERROR_SHAPE},
        {{{.window = 3}}, 1, WG_ERROR_SHAPE},
        {{{.from = other, .window = -3}}, 1, WG_ERROR_ARGUMENT},
        {{{.from = other, .window = 3, .shift = -1}}, 1, WG_ERROR_ARGUMENT},
        {{{.from = other, .window = 3}, {.from = other}}, 2, WG_ERROR_SHAPE},
        {{{.row_rank = 1, .row_shape = {3}}}, 1, WG_ERROR_ARGUMENT},
        {{{.from = other, .scale = (double)NAN}}, 1, WG_ERROR_ARGUMENT},
        {{{.from = other, .offset = (double)INFINITY}}, 1, WG_ERROR_ARGUMENT},
        {{{.from = other}, {.row_rank = 8}}, 2, WG_ERROR_ARGUMENT},
        {{{.from = other}, {.row_rank = 1, .row_shape = {-3}}}, 2, WG_ERROR_ARGUMENT},
        {{{.from = other}, {.row_rank = 1, .row_shape = {INT64_MAX}}}, 2, WG_ERROR_LIMIT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_assert_eq(wg_loader_new(rows[i].fields, rows[i].count, options, &loader), rows[i].status,
                     "row %zu: %s", i, wg_last_message());
        cr_assert_null(loader);
    }
    const wg_loader_field field = {.from = other};
    cr_assert_eq(wg_loader_new(&field, 1, (wg_loader_options){.batch = 0}, &loader),
                 WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_loader_new(&field, 1, (wg_loader_options){.batch = 1, .ahead = -2}, &loader),
                 WG_ERROR_ARGUMENT);
    cr_assert_null(loader);
    wg_array_free(scalar);
    wg_array_free(other);
    free_data(d);
}
