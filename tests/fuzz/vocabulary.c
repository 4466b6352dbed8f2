/* vocabulary.c: bytes that may be a saved vocabulary. The checksum in the last line is set right
 * first, or no change would get past it; what was accepted is written again, and must come back the
 * same, and text must go there and back. */
#include "data/vocabulary.h"

#include "base/checksum.h"
#include "targets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LAST_LINE 15 /* bytes of "crc32 01234567\n" */

static void write_again(const wg_vocabulary *vocabulary) {
    wg_vocabulary *again = NULL;
    char *bytes = NULL, *more = NULL;
    size_t count = 0, more_count = 0;
    if (wg_vocabulary_to_bytes(vocabulary, &bytes, &count) == WG_OK) {
        if (wg_vocabulary_from_bytes("fuzz", bytes, count, &again) != WG_OK ||
            wg_vocabulary_to_bytes(again, &more, &more_count) != WG_OK || count != more_count ||
            memcmp(bytes, more, count) != 0) {
            abort();
        }
    }
    wg_vocabulary_free(again);
    wg_free(bytes);
    wg_free(more);
}

/* What encodes must decode to itself, unless unknown characters are in it. */
static void there_and_back(const wg_vocabulary *vocabulary, const char *text, size_t size) {
    wg_array *ids = NULL;
    char *back = NULL;
    size_t bytes = 0;
    if (wg_vocabulary_encode(vocabulary, text, size, WG_I64, &ids) == WG_OK) {
        if (wg_vocabulary_decode(vocabulary, ids, &back, &bytes) != WG_OK ||
            (!vocabulary->unknown && (bytes != size || memcmp(back, text, size) != 0))) {
            abort();
        }
    }
    wg_string_free(back);
    wg_array_free(ids);
}

void fuzz_vocabulary(const uint8_t *data, size_t size) {
    wg_vocabulary *vocabulary = NULL;
    char *bytes = malloc(size + 1);
    if (bytes == NULL) {
        return;
    }
    memcpy(bytes, data, size);
    if (size >= LAST_LINE && memcmp(bytes + size - LAST_LINE, "crc32 ", 6) == 0) {
        (void)snprintf(bytes + size - LAST_LINE, LAST_LINE + 1, "crc32 %08lx\n",
                       (unsigned long)wg_crc32(bytes, size - LAST_LINE));
    }
    if (wg_vocabulary_from_bytes("fuzz", bytes, size, &vocabulary) == WG_OK) {
        write_again(vocabulary);
        there_and_back(vocabulary, bytes, size);
    }
    wg_vocabulary_free(vocabulary);
    free(bytes);
}
