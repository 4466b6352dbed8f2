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
 * for one point, in float64: x [inputs], y [outputs], dydx [inputs], w [outputs], g [inputs]. There
 * is a gradient where there is one output, else the vector-Jacobian product. No array may be NULL
 * or overlap another. `work` has NAME_work doubles (NULL where that is 0); the functions keep
 * nothing between calls, so any number of threads may use them, each with a `work` of its own.
 *
 * Loops of the recorded program are found again and written as loops: turns that do the same on
 * operands that move on by fixed distances, up to four loops deep. Triangular loops are not (an
 * elimination, say), because their turns differ in length. Functions of C's library are libm's, so
 * that last bits may differ from the library's own runs.
 *
 * digamma and polygamma, which libm has not, come with the file. Errors: ARGUMENT for NULL, or a
 * name that is no identifier of at most 200 characters; FILE; MEMORY; LIMIT where more than 20,000
 * statements remain in one of its functions, or a derived program has too many terms. A file of
 * that name is replaced whole or stays as it was. */
WG_API wg_status wg_function_write_c(const wg_function *fn, const char *path, const char *name);

typedef struct wg_compile_options {
    const char *compiler; /* NULL: "cc"; looked up in PATH */
    const char *flags; /* words between blanks, no shell; NULL: "-O3 -march=native" and what keeps
                          (or, of a relaxed function, gives up) the roundings as they are */
    const char *cache; /* folder of compiled functions; NULL: wengert in XDG_CACHE_HOME or in
                          HOME/.cache */
} wg_compile_options;
/* All NULL. */
WG_API wg_compile_options wg_compile_defaults(void);

/* Compiles the function's value and gradient (of several outputs the vector-Jacobian product) with
 * the system's C compiler (gcc or clang) and loads them into this process. From then on
 * wg_function_value and wg_function_gradient (_vjp) in float64 run that code, gradients of eight
 * points at a time; all else, many points where blocks are faster (values, short functions), and
 * everything where this fails, runs as before. A compiler takes seconds for some thousand
 * statements.
 *
 * What was compiled is kept in the cache folder under a hash of its text, the compiler and its
 * version, the flags and the processor, so that the next process finds it; what is damaged there is
 * compiled again. The folder is made where it is missing, and must belong to this user, with nobody
 * else allowed to write to it, because code is loaded from there. May be called from any thread, at
 * any time; a function that is compiled stays so.
 *
 * Errors: ARGUMENT for NULL, or flags that are too many; STATE with the reason where there is no
 * compiler, it fails, or the system cannot load code; LIMIT where more than 4,000 statements remain
 * once loops are found; FILE, also where others may write to the folder; MEMORY. The function works
 * in any case. */
WG_API wg_status wg_function_compile(wg_function *fn, wg_compile_options options);

/* Whether value and gradient run compiled. */
WG_API bool wg_function_is_compiled(const wg_function *fn);

#ifdef __cplusplus
}
#endif

#endif
