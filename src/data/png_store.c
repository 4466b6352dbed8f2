/* png_store.c: PNG files without libpng, not compressed: the deflate stream is of stored blocks
 * (PNG specification, 2nd edition; RFC 1950, RFC 1951 section 3.2.4). */
#include "base/checksum.h"
#include "base/endian.h"
#include "data/image.h"

#include <string.h>

#define BLOCK_BYTES ((size_t)65535) /* the most a stored block holds */
#define BLOCK_HEAD ((size_t)5)
#define CHUNK_FRAME ((size_t)12) /* length, name, checksum */
#define ZLIB_FRAME ((size_t)6)   /* two bytes before the blocks, Adler-32 behind */
#define SIGNATURE_BYTES ((size_t)8)
#define HEAD_BYTES ((size_t)13)

static unsigned char *put_u32(unsigned char *to, uint32_t value) {
    wg_store_big(to, 4, value);
    return to + 4;
}

/* Puts length and name in front of `bytes` bytes that stand at to + 8 already, and the checksum
 * behind; returns where the next chunk starts. */
static unsigned char *frame_chunk(unsigned char *to, const char *name, size_t bytes) {
    (void)put_u32(to, (uint32_t)bytes);
    memcpy(to + 4, name, 4);
    return put_u32(to + 8 + bytes, wg_crc32(to + 4, bytes + 4));
}

static unsigned char *put_head(unsigned char *to, int64_t height, int64_t width, int channels) {
    static const unsigned char signature[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
    static const unsigned char colour_types[] = {0, 4, 2, 6};
    memcpy(to, signature, SIGNATURE_BYTES);
    to += SIGNATURE_BYTES;
    unsigned char *field = put_u32(put_u32(to + 8, (uint32_t)width), (uint32_t)height);
    field[0] = 8; /* bits a sample */
    field[1] = colour_types[channels - 1];
    field[2] = field[3] = field[4] = 0; /* deflate, filters by line, not interlaced */
    return frame_chunk(to, "IHDR", HEAD_BYTES);
}

/* Stored blocks of the lines, each with a zero before it: no filter. */
static unsigned char *put_lines(unsigned char *to, const unsigned char *samples, size_t height,
                                size_t line) {
    const size_t total = height * (line + 1);
    uint32_t low = 1, high = 0; /* Adler-32 */
    *to++ = 0x78;
    *to++ = 0x01;
    for (size_t at = 0; at < total; at++) {
        if (at % BLOCK_BYTES == 0) {
            const size_t left = total - at, block = left < BLOCK_BYTES ? left : BLOCK_BYTES;
            *to++ = block == left ? 1 : 0;
            *to++ = (unsigned char)block;
            *to++ = (unsigned char)(block >> 8);
            *to++ = (unsigned char)~block;
            *to++ = (unsigned char)(~block >> 8);
        }
        const size_t column = at % (line + 1);
        *to = column == 0 ? 0 : samples[at / (line + 1) * line + column - 1];
        low = (low + *to++) % 65521;
        high = (high + low) % 65521;
    }
    return put_u32(to, high << 16 | low);
}

wg_status wg_png_store(const unsigned char *samples, int64_t height, int64_t width, int channels,
                       unsigned char **bytes, size_t *size) {
    *bytes = NULL;
    *size = 0;
    const double all = (double)height * ((double)width * channels + 1);
    if (all > 2e9) { /* a chunk holds less than 2^31 bytes */
        return wg_fail(WG_ERROR_LIMIT, "write_png: %lld x %lld pixels without libpng",
                       (long long)width, (long long)height);
    }
    const size_t line = (size_t)width * (size_t)channels, total = (size_t)height * (line + 1);
    const size_t blocks = (total + BLOCK_BYTES - 1) / BLOCK_BYTES;
    const size_t body = ZLIB_FRAME + blocks * BLOCK_HEAD + total;
    *bytes = wg_calloc(SIGNATURE_BYTES + 3 * CHUNK_FRAME + HEAD_BYTES + body, 1);
    if (*bytes == NULL) {
        return wg_fail(WG_ERROR_MEMORY, "write_png: no memory for %zu bytes", body);
    }
    unsigned char *at = put_head(*bytes, height, width, channels);
    (void)put_lines(at + 8, samples, (size_t)height, line);
    at = frame_chunk(at, "IDAT", body);
    at = frame_chunk(at, "IEND", 0);
    *size = (size_t)(at - *bytes);
    return WG_OK;
}
