/* number.c: numbers as text, independent of the locale. */
#include "number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POINT_BYTES 16
#define DIGITS 770      /* that a number can need, and a few */
#define MOST_POWER 5000 /* of ten: infinite, and as a negative one 0 with all those digits */

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
    uint64_t digits;  /* all digits as one whole number, while they fit */
    int kept;         /* significant digits in it; above 19 it does not hold them all */
    int64_t exponent; /* of ten, if all digits are one whole number */
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
    *d = (decimal){.digits = 0};
    for (; at < length && is_digit(text[at]); at++, digits++) {
        push_digit(d, text[at]);
    }
    if (at < length && text[at] == '.') {
        at++;
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
        int64_t power = 0;
        for (; at < length && is_digit(text[at]); at++) {
            power = power < INT64_MAX / 20 ? 10 * power + (text[at] - '0') : power;
        }
        d->exponent += minus ? -power : power;
    }
    return at == length;
}

/* The general case goes through strtod, as one whole number and a power of ten: so it has no
 * point, whatever the locale's is. Halfway between two doubles a number has 767 digits at most; of
 * what follows after that it only counts whether it is 0. */
static double parse_slowly(const char *text, size_t length, const decimal *d) {
    char whole[DIGITS + 32];
    size_t used = 0;
    int64_t exponent = d->exponent;
    bool more = false;
    for (size_t i = 0; i < length && text[i] != 'e' && text[i] != 'E'; i++) {
        if (text[i] == '.' || (used == 0 && text[i] == '0')) {
            continue;
        }
        if (used < DIGITS) {
            whole[used++] = text[i];
        } else {
            more = more || text[i] != '0';
            exponent++;
        }
    }
    if (used == 0) {
        return 0;
    }
    if (more) {
        whole[used++] = '1';
        exponent--;
    }
    exponent = exponent < -MOST_POWER ? -MOST_POWER : exponent > MOST_POWER ? MOST_POWER : exponent;
    (void)snprintf(whole + used, sizeof whole - used, "e%d", (int)exponent);
    return strtod(whole, NULL);
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
        } else {
            size = parse_slowly(text, length, &d);
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
