/* glob.c: names by pattern. */
#include "base/glob.h"

#include <stddef.h>

bool wg_glob(const char *pattern, const char *text) {
    /* Where the last star stood, and what it has swallowed: earlier stars need no second look. */
    const char *star = NULL, *rest = NULL;
    while (*text != '\0') {
        if (*pattern == '*') {
            star = ++pattern;
            rest = text;
        } else if (*pattern == '?' || *pattern == *text) {
            pattern++;
            text++;
        } else if (star != NULL) {
            pattern = star;
            text = ++rest;
        } else {
            return false;
        }
    }
    while (*pattern == '*') {
        pattern++;
    }
    return *pattern == '\0';
}
