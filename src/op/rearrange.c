/* rearrange.c: verbs of shape and order made of others: views where reshape, permute and slice are.
 */
#include "op/axes.h"
#include "op/verb.h"
#include "tape/tape.h"
#include "wengert/index.h"

#include <string.h>

/* ---- axes ---------------------------------------------------------------------------------- */

wg_var wg_squeeze_at(wg_var x, int axis, const char *site) {
    if (!wg_verb_takes(x, "squeeze", site)) {
        return wg_verb_nothing(x);
    }
    wg_view view = wg_view_of(x);
    axis = wg_verb_axis(x, axis, "squeeze", site);
    if (axis < 0) {
        return wg_poison(x.tape);
    }
    if (view.shape[axis] != 1) {
        return wg_verb_fails(x, WG_ERROR_SHAPE, "squeeze", site, "has size %lld on axis %d",
                             (long long)view.shape[axis], axis);
    }
    view.rank--;
    for (int i = axis; i < view.rank; i++) {
        view.shape[i] = view.shape[i + 1];
    }
    return wg_reshape_at(x, view.rank, view.shape, site);
}

wg_var wg_squeeze_all_at(wg_var x, const char *site) {
    if (!wg_verb_takes(x, "squeeze_all", site)) {
        return wg_verb_nothing(x);
    }
    const wg_view view = wg_view_of(x);
    int64_t shape[WG_MAX_RANK];
    int rank = 0;
    for (int i = 0; i < view.rank; i++) {
        if (view.shape[i] != 1) {
            shape[rank++] = view.shape[i];
        }
    }
    return wg_reshape_at(x, rank, shape, site);
}

wg_var wg_unsqueeze_at(wg_var x, int axis, const char *site) {
    if (!wg_verb_takes(x, "unsqueeze", site)) {
        return wg_verb_nothing(x);
    }
    wg_view view = wg_view_of(x);
    const int place = axis < 0 ? axis + view.rank + 1 : axis;
    if (place < 0 || place > view.rank) {
        return wg_verb_fails(x, WG_ERROR_ARGUMENT, "unsqueeze", site, "takes no new axis %d", axis);
    }
    if (view.rank == WG_MAX_RANK) {
        return wg_verb_fails(x, WG_ERROR_LIMIT, "unsqueeze", site, "has %d axes already",
                             WG_MAX_RANK);
    }
    for (int i = view.rank++; i > place; i--) {
        view.shape[i] = view.shape[i - 1];
    }
    view.shape[place] = 1;
    return wg_reshape_at(x, view.rank, view.shape, site);
}

wg_var wg_movedim_at(wg_var x, int from, int to, const char *site) {
    if (!wg_verb_takes(x, "movedim", site)) {
        return wg_verb_nothing(x);
    }
    const int rank = wg_rank(x);
    int axes[WG_MAX_RANK];
    from = wg_verb_axis(x, from, "movedim", site);
    to = from < 0 ? -1 : wg_verb_axis(x, to, "movedim", site);
    if (to < 0) {
        return wg_poison(x.tape);
    }
    for (int i = 0, next = 0; i < rank; i++) {
        next += next == from ? 1 : 0;
        axes[i] = i == to ? from : next++;
    }
    return wg_permute_at(x, rank, axes, site);
}

wg_var wg_swapaxes_at(wg_var x, int a, int b, const char *site) {
    if (!wg_verb_takes(x, "swapaxes", site)) {
        return wg_verb_nothing(x);
    }
    const int rank = wg_rank(x);
    int axes[WG_MAX_RANK];
    a = wg_verb_axis(x, a, "swapaxes", site);
    b = a < 0 ? -1 : wg_verb_axis(x, b, "swapaxes", site);
    if (b < 0) {
        return wg_poison(x.tape);
    }
    for (int i = 0; i < rank; i++) {
        axes[i] = i == a ? b : i == b ? a : i;
    }
    return wg_permute_at(x, rank, axes, site);
}

wg_var wg_flatten_at(wg_var x, int first, int last, const char *site) {
    if (!wg_verb_takes(x, "flatten", site)) {
        return wg_verb_nothing(x);
    }
    wg_view view = wg_view_of(x);
    if (view.rank == 0 && (first == 0 || first == -1) && (last == 0 || last == -1)) {
        return wg_reshape_at(x, 1, (const int64_t[]){1}, site); /* as PyTorch's */
    }
    first = wg_verb_axis(x, first, "flatten", site);
    last = first < 0 ? -1 : wg_verb_axis(x, last, "flatten", site);
    if (last < 0) {
        return wg_poison(x.tape);
    }
    if (first > last) {
        return wg_verb_fails(x, WG_ERROR_ARGUMENT, "flatten", site, "has axis %d behind axis %d",
                             first, last);
    }
    for (int i = first + 1; i < view.rank; i++) {
        if (i <= last) {
            view.shape[first] *= view.shape[i];
        } else {
            view.shape[i - (last - first)] = view.shape[i];
        }
    }
    return wg_reshape_at(x, view.rank - (last - first), view.shape, site);
}

/* ---- parts --------------------------------------------------------------------------------- */

wg_var wg_narrow_at(wg_var x, int axis, int64_t start, int64_t length, const char *site) {
    if (!wg_verb_takes(x, "narrow", site)) {
        return wg_verb_nothing(x);
    }
    const wg_view view = wg_view_of(x);
    axis = wg_verb_axis(x, axis, "narrow", site);
    if (axis < 0) {
        return wg_poison(x.tape);
    }
    const int64_t size = view.shape[axis], from = start < 0 ? start + size : start;
    if (from < 0 || from > size || length < 0 || length > size - from) {
        return wg_verb_fails(x, WG_ERROR_ARGUMENT, "narrow", site,
                             "has no %lld elements from %lld on along axis %d", (long long)length,
                             (long long)start, axis);
    }
    return wg_slice_at(x, axis, from, from + length, 1, site);
}

/* All `n` of them poisoned. */
static void fill_nothing(wg_var x, int n, wg_var *out) {
    for (int i = 0; i < n; i++) {
        out[i] = wg_verb_nothing(x);
    }
}

void wg_split_sizes_at(wg_var x, int axis, int n, const int64_t *sizes, wg_var *out,
                       const char *site) {
    fill_nothing(x, n, out);
    if (!wg_verb_takes(x, "split_sizes", site)) {
        return;
    }
    axis = wg_verb_axis(x, axis, "split_sizes", site);
    if (axis < 0) {
        return;
    }
    const int64_t size = wg_view_of(x).shape[axis];
    int64_t left = size;
    for (int i = 0; i < n && left >= 0; i++) {
        left = sizes[i] < 0 || sizes[i] > left ? -1 : left - sizes[i];
    }
    if (left != 0) {
        (void)wg_verb_fails(x, WG_ERROR_SHAPE, "split_sizes", site,
                            "has %lld elements along axis %d, the %d sizes do not add up to it",
                            (long long)size, axis, n);
        return;
    }
    for (int i = 0; i < n; i++) {
        out[i] = wg_slice_at(x, axis, left, left + sizes[i], 1, site);
        left += sizes[i];
    }
}

int wg_chunk_at(wg_var x, int axis, int n, wg_var *out, const char *site) {
    fill_nothing(x, n, out);
    if (!wg_verb_takes(x, "chunk", site)) {
        return n;
    }
    axis = wg_verb_axis(x, axis, "chunk", site);
    if (axis < 0) {
        return n;
    }
    if (n <= 0) {
        (void)wg_verb_fails(x, WG_ERROR_ARGUMENT, "chunk", site, "is to become %d chunks", n);
        return 0;
    }
    const int64_t size = wg_view_of(x).shape[axis];
    const int64_t each = size / n + (size % n != 0 ? 1 : 0);
    const int count = each == 0 ? n : (int)((size + each - 1) / each);
    for (int i = 0; i < count; i++) {
        const int64_t high = each * (i + 1);
        out[i] = wg_slice_at(x, axis, each * i, high < size ? high : size, 1, site);
    }
    return count;
}

/* ---- repetition ---------------------------------------------------------------------------- */

/* x with `count` copies along an axis: of the whole (`whole`), or of each element. */
static wg_var repeated(wg_var x, int axis, int64_t count, bool whole, const char *site) {
    wg_view view = wg_view_of(x);
    const int64_t before = wg_sizes_product(view.shape, 0, axis), size = view.shape[axis];
    const int64_t behind = wg_sizes_product(view.shape, axis + 1, view.rank);
    const int64_t apart[4] = {before, whole ? 1 : size, whole ? size : 1, behind};
    const int64_t wide[4] = {before, whole ? count : size, whole ? size : count, behind};
    view.shape[axis] = size == 0 ? 0 : size * count;
    x = wg_broadcast_to_at(wg_reshape_at(x, 4, apart, site), 4, wide, site);
    return wg_reshape_at(x, view.rank, view.shape, site);
}

/* Whether `count` copies along an axis are a shape that there is. */
static bool can_repeat(wg_var x, int axis, int64_t count, const char *name, const char *site) {
    wg_view view = wg_view_of(x);
    if (count < 0) {
        (void)wg_verb_fails(x, WG_ERROR_ARGUMENT, name, site, "is to be repeated %lld times",
                            (long long)count);
        return false;
    }
    if (view.shape[axis] > 0 && count > INT64_MAX / view.shape[axis]) {
        (void)wg_verb_fails(x, WG_ERROR_LIMIT, name, site, "is too large %lld times",
                            (long long)count);
        return false;
    }
    return true;
}

wg_var wg_tile_at(wg_var x, int rank, const int64_t *counts, const char *site) {
    if (!wg_verb_takes(x, "tile", site)) {
        return wg_verb_nothing(x);
    }
    const wg_view view = wg_view_of(x);
    const int whole = rank > view.rank ? rank : view.rank;
    int64_t shape[WG_MAX_RANK];
    if (rank < 0 || rank > WG_MAX_RANK) {
        return wg_verb_fails(x, WG_ERROR_ARGUMENT, "tile", site, "is to have %d axes", rank);
    }
    for (int i = 0; i < whole; i++) {
        shape[i] = i < whole - view.rank ? 1 : view.shape[i - (whole - view.rank)];
    }
    wg_var y = whole > view.rank ? wg_reshape_at(x, whole, shape, site) : x;
    for (int i = 0; i < rank && y.tape->status == WG_OK; i++) {
        const int axis = i + whole - rank;
        if (!can_repeat(y, axis, counts[i], "tile", site)) {
            return wg_poison(x.tape);
        }
        y = counts[i] == 1 ? y : repeated(y, axis, counts[i], true, site);
    }
    return y;
}

wg_var wg_repeat_at(wg_var x, int64_t count, int axis, const char *site) {
    if (!wg_verb_takes(x, "repeat", site)) {
        return wg_verb_nothing(x);
    }
    axis = wg_verb_axis(x, axis, "repeat", site);
    if (axis < 0 || !can_repeat(x, axis, count, "repeat", site)) {
        return wg_poison(x.tape);
    }
    return repeated(x, axis, count, false, site);
}

wg_var wg_roll_at(wg_var x, int64_t shift, int axis, const char *site) {
    if (!wg_verb_takes(x, "roll", site)) {
        return wg_verb_nothing(x);
    }
    axis = wg_verb_axis(x, axis, "roll", site);
    if (axis < 0) {
        return wg_poison(x.tape);
    }
    const int64_t size = wg_view_of(x).shape[axis];
    const int64_t by = size == 0 ? 0 : (shift % size + size) % size;
    if (by == 0) {
        return x;
    }
    const wg_var parts[2] = {wg_slice_at(x, axis, size - by, size, 1, site),
                             wg_slice_at(x, axis, 0, size - by, 1, site)};
    return wg_concat_at(2, parts, axis, site);
}

void wg_meshgrid_at(int n, const wg_var *xs, wg_var *out, const char *site) {
    int64_t shape[WG_MAX_RANK];
    for (int i = 0; i < n; i++) {
        out[i] = wg_verb_nothing(xs[i]);
    }
    for (int i = 0; i < n; i++) {
        if (!wg_verb_takes(xs[i], "meshgrid", site)) {
            return;
        }
        if (n > WG_MAX_RANK || wg_rank(xs[i]) > 1) {
            (void)wg_verb_fails(xs[i], n > WG_MAX_RANK ? WG_ERROR_LIMIT : WG_ERROR_SHAPE,
                                "meshgrid", site, n > WG_MAX_RANK ? "is one of %d" : "is no vector",
                                n);
            return;
        }
        shape[i] = wg_count(xs[i]);
    }
    for (int i = 0; i < n; i++) {
        int64_t own[WG_MAX_RANK];
        for (int k = 0; k < n; k++) {
            own[k] = k == i ? shape[i] : 1;
        }
        out[i] = wg_broadcast_to_at(wg_reshape_at(xs[i], n, own, site), n, shape, site);
    }
}
