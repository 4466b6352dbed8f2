/* glob.h (internal): names by pattern. */
#ifndef WG_SRC_GLOB_H
#define WG_SRC_GLOB_H

#include <stdbool.h>

/* Whether `pattern` matches all of `text`: '*' stands for any characters (dots too, or none), '?'
 * for one, all else for itself. */
bool wg_glob(const char *pattern, const char *text);

#endif
