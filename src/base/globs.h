/* globs.h (internal): what was said about names by pattern (glob.h); of what matches a name the
 * last holds. */
#ifndef WG_SRC_GLOBS_H
#define WG_SRC_GLOBS_H

#include <stddef.h>

/* Stands first in a struct that says what is said. */
typedef struct wg_glob_entry {
    struct wg_glob_entry *next; /* the one before */
    char *text;
} wg_glob_entry;

/* A new first struct of `size` bytes, zero but for its pattern, in place of an earlier one of the
 * same pattern, so that a loop over it takes no memory. NULL, and nothing changed, where memory ran
 * out. */
void *wg_globs_add(wg_glob_entry **first, size_t size, const char *text);
/* What holds for the name; NULL where nothing was said. */
void *wg_globs_find(wg_glob_entry *first, const char *name);
void wg_globs_free(wg_glob_entry **first);

#endif
