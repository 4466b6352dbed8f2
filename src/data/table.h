/* table.h (internal): what a table is made of. */
#ifndef WG_SRC_TABLE_H
#define WG_SRC_TABLE_H

#include "base/base.h"
#include "wengert/table.h"

typedef struct wg_column_data {
    char *name;
    wg_column_kind kind; /* NUMBER or CATEGORY */
    double *values;      /* [rows] */
    char **levels;       /* [level_count] ascending */
    int level_count;
} wg_column_data;

struct wg_table {
    int64_t rows;
    int column_count;
    wg_column_data *columns;
};

/* What wg_read_table does with a file's bytes; `path` names it in messages. */
wg_status wg_table_from_bytes(const char *path, const char *text, size_t size,
                              const wg_table_options *options, wg_table **out);

/* The number of a level, -1 for a text that is none. */
int wg_table_find_level(const wg_column_data *column, const char *text);

#endif
