/* with_compiler.c: the system's C compiler, and folders for what goes into it and comes out. */
#if defined(__unix__) && !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif

#include "with_compiler.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int shell(const char *format, ...) {
    char command[8192];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    cr_assert_lt(length, (int)sizeof command);
    const int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool compiler_runs(const char *compiler) {
    return shell("%s --version >/dev/null 2>&1", compiler) == 0;
}

void need_compiler(void) {
    if (!compiler_runs("cc")) {
        cr_skip_test("no C compiler 'cc' runs here");
    }
}

void need_loading(void) {
#if !defined(WG_HAVE_DL)
    cr_skip_test("this build cannot load code");
#endif
    need_compiler();
}

char *folder_new(void) {
    const char *base = getenv("TMPDIR");
    char *path = malloc(4096);
    (void)snprintf(path, 4096, "%s/wengert-test-XXXXXX", base != NULL ? base : "/tmp");
    cr_assert_not_null(mkdtemp(path), "no folder %s", path);
    return path;
}

static bool ends(const char *name, const char *ending) {
    const size_t length = strlen(name), end = strlen(ending);
    return length >= end && strcmp(name + length - end, ending) == 0;
}

static bool is_dots(const char *name) {
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

void folder_remove(char *folder) {
    DIR *open = opendir(folder);
    for (struct dirent *at; open != NULL && (at = readdir(open)) != NULL;) {
        char path[8192];
        (void)snprintf(path, sizeof path, "%s/%s", folder, at->d_name);
        if (!is_dots(at->d_name) && unlink(path) != 0) {
            char *copy = malloc(strlen(path) + 1);
            strcpy(copy, path);
            folder_remove(copy);
        }
    }
    if (open != NULL) {
        (void)closedir(open);
    }
    (void)rmdir(folder);
    free(folder);
}

int folder_count(const char *folder, const char *ending) {
    DIR *open = opendir(folder);
    int count = 0;
    for (struct dirent *at; open != NULL && (at = readdir(open)) != NULL;) {
        count += !is_dots(at->d_name) && ends(at->d_name, ending);
    }
    if (open != NULL) {
        (void)closedir(open);
    }
    return count;
}

char *folder_find(const char *folder, const char *ending) {
    DIR *open = opendir(folder);
    char *path = NULL;
    for (struct dirent *at; open != NULL && path == NULL && (at = readdir(open)) != NULL;) {
        if (ends(at->d_name, ending)) {
            path = malloc(8192);
            (void)snprintf(path, 8192, "%s/%s", folder, at->d_name);
        }
    }
    if (open != NULL) {
        (void)closedir(open);
    }
    return path;
}

char *file_read(const char *path, size_t *length) {
    FILE *in = fopen(path, "rb");
    if (in == NULL) {
        return NULL;
    }
    (void)fseek(in, 0, SEEK_END);
    const long size = ftell(in);
    (void)fseek(in, 0, SEEK_SET);
    char *bytes = calloc((size_t)size + 1, 1);
    *length = fread(bytes, 1, (size_t)size, in);
    (void)fclose(in);
    return bytes;
}

void file_write(const char *path, const char *bytes, size_t length) {
    FILE *out = fopen(path, "wb");
    cr_assert_not_null(out, "%s", path);
    cr_assert_eq(fwrite(bytes, 1, length, out), length);
    cr_assert_eq(fclose(out), 0);
}
