/* test_csv.c: CSV files: what is read, and what is refused where. */
#include "../base/comma.h"
#include "base/number.h"
#include "files.h"
#include "wengert/data.h"
#include "wengert/random.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(csv, .fini = test_file_remove);

static wg_status read_text(const char *text, const wg_csv_options *options, wg_array **out) {
    return wg_read_csv(test_file(text, strlen(text)), options, out);
}

/* Reads a file that must hold these numbers; NaN equals NaN. */
static void expect_matrix(const char *text, const wg_csv_options *options, int64_t rows,
                          int64_t columns, const double *values) {
    wg_array *a = NULL;
    cr_assert_eq(read_text(text, options, &a), WG_OK, "%s: %s", text, wg_last_message());
    cr_assert(a->dtype == WG_F64 && a->rank == 2, "%s", text);
    cr_assert(a->shape[0] == rows && a->shape[1] == columns, "%s: %d x %d", text, (int)a->shape[0],
              (int)a->shape[1]);
    for (int64_t i = 0; i < rows * columns; i++) {
        double found = ((double *)a->data)[i];
        cr_assert(found == values[i] || (isnan(found) && isnan(values[i])), "%s: [%d] is %g", text,
                  (int)i, found);
    }
    wg_array_free(a);
}

Test(csv, layouts) {
    static const double four[] = {1, 2.5, -3, 4e2};
    static const wg_csv_options header = {.header = true};
    static const wg_csv_options semicolon = {.separator = ';'};
    static const wg_csv_options tab = {.separator = '\t'};
    static const wg_csv_options blank = {.separator = ' '};
    static const wg_csv_options comment = {.comment = '#'};
    static const wg_csv_options both = {.header = true, .comment = '#'};
    expect_matrix("1,2.5\n-3,4e2\n", NULL, 2, 2, four);
    expect_matrix("1,2.5\n-3,4e2", NULL, 2, 2, four);
    expect_matrix("1,2.5\r\n-3,4e2\r\n", NULL, 2, 2, four);
    expect_matrix("1,2.5\r\n-3,4e2\r", NULL, 2, 2, four);
    expect_matrix("\n1,2.5\n\n\r\n-3,4e2\n\n", NULL, 2, 2, four);
    expect_matrix(" 1 ,\t2.5 \n -3,\"4e2\"\n", NULL, 2, 2, four);
    expect_matrix("\"1\" , \" 2.5 \"\n-3,+4e+2\n", NULL, 2, 2, four);
    expect_matrix("\xEF\xBB\xBF"
                  "1,2.5\n-3,4e2\n",
                  NULL, 2, 2, four);
    expect_matrix("a,\"b, c\"\n1,2.5\n-3,4e2\n", &header, 2, 2, four);
    expect_matrix("# what\n\na,\"b\nc\"\n1,2.5\n-3,4e2\n", &both, 2, 2, four);
    expect_matrix("1;2.5\n-3;4e2\n", &semicolon, 2, 2, four);
    expect_matrix("1\t2.5\n-3\t4e2\n", &tab, 2, 2, four);
    expect_matrix("1 2.5\n-3 4e2\n", &blank, 2, 2, four);
    expect_matrix("# a\n1,2.5\n#\n-3,4e2\n#", &comment, 2, 2, four);
}

Test(csv, missing_and_special_numbers) {
    const double values[] = {(double)NAN, 1, (double)NAN, (double)INFINITY, -(double)INFINITY, 0};
    expect_matrix(",1,\ninf,-Infinity,0\n", NULL, 2, 3, values);
    expect_matrix("nan,1,\"\"\nINF,-inf,-0\n", NULL, 2, 3, values);
}

/* Line and column, from 1, of what is wrong. */
Test(csv, errors_say_where) {
    static const struct {
        const char *text, *place;
    } rows[] = {
        {"1,2\n3\n", "line 2, column 2:"},
        {"1,2\n3,4,5\n", "line 2, column 6:"},
        {"1,2\n\n3,4,\n", "line 3, column 5:"},
        {"1,two\n", "line 1, column 3:"},
        {"1,2\n3, 4x\n", "line 2, column 4:"},
        {"1;2\n", "line 1, column 1:"},
        {"0x10\n", "line 1, column 1:"},
        {"1,\"2\n", "line 1, column 3:"},
        {"1,\"2\"3\n", "line 1, column 6:"},
        {"1\r2\n", "line 1, column 1:"},
        {"--1", "line 1, column 1:"},
        {"1e", "line 1, column 1:"},
        {".", "line 1, column 1:"},
        {"", "line 1, column 1:"},
        {"\n\n", "line 3, column 1:"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        wg_array *a = NULL;
        cr_assert_eq(read_text(rows[i].text, NULL, &a), WG_ERROR_FORMAT, "%s", rows[i].text);
        cr_assert_null(a);
        cr_assert_not_null(strstr(wg_last_message(), rows[i].place), "%s: want %s: %s",
                           rows[i].text, rows[i].place, wg_last_message());
    }
}

Test(csv, a_zero_byte_is_no_number) {
    wg_array *a = NULL;
    cr_assert_eq(wg_read_csv(test_file("1,2\0\n", 5), NULL, &a), WG_ERROR_FORMAT);
}

/* Whatever the bytes are: an answer, never a crash. */
Test(csv, damaged_bytes) {
    static const char text[] = "1,\"2.5\"\r\n-3,4e2\n,nan\n";
    for (size_t at = 0; at < sizeof text - 1; at++) {
        for (int value = 0; value < 256; value++) {
            char bytes[sizeof text];
            memcpy(bytes, text, sizeof text);
            bytes[at] = (char)value;
            wg_array *a = NULL;
            wg_status status = wg_read_csv(test_file(bytes, sizeof text - 1), NULL, &a);
            cr_assert(status == WG_OK || status == WG_ERROR_FORMAT);
            cr_assert_eq(status == WG_OK, a != NULL);
            wg_array_free(a);
        }
    }
}

Test(csv, options_and_files) {
    wg_array *a = NULL;
    static const char bad[] = {'.', '-', 'e', '5', '"', '\n'};
    for (size_t i = 0; i < sizeof bad; i++) {
        wg_csv_options options = {.separator = bad[i]};
        cr_assert_eq(read_text("1\n", &options, &a), WG_ERROR_ARGUMENT);
    }
    cr_assert_eq(read_text("1\n", &(wg_csv_options){.separator = ';', .comment = ';'}, &a),
                 WG_ERROR_ARGUMENT);
    cr_assert_eq(read_text("1\n", &(wg_csv_options){.comment = ','}, &a), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_read_csv("/no/such/file", NULL, &a), WG_ERROR_FILE);
    cr_assert_eq(wg_read_csv("/", NULL, &a), WG_ERROR_FILE);
}

/* The digits that come with the examples: as many of each class as UCI counts. */
Test(csv, digits) {
    static const int expected[] = {178, 182, 177, 183, 181, 182, 181, 179, 174, 180};
    wg_array *a = NULL, *labels = NULL, *images = NULL;
    cr_assert_eq(wg_read_csv(WG_EXAMPLE_DATA "/digits.csv", NULL, &a), WG_OK, "%s",
                 wg_last_message());
    cr_assert(a->shape[0] == 1797 && a->shape[1] == 65);
    cr_assert_eq(wg_column(a, 64, WG_I64, &labels), WG_OK);
    cr_assert_eq(wg_columns(a, 0, 64, WG_U8, 1.0, 0.0, &images), WG_OK);
    int counts[10] = {0};
    for (int i = 0; i < 1797; i++) {
        counts[((int64_t *)labels->data)[i]]++;
    }
    cr_assert_arr_eq(counts, expected, sizeof counts);
    for (int i = 0; i < 1797 * 64; i++) {
        cr_assert(((uint8_t *)images->data)[i] <= 16);
    }
    wg_array_free(images);
    wg_array_free(labels);
    wg_array_free(a);
}

/* Doubles written with 17 digits come back bit for bit. */
Test(csv, numbers_round_trip) {
    uint64_t bits = 88172645463325252u;
    for (int i = 0; i < 20000; i++) {
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        double value, back;
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value)) {
            char text[64];
            int length = snprintf(text, sizeof text, "%.17g", value);
            cr_assert(wg_number_parse(text, (size_t)length, &back), "%s", text);
            cr_assert(back == value, "%s", text);
            length = snprintf(text, sizeof text, "%.9g", value);
            cr_assert(wg_number_parse(text, (size_t)length, &back));
            cr_assert(back == strtod(text, NULL), "%s", text);
        }
    }
}

Test(csv, numbers_of_any_length) {
    char text[600];
    double value;
    memset(text, '0', sizeof text);
    cr_assert(wg_number_parse(text, sizeof text, &value) && value == 0.0);
    text[sizeof text - 1] = '7';
    cr_assert(wg_number_parse(text, sizeof text, &value) && value == 7.0);
    memset(text, '9', sizeof text);
    cr_assert(wg_number_parse(text, sizeof text, &value) && isinf(value));
    cr_assert(wg_number_parse("1e-99999999999999999999", 23, &value) && value == 0.0);
    cr_assert(wg_number_parse("-1e99999999999999999999", 23, &value) && isinf(value));
    cr_assert(wg_number_parse("9007199254740993", 16, &value) && value == 9007199254740992.0);
    cr_assert(wg_number_parse("4.9e-324", 8, &value) && value > 0.0);
    cr_assert(!wg_number_parse("", 0, &value) && !wg_number_parse("+", 1, &value));
}

/* Of thousands of digits the last may still decide; strtod knows (in the C locale, as here). */
Test(csv, numbers_of_many_digits) {
    enum {
        MOST = 2000
    };
    char text[MOST + 32];
    double value;
    const wg_key key = wg_key_new(3);
    for (uint64_t i = 0; i < 2000; i++) {
        const wg_key own = wg_key_fold(key, i);
        const size_t length = 1 + (size_t)wg_random_below(own, 0, MOST);
        const size_t point = (size_t)wg_random_below(own, 1, length + 1);
        size_t used = 0;
        for (size_t k = 0; k < length; k++) {
            if (k == point) {
                text[used++] = '.';
            }
            text[used++] = (char)('0' + wg_random_below(own, 2 + k, 10));
        }
        const int power = (int)wg_random_below(own, 2 + length, 800) - 400 - (int)point;
        used += (size_t)snprintf(text + used, sizeof text - used, "e%d", power);
        cr_assert(wg_number_parse(text, used, &value), "%s", text);
        cr_assert(value == strtod(text, NULL), "%s: %.17g", text, value);
    }
    memset(text, '0', sizeof text);
    memcpy(text, "9007199254740993.", 17); /* halfway: to the even one */
    cr_assert(wg_number_parse(text, sizeof text, &value) && value == 9007199254740992.0);
    text[sizeof text - 1] = '1';
    cr_assert(wg_number_parse(text, sizeof text, &value) && value == 9007199254740994.0);
    memset(text, '0', sizeof text); /* 0.000...025, 2025 digits behind the point, times 10^2026 */
    text[1] = '.';
    memcpy(text + 2025, "25e2026", 7);
    cr_assert(wg_number_parse(text, sizeof text, &value) && value == 250);
}

/* A comma for the point is the locale's, not the file's. */
Test(csv, locale_is_ignored) {
    test_comma_locale();
    double value;
    cr_assert(wg_number_parse("0.1234567890123456789", 21, &value));
    cr_assert(value == 0.1234567890123456789);
    cr_assert(!wg_number_parse("0,5", 3, &value));
    char text[32];
    cr_assert_str_eq(wg_number_general(text, sizeof text, 6, 2.5), "2.5");
    cr_assert_str_eq(wg_number_fixed(text, sizeof text, 3, -0.125), "-0.125");
}
