/* conv_weight_plan.h (internal): how a convolution's gradient with respect to its weights is cut
 * into jobs.
 *
 * The sum runs over all positions of all images. Where there are enough channels, it is a matrix
 * product for each tap: y's adjoint [rows, positions] by the input [positions, channels], whose
 * copy has the channels innermost, so that a tap is a shift here too; with taps of a row next to
 * each other, `together`, they count as channels. With few channels (a first layer, depthwise) it
 * is inner products along the positions, over the copy that the forward convolution makes.
 *
 * A chunk of the sum is a run of units (blocks of one depth of one image) and has a sum of its own;
 * the chunks are added in their order. */
#ifndef WG_SRC_KERNEL_CONV_WEIGHT_PLAN_H
#define WG_SRC_KERNEL_CONV_WEIGHT_PLAN_H

#include "kernel/conv_plan.h"

/* One axis of the input's copy: `count` elements from u * stride - pad on, `step` apart. */
typedef struct wg_conv_copy_axis {
    int64_t taps, dilation, stride, pad, source;
    int64_t step;     /* in the source: the stride where only one tap reads each element */
    int64_t position; /* in the copy, from one output to the next */
    int64_t count;    /* for a block */
} wg_conv_copy_axis;

typedef struct wg_conv_weight_plan {
    bool dots;
    int64_t images, groups, channels, rows, volume, out[3];
    wg_conv_plan forward; /* of dots */
    wg_conv_copy_axis axis[3];
    int64_t block[2], blocks[2];     /* rows and columns of outputs */
    int64_t together, columns, taps; /* taps of a row as channels; channels; other taps */
    int64_t panels, column_panels, tile;
    int64_t positions;      /* most of a unit, of products */
    int64_t lines;          /* rows of outputs at a time, of inner products */
    int64_t scratch, total; /* elements of the input's copy, and with what else a job needs */
    int64_t partial;        /* elements of a chunk's sum for one group */
    int64_t units, chunks, splits;
    bool share;
} wg_conv_weight_plan;

wg_conv_weight_plan wg_conv_weight_plan_of(const wg_conv_sizes *sizes,
                                           const wg_conv_machine *machine);

#define WG_CONV_POSITIONS 512  /* of a panel of y's adjoint */
#define WG_CONV_DOT_BYTES 4096 /* of a row of it in inner products: six rows stay in cache */
#define WG_CONV_PARTIAL_BYTES ((int64_t)16 << 20) /* of all chunks' sums */

#endif
