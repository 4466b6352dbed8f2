/* lbfgs.c: limited-memory BFGS over the flat buffers. */
#include "optim/line_search.h"
#include "optim/optimizer.h"
#include "optim/vector.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    START,    /* the parameters before the step */
    FROM,     /* … and before the line search */
    GRADIENT, /* three of these */
    WORK = GRADIENT + 3
};

struct wg_lbfgs_state {
    wg_vector work[WORK];
    int64_t members; /* parameters at the last step; -1: as a file has it */
    bool known;      /* `ro` is in line with the history */
    double *ro, *alpha;
    char (*name)[24];
    const char **names;
};

/* The slots: direction, gradient before, and then pairs. PyTorch's old_dirs are differences of
 * gradients, old_stps of parameters. */
enum {
    DIRECTION,
    BEFORE,
    PAIRS
};
enum {
    T,
    H_DIAG,
    N_ITER,
    FUNC_EVALS,
    HISTORY_FIRST,
    HISTORY_COUNT
};
const char *const wg_lbfgs_scalar_name[WG_OWN_SCALARS] = {
    "t", "H_diag", "n_iter", "func_evals", "history_first", "history_count"};

/* ---- Life ------------------------------------------------------------------------------------ */

static void free_work(wg_lbfgs_state *lbfgs) {
    for (int i = 0; i < WORK; i++) {
        wg_free(lbfgs->work[i].part[0]);
        wg_free(lbfgs->work[i].part[1]);
        lbfgs->work[i] = (wg_vector){.part = {NULL, NULL}};
    }
}

void wg_lbfgs_free(wg_lbfgs_state *lbfgs) {
    if (lbfgs != NULL) {
        free_work(lbfgs);
        wg_free(lbfgs->ro);
        wg_free(lbfgs->alpha);
        wg_free(lbfgs->name);
        wg_free((void *)lbfgs->names);
        wg_free(lbfgs);
    }
}

static wg_lbfgs_state *new_lbfgs(int history) {
    wg_lbfgs_state *lbfgs = wg_calloc(1, sizeof *lbfgs);
    if (lbfgs == NULL) {
        return NULL;
    }
    const size_t slots = PAIRS + 2 * (size_t)history;
    lbfgs->ro = wg_calloc((size_t)history, sizeof *lbfgs->ro);
    lbfgs->alpha = wg_calloc((size_t)history, sizeof *lbfgs->alpha);
    lbfgs->name = wg_calloc(slots, sizeof *lbfgs->name);
    lbfgs->names = wg_calloc(slots, sizeof *lbfgs->names);
    if (lbfgs->ro == NULL || lbfgs->alpha == NULL || lbfgs->name == NULL || lbfgs->names == NULL) {
        wg_lbfgs_free(lbfgs);
        return NULL;
    }
    lbfgs->names[DIRECTION] = "d";
    lbfgs->names[BEFORE] = "prev_flat_grad";
    for (int i = 0; i < 2 * history; i++) {
        char *name = lbfgs->name[PAIRS + i];
        (void)snprintf(name, sizeof lbfgs->name[0], "%s.%d", i % 2 == 0 ? "old_dirs" : "old_stps",
                       i / 2);
        lbfgs->names[PAIRS + i] = name;
    }
    return lbfgs;
}

/* Its steps are wg_lbfgs_step's. */
static const wg_rule rule = {.name = "lbfgs"};

wg_optimizer *wg_lbfgs(wg_store *store, wg_lbfgs_options o) {
    o.lr = o.lr == 0 ? 1 : o.lr;
    o.iterations = o.iterations == 0 ? 20 : o.iterations;
    const int most = o.iterations < INT_MAX / 2 ? o.iterations : INT_MAX / 2; /* refused below */
    o.evaluations = o.evaluations == 0 ? most + most / 4 : o.evaluations;
    o.history = o.history == 0 ? 100 : o.history;
    o.gradient_tolerance = o.gradient_tolerance == 0 ? 1e-7 : o.gradient_tolerance;
    o.change_tolerance = o.change_tolerance == 0 ? 1e-9 : o.change_tolerance;
    if (!WG_OPTIONS_FIT("lbfgs", o.lr, {"iterations", o.iterations, 1, 1e9 + 1},
                        {"evaluations", o.evaluations, 1, 2e9}, {"history", o.history, 1, 10001},
                        {"gradient_tolerance", o.gradient_tolerance, 0, INFINITY},
                        {"change_tolerance", o.change_tolerance, 0, INFINITY})) {
        return NULL;
    }
    wg_optimizer *optimizer = wg_optimizer_new(&rule, store, o.lr, 0);
    if (optimizer == NULL) {
        return NULL;
    }
    optimizer->lbfgs = new_lbfgs(o.history);
    if (optimizer->lbfgs == NULL) {
        wg_optimizer_free(optimizer);
        (void)wg_fail(WG_ERROR_MEMORY, "lbfgs: no memory for the optimizer");
        return NULL;
    }
    optimizer->options.lbfgs = o;
    optimizer->slots = PAIRS + 2 * o.history;
    optimizer->used = PAIRS;
    optimizer->slot_name = optimizer->lbfgs->names;
    return optimizer;
}

bool wg_lbfgs_scalar_fits(const wg_optimizer *optimizer, int64_t i, double value) {
    const double history = optimizer->options.lbfgs.history;
    switch (i) {
    case HISTORY_FIRST:
        return value >= 0 && value < history && value == floor(value);
    case HISTORY_COUNT:
        return value >= 0 && value <= history && value == floor(value);
    case N_ITER:
    case FUNC_EVALS:
        return value >= 0 && value <= 0x1p53 && value == floor(value);
    default:
        return isfinite(value);
    }
}

void wg_lbfgs_restored(wg_optimizer *optimizer) {
    /* A history that does not begin at the first pair is full. */
    const bool full = optimizer->scalar[HISTORY_FIRST] > 0;
    optimizer->used = PAIRS + 2 * (full ? optimizer->options.lbfgs.history
                                        : (int)optimizer->scalar[HISTORY_COUNT]);
    optimizer->lbfgs->members = -1;
    optimizer->lbfgs->known = false;
}

/* ---- Vectors --------------------------------------------------------------------------------- */

static wg_vector slot_of(const wg_optimizer *o, int slot) {
    const wg_state *state = o->state;
    return wg_vector_of(o->store, state[0].slot != NULL ? state[0].slot[slot] : NULL,
                        state[1].slot != NULL ? state[1].slot[slot] : NULL);
}

static wg_vector weights_of(const wg_optimizer *o) {
    const wg_flat *flat = o->store->flat;
    return wg_vector_of(o->store, flat[0].storage != NULL ? wg_storage_data(flat[0].storage) : NULL,
                        flat[1].storage != NULL ? wg_storage_data(flat[1].storage) : NULL);
}

static wg_vector gradients_of(const wg_optimizer *o) {
    return wg_vector_of(o->store, o->store->flat[0].gradient, o->store->flat[1].gradient);
}

/* Work vectors beside the flat buffers as they are now. */
static wg_status make_room(const wg_optimizer *o) {
    wg_lbfgs_state *lbfgs = o->lbfgs;
    const wg_vector *last = &lbfgs->work[WORK - 1];
    const wg_flat *flat = o->store->flat;
    if (last->part[1] != NULL && last->count[0] == flat[0].count &&
        last->count[1] == flat[1].count) {
        return WG_OK;
    }
    free_work(lbfgs);
    for (int i = 0; i < WORK; i++) {
        lbfgs->work[i] = wg_vector_of(o->store, NULL, NULL);
        for (int d = 0; d < 2; d++) {
            /* A line more: a part may be empty. */
            const size_t bytes = (size_t)flat[d].count * wg_dtype_size((wg_dtype)d);
            lbfgs->work[i].part[d] = wg_alloc(bytes + WG_PARAM_ALIGNMENT);
            if (lbfgs->work[i].part[d] == NULL) {
                free_work(lbfgs);
                return wg_fail(WG_ERROR_MEMORY, "lbfgs_step: no memory for vectors of %lld bytes",
                               (long long)bytes);
            }
        }
    }
    return WG_OK;
}

/* ---- History --------------------------------------------------------------------------------- */

static void forget(wg_optimizer *o) {
    o->scalar[HISTORY_FIRST] = o->scalar[HISTORY_COUNT] = o->scalar[N_ITER] = 0;
    o->lbfgs->known = true;
}

/* The slot of the differences of gradients of pair i, the oldest being 0; the next slot has the
 * step. */
static int pair_of(const wg_optimizer *o, int i) {
    return PAIRS + 2 * (((int)o->scalar[HISTORY_FIRST] + i) % o->options.lbfgs.history);
}

static double *ro_of(const wg_optimizer *o, int i) {
    return &o->lbfgs->ro[(pair_of(o, i) - PAIRS) / 2];
}

/* Begins anew where parameters came or were frozen since the last step. */
static void look_around(wg_optimizer *o) {
    bool changed = false;
    int64_t members = 0;
    for (int d = 0; d < 2; d++) {
        for (int64_t i = 0; i < o->state[d].count; i++) {
            wg_member *member = &o->state[d].members[i];
            changed = changed || member->plain != member->param->frozen;
            member->plain = member->param->frozen; /* which means nothing else here */
            members++;
        }
    }
    if (o->lbfgs->members >= 0 && (changed || members != o->lbfgs->members)) {
        forget(o);
    }
    o->lbfgs->members = members;
    for (int i = 0; !o->lbfgs->known && i < (int)o->scalar[HISTORY_COUNT]; i++) {
        const int pair = pair_of(o, i);
        *ro_of(o, i) = 1 / wg_vector_dot(slot_of(o, pair), slot_of(o, pair + 1));
    }
    o->lbfgs->known = true;
}

/* Adds the pair of the last iteration, where the curvature along it is positive. */
static wg_status remember(wg_optimizer *o, wg_vector gradient, wg_vector y, wg_vector s) {
    const int history = o->options.lbfgs.history;
    int count = (int)o->scalar[HISTORY_COUNT];
    wg_vector_copy(gradient, y);
    wg_vector_add(-1, slot_of(o, BEFORE), y);
    wg_vector_copy(slot_of(o, DIRECTION), s);
    wg_vector_scale(o->scalar[T], s);
    const double ys = wg_vector_dot(y, s);
    if (!(ys > 1e-10)) {
        return WG_OK;
    }
    if (count == history) {
        o->scalar[HISTORY_FIRST] = ((int)o->scalar[HISTORY_FIRST] + 1) % history;
        count--;
    } else if (pair_of(o, count) + 2 > o->used) {
        const wg_status status = wg_state_grow(o, pair_of(o, count) + 2, "lbfgs_step");
        if (status != WG_OK) {
            return status;
        }
    }
    const int pair = pair_of(o, count);
    wg_vector_copy(y, slot_of(o, pair));
    wg_vector_copy(s, slot_of(o, pair + 1));
    *ro_of(o, count) = 1 / ys;
    o->scalar[HISTORY_COUNT] = count + 1;
    o->scalar[H_DIAG] = ys / wg_vector_dot(y, y);
    return WG_OK;
}

/* d = −H·g by the two loops over the pairs (Nocedal and Wright, algorithm 7.4). */
static void find_direction(const wg_optimizer *o, wg_vector gradient, wg_vector d) {
    const int count = (int)o->scalar[HISTORY_COUNT];
    double *alpha = o->lbfgs->alpha;
    wg_vector_copy(gradient, d);
    wg_vector_scale(-1, d);
    for (int i = count - 1; i >= 0; i--) {
        const int pair = pair_of(o, i);
        alpha[i] = wg_vector_dot(slot_of(o, pair + 1), d) * *ro_of(o, i);
        wg_vector_add(-alpha[i], slot_of(o, pair), d);
    }
    wg_vector_scale(o->scalar[H_DIAG], d);
    for (int i = 0; i < count; i++) {
        const int pair = pair_of(o, i);
        const double beta = wg_vector_dot(slot_of(o, pair), d) * *ro_of(o, i);
        wg_vector_add(alpha[i] - beta, slot_of(o, pair + 1), d);
    }
}

/* ---- The step -------------------------------------------------------------------------------- */

typedef struct run {
    wg_optimizer *optimizer;
    wg_closure closure;
    void *context;
    int64_t evaluations;
} run;

/* The loss where the parameters are; the gradients are in the flat buffers then. */
static wg_status evaluate(run *r, double *loss) {
    wg_store *store = r->optimizer->store;
    wg_zero_gradients(store);
    *loss = NAN;
    return r->closure(r->context, loss);
}

/* The parameters become x + t·d. */
static void go(const wg_optimizer *o, double t) {
    wg_vector_copy(o->lbfgs->work[FROM], weights_of(o));
    wg_vector_add(t, slot_of(o, DIRECTION), weights_of(o));
}

/* Whether the vectors still lie beside the flat buffers. A parameter that a file brought joins them
 * when a network first asks for it, so that to count parameters would not do. */
static bool fits_still(const wg_optimizer *o) {
    for (int d = 0; d < 2; d++) {
        const wg_flat *flat = &o->store->flat[d];
        if (flat->stale || flat->generation != o->state[d].generation) {
            return false;
        }
    }
    return true;
}

static wg_status evaluate_into(run *r, wg_vector gradient, double *loss) {
    wg_store *store = r->optimizer->store;
    const wg_status status = evaluate(r, loss);
    if (status != WG_OK) {
        return status;
    }
    if (!fits_still(r->optimizer)) {
        return wg_fail(WG_ERROR_STATE, "lbfgs_step: the closure made parameters during the step");
    }
    wg_store_settle(store);
    wg_vector_copy(gradients_of(r->optimizer), gradient);
    return WG_OK;
}

static wg_status along(void *context, wg_trial *point) {
    run *r = context;
    const wg_optimizer *o = r->optimizer;
    const wg_vector gradient = o->lbfgs->work[GRADIENT + point->gradient];
    go(o, point->t);
    const wg_status status = evaluate_into(r, gradient, &point->loss);
    if (status == WG_OK) {
        point->slope = wg_vector_dot(gradient, slot_of(o, DIRECTION));
    }
    return status;
}

static wg_vector gradient_of(const wg_optimizer *o, const wg_trial *point) {
    return point->gradient < 0 ? slot_of(o, BEFORE) : o->lbfgs->work[GRADIENT + point->gradient];
}

/* The next direction from the gradient at *at. */
static wg_status direct(run *r, const wg_trial *at) {
    wg_optimizer *o = r->optimizer;
    const wg_vector gradient = gradient_of(o, at);
    if (++o->scalar[N_ITER] == 1) {
        o->scalar[H_DIAG] = 1;
        find_direction(o, gradient, slot_of(o, DIRECTION));
    } else {
        const wg_vector *free = &o->lbfgs->work[GRADIENT];
        const wg_status status =
            remember(o, gradient, free[at->gradient == 0 ? 1 : 0], free[at->gradient == 2 ? 1 : 2]);
        if (status != WG_OK) {
            return status;
        }
        find_direction(o, gradient, slot_of(o, DIRECTION));
    }
    for (int d = 0; d < 2; d++) { /* of which the history may still know a step */
        for (int64_t i = 0; i < o->state[d].count; i++) {
            const wg_member *member = &o->state[d].members[i];
            const size_t size = wg_dtype_size((wg_dtype)d);
            if (member->param->frozen) {
                memset((char *)o->state[d].slot[DIRECTION] + (size_t)member->offset * size, 0,
                       (size_t)member->param->count * size);
            }
        }
    }
    if (at->gradient >= 0) {
        wg_vector_copy(gradient, slot_of(o, BEFORE));
    }
    return WG_OK;
}

/* Moves along the direction; *at becomes the point there. `last`: its gradient is not needed. */
static wg_status move(run *r, wg_trial *at, bool last) {
    wg_optimizer *o = r->optimizer;
    const wg_lbfgs_options *options = &o->options.lbfgs;
    const wg_vector d = slot_of(o, DIRECTION);
    const wg_trial start = {.loss = at->loss, .slope = at->slope, .gradient = -1};
    double t = o->lr;
    wg_status status = WG_OK;
    if (o->scalar[N_ITER] == 1) {
        t *= fmin(1, 1 / wg_vector_sum_abs(slot_of(o, BEFORE)));
    }
    wg_vector_copy(weights_of(o), o->lbfgs->work[FROM]);
    if (!options->no_line_search) {
        status = wg_line_search(along, r, &start, t, wg_vector_greatest(d),
                                options->change_tolerance, at, &r->evaluations);
        if (status == WG_OK) {
            go(o, at->t);
        }
    } else {
        *at = (wg_trial){.t = t, .loss = at->loss, .gradient = 0};
        if (last) {
            go(o, t);
        } else {
            r->evaluations++;
            status = along(r, at);
        }
    }
    o->scalar[T] = at->t;
    return status;
}

/* PyTorch's conditions, in its order. */
static bool is_over(run *r, const wg_trial *at, double before) {
    wg_optimizer *o = r->optimizer;
    const wg_lbfgs_options *options = &o->options.lbfgs;
    return r->evaluations >= options->evaluations ||
           !(wg_vector_greatest(gradient_of(o, at)) > options->gradient_tolerance) ||
           !(fabs(at->t) * wg_vector_greatest(slot_of(o, DIRECTION)) > options->change_tolerance) ||
           !(fabs(at->loss - before) >= options->change_tolerance);
}

static wg_status iterate(run *r, wg_trial *at) {
    wg_optimizer *o = r->optimizer;
    const int most = o->options.lbfgs.iterations;
    for (int i = 1; i <= most; i++) {
        wg_status status = direct(r, at);
        const double before = at->loss;
        at->slope = wg_vector_dot(slot_of(o, BEFORE), slot_of(o, DIRECTION));
        if (status != WG_OK || !(at->slope <= -o->options.lbfgs.change_tolerance)) {
            return status;
        }
        status = move(r, at, i == most);
        if (status != WG_OK || i == most || is_over(r, at, before)) {
            return status;
        }
    }
    return WG_OK;
}

/* The parameters of before the step; one by one, because a closure may have had them moved. */
static void go_back(const wg_optimizer *o) {
    for (int d = 0; d < 2; d++) {
        const char *start = o->lbfgs->work[START].part[d];
        const size_t size = wg_dtype_size((wg_dtype)d);
        for (int64_t i = 0; i < o->state[d].count; i++) {
            const wg_member *member = &o->state[d].members[i];
            memcpy(member->param->value.data, start + (size_t)member->offset * size,
                   (size_t)member->param->count * size);
        }
    }
}

static wg_status minimise(run *r, wg_trial *at) {
    wg_optimizer *o = r->optimizer;
    wg_vector_copy(weights_of(o), o->lbfgs->work[START]);
    const wg_status status = iterate(r, at);
    if (status != WG_OK) {
        go_back(o);
        forget(o);
        return status;
    }
    o->scalar[FUNC_EVALS] += (double)(r->evaluations - 1);
    return WG_OK;
}

wg_status wg_lbfgs_step(wg_optimizer *optimizer, wg_closure closure, void *context, double *loss) {
    if (optimizer == NULL) {
        return WG_ERROR_ARGUMENT; /* wg_last_message still says why there is none */
    }
    if (closure == NULL) {
        return wg_fail(WG_ERROR_ARGUMENT, "lbfgs_step: the closure is NULL");
    }
    if (optimizer->lbfgs == NULL) {
        return wg_fail(WG_ERROR_STATE, "lbfgs_step: the optimizer is %s, whose steps are wg_step",
                       optimizer->rule->name);
    }
    wg_store *store = optimizer->store;
    run r = {optimizer, closure, context, 1};
    wg_trial at = {.gradient = 0};
    wg_status status = evaluate(&r, &at.loss);
    status = status == WG_OK ? wg_optimizer_ready(optimizer, "lbfgs_step") : status;
    status = status == WG_OK ? make_room(optimizer) : status;
    if (status != WG_OK) {
        wg_zero_gradients(store);
        return status;
    }
    if (loss != NULL) {
        *loss = at.loss;
    }
    wg_store_settle(store);
    wg_vector_copy(gradients_of(optimizer), optimizer->lbfgs->work[GRADIENT]);
    look_around(optimizer);
    const double size = wg_vector_greatest(optimizer->lbfgs->work[GRADIENT]);
    if (isfinite(at.loss) && isfinite(size) && size > optimizer->options.lbfgs.gradient_tolerance) {
        status = minimise(&r, &at);
    }
    wg_zero_gradients(store);
    if (status == WG_OK) {
        optimizer->scalar[FUNC_EVALS]++;
        optimizer->steps++;
    }
    return status;
}
