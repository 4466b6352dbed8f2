/* bytes.c: files under construction for the tests of the readers. */
#define _POSIX_C_SOURCE 200809L

#include "bytes.h"

#include "base/base.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void expect_refused(wg_status status, wg_status wanted, const char *text) {
    cr_assert_eq(status, wanted, "status %d, wanted %d and '%s': %s", (int)status, (int)wanted,
                 text, wg_last_message());
    cr_assert_eq(wg_last_status(), wanted, "the status behind: %s", wg_last_message());
    cr_assert_not_null(strstr(wg_last_message(), text), "want '%s' in: %s", text,
                       wg_last_message());
}

unsigned char *copy_of(const void *bytes, size_t count) {
    unsigned char *copy = malloc(count > 0 ? count : 1);
    cr_assert_not_null(copy);
    if (count > 0) {
        memcpy(copy, bytes, count);
    }
    return copy;
}

unsigned char *safetensors_bytes(const char *header, size_t data, size_t *size) {
    const size_t length = strlen(header);
    *size = 8 + length + data;
    unsigned char *bytes = malloc(*size);
    cr_assert_not_null(bytes);
    for (size_t i = 0; i < 8; i++) {
        bytes[i] = (unsigned char)(length >> (8 * i));
    }
    memcpy(bytes + 8, header, length);
    for (size_t i = 0; i < data; i++) {
        bytes[8 + length + i] = (unsigned char)i;
    }
    return bytes;
}

unsigned char *file_bytes(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "%s", path);
    unsigned char *bytes = malloc((size_t)1 << 20);
    cr_assert_not_null(bytes);
    *size = fread(bytes, 1, (size_t)1 << 20, file);
    (void)fclose(file);
    unsigned char *copy = copy_of(bytes, *size);
    free(bytes);
    return copy;
}

/* ---- A folder -------------------------------------------------------------------------------- */

static char folder[256]; /* each test runs in a process of its own */

const char *test_path(const char *name) {
    static char path[2][512];
    static int turn;
    if (folder[0] == '\0') {
        const char *root = getenv("TMPDIR");
        (void)snprintf(folder, sizeof folder, "%s/wengert-io-XXXXXX", root == NULL ? "/tmp" : root);
        cr_assert_not_null(mkdtemp(folder));
    }
    turn = 1 - turn;
    (void)snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

/* Counts the files, and removes them where `empty`. */
static int walk(bool empty) {
    int files = 0;
    DIR *listing = folder[0] != '\0' ? opendir(folder) : NULL;
    for (struct dirent *entry; listing != NULL && (entry = readdir(listing)) != NULL;) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            char path[512];
            (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
            if (empty) {
                (void)unlink(path);
            }
            files++;
        }
    }
    if (listing != NULL) {
        (void)closedir(listing);
    }
    return files;
}

int test_path_files(void) {
    return walk(false);
}

void test_path_remove(void) {
    (void)walk(true);
    if (folder[0] != '\0') {
        (void)rmdir(folder);
        folder[0] = '\0';
    }
}
