/* block.c: blocks for any machine, and the choice among instruction sets. */
#define WG_BLOCKS wg_blocks_baseline
#include "function/block_isa.h"

#if defined(__x86_64__) && defined(__GNUC__)
extern const wg_block_runner wg_blocks_avx2[2];
extern const wg_block_runner wg_blocks_avx512[2];
#endif

const wg_block_runner *wg_block_runners(void) {
#if defined(__x86_64__) && defined(__GNUC__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw")) {
        return wg_blocks_avx512;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        return wg_blocks_avx2;
    }
#endif
    return wg_blocks_baseline;
}
