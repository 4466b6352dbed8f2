/* tape.h (internal): what a tape is made of. */
#ifndef WG_SRC_TAPE_TAPE_H
#define WG_SRC_TAPE_TAPE_H

#include "base/base.h"
#include "tape/pool.h"
#include "wengert/array.h"
#include "wengert/elementwise.h"
#include "wengert/op.h"
#include "wengert/precision.h"
#include "wengert/tape.h"

#define WG_TAPE_MESSAGE_BYTES 512
#define WG_NODES_A_CHUNK 512
/* Scalar indices are 32 bits; the last two stay unused. */
#define WG_MOST_SCALARS (((uint64_t)1 << 32) - 2)
#define WG_MOST_NODES (((uint64_t)1 << 31) - 1)
/* Operands up to this many need no memory of their own in a call. */
#define WG_INLINE_OPERANDS 6

/* A readable adjoint of an array; its shape is its node's, its dtype follows (wg_adjoint_dtype).
 * Lives in a block of its own. */
typedef struct wg_adjoint_record {
    wg_block *block;
    void *data;
    int64_t stride[WG_MAX_RANK];
} wg_adjoint_record;

/* What wg_call_save keeps stands behind this in the same block. */
typedef struct wg_saved_record {
    _Alignas(64) wg_view view;
} wg_saved_record;

/* A gradient that is column · row, both kept instead of their product: what a layer's weight gets
 * from a batch of one. Whoever needs the gradient multiplies (wg_sink_settle); an optimizer may do
 * so piece by piece, in the cache. */
typedef struct wg_outer {
    bool pending; /* the gradient is this, and its memory holds nothing yet */
    int64_t rows, columns;
    void *column, *row; /* `rows` and `columns` elements of the sink's dtype */
} wg_outer;

/* Gradient memory outside the tape, contiguous, of the parameter's dtype. */
typedef struct wg_sink {
    void *gradient;
    wg_outer *outer; /* room for one, or NULL */
    bool fresh;      /* counts as zero, whatever it holds: the first gradient overwrites it */
} wg_sink;

enum {
    WG_NODE_WANTS = 1,    /* a gradient flows into it */
    WG_NODE_KEPT = 2,     /* storage and adjoint stay through a sweep */
    WG_NODE_GONE = 4,     /* storage was given back */
    WG_NODE_NEEDED = 8,   /* a chain rule will read it (during a sweep) */
    WG_NODE_LEAF = 16,    /* made by the user, not by an operation */
    WG_NODE_SPENT = 32,   /* a sweep used up its adjoint */
    WG_NODE_REACHED = 64, /* what is swept depends on it (during a sweep) */
    WG_NODE_SAVED = 128   /* its forward kept something for its chain rule */
};

typedef struct wg_node {
    wg_view view;
    wg_block *block;   /* the storage's owner; NULL for borrowed memory */
    wg_block *adjoint; /* holds a wg_adjoint_record; NULL before a sweep reaches the node */
    wg_block *saved;   /* a wg_saved_record and what forward kept for the chain rule, or NULL */
    const wg_op *op;   /* NULL for leaves and for what is not recorded */
    wg_var *operands;  /* `count` of them, in the arena */
    const void *state;
    const char *site;
    struct wg_sink *sink; /* gradient memory outside the tape, or NULL */
    uint64_t scalars;     /* how many scalars stood before it */
    uint32_t epoch;       /* with WG_ARRAY_BIT */
    int32_t count;
    uint32_t flags;
} wg_node;

/* Scalars from `first` on carry `epoch`; cutting the tape starts a new segment. */
typedef struct wg_segment {
    uint64_t first;
    uint32_t epoch;
} wg_segment;

/* What a watch is told of. */
typedef enum wg_watched {
    WG_WATCHED_FORWARD,  /* one run of an operation */
    WG_WATCHED_BACKWARD, /* one run of a chain rule */
    WG_WATCHED_SCALARS,  /* a stretch of scalars is swept */
    WG_WATCHED_SWEEP,    /* a backward sweep */
    WG_WATCHED_LAYER,
    WG_WATCHED_STEP /* of an optimizer */
} wg_watched;

/* Who looks on while a network runs: the profile of src/inspect. NULL on most tapes, which pay a
 * compare an operation for it. */
typedef struct wg_watch {
    /* A layer begins and ends; layers nest. `name` may be NULL. */
    void (*enter)(struct wg_watch *watch, const char *kind, const char *scope, const char *name);
    void (*leave)(struct wg_watch *watch, wg_var y);
    /* Anything else begins and ends, nested in what is open. `op` NULL: none. At the end, `call`
     * and `result` say what an operation worked on; NULL for all else and after a failure. */
    void (*begin)(struct wg_watch *watch, wg_watched what, const wg_op *op);
    void (*end)(struct wg_watch *watch, wg_call *call, const wg_view *result);
    /* What is open is over: the tape is reset. */
    void (*cut)(struct wg_watch *watch);
} wg_watch;

typedef struct wg_open_scope {
    uint64_t scalars, nodes, constants;
    wg_arena_mark arena;
} wg_open_scope;

struct wg_tape {
    wg_lane lane; /* first: the header records through it */

    uint64_t scalar_capacity; /* lane.capacity, but also while recording is off */
    double *constant;
    uint64_t constant_count, constant_capacity;
    uint64_t adjoint_capacity;
    wg_segment *segment;
    uint64_t segment_count, segment_capacity;

    wg_node **node_chunk;
    uint64_t node_count, chunk_count, chunk_capacity;
    wg_arena arena;
    wg_pool pool;

    wg_open_scope *scope;
    uint64_t scope_count, scope_capacity;
    int no_grad;         /* how many times recording was switched off */
    uint32_t next_epoch; /* 1 … 2^31-1, of scalars and nodes alike */
    uint32_t node_epoch;
    bool seeding;         /* the seed of a sweep that uses it up is on its way */
    bool sweeping;        /* a chain rule or a hook may be running, of either kind of sweep */
    int reruns;           /* how many functions are being run (again) whose inside is not to stay */
    int repeats;          /* of these, how many ran before: memory outside has seen their effect */
    uint64_t leaf_cursor; /* while sweeping: as lane.leaf_head, for what is not yet swept */
    struct wg_grad_sweep *recorded; /* the sweep that records itself, if one runs */
    bool anomaly;                   /* looks for NaN and infinities (anomaly.c) */
    wg_watch *watch;                /* who looks on, or NULL */
    const char **scalar_site; /* while it does: where each scalar was recorded, `sites` of them */
    uint64_t sites;
    int64_t values_read; /* scalars that wg_value has shown: decisions nobody recorded */

    wg_status status;
    char message[WG_TAPE_MESSAGE_BYTES];
};

/* ---- dtypes ---- */
static inline bool wg_dtype_is_float(wg_dtype dtype) {
    return dtype == WG_F32 || dtype == WG_F64 || dtype == WG_BF16;
}
/* Of an array's adjoint: gradients of bf16 arrays are summed in f32. */
static inline wg_dtype wg_adjoint_dtype(wg_dtype dtype) {
    return dtype == WG_BF16 ? WG_F32 : dtype;
}

/* ---- errors (tape.c) ---- */
/* Notes the first failure and switches recording off. `name` is the operation. Returns `status`. */
wg_status wg_tape_fail(wg_tape *tape, wg_status status, const char *name, const char *site,
                       const char *format, ...) WG_PRINTF(5, 6);
wg_status wg_tape_fail_v(wg_tape *tape, wg_status status, const char *name, const char *site,
                         const char *format, va_list arguments);
static inline wg_var wg_poison(wg_tape *tape) {
    wg_var var = {.tape = tape, .as = {.slot = {0, 0}}};
    return var;
}
/* Grows `*array` of `size`-byte elements to hold `need`, doubling. False where memory ran out. */
bool wg_tape_grow(wg_tape *tape, void **array, uint64_t *capacity, uint64_t need, size_t size);
uint32_t wg_tape_epoch(wg_tape *tape);
/* lane.capacity says whether the inline path may record; set it anew after each change. */
void wg_tape_switch(wg_tape *tape);
static inline bool wg_tape_records(const wg_tape *tape) {
    return tape->no_grad == 0;
}

/* ---- scalars (lane.c) ---- */
/* Room for `more` entries; fails on the tape where there is none. */
bool wg_lane_room(wg_tape *tape, uint64_t more, const char *name, const char *site);
/* Whether the slot names a living scalar. */
bool wg_lane_holds(const wg_tape *tape, wg_slot slot);
wg_var wg_lane_push(wg_tape *tape, uint16_t code, uint32_t a, uint32_t b, double value);
wg_var wg_lane_handle(const wg_tape *tape, uint64_t index);
/* Sets the adjoints of the scalars from `first` on to zero. */
void wg_lane_clear_adjoints(wg_tape *tape, uint64_t first);
/* Cuts the lane to its first `count` entries; later handles become stale. */
bool wg_lane_cut(wg_tape *tape, uint64_t count);

/* ---- nodes (node.c) ---- */
static inline wg_node *wg_node_at(const wg_tape *tape, uint64_t index) {
    return &tape->node_chunk[index / WG_NODES_A_CHUNK][index % WG_NODES_A_CHUNK];
}
/* The node a handle names, or NULL for anything else (number, scalar, stale, poisoned). */
wg_node *wg_node_of(wg_var x);
static inline bool wg_var_is_array(wg_var x) {
    return x.tape != NULL && (x.as.slot.epoch & WG_ARRAY_BIT) != 0;
}
wg_var wg_node_handle(const wg_tape *tape, uint64_t index);
/* A new, empty node at the end; NULL and a failure where memory ran out. */
wg_node *wg_node_push(wg_tape *tape, const char *name, const char *site);
/* A constant node over a block (shared, not taken over) or over borrowed memory (block NULL). */
wg_var wg_node_wrap(wg_tape *tape, const wg_view *view, wg_block *block);
void wg_nodes_cut(wg_tape *tape, uint64_t count);
static inline wg_adjoint_record *wg_node_adjoint(const wg_node *node) {
    return node->adjoint != NULL ? wg_block_data(node->adjoint) : NULL;
}
void wg_node_drop_adjoint(wg_tape *tape, wg_node *node);
void wg_node_drop_storage(wg_tape *tape, wg_node *node);
void wg_node_drop_saved(wg_tape *tape, wg_node *node);
void wg_view_set_contiguous(wg_view *view, wg_dtype dtype, int rank, const int64_t *shape);
/* wg_borrow with the caller's sink, which must outlive the tape's reset. */
wg_var wg_borrow_sink(wg_tape *tape, const wg_view *view, wg_sink *sink);
/* Writes what is pending; returns whether the memory still only counts as zero (and no longer
 * does). */
bool wg_sink_settle(wg_sink *sink, wg_dtype dtype);
/* out = rows [row, row + rows) and columns [column, column + columns) of the pending product, one
 * behind the other. */
void wg_outer_piece(const wg_outer *outer, wg_dtype dtype, int64_t row, int64_t rows,
                    int64_t column, int64_t columns, void *out);
/* The memory, with zeros where it only counted as zero. */
void *wg_sink_memory(const wg_node *node);
/* Element `index` in C order, as a double; there is one. */
double wg_view_element(const wg_view *view, int64_t index);
/* Element i of contiguous memory becomes `value`, as C converts it. */
void wg_set_element(wg_dtype dtype, void *data, int64_t i, double value);
/* Why an operand cannot be used: notes it on the tape and returns true. */
bool wg_var_refused(wg_tape *tape, wg_var x, int position, const char *name, const char *site);

/* ---- calls (apply.c) ---- */
struct wg_call {
    wg_tape *tape;
    const wg_op *op;
    const char *site;
    int count;
    const wg_var *operands;
    wg_view *views; /* NULL in chain */
    const void *state;
    wg_view out;
    wg_block *out_block;
    int view_of; /* the operand the result is a view of, or -1 */
    bool has_result;
    wg_block *scratch; /* linked through next */
    wg_block *saved;   /* as of a node */
    wg_node *node;     /* in chain: whose rule runs */
    uint64_t node_index;
    bool finite; /* in chain, where anomalies are looked for: whether the result's adjoint was */
    uint64_t placed; /* … and which operands' gradients the rule writes in place */
    char text[4][160];
    unsigned text_next;
};

/* ---- sweeps (sweep.c, give.c, grad.c) ---- */
/* Runs the chain rule of node `index` on its adjoint g. */
void wg_run_chain(wg_tape *tape, uint64_t index, wg_var g);
void wg_give_plain(wg_tape *tape, wg_var operand, wg_var gradient);
/* A seed broadcast to y's shape; poisoned, with a failure, where it does not fit. */
wg_var wg_seed_like(wg_tape *tape, wg_var y, wg_var seed, const char *name);
/* dL/d(element `offset` of array `node`) += g, from the scalar sweep. */
void wg_sweep_at(wg_tape *tape, uint32_t node, uint32_t offset, double g);
/* For fused chain rules outside of a recording sweep: where operand i's gradient (contiguous, of
 * its shape) is to be written, or with *accumulate added. NULL where there is no such place
 * (another dtype, a scalar, no memory): use wg_give. */
void *wg_give_place(wg_call *call, int i, wg_dtype dtype, bool *accumulate);
/* As wg_give_place for a gradient that is zero but for a part (a slice, some rows): the memory
 * holds what was given so far, at first zeros, and the rule adds to its part of it alone. */
void *wg_give_into(wg_call *call, int i, wg_dtype dtype);
/* As wg_give_place for a gradient column · row [rows, columns]: true where it was kept as such. */
bool wg_give_outer(wg_call *call, int i, wg_dtype dtype, int64_t rows, int64_t columns,
                   const void *column, const void *row);
void wg_give_recorded(wg_tape *tape, wg_var operand, wg_var gradient);
bool wg_grad_wants(const wg_tape *tape, wg_var operand);

/* A point between two recordings: so many nodes and scalars stand before it. */
typedef struct wg_point {
    uint64_t nodes, scalars;
} wg_point;
static inline wg_point wg_point_now(const wg_tape *tape) {
    return (wg_point){tape->node_count, tape->lane.count};
}
/* The points before and behind a living variable. */
wg_point wg_point_before(const wg_tape *tape, wg_var x);
wg_point wg_point_behind(const wg_tape *tape, wg_var x);

/* out[i] = Σ seeds[j]·dys[j]/dxs[i], as variables (wg_grad). `floor`: the chain rules of what
 * stands before it do not run, so that the xs there count as independent of each other. */
typedef struct wg_pullback {
    int m;
    const wg_var *ys, *seeds;
    int n;
    const wg_var *xs;
    wg_var *out;
    wg_point floor;
    const char *name; /* of the verb, for messages */
} wg_pullback;
wg_status wg_pull_back(wg_tape *tape, const wg_pullback *pullback);

/* Within a sweep that does not record: sweeps all that was recorded behind `floor`, from ys with
 * these seeds. What stands before `floor` receives, and its storage stays. */
wg_status wg_sweep_region(wg_tape *tape, wg_point floor, int m, const wg_var *ys,
                          const wg_var *seeds);

/* ---- anomalies (anomaly.c): only called while tape->anomaly ---- */
/* Whether all elements are finite; else *index is the first that is not, *value what it is. */
bool wg_view_is_finite(const wg_view *view, int64_t *index, double *value);
bool wg_var_is_finite(wg_var x);
/* Fails where a forward made something else than finite numbers out of finite operands. */
void wg_anomaly_result(wg_call *call);
void wg_anomaly_scalar(wg_tape *tape, const char *name, int count, const double *operands,
                       double result, const char *site);
/* The same of a chain rule: what it gives operand i, while the result's adjoint is finite. */
void wg_anomaly_given(wg_call *call, int i, wg_var gradient);
void wg_anomaly_placed(wg_call *call, int i);
void wg_anomaly_partial(wg_tape *tape, uint64_t index, int operand, wg_var g, wg_var product);
/* As wg_rules_sweep, entry by entry. */
void wg_anomaly_sweep(wg_tape *tape, uint64_t from, uint64_t to, bool keep);
/* Remembers where the latest scalar was recorded. */
void wg_anomaly_site(wg_tape *tape, const char *site);

/* ---- what src/op provides to the tape, which knows no operation ---- */
/* Sweeps the scalars [from, to), newest first, adding to tape->adjoint. Unless they are kept, it
 * leaves zeros where no leaf is, so that the next sweep finds the memory clean. */
void wg_rules_sweep(wg_tape *tape, uint64_t from, uint64_t to, bool keep);
/* The chain rule of scalar entry `index` in verbs: gives each operand its part of g. */
void wg_rules_chain(wg_tape *tape, uint64_t index, wg_var g);
/* What the rule of a scalar entry is called. */
const char *wg_rules_name(uint16_t code);
/* The operands of a scalar entry: how many (0 to 3), their indices into `out`. */
int wg_rules_operands(const wg_tape *tape, uint64_t index, uint32_t *out);
/* x summed over broadcast axes to a shape, as verbs. */
wg_var wg_sum_to(wg_var x, int rank, const int64_t *shape);
/* A zero array of the operands' shape with scalars at flat positions: the adjoint of wg_at. */
wg_var wg_place(wg_tape *tape, const wg_view *like, int n, const wg_var *scalars,
                const int64_t *positions);

#endif
