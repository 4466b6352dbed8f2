/* count.h (internal): how many elements are not zero. */
#ifndef WG_SRC_KERNEL_COUNT_H
#define WG_SRC_KERNEL_COUNT_H

#include "kernel/softmax.h"

/* to[o, i] = how many x[o, :, i] differ from 0, as NaN does; x: [outer, n, inner], contiguous, of
 * any dtype. */
void wg_kernel_count_nonzero(const wg_planes *planes, const void *x, int64_t *to);

#endif
