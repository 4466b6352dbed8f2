/* pool.h (internal): storage of a tape: counted blocks that are used again, and an arena for small
 * records. */
#ifndef WG_SRC_TAPE_POOL_H
#define WG_SRC_TAPE_POOL_H

#include "base/base.h"

/* Storage of arrays; the data stands 64 bytes behind the header and is 64-byte aligned. */
typedef struct wg_block {
    struct wg_block *next; /* among the free ones */
    size_t bytes;          /* of data */
    int32_t refs;          /* how many nodes and adjoints share it; only a sole owner may write */
    uint32_t size_class;
    bool carved; /* from a slab */
} wg_block;

#define WG_SIZE_CLASSES 200

/* Memory out of which records or blocks are taken one behind the other. */
typedef struct wg_chunk {
    struct wg_chunk *next;
    size_t bytes, used;
} wg_chunk;

typedef struct wg_pool {
    wg_block *free[WG_SIZE_CLASSES];
    wg_chunk *slabs; /* of blocks of middling size */
    uint64_t held, peak, system, allocations;
} wg_pool;

/* A block of at least `bytes` (never NULL data, even for 0) with one reference; NULL where memory
 * ran out. */
wg_block *wg_pool_take(wg_pool *pool, size_t bytes);
static inline wg_block *wg_block_share(wg_block *block) {
    if (block != NULL) {
        block->refs++;
    }
    return block;
}
/* Drops a reference; the last one puts the block back into the pool. NULL is allowed. */
void wg_pool_drop(wg_pool *pool, wg_block *block);
/* Gives all memory back to the system; no block may be in use. */
void wg_pool_clear(wg_pool *pool);

static inline void *wg_block_data(wg_block *block) {
    return (char *)block + 64;
}

/* Records that live until the tape is reset or cut. */
typedef struct wg_arena {
    wg_chunk *first, *current;
} wg_arena;

typedef struct wg_arena_mark {
    wg_chunk *chunk;
    size_t used;
} wg_arena_mark;

/* 64-byte aligned; NULL where memory ran out. */
void *wg_arena_take(wg_arena *arena, wg_pool *count_in, size_t bytes);
wg_arena_mark wg_arena_now(const wg_arena *arena);
void wg_arena_cut(wg_arena *arena, wg_arena_mark mark);
void wg_arena_clear(wg_arena *arena);

#endif
