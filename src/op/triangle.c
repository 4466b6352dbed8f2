/* triangle.c: the lower and the upper triangle of matrices. */
#include "kernel/triangle.h"

#include "op/axes.h"
#include "op/define.h"
#include "op/samples.h"
#include "wengert/index.h"

typedef struct triangle_state {
    int64_t k;
} triangle_state;

static wg_status triangle_shape(wg_call *call) {
    const wg_view *x = wg_call_operand(call, 0);
    return x->rank < 2
               ? wg_call_fail(call, WG_ERROR_SHAPE, "x is %s, no matrix", wg_call_shape(call, 0))
               : wg_call_result(call, x->dtype, x->rank, x->shape);
}

static wg_status triangle_forward(wg_call *call, bool upper) {
    const triangle_state *state = wg_call_state(call);
    const wg_view *x = wg_call_operand(call, 0);
    wg_kernel_triangle(wg_dtype_size(x->dtype), wg_sizes_product(x->shape, 0, x->rank - 2),
                       x->shape[x->rank - 2], x->shape[x->rank - 1], state->k, upper, x->data,
                       wg_call_out(call)->data);
    return WG_OK;
}

#define TRIANGLE(label, upper)                                                                     \
    static wg_status label##_shape(wg_call *call) {                                                \
        return triangle_shape(call);                                                               \
    }                                                                                              \
    static wg_status label##_forward(wg_call *call) {                                              \
        return triangle_forward(call, upper);                                                      \
    }                                                                                              \
    static void label##_chain(wg_call *call, wg_var g) {                                           \
        const triangle_state *state = wg_call_state(call);                                         \
        wg_give(call, 0, wg_##label(g, state->k));                                                 \
    }                                                                                              \
    WG_SAMPLES(label, {WG_OPERANDS(WG_FLOATS(-1, 1, 3, 4)), WG_STATE(triangle_state, 0)},          \
               {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 4, 3)), WG_STATE(triangle_state, -1)},             \
               {WG_OPERANDS(WG_FLOATS(-1, 1, 3, 3)), WG_STATE(triangle_state, 2)},                 \
               {WG_OPERANDS(WG_FLOATS(-1, 1, 0, 3)), WG_STATE(triangle_state, 0)})                 \
    WG_DEFINE_OP(label, label##_forward, label##_chain, 0, WG_OP_CONTIGUOUS)                       \
    wg_var wg_##label##_at(wg_var x, int64_t k, const char *site) {                                \
        const triangle_state state = {k};                                                          \
        return wg_apply(&wg_op_##label, 1, &x, &state, sizeof state, site);                        \
    }

TRIANGLE(tril, false)
TRIANGLE(triu, true)
