/* map.h (internal): a recorded function over the elements of arrays: what map.c (the operation),
 * map_chain.c (its chain rule) and map_run.c (the run over strided arrays) share. */
#ifndef WG_SRC_FUNCTION_MAP_H
#define WG_SRC_FUNCTION_MAP_H

#include "function/function.h"
#include "wengert/map.h"
#include "wengert/op.h"

/* ---- The operation (map.c) ------------------------------------------------------------------- */

typedef struct wg_map_state {
    const wg_function *fn; /* the caller's, alive until the tape is reset, or owned by such a one */
} wg_map_state;

/* The operation that maps fn; NULL and wg_last_message on failure. */
const wg_op *wg_map_op(const wg_function *fn);

/* The chain rule (map_chain.c). */
void wg_map_chain(wg_call *call, wg_var g);

/* ---- What a function keeps for it (map_code.c) ----------------------------------------------- */

/* All of this is made at first use and owned by the function; NULL and wg_last_message on failure.
 * Any thread may ask. */

/* The n operands' derivatives times g: inputs x, g, and the result r where `by_result`. */
typedef struct wg_map_gradient {
    wg_program *program;
    bool by_result;
} wg_map_gradient;
const wg_map_gradient *wg_map_gradient_of(const wg_function *fn);
/* False where the derivative to operand i is zero everywhere. */
bool wg_map_moves(const wg_map_gradient *gradient, uint32_t i);
/* g times the derivative to operand i alone, as a function of the same inputs. */
const wg_function *wg_map_derivative(const wg_function *fn, uint32_t i);

/* Bit i is operand i; functions of more operands than bits know all or nothing. */
typedef uint64_t wg_map_wanted;
#define WG_MAP_VALUE ((wg_map_wanted)0)
#define WG_MAP_ALL UINT64_MAX
#define WG_MAP_BITS 64

/* Code with one port an operand: of the value, or of the wanted operands' derivatives (outputs by
 * rising operand). */
const wg_code *wg_map_code(const wg_function *fn, wg_map_wanted wanted);

void wg_map_cache_free(wg_map_cache *cache); /* NULL is allowed */

/* ---- Runs over arrays (map_run.c) ------------------------------------------------------------ */

/* An operand, stretched to the result's shape: its axes, outermost first, merged where one goes on
 * where its neighbour ends. Rank 0 is one element everywhere. Strides count elements. */
typedef struct wg_map_in {
    const char *data;
    int rank;
    int64_t shape[WG_MAX_RANK], stride[WG_MAX_RANK];
} wg_map_in;

typedef enum wg_map_how {
    WG_MAP_STORE, /* to[point] = value; nothing where `to` is NULL */
    WG_MAP_ADD,   /* to[point] += value */
    WG_MAP_SUM    /* total[point mod period] = the sum of values, whatever the type in double */
} wg_map_how;

typedef struct wg_map_out {
    wg_map_how how;
    char *to;
    int64_t period;
    double *total; /* by the run: within its memory */
} wg_map_out;

/* One run: the caller fills the first part, wg_map_plan the second. */
typedef struct wg_map_run {
    const wg_code *code;
    wg_dtype dtype;
    int64_t count; /* points: elements of the result */
    int ins, outs;
    wg_map_in *in;
    wg_map_out *out;

    uint32_t lanes;
    int64_t blocks, together, pieces; /* of lanes; of a piece; of blocks */
    int64_t workers;
    size_t slot_bytes, scratch_bytes, worker_bytes, sum_bytes;
} wg_map_run;

/* `view` stretched to the shape of `out`. */
wg_map_in wg_map_in_of(const wg_view *view, const wg_view *out);
/* How the run will be cut; the bytes it needs. */
size_t wg_map_plan(wg_map_run *run);
/* Whether summing up `period` values costs little memory beside `count` points. */
bool wg_map_sums_well(int64_t count, int64_t period);
/* Runs; `memory` is 64-byte aligned and of the size that was planned. Results do not depend on
 * the number of threads. */
void wg_map_run_all(wg_map_run *run, void *memory);

#endif
