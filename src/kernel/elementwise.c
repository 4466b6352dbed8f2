/* elementwise.c: baseline loops, the choice among instruction sets, and the walk over broadcast
 * operands. */
#define WG_LOOPS_TABLE wg_loops_baseline
#define WG_SLEEF_ISA sse2
#include "kernel/elementwise_isa.h"

#include "base/base.h"
#include "base/parallel.h"

/* Elements that a thread takes at a time. */
#define PIECE 16384
/* Elements that are gathered at a time where an operand is not contiguous. */
#define GATHERED 256

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

/* n elements of `size` bytes, `stride` elements apart. */
static void gather(void *to, const void *from, ptrdiff_t stride, size_t n, size_t size) {
    if (size == sizeof(float)) {
        const float *x = from;
        for (size_t i = 0; i < n; i++) {
            ((float *)to)[i] = x[(ptrdiff_t)i * stride];
        }
    } else {
        const double *x = from;
        for (size_t i = 0; i < n; i++) {
            ((double *)to)[i] = x[(ptrdiff_t)i * stride];
        }
    }
}

/* A loop's unit strides are what compilers make vectors of: what is broadcast or strided comes to
 * it through buffers that stay in the cache. */
static void run_gathered(const wg_walk *walk, size_t n, const void *const *in,
                         const ptrdiff_t *stride, char *out) {
    static const ptrdiff_t one[WG_LOOP_INPUTS] = {1, 1, 1, 1, 1};
    double buffer[WG_LOOP_INPUTS][GATHERED];
    const void *from[WG_LOOP_INPUTS];
    for (size_t done = 0; done < n; done += GATHERED) {
        const size_t m = n - done < GATHERED ? n - done : GATHERED;
        for (int i = 0; i < walk->count; i++) {
            const char *at =
                (const char *)in[i] + (ptrdiff_t)done * stride[i] * (ptrdiff_t)walk->size;
            const bool as_before = i > 0 && in[i] == in[i - 1] && stride[i] == stride[i - 1];
            from[i] = as_before ? from[i - 1] : stride[i] == 1 ? at : (const void *)buffer[i];
            if (from[i] == buffer[i] && (stride[i] != 0 || done == 0)) {
                gather(buffer[i], at, stride[i], m, walk->size);
            }
        }
        walk->loop(m, from, one, out + done * walk->size);
    }
}

/* Elements [first, first + n) of the inner axis of row `row`. */
static void run_row(const wg_walk *walk, int64_t row, int64_t first, int64_t n) {
    int last = walk->rank - 1;
    const void *in[WG_LOOP_INPUTS] = {NULL};
    ptrdiff_t stride[WG_LOOP_INPUTS] = {0};
    bool is_dense = true;
    for (int i = 0; i < walk->count; i++) {
        int64_t offset = first * walk->stride[i][last], rest = row;
        for (int axis = last - 1; axis >= 0; axis--) {
            offset += rest % walk->shape[axis] * walk->stride[i][axis];
            rest /= walk->shape[axis];
        }
        in[i] = walk->in[i] + offset * (int64_t)walk->size;
        stride[i] = (ptrdiff_t)walk->stride[i][last];
        is_dense = is_dense && stride[i] == 1;
    }
    char *out = walk->out + (row * walk->shape[last] + first) * (int64_t)walk->size;
    if (is_dense) {
        walk->loop((size_t)n, in, stride, out);
    } else {
        run_gathered(walk, (size_t)n, in, stride, out);
    }
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

static bool has_costly_partials(int rule) {
#define WG_IS_RULE(name) || rule == WG_RULE_##name
    return false WG_RULES_COSTLY_PARTIALS(WG_IS_RULE);
}

static bool has_costly_value(int rule) {
    const bool is_cheap = false WG_RULES_CHEAP(WG_IS_RULE);
    return !is_cheap && !wg_rule_picks((wg_rule_index)rule);
#undef WG_IS_RULE
}

/* True of loops that cost much beside the way to memory and back. */
static bool is_costly(wg_loop loop) {
    const wg_rule_loops *loops = wg_kernel_rule_loops();
    for (int i = 0; i < WG_RULE_COUNT; i++) {
        for (int type = 0; type < 2; type++) {
            if (loop == loops[i].value[type]) {
                return has_costly_value(i);
            }
            if (loop == loops[i].partial[0][type] || loop == loops[i].partial[1][type] ||
                loop == loops[i].partial[2][type]) {
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
