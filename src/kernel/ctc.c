#include "kernel/ctc.h"

#include "base/parallel.h"
#include "kernel/gather.h"

#include <math.h>
#include <string.h>

static double element(const wg_ctc_case *c, int64_t t, int64_t n, int64_t label) {
    const int64_t at = (t * c->batch + n) * c->classes + label;
    return c->dtype == WG_F32 ? (double)((const float *)c->x)[at] : ((const double *)c->x)[at];
}

int64_t wg_ctc_label(const wg_ctc_case *c, int64_t n, int64_t s) {
    return s % 2 == 0 ? c->blank : wg_index_at(c->targets, n * c->longest + s / 2);
}

/* Whether a path may go from state s - 2 to s: over a blank between two different labels. */
static bool may_skip(const wg_ctc_case *c, int64_t n, int64_t s) {
    return s >= 2 && s % 2 == 1 && wg_ctc_label(c, n, s) != wg_ctc_label(c, n, s - 2);
}

static double log_add(double a, double b) {
    const double most = a > b ? a : b, least = a > b ? b : a;
    return least == -(double)INFINITY ? most : most + log1p(exp(least - most));
}

typedef struct batch {
    const wg_ctc_case *c;
    double *alpha, *losses, *beta;
    const void *g;
    int64_t g_step;
    void *to;
} batch;

/* alpha[t, s] = log of the probability of all paths that are in state s at t. */
static void forward_one(void *context, int64_t n) {
    const batch *b = context;
    const wg_ctc_case *c = b->c;
    const int64_t states = wg_ctc_states(c), frames = wg_index_at(c->input_lengths, n);
    const int64_t used = 2 * wg_index_at(c->target_lengths, n) + 1;
    double *const alpha = b->alpha + n * c->frames * states;
    for (int64_t t = 0; t < frames; t++) {
        const double *before = alpha + (t - 1) * states;
        double *now = alpha + t * states;
        for (int64_t s = 0; s < used; s++) {
            double sum = t == 0 && s < 2 ? 0 : -(double)INFINITY;
            if (t > 0) {
                sum = before[s];
                sum = s > 0 ? log_add(sum, before[s - 1]) : sum;
                sum = may_skip(c, n, s) ? log_add(sum, before[s - 2]) : sum;
            }
            now[s] = sum + element(c, t, n, wg_ctc_label(c, n, s));
        }
    }
    double all = used == 1 ? 0 : -(double)INFINITY; /* no frames read as the empty target */
    if (frames > 0) {
        const double *last = alpha + (frames - 1) * states;
        all = used == 1 ? last[0] : log_add(last[used - 1], last[used - 2]);
    }
    b->losses[n] = c->zero_infinity && all == -(double)INFINITY ? 0 : -all;
}

void wg_kernel_ctc(const wg_ctc_case *c, double *alpha, double *losses) {
    batch b = {.c = c, .alpha = alpha, .losses = losses};
    wg_parallel(c->batch, c->batch * c->frames * wg_ctc_states(c) >= WG_SHARE_COMPUTE / 8,
                forward_one, &b);
}

static void subtract(const wg_ctc_case *c, void *to, int64_t t, int64_t n, int64_t label,
                     double value) {
    const int64_t at = (t * c->batch + n) * c->classes + label;
    if (c->dtype == WG_F32) {
        ((float *)to)[at] -= (float)value;
    } else {
        ((double *)to)[at] -= value;
    }
}

/* beta[s] = log of the probability of the rest of all paths that are in state s at t, without t's
 * own frame; `later` is that of t + 1. */
static void beta_step(const wg_ctc_case *c, int64_t n, int64_t t, int64_t used, const double *later,
                      double *now) {
    for (int64_t s = 0; s < used; s++) {
        double sum = later[s] + element(c, t + 1, n, wg_ctc_label(c, n, s));
        for (int64_t next = s + 1; next <= s + 2 && next < used; next++) {
            if (next == s + 1 || may_skip(c, n, next)) {
                sum = log_add(sum, later[next] + element(c, t + 1, n, wg_ctc_label(c, n, next)));
            }
        }
        now[s] = sum;
    }
}

static void backward_one(void *context, int64_t n) {
    const batch *b = context;
    const wg_ctc_case *c = b->c;
    const int64_t states = wg_ctc_states(c), frames = wg_index_at(c->input_lengths, n);
    const int64_t used = 2 * wg_index_at(c->target_lengths, n) + 1;
    const double g = c->dtype == WG_F32 ? (double)((const float *)b->g)[n * b->g_step]
                                        : ((const double *)b->g)[n * b->g_step];
    const double *const alpha = b->alpha + n * c->frames * states;
    double *row[2] = {b->beta + 2 * n * states, b->beta + (2 * n + 1) * states};
    const double *last = alpha + (frames - 1) * states;
    if (frames == 0 || g == 0) {
        return;
    }
    const double all = used == 1 ? last[0] : log_add(last[used - 1], last[used - 2]);
    if (c->zero_infinity && all == -(double)INFINITY) {
        return;
    }
    for (int64_t t = frames - 1; t >= 0; t--) {
        double *now = row[t % 2];
        if (t == frames - 1) {
            for (int64_t s = 0; s < used; s++) {
                now[s] = s + 2 >= used ? 0 : -(double)INFINITY;
            }
        } else {
            beta_step(c, n, t, used, row[(t + 1) % 2], now);
        }
        for (int64_t s = 0; s < used; s++) {
            const double share = exp(alpha[t * states + s] + now[s] - all);
            subtract(c, b->to, t, n, wg_ctc_label(c, n, s), g * share);
        }
    }
}

void wg_kernel_ctc_chain(const wg_ctc_case *c, const double *alpha, const void *g, int64_t g_step,
                         double *beta, void *to) {
    batch b = {.c = c, .alpha = (double *)alpha, .beta = beta, .g = g, .g_step = g_step, .to = to};
    memset(to, 0, (size_t)(c->frames * c->batch * c->classes) * wg_dtype_size(c->dtype));
    wg_parallel(c->batch, c->batch * c->frames * wg_ctc_states(c) >= WG_SHARE_COMPUTE / 8,
                backward_one, &b);
}
