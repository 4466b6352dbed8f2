/* function.c: bytes that may be a function (src/function/file.h).
 *
 * The checksum is set right first, or no change would get past it; what was accepted is run, and
 * written again, and must come back. tests/function/test_file_damage.c does the same on damage of
 * its own. */
#include "base/checksum.h"
#include "targets.h"
#include "wengert/function_file.h"

#include <stdlib.h>
#include <string.h>

enum {
    MOST_VALUES = 4096
};

static void run(const wg_function *fn) {
    static double x[MOST_VALUES], y[MOST_VALUES], g[MOST_VALUES];
    const int n = wg_function_inputs(fn), m = wg_function_outputs(fn);
    if (n <= 32 && m <= 32) {
        (void)wg_function_jacobian(fn, 1, x, y, g);
        (void)wg_function_vjp(fn, 5, x, x, y, g);
        (void)wg_function_recheck(fn, 2, x, NULL);
    }
}

/* Aborts where what was written does not come back the same: libFuzzer shows the input then. */
static void write_again(const wg_function *fn) {
    void *bytes = NULL, *again = NULL;
    size_t count = 0, more = 0;
    if (wg_function_to_bytes(fn, &bytes, &count) == WG_OK) {
        wg_function *back = wg_function_from_bytes(bytes, count);
        if (back == NULL || wg_function_to_bytes(back, &again, &more) != WG_OK || more != count ||
            memcmp(bytes, again, count) != 0) {
            abort();
        }
        wg_function_free(back);
    }
    wg_function_bytes_free(bytes);
    wg_function_bytes_free(again);
}

void fuzz_function(const uint8_t *data, size_t size) {
    unsigned char *bytes = malloc(size + 1);
    if (bytes == NULL) {
        return;
    }
    memcpy(bytes, data, size);
    if (size >= 28) {
        for (size_t i = 0; i < 8; i++) {
            bytes[16 + i] = (unsigned char)((uint64_t)size >> (8 * i));
        }
        const uint32_t right = wg_crc32(bytes, size - 4);
        for (size_t i = 0; i < 4; i++) {
            bytes[size - 4 + i] = (unsigned char)(right >> (8 * i));
        }
    }
    wg_function *fn = wg_function_from_bytes(bytes, size);
    if (fn != NULL) {
        run(fn);
        write_again(fn);
    }
    wg_function_free(fn);
    free(bytes);
}
