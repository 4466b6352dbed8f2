/* comma.c: a locale whose decimals have a comma. */
#define _POSIX_C_SOURCE 200809L

#include "comma.h"

#include <criterion/criterion.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static bool has_comma(void) {
    char text[16];
    (void)snprintf(text, sizeof text, "%.1f", 0.5);
    return text[1] == ',';
}

/* In a folder of its own, which is not needed any more once the locale is loaded. */
static void make_locale(void) {
    const char *parent = getenv("TMPDIR");
    char folder[256], command[1024];
    (void)snprintf(folder, sizeof folder, "%s/wengert-locale-XXXXXX",
                   parent == NULL ? "/tmp" : parent);
    if (mkdtemp(folder) == NULL) {
        return;
    }
    (void)snprintf(command, sizeof command,
                   "cd '%s' && printf 'LC_NUMERIC\ndecimal_point \",\"\nthousands_sep \"\"\n"
                   "grouping -1\nEND LC_NUMERIC\n' > source &&"
                   " localedef -c -i source -f ANSI_X3.4-1968 ./comma > log 2>&1",
                   folder);
    (void)!system(command); /* which warns of all that the source leaves out */
    (void)setenv("LOCPATH", folder, 1);
    (void)setlocale(LC_NUMERIC, "comma");
    (void)snprintf(command, sizeof command, "rm -r '%s'", folder);
    (void)!system(command);
}

void test_comma_locale(void) {
    static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE"};
    for (size_t i = 0; i < sizeof names / sizeof *names && !has_comma(); i++) {
        (void)setlocale(LC_ALL, names[i]);
    }
    if (!has_comma()) {
        make_locale();
    }
    if (!has_comma()) {
        cr_skip_test("there is no locale with a decimal comma, and none could be made");
    }
}
