/* test_json.c: the reader of JSON headers. */
#include "bytes.h"
#include "io/json.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char room[256];

static wg_json json_of(const char *text) {
    return wg_json_new(text, strlen(text), room);
}

Test(json, strings_are_decoded) {
    static const struct {
        const char *json, *text;
    } rows[] = {
        {"\"\"", ""},
        {" \t\n\r\"a b\"", "a b"},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
        {"\"\\u0041\\u00e9\\u20aC\"", "A\xc3\xa9\xe2\x82\xac"},
        {"\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80"},
        {"\"\xc2\x80\xed\x9f\xbf\xf4\x8f\xbf\xbf\x7f\"",
         "\xc2\x80\xed\x9f\xbf\xf4\x8f\xbf\xbf\x7f"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        wg_json json = json_of(rows[i].json);
        const char *text = NULL;
        cr_assert(wg_json_string(&json, &text), "%s: %s", rows[i].json, json.wrong);
        cr_assert_str_eq(text, rows[i].text);
        cr_assert(wg_json_end(&json));
    }
}

Test(json, wrong_strings_are_refused_where_they_are_wrong) {
    static const struct {
        const char *json;
        size_t at;
    } rows[] = {
        {"", 0},
        {"x", 0},
        {"\"abc", 4},
        {"\"a\nb\"", 2},
        {"\"a\\x\"", 2},
        {"\"a\\", 2},
        {"\"\\u00g0\"", 1},
        {"\"\\u00", 1},
        {"\"\\u0000\"", 1},
        {"\"\\ud800\"", 1},
        {"\"\\ud800\\u0041\"", 1},
        {"\"\\udc00\"", 1},
        {"\"\xc3\"", 1},             /* cut off */
        {"\"a\xc3", 2},              /* by the end */
        {"\"\xc0\x80\"", 1},         /* longer than needed */
        {"\"\xe0\x9f\xbf\"", 1},     /* likewise */
        {"\"\xed\xa0\x80\"", 1},     /* a surrogate */
        {"\"\xf4\x90\x80\x80\"", 1}, /* above U+10FFFF */
        {"\"\x80\"", 1},
        {"\"\xff\"", 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        wg_json json = json_of(rows[i].json);
        const char *text = NULL;
        cr_assert_not(wg_json_string(&json, &text), "row %zu", i);
        cr_assert(json.failed && json.wrong_at == rows[i].at, "row %zu: byte %zu, %s", i,
                  json.wrong_at, json.wrong);
    }
}

Test(json, numbers) {
    static const struct {
        const char *json;
        bool right;
        uint64_t value;
    } rows[] = {
        {"0", true, 0},
        {"18446744073709551615", true, UINT64_MAX},
        {"18446744073709551616", false, 0},
        {"99999999999999999999999", false, 0},
        {"01", false, 0},
        {"-1", false, 0},
        {"1.0", false, 0},
        {"1e3", false, 0},
        {"", false, 0},
        {"\"1\"", false, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        wg_json json = json_of(rows[i].json);
        uint64_t value = 1;
        cr_assert_eq(wg_json_unsigned(&json, &value), rows[i].right, "%s", rows[i].json);
        if (rows[i].right) {
            cr_assert_eq(value, rows[i].value);
        }
    }
}

/* The sum of the numbers in [1, 2, …]; -1 where it is refused. */
static int sum_of(wg_json *json) {
    int sum = 0;
    (void)wg_json_begin(json, '[');
    for (bool first = true; wg_json_more(json, ']', &first);) {
        uint64_t value = 0;
        (void)wg_json_unsigned(json, &value);
        sum += (int)value;
    }
    return wg_json_end(json) ? sum : -1;
}

Test(json, lists_have_commas_between_their_items) {
    static const struct {
        const char *json;
        int sum;
    } rows[] = {
        {"[]", 0},     {" [ ] ", 0}, {"[1,2 , 3]", 6}, {"[1,]", -1}, {"[,1]", -1},
        {"[1 2]", -1}, {"[1", -1},   {"[1,2", -1},     {"[", -1},    {"1]", -1},
        {"[1] x", -1}, {"[1]]", -1}, {"[[1]]", -1},    {"{}", -1},   {"[1}", -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        wg_json json = json_of(rows[i].json);
        cr_assert_eq(sum_of(&json), rows[i].sum, "%s: %s", rows[i].json, json.wrong);
    }
}

Test(json, the_first_mistake_is_kept) {
    wg_json json = json_of("[1,x,y]");
    cr_assert_eq(sum_of(&json), -1);
    cr_assert_eq(json.wrong_at, 3);
    cr_assert_str_eq(json.wrong, "'x' where a whole number was to come");
    cr_assert_not(wg_json_refuse(&json, 9, "later"));
    cr_assert_eq(json.wrong_at, 3);
}
