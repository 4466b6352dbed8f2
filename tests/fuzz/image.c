/* image.c: bytes that may be a picture (PPM, PGM, PNG). The checksums of a PNG's chunks are set
 * right first, or no change would get past them. */
#include "data/image.h"

#include "base/checksum.h"
#include "targets.h"

#include <stdlib.h>
#include <string.h>

static void mend_chunks(unsigned char *bytes, size_t size) {
    for (size_t at = 8; at + 12 <= size;) {
        const size_t length = (size_t)bytes[at] << 24 | (size_t)bytes[at + 1] << 16 |
                              (size_t)bytes[at + 2] << 8 | bytes[at + 3];
        if (length > size - at - 12) {
            return;
        }
        const uint32_t crc = wg_crc32(bytes + at + 4, length + 4);
        for (size_t i = 0; i < 4; i++) {
            bytes[at + 8 + length + i] = (unsigned char)(crc >> (24 - 8 * i));
        }
        at += length + 12;
    }
}

void fuzz_image(const uint8_t *data, size_t size) {
    static const wg_image_options options[] = {{.f32 = false}, {.f32 = true, .channels = 1}};
    unsigned char *bytes = malloc(size + 1);
    if (bytes == NULL) {
        return;
    }
    memcpy(bytes, data, size);
    if (size > 0 && bytes[0] == 0x89) {
        mend_chunks(bytes, size);
    }
    for (size_t i = 0; i < WG_COUNT_OF(options); i++) {
        wg_array *array = NULL;
        (void)wg_image_from_bytes("fuzz", bytes, size, options[i], &array);
        wg_array_free(array);
    }
    free(bytes);
}
