/* windows.h (internal): what operations over the last axes share. */
#ifndef WG_SRC_OP_WINDOWS_H
#define WG_SRC_OP_WINDOWS_H

#include "kernel/windows.h"
#include "op/define.h"
#include "tape/tape.h"
#include "wengert/pool.h"

/* x's sizes along its last n axes, right-aligned in size[3] (1 before them); false, and a failure
 * on the tape, where x has none such. */
bool wg_space_of(const char *name, wg_var x, int n, int64_t *size, const char *site);
/* A failure on x's tape (or the thread's message) and a poisoned handle. */
wg_var wg_space_fail(wg_var x, wg_status status, const char *name, const char *site,
                     const char *format, ...) WG_PRINTF(5, 6);
/* Right-aligned axes of a pool; false and a failure where the options make no windows. */
bool wg_window_axes_of(const char *name, wg_var x, int n, const wg_pool_options *options,
                       wg_window_axis *axes, const char *site);
/* x's shape with the last `n` sizes those of sizes[3], right-aligned. */
int wg_space_shape(const wg_view *x, int n, const int64_t *sizes, int64_t *shape);
/* How many planes of n axes an array has. */
int64_t wg_space_planes(const wg_view *x, int n);

#endif
