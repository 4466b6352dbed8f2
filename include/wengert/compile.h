/* compile.h: recorded functions as C: a file for programs that carry no library, or code for this
 * process by the system's compiler. */
#ifndef WENGERT_COMPILE_H
#define WENGERT_COMPILE_H

#include "wengert/function.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Writes the function and its gradient as one self-contained C11 file (libm alone) to `path`, with
 * external names that begin with `name`, a C identifier:
 *
 *     enum { NAME_inputs, NAME_outputs, NAME_work };
 *     void NAME_value(const double *x, double *y, double *work);
 *     void NAME_gradient(const double *x, double *y, double *dydx, double *work);
 *     void NAME_vjp(const double *x, const double *w, double *y, double *g, double *work);
 *
 * for one point; the gradient where there is one output, else the vector-Jacobian product.
 * `work` has NAME_work doubles (NULL where that is 0). Loops of the recorded program are found
 * again and written as loops. Errors: ARGUMENT for a name that is no identifier, FILE, MEMORY,
 * LIMIT where more than 20,000 statements remain. */
WG_API wg_status wg_function_write_c(const wg_function *fn, const char *path, const char *name);

typedef struct wg_compile_options {
    const char *compiler; /* NULL: "cc"; looked up in PATH */
    const char *flags; /* words between blanks, no shell; NULL: "-O3 -march=native" and what keeps
                          a strict function's roundings */
    const char *cache; /* folder of compiled functions; NULL: wengert in XDG_CACHE_HOME or in
                          HOME/.cache */
} wg_compile_options;
WG_API wg_compile_options wg_compile_defaults(void);

/* Compiles the function's value and gradient (vector-Jacobian product) with the system's C
 * compiler and loads them into this process. From then on wg_function_value and
 * wg_function_gradient (_vjp) in float64 run that code; all else, and everything where this fails,
 * runs by the executor. What was compiled is kept in the cache folder under a hash of its text,
 * the compiler and its version, the flags and the processor, so that the next process finds it;
 * what is damaged there is compiled again. May be called from any thread, at any time. Errors:
 * STATE with the reason where there is no compiler, it fails, or the system cannot load code;
 * ARGUMENT for flags that are too many; LIMIT where more than 4,000 statements remain once loops
 * are found; FILE, also where others may write to the folder; MEMORY. The function works in any
 * case. */
WG_API wg_status wg_function_compile(wg_function *fn, wg_compile_options options);

/* Whether value and gradient run compiled. */
WG_API bool wg_function_is_compiled(const wg_function *fn);

#ifdef __cplusplus
}
#endif

#endif
