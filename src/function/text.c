/* text.c: text that grows. */
#include "function/text.h"

#include "base/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static bool room(wg_text *text, size_t more) {
    if (text->failed) {
        return false;
    }
    if (text->length + more + 1 <= text->capacity) {
        return true;
    }
    const size_t capacity = 2 * (text->length + more) + 256;
    char *grown = wg_realloc(text->bytes, capacity);
    if (grown == NULL) {
        text->failed = true;
        return false;
    }
    text->bytes = grown;
    text->capacity = capacity;
    return true;
}

void wg_text_bytes(wg_text *text, const char *bytes, size_t length) {
    if (room(text, length)) {
        memcpy(text->bytes + text->length, bytes, length);
        text->length += length;
        text->bytes[text->length] = '\0';
    }
}

void wg_text_add(wg_text *text, const char *format, ...) {
    char small[512];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(small, sizeof small, format, arguments);
    va_end(arguments);
    if (length >= 0 && (size_t)length < sizeof small) {
        wg_text_bytes(text, small, (size_t)length);
    } else if (length >= 0 && room(text, (size_t)length)) {
        va_start(arguments, format);
        (void)vsnprintf(text->bytes + text->length, (size_t)length + 1, format, arguments);
        va_end(arguments);
        text->length += (size_t)length;
    }
}

void wg_text_number(wg_text *text, double number) {
    char digits[64];
    if (isnan(number)) {
        wg_text_add(text, "(double)NAN");
        return;
    }
    if (isinf(number)) {
        wg_text_add(text, number > 0 ? "(double)INFINITY" : "(-(double)INFINITY)");
        return;
    }
    for (int precision = 15; precision <= 17; precision++) {
        double back;
        (void)wg_number_general(digits, sizeof digits, precision, number);
        if (wg_number_parse(digits, strlen(digits), &back) && back == number) {
            break;
        }
    }
    const bool whole = strpbrk(digits, ".e") == NULL;
    wg_text_add(text, number < 0 || signbit(number) ? "(%s%s)" : "%s%s", digits, whole ? ".0" : "");
}

void wg_text_free(wg_text *text) {
    wg_free(text->bytes);
    memset(text, 0, sizeof *text);
}
