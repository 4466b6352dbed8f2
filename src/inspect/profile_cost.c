/* profile_cost.c: what a run of an operation costs at least: multiply-adds, and bytes of memory. */
#include "inspect/profile.h"
#include "op/attention.h"

#include <string.h>

static int64_t count_of(wg_call *call, int i) {
    const wg_view view = wg_operand_shape(call, i);
    return wg_view_count(&view);
}

/* Size of the axis, counted from the last. */
static int64_t size_of(wg_call *call, int i, int back) {
    const wg_view view = wg_operand_shape(call, i);
    return view.rank >= back ? view.shape[view.rank - back] : 1;
}

static int64_t first_size(wg_call *call, int i) {
    const wg_view view = wg_operand_shape(call, i);
    return view.rank > 0 ? view.shape[0] : 1;
}

static int64_t per(int64_t count, int64_t parts) {
    return parts > 0 ? count / parts : 0;
}

static int64_t of_product(wg_call *call, const wg_view *result) {
    return wg_view_count(result) * size_of(call, 0, 1);
}

/* Each result takes a filter, each element of a transposed one's operand gives to one. */
static int64_t of_conv(wg_call *call, const wg_view *result) {
    return wg_view_count(result) * per(count_of(call, 1), first_size(call, 1));
}

static int64_t of_conv_transpose(wg_call *call, const wg_view *result) {
    (void)result;
    return count_of(call, 0) * per(count_of(call, 1), first_size(call, 1));
}

/* Operands x and the result's adjoint: each element of this meets one filter. */
static int64_t of_conv_weight(wg_call *call, const wg_view *result) {
    return count_of(call, 1) * per(wg_view_count(result), result->rank > 0 ? result->shape[0] : 1);
}

/* q kᵀ, and the weights times v. */
static int64_t of_attention(wg_call *call, const wg_view *result) {
    const wg_attention a = wg_attention_sizes(call);
    (void)result;
    return a.heads * a.queries * a.keys * (a.depth + a.width);
}

/* The recurrent product, of gates [..., gates · hidden] with a state [batch, hidden]; that of the
 * input is an operation of its own. */
static int64_t of_recurrence(wg_call *call, const wg_view *result) {
    (void)result;
    return count_of(call, 0) * size_of(call, 1, 1);
}

static const struct cost {
    const char *name;
    int64_t (*of)(wg_call *call, const wg_view *result);
} costs[] = {
    {"affine", of_product},
    {"attention", of_attention},
    {"conv", of_conv},
    {"conv_transpose", of_conv_transpose},
    {"conv_weight", of_conv_weight},
    {"gru", of_recurrence},
    {"lstm", of_recurrence},
    {"matmul", of_product},
    {"rnn", of_recurrence},
};

int64_t wg_profile_cost(wg_call *call, const wg_view *result) {
    for (size_t i = 0; i < WG_COUNT_OF(costs); i++) {
        if (strcmp(costs[i].name, call->op->name) == 0) {
            return costs[i].of(call, result);
        }
    }
    return 0;
}

int64_t wg_profile_bytes(wg_call *call, const wg_view *result, bool backward) {
    int64_t bytes = wg_view_count(result) * (int64_t)wg_dtype_size(result->dtype);
    for (int i = 0; i < call->count; i++) {
        const wg_view view = wg_operand_shape(call, i);
        if (wg_var_is_array(call->operands[i]) && (!backward || wg_wants(call, i))) {
            bytes += wg_view_count(&view) * (int64_t)wg_dtype_size(view.dtype);
        }
    }
    return bytes;
}
