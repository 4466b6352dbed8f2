/* rows.c: rows and columns of plain arrays, copied and converted. */
#include "data/rows.h"

#include "data/convert.h"
#include "tape/tape.h"
#include "wengert/data.h"

#include <string.h>

wg_status wg_check_row_list(const char *verb, const wg_array *rows, int64_t there) {
    if (rows != NULL && (rows->dtype != WG_I64 || rows->rank != 1)) {
        return wg_fail(WG_ERROR_DTYPE, "%s: the rows are %s of rank %d, not i64 [count]", verb,
                       wg_dtype_name(rows->dtype), rows->rank);
    }
    for (int64_t i = 0; rows != NULL && i < rows->shape[0]; i++) {
        const int64_t row = ((const int64_t *)rows->data)[i];
        if (row < 0 || row >= there) {
            return wg_fail(WG_ERROR_ARGUMENT, "%s: rows[%lld] is %lld; there are %lld", verb,
                           (long long)i, (long long)row, (long long)there);
        }
    }
    return WG_OK;
}

void wg_matrix_to_vector(wg_array *array) {
    array->rank = 1;
    array->shape[1] = 0;
}

static wg_status check_columns(const wg_array *from, int64_t first, int64_t count) {
    if (from == NULL || from->rank != 2) {
        return wg_fail(WG_ERROR_SHAPE, "columns: the array is no matrix: rank %d",
                       from == NULL ? -1 : from->rank);
    }
    if (first < 0 || count < 0 || first > from->shape[1] || count > from->shape[1] - first) {
        return wg_fail(WG_ERROR_ARGUMENT,
                       "columns: %lld columns from column %lld on; the matrix has %lld",
                       (long long)count, (long long)first, (long long)from->shape[1]);
    }
    return WG_OK;
}

wg_status wg_columns(const wg_array *from, int64_t first, int64_t count, wg_dtype dtype,
                     double scale, double offset, wg_array **out) {
    *out = NULL;
    wg_status status = check_columns(from, first, count);
    if (status == WG_OK) {
        status = wg_array_new(dtype, 2, (int64_t[]){from->shape[0], count}, out);
    }
    if (status != WG_OK) {
        return status;
    }
    for (int64_t row = 0; row < from->shape[0]; row++) {
        for (int64_t i = 0; i < count; i++) {
            double value = scale * wg_convert_read(from, row * from->shape[1] + first + i) + offset;
            if (!wg_convert_write(dtype, (*out)->data, row * count + i, value)) {
                wg_array_free(*out);
                *out = NULL;
                return wg_fail(WG_ERROR_FORMAT,
                               "columns: row %lld, column %lld: %s cannot hold %.17g",
                               (long long)row, (long long)(first + i), wg_dtype_name(dtype), value);
            }
        }
    }
    return WG_OK;
}

wg_status wg_column(const wg_array *from, int64_t column, wg_dtype dtype, wg_array **out) {
    wg_status status = wg_columns(from, column, 1, dtype, 1.0, 0.0, out);
    if (status == WG_OK) {
        wg_matrix_to_vector(*out);
    }
    return status;
}

static wg_status check_rows(const wg_array *from, const int64_t *rows, int64_t n) {
    if (from == NULL || from->rank < 1) {
        return wg_fail(WG_ERROR_SHAPE, "rows: the array has no rows");
    }
    if (n < 0 || (rows == NULL && n > 0)) {
        return wg_fail(WG_ERROR_ARGUMENT, "rows: %lld rows asked for", (long long)n);
    }
    for (int64_t i = 0; i < n; i++) {
        if (rows[i] < 0 || rows[i] >= from->shape[0]) {
            return wg_fail(WG_ERROR_ARGUMENT, "rows: rows[%lld] is %lld; the array has %lld rows",
                           (long long)i, (long long)rows[i], (long long)from->shape[0]);
        }
    }
    return WG_OK;
}

static int64_t row_count(const wg_array *from) {
    return wg_shape_count(from->rank - 1, from->shape + 1, wg_dtype_size(from->dtype));
}

wg_status wg_copy_rows(const wg_array *from, const int64_t *rows, int64_t n, void *out) {
    wg_status status = check_rows(from, rows, n);
    if (status != WG_OK) {
        return status;
    }
    size_t bytes = (size_t)row_count(from) * wg_dtype_size(from->dtype);
    for (int64_t i = 0; i < n && bytes > 0; i++) {
        memcpy((char *)out + (size_t)i * bytes, (const char *)from->data + (size_t)rows[i] * bytes,
               bytes);
    }
    return WG_OK;
}

wg_status wg_copy_windows(const wg_array *from, const int64_t *starts, int64_t n, int64_t length,
                          void *out) {
    if (from == NULL || from->rank != 1) {
        return wg_fail(WG_ERROR_SHAPE, "windows: the array is no vector: rank %d",
                       from == NULL ? -1 : from->rank);
    }
    if (n < 0 || length < 0 || (starts == NULL && n > 0)) {
        return wg_fail(WG_ERROR_ARGUMENT, "windows: %lld windows of %lld elements", (long long)n,
                       (long long)length);
    }
    for (int64_t i = 0; i < n; i++) {
        if (starts[i] < 0 || length > from->shape[0] || starts[i] > from->shape[0] - length) {
            return wg_fail(WG_ERROR_ARGUMENT,
                           "windows: %lld elements from starts[%lld] = %lld on; there are %lld",
                           (long long)length, (long long)i, (long long)starts[i],
                           (long long)from->shape[0]);
        }
    }
    const size_t size = wg_dtype_size(from->dtype), bytes = (size_t)length * size;
    for (int64_t i = 0; i < n && bytes > 0; i++) {
        memcpy((char *)out + (size_t)i * bytes, (const char *)from->data + (size_t)starts[i] * size,
               bytes);
    }
    return WG_OK;
}

/* The shape of n rows of an array of rank 1 or more. */
static void shape_of_rows(const wg_array *from, int64_t n, int64_t *shape) {
    memcpy(shape, from->shape, sizeof from->shape);
    shape[0] = n;
}

wg_status wg_select_rows(const wg_array *from, const int64_t *rows, int64_t n, wg_array **out) {
    int64_t shape[WG_MAX_RANK];
    *out = NULL;
    wg_status status = check_rows(from, rows, n);
    if (status == WG_OK) {
        shape_of_rows(from, n, shape);
        status = wg_array_new(from->dtype, from->rank, shape, out);
    }
    return status == WG_OK ? wg_copy_rows(from, rows, n, (*out)->data) : status;
}

wg_var wg_constant_of(wg_tape *tape, const wg_array *array) {
    return wg_constant(tape, array->dtype, array->rank, array->shape, array->data);
}

wg_var wg_constant_rows(wg_tape *tape, const wg_array *from, const int64_t *rows, int64_t n) {
    int64_t shape[WG_MAX_RANK];
    wg_status status = check_rows(from, rows, n);
    if (status != WG_OK) {
        wg_tape_fail(tape, status, "constant_rows", NULL, "%s", wg_last_message());
        return wg_poison(tape);
    }
    shape_of_rows(from, n, shape);
    wg_var batch = wg_constant(tape, from->dtype, from->rank, shape, NULL);
    if (wg_tape_status(tape) == WG_OK) {
        (void)wg_copy_rows(from, rows, n, wg_view_of(batch).data);
    }
    return batch;
}

wg_status wg_copy_rows_f32(const wg_array *from, const int64_t *rows, int64_t n, double scale,
                           double offset, float *out) {
    wg_status status = check_rows(from, rows, n);
    if (status != WG_OK) {
        return status;
    }
    int64_t columns = row_count(from);
    for (int64_t i = 0; i < n; i++) {
        (void)wg_convert(from, rows[i] * columns, columns, scale, offset, WG_F32,
                         out + i * columns);
    }
    return WG_OK;
}
