/* elementwise.c: baseline loops, the choice among instruction sets, and the walk over broadcast
 * operands. */
#define WG_LOOPS_TABLE wg_loops_baseline
#define WG_SLEEF_ISA sse2
#include "kernel/elementwise_isa.h"

#include "base/base.h"
#include "base/parallel.h"

/* Elements that a thread takes at a time. */
#define PIECE 16384

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
    /* SLEEF's functions for AVX2 use FMA, too. */
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
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
    size_t size;            /* bytes an element */
    int64_t rows, together; /* all, and of one job */
    int64_t pieces, length; /* jobs of a row, and their elements */
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

static void run_job(void *context, int64_t job) {
    const wg_walk *walk = context;
    const int64_t inner = walk->shape[walk->rank - 1];
    const int64_t first = job % walk->pieces * walk->length;
    const int64_t low = job / walk->pieces * walk->together, high = low + walk->together;
    for (int64_t row = low; row < high && row < walk->rows; row++) {
        run_row(walk, row, first, inner - first < walk->length ? inner - first : walk->length);
    }
}

/* A job is a piece of a long row, or some short rows. */
static int64_t cut_jobs(wg_walk *walk, int64_t total) {
    const int64_t inner = walk->shape[walk->rank - 1];
    walk->rows = total / inner;
    walk->together = inner < PIECE ? PIECE / inner : 1;
    walk->length = inner < PIECE ? inner : PIECE;
    walk->pieces = (inner + walk->length - 1) / walk->length;
    return (walk->rows + walk->together - 1) / walk->together * walk->pieces;
}

/* Derivatives that call functions; the others read the result. */
static bool has_costly_partials(int rule) {
    return (rule >= WG_RULE_sin && rule <= WG_RULE_cosh && rule != WG_RULE_tan) ||
           (rule >= WG_RULE_erf && rule <= WG_RULE_digamma) || rule == WG_RULE_pow ||
           rule == WG_RULE_polygamma;
}

static bool has_costly_value(int rule) {
    return rule > WG_RULE_sqrt && !wg_rule_picks((wg_rule_index)rule) && rule != WG_RULE_abs &&
           rule != WG_RULE_fma;
}

/* True of loops that cost much beside the way to memory and back. */
static bool is_costly(wg_loop loop) {
    const wg_rule_loops *loops = wg_kernel_rule_loops();
    for (int i = 0; i < WG_RULE_COUNT; i++) {
        for (int type = 0; type < 2; type++) {
            if (loop == loops[i].value[type]) {
                return has_costly_value(i);
            }
            if (loop == loops[i].partial[0][type] || loop == loops[i].partial[1][type]) {
                return has_costly_partials(i);
            }
        }
    }
    return false;
}

void wg_kernel_elementwise(wg_loop loop, int count, const wg_view *inputs, const wg_view *out) {
    const int64_t total = wg_view_count(out);
    if (total == 0) {
        return;
    }
    wg_walk walk = {.loop = loop, .count = count, .out = out->data};
    walk.size = wg_dtype_size(out->dtype);
    for (int i = 0; i < count; i++) {
        walk.in[i] = inputs[i].data;
    }
    walk_axes(&walk, inputs, out);
    const int64_t jobs = cut_jobs(&walk, total);
    wg_parallel(jobs, total >= WG_SHARE_MEMORY || (total >= WG_SHARE_COMPUTE && is_costly(loop)),
                run_job, &walk);
}
