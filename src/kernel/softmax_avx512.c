/* softmax_avx512.c: the softmax family's loops for AVX-512. */
#if defined(__x86_64__) && defined(__GNUC__)
#if defined(__clang__)
#include "kernel/vector_math.h" /* what it includes sets targets of its own */
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl,avx512bw"))),        \
                             apply_to = function)
#else
#pragma GCC target("avx512f,avx512dq,avx512vl,avx512bw,prefer-vector-width=512")
#endif
#define WG_SOFTMAX_TABLE wg_softmax_avx512
#include "kernel/softmax_isa.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#else
typedef int wg_nothing_here; /* ISO C wants a declaration in every file */
#endif
