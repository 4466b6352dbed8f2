/* idx.h (internal): IDX files in memory. */
#ifndef WG_SRC_IDX_H
#define WG_SRC_IDX_H

#include "base/base.h"

/* What wg_read_idx does with a file's bytes; `path` names it in messages. */
wg_status wg_idx_from_bytes(const char *path, const unsigned char *bytes, size_t size,
                            wg_array **out);

#endif
