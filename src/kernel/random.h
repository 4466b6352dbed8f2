/* random.h (internal): random arrays. Element i depends on the key and i alone, in an order of its
 * own: wg_random_bits' word w of block 64 g + l belongs to element 256 g + 64 w + l, so that loops
 * over l make vectors. In f64 two words make one number. */
#ifndef WG_SRC_KERNEL_RANDOM_H
#define WG_SRC_KERNEL_RANDOM_H

#include "wengert/op.h"
#include "wengert/random.h"

typedef enum wg_draw {
    WG_DRAW_UNIFORM,     /* in [0, 1) */
    WG_DRAW_NORMAL,      /* Box and Muller */
    WG_DRAW_EXPONENTIAL, /* -log u */
    WG_DRAW_GUMBEL,      /* -log(-log u) */
    WG_DRAW_LAPLACE,     /* the sign of one bit, -log of the rest */
    WG_DRAW_COUNT
} wg_draw;

/* out[i] = location + scale · z, z from the standard distribution, but at most `most` (INFINITY for
 * no bound, else a number of the dtype); f32 or f64. */
void wg_kernel_draw(wg_draw kind, wg_key key, wg_dtype dtype, int64_t count, double location,
                    double scale, double most, void *out);

/* to[i] = scale · from[i] with probability 1 - p, else 0; the same choice in f32 and f64. `from`
 * NULL stands for ones. p in [0, 1). */
void wg_kernel_dropout(wg_key key, wg_dtype dtype, int64_t count, double p, double scale,
                       const void *from, void *to);
/* The same of one group of WG_DROPOUT_GROUP ones alone, by the thread that asks. */
#define WG_DROPOUT_GROUP 256
void wg_kernel_dropout_group(wg_key key, wg_dtype dtype, int64_t group, double p, double scale,
                             void *to);

#endif
