/* walk.h (internal): going through two strided arrays of one shape side by side, row by row. */
#ifndef WG_SRC_KERNEL_WALK_H
#define WG_SRC_KERNEL_WALK_H

#include "wengert/op.h"

/* Axes, outermost first: those of size 1 are left out, and neighbours that lie one behind the other
 * in both arrays are merged. Steps count bytes. */
typedef struct wg_walk {
    int rank;
    int64_t shape[WG_MAX_RANK];
    int64_t step[2][WG_MAX_RANK];
    char *data[2];
} wg_walk;

/* Where a walk stands in both arrays. */
typedef struct wg_cursor {
    int64_t index[WG_MAX_RANK];
    char *at[2];
} wg_cursor;

/* One row of both: n elements, `step` bytes apart. */
typedef void (*wg_walk_row)(int64_t n, char *a, int64_t a_step, char *b, int64_t b_step);

/* A walk through a and b (same shape), its axes ordered by falling steps of array `lead` (0 or 1).
 */
void wg_walk_start(wg_walk *walk, const wg_view *a, const wg_view *b, int lead);

/* How many positions the first `axes` axes have. */
int64_t wg_walk_count(const wg_walk *walk, int axes);

/* The cursor at position `flat` of the first `axes` axes, and its step to the next position. */
void wg_cursor_start(wg_cursor *cursor, const wg_walk *walk, int axes, int64_t flat);
static inline void wg_cursor_next(wg_cursor *cursor, const wg_walk *walk, int axes) {
    for (int i = axes - 1; i >= 0; i--) {
        cursor->at[0] += walk->step[0][i];
        cursor->at[1] += walk->step[1][i];
        if (++cursor->index[i] < walk->shape[i]) {
            return;
        }
        cursor->at[0] -= walk->step[0][i] * walk->shape[i];
        cursor->at[1] -= walk->step[1][i] * walk->shape[i];
        cursor->index[i] = 0;
    }
}

/* Hands every element to `row` exactly once; threads share large arrays, and transpositions go by
 * tiles. Only for rows that write to places of their own. */
void wg_walk_rows(wg_walk *walk, wg_walk_row row);

#endif
