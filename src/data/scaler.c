/* scaler.c: columns of numbers brought to one scale, and back. */
#include "wengert/scaler.h"

#include "data/convert.h"
#include "data/rows.h"

#include <float.h>
#include <math.h>

/* What is to be fitted. */
typedef struct sample {
    const wg_array *from;
    const int64_t *rows; /* NULL: all */
    int64_t count;       /* of rows */
    int64_t columns;
} sample;

/* What one pass over a column finds: how many numbers, and, by the pass, their sum or the sums of
 * deviations and of their squares, or the least and the greatest. */
typedef struct column {
    int64_t numbers;
    double a, b;
} column;

void wg_scaler_clear(wg_scaler *scaler) {
    wg_array_free(scaler->center);
    wg_array_free(scaler->scale);
    *scaler = (wg_scaler){NULL, NULL};
}

static wg_status check_sample(const wg_array *from, const wg_array *rows, sample *out) {
    if (from == NULL || from->rank < 1) {
        return wg_fail(WG_ERROR_SHAPE, "scaler: the array has no rows");
    }
    *out = (sample){.from = from,
                    .count = from->shape[0],
                    .columns = wg_shape_count(from->rank - 1, from->shape + 1, 1)};
    if (rows != NULL) {
        out->rows = rows->data;
        out->count = rows->shape[0];
    }
    return wg_check_row_list("scaler", rows, from->shape[0]);
}

/* One pass over all rows: calls `add` for every number with its column and that column's center. */
static wg_status walk(const sample *s, column *columns, const double *center,
                      void (*add)(column *c, double value, double center)) {
    for (int64_t i = 0; i < s->count; i++) {
        const int64_t row = s->rows == NULL ? i : s->rows[i];
        for (int64_t k = 0; k < s->columns; k++) {
            const double value = wg_convert_read(s->from, row * s->columns + k);
            if (isinf(value)) {
                return wg_fail(WG_ERROR_FORMAT, "scaler: row %lld, column %lld is infinite",
                               (long long)row, (long long)k);
            }
            if (!isnan(value)) {
                add(&columns[k], value, center[k]);
            }
        }
    }
    return WG_OK;
}

static void add_value(column *c, double value, double center) {
    (void)center;
    c->numbers++;
    c->a += value;
}

static void add_deviation(column *c, double value, double center) {
    const double deviation = value - center;
    c->a += deviation;
    c->b += deviation * deviation;
}

static void add_extreme(column *c, double value, double center) {
    (void)center;
    c->a = c->numbers == 0 || value < c->a ? value : c->a;
    c->b = c->numbers == 0 || value > c->b ? value : c->b;
    c->numbers++;
}

/* Whether what is left of the variance may be rounding alone (scikit-learn's rule). */
static bool is_constant(double variance, double mean, double n) {
    const double lost = n * mean * DBL_EPSILON;
    return variance <= n * DBL_EPSILON * variance + lost * lost && isfinite(variance);
}

static wg_status fit_standard(const sample *s, column *columns, double *center, double *scale) {
    wg_status status = walk(s, columns, center, add_value);
    for (int64_t k = 0; k < s->columns; k++) {
        const double n = (double)columns[k].numbers;
        center[k] = n > 0 ? columns[k].a / n : 0;
        columns[k].a = columns[k].b = 0;
    }
    if (status == WG_OK) {
        status = walk(s, columns, center, add_deviation);
    }
    for (int64_t k = 0; k < s->columns; k++) {
        const double n = (double)columns[k].numbers;
        const double lost = n > 0 ? columns[k].a / n : 0;
        const double variance = n > 0 ? columns[k].b / n - lost * lost : 0;
        center[k] += lost;
        scale[k] = is_constant(variance, center[k], n) ? 1 : sqrt(variance);
    }
    return status;
}

static wg_status fit_range(const sample *s, column *columns, double *center, double *scale) {
    wg_status status = walk(s, columns, center, add_extreme);
    for (int64_t k = 0; k < s->columns; k++) {
        const double low = columns[k].a, high = columns[k].b;
        const double rounding = 4 * DBL_EPSILON * fmax(fabs(low), fabs(high));
        center[k] = low;
        scale[k] = high - low > rounding ? high - low : 1;
    }
    return status;
}

static wg_status check_sums(int64_t columns, const double *center, const double *scale) {
    for (int64_t k = 0; k < columns; k++) {
        if (!isfinite(center[k]) || !isfinite(scale[k])) {
            return wg_fail(WG_ERROR_FORMAT, "scaler: column %lld: its sums overflow f64",
                           (long long)k);
        }
    }
    return WG_OK;
}

wg_status wg_scaler_fit(const wg_array *from, wg_scaler_options options, wg_scaler *out) {
    sample s;
    *out = (wg_scaler){NULL, NULL};
    wg_status status = check_sample(from, options.rows, &s);
    if (status == WG_OK && (unsigned)options.scaling > WG_SCALE_RANGE) {
        status = wg_fail(WG_ERROR_ARGUMENT, "scaler: no scaling: %u", (unsigned)options.scaling);
    }
    if (status == WG_OK) {
        status = wg_array_new(WG_F64, 1, &s.columns, &out->center);
    }
    if (status == WG_OK) {
        status = wg_array_new(WG_F64, 1, &s.columns, &out->scale);
    }
    column *columns = NULL;
    if (status == WG_OK) {
        columns = wg_calloc((size_t)s.columns + 1, sizeof *columns);
        if (columns == NULL) {
            status = wg_fail(WG_ERROR_MEMORY, "scaler: no memory for %lld columns",
                             (long long)s.columns);
        }
    }
    if (status == WG_OK) {
        status = (options.scaling == WG_SCALE_RANGE ? fit_range : fit_standard)(
            &s, columns, out->center->data, out->scale->data);
    }
    if (status == WG_OK) {
        status = check_sums(s.columns, out->center->data, out->scale->data);
    }
    wg_free(columns);
    if (status != WG_OK) {
        wg_scaler_clear(out);
    }
    return status;
}

/* ---- Forth and back -------------------------------------------------------------------------- */

static wg_status check_columns(const wg_scaler *scaler, const wg_array *from, wg_dtype dtype,
                               int64_t *columns) {
    const wg_array *center = scaler->center, *scale = scaler->scale;
    if (from == NULL || from->rank < 1 || center == NULL || scale == NULL || center->rank != 1 ||
        scale->rank != 1) {
        return wg_fail(WG_ERROR_SHAPE, "scaler: the array has no rows, or the scaler is empty");
    }
    *columns = wg_shape_count(from->rank - 1, from->shape + 1, 1);
    if (center->shape[0] != *columns || scale->shape[0] != *columns) {
        return wg_fail(WG_ERROR_SHAPE, "scaler: %lld columns, but the scaler has %lld and %lld",
                       (long long)*columns, (long long)center->shape[0],
                       (long long)scale->shape[0]);
    }
    if (center->dtype != WG_F64 || scale->dtype != WG_F64 || (dtype != WG_F32 && dtype != WG_F64)) {
        return wg_fail(WG_ERROR_DTYPE, "scaler: %s of a scaler of %s and %s", wg_dtype_name(dtype),
                       wg_dtype_name(center->dtype), wg_dtype_name(scale->dtype));
    }
    return WG_OK;
}

static wg_status transform(const wg_scaler *scaler, const wg_array *from, wg_dtype dtype,
                           bool invert, wg_array **out) {
    int64_t columns = 0;
    *out = NULL;
    wg_status status = check_columns(scaler, from, dtype, &columns);
    if (status == WG_OK) {
        status = wg_array_new(dtype, from->rank, from->shape, out);
    }
    if (status != WG_OK) {
        return status;
    }
    const double *center = scaler->center->data, *scale = scaler->scale->data;
    const int64_t count = wg_array_count(from);
    for (int64_t i = 0; i < count; i++) {
        const int64_t k = i % columns;
        const double value = wg_convert_read(from, i);
        (void)wg_convert_write(dtype, (*out)->data, i,
                               invert ? value * scale[k] + center[k]
                                      : (value - center[k]) / scale[k]);
    }
    return WG_OK;
}

wg_status wg_scaler_apply(const wg_scaler *scaler, const wg_array *from, wg_dtype dtype,
                          wg_array **out) {
    return transform(scaler, from, dtype, false, out);
}

wg_status wg_scaler_invert(const wg_scaler *scaler, const wg_array *from, wg_dtype dtype,
                           wg_array **out) {
    return transform(scaler, from, dtype, true, out);
}
