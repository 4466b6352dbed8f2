/* unfold.h (internal): blocks of images as columns (im2col), and columns added up into images. */
#ifndef WG_SRC_KERNEL_UNFOLD_H
#define WG_SRC_KERNEL_UNFOLD_H

#include "wengert/op.h"

/* `planes` images [in0, in1] with blocks of kernel0 kernel1 elements, out0 out1 of them. */
typedef struct wg_blocks {
    int64_t planes;
    int64_t in[2], out[2], kernel[2], stride[2], padding[2], dilation[2];
} wg_blocks;

/* to [planes, kernel0, kernel1, out0, out1] from x [planes, in0, in1], zero in the padding. */
void wg_kernel_unfold(const wg_blocks *b, wg_dtype dtype, const void *x, void *to);
/* Its transpose. */
void wg_kernel_fold(const wg_blocks *b, wg_dtype dtype, const void *x, void *to);

#endif
