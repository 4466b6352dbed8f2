/* checksum.h (internal): tells damaged bytes from whole ones. */
#ifndef WG_SRC_CHECKSUM_H
#define WG_SRC_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* CRC-32 of the bytes: the polynomial 0x04C11DB7, reflected, as in gzip, ZIP and PNG (ISO/IEC
 * 13239; PNG specification, annex D). Any damage within 32 bits in a row is seen for certain. */
uint32_t wg_crc32(const void *bytes, size_t count);

/* The CRC-32 of what `crc` is that of, and of these bytes behind it; 0 is that of nothing. */
uint32_t wg_crc32_more(uint32_t crc, const void *bytes, size_t count);

#endif
