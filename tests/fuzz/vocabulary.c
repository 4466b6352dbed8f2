/* vocabulary.c: bytes that may be a saved vocabulary; what was accepted is written again, and must
 * come back the same. */
#include "data/vocabulary.h"

#include "targets.h"

#include <stdlib.h>
#include <string.h>

void fuzz_vocabulary(const uint8_t *data, size_t size) {
    wg_vocabulary *vocabulary = NULL, *again = NULL;
    char *bytes = NULL, *more = NULL;
    size_t count = 0, more_count = 0;
    if (wg_vocabulary_from_bytes("fuzz", (const char *)data, size, &vocabulary) == WG_OK &&
        wg_vocabulary_to_bytes(vocabulary, &bytes, &count) == WG_OK) {
        if (wg_vocabulary_from_bytes("fuzz", bytes, count, &again) != WG_OK ||
            wg_vocabulary_to_bytes(again, &more, &more_count) != WG_OK || count != more_count ||
            memcmp(bytes, more, count) != 0) {
            abort();
        }
    }
    wg_vocabulary_free(vocabulary);
    wg_vocabulary_free(again);
    wg_free(bytes);
    wg_free(more);
}
