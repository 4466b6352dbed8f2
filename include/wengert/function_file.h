/* function_file.h: recorded functions as bytes and as files.
 *
 * What is kept is the record itself (terms, branches and what was taken, options, the report of the
 * recording): a function that comes back gives the same bits in every mode. Derivatives are not
 * kept; they are derived again at first use. The form is the same on every machine (little-endian)
 * and names operations by their names, so that later versions of the library read it. */
#ifndef WENGERT_FUNCTION_FILE_H
#define WENGERT_FUNCTION_FILE_H

#include "wengert/function.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Writes the function to a file. The file appears complete or not at all: what stood there before
 * stays until then, and stays after a failure. A symbolic link is replaced, not followed. ARGUMENT
 * for NULL; FILE, with the system's reason; MEMORY. */
WG_API wg_status wg_function_save(const wg_function *fn, const char *path);

/* Reads one; free it with wg_function_free. NULL on failure, and wg_last_message: what the system
 * says of the path, or the byte (from 0) where the file is damaged, cut off or newer than this
 * library, and how. A damaged file is never believed: it takes no more memory than its length
 * justifies, and no term of it is run. */
WG_API wg_function *wg_function_load(const char *path);

/* The same bytes in memory: *count of them at *bytes, to be freed with wg_function_bytes_free. On
 * failure (ARGUMENT for NULL, MEMORY) *bytes is NULL and *count 0. */
WG_API wg_status wg_function_to_bytes(const wg_function *fn, void **bytes, size_t *count);
/* Reads them: as wg_function_load, which says what a failure looks like. */
WG_API wg_function *wg_function_from_bytes(const void *bytes, size_t count);
/* NULL is allowed. */
WG_API void wg_function_bytes_free(void *bytes);

#ifdef __cplusplus
}
#endif

#endif
