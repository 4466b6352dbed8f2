/* factor_types.h (internal): includes FT_FILE once for each float type, with FT, FN(name), the
 * functions of C's library for the type, and how many partial sums a loop keeps. */
#include <float.h>
#include <math.h>

#define FT float
#define FN(name) name##_f32
#define FT_FMA FT_FMA_F32
#define FT_SQRT sqrtf
#define FT_ABS fabsf
#define FT_HYPOT hypotf
#define FT_EPSILON FLT_EPSILON
#define FT_TINY 1e-18F /* squares below this lose digits */
#define FT_LANES 32
#define FT_TABLE FT_TABLE_F32
#include FT_FILE
#undef FT
#undef FN
#undef FT_FMA
#undef FT_SQRT
#undef FT_ABS
#undef FT_HYPOT
#undef FT_EPSILON
#undef FT_TINY
#undef FT_LANES
#undef FT_TABLE

#define FT double
#define FN(name) name##_f64
#define FT_FMA FT_FMA_F64
#define FT_SQRT sqrt
#define FT_ABS fabs
#define FT_HYPOT hypot
#define FT_EPSILON DBL_EPSILON
#define FT_TINY 1e-140
#define FT_LANES 16
#define FT_TABLE FT_TABLE_F64
#include FT_FILE
#undef FT
#undef FN
#undef FT_FMA
#undef FT_SQRT
#undef FT_ABS
#undef FT_HYPOT
#undef FT_EPSILON
#undef FT_TINY
#undef FT_LANES
#undef FT_TABLE
