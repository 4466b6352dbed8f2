/* check.h (internal): what the two gradient checks share. */
#ifndef WG_SRC_INSPECT_CHECK_H
#define WG_SRC_INSPECT_CHECK_H

#include "base/base.h"
#include "wengert/check.h"
#include "wengert/elementwise.h"

/* A function of one flat vector of numbers, as the differences see it. False where the run failed.
 */
typedef bool (*wg_flat_function)(void *context, const double *x, double *value);

/* d value/d x[i] by the five-point stencil (Abramowitz & Stegun 25.3.6); x is changed and restored.
 */
bool wg_difference(wg_flat_function function, void *context, double *x, int64_t i, double step,
                   double *derivative);

/* Compares two numbers, keeps the worst; `where` is printf-like and written only for a new worst.
 * Equal infinities and NaN against NaN agree. */
void wg_compare(wg_check_report *report, double expected, double got, const char *where, ...)
    WG_PRINTF(4, 5);

/* The values of operand i of an operation's sample number `index`: keyed by all three. */
void wg_sample_draw(const wg_op *op, int index, const wg_sample *sample, int i, double *x);

#endif
