/* zip_unpack.c: the bytes of an entry. */
#include "base/checksum.h"
#include "io/zip.h"

#if defined(WG_HAVE_ZLIB)
#include <limits.h>
#include <zlib.h>

/* Deflated data grow by no more than this. */
#define MOST_RATIO 1032

static voidpf zlib_alloc(voidpf context, uInt count, uInt size) {
    (void)context;
    return wg_calloc(count, size);
}

static void zlib_free(voidpf context, voidpf memory) {
    (void)context;
    wg_free(memory);
}

static uInt piece(uint64_t left) {
    return left < UINT_MAX ? (uInt)left : UINT_MAX;
}

static wg_status no_memory(const wg_zip *zip, const wg_zip_entry *entry) {
    return wg_fail(WG_ERROR_MEMORY, "%s: no memory for the %llu bytes of \"%.100s\"", zip->verb,
                   (unsigned long long)entry->size, entry->name);
}

/* Inflates all of `packed` into all of `to`: Z_OK if it was as much as that, Z_MEM_ERROR, or
 * another error. */
static int inflate_all(z_stream *stream, const unsigned char *packed, uint64_t bytes,
                       unsigned char *to, uint64_t room) {
    int code = Z_OK;
    stream->next_in = (Bytef *)(uintptr_t)packed; /* zlib has no const */
    stream->next_out = to;
    while (code == Z_OK) {
        const uint64_t in = bytes - (uint64_t)(stream->next_in - packed);
        const uint64_t out = room - (uint64_t)(stream->next_out - to);
        stream->avail_in = piece(in);
        stream->avail_out = piece(out);
        code = inflate(stream, Z_NO_FLUSH);
    }
    const bool whole = code == Z_STREAM_END && (uint64_t)(stream->next_in - packed) == bytes &&
                       (uint64_t)(stream->next_out - to) == room;
    return whole ? Z_OK : code == Z_MEM_ERROR ? Z_MEM_ERROR : Z_DATA_ERROR;
}

static wg_status unpack(const wg_zip *zip, const wg_zip_entry *entry, unsigned char **memory) {
    z_stream stream = {.zalloc = zlib_alloc, .zfree = zlib_free};
    if (entry->size / MOST_RATIO > entry->packed) {
        return wg_zip_refuse(zip, entry->at + 24, "\"%.80s\" cannot grow from %llu bytes to %llu",
                             entry->name, (unsigned long long)entry->packed,
                             (unsigned long long)entry->size);
    }
    *memory = entry->size < SIZE_MAX ? wg_calloc((size_t)entry->size + 1, 1) : NULL;
    if (*memory == NULL || inflateInit2(&stream, -MAX_WBITS) != Z_OK) {
        wg_free(*memory);
        *memory = NULL;
        return no_memory(zip, entry);
    }
    const int code =
        inflate_all(&stream, zip->bytes + entry->data, entry->packed, *memory, entry->size);
    const size_t at = entry->data + (size_t)(stream.next_in - (zip->bytes + entry->data));
    (void)inflateEnd(&stream);
    if (code != Z_OK) {
        wg_free(*memory);
        *memory = NULL;
        return code == Z_MEM_ERROR
                   ? no_memory(zip, entry)
                   : wg_zip_refuse(zip, at, "\"%.80s\" is damaged before here", entry->name);
    }
    return WG_OK;
}
#else
static wg_status unpack(const wg_zip *zip, const wg_zip_entry *entry, unsigned char **memory) {
    *memory = NULL;
    return wg_fail(WG_ERROR_STATE,
                   "%s: \"%.100s\" is compressed, and this library was built without "
                   "zlib: save it with numpy.savez",
                   zip->verb, entry->name);
}
#endif

wg_status wg_zip_unpack(const wg_zip *zip, const wg_zip_entry *entry, const unsigned char **bytes,
                        unsigned char **memory) {
    *memory = NULL;
    *bytes = zip->bytes + entry->data;
    if (entry->method == WG_ZIP_DEFLATED) {
        const wg_status status = unpack(zip, entry, memory);
        if (status != WG_OK) {
            return status;
        }
        *bytes = *memory;
    }
    const uint32_t crc = wg_crc32(*bytes, (size_t)entry->size);
    if (crc == entry->crc) {
        return WG_OK;
    }
    wg_free(*memory);
    *memory = NULL;
    return wg_zip_refuse(zip, entry->data,
                         "the CRC-32 of \"%.80s\" is 0x%08x, the directory says 0x%08x",
                         entry->name, crc, entry->crc);
}
