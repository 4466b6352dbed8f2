/* init.c: initializers: what they are called, and what they fill a parameter with. */
#include "nn/store.h"

#include <math.h>

wg_initializer wg_init_constant(double value) {
    return (wg_initializer){WG_INIT_CONSTANT, value, 0};
}

wg_initializer wg_init_uniform(double low, double high) {
    return (wg_initializer){WG_INIT_UNIFORM, low, high};
}

wg_initializer wg_init_normal(double mean, double deviation) {
    return (wg_initializer){WG_INIT_NORMAL, mean, deviation};
}

wg_initializer wg_init_glorot_uniform(double gain) {
    return (wg_initializer){WG_INIT_GLOROT_UNIFORM, gain, 0};
}

wg_initializer wg_init_glorot_normal(double gain) {
    return (wg_initializer){WG_INIT_GLOROT_NORMAL, gain, 0};
}

wg_initializer wg_init_he_uniform(double gain) {
    return (wg_initializer){WG_INIT_HE_UNIFORM, gain, 0};
}

wg_initializer wg_init_he_normal(double gain) {
    return (wg_initializer){WG_INIT_HE_NORMAL, gain, 0};
}

wg_initializer wg_init_orthogonal(double gain) {
    return (wg_initializer){WG_INIT_ORTHOGONAL, gain, 0};
}

static const char *const kind_names[] = {"default",    "constant",       "uniform",
                                         "normal",     "glorot_uniform", "glorot_normal",
                                         "he_uniform", "he_normal",      "orthogonal"};

bool wg_init_allowed(wg_tape *tape, const char *name, int rank, const int64_t *shape,
                     wg_initializer initializer) {
    const wg_initializer_kind kind = initializer.kind;
    const double a = initializer.a, b = initializer.b;
    if ((size_t)kind >= WG_COUNT_OF(kind_names)) {
        wg_tape_fail(tape, WG_ERROR_ARGUMENT, "parameter", NULL, "%s: there is no initializer %d",
                     name, (int)kind);
        return false;
    }
    if (kind >= WG_INIT_GLOROT_UNIFORM && rank < 2) {
        char text[192];
        wg_tape_fail(tape, WG_ERROR_ARGUMENT, "parameter", NULL,
                     "%s: the initializer %s needs 2 axes or more, the shape is %s", name,
                     kind_names[kind], wg_shape_text(rank, shape, text, sizeof text));
        return false;
    }
    const bool fits = kind == WG_INIT_UNIFORM          ? isfinite(a) && isfinite(b) && a <= b
                      : kind == WG_INIT_NORMAL         ? isfinite(a) && isfinite(b) && b >= 0
                      : kind >= WG_INIT_GLOROT_UNIFORM ? isfinite(a) && a >= 0
                                                       : true;
    if (!fits) {
        wg_tape_fail(tape, WG_ERROR_ARGUMENT, "parameter", NULL,
                     "%s: the initializer %s has an argument out of range: %g, %g", name,
                     kind_names[kind], a, b);
    }
    return fits;
}

static void fill_constant(const wg_view *view, int64_t count, double value) {
    for (int64_t i = 0; i < count; i++) {
        if (view->dtype == WG_F32) {
            ((float *)view->data)[i] = (float)value;
        } else if (view->dtype == WG_F64) {
            ((double *)view->data)[i] = value;
        } else {
            ((int64_t *)view->data)[i] = (int64_t)value;
        }
    }
}

static void fill_uniform(wg_key key, const wg_view *view, int64_t count, double low, double high) {
    if (view->dtype == WG_F32) {
        wg_random_uniform_f32(key, 0, (size_t)count, (float)low, (float)high, view->data);
    } else {
        wg_random_uniform(key, 0, (size_t)count, low, high, view->data);
    }
}

static void fill_normal(wg_key key, const wg_view *view, int64_t count, double mean,
                        double deviation) {
    if (view->dtype == WG_F32) {
        wg_random_normal_f32(key, 0, (size_t)count, (float)mean, (float)deviation, view->data);
    } else {
        wg_random_normal(key, 0, (size_t)count, mean, deviation, view->data);
    }
}

bool wg_init_fill(wg_tape *tape, const char *name, wg_key key, const wg_view *view,
                  wg_initializer initializer) {
    const int64_t count = wg_view_count(view);
    const double a = initializer.a, b = initializer.b;
    if (count == 0) {
        return true;
    }
    double fan_in = 1, fan_out = 1;
    if (view->rank >= 2) {
        fan_in = (double)(count / view->shape[0]);
        fan_out = (double)(count / view->shape[1]);
    }
    const double fans = fan_in + fan_out;
    double bound = 0, deviation = 0;
    switch (initializer.kind) {
    case WG_INIT_DEFAULT:
        bound = view->rank >= 2 ? 1 / sqrt(fan_in) : 0;
        break;
    case WG_INIT_CONSTANT:
        fill_constant(view, count, a);
        return true;
    case WG_INIT_UNIFORM:
        fill_uniform(key, view, count, a, b);
        return true;
    case WG_INIT_NORMAL:
        fill_normal(key, view, count, a, b);
        return true;
    case WG_INIT_GLOROT_UNIFORM:
        bound = a * sqrt(6 / fans);
        break;
    case WG_INIT_GLOROT_NORMAL:
        deviation = a * sqrt(2 / fans);
        break;
    case WG_INIT_HE_UNIFORM:
        bound = a * sqrt(3 / fan_in);
        break;
    case WG_INIT_HE_NORMAL:
        deviation = a / sqrt(fan_in);
        break;
    case WG_INIT_ORTHOGONAL:
        if (!wg_init_fill_orthogonal(key, view, a)) {
            wg_tape_fail(tape, WG_ERROR_MEMORY, "parameter", NULL,
                         "%s: no memory to make an orthogonal matrix", name);
            return false;
        }
        return true;
    }
    if (deviation > 0) {
        fill_normal(key, view, count, 0, deviation);
    } else {
        fill_uniform(key, view, count, -bound, bound);
    }
    return true;
}
