/* run.c: code over many points: blocks of lanes sized to the cache, shared among threads. */
#include "base/parallel.h"
#include "function/code.h"

#include <stdatomic.h>

/* Bytes of slots that a block should stay within, and what it takes where that is not to be had:
 * most of an L1 cache, a part of an L2 cache, a part of what cores share. */
#define WG_L1_BYTES ((size_t)24 << 10)
#define WG_L2_BYTES ((size_t)384 << 10)
#define WG_L3_BYTES ((size_t)14 << 20)
#define WG_MOST_LANES 256
/* Where nothing fits, the steps themselves are what is read from memory: they are shared by more.
 */
#define WG_LANES_FOR_LARGE 32
/* Fewer points than this go one by one. */
#define WG_FEW_POINTS 4

uint32_t wg_lanes_for(const wg_code *code, size_t size, int64_t count) {
    const size_t slots = code->slots;
    uint32_t lanes = WG_MOST_LANES;
    while (lanes > 64 && slots * lanes * size > WG_L1_BYTES) {
        lanes /= 2;
    }
    while (lanes > WG_LANES && slots * lanes * size > WG_L2_BYTES) {
        lanes /= 2;
    }
    if (slots * lanes * size > WG_L3_BYTES) {
        lanes = WG_LANES_FOR_LARGE;
    }
    while (lanes > WG_LANES && (int64_t)lanes / 2 >= count) {
        lanes /= 2;
    }
    return lanes;
}

/* What all jobs of a run share. Each takes one workspace and pieces of points until none is left.
 */
typedef struct wg_jobs {
    wg_block_run run;
    wg_block_runner runner;
    int64_t count, blocks;
    char *memory;
    size_t workspace;
    atomic_llong next; /* block */
} wg_jobs;

static void run_job(void *context, int64_t job) {
    wg_jobs *jobs = context;
    const uint32_t lanes = jobs->run.lanes;
    for (;;) {
        const int64_t block = atomic_fetch_add(&jobs->next, 1);
        if (block >= jobs->blocks) {
            return;
        }
        const int64_t first = block * lanes, left = jobs->count - first;
        jobs->runner(&jobs->run, first, left < lanes ? (uint32_t)left : lanes,
                     jobs->memory + (size_t)job * jobs->workspace);
    }
}

static wg_status run_points(const wg_code *code, int64_t count, const wg_port *in,
                            const wg_port *out, const char *name) {
    double few[64];
    double *slot = code->cells <= WG_COUNT_OF(few) ? few : wg_alloc(code->cells * sizeof *slot);
    if (slot == NULL) {
        return wg_fail(WG_ERROR_MEMORY, "%s: no memory for %zu values", name, code->cells);
    }
    for (int64_t point = 0; point < count; point++) {
        wg_run_point(code, in, out, point, slot);
    }
    if (slot != few) {
        wg_free(slot);
    }
    return WG_OK;
}

wg_status wg_code_run(const wg_code *code, wg_dtype dtype, int64_t count, const wg_port *in,
                      const wg_port *out, const char *name) {
    if (count <= 0 || code->steps == 0) { /* a Hessian of no inputs has no steps */
        return WG_OK;
    }
    if (dtype == WG_F64 && count < WG_FEW_POINTS && code->point != NULL) {
        return run_points(code, count, in, out, name);
    }
    const size_t size = wg_dtype_size(dtype);
    wg_jobs jobs = {.run = {code, in, out, wg_kernel_rule_loops(), wg_lanes_for(code, size, count)},
                    .runner = wg_block_runners()[dtype == WG_F64 ? 1 : 0],
                    .count = count};
    const uint32_t lanes = jobs.run.lanes;
    jobs.blocks = (count + lanes - 1) / lanes;
    jobs.workspace = (wg_block_bytes(code, lanes, size) + 4095) & ~(size_t)4095;
    const double work = (double)count * ((double)code->steps + 10.0 * code->costly);
    const bool share = jobs.blocks > 1 && work > (double)WG_SHARE_MEMORY;
    const int threads = share ? wg_parallel_threads() : 1;
    const int64_t workers = threads < jobs.blocks ? threads : jobs.blocks;
    /* 64 bytes more each: the same slot of two threads must not fall on the same sets of a cache */
    jobs.workspace += 64;
    jobs.memory = wg_alloc(jobs.workspace * (size_t)workers);
    if (jobs.memory == NULL) {
        return wg_fail(WG_ERROR_MEMORY, "%s: no memory for %u values of %u points", name,
                       code->slots, lanes);
    }
    atomic_init(&jobs.next, 0);
    wg_parallel(workers, workers > 1, run_job, &jobs);
    wg_free(jobs.memory);
    return WG_OK;
}
