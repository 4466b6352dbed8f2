/* op.h: operations on arrays as descriptors: what the library's own are made of, and what a user's
 * is.
 *
 * An operation is one wg_op: a shape rule, a forward function on buffers, a chain rule written with
 * the verbs of this library, and samples that tests draw from. docs/add-an-operation.md walks
 * through one. */
#ifndef WENGERT_OP_H
#define WENGERT_OP_H

#include "wengert/tape.h"

#ifdef __cplusplus
extern "C" {
#endif

/* An array in memory as an operation sees it. Strides count elements, and may be 0 (broadcast) or
 * negative. */
typedef struct wg_view {
    wg_dtype dtype;
    int rank;
    int64_t shape[WG_MAX_RANK];
    int64_t stride[WG_MAX_RANK];
    void *data; /* the first element; NULL allowed where there are none */
} wg_view;

/* A view of contiguous memory in C order: for wg_borrow and wg_check_gradient. */
WG_API wg_view wg_view_new(wg_dtype dtype, int rank, const int64_t *shape, void *data);
/* An array as a view: for wg_write_npy and its kin. */
static inline wg_view wg_array_view(const wg_array *array) {
    return wg_view_new(array->dtype, array->rank, array->shape, array->data);
}
WG_API int64_t wg_view_count(const wg_view *view);
/* True where the elements lie one behind the other in C order. */
WG_API bool wg_view_is_contiguous(const wg_view *view);

/* One run of an operation: its operands, its state, its result. */
typedef struct wg_call wg_call;

#define WG_MAX_SAMPLE_OPERANDS 4

/* Operands to try an operation with: shapes, dtypes, and the range that values are drawn from. */
typedef struct wg_sample_operand {
    wg_dtype
        dtype; /* F64 stands for "a float": it is tried as f32 too. I64 and U8 stay as they are */
    int rank;
    int64_t shape[WG_MAX_RANK];
    double low, high; /* values in [low, high); whole numbers for I64 and U8 */
    bool fixed;       /* no gradient is checked for this operand */
} wg_sample_operand;

typedef struct wg_sample {
    int count;
    wg_sample_operand operand[WG_MAX_SAMPLE_OPERANDS];
    const void *state; /* what wg_apply gets as state; must outlive the call */
    size_t state_bytes;
    double tolerance; /* relative error allowed against finite differences; 0 means 1e-6 */
    /* NULL, or what makes the drawn values of each operand into ones that the operation takes: a
     * positive definite matrix, say. */
    void (*prepare)(int operand, const wg_sample_operand *what, double *values);
} wg_sample;

/* What a chain rule reads (wg_op.reads), so that the sweep knows what it may give back to the pool.
 */
#define WG_READS_OPERAND(i) (1u << (i))
#define WG_READS_RESULT (1u << 30)
#define WG_READS_OPERANDS 0x3fffffffu /* all operands */

/* wg_op.flags */
#define WG_OP_CONTIGUOUS                                                                           \
    1u /* hand forward (not chain) contiguous operands, copying where they are not */
#define WG_OP_FLOATS                                                                               \
    2u /* convert all operands to one float dtype first (NumPy's promotion; plain numbers          \
          and tape scalars adapt to the arrays; integers become f32 beside f32, else f64) */

#define WG_OP_BF16                                                                                 \
    4u /* takes bf16 operands as they are (with WG_OP_FLOATS: where all are); others get f32 */

typedef struct wg_op {
    const char *name;

    /* Checks operands and state and says what the result is: wg_call_result, or wg_call_view for a
     * result that shares an operand's storage. Failure: return wg_call_fail(...). */
    wg_status (*shape)(wg_call *call);

    /* Fills the result. NULL for views. Failure: return wg_call_fail(...). */
    wg_status (*forward)(wg_call *call);

    /* Hands each operand that wants it its part of `g`, the result's adjoint, of the result's
     * shape: wg_give. Multiply with wg_azmul(g, d) where d may be infinite or NaN: a zero adjoint
     * then contributes zero. NULL: derivative zero. */
    void (*chain)(wg_call *call, wg_var g);

    /* Fills sample number `index` and returns true; false behind the last. Required. */
    bool (*samples)(int index, wg_sample *sample);

    uint32_t reads;     /* WG_READS_… */
    uint32_t flags;     /* WG_OP_… */
    const void *detail; /* the operation's own constant data, if several share their functions */
} wg_op;

/* Runs an operation: every verb on arrays ends here. Operands may be numbers, scalars and arrays
 * mixed (at least one on a tape); `state` is copied onto the tape, so nothing dangles. `site`
 * ("train.c:41") is quoted in errors and may be NULL; it must outlive the tape. A failure poisons
 * the result and stays on the tape. */
WG_API wg_var wg_apply(const wg_op *op, int count, const wg_var *operands, const void *state,
                       size_t state_bytes, const char *site);

/* ---- For shape and forward ----------------------------------------------------------------- */

WG_API const wg_op *wg_call_op(const wg_call *call);
WG_API int wg_call_count(const wg_call *call);
/* Operand i as an array, of its own shape (not stretched to the result's): numbers and scalars
 * appear as rank 0, f64 unless WG_OP_FLOATS. In `shape`, data may be read only of i64/u8 operands.
 */
WG_API const wg_view *wg_call_operand(const wg_call *call, int i);
/* The state handed to wg_apply (in chain: its copy on the tape, 64-byte aligned); NULL where there
 * is none. */
WG_API const void *wg_call_state(const wg_call *call);
/* The result (in forward: to be filled; contiguous, not zeroed). */
WG_API wg_view *wg_call_out(wg_call *call);

/* The result is a new array. ERROR_LIMIT where its size overflows. */
WG_API wg_status wg_call_result(wg_call *call, wg_dtype dtype, int rank, const int64_t *shape);
/* The result is a view into operand i's storage: `offset` elements behind its first. */
WG_API wg_status wg_call_view(wg_call *call, int i, int64_t offset, int rank, const int64_t *shape,
                              const int64_t *stride);
/* Result shape by NumPy's broadcasting of all operands; fails with their shapes where they do not
 * fit. The dtype is the first operand's. */
WG_API wg_status wg_call_broadcast(wg_call *call);
/* Memory for the time of this forward, from the tape's pool, 64-byte aligned; NULL where there is
 * none. */
WG_API void *wg_call_scratch(wg_call *call, size_t bytes);
/* Contiguous memory that stays for the chain rule (wg_saved): log-sum-exps, gates, indices. At most
 * once a forward; pack what is several. Freed once the rule has run. NULL, and the tape has failed,
 * where there is none. */
WG_API void *wg_call_save(wg_call *call, wg_dtype dtype, int rank, const int64_t *shape);
/* In forward: false where no chain rule will run for this call, so nothing need be saved. */
WG_API bool wg_call_will_sweep(const wg_call *call);
/* Notes a failure on the tape as "<operation>: <message> (<site>)" and returns `status`. */
WG_API wg_status wg_call_fail(wg_call *call, wg_status status, const char *format, ...)
    WG_PRINTF(3, 4);
/* "[32, 784]" of operand i, for messages; up to 4 such texts are valid at a time. */
WG_API const char *wg_call_shape(wg_call *call, int i);

/* ---- For chain ----------------------------------------------------------------------------- */

/* True where operand i is to receive a gradient. */
WG_API bool wg_wants(const wg_call *call, int i);
/* Operand i as a variable (a number stays a number). Only operands that `reads` names; else
 * WG_ERROR_STATE. */
WG_API wg_var wg_operand(wg_call *call, int i);
/* The result as a variable; needs WG_READS_RESULT. */
WG_API wg_var wg_result(wg_call *call);
/* What forward saved, as a constant array. In a sweep that records itself a rule that uses it must
 * account for how it depends on the operands, or not use it. */
WG_API wg_var wg_saved(wg_call *call);
/* Adds `gradient` to operand i's adjoint. The sweep sums it over axes along which the operand was
 * broadcast and converts it to the operand's dtype; a fresh block is taken over without copying. */
WG_API void wg_give(wg_call *call, int i, wg_var gradient);
/* True while the sweep records itself (wg_grad): only verbs then, no fused kernels outside the
 * tape. */
WG_API bool wg_call_records(const wg_call *call);
/* Operand i's shape (always known, whatever `reads` says); data is NULL. */
WG_API wg_view wg_operand_shape(const wg_call *call, int i);

/* ---- The list ------------------------------------------------------------------------------ */

/* All of the library's operations. */
WG_API const wg_op *const *wg_op_list(int *count);

#ifdef __cplusplus
}
#endif

#endif
