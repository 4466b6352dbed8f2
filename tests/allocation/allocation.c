/* allocation.c: the allocator's functions as --wrap sends them here. */
#include "allocation.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t bytes);
void *__real_aligned_alloc(size_t alignment, size_t bytes);
void __real_free(void *memory);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);
void __wrap_free(void *memory);

static atomic_long requests;
static atomic_long blocks;
static atomic_long largest;
static atomic_long first_refused = LONG_MAX;
static atomic_long last_refused = LONG_MAX;

static void set(long first, long last) {
    requests = 0;
    blocks = 0;
    largest = 0;
    first_refused = first;
    last_refused = last;
}

long wg_test_requests(void) {
    return requests;
}

long wg_test_blocks(void) {
    return blocks;
}

long wg_test_largest(void) {
    return largest;
}

void wg_test_allow(void) {
    set(LONG_MAX, LONG_MAX);
}

void wg_test_refuse_after(long granted) {
    set(granted, LONG_MAX);
}

void wg_test_refuse_one(long granted) {
    set(granted, granted);
}

static bool refused(size_t bytes) {
    const long size = bytes < LONG_MAX ? (long)bytes : LONG_MAX;
    for (long seen = largest;
         seen < size && !atomic_compare_exchange_weak(&largest, &seen, size);) {
    }
    long mine = atomic_fetch_add(&requests, 1);
    return mine >= first_refused && mine <= last_refused;
}

static void *counted(void *memory) {
    if (memory != NULL) {
        blocks++;
    }
    return memory;
}

void *__wrap_malloc(size_t bytes) {
    return refused(bytes) ? NULL : counted(__real_malloc(bytes));
}

void *__wrap_calloc(size_t count, size_t size) {
    const size_t bytes = size != 0 && count > SIZE_MAX / size ? SIZE_MAX : count * size;
    return refused(bytes) ? NULL : counted(__real_calloc(count, size));
}

void *__wrap_aligned_alloc(size_t alignment, size_t bytes) {
    return refused(bytes) ? NULL : counted(__real_aligned_alloc(alignment, bytes));
}

void *__wrap_realloc(void *memory, size_t bytes) {
    if (refused(bytes)) {
        return NULL;
    }
    return memory == NULL ? counted(__real_realloc(NULL, bytes)) : __real_realloc(memory, bytes);
}

void __wrap_free(void *memory) {
    if (memory != NULL) {
        blocks--;
    }
    __real_free(memory);
}
