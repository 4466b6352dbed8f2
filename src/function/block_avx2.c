/* block_avx2.c: blocks for AVX2 with FMA. */
#if defined(__x86_64__) && defined(__GNUC__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define __FMA__ 1 /* clang's target attribute does not say so */
#else
#pragma GCC target("avx2,fma")
#endif
#define WG_BLOCKS wg_blocks_avx2
#include "function/block_isa.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#else
typedef int wg_nothing_here; /* ISO C wants a declaration in every file */
#endif
