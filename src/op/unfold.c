/* unfold.c: overlapping windows along an axis as a view, and blocks of images as columns. */
#include "kernel/unfold.h"
#include "kernel/copy.h"
#include "op/axes.h"
#include "op/samples.h"
#include "op/windows.h"

#include <math.h>
#include <string.h>

/* ---- unfold_sum ---------------------------------------------------------------------------- */

/* The axis, its size, and the windows' size and step. */
typedef struct unfold_state {
    int axis;
    int64_t whole, size, step;
} unfold_state;

/* Operand: windows [..., count, ..., size]; result: [..., whole, ...], overlaps added up. */
static wg_status unfold_sum_shape(wg_call *call) {
    const unfold_state *state = wg_call_state(call);
    wg_view x = *wg_call_operand(call, 0);
    if (x.rank < 2 || (x.dtype != WG_F32 && x.dtype != WG_F64)) {
        return wg_call_fail(call, WG_ERROR_SHAPE, "%s are no windows of floats",
                            wg_call_shape(call, 0));
    }
    x.shape[state->axis] = state->whole;
    return wg_call_result(call, x.dtype, x.rank - 1, x.shape);
}

/* Window by window: within one, elements fall on different places. */
static wg_status unfold_sum_forward(wg_call *call) {
    const unfold_state *state = wg_call_state(call);
    wg_view x = *wg_call_operand(call, 0), to = *wg_call_out(call);
    const int64_t bytes = (int64_t)wg_dtype_size(to.dtype), count = x.shape[state->axis];
    const int64_t from_step = x.stride[state->axis] * bytes;
    const int64_t to_step = to.stride[state->axis] * state->step * bytes;
    if (wg_view_count(&to) > 0) {
        memset(to.data, 0, (size_t)(wg_view_count(&to) * bytes));
    }
    if (wg_view_count(&x) == 0) {
        return WG_OK;
    }
    /* The windows' elements take the place of the axis. */
    x.shape[state->axis] = x.shape[x.rank - 1];
    x.stride[state->axis] = x.stride[x.rank - 1];
    x.rank--;
    to.shape[state->axis] = state->size;
    for (int64_t i = 0; i < count; i++) {
        wg_kernel_add_into(&x, &to);
        x.data = (char *)x.data + from_step;
        to.data = (char *)to.data + to_step;
    }
    return WG_OK;
}

static void unfold_sum_chain(wg_call *call, wg_var h) {
    const unfold_state *state = wg_call_state(call);
    wg_give(call, 0, wg_unfold(h, state->axis, state->size, state->step));
}

WG_SAMPLES(unfold_sum, {WG_OPERANDS(WG_FLOATS(-1, 1, 3, 3)), WG_STATE(unfold_state, 0, 5, 3, 1)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 2, 2, 3)), WG_STATE(unfold_state, 1, 6, 3, 2)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 0, 2, 2)), WG_STATE(unfold_state, 1, 4, 2, 2)})
WG_DEFINE_OP(unfold_sum, unfold_sum_forward, unfold_sum_chain, 0, 0)

/* ---- unfold -------------------------------------------------------------------------------- */

static wg_status unfold_shape(wg_call *call) {
    const unfold_state *state = wg_call_state(call);
    wg_view x = *wg_call_operand(call, 0);
    const int axis = wg_call_axis(call, 0, state->axis);
    if (axis < 0) {
        return WG_ERROR_ARGUMENT;
    }
    if (x.rank == WG_MAX_RANK) {
        return wg_call_fail(call, WG_ERROR_LIMIT, "%s has no room for another axis",
                            wg_call_shape(call, 0));
    }
    if (state->size < 0 || state->step < 1 || state->size > x.shape[axis]) {
        return wg_call_fail(call, WG_ERROR_ARGUMENT,
                            "windows of %lld, %lld apart, of %lld elements", (long long)state->size,
                            (long long)state->step, (long long)x.shape[axis]);
    }
    x.shape[x.rank] = state->size;
    x.stride[x.rank] = x.stride[axis];
    x.shape[axis] = (x.shape[axis] - state->size) / state->step + 1;
    x.stride[axis] *= x.shape[axis] > 1 ? state->step : 1;
    return wg_call_view(call, 0, 0, x.rank + 1, x.shape, x.stride);
}

static void unfold_chain(wg_call *call, wg_var g) {
    unfold_state state = *(const unfold_state *)wg_call_state(call);
    const wg_view x = wg_operand_shape(call, 0);
    state.axis += state.axis < 0 ? x.rank : 0;
    state.whole = x.shape[state.axis];
    wg_give(call, 0, wg_apply(&wg_op_unfold_sum, 1, &g, &state, sizeof state, WG_HERE));
}

WG_SAMPLES(unfold, {WG_OPERANDS(WG_FLOATS(-1, 1, 6)), WG_STATE(unfold_state, 0, 0, 3, 1)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 6, 2)), WG_STATE(unfold_state, -2, 0, 2, 3)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 3, 2)), WG_STATE(unfold_state, 0, 0, 3, 2)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 0, 2)), WG_STATE(unfold_state, 1, 0, 2, 1)})
WG_DEFINE_OP(unfold, NULL, unfold_chain, 0, 0)

wg_var wg_unfold_at(wg_var x, int axis, int64_t size, int64_t step, const char *site) {
    unfold_state state;
    memset(&state, 0, sizeof state);
    state.axis = axis;
    state.size = size;
    state.step = step;
    return wg_apply(&wg_op_unfold, 1, &x, &state, sizeof state, site);
}

/* ---- unfold2d, fold2d: transposes of each other. Their state is wg_blocks without planes ----- */

/* The blocks of as many planes as the images on one side have. */
static wg_blocks blocks_of(const wg_call *call, const wg_view *images) {
    wg_blocks b = *(const wg_blocks *)wg_call_state(call);
    b.planes = wg_sizes_product(images->shape, 0, images->rank - 2);
    return b;
}

/* [..., C kernel0 kernel1, blocks]: columns become images. */
static wg_status fold2d_shape(wg_call *call) {
    const wg_blocks *b = wg_call_state(call);
    const wg_view *x = wg_call_operand(call, 0);
    const int64_t places = b->kernel[0] * b->kernel[1];
    int64_t shape[WG_MAX_RANK + 1] = {0};
    if (x->rank < 2 || x->shape[x->rank - 2] % places != 0 ||
        x->shape[x->rank - 1] != b->out[0] * b->out[1]) {
        return wg_call_fail(
            call, WG_ERROR_SHAPE, "%s is not [..., %lld times as many channels, %lld blocks]",
            wg_call_shape(call, 0), (long long)places, (long long)(b->out[0] * b->out[1]));
    }
    memcpy(shape, x->shape, (size_t)x->rank * sizeof shape[0]);
    shape[x->rank - 2] = x->shape[x->rank - 2] / places;
    shape[x->rank - 1] = b->in[0];
    shape[x->rank] = b->in[1];
    return wg_call_result(call, x->dtype, x->rank + 1, shape);
}

static wg_status fold2d_forward(wg_call *call) {
    const wg_view *x = wg_call_operand(call, 0), *out = wg_call_out(call);
    const wg_blocks b = blocks_of(call, out);
    wg_kernel_fold(&b, x->dtype, x->data, out->data);
    return WG_OK;
}

static void fold2d_chain(wg_call *call, wg_var h) {
    extern const wg_op wg_op_unfold2d;
    wg_give(call, 0,
            wg_apply(&wg_op_unfold2d, 1, &h, wg_call_state(call), sizeof(wg_blocks), WG_HERE));
}

#define BLOCKS_1                                                                                   \
    0, {3, 4}, {2, 3}, {2, 2}, {1, 1}, {0, 0}, {                                                   \
        1, 1                                                                                       \
    }
#define BLOCKS_2                                                                                   \
    0, {4, 5}, {3, 2}, {2, 2}, {2, 2}, {1, 0}, {                                                   \
        1, 2                                                                                       \
    }

WG_SAMPLES(fold2d, {WG_OPERANDS(WG_FLOATS(-1, 1, 8, 6)), WG_STATE(wg_blocks, BLOCKS_1)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 4, 6)), WG_STATE(wg_blocks, BLOCKS_2)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 0, 4, 6)), WG_STATE(wg_blocks, BLOCKS_1)})
WG_DEFINE_OP(fold2d, fold2d_forward, fold2d_chain, 0, WG_OP_FLOATS | WG_OP_CONTIGUOUS)

static wg_status unfold2d_shape(wg_call *call) {
    const wg_blocks *b = wg_call_state(call);
    const wg_view *x = wg_call_operand(call, 0);
    int64_t shape[WG_MAX_RANK];
    if (x->rank < 3 || x->shape[x->rank - 2] != b->in[0] || x->shape[x->rank - 1] != b->in[1]) {
        return wg_call_fail(call, WG_ERROR_SHAPE, "%s is not [..., channels, %lld, %lld]",
                            wg_call_shape(call, 0), (long long)b->in[0], (long long)b->in[1]);
    }
    memcpy(shape, x->shape, sizeof shape);
    shape[x->rank - 3] *= b->kernel[0] * b->kernel[1];
    shape[x->rank - 2] = b->out[0] * b->out[1];
    return wg_call_result(call, x->dtype, x->rank - 1, shape);
}

static wg_status unfold2d_forward(wg_call *call) {
    const wg_view *x = wg_call_operand(call, 0);
    const wg_blocks b = blocks_of(call, x);
    wg_kernel_unfold(&b, x->dtype, x->data, wg_call_out(call)->data);
    return WG_OK;
}

static void unfold2d_chain(wg_call *call, wg_var g) {
    wg_give(call, 0,
            wg_apply(&wg_op_fold2d, 1, &g, wg_call_state(call), sizeof(wg_blocks), WG_HERE));
}

WG_SAMPLES(unfold2d, {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3, 4)), WG_STATE(wg_blocks, BLOCKS_1)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 1, 4, 5)), WG_STATE(wg_blocks, BLOCKS_2)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 0, 1, 3, 4)), WG_STATE(wg_blocks, BLOCKS_1)})
WG_DEFINE_OP(unfold2d, unfold2d_forward, unfold2d_chain, 0, WG_OP_FLOATS | WG_OP_CONTIGUOUS)

/* ---- Verbs --------------------------------------------------------------------------------- */

static wg_var nothing(wg_var x) {
    return x.tape != NULL ? wg_poison(x.tape) : wg_number((double)NAN);
}

/* Blocks in images of the given size; false, and a failure, where there are none. */
static bool set_blocks(wg_blocks *b, wg_var x, const int64_t *in, const wg_unfold_options *o,
                       const char *name, const char *site) {
    memset(b, 0, sizeof *b);
    for (int i = 0; i < 2; i++) {
        b->in[i] = in[i];
        b->kernel[i] = o->kernel[i] == 0 ? o->kernel[0] : o->kernel[i];
        b->stride[i] = o->stride[i] == 0 ? (o->stride[0] == 0 ? 1 : o->stride[0]) : o->stride[i];
        b->dilation[i] =
            o->dilation[i] == 0 ? (o->dilation[0] == 0 ? 1 : o->dilation[0]) : o->dilation[i];
        b->padding[i] = o->padding[i];
        const bool legal = b->kernel[i] > 0 && b->stride[i] > 0 && b->dilation[i] > 0 &&
                           b->padding[i] >= 0 && b->kernel[i] <= INT32_MAX &&
                           b->dilation[i] <= INT32_MAX && b->padding[i] <= INT32_MAX;
        const int64_t room =
            legal ? in[i] + 2 * b->padding[i] - b->dilation[i] * (b->kernel[i] - 1) - 1 : -1;
        if (room < 0) {
            (void)wg_space_fail(x, WG_ERROR_ARGUMENT, name, site,
                                "axis %d of size %lld: kernel %lld, stride %lld, padding %lld, "
                                "dilation %lld",
                                i, (long long)in[i], (long long)b->kernel[i],
                                (long long)b->stride[i], (long long)b->padding[i],
                                (long long)b->dilation[i]);
            return false;
        }
        b->out[i] = room / b->stride[i] + 1;
    }
    return true;
}

wg_var wg_unfold2d_at(wg_var x, wg_unfold_options options, const char *site) {
    int64_t size[WG_WINDOW_AXES];
    wg_blocks state;
    if (!wg_space_of("unfold2d", x, 2, size, site) ||
        !set_blocks(&state, x, &size[1], &options, "unfold2d", site)) {
        return nothing(x);
    }
    return wg_apply(&wg_op_unfold2d, 1, &x, &state, sizeof state, site);
}

wg_var wg_fold2d_at(wg_var x, int64_t height, int64_t width, wg_unfold_options options,
                    const char *site) {
    const int64_t size[2] = {height, width};
    wg_blocks state;
    if ((x.tape != NULL && wg_tape_status(x.tape) != WG_OK) ||
        !set_blocks(&state, x, size, &options, "fold2d", site)) {
        return nothing(x);
    }
    return wg_apply(&wg_op_fold2d, 1, &x, &state, sizeof state, site);
}

/* [planes, a, b, c, d, e] with its axes in another order, seen as x's shape with the last three
 * sizes new. */
static wg_var reordered(wg_var x, const wg_view *view, const int64_t *parts, const int *order,
                        const int64_t *sizes, const char *site) {
    int64_t shape[WG_MAX_RANK];
    for (int i = 0; i < view->rank; i++) {
        shape[i] = i < view->rank - 3 ? view->shape[i] : sizes[i - (view->rank - 3)];
    }
    const wg_var split = wg_reshape_at(x, 6, parts, site);
    return wg_reshape_at(wg_permute_at(split, 6, order, site), view->rank, shape, site);
}

wg_var wg_pixel_shuffle_at(wg_var x, int64_t r, const char *site) {
    int64_t size[WG_WINDOW_AXES];
    if (!wg_space_of("pixel_shuffle", x, 3, size, site)) {
        return nothing(x);
    }
    const wg_view view = wg_view_of(x);
    if (r < 1 || r > INT32_MAX || size[0] % (r * r) != 0) {
        return wg_space_fail(x, WG_ERROR_SHAPE, "pixel_shuffle", site,
                             "%lld channels do not divide by %lld squared", (long long)size[0],
                             (long long)r);
    }
    const int64_t planes = wg_space_planes(&view, 3), c = size[0] / (r * r);
    const int64_t parts[6] = {planes, c, r, r, size[1], size[2]};
    const int64_t sizes[3] = {c, size[1] * r, size[2] * r};
    return reordered(x, &view, parts, (const int[]){0, 1, 4, 2, 5, 3}, sizes, site);
}

wg_var wg_pixel_unshuffle_at(wg_var x, int64_t r, const char *site) {
    int64_t size[WG_WINDOW_AXES];
    if (!wg_space_of("pixel_unshuffle", x, 3, size, site)) {
        return nothing(x);
    }
    const wg_view view = wg_view_of(x);
    if (r < 1 || r > INT32_MAX || size[1] % r != 0 || size[2] % r != 0) {
        return wg_space_fail(x, WG_ERROR_SHAPE, "pixel_unshuffle", site,
                             "%lld by %lld do not divide by %lld", (long long)size[1],
                             (long long)size[2], (long long)r);
    }
    const int64_t planes = wg_space_planes(&view, 3);
    const int64_t parts[6] = {planes, size[0], size[1] / r, r, size[2] / r, r};
    const int64_t sizes[3] = {size[0] * r * r, size[1] / r, size[2] / r};
    return reordered(x, &view, parts, (const int[]){0, 1, 3, 5, 2, 4}, sizes, site);
}
