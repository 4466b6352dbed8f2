/* pool.c: blocks by size class, and the arena. */
#include "tape/pool.h"

#define WG_CHUNK_BYTES ((size_t)1 << 16)

/* Blocks from LEAST bytes on are cut out of slabs, which lie in large pages (base.c); one that is
 * as large as such a page gets its own. */
#define WG_SLAB_BYTES ((size_t)8 << 20)
#define WG_SLAB_LEAST ((size_t)1 << 17)
#define WG_SLAB_MOST ((size_t)1 << 21)

/* Four classes for each power of two from 64 bytes: at most a quarter of a block is unused. */
static uint32_t class_of(size_t bytes, size_t *rounded) {
    size_t size = 64;
    uint32_t power = 0;
    while (size < bytes && size <= SIZE_MAX / 4) {
        size *= 2;
        power++;
    }
    if (power == 0) {
        *rounded = 64;
        return 0;
    }
    size_t half = size / 2, step = half / 4 < 64 ? 64 : half / 4;
    size_t steps = (bytes - half + step - 1) / step;
    *rounded = half + steps * step;
    return 4 * (power - 1) + (uint32_t)steps;
}

/* NULL where memory for a slab ran out. */
static wg_block *carve(wg_pool *pool, size_t bytes) {
    wg_chunk *slab = pool->slabs;
    while (slab != NULL && slab->bytes - slab->used < bytes) {
        slab = slab->next;
    }
    if (slab == NULL) {
        slab = wg_alloc(WG_SLAB_BYTES);
        if (slab == NULL) {
            return NULL;
        }
        *slab = (wg_chunk){.next = pool->slabs, .bytes = WG_SLAB_BYTES, .used = 64};
        pool->slabs = slab;
        pool->system += WG_SLAB_BYTES;
        pool->allocations++;
    }
    wg_block *block = (wg_block *)(void *)((char *)slab + slab->used);
    slab->used += bytes;
    block->carved = true;
    return block;
}

static wg_block *new_block(wg_pool *pool, size_t bytes) {
    wg_block *block = NULL;
    if (bytes >= WG_SLAB_LEAST && bytes < WG_SLAB_MOST) {
        block = carve(pool, bytes);
    }
    if (block == NULL) {
        block = wg_alloc(bytes);
        if (block == NULL) {
            return NULL;
        }
        block->carved = false;
        pool->system += bytes;
        pool->allocations++;
    }
    return block;
}

wg_block *wg_pool_take(wg_pool *pool, size_t bytes) {
    if (bytes > (size_t)1 << 48) {
        return NULL;
    }
    size_t rounded;
    uint32_t size_class = class_of(bytes, &rounded);
    wg_block *block = pool->free[size_class];
    if (block != NULL) {
        pool->free[size_class] = block->next;
    } else {
        block = new_block(pool, rounded + 64);
        if (block == NULL) {
            return NULL;
        }
        block->bytes = rounded;
        block->size_class = size_class;
    }
    block->refs = 1;
    block->next = NULL;
    pool->held += block->bytes;
    if (pool->held > pool->peak) {
        pool->peak = pool->held;
    }
    return block;
}

void wg_pool_drop(wg_pool *pool, wg_block *block) {
    if (block == NULL || --block->refs > 0) {
        return;
    }
    pool->held -= block->bytes;
    block->next = pool->free[block->size_class];
    pool->free[block->size_class] = block;
}

void wg_pool_clear(wg_pool *pool) {
    for (size_t i = 0; i < WG_SIZE_CLASSES; i++) {
        while (pool->free[i] != NULL) {
            wg_block *block = pool->free[i];
            pool->free[i] = block->next;
            if (!block->carved) {
                wg_free(block);
            }
        }
    }
    while (pool->slabs != NULL) {
        wg_chunk *next = pool->slabs->next;
        wg_free(pool->slabs);
        pool->slabs = next;
    }
    pool->system = 0;
}

void *wg_arena_take(wg_arena *arena, wg_pool *count_in, size_t bytes) {
    bytes = (bytes + 63) & ~(size_t)63;
    wg_chunk *chunk = arena->current;
    while (chunk != NULL && chunk->bytes - chunk->used < bytes && chunk->next != NULL) {
        chunk = chunk->next; /* kept from before a cut */
        chunk->used = 0;
    }
    if (chunk == NULL || chunk->bytes - chunk->used < bytes) {
        size_t size = bytes > WG_CHUNK_BYTES ? bytes : WG_CHUNK_BYTES;
        wg_chunk *fresh = wg_alloc(size + 64);
        if (fresh == NULL) {
            return NULL;
        }
        count_in->allocations++;
        count_in->system += size + 64;
        fresh->bytes = size;
        fresh->used = 0;
        fresh->next = NULL;
        if (chunk == NULL) {
            arena->first = fresh;
        } else {
            chunk->next = fresh;
        }
        chunk = fresh;
    }
    arena->current = chunk;
    void *taken = (char *)chunk + 64 + chunk->used;
    chunk->used += bytes;
    return taken;
}

wg_arena_mark wg_arena_now(const wg_arena *arena) {
    wg_arena_mark mark = {arena->current, arena->current != NULL ? arena->current->used : 0};
    return mark;
}

void wg_arena_cut(wg_arena *arena, wg_arena_mark mark) {
    arena->current = mark.chunk != NULL ? mark.chunk : arena->first;
    if (arena->current != NULL) {
        arena->current->used = mark.used;
    }
}

void wg_arena_clear(wg_arena *arena) {
    while (arena->first != NULL) {
        wg_chunk *next = arena->first->next;
        wg_free(arena->first);
        arena->first = next;
    }
    arena->current = NULL;
}
