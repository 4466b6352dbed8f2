/* norm_batch.c: normalisation by channels over a batch. */
#include "kernel/norm_parts.h"

#include "base/parallel.h"

#include <string.h>

#define STATISTICS WG_NORM_STATISTICS
#define STRIP WG_NORM_STRIP

typedef struct batch_job {
    const wg_batch_norm *norm;
    const wg_norm_loops *loops;
    const void *x, *g, *w, *b;
    void *y;
    double *statistics, *spread;
    const wg_norm_places *to;
} batch_job;

static char *at(const batch_job *job, const void *base, int64_t element) {
    return (char *)base + element * (int64_t)wg_dtype_size(job->norm->dtype);
}

static double weight(const batch_job *job, const void *base, int64_t channel, double otherwise) {
    return wg_norm_element(job->norm->dtype, base, channel, otherwise);
}

/* From the sums of x - centre and of its square: what is kept of a channel. */
static void set_statistics(const batch_job *job, int64_t channel, double centre, double sum,
                           double square) {
    const double n = (double)(job->norm->batch * job->norm->inner);
    const double rest = sum / n, variance = square / n - rest * rest;
    double *s = job->statistics + channel * STATISTICS;
    s[0] = centre;
    s[1] = isnan(variance) ? variance : 1 / sqrt(fmax(variance, 0) + job->norm->eps);
    s[2] = -rest * s[1];
    if (job->spread != NULL) {
        job->spread[2 * channel] = centre + rest;
        job->spread[2 * channel + 1] = isnan(variance) ? variance : fmax(variance, 0);
    }
}

/* From the sums of g and of g (x - centre): the weights' gradients, and the factors of dx = g a +
 * (x - centre) b + c. */
static void set_factors(const batch_job *job, int64_t channel, double p, double q,
                        double *factors) {
    const wg_norm_places *to = job->to;
    const double *s = job->statistics + channel * STATISTICS;
    const double n = (double)(job->norm->batch * job->norm->inner);
    const double w = weight(job, job->w, channel, 1), along = s[1] * q + s[2] * p;
    if (to->dw != NULL) {
        wg_norm_put(job->norm->dtype, to->dw, channel, along, to->add_w);
    }
    if (to->db != NULL) {
        wg_norm_put(job->norm->dtype, to->db, channel, p, to->add_b);
    }
    factors[0] = s[1] * w;
    factors[1] = -s[1] * s[1] * w * along / n;
    factors[2] = -s[1] * w * (p + s[2] * along) / n;
}

/* ---- Channels that lie in pieces ------------------------------------------------------------ */

static int64_t piece_at(const wg_batch_norm *norm, int64_t channel, int64_t i) {
    return (i * norm->channels + channel) * norm->inner;
}

static void forward_channel(void *context, int64_t channel) {
    const batch_job *job = context;
    const wg_batch_norm *norm = job->norm;
    double sum = 0, square = 0, part[2];
    for (int64_t i = 0; i < norm->batch; i++) {
        sum += job->loops->sum(norm->inner, at(job, job->x, piece_at(norm, channel, i)));
    }
    const double centre = wg_norm_rounded(norm->dtype, sum / (double)(norm->batch * norm->inner));
    sum = 0;
    for (int64_t i = 0; i < norm->batch; i++) {
        job->loops->moments(norm->inner, at(job, job->x, piece_at(norm, channel, i)), centre, part);
        sum += part[0];
        square += part[1];
    }
    set_statistics(job, channel, centre, sum, square);
    const double *s = job->statistics + channel * STATISTICS;
    const double w = weight(job, job->w, channel, 1), b = weight(job, job->b, channel, 0);
    for (int64_t i = 0; i < norm->batch; i++) {
        const int64_t from = piece_at(norm, channel, i);
        job->loops->affine(norm->inner, at(job, job->x, from), s, NULL, NULL, w, b,
                           at(job, job->y, from));
    }
}

static bool is_silent(const batch_job *job, int64_t channel) {
    const wg_batch_norm *norm = job->norm;
    for (int64_t i = 0; i < norm->batch; i++) {
        const int64_t from = piece_at(norm, channel, i);
        for (int64_t k = from; k < from + norm->inner; k++) {
            if (weight(job, job->g, k, 0) != 0) {
                return false;
            }
        }
    }
    return true;
}

static void chain_channel(void *context, int64_t channel) {
    const batch_job *job = context;
    const wg_batch_norm *norm = job->norm;
    const double *s = job->statistics + channel * STATISTICS;
    double p = 0, q = 0, part[2], factors[3];
    for (int64_t i = 0; i < norm->batch; i++) {
        const int64_t from = piece_at(norm, channel, i);
        job->loops->pull(norm->inner, at(job, job->x, from), at(job, job->g, from), NULL, s[0],
                         part);
        p += part[0];
        q += part[1];
    }
    const bool nothing = !(isfinite(p) && isfinite(q) && isfinite(s[1])) && is_silent(job, channel);
    if (nothing) {
        p = q = 0;
    }
    set_factors(job, channel, p, q, factors);
    for (int64_t i = 0; i < norm->batch && job->to->dx != NULL; i++) {
        const int64_t from = piece_at(norm, channel, i);
        char *dx = at(job, job->to->dx, from);
        if (!nothing) {
            job->loops->push(norm->inner, at(job, job->x, from), at(job, job->g, from), NULL, s[0],
                             factors, dx, job->to->add_x);
        } else if (!job->to->add_x) {
            memset(dx, 0, (size_t)norm->inner * wg_dtype_size(norm->dtype));
        }
    }
}

/* ---- Channels side by side ------------------------------------------------------------------ */

static void forward_columns(void *context, int64_t strip) {
    const batch_job *job = context;
    const wg_batch_norm *norm = job->norm;
    const int64_t first = strip * STRIP, pitch = norm->channels;
    const int64_t w = pitch - first < STRIP ? pitch - first : STRIP;
    const void *x = at(job, job->x, first);
    double centre[STRIP] = {0}, sum[STRIP], square[STRIP], a[STRIP], b[STRIP], v[2][STRIP];
    job->loops->columns_moments(norm->batch, pitch, w, x, centre, sum, square);
    for (int64_t j = 0; j < w; j++) {
        centre[j] = wg_norm_rounded(norm->dtype, sum[j] / (double)norm->batch);
    }
    job->loops->columns_moments(norm->batch, pitch, w, x, centre, sum, square);
    for (int64_t j = 0; j < w; j++) {
        set_statistics(job, first + j, centre[j], sum[j], square[j]);
        a[j] = job->statistics[(first + j) * STATISTICS + 1];
        b[j] = job->statistics[(first + j) * STATISTICS + 2];
        v[0][j] = weight(job, job->w, first + j, 1);
        v[1][j] = weight(job, job->b, first + j, 0);
    }
    const double *const numbers[5] = {centre, a, b, v[0], v[1]};
    job->loops->columns_affine(norm->batch, pitch, w, x, numbers, at(job, job->y, first));
}

static void chain_columns(void *context, int64_t strip) {
    const batch_job *job = context;
    const wg_batch_norm *norm = job->norm;
    const int64_t first = strip * STRIP, pitch = norm->channels;
    const int64_t w = pitch - first < STRIP ? pitch - first : STRIP;
    double centre[STRIP], p[STRIP], q[STRIP], a[STRIP], b[STRIP], c[STRIP];
    for (int64_t j = 0; j < w; j++) {
        centre[j] = job->statistics[(first + j) * STATISTICS];
    }
    const void *x = at(job, job->x, first), *g = at(job, job->g, first);
    job->loops->columns_pull(norm->batch, pitch, w, x, g, centre, p, q);
    bool finite = true;
    for (int64_t j = 0; j < w; j++) {
        finite = finite && isfinite(q[j]) && isfinite(p[j]);
    }
    for (int64_t j = 0; j < w; j++) {
        double factors[3];
        if (!finite) { /* some may have to contribute nothing */
            chain_channel(context, first + j);
            continue;
        }
        set_factors(job, first + j, p[j], q[j], factors);
        a[j] = factors[0];
        b[j] = factors[1];
        c[j] = factors[2];
    }
    const double *const factors[4] = {centre, a, b, c};
    if (finite && job->to->dx != NULL) {
        job->loops->columns_push(norm->batch, pitch, w, x, g, factors, at(job, job->to->dx, first),
                                 job->to->add_x);
    }
}

/* ---- Both ----------------------------------------------------------------------------------- */

static void over_channels(batch_job *job, void (*channel)(void *, int64_t),
                          void (*columns)(void *, int64_t)) {
    const wg_batch_norm *norm = job->norm;
    const bool share = norm->batch * norm->channels * norm->inner >= WG_SHARE_MEMORY / 4;
    job->loops = wg_norm_loops_of(norm->dtype);
    if (norm->inner == 1) {
        wg_parallel((norm->channels + STRIP - 1) / STRIP, share, columns, job);
    } else {
        wg_parallel(norm->channels, share, channel, job);
    }
}

void wg_kernel_batch_norm(const wg_batch_norm *norm, const void *x, const void *w, const void *b,
                          void *y, double *statistics, double *spread) {
    batch_job job = {
        .norm = norm, .x = x, .w = w, .b = b, .y = y, .statistics = statistics, .spread = spread};
    over_channels(&job, forward_channel, forward_columns);
}

void wg_kernel_batch_norm_chain(const wg_batch_norm *norm, const void *x, const void *g,
                                const void *w, const double *statistics, const wg_norm_places *to) {
    batch_job job = {
        .norm = norm, .x = x, .g = g, .w = w, .statistics = (double *)statistics, .to = to};
    over_channels(&job, chain_channel, chain_columns);
}
