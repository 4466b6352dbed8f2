/* gradient.c: variables that are what they were, and do something to the gradient on its way. */
#include "op/define.h"
#include "op/samples.h"

#include "tape/tape.h"
#include "wengert/transform.h"

#include <string.h>

wg_var wg_stop_gradient_at(wg_var x, const char *site) {
    wg_tape *tape = x.tape;
    if (tape == NULL) {
        return x;
    }
    if (tape->status != WG_OK || wg_var_refused(tape, x, 0, "stop_gradient", site)) {
        return wg_poison(tape);
    }
    const wg_node *node = wg_node_of(x);
    if (node != NULL) {
        return wg_node_wrap(tape, &node->view, node->block);
    }
    tape->values_read++;
    return wg_number(tape->lane.value[x.as.slot.index]);
}

/* ---- Views of the whole ---------------------------------------------------------------------- */

static wg_status same_shape(wg_call *call) {
    const wg_view *x = wg_call_operand(call, 0);
    return wg_call_view(call, 0, 0, x->rank, x->shape, x->stride);
}

/* x through `op`, a scalar as a scalar again. */
static wg_var pass(const wg_op *op, wg_var x, const void *state, size_t bytes, const char *site) {
    if (x.tape == NULL) {
        return x;
    }
    const wg_var result = wg_apply(op, 1, &x, state, bytes, site);
    return wg_var_is_array(x) ? result : wg_at_at(result, 0, site);
}

typedef struct bounds {
    double low, high; /* or one number, in both */
} bounds;

#define scale_gradient_shape same_shape
#define clip_gradient_shape same_shape
#define clip_gradient_norm_shape same_shape

static void scale_gradient_chain(wg_call *call, wg_var g) {
    const bounds *state = wg_call_state(call);
    wg_give(call, 0, state->low == 1 ? g : wg_mul(g, state->low));
}

static void clip_gradient_chain(wg_call *call, wg_var g) {
    const bounds *state = wg_call_state(call);
    wg_give(call, 0, wg_min(wg_max(g, state->low), state->high));
}

static void clip_gradient_norm_chain(wg_call *call, wg_var g) {
    const bounds *state = wg_call_state(call);
    const wg_var norm = wg_sqrt(wg_sum(wg_square(g)));
    wg_give(call, 0, wg_mul(g, wg_min(wg_div(state->low, norm), 1)));
}

/* With states under which they do nothing, so that differences agree. */
WG_SAMPLES(scale_gradient, {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3)), WG_STATE(bounds, 1, 1)},
           {WG_OPERANDS(WG_FLOAT(-1, 1)), WG_STATE(bounds, 1, 1)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 0)), WG_STATE(bounds, 1, 1)})
WG_SAMPLES(clip_gradient, {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3)), WG_STATE(bounds, -1e9, 1e9)},
           {WG_OPERANDS(WG_FLOAT(-1, 1)), WG_STATE(bounds, -1e9, 1e9)})
WG_SAMPLES(clip_gradient_norm, {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3)), WG_STATE(bounds, 1e9, 1e9)},
           {WG_OPERANDS(WG_FLOAT(-1, 1)), WG_STATE(bounds, 1e9, 1e9)})

WG_DEFINE_OP(scale_gradient, NULL, scale_gradient_chain, 0, 0)
WG_DEFINE_OP(clip_gradient, NULL, clip_gradient_chain, 0, 0)
WG_DEFINE_OP(clip_gradient_norm, NULL, clip_gradient_norm_chain, 0, 0)

wg_var wg_scale_gradient_at(wg_var x, double factor, const char *site) {
    const bounds state = {factor, factor};
    return pass(&wg_op_scale_gradient, x, &state, sizeof state, site);
}

wg_var wg_clip_gradient_at(wg_var x, double low, double high, const char *site) {
    const bounds state = {low, high};
    if (x.tape != NULL && !(low <= high)) {
        wg_tape_fail(x.tape, WG_ERROR_ARGUMENT, "clip_gradient", site, "no number is in [%g, %g]",
                     low, high);
    }
    return pass(&wg_op_clip_gradient, x, &state, sizeof state, site);
}

wg_var wg_clip_gradient_norm_at(wg_var x, double most, const char *site) {
    const bounds state = {most, most};
    if (x.tape != NULL && !(most > 0)) {
        wg_tape_fail(x.tape, WG_ERROR_ARGUMENT, "clip_gradient_norm", site,
                     "the greatest norm is %g, not above 0", most);
    }
    return pass(&wg_op_clip_gradient_norm, x, &state, sizeof state, site);
}

/* ---- Hooks ------------------------------------------------------------------------------------
 */

typedef struct hook_state {
    wg_hook_function function;
    void *context;
    bool is_scalar; /* it gets and gives scalars */
} hook_state;

#define hook_shape same_shape

static void hook_chain(wg_call *call, wg_var g) {
    const hook_state *state = wg_call_state(call);
    const wg_var given = state->is_scalar ? wg_at_at(g, 0, call->site) : g;
    const wg_var result = state->function(given, state->context);
    if (call->tape->status != WG_OK ||
        wg_var_refused(call->tape, result, 0, "hook: its result", call->site)) {
        return;
    }
    const wg_view want = wg_operand_shape(call, 0), have = wg_view_of(result);
    if (wg_is_array(result) && !wg_shape_equal(have.rank, have.shape, want.rank, want.shape)) {
        char text[192];
        (void)wg_call_fail(
            call, WG_ERROR_SHAPE, "it returned a gradient of shape %s for a variable of shape %s",
            wg_shape_text(have.rank, have.shape, text, sizeof text), wg_call_shape(call, 0));
        return;
    }
    wg_give(call, 0, result);
}

/* Samples cannot hold a function; tests make theirs. */
static bool hook_samples(int index, wg_sample *sample) {
    (void)index, (void)sample;
    return false;
}

WG_DEFINE_OP(hook, NULL, hook_chain, 0, 0)

wg_var wg_hook_at(wg_var x, wg_hook_function hook, void *context, const char *site) {
    hook_state state;
    memset(&state, 0, sizeof state);
    state.function = hook;
    state.context = context;
    state.is_scalar = !wg_is_array(x);
    if (x.tape != NULL && hook == NULL) {
        wg_tape_fail(x.tape, WG_ERROR_ARGUMENT, "hook", site, "the hook is NULL");
    }
    return pass(&wg_op_hook, x, &state, sizeof state, site);
}
