/* test_safetensors_damage.c: every way to damage a safetensors file, refused where it is damaged.
 */
#include "bytes.h"
#include "wengert/safetensors.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static wg_status open_header(const char *header, size_t data) {
    size_t size = 0;
    unsigned char *bytes = safetensors_bytes(header, data, &size);
    wg_safetensors *file = NULL;
    const wg_status status = wg_safetensors_from_bytes(bytes, size, &file);
    cr_assert_eq(file == NULL, status != WG_OK);
    wg_safetensors_close(file);
    free(bytes);
    return status;
}

/* A tensor of 4 bytes at `begin`. */
#define FLOAT(name, begin, end)                                                                    \
    "\"" name "\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[" #begin "," #end "]}"

static const struct {
    const char *header;
    size_t data;
    wg_status status;
    const char *text;
} rows[] = {
    /* the header */
    {"", 0, WG_ERROR_FORMAT, "byte 8: the header does not begin with '{'"},
    {" {}", 0, WG_ERROR_FORMAT, "byte 8: the header does not begin with '{'"},
    {"{", 0, WG_ERROR_FORMAT, "byte 9: the text ends where a string was to come"},
    {"{}x", 0, WG_ERROR_FORMAT, "byte 10: 'x' where the end was to come"},
    {"{\"a\"}", 0, WG_ERROR_FORMAT, "byte 12: '}' where ':' was to come"},
    {"{\"a\":1}", 0, WG_ERROR_FORMAT, "byte 13: '1' where '{' was to come"},
    {"{\"a\xff\":1}", 0, WG_ERROR_FORMAT, "byte 11: 0xff begins no character in UTF-8"},
    {"{" FLOAT("a", 0, 4) ",}", 4, WG_ERROR_FORMAT, "'}' where a string was to come"},
    /* the fields */
    {"{\"a\":{}}", 0, WG_ERROR_FORMAT, "byte 9: \"a\" has no \"dtype\""},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[]}}", 4, WG_ERROR_FORMAT,
     "byte 9: \"a\" has no \"data_offsets\""},
    {"{\"a\":{\"dtype\":\"F31\"}}", 0, WG_ERROR_FORMAT,
     "byte 22: \"a\" has the unknown dtype \"F31\""},
    {"{\"a\":{\"dtype\":\"f32\"}}", 0, WG_ERROR_FORMAT, "unknown dtype \"f32\""},
    {"{\"a\":{\"dtype\":32}}", 0, WG_ERROR_FORMAT, "byte 22: '3' where a string was to come"},
    {"{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\"}}", 0, WG_ERROR_FORMAT,
     "byte 28: \"a\" has twice the field \"dtype\""},
    {"{\"a\":{\"colour\":1}}", 0, WG_ERROR_FORMAT,
     "byte 14: \"a\" has the unknown field \"colour\""},
    {"{\"a\":{\"shape\":[-1]}}", 0, WG_ERROR_FORMAT,
     "byte 23: '-' where a whole number was to come"},
    {"{\"a\":{\"shape\":[1.5]}}", 0, WG_ERROR_FORMAT, "byte 23: a number that is not"},
    {"{\"a\":{\"shape\":[18446744073709551616]}}", 0, WG_ERROR_FORMAT,
     "byte 23: a number above 2^64 - 1"},
    {"{\"a\":{\"shape\":[9223372036854775808]}}", 0, WG_ERROR_FORMAT, "byte 23: a size of \"a\""},
    {"{\"a\":{\"shape\":[1,1,1,1,1,1,1,1,1]}}", 0, WG_ERROR_LIMIT,
     "byte 39: \"a\" has more than 8 axes"},
    {"{\"a\":{\"data_offsets\":[0]}}", 0, WG_ERROR_FORMAT, "fewer than two offsets"},
    {"{\"a\":{\"data_offsets\":[0,4,8]}}", 0, WG_ERROR_FORMAT, "a third offset"},
    {"{\"a\":{\"data_offsets\":[0,\"4\"]}}", 0, WG_ERROR_FORMAT, "byte 32: '\"' where"},
    /* what cannot be */
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", 0,
     WG_ERROR_FORMAT, "byte 9: \"a\": the shape [4294967296, 4294967296] overflows"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2305843009213693952],\"data_offsets\":[0,0]}}", 0,
     WG_ERROR_FORMAT, "overflows"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[0,9223372036854775807],\"data_offsets\":[0,0]}}", 0,
     WG_ERROR_FORMAT, "overflows"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, WG_ERROR_FORMAT,
     "\"a\": the offsets 0 to 4, and 8 bytes of F32 [2]"},
    {"{" FLOAT("a", 4, 0) "}", 4, WG_ERROR_FORMAT, "the offsets 4 to 0"},
    {"{" FLOAT("a", 0, 4) "}", 3, WG_ERROR_FORMAT,
     "byte 65: the file ends here, inside \"a\", which ends at byte 4 of 3"},
    {"{" FLOAT("a", 18446744073709551612, 0) "}", 4, WG_ERROR_FORMAT, "the offsets"},
    {"{" FLOAT("a", 0, 4) "}", 5, WG_ERROR_FORMAT, "byte 66: 1 bytes left over behind"},
    {"{}", 1, WG_ERROR_FORMAT, "byte 10: 1 bytes left over"},
    {"{" FLOAT("a", 1, 5) "}", 5, WG_ERROR_FORMAT, "\"a\" begins at byte 1 of the data, a hole"},
    {"{" FLOAT("a", 0, 4) "," FLOAT("b", 8, 12) "}", 12, WG_ERROR_FORMAT,
     "\"b\" begins at byte 8 of the data, a hole behind 4"},
    {"{" FLOAT("a", 0, 4) "," FLOAT("b", 2, 6) "}", 6, WG_ERROR_FORMAT,
     "\"b\" begins at byte 2 of the data, inside the tensor that ends at 4"},
    {"{" FLOAT("a", 0, 4) "," FLOAT("b", 0, 4) "}", 4, WG_ERROR_FORMAT, "begins at byte 0"},
    {"{" FLOAT("a", 0, 4) "," FLOAT("a", 4, 8) "}", 8, WG_ERROR_FORMAT,
     "byte 62: \"a\" is there twice"},
    {"{" FLOAT("a", 0, 4) "," FLOAT("\\u0061", 4, 8) "}", 8, WG_ERROR_FORMAT,
     "byte 62: \"a\" is there twice"},
    {"{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", 0, WG_ERROR_FORMAT,
     "byte 33: the metadata key \"k\" is there twice"},
    {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, WG_ERROR_FORMAT,
     "byte 27: a second \"__metadata__\""},
    {"{\"__metadata__\":{\"k\":1}}", 0, WG_ERROR_FORMAT, "byte 29: '1' where a string was to come"},
    {"{\"__metadata__\":[]}", 0, WG_ERROR_FORMAT, "byte 24: '[' where '{' was to come"},
};

Test(safetensors_damage, each_is_refused_at_its_byte) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        expect_refused(open_header(rows[i].header, rows[i].data), rows[i].status, rows[i].text);
    }
}

Test(safetensors_damage, what_is_right_is_accepted) {
    cr_assert_eq(open_header("{}", 0), WG_OK, "%s", wg_last_message());
    cr_assert_eq(open_header("{}  \n ", 0), WG_OK, "%s", wg_last_message());
    cr_assert_eq(open_header("{" FLOAT("a", 4, 8) ", " FLOAT("b", 0, 4) " }", 8), WG_OK, "%s",
                 wg_last_message());
    cr_assert_eq(open_header("{\"a\":{\"data_offsets\":[0,0],\"shape\":[0,1000000000],"
                             "\"dtype\":\"F64\"},\"__metadata__\":{}}",
                             0),
                 WG_OK, "%s", wg_last_message());
}

Test(safetensors_damage, lengths_that_cannot_be) {
    static const struct {
        unsigned char length[8];
        const char *text;
    } lengths[] = {
        {{0x01, 0xe1, 0xf5, 0x05, 0, 0, 0, 0}, "byte 0: a header of 100000001 bytes"},
        {{0x00, 0xe1, 0xf5, 0x05, 0, 0, 0, 0}, "byte 10: the file ends here, inside its header"},
        {{255, 255, 255, 255, 255, 255, 255, 255}, "byte 0: a header of 18446744073709551615"},
        {{3, 0, 0, 0, 0, 0, 0, 0}, "byte 10: the file ends here, inside its header of 3 bytes"},
        {{0, 0, 0, 0, 0, 0, 0, 0}, "byte 8: the header does not begin"},
    };
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        unsigned char bytes[10] = {0, 0, 0, 0, 0, 0, 0, 0, '{', '}'};
        wg_safetensors *file = NULL;
        memcpy(bytes, lengths[i].length, 8);
        expect_refused(wg_safetensors_from_bytes(bytes, 10, &file), WG_ERROR_FORMAT,
                       lengths[i].text);
    }
}

/* In blocks of just that size, so that the sanitizers see what reads beyond. */
Test(safetensors_damage, every_truncation_is_refused) {
    size_t size = 0;
    unsigned char *bytes = file_bytes(WG_IO_DATA "/dtypes.safetensors", &size);
    for (size_t count = 0; count < size; count++) {
        unsigned char *part = copy_of(bytes, count);
        wg_safetensors *file = NULL;
        char text[48];
        (void)snprintf(text, sizeof text, "byte %zu: the file ends", count);
        expect_refused(wg_safetensors_from_bytes(part, count, &file), WG_ERROR_FORMAT, text);
        free(part);
    }
    free(bytes);
}

/* A changed bit is refused, or makes a file of other names or values; nothing is read beyond it. */
Test(safetensors_damage, no_flipped_bit_does_harm) {
    size_t size = 0;
    unsigned char *bytes = file_bytes(WG_IO_DATA "/dtypes.safetensors", &size);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        wg_safetensors *file = NULL;
        const wg_status status = wg_safetensors_from_bytes(bytes, size, &file);
        cr_assert(status == WG_OK || strstr(wg_last_message(), "byte ") != NULL);
        for (int64_t i = 0; file != NULL && i < wg_safetensors_count(file); i++) {
            wg_tensor tensor;
            wg_array *array = NULL;
            cr_assert_eq(wg_safetensors_at(file, i, &tensor), WG_OK);
            (void)wg_safetensors_read(file, tensor.name, &array);
            wg_array_free(array);
        }
        wg_safetensors_close(file);
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    free(bytes);
}
