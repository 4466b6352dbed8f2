/* index.h: reshaping and indexing. */
#ifndef WENGERT_INDEX_H
#define WENGERT_INDEX_H

#include "wengert/array.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Elements by number -------------------------------------------------------------------- */

/* Indices are i64 or u8; negative ones count from the end, as in NumPy. ARGUMENT for one out of
 * range. */

/* NumPy's take_along_axis, PyTorch's take_along_dim and gather: r[i, k, j] = x[i, indices[i, k, j],
 * j] for axis 1. x (any dtype) and indices have one rank and broadcast but along `axis`, where the
 * result has the indices' size. */
WG_API wg_var wg_take_along_at(wg_var x, wg_var indices, int axis, const char *site);
/* The transpose: x with src added at the indices, r[i, indices[i, k, j], j] += src[i, k, j];
 * elements that meet are added in C order. indices and src broadcast to one shape, which is x's but
 * along `axis`. src (or a plain number) is converted to x's dtype. */
WG_API wg_var wg_scatter_add_at(wg_var x, wg_var indices, wg_var src, int axis, const char *site);
/* The same with src in place of what was there; of equal indices the last in C order wins, and the
 * others get no gradient. */
WG_API wg_var wg_scatter_at(wg_var x, wg_var indices, wg_var src, int axis, const char *site);

#define wg_take_along(x, indices, axis) wg_take_along_at(x, indices, axis, WG_HERE)
#define wg_scatter_add(x, indices, src, axis)                                                      \
    wg_scatter_add_at(x, indices, wg_lift(src), axis, WG_HERE)
#define wg_scatter(x, indices, src, axis) wg_scatter_at(x, indices, wg_lift(src), axis, WG_HERE)

#ifdef __cplusplus
}
#endif

#endif
