/* conv_plan.h (internal): how a convolution is cut into jobs, for either type.
 *
 * A job copies a block of one image (all channels of a group) into scratch memory with the zeros of
 * the padding. A stride is undone in the copy: elements `stride` apart become neighbours in one of
 * several planes (polyphase). Then, for every tap, the inputs of consecutive outputs lie one behind
 * the other, and a table of offsets says where. Where a row of outputs ends and the next begins,
 * the positions between them compute what nobody asked for and are left out when a tile is put in
 * its place.
 *
 * Where those positions are many beside the work of a copy (small images, many results), each tap
 * along a row gets a copy of its own instead, `apart`, whose rows are as long as those of the
 * result: then no position lies between them, and a tile goes straight to its place.
 *
 * The gradient with respect to the input is the same with stride 1 for each of `stride` interleaved
 * parts of the result, each with taps of its own. */
#ifndef WG_SRC_KERNEL_CONV_PLAN_H
#define WG_SRC_KERNEL_CONV_PLAN_H

#include "kernel/conv.h"

/* One axis. Element u of part r of the result is at index r + u * spread, and tap t of it reads the
 * source at index u * step + shift(r, t). */
typedef struct wg_conv_axis {
    bool turned; /* the gradient: sources and results have changed places */
    int64_t source, result, taps, dilation, pad;
    int64_t step, spread; /* stride and 1 forward, 1 and stride for the gradient */
    int64_t parts, most;  /* parts of the result, and elements of the largest */
    int64_t least;        /* the least shift of all */
    int64_t span;         /* from it to the greatest */
    bool apart;           /* each tap has a plane of its own: see below */
    int64_t planes;       /* into which the source's elements fall */
    int64_t reach;        /* the farthest a tap reads within a plane */
} wg_conv_axis;

typedef struct wg_conv_plan {
    int64_t images, groups, channels, rows; /* of the source, and of the result, in a group */
    wg_conv_axis axis[3];
    int64_t volume;               /* taps in all */
    int64_t block[2], blocks[2];  /* rows and columns of a part in a block, and how many blocks */
    int64_t height, width, pitch; /* of a plane of the scratch; from channel to channel */
    int64_t scratch;              /* elements */
    int64_t panels, panel_pitch;  /* of weights */
    int64_t splits;               /* jobs that share out the panels of one block */
    bool pack_late;               /* a panel serves one job alone, which packs it itself */
    int64_t late;                 /* elements of its memory for that, behind the scratch */
    bool share;                   /* worth several threads */
} wg_conv_plan;

/* How the instruction set and the type come in. */
typedef struct wg_conv_machine {
    int64_t lanes, rows, pitch, size;
} wg_conv_machine;

wg_conv_plan wg_conv_plan_of(wg_conv_kind kind, const wg_conv_sizes *sizes,
                             const wg_conv_machine *machine);
int64_t wg_conv_jobs(const wg_conv_plan *plan);

/* True where tap t takes part in part r of the result: it then reads plane *plane, *shift behind
 * the block's first. */
bool wg_conv_tap(const wg_conv_axis *axis, int64_t part, int64_t tap, int64_t *plane,
                 int64_t *shift);
/* The source index of element j of a plane, in a block that begins at u. */
int64_t wg_conv_source(const wg_conv_axis *axis, int64_t plane, int64_t u, int64_t j);
/* How many elements of part r lie in [from, to). */
int64_t wg_conv_count(const wg_conv_axis *axis, int64_t part, int64_t from, int64_t to);

/* The taps of a part (of each axis): how many, and for each its number in the kernel and its offset
 * in the scratch of channel 0. A tap of the depth axis counts as a channel: each channel takes as
 * many planes' pitches as there are depth taps in the part. */
int64_t wg_conv_taps(const wg_conv_plan *plan, const int64_t *part, int64_t *number,
                     int64_t *offset);
int64_t wg_conv_depths(const wg_conv_plan *plan, int64_t part);

static inline int64_t wg_conv_ceil(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}
static inline int64_t wg_conv_least(int64_t a, int64_t b) {
    return a < b ? a : b;
}
static inline int64_t wg_conv_aligned(int64_t bytes) {
    return (bytes + 63) / 64 * 64;
}
static inline void *wg_conv_piece(char *workspace, int64_t at) {
    return workspace == NULL ? NULL : workspace + at;
}

#define WG_CONV_SCRATCH_BYTES                                                                      \
    ((int64_t)480 * 1024)      /* of a block: what a second-level cache holds */
#define WG_CONV_LEAST_ROWS 4   /* of a block, where more fit */
#define WG_CONV_JOBS 16        /* enough for many threads, and for few to end together */
#define WG_CONV_JOB_WORK 4e5   /* multiply-adds that pay a job */
#define WG_CONV_SHARE_WORK 1e6 /* and several threads */
#define WG_CONV_DEPTH 512      /* terms summed in one go, so that errors stay small */

#endif
