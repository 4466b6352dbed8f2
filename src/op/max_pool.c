/* max_pool.c: the greatest of windows. Forward keeps where it stands; the gradient goes there, and
 * its own derivative is taken from there. */
#include "op/axes.h"
#include "op/samples.h"
#include "op/windows.h"

#include <math.h>
#include <string.h>

typedef struct max_pool_state {
    int axes;     /* n */
    bool trusted; /* places come from a forward */
    wg_window_axis axis[WG_WINDOW_AXES];
} max_pool_state;

/* The sizes of one side, right-aligned. */
static void sizes_of(const max_pool_state *state, bool in, int64_t *sizes) {
    for (int i = 0; i < WG_WINDOW_AXES; i++) {
        sizes[i] = in ? state->axis[i].in : state->axis[i].out;
    }
}

/* Operand 0 becomes an array of the other side. */
static wg_status other_side(wg_call *call, bool to_in) {
    const max_pool_state *state = wg_call_state(call);
    const wg_view *x = wg_call_operand(call, 0);
    int64_t have[WG_WINDOW_AXES], sizes[WG_WINDOW_AXES], shape[WG_MAX_RANK];
    bool fits = x->rank >= state->axes;
    sizes_of(state, !to_in, have);
    sizes_of(state, to_in, sizes);
    for (int i = 0; i < state->axes && fits; i++) {
        fits = x->shape[x->rank - 1 - i] == have[WG_WINDOW_AXES - 1 - i];
    }
    if (!fits || (x->dtype != WG_F32 && x->dtype != WG_F64)) {
        return wg_call_fail(call, WG_ERROR_SHAPE, "%s does not belong to its windows",
                            wg_call_shape(call, 0));
    }
    const int rank = wg_space_shape(x, state->axes, sizes, shape);
    return wg_call_result(call, x->dtype, rank, shape);
}

static wg_windows pool_of(const wg_call *call) {
    const max_pool_state *state = wg_call_state(call);
    const wg_view x = wg_operand_shape(call, 0);
    wg_windows pool = {.planes = wg_space_planes(&x, state->axes)};
    memcpy(pool.axis, state->axis, sizeof pool.axis);
    return pool;
}

/* Operand 1: places, of the windows' shape. */
static wg_status check_places(wg_call *call, const wg_view *windows) {
    const wg_view *places = wg_call_operand(call, 1);
    if ((places->dtype != WG_U8 && places->dtype != WG_I64) ||
        !wg_shape_equal(places->rank, places->shape, windows->rank, windows->shape)) {
        return wg_call_fail(call, WG_ERROR_SHAPE, "places are %s %s, windows %s",
                            wg_dtype_name(places->dtype), wg_call_shape(call, 1),
                            wg_call_shape(call, 0));
    }
    return WG_OK;
}

static wg_status check_within(wg_call *call, const wg_windows *pool) {
    const max_pool_state *state = wg_call_state(call);
    const wg_view *places = wg_call_operand(call, 1);
    const bool many = places->dtype == WG_U8 && wg_window_places(pool) > 256;
    if (!state->trusted &&
        (many || wg_kernel_place_outside(pool, places->dtype, places->data) >= 0)) {
        return wg_call_fail(call, WG_ERROR_ARGUMENT, "a place lies outside of its window");
    }
    return WG_OK;
}

/* ---- max_unpool, pool_pick: transposes of each other ---------------------------------------- */

static wg_status max_unpool_shape(wg_call *call) {
    const wg_status status = other_side(call, true);
    return status == WG_OK ? check_places(call, wg_call_operand(call, 0)) : status;
}

static wg_status max_unpool_forward(wg_call *call) {
    const wg_windows pool = pool_of(call);
    const wg_view *g = wg_call_operand(call, 0), *places = wg_call_operand(call, 1);
    const wg_status status = check_within(call, &pool);
    if (status == WG_OK) {
        wg_kernel_max_unpool(&pool, g->dtype, g->data, places->dtype, places->data,
                             wg_call_out(call)->data);
    }
    return status;
}

static wg_var with_places(wg_call *call, const wg_op *op, wg_var x, wg_var places) {
    const wg_var operands[2] = {x, places};
    return wg_apply(op, 2, operands, wg_call_state(call), sizeof(max_pool_state), WG_HERE);
}

static void max_unpool_chain(wg_call *call, wg_var h) {
    extern const wg_op wg_op_pool_pick;
    wg_give(call, 0, with_places(call, &wg_op_pool_pick, h, wg_operand(call, 1)));
}

#define TWO_BY_TWO                                                                                 \
    {                                                                                              \
        {1, 1, 1, 1, 0, 1, false}, {4, 2, 2, 2, 0, 1, false}, {                                    \
            5, 2, 2, 2, 0, 1, false                                                                \
        }                                                                                          \
    }
#define THREE_BY_TWO                                                                               \
    {                                                                                              \
        {1, 1, 1, 1, 0, 1, false}, {5, 2, 3, 2, 0, 1, false}, {                                    \
            4, 3, 2, 1, 0, 1, false                                                                \
        }                                                                                          \
    }

WG_SAMPLES(max_unpool,
           {WG_OPERANDS(WG_FLOATS(-1, 1, 3, 2, 2), WG_WHOLES(WG_U8, 4, 3, 2, 2)),
            WG_STATE(max_pool_state, 2, false, TWO_BY_TWO)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3), WG_WHOLES(WG_I64, 6, 2, 3)),
            WG_STATE(max_pool_state, 2, false, THREE_BY_TWO)})
WG_DEFINE_OP(max_unpool, max_unpool_forward, max_unpool_chain, WG_READS_OPERAND(1),
             WG_OP_CONTIGUOUS)

static wg_status pool_pick_shape(wg_call *call) {
    wg_status status = other_side(call, false);
    return status == WG_OK ? check_places(call, wg_call_out(call)) : status;
}

static wg_status pool_pick_forward(wg_call *call) {
    const wg_windows pool = pool_of(call);
    const wg_view *x = wg_call_operand(call, 0), *places = wg_call_operand(call, 1);
    const wg_status status = check_within(call, &pool);
    if (status == WG_OK) {
        wg_kernel_pool_pick(&pool, x->dtype, x->data, places->dtype, places->data,
                            wg_call_out(call)->data);
    }
    return status;
}

static void pool_pick_chain(wg_call *call, wg_var g) {
    wg_give(call, 0, with_places(call, &wg_op_max_unpool, g, wg_operand(call, 1)));
}

WG_SAMPLES(pool_pick,
           {WG_OPERANDS(WG_FLOATS(-1, 1, 3, 4, 5), WG_WHOLES(WG_U8, 4, 3, 2, 2)),
            WG_STATE(max_pool_state, 2, false, TWO_BY_TWO)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 5, 4), WG_WHOLES(WG_I64, 6, 2, 3)),
            WG_STATE(max_pool_state, 2, false, THREE_BY_TWO)})
WG_DEFINE_OP(pool_pick, pool_pick_forward, pool_pick_chain, WG_READS_OPERAND(1), WG_OP_CONTIGUOUS)

/* ---- max_pool ------------------------------------------------------------------------------ */

static wg_status max_pool_shape(wg_call *call) {
    return other_side(call, false);
}

static wg_status max_pool_forward(wg_call *call) {
    const wg_windows pool = pool_of(call);
    const wg_view *x = wg_call_operand(call, 0), *out = wg_call_out(call);
    const wg_dtype dtype = wg_window_places(&pool) <= 256 ? WG_U8 : WG_I64;
    void *places = NULL;
    if (wg_call_will_sweep(call)) {
        places = wg_call_save(call, dtype, out->rank, out->shape);
        if (places == NULL) {
            return WG_ERROR_MEMORY;
        }
    }
    wg_kernel_max_pool(&pool, x->dtype, x->data, out->data, dtype, places);
    return WG_OK;
}

static void max_pool_chain(wg_call *call, wg_var g) {
    max_pool_state state = *(const max_pool_state *)wg_call_state(call);
    const wg_var places = wg_saved(call);
    const wg_view gv = wg_view_of(g), pv = wg_view_of(places);
    bool accumulate = true;
    state.trusted = true;
    if (!wg_call_records(call) && wg_is_array(g) && wg_view_is_contiguous(&gv)) {
        void *place = wg_give_place(call, 0, gv.dtype, &accumulate);
        if (place != NULL && !accumulate) {
            const wg_windows pool = pool_of(call);
            wg_kernel_max_unpool(&pool, gv.dtype, gv.data, pv.dtype, pv.data, place);
            return;
        }
    }
    const wg_var operands[2] = {g, places};
    wg_give(call, 0, wg_apply(&wg_op_max_unpool, 2, operands, &state, sizeof state, WG_HERE));
}

WG_SAMPLES(
    max_pool,
    {WG_OPERANDS(WG_FLOATS(-1, 1, 3, 4, 5)), WG_STATE(max_pool_state, 2, false, TWO_BY_TWO)},
    {WG_OPERANDS(WG_FLOATS(-1, 1, 5, 4)), WG_STATE(max_pool_state, 2, false, THREE_BY_TWO)},
    {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 7)),
     WG_STATE(max_pool_state, 1, false,
              {{1, 1, 1, 1, 0, 1, false}, {1, 1, 1, 1, 0, 1, false}, {7, 4, 3, 2, 1, 2, false}})},
    {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3, 4)),
     WG_STATE(max_pool_state, 3, false,
              {{2, 2, 2, 1, 1, 2, false}, {3, 2, 2, 2, 1, 1, false}, {4, 2, 3, 2, 1, 1, false}})},
    {WG_OPERANDS(WG_FLOATS(-1, 1, 5, 7)),
     WG_STATE(max_pool_state, 2, false,
              {{1, 1, 1, 1, 0, 1, false}, {5, 3, 3, 1, 0, 1, true}, {7, 2, 4, 1, 0, 1, true}})},
    {WG_OPERANDS(WG_FLOATS(-1, 1, 0, 4, 5)), WG_STATE(max_pool_state, 2, false, TWO_BY_TWO)})
WG_DEFINE_OP(max_pool, max_pool_forward, max_pool_chain, 0, WG_OP_FLOATS | WG_OP_CONTIGUOUS)

static wg_var max_pool(wg_var x, int n, const wg_window_axis *axes, const char *name,
                       const char *site) {
    max_pool_state state;
    memset(&state, 0, sizeof state);
    state.axes = n;
    for (int i = 0; i < WG_WINDOW_AXES; i++) {
        state.axis[i].in = axes[i].in;
        state.axis[i].out = axes[i].out;
        state.axis[i].kernel = axes[i].kernel;
        state.axis[i].stride = axes[i].stride;
        state.axis[i].padding = axes[i].padding;
        state.axis[i].dilation = axes[i].dilation;
        state.axis[i].adaptive = axes[i].adaptive;
    }
    const int64_t kernel[3] = {axes[0].kernel, axes[1].kernel, axes[2].kernel};
    const int64_t places = wg_shape_count(3, kernel, 1);
    if (places < 0 || places > INT32_MAX) {
        return wg_space_fail(x, WG_ERROR_LIMIT, name, site, "more than 2^31 elements in a window");
    }
    return wg_apply(&wg_op_max_pool, 1, &x, &state, sizeof state, site);
}

wg_var wg_max_pool_at(wg_var x, int n, wg_pool_options options, const char *site) {
    wg_window_axis axes[WG_WINDOW_AXES];
    if (!wg_window_axes_of("max_pool", x, n, &options, axes, site)) {
        return x.tape != NULL ? wg_poison(x.tape) : wg_number((double)NAN);
    }
    return max_pool(x, n, axes, "max_pool", site);
}

wg_var wg_adaptive_max_pool_at(wg_var x, int n, const int64_t *sizes, const char *site) {
    int64_t in[WG_WINDOW_AXES];
    wg_window_axis axes[WG_WINDOW_AXES];
    if (!wg_space_of("adaptive_max_pool", x, n, in, site)) {
        return x.tape != NULL ? wg_poison(x.tape) : wg_number((double)NAN);
    }
    for (int i = 0; i < WG_WINDOW_AXES; i++) {
        const int own = i - (WG_WINDOW_AXES - n);
        const int64_t out = own < 0 || sizes[own] == 0 ? in[i] : sizes[own];
        wg_window_axis axis = {in[i], out, 1, 1, 0, 1, own >= 0 && out != in[i]};
        if (out < 1 || in[i] < 1) {
            return wg_space_fail(x, WG_ERROR_ARGUMENT, "adaptive_max_pool", site,
                                 "axis %d: %lld results of %lld elements", own, (long long)out,
                                 (long long)in[i]);
        }
        for (int64_t o = 0; axis.adaptive && o < out; o++) {
            const int64_t length = wg_window_length(&axis, o);
            axis.kernel = length > axis.kernel ? length : axis.kernel;
        }
        axes[i] = axis;
    }
    return max_pool(x, n, axes, "adaptive_max_pool", site);
}

wg_var wg_global_max_pool_at(wg_var x, int n, const char *site) {
    const int64_t sizes[WG_WINDOW_AXES] = {1, 1, 1};
    return wg_adaptive_max_pool_at(x, n, sizes, site);
}
