/* test_npz.c: .npz archives written, and every way to damage one. */
#include "base/checksum.h"
#include "bytes.h"
#include "io/npz.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(npz, .fini = test_path_remove);

static float f32[6] = {1, 2, 3, 4, 5, 6};
static int64_t i64[2] = {-1, INT64_MAX};

static void make_views(wg_named_view views[3]) {
    views[0] = (wg_named_view){"weight", wg_view_new(WG_F32, 2, (int64_t[]){2, 3}, f32)};
    views[1] = (wg_named_view){"labels/\xc3\xbc", wg_view_new(WG_I64, 1, (int64_t[]){2}, i64)};
    views[2] = (wg_named_view){"turned", views[0].view};
    views[2].view.shape[0] = 3, views[2].view.shape[1] = 2;
    views[2].view.stride[0] = 1, views[2].view.stride[1] = 3;
}

static void expect_views(const wg_npz *npz) {
    wg_array *array = NULL;
    cr_assert_eq(wg_npz_count(npz), 3);
    cr_assert_eq(wg_npz_read(npz, "weight", &array), WG_OK, "%s", wg_last_message());
    cr_assert_arr_eq(array->data, f32, sizeof f32);
    wg_array_free(array);
    cr_assert_eq(wg_npz_read(npz, "labels/\xc3\xbc", &array), WG_OK, "%s", wg_last_message());
    cr_assert_arr_eq(array->data, i64, sizeof i64);
    wg_array_free(array);
    cr_assert_eq(wg_npz_read(npz, "turned", &array), WG_OK, "%s", wg_last_message());
    cr_assert_arr_eq(array->data, ((float[]){1, 4, 2, 5, 3, 6}), 24);
    wg_array_free(array);
}

/* With ZIP64 from 4 GB on, from 200 bytes on, and everywhere. */
Test(npz, what_was_saved_comes_back) {
    static const uint64_t wide[] = {0xffffffff, 200, 1};
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++) {
        wg_named_view views[3];
        wg_npz *npz = NULL;
        make_views(views);
        const char *path = test_path("x");
        cr_assert_eq(wg_npz_save_wide(path, 3, views, wide[i]), WG_OK, "%s", wg_last_message());
        cr_assert_eq(wg_npz_open(path, &npz), WG_OK, "%s", wg_last_message());
        expect_views(npz);
        wg_array *array = NULL;
        expect_refused(wg_npz_read(npz, "weigh", &array), WG_ERROR_ARGUMENT, "\"weigh\"");
        expect_refused(wg_npz_read(npz, NULL, &array), WG_ERROR_ARGUMENT, "\"\"");
        wg_npz_close(npz);
    }
    wg_npz_close(NULL);
    cr_assert_eq(test_path_files(), 1);
}

/* "a-b.npy" comes before "a.npy", and "a" before "a-b". */
Test(npz, names_without_suffix_are_in_order) {
    static float x[4] = {0, 1, 2, 3};
    static const char *const names[4] = {"a", "a-b", "a.b", "b"};
    wg_named_view views[4];
    for (int i = 0; i < 4; i++) {
        views[i] = (wg_named_view){names[3 - i], wg_view_new(WG_F32, 0, NULL, &x[3 - i])};
    }
    const char *path = test_path("x");
    wg_npz *npz = NULL;
    cr_assert_eq(wg_npz_save(path, 4, views), WG_OK, "%s", wg_last_message());
    cr_assert_eq(wg_npz_open(path, &npz), WG_OK, "%s", wg_last_message());
    for (int i = 0; i < 4; i++) {
        wg_array *array = NULL;
        cr_assert_str_eq(wg_npz_name(npz, i), names[i]);
        cr_assert_eq(wg_npz_read(npz, names[i], &array), WG_OK, "%s", wg_last_message());
        cr_assert_eq(*(float *)array->data, x[i]);
        wg_array_free(array);
    }
    wg_npz_close(npz);
}

Test(npz, an_archive_of_nothing) {
    wg_npz *npz = NULL;
    const char *path = test_path("x");
    cr_assert_eq(wg_npz_save(path, 0, NULL), WG_OK);
    cr_assert_eq(wg_npz_open(path, &npz), WG_OK, "%s", wg_last_message());
    cr_assert_eq(wg_npz_count(npz), 0);
    cr_assert_null(wg_npz_name(npz, 0));
    wg_npz_close(npz);
    expect_refused(wg_npz_open(test_path("y"), &npz), WG_ERROR_FILE, "y: ");
    expect_refused(wg_npz_open(NULL, &npz), WG_ERROR_ARGUMENT, "NULL");
}

Test(npz, what_cannot_be_written_is_refused) {
    wg_named_view views[3];
    make_views(views);
    const char *path = test_path("x");
    views[1].name = "weight";
    expect_refused(wg_npz_save(path, 3, views), WG_ERROR_ARGUMENT, "\"weight\" comes twice");
    views[1].name = "";
    expect_refused(wg_npz_save(path, 3, views), WG_ERROR_ARGUMENT, "empty");
    views[1].name = "\xff";
    expect_refused(wg_npz_save(path, 3, views), WG_ERROR_ARGUMENT, "UTF-8");
    char *name = calloc(1, 65533);
    memset(name, 'n', 65532);
    views[1].name = name;
    expect_refused(wg_npz_save(path, 3, views), WG_ERROR_LIMIT, "65531 bytes");
    free(name);
    views[1].name = "b";
    views[1].view.dtype = WG_BF16;
    expect_refused(wg_npz_save(path, 3, views), WG_ERROR_DTYPE, "bf16");
    expect_refused(wg_npz_save("/dev/full", 1, views), WG_ERROR_FILE, "/dev/full");
    cr_assert_eq(test_path_files(), 0);
}

/* ---- Damage ---------------------------------------------------------------------------------- */

/* An archive of two arrays with parts of known places. */
typedef struct parts {
    unsigned char *bytes;
    size_t size;
    size_t entry[2], central[2], end;
} parts;

static uint32_t load(const unsigned char *from) {
    return from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

static parts make_parts(void) {
    wg_named_view views[2] = {{"a", wg_view_new(WG_F32, 1, (int64_t[]){2}, f32)},
                              {"b", wg_view_new(WG_F32, 1, (int64_t[]){3}, f32)}};
    const char *path = test_path("parts");
    cr_assert_eq(wg_npz_save(path, 2, views), WG_OK);
    parts p = {.size = 0};
    p.bytes = file_bytes(path, &p.size);
    p.end = p.size - 22;
    p.central[0] = load(p.bytes + p.end + 16);
    p.central[1] = p.central[0] + 46 + 5;
    p.entry[0] = 0;
    p.entry[1] = load(p.bytes + p.central[1] + 42);
    return p;
}

static wg_status open_and_read(const unsigned char *bytes, size_t size) {
    wg_npz *npz = NULL;
    wg_status status = wg_npz_from_bytes(bytes, size, &npz);
    cr_assert_eq(npz == NULL, status != WG_OK);
    for (int64_t i = 0; npz != NULL && status == WG_OK && i < wg_npz_count(npz); i++) {
        wg_array *array = NULL;
        status = wg_npz_read(npz, wg_npz_name(npz, i), &array);
        wg_array_free(array);
    }
    wg_npz_close(npz);
    return status;
}

static void expect_damage(const parts *p, size_t at, size_t bytes, uint32_t value, size_t where,
                          const char *reason) {
    unsigned char *copy = copy_of(p->bytes, p->size);
    for (size_t i = 0; i < bytes; i++) {
        copy[at + i] = (unsigned char)(value >> (8 * i));
    }
    char text[160];
    (void)snprintf(text, sizeof text, "byte %zu: %s", where, reason);
    expect_refused(open_and_read(copy, p->size), WG_ERROR_FORMAT, text);
    free(copy);
}

Test(npz, each_damage_is_refused_at_its_byte) {
    parts p = make_parts();
    const size_t c0 = p.central[0], c1 = p.central[1], e1 = p.entry[1], end = p.end;
    cr_assert_eq(open_and_read(p.bytes, p.size), WG_OK, "%s", wg_last_message());
    expect_damage(&p, 0, 1, 'X', 0, "no ZIP archive");
    expect_damage(&p, end, 1, 'X', p.size, "the file ends without");
    expect_damage(&p, end + 20, 2, 1, p.size, "the file ends without");
    expect_damage(&p, end + 4, 2, 1, end + 4, "an archive of several disks");
    expect_damage(&p, end + 8, 2, 1, end + 4, "an archive of several disks");
    expect_damage(&p, end + 12, 4, 1, end, "a directory of 1 bytes");
    expect_damage(&p, end + 16, 4, (uint32_t)end + 1, end, "a directory of");
    expect_damage(&p, c0, 1, 'X', c0, "no entry of the directory");
    expect_damage(&p, c0 + 8, 2, 1, c0 + 8, "\"a.npy\" is encrypted");
    expect_damage(&p, c0 + 10, 2, 12, c0 + 10, "\"a.npy\" is packed by method 12");
    expect_damage(&p, c0 + 16, 4, 1, 8, "the entry has another method, checksum or size");
    expect_damage(&p, c0 + 20, 4, 1, c0 + 20, "\"a.npy\" is stored in another size");
    expect_damage(&p, c0 + 28, 2, 60000, c0, "an entry that reaches beyond the directory");
    expect_damage(&p, c0 + 30, 2, 4, c0 + 51, "an extra field that reaches beyond");
    expect_damage(&p, c0 + 46, 1, 'c', 26, "the entry is not \"c.npy\"");
    expect_damage(&p, c0 + 46, 1, 0, c0 + 46, "0x00 in a name");
    expect_damage(&p, c0 + 46, 1, 0xff, c0 + 46, "0xff in a name");
    expect_damage(&p, c1 + 42, 4, (uint32_t)e1 + 1, e1 + 1, "\"b.npy\" should be here");
    expect_damage(&p, c1 + 42, 4, 0x7fffffff, c1 + 42, "\"b.npy\" begins behind all entries");
    expect_damage(&p, e1 + 22, 4, 1, e1 + 8, "the entry has another");
    expect_damage(&p, e1 - 1, 1, 0, 35, "the CRC-32 of \"a");
    free(p.bytes);
}

Test(npz, twice_and_overlapping) {
    parts p = make_parts();
    const size_t c1 = p.central[1], e1 = p.entry[1];
    p.bytes[c1 + 46] = p.bytes[e1 + 30] = 'a';
    char text[80];
    (void)snprintf(text, sizeof text, "byte %zu: \"a.npy\" is there twice", c1);
    expect_refused(open_and_read(p.bytes, p.size), WG_ERROR_FORMAT, text);
    /* The first entry reaches into the second, and says so in both places. */
    p.bytes[c1 + 46] = p.bytes[e1 + 30] = 'b';
    for (size_t place = 0; place < 2; place++) {
        const size_t at = place == 0 ? 18 : p.central[0] + 20;
        p.bytes[at]++, p.bytes[at + 4]++;
    }
    (void)snprintf(text, sizeof text, "byte 0: \"a.npy\" overlaps what is at byte %zu", e1);
    expect_refused(open_and_read(p.bytes, p.size), WG_ERROR_FORMAT, text);
    free(p.bytes);
}

static void truncate_and_flip(const char *path) {
    size_t size = 0;
    unsigned char *bytes = file_bytes(path, &size);
    for (size_t count = 0; count < size; count++) {
        unsigned char *part = copy_of(bytes, count);
        expect_refused(open_and_read(part, count), WG_ERROR_FORMAT, "byte ");
        free(part);
    }
    for (size_t bit = 0; bit < 8 * size; bit++) {
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        const wg_status status = open_and_read(bytes, size);
        cr_assert(status == WG_OK || status == WG_ERROR_FORMAT || status == WG_ERROR_STATE ||
                      status == WG_ERROR_DTYPE || status == WG_ERROR_LIMIT,
                  "%d: %s", (int)status, wg_last_message());
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    free(bytes);
}

Test(npz, truncations_are_refused_and_flipped_bits_do_no_harm) {
    truncate_and_flip(WG_IO_DATA "/stored.npz");
    truncate_and_flip(WG_IO_DATA "/streamed.npz");
    truncate_and_flip(WG_IO_DATA "/compressed.npz");
}

/* Any change of an array's own bytes is seen. */
Test(npz, every_flipped_bit_of_the_content_is_refused) {
    parts p = make_parts();
    const size_t start = 30 + 5;
    for (size_t bit = 8 * start; bit < 8 * p.entry[1]; bit++) {
        p.bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        expect_refused(open_and_read(p.bytes, p.size), WG_ERROR_FORMAT,
                       "byte 35: the CRC-32 of \"a\" is");
        p.bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    free(p.bytes);
}
