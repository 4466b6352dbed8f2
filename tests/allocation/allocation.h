/* allocation.h: counts what the library asks of the allocator, and refuses it on demand. Only for
 * files in allocation_test_sources, whose executable is linked with --wrap. What the C library or
 * another shared library allocates inside itself is not seen. */
#ifndef WG_TESTS_ALLOCATION_H
#define WG_TESTS_ALLOCATION_H

/* Requests (malloc, calloc, realloc, aligned_alloc) since the last wg_test_allow. */
long wg_test_requests(void);

/* Blocks held now, less those held at the last wg_test_allow: 0 where nothing leaked. */
long wg_test_blocks(void);

/* The most bytes that one of them asked for. */
long wg_test_largest(void);

/* Sets all counts to 0; from here on all requests are granted. */
void wg_test_allow(void);

/* Sets both counts to 0; grants `granted` requests and refuses all after them. A test of a
 * function that may run out of memory calls it with 0, 1, 2 ... until the function succeeds. */
void wg_test_refuse_after(long granted);

/* As wg_test_refuse_after, but refuses a single request and grants those behind it. */
void wg_test_refuse_one(long granted);

#endif
