/* prod.c: products, whose derivative is the product of all the others. */
#include "op/axes.h"
#include "op/define.h"
#include "op/reduce.h"
#include "op/samples.h"

static wg_status prod_shape(wg_call *call) {
    return wg_reduce_shape(call, true);
}

static wg_status prod_forward(wg_call *call) {
    return wg_reduce_forward(call, WG_REDUCE_PROD, false);
}

/* Elements first, first + 2, … of `pairs` pairs along axis 1. */
static wg_var every_other(wg_var x, int64_t first, int64_t pairs) {
    return wg_slice(x, 1, first, first + 2 * pairs - 1, 2);
}

/* The columns of a and b by turns: a0 b0 a1 b1 … */
static wg_var interleave(wg_var a, wg_var b, int64_t rows, int64_t pairs) {
    const wg_var both[2] = {wg_reshape(a, WG_SHAPE(rows, pairs, 1)),
                            wg_reshape(b, WG_SHAPE(rows, pairs, 1))};
    return wg_reshape(wg_concat(2, both, 2), WG_SHAPE(rows, 2 * pairs));
}

/* [rows, n], n > 1: at each place the product of the row's other elements. No division, so zeros
 * are no trap: products of pairs up a binary tree, then down it the product of all that lies
 * outside of a node. All of it verbs, and so differentiable to any order. */
static wg_var product_of_others(wg_var x, int64_t rows, int64_t n) {
    wg_var level[64] = {x};
    int64_t size[64] = {n};
    int top = 0;
    for (; size[top] > 2; top++) {
        const int64_t pairs = size[top] / 2, odd = size[top] % 2;
        wg_var next[2];
        next[0] = wg_mul(every_other(level[top], 0, pairs), every_other(level[top], 1, pairs));
        next[1] = odd != 0 ? wg_slice(level[top], 1, -1, WG_END, 1) : next[0];
        level[top + 1] = odd != 0 ? wg_concat(2, next, 1) : next[0];
        size[top + 1] = pairs + odd;
    }
    wg_var outside = wg_slice(level[top], 1, WG_END, WG_END, -1);
    while (top-- > 0) {
        const int64_t pairs = size[top] / 2;
        const wg_var mine = wg_slice(outside, 1, 0, pairs, 1);
        wg_var next[2];
        next[0] = interleave(wg_mul(mine, every_other(level[top], 1, pairs)),
                             wg_mul(mine, every_other(level[top], 0, pairs)), rows, pairs);
        next[1] = size[top] % 2 != 0 ? wg_slice(outside, 1, -1, WG_END, 1) : next[0];
        outside = size[top] % 2 != 0 ? wg_concat(2, next, 1) : next[0];
    }
    return outside;
}

static void prod_chain(wg_call *call, wg_var g) {
    const wg_view x = wg_operand_shape(call, 0);
    const unsigned bits = wg_axes_bits(wg_call_state(call), x.rank);
    int64_t kept[WG_MAX_RANK], moved[WG_MAX_RANK];
    int there[WG_MAX_RANK], back[WG_MAX_RANK], next = 0;
    const int64_t n = wg_reduce_kept(call, kept), count = wg_view_count(&x);
    g = wg_reshape(g, x.rank, kept);
    if (n <= 1 || count == 0) {
        wg_give(call, 0, wg_broadcast_to(g, x.rank, x.shape));
        return;
    }
    for (unsigned folded = 0; folded < 2; folded++) {
        for (int i = 0; i < x.rank; i++) {
            if ((bits >> i & 1) == folded) {
                back[i] = next;
                there[next] = i;
                moved[next++] = x.shape[i];
            }
        }
    }
    const int64_t rows = count / n;
    wg_var others = wg_reshape(wg_permute(wg_operand(call, 0), x.rank, there), WG_SHAPE(rows, n));
    others = wg_reshape(product_of_others(others, rows, n), x.rank, moved);
    wg_give(call, 0, wg_azmul(g, wg_permute(others, x.rank, back)));
}

WG_SAMPLES(prod, WG_REDUCE_SAMPLES, WG_REDUCE_EMPTY_SAMPLES,
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 7)), WG_STATE(wg_axes, .count = 1, .axis = {1})})
WG_DEFINE_OP(prod, prod_forward, prod_chain, WG_READS_OPERAND(0), WG_OP_FLOATS)

wg_var wg_prod_at(wg_var x, wg_axes axes, const char *site) {
    return x.tape == NULL ? x : wg_apply(&wg_op_prod, 1, &x, &axes, sizeof axes, site);
}
