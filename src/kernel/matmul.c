/* matmul.c: the matrix product: which instruction set, how many threads, and the two types.
 *
 * It keeps one thing between calls: up to 64 spare blocks of packing memory of 512 KiB, as many as
 * were ever in use at once. Products of one tile, of vectors, and those whose packed part fits on
 * the stack take none. Memory from the caller would be plainer, but a batch needs a block for each
 * thread, and chain rules, which multiply straight into adjoints, have no scratch of a tape to hand
 * on; a block allocated and freed by each call would have training steps allocate. */
#include "kernel/matmul.h"

#include "base/base.h"
#include "base/parallel.h"
#include "kernel/matmul_parts.h"

#include <stdatomic.h>
#include <string.h>

/* Below this many multiply-adds a second thread costs more than it brings. */
#define MULTIPLY_ADDS_A_THREAD 1e6

#define WG_MATMUL_MAX_PITCH 16
#define WG_MATMUL_MAX_LANES 16
#define MM_TINY_DEPTH 32   /* of a product that is one tile */
#define MM_STRIPE 1024     /* columns of C kept in the first-level cache while rows of B pass */
#define MM_STRIPE_DEPTH 64 /* to here the rows of B stay in cache while stripes of C pass */
#define MM_AXPY_DEPTH 2    /* to here C's traffic outweighs the arithmetic */
#define MM_DOT_DEPTH 1024  /* k whose rows of A and B stay in the first-level cache */
#define MM_DOT_LEAST 64    /* k that pays the horizontal sums at the end */
#define MM_DOT_FEW_ROWS 4  /* of A: too few to pay the packing of B */
/* Many rows of A pay it where the horizontal sums of a short k cost more; but a few columns of B
 * would leave tiles half empty. */
#define MM_DOT_DEEP 256
#define MM_DOT_MANY_ROWS 256
#define MM_DOT_FEW_COLUMNS 96
#define MM_PACK_A_PANELS 3 /* uses of a panel of A that pay its packing */
#define MM_PACK_B_ROWS 32  /* rows of A that pay the packing of B */
#define MM_PACK_ROWS 16    /* of B that are packed together */

/* Rows this far apart fall into the same few sets of a first-level cache and push each other out.
 */
static bool crowds(int64_t row_bytes) {
    return row_bytes % 2048 == 0;
}

static int wg_matmul_threads(int64_t m, int64_t n, int64_t k) {
    const double useful = (double)m * (double)n * (double)k / MULTIPLY_ADDS_A_THREAD;
    if (useful < 2) {
        return 1;
    }
    const int most = wg_parallel_threads();
    return useful < most ? (int)useful : most;
}

/* Each slot is owned by whoever exchanged its pointer out, so threads need no lock. */
static _Atomic(void *) spare_blocks[64];

void *wg_matmul_block_take(void) {
    for (size_t i = 0; i < WG_COUNT_OF(spare_blocks); i++) {
        if (atomic_load_explicit(&spare_blocks[i], memory_order_relaxed) != NULL) {
            void *block = atomic_exchange(&spare_blocks[i], NULL);
            if (block != NULL) {
                return block;
            }
        }
    }
    return wg_alloc((size_t)WG_MATMUL_BLOCK_BYTES);
}

void wg_matmul_block_give(void *block) {
    for (size_t i = 0; i < WG_COUNT_OF(spare_blocks); i++) {
        void *expected = NULL;
        if (atomic_compare_exchange_strong(&spare_blocks[i], &expected, block)) {
            return;
        }
    }
    wg_free(block);
}

/* The compiler's own detection, done once before main, also asks whether the system saves the wide
 * registers. */
#if defined(WG_MATMUL_X86)
#define HAS_AVX2 (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
#define HAS_AVX512 (HAS_AVX2 && __builtin_cpu_supports("avx512f"))
#define PARTS(suffix)                                                                              \
    const wg_matmul_parts_##suffix *wg_matmul_parts_best_##suffix(void) {                          \
        return HAS_AVX512 ? &wg_matmul_avx512_##suffix                                             \
               : HAS_AVX2 ? &wg_matmul_avx2_##suffix                                               \
                          : &wg_matmul_baseline_##suffix;                                          \
    }                                                                                              \
    const wg_matmul_parts_##suffix *wg_matmul_parts_at_##suffix(int index) {                       \
        return index == 0                 ? &wg_matmul_baseline_##suffix                           \
               : index == 1 && HAS_AVX2   ? &wg_matmul_avx2_##suffix                               \
               : index == 2 && HAS_AVX512 ? &wg_matmul_avx512_##suffix                             \
                                          : NULL;                                                  \
    }
#else
#define PARTS(suffix)                                                                              \
    const wg_matmul_parts_##suffix *wg_matmul_parts_best_##suffix(void) {                          \
        return &wg_matmul_baseline_##suffix;                                                       \
    }                                                                                              \
    const wg_matmul_parts_##suffix *wg_matmul_parts_at_##suffix(int index) {                       \
        return index == 0 ? &wg_matmul_baseline_##suffix : NULL;                                   \
    }
#endif
PARTS(f32)
PARTS(f64)

#define MM_T float
#define MM_SUFFIX f32
#define MM_DEPTH 256 /* a panel of A, 256 x 16 floats, takes half the first-level cache */
#define MM_SMALL 4096
#include "kernel/matmul_plan.h"
#undef MM_T
#undef MM_SUFFIX
#undef MM_DEPTH
#undef MM_SMALL

#define MM_T double
#define MM_SUFFIX f64
#define MM_DEPTH 192
#define MM_SMALL 2048
#include "kernel/matmul_plan.h"
