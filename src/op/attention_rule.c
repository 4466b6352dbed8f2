/* attention_rule.c: the chain rule of attention in verbs. */
#include "op/attention.h"

#include <math.h>
#include <string.h>

#include "op/define.h"
#include "op/softmax.h"
#include "tape/tape.h"
#include "wengert/index.h"

/* 1 where key j <= query i + offset, else 0. */
static wg_var causal_mask(wg_tape *tape, const wg_attention *a) {
    const wg_var ones = wg_full(tape, a->dtype, WG_SHAPE(a->queries, a->keys), 1);
    return wg_tril(ones, a->offset);
}

/* What dropout leaves of the probabilities, [heads, queries, keys]; a number where it leaves all.
 */
static wg_var dropped(wg_tape *tape, const wg_attention *a) {
    if (a->dropout == 0) {
        return wg_number(1);
    }
    const wg_var left = wg_constant(tape, a->dtype, WG_SHAPE(a->heads, a->queries, a->keys), NULL);
    const wg_view view = wg_view_of(left);
    const int64_t rows = a->heads * a->queries * (tape->status == WG_OK);
    const size_t size = wg_dtype_size(a->dtype);
    for (int64_t row = 0; row < rows; row++) {
        const int64_t query = row % a->queries, part = query % WG_LEFT_QUERIES;
        for (int64_t first = 0; first < a->keys; first += WG_LEFT_KEYS) {
            double group[WG_LEFT_QUERIES * WG_LEFT_KEYS];
            const int64_t rest = a->keys - first, n = rest < WG_LEFT_KEYS ? rest : WG_LEFT_KEYS;
            wg_attention_left(a, row / a->queries, query - part, first, group);
            memcpy((char *)view.data + (size_t)(row * a->keys + first) * size,
                   (char *)group + (size_t)(part * WG_LEFT_KEYS) * size, (size_t)n * size);
        }
    }
    return left;
}

/* Operand `which` of q, k and v as an array [shared, of its group, rows, columns]. */
static wg_var whole_of(wg_call *call, const wg_attention *a, int which) {
    const attention_state *state = wg_call_state(call);
    const int64_t shared = a->group > 0 ? a->heads / a->group : 0;
    wg_var x = wg_operand(call, state->packed > 0 ? Q : which);
    if (state->packed > 0) {
        const int64_t own = wg_size(x, -2) - 2 * state->packed;
        x = wg_narrow(x, -2, which == Q ? 0 : own + (which - K) * state->packed,
                      which == Q ? own : state->packed);
    }
    x = state->length_first ? wg_swapaxes(x, -2, -3) : x;
    return which == Q
               ? wg_reshape(x, WG_SHAPE(shared, a->group, a->queries, a->depth))
               : wg_reshape(x, WG_SHAPE(shared, 1, a->keys, which == K ? a->depth : a->width));
}

/* The probabilities [shared, group, queries, keys] of q and k in that form. */
static wg_var probabilities(wg_call *call, const wg_attention *a, wg_var q, wg_var k,
                            const int64_t *full) {
    const wg_view shape = wg_attention_part(call, Q);
    wg_var s = wg_mul(wg_matmul(q, wg_transpose(k)), a->scale), open = wg_number(1);
    if (wg_operand_shape(call, MASK).rank > 0) {
        int64_t wide[WG_MAX_RANK];
        memcpy(wide, shape.shape, sizeof wide);
        wide[shape.rank - 1] = a->keys;
        const wg_var mask =
            wg_reshape(wg_broadcast_to(wg_operand(call, MASK), shape.rank, wide), 4, full);
        s = wg_add(s, mask);
        open = wg_gt(mask, -(double)INFINITY);
    }
    if (a->causal) {
        open = wg_mul(open, causal_mask(call->tape, a));
    }
    if (!wg_is_array(open)) {
        return wg_softmax(s, -1);
    }
    /* Finite, so that rows which see nothing are not NaN; then zero. */
    return wg_mul(wg_softmax(wg_where(open, s, -1e30), -1), open);
}

/* What is [shared, group, rows, columns], summed over the group unless of q, as the operand (or its
 * part of the packed one) lies. */
static wg_var as_operand(wg_call *call, int which, const wg_attention *a, wg_var t) {
    const attention_state *state = wg_call_state(call);
    const wg_view view = wg_attention_part(call, which);
    t = which != Q && a->group > 1 ? wg_sum_over(t, WG_AXES(1)) : t;
    t = wg_reshape(t, view.rank, view.shape);
    return state->length_first ? wg_swapaxes(t, -2, -3) : t;
}

void wg_attention_rule(wg_call *call, wg_var g) {
    const attention_state *state = wg_call_state(call);
    const bool packed = state->packed > 0;
    wg_attention a = wg_attention_sizes(call);
    a.dtype = wg_view_of(g).dtype;
    const int64_t shared = a.group > 0 ? a.heads / a.group : 0;
    const int64_t full[4] = {shared, a.group, a.queries, a.keys};
    const wg_view mask = wg_operand_shape(call, MASK);
    const wg_var q = whole_of(call, &a, Q), k = whole_of(call, &a, K);
    const wg_var v = whole_of(call, &a, KEYS_V), p = probabilities(call, &a, q, k, full);
    g = wg_is_array(g) && state->length_first ? wg_swapaxes(g, -2, -3) : g;
    g = wg_reshape(g, WG_SHAPE(shared, a.group, a.queries, a.width));
    const wg_var left = dropped(call->tape, &a);
    const wg_var kept = wg_is_array(left) ? wg_mul(p, wg_reshape(left, 4, full)) : p;
    wg_var gradient[3] = {wg_number(0), wg_number(0), wg_number(0)};
    if (packed || wg_wants(call, KEYS_V)) {
        gradient[KEYS_V] = as_operand(call, KEYS_V, &a, wg_matmul(wg_transpose(kept), g));
    }
    if (!packed && !wg_wants(call, Q) && !wg_wants(call, K) && !wg_wants(call, MASK)) {
        wg_give(call, KEYS_V, gradient[KEYS_V]);
        return;
    }
    wg_var dp = wg_matmul(g, wg_transpose(v));
    dp = wg_is_array(left) ? wg_mul(dp, wg_reshape(left, 4, full)) : dp;
    const wg_var ds = wg_softmax_chain(p, dp, -1);
    if (packed || wg_wants(call, Q)) {
        gradient[Q] = as_operand(call, Q, &a, wg_mul(wg_matmul(ds, k), a.scale));
    }
    if (packed || wg_wants(call, K)) {
        const wg_var scaled = wg_mul(wg_matmul(wg_transpose(ds), q), a.scale);
        gradient[K] = as_operand(call, K, &a, scaled);
    }
    if (packed && wg_wants(call, Q)) {
        wg_give(call, Q, wg_concat(3, gradient, -2));
    }
    for (int i = 0; i < 3 && !packed; i++) {
        if (wg_wants(call, i)) {
            wg_give(call, i, gradient[i]);
        }
    }
    if (wg_wants(call, MASK) && mask.rank > 0) {
        const wg_view view = wg_attention_part(call, Q);
        int64_t wide[WG_MAX_RANK];
        memcpy(wide, view.shape, sizeof wide);
        wide[view.rank - 1] = a.keys;
        wg_give(call, MASK, wg_reshape(ds, view.rank, wide)); /* the sweep undoes broadcasting */
    }
}
