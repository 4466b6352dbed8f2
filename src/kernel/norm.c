/* norm.c: normalisation by rows. */
#include "kernel/norm_parts.h"

#include "base/parallel.h"

#include <string.h>

#define STATISTICS WG_NORM_STATISTICS
#define ROUND_ELEMENTS 16384 /* of a job, about */
#define MOST_BLOCKS 64       /* in which the gradients of weights are summed */
#define LEAST_ROWS 16        /* of a block */
#define FLUSHED_ROWS 64      /* summed in the type itself before double takes over */

static const char *at(const wg_norm *norm, const void *base, int64_t element) {
    return (const char *)base + element * (int64_t)wg_dtype_size(norm->dtype);
}

static bool is_silent(wg_dtype dtype, int64_t n, const void *g) {
    for (int64_t i = 0; i < n; i++) {
        if (wg_norm_element(dtype, g, i, 0) != 0) {
            return false;
        }
    }
    return true;
}

static int64_t blocks_of(int64_t rows, int64_t rows_a_block) {
    return (rows + rows_a_block - 1) / rows_a_block;
}

typedef struct rows_job {
    const wg_norm *norm;
    const wg_norm_loops *loops;
    const void *x, *g, *w, *b;
    void *y;
    double *statistics;
    const wg_norm_places *to;
    int64_t n, rows_a_block;
    char *scratch;
} rows_job;

static rows_job job_of(const wg_norm *norm, const void *x, const void *w) {
    rows_job job = {.norm = norm,
                    .loops = wg_norm_loops_of(norm->dtype),
                    .x = x,
                    .w = w,
                    .n = norm->channels * norm->inner};
    return job;
}

/* One weight a position, the same for every row. */
static bool by_position(const wg_norm *norm) {
    return norm->inner == 1 && norm->groups == 1;
}

/* ---- Forward ------------------------------------------------------------------------------- */

static void statistics_of(const rows_job *job, const void *x, double *to) {
    const wg_norm *norm = job->norm;
    const double n = (double)job->n;
    double sums[2];
    to[0] = norm->centred ? wg_norm_rounded(norm->dtype, job->loops->sum(job->n, x) / n) : 0;
    job->loops->moments(job->n, x, to[0], sums);
    const double rest = norm->centred ? sums[0] / n : 0;
    to[1] = 1 / sqrt(fmax(sums[1] / n - rest * rest, 0) + norm->eps);
    to[2] = -rest * to[1];
    to[1] = isnan(sums[1]) ? sums[1] : to[1]; /* which fmax has swallowed */
}

static void forward_row(const rows_job *job, int64_t row) {
    const wg_norm *norm = job->norm;
    const void *x = at(norm, job->x, row * job->n);
    char *y = (char *)at(norm, job->y, row * job->n);
    double own[STATISTICS];
    double *s = job->statistics != NULL ? job->statistics + row * STATISTICS : own;
    statistics_of(job, x, s);
    if (by_position(norm) || job->w == NULL) {
        job->loops->affine(job->n, x, s, job->w, job->b, 1, 0, y);
        return;
    }
    const int64_t first = row % norm->groups * norm->channels;
    for (int64_t k = 0; k < norm->channels; k++) {
        const double w = wg_norm_element(norm->dtype, job->w, first + k, 1);
        const double b = wg_norm_element(norm->dtype, job->b, first + k, 0);
        const int64_t from = k * norm->inner;
        job->loops->affine(norm->inner, at(norm, x, from), s, NULL, NULL, w, b,
                           (char *)at(norm, y, from));
    }
}

static void forward_block(void *context, int64_t block) {
    const rows_job *job = context;
    const int64_t first = block * job->rows_a_block;
    for (int64_t i = first; i < first + job->rows_a_block && i < job->norm->rows; i++) {
        forward_row(job, i);
    }
}

void wg_kernel_norm(const wg_norm *norm, const void *x, const void *w, const void *b, void *y,
                    double *statistics) {
    rows_job job = job_of(norm, x, w);
    if (job.n == 0) {
        if (statistics != NULL) {
            memset(statistics, 0, (size_t)norm->rows * STATISTICS * sizeof *statistics);
        }
        return;
    }
    job.b = b;
    job.y = y;
    job.statistics = statistics;
    job.rows_a_block = 1 + ROUND_ELEMENTS / job.n;
    wg_parallel(blocks_of(norm->rows, job.rows_a_block), norm->rows * job.n >= WG_SHARE_MEMORY / 4,
                forward_block, &job);
}

/* ---- Backward: what a row has from the sums of g w and of g w (x - centre) ------------------ */

static void factors_of(const wg_norm *norm, double n, const double *s, const double *sums,
                       double *factors) {
    const double mean = norm->centred ? sums[0] / n : 0;
    const double slope = (s[1] * sums[1] + s[2] * sums[0]) / n; /* the mean of g w xhat */
    factors[0] = s[1];
    factors[1] = -s[1] * s[1] * slope;
    factors[2] = -s[1] * (mean + s[2] * slope);
}

/* True where the sums are not finite because the row is not, though nothing depends on it. */
static bool contributes_nothing(const rows_job *job, const double *sums, const double *s,
                                const void *g) {
    return !(isfinite(sums[0]) && isfinite(sums[1]) && isfinite(s[1])) &&
           is_silent(job->norm->dtype, job->n, g);
}

static void no_gradient(const rows_job *job, void *dx) {
    if (!job->to->add_x) {
        memset(dx, 0, (size_t)job->n * wg_dtype_size(job->norm->dtype));
    }
}

/* ---- Backward with a weight a position ------------------------------------------------------ */

static int64_t chain_rows(const wg_norm *norm) {
    const int64_t shared = (norm->rows + MOST_BLOCKS - 1) / MOST_BLOCKS;
    const int64_t least = shared > LEAST_ROWS ? shared : LEAST_ROWS;
    return (least + 3) / 4 * 4;
}

/* dx of one row; false where the row contributes nothing. */
static bool push_row(const rows_job *job, int64_t row) {
    const wg_norm *norm = job->norm;
    const int64_t from = row * job->n;
    const double *s = job->statistics + row * STATISTICS;
    const void *x = at(norm, job->x, from), *g = at(norm, job->g, from);
    char *dx = job->to->dx != NULL ? (char *)at(norm, job->to->dx, from) : NULL;
    double sums[2], factors[3];
    job->loops->pull(job->n, x, g, job->w, s[0], sums);
    if (contributes_nothing(job, sums, s, g)) {
        if (dx != NULL) {
            no_gradient(job, dx);
        }
        return false;
    }
    if (dx != NULL) {
        factors_of(norm, (double)job->n, s, sums, factors);
        job->loops->push(job->n, x, g, job->w, s[0], factors, dx, job->to->add_x);
    }
    return true;
}

/* Rows [row, row + count), at most four: dx, and what they add to the weights' gradients. */
static void chain_rows_of(const rows_job *job, int64_t row, int64_t count, char *dw, char *db) {
    bool live[4], all = count == 4;
    for (int64_t i = 0; i < count; i++) {
        live[i] = push_row(job, row + i);
        all = all && live[i];
    }
    const wg_norm *norm = job->norm;
    if (dw == NULL) {
        return;
    }
    if (all) {
        job->loops->weigh(job->n, at(norm, job->x, row * job->n), at(norm, job->g, row * job->n),
                          job->statistics + row * STATISTICS, dw, db);
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        if (live[i]) {
            const int64_t from = (row + i) * job->n;
            job->loops->weigh_one(job->n, at(norm, job->x, from), at(norm, job->g, from),
                                  job->statistics + (row + i) * STATISTICS, dw, db);
        }
    }
}

/* The doubles of a block's sums, and behind all of them its sums in the type itself. */
static double *block_sums(const rows_job *job, int64_t block) {
    return (double *)(void *)job->scratch + block * 2 * job->n;
}

static void chain_block(void *context, int64_t block) {
    const rows_job *job = context;
    const wg_norm *norm = job->norm;
    const int64_t first = block * job->rows_a_block;
    const int64_t end =
        first + job->rows_a_block < norm->rows ? first + job->rows_a_block : norm->rows;
    const bool weighs = job->to->dw != NULL || job->to->db != NULL;
    double *sums = block_sums(job, block);
    char *dw = NULL, *db = NULL;
    if (weighs) {
        const size_t bytes = 2 * (size_t)job->n * wg_dtype_size(norm->dtype);
        dw = (char *)block_sums(job, blocks_of(norm->rows, job->rows_a_block)) +
             (size_t)block * bytes;
        db = dw + bytes / 2;
        memset(sums, 0, 2 * (size_t)job->n * sizeof *sums);
        memset(dw, 0, bytes);
    }
    for (int64_t i = first; i < end; i += 4) {
        chain_rows_of(job, i, end - i < 4 ? end - i : 4, dw, db);
        if (weighs && ((i - first + 4) % FLUSHED_ROWS == 0 || i + 4 >= end)) {
            job->loops->flush(job->n, dw, sums);
            job->loops->flush(job->n, db, sums + job->n);
        }
    }
}

/* The blocks' sums of a stretch of positions, one block behind the other. */
static void gather_positions(void *context, int64_t stretch) {
    const rows_job *job = context;
    const wg_norm_places *to = job->to;
    const int64_t blocks = blocks_of(job->norm->rows, job->rows_a_block);
    double total[2 * WG_NORM_STRIP] = {0};
    const int64_t first = stretch * WG_NORM_STRIP;
    const int64_t w = job->n - first < WG_NORM_STRIP ? job->n - first : WG_NORM_STRIP;
    for (int64_t block = 0; block < blocks; block++) {
        const double *sums = block_sums(job, block) + first;
        for (int64_t j = 0; j < w; j++) {
            total[j] += sums[j];
            total[WG_NORM_STRIP + j] += sums[job->n + j];
        }
    }
    for (int64_t j = 0; j < w; j++) {
        if (to->dw != NULL) {
            wg_norm_put(job->norm->dtype, to->dw, first + j, total[j], to->add_w);
        }
        if (to->db != NULL) {
            wg_norm_put(job->norm->dtype, to->db, first + j, total[WG_NORM_STRIP + j], to->add_b);
        }
    }
}

/* ---- Backward with a weight a channel ------------------------------------------------------- */

/* dx of one row, and of each of its channels the sums of g xhat and of g. */
static void chain_channels(void *context, int64_t row) {
    const rows_job *job = context;
    const wg_norm *norm = job->norm;
    const int64_t from = row * job->n, first = row % norm->groups * norm->channels;
    const double *s = job->statistics + row * STATISTICS;
    const char *x = at(norm, job->x, from), *g = at(norm, job->g, from);
    double *own = (double *)(void *)job->scratch + row * norm->channels * 2;
    char *dx = job->to->dx != NULL ? (char *)at(norm, job->to->dx, from) : NULL;
    double sums[2] = {0, 0}, factors[3];
    for (int64_t k = 0; k < norm->channels; k++) {
        const double w = wg_norm_element(norm->dtype, job->w, first + k, 1);
        double part[2];
        job->loops->pull(norm->inner, at(norm, x, k * norm->inner), at(norm, g, k * norm->inner),
                         NULL, s[0], part);
        sums[0] += w * part[0];
        sums[1] += w * part[1];
        own[2 * k] = s[1] * part[1] + s[2] * part[0];
        own[2 * k + 1] = part[0];
    }
    if (contributes_nothing(job, sums, s, g)) {
        memset(own, 0, (size_t)norm->channels * 2 * sizeof *own);
        if (dx != NULL) {
            no_gradient(job, dx);
        }
        return;
    }
    factors_of(norm, (double)job->n, s, sums, factors);
    for (int64_t k = 0; k < norm->channels && dx != NULL; k++) {
        const int64_t i = k * norm->inner;
        factors[0] = s[1] * wg_norm_element(norm->dtype, job->w, first + k, 1);
        job->loops->push(norm->inner, at(norm, x, i), at(norm, g, i), NULL, s[0], factors,
                         (char *)at(norm, dx, i), job->to->add_x);
    }
}

/* The rows' sums of all channels, in the order of the rows. */
static void gather_channels(const rows_job *job) {
    const wg_norm *norm = job->norm;
    const wg_norm_places *to = job->to;
    const double *all = (const double *)(const void *)job->scratch;
    const int64_t count = norm->groups * norm->channels;
    for (int64_t c = 0; c < count && (to->dw != NULL || to->db != NULL); c++) {
        double dw = 0, db = 0;
        for (int64_t i = c; i < norm->rows * norm->channels; i += count) {
            dw += all[2 * i];
            db += all[2 * i + 1];
        }
        if (to->dw != NULL) {
            wg_norm_put(norm->dtype, to->dw, c, dw, to->add_w);
        }
        if (to->db != NULL) {
            wg_norm_put(norm->dtype, to->db, c, db, to->add_b);
        }
    }
}

size_t wg_kernel_norm_scratch(const wg_norm *norm) {
    const int64_t n = norm->channels * norm->inner;
    if (!by_position(norm)) {
        return (size_t)(norm->rows * norm->channels) * 2 * sizeof(double);
    }
    return (size_t)(blocks_of(norm->rows, chain_rows(norm)) * n) * 2 *
           (sizeof(double) + wg_dtype_size(norm->dtype));
}

void wg_kernel_norm_chain(const wg_norm *norm, const void *x, const void *g, const void *w,
                          const double *statistics, const wg_norm_places *to, void *scratch) {
    rows_job job = job_of(norm, x, w);
    job.g = g;
    job.statistics = (double *)statistics;
    job.to = to;
    job.scratch = scratch;
    job.rows_a_block = chain_rows(norm);
    const bool share = norm->rows * job.n >= WG_SHARE_MEMORY / 4;
    if (!by_position(norm)) {
        wg_parallel(norm->rows, share, chain_channels, &job);
        gather_channels(&job);
        return;
    }
    wg_parallel(blocks_of(norm->rows, job.rows_a_block), share, chain_block, &job);
    if (to->dw != NULL || to->db != NULL) {
        wg_parallel(blocks_of(job.n, WG_NORM_STRIP), share && job.n >= 4096, gather_positions,
                    &job);
    }
}
