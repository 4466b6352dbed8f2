/* fill.c: what initializers fill a parameter with. */
#include "nn/init.h"

#include "kernel/elementwise.h"

#include <math.h>

static void put(const wg_view *view, int64_t i, double value) {
    if (view->dtype == WG_F32) {
        ((float *)view->data)[i] = (float)value;
    } else if (view->dtype == WG_F64) {
        ((double *)view->data)[i] = value;
    } else {
        ((int64_t *)view->data)[i] = (int64_t)value;
    }
}

static bool constant(const wg_fill *fill, double value) {
    for (int64_t i = 0; i < fill->count; i++) {
        put(fill->view, i, value);
    }
    return true;
}

static bool uniform(const wg_fill *fill, double low, double high) {
    const size_t count = (size_t)fill->count;
    if (fill->view->dtype == WG_F32) {
        wg_random_uniform_f32(fill->key, 0, count, (float)low, (float)high, fill->view->data);
    } else {
        wg_random_uniform(fill->key, 0, count, low, high, fill->view->data);
    }
    return true;
}

static bool normal(const wg_fill *fill, double mean, double deviation) {
    const size_t count = (size_t)fill->count;
    if (fill->view->dtype == WG_F32) {
        wg_random_normal_f32(fill->key, 0, count, (float)mean, (float)deviation, fill->view->data);
    } else {
        wg_random_normal(fill->key, 0, count, mean, deviation, fill->view->data);
    }
    return true;
}

bool wg_fill_default(const wg_fill *fill) {
    const double bound = 1 / sqrt(fill->fan_in);
    return fill->view->rank >= 2 ? uniform(fill, -bound, bound) : constant(fill, 0);
}

bool wg_fill_constant(const wg_fill *fill) {
    return constant(fill, fill->init.a);
}

bool wg_fill_uniform(const wg_fill *fill) {
    return uniform(fill, fill->init.a, fill->init.b);
}

bool wg_fill_normal(const wg_fill *fill) {
    return normal(fill, fill->init.a, fill->init.b);
}

bool wg_fill_glorot_uniform(const wg_fill *fill) {
    const double bound = fill->init.a * sqrt(6 / (fill->fan_in + fill->fan_out));
    return uniform(fill, -bound, bound);
}

bool wg_fill_glorot_normal(const wg_fill *fill) {
    return normal(fill, 0, fill->init.a * sqrt(2 / (fill->fan_in + fill->fan_out)));
}

static double fan_of(const wg_fill *fill) {
    return fill->init.b == WG_FAN_OUT ? fill->fan_out : fill->fan_in;
}

bool wg_fill_he_uniform(const wg_fill *fill) {
    const double bound = fill->init.a * sqrt(3 / fan_of(fill));
    return uniform(fill, -bound, bound);
}

bool wg_fill_he_normal(const wg_fill *fill) {
    return normal(fill, 0, fill->init.a / sqrt(fan_of(fill)));
}

/* erf of a bound, which the variable 2·(distribution function) - 1 is uniform between. */
static double erf_of(const wg_initializer *init, double bound) {
    return erf((bound - init->a) / (init->b * sqrt(2)));
}

/* x between 0 < low < high such that erfc(x) divides erfc(low) to erfc(high) at `share`. In the
 * tails, where erf is nearly 1 and its inverse has no digits left. */
static double tail(double low, double high, double share) {
    if (low > 26) { /* erfc is about 0; exp(−x²) falls like exp(−2·low·x) */
        return low - log1p(share * expm1(-2 * low * (high - low))) / (2 * low);
    }
    const double from = erfc(low), want = from + (erfc(high) - from) * share;
    high = fmin(high, 28);
    for (int i = 0; i < 60; i++) {
        const double middle = (low + high) / 2;
        *(erfc(middle) > want ? &low : &high) = middle;
    }
    return (low + high) / 2;
}

/* Truncated to one of the tails; `side` -1 for the left one. */
static bool fill_tail(const wg_fill *fill, double side) {
    const wg_initializer *init = &fill->init;
    const double scale = side * init->b * sqrt(2);
    const double near = ((side > 0 ? init->c : init->d) - init->a) / scale;
    const double far = ((side > 0 ? init->d : init->c) - init->a) / scale;
    for (int64_t i = 0; i < fill->count; i++) {
        double share;
        wg_random_uniform(fill->key, (uint64_t)i, 1, 0, 1, &share);
        const double value = init->a + scale * tail(near, far, share);
        put(fill->view, i, fmin(fmax(value, init->c), init->d));
    }
    return true;
}

bool wg_fill_truncated(const wg_fill *fill) {
    const wg_initializer *init = &fill->init;
    const double low = erf_of(init, init->c), high = erf_of(init, init->d);
    if (low > 0.999 || high < -0.999) {
        return fill_tail(fill, low > 0 ? 1 : -1);
    }
    double some[256];
    for (int64_t i = 0; i < fill->count; i++) {
        const int64_t at = i % (int64_t)WG_COUNT_OF(some);
        if (at == 0) {
            wg_random_uniform(fill->key, (uint64_t)i, WG_COUNT_OF(some), low, high, some);
        }
        const double value = init->a + init->b * sqrt(2) * wg_math_erfinv(some[at]);
        put(fill->view, i, fmin(fmax(value, init->c), init->d));
    }
    return true;
}

bool wg_fill_eye(const wg_fill *fill) {
    const int64_t columns = fill->view->shape[1];
    for (int64_t i = 0; i < fill->count; i++) {
        put(fill->view, i, i / columns == i % columns ? 1 : 0);
    }
    return true;
}

bool wg_fill_dirac(const wg_fill *fill) {
    const int64_t *shape = fill->view->shape;
    const int64_t outputs = shape[0] / (int64_t)fill->init.a; /* of a group */
    int64_t taps = 1, middle = 0;
    for (int i = 2; i < fill->view->rank; i++) {
        taps *= shape[i];
        middle = middle * shape[i] + shape[i] / 2;
    }
    for (int64_t i = 0; i < fill->count; i++) {
        const int64_t out = i / taps / shape[1], in = i / taps % shape[1];
        put(fill->view, i, out % outputs == in && i % taps == middle ? 1 : 0);
    }
    return true;
}

/* Selection sampling (Knuth, TAOCP 2, algorithm 3.4.2S): each set of rows is equally likely. */
bool wg_fill_sparse(const wg_fill *fill) {
    const int64_t rows = fill->view->shape[0], columns = fill->view->shape[1];
    const wg_key choice = wg_key_name(fill->key, "zeros");
    (void)normal(fill, 0, fill->init.b);
    for (int64_t c = 0; c < columns; c++) {
        int64_t zeros = (int64_t)ceil(fill->init.a * (double)rows);
        for (int64_t r = 0; r < rows && zeros > 0; r++) {
            const uint64_t at = (uint64_t)(c * rows + r);
            if (wg_random_below(choice, at, (uint64_t)(rows - r)) < (uint64_t)zeros) {
                put(fill->view, r * columns + c, 0);
                zeros--;
            }
        }
    }
    return true;
}
