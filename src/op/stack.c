/* stack.c: between the two worlds: scalars into an array (stack, place), elements as scalars (at).
 */
#include "op/define.h"

#include "tape/tape.h"

#include <string.h>

/* ---- stack: [n] from n scalars ------------------------------------------------------------- */

static wg_status stack_shape(wg_call *call) {
    int64_t shape[1] = {wg_call_count(call)};
    for (int i = 0; i < wg_call_count(call); i++) {
        if (wg_call_operand(call, i)->rank != 0) {
            return wg_call_fail(call, WG_ERROR_SHAPE,
                                "operand %d is an array of shape %s; it takes scalars (wg_at, "
                                "wg_concat)",
                                i, wg_call_shape(call, i));
        }
    }
    return wg_call_result(call, wg_call_operand(call, 0)->dtype, 1, shape);
}

/* += into element i of a float buffer. */
static void add(const wg_view *view, int64_t i, double value) {
    if (view->dtype == WG_F32) {
        ((float *)view->data)[i] += (float)value;
    } else {
        ((double *)view->data)[i] += value;
    }
}

static wg_status stack_forward(wg_call *call) {
    wg_view *out = wg_call_out(call);
    memset(out->data, 0, (size_t)wg_view_count(out) * wg_dtype_size(out->dtype));
    for (int i = 0; i < wg_call_count(call); i++) {
        add(out, i, wg_view_element(wg_call_operand(call, i), 0));
    }
    return WG_OK;
}

static void stack_chain(wg_call *call, wg_var g) {
    for (int i = 0; i < wg_call_count(call); i++) {
        if (wg_wants(call, i)) {
            wg_give(call, i, wg_at_at(g, i, NULL));
        }
    }
}

static bool stack_samples(int index, wg_sample *sample) {
    if (index > 1) {
        return false;
    }
    memset(sample, 0, sizeof *sample);
    sample->count = 1 + 2 * index;
    for (int i = 0; i < sample->count; i++) {
        sample->operand[i] = (wg_sample_operand){.dtype = WG_F64, .low = -2, .high = 2};
    }
    return true;
}

WG_DEFINE_OP(stack, stack_forward, stack_chain, 0, WG_OP_FLOATS)

static bool any_on_tape(int n, const wg_var *scalars) {
    for (int i = 0; i < n; i++) {
        if (scalars[i].tape != NULL) {
            return true;
        }
    }
    return false;
}

wg_var wg_stack_at(wg_tape *tape, int n, const wg_var *scalars, const char *site) {
    if (n < 0) {
        wg_tape_fail(tape, WG_ERROR_ARGUMENT, "stack", site, "%d scalars", n);
        return wg_poison(tape);
    }
    if (any_on_tape(n, scalars)) {
        return wg_apply(&wg_op_stack, n, scalars, NULL, 0, site);
    }
    wg_var numbers = wg_constant(tape, WG_F64, 1, &(int64_t){n}, NULL);
    wg_view view = wg_view_of(numbers);
    for (int i = 0; i < n && view.data != NULL; i++) {
        ((double *)view.data)[i] = scalars[i].as.number;
    }
    return numbers;
}

/* ---- place: zeros with scalars at flat positions ------------------------------------------- */

/* The state: the result's shape and dtype, then a position for each operand. */
typedef struct wg_place_state {
    wg_dtype dtype;
    int rank;
    int64_t shape[WG_MAX_RANK];
    int64_t position[];
} wg_place_state;

static wg_status place_shape(wg_call *call) {
    const wg_place_state *state = wg_call_state(call);
    return wg_call_result(call, state->dtype, state->rank, state->shape);
}

static wg_status place_forward(wg_call *call) {
    const wg_place_state *state = wg_call_state(call);
    wg_view *out = wg_call_out(call);
    memset(out->data, 0, (size_t)wg_view_count(out) * wg_dtype_size(out->dtype));
    for (int i = 0; i < wg_call_count(call); i++) {
        add(out, state->position[i], wg_view_element(wg_call_operand(call, i), 0));
    }
    return WG_OK;
}

static void place_chain(wg_call *call, wg_var g) {
    const wg_place_state *state = wg_call_state(call);
    for (int i = 0; i < wg_call_count(call); i++) {
        if (wg_wants(call, i)) {
            wg_give(call, i, wg_at_at(g, state->position[i], NULL));
        }
    }
}

static bool place_samples(int index, wg_sample *sample) {
    static const struct { /* as wg_place_state, with two positions */
        wg_dtype dtype;
        int rank;
        int64_t shape[WG_MAX_RANK];
        int64_t position[2];
    } state = {WG_F64, 2, {2, 3}, {4, 1}};
    if (index > 0) {
        return false;
    }
    memset(sample, 0, sizeof *sample);
    sample->count = 2;
    for (int i = 0; i < 2; i++) {
        sample->operand[i] = (wg_sample_operand){.dtype = WG_F64, .low = -2, .high = 2};
    }
    sample->state = &state;
    sample->state_bytes = sizeof state;
    return true;
}

WG_DEFINE_OP(place, place_forward, place_chain, 0, WG_OP_FLOATS)

wg_var wg_place(wg_tape *tape, const wg_view *like, int n, const wg_var *scalars,
                const int64_t *positions) {
    size_t bytes = sizeof(wg_place_state) + (size_t)n * sizeof(int64_t);
    wg_block *block = wg_pool_take(&tape->pool, bytes);
    if (block == NULL) {
        wg_tape_fail(tape, WG_ERROR_MEMORY, "place", NULL, "no memory for %d positions", n);
        return wg_poison(tape);
    }
    wg_place_state *state = wg_block_data(block);
    memset(state, 0, sizeof *state);
    state->dtype = like->dtype;
    state->rank = like->rank;
    memcpy(state->shape, like->shape, (size_t)like->rank * sizeof like->shape[0]);
    memcpy(state->position, positions, (size_t)n * sizeof positions[0]);
    wg_var result = wg_poison(tape);
    if (any_on_tape(n, scalars)) {
        result = wg_apply(&wg_op_place, n, scalars, state, bytes, NULL);
    } else { /* numbers alone (no recording): a plain array */
        result = wg_constant(tape, like->dtype, like->rank, like->shape, NULL);
        wg_view view = wg_view_of(result);
        for (int i = 0; i < n && view.data != NULL; i++) {
            add(&view, positions[i], scalars[i].as.number);
        }
    }
    wg_pool_drop(&tape->pool, block);
    return result;
}

/* ---- at: one element ------------------------------------------------------------------------ */

wg_var wg_at_at(wg_var x, int64_t index, const char *site) {
    wg_tape *tape = x.tape;
    if (!wg_var_is_array(x)) {
        if (index != 0 && tape != NULL) {
            wg_tape_fail(tape, WG_ERROR_ARGUMENT, "at", site, "element %lld of a scalar",
                         (long long)index);
            return wg_poison(tape);
        }
        return x;
    }
    if (tape->status != WG_OK || wg_var_refused(tape, x, 0, "at", site)) {
        return wg_poison(tape);
    }
    const wg_node *node = wg_node_of(x);
    int64_t count = wg_view_count(&node->view);
    if (index < 0 || index >= count) {
        char text[192];
        wg_tape_fail(tape, WG_ERROR_ARGUMENT, "at", site, "element %lld of an array of shape %s",
                     (long long)index,
                     wg_shape_text(node->view.rank, node->view.shape, text, sizeof text));
        return wg_poison(tape);
    }
    double value = wg_view_element(&node->view, index);
    if (!wg_tape_records(tape) || (node->flags & WG_NODE_WANTS) == 0) {
        return wg_number(value);
    }
    if (index > UINT32_MAX) {
        wg_tape_fail(tape, WG_ERROR_LIMIT, "at", site, "element %lld is beyond 32-bit indices",
                     (long long)index);
        return wg_poison(tape);
    }
    if (!wg_lane_room(tape, 1, "at", site)) {
        return wg_poison(tape);
    }
    return wg_lane_push(tape, WG_CODE_AT, x.as.slot.index, (uint32_t)index, value);
}

/* ---- undoing broadcasts ---------------------------------------------------------------------- */

wg_var wg_sum_to(wg_var x, int rank, const int64_t *shape) {
    wg_view view = wg_view_of(x);
    wg_axes axes = {.keep = true};
    int lead = view.rank - rank;
    for (int axis = 0; axis < view.rank; axis++) {
        if (axis < lead || (shape[axis - lead] == 1 && view.shape[axis] != 1)) {
            axes.axis[axes.count++] = axis;
        }
    }
    wg_var summed = axes.count != 0 ? wg_sum_at(x, axes, NULL) : x;
    return wg_reshape_at(summed, rank, shape, NULL);
}
