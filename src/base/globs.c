/* globs.c: what was said about names by pattern. */
#include "base/globs.h"

#include "base/base.h"
#include "base/glob.h"

#include <string.h>

static void forget(wg_glob_entry **first, const char *text) {
    for (wg_glob_entry **at = first; *at != NULL; at = &(*at)->next) {
        if (strcmp((*at)->text, text) == 0) {
            wg_glob_entry *old = *at;
            *at = old->next;
            wg_free(old);
            return;
        }
    }
}

void *wg_globs_add(wg_glob_entry **first, size_t size, const char *text) {
    const size_t bytes = strlen(text) + 1;
    wg_glob_entry *pattern = wg_calloc(1, size + bytes);
    if (pattern == NULL) {
        return NULL;
    }
    pattern->text = (char *)pattern + size;
    memcpy(pattern->text, text, bytes);
    forget(first, text);
    pattern->next = *first;
    *first = pattern;
    return pattern;
}

void *wg_globs_find(wg_glob_entry *first, const char *name) {
    while (first != NULL && !wg_glob(first->text, name)) {
        first = first->next;
    }
    return first;
}

void wg_globs_free(wg_glob_entry **first) {
    for (wg_glob_entry *pattern = *first, *next; pattern != NULL; pattern = next) {
        next = pattern->next;
        wg_free(pattern);
    }
    *first = NULL;
}
