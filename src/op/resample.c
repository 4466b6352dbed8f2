/* resample.c: what is linear in windows of the last axes, axis by axis: average pooling and
 * interpolation are one operation with other weights, and its transpose is their gradient. */
#include "op/axes.h"
#include "op/samples.h"
#include "op/windows.h"

#include <math.h>
#include <string.h>

typedef struct resample_state {
    int axes; /* n */
    wg_resample_axis axis[WG_WINDOW_AXES];
} resample_state;

static wg_status other_side(wg_call *call, bool to_in) {
    const resample_state *state = wg_call_state(call);
    const wg_view *x = wg_call_operand(call, 0);
    int64_t sizes[WG_WINDOW_AXES], shape[WG_MAX_RANK];
    bool fits = x->rank >= state->axes;
    for (int i = 0; i < WG_WINDOW_AXES; i++) {
        const wg_resample_axis *a = &state->axis[i];
        const int own = x->rank - WG_WINDOW_AXES + i;
        sizes[i] = to_in ? a->in : a->out;
        fits =
            fits && (i < WG_WINDOW_AXES - state->axes || x->shape[own] == (to_in ? a->out : a->in));
    }
    if (!fits) {
        return wg_call_fail(call, WG_ERROR_SHAPE, "%s does not belong to its windows",
                            wg_call_shape(call, 0));
    }
    const int rank = wg_space_shape(x, state->axes, sizes, shape);
    return wg_call_result(call, x->dtype, rank, shape);
}

static wg_resample case_of(const wg_call *call) {
    const resample_state *state = wg_call_state(call);
    const wg_view x = wg_operand_shape(call, 0);
    wg_resample r = {.planes = wg_space_planes(&x, state->axes)};
    memcpy(r.axis, state->axis, sizeof r.axis);
    return r;
}

static wg_status run(wg_call *call, void (*kernel)(const wg_resample *r, wg_dtype dtype,
                                                   const void *x, void *to, void *scratch)) {
    const wg_resample r = case_of(call);
    const wg_view *x = wg_call_operand(call, 0), *out = wg_call_out(call);
    if (wg_view_count(out) == 0) {
        return WG_OK;
    }
    void *scratch = wg_call_scratch(call, wg_kernel_resample_bytes(&r, x->dtype));
    if (scratch == NULL) {
        return WG_ERROR_MEMORY;
    }
    kernel(&r, x->dtype, x->data, out->data, scratch);
    return WG_OK;
}

static wg_var again(wg_call *call, const wg_op *op, wg_var x) {
    return wg_apply(op, 1, &x, wg_call_state(call), sizeof(resample_state), WG_HERE);
}

#define AXIS_NONE                                                                                  \
    { .kind = WG_RESAMPLE_NONE, .in = 1, .out = 1, .factor = 1 }
#define RESAMPLE_SAMPLES(label, shape_1, shape_2, shape_3, shape_4, shape_5)                       \
    WG_SAMPLES(label,                                                                              \
               {WG_OPERANDS(shape_1), WG_STATE(resample_state, 2,                                  \
                                               {AXIS_NONE,                                         \
                                                {WG_RESAMPLE_POOL, 5, 3, 3, 2, 1, .factor = 1},    \
                                                {WG_RESAMPLE_POOL, 7, 3, 2, 2, 0, .factor = 1}})}, \
               {WG_OPERANDS(shape_2),                                                              \
                WG_STATE(resample_state, 1,                                                        \
                         {AXIS_NONE, AXIS_NONE, {WG_RESAMPLE_AREA, 7, 3, .factor = 1}})},          \
               {WG_OPERANDS(shape_3),                                                              \
                WG_STATE(resample_state, 2,                                                        \
                         {AXIS_NONE,                                                               \
                          {WG_RESAMPLE_LINEAR, 3, 5, .factor = 1},                                 \
                          {WG_RESAMPLE_LINEAR, 4, 7, .align_corners = true, .factor = 1}})},       \
               {WG_OPERANDS(shape_4),                                                              \
                WG_STATE(resample_state, 3,                                                        \
                         {{WG_RESAMPLE_NEAREST, 2, 3, .factor = 1},                                \
                          {WG_RESAMPLE_CUBIC, 3, 5, .factor = 1},                                  \
                          {WG_RESAMPLE_POOL, 4, 3, 3, 1, 1, true, .factor = 0.5}})},               \
               {WG_OPERANDS(shape_5),                                                              \
                WG_STATE(resample_state, 1,                                                        \
                         {AXIS_NONE, AXIS_NONE, {WG_RESAMPLE_LINEAR, 4, 7, .factor = 1}})})

/* ---- resample_transpose -------------------------------------------------------------------- */

static wg_status resample_transpose_shape(wg_call *call) {
    return other_side(call, true);
}

static wg_status resample_transpose_forward(wg_call *call) {
    return run(call, wg_kernel_resample_transpose);
}

static void resample_transpose_chain(wg_call *call, wg_var h) {
    extern const wg_op wg_op_resample;
    wg_give(call, 0, again(call, &wg_op_resample, h));
}

RESAMPLE_SAMPLES(resample_transpose, WG_FLOATS(-1, 1, 2, 3, 3), WG_FLOATS(-1, 1, 2, 3),
                 WG_FLOATS(-1, 1, 5, 7), WG_FLOATS(-1, 1, 2, 3, 5, 3), WG_FLOATS(-1, 1, 0, 7))
WG_DEFINE_OP(resample_transpose, resample_transpose_forward, resample_transpose_chain, 0,
             WG_OP_FLOATS | WG_OP_CONTIGUOUS)

/* ---- resample ------------------------------------------------------------------------------ */

static wg_status resample_shape(wg_call *call) {
    return other_side(call, false);
}

static wg_status resample_forward(wg_call *call) {
    return run(call, wg_kernel_resample);
}

static void resample_chain(wg_call *call, wg_var g) {
    wg_give(call, 0, again(call, &wg_op_resample_transpose, g));
}

RESAMPLE_SAMPLES(resample, WG_FLOATS(-1, 1, 2, 5, 7), WG_FLOATS(-1, 1, 2, 7),
                 WG_FLOATS(-1, 1, 3, 4), WG_FLOATS(-1, 1, 2, 2, 3, 4), WG_FLOATS(-1, 1, 0, 4))
WG_DEFINE_OP(resample, resample_forward, resample_chain, 0, WG_OP_FLOATS | WG_OP_CONTIGUOUS)

/* ---- Verbs --------------------------------------------------------------------------------- */

static wg_var nothing(wg_var x) {
    return x.tape != NULL ? wg_poison(x.tape) : wg_number((double)NAN);
}

static void start(resample_state *state, int n) {
    memset(state, 0, sizeof *state);
    state->axes = n;
    for (int i = 0; i < WG_WINDOW_AXES; i++) {
        state->axis[i].in = state->axis[i].out = 1;
        state->axis[i].factor = 1;
    }
}

static wg_var average(wg_var x, int n, const wg_pool_options *options, bool sums, const char *name,
                      const char *site) {
    wg_window_axis axes[WG_WINDOW_AXES];
    resample_state state;
    if (!wg_window_axes_of(name, x, n, options, axes, site)) {
        return nothing(x);
    }
    start(&state, n);
    for (int i = WG_WINDOW_AXES - n; i < WG_WINDOW_AXES; i++) {
        wg_resample_axis *a = &state.axis[i];
        if (axes[i].dilation != 1) {
            return wg_space_fail(x, WG_ERROR_ARGUMENT, name, site, "dilation is for max_pool");
        }
        a->kind = WG_RESAMPLE_POOL;
        a->in = axes[i].in;
        a->out = axes[i].out;
        a->kernel = axes[i].kernel;
        a->stride = axes[i].stride;
        a->padding = axes[i].padding;
        a->exclude_padding = options->exclude_padding;
        a->sums = sums || options->divisor != 0;
    }
    if (options->divisor != 0) {
        state.axis[WG_WINDOW_AXES - 1].factor = 1 / (double)options->divisor;
    }
    return wg_apply(&wg_op_resample, 1, &x, &state, sizeof state, site);
}

wg_var wg_avg_pool_at(wg_var x, int n, wg_pool_options options, const char *site) {
    return average(x, n, &options, false, "avg_pool", site);
}

wg_var wg_lp_pool_at(wg_var x, int n, double p, wg_pool_options options, const char *site) {
    if (!(p > 0)) {
        return wg_space_fail(x, WG_ERROR_ARGUMENT, "lp_pool", site, "p is %g, not above 0", p);
    }
    if (options.padding[0] != 0 || options.padding[1] != 0 || options.padding[2] != 0 ||
        options.divisor != 0) {
        return wg_space_fail(x, WG_ERROR_ARGUMENT, "lp_pool", site,
                             "it has neither padding nor divisor");
    }
    const wg_var powers = p == 1 ? x : wg_pow_at(x, wg_number(p), site);
    const wg_var sums = wg_relu_at(average(powers, n, &options, true, "lp_pool", site), site);
    return p == 1 ? sums : wg_pow_at(sums, wg_number(1 / p), site);
}

/* One axis after the other of the given sizes; false, and a failure, where one has none. */
static bool set_sizes(resample_state *state, wg_var x, const int64_t *in, const int64_t *sizes,
                      wg_resampling kind, const char *name, const char *site) {
    for (int i = WG_WINDOW_AXES - state->axes; i < WG_WINDOW_AXES; i++) {
        const int own = i - (WG_WINDOW_AXES - state->axes);
        wg_resample_axis *a = &state->axis[i];
        a->in = in[i];
        a->out = sizes[own] == 0 ? in[i] : sizes[own];
        a->kind = kind;
        if (a->in < 1 || a->out < 1) {
            (void)wg_space_fail(x, WG_ERROR_ARGUMENT, name, site,
                                "axis %d: %lld results of %lld elements", own, (long long)a->out,
                                (long long)a->in);
            return false;
        }
        if (a->in == a->out && a->step == 0) {
            a->kind = WG_RESAMPLE_NONE;
        }
    }
    return true;
}

wg_var wg_adaptive_avg_pool_at(wg_var x, int n, const int64_t *sizes, const char *site) {
    int64_t in[WG_WINDOW_AXES];
    resample_state state;
    if (!wg_space_of("adaptive_avg_pool", x, n, in, site)) {
        return nothing(x);
    }
    start(&state, n);
    if (!set_sizes(&state, x, in, sizes, WG_RESAMPLE_AREA, "adaptive_avg_pool", site)) {
        return nothing(x);
    }
    return wg_apply(&wg_op_resample, 1, &x, &state, sizeof state, site);
}

wg_var wg_global_avg_pool_at(wg_var x, int n, const char *site) {
    int64_t in[WG_WINDOW_AXES];
    wg_axes axes = {.count = n, .keep = true};
    if (!wg_space_of("global_avg_pool", x, n, in, site)) {
        return nothing(x);
    }
    for (int i = 0; i < n; i++) {
        axes.axis[i] = -1 - i;
    }
    return wg_mean_at(x, axes, site);
}

wg_var wg_interpolate_at(wg_var x, int n, wg_interpolate_options options, const char *site) {
    static const wg_resampling kinds[] = {WG_RESAMPLE_NEAREST, WG_RESAMPLE_LINEAR,
                                          WG_RESAMPLE_CUBIC, WG_RESAMPLE_AREA};
    int64_t in[WG_WINDOW_AXES], sizes[WG_WINDOW_AXES] = {0};
    resample_state state;
    if (!wg_space_of("interpolate", x, n, in, site)) {
        return nothing(x);
    }
    if ((size_t)options.mode >= WG_COUNT_OF(kinds)) {
        return wg_space_fail(x, WG_ERROR_ARGUMENT, "interpolate", site, "there is no mode %d",
                             (int)options.mode);
    }
    start(&state, n);
    for (int i = 0; i < n; i++) {
        wg_resample_axis *a = &state.axis[WG_WINDOW_AXES - n + i];
        const double scale = options.scale[i], size = (double)in[WG_WINDOW_AXES - n + i] * scale;
        if ((scale != 0) == (options.size[i] != 0) || !(scale >= 0) || options.size[i] < 0 ||
            !(size < 0x1p31)) {
            return wg_space_fail(x, WG_ERROR_ARGUMENT, "interpolate", site,
                                 "axis %d needs either a size or a scale, not %lld and %g", i,
                                 (long long)options.size[i], scale);
        }
        sizes[i] = scale != 0 ? (int64_t)floor(size) : options.size[i];
        a->step = scale != 0 && options.mode != WG_INTERPOLATE_AREA ? 1 / scale : 0;
        a->align_corners = options.align_corners && (options.mode == WG_INTERPOLATE_LINEAR ||
                                                     options.mode == WG_INTERPOLATE_CUBIC);
        if (scale != 0 && sizes[i] < 1) {
            return wg_space_fail(x, WG_ERROR_ARGUMENT, "interpolate", site,
                                 "axis %d: nothing is left of %lld elements", i,
                                 (long long)in[WG_WINDOW_AXES - n + i]);
        }
    }
    if (!set_sizes(&state, x, in, sizes, kinds[options.mode], "interpolate", site)) {
        return nothing(x);
    }
    return wg_apply(&wg_op_resample, 1, &x, &state, sizeof state, site);
}
