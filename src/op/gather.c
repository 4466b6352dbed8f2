/* gather.c: rows of a table by number, and its transpose: rows added into a table. */
#include "kernel/gather.h"
#include "op/axes.h"
#include "op/define.h"
#include "op/samples.h"
#include "tape/tape.h"

#include <string.h>

static bool are_indices(const wg_view *view) {
    return view->dtype == WG_I64 || view->dtype == WG_U8;
}

static wg_status check_indices(wg_call *call) {
    return are_indices(wg_call_operand(call, 1))
               ? WG_OK
               : wg_call_fail(call, WG_ERROR_DTYPE, "the indices are %s, not i64 or u8",
                              wg_dtype_name(wg_call_operand(call, 1)->dtype));
}

static wg_status check_range(wg_call *call, int64_t rows) {
    const wg_view *indices = wg_call_operand(call, 1);
    const int64_t at = wg_kernel_index_outside(indices, rows);
    return at < 0
               ? WG_OK
               : wg_call_fail(call, WG_ERROR_ARGUMENT,
                              "index %lld (element %lld) is out of range for %lld rows",
                              (long long)wg_index_at(indices, at), (long long)at, (long long)rows);
}

/* ---- scatter_add_rows ---------------------------------------------------------------------- */

typedef struct scatter_state {
    int64_t rows;
} scatter_state;

/* Operands: rows, of shape indices.shape + row, and the indices. */
static wg_status scatter_add_rows_shape(wg_call *call) {
    const scatter_state *state = wg_call_state(call);
    const wg_view *x = wg_call_operand(call, 0), *indices = wg_call_operand(call, 1);
    int64_t shape[WG_MAX_RANK + 1] = {state->rows};
    if (x->dtype != WG_F32 && x->dtype != WG_F64) {
        return wg_call_fail(call, WG_ERROR_DTYPE, "the rows are %s, not f32 or f64",
                            wg_dtype_name(x->dtype));
    }
    bool fits = x->rank >= indices->rank && x->rank - indices->rank < WG_MAX_RANK;
    for (int i = 0; i < indices->rank && fits; i++) {
        fits = x->shape[i] == indices->shape[i];
    }
    if (!fits) {
        return wg_call_fail(call, WG_ERROR_SHAPE, "rows %s do not belong to indices %s",
                            wg_call_shape(call, 0), wg_call_shape(call, 1));
    }
    for (int i = indices->rank; i < x->rank; i++) {
        shape[1 + i - indices->rank] = x->shape[i];
    }
    const wg_status status = check_indices(call);
    return status == WG_OK ? wg_call_result(call, x->dtype, 1 + x->rank - indices->rank, shape)
                           : status;
}

static wg_status scatter_add_rows_forward(wg_call *call) {
    const wg_view *x = wg_call_operand(call, 0), *indices = wg_call_operand(call, 1);
    wg_view *out = wg_call_out(call);
    const size_t bytes = (size_t)wg_view_count(out) * wg_dtype_size(out->dtype);
    const wg_status status = check_range(call, out->shape[0]);
    if (status == WG_OK && bytes > 0) {
        memset(out->data, 0, bytes);
        wg_kernel_scatter_add_rows(x->dtype, indices,
                                   wg_sizes_product(x->shape, indices->rank, x->rank), x->data,
                                   out->data);
    }
    return status;
}

static void scatter_add_rows_chain(wg_call *call, wg_var g) {
    wg_give(call, 0, wg_gather_rows(g, wg_operand(call, 1)));
}

WG_SAMPLES(
    scatter_add_rows,
    {WG_OPERANDS(WG_FLOATS(-1, 1, 4, 2), WG_WHOLES(WG_I64, 3, 4)), WG_STATE(scatter_state, 3)},
    {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3), WG_WHOLES(WG_U8, 5, 2, 3)), WG_STATE(scatter_state, 5)},
    {WG_OPERANDS(WG_FLOATS(-1, 1, 0, 2), WG_WHOLES(WG_I64, 3, 0)), WG_STATE(scatter_state, 3)})
WG_DEFINE_OP(scatter_add_rows, scatter_add_rows_forward, scatter_add_rows_chain,
             WG_READS_OPERAND(1), WG_OP_CONTIGUOUS)

/* ---- gather_rows --------------------------------------------------------------------------- */

static wg_status gather_rows_shape(wg_call *call) {
    const wg_view *table = wg_call_operand(call, 0), *indices = wg_call_operand(call, 1);
    int64_t shape[2 * WG_MAX_RANK];
    if (table->rank == 0) {
        return wg_call_fail(call, WG_ERROR_SHAPE, "the table has no rows: its shape is []");
    }
    for (int i = 0; i < indices->rank; i++) {
        shape[i] = indices->shape[i];
    }
    for (int i = 1; i < table->rank; i++) {
        shape[indices->rank + i - 1] = table->shape[i];
    }
    const wg_status status = check_indices(call);
    return status == WG_OK
               ? wg_call_result(call, table->dtype, indices->rank + table->rank - 1, shape)
               : status;
}

static wg_status gather_rows_forward(wg_call *call) {
    const wg_view *table = wg_call_operand(call, 0), *indices = wg_call_operand(call, 1);
    const wg_status status = check_range(call, table->shape[0]);
    if (status == WG_OK) {
        const int64_t width = wg_sizes_product(table->shape, 1, table->rank);
        wg_kernel_gather_rows(indices, (size_t)width * wg_dtype_size(table->dtype), table->data,
                              wg_call_out(call)->data);
    }
    return status;
}

static void gather_rows_chain(wg_call *call, wg_var g) {
    const scatter_state state = {wg_operand_shape(call, 0).shape[0]};
    const wg_var operands[2] = {g, wg_operand(call, 1)};
    void *place = wg_give_into(call, 0, wg_view_of(g).dtype);
    if (place != NULL) {
        /* Outside of a recording sweep the rows are added in place: the rest of the table costs
         * nothing. */
        const wg_view rows = wg_view_of(wg_contiguous(g));
        const wg_view indices = wg_view_of(wg_contiguous(operands[1]));
        if (call->tape->status == WG_OK) {
            wg_kernel_scatter_add_rows(rows.dtype, &indices,
                                       wg_sizes_product(rows.shape, indices.rank, rows.rank),
                                       rows.data, place);
        }
        return;
    }
    wg_give(call, 0, wg_apply(&wg_op_scatter_add_rows, 2, operands, &state, sizeof state, WG_HERE));
}

WG_SAMPLES(gather_rows, {WG_OPERANDS(WG_FLOATS(-1, 1, 3, 2), WG_WHOLES(WG_I64, 3, 4))},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 4, 2, 3), WG_WHOLES(WG_U8, 4, 2, 1))},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 5), WG_WHOLES(WG_I64, 5, 2, 3))},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 3, 2), WG_WHOLES(WG_I64, 3, 0))})
WG_DEFINE_OP(gather_rows, gather_rows_forward, gather_rows_chain, WG_READS_OPERAND(1),
             WG_OP_CONTIGUOUS)

wg_var wg_gather_rows_at(wg_var table, wg_var indices, const char *site) {
    const wg_var operands[2] = {table, indices};
    return wg_apply(&wg_op_gather_rows, 2, operands, NULL, 0, site);
}
