/* utf8.c: code points as bytes (RFC 3629). */
#include "data/utf8.h"

#include <string.h>

size_t wg_utf8_read(const char *text, size_t bytes, uint32_t *code) {
    static const uint32_t least[WG_UTF8_MOST + 1] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *from = (const unsigned char *)text;
    const uint32_t first = from[0];
    if (first < 0x80) {
        *code = first;
        return 1;
    }
    const size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC0 || first > 0xF7 || length > bytes) {
        return 0;
    }
    uint32_t value = first & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((from[i] & 0xC0u) != 0x80u) {
            return 0;
        }
        value = value << 6 | (from[i] & 0x3Fu);
    }
    if (value < least[length] || value > WG_LAST_CODE_POINT ||
        (value >= 0xD800 && value <= 0xDFFF)) {
        return 0;
    }
    *code = value;
    return length;
}

bool wg_utf8_is_valid(const char *text, size_t *at) {
    const size_t bytes = strlen(text);
    for (size_t i = 0, length; i < bytes; i += length) {
        uint32_t code;
        length = wg_utf8_read(text + i, bytes - i, &code);
        if (length == 0) {
            *at = i;
            return false;
        }
    }
    return true;
}

size_t wg_utf8_write(uint32_t code, char out[WG_UTF8_MOST]) {
    const size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char marks[WG_UTF8_MOST + 1] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = length; i-- > 1;) {
        out[i] = (char)(unsigned char)(0x80u | (code & 0x3Fu));
        code >>= 6;
    }
    out[0] = (char)(unsigned char)(marks[length] | code);
    return length;
}
