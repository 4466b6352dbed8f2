/* rerun.h (internal): chain rules that run a C function again and sweep it at once. */
#ifndef WG_SRC_TRANSFORM_RERUN_H
#define WG_SRC_TRANSFORM_RERUN_H

#include "transform/trace.h"

typedef struct wg_rerun {
    wg_closure closure;
    const wg_var *xs; /* closure.n: the inputs are made of these */
    int first;        /* xs[i] is operand first + i of the call; behind them stand … */
    int captured;     /* … so many variables that the function looks at */
    unsigned flags;   /* WG_TRACE_… */
    const char *name;
    /* Runs the function in the trace; what is to be swept, or false where that fails. */
    bool (*run)(wg_call *call, wg_trace *trace, const void *context, wg_var *y);
    const void *context;
} wg_rerun;

/* Gives each operand its part of seed·dy. In a sweep that does not record, all that is recorded
 * goes at the end; in one that does it stays, unless nothing is to be recorded. */
void wg_rerun_chain(wg_call *call, const wg_rerun *rerun, wg_var seed);

/* Records the operation of a function whose values are already there, in `kept`, a constant: a view
 * of operand 0, which is `kept`; then come the xs, the captures, and, where the function has
 * fetched gradient memory, a token that wants a gradient. */
wg_var wg_rerun_record(const wg_trace *trace, const wg_op *op, wg_var kept, int n, const wg_var *xs,
                       const wg_captures *captures, const void *state, size_t bytes);

/* The shape rule of such operations. */
wg_status wg_rerun_shape(wg_call *call);

#endif
