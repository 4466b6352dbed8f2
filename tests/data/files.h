/* files.h: small files for the tests of the readers. */
#ifndef WG_TESTS_FILES_H
#define WG_TESTS_FILES_H

#include <stddef.h>

/* Makes a file of these bytes in the temporary directory and keeps its path in the returned static
 * buffer; the next call reuses it. */
const char *test_file(const void *bytes, size_t size);

/* Removes what test_file made last. */
void test_file_remove(void);

#endif
