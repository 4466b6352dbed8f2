/* checkpoint.c: a function whose inside is given back, and made again in the sweep.
 *
 * An operation has one result, so the results that are floats are packed into one array, of which
 * the verb hands out slices; a single array stands for itself. The operation is a view of operand
 * 0, the pack as forward left it, so nothing is copied onto the node. Its other operands are xs,
 * what f has looked at besides, and, where f has fetched gradient memory, a token that wants a
 * gradient, so that the sweep comes by. */
#include "transform/rerun.h"

#include "op/define.h"

#include <string.h>

typedef enum wg_kind {
    WG_KIND_OUTSIDE, /* a number, or a variable of before f */
    WG_KIND_WHOLE,   /* the pack itself */
    WG_KIND_PART,    /* elements of the pack */
    WG_KIND_SCALAR,  /* an element of the pack */
    WG_KIND_INTEGERS /* an array without a gradient */
} wg_kind;

typedef struct wg_output {
    wg_kind kind;
    wg_dtype dtype;
    int rank;
    int64_t shape[WG_MAX_RANK];
    int64_t first; /* in the pack */
} wg_output;

typedef struct wg_checkpoint {
    wg_closure closure;
    int captured;
    uint64_t checksum;
    wg_output output[]; /* closure.m */
} wg_checkpoint;

static bool is_outside(const wg_trace *trace, wg_var y) {
    return y.tape == NULL ||
           y.as.slot.index < (wg_var_is_array(y) ? trace->start.nodes : trace->start.scalars);
}

/* ---- Packing ----------------------------------------------------------------------------------
 */

/* What each result is. Returns how many stand in the pack. */
static int describe(const wg_trace *trace, wg_output *output) {
    int64_t first = 0;
    int packed = 0, last = 0;
    for (int j = 0; j < trace->closure.m; j++) {
        const wg_var y = trace->ys[j];
        const wg_view view = wg_view_of(y);
        memset(&output[j], 0, sizeof output[j]);
        output[j].dtype = view.dtype;
        output[j].rank = view.rank;
        memcpy(output[j].shape, view.shape, (size_t)view.rank * sizeof view.shape[0]);
        output[j].first = first;
        output[j].kind = is_outside(trace, y)   ? WG_KIND_OUTSIDE
                         : !wg_var_is_array(y)  ? WG_KIND_SCALAR
                         : wg_is_float_array(y) ? WG_KIND_PART
                                                : WG_KIND_INTEGERS;
        if (output[j].kind == WG_KIND_PART || output[j].kind == WG_KIND_SCALAR) {
            first += wg_view_count(&view);
            last = j;
            packed++;
        }
    }
    if (packed == 1 && output[last].kind == WG_KIND_PART) {
        output[last].kind = WG_KIND_WHOLE;
    }
    return packed;
}

/* The pack, as an array of one axis; a WHOLE is left in its shape. Poisoned where that fails. */
static wg_var pack(const wg_trace *trace, const wg_output *output) {
    wg_tape *tape = trace->tape;
    wg_block *block = wg_pool_take(&tape->pool, (size_t)trace->closure.m * sizeof(wg_var));
    if (block == NULL) {
        wg_tape_fail(tape, WG_ERROR_MEMORY, trace->name, trace->site, "no memory for its results");
        return wg_poison(tape);
    }
    wg_var *const parts = wg_block_data(block);
    wg_var packed = wg_poison(tape);
    int count = 0;
    for (int j = 0; j < trace->closure.m; j++) {
        const wg_var y = trace->ys[j];
        if (output[j].kind == WG_KIND_WHOLE) {
            packed = y;
        } else if (output[j].kind == WG_KIND_PART) {
            parts[count++] = wg_reshape_at(y, 1, (const int64_t[]){-1}, trace->site);
        } else if (output[j].kind == WG_KIND_SCALAR) {
            parts[count++] = wg_stack_at(tape, 1, &y, trace->site);
        }
    }
    if (count > 0) {
        packed = wg_concat_at(count, parts, 0, trace->site);
    }
    wg_pool_drop(&tape->pool, block);
    return packed;
}

/* Result j out of the pack. */
static wg_var unpack(wg_var packed, const wg_output *output, const char *site) {
    if (output->kind == WG_KIND_WHOLE) {
        return packed;
    }
    if (output->kind == WG_KIND_SCALAR) {
        return wg_at_at(packed, output->first, site);
    }
    wg_view view = {.rank = output->rank};
    memcpy(view.shape, output->shape, sizeof view.shape);
    const wg_var part =
        wg_slice_at(packed, 0, output->first, output->first + wg_view_count(&view), 1, site);
    const wg_var shaped = wg_reshape_at(part, output->rank, output->shape, site);
    return wg_view_of(shaped).dtype == output->dtype ? shaped
                                                     : wg_cast_at(shaped, output->dtype, site);
}

/* Of the values' bits, four lanes of words: tells a second run that came out otherwise. */
static uint64_t checksum_of(wg_var packed) {
    const wg_view view = wg_view_of(packed);
    uint64_t lane[4] = {1, 2, 3, 4};
    const int64_t count = wg_view_count(&view), size = (int64_t)wg_dtype_size(view.dtype);
    if (view.data == NULL || !wg_view_is_contiguous(&view)) {
        for (int64_t i = 0; view.data != NULL && i < count; i++) {
            const double value = wg_view_element(&view, i);
            uint64_t word;
            memcpy(&word, &value, sizeof word);
            lane[0] = (lane[0] ^ word) * 0x9e3779b97f4a7c15u + 1;
        }
    } else {
        const char *at = view.data;
        for (int64_t left = count * size; left > 0; left -= 32, at += 32) {
            uint64_t word[4] = {0, 0, 0, 0};
            memcpy(word, at, left < 32 ? (size_t)left : 32);
            for (int k = 0; k < 4; k++) {
                lane[k] = (lane[k] ^ word[k]) * 0x9e3779b97f4a7c15u;
                lane[k] ^= lane[k] >> 29;
            }
        }
    }
    return lane[0] ^ lane[1] * 3 ^ lane[2] * 5 ^ lane[3] * 7;
}

/* ---- The operation ----------------------------------------------------------------------------
 */

/* Whether the second run came out as the first. */
static bool is_same(wg_call *call, const wg_checkpoint *state, const wg_trace *trace,
                    wg_output *output, wg_var *packed) {
    const char *what = NULL;
    (void)describe(trace, output);
    for (int j = 0; j < state->closure.m && what == NULL; j++) {
        if (memcmp(&output[j], &state->output[j], sizeof output[j]) != 0) {
            what = "results of other shapes";
        }
    }
    if (what == NULL) {
        *packed = pack(trace, output);
        if (call->tape->status != WG_OK) {
            return false;
        }
        what = checksum_of(*packed) != state->checksum ? "other values" : NULL;
    }
    wg_captures captures = {.count = 0};
    if (what == NULL && wg_captures_find(trace, &captures)) {
        const wg_var *known = call->operands + 1 + state->closure.n;
        for (int k = 0; k < captures.count && what == NULL; k++) {
            if (!wg_captures_have(known, state->captured, captures.vars[k])) {
                what = "operations on other variables";
            }
        }
    }
    wg_pool_drop(&call->tape->pool, captures.block);
    if (what != NULL) {
        (void)wg_call_fail(call, WG_ERROR_STATE,
                           "the function gave %s when it was run again; all it draws on has to be "
                           "as it was",
                           what);
    }
    return call->tape->status == WG_OK;
}

/* Runs f again: the packed results. */
static bool again(wg_call *call, wg_trace *trace, const void *context, wg_var *packed) {
    wg_tape *tape = call->tape;
    const wg_checkpoint *state = context;
    if (!wg_trace_run(trace)) {
        return false;
    }
    const size_t bytes = (size_t)state->closure.m * sizeof(wg_output);
    wg_block *block = wg_pool_take(&tape->pool, bytes);
    if (block == NULL) {
        (void)wg_call_fail(call, WG_ERROR_MEMORY, "no memory for its results");
        return false;
    }
    const bool same = is_same(call, state, trace, wg_block_data(block), packed);
    wg_pool_drop(&tape->pool, block);
    return same;
}

static void checkpoint_chain(wg_call *call, wg_var g) {
    const wg_checkpoint *state = wg_call_state(call);
    const wg_rerun rerun = {.closure = state->closure,
                            .xs = call->operands + 1,
                            .first = 1,
                            .captured = state->captured,
                            .name = "checkpoint",
                            .run = again,
                            .context = state};
    wg_rerun_chain(call, &rerun, g);
}

/* Samples cannot hold a function; tests make theirs. */
static bool checkpoint_samples(int index, wg_sample *sample) {
    (void)index, (void)sample;
    return false;
}

#define checkpoint_shape wg_rerun_shape

/* Of operand 0 only the storage is shared. */
WG_DEFINE_OP(checkpoint, NULL, checkpoint_chain, WG_READS_OPERANDS & ~WG_READS_OPERAND(0),
             WG_OP_BF16)

/* ---- The verb ---------------------------------------------------------------------------------
 */

/* Runs f, keeps its results, and records the operation. `ys` has room for one more. */
static void make(wg_trace *trace, wg_checkpoint *state, const wg_var *xs, wg_var *ys) {
    wg_tape *tape = trace->tape;
    const int m = state->closure.m;
    wg_captures captures = {.count = 0};
    int packed = 0;
    if (wg_trace_run(trace) && wg_captures_find(trace, &captures)) {
        packed = describe(trace, state->output);
        memcpy(ys, trace->ys, (size_t)m * sizeof *ys);
        ys[m] = packed > 0 ? pack(trace, state->output) : wg_number(0);
        state->checksum = packed > 0 && tape->status == WG_OK ? checksum_of(ys[m]) : 0;
        state->captured = captures.count;
        /* what is packed need not be kept twice */
        for (int j = 0; j < m; j++) {
            const wg_kind kind = state->output[j].kind;
            if (kind != WG_KIND_OUTSIDE && kind != WG_KIND_INTEGERS) {
                ys[j] = wg_number(0);
            }
        }
    }
    if (wg_trace_end(trace, ys, tape->status == WG_OK ? m + 1 : 0) == WG_OK && packed > 0) {
        const size_t bytes = sizeof *state + (size_t)m * sizeof state->output[0];
        const wg_var whole = wg_rerun_record(trace, &wg_op_checkpoint, ys[m], state->closure.n, xs,
                                             &captures, state, bytes);
        for (int j = 0; j < m; j++) {
            const wg_kind kind = state->output[j].kind;
            if (kind != WG_KIND_OUTSIDE && kind != WG_KIND_INTEGERS) {
                ys[j] = unpack(whole, &state->output[j], trace->site);
            }
        }
    }
    wg_pool_drop(&tape->pool, captures.block);
}

/* Nothing is recorded: f runs, and only its results stay. */
static void run_alone(wg_tape *tape, wg_closure closure, const wg_var *xs, wg_var *ys,
                      const char *site) {
    wg_trace trace;
    if (wg_trace_begin(&trace, tape, closure, xs, WG_INPUTS_CONSTANT, WG_TRACE_SCOPED, "checkpoint",
                       site)) {
        wg_trace_values(&trace);
        if (wg_trace_run(&trace)) {
            memcpy(ys, trace.ys, (size_t)closure.m * sizeof *ys);
        }
    }
    (void)wg_trace_end(&trace, ys, tape->status == WG_OK ? closure.m : 0);
}

static void record_run(wg_tape *tape, wg_closure closure, const wg_var *xs, wg_var *ys,
                       const char *site) {
    wg_trace trace;
    wg_block *block = NULL;
    const size_t m = (size_t)(closure.m > 0 ? closure.m : 0);
    const size_t bytes = (sizeof(wg_checkpoint) + m * sizeof(wg_output) + 63) / 64 * 64;
    if (wg_trace_begin(&trace, tape, closure, xs, WG_INPUTS_CONSTANT, WG_TRACE_SCOPED, "checkpoint",
                       site)) {
        block = wg_pool_take(&tape->pool, bytes + (m + 1) * sizeof *ys);
        if (block == NULL) {
            wg_tape_fail(tape, WG_ERROR_MEMORY, "checkpoint", site, "no memory for its record");
        }
    }
    if (block == NULL) {
        (void)wg_trace_end(&trace, NULL, 0);
        return;
    }
    wg_checkpoint *state = wg_block_data(block);
    memset(state, 0, bytes);
    state->closure = closure;
    wg_var *const results = (wg_var *)(void *)((char *)state + bytes);
    make(&trace, state, xs, results);
    memcpy(ys, results, m * sizeof *ys);
    wg_pool_drop(&tape->pool, block);
}

wg_status wg_checkpoint_at(wg_tape *tape, wg_array_function f, void *context, const wg_var *xs,
                           int n, wg_var *ys, int m, const char *site) {
    const wg_closure closure = {f, context, n, m};
    if (!wg_tape_records(tape)) {
        run_alone(tape, closure, xs, ys, site);
    } else {
        record_run(tape, closure, xs, ys, site);
    }
    for (int j = 0; j < m && tape->status != WG_OK; j++) {
        ys[j] = wg_poison(tape);
    }
    return tape->status;
}
