/* norm_loops.c: the loops of normalisation, once an instruction set; the widest that the machine
 * has runs. */
#include "kernel/norm_parts.h"

#define STRETCH 1024

#define TARGET
#define V_BYTES 16
#define T float
#define LOOP(name) name##_baseline_f32
#include "kernel/norm_loops.h"
#undef T
#undef LOOP
#define T double
#define LOOP(name) name##_baseline_f64
#include "kernel/norm_loops.h"
#undef T
#undef LOOP
#undef TARGET
#undef V_BYTES

#if defined(__x86_64__) && defined(__GNUC__)
#define TARGET __attribute__((target("avx2,fma")))
#define V_BYTES 32
#define T float
#define LOOP(name) name##_avx2_f32
#include "kernel/norm_loops.h"
#undef T
#undef LOOP
#define T double
#define LOOP(name) name##_avx2_f64
#include "kernel/norm_loops.h"
#undef T
#undef LOOP
#undef TARGET
#undef V_BYTES

#if defined(__clang__)
#define TARGET __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,fma")))
#else
#define TARGET                                                                                     \
    __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,fma,prefer-vector-width=512")))
#endif
#define V_BYTES 64
#define T float
#define LOOP(name) name##_avx512_f32
#include "kernel/norm_loops.h"
#undef T
#undef LOOP
#define T double
#define LOOP(name) name##_avx512_f64
#include "kernel/norm_loops.h"
#undef T
#undef LOOP
#undef TARGET
#undef V_BYTES
#endif

const wg_norm_loops *wg_norm_loops_of(wg_dtype dtype) {
#if defined(__x86_64__) && defined(__GNUC__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw")) {
        return dtype == WG_F32 ? &norm_avx512_f32 : &norm_avx512_f64;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        return dtype == WG_F32 ? &norm_avx2_f32 : &norm_avx2_f64;
    }
#endif
    return dtype == WG_F32 ? &norm_baseline_f32 : &norm_baseline_f64;
}
