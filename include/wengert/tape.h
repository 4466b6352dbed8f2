/* tape.h: the handle, the tape, errors, sweeps, scopes. */
#ifndef WENGERT_TAPE_H
#define WENGERT_TAPE_H

#include "wengert/base.h"

#include <stdbool.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wg_tape wg_tape;

/* Where something stands on its tape: which entry, and in which of the tape's lives it was made. */
typedef struct wg_slot {
    uint32_t index;
    uint32_t epoch; /* the top bit marks an array; 0 is a poisoned handle */
} wg_slot;

/* A plain number (tape is NULL), a scalar on a tape, or an array on a tape. Passed by value; nobody
 * frees one. A handle used after wg_tape_reset, after its scope ended, or together with a handle of
 * another tape is an error on the tape (WG_ERROR_HANDLE), never a wild pointer. */
typedef struct wg_var {
    wg_tape *tape;
    union {
        double number;
        wg_slot slot;
        uint64_t bits; /* either of them in one register (the inline path; little endian) */
    } as;
} wg_var;

#define WG_ARRAY_BIT 0x80000000u

/* ---- A tape's life ------------------------------------------------------------------------- */

/* A new, empty tape; NULL where memory ran out. One thread at a time may use it; any number of
 * tapes may be used side by side. */
WG_API wg_tape *wg_tape_new(void);

/* Frees the tape and all recorded on it. NULL is allowed. */
WG_API void wg_tape_free(wg_tape *tape);

/* Forgets all recorded, the error, the adjoints, open scopes and no-grad, and keeps the memory:
 * recording the same again allocates nothing. All handles made before become stale. */
WG_API void wg_tape_reset(wg_tape *tape);

/* The first failure since the tape was made or reset: WG_OK where there was none. */
WG_API wg_status wg_tape_status(const wg_tape *tape);

/* What failed: the operation, the shapes, the call site. "" where nothing did. */
WG_API const char *wg_tape_message(const wg_tape *tape);

/* Looks for anomalies from now on (wg_tape_reset does not end it), or no longer: the first NaN or
 * infinity that an operation makes out of finite operands, and the first that a chain rule makes
 * out of a finite adjoint, fails the tape (WG_ERROR_ANOMALY):
 *
 *     anomaly: log of [32, 10] made -inf at element 17 (train.c:41)
 *     anomaly: the chain rule of sqrt (of [8]) made inf at element 3, for operand 0 (train.c:43)
 *
 * Forward, what is not finite at its source (data, constants, plain operands) passes without a
 * word, and so does what follows from it. Scalars are checked as they are recorded; what was
 * recorded before is checked in the sweep alone, there without a call site. Arrays are read once
 * more after each operation, and scalars leave the inline path, so this is for the search of a
 * fault; off, it costs a branch for each array operation. */
WG_API void wg_tape_detect_anomaly(wg_tape *tape, bool on);

/* What a tape holds and has taken from the system. */
typedef struct wg_tape_usage {
    uint64_t scalars;      /* scalar entries recorded */
    uint64_t arrays;       /* array nodes recorded */
    uint64_t bytes_held;   /* bytes of array storage in use now */
    uint64_t bytes_peak;   /* the most of them since the tape was made */
    uint64_t bytes_system; /* bytes the tape has from the system, pools and all */
    uint64_t allocations;  /* how often it asked the system for memory */
} wg_tape_usage;
WG_API wg_tape_usage wg_tape_usage_of(const wg_tape *tape);

/* ---- Putting numbers on a tape ------------------------------------------------------------- */

/* A handle that is a plain number, on no tape. */
static inline wg_var wg_number(double value) {
    wg_var var;
    var.tape = NULL;
    memcpy(&var.as.bits, &value,
           sizeof value); /* bits: compilers then keep handles in integer registers */
    return var;
}

/* wg_scalar(tape, value): a scalar variable on the tape, a leaf that wants a gradient (defined
 * inline below). */

/* The value of a number, a scalar, or an array of one element. NaN for a handle that holds none
 * (stale, poisoned, more elements, storage already given back), and an error on its tape; NaN for
 * every handle of a tape that has failed. */
WG_API double wg_value(wg_var x);

/* ---- Sweeping ------------------------------------------------------------------------------ */

/* The gradient of `y` (a scalar, or an array of one element) with respect to everything it was
 * recorded from. Afterwards wg_adjoint and wg_read_adjoint give dy/dx for every leaf x (wg_scalar,
 * wg_variable); parameters (wg_net) and wg_borrow's gradients have theirs added to.
 *
 * What belongs to intermediates is used up: their storage goes back to the pool as soon as no
 * remaining chain rule reads it, and so do their adjoints. wg_keep(x) before the sweep holds one
 * array, wg_backward_keep holds all. Called twice, leaves accumulate (the sum of both gradients);
 * on a tape whose arrays were given back by the first call the second is WG_ERROR_STATE. A number
 * has no gradient: WG_OK, nothing to do; an array that no variable went into is WG_ERROR_STATE. y's
 * own value stays. Returns the tape's status. */
WG_API wg_status wg_backward(wg_var y);

/* As wg_backward from any y, with dL/dy = `seed` (broadcast to y's shape): what PyTorch's
 * y.backward(gradient) does. */
WG_API wg_status wg_backward_seeded(wg_var y, wg_var seed);

/* As wg_backward, but gives nothing back: it may be called again, and the adjoints of all
 * intermediates can be read (those of the latest sweep; leaves accumulate). */
WG_API wg_status wg_backward_keep(wg_var y);

/* As wg_backward_keep from any y, with dL/dy = `seed` (broadcast to y's shape): a vector-Jacobian
 * product. */
WG_API wg_status wg_backward_from(wg_var y, wg_var seed);

/* wg_adjoint(x): dy/dx after a sweep, for a scalar x or an array of one element; 0 where x was not
 * reached, and for a plain number. NaN (and wg_last_message says why) for an intermediate after
 * wg_backward, which uses those up. */

/* Keeps x's storage through wg_backward, so that its value can be read afterwards. Returns x. */
WG_API wg_var wg_keep(wg_var x);

/* out[i] = dy/dxs[i], i < n (out may be xs), as variables on the same tape, so that they can be
 * differentiated again, to any order. y: a scalar or an array of one element. A gradient has its
 * variable's shape; where y does not depend on xs[i] it is zero (a plain number for a scalar, an
 * array of zeros for an array). Inside wg_no_grad_begin the results are plain values. Returns the
 * tape's status. */
WG_API wg_status wg_grad(wg_var y, const wg_var *xs, int n, wg_var *out);

/* As wg_grad for any y, with the given dL/dy (y's shape): differentiable vector-Jacobian products.
 */
WG_API wg_status wg_grad_from(wg_var y, wg_var seed, const wg_var *xs, int n, wg_var *out);

/* Sets all adjoints of the tape to zero (leaves too). */
WG_API void wg_zero_adjoints(wg_tape *tape);

/* ---- Scopes and inference ------------------------------------------------------------------ */

/* Which scope, for wg_scope_end. */
typedef struct wg_scope_mark {
    uint64_t depth;
} wg_scope_mark;

/* Opens a scope; scopes nest. */
WG_API wg_scope_mark wg_scope_begin(wg_tape *tape);

/* Frees everything recorded since `mark` but keep[0..n): those become constants (no gradient flows
 * through a closed scope) and their handles are updated in place. Handles to the rest are stale.
 * Errors: STATE where scopes are closed in the wrong order. Returns the tape's status. */
WG_API wg_status wg_scope_end(wg_tape *tape, wg_scope_mark mark, wg_var *keep, int n);

/* As wg_scope_end, but the scope stays open with the kept in it: the next call frees those too. So
 * a network runs layer by layer in the memory of its widest layer:
 *
 *     for (i = 0; i < layers; i++) { x = layer(i, x);  wg_scope_next(tape, mark, &x, 1); }
 */
WG_API wg_status wg_scope_next(wg_tape *tape, wg_scope_mark mark, wg_var *keep, int n);

/* Between begin and end nothing is recorded: scalar results are plain numbers, arrays are values
 * alone. Nests. */
WG_API void wg_no_grad_begin(wg_tape *tape);
WG_API void wg_no_grad_end(wg_tape *tape);

/* ---- The inline path (not part of the stable ABI) ------------------------------------------ */

typedef struct wg_operands {
    uint32_t a, b;
} wg_operands;

#define WG_CONSTANT_WAYS 32

/* The scalar side of a tape: the first member of struct wg_tape. An entry is 18 bytes. */
typedef struct wg_lane {
    double *value;
    wg_operands *operand;
    uint16_t *opcode;
    uint64_t count;
    uint64_t
        capacity;   /* 0 while the tape has failed or does not record: then all goes the slow way */
    uint64_t epoch; /* of the scalars recorded now */
    double *adjoint;        /* of the scalars; zero outside of leaves unless `adjoints_kept` */
    uint64_t adjoint_count; /* how many of them sweeps have reached */
    uint64_t adjoints_kept; /* 1: those of intermediates stand too (wg_backward_keep) */
    uint64_t leaf_head; /* index + 1 of the latest leaf; its operand a leads to the one before */
    uint64_t cached_bits[WG_CONSTANT_WAYS];  /* plain operands seen lately … */
    uint64_t cached_index[WG_CONSTANT_WAYS]; /* … and where they stand among the constants */
} wg_lane;

/* Opcodes the header records; the rules of src/op follow. */
typedef enum wg_opcode {
    WG_CODE_LEAF,       /* a variable */
    WG_CODE_CONSTANT,   /* a value that wants no gradient */
    WG_CODE_EXTRA,      /* a third operand (a) of the entry behind it */
    WG_CODE_AT,         /* element b of array a */
    WG_CODE_add,        /* a + b */
    WG_CODE_sub,        /* a - b */
    WG_CODE_mul,        /* a * b */
    WG_CODE_div,        /* a / b */
    WG_CODE_ADD_NUMBER, /* a + constant[b] */
    WG_CODE_MUL_NUMBER, /* a * constant[b] */
    WG_CODE_DIV_NUMBER, /* a / constant[b] */
    WG_CODE_NUMBER_SUB, /* constant[b] - a */
    WG_CODE_NUMBER_DIV, /* constant[b] / a */
    WG_CODE_POW_NUMBER, /* a to the power constant[b] */
    WG_CODE_BRANCH,     /* a steered what was recorded (wg_branch); its value is the truth of it */
    WG_CODE_RULES,      /* the first of the table in src/kernel/rules.h that is not above: */
    WG_CODE_neg = WG_CODE_RULES, /* -a */
    WG_CODE_square               /* a * a */
} wg_opcode;

static inline wg_lane *wg_lane_of(wg_tape *tape) {
    return (wg_lane *)(void *)tape;
}

/* Records an entry; the caller has seen that there is room. */
static inline wg_var wg_push_inline(wg_tape *tape, wg_lane *lane, uint16_t code, uint32_t a,
                                    uint32_t b, double value) {
    uint64_t i = lane->count;
    wg_var result;
    lane->value[i] = value;
    lane->operand[i].a = a;
    lane->operand[i].b = b;
    lane->opcode[i] = code;
    lane->count = i + 1;
    result.tape = tape;
    result.as.bits = i | lane->epoch << 32;
    return result;
}

WG_API wg_var wg_scalar_slow(wg_tape *tape, double value);
WG_API double wg_adjoint_slow(wg_var x);

static inline wg_var wg_scalar(wg_tape *tape, double value) {
    wg_lane *lane = wg_lane_of(tape);
    if (lane->count < lane->capacity) {
        uint32_t before = (uint32_t)lane->leaf_head;
        lane->leaf_head = lane->count + 1;
        return wg_push_inline(tape, lane, WG_CODE_LEAF, before, 0, value);
    }
    return wg_scalar_slow(tape, value);
}

static inline double wg_adjoint(wg_var x) {
    if (x.tape != NULL) {
        const wg_lane *lane = wg_lane_of(x.tape);
        uint32_t index = (uint32_t)x.as.bits;
        if (x.as.bits >> 32 == lane->epoch && index < lane->adjoint_count && lane->capacity != 0 &&
            (lane->opcode[index] == WG_CODE_LEAF || lane->adjoints_kept != 0)) {
            return lane->adjoint[index];
        }
    }
    return wg_adjoint_slow(x);
}

static inline unsigned wg_constant_way(uint64_t bits) {
    return (unsigned)((bits * 0x9e3779b97f4a7c15u) >> 59);
}

#ifdef __cplusplus
}
#endif

#endif
