/* attention.c: scaled dot-product attention as one operation. */
#include "kernel/attention.h"
#include "kernel/copy.h"

#include <math.h>
#include <string.h>

#include "op/axes.h"
#include "op/define.h"
#include "op/samples.h"
#include "op/softmax.h"
#include "tape/tape.h"
#include "wengert/attention.h"
#include "wengert/index.h"

/* Operands: q, k, v, and what is added to the scaled products; of rank 0 where nothing is (a number
 * for all keys alike changes no softmax). */
enum {
    Q,
    K,
    KEYS_V,
    MASK
};

typedef struct attention_state {
    double scale;
    bool causal;
    int64_t offset;
} attention_state;

/* ---- Shapes --------------------------------------------------------------------------------- */

static wg_attention attention_of(const wg_call *call) {
    const wg_view q = wg_operand_shape(call, Q), k = wg_operand_shape(call, K);
    const wg_view v = wg_operand_shape(call, KEYS_V);
    const attention_state *state = wg_call_state(call);
    const int lead = q.rank - 2;
    wg_attention a = {.dtype = q.dtype,
                      .heads = wg_sizes_product(q.shape, 0, lead),
                      .group = 1,
                      .queries = q.shape[lead],
                      .keys = k.shape[lead],
                      .depth = q.shape[lead + 1],
                      .width = v.shape[lead + 1],
                      .scale = state->scale,
                      .causal = state->causal,
                      .offset = state->offset,
                      .lead = lead};
    if (lead > 0 && k.shape[lead - 1] > 0) {
        a.group = q.shape[lead - 1] / k.shape[lead - 1];
    }
    if (a.scale == 0) {
        a.scale = a.depth > 0 ? 1 / sqrt((double)a.depth) : 1;
    }
    memcpy(a.lead_shape, q.shape, sizeof a.lead_shape);
    return a;
}

/* Strides of a contiguous mask over the leading axes, the queries and the keys. */
static void set_mask(wg_attention *a, const wg_view *mask) {
    int64_t stride = 1;
    for (int i = 0; i < a->lead + 2; i++) {
        const int axis = a->lead + 1 - i, own = mask->rank - 1 - i;
        const int64_t size = own < 0 ? 1 : mask->shape[own], step = size == 1 ? 0 : stride;
        if (i == 0) {
            a->mask_column = step;
        } else if (i == 1) {
            a->mask_row = step;
        } else {
            a->lead_stride[axis] = step;
        }
        stride *= size;
    }
    a->mask = mask->rank > 0 ? mask->data : NULL;
}

static bool mask_fits(const wg_view *mask, const wg_view *q, int64_t keys) {
    bool fits = mask->rank <= q->rank;
    for (int i = 0; i < mask->rank && fits; i++) {
        const int axis = q->rank - mask->rank + i;
        const int64_t size = axis + 1 == q->rank ? keys : q->shape[axis];
        fits = mask->shape[i] == 1 || mask->shape[i] == size;
    }
    return fits;
}

static bool operands_fit(const wg_view *q, const wg_view *k, const wg_view *v) {
    const int lead = q->rank - 2;
    bool fits = lead >= 0 && k->rank == q->rank && v->rank == q->rank &&
                wg_shape_equal(k->rank - 1, k->shape, v->rank - 1, v->shape) &&
                q->shape[lead + 1] == k->shape[lead + 1];
    for (int i = 0; i + 1 < lead && fits; i++) {
        fits = q->shape[i] == k->shape[i];
    }
    if (lead > 0 && fits) {
        const int64_t heads = q->shape[lead - 1], shared = k->shape[lead - 1];
        fits = shared == 0 ? heads == 0 : heads > 0 && heads % shared == 0;
    }
    return fits;
}

static wg_status attention_shape(wg_call *call) {
    const wg_view *q = wg_call_operand(call, Q), *k = wg_call_operand(call, K);
    const wg_view *v = wg_call_operand(call, KEYS_V), *mask = wg_call_operand(call, MASK);
    if (!operands_fit(q, k, v)) {
        return wg_call_fail(call, WG_ERROR_SHAPE,
                            "q %s, k %s and v %s are not [..., L, D], [..., S, D] and [..., S, Dv]",
                            wg_call_shape(call, Q), wg_call_shape(call, K),
                            wg_call_shape(call, KEYS_V));
    }
    if (!mask_fits(mask, q, k->shape[k->rank - 2])) {
        return wg_call_fail(
            call, WG_ERROR_SHAPE, "the mask %s does not broadcast to [..., L, S] of q %s and k %s",
            wg_call_shape(call, MASK), wg_call_shape(call, Q), wg_call_shape(call, K));
    }
    int64_t shape[WG_MAX_RANK];
    memcpy(shape, q->shape, sizeof shape);
    shape[q->rank - 1] = v->shape[v->rank - 1];
    return wg_call_result(call, q->dtype, q->rank, shape);
}

/* ---- Forward -------------------------------------------------------------------------------- */

/* An operand as the kernels take it: a copy in scratch memory where its rows are not of neighbours,
 * or for the mask (`whole`) where it is not contiguous. False where memory ran out. */
static bool settle(wg_call *call, int i, bool whole, wg_view *view) {
    *view = *wg_call_operand(call, i);
    if (whole ? wg_view_is_contiguous(view)
              : view->stride[view->rank - 1] == 1 || view->shape[view->rank - 1] == 1) {
        return true;
    }
    const wg_view from = *view;
    void *copy = wg_call_scratch(call, (size_t)wg_view_count(view) * wg_dtype_size(view->dtype));
    *view = wg_view_new(from.dtype, from.rank, from.shape, copy);
    if (copy != NULL) {
        wg_kernel_copy(&from, view);
    }
    return copy != NULL;
}

static wg_status attention_forward(wg_call *call) {
    wg_attention a = attention_of(call);
    wg_view view[4];
    for (int i = 0; i < 4; i++) {
        if (!settle(call, i, i == MASK, &view[i])) {
            return WG_ERROR_MEMORY;
        }
    }
    set_mask(&a, &view[MASK]);
    void *kept = NULL, *scratch = wg_call_scratch(call, wg_attention_forward_scratch(&a));
    const bool saves = wg_call_will_sweep(call);
    if (saves) {
        kept = wg_call_save(call, a.dtype, WG_SHAPE(a.heads, a.queries, WG_ATTENTION_KEPT));
    }
    if (scratch == NULL || (saves && kept == NULL)) {
        return WG_ERROR_MEMORY;
    }
    const wg_attention_rows q = wg_attention_rows_of(&view[Q]), k = wg_attention_rows_of(&view[K]);
    const wg_attention_rows v = wg_attention_rows_of(&view[KEYS_V]);
    return wg_kernel_attention(&a, &q, &k, &v, wg_call_out(call)->data, kept, scratch)
               ? WG_OK
               : wg_call_fail(call, WG_ERROR_MEMORY, "no memory to pack the matrices");
}

/* ---- The chain rule on buffers --------------------------------------------------------------- */

/* Whether both gradients go to one place: of one array, or of two fetches of one parameter. */
static bool same_place(wg_var x, wg_var y) {
    const wg_node *a = wg_node_of(x), *b = wg_node_of(y);
    return a == b || (a != NULL && b != NULL && a->sink != NULL && b->sink != NULL &&
                      a->sink->gradient == b->sink->gradient);
}

/* Where operand i's gradient goes; an array of its own, in *own, where another operand is the same
 * and blocks of both would be written at once. */
static void *place_of(wg_call *call, int i, wg_dtype dtype, bool *add, wg_var *own) {
    const wg_var x = call->operands[i];
    for (int j = 0; j < i; j++) {
        if (wg_wants(call, i) && same_place(x, call->operands[j])) {
            const wg_view view = wg_operand_shape(call, i);
            *own = wg_full(call->tape, dtype, view.rank, view.shape, 0);
            *add = false;
            return call->tape->status == WG_OK ? wg_view_of(*own).data : NULL;
        }
    }
    return wg_give_place(call, i, dtype, add);
}

static wg_attention_rows rows_of(wg_var x) {
    const wg_view view = wg_view_of(x);
    return wg_attention_rows_of(&view);
}

static void chain_on_buffers(wg_call *call, const wg_var *x, wg_var g) {
    wg_attention a = attention_of(call);
    a.dtype = wg_view_of(g).dtype;
    const wg_view mask = wg_view_of(x[MASK]);
    set_mask(&a, &mask);
    wg_block *scratch = wg_pool_take(&call->tape->pool, wg_attention_chain_scratch(&a));
    if (scratch == NULL) {
        wg_call_fail(call, WG_ERROR_MEMORY, "no memory for its gradients by blocks");
        return;
    }
    wg_var own[3] = {wg_number(0), wg_number(0), wg_number(0)};
    wg_attention_places to = {0};
    to.q = place_of(call, Q, a.dtype, &to.add_q, &own[Q]);
    to.k = place_of(call, K, a.dtype, &to.add_k, &own[K]);
    to.v = place_of(call, KEYS_V, a.dtype, &to.add_v, &own[KEYS_V]);
    const wg_attention_rows rows[4] = {rows_of(x[Q]), rows_of(x[K]), rows_of(x[KEYS_V]),
                                       rows_of(g)};
    if (call->tape->status == WG_OK &&
        !wg_kernel_attention_chain(
            &a, &rows[Q], &rows[K], &rows[KEYS_V], wg_view_of(wg_result(call)).data,
            wg_view_of(wg_saved(call)).data, &rows[3], &to, wg_block_data(scratch))) {
        wg_call_fail(call, WG_ERROR_MEMORY, "no memory to pack the matrices of a gradient");
    }
    wg_pool_drop(&call->tape->pool, scratch);
    for (int i = 0; i < 3; i++) {
        if (wg_is_array(own[i])) {
            wg_give(call, i, own[i]);
        }
    }
}

/* ---- The chain rule in verbs ------------------------------------------------------------------
 */

/* 1 where key j <= query i + offset, else 0. */
static wg_var causal_mask(wg_tape *tape, const wg_attention *a) {
    const wg_var mask = wg_constant(tape, a->dtype, WG_SHAPE(a->queries, a->keys), NULL);
    const wg_view view = wg_view_of(mask);
    for (int64_t i = 0; i < a->queries && tape->status == WG_OK; i++) {
        for (int64_t j = 0; j <= i + a->offset && j < a->keys; j++) {
            const int64_t at = i * a->keys + j;
            if (a->dtype == WG_F32) {
                ((float *)view.data)[at] = 1;
            } else {
                ((double *)view.data)[at] = 1;
            }
        }
    }
    return mask;
}

/* The probabilities [shared, group, queries, keys] of q and k in that form. */
static wg_var probabilities(wg_call *call, const wg_attention *a, wg_var q, wg_var k,
                            const int64_t *full) {
    const wg_view shape = wg_operand_shape(call, Q);
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

/* t [shared, group, rows, columns] summed over the group, to operand i. */
static void give_shared(wg_call *call, int i, const wg_attention *a, wg_var t) {
    const wg_view view = wg_operand_shape(call, i);
    t = a->group > 1 ? wg_sum_over(t, WG_AXES(1)) : t;
    wg_give(call, i, wg_reshape(t, view.rank, view.shape));
}

static void rule_in_verbs(wg_call *call, wg_var g) {
    wg_attention a = attention_of(call);
    a.dtype = wg_view_of(g).dtype;
    const int64_t shared = a.group > 0 ? a.heads / a.group : 0;
    const int64_t full[4] = {shared, a.group, a.queries, a.keys};
    const wg_view view = wg_operand_shape(call, Q), mask = wg_operand_shape(call, MASK);
    const wg_var q = wg_reshape(wg_operand(call, Q), WG_SHAPE(shared, a.group, a.queries, a.depth));
    const wg_var k = wg_reshape(wg_operand(call, K), WG_SHAPE(shared, 1, a.keys, a.depth));
    const wg_var v = wg_reshape(wg_operand(call, KEYS_V), WG_SHAPE(shared, 1, a.keys, a.width));
    const wg_var p = probabilities(call, &a, q, k, full);
    g = wg_reshape(g, WG_SHAPE(shared, a.group, a.queries, a.width));
    if (wg_wants(call, KEYS_V)) {
        give_shared(call, KEYS_V, &a, wg_matmul(wg_transpose(p), g));
    }
    if (!wg_wants(call, Q) && !wg_wants(call, K) && !wg_wants(call, MASK)) {
        return;
    }
    const wg_var ds = wg_softmax_chain(p, wg_matmul(g, wg_transpose(v)), -1);
    if (wg_wants(call, Q)) {
        wg_give(call, Q, wg_reshape(wg_mul(wg_matmul(ds, k), a.scale), view.rank, view.shape));
    }
    if (wg_wants(call, K)) {
        give_shared(call, K, &a, wg_mul(wg_matmul(wg_transpose(ds), q), a.scale));
    }
    if (wg_wants(call, MASK) && mask.rank > 0) {
        int64_t wide[WG_MAX_RANK];
        memcpy(wide, view.shape, sizeof wide);
        wide[view.rank - 1] = a.keys;
        wg_give(call, MASK, wg_reshape(ds, view.rank, wide)); /* the sweep undoes broadcasting */
    }
}

static bool has_plain_rows(wg_var x) {
    const wg_view view = wg_view_of(x);
    return view.stride[view.rank - 1] == 1 || view.shape[view.rank - 1] == 1;
}

static void attention_chain(wg_call *call, wg_var g) {
    const bool mask_wants = wg_operand_shape(call, MASK).rank > 0 && wg_wants(call, MASK);
    if (wg_call_records(call) || mask_wants || !wg_is_array(g)) {
        rule_in_verbs(call, g);
        return;
    }
    wg_var x[4];
    for (int i = 0; i < 4; i++) {
        x[i] = wg_operand(call, i);
        if (wg_is_array(x[i]) && (i == MASK || !has_plain_rows(x[i]))) {
            x[i] = wg_contiguous_at(x[i], call->site);
        }
    }
    g = has_plain_rows(g) ? g : wg_contiguous_at(g, call->site);
    if (call->tape->status == WG_OK) {
        chain_on_buffers(call, x, g);
    }
}

#define F(...) WG_FLOATS(-1, 1, __VA_ARGS__)
#define NONE WG_FLOAT(0, 0)
#define PLAIN WG_STATE(attention_state, .scale = 0)
#define CAUSAL WG_STATE(attention_state, .causal = true)
WG_SAMPLES(attention, {WG_OPERANDS(F(3, 2), F(4, 2), F(4, 3), NONE), PLAIN},
           {WG_OPERANDS(F(2, 3, 2), F(2, 5, 2), F(2, 5, 1), NONE), CAUSAL},
           {WG_OPERANDS(F(2, 5, 2), F(2, 3, 2), F(2, 3, 2), NONE), CAUSAL},
           {WG_OPERANDS(F(2, 2, 2), F(2, 5, 2), F(2, 5, 2), NONE),
            WG_STATE(attention_state, .causal = true, .offset = 2)},
           {WG_OPERANDS(F(1, 4, 2, 3), F(1, 2, 3, 3), F(1, 2, 3, 2), NONE),
            WG_STATE(attention_state, .scale = 0.7)},
           {WG_OPERANDS(F(2, 3, 2), F(2, 4, 2), F(2, 4, 2), F(3, 4)), PLAIN},
           {WG_OPERANDS(F(2, 2, 3, 2), F(2, 1, 4, 2), F(2, 1, 4, 2), F(2, 1, 1, 4)), CAUSAL},
           {WG_OPERANDS(F(3, 2), F(0, 2), F(0, 2), NONE), PLAIN},
           {WG_OPERANDS(F(0, 2), F(3, 2), F(3, 2), NONE), PLAIN},
           {WG_OPERANDS(F(2, 0), F(3, 0), F(3, 2), NONE), PLAIN})
WG_DEFINE_OP(attention, attention_forward, attention_chain, WG_READS_OPERANDS | WG_READS_RESULT,
             WG_OP_FLOATS)

/* ---- The verb ---------------------------------------------------------------------------------
 */

static wg_var poison(wg_tape *tape) {
    return tape != NULL ? wg_poison(tape) : wg_number((double)NAN);
}

/* What is added to the scores, of q's dtype; poisoned, with a failure, for a mask that is neither
 * u8 nor a float. */
static wg_var additive(wg_var mask, wg_var q, const char *site) {
    const wg_dtype of = wg_view_of(q).dtype,
                   dtype = of == WG_F32 || of == WG_BF16 ? WG_F32 : WG_F64;
    if (!wg_is_array(mask)) {
        return wg_number(0);
    }
    const wg_view view = wg_view_of(mask);
    if (view.dtype == WG_I64) {
        wg_tape_fail(q.tape, WG_ERROR_DTYPE, "attention", site,
                     "the mask is i64; it is u8 or of floats");
        return wg_poison(q.tape);
    }
    const wg_var wide = wg_cast_at(mask, dtype, site);
    return view.dtype == WG_U8 ? wg_where_at(wide, wg_number(0), wg_number(-(double)INFINITY), site)
                               : wide;
}

wg_var wg_attention_at(wg_var q, wg_var k, wg_var v, const char *site,
                       wg_attention_options options) {
    wg_tape *tape = q.tape != NULL ? q.tape : k.tape != NULL ? k.tape : v.tape;
    const wg_var all[4] = {q, k, v, options.mask};
    for (int i = 0; i < 4; i++) {
        if (tape == NULL || tape->status != WG_OK ||
            wg_var_refused(tape, all[i], i, "attention", site)) {
            return poison(tape);
        }
    }
    if (!wg_is_array(q)) {
        wg_tape_fail(tape, WG_ERROR_SHAPE, "attention", site, "q is not an array");
        return wg_poison(tape);
    }
    wg_var operands[4] = {q, k, v, additive(options.mask, q, site)};
    for (int i = 0; i < 3 && options.length_first; i++) {
        operands[i] = wg_swapaxes_at(operands[i], -2, -3, site);
    }
    if (options.offset < 0) {
        wg_tape_fail(tape, WG_ERROR_ARGUMENT, "attention", site, "the offset %lld is negative",
                     (long long)options.offset);
        return wg_poison(tape);
    }
    attention_state state;
    memset(&state, 0, sizeof state);
    state.scale = options.scale;
    state.causal = options.causal;
    state.offset = options.offset;
    const wg_var y = wg_apply(&wg_op_attention, 4, operands, &state, sizeof state, site);
    return options.length_first ? wg_swapaxes_at(y, -2, -3, site) : y;
}
