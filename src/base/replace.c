/* replace.c: files written whole or not at all (replace.h says how). */
#if !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif
#if !defined(_XOPEN_SOURCE)
#define _XOPEN_SOURCE 700 /* realpath */
#endif

#include "base/replace.h"

#include "base/checksum.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Names tried for the new file; only those that a broken-off write left behind are taken. */
#define MOST_NAMES 100
#define SUFFIX_BYTES 48
#define MOST_NAME_BYTES 255 /* of a file in its folder */
#if !defined(PATH_MAX)
#define PATH_MAX 4096
#endif
#define MOST_BYTES ((size_t)1 << 30) /* in one call of write */

/* 0 or an error, and the file that `path`, a link maybe, leads to: that is what is replaced, and
 * not the link. */
static int follow(const char *path, char target[PATH_MAX]) {
    struct stat is;
    const size_t length = strlen(path);
    if (lstat(path, &is) == 0 && S_ISLNK(is.st_mode)) {
        return realpath(path, target) != NULL ? 0 : errno;
    }
    if (length >= PATH_MAX) {
        return ENAMETOOLONG;
    }
    memcpy(target, path, length + 1);
    return 0;
}

/* What the new file's name begins with: all of the path, unless the name is so long that it leaves
 * no room for what comes behind. */
static size_t stem_of(const char *target) {
    const char *slash = strrchr(target, '/'), *base = slash != NULL ? slash + 1 : target;
    const size_t length = strlen(base), most = MOST_NAME_BYTES - SUFFIX_BYTES;
    return (size_t)(base - target) + (length < most ? length : most);
}

/* 0, or why the path may not become a file; *mode is an existing file's. */
static int why_not(const char *path, unsigned *mode, bool *exists) {
    struct stat is;
    *exists = stat(path, &is) == 0;
    if (!*exists) {
        return errno == ENOENT ? 0 : errno;
    }
    *mode = (unsigned)is.st_mode & 0777u;
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

static wg_status refuse(const wg_replacement *r, int reason) {
    return wg_fail(WG_ERROR_FILE, "%s: %s: %s", r->verb, r->path, strerror(reason));
}

wg_status wg_replace_begin(wg_replacement *r, const char *verb, const char *path) {
    *r = (wg_replacement){.verb = verb, .path = path, .file = -1};
    if (path == NULL) {
        return wg_fail(WG_ERROR_ARGUMENT, "%s: the path is NULL", verb);
    }
    char target[PATH_MAX];
    int reason = follow(path, target);
    reason = reason == 0 ? why_not(target, &r->mode, &r->exists) : reason;
    if (reason != 0) {
        return reason != EINVAL
                   ? refuse(r, reason)
                   : wg_fail(WG_ERROR_FILE, "%s: %s: neither a file nor a new name", verb, path);
    }
    const size_t length = strlen(target), stem = stem_of(target);
    r->target = wg_calloc(2 * length + 1 + SUFFIX_BYTES, 1);
    if (r->target == NULL) {
        return wg_fail(WG_ERROR_MEMORY, "%s: %s: no memory for a name", verb, path);
    }
    memcpy(r->target, target, length);
    r->name = r->target + length + 1;
    memcpy(r->name, target, stem);
    r->file = open_beside(r->name, stem);
    if (r->file < 0) {
        const wg_status status = refuse(r, errno);
        wg_free(r->target);
        r->target = r->name = NULL;
        return status;
    }
    return WG_OK;
}

wg_status wg_replace_add(wg_replacement *r, const void *bytes, size_t size) {
    const unsigned char *from = bytes;
    r->crc = wg_crc32_more(r->crc, bytes, size);
    r->size += size;
    while (size > 0) {
        const ssize_t some = write(r->file, from, size < MOST_BYTES ? size : MOST_BYTES);
        if (some < 0 && errno != EINTR) {
            return refuse(r, errno);
        }
        from += some > 0 ? some : 0;
        size -= some > 0 ? (size_t)some : 0;
    }
    return WG_OK;
}

wg_status wg_replace_add_to(void *r, const void *bytes, size_t size) {
    return wg_replace_add(r, bytes, size);
}

/* 0, or why the folder of `path` could not be brought to the disk. `name` has room for it. */
static int sync_folder(const char *path, char *name) {
    const char *slash = strrchr(path, '/');
    const size_t length = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
    memcpy(name, length > 0 ? path : ".", length > 0 ? length : 1);
    name[length > 0 ? length : 1] = '\0';
    const int folder = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        return errno == EACCES ? 0 : errno; /* one may write in a folder that one cannot read */
    }
    /* EINVAL: this file system has nothing to bring to a disk. */
    const int reason = fsync(folder) != 0 && errno != EINVAL ? errno : 0;
    (void)close(folder);
    return reason;
}

wg_status wg_replace_end(wg_replacement *r) {
    bool right = (!r->exists || fchmod(r->file, (mode_t)r->mode) == 0) && fsync(r->file) == 0;
    int reason = errno;
    if (close(r->file) != 0 && right) {
        right = false;
        reason = errno;
    }
    r->file = -1;
    if (right && rename(r->name, r->target) != 0) {
        right = false;
        reason = errno;
    }
    wg_status status = WG_OK;
    if (!right) {
        status = refuse(r, reason);
    } else {
        reason = sync_folder(r->target, r->name);
        r->name[0] = '\0'; /* what is in its place must stay there */
        if (reason != 0) {
            status =
                wg_fail(WG_ERROR_FILE, "%s: %s: written, but its folder may not be on the disk: %s",
                        r->verb, r->path, strerror(reason));
        }
    }
    wg_replace_drop(r);
    return status;
}

void wg_replace_drop(wg_replacement *r) {
    if (r->file >= 0) {
        (void)close(r->file);
    }
    if (r->name != NULL && r->name[0] != '\0') {
        (void)unlink(r->name);
    }
    wg_free(r->target);
    r->target = r->name = NULL;
    r->file = -1;
}
