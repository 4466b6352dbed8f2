/* affine.c: a fully connected layer as one operation: x · weightᵀ + bias. One pass instead of three
 * over the result, and a weight gradient that is added where it belongs without a copy of its own.
 */
#include "kernel/copy.h"
#include "kernel/matmul.h"
#include "op/define.h"
#include "op/samples.h"
#include "tape/tape.h"

#include <string.h>

/* Everything before x's last axis counts as rows. */
typedef struct wg_affine_sizes {
    int64_t rows, in, out;
} wg_affine_sizes;

static wg_affine_sizes sizes_of(const wg_view *x, const wg_view *weight) {
    wg_affine_sizes sizes = {1, weight->shape[1], weight->shape[0]};
    for (int axis = 0; axis + 1 < x->rank; axis++) {
        sizes.rows *= x->shape[axis];
    }
    return sizes;
}

static wg_status affine_shape(wg_call *call) {
    const wg_view *x = wg_call_operand(call, 0), *weight = wg_call_operand(call, 1);
    const wg_view *bias = wg_call_operand(call, 2);
    bool no_bias = bias->rank == 0;
    if (x->rank < 1 || weight->rank != 2 || x->shape[x->rank - 1] != weight->shape[1] ||
        (!no_bias && (bias->rank != 1 || bias->shape[0] != weight->shape[0]))) {
        return wg_call_fail(call, WG_ERROR_SHAPE,
                            "x %s, weight %s and bias %s are not [..., in], [out, in] and [out]",
                            wg_call_shape(call, 0), wg_call_shape(call, 1), wg_call_shape(call, 2));
    }
    int64_t shape[WG_MAX_RANK];
    for (int axis = 0; axis < x->rank; axis++) {
        shape[axis] = x->shape[axis];
    }
    shape[x->rank - 1] = weight->shape[0];
    return wg_call_result(call, x->dtype, x->rank, shape);
}

/* C = A·B or C += A·B in either float type; the strides are A's and B's. */
static bool product(wg_dtype dtype, int64_t m, int64_t n, int64_t k, const void *a, int64_t a_row,
                    int64_t a_column, const void *b, int64_t b_row, int64_t b_column, void *c,
                    bool accumulate) {
    return dtype == WG_F32 ? wg_kernel_matmul_f32(m, n, k, a, a_row, a_column, b, b_row, b_column,
                                                  c, n, accumulate)
                           : wg_kernel_matmul_f64(m, n, k, a, a_row, a_column, b, b_row, b_column,
                                                  c, n, accumulate);
}

static wg_status affine_forward(wg_call *call) {
    const wg_view *x = wg_call_operand(call, 0), *weight = wg_call_operand(call, 1);
    const wg_view *bias = wg_call_operand(call, 2);
    const wg_affine_sizes s = sizes_of(x, weight);
    wg_view *out = wg_call_out(call);
    const void *start = bias->rank == 1 ? bias->data : NULL; /* the bias in every row */
    bool worked;
    if (bias->rank == 0) {
        wg_view all = *out;
        all.data = bias->data;
        memset(all.stride, 0, sizeof all.stride);
        wg_kernel_copy(&all, out);
        start = out->data;
    }
    const int64_t step = bias->rank == 0 ? s.out : 0;
    if (out->dtype == WG_F32) {
        worked = wg_kernel_matmul_from_f32(s.rows, s.out, s.in, x->data, s.in, 1, weight->data, 1,
                                           s.in, start, step, out->data, s.out);
    } else {
        worked = wg_kernel_matmul_from_f64(s.rows, s.out, s.in, x->data, s.in, 1, weight->data, 1,
                                           s.in, start, step, out->data, s.out);
    }
    return worked ? WG_OK : wg_call_fail(call, WG_ERROR_MEMORY, "no memory to pack the matrices");
}

/* The chain rule on buffers: for contiguous operands of one dtype, outside of a recording sweep. */
static void chain_on_buffers(wg_call *call, wg_var x, wg_var weight, wg_var g) {
    const wg_view xv = wg_view_of(x), wv = wg_view_of(weight), gv = wg_view_of(g);
    const wg_affine_sizes s = sizes_of(&xv, &wv);
    bool accumulate = false, worked = true;
    void *place = wg_give_place(call, 0, gv.dtype, &accumulate);
    if (place != NULL) {
        worked = product(gv.dtype, s.rows, s.in, s.out, gv.data, s.out, 1, wv.data, s.in, 1, place,
                         accumulate);
    }
    bool kept = s.rows == 1 && wg_give_outer(call, 1, gv.dtype, s.out, s.in, gv.data, xv.data);
    place = kept ? NULL : wg_give_place(call, 1, gv.dtype, &accumulate);
    if (place != NULL) {
        worked = product(gv.dtype, s.out, s.in, s.rows, gv.data, 1, s.out, xv.data, s.in, 1, place,
                         accumulate) &&
                 worked;
    }
    wg_give(call, 2, g);
    if (!worked) {
        wg_call_fail(call, WG_ERROR_MEMORY, "no memory to pack the matrices of a gradient");
    }
}

static bool plain(wg_var x, wg_dtype dtype) {
    wg_view view = wg_view_of(x);
    return wg_is_array(x) && view.dtype == dtype && wg_view_is_contiguous(&view);
}

static void affine_chain(wg_call *call, wg_var g) {
    wg_var x = wg_operand(call, 0), weight = wg_operand(call, 1);
    wg_view gv = wg_view_of(g);
    if (!wg_call_records(call) && plain(g, gv.dtype) && plain(x, gv.dtype) &&
        plain(weight, gv.dtype)) {
        chain_on_buffers(call, x, weight, g);
        return;
    }
    wg_view xv = wg_operand_shape(call, 0), wv = wg_operand_shape(call, 1);
    const wg_affine_sizes s = sizes_of(&xv, &wv);
    wg_var rows = wg_reshape(g, 2, ((int64_t[]){s.rows, s.out}));
    if (wg_wants(call, 0)) {
        wg_give(call, 0, wg_reshape(wg_matmul(rows, weight), xv.rank, xv.shape));
    }
    if (wg_wants(call, 1)) {
        wg_var flat = wg_reshape(x, 2, ((int64_t[]){s.rows, s.in}));
        wg_give(call, 1, wg_matmul(wg_transpose(rows), flat));
    }
    wg_give(call, 2, g); /* the sweep sums over the rows */
}

WG_SAMPLES(affine,
           {WG_OPERANDS(WG_FLOATS(-1, 1, 3, 4), WG_FLOATS(-1, 1, 2, 4), WG_FLOATS(-1, 1, 2))},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3, 5), WG_FLOATS(-1, 1, 4, 5), WG_FLOATS(-1, 1, 4))},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 4), WG_FLOATS(-1, 1, 3, 4), WG_FLOATS(-1, 1, 3))},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 1, 1), WG_FLOATS(-1, 1, 1, 1), WG_FLOAT(-1, 1))},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 0, 4), WG_FLOATS(-1, 1, 2, 4), WG_FLOATS(-1, 1, 2))})

WG_DEFINE_OP(affine, affine_forward, affine_chain, WG_READS_OPERAND(0) | WG_READS_OPERAND(1),
             WG_OP_FLOATS | WG_OP_CONTIGUOUS)

wg_var wg_affine_at(wg_var x, wg_var weight, wg_var bias, const char *site) {
    wg_var operands[3] = {x, weight, bias};
    return wg_apply(&wg_op_affine, 3, operands, NULL, 0, site);
}
