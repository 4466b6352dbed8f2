/* products.c: dot, outer, inner, kron, tensordot, and the pairwise products of einsum. */
#include "op/products.h"

#include "op/define.h"
#include "tape/tape.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

wg_var wg_products_fail(int n, const wg_var *operands, wg_status status, const char *name,
                        const char *site, const char *format, ...) {
    char text[320];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    for (int i = 0; i < n; i++) {
        if (operands[i].tape != NULL) {
            (void)wg_tape_fail(operands[i].tape, status, name, site, "%s", text);
            return wg_poison(operands[i].tape);
        }
    }
    (void)wg_fail(status, "%s: %s", name, text);
    return wg_number((double)NAN);
}

bool wg_products_refused(int n, const wg_var *operands, const char *name, const char *site,
                         wg_tape **tape) {
    *tape = NULL;
    for (int i = 0; i < n && *tape == NULL; i++) {
        *tape = operands[i].tape;
    }
    for (int i = 0; i < n && *tape != NULL; i++) {
        if ((*tape)->status != WG_OK ||
            (operands[i].tape != NULL && wg_var_refused(*tape, operands[i], i, name, site))) {
            return true;
        }
    }
    return false;
}

/* ---- Labelled arrays ----------------------------------------------------------------------- */

static bool has(uint64_t set, int label) {
    return (set >> label & 1) != 0;
}

static int axis_of(const wg_einsum_term *term, int label) {
    int axis = 0;
    while (term->label[axis] != label) {
        axis++;
    }
    return axis;
}

wg_var wg_order_labelled(const wg_labelled *a, const wg_einsum_term *to, const char *site) {
    int order[WG_MAX_RANK];
    bool moves = false;
    for (int i = 0; i < to->rank; i++) {
        order[i] = axis_of(&a->term, to->label[i]);
        moves = moves || order[i] != i;
    }
    return moves ? wg_permute_at(a->x, to->rank, order, site) : a->x;
}

static wg_var reshaped(wg_var x, int rank, const int64_t *shape, const char *site) {
    const wg_view view = wg_view_of(x);
    return wg_shape_equal(view.rank, view.shape, rank, shape) ? x
                                                              : wg_reshape_at(x, rank, shape, site);
}

/* Appends what of `from` is in the set; the product of its sizes. */
static int64_t append(wg_einsum_term *to, const wg_einsum_term *from, uint64_t set,
                      const int64_t *size) {
    int64_t product = 1;
    for (int i = 0; i < from->rank; i++) {
        if (has(set, from->label[i])) {
            to->label[to->rank++] = from->label[i];
            product *= size[from->label[i]];
        }
    }
    return product;
}

static int count_of(uint64_t set) {
    int count = 0;
    for (; set != 0; set &= set - 1) {
        count++;
    }
    return count;
}

/* [batch..., rows, columns] out of an array whose axes stand in that order. */
static wg_var as_matrices(wg_var x, int axes, int64_t *batch, int64_t rows, int64_t columns,
                          const char *site) {
    batch[axes] = rows;
    batch[axes + 1] = columns;
    return reshaped(x, axes + 2, batch, site);
}

wg_labelled wg_multiply_labelled(const wg_labelled *a, const wg_labelled *b, uint64_t kept,
                                 const int64_t *size, const char *name, const char *site) {
    const uint64_t in_a = wg_einsum_set(&a->term), in_b = wg_einsum_set(&b->term);
    const uint64_t shared = in_a & in_b & kept, summed = in_a & in_b & ~kept;
    const int total = count_of((in_a | in_b) & kept);
    wg_labelled result = {.x = a->x};
    if (total > WG_MAX_RANK) {
        const wg_var both[2] = {a->x, b->x};
        result.x =
            wg_products_fail(2, both, WG_ERROR_LIMIT, name, site,
                             "a partial product has %d axes, more than %d", total, WG_MAX_RANK);
        return result;
    }
    int64_t shape[WG_MAX_RANK], batch[WG_MAX_RANK];
    const int64_t count = append(&result.term, &a->term, shared, size);
    /* Shared axes stay apart, so that views need not be copied, unless they are too many. */
    int axes = result.term.rank;
    wg_einsum_term left = result.term, right = result.term;
    const int64_t m = append(&left, &a->term, in_a & ~in_b, size);
    const int64_t k = append(&left, &a->term, summed, size);
    (void)append(&right, &a->term, summed, size);
    const int64_t n = append(&right, &b->term, in_b & ~in_a, size);
    (void)append(&result.term, &a->term, in_a & ~in_b, size);
    (void)append(&result.term, &b->term, in_b & ~in_a, size);
    for (int i = 0; i < total; i++) {
        shape[i] = size[result.term.label[i]];
    }
    memcpy(batch, shape, (size_t)axes * sizeof *batch);
    if (axes > WG_MAX_RANK - 2) {
        axes = 1;
        batch[0] = count;
    }
    const wg_var x = wg_order_labelled(a, &left, site), y = wg_order_labelled(b, &right, site);
    if (a->term.rank == 0 || b->term.rank == 0) { /* numbers among them */
        result.x = wg_mul_vv(x, y, site);
        return result;
    }
    if (summed == 0) {
        result.x = wg_mul_vv(as_matrices(x, axes, batch, m, 1, site),
                             as_matrices(y, axes, batch, 1, n, site), site);
    } else {
        result.x = wg_matmul_at(as_matrices(x, axes, batch, m, k, site),
                                as_matrices(y, axes, batch, k, n, site), site);
    }
    result.x = reshaped(result.x, total, shape, site);
    return result;
}

/* ---- Named products ------------------------------------------------------------------------ */

wg_var wg_dot_at(wg_var a, wg_var b, const char *site) {
    const wg_var both[2] = {a, b};
    const wg_view left = wg_view_of(a), right = wg_view_of(b);
    wg_tape *tape;
    if (wg_products_refused(2, both, "dot", site, &tape)) {
        return wg_poison(tape);
    }
    if (left.rank != 1 || right.rank != 1 || left.shape[0] != right.shape[0]) {
        char text[2][192];
        return wg_products_fail(2, both, WG_ERROR_SHAPE, "dot", site,
                                "it takes two vectors of one size, not %s and %s",
                                wg_shape_text(left.rank, left.shape, text[0], sizeof text[0]),
                                wg_shape_text(right.rank, right.shape, text[1], sizeof text[1]));
    }
    return wg_matmul_at(a, b, site);
}

/* All elements along one axis of two; a number or scalar as it is. */
static wg_var along(wg_var x, int axis, int64_t count, const char *site) {
    int64_t shape[2] = {1, 1};
    shape[axis] = count;
    return wg_is_array(x) ? wg_reshape_at(x, 2, shape, site) : x;
}

wg_var wg_outer_at(wg_var a, wg_var b, const char *site) {
    const wg_var both[2] = {a, b};
    const wg_view left = wg_view_of(a), right = wg_view_of(b);
    const int64_t m = wg_view_count(&left), n = wg_view_count(&right);
    wg_tape *tape;
    if (wg_products_refused(2, both, "outer", site, &tape)) {
        return wg_poison(tape);
    }
    const wg_var product = wg_mul_vv(along(a, 0, m, site), along(b, 1, n, site), site);
    return wg_is_array(product) ? reshaped(product, WG_SHAPE(m, n), site) : product;
}

static wg_var tensordot(const wg_var *both, int n, const int *a_axes, const int *b_axes,
                        const char *name, const char *site) {
    const wg_view view[2] = {wg_view_of(both[0]), wg_view_of(both[1])};
    const int *const axes[2] = {a_axes, b_axes};
    wg_labelled x[2] = {{.x = both[0]}, {.x = both[1]}};
    int64_t size[WG_LABELS];
    char text[2][192];
    uint64_t summed[2] = {0, 0}, kept = 0;
    int next = 0;
    for (int side = 0; side < 2; side++) {
        (void)wg_shape_text(view[side].rank, view[side].shape, text[side], sizeof text[side]);
        x[side].term.rank = view[side].rank;
        for (int i = 0; i < view[side].rank; i++) {
            size[next] = view[side].shape[i];
            x[side].term.label[i] = next++;
        }
    }
    for (int i = 0; i < n; i++) {
        int pair[2];
        for (int side = 0; side < 2; side++) {
            const int rank = view[side].rank;
            const int axis = axes[side] != NULL ? axes[side][i] : side == 0 ? rank - n + i : i;
            pair[side] = axis < 0 && axes[side] != NULL ? axis + rank : axis;
            if (pair[side] < 0 || pair[side] >= rank || has(summed[side], pair[side])) {
                return wg_products_fail(2, both, WG_ERROR_ARGUMENT, name, site,
                                        "axis %d of %s is missing or named twice", axis,
                                        text[side]);
            }
            summed[side] |= (uint64_t)1 << pair[side];
        }
        if (view[0].shape[pair[0]] != view[1].shape[pair[1]]) {
            return wg_products_fail(2, both, WG_ERROR_SHAPE, name, site,
                                    "axis %d of %s and axis %d of %s have %lld and %lld elements",
                                    pair[0], text[0], pair[1], text[1],
                                    (long long)view[0].shape[pair[0]],
                                    (long long)view[1].shape[pair[1]]);
        }
        x[1].term.label[pair[1]] = x[0].term.label[pair[0]];
    }
    for (int side = 0; side < 2; side++) {
        for (int i = 0; i < view[side].rank; i++) {
            kept |= has(summed[side], i) ? 0 : (uint64_t)1 << x[side].term.label[i];
        }
    }
    return wg_multiply_labelled(&x[0], &x[1], kept, size, name, site).x;
}

wg_var wg_tensordot_at(wg_var a, wg_var b, int n, const int *a_axes, const int *b_axes,
                       const char *site) {
    const wg_var both[2] = {a, b};
    wg_tape *tape;
    if (wg_products_refused(2, both, "tensordot", site, &tape)) {
        return wg_poison(tape);
    }
    if (n < 0 || n > WG_MAX_RANK || (a_axes == NULL) != (b_axes == NULL)) {
        return wg_products_fail(2, both, WG_ERROR_ARGUMENT, "tensordot", site,
                                "%d axes, or axes of one operand alone", n);
    }
    return tensordot(both, n, a_axes, b_axes, "tensordot", site);
}

wg_var wg_inner_at(wg_var a, wg_var b, const char *site) {
    const wg_var both[2] = {a, b};
    const int last = -1;
    wg_tape *tape;
    if (wg_products_refused(2, both, "inner", site, &tape)) {
        return wg_poison(tape);
    }
    const int n = wg_rank(a) > 0 && wg_rank(b) > 0;
    return tensordot(both, n, &last, &last, "inner", site);
}

wg_var wg_kron_at(wg_var a, wg_var b, const char *site) {
    const wg_var both[2] = {a, b};
    const wg_view view[2] = {wg_view_of(a), wg_view_of(b)};
    wg_tape *tape;
    if (wg_products_refused(2, both, "kron", site, &tape)) {
        return wg_poison(tape);
    }
    if (!wg_is_array(a) && !wg_is_array(b)) {
        return wg_mul_vv(a, b, site);
    }
    const int rank = view[0].rank > view[1].rank ? view[0].rank : view[1].rank;
    wg_labelled x[2] = {{.x = a}, {.x = b}};
    wg_einsum_term order = {0};
    int64_t size[WG_LABELS], shape[WG_MAX_RANK], own[2][WG_MAX_RANK];
    int axes = 0;
    for (int i = 0; i < rank; i++) { /* axes of size 1 need no place beside the others */
        shape[i] = 1;
        for (int side = 0; side < 2; side++) {
            const int axis = i - (rank - view[side].rank), label = 2 * i + side;
            size[label] = axis < 0 ? 1 : view[side].shape[axis];
            shape[i] *= size[label];
            if (size[label] != 1 && axes++ < WG_MAX_RANK) {
                wg_einsum_term *term = &x[side].term;
                own[side][term->rank] = size[label];
                term->label[term->rank++] = label;
                order.label[order.rank++] = label;
            }
        }
    }
    if (axes > WG_MAX_RANK) {
        return wg_products_fail(2, both, WG_ERROR_LIMIT, "kron", site,
                                "both have more than one element along too many axes");
    }
    for (int side = 0; side < 2; side++) {
        if (wg_is_array(x[side].x)) {
            x[side].x = reshaped(x[side].x, x[side].term.rank, own[side], site);
        }
    }
    const uint64_t kept = wg_einsum_set(&order);
    const wg_labelled product = wg_multiply_labelled(&x[0], &x[1], kept, size, "kron", site);
    return reshaped(wg_order_labelled(&product, &order, site), rank, shape, site);
}
