/* function.h (internal): what a wg_function is made of. */
#ifndef WG_SRC_FUNCTION_FUNCTION_H
#define WG_SRC_FUNCTION_FUNCTION_H

#include "function/code.h"
#include "function/compiled.h"
#include "function/program.h"
#include "wengert/function.h"

#include <stdatomic.h>

/* The programs a function is run by: all but the first are derived at first use. */
#define WG_FUNCTION_MODES(X)                                                                       \
    X(value)                                                                                       \
    X(gradient)                                                                                    \
    X(vjp)                                                                                         \
    X(jvp)                                                                                         \
    X(hvp)                                                                                         \
    X(jacobian)                                                                                    \
    X(hessian)

typedef enum wg_function_mode {
#define WG_MODE(name) WG_MODE_##name,
    WG_FUNCTION_MODES(WG_MODE)
#undef WG_MODE
    WG_MODE_COUNT
} wg_function_mode;

/* What wg_map has made of a function (map.c). */
typedef struct wg_map_cache wg_map_cache;

struct wg_function {
    wg_program *value;     /* inputs x, outputs y */
    wg_program *condition; /* inputs x, outputs what wg_branch saw; NULL where nothing steered */
    uint8_t *taken;        /* what each of them was */
    bool relaxed;
    wg_function_report report; /* of the recording; the rest is filled when asked for */
    _Atomic(wg_program *) program[WG_MODE_COUNT]; /* of derived modes; NULL until asked for */
    _Atomic(wg_code *) code[WG_MODE_COUNT];
    _Atomic(wg_code *) condition_code;
    _Atomic(wg_function *) derived;         /* wg_function_derived */
    _Atomic(wg_function *) tangent_step[2]; /* wg_function_tangent_step */
    _Atomic(wg_compiled *) compiled;        /* by wg_function_compile */
    _Atomic(wg_map_cache *) map;
};

/* The program of a mode, derived at first use and owned by the function. NULL (and
 * wg_last_message) on failure. Any thread may ask. */
const wg_program *wg_function_program(const wg_function *fn, wg_function_mode mode);
/* The same, ready to run. */
const wg_code *wg_function_code(const wg_function *fn, wg_function_mode mode);
/* Takes over what it is given (condition and taken may be NULL), also on failure; then NULL. */
wg_function *wg_function_make(wg_program *value, wg_program *condition, uint8_t *taken,
                              bool relaxed, const wg_function_report *report);

/* ---- Functions made of functions (derived.c) --------------------------------------------------
 */

/* x, w → Σₖ wₖ·∂yₖ/∂x as a function of n + m inputs and n outputs, made at first use and owned by
 * fn; it has a derived function of its own, and so on. NULL (and wg_last_message) on failure. */
const wg_function *wg_function_derived(const wg_function *fn);
/* A step of a loop (loop.h) beside its tangent, as a step of a loop: state and tangents of the
 * state, parameters and theirs, then the step's number if `counted`, to the next state and its
 * tangents. As above. */
const wg_function *wg_function_tangent_step(const wg_function *fn, bool counted);

#endif
