/* npz.c: bytes that may be a .npz file; every array in it is read. */
#include "targets.h"
#include "wengert/npy.h"

#include <stdlib.h>
#include <string.h>

void fuzz_npz(const uint8_t *data, size_t size) {
    wg_npz *npz = NULL;
    if (wg_npz_from_bytes(data, size, &npz) != WG_OK) {
        return;
    }
    for (int64_t i = 0; i < wg_npz_count(npz); i++) {
        wg_array *array = NULL;
        if (i > 0 && strcmp(wg_npz_name(npz, i - 1), wg_npz_name(npz, i)) == 0) {
            abort();
        }
        (void)wg_npz_read(npz, wg_npz_name(npz, i), &array);
        wg_array_free(array);
    }
    wg_npz_close(npz);
}
