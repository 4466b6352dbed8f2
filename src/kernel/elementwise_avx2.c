/* elementwise_avx2.c: the elementwise loops for AVX2. */
#if defined(__x86_64__) && defined(__GNUC__)
#if defined(__clang__)
#include "kernel/sleef.h" /* what it includes sets targets of its own */
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC target("avx2")
#endif
#define WG_LOOPS_TABLE wg_loops_avx2
#define WG_SLEEF_ISA avx2
#include "kernel/elementwise_isa.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#else
typedef int wg_nothing_here; /* ISO C wants a declaration in every file */
#endif
