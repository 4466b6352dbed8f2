/* replace.h (internal): files written whole or not at all. The bytes go to a new file beside the
 * one that they are to replace ("PATH.PID-NUMBER.part"; where PATH is a link, beside what it leads
 * to; a name that is too long for that is cut off). At the end they are brought to the disk
 * (fsync), the new file takes the old one's place (rename, which is atomic), and the folder is
 * brought to the disk, so that a machine that stops at any moment has the old file or the new. */
#ifndef WG_SRC_BASE_REPLACE_H
#define WG_SRC_BASE_REPLACE_H

#include "base/base.h"

typedef struct wg_replacement {
    const char *verb, *path; /* what messages start with */
    char *target;            /* where the path leads to, links followed */
    char *name;              /* of the new file; in the same block */
    int file;
    bool exists; /* the old file; its permissions are kept */
    unsigned mode;
    uint64_t size; /* bytes written so far */
    uint32_t crc;  /* wg_crc32 of them */
} wg_replacement;

/* Begins a new file. An old one that may not be written, and anything that is no file, is refused.
 * ARGUMENT, FILE, MEMORY; on failure there is nothing to end. */
wg_status wg_replace_begin(wg_replacement *r, const char *verb, const char *path);

/* Adds bytes. FILE; then wg_replace_drop. */
wg_status wg_replace_add(wg_replacement *r, const void *bytes, size_t size);
/* The same, to be handed on as a function: `r` is a wg_replacement. */
wg_status wg_replace_add_to(void *r, const void *bytes, size_t size);

/* Puts the file in its place; after FILE the old one stands as it was, unless the message says that
 * the folder alone failed. Frees everything, either way. */
wg_status wg_replace_end(wg_replacement *r);

/* Gives the new file up: removes it, and frees everything. */
void wg_replace_drop(wg_replacement *r);

#endif
