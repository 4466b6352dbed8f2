/* attention.c: scaled dot-product attention as one operation. */
#include "op/attention.h"
#include "kernel/copy.h"

#include <math.h>
#include <string.h>

#include "op/axes.h"
#include "op/define.h"
#include "op/samples.h"
#include "tape/tape.h"
#include "wengert/attention.h"
#include "wengert/index.h"

/* ---- Shapes --------------------------------------------------------------------------------- */

static void swap(int64_t *x, int a, int b) {
    const int64_t kept = x[a];
    x[a] = x[b];
    x[b] = kept;
}

/* What lies as state says, [..., heads, L, D]. */
static wg_view heads_first(const attention_state *state, wg_view x) {
    if (state->length_first && x.rank >= 3) {
        swap(x.shape, x.rank - 2, x.rank - 3);
        swap(x.stride, x.rank - 2, x.rank - 3);
    }
    return x;
}

/* Operand `which` of q, k and v as [..., heads, L, D]: x is what stands in its place, or what holds
 * all three. */
static wg_view part_of(const attention_state *state, wg_view x, int which) {
    if (state->packed > 0 && x.rank >= 3) {
        const int axis = x.rank - 2;
        const int64_t own = x.shape[axis] - 2 * state->packed;
        const int64_t first = which == Q ? 0 : own + (which - K) * state->packed;
        if (x.data != NULL) {
            x.data = (char *)x.data + first * x.stride[axis] * (int64_t)wg_dtype_size(x.dtype);
        }
        x.shape[axis] = which == Q ? own : state->packed;
    }
    return heads_first(state, x);
}

wg_view wg_attention_part(const wg_call *call, int which) {
    const attention_state *state = wg_call_state(call);
    return part_of(state, wg_operand_shape(call, state->packed > 0 ? Q : which), which);
}

static wg_attention_rows rows_of(const wg_view *x) {
    wg_attention_rows rows = {.row = x->stride[x->rank - 2]};
    memcpy(rows.lead, x->stride, (size_t)(x->rank - 2) * sizeof rows.lead[0]);
    return rows;
}

wg_attention wg_attention_sizes(const wg_call *call) {
    const wg_view q = wg_attention_part(call, Q), k = wg_attention_part(call, K),
                  v = wg_attention_part(call, KEYS_V);
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
                      /* Behind all keys is as good, and cannot overflow. */
                      .offset = state->offset < k.shape[lead] ? state->offset : k.shape[lead],
                      .dropout = state->dropout,
                      .key = state->key,
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

/* Where the operands x (or the packed one), the result and its gradient lie. */
static void set_rows(wg_attention *a, const attention_state *state, const wg_view x[3],
                     const wg_view *out, const wg_view *g) {
    const wg_view q = part_of(state, x[Q], Q), k = part_of(state, x[K], K);
    const wg_view v = part_of(state, x[KEYS_V], KEYS_V), y = heads_first(state, *out);
    const wg_view adjoint = heads_first(state, *g);
    a->q = rows_of(&q);
    a->k = rows_of(&k);
    a->v = rows_of(&v);
    a->out = rows_of(&y);
    a->g = rows_of(&adjoint);
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
    const attention_state *state = wg_call_state(call);
    const wg_view *first = wg_call_operand(call, Q), *mask = wg_call_operand(call, MASK);
    const int least = state->length_first ? 3 : 2;
    const int64_t heads = first->rank >= least ? first->shape[first->rank - 2] : 0;
    if (state->packed > 0 &&
        (heads <= 2 * state->packed || (heads - 2 * state->packed) % state->packed != 0)) {
        return wg_call_fail(call, WG_ERROR_SHAPE, "qkv %s is not [..., L, heads + 2·%lld, D]",
                            wg_call_shape(call, Q), (long long)state->packed);
    }
    const wg_view q = wg_attention_part(call, Q), k = wg_attention_part(call, K),
                  v = wg_attention_part(call, KEYS_V);
    if (first->rank < least || !operands_fit(&q, &k, &v)) {
        const char *own = state->length_first ? " heads," : "";
        return wg_call_fail(
            call, WG_ERROR_SHAPE,
            "q %s, k %s and v %s are not [..., L,%s D], [..., S,%s D] and [..., S,%s Dv]",
            wg_call_shape(call, Q), wg_call_shape(call, K), wg_call_shape(call, KEYS_V), own, own,
            own);
    }
    if (!mask_fits(mask, &q, k.shape[k.rank - 2])) {
        return wg_call_fail(call, WG_ERROR_SHAPE,
                            "the mask %s does not broadcast to [..., L, S] of q %s and k %s",
                            wg_call_shape(call, MASK), wg_call_shape(call, Q),
                            wg_call_shape(call, state->packed > 0 ? Q : K));
    }
    wg_view out = q;
    out.shape[q.rank - 1] = v.shape[v.rank - 1];
    out = heads_first(state, out); /* the swap again */
    return wg_call_result(call, q.dtype, out.rank, out.shape);
}

/* ---- Forward -------------------------------------------------------------------------------- */

/* A view with the elements of its rows, or of all, one behind the other: a copy where they are not.
 * False, and the tape has failed, where there is no memory. */
static bool in_order(wg_call *call, wg_view *x, bool whole) {
    const int last = x->rank - 1;
    if (x->rank == 0 || wg_view_is_contiguous(x) ||
        (!whole && (x->stride[last] == 1 || x->shape[last] == 1)) || wg_view_count(x) == 0) {
        return true;
    }
    const wg_view from = *x;
    const size_t bytes = (size_t)wg_view_count(x) * wg_dtype_size(x->dtype);
    *x = wg_view_new(from.dtype, from.rank, from.shape, wg_call_scratch(call, bytes));
    if (x->data == NULL) {
        return false;
    }
    wg_kernel_copy(&from, x);
    return true;
}

static wg_status attention_forward(wg_call *call) {
    const attention_state *state = wg_call_state(call);
    wg_attention a = wg_attention_sizes(call);
    wg_view x[4];
    for (int i = 0; i < 4; i++) {
        x[i] = *wg_call_operand(call, state->packed > 0 && i < MASK ? Q : i);
        if (!in_order(call, &x[i], i == MASK)) {
            return WG_ERROR_MEMORY;
        }
    }
    set_rows(&a, state, x, wg_call_out(call), wg_call_out(call));
    set_mask(&a, &x[MASK]);
    void *kept = NULL, *scratch = wg_call_scratch(call, wg_attention_forward_scratch(&a));
    const bool saves = wg_call_will_sweep(call);
    if (saves) {
        kept = wg_call_save(call, a.dtype, WG_SHAPE(a.heads, a.queries, WG_ATTENTION_KEPT));
    }
    if (scratch == NULL || (saves && kept == NULL)) {
        return WG_ERROR_MEMORY;
    }
    return wg_kernel_attention(&a, part_of(state, x[Q], Q).data, part_of(state, x[K], K).data,
                               part_of(state, x[KEYS_V], KEYS_V).data, wg_call_out(call)->data,
                               kept, scratch)
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

/* Where the gradients of q, k and v go: each its own place, or parts of the packed operand's. */
static void set_places(wg_call *call, wg_dtype dtype, wg_attention_places *to, wg_var own[3]) {
    const attention_state *state = wg_call_state(call);
    void **place[3] = {&to->q, &to->k, &to->v};
    bool *add[3] = {&to->add_q, &to->add_k, &to->add_v};
    wg_attention_rows *rows[3] = {&to->rows_q, &to->rows_k, &to->rows_v};
    void *memory = NULL;
    bool adds = false;
    for (int i = 0; i < 3; i++) {
        if (state->packed == 0 || i == Q) {
            memory = place_of(call, i, dtype, &adds, &own[i]);
        }
        const wg_view whole = wg_operand_shape(call, state->packed > 0 ? Q : i);
        const wg_view part = part_of(state, wg_view_new(dtype, whole.rank, whole.shape, memory), i);
        *place[i] = part.data;
        *add[i] = adds;
        *rows[i] = rows_of(&part);
    }
}

static void chain_on_buffers(wg_call *call, const wg_var *x, wg_var g) {
    const attention_state *state = wg_call_state(call);
    wg_attention a = wg_attention_sizes(call);
    const wg_view mask = wg_view_of(x[MASK]), adjoint = wg_view_of(g);
    const wg_view out = wg_view_of(wg_result(call));
    wg_view in[3];
    for (int i = 0; i < 3; i++) {
        in[i] = wg_view_of(x[state->packed > 0 ? Q : i]);
    }
    a.dtype = adjoint.dtype;
    set_rows(&a, state, in, &out, &adjoint);
    set_mask(&a, &mask);
    wg_block *scratch = wg_pool_take(&call->tape->pool, wg_attention_chain_scratch(&a));
    if (scratch == NULL) {
        wg_call_fail(call, WG_ERROR_MEMORY, "no memory for its gradients by blocks");
        return;
    }
    wg_var own[3] = {wg_number(0), wg_number(0), wg_number(0)};
    wg_attention_places to = {0};
    set_places(call, a.dtype, &to, own);
    if (call->tape->status == WG_OK &&
        !wg_kernel_attention_chain(&a, part_of(state, in[Q], Q).data, part_of(state, in[K], K).data,
                                   part_of(state, in[KEYS_V], KEYS_V).data, out.data,
                                   wg_view_of(wg_saved(call)).data, adjoint.data, &to,
                                   wg_block_data(scratch))) {
        wg_call_fail(call, WG_ERROR_MEMORY, "no memory to pack the matrices of a gradient");
    }
    wg_pool_drop(&call->tape->pool, scratch);
    for (int i = 0; i < 3; i++) {
        if (wg_is_array(own[i])) {
            wg_give(call, i, own[i]);
        }
    }
}

/* ---- The chain rule -------------------------------------------------------------------------- */

/* x with rows whose elements lie one behind the other. */
static wg_var with_rows(wg_var x, const char *site) {
    const wg_view view = wg_view_of(x);
    const int last = view.rank - 1;
    const bool rows = last >= 0 && (view.stride[last] == 1 || view.shape[last] == 1);
    return rows || !wg_is_array(x) ? x : wg_contiguous_at(x, site);
}

static void attention_chain(wg_call *call, wg_var g) {
    const bool mask_wants = wg_operand_shape(call, MASK).rank > 0 && wg_wants(call, MASK);
    if (wg_call_records(call) || mask_wants || !wg_is_array(g)) {
        wg_attention_rule(call, g);
        return;
    }
    wg_var x[4];
    for (int i = 0; i < 4; i++) {
        x[i] = wg_operand(call, i);
        if (i == MASK) {
            x[i] = wg_is_array(x[i]) ? wg_contiguous_at(x[i], call->site) : x[i];
        } else {
            x[i] = with_rows(x[i], call->site);
        }
    }
    g = with_rows(g, call->site);
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
           {WG_OPERANDS(F(2, 3, 4, 2), F(2, 3, 2, 2), F(2, 3, 2, 3), NONE),
            WG_STATE(attention_state, .causal = true, .length_first = true)},
           {WG_OPERANDS(F(2, 3, 6, 2), NONE, NONE, F(3, 3)),
            WG_STATE(attention_state, .length_first = true, .packed = 1)},
           {WG_OPERANDS(F(2, 2, 3, 2), F(2, 1, 5, 2), F(2, 1, 5, 2), NONE),
            WG_STATE(attention_state, .causal = true, .offset = 1, .dropout = 0.3)},
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

wg_var wg_additive_mask(wg_var mask, wg_dtype dtype, const char *site) {
    const wg_var wide = wg_cast_at(mask, dtype, site);
    return wg_view_of(mask).dtype == WG_U8
               ? wg_where_at(wide, wg_number(0), wg_number(-(double)INFINITY), site)
               : wide;
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
    return wg_additive_mask(mask, dtype, site);
}

static wg_var attention(wg_var q, wg_var k, wg_var v, int64_t packed, const char *name,
                        const char *site, const wg_attention_options *options) {
    wg_tape *tape = q.tape != NULL ? q.tape : k.tape != NULL ? k.tape : v.tape;
    const wg_var all[4] = {q, k, v, options->mask};
    for (int i = 0; i < 4; i++) {
        if (tape == NULL || tape->status != WG_OK || wg_var_refused(tape, all[i], i, name, site)) {
            return poison(tape);
        }
    }
    if (!wg_is_array(q)) {
        wg_tape_fail(tape, WG_ERROR_SHAPE, name, site, "q is not an array");
        return wg_poison(tape);
    }
    if (options->offset < 0) {
        wg_tape_fail(tape, WG_ERROR_ARGUMENT, name, site, "the offset %lld is negative",
                     (long long)options->offset);
        return wg_poison(tape);
    }
    if (!(options->dropout >= 0 && options->dropout < 1)) {
        wg_tape_fail(tape, WG_ERROR_ARGUMENT, name, site, "dropout %g is not in [0, 1)",
                     options->dropout);
        return wg_poison(tape);
    }
    attention_state state;
    memset(&state, 0, sizeof state);
    state.dropout = options->dropout;
    state.key = options->key;
    state.scale = options->scale;
    state.causal = options->causal;
    state.length_first = options->length_first || packed > 0;
    state.offset = options->offset;
    state.packed = packed;
    const wg_var operands[4] = {q, k, v, additive(options->mask, q, site)};
    return wg_apply(&wg_op_attention, 4, operands, &state, sizeof state, site);
}

wg_var wg_attention_at(wg_var q, wg_var k, wg_var v, const char *site,
                       wg_attention_options options) {
    return attention(q, k, v, 0, "attention", site, &options);
}

wg_var wg_attention_packed_at(wg_var qkv, int64_t key_heads, const char *site,
                              wg_attention_options options) {
    wg_tape *tape = qkv.tape;
    if (tape != NULL && key_heads < 1) {
        wg_tape_fail(tape, WG_ERROR_ARGUMENT, "attention_packed", site, "%lld heads of keys",
                     (long long)key_heads);
        return wg_poison(tape);
    }
    const wg_var none = wg_number(0);
    return attention(qkv, none, none, key_heads, "attention_packed", site, &options);
}
