/* checkpoint.c: bytes that may be a training checkpoint. The checksum at the end is set right
 * first, or no change would get past it. What was accepted goes on by a step, or says why it
 * cannot. */
#include "io/checkpoint.h"
#include "base/checksum.h"
#include "targets.h"
#include "tiny.h"

#include <stdlib.h>
#include <string.h>

void fuzz_checkpoint(const uint8_t *data, size_t size) {
    unsigned char *bytes = malloc(size + 1);
    tiny_run run;
    if (bytes == NULL) {
        return;
    }
    memcpy(bytes, data, size);
    if (size >= WG_CHECKSUM_BYTES) {
        const uint32_t right = wg_crc32(bytes, size - WG_CHECKSUM_BYTES);
        for (size_t i = 0; i < WG_CHECKSUM_BYTES; i++) {
            bytes[size - WG_CHECKSUM_BYTES + i] = (unsigned char)(right >> (8 * i));
        }
    }
    tiny_new(&run);
    const wg_status status = wg_checkpoint_from_bytes(bytes, size, &run.training);
    if (status != WG_OK && (wg_store_count(run.store) != 0 || wg_steps(run.optimizer) != 0)) {
        abort();
    }
    (void)tiny_step(&run);
    tiny_free(&run);
    free(bytes);
}
