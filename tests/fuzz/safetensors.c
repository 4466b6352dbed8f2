/* safetensors.c: bytes that may be a safetensors file. What was accepted lies within them, every
 * byte of the data in one tensor, and can be loaded into a store. A length of the header that leads
 * beyond them is tried once more as one that does not, or few changes would get to the header. */
#include "io/store_load.h"
#include "targets.h"

#include <stdlib.h>
#include <string.h>

static void look(const wg_safetensors *file, size_t size) {
    uint64_t bytes = 0;
    for (int64_t i = 0; i < wg_safetensors_count(file); i++) {
        wg_tensor tensor, found;
        wg_array *array = NULL;
        if (wg_safetensors_at(file, i, &tensor) != WG_OK ||
            wg_safetensors_find(file, tensor.name, &found) != WG_OK ||
            found.offset != tensor.offset || tensor.offset + tensor.bytes > size) {
            abort();
        }
        bytes += tensor.bytes;
        (void)wg_safetensors_read(file, tensor.name, &array);
        wg_array_free(array);
    }
    if (bytes + file->data != size) {
        abort();
    }
}

static void load(const wg_safetensors *file) {
    wg_load_plan plan;
    const wg_load_options options = {.prefix = NULL};
    wg_store *store = wg_store_new(1);
    if (store == NULL) {
        return;
    }
    if (wg_load_plan_new(store, file, &options, &plan) == WG_OK) {
        wg_load_plan_fill(&plan);
        if (wg_store_count(store) != wg_safetensors_count(file)) {
            abort();
        }
    } else if (wg_store_count(store) != 0) {
        abort();
    }
    wg_store_free(store);
}

static void use(const uint8_t *data, size_t size) {
    wg_safetensors *file = NULL;
    if (wg_safetensors_from_bytes(data, size, &file) == WG_OK) {
        look(file, size);
        load(file);
    }
    wg_safetensors_close(file);
}

void fuzz_safetensors(const uint8_t *data, size_t size) {
    use(data, size);
    uint64_t length = 0;
    for (size_t i = 8; size >= 8 && i-- > 0;) {
        length = length << 8 | data[i];
    }
    if (size >= 8 && length > size - 8) {
        uint8_t *mended = malloc(size);
        if (mended == NULL) {
            return;
        }
        memcpy(mended, data, size);
        length %= size - 7;
        for (size_t i = 0; i < 8; i++) {
            mended[i] = (uint8_t)(length >> (8 * i));
        }
        use(mended, size);
        free(mended);
    }
}
