/* terminal.c: what a FILE can show. */
#if !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif

#include "terminal.h"

#include <stdlib.h>
#include <string.h>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/ioctl.h>
#include <unistd.h>
#define HAVE_TERMINAL 1
#endif

bool wg_terminal(FILE *out) {
#if defined(HAVE_TERMINAL)
    const char *name = getenv("TERM");
    bool dumb = name != NULL && strcmp(name, "dumb") == 0;
    int file = fileno(out); /* -1 for a stream in memory */
    return !dumb && file >= 0 && isatty(file) != 0;
#else
    (void)out;
    return false;
#endif
}

int wg_terminal_width(FILE *out) {
    int width = 0;
#if defined(HAVE_TERMINAL) && defined(TIOCGWINSZ)
    struct winsize size;
    int file = fileno(out);
    if (file >= 0 && ioctl(file, TIOCGWINSZ, &size) == 0) {
        width = size.ws_col;
    }
#else
    (void)out;
#endif
    return width > 0 ? width : 80;
}

bool wg_terminal_utf8(void) {
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < WG_COUNT_OF(names); i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && value[0] != '\0') {
            return strstr(value, "UTF-8") != NULL || strstr(value, "utf8") != NULL ||
                   strstr(value, "UTF8") != NULL || strstr(value, "utf-8") != NULL;
        }
    }
    return false;
}

bool wg_terminal_plain(void) {
    const char *value = getenv("NO_COLOR");
    return value != NULL && value[0] != '\0';
}

static bool starts_letter(char byte) {
    return ((unsigned char)byte & 0xC0) != 0x80;
}

int wg_text_columns(const char *text) {
    int columns = 0;
    for (; *text != '\0'; text++) {
        columns += starts_letter(*text) ? 1 : 0;
    }
    return columns;
}

size_t wg_text_fit(const char *text, int columns) {
    size_t bytes = 0;
    for (; text[bytes] != '\0'; bytes++) {
        if (starts_letter(text[bytes]) && --columns < 0) {
            break;
        }
    }
    return bytes;
}
