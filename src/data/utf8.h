/* utf8.h (internal): code points as bytes (RFC 3629). */
#ifndef WG_SRC_UTF8_H
#define WG_SRC_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WG_UTF8_MOST 4 /* bytes of a code point */
#define WG_LAST_CODE_POINT 0x10FFFFu

/* Reads the code point at `text`, of which `bytes` (1 or more) are there; returns how many bytes it
 * takes, 0 for what is no UTF-8: cut off, longer than needed, a surrogate, beyond U+10FFFF. */
size_t wg_utf8_read(const char *text, size_t bytes, uint32_t *code);

/* Whether all of a string is UTF-8; else *at is the byte that begins no code point. */
bool wg_utf8_is_valid(const char *text, size_t *at);

/* Writes it; returns how many bytes it takes. */
size_t wg_utf8_write(uint32_t code, char out[WG_UTF8_MOST]);

#endif
