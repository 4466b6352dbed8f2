#include "op/axes.h"

int wg_call_axis(wg_call *call, int i, int axis) {
    const int rank = wg_operand_shape(call, i).rank;
    if (axis < -rank || axis >= rank) {
        (void)wg_call_fail(call, WG_ERROR_ARGUMENT, "there is no axis %d in the shape %s", axis,
                           wg_call_shape(call, i));
        return -1;
    }
    return axis < 0 ? axis + rank : axis;
}

bool wg_call_axes(wg_call *call, const wg_axes *axes, unsigned *bits) {
    const int rank = wg_operand_shape(call, 0).rank;
    if (axes->count < 0 || axes->count > WG_MAX_RANK) {
        (void)wg_call_fail(call, WG_ERROR_ARGUMENT, "%d axes named, of shape %s", axes->count,
                           wg_call_shape(call, 0));
        return false;
    }
    *bits = 0;
    for (int i = 0; i < axes->count; i++) {
        const int axis = wg_call_axis(call, 0, axes->axis[i]);
        if (axis < 0) {
            return false;
        }
        if ((*bits >> axis & 1) != 0) {
            (void)wg_call_fail(call, WG_ERROR_ARGUMENT, "axis %d of the shape %s is named twice",
                               axes->axis[i], wg_call_shape(call, 0));
            return false;
        }
        *bits |= 1u << axis;
    }
    *bits = wg_axes_bits(axes, rank);
    return true;
}

unsigned wg_axes_bits(const wg_axes *axes, int rank) {
    unsigned bits = 0;
    for (int i = 0; i < axes->count; i++) {
        bits |= 1u << (axes->axis[i] < 0 ? axes->axis[i] + rank : axes->axis[i]);
    }
    return axes->count == 0 ? (1u << rank) - 1 : bits;
}

int64_t wg_axes_keep(const wg_view *view, unsigned bits, int64_t *shape) {
    int64_t count = 1;
    for (int i = 0; i < view->rank; i++) {
        const bool folded = (bits >> i & 1) != 0;
        shape[i] = folded ? 1 : view->shape[i];
        count *= folded ? view->shape[i] : 1;
    }
    return count;
}

int64_t wg_sizes_product(const int64_t *shape, int from, int to) {
    int64_t product = 1;
    for (int i = from; i < to; i++) {
        product *= shape[i];
    }
    return product;
}
