/* csv.c: bytes that may be a CSV file, as a file of that process. */
#define _POSIX_C_SOURCE 200809L

#include "targets.h"
#include "wengert/data.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void fuzz_csv(const uint8_t *data, size_t size) {
    static const wg_csv_options options = {.separator = ';', .header = true, .comment = '#'};
    const char *folder = getenv("TMPDIR");
    char path[512];
    (void)snprintf(path, sizeof path, "%s/wengert-fuzz-%lld.csv", folder == NULL ? "/tmp" : folder,
                   (long long)getpid());
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(data, 1, size, file) != size || fclose(file) != 0) {
        abort();
    }
    for (int i = 0; i < 2; i++) {
        wg_array *array = NULL;
        (void)wg_read_csv(path, i == 0 ? NULL : &options, &array);
        wg_array_free(array);
    }
    (void)remove(path);
}
