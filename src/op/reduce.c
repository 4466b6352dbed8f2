/* reduce.c: sum, mean, amax, amin over any axes (prod is in prod.c, argmax in argmax.c). */
#include "op/reduce.h"

#include "kernel/copy.h"
#include "kernel/reduce.h"
#include "op/axes.h"
#include "op/define.h"
#include "op/samples.h"

wg_status wg_reduce_shape(wg_call *call, bool may_be_empty) {
    const wg_axes *axes = wg_call_state(call);
    const wg_view *x = wg_call_operand(call, 0);
    int64_t shape[WG_MAX_RANK];
    unsigned bits;
    int rank = 0;
    if (!wg_call_axes(call, axes, &bits)) {
        return WG_ERROR_ARGUMENT;
    }
    const int64_t count = wg_axes_keep(x, bits, shape);
    if (count == 0 && !may_be_empty) {
        return wg_call_fail(call, WG_ERROR_SHAPE, "no elements to choose from, of shape %s",
                            wg_call_shape(call, 0));
    }
    for (int i = 0; i < x->rank; i++) {
        if ((bits >> i & 1) == 0 || axes->keep) {
            shape[rank++] = shape[i];
        }
    }
    return wg_call_result(call, x->dtype, rank, shape);
}

/* Contiguous memory as the operand's fold: its rank, size 1 where it is folded. Returns how many
 * elements each fold has. */
static int64_t fold_view(const wg_view *x, const wg_axes *axes, void *data, wg_view *fold) {
    int64_t stride = 1;
    *fold = *x;
    fold->data = data;
    const int64_t count = wg_axes_keep(x, wg_axes_bits(axes, x->rank), fold->shape);
    for (int i = x->rank - 1; i >= 0; i--) {
        fold->stride[i] = stride;
        stride *= fold->shape[i];
    }
    return count;
}

wg_status wg_reduce_forward(wg_call *call, wg_reduction kind, bool divide) {
    const wg_view *x = wg_call_operand(call, 0);
    wg_view fold;
    const int64_t count = fold_view(x, wg_call_state(call), wg_call_out(call)->data, &fold);
    wg_kernel_reduce(kind, x, &fold, divide ? (double)count : 1);
    return WG_OK;
}

int64_t wg_reduce_kept(const wg_call *call, int64_t *shape) {
    const wg_view x = wg_operand_shape(call, 0);
    return wg_axes_keep(&x, wg_axes_bits(wg_call_state(call), x.rank), shape);
}

wg_var wg_reduce_spread(wg_call *call, wg_var g) {
    const wg_view x = wg_operand_shape(call, 0);
    int64_t kept[WG_MAX_RANK];
    (void)wg_reduce_kept(call, kept);
    return wg_broadcast_to(wg_reshape(g, x.rank, kept), x.rank, x.shape);
}

/* ---- Planes -------------------------------------------------------------------------------- */

bool wg_reduce_planes(const wg_view *x, const wg_axes *axes, wg_planes *planes) {
    const unsigned bits = wg_axes_bits(axes, x->rank);
    int64_t size[3] = {1, 1, 1};
    int part = 0; /* of size */
    bool together = true;
    for (int i = 0; i < x->rank; i++) {
        const bool folded = (bits >> i & 1) != 0;
        if (x->shape[i] == 1) {
            continue;
        }
        if (folded) {
            together = together && part < 2;
            part = part < 1 ? 1 : part;
        } else if (part == 1) {
            part = 2;
        }
        size[folded ? 1 : part] *= x->shape[i];
    }
    *planes = (wg_planes){x->dtype, together ? size[0] : size[0] * size[2], size[1],
                          together ? size[2] : 1};
    return together;
}

const void *wg_reduce_operand(wg_call *call, wg_planes *planes) {
    const wg_view *x = wg_call_operand(call, 0);
    const wg_axes *axes = wg_call_state(call);
    if (wg_reduce_planes(x, axes, planes) && wg_view_is_contiguous(x)) {
        return wg_view_count(x) > 0 ? x->data : planes;
    }
    const unsigned bits = wg_axes_bits(axes, x->rank);
    const int64_t count = wg_view_count(x);
    int64_t stride = 1;
    wg_view to = *x;
    to.data = wg_call_scratch(call, (size_t)(count > 0 ? count : 1) * wg_dtype_size(x->dtype));
    if (to.data == NULL) {
        return NULL;
    }
    for (unsigned kept = 0; kept < 2; kept++) { /* the folded axes innermost */
        for (int i = x->rank - 1; i >= 0; i--) {
            if ((bits >> i & 1) != kept) {
                to.stride[i] = stride;
                stride *= x->shape[i];
            }
        }
    }
    planes->outer *= planes->inner;
    planes->inner = 1;
    wg_kernel_copy(x, &to);
    return to.data;
}

bool wg_reduce_fold(wg_call *call, wg_var g, wg_reduce_folded *folded) {
    const wg_view x = wg_operand_shape(call, 0);
    wg_planes *planes = &folded->planes;
    if (!wg_reduce_planes(&x, wg_call_state(call), planes)) {
        return false;
    }
    folded->x = wg_reshape(wg_operand(call, 0), WG_SHAPE(planes->outer, planes->n, planes->inner));
    folded->g = wg_reshape(g, WG_SHAPE(planes->outer, 1, planes->inner));
    return true;
}

wg_var wg_reduce_unfold(wg_call *call, wg_var y) {
    const wg_view x = wg_operand_shape(call, 0);
    return wg_reshape(y, x.rank, x.shape);
}

#define REDUCTION(label, kind, may_be_empty, divide, ...)                                          \
    static wg_status label##_shape(wg_call *call) {                                                \
        return wg_reduce_shape(call, may_be_empty);                                                \
    }                                                                                              \
    static wg_status label##_forward(wg_call *call) {                                              \
        return wg_reduce_forward(call, kind, divide);                                              \
    }                                                                                              \
    WG_SAMPLES(label, WG_REDUCE_SAMPLES, __VA_ARGS__)                                              \
    wg_var wg_##label##_at(wg_var x, wg_axes axes, const char *site) {                             \
        extern const wg_op wg_op_##label;                                                          \
        if (x.tape == NULL) { /* of one plain number */                                            \
            return x;                                                                              \
        }                                                                                          \
        return wg_apply(&wg_op_##label, 1, &x, &axes, sizeof axes, site);                          \
    }

/* ---- sum, mean ----------------------------------------------------------------------------- */

static void sum_chain(wg_call *call, wg_var g) {
    wg_give(call, 0, wg_reduce_spread(call, g));
}

static void mean_chain(wg_call *call, wg_var g) {
    int64_t kept[WG_MAX_RANK];
    wg_give(call, 0, wg_reduce_spread(call, wg_div(g, (double)wg_reduce_kept(call, kept))));
}

REDUCTION(sum, WG_REDUCE_SUM, true, false, WG_REDUCE_EMPTY_SAMPLES)
WG_DEFINE_OP(sum, sum_forward, sum_chain, 0, WG_OP_FLOATS)
REDUCTION(mean, WG_REDUCE_SUM, true, true, WG_REDUCE_EMPTY_SAMPLES)
WG_DEFINE_OP(mean, mean_forward, mean_chain, 0, WG_OP_FLOATS)

/* ---- amax, amin ---------------------------------------------------------------------------- */

/* 1/c at each of the c greatest (least) elements of a fold, else 0: what amax (amin) gives of its
 * gradient. */
typedef struct shares_state {
    wg_axes axes;
    wg_reduction kind;
} shares_state;

static wg_status extreme_shares_shape(wg_call *call) {
    const wg_view *x = wg_call_operand(call, 0);
    return wg_call_result(call, x->dtype, x->rank, x->shape);
}

static wg_status extreme_shares_forward(wg_call *call) {
    const shares_state *state = wg_call_state(call);
    const wg_view *x = wg_call_operand(call, 0);
    wg_view fold;
    (void)fold_view(x, &state->axes, NULL, &fold);
    fold.data = wg_call_scratch(call, (size_t)wg_view_count(&fold) * wg_dtype_size(fold.dtype));
    if (fold.data == NULL) {
        return WG_ERROR_MEMORY;
    }
    wg_kernel_extreme_shares(state->kind, x, &fold, wg_call_out(call));
    return WG_OK;
}

WG_SAMPLES(extreme_shares,
           {WG_OPERANDS(WG_FLOATS(-1, 1, 5)), WG_STATE(shares_state, {0}, WG_REDUCE_MAX)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3, 2)),
            WG_STATE(shares_state, {.count = 2, .axis = {0, -1}}, WG_REDUCE_MIN)})
WG_DEFINE_OP(extreme_shares, extreme_shares_forward, NULL, 0, WG_OP_FLOATS)

static void extreme_chain(wg_call *call, wg_var g, wg_reduction kind) {
    const wg_var x = wg_operand(call, 0);
    const wg_axes *axes = wg_call_state(call);
    const shares_state state = {*axes, kind};
    const int rank = wg_operand_shape(call, 0).rank;
    int64_t kept[WG_MAX_RANK];
    (void)wg_reduce_kept(call, kept);
    const wg_var shares = wg_apply(&wg_op_extreme_shares, 1, &x, &state, sizeof state, WG_HERE);
    wg_give(call, 0, wg_azmul(shares, wg_reshape(g, rank, kept)));
}

static void amax_chain(wg_call *call, wg_var g) {
    extreme_chain(call, g, WG_REDUCE_MAX);
}

static void amin_chain(wg_call *call, wg_var g) {
    extreme_chain(call, g, WG_REDUCE_MIN);
}

REDUCTION(amax, WG_REDUCE_MAX, false, false, WG_REDUCE_SOME_SAMPLES)
WG_DEFINE_OP(amax, amax_forward, amax_chain, WG_READS_OPERAND(0), WG_OP_FLOATS)
REDUCTION(amin, WG_REDUCE_MIN, false, false, WG_REDUCE_SOME_SAMPLES)
WG_DEFINE_OP(amin, amin_forward, amin_chain, WG_READS_OPERAND(0), WG_OP_FLOATS)
