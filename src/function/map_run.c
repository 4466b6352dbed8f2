/* map_run.c: code over strided, broadcast arrays: blocks of points in the result's order, operands
 * read where they stand or gathered a block at a time, results stored, added, or summed up. */
#include "base/parallel.h"
#include "function/map.h"

#include <stdatomic.h>
#include <string.h>

/* Blocks of a piece, which one thread takes at a time. */
#define WG_TOGETHER 16
/* Pieces where sums of a row are kept for each. */
#define WG_MOST_ROW_SUMS 64

/* ---- Operands -------------------------------------------------------------------------------- */

wg_map_in wg_map_in_of(const wg_view *view, const wg_view *out) {
    wg_map_in in = {.data = view->data};
    for (int axis = 0; axis < out->rank; axis++) {
        const int own = axis - (out->rank - view->rank);
        const int64_t size = out->shape[axis];
        const int64_t stride = own < 0 || view->shape[own] == 1 ? 0 : view->stride[own];
        if (size == 1) {
            continue;
        }
        if (in.rank > 0 && in.stride[in.rank - 1] == stride * size) {
            in.shape[in.rank - 1] *= size;
        } else {
            in.shape[in.rank++] = size;
        }
        in.stride[in.rank - 1] = stride;
    }
    return in;
}

/* Where row `row` of the operand's inner axis begins, in elements. */
static int64_t row_offset(const wg_map_in *in, int64_t row) {
    int64_t offset = 0;
    for (int axis = in->rank - 2; axis >= 0; axis--) {
        offset += row % in->shape[axis] * in->stride[axis];
        row /= in->shape[axis];
    }
    return offset;
}

#define WG_DEFINE_GATHER(name, type)                                                               \
    static void name(const wg_map_in *in, int64_t first, uint32_t valid, void *to) {               \
        const int64_t inner = in->shape[in->rank - 1], stride = in->stride[in->rank - 1];          \
        int64_t row = first / inner, column = first % inner;                                       \
        type *out = to;                                                                            \
        for (uint32_t done = 0; done < valid; row++, column = 0) {                                 \
            const type *from = (const type *)in->data + row_offset(in, row) + column * stride;     \
            const int64_t left = valid - done, n = inner - column < left ? inner - column : left;  \
            for (int64_t j = 0; j < n; j++) {                                                      \
                out[done + j] = from[j * stride];                                                  \
            }                                                                                      \
            done += (uint32_t)n;                                                                   \
        }                                                                                          \
    }
WG_DEFINE_GATHER(gather_f32, float)
WG_DEFINE_GATHER(gather_f64, double)

/* Points [first, first + valid) of an operand: where they are evenly spaced in place, else gathered
 * into `scratch`. */
static wg_port port_of(const wg_map_run *run, const wg_map_in *in, int64_t first, uint32_t valid,
                       char *scratch) {
    const int64_t size = run->dtype == WG_F64 ? 8 : 4;
    const int last = in->rank - 1;
    int64_t offset, stride = in->rank > 0 ? in->stride[last] : 0;
    if (in->rank <= 1) {
        offset = first * stride;
    } else if (first % in->shape[last] + valid <= in->shape[last]) {
        offset = row_offset(in, first / in->shape[last]) + first % in->shape[last] * stride;
    } else {
        (run->dtype == WG_F64 ? gather_f64 : gather_f32)(in, first, valid, scratch);
        return (wg_port){scratch, 1, 0};
    }
    return (wg_port){(void *)(uintptr_t)(in->data + offset * size), stride, 0};
}

/* ---- Results --------------------------------------------------------------------------------- */

/* Sums of one number: WG_LANES partial ones, so that compilers make vectors of them. */
#define WG_DEFINE_SETTLE(suffix, type)                                                             \
    static void add_##suffix(void *to, const void *from, uint32_t valid) {                         \
        type *restrict out = to;                                                                   \
        const type *restrict in = from;                                                            \
        for (uint32_t j = 0; j < valid; j++) {                                                     \
            out[j] += in[j];                                                                       \
        }                                                                                          \
    }                                                                                              \
    static void total_##suffix(double *total, const void *from, uint32_t valid) {                  \
        const type *in = from;                                                                     \
        double part[WG_LANES] = {0};                                                               \
        uint32_t j = 0;                                                                            \
        for (; j + WG_LANES <= valid; j += WG_LANES) {                                             \
            for (uint32_t k = 0; k < WG_LANES; k++) {                                              \
                part[k] += (double)in[j + k];                                                      \
            }                                                                                      \
        }                                                                                          \
        for (; j < valid; j++) {                                                                   \
            part[j % WG_LANES] += (double)in[j];                                                   \
        }                                                                                          \
        for (uint32_t k = 0; k < WG_LANES; k++) {                                                  \
            *total += part[k];                                                                     \
        }                                                                                          \
    }                                                                                              \
    static void row_##suffix(double *total, int64_t period, int64_t at, const void *from,          \
                             uint32_t valid) {                                                     \
        const type *in = from;                                                                     \
        for (uint32_t done = 0; done < valid; at = 0) {                                            \
            const int64_t left = valid - done, n = period - at < left ? period - at : left;        \
            for (int64_t j = 0; j < n; j++) {                                                      \
                total[at + j] += (double)in[done + j];                                             \
            }                                                                                      \
            done += (uint32_t)n;                                                                   \
        }                                                                                          \
    }
WG_DEFINE_SETTLE(f32, float)
WG_DEFINE_SETTLE(f64, double)

/* What a block left in `scratch` goes where it belongs. */
static void settle(const wg_map_run *run, const wg_map_out *out, int64_t piece, int64_t first,
                   uint32_t valid, const char *scratch) {
    const bool f64 = run->dtype == WG_F64;
    if (out->how == WG_MAP_ADD) {
        (f64 ? add_f64 : add_f32)(out->to + first * (f64 ? 8 : 4), scratch, valid);
        return;
    }
    double *total = out->total + piece * out->period;
    if (out->period == 1) {
        (f64 ? total_f64 : total_f32)(total, scratch, valid);
    } else {
        (f64 ? row_f64 : row_f32)(total, out->period, first % out->period, scratch, valid);
    }
}

/* The pieces' sums become the first one's, in order. */
static void add_pieces(const wg_map_run *run) {
    for (int e = 0; e < run->outs; e++) {
        const wg_map_out *out = &run->out[e];
        for (int64_t piece = 1; piece < run->pieces && out->how == WG_MAP_SUM; piece++) {
            for (int64_t k = 0; k < out->period; k++) {
                out->total[k] += out->total[piece * out->period + k];
            }
        }
    }
}

/* ---- The run --------------------------------------------------------------------------------- */

bool wg_map_sums_well(int64_t count, int64_t period) {
    return period <= count / (4 * WG_MOST_ROW_SUMS) || period == 1;
}

/* How many blocks go together follows from shapes alone, since sums are kept by piece. */
static void cut(wg_map_run *run) {
    run->blocks = (run->count + run->lanes - 1) / run->lanes;
    run->together = WG_TOGETHER;
    for (int e = 0; e < run->outs; e++) {
        const int64_t fewest = (run->blocks + WG_MOST_ROW_SUMS - 1) / WG_MOST_ROW_SUMS;
        if (run->out[e].how == WG_MAP_SUM && run->out[e].period > 1 && fewest > run->together) {
            run->together = fewest;
        }
    }
    run->pieces = (run->blocks + run->together - 1) / run->together;
}

static size_t rounded(size_t bytes) {
    return (bytes + 63) & ~(size_t)63;
}

size_t wg_map_plan(wg_map_run *run) {
    const wg_code *code = run->code;
    const size_t size = wg_dtype_size(run->dtype), ports = (size_t)run->ins + (size_t)run->outs;
    run->lanes = wg_lanes_for(code, size, run->count);
    cut(run);
    const double work = (double)run->count * ((double)code->steps + 10.0 * code->costly);
    const int64_t threads = work > (double)WG_SHARE_MEMORY ? wg_parallel_threads() : 1;
    run->workers = threads < run->pieces ? threads : run->pieces;
    run->sum_bytes = 0;
    for (int e = 0; e < run->outs; e++) {
        const int64_t pieces = run->pieces > 0 ? run->pieces : 1;
        run->sum_bytes += run->out[e].how == WG_MAP_SUM
                              ? rounded((size_t)(pieces * run->out[e].period) * sizeof(double))
                              : 0;
    }
    /* 64 bytes more: the same slot of two threads must not fall on the same sets of a cache */
    run->slot_bytes = wg_block_bytes(code, run->lanes, size);
    run->scratch_bytes = rounded(run->lanes * size);
    run->worker_bytes =
        run->slot_bytes + ports * run->scratch_bytes + rounded(ports * sizeof(wg_port)) + 64;
    return run->sum_bytes + (size_t)run->workers * run->worker_bytes + 64;
}

/* What all workers of a run share. */
typedef struct wg_map_jobs {
    const wg_map_run *run;
    const wg_rule_loops *loops;
    wg_block_runner runner;
    char *memory;
    atomic_llong next; /* piece */
} wg_map_jobs;

/* Where a block's result goes; a NULL `to` is not wanted. */
static wg_port result_port(const wg_map_out *out, int64_t offset, char *scratch) {
    if (out->how == WG_MAP_STORE) {
        return (wg_port){out->to != NULL ? out->to + offset : NULL, 1, 0};
    }
    return (wg_port){scratch, 1, 0};
}

static void run_piece(const wg_map_jobs *jobs, char *memory, int64_t piece) {
    const wg_map_run *run = jobs->run;
    char *scratch = memory + run->slot_bytes;
    wg_port *port =
        (wg_port *)(void *)(scratch + (size_t)(run->ins + run->outs) * run->scratch_bytes);
    const wg_block_run block = {run->code, port, port + run->ins, jobs->loops, run->lanes};
    const int64_t size = run->dtype == WG_F64 ? 8 : 4;
    const int64_t low = piece * run->together, high = low + run->together;
    for (int64_t b = low; b < high && b < run->blocks; b++) {
        const int64_t first = b * run->lanes, left = run->count - first;
        const uint32_t valid = left < run->lanes ? (uint32_t)left : run->lanes;
        for (int i = 0; i < run->ins; i++) {
            port[i] =
                port_of(run, &run->in[i], first, valid, scratch + (size_t)i * run->scratch_bytes);
        }
        char *const results = scratch + (size_t)run->ins * run->scratch_bytes;
        for (int e = 0; e < run->outs; e++) {
            const wg_map_out *out = &run->out[e];
            port[run->ins + e] =
                result_port(out, first * size, results + (size_t)e * run->scratch_bytes);
        }
        jobs->runner(&block, 0, valid, memory);
        for (int e = 0; e < run->outs; e++) {
            if (run->out[e].how != WG_MAP_STORE) {
                settle(run, &run->out[e], piece, first, valid,
                       results + (size_t)e * run->scratch_bytes);
            }
        }
    }
}

static void run_job(void *context, int64_t job) {
    wg_map_jobs *jobs = context;
    char *memory = jobs->memory + (size_t)job * jobs->run->worker_bytes;
    for (;;) {
        const int64_t piece = atomic_fetch_add(&jobs->next, 1);
        if (piece >= jobs->run->pieces) {
            return;
        }
        run_piece(jobs, memory, piece);
    }
}

void wg_map_run_all(wg_map_run *run, void *memory) {
    char *sums = memory;
    memset(sums, 0, run->sum_bytes);
    for (int e = 0; e < run->outs; e++) {
        wg_map_out *out = &run->out[e];
        if (out->how == WG_MAP_SUM) {
            const int64_t pieces = run->pieces > 0 ? run->pieces : 1;
            out->total = (double *)(void *)sums;
            sums += rounded((size_t)(pieces * out->period) * sizeof(double));
        }
    }
    wg_map_jobs jobs = {.run = run,
                        .loops = wg_kernel_rule_loops(),
                        .runner = wg_block_runners()[run->dtype == WG_F64 ? 1 : 0],
                        .memory = (char *)memory + run->sum_bytes};
    atomic_init(&jobs.next, 0);
    wg_parallel(run->workers, run->workers > 1, run_job, &jobs);
    add_pieces(run);
}
