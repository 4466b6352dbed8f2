/* text.c: text from files. */
#include "wengert/text.h"

#include "base/bytes.h"

wg_status wg_read_text(const char *path, char **text, size_t *bytes) {
    unsigned char *read = NULL;
    *text = NULL;
    *bytes = 0;
    const wg_status status = wg_read_bytes("read_text", path, &read, bytes);
    *text = (char *)read;
    return status;
}

void wg_string_free(char *text) {
    wg_free(text);
}
