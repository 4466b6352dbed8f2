#include "golden.h"

static wg_axes axes_of(const golden_case *c) {
    int64_t axis[WG_MAX_RANK];
    wg_axes axes = {.count = golden_integers(c, "axes", axis),
                    .keep = golden_integer(c, "keep", 0) != 0};
    for (int i = 0; i < axes.count; i++) {
        axes.axis[i] = (int)axis[i];
    }
    return axes;
}

#define FOLD(name)                                                                                 \
    static void run_##name(const golden_case *c, const wg_var *in, wg_var *out) {                  \
        out[0] = wg_##name##_at(in[0], axes_of(c), WG_HERE);                                       \
    }
FOLD(sum)
FOLD(mean)
FOLD(prod)
FOLD(amax)
FOLD(amin)
FOLD(logsumexp)

#define ALONG(name, ...)                                                                           \
    static void run_##name(const golden_case *c, const wg_var *in, wg_var *out) {                  \
        const int axis = golden_integer(c, "axis", 0);                                             \
        out[0] = wg_##name(in[0], __VA_ARGS__);                                                    \
    }
ALONG(argmax, axis)
ALONG(argmin, axis)
ALONG(any_over, WG_AXES(axis))
ALONG(all_over, WG_AXES(axis))
ALONG(count_nonzero_over, WG_AXES(axis))

ALONG(cumsum, axis)
ALONG(cumprod, axis)
ALONG(logcumsumexp, axis)
ALONG(quantile, golden_number(c, "q", 0.5), axis)

#define SELECT(name, ...)                                                                          \
    static void run_##name(const golden_case *c, const wg_var *in, wg_var *out) {                  \
        const int axis = golden_integer(c, "axis", 0);                                             \
        const wg_selection s = wg_##name(in[0], __VA_ARGS__);                                      \
        out[0] = s.values;                                                                         \
        out[1] = s.indices;                                                                        \
    }
SELECT(sort, axis, golden_integer(c, "down", 0) != 0)
SELECT(topk, golden_integer(c, "k", 1), axis, golden_integer(c, "down", 0) != 0)
SELECT(max_along, axis)
SELECT(min_along, axis)
SELECT(median, axis)
SELECT(cummax, axis)
SELECT(cummin, axis)

static void run_variance(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_variance_over(in[0], axes_of(c), golden_number(c, "correction", 1));
}

static void run_std(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_std_over(in[0], axes_of(c), golden_number(c, "correction", 1));
}

static void run_norm(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_norm_over(in[0], golden_number(c, "p", 2), axes_of(c));
}

const golden_call golden_calls_reduce[] = {
    {"sum", run_sum, GOLDEN_ARRAY, 1, 0},
    {"mean", run_mean, GOLDEN_ARRAY, 1, 1},
    {"prod", run_prod, GOLDEN_ELEMENT, 2, 4},
    {"amax", run_amax, GOLDEN_ELEMENT, 0, 1},
    {"amin", run_amin, GOLDEN_ELEMENT, 0, 1},
    {"argmax", run_argmax, GOLDEN_ELEMENT, 0, 0},
    {"argmin", run_argmin, GOLDEN_ELEMENT, 0, 0},
    {"any", run_any_over, GOLDEN_ELEMENT, 0, 0},
    {"all", run_all_over, GOLDEN_ELEMENT, 0, 0},
    {"count_nonzero", run_count_nonzero_over, GOLDEN_ELEMENT, 0, 0},
    {"logsumexp", run_logsumexp, GOLDEN_ARRAY, 2, 4},
    {"variance", run_variance, GOLDEN_ARRAY, 2, 2},
    {"std", run_std, GOLDEN_ARRAY, 2, 4},
    {"norm", run_norm, GOLDEN_ARRAY, 4, 8},
    {"cumsum", run_cumsum, GOLDEN_ARRAY, 1, 1},
    {"cumprod", run_cumprod, GOLDEN_ARRAY, 4, 8},
    {"logcumsumexp", run_logcumsumexp, GOLDEN_ARRAY, 4, 8},
    {"cummax", run_cummax, GOLDEN_ELEMENT, 0, 1},
    {"cummin", run_cummin, GOLDEN_ELEMENT, 0, 1},
    {"sort", run_sort, GOLDEN_ELEMENT, 0, 0},
    {"topk", run_topk, GOLDEN_ELEMENT, 0, 0},
    {"max_along", run_max_along, GOLDEN_ELEMENT, 0, 0},
    {"min_along", run_min_along, GOLDEN_ELEMENT, 0, 0},
    {"median", run_median, GOLDEN_ELEMENT, 0, 0},
    {"quantile", run_quantile, GOLDEN_ARRAY, 2, 2},
    {0},
};
