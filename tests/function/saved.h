/* saved.h: functions to save, and what must be the same of two. */
#ifndef WG_TESTS_SAVED_H
#define WG_TESTS_SAVED_H

#include "base/checksum.h"
#include "function/function.h"
#include "wengert/elementwise.h"
#include "wengert/function_file.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* Two inputs, two outputs, two branches, constants. */
static inline void saved_body(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    wg_var s = wg_sin(wg_mul(x[0], 1.7));
    y[0] = wg_branch(wg_lt(x[0], x[1])) ? wg_mul(s, x[1]) : wg_neg(s);
    y[1] = wg_branch(wg_gt(s, 2)) ? s : wg_add(wg_mul(s, s), wg_pow(x[1], 2.5));
}

static inline wg_function *saved_function(bool relaxed) {
    const double at[2] = {0.5, 1.5};
    wg_function *fn =
        wg_function_record(saved_body, NULL, 2, 2, at, (wg_function_options){.relaxed = relaxed});
    cr_assert_not_null(fn, "%s", wg_last_message());
    return fn;
}

/* The bytes of a function in a block of exactly their size, so that a sanitizer sees what is read
 * beyond; free it with free. */
static inline unsigned char *saved_bytes(const wg_function *fn, size_t *count) {
    void *bytes = NULL;
    cr_assert_eq(wg_function_to_bytes(fn, &bytes, count), WG_OK, "%s", wg_last_message());
    unsigned char *copy = malloc(*count);
    cr_assert_not_null(copy);
    memcpy(copy, bytes, *count);
    wg_function_bytes_free(bytes);
    return copy;
}

/* Makes length and checksum right again after a change. */
static inline void saved_repair(unsigned char *bytes, size_t count) {
    for (size_t i = 0; i < 8; i++) {
        bytes[16 + i] = (unsigned char)(count >> (8 * i));
    }
    const uint32_t right = wg_crc32(bytes, count - 4);
    for (size_t i = 0; i < 4; i++) {
        bytes[count - 4 + i] = (unsigned char)(right >> (8 * i));
    }
}

#endif
