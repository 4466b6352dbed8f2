/* compiled.h (internal): code that the system's compiler made of a function. */
#ifndef WG_SRC_FUNCTION_COMPILED_H
#define WG_SRC_FUNCTION_COMPILED_H

#include "base/base.h"

#include <stdatomic.h>

typedef struct wg_compiled {
    void *handle;
    void (*value)(const double *x, double *y, double *work);
    void (*gradient)(const double *x, double *y, double *dydx, double *work); /* of one output */
    void (*vjp)(const double *x, const double *w, double *y, double *g, double *work);
    int64_t work;            /* doubles */
    _Atomic(double *) spare; /* a store that nobody uses now */
} wg_compiled;

void wg_compiled_free(wg_compiled *compiled); /* NULL is allowed */

/* count points; w and dydx may be NULL for the value alone, y [count, m] may be NULL beside a
 * gradient. MEMORY. */
wg_status wg_compiled_run(wg_compiled *compiled, int64_t count, int64_t n, int64_t m,
                          const double *x, const double *w, double *y, double *dydx,
                          const char *name);

#endif
