/* csv.h (internal): CSV files in memory. */
#ifndef WG_SRC_CSV_H
#define WG_SRC_CSV_H

#include "wengert/data.h"

/* What wg_read_csv does with a file's bytes; `path` names it in messages. */
wg_status wg_csv_from_bytes(const char *path, const char *text, size_t size,
                            const wg_csv_options *options, wg_array **out);

#endif
