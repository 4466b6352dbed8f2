/* pair.c: the baseline loops of losses of pairs, the choice among instruction sets, and the blocks
 * that threads share. */
#define WG_PAIR_TABLE wg_pair_baseline
#include "kernel/pair_isa.h"

#include "base/parallel.h"

#if defined(__x86_64__) && defined(__GNUC__)
extern const wg_pair_table wg_pair_avx2[2], wg_pair_avx512[2];
#endif

static const wg_pair_table *tables(void) {
#if defined(__x86_64__) && defined(__GNUC__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw")) {
        return wg_pair_avx512;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        return wg_pair_avx2;
    }
#endif
    return wg_pair_baseline;
}

typedef struct blocks {
    const wg_pairs *pairs;
    const wg_pair_table *table;
    double *partial;
    const void *g;
    int64_t g_step;
    double factor;
    char *out;
} blocks;

static int64_t length_of(const wg_pairs *pairs, int64_t block) {
    const int64_t rest = pairs->count - block * WG_PAIR_BLOCK;
    return rest < WG_PAIR_BLOCK ? rest : WG_PAIR_BLOCK;
}

static void sum_block(void *context, int64_t block) {
    const blocks *b = context;
    const int64_t n = length_of(b->pairs, block);
    double value[STRETCH]; /* of either type */
    double sum = 0;
    for (int64_t i = 0; i < n; i += STRETCH) {
        const int64_t some = n - i < STRETCH ? n - i : STRETCH;
        b->table->row[b->pairs->kind].values(b->pairs, block * WG_PAIR_BLOCK + i, some, value);
        sum += b->table->add_up(some, value);
    }
    b->partial[block] = sum;
}

static void values_block(void *context, int64_t block) {
    const blocks *b = context;
    const int64_t from = block * WG_PAIR_BLOCK;
    b->table->row[b->pairs->kind].values(b->pairs, from, length_of(b->pairs, block),
                                         b->out + from * (int64_t)wg_dtype_size(b->pairs->dtype));
}

static void slopes_block(void *context, int64_t block) {
    const blocks *b = context;
    b->table->row[b->pairs->kind].slopes(b->pairs, block * WG_PAIR_BLOCK,
                                         length_of(b->pairs, block), b->g, b->g_step, b->factor,
                                         b->out);
}

static void run(blocks *b, void (*body)(void *context, int64_t block)) {
    const bool costly = b->pairs->kind >= WG_PAIR_bce;
    b->table = &tables()[b->pairs->dtype == WG_F32 ? 0 : 1];
    wg_parallel(wg_pair_blocks(b->pairs->count),
                b->pairs->count >= (costly ? WG_SHARE_COMPUTE : WG_SHARE_MEMORY), body, b);
}

double wg_kernel_pair_sum(const wg_pairs *pairs, double *partial) {
    blocks b = {.pairs = pairs, .partial = partial};
    double sum = 0;
    run(&b, sum_block);
    for (int64_t i = 0; i < wg_pair_blocks(pairs->count); i++) {
        sum += partial[i];
    }
    return sum;
}

void wg_kernel_pair_values(const wg_pairs *pairs, void *out) {
    blocks b = {.pairs = pairs, .out = out};
    run(&b, values_block);
}

void wg_kernel_pair_slopes(const wg_pairs *pairs, const void *g, int64_t g_step, double factor,
                           void *out) {
    blocks b = {.pairs = pairs, .g = g, .g_step = g_step, .factor = factor, .out = out};
    run(&b, slopes_block);
}
