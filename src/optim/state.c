/* state.c: an optimizer's slots beside the store's flat buffers, which they follow. */
#include "optim/optimizer.h"

#include <string.h>

static void free_state(const wg_optimizer *optimizer, wg_state *state) {
    for (int i = 0; i < optimizer->slots && state->slot != NULL; i++) {
        wg_free(state->slot[i]);
    }
    wg_free(state->slot);
    wg_free(state->members);
    *state = (wg_state){.generation = 0};
}

void wg_state_free(wg_optimizer *optimizer) {
    free_state(optimizer, &optimizer->state[WG_F32]);
    free_state(optimizer, &optimizer->state[WG_F64]);
}

static bool is_used(const wg_optimizer *optimizer, int slot) {
    return slot < optimizer->used && optimizer->slot_name[slot] != NULL;
}

static void fill(wg_dtype dtype, void *data, int64_t count, double value) {
    if (value == 0) {
        memset(data, 0, (size_t)count * wg_dtype_size(dtype));
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        wg_set_element(dtype, data, i, value);
    }
}

/* A slot's memory beside a flat buffer; NULL where there is none. */
static void *new_slot(const wg_optimizer *optimizer, wg_dtype dtype, int slot) {
    const int64_t count = optimizer->store->flat[dtype].count;
    /* A line more: the buffer may be empty. */
    void *data = wg_alloc((size_t)count * wg_dtype_size(dtype) + WG_PARAM_ALIGNMENT);
    if (data != NULL) {
        fill(dtype, data, count, slot == 0 ? optimizer->first : 0);
    }
    return data;
}

static wg_status no_memory(const wg_optimizer *optimizer, wg_dtype dtype, const char *verb) {
    return wg_fail(WG_ERROR_MEMORY, "%s: no memory for the state of %lld elements of %s", verb,
                   (long long)optimizer->store->flat[dtype].count, wg_dtype_name(dtype));
}

/* Room for the state beside the flat buffer as it lies now. */
static wg_status new_state(const wg_optimizer *optimizer, wg_dtype dtype, wg_state *state,
                           const char *verb) {
    *state = (wg_state){.generation = optimizer->store->flat[dtype].generation};
    state->members = wg_calloc((size_t)optimizer->store->count, sizeof *state->members);
    state->slot = wg_calloc((size_t)optimizer->slots, sizeof *state->slot);
    bool whole = state->members != NULL && state->slot != NULL;
    for (int i = 0; i < optimizer->slots && whole; i++) {
        if (is_used(optimizer, i)) {
            state->slot[i] = new_slot(optimizer, dtype, i);
            whole = state->slot[i] != NULL;
        }
    }
    if (!whole) {
        free_state(optimizer, state);
        return no_memory(optimizer, dtype, verb);
    }
    return WG_OK;
}

/* Copies the state of one parameter from where it lay. */
static void follow_one(const wg_optimizer *optimizer, const wg_state *from, const wg_member *old,
                       wg_state *to, wg_member *member) {
    const size_t size = wg_dtype_size(member->param->value.dtype);
    member->born = old->born;
    for (int i = 0; i < optimizer->slots; i++) {
        if (to->slot[i] != NULL && member->param->count > 0) {
            memcpy((char *)to->slot[i] + (size_t)member->offset * size,
                   (const char *)from->slot[i] + (size_t)old->offset * size,
                   (size_t)member->param->count * size);
        }
    }
}

/* Gives a new member what a file held for it. */
static wg_status restore_one(const wg_optimizer *optimizer, wg_state *state, wg_member *member,
                             const wg_waiting *waiting, const char *verb) {
    const wg_param *param = member->param;
    const size_t size = wg_dtype_size(param->value.dtype);
    if (waiting->count >= 0 &&
        (waiting->count != param->count || waiting->dtype != param->value.dtype)) {
        return wg_fail(
            WG_ERROR_SHAPE, "%s: %s has %lld elements of %s, its restored state %lld of %s", verb,
            param->named.text, (long long)param->count, wg_dtype_name(param->value.dtype),
            (long long)waiting->count, wg_dtype_name(waiting->dtype));
    }
    member->born = waiting->born;
    for (int i = 0; i < optimizer->slots; i++) {
        if (waiting->slot[i] != NULL && state->slot[i] != NULL) {
            memcpy((char *)state->slot[i] + (size_t)member->offset * size, waiting->slot[i],
                   (size_t)param->count * size);
        }
    }
    return WG_OK;
}

static bool is_member(const wg_param *param, wg_dtype dtype) {
    return !param->buffer && param->value.dtype == dtype;
}

static wg_waiting *waiting_for(const wg_optimizer *optimizer, const wg_param *param) {
    wg_waiting *waiting = wg_restore_find(optimizer->restore, param->named.text);
    return waiting != NULL && !waiting->taken ? waiting : NULL;
}

/* Fills `state` with the store's parameters, those that `old` knows in the same order. */
static wg_status gather(const wg_optimizer *optimizer, wg_dtype dtype, const wg_state *old,
                        wg_state *state, const char *verb) {
    const wg_store *store = optimizer->store;
    wg_status status = WG_OK;
    for (int64_t i = 0, known = 0; i < store->count && status == WG_OK; i++) {
        const wg_param *param = store->sorted[i];
        if (!is_member(param, dtype)) {
            continue;
        }
        wg_member *member = &state->members[state->count++];
        *member = (wg_member){
            .param = param, .offset = param->offset, .born = optimizer->steps, .product = 1};
        wg_group_apply(optimizer, member);
        const wg_waiting *waiting = waiting_for(optimizer, param);
        if (known < old->count && old->members[known].param == param) {
            follow_one(optimizer, old, &old->members[known++], state, member);
        } else if (waiting != NULL) {
            status = restore_one(optimizer, state, member, waiting, verb);
        }
    }
    return status;
}

/* Where the flat buffer was packed anew, lays the state out like it. Parameters never leave a
 * store, so that those known before are a part of those known now, in the same order. */
wg_status wg_state_follow(wg_optimizer *optimizer, wg_dtype dtype, const char *verb) {
    wg_state *old = &optimizer->state[dtype], state;
    if (old->generation == optimizer->store->flat[dtype].generation) {
        return WG_OK;
    }
    wg_status status = new_state(optimizer, dtype, &state, verb);
    if (status != WG_OK) {
        return status;
    }
    status = gather(optimizer, dtype, old, &state, verb);
    if (status != WG_OK) {
        free_state(optimizer, &state);
        return status;
    }
    for (int64_t i = 0; i < state.count && optimizer->restore != NULL; i++) {
        wg_restore_take(optimizer->restore, waiting_for(optimizer, state.members[i].param));
    }
    free_state(optimizer, old);
    *old = state;
    return WG_OK;
}

/* Takes back what wg_state_grow began. */
static void shrink(wg_optimizer *optimizer, int used) {
    for (int dtype = 0; dtype < 2; dtype++) {
        wg_state *state = &optimizer->state[dtype];
        for (int i = used; i < optimizer->used && state->slot != NULL; i++) {
            wg_free(state->slot[i]);
            state->slot[i] = NULL;
        }
    }
    optimizer->used = used;
}

wg_status wg_state_grow(wg_optimizer *optimizer, int used, const char *verb) {
    const int before = optimizer->used;
    for (int i = before; i < used; i++) {
        optimizer->used = i + 1;
        for (int dtype = 0; dtype < 2; dtype++) {
            wg_state *state = &optimizer->state[dtype];
            if (state->slot == NULL) {
                continue;
            }
            state->slot[i] = new_slot(optimizer, (wg_dtype)dtype, i);
            if (state->slot[i] == NULL) {
                shrink(optimizer, before);
                return no_memory(optimizer, (wg_dtype)dtype, verb);
            }
        }
    }
    return WG_OK;
}

void wg_state_clear(wg_optimizer *optimizer, wg_member *member) {
    const wg_dtype dtype = member->param->value.dtype;
    const size_t size = wg_dtype_size(dtype);
    member->born = optimizer->steps;
    for (int i = 0; i < optimizer->used; i++) {
        char *data = optimizer->state[dtype].slot[i];
        if (data != NULL) {
            fill(dtype, data + (size_t)member->offset * size, member->param->count,
                 i == 0 ? optimizer->first : 0);
        }
    }
}

/* ---- As files see it ----------------------------------------------------------------------- */

const char *wg_optimizer_rule(const wg_optimizer *optimizer) {
    return optimizer->rule->name;
}

int64_t wg_optimizer_slots(const wg_optimizer *optimizer) {
    return optimizer->slots;
}

const char *wg_optimizer_slot_name(const wg_optimizer *optimizer, int64_t slot) {
    return optimizer->slot_name[slot];
}

static const wg_member *member_of(const wg_optimizer *optimizer, const wg_param *param) {
    if (param->buffer) {
        return NULL;
    }
    const wg_state *state = &optimizer->state[param->value.dtype];
    int64_t low = 0, high = state->count;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        const int order = strcmp(state->members[middle].param->named.text, param->named.text);
        if (order == 0) {
            return &state->members[middle];
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return NULL;
}

const void *wg_optimizer_slot(const wg_optimizer *optimizer, int64_t slot, const wg_param *param) {
    const wg_member *member = member_of(optimizer, param);
    if (member == NULL) {
        const wg_waiting *waiting = waiting_for(optimizer, param);
        return waiting != NULL ? waiting->slot[slot] : NULL;
    }
    const char *data = optimizer->state[param->value.dtype].slot[slot];
    if (data == NULL || (optimizer->muon != NULL && !wg_muon_keeps(member, (int)slot))) {
        return NULL;
    }
    return data + (size_t)member->offset * wg_dtype_size(param->value.dtype);
}

uint64_t wg_optimizer_birth(const wg_optimizer *optimizer, const wg_param *param) {
    const wg_member *member = member_of(optimizer, param);
    const wg_waiting *waiting = member == NULL ? waiting_for(optimizer, param) : NULL;
    return member != NULL ? member->born : waiting != NULL ? waiting->born : optimizer->steps;
}

int64_t wg_optimizer_scalars(const wg_optimizer *optimizer) {
    return optimizer->lbfgs != NULL ? WG_OWN_SCALARS : 0;
}

const char *wg_optimizer_scalar_name(const wg_optimizer *optimizer, int64_t i) {
    (void)optimizer;
    return wg_lbfgs_scalar_name[i];
}

double wg_optimizer_scalar(const wg_optimizer *optimizer, int64_t i) {
    return optimizer->scalar[i];
}
