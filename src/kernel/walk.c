#include "kernel/walk.h"

#include "base/parallel.h"

/* Elements of a row that one thread takes at a time. */
#define BLOCK 32768
/* Rows of a tile: a cache line of floats; columns: lines that fit even where all fall on one set of
 * L1. */
#define TILE 16
#define TILE_COLUMNS 8

static int64_t magnitude(int64_t x) {
    return x < 0 ? -x : x;
}

/* Whether axis `axis` of the walk belongs outside of an axis with the steps `lead` and `other`. */
static bool lies_outside(const wg_walk *walk, int axis, int lead, int64_t lead_step,
                         int64_t other_step) {
    const int64_t mine = magnitude(walk->step[lead][axis]);
    if (mine != magnitude(lead_step)) {
        return mine > magnitude(lead_step);
    }
    return magnitude(walk->step[1 - lead][axis]) >= magnitude(other_step);
}

static void insert_axis(wg_walk *walk, int lead, int64_t size, const int64_t *step) {
    int place = walk->rank++;
    while (place > 0 && !lies_outside(walk, place - 1, lead, step[lead], step[1 - lead])) {
        walk->shape[place] = walk->shape[place - 1];
        walk->step[0][place] = walk->step[0][place - 1];
        walk->step[1][place] = walk->step[1][place - 1];
        place--;
    }
    walk->shape[place] = size;
    walk->step[0][place] = step[0];
    walk->step[1][place] = step[1];
}

static void merge_axes(wg_walk *walk) {
    int last = 0;
    for (int i = 1; i < walk->rank; i++) {
        const int64_t size = walk->shape[i];
        if (walk->step[0][last] == walk->step[0][i] * size &&
            walk->step[1][last] == walk->step[1][i] * size) {
            walk->shape[last] *= size;
        } else {
            walk->shape[++last] = size;
        }
        walk->step[0][last] = walk->step[0][i];
        walk->step[1][last] = walk->step[1][i];
    }
    walk->rank = walk->rank == 0 ? 0 : last + 1;
}

void wg_walk_start(wg_walk *walk, const wg_view *a, const wg_view *b, int lead) {
    const int64_t size_a = (int64_t)wg_dtype_size(a->dtype);
    const int64_t size_b = (int64_t)wg_dtype_size(b->dtype);
    walk->rank = 0;
    walk->data[0] = a->data;
    walk->data[1] = b->data;
    for (int i = 0; i < a->rank; i++) {
        if (a->shape[i] != 1) {
            const int64_t step[2] = {a->stride[i] * size_a, b->stride[i] * size_b};
            insert_axis(walk, lead, a->shape[i], step);
        }
    }
    merge_axes(walk);
}

int64_t wg_walk_count(const wg_walk *walk, int axes) {
    int64_t count = 1;
    for (int i = 0; i < axes; i++) {
        count *= walk->shape[i];
    }
    return count;
}

void wg_cursor_start(wg_cursor *cursor, const wg_walk *walk, int axes, int64_t flat) {
    cursor->at[0] = walk->data[0];
    cursor->at[1] = walk->data[1];
    for (int i = axes - 1; i >= 0; i--) {
        cursor->index[i] = flat % walk->shape[i];
        flat /= walk->shape[i];
        cursor->at[0] += cursor->index[i] * walk->step[0][i];
        cursor->at[1] += cursor->index[i] * walk->step[1][i];
    }
}

/* ---- by rows ------------------------------------------------------------------------------- */

/* Blocks [low, high) of all rows, counted through. */
static void walk_blocks(const wg_walk *walk, wg_walk_row row, int64_t low, int64_t high) {
    const int last = walk->rank - 1;
    const int64_t n = walk->shape[last], blocks = (n + BLOCK - 1) / BLOCK;
    const int64_t step[2] = {walk->step[0][last], walk->step[1][last]};
    int64_t block = low % blocks;
    wg_cursor cursor;
    wg_cursor_start(&cursor, walk, last, low / blocks);
    for (int64_t i = low; i < high; i++) {
        const int64_t first = block * BLOCK;
        row(n - first < BLOCK ? n - first : BLOCK, cursor.at[0] + first * step[0], step[0],
            cursor.at[1] + first * step[1], step[1]);
        if (++block == blocks) {
            block = 0;
            wg_cursor_next(&cursor, walk, last);
        }
    }
}

/* ---- by tiles ------------------------------------------------------------------------------ */

/* Finds an axis along which array 0 is denser than along the walk's last, and makes it the last but
 * one. */
static bool find_transposition(wg_walk *walk) {
    const int last = walk->rank - 1;
    int best = -1;
    int64_t densest = magnitude(walk->step[0][last]);
    for (int i = 0; i < last; i++) {
        const int64_t step = magnitude(walk->step[0][i]);
        if (step != 0 && step < densest && walk->shape[i] >= 8) {
            best = i;
            densest = step;
        }
    }
    if (best < 0 || walk->shape[last] < 8) {
        return false;
    }
    for (; best < last - 1; best++) {
        int64_t *const rows[3] = {walk->shape, walk->step[0], walk->step[1]};
        for (int k = 0; k < 3; k++) {
            const int64_t kept = rows[k][best];
            rows[k][best] = rows[k][best + 1];
            rows[k][best + 1] = kept;
        }
    }
    return true;
}

/* Stripes of TILE rows [low, high) of all planes, counted through, tile by tile. */
static void walk_tiles(const wg_walk *walk, wg_walk_row row, int64_t low, int64_t high) {
    const int outer = walk->rank - 2;
    const int64_t *const s0 = walk->step[0] + outer, *const s1 = walk->step[1] + outer;
    const int64_t m = walk->shape[outer], n = walk->shape[outer + 1];
    const int64_t tiles = (m + TILE - 1) / TILE;
    for (int64_t tile = low; tile < high; tile++) {
        const int64_t top = tile % tiles * TILE;
        const int64_t bottom = top + TILE < m ? top + TILE : m;
        wg_cursor cursor;
        wg_cursor_start(&cursor, walk, outer, tile / tiles);
        for (int64_t j = 0; j < n; j += TILE_COLUMNS) {
            const int64_t width = n - j < TILE_COLUMNS ? n - j : TILE_COLUMNS;
            for (int64_t i = top; i < bottom; i++) {
                row(width, cursor.at[0] + i * s0[0] + j * s0[1], s0[1],
                    cursor.at[1] + i * s1[0] + j * s1[1], s1[1]);
            }
        }
    }
}

typedef struct pieces {
    void (*part)(const wg_walk *walk, wg_walk_row row, int64_t low, int64_t high);
    const wg_walk *walk;
    wg_walk_row row;
    int64_t units, count;
} pieces;

static void do_piece(void *context, int64_t i) {
    const pieces *p = context;
    p->part(p->walk, p->row, p->units * i / p->count, p->units * (i + 1) / p->count);
}

void wg_walk_rows(wg_walk *walk, wg_walk_row row) {
    const int64_t count = wg_walk_count(walk, walk->rank);
    if (count == 0) {
        return;
    }
    if (walk->rank == 0) {
        row(1, walk->data[0], 0, walk->data[1], 0);
        return;
    }
    const int last = walk->rank - 1;
    const bool tiled = find_transposition(walk);
    void (*const part)(const wg_walk *, wg_walk_row, int64_t, int64_t) =
        tiled ? walk_tiles : walk_blocks;
    const int64_t units =
        tiled ? wg_walk_count(walk, last - 1) * ((walk->shape[last - 1] + TILE - 1) / TILE)
              : wg_walk_count(walk, last) * ((walk->shape[last] + BLOCK - 1) / BLOCK);
    if (count < WG_SHARE_MEMORY) {
        part(walk, row, 0, units);
        return;
    }
    pieces p = {part, walk, row, units, units < 256 ? units : 256};
    wg_parallel(p.count, true, do_piece, &p);
}
