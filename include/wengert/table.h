/* table.h: tables from CSV and TSV files: named columns of numbers and of categories, with gaps. */
#ifndef WENGERT_TABLE_H
#define WENGERT_TABLE_H

#include "wengert/base.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Rows and named columns. A column of numbers is f64; one of categories keeps its different texts,
 * the levels, ascending by bytes, and in each row the number of one, from 0. What is missing is
 * NaN. */
typedef struct wg_table wg_table;

typedef enum wg_column_kind {
    WG_COLUMN_AUTO,     /* numbers, unless a field that is not missing is none: then categories */
    WG_COLUMN_NUMBER,   /* anything else is an error */
    WG_COLUMN_CATEGORY, /* also numbers are texts */
    WG_COLUMN_SKIP,     /* left out */
} wg_column_kind;

typedef struct wg_column_type {
    const char *name;
    wg_column_kind kind;
} wg_column_type;

/* All zeros are the usual: commas, a first row of names, no comments, every column by its look. */
typedef struct wg_table_options {
    char separator; /* between fields; 0 means ','; '\t' for TSV */
    char comment;   /* lines that start with it are skipped; 0 means there are none */
    bool no_header; /* the columns are called "0", "1", ... */

    /* Texts that mean a missing value, besides the empty field; NULL: NA, N/A, NaN, nan, NULL,
     * null, None. */
    const char *const *missing;
    int missing_count;

    /* Of the columns that are named here. All but SKIP must be in the file (ARGUMENT). */
    const wg_column_type *types;
    int type_count;

    /* A table of which this file shall be another part, as a test file is: its columns in its
     * order, of its kinds and levels. A level that it lacks, or a column of it that the file lacks,
     * is FORMAT; other columns of the file are left out. `types` goes before: it skips a column of
     * the table, whether the file has it or not, and adds others, which come last. */
    const wg_table *like;
} wg_table_options;

/* Reads a table into *out; free it with wg_table_free. Fields may be quoted, and may hold
 * separators, doubled quotes and line ends then (RFC 4180); blanks around fields are left out;
 * empty lines are skipped; lines end with LF or CRLF; numbers have a decimal point whatever the
 * locale is. A column without a name has its number, from 0. `options` may be NULL. Errors, with
 * the file's name, line and column (in bytes, from 1): FILE, FORMAT for rows of different length, a
 * file without rows, a name that comes twice, text where a number must stand, a zero byte, and for
 * what is not like the table it shall be like, ARGUMENT for options, MEMORY. On failure *out is
 * NULL. */
WG_API wg_status wg_read_table(const char *path, const wg_table_options *options, wg_table **out);

/* NULL is allowed. */
WG_API void wg_table_free(wg_table *table);

/* --- What is there ---------------------------------------------------------------------------- */

WG_API int64_t wg_table_rows(const wg_table *table);
WG_API int wg_table_columns(const wg_table *table);

/* The column of this name, -1 where there is none (NULL is no name). */
WG_API int wg_table_find(const wg_table *table, const char *name);

/* The name of column 0, 1, ...; its kind, NUMBER or CATEGORY; its values [rows], which live as long
 * as the table: numbers, or numbers of levels, NaN where they are missing; how many are missing.
 * The column must be there. */
WG_API const char *wg_table_name(const wg_table *table, int column);
WG_API wg_column_kind wg_table_kind(const wg_table *table, int column);
WG_API const double *wg_table_values(const wg_table *table, int column);
WG_API int64_t wg_table_missing(const wg_table *table, int column);

/* The number of levels of a column of categories, 0 for numbers; a level's text, NULL for a number
 * that is none. */
WG_API int wg_table_level_count(const wg_table *table, int column);
WG_API const char *wg_table_level(const wg_table *table, int column, int level);

/* --- Gaps ------------------------------------------------------------------------------------- */

typedef enum wg_imputation {
    WG_IMPUTE_MEAN,   /* of the numbers that are there */
    WG_IMPUTE_MEDIAN, /* the mean of the two in the middle, for an even number of them */
    WG_IMPUTE_MODE,   /* the commonest, the smallest among equals; also for categories */
    WG_IMPUTE_VALUE,  /* what stands in *value */
} wg_imputation;

/* Fills what is missing in a column by what the given rows (WG_I64 [count]; NULL: all) say: take
 * the training rows, or the test rows have a part in it. *value gets what was filled in, for other
 * files (WG_IMPUTE_VALUE); NULL is allowed but there. Errors: ARGUMENT for a column that is not
 * there, for a mean or median of categories, for a value that is the number of no level, for rows
 * that are not there, and where no value is known, DTYPE, MEMORY. */
WG_API wg_status wg_table_impute(wg_table *table, const char *name, wg_imputation how,
                                 const wg_array *rows, double *value);

/* --- Arrays ----------------------------------------------------------------------------------- */

/* Columns by name (NULL: all, and `count` is not looked at) as a new matrix *out [rows, width] of
 * any dtype. A column of categories becomes one column of numbers of levels, or, if one_hot, a
 * column for each level: 1 in that of the row, 0 else; all 0 where it is missing. Else what is
 * missing is NaN. Errors: ARGUMENT for a name that is not there, FORMAT for a value, or a gap, that
 * an integer dtype cannot hold, MEMORY. On failure *out is NULL. */
WG_API wg_status wg_table_matrix(const wg_table *table, const char *const *names, int count,
                                 bool one_hot, wg_dtype dtype, wg_array **out);

/* One column as a vector *out [rows]: labels, for example, as WG_I64. */
WG_API wg_status wg_table_column(const wg_table *table, const char *name, wg_dtype dtype,
                                 wg_array **out);

/* Where those columns have values: u8 [rows, count], 0 for what is missing, else 1. */
WG_API wg_status wg_table_mask(const wg_table *table, const char *const *names, int count,
                               wg_array **out);

#ifdef __cplusplus
}
#endif

#endif
