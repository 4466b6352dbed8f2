/* factor_baseline.c: the loops of factorizations in plain C. */
#include "kernel/factor_parts.h"

#define FT_FMA_F32(a, b, c) ((a) * (b) + (c))
#define FT_FMA_F64(a, b, c) ((a) * (b) + (c))
#define FT_TABLE_F32 wg_factor_baseline_f32
#define FT_TABLE_F64 wg_factor_baseline_f64
#define FT_FILE "kernel/factor_loops.h"
#include "kernel/factor_types.h"
