/* zip.c: the directory of a ZIP archive, of which nothing is believed. */
#include "io/zip.h"

#include "base/bytes.h"
#include "base/endian.h"
#include "data/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NARROW 0xffffffffu /* what stands for a size that is in the extra field */

wg_status wg_zip_refuse(const wg_zip *zip, size_t at, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const wg_status result =
        wg_refuse_byte(WG_ERROR_FORMAT, zip->verb, zip->path, NULL, at, format, arguments);
    va_end(arguments);
    return result;
}

static uint64_t load(const wg_zip *zip, size_t at, size_t bytes) {
    return wg_load_little(zip->bytes + at, bytes);
}

static bool is_record(const wg_zip *zip, size_t at, uint32_t signature, size_t bytes) {
    return at <= zip->size && zip->size - at >= bytes && load(zip, at, 4) == signature;
}

/* ---- The end --------------------------------------------------------------------------------- */

typedef struct wg_zip_end {
    uint64_t count, bytes, offset; /* of the directory */
    uint64_t disk, end;            /* end: where the directory must end */
} wg_zip_end;

/* The record at the end has a comment behind it, whose length must lead to the file's end. */
static wg_status find_end(const wg_zip *zip, size_t *at) {
    if (zip->size >= 4 && load(zip, 0, 4) != WG_ZIP_LOCAL && load(zip, 0, 4) != WG_ZIP_END) {
        return wg_zip_refuse(zip, 0, "no ZIP archive");
    }
    for (size_t comment = 0; comment <= 0xffff && zip->size >= WG_ZIP_END_BYTES + comment;
         comment++) {
        *at = zip->size - WG_ZIP_END_BYTES - comment;
        if (is_record(zip, *at, WG_ZIP_END, WG_ZIP_END_BYTES) &&
            load(zip, *at + 20, 2) == comment) {
            return WG_OK;
        }
    }
    return wg_zip_refuse(zip, zip->size, "the file ends without a ZIP archive's end record");
}

static wg_status read_end64(const wg_zip *zip, size_t locator, wg_zip_end *end) {
    const uint64_t at = load(zip, locator + 8, 8);
    if (at > locator || !is_record(zip, (size_t)at, WG_ZIP_END64, WG_ZIP_END64_BYTES) ||
        locator - at < WG_ZIP_END64_BYTES || load(zip, (size_t)at + 4, 8) != locator - at - 12) {
        return wg_zip_refuse(zip, locator + 8, "no ZIP64 end record at byte %llu",
                             (unsigned long long)at);
    }
    const size_t start = (size_t)at;
    *end = (wg_zip_end){.disk = load(zip, start + 16, 4) | load(zip, start + 20, 4),
                        .count = load(zip, start + 32, 8),
                        .bytes = load(zip, start + 40, 8),
                        .offset = load(zip, start + 48, 8),
                        .end = at};
    return load(zip, start + 24, 8) == end->count
               ? WG_OK
               : wg_zip_refuse(zip, start + 24, "an archive of several disks");
}

static wg_status read_end(const wg_zip *zip, wg_zip_end *end) {
    size_t at = 0;
    wg_status status = find_end(zip, &at);
    if (status != WG_OK) {
        return status;
    }
    *end = (wg_zip_end){.disk = load(zip, at + 4, 2) | load(zip, at + 6, 2),
                        .count = load(zip, at + 10, 2),
                        .bytes = load(zip, at + 12, 4),
                        .offset = load(zip, at + 16, 4),
                        .end = at};
    if (at >= WG_ZIP_LOCATOR_BYTES &&
        is_record(zip, at - WG_ZIP_LOCATOR_BYTES, WG_ZIP_LOCATOR, WG_ZIP_LOCATOR_BYTES)) {
        status = read_end64(zip, at - WG_ZIP_LOCATOR_BYTES, end);
    } else if (load(zip, at + 8, 2) != end->count) {
        end->disk = 1;
    }
    if (status == WG_OK && end->disk != 0) {
        status = wg_zip_refuse(zip, at + 4, "an archive of several disks");
    }
    if (status == WG_OK && (end->offset > end->end || end->bytes != end->end - end->offset)) {
        status = wg_zip_refuse(
            zip, at, "a directory of %llu bytes from byte %llu on, which does not end at byte %llu",
            (unsigned long long)end->bytes, (unsigned long long)end->offset,
            (unsigned long long)end->end);
    }
    if (status == WG_OK && end->count > end->bytes / WG_ZIP_CENTRAL_BYTES) {
        status = wg_zip_refuse(zip, at, "%llu entries in a directory of %llu bytes",
                               (unsigned long long)end->count, (unsigned long long)end->bytes);
    }
    return status;
}

/* ---- The directory --------------------------------------------------------------------------- */

/* Sizes and offset that stand in the extra field, in the order of `wide`; NULL: has none. */
static wg_status read_extra(const wg_zip *zip, size_t at, size_t bytes, uint64_t *const wide[3]) {
    const size_t end = at + bytes;
    while (end - at >= 4) {
        const uint64_t tag = load(zip, at, 2), length = load(zip, at + 2, 2);
        if (length > end - at - 4) {
            return wg_zip_refuse(zip, at, "an extra field that reaches beyond its entry");
        }
        size_t from = at + 4;
        at = from + (size_t)length;
        for (int i = 0; i < 3 && tag == WG_ZIP_EXTRA64; i++) {
            if (wide[i] == NULL || *wide[i] != NARROW) {
                continue;
            }
            if (at - from < 8) {
                return wg_zip_refuse(zip, from, "a ZIP64 field that lacks a size");
            }
            *wide[i] = load(zip, from, 8);
            from += 8;
        }
    }
    return WG_OK;
}

static wg_status take_name(const wg_zip *zip, size_t at, size_t length, wg_zip_entry *entry) {
    for (size_t i = 0, some; i < length; i += some) {
        uint32_t code = 0;
        some = wg_utf8_read((const char *)zip->bytes + at + i, length - i, &code);
        if (some == 0 || code == 0) {
            return wg_zip_refuse(zip, at + i, "0x%02x in a name, which must be UTF-8",
                                 zip->bytes[at + i]);
        }
    }
    entry->name = wg_calloc(length + 1, 1);
    if (entry->name == NULL) {
        return wg_fail(WG_ERROR_MEMORY, "%s: no memory for a name", zip->verb);
    }
    memcpy(entry->name, zip->bytes + at, length);
    return WG_OK;
}

/* What the entry says of itself must be what the directory says. */
static wg_status check_local(const wg_zip *zip, wg_zip_entry *entry, unsigned flags) {
    const size_t at = (size_t)entry->offset, name = strlen(entry->name);
    if (!is_record(zip, at, WG_ZIP_LOCAL, WG_ZIP_LOCAL_BYTES)) {
        return wg_zip_refuse(zip, at, "\"%.80s\" should be here, and is not", entry->name);
    }
    const size_t extra = (size_t)load(zip, at + 28, 2);
    entry->data = at + WG_ZIP_LOCAL_BYTES + name + extra;
    if (load(zip, at + 26, 2) != name || entry->data > zip->size ||
        memcmp(zip->bytes + at + WG_ZIP_LOCAL_BYTES, entry->name, name) != 0) {
        return wg_zip_refuse(zip, at + 26, "the entry is not \"%.80s\", as the directory says",
                             entry->name);
    }
    if (entry->packed > zip->size - entry->data) {
        return wg_zip_refuse(zip, zip->size, "the file ends here, inside \"%.80s\"", entry->name);
    }
    entry->end = entry->data + entry->packed;
    uint64_t packed = load(zip, at + 18, 4), size = load(zip, at + 22, 4);
    const wg_status status = read_extra(zip, at + WG_ZIP_LOCAL_BYTES + name, extra,
                                        (uint64_t *[]){&size, &packed, NULL});
    if (status != WG_OK || (flags & WG_ZIP_SIZES_FOLLOW) != 0) {
        return status;
    }
    return load(zip, at + 8, 2) == entry->method && load(zip, at + 14, 4) == entry->crc &&
                   packed == entry->packed && size == entry->size
               ? WG_OK
               : wg_zip_refuse(zip, at + 8,
                               "the entry has another method, checksum or size than the directory "
                               "says of \"%.80s\"",
                               entry->name);
}

/* One record of the directory at *at, which moves behind it. */
static wg_status take_entry(const wg_zip *zip, const wg_zip_end *end, size_t *at,
                            wg_zip_entry *entry) {
    const size_t start = *at;
    if (end->end - start < WG_ZIP_CENTRAL_BYTES || load(zip, start, 4) != WG_ZIP_CENTRAL) {
        return wg_zip_refuse(zip, start, "no entry of the directory");
    }
    const size_t name = (size_t)load(zip, start + 28, 2), extra = (size_t)load(zip, start + 30, 2);
    const size_t all = WG_ZIP_CENTRAL_BYTES + name + extra + (size_t)load(zip, start + 32, 2);
    if (all > end->end - start) {
        return wg_zip_refuse(zip, start, "an entry that reaches beyond the directory");
    }
    const unsigned flags = (unsigned)load(zip, start + 8, 2);
    *entry = (wg_zip_entry){.method = (unsigned)load(zip, start + 10, 2),
                            .crc = (uint32_t)load(zip, start + 16, 4),
                            .packed = load(zip, start + 20, 4),
                            .size = load(zip, start + 24, 4),
                            .offset = load(zip, start + 42, 4),
                            .at = start};
    wg_status status = take_name(zip, start + WG_ZIP_CENTRAL_BYTES, name, entry);
    if (status != WG_OK) {
        return status;
    }
    status = read_extra(zip, start + WG_ZIP_CENTRAL_BYTES + name, extra,
                        (uint64_t *[]){&entry->size, &entry->packed, &entry->offset});
    if (status == WG_OK && (flags & WG_ZIP_ENCRYPTED) != 0) {
        status = wg_zip_refuse(zip, start + 8, "\"%.80s\" is encrypted", entry->name);
    }
    if (status == WG_OK && entry->method != WG_ZIP_STORED && entry->method != WG_ZIP_DEFLATED) {
        status = wg_zip_refuse(zip, start + 10, "\"%.80s\" is packed by method %u, not 0 or 8",
                               entry->name, entry->method);
    }
    if (status == WG_OK && entry->method == WG_ZIP_STORED && entry->packed != entry->size) {
        status = wg_zip_refuse(zip, start + 20, "\"%.80s\" is stored in another size than its own",
                               entry->name);
    }
    if (status == WG_OK && entry->offset >= end->offset) {
        status = wg_zip_refuse(zip, start + 42, "\"%.80s\" begins behind all entries", entry->name);
    }
    *at = start + all;
    return status == WG_OK ? check_local(zip, entry, flags) : status;
}

static int by_offset(const void *a, const void *b) {
    const wg_zip_entry *left = a, *right = b;
    return left->offset < right->offset ? -1 : left->offset > right->offset;
}

static int by_name(const void *a, const void *b) {
    const wg_zip_entry *left = a, *right = b;
    const int order = strcmp(left->name, right->name);
    return order != 0 ? order : left->at < right->at ? -1 : 1;
}

static wg_status check_entries(wg_zip *zip, const wg_zip_end *end) {
    qsort(zip->entry, (size_t)zip->count, sizeof *zip->entry, by_offset);
    for (int64_t i = 0; i < zip->count; i++) {
        const wg_zip_entry *entry = &zip->entry[i];
        const uint64_t next = i + 1 < zip->count ? zip->entry[i + 1].offset : end->offset;
        if (entry->end > next) {
            return wg_zip_refuse(zip, (size_t)entry->offset,
                                 "\"%.80s\" overlaps what is at byte %llu", entry->name,
                                 (unsigned long long)next);
        }
    }
    qsort(zip->entry, (size_t)zip->count, sizeof *zip->entry, by_name);
    for (int64_t i = 1; i < zip->count; i++) {
        if (strcmp(zip->entry[i - 1].name, zip->entry[i].name) == 0) {
            return wg_zip_refuse(zip, zip->entry[i].at, "\"%.80s\" is there twice",
                                 zip->entry[i].name);
        }
    }
    return WG_OK;
}

wg_status wg_zip_open(wg_zip *zip) {
    wg_zip_end end = {.count = 0};
    wg_status status = read_end(zip, &end);
    if (status != WG_OK) {
        return status;
    }
    zip->entry = wg_calloc((size_t)end.count + 1, sizeof *zip->entry);
    if (zip->entry == NULL) {
        return wg_fail(WG_ERROR_MEMORY, "%s: no memory for %llu entries", zip->verb,
                       (unsigned long long)end.count);
    }
    size_t at = (size_t)end.offset;
    while (zip->count < (int64_t)end.count && status == WG_OK) {
        status = take_entry(zip, &end, &at, &zip->entry[zip->count]);
        zip->count++; /* a name may be there already */
    }
    if (status == WG_OK && at != end.end) {
        status = wg_zip_refuse(zip, at, "the directory goes on behind its last entry");
    }
    status = status == WG_OK ? check_entries(zip, &end) : status;
    if (status != WG_OK) {
        wg_zip_close(zip);
    }
    return status;
}

void wg_zip_close(wg_zip *zip) {
    for (int64_t i = 0; i < zip->count; i++) {
        wg_free(zip->entry[i].name);
    }
    wg_free(zip->entry);
    zip->entry = NULL;
    zip->count = 0;
}
