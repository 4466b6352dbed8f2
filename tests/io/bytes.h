/* bytes.h: files under construction for the tests of the readers, and what their messages say. */
#ifndef WG_TESTS_IO_BYTES_H
#define WG_TESTS_IO_BYTES_H

#include "wengert/base.h"

#include <stdbool.h>

/* That `status` is `wanted`, and that the message holds `text`. */
void expect_refused(wg_status status, wg_status wanted, const char *text);

/* Bytes of a safetensors file with that header and `data` bytes 0, 1, 2, … behind it, in a block of
 * just that size (free it), so that the sanitizers see what reads beyond. */
unsigned char *safetensors_bytes(const char *header, size_t data, size_t *size);

/* `count` bytes in a block of their own; free it. */
unsigned char *copy_of(const void *bytes, size_t count);

/* The whole file; free it. */
unsigned char *file_bytes(const char *path, size_t *size);

/* A path in a folder of this test's own, which is made at the first call; static, overwritten by
 * the call after the next. */
const char *test_path(const char *name);
/* Removes that folder. */
void test_path_remove(void);
/* How many files are in it. */
int test_path_files(void);

#endif
