/* csv.c: bytes that may be a CSV file of numbers. */
#include "data/csv.h"

#include "targets.h"

void fuzz_csv(const uint8_t *data, size_t size) {
    static const wg_csv_options options = {.separator = ';', .header = true, .comment = '#'};
    for (int i = 0; i < 2; i++) {
        wg_array *array = NULL;
        (void)wg_csv_from_bytes("fuzz", (const char *)data, size, i == 0 ? NULL : &options, &array);
        wg_array_free(array);
    }
}
