/* attention_loops.c: the loops of attention, once an instruction set; the widest that the machine
 * has runs. The polynomials are those of
 * vector_math.h. */
#include "kernel/attention_parts.h"
#include <stdint.h>
#include <string.h>

#define TARGET
#define V_BYTES 16
#define SET(name) name##_baseline
#include "kernel/attention_isa.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define TARGET __attribute__((target("avx2,fma")))
#define V_BYTES 32
#define SET(name) name##_avx2
#include "kernel/attention_isa.h"

#if defined(__clang__)
#define TARGET __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,fma")))
#else
#define TARGET                                                                                     \
    __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,fma,prefer-vector-width=512")))
#endif
#define V_BYTES 64
#define SET(name) name##_avx512
#include "kernel/attention_isa.h"
#define BEST(type)                                                                                 \
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&                 \
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw")) {                \
        return &attention_avx512_##type;                                                           \
    }                                                                                              \
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {                         \
        return &attention_avx2_##type;                                                             \
    }
#else
#define BEST(type)
#endif

const wg_attention_loops_f32 *wg_attention_loops_of_f32(void) {
    BEST(f32)
    return &attention_baseline_f32;
}

const wg_attention_loops_f64 *wg_attention_loops_of_f64(void) {
    BEST(f64)
    return &attention_baseline_f64;
}
