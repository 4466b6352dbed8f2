/* text.h (internal): text that grows. */
#ifndef WG_SRC_FUNCTION_TEXT_H
#define WG_SRC_FUNCTION_TEXT_H

#include "base/base.h"

typedef struct wg_text {
    char *bytes; /* with a final 0 */
    size_t length, capacity;
    bool failed; /* memory ran out: later additions do nothing */
} wg_text;

void wg_text_add(wg_text *text, const char *format, ...) WG_PRINTF(2, 3);
/* `length` bytes as they are. */
void wg_text_bytes(wg_text *text, const char *bytes, size_t length);
/* A number as a C literal that reads back to the same bits. */
void wg_text_number(wg_text *text, double number);
void wg_text_free(wg_text *text);

#endif
