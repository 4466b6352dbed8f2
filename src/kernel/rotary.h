/* rotary.h (internal): pairs of numbers turned in their plane. */
#ifndef WG_SRC_KERNEL_ROTARY_H
#define WG_SRC_KERNEL_ROTARY_H

#include "wengert/op.h"

/* x [outer, length, inner, 2 pairs]; pair j of position i is turned by the angle whose cosine and
 * sine stand at angles[2 (i pairs + j)]. */
typedef struct wg_rotary_run {
    int64_t outer, length, inner, pairs;
    bool halves; /* elements j and j + pairs make a pair, not 2 j and 2 j + 1 */
    const double *angles;
} wg_rotary_run;

/* f32 or f64, contiguous. */
void wg_kernel_rotary(wg_dtype dtype, const wg_rotary_run *run, const void *x, void *y);

#endif
