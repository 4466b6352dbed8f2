/* json.h (internal): a strict reader of the JSON (RFC 8259) that headers of files are made of:
 * objects, arrays, strings and whole numbers from 0 to 2^64 - 1. The caller asks for what must come
 * next; nothing is built, nothing recurs, and the first thing that is wrong is kept with its byte.
 * Strings must be UTF-8 without zero characters. */
#ifndef WG_SRC_IO_JSON_H
#define WG_SRC_IO_JSON_H

#include "base/base.h"

typedef struct wg_json {
    const unsigned char *bytes;
    size_t size, at;
    char *room; /* where strings are decoded to, one behind the other; `size` bytes will do */
    bool failed;
    size_t wrong_at;
    char wrong[120];
} wg_json;

/* A reader of these bytes; `room` as above, for as long as its strings are needed. */
wg_json wg_json_new(const void *bytes, size_t size, char *room);

/* All of these return false once something is wrong. */

/* Keeps what is wrong at a byte; only the first counts. Returns false. */
bool wg_json_refuse(wg_json *json, size_t at, const char *format, ...) WG_PRINTF(3, 4);
/* The next character but white space, which is not taken; 0 at the end. */
unsigned char wg_json_peek(wg_json *json);
/* Takes '{' or '['. */
bool wg_json_begin(wg_json *json, char open);
/* Whether there is another item before `close`, which is taken at the end. *first is true before
 * the first call. */
bool wg_json_more(wg_json *json, char close, bool *first);
/* A member's name and the colon behind it. */
bool wg_json_key(wg_json *json, const char **key);
bool wg_json_string(wg_json *json, const char **text);
bool wg_json_unsigned(wg_json *json, uint64_t *value);
/* Whether nothing but white space is left. */
bool wg_json_end(wg_json *json);

#endif
