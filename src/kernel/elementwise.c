/* elementwise.c: baseline loops, the choice among instruction sets, and the walk over broadcast
 * operands. */
#define WG_LOOPS_TABLE wg_loops_baseline
#include "kernel/elementwise_isa.h"

#include "base/base.h"

#if defined(_OPENMP)
#include <omp.h>
#endif

/* Below this many elements the start of a thread team costs more than it brings. */
#define WG_THREAD_ELEMENTS 65536

#if defined(__x86_64__) && defined(__GNUC__)
extern const wg_rule_loops wg_loops_avx2[WG_RULE_COUNT];
extern const wg_rule_loops wg_loops_avx512[WG_RULE_COUNT];
#endif

const wg_rule_loops *wg_kernel_rule_loops(void) {
#if defined(__x86_64__) && defined(__GNUC__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw")) {
        return wg_loops_avx512;
    }
    if (__builtin_cpu_supports("avx2")) {
        return wg_loops_avx2;
    }
#endif
    return wg_loops_baseline;
}

/* What one walk needs: axes merged where all operands allow it. */
typedef struct wg_walk {
    wg_loop loop;
    int count, rank;
    int64_t shape[WG_MAX_RANK];
    int64_t stride[WG_LOOP_INPUTS][WG_MAX_RANK];
    const char *in[WG_LOOP_INPUTS];
    char *out;
    size_t size; /* bytes an element */
} wg_walk;

static bool mergeable(const wg_walk *walk, int64_t size, const int64_t *inner) {
    for (int i = 0; i < walk->count; i++) {
        if (walk->stride[i][walk->rank - 1] != inner[i] * size) {
            return false;
        }
    }
    return true;
}

/* Takes axes from the first to the last, folding each into its neighbour where it continues it. */
static void walk_axes(wg_walk *walk, const wg_view *inputs, const wg_view *out) {
    for (int axis = 0; axis < out->rank; axis++) {
        int64_t size = out->shape[axis];
        if (size == 1) {
            continue;
        }
        int64_t inner[WG_LOOP_INPUTS];
        for (int i = 0; i < walk->count; i++) {
            inner[i] = inputs[i].stride[axis];
        }
        if (walk->rank > 0 && mergeable(walk, size, inner)) {
            walk->shape[walk->rank - 1] *= size;
        } else {
            walk->shape[walk->rank++] = size;
        }
        for (int i = 0; i < walk->count; i++) {
            walk->stride[i][walk->rank - 1] = inner[i];
        }
    }
    if (walk->rank == 0) {
        walk->shape[walk->rank++] = 1;
    }
}

/* Elements [first, first + n) of the inner axis of row `row`. */
static void run_row(const wg_walk *walk, int64_t row, int64_t first, int64_t n) {
    int last = walk->rank - 1;
    const void *in[WG_LOOP_INPUTS] = {NULL};
    ptrdiff_t stride[WG_LOOP_INPUTS] = {0};
    for (int i = 0; i < walk->count; i++) {
        int64_t offset = first * walk->stride[i][last], rest = row;
        for (int axis = last - 1; axis >= 0; axis--) {
            offset += rest % walk->shape[axis] * walk->stride[i][axis];
            rest /= walk->shape[axis];
        }
        in[i] = walk->in[i] + offset * (int64_t)walk->size;
        stride[i] = (ptrdiff_t)walk->stride[i][last];
    }
    walk->loop((size_t)n, in, stride,
               walk->out + (row * walk->shape[last] + first) * (int64_t)walk->size);
}

void wg_kernel_elementwise(wg_loop loop, int count, const wg_view *inputs, const wg_view *out) {
    int64_t total = wg_view_count(out);
    if (total == 0) {
        return;
    }
    wg_walk walk = {.loop = loop, .count = count, .out = out->data};
    walk.size = wg_dtype_size(out->dtype);
    for (int i = 0; i < count; i++) {
        walk.in[i] = inputs[i].data;
    }
    walk_axes(&walk, inputs, out);
    int64_t inner = walk.shape[walk.rank - 1], rows = total / inner;
#if defined(_OPENMP)
    if (total >= WG_THREAD_ELEMENTS && omp_get_max_threads() > 1) {
        int64_t pieces =
            rows > 1 ? 1 : (inner + WG_THREAD_ELEMENTS / 4 - 1) / (WG_THREAD_ELEMENTS / 4);
        int64_t length = (inner + pieces - 1) / pieces;
#pragma omp parallel for schedule(static)
        for (int64_t job = 0; job < rows * pieces; job++) {
            int64_t first = job % pieces * length;
            int64_t n = first + length < inner ? length : inner - first;
            if (n > 0) {
                run_row(&walk, job / pieces, first, n);
            }
        }
        return;
    }
#endif
    for (int64_t row = 0; row < rows; row++) {
        run_row(&walk, row, 0, inner);
    }
}
