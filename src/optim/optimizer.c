/* optimizer.c: an optimizer's life, its state beside the store's flat buffers, and the step. */
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

bool wg_lr_fits(const char *name, double value) {
    if (value > 0 && isfinite(value)) {
        return true;
    }
    (void)wg_fail(WG_ERROR_ARGUMENT, "%s: lr is %g, not a number above 0", name, value);
    return false;
}

wg_optimizer *wg_optimizer_new(const char *name, wg_store *store, int moments, double lr,
                               void (*run)(const wg_optimizer *, const wg_stretch *)) {
    wg_optimizer *optimizer = wg_calloc(1, sizeof *optimizer);
    if (optimizer == NULL) {
        (void)wg_fail(WG_ERROR_MEMORY, "%s: no memory for the optimizer", name);
        return NULL;
    }
    optimizer->store = store;
    optimizer->moments = moments;
    optimizer->lr = lr;
    optimizer->run = run;
    return optimizer;
}

static void free_state(wg_state *state) {
    for (int i = 0; i < WG_MOST_MOMENTS; i++) {
        wg_free(state->moment[i]);
    }
    wg_free(state->members);
    *state = (wg_state){.generation = 0};
}

void wg_optimizer_free(wg_optimizer *optimizer) {
    if (optimizer != NULL) {
        free_state(&optimizer->state[WG_F32]);
        free_state(&optimizer->state[WG_F64]);
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
    return optimizer->lr;
}

uint64_t wg_steps(const wg_optimizer *optimizer) {
    return optimizer->steps;
}

/* Room for the state beside the flat buffer as it lies now; all zero. */
static wg_status new_state(const wg_optimizer *optimizer, wg_dtype dtype, wg_state *state) {
    const wg_flat *flat = &optimizer->store->flat[dtype];
    const size_t bytes = (size_t)flat->count * wg_dtype_size(dtype);
    *state = (wg_state){.generation = flat->generation};
    state->members = wg_calloc((size_t)optimizer->store->count, sizeof *state->members);
    bool whole = state->members != NULL;
    for (int i = 0; i < optimizer->moments && whole && bytes > 0; i++) {
        state->moment[i] = wg_alloc(bytes);
        whole = state->moment[i] != NULL;
        if (whole) {
            memset(state->moment[i], 0, bytes);
        }
    }
    if (!whole) {
        free_state(state);
        return wg_fail(WG_ERROR_MEMORY, "step: no memory for the state of %lld parameters of %s",
                       (long long)flat->count, wg_dtype_name(dtype));
    }
    return WG_OK;
}

/* Copies the state of one parameter from where it lay. */
static void follow_one(const wg_optimizer *optimizer, const wg_state *from, const wg_member *old,
                       wg_state *to, const wg_member *member) {
    const size_t size = wg_dtype_size(member->param->value.dtype);
    for (int i = 0; i < optimizer->moments && member->param->count > 0; i++) {
        memcpy((char *)to->moment[i] + (size_t)member->offset * size,
               (const char *)from->moment[i] + (size_t)old->offset * size,
               (size_t)member->param->count * size);
    }
}

/* Where the flat buffer was packed anew, lays the state out like it. Parameters never leave a
 * store, so that those known before are a part of those known now, in the same order. */
static wg_status follow(wg_optimizer *optimizer, wg_dtype dtype) {
    wg_state *old = &optimizer->state[dtype], state;
    const wg_store *store = optimizer->store;
    if (old->generation == store->flat[dtype].generation) {
        return WG_OK;
    }
    const wg_status status = new_state(optimizer, dtype, &state);
    if (status != WG_OK) {
        return status;
    }
    int64_t known = 0;
    for (int64_t i = 0; i < store->count; i++) {
        const wg_param *param = store->sorted[i];
        if (param->value.dtype != dtype || param->buffer) {
            continue;
        }
        wg_member *member = &state.members[state.count++];
        *member = (wg_member){param, param->offset, optimizer->steps};
        if (known < old->count && old->members[known].param == param) {
            member->born = old->members[known].born;
            follow_one(optimizer, old, &old->members[known], &state, member);
            known++;
        }
    }
    free_state(old);
    *old = state;
    return WG_OK;
}

/* The rule on a gradient that is a column times a row: multiplied piece by piece (some rows, or a
 * part of one), it never leaves the cache. */
#define WG_PIECE_BYTES 16384
static void run_outer(const wg_optimizer *optimizer, const wg_outer *outer, wg_stretch stretch) {
    if (optimizer->run_outer != NULL) {
        optimizer->run_outer(optimizer, outer, &stretch);
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
            optimizer->run(optimizer, &stretch);
            const size_t bytes = (size_t)stretch.count * size;
            stretch.weight = (char *)stretch.weight + bytes;
            for (int i = 0; i < optimizer->moments; i++) {
                stretch.moment[i] = (char *)stretch.moment[i] + bytes;
            }
        }
    }
}

/* Runs the rule from member `first` to before member `end`, all of one age. */
static void run_stretch(const wg_optimizer *optimizer, wg_dtype dtype, int64_t first, int64_t end) {
    const wg_flat *flat = &optimizer->store->flat[dtype];
    const wg_state *state = &optimizer->state[dtype];
    const size_t size = wg_dtype_size(dtype);
    const int64_t from = state->members[first].offset;
    const int64_t to = end < state->count ? state->members[end].offset : flat->count;
    const size_t start = (size_t)from * size;
    wg_stretch stretch = {.dtype = dtype,
                          .count = to - from,
                          .gradient = (const char *)flat->gradient + start,
                          .weight = (char *)wg_storage_data(flat->storage) + start,
                          .age = optimizer->steps - state->members[first].born};
    for (int i = 0; i < optimizer->moments && state->moment[i] != NULL; i++) {
        stretch.moment[i] = (char *)state->moment[i] + start;
    }
    if (wg_param_is_outer(state->members[first].param)) {
        run_outer(optimizer, state->members[first].param->sink.outer, stretch);
    } else if (stretch.count > 0) {
        optimizer->run(optimizer, &stretch);
    }
}

static void run(const wg_optimizer *optimizer, wg_dtype dtype) {
    const wg_state *state = &optimizer->state[dtype];
    for (int64_t first = 0, end; first < state->count; first = end) {
        for (end = first + 1; end < state->count; end++) {
            if (state->members[end].born != state->members[first].born ||
                state->members[end].param->frozen != state->members[first].param->frozen ||
                wg_param_is_outer(state->members[end].param) ||
                wg_param_is_outer(state->members[first].param)) {
                break;
            }
        }
        if (!state->members[first].param->frozen) {
            run_stretch(optimizer, dtype, first, end);
        }
    }
}

wg_status wg_step(wg_optimizer *optimizer, wg_tape *tape) {
    if (optimizer == NULL) {
        return WG_ERROR_ARGUMENT; /* wg_last_message still says why there is none */
    }
    if (tape != NULL && tape->status != WG_OK) {
        /* A sweep that broke off has left a part of its gradients; the next must not add to it. */
        wg_zero_gradients(optimizer->store);
        return wg_fail(tape->status, "step: the tape has failed: %s", tape->message);
    }
    wg_status status = wg_store_pack(optimizer->store, "step");
    status = status == WG_OK ? follow(optimizer, WG_F32) : status;
    status = status == WG_OK ? follow(optimizer, WG_F64) : status;
    if (status != WG_OK) {
        return status;
    }
    for (int64_t i = 0; i < optimizer->store->count; i++) {
        wg_param *param = optimizer->store->sorted[i];
        if (!param->buffer && !wg_param_is_outer(param)) {
            (void)wg_param_gradient(param);
        }
    }
    optimizer->steps++;
    run(optimizer, WG_F32);
    run(optimizer, WG_F64);
    wg_zero_gradients(optimizer->store);
    return WG_OK;
}
