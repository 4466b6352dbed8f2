/* files.c: small files for the tests of the readers. */
#define _POSIX_C_SOURCE 200809L

#include "files.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char path[512]; /* each test runs in a process of its own */

const char *test_file(const void *bytes, size_t size) {
    if (path[0] == '\0') {
        const char *folder = getenv("TMPDIR");
        (void)snprintf(path, sizeof path, "%s/wengert-test-XXXXXX",
                       folder == NULL ? "/tmp" : folder);
        int made = mkstemp(path);
        cr_assert(made >= 0);
        (void)close(made);
    }
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(bytes, 1, size, file), size);
    cr_assert_eq(fclose(file), 0);
    return path;
}

void test_file_remove(void) {
    if (path[0] != '\0') {
        (void)remove(path);
        path[0] = '\0';
    }
}
