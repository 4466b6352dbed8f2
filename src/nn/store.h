/* store.h (internal): what a parameter store is made of. */
#ifndef WG_SRC_NN_STORE_H
#define WG_SRC_NN_STORE_H

#include "base/globs.h"
#include "nn/names.h"
#include "tape/tape.h"
#include "wengert/nn.h"

/* Where each parameter begins in its flat buffer, in bytes. */
#define WG_PARAM_ALIGNMENT 64

/* The head of a piece of value memory; the elements lie WG_PARAM_ALIGNMENT bytes behind it. A tape
 * may have borrowed them, so that a piece that is no longer used stays until the store is freed. */
typedef struct wg_storage {
    struct wg_storage *next; /* among the retired */
} wg_storage;

typedef struct wg_param {
    wg_named named;
    wg_view value; /* contiguous; in `own`, and in the flat buffer once packed */
    wg_sink sink;  /* the gradient; its address stays, its memory moves when packed */
    int64_t count;
    int64_t offset;  /* elements before it in the flat buffer */
    wg_storage *own; /* NULL once packed; then the gradient too is the flat buffer's */
    bool buffer;     /* no gradient, of any dtype, never packed, of no concern to optimizers */
    bool loaded;     /* from a file that does not say which it is: a buffer until asked for */
    bool frozen;     /* lies where it lies, but no gradient flows and no step moves it */
} wg_param;

/* What wg_freeze and wg_unfreeze were told. */
typedef struct wg_freezing {
    wg_glob_entry pattern;
    bool frozen;
} wg_freezing;

/* All parameters of one dtype: in name order, each aligned, zeros between them. */
typedef struct wg_flat {
    wg_storage *storage; /* of the values; NULL before the first packing */
    void *gradient;
    int64_t count;       /* elements, padding and all */
    uint64_t generation; /* how often it was packed */
    bool stale;          /* parameters wait to be packed */
} wg_flat;

/* An interned scope: wg_net is passed by value and points here. */
struct wg_net_scope {
    wg_named named;
    struct wg_net_scope *next;
};

struct wg_store {
    wg_key key;
    wg_names parameters, scopes;
    wg_param **sorted; /* by name */
    int64_t count, capacity;
    wg_flat flat[2]; /* by dtype: f32, f64 */
    struct wg_net_scope *first_scope;
    wg_storage *retired;
    wg_glob_entry *freezing; /* of wg_freezing */
};

/* ---- store.c ---- */
static inline void *wg_storage_data(const wg_storage *storage) {
    return (char *)storage + WG_PARAM_ALIGNMENT;
}
/* Memory for `bytes` of values; NULL where there is none. */
wg_storage *wg_storage_new(size_t bytes);
/* Puts a parameter among the others; false, and nothing done, where memory ran out. */
bool wg_store_add(wg_store *store, wg_param *param);
/* Takes out a buffer that was put there, and frees it. */
void wg_store_remove(wg_store *store, wg_param *param);
/* The parameter or buffer of a full name; NULL where there is none. */
wg_param *wg_store_named(const wg_store *store, const char *name);
void wg_param_free(wg_param *param);
/* Whether the gradient is a column and a row that have not been multiplied yet. */
static inline bool wg_param_is_outer(const wg_param *param) {
    return param->sink.outer != NULL && param->sink.outer->pending;
}
/* The gradient, with zeros written where it only counts as zero. */
void *wg_param_gradient(wg_param *param);

/* ---- flat.c ---- */
/* Brings all parameters into the flat buffers. MEMORY leaves everything as before. */
wg_status wg_store_pack(wg_store *store, const char *name);
/* Writes the zeros of gradients that only count as zero, for kernels over whole buffers. */
void wg_store_settle(wg_store *store);
/* All gradients times `factor`; they have been packed and settled. */
void wg_store_scale_gradients(wg_store *store, double factor);

/* ---- parameter.c ---- */
/* The full name of parameter `part` of `layer` (NULL allowed) in the net's scope. False, and a
 * failure on the tape, where it is empty or too long. */
bool wg_param_name(const wg_net *net, const char *layer, const char *part, wg_name *name);
/* The parameter of that name, made where there is none; NULL and a failure on the tape where it
 * cannot be made or is of another dtype or shape. */
wg_param *wg_param_get(const wg_net *net, const wg_name *name, wg_dtype dtype, int rank,
                       const int64_t *shape, wg_initializer initializer);
/* The same of a buffer, whose elements are `value` at first. */
wg_param *wg_buffer_get(const wg_net *net, const wg_name *name, wg_dtype dtype, int rank,
                        const int64_t *shape, double value);
/* On the tape: with its gradient, unless it is a buffer or frozen. */
wg_var wg_param_borrow(wg_tape *tape, wg_param *param);
/* One that no store has yet, its values not set; NULL where memory ran out. */
wg_param *wg_param_new(const wg_name *name, wg_dtype dtype, int rank, const int64_t *shape,
                       bool buffer);
/* Gives a parameter what a buffer lacks, unless it has it. False, and nothing changed, where memory
 * ran out. */
bool wg_param_add_gradient(wg_param *param);
/* Makes what a file brought (`loaded`) a buffer, or a parameter, which has its gradient already. */
void wg_store_decide(wg_store *store, wg_param *param, bool buffer);

/* ---- freeze.c ---- */
/* Whether a parameter of that name is to be frozen. */
bool wg_store_freezes(const wg_store *store, const char *name);

/* ---- init.c ---- */
/* Whether the initializer's numbers and the shape are fit for each other; else a failure on the
 * tape. */
bool wg_init_allowed(wg_tape *tape, const char *name, int rank, const int64_t *shape,
                     wg_initializer initializer);
/* Fills `view`. False, and a failure on the tape, where memory ran out. */
bool wg_init_fill(wg_tape *tape, const char *name, wg_key key, const wg_view *view,
                  wg_initializer initializer);

#endif
