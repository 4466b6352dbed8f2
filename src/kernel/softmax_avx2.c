/* softmax_avx2.c: the softmax family's loops for AVX2 with FMA. */
#if defined(__x86_64__) && defined(__GNUC__)
#if defined(__clang__)
#include "kernel/vector_math.h" /* what it includes sets targets of its own */
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif
#define WG_SOFTMAX_TABLE wg_softmax_avx2
#include "kernel/softmax_isa.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#else
typedef int wg_nothing_here; /* ISO C wants a declaration in every file */
#endif
