/* idx.c: bytes that may be an IDX file. */
#include "data/idx.h"

#include "targets.h"

void fuzz_idx(const uint8_t *data, size_t size) {
    wg_array *array = NULL;
    (void)wg_idx_from_bytes("fuzz", data, size, &array);
    wg_array_free(array);
}
