/* embed.c: rows of a table, of which one gets no gradient. */
#include "wengert/embed.h"
#include "op/define.h"
#include "op/samples.h"
#include "tape/tape.h"

#include <string.h>

/* Operands: rows, of shape indices.shape + row, and the indices. The rows themselves, as a view;
 * but no gradient goes to those whose index is `padding`. */
typedef struct embed_state {
    int64_t padding;
} embed_state;

static wg_status embed_mask_shape(wg_call *call) {
    const wg_view *rows = wg_call_operand(call, 0), *indices = wg_call_operand(call, 1);
    bool fits = rows->rank >= indices->rank;
    for (int i = 0; i < indices->rank && fits; i++) {
        fits = rows->shape[i] == indices->shape[i];
    }
    if (!fits || (indices->dtype != WG_I64 && indices->dtype != WG_U8)) {
        return wg_call_fail(call, WG_ERROR_SHAPE, "rows %s do not belong to indices %s",
                            wg_call_shape(call, 0), wg_call_shape(call, 1));
    }
    return wg_call_view(call, 0, 0, rows->rank, rows->shape, rows->stride);
}

static void embed_mask_chain(wg_call *call, wg_var g) {
    const embed_state *state = wg_call_state(call);
    const wg_view rows = wg_operand_shape(call, 0), indices = wg_operand_shape(call, 1);
    int64_t shape[WG_MAX_RANK];
    for (int i = 0; i < rows.rank; i++) {
        shape[i] = i < indices.rank ? indices.shape[i] : 1;
    }
    const wg_var counts = wg_ne(wg_cast(wg_operand(call, 1), rows.dtype), (double)state->padding);
    wg_give(call, 0, wg_azmul(wg_reshape(counts, rows.rank, shape), g));
}

/* Indices that are not the padding: for those the forward function is what the gradient says. */
WG_SAMPLES(embed_mask,
           {WG_OPERANDS(WG_FLOATS(-1, 1, 4, 2), WG_WHOLES(WG_I64, 3, 4)), WG_STATE(embed_state, 5)},
           {WG_OPERANDS(WG_FLOATS(-1, 1, 2, 3), WG_WHOLES(WG_U8, 5, 2, 3)),
            WG_STATE(embed_state, 7)})
WG_DEFINE_OP(embed_mask, NULL, embed_mask_chain, WG_READS_OPERAND(1), 0)

wg_var wg_embed_padded_at(wg_var table, wg_var indices, int64_t padding_index, const char *site) {
    const wg_view view = wg_view_of(table);
    const wg_var rows = wg_gather_rows_at(table, indices, site);
    if (rows.tape == NULL || wg_tape_status(rows.tape) != WG_OK) {
        return rows;
    }
    embed_state state;
    memset(&state, 0, sizeof state);
    state.padding = padding_index < 0 ? padding_index + view.shape[0] : padding_index;
    if (state.padding < 0 || state.padding >= view.shape[0]) {
        wg_tape_fail(rows.tape, WG_ERROR_ARGUMENT, "embed_padded", site,
                     "padding index %lld is out of range for %lld rows", (long long)padding_index,
                     (long long)view.shape[0]);
        return wg_poison(rows.tape);
    }
    const wg_var operands[2] = {rows, indices};
    return wg_apply(&wg_op_embed_mask, 2, operands, &state, sizeof state, site);
}
