/* factor_rotate.h (internal): plane rotations, collected sweep by sweep and applied many at a time
 * to columns that stay in the cache, in the type FT. The columns are independent, so threads may
 * share them and change no bit. */
#ifndef WG_FACTOR_ROTATE
#define WG_FACTOR_ROTATE
#define ROTATE_SWEEPS 128
#define ROTATE_SHARE 4e6 /* elements to rotate that pay a second thread */

/* One train of rotations of neighbouring rows. */
typedef struct wg_sweep {
    int64_t start, count; /* among the collected pairs */
    int64_t row;          /* the first */
    int step;             /* 1 or -1: the way it goes */
} wg_sweep;
#endif

typedef struct FN(rotations) {
    int64_t n;        /* order of the matrix whose rows are rotated */
    FT *rows, *pairs; /* pairs: (c, s), room for `most` */
    int64_t used, most;
    int sweeps;
    wg_sweep sweep[ROTATE_SWEEPS];
} FN(rotations);

static void FN(rotate_chunk)(void *context, int64_t job) {
    const FN(rotations) *all = context;
    const int64_t first = job * WG_FACTOR_CHUNK;
    const int64_t width = all->n - first < WG_FACTOR_CHUNK ? all->n - first : WG_FACTOR_CHUNK;
    for (int i = 0; i < all->sweeps; i++) {
        const wg_sweep *sweep = &all->sweep[i];
        FN(wg_factor_parts_of)
        ()->rotate(sweep->count, all->pairs + 2 * sweep->start,
                   all->rows + sweep->row * all->n + first, sweep->step * all->n, width);
    }
}

static void FN(rotations_flush)(FN(rotations) * all) {
    const double work = (double)all->used * (double)all->n;
    wg_parallel((all->n + WG_FACTOR_CHUNK - 1) / WG_FACTOR_CHUNK, work > ROTATE_SHARE,
                FN(rotate_chunk), all);
    all->used = 0;
    all->sweeps = 0;
}

/* Begins a sweep of at most `count` rotations from `row` on. */
static void FN(rotations_begin)(FN(rotations) * all, int64_t count, int64_t row, int step) {
    if (all->sweeps == ROTATE_SWEEPS || all->used + count > all->most) {
        FN(rotations_flush)(all);
    }
    const wg_sweep sweep = {all->used, 0, row, step};
    all->sweep[all->sweeps++] = sweep;
}

static inline void FN(rotations_add)(FN(rotations) * all, FT c, FT s) {
    all->pairs[2 * all->used] = c;
    all->pairs[2 * all->used + 1] = s;
    all->used++;
    all->sweep[all->sweeps - 1].count++;
}

/* c and s with c f + s g = r and c g - s f = 0; returns r. */
static inline FT FN(rotation_of)(FT f, FT g, FT *c, FT *s) {
    const FT size = FT_ABS(f) + FT_ABS(g);
    if (size == 0) {
        *c = 1;
        *s = 0;
        return 0;
    }
    const FT r = size < FT_TINY ? FT_HYPOT(f, g) : FT_SQRT(f * f + g * g);
    *c = f / r;
    *s = g / r;
    return r;
}
