/* test_glob.c: names by pattern. */
#include "base/glob.h"

#include <criterion/criterion.h>
#include <string.h>

Test(glob, matches_all_of_the_text) {
    static const struct {
        const char *pattern, *text;
        bool is;
    } rows[] = {
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"*", "a.b", true},
        {"a", "a", true},
        {"a", "ab", false},
        {"?", "a", true},
        {"?", "", false},
        {"*.bias", "fc1.bias", true},
        {"*.bias", "bias", false},
        {"fc?.weight", "fc1.weight", true},
        {"a*b*c", "aXbbYc", true},
        {"a*b*c", "aXbbY", false},
        {"**", "x", true},
        {"*a*", "bab", true},
        {"a*", "ba", false},
        {"*aab", "aaaab", true},
        {"[a]", "a", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_assert_eq(wg_glob(rows[i].pattern, rows[i].text), rows[i].is, "%s of %s",
                     rows[i].pattern, rows[i].text);
    }
}

/* No time grows with the number of stars. */
Test(glob, many_stars) {
    char pattern[512], text[4096];
    for (int i = 0; i < 255; i++) {
        memcpy(pattern + 2 * i, "*a", 3);
    }
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 2] = 'b';
    text[sizeof text - 1] = '\0';
    cr_assert_not(wg_glob(pattern, text));
}
