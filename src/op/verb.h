/* verb.h (internal): checks of verbs that are made of other verbs. */
#ifndef WG_SRC_OP_VERB_H
#define WG_SRC_OP_VERB_H

#include "wengert/array.h"

/* False where x (a number included) cannot be used: that is noted, and wg_verb_nothing(x) is the
 * result. */
bool wg_verb_takes(wg_var x, const char *name, const char *site);

/* A poisoned handle; NaN where x is a number. */
wg_var wg_verb_nothing(wg_var x);

/* Notes "NAME: x [2, 3] TEXT" on x's tape and returns a poisoned handle. */
wg_var wg_verb_fails(wg_var x, wg_status status, const char *name, const char *site,
                     const char *format, ...) WG_PRINTF(5, 6);

/* An axis of x, counted from the first; -1 and a failure where there is none such. */
int wg_verb_axis(wg_var x, int axis, const char *name, const char *site);

#endif
