/* text.h (internal): text that grows. */
#ifndef WG_SRC_TEXT_H
#define WG_SRC_TEXT_H

#include "base/base.h"

typedef struct wg_text {
    char *bytes; /* with a final 0 */
    size_t length, capacity;
    bool failed; /* memory ran out: later additions do nothing */
} wg_text;

void wg_text_add(wg_text *text, const char *format, ...) WG_PRINTF(2, 3);
/* `length` bytes as they are. */
void wg_text_bytes(wg_text *text, const char *bytes, size_t length);
void wg_text_put(wg_text *text, const char *string);
void wg_text_letter(wg_text *text, int letter);
/* A string in quotes, as JSON has it: quotes, backslashes and control characters are escaped. */
void wg_text_json(wg_text *text, const char *string);
void wg_text_free(wg_text *text);

/* Makes `path` a file of the text, or leaves what is there as it is (bytes.h), and frees the text,
 * either way. `verb` starts the messages. MEMORY also where the text has failed. */
wg_status wg_text_write(wg_text *text, const char *verb, const char *path);

#endif
