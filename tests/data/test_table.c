/* test_table.c: tables with names, words and gaps: what is read, what is refused where, and what
 * becomes of it. */
#include "../base/comma.h"
#include "data/table.h"
#include "files.h"
#include "wengert.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

TestSuite(table, .fini = test_file_remove);

#define GAP ((double)NAN)

static wg_status read_text(const char *text, const wg_table_options *options, wg_table **out) {
    return wg_table_from_bytes("x", text, strlen(text), options, out);
}

static wg_table *table_of(const char *text, const wg_table_options *options) {
    wg_table *t = NULL;
    cr_assert_eq(read_text(text, options, &t), WG_OK, "%s: %s", text, wg_last_message());
    return t;
}

static void expect_values(const wg_table *t, const char *name, wg_column_kind kind,
                          const double *values) {
    const int column = wg_table_find(t, name);
    cr_assert(column >= 0, "%s", name);
    cr_assert_str_eq(wg_table_name(t, column), name);
    cr_assert_eq(wg_table_kind(t, column), kind, "%s", name);
    const double *found = wg_table_values(t, column);
    for (int64_t row = 0; row < wg_table_rows(t); row++) {
        cr_assert(found[row] == values[row] || (isnan(found[row]) && isnan(values[row])),
                  "%s: row %d is %g", name, (int)row, found[row]);
    }
}

static const char people[] = "age,town,height\n"
                             "31,Ulm,1.75\n"
                             "NA,\"Aalen, Ostalb\",\n"
                             "25,Ulm,1.62\n"
                             "40,,NaN\n";

Test(table, columns_by_their_look) {
    wg_table *t = table_of(people, NULL);
    cr_assert(wg_table_rows(t) == 4 && wg_table_columns(t) == 3);
    expect_values(t, "age", WG_COLUMN_NUMBER, (double[]){31, GAP, 25, 40});
    expect_values(t, "height", WG_COLUMN_NUMBER, (double[]){1.75, GAP, 1.62, GAP});
    expect_values(t, "town", WG_COLUMN_CATEGORY, (double[]){1, 0, 1, GAP});
    const int town = wg_table_find(t, "town");
    cr_assert_eq(wg_table_level_count(t, town), 2);
    cr_assert_str_eq(wg_table_level(t, town, 0), "Aalen, Ostalb");
    cr_assert_str_eq(wg_table_level(t, town, 1), "Ulm");
    cr_assert(wg_table_level(t, town, 2) == NULL && wg_table_level(t, town, -1) == NULL);
    cr_assert(wg_table_missing(t, town) == 1 && wg_table_missing(t, 2) == 2);
    cr_assert_eq(wg_table_level_count(t, 0), 0);
    cr_assert_eq(wg_table_find(t, "Town"), -1);
    wg_table_free(t);
    wg_table_free(NULL);
}

/* RFC 4180: separators, quotes and line ends within quotes. */
Test(table, quotes) {
    wg_table *t = table_of(
        "\"a\"\"b\",\"c\nd\"\r\n\"x, \"\"y\"\"\",\"line\r\nline\"\r\n \" z\" , w \r\n", NULL);
    cr_assert(wg_table_rows(t) == 2 && wg_table_columns(t) == 2);
    cr_assert_str_eq(wg_table_name(t, 0), "a\"b");
    cr_assert_str_eq(wg_table_name(t, 1), "c\nd");
    cr_assert_str_eq(wg_table_level(t, 0, 0), " z");
    cr_assert_str_eq(wg_table_level(t, 0, 1), "x, \"y\"");
    cr_assert_str_eq(wg_table_level(t, 1, 0), "line\r\nline");
    cr_assert_str_eq(wg_table_level(t, 1, 1), "w");
    wg_table_free(t);
}

Test(table, layouts) {
    static const wg_table_options tsv = {.separator = '\t', .comment = '#', .no_header = true};
    wg_table *t = table_of("\xEF\xBB\xBF# what\n1\ta b\n\n2\t\n", &tsv);
    expect_values(t, "0", WG_COLUMN_NUMBER, (double[]){1, 2});
    expect_values(t, "1", WG_COLUMN_CATEGORY, (double[]){0, GAP});
    wg_table_free(t);
    t = table_of("# what\na,,c\n1,2,3", &(wg_table_options){.comment = '#'});
    expect_values(t, "1", WG_COLUMN_NUMBER, (double[]){2}); /* without a name: its number */
    wg_table_free(t);
}

Test(table, kinds_and_missing_texts_as_asked) {
    static const char *const missing[] = {"?", "-1"};
    static const wg_column_type types[] = {{"code", WG_COLUMN_CATEGORY}, {"note", WG_COLUMN_SKIP}};
    const wg_table_options options = {
        .missing = missing, .missing_count = 2, .types = types, .type_count = 2};
    wg_table *t = table_of("code,note,x\n10,a,1\n9,b,?\n?,c,-1\n10,d,2\n", &options);
    cr_assert_eq(wg_table_columns(t), 2);
    expect_values(t, "code", WG_COLUMN_CATEGORY, (double[]){0, 1, GAP, 0});
    cr_assert_str_eq(wg_table_level(t, 0, 0), "10"); /* by bytes, not by value */
    expect_values(t, "x", WG_COLUMN_NUMBER, (double[]){1, GAP, GAP, 2});
    wg_table_free(t);
    t = table_of("x,code\nNA,1\n1,2\n", &options); /* NA is a word now */
    cr_assert_eq(wg_table_kind(t, 0), WG_COLUMN_CATEGORY);
    wg_table_free(t);
}

/* A test file keeps the columns, their order, the kinds and the levels of the training file. */
Test(table, like_another) {
    static const wg_column_type skip = {"id", WG_COLUMN_SKIP};
    wg_table *train = table_of("c,id,n\nb,7,1\na,8,x\nc,9,2\n",
                               &(wg_table_options){.types = &skip, .type_count = 1});
    wg_table *test = NULL;
    const wg_table_options options = {.like = train};
    test = table_of("id,n,more,c\n5,1,7,c\n6,,8,b\n", &options);
    cr_assert_eq(wg_table_columns(test), 2);
    cr_assert(wg_table_find(test, "c") == 0 && wg_table_find(test, "n") == 1);
    expect_values(test, "c", WG_COLUMN_CATEGORY, (double[]){2, 1});
    expect_values(test, "n", WG_COLUMN_CATEGORY, (double[]){0, GAP});
    cr_assert_eq(wg_table_level_count(test, 0), 3);
    wg_table_free(test);
    cr_assert_eq(read_text("c,n\na,\nd,\n", &options, &test), WG_ERROR_FORMAT);
    cr_assert_not_null(
        strstr(wg_last_message(), "line 3, column 1: 'd' is no level of column 'c'"));
    cr_assert_null(test);
    cr_assert_eq(read_text("c,id\na,1\n", &options, &test), WG_ERROR_FORMAT);
    cr_assert_not_null(strstr(wg_last_message(), "no column 'n', which the other table has"));
    cr_assert_null(test);
    /* `types` goes before: without the one, with another, which comes last. */
    static const wg_column_type types[] = {{"n", WG_COLUMN_SKIP}, {"id", WG_COLUMN_AUTO}};
    test = table_of("id,c\n4,a\n",
                    &(wg_table_options){.like = train, .types = types, .type_count = 2});
    cr_assert(wg_table_columns(test) == 2 && wg_table_find(test, "id") == 1);
    expect_values(test, "c", WG_COLUMN_CATEGORY, (double[]){0});
    expect_values(test, "id", WG_COLUMN_NUMBER, (double[]){4});
    wg_table_free(test);
    wg_table_free(train);
}

Test(table, errors_say_where) {
    static const wg_column_type types[] = {{"a", WG_COLUMN_NUMBER}};
    static const wg_table_options numbers = {.types = types, .type_count = 1};
    static const struct {
        const char *text;
        const wg_table_options *options;
        const char *place;
    } rows[] = {
        {"", NULL, "line 1, column 1: the file has no rows"},
        {"a,b\n", NULL, "line 2, column 1: the file has no rows"},
        {"a,b\n1\n", NULL, "line 2, column 2: the row ends after 1 fields, the first row has 2"},
        {"a,b\n1,2,3\n", NULL, "line 2, column 6: the row ends after 3"},
        {"a,a\n1,2\n", NULL, "line 1, column 3: a second column"},
        {"1,\n1,2\n", NULL, "line 1, column 3: a second column"},
        {"a\n1\n\n x\n", &numbers, "line 4, column 2: 'x' is no number"},
        {"a\n\"1\n2\"\n", &numbers, "line 2, column 2: '1?2' is no number"},
        {"a\n\"1\n", NULL, "line 2, column 1: the quote is not closed"},
        {"a\n\"1\"2\n", NULL, "line 2, column 4: text after a closing quote"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        wg_table *t = NULL;
        cr_assert_eq(read_text(rows[i].text, rows[i].options, &t), WG_ERROR_FORMAT);
        cr_assert_not_null(strstr(wg_last_message(), rows[i].place), "want '%s' in: %s",
                           rows[i].place, wg_last_message());
        cr_assert_null(t);
    }
    wg_table *t = NULL;
    cr_assert_eq(wg_table_from_bytes("x", "a\nb\0c\n", 6, NULL, &t), WG_ERROR_FORMAT);
    cr_assert_not_null(strstr(wg_last_message(), "line 2, column 1: a zero byte"));
}

Test(table, options_and_files) {
    wg_table *t = NULL;
    static const char bad[] = {'"', '\n', '\r'};
    for (size_t i = 0; i < sizeof bad; i++) {
        const wg_table_options options = {.separator = bad[i]};
        cr_assert_eq(read_text("a\n1\n", &options, &t), WG_ERROR_ARGUMENT);
    }
    cr_assert_eq(read_text("a\n", &(wg_table_options){.comment = ','}, &t), WG_ERROR_ARGUMENT);
    cr_assert_eq(read_text("a\n", &(wg_table_options){.type_count = 1}, &t), WG_ERROR_ARGUMENT);
    const wg_column_type wrong[] = {{"b", WG_COLUMN_NUMBER}, {"a", (wg_column_kind)77}};
    cr_assert_eq(read_text("a\n1\n", &(wg_table_options){.types = wrong, .type_count = 1}, &t),
                 WG_ERROR_ARGUMENT);
    cr_assert_not_null(strstr(wg_last_message(), "no column 'b'"));
    cr_assert_eq(read_text("a\n1\n", &(wg_table_options){.types = wrong + 1, .type_count = 1}, &t),
                 WG_ERROR_ARGUMENT);
    const char *const gaps[] = {"?", NULL};
    cr_assert_eq(read_text("a\n1\n", &(wg_table_options){.missing = gaps, .missing_count = 2}, &t),
                 WG_ERROR_ARGUMENT);
    cr_assert_not_null(strstr(wg_last_message(), "missing[1] is no text"));
    cr_assert_eq(wg_read_table("/no/such/file", NULL, &t), WG_ERROR_FILE);
    cr_assert_eq(wg_read_table(NULL, NULL, &t), WG_ERROR_ARGUMENT);
    cr_assert_null(t);
    cr_assert_eq(wg_read_table(test_file(people, strlen(people)), NULL, &t), WG_OK);
    cr_assert_eq(wg_table_rows(t), 4);
    wg_table_free(t);
}

/* Cut off anywhere, and with any byte in place of another: an answer, never a crash. */
Test(table, damaged_bytes) {
    const size_t size = strlen(people);
    for (size_t at = 0; at < size; at++) {
        for (int value = 0; value < 256; value++) {
            char bytes[sizeof people];
            memcpy(bytes, people, size);
            bytes[at] = (char)value;
            wg_table *t = NULL;
            const wg_status status =
                wg_table_from_bytes("x", bytes, value == 0 ? at : size, NULL, &t);
            cr_assert(status == WG_OK || status == WG_ERROR_FORMAT);
            cr_assert_eq(status == WG_OK, t != NULL);
            wg_table_free(t);
        }
    }
}

Test(table, imputation) {
    const char text[] = "x,c\n1,b\n,a\n2,\n10,b\n4,a\n";
    static const struct {
        wg_imputation how;
        double value;
    } rows[] = {{WG_IMPUTE_MEAN, 4.25}, {WG_IMPUTE_MEDIAN, 3}, {WG_IMPUTE_MODE, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        wg_table *t = table_of(text, NULL);
        double value = -1;
        cr_assert_eq(wg_table_impute(t, "x", rows[i].how, NULL, &value), WG_OK);
        cr_assert_eq(value, rows[i].value);
        expect_values(t, "x", WG_COLUMN_NUMBER, (double[]){1, rows[i].value, 2, 10, 4});
        cr_assert_eq(wg_table_impute(t, "c", WG_IMPUTE_MODE, NULL, NULL), WG_OK);
        expect_values(t, "c", WG_COLUMN_CATEGORY, (double[]){1, 0, 0, 1, 0});
        wg_table_free(t);
    }
    /* By the training rows alone; the gap of row 1 is filled all the same. */
    wg_array *train = NULL;
    cr_assert_eq(wg_array_new(WG_I64, WG_SHAPE(3), &train), WG_OK);
    memcpy(train->data, (int64_t[]){0, 1, 2}, 24);
    wg_table *t = table_of(text, NULL);
    double value = 0;
    cr_assert_eq(wg_table_impute(t, "x", WG_IMPUTE_MEAN, train, &value), WG_OK);
    expect_values(t, "x", WG_COLUMN_NUMBER, (double[]){1, 1.5, 2, 10, 4});
    wg_table_free(t);
    t = table_of(text, NULL);
    cr_assert_eq(wg_table_impute(t, "x", WG_IMPUTE_VALUE, NULL, &value), WG_OK);
    expect_values(t, "x", WG_COLUMN_NUMBER, (double[]){1, 1.5, 2, 10, 4});
    cr_assert_eq(wg_table_impute(t, "c", WG_IMPUTE_MEAN, NULL, NULL), WG_ERROR_ARGUMENT);
    for (value = -1; value < 4; value += 1.5) { /* none is a level: 0 and 1 are */
        wg_table *c = table_of(text, NULL);
        cr_assert_eq(wg_table_impute(c, "c", WG_IMPUTE_VALUE, NULL, &value), WG_ERROR_ARGUMENT);
        expect_values(c, "c", WG_COLUMN_CATEGORY, (double[]){1, 0, GAP, 1, 0});
        wg_table_free(c);
    }
    value = 1;
    cr_assert_eq(wg_table_impute(t, "c", WG_IMPUTE_VALUE, NULL, &value), WG_OK);
    expect_values(t, "c", WG_COLUMN_CATEGORY, (double[]){1, 0, 1, 1, 0});
    cr_assert_eq(wg_table_impute(t, "x", (wg_imputation)99, NULL, &value), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_table_find(t, NULL), -1);
    cr_assert_eq(wg_table_impute(t, "y", WG_IMPUTE_MEAN, NULL, NULL), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_table_impute(t, NULL, WG_IMPUTE_MEAN, NULL, NULL), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_table_impute(t, "x", WG_IMPUTE_VALUE, NULL, NULL), WG_ERROR_ARGUMENT);
    ((int64_t *)train->data)[1] = 5;
    cr_assert_eq(wg_table_impute(t, "x", WG_IMPUTE_MEAN, train, NULL), WG_ERROR_ARGUMENT);
    cr_assert_not_null(strstr(wg_last_message(), "rows[1] is 5"));
    train->dtype = WG_F64;
    cr_assert_eq(wg_table_impute(t, "x", WG_IMPUTE_MEAN, train, NULL), WG_ERROR_DTYPE);
    wg_table_free(t);
    t = table_of("x,y\n,1\n", NULL);
    cr_assert_eq(wg_table_impute(t, "x", WG_IMPUTE_MEDIAN, NULL, NULL), WG_ERROR_ARGUMENT);
    wg_table_free(t);
    wg_array_free(train);
}

static void expect_f32(const wg_array *a, int64_t rows, int64_t width, const float *values) {
    cr_assert(a->dtype == WG_F32 && a->rank == 2 && a->shape[0] == rows && a->shape[1] == width);
    for (int64_t i = 0; i < rows * width; i++) {
        const float found = ((float *)a->data)[i];
        cr_assert(found == values[i] || (isnan(found) && isnan(values[i])), "[%d] is %g", (int)i,
                  (double)found);
    }
}

Test(table, arrays) {
    wg_table *t = table_of("x,c,y\n1,b,5\n2,a,6\n,,7\n", NULL);
    wg_array *a = NULL;
    static const char *const names[] = {"y", "c", "x"}, *const wrong[] = {"y", "z"};
    const float gap = (float)NAN;
    cr_assert_eq(wg_table_matrix(t, NULL, 0, false, WG_F32, &a), WG_OK);
    expect_f32(a, 3, 3, (float[]){1, 1, 5, 2, 0, 6, gap, gap, 7});
    wg_array_free(a);
    cr_assert_eq(wg_table_matrix(t, names, 3, true, WG_F32, &a), WG_OK);
    expect_f32(a, 3, 4, (float[]){5, 0, 1, 1, 6, 1, 0, 2, 7, 0, 0, gap});
    wg_array_free(a);
    cr_assert_eq(wg_table_matrix(t, names, 2, true, WG_U8, &a), WG_OK);
    cr_assert_arr_eq(a->data, ((uint8_t[]){5, 0, 1, 6, 1, 0, 7, 0, 0}), 9);
    wg_array_free(a);
    cr_assert_eq(wg_table_matrix(t, names, 3, true, WG_I64, &a), WG_ERROR_FORMAT);
    cr_assert_not_null(strstr(wg_last_message(), "column 'x', row 2: i64 cannot hold"));
    cr_assert_eq(wg_table_matrix(t, wrong, 2, true, WG_F32, &a), WG_ERROR_ARGUMENT);
    cr_assert_not_null(strstr(wg_last_message(), "no column 'z'"));
    cr_assert_eq(wg_table_matrix(t, names, -1, true, WG_F32, &a), WG_ERROR_ARGUMENT);
    cr_assert_null(a);
    cr_assert_eq(wg_table_column(t, "y", WG_I64, &a), WG_OK);
    cr_assert(a->rank == 1 && a->shape[0] == 3 && ((int64_t *)a->data)[2] == 7);
    wg_array_free(a);
    cr_assert_eq(wg_table_column(t, NULL, WG_I64, &a), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_table_mask(t, names, 3, &a), WG_OK);
    cr_assert_arr_eq(a->data, ((uint8_t[]){1, 1, 1, 1, 1, 1, 1, 0, 0}), 9);
    wg_array_free(a);
    wg_table_free(t);
}

/* Numbers of a table have a point in any locale. */
Test(table, locale_is_ignored) {
    test_comma_locale();
    wg_table *t =
        table_of("a;b\n1.50000000000000000001;1,5\n", &(wg_table_options){.separator = ';'});
    expect_values(t, "a", WG_COLUMN_NUMBER, (double[]){1.5});
    cr_assert_eq(wg_table_kind(t, 1), WG_COLUMN_CATEGORY);
    wg_table_free(t);
}
