/* isa_loops.h (internal): includes WG_ISA_LOOPS, a header of loops, once for each instruction set
 * and float type, and says which set this machine has.
 *
 * The header finds defined: T (float, double), COUNTER (a whole number as wide), TARGET (the
 * functions' attribute), and LOOP(name), which is name_ISA_f32 or name_ISA_f64. Tables over
 * WG_ISAS(X) then have a row for each set, and wg_isa() is the one to take. */
#include <math.h>
#include <stdint.h>

#define T float
#define COUNTER int32_t
#define TARGET
#define LOOP(name) name##_plain_f32
#include WG_ISA_LOOPS
#undef T
#undef COUNTER
#undef LOOP
#define T double
#define COUNTER int64_t
#define LOOP(name) name##_plain_f64
#include WG_ISA_LOOPS
#undef T
#undef COUNTER
#undef LOOP
#undef TARGET

#if defined(__x86_64__) && defined(__GNUC__)
#define WG_ISAS(X) X(plain) X(avx2) X(avx512)

#define TARGET __attribute__((target("avx2,fma")))
#define T float
#define COUNTER int32_t
#define LOOP(name) name##_avx2_f32
#include WG_ISA_LOOPS
#undef T
#undef COUNTER
#undef LOOP
#define T double
#define COUNTER int64_t
#define LOOP(name) name##_avx2_f64
#include WG_ISA_LOOPS
#undef T
#undef COUNTER
#undef LOOP
#undef TARGET

#if defined(__clang__) /* which has no such preference */
#define TARGET __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw")))
#else
#define TARGET __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,prefer-vector-width=512")))
#endif
#define T float
#define COUNTER int32_t
#define LOOP(name) name##_avx512_f32
#include WG_ISA_LOOPS
#undef T
#undef COUNTER
#undef LOOP
#define T double
#define COUNTER int64_t
#define LOOP(name) name##_avx512_f64
#include WG_ISA_LOOPS
#undef T
#undef COUNTER
#undef LOOP
#undef TARGET

static inline int wg_isa(void) {
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw")) {
        return 2;
    }
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? 1 : 0;
}
#else
#define WG_ISAS(X) X(plain)

static inline int wg_isa(void) {
    return 0;
}
#endif
