/* mapping.h (internal): whole files as memory that is read when it is looked at. */
#ifndef WG_SRC_MAPPING_H
#define WG_SRC_MAPPING_H

#include "base/base.h"

/* A file's bytes, read only. Who shortens the file meanwhile gets a signal from the system. */
typedef struct wg_mapping {
    const unsigned char *bytes; /* never NULL once mapped, page-aligned (64 bytes at least) */
    size_t size;
    void *memory; /* what is given back */
    bool mapped;  /* else it was read into memory */
} wg_mapping;

/* Maps a regular file; anything else (a pipe), an empty file, and any file where the system has no
 * mmap is read into memory. `verb` starts the messages. ARGUMENT, FILE, MEMORY; then *out is zero.
 */
wg_status wg_map_file(const char *verb, const char *path, wg_mapping *out);
/* Reads the whole file, for what is copied anyway: nobody can shorten that. */
wg_status wg_load_file(const char *verb, const char *path, wg_mapping *out);
/* Gives it back; zero is allowed, and is what is left. */
void wg_unmap_file(wg_mapping *mapping);

#endif
