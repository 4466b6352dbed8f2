/* colour.h (internal): what the colourings share. */
#ifndef WG_SRC_FUNCTION_COLOUR_H
#define WG_SRC_FUNCTION_COLOUR_H

#include "function/sparse.h"

/* Orders of the columns: as they stand, largest first, smallest last. Those that pay are tried, and
 * the colouring of fewest colours is kept. */
#define WG_ORDERS 3

bool wg_order_pays(int which, const wg_pattern *p);
/* `transposed` is p's. False where memory ran out. */
bool wg_fill_order(int which, const wg_pattern *p, const wg_pattern *transposed, int64_t *order);

/* No vertex coloured. False where memory ran out. */
bool wg_begin_colouring(wg_colouring *c, int64_t vertices);
/* The first colour that forbidden[] does not mark v + 1. */
int32_t wg_least_allowed(const int64_t *forbidden, int64_t v, int64_t *colours);
/* Keeps `fresh` where it has fewer colours than `best`, or best has none yet; frees the other. */
void wg_keep_fewer(wg_colouring *best, wg_colouring *fresh);
wg_status wg_colours_no_memory(const wg_pattern *p);

#endif
