/* mapped.h (internal): arrays in mapped files. */
#ifndef WG_SRC_MAPPED_H
#define WG_SRC_MAPPED_H

#include "base/mapping.h"
#include "wengert/data.h"

/* An array of the mapping's bytes from `offset` on, which are at least as many as the shape needs.
 * Takes the mapping over, also on failure. FORMAT where the elements are not aligned as their
 * dtype, MEMORY. */
wg_status wg_mapped_new(const char *verb, wg_mapping *mapping, size_t offset, wg_dtype dtype,
                        int rank, const int64_t *shape, wg_mapped **out);

#endif
