/* line_search.c: see line_search.h. */
#include "optim/line_search.h"

#include <math.h>
#include <stdbool.h>

#define MOST_TURNS 25
static const double armijo = 1e-4, curvature = 0.9;

typedef struct search {
    wg_along along;
    void *context;
    const wg_trial *start;
    int64_t *evaluations;
    int turns;
} search;

/* The least point of the cubic through two points and their slopes, within [low, high]; the middle
 * where there is none. */
static double cubic(const wg_trial *a, const wg_trial *b, double low, double high) {
    const double d1 = a->slope + b->slope - 3 * (a->loss - b->loss) / (a->t - b->t);
    const double square = d1 * d1 - a->slope * b->slope;
    if (square >= 0) {
        const wg_trial *left = a->t <= b->t ? a : b, *right = a->t <= b->t ? b : a;
        const double d2 = sqrt(square);
        const double t = right->t - (right->t - left->t) * ((right->slope + d2 - d1) /
                                                            (right->slope - left->slope + 2 * d2));
        if (isfinite(t)) {
            return fmin(fmax(t, low), high);
        }
    }
    return (low + high) / 2;
}

/* A buffer that neither of the points uses. */
static int free_buffer(const wg_trial *a, const wg_trial *b) {
    int buffer = 0;
    while (buffer == a->gradient || buffer == b->gradient) {
        buffer++;
    }
    return buffer;
}

static wg_status evaluate(search *s, double t, int buffer, wg_trial *out) {
    *out = (wg_trial){.t = t, .gradient = buffer};
    ++*s->evaluations;
    const wg_status status = s->along(s->context, out);
    if (!isfinite(out->loss) || !isfinite(out->slope)) {
        out->loss = INFINITY;
        out->slope = 0;
    }
    return status;
}

/* Not low enough for a step of that length. */
static bool too_high(const search *s, const wg_trial *p) {
    return p->loss > s->start->loss + armijo * p->t * s->start->slope || isinf(p->loss);
}

static bool is_flat(const search *s, const wg_trial *p) {
    return fabs(p->slope) <= -curvature * s->start->slope;
}

/* Goes further until the minimum lies between two points. *done: the second meets the conditions
 * already. */
static wg_status bracket(search *s, double t, wg_trial ends[2], bool *done) {
    wg_trial before = *s->start, now;
    *done = false;
    wg_status status = evaluate(s, t, 0, &now);
    while (status == WG_OK && s->turns < MOST_TURNS) {
        if (too_high(s, &now) || (s->turns > 1 && now.loss >= before.loss)) {
            break;
        }
        *done = is_flat(s, &now);
        if (*done || now.slope >= 0) {
            break;
        }
        const double next = cubic(&before, &now, now.t + 0.01 * (now.t - before.t), now.t * 10);
        before = now;
        status = evaluate(s, next, free_buffer(&before, s->start), &now);
        s->turns++;
    }
    ends[0] = s->turns == MOST_TURNS ? *s->start : before;
    ends[1] = now;
    return status;
}

/* The next trial between the ends, kept away from them where the search makes no progress. */
static double trial(const wg_trial ends[2], bool *stuck) {
    const double low = fmin(ends[0].t, ends[1].t), high = fmax(ends[0].t, ends[1].t);
    const double edge = 0.1 * (high - low);
    double t = cubic(&ends[0], &ends[1], low, high);
    if (fmin(high - t, t - low) >= edge) {
        *stuck = false;
    } else if (*stuck || t >= high || t <= low) {
        t = fabs(t - high) < fabs(t - low) ? high - edge : low + edge;
        *stuck = false;
    } else {
        *stuck = true;
    }
    return t;
}

wg_status wg_line_search(wg_along along, void *context, const wg_trial *start, double t,
                         double size, double tolerance, wg_trial *out, int64_t *evaluations) {
    search s = {along, context, start, evaluations, 0};
    wg_trial ends[2];
    bool done, stuck = false;
    wg_status status = bracket(&s, t, ends, &done);
    int low = ends[0].loss <= ends[1].loss && !done ? 0 : 1;
    while (status == WG_OK && !done && s.turns < MOST_TURNS &&
           fabs(ends[1].t - ends[0].t) * size >= tolerance) {
        wg_trial now;
        const double next = trial(ends, &stuck);
        status = evaluate(&s, next, free_buffer(&ends[0], &ends[1]), &now);
        s.turns++;
        const int high = 1 - low;
        if (too_high(&s, &now) || now.loss >= ends[low].loss) {
            ends[high] = now;
            low = ends[0].loss <= ends[1].loss ? 0 : 1;
            continue;
        }
        done = is_flat(&s, &now);
        if (!done && now.slope * (ends[high].t - ends[low].t) >= 0) {
            ends[high] = ends[low];
        }
        ends[low] = now;
    }
    *out = ends[low];
    return status;
}
