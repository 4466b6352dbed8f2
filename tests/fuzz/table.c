/* table.c: bytes that may be a table; what was accepted becomes arrays, its gaps are filled, and it
 * must be accepted as like itself. */
#include "data/table.h"

#include "targets.h"

#include <stdlib.h>

static void use(wg_table *table) {
    wg_array *matrix = NULL, *mask = NULL;
    (void)wg_table_matrix(table, NULL, 0, true, WG_F32, &matrix);
    (void)wg_table_mask(table, NULL, 0, &mask);
    for (int column = 0; column < wg_table_columns(table); column++) {
        (void)wg_table_impute(table, wg_table_name(table, column), WG_IMPUTE_MODE, NULL, NULL);
        (void)wg_table_level(table, column, wg_table_level_count(table, column) - 1);
    }
    wg_array_free(matrix);
    wg_array_free(mask);
}

void fuzz_table(const uint8_t *data, size_t size) {
    wg_table_options options[] = {{.separator = ','}, {.separator = '\t', .comment = '#'}};
    for (size_t i = 0; i < WG_COUNT_OF(options); i++) {
        wg_table *table = NULL, *again = NULL;
        if (wg_table_from_bytes("fuzz", (const char *)data, size, &options[i], &table) == WG_OK) {
            options[i].like = table;
            if (wg_table_from_bytes("fuzz", (const char *)data, size, &options[i], &again) !=
                WG_OK) {
                abort();
            }
            use(table);
        }
        wg_table_free(table);
        wg_table_free(again);
    }
}
