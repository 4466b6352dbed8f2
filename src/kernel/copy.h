/* copy.h (internal): moving values between strided arrays. */
#ifndef WG_SRC_KERNEL_COPY_H
#define WG_SRC_KERNEL_COPY_H

#include "wengert/op.h"

/* to = from: same shape, any strides, any two dtypes; the two do not overlap. A float becomes the
 * whole number next towards zero, cut to the range of the integer dtype; NaN becomes 0. i64 to u8
 * wraps. */
void wg_kernel_copy(const wg_view *from, const wg_view *to);

/* to += from: same shape, same float dtype, any strides of from; no element of `to` is met twice.
 */
void wg_kernel_add_into(const wg_view *from, const wg_view *to);

/* to = from summed over the axes along which `to`, aligned at the right, has size 1 or none. Same
 * float dtype; the order of a sum depends on shape and strides alone. (In reduce.c.) */
void wg_kernel_sum_to(const wg_view *from, const wg_view *to);

#endif
