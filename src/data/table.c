/* table.c: tables as objects: what is there, gaps, arrays. */
#include "data/table.h"

#include "data/convert.h"
#include "data/rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void wg_table_free(wg_table *table) {
    if (table == NULL) {
        return;
    }
    for (int c = 0; c < table->column_count && table->columns != NULL; c++) {
        wg_column_data *column = &table->columns[c];
        for (int level = 0; level < column->level_count && column->levels != NULL; level++) {
            wg_free(column->levels[level]);
        }
        wg_free(column->levels);
        wg_free(column->values);
        wg_free(column->name);
    }
    wg_free(table->columns);
    wg_free(table);
}

int64_t wg_table_rows(const wg_table *table) {
    return table->rows;
}

int wg_table_columns(const wg_table *table) {
    return table->column_count;
}

int wg_table_find(const wg_table *table, const char *name) {
    for (int c = 0; c < table->column_count && name != NULL; c++) {
        if (strcmp(table->columns[c].name, name) == 0) {
            return c;
        }
    }
    return -1;
}

const char *wg_table_name(const wg_table *table, int column) {
    return table->columns[column].name;
}

wg_column_kind wg_table_kind(const wg_table *table, int column) {
    return table->columns[column].kind;
}

const double *wg_table_values(const wg_table *table, int column) {
    return table->columns[column].values;
}

int64_t wg_table_missing(const wg_table *table, int column) {
    int64_t missing = 0;
    for (int64_t row = 0; row < table->rows; row++) {
        missing += isnan(table->columns[column].values[row]) ? 1 : 0;
    }
    return missing;
}

int wg_table_level_count(const wg_table *table, int column) {
    return table->columns[column].level_count;
}

const char *wg_table_level(const wg_table *table, int column, int level) {
    const wg_column_data *c = &table->columns[column];
    return level >= 0 && level < c->level_count ? c->levels[level] : NULL;
}

int wg_table_find_level(const wg_column_data *column, const char *text) {
    int low = 0, high = column->level_count;
    while (low < high) {
        const int middle = low + (high - low) / 2;
        const int order = strcmp(column->levels[middle], text);
        if (order == 0) {
            return middle;
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return -1;
}

static wg_status no_column(const char *verb, const char *name) {
    return wg_fail(WG_ERROR_ARGUMENT, "%s: the table has no column '%s'", verb,
                   name == NULL ? "(NULL)" : name);
}

/* ---- Gaps ------------------------------------------------------------------------------------ */

static int by_value(const void *left, const void *right) {
    const double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b ? 1 : 0;
}

/* The values of the rows that are there, ascending, into a new *out. */
static wg_status known_values(const wg_table *table, const double *values, const wg_array *rows,
                              double **out, int64_t *count) {
    const int64_t n = rows == NULL ? table->rows : rows->shape[0];
    *count = 0;
    *out = wg_calloc((size_t)n + 1, sizeof **out);
    if (*out == NULL) {
        return wg_fail(WG_ERROR_MEMORY, "table_impute: no memory for %lld values", (long long)n);
    }
    for (int64_t i = 0; i < n; i++) {
        const int64_t row = rows == NULL ? i : ((const int64_t *)rows->data)[i];
        if (!isnan(values[row])) {
            (*out)[(*count)++] = values[row];
        }
    }
    qsort(*out, (size_t)*count, sizeof **out, by_value);
    return WG_OK;
}

static double mean_of(const double *sorted, int64_t count) {
    double sum = 0, lost = 0;
    for (int64_t i = 0; i < count; i++) {
        sum += sorted[i];
    }
    const double mean = sum / (double)count;
    for (int64_t i = 0; i < count; i++) {
        lost += sorted[i] - mean; /* what rounding lost */
    }
    return isfinite(lost) ? mean + lost / (double)count : mean;
}

static double median_of(const double *sorted, int64_t count) {
    const double low = sorted[(count - 1) / 2], high = sorted[count / 2];
    return low == high ? low : low / 2 + high / 2;
}

static double mode_of(const double *sorted, int64_t count) {
    double best = sorted[0];
    int64_t longest = 0;
    for (int64_t start = 0, i = 0; i < count; i++) {
        start = sorted[i] == sorted[start] ? start : i;
        if (i - start + 1 > longest) {
            longest = i - start + 1;
            best = sorted[i];
        }
    }
    return best;
}

static wg_status impute_value(const wg_table *table, const wg_column_data *column,
                              wg_imputation how, const wg_array *rows, double *value) {
    const bool categories = column->kind == WG_COLUMN_CATEGORY;
    if ((unsigned)how > WG_IMPUTE_VALUE) {
        return wg_fail(WG_ERROR_ARGUMENT, "table_impute: no imputation: %u", (unsigned)how);
    }
    if (how == WG_IMPUTE_VALUE && value == NULL) {
        return wg_fail(WG_ERROR_ARGUMENT, "table_impute: there is no value");
    }
    if (how == WG_IMPUTE_VALUE && categories &&
        !(*value >= 0 && *value < column->level_count && *value == floor(*value))) {
        return wg_fail(WG_ERROR_ARGUMENT, "table_impute: column '%s': %g is none of %d levels",
                       column->name, *value, column->level_count);
    }
    if (how == WG_IMPUTE_VALUE) {
        return WG_OK;
    }
    if (categories && how != WG_IMPUTE_MODE) {
        return wg_fail(WG_ERROR_ARGUMENT, "table_impute: column '%s' has categories: no mean",
                       column->name);
    }
    double *sorted = NULL;
    int64_t count = 0;
    wg_status status = wg_check_row_list("table_impute", rows, table->rows);
    if (status != WG_OK) {
        return status;
    }
    status = known_values(table, column->values, rows, &sorted, &count);
    if (status == WG_OK && count == 0) {
        status = wg_fail(WG_ERROR_ARGUMENT, "table_impute: no value of column '%s' is known",
                         column->name);
    }
    if (status == WG_OK) {
        *value = (how == WG_IMPUTE_MEAN     ? mean_of
                  : how == WG_IMPUTE_MEDIAN ? median_of
                                            : mode_of)(sorted, count);
    }
    wg_free(sorted);
    return status;
}

wg_status wg_table_impute(wg_table *table, const char *name, wg_imputation how,
                          const wg_array *rows, double *value) {
    double found = 0, *to = value == NULL && how != WG_IMPUTE_VALUE ? &found : value;
    const int c = wg_table_find(table, name);
    if (c < 0) {
        return no_column("table_impute", name);
    }
    wg_status status = impute_value(table, &table->columns[c], how, rows, to);
    double *values = table->columns[c].values;
    for (int64_t row = 0; row < table->rows && status == WG_OK; row++) {
        values[row] = isnan(values[row]) ? *to : values[row];
    }
    return status;
}

/* ---- Arrays ---------------------------------------------------------------------------------- */

/* Column number i of those asked for; -1 where there is none. */
static int chosen(const wg_table *table, const char *const *names, int i) {
    return names == NULL ? i : wg_table_find(table, names[i]);
}

/* How many columns of a matrix those asked for take. */
static wg_status width_of(const char *verb, const wg_table *table, const char *const *names,
                          int count, bool one_hot, int64_t *width) {
    *width = 0;
    if (count < 0) {
        return wg_fail(WG_ERROR_ARGUMENT, "%s: %d columns", verb, count);
    }
    for (int i = 0; i < count; i++) {
        const int c = chosen(table, names, i);
        if (c < 0) {
            return no_column(verb, names[i]);
        }
        const wg_column_data *column = &table->columns[c];
        *width += one_hot && column->kind == WG_COLUMN_CATEGORY ? column->level_count : 1;
    }
    return WG_OK;
}

/* Writes a column from place `first` of each row on; how many it took, or -1 for a value that does
 * not fit, which is in *row. */
static int64_t place_column(const wg_column_data *column, bool one_hot, wg_array *to, int64_t first,
                            int64_t *row) {
    const int64_t width = to->shape[1];
    const bool spread = one_hot && column->kind == WG_COLUMN_CATEGORY;
    for (*row = 0; *row < to->shape[0]; ++*row) {
        const double value = column->values[*row];
        const int64_t at = *row * width + first;
        if (spread && !isnan(value) && value >= 0 && value < column->level_count) {
            (void)wg_convert_write(to->dtype, to->data, at + (int64_t)value, 1);
        } else if (!spread && !wg_convert_write(to->dtype, to->data, at, value)) {
            return -1;
        }
    }
    return spread ? column->level_count : 1;
}

wg_status wg_table_matrix(const wg_table *table, const char *const *names, int count, bool one_hot,
                          wg_dtype dtype, wg_array **out) {
    int64_t width = 0, first = 0, row = 0;
    *out = NULL;
    count = names == NULL ? table->column_count : count;
    wg_status status = width_of("table_matrix", table, names, count, one_hot, &width);
    if (status == WG_OK) {
        status = wg_array_new(dtype, 2, (int64_t[]){table->rows, width}, out);
    }
    for (int i = 0; i < count && status == WG_OK; i++) {
        const wg_column_data *column = &table->columns[chosen(table, names, i)];
        const int64_t taken = place_column(column, one_hot, *out, first, &row);
        if (taken < 0) {
            wg_array_free(*out);
            *out = NULL;
            status =
                wg_fail(WG_ERROR_FORMAT,
                        "table_matrix: column '%s', row %lld: %s cannot hold "
                        "%.17g",
                        column->name, (long long)row, wg_dtype_name(dtype), column->values[row]);
        }
        first += taken;
    }
    return status;
}

wg_status wg_table_column(const wg_table *table, const char *name, wg_dtype dtype, wg_array **out) {
    wg_status status = wg_table_matrix(table, &name, 1, false, dtype, out);
    if (status == WG_OK) {
        wg_matrix_to_vector(*out);
    }
    return status;
}

wg_status wg_table_mask(const wg_table *table, const char *const *names, int count,
                        wg_array **out) {
    int64_t width = 0;
    *out = NULL;
    count = names == NULL ? table->column_count : count;
    wg_status status = width_of("table_mask", table, names, count, false, &width);
    if (status == WG_OK) {
        status = wg_array_new(WG_U8, 2, (int64_t[]){table->rows, width}, out);
    }
    for (int i = 0; i < count && status == WG_OK; i++) {
        const double *values = table->columns[chosen(table, names, i)].values;
        for (int64_t row = 0; row < table->rows; row++) {
            if (!isnan(values[row])) {
                ((uint8_t *)(*out)->data)[row * width + i] = 1;
            }
        }
    }
    return status;
}
