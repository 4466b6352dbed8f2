/* schedule.c: learning rates as functions of the step. */
#include "wengert/schedule.h"

#include <math.h>

#define PI 3.14159265358979323846

static bool is_rate(double lr) {
    return lr > 0 && isfinite(lr);
}

/* `value`, or where that is 0 the default. */
static double or_default(double value, double usual) {
    return value == 0 ? usual : value;
}

static double least_of(uint64_t a, uint64_t b) {
    return (double)(a < b ? a : b);
}

double wg_schedule_constant(wg_constant_schedule o, uint64_t step) {
    if (!is_rate(o.lr) || !(o.factor >= 0 && o.factor <= 1)) {
        return NAN;
    }
    return step < o.steps ? o.lr * o.factor : o.lr;
}

double wg_schedule_linear(wg_linear_schedule o, uint64_t step) {
    if (!is_rate(o.lr) || !(o.start >= 0) || !(o.end >= 0) || o.steps == 0) {
        return NAN;
    }
    return o.lr * (o.start + (o.end - o.start) * least_of(step, o.steps) / (double)o.steps);
}

double wg_schedule_step(wg_step_schedule o, uint64_t step) {
    const double gamma = or_default(o.gamma, 0.1);
    if (!is_rate(o.lr) || !(gamma > 0) || o.every == 0) {
        return NAN;
    }
    return o.lr * pow(gamma, (double)(step / o.every));
}

double wg_schedule_multistep(wg_multistep_schedule o, uint64_t step) {
    const double gamma = or_default(o.gamma, 0.1);
    if (!is_rate(o.lr) || !(gamma > 0) || o.count < 0 || (o.count > 0 && o.milestones == NULL)) {
        return NAN;
    }
    int64_t passed = 0;
    for (int64_t i = 0; i < o.count; i++) {
        passed += o.milestones[i] <= step;
    }
    return o.lr * pow(gamma, (double)passed);
}

double wg_schedule_exponential(wg_exponential_schedule o, uint64_t step) {
    return is_rate(o.lr) && o.gamma > 0 ? o.lr * pow(o.gamma, (double)step) : NAN;
}

double wg_schedule_polynomial(wg_polynomial_schedule o, uint64_t step) {
    const double power = or_default(o.power, 1);
    if (!is_rate(o.lr) || !(power > 0) || o.steps == 0) {
        return NAN;
    }
    return o.lr * pow(1 - least_of(step, o.steps) / (double)o.steps, power);
}

double wg_schedule_cosine(wg_cosine_schedule o, uint64_t step) {
    if (!is_rate(o.lr) || !(o.least >= 0) || o.steps == 0) {
        return NAN;
    }
    uint64_t period = o.steps;
    if (o.restart && o.growth <= 1) {
        step %= period;
    }
    /* A longer period than half of all numbers is the last. */
    while (o.restart && o.growth > 1 && step >= period) {
        step -= period;
        period = period <= UINT64_MAX / 2 / o.growth ? period * o.growth : UINT64_MAX;
    }
    if (!o.restart && period <= UINT64_MAX / 2) {
        step %= 2 * period; /* of huge numbers an f64 has no last digits */
    }
    const double height = (1 + cos(PI * (double)step / (double)period)) / 2;
    return o.least + (o.lr - o.least) * height;
}

/* ---- One cycle ------------------------------------------------------------------------------- */

static double between(bool linear, double from, double to, double share) {
    return linear ? from + (to - from) * share : to + (from - to) / 2 * (cos(PI * share) + 1);
}

/* What goes low, high, low and then to `end`. NaN where an option is out of range. */
static double one_cycle(const wg_one_cycle_schedule *o, uint64_t step, double low, double high,
                        double end) {
    const double rise = or_default(o->rise, 0.3), steps = (double)o->steps;
    if (o->steps == 0 || !(rise > 0 && rise <= 1)) {
        return NAN;
    }
    const double ends[3] = {rise * steps - 1, o->three_phases ? 2 * rise * steps - 2 : steps - 1,
                            steps - 1};
    const double values[4] = {low, high, o->three_phases ? low : end, end};
    const double now = least_of(step, o->steps - 1);
    const int last = o->three_phases ? 2 : 1;
    int phase = 0;
    while (phase < last && now > ends[phase]) {
        phase++;
    }
    const double start = phase > 0 ? ends[phase - 1] : 0, length = ends[phase] - start;
    return between(o->linear, values[phase], values[phase + 1],
                   length > 0 ? (now - start) / length : 1);
}

double wg_schedule_one_cycle(wg_one_cycle_schedule o, uint64_t step) {
    const double divisor = or_default(o.divisor, 25);
    const double final_divisor = or_default(o.final_divisor, 1e4);
    if (!is_rate(o.lr) || !(divisor > 0) || !(final_divisor > 0)) {
        return NAN;
    }
    const double low = o.lr / divisor;
    return one_cycle(&o, step, low, o.lr, low / final_divisor);
}

double wg_schedule_one_cycle_momentum(wg_one_cycle_schedule o, uint64_t step) {
    const double least = or_default(o.least_momentum, 0.85);
    const double most = or_default(o.momentum, 0.95);
    if (!(least >= 0 && least < 1) || !(most >= 0 && most < 1)) {
        return NAN;
    }
    return one_cycle(&o, step, most, least, most);
}

/* ---- Warm-up --------------------------------------------------------------------------------- */

double wg_schedule_warm_up(wg_warm_up w, uint64_t step, double lr) {
    if (!(w.start >= 0 && w.start <= 1)) {
        return NAN;
    }
    return step < w.steps ? lr * (w.start + (1 - w.start) * (double)step / (double)w.steps) : lr;
}

uint64_t wg_schedule_after(uint64_t step, uint64_t start) {
    return step > start ? step - start : 0;
}

/* ---- Reduce on plateau ----------------------------------------------------------------------- */

wg_plateau wg_plateau_defaults(bool greater) {
    return (wg_plateau){.greater = greater,
                        .factor = 0.1,
                        .patience = 10,
                        .threshold = 1e-4,
                        .epsilon = 1e-8,
                        .best = greater ? -INFINITY : INFINITY};
}

static bool is_better(const wg_plateau *p, double measure) {
    const double sign = p->greater ? 1 : -1;
    const double margin = p->absolute ? p->threshold * sign : 0;
    const double scale = p->absolute ? 1 : 1 + sign * p->threshold;
    const double mark = isinf(p->best) ? p->best : p->best * scale + margin;
    return p->greater ? measure > mark : measure < mark;
}

double wg_plateau_next(wg_plateau *p, double measure, double lr) {
    if (p == NULL || !(p->factor > 0 && p->factor < 1) || p->patience < 0 || !(p->threshold >= 0) ||
        p->cooldown < 0 || !(p->least >= 0) || !(p->epsilon >= 0)) {
        return NAN;
    }
    if (is_better(p, measure)) {
        p->best = measure;
        p->bad = 0;
    } else {
        p->bad++;
    }
    if (p->rest > 0) {
        p->rest--;
        p->bad = 0;
    }
    if (p->bad <= p->patience) {
        return lr;
    }
    p->rest = p->cooldown;
    p->bad = 0;
    const double lower = fmax(lr * p->factor, p->least);
    return lr - lower > p->epsilon ? lower : lr;
}
