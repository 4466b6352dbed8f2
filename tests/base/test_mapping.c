/* test_mapping.c: files as memory. */
#define _POSIX_C_SOURCE 200809L
#include "base/mapping.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
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

enum {
    PIPED = 300000 /* more than a pipe holds, and than is read at first */
};

static unsigned char piped[PIPED];

static void pipe_of(const char *path, size_t size) {
    const pid_t child = fork();
    if (child == 0) {
        (void)signal(SIGPIPE, SIG_IGN);
        FILE *out = fopen(path, "wb");
        const bool whole = out != NULL && fwrite(piped, 1, size, out) == size && fclose(out) == 0;
        _exit(whole ? 0 : 1);
    }
    wg_mapping mapping;
    int status = 1;
    cr_assert_eq(wg_map_file("test", path, &mapping), WG_OK, "%s", wg_last_message());
    cr_assert(waitpid(child, &status, 0) == child && status == 0);
    cr_assert(mapping.size == size && !mapping.mapped && (uintptr_t)mapping.bytes % 64 == 0);
    cr_assert_arr_eq(mapping.bytes, piped, size);
    wg_unmap_file(&mapping);
}

/* A pipe's writer meets one reader, who takes all. One that opened the pipe twice would now and
 * then lose what is written between, and wait for another writer: the alarm ends that. */
Test(mapping, a_pipe_is_read_to_its_end) {
    char path[] = "/tmp/wengert-pipe-XXXXXX";
    const int file = mkstemp(path);
    cr_assert(file >= 0);
    close(file);
    cr_assert(unlink(path) == 0 && mkfifo(path, 0600) == 0);
    for (size_t i = 0; i < PIPED; i++) {
        piped[i] = (unsigned char)(i * 7 / 3);
    }
    (void)alarm(60);
    for (int i = 0; i < 50; i++) {
        pipe_of(path, i % 10 == 0 ? PIPED : 10);
    }
    (void)alarm(0);
    unlink(path);
}

/* What was loaded does not go away with the file's end. */
Test(mapping, a_loaded_file_may_be_shortened) {
    char path[] = "/tmp/wengert-mapping-XXXXXX";
    const int file = mkstemp(path);
    cr_assert(file >= 0 && write(file, piped, PIPED) == PIPED);
    wg_mapping mapping;
    cr_assert_eq(wg_load_file("test", path, &mapping), WG_OK, "%s", wg_last_message());
    cr_assert(mapping.size == PIPED && !mapping.mapped && (uintptr_t)mapping.bytes % 64 == 0);
    cr_assert_eq(ftruncate(file, 0), 0);
    cr_assert_arr_eq(mapping.bytes, piped, PIPED);
    wg_unmap_file(&mapping);
    close(file);
    unlink(path);
}

Test(mapping, refuses) {
    wg_mapping mapping;
    cr_assert_eq(wg_map_file("test", NULL, &mapping), WG_ERROR_ARGUMENT);
    cr_assert_eq(wg_map_file("test", "/tmp/wengert-no-such-file", &mapping), WG_ERROR_FILE);
    cr_assert_not_null(strstr(wg_last_message(), "wengert-no-such-file"));
    cr_assert_eq(wg_map_file("test", "/tmp", &mapping), WG_ERROR_FILE);
    cr_assert_eq(wg_load_file("test", "/tmp", &mapping), WG_ERROR_FILE);
    cr_assert_not_null(strstr(wg_last_message(), "/tmp: reading failed at byte 0"));
    cr_assert_null(mapping.bytes);
}
