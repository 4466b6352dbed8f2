/* text.c: text that grows. */
#include "base/text.h"

#include "base/bytes.h"

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

void wg_text_put(wg_text *text, const char *string) {
    wg_text_bytes(text, string, strlen(string));
}

void wg_text_letter(wg_text *text, int letter) {
    wg_text_bytes(text, &(char){(char)letter}, 1);
}

void wg_text_json(wg_text *text, const char *string) {
    wg_text_put(text, "\"");
    for (const char *c = string; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\') {
            wg_text_add(text, "\\%c", *c);
        } else if ((unsigned char)*c < 0x20) {
            wg_text_add(text, "\\u%04x", (unsigned)*c);
        } else {
            wg_text_bytes(text, c, 1);
        }
    }
    wg_text_put(text, "\"");
}

void wg_text_free(wg_text *text) {
    wg_free(text->bytes);
    memset(text, 0, sizeof *text);
}

wg_status wg_text_write(wg_text *text, const char *verb, const char *path) {
    const wg_status status =
        text->failed ? wg_fail(WG_ERROR_MEMORY, "%s: %s: no memory for %zu bytes of text", verb,
                               path, text->length)
                     : wg_write_bytes(verb, path, text->bytes, text->length);
    wg_text_free(text);
    return status;
}
