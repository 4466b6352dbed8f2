/* npz_write.c: .npz files: .npy files stored in a ZIP archive. Nothing in them tells the time, so
 * that the same arrays make the same bytes. */
#include "base/checksum.h"
#include "base/endian.h"
#include "base/replace.h"
#include "base/text.h"
#include "data/utf8.h"
#include "io/npy.h"
#include "io/npz.h"
#include "io/zip.h"

#include <stdlib.h>
#include <string.h>

#define VERB "npz_save"
#define NARROW 0xffffffffu
#define SUFFIX ".npy"
#define MOST_NAME ((size_t)65535 - 4)
#define NEW_YEAR_1980 0x00210000u /* the first day that the format knows */
#define VERSION 45u               /* of the format: with ZIP64 */
#define UNIX_FILE (0100644u << 16)

typedef struct packed {
    const wg_named_view *array;
    char header[WG_NPY_MOST_HEADER];
    size_t header_bytes;
    uint64_t size, offset;
    uint32_t crc;
} packed;

typedef struct archive {
    wg_replacement file;
    uint64_t wide;
    wg_text record; /* under construction */
} archive;

/* A whole number of some bytes, little-endian. */
static void put(archive *a, uint64_t value, size_t bytes) {
    char text[8];
    wg_store_little(text, bytes, value);
    wg_text_bytes(&a->record, text, bytes);
}

static void put_narrow(archive *a, uint64_t value) {
    put(a, value >= a->wide ? NARROW : value, 4);
}

/* Method to size: what the entry's record and the directory's have in common. */
static void put_sizes(archive *a, const packed *entry) {
    put(a, WG_ZIP_UTF8, 2);
    put(a, WG_ZIP_STORED, 2);
    put(a, NEW_YEAR_1980, 4);
    put(a, entry->crc, 4);
    put_narrow(a, entry->size);
    put_narrow(a, entry->size);
    put(a, strlen(entry->array->name) + strlen(SUFFIX), 2);
}

static void put_name(archive *a, const packed *entry) {
    wg_text_bytes(&a->record, entry->array->name, strlen(entry->array->name));
    wg_text_bytes(&a->record, SUFFIX, strlen(SUFFIX));
}

/* The extra field with what was too wide. */
static void put_extra(archive *a, const packed *entry, bool with_offset) {
    const bool size = entry->size >= a->wide, offset = with_offset && entry->offset >= a->wide;
    if (size || offset) {
        put(a, WG_ZIP_EXTRA64, 2);
        put(a, (size ? 16u : 0u) + (offset ? 8u : 0u), 2);
    }
    if (size) {
        put(a, entry->size, 8);
        put(a, entry->size, 8);
    }
    if (offset) {
        put(a, entry->offset, 8);
    }
}

static uint64_t extra_bytes(const archive *a, const packed *entry, bool with_offset) {
    const uint64_t wide =
        (entry->size >= a->wide ? 16u : 0u) + (with_offset && entry->offset >= a->wide ? 8u : 0u);
    return wide > 0 ? 4 + wide : 0;
}

/* Writes the record that was put together. */
static wg_status flush(archive *a) {
    wg_status status = WG_OK;
    if (a->record.failed) {
        status = wg_fail(WG_ERROR_MEMORY, VERB ": no memory for the directory");
    } else if (a->record.length > 0) {
        status = wg_replace_add(&a->file, a->record.bytes, a->record.length);
    }
    a->record.length = 0;
    return status;
}

static wg_status add_crc(void *context, const void *bytes, size_t size) {
    packed *entry = context;
    entry->crc = wg_crc32_more(entry->crc, bytes, size);
    return WG_OK;
}

static wg_status add_entry(archive *a, packed *entry) {
    entry->offset = a->file.size;
    entry->crc = wg_crc32(entry->header, entry->header_bytes);
    wg_status status = wg_element_store(VERB, &entry->array->view, add_crc, entry);
    if (status != WG_OK) {
        return status;
    }
    put(a, WG_ZIP_LOCAL, 4);
    put(a, VERSION, 2);
    put_sizes(a, entry);
    put(a, extra_bytes(a, entry, false), 2);
    put_name(a, entry);
    put_extra(a, entry, false);
    status = flush(a);
    status =
        status == WG_OK ? wg_replace_add(&a->file, entry->header, entry->header_bytes) : status;
    return status == WG_OK
               ? wg_element_store(VERB, &entry->array->view, wg_replace_add_to, &a->file)
               : status;
}

static void put_central(archive *a, const packed *entry) {
    put(a, WG_ZIP_CENTRAL, 4);
    put(a, VERSION | 3u << 8, 2); /* made on Unix, which gives UNIX_FILE its meaning */
    put(a, VERSION, 2);
    put_sizes(a, entry);
    put(a, extra_bytes(a, entry, true), 2);
    put(a, 0, 6); /* comment, disk, text or not */
    put(a, UNIX_FILE, 4);
    put_narrow(a, entry->offset);
    put_name(a, entry);
    put_extra(a, entry, true);
}

static void put_end(archive *a, uint64_t count, uint64_t offset, uint64_t bytes) {
    const uint64_t narrow_count = count < 0xffff ? count : 0xffff;
    if (count >= 0xffff || offset >= a->wide || bytes >= a->wide) {
        put(a, WG_ZIP_END64, 4);
        put(a, WG_ZIP_END64_BYTES - 12, 8);
        put(a, VERSION | 3u << 8, 2);
        put(a, VERSION, 2);
        put(a, 0, 8); /* disks */
        put(a, count, 8);
        put(a, count, 8);
        put(a, bytes, 8);
        put(a, offset, 8);
        put(a, WG_ZIP_LOCATOR, 4);
        put(a, 0, 4);
        put(a, offset + bytes, 8);
        put(a, 1, 4);
    }
    put(a, WG_ZIP_END, 4);
    put(a, 0, 4);
    put(a, narrow_count, 2);
    put(a, narrow_count, 2);
    put_narrow(a, bytes);
    put_narrow(a, offset);
    put(a, 0, 2);
}

static wg_status write_archive(archive *a, packed *entry, int64_t count) {
    wg_status status = WG_OK;
    for (int64_t i = 0; i < count && status == WG_OK; i++) {
        status = add_entry(a, &entry[i]);
    }
    const uint64_t offset = a->file.size;
    for (int64_t i = 0; i < count && status == WG_OK; i++) {
        put_central(a, &entry[i]);
        status = flush(a);
    }
    if (status == WG_OK) {
        put_end(a, (uint64_t)count, offset, a->file.size - offset);
        status = flush(a);
    }
    wg_text_free(&a->record);
    return status;
}

/* ---- What may be written --------------------------------------------------------------------- */

static int by_name(const void *a, const void *b) {
    return strcmp(((const packed *)a)->array->name, ((const packed *)b)->array->name);
}

static wg_status take(packed *entry, const wg_named_view *array) {
    size_t at = 0;
    if (array->name == NULL || array->name[0] == '\0' || !wg_utf8_is_valid(array->name, &at)) {
        return wg_fail(WG_ERROR_ARGUMENT, VERB ": a name is NULL, empty or no UTF-8");
    }
    if (strlen(array->name) > MOST_NAME) {
        return wg_fail(WG_ERROR_LIMIT, VERB ": the name \"%.40s...\" has more than %zu bytes",
                       array->name, MOST_NAME);
    }
    entry->array = array;
    const wg_status status =
        wg_npy_write_header(VERB, &array->view, entry->header, &entry->header_bytes);
    entry->size = entry->header_bytes;
    if (status == WG_OK) {
        entry->size += (uint64_t)wg_view_count(&array->view) * wg_dtype_size(array->view.dtype);
    }
    return status;
}

static wg_status take_all(packed *entry, int64_t count, const wg_named_view *arrays) {
    wg_status status = WG_OK;
    for (int64_t i = 0; i < count && status == WG_OK; i++) {
        status = take(&entry[i], &arrays[i]);
    }
    if (status != WG_OK) {
        return status;
    }
    qsort(entry, (size_t)count, sizeof *entry, by_name);
    for (int64_t i = 1; i < count; i++) {
        if (strcmp(entry[i - 1].array->name, entry[i].array->name) == 0) {
            return wg_fail(WG_ERROR_ARGUMENT, VERB ": the name \"%.200s\" comes twice",
                           entry[i].array->name);
        }
    }
    return WG_OK;
}

wg_status wg_npz_save_wide(const char *path, int64_t count, const wg_named_view *arrays,
                           uint64_t wide) {
    archive a = {.wide = wide};
    if (count < 0 || (count > 0 && arrays == NULL)) {
        return wg_fail(WG_ERROR_ARGUMENT, VERB ": the arrays are missing");
    }
    packed *entry = wg_calloc((size_t)count + 1, sizeof *entry);
    if (entry == NULL) {
        return wg_fail(WG_ERROR_MEMORY, VERB ": no memory for %lld entries", (long long)count);
    }
    wg_status status = take_all(entry, count, arrays);
    status = status == WG_OK ? wg_replace_begin(&a.file, VERB, path) : status;
    if (status == WG_OK) {
        status = write_archive(&a, entry, count);
        if (status == WG_OK) {
            status = wg_replace_end(&a.file);
        } else {
            wg_replace_drop(&a.file);
        }
    }
    wg_free(entry);
    return status;
}

wg_status wg_npz_save(const char *path, int64_t count, const wg_named_view *arrays) {
    return wg_npz_save_wide(path, count, arrays, NARROW);
}
