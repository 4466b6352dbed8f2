/* factor_avx2.c: the loops of factorizations for AVX2 and FMA. */
#include "kernel/factor_parts.h"

#include <float.h>
#include <math.h>
#if defined(__x86_64__) && defined(__GNUC__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif
#define FT_FMA_F32 __builtin_fmaf
#define FT_FMA_F64 __builtin_fma
#define FT_TABLE_F32 wg_factor_avx2_f32
#define FT_TABLE_F64 wg_factor_avx2_f64
#define FT_FILE "kernel/factor_loops.h"
#include "kernel/factor_types.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
