/* axes.h (internal): axes as users name them, into axes as code counts them. */
#ifndef WG_SRC_OP_AXES_H
#define WG_SRC_OP_AXES_H

#include "wengert/array.h"

/* axis of operand i, negative ones counted from the last; -1 and a failure on the tape if there is
 * none such. */
int wg_call_axis(wg_call *call, int i, int axis);

/* The set of operand 0's axes as bits; false and a failure where one is missing or named twice. */
bool wg_call_axes(wg_call *call, const wg_axes *axes, unsigned *bits);

/* The same of axes that were checked before, for `rank` axes. */
unsigned wg_axes_bits(const wg_axes *axes, int rank);

/* A shape with the axes in `bits` as size 1, and how many elements these had. */
int64_t wg_axes_keep(const wg_view *view, unsigned bits, int64_t *shape);

/* The product of sizes [from, to). */
int64_t wg_sizes_product(const int64_t *shape, int from, int to);

#endif
