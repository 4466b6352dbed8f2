/* json.c: a strict reader of headers in JSON. */
#include "io/json.h"

#include "data/utf8.h"

#include <stdio.h>
#include <string.h>

wg_json wg_json_new(const void *bytes, size_t size, char *room) {
    return (wg_json){.bytes = bytes, .size = size, .room = room};
}

bool wg_json_refuse(wg_json *json, size_t at, const char *format, ...) {
    if (!json->failed) {
        json->failed = true;
        json->wrong_at = at;
        va_list arguments;
        va_start(arguments, format);
        (void)vsnprintf(json->wrong, sizeof json->wrong, format, arguments);
        va_end(arguments);
    }
    return false;
}

unsigned char wg_json_peek(wg_json *json) {
    while (json->at < json->size && strchr(" \t\n\r", json->bytes[json->at]) != NULL &&
           json->bytes[json->at] != 0) {
        json->at++;
    }
    return json->at < json->size ? json->bytes[json->at] : 0;
}

/* That something else stands here than what was to come. */
static bool unexpected(wg_json *json, const char *wanted) {
    if (json->at >= json->size) {
        return wg_json_refuse(json, json->size, "the text ends where %s was to come", wanted);
    }
    const unsigned char c = json->bytes[json->at];
    return c > ' ' && c < 0x7f
               ? wg_json_refuse(json, json->at, "'%c' where %s was to come", c, wanted)
               : wg_json_refuse(json, json->at, "0x%02x where %s was to come", c, wanted);
}

static bool take(wg_json *json, char wanted) {
    if (json->failed) {
        return false;
    }
    if (wg_json_peek(json) != (unsigned char)wanted) {
        const char text[] = {'\'', wanted, '\'', '\0'};
        return unexpected(json, text);
    }
    json->at++;
    return true;
}

bool wg_json_begin(wg_json *json, char open) {
    return take(json, open);
}

bool wg_json_more(wg_json *json, char close, bool *first) {
    if (json->failed) {
        return false;
    }
    const unsigned char next = wg_json_peek(json);
    if (next == (unsigned char)close) {
        json->at++;
        return false;
    }
    if (!*first && next != ',') {
        return unexpected(json, close == '}' ? "',' or '}'" : "',' or ']'");
    }
    json->at += *first ? 0 : 1;
    *first = false;
    return true;
}

/* Four hexadecimal digits at `at`; -1 where there are none. */
static int32_t hex4(const wg_json *json, size_t at) {
    int32_t value = 0;
    for (size_t i = at; i < at + 4; i++) {
        const unsigned char c = i < json->size ? json->bytes[i] : 0;
        const int digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : -1;
        if (digit < 0) {
            return -1;
        }
        value = value * 16 + digit;
    }
    return value;
}

/* \uXXXX, of which the backslash is at json->at: one, or a pair of surrogates. */
static bool take_unicode(wg_json *json) {
    const size_t start = json->at;
    int32_t code = hex4(json, start + 2);
    json->at += 6;
    if (code < 0) {
        return wg_json_refuse(json, start, "\\u without four hexadecimal digits");
    }
    if (code >= 0xd800 && code <= 0xdfff) {
        const bool pair = json->at + 1 < json->size && json->bytes[json->at] == '\\' &&
                          json->bytes[json->at + 1] == 'u';
        const int32_t low = pair ? hex4(json, json->at + 2) : -1;
        if (code > 0xdbff || low < 0xdc00 || low > 0xdfff) {
            return wg_json_refuse(json, start, "half a pair of surrogates");
        }
        code = 0x10000 + (code - 0xd800) * 0x400 + (low - 0xdc00);
        json->at += 6;
    }
    if (code == 0) {
        return wg_json_refuse(json, start, "a zero character in a string");
    }
    json->room += wg_utf8_write((uint32_t)code, json->room);
    return true;
}

static bool take_escape(wg_json *json) {
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    const unsigned char c = json->at + 1 < json->size ? json->bytes[json->at + 1] : 0;
    if (c == 'u') {
        return take_unicode(json);
    }
    const char *name = c != 0 ? strchr(names, c) : NULL;
    if (name == NULL) {
        return wg_json_refuse(json, json->at, "a backslash before what is no escape");
    }
    *json->room++ = values[name - names];
    json->at += 2;
    return true;
}

/* One character of a string that is no escape. */
static bool take_plain(wg_json *json) {
    uint32_t code;
    const size_t length =
        wg_utf8_read((const char *)json->bytes + json->at, json->size - json->at, &code);
    if (length == 0) {
        return wg_json_refuse(json, json->at, "0x%02x begins no character in UTF-8",
                              json->bytes[json->at]);
    }
    memcpy(json->room, json->bytes + json->at, length);
    json->room += length;
    json->at += length;
    return true;
}

bool wg_json_string(wg_json *json, const char **text) {
    *text = json->room;
    if (json->failed || (wg_json_peek(json) != '"' && !unexpected(json, "a string"))) {
        return false;
    }
    const size_t start = json->at++;
    bool right = true;
    while (right) {
        if (json->at >= json->size) {
            return wg_json_refuse(json, json->size, "the text ends inside the string at byte %zu",
                                  start);
        }
        const unsigned char c = json->bytes[json->at];
        if (c == '"') {
            json->at++;
            *json->room++ = '\0';
            return true;
        }
        right = c < ' '     ? wg_json_refuse(json, json->at, "0x%02x in a string", c)
                : c == '\\' ? take_escape(json)
                            : take_plain(json);
    }
    return false;
}

bool wg_json_key(wg_json *json, const char **key) {
    return wg_json_string(json, key) && take(json, ':');
}

bool wg_json_unsigned(wg_json *json, uint64_t *value) {
    *value = 0;
    if (json->failed) {
        return false;
    }
    const unsigned char first = wg_json_peek(json);
    if (first < '0' || first > '9') {
        return unexpected(json, "a whole number");
    }
    const size_t start = json->at;
    for (; json->at < json->size; json->at++) {
        const unsigned digit = (unsigned)json->bytes[json->at] - '0';
        if (digit > 9) {
            break;
        }
        if (*value > (UINT64_MAX - digit) / 10) {
            return wg_json_refuse(json, start, "a number above 2^64 - 1");
        }
        *value = *value * 10 + digit;
    }
    if (first == '0' && json->at > start + 1) {
        return wg_json_refuse(json, start, "a number that begins with 0");
    }
    const unsigned char next = json->at < json->size ? json->bytes[json->at] : 0;
    return (next != '.' && next != 'e' && next != 'E') ||
           wg_json_refuse(json, start, "a number that is not written as a whole one");
}

bool wg_json_end(wg_json *json) {
    if (json->failed) {
        return false;
    }
    (void)wg_json_peek(json);
    return json->at == json->size || unexpected(json, "the end");
}
