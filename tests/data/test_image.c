/* test_image.c: pictures from files and back, in every kind, and every way to damage one. */
#include "base/bytes.h"
#include "base/checksum.h"
#include "data/image.h"
#include "files.h"
#include "wengert.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(WG_HAVE_PNG)
#include <png.h>
#endif

TestSuite(image, .fini = test_file_remove);

static const wg_image_options plain = {0};

static wg_status read_bytes(const void *bytes, size_t size, wg_image_options options,
                            wg_array **out) {
    return wg_image_from_bytes("x", bytes, size, options, out);
}

static wg_status read_text(const char *text, wg_image_options options, wg_array **out) {
    return read_bytes(text, strlen(text), options, out);
}

/* u8 [channels, height, width] */
static void expect_image(const wg_array *a, int64_t channels, int64_t height, int64_t width,
                         const uint8_t *values) {
    cr_assert(a->dtype == WG_U8 && a->rank == 3);
    cr_assert(a->shape[0] == channels && a->shape[1] == height && a->shape[2] == width);
    cr_assert_arr_eq(a->data, values, (size_t)(channels * height * width));
}

/* ---- PNM ------------------------------------------------------------------------------------- */

Test(image, pnm_of_all_kinds) {
    static const uint8_t grey[] = {0, 128, 255, 64, 32, 16}, colour[] = {1, 4, 2, 5, 3, 6};
    static const struct {
        const char *text;
        size_t size;
        bool colour;
    } rows[] = {
        {"P2\n3 2\n255\n0 128 255\n64 32 16\n", 0, false},
        {"P2 # a picture\n3\t2 # sizes\r\n255 0 128 255 64 32 16 # end", 0, false},
        {"P5\n3 2\n255\n\x00\x80\xFF\x40\x20\x10", 17, false},
        {"P5#\n3 2 255 \x00\x80\xFF\x40\x20\x10", 18, false},
        {"P3 2 1 255 1 2 3 4 5 6", 0, true},
        {"P6 2 1 255\n\1\2\3\4\5\6", 0, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        wg_array *a = NULL;
        const size_t size = rows[i].size > 0 ? rows[i].size : strlen(rows[i].text);
        cr_assert_eq(read_bytes(rows[i].text, size, plain, &a), WG_OK, "%s", wg_last_message());
        if (rows[i].colour) {
            expect_image(a, 3, 1, 2, colour);
        } else {
            expect_image(a, 1, 2, 3, grey);
        }
        wg_array_free(a);
    }
}

/* Samples are scaled by the greatest value, whatever that is. */
Test(image, pnm_depths) {
    wg_array *a = NULL;
    const uint8_t few[] = {0, 36, 255};
    cr_assert_eq(read_text("P2 3 1 7 0 1 7", plain, &a), WG_OK);
    expect_image(a, 1, 1, 3, few);
    wg_array_free(a);
    const uint8_t many[] = {0, 1, 255};
    const char raw[] = "P5 3 1 65535\n\x00\x80\x01\x00\xFF\xFF";
    cr_assert_eq(read_bytes(raw, sizeof raw - 1, plain, &a), WG_OK);
    expect_image(a, 1, 1, 3, many);
    wg_array_free(a);
    cr_assert_eq(read_bytes(raw, sizeof raw - 1, (wg_image_options){.f32 = true}, &a), WG_OK);
    cr_assert(a->dtype == WG_F32 && ((float *)a->data)[0] == (float)(128.0 / 65535) &&
              ((float *)a->data)[2] == 1.0f);
    wg_array_free(a);
}

Test(image, channels_as_asked) {
    wg_array *a = NULL;
    const char text[] = "P3 2 1 255 255 0 0 10 20 30";
    const uint8_t grey[] = {76, 18}, alpha[] = {255, 10, 0, 20, 0, 30, 255, 255};
    cr_assert_eq(read_text(text, (wg_image_options){.channels = 1}, &a), WG_OK);
    expect_image(a, 1, 1, 2, grey);
    wg_array_free(a);
    cr_assert_eq(read_text(text, (wg_image_options){.channels = 4}, &a), WG_OK);
    expect_image(a, 4, 1, 2, alpha);
    wg_array_free(a);
    const uint8_t repeated[] = {9, 9, 9}, with_alpha[] = {9, 255};
    cr_assert_eq(read_text("P2 1 1 255 9", (wg_image_options){.channels = 3}, &a), WG_OK);
    expect_image(a, 3, 1, 1, repeated);
    wg_array_free(a);
    cr_assert_eq(read_text("P2 1 1 255 9", (wg_image_options){.channels = 2}, &a), WG_OK);
    expect_image(a, 2, 1, 1, with_alpha);
    wg_array_free(a);
    cr_assert_eq(read_text(text, (wg_image_options){.channels = 5}, &a), WG_ERROR_ARGUMENT);
    cr_assert_eq(read_text(text, (wg_image_options){.channels = -1}, &a), WG_ERROR_ARGUMENT);
    cr_assert_null(a);
}

Test(image, pnm_errors_say_where) {
    static const struct {
        const char *text, *place;
    } rows[] = {
        {"", "byte 0: no PGM"},
        {"P", "byte 0: no PGM"},
        {"P7 1 1 255 ", "byte 0: no PGM"},
        {"P4 1 1\n", "byte 1: bitmaps"},
        {"P2x", "byte 2: white space"},
        {"P2", "byte 2: no width"},
        {"P2 0 1 255 1", "byte 3: no width"},
        {"P2 -1 1 255 1", "byte 3: no width"},
        {"P2 1 2147483648 255 1", "byte 5: no height"},
        {"P2 1 1 0 1", "byte 7: no greatest value"},
        {"P2 1 1 65536 1", "byte 7: no greatest value"},
        {"P2 1 1 255", "byte 10: the file ends"},
        {"P2 1 1 255 ", "byte 11: no sample"},
        {"P2 1 1 255 256", "byte 11: no sample from 0 to 255"},
        {"P2 1 1 255 1.5", "byte 12: white space"},
        {"P2 1 1 255 1 2", "byte 13: bytes left over"},
        {"P5 1 1 255", "byte 10: one white space"},
        {"P5 1 1 255#", "byte 10: one white space"},
        {"P5 1 1 255\n", "byte 11: the file ends"},
        {"P5 1 1 255\nab", "byte 12: bytes left over"},
        {"P5 1 1 100\nz", "byte 11: a sample above"},
        {"P6 2147483647 2147483647 255\nz", "byte 30: the file ends"},
        {"P3 2147483647 2147483647 255\nz", "byte 30: the file ends"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        wg_array *a = NULL;
        cr_assert_eq(read_text(rows[i].text, plain, &a), WG_ERROR_FORMAT, "%s", rows[i].text);
        cr_assert_not_null(strstr(wg_last_message(), rows[i].place), "want '%s' in: %s",
                           rows[i].place, wg_last_message());
        cr_assert_null(a);
    }
}

/* ---- There and back -------------------------------------------------------------------------- */

static wg_array *gradient(wg_dtype dtype, int64_t channels, int64_t height, int64_t width) {
    wg_array *a = NULL;
    cr_assert_eq(wg_array_new(dtype, 3, (int64_t[]){channels, height, width}, &a), WG_OK);
    for (int64_t i = 0; i < wg_array_count(a); i++) {
        const uint8_t value = (uint8_t)(i * 37 % 256);
        if (dtype == WG_U8) {
            ((uint8_t *)a->data)[i] = value;
        } else {
            ((float *)a->data)[i] = (float)value / 255.0f;
        }
    }
    return a;
}

Test(image, pnm_round_trip) {
    for (int64_t channels = 1; channels <= 3; channels += 2) {
        for (int d = 0; d < 2; d++) {
            wg_array *a = gradient(d == 0 ? WG_U8 : WG_F32, channels, 5, 7), *back = NULL;
            wg_array *bytes = gradient(WG_U8, channels, 5, 7);
            const char *path = test_file("", 0);
            cr_assert_eq(wg_write_pnm(path, a), WG_OK);
            cr_assert_eq(wg_read_image(path, plain, &back), WG_OK, "%s", wg_last_message());
            expect_image(back, channels, 5, 7, bytes->data);
            wg_array_free(back);
            wg_array_free(bytes);
            wg_array_free(a);
        }
    }
}

Test(image, what_lies_beyond_black_and_white_is_cut_off) {
    wg_array *a = NULL, *back = NULL;
    cr_assert_eq(wg_array_new(WG_F32, 2, (int64_t[]){1, 6}, &a), WG_OK);
    const float values[] = {-1e30f, 0.4999f / 255, 0.5f, 1.0f, INFINITY, NAN};
    memcpy(a->data, values, sizeof values);
    const char *path = test_file("", 0);
    cr_assert_eq(wg_write_pnm(path, a), WG_OK);
    cr_assert_eq(wg_read_image(path, plain, &back), WG_OK);
    const uint8_t expected[] = {0, 0, 128, 255, 255, 0};
    expect_image(back, 1, 1, 6, expected);
    wg_array_free(a);
    wg_array_free(back);
}

Test(image, writers_refuse) {
    wg_array *a = gradient(WG_U8, 4, 2, 2), *b = NULL;
    cr_assert_eq(wg_write_pnm("x", a), WG_ERROR_SHAPE);
    cr_assert_eq(wg_write_png("/no/such/folder/x", a), WG_ERROR_FILE);
    cr_assert_eq(wg_write_png(NULL, a), WG_ERROR_ARGUMENT);
    a->dtype = WG_I64;
    cr_assert_eq(wg_write_png("x", a), WG_ERROR_DTYPE);
    cr_assert_eq(wg_write_png("x", NULL), WG_ERROR_DTYPE);
    wg_array_free(a);
    cr_assert_eq(wg_array_new(WG_U8, 3, (int64_t[]){5, 1, 1}, &a), WG_OK);
    cr_assert_eq(wg_write_png("x", a), WG_ERROR_SHAPE);
    cr_assert_eq(wg_array_new(WG_U8, 3, (int64_t[]){1, 0, 1}, &b), WG_OK);
    cr_assert_eq(wg_write_png("x", b), WG_ERROR_SHAPE);
    wg_array_free(a);
    wg_array_free(b);
}

/* ---- PNG ------------------------------------------------------------------------------------- */

/* The uncompressed file byte for byte: what stands in it is known. */
Test(image, png_stored) {
    unsigned char *bytes = NULL;
    size_t size = 0;
    const unsigned char samples[] = {7, 9};
    cr_assert_eq(wg_png_store(samples, 2, 1, 1, &bytes, &size), WG_OK);
    const unsigned char expected[] = {
        0x89, 'P', 'N', 'G', 13, 10, 26, 10, 0, 0, 0, 13, 'I', 'H', 'D',
        'R',  0,   0,   0,   1,  0,  0,  0,  2, 8, 0, 0,  0,   0,
    };
    cr_assert_arr_eq(bytes, expected, sizeof expected);
    /* IHDR's checksum, 4; IDAT: 12 and 2 + 5 + 4 + 4; IEND: 12 */
    cr_assert_eq(size, sizeof expected + 4 + 12 + 15 + 12);
    const unsigned char body[] = {0x78, 1, 1, 4, 0, 0xFB, 0xFF, 0, 7, 0, 9, 0, 34, 0, 17};
    cr_assert_arr_eq(bytes + sizeof expected + 12, body, sizeof body);
    wg_free(bytes);
    cr_assert_eq(wg_png_store(samples, INT32_MAX, INT32_MAX, 1, &bytes, &size), WG_ERROR_LIMIT);
    cr_assert_null(bytes);
}

#if defined(WG_HAVE_PNG)
/* Stored and compressed files of each number of channels, larger than a stored block. */
Test(image, png_round_trip) {
    for (int64_t channels = 1; channels <= 4; channels++) {
        wg_array *a = gradient(WG_U8, channels, 150, 149), *back = NULL;
        const char *path = test_file("", 0);
        cr_assert_eq(wg_write_png(path, a), WG_OK);
        cr_assert_eq(wg_read_image(path, plain, &back), WG_OK, "%s", wg_last_message());
        expect_image(back, channels, 150, 149, a->data);
        wg_array_free(back);
        unsigned char *bytes = NULL, *samples = malloc(150 * 149 * 4);
        size_t size = 0;
        for (int64_t i = 0; i < 150 * 149 * channels; i++) {
            samples[i] = ((uint8_t *)a->data)[i % channels * 150 * 149 + i / channels];
        }
        cr_assert_eq(wg_png_store(samples, 150, 149, (int)channels, &bytes, &size), WG_OK);
        cr_assert_eq(read_bytes(bytes, size, plain, &back), WG_OK, "%s", wg_last_message());
        expect_image(back, channels, 150, 149, a->data);
        wg_array_free(back);
        wg_free(bytes);
        free(samples);
        wg_array_free(a);
    }
}

/* ---- PNG of kinds that only libpng itself writes --------------------------------------------- */

typedef struct bytes {
    unsigned char data[4096];
    size_t size;
} bytes;

static void append(png_structp p, png_bytep from, png_size_t count) {
    bytes *to = png_get_io_ptr(p);
    cr_assert(to->size + count <= sizeof to->data);
    memcpy(to->data + to->size, from, count);
    to->size += count;
}

/* A picture of 3 x 2 pixels, `line` bytes a row. */
static bytes foreign(int type, int depth, bool interlaced, bool transparent,
                     const unsigned char *lines, size_t line) {
    bytes made = {.size = 0};
    png_structp p = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(p);
    png_set_write_fn(p, &made, append, NULL);
    png_set_IHDR(p, info, 3, 2, depth, type, interlaced ? PNG_INTERLACE_ADAM7 : 0, 0, 0);
    const png_color palette[] = {{255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {1, 2, 3}};
    const png_byte alphas[] = {255, 128, 0};
    png_color_16 clear = {.gray = 1};
    if (type == PNG_COLOR_TYPE_PALETTE) {
        png_set_PLTE(p, info, palette, 4);
    }
    if (transparent) {
        png_set_tRNS(p, info, alphas, 3, type == PNG_COLOR_TYPE_PALETTE ? NULL : &clear);
    }
    png_write_info(p, info);
    png_bytep rows[] = {(png_bytep)lines, (png_bytep)lines + line};
    png_write_image(p, rows);
    png_write_end(p, info);
    png_destroy_write_struct(&p, &info);
    return made;
}

static void expect_foreign(bytes from, int channels, const uint8_t *values) {
    wg_array *a = NULL;
    cr_assert_eq(read_bytes(from.data, from.size, plain, &a), WG_OK, "%s", wg_last_message());
    expect_image(a, channels, 2, 3, values);
    wg_array_free(a);
}

Test(image, png_of_all_kinds) {
    const unsigned char bits[] = {0xA0, 0x40}, twos[] = {0x1B, 0xE4}, indices[] = {0x18, 0xC0};
    const uint8_t from_bits[] = {255, 0, 255, 0, 255, 0};
    const uint8_t from_twos[] = {0, 85, 170, 255, 170, 85};
    const uint8_t from_indices[] = {255, 0, 0, 1, 255, 255, 0, 255, 0, 2, 0, 0, 0, 0, 255, 3, 0, 0};
    for (int interlaced = 0; interlaced < 2; interlaced++) {
        expect_foreign(foreign(PNG_COLOR_TYPE_GRAY, 1, interlaced, false, bits, 1), 1, from_bits);
        expect_foreign(foreign(PNG_COLOR_TYPE_GRAY, 2, interlaced, false, twos, 1), 1, from_twos);
        expect_foreign(foreign(PNG_COLOR_TYPE_PALETTE, 2, interlaced, false, indices, 1), 3,
                       from_indices);
    }
    uint8_t with_alpha[24];
    memcpy(with_alpha, from_indices, 18);
    memcpy(with_alpha + 18, (uint8_t[]){255, 128, 0, 255, 255, 255}, 6);
    expect_foreign(foreign(PNG_COLOR_TYPE_PALETTE, 2, false, true, indices, 1), 4, with_alpha);
    const unsigned char greys[] = {0, 1, 2, 3, 1, 5};
    const uint8_t cleared[] = {0, 1, 2, 3, 1, 5, 255, 0, 255, 255, 0, 255};
    expect_foreign(foreign(PNG_COLOR_TYPE_GRAY, 8, false, true, greys, 3), 2, cleared);
    const unsigned char wide[] = {0, 0, 0, 128, 1, 0, 255, 255, 128, 0, 64, 0};
    bytes deep = foreign(PNG_COLOR_TYPE_GRAY, 16, false, false, wide, 6);
    expect_foreign(deep, 1, (uint8_t[]){0, 0, 1, 255, 128, 64});
    wg_array *a = NULL;
    cr_assert_eq(read_bytes(deep.data, deep.size, (wg_image_options){.f32 = true}, &a), WG_OK);
    cr_assert(((float *)a->data)[1] == (float)(128.0 / 65535));
    wg_array_free(a);
}

/* Cut off at every byte, and every byte changed in every way: refused with the place, no word on
 * the terminal (a run of the tests would show it), no leak. */
Test(image, png_damaged) {
    const unsigned char indices[] = {0x18, 0xC0};
    bytes file = foreign(PNG_COLOR_TYPE_PALETTE, 2, true, true, indices, 1);
    wg_array *a = NULL;
    for (size_t at = 0; at < file.size; at++) {
        cr_assert_eq(read_bytes(file.data, at, plain, &a), WG_ERROR_FORMAT, "%zu bytes", at);
        cr_assert_not_null(strstr(wg_last_message(), "x: byte "), "%s", wg_last_message());
        const unsigned char right = file.data[at];
        for (int value = 1; value < 256; value++) {
            file.data[at] = (unsigned char)(right ^ value);
            cr_assert_eq(read_bytes(file.data, file.size, plain, &a), WG_ERROR_FORMAT,
                         "byte %zu is %d: %s", at, file.data[at], wg_last_message());
            cr_assert_null(a);
        }
        file.data[at] = right;
    }
    file.data[file.size] = 0;
    cr_assert_eq(read_bytes(file.data, file.size + 1, plain, &a), WG_ERROR_FORMAT);
    cr_assert_not_null(strstr(wg_last_message(), "bytes left over"));
}

static void put_word(unsigned char *to, uint32_t word) {
    for (int i = 0; i < 4; i++) {
        to[i] = (unsigned char)(word >> (24 - 8 * i));
    }
}

static void add_chunk(bytes *to, const char *name, const void *data, size_t size) {
    unsigned char *at = to->data + to->size;
    put_word(at, (uint32_t)size);
    memcpy(at + 4, name, 4);
    memcpy(at + 8, data, size);
    put_word(at + 8 + size, wg_crc32(at + 4, size + 4));
    to->size += size + 12;
}

/* A picture of 2 x 1 bytes, grey or (with 3 bytes of palette) indices, whose rows stand in one
 * stored block, with `behind` the zlib stream. */
static bytes by_hand(const unsigned char *rows, size_t size, const char *behind, size_t palette,
                     const char *name) {
    bytes made = {.size = 8};
    memcpy(made.data, "\x89PNG\r\n\x1A\n", 8);
    const unsigned char head[] = {0, 0, 0, 2, 0, 0, 0, 1, 8, palette > 0 ? 3 : 0, 0, 0, 0};
    add_chunk(&made, "IHDR", head, sizeof head);
    if (palette > 0) {
        add_chunk(&made, "PLTE", "\1\2\3\4\5\6", palette);
    }
    if (name != NULL) {
        add_chunk(&made, name, "?", 1);
    }
    unsigned char stream[64] = {0x78, 1, 1, (unsigned char)size, 0, (unsigned char)(0xFF ^ size),
                                0xFF};
    uint32_t a = 1, b = 0; /* Adler-32 */
    for (size_t i = 0; i < size; i++) {
        stream[7 + i] = rows[i];
        a += rows[i];
        b += a;
    }
    put_word(stream + 7 + size, b << 16 | a);
    memcpy(stream + 11 + size, behind, strlen(behind));
    add_chunk(&made, "IDAT", stream, 11 + size + strlen(behind));
    add_chunk(&made, "IEND", "", 0);
    return made;
}

/* Whose checksums are all right, and which libpng would let through. */
Test(image, png_that_fits_no_picture) {
    static const struct {
        const char *what;
        unsigned char rows[8];
        size_t size;
        const char *behind;
        size_t palette;
        const char *name; /* of one more chunk, of one byte */
        bool fine;
    } files[] = {
        {"a picture", {0, 5, 6}, 3, "", 0, NULL, true},
        {"more rows", {0, 5, 6, 0, 7, 8}, 6, "", 0, NULL, false},
        {"bytes behind the zlib stream", {0, 5, 6}, 3, "abcd", 0, NULL, false},
        {"half a row", {0, 5}, 2, "", 0, NULL, false},
        {"a filter that is none", {9, 5, 6}, 3, "", 0, NULL, false},
        {"indices", {0, 1, 0}, 3, "", 6, NULL, true},
        {"an index beyond the palette", {0, 1, 0}, 3, "", 3, NULL, false},
        {"half a colour", {0, 0, 0}, 3, "", 4, NULL, false},
        {"a transparent grey of one byte", {0, 5, 6}, 3, "", 0, "tRNS", false},
        {"a critical chunk nobody knows", {0, 5, 6}, 3, "", 0, "ABCD", false},
        {"a gamma of one byte, which is left alone", {0, 5, 6}, 3, "", 0, "gAMA", true},
        {"a chunk nobody need know", {0, 5, 6}, 3, "", 0, "abCD", true},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const bytes file =
            by_hand(files[i].rows, files[i].size, files[i].behind, files[i].palette, files[i].name);
        wg_array *a = NULL;
        const wg_status status = read_bytes(file.data, file.size, plain, &a);
        cr_assert_eq(status, files[i].fine ? WG_OK : WG_ERROR_FORMAT, "%s: %s", files[i].what,
                     status == WG_OK ? "accepted" : wg_last_message());
        cr_assert_eq(a != NULL, files[i].fine);
        if (a != NULL && files[i].palette > 0) {
            expect_image(a, 3, 1, 2, (uint8_t[]){4, 1, 5, 2, 6, 3});
        }
        wg_array_free(a);
    }
}

/* A header that promises a picture of 2^31 x 2^31 pixels, with a right checksum. */
Test(image, png_that_promises_too_much) {
    unsigned char *file = NULL;
    size_t size = 0;
    wg_array *a = NULL;
    cr_assert_eq(wg_png_store((const unsigned char *)"abcd", 2, 2, 1, &file, &size), WG_OK);
    memcpy(file + 16, "\x7F\xFF\xFF\xFF\x7F\xFF\xFF\xFF", 8);
    const uint32_t crc = wg_crc32(file + 12, 17);
    for (int i = 0; i < 4; i++) {
        file[29 + i] = (unsigned char)(crc >> (24 - 8 * i));
    }
    cr_assert_eq(read_bytes(file, size, plain, &a), WG_ERROR_FORMAT);
    cr_assert_not_null(strstr(wg_last_message(), "too short"), "%s", wg_last_message());
    wg_free(file);
}
#else
Test(image, png_without_libpng) {
    wg_array *a = NULL;
    cr_assert_eq(read_bytes("\x89PNG\r\n\x1A\n", 8, plain, &a), WG_ERROR_LIMIT);
    cr_assert_not_null(strstr(wg_last_message(), "without libpng"));
    cr_assert_null(a);
}
#endif

/* ---- Many in one ----------------------------------------------------------------------------- */

Test(image, grid) {
    wg_array *a = NULL, *out = NULL;
    cr_assert_eq(wg_array_new(WG_U8, 3, (int64_t[]){3, 1, 2}, &a), WG_OK);
    memcpy(a->data, (uint8_t[]){1, 2, 3, 4, 5, 6}, 6);
    wg_grid_options options = {.columns = 2, .padding = 1, .fill = 9};
    cr_assert_eq(wg_image_grid(a, options, &out), WG_OK);
    const uint8_t expected[] = {
        9, 9, 9, 9, 9, 9, 9, /* */
        9, 1, 2, 9, 3, 4, 9, /* */
        9, 9, 9, 9, 9, 9, 9, /* */
        9, 5, 6, 9, 9, 9, 9, /* */
        9, 9, 9, 9, 9, 9, 9,
    };
    expect_image(out, 1, 5, 7, expected);
    wg_array_free(out);
    cr_assert_eq(wg_image_grid(a, (wg_grid_options){0}, &out), WG_OK);
    expect_image(out, 1, 1, 6, a->data);
    wg_array_free(out);
    options.padding = INT64_MAX;
    cr_assert_eq(wg_image_grid(a, options, &out), WG_ERROR_LIMIT);
    cr_assert_eq(wg_image_grid(a, (wg_grid_options){.low = (double)NAN}, &out), WG_ERROR_ARGUMENT);
    options.padding = -1;
    cr_assert_eq(wg_image_grid(a, options, &out), WG_ERROR_ARGUMENT);
    a->rank = 2;
    cr_assert_eq(wg_image_grid(a, (wg_grid_options){0}, &out), WG_ERROR_SHAPE);
    a->dtype = WG_F64;
    cr_assert_eq(wg_image_grid(a, (wg_grid_options){0}, &out), WG_ERROR_DTYPE);
    cr_assert_null(out);
    wg_array_free(a);
}

Test(image, grid_of_colours_within_a_range) {
    wg_array *a = NULL, *out = NULL;
    cr_assert_eq(wg_array_new(WG_F32, 4, (int64_t[]){2, 2, 1, 1}, &a), WG_OK);
    memcpy(a->data, (float[]){-1, 0, 1, 5}, 4 * sizeof(float));
    cr_assert_eq(wg_image_grid(a, (wg_grid_options){.low = -1, .high = 1}, &out), WG_OK);
    const uint8_t expected[] = {0, 255, 128, 255};
    expect_image(out, 2, 1, 2, expected);
    wg_array_free(out);
    wg_array_free(a);
}
