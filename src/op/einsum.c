/* einsum.c: sums of products over lettered axes, as permutations, sums and matmuls, which bring the
 * gradients. */
#include "op/einsum.h"

#include "op/define.h"
#include "op/products.h"
#include "tape/tape.h"

#include <string.h>

static void remove_axis(wg_labelled *a, int axis) {
    a->term.rank--;
    for (int i = axis; i < a->term.rank; i++) {
        a->term.label[i] = a->term.label[i + 1];
    }
}

/* Two axes of one letter become one: of both together, every (n + 1)-th. */
static void take_diagonal(wg_labelled *a, int first, int second, const char *site) {
    const wg_view view = wg_view_of(a->x);
    const int rank = view.rank, label = a->term.label[first];
    const int64_t n = view.shape[first];
    int order[WG_MAX_RANK], to = 0;
    int64_t shape[WG_MAX_RANK];
    for (int i = 0; i < rank; i++) {
        if (i != first && i != second) {
            shape[to] = view.shape[i];
            order[to++] = i;
        }
    }
    order[rank - 2] = first;
    order[rank - 1] = second;
    shape[rank - 2] = n * n;
    const wg_var flat =
        wg_reshape_at(wg_permute_at(a->x, rank, order, site), rank - 1, shape, site);
    a->x = wg_slice_at(flat, rank - 2, 0, WG_END, n + 1, site);
    remove_axis(a, second);
    remove_axis(a, first);
    a->term.label[a->term.rank++] = label;
}

static void take_diagonals(wg_labelled *a, const char *site) {
    for (int i = 0; i < a->term.rank; i++) {
        for (int k = i + 1; k < a->term.rank; k++) {
            if (a->term.label[i] == a->term.label[k]) {
                take_diagonal(a, i, k, site);
                i = k = -1; /* from the beginning */
                break;
            }
        }
    }
}

/* Without the axes whose labels are not in the set: summed, or dropped where their size is 1. */
static void drop_axes(wg_labelled *a, uint64_t set, const char *site) {
    const wg_view view = wg_view_of(a->x);
    wg_axes axes = {0};
    int64_t shape[WG_MAX_RANK];
    int rank = 0;
    for (int i = 0; i < view.rank; i++) {
        if ((set >> a->term.label[i] & 1) != 0) {
            shape[rank++] = view.shape[i];
        } else if (view.shape[i] != 1) {
            axes.axis[axes.count++] = i;
        }
    }
    if (axes.count > 0) {
        a->x = wg_sum_at(a->x, axes, site);
    }
    if (rank + axes.count < view.rank) {
        a->x = wg_reshape_at(a->x, rank, shape, site);
    }
    for (int i = a->term.rank - 1; i >= 0; i--) {
        if ((set >> a->term.label[i] & 1) == 0) {
            remove_axis(a, i);
        }
    }
}

/* The labels that are still wanted once items `left` and `right` are multiplied. */
static uint64_t kept_beside(const wg_labelled *item, const bool *used, int items, uint64_t out) {
    for (int i = 0; i < items; i++) {
        out |= used[i] ? 0 : wg_einsum_set(&item[i].term);
    }
    return out;
}

static wg_var multiply_all(const wg_einsum_parsed *parsed, const wg_einsum_plan *plan,
                           wg_labelled *item, const char *site) {
    bool used[2 * WG_EINSUM_OPERANDS] = {false};
    const uint64_t out = wg_einsum_set(&parsed->out);
    int items = parsed->count;
    for (int i = 0; i < plan->steps; i++) {
        const wg_einsum_step *step = &plan->step[i];
        used[step->left] = used[step->right] = true;
        item[items] =
            wg_multiply_labelled(&item[step->left], &item[step->right],
                                 kept_beside(item, used, items, out), parsed->size, "einsum", site);
        const wg_tape *tape = item[items].x.tape;
        if (tape != NULL && tape->status != WG_OK) {
            return item[items].x;
        }
        items++;
    }
    return wg_order_labelled(&item[items - 1], &parsed->out, site);
}

wg_var wg_einsum_at(const char *subscripts, int n, const wg_var *operands, const char *site) {
    const int some = n < 0 ? 0 : n < WG_EINSUM_OPERANDS ? n : WG_EINSUM_OPERANDS;
    wg_view shapes[WG_EINSUM_OPERANDS];
    wg_labelled item[2 * WG_EINSUM_OPERANDS];
    uint64_t set[WG_EINSUM_OPERANDS];
    wg_einsum_parsed parsed;
    wg_einsum_plan plan;
    char message[256];
    wg_tape *tape;
    if (wg_products_refused(some, operands, "einsum", site, &tape)) {
        return wg_poison(tape);
    }
    for (int i = 0; i < some; i++) {
        shapes[i] = wg_view_of(operands[i]);
    }
    const wg_status status =
        wg_einsum_parse(subscripts, n, shapes, &parsed, message, sizeof message);
    if (status != WG_OK) {
        return wg_products_fail(some, operands, status, "einsum", site, "%s", message);
    }
    wg_einsum_sets(&parsed, shapes, set);
    wg_einsum_order(&parsed, set, &plan);
    for (int i = 0; i < n; i++) {
        item[i] = (wg_labelled){operands[i], parsed.term[i]};
        take_diagonals(&item[i], site);
        drop_axes(&item[i], set[i], site);
    }
    if (tape != NULL && tape->status != WG_OK) {
        return wg_poison(tape);
    }
    return multiply_all(&parsed, &plan, item, site);
}
