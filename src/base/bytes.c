/* bytes.c: whole files in memory. */
#if !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif

#include "base/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_BYTES ((size_t)1 << 16)

static wg_status read_all(const char *verb, const char *path, FILE *file, unsigned char **bytes,
                          size_t *size) {
    size_t room = FIRST_BYTES;
    size_t used = 0;
    unsigned char *data = wg_realloc(NULL, room);
    while (data != NULL) {
        errno = 0;
        used += fread(data + used, 1, room - 1 - used, file);
        if (used < room - 1) {
            if (ferror(file)) {
                wg_free(data);
                return wg_fail(WG_ERROR_FILE, "%s: %s: reading failed at byte %zu: %s", verb, path,
                               used, strerror(errno));
            }
            data[used] = 0;
            *bytes = data;
            *size = used;
            return WG_OK;
        }
        unsigned char *more = room > SIZE_MAX / 2 ? NULL : wg_realloc(data, 2 * room);
        if (more == NULL) {
            wg_free(data);
        }
        data = more;
        room *= 2;
    }
    return wg_fail(WG_ERROR_MEMORY, "%s: %s: no memory for %zu bytes", verb, path, room);
}

wg_status wg_read_bytes(const char *verb, const char *path, unsigned char **bytes, size_t *size) {
    if (path == NULL) {
        return wg_fail(WG_ERROR_ARGUMENT, "%s: the path is NULL", verb);
    }
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return wg_fail(WG_ERROR_FILE, "%s: %s: %s", verb, path, strerror(errno));
    }
    wg_status status = read_all(verb, path, file, bytes, size);
    (void)fclose(file);
    return status;
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* Names tried for the new file; only those that a broken-off write left behind are taken. */
#define MOST_NAMES 100
#define SUFFIX_BYTES 48

/* 0, or why the path may not become a file; *mode is an existing file's. */
static int why_not(const char *path, mode_t *mode, bool *exists) {
    struct stat is;
    *exists = stat(path, &is) == 0;
    if (!*exists) {
        return errno == ENOENT ? 0 : errno;
    }
    *mode = is.st_mode & 0777;
    if (S_ISDIR(is.st_mode)) {
        return EISDIR;
    }
    return !S_ISREG(is.st_mode) ? EINVAL : access(path, W_OK) != 0 ? errno : 0;
}

/* A new file beside `path`, its name behind that of `path` in `name`. -1 and errno on failure. */
static int open_beside(char *name, size_t length) {
    int file = -1;
    for (int i = 0; i < MOST_NAMES && file < 0; i++) {
        (void)snprintf(name + length, SUFFIX_BYTES, ".%lld-%d.part", (long long)getpid(), i);
        file = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (file < 0 && errno != EEXIST) {
            break;
        }
    }
    return file;
}

static bool write_all(int file, const unsigned char *bytes, size_t size) {
    while (size > 0) {
        const ssize_t some = write(file, bytes, size < ((size_t)1 << 30) ? size : (size_t)1 << 30);
        if (some < 0 && errno != EINTR) {
            return false;
        }
        bytes += some > 0 ? some : 0;
        size -= some > 0 ? (size_t)some : 0;
    }
    return true;
}

wg_status wg_write_bytes(const char *verb, const char *path, const void *bytes, size_t size) {
    if (path == NULL) {
        return wg_fail(WG_ERROR_ARGUMENT, "%s: the path is NULL", verb);
    }
    mode_t mode = 0;
    bool exists = false;
    int reason = why_not(path, &mode, &exists);
    if (reason != 0) {
        return wg_fail(WG_ERROR_FILE, "%s: %s: %s", verb, path,
                       reason == EINVAL ? "neither a file nor a new name" : strerror(reason));
    }
    const size_t length = strlen(path);
    char *name = wg_calloc(length + SUFFIX_BYTES, 1);
    if (name == NULL) {
        return wg_fail(WG_ERROR_MEMORY, "%s: %s: no memory for a name", verb, path);
    }
    memcpy(name, path, length);
    const int file = open_beside(name, length);
    bool written = file >= 0 && write_all(file, bytes, size) &&
                   (!exists || fchmod(file, mode) == 0) && fsync(file) == 0;
    reason = errno;
    if (file >= 0 && close(file) != 0 && written) {
        written = false;
        reason = errno;
    }
    if (written && rename(name, path) != 0) {
        written = false;
        reason = errno;
    }
    if (!written && file >= 0) {
        (void)unlink(name);
    }
    wg_free(name);
    return written ? WG_OK : wg_fail(WG_ERROR_FILE, "%s: %s: %s", verb, path, strerror(reason));
}
