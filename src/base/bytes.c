/* bytes.c: whole files in memory. */
#include "base/bytes.h"

#include "base/replace.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

wg_status wg_refuse_byte(wg_status status, const char *verb, const char *path, const char *entry,
                         size_t at, const char *format, va_list arguments) {
    char text[400];
    (void)vsnprintf(text, sizeof text, format, arguments);
    return wg_fail(status, "%s: %s%s%.100s%sbyte %zu: %s", verb, path != NULL ? path : "",
                   path != NULL ? ": " : "", entry != NULL ? entry : "", entry != NULL ? ": " : "",
                   at, text);
}

#define FIRST_BYTES ((size_t)1 << 16)

static wg_status read_all(const char *verb, const char *path, FILE *file, unsigned char **bytes,
                          size_t *size) {
    size_t room = FIRST_BYTES;
    size_t used = 0;
    unsigned char *data = wg_realloc(NULL, room);
    while (data != NULL) {
        errno = 0;
        used += fread(data + used, 1, room - 1 - used, file);
        if (used < room - 1) {
            if (ferror(file)) {
                wg_free(data);
                return wg_fail(WG_ERROR_FILE, "%s: %s: reading failed at byte %zu: %s", verb, path,
                               used, strerror(errno));
            }
            data[used] = 0;
            *bytes = data;
            *size = used;
            return WG_OK;
        }
        unsigned char *more = room > SIZE_MAX / 2 ? NULL : wg_realloc(data, 2 * room);
        if (more == NULL) {
            wg_free(data);
        }
        data = more;
        room *= 2;
    }
    return wg_fail(WG_ERROR_MEMORY, "%s: %s: no memory for %zu bytes", verb, path, room);
}

wg_status wg_read_bytes(const char *verb, const char *path, unsigned char **bytes, size_t *size) {
    if (path == NULL) {
        return wg_fail(WG_ERROR_ARGUMENT, "%s: the path is NULL", verb);
    }
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return wg_fail(WG_ERROR_FILE, "%s: %s: %s", verb, path, strerror(errno));
    }
    wg_status status = read_all(verb, path, file, bytes, size);
    (void)fclose(file);
    return status;
}

wg_status wg_write_bytes(const char *verb, const char *path, const void *bytes, size_t size) {
    wg_replacement r;
    wg_status status = wg_replace_begin(&r, verb, path);
    if (status != WG_OK) {
        return status;
    }
    status = wg_replace_add(&r, bytes, size);
    if (status != WG_OK) {
        wg_replace_drop(&r);
        return status;
    }
    return wg_replace_end(&r);
}
