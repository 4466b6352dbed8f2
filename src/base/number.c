/* number.c: numbers as text, independent of the locale. */
#include "number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POINT_BYTES 16

/* What the C library writes for the decimal point just now: localeconv is not safe with threads. */
static size_t decimal_point(char out[POINT_BYTES]) {
    char sample[POINT_BYTES + 8];
    int length = snprintf(sample, sizeof sample, "%.1f", 0.5);
    if (length < 3 || length > POINT_BYTES) {
        out[0] = '.';
        return 1;
    }
    memcpy(out, sample + 1, (size_t)length - 2);
    return (size_t)length - 2;
}

static bool same_word(const char *text, size_t length, const char *word) {
    if (strlen(word) != length) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        char letter = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] - 'A' + 'a') : text[i];
        if (letter != word[i]) {
            return false;
        }
    }
    return true;
}

static bool parse_word(const char *text, size_t length, double *value) {
    if (same_word(text, length, "nan")) {
        *value = (double)NAN;
        return true;
    }
    if (same_word(text, length, "inf") || same_word(text, length, "infinity")) {
        *value = (double)INFINITY;
        return true;
    }
    return false;
}

/* What a scan of the grammar finds. */
typedef struct decimal {
    uint64_t digits; /* all digits as one whole number, while they fit */
    int kept;        /* significant digits in it; above 19 it does not hold them all */
    long exponent;   /* of ten */
    size_t point;    /* where the point stands, or the length */
} decimal;

static bool is_digit(char letter) {
    return letter >= '0' && letter <= '9';
}

static void push_digit(decimal *d, char letter) {
    if (d->kept < 19) {
        d->digits = 10 * d->digits + (uint64_t)(letter - '0');
    }
    d->kept += d->kept > 0 || letter != '0' ? 1 : 0;
    if (d->kept > 1000) {
        d->kept = 1000; /* a file of digits must not overflow the count */
    }
}

static bool scan(const char *text, size_t length, decimal *d) {
    size_t at = 0;
    size_t digits = 0;
    *d = (decimal){.point = length};
    for (; at < length && is_digit(text[at]); at++, digits++) {
        push_digit(d, text[at]);
    }
    if (at < length && text[at] == '.') {
        d->point = at++;
        for (; at < length && is_digit(text[at]); at++, digits++) {
            push_digit(d, text[at]);
            d->exponent--;
        }
    }
    if (digits == 0) {
        return false;
    }
    if (at < length && (text[at] == 'e' || text[at] == 'E')) {
        at++;
        bool minus = at < length && text[at] == '-';
        at += at < length && (text[at] == '-' || text[at] == '+') ? 1 : 0;
        if (at == length) {
            return false;
        }
        long power = 0;
        for (; at < length && is_digit(text[at]); at++) {
            power = power < 100000 ? 10 * power + (text[at] - '0') : power;
        }
        d->exponent += minus ? -power : power;
    }
    return at == length;
}

/* The general case goes through strtod, with the locale's own point put in. */
static bool parse_slowly(const char *text, size_t length, size_t point, double *value) {
    char small[128];
    char *copy = small;
    char mark[POINT_BYTES];
    size_t mark_bytes = decimal_point(mark);
    if (length + POINT_BYTES + 1 > sizeof small) {
        copy = wg_calloc(length + POINT_BYTES + 1, 1);
        if (copy == NULL) {
            return false;
        }
    }
    memcpy(copy, text, point);
    size_t used = point;
    if (point < length) {
        memcpy(copy + used, mark, mark_bytes);
        used += mark_bytes;
        memcpy(copy + used, text + point + 1, length - point - 1);
        used += length - point - 1;
    }
    copy[used] = '\0';
    char *end;
    *value = strtod(copy, &end);
    bool whole = end == copy + used;
    if (copy != small) {
        wg_free(copy);
    }
    return whole;
}

bool wg_number_parse(const char *text, size_t length, double *value) {
    static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                  1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                  1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    bool minus = length > 0 && text[0] == '-';
    if (length > 0 && (text[0] == '-' || text[0] == '+')) {
        text++;
        length--;
    }
    double size;
    decimal d;
    if (!parse_word(text, length, &size)) {
        if (!scan(text, length, &d)) {
            return false;
        }
        /* Both factors exact: one rounding, so the result is right (Clinger 1990). */
        if (d.kept <= 15 && d.exponent >= -22 && d.exponent <= 22) {
            size = d.exponent < 0 ? (double)d.digits / tens[-d.exponent]
                                  : (double)d.digits * tens[d.exponent];
        } else if (!parse_slowly(text, length, d.point, &size)) {
            return false;
        }
    }
    *value = minus ? -size : size;
    return true;
}

static char *undo_locale(char *out) {
    char mark[POINT_BYTES];
    size_t mark_bytes = decimal_point(mark);
    char *found = mark_bytes == 1 ? strchr(out, mark[0]) : NULL;
    if (mark_bytes > 1) {
        for (found = out; *found != '\0' && strncmp(found, mark, mark_bytes) != 0; found++) {
        }
    }
    if (found != NULL && *found != '\0') {
        *found = '.';
        memmove(found + 1, found + mark_bytes, strlen(found + mark_bytes) + 1);
    }
    return out;
}

char *wg_number_general(char *out, size_t bytes, int precision, double value) {
    (void)snprintf(out, bytes, "%.*g", precision, value);
    return undo_locale(out);
}

char *wg_number_fixed(char *out, size_t bytes, int precision, double value) {
    (void)snprintf(out, bytes, "%.*f", precision, value);
    return undo_locale(out);
}
