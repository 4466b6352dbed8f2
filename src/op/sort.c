/* sort.c: sort, argsort, topk, median and quantile, extremes along an axis with their places. The
 * places are found without a gradient; the values are taken at them, which brings it. */
#include "kernel/sort.h"

#include <math.h>

#include "kernel/scan.h"
#include "op/axes.h"
#include "op/define.h"
#include "op/samples.h"
#include "tape/tape.h"
#include "wengert/index.h"

/* ---- Places -------------------------------------------------------------------------------- */

typedef struct sort_state {
    int axis;
    bool descending;
    int64_t k; /* topk: how many */
} sort_state;

static int axis_of(const wg_call *call) {
    const sort_state *state = wg_call_state(call);
    return state->axis < 0 ? state->axis + wg_operand_shape(call, 0).rank : state->axis;
}

static wg_planes planes_of(const wg_call *call) {
    const wg_view *x = wg_call_operand(call, 0);
    const int axis = axis_of(call);
    const wg_planes planes = {x->dtype, wg_sizes_product(x->shape, 0, axis), x->shape[axis],
                              wg_sizes_product(x->shape, axis + 1, x->rank)};
    return planes;
}

/* i64, of the operand's shape but for `count` places along the axis. */
static wg_status places_shape(wg_call *call, int64_t count) {
    const wg_view *x = wg_call_operand(call, 0);
    int64_t shape[WG_MAX_RANK];
    for (int i = 0; i < x->rank; i++) {
        shape[i] = i == axis_of(call) ? count : x->shape[i];
    }
    return wg_call_result(call, WG_I64, x->rank, shape);
}

static wg_status check_axis(wg_call *call) {
    const sort_state *state = wg_call_state(call);
    return wg_call_axis(call, 0, state->axis) < 0 ? WG_ERROR_ARGUMENT : WG_OK;
}

static wg_status not_empty(wg_call *call) {
    const wg_status status = check_axis(call);
    return status != WG_OK || wg_call_operand(call, 0)->shape[axis_of(call)] > 0
               ? status
               : wg_call_fail(call, WG_ERROR_SHAPE, "no elements to choose from, of shape %s",
                              wg_call_shape(call, 0));
}

static wg_status run_sort(wg_call *call, wg_sorting how) {
    const wg_planes planes = planes_of(call);
    if (wg_view_count(wg_call_out(call)) == 0) {
        return WG_OK;
    }
    void *scratch = wg_call_scratch(call, wg_kernel_argsort_scratch(&planes));
    if (scratch == NULL) {
        return WG_ERROR_MEMORY;
    }
    wg_kernel_argsort(&how, &planes, wg_call_operand(call, 0)->data, wg_call_out(call)->data,
                      scratch);
    return WG_OK;
}

static wg_status argsort_shape(wg_call *call) {
    const wg_status status = check_axis(call);
    return status == WG_OK ? places_shape(call, wg_call_operand(call, 0)->shape[axis_of(call)])
                           : status;
}

static wg_status argsort_forward(wg_call *call) {
    const sort_state *state = wg_call_state(call);
    const wg_sorting how = {state->descending, false, 0,
                            wg_call_operand(call, 0)->shape[axis_of(call)]};
    return run_sort(call, how);
}

static wg_status topk_shape(wg_call *call) {
    const sort_state *state = wg_call_state(call);
    const wg_status status = check_axis(call);
    if (status != WG_OK) {
        return status;
    }
    const int64_t n = wg_call_operand(call, 0)->shape[axis_of(call)];
    return state->k < 0 || state->k > n
               ? wg_call_fail(call, WG_ERROR_ARGUMENT, "k is %lld of an axis of %lld elements: %s",
                              (long long)state->k, (long long)n, wg_call_shape(call, 0))
               : places_shape(call, state->k);
}

static wg_status topk_forward(wg_call *call) {
    const sort_state *state = wg_call_state(call);
    const wg_sorting how = {state->descending, false, 0, state->k};
    return run_sort(call, how);
}

static wg_status median_shape(wg_call *call) {
    const wg_status status = not_empty(call);
    return status == WG_OK ? places_shape(call, 1) : status;
}

static wg_status median_forward(wg_call *call) {
    const wg_sorting how = {false, true, (wg_call_operand(call, 0)->shape[axis_of(call)] - 1) / 2,
                            1};
    return run_sort(call, how);
}

static wg_status scan_extreme(wg_call *call, bool least) {
    const wg_planes planes = planes_of(call);
    wg_kernel_scan_extreme(least, &planes, wg_call_operand(call, 0)->data, wg_call_out(call)->data);
    return WG_OK;
}

static wg_status cummax_shape(wg_call *call) {
    return argsort_shape(call);
}

static wg_status cummax_forward(wg_call *call) {
    return scan_extreme(call, false);
}

static wg_status cummin_shape(wg_call *call) {
    return argsort_shape(call);
}

static wg_status cummin_forward(wg_call *call) {
    return scan_extreme(call, true);
}

/* NAME_places: where the operation's elements stand, i64. */
#define PLACES(label)                                                                              \
    WG_SAMPLES(label, {WG_OPERANDS(WG_FLOATS(-1, 1, 5)), WG_STATE(sort_state, 0, false, 2)},       \
               {WG_OPERANDS(WG_FLOATS(-1, 1, 3, 4)), WG_STATE(sort_state, -1, true, 4)},           \
               {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 40, 3)), WG_STATE(sort_state, 1, true, 3)},        \
               {WG_OPERANDS(WG_WHOLES(WG_U8, 9, 3, 4)), WG_STATE(sort_state, 0, false, 1)},        \
               {WG_OPERANDS(WG_WHOLES(WG_I64, 9, 2, 35)), WG_STATE(sort_state, 1, false, 35)},     \
               {WG_OPERANDS(WG_FLOATS(-1, 1, 0, 3)), WG_STATE(sort_state, 1, false, 2)})           \
    WG_DEFINE_OP(label, label##_forward, NULL, 0, WG_OP_CONTIGUOUS)                                \
    static wg_var label##_places(wg_var x, int axis, bool descending, int64_t k,                   \
                                 const char *site) {                                               \
        const sort_state state = {axis, descending, k};                                            \
        return wg_apply(&wg_op_##label, 1, &x, &state, sizeof state, site);                        \
    }
PLACES(argsort)
PLACES(topk)
PLACES(median)
PLACES(cummax)
PLACES(cummin)

/* ---- Values -------------------------------------------------------------------------------- */

static wg_selection at_places(wg_var x, wg_var places, int axis, const char *site) {
    const wg_selection selection = {wg_take_along_at(x, places, axis, site), places};
    return selection;
}

/* Without the axis, of size 1. */
static wg_var without(wg_var x, int axis, const char *site) {
    const wg_view view = wg_view_of(x);
    int64_t shape[WG_MAX_RANK];
    int rank = 0;
    axis += axis < 0 ? view.rank : 0;
    for (int i = 0; i < view.rank; i++) {
        if (i != axis) {
            shape[rank++] = view.shape[i];
        }
    }
    return wg_reshape_at(x, rank, shape, site);
}

/* What one place of each line holds. */
static wg_selection at_one_place(wg_var x, wg_var places, int axis, bool keep, const char *site) {
    wg_selection s = at_places(x, places, axis, site);
    if (!keep) {
        s.values = without(s.values, axis, site);
        s.indices = without(s.indices, axis, site);
    }
    return s;
}

wg_var wg_argsort_at(wg_var x, int axis, bool descending, const char *site) {
    return argsort_places(x, axis, descending, 0, site);
}

wg_selection wg_sort_at(wg_var x, int axis, bool descending, const char *site) {
    return at_places(x, argsort_places(x, axis, descending, 0, site), axis, site);
}

wg_selection wg_topk_at(wg_var x, int64_t k, int axis, bool largest, const char *site) {
    return at_places(x, topk_places(x, axis, largest, k, site), axis, site);
}

wg_selection wg_max_along_at(wg_var x, int axis, bool keep, const char *site) {
    return at_one_place(x, wg_argmax_at(x, axis, true, site), axis, keep, site);
}

wg_selection wg_min_along_at(wg_var x, int axis, bool keep, const char *site) {
    return at_one_place(x, wg_argmin_at(x, axis, true, site), axis, keep, site);
}

wg_selection wg_median_at(wg_var x, int axis, bool keep, const char *site) {
    return at_one_place(x, median_places(x, axis, false, 0, site), axis, keep, site);
}

wg_selection wg_cummax_at(wg_var x, int axis, const char *site) {
    return at_places(x, cummax_places(x, axis, false, 0, site), axis, site);
}

wg_selection wg_cummin_at(wg_var x, int axis, const char *site) {
    return at_places(x, cummin_places(x, axis, false, 0, site), axis, site);
}

wg_var wg_quantile_at(wg_var x, double q, int axis, bool keep, const char *site) {
    const wg_var sorted = wg_sort_at(x, axis, false, site).values;
    const wg_view view = wg_view_of(sorted);
    if (x.tape == NULL || x.tape->status != WG_OK) {
        return sorted;
    }
    axis += axis < 0 ? view.rank : 0;
    if (!(q >= 0 && q <= 1) || view.shape[axis] == 0) {
        (void)wg_tape_fail(x.tape, q >= 0 && q <= 1 ? WG_ERROR_SHAPE : WG_ERROR_ARGUMENT,
                           "quantile", site, "q = %g of %lld elements", q,
                           (long long)view.shape[axis]);
        return wg_poison(x.tape);
    }
    const double place = q * (double)(view.shape[axis] - 1), below = floor(place);
    const int64_t low = (int64_t)below, high = low + (place > below);
    const wg_var a = wg_slice_at(sorted, axis, low, low + 1, 1, site);
    const wg_var b = wg_slice_at(sorted, axis, high, high + 1, 1, site);
    const wg_var last = wg_slice_at(sorted, axis, -1, WG_END, 1, site);
    wg_var value = a;
    if (high > low) {
        const wg_var step = wg_mul_vn(wg_sub_vv(b, a, site), place - below, site);
        value = wg_add_vv(a, step, site);
    }
    value = wg_where_at(wg_ne_at(last, last, site), last, value, site); /* NaN wins */
    return keep ? value : without(value, axis, site);
}
