/* norm.h (internal): normalisation to mean zero and variance one, and its derivative, on contiguous
 * buffers, f32 or f64.
 *
 * What is normalised together is a row. Of each row three numbers are kept, so that xhat =
 * (x - centre) factor + shift: the centre is the mean rounded to the type, and the shift what that
 * rounding lost. Sums have a shape that the sizes alone decide. */
#ifndef WG_SRC_KERNEL_NORM_H
#define WG_SRC_KERNEL_NORM_H

#include "wengert/op.h"

/* Row r lies at x + r channels inner; its weights are those from (r mod groups) channels on, one
 * for each `inner` neighbours. */
typedef struct wg_norm {
    wg_dtype dtype;
    int64_t rows, groups, channels, inner;
    double eps;
    bool centred; /* else the mean counts as zero: the root of the mean square */
} wg_norm;

#define WG_NORM_STATISTICS 3 /* doubles a row: centre, factor, shift */

/* y = xhat w + b; both NULL: 1 and 0. */
void wg_kernel_norm(const wg_norm *norm, const void *x, const void *w, const void *b, void *y,
                    double *statistics);

/* Where the gradients go: NULL where none is wanted; added to what is there where `add` says so. */
typedef struct wg_norm_places {
    void *dx, *dw, *db;
    bool add_x, add_w, add_b;
} wg_norm_places;

/* From dL/dy = g. `scratch`: as many bytes as wg_kernel_norm_scratch says. A row whose g is zero
 * throughout contributes nothing, even if NaN is in it. */
void wg_kernel_norm_chain(const wg_norm *norm, const void *x, const void *g, const void *w,
                          const double *statistics, const wg_norm_places *to, void *scratch);
size_t wg_kernel_norm_scratch(const wg_norm *norm);

/* The same where all that belongs to one channel of x [batch, channels, inner] is normalised
 * together; a channel counts as a row. `spread` takes the mean and the biased variance of each
 * channel, or is NULL. */
typedef struct wg_batch_norm {
    wg_dtype dtype;
    int64_t batch, channels, inner;
    double eps;
} wg_batch_norm;

void wg_kernel_batch_norm(const wg_batch_norm *norm, const void *x, const void *w, const void *b,
                          void *y, double *statistics, double *spread);
void wg_kernel_batch_norm_chain(const wg_batch_norm *norm, const void *x, const void *g,
                                const void *w, const double *statistics, const wg_norm_places *to);

#endif
