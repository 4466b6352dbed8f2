/* bytes.h (internal): a whole file in memory. */
#ifndef WG_SRC_BYTES_H
#define WG_SRC_BYTES_H

#include "base/base.h"

/* Reads the file into *bytes (free with wg_free; never NULL on success, one zero byte follows the
 * last). `verb` starts the error messages. Pipes work too: the size is not asked for. */
wg_status wg_read_bytes(const char *verb, const char *path, unsigned char **bytes, size_t *size);

#endif
