/* elementwise.c: the rules as array operations. */
#include "op/rules.h"

#include "wengert/op.h"

#include <string.h>

/* `view` stretched to out's shape: stride 0 along the axes it is broadcast over. */
static wg_view stretch(const wg_view *view, const wg_view *out) {
    wg_view wide = *out;
    wide.data = view->data;
    for (int axis = 0; axis < out->rank; axis++) {
        int own = axis - (out->rank - view->rank);
        wide.stride[axis] = own < 0 || view->shape[own] == 1 ? 0 : view->stride[own];
    }
    return wide;
}

static void run_loop(wg_call *call, wg_loop loop) {
    wg_view inputs[WG_LOOP_INPUTS];
    const wg_view *out = wg_call_out(call);
    for (int i = 0; i < wg_call_count(call); i++) {
        inputs[i] = stretch(wg_call_operand(call, i), out);
    }
    wg_kernel_elementwise(loop, wg_call_count(call), inputs, out);
}

static wg_status elementwise_shape(wg_call *call) {
    return wg_call_broadcast(call);
}

static wg_status elementwise_forward(wg_call *call) {
    const wg_rule_info *info = wg_call_op(call)->detail;
    run_loop(call, wg_kernel_rule_loops()[info->index].value[wg_call_out(call)->dtype == WG_F64]);
    return WG_OK;
}

/* g · derivative in one pass, for sweeps that do not record themselves; operands g, x, y, z, r. */
typedef struct wg_partial_state {
    wg_rule_index index;
    int which;
} wg_partial_state;

static wg_status partial_forward(wg_call *call) {
    const wg_partial_state *state = wg_call_state(call);
    int is_f64 = wg_call_out(call)->dtype == WG_F64;
    run_loop(call, wg_kernel_rule_loops()[state->index].partial[state->which][is_f64]);
    return WG_OK;
}

static const wg_op partial_op = {.name = "elementwise derivative",
                                 .shape = elementwise_shape,
                                 .forward = partial_forward,
                                 .flags = WG_OP_FLOATS};

static void elementwise_chain(wg_call *call, wg_var g) {
    const wg_rule_info *info = wg_call_op(call)->detail;
    for (int which = 0; which < info->arity; which++) {
        if (!wg_wants(call, which)) {
            continue;
        }
        unsigned reads = info->reads[which];
        wg_var in[WG_LOOP_INPUTS] = {g, g, g, g, g};
        for (int i = 0; i < info->arity; i++) {
            in[1 + i] = (reads >> i & 1) != 0 ? wg_operand(call, i) : g;
        }
        in[4] = (reads & WG_RULE_READS_R) != 0 ? wg_result(call) : g;
        if (reads != 0 && !wg_call_records(call)) {
            wg_partial_state state = {info->index, which};
            wg_give(call, which,
                    wg_apply(&partial_op, WG_LOOP_INPUTS, in, &state, sizeof state, NULL));
            continue;
        }
        wg_var partial = info->partial[which](in[1], in[2], in[3], in[4]);
        bool is_zero = partial.tape == NULL && partial.as.number == 0;
        if (!is_zero) {
            wg_give(call, which, wg_times(g, partial, info));
        }
    }
}

/* ---- Samples ------------------------------------------------------------------------------- */

/* Shapes to try, one row a sample: rank, then sizes, for up to three operands. */
static const int8_t sample_shapes[][3][4] = {
    {{1, 5}, {1, 5}, {1, 5}},          {{2, 2, 3}, {1, 3}, {2, 2, 1}}, {{0}, {2, 2, 2}, {0}},
    {{3, 2, 1, 3}, {2, 4, 1}, {1, 1}}, {{2, 0, 3}, {1, 3}, {2, 0, 1}}, {{1, 1}, {0}, {1, 1}},
    {{1, 4}, {2, 3, 1}, {3, 2, 1, 4}},
};

static bool elementwise_samples(const wg_rule_info *info, int index, wg_sample *sample) {
    if (index >= (int)WG_COUNT_OF(sample_shapes)) {
        return false;
    }
    memset(sample, 0, sizeof *sample);
    sample->count = info->arity;
    for (int i = 0; i < info->arity; i++) {
        wg_sample_operand *operand = &sample->operand[i];
        const int8_t *row = sample_shapes[index][i];
        operand->dtype = info->index == WG_RULE_where && i == 0 ? WG_U8 : WG_F64;
        operand->rank = row[0];
        for (int axis = 0; axis < operand->rank; axis++) {
            operand->shape[axis] = row[1 + axis];
        }
        operand->low = info->low[i];
        operand->high = info->high[i];
        operand->fixed = info->low[i] == info->high[i];
    }
    if (info->index == WG_RULE_where) {
        sample->operand[0].low = 0;
        sample->operand[0].high = 2;
    }
    return true;
}

#define WG_SAMPLES(name, ...)                                                                      \
    static bool name##_samples(int index, wg_sample *sample) {                                     \
        return elementwise_samples(&wg_rule_infos[WG_RULE_##name], index, sample);                 \
    }
WG_RULES_ARITHMETIC(WG_SAMPLES)
WG_RULES_UNARY(WG_SAMPLES)
WG_RULES_BINARY(WG_SAMPLES)
WG_RULES_TERNARY(WG_SAMPLES)

/* ---- The operations ------------------------------------------------------------------------ */

#define WG_OP_ROW(label)                                                                           \
    {                                                                                              \
        .name = #label, .shape = elementwise_shape, .forward = elementwise_forward,                \
        .chain = elementwise_chain, .samples = label##_samples, .flags = WG_OP_FLOATS,             \
        .detail = &wg_rule_infos[WG_RULE_##label],
/* reads: the union over the derivatives, which must be a constant expression here. */
#include "op/rules_reads.h"
#define WG_OP_U(name, value, dx, ...)                                                              \
    WG_OP_ROW(name).reads = WG_RULE_READS(dx)                                                      \
    }                                                                                              \
    ,
#define WG_OP_B(name, value, dx, dy, ...)                                                          \
    WG_OP_ROW(name).reads = WG_RULE_READS((dx) | (dy))                                             \
    }                                                                                              \
    ,
#define WG_OP_T(name, value, dx, dy, dz, ...)                                                      \
    WG_OP_ROW(name).reads = WG_RULE_READS((dx) | (dy) | (dz))                                      \
    }                                                                                              \
    ,

const wg_op wg_rule_ops[WG_RULE_COUNT] = {WG_RULES_ARITHMETIC(WG_OP_B) WG_RULES_UNARY(WG_OP_U)
                                              WG_RULES_BINARY(WG_OP_B) WG_RULES_TERNARY(WG_OP_T)};
