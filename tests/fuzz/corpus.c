/* corpus.c: every target on every file of its corpus, and on damage of each: broken off, and with
 * bytes changed in places and ways that a seed decides. No libFuzzer needed.
 *
 *     corpus FOLDER [TARGET]
 */
#define _POSIX_C_SOURCE 200809L

#include "targets.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_BYTES = 1 << 16,
    TRUNCATIONS = 300, /* of each file, at most */
    CHANGES = 1000
};

typedef void target(const uint8_t *data, size_t size);

static const struct {
    const char *name;
    target *run;
} targets[] = {
#define ROW(name) {#name, fuzz_##name},
    FUZZ_TARGETS(ROW)
#undef ROW
};

/* Bytes in a block of just their size, so that a sanitizer sees what is read beyond. */
static void run_part(target *run, const uint8_t *data, size_t size) {
    uint8_t *part = malloc(size > 0 ? size : 1);
    if (part == NULL) {
        exit(2);
    }
    memcpy(part, data, size);
    run(part, size);
    free(part);
}

static uint64_t next(uint64_t *state) { /* xorshift64: G. Marsaglia, 2003 */
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void change(target *run, const uint8_t *data, size_t size, uint64_t *state) {
    static const uint8_t telling[] = {0x00, 0x01, 0x7f, 0x80, 0xff, '0', '9', '"', '{', ','};
    uint8_t *part = malloc(size);
    if (part == NULL) {
        exit(2);
    }
    memcpy(part, data, size);
    const int places = 1 + (int)(next(state) % 3);
    for (int i = 0; i < places; i++) {
        uint8_t *byte = &part[next(state) % size];
        const uint64_t way = next(state);
        if (way % 2 == 0) {
            *byte = (uint8_t)(*byte ^ 1u << (way >> 8) % 8);
        } else {
            *byte = telling[(way >> 8) % sizeof telling];
        }
    }
    run(part, size);
    free(part);
}

static void run_file(target *run, const char *path, int *files) {
    static uint8_t data[MOST_BYTES];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return;
    }
    const size_t size = fread(data, 1, sizeof data, file);
    (void)fclose(file);
    run_part(run, data, size);
    const size_t step = size / TRUNCATIONS + 1;
    for (size_t part = 0; part < size; part += step) {
        run_part(run, data, part);
    }
    uint64_t state = 88172645463325252u;
    for (int i = 0; i < CHANGES && size > 0; i++) {
        change(run, data, size, &state);
    }
    ++*files;
}

static int run_folder(target *run, const char *folder) {
    int files = 0;
    DIR *listing = opendir(folder);
    for (struct dirent *entry; listing != NULL && (entry = readdir(listing)) != NULL;) {
        char path[2048];
        if (entry->d_name[0] != '.') {
            (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
            run_file(run, path, &files);
        }
    }
    if (listing != NULL) {
        (void)closedir(listing);
    }
    return files;
}

int main(int count, char **arguments) {
    bool empty = false;
    for (size_t i = 0; count > 1 && i < sizeof targets / sizeof *targets; i++) {
        char folder[1024];
        if (count > 2 && strcmp(arguments[2], targets[i].name) != 0) {
            continue;
        }
        (void)snprintf(folder, sizeof folder, "%s/%s", arguments[1], targets[i].name);
        const int files = run_folder(targets[i].run, folder);
        (void)printf("%s: %d files\n", targets[i].name, files);
        (void)fflush(stdout);
        empty = empty || files == 0;
    }
    return empty || count < 2;
}
