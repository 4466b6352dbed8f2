/* test_scaler.c: scaling against sums in long double, and back. */
#include "wengert.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <string.h>

enum {
    ROWS = 500,
    COLUMNS = 6
};

/* Columns: plain, far from zero, constant, with gaps, all missing, 0.1 a hundred times (a constant
 * whose mean is not exact). */
static wg_array *make_table(void) {
    wg_array *a = NULL;
    cr_assert_eq(wg_array_new(WG_F64, WG_SHAPE(ROWS, COLUMNS), &a), WG_OK);
    double *x = a->data;
    wg_random_normal(wg_key_new(1), 0, ROWS * COLUMNS, 0, 1, x);
    for (int i = 0; i < ROWS; i++) {
        double *row = x + i * COLUMNS;
        row[1] = 1e9 + row[1] * 1e-2;
        row[2] = 7;
        row[3] = i % 3 == 0 ? (double)NAN : row[3] * 5;
        row[4] = (double)NAN;
        row[5] = 0.1;
    }
    return a;
}

static void moments(const wg_array *a, const int64_t *rows, int64_t count, int k, double *mean,
                    double *deviation) {
    long double sum = 0, squares = 0;
    int64_t n = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int64_t i = 0; i < count; i++) {
            const double value = ((double *)a->data)[(rows == NULL ? i : rows[i]) * COLUMNS + k];
            if (!isnan(value) && pass == 0) {
                sum += value;
                n++;
            } else if (!isnan(value)) {
                squares += (value - sum / n) * (value - sum / n);
            }
        }
    }
    *mean = n > 0 ? (double)(sum / n) : 0;
    *deviation = n > 0 ? (double)sqrtl(squares / n) : 1;
}

static void expect_near(double found, double wanted, double tolerance, const char *what, int k) {
    cr_assert(fabs(found - wanted) <= tolerance * fabs(wanted), "%s of column %d: %.17g, not %.17g",
              what, k, found, wanted);
}

Test(scaler, standard) {
    wg_array *a = make_table(), *scaled = NULL, *back = NULL;
    wg_scaler s;
    cr_assert_eq(wg_scaler_fit(a, (wg_scaler_options){0}, &s), WG_OK);
    cr_assert(s.center->rank == 1 && s.center->shape[0] == COLUMNS);
    const double *center = s.center->data, *scale = s.scale->data;
    for (int k = 0; k < COLUMNS; k++) {
        double mean, deviation;
        moments(a, NULL, ROWS, k, &mean, &deviation);
        expect_near(center[k], mean, 2 * DBL_EPSILON, "the mean", k);
        expect_near(scale[k], k == 2 || k == 5 ? 1 : deviation, 1e-9, "the deviation", k);
    }
    cr_assert(center[2] == 7 && scale[2] == 1 && center[4] == 0 && scale[4] == 1);
    cr_assert_eq(wg_scaler_apply(&s, a, WG_F64, &scaled), WG_OK);
    cr_assert_eq(wg_scaler_invert(&s, scaled, WG_F64, &back), WG_OK);
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        const double x = ((double *)a->data)[i], y = ((double *)scaled->data)[i];
        const double z = ((double *)back->data)[i];
        cr_assert_eq(isnan(x), isnan(y));
        cr_assert(isnan(x) ||
                  fabs(z - x) <= 4 * DBL_EPSILON * (fabs(x) + fabs(center[i % COLUMNS])));
        cr_assert(isnan(x) || y == (x - center[i % COLUMNS]) / scale[i % COLUMNS]);
    }
    wg_scaler again;
    cr_assert_eq(wg_scaler_fit(scaled, (wg_scaler_options){0}, &again), WG_OK);
    for (int k = 0; k < 4; k++) {
        /* An ulp of 1e9 is 1e-5 deviations of column 1. */
        cr_assert(fabs(((double *)again.center->data)[k]) < (k == 1 ? 2e-5 : 1e-14));
        cr_assert(fabs(((double *)again.scale->data)[k] - 1) < 1e-9);
    }
    wg_scaler_clear(&again);
    wg_scaler_clear(&s);
    wg_scaler_clear(&s);
    wg_array_free(a);
    wg_array_free(scaled);
    wg_array_free(back);
}

Test(scaler, fits_the_rows_asked_for) {
    wg_array *a = make_table(), *rows = NULL;
    cr_assert_eq(wg_array_new(WG_I64, WG_SHAPE(100), &rows), WG_OK);
    for (int i = 0; i < 100; i++) {
        ((int64_t *)rows->data)[i] = 3 * i + 1;
    }
    wg_scaler s;
    cr_assert_eq(wg_scaler_fit(a, (wg_scaler_options){.rows = rows}, &s), WG_OK);
    double mean, deviation;
    moments(a, rows->data, 100, 0, &mean, &deviation);
    expect_near(((double *)s.center->data)[0], mean, 1e-12, "the mean", 0);
    expect_near(((double *)s.scale->data)[0], deviation, 1e-12, "the deviation", 0);
    wg_scaler_clear(&s);
    ((int64_t *)rows->data)[99] = ROWS;
    cr_assert_eq(wg_scaler_fit(a, (wg_scaler_options){.rows = rows}, &s), WG_ERROR_ARGUMENT);
    rows->dtype = WG_F64;
    cr_assert_eq(wg_scaler_fit(a, (wg_scaler_options){.rows = rows}, &s), WG_ERROR_DTYPE);
    cr_assert(s.center == NULL && s.scale == NULL);
    wg_array_free(a);
    wg_array_free(rows);
}

Test(scaler, range_of_any_dtype) {
    wg_array *a = NULL, *scaled = NULL;
    cr_assert_eq(wg_array_new(WG_U8, WG_SHAPE(3, 1, 2), &a), WG_OK);
    memcpy(a->data, (uint8_t[]){10, 5, 30, 5, 20, 5}, 6);
    wg_scaler s;
    cr_assert_eq(wg_scaler_fit(a, (wg_scaler_options){.scaling = WG_SCALE_RANGE}, &s), WG_OK);
    cr_assert_eq(wg_scaler_apply(&s, a, WG_F32, &scaled), WG_OK);
    cr_assert(scaled->rank == 3 && scaled->dtype == WG_F32);
    const float expected[] = {0, 0, 1, 0, 0.5f, 0};
    cr_assert_arr_eq(scaled->data, expected, sizeof expected);
    wg_scaler_clear(&s);
    wg_array_free(a);
    wg_array_free(scaled);
}

Test(scaler, refusals) {
    wg_array *a = make_table(), *narrow = NULL, *scalar = NULL, *out = NULL;
    wg_scaler s, none = {NULL, NULL};
    cr_assert_eq(wg_array_new(WG_F64, WG_SHAPE(2, 2), &narrow), WG_OK);
    cr_assert_eq(wg_array_new(WG_F64, 0, NULL, &scalar), WG_OK);
    cr_assert_eq(wg_scaler_fit(scalar, (wg_scaler_options){0}, &s), WG_ERROR_SHAPE);
    cr_assert_eq(wg_scaler_fit(NULL, (wg_scaler_options){0}, &s), WG_ERROR_SHAPE);
    ((double *)a->data)[COLUMNS + 1] = (double)INFINITY;
    cr_assert_eq(wg_scaler_fit(a, (wg_scaler_options){0}, &s), WG_ERROR_FORMAT);
    cr_assert_not_null(strstr(wg_last_message(), "row 1, column 1"));
    cr_assert(s.center == NULL && s.scale == NULL);
    ((double *)a->data)[COLUMNS + 1] = 0;
    cr_assert_eq(wg_scaler_fit(a, (wg_scaler_options){0}, &s), WG_OK);
    cr_assert_eq(wg_scaler_apply(&s, narrow, WG_F64, &out), WG_ERROR_SHAPE);
    cr_assert_eq(wg_scaler_apply(&none, a, WG_F64, &out), WG_ERROR_SHAPE);
    cr_assert_eq(wg_scaler_apply(&s, scalar, WG_F64, &out), WG_ERROR_SHAPE);
    cr_assert_eq(wg_scaler_apply(&s, a, WG_I64, &out), WG_ERROR_DTYPE);
    cr_assert_null(out);
    wg_scaler_clear(&s);
    wg_array_free(a);
    wg_array_free(narrow);
    wg_array_free(scalar);
}

static wg_status fit_column(const double *values, int64_t count, wg_scaling scaling,
                            double *scale) {
    wg_array *a = NULL;
    wg_scaler s;
    cr_assert_eq(wg_array_new(WG_F64, WG_SHAPE(count), &a), WG_OK);
    memcpy(a->data, values, (size_t)count * sizeof *values);
    const wg_status status = wg_scaler_fit(a, (wg_scaler_options){.scaling = scaling}, &s);
    if (status == WG_OK) {
        *scale = ((double *)s.scale->data)[0];
    }
    wg_scaler_clear(&s);
    wg_array_free(a);
    return status;
}

/* What differs by rounding alone is constant; what has no sum is no column. */
Test(scaler, limits) {
    const double same[] = {0.1 + 0.2, 0.3, 0.3}, far[] = {1e9, 1e9 + 1e-6};
    const double huge[] = {1e308, 1e308, 1e308}, wide[] = {-1e308, 1e308};
    double scale = 0;
    for (int i = 0; i < 2; i++) {
        const wg_scaling scaling = i == 0 ? WG_SCALE_STANDARD : WG_SCALE_RANGE;
        cr_assert_eq(fit_column(same, 3, scaling, &scale), WG_OK);
        cr_assert_eq(scale, 1);
        cr_assert_eq(fit_column(far, 2, scaling, &scale), WG_OK);
        cr_assert(scale > 0 && scale < 1e-5);
        cr_assert_eq(fit_column(wide, 2, scaling, &scale), WG_ERROR_FORMAT);
    }
    cr_assert_eq(fit_column(huge, 3, WG_SCALE_STANDARD, &scale), WG_ERROR_FORMAT);
    cr_assert_not_null(strstr(wg_last_message(), "column 0: its sums overflow"));
    cr_assert_eq(fit_column(huge, 3, WG_SCALE_RANGE, &scale), WG_OK);
    cr_assert_eq(scale, 1);
    cr_assert_eq(fit_column(far, 2, (wg_scaling)7, &scale), WG_ERROR_ARGUMENT);
}

Test(scaler, no_rows_at_all) {
    wg_array *a = NULL, *out = NULL;
    cr_assert_eq(wg_array_new(WG_F32, WG_SHAPE(0, 2), &a), WG_OK);
    for (int scaling = 0; scaling < 2; scaling++) {
        wg_scaler s;
        cr_assert_eq(wg_scaler_fit(a, (wg_scaler_options){.scaling = (wg_scaling)scaling}, &s),
                     WG_OK);
        cr_assert(((double *)s.center->data)[1] == 0 && ((double *)s.scale->data)[1] == 1);
        cr_assert_eq(wg_scaler_apply(&s, a, WG_F32, &out), WG_OK);
        wg_array_free(out);
        wg_scaler_clear(&s);
    }
    wg_array_free(a);
}
