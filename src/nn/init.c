/* init.c: initializers: what they are called, and what they may be asked. What they fill a
 * parameter with is in fill.c. */
#include "nn/init.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

wg_initializer wg_init_constant(double value) {
    return (wg_initializer){.kind = WG_INIT_CONSTANT, .a = value};
}

wg_initializer wg_init_uniform(double low, double high) {
    return (wg_initializer){.kind = WG_INIT_UNIFORM, .a = low, .b = high};
}

wg_initializer wg_init_normal(double mean, double deviation) {
    return (wg_initializer){.kind = WG_INIT_NORMAL, .a = mean, .b = deviation};
}

wg_initializer wg_init_truncated_normal(double mean, double deviation, double low, double high) {
    return (wg_initializer){WG_INIT_TRUNCATED_NORMAL, mean, deviation, low, high};
}

wg_initializer wg_init_glorot_uniform(double gain) {
    return (wg_initializer){.kind = WG_INIT_GLOROT_UNIFORM, .a = gain};
}

wg_initializer wg_init_glorot_normal(double gain) {
    return (wg_initializer){.kind = WG_INIT_GLOROT_NORMAL, .a = gain};
}

wg_initializer wg_init_kaiming_uniform(wg_fan fan, double gain) {
    return (wg_initializer){.kind = WG_INIT_HE_UNIFORM, .a = gain, .b = (double)fan};
}

wg_initializer wg_init_kaiming_normal(wg_fan fan, double gain) {
    return (wg_initializer){.kind = WG_INIT_HE_NORMAL, .a = gain, .b = (double)fan};
}

wg_initializer wg_init_he_uniform(double gain) {
    return wg_init_kaiming_uniform(WG_FAN_IN, gain);
}

wg_initializer wg_init_he_normal(double gain) {
    return wg_init_kaiming_normal(WG_FAN_IN, gain);
}

wg_initializer wg_init_orthogonal(double gain) {
    return (wg_initializer){.kind = WG_INIT_ORTHOGONAL, .a = gain};
}

wg_initializer wg_init_eye(void) {
    return (wg_initializer){.kind = WG_INIT_EYE};
}

wg_initializer wg_init_dirac(int64_t groups) {
    return (wg_initializer){.kind = WG_INIT_DIRAC, .a = (double)groups};
}

wg_initializer wg_init_sparse(double sparsity, double deviation) {
    return (wg_initializer){.kind = WG_INIT_SPARSE, .a = sparsity, .b = deviation};
}

double wg_gain(const char *nonlinearity, double slope) {
    const struct {
        const char *name;
        double gain;
    } all[] = {{"linear", 1},           {"identity", 1},
               {"conv1d", 1},           {"conv2d", 1},
               {"conv3d", 1},           {"conv_transpose1d", 1},
               {"conv_transpose2d", 1}, {"conv_transpose3d", 1},
               {"sigmoid", 1},          {"tanh", 5.0 / 3},
               {"relu", sqrt(2)},       {"leaky_relu", sqrt(2 / (1 + slope * slope))},
               {"selu", 0.75}};
    for (size_t i = 0; i < WG_COUNT_OF(all) && nonlinearity != NULL; i++) {
        if (strcmp(all[i].name, nonlinearity) == 0) {
            return all[i].gain;
        }
    }
    (void)wg_fail(WG_ERROR_ARGUMENT, "gain: there is no nonlinearity \"%s\"",
                  nonlinearity != NULL ? nonlinearity : "NULL");
    return (double)NAN;
}

/* ---- What they may be asked ------------------------------------------------------------------ */

static bool any(const wg_initializer *i, const int64_t *shape) {
    (void)i, (void)shape;
    return true;
}

static bool is_range(const wg_initializer *i, const int64_t *shape) {
    (void)shape;
    return isfinite(i->a) && isfinite(i->b) && i->a <= i->b;
}

static bool is_normal(const wg_initializer *i, const int64_t *shape) {
    (void)shape;
    return isfinite(i->a) && isfinite(i->b) && i->b >= 0;
}

static bool is_truncated(const wg_initializer *i, const int64_t *shape) {
    return is_normal(i, shape) && i->b > 0 && i->c < i->d;
}

static bool is_gain(const wg_initializer *i, const int64_t *shape) {
    (void)shape;
    return isfinite(i->a) && i->a >= 0 && (i->b == WG_FAN_IN || i->b == WG_FAN_OUT);
}

static bool is_groups(const wg_initializer *i, const int64_t *shape) {
    return i->a >= 1 && i->a <= (double)shape[0] && shape[0] % (int64_t)i->a == 0;
}

static bool is_sparse(const wg_initializer *i, const int64_t *shape) {
    (void)shape;
    return i->a >= 0 && i->a <= 1 && isfinite(i->b) && i->b >= 0;
}

const wg_init_row wg_init_rows[] = {
    [WG_INIT_DEFAULT] = {"default", 0, WG_MAX_RANK, any, wg_fill_default},
    [WG_INIT_CONSTANT] = {"constant", 0, WG_MAX_RANK, any, wg_fill_constant},
    [WG_INIT_UNIFORM] = {"uniform", 0, WG_MAX_RANK, is_range, wg_fill_uniform},
    [WG_INIT_NORMAL] = {"normal", 0, WG_MAX_RANK, is_normal, wg_fill_normal},
    [WG_INIT_GLOROT_UNIFORM] = {"glorot_uniform", 2, WG_MAX_RANK, is_gain, wg_fill_glorot_uniform},
    [WG_INIT_GLOROT_NORMAL] = {"glorot_normal", 2, WG_MAX_RANK, is_gain, wg_fill_glorot_normal},
    [WG_INIT_HE_UNIFORM] = {"he_uniform", 2, WG_MAX_RANK, is_gain, wg_fill_he_uniform},
    [WG_INIT_HE_NORMAL] = {"he_normal", 2, WG_MAX_RANK, is_gain, wg_fill_he_normal},
    [WG_INIT_ORTHOGONAL] = {"orthogonal", 2, WG_MAX_RANK, is_gain, wg_fill_orthogonal},
    [WG_INIT_TRUNCATED_NORMAL] = {"truncated_normal", 0, WG_MAX_RANK, is_truncated,
                                  wg_fill_truncated},
    [WG_INIT_EYE] = {"eye", 2, 2, any, wg_fill_eye},
    [WG_INIT_DIRAC] = {"dirac", 3, 5, is_groups, wg_fill_dirac},
    [WG_INIT_SPARSE] = {"sparse", 2, 2, is_sparse, wg_fill_sparse},
};

bool wg_init_allowed(wg_tape *tape, const char *name, int rank, const int64_t *shape,
                     wg_initializer initializer) {
    const size_t kind = (size_t)initializer.kind;
    if (kind >= WG_COUNT_OF(wg_init_rows)) {
        wg_tape_fail(tape, WG_ERROR_ARGUMENT, "parameter", NULL, "%s: there is no initializer %d",
                     name, (int)initializer.kind);
        return false;
    }
    const wg_init_row *row = &wg_init_rows[kind];
    char text[192], most[32] = "";
    if (rank < row->least || rank > row->most) {
        if (row->most < WG_MAX_RANK) {
            (void)snprintf(most, sizeof most, " and at most %d", row->most);
        }
        wg_tape_fail(tape, WG_ERROR_ARGUMENT, "parameter", NULL,
                     "%s: the initializer %s needs %d axes or more%s, the shape is %s", name,
                     row->name, row->least, most, wg_shape_text(rank, shape, text, sizeof text));
        return false;
    }
    if (!row->allows(&initializer, shape)) {
        wg_tape_fail(tape, WG_ERROR_ARGUMENT, "parameter", NULL,
                     "%s: the initializer %s has an argument out of range: %g, %g, %g, %g; the "
                     "shape is %s",
                     name, row->name, initializer.a, initializer.b, initializer.c, initializer.d,
                     wg_shape_text(rank, shape, text, sizeof text));
        return false;
    }
    return true;
}

bool wg_init_fill(wg_tape *tape, const char *name, wg_key key, const wg_view *view,
                  wg_initializer initializer) {
    wg_fill fill = {.key = key,
                    .view = view,
                    .count = wg_view_count(view),
                    .fan_in = 1,
                    .fan_out = 1,
                    .init = initializer};
    if (fill.count == 0) {
        return true;
    }
    if (view->rank >= 2) {
        fill.fan_in = (double)(fill.count / view->shape[0]);
        fill.fan_out = (double)(fill.count / view->shape[1]);
    }
    if (!wg_init_rows[initializer.kind].fill(&fill)) {
        wg_tape_fail(tape, WG_ERROR_MEMORY, "parameter", NULL, "%s: no memory to make it %s", name,
                     wg_init_rows[initializer.kind].name);
        return false;
    }
    return true;
}
