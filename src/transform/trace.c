/* trace.c: one run of a C function of arrays: its inputs, what is recorded, what it looks at. */
#include "transform/trace.h"

#include <string.h>

bool wg_is_float_array(wg_var x) {
    return wg_dtype_is_float(wg_view_of(x).dtype);
}

bool wg_var_wants(wg_var x) {
    if (x.tape == NULL) {
        return false;
    }
    return wg_var_is_array(x) ? (wg_node_of(x)->flags & WG_NODE_WANTS) != 0
                              : x.tape->lane.opcode[x.as.slot.index] != WG_CODE_CONSTANT;
}

/* The value of a living scalar or number; not wg_value, which counts as a look by the user. */
static double number_of(wg_var x) {
    return x.tape == NULL ? x.as.number : x.tape->lane.value[x.as.slot.index];
}

wg_var wg_leaf_over(wg_tape *tape, wg_var x, bool wants) {
    const wg_node *node = wg_node_of(x);
    if (node != NULL) {
        const wg_var leaf = wg_node_wrap(tape, &node->view, node->block);
        wg_node *made = wg_node_of(leaf);
        if (made != NULL) {
            made->flags |= WG_NODE_LEAF | WG_NODE_KEPT;
            made->flags |= wants && wg_is_float_array(x) ? WG_NODE_WANTS : 0;
        }
        return leaf;
    }
    if (wants) {
        return wg_scalar(tape, number_of(x));
    }
    if (x.tape == NULL || !wg_lane_room(tape, 1, "constant", NULL)) {
        return x.tape == NULL ? x : wg_poison(tape);
    }
    return wg_lane_push(tape, WG_CODE_CONSTANT, 0, 0, number_of(x));
}

static wg_var input_of(const wg_trace *trace, wg_var x, wg_inputs inputs, bool wants) {
    if (inputs == WG_INPUTS_LEAVES || (inputs == WG_INPUTS_PASS && x.tape == NULL)) {
        return wg_leaf_over(trace->tape, x, true);
    }
    if (inputs == WG_INPUTS_CONSTANT) {
        return wg_leaf_over(trace->tape, x, wants || wg_var_wants(x));
    }
    if (!wg_var_is_array(x)) {
        return x.tape == NULL ? x : (wg_mul)(x, wg_number(1));
    }
    const wg_var passed = wg_scale_gradient_at(x, 1, trace->site);
    wants = (wants || inputs == WG_INPUTS_PASS) && wg_is_float_array(x);
    if (wants && trace->tape->status == WG_OK) { /* its chain rule gives to what wants, no other */
        wg_node_of(passed)->flags |= WG_NODE_WANTS;
    }
    return passed;
}

/* An array of one element as a scalar. */
static wg_var scalar_input(const wg_trace *trace, wg_var x, wg_inputs inputs, bool wants) {
    if (inputs == WG_INPUTS_ACTIVE || inputs == WG_INPUTS_PASS) {
        return wg_at_at(input_of(trace, x, inputs, true), 0, trace->site);
    }
    const double value = wg_view_element(&wg_node_of(x)->view, 0);
    return wants || wg_var_wants(x) ? wg_scalar(trace->tape, value) : wg_number(value);
}

bool wg_trace_begin(wg_trace *trace, wg_tape *tape, wg_closure closure, const wg_var *xs,
                    wg_inputs inputs, unsigned flags, const char *name, const char *site) {
    const bool is_scoped = (flags & WG_TRACE_SCOPED) != 0;
    memset(trace, 0, sizeof *trace);
    trace->tape = tape;
    trace->name = name;
    trace->site = site;
    trace->closure = closure;
    if (tape->status == WG_OK && (closure.function == NULL || closure.n < 0 || closure.m < 0)) {
        wg_tape_fail(tape, WG_ERROR_ARGUMENT, name, site,
                     closure.function == NULL ? "the function is NULL"
                                              : "a negative number of variables");
    }
    for (int i = 0; tape->status == WG_OK && i < closure.n; i++) {
        (void)wg_var_refused(tape, xs[i], i, name, site);
    }
    if (tape->status != WG_OK) {
        return false;
    }
    const size_t count = (size_t)closure.n + (size_t)closure.m;
    trace->block = wg_pool_take(&tape->pool, count * sizeof(wg_var));
    if (trace->block == NULL) {
        wg_tape_fail(tape, WG_ERROR_MEMORY, name, site, "no memory for %zu variables", count);
        return false;
    }
    trace->inputs = wg_block_data(trace->block);
    trace->ys = trace->inputs + closure.n;
    if (is_scoped) {
        trace->mark = wg_scope_begin(tape);
        if (tape->status != WG_OK) {
            return false;
        }
    }
    trace->is_open = true;
    trace->is_scoped = is_scoped;
    trace->is_repeat = (flags & WG_TRACE_REPEAT) != 0;
    trace->no_grad = tape->no_grad;
    trace->sweeping = tape->sweeping;
    trace->recorded = tape->recorded;
    trace->adjoint_count = tape->lane.adjoint_count;
    trace->start = wg_point_now(tape);
    tape->no_grad = 0;
    tape->sweeping = false;
    tape->recorded = NULL;
    tape->reruns++;
    tape->repeats += trace->is_repeat ? 1 : 0;
    wg_tape_switch(tape);
    for (int i = 0; i < closure.n && tape->status == WG_OK; i++) {
        const bool wants = i == 0 && (flags & WG_TRACE_FIRST_WANTS) != 0;
        const bool is_scalar = i == 0 && (flags & WG_TRACE_FIRST_SCALAR) != 0;
        trace->inputs[i] = (is_scalar ? scalar_input : input_of)(trace, xs[i], inputs, wants);
    }
    trace->floor = wg_point_now(tape);
    return tape->status == WG_OK;
}

bool wg_trace_run(wg_trace *trace) {
    wg_tape *tape = trace->tape;
    const int no_grad = tape->no_grad;
    for (int j = 0; j < trace->closure.m; j++) {
        trace->ys[j] = wg_number(0);
    }
    trace->closure.function(tape, trace->inputs, trace->ys, trace->closure.context);
    if (tape->status == WG_OK && tape->no_grad != no_grad) {
        wg_tape_fail(tape, WG_ERROR_STATE, trace->name, trace->site,
                     "the function leaves wg_no_grad_begin and _end unpaired");
    }
    for (int j = 0; j < trace->closure.m && tape->status == WG_OK; j++) {
        if (wg_var_refused(tape, trace->ys[j], j, "a function's result", trace->site)) {
            return false;
        }
    }
    return tape->status == WG_OK;
}

void wg_trace_values(const wg_trace *trace) {
    trace->tape->no_grad = 1;
    wg_tape_switch(trace->tape);
}

wg_status wg_trace_end(wg_trace *trace, wg_var *keep, int n) {
    wg_tape *tape = trace->tape;
    if (trace->is_open) {
        tape->no_grad = trace->no_grad;
        tape->sweeping = trace->sweeping;
        tape->recorded = trace->recorded;
        tape->reruns--;
        tape->repeats -= trace->is_repeat ? 1 : 0;
        wg_tape_switch(tape);
    }
    if (trace->is_open && trace->is_scoped) {
        if (tape->status != WG_OK) { /* what a broken sweep has left among the adjoints goes too */
            tape->lane.adjoints_kept = 1;
        }
        if (tape->scope_count > trace->mark.depth) { /* what the function left open */
            tape->scope_count = trace->mark.depth + 1;
        }
        (void)wg_scope_end(tape, trace->mark, keep, n);
        if (tape->lane.adjoint_count > trace->adjoint_count && !tape->lane.adjoints_kept) {
            tape->lane.adjoint_count = trace->adjoint_count;
        }
    }
    wg_pool_drop(&tape->pool, trace->block);
    trace->block = NULL;
    trace->is_open = false;
    return tape->status;
}

/* ---- What it looked at ----------------------------------------------------------------------- */

bool wg_captures_have(const wg_var *vars, int count, wg_var x) {
    for (int i = 0; i < count; i++) {
        if (vars[i].tape == x.tape && vars[i].as.bits == x.as.bits) {
            return true;
        }
    }
    return false;
}

static bool add(const wg_trace *trace, wg_captures *captures, wg_var x) {
    wg_tape *tape = trace->tape;
    if (wg_captures_have(captures->vars, captures->count, x)) {
        return true;
    }
    if (captures->count == captures->capacity) {
        const int capacity = captures->capacity == 0 ? 16 : 2 * captures->capacity;
        wg_block *grown = wg_pool_take(&tape->pool, (size_t)capacity * sizeof x);
        if (grown == NULL) {
            wg_tape_fail(tape, WG_ERROR_MEMORY, trace->name, trace->site,
                         "no memory for what the function looks at");
            return false;
        }
        if (captures->count > 0) {
            memcpy(wg_block_data(grown), captures->vars,
                   (size_t)captures->count * sizeof *captures->vars);
        }
        wg_pool_drop(&tape->pool, captures->block);
        captures->block = grown;
        captures->vars = wg_block_data(grown);
        captures->capacity = capacity;
    }
    captures->vars[captures->count++] = x;
    return true;
}

static bool add_of_node(const wg_trace *trace, wg_captures *captures, const wg_node *node) {
    captures->has_sinks = captures->has_sinks || node->sink != NULL;
    for (int k = 0; k < node->count; k++) {
        const wg_var x = node->operands[k];
        const bool is_array = wg_var_is_array(x);
        if (x.tape != NULL &&
            x.as.slot.index < (is_array ? trace->start.nodes : trace->start.scalars) &&
            !add(trace, captures, x)) {
            return false;
        }
    }
    return true;
}

static bool add_of_scalar(const wg_trace *trace, wg_captures *captures, uint64_t index) {
    const wg_tape *tape = trace->tape;
    if (tape->lane.opcode[index] == WG_CODE_AT) {
        const uint32_t array = tape->lane.operand[index].a;
        return array >= trace->start.nodes || add(trace, captures, wg_node_handle(tape, array));
    }
    uint32_t at[3];
    for (int k = wg_rules_operands(tape, index, at); k-- > 0;) {
        if (at[k] < trace->start.scalars && !add(trace, captures, wg_lane_handle(tape, at[k]))) {
            return false;
        }
    }
    return true;
}

bool wg_captures_find(const wg_trace *trace, wg_captures *captures) {
    const wg_tape *tape = trace->tape;
    for (uint64_t i = trace->floor.nodes; i < tape->node_count; i++) {
        if (!add_of_node(trace, captures, wg_node_at(tape, i))) {
            return false;
        }
    }
    for (uint64_t i = trace->floor.scalars; i < tape->lane.count; i++) {
        if (!add_of_scalar(trace, captures, i)) {
            return false;
        }
    }
    return true;
}
