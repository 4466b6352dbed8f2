/* matmul_plan.h (internal): how one matrix product is cut into tiles, as a template over the type.
 *
 * The including file defines MM_T, MM_SUFFIX, MM_DEPTH and MM_SMALL. The cut of k decides the
 * order of each sum and looks at shape and strides alone; threads only share out disjoint parts of
 * C. */

#define MM_PASTE2(a, b) a##_##b
#define MM_PASTE(a, b) MM_PASTE2(a, b)
#define MM_NAME(name) MM_PASTE(name, MM_SUFFIX)
#define MM_BYTES(count) ((count) * (int64_t)sizeof(MM_T))

typedef struct MM_NAME(problem) {
    const MM_NAME(wg_matmul_parts) * parts;
    int64_t m, n, k;
    const MM_T *a;
    int64_t a_row, a_column;
    const MM_T *b;
    int64_t b_row, b_column;
    MM_T *c;
    int64_t c_row;
    const MM_T *start; /* C = start + A B; NULL: zeros */
    int64_t start_row;
} MM_NAME(problem);

/* What the sums of row i, from column j on, are added to in a stretch of k that begins at p. */
static const MM_T *MM_NAME(start_of)(const MM_NAME(problem) * q, int64_t i, int64_t j, int64_t p) {
    if (p > 0) {
        return q->c + i * q->c_row + j;
    }
    return q->start != NULL ? q->start + i * q->start_row + j : NULL;
}

static int64_t MM_NAME(start_row)(const MM_NAME(problem) * q, int64_t p) {
    return p > 0 ? q->c_row : q->start_row;
}

/* The product of no terms. */
static void MM_NAME(only_start)(const MM_NAME(problem) * q) {
    for (int64_t i = 0; i < q->m && q->start != q->c; i++) {
        MM_T *row = q->c + i * q->c_row;
        if (q->start == NULL) {
            memset(row, 0, (size_t)q->n * sizeof(MM_T));
        } else {
            memcpy(row, q->start + i * q->start_row, (size_t)q->n * sizeof(MM_T));
        }
    }
}

/* Rows [low, high) of C: scaled rows of B. */
static void MM_NAME(axpy_rows)(const MM_NAME(problem) * q, int64_t low, int64_t high) {
    for (int64_t i = low; i < high; i++) {
        q->parts->axpy(q->n, q->k, q->a + i * q->a_row, q->a_column, q->b, q->b_row,
                       q->c + i * q->c_row, MM_NAME(start_of)(q, i, 0, 0));
    }
}

/* Columns [low, high) of the one row of C. */
static void MM_NAME(axpy_columns)(const MM_NAME(problem) * q, int64_t low, int64_t high) {
    for (int64_t j = low; j < high; j += MM_STRIPE) {
        const int64_t n = j + MM_STRIPE < high ? MM_STRIPE : high - j;
        const MM_T *start = MM_NAME(start_of)(q, 0, j, 0);
        if (q->k <= MM_STRIPE_DEPTH) {
            q->parts->stripe(n, q->k, q->a, q->a_column, q->b + j, q->b_row, q->c + j, start);
        } else {
            q->parts->axpy(n, q->k, q->a, q->a_column, q->b + j, q->b_row, q->c + j, start);
        }
    }
}

/* Columns [low, high) of C by inner products, over a stretch of k. */
static void MM_NAME(dot_block)(const MM_NAME(problem) * q, int64_t low, int64_t high, int64_t p,
                               int64_t k) {
    const int64_t height = q->parts->dot_rows, start_row = MM_NAME(start_row)(q, p);
    for (int64_t i = 0; i < q->m; i += height) {
        const int64_t rows = i + height < q->m ? height : q->m - i;
        const MM_T *a = q->a + i * q->a_row + p;
        const MM_T *b = q->b + low * q->b_column + p;
        MM_T *c = q->c + i * q->c_row + low;
        int64_t j = low;
        for (; j + 4 <= high; j += 4, b += 4 * q->b_column, c += 4) {
            q->parts->dot4[rows - 1](k, a, q->a_row, b, q->b_column, c, q->c_row,
                                     MM_NAME(start_of)(q, i, j, p), start_row);
        }
        for (; j < high; j++, b += q->b_column, c++) {
            q->parts->dot1[rows - 1](k, a, q->a_row, b, q->b_column, c, q->c_row,
                                     MM_NAME(start_of)(q, i, j, p), start_row);
        }
    }
}

static void MM_NAME(dot_columns)(const MM_NAME(problem) * q, int64_t low, int64_t high) {
    for (int64_t p = 0; p < q->k; p += MM_DOT_DEPTH) {
        const int64_t k = p + MM_DOT_DEPTH < q->k ? MM_DOT_DEPTH : q->k - p;
        /* As many columns of B as stay in the second-level cache while the rows of A pass by. */
        const int64_t step = WG_MATMUL_BLOCK_BYTES / MM_BYTES(k) / 4 * 4;
        for (int64_t j = low; j < high; j += step) {
            MM_NAME(dot_block)(q, j, j + step < high ? j + step : high, p, k);
        }
    }
}

/* ---- tiles over blocks of k and n ---- */

typedef struct MM_NAME(block) {
    int64_t p, k;            /* the stretch of the inner dimension */
    int64_t column, columns; /* the stretch of C's columns */
    int64_t panels;          /* of 2 * lanes columns */
    const MM_T *packed;      /* NULL: B is used where it lies */
    bool pack_a;
    int64_t row_tiles, groups; /* tasks: row tiles times groups of panels */
} MM_NAME(block);

static void MM_NAME(tile_task)(const MM_NAME(problem) * q, const MM_NAME(block) * block,
                               int64_t task) {
    _Alignas(64) MM_T panel[MM_DEPTH * WG_MATMUL_MAX_PITCH];
    const MM_NAME(wg_matmul_parts) *parts = q->parts;
    const int64_t tile = task / block->groups, group = task % block->groups;
    const int64_t low = tile * q->m / block->row_tiles;
    const int64_t rows = (tile + 1) * q->m / block->row_tiles - low;
    const int64_t width = 2 * parts->lanes, lanes = parts->lanes;
    const int64_t start_row = MM_NAME(start_row)(q, block->p);
    const MM_T *a = q->a + low * q->a_row + block->p * q->a_column;
    int64_t a_row = q->a_row, a_column = q->a_column;
    if (block->pack_a) {
        parts->pack_a(rows, block->k, a, a_row, a_column, panel);
        a = panel;
        a_row = 1;
        a_column = parts->pitch;
    }
    const int64_t last = (group + 1) * block->panels / block->groups;
    for (int64_t j = group * block->panels / block->groups; j < last; j++) {
        const int64_t column = block->column + j * width;
        const MM_T *b = block->packed != NULL ? block->packed + j * width * block->k
                                              : q->b + block->p * q->b_row + column;
        const int64_t b_row = block->packed != NULL ? width : q->b_row;
        MM_T *c = q->c + low * q->c_row + column;
        const MM_T *start = MM_NAME(start_of)(q, low, column, block->p);
        const int64_t left = block->columns - j * width;
        if (left >= width) {
            parts->wide[rows - 1](width, block->k, a, a_row, a_column, b, b_row, c, q->c_row, start,
                                  start_row);
            continue;
        }
        parts->narrow[rows - 1](left < lanes ? left : lanes, block->k, a, a_row, a_column, b, b_row,
                                c, q->c_row, start, start_row);
        if (left > lanes) {
            parts->narrow[rows - 1](left - lanes, block->k, a, a_row, a_column, b + lanes, b_row,
                                    c + lanes, q->c_row, start != NULL ? start + lanes : NULL,
                                    start_row);
        }
    }
}

/* One block as the jobs of a parallel loop: first its panels are packed, then its tiles made. */
typedef struct MM_NAME(block_jobs) {
    const MM_NAME(problem) * q;
    const MM_NAME(block) * block;
    MM_T *packed;
} MM_NAME(block_jobs);

/* Steps [p, p + depth) of the block's panel j. */
static void MM_NAME(pack_panel_part)(const MM_NAME(block_jobs) * jobs, int64_t j, int64_t p,
                                     int64_t depth) {
    const MM_NAME(problem) *q = jobs->q;
    const MM_NAME(block) *block = jobs->block;
    const int64_t width = 2 * q->parts->lanes, left = block->columns - j * width;
    q->parts->pack_b(left < width ? left : width, depth,
                     q->b + (block->p + p) * q->b_row + (block->column + j * width) * q->b_column,
                     q->b_column, q->b_row, jobs->packed + j * width * block->k + p * width);
}

static void MM_NAME(pack_panel)(void *context, int64_t j) {
    const MM_NAME(block_jobs) *jobs = context;
    MM_NAME(pack_panel_part)(jobs, j, 0, jobs->block->k);
}

/* A few rows of B through all panels: they are read from end to end. */
static void MM_NAME(pack_rows)(void *context, int64_t i) {
    const MM_NAME(block_jobs) *jobs = context;
    const int64_t p = i * MM_PACK_ROWS, rest = jobs->block->k - p;
    for (int64_t j = 0; j < jobs->block->panels; j++) {
        MM_NAME(pack_panel_part)(jobs, j, p, rest < MM_PACK_ROWS ? rest : MM_PACK_ROWS);
    }
}

static void MM_NAME(tile_job)(void *context, int64_t task) {
    const MM_NAME(block_jobs) *jobs = context;
    MM_NAME(tile_task)(jobs->q, jobs->block, task);
}

static void MM_NAME(tile_blocks)(const MM_NAME(problem) * q, MM_T *packed, int64_t block_columns,
                                 int threads) {
    const int64_t width = 2 * q->parts->lanes;
    MM_NAME(block) block = {.packed = packed};
    MM_NAME(block_jobs) jobs = {q, &block, packed};
    for (block.column = 0; block.column < q->n; block.column += block_columns) {
        block.columns = block.column + block_columns < q->n ? block_columns : q->n - block.column;
        block.panels = (block.columns + width - 1) / width;
        block.pack_a = block.panels >= MM_PACK_A_PANELS && q->a_row != 1 &&
                       (q->a_column != 1 || crowds(MM_BYTES(q->a_row)));
        block.row_tiles = (q->m + q->parts->rows - 1) / q->parts->rows;
        const int64_t wanted =
            threads > 1 ? (4 * threads + block.row_tiles - 1) / block.row_tiles : 1;
        block.groups = wanted < block.panels ? wanted : block.panels;
        for (block.p = 0; block.p < q->k; block.p += MM_DEPTH) {
            block.k = block.p + MM_DEPTH < q->k ? MM_DEPTH : q->k - block.p;
            if (packed != NULL && q->b_column == 1) {
                wg_parallel((block.k + MM_PACK_ROWS - 1) / MM_PACK_ROWS, threads > 1,
                            MM_NAME(pack_rows), &jobs);
            } else if (packed != NULL) {
                wg_parallel(block.panels, threads > 1, MM_NAME(pack_panel), &jobs);
            }
            wg_parallel(block.row_tiles * block.groups, threads > 1, MM_NAME(tile_job), &jobs);
        }
    }
}

static bool MM_NAME(tiles)(const MM_NAME(problem) * q, int threads) {
    _Alignas(64) MM_T small[MM_SMALL];
    const int64_t width = 2 * q->parts->lanes;
    const int64_t k = q->k < MM_DEPTH ? q->k : MM_DEPTH;
    const int64_t all = (q->n + width - 1) / width * width;
    const int64_t most = WG_MATMUL_BLOCK_BYTES / MM_BYTES(MM_DEPTH) / width * width;
    const bool far = MM_BYTES(q->n * q->k) > WG_MATMUL_BLOCK_BYTES || crowds(MM_BYTES(q->b_row));
    const bool pack = q->b_column != 1 || (q->m > MM_PACK_B_ROWS && far);
    const int64_t columns = all < most || !pack ? all : most;
    const bool fits = columns * k <= MM_SMALL;
    MM_T *packed = !pack ? NULL : fits ? small : wg_matmul_block_take();
    if (pack && packed == NULL) {
        return false;
    }
    MM_NAME(tile_blocks)(q, packed, columns, threads);
    if (pack && !fits) {
        wg_matmul_block_give(packed);
    }
    return true;
}

/* ---- choice of the way ---- */

/* At most one tile: the cutting of larger products would cost more than the arithmetic. */
static void MM_NAME(one_tile)(const MM_NAME(problem) * q) {
    MM_T packed[MM_TINY_DEPTH * 2 * WG_MATMUL_MAX_LANES];
    const int64_t lanes = q->parts->lanes;
    const MM_T *b = q->b;
    int64_t b_row = q->b_row;
    if (q->b_column != 1) {
        q->parts->pack_b(q->n, q->k, b, q->b_column, b_row, packed);
        b = packed;
        b_row = 2 * lanes;
    }
    q->parts->narrow[q->m - 1](q->n < lanes ? q->n : lanes, q->k, q->a, q->a_row, q->a_column, b,
                               b_row, q->c, q->c_row, q->start, q->start_row);
    if (q->n > lanes) {
        q->parts->narrow[q->m - 1](q->n - lanes, q->k, q->a, q->a_row, q->a_column, b + lanes,
                                   b_row, q->c + lanes, q->c_row,
                                   q->start != NULL ? q->start + lanes : NULL, q->start_row);
    }
}

/* A column of C, rows adjacent, is a row of the transposed product. */
static void MM_NAME(turn_vector)(MM_NAME(problem) * q) {
    MM_NAME(problem) turned = *q;
    turned.m = 1;
    turned.n = q->m;
    turned.a = q->b;
    turned.a_column = q->b_row;
    turned.b = q->a;
    turned.b_row = q->a_column;
    turned.b_column = q->a_row;
    *q = turned;
}

typedef void MM_NAME(span)(const MM_NAME(problem) * q, int64_t low, int64_t high);

typedef struct MM_NAME(span_jobs) {
    MM_NAME(span) * span;
    const MM_NAME(problem) * q;
    int64_t count, grain, grains, parts;
} MM_NAME(span_jobs);

static void MM_NAME(span_job)(void *context, int64_t part) {
    const MM_NAME(span_jobs) *s = context;
    const int64_t low = part * s->grains / s->parts * s->grain;
    const int64_t high = (part + 1) * s->grains / s->parts * s->grain;
    s->span(s->q, low, high < s->count ? high : s->count);
}

/* Runs `span` over [0, count) in parts of at least `grain`. */
static void MM_NAME(share)(MM_NAME(span) * span, const MM_NAME(problem) * q, int64_t count,
                           int64_t grain, int threads) {
    const int64_t most = (count + grain - 1) / grain;
    const int64_t parts = most < threads ? most : threads;
    if (parts <= 1) {
        span(q, 0, count);
        return;
    }
    MM_NAME(span_jobs) jobs = {span, q, count, grain, most, parts};
    wg_parallel(parts, true, MM_NAME(span_job), &jobs);
}

static bool MM_NAME(solve)(MM_NAME(problem) q, int threads) {
    if (q.m <= 0 || q.n <= 0) {
        return true;
    }
    if (q.k <= 0) {
        MM_NAME(only_start)(&q);
        return true;
    }
    if (q.n == 1 && q.m > 1 && q.c_row == 1 && (q.start == NULL || q.start_row == 1)) {
        MM_NAME(turn_vector)(&q);
    }
    if (q.k <= MM_TINY_DEPTH && q.m <= q.parts->rows && q.n <= 2 * q.parts->lanes) {
        MM_NAME(one_tile)(&q);
        return true;
    }
    if (q.b_column == 1 && q.m > 1 && q.k <= MM_AXPY_DEPTH) {
        MM_NAME(share)(MM_NAME(axpy_rows), &q, q.m, 1, threads);
        return true;
    }
    if (q.b_column == 1 && q.m == 1) {
        MM_NAME(share)(MM_NAME(axpy_columns), &q, q.n, MM_STRIPE, threads);
        return true;
    }
    const bool pack_pays =
        q.k < MM_DOT_DEEP && q.m >= MM_DOT_MANY_ROWS && q.n >= MM_DOT_FEW_COLUMNS;
    if (q.a_column == 1 && q.b_row == 1 && !pack_pays &&
        (q.k >= MM_DOT_LEAST || (q.m < MM_DOT_FEW_ROWS && q.k >= q.parts->lanes))) {
        MM_NAME(share)(MM_NAME(dot_columns), &q, q.n, 16, threads);
        return true;
    }
    return MM_NAME(tiles)(&q, threads);
}

bool MM_NAME(wg_matmul_with)(const MM_NAME(wg_matmul_parts) * parts, int64_t m, int64_t n,
                             int64_t k, const MM_T *a, int64_t a_row, int64_t a_column,
                             const MM_T *b, int64_t b_row, int64_t b_column, const MM_T *start,
                             int64_t start_row, MM_T *c, int64_t c_row) {
    const MM_NAME(problem)
        q = {parts, m, n, k, a, a_row, a_column, b, b_row, b_column, c, c_row, start, start_row};
    return MM_NAME(solve)(q, wg_matmul_threads(m, n, k));
}

bool MM_NAME(wg_kernel_matmul_from)(int64_t m, int64_t n, int64_t k, const MM_T *a, int64_t a_row,
                                    int64_t a_column, const MM_T *b, int64_t b_row,
                                    int64_t b_column, const MM_T *start, int64_t start_row, MM_T *c,
                                    int64_t c_row) {
    return MM_NAME(wg_matmul_with)(MM_NAME(wg_matmul_parts_best)(), m, n, k, a, a_row, a_column, b,
                                   b_row, b_column, start, start_row, c, c_row);
}

bool MM_NAME(wg_kernel_matmul)(int64_t m, int64_t n, int64_t k, const MM_T *a, int64_t a_row,
                               int64_t a_column, const MM_T *b, int64_t b_row, int64_t b_column,
                               MM_T *c, int64_t c_row, bool accumulate) {
    return MM_NAME(wg_kernel_matmul_from)(m, n, k, a, a_row, a_column, b, b_row, b_column,
                                          accumulate ? c : NULL, c_row, c, c_row);
}

/* One product where the batch only prolongs m (B is shared) or k (the products are summed). */
static bool MM_NAME(merge)(MM_NAME(problem) * q, int64_t count, int64_t a_batch, int64_t b_batch,
                           int64_t c_batch) {
    if (count == 1) {
        return true;
    }
    if (b_batch == 0 && a_batch == q->m * q->a_row && c_batch == q->m * q->c_row) {
        q->m *= count;
        return true;
    }
    if (c_batch == 0 && q->start != NULL && a_batch == q->k * q->a_column &&
        b_batch == q->k * q->b_row) {
        q->k *= count;
        return true;
    }
    return false;
}

static MM_NAME(problem) MM_NAME(batch_item)(const MM_NAME(problem) * q, int64_t i, int64_t a_batch,
                                            int64_t b_batch, int64_t c_batch) {
    MM_NAME(problem) one = *q;
    one.a += i * a_batch;
    one.b += i * b_batch;
    one.c += i * c_batch;
    one.start = one.start != NULL ? one.c : NULL;
    return one;
}

typedef struct MM_NAME(batch_jobs) {
    const MM_NAME(problem) * q;
    int64_t a_batch, b_batch, c_batch;
    atomic_bool failed;
} MM_NAME(batch_jobs);

static void MM_NAME(batch_job)(void *context, int64_t i) {
    MM_NAME(batch_jobs) *jobs = context;
    if (!MM_NAME(solve)(
            MM_NAME(batch_item)(jobs->q, i, jobs->a_batch, jobs->b_batch, jobs->c_batch), 1)) {
        atomic_store(&jobs->failed, true);
    }
}

bool MM_NAME(wg_kernel_batch_matmul)(int64_t count, int64_t m, int64_t n, int64_t k, const MM_T *a,
                                     int64_t a_batch, int64_t a_row, int64_t a_column,
                                     const MM_T *b, int64_t b_batch, int64_t b_row,
                                     int64_t b_column, MM_T *c, int64_t c_batch, int64_t c_row,
                                     bool accumulate) {
    MM_NAME(problem)
    q = {MM_NAME(wg_matmul_parts_best)(),
         m,
         n,
         k,
         a,
         a_row,
         a_column,
         b,
         b_row,
         b_column,
         c,
         c_row,
         accumulate ? c : NULL,
         c_row};
    if (count <= 0 || m <= 0 || n <= 0) {
        return true;
    }
    if (MM_NAME(merge)(&q, count, a_batch, b_batch, c_batch)) {
        return MM_NAME(solve)(q, wg_matmul_threads(q.m, q.n, q.k));
    }
    const int threads = wg_matmul_threads(m * count, n, k);
    const bool over_batch = threads > 1 && count >= threads && c_batch != 0;
    const int inside = over_batch ? 1 : wg_matmul_threads(m, n, k);
    if (over_batch) {
        MM_NAME(batch_jobs) jobs = {&q, a_batch, b_batch, c_batch, false};
        wg_parallel(count, true, MM_NAME(batch_job), &jobs);
        return !atomic_load(&jobs.failed);
    }
    bool done = true;
    for (int64_t i = 0; i < count && done; i++) {
        done = MM_NAME(solve)(MM_NAME(batch_item)(&q, i, a_batch, b_batch, c_batch), inside);
    }
    return done;
}
