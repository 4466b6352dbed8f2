#include "golden.h"

static wg_pool_options pool_options(const golden_case *c) {
    wg_pool_options o = {.ceil_mode = golden_integer(c, "ceil", 0) == 1,
                         .exclude_padding = golden_integer(c, "exclude", 0) == 1,
                         .divisor = golden_integer(c, "divisor", 0)};
    golden_integers(c, "kernel", o.kernel);
    golden_integers(c, "stride", o.stride);
    golden_integers(c, "padding", o.padding);
    golden_integers(c, "dilation", o.dilation);
    return o;
}

static void run_max_pool(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_max_pool_at(in[0], golden_integer(c, "n", 0), pool_options(c), WG_HERE);
}

static void run_avg_pool(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_avg_pool_at(in[0], golden_integer(c, "n", 0), pool_options(c), WG_HERE);
}

static void run_lp_pool(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_lp_pool2d(in[0], golden_number(c, "p", 0), pool_options(c));
}

static void run_adaptive_max_pool(const golden_case *c, const wg_var *in, wg_var *out) {
    int64_t sizes[GOLDEN_MOST_NUMBERS];
    out[0] = wg_adaptive_max_pool(in[0], golden_integers(c, "sizes", sizes), sizes);
}

static void run_adaptive_avg_pool(const golden_case *c, const wg_var *in, wg_var *out) {
    int64_t sizes[GOLDEN_MOST_NUMBERS];
    out[0] = wg_adaptive_avg_pool(in[0], golden_integers(c, "sizes", sizes), sizes);
}

static void run_interpolate(const golden_case *c, const wg_var *in, wg_var *out) {
    wg_interpolate_options o = {.mode = (wg_interpolation)golden_integer(c, "mode", 0),
                                .align_corners = golden_integer(c, "align", 0) == 1};
    golden_integers(c, "size", o.size);
    for (int i = 0; i < c->attributes; i++) {
        for (int k = 0; strcmp(c->attribute[i].key, "scale") == 0 && k < c->attribute[i].count;
             k++) {
            o.scale[k] = c->attribute[i].number[k];
        }
    }
    out[0] = wg_interpolate_at(in[0], golden_integer(c, "n", 0), o, WG_HERE);
}

static void run_unfold(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_unfold(in[0], golden_integer(c, "axis", 0), golden_integer(c, "size", 0),
                       golden_integer(c, "step", 0));
}

static wg_unfold_options unfold_options(const golden_case *c) {
    wg_unfold_options o = {.kernel = {0}};
    golden_integers(c, "kernel", o.kernel);
    golden_integers(c, "stride", o.stride);
    golden_integers(c, "padding", o.padding);
    golden_integers(c, "dilation", o.dilation);
    return o;
}

static void run_unfold2d(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_unfold2d(in[0], unfold_options(c));
}

static void run_fold2d(const golden_case *c, const wg_var *in, wg_var *out) {
    int64_t size[GOLDEN_MOST_NUMBERS];
    golden_integers(c, "size", size);
    out[0] = wg_fold2d(in[0], size[0], size[1], unfold_options(c));
}

static void run_pixel_shuffle(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_pixel_shuffle(in[0], golden_integer(c, "r", 0));
}

static void run_pixel_unshuffle(const golden_case *c, const wg_var *in, wg_var *out) {
    out[0] = wg_pixel_unshuffle(in[0], golden_integer(c, "r", 0));
}

const golden_call golden_calls_pool[] = {
    {"max_pool", run_max_pool, GOLDEN_ARRAY, 0, 2},
    {"avg_pool", run_avg_pool, GOLDEN_ARRAY, 4, 4},
    {"lp_pool", run_lp_pool, GOLDEN_ARRAY, 8, 8},
    {"adaptive_max_pool", run_adaptive_max_pool, GOLDEN_ARRAY, 0, 2},
    {"adaptive_avg_pool", run_adaptive_avg_pool, GOLDEN_ARRAY, 4, 4},
    /* cubic weights lose digits where their terms cancel */
    {"interpolate", run_interpolate, GOLDEN_ARRAY, 16, 16},
    {"unfold", run_unfold, GOLDEN_ARRAY, 0, 2},
    {"unfold2d", run_unfold2d, GOLDEN_ARRAY, 0, 4},
    {"fold2d", run_fold2d, GOLDEN_ARRAY, 4, 0},
    {"pixel_shuffle", run_pixel_shuffle, GOLDEN_ARRAY, 0, 0},
    {"pixel_unshuffle", run_pixel_unshuffle, GOLDEN_ARRAY, 0, 0},
    {0},
};
