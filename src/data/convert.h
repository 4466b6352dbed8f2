/* convert.h (internal): elements of arrays as those of another dtype. */
#ifndef WG_SRC_CONVERT_H
#define WG_SRC_CONVERT_H

#include "base/base.h"

/* Reads an element as a double. i64 beyond 2^53 is rounded. */
double wg_convert_read(const wg_array *array, int64_t i);

/* False where an integer dtype cannot hold the value exactly. */
bool wg_convert_write(wg_dtype dtype, void *data, int64_t i, double value);

/* Elements first ... first + count - 1 as scale * value + offset, to the start of `out`. The first
 * element that does not fit an integer dtype, or -1 where all do. */
int64_t wg_convert(const wg_array *from, int64_t first, int64_t count, double scale, double offset,
                   wg_dtype dtype, void *out);

#endif
