#include "golden.h"

static int axis_of(const golden_case *c) {
    return golden_integer(c, "axis", 0);
}

static void run_take_along(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_take_along(in[0], in[1], axis_of(c));
}

static void run_scatter_add(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_scatter_add(in[0], in[1], in[2], axis_of(c));
}

static void run_scatter(const golden_case *c, const wg_var *in, wg_var *out) {
    const wg_var value = wg_number(golden_number(c, "value", 0));
    out[0] = wg_scatter(in[0], in[1], c->inputs > 2 ? in[2] : value, axis_of(c));
}

static void run_index_select(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_index_select(in[0], in[1], axis_of(c));
}

static void run_index_add(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_index_add(in[0], in[1], in[2], axis_of(c));
}

static void run_select(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_select(in[0], golden_integer(c, "index", 0), axis_of(c));
}

static void run_narrow(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] =
        wg_narrow(in[0], axis_of(c), golden_integer(c, "start", 0), golden_integer(c, "length", 0));
}

static void run_stack_arrays(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_stack_arrays(c->inputs, in, axis_of(c));
}

static void run_split_sizes(const golden_case *c, const wg_var *in, wg_var *out) {
    int64_t sizes[GOLDEN_MOST_NUMBERS];
    const int n = golden_integers(c, "sizes", sizes);
    wg_split_sizes(in[0], axis_of(c), n, sizes, out);
}

static void run_chunk(const golden_case *c, const wg_var *in, wg_var *out) {
    wg_var chunks[GOLDEN_MOST_ARRAYS];
    const int n = wg_chunk(in[0], axis_of(c), golden_integer(c, "n", 0), chunks);
    for (int i = 0; i < n && i < c->outputs; i++) {
        out[i] = n == c->outputs ? chunks[i] : wg_number(0);
    }
}

static void run_squeeze(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_squeeze(in[0], axis_of(c));
}

GOLDEN_UNARY(squeeze_all)

static void run_unsqueeze(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_unsqueeze(in[0], axis_of(c));
}

/* Verbs of two axes. */
#define RUN_AXES(name)                                                                             \
    static void run_##name(const golden_case *c, const wg_var *in, wg_var *out) {                  \
        out[0] = wg_##name(in[0], golden_integer(c, "a", 0), golden_integer(c, "b", 0));           \
    }
RUN_AXES(movedim)
RUN_AXES(swapaxes)
RUN_AXES(flatten)

static void run_flip(const golden_case *c, const wg_var *in, wg_var *out) {
    int64_t axis[GOLDEN_MOST_NUMBERS];
    wg_axes axes = {.count = golden_integers(c, "axes", axis)};
    for (int i = 0; i < axes.count; i++) {
        axes.axis[i] = (int)axis[i];
    }
    out[0] = wg_flip(in[0], axes);
}

static void run_roll(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_roll(in[0], golden_integer(c, "shift", 0), axis_of(c));
}

static void run_tile(const golden_case *c, const wg_var *in, wg_var *out) {
    int64_t counts[GOLDEN_MOST_NUMBERS];
    const int n = golden_integers(c, "counts", counts);
    out[0] = wg_tile(in[0], n, counts);
}

static void run_repeat(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_repeat(in[0], golden_integer(c, "count", 0), axis_of(c));
}

static void run_meshgrid(const golden_case *c, const wg_var *in, wg_var *out) {
    wg_meshgrid(c->inputs, in, out);
}

static void run_pad(const golden_case *c, const wg_var *in, wg_var *out) {
    int64_t widths[GOLDEN_MOST_NUMBERS][2];
    const int n = golden_integers(c, "widths", widths[0]);
    const wg_pad_options options = {(wg_pad_mode)golden_integer(c, "mode", 0),
                                    golden_number(c, "value", 0)};
    out[0] = wg_pad(in[0], n / 2, (const int64_t(*)[2])widths, options);
}

static void run_tril(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_tril(in[0], golden_integer(c, "k", 0));
}

static void run_triu(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_triu(in[0], golden_integer(c, "k", 0));
}

static void run_diagonal(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_diagonal(in[0], golden_integer(c, "k", 0), golden_integer(c, "a", 0),
                         golden_integer(c, "b", 0));
}

static void run_diag(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_diag(in[0], golden_integer(c, "k", 0));
}

GOLDEN_UNARY(trace)
GOLDEN_UNARY(nonzero)
GOLDEN_BINARY(masked_select)

static void run_masked_fill(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_masked_fill(in[0], in[1], golden_number(c, "value", 0));
}

static void run_one_hot(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_one_hot(in[0], golden_integer(c, "classes", 0), WG_I64);
}

/* What only moves elements is exact; sums of a few differ by their order. */
const golden_call golden_calls_index[] = {
    {"take_along", run_take_along, GOLDEN_ARRAY, 0, 1},
    {"scatter_add", run_scatter_add, GOLDEN_ARRAY, 1, 0},
    {"scatter", run_scatter, GOLDEN_ARRAY, 0, 0},
    {"index_select", run_index_select, GOLDEN_ARRAY, 0, 1},
    {"index_add", run_index_add, GOLDEN_ARRAY, 1, 0},
    {"select", run_select, GOLDEN_ARRAY, 0, 0},
    {"narrow", run_narrow, GOLDEN_ARRAY, 0, 0},
    {"stack_arrays", run_stack_arrays, GOLDEN_ARRAY, 0, 0},
    {"split_sizes", run_split_sizes, GOLDEN_ARRAY, 0, 0},
    {"chunk", run_chunk, GOLDEN_ARRAY, 0, 0},
    {"squeeze", run_squeeze, GOLDEN_ARRAY, 0, 0},
    {"squeeze_all", run_squeeze_all, GOLDEN_ARRAY, 0, 0},
    {"unsqueeze", run_unsqueeze, GOLDEN_ARRAY, 0, 0},
    {"movedim", run_movedim, GOLDEN_ARRAY, 0, 0},
    {"swapaxes", run_swapaxes, GOLDEN_ARRAY, 0, 0},
    {"flatten", run_flatten, GOLDEN_ARRAY, 0, 0},
    {"flip", run_flip, GOLDEN_ARRAY, 0, 0},
    {"roll", run_roll, GOLDEN_ARRAY, 0, 0},
    {"tile", run_tile, GOLDEN_ARRAY, 0, 1},
    {"repeat", run_repeat, GOLDEN_ARRAY, 0, 1},
    {"meshgrid", run_meshgrid, GOLDEN_ARRAY, 0, 1},
    {"pad", run_pad, GOLDEN_ARRAY, 0, 1},
    {"tril", run_tril, GOLDEN_ARRAY, 0, 0},
    {"triu", run_triu, GOLDEN_ARRAY, 0, 0},
    {"diagonal", run_diagonal, GOLDEN_ARRAY, 0, 0},
    {"diag", run_diag, GOLDEN_ARRAY, 0, 0},
    {"trace", run_trace, GOLDEN_ARRAY, 1, 0},
    {"masked_select", run_masked_select, GOLDEN_ARRAY, 0, 1},
    {"masked_fill", run_masked_fill, GOLDEN_ARRAY, 0, 0},
    {"nonzero", run_nonzero, GOLDEN_ARRAY, 0, 0},
    {"one_hot", run_one_hot, GOLDEN_ARRAY, 0, 0},
    {0},
};
