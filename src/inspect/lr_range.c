/* lr_range.c: the learning-rate range test. */
#include "wengert/lr_range.h"

#include "base/number.h"
#include "optim/optimizer.h"
#include "wengert/plot.h"

#include <math.h>
#include <string.h>

/* ---- What is put back ------------------------------------------------------------------------ */

/* Values of all parameters and buffers, one behind the other, and the optimizer's state. */
typedef struct snapshot {
    wg_param **params; /* in the store's order */
    int64_t count;
    char *values;
    wg_state state[2];
    double lr;
    uint64_t steps;
} snapshot;

static size_t bytes_of(const wg_param *param) {
    return (size_t)param->count * wg_dtype_size(param->value.dtype);
}

static void free_snapshot(const wg_optimizer *optimizer, snapshot *s) {
    for (int d = 0; d < 2; d++) {
        for (int i = 0; i < optimizer->slots && s->state[d].slot != NULL; i++) {
            wg_free(s->state[d].slot[i]);
        }
        wg_free(s->state[d].slot);
        wg_free(s->state[d].members);
    }
    wg_free(s->params);
    wg_free(s->values);
}

/* Copies of members and slots; false where memory ran out. */
static bool copy_state(const wg_optimizer *optimizer, int dtype, wg_state *copy) {
    const wg_state *state = &optimizer->state[dtype];
    const size_t bytes =
        (size_t)optimizer->store->flat[dtype].count * wg_dtype_size((wg_dtype)dtype);
    copy->slot = wg_calloc((size_t)optimizer->slots, sizeof *copy->slot);
    copy->members = wg_calloc((size_t)state->count + 1, sizeof *copy->members);
    if (copy->slot == NULL || copy->members == NULL) {
        return false;
    }
    copy->count = state->count;
    for (int64_t i = 0; i < state->count; i++) {
        copy->members[i] = state->members[i];
    }
    for (int i = 0; i < optimizer->slots && state->slot != NULL; i++) {
        if (state->slot[i] == NULL) {
            continue;
        }
        copy->slot[i] = wg_alloc(bytes + 1);
        if (copy->slot[i] == NULL) {
            return false;
        }
        memcpy(copy->slot[i], state->slot[i], bytes);
    }
    return true;
}

static wg_status take(const wg_optimizer *optimizer, snapshot *s) {
    const wg_store *store = optimizer->store;
    size_t bytes = 0;
    for (int64_t i = 0; i < store->count; i++) {
        bytes += bytes_of(store->sorted[i]);
    }
    *s = (snapshot){.count = store->count, .lr = optimizer->lr, .steps = optimizer->steps};
    s->params = wg_calloc((size_t)store->count, sizeof *s->params);
    s->values = wg_alloc(bytes + 1);
    if (s->params == NULL || s->values == NULL || !copy_state(optimizer, 0, &s->state[0]) ||
        !copy_state(optimizer, 1, &s->state[1])) {
        free_snapshot(optimizer, s);
        return wg_fail(WG_ERROR_MEMORY, "lr_range_test: no memory to keep %lld parameters",
                       (long long)store->count);
    }
    for (int64_t i = 0, at = 0; i < store->count; i++) {
        s->params[i] = store->sorted[i];
        memcpy(s->values + at, s->params[i]->value.data, bytes_of(s->params[i]));
        at += (int64_t)bytes_of(s->params[i]);
    }
    return WG_OK;
}

/* The members of before are a part of those now, in the same order. */
static void put_back_state(wg_optimizer *optimizer, int dtype, const wg_state *copy) {
    wg_state *state = &optimizer->state[dtype];
    const size_t size = wg_dtype_size((wg_dtype)dtype);
    for (int64_t i = 0, known = 0; i < state->count && known < copy->count; i++) {
        wg_member *now = &state->members[i];
        const wg_member *before = &copy->members[known];
        if (now->param != before->param) {
            continue;
        }
        known++;
        const size_t from = (size_t)before->offset * size, to = (size_t)now->offset * size;
        const int64_t offset = now->offset;
        *now = *before;
        now->offset = offset;
        for (int k = 0; k < optimizer->slots; k++) {
            if (state->slot[k] != NULL && copy->slot[k] != NULL) {
                memcpy((char *)state->slot[k] + to, (const char *)copy->slot[k] + from,
                       bytes_of(now->param));
            }
        }
    }
}

static void put_back(wg_optimizer *optimizer, const snapshot *s) {
    size_t at = 0;
    for (int64_t i = 0; i < s->count; i++) {
        memcpy(s->params[i]->value.data, s->values + at, bytes_of(s->params[i]));
        at += bytes_of(s->params[i]);
    }
    put_back_state(optimizer, 0, &s->state[0]);
    put_back_state(optimizer, 1, &s->state[1]);
    optimizer->lr = s->lr;
    optimizer->steps = s->steps;
    wg_zero_gradients(optimizer->store);
}

/* ---- The test -------------------------------------------------------------------------------- */

typedef struct curve {
    double *lr, *loss, *smooth;
    int count, reach;
} curve;

static wg_status check_options(wg_lr_range_options *o) {
    o->low = o->low == 0 ? 1e-7 : o->low;
    o->high = o->high == 0 ? 10 : o->high;
    o->steps = o->steps == 0 ? 100 : o->steps;
    o->blow_up = o->blow_up == 0 ? 1 : o->blow_up;
    if (!(o->low > 0 && o->low < o->high) || !isfinite(o->high)) {
        return wg_fail(WG_ERROR_ARGUMENT, "lr_range_test: rates from %g to %g", o->low, o->high);
    }
    if (!wg_option_fits("lr_range_test", "steps", o->steps, 2, 1e8) ||
        !wg_option_fits("lr_range_test", "blow_up", o->blow_up, 0, INFINITY)) {
        return WG_ERROR_ARGUMENT;
    }
    return WG_OK;
}

/* What a file brought and no network has asked for is not known as parameter or buffer: the
 * optimizer would learn of it in the middle. */
static wg_status check_store(const wg_store *store) {
    if (store->count == 0) {
        return wg_fail(WG_ERROR_STATE, "lr_range_test: the store is empty: run the network once "
                                       "before the test");
    }
    for (int64_t i = 0; i < store->count; i++) {
        if (store->sorted[i]->loaded) {
            return wg_fail(WG_ERROR_STATE,
                           "lr_range_test: %s comes from a file and has not been used: run the "
                           "network once before the test",
                           store->sorted[i]->named.text);
        }
    }
    return WG_OK;
}

/* Steps until the loss blows up or the rates are used up. */
static wg_status climb(wg_optimizer *optimizer, wg_train_step step, void *context,
                       const wg_lr_range_options *o, curve *c) {
    const int64_t parameters = optimizer->store->count;
    double mean = 0, weight = 0, least = INFINITY;
    for (int i = 0; i < o->steps; i++) {
        double loss = NAN;
        c->lr[i] = o->low * pow(o->high / o->low, (double)i / (o->steps - 1));
        optimizer->lr = c->lr[i];
        const wg_status status = step(context, &loss);
        if (status != WG_OK) {
            return status;
        }
        if (optimizer->store->count != parameters) {
            return wg_fail(WG_ERROR_STATE, "lr_range_test: the step made parameters: run the "
                                           "network once before the test");
        }
        c->count = i + 1;
        c->loss[i] = loss;
        mean = 0.8 * mean + 0.2 * loss;
        weight = 0.8 * weight + 0.2;
        least = fmin(least, mean / weight);
        if (!isfinite(loss) || mean / weight - least > o->blow_up * fabs(c->loss[0])) {
            break;
        }
    }
    return WG_OK;
}

/* Means over the neighbours within reach; what is not finite ends the curve. */
static void smooth(curve *c) {
    while (c->count > 0 && !isfinite(c->loss[c->count - 1])) {
        c->count--;
    }
    c->reach = c->count / 10 > 1 ? c->count / 10 : 1;
    for (int i = 0; i < c->count; i++) {
        const int first = i > c->reach ? i - c->reach : 0;
        const int last = i + c->reach < c->count ? i + c->reach : c->count - 1;
        double sum = 0;
        for (int k = first; k <= last; k++) {
            sum += c->loss[k];
        }
        c->smooth[i] = sum / (last - first + 1);
    }
}

/* The least-squares slope around point i, but for a factor. */
static double slope(const curve *c, int i) {
    double sum = 0;
    for (int k = -c->reach; k <= c->reach; k++) {
        sum += k * c->loss[i + k];
    }
    return sum;
}

static void choose(const curve *c, wg_lr_range *out) {
    double steepest = 0, least = INFINITY;
    for (int i = 0; i < c->count; i++) {
        if (c->smooth[i] < least) {
            least = c->smooth[i];
            out->lowest = c->lr[i];
        }
    }
    for (int i = c->reach; i < c->count - c->reach && c->lr[i] <= out->lowest; i++) {
        if (slope(c, i) < steepest) {
            steepest = slope(c, i);
            out->suggested = c->lr[i];
        }
    }
}

/* The curve, cut off at the top: what blows up would leave no room for the rest. */
static wg_status draw(const curve *c, const wg_lr_range *found, double blow_up, const char *path) {
    wg_plot *plot;
    double top = INFINITY;
    for (int i = 0; i < c->count; i++) {
        top = fmin(top, c->loss[i] + 1.1 * blow_up * fabs(c->loss[0]));
    }
    char title[96], rate[32];
    (void)snprintf(title, sizeof title, "learning-rate range test: suggested %s",
                   wg_number_general(rate, sizeof rate, 3, found->suggested));
    wg_status status = wg_plot_new((wg_plot_options){.title = title,
                                                     .x_label = "log10 of the learning rate",
                                                     .y_label = "loss"},
                                   &plot);
    for (int i = 0; i < c->count && status == WG_OK; i++) {
        status = wg_plot_point(plot, "loss", log10(c->lr[i]), fmin(c->loss[i], top));
    }
    for (int i = 0; i < c->count && status == WG_OK; i++) {
        status = wg_plot_point(plot, "smoothed", log10(c->lr[i]), fmin(c->smooth[i], top));
    }
    status = status == WG_OK ? wg_plot_write(plot, path) : status;
    wg_plot_free(plot);
    return status;
}

static wg_status test(wg_optimizer *optimizer, wg_train_step step, void *context,
                      const wg_lr_range_options *o, wg_lr_range *out) {
    const size_t steps = (size_t)o->steps;
    curve c = {.lr = wg_calloc(3 * steps, sizeof(double))};
    snapshot before;
    if (c.lr == NULL) {
        return wg_fail(WG_ERROR_MEMORY, "lr_range_test: no memory for %d losses", o->steps);
    }
    c.loss = c.lr + steps;
    c.smooth = c.loss + steps;
    wg_status status = take(optimizer, &before);
    if (status == WG_OK) {
        status = climb(optimizer, step, context, o, &c);
        put_back(optimizer, &before);
        free_snapshot(optimizer, &before);
    }
    if (status == WG_OK) {
        *out = (wg_lr_range){NAN, NAN, c.lr[c.count - 1], c.count};
        smooth(&c);
        choose(&c, out);
        status = o->plot != NULL ? draw(&c, out, o->blow_up, o->plot) : WG_OK;
    }
    wg_free(c.lr);
    return status;
}

wg_status wg_lr_range_test(wg_optimizer *optimizer, wg_train_step step, void *context,
                           wg_lr_range_options options, wg_lr_range *out) {
    *out = (wg_lr_range){NAN, NAN, NAN, 0};
    if (optimizer == NULL) {
        return WG_ERROR_ARGUMENT; /* wg_last_message still says why there is none */
    }
    if (step == NULL) {
        return wg_fail(WG_ERROR_ARGUMENT, "lr_range_test: the step is NULL");
    }
    if (optimizer->lbfgs != NULL) {
        return wg_fail(WG_ERROR_STATE, "lr_range_test: lbfgs searches for its steps itself");
    }
    wg_status status = check_store(optimizer->store);
    status = status == WG_OK ? check_options(&options) : status;
    status = status == WG_OK ? wg_optimizer_ready(optimizer, "lr_range_test") : status;
    return status == WG_OK ? test(optimizer, step, context, &options, out) : status;
}
