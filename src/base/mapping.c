/* mapping.c: whole files as memory that is read when it is looked at. */
#if !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif

#include "base/mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_BYTES ((size_t)1 << 16)
#define MOST_BYTES ((size_t)1 << 30) /* in one call of read */

static wg_status refuse(const char *verb, const char *path, int reason) {
    return wg_fail(WG_ERROR_FILE, "%s: %s: %s", verb, path, strerror(reason));
}

/* Twice the room, `used` bytes of it filled; frees `data` either way. */
static unsigned char *grow(unsigned char *data, size_t used, size_t *room) {
    unsigned char *more = *room <= SIZE_MAX / 2 ? wg_alloc(2 * *room) : NULL;
    if (more != NULL) {
        memcpy(more, data, used);
        *room *= 2;
    }
    wg_free(data);
    return more;
}

/* Reads an open file to its end; `expected` is a guess. */
static wg_status read_rest(const char *verb, const char *path, int file, size_t expected,
                           wg_mapping *out) {
    size_t room = expected > 0 ? expected + 1 : FIRST_BYTES, used = 0;
    unsigned char *data = wg_alloc(room);
    while (data != NULL) {
        const size_t most = room - used < MOST_BYTES ? room - used : MOST_BYTES;
        const ssize_t some = read(file, data + used, most);
        if (some < 0 && errno != EINTR) {
            const int reason = errno;
            wg_free(data);
            return wg_fail(WG_ERROR_FILE, "%s: %s: reading failed at byte %zu: %s", verb, path,
                           used, strerror(reason));
        }
        if (some == 0) {
            *out = (wg_mapping){data, used, data, false};
            return WG_OK;
        }
        used += some > 0 ? (size_t)some : 0;
        data = used == room ? grow(data, used, &room) : data;
    }
    return wg_fail(WG_ERROR_MEMORY, "%s: %s: no memory for %zu bytes", verb, path, room);
}

/* Opens the file once, so that a pipe, too, gives all that it has. */
static wg_status get(const char *verb, const char *path, bool map, wg_mapping *out) {
    *out = (wg_mapping){NULL, 0, NULL, false};
    if (path == NULL) {
        return wg_fail(WG_ERROR_ARGUMENT, "%s: the path is NULL", verb);
    }
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return refuse(verb, path, errno);
    }
    struct stat is;
    wg_status status = WG_OK;
    if (fstat(file, &is) != 0) {
        status = refuse(verb, path, errno);
        (void)close(file);
        return status;
    }
    const size_t size = S_ISREG(is.st_mode) ? (size_t)is.st_size : 0;
    void *memory = map && size > 0 ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0) : MAP_FAILED;
    if (memory != MAP_FAILED) {
        *out = (wg_mapping){memory, size, memory, true};
    } else {
        status = read_rest(verb, path, file, size, out);
    }
    (void)close(file); /* the mapping stays */
    return status;
}

wg_status wg_map_file(const char *verb, const char *path, wg_mapping *out) {
    return get(verb, path, true, out);
}

wg_status wg_load_file(const char *verb, const char *path, wg_mapping *out) {
    return get(verb, path, false, out);
}

void wg_unmap_file(wg_mapping *mapping) {
    if (mapping->mapped) {
        (void)munmap(mapping->memory, mapping->size);
    } else {
        wg_free(mapping->memory);
    }
    *mapping = (wg_mapping){NULL, 0, NULL, false};
}
