/* max_pool_table.h (internal): the loops of max_pool_loops.h as a table. */
#ifndef WG_SRC_KERNEL_MAX_POOL_TABLE_H
#define WG_SRC_KERNEL_MAX_POOL_TABLE_H

#include <stdint.h>

#define WG_WINDOW_STRIP 256 /* windows of a row that are found together */

typedef struct wg_max_pool_loops {
    /* best[j], place[j] = those of x[j step] and `here` where that is greater, or place[j] < 0. */
    void (*update)(int64_t n, const void *x, int64_t step, int32_t here, void *best,
                   int32_t *place);
    /* A row of windows of 2x2, 2 apart; `place` may be NULL. */
    void (*two_by_two)(int64_t n, const void *upper, const void *lower, void *to, uint8_t *place);
    /* Its transpose. */
    void (*back_two_by_two)(int64_t n, const void *g, const uint8_t *place, void *upper,
                            void *lower);
} wg_max_pool_loops;

#endif
