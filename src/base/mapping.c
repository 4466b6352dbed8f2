/* mapping.c: whole files as memory that is read when it is looked at. */
#if !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif

#include "base/mapping.h"

#include "base/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static wg_status read_whole(const char *verb, const char *path, wg_mapping *out) {
    unsigned char *bytes = NULL;
    size_t size = 0;
    wg_status status = wg_read_bytes(verb, path, &bytes, &size);
    if (status != WG_OK) {
        return status;
    }
    /* Moved, because wg_read_bytes does not align. */
    void *memory = wg_alloc(size + 1);
    if (memory == NULL) {
        wg_free(bytes);
        return wg_fail(WG_ERROR_MEMORY, "%s: %s: no memory for %zu bytes", verb, path, size);
    }
    memcpy(memory, bytes, size + 1);
    wg_free(bytes);
    *out = (wg_mapping){memory, size, memory, false};
    return WG_OK;
}

wg_status wg_map_file(const char *verb, const char *path, wg_mapping *out) {
    *out = (wg_mapping){NULL, 0, NULL, false};
    if (path == NULL) {
        return wg_fail(WG_ERROR_ARGUMENT, "%s: the path is NULL", verb);
    }
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat is;
    if (file < 0 || fstat(file, &is) != 0) {
        const int reason = errno;
        if (file >= 0) {
            (void)close(file);
        }
        return wg_fail(WG_ERROR_FILE, "%s: %s: %s", verb, path, strerror(reason));
    }
    if (!S_ISREG(is.st_mode) || is.st_size == 0) {
        (void)close(file);
        return read_whole(verb, path, out);
    }
    const size_t size = (size_t)is.st_size;
    void *memory = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0);
    (void)close(file); /* the mapping stays */
    if (memory == MAP_FAILED) {
        return read_whole(verb, path, out);
    }
    *out = (wg_mapping){memory, size, memory, true};
    return WG_OK;
}

void wg_unmap_file(wg_mapping *mapping) {
    if (mapping->mapped) {
        (void)munmap(mapping->memory, mapping->size);
    } else {
        wg_free(mapping->memory);
    }
    *mapping = (wg_mapping){NULL, 0, NULL, false};
}
