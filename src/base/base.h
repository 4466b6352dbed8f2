/* base.h (internal): allocation, error detail and small helpers that all of src/ uses. */
#ifndef WG_SRC_BASE_H
#define WG_SRC_BASE_H

#include "wengert/base.h"

#include <stdarg.h>
#include <stdbool.h>

#if defined(__GNUC__)
#define WG_LIKELY(x) __builtin_expect(!!(x), 1)
#define WG_UNLIKELY(x) __builtin_expect(!!(x), 0)
#else
#define WG_LIKELY(x) (x)
#define WG_UNLIKELY(x) (x)
#endif

#define WG_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* All memory of the library comes through these; each may return NULL. Free with wg_free. */
void *wg_alloc(size_t bytes);               /* uninitialised, 64-byte aligned; 0 bytes gives NULL */
void *wg_calloc(size_t count, size_t size); /* zeroed; NULL also where count * size overflows */
void *wg_realloc(void *memory,
                 size_t bytes);    /* for memory from wg_calloc/wg_realloc, not wg_alloc */
char *wg_strdup(const char *text); /* of wg_calloc's kind */
void wg_free(void *memory);        /* NULL allowed */

/* Keeps the detail for wg_last_message and returns `status`, so that callers write
 * `return wg_fail(WG_ERROR_FILE, "read_idx: %s: %s", path, strerror(errno));` */
wg_status wg_fail(wg_status status, const char *format, ...) WG_PRINTF(2, 3);
/* The status that goes with wg_last_message: why a constructor of this thread has just returned
 * NULL. */
wg_status wg_last_status(void);

/* The product of the sizes, or -1 where a size is negative or the product times `size` overflows,
 * of an empty shape that of the other sizes: strides are made of it. */
int64_t wg_shape_count(int rank, const int64_t *shape, size_t size);

/* Whether two shapes are one. */
bool wg_shape_equal(int rank, const int64_t *shape, int other_rank, const int64_t *other);

/* "[32, 784]" into `out`; always terminated. Returns `out`. */
char *wg_shape_text(int rank, const int64_t *shape, char *out, size_t bytes);

/* Seconds on a steady clock. */
double wg_clock(void);

#endif
