/* matmul.c: matrix products of matrices, vectors and stacks of them. */
#include "kernel/matmul.h"
#include "kernel/matmul_bf16.h"
#include "op/axes.h"
#include "op/define.h"
#include "op/samples.h"

/* A product as matrices: vectors have become a row (left) or a column (right), and the leading axes
 * are stretched to their common shape. */
typedef struct product {
    int batch_rank; /* leading axes */
    int64_t batch[WG_MAX_RANK], a_batch[WG_MAX_RANK], b_batch[WG_MAX_RANK];
    int64_t m, n, k, b_k;
    int64_t a_row, a_column, b_row, b_column;
    bool fits; /* the leading axes broadcast */
} product;

static void stretch_batch(const wg_view *view, int matrix_axes, const product *p, int64_t *stride) {
    const int own_rank = view->rank - matrix_axes;
    for (int i = 0; i < p->batch_rank; i++) {
        const int own = i - (p->batch_rank - own_rank);
        stride[i] = own < 0 || view->shape[own] == 1 ? 0 : view->stride[own];
    }
}

static product product_of(const wg_view *a, const wg_view *b) {
    product p = {.fits = true};
    const int i = a->rank - 1, j = b->rank - 1;
    const int a_axes = i > 0 ? 2 : 1, b_axes = j > 0 ? 2 : 1;
    p.k = a->shape[i];
    p.a_column = a->stride[i];
    p.m = i > 0 ? a->shape[i - 1] : 1;
    p.a_row = i > 0 ? a->stride[i - 1] : 0;
    p.n = j > 0 ? b->shape[j] : 1;
    p.b_column = j > 0 ? b->stride[j] : 0;
    p.b_k = b->shape[j > 0 ? j - 1 : 0];
    p.b_row = b->stride[j > 0 ? j - 1 : 0];
    const int ra = a->rank - a_axes, rb = b->rank - b_axes;
    p.batch_rank = ra > rb ? ra : rb;
    for (int axis = 0; axis < p.batch_rank; axis++) {
        const int x = axis - (p.batch_rank - ra), y = axis - (p.batch_rank - rb);
        const int64_t sa = x < 0 ? 1 : a->shape[x], sb = y < 0 ? 1 : b->shape[y];
        p.fits = p.fits && (sa == sb || sa == 1 || sb == 1);
        p.batch[axis] = sa == 1 ? sb : sa;
    }
    stretch_batch(a, a_axes, &p, p.a_batch);
    stretch_batch(b, b_axes, &p, p.b_batch);
    return p;
}

static wg_status matmul_shape(wg_call *call) {
    const wg_view *a = wg_call_operand(call, 0), *b = wg_call_operand(call, 1);
    int64_t shape[WG_MAX_RANK];
    if (a->rank == 0 || b->rank == 0) {
        return wg_call_fail(call, WG_ERROR_SHAPE,
                            "it takes vectors and matrices: left is %s, right is %s",
                            wg_call_shape(call, 0), wg_call_shape(call, 1));
    }
    const product p = product_of(a, b);
    if (p.k != p.b_k) {
        return wg_call_fail(call, WG_ERROR_SHAPE, "inner sizes differ: left is %s, right is %s",
                            wg_call_shape(call, 0), wg_call_shape(call, 1));
    }
    if (!p.fits) {
        return wg_call_fail(call, WG_ERROR_SHAPE,
                            "leading axes do not broadcast: left is %s, right is %s",
                            wg_call_shape(call, 0), wg_call_shape(call, 1));
    }
    int rank = p.batch_rank;
    for (int i = 0; i < rank; i++) {
        shape[i] = p.batch[i];
    }
    if (a->rank > 1) {
        shape[rank++] = p.m;
    }
    if (b->rank > 1) {
        shape[rank++] = p.n;
    }
    return wg_call_result(call, a->dtype == WG_BF16 ? WG_F32 : a->dtype, rank, shape);
}

/* Merges leading axes that continue each other in both operands (the result is contiguous), and
 * takes one that only the left has into its rows: many small products become one large one. */
static void merge_batch(product *p) {
    int rank = 0;
    for (int i = 0; i < p->batch_rank; i++) {
        const int64_t size = p->batch[i];
        if (size == 1) {
            continue;
        }
        if (rank > 0 && p->a_batch[rank - 1] == p->a_batch[i] * size &&
            p->b_batch[rank - 1] == p->b_batch[i] * size) {
            p->batch[rank - 1] *= size;
        } else {
            p->batch[rank++] = size;
        }
        p->a_batch[rank - 1] = p->a_batch[i];
        p->b_batch[rank - 1] = p->b_batch[i];
    }
    if (rank > 0 && p->b_batch[rank - 1] == 0 &&
        (p->m == 1 || p->a_batch[rank - 1] == p->a_row * p->m)) {
        p->a_row = p->m == 1 ? p->a_batch[rank - 1] : p->a_row;
        p->m *= p->batch[--rank];
    }
    p->batch_rank = rank;
}

/* `count` products along the last leading axis of bf16 operands, one after the other. */
static bool run_bf16(const product *p, int64_t count, const wg_bf16 *a, int64_t a_step,
                     const wg_bf16 *b, int64_t b_step, float *c, void *scratch) {
    bool done = true;
    for (int64_t i = 0; i < count && done; i++) {
        done = wg_kernel_matmul_bf16(p->m, p->n, p->k, a + i * a_step, p->a_row, p->a_column,
                                     b + i * b_step, p->b_row, p->b_column, c + i * p->m * p->n,
                                     p->n, scratch);
    }
    return done;
}

/* The products along the last leading axis, `count` of them. */
static bool run(const product *p, wg_dtype dtype, int64_t count, const void *a, int64_t a_step,
                const void *b, int64_t b_step, void *c, void *scratch) {
    if (dtype == WG_BF16) {
        return run_bf16(p, count, a, a_step, b, b_step, c, scratch);
    }
    return dtype == WG_F32 ? wg_kernel_batch_matmul_f32(count, p->m, p->n, p->k, a, a_step,
                                                        p->a_row, p->a_column, b, b_step, p->b_row,
                                                        p->b_column, c, p->m * p->n, p->n, false)
                           : wg_kernel_batch_matmul_f64(count, p->m, p->n, p->k, a, a_step,
                                                        p->a_row, p->a_column, b, b_step, p->b_row,
                                                        p->b_column, c, p->m * p->n, p->n, false);
}

static wg_status matmul_forward(wg_call *call) {
    const wg_view *a = wg_call_operand(call, 0), *b = wg_call_operand(call, 1);
    const wg_view *out = wg_call_out(call);
    const int64_t size = (int64_t)wg_dtype_size(a->dtype);
    const int64_t out_size = (int64_t)wg_dtype_size(out->dtype);
    product p = product_of(a, b);
    void *scratch = NULL;
    if (wg_view_count(out) == 0) {
        return WG_OK;
    }
    merge_batch(&p);
    if (a->dtype == WG_BF16) {
        scratch = wg_call_scratch(call, wg_kernel_matmul_bf16_scratch(p.m, p.n, p.k));
        if (scratch == NULL) {
            return WG_ERROR_MEMORY;
        }
    }
    const int last = p.batch_rank - 1;
    const int64_t count = last >= 0 ? p.batch[last] : 1;
    const int64_t runs = wg_sizes_product(p.batch, 0, last);
    bool done = true;
    for (int64_t i = 0; i < runs && done; i++) {
        int64_t rest = i, at_a = 0, at_b = 0;
        for (int axis = last - 1; axis >= 0; axis--) {
            at_a += rest % p.batch[axis] * p.a_batch[axis];
            at_b += rest % p.batch[axis] * p.b_batch[axis];
            rest /= p.batch[axis];
        }
        done = run(&p, a->dtype, count, (const char *)a->data + at_a * size,
                   last >= 0 ? p.a_batch[last] : 0, (const char *)b->data + at_b * size,
                   last >= 0 ? p.b_batch[last] : 0,
                   (char *)out->data + i * count * p.m * p.n * out_size, scratch);
    }
    return done ? WG_OK : wg_call_fail(call, WG_ERROR_MEMORY, "no memory to pack the matrices");
}

/* x with an axis of size 1 put in at `axis`, counted from the last of the result (-1 or -2). */
static wg_var insert_axis(wg_var x, int axis) {
    const wg_view view = wg_view_of(x);
    int64_t shape[WG_MAX_RANK + 1];
    const int at = view.rank + 1 + axis;
    for (int i = 0; i < view.rank; i++) {
        shape[i < at ? i : i + 1] = view.shape[i];
    }
    shape[at] = 1;
    return wg_reshape(x, view.rank + 1, shape);
}

/* [..., m, k] as [all rows, k]. */
static wg_var as_rows(wg_var x) {
    const wg_view view = wg_view_of(x);
    const int last = view.rank - 1;
    return view.rank == 2
               ? x
               : wg_reshape(x, WG_SHAPE(wg_sizes_product(view.shape, 0, last), view.shape[last]));
}

static void matmul_chain(wg_call *call, wg_var g) {
    const wg_view left = wg_operand_shape(call, 0), right = wg_operand_shape(call, 1);
    wg_var a = wg_operand(call, 0), b = wg_operand(call, 1);
    if (left.dtype == WG_BF16) {
        g = wg_cast(g, WG_BF16); /* the products of the gradient are bf16 as well */
    }
    if (right.rank == 1) { /* a column; first, so that a row's axis of g goes before it */
        b = insert_axis(b, -1);
        g = insert_axis(g, -1);
    }
    if (left.rank == 1) {
        a = insert_axis(a, -2);
        g = insert_axis(g, -2);
    }
    if (wg_wants(call, 0)) {
        const wg_var ga = wg_matmul(g, wg_transpose(b));
        const wg_view shape = wg_view_of(ga);
        wg_give(call, 0, left.rank > 1 ? ga : wg_sum_over(ga, WG_AXES(shape.rank - 2)));
    }
    if (wg_wants(call, 1)) {
        /* A right operand that is one matrix takes all rows in one product. */
        const bool one = right.rank <= 2 && wg_rank(a) >= wg_rank(g);
        const wg_var gb =
            one ? wg_matmul(wg_transpose(as_rows(a)), as_rows(g)) : wg_matmul(wg_transpose(a), g);
        const wg_view shape = wg_view_of(gb);
        wg_give(call, 1, right.rank > 1 ? gb : wg_sum_over(gb, WG_AXES(shape.rank - 1)));
    }
}

WG_SAMPLES(matmul, {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3), WG_FLOATS(-1, 1, 3, 4))},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 3), WG_FLOATS(-1, 1, 3))},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3), WG_FLOATS(-1, 1, 3))},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 3), WG_FLOATS(-1, 1, 2, 3, 2))},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 2, 3), WG_FLOATS(-1, 1, 3, 2))},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3, 2), WG_FLOATS(-1, 1, 2))},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 1, 2, 3), WG_FLOATS(-1, 1, 3, 3, 2))},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 1, 1), WG_FLOATS(-1, 1, 1, 1))},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 0), WG_FLOATS(-1, 1, 0, 3))})
WG_DEFINE_OP(matmul, matmul_forward, matmul_chain, WG_READS_OPERANDS, WG_OP_FLOATS | WG_OP_BF16)

wg_var wg_matmul_at(wg_var a, wg_var b, const char *site) {
    const wg_var operands[2] = {a, b};
    return wg_apply(&wg_op_matmul, 2, operands, NULL, 0, site);
}
