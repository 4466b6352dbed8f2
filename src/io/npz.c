/* npz.c: arrays by name in .npz files. */
#include "io/npz.h"

#include "base/mapping.h"
#include "io/npy.h"
#include "io/zip.h"

#include <stdlib.h>
#include <string.h>

#define SUFFIX ".npy"

struct wg_npz {
    wg_mapping mapping; /* .bytes is NULL for bytes of the caller */
    char *path;
    wg_zip zip;
    wg_zip_entry **array; /* the entries that are arrays, by name */
    int64_t count;
};

void wg_npz_close(wg_npz *npz) {
    if (npz != NULL) {
        wg_zip_close(&npz->zip);
        wg_unmap_file(&npz->mapping);
        wg_free(npz->path);
        wg_free(npz->array);
        wg_free(npz);
    }
}

/* Whether an entry is an array; then its name loses ".npy". */
static bool take_suffix(char *name) {
    const size_t length = strlen(name), suffix = strlen(SUFFIX);
    if (length < suffix || strcmp(name + length - suffix, SUFFIX) != 0) {
        return false;
    }
    name[length - suffix] = '\0';
    return true;
}

static int by_name(const void *a, const void *b) {
    return strcmp((*(wg_zip_entry *const *)a)->name, (*(wg_zip_entry *const *)b)->name);
}

/* Takes over `npz`, whose bytes are set. */
static wg_status open_bytes(wg_npz *npz, wg_npz **out) {
    wg_status status = wg_zip_open(&npz->zip);
    if (status == WG_OK) {
        npz->array = wg_calloc((size_t)npz->zip.count + 1, sizeof(wg_zip_entry *));
        status = npz->array != NULL ? WG_OK
                                    : wg_fail(WG_ERROR_MEMORY, "%s: no memory for %lld entries",
                                              npz->zip.verb, (long long)npz->zip.count);
    }
    if (status != WG_OK) {
        wg_npz_close(npz);
        return status;
    }
    for (int64_t i = 0; i < npz->zip.count; i++) {
        if (take_suffix(npz->zip.entry[i].name)) {
            npz->array[npz->count++] = &npz->zip.entry[i];
        }
    }
    if (npz->count > 0) { /* the archive's order is that of names with their suffix */
        qsort(npz->array, (size_t)npz->count, sizeof(wg_zip_entry *), by_name);
    }
    npz->zip.verb = "npz_read"; /* what may fail from now on */
    *out = npz;
    return WG_OK;
}

static wg_npz *new_npz(const char *verb) {
    wg_npz *npz = wg_calloc(1, sizeof *npz);
    if (npz == NULL) {
        (void)wg_fail(WG_ERROR_MEMORY, "%s: no memory for an open archive", verb);
        return NULL;
    }
    npz->zip.verb = verb;
    return npz;
}

wg_status wg_npz_open(const char *path, wg_npz **out) {
    *out = NULL;
    wg_npz *npz = new_npz("npz_open");
    if (npz == NULL) {
        return WG_ERROR_MEMORY;
    }
    wg_status status = wg_map_file("npz_open", path, &npz->mapping);
    if (status == WG_OK) {
        npz->path = wg_strdup(path);
        status = npz->path != NULL
                     ? WG_OK
                     : wg_fail(WG_ERROR_MEMORY, "npz_open: %s: no memory for its name", path);
    }
    if (status != WG_OK) {
        wg_npz_close(npz);
        return status;
    }
    npz->zip.path = npz->path;
    npz->zip.bytes = npz->mapping.bytes;
    npz->zip.size = npz->mapping.size;
    return open_bytes(npz, out);
}

wg_status wg_npz_from_bytes(const void *bytes, size_t count, wg_npz **out) {
    *out = NULL;
    if (bytes == NULL && count > 0) {
        return wg_fail(WG_ERROR_ARGUMENT, "npz_from_bytes: the bytes are missing");
    }
    wg_npz *npz = new_npz("npz_from_bytes");
    if (npz == NULL) {
        return WG_ERROR_MEMORY;
    }
    npz->zip.bytes = bytes;
    npz->zip.size = count;
    return open_bytes(npz, out);
}

int64_t wg_npz_count(const wg_npz *npz) {
    return npz->count;
}

const char *wg_npz_name(const wg_npz *npz, int64_t index) {
    return index >= 0 && index < npz->count ? npz->array[index]->name : NULL;
}

static const wg_zip_entry *find(const wg_npz *npz, const char *name) {
    int64_t low = 0, high = name != NULL ? npz->count : 0;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        const int order = strcmp(npz->array[middle]->name, name);
        if (order == 0) {
            return npz->array[middle];
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return NULL;
}

wg_status wg_npz_read(const wg_npz *npz, const char *name, wg_array **out) {
    *out = NULL;
    const wg_zip_entry *entry = find(npz, name);
    if (entry == NULL) {
        return wg_fail(WG_ERROR_ARGUMENT, "npz_read: there is no array \"%.200s\"",
                       name != NULL ? name : "");
    }
    const unsigned char *bytes = NULL;
    unsigned char *memory = NULL;
    wg_status status = wg_zip_unpack(&npz->zip, entry, &bytes, &memory);
    if (status == WG_OK) {
        const wg_npy_source source = {npz->zip.verb, npz->path, entry->name, bytes,
                                      (size_t)entry->size};
        status = wg_npy_decode(&source, out);
        wg_free(memory);
    }
    return status;
}
