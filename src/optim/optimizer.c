/* optimizer.c: an optimizer's life, and the step. */
#include "optim/optimizer.h"

#include <math.h>
#include <string.h>

bool wg_option_fits(const char *name, const char *option, double value, double low, double high) {
    if (value >= low && value < high) {
        return true;
    }
    (void)wg_fail(WG_ERROR_ARGUMENT, "%s: %s is %g, not in [%g, %g)", name, option, value, low,
                  high);
    return false;
}

bool wg_options_fit(const char *name, double lr, int count, const wg_range *ranges) {
    if (!(lr > 0) || !isfinite(lr)) {
        (void)wg_fail(WG_ERROR_ARGUMENT, "%s: lr is %g, not a number above 0", name, lr);
        return false;
    }
    for (int i = 0; i < count; i++) {
        const wg_range *r = &ranges[i];
        if (!wg_option_fits(name, r->option, r->value, r->low, r->high)) {
            return false;
        }
    }
    return true;
}

bool wg_epsilon_fits(const char *name, double epsilon) {
    if (epsilon != 0) {
        return true;
    }
    (void)wg_fail(WG_ERROR_ARGUMENT,
                  "%s: epsilon is 0, which divides 0 by 0; begin with wg_%s_defaults()", name,
                  name);
    return false;
}

wg_optimizer *wg_optimizer_new(const wg_rule *rule, wg_store *store, double lr, double decay) {
    wg_optimizer *optimizer = wg_calloc(1, sizeof *optimizer);
    if (optimizer == NULL) {
        (void)wg_fail(WG_ERROR_MEMORY, "%s: no memory for the optimizer", rule->name);
        return NULL;
    }
    optimizer->store = store;
    optimizer->rule = rule;
    optimizer->slot_name = rule->slot;
    optimizer->slots = optimizer->used = WG_STEP_SLOTS;
    optimizer->lr = lr;
    optimizer->decay = decay;
    return optimizer;
}

void wg_optimizer_free(wg_optimizer *optimizer) {
    if (optimizer != NULL) {
        wg_state_free(optimizer);
        wg_groups_free(optimizer);
        wg_restore_free(optimizer->restore);
        wg_muon_free(optimizer->muon);
        wg_lbfgs_free(optimizer->lbfgs);
        wg_free(optimizer);
    }
}

wg_status wg_set_lr(wg_optimizer *optimizer, double lr) {
    if (optimizer == NULL) {
        return WG_ERROR_ARGUMENT; /* wg_last_message still says why there is none */
    }
    if (!(lr >= 0) || !isfinite(lr)) {
        return wg_fail(WG_ERROR_ARGUMENT, "set_lr: %g is not a number from 0 on", lr);
    }
    optimizer->lr = lr;
    return WG_OK;
}

double wg_lr(const wg_optimizer *optimizer) {
    return optimizer != NULL ? optimizer->lr : NAN;
}

wg_status wg_set_momentum(wg_optimizer *optimizer, double momentum) {
    if (optimizer == NULL) {
        return WG_ERROR_ARGUMENT; /* wg_last_message still says why there is none */
    }
    if (optimizer->rule->momentum == 0) {
        return wg_fail(WG_ERROR_ARGUMENT, "set_momentum: %s has none", optimizer->rule->name);
    }
    if (!wg_option_fits("set_momentum", "momentum", momentum, 0, 1)) {
        return WG_ERROR_ARGUMENT;
    }
    *(double *)(void *)((char *)optimizer + optimizer->rule->momentum) = momentum;
    return WG_OK;
}

uint64_t wg_steps(const wg_optimizer *optimizer) {
    return optimizer != NULL ? optimizer->steps : 0;
}

/* ---- The step ------------------------------------------------------------------------------ */

/* The rule on a gradient that is a column times a row: multiplied piece by piece (some rows, or a
 * part of one), it never leaves the cache. */
#define WG_PIECE_BYTES 16384
static void run_outer(const wg_optimizer *optimizer, const wg_outer *outer, wg_stretch stretch) {
    if (optimizer->rule->run_outer != NULL) {
        optimizer->rule->run_outer(optimizer, outer, &stretch);
        return;
    }
    _Alignas(64) char gradient[WG_PIECE_BYTES];
    const size_t size = wg_dtype_size(stretch.dtype);
    const int64_t most = (int64_t)(WG_PIECE_BYTES / size);
    const int64_t columns = outer->columns < most ? outer->columns : most;
    const int64_t rows = most / columns;
    stretch.gradient = gradient;
    for (int64_t row = 0; row < outer->rows; row += rows) {
        const int64_t m = outer->rows - row < rows ? outer->rows - row : rows;
        for (int64_t column = 0; column < outer->columns; column += columns) {
            const int64_t n = outer->columns - column < columns ? outer->columns - column : columns;
            stretch.count = m * n;
            wg_outer_piece(outer, stretch.dtype, row, m, column, n, gradient);
            optimizer->rule->run(optimizer, &stretch);
            const size_t bytes = (size_t)stretch.count * size;
            stretch.weight = (char *)stretch.weight + bytes;
            for (int i = 0; i < WG_STEP_SLOTS; i++) {
                stretch.slot[i] = stretch.slot[i] != NULL ? (char *)stretch.slot[i] + bytes : NULL;
            }
        }
    }
}

/* Runs the rule from member `first` to before member `end`, all of one age and group. */
static void run_stretch(const wg_optimizer *optimizer, wg_dtype dtype, int64_t first, int64_t end) {
    const wg_flat *flat = &optimizer->store->flat[dtype];
    const wg_state *state = &optimizer->state[dtype];
    wg_member *member = &state->members[first];
    const size_t size = wg_dtype_size(dtype), start = (size_t)member->offset * size;
    const int64_t to = end < state->count ? state->members[end].offset : flat->count;
    wg_stretch stretch = {.dtype = dtype,
                          .count = to - member->offset,
                          .gradient = (const char *)flat->gradient + start,
                          .weight = (char *)wg_storage_data(flat->storage) + start,
                          .age = optimizer->steps - member->born,
                          .lr = optimizer->lr * member->lr,
                          .decay = member->decay,
                          .first = member};
    for (int i = 0; i < WG_STEP_SLOTS; i++) {
        stretch.slot[i] = state->slot[i] != NULL ? (char *)state->slot[i] + start : NULL;
    }
    if (wg_param_is_outer(member->param)) {
        run_outer(optimizer, member->param->sink.outer, stretch);
    } else if (stretch.count > 0) {
        optimizer->rule->run(optimizer, &stretch);
    }
}

/* Whether member b goes on with the stretch that a is in. */
static bool joins(const wg_rule *rule, const wg_member *a, const wg_member *b) {
    return !rule->single && b->born == a->born && !b->param->frozen && b->lr == a->lr &&
           b->decay == a->decay && b->plain == a->plain && !wg_param_is_outer(a->param) &&
           !wg_param_is_outer(b->param);
}

static void run(const wg_optimizer *optimizer, wg_dtype dtype) {
    const wg_state *state = &optimizer->state[dtype];
    for (int64_t first = 0, end; first < state->count; first = end) {
        wg_member *member = &state->members[first];
        end = first + 1;
        if (member->param->frozen) {
            member->born++;
            continue;
        }
        while (end < state->count && joins(optimizer->rule, member, &state->members[end])) {
            end++;
        }
        run_stretch(optimizer, dtype, first, end);
    }
}

wg_status wg_optimizer_ready(wg_optimizer *optimizer, const char *verb) {
    wg_store *store = optimizer->store;
    wg_status status = wg_store_pack(store, verb);
    status = status == WG_OK ? wg_state_follow(optimizer, WG_F32, verb) : status;
    status = status == WG_OK ? wg_state_follow(optimizer, WG_F64, verb) : status;
    return status;
}

wg_status wg_step(wg_optimizer *optimizer, wg_tape *tape) {
    if (optimizer == NULL) {
        return WG_ERROR_ARGUMENT; /* wg_last_message still says why there is none */
    }
    const wg_rule *rule = optimizer->rule;
    if (tape != NULL && tape->status != WG_OK) {
        /* A sweep that broke off has left a part of its gradients; the next must not add to it. */
        wg_zero_gradients(optimizer->store);
        return wg_fail(tape->status, "step: the tape has failed: %s", tape->message);
    }
    if (rule->run == NULL) {
        return wg_fail(WG_ERROR_STATE, "step: %s takes its steps by wg_%s_step", rule->name,
                       rule->name);
    }
    wg_status status = wg_optimizer_ready(optimizer, "step");
    if (status != WG_OK) {
        return status;
    }
    for (int64_t i = 0; i < optimizer->store->count; i++) {
        wg_param *param = optimizer->store->sorted[i];
        if (!param->buffer && (rule->single || !wg_param_is_outer(param))) {
            (void)wg_param_gradient(param);
        }
    }
    status = rule->prepare != NULL ? rule->prepare(optimizer) : WG_OK;
    if (status != WG_OK) {
        return status;
    }
    wg_watch *watch = tape != NULL ? tape->watch : NULL;
    if (watch != NULL) {
        watch->begin(watch, WG_WATCHED_STEP, NULL);
    }
    optimizer->steps++;
    run(optimizer, WG_F32);
    run(optimizer, WG_F64);
    wg_zero_gradients(optimizer->store);
    if (watch != NULL) {
        watch->end(watch, NULL, NULL);
    }
    return WG_OK;
}
