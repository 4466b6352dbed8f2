/* grow.h (internal): arrays that grow by one element at a time. */
#ifndef WG_SRC_GROW_H
#define WG_SRC_GROW_H

#include "base/base.h"

/* The array itself where it has room for one more than `count` elements, else a larger one in its
 * place, with *capacity set (NULL and 0 at first). NULL where memory ran out, and the old one
 * stays. Free it with wg_free. */
void *wg_grown(void *array, int64_t count, int64_t *capacity, size_t element);

#endif
