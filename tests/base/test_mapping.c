/* test_mapping.c: files as memory. */
#define _POSIX_C_SOURCE 200809L
#include "base/mapping.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void map_of(const char *text, size_t size) {
    char path[] = "/tmp/wengert-mapping-XXXXXX";
    const int file = mkstemp(path);
    cr_assert(file >= 0 && write(file, text, size) == (ssize_t)size);
    close(file);
    wg_mapping mapping;
    cr_assert_eq(wg_map_file("test", path, &mapping), WG_OK, "%s", wg_last_message());
    cr_assert_eq(mapping.size, size);
    cr_assert_eq((uintptr_t)mapping.bytes % 64, 0);
    cr_assert_arr_eq(mapping.bytes, text, size);
    cr_assert_eq(mapping.mapped, size > 0);
    unlink(path); /* what is mapped stays */
    cr_assert_arr_eq(mapping.bytes, text, size);
    wg_unmap_file(&mapping);
    wg_unmap_file(&mapping);
    cr_assert_null(mapping.bytes);
}

Test(mapping, files) {
    map_of("some bytes", 10);
    map_of("", 0);
}

Test(mapping, refuses) {
    wg_mapping mapping;
    cr_assert_eq(wg_map_file("test", NULL, &mapping), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_map_file("test", "/tmp/wengert-no-such-file", &mapping), WG_ERROR_FILE);
    cr_assert_not_null(strstr(wg_last_message(), "wengert-no-such-file"));
    cr_assert_eq(wg_map_file("test", "/tmp", &mapping), WG_ERROR_FILE);
    cr_assert_null(mapping.bytes);
}
