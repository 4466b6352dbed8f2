/* map_chain.c: the chain rule of a map. A sweep that records gives maps of derived functions, so
 * that these have derivatives again; any other runs once over operands and adjoint for all
 * gradients that are wanted, and writes them where they belong. */
#include "function/map.h"
#include "tape/tape.h"

#include <string.h>

/* ---- Sweeps that record ---------------------------------------------------------------------- */

static void chain_in_verbs(wg_call *call, const wg_function *fn, wg_var g) {
    wg_tape *tape = call->tape;
    const wg_map_gradient *gradient = wg_map_gradient_of(fn);
    const int n = wg_call_count(call);
    wg_block *block = wg_pool_take(&tape->pool, ((size_t)n + 2) * sizeof(wg_var));
    if (gradient == NULL || block == NULL) {
        (void)wg_call_fail(call, WG_ERROR_MEMORY, "no memory for the derivative");
        wg_pool_drop(&tape->pool, block);
        return;
    }
    wg_var *x = wg_block_data(block);
    for (int i = 0; i < n; i++) {
        x[i] = wg_operand(call, i);
    }
    x[n] = g;
    x[n + 1] = gradient->by_result ? wg_result(call) : g;
    const int inputs = n + 1 + (gradient->by_result ? 1 : 0);
    for (int i = 0; i < n && tape->status == WG_OK; i++) {
        if (!wg_wants(call, i) || !wg_map_moves(gradient, (uint32_t)i)) {
            continue;
        }
        const wg_function *derivative = wg_map_derivative(fn, (uint32_t)i);
        if (derivative == NULL) {
            (void)wg_call_fail(call, WG_ERROR_MEMORY, "no memory for the derivative");
        } else {
            wg_give(call, i, wg_map_at(derivative, inputs, x, call->site));
        }
    }
    wg_pool_drop(&tape->pool, block);
}

/* ---- Sweeps that do not ---------------------------------------------------------------------- */

/* A number or a tape scalar as an array of rank 0. */
typedef union wg_map_cell {
    double f64;
    float f32;
} wg_map_cell;

/* One sweep's tables, in one block. */
typedef struct wg_map_sweep {
    wg_call *call;
    wg_view shape; /* the result's */
    int ins, outs;
    wg_map_in *in; /* operands, then g, then the result where it is read */
    wg_map_cell *cell;
    wg_map_out *out;
    int *operand;      /* whose gradient each out is */
    wg_block **buffer; /* an out's own memory, or NULL */
} wg_map_sweep;

static bool lay_out(wg_map_sweep *sweep, wg_block **memory) {
    const size_t n = (size_t)wg_call_count(sweep->call);
    const size_t bytes = (n + 2) * (sizeof *sweep->in + sizeof *sweep->cell + sizeof *sweep->out +
                                    sizeof *sweep->buffer + sizeof *sweep->operand);
    *memory = wg_pool_take(&sweep->call->tape->pool, bytes);
    if (*memory == NULL) {
        return false;
    }
    memset(wg_block_data(*memory), 0, bytes);
    sweep->in = wg_block_data(*memory);
    sweep->out = (wg_map_out *)(void *)(sweep->in + n + 2);
    sweep->buffer = (wg_block **)(void *)(sweep->out + n + 2);
    sweep->cell = (wg_map_cell *)(void *)(sweep->buffer + n + 2);
    sweep->operand = (int *)(void *)(sweep->cell + n + 2);
    return true;
}

static wg_view view_of(const wg_map_sweep *sweep, wg_var x, wg_map_cell *cell) {
    if (wg_var_is_array(x)) {
        return wg_node_of(x)->view;
    }
    const double value = x.tape == NULL ? x.as.number : x.tape->lane.value[x.as.slot.index];
    if (sweep->shape.dtype == WG_F32) {
        cell->f32 = (float)value;
    } else {
        cell->f64 = value;
    }
    return (wg_view){.dtype = sweep->shape.dtype, .data = cell};
}

static void read_operands(wg_map_sweep *sweep, wg_var g, bool by_result) {
    const int n = wg_call_count(sweep->call);
    sweep->ins = n + 1 + (by_result ? 1 : 0);
    for (int i = 0; i < sweep->ins; i++) {
        const wg_var x = i < n ? wg_operand(sweep->call, i) : i == n ? g : wg_result(sweep->call);
        const wg_view view = view_of(sweep, x, &sweep->cell[i]);
        sweep->in[i] = wg_map_in_of(&view, &sweep->shape);
    }
}

/* Elements of an operand that is broadcast along leading axes alone, so that its gradient is a sum
 * over whole rows; 0 for any other. */
static int64_t period_of(const wg_view *operand, const wg_view *shape) {
    int64_t period = 1;
    bool broadcast = false;
    for (int axis = shape->rank; axis-- > 0;) {
        const int own = axis - (shape->rank - operand->rank);
        const int64_t size = own < 0 ? 1 : operand->shape[own];
        if (size == shape->shape[axis] && !broadcast) {
            period *= size;
        } else if (size == 1) {
            broadcast = true;
        } else {
            return 0;
        }
    }
    return period;
}

/* Where operand i's gradient goes: its own place, sums, or memory that wg_give takes over. */
static bool place(wg_map_sweep *sweep, int i) {
    wg_call *call = sweep->call;
    const wg_view view = wg_operand_shape(call, i), *shape = &sweep->shape;
    const int64_t count = wg_view_count(shape), period = period_of(&view, shape);
    const int e = sweep->outs++;
    wg_map_out *out = &sweep->out[e];
    sweep->operand[e] = i;
    if (!wg_wants(call, i)) { /* of a function of too many operands to choose among */
        return true;
    }
    if (wg_shape_equal(view.rank, view.shape, shape->rank, shape->shape)) {
        bool accumulate = false;
        out->to = wg_give_place(call, i, shape->dtype, &accumulate);
        out->how = accumulate ? WG_MAP_ADD : WG_MAP_STORE;
    } else if (period > 0 && wg_map_sums_well(count, period)) {
        *out = (wg_map_out){.how = WG_MAP_SUM, .period = period};
        return true;
    }
    if (out->to == NULL && call->tape->status == WG_OK) {
        const size_t bytes = (size_t)count * wg_dtype_size(shape->dtype);
        sweep->buffer[e] = wg_pool_take(&call->tape->pool, bytes);
        out->how = WG_MAP_STORE;
        out->to = sweep->buffer[e] != NULL ? wg_block_data(sweep->buffer[e]) : NULL;
    }
    return out->to != NULL;
}

/* Sums in the operand's own shape and the result's type. */
static void give_sums(wg_map_sweep *sweep, int e) {
    wg_tape *tape = sweep->call->tape;
    const wg_map_out *out = &sweep->out[e];
    const int i = sweep->operand[e];
    if (out->period == 1) {
        wg_give(sweep->call, i, wg_number(out->total[0]));
        return;
    }
    wg_view view = wg_operand_shape(sweep->call, i);
    wg_view_set_contiguous(&view, sweep->shape.dtype, view.rank, view.shape);
    wg_block *block = wg_pool_take(&tape->pool, (size_t)out->period * wg_dtype_size(view.dtype));
    if (block == NULL) {
        (void)wg_call_fail(sweep->call, WG_ERROR_MEMORY, "no memory for a gradient");
        return;
    }
    view.data = wg_block_data(block);
    for (int64_t k = 0; k < out->period; k++) {
        if (view.dtype == WG_F32) {
            ((float *)view.data)[k] = (float)out->total[k];
        } else {
            ((double *)view.data)[k] = out->total[k];
        }
    }
    wg_give(sweep->call, i, wg_node_wrap(tape, &view, block));
    wg_pool_drop(&tape->pool, block);
}

static void give_buffer(wg_map_sweep *sweep, int e) {
    wg_tape *tape = sweep->call->tape;
    wg_view view = sweep->shape;
    view.data = sweep->out[e].to;
    const wg_var gradient = wg_node_wrap(tape, &view, sweep->buffer[e]);
    wg_pool_drop(&tape->pool, sweep->buffer[e]);
    sweep->buffer[e] = NULL;
    wg_give(sweep->call, sweep->operand[e], gradient);
}

static void run_sweep(wg_map_sweep *sweep, const wg_code *code) {
    wg_tape *tape = sweep->call->tape;
    wg_map_run run = {.code = code,
                      .dtype = sweep->shape.dtype,
                      .count = wg_view_count(&sweep->shape),
                      .ins = sweep->ins,
                      .outs = sweep->outs,
                      .in = sweep->in,
                      .out = sweep->out};
    wg_block *memory = wg_pool_take(&tape->pool, wg_map_plan(&run));
    if (memory == NULL) {
        (void)wg_call_fail(sweep->call, WG_ERROR_MEMORY, "no memory to run the derivative");
        return;
    }
    wg_map_run_all(&run, wg_block_data(memory));
    for (int e = 0; e < sweep->outs && tape->status == WG_OK; e++) {
        if (sweep->out[e].how == WG_MAP_SUM) {
            give_sums(sweep, e);
        } else if (sweep->buffer[e] != NULL) {
            give_buffer(sweep, e);
        }
    }
    wg_pool_drop(&tape->pool, memory);
}

/* Which operands' gradients are computed. */
static wg_map_wanted wanted_of(const wg_call *call, const wg_map_gradient *gradient) {
    wg_map_wanted wanted = 0;
    const int n = wg_call_count(call);
    for (int i = 0; i < n; i++) {
        if (wg_wants(call, i) && wg_map_moves(gradient, (uint32_t)i)) {
            wanted |= n > WG_MAP_BITS ? WG_MAP_ALL : (wg_map_wanted)1 << i;
        }
    }
    return wanted;
}

static void chain_on_buffers(wg_call *call, const wg_function *fn, wg_var g) {
    wg_map_sweep sweep = {.call = call, .shape = wg_view_of(g)};
    const int n = wg_call_count(call);
    const wg_map_gradient *gradient = wg_map_gradient_of(fn);
    const wg_map_wanted wanted = gradient != NULL ? wanted_of(call, gradient) : 0;
    if (gradient != NULL && wanted == 0) {
        return;
    }
    wg_view_set_contiguous(&sweep.shape, sweep.shape.dtype, sweep.shape.rank, sweep.shape.shape);
    const wg_code *code = gradient != NULL ? wg_map_code(fn, wanted) : NULL;
    wg_block *tables = NULL;
    bool ready = code != NULL && lay_out(&sweep, &tables);
    if (ready) {
        read_operands(&sweep, g, gradient->by_result);
    }
    for (int i = 0; i < n && ready; i++) {
        if (n > WG_MAP_BITS || (wanted >> i & 1) != 0) {
            ready = place(&sweep, i);
        }
    }
    if (ready) {
        run_sweep(&sweep, code);
    } else {
        (void)wg_call_fail(call, WG_ERROR_MEMORY, "no memory for its derivative");
    }
    for (int e = 0; e < sweep.outs; e++) {
        wg_pool_drop(&call->tape->pool, sweep.buffer[e]);
    }
    wg_pool_drop(&call->tape->pool, tables);
}

void wg_map_chain(wg_call *call, wg_var g) {
    const wg_map_state *state = wg_call_state(call);
    if (wg_call_records(call)) {
        chain_in_verbs(call, state->fn, g);
    } else {
        chain_on_buffers(call, state->fn, g);
    }
}
