/* restore.c: an optimizer's state from a file, until its parameters come. */
#include "optim/optimizer.h"

#include <math.h>
#include <string.h>

struct wg_restore {
    const wg_optimizer *optimizer;
    int slots;
    wg_names names;
    wg_waiting *first;
    double scalar[WG_OWN_SCALARS];
};

wg_restore *wg_restore_new(const wg_optimizer *optimizer) {
    wg_restore *restore = wg_calloc(1, sizeof *restore);
    if (restore == NULL) {
        (void)wg_fail(WG_ERROR_MEMORY, "restore: no memory for the state of %s",
                      optimizer->rule->name);
        return NULL;
    }
    restore->optimizer = optimizer;
    restore->slots = optimizer->slots;
    return restore;
}

static void free_slots(const wg_restore *restore, wg_waiting *waiting) {
    for (int i = 0; i < restore->slots; i++) {
        wg_free(waiting->slot[i]);
        waiting->slot[i] = NULL;
    }
}

static void free_waiting(const wg_restore *restore, wg_waiting *waiting) {
    free_slots(restore, waiting);
    wg_free(waiting->named.text);
    wg_free(waiting);
}

void wg_restore_free(wg_restore *restore) {
    if (restore == NULL) {
        return;
    }
    wg_names_clear(&restore->names);
    for (wg_waiting *waiting = restore->first, *next; waiting != NULL; waiting = next) {
        next = waiting->next;
        free_waiting(restore, waiting);
    }
    wg_free(restore);
}

wg_waiting *wg_restore_find(const wg_restore *restore, const char *name) {
    wg_name full;
    wg_name_start(&full, NULL);
    return restore != NULL && wg_name_add(&full, name)
               ? (wg_waiting *)(void *)wg_names_find(&restore->names, &full)
               : NULL;
}

void wg_restore_take(const wg_restore *restore, wg_waiting *waiting) {
    if (waiting != NULL) {
        waiting->taken = true;
        free_slots(restore, waiting);
    }
}

/* The entry of that name, made where there is none. */
static wg_status entry_of(wg_restore *restore, const char *name, wg_waiting **out) {
    wg_name full;
    wg_name_start(&full, NULL);
    if (!wg_name_add(&full, name)) {
        return wg_fail(WG_ERROR_ARGUMENT, "restore: \"%.*s\" cannot be a parameter's name",
                       WG_NAME_BYTES, name != NULL ? name : "");
    }
    *out = (wg_waiting *)(void *)wg_names_find(&restore->names, &full);
    if (*out != NULL) {
        return WG_OK;
    }
    wg_waiting *waiting =
        wg_calloc(1, sizeof *waiting + (size_t)restore->slots * sizeof waiting->slot[0]);
    if (waiting == NULL || !wg_named_as(&waiting->named, &full) ||
        !wg_names_add(&restore->names, &waiting->named)) {
        if (waiting != NULL) {
            free_waiting(restore, waiting);
        }
        return wg_fail(WG_ERROR_MEMORY, "restore: no memory for the state of %s", name);
    }
    waiting->count = -1;
    waiting->next = restore->first;
    restore->first = waiting;
    *out = waiting;
    return WG_OK;
}

wg_status wg_restore_birth(wg_restore *restore, const char *name, uint64_t birth) {
    wg_waiting *waiting;
    const wg_status status = entry_of(restore, name, &waiting);
    if (status == WG_OK) {
        waiting->born = birth;
    }
    return status;
}

wg_status wg_restore_slot(wg_restore *restore, const char *name, int64_t slot, wg_dtype dtype,
                          int64_t count, const void *data) {
    if (slot < 0 || slot >= restore->slots || restore->optimizer->slot_name[slot] == NULL) {
        return wg_fail(WG_ERROR_ARGUMENT, "restore: %s has no slot %lld",
                       restore->optimizer->rule->name, (long long)slot);
    }
    if ((dtype != WG_F32 && dtype != WG_F64) || count < 0) {
        return wg_fail(WG_ERROR_ARGUMENT, "restore: the state of %s is %lld elements of %s", name,
                       (long long)count, wg_dtype_name(dtype));
    }
    wg_waiting *waiting;
    const wg_status status = entry_of(restore, name, &waiting);
    if (status != WG_OK) {
        return status;
    }
    if (waiting->count >= 0 && (waiting->count != count || waiting->dtype != dtype)) {
        return wg_fail(WG_ERROR_ARGUMENT, "restore: the slots of %s differ in size or dtype", name);
    }
    const size_t bytes = (size_t)count * wg_dtype_size(dtype);
    void *copy = wg_alloc(bytes + 1); /* nothing, too, has an address */
    if (copy == NULL) {
        return wg_fail(WG_ERROR_MEMORY, "restore: no memory for the state of %s", name);
    }
    if (bytes > 0) {
        memcpy(copy, data, bytes);
    }
    wg_free(waiting->slot[slot]);
    waiting->slot[slot] = copy;
    waiting->dtype = dtype;
    waiting->count = count;
    return WG_OK;
}

wg_status wg_restore_scalar(wg_restore *restore, const char *name, double value) {
    for (int i = 0; i < (int)wg_optimizer_scalars(restore->optimizer); i++) {
        if (strcmp(name, wg_optimizer_scalar_name(restore->optimizer, i)) == 0) {
            restore->scalar[i] = value;
            return wg_lbfgs_scalar_fits(restore->optimizer, i, value)
                       ? WG_OK
                       : wg_fail(WG_ERROR_ARGUMENT, "restore: %s cannot be %g", name, value);
        }
    }
    return wg_fail(WG_ERROR_ARGUMENT, "restore: %s has no number \"%s\"",
                   restore->optimizer->rule->name, name);
}

void wg_restore_commit(wg_optimizer *optimizer, wg_restore *restore, uint64_t steps, double lr) {
    wg_state_free(optimizer);
    wg_restore_free(optimizer->restore);
    optimizer->restore = restore;
    optimizer->steps = steps;
    optimizer->lr = lr;
    if (optimizer->lbfgs != NULL) {
        memcpy(optimizer->scalar, restore->scalar, sizeof optimizer->scalar);
        wg_lbfgs_restored(optimizer);
    }
}
