/* base.c: statuses, dtypes, memory, plain arrays. */
#if defined(__linux__) && !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE /* madvise */
#endif
#if !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif

#include "base.h"

#include "base/grow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

#define WG_ALIGNMENT 64
#define WG_MESSAGE_BYTES 512

static _Thread_local char last_message[WG_MESSAGE_BYTES];
static _Thread_local wg_status last_status;

const char *wg_version(void) {
    return "0.1.0";
}

const char *wg_status_text(wg_status status) {
    static const char *const texts[] = {
#define WG_STATUS_TEXT(name, text) text,
        WG_STATUSES(WG_STATUS_TEXT)
#undef WG_STATUS_TEXT
    };
    return (size_t)status < WG_COUNT_OF(texts) ? texts[status] : "no status of Wengert's";
}

wg_status wg_last_status(void) {
    return last_status;
}

const char *wg_last_message(void) {
    return last_message;
}

wg_status wg_fail(wg_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    last_status = status;
    (void)vsnprintf(last_message, sizeof last_message, format, arguments);
    va_end(arguments);
    return status;
}

size_t wg_dtype_size(wg_dtype dtype) {
    static const size_t sizes[] = {
#define WG_DTYPE_BYTES(name, type, text) sizeof(type),
        WG_DTYPES(WG_DTYPE_BYTES)
#undef WG_DTYPE_BYTES
    };
    return (size_t)dtype < WG_COUNT_OF(sizes) ? sizes[dtype] : 0;
}

const char *wg_dtype_name(wg_dtype dtype) {
    static const char *const names[] = {
#define WG_DTYPE_TEXT(name, type, text) text,
        WG_DTYPES(WG_DTYPE_TEXT)
#undef WG_DTYPE_TEXT
    };
    return (size_t)dtype < WG_COUNT_OF(names) ? names[dtype] : "no dtype";
}

#define WG_HUGE_PAGE ((size_t)1 << 21)

/* Large memory in 2 MiB pages: what walks over it, or jumps about in it, misses the TLB every 4 KiB
 * otherwise. A hint: nothing changes where the system has none. */
static void *prefer_huge_pages(void *memory, size_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    const uintptr_t page = WG_HUGE_PAGE;
    const uintptr_t first = ((uintptr_t)memory + page - 1) & ~(page - 1);
    const uintptr_t end = ((uintptr_t)memory + bytes) & ~(page - 1);
    if (memory != NULL && first < end) {
        (void)madvise((void *)first, end - first, MADV_HUGEPAGE);
    }
#else
    (void)bytes;
#endif
    return memory;
}

void *wg_alloc(size_t bytes) {
    /* From the first byte of a large page on, so that none is cut. */
    const size_t alignment = bytes >= WG_HUGE_PAGE ? WG_HUGE_PAGE : WG_ALIGNMENT;
    if (bytes == 0 || bytes > SIZE_MAX - alignment) {
        return NULL;
    }
    const size_t whole = (bytes + alignment - 1) & ~(alignment - 1);
    return prefer_huge_pages(aligned_alloc(alignment, whole), bytes);
}

void *wg_calloc(size_t count, size_t size) {
    return prefer_huge_pages(calloc(count, size), count * size);
}

void *wg_realloc(void *memory, size_t bytes) {
    return prefer_huge_pages(realloc(memory, bytes), bytes);
}

void *wg_grown(void *array, int64_t count, int64_t *capacity, size_t element) {
    if (count < *capacity) {
        return array;
    }
    if (*capacity > INT64_MAX / 2 / (int64_t)element) {
        return NULL;
    }
    const int64_t more = *capacity > 0 ? 2 * *capacity : 32;
    void *larger = wg_realloc(array, (size_t)more * element);
    *capacity = larger != NULL ? more : *capacity;
    return larger;
}

char *wg_strdup(const char *text) {
    size_t bytes = strlen(text) + 1;
    char *copy = wg_calloc(bytes, 1);
    if (copy != NULL) {
        memcpy(copy, text, bytes);
    }
    return copy;
}

void wg_free(void *memory) {
    free(memory);
}

int64_t wg_shape_count(int rank, const int64_t *shape, size_t size) {
    int64_t limit = INT64_MAX / (int64_t)(size == 0 ? 1 : size);
    int64_t count = 1;
    bool empty = false;
    for (int axis = 0; axis < rank; axis++) {
        if (shape[axis] < 0) {
            return -1;
        }
        if (shape[axis] == 0) {
            empty = true;
        } else if (count > limit / shape[axis]) {
            return -1;
        } else {
            count *= shape[axis];
        }
    }
    return empty ? 0 : count;
}

bool wg_shape_equal(int rank, const int64_t *shape, int other_rank, const int64_t *other) {
    bool equal = rank == other_rank;
    for (int axis = 0; axis < rank && equal; axis++) {
        equal = shape[axis] == other[axis];
    }
    return equal;
}

char *wg_shape_text(int rank, const int64_t *shape, char *out, size_t bytes) {
    size_t used = (size_t)snprintf(out, bytes, "[");
    for (int axis = 0; axis < rank && used < bytes; axis++) {
        used += (size_t)snprintf(out + used, bytes - used, axis == 0 ? "%lld" : ", %lld",
                                 (long long)shape[axis]);
    }
    if (used < bytes) {
        (void)snprintf(out + used, bytes - used, "]");
    }
    return out;
}

double wg_clock(void) {
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) {
        return 0.0;
    }
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

wg_status wg_array_new(wg_dtype dtype, int rank, const int64_t *shape, wg_array **out) {
    *out = NULL;
    size_t size = wg_dtype_size(dtype);
    if (size == 0 || rank < 0 || rank > WG_MAX_RANK) {
        return wg_fail(WG_ERROR_ARGUMENT, "array: dtype %d or rank %d is out of range", (int)dtype,
                       rank);
    }
    int64_t count = wg_shape_count(rank, shape, size);
    if (count < 0) {
        char text[192];
        return wg_fail(WG_ERROR_LIMIT, "array: the shape %s has a negative size or too many bytes",
                       wg_shape_text(rank, shape, text, sizeof text));
    }
    wg_array *array = wg_calloc(1, sizeof *array);
    if (array == NULL) {
        return wg_fail(WG_ERROR_MEMORY, "array: no memory for its header");
    }
    array->dtype = dtype;
    array->rank = rank;
    for (int axis = 0; axis < rank; axis++) {
        array->shape[axis] = shape[axis];
    }
    size_t bytes = (size_t)count * size;
    array->data = wg_alloc(bytes);
    if (array->data == NULL && bytes != 0) {
        wg_free(array);
        return wg_fail(WG_ERROR_MEMORY, "array: no memory for %zu bytes", bytes);
    }
    if (bytes != 0) {
        memset(array->data, 0, bytes);
    }
    *out = array;
    return WG_OK;
}

void wg_array_free(wg_array *array) {
    if (array != NULL) {
        wg_free(array->data);
        wg_free(array);
    }
}

int64_t wg_array_count(const wg_array *array) {
    return wg_shape_count(array->rank, array->shape, wg_dtype_size(array->dtype));
}
