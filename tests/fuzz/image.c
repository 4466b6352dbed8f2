/* image.c: bytes that may be a picture (PPM, PGM, PNG). */
#include "data/image.h"

#include "targets.h"

void fuzz_image(const uint8_t *data, size_t size) {
    static const wg_image_options options[] = {{.f32 = false}, {.f32 = true, .channels = 1}};
    for (size_t i = 0; i < WG_COUNT_OF(options); i++) {
        wg_array *array = NULL;
        (void)wg_image_from_bytes("fuzz", data, size, options[i], &array);
        wg_array_free(array);
    }
}
