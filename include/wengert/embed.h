/* embed.h: rows of a table as the representation of whole numbers. */
#ifndef WENGERT_EMBED_H
#define WENGERT_EMBED_H

#include "wengert/array.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Rows of `table` [n, ...] by `indices` (i64 or u8) of any shape: wg_gather_rows, whose gradient
 * adds rows where they belong. ARGUMENT for an index out of range. */
#define wg_embed(table, indices) wg_gather_rows_at(table, indices, WG_HERE)

/* The same, but that row `padding_index` (negative: from the last) gets no gradient. Its values are
 * what they are: set them to zero if they are to be. */
WG_API wg_var wg_embed_padded_at(wg_var table, wg_var indices, int64_t padding_index,
                                 const char *site);
#define wg_embed_padded(table, indices, padding_index)                                             \
    wg_embed_padded_at(table, indices, padding_index, WG_HERE)

#ifdef __cplusplus
}
#endif

#endif
