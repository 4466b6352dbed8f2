/* scan.h (internal): running folds along the middle axis of [outer, n, inner], contiguous. Each
 * line is folded from its first element on, or with `reverse` from its last; f32 in double. */
#ifndef WG_SRC_KERNEL_SCAN_H
#define WG_SRC_KERNEL_SCAN_H

#include "kernel/softmax.h"

typedef enum wg_scan {
    WG_SCAN_SUM,
    WG_SCAN_PROD,
    WG_SCAN_LOGSUMEXP
} wg_scan;

/* to[k] = from[0] op … op from[k]. */
void wg_kernel_scan(wg_scan kind, const wg_planes *planes, bool reverse, const void *from,
                    void *to);

/* to[k] = a[k] to[k − 1] + b[k], with 0 before the first. */
void wg_kernel_linear_scan(const wg_planes *planes, bool reverse, const void *a, const void *b,
                           void *to);

/* to[k] = the last place of the greatest (least) among from[0 … k], NaN before all; any dtype. */
void wg_kernel_scan_extreme(bool least, const wg_planes *planes, const void *from, int64_t *to);

#endif
