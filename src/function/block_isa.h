/* block_isa.h (internal): blocks in both types for one instruction set; the includer has set the
 * target and defines WG_BLOCKS, the table's name. */
#include "function/code.h"

#include <math.h>
#include <string.h>

/* MUL_ADD and its kin round twice, as the operations they stand for; where a program is to fuse, it
 * says so (WG_FUSED). */
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
#define WG_FUSED(x, y, z) WG_FMA(x, y, z)
#else
#define WG_FUSED(x, y, z) ((x) * (y) + (z))
#endif

#define T float
#define WG_TYPED(name) name##_f32
#define WG_FMA(x, y, z) fmaf(x, y, z)
#define WG_SQRT(x) sqrtf(x)
#define WG_ABS(x) fabsf(x)
#include "function/block_typed.h"
#undef T
#undef WG_TYPED
#undef WG_FMA
#undef WG_SQRT
#undef WG_ABS

#define T double
#define WG_TYPED(name) name##_f64
#define WG_FMA(x, y, z) fma(x, y, z)
#define WG_SQRT(x) sqrt(x)
#define WG_ABS(x) fabs(x)
#include "function/block_typed.h"

const wg_block_runner WG_BLOCKS[2] = {block_f32, block_f64};
