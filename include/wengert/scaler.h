/* scaler.h: columns of numbers brought to one scale, and back. */
#ifndef WENGERT_SCALER_H
#define WENGERT_SCALER_H

#include "wengert/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* scaled = (value - center) / scale, column by column. Both are plain WG_F64 arrays [columns], to
 * be saved like any other; a scaler is made of two such arrays, too, if no scale is 0. */
typedef struct wg_scaler {
    wg_array *center;
    wg_array *scale;
} wg_scaler;

typedef enum wg_scaling {
    WG_SCALE_STANDARD, /* mean 0, deviation 1 (of the rows, not of a population they stand for) */
    WG_SCALE_RANGE,    /* from 0 to 1 */
} wg_scaling;

/* All zeros: standard, of all rows. */
typedef struct wg_scaler_options {
    wg_scaling scaling;
    const wg_array *rows; /* WG_I64 [count]: only these, as the training rows of wg_split_parts */
} wg_scaler_options;

/* Fits a scaler to an array [rows, ...] of any dtype; all that follows the first axis is columns.
 * NaN counts as missing and is left out; a column without numbers gets center 0 and scale 1, one
 * that is constant (to rounding) scale 1. Means and deviations take two passes in f64 with a
 * correction for what the mean lost (T. F. Chan, G. H. Golub, R. J. LeVeque, "Algorithms for
 * computing the sample variance", 1983, equation 1.7). As scikit-learn's StandardScaler and
 * MinMaxScaler. Free with wg_scaler_clear. Errors: SHAPE for rank 0, DTYPE and ARGUMENT for rows
 * that do not fit, ARGUMENT for a scaling that is none, FORMAT for a value that is infinite and for
 * a column whose sums overflow, MEMORY. On failure *out is all NULL. */
WG_API wg_status wg_scaler_fit(const wg_array *from, wg_scaler_options options, wg_scaler *out);

/* A new array *out of the same shape, scaled, as WG_F32 or WG_F64; and the way back. NaN stays NaN.
 * Errors: SHAPE where the columns are not the scaler's, DTYPE, MEMORY. On failure *out is NULL. */
WG_API wg_status wg_scaler_apply(const wg_scaler *scaler, const wg_array *from, wg_dtype dtype,
                                 wg_array **out);
WG_API wg_status wg_scaler_invert(const wg_scaler *scaler, const wg_array *from, wg_dtype dtype,
                                  wg_array **out);

/* Frees both arrays; all NULL afterwards, and allowed before. */
WG_API void wg_scaler_clear(wg_scaler *scaler);

#ifdef __cplusplus
}
#endif

#endif
