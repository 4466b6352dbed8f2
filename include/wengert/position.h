/* position.h: what tells a network where in a sequence something stands. Learned positions are an
 * embedding. */
#ifndef WENGERT_POSITION_H
#define WENGERT_POSITION_H

#include "wengert/array.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Row i, of position p = first + i: sin(p / 10000^(2j/width)) at 2j and the cosine at 2j + 1. A
 * constant [length, width] of f32 or f64. A. Vaswani et al., "Attention is all you need", 2017,
 * section 3.5. ARGUMENT for a negative length or width, or a dtype that is no float. */
WG_API wg_var wg_sinusoidal(wg_tape *tape, wg_dtype dtype, int64_t first, int64_t length,
                            int64_t width);

/* u8, lengths.shape + [steps]: 1 where a position comes before the end, for lengths of integers:
 * a mask of keys for attention. DTYPE for others, LIMIT for steps < 0. */
WG_API wg_var wg_length_mask_at(wg_var lengths, int64_t steps, const char *site);
#define wg_length_mask(lengths, steps) wg_length_mask_at(lengths, steps, WG_HERE)

typedef struct wg_rotary_options {
    int64_t first; /* the position at index 0 */
    double base;   /* 0 means 10000 */
    bool halves;   /* pairs are elements j and j + width/2 (GPT-NeoX, LLaMA), not 2j and 2j + 1 */
} wg_rotary_options;

/* Each pair j of the last axis of x (f32 or f64, its size even) turned by the angle
 * p · base^(-2j/width), p = first + the index along `axis`: so a product of two turned vectors
 * depends on the distance of their positions. J. Su et al., "RoFormer: Enhanced transformer with
 * rotary position embedding", 2021, eq. 34. Errors: SHAPE, ARGUMENT, DTYPE. */
WG_API wg_var wg_rotary_at(wg_var x, int axis, const char *site, wg_rotary_options options);
#define wg_rotary(x, axis, ...) wg_rotary_at(x, axis, WG_HERE, __VA_ARGS__)

#ifdef __cplusplus
}
#endif

#endif
