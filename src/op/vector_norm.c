/* vector_norm.c: p-norms over any axes. */
#include "op/axes.h"
#include "op/define.h"
#include "op/reduce.h"
#include "op/samples.h"
#include "tape/tape.h"

#include <math.h>

/* ---- norm1: the sum of |x| ----------------------------------------------------------------- */

static wg_status norm1_shape(wg_call *call) {
    return wg_reduce_shape(call, true);
}

static wg_status norm1_forward(wg_call *call) {
    return wg_reduce_forward(call, WG_REDUCE_SIZES, false);
}

static void norm1_chain(wg_call *call, wg_var g) {
    int64_t kept[WG_MAX_RANK];
    (void)wg_reduce_kept(call, kept);
    g = wg_reshape(g, wg_operand_shape(call, 0).rank, kept);
    wg_give(call, 0, wg_azmul(wg_sign(wg_operand(call, 0)), g));
}

#define WG_NORM_SAMPLES                                                                            \
    {WG_OPERANDS(WG_FLOATS(0.2, 1, 5)), WG_STATE(wg_axes, 0)},                                     \
        {WG_OPERANDS(WG_FLOATS(-1, -0.2, 3, 4)), WG_STATE(wg_axes, .count = 1, .axis = {0})},      \
        {WG_OPERANDS(WG_FLOATS(0.2, 1, 2, 3, 4)),                                                  \
         WG_STATE(wg_axes, .count = 2, .keep = true, .axis = {-1, 0})},                            \
        {WG_OPERANDS(WG_FLOATS(0.2, 1, 2, 1, 3, 2)), WG_STATE(wg_axes, .count = 1, .axis = {2})},  \
        {WG_OPERANDS(WG_FLOAT(0.2, 1)), WG_STATE(wg_axes, 0)}, WG_REDUCE_EMPTY_SAMPLES

WG_SAMPLES(norm1, WG_NORM_SAMPLES)
WG_DEFINE_OP(norm1, norm1_forward, norm1_chain, WG_READS_OPERAND(0), WG_OP_FLOATS)

/* ---- norm2: the root of the sum of x² ------------------------------------------------------ */

static wg_status norm2_shape(wg_call *call) {
    return wg_reduce_shape(call, true);
}

static wg_status norm2_forward(wg_call *call) {
    return wg_reduce_forward(call, WG_REDUCE_NORM, false);
}

/* x/r, and 0 at the zero vector, where the norm has no derivative but 0 is a subgradient. */
static void norm2_chain(wg_call *call, wg_var g) {
    const wg_var r = wg_result(call);
    int64_t kept[WG_MAX_RANK];
    (void)wg_reduce_kept(call, kept);
    const wg_var each = wg_where(r, wg_div(g, r), 0);
    wg_give(call, 0,
            wg_mul(wg_operand(call, 0), wg_reshape(each, wg_operand_shape(call, 0).rank, kept)));
}

WG_SAMPLES(norm2, WG_NORM_SAMPLES)
WG_DEFINE_OP(norm2, norm2_forward, norm2_chain, WG_READS_OPERAND(0) | WG_READS_RESULT, WG_OP_FLOATS)

/* ---- any p --------------------------------------------------------------------------------- */

/* (sum of |x|^p)^(1/p). Zeros take no part where p > 0, so that the infinite derivatives of powers
 * at 0 do not either; nor does a sum of nothing but zeros. */
static wg_var general(wg_var x, double p, wg_axes axes, const char *site) {
    const wg_var power = wg_number(p), root = wg_number(1 / p), zero = wg_number(0);
    if (p < 0) {
        const wg_var powers = wg_pow_at(wg_abs_at(x, site), power, site);
        return wg_pow_at(wg_sum_at(powers, axes, site), root, site);
    }
    const wg_var size = wg_where_at(x, wg_abs_at(x, site), wg_number(1), site);
    const wg_var sum =
        wg_sum_at(wg_where_at(x, wg_pow_at(size, power, site), zero, site), axes, site);
    const wg_var base = wg_where_at(sum, sum, wg_number(1), site);
    return wg_where_at(sum, wg_pow_at(base, root, site), zero, site);
}

wg_var wg_norm_at(wg_var x, double p, wg_axes axes, const char *site) {
    if (p != p) {
        if (x.tape != NULL) {
            (void)wg_tape_fail(x.tape, WG_ERROR_ARGUMENT, "norm", site, "p is NaN");
            return wg_poison(x.tape);
        }
        return wg_number(p);
    }
    if (x.tape == NULL) {
        return wg_number(p == 0 ? x.as.number != 0 : fabs(x.as.number));
    }
    if (p == 2) {
        return wg_apply(&wg_op_norm2, 1, &x, &axes, sizeof axes, site);
    }
    if (p == 1) {
        return wg_apply(&wg_op_norm1, 1, &x, &axes, sizeof axes, site);
    }
    if (p == 0) {
        return wg_sum_at(wg_ne_at(x, wg_number(0), site), axes, site);
    }
    if (isinf(p)) {
        const wg_var size = wg_abs_at(x, site);
        return p > 0 ? wg_amax_at(size, axes, site) : wg_amin_at(size, axes, site);
    }
    return general(x, p, axes, site);
}
