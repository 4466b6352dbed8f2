/* trace.h (internal): running a C function of arrays so that its derivatives can be taken: on
 * inputs of its own, at any time, within sweeps too. */
#ifndef WG_SRC_TRANSFORM_TRACE_H
#define WG_SRC_TRANSFORM_TRACE_H

#include "tape/tape.h"
#include "wengert/transform.h"

/* A function and what it is called with. */
typedef struct wg_closure {
    wg_array_function function;
    void *context;
    int n, m;
} wg_closure;

/* One run of a closure. What is recorded from `start` on belongs to it. */
typedef struct wg_trace {
    wg_tape *tape;
    const char *name, *site; /* of the verb, for messages */
    wg_closure closure;
    wg_var *inputs, *ys; /* n and m; in `block` */
    wg_block *block;
    wg_point start;
    wg_point floor; /* behind the inputs: chain rules run from here on */
    bool is_open;
    bool is_scoped; /* all that is recorded goes at the end */
    bool is_repeat;
    wg_scope_mark mark;
    /* What is put back at the end. */
    int no_grad;
    bool sweeping;
    struct wg_grad_sweep *recorded;
    uint64_t adjoint_count;
} wg_trace;

/* How inputs are made of xs. */
typedef enum wg_inputs {
    WG_INPUTS_PASS,    /* variables, whose gradient flows on to the xs */
    WG_INPUTS_ACTIVE,  /* the same, but what wants no gradient does not come to want one */
    WG_INPUTS_LEAVES,  /* variables that share the xs' storage */
    WG_INPUTS_CONSTANT /* leaves where xs want a gradient, constants else */
} wg_inputs;

enum {
    WG_TRACE_SCOPED = 1,       /* all that is recorded goes at the end */
    WG_TRACE_FIRST_WANTS = 2,  /* the first input is a variable in any case */
    WG_TRACE_FIRST_SCALAR = 4, /* … and, an array of one element, comes as a scalar */
    WG_TRACE_REPEAT = 8        /* the function ran before: what it does outside the tape is done */
};

/* Records from here on, whatever is switched off or sweeping, and makes the inputs. False where the
 * tape fails; wg_trace_end is to be called all the same. */
bool wg_trace_begin(wg_trace *trace, wg_tape *tape, wg_closure closure, const wg_var *xs,
                    wg_inputs inputs, unsigned flags, const char *name, const char *site);
/* Calls the function; false where that fails. Can be called again. */
bool wg_trace_run(wg_trace *trace);
/* From here on nothing is recorded. */
void wg_trace_values(const wg_trace *trace);
/* Puts back what was; a scoped trace cuts all but keep[0..n), which become constants. */
wg_status wg_trace_end(wg_trace *trace, wg_var *keep, int n);

/* Whether a gradient flows into x. */
bool wg_var_wants(wg_var x);
/* A constant (or a leaf, if it is to want a gradient) that shares x's storage. */
wg_var wg_leaf_over(wg_tape *tape, wg_var x, bool wants);
bool wg_is_float_array(wg_var x);

/* Variables of before the trace that its function has looked at, each once. */
typedef struct wg_captures {
    wg_var *vars;
    int count, capacity;
    bool has_sinks; /* it fetched gradient memory outside of the tape inside */
    wg_block *block;
} wg_captures;
/* Fills `captures` (all zero before); false where memory ran out. Drop the block. */
bool wg_captures_find(const wg_trace *trace, wg_captures *captures);
bool wg_captures_have(const wg_var *vars, int count, wg_var x);

#endif
