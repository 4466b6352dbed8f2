/* bytes.h (internal): whole files in memory. `verb` starts the error messages. */
#ifndef WG_SRC_BYTES_H
#define WG_SRC_BYTES_H

#include "base/base.h"

#include <stdarg.h>

/* Fails with "VERB: PATH: ENTRY: byte AT: ...": how readers name damage. `path` and `entry`, a part
 * of the file, may be NULL. */
wg_status wg_refuse_byte(wg_status status, const char *verb, const char *path, const char *entry,
                         size_t at, const char *format, va_list arguments);

/* Reads the file into *bytes (free with wg_free; never NULL on success, one zero byte follows the
 * last). Pipes work too: the size is not asked for. ARGUMENT, FILE, MEMORY. */
wg_status wg_read_bytes(const char *verb, const char *path, unsigned char **bytes, size_t *size);

/* Makes `path` a file of these bytes, or leaves what is there as it is (replace.h). ARGUMENT, FILE,
 * MEMORY. */
wg_status wg_write_bytes(const char *verb, const char *path, const void *bytes, size_t size);

#endif
