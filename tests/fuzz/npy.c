/* npy.c: bytes that may be a .npy file. What was accepted can be given a header again. */
#include "io/npy.h"

#include "targets.h"

#include <stdlib.h>
#include <string.h>

void fuzz_npy(const uint8_t *data, size_t size) {
    wg_array *array = NULL, *again = NULL;
    const wg_npy_source source = {"fuzz", NULL, NULL, data, size};
    if (wg_npy_decode(&source, &array) == WG_OK) {
        const wg_view view = wg_array_view(array);
        const size_t elements = (size_t)wg_array_count(array) * wg_dtype_size(array->dtype);
        char header[WG_NPY_MOST_HEADER];
        size_t length = 0;
        unsigned char *bytes = malloc(WG_NPY_MOST_HEADER + elements);
        if (bytes == NULL || wg_npy_write_header("fuzz", &view, header, &length) != WG_OK) {
            abort();
        }
        memcpy(bytes, header, length);
        if (elements > 0) {
            memcpy(bytes + length, array->data, elements);
        }
        const wg_npy_source written = {"fuzz", NULL, NULL, bytes, length + elements};
        if (wg_npy_decode(&written, &again) != WG_OK || again->dtype != array->dtype ||
            !wg_shape_equal(array->rank, array->shape, again->rank, again->shape) ||
            (elements > 0 && memcmp(again->data, array->data, elements) != 0)) {
            abort();
        }
        free(bytes);
    }
    wg_array_free(array);
    wg_array_free(again);
}
