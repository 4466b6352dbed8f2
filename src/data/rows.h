/* rows.h (internal): lists of rows, and columns that are vectors. */
#ifndef WG_SRC_ROWS_H
#define WG_SRC_ROWS_H

#include "base/base.h"

/* Whether a list of rows (NULL: all, which always fits) is i64 [count], each from 0 to there - 1:
 * else DTYPE or ARGUMENT. `verb` starts the message. */
wg_status wg_check_row_list(const char *verb, const wg_array *rows, int64_t there);

/* Makes a new matrix [rows, 1] a vector [rows]: they lie in memory alike. */
void wg_matrix_to_vector(wg_array *array);

#endif
