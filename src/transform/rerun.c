/* rerun.c: the chain rule of a function that is run again: by values, or by variables. */
#include "transform/rerun.h"

#include <string.h>

wg_status wg_rerun_shape(wg_call *call) {
    const wg_view *kept = wg_call_operand(call, 0);
    return wg_call_view(call, 0, 0, kept->rank, kept->shape, kept->stride);
}

/* Hands on what an input has received. */
static void give_leaf(wg_call *call, int i, wg_var leaf) {
    wg_tape *tape = call->tape;
    wg_node *node = wg_node_of(leaf);
    if (node == NULL) {
        if (leaf.tape != NULL && leaf.as.slot.index < tape->lane.adjoint_count) {
            wg_give(call, i, wg_number(tape->lane.adjoint[leaf.as.slot.index]));
        }
        return;
    }
    const wg_adjoint_record *record = wg_node_adjoint(node);
    if (record != NULL) {
        wg_view view = node->view;
        memcpy(view.stride, record->stride, sizeof view.stride);
        view.dtype = wg_adjoint_dtype(view.dtype);
        view.data = record->data;
        const wg_var gradient = wg_node_wrap(tape, &view, record->block);
        wg_node_drop_adjoint(tape, node); /* the gradient alone holds it now */
        wg_give(call, i, gradient);
    }
}

/* The function's own sweep follows at once. What it looks at outside receives directly. */
static void chain_of_values(wg_call *call, const wg_rerun *rerun, wg_var seed) {
    wg_tape *tape = call->tape;
    wg_trace trace;
    wg_var y;
    if (wg_trace_begin(&trace, tape, rerun->closure, rerun->xs, WG_INPUTS_CONSTANT,
                       rerun->flags | WG_TRACE_SCOPED | WG_TRACE_REPEAT, rerun->name, call->site) &&
        rerun->run(call, &trace, rerun->context, &y)) {
        (void)wg_sweep_region(tape, trace.floor, 1, &y, &seed);
        for (int i = 0; i < rerun->closure.n && tape->status == WG_OK; i++) {
            if (wg_wants(call, rerun->first + i)) {
                give_leaf(call, rerun->first + i, trace.inputs[i]);
            }
        }
    }
    (void)wg_trace_end(&trace, NULL, 0);
}

/* Gradients as variables, of the inputs and of what the function looks at. `operand`, `xs` and
 * `out` have room for all. */
static void chain_of_variables(wg_call *call, const wg_rerun *rerun, wg_var seed, int *operand,
                               wg_var *xs, wg_var *out) {
    wg_tape *tape = call->tape;
    const bool values = !wg_tape_records(tape);
    int n = 0;
    for (int i = 0; i < rerun->closure.n + rerun->captured; i++) {
        if (wg_wants(call, rerun->first + i)) {
            operand[n++] = rerun->first + i;
        }
    }
    wg_trace trace;
    wg_var y = wg_number(0);
    const bool good =
        wg_trace_begin(&trace, tape, rerun->closure, rerun->xs,
                       values ? WG_INPUTS_CONSTANT : WG_INPUTS_ACTIVE,
                       rerun->flags | WG_TRACE_REPEAT | (values ? WG_TRACE_SCOPED : 0), rerun->name,
                       call->site) &&
        rerun->run(call, &trace, rerun->context, &y);
    for (int k = 0; k < n && good; k++) {
        const int i = operand[k] - rerun->first;
        xs[k] = i < rerun->closure.n ? trace.inputs[i] : call->operands[operand[k]];
    }
    if (good && values) {
        wg_trace_values(&trace);
    }
    const wg_pullback pullback = {.m = 1,
                                  .ys = &y,
                                  .seeds = &seed,
                                  .n = n,
                                  .xs = xs,
                                  .out = out,
                                  .floor = trace.floor,
                                  .name = rerun->name};
    const bool pulled = good && wg_pull_back(tape, &pullback) == WG_OK;
    if (wg_trace_end(&trace, out, pulled ? n : 0) == WG_OK) {
        for (int k = 0; k < n; k++) {
            wg_give(call, operand[k], out[k]);
        }
    }
}

void wg_rerun_chain(wg_call *call, const wg_rerun *rerun, wg_var seed) {
    if (!wg_call_records(call)) {
        chain_of_values(call, rerun, seed);
        return;
    }
    const size_t count = (size_t)(rerun->closure.n + rerun->captured);
    wg_block *block = wg_pool_take(&call->tape->pool, count * (2 * sizeof(wg_var) + sizeof(int)));
    if (block == NULL) {
        (void)wg_call_fail(call, WG_ERROR_MEMORY, "no memory for %zu variables", count);
        return;
    }
    wg_var *const xs = wg_block_data(block);
    chain_of_variables(call, rerun, seed, (int *)(void *)(xs + 2 * count), xs, xs + count);
    wg_pool_drop(&call->tape->pool, block);
}

wg_var wg_rerun_record(const wg_trace *trace, const wg_op *op, wg_var kept, int n, const wg_var *xs,
                       const wg_captures *captures, const void *state, size_t bytes) {
    wg_tape *tape = trace->tape;
    const size_t count = 2 + (size_t)n + (size_t)captures->count;
    wg_block *block = wg_pool_take(&tape->pool, count * sizeof(wg_var));
    if (block == NULL) {
        wg_tape_fail(tape, WG_ERROR_MEMORY, trace->name, trace->site, "no memory to record it");
        return wg_poison(tape);
    }
    wg_var *const operands = wg_block_data(block);
    int used = 0;
    operands[used++] = kept;
    for (int i = 0; i < n; i++) {
        operands[used++] = xs[i];
    }
    for (int k = 0; k < captures->count; k++) {
        operands[used++] = captures->vars[k];
    }
    if (captures->has_sinks) {
        operands[used++] = wg_variable(tape, WG_F64, WG_SHAPE(0), NULL);
    }
    const wg_var result = wg_apply(op, used, operands, state, bytes, trace->site);
    if (tape->status == WG_OK) { /* the result alone holds it now */
        wg_node_drop_storage(tape, wg_node_of(kept));
    }
    wg_pool_drop(&tape->pool, block);
    return result;
}
