/* sort.h (internal): the order of the elements along the middle axis of [outer, n, inner],
 * contiguous, of any dtype. */
#ifndef WG_SRC_KERNEL_SORT_H
#define WG_SRC_KERNEL_SORT_H

#include "kernel/softmax.h"

/* Which places of the sorted order are wanted: [first, first + count) of n. */
typedef struct wg_sorting {
    bool descending;
    bool nan_wins; /* where there is a NaN, the first of them takes every place */
    int64_t first, count;
} wg_sorting;

/* to[o, k, i], k < count, = where the element at place first + k of line (o, i) stands. Equal
 * elements keep their order, zeros of both signs and all NaN among them; NaN counts as greatest.
 * `scratch` has wg_kernel_argsort_scratch bytes. */
void wg_kernel_argsort(const wg_sorting *sorting, const wg_planes *planes, const void *x,
                       int64_t *to, void *scratch);
size_t wg_kernel_argsort_scratch(const wg_planes *planes);

#endif
