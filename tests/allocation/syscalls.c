/* syscalls.c: the system's functions as --wrap sends them here. */
#define _POSIX_C_SOURCE 200809L

#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

int __real_open(const char *path, int flags, ...);
ssize_t __real_write(int file, const void *bytes, size_t count);
int __real_fchmod(int file, mode_t mode);
int __real_fsync(int file);
int __real_close(int file);
int __real_rename(const char *from, const char *to);
int __wrap_open(const char *path, int flags, ...);
ssize_t __wrap_write(int file, const void *bytes, size_t count);
int __wrap_fchmod(int file, mode_t mode);
int __wrap_fsync(int file);
int __wrap_close(int file);
int __wrap_rename(const char *from, const char *to);

static long calls, refused_call = -1;
static int refused_reason;
static unsigned long most_bytes;
static bool interrupted;
static char names[400];
static int latest; /* the file opened last */

void wg_test_refuse_call(long granted, int reason) {
    calls = 0;
    names[0] = '\0';
    refused_call = granted;
    refused_reason = reason;
}

long wg_test_calls(void) {
    return calls;
}

void wg_test_short_writes(unsigned long bytes) {
    most_bytes = bytes;
}

const char *wg_test_call_names(void) {
    return names;
}

static bool ends_with(const char *name) {
    const size_t length = strlen(names), end = strlen(name);
    return length >= end && strcmp(names + length - end, name) == 0;
}

static bool refused(const char *name, int file) {
    const size_t used = strlen(names);
    if (strcmp(name, "write ") != 0 || !ends_with(name)) {
        (void)snprintf(names + used, sizeof names - used, "%s%s", file == latest ? "" : "?", name);
    }
    if (calls++ != refused_call) {
        return false;
    }
    errno = refused_reason;
    return true;
}

/* What open is called where offsets have 64 bits. */
int __wrap_open64(const char *path, int flags, ...) __attribute__((alias("__wrap_open")));

int __wrap_open(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    if (refused("open ", latest)) {
        return -1;
    }
    latest = __real_open(path, flags, mode);
    return latest;
}

ssize_t __wrap_write(int file, const void *bytes, size_t count) {
    if (refused("write ", file)) {
        return -1;
    }
    if (most_bytes > 0) {
        interrupted = !interrupted;
        if (interrupted) {
            errno = EINTR;
            return -1;
        }
        count = count < most_bytes ? count : most_bytes;
    }
    return __real_write(file, bytes, count);
}

int __wrap_fchmod(int file, mode_t mode) {
    return refused("fchmod ", file) ? -1 : __real_fchmod(file, mode);
}

int __wrap_fsync(int file) {
    return refused("fsync ", file) ? -1 : __real_fsync(file);
}

/* A file is closed even where that reports an error. */
int __wrap_close(int file) {
    const bool wrong = refused("close ", file);
    const int reason = errno, result = __real_close(file);
    errno = wrong ? reason : errno;
    return wrong ? -1 : result;
}

int __wrap_rename(const char *from, const char *to) {
    return refused("rename ", latest) ? -1 : __real_rename(from, to);
}
