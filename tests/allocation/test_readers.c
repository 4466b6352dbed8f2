/* Vocabularies, tables, images, splits, scalers, loaders and mapped files when memory runs out. */
#include "allocation.h"
#include "base/base.h"
#include "wengert.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

/* Grants 0, 1, 2 ... requests until `work` succeeds; nothing may leak on the way. */
static void survive(wg_status (*work)(void)) {
    wg_status status = WG_ERROR_MEMORY;
    long granted = 0;
    for (; granted < 1000 && status != WG_OK; granted++) {
        wg_test_refuse_after(granted);
        status = work();
        cr_assert(status == WG_OK || status == WG_ERROR_MEMORY, "%s", wg_last_message());
        cr_assert_eq(wg_test_blocks(), 0, "%ld blocks leaked", wg_test_blocks());
    }
    wg_test_allow();
    cr_assert_eq(status, WG_OK);
    cr_assert(granted > 1, "the work asks for no memory");
}

/* Tests run at the same time: to each a file of its own. */
static const char vocabulary_path[] = "wengert-allocation-test.vocabulary";
static const char image_path[] = "wengert-allocation-test.image";
static const char mapped_path[] = "wengert-allocation-test.mapped";

/* There and back, over a file. */
static wg_status use_vocabulary(wg_vocabulary *vocabulary, const char *text) {
    wg_vocabulary *read = NULL;
    wg_array *ids = NULL;
    char *back = NULL;
    wg_status status = wg_write_vocabulary(vocabulary_path, vocabulary);
    if (status == WG_OK) {
        status = wg_read_vocabulary(vocabulary_path, &read);
    }
    if (status == WG_OK) {
        status = wg_vocabulary_encode(read, text, strlen(text), WG_I64, &ids);
    }
    if (status == WG_OK) {
        status = wg_vocabulary_decode(read, ids, &back, NULL);
    }
    wg_string_free(back);
    wg_array_free(ids);
    wg_vocabulary_free(read);
    return status;
}

static const char text[] = "the whale, the whale! Up helm, the whale, the whale";

static wg_status use_characters(void) {
    wg_vocabulary *vocabulary = NULL;
    const wg_character_options options = {.unknown = true};
    wg_status status = wg_vocabulary_characters(text, strlen(text), options, &vocabulary);
    if (status == WG_OK) {
        status = use_vocabulary(vocabulary, text);
    }
    wg_vocabulary_free(vocabulary);
    return status;
}

static wg_status use_pairs(void) {
    static char long_text[20000];
    for (size_t i = 0; i < sizeof long_text - 1; i++) {
        long_text[i] = (char)('a' + i * i % 26 * (i % 7) % 26);
        long_text[i] = i % 5 == 4 ? ' ' : long_text[i];
    }
    wg_vocabulary *vocabulary = NULL;
    const wg_bpe_options options = {.size = 600};
    wg_status status = wg_vocabulary_bpe(long_text, sizeof long_text - 1, options, &vocabulary);
    if (status == WG_OK) {
        status = use_vocabulary(vocabulary, long_text);
    }
    wg_vocabulary_free(vocabulary);
    return status;
}

Test(readers_allocation, vocabularies) {
    survive(use_characters);
    survive(use_pairs);
    (void)remove(vocabulary_path);
}

static wg_status split(void) {
    const double weights[] = {8, 1, 1};
    wg_array *parts[3], *labels = NULL, *train = NULL, *test = NULL;
    wg_status status = wg_array_new(WG_I64, 1, (int64_t[]){100}, &labels);
    const wg_split_options options = {.labels = labels};
    if (status == WG_OK) {
        status = wg_split_parts(100, 3, weights, options, parts);
        for (int p = 0; p < 3; p++) {
            wg_array_free(parts[p]);
        }
    }
    if (status == WG_OK) {
        status = wg_split_folds(100, 4, 1, options, &train, &test);
    }
    wg_array_free(train);
    wg_array_free(test);
    wg_array_free(labels);
    return status;
}

Test(readers_allocation, splits) {
    survive(split);
}

/* PNG needs libpng to be read; written it is either way. */
static wg_status use_images(wg_status (*write)(const char *, const wg_array *), bool read) {
    wg_array *images = NULL, *grid = NULL, *back = NULL;
    wg_status status = wg_array_new(WG_U8, 4, (int64_t[]){9, 3, 40, 40}, &images);
    if (status == WG_OK) {
        status = wg_image_grid(images, (wg_grid_options){.padding = 2}, &grid);
    }
    if (status == WG_OK) {
        status = write(image_path, grid);
    }
    if (status == WG_OK && read) {
        status = wg_read_image(image_path, (wg_image_options){.f32 = true}, &back);
    }
    wg_array_free(images);
    wg_array_free(grid);
    wg_array_free(back);
    return status;
}

static wg_status use_png(void) {
#if defined(WG_HAVE_PNG)
    return use_images(wg_write_png, true);
#else
    return use_images(wg_write_png, false);
#endif
}

static wg_status use_pnm(void) {
    return use_images(wg_write_pnm, true);
}

Test(readers_allocation, images) {
    survive(use_png);
    survive(use_pnm);
    (void)remove(image_path);
}

static wg_status use_mapped(void) {
    wg_mapped *mapped = NULL;
    wg_status status = wg_map_idx(mapped_path, &mapped);
    wg_mapped_free(mapped);
    if (status == WG_OK) {
        status = wg_map_raw(mapped_path, WG_U8, 1, (int64_t[]){-1}, 0, &mapped);
        wg_mapped_free(mapped);
    }
    return status;
}

Test(readers_allocation, mapped) {
    wg_array *array = NULL;
    cr_assert_eq(wg_array_new(WG_U8, 1, (int64_t[]){40000}, &array), WG_OK);
    cr_assert_eq(wg_write_idx(mapped_path, array), WG_OK);
    wg_array_free(array);
    survive(use_mapped);
    (void)remove(mapped_path);
}

static wg_status use_scaler(void) {
    wg_array *table = NULL, *scaled = NULL;
    wg_scaler scaler = {NULL, NULL};
    wg_status status = wg_array_new(WG_F64, 2, (int64_t[]){10, 3}, &table);
    if (status == WG_OK) {
        status = wg_scaler_fit(table, (wg_scaler_options){.rows = NULL}, &scaler);
    }
    if (status == WG_OK) {
        status = wg_scaler_apply(&scaler, table, WG_F32, &scaled);
    }
    wg_scaler_clear(&scaler);
    wg_array_free(table);
    wg_array_free(scaled);
    return status;
}

Test(readers_allocation, scalers) {
    survive(use_scaler);
}

static wg_status use_loader(void) {
    wg_array *images = NULL;
    wg_loader *loader = NULL;
    wg_augmentation augmentation = {.shift = 1, .flip = 0.5, .noise = 1};
    wg_status status = wg_array_new(WG_U8, 3, (int64_t[]){10, 5, 5}, &images);
    const wg_loader_field fields[] = {{.from = images},
                                      {.dtype = WG_I64, .row_rank = 1, .row_shape = {2}}};
    if (status == WG_OK) {
        const wg_loader_options options = {
            .batch = 3, .transform = wg_augment, .context = &augmentation};
        status = wg_loader_new(fields, 2, options, &loader);
    }
    const long made = wg_test_requests();
    const wg_batch *batch = NULL;
    for (int i = 0; i < 20 && status == WG_OK; i++) {
        status =
            wg_loader_next(loader, &batch); /* asks for nothing: the thread's is the system's */
    }
    cr_assert(status != WG_OK || wg_test_requests() == made);
    wg_loader_free(loader);
    wg_array_free(images);
    return status;
}

Test(readers_allocation, loaders) {
    survive(use_loader);
}

static const char table_path[] = "wengert-allocation-test.table";

static wg_status use_table(void) {
    wg_table *table = NULL, *other = NULL;
    wg_array *matrix = NULL, *mask = NULL;
    wg_status status = wg_read_table(table_path, NULL, &table);
    if (status == WG_OK) {
        cr_assert_eq(wg_table_kind(table, 0), WG_COLUMN_NUMBER);
        status = wg_read_table(table_path, &(wg_table_options){.like = table}, &other);
    }
    if (status == WG_OK) {
        status = wg_table_impute(other, "x", WG_IMPUTE_MEDIAN, NULL, NULL);
    }
    if (status == WG_OK) {
        status = wg_table_matrix(other, NULL, 0, true, WG_F32, &matrix);
    }
    if (status == WG_OK) {
        status = wg_table_mask(table, NULL, 0, &mask);
    }
    wg_table_free(table);
    wg_table_free(other);
    wg_array_free(matrix);
    wg_array_free(mask);
    return status;
}

Test(readers_allocation, tables) {
    FILE *file = fopen(table_path, "w");
    cr_assert_not_null(file);
    (void)fputs("x,c\n1,red\n,\"gr\"\"een\"\n3,\n0.", file);
    for (int i = 0; i < 1000; i++) {
        (void)fputc('3', file);
    }
    (void)fputs(",blue\n", file);
    for (int i = 0; i < 2000; i++) {
        (void)fprintf(file, "%d,blue%d\n", i, i % 3);
    }
    cr_assert_eq(fclose(file), 0);
    survive(use_table);
    (void)remove(table_path);
}
