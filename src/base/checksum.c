/* checksum.c: CRC-32. A few bytes go by halves, for which a table of 16 needs no set-up. Many go
 * eight at a time through tables of what each byte leaves behind (M. Kounavis, F. Berry, "Novel
 * table lookup-based algorithms for high-performance CRC generation", 2008), made anew for each
 * call: that costs as much as 2000 bytes. */
#include "base/checksum.h"

#define LANES 8
#define MANY_BYTES ((size_t)1 << 15)

static uint32_t by_halves(uint32_t crc, const unsigned char *from, size_t count) {
    static const uint32_t table[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    for (size_t i = 0; i < count; i++) {
        crc ^= from[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return crc;
}

/* table[k][b]: what byte b leaves once k zero bytes came behind it. */
static uint32_t by_lanes(uint32_t crc, const unsigned char *from, size_t groups) {
    uint32_t table[LANES][256];
    for (uint32_t b = 0; b < 256; b++) {
        const unsigned char byte = (unsigned char)b;
        table[0][b] = by_halves(0, &byte, 1);
    }
    for (size_t k = 1; k < LANES; k++) {
        for (size_t b = 0; b < 256; b++) {
            const uint32_t before = table[k - 1][b];
            table[k][b] = before >> 8 ^ table[0][before & 255];
        }
    }
    for (; groups > 0; groups--, from += LANES) {
        crc = table[7][(from[0] ^ crc) & 255] ^ table[6][(from[1] ^ crc >> 8) & 255] ^
              table[5][(from[2] ^ crc >> 16) & 255] ^ table[4][from[3] ^ crc >> 24] ^
              table[3][from[4]] ^ table[2][from[5]] ^ table[1][from[6]] ^ table[0][from[7]];
    }
    return crc;
}

uint32_t wg_crc32_more(uint32_t crc, const void *bytes, size_t count) {
    const unsigned char *from = bytes;
    crc = ~crc;
    if (count >= MANY_BYTES) {
        crc = by_lanes(crc, from, count / LANES);
        from += count / LANES * LANES;
        count %= LANES;
    }
    return ~by_halves(crc, from, count);
}

uint32_t wg_crc32(const void *bytes, size_t count) {
    return wg_crc32_more(0, bytes, count);
}
